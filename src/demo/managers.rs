//! The demo's manager: found, started, stopped.

use std::{path::Path, time::Duration};

use rustix::process::{Pid, Signal, kill_process};

use super::Error;
use crate::{
    client::{
        Client,
        connect::{Place, connect},
        lock::{self, Lock},
        spawn::Spawn,
    },
    contract::problem::{Code, Problem},
    domain::{event::Via, time::Clock},
};

const POLL: Duration = Duration::from_millis(50);
/// A manager drains to a step boundary before it leaves.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where the manager is and how it is started.
#[derive(Debug, Clone)]
pub struct Managers {
    /// Where.
    pub place: Place,
    /// How.
    pub spawn: Spawn,
}

impl Managers {
    /// The directory that the manager owns.
    #[must_use]
    pub fn state_dir(&self) -> &Path {
        &self.place.state_dir
    }

    /// A client of the manager, started if none runs.
    ///
    /// # Errors
    /// When none can be started.
    pub async fn connect(&self) -> Result<Client, Error> {
        Ok(connect(&self.place, Some(&self.spawn), Via::Cli).await?)
    }

    /// Asks the manager to leave, and waits until it has; none running is fine.
    ///
    /// # Errors
    /// When it does not leave in time.
    pub async fn stop(&self, clock: &dyn Clock) -> Result<(), Error> {
        let state = self.state_dir();
        let deadline = clock.boottime() + PATIENCE;
        let mut asked = false;
        while state.is_dir() && held(state)? {
            if !asked && let Some(holder) = lock::read(state) {
                let pid = i32::try_from(holder.pid).ok().and_then(Pid::from_raw);
                // It holds the lock, so the process that the lock names is the manager.
                asked = pid.is_some_and(|pid| kill_process(pid, Signal::TERM).is_ok());
            }
            if clock.boottime() >= deadline {
                let detail =
                    format!("the manager of {} does not leave; nothing else was changed", state.display());
                return Err(Problem::new(Code::TimedOut, detail)
                    .hint("nutkin --profile demo manager log shows what it is doing")
                    .into());
            }
            clock.sleep(POLL).await;
        }
        Ok(())
    }
}

fn held(state: &Path) -> Result<bool, Error> {
    let taken = Lock::acquire(state);
    taken
        .map(|lock| lock.is_none())
        .map_err(|source| Error::Io { what: format!("lock {}", state.display()), source })
}
