//! What a person does to an operation: choose, cancel, resume, supersede.

use super::super::{
    Caller, Idempotency, Manager, ManagerResult, books, inner::Inner, ports::store::Changes, runner, view,
};
use crate::{
    contract::{
        intent::Choose,
        model,
        problem::{Code, Problem},
    },
    domain::{
        event::{EventName, Severity},
        ids::OperationId,
        operation::{
            ChoiceId, OpState, Operation, StepState, choose, steps::snapshot::ENDED_WITHOUT_SNAPSHOT,
        },
    },
};

impl Manager {
    /// Resolves a waiting operation: it ends and its child begins, in one commit.
    pub async fn choose(
        &self,
        id: &str,
        choice: Choose,
        who: &Caller,
        key: Option<Idempotency>,
    ) -> ManagerResult<model::Operation> {
        self.may_change(false)?;
        let inner = &self.inner;
        if let Some(key) = &key
            && let Some(kept) = inner.deps.store.answer(&who.actor, &key.route, &key.key).await?
        {
            return serde_json::from_value(kept.body)
                .map_err(|e| Problem::new(Code::Internal, e.to_string()));
        }
        let gate = inner.gate().await;
        let mut parent = self.active(id).await?;
        let child =
            choose::choose(&parent, choice.choice, choice.location.as_deref(), inner.fresh_operation())
                .map_err(|e| Problem::new(Code::WrongState, format!("{e}; nothing was changed")))?;
        let asked = parent.error.as_ref().map(|e| e.code.clone()).unwrap_or_default();
        let mut changes = Changes::default();
        parent.state = if child.is_some() { OpState::Resolved } else { OpState::Abandoned };
        parent.ended_at = Some(inner.now());
        parent.result = Some(format!("{} chose {}", who.actor, choice.choice));
        let text = format!("{} chose {} for {}", who.actor, choice.choice, parent.kind);
        let mut event = inner.operation_event(&parent, Severity::Warn, EventName::OperationResolved, text);
        (event.actor, event.via) = (who.actor.clone(), who.via);
        changes.events.push(event);
        if child.is_none() {
            runner::put_back(inner, &parent, &mut changes);
        }
        let shown = child.as_ref().map_or_else(|| parent.clone(), Clone::clone);
        if let (Some(key), None) = (&key, &child) {
            changes.answers.push(inner.answer_row(who, key, 202, &view::operation(&parent)));
        }
        changes.operations.push(parent);
        let mut started = None;
        if let Some(mut child) = child {
            sign(inner, &mut child, who, &choice);
            if choice.choice == ChoiceId::SavepointAt {
                name_snapshot(inner, &mut child, &mut changes);
            }
            // The job's end was seen, and the way on from it is chosen.
            let goes_on = matches!(choice.choice, ChoiceId::SavepointAt | ChoiceId::LastCheckpoint);
            if asked == ENDED_WITHOUT_SNAPSHOT
                && goes_on
                && let Some(job) = child.plan.old_job.clone()
            {
                books::end_job(inner, &job, None, &child, &mut changes).await?;
            }
            let text = format!("{} goes on: {} chose {}", child.kind, who.actor, choice.choice);
            let mut event = inner.operation_event(&child, Severity::Info, EventName::OperationQueued, text);
            event.details = serde_json::json!({ "parent": child.parent });
            changes.events.push(event);
            started = Some(child.id.clone());
            changes.operations.push(child.clone());
            if let Some(key) = &key {
                changes.answers.push(inner.answer_row(who, key, 202, &view::operation(&child)));
            }
        }
        inner.commit(&gate, changes).await?;
        drop(gate);
        if let Some(id) = started {
            runner::spawn(inner, id.clone());
            return self.operation(id.as_str()).await;
        }
        Ok(view::operation(&shown))
    }

    /// Asks an operation to stop: before its first effect it is CANCELLED, later at its next safe point.
    pub async fn cancel_operation(&self, id: &str, who: &Caller) -> ManagerResult<model::Operation> {
        self.may_change(false)?;
        let inner = &self.inner;
        let gate = inner.gate().await;
        let mut op = self.active(id).await?;
        let mut changes = Changes::default();
        let text = format!("{} asked {} to stop", who.actor, op.kind);
        let mut event = inner.operation_event(&op, Severity::Warn, EventName::OperationCancelled, text);
        (event.actor, event.via) = (who.actor.clone(), who.via);
        changes.events.push(event);
        op.cancel_requested = true;
        changes.operations.push(op.clone());
        inner.commit(&gate, changes).await?;
        Ok(view::operation(&op))
    }

    /// Drives an operation again: a waiting one by looking or trying again, a running one by another look now.
    pub async fn resume_operation(&self, id: &str, who: &Caller) -> ManagerResult<model::Operation> {
        self.may_change(false)?;
        let op = self.active(id).await?;
        if op.state != OpState::NeedsAttention {
            self.inner.wake(&op.target).notify_one();
            return Ok(view::operation(&op));
        }
        let on = |id: &ChoiceId| op.choices.iter().any(|c| c.id == *id);
        let Some(choice) = [ChoiceId::LookAgain, ChoiceId::Retry].into_iter().find(on) else {
            let known: Vec<&str> = op.choices.iter().map(|c| c.id.as_str()).collect();
            return Err(Problem::new(
                Code::WrongState,
                "it cannot simply be tried again; nothing was changed",
            )
            .hint(format!("choose one of {}: nutkin operation choose {id} CHOICE", known.join(", "))));
        };
        self.choose(id, Choose { choice, location: None, reason: None }, who, None).await
    }

    /// An operation that holds its deployment, by its id or the end of it.
    async fn active(&self, id: &str) -> ManagerResult<Operation> {
        let found = self.inner.world().operations.get(&OperationId::new(id)).cloned();
        if let Some(op) = found {
            return Ok(op);
        }
        let ended = self.operation(id).await?;
        Err(Problem::new(
            Code::WrongState,
            format!("the operation is {} already; nothing was changed", ended.state),
        ))
    }
}

fn sign(inner: &Inner, child: &mut Operation, who: &Caller, choice: &Choose) {
    child.actor.clone_from(&who.actor);
    child.via = who.via;
    child.created_at = inner.now();
    child.reason = choice.reason.clone().or_else(|| child.reason.take());
}

/// The snapshot that a person named enters the catalogue, and the step refers to it.
fn name_snapshot(inner: &Inner, child: &mut Operation, changes: &mut Changes) {
    let named = child.steps.iter().position(|s| {
        s.state == StepState::Confirmed
            && s.outcome.as_ref().is_some_and(|o| o.location.is_some() && o.savepoint.is_none())
    });
    let Some(i) = named else { return };
    let Some(outcome) = child.steps[i].outcome.clone() else { return };
    let row = books::named_snapshot(inner, child, &outcome);
    if let Some(o) = child.steps[i].outcome.as_mut() {
        o.savepoint = Some(row.id.clone());
    }
    changes.savepoints.push(row);
}
