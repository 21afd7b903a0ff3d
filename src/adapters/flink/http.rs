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
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use reqwest::{Method, RequestBuilder, Response, StatusCode, Url, header};
use serde_json::Value;

use crate::{
    domain::time::Clock,
    manager::ports::cluster::{ClusterError, ClusterResult, Effect, ErrorKind},
};

use super::{
    auth::Credentials,
    circuit::Circuit,
    errors::{flink, flink_errors, plain},
    factory::Pool,
    json,
    tls::{CONNECT, Identity},
    upload::JarFile,
};

/// A whole request, body included.
pub(super) const TOTAL: Duration = Duration::from_secs(30);
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
    /// The whole exchange.
    pub limit: Duration,
}

impl<'a> Call<'a> {
    pub(super) fn get(kind: Kind, path: &'a [&'a str]) -> Self {
        Self { method: Method::GET, kind, path, query: vec![], body: Body::None, limit: TOTAL }
    }
    pub(super) fn act(method: Method, path: &'a [&'a str], body: Body<'a>) -> Self {
        Self { method, kind: Kind::Act, path, query: vec![], body, limit: TOTAL }
    }
    pub(super) fn query(mut self, key: &'a str, value: impl Into<String>) -> Self {
        self.query.push((key, value.into()));
        self
    }
    pub(super) fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
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
            if !self.admits(call.kind, address) {
                last.get_or_insert_with(|| circuit_open(&address.shown));
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
        Err(last.unwrap_or_else(no_address))
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

    fn admits(&self, kind: Kind, address: &Address) -> bool {
        matches!(kind, Kind::Poll | Kind::Act)
            || address.circuit.lock().unwrap_or_else(PoisonError::into_inner).admits(self.clock.boottime())
    }

    async fn request(&self, call: &Call<'_>, address: &Address) -> ClusterResult<RequestBuilder> {
        let links = self.pool.links(&self.identity)?;
        let client = if call.kind == Kind::Act { &links.acts } else { &links.reads };
        let mut builder = client
            .request(call.method.clone(), url(&address.base, call))
            .timeout(call.limit)
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
            Err(e) => Err(transport(&e, &address.shown, act, call.limit)),
        };
        let mut circuit = address.circuit.lock().unwrap_or_else(PoisonError::into_inner);
        match &result {
            Err(e) if counts(&e.kind) => circuit.failed(self.clock.boottime()),
            _ => circuit.answered(),
        }
        result
    }

    async fn answer(&self, call: &Call<'_>, address: &Address, response: Response) -> ClusterResult<Vec<u8>> {
        let status = response.status();
        let act = call.kind == Kind::Act;
        if status.is_redirection() {
            return Err(redirected(&response, address));
        }
        let body = match body(response).await {
            Ok(Some(body)) => body,
            // What a refusal says cannot matter as much as that it is one.
            Ok(None) | Err(_) if matches!(status.as_u16(), 401 | 403) => vec![],
            Ok(None) => {
                return Err(plain(
                    ErrorKind::TooLarge,
                    effect(act),
                    format!("the answer of {} is larger than 16 MiB and was not read", address.shown),
                ));
            }
            Err(e) => return Err(transport(&e, &address.shown, act, call.limit)),
        };
        if status.is_success() { Ok(body) } else { Err(self.refusal(status, &body, address, act)) }
    }

    /// Any answer but 2xx and 3xx.
    fn refusal(&self, status: StatusCode, body: &[u8], address: &Address, act: bool) -> ClusterError {
        let code = status.as_u16();
        if matches!(code, 401 | 403) {
            return self.denied(code, address);
        }
        let Some(text) = flink_errors(body) else {
            return plain(
                ErrorKind::Gateway(code),
                effect(act),
                format!(
                    "{} answered {status}, and not in Flink's words: something between nutkin and Flink failed, or \
                     the address is not Flink's",
                    address.shown
                ),
            );
        };
        match code {
            503 => ClusterError {
                message: format!("{} has no leader at the moment; nothing was executed", address.shown),
                ..flink(ErrorKind::Election, Effect::None, &text)
            },
            400..=499 => flink(ErrorKind::Flink(code), Effect::None, &text),
            _ => flink(ErrorKind::Flink(code), effect(act), &text),
        }
    }

    fn denied(&self, code: u16, address: &Address) -> ClusterError {
        let what = match (&self.credentials, code) {
            (Credentials::None, _) => {
                "it wants to know who asks. Flink itself never does, so a proxy in front of it does: set auth.user and \
                 auth.passwordFile, or auth.tokenFile, in the target"
                    .to_owned()
            }
            (c, 401) => format!("it does not accept what {} holds", c.source()),
            (c, _) => format!("it knows who asks ({}) and does not allow this", c.source()),
        };
        plain(
            ErrorKind::Denied(code),
            Effect::None,
            format!("{} answered {code}: {what}. Nothing was done", address.shown),
        )
    }
}

/// Whether a request that failed may have had an effect.
const fn effect(act: bool) -> Effect {
    if act { Effect::Possible } else { Effect::None }
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

fn circuit_open(address: &str) -> ClusterError {
    plain(
        ErrorKind::CircuitOpen,
        Effect::None,
        format!(
            "{address} failed five times in a row; it is left alone for ten seconds, and nothing was sent"
        ),
    )
}

fn no_address() -> ClusterError {
    plain(ErrorKind::Config, Effect::None, "the target has no address")
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

/// A redirect, which nutkin does not follow; the query of its destination may hold secrets and is not shown.
fn redirected(response: &Response, address: &Address) -> ClusterError {
    let to = response
        .headers()
        .get(header::LOCATION)
        .and_then(|v| address.base.join(&String::from_utf8_lossy(v.as_bytes())).ok())
        .map(|mut url| {
            url.set_query(None);
            url.set_fragment(None);
            let _ = url.set_username("");
            let _ = url.set_password(None);
            url
        });
    let shown = to.as_ref().map_or("nowhere".to_owned(), ToString::to_string);
    let advice = match &to {
        Some(to) if same_place(&address.base, to) => {
            format!("the port speaks TLS; write {} in the target", with_https(&address.base))
        }
        Some(to) if to.host() == address.base.host() && to.port_or_known_default() == address.base.port_or_known_default() => {
            "a proxy in front of Flink asks for a login, or Flink lives under another path: set auth, or the base path \
             in the url"
                .to_owned()
        }
        _ => "a proxy in front of Flink asks for a login there, or Flink has moved: set auth, or correct the url"
            .to_owned(),
    };
    plain(
        ErrorKind::Redirect(shown.clone()),
        Effect::None,
        format!(
            "{} redirects to {shown}, and nutkin follows no redirect: {advice}. Nothing was done",
            address.shown
        ),
    )
}

fn same_place(from: &Url, to: &Url) -> bool {
    from.scheme() == "http" && to.scheme() == "https" && from.host() == to.host()
}

fn with_https(base: &Url) -> String {
    base.as_str().trim_end_matches('/').replacen("http://", "https://", 1)
}

/// What the network said. Without an answer, everything after the connection stood may have had an effect.
fn transport(e: &reqwest::Error, address: &str, act: bool, limit: Duration) -> ClusterError {
    if let Some(tls) = find::<rustls::Error>(e) {
        return tls_failure(tls, address);
    }
    let said = deepest(e);
    if e.is_connect() {
        let why = match find::<std::io::Error>(e).map(std::io::Error::kind) {
            _ if e.is_timeout() => format!("no connection within {} s", CONNECT.as_secs()),
            Some(std::io::ErrorKind::ConnectionRefused) => {
                "the connection was refused, nothing listens there".to_owned()
            }
            _ => said,
        };
        return plain(ErrorKind::Connect, Effect::None, format!("cannot reach {address}: {why}"));
    }
    if e.is_timeout() {
        let done = if act { "; it may have been executed all the same" } else { "" };
        let message = format!("{address} did not answer within {} s{done}", limit.as_secs());
        return plain(ErrorKind::Timeout, effect(act), message);
    }
    if e.is_builder() {
        return plain(
            ErrorKind::Config,
            Effect::None,
            format!("the request to {address} cannot be made: {said}"),
        );
    }
    let done = if act { "; the request may have been executed" } else { "" };
    let message = format!("the connection to {address} ended before the answer was complete: {said}{done}");
    plain(ErrorKind::Closed, effect(act), message)
}

fn tls_failure(e: &rustls::Error, address: &str) -> ClusterError {
    use rustls::{AlertDescription as A, CertificateError as C, Error as E};
    let why = match e {
        E::InvalidMessage(_) => {
            format!(
                "the port does not speak TLS; write {} in the target",
                address.replacen("https://", "http://", 1)
            )
        }
        E::InvalidCertificate(C::UnknownIssuer) => {
            "nobody we trust has signed its certificate; set tls.caFile to the CA that did".to_owned()
        }
        E::InvalidCertificate(C::NotValidForName | C::NotValidForNameContext { .. }) => {
            "its certificate is for another name; set tls.serverName to the name in it, if that is right"
                .to_owned()
        }
        E::InvalidCertificate(C::Expired | C::ExpiredContext { .. }) => {
            "its certificate has expired".to_owned()
        }
        E::InvalidCertificate(C::NotValidYet | C::NotValidYetContext { .. }) => {
            "its certificate is not valid yet; compare the clocks".to_owned()
        }
        E::AlertReceived(
            A::CertificateRequired
            | A::HandshakeFailure
            | A::BadCertificate
            | A::UnknownCA
            | A::CertificateUnknown,
        ) => {
            format!("it does not accept our client certificate ({e}); set tls.certFile and tls.keyFile")
        }
        other => other.to_string(),
    };
    plain(ErrorKind::Tls, Effect::None, format!("TLS with {address} failed: {why}. Nothing was sent"))
}

/// The first error of this type in the chain; looks inside I/O errors, whose `source` skips what they wrap.
fn find<T: std::error::Error + 'static>(e: &reqwest::Error) -> Option<&T> {
    let mut next: Option<&(dyn std::error::Error + 'static)> = std::error::Error::source(e);
    while let Some(e) = next {
        if let Some(found) = e.downcast_ref::<T>() {
            return Some(found);
        }
        let inner = e.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        next = match inner {
            Some(inner) => Some(inner),
            None => e.source(),
        };
    }
    None
}

/// The innermost words; the outer ones repeat the address.
fn deepest(e: &reqwest::Error) -> String {
    let mut words = "the request failed".to_owned();
    let mut next = std::error::Error::source(e);
    while let Some(e) = next {
        words = e.to_string();
        next = e.source();
    }
    words
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
