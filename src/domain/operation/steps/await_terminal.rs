//! AWAIT_TERMINAL: two looks that agree.

use super::Case;
use crate::domain::operation::{
    Outcome,
    evidence::{Evidence, Judgement, STUCK, Sight, abandon, look_again, silent},
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
        Sight::Seen { job, terminal_for: None, .. } if case.waited() >= case.patience.silence => {
            Judgement::Attention {
                code: STUCK,
                reason: format!(
                    "the job was told to end {} s ago and is {}",
                    case.waited().as_secs(),
                    job.state
                ),
                choices: vec![look_again(), abandon()],
            }
        }
        Sight::Seen { job, .. } => Judgement::Wait(format!("the job is {}", job.state)),
        Sight::Absent(for_) if *for_ >= case.patience.absent => {
            Judgement::confirmed("the cluster no longer knows the job")
        }
        Sight::Absent(_) => Judgement::Wait("the cluster does not know the job; looking again".to_owned()),
        Sight::Unreachable(for_) if *for_ >= case.patience.silence => {
            silent(*for_, "whether the job has ended is not known", vec![look_again()])
        }
        Sight::Unreachable(_) => Judgement::Wait("the cluster does not answer".to_owned()),
    }
}
