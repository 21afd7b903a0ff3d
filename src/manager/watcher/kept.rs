//! What the event log has of each deployment and each target, for the next manager: it begins where this one ended, tells
//! what is new, and tells nothing twice.
//!
//! ```text
//!   a round finds something ─▶ event and fact in one commit ─▶ the next manager recalls the fact before its first look
//! ```

use indexmap::IndexMap;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    contract::model::RootCause,
    domain::{
        deployment::{Condition, ConditionType},
        ids::{DeploymentId, FlinkJobId, JobId, TargetName},
        time::Timestamp,
    },
    manager::{
        ports::store::TargetRow,
        world::{DeploymentEntry, Noted, NotedTarget, World},
    },
};

/// Facts about deployments, by id.
const DEPLOYMENT: &str = "told:";
/// Facts about targets, by name.
const TARGET: &str = "told-target:";

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    /// What the log has.
    noted: Vec<ConditionType>,
    /// What held at that moment, with its words. More than the log has while an operation was at work.
    conditions: Vec<Condition>,
    strays: Vec<FlinkJobId>,
    #[serde(default)]
    needs_a_start: bool,
    cause: Option<RootCause>,
    /// The job that failed so.
    #[serde(default)]
    job: Option<JobId>,
    /// When the job was seen last before that.
    observed_at: Option<Timestamp>,
}

#[derive(Debug, Serialize, Deserialize)]
struct ToldTarget {
    reachable: Option<bool>,
    unmanaged: Option<Vec<FlinkJobId>>,
}

/// The fact of a deployment, if the log has more or less of it than before.
pub(super) fn of_deployment(
    e: &DeploymentEntry,
    conditions: &[Condition],
    now: &Noted,
) -> Option<(String, String)> {
    let was = &e.sight.noted;
    let of = |n: &Noted| (n.conditions.clone(), n.strays.clone(), n.needs_a_start, n.cause.clone());
    if of(was) == of(now) {
        return None;
    }
    let told = Told {
        noted: now.conditions.clone(),
        conditions: conditions.to_vec(),
        strays: now.strays.clone(),
        needs_a_start: now.needs_a_start,
        cause: now.cause.clone(),
        job: e.row.job.clone(),
        observed_at: e.sight.observed_at,
    };
    Some((format!("{DEPLOYMENT}{}", e.row.id), serde_json::to_string(&told).ok()?))
}

/// The fact of a target, if the log has more or less of it than before.
pub(super) fn of_target(name: &TargetName, was: &NotedTarget, now: &NotedTarget) -> Option<(String, String)> {
    if was == now {
        return None;
    }
    let told = ToldTarget { reachable: now.reachable, unmanaged: now.unmanaged.clone() };
    Some((format!("{TARGET}{name}"), serde_json::to_string(&told).ok()?))
}

/// What the manager before has told of the deployments.
pub fn recall(world: &mut World, facts: &IndexMap<String, String>) {
    for (id, told) in of::<Told>(DEPLOYMENT, facts) {
        let Some(e) = world.by_id_mut(&DeploymentId::new(id)) else { continue };
        e.sight.noted.conditions = told.noted;
        e.sight.noted.strays = told.strays;
        e.sight.noted.needs_a_start = told.needs_a_start;
        // Another job has begun since: what an older one failed of is no news of it.
        let cause = told.cause.filter(|_| told.job == e.row.job);
        e.sight.noted.cause.clone_from(&cause);
        e.sight.conditions = told.conditions;
        e.sight.root_cause = cause;
        e.sight.observed_at = told.observed_at;
    }
}

/// What the manager before has told of a target.
#[must_use]
pub fn recall_target(row: &TargetRow, facts: &IndexMap<String, String>) -> NotedTarget {
    let told = facts.get(&format!("{TARGET}{}", row.name)).and_then(|t| serde_json::from_str(t).ok());
    told.map(|t: ToldTarget| NotedTarget { reachable: t.reachable, unmanaged: t.unmanaged })
        .unwrap_or_default()
}

/// The facts of a kind; one that cannot be read is as good as none: what it told is told again.
fn of<'a, T: DeserializeOwned>(
    kind: &'a str,
    facts: &'a IndexMap<String, String>,
) -> impl Iterator<Item = (&'a str, T)> {
    facts
        .iter()
        .filter_map(move |(name, told)| Some((name.strip_prefix(kind)?, serde_json::from_str(told).ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{domain::deployment::ConditionStatus, manager::world::tests::with_a_job};

    /// While an operation is at work its conditions are shown and not told: the next manager must not tell their end.
    #[test]
    fn what_was_not_told_is_not_recalled_as_told() {
        let mut world = with_a_job();
        let e = world.deployments.values().next().unwrap();
        let shown = |kind| Condition {
            kind,
            status: ConditionStatus::True,
            since: Timestamp::from_millis(0),
            reason: "so".into(),
        };
        let cause = RootCause { message: "boom".into(), task: None, task_manager: None, at: None };
        let noted = Noted {
            conditions: vec![ConditionType::CheckpointStale],
            cause: Some(cause),
            ..Noted::default()
        };
        let fact = of_deployment(e, &[shown(ConditionType::JobFailing)], &noted).unwrap();
        recall(&mut world, &IndexMap::from([fact]));
        let sight = &world.deployments.values().next().unwrap().sight;
        assert_eq!(sight.noted.conditions, [ConditionType::CheckpointStale]);
        assert_eq!(sight.conditions, [shown(ConditionType::JobFailing)]);
        assert!(sight.root_cause.is_some());
    }
}
