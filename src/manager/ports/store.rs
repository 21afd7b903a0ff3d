//! The embedded history: one write path, named reads.
//!
//! ```text
//!   Changes { rows, events } ──commit(fence)──▶ one BEGIN IMMEDIATE on the writer thread ──▶ seq of the last event
//!                                   │
//!                                   └ refused whole when the fence is not the owner's epoch
//! ```

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use indexmap::IndexMap;
use serde_json::Value;

use crate::domain::{
    deployment::{Desired, OurEnd},
    event::{Event, NewEvent, Severity},
    flink::{CheckpointConfig, KeptCheckpoint},
    ids::{
        ArtifactSha, DeploymentId, DeploymentName, FlinkJobId, JobId, OperationId, SavepointId, StoreId,
        TargetName,
    },
    operation::Operation,
    savepoint::Savepoint,
    spec::Layer,
    time::Timestamp,
};

/// Grows with every start of a manager; fences every write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Epoch(pub u64);

/// A target's row.
#[derive(Debug, Clone, PartialEq)]
pub struct TargetRow {
    /// Its name.
    pub name: TargetName,
    /// Its document's `spec` ([`super::cluster::TargetSpec`]), as written.
    pub spec: Value,
    /// Labels.
    pub labels: IndexMap<String, String>,
    /// Grows with every change.
    pub version: u32,
    /// When it was registered.
    pub created_at: Timestamp,
}

/// An application's row.
#[derive(Debug, Clone, PartialEq)]
pub struct ApplicationRow {
    /// Its name.
    pub name: String,
    /// Its title for people.
    pub title: String,
    /// Labels.
    pub labels: IndexMap<String, String>,
    /// Its layer of defaults.
    pub defaults: Value,
    /// Grows with every change.
    pub version: u32,
    /// When it was created.
    pub created_at: Timestamp,
}

/// A deployment's row.
#[derive(Debug, Clone, PartialEq)]
pub struct DeploymentRow {
    /// Lasting id.
    pub id: DeploymentId,
    /// `APP/NAME`; unique among those not deleted.
    pub name: DeploymentName,
    /// Labels.
    pub labels: IndexMap<String, String>,
    /// Its own layer, without `state`.
    pub layer: Value,
    /// The last applied manifest's `spec`, with `state`; base of the three-way apply.
    pub applied: Option<Value>,
    /// Grows with every change of `layer`.
    pub spec_version: u32,
    /// What it should be doing.
    pub desired: Desired,
    /// The revision that runs, or ran last, or runs next.
    pub revision: Option<u32>,
    /// The job that lives, or lived last.
    pub job: Option<JobId>,
    /// A reset's savepoint: the next start's restore point, once.
    pub next_restore: Option<SavepointId>,
    /// It came by adoption: jar, entry class and arguments are not known.
    pub adopted: bool,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was deleted from the books.
    pub deleted_at: Option<Timestamp>,
}

/// An immutable effective spec.
#[derive(Debug, Clone, PartialEq)]
pub struct RevisionRow {
    /// Whose.
    pub deployment: DeploymentId,
    /// Number within the deployment, from 1.
    pub number: u32,
    /// Words: `payments@33de6`.
    pub version_label: String,
    /// Who.
    pub author: String,
    /// Why.
    pub reason: Option<String>,
    /// When.
    pub created_at: Timestamp,
    /// Of the effective spec.
    pub content_hash: String,
    /// The effective spec.
    pub spec: Value,
    /// Path → layer.
    pub provenance: IndexMap<String, Layer>,
}

/// One Flink job of a deployment.
#[derive(Debug, Clone, PartialEq)]
pub struct JobRow {
    /// Our id.
    pub id: JobId,
    /// Whose.
    pub deployment: DeploymentId,
    /// Flink's id; unique. Written before the submission is sent.
    pub flink: FlinkJobId,
    /// The target it was submitted to.
    pub target: TargetName,
    /// The revision it runs.
    pub revision: Option<u32>,
    /// The operation that started it.
    pub operation: Option<OperationId>,
    /// When our row was made.
    pub created_at: Timestamp,
    /// Flink's start time, as last seen.
    pub started_at: Option<Timestamp>,
    /// When it ended, by evidence.
    pub ended_at: Option<Timestamp>,
    /// Flink's word, as last seen.
    pub flink_state: Option<String>,
    /// What we did towards its end.
    pub our_end: OurEnd,
    /// The place it was to be restored from.
    pub restored_from: Option<String>,
    /// That place's catalogue row.
    pub restored_savepoint: Option<SavepointId>,
    /// Restarts seen.
    pub restarts: Option<u64>,
    /// Newest completed checkpoint; a JobManager without high availability forgets it.
    pub last_checkpoint: Option<KeptCheckpoint>,
    /// Checkpoint settings as last seen.
    pub checkpoint_config: Option<CheckpointConfig>,
    /// When it was last seen on its cluster.
    pub seen_at: Option<Timestamp>,
}

/// A jar by content hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArtifactRow {
    /// Content hash.
    pub sha: ArtifactSha,
    /// File name it came with.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// The manifest's main class.
    pub main_class: Option<String>,
    /// Classes with a `main` method.
    pub entry_classes: Vec<String>,
    /// First seen.
    pub created_at: Timestamp,
}

/// The kept answer of a changing request.
#[derive(Debug, Clone, PartialEq)]
pub struct AnswerRow {
    /// Who asked.
    pub actor: String,
    /// Method and path.
    pub route: String,
    /// The client's key.
    pub key: String,
    /// Hash of the request's body.
    pub body_hash: String,
    /// HTTP status.
    pub status: u16,
    /// The answer.
    pub body: Value,
    /// When; kept 7 days.
    pub at: Timestamp,
}

/// Everything one commit writes. Rows replace the rows with the same key; an operation's steps replace its steps.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Changes {
    /// Targets to write.
    pub targets: Vec<TargetRow>,
    /// Targets to remove.
    pub remove_targets: Vec<TargetName>,
    /// Applications to write.
    pub applications: Vec<ApplicationRow>,
    /// Applications to remove.
    pub remove_applications: Vec<String>,
    /// Deployments to write.
    pub deployments: Vec<DeploymentRow>,
    /// Revisions to add.
    pub revisions: Vec<RevisionRow>,
    /// Jobs to write.
    pub jobs: Vec<JobRow>,
    /// Savepoints to write.
    pub savepoints: Vec<Savepoint>,
    /// Operations to write, with all their steps.
    pub operations: Vec<Operation>,
    /// Artifacts to add.
    pub artifacts: Vec<ArtifactRow>,
    /// Answers to keep.
    pub answers: Vec<AnswerRow>,
    /// Events to append.
    pub events: Vec<NewEvent>,
    /// Small facts by name (`watched-until`).
    pub facts: Vec<(String, String)>,
    /// Events older than this may go, some at a time, oldest first; the last one stays.
    pub forget_events_before: Option<Timestamp>,
}

/// A committed transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    /// Number of the last event in the log.
    pub last_seq: u64,
}

/// Why the store refused or failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Another manager has started since; this one must stop writing.
    #[error("another manager owns the store now (epoch {current}, ours {ours}); nothing was written")]
    Fenced {
        /// Ours.
        ours: u64,
        /// The owner's.
        current: u64,
    },
    /// A unique rule: one active operation per deployment, one name per deployment.
    #[error("{what} conflicts with what the store holds; nothing was written")]
    Conflict {
        /// Which rule.
        what: String,
    },
    /// The file system is full.
    #[error("no space left in the state directory; nothing was written")]
    Full,
    /// The store is read-only: a newer schema, or a file system that became read-only.
    #[error("the store is read-only: {0}")]
    ReadOnly(String),
    /// The database failed.
    #[error("the store failed: {0}; nothing was acknowledged")]
    Failed(String),
}

/// As a limit: every row there is.
pub const ALL_ROWS: u32 = u32::MAX;

/// Result of a store call.
pub type StoreResult<T> = Result<T, StoreError>;

/// What a manager needs at its start.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// Marks every job id that this store issues.
    pub store_id: StoreId,
    /// This start's epoch.
    pub epoch: Epoch,
    /// The last manager did not close the store.
    pub unclean: bool,
    /// Targets.
    pub targets: Vec<TargetRow>,
    /// Applications.
    pub applications: Vec<ApplicationRow>,
    /// Deployments that are not deleted.
    pub deployments: Vec<DeploymentRow>,
    /// The job of each of these: the one that lives, or lived last.
    pub jobs: Vec<JobRow>,
    /// Operations that hold a deployment.
    pub active: Vec<Operation>,
    /// Superseded operations of whose last step nothing is known yet.
    pub unsettled: Vec<Operation>,
    /// Facts by name.
    pub facts: IndexMap<String, String>,
    /// Number of the last event.
    pub last_seq: u64,
}

/// Which events.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventQuery {
    /// Of one deployment.
    pub deployment: Option<DeploymentId>,
    /// Of one application.
    pub application: Option<String>,
    /// Of one operation.
    pub operation: Option<OperationId>,
    /// This loud or louder.
    pub severity: Option<Severity>,
    /// Not older.
    pub since: Option<Timestamp>,
    /// Only larger numbers, oldest first.
    pub after: Option<u64>,
    /// Only smaller numbers, newest first.
    pub before: Option<u64>,
    /// At most so many.
    pub limit: u32,
}

/// Which operations, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OperationQuery {
    /// Of one deployment.
    pub deployment: Option<DeploymentId>,
    /// Only active ones.
    pub active: bool,
    /// Only older than this id.
    pub before: Option<OperationId>,
    /// At most so many.
    pub limit: u32,
}

/// The embedded history behind a port. Reads see every commit that was acknowledged before they began.
#[async_trait]
pub trait Store: Send + Sync + std::fmt::Debug {
    /// What a start needs.
    async fn load(&self) -> StoreResult<Loaded>;
    /// Writes all of it or nothing; when it returns, it is on disk.
    async fn commit(&self, changes: Changes, fence: Epoch) -> StoreResult<Committed>;

    /// Revisions of a deployment, newest first.
    async fn revisions(&self, deployment: &DeploymentId) -> StoreResult<Vec<RevisionRow>>;
    /// One revision.
    async fn revision(&self, deployment: &DeploymentId, number: u32) -> StoreResult<Option<RevisionRow>>;
    /// Jobs of one deployment or of all, newest first.
    async fn jobs(&self, deployment: Option<&DeploymentId>, limit: u32) -> StoreResult<Vec<JobRow>>;
    /// One job.
    async fn job(&self, id: &JobId) -> StoreResult<Option<JobRow>>;
    /// The job with Flink's id.
    async fn job_by_flink(&self, flink: &FlinkJobId) -> StoreResult<Option<JobRow>>;
    /// Every job id ever issued to a deployment.
    async fn issued_jobs(&self, deployment: &DeploymentId) -> StoreResult<Vec<FlinkJobId>>;
    /// Savepoints of one deployment or of all, newest first.
    async fn savepoints(&self, deployment: Option<&DeploymentId>, limit: u32) -> StoreResult<Vec<Savepoint>>;
    /// One savepoint.
    async fn savepoint(&self, id: &SavepointId) -> StoreResult<Option<Savepoint>>;
    /// Operations.
    async fn operations(&self, query: &OperationQuery) -> StoreResult<Vec<Operation>>;
    /// One operation.
    async fn operation(&self, id: &OperationId) -> StoreResult<Option<Operation>>;
    /// Events.
    async fn events(&self, query: &EventQuery) -> StoreResult<Vec<Event>>;
    /// Artifacts, newest first.
    async fn artifacts(&self) -> StoreResult<Vec<ArtifactRow>>;
    /// Revisions that refer to artifacts: hash → deployments.
    async fn artifact_users(&self) -> StoreResult<Vec<(ArtifactSha, DeploymentId)>>;
    /// The kept answer of a request.
    async fn answer(&self, actor: &str, route: &str, key: &str) -> StoreResult<Option<AnswerRow>>;

    /// A fresh file for an artifact that is being received; on the same file system as the artifacts.
    fn artifact_inbox(&self) -> StoreResult<PathBuf>;
    /// Moves a received file to its place by content hash, fsynced with its folder. The row is committed afterwards.
    async fn keep_artifact(&self, received: &Path, sha: &ArtifactSha) -> StoreResult<PathBuf>;
    /// Where the artifact with this hash is.
    fn artifact_path(&self, sha: &ArtifactSha) -> PathBuf;
    /// Checks the file's health, quickly; the text says what is wrong.
    async fn quick_check(&self) -> StoreResult<Result<(), String>>;
    /// Marks a clean exit and closes the writer.
    async fn close(&self) -> StoreResult<()>;
}
