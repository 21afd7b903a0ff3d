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
    ids::{DeploymentId, DeploymentName, OperationId, TargetName},
    time::Timestamp,
};
use crate::words;
pub use act::{Act, JobRef};
pub use plan::{Before, Compensation, Creates, OnFailure, Plan, Probation, RestoreSource};
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
        /// Look and try the step again under a new key.
        Retry = "retry",
        /// The snapshot is at a place that the person names.
        SavepointAt = "savepoint-at",
        /// Go on from the newest retained checkpoint.
        LastCheckpoint = "last-checkpoint",
        /// Start the old revision again.
        ResumeOld = "resume-old",
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
