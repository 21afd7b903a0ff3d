//! What lies on top of the pages: an enum stack, never flags. The topmost has the keys.

pub mod card;
pub mod fields;
pub mod form;
pub mod help;
pub mod operation;
pub mod options;
pub mod sheet;

use crossterm::event::KeyEvent;

use super::{
    command::{Command, Context},
    list::Move,
    model::Model,
    msg::Effect,
};

/// One thing on top.
#[derive(Debug)]
pub enum Overlay {
    /// Asks for confirmation.
    Card(Box<card::Card>),
    /// Shows one operation.
    Operation(operation::OperationCard),
    /// The upgrade form.
    Form(Box<form::Form>),
    /// One thing in full.
    Sheet(sheet::Sheet),
    /// The list of commands.
    Help(help::Help),
    /// The question before leaving.
    Leave,
}

/// What becomes of an overlay after it was given something.
#[derive(Debug)]
pub enum After {
    /// It stays.
    Stay,
    /// It goes.
    Close,
    /// Another takes its place.
    Become(Overlay),
    /// Another lies on top of it.
    Over(Overlay),
    /// It goes, and then the command runs as if typed on the page below.
    Run(Command),
}

impl Overlay {
    /// Where its keys are looked up, innermost first. Below everything is what is known everywhere.
    #[must_use]
    pub const fn contexts(&self) -> &'static [Context] {
        use Context::{Card, Form, Global, Help, Leave, List, Operation, Picker, Sheet};
        match self {
            Self::Card(c) if c.picker.is_some() => &[Picker, List, Global],
            Self::Form(f) if f.picker.is_some() => &[Picker, List, Global],
            Self::Card(_) => &[Card, List, Global],
            Self::Operation(_) => &[Operation, List, Global],
            Self::Form(_) => &[Form, Global],
            Self::Sheet(_) => &[Sheet, List, Global],
            Self::Help(_) => &[Help, List, Global],
            Self::Leave => &[Leave, Global],
        }
    }

    /// A text field has the focus: characters belong to it.
    #[must_use]
    pub fn types(&self) -> bool {
        match self {
            Self::Card(c) => c.types(),
            Self::Operation(o) => o.types(),
            Self::Form(f) => f.types(),
            Self::Help(_) => true,
            Self::Sheet(_) | Self::Leave => false,
        }
    }

    /// A field whose value is chosen, not typed, has the focus: a character means nothing there, whatever command it is
    /// elsewhere. Who believes to be typing a reason must neither change a value nor confirm.
    #[must_use]
    pub fn chooses(&self) -> bool {
        match self {
            Self::Card(c) => c.chooses(),
            Self::Form(f) => f.chooses(),
            Self::Operation(_) | Self::Sheet(_) | Self::Help(_) | Self::Leave => false,
        }
    }

    /// A key that belongs to the text field with the focus; false when it means nothing there.
    pub fn key(&mut self, e: &KeyEvent, model: &mut Model, fx: &mut Vec<Effect>) -> bool {
        match self {
            Self::Card(c) => c.key(e, fx),
            Self::Operation(o) => o.key(e),
            Self::Form(f) => f.key(e, fx),
            Self::Help(h) => h.key(e, model),
            Self::Sheet(_) | Self::Leave => false,
        }
    }

    /// Pasted text.
    pub fn paste(&mut self, s: &str, model: &mut Model, fx: &mut Vec<Effect>) {
        match self {
            Self::Card(c) => c.paste(s, fx),
            Self::Operation(o) => o.paste(s),
            Self::Form(f) => f.paste(s, fx),
            Self::Help(h) => h.paste(s, model),
            Self::Sheet(_) | Self::Leave => {}
        }
    }

    /// A command of its context.
    pub fn command(&mut self, c: Command, model: &mut Model, fx: &mut Vec<Effect>) -> After {
        match self {
            Self::Card(card) => card.command(c, model, fx),
            Self::Operation(o) => o.command(c, model, fx),
            Self::Form(f) => f.command(c, model, fx),
            Self::Sheet(s) => s.command(c, model, fx),
            Self::Help(h) => h.command(c),
            Self::Leave => match c {
                Command::LeaveNow => {
                    fx.push(Effect::Quit);
                    After::Close
                }
                Command::Stay => After::Close,
                _ => After::Stay,
            },
        }
    }

    /// It goes.
    pub(super) fn leave(self, model: &mut Model) {
        if let Self::Card(card) = self {
            card.leave(model);
        }
    }

    /// Moves in its list, or scrolls its text to `line`.
    pub fn go(&mut self, to: Move, line: usize, model: &Model) {
        match self {
            Self::Card(c) => c.go(to, line),
            Self::Operation(o) => o.go(to, line, model),
            Self::Form(f) => f.go(to, line),
            Self::Sheet(s) => s.scroll = line,
            Self::Help(h) => h.go(to),
            Self::Leave => {}
        }
    }
}
