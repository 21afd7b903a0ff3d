//! The Config tab: effective values with the layer each came from.

use ratatui::layout::Rect;
use serde_json::Value;

use super::home::rows as list_rows;
use crate::{
    contract::model::Revision,
    domain::spec::Layer,
    faces::tui::{
        model::Model,
        paint::{Canvas, Text, muted, plain, text},
        say,
        theme::Role,
    },
};

/// One effective value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it is in the spec.
    pub path: String,
    /// The value for people.
    pub value: String,
    /// The layer that gave it.
    pub layer: &'static str,
}

/// The leaves of a revision's spec, each with its layer.
#[must_use]
pub fn rows(r: &Revision) -> Vec<Entry> {
    let mut out = Vec::new();
    leaves(&r.spec, "", r, &mut out);
    out
}

fn leaves(v: &Value, path: &str, r: &Revision, out: &mut Vec<Entry>) {
    match v {
        Value::Object(map) => {
            for (k, v) in map {
                let at = if path.is_empty() { k.clone() } else { format!("{path}/{k}") };
                leaves(v, &at, r, out);
            }
        }
        Value::Null => {}
        v => out.push(Entry { path: path.to_owned(), value: say::value(v), layer: layer(path, r) }),
    }
}

/// The layer of a path, or of the nearest path above it.
fn layer(path: &str, r: &Revision) -> &'static str {
    let mut at = path;
    loop {
        if let Some(l) = r.provenance.get(at) {
            return l.as_str();
        }
        match at.rfind('/') {
            Some(i) => at = &at[..i],
            None => return Layer::BuiltIn.as_str(),
        }
    }
}

pub(super) fn draw(
    c: &mut Canvas<'_>,
    head: Rect,
    list: Rect,
    model: &Model,
    revisions: &[Revision],
    focused: bool,
) {
    let current = model.home.deployment().and_then(|d| model.data.current_revision(d, revisions));
    let Some(current) = current else {
        c.line(head, &muted(" No revision yet: apply a manifest or upgrade"));
        return;
    };
    let when = model.zone.minute(current.created_at, model.manager_now());
    let newest = revisions.first().filter(|r| r.number != current.number);
    let newer = newest.map(|r| format!("  newest is {} {}", r.number, r.version_label)).unwrap_or_default();
    c.line(
        head,
        &muted(" Revision ")
            .with(format!("{} {}", current.number, current.version_label), Role::Accent)
            .with(newer, Role::Warn)
            .with(format!("  by {} at {when}", current.author), Role::Muted)
            .with(current.reason.as_ref().map(|r| format!("  “{r}”")).unwrap_or_default(), Role::Muted),
    );
    let entries = rows(current);
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

fn row(e: &Entry, widest: usize, width: usize) -> Text {
    let layer_cells = 12;
    let path_cells = widest.min((width / 2).max(12));
    let value_cells = width.saturating_sub(path_cells + layer_cells + 2);
    let role = if e.layer == Layer::BuiltIn.as_str() { Role::Muted } else { Role::Text };
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
        .then(text(&e.value, role).pad(value_cells))
        .then(plain(" "))
        .then(text(e.layer, role))
}
