//! Rows of jobs.

use rusqlite::{Connection, params};

use super::cells::{Cells, all, first, millis, opt_json, upsert};
use crate::{
    domain::ids::{DeploymentId, FlinkJobId, JobId},
    manager::ports::store::{JobRow, StoreResult},
};

pub(super) fn put(conn: &Connection, row: &JobRow) -> StoreResult<()> {
    let cells = [
        ("id", &row.id.as_str() as _),
        ("deployment", &row.deployment.as_str() as _),
        ("flink", &row.flink.as_str() as _),
        ("target", &row.target.as_str() as _),
        ("revision", &row.revision as _),
        ("operation", &row.operation.as_ref().map(|i| i.as_str()) as _),
        ("created_at", &row.created_at.millis() as _),
        ("started_at", &millis(row.started_at) as _),
        ("ended_at", &millis(row.ended_at) as _),
        ("flink_state", &row.flink_state as _),
        ("our_end", &row.our_end.as_str() as _),
        ("restored_from", &row.restored_from as _),
        ("restored_savepoint", &row.restored_savepoint.as_ref().map(|i| i.as_str()) as _),
        ("restarts", &row.restarts.map(u64::cast_signed) as _),
        ("last_checkpoint", &opt_json(row.last_checkpoint.as_ref())? as _),
        ("checkpoint_config", &opt_json(row.checkpoint_config.as_ref())? as _),
        ("seen_at", &millis(row.seen_at) as _),
    ];
    upsert(conn, "job", 1, &cells, || format!("job {} ({})", row.id, row.flink))
}

fn read(c: &Cells<'_>) -> StoreResult<JobRow> {
    Ok(JobRow {
        id: c.id("id")?,
        deployment: c.id("deployment")?,
        flink: c.parsed("flink")?,
        target: c.id("target")?,
        revision: c.get("revision")?,
        operation: c.opt_id("operation")?,
        created_at: c.time("created_at")?,
        started_at: c.opt_time("started_at")?,
        ended_at: c.opt_time("ended_at")?,
        flink_state: c.get("flink_state")?,
        our_end: c.word("our_end")?,
        restored_from: c.get("restored_from")?,
        restored_savepoint: c.opt_id("restored_savepoint")?,
        restarts: c.opt_bits("restarts")?,
        last_checkpoint: c.opt_json("last_checkpoint")?,
        checkpoint_config: c.opt_json("checkpoint_config")?,
        seen_at: c.opt_time("seen_at")?,
    })
}

/// Newest first.
pub(super) fn list(conn: &Connection, of: Option<&DeploymentId>, limit: u32) -> StoreResult<Vec<JobRow>> {
    match of {
        Some(d) => {
            let sql = "SELECT * FROM job WHERE deployment = ?1 ORDER BY created_at DESC, id DESC LIMIT ?2";
            all(conn, "job", sql, params![d.as_str(), limit], read)
        }
        None => {
            all(conn, "job", "SELECT * FROM job ORDER BY created_at DESC, id DESC LIMIT ?1", [limit], read)
        }
    }
}

pub(super) fn one(conn: &Connection, id: &JobId) -> StoreResult<Option<JobRow>> {
    first(conn, "job", "SELECT * FROM job WHERE id = ?1", [id.as_str()], read)
}

pub(super) fn by_flink(conn: &Connection, flink: &FlinkJobId) -> StoreResult<Option<JobRow>> {
    first(conn, "job", "SELECT * FROM job WHERE flink = ?1", [flink.as_str()], read)
}

pub(super) fn issued(conn: &Connection, of: &DeploymentId) -> StoreResult<Vec<FlinkJobId>> {
    let sql = "SELECT id, flink FROM job WHERE deployment = ?1 ORDER BY created_at, id";
    all(conn, "job", sql, [of.as_str()], |c| c.parsed("flink"))
}

/// The job of each deployment that is not deleted, as its row names it: a newer row may be of a start that was refused.
pub(super) fn current(conn: &Connection) -> StoreResult<Vec<JobRow>> {
    let sql = "SELECT job.* FROM deployment d JOIN job ON job.id = d.job
               WHERE d.deleted_at IS NULL ORDER BY d.application, d.name";
    all(conn, "job", sql, [], read)
}
