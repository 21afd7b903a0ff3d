//! Keys in a card: into its fields, over its buttons, and the one that confirms.

use crossterm::event::KeyEvent;

use super::{Card, Focus, Picker};
use crate::{
    contract::plan::Confirmation,
    faces::tui::{
        command::Command,
        list::{ListView, Move},
        model::Model,
        msg::Effect,
        overlay::{
            After,
            fields::{self, Field, Pressed},
        },
        theme::Role,
    },
};

impl Card {
    /// What can have the focus, in order.
    #[must_use]
    pub fn order(&self) -> Vec<Focus> {
        let mut order: Vec<_> = (0..self.fields.len()).map(Focus::Field).collect();
        order.push(Focus::Reason);
        if self.plan.value.as_ref().is_some_and(|p| p.confirmation == Confirmation::TypeName) {
            order.push(Focus::Typed);
        }
        order.extend([Focus::Cancel, Focus::Confirm]);
        order
    }

    fn step(&mut self, n: isize) {
        let order = self.order();
        let at = order.iter().position(|f| *f == self.focus).unwrap_or(0);
        let next = at.wrapping_add_signed(n).wrapping_add(order.len()) % order.len().max(1);
        self.focus = order.get(next).copied().unwrap_or(Focus::Cancel);
    }

    /// Characters belong to a field.
    #[must_use]
    pub fn types(&self) -> bool {
        if self.sending.is_some() || self.picker.is_some() {
            return false;
        }
        match self.focus {
            Focus::Field(i) => self.fields.get(i).is_some_and(Field::types),
            Focus::Reason | Focus::Typed => true,
            Focus::Cancel | Focus::Confirm => false,
        }
    }

    /// A field whose value is chosen has the focus.
    #[must_use]
    pub fn chooses(&self) -> bool {
        let free = self.sending.is_none() && self.picker.is_none();
        free && matches!(self.focus, Focus::Field(_)) && !self.types()
    }

    /// The buttons have the focus: only there does one key confirm.
    #[must_use]
    pub const fn on_buttons(&self) -> bool {
        matches!(self.focus, Focus::Cancel | Focus::Confirm)
    }

    pub(in crate::faces::tui::overlay) fn key(&mut self, e: &KeyEvent, fx: &mut Vec<Effect>) -> bool {
        let changed = match self.focus {
            Focus::Field(i) => match self.fields.get_mut(i).and_then(|f| f.key(e)) {
                Some(changed) => {
                    if changed {
                        self.edited(fx);
                    }
                    Some(changed)
                }
                None => None,
            },
            Focus::Reason => self.reason.key(e),
            Focus::Typed => self.typed.key(e),
            Focus::Cancel | Focus::Confirm => None,
        };
        changed.is_some()
    }

    pub(in crate::faces::tui::overlay) fn paste(&mut self, s: &str, fx: &mut Vec<Effect>) {
        match self.focus {
            Focus::Field(i) => {
                if let Some(fields::Value::Text(l)) = self.fields.get_mut(i).map(|f| &mut f.value) {
                    l.insert(s);
                    self.edited(fx);
                }
            }
            Focus::Reason => self.reason.insert(s),
            Focus::Typed => self.typed.insert(s),
            Focus::Cancel | Focus::Confirm => {}
        }
    }

    pub(in crate::faces::tui::overlay) fn command(
        &mut self,
        c: Command,
        model: &mut Model,
        fx: &mut Vec<Effect>,
    ) -> After {
        match c {
            Command::Close => return After::Close,
            Command::NextField => self.step(1),
            Command::PreviousField => self.step(-1),
            Command::Next | Command::Previous => match self.focus {
                Focus::Cancel => self.focus = Focus::Confirm,
                Focus::Confirm => self.focus = Focus::Cancel,
                Focus::Field(i) => {
                    let by = if c == Command::Next { 1 } else { -1 };
                    if self.fields.get_mut(i).is_some_and(|f| f.turn(by) == Pressed::Changed) {
                        self.edited(fx);
                    }
                }
                _ => {}
            },
            Command::PickValue => self.pick(),
            Command::PickTake => self.picked(fx),
            Command::PickClose => self.picker = None,
            Command::Press => return self.press(model, fx),
            Command::Confirm => self.say_yes(model, fx),
            // The same key twice, or a blank behind it, confirms nothing.
            Command::Buttons => self.focus = if self.lacks_name() { Focus::Typed } else { Focus::Cancel },
            Command::CopyCommand => match &self.plan.value {
                Some(plan) => fx.push(Effect::Copy(model.command_line(&plan.command))),
                None => model.toast("no plan yet, so no command line", Role::Warn),
            },
            _ => {}
        }
        After::Stay
    }

    fn press(&mut self, model: &mut Model, fx: &mut Vec<Effect>) -> After {
        match self.focus {
            Focus::Cancel => return After::Close,
            Focus::Confirm => self.submit(model, fx),
            Focus::Field(i) => match self.fields.get_mut(i).map_or(Pressed::Nothing, Field::press) {
                Pressed::Changed => self.edited(fx),
                Pressed::Lists => self.pick(),
                Pressed::Nothing => self.step(1),
            },
            Focus::Reason | Focus::Typed => self.step(1),
        }
        After::Stay
    }

    /// The plan asks for a name that is not typed yet.
    fn lacks_name(&self) -> bool {
        let plan = self.plan.value.as_ref().filter(|p| p.confirmation == Confirmation::TypeName);
        plan.is_some_and(|p| !self.is_typed(p))
    }

    /// `y`: enough on the buttons, unless a name must be typed.
    fn say_yes(&mut self, model: &mut Model, fx: &mut Vec<Effect>) {
        if !self.on_buttons() {
            let key = model.keymap.key_of(Command::Confirm).unwrap_or_default();
            model.toast(format!("nothing was sent: {key} confirms from the buttons"), Role::Warn);
            return;
        }
        if self.lacks_name() {
            self.focus = Focus::Typed;
        } else {
            self.submit(model, fx);
        }
    }

    /// Moves in the open list, or scrolls to a line.
    pub(in crate::faces::tui::overlay) fn go(&mut self, to: Move, line: usize) {
        match &mut self.picker {
            Some(p) => {
                p.list.go(to);
            }
            None => self.scroll = line,
        }
    }

    /// Opens the list of the field with the focus, or of the first one that has a list.
    fn pick(&mut self) {
        let has = |i: &usize| self.fields.get(*i).is_some_and(|f| !f.options.is_empty());
        let focused = if let Focus::Field(i) = self.focus { Some(i) } else { None };
        let listed = |i: &usize| self.fields.get(*i).is_some_and(Field::lists);
        let Some(field) = focused.filter(has).or_else(|| (0..self.fields.len()).find(listed)) else { return };
        self.focus = Focus::Field(field);
        let mut list = ListView::default();
        list.sync(0..self.fields[field].options.len(), |i| *i, |_| String::new());
        if let fields::Value::Choice(at) = self.fields[field].value {
            list.select(&at);
        }
        self.picker = Some(Picker { field, list });
    }

    fn picked(&mut self, fx: &mut Vec<Effect>) {
        let Some(picker) = self.picker.take() else { return };
        if let (Some(field), Some(at)) = (self.fields.get_mut(picker.field), picker.list.selected()) {
            field.take(*at);
            self.edited(fx);
        }
    }
}
