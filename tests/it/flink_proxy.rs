//! The Flink client and proxies: one is used where the target names it, and never because the environment does.

use std::{
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use nutkin::{
    adapters::{clock::SystemClock, flink::FlinkFactory},
    domain::time::Clock,
    manager::ports::{
        ClusterFactory,
        cluster::{ClusterError, Effect, ErrorKind},
    },
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
};

use crate::{
    fake::{Fake, Settings},
    flink_tls::{authority, server, write},
};

/// A proxy on loopback: it opens tunnels and passes plain requests on, and remembers the first line of each.
struct Proxy {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let log = asked.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(pass_on(stream, log.clone()));
            }
        });
        Self { url, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

async fn pass_on(mut client: TcpStream, log: Arc<Mutex<Vec<String>>>) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let line = head.lines().next()?.to_owned();
    let (method, to) = line.split_once(' ').map(|(m, rest)| (m, rest.split(' ').next().unwrap_or(rest)))?;
    log.lock().unwrap().push(line.clone());
    let host = to.trim_start_matches("http://").split('/').next()?;
    let mut server = TcpStream::connect(host).await.ok()?;
    if method == "CONNECT" {
        client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.ok()?;
    } else {
        server.write_all(head.as_bytes()).await.ok()?;
    }
    copy_bidirectional(&mut client, &mut server).await.ok().map(|_| ())
}

async fn version(document: Value) -> Result<String, ClusterError> {
    let factory = FlinkFactory::new(Arc::new(SystemClock));
    factory.connect(&serde_json::from_value(document).unwrap())?.overview().await.map(|o| o.flink_version)
}

#[tokio::test]
async fn tls_goes_through_a_tunnel_of_the_proxy_that_the_target_names() {
    let (dir, ca, proxy) = (tempfile::tempdir().unwrap(), authority(), Proxy::start().await);
    let url = server(&ca, "localhost", None).await;
    let tls = json!({ "caFile": write(dir.path(), "ca.pem", &ca.pem()) });
    let through = json!({ "url": url, "tls": tls, "proxy": proxy.url });
    assert_eq!(version(through).await.unwrap(), "2.3.0");
    let host = url.trim_start_matches("https://");
    assert_eq!(proxy.asked(), [format!("CONNECT {host} HTTP/1.1")], "and it sees no more than that");
    assert_eq!(version(json!({ "url": url, "tls": tls })).await.unwrap(), "2.3.0");
    assert_eq!(proxy.asked().len(), 1, "another target with the same certificates has no proxy");
}

#[tokio::test]
async fn plain_requests_are_given_to_the_proxy_that_the_target_names() {
    let (proxy, fake) = (Proxy::start().await, Fake::start(Settings::default()));
    version(json!({ "url": fake.url(), "proxy": proxy.url })).await.unwrap();
    assert_eq!(proxy.asked(), [format!("GET {}/overview HTTP/1.1", fake.url())]);
}

#[tokio::test]
async fn a_proxy_that_is_not_there_means_that_nothing_was_sent() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = format!("http://{}", taken.local_addr().unwrap());
    drop(taken);
    let fake = Fake::start(Settings::default());
    let e = version(json!({ "url": fake.url(), "proxy": nobody })).await.unwrap_err();
    assert_eq!((&e.kind, e.effect), (&ErrorKind::Connect, Effect::None), "{e}");
    assert!(fake.requests().is_empty(), "it does not go around the proxy: {:?}", fake.requests());
}

/// A manager in the foreground; it ends with this handle.
struct Serving(std::process::Child);

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The manager and its client, both with an environment that names the proxy in every usual way.
#[tokio::test(flavor = "multi_thread")]
async fn proxies_of_the_environment_are_for_other_programs() {
    let (home, proxy) = (tempfile::tempdir().unwrap(), Proxy::start().await);
    let fake = Fake::start(Settings::default());
    let nutkin = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nutkin"));
        command.args(args).env_clear().env("HOME", home.path()).stdin(Stdio::null());
        for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"] {
            command.env(name, &proxy.url);
        }
        command
    };
    let _manager = Serving(nutkin(&["serve"]).stderr(Stdio::null()).spawn().unwrap());
    let end = SystemClock.boottime() + Duration::from_secs(30);
    while !nutkin(&["manager", "status"]).output().unwrap().status.success() {
        assert!(SystemClock.boottime() < end, "no manager came up");
        SystemClock.sleep(Duration::from_millis(20)).await;
    }
    let url = fake.url();
    let added = nutkin(&["target", "add", "direct", &url]).output().unwrap();
    assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    assert!(fake.requests().iter().any(|r| r.starts_with("GET ")), "{:?}", fake.requests());
    assert_eq!(proxy.asked(), Vec::<String>::new());

    // The same manager does use it where a target says so.
    let named = nutkin(&["target", "add", "named", &url, "--proxy", &proxy.url]).output().unwrap();
    assert!(named.status.success(), "{}", String::from_utf8_lossy(&named.stderr));
    assert!(!proxy.asked().is_empty(), "nothing went through it");
}
