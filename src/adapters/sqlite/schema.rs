//! Versions of the schema: one file each, a backup before an existing file is changed.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use rusqlite::Connection;
use rusqlite_migration::{M, Migrations};

use super::{OpenError, state_dir};
use crate::domain::time::Timestamp;

/// Where copies from before a migration are kept.
pub(super) const BACKUPS: &str = "backups";
/// So many backups are kept.
const BACKUPS_KEPT: usize = 3;
/// `application_id` of our files: "nutk".
const APPLICATION_ID: i64 = 0x6e75_746b;

/// Every version, oldest first.
pub(super) fn migrations() -> Vec<M<'static>> {
    vec![M::up(include_str!("migrations/0001.sql")), M::up(include_str!("migrations/0002.sql"))]
}

/// What a file's schema means for this build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// No schema yet.
    Fresh,
    /// Ours.
    Current,
    /// From an older build.
    Older(i64),
    /// From a newer build; it can be read.
    Newer(i64),
}

/// Looks at the schema version without changing anything.
pub(super) fn standing(conn: &Connection, path: &Path, known: i64) -> Result<Standing, OpenError> {
    let number = |sql: &str| {
        conn.query_row(sql, [], |r| r.get::<_, i64>(0))
            .map_err(|e| OpenError::sqlite(path, "reading the schema version", &e))
    };
    let found = number("PRAGMA user_version")?;
    if found == 0 && number("SELECT count(*) FROM sqlite_schema")? == 0 {
        return Ok(Standing::Fresh);
    }
    if number("PRAGMA application_id")? != APPLICATION_ID {
        return Err(OpenError::NotOurs(path.to_owned()));
    }
    match found {
        v if v == known => Ok(Standing::Current),
        v if v < known => Ok(Standing::Older(v)),
        v if number("SELECT min_reader FROM meta")? <= known => Ok(Standing::Newer(v)),
        found => Err(OpenError::TooNew { path: path.to_owned(), found, known }),
    }
}

/// Brings the schema to the newest version, in one transaction.
pub(super) fn migrate(conn: &mut Connection, path: &Path, steps: Vec<M<'_>>) -> Result<(), OpenError> {
    Migrations::new(steps).to_latest(conn).map_err(|e| match e {
        rusqlite_migration::Error::RusqliteError { err, .. } => {
            OpenError::sqlite(path, "migrating the schema (it was rolled back)", &err)
        }
        other => OpenError::Sqlite {
            path: path.to_owned(),
            doing: "migrating the schema (it was rolled back)",
            what: other.to_string(),
        },
    })
}

/// Copies the whole database, consistent and on disk, into the backup folder; the oldest copies go.
pub(super) fn backup(
    conn: &Connection,
    path: &Path,
    version: i64,
    now: Timestamp,
) -> Result<PathBuf, OpenError> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let folder = state_dir::private_child(dir, BACKUPS, rustix::process::geteuid().as_raw())?;
    let stamp = now.to_utc().format("%Y%m%dT%H%M%S%3fZ");
    let copy = folder.join(format!("nutkin-{stamp}-v{version}.db"));
    // SQLite fills the empty file; made here, it is closed to others from its first byte on.
    state_dir::private_file(&copy)?;
    conn.execute("VACUUM INTO ?1", [copy.to_string_lossy()])
        .map_err(|e| OpenError::sqlite(path, "writing the backup before a migration", &e))?;
    for place in [&copy, &folder] {
        File::open(place).and_then(|f| f.sync_all()).map_err(|e| OpenError::io(place, &e))?;
    }
    drop_old_backups(&folder)?;
    Ok(copy)
}

fn drop_old_backups(folder: &Path) -> Result<(), OpenError> {
    let entries = fs::read_dir(folder).map_err(|e| OpenError::io(folder, &e))?;
    let mut copies: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .map(|e| e.path())
        .filter(|p| p.extension().is_some_and(|x| x == "db"))
        .collect();
    // Their names begin with the time.
    copies.sort();
    let surplus = copies.len().saturating_sub(BACKUPS_KEPT);
    copies.iter().take(surplus).try_for_each(|p| fs::remove_file(p).map_err(|e| OpenError::io(p, &e)))
}
