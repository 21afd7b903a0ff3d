//! What a changed document asks for, decided from what is known.
//!
//! ```text
//!   document, row, what runs ─▶ decide ─┬─ a verb for the state that it names
//!                                       ├─ an upgrade of the job that runs
//!                                       └─ nothing, or a new spec that waits for the next job
//! ```

use serde_json::{Map, Value};

use super::deployment::split_state;
use crate::{
    contract::problem::{Code, Problem},
    domain::{
        deployment::Desired,
        operation::{Kind, OpState},
        spec::{self, UpgradeStrategy},
    },
    manager::{ManagerResult, ports::store::DeploymentRow},
};

/// A document beside what is known of its deployment.
#[derive(Debug)]
pub(super) struct Change<'a> {
    /// The deployment before.
    pub row: &'a DeploymentRow,
    /// The state that the document names.
    pub state: Option<Desired>,
    /// What became of the last wish for that state.
    pub asked: Asked,
    /// The document's state counts more than a person's later act.
    pub force: bool,
    /// A job lives, or may live.
    pub live: bool,
    /// Only another job can run the new spec.
    pub new_job: bool,
    /// How the new spec gets its job.
    pub strategy: UpgradeStrategy,
}

/// What follows from a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Follows {
    /// No operation.
    Nothing,
    /// The verb that leads to this state.
    State(Desired),
    /// The job that runs is replaced.
    Upgrade,
}

/// The decision, with what a person should know about it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Decision {
    /// What follows.
    pub follows: Follows,
    /// The state that is to be gone to.
    pub wanted: Option<Desired>,
    /// Why something is not as the document says.
    pub warnings: Vec<String>,
}

/// Decides.
pub(super) fn decide(c: &Change<'_>) -> Decision {
    let wanted = wanted_state(c.row, c.state, c.force || c.asked == Asked::Failed);
    let mut warnings = Vec::new();
    if let (None, Some(s)) = (wanted, c.state.filter(|s| *s != c.row.desired)) {
        warnings.push(match c.asked {
            Asked::AtWork(kind) => format!("the manifest says {s}, and {kind} is at work on that"),
            _ => format!(
                "the manifest says {s}, somebody made it {}; it stays so (--force-state overrides)",
                c.row.desired
            ),
        });
    }
    let follows = match wanted {
        // Its job runs already: what runs is replaced where that is asked for.
        Some(Desired::Running) if c.live => None,
        other => other.map(Follows::State),
    };
    let waits = c.new_job && c.strategy == UpgradeStrategy::None;
    if waits && follows.is_none() {
        warnings.push(
            "upgradeStrategy NONE: it runs at the next start; until then the deployment shows drift"
                .to_owned(),
        );
    }
    let otherwise = if c.new_job && !waits { Follows::Upgrade } else { Follows::Nothing };
    Decision { follows: follows.unwrap_or(otherwise), wanted, warnings }
}

/// What became of the last wish for a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// It was reached, or taken back, or nobody asked for it, or for another one since.
    Reached,
    /// Its operation is not over.
    AtWork(Kind),
    /// Its operation failed, and nobody has asked for another state since.
    Failed,
}

/// `done`: what operations lead to, where they stand and what they are, newest first. A person who ends an operation
/// has said what he wants, so only its own failure makes the next apply ask again.
pub(super) fn asked_in(
    done: impl Iterator<Item = (Option<Desired>, OpState, Kind)>,
    state: Desired,
) -> Asked {
    let newest = done.into_iter().find_map(|(to, at, kind)| Some((to?, at, kind)));
    match newest {
        Some((to, at, kind)) if to == state && at.is_active() => Asked::AtWork(kind),
        Some((to, OpState::Failed | OpState::FailedNoEffect, _)) if to == state => Asked::Failed,
        _ => Asked::Reached,
    }
}

/// A manifest's spec with the `state` of another one, or without any.
pub(super) fn with_state_of(spec: &Value, other: Option<&Value>) -> Value {
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

/// Values that verbs have set since the last apply are not lost by the next one.
pub(super) fn refuse_overwrite(old: &DeploymentRow, layer: &Value, force: bool) -> ManagerResult<()> {
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
    use crate::{
        domain::{
            ids::{DeploymentId, DeploymentName},
            time::Timestamp,
        },
        manager::submit,
    };
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

    /// What runs and is wanted; whether only another job can run the new spec, and how it gets it; what follows.
    #[rstest]
    #[case::nothing_new("RUNNING", true, false, "STATEFUL", Follows::Nothing, 0)]
    #[case::a_new_spec_of_what_runs("RUNNING", true, true, "STATEFUL", Follows::Upgrade, 0)]
    #[case::one_that_waits("RUNNING", true, true, "NONE", Follows::Nothing, 1)]
    #[case::to_be_suspended("SUSPENDED", true, true, "STATEFUL", Follows::State(Desired::Suspended), 0)]
    #[case::to_be_suspended_and_waits("SUSPENDED", true, true, "NONE", Follows::State(Desired::Suspended), 0)]
    fn one_thing_follows(
        #[case] state: &str,
        #[case] live: bool,
        #[case] new_job: bool,
        #[case] strategy: &str,
        #[case] expected: Follows,
        #[case] warnings: usize,
    ) {
        let row = row(Some(json!({ "state": "RUNNING" })), json!({}), Desired::Running);
        let change = Change {
            row: &row,
            state: Some(state.parse().unwrap()),
            asked: Asked::Reached,
            force: false,
            live,
            new_job,
            strategy: strategy.parse().unwrap(),
        };
        let decision = decide(&change);
        assert_eq!((decision.follows, decision.warnings.len()), (expected, warnings), "{decision:?}");
    }

    /// Somebody made it another state, or an operation is at work on it.
    #[rstest]
    #[case::a_person_wins(Asked::Reached, false, Follows::Nothing)]
    #[case::by_force(Asked::Reached, true, Follows::State(Desired::Running))]
    #[case::its_own_failure(Asked::Failed, false, Follows::State(Desired::Running))]
    #[case::at_work(Asked::AtWork(Kind::Start), false, Follows::Nothing)]
    fn a_state_that_is_not_so(#[case] asked: Asked, #[case] force: bool, #[case] expected: Follows) {
        let row = row(Some(json!({ "state": "RUNNING" })), json!({}), Desired::Suspended);
        let change = Change {
            row: &row,
            state: Some(Desired::Running),
            asked,
            force,
            live: false,
            new_job: false,
            strategy: UpgradeStrategy::Stateful,
        };
        let decision = decide(&change);
        assert_eq!(decision.follows, expected);
        assert_eq!(decision.warnings.len(), usize::from(expected == Follows::Nothing), "{decision:?}");
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
