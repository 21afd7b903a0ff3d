//! The typed client of the manager's API: the only way in for every face.
//!
//! ```text
//!   connect ── socket answers? ──yes──────────────→ Client ── get / act / upload / watch
//!      │ no                                           ▲
//!      └─ spawn: nutkin serve --detached ── "ready" ──┘   (losers of the lock leave, their clients use the winner)
//! ```
//!
//! One connection per request: a unix socket costs microseconds, and no pooled connection can die under a request. An
//! act carries one idempotency key for its whole life, so it is sent again when its answer was lost, never guessed.

pub mod connect;
mod http;
pub mod lock;
pub mod program;
mod request;
pub mod routes;
pub mod spawn;
mod sse;
pub mod upload;

use std::{path::PathBuf, time::Duration};

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::{Method, Request, StatusCode, body::Incoming, header};
use serde::de::DeserializeOwned;
use serde_json::Value;

pub use request::{Act, Get};
pub use sse::{Events, Watch, WatchEvent};

use crate::{
    contract::{
        API_LEVEL, API_PREFIX, Health, IDEMPOTENCY_KEY, VIA_HEADER,
        plan::Submitted,
        problem::{Code, Problem},
        watch::Interest,
    },
    domain::event::Via,
};
use http::{Body, SendError};

/// Result of a request.
pub type ClientResult<T> = Result<T, Problem>;

/// How long a request may wait for the head of its answer.
const HEAD: Duration = Duration::from_secs(60);
/// A restarting manager is back within this; requests that are safe to repeat wait for it.
const PATIENCE: Duration = Duration::from_secs(10);
/// Largest answer that is read, in bytes.
const MAX_ANSWER: usize = 64 << 20;

/// A connection to one manager. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    socket: PathBuf,
    via: Via,
    /// The API level of the manager, once known.
    level: Option<Levels>,
}

/// API levels of a manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Levels {
    /// The level that it speaks.
    pub api: u32,
    /// The oldest client that it understands.
    pub min_client: u32,
}

impl Levels {
    /// Why a client of this build may not act on a manager of these levels; reading always works.
    #[must_use]
    pub fn objection(self) -> Option<Problem> {
        if self.min_client > API_LEVEL {
            let detail = format!(
                "this nutkin speaks API level {API_LEVEL}, the manager asks for {} or newer; nothing was sent",
                self.min_client
            );
            return Some(
                Problem::new(Code::NotSupported, detail).hint("install the manager's version of nutkin"),
            );
        }
        if self.api < API_LEVEL {
            let detail = format!(
                "the running manager speaks API level {}, this nutkin {API_LEVEL}; nothing was sent",
                self.api
            );
            return Some(Problem::new(Code::NotSupported, detail).hint("run `nutkin manager restart`"));
        }
        None
    }
}

impl Client {
    /// A client of the manager behind a socket; nothing is sent yet.
    #[must_use]
    pub fn new(socket: impl Into<PathBuf>, via: Via) -> Self {
        Self { socket: socket.into(), via, level: None }
    }

    /// With the manager's levels: acts are refused where they do not fit.
    #[must_use]
    pub fn with_levels(mut self, levels: Levels) -> Self {
        self.level = Some(levels);
        self
    }

    /// The unix socket that requests go to.
    #[must_use]
    pub fn socket(&self) -> &std::path::Path {
        &self.socket
    }

    /// Reads a route into its model; a problem where the answer has another form.
    pub async fn get<T: DeserializeOwned>(&self, route: &Get<T>) -> ClientResult<T> {
        parse(self.get_value(route).await?)
    }

    /// Reads, exactly as the API answers.
    pub async fn get_value<T>(&self, route: &Get<T>) -> ClientResult<Value> {
        self.call(Method::GET, route.path(), None, None::<&Act<T>>).await
    }

    /// The manager's levels and build, if it answers at once: a manager that is asked how it is must not keep one waiting.
    pub async fn health(&self) -> ClientResult<Health> {
        let route = routes::health();
        let answer = tokio::time::timeout(Duration::from_secs(2), self.get(&route));
        answer.await.unwrap_or_else(|_| {
            let detail = format!("the manager at {} does not answer", self.socket.display());
            Err(Problem::new(Code::ManagerUnreachable, detail)
                .hint("`nutkin manager log` shows what it is doing"))
        })
    }

    /// Acts; sends again under the same key when the answer was lost.
    pub async fn act<T: DeserializeOwned>(&self, act: &Act<T>) -> ClientResult<T> {
        parse(self.act_value(act).await?)
    }

    /// Acts, exactly as the API answers.
    pub async fn act_value<T>(&self, act: &Act<T>) -> ClientResult<Value> {
        if let Some(problem) = self.level.and_then(Levels::objection) {
            return Err(problem);
        }
        self.call(act.method().clone(), &act.target(), act.body(), Some(act)).await
    }

    /// Asks what an act would do; nothing is changed.
    pub async fn plan(&self, act: &Act<Submitted>) -> ClientResult<crate::contract::plan::Plan> {
        match self.act(&act.clone().dry_run(true)).await? {
            Submitted::Plan(plan) => Ok(*plan),
            Submitted::Operation(o) => Err(Problem::new(
                Code::Internal,
                "the manager started an operation where a plan was asked for",
            )
            .operation(o.operation_id)),
        }
    }

    /// Subscribes to changes. `last` continues after a position that was seen. Reconnecting is the caller's decision.
    pub async fn watch(&self, interest: &Interest, last: Option<&str>) -> ClientResult<Watch> {
        let path = routes::watch(interest);
        Ok(Watch::new(self.open(&path, last).await?))
    }

    /// Changes what a watch polls details for.
    pub async fn set_interest(&self, watch_id: &str, interest: &Interest) -> ClientResult<()> {
        let body = serde_json::to_value(interest).map_err(internal)?;
        let path = routes::interest(watch_id);
        self.call(Method::PUT, &path, Some(&body), None::<&Act<Value>>).await.map(drop)
    }

    /// Follows the event log: what the filter matches and all that comes.
    pub async fn follow_events(&self, filter: &routes::EventFilter) -> ClientResult<Events> {
        Ok(Events::new(self.open(&routes::events_follow(filter), None).await?))
    }

    async fn open(&self, path: &str, last: Option<&str>) -> ClientResult<Incoming> {
        let mut request = self.request(Method::GET, path).header(header::ACCEPT, "text/event-stream");
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let request = request.body(http::empty()).map_err(internal)?;
        let response = self.send(request).await.map_err(|e| self.unreachable(&e, None))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response.into_body());
        }
        let body = read(response.into_body()).await.map_err(|e| self.unreachable(&e, None))?;
        Err(problem_of(status, &body))
    }

    async fn call<T>(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        act: Option<&Act<T>>,
    ) -> ClientResult<Value> {
        let body = match body {
            Some(body) => Some(Bytes::from(serde_json::to_vec(body).map_err(internal)?)),
            None => None,
        };
        let attempt = || async {
            let mut request = self.request(method.clone(), path);
            if let Some(act) = act {
                request = act.headers().fold(request, |r, (name, value)| r.header(name, value));
            }
            let body = match &body {
                Some(bytes) => {
                    request = request.header(header::CONTENT_TYPE, "application/json");
                    http::full(bytes.clone())
                }
                None => http::empty(),
            };
            self.answer(request.body(body).map_err(internal)?).await
        };
        // A read changes nothing, and an act's key makes the second sending harmless.
        match tokio::time::timeout(PATIENCE, repeat(attempt)).await {
            Ok(answer) => answer,
            Err(_) => attempt().await.map_err(|e| e.into_problem(self, act.map(Act::key))),
        }
    }

    async fn answer(&self, request: Request<Body>) -> Result<Value, Failure> {
        let response = self.send(request).await.map_err(Failure::Lost)?;
        let status = response.status();
        let bytes = read(response.into_body()).await.map_err(Failure::Lost)?;
        if !status.is_success() {
            return Err(problem_of(status, &bytes).into());
        }
        if bytes.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&bytes).map_err(|e| internal(e).into())
    }

    fn request(&self, method: Method, path: &str) -> hyper::http::request::Builder {
        let uri = if path == "/healthz" { path.to_owned() } else { format!("{API_PREFIX}{path}") };
        Request::builder()
            .method(method)
            .uri(uri)
            .header(header::HOST, "nutkin")
            .header(header::ACCEPT, "application/json")
            .header(VIA_HEADER, self.via.as_str())
    }

    async fn send(&self, request: Request<Body>) -> Result<hyper::Response<Incoming>, SendError> {
        let exchange = http::exchange(&self.socket, request);
        tokio::time::timeout(HEAD, exchange).await.unwrap_or_else(|_| {
            Err(SendError { refused: false, message: format!("no answer within {} s", HEAD.as_secs()) })
        })
    }

    /// No answer came to a request, or to the act with this key.
    fn unreachable(&self, e: &SendError, key: Option<&str>) -> Problem {
        let detail = format!("the manager does not answer at {}: {}", self.socket.display(), e.message);
        let hint = match key {
            _ if e.refused => "nothing was sent; `nutkin doctor` tells whether a manager runs".to_owned(),
            Some(key) => again(key),
            None => "ask again; nothing was to be changed".to_owned(),
        };
        Problem::new(Code::ManagerUnreachable, detail).hint(hint)
    }
}

/// How an act whose answer is lost is done once and no more.
fn again(key: &str) -> String {
    format!("whether it took effect is not known; the same again with --idempotency-key {key} does it once")
}

/// Why an attempt failed.
enum Failure {
    /// No head of an answer.
    Lost(SendError),
    /// An answer that is a problem.
    Answered(Problem),
}

impl Failure {
    fn into_problem(self, client: &Client, key: Option<&str>) -> Problem {
        match self {
            Self::Lost(e) => client.unreachable(&e, key),
            Self::Answered(p) => p,
        }
    }
}
impl From<Problem> for Failure {
    fn from(p: Problem) -> Self {
        Self::Answered(p)
    }
}

/// Tries until there is an answer; the caller bounds the time.
async fn repeat<F: Future<Output = Result<Value, Failure>>>(
    mut attempt: impl FnMut() -> F,
) -> ClientResult<Value> {
    let mut pause = Duration::from_millis(50);
    loop {
        match attempt().await {
            Ok(value) => return Ok(value),
            Err(Failure::Answered(problem)) => return Err(problem),
            Err(Failure::Lost(_)) => tokio::time::sleep(pause).await,
        }
        pause = (pause * 2).min(Duration::from_secs(1));
    }
}

/// The whole body; one that breaks off is an answer that was lost.
async fn read(body: Incoming) -> Result<Bytes, SendError> {
    let limited = http_body_util::Limited::new(body, MAX_ANSWER);
    let lost = |e| SendError { refused: false, message: format!("the answer broke off: {e}") };
    Ok(limited.collect().await.map_err(lost)?.to_bytes())
}

fn problem_of(status: StatusCode, body: &[u8]) -> Problem {
    serde_json::from_slice(body).unwrap_or_else(|_| {
        let text = String::from_utf8_lossy(body);
        let first: String = text.chars().take(200).collect();
        Problem::new(Code::Internal, format!("the manager answered {status}: {first}"))
    })
}

fn parse<T: DeserializeOwned>(value: Value) -> ClientResult<T> {
    serde_json::from_value(value).map_err(|e| {
        Problem::new(Code::Internal, format!("the manager's answer has an unknown form: {e}"))
            .hint("client and manager may be of different versions: `nutkin doctor` tells")
    })
}

fn internal(e: impl std::fmt::Display) -> Problem {
    Problem::new(Code::Internal, e.to_string())
}

/// The header that carries an act's key.
pub(crate) const KEY_HEADER: &str = IDEMPOTENCY_KEY;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_answer_tells_the_key_that_makes_the_act_once() {
        let client = Client::new("/s", Via::Cli);
        let lost = |refused| SendError { refused, message: "gone".to_owned() };
        for (refused, key, says) in [
            (false, Some("k-7"), "with --idempotency-key k-7 does it once"),
            (true, Some("k-7"), "nothing was sent"),
            (false, None, "nothing was to be changed"),
        ] {
            let hint = client.unreachable(&lost(refused), key).hint.unwrap();
            assert!(hint.contains(says), "{hint}");
        }
    }
}
