//! Rows of artifacts, and their files: `<state-dir>/artifacts/<sha>.jar`.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use rusqlite::Connection;

use super::{
    cells::{all, insert, json},
    error::of_file,
    state_dir::{ARTIFACTS, INBOX},
};
use crate::{
    domain::ids::ArtifactSha,
    manager::ports::store::{ArtifactRow, StoreError, StoreResult},
};

/// Adds an artifact; one that is known keeps its first name and time.
pub(super) fn add(conn: &Connection, row: &ArtifactRow) -> StoreResult<()> {
    let known = conn.prepare_cached("SELECT 1 FROM artifact WHERE sha = ?1")?.exists([row.sha.as_str()])?;
    if known {
        return Ok(());
    }
    let cells = [
        ("sha", &row.sha.as_str() as _),
        ("name", &row.name as _),
        ("size", &row.size.cast_signed() as _),
        ("main_class", &row.main_class as _),
        ("entry_classes", &json(&row.entry_classes)? as _),
        ("created_at", &row.created_at.millis() as _),
    ];
    insert(conn, "artifact", &cells, || format!("artifact {}", row.sha))
}

/// Newest first.
pub(super) fn list(conn: &Connection) -> StoreResult<Vec<ArtifactRow>> {
    all(conn, "artifact", "SELECT * FROM artifact ORDER BY created_at DESC, sha", [], |c| {
        Ok(ArtifactRow {
            sha: c.id("sha")?,
            name: c.get("name")?,
            size: c.bits("size")?,
            main_class: c.get("main_class")?,
            entry_classes: c.json("entry_classes")?,
            created_at: c.time("created_at")?,
        })
    })
}

/// Where the artifact with this hash is. What is not a hash has a place where nothing ever is, so that a name from
/// outside never leads out of the folder.
pub(super) fn path(dir: &Path, sha: &ArtifactSha) -> PathBuf {
    let name = if is_hash(sha) { sha.as_str() } else { "not-a-hash" };
    dir.join(ARTIFACTS).join(format!("{name}.jar"))
}

fn is_hash(sha: &ArtifactSha) -> bool {
    let s = sha.as_str();
    s.len() == 64 && s.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// A fresh file, mode 0600, for an artifact that is being received.
pub(super) fn inbox(dir: &Path) -> StoreResult<PathBuf> {
    let path = dir.join(INBOX).join(format!("{}.part", uuid::Uuid::new_v4()));
    super::state_dir::private_file(&path).map_err(|e| match e {
        super::OpenError::Full(_) => StoreError::Full,
        super::OpenError::ReadOnly { .. } => StoreError::ReadOnly(e.to_string()),
        other => StoreError::Failed(other.to_string()),
    })?;
    Ok(path)
}

/// Moves a received file to its place; both the file and the folder are on disk when it returns.
pub(super) fn keep(dir: &Path, received: &Path, sha: &ArtifactSha) -> StoreResult<PathBuf> {
    if !is_hash(sha) {
        return Err(StoreError::Failed(format!("{sha:?} is not a SHA-256 hash; the upload was not kept")));
    }
    let place = path(dir, sha);
    let sync = |p: &Path| File::open(p).and_then(|f| f.sync_all()).map_err(|e| of_file(p, &e));
    sync(received)?;
    // Renaming over the same content is harmless, and heals a file that somebody damaged.
    fs::rename(received, &place).map_err(|e| of_file(&place, &e))?;
    sync(&dir.join(ARTIFACTS))?;
    Ok(place)
}
