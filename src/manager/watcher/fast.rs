//! The fast lane: one live list of jobs per interval, and what changed since the last one.

use std::{collections::HashMap, sync::Arc};

use super::{
    kept,
    left::Left,
    strays,
    told::{Look, Round, publish, push, settle},
};
use crate::{
    domain::{
        deployment::{Desired, FlinkState, JobSight, OurEnd},
        event::{EventName, NewEvent, Severity},
        flink::JobSummary,
        ids::{DeploymentId, DeploymentName, Issuer, TargetName},
        options,
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
        world::{DeploymentEntry, NotedTarget, Touched, World},
    },
};

/// Slots, switches and the savepoint directory are read anew every so many rounds, and when the jobs have changed.
const OVERVIEW_ROUNDS: u64 = 5;

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
    inner.world().busy().map(|e| e.row.id.clone()).collect()
}

/// Version, slots; and after a silence what else may have changed with a new JobManager.
async fn refresh_overview(inner: &Inner, target: &TargetName, cluster: &dyn Cluster, anew: bool) {
    let overview = cluster.overview().await.ok();
    let (config, base) = if anew {
        let conf = cluster.jobmanager_config().await.ok();
        let base = conf.and_then(|c| options::savepoint_directory(&c).map(str::to_owned));
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
        let busy = world.busy().map(|e| e.row.id.clone()).collect();
        let names = here(&world, target);
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
        let unmanaged = t.sight.noted.unmanaged.clone();
        round.target = NotedTarget { reachable: Some(false), unmanaged };
        round.changes.facts.extend(kept::of_target(target, &t.sight.noted, &round.target));
        let look = Look { jobs: &HashMap::new(), strays: &all_strays, busy: &busy, now };
        for name in names {
            let Some(e) = world.deployments.get_mut(&name) else { continue };
            let sight = match &e.job {
                Some(j) if j.ended_at.is_none() => JobSight::Unreachable,
                _ => at_rest(e),
            };
            if settle(e, &sight, &look, &mut round) {
                touched.deployments.push(name);
            }
        }
    }
    publish(inner, &gate, round, touched).await;
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
        if !note_target(&world, target, &jobs, now, &mut round) {
            return;
        }
        let Some(t) = world.targets.get_mut(target) else { return };
        if t.sight.reachable != Some(true) || t.sight.jobs != jobs {
            touched.targets.push(target.clone());
            t.sight.jobs.clone_from(&jobs);
        }
        t.sight.reachable = Some(true);
        t.sight.error = None;
        t.sight.observed_at = Some(now);
        let strays = strays::all(&world);
        let mut busy = busy_then.to_vec();
        busy.extend(world.busy().map(|e| e.row.id.clone()));
        let by_id = jobs.iter().map(|j| (&j.id, j)).collect();
        let look = Look { jobs: &by_id, strays: &strays, busy: &busy, now };
        for name in here(&world, target) {
            if let Some(e) = world.deployments.get_mut(&name)
                && deployment(e, &look, &mut round)
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

/// The names of the deployments on a target.
fn here(world: &World, target: &TargetName) -> Vec<DeploymentName> {
    world.on(target).map(|e| e.row.name.clone()).collect()
}

/// Events about the target itself: it answers again, jobs came that nobody manages. False when it is gone.
fn note_target(
    world: &World,
    target: &TargetName,
    jobs: &[JobSummary],
    now: Timestamp,
    round: &mut Round,
) -> bool {
    let Some(t) = world.targets.get(target) else { return false };
    if t.sight.noted.reachable != Some(true) {
        let version = t.sight.overview.as_ref().map(|o| o.flink_version.clone()).unwrap_or_default();
        let text = format!("{target} answers, Flink {version}");
        round.changes.events.push(NewEvent::auto(now, Severity::Info, EventName::TargetReachable, text));
    }
    let is_stray = |id| t.sight.issued.get(id).is_some_and(Option::is_some);
    let unmanaged: Vec<&JobSummary> = jobs
        .iter()
        .filter(|j| !j.state.is_terminal() && world.by_job(&j.id).is_none())
        .filter(|j| j.id.issuer(&world.store_id) == Issuer::Nobody && !is_stray(&j.id))
        .collect();
    // What ran there before anybody looked is not news.
    let noted = t.sight.noted.unmanaged.as_ref();
    for j in unmanaged.iter().filter(|j| noted.is_some_and(|noted| !noted.contains(&j.id))) {
        let text = format!("a job that nobody manages runs on {target}: {} ({})", j.name, j.id);
        round.changes.events.push(NewEvent::auto(now, Severity::Info, EventName::UnmanagedJobSeen, text));
    }
    let unmanaged = unmanaged.iter().map(|j| j.id.clone()).collect();
    round.target = NotedTarget { reachable: Some(true), unmanaged: Some(unmanaged) };
    round.changes.facts.extend(kept::of_target(target, &t.sight.noted, &round.target));
    true
}

/// The newest checkpoint of a lost job is its deployment's restore point, and the newest that anybody knows of.
fn keep(inner: &Inner, left: Left, now: Timestamp, round: &mut Round) {
    let (name, mut job) = {
        let world = inner.world();
        let of_job = |e: &&DeploymentEntry| e.job.as_ref().is_some_and(|j| j.id == left.job);
        let Some(e) = world.on(&round.name).find(of_job) else { return };
        let Some(job) = e.job.clone().filter(|j| j.ended_at.is_none()) else { return };
        (e.row.name.clone(), job)
    };
    if let Some((_, noted)) = round.noted.iter_mut().find(|(n, _)| *n == name) {
        noted.left = Some(left.job);
    }
    let Some(checkpoint) = left.checkpoint else { return };
    job.last_checkpoint = Some(checkpoint.clone());
    if let Some(sp) = books::checkpoint_row(inner, &job, checkpoint) {
        enter(inner, sp, now, &mut round.changes);
    }
    round.changes.jobs.push(job);
}

fn enter(inner: &Inner, sp: Savepoint, now: Timestamp, changes: &mut Changes) {
    let text = format!("the job left a checkpoint: {}", sp.location.clone().unwrap_or_default());
    let mut event = NewEvent::auto(now, Severity::Info, EventName::SavepointRegistered, text);
    if let Some(name) = inner.world().names.get(&sp.deployment) {
        event = event.about(&sp.deployment, name);
    }
    changes.events.push(event);
    changes.savepoints.push(sp);
}

/// One deployment against the list; true when something that faces show has changed.
fn deployment(e: &mut DeploymentEntry, look: &Look<'_>, round: &mut Round) -> bool {
    let Some(job) = e.job.clone() else {
        let sight = at_rest(e);
        return settle(e, &sight, look, round);
    };
    // A list that was asked for while an operation was at work may be older than the end that it has recorded.
    let is_old = |s: &JobSummary| job.ended_at.is_some() && !s.state.is_terminal() && look.is_busy(e);
    let summary = look.jobs.get(&job.flink).filter(|s| !is_old(s)).map(|s| (*s).clone());
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
