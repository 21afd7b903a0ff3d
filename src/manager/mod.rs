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

mod apply;
mod artifacts;
mod books;
mod check;
mod cleanup;
mod disposal;
mod eyes;
mod faults;
mod history;
mod hub;
mod idle;
mod inner;
pub mod ports;
mod query;
mod runner;
mod secrets;
mod specs;
mod store_check;
mod submit;
mod view;
mod watch;
mod watcher;
mod window;
mod world;

use std::{path::PathBuf, sync::Arc, time::Duration};

use inner::Inner;
use ports::{
    ClusterFactory, JarReader, Random, SavepointEyes,
    store::{AnswerRow, Changes, Store, StoreError},
};
use tokio::sync::mpsc;
use world::World;

pub use crate::domain::operation::evidence::Patience;
use crate::{
    contract::{
        problem::{Code, Problem},
        watch::WatchMessage,
    },
    domain::{
        event::{EventName, NewEvent, Severity, Via},
        ids::{DeploymentName, OperationId},
        operation::Operation,
        time::{Clock, Timestamp},
    },
};
pub use faults::patience;

/// Writes down that the manager before was killed, or its machine: who reads the event log would see only a pause.
async fn note_loss(inner: &Arc<Inner>, active: usize) {
    let rest = match active {
        0 => "no operation was at work".to_owned(),
        1 => "one operation was at work and goes on".to_owned(),
        n => format!("{n} operations were at work and go on"),
    };
    let text = format!("the previous manager did not shut down cleanly; {rest}");
    let event = NewEvent::auto(inner.now(), Severity::Warn, EventName::ManagerLost, text);
    let gate = inner.gate().await;
    // A store that takes nothing says so at the next change; this start only looks.
    let _ = inner.commit(&gate, Changes { events: vec![event], ..Changes::default() }).await;
}

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
    /// Looks into jars.
    pub jars: Arc<dyn JarReader>,
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
    /// Events older than this are forgotten; `None` = never.
    pub events_keep: Option<Duration>,
    /// Operations driven at once on one target; those that end a job never wait.
    pub concurrency: usize,
    /// Version and commit.
    pub build: String,
    /// The store's file is still to be checked after an unclean exit.
    pub check_store: bool,
    /// The state directory.
    pub state_dir: PathBuf,
    /// How long the rules wait for what.
    pub patience: Patience,
}

/// The Application Manager. Cheap to clone; all clones are the same manager.
#[derive(Debug, Clone)]
pub struct Manager {
    inner: Arc<Inner>,
}

/// Jobs per deployment that are loaded at a start, for what each was restored from.
const JOBS_LOADED: u32 = 200;
/// Savepoints per deployment that are loaded at a start.
const SAVEPOINTS_LOADED: u32 = 200;

impl Manager {
    /// Loads the store, notes the gap in watching, goes on with every active operation, begins to watch.
    ///
    /// Each target is observed once before the first act.
    pub async fn start(deps: Deps, settings: ManagerSettings) -> Result<Self, StoreError> {
        let loaded = deps.store.load().await?;
        let mut world = World::new(loaded.store_id, loaded.epoch);
        let last_watched = loaded.facts.get(watcher::WATCHED_UNTIL).and_then(|t| t.parse().ok());
        let mut rows = Changes {
            applications: loaded.applications,
            deployments: loaded.deployments,
            jobs: loaded.jobs,
            operations: loaded.active,
            ..Changes::default()
        };
        for d in &rows.deployments {
            if let Some(n) = d.revision {
                rows.revisions.extend(deps.store.revision(&d.id, n).await?);
            }
            let mut savepoints = deps.store.savepoints(Some(&d.id), SAVEPOINTS_LOADED).await?;
            savepoints.reverse();
            rows.savepoints.extend(savepoints);
            rows.jobs.extend(deps.store.jobs(Some(&d.id), JOBS_LOADED).await?);
        }
        world.absorb(&rows);
        // Only these: what is submitted from now on brings its own driver.
        let active: Vec<OperationId> = world.operations.keys().cloned().collect();
        watcher::recall(&mut world, &loaded.facts);
        world.last_seq = loaded.last_seq;
        let inner = Arc::new(Inner::new(deps, settings, world));
        loaded.facts.keys().for_each(|fact| inner.trust.learn(fact));
        {
            let mut world = inner.world_mut();
            for row in loaded.targets {
                let (name, noted) = (row.name.clone(), watcher::recall_target(&row, &loaded.facts));
                inner.place_target(&mut world, row);
                if let Some(t) = world.targets.get_mut(&name) {
                    t.sight.noted = noted;
                }
            }
        }
        watcher::note_gap(&inner, last_watched).await;
        if loaded.unclean {
            note_loss(&inner, active.len()).await;
        }
        let manager = Self { inner };
        manager.begin(active, loaded.unsettled);
        Ok(manager)
    }

    fn begin(&self, active: Vec<OperationId>, unsettled: Vec<Operation>) {
        let inner = &self.inner;
        watcher::spawn_heartbeat(inner);
        idle::spawn(inner);
        store_check::spawn(inner);
        // These only look, and need not wait for a first sight.
        unsettled.into_iter().for_each(|op| runner::collect::spawn(inner, op));
        let mut waiting = active;
        let targets: Vec<_> = inner.world().targets.keys().cloned().collect();
        for target in targets {
            let is_here =
                |id: &OperationId| inner.world().operations.get(id).is_some_and(|o| o.target == target);
            let (here, elsewhere) = waiting.into_iter().partition(is_here);
            waiting = elsewhere;
            let driven: Vec<OperationId> = here;
            let of = Arc::clone(inner);
            watcher::spawn(inner, target, move || driven.into_iter().for_each(|id| runner::spawn(&of, id)));
        }
        // Their target is not recorded any more: their steps say so.
        waiting.into_iter().for_each(|id| runner::spawn(inner, id));
    }

    /// Leaves: operations pause at their recorded step, the store is closed.
    pub async fn stop(&self) {
        self.inner.leaving.cancel();
        self.inner.tasks.close();
        self.inner.tasks.wait().await;
        if let Err(e) = self.inner.deps.store.close().await {
            tracing::warn!(error = %e, "the store was not closed cleanly");
        }
        self.inner.left.cancel();
    }

    /// Resolves when the manager wants to leave or is asked to: idle, fenced out, stopped.
    pub async fn leaving(&self) {
        self.inner.leaving.cancelled().await;
    }

    /// A client spoke; idle exit counts from the last one.
    pub fn client_seen(&self) {
        let now = self.inner.deps.clock.boottime();
        *self.inner.last_client.lock() = now;
    }

    /// Policy for whatever is no operation: a read-only manager answers dry runs only.
    fn may_change(&self, dry_run: bool) -> ManagerResult<()> {
        if self.inner.settings.read_only && !dry_run {
            return Err(Problem::new(Code::ReadOnly, "this manager is read-only; nothing was changed"));
        }
        Ok(())
    }

    /// The kept answer of this very request; another request under the same key is refused.
    pub async fn kept_answer(&self, who: &Caller, key: &Idempotency) -> ManagerResult<Option<AnswerRow>> {
        match self.inner.deps.store.answer(&who.actor, &key.route, &key.key).await? {
            Some(kept) if kept.body_hash != key.body_hash => {
                let text = "this idempotency key was used for another request; nothing was changed";
                Err(Problem::new(Code::KeyReused, text).hint("make a new key for every confirmed act"))
            }
            kept => Ok(kept),
        }
    }

    /// What was answered to this very request before, if it was.
    async fn replay<T: serde::de::DeserializeOwned>(
        &self,
        who: &Caller,
        key: Option<&Idempotency>,
    ) -> ManagerResult<Option<T>> {
        let Some(key) = key else { return Ok(None) };
        let Some(kept) = self.kept_answer(who, key).await? else { return Ok(None) };
        serde_json::from_value(kept.body).map(Some).map_err(|e| Problem::new(Code::Internal, e.to_string()))
    }

    /// Keeps the answer of a changing request that is no operation.
    pub async fn keep_answer(&self, row: AnswerRow) -> ManagerResult<()> {
        let gate = self.inner.gate().await;
        Ok(self.inner.commit(&gate, Changes { answers: vec![row], ..Changes::default() }).await?)
    }
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
    /// In which order.
    pub sort: SnapshotSort,
}

/// The order of a window's rows; equal ones are in the order of their names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SnapshotSort {
    /// By name.
    #[default]
    Name,
    /// The worst first.
    Health,
    /// By target.
    Target,
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
