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

pub mod driver;
pub mod evidence;
pub mod recipe;
pub mod steps;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    deployment::Desired,
    event::Via,
    ids::{
        ArtifactSha, DeploymentId, DeploymentName, FlinkJobId, Hex32, JobId, OperationId, SavepointId,
        TargetName,
    },
    savepoint::{Format, Origin},
    time::{Span, Timestamp},
};
use crate::words;

words!(closed
    /// What an operation is for.
    Kind {
        /// Run a job.
        Start = "START",
        /// Stop with a savepoint.
        Suspend = "SUSPEND",
        /// Stop without one.
        Cancel = "CANCEL",
        /// Take a savepoint, the job goes on.
        Savepoint = "SAVEPOINT",
        /// Stop with a savepoint and run the same revision again.
        Restart = "RESTART",
        /// Make a chosen savepoint the next restore point.
        Reset = "RESET",
        /// Stop with a savepoint and run a new revision from it.
        Upgrade = "UPGRADE",
        /// Run an earlier revision again.
        Rollback = "ROLLBACK",
        /// A new deployment from this one's state.
        Fork = "FORK",
        /// Take a job that somebody started into the books.
        Adopt = "ADOPT",
        /// Enter a savepoint by its location.
        Import = "IMPORT",
        /// Delete a savepoint's files.
        Dispose = "DISPOSE",
        /// Remove a deployment from the books.
        Delete = "DELETE",
    }
);

words!(closed
    /// Where an operation stands.
    OpState {
        /// Accepted, waits for its turn.
        Queued = "QUEUED",
        /// Being driven.
        Running = "RUNNING",
        /// Waits for a person, with a closed list of choices.
        NeedsAttention = "NEEDS_ATTENTION",
        /// The goal is reached.
        Succeeded = "SUCCEEDED",
        /// Ended before any effect.
        FailedNoEffect = "FAILED_NO_EFFECT",
        /// Failed after an effect; the result says what was and was not changed.
        Failed = "FAILED",
        /// The new revision failed, the previous one runs again.
        RolledBack = "ROLLED_BACK",
        /// Cancelled before its first effect, or superseded.
        Cancelled = "CANCELLED",
        /// A chosen child operation took over.
        Resolved = "RESOLVED",
        /// A person gave it up.
        Abandoned = "ABANDONED",
    }
);

impl OpState {
    /// Holds the deployment: no second operation may begin.
    #[must_use]
    pub const fn is_active(self) -> bool {
        matches!(self, Self::Queued | Self::Running | Self::NeedsAttention)
    }
}

words!(closed
    /// Where a step stands.
    StepState {
        /// Not begun.
        Planned = "PLANNED",
        /// Its effect key is on disk; it may have happened.
        Intent = "INTENT",
        /// There is evidence that it happened.
        Confirmed = "CONFIRMED",
        /// There is evidence that it did not, and no attempt is left.
        Refuted = "REFUTED",
        /// Past its patience without evidence either way.
        Ambiguous = "AMBIGUOUS",
        /// Not needed.
        Skipped = "SKIPPED",
    }
);

words!(closed
    /// The closed list of steps that recipes are made of.
    StepName {
        /// Put a jar on the cluster.
        UploadJar = "UPLOAD_JAR",
        /// Let Flink compile the program's plan.
        PlanJar = "PLAN_JAR",
        /// Take a savepoint.
        TriggerSavepoint = "TRIGGER_SAVEPOINT",
        /// Stop with a savepoint.
        StopWithSavepoint = "STOP_WITH_SAVEPOINT",
        /// Prove the newest retained checkpoint before its job is cancelled.
        RecordCheckpoint = "RECORD_CHECKPOINT",
        /// Cancel a job.
        CancelJob = "CANCEL_JOB",
        /// Wait for the job's end.
        AwaitTerminal = "AWAIT_TERMINAL",
        /// Wait for free slots.
        AwaitSlots = "AWAIT_SLOTS",
        /// See that no job of this deployment lives.
        NoLiveJob = "NO_LIVE_JOB",
        /// Submit the job.
        RunJar = "RUN_JAR",
        /// Wait until all tasks run.
        AwaitRunning = "AWAIT_RUNNING",
        /// See that the job restored what it was given.
        VerifyRestore = "VERIFY_RESTORE",
        /// Watch the new job for a while.
        Probation = "PROBATION",
        /// Delete a savepoint's files.
        Dispose = "DISPOSE",
        /// Write the books.
        WriteCatalogue = "WRITE_CATALOGUE",
    }
);

/// What a step is to do. Values that an earlier step brings (a savepoint's location, the new job's id) are looked up
/// in that step's [`Outcome`], see [`Operation::bindings`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Act {
    /// Put the jar of `sha` on the cluster under its own name, unless it is there.
    UploadJar {
        /// Content hash.
        sha: ArtifactSha,
    },
    /// Compile the plan of the revision; runs the program's `main()` on the JobManager.
    PlanJar {
        /// Which revision.
        revision: u32,
    },
    /// Take a savepoint.
    TriggerSavepoint {
        /// Of this job.
        job: JobRef,
    },
    /// Stop with a savepoint.
    StopWithSavepoint {
        /// This job.
        job: JobRef,
    },
    /// Find the newest completed checkpoint of the job and prove that it survives a cancel.
    RecordCheckpoint {
        /// Of this job.
        job: JobRef,
        /// The job has ended: a live one goes on making newer checkpoints until its end, and Flink keeps only the newest.
        #[serde(default)]
        after_end: bool,
    },
    /// Cancel.
    CancelJob {
        /// This job; none = the one that this operation started last.
        job: Option<JobRef>,
    },
    /// Wait until the job has ended.
    AwaitTerminal {
        /// This job; none = the one that this operation started last.
        job: Option<JobRef>,
    },
    /// Wait until enough slots are free.
    AwaitSlots {
        /// How many.
        needed: u32,
    },
    /// See that none of all job ids ever issued to the deployment is live.
    NoLiveJob,
    /// Submit a revision.
    RunJar {
        /// Which revision.
        revision: u32,
    },
    /// Wait until all tasks of the started job run.
    AwaitRunning,
    /// See that the started job restored the intended snapshot.
    VerifyRestore,
    /// Watch the started job until it completed checkpoints.
    Probation,
    /// Delete the files of a savepoint.
    Dispose {
        /// Which.
        savepoint: SavepointId,
        /// Where it is.
        location: String,
    },
    /// Write the books; no effect on the cluster.
    WriteCatalogue,
}

impl Act {
    /// The step's name.
    #[must_use]
    pub const fn name(&self) -> StepName {
        match self {
            Self::UploadJar { .. } => StepName::UploadJar,
            Self::PlanJar { .. } => StepName::PlanJar,
            Self::TriggerSavepoint { .. } => StepName::TriggerSavepoint,
            Self::StopWithSavepoint { .. } => StepName::StopWithSavepoint,
            Self::RecordCheckpoint { .. } => StepName::RecordCheckpoint,
            Self::CancelJob { .. } => StepName::CancelJob,
            Self::AwaitTerminal { .. } => StepName::AwaitTerminal,
            Self::AwaitSlots { .. } => StepName::AwaitSlots,
            Self::NoLiveJob => StepName::NoLiveJob,
            Self::RunJar { .. } => StepName::RunJar,
            Self::AwaitRunning => StepName::AwaitRunning,
            Self::VerifyRestore => StepName::VerifyRestore,
            Self::Probation => StepName::Probation,
            Self::Dispose { .. } => StepName::Dispose,
            Self::WriteCatalogue => StepName::WriteCatalogue,
        }
    }

    /// The step sends a request that changes the cluster.
    #[must_use]
    pub const fn has_effect(&self) -> bool {
        matches!(
            self,
            Self::UploadJar { .. }
                | Self::TriggerSavepoint { .. }
                | Self::StopWithSavepoint { .. }
                | Self::CancelJob { .. }
                | Self::RunJar { .. }
                | Self::Dispose { .. }
        )
    }

    /// The effect changes the deployment or its state; an uploaded jar does not.
    #[must_use]
    pub const fn changes_deployment(&self) -> bool {
        self.has_effect() && !matches!(self, Self::UploadJar { .. })
    }
}

/// A job by our id and Flink's.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobRef {
    /// Ours.
    pub id: JobId,
    /// Flink's.
    pub flink: FlinkJobId,
}

/// What a confirmed step brought.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Outcome {
    /// The snapshot's place, exactly as Flink returned it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// The catalogue row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub savepoint: Option<SavepointId>,
    /// The job that was started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<JobRef>,
    /// True when the job has ended with the snapshot.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_final: bool,
    /// When the state was taken, by the JobManager's clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub triggered_at: Option<Timestamp>,
    /// The checkpoint number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoint_id: Option<u64>,
    /// Bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// How the job ended, in Flink's word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flink_state: Option<String>,
}

/// One step of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Number within the operation, from 1.
    pub n: u32,
    /// What to do.
    pub act: Act,
    /// Where it stands.
    pub state: StepState,
    /// Attempts so far, counting the one in flight.
    pub attempts: u32,
    /// Effect key of the attempt in flight: trigger id, job id or jar name.
    pub key: Option<String>,
    /// When its first attempt began.
    pub started_at: Option<Timestamp>,
    /// When the intent of the attempt in flight was recorded.
    pub intent_at: Option<Timestamp>,
    /// Flink's start time of the job when the intent was recorded; another one later is the sign of a failover.
    pub mark: Option<Timestamp>,
    /// Not tried again before.
    pub not_before: Option<Timestamp>,
    /// When it was confirmed or refuted.
    pub ended_at: Option<Timestamp>,
    /// What is known, for people.
    pub detail: String,
    /// What it brought.
    pub outcome: Option<Outcome>,
}

impl Step {
    /// A step that has not begun.
    #[must_use]
    pub fn planned(n: u32, act: Act) -> Self {
        Self {
            n,
            act,
            state: StepState::Planned,
            attempts: 0,
            key: None,
            started_at: None,
            intent_at: None,
            mark: None,
            not_before: None,
            ended_at: None,
            detail: String::new(),
            outcome: None,
        }
    }
    /// The effect key as a Flink id.
    #[must_use]
    pub fn hex_key(&self) -> Option<Hex32> {
        self.key.as_deref().and_then(|k| k.parse().ok())
    }
}

/// What the operation restores from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "camelCase")]
pub enum RestoreSource {
    /// Nothing: the job begins empty.
    Empty,
    /// The snapshot that an earlier step of this operation brings.
    ThisOperation,
    /// A known snapshot.
    #[serde(rename_all = "camelCase")]
    Point {
        /// Its catalogue row.
        savepoint: SavepointId,
        /// Its place.
        location: String,
    },
}

/// Everything an operation was confirmed with; stored as written (JSON), upgraded on read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// Version of this document.
    pub version: u32,
    /// The job that lives or lived when the plan was made.
    #[serde(default)]
    pub old_job: Option<JobRef>,
    /// The revision to run.
    #[serde(default)]
    pub revision: Option<u32>,
    /// The revision to go back to.
    #[serde(default)]
    pub previous_revision: Option<u32>,
    /// What the run restores.
    pub restore: RestoreSource,
    /// The restore is allowed to drop state that maps to no operator.
    #[serde(default)]
    pub allow_non_restored_state: bool,
    /// Base directory of savepoints; none = the cluster's own setting.
    #[serde(default)]
    pub savepoint_base: Option<String>,
    /// Binary format.
    pub format: Format,
    /// Let windows fire before the stop.
    #[serde(default)]
    pub drain: bool,
    /// A person's label for the savepoint.
    #[serde(default)]
    pub label: Option<String>,
    /// Origin of the savepoint that a step takes.
    pub origin: Origin,
    /// Attempts of a savepoint.
    pub max_savepoint_attempts: u32,
    /// Attempts of a submission.
    pub max_job_attempts: u32,
    /// Watching the new job.
    pub probation: Probation,
    /// Timeout of one checkpoint of the old job, for deadlines.
    pub checkpoint_timeout: Span,
    /// Checkpoint interval of the job; none = no checkpointing.
    #[serde(default)]
    pub checkpoint_interval: Option<Span>,
    /// Slots the run needs.
    #[serde(default)]
    pub slots_needed: u32,
    /// Slots the previous revision needs.
    #[serde(default)]
    pub previous_slots_needed: u32,
    /// The desired state once the operation has succeeded.
    #[serde(default)]
    pub desired_after: Option<Desired>,
    /// Savepoint of a reset, import, dispose.
    #[serde(default)]
    pub savepoint: Option<SavepointId>,
    /// Place of an import or a disposal.
    #[serde(default)]
    pub location: Option<String>,
    /// What the person was warned of.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// Minutes of progress that the person agreed to lose, with the words.
    #[serde(default)]
    pub acknowledged: Option<String>,
    /// What the deployment's own layer was before this operation changed it; it is put back unless the operation succeeds.
    #[serde(default)]
    pub before: Option<Before>,
    /// The new deployment of a fork or an adoption.
    #[serde(default)]
    pub creates: Option<Creates>,
    /// Set when the steps appended at the end lead back to the previous revision or clean up.
    #[serde(default)]
    pub compensation: Option<Compensation>,
}

/// A deployment's own layer before an operation changed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Before {
    /// The layer.
    pub layer: serde_json::Value,
    /// The last applied manifest.
    pub applied: Option<serde_json::Value>,
    /// Whether jar and arguments were unknown.
    pub adopted: bool,
    /// The layer's version that this operation wrote; a later one is somebody else's and stays.
    pub written_version: u32,
}

/// A deployment that an operation brings into being.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Creates {
    /// Its id, given when the plan was made.
    pub id: DeploymentId,
    /// `APP/NAME`.
    pub name: DeploymentName,
    /// Its own layer.
    pub layer: serde_json::Value,
    /// Start it at once.
    pub start: bool,
}

/// Why steps were appended after a failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Compensation {
    /// What failed, in one line.
    pub cause: String,
    /// The step that failed.
    pub failed_step: u32,
    /// The operation ends as this once the appended steps are done.
    pub ends_as: OpState,
}

words!(closed
    /// What to do when a new job does not hold.
    OnFailure {
        /// Back to the previous revision from the same snapshot.
        Rollback = "ROLLBACK",
        /// Ask a person.
        Ask = "ASK",
        /// Leave it as it is.
        Keep = "KEEP",
    }
);

/// How a new job is watched before an upgrade counts as done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Probation {
    /// Checkpoints it must complete.
    pub checkpoints: u32,
    /// Patience, from the moment all tasks run.
    pub timeout: Span,
    /// What happens on positive failure.
    pub on_failure: OnFailure,
}

impl Default for Probation {
    fn default() -> Self {
        Self {
            checkpoints: 1,
            timeout: Span(std::time::Duration::from_secs(300)),
            on_failure: OnFailure::Rollback,
        }
    }
}

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
    /// The operation whose choice made this one.
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
