//! A confirmed card on its way: one key for one act, however often it has to be sent.
//!
//! ```text
//!   card ─ sending ─▶ answered: the card says so
//!             └─ the card is left ─▶ unanswered ─▶ answered: a short message says so
//! ```

use super::{Card, Focus};
use crate::{
    contract::{
        model::Operation,
        plan::{Confirmation, Submitted},
        problem::{Code, Problem},
    },
    domain::operation::Kind,
    faces::tui::{
        command::Command,
        input::Line,
        model::Model,
        msg::{AskId, Effect, Request, Wake},
        overlay::{After, Overlay, operation::OperationCard},
        theme::Role,
    },
};

/// Milliseconds until an unanswered act is sent again under its key.
const RESEND_MS: u64 = 2_000;

/// An act on its way. It is sent until it is answered, also when its card is not there any more: it happens once at most
/// because of its key, and only as the plan says that was read, because that is sent with it.
#[derive(Debug)]
pub struct Sending {
    ask: AskId,
    key: String,
    request: Request,
    /// How often it was sent.
    pub tries: u32,
}

impl Sending {
    /// What it is: `SUSPEND of payments/production`.
    #[must_use]
    pub fn words(&self) -> String {
        let subject = match &self.request {
            Request::Adopt(.., b) => &b.deployment,
            other => other.subject(),
        };
        format!("{} of {subject}", self.request.kind())
    }

    /// Time to ask again what became of it: the same request under the same key.
    fn again(&mut self, fx: &mut Vec<Effect>) {
        self.tries += 1;
        fx.push(Effect::Submit(self.ask, Box::new(self.request.clone()), self.key.clone()));
    }
}

/// Nobody has said what became of it.
const fn is_lost(p: &Problem) -> bool {
    matches!(p.code, Code::ManagerUnreachable | Code::TimedOut)
}

/// The manager has taken an act up; the answer is its operation's id.
fn accepted(op: Operation, model: &mut Model, fx: &mut Vec<Effect>) -> String {
    let id = op.operation_id.clone();
    model.started.insert(id.clone());
    if op.kind == Kind::Adopt {
        // A job changes sides: what is unmanaged is looked at anew, and the selection goes with the job.
        fx.push(Effect::LoadSnapshot);
        model.home.coming = Some(op.deployment.clone());
    }
    model.data.put_operation(op);
    id
}

/// What became of an act whose card was left.
pub fn answered(
    model: &mut Model,
    ask: AskId,
    result: Result<Submitted, Box<Problem>>,
    fx: &mut Vec<Effect>,
) {
    let Some(at) = model.unanswered.iter().position(|s| s.ask == ask) else { return };
    if result.as_ref().is_err_and(|p| is_lost(p)) {
        fx.push(Effect::Wake(RESEND_MS, Wake::Resend(ask)));
        return;
    }
    let what = model.unanswered.remove(at).words();
    match result {
        Ok(Submitted::Operation(op)) => {
            accepted(*op, model, fx);
            let key = model.keymap.key_of(Command::Operations).unwrap_or_default();
            model.toast(format!("◐ {what} was taken up; {key} shows it"), Role::Busy);
        }
        Ok(Submitted::Plan(_)) => {
            model.toast(format!("{what} was only planned: nothing was done"), Role::Warn)
        }
        Err(p) => model.toast(format!("✗ {what} was refused: {}", p.detail), Role::Error),
    }
}

/// Asks again what became of an act whose card was left.
pub fn ask_again(model: &mut Model, ask: AskId, fx: &mut Vec<Effect>) {
    if let Some(s) = model.unanswered.iter_mut().find(|s| s.ask == ask) {
        s.again(fx);
    }
}

impl Card {
    pub(super) fn submit(&mut self, model: &mut Model, fx: &mut Vec<Effect>) {
        if self.sending.is_some() {
            return;
        }
        if let Some(why) = self.obstacle(&model.data) {
            model.toast(why, Role::Warn);
            return;
        }
        if !self.is_read(model.now) {
            model.toast("too soon, nothing was sent: read the card, then confirm", Role::Warn);
            return;
        }
        let Some(plan) = &self.plan.value else { return };
        let mut request = self.filled();
        let typed =
            (plan.confirmation == Confirmation::TypeName).then(|| self.typed.as_str().trim().to_owned());
        let meta = request.meta_mut();
        meta.reason = self.reason.value();
        meta.expect = Some(plan.plan_digest.clone());
        meta.yes = true;
        meta.confirm = typed;
        let key = model.next_key();
        fx.push(Effect::Submit(self.ask, Box::new(request.clone()), key.clone()));
        self.sending = Some(Sending { ask: self.ask, key, request, tries: 1 });
        (self.changed, self.refused) = (false, None);
    }

    /// Time to ask again what became of it.
    pub fn resend(&mut self, fx: &mut Vec<Effect>) {
        if let Some(s) = &mut self.sending {
            s.again(fx);
        }
    }

    /// The card goes; what it has sent goes on being asked for.
    pub(in crate::faces::tui) fn leave(self, model: &mut Model) {
        if let Some(s) = self.sending {
            model.toast(format!("{} was sent; what becomes of it is said here", s.words()), Role::Busy);
            model.unanswered.push(s);
        }
    }

    /// What became of it.
    pub fn submitted(
        &mut self,
        result: Result<Submitted, Box<Problem>>,
        model: &mut Model,
        fx: &mut Vec<Effect>,
    ) -> After {
        match result {
            Ok(Submitted::Operation(op)) => {
                let card = OperationCard::new(accepted(*op, model, fx));
                return After::Become(Overlay::Operation(card));
            }
            Ok(Submitted::Plan(plan)) => {
                self.sending = None;
                self.show_anew(model.now, fx);
                self.plan.answer(Ok(plan), model.now);
            }
            Err(p) => self.not_accepted(p, model, fx),
        }
        After::Stay
    }

    fn not_accepted(&mut self, mut problem: Box<Problem>, model: &Model, fx: &mut Vec<Effect>) {
        if is_lost(&problem) {
            fx.push(Effect::Wake(RESEND_MS, Wake::Resend(self.ask)));
            self.refused = Some(problem);
            return;
        }
        self.sending = None;
        self.focus = Focus::Cancel;
        if let Some(plan) = problem.plan.take() {
            self.changed = problem.code == Code::PlanChanged;
            self.scroll = 0;
            self.typed = Line::default();
            self.show_anew(model.now, fx);
            self.plan.answer(Ok(plan), model.now);
        }
        self.refused = if self.changed { None } else { Some(problem) };
    }
}
