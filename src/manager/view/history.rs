//! What stays: operations, savepoints, jobs, revisions, events, artifacts.

use crate::{
    contract::model::{Artifact, Event, Job, Operation, RestoredFrom, Revision, Savepoint, Step, WayBack},
    domain::{
        deployment::{FlinkState, JobSight, Observed, OurEnd, observe},
        event,
        operation::{self},
        savepoint,
    },
    manager::{
        history,
        ports::store::{ArtifactRow, JobRow, RevisionRow},
        world::World,
    },
};

/// An operation.
#[must_use]
pub fn operation(o: &operation::Operation) -> Operation {
    Operation {
        operation_id: o.id.to_string(),
        parent: o.parent.as_ref().map(ToString::to_string),
        supersedes: o.plan.supersedes.as_ref().map(ToString::to_string),
        superseded_by: o.plan.superseded_by.as_ref().map(ToString::to_string),
        kind: o.kind,
        deployment: o.deployment_name.to_string(),
        target: o.target.to_string(),
        revision: o.plan.revision,
        state: o.state,
        actor: o.actor.clone(),
        via: o.via,
        reason: o.reason.clone(),
        created_at: o.created_at,
        started_at: o.started_at,
        ended_at: o.ended_at,
        steps: o
            .steps
            .iter()
            .map(|s| Step {
                n: s.n,
                name: s.act.name(),
                title: operation::recipe::title(&s.act, &o.plan),
                state: s.state,
                started_at: s.started_at,
                ended_at: s.ended_at,
                attempts: s.attempts,
                detail: s.detail.clone(),
            })
            .collect(),
        goes_back: way_back(o),
        error: o.error.clone(),
        choices: o.choices.clone(),
        result: o.result.clone(),
    }
}

/// The steps behind the failed one that were not skipped are the way back.
#[must_use]
pub fn way_back(o: &operation::Operation) -> Option<WayBack> {
    let c = o.plan.compensation.as_ref()?;
    let goes = o.steps.iter().any(|s| s.n > c.failed_step && s.state != operation::StepState::Skipped);
    goes.then(|| WayBack { cause: c.cause.clone(), failed_step: c.failed_step })
}

/// A savepoint.
#[must_use]
pub fn savepoint(s: &savepoint::Savepoint, world: &World) -> Savepoint {
    Savepoint {
        savepoint_id: s.id.to_string(),
        deployment: world
            .names
            .get(&s.deployment)
            .map_or_else(|| s.deployment.to_string(), ToString::to_string),
        created_at: s.created_at,
        triggered_at: s.triggered_at,
        job_id: s.job.as_ref().map(ToString::to_string),
        flink_job_id: s.flink_job.as_ref().map(ToString::to_string),
        operation_id: s.operation.as_ref().map(ToString::to_string),
        trigger_id: s.trigger.as_ref().map(ToString::to_string),
        target_directory: s.target_directory.clone(),
        origin: s.origin,
        status: s.status,
        is_final: s.is_final,
        location: s.location.clone(),
        size_bytes: s.size,
        format: s.format,
        flink_version: s.flink_version.clone(),
        revision: s.revision,
        label: s.label.clone(),
        pinned: s.pinned,
        verified: s.verified_at.map(|_| true),
        failure: s.failure.clone(),
    }
}

/// A job of the history.
#[must_use]
pub fn job(j: &JobRow, world: &World) -> Job {
    let entry = world.by_id(&j.deployment).filter(|e| e.row.job.as_ref() == Some(&j.id));
    let state = match (entry, j.flink_state.as_deref().map(FlinkState::from_word)) {
        _ if j.our_end == OurEnd::NotSubmitted => Observed::Failed,
        (Some(e), _) if j.ended_at.is_none() => e.sight.observed,
        (_, Some(state)) => observe(&JobSight::Seen { state, tasks: Default::default(), end: j.our_end }).0,
        (_, None) => Observed::Unknown,
    };
    Job {
        job_id: j.id.to_string(),
        deployment: world
            .names
            .get(&j.deployment)
            .map_or_else(|| j.deployment.to_string(), ToString::to_string),
        flink_job_id: j.flink.to_string(),
        revision: j.revision,
        state,
        flink_state: j.flink_state.clone(),
        started_at: j.started_at,
        ended_at: j.ended_at,
        restored_from: restored_from(j),
        // A job that somebody else started may have restored whatever they liked.
        began_empty: j.operation.is_some() && j.restored_from.is_none(),
        restarts: j.restarts,
    }
}

/// A revision.
#[must_use]
pub fn revision(r: &RevisionRow, operations: &[operation::Operation]) -> Revision {
    Revision {
        number: r.number,
        version_label: r.version_label.clone(),
        author: r.author.clone(),
        reason: r.reason.clone(),
        created_at: r.created_at,
        content_hash: r.content_hash.clone(),
        spec: r.spec.clone(),
        provenance: r.provenance.clone(),
        failed_in: history::failure(r.number, operations).map(|o| o.id.to_string()),
    }
}

/// An event.
#[must_use]
pub fn event(e: event::Event) -> Event {
    Event {
        seq: e.seq,
        at: e.event.at,
        severity: e.event.severity,
        name: e.event.name.to_string(),
        application: e.event.application,
        deployment: e.event.deployment_name,
        job_id: e.event.job.map(|j| j.to_string()),
        operation_id: e.event.operation.map(|o| o.to_string()),
        actor: e.event.actor,
        via: e.event.via,
        message: e.event.message,
        details: e.event.details,
    }
}

/// An artifact.
#[must_use]
pub fn artifact(a: &ArtifactRow, used_by: Vec<String>) -> Artifact {
    Artifact {
        sha256: a.sha.to_string(),
        name: a.name.clone(),
        size_bytes: a.size,
        main_class: a.main_class.clone(),
        entry_classes: a.entry_classes.clone(),
        created_at: a.created_at,
        used_by,
    }
}

pub(super) fn restored_from(j: &JobRow) -> Option<RestoredFrom> {
    j.restored_from.as_ref().map(|l| RestoredFrom {
        savepoint_id: j.restored_savepoint.as_ref().map(ToString::to_string),
        location: l.clone(),
    })
}
