//! Which revision is to run, and what the deployment's own layer becomes.

use serde_json::Value;

use super::{Building, read_from, wrong_state};
use crate::{
    contract::{
        intent::{Rollback, Upgrade},
        problem::{Code, Problem},
    },
    domain::{
        operation::{Before, Kind, Operation},
        spec::{self, Spec, UpgradeStrategy},
    },
    manager::{
        ManagerResult, artifacts, history,
        ports::store::{DeploymentRow, RevisionRow},
        specs,
    },
};

impl Building<'_> {
    pub(super) fn revision_of(&self, number: u32) -> ManagerResult<(RevisionRow, Spec)> {
        let row = self.facts.revisions.iter().find(|r| r.number == number).cloned();
        let row = row.ok_or_else(|| {
            let known: Vec<String> =
                self.facts.revisions.iter().take(8).map(|r| r.number.to_string()).collect();
            Problem::new(
                Code::NotFound,
                format!("{} has no revision {number}; nothing was changed", self.facts.entry.row.name),
            )
            .hint(format!("its revisions are {}", known.join(", ")))
        })?;
        let spec = serde_json::from_value(row.spec.clone())
            .map_err(|e| Problem::new(Code::Internal, format!("revision {number} cannot be read: {e}")))?;
        Ok((row, spec))
    }

    /// The current revision, or a fresh one when the layers give something else and nothing runs.
    pub(super) fn current_revision(&mut self) -> ManagerResult<()> {
        let row = &self.facts.entry.row;
        let merged = self.inner.world().merged(row);
        let current = row.revision.map(|n| self.revision_of(n)).transpose()?;
        let drifted = current.as_ref().is_none_or(|(r, _)| r.spec != merged.value);
        if self.kind == Kind::Start && drifted {
            self.add_revision(&merged, None)?;
            self.previous = current;
        } else {
            self.to_run = current;
        }
        Ok(())
    }

    /// A new revision of the merged spec, to be committed with the operation.
    pub(super) fn add_revision(&mut self, merged: &spec::Merged, jar: Option<&str>) -> ManagerResult<()> {
        let spec = specs::checked(merged)?;
        let row = &self.facts.entry.row;
        if let Some((same, s)) =
            row.revision.and_then(|n| self.revision_of(n).ok()).filter(|(r, _)| r.spec == merged.value)
        {
            self.to_run = Some((same, s));
            return Ok(());
        }
        let number = self.facts.revisions.first().map_or(1, |r| r.number + 1);
        let revision = specs::revision(row, number, merged, jar);
        self.rows.revisions.push(revision.clone());
        self.to_run = Some((revision, spec));
        Ok(())
    }

    pub(super) async fn upgrade(&mut self, r: &Upgrade, reachable: bool) -> ManagerResult<()> {
        let row = self.facts.entry.row.clone();
        let artifact = match &r.artifact {
            Some(a) => Some(artifacts::find(self.inner, a).await?),
            None => None,
        };
        if row.adopted {
            self.adopted_needs([
                artifact.is_some(),
                r.entry_class.is_some(),
                r.args.is_some(),
                r.parallelism.is_some(),
            ])?;
        }
        let layer = specs::with_upgrade(&row.layer, r, artifact.as_ref().map(|a| (&a.sha, a.name.as_str())));
        let mut next = row.clone();
        next.adopted = false;
        if layer != row.layer {
            next.layer = layer;
            next.spec_version += 1;
        }
        self.upgrade_row(next, r, artifact.as_ref().map(|a| a.name.as_str()), reachable)
    }

    /// The upgrade to a given row of the deployment.
    pub(super) fn upgrade_row(
        &mut self,
        next: DeploymentRow,
        r: &Upgrade,
        jar: Option<&str>,
        reachable: bool,
    ) -> ManagerResult<()> {
        let row = &self.facts.entry.row;
        let merged = self.inner.world().merged_layer(next.name.app(), &next.layer);
        let current = row.revision.map(|n| self.revision_of(n)).transpose()?;
        self.add_revision(&merged, jar)?;
        self.previous = current;
        self.write_row(next);
        self.plan.allow_non_restored_state = r.allow_non_restored_state;
        let strategy = r
            .upgrade_strategy
            .or(self.to_run.as_ref().map(|(_, s)| s.upgrade_strategy))
            .unwrap_or(UpgradeStrategy::Stateful);
        if strategy == UpgradeStrategy::None && self.facts.live.is_some() {
            self.warnings.push("upgradeStrategy NONE: the new revision runs at the next start; until then the deployment shows drift".to_owned());
            self.to_run = None;
            return Ok(());
        }
        let same = self.to_run.as_ref().map(|(row, _)| row.number) == self.facts.entry.row.revision;
        if same && self.facts.live.is_some() && r.from.is_none() && r.upgrade_strategy.is_none() {
            return Err(wrong_state(
                self.facts,
                "the upgrade changes nothing",
                "to run the same revision again, restart it",
            ));
        }
        let from = read_from(self.kind, r.from.as_deref())?;
        self.replace(from, strategy, r.format, reachable);
        Ok(())
    }

    /// The row is written with the operation, and put back unless the operation succeeds.
    pub(super) fn write_row(&mut self, next: DeploymentRow) {
        let row = &self.facts.entry.row;
        if next == *row {
            return;
        }
        self.plan.before = Some(Before {
            layer: row.layer.clone(),
            applied: row.applied.clone(),
            adopted: row.adopted,
            written_version: next.spec_version,
        });
        self.rows.deployments.push(next);
    }

    /// What is to run in an adopted job's place is said by the deployment's own layer, in full.
    pub(super) fn told_by(&self, layer: &Value) -> ManagerResult<()> {
        let given = ["/artifact/sha256", "/artifact/entryClass", "/artifact/args", "/parallelism"];
        self.adopted_needs(given.map(|path| layer.pointer(path).is_some()))
    }

    /// Nothing of an adopted job's program is guessed: jar, entry class, arguments and parallelism must be given.
    fn adopted_needs(&self, given: [bool; 4]) -> ManagerResult<()> {
        let what = [
            "the jar (--jar, artifact.jar)",
            "the entry class (--entry-class, artifact.entryClass)",
            "the arguments (--args, artifact.args)",
            "the parallelism (--parallelism, parallelism)",
        ];
        let missing: Vec<&str> =
            what.into_iter().zip(given).filter_map(|(what, given)| (!given).then_some(what)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        Err(Problem::new(
            Code::InvalidSpec,
            format!(
                "{} was adopted: what runs in its job's place must say {}, nothing is guessed; nothing was changed",
                self.facts.entry.row.name,
                missing.join(", ")
            ),
        ))
    }

    /// A start of an adopted deployment whose jar has been named since.
    pub(super) fn adopted_start(&mut self) -> ManagerResult<()> {
        let row = &self.facts.entry.row;
        if !row.adopted || row.layer.pointer("/artifact/sha256").is_none() {
            return Ok(());
        }
        self.told_by(&row.layer)?;
        self.write_row(DeploymentRow { adopted: false, ..row.clone() });
        Ok(())
    }

    pub(super) fn roll_back(
        &mut self,
        r: &Rollback,
        done: &[Operation],
        reachable: bool,
    ) -> ManagerResult<()> {
        let now = self.facts.entry.row.revision.unwrap_or(0);
        let failure = |n: u32| history::failure(n, done);
        let earlier = self.facts.revisions.iter().map(|r| r.number).filter(|n| *n < now);
        // One that did not hold is never what "back" means; by its number it can be had.
        let number = match r.revision.or_else(|| earlier.clone().find(|n| failure(*n).is_none())) {
            Some(n) => n,
            None => {
                let why = match earlier.clone().next() {
                    Some(_) => "all earlier revisions have failed",
                    None => "it has no earlier revision",
                };
                let hint = format!(
                    "list them: nutkin history {}; --revision N takes one of them",
                    self.facts.entry.row.name
                );
                return Err(wrong_state(self.facts, why, &hint));
            }
        };
        if let Some(op) = failure(number) {
            self.checks
                .warn("revision", format!("revision {number} has failed before, in operation {}", op.id));
        }
        let target = self.revision_of(number)?;
        self.previous = self.facts.entry.row.revision.map(|n| self.revision_of(n)).transpose()?;
        let other_jar =
            self.previous.as_ref().is_some_and(|p| p.1.artifact.sha256 != target.1.artifact.sha256);
        if other_jar && !self.plan.allow_non_restored_state {
            self.checks.warn(
                "operators",
                format!(
                    "revision {number} is another jar: if it lacks an operator whose state is in the snapshot, \
                     Flink refuses it and revision {now} runs again; --allow-non-restored-state drops such state"
                ),
            );
        }
        let mut next = self.facts.entry.row.clone();
        next.layer = self.inner.world().layer_for(next.name.app(), &target.0);
        if next.layer != self.facts.entry.row.layer {
            next.spec_version += 1;
            self.write_row(next);
        }
        self.to_run = Some(target);
        let from = read_from(self.kind, r.from.as_deref())?;
        self.replace(from, UpgradeStrategy::Stateful, None, reachable);
        Ok(())
    }
}
