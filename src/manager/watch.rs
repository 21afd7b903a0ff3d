//! The watch stream: one pump per subscriber turns its dirty set into messages, as fast as the subscriber reads.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::{
    Manager, ManagerResult, Subscription,
    hub::{Dirty, Subscriber},
    inner::Inner,
    ports::store::EventQuery,
    view,
};
use crate::{
    contract::{
        problem::{Code, Problem},
        watch::{Interest, WatchMessage},
    },
    domain::ids::DeploymentName,
};

/// Events in one message; the rest is counted as skipped.
const EVENTS_PER_MESSAGE: u32 = 200;

impl Manager {
    /// A new stream. It begins with `Hello`, and with `Reset` when `last` does not continue here.
    pub async fn subscribe(&self, last: Option<String>) -> Subscription {
        let (id, sub) = self.inner.hub.add();
        let (tx, rx) = mpsc::channel(64);
        let at = self.inner.hub.position();
        let mut first = vec![WatchMessage::Hello { watch_id: id.clone(), at: at.clone() }];
        if last.is_some_and(|l| !self.inner.hub.continues(&l)) {
            first.push(WatchMessage::Reset {
                reason: "the stream does not continue here: take a new snapshot".to_owned(),
            });
        }
        let inner = Arc::clone(&self.inner);
        let manager = self.clone();
        let tracker = inner.tasks.clone();
        let pump_id = id.clone();
        tracker.spawn(async move {
            // A client that reads no more must not hold up a manager that leaves.
            tokio::select! {
                () = pump(&manager, &sub, &tx, at, first) => {}
                () = inner.leaving.cancelled() => {}
            }
            inner.hub.remove(&pump_id);
        });
        for t in self.inner.world().targets.keys() {
            self.inner.wake(t).notify_one();
        }
        Subscription { id, messages: rx }
    }

    /// What a subscriber looks at.
    pub fn set_interest(&self, watch_id: &str, interest: Interest) -> ManagerResult<()> {
        let names = interest.deployments.iter().filter_map(|n| n.parse::<DeploymentName>().ok()).collect();
        if !self.inner.hub.interest(watch_id, names) {
            return Err(Problem::new(Code::NotFound, format!("there is no watch {watch_id}"))
                .hint("open the stream again"));
        }
        for t in self.inner.world().targets.keys() {
            self.inner.wake(t).notify_one();
        }
        Ok(())
    }
}

/// Sends what changed, until the client has gone.
async fn pump(
    manager: &Manager,
    sub: &Subscriber,
    tx: &mpsc::Sender<(String, WatchMessage)>,
    mut at: String,
    mut next: Vec<WatchMessage>,
) {
    loop {
        for m in next {
            if tx.send((at.clone(), m)).await.is_err() {
                return;
            }
        }
        tokio::select! {
            () = sub.bell.notified() => {}
            () = tx.closed() => return,
        }
        let dirty = sub.take();
        at = manager.inner.hub.position();
        next = messages(manager, sub, dirty).await;
    }
}

/// What changed, as it is now.
async fn messages(manager: &Manager, sub: &Subscriber, dirty: Dirty) -> Vec<WatchMessage> {
    let inner = &manager.inner;
    let mut out = Vec::new();
    if !dirty.operations.is_empty() || !dirty.deployments.is_empty() {
        out.push(WatchMessage::Totals { totals: view::totals(&inner.world()) });
    }
    for name in dirty.targets {
        let w = inner.world();
        out.push(match w.targets.get(&name) {
            Some(t) => WatchMessage::Target {
                target: Box::new(view::target(t, &w, &inner.trust)),
                unmanaged: view::unmanaged(t, &w),
            },
            None => WatchMessage::TargetGone { name: name.to_string() },
        });
    }
    for name in dirty.applications {
        out.push(match view::application(&name, &inner.world()) {
            Some(a) => WatchMessage::Application { application: Box::new(a) },
            None => WatchMessage::ApplicationGone { name },
        });
    }
    for name in dirty.deployments {
        let row = {
            let w = inner.world();
            w.deployments.get(&name).map(|e| view::row(e, &w))
        };
        out.push(match row {
            Some(row) => {
                let detail = if sub.wants(&name) { manager.detail(&name).map(Box::new) } else { None };
                WatchMessage::Deployment { row, detail }
            }
            None => WatchMessage::DeploymentGone { deployment: name.to_string() },
        });
    }
    for id in dirty.operations {
        if let Ok(operation) = manager.operation(id.as_str()).await {
            out.push(WatchMessage::Operation { operation: Box::new(operation) });
        }
    }
    if let Some(after) = dirty.events_after {
        out.extend(events(inner, after).await);
    }
    out
}

async fn events(inner: &Inner, after: u64) -> Option<WatchMessage> {
    let last = inner.world().last_seq;
    // A subscriber that fell behind gets the newest; the rest is in the log.
    let from = after.max(last.saturating_sub(u64::from(EVENTS_PER_MESSAGE)));
    let q = EventQuery { after: Some(from), limit: EVENTS_PER_MESSAGE, ..EventQuery::default() };
    let events: Vec<_> = inner.deps.store.events(&q).await.ok()?.into_iter().map(view::event).collect();
    (!events.is_empty()).then(|| WatchMessage::Events { events, skipped: from - after })
}
