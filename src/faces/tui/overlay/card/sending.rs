//! A confirmed card on its way: one key for one act, however often it has to be sent.

use super::{Card, Focus};
use crate::{
    contract::{
        plan::{Confirmation, Submitted},
        problem::{Code, Problem},
    },
    domain::operation::Kind,
    faces::tui::{
        input::Line,
        model::Model,
        msg::{Effect, Request, Wake},
        overlay::{After, Overlay, operation::OperationCard},
        theme::Role,
    },
};

/// Milliseconds until an unanswered act is sent again under its key.
const RESEND_MS: u64 = 2_000;
/// How often it is sent again before a person is told.
const RESENDS: u32 = 30;

/// An act on its way.
#[derive(Debug)]
pub struct Sending {
    key: String,
    request: Request,
    /// How often it was sent.
    pub tries: u32,
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
        self.sending = Some(Sending { key, request, tries: 1 });
        (self.changed, self.refused) = (false, None);
    }

    /// Time to ask again what became of it: the same request under the same key, so it happens once.
    pub fn resend(&mut self, fx: &mut Vec<Effect>) {
        if let Some(s) = &mut self.sending {
            s.tries += 1;
            fx.push(Effect::Submit(self.ask, Box::new(s.request.clone()), s.key.clone()));
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
                model.started.insert(op.operation_id.clone());
                if op.kind == Kind::Adopt {
                    // A job changes sides: what is unmanaged is looked at anew, and the selection goes with the job.
                    fx.push(Effect::LoadSnapshot);
                    model.home.coming = Some(op.deployment.clone());
                }
                let card = OperationCard::new(op.operation_id.clone());
                model.data.put_operation(*op);
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
        let lost = matches!(problem.code, Code::ManagerUnreachable | Code::TimedOut);
        if lost && self.sending.as_ref().is_some_and(|s| s.tries <= RESENDS) {
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
