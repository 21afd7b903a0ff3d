//! The card of one operation: steps as they go, and the ways out when it waits for a person.

use crossterm::event::KeyEvent;

use super::{After, card::READ_MS};
use crate::{
    contract::{intent, model::Operation, problem::Problem},
    domain::{
        operation::{Choice, OpState},
        time::Timestamp,
    },
    faces::tui::{command::Command, input::Line, list::Move, model::Model, msg::Effect, theme::Role},
};

/// Its state.
#[derive(Debug, Clone, PartialEq)]
pub struct OperationCard {
    /// Which operation.
    pub id: String,
    /// The marked choice.
    pub choice: usize,
    /// Since when the marked choice has been chosen once; once more takes it.
    pub armed: Option<Timestamp>,
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
        Self { id, choice: 0, armed: None, location: None, sending: false, refused: None, scroll: None }
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
            Command::CloseOperation if self.location.is_some() || self.armed.is_some() => {
                (self.location, self.armed) = (None, None);
            }
            Command::CloseOperation => return After::Close,
            Command::ChoiceDown => self.mark(1, count),
            Command::ChoiceUp => self.mark(-1, count),
            Command::Choose => self.choose(model, fx),
            Command::CopyId => fx.push(Effect::Copy(self.id.clone())),
            _ => {}
        }
        After::Stay
    }

    fn mark(&mut self, n: isize, count: usize) {
        if self.location.is_none() && count > 0 {
            (self.choice, self.armed) = (self.choice.saturating_add_signed(n).min(count - 1), None);
        }
    }

    /// One row up or down marks another choice where there are some; everything else scrolls to `line`.
    pub(super) fn go(&mut self, to: Move, line: usize, model: &Model) {
        let count = model.data.operations.get(&self.id).map_or(0, |o| Self::choices(o).len());
        match to {
            Move::By(n @ (-1 | 1)) if count > 0 => self.mark(n, count),
            _ => self.scroll = Some(line),
        }
    }

    /// First Enter arms (and asks for the place), the second one takes the choice.
    fn choose(&mut self, model: &mut Model, fx: &mut Vec<Effect>) {
        let Some(op) = model.data.operations.get(&self.id) else { return };
        let Some(choice) = Self::choices(op).get(self.choice).cloned() else { return };
        if self.sending {
            return;
        }
        let wants_place = choice.needs.as_deref() == Some("location");
        let Some(armed) = self.armed else {
            self.armed = Some(model.now);
            self.location = wants_place.then(Line::default);
            return;
        };
        // Two presses in one breath were typed before this card was there.
        if model.now.millis() - armed.millis() < i64::try_from(READ_MS).unwrap_or(i64::MAX) {
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
        (self.sending, self.armed, self.location) = (false, None, None);
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
