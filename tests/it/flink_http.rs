//! The Flink client against everything that can happen to HTTP: closed connections, silence, gateways, login pages, huge
//! and broken answers, several addresses, credentials.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use nutkin::{
    adapters::flink::{FlinkFactory, Limits},
    domain::{
        flink::AsyncStatus,
        ids::{FlinkJobId, Hex32},
        savepoint::Format,
        target::TargetSpec,
        time::{Clock, Timestamp},
    },
    manager::ports::{
        ClusterFactory,
        cluster::{Cluster, Effect, ErrorKind, RunRequest, SavepointRequest},
    },
};
use rstest::rstest;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
};

use super::flink_fixtures::target;

/// A clock whose sleeps take no time but move it.
#[derive(Debug, Default)]
struct Skipping(Mutex<Duration>, AtomicUsize);

#[async_trait::async_trait]
impl Clock for Skipping {
    fn now_utc(&self) -> Timestamp {
        Timestamp::from_millis(1_700_000_000_000)
    }
    fn boottime(&self) -> Duration {
        *self.0.lock().unwrap()
    }
    async fn sleep(&self, for_: Duration) {
        self.1.fetch_add(1, Ordering::Relaxed);
        *self.0.lock().unwrap() += for_;
        // Simulated time still passes while others work.
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// What the listener does with one request.
#[derive(Debug, Clone)]
enum Reply {
    /// These bytes, and the connection stays.
    Say(String),
    /// These bytes, then the connection ends.
    Last(String),
    /// Nothing at all, for ever.
    Hang,
}

fn json_answer(status: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn overview() -> String {
    json_answer("200 OK", r#"{"flink-version":"2.3.0","taskmanagers":1}"#)
}

/// A listener on loopback that answers by a script: number of the request → reply.
struct Raw {
    addr: SocketAddr,
    /// Number of the connection and text of each request.
    seen: Arc<Mutex<Vec<(usize, String)>>>,
}

impl Raw {
    async fn start(script: impl Fn(usize, &str) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (addr, seen, script) = (listener.local_addr().unwrap(), Arc::default(), Arc::new(script));
        let log: Arc<Mutex<Vec<(usize, String)>>> = Arc::clone(&seen);
        tokio::spawn(async move {
            for connection in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                let (log, script) = (Arc::clone(&log), script.clone());
                tokio::spawn(async move { serve(stream, connection, &log, &*script).await });
            }
        });
        Self { addr, seen }
    }

    fn url(&self) -> String {
        format!("http://{}", self.addr)
    }
    fn requests(&self) -> Vec<(usize, String)> {
        self.seen.lock().unwrap().clone()
    }
}

async fn serve(
    mut stream: TcpStream,
    connection: usize,
    log: &Mutex<Vec<(usize, String)>>,
    script: &(dyn Fn(usize, &str) -> Reply + Send + Sync),
) {
    while let Some(request) = read_request(&mut stream).await {
        let n = {
            let mut log = log.lock().unwrap();
            log.push((connection, request.clone()));
            log.len()
        };
        match script(n, &request) {
            Reply::Say(text) => stream.write_all(text.as_bytes()).await.unwrap(),
            Reply::Last(text) => {
                let _ = stream.write_all(text.as_bytes()).await;
                let _ = stream.shutdown().await;
                return;
            }
            Reply::Hang => std::future::pending().await,
        }
    }
}

/// Head and body; the body's length is announced or the body is chunked.
async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut text = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let n = stream.read(&mut buffer).await.ok().filter(|n| *n > 0)?;
        text.extend_from_slice(&buffer[..n]);
        let so_far = String::from_utf8_lossy(&text).into_owned();
        let Some((head, body)) = so_far.split_once("\r\n\r\n") else { continue };
        let head = head.to_ascii_lowercase();
        let length = head.lines().find_map(|l| l.strip_prefix("content-length: "));
        let complete = match length {
            Some(n) => body.len() >= n.parse().unwrap(),
            None => !head.contains("transfer-encoding") || body.ends_with("0\r\n\r\n"),
        };
        if complete {
            return Some(so_far);
        }
    }
}

/// Only for those who wait for a limit: a slow machine is no silence.
fn quick() -> Limits {
    let ms = Duration::from_millis;
    Limits {
        connect: ms(500),
        read: ms(300),
        total: ms(600),
        submit: ms(900),
        task_manager: ms(600),
        stall: ms(600),
    }
}

fn patient() -> Limits {
    let minute = Duration::from_secs(60);
    Limits {
        connect: minute,
        read: minute,
        total: minute,
        submit: minute,
        task_manager: minute,
        stall: minute,
    }
}

fn connect(spec: &TargetSpec) -> Arc<dyn Cluster> {
    FlinkFactory::with_limits(Arc::new(Skipping::default()), patient()).connect(spec).unwrap()
}

fn cluster(url: &str) -> Arc<dyn Cluster> {
    connect(&target(url))
}

fn hasty(url: &str) -> Arc<dyn Cluster> {
    FlinkFactory::with_limits(Arc::new(Skipping::default()), quick()).connect(&target(url)).unwrap()
}

fn job() -> FlinkJobId {
    Hex32::from_bytes([7; 16])
}

fn stop() -> SavepointRequest {
    SavepointRequest {
        trigger: Hex32::from_bytes([8; 16]),
        directory: None,
        format: Format::Canonical,
        drain: false,
    }
}

/// A port on which nothing listens, and nobody else can as long as the handle lives.
fn dead() -> (TcpSocket, String) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    (socket, url)
}

#[tokio::test]
async fn a_post_arrives_exactly_once_when_its_connection_closes() {
    // The read leaves a connection in the pool; the listener then closes whatever the stop comes on, unanswered.
    let raw =
        Raw::start(|n, _| if n == 1 { Reply::Say(overview()) } else { Reply::Last(String::new()) }).await;
    let cluster = cluster(&raw.url());
    cluster.overview().await.unwrap();
    let e = cluster.stop(&job(), &stop()).await.unwrap_err();
    assert_eq!((&e.kind, e.effect), (&ErrorKind::Closed, Effect::Possible), "{e}");
    let posts: Vec<_> = raw.requests().into_iter().filter(|(_, r)| r.starts_with("POST")).collect();
    assert_eq!(posts.len(), 1, "{posts:?}");
    assert_eq!(posts[0].0, 1, "on a connection of its own");
}

#[tokio::test]
async fn a_post_is_not_lost_when_the_pool_holds_a_dead_connection() {
    let raw = Raw::start(|n, _| {
        if n == 1 {
            Reply::Last(overview())
        } else {
            Reply::Say(json_answer("202 Accepted", "{\"request-id\":\"\"}"))
        }
    })
    .await;
    let cluster = cluster(&raw.url());
    cluster.overview().await.unwrap();
    cluster.stop(&job(), &stop()).await.unwrap();
    assert_eq!(raw.requests().len(), 2);
}

#[rstest]
#[case::cut(|_: usize, _: &str| Reply::Last(String::new()), ErrorKind::Closed)]
#[case::cut_in_the_body(|_: usize, _: &str| Reply::Last("HTTP/1.1 202 Accepted\r\ncontent-length: 50\r\n\r\n{\"req".into()), ErrorKind::Closed)]
#[case::silence(|_: usize, _: &str| Reply::Hang, ErrorKind::Timeout)]
#[case::gateway(|_: usize, _: &str| Reply::Say("HTTP/1.1 502 Bad Gateway\r\ncontent-length: 6\r\n\r\n<html>".into()), ErrorKind::Gateway(502))]
#[case::other_json(|_: usize, _: &str| Reply::Say(json_answer("504 x", "{\"message\":\"upstream\"}")), ErrorKind::Gateway(504))]
#[case::own_error(|_: usize, _: &str| Reply::Say(json_answer("500 x", "{\"errors\":[\"Internal server error.\"]}")), ErrorKind::Flink(500))]
#[case::not_json(|_: usize, _: &str| Reply::Say(json_answer("202 x", "<html>")), ErrorKind::NotFlink)]
#[tokio::test]
async fn an_act_without_an_answer_may_have_happened(
    #[case] script: fn(usize, &str) -> Reply,
    #[case] kind: ErrorKind,
) {
    let raw = Raw::start(script).await;
    let cluster = if kind == ErrorKind::Timeout { hasty(&raw.url()) } else { cluster(&raw.url()) };
    let e = cluster.stop(&job(), &stop()).await.unwrap_err();
    assert_eq!((&e.kind, e.effect), (&kind, Effect::Possible), "{e}");
    assert_eq!(raw.requests().len(), 1, "sent once");
}

#[rstest]
#[case(
    "503 x",
    "{\"errors\":[\"Service temporarily unavailable due to an ongoing leader election. Please refresh.\"]}",
    ErrorKind::Election
)]
#[case("400 x", "{\"errors\":[\"a.RestHandlerException: no\"]}", ErrorKind::Flink(400))]
#[case("401 x", "", ErrorKind::Denied(401))]
#[case("403 x", "{\"errors\":[\"x\"]}", ErrorKind::Denied(403))]
#[tokio::test]
async fn an_act_that_was_refused_did_nothing(
    #[case] status: &'static str,
    #[case] body: &'static str,
    #[case] kind: ErrorKind,
) {
    let raw = Raw::start(move |_, _| Reply::Say(json_answer(status, body))).await;
    let e = cluster(&raw.url()).stop(&job(), &stop()).await.unwrap_err();
    assert_eq!((&e.kind, e.effect), (&kind, Effect::None), "{e}");
    assert_eq!(raw.requests().len(), 1, "sent once");
}

#[tokio::test]
async fn a_refused_connection_sent_nothing_and_says_where() {
    let (_held, url) = dead();
    let e = cluster(&url).stop(&job(), &stop()).await.unwrap_err();
    assert_eq!((&e.kind, e.effect), (&ErrorKind::Connect, Effect::None));
    assert!(e.message.contains(&url) && e.message.contains("refused"), "{e}");
    let e = cluster("http://no-such-host.invalid:8081").jobs().await.unwrap_err();
    assert_eq!(e.kind, ErrorKind::Connect, "{e}");
}

#[tokio::test]
async fn occasional_reads_are_patient_and_polls_are_not() {
    let raw = Raw::start(|n, _| {
        if n < 4 {
            Reply::Say(json_answer("503 x", "{\"errors\":[\"ongoing leader election\"]}"))
        } else {
            Reply::Say(json_answer("200 OK", "{\"flink-version\":\"2.3.0\"}"))
        }
    })
    .await;
    assert_eq!(cluster(&raw.url()).config().await.unwrap().flink_version, "2.3.0");
    assert_eq!(raw.requests().len(), 4);

    let raw = Raw::start(|_, _| Reply::Last(String::new())).await;
    let cluster = cluster(&raw.url());
    assert_eq!(cluster.config().await.unwrap_err().kind, ErrorKind::Closed);
    assert_eq!(raw.requests().len(), 4);
    assert!(cluster.jobs().await.is_err() && cluster.job_status(&job()).await.is_err());
    assert_eq!(raw.requests().len(), 6);
}

#[tokio::test]
async fn a_500_of_flink_is_an_answer_and_not_repeated() {
    let raw = Raw::start(|_, _| Reply::Say(json_answer("500 x", "{\"errors\":[\"a.b.Boom: no\"]}"))).await;
    let e = cluster(&raw.url()).config().await.unwrap_err();
    assert_eq!((e.kind, e.message.as_str()), (ErrorKind::Flink(500), "Boom: no"));
    assert_eq!(raw.requests().len(), 1);
}

#[tokio::test]
async fn after_five_failures_the_watcher_rests_and_operations_do_not() {
    let raw = Raw::start(|n, _| match n {
        1..=8 => Reply::Say("HTTP/1.1 502 x\r\ncontent-length: 0\r\n\r\n".into()),
        _ => Reply::Say(json_answer("200 OK", "{\"status\":\"RUNNING\",\"jobs\":[]}")),
    })
    .await;
    let clock = Arc::new(Skipping::default());
    let cluster = FlinkFactory::with_limits(clock.clone(), patient()).connect(&target(&raw.url())).unwrap();
    for _ in 0..5 {
        assert_eq!(cluster.jobs().await.unwrap_err().kind, ErrorKind::Gateway(502));
    }
    let open = cluster.jobs().await.unwrap_err();
    assert_eq!(open.kind, ErrorKind::CircuitOpen);
    assert!(open.message.contains("answered 502") && open.message.contains("left alone"), "{open}");
    assert_eq!(raw.requests().len(), 5, "nothing was sent");
    let operation = cluster.for_operation();
    assert_eq!(operation.jobs().await.unwrap_err().kind, ErrorKind::Gateway(502));
    assert_eq!(operation.overview().await.unwrap_err().kind, ErrorKind::Gateway(502));
    assert_eq!(operation.jars().await.unwrap_err().kind, ErrorKind::Gateway(502));
    assert_eq!(raw.requests().len(), 8, "each goes out once");
    assert_eq!(cluster.jobs().await.unwrap_err().kind, ErrorKind::CircuitOpen);
    clock.sleep(Duration::from_secs(10)).await;
    assert!(cluster.jobs().await.unwrap().items.is_empty());
    assert!(cluster.jobs().await.is_ok());
}

#[tokio::test]
async fn the_next_address_is_asked_and_the_one_that_answers_is_kept() {
    let (_held, dead) = dead();
    let raw = Raw::start(|_, r| {
        Reply::Say(if r.starts_with("POST") { json_answer("202 x", "{}") } else { overview() })
    })
    .await;
    let spec: TargetSpec = serde_json::from_value(json!({ "urls": [dead, raw.url()] })).unwrap();
    let cluster = connect(&spec);
    cluster.stop(&job(), &stop()).await.unwrap();
    cluster.overview().await.unwrap();
    assert_eq!(raw.requests().len(), 2);
    // An act that may have happened is not sent to another address.
    let (cut, other) =
        (Raw::start(|_, _| Reply::Last(String::new())).await, Raw::start(|_, _| Reply::Hang).await);
    let spec: TargetSpec = serde_json::from_value(json!({ "urls": [cut.url(), other.url()] })).unwrap();
    let e = connect(&spec).stop(&job(), &stop()).await.unwrap_err();
    assert_eq!((e.kind, e.effect, other.requests().len()), (ErrorKind::Closed, Effect::Possible, 0));
}

#[rstest]
#[case("301", "https://127.0.0.1:1/overview", "speaks TLS; write https://127.0.0.1:")]
#[case("302", "/login?next=secret", "asks for a login")]
#[case("307", "http://ann:secret@elsewhere/overview?token=secret", "http://elsewhere/overview")]
#[tokio::test]
async fn redirects_are_shown_and_not_followed(#[case] status: &str, #[case] to: &str, #[case] says: &str) {
    let answer = format!("HTTP/1.1 {status} x\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n");
    let raw = Raw::start(move |_, _| Reply::Say(answer.clone())).await;
    let e = cluster(&raw.url()).overview().await.unwrap_err();
    assert!(matches!(e.kind, ErrorKind::Redirect(_)), "{e:?}");
    assert!(e.message.contains(says), "{e}");
    assert!(!format!("{e:?}").contains("secret"), "{e:?}");
    assert_eq!(raw.requests().len(), 1);
}

#[rstest]
#[case("<html><title>Sign in</title>", "web page")]
#[case("{\"hello\":1}", "not Flink's")]
#[case("{\"flink-version\":\"2.3", "not Flink's JSON")]
#[case("pong", "not Flink's JSON")]
#[case("", "not Flink's JSON")]
#[tokio::test]
async fn other_servers_are_not_flink(#[case] body: &'static str, #[case] says: &str) {
    let raw = Raw::start(move |_, _| Reply::Say(json_answer("200 OK", body))).await;
    let e = cluster(&raw.url()).overview().await.unwrap_err();
    assert_eq!((&e.kind, e.effect), (&ErrorKind::NotFlink, Effect::None));
    assert!(e.message.contains(says) && e.message.contains("check the url"), "{e}");
}

#[tokio::test]
async fn another_protocol_is_no_http() {
    let raw = Raw::start(|_, _| Reply::Last("220 mail.example ESMTP\r\n".into())).await;
    let e = cluster(&raw.url()).overview().await.unwrap_err();
    assert_eq!(e.kind, ErrorKind::Closed, "{e}");
}

#[tokio::test]
async fn huge_and_deep_answers_are_not_read() {
    let announced = "HTTP/1.1 200 OK\r\ncontent-length: 2000000000\r\n\r\n{".to_owned();
    let raw = Raw::start(move |_, _| Reply::Say(announced.clone())).await;
    assert_eq!(cluster(&raw.url()).jobs().await.unwrap_err().kind, ErrorKind::TooLarge);
    let chunk = format!("100000\r\n{}\r\n", " ".repeat(0x10_0000));
    let chunked = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{}", chunk.repeat(17));
    let raw = Raw::start(move |_, _| Reply::Last(chunked.clone())).await;
    assert_eq!(cluster(&raw.url()).jobs().await.unwrap_err().kind, ErrorKind::TooLarge);
    let deep =
        json_answer("200 OK", &format!("{{\"jobs\":[],\"x\":{}1{}}}", "[".repeat(100), "]".repeat(100)));
    let raw = Raw::start(move |_, _| Reply::Say(deep.clone())).await;
    assert_eq!(cluster(&raw.url()).jobs().await.unwrap_err().kind, ErrorKind::TooLarge);
}

#[tokio::test]
async fn a_login_page_instead_of_an_asynchronous_result_is_not_unknown() {
    let raw = Raw::start(|_, _| Reply::Say("HTTP/1.1 404 x\r\ncontent-length: 6\r\n\r\n<html>".into())).await;
    let cluster = cluster(&raw.url());
    let status = cluster.savepoint_status(&job(), &Hex32::from_bytes([1; 16])).await;
    assert_eq!(status.unwrap_err().kind, ErrorKind::Gateway(404));
    assert_eq!(cluster.job_status(&job()).await.unwrap_err().kind, ErrorKind::Gateway(404));
    let raw =
        Raw::start(|_, _| Reply::Say(json_answer("404 x", "{\"errors\":[\"There is no savepoint\"]}"))).await;
    let status = self::cluster(&raw.url()).savepoint_status(&job(), &Hex32::from_bytes([1; 16])).await;
    assert_eq!(status.unwrap(), AsyncStatus::Unknown);
    // A route that is not there says nothing about the job.
    let raw = Raw::start(|_, _| {
        Reply::Say(json_answer("404 x", "{\"errors\":[\"Unable to load requested file /x\"]}"))
    })
    .await;
    assert_eq!(self::cluster(&raw.url()).job(&job()).await.unwrap_err().kind, ErrorKind::Flink(404));
}

#[tokio::test]
async fn odd_jobs_are_still_jobs() {
    let body = r#"{"jobs":[
        {"jid":"000000000000000000000000000000aA","name":"\u001b[31mred\ud800","state":"NEWFANGLED","start-time":"NaN","tasks":{"running":1,"total":2,"novel":1}},
        {"jid":"zz","name":"no id"}, {"name":null}], "extra":[{"a":{}}]}"#;
    let raw = Raw::start(move |_, _| Reply::Say(json_answer("200 OK", body))).await;
    let jobs = cluster(&raw.url()).jobs().await.unwrap().items;
    assert_eq!(jobs.len(), 1);
    assert_eq!((jobs[0].name.as_str(), jobs[0].state.as_str()), ("\u{1b}[31mred\u{fffd}", "NEWFANGLED"));
    assert_eq!((jobs[0].tasks.running, jobs[0].tasks.other), (1, 1));
    assert_eq!(jobs[0].id.as_str(), "000000000000000000000000000000aa");
}

#[tokio::test]
async fn credentials_are_sent_reread_and_never_shown() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("token");
    std::fs::write(&file, "first\n").unwrap();
    let raw = Raw::start(|n, _| {
        Reply::Say(if n == 1 { overview() } else { "HTTP/1.1 401 x\r\ncontent-length: 0\r\n\r\n".into() })
    })
    .await;
    let spec = json!({ "url": raw.url(), "auth": { "tokenFile": file } });
    let cluster = connect(&serde_json::from_value(spec).unwrap());
    cluster.overview().await.unwrap();
    std::fs::write(&file, "second").unwrap();
    let e = cluster.stop(&job(), &stop()).await.unwrap_err();
    let requests = raw.requests();
    assert!(requests[0].1.contains("authorization: Bearer first\r\n"), "{}", requests[0].1);
    assert!(requests[1].1.contains("authorization: Bearer second\r\n"));
    assert_eq!(e.kind, ErrorKind::Denied(401));
    assert!(e.message.contains(&file.display().to_string()), "{e}");
    assert!(!format!("{cluster:?} {e:?}").contains("second"));
    std::fs::remove_file(&file).unwrap();
    let e = cluster.stop(&job(), &stop()).await.unwrap_err();
    assert_eq!((e.kind, e.effect, raw.requests().len()), (ErrorKind::Config, Effect::None, 2));
    let raw = Raw::start(|_, _| Reply::Say("HTTP/1.1 401 x\r\ncontent-length: 0\r\n\r\n".into())).await;
    let e = self::cluster(&raw.url()).overview().await.unwrap_err();
    assert!(e.message.contains("set auth.user"), "{e}");
}

#[tokio::test]
async fn base_paths_are_kept() {
    let raw = Raw::start(|_, _| Reply::Say(overview())).await;
    cluster(&format!("{}/flink/prod/", raw.url())).overview().await.unwrap();
    assert!(
        raw.requests()[0].1.starts_with("GET /flink/prod/overview HTTP/1.1\r\n"),
        "{}",
        raw.requests()[0].1
    );
}

#[tokio::test]
async fn a_run_waits_longer_than_other_acts() {
    let raw = Raw::start(|_, _| Reply::Hang).await;
    let cluster = hasty(&raw.url());
    let run = RunRequest { parallelism: 1, ..RunRequest::default() };
    let e = cluster.run_jar("x.jar", &run).await.unwrap_err();
    assert_eq!((&e.kind, e.effect), (&ErrorKind::Timeout, Effect::Possible));
    assert!(e.message.contains("0.9 s"), "{e}");
    for bad in ["", ".", ".."] {
        assert_eq!(cluster.delete_jar(bad).await.unwrap_err().kind, ErrorKind::Config);
    }
}

#[tokio::test]
async fn an_upload_ends_when_nothing_moves() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("big.jar");
    // More than the socket's buffers take.
    std::fs::File::create(&file).unwrap().set_len(64 << 20).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let sent = Arc::new(AtomicU64::new(0));
    let cluster = hasty(&url);
    let e = cluster.upload_jar(&file, "nutkin-1.jar", sent.clone()).await.unwrap_err();
    assert_eq!((&e.kind, e.effect), (&ErrorKind::Timeout, Effect::Possible), "{e}");
    assert!((1..64 << 20).contains(&sent.load(Ordering::Relaxed)));
    drop(listener);
    let e = cluster.upload_jar(&dir.path().join("none"), "nutkin-1.jar", sent).await.unwrap_err();
    assert_eq!((e.kind, e.effect), (ErrorKind::Config, Effect::None));
}
