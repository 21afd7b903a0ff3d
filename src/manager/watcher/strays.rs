//! Live jobs of ours that are not their deployment's job: of a start that was given up, or a predecessor that lives again.
//!
//! Only the store knows every id that was ever issued. Each listed job is looked up once.

use std::collections::{HashMap, HashSet};

use crate::{
    domain::{
        flink::JobSummary,
        ids::{DeploymentId, FlinkJobId, TargetName},
    },
    manager::{inner::Inner, world::World},
};

/// Looks up the live jobs that are nobody's current one, and keeps to which deployment each was issued.
pub async fn look_up(inner: &Inner, target: &TargetName, jobs: &[JobSummary]) {
    let (mut issued, unknown): (_, Vec<FlinkJobId>) = {
        let world = inner.world();
        let Some(t) = world.targets.get(target) else { return };
        let others: HashSet<&FlinkJobId> = jobs
            .iter()
            .filter(|j| !j.state.is_terminal() && world.by_job(&j.id).is_none())
            .map(|j| &j.id)
            .collect();
        // What is current now may be a stray later: it is looked up anew then.
        let before = &t.sight.issued;
        if before.len() == others.len() && before.keys().all(|id| others.contains(id)) {
            return;
        }
        let unknown = others.iter().filter(|id| !before.contains_key(**id)).map(|id| (*id).clone()).collect();
        let mut issued = before.clone();
        issued.retain(|id, _| others.contains(id));
        (issued, unknown)
    };
    for id in unknown {
        // A store that does not answer is asked again in the next round.
        if let Ok(row) = inner.deps.store.job_by_flink(&id).await {
            issued.insert(id, row.map(|r| r.deployment));
        }
    }
    inner.world_mut().know_issued(target, issued);
}

/// The strays of every deployment, on whatever target they live.
pub fn all(world: &World) -> HashMap<DeploymentId, Vec<FlinkJobId>> {
    let mut strays: HashMap<DeploymentId, Vec<FlinkJobId>> = HashMap::new();
    for t in world.with_strays() {
        for job in &t.sight.jobs {
            if let Some(e) = world.owner_of_stray(t, job) {
                strays.entry(e.row.id.clone()).or_default().push(job.id.clone());
            }
        }
    }
    strays
}
