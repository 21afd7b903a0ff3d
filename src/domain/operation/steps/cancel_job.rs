//! CANCEL_JOB: repeat-safe, so an unanswered cancel is sent again.

use std::time::Duration;

use super::Case;
use crate::domain::{
    deployment::FlinkState,
    operation::ChoiceId,
    operation::evidence::{Answer, Evidence, Judgement, Sight, choice, silent},
};

/// Confirmed when Flink took it, or the job is on its way out.
#[must_use]
pub fn judge(case: Case<'_>, ev: &Evidence) -> Judgement {
    if let Some(Answer::Accepted(_)) = ev.answer {
        return Judgement::confirmed("Flink took the cancel");
    }
    match &ev.job {
        Sight::Seen { job, .. } if job.state.is_terminal() || job.state == FlinkState::Cancelling => {
            Judgement::confirmed(format!("the job is {}", job.state))
        }
        Sight::Absent(for_) if *for_ >= case.patience.terminal => {
            Judgement::confirmed("the cluster does not know the job")
        }
        Sight::Unreachable(for_) if *for_ >= case.patience.silence => silent(
            *for_,
            "whether the cancel arrived is not known",
            vec![choice(ChoiceId::Retry, "cancel again; it is safe to repeat")],
        ),
        Sight::Seen { .. } if ev.answer.is_some() || case.waited() >= Duration::from_secs(1) => {
            Judgement::Resend("the job still runs; cancelling again".to_owned())
        }
        _ => Judgement::Wait("no answer to the cancel yet".to_owned()),
    }
}
