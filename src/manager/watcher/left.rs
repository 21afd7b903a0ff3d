//! What a lost job has left: its newest checkpoint, as far as that can be known.
//!
//! The books have the checkpoint that the slow lane saw last. Flink has completed others since, and deleted that one: so
//! the directory is looked at, where somebody may look. Elsewhere the books' word stands, unverified.

use std::sync::Arc;

use super::{KeptCheckpoint, KeptConfig};
use crate::{
    domain::{
        deployment::ConditionType,
        flink::JobSummary,
        ids::{JobId, TargetName},
        location,
        savepoint::{Savepoint, Status},
        target::TargetSpec,
    },
    manager::{inner::Inner, ports::store::JobRow, world::DeploymentEntry},
};

/// What was found of a job that the cluster no longer knows.
#[derive(Debug, Clone)]
pub struct Left {
    /// Whose.
    pub job: JobId,
    /// Its newest checkpoint, if there is one.
    pub checkpoint: Option<KeptCheckpoint>,
}

/// Looks for what the jobs have left that were lost since the last round.
pub async fn look(inner: &Arc<Inner>, target: &TargetName, jobs: &[JobSummary]) -> Vec<Left> {
    let (spec, lost): (TargetSpec, Vec<(JobRow, Vec<Savepoint>)>) = {
        let world = inner.world();
        let Some(t) = world.targets.get(target) else { return vec![] };
        let here = world.deployments.values().filter(|e| e.target() == *target);
        let lost = here.filter(|e| is_newly_lost(e, jobs));
        (t.spec.clone(), lost.filter_map(|e| Some((e.job.clone()?, e.savepoints.clone()))).collect())
    };
    let mut found = Vec::new();
    for (job, savepoints) in lost {
        let checkpoint = newest(inner, &spec, &job, &savepoints).await;
        found.push(Left { job: job.id, checkpoint });
    }
    found
}

fn is_newly_lost(e: &DeploymentEntry, jobs: &[JobSummary]) -> bool {
    let known = e.sight.conditions.iter().any(|c| c.kind == ConditionType::JobLost);
    let job = e.job.as_ref().filter(|j| j.ended_at.is_none() && j.seen_at.is_some());
    !known && job.is_some_and(|j| !jobs.iter().any(|s| s.id == j.flink))
}

async fn newest(
    inner: &Inner,
    spec: &TargetSpec,
    job: &JobRow,
    savepoints: &[Savepoint],
) -> Option<KeptCheckpoint> {
    let kept: KeptCheckpoint = serde_json::from_value(job.last_checkpoint.clone()?).ok()?;
    let path = kept.path.clone()?;
    let folder = path.trim_end_matches('/').rsplit_once('/').map(|(folder, _)| folder.to_owned());
    let children = match folder.filter(|_| location::checkpoint_number(&path).is_some()) {
        Some(folder) => inner.deps.eyes.children(spec, &folder).await,
        None => None,
    };
    let Some(children) = children else {
        let config = job.checkpoint_config.clone().and_then(|c| serde_json::from_value::<KeptConfig>(c).ok());
        return Some(kept).filter(|k| config.is_some_and(|c| c.retained) && !k.discarded);
    };
    let complete = children.into_iter().filter(|c| c.complete);
    let (id, child) = complete
        .filter_map(|c| Some((location::checkpoint_number(&c.location)?, c)))
        .max_by_key(|(n, _)| *n)?;
    if id == kept.id {
        return Some(kept);
    }
    // When it was triggered is not known, only after what: a moment that is too early claims too little.
    let before = savepoints
        .iter()
        .filter(|s| s.status == Status::Completed && s.flink_job.as_ref() == Some(&job.flink))
        .filter(|s| s.checkpoint_id.is_some_and(|n| n < id))
        .map(Savepoint::state_of)
        .max();
    let after = Some(kept.triggered_at).filter(|_| kept.id < id).max(before);
    Some(KeptCheckpoint {
        id,
        triggered_at: after.unwrap_or(kept.triggered_at),
        completed_at: None,
        size: child.size,
        path: Some(child.location),
        discarded: false,
    })
}
