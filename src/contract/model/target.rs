//! Targets and the jobs on them.

use super::deployment::Tasks;
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::domain::{spec::Protection, time::Timestamp};

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
    /// `managed`, `unmanaged`, `another nutkin STORE`, or `stray`: issued to the deployment, and not its job any more.
    pub management: String,
}
