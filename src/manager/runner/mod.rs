//! Drives operations: intent, send, look, judge, commit; again after every restart, from wherever the store says.
//!
//! ```text
//!   Queued/Running ─▶ next ─┬─ Intend ─▶ commit INTENT ─▶ send ─┐
//!                           ├─ Probe ───────────────────────────┴▶ look ─▶ judge ─▶ absorb ─▶ commit ─▶ (again)
//!                           ├─ Wait ─▶ sleep
//!                           └─ Finish ─▶ commit the end
//! ```

pub use send::{cluster_of, jar_name};

pub use settle::put_back;

pub mod collect;
mod look;
mod send;
mod settle;
pub mod upload;

use std::{sync::Arc, time::Duration};

use super::{
    disposal, faults,
    inner::{Gate, Inner},
    ports::store::{Changes, StoreError, StoreResult},
};
use crate::domain::{
    event::{EventName, MOST_OF_A_TRACE, NewEvent, Severity},
    ids::OperationId,
    operation::{
        OpState, Operation, StepState,
        driver::{self, Absorbed, Next},
        evidence::{self, Answer, Evidence, Judgement, Sight},
        steps::{self, Case},
    },
    text,
};
use look::Memory;

/// Starts driving an operation in the background.
pub fn spawn(inner: &Arc<Inner>, id: OperationId) {
    let inner = Arc::clone(inner);
    let tracker = inner.tasks.clone();
    tracker.spawn(async move {
        let _place = inner.place(&id).await;
        while let Err(e) = drive(&inner, &id).await {
            tracing::error!(operation = %id, error = %e, "the operation pauses at its recorded step");
            pause(&inner, STORE_PAUSE).await;
            if inner.leaving.is_cancelled() {
                return;
            }
        }
    });
}

/// A store that refuses (a full disk, say) is tried again after this long; nothing is sent meanwhile.
const STORE_PAUSE: Duration = Duration::from_secs(5);

/// Drives until the operation ends, waits for a person, or the manager leaves.
async fn drive(inner: &Arc<Inner>, id: &OperationId) -> StoreResult<()> {
    let mut memory = Memory::default();
    while !inner.leaving.is_cancelled() {
        let Some(op) = operation(inner, id) else { return Ok(()) };
        match driver::next(&op, inner.now()) {
            Next::Idle => return Ok(()),
            Next::Finish(state) => {
                faults::reach("before-end", &op, op.steps.last().map_or(0, |s| s.n));
                return settle::finish(inner, id, state).await;
            }
            Next::Wait(until) => pause(inner, until.since(inner.now())).await,
            Next::Intend(n) => {
                faults::reach("before-intent", &op, n);
                memory = Memory::default();
                intend(inner, id, n).await?;
                if let Some(op) = operation(inner, id) {
                    faults::reach("after-intent", &op, n);
                    memory.answer = send(inner, &op, n).await;
                    faults::reach("after-answer", &op, n);
                }
            }
            // What goes on from a request that was sent before has no intent of its own to begin with.
            Next::Probe(_) if op.state == OpState::Queued => begin(inner, id).await?,
            Next::Probe(n) => probe(inner, &op, n, &mut memory).await?,
        }
    }
    Ok(())
}

fn operation(inner: &Inner, id: &OperationId) -> Option<Operation> {
    inner.world().operations.get(id).cloned()
}

/// Waits, but not longer than the manager stays.
async fn pause(inner: &Inner, for_: Duration) {
    tokio::select! {
        () = inner.deps.clock.sleep(for_) => {}
        () = inner.leaving.cancelled() => {}
    }
}

/// Commits that the operation is at work.
async fn begin(inner: &Inner, id: &OperationId) -> StoreResult<()> {
    let gate = inner.gate().await;
    let Some(mut op) = operation(inner, id).filter(|op| op.state == OpState::Queued) else { return Ok(()) };
    driver::begin(&mut op, inner.now());
    let events = vec![started(inner, &op)];
    inner.commit(&gate, Changes { events, operations: vec![op], ..Changes::default() }).await
}

fn started(inner: &Inner, op: &Operation) -> NewEvent {
    inner.operation_event(op, Severity::Info, EventName::OperationStarted, format!("{} began", op.kind))
}

/// Commits the intent: key, rows that the effect will need, event. Nothing has left the process before.
async fn intend(inner: &Inner, id: &OperationId, n: u32) -> StoreResult<()> {
    let gate = inner.gate().await;
    let Some(mut op) = operation(inner, id) else { return Ok(()) };
    // Somebody may have asked the operation to stop in the meantime.
    if driver::next(&op, inner.now()) != Next::Intend(n) {
        return Ok(());
    }
    if let Some(why) = disposal::forbidden(inner, &op, n).await? {
        return decline(inner, &gate, op, n, why).await;
    }
    let mut changes = Changes::default();
    let first = op.state == OpState::Queued;
    let (key, mark) = send::key_and_mark(inner, &op, n);
    driver::intend(&mut op, n, key, mark, inner.now());
    if first {
        changes.events.push(started(inner, &op));
    }
    settle::intent_rows(inner, &op, n, &mut changes).await?;
    if let Some(step) = op.step(n).filter(|s| s.act.has_effect()) {
        let text = format!("{} attempt {} begins", step.act.name(), step.attempts);
        changes.events.push(inner.operation_event(&op, Severity::Debug, EventName::StepStarted, text));
    }
    changes.operations.push(op);
    inner.commit(&gate, changes).await
}

/// What was allowed when it was confirmed is so no longer: the step is not begun.
async fn decline(inner: &Inner, gate: &Gate<'_>, mut op: Operation, n: u32, why: String) -> StoreResult<()> {
    let absorbed = driver::absorb(&mut op, n, Judgement::refuted(why), inner.now());
    commit_told(inner, gate, op, absorbed).await
}

/// So long a manager that leaves waits for the answer to a request that is on its way.
const DRAIN: Duration = Duration::from_secs(2);

/// Sends the step's request; an answer that was not seen before the manager left stays unknown.
async fn send(inner: &Arc<Inner>, op: &Operation, n: u32) -> Option<Answer> {
    let step = op.steps.iter().find(|s| s.n == n && s.state == StepState::Intent)?;
    let at_work = || inner.world().operations.contains_key(&op.id);
    // A superseded operation sends nothing more; what is on its way is known to those who look for its outcome.
    if !inner.sends.leave(&op.id, n, at_work) {
        return None;
    }
    let given_up = async {
        inner.leaving.cancelled().await;
        inner.deps.clock.sleep(DRAIN).await;
    };
    let answer = tokio::select! {
        answer = send::perform(inner, op, step) => answer,
        () = given_up => None,
    };
    inner.sends.arrive(&op.id, n, answer.clone(), !at_work());
    answer
}

/// Looks, judges, commits what changed; then waits a little if nothing did.
async fn probe(inner: &Arc<Inner>, op: &Operation, n: u32, memory: &mut Memory) -> StoreResult<()> {
    let Some(step) = op.step(n) else { return Ok(()) };
    let evidence = look::look(inner, op, step, memory).await;
    let gate = inner.gate().await;
    let Some(mut now_op) = operation(inner, &op.id) else { return Ok(()) };
    let Some(step) = now_op.step(n).cloned() else { return Ok(()) };
    if now_op.state != OpState::Running || !matches!(step.state, StepState::Intent | StepState::Ambiguous) {
        return Ok(());
    }
    let case = Case { op: &now_op, step: &step, now: inner.now(), patience: &inner.settings.patience };
    let judgement = steps::judge(case, &evidence);
    let waited = case.waited();
    let mut absorbed = driver::absorb(&mut now_op, n, judgement, inner.now());
    if is_unclear(&evidence)
        && waited >= AMBIGUOUS_AFTER
        && step.act.has_effect()
        && absorbed.confirmed.is_none()
    {
        driver::mark_ambiguous(&mut now_op, n, &mut absorbed);
    }
    match commit_absorbed(inner, &gate, now_op, n, &absorbed, &evidence).await {
        // Trying again would not help: somebody else has taken the name meanwhile, say.
        Err(StoreError::Conflict { what }) => {
            return refused_by_the_books(inner, &gate, &op.id, n, what).await;
        }
        done => done?,
    }
    drop(gate);
    if absorbed.resend {
        pause(inner, pace(waited)).await;
        let again = operation(inner, &op.id);
        memory.answer = match again {
            Some(op) if !inner.leaving.is_cancelled() => send(inner, &op, n).await,
            _ => None,
        };
    } else if absorbed.confirmed.is_none() {
        pause(inner, pace(waited)).await;
    }
    Ok(())
}

/// What a step brought does not fit into the books: a person decides.
async fn refused_by_the_books(
    inner: &Inner,
    gate: &Gate<'_>,
    id: &OperationId,
    n: u32,
    what: String,
) -> StoreResult<()> {
    let Some(mut op) = operation(inner, id) else { return Ok(()) };
    let absorbed = driver::absorb(&mut op, n, evidence::unwritable(&what), inner.now());
    commit_told(inner, gate, op, absorbed).await
}

/// Commits a judgement that brings no rows of its own.
async fn commit_told(inner: &Inner, gate: &Gate<'_>, op: Operation, absorbed: Absorbed) -> StoreResult<()> {
    let mut changes = Changes::default();
    for (severity, name, text) in absorbed.events {
        changes.events.push(inner.operation_event(&op, severity, name, text));
    }
    changes.operations.push(op);
    inner.commit(gate, changes).await
}

/// How long a step may be unclear before it is called so.
const AMBIGUOUS_AFTER: Duration = Duration::from_secs(10);

fn is_unclear(ev: &Evidence) -> bool {
    !matches!(ev.answer, Some(Answer::Accepted(_))) && !matches!(ev.job, Sight::Seen { .. })
}

/// Polls fast only while an operation waits, and slower the longer it does: the records wait for the first second.
fn pace(waited: Duration) -> Duration {
    Duration::from_millis(match waited.as_secs() {
        0 => 20,
        1..30 => 100,
        30..300 => 500,
        _ => 2_000,
    })
}

async fn commit_absorbed(
    inner: &Arc<Inner>,
    gate: &Gate<'_>,
    op: Operation,
    n: u32,
    absorbed: &Absorbed,
    evidence: &Evidence,
) -> StoreResult<()> {
    if !absorbed.changed {
        return Ok(());
    }
    let mut changes = Changes::default();
    for (severity, name, text) in &absorbed.events {
        let mut event = inner.operation_event(&op, *severity, name.clone(), text.clone());
        if let Some(trace) = evidence.full_text().filter(|_| *severity >= Severity::Warn) {
            event.details = serde_json::json!({ "trace": text::excerpt(trace, MOST_OF_A_TRACE) });
        }
        changes.events.push(event);
    }
    settle::outcome_rows(inner, &op, n, absorbed, evidence, &mut changes).await?;
    changes.operations.insert(0, op);
    inner.commit(gate, changes).await
}
