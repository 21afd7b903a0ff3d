//! What a Flink cluster says, as plain data: the evidence that rules judge.

use serde::{Deserialize, Serialize};

use super::{
    deployment::{FlinkState, TaskCounts},
    ids::FlinkJobId,
    time::{Span, Timestamp},
};
use crate::words;

/// `/overview` and `/config` in one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Overview {
    /// `2.3.0`.
    pub flink_version: String,
    /// Task slots.
    pub slots_total: u32,
    /// Free ones.
    pub slots_free: u32,
    /// TaskManagers.
    pub task_managers: u32,
    /// Running jobs.
    pub jobs_running: u32,
}

/// One TaskManager of `/taskmanagers`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskManager {
    /// Flink's id of it.
    pub id: String,
    /// Task slots.
    pub slots: u32,
    /// Free ones.
    pub slots_free: u32,
    /// When the JobManager heard of it last, by the JobManager's clock; `None` = not yet. Flink's field is called a time
    /// since then, and is none.
    pub last_heartbeat: Option<Timestamp>,
}

/// One row of `/jobs/overview`, which is live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobSummary {
    /// Flink's id.
    pub id: FlinkJobId,
    /// Flink's name of it, raw.
    pub name: String,
    /// Flink's word.
    pub state: FlinkState,
    /// A new start time of a known job is the sign of a JobManager failover.
    pub start_time: Timestamp,
    /// Its end.
    pub end_time: Option<Timestamp>,
    /// Tasks by state.
    pub tasks: TaskCounts,
}

impl JobSummary {
    /// Some of its tasks have no slot yet.
    #[must_use]
    pub const fn waits_for_slots(&self) -> bool {
        self.tasks.pending > 0
    }
}

words!(open
    /// Flink's word for what a snapshot in its statistics is.
    CheckpointKind {
        /// A checkpoint.
        Checkpoint = "CHECKPOINT",
        /// A checkpoint whose barriers overtook records in flight.
        Unaligned = "UNALIGNED_CHECKPOINT",
        /// A savepoint; the job went on.
        Savepoint = "SAVEPOINT",
        /// The savepoint of a stop.
        SyncSavepoint = "SYNC_SAVEPOINT",
    }
);

impl CheckpointKind {
    /// Somebody asked for it, and Flink never deletes it.
    #[must_use]
    pub const fn is_savepoint(&self) -> bool {
        matches!(self, Self::Savepoint | Self::SyncSavepoint)
    }
}

words!(open
    /// Flink's word for where a snapshot in its statistics stands.
    CheckpointStatus {
        /// All tasks have acknowledged it.
        Completed = "COMPLETED",
        /// It came to nothing.
        Failed = "FAILED",
        /// Tasks are writing it.
        InProgress = "IN_PROGRESS",
    }
);

/// One checkpoint or savepoint in `/checkpoints`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointStat {
    /// Its number.
    pub id: u64,
    /// Where it stands.
    pub status: CheckpointStatus,
    /// What it is.
    pub kind: CheckpointKind,
    /// Trigger time by the JobManager's clock.
    pub triggered_at: Timestamp,
    /// When it was acknowledged last.
    pub acked_at: Option<Timestamp>,
    /// End to end.
    pub duration_ms: Option<u64>,
    /// Bytes.
    pub size: Option<u64>,
    /// Where it is.
    pub path: Option<String>,
    /// Flink has discarded it.
    pub discarded: bool,
    /// Why it failed.
    pub failure: Option<String>,
}

impl CheckpointStat {
    /// All tasks have acknowledged it.
    #[must_use]
    pub fn is_completed(&self) -> bool {
        self.status == CheckpointStatus::Completed
    }
}

/// What a job restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// Checkpoint number.
    pub id: u64,
    /// When.
    pub restored_at: Option<Timestamp>,
    /// Whether it was a savepoint.
    pub is_savepoint: bool,
    /// From where.
    pub path: Option<String>,
}

/// `/jobs/:id/checkpoints`; cached by Flink for 3 s.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Checkpoints {
    /// Completed in all.
    pub completed: u64,
    /// Failed in all.
    pub failed: u64,
    /// In progress.
    pub in_progress: u64,
    /// Newest first, as far as Flink remembers (10 by default).
    pub history: Vec<CheckpointStat>,
    /// Newest completed checkpoint.
    pub latest_completed: Option<CheckpointStat>,
    /// Newest completed savepoint.
    pub latest_savepoint: Option<CheckpointStat>,
    /// Newest failed one.
    pub latest_failed: Option<CheckpointStat>,
    /// What the job restored last.
    pub latest_restored: Option<Restored>,
}

/// A job's newest completed checkpoint as the books keep it: a JobManager without high availability forgets it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeptCheckpoint {
    /// Its number.
    pub id: u64,
    /// When it was triggered, by the JobManager's clock.
    pub triggered_at: Timestamp,
    /// When it was complete.
    pub completed_at: Option<Timestamp>,
    /// Bytes.
    pub size: Option<u64>,
    /// Its place.
    pub path: Option<String>,
    /// Flink has discarded it.
    pub discarded: bool,
}

impl From<&CheckpointStat> for KeptCheckpoint {
    fn from(s: &CheckpointStat) -> Self {
        Self {
            id: s.id,
            triggered_at: s.triggered_at,
            completed_at: s.acked_at,
            size: s.size,
            path: s.path.clone(),
            discarded: s.discarded,
        }
    }
}

/// `/jobs/:id/checkpoints/config`, as the books keep it, too.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckpointConfig {
    /// `None` = checkpointing is off.
    pub interval: Option<Span>,
    /// Of one checkpoint.
    pub timeout: Option<Span>,
    /// Checkpoints survive a cancel.
    pub retained: bool,
}

/// A jar on the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Jar {
    /// Flink's id; belongs to the address that gave it.
    pub id: String,
    /// The file name that it was uploaded with.
    pub name: String,
}

/// State of an asynchronous Flink operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AsyncStatus {
    /// Runs.
    InProgress,
    /// Succeeded; a savepoint's place.
    Completed {
        /// Where it is, exactly as Flink returned it.
        location: Option<String>,
    },
    /// `COMPLETED` with a failure cause.
    Failed {
        /// The last `Caused by`.
        reason: String,
        /// The whole text; a completed savepoint of a half-failed stop is only in here.
        full: String,
    },
    /// 404: never triggered, expired, or lost with the JobManager's memory.
    Unknown,
}

/// Answer to a cancel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelAnswer {
    /// 202.
    Accepted,
    /// 409: the job had ended.
    AlreadyTerminal,
    /// 404.
    UnknownJob,
}

impl CancelAnswer {
    /// What it says, for people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Accepted => "Flink took the cancel",
            Self::AlreadyTerminal => "the job had ended already",
            Self::UnknownJob => "Flink does not know the job",
        }
    }
}
