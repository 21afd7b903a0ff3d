//! The manager's inside: the world, the one write path, keys, and who must be woken.

use std::{collections::HashMap, sync::Arc};

use parking_lot::{Mutex, RwLock, RwLockReadGuard, RwLockWriteGuard};
use tokio::sync::{MutexGuard, Notify, OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::{
    Caller, Deps, ManagerSettings, books,
    eyes::{CarefulEyes, Trust},
    hub::Hub,
    ports::{
        SavepointEyes,
        cluster::TargetSpec,
        store::{AnswerRow, Changes, Epoch, StoreResult, TargetRow},
    },
    world::{TargetEntry, Touched, World},
};
use crate::domain::{
    event::{EventName, NewEvent, Severity},
    ids::{DeploymentId, Hex32, OperationId, SavepointId, TargetName},
    operation::{Kind, OpState, Operation},
    time::Timestamp,
};

/// An operation that waits for its turn looks this often whether it is still wanted.
const LOOK_AGAIN: std::time::Duration = std::time::Duration::from_secs(1);

/// Shared by all parts of one manager.
#[derive(Debug)]
pub struct Inner {
    /// What it is made of.
    pub deps: Deps,
    /// Its eyes as they are, whether they see the cluster's files or not.
    pub bare_eyes: Arc<dyn SavepointEyes>,
    /// The clusters whose files they are known to see.
    pub trust: Arc<Trust>,
    /// How it behaves.
    pub settings: ManagerSettings,
    /// What it knows.
    world: RwLock<World>,
    /// Held over every read-decide-commit, so that the world and the store never part.
    gate: tokio::sync::Mutex<()>,
    /// Subscribers.
    pub hub: Hub,
    /// Wakes a target's watcher.
    wakes: Mutex<HashMap<TargetName, Arc<Notify>>>,
    /// The manager leaves.
    pub leaving: CancellationToken,
    /// The manager has left.
    pub left: CancellationToken,
    /// Monotonic time of the last request.
    pub last_client: Mutex<std::time::Duration>,
    /// What a check has found wrong with the store's file.
    pub damage: std::sync::OnceLock<String>,
    /// Requests of operations that are on their way.
    pub sends: super::runner::collect::Sends,
    /// Jars on their way to a cluster.
    pub uploads: super::runner::upload::Uploads,
    /// Places for operations at work, by target: a dead cluster never holds up another one's.
    places: Mutex<HashMap<TargetName, Arc<Semaphore>>>,
    /// Tasks at work: watchers and runners.
    pub tasks: tokio_util::task::TaskTracker,
}

/// Proof that its holder is the one that may read, decide and commit.
#[derive(Debug)]
pub struct Gate<'a>(#[expect(dead_code, reason = "held, never read")] MutexGuard<'a, ()>);

impl Inner {
    /// Puts the parts together.
    #[must_use]
    pub fn new(mut deps: Deps, settings: ManagerSettings, world: World) -> Self {
        let now = deps.clock.boottime();
        let (trust, bare_eyes) = (Arc::<Trust>::default(), Arc::clone(&deps.eyes));
        deps.eyes = Arc::new(CarefulEyes::new(Arc::clone(&bare_eyes), Arc::clone(&trust)));
        Self {
            bare_eyes,
            trust,
            hub: Hub::new(world.epoch),
            deps,
            settings,
            world: RwLock::new(world),
            gate: tokio::sync::Mutex::new(()),
            wakes: Mutex::default(),
            leaving: CancellationToken::new(),
            left: CancellationToken::new(),
            last_client: Mutex::new(now),
            damage: Default::default(),
            sends: Default::default(),
            uploads: Default::default(),
            places: Mutex::default(),
            tasks: tokio_util::task::TaskTracker::new(),
        }
    }

    /// Now, by the clock port.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.deps.clock.now_utc()
    }

    /// The world, to read; never held across an await. Who holds it may ask again, also while a writer waits.
    pub fn world(&self) -> RwLockReadGuard<'_, World> {
        self.world.read_recursive()
    }

    /// The world, to change sights in.
    pub fn world_mut(&self) -> RwLockWriteGuard<'_, World> {
        self.world.write()
    }

    /// Waits for the right to read, decide and commit.
    pub async fn gate(&self) -> Gate<'_> {
        Gate(self.gate.lock().await)
    }

    /// This start's epoch.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.world().epoch
    }

    /// Commits, takes the changes over into the world, and tells the subscribers.
    pub async fn commit(&self, _gate: &Gate<'_>, mut changes: Changes) -> StoreResult<()> {
        books::disarm(self, &mut changes);
        let committed = match self.deps.store.commit(changes.clone(), self.epoch()).await {
            Ok(c) => c,
            Err(e) => {
                if matches!(e, super::ports::store::StoreError::Fenced { .. }) {
                    // Another manager owns the store: this one must not act any more.
                    self.leaving.cancel();
                }
                tracing::error!(error = %e, "commit refused");
                return Err(e);
            }
        };
        let (touched, events_from) = {
            let mut world = self.world_mut();
            let from = world.last_seq;
            let mut touched = world.absorb(&changes);
            for row in changes.targets {
                touched.targets.push(row.name.clone());
                self.place_target(&mut world, row);
            }
            world.last_seq = committed.last_seq;
            (touched, from)
        };
        self.load_revisions(&touched).await?;
        self.hub.publish(&touched, events_from, committed.last_seq);
        self.wake_targets(&touched);
        Ok(())
    }

    /// Deployments that now run another revision of their history get it from the store.
    async fn load_revisions(&self, touched: &Touched) -> StoreResult<()> {
        let missing: Vec<_> = {
            let world = self.world();
            let entries = touched.deployments.iter().filter_map(|n| world.deployments.get(n));
            entries
                .filter(|e| e.revision.is_none())
                .filter_map(|e| Some((e.row.id.clone(), e.row.revision?)))
                .collect()
        };
        for (id, number) in missing {
            if let Some(revision) = self.deps.store.revision(&id, number).await? {
                self.world_mut().place_revision(&revision);
            }
        }
        Ok(())
    }

    /// Makes a target's client and puts it into the world, keeping what was seen when its document did not change.
    pub fn place_target(&self, world: &mut World, row: TargetRow) {
        let spec: TargetSpec = match serde_json::from_value(row.spec.clone()) {
            Ok(s) => s,
            Err(e) => {
                tracing::error!(target = %row.name, error = %e, "the stored document of a target cannot be read");
                return;
            }
        };
        let sight = match world.targets.remove(&row.name) {
            Some(old) if old.spec == spec => {
                world.targets.insert(row.name.clone(), TargetEntry { row, ..old });
                return;
            }
            _ => Default::default(),
        };
        let cluster = self.deps.clusters.connect(&spec);
        world.targets.insert(row.name.clone(), TargetEntry { row, spec, cluster, sight });
    }

    /// Tells subscribers about a change of sights.
    pub fn touched(&self, touched: &Touched) {
        let seq = self.world().last_seq;
        self.hub.publish(touched, seq, seq);
    }

    /// The bell of a target's watcher.
    pub fn wake(&self, target: &TargetName) -> Arc<Notify> {
        let mut wakes = self.wakes.lock();
        Arc::clone(wakes.entry(target.clone()).or_default())
    }

    fn wake_targets(&self, touched: &Touched) {
        for t in &touched.targets {
            self.wake(t).notify_one();
        }
    }

    /// Waits for a place among the operations at work on its target, if this one is new and has time; `None` = none is needed.
    pub async fn place(&self, id: &OperationId) -> Option<OwnedSemaphorePermit> {
        loop {
            let op = self.world().operations.get(id).cloned()?;
            // What has begun is ended, and what ends a job or was asked to stop is urgent.
            let urgent = op.cancel_requested || matches!(op.kind, Kind::Cancel | Kind::Suspend);
            if op.state != OpState::Queued || urgent {
                return None;
            }
            let places = {
                let mut all = self.places.lock();
                let new = || Arc::new(Semaphore::new(self.settings.concurrency.max(1)));
                Arc::clone(all.entry(op.target.clone()).or_insert_with(new))
            };
            tokio::select! {
                place = places.acquire_owned() => return place.ok(),
                () = self.deps.clock.sleep(LOOK_AGAIN) => {}
                () = self.leaving.cancelled() => return None,
            }
        }
    }

    /// A fresh trigger id.
    #[must_use]
    pub fn fresh_hex(&self) -> Hex32 {
        Hex32::from_bytes(self.deps.random.bytes16())
    }

    /// A fresh job id of ours.
    #[must_use]
    pub fn fresh_job(&self) -> Hex32 {
        let b = self.deps.random.bytes16();
        let store = self.world().store_id.clone();
        Hex32::ours(&store, [b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]])
    }

    /// A fresh id of an operation.
    #[must_use]
    pub fn fresh_operation(&self) -> OperationId {
        OperationId::new(self.deps.random.id(self.now()))
    }

    /// A fresh id of a savepoint.
    #[must_use]
    pub fn fresh_savepoint(&self) -> SavepointId {
        SavepointId::new(self.deps.random.id(self.now()))
    }

    /// A fresh id of a deployment.
    #[must_use]
    pub fn fresh_deployment(&self) -> DeploymentId {
        DeploymentId::new(self.deps.random.id(self.now()))
    }

    /// An event by a caller about a deployment's operation.
    #[must_use]
    pub fn operation_event(
        &self,
        op: &Operation,
        severity: Severity,
        name: EventName,
        message: impl Into<String>,
    ) -> NewEvent {
        let event = NewEvent::auto(self.now(), severity, name, message);
        NewEvent {
            operation: Some(op.id.clone()),
            actor: op.actor.clone(),
            via: op.via,
            ..event.about(&op.deployment, &op.deployment_name)
        }
    }

    /// An event by a person.
    #[must_use]
    pub fn caller_event(
        &self,
        who: &Caller,
        severity: Severity,
        name: EventName,
        message: impl Into<String>,
    ) -> NewEvent {
        NewEvent {
            actor: who.actor.clone(),
            via: who.via,
            ..NewEvent::auto(self.now(), severity, name, message)
        }
    }

    /// The kept answer of an accepted request.
    #[must_use]
    pub fn answer_row<T: serde::Serialize>(
        &self,
        who: &Caller,
        key: &super::Idempotency,
        status: u16,
        body: &T,
    ) -> AnswerRow {
        AnswerRow {
            actor: who.actor.clone(),
            route: key.route.clone(),
            key: key.key.clone(),
            body_hash: key.body_hash.clone(),
            status,
            body: serde_json::to_value(body).unwrap_or_default(),
            at: self.now(),
        }
    }
}
