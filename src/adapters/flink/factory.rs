//! Makes clients from targets' documents, and shares connections between those of the same identity.

use std::{fmt, sync::Arc};

use parking_lot::Mutex;
use reqwest::Url;

use crate::{
    domain::time::Clock,
    manager::ports::{
        ClusterFactory,
        cluster::{Cluster, ClusterError, Effect, ErrorKind, TargetSpec},
    },
};

use super::{
    auth::Credentials,
    client::FlinkClient,
    errors::plain,
    http::Http,
    limits::Limits,
    tls::{Fingerprint, Identity, Links},
};

/// The [`ClusterFactory`] of Flink's REST API.
#[derive(Debug)]
pub struct FlinkFactory {
    clock: Arc<dyn Clock>,
    pool: Arc<Pool>,
}

impl FlinkFactory {
    /// A factory without connections; `clock` measures the circuits and the pauses between tries.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self::with_limits(clock, Limits::default())
    }

    /// The same with other time limits.
    #[must_use]
    pub fn with_limits(clock: Arc<dyn Clock>, limits: Limits) -> Self {
        Self { clock, pool: Arc::new(Pool { limits, made: Mutex::default() }) }
    }
}

impl ClusterFactory for FlinkFactory {
    fn connect(&self, target: &TargetSpec) -> Result<Arc<dyn Cluster>, ClusterError> {
        let urls = addresses(target)?;
        let credentials = Credentials::of(target.auth.as_ref())?;
        let identity = Identity {
            https: urls.iter().any(|u| u.scheme() == "https"),
            tls: target.tls.clone().unwrap_or_default(),
            proxy: target.proxy.clone(),
        };
        // Found now, not at the first request.
        self.pool.links(&identity)?;
        let http = Http::new(urls, credentials, identity, self.pool.clone(), self.clock.clone());
        Ok(Arc::new(FlinkClient::new(http)))
    }
}

/// The target's addresses, checked.
fn addresses(target: &TargetSpec) -> Result<Vec<Url>, ClusterError> {
    let given = target.addresses();
    if given.is_empty() {
        return Err(config(
            "the target has no url: write url: http://HOST:8081, the address of Flink's web page",
        ));
    }
    given.iter().map(|text| address(text)).collect()
}

fn address(text: &str) -> Result<Url, ClusterError> {
    let wrong = |why: &str| {
        let shown = text.rsplit_once('@').map_or(text, |(_, host)| host);
        config(format!("{shown:?} is not the address of a JobManager: {why}"))
    };
    let with_scheme = || wrong(&format!("write http://{text} or https://{text}"));
    let url = match Url::parse(text.trim()) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => url,
        Ok(url) if text.contains("://") => {
            return Err(wrong(&format!("{} is not http or https", url.scheme())));
        }
        Ok(_) => return Err(with_scheme()),
        Err(_) if !text.contains("://") && !text.trim().is_empty() => return Err(with_scheme()),
        Err(e) => return Err(wrong(&e.to_string())),
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("credentials do not belong there; use auth.user and auth.passwordFile"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("nothing may follow the path"));
    }
    Ok(url)
}

fn config(message: impl Into<String>) -> ClusterError {
    plain(ErrorKind::Config, Effect::None, message)
}

/// Connections by identity.
pub(super) struct Pool {
    limits: Limits,
    made: Mutex<Vec<(Identity, Fingerprint, Links)>>,
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // An identity may hold a proxy's password.
        f.write_str("Pool")
    }
}

impl Pool {
    pub(super) const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The connections of `identity`, made if there are none yet.
    pub(super) fn links(&self, identity: &Identity) -> Result<Links, ClusterError> {
        let mut pool = self.made.lock();
        if let Some((_, _, links)) = pool.iter().find(|(i, _, _)| i == identity) {
            return Ok(links.clone());
        }
        let (fingerprint, links) = (identity.fingerprint(), Links::build(identity, &self.limits)?);
        pool.push((identity.clone(), fingerprint, links.clone()));
        Ok(links)
    }

    /// Makes the connections anew when the identity's files have changed on disk; true when they have.
    pub(super) fn reload(&self, identity: &Identity) -> bool {
        let mut pool = self.made.lock();
        let Some(at) = pool.iter().position(|(i, _, _)| i == identity) else { return false };
        let now = identity.fingerprint();
        if pool.get(at).is_some_and(|(_, then, _)| *then == now) {
            return false;
        }
        pool.remove(at);
        drop(pool);
        // Files that are half written now fail here and are read again at the next failure.
        self.links(identity).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("localhost:8081", "http://localhost:8081")]
    #[case("10.0.0.1:8081", "http://10.0.0.1:8081")]
    #[case("flink.example", "http://flink.example")]
    #[case("ftp://host/", "ftp is not http or https")]
    #[case("http://", "empty host")]
    #[case("http://host:99999", "invalid port number")]
    #[case("http://ann:pw@host:8081", "use auth.user")]
    #[case("http://host:8081/?a=b", "nothing may follow")]
    #[case("", "relative URL without a base")]
    fn wrong_addresses_say_what_to_write(#[case] text: &str, #[case] hint: &str) {
        let e = address(text).unwrap_err();
        assert_eq!((&e.kind, e.effect), (&ErrorKind::Config, Effect::None));
        assert!(e.message.contains(hint), "{e}");
        assert!(!e.message.contains("pw"), "{e}");
    }

    #[test]
    fn base_paths_and_ipv6_are_addresses() {
        for ok in ["http://host:8081", "https://host/flink/prod/", "http://[::1]:8081"] {
            address(ok).unwrap();
        }
    }
}
