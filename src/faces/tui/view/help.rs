//! Drawing the list of commands.

use ratatui::layout::{Position, Rect};

use super::{boxed, empty, home::rows};
use crate::faces::tui::{
    command::{Command, Context},
    keymap::show,
    model::Model,
    overlay::help::{Entry, Help},
    paint::{Canvas, muted, plain, text},
    theme::Role,
};

/// The commands of a place, named for people.
const fn section(context: Context) -> &'static str {
    match context {
        Context::Global => "Everywhere",
        Context::Home => "The selected deployment and its panes",
        Context::List => "Moving in a list or a text",
        Context::Savepoints => "The selected savepoint",
        Context::Events => "Events",
        Context::Detail => "The detail",
        Context::Operations => "Operations",
        Context::Card => "This card",
        Context::Operation => "This operation",
        Context::Form => "This form",
        Context::Picker => "This list of values",
        Context::Sheet => "What is shown in full",
        Context::Filter => "The filter",
        Context::Help => "This list of commands",
        Context::Leave => "Leaving",
    }
}

pub(super) fn draw(c: &mut Canvas<'_>, body: Rect, model: &Model, h: &Help) -> Option<Position> {
    let size = (100.min(body.width.saturating_sub(2)), body.height.saturating_sub(2).min(34));
    let run = model.keymap.key_of(Command::HelpRun).unwrap_or_default();
    let title = text("Commands", Role::Focus).with(format!("  type to search, {run} runs"), Role::Muted);
    let inner = boxed(c, body, size, &title, Role::Focus);
    if inner.height < 3 {
        return None;
    }
    let (typed, column) = h.search.shown(usize::from(inner.width.saturating_sub(4)), Role::Field);
    c.line(Rect { x: inner.x + 1, height: 1, ..inner }, &text("/ ", Role::Key).then(typed));
    let list = Rect { y: inner.y + 1, height: inner.height - 1, ..inner };
    rows(
        c,
        list,
        true,
        &h.list,
        || vec![empty::searched(h.list.hidden(), h.search.as_str())],
        |entry, width| {
            let command = match entry {
                Entry::Heading(context) => return text(section(*context), Role::Focus),
                Entry::Command(command) => command,
            };
            let s = command.spec();
            let keys: Vec<String> = model.keymap.keys_of(*command).map(|k| show(k)).collect();
            let t = text(keys.join(", "), Role::Key)
                .pad(18)
                .with(" ", Role::Text)
                .then(plain(s.title).pad(19))
                .with(" ", Role::Text);
            let left = width.saturating_sub(t.width());
            match command.available(model) {
                Ok(()) => t.then(muted(s.help)),
                Err(why) => t.role(Role::Muted).then(text(format!("not now: {why}"), Role::Warn).fit(left)),
            }
        },
    );
    let below = h.list.below(usize::from(list.height));
    if below > 0 {
        let key = model.keymap.key_of(Command::PageDown).unwrap_or_default();
        let edge = Rect { y: inner.bottom(), height: 1, ..inner };
        c.right(edge, &text(format!(" {below} more ↓ {key} "), Role::Key));
    }
    Some(Position::new(inner.x + 3 + column, inner.y))
}
