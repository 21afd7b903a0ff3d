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
pub mod run_jar;
pub mod snapshot;
pub mod verify_restore;

use super::{
    Act, ChoiceId, OnFailure, Operation, Step,
    evidence::{self, Evidence, Judgement, Patience, Sight},
};
use crate::domain::{deployment::FlinkState, time::Timestamp};

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

/// Flink tells why a job has failed from a cache that can be older than the failure. What follows depends on the cause
/// (no slots: another try), so its word is waited for until the cache has passed.
fn unexplained_failure(case: Case<'_>, ev: &Evidence) -> Option<Judgement> {
    match &ev.job {
        Sight::Seen { job, terminal_for, .. }
            if job.state == FlinkState::Failed
                && ev.root_cause.is_none()
                && terminal_for.is_none_or(|t| t < case.patience.statistics) =>
        {
            Some(Judgement::Wait("the job failed; waiting for Flink's word on why".to_owned()))
        }
        _ => None,
    }
}

/// The new job completed a checkpoint: from then on a way back would give up progress.
fn has_progress(ev: &Evidence) -> bool {
    ev.checkpoints.as_ref().is_some_and(|c| c.latest_completed.is_some())
}

/// Positive failure of the new job. The way back is automatic only while the new job has completed no checkpoint.
fn new_job_failed(case: Case<'_>, ev: &Evidence, reason: String) -> Judgement {
    let automatic = case.op.plan.probation.on_failure == OnFailure::Rollback;
    let back = evidence::roll_back(
        case.op,
        "the previous revision runs again from the snapshot before the upgrade; the checkpoints of the new one are given up",
    );
    match back.filter(|_| automatic && has_progress(ev)) {
        None => Judgement::refuted(reason),
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
        Act::WriteCatalogue => Judgement::confirmed("the books are written"),
    }
}
