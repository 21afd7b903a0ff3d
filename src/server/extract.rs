//! What routes read from a request: who asks, the query, the body, the key of an act.

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Query, Request},
    http::{HeaderMap, header, request::Parts},
};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeOwned},
};
use sha2::{Digest, Sha256};

use super::{Guest, access::Role, error::Failure};
use crate::{
    contract::{
        IDEMPOTENCY_KEY, MAX_JSON, VIA_HEADER,
        problem::{Code, Problem},
    },
    domain::event::Via,
    manager::{Caller, Idempotency},
};

/// Who asks, through which face.
pub struct Who(pub Caller);

/// What the caller may do.
pub struct May(pub Role);

impl<S: Send + Sync> FromRequestParts<S> for May {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let guest = parts.extensions.get::<Guest>();
        guest
            .map(|g| Self(g.role))
            .ok_or_else(|| Failure::new(Code::Forbidden, "the caller could not be identified"))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Who {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let guest = parts.extensions.get::<Guest>();
        let actor = guest
            .ok_or_else(|| Failure::new(Code::Forbidden, "the caller could not be identified"))?
            .actor
            .clone();
        Ok(Self(Caller { actor, via: via(&parts.headers)? }))
    }
}

/// The face that a client names; scripts need not.
fn via(headers: &HeaderMap) -> Result<Via, Failure> {
    let Some(value) = headers.get(VIA_HEADER) else { return Ok(Via::Api) };
    match value.to_str().ok().and_then(|v| v.parse::<Via>().ok()) {
        Some(Via::Auto) | None => Err(bad(format!("the header {VIA_HEADER} is one of tui, cli, api"))),
        Some(via) => Ok(via),
    }
}

fn bad(what: impl Into<String>) -> Failure {
    Failure::new(Code::BadRequest, what)
}

/// The query, with unknown parameters refused by the type.
pub struct Q<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Q<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        Query::try_from_uri(&parts.uri)
            .map(|Query(q)| Self(q))
            .map_err(|e| bad(format!("the query cannot be read: {}", e.body_text())))
    }
}

/// Reads a switch of a query: its name alone turns it on.
pub fn switch<'de, D: Deserializer<'de>>(d: D) -> Result<bool, D::Error> {
    match String::deserialize(d)?.as_str() {
        "" | "true" => Ok(true),
        "false" => Ok(false),
        other => Err(de::Error::custom(format!("{other:?} is neither true nor false"))),
    }
}

/// Parts of the path.
pub struct P<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for P<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        match axum::extract::Path::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(p)) => Ok(Self(p)),
            Err(e) => Err(Failure(not_there(&e.body_text()))),
        }
    }
}

/// Nothing has a name of this form.
fn not_there(why: &str) -> Problem {
    Problem::new(Code::NotFound, format!("nothing is there: {why}"))
}

/// A JSON body.
pub struct Body<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        let (parts, body) = request.into_parts();
        let bytes = collect(&parts.headers, body).await?;
        Ok(Self(parse(&bytes)?))
    }
}

/// A request that changes something, with all that makes it safe to repeat.
pub struct Act<T> {
    /// The request.
    pub body: T,
    /// Who asks.
    pub caller: Caller,
    /// Only the plan is wanted.
    pub dry_run: bool,
    /// The client's key; a dry run has none.
    pub key: Option<Idempotency>,
    /// The version that the client has seen.
    pub if_match: Option<u32>,
}

/// The query of a request that changes something.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActQuery {
    /// Only the plan is wanted.
    #[serde(rename = "dryRun", default)]
    pub dry_run: bool,
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Act<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        let (mut parts, body) = request.into_parts();
        let Who(caller) = Who::from_request_parts(&mut parts, state).await?;
        let Q(ActQuery { dry_run }) = Q::from_request_parts(&mut parts, state).await?;
        let if_match = if_match(&parts.headers)?;
        let bytes = collect(&parts.headers, body).await?;
        let key = if dry_run { None } else { Some(key(&parts, &hex(&Sha256::digest(&bytes)))?) };
        Ok(Self { body: parse(&bytes)?, caller, dry_run, key, if_match })
    }
}

impl<T> Act<T> {
    /// Refuses `If-Match`, where nothing has a version: a lock that does not hold must not look like one.
    pub fn without_version(self) -> Result<Self, Failure> {
        if self.if_match.is_some() {
            return Err(bad("this has no version that If-Match could name; nothing was changed"));
        }
        Ok(self)
    }
}

/// Digits of a hash.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// The key of an act; its scope is the person, the method and path, and the key itself.
pub fn key(parts: &Parts, body_hash: &str) -> Result<Idempotency, Failure> {
    let route = format!("{} {}", parts.method, parts.uri.path());
    let missing =
        || {
            let detail = format!(
                "a request that changes something needs the header {IDEMPOTENCY_KEY}; nothing was changed"
            );
            Failure(Problem::new(Code::KeyMissing, detail).hint(
                "send a fresh random key with each act, and the same key again when the answer was lost",
            ))
        };
    let key = parts.headers.get(IDEMPOTENCY_KEY).ok_or_else(missing)?.to_str().unwrap_or_default();
    if !(1..=255).contains(&key.len()) {
        return Err(bad(format!("the header {IDEMPOTENCY_KEY} holds 1 to 255 visible characters")));
    }
    Ok(Idempotency { route, key: key.to_owned(), body_hash: body_hash.to_owned() })
}

fn if_match(headers: &HeaderMap) -> Result<Option<u32>, Failure> {
    let Some(value) = headers.get(header::IF_MATCH).and_then(|v| v.to_str().ok()) else { return Ok(None) };
    if value.trim() == "*" {
        return Ok(None);
    }
    let version = value.trim().trim_matches('"').parse();
    version.map(Some).map_err(|_| bad("If-Match holds the ETag of an earlier answer, for example \"7\""))
}

/// The ETag of a version.
pub fn etag(version: u32) -> (header::HeaderName, String) {
    (header::ETAG, format!("\"{version}\""))
}

async fn collect(headers: &HeaderMap, body: axum::body::Body) -> Result<Bytes, Failure> {
    let limited = Limited::new(body, MAX_JSON).collect().await;
    let bytes = match limited {
        Ok(collected) => collected.to_bytes(),
        Err(e) if e.is::<LengthLimitError>() => {
            let detail = format!("the body is over {} KiB; nothing was changed", MAX_JSON / 1024);
            return Err(Failure::new(Code::TooLarge, detail));
        }
        Err(e) => return Err(bad(format!("the body broke off: {e}; nothing was changed"))),
    };
    let is_json =
        |v: &str| v.split(';').next().is_some_and(|t| t.trim().eq_ignore_ascii_case("application/json"));
    let kind = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    if bytes.is_empty() || is_json(kind) {
        return Ok(bytes);
    }
    Err(bad(format!("the body is {kind:?}; send Content-Type: application/json")))
}

/// Reads a body; an absent one is `{}`.
fn parse<T: DeserializeOwned>(bytes: &Bytes) -> Result<T, Failure> {
    let bytes: &[u8] = if bytes.is_empty() { b"{}" } else { bytes };
    serde_json::from_slice(bytes)
        .map_err(|e| bad(format!("the body cannot be read: {e}; nothing was changed")))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn act(
        build: impl Fn(axum::http::request::Builder) -> axum::http::request::Builder,
        body: &str,
    ) -> Result<Act<serde_json::Value>, Code> {
        let guest = Guest { actor: "ann".into(), role: super::super::access::Role::Operator };
        let builder = Request::builder().method("POST").uri("/api/v1/x").extension(guest);
        let request = build(builder).body(axum::body::Body::from(body.to_owned())).unwrap();
        Act::from_request(request, &()).await.map_err(|f| f.0.code)
    }

    #[tokio::test]
    async fn acts_need_a_key_json_and_a_bounded_body() {
        let json =
            |b: axum::http::request::Builder| b.header("content-type", "application/json; charset=utf-8");
        let keyed = |b: axum::http::request::Builder| json(b).header(IDEMPOTENCY_KEY, "k");
        let a = act(|b| keyed(b).header("if-match", "\"7\"").header(VIA_HEADER, "cli"), r#"{"a":1}"#)
            .await
            .ok()
            .unwrap();
        assert_eq!(
            (a.dry_run, a.if_match, a.caller.actor.as_str(), a.caller.via),
            (false, Some(7), "ann", Via::Cli)
        );
        let key = a.key.unwrap();
        assert_eq!((key.route.as_str(), key.key.as_str(), key.body_hash.len()), ("POST /api/v1/x", "k", 64));

        assert!(act(|b| b.header(IDEMPOTENCY_KEY, "k"), "").await.is_ok(), "no body is an empty request");
        assert!(
            act(|b| json(b).uri("/x?dryRun=true"), "{}").await.is_ok_and(|a| a.dry_run && a.key.is_none())
        );
        let huge = format!("[{}]", "1,".repeat(MAX_JSON));
        type Build = fn(axum::http::request::Builder) -> axum::http::request::Builder;
        let refused: [(Build, &str, Code); 8] = [
            (|b| b, "", Code::KeyMissing),
            (|b| b.header(IDEMPOTENCY_KEY, ""), "", Code::BadRequest),
            (|b| b.header(IDEMPOTENCY_KEY, "k"), "{}", Code::BadRequest),
            (|b| b.header(IDEMPOTENCY_KEY, "k").header("content-type", "text/plain"), "{}", Code::BadRequest),
            (|b| b.header(IDEMPOTENCY_KEY, "k").header("if-match", "x"), "", Code::BadRequest),
            (|b| b.header(IDEMPOTENCY_KEY, "k").header(VIA_HEADER, "auto"), "", Code::BadRequest),
            (|b| b.header(IDEMPOTENCY_KEY, "k").uri("/x?dryrun=true"), "", Code::BadRequest),
            (
                |b| b.header(IDEMPOTENCY_KEY, "k").header("content-type", "application/json"),
                &huge,
                Code::TooLarge,
            ),
        ];
        for (n, (build, body, code)) in refused.into_iter().enumerate() {
            assert_eq!(act(build, body).await.err(), Some(code), "case {n}");
        }
    }
}
