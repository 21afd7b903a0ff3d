//! Whether this machine's `file:` paths are the cluster's: believed only after a snapshot was seen that this very Flink wrote.
//!
//! ```text
//!   LOCAL ─▶ Flink reports a place ─▶ it is seen here, complete ─▶ fact in the store ─▶ the eyes answer
//!                                     └ it is not: nobody can look ─▶ nothing is missing, nothing is refused for it
//! ```
//!
//! On a manager with another file system every good restore point would look missing. The names of savepoints and of jobs'
//! checkpoint folders are random, so one that is seen at its place was written by that Flink.

use std::{collections::HashSet, sync::Arc};

use async_trait::async_trait;
use parking_lot::Mutex;

use super::{
    inner::Inner,
    ports::{
        SavepointChild, SavepointEyes,
        cluster::{SavepointAccess, TargetSpec},
        store::Changes,
    },
    world::{DeploymentEntry, TargetEntry},
};
use crate::domain::{
    event::{EventName, NewEvent, Severity},
    ids::TargetName,
    savepoint::{Origin, Status},
};

/// Facts of this name begin so; the addresses of the cluster follow, and the value is the place that was seen.
const SEEN: &str = "savepoints-seen:";

/// So many places of one deployment are looked at in a round.
const PLACES: usize = 4;

/// The clusters whose savepoints were seen on this machine.
#[derive(Debug, Default)]
pub struct Trust(Mutex<HashSet<String>>);

/// Other addresses are another cluster.
fn fact_of(target: &TargetSpec) -> String {
    format!("{SEEN}{}", target.addresses().join(" "))
}

impl Trust {
    /// Takes over a fact of the store.
    pub fn learn(&self, fact: &str) {
        if fact.starts_with(SEEN) {
            self.0.lock().insert(fact.to_owned());
        }
    }

    /// What a look at `file:` paths says about this cluster may be believed.
    #[must_use]
    pub fn covers(&self, target: &TargetSpec) -> bool {
        self.0.lock().contains(&fact_of(target))
    }

    /// Somebody can look at this target's savepoints; otherwise why not.
    pub fn can_look(&self, target: &TargetSpec) -> Result<(), &'static str> {
        match target.savepoint_access {
            SavepointAccess::Command => Ok(()),
            SavepointAccess::Local if self.covers(target) => Ok(()),
            SavepointAccess::Local => {
                Err("LOCAL, but no savepoint or checkpoint that this Flink wrote was seen on this host yet")
            }
            SavepointAccess::None => Err("savepointAccess is NONE: nobody looks, existence stays unverified"),
        }
    }
}

/// Eyes that tell nothing about a cluster before they are known to see its files.
#[derive(Debug)]
pub struct CarefulEyes {
    eyes: Arc<dyn SavepointEyes>,
    trust: Arc<Trust>,
}

impl CarefulEyes {
    /// Puts care before eyes.
    #[must_use]
    pub const fn new(eyes: Arc<dyn SavepointEyes>, trust: Arc<Trust>) -> Self {
        Self { eyes, trust }
    }
}

#[async_trait]
impl SavepointEyes for CarefulEyes {
    async fn children(&self, target: &TargetSpec, directory: &str) -> Option<Vec<SavepointChild>> {
        self.trust.can_look(target).ok()?;
        self.eyes.children(target, directory).await
    }

    async fn is_complete(&self, target: &TargetSpec, location: &str) -> Option<bool> {
        self.trust.can_look(target).ok()?;
        self.eyes.is_complete(target, location).await
    }
}

/// Looks for a snapshot that this target's Flink has reported, until one was seen.
pub async fn prove(inner: &Inner, target: &TargetName) {
    let (spec, places) = {
        let world = inner.world();
        let Some(t) = world.targets.get(target) else { return };
        let is_open = t.spec.savepoint_access == SavepointAccess::Local && !inner.trust.covers(&t.spec);
        if !is_open || t.sight.reachable != Some(true) {
            return;
        }
        let here = world.on(target);
        (t.spec.clone(), here.flat_map(|e| reported(e, t)).collect::<Vec<_>>())
    };
    for place in places {
        if inner.bare_eyes.is_complete(&spec, &place).await == Some(true) {
            return note(inner, target, &spec, place).await;
        }
    }
}

/// Places that the target's own Flink has named for the deployment's job, newest first.
fn reported(e: &DeploymentEntry, t: &TargetEntry) -> Vec<String> {
    let Some(job) = e.job.as_ref().filter(|j| j.target == t.row.name) else { return vec![] };
    let kept = job.last_checkpoint.clone();
    let now =
        e.sight.checkpoints.iter().flat_map(|c| &c.history).filter(|c| !c.discarded && c.is_completed());
    let taken = e.savepoints.iter().filter(|s| {
        s.status == Status::Completed
            && s.job.as_ref() == Some(&job.id)
            && !matches!(s.origin, Origin::Imported | Origin::Copied)
    });
    let mut places: Vec<String> = now.filter_map(|c| c.path.clone()).take(PLACES).collect();
    places.extend(kept.and_then(|k| k.path));
    places.extend(taken.filter_map(|s| s.location.clone()).take(PLACES));
    places
}

async fn note(inner: &Inner, target: &TargetName, spec: &TargetSpec, place: String) {
    let text = format!("the savepoints of {target} are seen on this host: {place} is at its place");
    let fact = fact_of(spec);
    let gate = inner.gate().await;
    let event = NewEvent::auto(inner.now(), Severity::Info, EventName::TargetChanged, text);
    let changes = Changes { facts: vec![(fact.clone(), place)], events: vec![event], ..Changes::default() };
    match inner.commit(&gate, changes).await {
        Ok(()) => inner.trust.learn(&fact),
        Err(e) => {
            tracing::warn!(error = %e, "that savepoints are seen could not be written; they are looked for again")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sees nothing, whatever is asked.
    #[derive(Debug)]
    struct Blind;

    #[async_trait]
    impl SavepointEyes for Blind {
        async fn children(&self, _: &TargetSpec, _: &str) -> Option<Vec<SavepointChild>> {
            Some(vec![])
        }
        async fn is_complete(&self, _: &TargetSpec, _: &str) -> Option<bool> {
            Some(false)
        }
    }

    fn target(url: &str, access: &str) -> TargetSpec {
        serde_json::from_value(serde_json::json!({ "url": url, "savepointAccess": access })).unwrap()
    }

    #[tokio::test]
    async fn another_machines_files_are_never_called_missing() {
        let trust = Arc::<Trust>::default();
        let eyes = CarefulEyes::new(Arc::new(Blind), Arc::clone(&trust));
        let (here, there) = (target("http://a:1", "LOCAL"), target("http://b:1", "LOCAL"));
        for t in [&here, &there, &target("http://a:1", "NONE")] {
            assert_eq!(
                (eyes.children(t, "file:/x").await, eyes.is_complete(t, "file:/x").await),
                (None, None)
            );
        }
        assert_eq!(eyes.is_complete(&target("http://a:1", "COMMAND"), "s3://x").await, Some(false));
        trust.learn("watched-until");
        trust.learn(&fact_of(&here));
        assert_eq!(eyes.is_complete(&here, "file:/x").await, Some(false));
        assert_eq!(eyes.is_complete(&there, "file:/x").await, None, "other addresses are another cluster");
    }
}
