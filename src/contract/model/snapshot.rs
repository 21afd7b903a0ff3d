//! Savepoints, checkpoints, and what a start may go on from.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::{
    savepoint::{self, Format, Origin, Status},
    time::Timestamp,
};

/// A completed checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Checkpoint {
    /// Its number.
    pub id: u64,
    /// When it was triggered: the state is as old as this.
    pub triggered_at: Option<Timestamp>,
    /// When it was complete.
    pub completed_at: Option<Timestamp>,
    /// End to end.
    pub duration_ms: Option<u64>,
    /// Bytes.
    pub size_bytes: Option<u64>,
    /// Its place.
    pub location: Option<String>,
    /// `COMPLETED`, `FAILED` or `IN_PROGRESS`.
    pub status: String,
    /// `CHECKPOINT`, `UNALIGNED_CHECKPOINT`, `SAVEPOINT` or `SYNC_SAVEPOINT`.
    pub kind: String,
    /// Why it failed.
    pub failure: Option<String>,
}

/// One restore point of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Savepoint {
    /// Id.
    pub savepoint_id: String,
    /// `APP/NAME`.
    pub deployment: String,
    /// When its row was made.
    pub created_at: Timestamp,
    /// When the state was taken.
    pub triggered_at: Option<Timestamp>,
    /// Our job.
    pub job_id: Option<String>,
    /// Flink's job.
    pub flink_job_id: Option<String>,
    /// The operation that took it.
    pub operation_id: Option<String>,
    /// Our key.
    pub trigger_id: Option<String>,
    /// The directory we asked for.
    pub target_directory: Option<String>,
    /// How it came to be.
    pub origin: Origin,
    /// Where it stands.
    pub status: Status,
    /// The job ended with it.
    #[serde(rename = "final")]
    pub is_final: bool,
    /// Exactly as Flink returned it.
    pub location: Option<String>,
    /// Bytes.
    pub size_bytes: Option<u64>,
    /// Binary format.
    pub format: Option<Format>,
    /// The Flink that wrote it.
    pub flink_version: Option<String>,
    /// The revision that ran.
    pub revision: Option<u32>,
    /// A person's words.
    pub label: Option<String>,
    /// Never deleted while pinned.
    pub pinned: bool,
    /// Seen at its place; `null` = nobody could look.
    pub verified: Option<bool>,
    /// Why it failed or is unknown.
    pub failure: Option<String>,
}

impl Savepoint {
    /// The moment whose state it holds; `None` where nobody knows it.
    #[must_use]
    pub fn state_of(&self) -> Option<Timestamp> {
        savepoint::state_of(self.origin, self.triggered_at, self.created_at)
    }
}

/// A restore point with what stands against the deletion of its files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SavepointDetail {
    /// The restore point.
    #[serde(flatten)]
    pub savepoint: Savepoint,
    /// Who needs it: a pin, jobs, starts, deployments, or that there is no other one. Empty: its files may be deleted.
    pub kept_by: Vec<String>,
}

/// A candidate of the restore advisor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RestorePoint {
    /// The catalogue row.
    pub savepoint_id: Option<String>,
    /// The place.
    pub location: Option<String>,
    /// The one that would be used.
    pub chosen: bool,
    /// Why it was chosen.
    pub why: Option<String>,
    /// Why it was passed over.
    pub rejected: Option<String>,
    /// Progress that would be repeated.
    pub rewind_seconds: Option<u64>,
    /// Whether somebody has looked at the place.
    pub verified: Option<bool>,
    /// How it came to be.
    pub origin: Option<Origin>,
    /// When the state was taken.
    pub triggered_at: Option<Timestamp>,
}
