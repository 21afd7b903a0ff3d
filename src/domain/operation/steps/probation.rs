//! PROBATION: the new job must complete checkpoints before an upgrade counts as done. The clock starts when all tasks
//! run. Only positive failure rolls back; mere expiry asks.

use std::time::Duration;

use super::{
    Case, await_running::restarts_without_checkpoint, cancelled_by_others, new_job_failed, unsettled_failure,
};
use crate::domain::{
    deployment::FlinkState,
    flink::Checkpoints,
    operation::{
        ChoiceId,
        evidence::{Evidence, Judgement, Sight, abandon, choice, look_again, roll_back},
    },
};

/// Confirmed by completed checkpoints, or by quiet where checkpointing is off.
#[must_use]
pub fn judge(case: Case<'_>, ev: &Evidence) -> Judgement {
    let plan = &case.op.plan;
    match &ev.job {
        Sight::Seen { job, running_for, .. } => {
            if let Some(wait) = unsettled_failure(case, ev) {
                return wait;
            }
            match job.state {
                FlinkState::Failed => {
                    return new_job_failed(case, ev, format!("the job failed: {}", cause(ev)));
                }
                FlinkState::Canceled => return cancelled_by_others(case),
                FlinkState::Finished => return Judgement::confirmed("the job has run to its own end"),
                _ => {}
            }
            if restarts_without_checkpoint(case, ev) {
                return Judgement::refuted(format!(
                    "the job restarts again and again without a checkpoint: {}",
                    cause(ev)
                ));
            }
            let interval = ev.checkpoint_config.as_ref().map(|c| c.interval);
            match interval {
                Some(None) => quiet(case, *running_for),
                _ => checkpoints(
                    case,
                    ev,
                    interval.flatten().map(|s| s.0).or(plan.checkpoint_interval.map(|s| s.0)),
                ),
            }
        }
        Sight::Absent(for_) if *for_ >= case.patience.absent => Judgement::Attention {
            code: "JOB_LOST",
            reason: "the cluster answers and no longer knows the job that this operation started".to_owned(),
            choices: [look_again()]
                .into_iter()
                .chain(roll_back(case.op, "run the previous revision from the same snapshot"))
                .chain([abandon()])
                .collect(),
        },
        Sight::Absent(_) => Judgement::Wait("the cluster does not know the job; looking again".to_owned()),
        Sight::Unreachable(_) => expired_or_wait(case, None, "the cluster does not answer"),
    }
}

fn cause(ev: &Evidence) -> &str {
    ev.root_cause.as_deref().unwrap_or("no exception is known")
}

fn quiet(case: Case<'_>, running_for: Option<Duration>) -> Judgement {
    match running_for {
        Some(t) if t >= case.patience.quiet => {
            Judgement::confirmed("checkpointing is off; it ran without a restart")
        }
        _ => expired_or_wait(case, None, "checkpointing is off; watching for restarts"),
    }
}

fn checkpoints(case: Case<'_>, ev: &Evidence, interval: Option<Duration>) -> Judgement {
    let wanted = u64::from(case.op.plan.probation.checkpoints);
    let done = ev.checkpoints.as_ref().map_or(0, completed);
    if done >= wanted {
        let s = if done == 1 { "" } else { "s" };
        return Judgement::confirmed(format!("{done} checkpoint{s} completed"));
    }
    expired_or_wait(case, interval, &format!("{done} of {wanted} checkpoints completed"))
}

/// Checkpoints of the job that are complete. Flink lists the newest ten or so, and counts all, savepoints among them.
fn completed(c: &Checkpoints) -> u64 {
    let complete = c.history.iter().filter(|s| s.is_completed());
    let (savepoints, checkpoints): (Vec<_>, Vec<_>) = complete.partition(|s| s.kind.is_savepoint());
    (checkpoints.len() as u64).max(c.completed.saturating_sub(savepoints.len() as u64))
}

fn expired_or_wait(case: Case<'_>, interval: Option<Duration>, detail: &str) -> Judgement {
    let plan = &case.op.plan;
    let limit = plan.probation.timeout.0.max(interval.unwrap_or_default() * 2 + plan.checkpoint_timeout.0);
    if case.waited() < limit {
        return Judgement::Wait(detail.to_owned());
    }
    let mut choices = vec![
        choice(ChoiceId::LookAgain, "probation begins anew: the job is watched for as long again"),
        choice(ChoiceId::Accept, "the new job stays; the operation counts as done"),
    ];
    choices.extend(roll_back(
        case.op,
        "cancel it and run the previous revision from the same snapshot; outputs since are produced again",
    ));
    choices.push(abandon());
    Judgement::Attention {
        code: "PROBATION_EXPIRED",
        reason: format!(
            "probation is over after {} s and the new job is not proven: {detail}",
            limit.as_secs()
        ),
        choices,
    }
}
