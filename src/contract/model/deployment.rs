//! Applications and deployments.

use super::snapshot::Checkpoint;
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::domain::{
    deployment::{Condition, Desired, Health, Observed},
    operation::{Kind, OpState, StepName},
    spec::Protection,
    time::Timestamp,
};

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
    /// When its state was taken: its age and what it repeats grow from there.
    #[serde(default)]
    pub state_of: Option<Timestamp>,
    /// True when restore points are known and none can be used: a start is refused until a person names one, or asks for
    /// an empty start. False without a location: the start begins empty.
    #[serde(default)]
    pub refused: bool,
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
    /// What it does, in words.
    pub step_title: Option<String>,
    /// What is known of it.
    pub step_detail: Option<String>,
    /// It failed, and is on its way back.
    #[serde(default)]
    pub goes_back: bool,
    /// When the operation began.
    pub started_at: Option<Timestamp>,
}

/// A value of the spec that the job does not run with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OverriddenValue {
    /// Where it is in the spec.
    pub path: String,
    /// What the job runs with instead.
    pub runs_with: String,
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
    /// What the program has set itself, instead of what the spec says.
    #[serde(default)]
    pub overridden: Vec<OverriddenValue>,
    /// The program's own numbers.
    pub metrics: Vec<MetricValue>,
    /// Flink's own page of the job.
    pub flink_url: Option<String>,
    /// How hard it is to act by mistake.
    pub protection: Protection,
    /// The target's Flink version.
    pub flink_version: Option<String>,
}
