//! The one writer: a thread that owns the writing connection.
//!
//! ```text
//!   commit ─▶ queue (bounded) ─▶ take all that wait ─▶ BEGIN IMMEDIATE ─▶ fence ─▶ for each: SAVEPOINT · rows · RELEASE
//!                                                          │                              └ error: ROLLBACK TO, it alone fails
//!                                                          └─▶ COMMIT = one fsync for all ─▶ answers
//! ```
//!
//! Commits that wait together share one fsync, and nothing else: each has its own savepoint. An answer is given only
//! after the COMMIT, so what was acknowledged is on disk. After an I/O error the connection is not trusted any more: it
//! is closed, and opened and checked again before the next write; a failed fsync is never tried a second time.

use std::{path::PathBuf, time::Duration};

use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::{answers, artifacts, books, events, jobs, operations, readers, savepoints};
use crate::manager::ports::store::{Changes, Committed, Epoch, StoreError, StoreResult};

/// How long SQLite waits for another connection's lock.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// Commits that may wait; senders wait beyond that.
pub(super) const QUEUE: usize = 256;
/// Commits that share one transaction at most.
const GROUP: usize = 64;

/// What the writer is asked for.
pub(super) enum Request {
    /// Write.
    Commit(Box<Changes>, Epoch, oneshot::Sender<StoreResult<Committed>>),
    /// Mark a clean exit of this epoch and end.
    Close(Epoch, oneshot::Sender<StoreResult<()>>),
}

/// Opens the writing connection of an existing file.
pub(super) fn connect(path: &std::path::Path) -> rusqlite::Result<Connection> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let mut conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(PATIENCE)?;
    conn.set_prepared_statement_cache_capacity(64);
    conn.set_transaction_behavior(TransactionBehavior::Immediate);
    // auto_vacuum counts only in a file without tables.
    conn.execute_batch(
        "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
         PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY;
         PRAGMA cache_size = -8000;",
    )?;
    conn.query_row("PRAGMA journal_size_limit = 16777216", [], |_| Ok(()))?;
    Ok(conn)
}

/// The thread's state.
pub(super) struct Writer {
    path: PathBuf,
    conn: Option<Connection>,
    words: events::Dictionary,
}

impl Writer {
    pub(super) fn new(path: PathBuf, conn: Connection) -> Self {
        Self { path, conn: Some(conn), words: events::Dictionary::default() }
    }

    /// Serves requests until it is closed or every sender is gone.
    pub(super) fn run(mut self, mut requests: mpsc::Receiver<Request>) {
        while let Some(first) = requests.blocking_recv() {
            let (mut group, mut next) = (Vec::new(), Some(first));
            let mut closing = None;
            while let Some(request) = next.take() {
                match request {
                    Request::Commit(changes, fence, answer) => group.push((changes, fence, answer)),
                    Request::Close(epoch, answer) => closing = Some((epoch, answer)),
                }
                if closing.is_none() && group.len() < GROUP {
                    next = requests.try_recv().ok();
                }
            }
            self.commit_group(group);
            if let Some((epoch, answer)) = closing {
                // Nobody listening is no reason to stay open.
                let _ = answer.send(self.close(epoch));
                return;
            }
        }
    }

    fn commit_group(&mut self, group: Vec<(Box<Changes>, Epoch, oneshot::Sender<StoreResult<Committed>>)>) {
        if group.is_empty() {
            return;
        }
        let work: Vec<(&Changes, Epoch)> = group.iter().map(|(c, f, _)| (c.as_ref(), *f)).collect();
        let outcome = self.write(&work);
        if outcome.is_err() || outcome.as_ref().is_ok_and(|all| all.iter().any(Result::is_err)) {
            self.words = events::Dictionary::default();
        }
        let results = outcome.unwrap_or_else(|e| vec![Err(e); group.len()]);
        for ((_, _, answer), result) in group.into_iter().zip(results) {
            // A caller that went away does not undo its commit.
            let _ = answer.send(result);
        }
    }

    /// Writes a group. `Err` = nothing of it was written; otherwise each commit's own result, all durable.
    fn write(&mut self, group: &[(&Changes, Epoch)]) -> StoreResult<Vec<StoreResult<Committed>>> {
        let conn = match self.conn.take() {
            Some(c) => c,
            None => self.reopen()?,
        };
        let outcome = transact(&conn, &mut self.words, group);
        // After a failure of the whole transaction the connection is not trusted any more.
        if !matches!(outcome, Err(StoreError::Failed(_))) && conn.is_autocommit() {
            self.conn = Some(conn);
        }
        outcome
    }

    fn reopen(&self) -> StoreResult<Connection> {
        let conn = connect(&self.path)?;
        match readers::quick_check(&conn)? {
            Ok(()) => Ok(conn),
            Err(what) => Err(StoreError::Failed(format!("the database is damaged: {what}"))),
        }
    }

    fn close(&mut self, epoch: Epoch) -> StoreResult<()> {
        let Some(conn) = self.conn.take() else {
            return Err(StoreError::Failed(
                "the last write failed; the exit is not marked as clean".to_owned(),
            ));
        };
        let marked = conn.execute("UPDATE meta SET clean = 1 WHERE epoch = ?1", [epoch.0.cast_signed()])?;
        if marked == 0 {
            return Err(StoreError::Fenced { ours: epoch.0, current: current_epoch(&conn)?.0 });
        }
        // A file that stays too large is no reason for an exit that is not clean.
        let _ = give_back(&conn);
        conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        conn.close().map_err(|(_, e)| e.into())
    }
}

/// Pages given back at one exit, at most: 16 MiB, so that leaving takes no noticeable time.
const PAGES_AT_EXIT: u32 = 4_096;

/// Gives pages that forgotten events have left back to the file system, where they are more than a quarter of the file:
/// fewer are soon used again.
fn give_back(conn: &Connection) -> rusqlite::Result<()> {
    let count = |pragma: &str| conn.query_row(pragma, [], |r| r.get::<_, i64>(0));
    if count("PRAGMA freelist_count")? <= count("PRAGMA page_count")? / 4 {
        return Ok(());
    }
    let mut vacuum = conn.prepare(&format!("PRAGMA incremental_vacuum({PAGES_AT_EXIT})"))?;
    let mut rows = vacuum.query([])?;
    // Each step frees a page.
    while rows.next()?.is_some() {}
    Ok(())
}

/// The epoch that owns the file.
pub(super) fn current_epoch(conn: &Connection) -> StoreResult<Epoch> {
    let mut s = conn.prepare_cached("SELECT epoch FROM meta")?;
    Ok(Epoch(s.query_row([], |r| r.get::<_, i64>(0))?.cast_unsigned()))
}

fn transact(
    conn: &Connection,
    words: &mut events::Dictionary,
    group: &[(&Changes, Epoch)],
) -> StoreResult<Vec<StoreResult<Committed>>> {
    conn.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    let results = group_in_transaction(conn, words, group);
    let committed = results.and_then(|r| {
        conn.prepare_cached("COMMIT")?.execute([])?;
        Ok(r)
    });
    if committed.is_err() && !conn.is_autocommit() {
        // Where even this fails, the connection is dropped, and the transaction with it.
        let _ = conn.execute_batch("ROLLBACK");
    }
    committed
}

fn group_in_transaction(
    conn: &Connection,
    words: &mut events::Dictionary,
    group: &[(&Changes, Epoch)],
) -> StoreResult<Vec<StoreResult<Committed>>> {
    let current = current_epoch(conn)?;
    let mut last_seq = events::last_seq(conn)?;
    let mut results = Vec::with_capacity(group.len());
    for (changes, fence) in group {
        if *fence != current {
            results.push(Err(StoreError::Fenced { ours: fence.0, current: current.0 }));
            continue;
        }
        conn.prepare_cached("SAVEPOINT one")?.execute([])?;
        let applied = apply(conn, words, changes, last_seq);
        // Some errors (a full disk, an I/O error) end the whole transaction: nothing of the group is written then.
        if let (Err(e), true) = (&applied, conn.is_autocommit()) {
            return Err(e.clone());
        }
        if applied.is_err() {
            conn.prepare_cached("ROLLBACK TO one")?.execute([])?;
            // What was learnt since may be gone.
            *words = events::Dictionary::default();
        }
        conn.prepare_cached("RELEASE one")?.execute([])?;
        last_seq = applied.as_ref().map_or(last_seq, |c| c.last_seq);
        results.push(applied);
    }
    Ok(results)
}

/// Writes all rows of one commit. Rows that free something (a name, a deployment's operation) come before those that
/// take it.
fn apply(
    conn: &Connection,
    words: &mut events::Dictionary,
    c: &Changes,
    last_seq: u64,
) -> StoreResult<Committed> {
    c.remove_targets.iter().try_for_each(|t| books::remove_target(conn, t))?;
    c.remove_applications.iter().try_for_each(|a| books::remove_application(conn, a))?;
    c.targets.iter().try_for_each(|t| books::put_target(conn, t))?;
    c.applications.iter().try_for_each(|a| books::put_application(conn, a))?;
    let (gone, there): (Vec<_>, Vec<_>) = c.deployments.iter().partition(|d| d.deleted_at.is_some());
    gone.into_iter().chain(there).try_for_each(|d| books::put_deployment(conn, d))?;
    c.artifacts.iter().try_for_each(|a| artifacts::add(conn, a))?;
    c.revisions.iter().try_for_each(|r| books::add_revision(conn, r))?;
    c.jobs.iter().try_for_each(|j| jobs::put(conn, j))?;
    c.savepoints.iter().try_for_each(|s| savepoints::put(conn, s))?;
    let (active, ended): (Vec<_>, Vec<_>) = c.operations.iter().partition(|o| o.state.is_active());
    ended.into_iter().chain(active).try_for_each(|o| operations::put(conn, o))?;
    c.answers.iter().try_for_each(|a| answers::add(conn, a))?;
    c.facts.iter().try_for_each(|(name, value)| books::put_fact(conn, name, value))?;
    c.forget_events_before.map_or(Ok(()), |t| events::forget(conn, t))?;
    let mut seq = last_seq;
    for event in &c.events {
        seq += 1;
        events::append(conn, words, seq, event)?;
    }
    Ok(Committed { last_seq: seq })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_that_are_mostly_free_are_given_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.db");
        std::fs::File::create(&path).unwrap();
        let conn = connect(&path).unwrap();
        conn.execute_batch("CREATE TABLE t (x); CREATE TABLE kept (x)").unwrap();
        let fill = |table: &str, kib: u32| {
            let sql = format!("INSERT INTO {table} VALUES (zeroblob({kib} * 1024))");
            conn.execute(&sql, []).unwrap();
        };
        let pages = || conn.query_row("PRAGMA page_count", [], |r| r.get::<_, i64>(0)).unwrap();
        fill("t", 100);
        fill("kept", 900);
        let full = pages();
        conn.execute("DELETE FROM t", []).unwrap();
        give_back(&conn).unwrap();
        assert_eq!(pages(), full, "a tenth is soon used again");
        fill("t", 900);
        let full = pages();
        conn.execute("DELETE FROM t", []).unwrap();
        give_back(&conn).unwrap();
        assert!(pages() < full * 2 / 3, "{} of {full}", pages());
    }
}
