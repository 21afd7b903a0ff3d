//! NO_LIVE_JOB: I3, one live job per deployment, looked up over every id ever issued to it.

use super::Case;
use crate::domain::operation::evidence::{Evidence, Judgement, look_again, silent};

/// Confirmed when none of our ids is live on any cluster that it was issued for.
#[must_use]
pub fn judge(case: Case<'_>, ev: &Evidence) -> Judgement {
    match &ev.live {
        Some(live) if live.is_empty() => Judgement::confirmed("no job of this deployment is live"),
        Some(live) => Judgement::refuted(format!(
            "job {} of this deployment is live; suspend or cancel it first",
            live.iter().map(|j| j.as_str()).collect::<Vec<_>>().join(", ")
        )),
        None if case.waited() >= case.patience.silence => {
            silent(case.waited(), "whether a job of this deployment lives is not known", vec![look_again()])
        }
        None => Judgement::Wait("the cluster does not answer".to_owned()),
    }
}
