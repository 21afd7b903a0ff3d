//! AWAIT_SUPERSEDED: what the superseded operation has begun is decided elsewhere; here it is only waited for.

use super::Case;
use crate::domain::operation::{
    ChoiceId,
    evidence::{Evidence, Judgement, abandon, choice},
};

/// Confirmed when the superseded operation has no open step any more.
#[must_use]
pub fn judge(case: Case<'_>, ev: &Evidence) -> Judgement {
    match &ev.superseded {
        Some((false, detail)) => Judgement::confirmed(format!("decided: {detail}")),
        _ if case.waited() >= case.patience.silence + case.patience.submission => Judgement::Attention {
            code: "SUPERSEDED_STEP_OPEN",
            reason: "what the superseded operation has begun cannot be decided: the cluster does not tell"
                .to_owned(),
            choices: vec![choice(ChoiceId::Retry, "wait again"), abandon()],
        },
        Some((true, detail)) if !detail.is_empty() => {
            Judgement::Wait(format!("the superseded operation's open step: {detail}"))
        }
        _ => Judgement::Wait("waiting for evidence of the superseded operation's open step".to_owned()),
    }
}
