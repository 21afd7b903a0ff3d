//! Who plays: which documents are applied, which deployments are started and stopped. Pure rules.

use std::collections::BTreeSet;

use crate::{
    contract::model,
    domain::deployment::{Desired, Observed},
};

/// Whether a document is applied: the target at every start, its address may be new; everything else only when it is
/// not there yet, because what a person made of it since is theirs.
#[must_use]
pub fn applies(kind: &str, full_name: &str, known: &BTreeSet<String>) -> bool {
    kind == "Target" || !known.contains(full_name)
}

/// The deployments to start.
///
/// On a fresh cluster no job runs, so all that shall run are started. Those that `--stop` has suspended are started in
/// any case. Whatever else a person has stopped stays so, and what has an operation at work is left to it.
#[must_use]
pub fn to_start(
    deployments: &[model::Deployment],
    fresh: bool,
    stopped_by_us: &BTreeSet<String>,
) -> Vec<String> {
    let wanted = |d: &&model::Deployment| {
        let ours = stopped_by_us.contains(&d.deployment) && d.desired == Desired::Suspended;
        ours || (fresh && d.desired == Desired::Running)
    };
    names(deployments.iter().filter(|d| d.operation.is_none()).filter(wanted))
}

/// The deployments to suspend before the cluster is stopped: those that run there.
#[must_use]
pub fn to_suspend(deployments: &[model::Deployment], target: &str) -> Vec<String> {
    let runs = |d: &&model::Deployment| {
        d.target == target
            && d.desired == Desired::Running
            && matches!(d.observed, Observed::Running | Observed::Transitioning)
    };
    names(deployments.iter().filter(runs))
}

/// The operations at work on this target: what they leave running is not known before they end.
#[must_use]
pub fn at_work(deployments: &[model::Deployment], target: &str) -> Vec<String> {
    let here = deployments.iter().filter(|d| d.target == target);
    here.filter_map(|d| Some(d.operation.as_ref()?.operation_id.clone())).collect()
}

fn names<'a>(deployments: impl Iterator<Item = &'a model::Deployment>) -> Vec<String> {
    deployments.map(|d| d.deployment.clone()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn deployment(name: &str, desired: &str, observed: &str) -> model::Deployment {
        let nothing: serde_json::Map<_, _> = [
            "observedAt",
            "revision",
            "versionLabel",
            "job",
            "parallelism",
            "lastCheckpoint",
            "lastFailedCheckpoint",
            "crashLossSeconds",
            "endLossSeconds",
            "nextRestorePoint",
            "operation",
            "rootCause",
            "drift",
            "flinkUrl",
            "flinkVersion",
        ]
        .iter()
        .map(|key| ((*key).to_owned(), json!(null)))
        .collect();
        let mut value = json!({
            "deployment": name, "application": "a", "name": "n", "id": "i", "target": "local", "labels": {},
            "desired": desired, "observed": observed, "health": "HEALTHY", "conditions": [], "specVersion": 1,
            "metrics": [], "protection": "NONE",
        });
        value.as_object_mut().unwrap().extend(nothing);
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn only_the_target_is_applied_again() {
        let known = BTreeSet::from(["local".to_owned(), "a/b".to_owned()]);
        for (kind, name, expected) in [
            ("Target", "local", true),
            ("Deployment", "a/b", false),
            ("Deployment", "a/c", true),
            ("Application", "a", true),
        ] {
            assert_eq!(applies(kind, name, &known), expected, "{kind} {name}");
        }
    }

    #[test]
    fn what_a_person_stopped_stays_stopped() {
        let all = [
            deployment("a/lost", "RUNNING", "UNKNOWN"),
            deployment("a/ours", "SUSPENDED", "SUSPENDED"),
            deployment("a/theirs", "SUSPENDED", "SUSPENDED"),
            deployment("a/cancelled", "CANCELLED", "CANCELLED"),
        ];
        let ours = BTreeSet::from(["a/ours".to_owned()]);
        assert_eq!(to_start(&all, true, &ours), ["a/lost", "a/ours"]);
        assert_eq!(to_start(&all, false, &ours), ["a/ours"]);
        assert!(to_start(&all, false, &BTreeSet::new()).is_empty());
    }

    #[test]
    fn only_what_runs_on_the_demos_cluster_is_suspended() {
        let elsewhere =
            model::Deployment { target: "eu".into(), ..deployment("a/far", "RUNNING", "RUNNING") };
        let all = [
            deployment("a/runs", "RUNNING", "RUNNING"),
            deployment("a/starts", "RUNNING", "TRANSITIONING"),
            deployment("a/failed", "RUNNING", "FAILED"),
            deployment("a/stopped", "SUSPENDED", "SUSPENDED"),
            elsewhere,
        ];
        assert_eq!(to_suspend(&all, "local"), ["a/runs", "a/starts"]);
        assert!(at_work(&all, "local").is_empty());
    }
}
