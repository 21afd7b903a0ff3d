//! Kept answers of changing requests: the same key gets the same answer for seven days.

use std::time::Duration;

use rusqlite::{Connection, params};

use super::cells::{first, insert, json};
use crate::{
    domain::time::Timestamp,
    manager::ports::store::{AnswerRow, StoreResult},
};

const KEPT: Duration = Duration::from_hours(7 * 24);

/// The time before which answers no longer count.
fn horizon(now: Timestamp) -> i64 {
    now.millis().saturating_sub(i64::try_from(KEPT.as_millis()).unwrap_or(i64::MAX))
}

/// Keeps an answer; the same key within its time is a conflict, so that a race has one winner.
pub(super) fn add(conn: &Connection, row: &AnswerRow) -> StoreResult<()> {
    conn.prepare_cached("DELETE FROM answer WHERE at < ?1")?.execute([horizon(row.at)])?;
    let cells = [
        ("actor", &row.actor as _),
        ("route", &row.route as _),
        ("key", &row.key as _),
        ("body_hash", &row.body_hash as _),
        ("status", &row.status as _),
        ("body", &json(&row.body)? as _),
        ("at", &row.at.millis() as _),
    ];
    insert(conn, "answer", &cells, || format!("the answer to key {} of {}", row.key, row.actor))
}

/// The answer that still counts at `now`.
pub(super) fn find(
    conn: &Connection,
    actor: &str,
    route: &str,
    key: &str,
    now: Timestamp,
) -> StoreResult<Option<AnswerRow>> {
    let sql = "SELECT * FROM answer WHERE actor = ?1 AND route = ?2 AND key = ?3 AND at >= ?4";
    first(conn, "answer", sql, params![actor, route, key, horizon(now)], |c| {
        Ok(AnswerRow {
            actor: c.get("actor")?,
            route: c.get("route")?,
            key: c.get("key")?,
            body_hash: c.get("body_hash")?,
            status: c.get("status")?,
            body: c.json("body")?,
            at: c.time("at")?,
        })
    })
}
