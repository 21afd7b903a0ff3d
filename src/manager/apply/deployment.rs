//! A deployment's document: a new one, a changed layer, a state to go to, or an upgrade of what runs.

use serde_json::{Map, Value};

use super::{Ask, action, applied, invalid, matches_version};
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
        operation::{Creates, Kind, OpState},
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
        refuse_overwrite(&old, &layer, ask.batch.force)?;
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
        let force = ask.batch.force_state || ask.patch || asked == Asked::Failed;
        let wanted = wanted_state(&old, state, force);
        let unchanged = diff.is_empty() && old.labels == doc.metadata.labels && wanted.is_none();
        let mut out = applied(doc, &old.name.to_string(), action(true, unchanged), diff.clone());
        if let (None, Some(s)) = (wanted, state.filter(|s| *s != old.desired)) {
            out.warnings.push(match asked {
                Asked::AtWork(kind) => format!("the manifest says {s}, and {kind} is at work on that"),
                _ => format!(
                    "the manifest says {s}, somebody made it {}; it stays so (--force-state overrides)",
                    old.desired
                ),
            });
        }
        let meta = ask.batch.meta_of(&old.name.to_string());
        let verb = match wanted {
            Some(Desired::Suspended) => {
                Some(Verb::Suspend(Suspend { meta: meta.clone(), ..Suspend::default() }))
            }
            Some(Desired::Cancelled) => {
                Some(Verb::Cancel(Cancel { meta: meta.clone(), ..Cancel::default() }))
            }
            Some(Desired::Running) if !live => {
                Some(Verb::Start(Start { meta: meta.clone(), ..Start::default() }))
            }
            _ => None,
        };
        let waits = new_job && strategy_of(&after) == UpgradeStrategy::None;
        if waits && verb.is_none() {
            out.warnings.push(
                "upgradeStrategy NONE: it runs at the next start; until then the deployment shows drift"
                    .to_owned(),
            );
        }
        let upgrades = new_job && !waits && verb.is_none();
        out.operation_kind = verb.as_ref().map(Verb::kind).or(upgrades.then_some(Kind::Upgrade));
        let mut row = old.clone();
        row.labels = doc.metadata.labels.clone();
        if !ask.patch {
            // The upgrade leads to RUNNING and is one commit with its manifest; of every other state that is to be gone to,
            // the books keep the old one until its verb is accepted, so that the next apply asks for a refused one again.
            let reached = wanted.is_none() || upgrades;
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

/// What became of the last wish for a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// It was reached, or taken back, or nobody asked for it, or for another one since.
    Reached,
    /// Its operation is not over.
    AtWork(Kind),
    /// Its operation failed, and nobody has asked for another state since.
    Failed,
}

/// `done`: what operations lead to, where they stand and what they are, newest first. A person who ends an operation
/// has said what he wants, so only its own failure makes the next apply ask again.
fn asked_in(done: impl Iterator<Item = (Option<Desired>, OpState, Kind)>, state: Desired) -> Asked {
    let newest = done.into_iter().find_map(|(to, at, kind)| Some((to?, at, kind)));
    match newest {
        Some((to, at, kind)) if to == state && at.is_active() => Asked::AtWork(kind),
        Some((to, OpState::Failed | OpState::FailedNoEffect, _)) if to == state => Asked::Failed,
        _ => Asked::Reached,
    }
}

/// A manifest's spec with the `state` of another one, or without any.
fn with_state_of(spec: &Value, other: Option<&Value>) -> Value {
    let mut spec = spec.as_object().cloned().unwrap_or_else(Map::new);
    match other.and_then(|o| o.get("state")) {
        Some(state) => {
            spec.insert("state".to_owned(), state.clone());
        }
        None => {
            spec.shift_remove("state");
        }
    }
    Value::Object(spec)
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

/// How a changed spec gets its job; a spec that cannot be read is refused elsewhere.
fn strategy_of(effective: &Value) -> UpgradeStrategy {
    spec::effective(effective).map(|s| s.upgrade_strategy).unwrap_or(UpgradeStrategy::Stateful)
}

/// The layer and the wanted state of a manifest's spec.
fn split_state(doc: &Value) -> ManagerResult<(Value, Option<Desired>)> {
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

/// Values that verbs have set since the last apply are not lost by the next one.
fn refuse_overwrite(old: &DeploymentRow, layer: &Value, force: bool) -> ManagerResult<()> {
    let Some((base, _)) = old.applied.as_ref().and_then(|a| split_state(a).ok()) else { return Ok(()) };
    // A manifest that has taken a value over may change all others.
    let taken_back = spec::diff(&old.layer, layer);
    let keys = spec::diff(&base, &old.layer).into_iter().map(|d| d.path);
    let lost: Vec<String> = keys.filter(|k| taken_back.iter().any(|d| d.path == *k)).take(4).collect();
    if force || lost.is_empty() {
        return Ok(());
    }
    let text =
        format!("{} was changed since the last apply ({}); nothing was changed", old.name, lost.join(", "));
    Err(Problem::new(Code::StaleRevision, text).hint(format!(
        "take these values into the manifest (they are in: nutkin get deployment {} -o yaml), or overwrite them with --force",
        old.name
    )))
}

/// The state to go to: only when the manifest's own word has changed, or by force: a flag, a person's patch, or the
/// failure of what the same word has asked for before.
fn wanted_state(old: &DeploymentRow, state: Option<Desired>, force: bool) -> Option<Desired> {
    let state = state?;
    let before = old.applied.as_ref().and_then(|a| a.get("state")).and_then(Value::as_str);
    let changed = before != Some(state.as_str());
    (state != old.desired && (changed || force)).then_some(state)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ids::DeploymentId, time::Timestamp};
    use rstest::rstest;
    use serde_json::json;

    fn row(applied: Option<Value>, layer: Value, desired: Desired) -> DeploymentRow {
        DeploymentRow {
            id: DeploymentId::new("d"),
            name: DeploymentName::new("a", "b").unwrap(),
            labels: Default::default(),
            layer,
            applied,
            spec_version: 1,
            desired,
            revision: Some(1),
            job: None,
            next_restore: None,
            adopted: false,
            created_at: Timestamp::from_millis(0),
            deleted_at: None,
        }
    }

    #[rstest]
    #[case(Some("RUNNING"), "RUNNING", Desired::Suspended, false, None)]
    #[case(Some("RUNNING"), "RUNNING", Desired::Suspended, true, Some(Desired::Running))]
    #[case(Some("RUNNING"), "SUSPENDED", Desired::Running, false, Some(Desired::Suspended))]
    #[case(None, "RUNNING", Desired::Cancelled, false, Some(Desired::Running))]
    #[case(Some("RUNNING"), "RUNNING", Desired::Running, true, None)]
    #[case::force_that_changes_nothing(Some("RUNNING"), "SUSPENDED", Desired::Suspended, true, None)]
    fn an_unchanged_state_never_overrides_a_person(
        #[case] before: Option<&str>,
        #[case] now: &str,
        #[case] desired: Desired,
        #[case] force: bool,
        #[case] wanted: Option<Desired>,
    ) {
        let r = row(before.map(|s| json!({ "state": s })), json!({}), desired);
        assert_eq!(wanted_state(&r, now.parse().ok(), force), wanted);
    }

    #[rstest]
    #[case::nobody_asked(&[], Asked::Reached)]
    #[case::it_failed(&[(Kind::Start, OpState::Failed)], Asked::Failed)]
    #[case::it_failed_without_effect(&[(Kind::Start, OpState::FailedNoEffect)], Asked::Failed)]
    #[case::a_savepoint_asks_for_no_state(
        &[(Kind::Savepoint, OpState::Succeeded), (Kind::Start, OpState::Failed)],
        Asked::Failed
    )]
    #[case::at_work(&[(Kind::Start, OpState::NeedsAttention)], Asked::AtWork(Kind::Start))]
    #[case::a_person_stopped_it(&[(Kind::Start, OpState::Cancelled)], Asked::Reached)]
    #[case::somebody_suspended_later(
        &[(Kind::Suspend, OpState::Succeeded), (Kind::Start, OpState::Failed)],
        Asked::Reached
    )]
    #[case::somebody_wants_to_suspend(
        &[(Kind::Suspend, OpState::Failed), (Kind::Start, OpState::Succeeded)],
        Asked::Reached
    )]
    fn only_the_last_wish_and_its_own_failure_count(
        #[case] done: &[(Kind, OpState)],
        #[case] expected: Asked,
    ) {
        let done = done.iter().map(|(k, s)| (submit::desired_after(*k), *s, *k));
        assert_eq!(asked_in(done, Desired::Running), expected);
    }

    #[rstest]
    #[case(json!({ "a": 1, "state": "RUNNING" }), None, json!({ "a": 1 }))]
    #[case(json!({ "a": 1, "state": "RUNNING" }), Some(json!({ "b": 1 })), json!({ "a": 1 }))]
    #[case(
        json!({ "a": 1, "state": "RUNNING" }),
        Some(json!({ "state": "SUSPENDED" })),
        json!({ "a": 1, "state": "SUSPENDED" })
    )]
    #[case(json!({ "a": 1 }), Some(json!({ "state": "RUNNING" })), json!({ "a": 1, "state": "RUNNING" }))]
    fn only_the_state_is_taken_from_the_other(
        #[case] spec: Value,
        #[case] other: Option<Value>,
        #[case] expected: Value,
    ) {
        assert_eq!(with_state_of(&spec, other.as_ref()), expected);
    }

    #[test]
    fn what_a_verb_has_set_is_not_overwritten() {
        let r = row(Some(json!({"parallelism": 1})), json!({"parallelism": 3}), Desired::Running);
        assert!(refuse_overwrite(&r, &json!({"parallelism": 2}), false).is_err());
        assert!(refuse_overwrite(&r, &json!({"parallelism": 3}), false).is_ok());
        assert!(refuse_overwrite(&r, &json!({"parallelism": 2}), true).is_ok());
        assert!(refuse_overwrite(&r, &json!({}), false).is_err(), "left out is overwritten too");
        assert!(
            refuse_overwrite(&r, &json!({"parallelism": 3, "target": "t"}), false).is_ok(),
            "another value may change"
        );
    }
}
