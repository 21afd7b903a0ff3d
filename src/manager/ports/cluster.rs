//! One Flink cluster as the manager sees it: typed, tolerant, honest about effects.

use std::{path::Path, sync::Arc, sync::atomic::AtomicU64};

use async_trait::async_trait;
use indexmap::IndexMap;

pub use crate::domain::flink::{
    AsyncStatus, CancelAnswer, CheckpointConfig, CheckpointStat, Checkpoints, Jar, JobSummary, Overview,
    Restored, TaskManager,
};
pub use crate::domain::target::{Auth, SavepointAccess, TargetSpec, Tls};
use crate::domain::{
    deployment::FlinkState,
    ids::{FlinkJobId, TriggerId},
    savepoint::Format,
    time::Timestamp,
};

/// Why a request to Flink failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ClusterError {
    /// Kind of failure.
    pub kind: ErrorKind,
    /// Whether the request may have had an effect.
    pub effect: Effect,
    /// The human reason: the last `Caused by`, or what the network said.
    pub message: String,
    /// Flink's full text, on demand.
    pub full: Option<String>,
}

/// Whether a failed request may have changed the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It never left, or Flink answered that it did nothing.
    None,
    /// It may have.
    Possible,
}

/// Kinds of failure of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ErrorKind {
    /// Refused, no route, unknown host: nothing was sent.
    Connect,
    /// No answer in time.
    Timeout,
    /// The connection ended in the middle.
    Closed,
    /// Flink's own error answer (`{"errors": […]}`), with its status.
    Flink(u16),
    /// Leader election: 503 by Flink itself, not executed.
    Election,
    /// 5xx or another status from something between us and Flink.
    Gateway(u16),
    /// 401 or 403.
    Denied(u16),
    /// A redirect; nutkin follows none.
    Redirect(String),
    /// TLS failed.
    Tls,
    /// The answer is not Flink's.
    NotFlink,
    /// The answer is over the cap, or too deep.
    TooLarge,
    /// The target's document cannot work.
    Config,
    /// The circuit is open after repeated failures; nothing was sent.
    CircuitOpen,
}

impl ClusterError {
    /// Flink itself answered with this status.
    #[must_use]
    pub fn flink_status(&self) -> Option<u16> {
        match self.kind {
            ErrorKind::Flink(s) => Some(s),
            _ => None,
        }
    }
    /// Nobody who could know answered: the cluster counts as unreachable.
    #[must_use]
    pub const fn is_unreachable(&self) -> bool {
        !matches!(self.kind, ErrorKind::Flink(_))
    }
}

/// Result of a request to Flink.
pub type ClusterResult<T> = Result<T, ClusterError>;

/// `/config`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClusterConfig {
    /// `2.3.0`.
    pub flink_version: String,
    /// Jars may be submitted over REST.
    pub web_submit: bool,
    /// Jobs may be cancelled over REST (the web page's own switch).
    pub web_cancel: bool,
}

/// `/jobs/overview`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Jobs {
    /// The rows.
    pub items: Vec<JobSummary>,
    /// False when the bytes equal those of the previous call: nothing was parsed, `items` is the same list.
    pub changed: bool,
}

/// A vertex of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vertex {
    /// Its id.
    pub id: String,
    /// Its name, raw.
    pub name: String,
    /// Subtasks.
    pub parallelism: u32,
    /// Upper bound of rescaling; `None` where Flink reports none.
    pub max_parallelism: Option<u32>,
    /// Flink's word.
    pub status: String,
}

/// `/jobs/:id`; cached by Flink for 3 s, so never a source of the job's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobDetail {
    /// Flink's name of it, raw.
    pub name: String,
    /// Flink's word (up to 3 s old).
    pub state: FlinkState,
    /// Start time.
    pub start_time: Timestamp,
    /// The JobManager's clock when it put this together.
    pub now: Option<Timestamp>,
    /// `STREAMING`, `BATCH`, where Flink says so.
    pub job_type: Option<String>,
    /// Vertices.
    pub vertices: Vec<Vertex>,
}

/// One exception of the history, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExceptionView {
    /// When.
    pub at: Option<Timestamp>,
    /// The last `Caused by`.
    pub root_cause: String,
    /// Task.
    pub task: Option<String>,
    /// TaskManager.
    pub task_manager: Option<String>,
    /// Whole text.
    pub trace: String,
}

/// `/jobs/:id/config`, for adoption.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JobConfig {
    /// Default parallelism.
    pub parallelism: Option<u32>,
    /// The program's global parameters.
    pub user_config: IndexMap<String, String>,
}

/// Body of a jar run or plan. Only fields that Flink 1.16 to 2.3 take are sent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RunRequest {
    /// Our job id; not sent with a plan.
    pub job_id: Option<FlinkJobId>,
    /// Main class.
    pub entry_class: Option<String>,
    /// Arguments, as a list.
    pub args: Vec<String>,
    /// Parallelism.
    pub parallelism: u32,
    /// Where to restore from.
    pub savepoint_path: Option<String>,
    /// State that maps to no operator may be dropped.
    pub allow_non_restored_state: bool,
    /// Needs Flink 1.17; with an older one a non-empty map is refused before anything is sent.
    pub flink_configuration: IndexMap<String, String>,
}

/// Body of a savepoint or a stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavepointRequest {
    /// Our key.
    pub trigger: TriggerId,
    /// Our own directory; none = the cluster's setting.
    pub directory: Option<String>,
    /// Binary format.
    pub format: Format,
    /// Stop only: let windows fire.
    pub drain: bool,
}

/// One Flink cluster over REST. Reads may be retried inside; requests that change something are sent once.
#[async_trait]
pub trait Cluster: Send + Sync + std::fmt::Debug {
    /// The same cluster for the polls of a running operation: each read goes out once and at once, even while a cluster
    /// that failed again and again is left alone by everybody else. Operations ask again at their own pace.
    fn for_operation(&self) -> Arc<dyn Cluster>;

    /// `/overview`.
    async fn overview(&self) -> ClusterResult<Overview>;
    /// `/taskmanagers`. It is answered within five seconds or not at all: a dead TaskManager can hold up the JobManager.
    async fn task_managers(&self) -> ClusterResult<Vec<TaskManager>>;
    /// `/config`.
    async fn config(&self) -> ClusterResult<ClusterConfig>;
    /// `/jobmanager/config`.
    async fn jobmanager_config(&self) -> ClusterResult<IndexMap<String, String>>;
    /// `/jobs/overview`.
    async fn jobs(&self) -> ClusterResult<Jobs>;
    /// `/jobs/:id/status`, live; `None` = Flink does not know the job.
    async fn job_status(&self, job: &FlinkJobId) -> ClusterResult<Option<FlinkState>>;
    /// `/jobs/:id`; `None` = Flink does not know the job.
    async fn job(&self, job: &FlinkJobId) -> ClusterResult<Option<JobDetail>>;
    /// `/jobs/:id/checkpoints`; `None` = Flink does not know the job or it has no checkpointing.
    async fn checkpoints(&self, job: &FlinkJobId) -> ClusterResult<Option<Checkpoints>>;
    /// `/jobs/:id/checkpoints/config`.
    async fn checkpoint_config(&self, job: &FlinkJobId) -> ClusterResult<Option<CheckpointConfig>>;
    /// `/jobs/:id/exceptions`, newest first.
    async fn exceptions(&self, job: &FlinkJobId, max: u32) -> ClusterResult<Vec<ExceptionView>>;
    /// `/jobs/:id/config`.
    async fn job_config(&self, job: &FlinkJobId) -> ClusterResult<Option<JobConfig>>;
    /// Sums of metrics over all subtasks of all vertices, by the last part of the metric's id; a missing one is absent.
    async fn metric_sums(&self, job: &FlinkJobId, metrics: &[String])
    -> ClusterResult<IndexMap<String, f64>>;
    /// Number of restarts (`numRestarts`); `None` when the metric is not there yet.
    async fn restarts(&self, job: &FlinkJobId) -> ClusterResult<Option<u64>>;

    /// `/jars`.
    async fn jars(&self) -> ClusterResult<Vec<Jar>>;
    /// Streams a jar to the cluster under `name`; `sent` counts bytes. The deadline is 60 s without progress.
    async fn upload_jar(&self, file: &Path, name: &str, sent: Arc<AtomicU64>) -> ClusterResult<Jar>;
    /// Compiles the plan: runs the program's `main()` on the JobManager.
    async fn plan_jar(&self, jar: &str, run: &RunRequest) -> ClusterResult<()>;
    /// Submits; answers when `main()` has reached `execute()` (up to 10 minutes).
    async fn run_jar(&self, jar: &str, run: &RunRequest) -> ClusterResult<FlinkJobId>;
    /// Deletes a jar.
    async fn delete_jar(&self, jar: &str) -> ClusterResult<()>;

    /// Triggers a savepoint.
    async fn trigger_savepoint(&self, job: &FlinkJobId, request: &SavepointRequest) -> ClusterResult<()>;
    /// Triggers a stop with savepoint.
    async fn stop(&self, job: &FlinkJobId, request: &SavepointRequest) -> ClusterResult<()>;
    /// State of either.
    async fn savepoint_status(&self, job: &FlinkJobId, trigger: &TriggerId) -> ClusterResult<AsyncStatus>;
    /// Cancels.
    async fn cancel(&self, job: &FlinkJobId) -> ClusterResult<CancelAnswer>;
    /// Asks Flink to delete a savepoint's files; answers Flink's request id.
    async fn dispose(&self, location: &str) -> ClusterResult<TriggerId>;
    /// State of a disposal.
    async fn disposal_status(&self, request: &TriggerId) -> ClusterResult<AsyncStatus>;
}
