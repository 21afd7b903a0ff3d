//! The catalogue of restore points: savepoints and retained checkpoints.

use serde::{Deserialize, Serialize};

use super::{
    ids::{DeploymentId, FlinkJobId, JobId, OperationId, SavepointId, TriggerId},
    location,
    time::Timestamp,
};
use crate::words;

words!(closed
    /// How a restore point came to be.
    Origin {
        /// A person asked for a savepoint.
        UserRequest = "USER_REQUEST",
        /// Taken by a suspend.
        Suspend = "SUSPEND",
        /// Taken by the stop of an upgrade, restart or rollback.
        SuspendAndUpgrade = "SUSPEND_AND_UPGRADE",
        /// Chosen by a person as the next restore point (reset).
        Copied = "COPIED",
        /// A checkpoint that outlives its job.
        RetainedCheckpoint = "RETAINED_CHECKPOINT",
        /// Taken by a schedule.
        Periodic = "PERIODIC",
        /// Entered by its location.
        Imported = "IMPORTED",
        /// Made by somebody else's stop or savepoint of a job we manage.
        Adopted = "ADOPTED",
    }
);

words!(closed
    /// Where a restore point stands.
    Status {
        /// Triggered; its directory is known, its location not yet.
        Started = "STARTED",
        /// Complete: a restore may begin from it.
        Completed = "COMPLETED",
        /// Positively failed.
        Failed = "FAILED",
        /// The answer was lost and no evidence decides.
        Unknown = "UNKNOWN",
        /// Asked to be deleted.
        PendingDeletion = "PENDING_DELETION",
        /// Flink was asked to delete it.
        Deleting = "DELETING",
        /// Seen to be gone after our disposal.
        Deleted = "DELETED",
        /// Flink refused or failed to delete it.
        FailedDeletion = "FAILED_DELETION",
        /// It was complete, and a look at its place found nothing.
        Missing = "MISSING",
    }
);

impl Status {
    /// Somebody has confirmed its deletion, and it is not over.
    #[must_use]
    pub const fn is_being_deleted(self) -> bool {
        matches!(self, Self::PendingDeletion | Self::Deleting)
    }
}

words!(closed
    /// Binary format of a savepoint.
    Format {
        /// Portable between state backends.
        Canonical = "CANONICAL",
        /// The state backend's own; faster.
        Native = "NATIVE",
    }
);

/// One restore point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Savepoint {
    /// Our id.
    pub id: SavepointId,
    /// The deployment whose state it holds.
    pub deployment: DeploymentId,
    /// When its row was made.
    pub created_at: Timestamp,
    /// When Flink was asked for it, by the JobManager's clock where known; the state is as old as this.
    pub triggered_at: Option<Timestamp>,
    /// Our id of the job it was taken from.
    pub job: Option<JobId>,
    /// Flink's id of that job.
    pub flink_job: Option<FlinkJobId>,
    /// The operation that took it.
    pub operation: Option<OperationId>,
    /// Our key of the request.
    pub trigger: Option<TriggerId>,
    /// The directory we asked for; Flink makes one child in it.
    pub target_directory: Option<String>,
    /// How it came to be.
    pub origin: Origin,
    /// Where it stands.
    pub status: Status,
    /// True when the job ended with it, so that nothing newer can exist.
    pub is_final: bool,
    /// True when it was taken with `--drain`: windows have fired, so the advisor passes it over.
    pub drained: bool,
    /// Exactly as Flink returned it.
    pub location: Option<String>,
    /// Bytes, where known.
    pub size: Option<u64>,
    /// Binary format, where known.
    pub format: Option<Format>,
    /// The Flink that wrote it.
    pub flink_version: Option<String>,
    /// The revision that ran.
    pub revision: Option<u32>,
    /// Checkpoint number within its job; orders snapshots of one job without a clock.
    pub checkpoint_id: Option<u64>,
    /// A person's words.
    pub label: Option<String>,
    /// Never deleted while pinned.
    pub pinned: bool,
    /// When somebody last saw it at its place.
    pub verified_at: Option<Timestamp>,
    /// Why it failed or is unknown.
    pub failure: Option<String>,
}

impl Savepoint {
    /// A new row with nothing known but its identity.
    #[must_use]
    pub fn new(
        id: SavepointId,
        deployment: DeploymentId,
        origin: Origin,
        status: Status,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            deployment,
            created_at: now,
            triggered_at: None,
            job: None,
            flink_job: None,
            operation: None,
            trigger: None,
            target_directory: None,
            origin,
            status,
            is_final: false,
            drained: false,
            location: None,
            size: None,
            format: None,
            flink_version: None,
            revision: None,
            checkpoint_id: None,
            label: None,
            pinned: false,
            verified_at: None,
            failure: None,
        }
    }

    /// The moment whose state it holds. `None` where nobody knows it: a savepoint that was entered by its place can be of any
    /// age, whatever its files say, and so can its copies.
    #[must_use]
    pub fn state_of(&self) -> Option<Timestamp> {
        state_of(self.origin, self.triggered_at, self.created_at)
    }

    /// Its files are at that place, however the place is written.
    #[must_use]
    pub fn is_at(&self, place: &str) -> bool {
        self.location.as_deref().is_some_and(|l| location::same(l, place))
    }
}

/// As [`Savepoint::state_of`], of the parts that tell it.
#[must_use]
pub fn state_of(origin: Origin, triggered: Option<Timestamp>, created: Timestamp) -> Option<Timestamp> {
    let taken_here = !matches!(origin, Origin::Imported | Origin::Copied);
    triggered.or(taken_here.then_some(created))
}
