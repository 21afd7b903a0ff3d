//! CANCEL_JOB: repeat-safe, so an unanswered cancel is sent again.

use std::time::Duration;

use super::Case;
use crate::domain::{
    deployment::FlinkState,
    flink::CancelAnswer,
    operation::ChoiceId,
    operation::evidence::{Answer, Evidence, Judgement, STUCK, Sight, abandon, choice, silent},
};

/// Confirmed when Flink took it, or the job is on its way out.
#[must_use]
pub fn judge(case: Case<'_>, ev: &Evidence) -> Judgement {
    if let Some(Answer::Accepted(told)) = &ev.answer {
        return Judgement::confirmed(told.as_deref().unwrap_or(CancelAnswer::Accepted.words()));
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
        // Without an answer here another manager asked, or nobody yet: it is asked once more, however long ago that was.
        Sight::Seen { job, .. }
            if refuses(ev) || (ev.answer.is_some() && case.waited() >= case.patience.silence) =>
        {
            Judgement::Attention {
                code: STUCK,
                reason: format!(
                    "the job is {} {} s after it was told to end{}",
                    job.state,
                    case.waited().as_secs(),
                    match &ev.answer {
                        Some(Answer::Refused { status, reason, .. }) => format!(": {status} {reason}"),
                        _ => String::new(),
                    }
                ),
                choices: vec![choice(ChoiceId::Retry, "cancel again; it is safe to repeat"), abandon()],
            }
        }
        Sight::Seen { .. } if ev.answer.is_some() || case.waited() >= Duration::from_secs(1) => {
            Judgement::Resend("the job still runs; cancelling again".to_owned())
        }
        _ => Judgement::Wait("no answer to the cancel yet".to_owned()),
    }
}

/// Somebody in between, or Flink itself, does not take a cancel at all. That it does not know the job (any more) is another
/// thing, which the next look tells.
fn refuses(ev: &Evidence) -> bool {
    matches!(ev.answer, Some(Answer::Refused { status, .. }) if !matches!(status, 404 | 409 | 500..))
}
