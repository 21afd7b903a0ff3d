//! AWAIT_SLOTS: a submission without slots would hang for minutes, so their lack is found before it.

use super::Case;
use crate::domain::operation::evidence::{Evidence, Judgement, look_again, silent};

/// Confirmed when enough slots are free.
#[must_use]
pub fn judge(case: Case<'_>, needed: u32, ev: &Evidence) -> Judgement {
    match ev.slots_free {
        Some(free) if free >= needed => {
            Judgement::confirmed(format!("{free} slots are free, {needed} needed"))
        }
        Some(free) if case.waited() >= case.patience.slots => {
            Judgement::refuted(format!("{needed} slots are needed and {free} are free"))
        }
        Some(free) => Judgement::Wait(format!("{free} of {needed} needed slots are free")),
        None if case.waited() >= case.patience.silence => {
            silent(case.waited(), "nothing was submitted", vec![look_again()])
        }
        None => Judgement::Wait("the cluster does not answer".to_owned()),
    }
}
