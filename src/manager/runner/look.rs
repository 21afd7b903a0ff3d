//! Gathers the evidence for one step: only what its judge needs, and what only several looks together can tell.

use std::{collections::BTreeSet, time::Duration};

use super::send::{cluster_of, directory, jar_name};
use crate::{
    domain::{
        flink::{AsyncStatus, CheckpointConfig, JobSummary},
        ids::{FlinkJobId, Hex32, TargetName},
        operation::{
            Act, JobRef, Operation, Step,
            evidence::{Answer, Child, Evidence, Sight},
        },
        options,
        target::{SavepointAccess, TargetSpec},
        time::Timestamp,
    },
    manager::{
        inner::Inner,
        ports::{
            SavepointChild,
            cluster::{Cluster, ExceptionView},
        },
    },
};

/// What is remembered between two looks at the same attempt. It is lost with the process and built again.
#[derive(Debug, Default, Clone)]
pub struct Memory {
    /// The attempt's answer, if this process saw it.
    pub answer: Option<Answer>,
    silent_since: Option<Duration>,
    absent_since: Option<Duration>,
    terminal_since: Option<Duration>,
    running_since: Option<(Duration, Timestamp)>,
    unexplained_since: Option<Duration>,
}

/// One look.
pub async fn look(inner: &Inner, op: &Operation, step: &Step, memory: &mut Memory) -> Evidence {
    let mut ev = Evidence { answer: memory.answer.clone(), ..Evidence::default() };
    if let Act::AwaitSuperseded { operation } = &step.act {
        ev.superseded = super::collect::open(inner, operation).await;
        return ev;
    }
    let now = inner.deps.clock.boottime();
    let Ok((cluster, target)) = cluster_of(inner, &op.target) else {
        ev.job = Sight::Unreachable(since(&mut memory.silent_since, now));
        return ev;
    };
    let cluster = cluster.for_operation();
    if let Some(job) = job_of(op, step) {
        ev.job = sight(&*cluster, &job, memory, now).await;
    }
    match &step.act {
        Act::UploadJar { sha, .. } => {
            let name = jar_name(sha);
            let jars = cluster.jars().await.ok();
            ev.jar = jars.map(|jars| jars.into_iter().filter(|j| j.name == name).map(|j| j.id).collect());
        }
        Act::TriggerSavepoint { job } | Act::StopWithSavepoint { job } => {
            snapshot_evidence(inner, op, step, job, (&*cluster, &target), &mut ev).await;
        }
        Act::RecordCheckpoint { job, .. } => {
            statistics(&*cluster, &job.flink, &mut ev).await;
            ev.checkpoint_config = cluster.checkpoint_config(&job.flink).await.ok().flatten();
            if ev.checkpoint_config.is_none() {
                ev.checkpoint_config = kept_config(inner, op, &job.flink);
            }
            ev.kept_checkpoint = kept_checkpoint(inner, op, &job.flink);
        }
        Act::AwaitSlots { .. } => ev.slots_free = cluster.overview().await.ok().map(|o| o.slots_free),
        Act::NoLiveJob => ev.live = live_jobs(inner, op).await,
        Act::AwaitRunning | Act::VerifyRestore | Act::Probation => {
            if let Some(job) = op.last_job().filter(|_| ev.job.seen().is_some()) {
                new_job_evidence(inner, op, step, &job.flink, &*cluster, memory, &mut ev).await;
            }
        }
        Act::Dispose { location, .. } => {
            if let Some(Answer::Accepted(Some(request))) = &memory.answer
                && let Ok(request) = request.parse::<Hex32>()
            {
                ev.trigger = cluster.disposal_status(&request).await.ok();
            }
            ev.location_complete = inner.deps.eyes.is_complete(&target, location).await;
        }
        Act::PlanJar { .. } | Act::CancelJob { .. } | Act::AwaitTerminal { .. } | Act::WriteCatalogue => {}
        // Looked at above: it needs no cluster.
        Act::AwaitSuperseded { .. } => {}
        Act::RunJar { .. } => {
            let answered = matches!(memory.answer, Some(Answer::Accepted(_) | Answer::Refused { .. }));
            if matches!(ev.job, Sight::Absent(_)) && !answered {
                ev.replaced = step.mark.is_some() && is_replaced(op, &target, &*cluster).await;
            }
        }
    }
    ev
}

/// What is known of the snapshot that the step asks for: Flink's word, its statistics, and the directory.
async fn snapshot_evidence(
    inner: &Inner,
    op: &Operation,
    step: &Step,
    job: &JobRef,
    (cluster, target): (&dyn Cluster, &TargetSpec),
    ev: &mut Evidence,
) {
    ev.directory = directory(op, step);
    if let Some(trigger) = step.hex_key() {
        ev.trigger = cluster.savepoint_status(&job.flink, &trigger).await.ok();
    }
    if ev.trigger == Some(AsyncStatus::InProgress) {
        return;
    }
    statistics(cluster, &job.flink, ev).await;
    let settled = matches!(ev.trigger, Some(AsyncStatus::Completed { .. }));
    let looks = !settled || target.savepoint_access == SavepointAccess::Local;
    if let Some(dir) = ev.directory.clone().filter(|_| looks) {
        let seen = |c: SavepointChild| Child { location: c.location, complete: c.complete, size: c.size };
        let children = inner.deps.eyes.children(target, &dir).await;
        ev.children = children.map(|all| all.into_iter().map(seen).collect());
    }
    ev.kept_checkpoint = kept_checkpoint(inner, op, &job.flink);
}

/// How the job fares that the operation has started: its checkpoints, its restarts, what it fails of.
async fn new_job_evidence(
    inner: &Inner,
    op: &Operation,
    step: &Step,
    job: &FlinkJobId,
    cluster: &dyn Cluster,
    memory: &mut Memory,
    ev: &mut Evidence,
) {
    statistics(cluster, job, ev).await;
    ev.kept_checkpoint = kept_checkpoint(inner, op, job);
    let (metric, history) = failures(cluster, job).await;
    let unexplained = metric > Some(0) && history.is_empty();
    let now = inner.deps.clock.boottime();
    let waited = unexplained.then(|| since(&mut memory.unexplained_since, now));
    // The history comes from a cache: restarts count when it had time to tell of them.
    let early = waited.is_some_and(|w| w < inner.settings.patience.statistics);
    ev.restarts = metric.filter(|_| !early).max(Some(history.len() as u64));
    let newest = history.into_iter().next();
    ev.trace = newest.as_ref().map(|x| x.trace.clone());
    ev.root_cause = newest.map(|x| x.root_cause);
    if matches!(step.act, Act::VerifyRestore | Act::Probation) {
        ev.checkpoint_config = cluster.checkpoint_config(job).await.ok().flatten();
    }
}

/// Jobs that have ended are listed for an hour, if their JobManager lives: one that this operation has stopped, that was
/// listed when the program was submitted, and that is not listed now was known to another JobManager. With high availability, or behind several addresses, the program
/// may run on elsewhere.
async fn is_replaced(op: &Operation, target: &TargetSpec, cluster: &dyn Cluster) -> bool {
    let (Some(stopped), true) = (op.stopped_job(), target.addresses().len() == 1) else { return false };
    let (Ok(jobs), Ok(conf)) = (cluster.jobs().await, cluster.jobmanager_config().await) else {
        return false;
    };
    !jobs.items.iter().any(|j| j.id == stopped.flink) && !options::is_highly_available(&conf)
}

/// The job whose state decides about the step.
fn job_of(op: &Operation, step: &Step) -> Option<FlinkJobId> {
    match &step.act {
        Act::TriggerSavepoint { job }
        | Act::StopWithSavepoint { job }
        | Act::RecordCheckpoint { job, .. } => Some(job.flink.clone()),
        Act::CancelJob { job } | Act::AwaitTerminal { job } => op.job_meant(job).map(|j| j.flink),
        Act::RunJar { .. } => step.hex_key(),
        Act::AwaitRunning | Act::VerifyRestore | Act::Probation => op.last_job().map(|j| j.flink),
        _ => None,
    }
}

fn since(slot: &mut Option<Duration>, now: Duration) -> Duration {
    now.saturating_sub(*slot.get_or_insert(now))
}

/// The job in the live list, with how long it has been so.
async fn sight(cluster: &dyn Cluster, job: &FlinkJobId, m: &mut Memory, now: Duration) -> Sight {
    let Ok(jobs) = cluster.jobs().await else {
        (m.terminal_since, m.running_since) = (None, None);
        return Sight::Unreachable(since(&mut m.silent_since, now));
    };
    m.silent_since = None;
    let Some(summary) = jobs.items.into_iter().find(|j| j.id == *job) else {
        (m.terminal_since, m.running_since) = (None, None);
        return Sight::Absent(since(&mut m.absent_since, now));
    };
    m.absent_since = None;
    let terminal_for = summary.state.is_terminal().then(|| since(&mut m.terminal_since, now));
    if terminal_for.is_none() {
        m.terminal_since = None;
    }
    let running_for = running(&summary, m, now);
    Sight::Seen { job: summary, terminal_for, running_for }
}

/// All tasks run, and the start of that run is still the same.
fn running(summary: &JobSummary, m: &mut Memory, now: Duration) -> Option<Duration> {
    let runs = summary.state == crate::domain::deployment::FlinkState::Running && summary.tasks.all_running();
    match m.running_since {
        Some((at, start)) if runs && start == summary.start_time => Some(now.saturating_sub(at)),
        _ if runs => {
            m.running_since = Some((now, summary.start_time));
            Some(Duration::ZERO)
        }
        _ => {
            m.running_since = None;
            None
        }
    }
}

/// The job's checkpoints. That they could not be read is another thing than that there are none.
async fn statistics(cluster: &dyn Cluster, job: &FlinkJobId, ev: &mut Evidence) {
    match cluster.checkpoints(job).await {
        Ok(found) => ev.checkpoints = found,
        Err(_) => ev.checkpoints_unread = true,
    }
}

/// So many of the newest failures are read.
const FAILURES: u32 = 5;

/// How often the job was restarted by Flink's metric, and its newest failures, newest first.
///
/// Flink's metric alone does not tell: a TaskManager that no longer answers holds up the collection of all metrics, that of
/// the JobManager too. The history of exceptions has no such gap, but an end.
async fn failures(cluster: &dyn Cluster, job: &FlinkJobId) -> (Option<u64>, Vec<ExceptionView>) {
    let metric = cluster.restarts(job).await.ok().flatten();
    let history = cluster.exceptions(job, FAILURES).await.unwrap_or_default();
    (metric, history)
}

/// The newest completed checkpoint that the watcher wrote down for this job.
fn kept_checkpoint(inner: &Inner, op: &Operation, flink: &FlinkJobId) -> Option<(String, u64, Timestamp)> {
    let world = inner.world();
    let job = world.by_id(&op.deployment)?.job.as_ref().filter(|j| j.flink == *flink)?;
    let kept = job.last_checkpoint.clone()?;
    Some((kept.path?, kept.id, kept.triggered_at))
}

/// The job's checkpoint settings as last seen, by this manager or by an earlier one.
fn kept_config(inner: &Inner, op: &Operation, flink: &FlinkJobId) -> Option<CheckpointConfig> {
    let world = inner.world();
    let entry = world.by_id(&op.deployment)?;
    let of_row = || entry.job.as_ref().filter(|j| j.flink == *flink)?.checkpoint_config.clone();
    entry.sight.checkpoint_config.clone().or_else(of_row)
}

/// Live jobs among all ids ever issued to the deployment, on every cluster that they were issued for. `None` = one of them
/// does not answer where a job of the deployment may live.
async fn live_jobs(inner: &Inner, op: &Operation) -> Option<Vec<FlinkJobId>> {
    let issued =
        inner.deps.store.jobs(Some(&op.deployment), crate::manager::ports::store::ALL_ROWS).await.ok()?;
    let targets: BTreeSet<&TargetName> = issued.iter().map(|j| &j.target).chain([&op.target]).collect();
    let mut live = Vec::new();
    for target in targets {
        let needed =
            *target == op.target || issued.iter().any(|j| j.target == *target && j.ended_at.is_none());
        let registered = inner.world().targets.contains_key(target);
        let jobs = match cluster_of(inner, target) {
            Ok((cluster, _)) => cluster.for_operation().jobs().await.ok(),
            Err(_) => None,
        };
        match jobs {
            Some(jobs) => live.extend(
                jobs.items
                    .into_iter()
                    .filter(|j| !j.state.is_terminal() && issued.iter().any(|row| row.flink == j.id))
                    .map(|j| j.id),
            ),
            // One that was taken out of the books cannot be asked any more.
            None if needed && (registered || *target == op.target) => return None,
            None => {}
        }
    }
    Some(live)
}
