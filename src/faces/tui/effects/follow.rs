//! Following the manager: what is seen arrives by itself, again after every loss, wherever the manager is then.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::StreamExt as _;
use tokio::sync::{Notify, mpsc, watch};

use crate::{
    client::{Client, connect, lock, routes, spawn::Spawn},
    contract::{
        problem::{Code, Problem},
        watch::{Interest, WatchMessage},
    },
    domain::{event::Via, time::Clock},
    faces::tui::msg::{Msg, Reply},
};

/// Where the manager is looked for after it was lost.
#[derive(Debug, Clone)]
pub struct Reconnect {
    /// State directory and socket.
    pub place: connect::Place,
    /// How one is started when none is there; `None` = only waits for one.
    pub spawn: Option<Spawn>,
}

/// Rows of the first window.
const ROWS: u32 = 500;
/// First and longest pause between two tries.
const PAUSE: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));

/// The client of everything that is asked: one for all, so that acts follow a manager to its new place as the stream does.
#[derive(Debug, Clone)]
pub(super) struct Shared(Arc<Mutex<Client>>);

impl Shared {
    pub fn new(client: Client) -> Self {
        Self(Arc::new(Mutex::new(client)))
    }
    /// The one that reached the manager last.
    pub fn get(&self) -> Client {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
    fn set(&self, client: Client) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = client;
    }
}

/// Keeps the model fed: a window, then every change, and again after every loss.
pub(super) struct Follower {
    pub client: Shared,
    pub reconnect: Option<Reconnect>,
    pub clock: Arc<dyn Clock>,
    pub out: mpsc::Sender<Msg>,
    pub interest: watch::Receiver<Interest>,
    pub again: Arc<Notify>,
}

/// Why following ended.
enum Broken {
    /// Somebody wants a new window.
    Again,
    /// The manager is lost.
    Lost(Problem),
    /// The console has left.
    Left,
}

fn stopped_problem() -> Problem {
    Problem::new(
        Code::ManagerUnreachable,
        "the manager was stopped, and the console starts it only when it is opened",
    )
    .hint("leave and open the console again, or start it: nutkin serve")
}

impl Follower {
    pub async fn run(mut self) {
        let mut pause = PAUSE.0;
        let mut tries = 0u32;
        loop {
            match self.once(&mut pause, &mut tries).await {
                Broken::Again => {}
                Broken::Left => return,
                Broken::Lost(problem) => {
                    let retry_at = self.clock.now_utc() + pause;
                    if self.out.send(Msg::Lost { problem: Box::new(problem), retry_at }).await.is_err() {
                        return;
                    }
                    tokio::select! {
                        () = self.clock.sleep(pause) => {}
                        () = self.again.notified() => {}
                    }
                    pause = (pause * 2).min(PAUSE.1);
                    tries += 1;
                }
            }
        }
    }

    /// A window and what follows it, until something breaks.
    async fn once(&mut self, pause: &mut Duration, tries: &mut u32) -> Broken {
        if *tries > 0
            && let Some(r) = &self.reconnect
        {
            // The first tries only look: a manager that restarts is back in a moment.
            // And one that somebody has stopped stays so: who only looks does not undo it.
            let stopped = lock::was_left(&r.place.state_dir);
            let spawn = r.spawn.as_ref().filter(|_| *tries > 3 && !stopped);
            match connect::connect(&r.place, spawn, Via::Tui).await {
                Ok(client) => self.client.set(client),
                Err(_) if stopped => return Broken::Lost(stopped_problem()),
                Err(p) => return Broken::Lost(p),
            }
        }
        let interest = self.interest.borrow_and_update().clone();
        let route = routes::snapshot()
            .with("limit", ROWS.to_string())
            .with_some("select", interest.deployments.first());
        let client = self.client.get();
        let snapshot = match client.get(&route).await {
            Ok(s) => s,
            // What was selected is gone: take the window without it.
            Err(p) if p.code == Code::NotFound => {
                match client.get(&routes::snapshot().with("limit", ROWS.to_string())).await {
                    Ok(s) => s,
                    Err(p) => return Broken::Lost(p),
                }
            }
            Err(p) => return Broken::Lost(p),
        };
        (*pause, *tries) = (PAUSE.0, 0);
        let at = snapshot.at.clone();
        if self.out.send(Msg::Snapshot(Box::new(snapshot))).await.is_err() {
            return Broken::Left;
        }
        match client.watch(&interest, Some(&at)).await {
            Ok(stream) => self.follow(&client, stream).await,
            Err(p) => Broken::Lost(p),
        }
    }

    async fn follow(&mut self, client: &Client, mut stream: crate::client::Watch) -> Broken {
        let mut id: Option<String> = None;
        loop {
            tokio::select! {
                next = stream.next() => match next {
                    Some(Ok(event)) => {
                        if let WatchMessage::Hello { watch_id, .. } = &event.message {
                            id = Some(watch_id.clone());
                        }
                        if self.out.send(Msg::Watch(event.message)).await.is_err() {
                            return Broken::Left;
                        }
                    }
                    Some(Err(p)) => return Broken::Lost(p),
                    None => return Broken::Lost(Problem::new(Code::ManagerUnreachable, "the manager ended the stream of changes")),
                },
                changed = self.interest.changed() => {
                    if changed.is_err() {
                        return Broken::Left;
                    }
                    let interest = self.interest.borrow_and_update().clone();
                    if let Some(id) = id.clone() {
                        // What this brings comes on the stream; that it was refused does not.
                        let (client, out) = (client.clone(), self.out.clone());
                        tokio::spawn(async move {
                            let taken = client.set_interest(&id, &interest).await.map_err(Box::new);
                            let _ = out.send(Msg::Reply(Reply::Interest(taken))).await;
                        });
                    }
                }
                () = self.again.notified() => return Broken::Again,
            }
        }
    }
}
