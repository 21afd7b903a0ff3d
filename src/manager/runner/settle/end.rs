//! How an operation ends, in the books and in words.

use std::sync::Arc;

use super::super::operation;
use crate::{
    domain::{
        deployment::Desired,
        event::{EventName, Severity},
        ids::OperationId,
        operation::{Act, Kind, OpError, OpState, Operation, Step, StepName, StepState},
    },
    manager::{
        cleanup, disposal,
        inner::Inner,
        ports::store::{Changes, StoreResult},
        submit,
    },
};

/// Ends an operation: state, result in one line, event.
pub async fn finish(inner: &Arc<Inner>, id: &OperationId, state: OpState) -> StoreResult<()> {
    if let Some(fork) = operation(inner, id)
        && let Some(creates) = fork.plan.creates.as_ref().filter(|c| c.start && state == OpState::Succeeded)
        && fork.kind == Kind::Fork
    {
        submit::start_fork(inner, &creates.name, &fork).await;
    }
    let gate = inner.gate().await;
    let Some(mut op) = operation(inner, id) else { return Ok(()) };
    let mut changes = Changes::default();
    op.state = state;
    op.ended_at = Some(inner.now());
    op.result = Some(result(&op));
    if state == OpState::Cancelled && op.error.is_none() {
        op.error = Some(OpError {
            code: "CANCELLED".to_owned(),
            message: "the operation was asked to stop; no further step was sent".to_owned(),
            hint: None,
        });
    }
    rest_state(inner, &op, &mut changes);
    put_back(inner, &op, &mut changes);
    disposal::give_back(inner, &op, &mut changes).await?;
    let (severity, name) = match state {
        OpState::Succeeded => (Severity::Info, EventName::OperationSucceeded),
        OpState::RolledBack => (Severity::Warn, EventName::RolledBack),
        OpState::Cancelled => (Severity::Warn, EventName::OperationCancelled),
        _ => (Severity::Error, EventName::OperationFailed),
    };
    let ended = match state {
        OpState::RolledBack => "failed and was rolled back",
        other => other.as_str(),
    };
    let text = format!("{} {ended}: {}", op.kind, op.result.clone().unwrap_or_default());
    changes.events.push(inner.operation_event(&op, severity, name, text));
    changes.operations.push(op.clone());
    inner.commit(&gate, changes).await?;
    drop(gate);
    // Who reads that it ended looks at the deployment next.
    inner.wake(&op.target).notify_one();
    if matches!(state, OpState::Succeeded | OpState::RolledBack) {
        cleanup::old_jars(inner, &op).await;
    }
    Ok(())
}

/// An operation that ended between two jobs leaves its deployment suspended or cancelled, not "wanted running".
fn rest_state(inner: &Inner, op: &Operation, changes: &mut Changes) {
    let ended = |s: &Step| match &s.act {
        Act::StopWithSavepoint { .. } => Some(Desired::Suspended),
        Act::CancelJob { job } if job.is_some() && *job == op.plan.old_job => Some(Desired::Cancelled),
        _ => None,
    };
    let rest = op.steps.iter().filter(|s| s.state == StepState::Confirmed).find_map(ended);
    let between = matches!(op.state, OpState::Cancelled | OpState::Failed) && op.bindings().job.is_none();
    let row = inner.world().by_id(&op.deployment).map(|e| e.row.clone());
    if let (Some(mut row), Some(rest), true) = (row, rest, between) {
        row.desired = rest;
        changes.deployments.push(row);
    }
}

/// A change that did not hold leaves the deployment's own layer as it was before: the next start must not run it again.
pub fn put_back(inner: &Inner, op: &Operation, changes: &mut Changes) {
    let Some(before) = op.plan.before.as_ref().filter(|_| op.state != OpState::Succeeded) else { return };
    let row =
        changes.deployments.pop().or_else(|| inner.world().by_id(&op.deployment).map(|e| e.row.clone()));
    let Some(mut row) = row else { return };
    if row.spec_version == before.written_version {
        row.layer = before.layer.clone();
        row.applied.clone_from(&before.applied);
        row.adopted = before.adopted;
        row.spec_version += 1;
    }
    changes.deployments.push(row);
}

/// What the operation brought, in one line.
fn result(op: &Operation) -> String {
    let from = op.restore_location().map_or_else(|| "beginning empty".to_owned(), |l| format!("from {l}"));
    let snapshot = op.bindings().snapshot.and_then(|s| s.location).unwrap_or_default();
    let cause = op.plan.compensation.as_ref().map(|c| c.cause.clone()).unwrap_or_default();
    let revision = op.plan.revision.unwrap_or_default();
    let runs = op.steps.iter().find(|s| s.act.name() == StepName::RunJar);
    // A program that Flink refused produced no output.
    let repeated = runs.is_some_and(|s| s.state == StepState::Confirmed);
    let outputs = if repeated { "; outputs since that snapshot are produced again" } else { "" };
    match (op.state, op.kind) {
        (OpState::RolledBack, _) => format!(
            "revision {revision} did not hold ({cause}); revision {} runs again {from}{outputs}",
            op.plan.previous_revision.unwrap_or_default()
        ),
        (OpState::Failed, _) => cause,
        (OpState::FailedNoEffect, _) => format!("{cause}; nothing was changed"),
        (OpState::Cancelled, _) => "stopped before its next step".to_owned(),
        (_, Kind::Suspend) => format!("stopped with the savepoint {snapshot}"),
        (_, Kind::Savepoint) => format!("savepoint {snapshot}"),
        (_, Kind::Upgrade) if op.plan.revision.is_none() => {
            "the new spec is written; the job runs on, and its next start runs it".to_owned()
        }
        (_, Kind::Start | Kind::Upgrade | Kind::Restart | Kind::Rollback) => {
            format!("revision {revision} runs {from}")
        }
        (_, Kind::Reset) if runs.is_some() => format!("revision {revision} runs {from}"),
        (_, Kind::Cancel) => "the job was cancelled".to_owned(),
        (_, Kind::Reset) => "the next start begins from the chosen savepoint".to_owned(),
        (_, Kind::Fork) => {
            let starts = |start| if start { ", and its start is asked for" } else { "" };
            op.plan
                .creates
                .as_ref()
                .map_or_else(String::new, |c| format!("{} was created{}", c.name, starts(c.start)))
        }
        (_, Kind::Adopt) => "the job and what it has kept are recorded; it keeps running".to_owned(),
        (_, Kind::Import) => "the snapshot is in the catalogue".to_owned(),
        (_, Kind::Dispose) => "the snapshot's files are deleted".to_owned(),
        (_, Kind::Delete) => "the deployment was removed; its files stay".to_owned(),
    }
}
