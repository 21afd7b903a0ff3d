//! After an unclean exit a large store is checked in the background, so that nobody waits for it at the start.

use std::sync::Arc;

use super::{inner::Inner, ports::store::Changes};
use crate::domain::event::{EventName, NewEvent, Severity};

/// Checks once, if the store's opening has left that to the manager. What it finds is an event and a line of `doctor`.
pub fn spawn(inner: &Arc<Inner>) {
    if !inner.settings.check_store {
        return;
    }
    let inner = Arc::clone(inner);
    let tracker = inner.tasks.clone();
    tracker.spawn(async move {
        let found = tokio::select! {
            found = inner.deps.store.quick_check() => found,
            () = inner.leaving.cancelled() => return,
        };
        let damage = match found {
            Ok(Ok(())) => return tracing::info!("the store was checked and is sound"),
            Ok(Err(damage)) => damage,
            Err(e) => return tracing::warn!(error = %e, "the store could not be checked"),
        };
        tracing::error!(%damage, "the store is damaged");
        inner.damage.get_or_init(|| damage.clone());
        let text = format!("the store's file is damaged: {damage}; run `nutkin doctor`");
        let gate = inner.gate().await;
        let event = NewEvent::auto(inner.now(), Severity::Error, EventName::StoreDamaged, text);
        // A damaged file may refuse even this: the log and `doctor` say it anyway.
        let _ = inner.commit(&gate, Changes { events: vec![event], ..Changes::default() }).await;
    });
}
