//! Rows of operations and their steps. What may grow (plan, act, outcome, choices) is a document, the rest is columns.

use rusqlite::{Connection, params_from_iter, types::Value};

use super::cells::{Cells, all, first, insert, json, millis, opt_json, upsert};
use crate::{
    domain::{
        ids::OperationId,
        operation::{Operation, Step},
    },
    manager::ports::store::{OperationQuery, StoreResult},
};

/// Word for word the condition of the index `operation_active`, else SQLite does not use it.
const ACTIVE: &str = "state IN ('QUEUED', 'RUNNING', 'NEEDS_ATTENTION')";

/// Writes an operation and replaces its steps.
pub(super) fn put(conn: &Connection, op: &Operation) -> StoreResult<()> {
    let cells = [
        ("id", &op.id.as_str() as _),
        ("parent", &op.parent.as_ref().map(|i| i.as_str()) as _),
        ("kind", &op.kind.as_str() as _),
        ("deployment", &op.deployment.as_str() as _),
        ("deployment_name", &op.deployment_name.to_string() as _),
        ("target", &op.target.as_str() as _),
        ("state", &op.state.as_str() as _),
        ("actor", &op.actor as _),
        ("via", &op.via.as_str() as _),
        ("reason", &op.reason as _),
        ("created_at", &op.created_at.millis() as _),
        ("started_at", &millis(op.started_at) as _),
        ("ended_at", &millis(op.ended_at) as _),
        ("plan", &json(&op.plan)? as _),
        ("error", &opt_json(op.error.as_ref())? as _),
        ("choices", &json(&op.choices)? as _),
        ("result", &op.result as _),
        ("cancel_requested", &op.cancel_requested as _),
    ];
    upsert(conn, "operation", 1, &cells, || format!("operation {} on {}", op.id, op.deployment_name))?;
    conn.prepare_cached("DELETE FROM step WHERE operation = ?1")?.execute([op.id.as_str()])?;
    op.steps.iter().try_for_each(|s| put_step(conn, &op.id, s))
}

fn put_step(conn: &Connection, operation: &OperationId, step: &Step) -> StoreResult<()> {
    let cells = [
        ("operation", &operation.as_str() as _),
        ("n", &step.n as _),
        ("name", &step.act.name().as_str() as _),
        ("act", &json(&step.act)? as _),
        ("state", &step.state.as_str() as _),
        ("attempts", &step.attempts as _),
        ("effect_key", &step.key as _),
        ("started_at", &millis(step.started_at) as _),
        ("intent_at", &millis(step.intent_at) as _),
        ("not_before", &millis(step.not_before) as _),
        ("mark", &millis(step.mark) as _),
        ("ended_at", &millis(step.ended_at) as _),
        ("detail", &step.detail as _),
        ("outcome", &opt_json(step.outcome.as_ref())? as _),
    ];
    insert(conn, "step", &cells, || format!("step {} of operation {operation}", step.n))
}

/// The operation without its steps.
fn read(c: &Cells<'_>) -> StoreResult<Operation> {
    Ok(Operation {
        id: c.id("id")?,
        parent: c.opt_id("parent")?,
        kind: c.word("kind")?,
        deployment: c.id("deployment")?,
        deployment_name: c.parsed("deployment_name")?,
        target: c.id("target")?,
        state: c.word("state")?,
        actor: c.get("actor")?,
        via: c.word("via")?,
        reason: c.get("reason")?,
        created_at: c.time("created_at")?,
        started_at: c.opt_time("started_at")?,
        ended_at: c.opt_time("ended_at")?,
        plan: c.json("plan")?,
        steps: Vec::new(),
        error: c.opt_json("error")?,
        choices: c.json("choices")?,
        result: c.get("result")?,
        cancel_requested: c.get("cancel_requested")?,
    })
}

fn steps(conn: &Connection, operation: &OperationId) -> StoreResult<Vec<Step>> {
    let sql = "SELECT * FROM step WHERE operation = ?1 ORDER BY n";
    all(conn, "step of operation", sql, [operation.as_str()], |c| {
        Ok(Step {
            n: c.get("n")?,
            act: c.json("act")?,
            state: c.word("state")?,
            attempts: c.get("attempts")?,
            key: c.get("effect_key")?,
            started_at: c.opt_time("started_at")?,
            intent_at: c.opt_time("intent_at")?,
            not_before: c.opt_time("not_before")?,
            mark: c.opt_time("mark")?,
            ended_at: c.opt_time("ended_at")?,
            detail: c.get("detail")?,
            outcome: c.opt_json("outcome")?,
        })
    })
}

fn with_steps(conn: &Connection, mut op: Operation) -> StoreResult<Operation> {
    op.steps = steps(conn, &op.id)?;
    Ok(op)
}

pub(super) fn one(conn: &Connection, id: &OperationId) -> StoreResult<Option<Operation>> {
    let op = first(conn, "operation", "SELECT * FROM operation WHERE id = ?1", [id.as_str()], read)?;
    op.map(|op| with_steps(conn, op)).transpose()
}

/// Newest first.
pub(super) fn list(conn: &Connection, query: &OperationQuery) -> StoreResult<Vec<Operation>> {
    let (mut conditions, mut values) = (vec!["1"], Vec::<Value>::new());
    if let Some(d) = &query.deployment {
        conditions.push("deployment = ?");
        values.push(d.as_str().to_owned().into());
    }
    if query.active {
        conditions.push(ACTIVE);
    }
    if let Some(before) = &query.before {
        conditions.push("(created_at, id) < (SELECT b.created_at, b.id FROM operation b WHERE b.id = ?)");
        values.push(before.as_str().to_owned().into());
    }
    values.push(i64::from(query.limit).into());
    let sql = format!(
        "SELECT * FROM operation WHERE {} ORDER BY created_at DESC, id DESC LIMIT ?",
        conditions.join(" AND ")
    );
    let found = all(conn, "operation", &sql, params_from_iter(values), read)?;
    found.into_iter().map(|op| with_steps(conn, op)).collect()
}

/// Every operation that holds a deployment, oldest first.
pub(super) fn active(conn: &Connection) -> StoreResult<Vec<Operation>> {
    let sql = format!("SELECT * FROM operation WHERE {ACTIVE} ORDER BY created_at, id");
    let found = all(conn, "operation", &sql, [], read)?;
    found.into_iter().map(|op| with_steps(conn, op)).collect()
}

/// Every cancelled operation with a step that may have happened, oldest first: it was superseded.
pub(super) fn unsettled(conn: &Connection) -> StoreResult<Vec<Operation>> {
    let sql = "SELECT * FROM operation o WHERE state = 'CANCELLED' AND EXISTS \
               (SELECT 1 FROM step s WHERE s.operation = o.id AND s.state = 'INTENT') ORDER BY created_at, id";
    let found = all(conn, "operation", sql, [], read)?;
    found.into_iter().map(|op| with_steps(conn, op)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::operation::OpState;

    #[test]
    fn the_index_and_the_domain_agree_on_what_is_active() {
        let words: Vec<String> =
            OpState::ALL.iter().filter(|s| s.is_active()).map(|s| format!("'{s}'")).collect();
        assert_eq!(ACTIVE, format!("state IN ({})", words.join(", ")));
        let schema = include_str!("migrations/0001.sql");
        assert_eq!(schema.matches(ACTIVE).count(), 2, "the index and the check on the end");
    }
}
