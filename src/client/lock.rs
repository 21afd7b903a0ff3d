//! The lock of a state directory: the only proof of a manager, held by `flock` for the life of its process.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _, Seek as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use crate::domain::time::Timestamp;

/// Who holds a state directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Holder {
    /// Process id.
    pub pid: u32,
    /// The boot in which it runs, where the kernel tells.
    pub boot_id: Option<String>,
    /// When it started.
    pub started_at: Timestamp,
    /// Its socket.
    pub socket: PathBuf,
    /// The API level that it speaks.
    pub api_level: u32,
    /// The oldest client that it understands.
    pub min_client_level: u32,
    /// Version and commit.
    pub build: String,
}

/// A held lock; letting it go frees the state directory.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

/// The lock file's place.
#[must_use]
pub fn path(state_dir: &Path) -> PathBuf {
    state_dir.join("manager.lock")
}

impl Lock {
    /// Takes the lock, or answers `None` when another process holds it.
    pub fn acquire(state_dir: &Path) -> io::Result<Option<Self>> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path(state_dir))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Self { file })),
            Err(e) if e == rustix::io::Errno::WOULDBLOCK => Ok(None),
            Err(e) => Err(e.into()),
        }
    }

    /// Says who holds it.
    pub fn write(&mut self, holder: &Holder) -> io::Result<()> {
        let text = serde_json::to_string(holder)?;
        self.file.set_len(0)?;
        self.file.rewind()?;
        writeln!(self.file, "{text}")?;
        self.file.sync_data()
    }
}

/// What the lock file says; it may be the words of a manager that is gone.
#[must_use]
pub fn read(state_dir: &Path) -> Option<Holder> {
    let mut text = String::new();
    File::open(path(state_dir)).ok()?.take(64 << 10).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

/// The kernel's id of this boot.
#[must_use]
pub fn boot_id() -> Option<String> {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holder_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let mut lock = Lock::acquire(dir.path()).unwrap().unwrap();
        assert!(Lock::acquire(dir.path()).unwrap().is_none());
        let holder = Holder {
            pid: 7,
            boot_id: boot_id(),
            started_at: Timestamp::from_millis(1),
            socket: "/s".into(),
            api_level: 1,
            min_client_level: 1,
            build: "b".into(),
        };
        lock.write(&holder).unwrap();
        lock.write(&holder).unwrap();
        assert_eq!(read(dir.path()), Some(holder));
        drop(lock);
        assert!(Lock::acquire(dir.path()).unwrap().is_some());
    }
}
