//! The card of a verb: read what will be done, then confirm it.
//!
//! ```text
//!   asking ─ plan ─▶ reading ─ confirm ─▶ sending ─ operation ─▶ (operation card)
//!     ▲   edit          │ ▲                  │ ├─ plan changed ─▶ reading, with the new plan
//!     └─────────────────┘ └── refused ───────┘ └─ no answer ─▶ sent again under the same key,
//!                                            also when the card was left
//! ```
//!
//! What a person types ahead must not confirm a plan that nobody has read: nothing is sent until the plan has stood on
//! the screen for [`READ_MS`].

mod keys;
mod sending;

pub use self::sending::{Sending, answered, ask_again};

use super::fields::{self, Field};
use crate::{
    contract::{
        plan::{Confirmation, Plan, Verdict},
        problem::Problem,
    },
    domain::time::Timestamp,
    faces::tui::{
        data::{Data, Load, Question as _, Tab},
        input::Line,
        list::ListView,
        model::Model,
        msg::{AskId, Effect, Request, Wake},
        verbs::READ_ONLY,
    },
};

/// Milliseconds that edits rest before the manager is asked again.
pub const SETTLE_MS: u64 = 300;
/// Milliseconds that a plan must have stood on the screen before it can be confirmed.
pub const READ_MS: u64 = 500;
/// What has the focus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Focus {
    /// One of the card's fields.
    Field(usize),
    /// The reason, for the event log.
    Reason,
    /// The name that must be typed.
    Typed,
    /// The button that does nothing.
    Cancel,
    /// The button that does it.
    Confirm,
}

/// The list of a field's values, while it is open.
#[derive(Debug)]
pub struct Picker {
    /// Place of its field among the card's fields.
    pub field: usize,
    /// Places in the field's options.
    pub list: ListView<usize>,
}

/// A card.
#[derive(Debug)]
pub struct Card {
    /// Its name for answers.
    pub ask: AskId,
    request: Request,
    /// What it asks for.
    pub fields: Vec<Field>,
    /// What would be done.
    pub plan: Load<Box<Plan>>,
    question: u64,
    /// Why, in a person's words.
    pub reason: Line,
    /// The name that must be typed.
    pub typed: Line,
    /// What has the focus.
    pub focus: Focus,
    /// The act is on its way.
    pub sending: Option<Sending>,
    /// The plan changed since it was read.
    pub changed: bool,
    /// Why the act was refused.
    pub refused: Option<Box<Problem>>,
    /// Lines that its body is scrolled by.
    pub scroll: usize,
    /// The list of a field's values.
    pub picker: Option<Picker>,
    /// Since when what would be confirmed is on the screen.
    seen: Timestamp,
}

impl Card {
    /// A card for a request; it asks for the plan at once, unless a field is still missing.
    pub fn open(request: Request, model: &mut Model, fx: &mut Vec<Effect>) -> Self {
        let fields = fields::of(&request, model);
        if let Request::Rollback(d, _) = &request {
            fx.push(Effect::LoadTab(d.clone(), Tab::Config));
        }
        let mut card = Self {
            ask: model.next_ask(),
            request,
            fields,
            plan: Load::default(),
            question: 0,
            reason: Line::default(),
            typed: Line::default(),
            focus: Focus::Cancel,
            sending: None,
            changed: false,
            refused: None,
            scroll: 0,
            picker: None,
            seen: model.now,
        };
        if fields::complaint(card.request.kind(), &card.fields).is_some() {
            card.focus = Focus::Field(0);
        } else {
            card.ask_plan(fx);
        }
        card
    }

    /// What it is about.
    #[must_use]
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// What stands in the way of confirming; `None` = nothing.
    #[must_use]
    pub fn obstacle(&self, data: &Data) -> Option<String> {
        if data.read_only {
            return Some(READ_ONLY.to_owned());
        }
        if let Some(c) = fields::complaint(self.request.kind(), &self.fields) {
            return Some(c);
        }
        let Some(plan) = &self.plan.value else {
            return Some(match &self.plan.problem {
                Some(p) => p.detail.clone(),
                None => "the plan is on its way".to_owned(),
            });
        };
        if self.plan.loading {
            return Some("the plan is on its way".to_owned());
        }
        if !plan.runnable {
            let failed = plan.checks.iter().find(|c| c.verdict == Verdict::Failed);
            return Some(
                failed.map_or_else(|| "preflight lets it not run".to_owned(), |c| c.message.clone()),
            );
        }
        if plan.confirmation == Confirmation::TypeName && !self.is_typed(plan) {
            return Some(format!("type {} to confirm", plan.typed_name));
        }
        None
    }

    /// The plan has stood on the screen long enough to be read.
    #[must_use]
    pub fn is_read(&self, now: Timestamp) -> bool {
        u64::try_from(now.millis() - self.seen.millis()).is_ok_and(|ms| ms >= READ_MS)
    }

    /// One key confirms it now.
    #[must_use]
    pub fn takes_yes(&self, model: &Model) -> bool {
        let free = self.sending.is_none() && self.on_buttons() && self.obstacle(&model.data).is_none();
        free && self.is_read(model.now)
    }

    /// Something else is on the screen: it must be read first.
    fn show_anew(&mut self, now: Timestamp, fx: &mut Vec<Effect>) {
        self.seen = now;
        fx.push(Effect::Wake(READ_MS, Wake::Read(self.ask)));
    }

    fn is_typed(&self, plan: &Plan) -> bool {
        self.typed.as_str().trim() == plan.typed_name
    }

    fn edited(&mut self, fx: &mut Vec<Effect>) {
        self.question += 1;
        self.plan.loading = true;
        self.refused = None;
        fx.push(Effect::Wake(SETTLE_MS, Wake::Settled(self.ask, self.question)));
    }

    /// Edits have settled.
    pub fn settled(&mut self, question: u64, fx: &mut Vec<Effect>) {
        if question == self.question && self.sending.is_none() {
            if fields::complaint(self.request.kind(), &self.fields).is_none() {
                self.ask_plan(fx);
            } else {
                self.plan.loading = false;
            }
        }
    }

    fn ask_plan(&mut self, fx: &mut Vec<Effect>) {
        self.question += 1;
        self.plan.ask();
        fx.push(Effect::DryRun(self.ask, self.question, Box::new(self.filled())));
    }

    fn filled(&self) -> Request {
        fields::filled(&self.request, &self.fields)
    }

    /// The plan arrived; an answer to an older question is dropped.
    pub fn planned(
        &mut self,
        question: u64,
        result: Result<Box<Plan>, Box<Problem>>,
        model: &Model,
        fx: &mut Vec<Effect>,
    ) {
        if question != self.question || self.sending.is_some() {
            return;
        }
        let digest = |p: &Plan| p.plan_digest.clone();
        if result.as_ref().ok().map(|p| digest(p)) != self.plan.value.as_ref().map(|p| digest(p)) {
            self.show_anew(model.now, fx);
        }
        if result.is_err() {
            self.plan.value = None;
        }
        self.plan.answer(result, model.now);
    }

    /// Lists may have grown.
    pub fn refresh(&mut self, model: &Model) {
        fields::refresh(&mut self.fields, &self.request, model);
    }
}
