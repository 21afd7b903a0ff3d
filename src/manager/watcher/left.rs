//! What a lost job has left: its newest checkpoint, as far as that can be known.
//!
//! The books have the checkpoint that the slow lane saw last. Flink has completed others since, and deleted that one: so
//! the directory is looked at, where somebody may look. Elsewhere the books' word stands, unverified.

use std::{collections::HashSet, sync::Arc, time::Duration};

use crate::{
    domain::{
        flink::{JobSummary, KeptCheckpoint},
        ids::{FlinkJobId, JobId, TargetName},
        location,
        savepoint::{Savepoint, Status},
        target::TargetSpec,
        time::Timestamp,
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
        let listed: HashSet<&FlinkJobId> = jobs.iter().map(|j| &j.id).collect();
        let lost: Vec<_> = world.on(target).filter(|e| is_newly_lost(e, &listed)).collect();
        let Some(t) = world.targets.get(target).filter(|_| !lost.is_empty()) else { return vec![] };
        let of = |e: &DeploymentEntry| Some((e.job.clone()?, e.savepoints.clone()));
        (t.spec.clone(), lost.into_iter().filter_map(of).collect())
    };
    let mut found = Vec::new();
    for (job, savepoints) in lost {
        let checkpoint = newest(inner, &spec, &job, &savepoints).await;
        found.push(Left { job: job.id, checkpoint });
    }
    found
}

fn is_newly_lost(e: &DeploymentEntry, listed: &HashSet<&FlinkJobId>) -> bool {
    let job = e.job.as_ref().filter(|j| j.ended_at.is_none() && j.seen_at.is_some());
    job.is_some_and(|j| e.sight.noted.left.as_ref() != Some(&j.id) && !listed.contains(&j.flink))
}

async fn newest(
    inner: &Inner,
    spec: &TargetSpec,
    job: &JobRow,
    savepoints: &[Savepoint],
) -> Option<KeptCheckpoint> {
    let kept = job.last_checkpoint.clone()?;
    let path = kept.path.clone()?;
    let folder = path.trim_end_matches('/').rsplit_once('/').map(|(folder, _)| folder.to_owned());
    let children = match folder.filter(|_| location::checkpoint_number(&path).is_some()) {
        Some(folder) => inner.deps.eyes.children(spec, &folder).await,
        None => None,
    };
    let config = job.checkpoint_config.as_ref();
    let Some(children) = children else {
        return Some(kept).filter(|k| config.is_some_and(|c| c.retained) && !k.discarded);
    };
    let complete = children.into_iter().filter(|c| c.complete);
    let (id, child) = complete
        .filter_map(|c| Some((location::checkpoint_number(&c.location)?, c)))
        .max_by_key(|(n, _)| *n)?;
    if id == kept.id {
        return Some(kept);
    }
    let interval = config.and_then(|c| c.interval).map(|i| i.0).unwrap_or_default();
    let triggered_at = not_before(&kept, id, interval, of_job(savepoints, job));
    Some(KeptCheckpoint {
        id,
        triggered_at,
        completed_at: None,
        size: child.size,
        path: Some(child.location),
        discarded: false,
    })
}

fn of_job<'a>(savepoints: &'a [Savepoint], job: &JobRow) -> Vec<&'a Savepoint> {
    let ours = |s: &&Savepoint| s.status == Status::Completed && s.flink_job.as_ref() == Some(&job.flink);
    savepoints.iter().filter(ours).collect()
}

/// When checkpoint `id` was triggered is not known, only after what: after every snapshot with a lower number, and not
/// sooner than one interval after another. A moment that is too early claims too little.
fn not_before(kept: &KeptCheckpoint, id: u64, interval: Duration, savepoints: Vec<&Savepoint>) -> Timestamp {
    let lower = savepoints.iter().filter(|s| s.checkpoint_id.is_some_and(|n| n < id));
    let after = lower.filter_map(|s| s.state_of()).max();
    let between = savepoints.iter().filter(|s| s.state_of() >= Some(kept.triggered_at)).count() as u64;
    // Savepoints have numbers too; the first tick may have been due at once.
    let ticks = id.saturating_sub(kept.id).saturating_sub(between + 1);
    let paced = kept.triggered_at + interval * u32::try_from(ticks).unwrap_or(u32::MAX);
    after.map_or(paced, |t| t.max(paced))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        ids::{DeploymentId, SavepointId},
        savepoint::Origin,
    };
    use rstest::rstest;

    const fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    /// Checkpoint 10 was seen, triggered at 100 s; one comes each second.
    #[rstest]
    #[case::nothing_else(15, &[], 104)]
    #[case::a_savepoint_with_a_lower_number(15, &[(Some(14), 109)], 109)]
    #[case::a_savepoint_with_a_higher_number(15, &[(Some(16), 109)], 103)]
    #[case::a_savepoint_whose_number_nobody_knows(20, &[(None, 102)], 108)]
    #[case::an_older_one_is_left_while_the_seen_one_is_gone(8, &[], 100)]
    fn a_moment_that_is_certain(
        #[case] id: u64,
        #[case] taken: &[(Option<u64>, i64)],
        #[case] expected: i64,
    ) {
        let kept = KeptCheckpoint {
            id: 10,
            triggered_at: at(100),
            completed_at: None,
            size: None,
            path: None,
            discarded: false,
        };
        let rows: Vec<Savepoint> = taken
            .iter()
            .map(|(number, t)| {
                let (id, of) = (SavepointId::new("s"), DeploymentId::new("d"));
                let mut sp = Savepoint::new(id, of, Origin::UserRequest, Status::Completed, at(*t));
                sp.checkpoint_id = *number;
                sp
            })
            .collect();
        let found = not_before(&kept, id, Duration::from_secs(1), rows.iter().collect());
        assert_eq!(found, at(expected));
    }
}
