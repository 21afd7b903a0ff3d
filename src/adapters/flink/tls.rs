//! Connections: one pair of clients per TLS and proxy identity.
//!
//! `reads` keeps connections alive; `acts` opens a fresh one for each request, so that a request that changes something
//! never dies on a connection that the other side has just closed, and a refused connection proves that nothing was sent.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use reqwest::{Client, ClientBuilder, Proxy, Url, redirect};
use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
};

use crate::manager::ports::cluster::{ClusterError, Effect, ErrorKind, Tls};

use super::{errors::plain, limits::Limits};

/// What makes two targets share connections.
#[derive(Clone, PartialEq, Eq, Default)]
pub(super) struct Identity {
    /// TLS is used at all.
    pub https: bool,
    pub tls: Tls,
    /// May hold a password: never shown.
    pub proxy: Option<String>,
}

/// Sizes and times of the identity's files: a change means that keys were rotated.
pub(super) type Fingerprint = Vec<Option<(SystemTime, u64)>>;

impl Identity {
    pub(super) fn fingerprint(&self) -> Fingerprint {
        [&self.tls.ca_file, &self.tls.cert_file, &self.tls.key_file]
            .into_iter()
            .map(|f| {
                let meta = std::fs::metadata(f.as_ref()?).ok()?;
                Some((meta.modified().ok()?, meta.len()))
            })
            .collect()
    }
}

/// The two clients.
#[derive(Debug, Clone)]
pub(super) struct Links {
    pub reads: Client,
    pub acts: Client,
}

impl Links {
    pub(super) fn build(identity: &Identity, limits: &Limits) -> Result<Self, ClusterError> {
        let tls = tls_config(identity)?;
        let builder = || -> Result<ClientBuilder, ClusterError> {
            let b = Client::builder()
                .tls_backend_preconfigured(tls.clone())
                .user_agent(concat!("nutkin/", env!("CARGO_PKG_VERSION")))
                .connect_timeout(limits.connect)
                .redirect(redirect::Policy::none())
                .retry(reqwest::retry::never())
                .referer(false)
                .no_proxy();
            Ok(match &identity.proxy {
                Some(p) => b.proxy(through(p)?),
                None => b,
            })
        };
        let build = |b: ClientBuilder| {
            b.build().map_err(|e| config(format!("cannot make an HTTP client: {}", e.without_url())))
        };
        Ok(Self {
            reads: build(builder()?.read_timeout(limits.read).pool_idle_timeout(Duration::from_secs(30)))?,
            acts: build(builder()?.pool_max_idle_per_host(0))?,
        })
    }
}

/// The proxy for everything; its address may hold a password and is not shown.
fn through(proxy: &str) -> Result<Proxy, ClusterError> {
    let wrong = || config("proxy must be http://HOST:PORT or https://HOST:PORT");
    let url = Url::parse(proxy).map_err(|_| wrong())?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(wrong());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(config(
            "proxy: a user and a password do not belong there, they would be stored and shown; write http://HOST:PORT of a \
             proxy that asks for none",
        ));
    }
    Proxy::all(url).map_err(|_| wrong())
}

fn tls_config(identity: &Identity) -> Result<ClientConfig, ClusterError> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|e| config(format!("TLS: {e}")))?;
    if !identity.https {
        // Nothing speaks TLS; reading the system's certificates would cost milliseconds.
        return Ok(builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth());
    }
    let verifier = verifier(&identity.tls, &provider)?;
    let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
    match (&identity.tls.cert_file, &identity.tls.key_file) {
        (None, None) => Ok(builder.with_no_client_auth()),
        (Some(cert), Some(key)) => {
            let chain = certificates("tls.certFile", cert)?;
            let key = PrivateKeyDer::from_pem_file(key)
                .map_err(|e| config(format!("tls.keyFile {key} holds no private key in PEM form: {e}")))?;
            builder.with_client_auth_cert(chain, key).map_err(|e| {
                config(format!("tls.certFile {cert} and tls.keyFile do not make a client certificate: {e}"))
            })
        }
        _ => Err(config("a client certificate needs both tls.certFile and tls.keyFile")),
    }
}

/// The system's roots and the private CA's; with `serverName` the certificate must carry that name instead of the host.
fn verifier(tls: &Tls, provider: &Arc<CryptoProvider>) -> Result<Arc<dyn ServerCertVerifier>, ClusterError> {
    let extra = match &tls.ca_file {
        Some(file) => certificates("tls.caFile", file)?,
        None => vec![],
    };
    let system = rustls_platform_verifier::Verifier::new_with_extra_roots(extra, provider.clone())
        .map_err(|e| config(format!("no certificates to trust: {e}; set tls.caFile in the target")))?;
    match &tls.server_name {
        None => Ok(Arc::new(system)),
        Some(name) => {
            let name = ServerName::try_from(name.clone())
                .map_err(|_| config(format!("tls.serverName {name:?} is not a host name")))?;
            Ok(Arc::new(Named { inner: system, name }))
        }
    }
}

fn certificates(what: &str, file: &str) -> Result<Vec<CertificateDer<'static>>, ClusterError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_file_iter(file)
        .map_err(|e| config(format!("cannot read {what} {file}: {e}")))?
        .collect();
    match found {
        Ok(list) if !list.is_empty() => Ok(list),
        Ok(_) => Err(config(format!("{what} {file} holds no certificate in PEM form"))),
        Err(e) => Err(config(format!("{what} {file} is not a PEM file: {e}"))),
    }
}

fn config(message: impl Into<String>) -> ClusterError {
    plain(ErrorKind::Config, Effect::None, message)
}

/// Checks the certificate against a name from the target's document.
#[derive(Debug)]
struct Named {
    inner: rustls_platform_verifier::Verifier,
    name: ServerName<'static>,
}

impl ServerCertVerifier for Named {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _host: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.inner.verify_server_cert(end_entity, intermediates, &self.name, ocsp_response, now)
    }
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}
