//! Who serves a state directory, as its lock file says: the lock (`flock`, for the life of the process) is the only
//! proof of a manager.

use std::{
    fs::File,
    io::{self, Read as _},
    path::Path,
    time::Duration,
};

use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
    process::{Pid, Signal, kill_process},
};

use super::ClientResult;
use crate::{
    contract::problem::{Code, Problem},
    domain::{
        holder::{Holder, lock_path},
        time::Clock,
    },
};

/// What the lock file says; it may be the words of a manager that is gone.
#[must_use]
pub fn read(state_dir: &Path) -> Option<Holder> {
    let mut text = String::new();
    File::open(lock_path(state_dir)).ok()?.take(64 << 10).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

/// The last manager of the state directory left in good order: it was stopped, or had nothing to do.
#[must_use]
pub fn was_left(state_dir: &Path) -> bool {
    read(state_dir).is_none()
}

/// Whether a manager holds the state directory now.
pub fn is_held(state_dir: &Path) -> io::Result<bool> {
    let file = match File::open(lock_path(state_dir)) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(e) => return Err(e),
    };
    match flock(&file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => Ok(false),
        Err(Errno::WOULDBLOCK) => Ok(true),
        Err(e) => Err(e.into()),
    }
}

/// Asks the manager of a state directory to leave, and waits until it has: it drains to a step boundary first. Answers
/// whether one ran. Clients that stay, such as an open console, may have started another one by then.
pub async fn stop(state_dir: &Path, patience: Duration, clock: &dyn Clock) -> ClientResult<bool> {
    let deadline = clock.boottime() + patience;
    let mut asked = None;
    let mut pause = Duration::from_millis(5);
    while is_held(state_dir).map_err(|e| unreadable(state_dir, &e))? {
        let holder = read(state_dir).map(|h| (h.pid, h.started_at));
        match (asked, holder) {
            (None, Some((pid, _))) => {
                let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
                // It holds the lock, so the process that the lock names is the manager.
                asked = holder.filter(|_| pid.is_some_and(|pid| kill_process(pid, Signal::TERM).is_ok()));
            }
            // The one that was asked is gone, or another one could not hold the lock.
            (Some(old), Some(new)) if old != new => return Ok(true),
            _ => {}
        }
        if clock.boottime() >= deadline {
            let detail =
                format!("the manager of {} was asked to leave and is still there", state_dir.display());
            return Err(
                Problem::new(Code::TimedOut, detail).hint("`nutkin manager log` shows what it is doing")
            );
        }
        clock.sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(100));
    }
    Ok(asked.is_some())
}

fn unreadable(state_dir: &Path, e: &io::Error) -> Problem {
    let detail = format!("{} cannot be read: {e}; nothing was changed", lock_path(state_dir).display());
    Problem::new(Code::ManagerUnreachable, detail)
}
