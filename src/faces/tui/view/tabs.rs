//! The tabs that are lists: Event log, Jobs, Savepoints, Config.

use ratatui::layout::Rect;

use super::{
    config, empty,
    home::{rows, unmarked},
};
use crate::{
    contract::model::{Event, Job, Savepoint},
    domain::{savepoint::Status, text::bytes},
    faces::tui::{
        command::Command,
        data::{Load, Tab},
        history,
        model::Model,
        pages::home::EventLog,
        paint::{Canvas, Text, muted, plain, text},
        say,
        theme::Role,
    },
};

pub(super) fn draw(c: &mut Canvas<'_>, area: Rect, model: &Model, tab: Tab, focused: bool) {
    let home = &model.home;
    let Some(deployment) = home.deployment() else {
        c.line(area, &muted(" Select a deployment"));
        return;
    };
    if tab == Tab::Savepoints {
        return savepoints(c, area, model, focused);
    }
    let Some(tabs) = model.data.tabs.get(deployment) else { return not_yet::<()>(c, area, model, None) };
    match tab {
        Tab::Overview | Tab::Savepoints => {}
        Tab::Events => match tabs.events.value {
            Some(_) => events(c, area, model, &home.log, focused, false),
            None => not_yet(c, area, model, Some(&tabs.events)),
        },
        Tab::Jobs => match &tabs.jobs.value {
            Some(all) => jobs(c, area, model, all, focused),
            None => not_yet(c, area, model, Some(&tabs.jobs)),
        },
        Tab::Config => match &tabs.revisions.value {
            Some(revisions) => config::draw(c, area, model, revisions, focused),
            None => not_yet(c, area, model, Some(&tabs.revisions)),
        },
    }
}

/// Why a tab shows nothing yet.
fn not_yet<T>(c: &mut Canvas<'_>, area: Rect, model: &Model, load: Option<&Load<T>>) {
    let area = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    let lines = empty::loading(model, load);
    let lines: Vec<Text> = lines.iter().flat_map(|l| l.wrap(usize::from(area.width), 2)).collect();
    c.lines(area, &lines);
}

fn jobs(c: &mut Canvas<'_>, area: Rect, model: &Model, jobs: &[Job], focused: bool) {
    let (head, list) = split(area);
    let columns = job_columns(usize::from(list.width.saturating_sub(2)));
    c.line(head, &plain(" ").then(columns).role(Role::Muted));
    let row = |id: &String, w: usize| {
        jobs.iter().find(|j| j.job_id == *id).map_or_else(Text::empty, |j| job(model, jobs, j, w))
    };
    rows(c, list, focused, &model.home.jobs, || vec![muted("No job yet: start it")], row);
}

/// A row for the columns' names, and the rest.
const fn split(area: Rect) -> (Rect, Rect) {
    let head = Rect { height: 1, ..area };
    (head, Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area })
}

/// Events: time, where, what, in words.
pub(super) fn events(
    c: &mut Canvas<'_>,
    area: Rect,
    model: &Model,
    log: &EventLog,
    focused: bool,
    tail: bool,
) {
    let find = |seq: u64| match tail {
        true => model.data.event(seq),
        false => model.data.event_of(model.home.deployment()?, seq),
    };
    let names = log
        .list
        .window(usize::from(area.height))
        .filter_map(|(seq, _)| find(*seq)?.deployment.as_deref().map(|d| short(d).len()))
        .max()
        .unwrap_or(0)
        .min(18);
    let row = |seq: &u64, width: usize| {
        find(*seq).map_or_else(Text::empty, |e| event(model, e, names, tail, width))
    };
    if focused || !log.follow {
        rows(c, area, focused, &log.list, || empty::events(model, log), row);
    } else {
        // Nobody has marked anything in a tail that runs by itself.
        unmarked(c, area, &log.list, || empty::events(model, log), row);
    }
}

fn short(deployment: &str) -> &str {
    deployment.split_once('/').map_or(deployment, |(_, n)| n)
}

fn event(model: &Model, e: &Event, names: usize, tail: bool, width: usize) -> Text {
    let role = say::severity(e.severity);
    // Whose it is matters more than its second.
    let narrow = tail && width < 60;
    let now = model.manager_now();
    let at = if narrow { model.zone.minute(e.at, now) } else { model.zone.second(e.at, now) };
    let mut t = muted(at).with(" ", Role::Text);
    if tail && names > 0 {
        let who = e.deployment.as_deref().map(short).unwrap_or_default();
        t += text(who, Role::Muted).pad(if narrow { names.min(10) } else { names }).with(" ", Role::Text);
    }
    let mark = match role {
        Role::Error => "✗ ",
        Role::Warn => "! ",
        _ => "",
    };
    t += text(format!("{mark}{}", e.name), role);
    t = t.with("  ", Role::Text).with(
        say::short_ids(&say::short_places(&e.message)),
        if mark.is_empty() { Role::Muted } else { Role::Text },
    );
    if !tail && e.actor != "nutkin" {
        t += muted(format!("  {} via {}", e.actor, e.via));
    }
    t
}

/// Cells of a row from which a table of jobs has all its columns. With fewer it has what tells jobs apart: when, how, of
/// which revision, and from which restore point.
const ALL_OF_A_JOB: usize = 62;

/// Cells for a job's state: as many as are left when there are few, and none of its words need more than twenty.
fn state_cells(width: usize) -> usize {
    if width >= ALL_OF_A_JOB { 20 } else { width.saturating_sub(28).clamp(14, 20) }
}

fn job_columns(width: usize) -> Text {
    let t = plain("Started").pad(12).then(plain("State").pad(state_cells(width))).then(plain("Rev").pad(4));
    if width >= ALL_OF_A_JOB {
        t.then(plain("Flink job").pad(10)).then(plain("Ended").pad(12)).then(plain("Restored from"))
    } else {
        t.then(plain("From"))
    }
}

fn job(model: &Model, jobs: &[Job], j: &Job, width: usize) -> Text {
    let now = model.manager_now();
    let (glyph, role) = say::observed(j.state);
    let time = |t| model.zone.minute(t, now);
    let (word, _) = say::job_state(j, history::stopped(&model.data, jobs, j));
    let state = format!("{glyph} {word}");
    let never_ran = say::never_ran(j);
    let started = match j.started_at {
        Some(at) => time(at),
        None if never_ran => "never ran".to_owned(),
        None => "–".to_owned(),
    };
    let mut t = muted(started).pad(12);
    t += text(state, role).pad(state_cells(width) - 1).with(" ", Role::Text);
    t += plain(j.revision.map(|r| r.to_string()).unwrap_or_default()).pad(4);
    let all = width >= ALL_OF_A_JOB;
    if all {
        t += muted(say::short_id(&j.flink_job_id)).pad(10);
        t += muted(j.ended_at.map(time).unwrap_or_else(|| "–".to_owned())).pad(12);
    }
    t += match &j.restored_from {
        Some(r) => plain(r.savepoint_id.as_deref().map_or_else(
            || say::short_place(&r.location),
            |s| format!("{}{}", if all { "savepoint " } else { "" }, say::short_id(s)),
        )),
        None if never_ran => muted("–"),
        None => muted(say::without_restore(j)),
    };
    t
}

/// Which columns a table of savepoints has room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Width {
    /// What a person picks one by; the size stands for the status of what is complete.
    Least,
    /// What a person picks one by.
    Few,
    /// And the revision, whether it was seen, and its label.
    Most,
    /// And job and format.
    All,
}

impl Width {
    const fn of(cells: u16) -> Self {
        match cells {
            0..58 => Self::Least,
            58..76 => Self::Few,
            76..106 => Self::Most,
            _ => Self::All,
        }
    }
}

fn savepoints(c: &mut Canvas<'_>, area: Rect, model: &Model, focused: bool) {
    let (head, list) = split(area);
    let width = Width::of(list.width);
    let mut columns = plain(" Taken").pad(13).then(plain("ID").pad(10));
    if width == Width::All {
        columns = columns.then(plain("Job ID").pad(10));
    }
    columns = columns.then(plain("Origin").pad(11)).then(plain("Status").pad(13));
    if width != Width::Least {
        columns = columns.then(plain("Size").pad(10));
    }
    if width == Width::All {
        columns = columns.then(plain("Format").pad(11));
    }
    if width > Width::Few {
        columns = columns.then(plain("Rev").pad(5)).then(plain("Verified").pad(9)).then(plain("Label"));
    }
    // What is done with the selected one is said below, where there is room.
    let (list, foot) = if list.height > 6 {
        let foot = Rect { y: list.bottom() - 2, height: 2, ..list };
        (Rect { height: list.height - 2, ..list }, Some(foot))
    } else {
        (list, None)
    };
    c.line(head, &columns.role(Role::Muted));
    let detail = model.home.deployment().and_then(|d| model.data.detail(d));
    rows(
        c,
        list,
        focused,
        &model.home.savepoints,
        || empty::savepoints(model),
        |id, _| {
            let found = detail.and_then(|d| d.savepoints.iter().find(|s| s.savepoint_id == *id));
            found.map_or_else(Text::empty, |s| savepoint(model, s, width))
        },
    );
    if let (Some(foot), Some(s)) = (foot, model.home.savepoint(&model.data)) {
        let place = s.location.as_deref().or(s.target_directory.as_deref());
        let first = match (&s.failure, place) {
            (Some(f), _) => text(format!(" {f}"), Role::Warn),
            (None, Some(p)) => place_line(p, usize::from(foot.width)),
            (None, None) => muted(" its location is not known"),
        };
        let open = model.keymap.key_of(Command::OpenSavepoint).unwrap_or_default();
        c.lines(
            foot,
            &[
                first,
                muted(format!(
                    " id {}  job {}",
                    s.savepoint_id,
                    s.flink_job_id.as_deref().map_or("–".to_owned(), say::short_id)
                ))
                .with(format!("  {open}"), Role::Key)
                .with(" shows all", Role::Muted),
            ],
        );
    }
}

/// A place; where it does not fit, its end, which tells it from others.
fn place_line(place: &str, cells: usize) -> Text {
    let whole = muted(format!(" {place}"));
    if whole.width() <= cells { whole } else { muted(format!(" {}", say::short_place(place))) }
}

fn savepoint(model: &Model, s: &Savepoint, width: Width) -> Text {
    let (glyph, role) = say::savepoint(s.status);
    let when = model.state_time(s);
    let size = s.size_bytes.map(bytes);
    let mut t = muted(when).pad(12);
    t += muted(say::short_id(&s.savepoint_id)).pad(10);
    if width == Width::All {
        t += muted(s.flink_job_id.as_deref().map_or("–".to_owned(), say::short_id)).pad(10);
    }
    t += plain(say::origin(s.origin)).pad(11);
    if let (Width::Least, Status::Completed, Some(size)) = (width, s.status, &size) {
        return t.then(text(format!("{glyph} {size}"), role));
    }
    t += text(format!("{glyph} {}", s.status), role).pad(12).with(" ", Role::Text);
    if width == Width::Least {
        return t;
    }
    t += plain(size.unwrap_or_else(|| "–".to_owned())).pad(10);
    if width == Width::All {
        t += plain(s.format.map_or("–", |f| f.as_str())).pad(11);
    }
    if width > Width::Few {
        t += plain(s.revision.map(|r| r.to_string()).unwrap_or_default()).pad(5);
        t += say::yes_no(s.verified).pad(8).with(" ", Role::Text);
        t += text(if s.pinned { "⚲ pinned " } else { "" }, Role::Accent);
        t += plain(s.label.as_deref().unwrap_or_default());
    }
    t
}
