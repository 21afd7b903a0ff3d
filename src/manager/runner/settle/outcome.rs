//! Rows of an outcome.

use std::sync::Arc;

use super::super::collect;
use crate::{
    domain::{
        deployment::OurEnd,
        event::{EventName, NewEvent, Severity},
        ids::SavepointId,
        location,
        operation::{
            Act, JobRef, OpState, Operation, Outcome, RestoreSource, Step, StepName, StepState,
            driver::Absorbed,
            evidence::{Evidence, Snapshot},
        },
        savepoint::{Origin, Savepoint, Status},
        time::Timestamp,
    },
    manager::{
        books, disposal,
        inner::Inner,
        ports::store::{ALL_ROWS, Changes, StoreResult},
    },
};

/// Rows that follow from a judgement.
pub async fn outcome_rows(
    inner: &Arc<Inner>,
    op: &Operation,
    n: u32,
    absorbed: &Absorbed,
    evidence: &Evidence,
    changes: &mut Changes,
) -> StoreResult<()> {
    let Some(step) = op.step(n) else { return Ok(()) };
    match (&absorbed.confirmed, &step.act) {
        (Some((_, outcome)), Act::TriggerSavepoint { .. } | Act::StopWithSavepoint { .. }) => {
            snapshot_done(inner, op, step, outcome, evidence, changes).await?;
        }
        (Some((_, outcome)), Act::RecordCheckpoint { .. }) => {
            recorded(inner, op, step, outcome, changes).await?
        }
        (Some((_, outcome)), Act::RunJar { .. }) => job_started(inner, op, step, outcome, changes).await?,
        (Some((_, outcome)), Act::AwaitTerminal { job }) => {
            if let Some(job) = op.job_meant(job) {
                books::end_job(inner, &job, outcome.flink_state.as_deref(), op, changes).await?;
            }
        }
        (Some(_), Act::Dispose { savepoint, .. }) => {
            disposal::set_status(inner, savepoint, Status::Deleted, None, changes).await?;
            let text = format!("savepoint {savepoint} was deleted");
            changes.events.push(inner.operation_event(op, Severity::Info, EventName::SavepointDeleted, text));
        }
        (Some((StepName::WriteCatalogue, _)), _) => books::write(inner, op, changes).await?,
        (None, Act::TriggerSavepoint { .. } | Act::StopWithSavepoint { .. }) => {
            snapshot_not_done(inner, op, step, absorbed, evidence, changes).await?;
        }
        (None, Act::RunJar { .. }) if never_ran(step) => {
            not_submitted(inner, op, step, evidence, changes).await?
        }
        (None, Act::AwaitRunning | Act::VerifyRestore | Act::Probation) => {
            ended_by_itself(inner, op, step, evidence, changes).await?;
        }
        // Refuted, or of a superseded operation whose request nobody can tell of any more.
        (None, Act::Dispose { savepoint, .. })
            if step.state == StepState::Refuted || !op.state.is_active() =>
        {
            disposal::set_status(
                inner,
                savepoint,
                Status::FailedDeletion,
                Some(step.detail.clone()),
                changes,
            )
            .await?;
        }
        _ => {}
    }
    Ok(())
}

/// The row of the attempt becomes COMPLETED; a stop's job has ended with it.
async fn snapshot_done(
    inner: &Inner,
    op: &Operation,
    step: &Step,
    outcome: &Outcome,
    evidence: &Evidence,
    changes: &mut Changes,
) -> StoreResult<()> {
    let Some(mut row) = inner.deps.store.savepoint(&op.snapshot_id(step)).await? else { return Ok(()) };
    complete(&mut row, outcome, evidence, inner.now());
    row.is_final = outcome.is_final;
    row.drained = op.plan.drain && outcome.is_final;
    let place = row.location.clone().unwrap_or_default();
    let text = format!("savepoint complete at {place}");
    changes.events.push(inner.operation_event(op, Severity::Info, EventName::SavepointCompleted, text));
    changes.savepoints.push(row);
    // Without a word about its end the job has gone on: a stop that was half done.
    if let (Act::StopWithSavepoint { job }, Some(_)) = (&step.act, &outcome.flink_state) {
        books::end_job(inner, job, outcome.flink_state.as_deref(), op, changes).await?;
    }
    Ok(())
}

fn complete(row: &mut Savepoint, outcome: &Outcome, evidence: &Evidence, now: Timestamp) {
    row.status = Status::Completed;
    row.location.clone_from(&outcome.location);
    row.triggered_at = outcome.triggered_at.or(row.triggered_at).or(Some(row.created_at));
    row.checkpoint_id = outcome.checkpoint_id;
    row.size = outcome.size;
    row.failure = None;
    let place = outcome.location.as_deref().unwrap_or_default();
    let seen = evidence.children.iter().flatten().any(|c| c.complete && location::same(&c.location, place));
    if seen {
        row.verified_at = Some(now);
    }
}

/// An attempt that was refuted, or waits for a person: COMPLETED where it left a whole snapshot behind, FAILED by Flink's
/// word, UNKNOWN without it.
async fn snapshot_not_done(
    inner: &Inner,
    op: &Operation,
    step: &Step,
    absorbed: &Absorbed,
    evidence: &Evidence,
    changes: &mut Changes,
) -> StoreResult<()> {
    let asks = op.state == OpState::NeedsAttention;
    if !absorbed.refuted_attempt && !asks {
        return Ok(());
    }
    let Some(mut row) = inner.deps.store.savepoint(&op.snapshot_id(step)).await? else { return Ok(()) };
    if let Some(outcome) = &absorbed.left_behind {
        complete(&mut row, outcome, evidence, inner.now());
        row.origin = Origin::UserRequest;
        row.failure = Some(step.detail.clone());
    } else if let Snapshot::Complete { outcome, .. } = evidence.snapshot() {
        // The request as a whole came to nothing, and its snapshot is whole: it is not lost.
        complete(&mut row, &outcome, evidence, inner.now());
        row.failure = Some(step.detail.clone());
    } else {
        let said_so = matches!(evidence.trigger, Some(crate::domain::flink::AsyncStatus::Failed { .. }))
            || matches!(evidence.answer, Some(crate::domain::operation::evidence::Answer::Refused { .. }));
        let known = said_so && !asks && step.state != StepState::Ambiguous;
        row.status = if known { Status::Failed } else { Status::Unknown };
        row.failure = Some(step.detail.clone());
    }
    let (severity, name) = match row.status {
        Status::Completed => (Severity::Warn, EventName::SavepointCompleted),
        _ => (Severity::Warn, EventName::SavepointFailed),
    };
    let text = format!(
        "{} ({}): {}",
        row.status,
        row.location.clone().or(row.target_directory.clone()).unwrap_or_default(),
        step.detail
    );
    changes.events.push(inner.operation_event(op, severity, name, text));
    changes.savepoints.push(row);
    if absorbed.refuted_attempt
        && let Act::StopWithSavepoint { job } = &step.act
    {
        // The stop did not end the job: a later FINISHED is not ours.
        books::unmark_end(inner, job, OurEnd::StoppedWithSavepoint, changes).await?;
    }
    Ok(())
}

/// The checkpoint that an upgrade goes on from becomes a restore point of the catalogue before its job is cancelled.
async fn recorded(
    inner: &Inner,
    op: &Operation,
    step: &Step,
    outcome: &Outcome,
    changes: &mut Changes,
) -> StoreResult<()> {
    let Act::RecordCheckpoint { job, after_end } = &step.act else { return Ok(()) };
    let Some(place) = &outcome.location else { return Ok(()) };
    if *after_end {
        replaced(inner, op, step, place, changes).await?;
    }
    let mut row = Savepoint::new(
        op.snapshot_id(step),
        op.deployment.clone(),
        Origin::RetainedCheckpoint,
        Status::Completed,
        inner.now(),
    );
    row.location.clone_from(&outcome.location);
    row.triggered_at = outcome.triggered_at;
    row.checkpoint_id = outcome.checkpoint_id;
    row.size = outcome.size;
    row.job = Some(job.id.clone());
    row.flink_job = Some(job.flink.clone());
    row.operation = Some(op.id.clone());
    row.revision = books::revision_of(inner, job).await?;
    row.flink_version = books::flink_version(inner, &op.target);
    let text = format!(
        "retained checkpoint {} entered: {}",
        row.checkpoint_id.unwrap_or_default(),
        row.location.clone().unwrap_or_default()
    );
    changes.events.push(inner.operation_event(op, Severity::Info, EventName::SavepointRegistered, text));
    changes.savepoints.push(row);
    Ok(())
}

/// Flink keeps the newest checkpoint only: the one written down before the end is gone when a newer one was left.
async fn replaced(
    inner: &Inner,
    op: &Operation,
    step: &Step,
    place: &str,
    changes: &mut Changes,
) -> StoreResult<()> {
    let before = op.steps.iter().filter(|s| s.n < step.n && matches!(s.act, Act::RecordCheckpoint { .. }));
    // Of a step that was confirmed before a choice the row is that operation's.
    let rows = before
        .filter(|s| s.state == StepState::Confirmed)
        .filter_map(|s| s.outcome.as_ref()?.savepoint.as_ref());
    for id in rows {
        if let Some(mut row) = inner.deps.store.savepoint(id).await? {
            row.status = Status::Deleted;
            row.failure = Some(match row.is_at(place) {
                true => "entered again after the job's end".to_owned(),
                false => "Flink replaced it by a newer checkpoint".to_owned(),
            });
            changes.savepoints.push(row);
        }
    }
    Ok(())
}

/// The deployment's job is now this one; a reset's choice is used up.
async fn job_started(
    inner: &Inner,
    op: &Operation,
    step: &Step,
    outcome: &Outcome,
    changes: &mut Changes,
) -> StoreResult<()> {
    let Some(job) = &outcome.job else { return Ok(()) };
    if let Some(mut row) = inner.deps.store.job(&op.job_id(step)).await? {
        row.seen_at = Some(inner.now());
        row.started_at = Some(inner.now());
        changes.jobs.push(row);
    }
    let row = inner.world().by_id(&op.deployment).map(|e| e.row.clone());
    // Nobody waits for it any more: the deployment has gone on without this job.
    if let Some(mut row) = row.filter(|_| collect::is_awaited(inner, op)) {
        row.job = Some(job.id.clone());
        if let Some(chosen) = row.next_restore.take() {
            changes.events.extend(disarmed(inner, op, &chosen));
        }
        if let Act::RunJar { revision } = step.act {
            row.revision = Some(revision);
        }
        changes.deployments.push(row);
    }
    lost_before(inner, op, job, changes).await?;
    let from = op.restore_location().map_or_else(|| "beginning empty".to_owned(), |l| format!("from {l}"));
    changes.events.push(inner.operation_event(
        op,
        Severity::Info,
        EventName::JobStarted,
        format!("job {} was submitted, {from}", job.flink),
    ));
    Ok(())
}

/// Jobs whose end nobody saw, because their JobManager was lost with them: before this one was submitted none of them was
/// found alive.
async fn lost_before(inner: &Inner, op: &Operation, new: &JobRef, changes: &mut Changes) -> StoreResult<()> {
    let all = inner.deps.store.jobs(Some(&op.deployment), ALL_ROWS).await?;
    for row in all.into_iter().filter(|j| j.ended_at.is_none() && j.seen_at.is_some() && j.id != new.id) {
        books::end_job(inner, &JobRef { id: row.id, flink: row.flink }, None, op, changes).await?;
    }
    Ok(())
}

/// The attempt is over and its job does not live: refused, or to be submitted under another id.
fn never_ran(step: &Step) -> bool {
    matches!(step.state, StepState::Planned | StepState::Refuted) && !step.is_half_submitted()
}

/// The job of an attempt that Flink refused, or that never arrived: its row says so.
async fn not_submitted(
    inner: &Inner,
    op: &Operation,
    step: &Step,
    evidence: &Evidence,
    changes: &mut Changes,
) -> StoreResult<()> {
    let Some(mut row) = inner.deps.store.job(&op.job_id(step)).await? else { return Ok(()) };
    row.our_end = OurEnd::NotSubmitted;
    row.ended_at.get_or_insert(inner.now());
    row.flink_state = evidence.job.seen().map(|job| job.state.to_string()).or(row.flink_state);
    changes.jobs.push(row);
    Ok(())
}

/// The job that this attempt submitted has ended, whatever the operation does next.
async fn ended_by_itself(
    inner: &Inner,
    op: &Operation,
    step: &Step,
    evidence: &Evidence,
    changes: &mut Changes,
) -> StoreResult<()> {
    let state = evidence.job.seen().map(|job| &job.state).filter(|state| state.is_terminal());
    let submission = op.steps.iter().rev().find(|s| s.n < step.n && s.act.name() == StepName::RunJar);
    let (Some(state), Some(run)) = (state, submission) else { return Ok(()) };
    let Some(job) = op.submitted(run) else { return Ok(()) };
    books::end_job(inner, &job, Some(state.as_str()), op, changes).await
}

/// A reset's choice holds once. A job that began from something else gives it up, and says so.
fn disarmed(inner: &Inner, op: &Operation, chosen: &SavepointId) -> Option<NewEvent> {
    let used = matches!(&op.plan.restore, RestoreSource::Point { savepoint, .. } if savepoint == chosen);
    (!used).then(|| {
        let text = format!("the savepoint {chosen} that was chosen for the next start is no longer chosen: a job began without it");
        inner.operation_event(op, Severity::Warn, EventName::ResetDisarmed, text)
    })
}
