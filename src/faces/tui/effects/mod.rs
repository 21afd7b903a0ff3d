//! Doing what the model asks: requests to the manager, each as a task that answers with a message.
//!
//! ```text
//!   Effect ─▶ task ─▶ client ─▶ Msg::Reply
//!   follow: snapshot ─▶ watch ─▶ Msg::Watch … broken ─▶ Msg::Lost ─▶ back-off ─▶ snapshot
//! ```

mod follow;

use std::{collections::HashMap, path::PathBuf, sync::Arc, time::Duration};

use tokio::{
    sync::{Notify, mpsc, watch},
    task::AbortHandle,
};

pub use self::follow::Reconnect;
use self::follow::{Follower, Shared};
use super::{
    data::{EVENTS_PAGE, PAGE, Tab, TabData},
    msg::{AskId, Effect, Msg, Reply, Request, Wake},
};
use crate::{
    client::{Act, Client, Get, routes},
    contract::{
        intent::Verb,
        model::Operation,
        plan::Submitted,
        problem::{Code, Problem},
        watch::{Detail, Interest},
    },
    domain::{
        event::Severity,
        ids::{DeploymentName, FlinkJobId},
        time::Clock,
    },
};

/// Rows of an application that the first window left out.
const MORE_ROWS: u32 = 1000;
/// Active operations: all that there can be.
const ACTIVE: u32 = 1000;
/// Operations of one deployment that its failures are looked for in.
const HISTORY: u32 = 30;
/// Questions of which only the newest matters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Slot {
    Rows,
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
    client: Shared,
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
        let client = Shared::new(client);
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
        let client = self.client.get();
        match effect {
            Effect::LoadSnapshot => self.again.notify_one(),
            Effect::SetInterest(i) => drop(self.interest.send(i)),
            Effect::LoadRows(app) => self.newest(Slot::Rows, async move {
                let route =
                    routes::snapshot().with("limit", MORE_ROWS.to_string()).with("filter", format!("{app}/"));
                Reply::Rows(app, client.get(&route).await.map(|s| s.rows).map_err(Box::new))
            }),
            Effect::LoadDetail(name) => self.newest(Slot::Detail, async move {
                let answer = detail(&client, &name).await.map(Box::new).map_err(Box::new);
                Reply::Detail(name, answer)
            }),
            Effect::LoadTab(name, tab) => self.newest(Slot::Tab(tab), async move {
                let answer = load_tab(&client, &name, tab).await.map_err(Box::new);
                Reply::Tab(name, tab, answer)
            }),
            Effect::LoadOperations => self.newest(Slot::Operations, async move {
                Reply::Operations(operations(&client).await.map_err(Box::new))
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
        let (client, out, path) = (self.client.get(), self.out.clone(), at_home(path));
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
    let (route, savepoints) = (routes::deployment(&name), page(routes::savepoints(&name)));
    let (deployment, savepoints) = tokio::try_join!(client.get(&route), client.get(&savepoints))?;
    let operation = match &deployment.operation {
        Some(o) => client.get(&routes::operation(&o.operation_id)).await.ok(),
        None => None,
    };
    Ok(Detail { deployment, savepoints: savepoints.items, operation })
}

/// So many rows as a tab knows to say that there may be more.
fn page<T>(route: Get<T>) -> Get<T> {
    route.with("limit", PAGE.to_string())
}

/// What is at work, however old, and the newest of the rest.
async fn operations(client: &Client) -> Result<Vec<Operation>, Problem> {
    let newest = page(routes::operations());
    let active = routes::operations().with("limit", ACTIVE.to_string()).with("active", "true");
    let (newest, active) = tokio::try_join!(client.get(&newest), client.get(&active))?;
    Ok(newest.items.into_iter().chain(active.items).collect())
}

async fn load_tab(client: &Client, deployment: &str, tab: Tab) -> Result<TabData, Problem> {
    let name = name(deployment)?;
    Ok(match tab {
        Tab::Jobs => TabData::Jobs(client.get(&page(routes::jobs(&name))).await?.items),
        Tab::Config => TabData::Config(client.get(&page(routes::revisions(&name))).await?.items),
        _ => {
            // The newest of everything, and as many of what is not there for finding faults: a job's checkpoints alone
            // would fill the tab.
            let filter = |severity| routes::EventFilter {
                deployment: Some(name.clone()),
                severity,
                limit: u32::try_from(EVENTS_PAGE).ok(),
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
