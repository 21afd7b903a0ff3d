//! Rows of the savepoint catalogue.

use rusqlite::{Connection, params};

use super::cells::{Cells, all, first, millis, upsert};
use crate::{
    domain::{
        ids::{DeploymentId, SavepointId},
        savepoint::{Format, Savepoint},
    },
    manager::ports::store::StoreResult,
};

pub(super) fn put(conn: &Connection, row: &Savepoint) -> StoreResult<()> {
    let cells = [
        ("id", &row.id.as_str() as _),
        ("deployment", &row.deployment.as_str() as _),
        ("created_at", &row.created_at.millis() as _),
        ("triggered_at", &millis(row.triggered_at) as _),
        ("job", &row.job.as_ref().map(|i| i.as_str()) as _),
        ("flink_job", &row.flink_job.as_ref().map(|i| i.as_str()) as _),
        ("operation", &row.operation.as_ref().map(|i| i.as_str()) as _),
        ("trigger_id", &row.trigger.as_ref().map(|i| i.as_str()) as _),
        ("target_directory", &row.target_directory as _),
        ("origin", &row.origin.as_str() as _),
        ("status", &row.status.as_str() as _),
        ("final", &row.is_final as _),
        ("drained", &row.drained as _),
        ("location", &row.location as _),
        ("size", &row.size.map(u64::cast_signed) as _),
        ("format", &row.format.map(Format::as_str) as _),
        ("flink_version", &row.flink_version as _),
        ("revision", &row.revision as _),
        ("checkpoint_id", &row.checkpoint_id.map(u64::cast_signed) as _),
        ("label", &row.label as _),
        ("pinned", &row.pinned as _),
        ("verified_at", &millis(row.verified_at) as _),
        ("failure", &row.failure as _),
    ];
    upsert(conn, "savepoint", 1, &cells, || format!("savepoint {}", row.id))
}

fn read(c: &Cells<'_>) -> StoreResult<Savepoint> {
    Ok(Savepoint {
        id: c.id("id")?,
        deployment: c.id("deployment")?,
        created_at: c.time("created_at")?,
        triggered_at: c.opt_time("triggered_at")?,
        job: c.opt_id("job")?,
        flink_job: c.opt_parsed("flink_job")?,
        operation: c.opt_id("operation")?,
        trigger: c.opt_parsed("trigger_id")?,
        target_directory: c.get("target_directory")?,
        origin: c.word("origin")?,
        status: c.word("status")?,
        is_final: c.get("final")?,
        drained: c.get("drained")?,
        location: c.get("location")?,
        size: c.opt_bits("size")?,
        format: c.opt_parsed("format")?,
        flink_version: c.get("flink_version")?,
        revision: c.get("revision")?,
        checkpoint_id: c.opt_bits("checkpoint_id")?,
        label: c.get("label")?,
        pinned: c.get("pinned")?,
        verified_at: c.opt_time("verified_at")?,
        failure: c.get("failure")?,
    })
}

/// Newest first.
pub(super) fn list(conn: &Connection, of: Option<&DeploymentId>, limit: u32) -> StoreResult<Vec<Savepoint>> {
    match of {
        Some(d) => {
            let sql =
                "SELECT * FROM savepoint WHERE deployment = ?1 ORDER BY created_at DESC, id DESC LIMIT ?2";
            all(conn, "savepoint", sql, params![d.as_str(), limit], read)
        }
        None => {
            let sql = "SELECT * FROM savepoint ORDER BY created_at DESC, id DESC LIMIT ?1";
            all(conn, "savepoint", sql, [limit], read)
        }
    }
}

pub(super) fn one(conn: &Connection, id: &SavepointId) -> StoreResult<Option<Savepoint>> {
    first(conn, "savepoint", "SELECT * FROM savepoint WHERE id = ?1", [id.as_str()], read)
}
