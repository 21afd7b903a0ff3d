//! The foot of a card: its fields, the reason, the name to type, the buttons.

use super::choice;
use crate::{
    contract::plan::Confirmation,
    domain::operation::Kind,
    faces::tui::{
        command::Command,
        input::Line,
        model::Model,
        overlay::{
            card::{Card, Focus},
            fields::{Field, Value},
        },
        paint::{Text, muted, plain, text},
        say,
        theme::Role,
    },
};

pub(super) struct Foot {
    pub(super) lines: Vec<Text>,
    pub(super) cursor: Option<(u16, u16)>,
}

const LABEL: usize = 11;

/// Fields, reason, the name to type, the buttons: always in sight.
pub(super) fn foot(model: &Model, card: &Card, cells: usize) -> Foot {
    let mut f = Foot { lines: vec![Text::empty()], cursor: None };
    for (i, field) in card.fields.iter().enumerate() {
        field_line(&mut f, model, field, card.focus == Focus::Field(i), cells);
    }
    input_line(&mut f, "Reason", &card.reason, card.focus == Focus::Reason, cells, "why, for the event log");
    if let Some(plan) = card.plan.value.as_ref().filter(|p| p.confirmation == Confirmation::TypeName) {
        let ask = format!("type {} to confirm", plan.typed_name);
        input_line(&mut f, "Confirm", &card.typed, card.focus == Focus::Typed, cells, &ask);
    }
    f.lines.push(Text::empty());
    f.lines.push(buttons(model, card, cells));
    f
}

fn mark(focused: bool) -> Text {
    text(if focused { "▸" } else { " " }, Role::Key)
}

fn input_line(f: &mut Foot, label: &'static str, line: &Line, focused: bool, cells: usize, help: &str) {
    let room = cells.saturating_sub(LABEL + 1);
    let head = mark(focused).then(text(label, if focused { Role::Focus } else { Role::Muted }).pad(LABEL));
    let (shown, column) = line.shown(room, Role::Field);
    if focused {
        let x = u16::try_from(LABEL + 1).unwrap_or(0) + column;
        f.cursor = Some((x, u16::try_from(f.lines.len()).unwrap_or(0)));
    }
    let value = match (line.as_str().is_empty(), focused) {
        (true, true) => text(help, Role::Field).pad(room).role(Role::Field),
        (true, false) => muted(help).pad(room),
        (false, _) => shown,
    };
    f.lines.push(head.then(value));
}

fn field_line(f: &mut Foot, model: &Model, field: &Field, focused: bool, cells: usize) {
    match &field.value {
        Value::Text(line) => input_line(f, field.label, line, focused, cells, field.help),
        Value::Choice(at) => {
            let role = if focused { Role::Field } else { Role::Text };
            let head = mark(focused)
                .then(text(field.label, if focused { Role::Focus } else { Role::Muted }).pad(LABEL));
            let words = field.options.get(*at).map_or_else(Text::empty, |o| choice(o, role));
            let mut line = head.with("‹ ", role).then(words).with(" ›", role);
            if focused && field.lists() {
                let key = model.keymap.key_of(Command::Press).unwrap_or_default();
                line = line.with(format!("  {key}"), Role::Key).with(" lists", Role::Muted);
            }
            f.lines.push(line.fit(cells));
        }
        Value::Toggle(on) => {
            let role = if focused { Role::Field } else { Role::Text };
            let head = mark(focused)
                .then(text(field.label, if focused { Role::Focus } else { Role::Muted }).pad(LABEL));
            let tick = if *on { "[x]" } else { "[ ]" };
            f.lines.push(head.with(tick, role).with(format!(" {}", field.help), Role::Muted));
        }
    }
}

fn buttons(model: &Model, card: &Card, cells: usize) -> Text {
    if card.sending.is_some() {
        let key = model.keymap.key_of(Command::Close).unwrap_or_default();
        let (state, leaves) = match card.refused {
            Some(_) => ("◐ no answer yet", "leaves; it is asked for until there is one"),
            None => ("◐ sent, waiting for the manager", "leaves; it goes on"),
        };
        return text(state, Role::Busy).with(format!("   {key} {leaves}"), Role::Muted).fit(cells);
    }
    let obstacle = card.obstacle(&model.data);
    let verb = say::verb(card.request().kind());
    let button = |label: String, focused: bool, enabled: bool| {
        let role = match (focused, enabled) {
            (true, true) => Role::Button,
            (true, false) => Role::SelectionIdle,
            (false, true) => Role::Accent,
            (false, false) => Role::Muted,
        };
        // Brackets tell the button with focus where colour cannot.
        text(if focused { format!("[ {label} ]") } else { format!("  {label}  ") }, role)
    };
    // Beside "Cancel the job" the word would mean two things.
    let dismiss = if card.request().kind() == Kind::Cancel { "Back" } else { "Cancel" };
    let mut t = button(dismiss.to_owned(), card.focus == Focus::Cancel, true);
    t += plain("  ");
    t += button(verb.to_owned(), card.focus == Focus::Confirm, obstacle.is_none());
    match obstacle {
        Some(why) => {
            let role = if card.plan.loading { Role::Muted } else { Role::Warn };
            t += text(format!("   {why}"), role);
        }
        None if card.takes_yes(model) => {
            t += plain("   ").with(model.keymap.key_of(Command::Confirm).unwrap_or_default(), Role::Key);
            t += muted(format!(" {}", verb.to_lowercase()));
        }
        None => {}
    }
    t.fit(cells)
}
