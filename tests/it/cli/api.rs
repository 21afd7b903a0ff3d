//! An API on a socket that answers as it is told, and remembers what it was asked.

use std::{
    collections::VecDeque,
    os::unix::net::UnixListener,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::{Bytes, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::program::{Ran, command, ran};

/// What the API was asked.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Asked {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }
}

/// One answer: a status and a body, or the end of the connection without one.
#[derive(Debug, Clone)]
pub(super) enum Reply {
    Json(u16, Value),
    Cut,
}

pub(super) type Script = Vec<(String, VecDeque<Reply>)>;

#[derive(Debug, Default)]
pub(super) struct Books {
    pub(super) script: Script,
    pub(super) asked: Vec<Asked>,
}

/// An API on a socket that answers as it is told: the last answer of a route stays.
pub(super) struct Api {
    pub(super) home: tempfile::TempDir,
    pub(super) books: Arc<Mutex<Books>>,
}

pub(super) async fn answer(State(books): State<Arc<Mutex<Books>>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let path = parts.uri.path_and_query().unwrap().to_string();
    let path = path.strip_prefix("/api/v1").unwrap_or(&path).to_owned();
    let asked = Asked { method: parts.method.to_string(), path, headers: parts.headers, body };
    let reply = {
        let mut books = books.lock().unwrap();
        let key = format!("{} {}", asked.method, asked.path);
        books.asked.push(asked);
        let script = books.script.iter_mut().find(|(route, _)| *route == key).map(|(_, replies)| {
            if replies.len() > 1 { replies.pop_front().unwrap() } else { replies[0].clone() }
        });
        script.unwrap_or_else(|| {
            Reply::Json(404, json!({"title": "not found", "status": 404, "code": "NOT_FOUND", "detail": format!("nothing is scripted for {key}"), "hint": null, "operation": null, "plan": null}))
        })
    };
    match reply {
        Reply::Json(status, body) => {
            (StatusCode::from_u16(status).unwrap(), axum::Json(body)).into_response()
        }
        // The connection's task dies before a head is written.
        Reply::Cut => panic!("cut"),
    }
}

impl Api {
    pub(super) fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(home.path().join("api.sock")).unwrap();
        listener.set_nonblocking(true).unwrap();
        let books = Arc::new(Mutex::new(Books::default()));
        let router = Router::new().fallback(answer).with_state(Arc::clone(&books));
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::UnixListener::from_std(listener).unwrap();
                axum::serve(listener, router).await.unwrap();
            });
        });
        Self { home, books }
    }

    pub(super) fn on(self, route: &str, status: u16, body: Value) -> Self {
        self.then(route, Reply::Json(status, body))
    }

    pub(super) fn then(self, route: &str, reply: Reply) -> Self {
        {
            let mut books = self.books.lock().unwrap();
            match books.script.iter_mut().find(|(r, _)| r == route) {
                Some((_, replies)) => replies.push_back(reply),
                None => books.script.push((route.to_owned(), VecDeque::from([reply]))),
            }
        }
        self
    }

    pub(super) fn asked(&self, route: &str) -> Vec<Asked> {
        let books = self.books.lock().unwrap();
        books.asked.iter().filter(|a| format!("{} {}", a.method, a.path) == route).cloned().collect()
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    pub(super) fn write(&self, name: &str, text: &str) -> String {
        std::fs::write(self.path(name), text).unwrap();
        self.path(name).display().to_string()
    }

    pub(super) fn run(&self, args: &[&str]) -> Ran {
        self.run_in(&[], args)
    }

    /// With these variables in the environment.
    pub(super) fn run_in(&self, environment: &[(&str, &str)], args: &[&str]) -> Ran {
        let server = format!("unix:{}", self.path("api.sock").display());
        let mut all = vec!["--server", server.as_str()];
        all.extend(args);
        ran(command(self.home.path(), &all).envs(environment.iter().copied()))
    }
}
