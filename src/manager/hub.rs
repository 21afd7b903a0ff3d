//! The watch: every subscriber holds a set of dirty ids, not a queue, so a slow one costs nothing and misses nothing.
//!
//! ```text
//!   commit / sight ──touched──▶ dirty sets ──bell──▶ each subscriber's pump: read model now → message
//! ```

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::{ports::store::Epoch, world::Touched};
use crate::domain::ids::{DeploymentName, OperationId, TargetName};

/// What one subscriber has not been told yet.
#[derive(Debug, Default, Clone)]
pub struct Dirty {
    /// Deployments.
    pub deployments: BTreeSet<DeploymentName>,
    /// Targets.
    pub targets: BTreeSet<TargetName>,
    /// Applications.
    pub applications: BTreeSet<String>,
    /// Operations.
    pub operations: BTreeSet<OperationId>,
    /// Events after this number.
    pub events_after: Option<u64>,
}

impl Dirty {
    /// Nothing to tell.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.deployments.is_empty()
            && self.targets.is_empty()
            && self.applications.is_empty()
            && self.operations.is_empty()
            && self.events_after.is_none()
    }
}

/// One subscriber.
#[derive(Debug, Default)]
pub struct Subscriber {
    dirty: Mutex<Dirty>,
    interest: Mutex<BTreeSet<DeploymentName>>,
    /// Rings when there is something to tell.
    pub bell: Notify,
}

impl Subscriber {
    /// Takes what is to be told.
    #[must_use]
    pub fn take(&self) -> Dirty {
        std::mem::take(&mut *self.dirty.lock())
    }
    /// Whether it looks at a deployment.
    #[must_use]
    pub fn wants(&self, name: &DeploymentName) -> bool {
        self.interest.lock().contains(name)
    }
}

/// All subscribers of one manager.
#[derive(Debug)]
pub struct Hub {
    epoch: u64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    n: u64,
    next_id: u64,
    subscribers: BTreeMap<String, Arc<Subscriber>>,
}

impl Hub {
    /// A hub without subscribers.
    #[must_use]
    pub fn new(epoch: Epoch) -> Self {
        Self { epoch: epoch.0, state: Mutex::default() }
    }

    fn state(&self) -> parking_lot::MutexGuard<'_, State> {
        self.state.lock()
    }

    /// The position now: `<epoch>.<n>`.
    #[must_use]
    pub fn position(&self) -> String {
        format!("{}.{}", self.epoch, self.state().n)
    }

    /// Whether a position continues here without a loss.
    #[must_use]
    pub fn continues(&self, position: &str) -> bool {
        position == self.position()
    }

    /// A new subscriber and its id.
    pub fn add(&self) -> (String, Arc<Subscriber>) {
        let mut state = self.state();
        state.next_id += 1;
        let id = format!("w{}", state.next_id);
        let sub = Arc::new(Subscriber::default());
        state.subscribers.insert(id.clone(), Arc::clone(&sub));
        (id, sub)
    }

    /// A subscriber left.
    pub fn remove(&self, id: &str) {
        self.state().subscribers.remove(id);
    }

    /// Somebody watches.
    #[must_use]
    pub fn is_watched(&self) -> bool {
        !self.state().subscribers.is_empty()
    }

    /// Sets what a subscriber looks at; false = no such subscriber.
    pub fn interest(&self, id: &str, names: BTreeSet<DeploymentName>) -> bool {
        let Some(sub) = self.state().subscribers.get(id).cloned() else { return false };
        sub.dirty.lock().deployments.extend(names.iter().cloned());
        *sub.interest.lock() = names;
        sub.bell.notify_one();
        true
    }

    /// Every deployment that somebody looks at.
    #[must_use]
    pub fn looked_at(&self) -> BTreeSet<DeploymentName> {
        let subs: Vec<_> = self.state().subscribers.values().cloned().collect();
        subs.iter().flat_map(|s| s.interest.lock().clone()).collect()
    }

    /// Marks what was touched in every subscriber.
    pub fn publish(&self, touched: &Touched, events_from: u64, last_seq: u64) {
        let subs: Vec<_> = {
            let mut state = self.state();
            state.n += 1;
            state.subscribers.values().cloned().collect()
        };
        for sub in subs {
            let mut d = sub.dirty.lock();
            d.deployments.extend(touched.deployments.iter().cloned());
            d.targets.extend(touched.targets.iter().cloned());
            d.applications.extend(touched.applications.iter().cloned());
            // An application's health is its worst child's.
            d.applications.extend(touched.deployments.iter().map(|n| n.app().to_owned()));
            d.operations.extend(touched.operations.iter().cloned());
            if last_seq > events_from {
                d.events_after = Some(d.events_after.unwrap_or(events_from));
            }
            if !d.is_empty() {
                sub.bell.notify_one();
            }
        }
    }
}
