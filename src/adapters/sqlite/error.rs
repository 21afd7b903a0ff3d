//! Why the state directory or the database cannot be used, with what helps.

use std::path::{Path, PathBuf};

use crate::{domain::read_only::ReadOnly, manager::ports::store::StoreError};

/// Why a state directory or its database could not be opened. Nothing in it was changed unless the text says so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The path is a symbolic link.
    #[error(
        "{0} is a symbolic link; nutkin does not follow links to its state. Name the place that it points to"
    )]
    Symlink(PathBuf),
    /// Something else is at that path.
    #[error("{path} is not {wanted}; nothing was changed. Move it away, or choose another --state-dir")]
    WrongKind {
        /// Where.
        path: PathBuf,
        /// What should be there.
        wanted: &'static str,
    },
    /// It belongs to another user.
    #[error(
        "{path} belongs to user {owner}, and this is user {ours}; nothing was changed. \
         Run as that user, or choose another --state-dir"
    )]
    ForeignOwner {
        /// Where.
        path: PathBuf,
        /// Its owner's uid.
        owner: u32,
        /// Our uid.
        ours: u32,
    },
    /// Group or world may enter, and that cannot or must not be changed here.
    #[error(
        "{path} is open to other users (mode {mode:04o}) and {why}; nothing was changed. Run: chmod go-rwx {path}"
    )]
    Exposed {
        /// Where.
        path: PathBuf,
        /// Its mode.
        mode: u32,
        /// Why we did not close it.
        why: String,
    },
    /// SQLite's log needs shared memory and locks that network file systems do not give.
    #[error(
        "{path} is on a network file system ({kind}), where a database can lose committed data; nothing was \
         changed. Use a local directory: --state-dir {suggestion}"
    )]
    NetworkFileSystem {
        /// Where.
        path: PathBuf,
        /// Its kind.
        kind: &'static str,
        /// A local place.
        suggestion: PathBuf,
    },
    /// Nothing can be written there.
    #[error(
        "{path} is read-only, and nutkin keeps its state there: {}; nothing was changed. To go on, {}, or choose \
         another --state-dir", .why.why(), .why.remedy()
    )]
    ReadOnly {
        /// Where.
        path: PathBuf,
        /// Why.
        why: ReadOnly,
    },
    /// The file system is full.
    #[error(
        "no space left for {0}. Free some space there, or choose another --state-dir; what was committed is safe"
    )]
    Full(PathBuf),
    /// The linked SQLite is too old to be trusted with a write-ahead log.
    #[error("this build carries SQLite {0}; at least 3.51.3 is needed, older ones can lose committed data")]
    OldSqlite(String),
    /// The file is damaged.
    #[error(
        "{path} is damaged: {what}. It was left as it is. Copy it aside, then put the newest file of {backups} \
         in its place, or move it away to begin a new history; clusters are not affected"
    )]
    Damaged {
        /// The database.
        path: PathBuf,
        /// What was found.
        what: String,
        /// Where backups are.
        backups: PathBuf,
    },
    /// The file is some other program's.
    #[error("{0} is a database of another program; nothing was changed. Choose another --state-dir")]
    NotOurs(PathBuf),
    /// A newer nutkin wrote it, in a form that this build cannot even read.
    #[error(
        "{path} was written by a newer nutkin (schema {found}, this build knows {known}); nothing was changed. \
         Use the newer nutkin"
    )]
    TooNew {
        /// The database.
        path: PathBuf,
        /// Its schema version.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// The operating system refused.
    #[error("{path}: {what}")]
    Io {
        /// Where.
        path: PathBuf,
        /// What it said.
        what: String,
    },
    /// SQLite failed.
    #[error("{path}: the database failed while {doing}: {what}")]
    Sqlite {
        /// The database.
        path: PathBuf,
        /// What was being done.
        doing: &'static str,
        /// What it said.
        what: String,
    },
}

impl OpenError {
    /// The place was chosen wrongly: another directory or another user is needed, whatever the store holds.
    #[must_use]
    pub const fn is_of_the_place(&self) -> bool {
        matches!(
            self,
            Self::Symlink(_)
                | Self::WrongKind { .. }
                | Self::ForeignOwner { .. }
                | Self::Exposed { .. }
                | Self::NetworkFileSystem { .. }
                | Self::ReadOnly { .. }
                | Self::NotOurs(_)
        )
    }

    /// Puts an I/O error into words.
    pub(super) fn io(path: &Path, e: &std::io::Error) -> Self {
        let path = path.to_owned();
        match (e.kind(), ReadOnly::of(e.kind())) {
            (_, Some(why)) => Self::ReadOnly { path, why },
            (std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded, _) => Self::Full(path),
            _ => Self::Io { path, what: e.to_string() },
        }
    }

    /// Puts an SQLite error into words.
    pub(super) fn sqlite(path: &Path, doing: &'static str, e: &rusqlite::Error) -> Self {
        match e.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DiskFull) => Self::Full(path.to_owned()),
            Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase) => {
                Self::damaged(path, e.to_string())
            }
            // On a file system that is mounted read-only the directory was refused before.
            Some(rusqlite::ErrorCode::ReadOnly | rusqlite::ErrorCode::PermissionDenied) => {
                Self::ReadOnly { path: path.to_owned(), why: ReadOnly::Rights }
            }
            _ => Self::Sqlite { path: path.to_owned(), doing, what: e.to_string() },
        }
    }

    /// The database at `path` is damaged.
    pub(super) fn damaged(path: &Path, what: String) -> Self {
        let backups = path.with_file_name(super::schema::BACKUPS);
        Self::Damaged { path: path.to_owned(), what, backups }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(e: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as C;
        match e.sqlite_error_code() {
            Some(C::DiskFull) => Self::Full,
            Some(C::ConstraintViolation) => Self::Conflict { what: e.to_string() },
            Some(C::ReadOnly) => Self::ReadOnly(e.to_string()),
            _ => Self::Failed(e.to_string()),
        }
    }
}

/// SQLite's message about a broken rule → what it means. The first match counts.
const RULES: &[(&str, &str)] = &[
    ("UNIQUE constraint failed: operation.deployment", "another operation of the deployment is active"),
    ("UNIQUE constraint failed: deployment.application, deployment.name", "another deployment has the name"),
    ("UNIQUE constraint failed: job.flink", "another job has the same Flink id"),
    ("UNIQUE constraint failed: answer", "the key is answered already"),
    ("UNIQUE constraint failed: revision", "a revision's number is given once"),
    ("operation_end", "an operation has an end if and only if it is no longer active"),
    ("FOREIGN KEY", "it refers to a row that is not there"),
];

/// The error of writing `row`, naming it and the rule that it broke.
pub(super) fn of_row(e: rusqlite::Error, row: impl FnOnce() -> String) -> StoreError {
    match StoreError::from(e) {
        StoreError::Conflict { what } => {
            let rule = RULES.iter().find(|(sign, _)| what.contains(sign)).map_or(what.as_str(), |r| r.1);
            StoreError::Conflict { what: format!("{} ({rule})", row()) }
        }
        other => other,
    }
}

/// An I/O error of the files beside the database.
pub(super) fn of_file(path: &Path, e: &std::io::Error) -> StoreError {
    match e.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => StoreError::Full,
        std::io::ErrorKind::ReadOnlyFilesystem | std::io::ErrorKind::PermissionDenied => {
            StoreError::ReadOnly(format!("{}: {e}", path.display()))
        }
        _ => StoreError::Failed(format!("{}: {e}", path.display())),
    }
}
