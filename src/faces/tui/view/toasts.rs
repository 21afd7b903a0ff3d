//! Short messages in rows of their own above the footer: nothing is covered by them, and they are cut only when something
//! is missing.

use ratatui::layout::Rect;

use crate::faces::tui::{
    model::{Model, Toast},
    paint::{Canvas, Text, plain, text},
    theme::Role,
};

/// Rows of one message.
const LINES: usize = 3;
/// Rows of all messages; more would hide too much of what they are about.
const ROWS: usize = 4;

/// One message in at most [`LINES`] lines.
fn lines(toast: &Toast, width: usize) -> Vec<Text> {
    let mut lines = text(&toast.text, toast.role).wrap(width.saturating_sub(2), 0);
    if lines.len() > LINES {
        let rest = lines.split_off(LINES - 1).into_iter().fold(Text::empty(), Text::then);
        lines.push(rest.fit(width.saturating_sub(2)));
    }
    lines.into_iter().map(|l| plain(" ").then(l).pad(width)).collect()
}

/// What there is room for, the newest at the bottom.
fn shown(model: &Model, width: usize, height: usize) -> Vec<Text> {
    let most = ROWS.min(height / 4).max(1);
    let mut out = Vec::new();
    for toast in model.toasts.iter().rev() {
        let mut more = lines(toast, width);
        if !out.is_empty() && out.len() + more.len() > most {
            break;
        }
        more.truncate(most);
        more.append(&mut out);
        out = more;
    }
    out
}

/// Rows that the messages take from the body.
pub(super) fn rows(model: &Model, body: Rect) -> u16 {
    if body.height < 4 {
        return 0;
    }
    let shown = shown(model, usize::from(body.width), usize::from(body.height));
    u16::try_from(shown.len()).unwrap_or(0).min(body.height)
}

pub(super) fn draw(c: &mut Canvas<'_>, area: Rect, model: &Model) {
    let body = crate::faces::tui::layout::frame(Rect::new(0, 0, model.size.0, model.size.1)).body;
    let lines = shown(model, usize::from(body.width), usize::from(body.height));
    for (row, line) in area.rows().zip(&lines) {
        c.clear(row);
        c.line(row, line);
        c.tint(row, Role::SelectionIdle);
    }
}
