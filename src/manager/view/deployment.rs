//! Deployments: their one word, in full, as a slim row, and all of them counted.

use super::{
    history::{restored_from, way_back},
    restore::{checkpoint, live_checkpoint, next_restore_point},
};
use crate::{
    contract::{
        model::{Application, Deployment, DeploymentJob, DeploymentOperation, Drift, OverriddenValue, Tasks},
        watch::{Row, Totals},
    },
    domain::{
        deployment::{Condition, ConditionStatus, ConditionType, Health, Observed, health},
        operation::{self, Kind, OpState},
        overridden::{RunsWith, overridden},
        restore::{self},
        spec,
        time::Timestamp,
    },
    manager::{
        ports::store::JobRow,
        world::{DeploymentEntry, World},
    },
};

/// An application with its worst child's health.
#[must_use]
pub fn application(name: &str, world: &World) -> Option<Application> {
    let row = world.applications.get(name)?;
    let children: Vec<&DeploymentEntry> = world.of_application(name).collect();
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

/// What was seen, and drift: it can be no older than the revision that it is a difference to.
///
/// Drift of the spec is shown and does not count against the deployment's health: nothing is wrong with its job.
fn conditions_of(e: &DeploymentEntry, drift: Option<&Drift>) -> Vec<Condition> {
    let mut all = e.sight.conditions.clone();
    let known = all.iter().any(|c| c.kind == ConditionType::Drifted);
    if let Some(d) = drift.filter(|_| !known) {
        all.push(Condition {
            kind: ConditionType::Drifted,
            status: ConditionStatus::True,
            since: drifted_since(e, d),
            reason: d.summary.clone(),
        });
    }
    all
}

/// A spec drifts from its revision on; a state from the end of the job that it was asked for.
fn drifted_since(e: &DeploymentEntry, d: &Drift) -> Timestamp {
    let ended = e.job.as_ref().and_then(|j| j.ended_at).filter(|_| d.differences.is_empty());
    let revision = e.revision.as_ref().map_or(e.row.created_at, |r| r.created_at);
    ended.unwrap_or(revision)
}

/// The deployment's one word.
#[must_use]
pub fn health_of(e: &DeploymentEntry, world: &World) -> Health {
    health(e.row.desired, observed_of(e, world), &e.sight.conditions, attention(e, world))
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
        parts.push(format!("the manifest says {s}, and {} is what was asked for last", e.row.desired));
    }
    Some(Drift { summary: parts.join("; "), differences })
}

/// The operation at work, for a row.
#[must_use]
pub fn row_operation(o: &operation::Operation) -> DeploymentOperation {
    let current = o.current();
    let count = u32::try_from(o.steps.len()).unwrap_or(u32::MAX);
    DeploymentOperation {
        operation_id: o.id.to_string(),
        kind: o.kind,
        state: o.state,
        step_number: current.map_or(count, |c| c.n),
        step_count: count,
        step_name: current.map(|c| c.act.name()),
        step_title: current.map(|c| operation::recipe::title(&c.act, &o.plan)),
        step_detail: current.map(|c| c.detail.clone()).filter(|d| !d.is_empty()),
        goes_back: way_back(o).is_some(),
        started_at: o.started_at,
    }
}

/// A deployment in full.
#[must_use]
pub fn deployment(e: &DeploymentEntry, world: &World, now: Timestamp) -> Deployment {
    let target = e.target();
    let t = world.targets.get(&target);
    let live = e.is_seen_alive();
    let drift = drift(e, world);
    let conditions = conditions_of(e, drift.as_ref());
    let (crash, end) = restore::loss_windows(e.own_savepoints(), live_checkpoint(e));
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
        health: health_of(e, world),
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
        overridden: overridden_of(e, live),
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

/// What the live job runs with instead of what the revision says that it runs.
fn overridden_of(e: &DeploymentEntry, live: bool) -> Vec<OverriddenValue> {
    let runs_it =
        live && e.job.as_ref().is_some_and(|j| j.revision.is_some() && j.revision == e.row.revision);
    let Some(spec) = e.spec.as_ref().filter(|_| runs_it) else { return vec![] };
    let runs = RunsWith { checkpoints: e.sight.checkpoint_config.as_ref(), parallelism: e.sight.parallelism };
    let found = overridden(spec, runs);
    found.into_iter().map(|o| OverriddenValue { path: o.path, runs_with: o.runs }).collect()
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
