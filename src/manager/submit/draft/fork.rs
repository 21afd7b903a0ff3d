//! A new deployment from this one's state.

use super::Building;
use crate::{
    contract::{
        intent::Fork,
        problem::{Code, Problem},
    },
    domain::{
        ids::DeploymentName,
        operation::{Creates, RestoreSource},
        restore::Request,
        savepoint::Origin,
        spec::RestoreStrategy,
    },
    manager::{ManagerResult, specs, submit::preflight},
};

impl Building<'_> {
    pub(super) fn fork(&mut self, r: &Fork, reachable: bool) -> ManagerResult<()> {
        let name: DeploymentName = r
            .new_deployment
            .parse()
            .map_err(|e: crate::domain::ids::BadId| Problem::new(Code::BadRequest, e.to_string()))?;
        if self.inner.world().deployments.contains_key(&name) {
            return Err(Problem::new(
                Code::AlreadyExists,
                format!("{name} exists already; nothing was changed"),
            ));
        }
        let mut layer = self.facts.entry.row.layer.clone();
        if let Some(t) = &r.target {
            if !self.inner.world().targets.contains_key(&t.as_str().into()) {
                return Err(Problem::new(
                    Code::NotFound,
                    format!("there is no target {t}; nothing was changed"),
                ));
            }
            specs::set_path(&mut layer, &["target"], t.clone().into());
        }
        for (path, v) in &r.set {
            specs::set_path(&mut layer, &specs::path_parts(path), v.clone());
        }
        let merged = self.inner.world().merged_layer(name.app(), &layer);
        let spec = specs::checked(&merged)?;
        // The newest state there is: of a job that runs that is a new savepoint.
        let newest = self.facts.live.is_some().then_some("new");
        match r.from.as_deref().or(newest) {
            Some("none") => {}
            Some("new") => {
                self.wants_job()?;
                self.plan.restore = RestoreSource::ThisOperation;
                self.plan.origin = Origin::UserRequest;
                self.plan.label = Some(format!("fork {name}"));
                if reachable {
                    preflight::snapshot(&mut self.checks, self.facts, false);
                }
            }
            other => {
                let request = match other {
                    None | Some("latest") => Request::Strategy(RestoreStrategy::LatestSavepoint),
                    Some(id) => Request::This(id.to_owned()),
                };
                self.restore(&request);
                self.destructive = false;
            }
        }
        if self.facts.entry.spec.as_ref().is_some_and(|s| s.artifact.args == spec.artifact.args) {
            self.warnings.push("the fork has the same arguments: two jobs would write to the same sinks and may share transactional ids".to_owned());
        }
        if r.start {
            let world = self.inner.world();
            let target = world.targets.get(&spec.target.as_str().into());
            preflight::room_for_fork(&mut self.checks, target.and_then(|t| t.sight.overview.as_ref()), &spec);
            self.starts = Some(spec);
        }
        self.plan.creates = Some(Creates { id: self.inner.fresh_deployment(), name, layer, start: r.start });
        Ok(())
    }
}
