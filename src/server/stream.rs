//! Server-sent events: each stream ends when its client goes, and when the manager leaves.

use std::{convert::Infallible, time::Duration};

use axum::response::{
    IntoResponse, Response, Sse,
    sse::{Event, KeepAlive},
};
use futures_util::{Stream, StreamExt as _};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

/// A comment is sent after this long without a message, so that both ends notice a broken connection.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Where a client that comes back says how far it was.
pub const LAST_EVENT_ID: &str = "last-event-id";

/// A message: its position, its name, its body.
pub struct Message<T> {
    /// A client that comes back continues behind it.
    pub id: String,
    /// The event's name.
    pub name: &'static str,
    /// Sent as JSON.
    pub body: T,
}

/// The answer that carries a stream.
pub fn answer<T: Serialize + Send + 'static>(
    messages: impl Stream<Item = Message<T>> + Send + 'static,
    leaving: CancellationToken,
) -> Response {
    let events = messages.map(|m| event(&m)).take_until(leaving.cancelled_owned());
    let sse = Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE));
    let mut response = sse.into_response();
    // A proxy in between must not hold messages back.
    response.headers_mut().insert("x-accel-buffering", axum::http::HeaderValue::from_static("no"));
    response
}

fn event<T: Serialize>(m: &Message<T>) -> Result<Event, Infallible> {
    // A model of the contract always has a JSON form; were it otherwise, the client would see a comment.
    let event = Event::default().id(&m.id).event(m.name);
    Ok(event.json_data(&m.body).unwrap_or_else(|_| Event::default().comment("unreadable")))
}
