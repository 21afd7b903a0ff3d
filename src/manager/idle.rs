//! Idle exit: a manager that nobody talks to and that has nothing to watch leaves by itself.

use std::{sync::Arc, time::Duration};

use super::inner::Inner;
use crate::domain::deployment::Desired;

/// How often it is looked at.
const LOOK: Duration = Duration::from_secs(5);

/// Watches until it is time to leave.
pub fn spawn(inner: &Arc<Inner>) {
    let Some(limit) = inner.settings.idle_exit else { return };
    let inner = Arc::clone(inner);
    let tracker = inner.tasks.clone();
    tracker.spawn(async move {
        loop {
            tokio::select! {
                () = inner.deps.clock.sleep(LOOK.min(limit)) => {}
                () = inner.leaving.cancelled() => return,
            }
            let last = *inner.last_client.lock();
            let quiet = inner.deps.clock.boottime().saturating_sub(last) >= limit;
            if quiet && !inner.hub.is_watched() && !is_needed(&inner) {
                tracing::info!("nobody talks to this manager and nothing is to be watched: it leaves");
                inner.leaving.cancel();
                return;
            }
        }
    });
}

/// Something is to be watched, or an operation is open.
fn is_needed(inner: &Inner) -> bool {
    let w = inner.world();
    !w.operations.is_empty() || w.deployments.values().any(|e| e.row.desired != Desired::Cancelled)
}
