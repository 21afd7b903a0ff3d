//! An application's document, and its way out of the books.

use serde_json::Value;

use super::{Ask, action, applied, invalid, matches_version};
use crate::{
    contract::{
        intent::{Applied, ApplyAction, Document},
        problem::{Code, Problem},
    },
    domain::{
        event::{EventName, Severity},
        ids::check_name,
        names, secret, spec,
    },
    manager::{
        Caller, Manager, ManagerResult, books,
        ports::store::{ApplicationRow, Changes},
    },
};

impl Manager {
    pub(super) async fn apply_application(&self, ask: &Ask<'_>, doc: &Document) -> ManagerResult<Applied> {
        let inner = &self.inner;
        let name = &doc.metadata.name;
        check_name("application name", name).map_err(|e| invalid(e.to_string()))?;
        let known = ["title", "defaults"];
        if let Some(key) =
            doc.spec.as_object().into_iter().flatten().map(|(k, _)| k).find(|k| !known.contains(&k.as_str()))
        {
            let near =
                names::nearest(key, known).map(|n| format!("; did you mean {n:?}?")).unwrap_or_default();
            return Err(invalid(format!("spec.{key}: unknown key{near}")));
        }
        let defaults = doc.spec.get("defaults").cloned().unwrap_or(Value::Null);
        if let Some(e) = secret::literal_secrets(&defaults).first() {
            return Err(invalid(format!("spec.defaults/{e}")));
        }
        let gate = inner.gate().await;
        let old = inner.world().applications.get(name).cloned();
        matches_version(ask.if_match, old.as_ref().map(|o| o.version))?;
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
            ..old.clone().unwrap_or_else(|| books::new_application(inner, name))
        };
        let diff = spec::diff(old.as_ref().map_or(&Value::Null, |o| &o.defaults), &row.defaults);
        let action = action(old.is_some(), old.as_ref() == Some(&row));
        if !ask.dry_run && action != ApplyAction::Unchanged {
            row.version = old.as_ref().map_or(1, |o| o.version + 1);
            let mut event = inner.caller_event(
                ask.who,
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

    /// Takes an application out of the books; refused while it has deployments. A dry run only tells.
    pub async fn remove_application(
        &self,
        name: &str,
        who: &Caller,
        dry_run: bool,
        if_match: Option<u32>,
    ) -> ManagerResult<()> {
        self.may_change(dry_run)?;
        let gate = self.inner.gate().await;
        let app = self.application(name)?;
        matches_version(if_match, Some(app.version))?;
        if let Some(d) = app.deployments.first() {
            return Err(Problem::new(
                Code::WrongState,
                format!("{name} has deployments ({d}); nothing was changed"),
            )
            .hint(format!("delete them first: nutkin delete {d}")));
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
