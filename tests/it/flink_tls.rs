//! The Flink client and TLS: private CAs, names, client certificates, rotation, and the wrong scheme.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use nutkin::{
    adapters::{clock::SystemClock, flink::FlinkFactory},
    manager::ports::{
        ClusterFactory,
        cluster::{Cluster, ClusterError, Effect, ErrorKind},
    },
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::{
    RootCertStore, ServerConfig,
    crypto::ring,
    pki_types::{PrivateKeyDer, pem::PemObject},
    server::WebPkiClientVerifier,
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

pub type Ca = CertifiedIssuer<'static, KeyPair>;

pub fn authority() -> Ca {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let mut params = CertificateParams::default();
    let name = format!("CA {}", NUMBER.fetch_add(1, Ordering::Relaxed));
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Certificate and key in PEM form, for this name.
fn certificate(ca: &Ca, name: &str) -> (String, KeyPair) {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, ca).unwrap();
    (certificate.pem(), key)
}

/// A server that answers `/overview` over TLS; with `clients`, only to certificates of that CA.
pub async fn server(ca: &Ca, name: &str, clients: Option<&Ca>) -> String {
    let (pem, key) = certificate(ca, name);
    let chain = vec![rustls::pki_types::CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()];
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(ring::default_provider());
    let builder =
        ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(ca) => {
            let mut roots = RootCertStore::empty();
            roots.add(ca.der().clone()).unwrap();
            builder.with_client_cert_verifier(
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap(),
            )
        }
    };
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(builder.with_single_cert(chain, key).unwrap()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut tls) = acceptor.accept(stream).await else { return };
                let _ = tls.read(&mut [0; 4096]).await;
                let body = r#"{"flink-version":"2.3.0"}"#;
                let head =
                    format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
                let _ = tls.write_all((head + body).as_bytes()).await;
                let _ = tls.shutdown().await;
            });
        }
    });
    url
}

fn connect(document: Value) -> Result<Arc<dyn Cluster>, ClusterError> {
    FlinkFactory::new(Arc::new(SystemClock)).connect(&serde_json::from_value(document).unwrap())
}

async fn version(document: Value) -> Result<String, ClusterError> {
    connect(document)?.overview().await.map(|o| o.flink_version)
}

pub fn write(dir: &Path, name: &str, text: &str) -> String {
    let path = dir.join(name);
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

#[tokio::test]
async fn a_private_ca_must_be_named() {
    let (dir, ca) = (tempfile::tempdir().unwrap(), authority());
    let url = server(&ca, "localhost", None).await;
    let file = write(dir.path(), "ca.pem", &ca.pem());
    assert_eq!(version(json!({"url": url, "tls": {"caFile": file}})).await.unwrap(), "2.3.0");
    let other = write(dir.path(), "other.pem", &authority().pem());
    let e = version(json!({"url": url, "tls": {"caFile": other}})).await.unwrap_err();
    assert_eq!((&e.kind, e.effect), (&ErrorKind::Tls, Effect::None));
    assert!(e.message.contains("tls.caFile"), "{e}");
}

#[tokio::test]
async fn the_name_in_the_certificate_counts() {
    let (dir, ca) = (tempfile::tempdir().unwrap(), authority());
    let url = server(&ca, "flink.internal", None).await;
    let file = write(dir.path(), "ca.pem", &ca.pem());
    let e = version(json!({"url": url, "tls": {"caFile": file}})).await.unwrap_err();
    assert!(e.kind == ErrorKind::Tls && e.message.contains("tls.serverName"), "{e}");
    let named = json!({"url": url, "tls": {"caFile": file, "serverName": "flink.internal"}});
    assert_eq!(version(named).await.unwrap(), "2.3.0");
}

#[tokio::test]
async fn client_certificates_are_shown_and_reread() {
    let (dir, ca, clients) = (tempfile::tempdir().unwrap(), authority(), authority());
    let url = server(&ca, "localhost", Some(&clients)).await;
    let file = write(dir.path(), "ca.pem", &ca.pem());
    let e = version(json!({"url": url, "tls": {"caFile": file}})).await.unwrap_err();
    assert_eq!((&e.kind, e.effect), (&ErrorKind::Tls, Effect::None), "{e}");
    assert!(e.message.contains("client certificate"), "{e}");

    // A certificate of the wrong CA is replaced on disk while the client lives.
    let put = |ca: &Ca| {
        let (pem, key) = certificate(ca, "nutkin");
        (write(dir.path(), "cert.pem", &pem), write(dir.path(), "key.pem", &key.serialize_pem()))
    };
    let (cert, key) = put(&authority());
    let cluster =
        connect(json!({"url": url, "tls": {"caFile": file, "certFile": cert, "keyFile": key}})).unwrap();
    assert_eq!(cluster.overview().await.unwrap_err().kind, ErrorKind::Tls);
    put(&clients);
    assert_eq!(cluster.overview().await.unwrap().flink_version, "2.3.0");
}

#[tokio::test]
async fn the_wrong_scheme_is_named() {
    let raw = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", raw.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = raw.accept().await.unwrap();
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await;
        }
    });
    // With a CA of its own: a machine may have none.
    let dir = tempfile::tempdir().unwrap();
    let file = write(dir.path(), "ca.pem", &authority().pem());
    let e = version(json!({"url": url, "tls": {"caFile": file}})).await.unwrap_err();
    assert_eq!((&e.kind, e.effect), (&ErrorKind::Tls, Effect::None), "{e}");
    assert!(e.message.contains("does not speak TLS; write http://127.0.0.1:"), "{e}");
}

#[tokio::test]
async fn plain_http_to_a_port_that_speaks_tls_is_not_flink_and_did_nothing() {
    let url = server(&authority(), "localhost", None).await.replace("https://", "http://");
    let e = version(json!({"url": url})).await.unwrap_err();
    assert!(e.message.contains(&url), "where: {e}");
    assert!(matches!(e.kind, ErrorKind::Closed | ErrorKind::NotFlink), "{e:?}");
}

#[test]
fn documents_that_cannot_work_are_refused_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let garbage = write(dir.path(), "garbage.pem", "nothing");
    for (tls, says) in [
        (json!({"caFile": "/no/such.pem"}), "tls.caFile"),
        (json!({"caFile": garbage}), "no certificate"),
        (json!({"certFile": garbage}), "both tls.certFile and tls.keyFile"),
        (json!({"certFile": garbage, "keyFile": garbage}), "no certificate"),
        (json!({"serverName": "not a name"}), "tls.serverName"),
    ] {
        let e = connect(json!({"url": "https://localhost:1", "tls": tls})).unwrap_err();
        assert_eq!((&e.kind, e.effect), (&ErrorKind::Config, Effect::None));
        assert!(e.message.contains(says), "{e}");
    }
    let e = connect(json!({"url": "http://localhost:1", "proxy": "ftp://u:secret@x"})).unwrap_err();
    assert!(e.kind == ErrorKind::Config && !e.message.contains("secret"), "{e}");
    assert_eq!(connect(json!({})).unwrap_err().kind, ErrorKind::Config);
}
