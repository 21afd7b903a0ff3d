//! What every request passes before its route: host, origin, role.
//!
//! A page in a browser must not reach a manager through a name that resolves here (DNS rebinding), nor post to it from
//! another site. `Host` is the only sure sign of the first, `Origin` of the second.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, Method, Uri, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::{App, Guest, access::Role, error::Failure};
use crate::contract::{API_PREFIX, problem::Code};

/// Names that a client of the socket may call the manager by.
const HOSTS: &[&str] = &["nutkin", "localhost", "127.0.0.1", "[::1]"];

/// Lets a request through to its route, or answers why not.
pub async fn check(State(app): State<App>, request: Request, next: Next) -> Response {
    let role = request.extensions().get::<Guest>().map(|g| g.role);
    match judge(request.method(), request.uri(), request.headers(), role) {
        Ok(()) => {
            app.manager.client_seen();
            run(request, next).await
        }
        Err(failure) => failure.into_response(),
    }
}

/// Runs a route. One that changes something runs to its end even if its client goes away in the middle: half of an act
/// would be worse than either.
async fn run(request: Request, next: Next) -> Response {
    if is_safe(request.method()) {
        return next.run(request).await;
    }
    match tokio::spawn(next.run(request)).await {
        Ok(response) => response,
        Err(e) => {
            tracing::error!(error = %e, "a request did not end");
            let detail =
                "the request ended in a fault of nutkin; whether it had an effect, the event log tells";
            Failure::new(Code::Internal, detail).into_response()
        }
    }
}

fn judge(method: &Method, uri: &Uri, headers: &HeaderMap, role: Option<Role>) -> Result<(), Failure> {
    let deny = |what: String| Failure::new(Code::Forbidden, format!("{what}; nothing was changed"));
    let host = headers.get(header::HOST).and_then(|h| h.to_str().ok()).unwrap_or_default();
    if !HOSTS.contains(&without_port(host)) {
        return Err(deny(format!("requests for the host {host:?} are not answered here")));
    }
    let Some(role) = role else { return Err(deny("the caller could not be identified".to_owned())) };
    if is_safe(method) {
        return Ok(());
    }
    if headers.contains_key(header::ORIGIN) {
        return Err(deny("requests of web pages may not change anything".to_owned()));
    }
    match role {
        Role::Operator => Ok(()),
        Role::Viewer if only_looks(method, uri) => Ok(()),
        Role::Viewer => Err(deny("you may look, but not act: you are a viewer of this manager".to_owned())),
    }
}

/// The method changes nothing.
fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// The request changes nothing, whatever its method: a dry run, a look at a target, the interest of a client's own stream.
///
/// Routes read the query again and refuse what they do not know, so one that has no dry run is never reached with it.
fn only_looks(method: &Method, uri: &Uri) -> bool {
    if uri.query().is_some_and(|q| q.split('&').any(|pair| pair == "dryRun=true")) {
        return true;
    }
    let Some(path) = uri.path().strip_prefix(API_PREFIX) else { return false };
    let parts: Vec<&str> = path.split('/').collect();
    match parts.as_slice() {
        ["", "watch", _, "interest"] => *method == Method::PUT,
        ["", "targets", _, "check"] => *method == Method::POST,
        _ => false,
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_hosts_origins_and_viewers_are_kept_out() {
        type Case = (&'static str, Option<&'static str>, Method, Option<Role>, bool);
        let cases: [Case; 11] = [
            ("nutkin", None, Method::POST, Some(Role::Operator), true),
            ("localhost:80", None, Method::GET, Some(Role::Viewer), true),
            ("[::1]:8080", None, Method::GET, Some(Role::Viewer), true),
            ("[::1]", None, Method::GET, Some(Role::Viewer), true),
            ("evil.example", None, Method::GET, Some(Role::Operator), false),
            ("localhost.evil.example", None, Method::GET, Some(Role::Operator), false),
            ("", None, Method::GET, Some(Role::Operator), false),
            ("nutkin", Some("http://localhost"), Method::POST, Some(Role::Operator), false),
            ("nutkin", Some("null"), Method::GET, Some(Role::Operator), true),
            ("nutkin", None, Method::DELETE, Some(Role::Viewer), false),
            ("nutkin", None, Method::GET, None, false),
        ];
        for (host, origin, method, role, wanted) in cases {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            if let Some(o) = origin {
                headers.insert(header::ORIGIN, o.parse().unwrap());
            }
            let uri = Uri::from_static("/api/v1/targets");
            assert_eq!(
                judge(&method, &uri, &headers, role).is_ok(),
                wanted,
                "{host} {origin:?} {method} {role:?}"
            );
        }
    }

    #[test]
    fn viewers_may_ask_what_would_happen() {
        let cases = [
            (Method::POST, "/api/v1/targets/eu/check", true),
            (Method::PUT, "/api/v1/watch/w1/interest", true),
            (Method::POST, "/api/v1/deployments/a/b/suspend?dryRun=true", true),
            (Method::DELETE, "/api/v1/targets/eu?dryRun=true", true),
            (Method::POST, "/api/v1/deployments/a/b/suspend", false),
            (Method::POST, "/api/v1/deployments/a/b/suspend?dryRun=false", false),
            (Method::POST, "/api/v1/deployments/a/b/suspend?xdryRun=true", false),
            (Method::DELETE, "/api/v1/targets/check", false),
            (Method::POST, "/api/v1/targets/a/check/b", false),
            (Method::PUT, "/api/v1/targets/eu/check", false),
        ];
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, "nutkin".parse().unwrap());
        for (method, uri, wanted) in cases {
            let uri: Uri = uri.parse().unwrap();
            assert_eq!(judge(&method, &uri, &headers, Some(Role::Viewer)).is_ok(), wanted, "{method} {uri}");
        }
    }
}
