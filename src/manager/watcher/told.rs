//! What a round of the fast lane has found, and what of it the log has: nothing counts as told before it is written.

use std::collections::{HashMap, VecDeque};

use super::kept;
use crate::{
    domain::{
        deployment::{
            Condition, ConditionType, Desired, JobSight, Observed, conditions, needs_a_start, observe,
        },
        event::{EventName, NewEvent, Severity},
        flink::JobSummary,
        ids::{DeploymentId, DeploymentName, FlinkJobId, TargetName},
        time::Timestamp,
    },
    manager::{
        inner::{Gate, Inner},
        ports::store::Changes,
        world::{DeploymentEntry, Noted, NotedTarget, Touched},
    },
};

/// Restarts are counted over this long.
pub(super) const UNSTABLE_WINDOW_SECONDS: u64 = 600;
/// So many of them make a job unstable.
const UNSTABLE_RESTARTS: usize = 3;

/// One round's findings: what is to be written, and what the log has afterwards.
pub(super) struct Round {
    pub(super) name: TargetName,
    pub(super) changes: Changes,
    pub(super) target: NotedTarget,
    pub(super) noted: Vec<(DeploymentName, Noted)>,
}

impl Round {
    pub(super) fn new(name: &TargetName) -> Self {
        Self {
            name: name.clone(),
            changes: Changes::default(),
            target: NotedTarget::default(),
            noted: vec![],
        }
    }
}

/// What one round knows.
pub(super) struct Look<'a> {
    /// The list.
    pub(super) jobs: &'a HashMap<&'a FlinkJobId, &'a JobSummary>,
    pub(super) strays: &'a HashMap<DeploymentId, Vec<FlinkJobId>>,
    /// Deployments on which an operation was at work when the list was asked for, or is now.
    pub(super) busy: &'a Vec<DeploymentId>,
    pub(super) now: Timestamp,
}

impl Look<'_> {
    pub(super) fn is_busy(&self, e: &DeploymentEntry) -> bool {
        self.busy.contains(&e.row.id)
    }
}

/// Commits what was found, and only then takes it as told: what could not be written is found again in the next round.
pub(super) async fn publish(inner: &Inner, gate: &Gate<'_>, round: Round, touched: Touched) {
    let Round { name, changes, target, noted } = round;
    if changes != Changes::default()
        && let Err(e) = inner.commit(gate, changes).await
    {
        tracing::warn!(error = %e, "what was seen could not be written; it is found again");
        inner.touched(&touched);
        return;
    }
    {
        let mut world = inner.world_mut();
        if let Some(t) = world.targets.get_mut(&name) {
            t.sight.noted = target;
        }
        for (name, noted) in noted {
            if let Some(e) = world.deployments.get_mut(&name) {
                e.sight.noted = noted;
            }
        }
    }
    if touched != Touched::default() {
        inner.touched(&touched);
    }
}

pub(super) fn push(
    e: &DeploymentEntry,
    changes: &mut Changes,
    now: Timestamp,
    severity: Severity,
    name: EventName,
    text: String,
) {
    changes.events.push(about(e, NewEvent::auto(now, severity, name, text)));
}

/// Puts the deployment into an event.
pub fn about(e: &DeploymentEntry, event: NewEvent) -> NewEvent {
    NewEvent { job: e.row.job.clone(), ..event.about(&e.row.id, &e.row.name) }
}

/// Takes over observed state and conditions; every change of a condition is an event.
pub(super) fn settle(e: &mut DeploymentEntry, sight: &JobSight, look: &Look<'_>, round: &mut Round) -> bool {
    let now = look.now;
    let (observed, mut holds) = observe(sight);
    // The act of an operation is not a condition worth a line; one that outlasts it, or waits for a person, is.
    let busy = look.is_busy(e);
    let strays = look.strays.get(&e.row.id).cloned().filter(|_| !busy).unwrap_or_default();
    if let Some(reason) = unstable(&mut e.sight.restarts, now) {
        holds.push((ConditionType::JobUnstable, reason));
    }
    if observed == Observed::Running
        && let Some(reason) = super::checkpoints::stale(e)
    {
        holds.push((ConditionType::CheckpointStale, reason));
    }
    let live = matches!(sight, JobSight::Seen { state, .. } if !state.is_terminal());
    if let Some(stray) = strays.first() {
        holds.push((ConditionType::JobRevived, format!("job {stray} of it runs beside the recorded one")));
    } else if live && e.row.desired != Desired::Running && !busy && e.operation.is_none() {
        holds.push((ConditionType::JobRevived, format!("a job lives although {} is wanted", e.row.desired)));
    }
    let before = std::mem::take(&mut e.sight.conditions);
    let next = conditions(&before, holds, sight, now);
    let mut noted = e.sight.noted.clone();
    noted.state = e.sight.summary.as_ref().map(|s| s.state.clone());
    if !matches!(sight, JobSight::Absent | JobSight::Unreachable) {
        noted.left = None;
    }
    if !busy {
        note_conditions(e, &next, &mut noted, now, &mut round.changes);
        note_strays(e, strays, &mut noted, now, &mut round.changes);
        note_need(e, observed, &mut noted, now, &mut round.changes);
    }
    round.changes.facts.extend(kept::of_deployment(e, &next, &noted));
    round.noted.push((e.row.name.clone(), noted));
    let changed = e.sight.observed != observed || before != next;
    e.sight.observed = observed;
    if !matches!(sight, JobSight::Unreachable) {
        e.sight.observed_at = Some(now);
    }
    e.sight.conditions = next;
    changed
}

/// Why a job counts as unstable. Forgets restarts that are too long ago to count.
fn unstable(restarts: &mut VecDeque<Timestamp>, now: Timestamp) -> Option<String> {
    while restarts.front().is_some_and(|t| now.seconds_since(*t) > UNSTABLE_WINDOW_SECONDS) {
        restarts.pop_front();
    }
    (restarts.len() >= UNSTABLE_RESTARTS).then(|| format!("{} restarts in ten minutes", restarts.len()))
}

/// An event for each condition that the log does not have yet, and for each that holds no longer.
fn note_conditions(
    e: &DeploymentEntry,
    next: &[Condition],
    noted: &mut Noted,
    now: Timestamp,
    changes: &mut Changes,
) {
    for c in next.iter().filter(|c| !noted.conditions.contains(&c.kind)) {
        let (severity, name) = match c.kind {
            ConditionType::JobLost => (Severity::Error, EventName::JobLost),
            _ => (Severity::Warn, EventName::ConditionChanged),
        };
        push(e, changes, now, severity, name, format!("{}: {}", c.kind, c.reason));
    }
    for kind in noted.conditions.iter().filter(|kind| !next.iter().any(|n| n.kind == **kind)) {
        let text = format!("{kind} no longer holds");
        push(e, changes, now, Severity::Info, EventName::ConditionChanged, text);
    }
    noted.conditions = next.iter().map(|c| c.kind).collect();
}

/// A live job of ours that nobody follows may write beside the one that everybody looks at.
fn note_strays(
    e: &DeploymentEntry,
    strays: Vec<FlinkJobId>,
    noted: &mut Noted,
    now: Timestamp,
    changes: &mut Changes,
) {
    for job in strays.iter().filter(|job| !noted.strays.contains(job)) {
        let text = format!(
            "job {job} was issued to {} and is running, though it is not the recorded one",
            e.row.name
        );
        push(e, changes, now, Severity::Error, EventName::JobRevived, text);
    }
    noted.strays = strays;
}

/// Nothing starts a job again by itself: that somebody must is said once.
fn note_need(
    e: &DeploymentEntry,
    observed: Observed,
    noted: &mut Noted,
    now: Timestamp,
    changes: &mut Changes,
) {
    let needs = e.operation.is_none() && needs_a_start(e.row.desired, observed);
    if needs && !noted.needs_a_start {
        let (desired, name) = (e.row.desired, &e.row.name);
        let text = format!("{desired} is wanted and it is {observed}: start it again: nutkin start {name}");
        push(e, changes, now, Severity::Warn, EventName::StateTransitionNeeded, text);
    }
    noted.needs_a_start = needs;
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    /// Restarts in seconds, the moment, what is said.
    #[rstest]
    #[case::none(&[], 0, None)]
    #[case::two(&[1, 2], 10, None)]
    #[case::three(&[1, 2, 3], 10, Some("3 restarts in ten minutes"))]
    #[case::at_the_edge(&[0, 300, 599], 600, Some("3 restarts in ten minutes"))]
    #[case::the_first_is_too_long_ago(&[0, 300, 599], 601, None)]
    #[case::all_are(&[0, 1, 2], 10_000, None)]
    fn three_restarts_in_ten_minutes_make_a_job_unstable(
        #[case] restarts: &[i64],
        #[case] now: i64,
        #[case] expected: Option<&str>,
    ) {
        let at = |s: &i64| Timestamp::from_millis(s * 1_000);
        let mut restarts: VecDeque<Timestamp> = restarts.iter().map(at).collect();
        assert_eq!(unstable(&mut restarts, at(&now)).as_deref(), expected);
    }
}
