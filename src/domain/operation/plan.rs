//! What an operation was confirmed with.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{JobRef, words::OpState};
use crate::{
    domain::{
        deployment::Desired,
        ids::{DeploymentId, DeploymentName, OperationId, SavepointId},
        savepoint::{Format, Origin, Status},
        time::Span,
    },
    words,
};

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
    /// What the catalogue said of the snapshot of a disposal before it was accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_before: Option<Status>,
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
    /// The step that an earlier operation has begun and this one looks for, by a person's choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inherited: Option<Inherited>,
    /// The operation that this one took over from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supersedes: Option<OperationId>,
    /// The operation that took over from this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub superseded_by: Option<OperationId>,
    /// Set when the steps appended at the end lead back to the previous revision or clean up.
    #[serde(default)]
    pub compensation: Option<Compensation>,
}

impl Plan {
    /// One that runs nothing, restores nothing and takes nothing.
    #[must_use]
    pub fn empty() -> Self {
        Self {
            version: 1,
            old_job: None,
            revision: None,
            previous_revision: None,
            restore: RestoreSource::Empty,
            allow_non_restored_state: false,
            savepoint_base: None,
            format: Format::Canonical,
            drain: false,
            label: None,
            origin: Origin::UserRequest,
            max_savepoint_attempts: 4,
            max_job_attempts: 4,
            probation: Probation::default(),
            checkpoint_timeout: Span(Duration::from_secs(600)),
            checkpoint_interval: None,
            slots_needed: 0,
            previous_slots_needed: 0,
            desired_after: None,
            savepoint: None,
            location: None,
            status_before: None,
            warnings: vec![],
            acknowledged: None,
            before: None,
            creates: None,
            inherited: None,
            supersedes: None,
            superseded_by: None,
            compensation: None,
        }
    }
}

/// A step whose request another operation has sent: its key, its directory and its rows carry that one's id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Inherited {
    /// The operation that recorded the intent.
    pub operation: OperationId,
    /// Number of the step, the same in both.
    pub step: u32,
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
        Self { checkpoints: 1, timeout: Span(Duration::from_secs(300)), on_failure: OnFailure::Rollback }
    }
}
