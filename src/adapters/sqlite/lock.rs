//! `manager.lock`: the only proof that a manager serves a state directory.
//!
//! ```text
//!   free ──acquire──▶ held (flock, for the process's life; the file tells by whom) ──process ends──▶ free
//! ```
//!
//! The kernel drops the lock with the process, so a leftover file means nothing. A manager that leaves in good order empties
//! it: a name in a free file is that of one that died. The holder is named by boot, process
//! id and start time together, because process ids are used again.

use std::{
    fs::{self, File, OpenOptions},
    io::{Read, Seek, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::{
    fs::{FlockOperation, OFlags, flock},
    io::Errno,
};

use super::{OpenError, state_dir};
pub use crate::domain::holder::{Holder, LOCK_FILE as FILE};
use crate::domain::time::Timestamp;

impl Holder {
    /// This process, serving the API at `levels`: its own, and the oldest client's that it understands.
    #[must_use]
    pub fn this_process(
        socket: PathBuf,
        now: Timestamp,
        levels: (u32, u32),
        build: impl Into<String>,
    ) -> Self {
        let pid = std::process::id();
        Self {
            pid,
            boot_id: boot_id(),
            start_time: start_time(pid).unwrap_or(0),
            started_at: now,
            socket,
            api_level: levels.0,
            min_client_level: levels.1,
            build: build.into(),
        }
    }

    /// The process that wrote this still lives: same boot, same id, same start.
    #[must_use]
    pub fn lives(&self) -> bool {
        self.boot_id == boot_id() && start_time(self.pid) == Some(self.start_time)
    }
}

/// The lock, held until this is dropped or the process ends.
#[derive(Debug)]
pub struct Lock {
    file: File,
    holder: Holder,
}

impl Lock {
    /// What the file says about us.
    #[must_use]
    pub const fn holder(&self) -> &Holder {
        &self.holder
    }
}

impl Drop for Lock {
    /// Nobody was killed here: whoever looks at the file later starts no other one for this one's sake.
    fn drop(&mut self) {
        if let Err(e) = self.file.set_len(0) {
            tracing::warn!(error = %e, "the lock file still names this manager");
        }
    }
}

/// Why the lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// A manager serves this directory.
    #[error("{}", held_text(.0.as_ref()))]
    Held(Option<Holder>),
    /// The file cannot be used.
    #[error(transparent)]
    Open(#[from] OpenError),
}

fn held_text(holder: Option<&Holder>) -> String {
    let who = holder.map_or_else(String::new, |h| format!(" (process {}, {})", h.pid, h.socket.display()));
    format!("another nutkin manager serves this state directory{who}; nothing was changed")
}

/// Takes the lock of a prepared state directory and writes `holder` into it.
///
/// A reader that probes holds the lock for an instant; so a lock without a living holder's name is tried a few times.
pub fn acquire(dir: &Path, holder: Holder) -> Result<Lock, LockError> {
    let path = dir.join(FILE);
    state_dir::private_file(&path)?;
    let mut file = open(&path, true).map_err(|e| OpenError::io(&path, &e))?;
    const TRIES: u32 = 20;
    for _ in 0..TRIES {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {
                write(&mut file, &holder).map_err(|e| OpenError::io(&path, &e))?;
                return Ok(Lock { file, holder });
            }
            Err(Errno::WOULDBLOCK) => {}
            Err(e) => return Err(OpenError::io(&path, &e.into()).into()),
        }
        let other = read(&mut file);
        if other.as_ref().is_some_and(Holder::lives) {
            return Err(LockError::Held(other));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Err(LockError::Held(read(&mut file)))
}

fn open(path: &Path, write: bool) -> std::io::Result<File> {
    let flags = i32::try_from((OFlags::NOFOLLOW | OFlags::CLOEXEC).bits()).unwrap_or(0);
    OpenOptions::new().read(true).write(write).custom_flags(flags).open(path)
}

fn write(file: &mut File, holder: &Holder) -> std::io::Result<()> {
    let mut text = serde_json::to_vec(holder)?;
    text.push(b'\n');
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(&text)
}

fn read(file: &mut File) -> Option<Holder> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.take(64 * 1024).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map_or_else(|_| String::new(), |s| s.trim().to_owned())
}

fn start_time(pid: u32) -> Option<u64> {
    parse_start_time(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// Field 22 of `/proc/PID/stat`. The second field, the command, may hold spaces and parentheses.
fn parse_start_time(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_ascii_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_time_is_found_behind_any_command_name() {
        let tail = "S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20";
        assert_eq!(parse_start_time(&format!("12 (a) b) (c) {tail}")), Some(4711));
        assert_eq!(parse_start_time("12 (short) S 1"), None);
    }
}
