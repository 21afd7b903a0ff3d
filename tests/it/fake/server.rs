//! HTTP: one hyper connection per client, a task per request that goes on when the client goes away, faults around it.

use std::{fmt, io, net::TcpListener, sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{
    Request, Response,
    body::Incoming,
    header::{CONTENT_TYPE, HeaderName, USER_AGENT},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{sync::watch, task::JoinSet};

use super::{
    Shared,
    faults::{Phase, Verdict},
    world::World,
};

/// What the server does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Control {
    Up,
    Down,
    End,
}

/// A request as routes see it.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub method: String,
    pub path: String,
    pub query: String,
    pub content_type: String,
    pub by_nutkin: bool,
    pub body: Bytes,
}

impl Asked {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
    /// A parameter of the query, decoded.
    pub(super) fn param(&self, name: &str) -> Option<String> {
        let url = reqwest::Url::parse(&format!("http://x/?{}", self.query)).ok()?;
        url.query_pairs().find(|(k, _)| k == name).map(|(_, v)| v.into_owned())
    }
}

/// What is done before a late answer.
pub(super) type Then = Box<dyn FnOnce(&mut World) -> Reply + Send>;

/// What a route answers.
pub(super) struct Reply {
    pub status: u16,
    pub body: Value,
    /// Answer later, and do this first.
    pub later: Option<(Duration, Then)>,
    /// The JobManager dies instead.
    pub dies: bool,
}

impl Reply {
    pub(super) fn of(status: u16, body: Value) -> Self {
        Self { status, body, later: None, dies: false }
    }
}

/// The connection ends without an answer.
#[derive(Debug)]
struct Cut;

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cut")
    }
}
impl std::error::Error for Cut {}

pub(super) fn run(listener: TcpListener, shared: Arc<Shared>, control: watch::Receiver<Control>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(serve(listener, shared, control));
    // Slow programs and hanging requests do not keep the test waiting.
    runtime.shutdown_background();
}

async fn serve(listener: TcpListener, shared: Arc<Shared>, mut control: watch::Receiver<Control>) {
    let mut first = Some(listener);
    loop {
        let now = *control.borrow_and_update();
        match now {
            Control::End => return,
            Control::Down => first = None,
            Control::Up => {
                let listener = match first.take() {
                    Some(l) => l,
                    None => rebind(shared.port).await,
                };
                listener.set_nonblocking(true).unwrap();
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                accept(listener, &shared, &mut control).await;
                continue;
            }
        }
        let _ = control.changed().await;
    }
}

/// The port may be held for a moment by somebody's outgoing connection.
async fn rebind(port: u16) -> TcpListener {
    for _ in 0..500 {
        match TcpListener::bind(("127.0.0.1", port)) {
            Ok(l) => return l,
            Err(e) if e.kind() == io::ErrorKind::AddrInUse => {
                tokio::time::sleep(Duration::from_millis(20)).await
            }
            Err(e) => panic!("cannot listen on {port} again: {e}"),
        }
    }
    panic!("port {port} stays in use");
}

/// Serves until the control changes; then the listener and all connections are gone.
async fn accept(
    listener: tokio::net::TcpListener,
    shared: &Arc<Shared>,
    control: &mut watch::Receiver<Control>,
) {
    let mut connections = JoinSet::new();
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = control.changed() => return,
            () = tokio::time::sleep(Duration::from_millis(10)) => {
                // Time passes although nobody asks.
                drop(shared.world());
                while connections.try_join_next().is_some() {}
                continue;
            }
        };
        let Ok((stream, _)) = stream else { continue };
        let shared = shared.clone();
        connections.spawn(async move {
            let service = service_fn(move |request| answer(shared.clone(), request));
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(shared: Arc<Shared>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Cut> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Cut)?.to_bytes();
    let asked = Asked {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        content_type: header(&parts.headers, CONTENT_TYPE),
        by_nutkin: header(&parts.headers, USER_AGENT).starts_with("nutkin/"),
        body,
    };
    // The work goes on when the client hangs up, as on a real cluster.
    tokio::spawn(process(shared, asked)).await.map_err(|_| Cut)?
}

fn header(headers: &hyper::HeaderMap, name: HeaderName) -> String {
    headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned()
}

async fn process(shared: Arc<Shared>, asked: Asked) -> Result<Response<Full<Bytes>>, Cut> {
    shared.world().requests.push(format!("{} {}", asked.method, asked.path));
    if let Some(early) = faulty(&shared, &asked, Phase::Before).await? {
        return Ok(early);
    }
    let mut reply = shared.world().route(&asked);
    while let Some((delay, then)) = reply.later.take() {
        tokio::time::sleep(delay).await;
        let mut world = shared.world();
        world.by_nutkin = asked.by_nutkin;
        reply = then(&mut world);
    }
    if reply.dies {
        shared.world().forget_everything();
        return Err(Cut);
    }
    if let Some(other) = faulty(&shared, &asked, Phase::After).await? {
        return Ok(other);
    }
    Ok(response(reply.status, reply.body.to_string()))
}

/// What a fault makes of this moment: nothing, another answer, or a cut.
async fn faulty(shared: &Shared, asked: &Asked, phase: Phase) -> Result<Option<Response<Full<Bytes>>>, Cut> {
    for verdict in shared.faults.strike(&asked.method, &asked.path, phase) {
        match verdict {
            Verdict::Delay(d) => tokio::time::sleep(d).await,
            Verdict::Hang => std::future::pending::<()>().await,
            Verdict::Call(f) => f(),
            Verdict::Cut => return Err(Cut),
            Verdict::Answer(status, body) => return Ok(Some(response(status, body))),
        }
    }
    Ok(None)
}

fn response(status: u16, body: String) -> Response<Full<Bytes>> {
    Response::builder()
        .status(status)
        .header(CONTENT_TYPE, "application/json; charset=UTF-8")
        .body(Full::new(Bytes::from(body)))
        .unwrap()
}
