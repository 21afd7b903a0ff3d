//! What a person does to an operation: choose, cancel, resume, supersede.

use super::super::{
    Caller, Idempotency, Manager, ManagerResult, books, disposal,
    inner::{Gate, Inner},
    ports::store::Changes,
    runner, view,
};
use crate::{
    contract::{
        intent::Choose,
        model,
        plan::{Plan, PlannedStep},
        problem::{Code, Problem},
    },
    domain::{
        deployment::OurEnd,
        event::{EventName, Severity},
        ids::OperationId,
        operation::{
            Act, ChoiceId, OpState, Operation, Outcome, Step, StepState, choose, recipe,
            steps::snapshot::ENDED_WITHOUT_SNAPSHOT,
        },
        policy::{self, Question, Verdict},
        savepoint::{Savepoint, Status},
        spec::Protection,
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
        if let Some(kept) = self.replay(who, key.as_ref()).await? {
            return Ok(kept);
        }
        self.named_is_there(id, &choice).await?;
        let gate = inner.gate().await;
        let mut parent = self.active(id).await?;
        self.may_choose(&parent, choice.choice, who, &gate).await?;
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
            forget_the_end(inner, &parent, &mut changes).await?;
            disposal::given_up(inner, &parent, &mut changes).await?;
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
        not_waiting(&op)?;
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
        let choice = again(&op, id)?;
        self.choose(id, Choose { choice, location: None, reason: None }, who, None).await
    }

    /// Where somebody may look, the snapshot that a person names is looked at before it counts.
    async fn named_is_there(&self, id: &str, choice: &Choose) -> ManagerResult<()> {
        let Some(place) = choice.location.as_deref().filter(|_| choice.choice == ChoiceId::SavepointAt)
        else {
            return Ok(());
        };
        let target = self.active(id).await?.target;
        let spec = self.inner.world().targets.get(&target).map(|t| t.spec.clone());
        let Some(spec) = spec else { return Ok(()) };
        if self.inner.deps.eyes.is_complete(&spec, place).await != Some(false) {
            return Ok(());
        }
        let text = format!(
            "no complete snapshot is at {place}: the place is missing or has no _metadata; nothing was changed"
        );
        Err(Problem::new(Code::BadRequest, text).hint("check the path"))
    }

    /// What a choice would do; nothing is changed.
    pub async fn plan_choice(&self, id: &str, choice: &Choose) -> ManagerResult<Plan> {
        self.named_is_there(id, choice).await?;
        let parent = self.active(id).await?;
        let child =
            choose::choose(&parent, choice.choice, choice.location.as_deref(), self.inner.fresh_operation())
                .map_err(|e| Problem::new(Code::WrongState, format!("{e}; nothing was changed")))?;
        let offered = parent.choices.iter().find(|c| c.id == choice.choice);
        let words = offered.map(|c| format!("{}: {}", c.title, c.effect));
        let place = choice.location.as_ref().map(|l| format!(" --location {l}")).unwrap_or_default();
        let command = format!("nutkin operation choose {} {}{place}", parent.id, choice.choice);
        Ok(self.card_of(child.as_ref(), &parent, words.into_iter().collect(), command))
    }

    /// What `resume` would do; nothing is changed.
    pub async fn plan_resume(&self, id: &str) -> ManagerResult<Plan> {
        let op = self.active(id).await?;
        if op.state == OpState::NeedsAttention {
            let choice = again(&op, id)?;
            return self.plan_choice(id, &Choose { choice, location: None, reason: None }).await;
        }
        let words = vec!["it is at work: it is looked at again now, and nothing else changes".to_owned()];
        Ok(self.card_of(Some(&op), &op, words, format!("nutkin operation resume {}", op.id)))
    }

    /// What `cancel` of an operation would do; nothing is changed.
    pub async fn plan_cancel(&self, id: &str) -> ManagerResult<Plan> {
        let op = self.active(id).await?;
        not_waiting(&op)?;
        let began = op.steps.iter().any(|s| s.attempts > 0 && s.act.has_effect());
        let words = if began {
            "it has begun: it goes on to its next safe point and ends there"
        } else {
            "nothing of it was sent yet: it ends without an effect"
        };
        Ok(self.card_of(None, &op, vec![words.to_owned()], format!("nutkin operation cancel {}", op.id)))
    }

    /// The card of what is left to do.
    fn card_of(
        &self,
        next: Option<&Operation>,
        of: &Operation,
        warnings: Vec<String>,
        command: String,
    ) -> Plan {
        let left = |s: &&Step| !matches!(s.state, StepState::Confirmed | StepState::Skipped);
        let steps: Vec<&Step> = next.iter().flat_map(|o| &o.steps).filter(left).collect();
        let plan = next.map_or(&of.plan, |o| &o.plan);
        let steps = steps
            .into_iter()
            .map(|s| PlannedStep { n: s.n, name: s.act.name(), title: recipe::title(&s.act, plan) })
            .collect();
        Plan {
            steps,
            warnings,
            revision_next: plan.revision,
            runnable: true,
            command,
            ..Plan::plain(of.kind, of.deployment_name.to_string(), of.target.to_string())
        }
    }
    /// A choice is an act of its own: what is read-only now stays as it is. Abandoning touches no cluster.
    async fn may_choose(
        &self,
        op: &Operation,
        choice: ChoiceId,
        who: &Caller,
        gate: &Gate<'_>,
    ) -> ManagerResult<()> {
        let read_only = self.inner.world().targets.get(&op.target).is_some_and(|t| t.spec.read_only);
        let verdict = policy::decide(&Question {
            kind: op.kind,
            read_only: self.inner.settings.read_only,
            target_read_only: read_only,
            // The choice is the confirmation: one of a closed list, each with its effect, by its name.
            protection: Protection::None,
            destructive: false,
            yes: true,
            typed: None,
            name: "",
        });
        let Verdict::Deny(why) = verdict else { return Ok(()) };
        if choice == ChoiceId::Abandon {
            return Ok(());
        }
        let text = format!("{choice} for {} of {} was denied: {why}", op.kind, op.deployment_name);
        let mut event = self.inner.operation_event(op, Severity::Warn, EventName::PolicyDenied, text);
        (event.actor, event.via) = (who.actor.clone(), who.via);
        let _ = self.inner.commit(gate, Changes { events: vec![event], ..Changes::default() }).await;
        Err(Problem::new(Code::PolicyDenied, format!("{why}; nothing was changed")).hint(format!(
            "to end it without an act: nutkin operation choose {} {}",
            op.id,
            ChoiceId::Abandon
        )))
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

/// An abandoned stop or cancel of a job that lives on: how that job ends some day is not this operation's doing.
async fn forget_the_end(inner: &Inner, op: &Operation, changes: &mut Changes) -> ManagerResult<()> {
    let Some(step) = op.current() else { return Ok(()) };
    let (job, end) = match &step.act {
        Act::StopWithSavepoint { job } => (job.clone(), OurEnd::StoppedWithSavepoint),
        Act::CancelJob { job: Some(job) } => (job.clone(), OurEnd::Cancelled),
        _ => return Ok(()),
    };
    let lives = inner.world().by_id(&op.deployment).and_then(|e| e.sight.summary.clone());
    if lives.is_some_and(|s| s.id == job.flink && !s.state.is_terminal()) {
        books::unmark_end(inner, &job, end, changes).await?;
    }
    Ok(())
}

/// One that waits for a person has no next safe point: how it ends is chosen.
fn not_waiting(op: &Operation) -> ManagerResult<()> {
    if op.state != OpState::NeedsAttention {
        return Ok(());
    }
    let text = format!("{} of {} waits for a person; nothing was changed", op.kind, op.deployment_name);
    Err(Problem::new(Code::WrongState, text).hint(format!(
        "to end it as it is: nutkin operation choose {} {}",
        op.id,
        ChoiceId::Abandon
    )))
}

/// The choice that goes on as before: looking again comes first, since it sends nothing.
fn again(op: &Operation, id: &str) -> ManagerResult<ChoiceId> {
    let offered = |id: &ChoiceId| op.choices.iter().any(|c| c.id == *id);
    [ChoiceId::LookAgain, ChoiceId::Retry].into_iter().find(offered).ok_or_else(|| {
        let known: Vec<&str> = op.choices.iter().map(|c| c.id.as_str()).collect();
        Problem::new(Code::WrongState, "it cannot simply be tried again; nothing was changed")
            .hint(format!("choose one of {}: nutkin operation choose {id} CHOICE", known.join(", ")))
    })
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
    let row = known_at(inner, child, &outcome)
        .unwrap_or_else(|| books::named_snapshot(inner, child, &child.steps[i], &outcome));
    if let Some(o) = child.steps[i].outcome.as_mut() {
        o.savepoint = Some(row.id.clone());
    }
    changes.savepoints.push(row);
}

/// The catalogue's own row of that place, where its snapshot is known to be complete.
fn known_at(inner: &Inner, child: &Operation, outcome: &Outcome) -> Option<Savepoint> {
    let place = outcome.location.as_deref()?;
    let world = inner.world();
    let all = &world.by_id(&child.deployment)?.savepoints;
    let known = all.iter().find(|s| s.status == Status::Completed && s.is_at(place))?;
    Some(Savepoint { is_final: known.is_final || outcome.is_final, failure: None, ..known.clone() })
}
