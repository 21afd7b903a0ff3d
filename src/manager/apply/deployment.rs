//! A deployment's document: a new one, a changed layer, a state to go to, or an upgrade of what runs.

use serde_json::{Map, Value};

use super::{
    Ask, action, applied,
    decision::{Asked, Change, Follows, asked_in, decide, refuse_overwrite, with_state_of},
    invalid, matches_version,
};
use crate::{
    contract::{
        intent::{Applied, ApplyAction, Cancel, Document, Intent, Meta, Start, Suspend, Verb},
        plan::{Plan, Submitted},
        problem::{Code, Problem},
    },
    domain::{
        deployment::Desired,
        event::{EventName, NewEvent, Severity},
        ids::{DeploymentName, TargetName},
        names,
        operation::{Creates, Kind},
        spec::{self, UpgradeStrategy},
    },
    manager::{
        Manager, ManagerResult, books, history,
        ports::store::{Changes, DeploymentRow},
        specs, submit,
    },
};

impl Manager {
    pub(super) async fn apply_deployment(&self, ask: &Ask<'_>, doc: &Document) -> ManagerResult<Applied> {
        let inner = &self.inner;
        let app = doc.metadata.application.clone().unwrap_or_default();
        let name = DeploymentName::new(&app, &doc.metadata.name).map_err(|e| invalid(e.to_string()))?;
        let (layer, state) = split_state(&doc.spec)?;
        let old = inner.world().deployments.get(&name).map(|e| e.row.clone());
        matches_version(ask.if_match, old.as_ref().map(|o| o.spec_version))?;
        let effective = specs::checked(&self.merged_with(ask, &app, &layer))?;
        if effective.artifact.jar.is_some() && effective.artifact.sha256.is_none() {
            return Err(invalid(
                "spec.artifact/jar: only a file beside the manifest is uploaded, by the client; bring any other jar with \
                 `nutkin artifact add FILE` and name it by artifact.sha256"
                    .to_owned(),
            ));
        }
        let unknown_target = {
            let w = inner.world();
            (!w.targets.contains_key(&effective.target.as_str().into())).then(|| {
                let near = names::nearest(&effective.target, w.targets.keys().map(TargetName::as_str));
                invalid(format!("spec.target: there is no target {:?}", effective.target)).hint(
                    near.map_or_else(
                        || "register it first: nutkin target add".to_owned(),
                        |n| format!("did you mean {n}?"),
                    ),
                )
            })
        };
        let in_batch =
            ask.batch.documents.iter().any(|d| d.kind == "Target" && d.metadata.name == effective.target);
        if let Some(p) = unknown_target.filter(|_| !(ask.dry_run && in_batch)) {
            return Err(p);
        }
        let Some(old) = old else {
            return self.create(ask, doc, name, layer, state).await;
        };
        if let Err(problem) = refuse_overwrite(&old, &layer, ask.batch.force) {
            // What it would change is worth seeing all the same.
            let diff = spec::diff(&old.layer, &layer);
            let out = applied(doc, &name.to_string(), ApplyAction::Refused, diff);
            return Ok(Applied { problem: Some(problem), ..out });
        }
        self.update(ask, doc, old, layer, state).await
    }

    /// The effective spec that a layer would give; a dry run sees the defaults that come in the same batch, which an apply
    /// has written by then.
    fn merged_with(&self, ask: &Ask<'_>, app: &str, layer: &Value) -> spec::Merged {
        let mut seen = self.inner.world().defaults(app, layer);
        let of_batch = |kind: &str, name: &str| {
            let same = |d: &&Document| ask.dry_run && d.kind == kind && d.metadata.name == name;
            ask.batch
                .documents
                .iter()
                .find(same)
                .map(|d| d.spec.get("defaults").cloned().unwrap_or(Value::Null))
        };
        seen.application = of_batch("Application", app).or(seen.application);
        let target = specs::target_of(layer, seen.application.as_ref()).map(str::to_owned);
        seen.target = target.and_then(|t| of_batch("Target", &t)).or(seen.target);
        seen.merge(layer)
    }

    async fn create(
        &self,
        ask: &Ask<'_>,
        doc: &Document,
        name: DeploymentName,
        layer: Value,
        state: Option<Desired>,
    ) -> ManagerResult<Applied> {
        let inner = &self.inner;
        let diff = spec::diff(&Value::Null, &doc.spec);
        let mut out = applied(doc, &name.to_string(), ApplyAction::Create, diff);
        let starts = state == Some(Desired::Running);
        out.operation_kind = starts.then_some(Kind::Start);
        if ask.dry_run {
            return Ok(out);
        }
        let creates = Creates { id: inner.fresh_deployment(), name: name.clone(), layer, start: false };
        let mut row = books::new_deployment(inner, &creates);
        row.labels = doc.metadata.labels.clone();
        // It is at rest, as the manifest wants it: nobody has made it anything else.
        row.desired = state.filter(|s| *s == Desired::Suspended).unwrap_or(row.desired);
        // A start that is refused must be asked for again: its state counts as applied once the start is accepted.
        row.applied = Some(if starts { with_state_of(&doc.spec, None) } else { doc.spec.clone() });
        row.revision = Some(1);
        let merged = inner.world().merged(&row);
        let mut revision = specs::revision(&row, 1, &merged, None);
        revision.author.clone_from(&ask.who.actor);
        revision.reason.clone_from(&ask.batch.meta.reason);
        let mut changes = Changes::default();
        if !inner.world().applications.contains_key(name.app()) {
            changes.applications.push(books::new_application(inner, name.app()));
        }
        let text = format!("{name} was created");
        let event = inner.caller_event(ask.who, Severity::Info, EventName::DeploymentCreated, text);
        changes.events.push(event.about(&row.id, &name));
        changes.deployments.push(row);
        changes.revisions.push(revision);
        let gate = inner.gate().await;
        inner.commit(&gate, changes).await?;
        drop(gate);
        if starts {
            // A first start has nothing to lose: the manifest that creates it is its confirmation.
            let meta =
                Meta { yes: true, confirm: Some(name.to_string()), ..ask.batch.meta_of(&name.to_string()) };
            self.follow(ask, doc, &mut out, &name, Verb::Start(Start { meta, ..Start::default() })).await?;
        }
        Ok(out)
    }

    async fn update(
        &self,
        ask: &Ask<'_>,
        doc: &Document,
        old: DeploymentRow,
        layer: Value,
        state: Option<Desired>,
    ) -> ManagerResult<Applied> {
        let inner = &self.inner;
        let live = {
            let world = inner.world();
            world.by_id(&old.id).is_some_and(|e| world.may_live(e))
        };
        let merged = |layer: &Value| self.merged_with(ask, old.name.app(), layer).value;
        let (before, after) = (merged(&old.layer), merged(&layer));
        if before.get("target") != after.get("target") {
            self.may_move(&old)?;
        }
        let diff = spec::diff(&old.layer, &layer);
        let new_job = live && spec::diff(&before, &after).iter().any(spec::needs_new_job);
        let asked = match state {
            Some(s) if s != old.desired => self.asked(&old, s).await?,
            _ => Asked::Reached,
        };
        let decision = decide(&Change {
            row: &old,
            state,
            asked,
            force: ask.batch.force_state || ask.patch,
            live,
            new_job,
            strategy: strategy_of(&after),
        });
        let meta = ask.batch.meta_of(&old.name.to_string());
        let (upgrades, verb) = match decision.follows {
            Follows::Nothing => (false, None),
            Follows::Upgrade => (true, None),
            Follows::State(to) => (false, verb_to(to, &meta)),
        };
        let unchanged = diff.is_empty() && old.labels == doc.metadata.labels && decision.wanted.is_none();
        let mut out = applied(doc, &old.name.to_string(), action(true, unchanged), diff.clone());
        out.warnings.extend(decision.warnings);
        out.operation_kind = verb.as_ref().map(Verb::kind).or(upgrades.then_some(Kind::Upgrade));
        let mut row = old.clone();
        row.labels = doc.metadata.labels.clone();
        if !ask.patch {
            // The upgrade leads to RUNNING and is one commit with its manifest; of every other state that is to be gone to,
            // the books keep the old one until its verb is accepted, so that the next apply asks for a refused one again.
            let reached = decision.wanted.is_none() || upgrades;
            row.applied =
                Some(if reached { doc.spec.clone() } else { with_state_of(&doc.spec, old.applied.as_ref()) });
        }
        if !diff.is_empty() {
            row.layer = layer;
            row.spec_version += 1;
        }
        if upgrades {
            // The layer and the upgrade are one commit: a refused upgrade changes nothing.
            match submit::upgrade_to(inner, row, &meta, ask.who, ask.dry_run).await? {
                Submitted::Operation(op) => out.operation_id = Some(op.operation_id),
                Submitted::Plan(plan) => {
                    if foresee(&mut out, plan) {
                        out.action = ApplyAction::Refused;
                    }
                }
            }
            return Ok(out);
        }
        if let Some(verb) = &verb {
            self.expected(ask, &row, verb, &mut out).await?;
        }
        if ask.dry_run {
            return Ok(out);
        }
        if row != old {
            self.write_layer(ask, row, &old, new_job).await?;
        }
        if let Some(verb) = verb {
            self.follow(ask, doc, &mut out, &old.name, verb).await?;
        }
        Ok(out)
    }

    /// A deployment changes its cluster only while no job of it can live on the old one.
    fn may_move(&self, row: &DeploymentRow) -> ManagerResult<()> {
        let world = self.inner.world();
        let lives = world.by_id(&row.id).and_then(|e| e.job.as_ref()).is_some_and(|j| j.ended_at.is_none());
        if !lives {
            return Ok(());
        }
        let detail = format!("{} may have a job on its target; nothing was changed", row.name);
        Err(Problem::new(Code::WrongState, detail)
            .hint("suspend it first, then apply the manifest with the other target; or fork it there"))
    }

    /// The plan of the verb that follows: a dry run answers it, and one that was confirmed must still be that one before
    /// anything is written.
    async fn expected(
        &self,
        ask: &Ask<'_>,
        row: &DeploymentRow,
        verb: &Verb,
        out: &mut Applied,
    ) -> ManagerResult<()> {
        if !ask.dry_run && verb.meta().expect.is_none() {
            return Ok(());
        }
        let plan = match submit::plan_of(&self.inner, row.clone(), verb, ask.who).await {
            Ok(plan) => plan,
            Err(p) if ask.dry_run => {
                out.problem = Some(p);
                return Ok(());
            }
            Err(p) => return Err(p),
        };
        if ask.dry_run {
            foresee(out, Box::new(plan));
            return Ok(());
        }
        if verb.meta().expect.as_ref() != Some(&plan.plan_digest) {
            let detail = "the plan is no longer the one that was confirmed; nothing was changed";
            return Err(Problem::new(Code::PlanChanged, detail)
                .hint("look at the new plan and confirm it")
                .plan(plan));
        }
        Ok(())
    }

    /// Writes a layer that asks for no new job; a deployment without a job gets its new revision at once. Where a job lives
    /// that only another one could replace, the deployment goes on with the revision that runs, and shows drift.
    async fn write_layer(
        &self,
        ask: &Ask<'_>,
        mut row: DeploymentRow,
        old: &DeploymentRow,
        runs_on: bool,
    ) -> ManagerResult<()> {
        let inner = &self.inner;
        let mut changes = Changes::default();
        let about = |event: NewEvent| event.about(&old.id, &old.name);
        if row.layer != old.layer && runs_on {
            let text = format!("the spec of {} has changed; its next job runs it", old.name);
            let event = inner.caller_event(ask.who, Severity::Info, EventName::ConfigChanged, text);
            changes.events.push(about(event));
        } else if row.layer != old.layer {
            let merged = inner.world().merged(&row);
            let newest = inner.deps.store.revisions(&row.id).await?.first().map_or(0, |r| r.number);
            let mut revision = specs::revision(&row, newest + 1, &merged, None);
            revision.author.clone_from(&ask.who.actor);
            revision.reason.clone_from(&ask.batch.meta.reason);
            revision.created_at = inner.now();
            row.revision = Some(revision.number);
            let text = format!("revision {} of {}", revision.number, row.name);
            let event = inner.caller_event(ask.who, Severity::Info, EventName::RevisionCreated, text);
            changes.events.push(about(event));
            changes.revisions.push(revision);
        }
        changes.deployments.push(row);
        let gate = inner.gate().await;
        // The row was read before; an operation or another change may have written it since.
        if inner.world().by_id(&old.id).is_none_or(|e| e.row != *old) {
            let detail = format!("{} has changed in the meantime; nothing was changed", old.name);
            return Err(
                Problem::new(Code::StaleRevision, detail).hint("look at it again and repeat your change")
            );
        }
        Ok(inner.commit(&gate, changes).await?)
    }

    /// Submits what follows from a document; a refusal is part of its result. Only what was accepted counts as applied.
    async fn follow(
        &self,
        ask: &Ask<'_>,
        doc: &Document,
        out: &mut Applied,
        name: &DeploymentName,
        verb: Verb,
    ) -> ManagerResult<()> {
        match self.submit(Intent::Deployment { name: name.clone(), verb }, ask.who, false, None).await {
            Ok(Submitted::Operation(op)) => out.operation_id = Some(op.operation_id),
            Ok(Submitted::Plan(_)) => return Ok(()),
            Err(p) => {
                if !ask.patch {
                    out.warnings
                        .push(format!("the next apply asks again to make {name} what its manifest says"));
                }
                out.problem = Some(p);
                return Ok(());
            }
        }
        if ask.patch {
            return Ok(());
        }
        // In a commit of its own, after the operation's: if it is lost, one more start is asked for, and never one too few.
        let gate = self.inner.gate().await;
        let Some(mut row) = self.inner.world().deployments.get(name).map(|e| e.row.clone()) else {
            return Ok(());
        };
        let state = with_state_of(row.applied.as_ref().unwrap_or(&Value::Null), Some(&doc.spec));
        row.applied = Some(state);
        Ok(self.inner.commit(&gate, Changes { deployments: vec![row], ..Changes::default() }).await?)
    }

    /// What became of the last wish for this state.
    async fn asked(&self, row: &DeploymentRow, state: Desired) -> ManagerResult<Asked> {
        let done = history::operations(&*self.inner.deps.store, &row.id).await?;
        Ok(asked_in(done.iter().map(|o| (o.plan.desired_after, o.state, o.kind)), state))
    }
}

/// What a dry run's plan says about the operation that would follow; true when it would be refused.
fn foresee(out: &mut Applied, plan: Box<Plan>) -> bool {
    out.warnings.extend(plan.warnings.iter().cloned());
    let refusal = plan.refusal();
    let refused = refusal.is_some();
    out.problem = refusal.or(out.problem.take());
    out.plan = Some(plan);
    refused
}

/// The verb that leads to a state.
fn verb_to(state: Desired, meta: &Meta) -> Option<Verb> {
    let meta = meta.clone();
    match state {
        Desired::Running => Some(Verb::Start(Start { meta, ..Start::default() })),
        Desired::Suspended => Some(Verb::Suspend(Suspend { meta, ..Suspend::default() })),
        Desired::Cancelled => Some(Verb::Cancel(Cancel { meta, ..Cancel::default() })),
    }
}

/// How a changed spec gets its job; a spec that cannot be read is refused elsewhere.
fn strategy_of(effective: &Value) -> UpgradeStrategy {
    spec::effective(effective).map(|s| s.upgrade_strategy).unwrap_or(UpgradeStrategy::Stateful)
}

/// The layer and the wanted state of a manifest's spec.
pub(super) fn split_state(doc: &Value) -> ManagerResult<(Value, Option<Desired>)> {
    let mut layer = doc.as_object().cloned().unwrap_or_else(Map::new);
    let state = match layer.shift_remove("state") {
        None | Some(Value::Null) => None,
        Some(Value::String(s)) => {
            Some(s.parse().map_err(|e: names::UnknownWord| invalid(format!("spec.state: {e}")))?)
        }
        Some(other) => return Err(invalid(format!("spec.state: {other} is not a state"))),
    };
    Ok((Value::Object(layer), state))
}
