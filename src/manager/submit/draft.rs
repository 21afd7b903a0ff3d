//! From a verb and the facts to a draft: the operation's plan, its steps, its rows, and the card.

use std::sync::Arc;

use serde_json::Value;

use super::{
    Draft, desired_after,
    facts::Facts,
    preflight::{self, Checks},
    words,
};
use crate::{
    contract::{
        intent::{Fork, Reset, Upgrade, Verb},
        plan::{Confirmation, Plan as Card},
        problem::{Code, Problem},
    },
    domain::{
        ids::{ArtifactSha, DeploymentName},
        operation::{
            Before, Creates, Kind, Plan, RestoreSource,
            recipe::{self, Facts as Shape, Stop},
        },
        restore::{Advice, Request},
        savepoint::{Format, Origin, Status},
        spec::{self, RestoreStrategy, Spec, UpgradeStrategy},
        time::Span,
    },
    manager::{
        Caller, ManagerResult,
        inner::Inner,
        ports::store::{ArtifactRow, Changes, DeploymentRow, RevisionRow},
        specs, view,
    },
};

/// A draft under construction.
pub(super) struct Building<'a> {
    pub inner: &'a Arc<Inner>,
    pub facts: &'a Facts,
    pub kind: Kind,
    pub plan: Plan,
    pub checks: Checks,
    pub rows: Changes,
    pub stop: Stop,
    pub to_run: Option<(RevisionRow, Spec)>,
    pub previous: Option<(RevisionRow, Spec)>,
    pub advice: Option<Advice>,
    pub warnings: Vec<String>,
    pub irreversible: Vec<String>,
    pub destructive: bool,
}

/// Drafts a verb on a deployment.
pub async fn of_verb(inner: &Arc<Inner>, f: &Facts, verb: &Verb, _who: &Caller) -> ManagerResult<Draft> {
    let mut b = Building::new(inner, f, verb.kind());
    let reachable = match verb {
        Verb::Delete(_) => true,
        _ => preflight::reachable(&mut b.checks, f),
    };
    match verb {
        Verb::Start(r) => {
            b.wants_no_job()?;
            b.current_revision()?;
            b.plan.allow_non_restored_state = r.allow_non_restored_state;
            b.restore(&from_words(r.from.as_deref(), f));
        }
        Verb::Suspend(r) => {
            b.wants_job()?;
            b.take(r.format, Origin::Suspend);
            b.plan.drain = r.drain;
            if r.drain {
                b.warnings.push(
                    "draining fires all windows and timers; the restore advisor passes such a savepoint over"
                        .to_owned(),
                );
            }
            if reachable {
                preflight::snapshot(&mut b.checks, f, true);
            }
            b.adopted_warning();
        }
        Verb::Savepoint(r) => {
            b.wants_job()?;
            b.take(r.format, Origin::UserRequest);
            b.plan.label.clone_from(&r.label);
            if let Some(dir) = &r.directory {
                b.plan.savepoint_base = Some(dir.clone());
            }
            if reachable {
                preflight::snapshot(&mut b.checks, f, false);
            }
        }
        Verb::Cancel(_) => b.cancel()?,
        Verb::Restart(r) => {
            b.current_revision()?;
            b.previous = b.to_run.clone();
            b.replace(r.from.as_deref(), UpgradeStrategy::Stateful, None, reachable);
        }
        Verb::Upgrade(r) => b.upgrade(r, reachable).await?,
        Verb::Rollback(r) => {
            b.plan.allow_non_restored_state = r.allow_non_restored_state;
            b.roll_back(r.revision, r.from.as_deref(), reachable)?;
        }
        Verb::Reset(r) => b.reset(r)?,
        Verb::Fork(r) => b.fork(r, reachable)?,
        Verb::Delete(_) => {
            if f.live.is_some() {
                return Err(wrong_state(f, "it has a live job", "suspend or cancel it first"));
            }
            b.destructive = true;
            b.irreversible.push("the name leaves the books; savepoints and their files stay".to_owned());
        }
    }
    b.plan.desired_after = desired_after(b.kind);
    b.finish(words::command(&f.entry.row.name, verb)).await
}

/// Drafts the upgrade that a changed manifest asks for.
pub async fn of_row(inner: &Arc<Inner>, f: &Facts, next: DeploymentRow) -> ManagerResult<Draft> {
    let mut b = Building::new(inner, f, Kind::Upgrade);
    let reachable = preflight::reachable(&mut b.checks, f);
    b.upgrade_row(next, &Upgrade::default(), None, reachable)?;
    b.plan.desired_after = desired_after(b.kind);
    let name = f.entry.row.name.to_string();
    b.finish(format!("nutkin apply -f MANIFEST   # {name}")).await
}

/// `latest`, `none`, or a savepoint's id or place; nothing = the deployment's strategy.
pub(super) fn from_words(from: Option<&str>, f: &Facts) -> Request {
    match from {
        None => view::next_request(&f.entry),
        Some("latest" | "last-checkpoint") => Request::Strategy(RestoreStrategy::LatestState),
        Some("none") => Request::Strategy(RestoreStrategy::None),
        Some(other) => Request::This(other.to_owned()),
    }
}

pub(super) fn wrong_state(f: &Facts, why: &str, hint: &str) -> Problem {
    let text = format!("{} is {}: {why}; nothing was changed", f.entry.row.name, f.entry.sight.observed);
    Problem::new(Code::WrongState, text).hint(hint)
}

impl<'a> Building<'a> {
    pub(super) fn new(inner: &'a Arc<Inner>, facts: &'a Facts, kind: Kind) -> Self {
        let spec = facts.entry.spec.as_ref();
        let config = facts.checkpoint_config.as_ref();
        let plan = Plan {
            version: 1,
            old_job: facts.job().cloned(),
            revision: None,
            previous_revision: None,
            restore: RestoreSource::Empty,
            allow_non_restored_state: false,
            savepoint_base: facts.base.clone(),
            format: spec.map_or(Format::Canonical, |s| s.savepoint_format),
            drain: false,
            label: None,
            origin: Origin::UserRequest,
            max_savepoint_attempts: spec.map_or(4, |s| s.max_savepoint_attempts),
            max_job_attempts: spec.map_or(4, |s| s.max_job_attempts),
            probation: spec.map(|s| s.probation).unwrap_or_default(),
            checkpoint_timeout: config
                .and_then(|c| c.timeout)
                .unwrap_or(Span(std::time::Duration::from_secs(600))),
            checkpoint_interval: config.and_then(|c| c.interval),
            slots_needed: 0,
            previous_slots_needed: 0,
            desired_after: None,
            savepoint: None,
            location: None,
            warnings: vec![],
            acknowledged: None,
            before: None,
            creates: None,
            compensation: None,
        };
        Self {
            inner,
            facts,
            kind,
            plan,
            checks: Checks::default(),
            rows: Changes::default(),
            stop: Stop::Savepoint,
            to_run: None,
            previous: None,
            advice: None,
            warnings: vec![],
            irreversible: vec![],
            destructive: false,
        }
    }

    fn wants_job(&self) -> ManagerResult<()> {
        if self.facts.live.is_none() && self.facts.silent.is_none() {
            return Err(wrong_state(self.facts, "no job of it lives", "start it: nutkin start APP/NAME"));
        }
        Ok(())
    }

    fn wants_no_job(&self) -> ManagerResult<()> {
        if self.facts.live.is_some() {
            return Err(wrong_state(
                self.facts,
                "its job lives",
                "upgrade or restart it, or suspend it first",
            ));
        }
        Ok(())
    }

    fn take(&mut self, format: Option<Format>, origin: Origin) {
        if let Some(f) = format {
            self.plan.format = f;
        }
        self.plan.origin = origin;
    }

    fn adopted_warning(&mut self) {
        if self.facts.entry.row.adopted {
            self.warnings.push(
                "this job was adopted: nutkin does not know its jar and cannot start it again before an upgrade names one".to_owned(),
            );
        }
    }

    fn revision_of(&self, number: u32) -> ManagerResult<(RevisionRow, Spec)> {
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
    fn current_revision(&mut self) -> ManagerResult<()> {
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
    fn add_revision(&mut self, merged: &spec::Merged, jar: Option<&str>) -> ManagerResult<()> {
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

    /// Chooses the restore point and puts it into the plan.
    fn restore(&mut self, request: &Request) {
        let advice = view::advice(&self.facts.entry, &self.inner.world(), request, self.facts.now);
        self.adopt_advice(advice, request);
    }

    fn adopt_advice(&mut self, advice: Advice, request: &Request) {
        match advice.chosen() {
            Some(c) => {
                let place = c.location.clone().unwrap_or_default();
                match &c.savepoint {
                    Some(id) => {
                        self.checks.ok("restorePoint", advice.why.clone());
                        self.plan.restore = RestoreSource::Point { savepoint: id.clone(), location: place };
                    }
                    None => self.checks.fail(
                        "restorePoint",
                        "a checkpoint of the running job is no restore point yet: Flink replaces it by the next one",
                        "go on from the last one with --from last-checkpoint, or take a savepoint",
                    ),
                }
            }
            None if advice.refused => {
                self.checks.fail(
                    "restorePoint",
                    advice.why.clone(),
                    "choose one: nutkin savepoint list APP/NAME, or begin empty with --from none",
                );
            }
            None => {
                let had_state = !self.facts.entry.savepoints.is_empty()
                    && *request == Request::Strategy(RestoreStrategy::None);
                if had_state {
                    self.destructive = true;
                    self.irreversible
                        .push("the job begins empty: what it has computed so far is not restored".to_owned());
                }
                self.checks.ok("restorePoint", advice.why.clone());
            }
        }
        if let Some(w) = &advice.warning {
            let repeats = advice.chosen().is_some_and(|c| c.rewind_seconds.is_some_and(|r| r > 0));
            let newer = w.starts_with("a newer");
            // An older snapshot than the newest usable one is a deviation that a person must agree to; a reset was that.
            let agreed =
                self.facts.entry.row.next_restore.is_some() && matches!(request, Request::Strategy(_));
            self.destructive |= newer && !agreed;
            if newer || repeats {
                self.warnings.push(w.clone());
            }
        }
        self.advice = Some(advice);
    }

    fn cancel(&mut self) -> ManagerResult<()> {
        self.wants_job()?;
        self.stop = Stop::Discard;
        let retained = self.facts.checkpoint_config.as_ref().is_some_and(|c| c.retained);
        let newest = self.facts.checkpoints.as_ref().and_then(|c| c.latest_completed.as_ref());
        let usable = self.facts.entry.savepoints.iter().any(|s| s.status == Status::Completed);
        self.irreversible.push("no savepoint is taken".to_owned());
        match (retained, newest) {
            (true, Some(c)) => {
                self.warnings.push(format!("checkpoint {} is retained and becomes a restore point", c.id))
            }
            (false, Some(_)) => self
                .irreversible
                .push("the job's checkpoints are deleted with it: they are not retained".to_owned()),
            (_, None) => self.warnings.push("the job has no completed checkpoint".to_owned()),
        }
        let left = usable || (retained && newest.is_some());
        if !left {
            self.destructive = true;
            self.irreversible.push("nothing to restore from would be left".to_owned());
        }
        self.adopted_warning();
        Ok(())
    }

    async fn upgrade(&mut self, r: &Upgrade, reachable: bool) -> ManagerResult<()> {
        let row = self.facts.entry.row.clone();
        let artifact = match &r.artifact {
            Some(a) => Some(super::others::find_artifact(self.inner, a).await?),
            None => None,
        };
        if row.adopted {
            self.adopted_needs(r, artifact.is_some())?;
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
    fn upgrade_row(
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
        self.replace(r.from.as_deref(), strategy, r.format, reachable);
        Ok(())
    }

    /// The row is written with the operation, and put back unless the operation succeeds.
    fn write_row(&mut self, next: DeploymentRow) {
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

    fn adopted_needs(&self, r: &Upgrade, has_jar: bool) -> ManagerResult<()> {
        let missing: Vec<&str> = [
            (has_jar, "--jar"),
            (r.entry_class.is_some(), "--entry-class"),
            (r.args.is_some(), "--args"),
            (r.parallelism.is_some(), "--parallelism"),
        ]
        .into_iter()
        .filter_map(|(given, flag)| (!given).then_some(flag))
        .collect();
        if missing.is_empty() {
            return Ok(());
        }
        Err(Problem::new(
            Code::InvalidSpec,
            format!(
                "{} was adopted: its first upgrade needs {}, nothing is guessed; nothing was changed",
                self.facts.entry.row.name,
                missing.join(", ")
            ),
        ))
    }

    fn roll_back(&mut self, revision: Option<u32>, from: Option<&str>, reachable: bool) -> ManagerResult<()> {
        let now = self.facts.entry.row.revision.unwrap_or(0);
        let number = match revision {
            Some(n) => n,
            None => self.facts.revisions.iter().map(|r| r.number).find(|n| *n < now).ok_or_else(|| {
                wrong_state(self.facts, "it has no earlier revision", "list them: nutkin history APP/NAME")
            })?,
        };
        let target = self.revision_of(number)?;
        self.previous = self.facts.entry.row.revision.map(|n| self.revision_of(n)).transpose()?;
        let mut next = self.facts.entry.row.clone();
        next.layer = self.inner.world().layer_for(next.name.app(), &target.0);
        if next.layer != self.facts.entry.row.layer {
            next.spec_version += 1;
            self.write_row(next);
        }
        self.to_run = Some(target);
        self.replace(from, UpgradeStrategy::Stateful, None, reachable);
        Ok(())
    }

    /// Brings the live job to its end and runs a revision after it; without a live job only runs it.
    fn replace(
        &mut self,
        from: Option<&str>,
        strategy: UpgradeStrategy,
        format: Option<Format>,
        reachable: bool,
    ) {
        self.take(format, Origin::SuspendAndUpgrade);
        if self.facts.live.is_none() {
            let request = match strategy {
                UpgradeStrategy::Stateless => Request::Strategy(RestoreStrategy::None),
                _ => from_words(from, self.facts),
            };
            self.restore(&request);
            return;
        }
        match (from, strategy) {
            (_, UpgradeStrategy::Stateless) => {
                self.stop = Stop::Discard;
                self.destructive = true;
                self.irreversible
                    .push("the job is cancelled without a savepoint and the new one begins empty".to_owned());
            }
            (Some("last-checkpoint"), _) => self.last_checkpoint(),
            (Some(other), _) => {
                self.stop = Stop::Discard;
                self.restore(&Request::This(other.to_owned()));
                self.destructive = true;
                self.irreversible.push(
                    "the live job is cancelled; its progress since the chosen snapshot is repeated"
                        .to_owned(),
                );
            }
            (None, _) => {
                self.plan.restore = RestoreSource::ThisOperation;
                if reachable {
                    preflight::snapshot(&mut self.checks, self.facts, true);
                }
            }
        }
    }

    fn last_checkpoint(&mut self) {
        self.stop = Stop::LastCheckpoint;
        self.plan.restore = RestoreSource::ThisOperation;
        let retained = self.facts.checkpoint_config.as_ref().map(|c| c.retained);
        let newest = self.facts.checkpoints.as_ref().and_then(|c| c.latest_completed.as_ref());
        let kept = self.facts.entry.job.as_ref().is_some_and(|j| j.last_checkpoint.is_some());
        match (retained, newest.is_some() || kept) {
            (Some(true), true) => {
                self.checks.ok(
                    "lastCheckpoint",
                    "the newest completed checkpoint is retained: it outlives the cancel",
                );
                self.warnings.push(
                    "the job goes on from its last checkpoint; outputs since are produced again".to_owned(),
                );
            }
            (Some(true), false) => self.checks.fail(
                "lastCheckpoint",
                "the job has no completed checkpoint",
                "wait for one, or begin empty with --upgrade-strategy STATELESS",
            ),
            (Some(false), _) => self.checks.fail(
                "lastCheckpoint",
                "the job's checkpoints are deleted when it ends: they are not retained",
                "stop it with a savepoint, or import a savepoint taken by other means",
            ),
            (None, _) => self.checks.fail(
                "lastCheckpoint",
                "whether the job's checkpoints outlive it is not known",
                "try again when the cluster answers",
            ),
        }
    }

    fn reset(&mut self, r: &Reset) -> ManagerResult<()> {
        if self.facts.live.is_some() && !r.cancel_and_start {
            return Err(wrong_state(
                self.facts,
                "a job lives, and a reset takes effect at the next start",
                "suspend it first, or give --cancel-and-start",
            ));
        }
        let request = Request::This(r.savepoint.clone());
        self.restore(&request);
        // Choosing an older one is what a reset is for; it is acknowledged here, once.
        self.destructive = false;
        if let RestoreSource::Point { savepoint, location } = self.plan.restore.clone() {
            self.plan.savepoint = Some(savepoint);
            self.plan.location = Some(location);
        }
        if self.facts.live.is_some() {
            self.current_revision()?;
            self.stop = Stop::Discard;
            self.destructive = true;
            self.irreversible.push(
                "the live job is cancelled; its progress since the chosen savepoint is repeated".to_owned(),
            );
        } else {
            self.to_run = None;
            self.warnings.push("one-shot: any newer snapshot or job disarms it".to_owned());
        }
        Ok(())
    }

    fn fork(&mut self, r: &Fork, reachable: bool) -> ManagerResult<()> {
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
        match r.from.as_deref() {
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
        self.plan.creates = Some(Creates { id: self.inner.fresh_deployment(), name, layer, start: r.start });
        Ok(())
    }

    /// Puts steps, checks and words together.
    pub(super) async fn finish(mut self, command: String) -> ManagerResult<Draft> {
        let f = self.facts;
        if let Some((row, spec)) = self.to_run.clone() {
            let jar = self.stored(&spec).await?;
            preflight::submission(&mut self.checks, f, &spec, &row, &self.inner.settings, jar.as_ref());
            preflight::one_job(&mut self.checks, f);
            self.plan.revision = Some(row.number);
            self.plan.slots_needed = spec.parallelism;
            self.plan.probation = spec.probation;
            self.plan.max_job_attempts = spec.max_job_attempts;
        }
        let jar = |p: &Option<(RevisionRow, Spec)>| p.as_ref().and_then(|(_, s)| s.artifact.sha256.clone());
        // A deployment whose jar nobody knows cannot be run again: then there is no way back.
        let previous_jar: Option<ArtifactSha> = jar(&self.previous);
        if let Some((row, spec)) =
            self.previous.as_ref().filter(|_| previous_jar.is_some() && f.live.is_some())
        {
            self.plan.previous_revision = Some(row.number);
            self.plan.previous_slots_needed = spec.parallelism;
        }
        self.verify_restore_point().await;
        let shape = Shape {
            live: f.job().cloned(),
            stop: self.stop,
            jar: jar(&self.to_run),
            previous_jar,
            retained: f.checkpoint_config.as_ref().is_some_and(|c| c.retained),
            plan_check: f.target.as_ref().is_some_and(|t| t.spec.plan_check),
        };
        let acts = recipe::steps(self.kind, &self.plan, &shape);
        let now_spec = f.entry.revision.as_ref().map_or(Value::Null, |r| r.spec.clone());
        let next_spec = self.to_run.as_ref().map(|(r, _)| r.spec.clone());
        let diff = next_spec.as_ref().map(|n| spec::diff(&now_spec, n)).unwrap_or_default();
        let (crash, end) =
            crate::domain::restore::loss_windows(&f.entry.savepoints, view::live_checkpoint(&f.entry));
        let live = f.live.is_some();
        let age =
            |t: Option<crate::domain::time::Timestamp>| t.filter(|_| live).map(|t| f.now.seconds_since(t));
        let target = f.entry.target();
        let card = Card {
            kind: self.kind,
            deployment: f.entry.row.name.to_string(),
            target: target.to_string(),
            steps: words::steps(&acts, &self.plan),
            revision_now: f.entry.row.revision,
            revision_next: self.plan.revision,
            version_label: self.to_run.as_ref().map(|(r, _)| r.version_label.clone()),
            diff,
            spec: next_spec,
            restore_points: self.advice.as_ref().map(view::restore_points).unwrap_or_default(),
            restore_why: words::restore_why(&self.plan, self.advice.as_ref(), self.stop),
            checks: self.checks.0,
            warnings: self.warnings,
            irreversible: self.irreversible,
            crash_loss_seconds: age(crash),
            end_loss_seconds: age(end),
            rewind_seconds: self.advice.as_ref().and_then(|a| a.chosen()).and_then(|c| c.rewind_seconds),
            expected_savepoint_seconds: words::expected_savepoint(f),
            confirmation: Confirmation::None,
            runnable: false,
            command,
            plan_digest: String::new(),
        };
        let (protection, target_read_only) = {
            let world = self.inner.world();
            let spec = self.to_run.as_ref().map(|(_, s)| s).or(f.entry.spec.as_ref());
            (world.protection(spec, &target), f.target.as_ref().is_some_and(|t| t.spec.read_only))
        };
        Ok(Draft {
            kind: self.kind,
            deployment: f.entry.row.id.clone(),
            name: f.entry.row.name.clone(),
            target,
            plan: self.plan,
            acts,
            rows: self.rows,
            typed_name: f.entry.row.name.to_string(),
            protection,
            target_read_only,
            destructive: self.destructive,
            base: Some(f.entry.row.clone()),
            card,
        })
    }

    /// The jar of a spec, if its row and its file are here.
    async fn stored(&self, spec: &Spec) -> ManagerResult<Option<ArtifactRow>> {
        let Some(sha) = &spec.artifact.sha256 else { return Ok(None) };
        let store = &self.inner.deps.store;
        let there = tokio::fs::try_exists(store.artifact_path(sha)).await.unwrap_or(false);
        let row = store.artifacts().await?.into_iter().find(|a| a.sha == *sha);
        Ok(row.filter(|_| there))
    }

    /// Where somebody may look, the restore point is looked at before anything is stopped.
    async fn verify_restore_point(&mut self) {
        let RestoreSource::Point { location, .. } = &self.plan.restore else { return };
        let Some(target) = &self.facts.target else { return };
        if self.inner.deps.eyes.is_complete(&target.spec, location).await == Some(false) {
            let text = format!("the restore point is not at its place, or has no _metadata: {location}");
            self.checks.fail("restorePoint", text, "choose another one: nutkin savepoint list APP/NAME");
        }
    }
}
