//! AWAIT_RUNNING: RUNNING by Flink's word says nothing; all tasks must run, for a while, without a restart.

use std::time::Duration;

use super::{
    Case, cancelled_by_others, new_job_failed, progress,
    refusal::{Refusal, classify},
    unsettled_failure,
};
use crate::domain::{
    deployment::FlinkState,
    flink::JobSummary,
    operation::{
        ChoiceId, StepName,
        evidence::{Evidence, Judgement, STUCK, Sight, abandon, choice, look_again, roll_back, silent},
    },
};

/// Restarts without a completed checkpoint that count as positive failure.
pub(super) const HOPELESS_RESTARTS: u64 = 3;
/// Flink's own slot request timeout, after which waiting for slots is over.
const SLOT_WAIT: Duration = Duration::from_secs(300);

/// Confirmed when all tasks have run for the required time.
#[must_use]
pub fn judge(case: Case<'_>, ev: &Evidence) -> Judgement {
    match &ev.job {
        Sight::Seen { job, running_for, .. } => match &job.state {
            FlinkState::Failed => failed(case, ev),
            FlinkState::Finished => Judgement::confirmed("the job has run to its own end"),
            FlinkState::Canceled => cancelled_by_others(case),
            FlinkState::Running if running_for.is_some_and(|t| t >= case.patience.running) => {
                Judgement::confirmed(format!("all {} tasks run", job.tasks.total))
            }
            _ if restarts_without_checkpoint(case, ev) => Judgement::refuted(format!(
                "the job restarts again and again without a checkpoint: {}",
                ev.root_cause.as_deref().unwrap_or("no exception is known")
            )),
            _ if restarts_for_ever(case, ev) => looping(case, ev),
            FlinkState::Running
                if job.tasks.running == 0 && job.tasks.pending > 0 && case.waited() >= SLOT_WAIT =>
            {
                Judgement::refuted("no slots: all tasks are still waiting to be scheduled")
            }
            FlinkState::Running if running_for.is_none() && case.waited() >= patience(case) => {
                stuck(case, job)
            }
            FlinkState::Running if running_for.is_some() => Judgement::Wait(format!(
                "all {} tasks run; they must go on for {} s before it counts",
                job.tasks.total,
                case.patience.running.as_secs()
            )),
            s => Judgement::Wait(format!("{s}, {} of {} tasks run", job.tasks.running, job.tasks.total)),
        },
        Sight::Absent(for_) if *for_ >= case.patience.absent => Judgement::Attention {
            code: "JOB_LOST",
            reason: "the cluster answers and no longer knows the job that this operation started".to_owned(),
            choices: vec![
                choice(ChoiceId::Retry, "submit again under a new id, from the same restore point"),
                abandon(),
            ],
        },
        Sight::Absent(_) => Judgement::Wait("the cluster does not know the job; looking again".to_owned()),
        Sight::Unreachable(for_) if *for_ >= case.patience.silence => {
            silent(*for_, "the job was submitted", vec![look_again()])
        }
        Sight::Unreachable(_) => Judgement::Wait("the cluster does not answer".to_owned()),
    }
}

/// How long some tasks may wait while others run: a large restore takes its time.
fn patience(case: Case<'_>) -> Duration {
    case.patience.silence.max(case.op.plan.probation.timeout.0)
}

fn stuck(case: Case<'_>, job: &JobSummary) -> Judgement {
    let mut choices = vec![look_again()];
    choices.extend(roll_back(
        case.op,
        "cancel it and run the previous revision from the same snapshot; outputs since are produced again",
    ));
    choices.push(abandon());
    Judgement::Attention {
        code: STUCK,
        reason: format!(
            "{} of {} tasks run after {} s, and the rest have not started",
            job.tasks.running,
            job.tasks.total,
            case.waited().as_secs()
        ),
        choices,
    }
}

/// It fails again and again, though between its failures it completes checkpoints: no positive failure, and no success.
fn restarts_for_ever(case: Case<'_>, ev: &Evidence) -> bool {
    ev.restarts.is_some_and(|r| r >= HOPELESS_RESTARTS) && case.waited() >= case.op.plan.probation.timeout.0
}

fn looping(case: Case<'_>, ev: &Evidence) -> Judgement {
    let mut choices =
        vec![choice(ChoiceId::Accept, "the new job stays as it is, failing; the operation counts as done")];
    choices.extend(roll_back(
        case.op,
        "cancel it and run the previous revision from the same snapshot; its own checkpoints are given up, outputs since are produced again",
    ));
    choices.push(abandon());
    Judgement::Attention {
        code: "RESTART_LOOP",
        reason: format!(
            "the job has failed and restarted {} times in {} s, and completes checkpoints in between: {}",
            ev.restarts.unwrap_or_default(),
            case.waited().as_secs(),
            ev.root_cause.as_deref().unwrap_or("no exception is known")
        ),
        choices,
    }
}

fn failed(case: Case<'_>, ev: &Evidence) -> Judgement {
    if let Some(wait) = unsettled_failure(case, ev) {
        return wait;
    }
    let cause = ev.root_cause.as_deref().unwrap_or("no exception is known");
    // On a way back it is the second submission that counts.
    let mut submissions =
        case.op.steps.iter().filter(|s| s.n < case.step.n && s.act.name() == StepName::RunJar);
    let attempts = submissions.next_back().map_or(0, |s| s.attempts);
    if classify(cause, ev.trace.as_deref()) == Refusal::NoSlots && attempts < case.op.plan.max_job_attempts {
        return Judgement::Redo {
            from: StepName::RunJar,
            reason: "no slots yet".to_owned(),
            after: case.patience.back_off,
        };
    }
    new_job_failed(case, ev, format!("the job failed: {cause}"))
}

/// Positive failure of a job that Flink would restart for ever.
pub(super) fn restarts_without_checkpoint(case: Case<'_>, ev: &Evidence) -> bool {
    progress(case, ev) == Some(false) && ev.restarts.is_some_and(|r| r >= HOPELESS_RESTARTS)
}
