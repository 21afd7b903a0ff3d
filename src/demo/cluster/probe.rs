//! Asks a cluster on this machine whether it is up.

use std::time::Duration;

use http_body_util::{BodyExt, Empty, Limited};
use hyper::{Request, body::Bytes, client::conn::http1, header::HOST};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::net::TcpStream;

use crate::domain::time::Clock;

const PATIENCE: Duration = Duration::from_secs(2);
const LARGEST_ANSWER: usize = 1 << 20;

/// What `/overview` says, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(super) struct Overview {
    /// Registered `TaskManagers`.
    pub taskmanagers: u32,
}

/// `None` when nothing answers, or something else than Flink does.
pub(super) async fn overview(rest: u16, clock: &dyn Clock) -> Option<Overview> {
    tokio::select! {
        answer = get(rest, "/overview") => serde_json::from_slice(&answer?).ok(),
        () = clock.sleep(PATIENCE) => None,
    }
}

async fn get(rest: u16, path: &str) -> Option<Bytes> {
    let stream = TcpStream::connect(("127.0.0.1", rest)).await.ok()?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.ok()?;
    let request =
        Request::get(path).header(HOST, format!("127.0.0.1:{rest}")).body(Empty::<Bytes>::new()).ok()?;
    let exchange = async {
        let response = sender.send_request(request).await.ok()?;
        let ok = response.status().is_success();
        let body = Limited::new(response.into_body(), LARGEST_ANSWER).collect().await.ok()?.to_bytes();
        ok.then_some(body)
    };
    tokio::pin!(connection, exchange);
    // The connection has to be driven while the answer is awaited; it may end before the answer is taken.
    tokio::select! {
        biased;
        answer = &mut exchange => answer,
        _ = &mut connection => exchange.await,
    }
}
