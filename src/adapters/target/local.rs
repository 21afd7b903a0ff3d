//! Savepoints on a file system that this machine shares with the cluster.

use std::{fs, io, path::Path};

use crate::{domain::location, manager::ports::SavepointChild};

/// More children than any sane directory of one attempt has; beyond that, nobody has looked.
const MOST: usize = 10_000;

pub(super) async fn children(directory: &str) -> Option<Vec<SavepointChild>> {
    let (path, base) = (location::local_path(directory)?, directory.trim_end_matches('/').to_owned());
    tokio::task::spawn_blocking(move || look(Path::new(&path), &base)).await.ok()?
}

/// A directory that is not there has no children; one that cannot be read was not looked at.
fn look(path: &Path, base: &str) -> Option<Vec<SavepointChild>> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Some(vec![]),
        Err(_) => return None,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.ok()?;
        if found.len() >= MOST {
            return None;
        }
        if entry.file_type().ok()?.is_dir() {
            let name = entry.file_name();
            found.push(SavepointChild {
                location: format!("{base}/{}", name.to_str()?),
                complete: has_metadata(&entry.path())?,
                size: size(&entry.path()),
            });
        }
    }
    found.sort_by(|a, b| a.location.cmp(&b.location));
    Some(found)
}

pub(super) async fn is_complete(location: &str) -> Option<bool> {
    let path = location::local_path(location)?;
    tokio::task::spawn_blocking(move || has_metadata(Path::new(&path))).await.ok()?
}

/// Flink writes `_metadata` last, under another name, and renames it: there and not empty means complete.
fn has_metadata(directory: &Path) -> Option<bool> {
    match fs::metadata(directory.join("_metadata")) {
        Ok(meta) => Some(meta.is_file() && meta.len() > 0),
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Some(false),
        Err(_) => None,
    }
}

/// Bytes of the files in a savepoint's directory, which is flat.
fn size(directory: &Path) -> Option<u64> {
    let mut sum = 0u64;
    for entry in fs::read_dir(directory).ok()? {
        let meta = entry.ok()?.metadata().ok()?;
        if meta.is_file() {
            sum = sum.saturating_add(meta.len());
        }
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn children_with_metadata_are_complete() {
        let dir = tempfile::tempdir().unwrap();
        let base = format!("file:{}", dir.path().display());
        fs::create_dir_all(dir.path().join("a/savepoint-1")).unwrap();
        fs::create_dir_all(dir.path().join("a/savepoint-2")).unwrap();
        fs::write(dir.path().join("a/savepoint-2/_metadata"), "12345").unwrap();
        fs::write(dir.path().join("a/savepoint-2/state"), "123").unwrap();
        fs::write(dir.path().join("a/file"), "no child").unwrap();
        let found = children(&format!("{base}/a/")).await.unwrap();
        let child = |n: u32, complete, size| SavepointChild {
            location: format!("{base}/a/savepoint-{n}"),
            complete,
            size: Some(size),
        };
        assert_eq!(found, [child(1, false, 0), child(2, true, 8)]);
        assert_eq!(children(&format!("{base}/none")).await, Some(vec![]));
        assert_eq!(children("s3://bucket/a").await, None);
        assert_eq!(is_complete(&format!("{base}/a/savepoint-1")).await, Some(false));
        assert_eq!(is_complete(&format!("{base}/a/savepoint-2/_metadata")).await, Some(true));
        assert_eq!(is_complete(&format!("{base}/gone")).await, Some(false));
        assert_eq!(is_complete("hdfs:///x").await, None);
    }
}
