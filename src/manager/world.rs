//! What the manager knows, in memory: the rows of the store beside what was last seen of each cluster.
//!
//! Rows change only by [`World::absorb`], with the very changes that the store has committed. Sights (what the watcher
//! saw) are not rows: they are lost with the process and seen again.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
};

use serde_json::Value;

use super::ports::{
    cluster::{CheckpointConfig, Checkpoints, Cluster, ClusterConfig, ClusterError, JobSummary, Overview},
    store::{ApplicationRow, Changes, DeploymentRow, Epoch, JobRow, RevisionRow, TargetRow},
};
use crate::{
    contract::model::{MetricValue, RootCause},
    domain::{
        deployment::{Condition, ConditionType, FlinkState, Observed},
        ids::{DeploymentId, DeploymentName, FlinkJobId, JobId, OperationId, StoreId, TargetName},
        operation::{OpState, Operation},
        savepoint::Savepoint,
        spec::Spec,
        target::TargetSpec,
        time::Timestamp,
    },
};

/// What was last seen of a target.
#[derive(Debug, Clone, Default)]
pub struct TargetSight {
    /// Whether it answered last time.
    pub reachable: Option<bool>,
    /// Why it did not.
    pub error: Option<String>,
    /// When it last answered.
    pub observed_at: Option<Timestamp>,
    /// Slots and version.
    pub overview: Option<Overview>,
    /// Switches.
    pub config: Option<ClusterConfig>,
    /// The cluster's own savepoint directory.
    pub savepoint_base: Option<String>,
    /// Every job it lists.
    pub jobs: Vec<JobSummary>,
    /// To whom each live job was once issued that is no deployment's job now; `None` = to nobody here.
    pub issued: HashMap<FlinkJobId, Option<DeploymentId>>,
    /// What of it is in the log.
    pub noted: NotedTarget,
}

/// What of a target's sight the event log has: what is not written is seen as new in the next round.
#[derive(Debug, Clone, Default)]
pub struct NotedTarget {
    /// Whether it answered.
    pub reachable: Option<bool>,
    /// The jobs that it listed; `None` = it never answered.
    pub jobs: Option<Vec<FlinkJobId>>,
}

/// What of a deployment's sight the event log has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Noted {
    /// Conditions that hold.
    pub conditions: Vec<ConditionType>,
    /// Flink's word of the job, to tell a restart from one that was told.
    pub state: Option<FlinkState>,
    /// Live jobs of it beside the one in the books.
    pub strays: Vec<FlinkJobId>,
    /// The lost job whose remains were looked for.
    pub left: Option<JobId>,
    /// Why its tasks failed last.
    pub cause: Option<RootCause>,
}

/// A target: its row, its client, what was seen.
#[derive(Debug, Clone)]
pub struct TargetEntry {
    /// Row.
    pub row: TargetRow,
    /// Its document.
    pub spec: TargetSpec,
    /// Its client, or why there is none.
    pub cluster: Result<Arc<dyn Cluster>, ClusterError>,
    /// What was seen.
    pub sight: TargetSight,
}

/// What was last seen of a deployment's job.
#[derive(Debug, Clone)]
pub struct DeploymentSight {
    /// As listed.
    pub summary: Option<JobSummary>,
    /// Our word.
    pub observed: Observed,
    /// When.
    pub observed_at: Option<Timestamp>,
    /// What may be wrong.
    pub conditions: Vec<Condition>,
    /// Checkpoint statistics.
    pub checkpoints: Option<Checkpoints>,
    /// Checkpoint settings.
    pub checkpoint_config: Option<CheckpointConfig>,
    /// When the slow lane last asked, whatever came of it.
    pub asked_at: Option<Timestamp>,
    /// When it last got an answer.
    pub checkpoints_at: Option<Timestamp>,
    /// Times of restarts, newest last.
    pub restarts: VecDeque<Timestamp>,
    /// Restarts that were seen as they happened and that Flink's count does not hold yet.
    pub restarts_told: u64,
    /// Why it is in trouble.
    pub root_cause: Option<RootCause>,
    /// The program's own numbers.
    pub metrics: Vec<MetricValue>,
    /// What of it is in the log.
    pub noted: Noted,
}

impl Default for DeploymentSight {
    fn default() -> Self {
        Self {
            summary: None,
            observed: Observed::Unknown,
            observed_at: None,
            conditions: vec![],
            checkpoints: None,
            checkpoint_config: None,
            asked_at: None,
            checkpoints_at: None,
            restarts: VecDeque::new(),
            restarts_told: 0,
            root_cause: None,
            metrics: vec![],
            noted: Noted::default(),
        }
    }
}

/// A deployment: its row, its newest job, its restore points, what was seen.
#[derive(Debug, Clone)]
pub struct DeploymentEntry {
    /// Row.
    pub row: DeploymentRow,
    /// The job that lives, or lived last.
    pub job: Option<JobRow>,
    /// The current revision.
    pub revision: Option<RevisionRow>,
    /// Its effective spec.
    pub spec: Option<Spec>,
    /// Restore points, newest first, as many as anybody looks at.
    pub savepoints: Vec<Savepoint>,
    /// The operation that holds it.
    pub operation: Option<OperationId>,
    /// What was seen.
    pub sight: DeploymentSight,
}

impl DeploymentEntry {
    fn new(row: DeploymentRow) -> Self {
        Self {
            row,
            job: None,
            revision: None,
            spec: None,
            savepoints: vec![],
            operation: None,
            sight: DeploymentSight::default(),
        }
    }

    /// The target of the current revision, or of the layer when there is none.
    #[must_use]
    pub fn target(&self) -> TargetName {
        let of_layer = || self.row.layer.get("target").and_then(Value::as_str).unwrap_or_default().to_owned();
        TargetName::new(self.spec.as_ref().map_or_else(of_layer, |s| s.target.clone()))
    }
}

/// Everything.
#[derive(Debug)]
pub struct World {
    /// Marks every job id that this store issues.
    pub store_id: StoreId,
    /// This start's epoch.
    pub epoch: Epoch,
    /// Targets by name.
    pub targets: BTreeMap<TargetName, TargetEntry>,
    /// Applications by name.
    pub applications: BTreeMap<String, ApplicationRow>,
    /// Deployments by name.
    pub deployments: BTreeMap<DeploymentName, DeploymentEntry>,
    /// Names by id.
    pub names: HashMap<DeploymentId, DeploymentName>,
    /// Operations that hold a deployment.
    pub operations: BTreeMap<OperationId, Operation>,
    /// Number of the last event.
    pub last_seq: u64,
}

/// Savepoints kept in memory per deployment.
const SAVEPOINTS_IN_MEMORY: usize = 200;

/// What a commit touched, for the watch stream.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Touched {
    /// Deployments.
    pub deployments: Vec<DeploymentName>,
    /// Targets.
    pub targets: Vec<TargetName>,
    /// Applications.
    pub applications: Vec<String>,
    /// Operations, active or ended.
    pub operations: Vec<OperationId>,
    /// Events were appended.
    pub events: bool,
}

impl World {
    /// An empty world.
    #[must_use]
    pub fn new(store_id: StoreId, epoch: Epoch) -> Self {
        Self {
            store_id,
            epoch,
            targets: BTreeMap::new(),
            applications: BTreeMap::new(),
            deployments: BTreeMap::new(),
            names: HashMap::new(),
            operations: BTreeMap::new(),
            last_seq: 0,
        }
    }

    /// A deployment by id.
    #[must_use]
    pub fn by_id(&self, id: &DeploymentId) -> Option<&DeploymentEntry> {
        self.deployments.get(self.names.get(id)?)
    }

    /// A deployment by id, to change its sight.
    pub fn by_id_mut(&mut self, id: &DeploymentId) -> Option<&mut DeploymentEntry> {
        self.deployments.get_mut(self.names.get(id)?)
    }

    /// The deployment to which a live job of this target was issued and whose job it is not.
    #[must_use]
    pub fn owner_of_stray(&self, t: &TargetEntry, job: &JobSummary) -> Option<&DeploymentEntry> {
        let owner = self.by_id(t.sight.issued.get(&job.id)?.as_ref()?)?;
        let is_current = owner.job.as_ref().is_some_and(|j| j.flink == job.id);
        (!is_current && !job.state.is_terminal()).then_some(owner)
    }

    /// An operation is at work on the deployment; one that waits for a person is not.
    #[must_use]
    pub fn is_busy(&self, e: &DeploymentEntry) -> bool {
        let op = e.operation.as_ref().and_then(|id| self.operations.get(id));
        op.is_some_and(|o| o.state != OpState::NeedsAttention)
    }

    /// Takes over what the store has committed. Targets need their clients, so they come separately.
    pub fn absorb(&mut self, changes: &Changes) -> Touched {
        let mut touched = Touched { events: !changes.events.is_empty(), ..Touched::default() };
        for name in &changes.remove_targets {
            self.targets.remove(name);
            touched.targets.push(name.clone());
        }
        for a in &changes.applications {
            self.applications.insert(a.name.clone(), a.clone());
            touched.applications.push(a.name.clone());
        }
        for name in &changes.remove_applications {
            self.applications.remove(name);
            touched.applications.push(name.clone());
        }
        let mut other_jobs = Vec::new();
        for row in &changes.deployments {
            if let Some(e) = self.by_id(&row.id).filter(|_| row.deleted_at.is_some()) {
                touched.targets.push(e.target());
            }
            if self.by_id(&row.id).is_none_or(|e| e.row.job != row.job) {
                other_jobs.push(row.id.clone());
            }
            self.absorb_deployment(row);
            touched.deployments.push(row.name.clone());
            touched.applications.push(row.name.app().to_owned());
        }
        for rev in &changes.revisions {
            self.place_revision(rev);
        }
        for job in &changes.jobs {
            if let Some(e) = self.by_id_mut(&job.deployment).filter(|e| e.row.job.as_ref() == Some(&job.id)) {
                e.job = Some(job.clone());
                touched.deployments.push(e.row.name.clone());
            }
        }
        // What is unmanaged on a target is what no deployment calls its job.
        touched
            .targets
            .extend(other_jobs.iter().filter_map(|id| self.by_id(id)).map(DeploymentEntry::target));
        touched
            .targets
            .retain(|name| self.targets.contains_key(name) || changes.remove_targets.contains(name));
        for sp in &changes.savepoints {
            self.absorb_savepoint(sp, &mut touched);
        }
        for op in &changes.operations {
            self.absorb_operation(op, &mut touched);
        }
        touched
    }

    /// Puts a revision beside its deployment when it is the current one.
    pub fn place_revision(&mut self, rev: &RevisionRow) {
        if let Some(e) = self.by_id_mut(&rev.deployment).filter(|e| e.row.revision == Some(rev.number)) {
            e.spec = serde_json::from_value(rev.spec.clone()).ok();
            e.revision = Some(rev.clone());
        }
    }

    fn absorb_deployment(&mut self, row: &DeploymentRow) {
        if row.deleted_at.is_some() {
            self.deployments.remove(&row.name);
            self.names.remove(&row.id);
            return;
        }
        self.names.insert(row.id.clone(), row.name.clone());
        let e = self.deployments.entry(row.name.clone()).or_insert_with(|| DeploymentEntry::new(row.clone()));
        if e.row.job != row.job {
            e.job = None;
            // The log goes on across jobs: what was said to hold is said to have ended.
            let noted = Noted { state: None, left: None, cause: None, ..std::mem::take(&mut e.sight.noted) };
            e.sight = DeploymentSight { observed: e.sight.observed, noted, ..DeploymentSight::default() };
        }
        if e.row.revision != row.revision {
            e.revision = None;
        }
        e.row = row.clone();
    }

    fn absorb_savepoint(&mut self, sp: &Savepoint, touched: &mut Touched) {
        let Some(e) = self.by_id_mut(&sp.deployment) else { return };
        match e.savepoints.iter_mut().find(|s| s.id == sp.id) {
            Some(slot) => *slot = sp.clone(),
            None => {
                e.savepoints.insert(0, sp.clone());
                e.savepoints.truncate(SAVEPOINTS_IN_MEMORY);
            }
        }
        touched.deployments.push(e.row.name.clone());
    }

    fn absorb_operation(&mut self, op: &Operation, touched: &mut Touched) {
        touched.operations.push(op.id.clone());
        let holds = op.state.is_active();
        if holds {
            self.operations.insert(op.id.clone(), op.clone());
        } else {
            self.operations.remove(&op.id);
        }
        let Some(e) = self.by_id_mut(&op.deployment) else { return };
        touched.deployments.push(e.row.name.clone());
        match (holds, e.operation.as_ref() == Some(&op.id)) {
            (true, _) => e.operation = Some(op.id.clone()),
            (false, true) => e.operation = None,
            (false, false) => {}
        }
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::{
        domain::{
            deployment::{Desired, OurEnd},
            ids::Hex32,
        },
        manager::ports::store::Changes,
    };

    /// One deployment, `pay/prod`, whose job is in the books.
    pub fn with_a_job() -> World {
        let at = Timestamp::from_millis(0);
        let row = DeploymentRow {
            id: DeploymentId::new("d"),
            name: DeploymentName::new("pay", "prod").unwrap(),
            labels: Default::default(),
            layer: Value::Null,
            applied: None,
            spec_version: 1,
            desired: Desired::Running,
            revision: None,
            job: Some(JobId::new("j")),
            next_restore: None,
            adopted: false,
            created_at: at,
            deleted_at: None,
        };
        let job = JobRow {
            id: JobId::new("j"),
            deployment: row.id.clone(),
            flink: Hex32::from_bytes([7; 16]),
            target: TargetName::new("t"),
            revision: None,
            operation: None,
            created_at: at,
            started_at: None,
            ended_at: None,
            flink_state: None,
            our_end: OurEnd::None,
            restored_from: None,
            restored_savepoint: None,
            restarts: None,
            last_checkpoint: None,
            checkpoint_config: None,
            seen_at: None,
        };
        let mut world = World::new("01020304".parse().unwrap(), Epoch(1));
        world.absorb(&Changes { deployments: vec![row], jobs: vec![job], ..Changes::default() });
        world
    }
}
