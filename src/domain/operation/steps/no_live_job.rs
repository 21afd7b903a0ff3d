//! NO_LIVE_JOB: I3, one live job per deployment, looked up over every id ever issued to it.

use crate::domain::operation::evidence::{Evidence, Judgement};

/// Confirmed when none of our ids is live on the cluster.
#[must_use]
pub fn judge(ev: &Evidence) -> Judgement {
    match &ev.live {
        Some(live) if live.is_empty() => Judgement::confirmed("no job of this deployment is live"),
        Some(live) => Judgement::refuted(format!(
            "job {} of this deployment is live; suspend or cancel it first",
            live.iter().map(|j| j.as_str()).collect::<Vec<_>>().join(", ")
        )),
        None => Judgement::Wait("the cluster does not answer".to_owned()),
    }
}
