//! What checkpoint statistics mean for the books: the newest one, failed ones, savepoints that somebody else took.

use std::time::Duration;

use super::{KeptCheckpoint, KeptConfig, told::about};
use crate::{
    domain::{
        deployment::{FlinkState, OurEnd},
        event::{EventName, NewEvent, Severity},
        flink::{CheckpointConfig, CheckpointKind, CheckpointStat, Checkpoints},
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
    // Flink's history has its newest ten entries only, and a busy job makes that many checkpoints between two looks.
    let newest = c.latest_savepoint.iter().filter(|s| !c.history.iter().any(|h| h.id == s.id));
    let all = c.history.iter().chain(newest);
    let foreign: Vec<&CheckpointStat> = all.filter(|s| is_foreign_savepoint(e, s)).collect();
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
    let path = s.path.as_deref().filter(|_| s.kind.is_savepoint() && s.is_completed())?;
    let here = |k: &&Savepoint| k.location.as_deref().is_some_and(|l| location::same(l, path));
    let row = e.savepoints.iter().find(here).filter(|k| k.checkpoint_id.is_none())?;
    Some(Savepoint { checkpoint_id: Some(s.id), triggered_at: Some(s.triggered_at), ..row.clone() })
}

/// A complete savepoint that is not in the catalogue and not in one of our own directories.
fn is_foreign_savepoint(e: &DeploymentEntry, s: &CheckpointStat) -> bool {
    let Some(path) = s.path.as_deref() else { return false };
    let ours = format!("/nutkin/{}/", e.row.id);
    s.kind.is_savepoint()
        && s.is_completed()
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
    sp.is_final = s.kind == CheckpointKind::SyncSavepoint;
    sp
}

/// Why the newest checkpoint is too old. Its age is that at the last answer: between two looks, which may be further apart
/// than the limit, checkpoints are made that nobody has seen yet.
#[must_use]
pub fn stale(e: &DeploymentEntry) -> Option<String> {
    let config = e.sight.checkpoint_config.as_ref()?;
    let newest = e.sight.checkpoints.as_ref()?.latest_completed.as_ref().map(|c| c.triggered_at);
    let since = newest.or(e.job.as_ref()?.started_at)?;
    let age = e.sight.checkpoints_at?.since(since);
    let timeout = config.timeout.map(|t| t.0).unwrap_or_default();
    is_overdue(age, config.interval?.0, timeout).then(|| match newest {
        Some(_) => format!("the newest checkpoint was {} old", humane(age.as_secs())),
        None => format!("no checkpoint in {}", humane(age.as_secs())),
    })
}

/// Older than max(3 × interval, 2 × timeout).
fn is_overdue(age: Duration, interval: Duration, timeout: Duration) -> bool {
    age > interval.saturating_mul(3).max(timeout.saturating_mul(2))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::{
        domain::{flink::CheckpointStatus, time::Span},
        manager::world::tests::with_a_job,
    };

    fn completed_at(triggered_at: Timestamp, kind: CheckpointKind) -> CheckpointStat {
        CheckpointStat {
            id: 1,
            status: CheckpointStatus::Completed,
            kind,
            triggered_at,
            acked_at: None,
            duration_ms: None,
            size: None,
            path: Some("file:/data/x/chk-1".to_owned()),
            discarded: false,
            failure: None,
        }
    }

    /// Flink deletes a checkpoint when it has newer ones: it is nobody's savepoint, however its barriers went.
    #[rstest]
    #[case("CHECKPOINT", false)]
    #[case("UNALIGNED_CHECKPOINT", false)]
    #[case("SAVEPOINT", true)]
    #[case("SYNC_SAVEPOINT", true)]
    fn only_savepoints_of_others_are_entered(#[case] kind: &str, #[case] expected: bool) {
        let world = with_a_job();
        let stat = completed_at(Timestamp::from_millis(0), CheckpointKind::from_word(kind));
        assert_eq!(is_foreign_savepoint(world.deployments.values().next().unwrap(), &stat), expected);
    }

    #[rstest]
    #[case::three_intervals(30, 10, 10, false)]
    #[case::over_three_intervals(31, 10, 10, true)]
    #[case::two_timeouts(40, 10, 20, false)]
    #[case::over_two_timeouts(41, 10, 20, true)]
    #[case::without_a_timeout(31, 10, 0, true)]
    #[case::never_for_an_endless_interval(u64::MAX, u64::MAX, u64::MAX, false)]
    fn a_checkpoint_is_overdue_after_three_intervals_or_two_timeouts(
        #[case] age: u64,
        #[case] interval: u64,
        #[case] timeout: u64,
        #[case] expected: bool,
    ) {
        let seconds = Duration::from_secs;
        assert_eq!(is_overdue(seconds(age), seconds(interval), seconds(timeout)), expected);
    }

    /// Interval, what completed when, when that was heard; times in seconds, the job started at 0.
    #[rstest]
    #[case::without_checkpointing(None, None, Some(1_000), None)]
    #[case::never_heard(Some(10), None, None, None)]
    #[case::young(Some(10), Some(85), Some(100), None)]
    #[case::old(Some(10), Some(60), Some(100), Some("the newest checkpoint was 40s old"))]
    #[case::none_yet(Some(10), None, Some(20), None)]
    #[case::none_at_all(Some(10), None, Some(100), Some("no checkpoint in 1m 40s"))]
    fn staleness_is_judged_by_what_was_heard(
        #[case] interval: Option<u64>,
        #[case] completed: Option<i64>,
        #[case] heard: Option<i64>,
        #[case] expected: Option<&str>,
    ) {
        let mut world = with_a_job();
        let e = world.deployments.values_mut().next().unwrap();
        let at = |s: i64| Timestamp::from_millis(s * 1_000);
        e.job.as_mut().unwrap().started_at = Some(at(0));
        let interval = interval.map(|s| Span(Duration::from_secs(s)));
        e.sight.checkpoint_config = Some(CheckpointConfig {
            interval,
            timeout: Some(Span(Duration::ZERO)),
            ..CheckpointConfig::default()
        });
        let newest = completed.map(|s| completed_at(at(s), CheckpointKind::Checkpoint));
        e.sight.checkpoints = Some(Checkpoints { latest_completed: newest, ..Checkpoints::default() });
        e.sight.checkpoints_at = heard.map(at);
        assert_eq!(stale(e).as_deref(), expected);
    }
}
