//! What a person's choice makes of an operation that waits: a child that goes on from the step at work.
//!
//! ```text
//!   NEEDS_ATTENTION ── choice ──▶ RESOLVED, and in the same commit a child QUEUED
//!                                  look-again   the step stays INTENT: same key, same directory, only looked for
//!                                  retry        the step is planned anew, under a new key
//!                                  accept, savepoint-at      the step counts as confirmed
//!                                  last-checkpoint, roll-back   other steps follow
//!                   └─ abandon ──▶ ABANDONED
//! ```

use super::{
    Act, ChoiceId, Compensation, Inherited, OpState, Operation, Outcome, Step, StepName, StepState, driver,
    recipe::{self, Facts, Stop},
    steps::snapshot::{CANCELED_DURING_STOP, ENDED_WITHOUT_SNAPSHOT, FAILED_DURING_STOP},
};
use crate::domain::ids::OperationId;

/// Why a choice cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadChoice {
    /// The operation does not wait.
    #[error("the operation is {0} and waits for nothing")]
    NotWaiting(OpState),
    /// The choice is not in its list.
    #[error("{given} is not one of its choices: {known}")]
    NotOffered {
        /// What was given.
        given: ChoiceId,
        /// What there is.
        known: String,
    },
    /// The choice needs a location.
    #[error("{0} needs the snapshot's location (--location URI)")]
    NeedsLocation(ChoiceId),
}

/// The child operation that a choice makes of a waiting one; `None` for abandon. The parent ends RESOLVED or ABANDONED in
/// the same commit that inserts the child.
pub fn choose(
    op: &Operation,
    id: ChoiceId,
    location: Option<&str>,
    child: OperationId,
) -> Result<Option<Operation>, BadChoice> {
    if op.state != OpState::NeedsAttention {
        return Err(BadChoice::NotWaiting(op.state));
    }
    if !op.choices.iter().any(|c| c.id == id) {
        let known = op.choices.iter().map(|c| c.id.as_str()).collect::<Vec<_>>().join(", ");
        return Err(BadChoice::NotOffered { given: id, known });
    }
    if id == ChoiceId::Abandon {
        return Ok(None);
    }
    let mut next = Operation { id: child, parent: Some(op.id.clone()), state: OpState::Queued, ..op.clone() };
    (next.error, next.choices, next.started_at, next.cancel_requested) = (None, vec![], None, false);
    // On a way back the step at work is one of those that were appended, not the one that failed first.
    let at_work = op.current().map(|s| s.n);
    let Some(at) = next.steps.iter().position(|s| Some(s.n) == at_work) else { return Ok(Some(next)) };
    match id {
        ChoiceId::LookAgain => look_again(&mut next, op, at),
        ChoiceId::Retry => retry(&mut next, at),
        ChoiceId::Accept => confirm(&mut next.steps[at], Outcome::default(), "accepted by a person"),
        ChoiceId::SavepointAt => {
            let place = location.filter(|l| !l.is_empty()).ok_or(BadChoice::NeedsLocation(id))?;
            savepoint_at(&mut next, op, at, place);
        }
        ChoiceId::LastCheckpoint => last_checkpoint(&mut next, op, at),
        ChoiceId::RollBack => roll_back(&mut next, at),
        ChoiceId::Abandon => {}
    }
    Ok(Some(next))
}

fn confirm(step: &mut Step, outcome: Outcome, detail: &str) {
    step.state = StepState::Confirmed;
    step.outcome = Some(outcome);
    detail.clone_into(&mut step.detail);
}

/// The person names the snapshot that a step has taken. Of a stop it is the last word only where the job's end was seen;
/// else the end is waited for, since nobody has told of it.
fn savepoint_at(next: &mut Operation, op: &Operation, at: usize, place: &str) {
    let seen = [ENDED_WITHOUT_SNAPSHOT, FAILED_DURING_STOP, CANCELED_DURING_STOP];
    let ended = op.error.as_ref().is_some_and(|e| seen.contains(&e.code.as_str()));
    let stopped = match &next.steps[at].act {
        Act::StopWithSavepoint { job } => Some(job.clone()),
        _ => None,
    };
    let is_final = stopped.is_some() && ended;
    let outcome = Outcome { location: Some(place.to_owned()), is_final, ..Outcome::default() };
    confirm(&mut next.steps[at], outcome, "the snapshot was named by a person");
    if let Some(job) = stopped.filter(|_| !ended) {
        let tail: Vec<Act> = next.steps[at + 1..].iter().map(|s| s.act.clone()).collect();
        next.steps.truncate(at + 1);
        driver::append(next, [Act::AwaitTerminal { job: Some(job) }].into_iter().chain(tail).collect());
    }
}

/// A request that may have had its effect is looked for under the key that it was sent with; nothing is sent.
fn look_again(next: &mut Operation, op: &Operation, at: usize) {
    let step = &mut next.steps[at];
    let sent = matches!(step.state, StepState::Intent | StepState::Ambiguous) && step.act.has_effect();
    if sent {
        step.state = StepState::Intent;
        next.plan.inherited = Some(Inherited { operation: op.issuer(&op.steps[at]).clone(), step: step.n });
    } else {
        *step = Step::planned(step.n, step.act.clone());
    }
}

/// The failed step and what depends on it begin again under new keys. A job that did not hold, and may live, is ended
/// before another one is submitted.
fn retry(op: &mut Operation, at: usize) {
    let (needs_new_job, left) = match &op.steps[at].act {
        Act::AwaitRunning | Act::VerifyRestore | Act::Probation => (true, op.last_job()),
        Act::RunJar { .. } => (true, op.last_job().filter(|_| op.steps[at].is_half_submitted())),
        _ => (false, None),
    };
    let no_live_job = op.steps[..=at].iter().rposition(|s| s.act.name() == StepName::NoLiveJob);
    let from = no_live_job.filter(|_| needs_new_job).unwrap_or(at);
    if let Some(job) = left {
        let tail =
            op.steps.split_off(from).into_iter().filter(|s| s.state != StepState::Skipped).map(|s| s.act);
        let end = [Act::CancelJob { job: Some(job.clone()) }, Act::AwaitTerminal { job: Some(job) }];
        return driver::append(op, end.into_iter().chain(tail).collect());
    }
    for s in &mut op.steps[from..] {
        if s.state != StepState::Skipped {
            *s = Step::planned(s.n, s.act.clone());
        }
    }
}

fn last_checkpoint(next: &mut Operation, op: &Operation, at: usize) {
    let (Act::StopWithSavepoint { job } | Act::TriggerSavepoint { job }) = next.steps[at].act.clone() else {
        return;
    };
    let tail: Vec<Act> = next.steps[at + 1..].iter().map(|s| s.act.clone()).collect();
    next.steps.truncate(at);
    let ended = op.error.as_ref().is_some_and(|e| e.code == ENDED_WITHOUT_SNAPSHOT);
    let head = if ended {
        // Its end was seen: there is nothing to cancel, and nothing to wait for.
        vec![Act::RecordCheckpoint { job, after_end: false }]
    } else {
        recipe::ending(&Facts { live: Some(job), ..Facts::default() }, Stop::LastCheckpoint)
    };
    driver::append(next, head.into_iter().chain(tail).collect());
}

fn roll_back(op: &mut Operation, at: usize) {
    let cause = op.error.as_ref().map_or_else(|| "chosen by a person".to_owned(), |e| e.message.clone());
    let failed_step = op.steps[at].n;
    let acts = recipe::way_back(op).unwrap_or_default();
    // What was refuted stays so: a job that it left behind is still to be ended.
    for s in op.steps[at..].iter_mut().filter(|s| s.state != StepState::Refuted) {
        s.state = StepState::Skipped;
    }
    op.plan.compensation = Some(Compensation { cause, failed_step, ends_as: OpState::RolledBack });
    driver::append(op, acts);
}
