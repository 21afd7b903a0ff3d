//! Server-sent events as streams.

use std::{
    collections::VecDeque,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_util::Stream;
use hyper::body::{Body as _, Incoming};
use serde::de::DeserializeOwned;

use super::ClientResult;
use crate::contract::{
    model::Event,
    problem::{Code, Problem},
    watch::WatchMessage,
};

/// Largest single message, in bytes.
const MAX_MESSAGE: usize = 16 << 20;

/// A message with its position, to continue from after a broken connection.
#[derive(Debug, Clone, PartialEq)]
pub struct WatchEvent {
    /// `<epoch>.<n>`.
    pub at: Option<String>,
    /// What changed.
    pub message: WatchMessage,
}

/// The stream of changes. It ends with an error when the connection breaks.
pub type Watch = Messages<WatchMessage, WatchEvent>;
/// The event log, followed.
pub type Events = Messages<Event, Event>;

/// Typed messages of one connection.
#[derive(Debug)]
pub struct Messages<M, T> {
    body: Incoming,
    decoder: Decoder,
    ended: bool,
    kind: PhantomData<fn() -> (M, T)>,
}

impl<M, T> Messages<M, T> {
    pub(super) fn new(body: Incoming) -> Self {
        Self { body, decoder: Decoder::default(), ended: false, kind: PhantomData }
    }
}

/// What a raw message becomes.
pub trait FromMessage<M> {
    /// With its id.
    fn from_message(at: Option<String>, message: M) -> Self;
}
impl FromMessage<WatchMessage> for WatchEvent {
    fn from_message(at: Option<String>, message: WatchMessage) -> Self {
        Self { at, message }
    }
}
impl FromMessage<Event> for Event {
    fn from_message(_: Option<String>, message: Event) -> Self {
        message
    }
}

impl<M: DeserializeOwned, T: FromMessage<M>> Stream for Messages<M, T> {
    type Item = ClientResult<T>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            if let Some(raw) = this.decoder.next() {
                match serde_json::from_str::<M>(&raw.data) {
                    Ok(message) => return Poll::Ready(Some(Ok(T::from_message(raw.id, message)))),
                    // A newer manager may send kinds that this build does not know.
                    Err(_) => continue,
                }
            }
            if this.ended {
                return Poll::Ready(None);
            }
            match ready!(Pin::new(&mut this.body).poll_frame(cx)) {
                Some(Ok(frame)) => {
                    if let Some(bytes) = frame.data_ref() {
                        this.decoder.feed(bytes);
                    }
                    if this.decoder.buffered() > MAX_MESSAGE {
                        this.ended = true;
                        return Poll::Ready(Some(Err(broken("a message is too large"))));
                    }
                }
                Some(Err(e)) => {
                    this.ended = true;
                    return Poll::Ready(Some(Err(broken(&e.to_string()))));
                }
                None => {
                    this.ended = true;
                    return Poll::Ready(Some(Err(broken("the manager ended it"))));
                }
            }
        }
    }
}

fn broken(why: &str) -> Problem {
    Problem::new(Code::ManagerUnreachable, format!("the stream broke off: {why}"))
}

/// One message as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
struct RawMessage {
    id: Option<String>,
    data: String,
}

/// Bytes in, messages out, by the rules of the event stream format.
#[derive(Debug, Default)]
struct Decoder {
    line: Vec<u8>,
    after_cr: bool,
    id: Option<String>,
    data: Vec<String>,
    ready: VecDeque<RawMessage>,
}

impl Decoder {
    fn feed(&mut self, bytes: &[u8]) {
        for &b in bytes {
            match b {
                b'\n' if self.after_cr => self.after_cr = false,
                b'\n' | b'\r' => {
                    self.after_cr = b == b'\r';
                    let line = std::mem::take(&mut self.line);
                    self.take(&String::from_utf8_lossy(&line));
                }
                _ => {
                    self.after_cr = false;
                    self.line.push(b);
                }
            }
        }
    }

    fn take(&mut self, line: &str) {
        if line.is_empty() {
            if !self.data.is_empty() {
                let data = std::mem::take(&mut self.data).join("\n");
                self.ready.push_back(RawMessage { id: self.id.clone(), data });
            }
            return;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" => self.id = Some(value.to_owned()),
            "data" => self.data.push(value.to_owned()),
            _ => {}
        }
    }

    fn next(&mut self) -> Option<RawMessage> {
        self.ready.pop_front()
    }

    fn buffered(&self) -> usize {
        self.line.len() + self.data.iter().map(String::len).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_survive_any_cut() {
        let text =
            ": keep-alive\r\n\r\nid: 7.1\nevent: totals\ndata: {\"a\":\ndata: 1}\n\ndata:x\r\rdata: end";
        for cut in 0..text.len() {
            let mut d = Decoder::default();
            d.feed(&text.as_bytes()[..cut]);
            d.feed(&text.as_bytes()[cut..]);
            let id = Some("7.1".to_owned());
            assert_eq!(d.next(), Some(RawMessage { id: id.clone(), data: "{\"a\":\n1}".into() }), "{cut}");
            assert_eq!(d.next(), Some(RawMessage { id, data: "x".into() }));
            assert_eq!(d.next(), None);
        }
    }
}
