//! A few read-only connections. A query runs on a blocking thread and is finished when its future is.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use parking_lot::Mutex;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use tokio::sync::Semaphore;

use crate::manager::ports::store::{StoreError, StoreResult};

/// Queries at the same time; more wait.
const CONNECTIONS: usize = 4;

/// The pool.
#[derive(Debug)]
pub(super) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    permits: Arc<Semaphore>,
}

impl Readers {
    pub(super) fn new(path: PathBuf) -> Arc<Self> {
        let permits = Arc::new(Semaphore::new(CONNECTIONS));
        Arc::new(Self { path, idle: Mutex::default(), permits })
    }

    /// Runs a query in one read transaction, so that all of it sees the same state.
    pub(super) async fn run<T: Send + 'static>(
        self: &Arc<Self>,
        query: impl FnOnce(&Connection) -> StoreResult<T> + Send + 'static,
    ) -> StoreResult<T> {
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let permit = permit.map_err(|_| StoreError::Failed("the store is closed".to_owned()))?;
        let pool = Arc::clone(self);
        let task = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            pool.query(query)
        });
        task.await.map_err(|e| StoreError::Failed(format!("a query did not end: {e}")))?
    }

    fn query<T>(&self, query: impl FnOnce(&Connection) -> StoreResult<T>) -> StoreResult<T> {
        let idle = self.idle.lock().pop();
        let conn = match idle {
            Some(c) => c,
            None => open(&self.path)?,
        };
        let transaction = conn.unchecked_transaction()?;
        let answer = query(&conn);
        transaction.finish()?;
        // A connection that failed may be the failure; the next query opens a new one.
        if !matches!(answer, Err(StoreError::Failed(_))) && !self.permits.is_closed() {
            self.idle.lock().push(conn);
        }
        answer
    }

    /// Refuses further queries and closes the idle connections.
    pub(super) fn close(&self) {
        self.permits.close();
        self.idle.lock().clear();
    }
}

/// Opens a connection that cannot write.
pub(super) fn open(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW
        | OpenFlags::SQLITE_OPEN_URI;
    let conn = Connection::open_with_flags(uri(path), flags)?;
    conn.busy_timeout(super::writer::PATIENCE)?;
    conn.set_prepared_statement_cache_capacity(64);
    conn.execute_batch(
        "PRAGMA query_only = ON; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;
         PRAGMA temp_store = MEMORY; PRAGMA cache_size = -2000;",
    )?;
    Ok(conn)
}

/// `file:` URI of a path to be read, every byte that could be read otherwise escaped.
fn uri(path: &Path) -> String {
    use std::os::unix::ffi::OsStrExt;
    let mut out = "file:".to_owned();
    for b in path.as_os_str().as_bytes() {
        match b {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' => out.push(char::from(*b)),
            _ => out.push_str(&format!("%{b:02X}")),
        }
    }
    format!("{out}?mode=ro")
}

/// Asks a failing database whether it is damaged: `quick_check`, first findings only.
pub(super) fn quick_check(conn: &Connection) -> StoreResult<Result<(), String>> {
    let mut statement = conn.prepare("PRAGMA quick_check(20)")?;
    let lines: rusqlite::Result<Vec<String>> =
        statement.query_map([], |r| r.get(0)).and_then(Iterator::collect);
    match lines {
        Ok(lines) if lines == ["ok"] => Ok(Ok(())),
        Ok(lines) => Ok(Err(lines.join("; "))),
        Err(e) if is_damage(&e) => Ok(Err(e.to_string())),
        Err(e) => Err(e.into()),
    }
}

fn is_damage(e: &rusqlite::Error) -> bool {
    matches!(e.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}
