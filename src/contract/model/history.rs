//! What stays: jobs, operations and their steps, events, revisions, artifacts, exceptions.

use super::deployment::RestoredFrom;
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::domain::{
    deployment::Observed,
    event::{Severity, Via},
    operation::{Choice, Kind, OpError, OpState, StepName, StepState},
    spec::Layer,
    time::Timestamp,
};

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
    /// It is known to have begun without a state; false without `restoredFrom`: nobody knows.
    #[serde(default)]
    pub began_empty: bool,
    /// Restarts seen.
    pub restarts: Option<u64>,
}

/// One step of an operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// Number, from 1.
    pub n: u32,
    /// Name.
    pub name: StepName,
    /// What it does, in words.
    #[serde(default)]
    pub title: String,
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
    /// The operation that made this one: its choice did, or a fork that starts what it created.
    pub parent: Option<String>,
    /// The operation that this one took over from.
    #[serde(default)]
    pub supersedes: Option<String>,
    /// The operation that took over from this one.
    #[serde(default)]
    pub superseded_by: Option<String>,
    /// What for.
    pub kind: Kind,
    /// `APP/NAME`.
    pub deployment: String,
    /// Where.
    pub target: String,
    /// The revision that it runs, or was to run.
    #[serde(default)]
    pub revision: Option<u32>,
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
    /// Why it goes, or went, the way back; the steps behind the failed one are that way.
    #[serde(default)]
    pub goes_back: Option<WayBack>,
    /// Why it failed or waits.
    pub error: Option<OpError>,
    /// Ways out of NEEDS_ATTENTION.
    pub choices: Vec<Choice>,
    /// What it brought.
    pub result: Option<String>,
}

impl Operation {
    /// The step at work: the first that has neither succeeded, nor failed, nor been passed over.
    #[must_use]
    pub fn at_work(&self) -> Option<&Step> {
        let done =
            |s: &Step| matches!(s.state, StepState::Confirmed | StepState::Skipped | StepState::Refuted);
        self.steps.iter().find(|s| !done(s))
    }

    /// Why it failed or waits, for people: a step that the message names is called by its title.
    #[must_use]
    pub fn error_text(&self) -> Option<String> {
        let message = &self.error.as_ref()?.message;
        let rest = |s: &Step| message.strip_prefix(s.name.as_str())?.strip_prefix(": ").map(str::to_owned);
        let named = || self.steps.iter().filter(|s| !s.title.is_empty() && rest(s).is_some());
        // The way back may have a step of the same name.
        let step = named().find(|s| s.state == StepState::Refuted).or_else(|| named().next());
        let titled = step.and_then(|s| Some(format!("{}: {}", s.title, rest(s)?)));
        Some(titled.unwrap_or_else(|| message.clone()))
    }

    /// What came of it, for people: why it failed or waits, else what it brought.
    #[must_use]
    pub fn outcome_text(&self) -> Option<String> {
        self.error_text().or_else(|| self.result.clone())
    }
}

/// What made an operation turn round.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WayBack {
    /// What failed, in words.
    pub cause: String,
    /// Number of the step that failed.
    pub failed_step: u32,
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
    /// The operation in which it failed; `null` when it has run, or was never tried.
    #[serde(default)]
    pub failed_in: Option<String>,
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
    /// Flink's id of the job that it happened to.
    #[serde(default)]
    pub flink_job_id: String,
    /// The last `Caused by`.
    pub root_cause: String,
    /// Task.
    pub task: Option<String>,
    /// TaskManager.
    pub task_manager: Option<String>,
    /// The whole text.
    pub trace: String,
}
