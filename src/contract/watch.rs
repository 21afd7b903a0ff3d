//! Windows and the stream of changes.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::model::{Application, Deployment, Event, Operation, Savepoint, Target, TargetJob};
use crate::domain::{
    deployment::{Health, Observed},
    time::Timestamp,
};

/// A slim row: enough for a list, at most about 200 bytes. What is not known is left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// `APP/NAME`.
    pub deployment: String,
    /// Where.
    pub target: String,
    /// What it is seen to be doing.
    pub observed: Observed,
    /// One word.
    pub health: Health,
    /// Its version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version_label: Option<String>,
    /// Flink's word for the job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flink_state: Option<String>,
    /// Kind and step of the operation at work: `UPGRADE 3/6`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// When that operation began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation_started_at: Option<Timestamp>,
    /// True when the operation waits for a person.
    pub needs_attention: bool,
    /// When the job started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// Restarts seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restarts: Option<u64>,
}

/// Totals of the fleet, for the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Totals {
    /// Deployments in all.
    pub deployments: u32,
    /// RUNNING.
    pub running: u32,
    /// On their way, or an operation at work.
    pub transitioning: u32,
    /// FAILED, UNKNOWN, or in need of a person.
    pub failing: u32,
    /// Operations that wait for a person.
    pub needs_attention: u32,
    /// Operations at work.
    pub operations: u32,
}

/// Answer of `GET /snapshot`: slim rows, totals, and one full model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// Position on the watch stream that continues this snapshot: `<epoch>.<n>`.
    pub at: String,
    /// The manager's clock.
    pub now: Timestamp,
    /// Who the manager takes the caller for.
    pub actor: String,
    /// Policy: nothing may be changed.
    pub read_only: bool,
    /// Totals over everything.
    pub totals: Totals,
    /// Applications.
    pub applications: Vec<Application>,
    /// The window of rows.
    pub rows: Vec<Row>,
    /// Rows that match in all.
    pub total_rows: u32,
    /// Targets.
    pub targets: Vec<Target>,
    /// Live jobs that nobody here manages.
    pub unmanaged: Vec<TargetJob>,
    /// The deployment asked for with `select`, or the first row's, in full.
    pub selected: Option<Box<Detail>>,
    /// Newest events, oldest first, without their details: `GET /events` has them.
    pub events: Vec<Event>,
}

/// One deployment with everything that its tabs show first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Detail {
    /// The deployment.
    pub deployment: Deployment,
    /// Its savepoints, newest first.
    pub savepoints: Vec<Savepoint>,
    /// Its operation at work, in full.
    pub operation: Option<Operation>,
}

/// A message of the watch stream (`GET /watch`); SSE event names are the tags.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum WatchMessage {
    /// First message: the stream's id for interest, and the position.
    #[serde(rename_all = "camelCase")]
    Hello {
        /// Use it with `PUT /watch/{id}/interest`.
        watch_id: String,
        /// Position.
        at: String,
    },
    /// Take a new snapshot: the position is unknown here (a new manager, or too old).
    Reset {
        /// Why.
        reason: String,
    },
    /// A row, and its full model for those who are interested in it.
    Deployment {
        /// The row.
        row: Row,
        /// In full, by interest.
        detail: Option<Box<Detail>>,
    },
    /// A deployment is gone.
    DeploymentGone {
        /// `APP/NAME`.
        deployment: String,
    },
    /// A target.
    Target {
        /// It.
        target: Box<Target>,
        /// Its live jobs that nobody here manages.
        unmanaged: Vec<TargetJob>,
    },
    /// A target is gone.
    TargetGone {
        /// Its name.
        name: String,
    },
    /// An application.
    Application {
        /// It.
        application: Box<Application>,
    },
    /// An application is gone.
    ApplicationGone {
        /// Its name.
        name: String,
    },
    /// An operation that changed.
    Operation {
        /// It.
        operation: Box<Operation>,
    },
    /// New events, oldest first.
    Events {
        /// They.
        events: Vec<Event>,
        /// More were dropped from the stream; read `GET /events` for all.
        skipped: u64,
    },
    /// Totals changed.
    Totals {
        /// They.
        totals: Totals,
    },
}

/// What a client looks at; the manager polls details only for that.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Interest {
    /// Deployments, `APP/NAME`.
    pub deployments: Vec<String>,
}
