//! The Application Manager: the only door for every face.
//!
//! ```text
//!   query ── read models      watch ── changes      submit ── plans and operations
//!                       │            │                      │
//!                       └────── world (in memory) ──────────┤
//!                                    ▲                      ▼
//!                    watcher (polls clusters)        runner (drives operations)
//!                                    └────── Store::commit ─┘
//! ```

pub mod ports;

use std::{path::PathBuf, sync::Arc, time::Duration};

use ports::{
    ClusterFactory, Random, SavepointEyes,
    store::{AnswerRow, Store, StoreError},
};
use tokio::sync::mpsc;

use crate::{
    contract::{
        Health, List,
        intent::{Applied, Apply, Choose, Intent, PatchSavepoint},
        model,
        plan::Submitted,
        problem::{Code, Problem},
        watch::{Interest, Snapshot, WatchMessage},
    },
    domain::{
        event::{Severity, Via},
        ids::{DeploymentName, OperationId, SavepointId, TargetName},
        time::{Clock, Timestamp},
    },
};

/// What a manager is made of.
#[derive(Debug, Clone)]
pub struct Deps {
    /// The embedded history.
    pub store: Arc<dyn Store>,
    /// Makes cluster clients.
    pub clusters: Arc<dyn ClusterFactory>,
    /// Looks at savepoints.
    pub eyes: Arc<dyn SavepointEyes>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Keys.
    pub random: Arc<dyn Random>,
}

/// How a manager behaves.
#[derive(Debug, Clone)]
pub struct ManagerSettings {
    /// Fast lane while somebody looks or an operation runs.
    pub poll_interval: Duration,
    /// Fast lane otherwise.
    pub poll_interval_idle: Duration,
    /// Folder of secrets by file.
    pub secrets_dir: Option<PathBuf>,
    /// Names of environment variables that may be used as secrets.
    pub secret_env: Vec<String>,
    /// Nothing may be changed.
    pub read_only: bool,
    /// Leave after this long without a client while nothing is to be watched; `None` = never.
    pub idle_exit: Option<Duration>,
    /// Version and commit.
    pub build: String,
    /// The state directory.
    pub state_dir: PathBuf,
    /// Operations driven at once.
    pub concurrency: usize,
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The person: user name by peer credentials.
    pub actor: String,
    /// Through which face.
    pub via: Via,
}

/// The client's key of one confirmed act; the answer is kept in the operation's own transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    /// Method and path.
    pub route: String,
    /// The client's key.
    pub key: String,
    /// Hash of the body.
    pub body_hash: String,
}

/// Which window `GET /snapshot` answers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SnapshotQuery {
    /// The deployment to answer in full; default: the first row.
    pub select: Option<DeploymentName>,
    /// Rows at most; default 200.
    pub limit: Option<u32>,
    /// Only names that contain this.
    pub filter: Option<String>,
}

/// Which events a face asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// `APP/NAME`.
    pub deployment: Option<DeploymentName>,
    /// An operation.
    pub operation: Option<OperationId>,
    /// This loud or louder.
    pub severity: Option<Severity>,
    /// Not older.
    pub since: Option<Timestamp>,
    /// Only larger numbers, oldest first (for following).
    pub after: Option<u64>,
    /// Only smaller numbers, newest first (for paging back).
    pub before: Option<u64>,
    /// At most so many; default 200.
    pub limit: Option<u32>,
}

/// A subscriber's end of the watch.
#[derive(Debug)]
pub struct Subscription {
    /// Use with [`Manager::set_interest`].
    pub id: String,
    /// Messages with their positions (`<epoch>.<n>`); bounded, what does not fit is merged, never queued.
    pub messages: mpsc::Receiver<(String, WatchMessage)>,
}

/// Result of a request to the manager.
pub type ManagerResult<T> = Result<T, Problem>;

impl From<StoreError> for Problem {
    fn from(e: StoreError) -> Self {
        let code = match &e {
            StoreError::Conflict { .. } => Code::OperationActive,
            StoreError::ReadOnly(_) => Code::ReadOnly,
            StoreError::Fenced { .. } | StoreError::Full | StoreError::Failed(_) => Code::StoreFailed,
        };
        let hint = match &e {
            StoreError::Full => Some("free space on the file system of the state directory, then try again"),
            StoreError::Failed(_) => Some("run `nutkin doctor`; the manager's log has the details"),
            _ => None,
        };
        let p = Self::new(code, e.to_string());
        hint.map_or(p.clone(), |h| p.hint(h))
    }
}
