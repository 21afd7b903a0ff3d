//! One module per step: what its request is, what its evidence means.
//!
//! Every `judge` is a pure function of the step, the operation and what was seen. A judge never sees an error code as
//! proof: only [`Judgement::Confirmed`] and [`Judgement::Refuted`] leave INTENT, and both need positive evidence.

pub mod await_running;
pub mod await_slots;
pub mod await_superseded;
pub mod await_terminal;
pub mod cancel_job;
pub mod dispose;
pub mod jar;
pub mod no_live_job;
pub mod probation;
pub mod record_checkpoint;
mod refusal;
pub mod run_jar;
pub mod snapshot;
pub mod verify_restore;

use super::{
    Act, ChoiceId, OnFailure, Operation, Step,
    evidence::{self, Evidence, Judgement, Patience, Sight},
};
use crate::domain::{deployment::FlinkState, location, time::Timestamp};

/// What a judge is given besides the evidence.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// The operation.
    pub op: &'a Operation,
    /// The step at INTENT or AMBIGUOUS.
    pub step: &'a Step,
    /// Now.
    pub now: Timestamp,
    /// How long to wait for what.
    pub patience: &'a Patience,
}

impl Case<'_> {
    /// Time since the intent of the attempt in flight.
    #[must_use]
    pub fn waited(&self) -> std::time::Duration {
        self.step.intent_at.map(|t| self.now.since(t)).unwrap_or_default()
    }
}

/// Flink tells why a job has failed, and which checkpoints it completed, from a cache that can be older than the failure.
/// What follows depends on both (no slots: another try; a checkpoint: no way back by itself), so its word is waited for
/// until the cache has passed.
fn unsettled_failure(case: Case<'_>, ev: &Evidence) -> Option<Judgement> {
    match &ev.job {
        Sight::Seen { job, terminal_for, .. }
            if job.state == FlinkState::Failed
                && terminal_for.is_none_or(|t| t < case.patience.statistics) =>
        {
            Some(Judgement::Wait("the job failed; waiting for Flink's last word on it".to_owned()))
        }
        _ => None,
    }
}

/// Whether the new job completed a checkpoint: from then on a way back would give up progress. `None` = its statistics
/// could not be read.
fn progress(case: Case<'_>, ev: &Evidence) -> Option<bool> {
    let known = ev.checkpoints.as_ref();
    let restored = known.and_then(|c| c.latest_restored.as_ref()).and_then(|r| r.path.as_deref());
    let given = case.op.restore_location();
    // A JobManager that took over begins its statistics anew, with what it restored the job from.
    let own = restored.is_some_and(|p| given.as_deref().is_none_or(|g| !location::same(g, p)));
    let seen = known.is_some_and(|c| c.latest_completed.is_some()) || own || ev.kept_checkpoint.is_some();
    (seen || !ev.checkpoints_unread).then_some(seen)
}

/// Positive failure of the new job. The way back is automatic only while the new job has completed no checkpoint.
fn new_job_failed(case: Case<'_>, ev: &Evidence, reason: String) -> Judgement {
    let automatic = case.op.plan.probation.on_failure == OnFailure::Rollback;
    let back = evidence::roll_back(
        case.op,
        "the previous revision runs again from the snapshot before the upgrade; the checkpoints of the new one are given up",
    );
    let progress = progress(case, ev);
    match back.filter(|_| automatic && progress != Some(false)) {
        None => Judgement::refuted(reason),
        Some(_) if progress.is_none() && case.waited() < case.patience.silence => {
            Judgement::Wait(format!("{reason}; whether it completed a checkpoint could not be read yet"))
        }
        Some(back) if progress.is_none() => Judgement::Attention {
            code: "PROGRESS_UNKNOWN",
            reason: format!(
                "{reason}; whether it had completed a checkpoint is not known, so nothing goes back by itself"
            ),
            choices: vec![evidence::look_again(), back, evidence::abandon()],
        },
        Some(back) => Judgement::Attention {
            code: "FAILED_AFTER_CHECKPOINT",
            reason: format!("{reason}; it had completed checkpoints before, so nothing goes back by itself"),
            choices: vec![back, evidence::abandon()],
        },
    }
}

/// Somebody has cancelled the new job: no failure of it, and nothing that this operation may undo by itself.
fn cancelled_by_others(case: Case<'_>) -> Judgement {
    let mut choices = vec![evidence::choice(
        ChoiceId::Retry,
        "it is submitted again under a new id, from the same restore point",
    )];
    choices.extend(evidence::roll_back(case.op, "the previous revision runs again from the same snapshot"));
    choices.push(evidence::abandon());
    Judgement::Attention {
        code: "CANCELLED_BY_OTHERS",
        reason: "somebody has cancelled the job that this operation started".to_owned(),
        choices,
    }
}

/// Judges the step at work.
#[must_use]
pub fn judge(case: Case<'_>, ev: &Evidence) -> Judgement {
    match &case.step.act {
        Act::UploadJar { .. } => jar::judge_upload(case, ev),
        Act::PlanJar { .. } => jar::judge_plan(case, ev),
        Act::TriggerSavepoint { .. } => snapshot::judge_savepoint(case, ev),
        Act::StopWithSavepoint { .. } => snapshot::judge_stop(case, ev),
        Act::RecordCheckpoint { .. } => record_checkpoint::judge(case, ev),
        Act::CancelJob { .. } => cancel_job::judge(case, ev),
        Act::AwaitTerminal { .. } => await_terminal::judge(case, ev),
        Act::AwaitSlots { needed } => await_slots::judge(case, *needed, ev),
        Act::NoLiveJob => no_live_job::judge(case, ev),
        Act::RunJar { .. } => run_jar::judge(case, ev),
        Act::AwaitRunning => await_running::judge(case, ev),
        Act::VerifyRestore => verify_restore::judge(case, ev),
        Act::Probation => probation::judge(case, ev),
        Act::Dispose { .. } => dispose::judge(case, ev),
        Act::AwaitSuperseded { .. } => await_superseded::judge(case, ev),
        Act::WriteCatalogue => Judgement::confirmed("the result is recorded"),
    }
}
