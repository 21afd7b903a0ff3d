//! Read models: what every face shows.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::domain::{
    deployment::{Condition, Desired, Health, Observed},
    event::{Severity, Via},
    operation::{Choice, Kind, OpError, OpState, StepName, StepState},
    savepoint::{Format, Origin, Status},
    spec::{Layer, Protection},
    time::Timestamp,
};

/// What a target can do, each with the reason when not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Capability {
    /// `submit`, `stop`, `cancel` or `jars`.
    pub name: String,
    /// Whether it can.
    pub available: bool,
    /// Why not.
    pub reason: Option<String>,
}

/// Where deployments run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    /// Its name.
    pub name: String,
    /// `session`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The first JobManager address.
    pub url: String,
    /// All JobManager addresses.
    pub urls: Vec<String>,
    /// Flink's version, once it answered.
    pub flink_version: Option<String>,
    /// Whether it answers; `null` before the first look.
    pub reachable: Option<bool>,
    /// Why it does not.
    pub error: Option<String>,
    /// When it last answered.
    pub observed_at: Option<Timestamp>,
    /// Task slots.
    pub slots_total: Option<u32>,
    /// Free task slots.
    pub slots_free: Option<u32>,
    /// Jobs running.
    pub jobs_running: Option<u32>,
    /// Running jobs that nobody manages.
    pub unmanaged_jobs: Option<u32>,
    /// What it can do.
    pub capabilities: Vec<Capability>,
    /// Weakest protection of its deployments.
    pub protection: Protection,
    /// Base directory of savepoints.
    pub savepoint_directory: Option<String>,
    /// `NONE`, `LOCAL` or `COMMAND`.
    pub savepoint_access: String,
    /// Its colour in the header, a theme role.
    pub colour: Option<String>,
    /// Labels.
    pub labels: IndexMap<String, String>,
    /// Its document as last written.
    #[schema(value_type = Object)]
    pub spec: Value,
    /// Grows with every change of its document.
    pub version: u32,
}

/// A job on a target, managed or not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TargetJob {
    /// The target.
    pub target: String,
    /// Flink's id.
    pub flink_job_id: String,
    /// Flink's name of it.
    pub name: String,
    /// Flink's word.
    pub flink_state: String,
    /// When it started.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Tasks.
    pub tasks: Tasks,
    /// The deployment that it belongs to.
    pub deployment: Option<String>,
    /// `managed`, `unmanaged`, or `another nutkin STORE`.
    pub management: String,
}

/// Groups deployments of one program.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Application {
    /// Its name.
    pub name: String,
    /// Its title for people.
    pub title: String,
    /// Labels.
    pub labels: IndexMap<String, String>,
    /// The worst child's.
    pub health: Health,
    /// Names of its deployments.
    pub deployments: Vec<String>,
    /// Its layer of defaults.
    #[schema(value_type = Object)]
    pub defaults: Value,
    /// Grows with every change of its document.
    pub version: u32,
}

/// Tasks of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct Tasks {
    /// Running.
    pub running: u32,
    /// All.
    pub total: u32,
}

/// Where a job was restored from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RestoredFrom {
    /// The catalogue row, when it is in the catalogue.
    pub savepoint_id: Option<String>,
    /// The place.
    pub location: String,
}

/// The job of a deployment, in its row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentJob {
    /// Ours.
    pub job_id: String,
    /// Flink's.
    pub flink_job_id: String,
    /// Flink's word; `null` when unknown.
    pub flink_state: Option<String>,
    /// When it started.
    pub started_at: Option<Timestamp>,
    /// Restarts seen.
    pub restarts: Option<u64>,
    /// Tasks.
    pub tasks: Option<Tasks>,
    /// Where it was restored from.
    pub restored_from: Option<RestoredFrom>,
}

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
    /// `CHECKPOINT`, `SAVEPOINT` or `SYNC_SAVEPOINT`.
    pub kind: String,
    /// Why it failed.
    pub failure: Option<String>,
}

/// What the next start would restore, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NextRestorePoint {
    /// The catalogue row.
    pub savepoint_id: Option<String>,
    /// The place.
    pub location: Option<String>,
    /// The sentence that explains it.
    pub why: String,
    /// Progress that would be repeated.
    pub rewind_seconds: Option<u64>,
    /// Whether somebody has looked at the place.
    pub verified: Option<bool>,
}

/// The operation at work, in a deployment's row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentOperation {
    /// Its id.
    pub operation_id: String,
    /// Kind.
    pub kind: Kind,
    /// Where it stands.
    pub state: OpState,
    /// Number of the step at work.
    pub step_number: u32,
    /// Steps in all.
    pub step_count: u32,
    /// Name of the step at work.
    pub step_name: Option<StepName>,
    /// What is known of it.
    pub step_detail: Option<String>,
    /// When the operation began.
    pub started_at: Option<Timestamp>,
}

/// The program's own number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MetricValue {
    /// What people call it.
    pub name: String,
    /// Flink's metric.
    pub metric: String,
    /// Sum over subtasks; `null` when not known.
    pub value: Option<f64>,
    /// When it was read.
    pub observed_at: Option<Timestamp>,
}

/// Why a job is in trouble.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RootCause {
    /// The last `Caused by`.
    pub message: String,
    /// Task.
    pub task: Option<String>,
    /// TaskManager.
    pub task_manager: Option<String>,
    /// When.
    pub at: Option<Timestamp>,
}

/// A difference between the spec and what runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Drift {
    /// What differs, for people.
    pub summary: String,
    /// Leaf by leaf.
    pub differences: Vec<crate::domain::spec::Difference>,
}

/// One deployment, in full.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Deployment {
    /// `APP/NAME`.
    pub deployment: String,
    /// The application.
    pub application: String,
    /// Its name in the application.
    pub name: String,
    /// Lasting id; names directories of savepoints.
    pub id: String,
    /// Where it runs.
    pub target: String,
    /// Labels.
    pub labels: IndexMap<String, String>,
    /// What it should be doing.
    pub desired: Desired,
    /// What it is seen to be doing.
    pub observed: Observed,
    /// When it was last seen.
    pub observed_at: Option<Timestamp>,
    /// One word.
    pub health: Health,
    /// What may be wrong.
    pub conditions: Vec<Condition>,
    /// Revision that runs, or ran last, or runs next.
    pub revision: Option<u32>,
    /// Its words: `payments@33de6`.
    pub version_label: Option<String>,
    /// Grows with every change of the deployment's own layer; the ETag.
    pub spec_version: u32,
    /// The job that lives, or lived last.
    pub job: Option<DeploymentJob>,
    /// Parallelism of the revision.
    pub parallelism: Option<u32>,
    /// Newest completed checkpoint.
    pub last_checkpoint: Option<Checkpoint>,
    /// Newest failed checkpoint.
    pub last_failed_checkpoint: Option<Checkpoint>,
    /// Progress lost if a failover happened now.
    pub crash_loss_seconds: Option<u64>,
    /// Progress lost if the job or its cluster ended now.
    pub end_loss_seconds: Option<u64>,
    /// What the next start would restore.
    pub next_restore_point: Option<NextRestorePoint>,
    /// The operation at work.
    pub operation: Option<DeploymentOperation>,
    /// Why the job is in trouble.
    pub root_cause: Option<RootCause>,
    /// Spec against what runs.
    pub drift: Option<Drift>,
    /// The program's own numbers.
    pub metrics: Vec<MetricValue>,
    /// Flink's own page of the job.
    pub flink_url: Option<String>,
    /// How hard it is to act by mistake.
    pub protection: Protection,
    /// The target's Flink version.
    pub flink_version: Option<String>,
}

/// One Flink job of a deployment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Job {
    /// Ours.
    pub job_id: String,
    /// `APP/NAME`.
    pub deployment: String,
    /// Flink's.
    pub flink_job_id: String,
    /// The revision it runs.
    pub revision: Option<u32>,
    /// Our word.
    pub state: Observed,
    /// Flink's word, as last seen.
    pub flink_state: Option<String>,
    /// When it started.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Where it was restored from.
    pub restored_from: Option<RestoredFrom>,
    /// Restarts seen.
    pub restarts: Option<u64>,
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

/// One step of an operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// Number, from 1.
    pub n: u32,
    /// Name.
    pub name: StepName,
    /// Where it stands.
    pub state: StepState,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Attempts so far.
    pub attempts: u32,
    /// What is known.
    pub detail: String,
}

/// A lifecycle action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Operation {
    /// Id.
    pub operation_id: String,
    /// The operation whose choice made this one.
    pub parent: Option<String>,
    /// What for.
    pub kind: Kind,
    /// `APP/NAME`.
    pub deployment: String,
    /// Where.
    pub target: String,
    /// Where it stands.
    pub state: OpState,
    /// Who.
    pub actor: String,
    /// Through which face.
    pub via: Via,
    /// Why.
    pub reason: Option<String>,
    /// Accepted.
    pub created_at: Timestamp,
    /// Began.
    pub started_at: Option<Timestamp>,
    /// Ended.
    pub ended_at: Option<Timestamp>,
    /// Its steps.
    pub steps: Vec<Step>,
    /// Why it failed or waits.
    pub error: Option<OpError>,
    /// Ways out of NEEDS_ATTENTION.
    pub choices: Vec<Choice>,
    /// What it brought.
    pub result: Option<String>,
}

/// An entry of the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// Number.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// How loud.
    pub severity: Severity,
    /// Name.
    pub name: String,
    /// Application.
    pub application: Option<String>,
    /// `APP/NAME`.
    pub deployment: Option<String>,
    /// Our job.
    pub job_id: Option<String>,
    /// Operation.
    pub operation_id: Option<String>,
    /// Who.
    pub actor: String,
    /// Through which face.
    pub via: Via,
    /// One line.
    pub message: String,
    /// More.
    #[schema(value_type = Object)]
    pub details: Value,
}

/// An immutable effective spec.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Revision {
    /// Number within the deployment.
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
    #[schema(value_type = Object)]
    pub spec: Value,
    /// Path → layer.
    #[schema(value_type = std::collections::HashMap<String, String>)]
    pub provenance: IndexMap<String, Layer>,
}

/// A jar by content hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Artifact {
    /// Content hash.
    pub sha256: String,
    /// File name it came with.
    pub name: String,
    /// Bytes.
    pub size_bytes: u64,
    /// The manifest's main class.
    pub main_class: Option<String>,
    /// Classes with a `main` method.
    pub entry_classes: Vec<String>,
    /// First seen.
    pub created_at: Timestamp,
    /// Deployments whose revisions refer to it.
    pub used_by: Vec<String>,
}

/// An exception of a job as Flink's history has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExceptionEntry {
    /// When.
    pub at: Option<Timestamp>,
    /// The last `Caused by`.
    pub root_cause: String,
    /// Task.
    pub task: Option<String>,
    /// TaskManager.
    pub task_manager: Option<String>,
    /// The whole text.
    pub trace: String,
}
