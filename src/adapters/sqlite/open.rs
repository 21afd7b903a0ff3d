//! Opens the database of a state directory: checks, backup, migration, epoch.

use std::{fs, path::Path, sync::Arc};

use rusqlite::Connection;
use rusqlite_migration::M;

use super::{
    DATABASE, OpenError, SqliteStore, readers,
    schema::{self, Standing},
    state_dir::{self, StateDir},
    writer,
};
use crate::{
    domain::time::{Clock, Timestamp},
    manager::ports::store::{Epoch, StoreError},
};

/// Older SQLite can lose committed writes when a log is reset while another connection writes.
const OLDEST_SQLITE: i32 = 3_051_003;
/// A file up to this size is checked at once after an unclean exit; a larger one by the manager, in the background.
const CHECK_AT_ONCE: u64 = 256 * 1024 * 1024;

/// What opening found and did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Opened {
    /// The last manager did not close the store.
    pub unclean: bool,
    /// After an unclean exit the file was too large to be checked at once: call `quick_check` soon.
    pub check_pending: bool,
    /// Why nothing can be written; `None` = everything works.
    pub read_only: Option<String>,
    /// The copy that was made before a migration.
    pub backup: Option<std::path::PathBuf>,
}

/// What the blocking part brings.
pub(super) struct Ground {
    pub(super) dir: StateDir,
    pub(super) writer: Option<Connection>,
    pub(super) epoch: Epoch,
    pub(super) opened: Opened,
}

/// Opens or creates the store of `dir`, which must be locked by the caller, and begins a new epoch: whoever opened it
/// before can no longer write.
pub async fn open(dir: &Path, clock: Arc<dyn Clock>) -> Result<(Arc<SqliteStore>, Opened), OpenError> {
    let (path, now) = (dir.to_owned(), clock.now_utc());
    let work = tokio::task::spawn_blocking(move || prepare(&path, now, schema::migrations()));
    let failed = |what: String| OpenError::Io { path: dir.to_owned(), what };
    let ground = work.await.map_err(|e| failed(format!("opening did not end: {e}")))??;
    let opened = ground.opened.clone();
    let store =
        SqliteStore::start(ground, clock).map_err(|e| failed(format!("no thread for the writer: {e}")))?;
    Ok((store, opened))
}

pub(super) fn prepare(dir: &Path, now: Timestamp, steps: Vec<M<'static>>) -> Result<Ground, OpenError> {
    if rusqlite::version_number() < OLDEST_SQLITE {
        return Err(OpenError::OldSqlite(rusqlite::version().to_owned()));
    }
    let dir = state_dir::prepare(dir)?;
    let path = dir.path.join(DATABASE);
    let fresh = state_dir::private_file(&path)?;
    if !fresh {
        refuse_emptied(&dir, &path)?;
    }
    let known = i64::try_from(steps.len()).unwrap_or(i64::MAX);
    let mut conn = writer::connect(&path).map_err(|e| OpenError::sqlite(&path, "opening it", &e))?;
    let standing = schema::standing(&conn, &path, known)?;
    if let Standing::Newer(version) = standing {
        let why = format!("it was written by a newer nutkin (schema {version}, this build knows {known})");
        return read_only(dir, &path, why);
    }
    let mut opened = Opened::default();
    if standing != Standing::Fresh {
        (opened.unclean, opened.check_pending) = check_after_crash(&conn, &path)?;
    }
    if let Standing::Older(version) = standing {
        opened.backup = Some(schema::backup(&conn, &path, version, now)?);
    }
    use_log(&conn, &path)?;
    if standing != Standing::Current {
        schema::migrate(&mut conn, &path, steps)?;
    }
    let epoch = next_epoch(&conn, &path)?;
    state_dir::empty_inbox(&dir)?;
    Ok(Ground { dir, writer: Some(conn), epoch, opened })
}

/// An empty file beside artifacts or backups is a history that somebody cut off, not a new one.
fn refuse_emptied(dir: &StateDir, path: &Path) -> Result<(), OpenError> {
    let length = fs::metadata(path).map_err(|e| OpenError::io(path, &e))?.len();
    let has_files = |name: &str| fs::read_dir(dir.path.join(name)).is_ok_and(|mut d| d.next().is_some());
    if length == 0 && (has_files(state_dir::ARTIFACTS) || has_files(schema::BACKUPS)) {
        return Err(OpenError::damaged(path, "it is empty, though this directory was in use".to_owned()));
    }
    Ok(())
}

/// Whether the last exit was unclean, and whether the check is still to be done.
fn check_after_crash(conn: &Connection, path: &Path) -> Result<(bool, bool), OpenError> {
    let clean: bool = conn
        .query_row("SELECT clean FROM meta", [], |r| r.get(0))
        .map_err(|e| OpenError::sqlite(path, "reading how it was closed", &e))?;
    if clean {
        return Ok((false, false));
    }
    let size = fs::metadata(path).map_err(|e| OpenError::io(path, &e))?.len();
    if size > CHECK_AT_ONCE {
        return Ok((true, true));
    }
    match readers::quick_check(conn) {
        Ok(Ok(())) => Ok((true, false)),
        Ok(Err(what)) => Err(OpenError::damaged(path, what)),
        Err(e) => Err(sqlite_text(path, "checking it after an unclean exit", &e)),
    }
}

fn sqlite_text(path: &Path, doing: &'static str, e: &StoreError) -> OpenError {
    OpenError::Sqlite { path: path.to_owned(), doing, what: e.to_string() }
}

fn use_log(conn: &Connection, path: &Path) -> Result<(), OpenError> {
    let mode: String = conn
        .query_row("PRAGMA journal_mode = WAL", [], |r| r.get(0))
        .map_err(|e| OpenError::sqlite(path, "switching to the write-ahead log", &e))?;
    if mode == "wal" {
        return Ok(());
    }
    let what = format!("the write-ahead log cannot be used here (mode {mode})");
    Err(OpenError::Sqlite { path: path.to_owned(), doing: "switching to the write-ahead log", what })
}

fn next_epoch(conn: &Connection, path: &Path) -> Result<Epoch, OpenError> {
    let sql = "UPDATE meta SET epoch = epoch + 1, clean = 0 RETURNING epoch";
    let epoch: i64 = conn
        .query_row(sql, [], |r| r.get(0))
        .map_err(|e| OpenError::sqlite(path, "beginning a new epoch", &e))?;
    Ok(Epoch(epoch.cast_unsigned()))
}

/// A store that answers reads only.
fn read_only(dir: StateDir, path: &Path, why: String) -> Result<Ground, OpenError> {
    let conn = readers::open(path).map_err(|e| OpenError::sqlite(path, "opening it to read", &e))?;
    let epoch = writer::current_epoch(&conn).map_err(|e| sqlite_text(path, "reading its epoch", &e))?;
    let opened = Opened { read_only: Some(why), ..Opened::default() };
    Ok(Ground { dir, writer: None, epoch, opened })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        adapters::clock::SystemClock,
        manager::ports::store::{Changes, Store},
    };

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    fn with_second(sql: &'static str) -> Vec<M<'static>> {
        let mut steps = schema::migrations();
        steps.push(M::up(sql));
        steps
    }

    fn columns_of_fact(path: &Path) -> i64 {
        let conn = Connection::open(path).unwrap();
        conn.query_row("SELECT count(*) FROM pragma_table_info('fact')", [], |r| r.get(0)).unwrap()
    }

    async fn store_with_a_fact(dir: &Path) {
        let ground = prepare(dir, NOW, schema::migrations()).unwrap();
        let epoch = ground.epoch;
        let store = SqliteStore::start(ground, Arc::new(SystemClock)).unwrap();
        store
            .commit(Changes { facts: vec![("k".into(), "v".into())], ..Changes::default() }, epoch)
            .await
            .unwrap();
        store.close().await.unwrap();
    }

    #[tokio::test]
    async fn a_migration_is_atomic_and_leaves_a_readable_backup() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(DATABASE);
        store_with_a_fact(dir.path()).await;

        // The second statement fails: the first is undone, and the old version still opens.
        let broken = with_second("ALTER TABLE fact ADD COLUMN note TEXT; ALTER TABLE nowhere ADD COLUMN x;");
        let refused = prepare(dir.path(), NOW, broken).err().unwrap();
        assert!(refused.to_string().contains("rolled back"), "{refused}");
        assert_eq!(columns_of_fact(&file), 2);
        assert_eq!(prepare(dir.path(), NOW, schema::migrations()).unwrap().opened.backup, None);

        let works = || with_second("ALTER TABLE fact ADD COLUMN note TEXT;");
        let later = NOW + std::time::Duration::from_secs(1);
        let backup = prepare(dir.path(), later, works()).unwrap().opened.backup.unwrap();
        assert_eq!((columns_of_fact(&file), columns_of_fact(&backup)), (3, 2));
        let copy = Connection::open(&backup).unwrap();
        let value: String = copy.query_row("SELECT value FROM fact", [], |r| r.get(0)).unwrap();
        assert_eq!(value, "v");
        assert_eq!(
            prepare(dir.path(), later, works()).unwrap().opened.backup,
            None,
            "only when something is to do"
        );
    }

    #[tokio::test]
    async fn only_the_newest_backups_stay() {
        let dir = tempfile::tempdir().unwrap();
        store_with_a_fact(dir.path()).await;
        let conn = writer::connect(&dir.path().join(DATABASE)).unwrap();
        for n in 0..5 {
            let at = NOW + std::time::Duration::from_secs(n);
            schema::backup(&conn, &dir.path().join(DATABASE), 1, at).unwrap();
        }
        let mut left: Vec<_> =
            fs::read_dir(dir.path().join("backups")).unwrap().map(|e| e.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left.len(), 3);
        assert!(left[0].to_string_lossy().contains("20231114T221322"), "{left:?}");
    }

    #[tokio::test]
    async fn a_full_file_system_refuses_the_commit_and_the_store_goes_on() {
        let dir = tempfile::tempdir().unwrap();
        let ground = prepare(dir.path(), NOW, schema::migrations()).unwrap();
        let (conn, epoch) = (ground.writer.as_ref().unwrap(), ground.epoch);
        // SQLite's own bound makes the same error as the file system's end.
        let pages: i64 = conn.query_row("PRAGMA page_count", [], |r| r.get(0)).unwrap();
        conn.query_row(&format!("PRAGMA max_page_count = {}", pages + 4), [], |_| Ok(())).unwrap();
        let store = SqliteStore::start(ground, Arc::new(SystemClock)).unwrap();
        let write = |name: &str, size| {
            let facts = vec![(name.to_owned(), "x".repeat(size))];
            store.commit(Changes { facts, ..Changes::default() }, epoch)
        };
        let (before, big, after) = tokio::join!(write("a", 10), write("big", 100_000), write("b", 10));
        assert_eq!(big, Err(StoreError::Full));
        let kept = store.load().await.unwrap().facts;
        for (name, result) in [("a", before), ("b", after)] {
            // In one group with the big one, or alone: what was acknowledged is there, what was not is not.
            assert_eq!(result.is_ok(), kept.contains_key(name), "{name}");
        }
        write("c", 10).await.unwrap();
        assert!(store.load().await.unwrap().facts.contains_key("c"));
        store.close().await.unwrap();
    }
}
