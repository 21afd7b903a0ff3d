//! Where deployments are found by target and by job, so that nothing looks through all of them.

use std::collections::{BTreeSet, HashMap};

use super::DeploymentEntry;
use crate::domain::ids::{DeploymentName, FlinkJobId, TargetName};

/// Only [`super::World`] writes it, in the very calls that change what it is made from.
#[derive(Debug, Default)]
pub(super) struct Index {
    targets: HashMap<TargetName, BTreeSet<DeploymentName>>,
    jobs: HashMap<FlinkJobId, DeploymentName>,
    /// Under what each deployment is filed.
    filed: HashMap<DeploymentName, (TargetName, Option<FlinkJobId>)>,
    /// Targets with a live job that was issued here and is nobody's job now.
    strays: BTreeSet<TargetName>,
}

impl Index {
    /// Files a deployment under its target and its job, and nowhere else.
    pub(super) fn file(&mut self, e: &DeploymentEntry) {
        let (name, key) = (&e.row.name, (e.target(), e.job.as_ref().map(|j| j.flink.clone())));
        if self.filed.get(name) == Some(&key) {
            return;
        }
        self.remove(name);
        self.targets.entry(key.0.clone()).or_default().insert(name.clone());
        if let Some(job) = &key.1 {
            self.jobs.insert(job.clone(), name.clone());
        }
        self.filed.insert(name.clone(), key);
    }

    /// Forgets a deployment.
    pub(super) fn remove(&mut self, name: &DeploymentName) {
        let Some((target, job)) = self.filed.remove(name) else { return };
        if let Some(here) = self.targets.get_mut(&target) {
            here.remove(name);
            if here.is_empty() {
                self.targets.remove(&target);
            }
        }
        // Another deployment may have taken the job over since.
        if let Some(job) = job.filter(|j| self.jobs.get(j) == Some(name)) {
            self.jobs.remove(&job);
        }
    }

    /// Whether the target has strays.
    pub(super) fn file_strays(&mut self, target: &TargetName, has: bool) {
        if has {
            self.strays.insert(target.clone());
        } else {
            self.strays.remove(target);
        }
    }

    pub(super) fn on(&self, target: &TargetName) -> impl Iterator<Item = &DeploymentName> + use<'_> {
        self.targets.get(target).into_iter().flatten()
    }

    pub(super) fn by_job(&self, flink: &FlinkJobId) -> Option<&DeploymentName> {
        self.jobs.get(flink)
    }

    pub(super) fn with_strays(&self) -> impl Iterator<Item = &TargetName> {
        self.strays.iter()
    }
}
