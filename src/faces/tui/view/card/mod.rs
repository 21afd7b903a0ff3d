//! Drawing a card: what will be done, from which restore point and why, what could be lost, then the question.

mod foot;
mod plan;

use ratatui::layout::{Position, Rect};

use self::{
    foot::{Foot, foot},
    plan::{plan_lines, wrapped},
};
use super::{Extent, boxed, empty, picker};
use crate::{
    contract::problem::Problem,
    faces::tui::{
        command::Command,
        model::Model,
        msg::Request,
        overlay::{card::Card, fields, options::Choice},
        paint::{Canvas, Text, muted, text},
        say,
        theme::Role,
    },
};

pub(super) use self::plan::diff_lines;

const WIDTH: u16 = 92;

/// Where everything of a card is.
pub(super) struct Plan {
    size: (u16, u16),
    content: Vec<Text>,
    foot: Foot,
    top: Rect,
    bottom: Rect,
    pub(super) extent: Extent,
}

/// Puts a card together.
pub(super) fn plan(body: Rect, model: &Model, card: &Card) -> Plan {
    let width = if body.width < WIDTH + 4 { body.width } else { WIDTH };
    let cells = usize::from(width.saturating_sub(4));
    let content = content(model, card, cells);
    let foot = foot(model, card, cells);
    let wanted = content.len() + foot.lines.len() + 2;
    let size = (width, u16::try_from(wanted).unwrap_or(u16::MAX));
    let inner = super::inside(body, size);
    let foot_height = u16::try_from(foot.lines.len()).unwrap_or(0).min(inner.height);
    let top = Rect { height: inner.height - foot_height, ..inner };
    let bottom = Rect { y: top.bottom(), height: foot_height, ..inner };
    let extent = Extent::new(usize::from(top.height), content.len(), card.scroll);
    Plan { size, content, foot, top, bottom, extent }
}

pub(super) fn draw(c: &mut Canvas<'_>, body: Rect, model: &Model, card: &Card) -> Option<Position> {
    let p = plan(body, model, card);
    boxed(c, body, p.size, &title(model, card), Role::Focus);
    scrolled(c, model, p.top, &p.content, p.extent);
    c.lines(p.bottom, &p.foot.lines);
    if let Some(open) = &card.picker
        && let Some(field) = card.fields.get(open.field)
    {
        picker::draw(c, body, field.label, &open.list, |i, _| {
            field.options.get(*i).map_or_else(Text::empty, |o| choice(o, Role::Text))
        });
        return None;
    }
    p.foot
        .cursor
        .map(|(x, y)| Position::new(p.bottom.x + x, p.bottom.y + y))
        .filter(|at| at.y < p.bottom.bottom())
}

/// A value in words, with what speaks against it.
fn choice(o: &Choice, role: Role) -> Text {
    let warning = o.warning.map(|w| format!("  ✗ {w}")).unwrap_or_default();
    text(&o.words, role).with(warning, Role::Error)
}

/// Lines, scrolled, with marks where more is above and below.
pub(super) fn scrolled(c: &mut Canvas<'_>, model: &Model, area: Rect, lines: &[Text], e: Extent) {
    let key = |c| model.keymap.key_of(c).unwrap_or_default();
    scrolled_by(c, area, lines, e, [key(Command::PageUp), key(Command::PageDown)]);
}

/// The same, with the keys that lead up and down.
pub(super) fn scrolled_by(c: &mut Canvas<'_>, area: Rect, lines: &[Text], e: Extent, keys: [String; 2]) {
    let [up, down] = keys;
    c.lines(area, lines.iter().skip(e.at));
    let below = lines.len().saturating_sub(e.at + e.rows);
    if area.height > 0 && below > 0 {
        let last = Rect { y: area.bottom() - 1, height: 1, ..area };
        let under = lines.get(e.at + usize::from(area.height) - 1);
        marked(c, last, under, &text(format!(" {below} more ↓ {down} "), Role::Key));
    }
    if area.height > 1 && e.at > 0 {
        let first = Rect { height: 1, ..area };
        marked(c, first, lines.get(e.at), &text(format!(" {} more ↑ {up} ", e.at), Role::Key));
    }
}

/// A mark at the right end of a row; the line under it ends before it, so that no word is half covered.
fn marked(c: &mut Canvas<'_>, row: Rect, line: Option<&Text>, mark: &Text) {
    let room = usize::from(row.width).saturating_sub(mark.width());
    c.clear(row);
    c.line(row, &line.cloned().unwrap_or_default().fit(room));
    c.right(row, mark);
}

fn title(model: &Model, card: &Card) -> Text {
    let request = card.request();
    let plan = card.plan.value.as_deref();
    let target = plan
        .map(|p| p.target.as_str())
        .or_else(|| match request {
            Request::Adopt(target, ..) => Some(target),
            other => model.data.rows.get(other.subject()).map(|r| r.target.as_str()),
        })
        .unwrap_or_default();
    let colour =
        model.data.targets.get(target).and_then(|t| t.colour.as_deref()).and_then(|w| w.parse().ok());
    let t = object(model, request);
    if target.is_empty() {
        t
    } else {
        t.with(" on ", Role::Muted).with(target, colour.unwrap_or(Role::Accent))
    }
}

/// What is done to what. Where a savepoint is the object, it is named before its deployment: nobody may read that the
/// deployment is to be deleted.
fn object(model: &Model, request: &Request) -> Text {
    let (verb, deployment) = (say::verb(request.kind()), request.subject());
    let savepoint = |id: &str| format!("savepoint {}", say::short_id(id));
    match request {
        Request::Dispose(_, id, _) => text(format!("{verb} {}", savepoint(id)), Role::Focus)
            .with(" of ", Role::Muted)
            .with(deployment, Role::Accent),
        Request::Reset(_, b) => text(format!("{verb} "), Role::Focus)
            .with(deployment, Role::Accent)
            .with(" to ", Role::Muted)
            .with(savepoint(&b.savepoint), Role::Focus),
        Request::Import(_) => text(format!("{verb} a savepoint"), Role::Focus)
            .with(" into ", Role::Muted)
            .with(deployment, Role::Accent),
        // A job is known by its name; its id tells it from others of that name.
        Request::Adopt(target, id, _) => {
            let jobs = model.data.unmanaged.get(target).into_iter().flatten();
            let name = jobs.into_iter().find(|j| j.flink_job_id == *id).map(|j| format!("{} ", j.name));
            text(format!("{verb} "), Role::Focus)
                .with(name.unwrap_or_default(), Role::Accent)
                .with(format!("({})", say::short_id(id)), Role::Muted)
        }
        _ => text(verb, Role::Focus).with(" ", Role::Text).with(deployment, Role::Accent),
    }
}

fn problem(out: &mut Vec<Text>, model: &Model, card: &Card, p: &Problem, cells: usize) {
    out.extend(empty::problem_lines(model, p).iter().flat_map(|l| l.wrap(cells, 2)));
    here(out, card, p.hint.as_deref().unwrap_or_default(), cells);
}

/// A hint speaks to the command line: the fields of the card that mean the same as its flags.
pub(super) fn here(out: &mut Vec<Text>, card: &Card, hint: &str, cells: usize) {
    for f in fields::meant(hint, &card.fields) {
        wrapped(out, &muted("    → here: the field ").with(f.label, Role::Focus), cells);
    }
}

fn content(model: &Model, card: &Card, cells: usize) -> Vec<Text> {
    let mut out = Vec::new();
    if card.changed {
        out.extend(
            text("! The plan changed while you were reading: nothing was done. Read it again.", Role::Badge)
                .wrap(cells, 2),
        );
        out.push(Text::empty());
    }
    if let Some(p) = &card.refused {
        problem(&mut out, model, card, p, cells);
        if let Some(s) = &card.sending {
            wrapped(
                &mut out,
                &text(
                    format!("◐ asking again what became of it (try {}); it happens once at most", s.tries),
                    Role::Busy,
                ),
                cells,
            );
        }
        out.push(Text::empty());
    }
    match (&card.plan.value, &card.plan.problem) {
        (Some(plan), _) => plan_lines(&mut out, model, card, plan, cells),
        (None, Some(p)) => problem(&mut out, model, card, p, cells),
        (None, None) if card.plan.loading => {
            out.push(text("◌ asking the manager what this would do", Role::Busy))
        }
        (None, None) => out.push(muted("Fill in the fields below; the plan appears here.")),
    }
    out
}
