//! One look at everything that a plan needs. It changes nothing on the cluster.

use std::sync::Arc;

use crate::{
    contract::problem::{Code, Problem},
    domain::{
        deployment::{ConditionType, FlinkState},
        flink::{CheckpointConfig, Checkpoints, JobSummary, Overview},
        ids::DeploymentName,
        names,
        operation::{Act, JobRef, Operation, StepState},
        options,
        time::Timestamp,
    },
    manager::{
        ManagerResult, books,
        inner::Inner,
        ports::{
            cluster::{ClusterConfig, JobDetail},
            store::RevisionRow,
        },
        view, watcher,
        world::{DeploymentEntry, TargetEntry},
    },
};

/// What is known of a deployment at the moment of a plan.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The deployment.
    pub entry: DeploymentEntry,
    /// Its target.
    pub target: Option<TargetEntry>,
    /// Why the cluster does not answer.
    pub silent: Option<String>,
    /// Slots and version, fresh.
    pub overview: Option<Overview>,
    /// Switches.
    pub config: Option<ClusterConfig>,
    /// The deployment's job, if it lives.
    pub live: Option<(JobRef, JobSummary)>,
    /// Other live jobs that were ever issued to this deployment.
    pub other_live: Vec<JobRef>,
    /// Other jobs of the cluster whose tasks wait for slots, by name.
    pub waiting: Vec<String>,
    /// The live job's vertices.
    pub detail: Option<JobDetail>,
    /// The live job's checkpoints.
    pub checkpoints: Option<Checkpoints>,
    /// The live or last job's checkpoint settings.
    pub checkpoint_config: Option<CheckpointConfig>,
    /// Base directory of savepoints.
    pub base: Option<String>,
    /// Flink's version.
    pub flink_version: Option<String>,
    /// All revisions, newest first.
    pub revisions: Vec<RevisionRow>,
    /// Flink's last word on the ended job could not be heard: it may have left more than is recorded.
    pub unheard: bool,
    /// The operation that holds the deployment.
    pub active: Option<Operation>,
    /// Superseded operations that it waits for.
    pub unsettled: Vec<Operation>,
    /// Now.
    pub now: Timestamp,
}

impl Facts {
    /// The live job.
    #[must_use]
    pub fn job(&self) -> Option<&JobRef> {
        self.live.as_ref().map(|(j, _)| j)
    }
    /// The job that lives by the books, while nobody answers who could know.
    #[must_use]
    pub fn job_by_the_books(&self) -> Option<JobRef> {
        let job = self.entry.job.as_ref().filter(|j| self.silent.is_some() && j.ended_at.is_none())?;
        Some(JobRef { id: job.id.clone(), flink: job.flink.clone() })
    }
    /// All tasks of the live job run.
    #[must_use]
    pub fn all_running(&self) -> bool {
        self.live.as_ref().is_some_and(|(_, s)| s.state == FlinkState::Running && s.tasks.all_running())
    }
    /// Slots that the live job holds.
    #[must_use]
    pub fn held_slots(&self) -> u32 {
        let by_vertex = self.detail.as_ref().and_then(|d| d.vertices.iter().map(|v| v.parallelism).max());
        by_vertex
            .or(self.entry.spec.as_ref().map(|s| s.parallelism))
            .filter(|_| self.live.is_some())
            .unwrap_or(0)
    }
}

/// The problem of a name that is not there, with the nearest ones.
pub fn not_found(inner: &Inner, name: &DeploymentName) -> Problem {
    let all: Vec<String> = inner.world().deployments.keys().map(ToString::to_string).collect();
    let near = names::nearest_few(&name.to_string(), all.iter().map(String::as_str), 3);
    let p = Problem::new(Code::NotFound, format!("there is no deployment {name}"));
    if near.is_empty() {
        p.hint("list them: nutkin get deployments")
    } else {
        p.hint(format!("did you mean {}?", near.join(" or ")))
    }
}

/// Looks.
pub async fn gather(inner: &Arc<Inner>, name: &DeploymentName) -> ManagerResult<Facts> {
    let (entry, target, base, active) = {
        let world = inner.world();
        let Some(entry) = world.deployments.get(name).cloned() else {
            drop(world);
            return Err(not_found(inner, name));
        };
        let target = world.targets.get(&entry.target()).cloned();
        let base = view::savepoint_base(&entry, &world);
        let active = entry.operation.as_ref().and_then(|id| world.operations.get(id)).cloned();
        (entry, target, base, active)
    };
    let unsettled = match &active {
        Some(op) => unsettled(inner, op).await?,
        None => vec![],
    };
    let revisions = inner.deps.store.revisions(&entry.row.id).await?;
    let mut f = Facts {
        flink_version: books::flink_version(inner, &entry.target()),
        config: target.as_ref().and_then(|t| t.sight.config.clone()),
        overview: None,
        silent: None,
        unheard: false,
        live: None,
        other_live: vec![],
        waiting: vec![],
        detail: None,
        checkpoints: None,
        checkpoint_config: entry.sight.checkpoint_config.clone(),
        base,
        revisions,
        active,
        unsettled,
        now: inner.now(),
        entry,
        target,
    };
    look(inner, &mut f).await?;
    if is_unnoticed(&f) {
        watcher::look_now(inner, &f.entry.target()).await;
    }
    if f.live.is_none() && f.silent.is_none() && f.active.is_none() {
        ended(inner, &mut f).await;
    }
    Ok(f)
}

/// The last job has ended: what it has left, which Flink tells some seconds after its end, belongs to the plan.
async fn ended(inner: &Arc<Inner>, f: &mut Facts) {
    f.unheard = !watcher::hear_out(inner, &f.entry.row.name).await;
    if let Some(entry) = inner.world().deployments.get(&f.entry.row.name) {
        f.entry = DeploymentEntry::clone(entry);
        f.entry.sight.summary = None;
    }
    f.now = inner.now();
}

/// The superseded operations whose open step this one still waits for.
async fn unsettled(inner: &Inner, op: &Operation) -> ManagerResult<Vec<Operation>> {
    let mut found = Vec::new();
    for step in op.steps.iter().filter(|s| s.state != StepState::Confirmed) {
        if let Act::AwaitSuperseded { operation } = &step.act {
            found.extend(inner.deps.store.operation(operation).await?);
        }
    }
    Ok(found)
}

/// The job has ended or is lost, and no round of the watcher has seen it.
fn is_unnoticed(f: &Facts) -> bool {
    let noticed = f.entry.sight.conditions.iter().any(|c| c.kind == ConditionType::JobLost);
    let lives = f.entry.job.as_ref().is_some_and(|j| j.ended_at.is_none() && j.seen_at.is_some());
    f.silent.is_none() && f.live.is_none() && lives && !noticed && f.entry.operation.is_none()
}

async fn look(inner: &Inner, f: &mut Facts) -> ManagerResult<()> {
    let Some(target) = &f.target else {
        f.silent = Some(format!("the target {} is not registered", f.entry.target()));
        return Ok(());
    };
    let cluster = match &target.cluster {
        Ok(c) => Arc::clone(c),
        Err(e) => {
            f.silent = Some(e.message.clone());
            return Ok(());
        }
    };
    let jobs = match cluster.jobs().await {
        Ok(j) => j.items,
        Err(e) => {
            f.silent = Some(e.message);
            return Ok(());
        }
    };
    let issued = inner.deps.store.jobs(Some(&f.entry.row.id), crate::manager::ports::store::ALL_ROWS).await?;
    let ours = f.entry.job.as_ref().map(|j| JobRef { id: j.id.clone(), flink: j.flink.clone() });
    for j in jobs.into_iter().filter(|j| !j.state.is_terminal()) {
        match &ours {
            Some(r) if r.flink == j.id => f.live = Some((r.clone(), j)),
            _ => {
                if j.waits_for_slots() {
                    f.waiting.push(j.name.clone());
                }
                let row = issued.iter().find(|row| row.flink == j.id);
                f.other_live.extend(row.map(|row| JobRef { id: row.id.clone(), flink: j.id }));
            }
        }
    }
    f.overview = cluster.overview().await.ok();
    if f.config.is_none() {
        f.config = cluster.config().await.ok();
    }
    if let Some(o) = &f.overview {
        f.flink_version = Some(o.flink_version.clone());
    }
    if let Some(job) = f.job().map(|j| j.flink.clone()) {
        f.detail = cluster.job(&job).await.ok().flatten();
        f.checkpoints = cluster.checkpoints(&job).await.ok().flatten();
        f.checkpoint_config =
            cluster.checkpoint_config(&job).await.ok().flatten().or(f.checkpoint_config.take());
        // The plan's restore advice should see what was just read.
        f.entry.sight.checkpoints = f.checkpoints.clone().or(f.entry.sight.checkpoints.take());
        f.entry.sight.checkpoint_config.clone_from(&f.checkpoint_config);
        f.entry.sight.summary = f.live.as_ref().map(|(_, s)| s.clone());
    } else {
        f.entry.sight.summary = None;
    }
    if f.base.is_none() {
        let conf = cluster.jobmanager_config().await.ok();
        f.base = conf.and_then(|c| options::savepoint_directory(&c).map(str::to_owned));
    }
    Ok(())
}
