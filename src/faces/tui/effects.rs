//! Doing what the model asks: requests to the manager, each as a task that answers with a message.
//!
//! ```text
//!   Effect ─▶ task ─▶ client ─▶ Msg::Reply
//!   follow: snapshot ─▶ watch ─▶ Msg::Watch … broken ─▶ Msg::Lost ─▶ back-off ─▶ snapshot
//! ```

use std::{collections::HashMap, path::PathBuf, sync::Arc, time::Duration};

use futures_util::StreamExt as _;
use tokio::{
    sync::{Notify, mpsc, watch},
    task::AbortHandle,
};

use super::{
    data::{Tab, TabData},
    msg::{AskId, Effect, Msg, Reply, Request, Wake},
};
use crate::{
    client::{Act, Client, connect, routes, spawn::Spawn},
    contract::{
        intent::Verb,
        plan::Submitted,
        problem::{Code, Problem},
        watch::{Detail, Interest, WatchMessage},
    },
    domain::{
        event::{Severity, Via},
        ids::{DeploymentName, FlinkJobId},
        time::Clock,
    },
};

/// Where the manager is looked for after it was lost.
#[derive(Debug, Clone)]
pub struct Reconnect {
    /// Its place.
    pub place: connect::Place,
    /// How one is started when none is there; `None` = only waits for one.
    pub spawn: Option<Spawn>,
}

/// Rows of the first window, and events of a tab.
const ROWS: u32 = 500;
const EVENTS: u32 = 300;
const OPERATIONS: u32 = 200;
/// Operations of one deployment that its failures are looked for in.
const HISTORY: u32 = 30;
/// First and longest pause between two tries.
const PAUSE: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));

/// Questions of which only the newest matters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Slot {
    Detail,
    Tab(Tab),
    Operations,
    History,
    Artifacts,
    Plan(AskId),
}

/// Does effects.
#[derive(Debug)]
pub struct Effects {
    client: Client,
    clock: Arc<dyn Clock>,
    out: mpsc::Sender<Msg>,
    slots: HashMap<Slot, AbortHandle>,
    interest: watch::Sender<Interest>,
    again: Arc<Notify>,
}

impl Effects {
    /// Begins to follow the manager at once.
    pub fn start(
        client: Client,
        reconnect: Option<Reconnect>,
        clock: Arc<dyn Clock>,
        out: mpsc::Sender<Msg>,
    ) -> Self {
        let (interest, interested) = watch::channel(Interest::default());
        let again = Arc::new(Notify::new());
        let follower = Follower {
            client: client.clone(),
            reconnect,
            clock: clock.clone(),
            out: out.clone(),
            interest: interested,
            again: again.clone(),
        };
        tokio::spawn(follower.run());
        Self { client, clock, out, slots: HashMap::new(), interest, again }
    }

    /// Begins one effect. What concerns the terminal is not done here.
    pub fn begin(&mut self, effect: Effect) {
        let client = self.client.clone();
        match effect {
            Effect::LoadSnapshot => self.again.notify_one(),
            Effect::SetInterest(i) => drop(self.interest.send(i)),
            Effect::LoadDetail(name) => self.newest(Slot::Detail, async move {
                let answer = detail(&client, &name).await.map(Box::new).map_err(Box::new);
                Reply::Detail(name, answer)
            }),
            Effect::LoadTab(name, tab) => self.newest(Slot::Tab(tab), async move {
                let answer = load_tab(&client, &name, tab).await.map_err(Box::new);
                Reply::Tab(name, tab, answer)
            }),
            Effect::LoadOperations => self.newest(Slot::Operations, async move {
                let route = routes::operations().with("limit", OPERATIONS.to_string());
                Reply::Operations(client.get(&route).await.map(|l| l.items).map_err(Box::new))
            }),
            Effect::LoadHistory(name) => self.newest(Slot::History, async move {
                let route =
                    routes::operations().with("deployment", name.clone()).with("limit", HISTORY.to_string());
                let answer = client.get(&route).await.map(|l| l.items).map_err(Box::new);
                Reply::History(name, answer)
            }),
            Effect::LoadOperation(id) => self.reply(async move {
                let answer = client.get(&routes::operation(&id)).await.map(Box::new).map_err(Box::new);
                Reply::Operation(id, answer)
            }),
            Effect::LoadArtifacts => self.newest(Slot::Artifacts, async move {
                Reply::Artifacts(client.get(&routes::artifacts()).await.map(|l| l.items).map_err(Box::new))
            }),
            Effect::DryRun(ask, question, request) => self.newest(Slot::Plan(ask), async move {
                let answer = match act(&request) {
                    Ok(act) => client.plan(&act).await,
                    Err(p) => Err(p),
                };
                Reply::Plan(ask, question, answer.map(Box::new).map_err(Box::new))
            }),
            Effect::Submit(ask, request, key) => self.reply(async move {
                let answer = match act(&request) {
                    Ok(act) => client.act(&act.with_key(Some(&key))).await,
                    Err(p) => Err(p),
                };
                Reply::Submitted(ask, answer.map_err(Box::new))
            }),
            Effect::Choose { operation, body, key } => self.reply(async move {
                let act = routes::choose(&operation, &body).with_key(Some(&key));
                Reply::Chosen(operation, client.act(&act).await.map(Box::new).map_err(Box::new))
            }),
            Effect::Patch { savepoint, body, key } => self.reply(async move {
                let act = routes::patch_savepoint(&savepoint, &body).with_key(Some(&key));
                Reply::Patched(client.act(&act).await.map(Box::new).map_err(Box::new))
            }),
            Effect::Upload(ask, path) => self.upload(ask, &path),
            Effect::Wake(ms, wake) => self.wake(ms, wake),
            Effect::Edit(..) | Effect::Copy(_) | Effect::Sleep | Effect::Repaint | Effect::Quit => {}
        }
    }

    fn task(&self, answer: impl Future<Output = Reply> + Send + 'static) -> AbortHandle {
        let out = self.out.clone();
        let task = tokio::spawn(async move {
            let reply = answer.await;
            // A console that has left listens no more.
            let _ = out.send(Msg::Reply(reply)).await;
        });
        task.abort_handle()
    }

    fn reply(&self, answer: impl Future<Output = Reply> + Send + 'static) {
        drop(self.task(answer));
    }

    fn newest(&mut self, slot: Slot, answer: impl Future<Output = Reply> + Send + 'static) {
        let task = self.task(answer);
        if let Some(older) = self.slots.insert(slot, task) {
            older.abort();
        }
    }

    fn upload(&self, ask: AskId, path: &str) {
        let (client, out, path) = (self.client.clone(), self.out.clone(), at_home(path));
        tokio::spawn(async move {
            // Progress that the loop has no time for is left out.
            let progress = |sent, total| drop(out.try_send(Msg::Reply(Reply::Uploading(ask, sent, total))));
            let answer = client.upload(&path, &progress).await.map(Box::new).map_err(Box::new);
            let _ = out.send(Msg::Reply(Reply::Uploaded(ask, answer))).await;
        });
    }

    fn wake(&self, ms: u64, wake: Wake) {
        let (clock, out) = (self.clock.clone(), self.out.clone());
        tokio::spawn(async move {
            clock.sleep(Duration::from_millis(ms)).await;
            let _ = out.send(Msg::Wake(wake)).await;
        });
    }
}

/// `~/x` below the person's home, anything else as it is.
fn at_home(path: &str) -> PathBuf {
    match (path.strip_prefix("~/"), directories::BaseDirs::new()) {
        (Some(rest), Some(dirs)) => dirs.home_dir().join(rest),
        _ => PathBuf::from(path),
    }
}

fn name(deployment: &str) -> Result<DeploymentName, Problem> {
    deployment.parse().map_err(|e: crate::domain::ids::BadId| Problem::new(Code::BadRequest, e.to_string()))
}

async fn detail(client: &Client, deployment: &str) -> Result<Detail, Problem> {
    let name = name(deployment)?;
    let (route, savepoints) = (routes::deployment(&name), routes::savepoints(&name));
    let (deployment, savepoints) = tokio::try_join!(client.get(&route), client.get(&savepoints))?;
    let operation = match &deployment.operation {
        Some(o) => client.get(&routes::operation(&o.operation_id)).await.ok(),
        None => None,
    };
    Ok(Detail { deployment, savepoints: savepoints.items, operation })
}

async fn load_tab(client: &Client, deployment: &str, tab: Tab) -> Result<TabData, Problem> {
    let name = name(deployment)?;
    Ok(match tab {
        Tab::Jobs => TabData::Jobs(client.get(&routes::jobs(&name)).await?.items),
        Tab::Config => TabData::Config(client.get(&routes::revisions(&name)).await?.items),
        _ => {
            // The newest of everything, and as many of what is not there for finding faults: a job's checkpoints alone
            // would fill the tab.
            let filter = |severity| routes::EventFilter {
                deployment: Some(name.clone()),
                severity,
                limit: Some(EVENTS),
                ..Default::default()
            };
            let (all, loud) = (routes::events(&filter(None)), routes::events(&filter(Some(Severity::Info))));
            let (all, loud) = tokio::try_join!(client.get(&all), client.get(&loud))?;
            let mut events: Vec<_> = all.items.into_iter().chain(loud.items).collect();
            events.sort_by_key(|e| e.seq);
            events.dedup_by_key(|e| e.seq);
            TabData::Events(events)
        }
    })
}

/// The route of a request.
fn act(request: &Request) -> Result<Act<Submitted>, Problem> {
    let on = |deployment: &str, verb: Verb| name(deployment).map(|n| routes::verb(&n, &verb));
    match request.clone() {
        Request::Start(d, b) => on(&d, Verb::Start(b)),
        Request::Suspend(d, b) => on(&d, Verb::Suspend(b)),
        Request::Cancel(d, b) => on(&d, Verb::Cancel(b)),
        Request::Savepoint(d, b) => on(&d, Verb::Savepoint(b)),
        Request::Restart(d, b) => on(&d, Verb::Restart(b)),
        Request::Upgrade(d, b) => on(&d, Verb::Upgrade(b)),
        Request::Fork(d, b) => on(&d, Verb::Fork(b)),
        Request::Reset(d, b) => on(&d, Verb::Reset(b)),
        Request::Rollback(d, b) => on(&d, Verb::Rollback(b)),
        Request::Adopt(target, job, b) => {
            let job: FlinkJobId = job
                .parse()
                .map_err(|e: crate::domain::ids::BadId| Problem::new(Code::BadRequest, e.to_string()))?;
            Ok(routes::adopt(&target, &job, &b))
        }
        Request::Delete(d, b) => on(&d, Verb::Delete(b)),
        Request::Import(b) => Ok(routes::import_savepoint(&b)),
        Request::Dispose(_, savepoint, b) => Ok(routes::dispose_savepoint(&savepoint, &b)),
    }
}

/// Keeps the model fed: a window, then every change, and again after every loss.
struct Follower {
    client: Client,
    reconnect: Option<Reconnect>,
    clock: Arc<dyn Clock>,
    out: mpsc::Sender<Msg>,
    interest: watch::Receiver<Interest>,
    again: Arc<Notify>,
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

impl Follower {
    async fn run(mut self) {
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
            let spawn = r.spawn.as_ref().filter(|_| *tries > 3);
            match connect::connect(&r.place, spawn, Via::Tui).await {
                Ok(client) => self.client = client,
                Err(p) => return Broken::Lost(p),
            }
        }
        let interest = self.interest.borrow_and_update().clone();
        let route = routes::snapshot()
            .with("limit", ROWS.to_string())
            .with_some("select", interest.deployments.first());
        let snapshot = match self.client.get(&route).await {
            Ok(s) => s,
            // What was selected is gone: take the window without it.
            Err(p) if p.code == Code::NotFound => match self.client.get(&routes::snapshot()).await {
                Ok(s) => s,
                Err(p) => return Broken::Lost(p),
            },
            Err(p) => return Broken::Lost(p),
        };
        (*pause, *tries) = (PAUSE.0, 0);
        let at = snapshot.at.clone();
        if self.out.send(Msg::Snapshot(Box::new(snapshot))).await.is_err() {
            return Broken::Left;
        }
        match self.client.watch(&interest, Some(&at)).await {
            Ok(stream) => self.follow(stream).await,
            Err(p) => Broken::Lost(p),
        }
    }

    async fn follow(&mut self, mut stream: crate::client::Watch) -> Broken {
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
                        // What this brings comes on the stream; a failure shows there, too.
                        let client = self.client.clone();
                        tokio::spawn(async move { client.set_interest(&id, &interest).await.ok() });
                    }
                }
                () = self.again.notified() => return Broken::Again,
            }
        }
    }
}
