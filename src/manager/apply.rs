//! apply: documents into objects, three-way against the last applied manifest.
//!
//! A changed layer of a running deployment is an UPGRADE by its strategy. An unchanged `state` never overrides what a
//! person did later; values that verbs have set since the last apply are not overwritten without `--force`.

use serde_json::{Map, Value};

use super::{
    Caller, Manager, ManagerResult,
    inner::Inner,
    ports::store::{ApplicationRow, Changes, DeploymentRow, TargetRow},
    specs, submit, watcher,
};
use crate::{
    contract::{
        intent::{Applied, Apply, ApplyAction, Cancel, Document, Intent, Meta, Start, Suspend, Verb},
        plan::{Plan, Submitted, Verdict},
        problem::{Code, Problem},
    },
    domain::{
        deployment::Desired,
        event::{EventName, Severity},
        ids::{DeploymentName, TargetName, check_name},
        names,
        operation::Creates,
        spec::{self, Difference},
        target::TargetSpec,
    },
};

impl Manager {
    /// Applies documents in the order targets, applications, deployments. Each is applied or refused by itself; a
    /// refused one stops the rest of its kind's dependants by their own checks.
    pub async fn apply(
        &self,
        apply: Apply,
        who: &Caller,
        dry_run: bool,
        if_match: Option<u32>,
    ) -> ManagerResult<Vec<Applied>> {
        if self.inner.settings.read_only && !dry_run {
            return Err(Problem::new(Code::ReadOnly, "this manager is read-only; nothing was changed"));
        }
        let mut out = Vec::new();
        for kind in ["Target", "Application", "Deployment"] {
            for doc in apply.documents.iter().filter(|d| d.kind == kind) {
                let one = self.apply_one(doc, &apply, who, dry_run, if_match).await;
                out.push(one.unwrap_or_else(|p| refused(doc, p)));
            }
        }
        for doc in apply
            .documents
            .iter()
            .filter(|d| !["Target", "Application", "Deployment"].contains(&d.kind.as_str()))
        {
            let near = names::nearest(&doc.kind, ["Target", "Application", "Deployment"]);
            let hint = near.map_or_else(
                || "kinds are Target, Application and Deployment".to_owned(),
                |n| format!("did you mean {n}?"),
            );
            out.push(refused(
                doc,
                Problem::new(Code::InvalidSpec, format!("unknown kind {:?}; nothing was changed", doc.kind))
                    .hint(hint),
            ));
        }
        Ok(out)
    }

    async fn apply_one(
        &self,
        doc: &Document,
        apply: &Apply,
        who: &Caller,
        dry_run: bool,
        if_match: Option<u32>,
    ) -> ManagerResult<Applied> {
        if doc.api_version != "nutkin/v1" {
            return Err(Problem::new(
                Code::InvalidSpec,
                format!("apiVersion {:?} is not nutkin/v1; nothing was changed", doc.api_version),
            ));
        }
        match doc.kind.as_str() {
            "Target" => self.apply_target(doc, who, dry_run, if_match).await,
            "Application" => self.apply_application(doc, who, dry_run, if_match).await,
            _ => self.apply_deployment(doc, apply, who, dry_run, if_match).await,
        }
    }

    async fn apply_target(
        &self,
        doc: &Document,
        who: &Caller,
        dry_run: bool,
        if_match: Option<u32>,
    ) -> ManagerResult<Applied> {
        let inner = &self.inner;
        check_name("target name", &doc.metadata.name).map_err(|e| invalid(e.to_string()))?;
        let spec: TargetSpec =
            serde_json::from_value(doc.spec.clone()).map_err(|e| invalid(format!("spec: {e}")))?;
        if spec.kind != "session" {
            let text =
                format!("spec.type: {:?} is not built yet, only session; nothing was changed", spec.kind);
            return Err(Problem::new(Code::NotSupported, text));
        }
        if spec.addresses().is_empty() {
            return Err(invalid("spec.url: a session target needs the JobManager's address".to_owned()));
        }
        inner.deps.clusters.connect(&spec).map_err(|e| invalid(format!("spec: {}", e.message)))?;
        let name = TargetName::new(doc.metadata.name.clone());
        // From the look at the version to the commit nobody else writes.
        let gate = inner.gate().await;
        let old = inner.world().targets.get(&name).map(|t| t.row.clone());
        matches_version(if_match, old.as_ref().map(|o| o.version))?;
        let diff = spec::diff(old.as_ref().map_or(&Value::Null, |o| &o.spec), &doc.spec);
        let same_labels = old.as_ref().is_some_and(|o| o.labels == doc.metadata.labels);
        let action = action(old.is_some(), diff.is_empty() && same_labels);
        if !dry_run && action != ApplyAction::Unchanged {
            let row = TargetRow {
                name: name.clone(),
                spec: doc.spec.clone(),
                labels: doc.metadata.labels.clone(),
                version: old.as_ref().map_or(1, |o| o.version + 1),
                created_at: old.as_ref().map_or_else(|| inner.now(), |o| o.created_at),
            };
            let event = inner.caller_event(
                who,
                Severity::Info,
                EventName::TargetChanged,
                format!("target {name}: {action}"),
            );
            inner
                .commit(&gate, Changes { targets: vec![row], events: vec![event], ..Changes::default() })
                .await?;
            drop(gate);
            if action == ApplyAction::Create {
                watcher::spawn(inner, name.clone());
            }
        }
        Ok(applied(doc, &doc.metadata.name, action, diff))
    }

    async fn apply_application(
        &self,
        doc: &Document,
        who: &Caller,
        dry_run: bool,
        if_match: Option<u32>,
    ) -> ManagerResult<Applied> {
        let inner = &self.inner;
        let name = &doc.metadata.name;
        check_name("application name", name).map_err(|e| invalid(e.to_string()))?;
        let known = ["title", "labels", "defaults"];
        if let Some(key) =
            doc.spec.as_object().into_iter().flatten().map(|(k, _)| k).find(|k| !known.contains(&k.as_str()))
        {
            let near =
                names::nearest(key, known).map(|n| format!("; did you mean {n:?}?")).unwrap_or_default();
            return Err(invalid(format!("spec.{key}: unknown key{near}")));
        }
        let defaults = doc.spec.get("defaults").cloned().unwrap_or(Value::Null);
        if let Some(e) = spec::literal_secrets(&defaults).first() {
            return Err(invalid(format!("spec.defaults.{e}")));
        }
        let gate = inner.gate().await;
        let old = inner.world().applications.get(name).cloned();
        matches_version(if_match, old.as_ref().map(|o| o.version))?;
        let title = doc
            .spec
            .get("title")
            .and_then(Value::as_str)
            .map(str::to_owned)
            .or_else(|| doc.metadata.title.clone());
        let mut row = ApplicationRow {
            title: title.unwrap_or_else(|| name.clone()),
            labels: doc.metadata.labels.clone(),
            defaults,
            ..old.clone().unwrap_or_else(|| submit::new_application(inner, name))
        };
        let diff = spec::diff(old.as_ref().map_or(&Value::Null, |o| &o.defaults), &row.defaults);
        let action = action(old.is_some(), old.as_ref() == Some(&row));
        if !dry_run && action != ApplyAction::Unchanged {
            row.version = old.as_ref().map_or(1, |o| o.version + 1);
            let mut event = inner.caller_event(
                who,
                Severity::Info,
                EventName::ApplicationChanged,
                format!("application {name}: {action}"),
            );
            event.application = Some(name.clone());
            inner
                .commit(&gate, Changes { applications: vec![row], events: vec![event], ..Changes::default() })
                .await?;
        }
        Ok(applied(doc, name, action, diff))
    }

    async fn apply_deployment(
        &self,
        doc: &Document,
        apply: &Apply,
        who: &Caller,
        dry_run: bool,
        if_match: Option<u32>,
    ) -> ManagerResult<Applied> {
        let inner = &self.inner;
        let app = doc.metadata.application.clone().unwrap_or_default();
        let name = DeploymentName::new(&app, &doc.metadata.name).map_err(|e| invalid(e.to_string()))?;
        let (layer, state) = split_state(&doc.spec)?;
        let old = inner.world().deployments.get(&name).map(|e| e.row.clone());
        matches_version(if_match, old.as_ref().map(|o| o.spec_version))?;
        let effective = specs::checked(&self.merged_with(apply, dry_run, &app, &layer))?;
        if effective.artifact.jar.is_some() && effective.artifact.sha256.is_none() {
            return Err(invalid(
                "spec.artifact.jar: a path is resolved by the client; send artifact.sha256".to_owned(),
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
            apply.documents.iter().any(|d| d.kind == "Target" && d.metadata.name == effective.target);
        if let Some(p) = unknown_target.filter(|_| !(dry_run && in_batch)) {
            return Err(p);
        }
        let Some(old) = old else {
            return self.create(doc, apply, who, dry_run, name, layer, state).await;
        };
        refuse_overwrite(&old, &layer, apply)?;
        self.update(doc, apply, who, dry_run, old, layer, state).await
    }

    /// The effective spec that a layer would give; a dry run sees the defaults that come in the same batch, which an apply
    /// has written by then.
    fn merged_with(&self, apply: &Apply, dry_run: bool, app: &str, layer: &Value) -> spec::Merged {
        let mut seen = self.inner.world().defaults(app, layer);
        let of_batch = |kind: &str, name: &str| {
            let same = |d: &&Document| dry_run && d.kind == kind && d.metadata.name == name;
            apply.documents.iter().find(same).map(|d| d.spec.get("defaults").cloned().unwrap_or(Value::Null))
        };
        seen.application = of_batch("Application", app).or(seen.application);
        let target = specs::target_of(layer, seen.application.as_ref()).map(str::to_owned);
        seen.target = target.and_then(|t| of_batch("Target", &t)).or(seen.target);
        seen.merge(layer)
    }

    #[expect(clippy::too_many_arguments, reason = "one call; the arguments are one document taken apart")]
    async fn create(
        &self,
        doc: &Document,
        apply: &Apply,
        who: &Caller,
        dry_run: bool,
        name: DeploymentName,
        layer: Value,
        state: Option<Desired>,
    ) -> ManagerResult<Applied> {
        let inner = &self.inner;
        let diff = spec::diff(&Value::Null, &doc.spec);
        let mut out = applied(doc, &name.to_string(), ApplyAction::Create, diff);
        let starts = state == Some(Desired::Running);
        out.operation_kind = starts.then_some(crate::domain::operation::Kind::Start);
        if dry_run {
            return Ok(out);
        }
        let creates = Creates { id: inner.fresh_deployment(), name: name.clone(), layer, start: false };
        let mut row = super::books::new_deployment(inner, &creates);
        row.labels = doc.metadata.labels.clone();
        row.applied = Some(doc.spec.clone());
        row.revision = Some(1);
        let merged = inner.world().merged(&row);
        let mut revision = specs::revision(&row, 1, &merged, None);
        revision.author.clone_from(&who.actor);
        revision.reason.clone_from(&apply.meta.reason);
        let mut changes = Changes::default();
        if !inner.world().applications.contains_key(name.app()) {
            changes.applications.push(submit::new_application(inner, name.app()));
        }
        let mut event = inner.caller_event(
            who,
            Severity::Info,
            EventName::DeploymentCreated,
            format!("{name} was created"),
        );
        event.application = Some(name.app().to_owned());
        event.deployment = Some(row.id.clone());
        event.deployment_name = Some(name.to_string());
        changes.events.push(event);
        changes.deployments.push(row);
        changes.revisions.push(revision);
        let gate = inner.gate().await;
        inner.commit(&gate, changes).await?;
        drop(gate);
        if starts {
            // A first start has nothing to lose: the manifest that creates it is its confirmation.
            let meta = Meta { yes: true, confirm: Some(name.to_string()), ..apply.meta.clone() };
            self.follow(&mut out, &name, Verb::Start(Start { meta, ..Start::default() }), who).await;
        }
        Ok(out)
    }

    #[expect(clippy::too_many_arguments, reason = "one call; the arguments are one document taken apart")]
    async fn update(
        &self,
        doc: &Document,
        apply: &Apply,
        who: &Caller,
        dry_run: bool,
        old: DeploymentRow,
        layer: Value,
        state: Option<Desired>,
    ) -> ManagerResult<Applied> {
        let inner = &self.inner;
        let live = inner
            .world()
            .by_id(&old.id)
            .and_then(|e| e.sight.summary.as_ref())
            .is_some_and(|s| !s.state.is_terminal());
        let merged = |layer: &Value| self.merged_with(apply, dry_run, old.name.app(), layer).value;
        let (before, after) = (merged(&old.layer), merged(&layer));
        let diff = spec::diff(&old.layer, &layer);
        let new_job = live && spec::diff(&before, &after).iter().any(spec::needs_new_job);
        let wanted = wanted_state(&old, state, apply.force_state);
        let unchanged = diff.is_empty() && old.labels == doc.metadata.labels && wanted.is_none();
        let mut out = applied(doc, &old.name.to_string(), action(true, unchanged), diff.clone());
        if let (None, Some(s)) = (wanted, state.filter(|s| *s != old.desired)) {
            out.warnings.push(format!(
                "the manifest says {s}, somebody made it {}; it stays so (--force-state overrides)",
                old.desired
            ));
        }
        let verb = match (wanted, new_job) {
            (Some(Desired::Suspended), _) => {
                Some(Verb::Suspend(Suspend { meta: apply.meta.clone(), ..Suspend::default() }))
            }
            (Some(Desired::Cancelled), _) => {
                Some(Verb::Cancel(Cancel { meta: apply.meta.clone(), ..Cancel::default() }))
            }
            (Some(Desired::Running), _) if !live => {
                Some(Verb::Start(Start { meta: apply.meta.clone(), ..Start::default() }))
            }
            _ => None,
        };
        let upgrades = new_job && verb.is_none();
        out.operation_kind =
            verb.as_ref().map(Verb::kind).or(upgrades.then_some(crate::domain::operation::Kind::Upgrade));
        let mut row = old.clone();
        row.labels = doc.metadata.labels.clone();
        row.applied = Some(doc.spec.clone());
        if !diff.is_empty() {
            row.layer = layer;
            row.spec_version += 1;
        }
        if upgrades {
            // The layer and the upgrade are one commit: a refused upgrade changes nothing.
            match submit::upgrade_to(inner, row, &apply.meta, who, dry_run).await? {
                Submitted::Operation(op) => out.operation_id = Some(op.operation_id),
                Submitted::Plan(plan) => foresee(&mut out, *plan),
            }
            return Ok(out);
        }
        if dry_run {
            return Ok(out);
        }
        if row != old {
            self.write_layer(row, &old, who, apply).await?;
        }
        if let Some(verb) = verb {
            self.follow(&mut out, &old.name, verb, who).await;
        }
        Ok(out)
    }

    /// Writes a layer that asks for no new job; a deployment without a job gets its new revision at once.
    async fn write_layer(
        &self,
        mut row: DeploymentRow,
        old: &DeploymentRow,
        who: &Caller,
        apply: &Apply,
    ) -> ManagerResult<()> {
        let inner = &self.inner;
        let mut changes = Changes::default();
        if row.layer != old.layer {
            let merged = inner.world().merged(&row);
            let newest = inner.deps.store.revisions(&row.id).await?.first().map_or(0, |r| r.number);
            let mut revision = specs::revision(&row, newest + 1, &merged, None);
            revision.author.clone_from(&who.actor);
            revision.reason.clone_from(&apply.meta.reason);
            revision.created_at = inner.now();
            row.revision = Some(revision.number);
            let mut event = inner.caller_event(
                who,
                Severity::Info,
                EventName::RevisionCreated,
                format!("revision {} of {}", revision.number, row.name),
            );
            event.application = Some(row.name.app().to_owned());
            event.deployment = Some(row.id.clone());
            event.deployment_name = Some(row.name.to_string());
            changes.events.push(event);
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

    /// Submits what follows from a document; a refusal is part of its result.
    async fn follow(&self, out: &mut Applied, name: &DeploymentName, verb: Verb, who: &Caller) {
        match self.submit(Intent::Deployment { name: name.clone(), verb }, who, false, None).await {
            Ok(Submitted::Operation(op)) => out.operation_id = Some(op.operation_id),
            Ok(Submitted::Plan(_)) => {}
            Err(p) => out.problem = Some(p),
        }
    }

    /// Takes a target out of the books; refused while a deployment uses it. A dry run only tells.
    pub async fn remove_target(&self, name: &str, who: &Caller, dry_run: bool) -> ManagerResult<()> {
        self.may_change(dry_run)?;
        let gate = self.inner.gate().await;
        self.target(name)?;
        let name = TargetName::new(name);
        let user =
            self.inner.world().deployments.values().find(|e| e.target() == name).map(|e| e.row.name.clone());
        if let Some(user) = user {
            return Err(Problem::new(
                Code::WrongState,
                format!("{user} uses the target {name}; nothing was changed"),
            )
            .hint("move or delete its deployments first"));
        }
        if dry_run {
            return Ok(());
        }
        let event = self.inner.caller_event(
            who,
            Severity::Warn,
            EventName::TargetChanged,
            format!("target {name} was removed"),
        );
        let changes = Changes { remove_targets: vec![name], events: vec![event], ..Changes::default() };
        Ok(self.inner.commit(&gate, changes).await?)
    }

    /// Takes an application out of the books; refused while it has deployments. A dry run only tells.
    pub async fn remove_application(&self, name: &str, who: &Caller, dry_run: bool) -> ManagerResult<()> {
        self.may_change(dry_run)?;
        let gate = self.inner.gate().await;
        let app = self.application(name)?;
        if let Some(d) = app.deployments.first() {
            return Err(Problem::new(
                Code::WrongState,
                format!("{name} has deployments ({d}); nothing was changed"),
            )
            .hint("delete them first: nutkin delete APP/NAME"));
        }
        if dry_run {
            return Ok(());
        }
        let event = self.inner.caller_event(
            who,
            Severity::Warn,
            EventName::ApplicationChanged,
            format!("application {name} was removed"),
        );
        let changes =
            Changes { remove_applications: vec![name.to_owned()], events: vec![event], ..Changes::default() };
        Ok(self.inner.commit(&gate, changes).await?)
    }
}

fn invalid(text: String) -> Problem {
    Problem::new(Code::InvalidSpec, format!("{text}; nothing was changed"))
}

/// What a dry run's plan says about the upgrade that would follow; one that cannot run would be refused.
fn foresee(out: &mut Applied, plan: Plan) {
    out.warnings.extend(plan.warnings.iter().cloned());
    if let Some(c) = plan.checks.iter().find(|c| c.verdict == Verdict::Failed) {
        out.action = ApplyAction::Refused;
        let mut p = Problem::new(Code::PreflightFailed, format!("{}; nothing would be changed", c.message));
        p.hint.clone_from(&c.hint);
        out.problem = Some(p);
    }
}

const fn action(exists: bool, same: bool) -> ApplyAction {
    match (exists, same) {
        (false, _) => ApplyAction::Create,
        (true, true) => ApplyAction::Unchanged,
        (true, false) => ApplyAction::Update,
    }
}

fn applied(doc: &Document, name: &str, action: ApplyAction, diff: Vec<Difference>) -> Applied {
    Applied {
        kind: doc.kind.clone(),
        name: name.to_owned(),
        action,
        diff,
        operation_kind: None,
        operation_id: None,
        warnings: vec![],
        problem: None,
    }
}

fn refused(doc: &Document, problem: Problem) -> Applied {
    let name = doc
        .metadata
        .application
        .as_ref()
        .map_or_else(|| doc.metadata.name.clone(), |a| format!("{a}/{}", doc.metadata.name));
    Applied { problem: Some(problem), ..applied(doc, &name, ApplyAction::Refused, vec![]) }
}

fn matches_version(if_match: Option<u32>, version: Option<u32>) -> ManagerResult<()> {
    match (if_match, version) {
        (Some(want), Some(have)) if want != have => Err(Problem::new(
            Code::StaleRevision,
            format!("it is at version {have}, and the request was made for {want}; nothing was changed"),
        )
        .hint("read it again, then repeat the change")),
        _ => Ok(()),
    }
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
fn refuse_overwrite(old: &DeploymentRow, layer: &Value, apply: &Apply) -> ManagerResult<()> {
    let Some((base, _)) = old.applied.as_ref().and_then(|a| split_state(a).ok()) else { return Ok(()) };
    if apply.force || base == old.layer || *layer == old.layer {
        return Ok(());
    }
    let keys: Vec<String> = spec::diff(&base, &old.layer).into_iter().take(4).map(|d| d.path).collect();
    Err(Problem::new(
        Code::StaleRevision,
        format!("{} was changed since the last apply ({}); nothing was changed", old.name, keys.join(", ")),
    )
    .hint("take the values into the manifest (nutkin get deployment NAME -o yaml), or overwrite them with --force"))
}

/// The state to go to: only when the manifest's own word has changed, or by force.
fn wanted_state(old: &DeploymentRow, state: Option<Desired>, force: bool) -> Option<Desired> {
    let state = state?;
    let before = old.applied.as_ref().and_then(|a| a.get("state")).and_then(Value::as_str);
    let changed = before != Some(state.as_str());
    (state != old.desired && (changed || force)).then_some(state)
}

/// Used by the server for a new object's watcher.
pub(super) fn spawn_watchers(inner: &std::sync::Arc<Inner>) {
    let targets: Vec<TargetName> = inner.world().targets.keys().cloned().collect();
    for t in targets {
        watcher::spawn(inner, t);
    }
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

    #[test]
    fn what_a_verb_has_set_is_not_overwritten() {
        let r = row(Some(json!({"parallelism": 1})), json!({"parallelism": 3}), Desired::Running);
        let apply = Apply::default();
        assert!(refuse_overwrite(&r, &json!({"parallelism": 2}), &apply).is_err());
        assert!(refuse_overwrite(&r, &json!({"parallelism": 3}), &apply).is_ok());
        assert!(
            refuse_overwrite(&r, &json!({"parallelism": 2}), &Apply { force: true, ..Apply::default() })
                .is_ok()
        );
    }
}
