//! The Config tab: effective values with the layer each came from.

use ratatui::layout::Rect;

use super::home::rows as list_rows;
use crate::{
    contract::model::Revision,
    domain::spec::Layer,
    faces::tui::{
        data::Entry,
        history,
        model::Model,
        paint::{Canvas, Text, muted, plain, text},
        say,
        theme::Role,
    },
};

/// Revisions that are listed above the values, at most.
const HISTORY: usize = 4;

pub(super) fn draw(c: &mut Canvas<'_>, area: Rect, model: &Model, revisions: &[Revision], focused: bool) {
    let name = model.home.deployment().unwrap_or_default();
    let Some(current) = model.data.current_revision(name, revisions) else {
        c.line(area, &muted(" No revision yet: apply a manifest or upgrade"));
        return;
    };
    let history = newest(model, revisions, current.number, usize::from(area.height) / 3);
    c.lines(area, &history);
    let used = u16::try_from(history.len()).unwrap_or(0).min(area.height);
    let list = Rect { y: area.y + used, height: area.height - used, ..area };
    let entries = model.data.values(name, current);
    let widest = entries.iter().map(|e| e.path.chars().count()).max().unwrap_or(0);
    list_rows(
        c,
        list,
        focused,
        &model.home.config,
        || vec![muted("The spec is empty")],
        |path, width| {
            entries.iter().find(|e| e.path == *path).map_or_else(Text::empty, |e| row(e, widest, width))
        },
    );
}

/// The newest revisions, the one whose values follow among them; what failed is marked.
fn newest(model: &Model, all: &[Revision], current: u32, room: usize) -> Vec<Text> {
    let room = room.clamp(1, HISTORY);
    let at = all.iter().position(|r| r.number == current).unwrap_or(0);
    let from = (at + 1).saturating_sub(room);
    let mut out: Vec<Text> =
        all.iter().skip(from).take(room).map(|r| revision(model, r, r.number == current)).collect();
    let older = all.len().saturating_sub(from + room);
    if let Some(last) = out.last_mut().filter(|_| older > 0) {
        *last += muted(format!("  and {older} older"));
    }
    out
}

fn revision(model: &Model, r: &Revision, current: bool) -> Text {
    let failure = history::failure(&model.data, r);
    let when = model.zone.minute(r.created_at, model.manager_now());
    let (mark, role) = match (&failure, current) {
        (Some(_), _) => ("✗", Role::Error),
        (None, true) => ("●", Role::Accent),
        (None, false) => (" ", Role::Muted),
    };
    text(format!(" {mark} "), role)
        .with(format!("{} {}", r.number, r.version_label), if current { Role::Accent } else { Role::Text })
        .with(failure.map(|f| format!("  {f}")).unwrap_or_default(), Role::Error)
        .with(if current { "  these values" } else { "" }, Role::Muted)
        .with(format!("  {when} by {}", r.author), Role::Muted)
        .with(r.reason.as_ref().map(|r| format!("  “{r}”")).unwrap_or_default(), Role::Muted)
}

fn row(e: &Entry, widest: usize, width: usize) -> Text {
    let layer_cells = 12;
    let path_cells = widest.min((width / 2).max(12));
    let value_cells = width.saturating_sub(path_cells + layer_cells + 2);
    let asked = say::short_hash(&e.value);
    // The program has the last word, as a layer above all others.
    let (value, layer, role) = match &e.overridden {
        Some(runs) => (format!("{runs}, not {asked}"), "program", Role::Warn),
        None if e.layer == Layer::BuiltIn.as_str() => (asked, e.layer, Role::Muted),
        None => (asked, e.layer, Role::Text),
    };
    // A long path is told by its end.
    let path = if e.path.chars().count() > path_cells {
        let skip = e.path.chars().count() + 1 - path_cells;
        format!("…{}", e.path.chars().skip(skip).collect::<String>())
    } else {
        e.path.clone()
    };
    muted(path)
        .pad(path_cells)
        .with(" ", Role::Text)
        .then(text(value, role).pad(value_cells))
        .then(plain(" "))
        .then(text(layer, role))
}
