//! Snapshots to go on from: what the advisor is asked, and what it says.

use crate::{
    contract::model::{Checkpoint, NextRestorePoint, RestorePoint},
    domain::{
        flink::CheckpointStat,
        ids::TargetName,
        restore::{self, Advice, LiveCheckpoint, Request, Situation},
        savepoint,
        spec::RestoreStrategy,
        time::Timestamp,
    },
    manager::world::{DeploymentEntry, World},
};

/// The newest completed checkpoint of the live job.
#[must_use]
pub fn live_checkpoint(e: &DeploymentEntry) -> Option<LiveCheckpoint<'_>> {
    let live = e.is_seen_alive();
    let stat = e.sight.checkpoints.as_ref()?.latest_completed.as_ref()?;
    let retained = e.sight.checkpoint_config.as_ref().map(|k| k.retained);
    live.then_some(LiveCheckpoint { stat, retained })
}

/// The newest progress that is known of.
fn progress(e: &DeploymentEntry) -> Option<Timestamp> {
    // A job that ended with a savepoint came no further than that, whenever its last checkpoint began.
    let complete = e.savepoints.iter().filter(|s| s.status == savepoint::Status::Completed && s.is_final);
    let finals: Vec<_> = complete.filter_map(|s| s.flink_job.as_ref()).collect();
    let job = e.job.as_ref().filter(|j| !finals.contains(&&j.flink));
    let kept = job.and_then(|j| j.last_checkpoint.as_ref()).map(|k| k.triggered_at);
    let live = live_checkpoint(e).map(|l| l.stat.triggered_at);
    let saved = e
        .own_savepoints()
        .filter(|s| s.status == savepoint::Status::Completed)
        .filter_map(savepoint::Savepoint::state_of)
        .max();
    kept.max(live).max(saved)
}

/// What is shown is some seconds old: a checkpoint that Flink has replaced meanwhile stands for the one in its place.
fn replaced(e: &DeploymentEntry) -> Option<CheckpointStat> {
    let stat = live_checkpoint(e)?.stat;
    stat.discarded.then(|| CheckpointStat { discarded: false, ..stat.clone() })
}

/// The advisor's answer for a deployment.
#[must_use]
pub fn advice(e: &DeploymentEntry, world: &World, request: &Request, now: Timestamp) -> Advice {
    // While nobody answers a plan says what the overview says.
    let answers = world.targets.get(&e.target()).is_some_and(|t| t.sight.reachable == Some(true));
    let instead = if answers { None } else { replaced(e) };
    advice_on(e, world, &e.target(), request, instead.as_ref(), now)
}

/// The same for a start on another target, whose Flink must be able to read what is chosen.
#[must_use]
pub fn advice_for(
    e: &DeploymentEntry,
    world: &World,
    target: &TargetName,
    request: &Request,
    now: Timestamp,
) -> Advice {
    advice_on(e, world, target, request, None, now)
}

fn advice_on(
    e: &DeploymentEntry,
    world: &World,
    target: &TargetName,
    request: &Request,
    instead: Option<&CheckpointStat>,
    now: Timestamp,
) -> Advice {
    let name = e.row.name.to_string();
    let version =
        world.targets.get(target).and_then(|t| t.sight.overview.as_ref()).map(|o| o.flink_version.as_str());
    restore::choose(
        request,
        &Situation {
            deployment: &name,
            savepoints: &e.savepoints,
            armed: e.row.next_restore.as_ref(),
            lineage: e.lineage().as_ref(),
            live_checkpoint: live_checkpoint(e)
                .map(|l| LiveCheckpoint { stat: instead.unwrap_or(l.stat), ..l }),
            progress: progress(e),
            flink_version: version,
            now,
        },
    )
}

/// What the next start would use, by the strategy of the spec. What a person has chosen for it, by a reset or a fork,
/// counts more than the lasting wish to begin empty.
#[must_use]
pub fn next_request(e: &DeploymentEntry) -> Request {
    let strategy = e.spec.as_ref().map_or(RestoreStrategy::LatestState, |s| s.restore_strategy);
    Request::Strategy(match strategy {
        RestoreStrategy::None if e.row.next_restore.is_some() => RestoreStrategy::LatestState,
        other => other,
    })
}

pub(super) fn next_restore_point(e: &DeploymentEntry, world: &World, now: Timestamp) -> NextRestorePoint {
    let a = advice_on(e, world, &e.target(), &next_request(e), replaced(e).as_ref(), now);
    let chosen = a.chosen();
    NextRestorePoint {
        savepoint_id: chosen.and_then(|c| c.savepoint.as_ref().map(ToString::to_string)),
        location: chosen.and_then(|c| c.location.clone()),
        rewind_seconds: chosen.and_then(|c| c.rewind_seconds),
        verified: chosen.and_then(|c| c.verified.then_some(true)),
        state_of: chosen.and_then(|c| c.state_of),
        refused: a.refused,
        why: a.why,
    }
}

/// The advisor's candidates for a face.
#[must_use]
pub fn restore_points(a: &Advice) -> Vec<RestorePoint> {
    a.candidates
        .iter()
        .map(|c| RestorePoint {
            savepoint_id: c.savepoint.as_ref().map(ToString::to_string),
            location: c.location.clone(),
            chosen: c.rejected.is_none(),
            why: c.rejected.is_none().then(|| a.why.clone()),
            rejected: c.rejected.clone(),
            rewind_seconds: c.rewind_seconds,
            verified: c.verified.then_some(true),
            origin: c.origin,
            triggered_at: c.state_of,
        })
        .collect()
}

/// A checkpoint.
#[must_use]
pub fn checkpoint(c: &CheckpointStat) -> Checkpoint {
    Checkpoint {
        id: c.id,
        triggered_at: Some(c.triggered_at),
        completed_at: c.acked_at,
        duration_ms: c.duration_ms,
        size_bytes: c.size,
        location: c.path.clone(),
        status: c.status.to_string(),
        kind: c.kind.to_string(),
        failure: c.failure.clone(),
    }
}

/// The savepoint directory of a deployment: spec, then target, then the cluster's own setting.
#[must_use]
pub fn savepoint_base(e: &DeploymentEntry, world: &World) -> Option<String> {
    let t = world.targets.get(&e.target());
    e.spec
        .as_ref()
        .and_then(|s| s.savepoint_directory.clone())
        .or_else(|| t.and_then(|t| t.spec.savepoint_directory.clone()))
        .or_else(|| t.and_then(|t| t.sight.savepoint_base.clone()))
}
