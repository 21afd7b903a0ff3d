//! Requests as no well-behaved client would send them.

use std::path::Path;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, client::conn::http1};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::UnixStream;

/// What came back.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: hyper::HeaderMap,
    pub body: Value,
}

impl Reply {
    /// The problem's code; empty when it is none.
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }
}

/// A request that has the headers of a proper one, unless they are given otherwise.
pub async fn send(
    socket: &Path,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Reply {
    let stream = UnixStream::connect(socket).await.unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(async move { connection.await.ok() });
    let mut request = Request::builder().method(method).uri(path);
    let defaults = [("host", "nutkin"), ("content-type", "application/json")];
    for (name, value) in defaults.iter().filter(|(n, _)| !headers.iter().any(|(h, _)| h == n)).chain(headers)
    {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(body.into())).unwrap();
    let response = sender.send_request(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() };
    Reply { status: parts.status.as_u16(), headers: parts.headers, body }
}

/// A request with a key.
pub async fn act(socket: &Path, method: &str, path: &str, key: &str, body: &Value) -> Reply {
    send(socket, method, path, &[("idempotency-key", key)], body.to_string()).await
}

pub async fn get(socket: &Path, path: &str) -> Reply {
    send(socket, "GET", path, &[], "").await
}
