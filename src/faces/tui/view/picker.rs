//! Drawing a list of values that lies on top of a card or form.

use ratatui::layout::Rect;

use super::{boxed, home};
use crate::faces::tui::{
    list::ListView,
    paint::{Canvas, Text, text},
    theme::Role,
};

const WIDTH: u16 = 84;

/// Rows of a list with so many values.
pub(super) fn rows(body: Rect, values: usize) -> usize {
    values.min(usize::from(body.height.saturating_sub(6))).max(1)
}

pub(super) fn draw<Id: Clone + PartialEq>(
    c: &mut Canvas<'_>,
    body: Rect,
    label: &str,
    list: &ListView<Id>,
    row: impl Fn(&Id, usize) -> Text,
) {
    let height = u16::try_from(rows(body, list.len()) + 2).unwrap_or(u16::MAX);
    let place = format!("  {} of {}", list.position() + 1, list.len());
    let title = text("Choose ", Role::Focus).with(label, Role::Accent).with(place, Role::Muted);
    let inner = boxed(c, body, (WIDTH.min(body.width), height), &title, Role::Focus);
    home::rows(c, inner, true, list, Vec::new, row);
}
