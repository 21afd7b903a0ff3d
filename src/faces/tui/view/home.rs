//! Home: the frames and the lists.

use ratatui::layout::{Position, Rect};

use super::{empty, overview, tabs};
use crate::{
    contract::{model::TargetJob, watch::Row},
    domain::text::bytes,
    faces::tui::{
        command::Command,
        data::{Link, PAGE, Tab},
        keymap::show,
        layout::Tier,
        list::{AnyList, ListView},
        model::Model,
        pages::home::{EventLog, Group, Pane, Subject, waits},
        paint::{Canvas, Text, muted, plain, text},
        say,
        theme::Role,
    },
};

pub(super) fn draw(c: &mut Canvas<'_>, model: &Model) -> Option<Position> {
    let home = &model.home;
    let panes = model.panes();
    let joined = |y: u16, x: u16, not: Pane| {
        panes.iter().any(|(p, r)| p != not && r.x == x && (r.y == y || r.bottom().saturating_sub(1) == y))
    };
    // The pane with focus is framed last: its frame wins where panes share a border.
    let order =
        panes.iter().filter(|(p, _)| *p != home.focus).chain(panes.get(home.focus).map(|r| (home.focus, r)));
    for (pane, r) in order {
        let role = if pane == home.focus { Role::Focus } else { Role::Border };
        let bottom = r.bottom().saturating_sub(1);
        frame(c, r, (joined(r.y, r.x, pane), joined(bottom, r.x, pane)), role);
    }
    for (pane, r) in panes.iter() {
        title(c, model, pane, r);
        let inner = Rect {
            x: r.x + 1,
            y: r.y + 1,
            width: r.width.saturating_sub(2),
            height: r.height.saturating_sub(2),
        };
        draw_pane(c, model, pane, inner);
    }
    filter_cursor(c, model, panes.get(home.focus)?)
}

/// A rounded frame whose corners join neighbours above and below.
fn frame(c: &mut Canvas<'_>, r: Rect, (above, below): (bool, bool), role: Role) {
    super::frame(c, r, &Text::empty(), role);
    if r.width < 2 || r.height < 2 {
        return;
    }
    let (right, bottom) = (r.right() - 1, r.bottom() - 1);
    if above {
        c.glyph(r.x, r.y, "├", role);
        c.glyph(right, r.y, "┤", role);
    }
    if below {
        c.glyph(r.x, bottom, "├", role);
        c.glyph(right, bottom, "┤", role);
    }
}

fn title(c: &mut Canvas<'_>, model: &Model, pane: Pane, r: Rect) {
    let home = &model.home;
    let focused = pane == home.focus;
    let number = model.keymap.key_of(pane.command()).unwrap_or_default();
    let line = Rect { x: r.x + 2, y: r.y, width: r.width.saturating_sub(4), height: 1 };
    let mut t = text(format!(" {number} "), if focused { Role::Key } else { Role::Muted });
    if pane == Pane::Detail {
        let right = title_right(model, pane).width();
        let taken = t.width() + if right > 0 { right + 1 } else { 0 };
        t += tab_titles(model, focused, usize::from(line.width).saturating_sub(taken));
    } else {
        let name = match (pane, home.groups.selected()) {
            (Pane::Deployments, Some(Group::Unmanaged(_))) => "Jobs",
            _ => pane.title(),
        };
        t += text(name, if focused { Role::Focus } else { Role::Muted });
        t += filter_text(model, pane);
        if let (Pane::Deployments, Some(Group::Application(_))) = (pane, home.groups.selected()) {
            t += empty::of_all(model).map(|of| text(format!(" {of}"), Role::Warn)).unwrap_or_default();
        }
        t += plain(" ");
    }
    let right = title_right(model, pane);
    let room = usize::from(line.width).saturating_sub(if right.is_empty() { 0 } else { right.width() + 1 });
    c.line(line, &t.fit(room));
    if !right.is_empty() {
        c.right(line, &right);
    }
}

fn filter_text(model: &Model, pane: Pane) -> Text {
    let home = &model.home;
    let filter = home.list(pane).map(AnyList::filter).unwrap_or_default();
    let typing = home.filtering.is_some() && pane == home.focus;
    if filter.is_empty() && !typing { Text::empty() } else { text(format!(" /{filter}"), Role::Warn) }
}

/// That the rows of a tab are not all there are: beside the tabs' names there is little room for words.
fn filtered(model: &Model) -> Text {
    let words = filter_text(model, Pane::Detail).fit(16);
    let hidden = model.home.list(Pane::Detail).map_or(0, AnyList::hidden);
    let tail = if hidden > 0 { format!(" {} hidden ", say::count(hidden)) } else { " ".to_owned() };
    if words.is_empty() { words } else { words.with(tail, Role::Warn) }
}

fn title_right(model: &Model, pane: Pane) -> Text {
    let home = &model.home;
    let place = |at: usize, len: usize, rows: usize| {
        if len > rows { muted(format!(" {}/{len} ", at + 1)) } else { Text::empty() }
    };
    let rows = model.panes().rows(pane);
    let stale = empty::stale(model).map(|t| plain(" ").then(t).with(" ", Role::Text)).unwrap_or_default();
    let end = match pane {
        Pane::Applications => place(home.groups.position(), home.groups.len(), rows),
        Pane::Deployments => place(home.subjects.position(), home.subjects.len(), rows),
        Pane::Savepoints => place(home.savepoints.position(), home.savepoints.len(), rows),
        Pane::Detail if home.tab == Tab::Events => {
            filtered(model).then(newest(model)).then(following(model, &home.log, home.focus == pane))
        }
        Pane::Detail => filtered(model).then(newest(model)),
        Pane::Events => {
            let debug = if home.debug { " debug shown" } else { "" };
            muted(debug).then(following(model, &home.tail, home.focus == pane))
        }
    };
    stale.then(end)
}

/// That a tab shows only the newest of what there may be.
fn newest(model: &Model) -> Text {
    let Some(name) = model.home.deployment() else { return Text::empty() };
    let known = match model.home.tab {
        Tab::Overview => None,
        Tab::Savepoints => model.data.detail(name).map(|d| d.savepoints.len()).filter(|n| *n >= PAGE),
        tab => model.data.tabs.get(name).and_then(|t| t.newest(tab)),
    };
    known.map(|n| muted(format!(" newest {n} "))).unwrap_or_default()
}

/// Whether a tail follows.
fn following(model: &Model, log: &EventLog, focused: bool) -> Text {
    if !matches!(model.data.link, Link::Live) {
        // Nothing arrives, whatever the tail would do with it.
        let lost = matches!(model.data.link, Link::Lost { .. });
        return text(if lost { " RECONNECTING " } else { " CONNECTING " }, Role::Warn);
    }
    if log.follow {
        return muted(" FOLLOWING ");
    }
    let new = if log.unseen > 0 { format!(" +{} new", say::count(log.unseen)) } else { String::new() };
    let paused = text(format!(" PAUSED{new} "), Role::Warn);
    // The key works in the pane with the focus.
    let key = model.keymap.keys_of(Command::Last).last().map(|k| show(k)).filter(|_| focused);
    key.map_or_else(Text::empty, |k| text(format!(" {k}"), Role::Key).with(" follows", Role::Muted))
        .then(paused)
}

/// The tabs' names; where there is no room for all, the others shrink, and the active one is always whole.
fn tab_titles(model: &Model, focused: bool, room: usize) -> Text {
    let active = model.home.tab;
    let titles = |short: usize, gap: &str| {
        let mut t = Text::empty();
        for (i, tab) in Tab::ALL.iter().enumerate() {
            if i > 0 {
                t += plain(gap);
            }
            let role = match (*tab == active, focused) {
                (true, true) => Role::Focus,
                (true, false) => Role::Accent,
                (false, _) => Role::Muted,
            };
            let name: String = tab.as_str().chars().take(short).collect();
            // Brackets tell the active tab where colour cannot.
            t += if *tab == active { text(format!("[{tab}]"), role) } else { text(name, role) };
        }
        t.with(" ", Role::Text)
    };
    let tries = [(usize::MAX, "  "), (usize::MAX, " "), (4, " "), (3, " "), (1, " ")];
    let mut all = tries.into_iter().map(|(short, gap)| titles(short, gap));
    let fits = all.find(|t| t.width() <= room);
    fits.unwrap_or_else(|| text(format!("[{active}] "), if focused { Role::Focus } else { Role::Accent }))
}

fn draw_pane(c: &mut Canvas<'_>, model: &Model, pane: Pane, inner: Rect) {
    let home = &model.home;
    let focused = pane == home.focus;
    match pane {
        Pane::Applications => {
            rows(c, inner, focused, &home.groups, || empty::applications(model), |g, w| group(model, g, w))
        }
        Pane::Deployments => {
            let shown = home.subjects.window(usize::from(inner.height));
            let names = shown.map(|(s, _)| name_width(s)).max().unwrap_or(0);
            rows(
                c,
                inner,
                focused,
                &home.subjects,
                || empty::subjects(model),
                |s, w| subject(model, s, names, w),
            );
        }
        Pane::Savepoints => {
            rows(
                c,
                inner,
                focused,
                &home.savepoints,
                || empty::savepoints(model),
                |id, w| savepoint(model, id, w),
            );
        }
        Pane::Events => tabs::events(c, inner, model, &home.tail, focused, true),
        Pane::Detail => {
            let banners = banners(model);
            for (row, (line, role)) in inner.rows().zip(&banners) {
                c.line(row, &line.clone().pad(usize::from(inner.width)).role(*role));
            }
            let taken = u16::try_from(banners.len()).unwrap_or(0).min(inner.height);
            let inner = Rect { y: inner.y + taken, height: inner.height - taken, ..inner };
            match home.tab {
                Tab::Overview => overview::draw(c, inner, model),
                tab => tabs::draw(c, inner, model, tab, focused),
            }
        }
    }
}

/// What stands above every tab: that a person is waited for, and that what is shown may be old.
pub(super) fn banners(model: &Model) -> Vec<(Text, Role)> {
    let waiting = waiting(model).map(|t| (t, Role::Badge));
    waiting.into_iter().chain(empty::outdated(model).map(|t| (t, Role::Warn))).collect()
}

fn waiting(model: &Model) -> Option<Text> {
    let name = model.home.deployment().filter(|d| waits(&model.data, d))?;
    let key = model.keymap.key_of(Command::Attention).unwrap_or_default();
    let op = model.data.waiting(name);
    let what = op.map(|o| format!("{} ", o.kind)).unwrap_or_default();
    let why = op.and_then(|o| o.error_text()).map(|e| format!(": {e}")).unwrap_or_default();
    Some(plain(format!(" ▲ {what}NEEDS YOU, {key} opens it{why}")))
}

/// The rows of a list, or why there are none. Every row begins with the mark of the selection.
pub(super) fn rows<Id: Clone + PartialEq>(
    c: &mut Canvas<'_>,
    area: Rect,
    focused: bool,
    list: &ListView<Id>,
    nothing: impl FnOnce() -> Vec<Text>,
    row: impl Fn(&Id, usize) -> Text,
) {
    unmarked(c, area, list, nothing, row);
    let mark = area.rows().zip(list.window(usize::from(area.height))).find(|(_, (_, selected))| *selected);
    if let Some((place, _)) = mark {
        c.glyph(place.x, place.y, "▌", if focused { Role::Focus } else { Role::Muted });
        c.tint(place, if focused { Role::Selection } else { Role::SelectionIdle });
    }
}

/// The rows of a list without the mark of the selection.
pub(super) fn unmarked<Id: Clone + PartialEq>(
    c: &mut Canvas<'_>,
    area: Rect,
    list: &ListView<Id>,
    nothing: impl FnOnce() -> Vec<Text>,
    row: impl Fn(&Id, usize) -> Text,
) {
    let cells = usize::from(area.width.saturating_sub(2));
    if list.is_empty() {
        let lines: Vec<Text> = nothing().iter().flat_map(|l| l.wrap(cells, 2)).collect();
        c.lines(Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area }, &lines);
    }
    for (place, (id, _)) in area.rows().zip(list.window(usize::from(area.height))) {
        c.line(Rect { x: place.x + 1, width: place.width.saturating_sub(1), ..place }, &row(id, cells));
    }
}

fn group(model: &Model, g: &Group, width: usize) -> Text {
    match g {
        Group::Application(name) => {
            let Some(app) = model.data.applications.get(name) else { return Text::empty() };
            let (glyph, word, role) = if model.data.waits_in(name) {
                ("▲", " needs you ", Role::Badge)
            } else {
                say::health(model.data.health(app))
            };
            let title = text(glyph, role).with(" ", Role::Text).with(&app.title, Role::Text);
            let word = text(word, role);
            if title.width() + word.width() + 2 <= width {
                title.pad(width - word.width()).then(word)
            } else {
                title
            }
        }
        Group::Unmanaged(target) => {
            let n = model.data.unmanaged.get(target).map_or(0, Vec::len);
            let count = muted(format!("{n} job{}", if n == 1 { "" } else { "s" }));
            let title = muted("* ").with(format!("Unmanaged on {target}"), Role::Text);
            title.pad(width.saturating_sub(count.width() + 1)).with(" ", Role::Text).then(count)
        }
    }
}

fn subject(model: &Model, s: &Subject, names: usize, width: usize) -> Text {
    match s {
        Subject::Deployment(name) => {
            model.data.rows.get(name).map_or_else(Text::empty, |r| deployment(model, r, names, width))
        }
        Subject::Job(target, id) => {
            let job =
                model.data.unmanaged.get(target).and_then(|jobs| jobs.iter().find(|j| j.flink_job_id == *id));
            job.map_or_else(Text::empty, |j| unmanaged(model, j, width))
        }
    }
}

/// Name, state, version; in a narrow pane the state loses words before the name does.
fn deployment(model: &Model, r: &Row, names: usize, width: usize) -> Text {
    let name = r.deployment.split_once('/').map_or(r.deployment.as_str(), |(_, n)| n);
    let name_cells = names.clamp(6, (width / 2).max(6));
    let mut states = say::row_state(r, model.manager_now());
    if !model.data.reachable(&r.target)
        && let Some(at) = model.data.targets.get(&r.target).and_then(|t| t.observed_at)
    {
        let age = say::age(model.manager_now().seconds_since(at));
        let first = states.first().cloned().unwrap_or_default();
        states.insert(0, first.with(format!(" stale {age}"), Role::Muted));
    }
    let room = width.saturating_sub(name_cells + 1);
    let state =
        states.iter().find(|s| s.width() <= room).or_else(|| states.last()).cloned().unwrap_or_default();
    let mut line = plain(name).pad(name_cells).with(" ", Role::Text).then(state);
    if let Some(version) = r.version_label.as_deref().map(say::short_version) {
        let version = muted(version);
        if line.width() + version.width() + 2 <= width {
            let gap = width - line.width() - version.width();
            line = line.with(" ".repeat(gap), Role::Text).then(version);
        }
    }
    line
}

fn name_width(s: &Subject) -> usize {
    match s {
        Subject::Deployment(d) => d.split_once('/').map_or(d.len(), |(_, n)| n.len()),
        Subject::Job(..) => 0,
    }
}

fn unmanaged(model: &Model, j: &TargetJob, width: usize) -> Text {
    let running = j.flink_state == "RUNNING";
    let (glyph, role) = if running { ("●", Role::Ok) } else { ("◐", Role::Busy) };
    let age = j.started_at.map(|t| say::age(model.manager_now().seconds_since(t))).unwrap_or_default();
    let long = text(format!("{glyph} {}", j.flink_state), role)
        .with(format!("  {}/{}  {age}", j.tasks.running, j.tasks.total), Role::Muted);
    let state =
        if long.width() + 12 <= width { long } else { text(format!("{glyph} {}", j.flink_state), role) };
    let name_cells = width.saturating_sub(state.width() + 1);
    plain(&j.name).pad(name_cells).with(" ", Role::Text).then(state)
}

fn savepoint(model: &Model, id: &str, width: usize) -> Text {
    let detail = model.home.deployment().and_then(|d| model.data.detail(d));
    let Some(s) = detail.and_then(|d| d.savepoints.iter().find(|s| s.savepoint_id == id)) else {
        return Text::empty();
    };
    let (glyph, role) = say::savepoint(s.status);
    let when = model.state_time(s);
    let pin = if s.pinned { "⚲" } else { " " };
    let state = match (s.size_bytes, role == Role::Ok) {
        (Some(size), true) => text(format!("{glyph} {}", bytes(size)), role),
        (_, true) => text(format!("{glyph} complete"), role),
        (_, false) => text(format!("{glyph} {}", s.status), role),
    };
    let mut line = muted(when).with(" ", Role::Text).with(pin, Role::Accent);
    let what = s.label.as_deref().map_or_else(|| say::origin(s.origin).to_owned(), str::to_owned);
    let room = width.saturating_sub(line.width() + state.width() + 2);
    line += plain(" ").then(plain(what).pad(room)).with(" ", Role::Text);
    line.then(state)
}

/// The cursor behind the filter's words while they are typed.
fn filter_cursor(c: &mut Canvas<'_>, model: &Model, r: Rect) -> Option<Position> {
    let filter = model.home.filtering.as_ref()?;
    let (typed, column) = filter.shown(usize::from(r.width.saturating_sub(8)), Role::Field);
    let line =
        Rect { x: r.x + 2, y: r.bottom().saturating_sub(1), width: r.width.saturating_sub(4), height: 1 };
    c.line(line, &text(" /", Role::Key).then(typed));
    let wide = Tier::of(model.size.0, model.size.1) != Tier::TooSmall;
    wide.then_some(Position::new(line.x + 2 + column, line.y))
}
