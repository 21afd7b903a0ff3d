//! One HTTP/1.1 exchange over a unix socket.

use std::path::Path;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Full, combinators::UnsyncBoxBody};
use hyper::{Request, Response, body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;

/// A request's body.
pub(super) type Body = UnsyncBoxBody<Bytes, std::io::Error>;

/// No head of an answer came.
#[derive(Debug)]
pub(super) struct SendError {
    /// Nobody listens: nothing was sent.
    pub refused: bool,
    /// In words.
    pub message: String,
}

pub(super) fn empty() -> Body {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

pub(super) fn full(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
}

/// Connects, sends, waits for the head. The body may be read for as long as it comes.
pub(super) async fn exchange(socket: &Path, request: Request<Body>) -> Result<Response<Incoming>, SendError> {
    let refused = |e: std::io::Error| SendError { refused: true, message: e.to_string() };
    let lost = |e: hyper::Error| SendError { refused: false, message: e.to_string() };
    let stream = UnixStream::connect(socket).await.map_err(refused)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(lost)?;
    // Drives the connection until the answer's body is read or dropped.
    tokio::spawn(async move { connection.await.ok() });
    sender.send_request(request).await.map_err(lost)
}
