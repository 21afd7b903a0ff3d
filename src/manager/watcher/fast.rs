//! The fast lane: one live list of jobs per interval, and what changed since the last one.

use std::{collections::HashMap, sync::Arc};

use super::{left::Left, strays};
use crate::{
    domain::{
        deployment::{
            Condition, ConditionStatus, ConditionType, Desired, FlinkState, JobSight, Observed, OurEnd,
            observe,
        },
        event::{EventName, NewEvent, Severity},
        flink::JobSummary,
        ids::{DeploymentId, DeploymentName, FlinkJobId, Issuer, TargetName},
        savepoint::Savepoint,
        time::Timestamp,
    },
    manager::{
        books,
        inner::{Gate, Inner},
        ports::{
            cluster::{Cluster, ClusterError},
            store::{Changes, JobRow},
        },
        world::{DeploymentEntry, Noted, NotedTarget, Touched},
    },
};

/// Slots, switches and the savepoint directory are read anew every so many rounds, and when the jobs have changed.
const OVERVIEW_ROUNDS: u64 = 5;
/// Restarts are counted over this long.
pub(super) const UNSTABLE_WINDOW_SECONDS: u64 = 600;

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
    // What an operation has done by the time of the answer is not in the list.
    let busy = busy(inner);
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
            strays::look_up(inner, target, &jobs.items).await;
            let left = super::left::look(inner, target, &jobs.items).await;
            reachable(inner, target, jobs.items, &busy, left).await;
            true
        }
        Err(e) => {
            unreachable(inner, target, &e).await;
            false
        }
    }
}

/// The deployments on which an operation is at work.
fn busy(inner: &Inner) -> Vec<DeploymentId> {
    let world = inner.world();
    world.deployments.values().filter(|e| world.is_busy(e)).map(|e| e.row.id.clone()).collect()
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
    let mut round = Round::new(target);
    let mut touched = Touched::default();
    {
        let mut world = inner.world_mut();
        let all_strays = strays::all(&world);
        let busy =
            world.deployments.values().filter(|e| world.is_busy(e)).map(|e| e.row.id.clone()).collect();
        let Some(t) = world.targets.get_mut(target) else { return };
        if t.sight.reachable.replace(false) != Some(false) {
            touched.targets.push(target.clone());
        }
        t.sight.error = Some(error.message.clone());
        if t.sight.noted.reachable != Some(false) {
            let text = format!("{target}: {}", error.message);
            round.changes.events.push(NewEvent::auto(
                now,
                Severity::Warn,
                EventName::TargetUnreachable,
                text,
            ));
        }
        round.target = NotedTarget { reachable: Some(false), jobs: t.sight.noted.jobs.clone() };
        let look = Look { strays: &all_strays, busy: &busy, now };
        for e in world.deployments.values_mut().filter(|e| e.target() == *target) {
            let sight = match &e.job {
                Some(j) if j.ended_at.is_none() => JobSight::Unreachable,
                _ => at_rest(e),
            };
            if settle(e, &sight, &look, &mut round) {
                touched.deployments.push(e.row.name.clone());
            }
        }
    }
    publish(inner, &gate, round, touched).await;
}

/// One round's findings: what is to be written, and what the log has afterwards.
struct Round {
    name: TargetName,
    changes: Changes,
    target: NotedTarget,
    noted: Vec<(DeploymentName, Noted)>,
}

impl Round {
    fn new(name: &TargetName) -> Self {
        Self {
            name: name.clone(),
            changes: Changes::default(),
            target: NotedTarget::default(),
            noted: vec![],
        }
    }
}

/// What one round knows beside the list of jobs.
struct Look<'a> {
    strays: &'a HashMap<DeploymentId, Vec<FlinkJobId>>,
    /// Deployments on which an operation was at work when the list was asked for, or is now.
    busy: &'a Vec<DeploymentId>,
    now: Timestamp,
}

impl Look<'_> {
    fn is_busy(&self, e: &DeploymentEntry) -> bool {
        self.busy.contains(&e.row.id)
    }
}

/// The sight of a deployment whose last job has ended, or that never had one.
fn at_rest(e: &DeploymentEntry) -> JobSight {
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
    busy_then: &[DeploymentId],
    left: Vec<Left>,
) {
    let gate = inner.gate().await;
    let now = inner.now();
    let mut round = Round::new(target);
    let mut touched = Touched::default();
    {
        let mut world = inner.world_mut();
        let known: Vec<_> =
            world.deployments.values().filter_map(|e| e.job.as_ref().map(|j| j.flink.clone())).collect();
        let store = world.store_id.clone();
        let Some(t) = world.targets.get_mut(target) else { return };
        if t.sight.noted.reachable != Some(true) {
            let version = t.sight.overview.as_ref().map(|o| o.flink_version.clone()).unwrap_or_default();
            let text = format!("{target} answers, Flink {version}");
            round.changes.events.push(NewEvent::auto(now, Severity::Info, EventName::TargetReachable, text));
        }
        let listed: Vec<FlinkJobId> = jobs.iter().map(|j| j.id.clone()).collect();
        let is_stray = |id| t.sight.issued.get(id).is_some_and(Option::is_some);
        let fresh = jobs.iter().filter(|j| !j.state.is_terminal() && !known.contains(&j.id)).filter(|j| {
            t.sight.noted.jobs.as_ref().is_some_and(|noted| !noted.contains(&j.id))
                && j.id.issuer(&store) == Issuer::Nobody
                && !is_stray(&j.id)
        });
        for j in fresh {
            let text = format!("a job that nobody manages runs on {target}: {} ({})", j.name, j.id);
            round.changes.events.push(NewEvent::auto(now, Severity::Info, EventName::UnmanagedJobSeen, text));
        }
        round.target = NotedTarget { reachable: Some(true), jobs: Some(listed) };
        if t.sight.reachable != Some(true) || t.sight.jobs != jobs {
            touched.targets.push(target.clone());
        }
        t.sight.reachable = Some(true);
        t.sight.error = None;
        t.sight.observed_at = Some(now);
        t.sight.jobs.clone_from(&jobs);
        let strays = strays::all(&world);
        let mut busy = busy_then.to_vec();
        let mut names = Vec::new();
        for e in world.deployments.values() {
            if world.is_busy(e) {
                busy.push(e.row.id.clone());
            }
            if e.target() == *target {
                names.push(e.row.name.clone());
            }
        }
        let look = Look { strays: &strays, busy: &busy, now };
        for name in names {
            if let Some(e) = world.deployments.get_mut(&name)
                && deployment(e, &jobs, &look, &mut round)
            {
                touched.deployments.push(name);
            }
        }
    }
    // Checkpoints that outlive a job which just ended are restore points.
    let ended: Vec<JobRow> = round.changes.jobs.iter().filter(|j| j.ended_at == Some(now)).cloned().collect();
    for job in ended {
        if let Some(sp) = books::retained_checkpoint(inner, &job) {
            enter(inner, sp, now, &mut round.changes);
        }
    }
    for left in left {
        keep(inner, left, now, &mut round);
    }
    publish(inner, &gate, round, touched).await;
}

/// The newest checkpoint of a lost job is its deployment's restore point, and the newest that anybody knows of.
fn keep(inner: &Inner, left: Left, now: Timestamp, round: &mut Round) {
    let (name, mut job) = {
        let world = inner.world();
        let of_job = |e: &&DeploymentEntry| e.job.as_ref().is_some_and(|j| j.id == left.job);
        let Some(e) = world.deployments.values().find(of_job) else { return };
        let Some(job) = e.job.clone().filter(|j| j.ended_at.is_none()) else { return };
        (e.row.name.clone(), job)
    };
    if let Some((_, noted)) = round.noted.iter_mut().find(|(n, _)| *n == name) {
        noted.left = Some(left.job);
    }
    let Some(checkpoint) = left.checkpoint else { return };
    job.last_checkpoint = serde_json::to_value(&checkpoint).ok();
    if let Some(sp) = books::checkpoint_row(inner, &job, checkpoint) {
        enter(inner, sp, now, &mut round.changes);
    }
    round.changes.jobs.push(job);
}

fn enter(inner: &Inner, sp: Savepoint, now: Timestamp, changes: &mut Changes) {
    let text = format!("the job left a checkpoint: {}", sp.location.clone().unwrap_or_default());
    let mut event = NewEvent::auto(now, Severity::Info, EventName::SavepointRegistered, text);
    event.deployment = Some(sp.deployment.clone());
    event.deployment_name = inner.world().names.get(&sp.deployment).map(ToString::to_string);
    changes.events.push(event);
    changes.savepoints.push(sp);
}

/// Commits what was found, and only then takes it as told: what could not be written is found again in the next round.
async fn publish(inner: &Inner, gate: &Gate<'_>, round: Round, touched: Touched) {
    let Round { name, changes, target, noted } = round;
    if changes != Changes::default()
        && let Err(e) = inner.commit(gate, changes).await
    {
        tracing::warn!(error = %e, "what was seen could not be written; it is found again");
        inner.touched(&touched);
        return;
    }
    {
        let mut world = inner.world_mut();
        if let Some(t) = world.targets.get_mut(&name) {
            t.sight.noted = target;
        }
        for (name, noted) in noted {
            if let Some(e) = world.deployments.get_mut(&name) {
                e.sight.noted = noted;
            }
        }
    }
    if touched != Touched::default() {
        inner.touched(&touched);
    }
}

/// One deployment against the list; true when something that faces show has changed.
fn deployment(e: &mut DeploymentEntry, jobs: &[JobSummary], look: &Look<'_>, round: &mut Round) -> bool {
    let Some(job) = e.job.clone() else {
        let sight = at_rest(e);
        return settle(e, &sight, look, round);
    };
    // A list that was asked for while an operation was at work may be older than the end that it has recorded.
    let is_old = |s: &JobSummary| job.ended_at.is_some() && !s.state.is_terminal() && look.is_busy(e);
    let summary = jobs.iter().find(|j| j.id == job.flink).filter(|s| !is_old(s)).cloned();
    let changed = e.sight.summary != summary;
    let sight = match &summary {
        Some(s) if s.state.is_terminal() && job.ended_at.is_some() => at_rest(e),
        Some(s) => {
            follow(e, &job, s, look, &mut round.changes);
            JobSight::Seen { state: s.state.clone(), tasks: s.tasks, end: job.our_end }
        }
        None if job.ended_at.is_some() => at_rest(e),
        None => JobSight::Absent,
    };
    e.sight.summary = summary;
    settle(e, &sight, look, round) || changed
}

/// Notes a change of the job's state in its row and in the log. The row in memory follows with the commit.
fn follow(e: &mut DeploymentEntry, job: &JobRow, s: &JobSummary, look: &Look<'_>, changes: &mut Changes) {
    let now = look.now;
    let mut row = job.clone();
    let word = s.state.as_str();
    let state_changed = row.flink_state.as_deref() != Some(word);
    let revived = row.ended_at.is_some() && !s.state.is_terminal();
    let failed_over = row.seen_at.is_some()
        && row.started_at.is_some_and(|t| t != s.start_time)
        && !s.state.is_terminal()
        && e.sight.noted.state.is_some();
    if s.state == FlinkState::Restarting
        && e.sight.noted.state.as_ref().is_some_and(|o| *o != FlinkState::Restarting)
    {
        if e.sight.summary.as_ref().is_some_and(|o| o.state != FlinkState::Restarting) {
            e.sight.restarts.push_back(now);
            e.sight.restarts_told += 1;
        }
        let text = format!("Flink restarts job {}", job.flink.short());
        push(e, changes, now, Severity::Warn, EventName::JobRestarted, text);
    }
    if failed_over {
        let text = format!("job {} has a new start time: the JobManager failed over", job.flink.short());
        push(e, changes, now, Severity::Warn, EventName::JobRestarted, text);
    }
    if revived {
        row.ended_at = None;
        let text = format!("job {} had ended and lives again", job.flink);
        push(e, changes, now, Severity::Error, EventName::JobRevived, text);
    }
    // While an operation is at work its own steps write the end of the job.
    let busy = e.operation.is_some();
    if state_changed && !(busy && s.state.is_terminal()) {
        let severity = if s.state == FlinkState::Failed { Severity::Error } else { Severity::Info };
        let text = format!("job {} is {word}", job.flink.short());
        push(e, changes, now, severity, EventName::JobStateChanged, text);
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
pub fn about(e: &DeploymentEntry, event: NewEvent) -> NewEvent {
    NewEvent {
        application: Some(e.row.name.app().to_owned()),
        deployment: Some(e.row.id.clone()),
        deployment_name: Some(e.row.name.to_string()),
        job: e.row.job.clone(),
        ..event
    }
}

/// Takes over observed state and conditions; every change of a condition is an event.
fn settle(e: &mut DeploymentEntry, sight: &JobSight, look: &Look<'_>, round: &mut Round) -> bool {
    let now = look.now;
    let (observed, mut holds) = observe(sight);
    // The act of an operation is not a condition worth a line; one that outlasts it, or waits for a person, is.
    let busy = look.is_busy(e);
    let strays = look.strays.get(&e.row.id).cloned().filter(|_| !busy).unwrap_or_default();
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
    if let Some(stray) = strays.first() {
        holds.push((
            ConditionType::JobRevived,
            format!("job {stray} of it lives beside the one in the books"),
        ));
    } else if live && e.row.desired != Desired::Running && !busy && e.operation.is_none() {
        holds.push((ConditionType::JobRevived, format!("a job lives although {} is wanted", e.row.desired)));
    }
    let before = std::mem::take(&mut e.sight.conditions);
    let next: Vec<Condition> = holds
        .into_iter()
        .map(|(kind, reason)| {
            let since = before.iter().find(|c| c.kind == kind).map_or(now, |c| c.since);
            Condition { kind, status: ConditionStatus::True, since, reason }
        })
        .collect();
    let mut noted = e.sight.noted.clone();
    noted.state = e.sight.summary.as_ref().map(|s| s.state.clone());
    if !matches!(sight, JobSight::Absent | JobSight::Unreachable) {
        noted.left = None;
    }
    if !busy {
        note_conditions(e, &next, &mut noted, now, &mut round.changes);
        note_strays(e, strays, &mut noted, now, &mut round.changes);
    }
    round.noted.push((e.row.name.clone(), noted));
    let changed = e.sight.observed != observed || before != next;
    e.sight.observed = observed;
    if !matches!(sight, JobSight::Unreachable) {
        e.sight.observed_at = Some(now);
    }
    e.sight.conditions = next;
    changed
}

/// An event for each condition that the log does not have yet, and for each that holds no longer.
fn note_conditions(
    e: &DeploymentEntry,
    next: &[Condition],
    noted: &mut Noted,
    now: Timestamp,
    changes: &mut Changes,
) {
    for c in next.iter().filter(|c| !noted.conditions.contains(&c.kind)) {
        let (severity, name) = match c.kind {
            ConditionType::JobLost => (Severity::Error, EventName::JobLost),
            _ => (Severity::Warn, EventName::ConditionChanged),
        };
        push(e, changes, now, severity, name, format!("{}: {}", c.kind, c.reason));
    }
    for kind in noted.conditions.iter().filter(|kind| !next.iter().any(|n| n.kind == **kind)) {
        let text = format!("{kind} no longer holds");
        push(e, changes, now, Severity::Info, EventName::ConditionChanged, text);
    }
    noted.conditions = next.iter().map(|c| c.kind).collect();
}

/// A live job of ours that nobody follows may write beside the one that everybody looks at.
fn note_strays(
    e: &DeploymentEntry,
    strays: Vec<FlinkJobId>,
    noted: &mut Noted,
    now: Timestamp,
    changes: &mut Changes,
) {
    for job in strays.iter().filter(|job| !noted.strays.contains(job)) {
        let text =
            format!("job {job} was issued to {} and lives, though it is not its job any more", e.row.name);
        push(e, changes, now, Severity::Error, EventName::JobRevived, text);
    }
    noted.strays = strays;
}
