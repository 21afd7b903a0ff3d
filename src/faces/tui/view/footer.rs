//! The last row: what can be pressed now, from the live keymap; or the filter, the chord, the hint.

use crossterm::event::KeyEvent;
use ratatui::layout::Rect;

use super::extent;
use crate::faces::tui::{
    command::{COMMANDS, Command},
    keymap::{Chord, Key, Resolution, show},
    model::Model,
    overlay::{Overlay, fields::Field, form::At, operation::OperationCard},
    paint::{Canvas, Text, plain, text},
    theme::Role,
    update::{is_letter, is_text},
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

/// Commands of the focus, innermost context first; help, which leads to all others, keeps its place at the end. Whatever
/// waits for a person comes before everything.
fn hints(model: &Model, width: usize) -> Text {
    let top = model.overlays.last();
    let mut last = hint(model, Command::Help).unwrap_or_default();
    if top.is_some() && extent(model).is_long() {
        let scrolls = match top {
            Some(Overlay::Form(f)) if f.picker.is_none() => Command::FormPageDown,
            _ => Command::PageDown,
        };
        let key = model.keymap.key_of(scrolls).unwrap_or_default();
        last = text(key, Role::Key).with(" scroll  ", Role::Muted).then(last);
    }
    let room = width.saturating_sub(last.width() + 1);
    let mut t = plain(" ");
    if top.is_none() && Command::Attention.available(model).is_ok() {
        let key = model.keymap.key_of(Command::Attention).unwrap_or_default();
        t += text(format!(" {key} {} ", Command::Attention.spec().title), Role::Badge).with("  ", Role::Text);
    }
    // On a card or form, the page below is out of reach.
    let reach = if top.is_none() { usize::MAX } else { 1 };
    for context in model.contexts().into_iter().take(reach) {
        let here = COMMANDS.iter().filter(|s| s.context == context && s.footer && s.id != Command::Help);
        for s in here.filter(|s| s.id != Command::Attention && s.id.available(model).is_ok()) {
            let Some(h) = hint(model, s.id).filter(|_| does_something(model, s.id)) else { continue };
            if t.width() + h.width() > room {
                return t.pad(room).then(last);
            }
            t += h;
        }
    }
    if top.is_none() && model.pages.is_empty() {
        for h in moving(model) {
            if t.width() + h.width() <= room {
                t += h;
            }
        }
    }
    t.then(last)
}

/// How to get about on the page, where there is room.
fn moving(model: &Model) -> Vec<Text> {
    let key = |c| model.keymap.key_of(c);
    let mut out = Vec::new();
    if let (Some(left), Some(right)) = (key(Command::PreviousTab), key(Command::NextTab)) {
        out.push(text(format!("{left} {right}"), Role::Key).with(" tabs  ", Role::Muted));
    }
    if let Some(zoom) = key(Command::Zoom) {
        let words = if model.home.zoom { " all panes  " } else { " zoom  " };
        out.push(text(zoom, Role::Key).with(words, Role::Muted));
    }
    out
}

/// What a command is called now.
fn title(model: &Model, c: Command) -> &'static str {
    match c {
        Command::Pin if model.home.savepoint(&model.data).is_some_and(|s| s.pinned) => "unpin",
        c => c.spec().title,
    }
}

/// A command and the first key that means it here: not one that an inner context has taken, nor one that is typed.
fn hint(model: &Model, c: Command) -> Option<Text> {
    let event = |k: &Key| KeyEvent::new(k.code, k.mods);
    let chosen = model.overlays.last().is_some_and(Overlay::chooses);
    let typed =
        |k: &Chord| k.iter().any(|k| model.types() && is_text(&event(k)) || chosen && is_letter(&event(k)));
    let means =
        |k: &Chord| matches!(model.keymap.resolve(&model.contexts(), k), Resolution::Command(x) if x == c);
    let key = model.keymap.keys_of(c).find(|k| means(k) && !typed(k))?;
    Some(text(show(key), Role::Key).with(format!(" {}  ", title(model, c)), Role::Muted))
}

/// Whether the key would do something as the card stands now.
fn does_something(model: &Model, c: Command) -> bool {
    match (model.overlays.last(), c) {
        (Some(Overlay::Card(card)), Command::Confirm) => card.takes_yes(model),
        (Some(Overlay::Card(card)), Command::CopyCommand) => card.plan.value.is_some(),
        (Some(Overlay::Card(card)), Command::PickValue) => card.fields.iter().any(Field::lists),
        (Some(Overlay::Card(card)), Command::NextField) => card.sending.is_none(),
        (Some(Overlay::Form(form)), Command::Pick) => matches!(form.at, At::Artifact | At::EntryClass),
        (Some(Overlay::Form(form)), Command::Edit) => form.at == At::Config,
        (Some(Overlay::Sheet(s)), Command::SheetOperation) => s.operation(model).is_some(),
        (Some(Overlay::Operation(o)), Command::Choose) => {
            !o.sending
                && model.data.operations.get(&o.id).is_some_and(|op| !OperationCard::choices(op).is_empty())
        }
        _ => true,
    }
}
