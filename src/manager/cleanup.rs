//! Jars that no revision of interest needs any more are taken off the cluster after a success; the last two of each
//! deployment stay, so that the way back needs no upload, and those of operations at work.

use std::collections::BTreeSet;

use super::{inner::Inner, runner};
use crate::domain::{
    ids::{ArtifactSha, DeploymentId},
    operation::{Act, Operation},
    spec::Spec,
};

/// Deletes this deployment's older jars. A failure is a line in the log: the next success tries again.
pub async fn old_jars(inner: &Inner, op: &Operation) {
    if let Err(e) = try_old_jars(inner, op).await {
        tracing::debug!(operation = %op.id, error = %e, "old jars stay on the cluster");
    }
}

/// Newest jars of a deployment that stay.
const KEPT: usize = 2;

/// The jars of a deployment's revisions, newest first, each once.
async fn used(inner: &Inner, deployment: &DeploymentId) -> Result<Vec<ArtifactSha>, String> {
    let revisions = inner.deps.store.revisions(deployment).await.map_err(|e| e.to_string())?;
    let mut used: Vec<ArtifactSha> = Vec::new();
    for r in revisions {
        let sha = serde_json::from_value::<Spec>(r.spec).ok().and_then(|s| s.artifact.sha256);
        if let Some(sha) = sha.filter(|sha| !used.contains(sha)) {
            used.push(sha);
        }
    }
    Ok(used)
}

async fn try_old_jars(inner: &Inner, op: &Operation) -> Result<(), String> {
    let used = used(inner, &op.deployment).await?;
    let mut old: BTreeSet<ArtifactSha> = used.into_iter().skip(KEPT).collect();
    let others: Vec<DeploymentId> = {
        let world = inner.world();
        for e in world.deployments.values() {
            old.retain(|sha| e.spec.as_ref().and_then(|s| s.artifact.sha256.as_ref()) != Some(sha));
        }
        for step in world.operations.values().filter(|o| o.state.is_active()).flat_map(|o| &o.steps) {
            old.retain(|old| !matches!(&step.act, Act::UploadJar { sha, .. } if sha == old));
        }
        world.deployments.values().map(|e| e.row.id.clone()).collect()
    };
    for id in others {
        if old.is_empty() {
            return Ok(());
        }
        for sha in self::used(inner, &id).await?.iter().take(KEPT) {
            old.remove(sha);
        }
    }
    let old: Vec<String> = old.iter().map(runner::jar_name).collect();
    let (cluster, _) = runner::cluster_of(inner, &op.target).map_err(|e| e.to_string())?;
    for jar in cluster.jars().await.map_err(|e| e.to_string())? {
        if old.contains(&jar.name) {
            cluster.delete_jar(&jar.id).await.map_err(|e| e.to_string())?;
        }
    }
    Ok(())
}
