//! What checkpoint statistics mean for the books: the newest one, failed ones, savepoints that somebody else took.

use std::time::Duration;

use super::told::about;
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
    if let Some(j) = e.job.as_mut() {
        j.checkpoint_config = Some(c.clone());
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
        if let Some(j) = e.job.as_mut() {
            j.last_checkpoint = Some(s.into());
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
    take_in_savepoints(e, &c, now, changes, fresh);
    e.sight.checkpoints = Some(c);
}

/// Savepoints of the statistics: what the catalogue lacks is entered, what it knows in part is completed.
fn take_in_savepoints(
    e: &mut DeploymentEntry,
    c: &Checkpoints,
    now: Timestamp,
    changes: &mut Changes,
    fresh: &dyn Fn() -> SavepointId,
) {
    // Flink's history has its newest ten entries only, and a busy job makes that many checkpoints between two looks.
    let newest = c.latest_savepoint.iter().filter(|s| !c.history.iter().any(|h| h.id == s.id));
    let complete = c.history.iter().chain(newest).filter(|s| s.kind.is_savepoint() && s.is_completed());
    let finished = e.sight.summary.as_ref().is_some_and(|s| s.state == FlinkState::Finished);
    for s in complete {
        let is_final = finished && is_last(s, c);
        let row = match completed_row(e, s, is_final) {
            Some(row) => row,
            None if is_foreign_savepoint(e, s) => {
                let text = format!("somebody else took a savepoint: {}", s.path.clone().unwrap_or_default());
                let event = NewEvent::auto(now, Severity::Info, EventName::SavepointRegistered, text);
                changes.events.push(about(e, event));
                Savepoint { is_final, ..adopted(e, s, fresh(), now) }
            }
            None => continue,
        };
        if let Some(j) = e.job.as_mut().filter(|j| row.is_final && j.our_end == OurEnd::None) {
            // Stopped with a savepoint, though not by us: that is a suspension.
            j.our_end = OurEnd::StoppedWithSavepoint;
        }
        changes.savepoints.push(row);
    }
}

/// The savepoint of a stop after which no checkpoint was made: one that failed to end its job is followed by others.
fn is_last(s: &CheckpointStat, c: &Checkpoints) -> bool {
    let all = c.history.iter().chain(&c.latest_completed);
    s.kind == CheckpointKind::SyncSavepoint && all.map(|o| o.id).max() <= Some(s.id)
}

/// The catalogue's row of that savepoint, where Flink's statistics tell more of it: that it is complete, though its request
/// had no answer; its size; its number, which orders it among checkpoints; that its job ended with it.
fn completed_row(e: &DeploymentEntry, s: &CheckpointStat, is_final: bool) -> Option<Savepoint> {
    let path = s.path.as_deref()?;
    // While an operation is at work, what becomes of its request is its own business.
    let unanswered = |k: &Savepoint| {
        matches!(k.status, Status::Unknown | Status::Started)
            && e.operation.is_none()
            && k.target_directory.as_deref().is_some_and(|d| location::is_below(path, d))
    };
    let here = |k: &&Savepoint| k.is_at(path) || unanswered(k);
    let known = e.savepoints.iter().find(here)?;
    let mut row = known.clone();
    if unanswered(known) {
        row.status = Status::Completed;
        row.location = Some(path.to_owned());
        row.failure = None;
    }
    if row.checkpoint_id.is_none() {
        row.checkpoint_id = Some(s.id);
        row.triggered_at = Some(s.triggered_at);
    }
    row.size = row.size.or(s.size);
    row.is_final |= is_final;
    (row != *known).then_some(row)
}

/// A complete savepoint is not in the catalogue and not in one of our own directories.
fn is_foreign_savepoint(e: &DeploymentEntry, s: &CheckpointStat) -> bool {
    let Some(path) = s.path.as_deref() else { return false };
    let ours = format!("/nutkin/{}/", e.row.id);
    !path.contains(&ours) && !e.savepoints.iter().any(|k| k.is_at(path))
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
        domain::{
            deployment::TaskCounts,
            flink::{CheckpointStatus, JobSummary},
            time::Span,
        },
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

    /// What the statistics have, whether the job has finished, what is entered, and as the last word of its job.
    #[rstest]
    #[case::a_checkpoint_is_deleted_when_there_are_newer_ones(&["CHECKPOINT"], false, 0, false)]
    #[case::however_its_barriers_went(&["UNALIGNED_CHECKPOINT"], false, 0, false)]
    #[case::a_savepoint(&["SAVEPOINT"], false, 1, false)]
    #[case::a_stop_whose_job_is_still_ending(&["SYNC_SAVEPOINT"], false, 1, false)]
    #[case::a_stop(&["SYNC_SAVEPOINT"], true, 1, true)]
    #[case::a_stop_that_failed_and_a_later_end(&["SYNC_SAVEPOINT", "CHECKPOINT"], true, 1, false)]
    #[case::a_savepoint_and_the_jobs_own_end(&["SAVEPOINT"], true, 1, false)]
    fn savepoints_of_others_are_entered(
        #[case] kinds: &[&str],
        #[case] finished: bool,
        #[case] entered: usize,
        #[case] is_final: bool,
    ) {
        let mut world = with_a_job();
        let e = world.deployments.values_mut().next().unwrap();
        e.sight.summary = finished.then(|| ended(FlinkState::Finished));
        let (changes, _) = taken_in(e, kinds);
        assert_eq!(changes.savepoints.len(), entered);
        assert_eq!(changes.savepoints.iter().any(|s| s.is_final), is_final);
        assert_eq!(e.job.as_ref().unwrap().our_end == OurEnd::StoppedWithSavepoint, is_final);
    }

    /// The end of a job may be seen after its savepoint.
    #[test]
    fn a_known_savepoint_becomes_the_last_word_when_its_job_has_finished() {
        let mut world = with_a_job();
        let e = world.deployments.values_mut().next().unwrap();
        let (first, stat) = taken_in(e, &["SYNC_SAVEPOINT"]);
        e.savepoints = first.savepoints;
        e.sight.summary = Some(ended(FlinkState::Finished));
        let (then, _) = taken_in(e, &["SYNC_SAVEPOINT"]);
        assert!(then.savepoints[0].is_final && then.savepoints[0].id == e.savepoints[0].id, "{stat:?}");
        assert_eq!(e.job.as_ref().unwrap().our_end, OurEnd::StoppedWithSavepoint);
    }

    /// Nobody answered the request, and the savepoint is there.
    #[rstest]
    #[case(Status::Unknown, true)]
    #[case(Status::Started, true)]
    #[case(Status::Failed, false)]
    fn an_unanswered_request_is_settled_by_the_statistics(#[case] status: Status, #[case] settled: bool) {
        let mut world = with_a_job();
        let e = world.deployments.values_mut().next().unwrap();
        let at = Timestamp::from_millis(0);
        let mut row =
            Savepoint::new(SavepointId::new("s"), e.row.id.clone(), Origin::UserRequest, status, at);
        row.target_directory = Some("file:/data/nutkin/d/o-1".to_owned());
        e.savepoints = vec![row];
        let mut stat = completed_at(at, CheckpointKind::Savepoint);
        stat.path = Some("file:/data/nutkin/d/o-1/savepoint-7-8".to_owned());
        let found = completed_row(e, &stat, false);
        assert_eq!(found.as_ref().is_some_and(|s| s.status == Status::Completed), settled);
        assert_eq!(found.and_then(|s| s.location), stat.path.filter(|_| settled));
    }

    fn ended(state: FlinkState) -> JobSummary {
        JobSummary {
            id: crate::domain::ids::Hex32::from_bytes([7; 16]),
            name: String::new(),
            state,
            start_time: Timestamp::from_millis(0),
            end_time: None,
            tasks: TaskCounts::default(),
        }
    }

    fn taken_in(e: &mut DeploymentEntry, kinds: &[&str]) -> (Changes, Vec<CheckpointStat>) {
        let mut stats = Vec::new();
        for (n, kind) in kinds.iter().enumerate() {
            let mut stat = completed_at(Timestamp::from_millis(0), CheckpointKind::from_word(kind));
            stat.id = n as u64 + 1;
            stat.path = Some(format!("file:/data/x/{n}"));
            stats.insert(0, stat);
        }
        let c = Checkpoints { history: stats.clone(), ..Checkpoints::default() };
        let mut changes = Changes::default();
        take_in_savepoints(e, &c, Timestamp::from_millis(0), &mut changes, &|| SavepointId::new("new"));
        (changes, stats)
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
