//! The fast lane: one live list of jobs per interval, and what changed since the last one.

use std::sync::Arc;

use super::left::Left;
use crate::{
    domain::{
        deployment::{
            Condition, ConditionStatus, ConditionType, FlinkState, JobSight, Observed, OurEnd, observe,
        },
        event::{EventName, NewEvent, Severity},
        flink::JobSummary,
        ids::{Issuer, TargetName},
        savepoint::Savepoint,
        time::Timestamp,
    },
    manager::{
        books,
        inner::Inner,
        ports::{
            cluster::{Cluster, ClusterError},
            store::{Changes, JobRow},
        },
        world::{DeploymentEntry, Touched},
    },
};

/// Slots, switches and the savepoint directory are read anew every so many rounds, and when the jobs have changed.
const OVERVIEW_ROUNDS: u64 = 5;
/// Restarts are counted over this long.
const UNSTABLE_WINDOW_SECONDS: u64 = 600;

/// One look; true when the cluster answered.
pub async fn look(inner: &Arc<Inner>, target: &TargetName, rounds: u64) -> bool {
    let cluster = match inner.world().targets.get(target) {
        Some(t) => t.cluster.clone(),
        None => return false,
    };
    let cluster = match cluster {
        Ok(c) => c,
        Err(e) => {
            unreachable(inner, target, &e).await;
            return false;
        }
    };
    match cluster.jobs().await {
        Ok(jobs) => {
            let (was, changed) = match inner.world().targets.get(target) {
                Some(t) => (t.sight.reachable, t.sight.jobs != jobs.items),
                None => return false,
            };
            // A job that came or went has taken or left slots.
            if was != Some(true) || changed || rounds.is_multiple_of(OVERVIEW_ROUNDS) {
                refresh_overview(inner, target, &*cluster, was != Some(true)).await;
            }
            let left = super::left::look(inner, target, &jobs.items).await;
            reachable(inner, target, jobs.items, was, left).await;
            true
        }
        Err(e) => {
            unreachable(inner, target, &e).await;
            false
        }
    }
}

/// Version, slots; and after a silence what else may have changed with a new JobManager.
async fn refresh_overview(inner: &Inner, target: &TargetName, cluster: &dyn Cluster, anew: bool) {
    let overview = cluster.overview().await.ok();
    let (config, base) = if anew {
        let keys = ["execution.checkpointing.savepoint-dir", "state.savepoints.dir"];
        let conf = cluster.jobmanager_config().await.ok();
        let base = conf.and_then(|c| keys.iter().find_map(|k| c.get(*k).cloned()));
        (cluster.config().await.ok(), Some(base))
    } else {
        (None, None)
    };
    let mut world = inner.world_mut();
    let Some(t) = world.targets.get_mut(target) else { return };
    t.sight.overview = overview.or(t.sight.overview.take());
    t.sight.config = config.or(t.sight.config.take());
    if let Some(base) = base {
        t.sight.savepoint_base = base;
    }
}

async fn unreachable(inner: &Arc<Inner>, target: &TargetName, error: &ClusterError) {
    let gate = inner.gate().await;
    let now = inner.now();
    let mut changes = Changes::default();
    let mut touched = Touched { targets: vec![target.clone()], ..Touched::default() };
    {
        let mut world = inner.world_mut();
        let Some(t) = world.targets.get_mut(target) else { return };
        let was = t.sight.reachable.replace(false);
        t.sight.error = Some(error.message.clone());
        if was != Some(false) {
            let text = format!("{target}: {}", error.message);
            changes.events.push(NewEvent::auto(now, Severity::Warn, EventName::TargetUnreachable, text));
        } else {
            touched.targets.clear();
        }
        for e in world.deployments.values_mut().filter(|e| e.target() == *target) {
            let sight = match &e.job {
                Some(j) if j.ended_at.is_none() => JobSight::Unreachable,
                _ => at_rest(e),
            };
            if settle(e, &sight, now, &mut changes) {
                touched.deployments.push(e.row.name.clone());
            }
        }
    }
    publish(inner, &gate, changes, touched).await;
}

/// The sight of a deployment whose last job has ended, or that never had one.
fn at_rest(e: &DeploymentEntry) -> JobSight {
    use crate::domain::deployment::Desired;
    match &e.job {
        // A start that did not hold was cancelled by its operation; the deployment is as suspended as before.
        Some(j)
            if j.ended_at.is_some()
                && j.our_end == OurEnd::Cancelled
                && e.row.desired == Desired::Suspended =>
        {
            JobSight::NoJob(Desired::Suspended)
        }
        Some(j) if j.flink_state.as_deref().is_some_and(|s| FlinkState::from_word(s).is_terminal()) => {
            JobSight::Seen {
                state: FlinkState::from_word(j.flink_state.as_deref().unwrap_or_default()),
                tasks: Default::default(),
                end: j.our_end,
            }
        }
        Some(j) if j.our_end == OurEnd::StoppedWithSavepoint => JobSight::NoJob(Desired::Suspended),
        _ => JobSight::NoJob(e.row.desired),
    }
}

async fn reachable(
    inner: &Arc<Inner>,
    target: &TargetName,
    jobs: Vec<JobSummary>,
    was: Option<bool>,
    left: Vec<Left>,
) {
    let gate = inner.gate().await;
    let now = inner.now();
    let mut changes = Changes::default();
    let mut touched = Touched::default();
    {
        let mut world = inner.world_mut();
        let store = world.store_id.clone();
        let known: Vec<_> =
            world.deployments.values().filter_map(|e| e.job.as_ref().map(|j| j.flink.clone())).collect();
        let Some(t) = world.targets.get_mut(target) else { return };
        if was != Some(true) {
            let version = t.sight.overview.as_ref().map(|o| o.flink_version.clone()).unwrap_or_default();
            let text = format!("{target} answers, Flink {version}");
            changes.events.push(NewEvent::auto(now, Severity::Info, EventName::TargetReachable, text));
        }
        let fresh = jobs.iter().filter(|j| !j.state.is_terminal() && !known.contains(&j.id)).filter(|j| {
            was.is_some()
                && j.id.issuer(&store) == Issuer::Nobody
                && !t.sight.jobs.iter().any(|o| o.id == j.id)
        });
        for j in fresh {
            let text = format!("a job that nobody manages runs on {target}: {} ({})", j.name, j.id);
            changes.events.push(NewEvent::auto(now, Severity::Info, EventName::UnmanagedJobSeen, text));
        }
        if was != Some(true) || t.sight.jobs != jobs {
            touched.targets.push(target.clone());
        }
        t.sight.reachable = Some(true);
        t.sight.error = None;
        t.sight.observed_at = Some(now);
        t.sight.jobs.clone_from(&jobs);
        let names: Vec<_> = world
            .deployments
            .values()
            .filter(|e| e.target() == *target)
            .map(|e| e.row.name.clone())
            .collect();
        for name in names {
            if let Some(e) = world.deployments.get_mut(&name)
                && deployment(e, &jobs, now, &mut changes)
            {
                touched.deployments.push(name);
            }
        }
    }
    // Checkpoints that outlive a job which just ended are restore points.
    let ended: Vec<JobRow> = changes.jobs.iter().filter(|j| j.ended_at == Some(now)).cloned().collect();
    for job in ended {
        if let Some(sp) = books::retained_checkpoint(inner, &job) {
            enter(inner, sp, now, &mut changes);
        }
    }
    for left in left {
        keep(inner, left, now, &mut changes);
    }
    publish(inner, &gate, changes, touched).await;
}

/// The newest checkpoint of a lost job is its deployment's restore point, and the newest that anybody knows of.
fn keep(inner: &Inner, left: Left, now: Timestamp, changes: &mut Changes) {
    let Some(checkpoint) = left.checkpoint else { return };
    let job = {
        let mut world = inner.world_mut();
        let of_job = |e: &&mut DeploymentEntry| e.job.as_ref().is_some_and(|j| j.id == left.job);
        let Some(e) = world.deployments.values_mut().find(of_job) else { return };
        let Some(job) = e.job.as_mut().filter(|j| j.ended_at.is_none()) else { return };
        job.last_checkpoint = serde_json::to_value(&checkpoint).ok();
        job.clone()
    };
    if let Some(sp) = books::checkpoint_row(inner, &job, checkpoint) {
        enter(inner, sp, now, changes);
    }
    changes.jobs.push(job);
}

fn enter(inner: &Inner, sp: Savepoint, now: Timestamp, changes: &mut Changes) {
    let text = format!("the job left a checkpoint: {}", sp.location.clone().unwrap_or_default());
    let mut event = NewEvent::auto(now, Severity::Info, EventName::SavepointRegistered, text);
    event.deployment = Some(sp.deployment.clone());
    event.deployment_name = inner.world().names.get(&sp.deployment).map(ToString::to_string);
    changes.events.push(event);
    changes.savepoints.push(sp);
}

async fn publish(inner: &Inner, gate: &crate::manager::inner::Gate<'_>, changes: Changes, touched: Touched) {
    if changes == Changes::default() {
        if touched != Touched::default() {
            inner.touched(&touched);
        }
    } else {
        if let Err(e) = inner.commit(gate, changes).await {
            tracing::warn!(error = %e, "what was seen could not be written; it is seen again");
        }
        inner.touched(&touched);
    }
}

/// One deployment against the list; true when something that faces show has changed.
fn deployment(e: &mut DeploymentEntry, jobs: &[JobSummary], now: Timestamp, changes: &mut Changes) -> bool {
    let Some(job) = e.job.clone() else {
        let sight = at_rest(e);
        return settle(e, &sight, now, changes);
    };
    let summary = jobs.iter().find(|j| j.id == job.flink).cloned();
    let changed = e.sight.summary != summary;
    let sight = match &summary {
        Some(s) if s.state.is_terminal() && job.ended_at.is_some() => at_rest(e),
        Some(s) => {
            follow(e, &job, s, now, changes);
            JobSight::Seen { state: s.state.clone(), tasks: s.tasks, end: job.our_end }
        }
        None if job.ended_at.is_some() => at_rest(e),
        None => JobSight::Absent,
    };
    e.sight.summary = summary;
    settle(e, &sight, now, changes) || changed
}

/// Notes a change of the job's state in its row and in the log.
fn follow(e: &mut DeploymentEntry, job: &JobRow, s: &JobSummary, now: Timestamp, changes: &mut Changes) {
    let mut row = job.clone();
    let word = s.state.as_str();
    let state_changed = row.flink_state.as_deref() != Some(word);
    let revived = row.ended_at.is_some() && !s.state.is_terminal();
    let failed_over = row.seen_at.is_some()
        && row.started_at.is_some_and(|t| t != s.start_time)
        && !s.state.is_terminal()
        && e.sight.summary.is_some();
    if s.state == FlinkState::Restarting
        && e.sight.summary.as_ref().is_some_and(|o| o.state != FlinkState::Restarting)
    {
        e.sight.restarts.push_back(now);
        push(
            e,
            changes,
            now,
            Severity::Warn,
            EventName::JobRestarted,
            format!("Flink restarts job {}", job.flink.short()),
        );
    }
    if failed_over {
        push(
            e,
            changes,
            now,
            Severity::Warn,
            EventName::JobRestarted,
            format!("job {} has a new start time: the JobManager failed over", job.flink.short()),
        );
    }
    if revived {
        row.ended_at = None;
        push(
            e,
            changes,
            now,
            Severity::Error,
            EventName::JobRevived,
            format!("job {} had ended and lives again", job.flink),
        );
    }
    // While an operation is at work its own steps write the end of the job.
    let busy = e.operation.is_some();
    if state_changed && !(busy && s.state.is_terminal()) {
        let severity = if s.state == FlinkState::Failed { Severity::Error } else { Severity::Info };
        push(
            e,
            changes,
            now,
            severity,
            EventName::JobStateChanged,
            format!("job {} is {word}", job.flink.short()),
        );
        row.flink_state = Some(word.to_owned());
        if s.state.is_terminal() {
            row.ended_at.get_or_insert(now);
        }
    }
    row.started_at = Some(s.start_time);
    if row.seen_at.is_none() {
        row.seen_at = Some(now);
    }
    if row != *job {
        e.job = Some(row.clone());
        changes.jobs.push(row);
    }
}

fn push(
    e: &DeploymentEntry,
    changes: &mut Changes,
    now: Timestamp,
    severity: Severity,
    name: EventName,
    text: String,
) {
    changes.events.push(about(e, NewEvent::auto(now, severity, name, text)));
}

/// Puts the deployment into an event.
pub(super) fn about(e: &DeploymentEntry, event: NewEvent) -> NewEvent {
    NewEvent {
        application: Some(e.row.name.app().to_owned()),
        deployment: Some(e.row.id.clone()),
        deployment_name: Some(e.row.name.to_string()),
        job: e.row.job.clone(),
        ..event
    }
}

/// Takes over observed state and conditions; every change of a condition is an event.
fn settle(e: &mut DeploymentEntry, sight: &JobSight, now: Timestamp, changes: &mut Changes) -> bool {
    let (observed, mut holds) = observe(sight);
    while e.sight.restarts.front().is_some_and(|t| now.seconds_since(*t) > UNSTABLE_WINDOW_SECONDS) {
        e.sight.restarts.pop_front();
    }
    if e.sight.restarts.len() >= 3 {
        holds.push((
            ConditionType::JobUnstable,
            format!("{} restarts in ten minutes", e.sight.restarts.len()),
        ));
    }
    if observed == Observed::Running
        && let Some(reason) = super::slow::stale(e, now)
    {
        holds.push((ConditionType::CheckpointStale, reason));
    }
    let live = matches!(sight, JobSight::Seen { state, .. } if !state.is_terminal());
    if live && e.row.desired != crate::domain::deployment::Desired::Running && e.operation.is_none() {
        holds.push((ConditionType::JobRevived, format!("a job lives although {} is wanted", e.row.desired)));
    }
    let before = e.sight.conditions.clone();
    let next: Vec<Condition> = holds
        .into_iter()
        .map(|(kind, reason)| {
            let since = before.iter().find(|c| c.kind == kind).map_or(now, |c| c.since);
            Condition { kind, status: ConditionStatus::True, since, reason }
        })
        .collect();
    // The act of an operation is not a condition worth a line.
    if e.operation.is_none() {
        for c in next.iter().filter(|c| !before.iter().any(|b| b.kind == c.kind)) {
            let (severity, name) = match c.kind {
                ConditionType::JobLost => (Severity::Error, EventName::JobLost),
                _ => (Severity::Warn, EventName::ConditionChanged),
            };
            push(e, changes, now, severity, name, format!("{}: {}", c.kind, c.reason));
        }
        for c in before.iter().filter(|c| !next.iter().any(|n| n.kind == c.kind)) {
            push(
                e,
                changes,
                now,
                Severity::Info,
                EventName::ConditionChanged,
                format!("{} no longer holds", c.kind),
            );
        }
    }
    let changed = e.sight.observed != observed || before != next;
    e.sight.observed = observed;
    if !matches!(sight, JobSight::Unreachable) {
        e.sight.observed_at = Some(now);
    }
    e.sight.conditions = next;
    changed
}
