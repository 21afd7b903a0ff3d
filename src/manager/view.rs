//! From rows and sights to read models: pure, and the only place that knows both.

use super::{
    books,
    ports::store::{AnswerRow, ArtifactRow, JobRow, RevisionRow},
    watcher::KeptCheckpoint,
    world::{DeploymentEntry, TargetEntry, World},
};
use crate::{
    contract::{
        model::{
            Application, Artifact, Capability, Checkpoint, Deployment, DeploymentJob, DeploymentOperation,
            Drift, Event, Job, NextRestorePoint, Operation, RestorePoint, RestoredFrom, Revision, Savepoint,
            Step, Target, TargetJob, Tasks,
        },
        watch::{Row, Totals},
    },
    domain::{
        deployment::{
            Condition, ConditionStatus, ConditionType, FlinkState, Health, JobSight, Observed, OurEnd,
            health, observe,
        },
        event,
        flink::CheckpointStat,
        ids::Issuer,
        operation::{self, Kind, OpState, StepState},
        restore::{self, Advice, Request, Situation},
        savepoint, spec,
        time::Timestamp,
    },
};

/// A target.
#[must_use]
pub fn target(t: &TargetEntry, world: &World) -> Target {
    let urls = t.spec.addresses();
    let overview = t.sight.overview.as_ref();
    let up = t.sight.reachable == Some(true);
    Target {
        name: t.row.name.to_string(),
        kind: t.spec.kind.clone(),
        url: urls.first().cloned().unwrap_or_default(),
        urls,
        flink_version: overview.map(|o| o.flink_version.clone()),
        reachable: t.sight.reachable,
        error: t.sight.error.clone(),
        observed_at: t.sight.observed_at,
        slots_total: overview.map(|o| o.slots_total).filter(|_| up),
        slots_free: overview.map(|o| o.slots_free).filter(|_| up),
        jobs_running: up.then(|| {
            u32::try_from(t.sight.jobs.iter().filter(|j| j.state == FlinkState::Running).count())
                .unwrap_or(u32::MAX)
        }),
        unmanaged_jobs: up.then(|| u32::try_from(unmanaged(t, world).len()).unwrap_or(u32::MAX)),
        capabilities: capabilities(t),
        protection: t.spec.protection.unwrap_or(spec::Protection::None),
        savepoint_directory: t.spec.savepoint_directory.clone().or_else(|| t.sight.savepoint_base.clone()),
        savepoint_access: t.spec.savepoint_access.to_string(),
        colour: t.spec.colour.clone(),
        labels: t.row.labels.clone(),
        spec: t.row.spec.clone(),
        version: t.row.version,
    }
}

fn capabilities(t: &TargetEntry) -> Vec<Capability> {
    let Some(c) = &t.sight.config else { return vec![] };
    let no_submit =
        "the cluster takes no submissions (web.submit.enable is false, or an application cluster)";
    let cap = |name: &str, available: bool, reason: &str| Capability {
        name: name.to_owned(),
        available,
        reason: (!available).then(|| reason.to_owned()),
    };
    vec![
        cap("submit", c.web_submit, no_submit),
        cap("jars", c.web_submit, no_submit),
        cap("stop", true, ""),
        cap("cancel", true, ""),
    ]
}

/// Live jobs of a target that no deployment here manages.
#[must_use]
pub fn unmanaged(t: &TargetEntry, world: &World) -> Vec<TargetJob> {
    target_jobs(t, world)
        .into_iter()
        .filter(|j| j.management != "managed" && !FlinkState::from_word(&j.flink_state).is_terminal())
        .collect()
}

/// Every job of a target with its deployment.
#[must_use]
pub fn target_jobs(t: &TargetEntry, world: &World) -> Vec<TargetJob> {
    t.sight
        .jobs
        .iter()
        .map(|j| {
            let owner = world.deployments.values().find(|e| e.job.as_ref().is_some_and(|r| r.flink == j.id));
            let management = match (owner, j.id.issuer(&world.store_id)) {
                (Some(_), _) | (None, Issuer::Us) => "managed".to_owned(),
                (None, Issuer::AnotherNutkin(store)) => format!("another nutkin {store}"),
                (None, Issuer::Nobody) => "unmanaged".to_owned(),
            };
            TargetJob {
                target: t.row.name.to_string(),
                flink_job_id: j.id.to_string(),
                name: j.name.clone(),
                flink_state: j.state.to_string(),
                started_at: Some(j.start_time),
                ended_at: j.end_time,
                tasks: Tasks { running: j.tasks.running, total: j.tasks.total },
                deployment: owner.map(|e| e.row.name.to_string()),
                management,
            }
        })
        .collect()
}

/// An application with its worst child's health.
#[must_use]
pub fn application(name: &str, world: &World) -> Option<Application> {
    let row = world.applications.get(name)?;
    let children: Vec<&DeploymentEntry> =
        world.deployments.values().filter(|e| e.row.name.app() == name).collect();
    Some(Application {
        name: row.name.clone(),
        title: row.title.clone(),
        labels: row.labels.clone(),
        health: children.iter().map(|e| health_of(e, world)).min().unwrap_or(Health::Idle),
        deployments: children.iter().map(|e| e.row.name.to_string()).collect(),
        defaults: row.defaults.clone(),
        version: row.version,
    })
}

/// The word that faces show: an operation at work is a transition.
#[must_use]
pub fn observed_of(e: &DeploymentEntry, world: &World) -> Observed {
    let op = e.operation.as_ref().and_then(|id| world.operations.get(id));
    let moves = op.is_some_and(|o| {
        !matches!(o.kind, Kind::Savepoint | Kind::Fork | Kind::Import | Kind::Dispose)
            && o.state != OpState::NeedsAttention
    });
    if moves { Observed::Transitioning } else { e.sight.observed }
}

fn conditions_of(e: &DeploymentEntry, drift: Option<&Drift>) -> Vec<Condition> {
    let mut all = e.sight.conditions.clone();
    let known = all.iter().any(|c| c.kind == ConditionType::Drifted);
    if let Some(d) = drift.filter(|_| !known) {
        all.push(Condition {
            kind: ConditionType::Drifted,
            status: ConditionStatus::True,
            since: e.row.created_at,
            reason: d.summary.clone(),
        });
    }
    all
}

/// The deployment's one word.
#[must_use]
pub fn health_of(e: &DeploymentEntry, world: &World) -> Health {
    health(e.row.desired, observed_of(e, world), &conditions_of(e, None), attention(e, world))
}

fn attention(e: &DeploymentEntry, world: &World) -> bool {
    operation_of(e, world).is_some_and(|o| o.state == OpState::NeedsAttention)
}

fn operation_of<'a>(e: &DeploymentEntry, world: &'a World) -> Option<&'a operation::Operation> {
    e.operation.as_ref().and_then(|id| world.operations.get(id))
}

/// What the deployment's layers give now against the revision that runs, and against the last applied state.
#[must_use]
pub fn drift(e: &DeploymentEntry, world: &World) -> Option<Drift> {
    let revision = e.revision.as_ref()?;
    let differences = spec::diff(&revision.spec, &world.merged(&e.row).value);
    let applied_state = e.row.applied.as_ref().and_then(|a| a.get("state")).and_then(|s| s.as_str());
    let state = applied_state.filter(|s| *s != e.row.desired.as_str());
    if differences.is_empty() && state.is_none() {
        return None;
    }
    let mut parts = Vec::new();
    if !differences.is_empty() {
        let keys: Vec<&str> = differences.iter().take(3).map(|d| d.path.as_str()).collect();
        let more = differences.len().saturating_sub(3);
        let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
        parts.push(format!(
            "revision {} differs from the spec in {}{rest}",
            revision.number,
            keys.join(", ")
        ));
    }
    if let Some(s) = state {
        parts.push(format!("the manifest says {s}, somebody made it {}", e.row.desired));
    }
    Some(Drift { summary: parts.join("; "), differences })
}

/// The newest completed checkpoint of the live job, and whether it outlives it.
#[must_use]
pub fn live_checkpoint(e: &DeploymentEntry) -> Option<(&CheckpointStat, bool)> {
    let live = e.sight.summary.as_ref().is_some_and(|s| !s.state.is_terminal());
    let c = e.sight.checkpoints.as_ref()?.latest_completed.as_ref()?;
    live.then(|| (c, e.sight.checkpoint_config.as_ref().is_some_and(|k| k.retained)))
}

/// The newest progress that is known of.
fn progress(e: &DeploymentEntry) -> Option<Timestamp> {
    let kept = e.job.as_ref().and_then(|j| j.last_checkpoint.clone());
    let kept = kept.and_then(|k| serde_json::from_value::<KeptCheckpoint>(k).ok()).map(|k| k.triggered_at);
    let live = live_checkpoint(e).map(|(c, _)| c.triggered_at);
    let saved = e
        .savepoints
        .iter()
        .filter(|s| s.status == savepoint::Status::Completed)
        .map(savepoint::Savepoint::state_of)
        .max();
    kept.max(live).max(saved)
}

/// The advisor's answer for a deployment.
#[must_use]
pub fn advice(e: &DeploymentEntry, world: &World, request: &Request, now: Timestamp) -> Advice {
    let name = e.row.name.to_string();
    let version = world
        .targets
        .get(&e.target())
        .and_then(|t| t.sight.overview.as_ref())
        .map(|o| o.flink_version.as_str());
    restore::choose(
        request,
        &Situation {
            deployment: &name,
            savepoints: &e.savepoints,
            armed: e.row.next_restore.as_ref(),
            live_checkpoint: live_checkpoint(e),
            progress: progress(e),
            flink_version: version,
            now,
        },
    )
}

/// What the next start would use, by the strategy of the spec.
#[must_use]
pub fn next_request(e: &DeploymentEntry) -> Request {
    Request::Strategy(e.spec.as_ref().map_or(spec::RestoreStrategy::LatestState, |s| s.restore_strategy))
}

fn next_restore_point(e: &DeploymentEntry, world: &World, now: Timestamp) -> NextRestorePoint {
    let a = advice(e, world, &next_request(e), now);
    let chosen = a.chosen();
    NextRestorePoint {
        savepoint_id: chosen.and_then(|c| c.savepoint.as_ref().map(ToString::to_string)),
        location: chosen.and_then(|c| c.location.clone()),
        rewind_seconds: chosen.and_then(|c| c.rewind_seconds),
        verified: chosen.and_then(|c| c.verified.then_some(true)),
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
            triggered_at: Some(c.state_of),
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
        status: c.status.clone(),
        kind: c.kind.clone(),
        failure: c.failure.clone(),
    }
}

/// The operation at work, for a row.
#[must_use]
pub fn row_operation(o: &operation::Operation) -> DeploymentOperation {
    let current = o.current();
    let shown = || o.steps.iter().filter(|s| s.state != StepState::Skipped);
    let number = current.map_or(shown().count(), |c| shown().filter(|s| s.n <= c.n).count());
    DeploymentOperation {
        operation_id: o.id.to_string(),
        kind: o.kind,
        state: o.state,
        step_number: u32::try_from(number).unwrap_or(0),
        step_count: u32::try_from(shown().count()).unwrap_or(0),
        step_name: current.map(|c| c.act.name()),
        step_detail: current.map(|c| c.detail.clone()).filter(|d| !d.is_empty()),
        started_at: o.started_at,
    }
}

/// A deployment in full.
#[must_use]
pub fn deployment(e: &DeploymentEntry, world: &World, now: Timestamp) -> Deployment {
    let target = e.target();
    let t = world.targets.get(&target);
    let live = e.sight.summary.as_ref().is_some_and(|s| !s.state.is_terminal());
    let drift = drift(e, world);
    let conditions = conditions_of(e, drift.as_ref());
    let (crash, end) = restore::loss_windows(&e.savepoints, live_checkpoint(e));
    let age = |t: Option<Timestamp>| t.filter(|_| live).map(|t| now.seconds_since(t));
    let stats = e.sight.checkpoints.as_ref();
    Deployment {
        deployment: e.row.name.to_string(),
        application: e.row.name.app().to_owned(),
        name: e.row.name.name().to_owned(),
        id: e.row.id.to_string(),
        target: target.to_string(),
        labels: e.row.labels.clone(),
        desired: e.row.desired,
        observed: observed_of(e, world),
        observed_at: e.sight.observed_at,
        health: health(e.row.desired, observed_of(e, world), &conditions, attention(e, world)),
        conditions,
        revision: e.row.revision,
        version_label: e.revision.as_ref().map(|r| r.version_label.clone()),
        spec_version: e.row.spec_version,
        job: e.job.as_ref().map(|j| row_job(j, e)),
        parallelism: e.spec.as_ref().map(|s| s.parallelism),
        last_checkpoint: stats.and_then(|c| c.latest_completed.as_ref()).map(checkpoint),
        last_failed_checkpoint: stats.and_then(|c| c.latest_failed.as_ref()).map(checkpoint),
        crash_loss_seconds: age(crash),
        end_loss_seconds: age(end),
        next_restore_point: Some(next_restore_point(e, world, now)),
        operation: operation_of(e, world).map(row_operation),
        root_cause: e.sight.root_cause.clone(),
        drift,
        metrics: e.sight.metrics.clone(),
        flink_url: t.zip(e.job.as_ref()).and_then(|(t, j)| {
            t.spec
                .addresses()
                .first()
                .map(|u| format!("{}/#/job/running/{}/overview", u.trim_end_matches('/'), j.flink))
        }),
        protection: world.protection(e.spec.as_ref(), &target),
        flink_version: t.and_then(|t| t.sight.overview.as_ref()).map(|o| o.flink_version.clone()),
    }
}

fn row_job(j: &JobRow, e: &DeploymentEntry) -> DeploymentJob {
    let s = e.sight.summary.as_ref();
    DeploymentJob {
        job_id: j.id.to_string(),
        flink_job_id: j.flink.to_string(),
        flink_state: s.map(|s| s.state.to_string()).or_else(|| j.flink_state.clone()),
        started_at: s.map(|s| s.start_time).or(j.started_at),
        restarts: j.restarts,
        tasks: s.map(|s| Tasks { running: s.tasks.running, total: s.tasks.total }),
        restored_from: restored_from(j),
    }
}

fn restored_from(j: &JobRow) -> Option<RestoredFrom> {
    j.restored_from.as_ref().map(|l| RestoredFrom {
        savepoint_id: j.restored_savepoint.as_ref().map(ToString::to_string),
        location: l.clone(),
    })
}

/// A slim row.
#[must_use]
pub fn row(e: &DeploymentEntry, world: &World) -> Row {
    let op = operation_of(e, world);
    let progress = op.map(row_operation);
    Row {
        deployment: e.row.name.to_string(),
        target: e.target().to_string(),
        observed: observed_of(e, world),
        health: health_of(e, world),
        version_label: e.revision.as_ref().map(|r| r.version_label.clone()),
        flink_state: e.sight.summary.as_ref().map(|s| s.state.to_string()),
        operation: progress.as_ref().map(|p| format!("{} {}/{}", p.kind, p.step_number, p.step_count)),
        operation_started_at: op.and_then(|o| o.started_at),
        needs_attention: attention(e, world),
        started_at: e.sight.summary.as_ref().filter(|s| !s.state.is_terminal()).map(|s| s.start_time),
        restarts: e.job.as_ref().and_then(|j| j.restarts),
    }
}

/// Totals over everything.
#[must_use]
pub fn totals(world: &World) -> Totals {
    let mut t = Totals::default();
    for e in world.deployments.values() {
        t.deployments += 1;
        match (attention(e, world), observed_of(e, world)) {
            (true, _) | (false, Observed::Failed | Observed::Unknown) => t.failing += 1,
            (false, Observed::Running) => t.running += 1,
            (false, Observed::Transitioning) => t.transitioning += 1,
            _ => {}
        }
    }
    for o in world.operations.values() {
        match o.state {
            OpState::NeedsAttention => t.needs_attention += 1,
            _ => t.operations += 1,
        }
    }
    t
}

/// An operation.
#[must_use]
pub fn operation(o: &operation::Operation) -> Operation {
    Operation {
        operation_id: o.id.to_string(),
        parent: o.parent.as_ref().map(ToString::to_string),
        kind: o.kind,
        deployment: o.deployment_name.to_string(),
        target: o.target.to_string(),
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
                state: s.state,
                started_at: s.started_at,
                ended_at: s.ended_at,
                attempts: s.attempts,
                detail: s.detail.clone(),
            })
            .collect(),
        error: o.error.clone(),
        choices: o.choices.clone(),
        result: o.result.clone(),
    }
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
    let end = match j.our_end.as_str() {
        "SUSPEND" => OurEnd::StoppedWithSavepoint,
        "CANCEL" => OurEnd::Cancelled,
        _ => OurEnd::None,
    };
    let entry = world.by_id(&j.deployment).filter(|e| e.row.job.as_ref() == Some(&j.id));
    let state = match (entry, j.flink_state.as_deref().map(FlinkState::from_word)) {
        (Some(e), _) if j.ended_at.is_none() => e.sight.observed,
        (_, Some(state)) => observe(&JobSight::Seen { state, tasks: Default::default(), end }).0,
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
        restarts: j.restarts,
    }
}

/// A revision.
#[must_use]
pub fn revision(r: &RevisionRow) -> Revision {
    Revision {
        number: r.number,
        version_label: r.version_label.clone(),
        author: r.author.clone(),
        reason: r.reason.clone(),
        created_at: r.created_at,
        content_hash: r.content_hash.clone(),
        spec: r.spec.clone(),
        provenance: r.provenance.clone(),
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

/// Whether a kept answer belongs to this very request.
#[must_use]
pub fn is_same_request(kept: &AnswerRow, body_hash: &str) -> bool {
    kept.body_hash == body_hash
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

/// Flink's version of a deployment's target.
#[must_use]
pub fn flink_version(inner: &super::inner::Inner, e: &DeploymentEntry) -> Option<String> {
    books::flink_version(inner, &e.target())
}
