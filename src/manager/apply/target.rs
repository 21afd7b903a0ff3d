//! A target's document, and its way out of the books.

use serde_json::Value;

use super::{Ask, action, applied, invalid, matches_version};
use crate::{
    contract::{
        intent::{Applied, ApplyAction, Document},
        problem::{Code, Problem},
    },
    domain::{
        event::{EventName, Severity},
        ids::{TargetName, check_name},
        spec,
        target::TargetSpec,
    },
    manager::{
        Caller, Manager, ManagerResult,
        ports::store::{Changes, TargetRow},
        watcher,
    },
};

impl Manager {
    pub(super) async fn apply_target(&self, ask: &Ask<'_>, doc: &Document) -> ManagerResult<Applied> {
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
        if let Some(e) = spec::literal_secrets(&spec.defaults).first() {
            return Err(invalid(format!("spec.defaults.{e}")));
        }
        inner.deps.clusters.connect(&spec).map_err(|e| invalid(format!("spec: {}", e.message)))?;
        let name = TargetName::new(doc.metadata.name.clone());
        // From the look at the version to the commit nobody else writes.
        let gate = inner.gate().await;
        let old = inner.world().targets.get(&name).map(|t| t.row.clone());
        matches_version(ask.if_match, old.as_ref().map(|o| o.version))?;
        let diff = spec::diff(old.as_ref().map_or(&Value::Null, |o| &o.spec), &doc.spec);
        let same_labels = old.as_ref().is_some_and(|o| o.labels == doc.metadata.labels);
        let action = action(old.is_some(), diff.is_empty() && same_labels);
        if !ask.dry_run && action != ApplyAction::Unchanged {
            let row = TargetRow {
                name: name.clone(),
                spec: doc.spec.clone(),
                labels: doc.metadata.labels.clone(),
                version: old.as_ref().map_or(1, |o| o.version + 1),
                created_at: old.as_ref().map_or_else(|| inner.now(), |o| o.created_at),
            };
            let event = inner.caller_event(
                ask.who,
                Severity::Info,
                EventName::TargetChanged,
                format!("target {name}: {action}"),
            );
            inner
                .commit(&gate, Changes { targets: vec![row], events: vec![event], ..Changes::default() })
                .await?;
            drop(gate);
            if action == ApplyAction::Create {
                watcher::spawn(inner, name.clone(), || ());
            }
        }
        Ok(applied(doc, &doc.metadata.name, action, diff))
    }

    /// Takes a target out of the books; refused while a deployment uses it. A dry run only tells.
    pub async fn remove_target(
        &self,
        name: &str,
        who: &Caller,
        dry_run: bool,
        if_match: Option<u32>,
    ) -> ManagerResult<()> {
        self.may_change(dry_run)?;
        let gate = self.inner.gate().await;
        matches_version(if_match, Some(self.target(name)?.version))?;
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
}
