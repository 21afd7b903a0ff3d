//! The words in a state directory's lock file: the manager writes them, clients read them.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::time::Timestamp;

/// The lock's file name in the state directory.
pub const LOCK_FILE: &str = "manager.lock";

/// The lock file's place.
#[must_use]
pub fn lock_path(state_dir: &Path) -> PathBuf {
    state_dir.join(LOCK_FILE)
}

/// Who holds a state directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Holder {
    /// Process id.
    pub pid: u32,
    /// Of this boot of the machine.
    #[serde(default)]
    pub boot_id: String,
    /// The process's start, in clock ticks since boot: with the boot and the id it is never used again.
    #[serde(default)]
    pub start_time: u64,
    /// When it took the lock, for people.
    pub started_at: Timestamp,
    /// Where it listens.
    pub socket: PathBuf,
    /// Level of its API.
    pub api_level: u32,
    /// The oldest client level that it understands.
    pub min_client_level: u32,
    /// Version and commit.
    pub build: String,
}
