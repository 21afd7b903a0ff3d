//! Puts steps, checks and words together.

use serde_json::Value;

use super::{super::Draft, Building};
use crate::{
    contract::plan::{Confirmation, Plan as Card},
    domain::{
        ids::{ArtifactSha, TargetName},
        operation::{
            Act, Kind,
            recipe::{self, Facts as Shape},
        },
        restore,
        spec::{self, Protection, Spec},
        time::Timestamp,
    },
    manager::{
        ManagerResult,
        ports::store::ArtifactRow,
        submit::{preflight, words},
        view,
    },
};

impl Building<'_> {
    /// Puts steps, checks and words together.
    pub(in crate::manager::submit) async fn finish(mut self, command: String) -> ManagerResult<Draft> {
        let f = self.facts;
        self.check_what_runs().await?;
        let previous_jar = self.way_back();
        self.verify_restore_point().await;
        let acts = recipe::steps(self.kind, &self.plan, &self.shape(previous_jar));
        let (protection, target_read_only) = self.guards();
        let card = self.card(&acts, command);
        Ok(Draft {
            kind: self.kind,
            deployment: f.entry.row.id.clone(),
            name: f.entry.row.name.clone(),
            target: f.entry.target(),
            plan: self.plan,
            acts,
            rows: self.rows,
            protection,
            target_read_only,
            destructive: self.destructive,
            parent: None,
            supersedes: f.active.clone().filter(|_| self.takeover.is_some()),
            base: Some(f.entry.row.clone()),
            card,
        })
    }

    /// The revision to run: whether it can be submitted, and what the plan takes from it.
    async fn check_what_runs(&mut self) -> ManagerResult<()> {
        let Some((row, spec)) = self.to_run.clone() else { return Ok(()) };
        let f = self.facts;
        let jar = self.stored(&spec).await?;
        preflight::submission(&mut self.checks, f, &spec, &row, &self.inner.settings, jar.as_ref());
        preflight::same_target(&mut self.checks, f, &spec, &row);
        preflight::one_job(&mut self.checks, f);
        self.plan.revision = Some(row.number);
        self.plan.slots_needed = spec.parallelism;
        self.plan.probation = spec.probation;
        self.plan.max_job_attempts = spec.max_job_attempts;
        Ok(())
    }

    /// The revision to go back to, and its jar. A deployment whose jar nobody knows cannot be run again: then there is no
    /// way back.
    fn way_back(&mut self) -> Option<ArtifactSha> {
        let (row, spec) = self.previous.clone()?;
        let jar = spec.artifact.sha256.clone()?;
        if self.facts.live.is_some() {
            preflight::resolvable(&mut self.checks, &spec, &self.inner.settings);
            self.plan.previous_revision = Some(row.number);
            self.plan.previous_slots_needed = spec.parallelism;
        }
        Some(jar)
    }

    /// What decides which steps there are.
    fn shape(&self, previous_jar: Option<ArtifactSha>) -> Shape {
        let f = self.facts;
        let mut takeover = self.takeover.clone().unwrap_or_default();
        if self.kind == Kind::Cancel {
            takeover.jobs.extend(f.other_live.iter().cloned());
        }
        // Such a plan cannot be run now; it shows what will be done when the cluster answers.
        let ends = matches!(self.kind, Kind::Suspend | Kind::Cancel | Kind::Savepoint);
        Shape {
            live: f.job().cloned().or_else(|| f.job_by_the_books().filter(|_| ends)),
            stop: self.stop,
            jar: self.to_run.as_ref().and_then(|(_, s)| s.artifact.sha256.clone()),
            previous_jar,
            retained: f.checkpoint_config.as_ref().is_some_and(|c| c.retained),
            takeover,
            plan_check: f.target.as_ref().is_some_and(|t| t.spec.plan_check),
        }
    }

    /// The plan for people.
    fn card(&self, acts: &[Act], command: String) -> Card {
        let f = self.facts;
        let now_spec = f.entry.revision.as_ref().map_or(Value::Null, |r| r.spec.clone());
        let next_spec = self.to_run.as_ref().map(|(r, _)| r.spec.clone());
        let (crash, end) = restore::loss_windows(f.entry.own_savepoints(), view::live_checkpoint(&f.entry));
        // A fork leaves its source as it is: nothing of it is at stake.
        let live = f.live.is_some() && self.kind != Kind::Fork;
        let age = |t: Option<Timestamp>| t.filter(|_| live).map(|t| f.now.seconds_since(t));
        let chosen = self.advice.as_ref().and_then(|a| a.chosen());
        let started = self.starts.iter().flat_map(|s| words::fork_start(s, &self.plan, acts.len()));
        Card {
            kind: self.kind,
            deployment: f.entry.row.name.to_string(),
            target: f.entry.target().to_string(),
            steps: words::steps(acts, &self.plan).into_iter().chain(started).collect(),
            revision_now: f.entry.row.revision,
            revision_next: self.plan.revision,
            version_label: self.to_run.as_ref().map(|(r, _)| r.version_label.clone()),
            diff: next_spec.as_ref().map(|n| spec::diff(&now_spec, n)).unwrap_or_default(),
            spec: next_spec,
            restore_points: self.advice.as_ref().map(view::restore_points).unwrap_or_default(),
            restore_why: words::restore_why(&self.plan, self.advice.as_ref(), self.stop, f.now),
            checks: self.checks.0.clone(),
            warnings: self.warnings.clone(),
            irreversible: self.irreversible.clone(),
            crash_loss_seconds: age(crash),
            end_loss_seconds: age(end),
            rewind_seconds: chosen.and_then(|c| c.rewind_seconds).or(self.rewind),
            expected_savepoint_seconds: words::expected_savepoint(f),
            if_it_fails: recipe::if_it_fails(&self.plan),
            confirmation: Confirmation::None,
            typed_name: self.typed_name(),
            runnable: false,
            command,
            plan_digest: String::new(),
        }
    }

    /// What protects that which the operation touches, and whether one of its targets is read-only.
    fn guards(&self) -> (Protection, bool) {
        let (f, world) = (self.facts, self.inner.world());
        let target = f.entry.target();
        let read_only = f.target.as_ref().is_some_and(|t| t.spec.read_only);
        if self.kind == Kind::Fork {
            // The source runs on as it is; what the fork starts is protected by its own word.
            let Some(spec) = &self.starts else { return (Protection::None, read_only) };
            let there = TargetName::from(spec.target.as_str());
            let locked = world.targets.get(&there).is_some_and(|t| t.spec.read_only);
            return (world.protection(Some(spec), &there), read_only || locked);
        }
        // What runs is protected by its own word, whatever the new one says.
        let specs = [f.entry.spec.as_ref(), self.to_run.as_ref().map(|(_, s)| s)];
        let strongest = specs.into_iter().map(|s| world.protection(s, &target)).max();
        (strongest.unwrap_or(Protection::None), read_only)
    }

    /// What a person types: the name of what is touched.
    fn typed_name(&self) -> String {
        let started = self.plan.creates.as_ref().filter(|c| c.start && self.kind == Kind::Fork);
        started.map_or(&self.facts.entry.row.name, |c| &c.name).to_string()
    }

    /// The jar of a spec, if its row and its file are here.
    pub(super) async fn stored(&self, spec: &Spec) -> ManagerResult<Option<ArtifactRow>> {
        let Some(sha) = &spec.artifact.sha256 else { return Ok(None) };
        let store = &self.inner.deps.store;
        let there = tokio::fs::try_exists(store.artifact_path(sha)).await.unwrap_or(false);
        let row = store.artifacts().await?.into_iter().find(|a| a.sha == *sha);
        Ok(row.filter(|_| there))
    }
}
