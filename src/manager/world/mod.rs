//! What the manager knows, in memory: the rows of the store beside what was last seen of each cluster.
//!
//! Rows change only by [`World::absorb`], with the very changes that the store has committed. Sights (what the watcher
//! saw) are not rows: they are lost with the process and seen again.

mod index;
mod sight;

use std::collections::{BTreeMap, HashMap};

use super::ports::{
    cluster::JobSummary,
    store::{ApplicationRow, Changes, DeploymentRow, Epoch, RevisionRow},
};
use crate::domain::{
    ids::{DeploymentId, DeploymentName, FlinkJobId, OperationId, StoreId, TargetName},
    operation::{OpState, Operation},
    savepoint::Savepoint,
};
use index::Index;
pub use sight::{DeploymentEntry, DeploymentSight, Noted, NotedTarget, TargetEntry};

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
    index: Index,
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
            index: Index::default(),
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

    /// Flink's version of a target, as last seen.
    #[must_use]
    pub fn flink_version(&self, target: &TargetName) -> Option<&str> {
        self.targets.get(target)?.sight.overview.as_ref().map(|o| o.flink_version.as_str())
    }

    /// Its job lives, or may live: by the books, where nobody has seen its cluster answer since.
    #[must_use]
    pub fn may_live(&self, e: &DeploymentEntry) -> bool {
        match &e.sight.summary {
            Some(seen) => !seen.state.is_terminal(),
            None => {
                let answers = self.targets.get(&e.target()).is_some_and(|t| t.sight.reachable == Some(true));
                !answers && e.job.as_ref().is_some_and(|j| j.ended_at.is_none())
            }
        }
    }

    /// The deployments on a target, by name.
    pub fn on<'a>(&'a self, target: &TargetName) -> impl Iterator<Item = &'a DeploymentEntry> + use<'a> {
        self.index.on(target).filter_map(|name| self.deployments.get(name))
    }

    /// The deployments of an application, by name.
    pub fn of_application<'a>(&'a self, app: &'a str) -> impl Iterator<Item = &'a DeploymentEntry> {
        // No name comes before this one.
        let first = DeploymentName::new(app, "0").ok();
        let from = first.into_iter().flat_map(|first| self.deployments.range(first..));
        from.map(|(_, e)| e).take_while(move |e| e.row.name.app() == app)
    }

    /// The deployment whose newest job has this id of Flink's.
    #[must_use]
    pub fn by_job(&self, flink: &FlinkJobId) -> Option<&DeploymentEntry> {
        self.deployments.get(self.index.by_job(flink)?)
    }

    /// Takes over to whom the target's live jobs were once issued that are no deployment's job now.
    pub fn know_issued(&mut self, target: &TargetName, issued: HashMap<FlinkJobId, Option<DeploymentId>>) {
        let Some(t) = self.targets.get_mut(target) else { return };
        self.index.file_strays(target, issued.values().any(Option::is_some));
        t.sight.issued = issued;
    }

    /// Targets on which a job may live that was issued here and is nobody's job now: hardly ever one.
    pub fn with_strays(&self) -> impl Iterator<Item = &TargetEntry> {
        self.index.with_strays().filter_map(|name| self.targets.get(name))
    }

    /// The deployments on which an operation is at work.
    pub fn busy(&self) -> impl Iterator<Item = &DeploymentEntry> {
        self.operations.values().filter_map(|o| self.by_id(&o.deployment)).filter(|e| self.is_busy(e))
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
            self.index.file_strays(name, false);
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
            if let Some(e) = self.by_id_mut(&job.deployment) {
                e.origins.insert(job.id.clone(), job.restored_from.clone());
            }
            if let Some(e) = self.by_id_mut(&job.deployment).filter(|e| e.row.job.as_ref() == Some(&job.id)) {
                e.job = Some(job.clone());
                touched.deployments.push(e.row.name.clone());
                self.file(&job.deployment);
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
            self.file(&rev.deployment);
        }
    }

    /// Files a deployment anew whose job, target or spec may have changed.
    fn file(&mut self, id: &DeploymentId) {
        if let Some(e) = self.names.get(id).and_then(|name| self.deployments.get(name)) {
            self.index.file(e);
        }
    }

    fn absorb_deployment(&mut self, row: &DeploymentRow) {
        if row.deleted_at.is_some() {
            self.deployments.remove(&row.name);
            self.names.remove(&row.id);
            self.index.remove(&row.name);
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
        self.index.file(e);
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
pub mod tests;
