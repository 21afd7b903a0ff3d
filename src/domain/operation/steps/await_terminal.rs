//! AWAIT_TERMINAL: two looks that agree.

use super::Case;
use crate::domain::operation::{
    ChoiceId, Outcome,
    evidence::{Evidence, Judgement, Sight, abandon, choice},
};

/// Confirmed by two reads of a terminal state, or by a cluster that has long forgotten the job.
#[must_use]
pub fn judge(case: Case<'_>, ev: &Evidence) -> Judgement {
    match &ev.job {
        Sight::Seen { job, terminal_for: Some(t), .. } if *t >= case.patience.terminal => {
            let state = job.state.to_string();
            Judgement::Confirmed(
                Outcome { flink_state: Some(state.clone()), ..Outcome::default() },
                format!("the job is {state}"),
            )
        }
        Sight::Seen { job, .. } => Judgement::Wait(format!("the job is {}", job.state)),
        Sight::Absent(for_) if *for_ >= case.patience.absent => {
            Judgement::confirmed("the cluster no longer knows the job")
        }
        Sight::Absent(_) => Judgement::Wait("the cluster does not know the job; looking again".to_owned()),
        Sight::Unreachable(for_) if *for_ >= case.patience.silence => Judgement::Attention {
            code: "CLUSTER_SILENT",
            reason: format!(
                "the cluster has not answered for {} s; whether the job has ended is not known",
                for_.as_secs()
            ),
            choices: vec![choice(ChoiceId::Retry, "look again"), abandon()],
        },
        Sight::Unreachable(_) => Judgement::Wait("the cluster does not answer".to_owned()),
    }
}
