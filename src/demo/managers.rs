//! The demo's manager: found, started, stopped.

use std::{path::Path, time::Duration};

use super::Error;
use crate::{
    client::{
        Client,
        connect::{Place, connect},
        lock,
        spawn::Spawn,
    },
    domain::{event::Via, time::Clock},
};

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

    /// Asks the manager to leave, and waits until it has; answers whether one ran.
    ///
    /// # Errors
    /// When it does not leave in time.
    pub async fn stop(&self, clock: &dyn Clock) -> Result<bool, Error> {
        Ok(lock::stop(self.state_dir(), PATIENCE, clock).await?)
    }

    /// Whether one runs, which after a stop means that another client has started it again.
    #[must_use]
    pub fn is_up(&self) -> bool {
        lock::is_held(self.state_dir()).unwrap_or(false)
    }
}
