//! The REST API over its socket, against a manager in this process.

mod commands;
mod dry;
mod house;
mod pages;
mod wire;

use std::{collections::BTreeSet, time::Duration};

use futures_util::{StreamExt as _, future::join_all};
use house::{House, jar, me};
use nutkin::{
    client::routes::{self, EventFilter},
    contract::{
        intent::{Start, Suspend, Verb},
        plan::Submitted,
        problem::Code,
        watch::{Interest, WatchMessage},
    },
    domain::{event::Severity, operation::OpState},
    server::{Access, Limits},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixStream,
    time::timeout,
};
use wire::{act, get, send};

use crate::fake::{self, Fake};

/// Nothing here takes so long unless it is broken.
const DEADLINE: Duration = Duration::from_secs(60);

fn target(url: &str) -> Value {
    json!({"apiVersion": "nutkin/v1", "kind": "Target", "metadata": {"name": "local"}, "spec": {"type": "session", "url": url}})
}

type Headers<'a> = &'a [(&'a str, &'a str)];

/// Nobody listens there.
const NOWHERE: &str = "http://127.0.0.1:9";

#[tokio::test]
async fn every_answer_is_json_and_every_refusal_a_problem() {
    let h = House::open().await;
    let health = get(&h.socket, "/healthz").await;
    assert_eq!(
        (health.status, &health.body["apiLevel"], &health.body["build"]),
        (200, &json!(1), &json!("test"))
    );
    let document = get(&h.socket, "/api/v1/openapi.json").await;
    assert_eq!((document.status, &document.body["openapi"]), (200, &json!("3.1.0")));
    let snapshot = get(&h.socket, "/api/v1/snapshot").await;
    assert_eq!((snapshot.status, &snapshot.body["totalRows"]), (200, &json!(0)));
    for list in ["targets", "applications", "deployments", "operations", "savepoints", "artifacts", "events"]
    {
        let reply = get(&h.socket, &format!("/api/v1/{list}")).await;
        assert_eq!((reply.status, reply.body["items"].is_array()), (200, true), "{list}");
    }
    let refusals = [
        ("GET", "/api/v1/nothing", 404, "NOT_FOUND"),
        ("GET", "/metrics", 501, "NOT_SUPPORTED"),
        ("GET", "/api/v1/deployments/a/b/metrics", 501, "NOT_SUPPORTED"),
        ("GET", "/api/v1/deployments/a/b/logs", 501, "NOT_SUPPORTED"),
        ("GET", "/api/v1/deployments/a/b/logs/stream", 501, "NOT_SUPPORTED"),
        ("GET", "/logs", 404, "NOT_FOUND"),
        ("GET", "/api/v1/events?follow=maybe", 400, "BAD_REQUEST"),
        ("GET", "/", 404, "NOT_FOUND"),
        ("PUT", "/api/v1/targets", 405, "BAD_REQUEST"),
        ("GET", "/api/v1/targets?limit=0", 400, "BAD_REQUEST"),
        ("GET", "/api/v1/targets?limt=5", 400, "BAD_REQUEST"),
        ("GET", "/api/v1/targets?after=gone", 400, "BAD_REQUEST"),
        ("GET", "/api/v1/events?after=x", 400, "BAD_REQUEST"),
        ("GET", "/api/v1/events?severity=loud", 400, "BAD_REQUEST"),
        ("GET", "/api/v1/snapshot?view=fleet", 501, "NOT_SUPPORTED"),
        ("GET", "/api/v1/snapshot?sort=luck", 400, "BAD_REQUEST"),
        ("GET", "/api/v1/deployments/a/b", 404, "NOT_FOUND"),
        ("GET", "/api/v1/deployments/a/..%2Fb", 404, "NOT_FOUND"),
        ("GET", "/api/v1/savepoints/x", 404, "NOT_FOUND"),
        ("GET", "/api/v1/artifacts/x", 404, "NOT_FOUND"),
        ("GET", "/api/v1/operations/x", 404, "NOT_FOUND"),
    ];
    for (method, path, status, code) in refusals {
        let reply = send(&h.socket, method, path, &[], "").await;
        assert_eq!((reply.status, reply.code()), (status, code), "{method} {path}: {:?}", reply.body);
        assert_eq!(reply.header("content-type"), "application/problem+json", "{path}");
        assert!(!reply.body["detail"].as_str().unwrap().is_empty());
    }
    h.close().await;
}

#[tokio::test]
async fn bodies_are_bounded_typed_and_keyed() {
    let h = House::open().await;
    let key = ("idempotency-key", "k");
    let huge = format!("\"{}\"", "x".repeat(1 << 20));
    let cases: [(Headers<'_>, &str, u16, &str); 6] = [
        (&[], "{}", 400, "KEY_MISSING"),
        (&[key, ("content-type", "text/plain")], "{}", 400, "BAD_REQUEST"),
        (&[key], "{", 400, "BAD_REQUEST"),
        (&[key], r#"{"documents": 7}"#, 400, "BAD_REQUEST"),
        (&[key], &huge, 413, "TOO_LARGE"),
        (&[key, ("nutkin-via", "auto")], "{}", 400, "BAD_REQUEST"),
    ];
    for (headers, body, status, code) in cases {
        let reply = send(&h.socket, "POST", "/api/v1/apply", headers, body.to_owned()).await;
        assert_eq!(
            (reply.status, reply.code()),
            (status, code),
            "{headers:?} {}",
            &body[..body.len().min(40)]
        );
    }
    let mut known = target(NOWHERE);
    known["mta"] = json!({"reason": "x"});
    assert_eq!(act(&h.socket, "POST", "/api/v1/targets", "k2", &known).await.code(), "BAD_REQUEST");
    let unknown =
        act(&h.socket, "POST", "/api/v1/deployments/a/b/start", "k", &json!({"form": "latest"})).await;
    assert_eq!(unknown.code(), "BAD_REQUEST");
    assert!(unknown.body["detail"].as_str().unwrap().contains("form"), "{:?}", unknown.body);
    h.close().await;
}

/// A misspelled key would turn off what it was meant to say, such as the plan that was confirmed.
#[tokio::test]
async fn a_key_that_nothing_reads_is_refused() {
    let h = House::open().await;
    let document = target(NOWHERE);
    let mut more = document.clone();
    more["status"] = json!({});
    let cases = [
        ("POST", "deployments/a/b/start", json!({"meta": {"expct": "d1"}}), "expct"),
        ("POST", "apply", json!({"document": [document]}), "document"),
        ("POST", "apply", json!({"documents": [document], "meta": {"reson": "x"}}), "reson"),
        ("POST", "apply", json!({"documents": [more]}), "status"),
        ("POST", "apply", json!({"documents": []}), "no document"),
        ("POST", "apply", json!({}), "no document"),
        ("PUT", "watch/x/interest", json!({"deployment": ["a/b"]}), "deployment"),
    ];
    for (method, path, body, says) in cases {
        let reply = act(&h.socket, method, &format!("/api/v1/{path}"), "k", &body).await;
        assert_eq!((reply.status, reply.code()), (400, "BAD_REQUEST"), "{path} {body}: {:?}", reply.body);
        assert!(reply.body["detail"].as_str().unwrap().contains(says), "{path} {body}: {:?}", reply.body);
    }
    assert!(h.manager.targets().is_empty());
    let labels = json!({"apiVersion": "nutkin/v1", "kind": "Application", "metadata": {"name": "a"}, "spec": {"labels": {"a": "b"}}});
    let dropped = act(&h.socket, "POST", "/api/v1/applications", "a", &labels).await;
    assert_eq!((dropped.status, dropped.code()), (400, "INVALID_SPEC"), "{:?}", dropped.body);
    h.close().await;
}

#[tokio::test]
async fn strangers_viewers_and_web_pages_are_kept_out() {
    let h = House::open().await;
    for (headers, method) in [
        (vec![("host", "evil.example")], "GET"),
        (vec![("host", "evil.example:80")], "POST"),
        (vec![("origin", "http://localhost"), ("idempotency-key", "k")], "POST"),
    ] {
        for path in ["/healthz", "/api/v1/openapi.json", "/api/v1/apply"] {
            let reply = send(&h.socket, method, path, &headers, "").await;
            assert_eq!((reply.status, reply.code()), (403, "FORBIDDEN"), "{headers:?} {path}");
        }
    }
    h.close().await;

    let somebody_else = me() + 1;
    let stranger = House::with(Access::new(somebody_else, &[], &[]), Limits::default()).await;
    let reply = get(&stranger.socket, "/healthz").await;
    assert_eq!((reply.status, reply.code()), (403, "FORBIDDEN"));
    stranger.close().await;

    let ours = format!("user:{}", me());
    let viewer = House::with(Access::new(somebody_else, &[], &[ours]), Limits::default()).await;
    assert_eq!(get(&viewer.socket, "/api/v1/targets").await.status, 200);
    let denied = act(&viewer.socket, "POST", "/api/v1/targets", "k", &target(NOWHERE)).await;
    assert_eq!((denied.status, denied.code()), (403, "FORBIDDEN"));
    assert!(viewer.manager.targets().is_empty());
    viewer.close().await;
}

#[tokio::test]
async fn an_object_is_created_once_locked_by_its_version_and_removed() {
    let h = House::open().await;
    let document = target(NOWHERE);
    let all = "/api/v1/targets";
    let dry = send(&h.socket, "POST", "/api/v1/targets?dryRun=true", &[], document.to_string()).await;
    assert_eq!((dry.status, &dry.body["items"][0]["action"]), (200, &json!("create")));
    assert!(h.manager.targets().is_empty());

    let made = act(&h.socket, "POST", all, "k1", &document).await;
    assert_eq!((made.status, &made.body["name"], &made.body["version"]), (201, &json!("local"), &json!(1)));
    let again = act(&h.socket, "POST", all, "k1", &document).await;
    assert_eq!((again.status, &again.body), (201, &made.body), "a lost answer is asked for again");
    let other = act(&h.socket, "POST", all, "k1", &target("http://127.0.0.1:10")).await;
    assert_eq!((other.status, other.code()), (409, "KEY_REUSED"));
    let second = act(&h.socket, "POST", all, "k2", &document).await;
    assert_eq!((second.status, second.code()), (409, "ALREADY_EXISTS"));

    let one = "/api/v1/targets/local";
    assert_eq!(get(&h.socket, one).await.header("etag"), "\"1\"");
    let patch = json!({"metadata": {"labels": {"stage": "test"}}, "spec": {"planCheck": true}}).to_string();
    let with = |key, version| [("idempotency-key", key), ("if-match", version)];
    let stale = send(&h.socket, "PATCH", one, &with("k3", "\"7\""), patch.clone()).await;
    assert_eq!((stale.status, stale.code()), (412, "STALE_REVISION"), "{:?}", stale.body);
    let patched = send(&h.socket, "PATCH", one, &with("k4", "\"1\""), patch).await;
    assert_eq!((patched.status, &patched.body["version"]), (200, &json!(2)), "{:?}", patched.body);
    assert_eq!(patched.body["labels"]["stage"], "test");
    assert_eq!(
        (&patched.body["spec"]["planCheck"], &patched.body["spec"]["url"]),
        (&json!(true), &json!(NOWHERE))
    );
    let renamed = act(&h.socket, "PATCH", one, "k5", &json!({"metadata": {"name": "other"}})).await;
    assert_eq!((renamed.status, renamed.code()), (400, "BAD_REQUEST"));

    let near = get(&h.socket, "/api/v1/targets/locl").await;
    assert!(near.body["hint"].as_str().unwrap().contains("local"), "{:?}", near.body);
    let gone = send(&h.socket, "DELETE", one, &with("k8", "\"1\""), "").await;
    assert_eq!((gone.status, gone.code()), (412, "STALE_REVISION"), "somebody has changed it since");
    let locked = send(&h.socket, "POST", all, &with("k9", "\"1\""), document.to_string()).await;
    assert_eq!((locked.status, locked.code()), (400, "BAD_REQUEST"), "a lock that does not hold is refused");
    let removed = act(&h.socket, "DELETE", one, "k6", &json!({})).await;
    assert_eq!((removed.status, &removed.body), (204, &Value::Null));
    assert_eq!(act(&h.socket, "DELETE", one, "k6", &json!({})).await.status, 204);
    assert_eq!(act(&h.socket, "DELETE", one, "k7", &json!({})).await.code(), "NOT_FOUND");
    h.close().await;
}

fn patch(label: bool, n: u32) -> Value {
    if label {
        json!({"metadata": {"labels": {"n": n.to_string()}}})
    } else {
        json!({"spec": {"parallelism": n + 2}})
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_changes_on_the_same_version_one_wins() {
    let (h, fake) = (House::open().await, Fake::start(fake::Settings::default()));
    stage(&h, &fake).await;
    for (path, label) in
        [("targets/local", true), ("applications/pay", true), ("deployments/pay/prod", false)]
    {
        let path = &format!("/api/v1/{path}");
        let version = get(&h.socket, path).await.header("etag").to_owned();
        let (version, socket) = (version.as_str(), h.socket.as_path());
        let patches = (0..10).map(|n| async move {
            let (key, body) = (format!("{path}{n}"), patch(label, n));
            let headers = [("idempotency-key", key.as_str()), ("if-match", version)];
            send(socket, "PATCH", path, &headers, body.to_string()).await
        });
        let mut statuses: Vec<u16> = join_all(patches).await.into_iter().map(|r| r.status).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [[200].as_slice(), &[412; 9]].concat(), "{path}");
        assert_ne!(get(&h.socket, path).await.header("etag"), version);
    }
    h.close().await;
}

#[tokio::test]
async fn one_key_sent_many_times_at_once_is_one_act() {
    let h = House::open().await;
    let document = target(NOWHERE);
    let replies =
        join_all((0..20).map(|_| act(&h.socket, "POST", "/api/v1/targets", "same", &document))).await;
    let versions: BTreeSet<String> = replies.iter().map(|r| format!("{} {}", r.status, r.body)).collect();
    assert_eq!(versions.len(), 1, "{versions:?}");
    let events = h.client().get(&routes::events(&EventFilter::default())).await.unwrap();
    assert_eq!(events.items.iter().filter(|e| e.name == "TARGET_CHANGED").count(), 1);
    h.close().await;
}

#[tokio::test]
async fn an_act_goes_on_when_its_client_is_gone() {
    let h = House::open().await;
    let body = target(NOWHERE).to_string();
    let mut stream = UnixStream::connect(&h.socket).await.unwrap();
    let head = format!(
        "POST /api/v1/targets HTTP/1.1\r\nhost: nutkin\r\nidempotency-key: k\r\ncontent-type: application/json\r\n\
         expect: 100-continue\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // The route asks for the body: it is at work.
    let mut go_on = [0; 12];
    timeout(DEADLINE, stream.read_exact(&mut go_on)).await.unwrap().unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100");
    stream.write_all(body.as_bytes()).await.unwrap();
    drop(stream);
    let done = async {
        while h.manager.targets().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(DEADLINE, done).await.unwrap();
    assert_eq!(act(&h.socket, "POST", "/api/v1/targets", "k", &target(NOWHERE)).await.status, 201);
    h.close().await;
}

#[tokio::test]
async fn artifacts_are_streamed_checked_and_kept_once() {
    let h = House::open().await;
    let (all, bytes) = ("/api/v1/artifacts", jar("io.example.Main"));
    let kind = ("content-type", "application/java-archive");
    let key = ("idempotency-key", "k");
    let name = ("nutkin-name", "..%2F..%2Fpay%1bments.jar");
    let made = send(&h.socket, "POST", all, &[kind, key, name], bytes.clone()).await;
    assert_eq!((made.status, &made.body["name"]), (201, &json!("payments.jar")), "{:?}", made.body);
    assert_eq!(made.body["mainClass"], "io.example.Main");
    let again = send(&h.socket, "POST", all, &[kind, ("idempotency-key", "l")], bytes.clone()).await;
    assert_eq!((again.status, &again.body["sha256"]), (201, &made.body["sha256"]));
    assert_eq!(get(&h.socket, all).await.body["items"].as_array().unwrap().len(), 1);

    let wrong = ("nutkin-sha256", "00");
    let big = ("content-length", "99999999999");
    let fresh = ("idempotency-key", "m");
    let cases: [(Headers<'_>, Vec<u8>, u16, &str); 4] = [
        (&[kind, key, wrong], bytes.clone(), 400, "BAD_ARTIFACT"),
        (&[kind, fresh], b"PK\x03\x04 but not a jar".to_vec(), 400, "BAD_ARTIFACT"),
        (&[kind, key], jar("io.example.Other"), 409, "KEY_REUSED"),
        (&[kind], bytes.clone(), 400, "KEY_MISSING"),
    ];
    for (headers, body, status, code) in cases {
        let reply = send(&h.socket, "POST", all, headers, body).await;
        assert_eq!((reply.status, reply.code()), (status, code), "{headers:?}");
    }
    let dry =
        send(&h.socket, "POST", &format!("{all}?dryRun=true"), &[kind, name], jar("io.example.Other")).await;
    assert_eq!((dry.status, &dry.body["mainClass"]), (200, &json!("io.example.Other")), "{:?}", dry.body);
    assert_eq!(get(&h.socket, all).await.body["items"].as_array().unwrap().len(), 1, "nothing more is kept");
    let mut stream = UnixStream::connect(&h.socket).await.unwrap();
    let head =
        format!("POST {all} HTTP/1.1\r\nhost: nutkin\r\nidempotency-key: k\r\n{}: {}\r\n\r\n", big.0, big.1);
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = vec![0; 12];
    timeout(DEADLINE, stream.read_exact(&mut answer)).await.unwrap().unwrap();
    assert_eq!(String::from_utf8_lossy(&answer), "HTTP/1.1 413");

    let left: Vec<_> = std::fs::read_dir(h.dir.path().join("inbox")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
    // The client of the faces: what is there already is not sent.
    let file = h.dir.path().join("same.jar");
    std::fs::write(&file, &bytes).unwrap();
    let known = h.client().upload(&file, &|_, _| panic!("sent again")).await.unwrap();
    assert_eq!(json!(known.sha256), made.body["sha256"]);
    h.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_patch_is_a_persons_and_never_what_was_applied() {
    let (h, fake) = (House::open().await, Fake::start(fake::Settings::default()));
    stage(&h, &fake).await;
    let one = "/api/v1/deployments/pay/prod";
    let mut document = get(&h.socket, &format!("{one}/document")).await.body;
    document["spec"]["state"] = json!("RUNNING");
    let apply = json!({"documents": [document]});
    let started = act(&h.socket, "POST", "/api/v1/apply", "a1", &apply).await;
    ended(&h, started.body["items"][0]["operationId"].as_str().unwrap()).await;
    let suspend = routes::verb(&"pay/prod".parse().unwrap(), &Verb::Suspend(Suspend::default()));
    let Submitted::Operation(op) = h.client().act(&suspend).await.unwrap() else { panic!() };
    ended(&h, &op.operation_id).await;

    let patched = act(&h.socket, "PATCH", one, "p1", &json!({"metadata": {"labels": {"stage": "eu"}}})).await;
    assert_eq!((patched.status, &patched.body["labels"]["stage"]), (200, &json!("eu")), "{:?}", patched.body);
    document["metadata"]["labels"] = json!({"stage": "eu"});
    let again = act(&h.socket, "POST", "/api/v1/apply", "a2", &json!({"documents": [document]})).await;
    let item = &again.body["items"][0];
    assert_eq!(
        (&item["problem"], &item["operationKind"], &item["action"]),
        (&Value::Null, &Value::Null, &json!("unchanged")),
        "{item:#}"
    );
    assert!(fake.live_jobs().is_empty(), "what a person suspended stays suspended");

    for sort in ["name", "health", "target"] {
        let window = get(&h.socket, &format!("/api/v1/snapshot?sort={sort}")).await;
        assert_eq!((window.status, &window.body["totalRows"]), (200, &json!(1)), "{sort}");
    }

    // A state in the patch is that person's own wish.
    let run =
        act(&h.socket, "PATCH", &format!("{one}?dryRun=true"), "p2", &json!({"spec": {"state": "RUNNING"}}))
            .await;
    assert_eq!(run.body["items"][0]["operationKind"], "START", "{:?}", run.body);
    h.close().await;
}

/// A target, an application and a deployment whose jar is uploaded.
async fn stage(h: &House, fake: &Fake) {
    let jar_file = h.dir.path().join("payments.jar");
    std::fs::write(&jar_file, jar("io.example.Payments")).unwrap();
    let artifact = h.client().upload(&jar_file, &|_, _| ()).await.unwrap();
    let documents = json!([
        target(&fake.url()),
        {"apiVersion": "nutkin/v1", "kind": "Application", "metadata": {"name": "pay", "title": "Payments"}, "spec": {}},
        {"apiVersion": "nutkin/v1", "kind": "Deployment", "metadata": {"application": "pay", "name": "prod"}, "spec": {
            "target": "local", "state": "CANCELLED", "artifact": {"sha256": artifact.sha256},
            "savepointDirectory": format!("file://{}/savepoints", h.dir.path().display()),
        }},
    ]);
    let reply = act(&h.socket, "POST", "/api/v1/apply", "stage", &json!({"documents": documents})).await;
    let actions: Vec<&Value> = reply.body["items"].as_array().unwrap().iter().map(|a| &a["action"]).collect();
    assert_eq!(actions, [&json!("create"); 3], "{:?}", reply.body);
}

/// Waits for what the manager sees by itself.
async fn eventually(what: &str, holds: impl Fn() -> bool) {
    let wait = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(DEADLINE, wait).await.unwrap_or_else(|_| panic!("{what}: not in time"));
}

async fn ended(h: &House, id: &str) -> OpState {
    let client = h.client();
    let wait = async {
        loop {
            let op = client.get(&routes::operation(id)).await.unwrap();
            if !op.state.is_active() || op.state == OpState::NeedsAttention {
                return op;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let Ok(op) = timeout(DEADLINE, wait).await else {
        panic!("operation {id} did not end: {:#?}", client.get(&routes::operation(id)).await)
    };
    assert!(op.state == OpState::Succeeded, "{op:#?}");
    op.state
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn verbs_answer_plans_and_operations_and_have_one_winner() {
    let (h, fake) = (House::open().await, Fake::start(fake::Settings::default()));
    stage(&h, &fake).await;
    let (client, name) = (h.client(), "pay/prod".parse().unwrap());
    let start = routes::verb(&name, &Verb::Start(Start::default()));
    let plan = client.plan(&start).await.unwrap();
    assert!(plan.runnable && fake.live_jobs().is_empty(), "{plan:#?}");

    // The same key twice at once is one operation; other keys lose, and are told to whom.
    let (one, two) = tokio::join!(client.act::<Submitted>(&start), client.act::<Submitted>(&start));
    let id = |s: Submitted| match s {
        Submitted::Operation(o) => o.operation_id,
        Submitted::Plan(p) => panic!("{p:?}"),
    };
    let (one, two) = (id(one.unwrap()), id(two.unwrap()));
    assert_eq!(one, two);
    let rivals = join_all((0..5).map(|_| {
        let (client, rival) = (client.clone(), routes::verb(&name, &Verb::Start(Start::default())));
        async move { client.act::<Submitted>(&rival).await }
    }))
    .await;
    for rival in rivals {
        let problem = rival.unwrap_err();
        assert!(matches!(problem.code, Code::OperationActive | Code::WrongState), "{problem:?}");
    }
    ended(&h, &one).await;
    assert_eq!(fake.live_jobs().len(), 1);

    let changed = Suspend {
        meta: nutkin::contract::intent::Meta { expect: Some("x".into()), ..Default::default() },
        ..Suspend::default()
    };
    let refused = client.act::<Submitted>(&routes::verb(&name, &Verb::Suspend(changed))).await.unwrap_err();
    assert_eq!((refused.code, refused.plan.is_some()), (Code::PlanChanged, true));
    let suspend = routes::verb(&name, &Verb::Suspend(Suspend::default()));
    ended(&h, &id(client.act(&suspend).await.unwrap())).await;

    let savepoints = client.get(&routes::savepoints(&name)).await.unwrap().items;
    assert_eq!(savepoints.len(), 1);
    let patch = nutkin::contract::intent::PatchSavepoint { pinned: Some(true), label: Some("keep".into()) };
    let pinned = client.act(&routes::patch_savepoint(&savepoints[0].savepoint_id, &patch)).await.unwrap();
    assert_eq!((pinned.pinned, pinned.label.as_deref()), (true, Some("keep")));
    for list in ["jobs", "revisions", "restore-points", "events"] {
        let reply = get(&h.socket, &format!("/api/v1/deployments/pay/prod/{list}")).await;
        assert!(!reply.body["items"].as_array().unwrap().is_empty(), "{list}: {:?}", reply.body);
    }
    let own = get(&h.socket, "/api/v1/deployments/pay/prod/jobs").await;
    assert_eq!(get(&h.socket, "/api/v1/jobs").await.body, own.body, "there is no other deployment");
    let newest = get(&h.socket, "/api/v1/operations?limit=1").await;
    assert_eq!(newest.body["items"][0]["kind"], "SUSPEND");
    let after = newest.body["next"].as_str().unwrap();
    let older = get(&h.socket, &format!("/api/v1/operations?limit=1&after={after}")).await;
    assert_eq!(older.body["items"][0]["kind"], "START");
    assert_eq!(fake.violations(), Vec::<String>::new());
    h.close().await;
}

#[tokio::test]
async fn the_watch_tells_what_changes_and_ends_with_the_manager() {
    let h = House::open().await;
    let client = h.client();
    let mut watch = client.watch(&Interest::default(), None).await.unwrap();
    let hello = timeout(DEADLINE, watch.next()).await.unwrap().unwrap().unwrap();
    let WatchMessage::Hello { watch_id, at } = hello.message else { panic!("{hello:?}") };
    assert_eq!(hello.at, Some(at));
    client.set_interest(&watch_id, &Interest { deployments: vec!["pay/prod".into()] }).await.unwrap();
    let unknown = client.set_interest("nobody", &Interest::default()).await.unwrap_err();
    assert_eq!(unknown.code, Code::NotFound);

    act(&h.socket, "POST", "/api/v1/targets", "k", &target(NOWHERE)).await;
    let (mut told, mut logged) = (false, false);
    while !(told && logged) {
        match timeout(DEADLINE, watch.next()).await.unwrap().unwrap().unwrap().message {
            WatchMessage::Target { target, .. } => told |= target.name == "local",
            WatchMessage::Events { events, .. } => {
                logged |= events.iter().any(|e| e.name == "TARGET_CHANGED")
            }
            _ => {}
        }
    }
    let mut stale = client.watch(&Interest::default(), Some("999.1")).await.unwrap();
    stale.next().await.unwrap().unwrap();
    let reset = timeout(DEADLINE, stale.next()).await.unwrap().unwrap().unwrap();
    assert!(matches!(reset.message, WatchMessage::Reset { .. }), "{reset:?}");

    // Streams must not keep a manager from leaving.
    timeout(DEADLINE, h.close()).await.unwrap();
    let end = async { while watch.next().await.is_some_and(|m| m.is_ok()) {} };
    timeout(DEADLINE, end).await.unwrap();
}

#[tokio::test]
async fn the_event_log_is_paged_back_and_followed_without_gaps() {
    let h = House::open().await;
    for n in 0..12 {
        let doc = json!({"apiVersion": "nutkin/v1", "kind": "Application", "metadata": {"name": format!("app-{n}")}, "spec": {}});
        assert_eq!(act(&h.socket, "POST", "/api/v1/applications", &format!("k{n}"), &doc).await.status, 201);
    }
    let (mut seqs, mut path) = (Vec::new(), "/api/v1/events?limit=5".to_owned());
    loop {
        let page = get(&h.socket, &path).await;
        seqs.extend(page.body["items"].as_array().unwrap().iter().map(|e| e["seq"].as_u64().unwrap()));
        let Some(next) = page.body["next"].as_str() else { break };
        path = format!("/api/v1/events?limit=5&after={next}");
    }
    let newest = *seqs.first().unwrap();
    assert_eq!(seqs, (1..=newest).rev().collect::<Vec<_>>());

    let filter =
        EventFilter { after: Some(newest - 3), severity: Some(Severity::Info), ..EventFilter::default() };
    let mut events = h.client().follow_events(&filter).await.unwrap();
    let changed = json!({"metadata": {"title": "new"}});
    let reply = act(&h.socket, "PATCH", "/api/v1/applications/app-3", "p", &changed).await;
    assert_eq!(reply.status, 200, "{:?}", reply.body);
    for wanted in newest - 2..=newest + 1 {
        let event = timeout(DEADLINE, events.next()).await.unwrap().unwrap().unwrap();
        assert_eq!(event.seq, wanted);
    }

    // A client that comes back sends its first request again, and where it was.
    let mut stream = UnixStream::connect(&h.socket).await.unwrap();
    let head = format!(
        "GET /api/v1/events?follow&after=0 HTTP/1.1\r\nhost: nutkin\r\nlast-event-id: {newest}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut text = String::new();
    while !text.contains("\nid: ") && !text.contains("\nid:") {
        let mut some = [0; 4096];
        let n = timeout(DEADLINE, stream.read(&mut some)).await.unwrap().unwrap();
        assert_ne!(n, 0, "{text}");
        text.push_str(&String::from_utf8_lossy(&some[..n]));
    }
    let id = text.lines().find_map(|l| l.strip_prefix("id:")).unwrap().trim();
    assert_eq!(id, (newest + 1).to_string(), "{text}");
    let bad = send(&h.socket, "GET", "/api/v1/events?follow=true", &[("last-event-id", "x")], "").await;
    assert_eq!((bad.status, bad.code()), (400, "BAD_REQUEST"));
    h.close().await;
}

#[tokio::test]
async fn slow_and_idle_clients_cost_one_place_for_a_while() {
    let limits = Limits { head: Duration::from_millis(200), connections: 4, ..Limits::default() };
    let h = House::with(Access::new(me(), &[], &[]), limits).await;
    let mut idle = Vec::new();
    for _ in 0..4 {
        let mut stream = UnixStream::connect(&h.socket).await.unwrap();
        stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: nut").await.unwrap();
        idle.push(stream);
    }
    // All places are taken; the next one waits until the slow ones are sent away.
    assert_eq!(timeout(DEADLINE, get(&h.socket, "/healthz")).await.unwrap().status, 200);
    for mut stream in idle {
        let mut rest = Vec::new();
        timeout(DEADLINE, stream.read_to_end(&mut rest)).await.unwrap().unwrap();
        let text = String::from_utf8_lossy(&rest);
        assert!(text.is_empty() || text.starts_with("HTTP/1.1 4"), "{text}");
    }
    h.close().await;
}

#[tokio::test]
async fn the_socket_is_private_replaces_a_dead_one_and_nothing_else() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let private = Access::new(me(), &[], &[]);
    let mode = || std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    drop(nutkin::server::bind(&path, &private).unwrap());
    assert_eq!(mode(), 0o600);
    drop(nutkin::server::bind(&path, &private).unwrap());
    let shared = Access::new(me(), &["group:oncall".into()], &[]);
    drop(nutkin::server::bind(&path, &shared).unwrap());
    assert_eq!(mode(), 0o666, "who comes in is decided at accept");
    // Those who are named must be able to enter the folder too; the owner alone needs nothing.
    let folder = |mode| std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(mode)).unwrap();
    folder(0o755);
    assert_eq!(nutkin::server::closed_to_others(&path, &shared), None);
    folder(0o700);
    assert_eq!(nutkin::server::closed_to_others(&path, &shared).as_deref(), Some(dir.path()));
    assert_eq!(nutkin::server::closed_to_others(&path, &private), None);
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, "precious").unwrap();
    assert!(nutkin::server::bind(&path, &private).is_err());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
}
