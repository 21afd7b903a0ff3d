//! Drawing one thing in full.

use ratatui::layout::Rect;

use super::{Extent, boxed, card::scrolled};
use crate::{
    contract::model::{Event, Job, RestoredFrom, Savepoint},
    domain::{text::bytes, time::Timestamp},
    faces::tui::{
        data::Entry,
        history,
        model::Model,
        overlay::sheet::{Sheet, Subject},
        paint::{Canvas, Text, muted, plain, text},
        say::{self, Zone, field},
        theme::Role,
    },
};

const WIDTH: u16 = 96;

/// Where everything of the card is.
pub(super) struct Plan {
    size: (u16, u16),
    title: Text,
    lines: Vec<Text>,
    pub(super) extent: Extent,
}

/// Puts the card together.
pub(super) fn plan(body: Rect, model: &Model, sheet: &Sheet) -> Plan {
    let width = if body.width < WIDTH + 4 { body.width } else { WIDTH };
    let cells = usize::from(width.saturating_sub(4));
    let (title, fields) = match &sheet.subject {
        Subject::Event(e) => (text("Event ", Role::Focus).with(&e.name, Role::Accent), event(model, e)),
        Subject::Savepoint(deployment, _) => {
            let title = text("Savepoint of ", Role::Focus).with(deployment, Role::Accent);
            (title, sheet.savepoint(model).map_or_else(gone, |s| savepoint(model, sheet.jobs(model), s)))
        }
        Subject::Job(deployment, _) => {
            let title = text("Job of ", Role::Focus).with(deployment, Role::Accent);
            (title, sheet.job(model).map_or_else(gone, |j| job(model, sheet.jobs(model), j)))
        }
        Subject::Value(e) => (text("Configuration", Role::Focus), value(e)),
    };
    let lines: Vec<Text> = fields.iter().flat_map(|l| l.wrap(cells, 13)).collect();
    let size = (width, u16::try_from(lines.len() + 2).unwrap_or(u16::MAX));
    let inner = super::inside(body, size);
    let extent = Extent::new(usize::from(inner.height), lines.len(), sheet.scroll);
    Plan { size, title, lines, extent }
}

pub(super) fn draw(c: &mut Canvas<'_>, body: Rect, model: &Model, sheet: &Sheet) {
    let p = plan(body, model, sheet);
    boxed(c, body, p.size, &p.title, Role::Focus);
    scrolled(c, model, super::inside(body, p.size), &p.lines, p.extent);
}

fn gone() -> Vec<Text> {
    vec![muted("It is not known any more.")]
}

/// A value; where the program has set it itself, what the job runs with comes first.
fn value(e: &Entry) -> Vec<Text> {
    let mut out = vec![field("Path", text(&e.path, Role::Accent))];
    if let Some(runs) = &e.overridden {
        out.push(field("Runs with", text(runs, Role::Warn).with("  set by the program", Role::Muted)));
    }
    out.push(field("Layer", plain(e.layer)));
    out.push(field(if e.overridden.is_some() { "Asked for" } else { "Value" }, plain(&e.value)));
    out
}

/// A time in UTC and in the person's own zone, and how long ago it was.
fn time(model: &Model, label: &'static str, t: Timestamp) -> Vec<Text> {
    let age = say::age(model.manager_now().seconds_since(t));
    let mut out = vec![field(label, plain(Zone::Utc.whole(t)).with(format!("  {age} ago"), Role::Muted))];
    let own = model.zone.whole(t);
    if own != Zone::Utc.whole(t) {
        out.push(field("", plain(own).with("  here", Role::Muted)));
    }
    out
}

/// A field that is left out when nobody knows its value.
fn known(out: &mut Vec<Text>, label: &'static str, value: Option<&str>) {
    if let Some(v) = value.filter(|v| !v.is_empty()) {
        out.push(field(label, plain(v)));
    }
}

fn operation(model: &Model, id: &str) -> Text {
    let known = model.data.operations.get(id);
    let kind = known.map(|o| format!("{} {}  ", o.kind, say::op_state(o.state).1)).unwrap_or_default();
    field("Operation", plain(kind).with(id, Role::Muted))
}

fn event(model: &Model, e: &Event) -> Vec<Text> {
    let mut out = time(model, "Time", e.at);
    out.push(field("Severity", text(e.severity.as_str(), say::severity(e.severity))));
    known(&mut out, "Deployment", e.deployment.as_deref().or(e.application.as_deref()));
    out.push(field("Actor", plain(format!("{} via {}", e.actor, e.via))));
    out.extend(e.operation_id.as_deref().map(|id| operation(model, id)));
    known(&mut out, "Job", e.job_id.as_deref());
    out.push(field("Number", muted(e.seq.to_string())));
    out.push(Text::empty());
    let lines = e.message.lines().enumerate();
    out.extend(lines.map(|(i, l)| field(if i == 0 { "Text" } else { "" }, plain(l))));
    for (i, (k, v)) in e.details.as_object().into_iter().flatten().enumerate() {
        let value = say::full_value(v).replace('\t', "  ");
        let mut lines = value.lines();
        let first = muted(format!("{k}: ")).with(lines.next().unwrap_or_default(), Role::Text);
        out.push(field(if i == 0 { "Details" } else { "" }, first));
        // A stack trace, line by line.
        out.extend(lines.map(|l| field("", plain(l))));
    }
    out
}

fn savepoint(model: &Model, jobs: &[Job], s: &Savepoint) -> Vec<Text> {
    let (glyph, role) = say::savepoint(s.status);
    let mut out = vec![field("Status", text(format!("{glyph} {}", s.status), role))];
    if let Some(f) = &s.failure {
        out.push(field("Why", text(f, Role::Warn)));
    }
    known(&mut out, "Path", s.location.as_deref());
    if s.location.is_none() {
        known(&mut out, "Directory", s.target_directory.as_deref());
    }
    out.push(field("Id", plain(&s.savepoint_id)));
    known(&mut out, "Label", s.label.as_deref());
    match s.state_of() {
        Some(at) => out.extend(time(model, "State of", at)),
        None => out.push(field("State of", say::unknown())),
    }
    let is_final = if s.is_final { "  the job ended with it" } else { "" };
    out.push(field("Origin", plain(s.origin.as_str()).with(is_final, Role::Muted)));
    known(&mut out, "Size", s.size_bytes.map(bytes).as_deref());
    known(&mut out, "Format", s.format.map(|f| f.as_str()));
    known(&mut out, "Written by", s.flink_version.as_ref().map(|v| format!("Flink {v}")).as_deref());
    known(&mut out, "Revision", s.revision.map(|r| r.to_string()).as_deref());
    out.push(field(
        "Verified",
        say::yes_no(s.verified)
            .with(if s.verified.is_none() { "  nobody has looked at its place" } else { "" }, Role::Muted),
    ));
    out.push(field("Pinned", plain(if s.pinned { "yes: it is never deleted" } else { "no" })));
    known(&mut out, "Flink job", s.flink_job_id.as_deref());
    out.extend(s.operation_id.as_deref().map(|id| operation(model, id)));
    out.extend(restored(model, jobs, s));
    out
}

/// The known jobs that began with a savepoint.
fn restored(model: &Model, jobs: &[Job], s: &Savepoint) -> Vec<Text> {
    let from = |j: &&Job| {
        let r = j.restored_from.as_ref();
        r.is_some_and(|r| {
            r.savepoint_id.as_deref() == Some(s.savepoint_id.as_str())
                || s.location.as_deref() == Some(r.location.as_str())
        })
    };
    let line = |(i, j): (usize, &Job)| {
        let when = j.started_at.map(|t| model.zone.minute(t, model.manager_now())).unwrap_or_default();
        let revision = j.revision.map(|r| format!("  revision {r}")).unwrap_or_default();
        let words = plain(format!("job {}", say::short_id(&j.flink_job_id)));
        field(if i == 0 { "Restored by" } else { "" }, words.with(format!("  {when}{revision}"), Role::Muted))
    };
    jobs.iter().filter(from).enumerate().map(line).collect()
}

fn job(model: &Model, jobs: &[Job], j: &Job) -> Vec<Text> {
    let (glyph, role) = say::observed(j.state);
    let flink = j.flink_state.as_ref().map(|f| format!("  Flink: {f}"));
    let more = flink.or_else(|| say::never_ran(j).then(|| "  it never ran".to_owned())).unwrap_or_default();
    let (_, word) = say::job_state(j, history::stopped(&model.data, jobs, j));
    let mut out = vec![field("State", text(format!("{glyph} {word}"), role).with(more, Role::Muted))];
    out.push(field("Flink id", plain(&j.flink_job_id)));
    out.push(field("Our id", plain(&j.job_id)));
    known(&mut out, "Revision", j.revision.map(|r| r.to_string()).as_deref());
    out.extend(j.started_at.into_iter().flat_map(|t| time(model, "Started", t)));
    out.extend(j.ended_at.into_iter().flat_map(|t| time(model, "Ended", t)));
    known(&mut out, "Restarts", j.restarts.map(|r| r.to_string()).as_deref());
    match &j.restored_from {
        Some(RestoredFrom { savepoint_id, location }) => {
            known(&mut out, "Restored", Some(location));
            known(&mut out, "Savepoint", savepoint_id.as_deref());
        }
        None if say::never_ran(j) => {}
        None => out.push(field("Restored", muted(say::without_restore(j)))),
    }
    out
}
