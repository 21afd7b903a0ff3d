//! Watches clusters. One task per target with two lanes, and details only for what somebody looks at.
//!
//! ```text
//!   every interval:  fast lane  one /jobs/overview            → states, lost, revived, unmanaged
//!                    slow lane  /checkpoints of live jobs due → newest checkpoint, loss windows, foreign savepoints
//!                    interest   exceptions, metrics of what is looked at
//! ```
//!
//! The fast lane never waits for the slow one: a state is on the screen one interval after it changed, however many
//! jobs a cluster has and however long their statistics take.

mod checkpoints;
mod fast;
mod kept;
mod left;
mod numbers;
mod slow;
mod strays;
mod told;

pub use kept::{recall, recall_target};
pub use numbers::refresh as refresh_numbers;
pub use slow::hear_out;
pub use told::about;

use std::{sync::Arc, time::Duration};

use tokio::task::JoinHandle;

use super::{
    inner::Inner,
    ports::store::{Changes, EventQuery},
};
use crate::domain::{
    event::{EventName, NewEvent, Severity},
    ids::TargetName,
    time::{Timestamp, humane},
};

/// Fact: the manager watched until then.
pub const WATCHED_UNTIL: &str = "watched-until";

/// Starts the watcher of a target, which ends with the target or the manager. What must not act on a cluster that
/// nobody has looked at waits for `seen`: the first look is over, whether the cluster answered or not.
///
/// A target never waits for another: each has its own tasks and its own deadlines.
pub fn spawn(inner: &Arc<Inner>, target: TargetName, seen: impl FnOnce() + Send + 'static) {
    let inner = Arc::clone(inner);
    let tracker = inner.tasks.clone();
    tracker.clone().spawn(async move {
        let (mut seen, mut slow) = (Some(seen), None::<JoinHandle<()>>);
        let mut rounds = 0u64;
        while !inner.leaving.is_cancelled() && inner.world().targets.contains_key(&target) {
            let answers = fast::look(&inner, &target, rounds).await;
            if let Some(seen) = seen.take() {
                seen();
            }
            let interval = interval(&inner, &target);
            let for_slow = answers && inner.world().on(&target).next().is_some();
            if for_slow && slow.as_ref().is_none_or(JoinHandle::is_finished) {
                let (inner, target) = (Arc::clone(&inner), target.clone());
                slow = Some(tracker.spawn(async move { slow::look(&inner, &target, interval).await }));
            }
            rounds += 1;
            wait(&inner, &target, interval).await;
        }
    });
}

/// Looks at once, where a plan has just seen more than the last round did.
pub async fn look_now(inner: &Arc<Inner>, target: &TargetName) {
    fast::look(inner, target, 1).await;
}

/// Until the next look, jittered by a tenth.
fn interval(inner: &Inner, target: &TargetName) -> Duration {
    let busy = inner.hub.is_watched() || inner.world().operations.values().any(|o| o.target == *target);
    let base = if busy { inner.settings.poll_interval } else { inner.settings.poll_interval_idle };
    let jitter = u32::from(inner.deps.random.bytes16()[0]) % 100;
    base * (950 + jitter) / 1000
}

/// The interval, or until somebody rings.
async fn wait(inner: &Inner, target: &TargetName, interval: Duration) {
    let bell = inner.wake(target);
    tokio::select! {
        () = inner.deps.clock.sleep(interval) => {}
        () = bell.notified() => {}
        () = inner.leaving.cancelled() => {}
    }
}

/// Writes down the time in which no manager watched, and from then on how far watching has come.
pub async fn note_gap(inner: &Arc<Inner>, last: Option<Timestamp>) {
    let now = inner.now();
    let tolerance = inner.settings.poll_interval_idle * 2 + HEARTBEAT;
    if let Some(from) = last.filter(|l| now.since(*l) > tolerance) {
        let gap = humane(now.seconds_since(from));
        let mut event =
            NewEvent::auto(now, Severity::Warn, EventName::WatchGap, format!("no manager watched for {gap}"));
        event.details = serde_json::json!({ "from": from, "to": now });
        let gate = inner.gate().await;
        let _ = inner.commit(&gate, Changes { events: vec![event], ..Changes::default() }).await;
    }
    heartbeat(inner).await;
}

/// How often the end of watching is written down.
const HEARTBEAT: Duration = Duration::from_secs(60);

/// Writes the heartbeat until the manager leaves.
pub fn spawn_heartbeat(inner: &Arc<Inner>) {
    let inner = Arc::clone(inner);
    let tracker = inner.tasks.clone();
    tracker.spawn(async move {
        loop {
            tokio::select! {
                () = inner.deps.clock.sleep(HEARTBEAT) => heartbeat(&inner).await,
                () = inner.leaving.cancelled() => return heartbeat(&inner).await,
            }
        }
    });
}

async fn heartbeat(inner: &Inner) {
    let forget_events_before = outlived(inner).await;
    let gate = inner.gate().await;
    let facts = vec![(WATCHED_UNTIL.to_owned(), inner.now().to_string())];
    if let Err(e) = inner.commit(&gate, Changes { facts, forget_events_before, ..Changes::default() }).await {
        tracing::warn!(error = %e, "the heartbeat was not written");
    }
}

/// The moment before which events are kept no longer, if there are such.
async fn outlived(inner: &Inner) -> Option<Timestamp> {
    let keep = i64::try_from(inner.settings.events_keep?.as_millis()).ok()?;
    let before = Timestamp::from_millis(inner.now().millis().checked_sub(keep)?);
    let oldest = EventQuery { after: Some(0), limit: 1, ..EventQuery::default() };
    let oldest = inner.deps.store.events(&oldest).await.ok()?.into_iter().next()?;
    (oldest.event.at < before).then_some(before)
}
