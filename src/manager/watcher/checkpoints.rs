//! What checkpoint statistics mean for the books: the newest one, failed ones, savepoints that somebody else took.

use super::{KeptCheckpoint, KeptConfig, told::about};
use crate::{
    domain::{
        deployment::{FlinkState, OurEnd},
        event::{EventName, NewEvent, Severity},
        flink::{CheckpointConfig, CheckpointStat, Checkpoints},
        ids::{DeploymentName, SavepointId},
        location,
        savepoint::{Origin, Savepoint, Status},
        text,
        time::{Timestamp, humane},
    },
    manager::{inner::Inner, ports::store::Changes, world::DeploymentEntry},
};

/// The ended job left a newer checkpoint than the one that was entered at its end: Flink has deleted that one.
pub(super) fn last_word(
    inner: &Inner,
    name: &DeploymentName,
    sp: Savepoint,
    now: Timestamp,
    changes: &mut Changes,
) {
    let world = inner.world();
    let Some(e) = world.deployments.get(name) else { return };
    let replaced = e.savepoints.iter().filter(|s| {
        s.origin == Origin::RetainedCheckpoint
            && s.flink_job == sp.flink_job
            && s.status == Status::Completed
            && s.checkpoint_id < sp.checkpoint_id
    });
    changes.savepoints.extend(replaced.cloned().map(|mut s| {
        s.status = Status::Deleted;
        s.failure = Some("Flink replaced it by a newer checkpoint".to_owned());
        s
    }));
    let text = format!("the job left a checkpoint: {}", sp.location.clone().unwrap_or_default());
    changes.events.push(about(e, NewEvent::auto(now, Severity::Info, EventName::SavepointRegistered, text)));
    changes.savepoints.push(sp);
}

pub(super) fn keep_config(e: &mut DeploymentEntry, c: CheckpointConfig) {
    let kept = KeptConfig { interval: c.interval, timeout: c.timeout, retained: c.retained };
    if let Some(j) = e.job.as_mut() {
        j.checkpoint_config = serde_json::to_value(kept).ok();
    }
    e.sight.checkpoint_config = Some(c);
}

/// The newest checkpoint goes into the books; new ones, failed ones and savepoints of others become events and rows.
pub(super) fn keep_checkpoints(
    e: &mut DeploymentEntry,
    c: Checkpoints,
    now: Timestamp,
    changes: &mut Changes,
    fresh: &dyn Fn() -> SavepointId,
) {
    let before = e.sight.checkpoints.take();
    let newest = |c: &Checkpoints| c.latest_completed.as_ref().map(|s| s.id);
    if let Some(s) = c.latest_completed.as_ref().filter(|_| before.as_ref().and_then(newest) != newest(&c)) {
        let kept = KeptCheckpoint {
            id: s.id,
            triggered_at: s.triggered_at,
            completed_at: s.acked_at,
            size: s.size,
            path: s.path.clone(),
            discarded: s.discarded,
        };
        if let Some(j) = e.job.as_mut() {
            j.last_checkpoint = serde_json::to_value(kept).ok();
        }
        let took = s.duration_ms.unwrap_or_default();
        let size = s.size.map(text::bytes).unwrap_or_default();
        let text = format!("#{} {took} ms {size}", s.id);
        changes
            .events
            .push(about(e, NewEvent::auto(now, Severity::Debug, EventName::CheckpointCompleted, text)));
    }
    let failed = |c: &Checkpoints| c.latest_failed.as_ref().map(|s| s.id);
    // The first failed checkpoint right after a start is normal: tasks were not yet running.
    if let Some(s) = c
        .latest_failed
        .as_ref()
        .filter(|s| before.is_some() && before.as_ref().and_then(failed) != failed(&c) && s.id > 1)
    {
        let why = s.failure.clone().unwrap_or_else(|| "Flink gives no reason".to_owned());
        let text = format!("#{} failed: {why}", s.id);
        changes.events.push(about(e, NewEvent::auto(now, Severity::Warn, EventName::CheckpointFailed, text)));
    }
    changes.savepoints.extend(c.history.iter().filter_map(|s| numbered(e, s)));
    let foreign: Vec<&CheckpointStat> = c.history.iter().filter(|s| is_foreign_savepoint(e, s)).collect();
    for s in foreign {
        let sp = adopted(e, s, fresh(), now);
        let text = format!("somebody else took a savepoint: {}", s.path.clone().unwrap_or_default());
        changes
            .events
            .push(about(e, NewEvent::auto(now, Severity::Info, EventName::SavepointRegistered, text)));
        let ended = e.sight.summary.as_ref().is_some_and(|s| s.state == FlinkState::Finished);
        if let Some(j) = e.job.as_mut().filter(|j| sp.is_final && ended && j.our_end == OurEnd::None) {
            // Stopped with a savepoint, though not by us: that is a suspension.
            j.our_end = OurEnd::StoppedWithSavepoint;
        }
        changes.savepoints.push(sp);
    }
    e.sight.checkpoints = Some(c);
}

/// A savepoint of the catalogue whose number Flink's statistics now tell: it orders savepoints and checkpoints of a job.
fn numbered(e: &DeploymentEntry, s: &CheckpointStat) -> Option<Savepoint> {
    let path = s.path.as_deref().filter(|_| s.kind != "CHECKPOINT" && s.status == "COMPLETED")?;
    let here = |k: &&Savepoint| k.location.as_deref().is_some_and(|l| location::same(l, path));
    let row = e.savepoints.iter().find(here).filter(|k| k.checkpoint_id.is_none())?;
    Some(Savepoint { checkpoint_id: Some(s.id), triggered_at: Some(s.triggered_at), ..row.clone() })
}

/// A complete savepoint that is not in the catalogue and not in one of our own directories.
fn is_foreign_savepoint(e: &DeploymentEntry, s: &CheckpointStat) -> bool {
    let Some(path) = s.path.as_deref() else { return false };
    let ours = format!("/nutkin/{}/", e.row.id);
    s.kind != "CHECKPOINT"
        && s.status == "COMPLETED"
        && !path.contains(&ours)
        && !e.savepoints.iter().any(|k| k.location.as_deref().is_some_and(|l| location::same(l, path)))
}

fn adopted(e: &DeploymentEntry, s: &CheckpointStat, id: SavepointId, now: Timestamp) -> Savepoint {
    let mut sp = Savepoint::new(id, e.row.id.clone(), Origin::Adopted, Status::Completed, now);
    sp.triggered_at = Some(s.triggered_at);
    sp.checkpoint_id = Some(s.id);
    sp.location.clone_from(&s.path);
    sp.size = s.size;
    sp.job.clone_from(&e.row.job);
    sp.flink_job = e.job.as_ref().map(|j| j.flink.clone());
    sp.revision = e.row.revision;
    sp.is_final = s.kind == "SYNC_SAVEPOINT";
    sp
}

/// Why the newest checkpoint is too old: older than max(3 × interval, 2 × timeout). Never without checkpointing.
#[must_use]
pub fn stale(e: &DeploymentEntry, now: Timestamp) -> Option<String> {
    let config = e.sight.checkpoint_config.as_ref()?;
    let interval = config.interval?.0;
    let limit = (interval * 3).max(config.timeout.map(|t| t.0).unwrap_or_default() * 2);
    let newest = e.sight.checkpoints.as_ref()?.latest_completed.as_ref().map(|c| c.triggered_at);
    let since = newest.or(e.job.as_ref()?.started_at)?;
    (now.since(since) > limit)
        .then(|| format!("the newest checkpoint is {} old", humane(now.seconds_since(since))))
}
