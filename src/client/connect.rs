//! Finding a manager, or starting one.

use std::{path::PathBuf, time::Duration};

use tokio::net::UnixStream;

use super::{Client, ClientResult, Levels, lock, spawn};
use crate::{
    contract::problem::{Code, Problem},
    domain::event::Via,
};

/// Where a manager is expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The state directory that it owns.
    pub state_dir: PathBuf,
    /// Its socket, where it is not the one that the lock names.
    pub socket: Option<PathBuf>,
}

/// How long a starting manager may take.
pub const START: Duration = Duration::from_secs(5);

/// Connects to the manager of a state directory; starts one when none answers and `spawn` says how.
pub async fn connect(place: &Place, start: Option<&spawn::Spawn>, via: Via) -> ClientResult<Client> {
    if let Some(client) = running(place, via).await {
        return Ok(client);
    }
    let Some(start) = start else { return Err(nobody(place)) };
    let outcome = spawn::start(start).await?;
    // Another client's manager may have won the lock and still be on its way.
    let waited = tokio::time::timeout(START, async {
        let mut pause = Duration::from_millis(5);
        loop {
            if let Some(client) = running(place, via).await {
                return client;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(200));
        }
    });
    waited.await.map_err(|_| {
        let what = match outcome {
            spawn::Outcome::Ready => "the manager said that it is ready and does not answer",
            spawn::Outcome::Held => "another manager holds the state directory and does not answer",
        };
        Problem::new(Code::ManagerUnreachable, format!("{what} ({})", place.state_dir.display()))
            .hint("`nutkin manager status` tells who holds it, `nutkin manager log` what it says")
    })
}

/// The manager that answers now.
pub async fn running(place: &Place, via: Via) -> Option<Client> {
    let holder = lock::read(&place.state_dir);
    let socket = place.socket.clone().or_else(|| holder.as_ref().map(|h| h.socket.clone()))?;
    UnixStream::connect(&socket).await.ok()?;
    let client = Client::new(socket, via);
    Some(match holder {
        Some(h) => client.with_levels(Levels { api: h.api_level, min_client: h.min_client_level }),
        None => client,
    })
}

/// The problem that no manager runs.
#[must_use]
pub fn nobody(place: &Place) -> Problem {
    let detail = format!("no manager runs for {}", place.state_dir.display());
    Problem::new(Code::ManagerUnreachable, detail)
        .hint("any other command starts one; `nutkin serve` runs it here")
}
