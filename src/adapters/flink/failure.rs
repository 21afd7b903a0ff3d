//! Failures of an exchange, in words: what the network, TLS, a proxy or Flink said, whether it may have had an effect, and
//! what to do about it.

use std::time::Duration;

use reqwest::{Response, StatusCode, Url, header};

use crate::manager::ports::cluster::{ClusterError, Effect, ErrorKind};

use super::{
    auth::Credentials,
    errors::{flink, flink_errors, plain},
    limits::Limits,
};

/// Whether a request that failed may have had an effect.
pub(super) const fn effect(act: bool) -> Effect {
    if act { Effect::Possible } else { Effect::None }
}

/// `why` is the last failure, which names the address.
pub(super) fn circuit_open(why: &str) -> ClusterError {
    let message = format!("{why}; after five such failures in a row it is left alone for ten seconds");
    plain(ErrorKind::CircuitOpen, Effect::None, message)
}

pub(super) fn no_address() -> ClusterError {
    plain(ErrorKind::Config, Effect::None, "the target has no address")
}

/// The answer is over the cap.
pub(super) fn too_large(address: &str, act: bool) -> ClusterError {
    let message = format!("the answer of {address} is larger than 16 MiB and was not read");
    plain(ErrorKind::TooLarge, effect(act), message)
}

/// Any answer but 2xx and 3xx.
pub(super) fn refusal(
    status: StatusCode,
    body: &[u8],
    address: &str,
    credentials: &Credentials,
    act: bool,
) -> ClusterError {
    let code = status.as_u16();
    if matches!(code, 401 | 403) {
        return denied(code, address, credentials);
    }
    let Some(text) = flink_errors(body) else {
        let message = format!(
            "{address} answered {status}, and not in Flink's words: something between nutkin and Flink failed, or the \
             address is not Flink's"
        );
        return plain(ErrorKind::Gateway(code), effect(act), message);
    };
    match code {
        503 => ClusterError {
            message: format!("{address} has no leader at the moment; nothing was executed"),
            ..flink(ErrorKind::Election, Effect::None, &text)
        },
        400..=499 => flink(ErrorKind::Flink(code), Effect::None, &text),
        _ => flink(ErrorKind::Flink(code), effect(act), &text),
    }
}

fn denied(code: u16, address: &str, credentials: &Credentials) -> ClusterError {
    let what = match (credentials, code) {
        (Credentials::None, _) => {
            "it requires authentication. Flink itself never does, so a proxy in front of it does: set auth.user and \
             auth.passwordFile, or auth.tokenFile, in the target"
                .to_owned()
        }
        (c, 401) => format!("it does not accept what {} holds", c.source()),
        (c, _) => format!("it knows who asks ({}) and does not allow this", c.source()),
    };
    let message = format!("{address} answered {code}: {what}. Nothing was done");
    plain(ErrorKind::Denied(code), Effect::None, message)
}

/// A redirect, which nutkin does not follow; the query of its destination may hold secrets and is not shown.
pub(super) fn redirected(response: &Response, base: &Url, address: &str) -> ClusterError {
    let to = response
        .headers()
        .get(header::LOCATION)
        .and_then(|v| base.join(&String::from_utf8_lossy(v.as_bytes())).ok())
        .map(|mut url| {
            url.set_query(None);
            url.set_fragment(None);
            let _ = url.set_username("");
            let _ = url.set_password(None);
            url
        });
    let shown = to.as_ref().map_or("nowhere".to_owned(), ToString::to_string);
    let advice = match &to {
        Some(to) if same_place(base, to) => {
            format!("the port speaks TLS; write {} in the target", with_https(base))
        }
        Some(to) if to.host() == base.host() && to.port_or_known_default() == base.port_or_known_default() => {
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
            address
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
pub(super) fn transport(
    e: &reqwest::Error,
    address: &str,
    act: bool,
    limits: &Limits,
    total: Duration,
) -> ClusterError {
    if let Some(tls) = find::<rustls::Error>(e) {
        return tls_failure(tls, address);
    }
    let said = deepest(e);
    if e.is_connect() {
        let why = match find::<std::io::Error>(e).map(std::io::Error::kind) {
            _ if e.is_timeout() => format!("no connection within {} s", limits.connect.as_secs_f32()),
            Some(std::io::ErrorKind::ConnectionRefused) => {
                "the connection was refused, nothing listens there".to_owned()
            }
            _ => said,
        };
        return plain(ErrorKind::Connect, Effect::None, format!("cannot reach {address}: {why}"));
    }
    if e.is_timeout() {
        let done = if act { "; it may have been executed all the same" } else { "" };
        // A read ends by silence, an act by the whole time.
        let within = if act { total } else { limits.read.min(total) };
        let message = format!("{address} did not answer within {} s{done}", within.as_secs_f32());
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
        E::InvalidCertificate(C::UnknownIssuer | C::BadSignature) => {
            "its certificate is not signed by a trusted authority; set tls.caFile to the CA that did"
                .to_owned()
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
