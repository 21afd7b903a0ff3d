//! The books: what WRITE_CATALOGUE writes for each kind, and small entries about jobs that several steps make.

use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::Value;

use super::{
    inner::Inner,
    ports::store::{ApplicationRow, Changes, DeploymentRow, JobRow, StoreError, StoreResult},
    specs,
};
use crate::domain::{
    deployment::{Desired, FlinkState, OurEnd},
    event::{EventName, NewEvent, Severity},
    flink::KeptCheckpoint,
    ids::{SavepointId, TargetName},
    location,
    operation::{Creates, JobRef, Kind, OpState, Operation, Outcome, RestoreSource, Step},
    savepoint::{Origin, Savepoint, Status},
};

/// Flink's version of a target, as last seen.
#[must_use]
pub fn flink_version(inner: &Inner, target: &TargetName) -> Option<String> {
    inner.world().flink_version(target).map(str::to_owned)
}

/// A job's row, from the changes at hand or from the store.
async fn job_row(inner: &Inner, job: &JobRef, changes: &Changes) -> StoreResult<Option<JobRow>> {
    if let Some(row) = changes.jobs.iter().rev().find(|r| r.id == job.id) {
        return Ok(Some(row.clone()));
    }
    inner.deps.store.job(&job.id).await
}

/// The revision that a job runs.
pub async fn revision_of(inner: &Inner, job: &JobRef) -> StoreResult<Option<u32>> {
    Ok(inner.deps.store.job(&job.id).await?.and_then(|j| j.revision))
}

/// Notes what we are about to do to a job, so that its end is read rightly even by a manager that did not do it.
pub async fn mark_end(inner: &Inner, job: &JobRef, end: OurEnd, changes: &mut Changes) -> StoreResult<()> {
    if let Some(mut row) = job_row(inner, job, changes).await? {
        row.our_end = end;
        changes.jobs.push(row);
    }
    Ok(())
}

/// Takes that note back, unless something else was done to the job since.
pub async fn unmark_end(inner: &Inner, job: &JobRef, end: OurEnd, changes: &mut Changes) -> StoreResult<()> {
    if let Some(mut row) = job_row(inner, job, changes).await?.filter(|r| r.our_end == end) {
        row.our_end = OurEnd::None;
        changes.jobs.push(row);
    }
    Ok(())
}

/// Notes a job's end, by evidence.
pub async fn end_job(
    inner: &Inner,
    job: &JobRef,
    state: Option<&str>,
    op: &Operation,
    changes: &mut Changes,
) -> StoreResult<()> {
    if let Some(mut row) = job_row(inner, job, changes).await? {
        let state = state.unwrap_or("gone");
        if row.ended_at.is_some() && row.flink_state.as_deref() == Some(state) {
            return Ok(());
        }
        row.ended_at.get_or_insert(inner.now());
        row.flink_state = Some(state.to_owned());
        changes.jobs.push(row);
        let text = format!("job {} is {state}", job.flink);
        changes.events.push(inner.operation_event(op, Severity::Info, EventName::JobStateChanged, text));
    }
    Ok(())
}

/// Records the result of an operation whose steps are done.
pub async fn write(inner: &Arc<Inner>, op: &Operation, changes: &mut Changes) -> StoreResult<()> {
    if op.plan.compensation.as_ref().is_some_and(|c| c.ends_as != OpState::Succeeded) {
        return Ok(());
    }
    let row =
        changes.deployments.pop().or_else(|| inner.world().by_id(&op.deployment).map(|e| e.row.clone()));
    let Some(mut row) = row else { return Ok(()) };
    match op.kind {
        Kind::Start | Kind::Upgrade | Kind::Restart | Kind::Rollback => {
            row.revision = op.plan.revision.or(row.revision);
            row.desired = Desired::Running;
        }
        Kind::Suspend => row.desired = Desired::Suspended,
        Kind::Cancel => row.desired = Desired::Cancelled,
        Kind::Reset => reset(inner, op, &mut row, changes).await?,
        Kind::Import => import(inner, op, changes),
        Kind::Fork => fork(inner, op, changes).await?,
        Kind::Delete => {
            row.deleted_at = Some(inner.now());
            let text = format!("{} was removed; its savepoints' records and files stay", row.name);
            changes.events.push(inner.operation_event(
                op,
                Severity::Warn,
                EventName::DeploymentDeleted,
                text,
            ));
        }
        Kind::Savepoint | Kind::Dispose | Kind::Adopt => {}
    }
    changes.deployments.push(row);
    Ok(())
}

/// The restore point that a job's newest retained checkpoint makes, unless it is in the catalogue already. A job that came
/// to its regular end leaves none: Flink keeps checkpoints only of cancelled and failed jobs.
#[must_use]
pub fn retained_checkpoint(inner: &Inner, job: &JobRow) -> Option<Savepoint> {
    if job.flink_state.as_deref() == Some(FlinkState::Finished.as_str()) {
        return None;
    }
    let retained = job.checkpoint_config.as_ref()?.retained;
    checkpoint_row(inner, job, job.last_checkpoint.clone()?).filter(|_| retained)
}

/// A row for this checkpoint of a job, unless its place is in the catalogue.
pub fn checkpoint_row(inner: &Inner, job: &JobRow, kept: KeptCheckpoint) -> Option<Savepoint> {
    let path = kept.path.filter(|_| !kept.discarded)?;
    let known =
        inner.world().by_id(&job.deployment).is_some_and(|e| e.savepoints.iter().any(|s| s.is_at(&path)));
    if known {
        return None;
    }
    let mut sp = Savepoint::new(
        inner.fresh_savepoint(),
        job.deployment.clone(),
        Origin::RetainedCheckpoint,
        Status::Completed,
        inner.now(),
    );
    sp.job = Some(job.id.clone());
    sp.flink_job = Some(job.flink.clone());
    sp.location = Some(path);
    sp.triggered_at = Some(kept.triggered_at);
    sp.checkpoint_id = Some(kept.id);
    sp.size = kept.size;
    sp.revision = job.revision;
    sp.flink_version = flink_version(inner, &job.target);
    Some(sp)
}

/// The chosen savepoint becomes the next restore point, under a row of its own.
async fn reset(
    inner: &Inner,
    op: &Operation,
    row: &mut DeploymentRow,
    changes: &mut Changes,
) -> StoreResult<()> {
    if op.plan.revision.is_some() {
        // Cancelled and started from it at once: nothing is left to arm.
        row.desired = Desired::Running;
        return Ok(());
    }
    let Some(id) = &op.plan.savepoint else { return Ok(()) };
    if let Some(from) = inner.deps.store.savepoint(id).await? {
        let copy = copied(inner, &from, row.id.clone());
        row.next_restore = Some(copy.id.clone());
        changes.savepoints.push(copy);
    }
    Ok(())
}

/// A reset holds until a newer snapshot is there: what a person chose was the best of the past as it was then.
pub fn disarm(inner: &Inner, changes: &mut Changes) {
    for sp in changes.savepoints.clone() {
        if let Some((row, chosen)) = outdated(inner, changes, &sp) {
            let text = format!(
                "the savepoint {chosen} that was chosen for the next start is no longer chosen: a newer snapshot is there"
            );
            let event = NewEvent::auto(inner.now(), Severity::Warn, EventName::ResetDisarmed, text);
            changes.events.push(event.about(&row.id, &row.name));
            changes.deployments.retain(|r| r.id != row.id);
            changes.deployments.push(row);
        }
    }
}

/// The deployment whose reset this snapshot ends, without it.
fn outdated(inner: &Inner, changes: &Changes, sp: &Savepoint) -> Option<(DeploymentRow, SavepointId)> {
    let world = inner.world();
    let entry = world.by_id(&sp.deployment)?;
    let mut row =
        changes.deployments.iter().rev().find(|r| r.id == sp.deployment).unwrap_or(&entry.row).clone();
    let chosen = row.next_restore.take()?;
    let armed = entry.savepoints.iter().find(|s| s.id == chosen)?;
    let newer = sp.status == Status::Completed && sp.state_of() > Some(armed.created_at);
    newer.then_some((row, chosen))
}

fn copied(inner: &Inner, from: &Savepoint, to: crate::domain::ids::DeploymentId) -> Savepoint {
    Savepoint {
        id: inner.fresh_savepoint(),
        deployment: to,
        created_at: inner.now(),
        triggered_at: from.state_of(),
        origin: Origin::Copied,
        pinned: false,
        operation: None,
        trigger: None,
        target_directory: None,
        is_final: false,
        ..from.clone()
    }
}

fn import(inner: &Inner, op: &Operation, changes: &mut Changes) {
    let mut sp = Savepoint::new(
        inner.fresh_savepoint(),
        op.deployment.clone(),
        Origin::Imported,
        Status::Completed,
        inner.now(),
    );
    sp.location.clone_from(&op.plan.location);
    sp.label.clone_from(&op.plan.label);
    sp.operation = Some(op.id.clone());
    sp.checkpoint_id = op.plan.location.as_deref().and_then(location::checkpoint_number);
    let text = format!("imported {}", sp.location.clone().unwrap_or_default());
    changes.events.push(inner.operation_event(op, Severity::Info, EventName::SavepointRegistered, text));
    changes.savepoints.push(sp);
}

/// The new deployment, its first revision, and its restore point.
async fn fork(inner: &Arc<Inner>, op: &Operation, changes: &mut Changes) -> StoreResult<()> {
    let Some(creates) = &op.plan.creates else { return Ok(()) };
    let mut row = new_deployment(inner, creates);
    if let Some(source) = inner.world().by_id(&op.deployment) {
        row.labels.clone_from(&source.row.labels);
    }
    if !inner.world().applications.contains_key(row.name.app()) {
        changes.applications.push(new_application(inner, row.name.app()));
    }
    let merged = inner.world().merged(&row);
    let mut revision = specs::revision(&row, 1, &merged, None);
    revision.author.clone_from(&op.actor);
    revision.reason = Some(format!("forked from {}", op.deployment_name));
    row.revision = Some(1);
    let from = match &op.plan.restore {
        RestoreSource::Empty => None,
        RestoreSource::Point { savepoint, .. } => inner.deps.store.savepoint(savepoint).await?,
        RestoreSource::ThisOperation => Some(taken_here(inner, op).await?),
    };
    if let Some(from) = from {
        let copy = copied(inner, &from, creates.id.clone());
        row.next_restore = Some(copy.id.clone());
        changes.savepoints.push(copy);
    }
    let text = format!("{} was forked from {}", creates.name, op.deployment_name);
    let event = inner.operation_event(op, Severity::Info, EventName::DeploymentCreated, text);
    changes.events.push(event.about(&creates.id, &creates.name));
    changes.deployments.push(row);
    changes.revisions.push(revision);
    Ok(())
}

/// The row of the snapshot that a step has taken or recorded, or a person has named: a fork begins from no other.
async fn taken_here(inner: &Inner, op: &Operation) -> StoreResult<Savepoint> {
    let id = op.bindings().snapshot.and_then(|s| s.savepoint);
    let row = match id {
        Some(id) => inner.deps.store.savepoint(&id).await?,
        None => None,
    };
    row.ok_or_else(|| StoreError::Conflict {
        what: "the snapshot to begin from is not in the catalogue".to_owned(),
    })
}

/// A deployment's row before anything ran.
#[must_use]
pub fn new_deployment(inner: &Inner, creates: &Creates) -> DeploymentRow {
    DeploymentRow {
        id: creates.id.clone(),
        name: creates.name.clone(),
        labels: IndexMap::new(),
        layer: creates.layer.clone(),
        applied: None,
        spec_version: 1,
        desired: Desired::Cancelled,
        revision: None,
        job: None,
        next_restore: None,
        adopted: false,
        created_at: inner.now(),
        deleted_at: None,
    }
}

/// An application nobody described yet.
#[must_use]
pub fn new_application(inner: &Inner, name: &str) -> ApplicationRow {
    ApplicationRow {
        name: name.to_owned(),
        title: name.to_owned(),
        labels: IndexMap::new(),
        defaults: Value::Null,
        version: 1,
        created_at: inner.now(),
    }
}

/// The outcome that a person named instead of a step: a row of its own. Its state is that of the job's end.
#[must_use]
pub fn named_snapshot(inner: &Inner, op: &Operation, step: &Step, outcome: &Outcome) -> Savepoint {
    let mut sp = Savepoint::new(
        inner.fresh_savepoint(),
        op.deployment.clone(),
        Origin::Imported,
        Status::Completed,
        inner.now(),
    );
    // It was asked for then; when exactly it was taken nobody has told.
    let ended = inner.world().by_id(&op.deployment).and_then(|e| e.job.as_ref()?.ended_at);
    sp.triggered_at = Some(ended.or(step.intent_at).unwrap_or(sp.created_at));
    sp.location.clone_from(&outcome.location);
    sp.is_final = outcome.is_final;
    sp.operation = Some(op.id.clone());
    sp.job = op.plan.old_job.as_ref().map(|j| j.id.clone());
    sp.flink_job = op.plan.old_job.as_ref().map(|j| j.flink.clone());
    sp
}
