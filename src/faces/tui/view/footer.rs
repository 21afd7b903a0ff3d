//! The last row: what can be pressed now, from the live keymap; or the filter, the chord, the hint.

use ratatui::layout::Rect;

use crate::faces::tui::{
    command::{COMMANDS, Command},
    keymap::{Resolution, show},
    model::Model,
    paint::{Canvas, Text, plain, text},
    theme::Role,
};

pub(super) fn draw(c: &mut Canvas<'_>, area: Rect, model: &Model) {
    if !model.pending.is_empty() {
        c.line(area, &chord(model));
        return;
    }
    if let Some(hint) = &model.hint {
        c.line(area, &text(format!(" {hint}"), Role::Accent));
        return;
    }
    c.line(area, &hints(model, usize::from(area.width)));
}

/// The keys that would go on a chord.
fn chord(model: &Model) -> Text {
    let mut t = text(format!(" {} …", show(&model.pending)), Role::Key);
    if let Resolution::Pending(next) = model.keymap.resolve(&model.contexts(), &model.pending) {
        for (key, command) in next {
            t += text(format!("   {key}"), Role::Key).with(format!(" {}", command.spec().title), Role::Muted);
        }
    }
    t
}

/// Commands of the focus, innermost context first; help, which leads to all others, keeps its place at the end.
fn hints(model: &Model, width: usize) -> Text {
    let last = hint(model, Command::Help).unwrap_or_default();
    let room = width.saturating_sub(last.width() + 1);
    let mut t = plain(" ");
    // On a card or form, the page below is out of reach.
    let reach = if model.overlays.is_empty() { usize::MAX } else { 1 };
    for context in model.contexts().into_iter().take(reach) {
        let here = COMMANDS.iter().filter(|s| s.context == context && s.footer && s.id != Command::Help);
        for s in here.filter(|s| s.id.available(model).is_ok()) {
            // A key that an inner context has taken means something else here.
            let key = model.keymap.keys_of(s.id).find(
                |k| matches!(model.keymap.resolve(&model.contexts(), k), Resolution::Command(c) if c == s.id),
            );
            let Some(key) = key else { continue };
            let h = text(show(key), Role::Key).with(format!(" {}  ", s.title), Role::Muted);
            if t.width() + h.width() > room {
                return t.pad(room).then(last);
            }
            t += h;
        }
    }
    t.then(last)
}

fn hint(model: &Model, c: Command) -> Option<Text> {
    let key = model.keymap.key_of(c)?;
    Some(text(key, Role::Key).with(format!(" {} ", c.spec().title), Role::Muted))
}
