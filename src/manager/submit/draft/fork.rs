//! A new deployment from this one's state.

use super::{Building, read_from};
use crate::{
    contract::{
        intent::Fork,
        problem::{Code, Problem},
        restore_from::{RestoreFrom, StateWord},
    },
    domain::{
        ids::{DeploymentName, TargetName},
        operation::{Creates, RestoreSource},
        restore::Request,
        savepoint::Origin,
        spec::RestoreStrategy,
    },
    manager::{ManagerResult, books, specs, submit::preflight, view},
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
        let there = TargetName::from(spec.target.as_str());
        // The newest state there is: of a job that runs that is a new savepoint.
        let newest = self.facts.live.is_some().then_some(RestoreFrom::Word(StateWord::New));
        match read_from(self.kind, r.from.as_deref())?.or(newest) {
            Some(RestoreFrom::Word(StateWord::None)) => {}
            Some(RestoreFrom::Word(StateWord::New)) => {
                self.wants_job()?;
                self.plan.restore = RestoreSource::ThisOperation;
                self.plan.origin = Origin::UserRequest;
                self.plan.label = Some(format!("fork {name}"));
                if reachable {
                    preflight::snapshot(&mut self.checks, self.facts, false);
                }
                let version = books::flink_version(self.inner, &there);
                preflight::readable(
                    &mut self.checks,
                    self.facts.flink_version.as_deref(),
                    version.as_deref(),
                );
            }
            other => {
                let request = match other {
                    Some(RestoreFrom::Id(this) | RestoreFrom::Location(this)) => Request::This(this),
                    _ => Request::Strategy(RestoreStrategy::LatestSavepoint),
                };
                let advice = {
                    let world = self.inner.world();
                    view::advice_for(&self.facts.entry, &world, &there, &request, self.facts.now)
                };
                self.adopt_advice(advice, &request);
                self.destructive = false;
            }
        }
        if self.facts.entry.spec.as_ref().is_some_and(|s| s.artifact.args == spec.artifact.args) {
            self.warnings.push("the fork has the same arguments: two jobs would write to the same sinks and may share transactional ids".to_owned());
        }
        if r.start {
            let target = self.inner.world().targets.get(&there).cloned();
            preflight::fork_start(&mut self.checks, target.as_ref(), &spec);
            preflight::resolvable(&mut self.checks, &spec, &self.inner.settings);
            self.starts = Some(spec);
        }
        self.plan.creates = Some(Creates { id: self.inner.fresh_deployment(), name, layer, start: r.start });
        Ok(())
    }
}
