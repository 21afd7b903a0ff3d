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
        ids::{DeploymentName, FlinkJobId, TargetName, check_name},
        role::Role,
        secret, spec,
        target::{SavepointAccess, TargetSpec},
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
        makes_sense(&spec)?;
        if let Some(e) = secret::literal_secrets(&spec.defaults).first() {
            return Err(invalid(format!("spec.defaults/{e}")));
        }
        inner.deps.clusters.connect(&spec).map_err(|e| invalid(format!("spec: {}", e.message)))?;
        let name = TargetName::new(doc.metadata.name.clone());
        let before = inner.world().targets.get(&name).map(|t| t.spec.addresses()).unwrap_or_default();
        let added = added(&before, &spec.addresses());
        // Asked before the gate, which must not be held while a cluster is slow to answer.
        let found = match self.living(&name).is_empty() {
            true => vec![],
            false => self.found_at(&spec, &added).await,
        };
        // From the look at the version to the commit nobody else writes.
        let gate = inner.gate().await;
        let old = inner.world().targets.get(&name).map(|t| t.row.clone());
        matches_version(ask.if_match, old.as_ref().map(|o| o.version))?;
        // A cluster that is gone for good answers nobody: that its jobs are gone with it is a person's word.
        let gone = ask.batch.meta_of(name.as_str()).confirm.as_deref() == Some(name.as_str());
        if let Some(why) = not_the_same(&self.living(&name), &added, &found).filter(|_| !gone) {
            let detail = format!("target {name} keeps its addresses: {why}; nothing was changed");
            return Err(Problem::new(Code::WrongState, detail).hint(format!(
                "suspend or cancel these deployments first; or register the other cluster as another target: \
                 nutkin target add NAME URL; or, if the old cluster and its jobs are gone for good: \
                 nutkin apply -f FILE --confirm {name}"
            )));
        }
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
        let mut out = applied(doc, &doc.metadata.name, action, diff);
        if !spec.links.is_empty() {
            out.warnings.push("spec.links is kept, and not used by this version".to_owned());
        }
        Ok(out)
    }

    /// The jobs without an end on a target, as the books have them, each with its deployment.
    fn living(&self, target: &TargetName) -> Vec<(DeploymentName, FlinkJobId)> {
        let world = self.inner.world();
        let jobs = world.deployments.values().filter_map(|e| Some((e.row.name.clone(), e.job.as_ref()?)));
        jobs.filter(|(_, j)| j.ended_at.is_none() && j.target == *target)
            .map(|(name, j)| (name, j.flink.clone()))
            .collect()
    }

    /// What each of these addresses lists, or why it does not.
    async fn found_at(&self, spec: &TargetSpec, addresses: &[String]) -> Vec<Found> {
        let ask = async |address: &String| {
            let alone = TargetSpec { url: Some(address.clone()), urls: vec![], ..spec.clone() };
            let cluster = self.inner.deps.clusters.connect(&alone).map_err(|e| e.message)?;
            let jobs = cluster.jobs().await.map_err(|e| e.message)?;
            Ok(jobs.items.into_iter().map(|j| j.id).collect())
        };
        let mut found = Vec::new();
        for address in addresses {
            found.push(ask(address).await);
        }
        found
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
        let user = self.inner.world().on(&name).next().map(|e| e.row.name.clone());
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

/// Values that are of their type and would do nothing are refused.
fn makes_sense(spec: &TargetSpec) -> ManagerResult<()> {
    let asks = spec.savepoint_access == SavepointAccess::Command;
    if asks && spec.savepoint_command.as_ref().is_none_or(|c| c.trim().is_empty()) {
        let text =
            "spec.savepointAccess: COMMAND asks a command, and there is none; write savepointCommand, too";
        return Err(invalid(text.to_owned()));
    }
    let colour = spec.colour.as_deref().map(str::parse::<Role>).transpose();
    colour.map(drop).map_err(|e| invalid(format!("spec.colour: {e}")))
}

/// The jobs that an address lists, or why it lists none.
type Found = Result<Vec<FlinkJobId>, String>;

/// Addresses that were not there before; a slash at the end makes no other one.
fn added(before: &[String], after: &[String]) -> Vec<String> {
    let bare = |a: &String| a.trim_end_matches('/').to_owned();
    let known: Vec<String> = before.iter().map(bare).collect();
    after.iter().filter(|a| !known.contains(&bare(a))).cloned().collect()
}

/// Why an added address may be another cluster than the one where the living jobs are; `None` = each lists all of them.
///
/// A moved JobManager and another name of the same cluster list the jobs. Any other cluster would say of a job that lives
/// elsewhere that it is gone, and a second one would be started beside it.
fn not_the_same(
    living: &[(DeploymentName, FlinkJobId)],
    added: &[String],
    found: &[Found],
) -> Option<String> {
    let named = |some: &[&(DeploymentName, FlinkJobId)]| {
        let shown: Vec<String> = some.iter().take(4).map(|(d, j)| format!("{d} (job {j})")).collect();
        let more = some.len().saturating_sub(4);
        let rest = if more == 0 { String::new() } else { format!(" and {more} more") };
        format!("{}{rest}", shown.join(", "))
    };
    let all: Vec<_> = living.iter().collect();
    // A job may have begun after the addresses were asked, or before any was.
    let answers = found.iter().map(Some).chain(std::iter::repeat(None));
    added.iter().zip(answers).find_map(|(address, answer)| match answer {
        _ if living.is_empty() => None,
        None => Some(format!("{} began just now", named(&all))),
        Some(Err(why)) => {
            Some(format!("{} may live there, and {address} does not answer: {why}", named(&all)))
        }
        Some(Ok(listed)) => {
            let missing: Vec<_> = living.iter().filter(|(_, job)| !listed.contains(job)).collect();
            (!missing.is_empty())
                .then(|| format!("{} may live there, and {address} does not list it", named(&missing)))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(&["http://a:1"], &["http://a:1"], &[])]
    #[case(&["http://a:1/"], &["http://a:1"], &[])]
    #[case(&["http://a:1", "http://b:1"], &["http://b:1"], &[])]
    #[case(&["http://a:1"], &["http://a:1", "http://b:1"], &["http://b:1"])]
    fn only_an_address_that_is_new_is_asked(
        #[case] before: &[&str],
        #[case] after: &[&str],
        #[case] expected: &[&str],
    ) {
        let owned = |all: &[&str]| all.iter().map(|a| (*a).to_owned()).collect::<Vec<_>>();
        assert_eq!(added(&owned(before), &owned(after)), owned(expected));
    }

    #[rstest]
    #[case::it_lists_them(Some(Ok(vec!["j1", "j2"])), None)]
    #[case::it_lists_one(Some(Ok(vec!["j1"])), Some("a/two (job 00000000000000000000000000000002) may live there, and http://b does not list it"))]
    #[case::silent(Some(Err("refused")), Some("http://b does not answer: refused"))]
    #[case::not_asked(None, Some("began just now"))]
    fn an_added_address_must_list_every_living_job(
        #[case] answer: Option<Result<Vec<&str>, &str>>,
        #[case] expected: Option<&str>,
    ) {
        let job = |n: &str| format!("{:0>32}", n.trim_start_matches('j')).parse::<FlinkJobId>().unwrap();
        let living =
            [("one", "j1"), ("two", "j2")].map(|(d, j)| (DeploymentName::new("a", d).unwrap(), job(j)));
        let found: Vec<Found> = answer
            .into_iter()
            .map(|a| a.map(|jobs| jobs.into_iter().map(job).collect()).map_err(str::to_owned))
            .collect();
        let why = not_the_same(&living, &["http://b".to_owned()], &found);
        assert_eq!(why.is_some(), expected.is_some(), "{why:?}");
        assert!(why.unwrap_or_default().contains(expected.unwrap_or_default()));
        assert_eq!(not_the_same(&[], &["http://b".to_owned()], &found), None, "nothing lives");
    }
}
