//! How a call travels: addresses, tries, circuit, time limits, credentials, caps. What a call means is the client's affair.
//!
//! ```text
//!  call ─► each address, the last good one first ─► circuit ─► connect ─► send ─► head ─► body (≤ 16 MiB)
//!              ▲ next: nothing was sent               │          │        │       │
//!              └──────────────────────────────────────┴──────────┘        └───────┴─ an act stops here: it may have
//!                                                                                    happened
//! ```

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use reqwest::{Method, RequestBuilder, Response, Url, header};
use serde_json::Value;

use crate::{
    domain::time::Clock,
    manager::ports::cluster::{ClusterError, ClusterResult, Effect, ErrorKind},
};

use super::{
    auth::Credentials, circuit::Circuit, factory::Pool, failure, json, limits::Limits, tls::Identity,
    upload::JarFile,
};

/// Tries of a patient read.
const TRIES: u32 = 4;

/// What a call is for, which decides how often and how stubbornly it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Part of a running operation: once, whatever the circuit says; the caller asks again anyway.
    Poll,
    /// The watcher's own rhythm: once, unless the circuit is open.
    Watch,
    /// An occasional read: up to four times with growing pauses, unless the circuit is open.
    Read,
    /// Changes something: once, on a connection of its own, whatever the circuit says.
    Act,
}

/// What a call carries.
pub(super) enum Body<'a> {
    None,
    Json(Value),
    /// Read from disk while it is sent.
    Jar(&'a JarFile<'a>),
}

/// One call.
pub(super) struct Call<'a> {
    pub method: Method,
    pub kind: Kind,
    /// Parts of the path below the base; each is escaped.
    pub path: &'a [&'a str],
    pub query: Vec<(&'a str, String)>,
    pub body: Body<'a>,
    /// The whole exchange; `None` = as long as reads and acts usually may take.
    pub limit: Option<Duration>,
}

impl<'a> Call<'a> {
    pub(super) fn get(kind: Kind, path: &'a [&'a str]) -> Self {
        Self { method: Method::GET, kind, path, query: vec![], body: Body::None, limit: None }
    }
    pub(super) fn act(method: Method, path: &'a [&'a str], body: Body<'a>) -> Self {
        Self { method, kind: Kind::Act, path, query: vec![], body, limit: None }
    }
    pub(super) fn query(mut self, key: &'a str, value: impl Into<String>) -> Self {
        self.query.push((key, value.into()));
        self
    }
    pub(super) fn limit(mut self, limit: Duration) -> Self {
        self.limit = Some(limit);
        self
    }
}

struct Address {
    base: Url,
    /// As people wrote it, without a trailing slash.
    shown: String,
    circuit: Mutex<Circuit>,
}

/// The way to one cluster.
pub(super) struct Http {
    addresses: Vec<Address>,
    /// The address that answered last; asynchronous keys may be known only there.
    current: AtomicUsize,
    credentials: Credentials,
    identity: Identity,
    pool: Arc<Pool>,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http")
            .field("addresses", &self.addresses.iter().map(|a| &a.shown).collect::<Vec<_>>())
            .field("auth", &self.credentials.kind())
            .finish_non_exhaustive()
    }
}

impl Http {
    pub(super) fn new(
        urls: Vec<Url>,
        credentials: Credentials,
        identity: Identity,
        pool: Arc<Pool>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let addresses = urls
            .into_iter()
            .map(|base| Address {
                shown: base.as_str().trim_end_matches('/').to_owned(),
                base,
                circuit: Mutex::default(),
            })
            .collect();
        Self { addresses, current: AtomicUsize::new(0), credentials, identity, pool, clock }
    }

    fn limit(&self, call: &Call<'_>) -> Duration {
        call.limit.unwrap_or(self.pool.limits().total)
    }

    pub(super) fn limits(&self) -> &Limits {
        self.pool.limits()
    }

    pub(super) fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// Sends the call as its kind says; the body of a 2xx answer.
    pub(super) async fn send(&self, call: &Call<'_>) -> ClusterResult<Vec<u8>> {
        let tries = if call.kind == Kind::Read { TRIES } else { 1 };
        let mut tried = 0;
        loop {
            let result = self.round(call).await;
            tried += 1;
            match result {
                Err(e) if tried < tries && worth_a_retry(&e) => {
                    self.clock.sleep(pause(tried, self.clock.boottime())).await;
                }
                done => return done,
            }
        }
    }

    /// Tries each address, as long as nothing was sent (an act) or nobody answered (a read).
    async fn round(&self, call: &Call<'_>) -> ClusterResult<Vec<u8>> {
        let mut last = None;
        for at in self.order() {
            let Some(address) = self.addresses.get(at) else { continue };
            if let Some(open) = self.open_circuit(call.kind, address) {
                last.get_or_insert(open);
                continue;
            }
            let mut result = self.exchange(call, address).await;
            // Keys and certificates are rotated on disk: read them again before giving up.
            if matches!(&result, Err(e) if e.kind == ErrorKind::Tls) && self.pool.reload(&self.identity) {
                result = self.exchange(call, address).await;
            }
            match result {
                Err(e) if not_sent(&e) || (call.kind != Kind::Act && e.is_unreachable()) => last = Some(e),
                done => return self.settle(at, done),
            }
        }
        Err(last.unwrap_or_else(failure::no_address))
    }

    /// Remembers which address answered.
    fn settle(&self, at: usize, result: ClusterResult<Vec<u8>>) -> ClusterResult<Vec<u8>> {
        if result.as_ref().err().is_none_or(|e| !e.is_unreachable()) {
            self.current.store(at, Ordering::Relaxed);
        }
        result
    }

    fn order(&self) -> impl Iterator<Item = usize> + use<> {
        let (n, first) = (self.addresses.len(), self.current.load(Ordering::Relaxed));
        (0..n).map(move |i| (first + i) % n)
    }

    /// Why nothing may be sent there now.
    fn open_circuit(&self, kind: Kind, address: &Address) -> Option<ClusterError> {
        if matches!(kind, Kind::Poll | Kind::Act) {
            return None;
        }
        let mut circuit = address.circuit.lock();
        (!circuit.admits(self.clock.boottime())).then(|| failure::circuit_open(circuit.why()))
    }

    async fn request(&self, call: &Call<'_>, address: &Address) -> ClusterResult<RequestBuilder> {
        let links = self.pool.links(&self.identity)?;
        let client = if call.kind == Kind::Act { &links.acts } else { &links.reads };
        let mut builder = client
            .request(call.method.clone(), url(&address.base, call))
            .timeout(self.limit(call))
            .header(header::ACCEPT, "application/json");
        if let Some(value) = self.credentials.header()? {
            builder = builder.header(header::AUTHORIZATION, value);
        }
        Ok(match &call.body {
            Body::None => builder,
            Body::Json(body) => builder.json(body),
            Body::Jar(jar) => builder.multipart(jar.form().await?),
        })
    }

    /// One exchange with one address; feeds its circuit.
    async fn exchange(&self, call: &Call<'_>, address: &Address) -> ClusterResult<Vec<u8>> {
        let builder = self.request(call, address).await?;
        let act = call.kind == Kind::Act;
        let result = match builder.send().await {
            Ok(response) => self.answer(call, address, response).await,
            Err(e) => Err(failure::transport(&e, &address.shown, act, self.pool.limits(), self.limit(call))),
        };
        let mut circuit = address.circuit.lock();
        match &result {
            Err(e) if counts(&e.kind) => circuit.failed(self.clock.boottime(), &e.message),
            _ => circuit.answered(),
        }
        result
    }

    async fn answer(&self, call: &Call<'_>, address: &Address, response: Response) -> ClusterResult<Vec<u8>> {
        let status = response.status();
        let act = call.kind == Kind::Act;
        if status.is_redirection() {
            return Err(failure::redirected(&response, &address.base, &address.shown));
        }
        let body = match body(response).await {
            Ok(Some(body)) => body,
            // What a refusal says cannot matter as much as that it is one.
            Ok(None) | Err(_) if matches!(status.as_u16(), 401 | 403) => vec![],
            Ok(None) => return Err(failure::too_large(&address.shown, act)),
            Err(e) => {
                return Err(failure::transport(
                    &e,
                    &address.shown,
                    act,
                    self.pool.limits(),
                    self.limit(call),
                ));
            }
        };
        if status.is_success() {
            Ok(body)
        } else {
            Err(failure::refusal(status, &body, &address.shown, &self.credentials, act))
        }
    }
}

/// Nothing left this machine, or nobody took it: another address may be asked the same.
fn not_sent(e: &ClusterError) -> bool {
    e.effect == Effect::None && matches!(e.kind, ErrorKind::Connect | ErrorKind::Tls)
}

fn worth_a_retry(e: &ClusterError) -> bool {
    matches!(
        e.kind,
        ErrorKind::Connect
            | ErrorKind::Timeout
            | ErrorKind::Closed
            | ErrorKind::Election
            | ErrorKind::Gateway(500..)
    )
}

/// What opens a circuit.
const fn counts(kind: &ErrorKind) -> bool {
    matches!(kind, ErrorKind::Connect | ErrorKind::Timeout | ErrorKind::Gateway(502..=504))
}

/// Full jitter between 0.2 s and an upper end that doubles from 0.4 s to 5 s; `seed` is time since boot.
fn pause(tried: u32, seed: Duration) -> Duration {
    let top = (200u64 << tried.min(6)).min(5_000);
    // One round of SplitMix64: the clock's low bits alone would move in step on several machines.
    let mut z = seed.subsec_nanos().into();
    z = u64::wrapping_add(z, 0x9E37_79B9_7F4A_7C15).wrapping_add(seed.as_secs());
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    Duration::from_millis(200 + (z ^ (z >> 31)) % (top - 199))
}

fn url(base: &Url, call: &Call<'_>) -> Url {
    let mut url = base.clone();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(call.path);
    }
    if !call.query.is_empty() {
        url.query_pairs_mut().extend_pairs(&call.query);
    }
    url
}

/// Reads the body up to the cap; `None` when it is larger.
async fn body(mut response: Response) -> Result<Option<Vec<u8>>, reqwest::Error> {
    let announced = response.content_length().unwrap_or(0);
    if announced > json::CAP as u64 {
        return Ok(None);
    }
    let mut body = Vec::with_capacity(usize::try_from(announced).unwrap_or(0));
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > json::CAP {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_stay_in_bounds() {
        for tried in 1..6 {
            for ns in 0..500 {
                let p = pause(tried, Duration::new(7, ns * 1_999_993)).as_millis();
                assert!((200..=5_000).contains(&p) && p <= (200 << tried), "{tried} {p}");
            }
        }
    }

    #[test]
    fn paths_are_escaped_below_the_base() {
        let call = Call::get(Kind::Read, &["jars", "a b/../c.jar", "run"]).query("get", "a.b,c&d=1");
        for (base, url_) in [
            ("http://h:1", "http://h:1/jars/a%20b%2F..%2Fc.jar/run?get=a.b%2Cc%26d%3D1"),
            ("http://h:1/x/", "http://h:1/x/jars/a%20b%2F..%2Fc.jar/run?get=a.b%2Cc%26d%3D1"),
            ("http://h:1/x", "http://h:1/x/jars/a%20b%2F..%2Fc.jar/run?get=a.b%2Cc%26d%3D1"),
        ] {
            assert_eq!(url(&Url::parse(base).unwrap(), &call).as_str(), url_);
        }
    }
}
