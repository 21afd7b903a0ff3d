//! Jars that no revision of interest needs any more are taken off the cluster after a success; the last two of each
//! deployment stay, so that the way back needs no upload.

use std::collections::BTreeSet;

use super::{inner::Inner, runner};
use crate::domain::{ids::ArtifactSha, operation::Operation, spec::Spec};

/// Deletes this deployment's older jars. A failure is a line in the log: the next success tries again.
pub async fn old_jars(inner: &Inner, op: &Operation) {
    if let Err(e) = try_old_jars(inner, op).await {
        tracing::debug!(operation = %op.id, error = %e, "old jars stay on the cluster");
    }
}

async fn try_old_jars(inner: &Inner, op: &Operation) -> Result<(), String> {
    let revisions = inner.deps.store.revisions(&op.deployment).await.map_err(|e| e.to_string())?;
    let sha = |spec: &serde_json::Value| {
        serde_json::from_value::<Spec>(spec.clone()).ok().and_then(|s| s.artifact.sha256)
    };
    let mut used: Vec<ArtifactSha> = Vec::new();
    for sha in revisions.iter().filter_map(|r| sha(&r.spec)) {
        if !used.contains(&sha) {
            used.push(sha);
        }
    }
    let mut keep: BTreeSet<ArtifactSha> = used.iter().take(2).cloned().collect();
    keep.extend(inner.world().deployments.values().filter_map(|e| e.spec.as_ref()?.artifact.sha256.clone()));
    let old: Vec<String> = used.iter().filter(|s| !keep.contains(s)).map(runner::jar_name).collect();
    if old.is_empty() {
        return Ok(());
    }
    let (cluster, _) = runner::cluster_of(inner, &op.target).map_err(|e| e.to_string())?;
    for jar in cluster.jars().await.map_err(|e| e.to_string())? {
        if old.contains(&jar.name) {
            cluster.delete_jar(&jar.id).await.map_err(|e| e.to_string())?;
        }
    }
    Ok(())
}
