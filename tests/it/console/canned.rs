//! A manager that answers the console with the usual world, over a real socket, and remembers what it was asked.

use std::{
    convert::Infallible,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path as Part, Query, State},
    http::{HeaderMap, Method, StatusCode, Uri},
    response::{
        IntoResponse, Response,
        sse::{Event as Sse, Sse as Stream},
    },
    routing::{any, get, post},
};
use futures_util::StreamExt as _;
use nutkin::{
    contract::{
        List,
        plan::Submitted,
        problem::{Code, Problem},
        watch::WatchMessage,
    },
    domain::operation::{Kind, OpState},
};
use serde_json::{Value, json};
use tokio::sync::broadcast;

use super::world;

/// One request that changes something.
#[derive(Debug, Clone)]
pub struct Asked {
    pub path: String,
    pub key: Option<String>,
    pub body: Value,
}

#[derive(Clone)]
struct Shared {
    asked: Arc<Mutex<Vec<Asked>>>,
    push: broadcast::Sender<WatchMessage>,
}

/// The manager; it ends when it is dropped.
pub struct Canned {
    pub socket: PathBuf,
    shared: Shared,
    runtime: Option<tokio::runtime::Runtime>,
    _folder: tempfile::TempDir,
}

impl Canned {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("manager.sock");
        let shared = Shared { asked: Arc::default(), push: broadcast::channel(64).0 };
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let app = router(shared.clone());
        let listener = {
            let _guard = runtime.enter();
            tokio::net::UnixListener::bind(&socket).unwrap()
        };
        runtime.spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { socket, shared, runtime: Some(runtime), _folder: folder }
    }

    /// Tells whoever watches, once somebody does.
    pub fn push(&self, m: WatchMessage) {
        for _ in 0..4_000 {
            if self.shared.push.receiver_count() > 0 {
                self.shared.push.send(m).unwrap();
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        panic!("nobody watches");
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.shared.asked.lock().unwrap().clone()
    }

    /// The manager dies; its socket stays behind.
    pub fn die(&mut self) {
        if let Some(r) = self.runtime.take() {
            r.shutdown_background();
        }
    }
}

impl Drop for Canned {
    fn drop(&mut self) {
        self.die();
    }
}

fn router(shared: Shared) -> Router {
    let api = Router::new()
        .route("/snapshot", get(|| async { Json(world::snapshot()) }))
        .route("/watch", get(watch))
        .route("/watch/{id}/interest", any(|| async { StatusCode::NO_CONTENT }))
        .route("/deployments/{app}/{name}", get(|| async { Json(world::deployment()) }))
        .route("/deployments/{app}/{name}/savepoints", get(|| async { Json(List::all(world::savepoints())) }))
        .route("/deployments/{app}/{name}/jobs", get(|| async { Json(List::all(world::jobs())) }))
        .route("/deployments/{app}/{name}/revisions", get(|| async { Json(List::all(world::revisions())) }))
        .route("/deployments/{app}/{name}/{verb}", post(act))
        .route("/events", get(|| async { Json(List::all(world::events())) }))
        .route("/artifacts", get(|| async { Json(List::all(world::artifacts())) }))
        .route("/operations", get(|| async { Json(List::all(vec![world::operation(OpState::Running)])) }))
        .route("/operations/{id}", get(|| async { Json(world::operation(OpState::Running)) }))
        .with_state(shared);
    Router::new().nest("/api/v1", api).fallback(unknown)
}

async fn unknown(method: Method, uri: Uri) -> Response {
    (StatusCode::NOT_FOUND, Json(Problem::new(Code::NotFound, format!("{method} {uri}")))).into_response()
}

async fn watch(State(s): State<Shared>) -> Stream<impl futures_util::Stream<Item = Result<Sse, Infallible>>> {
    let hello = WatchMessage::Hello { watch_id: "w1".into(), at: "e1.42".into() };
    let pushed =
        tokio_stream::wrappers::BroadcastStream::new(s.push.subscribe()).filter_map(|m| async { m.ok() });
    let all = futures_util::stream::once(async { hello }).chain(pushed);
    Stream::new(all.map(|m| Ok(Sse::default().data(serde_json::to_string(&m).unwrap()))))
}

async fn act(
    State(s): State<Shared>,
    Part((_, _, verb)): Part<(String, String, String)>,
    Query(query): Query<std::collections::HashMap<String, String>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Json<Submitted> {
    let kind: Kind = verb.to_uppercase().parse().unwrap();
    if query.get("dryRun").is_some_and(|v| v == "true") {
        return Json(Submitted::Plan(Box::new(world::plan(kind))));
    }
    let key = headers.get("idempotency-key").map(|v| v.to_str().unwrap().to_owned());
    let body = serde_json::from_slice(&body).unwrap_or(json!(null));
    s.asked.lock().unwrap().push(Asked { path: uri.path().to_owned(), key, body });
    let mut op = world::operation(OpState::Running);
    op.kind = kind;
    Json(Submitted::Operation(Box::new(op)))
}
