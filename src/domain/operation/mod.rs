//! Lifecycle actions that survive anything: durable rows with steps, driven by evidence.
//!
//! ```text
//! operation: QUEUED → RUNNING → SUCCEEDED | FAILED_NO_EFFECT | FAILED | ROLLED_BACK | CANCELLED
//!                        ↘ NEEDS_ATTENTION → RESOLVED (by a chosen child operation) | ABANDONED
//! step:      PLANNED —commit→ INTENT —evidence→ CONFIRMED | REFUTED ;  otherwise AMBIGUOUS —probe→ …
//! ```
//!
//! An operation kind is a plan, not a machine: [`recipe`] lists steps, one driver ([`driver`]) runs them all, each step's
//! module under [`steps`] judges its own evidence. INTENT means *may have happened*; it is left on evidence only.

mod act;
pub mod choose;
pub mod driver;
pub mod evidence;
mod plan;
pub mod recipe;
mod step;
pub mod steps;
pub mod supersede;
#[cfg(test)]
mod tests;
mod words;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    event::Via,
    ids::{DeploymentId, DeploymentName, JobId, OperationId, SavepointId, TargetName},
    time::Timestamp,
};
use crate::words;
pub use act::{Act, JobRef};
pub use plan::{Before, Compensation, Creates, Inherited, OnFailure, Plan, Probation, RestoreSource};
pub use step::{Outcome, Step};
pub use words::{Kind, OpState, StepName, StepState};

/// A way out of NEEDS_ATTENTION.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Choice {
    /// Stable word, for scripts.
    pub id: ChoiceId,
    /// What it is called.
    pub title: String,
    /// What it will do.
    pub effect: String,
    /// What the person must give: `location`, or nothing.
    pub needs: Option<String>,
}

words!(closed
    /// The closed list of ways out.
    ChoiceId {
        /// Look for what the step's request came to; nothing is sent that may have happened.
        LookAgain = "look-again",
        /// Try the step again under a new key.
        Retry = "retry",
        /// The snapshot is at a place that the person names.
        SavepointAt = "savepoint-at",
        /// Go on from the newest retained checkpoint.
        LastCheckpoint = "last-checkpoint",
        /// Go back to the previous revision.
        RollBack = "roll-back",
        /// Count the step as done: the person has looked.
        Accept = "accept",
        /// Give the operation up; the deployment is free again, nothing else changes.
        Abandon = "abandon",
    }
);

/// Why an operation did not reach its goal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OpError {
    /// Stable word.
    pub code: String,
    /// What happened, what was and was not changed.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
}

/// A durable lifecycle action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// Identity.
    pub id: OperationId,
    /// The operation that made this one: its choice did, or a fork that starts what it created.
    pub parent: Option<OperationId>,
    /// What for.
    pub kind: Kind,
    /// On which deployment.
    pub deployment: DeploymentId,
    /// Its name at that time.
    pub deployment_name: DeploymentName,
    /// On which target.
    pub target: TargetName,
    /// Where it stands.
    pub state: OpState,
    /// Who.
    pub actor: String,
    /// Through which face.
    pub via: Via,
    /// Why, in a person's words.
    pub reason: Option<String>,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// What it was confirmed with.
    pub plan: Plan,
    /// Its steps, in order.
    pub steps: Vec<Step>,
    /// Why it failed or waits.
    pub error: Option<OpError>,
    /// Ways out of NEEDS_ATTENTION.
    pub choices: Vec<Choice>,
    /// What it brought, in one line.
    pub result: Option<String>,
    /// Somebody asked it to stop at the next safe point.
    pub cancel_requested: bool,
}

/// What confirmed steps have brought so far.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Bindings {
    /// The snapshot taken or recorded by this operation.
    pub snapshot: Option<Outcome>,
    /// The job started last by this operation.
    pub job: Option<JobRef>,
}

impl Operation {
    /// Folds the outcomes of the confirmed steps.
    #[must_use]
    pub fn bindings(&self) -> Bindings {
        let mut b = Bindings::default();
        for s in self.steps.iter().filter(|s| s.state == StepState::Confirmed) {
            let Some(o) = &s.outcome else { continue };
            if o.location.is_some() {
                b.snapshot = Some(o.clone());
            }
            if let Some(job) = &o.job {
                b.job = Some(job.clone());
            }
        }
        b
    }

    /// A revision that ran before this operation can run again, from the state that it left.
    #[must_use]
    pub fn can_go_back(&self) -> bool {
        let (way_back, previous) = (&self.plan.compensation, self.plan.previous_revision);
        way_back.is_none() && previous.is_some() && self.restore_location().is_some()
    }

    /// A job that lived before has come to its end in this operation.
    #[must_use]
    pub fn has_ended_a_job(&self) -> bool {
        self.steps.iter().any(|s| {
            s.state == StepState::Confirmed
                && matches!(s.act, Act::StopWithSavepoint { .. } | Act::AwaitTerminal { .. })
        })
    }

    /// The job that this operation has stopped with a savepoint.
    #[must_use]
    pub fn stopped_job(&self) -> Option<&JobRef> {
        self.steps.iter().find_map(|s| match &s.act {
            Act::StopWithSavepoint { job } if s.state == StepState::Confirmed => Some(job),
            _ => None,
        })
    }

    /// The operation that recorded the intent of a step's attempt in flight: this one, or the one it was inherited from.
    #[must_use]
    pub fn issuer(&self, step: &Step) -> &OperationId {
        match &self.plan.inherited {
            Some(from) if from.step == step.n => &from.operation,
            _ => &self.id,
        }
    }

    /// The catalogue row of the attempt in flight of a step that takes or records a snapshot.
    #[must_use]
    pub fn snapshot_id(&self, step: &Step) -> SavepointId {
        SavepointId::new(format!("{}.{}.{}", self.issuer(step), step.n, step.attempts))
    }

    /// Our id of the job that an attempt of a RUN_JAR step submits.
    #[must_use]
    pub fn job_id(&self, step: &Step) -> JobId {
        JobId::new(format!("{}.{}.{}", self.issuer(step), step.n, step.attempts))
    }

    /// The job that this operation submitted last, or may have submitted.
    #[must_use]
    pub fn last_job(&self) -> Option<JobRef> {
        self.steps
            .iter()
            .rev()
            .filter(|s| s.act.name() == StepName::RunJar)
            .find(|s| s.state != StepState::Planned && s.state != StepState::Skipped && s.key.is_some())
            .filter(|s| s.state != StepState::Refuted || s.is_half_submitted())
            .and_then(|s| self.submitted(s))
    }

    /// The job of a submission's newest attempt, whatever became of it.
    #[must_use]
    pub fn submitted(&self, run: &Step) -> Option<JobRef> {
        let known = run.outcome.as_ref().and_then(|o| o.job.clone());
        known.or_else(|| Some(JobRef { id: self.job_id(run), flink: run.hex_key()? }))
    }

    /// The place the run restores from; `None` begins empty.
    #[must_use]
    pub fn restore_location(&self) -> Option<String> {
        match &self.plan.restore {
            RestoreSource::Empty => None,
            RestoreSource::Point { location, .. } => Some(location.clone()),
            RestoreSource::ThisOperation => self.bindings().snapshot.and_then(|s| s.location),
        }
    }

    /// The step at work: the first that is neither confirmed nor skipped; a refuted one is passed once the way on from
    /// it is decided.
    #[must_use]
    pub fn current(&self) -> Option<&Step> {
        let passed = self.plan.compensation.as_ref().map_or(0, |c| c.failed_step);
        self.steps.iter().find(|s| match s.state {
            StepState::Confirmed | StepState::Skipped => false,
            StepState::Refuted => s.n > passed,
            StepState::Planned | StepState::Intent | StepState::Ambiguous => true,
        })
    }

    /// The step with number `n`.
    #[must_use]
    pub fn step(&self, n: u32) -> Option<&Step> {
        self.steps.iter().find(|s| s.n == n)
    }

    /// The job that an act names; an act that names none is about the one that this operation has started.
    #[must_use]
    pub fn job_meant(&self, named: &Option<JobRef>) -> Option<JobRef> {
        named.clone().or_else(|| self.last_job())
    }

    /// The step with number `n`, to change it.
    pub fn step_mut(&mut self, n: u32) -> Option<&mut Step> {
        self.steps.iter_mut().find(|s| s.n == n)
    }

    /// Some step that changes the deployment may have happened.
    #[must_use]
    pub fn had_effect(&self) -> bool {
        self.steps.iter().any(|s| {
            s.act.changes_deployment()
                && matches!(s.state, StepState::Intent | StepState::Confirmed | StepState::Ambiguous)
        })
    }
}
