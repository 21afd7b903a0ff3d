//! Finds out what became of the open step of a superseded operation, and writes it down. Nothing is sent.
//!
//! ```text
//!   superseded ─▶ look ─▶ fate ─┬─ open ─▶ wait a little, look again (also after a restart)
//!                               └─ else ─▶ commit step, savepoint, job
//! ```

use std::{collections::HashMap, sync::Arc};

use super::{look, look::Memory, pace, pause};
use crate::{
    domain::{
        ids::OperationId,
        operation::{
            OpState, Operation,
            evidence::Answer,
            steps::Case,
            supersede::{self, Fate, Flight},
        },
    },
    manager::{
        inner::Inner,
        ports::store::{Changes, StoreResult},
    },
};

/// Requests of steps that are on their way, and answers that came when their operation had been superseded.
#[derive(Debug, Default)]
pub struct Sends(parking_lot::Mutex<HashMap<(OperationId, u32), Option<Answer>>>);

impl Sends {
    fn map(&self) -> parking_lot::MutexGuard<'_, HashMap<(OperationId, u32), Option<Answer>>> {
        self.0.lock()
    }

    /// The request leaves, unless `allowed` says no: it is asked when nobody can look between it and the entry.
    pub fn leave(&self, id: &OperationId, n: u32, allowed: impl FnOnce() -> bool) -> bool {
        let mut map = self.map();
        let allowed = allowed();
        if allowed {
            map.insert((id.clone(), n), None);
        }
        allowed
    }

    /// It was answered, or nobody listens any more; `keep` = its operation was superseded meanwhile.
    pub fn arrive(&self, id: &OperationId, n: u32, answer: Option<Answer>, keep: bool) {
        let mut map = self.map();
        map.remove(&(id.clone(), n));
        if let (Some(answer), true) = (answer, keep) {
            map.insert((id.clone(), n), Some(answer));
        }
    }

    fn flight(&self, id: &OperationId, n: u32) -> (Flight, Option<Answer>) {
        match self.map().get(&(id.clone(), n)) {
            Some(None) => (Flight::On, None),
            Some(Some(answer)) => (Flight::Over, Some(answer.clone())),
            None => (Flight::Over, None),
        }
    }

    fn forget(&self, id: &OperationId, n: u32) {
        self.map().remove(&(id.clone(), n));
    }
}

/// Looks in the background until the open step of a superseded operation is decided.
pub fn spawn(inner: &Arc<Inner>, op: Operation) {
    let inner = Arc::clone(inner);
    let tracker = inner.tasks.clone();
    tracker.spawn(async move {
        while let Err(e) = collect(&inner, op.clone()).await {
            tracing::error!(operation = %op.id, error = %e, "what a superseded operation has begun is not written down yet");
            pause(&inner, super::STORE_PAUSE).await;
            if inner.leaving.is_cancelled() {
                return;
            }
        }
    });
}

async fn collect(inner: &Arc<Inner>, op: Operation) -> StoreResult<()> {
    let Some(step) = supersede::open_step(&op).cloned() else { return Ok(()) };
    let began = inner.deps.clock.boottime();
    let mut memory = Memory::default();
    let mut said = step.detail.clone();
    while !inner.leaving.is_cancelled() {
        // Asked before the look: what is answered during the look is judged with the next one.
        let (flight, answer) = inner.sends.flight(&op.id, step.n);
        memory.answer = answer;
        let evidence = look::look(inner, &op, &step, &mut memory).await;
        let looked = inner.deps.clock.boottime().saturating_sub(began);
        let case = Case { op: &op, step: &step, now: inner.now(), patience: &inner.settings.patience };
        let fate = supersede::fate(case, &evidence, flight, looked);
        if let Fate::Open(detail) = &fate {
            if *detail != said {
                said.clone_from(detail);
                tell(inner, &op, step.n, detail).await?;
            }
            pause(inner, pace(looked)).await;
            continue;
        }
        let gate = inner.gate().await;
        let mut decided = op.clone();
        let absorbed = supersede::close(&mut decided, step.n, fate, inner.now());
        super::commit_absorbed(inner, &gate, decided, step.n, &absorbed, &evidence).await?;
        inner.sends.forget(&op.id, step.n);
        return Ok(());
    }
    Ok(())
}

/// People who look at the operation see why it is still open.
async fn tell(inner: &Inner, op: &Operation, n: u32, detail: &str) -> StoreResult<()> {
    let gate = inner.gate().await;
    let mut op = op.clone();
    if let Some(step) = op.step_mut(n) {
        detail.clone_into(&mut step.detail);
    }
    inner.commit(&gate, Changes { operations: vec![op], ..Changes::default() }).await
}

/// The operation has not ended, or another one at work waits for what it has begun.
pub fn is_awaited(inner: &Inner, op: &Operation) -> bool {
    let waits = |o: &Operation| {
        o.steps.iter().any(|s| {
            matches!(&s.act, crate::domain::operation::Act::AwaitSuperseded { operation } if *operation == op.id)
        })
    };
    op.state != OpState::Cancelled || inner.world().operations.values().any(waits)
}

/// Whether a superseded operation has an open step, and what is known of it; `None` = the store does not answer.
pub async fn open(inner: &Inner, id: &OperationId) -> Option<(bool, String)> {
    let op = inner.deps.store.operation(id).await.ok()?;
    let Some(op) = op else { return Some((false, "it is not recorded any more".to_owned())) };
    Some(match supersede::open_step(&op).filter(|s| s.state == crate::domain::operation::StepState::Intent) {
        Some(step) => (true, step.detail.clone()),
        None => {
            let last = op.steps.iter().rev().find(|s| s.attempts > 0);
            (false, last.map_or_else(String::new, |s| format!("{}: {}", s.act.name(), s.detail)))
        }
    })
}
