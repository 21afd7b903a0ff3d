//! The card of one operation: steps as they go, and the ways out when it waits for a person.

use crossterm::event::KeyEvent;

use super::After;
use crate::{
    contract::{intent, model::Operation, problem::Problem},
    domain::operation::{Choice, OpState},
    faces::tui::{command::Command, input::Line, model::Model, msg::Effect, theme::Role},
};

/// Its state.
#[derive(Debug, Clone, PartialEq)]
pub struct OperationCard {
    /// Which operation.
    pub id: String,
    /// The marked choice.
    pub choice: usize,
    /// The marked choice was chosen once; once more takes it.
    pub armed: bool,
    /// The place that a choice needs, while it is typed.
    pub location: Option<Line>,
    /// The choice is on its way.
    pub sending: bool,
    /// Why the choice was refused.
    pub refused: Option<Box<Problem>>,
    /// Lines that the card is scrolled by; `None` = it follows the step at work.
    pub scroll: Option<usize>,
}

impl OperationCard {
    /// A card for an operation.
    #[must_use]
    pub const fn new(id: String) -> Self {
        Self { id, choice: 0, armed: false, location: None, sending: false, refused: None, scroll: None }
    }

    /// Characters belong to the field.
    #[must_use]
    pub const fn types(&self) -> bool {
        self.location.is_some()
    }

    pub(super) fn key(&mut self, e: &KeyEvent) -> bool {
        self.location.as_mut().is_some_and(|l| l.key(e).is_some())
    }

    pub(super) fn paste(&mut self, s: &str) {
        if let Some(l) = &mut self.location {
            l.insert(s);
        }
    }

    /// The ways out, while it waits.
    #[must_use]
    pub fn choices(op: &Operation) -> &[Choice] {
        if op.state == OpState::NeedsAttention { &op.choices } else { &[] }
    }

    pub(super) fn command(&mut self, c: Command, model: &mut Model, fx: &mut Vec<Effect>) -> After {
        let count = model.data.operations.get(&self.id).map_or(0, |o| Self::choices(o).len());
        match c {
            Command::CloseOperation if self.location.is_some() || self.armed => {
                (self.location, self.armed) = (None, false);
            }
            Command::CloseOperation => return After::Close,
            Command::ChoiceDown if count == 0 => self.scroll = Some(self.scroll.unwrap_or(0) + 1),
            Command::ChoiceUp if count == 0 => self.scroll = Some(self.scroll.unwrap_or(0).saturating_sub(1)),
            Command::ChoiceDown if self.location.is_none() => {
                (self.choice, self.armed) = ((self.choice + 1).min(count - 1), false);
            }
            Command::ChoiceUp if self.location.is_none() => {
                (self.choice, self.armed) = (self.choice.saturating_sub(1), false);
            }
            Command::Choose => self.choose(model, fx),
            Command::CopyId => fx.push(Effect::Copy(self.id.clone())),
            _ => {}
        }
        After::Stay
    }

    /// First Enter arms (and asks for the place), the second one takes the choice.
    fn choose(&mut self, model: &mut Model, fx: &mut Vec<Effect>) {
        let Some(op) = model.data.operations.get(&self.id) else { return };
        let Some(choice) = Self::choices(op).get(self.choice).cloned() else { return };
        if self.sending {
            return;
        }
        let wants_place = choice.needs.as_deref() == Some("location");
        if !self.armed {
            self.armed = true;
            self.location = wants_place.then(Line::default);
            return;
        }
        let location = self.location.as_ref().and_then(Line::value);
        if wants_place && location.is_none() {
            model.toast("type the snapshot's place first", Role::Warn);
            return;
        }
        let body = intent::Choose { choice: choice.id, location, reason: None };
        let key = model.next_key();
        self.sending = true;
        fx.push(Effect::Choose { operation: self.id.clone(), body, key });
    }

    /// What became of the choice.
    pub fn chosen(&mut self, result: Result<Box<Operation>, Box<Problem>>, model: &mut Model) {
        (self.sending, self.armed, self.location) = (false, false, None);
        match result {
            Ok(op) => {
                self.refused = None;
                // A choice answers with the operation that goes on: itself, or its child.
                self.id.clone_from(&op.operation_id);
                model.started.insert(op.operation_id.clone());
                model.data.put_operation(*op);
            }
            Err(p) => self.refused = Some(p),
        }
    }
}
