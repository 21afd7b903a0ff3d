//! A jar on its way to a cluster: one at a time per jar, and how far it has come in the step's own line.
//!
//! ```text
//!   turn ─▶ is it there? ─┬─ yes ─▶ its id
//!                         └─ no  ─▶ stream it ─▶ its id
//!                                     └─ every two seconds: "3.1 MiB of 12.0 MiB sent"
//! ```

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use tokio::sync::OwnedMutexGuard;
use tokio_util::sync::CancellationToken;

use super::{operation, send::jar_name};
use crate::{
    domain::{
        ids::{ArtifactSha, OperationId, TargetName},
        operation::{Operation, Step, StepState},
        text,
    },
    manager::{
        inner::Inner,
        ports::{
            cluster::{Cluster, ClusterError},
            store::Changes,
        },
    },
};

/// How often the step tells how far the upload has come.
const EVERY: Duration = Duration::from_secs(2);

type Turn = Arc<tokio::sync::Mutex<()>>;

/// Jars on their way, by cluster and name: two operations that need the same one put it there once.
#[derive(Debug, Default)]
pub struct Uploads(Mutex<HashMap<(TargetName, String), Turn>>);

impl Uploads {
    /// Waits until nobody else puts this jar there.
    async fn turn(&self, target: &TargetName, name: &str) -> OwnedMutexGuard<()> {
        let turn = {
            let mut all = self.0.lock();
            // What only the map knows is nobody's turn.
            all.retain(|_, turn| Arc::strong_count(turn) > 1);
            Arc::clone(all.entry((target.clone(), name.to_owned())).or_default())
        };
        turn.lock_owned().await
    }
}

/// Puts a jar on the cluster unless it is there; answers its id.
pub async fn upload(
    inner: &Arc<Inner>,
    op: &Operation,
    step: &Step,
    cluster: &dyn Cluster,
    sha: &ArtifactSha,
) -> Result<Option<String>, ClusterError> {
    let name = jar_name(sha);
    let _turn = inner.uploads.turn(&op.target, &name).await;
    if let Some(jar) = cluster.jars().await?.into_iter().find(|j| j.name == name) {
        return Ok(Some(jar.id));
    }
    let file = inner.deps.store.artifact_path(sha);
    let of = tokio::fs::metadata(&file).await.map(|m| m.len()).unwrap_or_default();
    let (sent, over) = (Arc::new(AtomicU64::new(0)), CancellationToken::new());
    let _told_until_the_end = over.clone().drop_guard();
    inner.tasks.spawn(tell(Arc::clone(inner), op.id.clone(), step.n, Arc::clone(&sent), of, over));
    let jar = cluster.upload_jar(&file, &name, sent).await?;
    Ok(Some(jar.id))
}

/// Tells until the upload is over; what is being written then is written to its end.
async fn tell(
    inner: Arc<Inner>,
    id: OperationId,
    n: u32,
    sent: Arc<AtomicU64>,
    of: u64,
    over: CancellationToken,
) {
    loop {
        tokio::select! {
            () = inner.deps.clock.sleep(EVERY) => {}
            () = over.cancelled() => return,
        }
        let words =
            format!("{} of {} sent", text::bytes(sent.load(Ordering::Relaxed).min(of)), text::bytes(of));
        let gate = inner.gate().await;
        let Some(mut op) = operation(&inner, &id) else { return };
        let Some(step) = op.step_mut(n).filter(|s| s.state == StepState::Intent && s.detail != words) else {
            continue;
        };
        step.detail = words;
        let told = Changes { operations: vec![op], ..Changes::default() };
        if inner.commit(&gate, told).await.is_err() {
            return;
        }
    }
}
