//! Keys: to the field that is typed into, or to the command that they mean here.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::act::{run, with_top};
use crate::faces::tui::{
    command::{Command, Context},
    keymap::{Key, Resolution},
    layout,
    model::Model,
    msg::Effect,
    overlay::{After, Overlay, form::At},
    theme::Role,
};

/// Nothing can be read there, so nothing may be done there.
fn is_blind(model: &Model) -> bool {
    layout::Tier::of(model.size.0, model.size.1) == layout::Tier::TooSmall
}

/// What may be done without a sight of it: leaving, which stops nothing, and going to the shell.
fn on_blind_key(model: &mut Model, e: &KeyEvent, fx: &mut Vec<Effect>) {
    if model.types() && is_text(e) {
        return;
    }
    model.pending.push(Key::of(e));
    match model.keymap.resolve(&[Context::Global], &model.pending) {
        // The question before leaving could not be read; what goes on is said at the end.
        Resolution::Command(Command::Quit) => fx.push(Effect::Quit),
        Resolution::Command(Command::Sleep) => fx.push(Effect::Sleep),
        Resolution::Pending(_) => return,
        _ if model.pending == [Key::ctrl('c')] => fx.push(Effect::Quit),
        _ if model.pending == [Key::ctrl('z')] => fx.push(Effect::Sleep),
        _ => {}
    }
    model.pending.clear();
}

pub(super) fn on_paste(model: &mut Model, s: &str, fx: &mut Vec<Effect>) {
    if is_blind(model) {
        return;
    }
    if let Some(line) = &mut model.home.filtering {
        line.insert(s);
        let words = line.as_str().to_owned();
        model.home.set_filter(&words);
    } else if model.overlays.last().is_some_and(Overlay::types) {
        with_top(model, fx, |o, m, fx| {
            o.paste(s, m, fx);
            After::Stay
        });
    }
}

pub(super) fn on_key(model: &mut Model, e: &KeyEvent, fx: &mut Vec<Effect>) {
    model.hint = None;
    if is_blind(model) {
        return on_blind_key(model, e, fx);
    }
    if model.types() && (is_text(e) || ends_line(model, e)) && give_to_field(model, e, fx) {
        return;
    }
    if model.overlays.last().is_some_and(Overlay::chooses) && is_letter(e) {
        model.pending.clear();
        return nothing_is_typed(model);
    }
    let key = Key::of(e);
    model.pending.push(key);
    match model.keymap.resolve(&model.contexts(), &model.pending) {
        Resolution::Command(c) => {
            model.pending.clear();
            // On a card or form, a letter that only the page below knows means nothing.
            let below = !model.overlays.is_empty() && c.spec().context == Context::Global && is_text(e);
            if below && !matches!(c, Command::Help | Command::Palette) {
                press_form(model, e, fx);
            } else {
                run(model, c, fx);
            }
        }
        Resolution::Pending(_) => {}
        Resolution::None => {
            let chord = model.pending.len() > 1;
            model.pending.clear();
            if !chord && !give_to_field(model, e, fx) {
                press_form(model, e, fx);
            }
        }
    }
}

/// Keys that a text field takes before any command does.
pub fn is_text(e: &KeyEvent) -> bool {
    let plain = !e.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
    plain
        && matches!(e.code, KeyCode::Char(_) | KeyCode::Left | KeyCode::Right | KeyCode::Home | KeyCode::End)
        || matches!(e.code, KeyCode::Backspace | KeyCode::Delete)
        || e.modifiers.contains(KeyModifiers::CONTROL)
            && matches!(e.code, KeyCode::Char('a' | 'k' | 'u' | 'w' | 'd'))
}

/// The key for the end of a line, where a line is typed into: only in a form's configuration it may mean the editor.
fn ends_line(model: &Model, e: &KeyEvent) -> bool {
    let in_lines = matches!(model.overlays.last(), Some(Overlay::Form(f)) if f.at != At::Config);
    in_lines && Key::of(e) == Key::ctrl('e')
}

/// A character that would be text in a text field; a blank presses.
#[must_use]
pub fn is_letter(e: &KeyEvent) -> bool {
    is_text(e)
        && matches!(e.code, KeyCode::Char(c) if c != ' ')
        && e.modifiers.difference(KeyModifiers::SHIFT).is_empty()
}

/// Says why a character did nothing in a field whose value is chosen.
fn nothing_is_typed(model: &mut Model) {
    let key = |c| model.keymap.key_of(c).unwrap_or_default();
    let confirms = match model.overlays.last() {
        Some(Overlay::Card(_)) => format!("{} confirms from the buttons", key(Command::Confirm)),
        _ => format!("{} goes on to the next field", key(Command::FormNext)),
    };
    let words = format!("nothing is typed here: left, right and space change the value; {confirms}");
    model.toast(words, Role::Warn);
}

fn give_to_field(model: &mut Model, e: &KeyEvent, fx: &mut Vec<Effect>) -> bool {
    let mut used = false;
    if model.overlays.last().is_some_and(Overlay::types) {
        with_top(model, fx, |o, m, fx| {
            used = o.key(e, m, fx);
            After::Stay
        });
    } else if model.overlays.is_empty()
        && let Some(line) = &mut model.home.filtering
    {
        used = line.key(e).is_some();
        let words = line.as_str().to_owned();
        model.home.set_filter(&words);
    }
    used
}

/// Fields of the form that are turned, not typed.
fn press_form(model: &mut Model, e: &KeyEvent, fx: &mut Vec<Effect>) {
    if matches!(model.overlays.last(), Some(Overlay::Form(f)) if f.picker.is_none()) {
        with_top(model, fx, |o, m, fx| match o {
            Overlay::Form(f) => f.press(e, m, fx),
            _ => After::Stay,
        });
    }
}
