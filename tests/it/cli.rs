//! The command line against a scripted API, and against the manager that it starts.

use std::{
    collections::VecDeque,
    os::unix::net::UnixListener,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::{Bytes, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use rstest::rstest;
use serde_json::{Value, json};

#[path = "cli/said.rs"]
mod said;

const NUTKIN: &str = env!("CARGO_BIN_EXE_nutkin");

/// How long anything may take that a test waits for.
const DEADLINE: Duration = Duration::from_secs(60);

/// What the API was asked.
#[derive(Debug, Clone)]
struct Asked {
    method: String,
    path: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Asked {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }
}

/// One answer: a status and a body, or the end of the connection without one.
#[derive(Debug, Clone)]
enum Reply {
    Json(u16, Value),
    Cut,
}

type Script = Vec<(String, VecDeque<Reply>)>;

#[derive(Debug, Default)]
struct Books {
    script: Script,
    asked: Vec<Asked>,
}

/// An API on a socket that answers as it is told: the last answer of a route stays.
struct Api {
    home: tempfile::TempDir,
    books: Arc<Mutex<Books>>,
}

async fn answer(State(books): State<Arc<Mutex<Books>>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let path = parts.uri.path_and_query().unwrap().to_string();
    let path = path.strip_prefix("/api/v1").unwrap_or(&path).to_owned();
    let asked = Asked { method: parts.method.to_string(), path, headers: parts.headers, body };
    let reply = {
        let mut books = books.lock().unwrap();
        let key = format!("{} {}", asked.method, asked.path);
        books.asked.push(asked);
        let script = books.script.iter_mut().find(|(route, _)| *route == key).map(|(_, replies)| {
            if replies.len() > 1 { replies.pop_front().unwrap() } else { replies[0].clone() }
        });
        script.unwrap_or_else(|| {
            Reply::Json(404, json!({"title": "not found", "status": 404, "code": "NOT_FOUND", "detail": format!("nothing is scripted for {key}"), "hint": null, "operation": null, "plan": null}))
        })
    };
    match reply {
        Reply::Json(status, body) => {
            (StatusCode::from_u16(status).unwrap(), axum::Json(body)).into_response()
        }
        // The connection's task dies before a head is written.
        Reply::Cut => panic!("cut"),
    }
}

impl Api {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(home.path().join("api.sock")).unwrap();
        listener.set_nonblocking(true).unwrap();
        let books = Arc::new(Mutex::new(Books::default()));
        let router = Router::new().fallback(answer).with_state(Arc::clone(&books));
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::UnixListener::from_std(listener).unwrap();
                axum::serve(listener, router).await.unwrap();
            });
        });
        Self { home, books }
    }

    fn on(self, route: &str, status: u16, body: Value) -> Self {
        self.then(route, Reply::Json(status, body))
    }

    fn then(self, route: &str, reply: Reply) -> Self {
        {
            let mut books = self.books.lock().unwrap();
            match books.script.iter_mut().find(|(r, _)| r == route) {
                Some((_, replies)) => replies.push_back(reply),
                None => books.script.push((route.to_owned(), VecDeque::from([reply]))),
            }
        }
        self
    }

    fn asked(&self, route: &str) -> Vec<Asked> {
        let books = self.books.lock().unwrap();
        books.asked.iter().filter(|a| format!("{} {}", a.method, a.path) == route).cloned().collect()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> String {
        std::fs::write(self.path(name), text).unwrap();
        self.path(name).display().to_string()
    }

    fn run(&self, args: &[&str]) -> Ran {
        let server = format!("unix:{}", self.path("api.sock").display());
        let mut all = vec!["--server", server.as_str()];
        all.extend(args);
        ran(&mut command(self.home.path(), &all))
    }
}

/// nutkin without anything of this machine's.
fn command(home: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(NUTKIN);
    command
        .args(args)
        .env_clear()
        .env("HOME", home)
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("NUTKIN_TIME_ZONE", "UTC")
        // A manager is stopped by its test; this is for a test run that was killed.
        .env("NUTKIN_MANAGER_IDLE_EXIT", "1m")
        .stdin(Stdio::null());
    command
}

#[derive(Debug)]
struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl Ran {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }
}

fn ran(command: &mut Command) -> Ran {
    let Output { status, stdout, stderr } = command.output().unwrap();
    Ran {
        code: status.code().unwrap_or(-1),
        out: String::from_utf8(stdout).unwrap(),
        err: String::from_utf8(stderr).unwrap(),
    }
}

fn list(items: Value) -> Value {
    json!({ "items": items, "next": null })
}

fn problem(code: &str, detail: &str, hint: &str) -> Value {
    json!({"type": "about:blank", "title": "x", "status": 400, "code": code, "detail": detail, "hint": hint, "operation": null, "plan": null})
}

fn target(name: &str) -> Value {
    json!({
        "name": name, "type": "session", "url": "http://jm:8081", "urls": ["http://jm:8081"], "flinkVersion": "2.3.0",
        "reachable": true, "error": null, "observedAt": null, "slotsTotal": 8, "slotsFree": 3, "jobsRunning": 2,
        "unmanagedJobs": 0, "capabilities": [], "protection": "NONE", "savepointDirectory": null,
        "savepointAccess": "NONE", "colour": null, "labels": {"region": "eu"},
        "spec": {"type": "session", "urls": ["http://jm:8081"]}, "version": 1, "newField": 7
    })
}

fn operation(state: &str, steps: &[(&str, &str)]) -> Value {
    let steps: Vec<Value> = steps
        .iter()
        .enumerate()
        .map(|(i, (name, state))| {
            json!({"n": i + 1, "name": name, "state": state, "startedAt": "2026-11-22T10:00:00.000Z",
                   "endedAt": "2026-11-22T10:00:03.000Z", "attempts": 1, "detail": "detail \u{1b}[31m"})
        })
        .collect();
    let choices = json!([{"id": "savepoint-at", "title": "It is at a place I know", "effect": "goes on from it", "needs": "location"}]);
    json!({
        "operationId": "op-1", "parent": null, "kind": "SUSPEND", "deployment": "pay/prod", "target": "local",
        "state": state, "actor": "ann", "via": "cli", "reason": null, "createdAt": "2026-11-22T10:00:00.000Z",
        "startedAt": "2026-11-22T10:00:00.000Z", "endedAt": "2026-11-22T10:00:09.000Z", "steps": steps,
        "error": if state == "FAILED" { json!({"code": "STOP_FAILED", "message": "the stop failed; the job runs on", "hint": "try again"}) } else { Value::Null },
        "choices": if state == "NEEDS_ATTENTION" { choices } else { json!([]) },
        "result": "file:/sp/savepoint-1"
    })
}

fn plan() -> Value {
    json!({
        "kind": "SUSPEND", "deployment": "pay/prod", "target": "local",
        "steps": [{"n": 1, "name": "STOP_WITH_SAVEPOINT", "title": "Stop with a savepoint"}],
        "revisionNow": 3, "revisionNext": 3, "versionLabel": "v1", "diff": [], "spec": null,
        "restorePoints": [], "restoreWhy": "newest complete savepoint", "checks":
            [{"name": "reachable", "verdict": "ok", "message": "yes", "hint": null}],
        "warnings": ["mind the gap"], "irreversible": ["outputs are final"], "crashLossSeconds": 8,
        "endLossSeconds": 700, "rewindSeconds": 0, "expectedSavepointSeconds": 3, "confirmation": "YES",
        "typedName": "pay/prod", "runnable": true, "command": "nutkin suspend pay/prod", "planDigest": "d1"
    })
}

#[test]
fn machines_get_exactly_what_the_api_answers() {
    let api = Api::new().on("GET /targets", 200, json!({"items": [target("a")], "next": "a"})).on(
        "GET /targets?after=a",
        200,
        list(json!([target("b")])),
    );
    let ran = api.run(&["get", "targets", "-o", "json"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert_eq!(ran.json(), list(json!([target("a"), target("b")])));
    assert_eq!(api.run(&["get", "targets", "-o", "name"]).out, "a\nb\n");
    assert_eq!(api.asked("GET /targets")[0].header("nutkin-via"), "cli");
    let yaml =
        Api::new().on("GET /targets/a", 200, target("a")).run(&["get", "target", "a", "-o", "yaml"]).out;
    assert!(yaml.starts_with("apiVersion: nutkin/v1\nkind: Target\nmetadata:\n  name: a\n"), "{yaml}");
}

#[test]
fn people_get_aligned_harmless_rows() {
    let api = Api::new().on("GET /targets", 200, list(json!([target("a\u{1b}]0;x\u{7}"), target("日本")])));
    let ran = api.run(&["get", "targets"]);
    let expected = "\
NAME      TYPE      URL              FLINK   REACHABLE   SLOTS FREE   JOBS   UNMANAGED
a␛]0;x␇   session   http://jm:8081   2.3.0   yes         3/8          2      0
日本      session   http://jm:8081   2.3.0   yes         3/8          2      0
";
    assert_eq!(ran.out, expected);
    let none = api.run(&["get", "targets", "-l", "region=us"]);
    assert_eq!((none.out.as_str(), none.err.as_str()), ("", "no targets\n"));
    assert_eq!(api.run(&["get", "targets", "-l", "region=us", "-q"]).err, "");
}

#[test]
fn an_empty_list_says_so_to_people_only() {
    let api = Api::new()
        .on("GET /savepoints", 200, list(json!([])))
        .on("GET /operations?limit=50", 200, list(json!([])))
        .on("GET /deployments/pay/prod/revisions", 200, list(json!([])));
    let cases: [(&[&str], &str); 3] = [
        (&["savepoint", "list"], "no savepoints\n"),
        (&["operation", "list"], "no operations\n"),
        (&["history", "pay/prod"], "no revisions\n"),
    ];
    for (args, says) in cases {
        let ran = api.run(args);
        assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (0, "", says));
        let json = api.run(&[args, &["-o", "json"]].concat());
        assert_eq!((json.json(), json.err.as_str()), (list(json!([])), ""));
    }
}

const OPERATION: &str = "0192d7a0-5c1e-7a11-8f00-00000000c812";

fn savepoint(step: &str, place: &str) -> Value {
    json!({
        "savepointId": format!("{OPERATION}.{step}"), "deployment": "pay/prod",
        "createdAt": "2026-11-22T10:00:00.000Z", "triggeredAt": null, "jobId": null, "flinkJobId": null,
        "operationId": OPERATION, "triggerId": null, "targetDirectory": null, "origin": "SUSPEND",
        "status": "COMPLETED", "final": true, "location": format!("s3://b/nutkin/{place}"), "sizeBytes": 9,
        "format": null, "flinkVersion": null, "revision": 1, "label": null, "pinned": false, "verified": null,
        "failure": null
    })
}

/// Whatever a table or the console shows of an id is enough to name it.
#[test]
fn shown_ids_are_taken_for_whole_ones() {
    let first = format!("/savepoints/{OPERATION}.3.1");
    let both = list(json!([savepoint("3.1", "savepoint-6e75-aa"), savepoint("4.1", "savepoint-6e75-bb")]));
    let api = Api::new()
        .on("GET /savepoints", 200, both)
        .on(&format!("GET {first}"), 200, savepoint("3.1", "savepoint-6e75-aa"))
        .on(&format!("PATCH {first}"), 200, savepoint("3.1", "savepoint-6e75-aa"))
        .on(&format!("POST {first}/dispose"), 202, operation("QUEUED", &[]))
        .on("POST /deployments/pay/prod/start", 202, operation("QUEUED", &[]))
        .on("POST /deployments/pay/prod/reset", 202, operation("QUEUED", &[]))
        .on("GET /operations", 200, list(json!([{"operationId": OPERATION}])))
        .on(&format!("GET /operations/{OPERATION}"), 200, operation("SUCCEEDED", &[]));
    for given in ["…c812.3.1", "c812.3.1", "...812.3.1", "savepoint-6e75-aa", "…/savepoint-6e75-aa"] {
        assert_eq!(api.run(&["savepoint", "show", given]).code, 0, "{given}");
        assert_eq!(api.run(&["describe", "savepoint", given]).code, 0, "{given}");
    }
    assert_eq!(api.run(&["savepoint", "pin", "c812.3.1"]).code, 0);
    assert_eq!(api.run(&["savepoint", "dispose", "c812.3.1"]).code, 0);
    for given in ["…0000c812", "0192d7a0"] {
        assert_eq!(api.run(&["operation", "show", given]).code, 0, "{given}");
        assert_eq!(api.run(&["get", "operation", given]).code, 0, "{given}");
    }
    assert_eq!(api.run(&["start", "pay/prod", "--from", "…c812.3.1"]).code, 0);
    assert_eq!(api.run(&["start", "pay/prod", "--from", "latest"]).code, 0);
    assert_eq!(api.run(&["start", "pay/prod", "--from", "s3://b/x"]).code, 0);
    let sent: Vec<Value> =
        api.asked("POST /deployments/pay/prod/start").iter().map(|a| a.json()["from"].clone()).collect();
    assert_eq!(sent, [json!(format!("{OPERATION}.3.1")), json!("latest"), json!("s3://b/x")]);
    assert_eq!(api.run(&["reset", "pay/prod", "savepoint-6e75-bb"]).code, 0);
    let body = api.asked("POST /deployments/pay/prod/reset")[0].json();
    assert_eq!(body["savepoint"], format!("{OPERATION}.4.1"));

    let several = api.run(&["savepoint", "show", "savepoint-6e75"]);
    assert_eq!(several.code, 2, "{several:?}");
    assert!(several.err.contains("fits 2 savepoints") && several.err.contains(".3.1, "), "{}", several.err);
    let none = api.run(&["start", "pay/prod", "--from", "beef"]);
    assert_eq!(none.code, 1, "{none:?}");
    assert!(none.err.contains("no savepoint is called \"beef\""), "{}", none.err);
    assert_eq!(api.asked("POST /deployments/pay/prod/start").len(), 3);
}

#[test]
fn events_for_people_are_short_and_leave_out_what_happens_all_the_time() {
    let place = "file:/tmp/cluster/savepoints/nutkin/dep/op/savepoint-6e75-aa";
    let event = json!({
        "seq": 7, "at": "2026-11-22T10:00:00.000Z", "severity": "info", "name": "SAVEPOINT_COMPLETED",
        "application": "pay", "deployment": "pay/prod", "jobId": null, "operationId": OPERATION, "actor": "ann",
        "via": "cli", "message": format!("{place}, 9 B"), "details": null
    });
    let api = Api::new()
        .on("GET /events?severity=info&limit=100", 200, list(json!([event])))
        .on("GET /events?severity=debug&limit=100", 200, list(json!([event, event])))
        .on("GET /events?severity=warn&limit=100", 200, list(json!([])));
    let short = api.run(&["events"]);
    assert!(short.out.contains("…/savepoint-6e75-aa, 9 B") && !short.out.contains("/tmp/"), "{short:?}");
    assert!(api.run(&["events", "-o", "wide"]).out.contains(place));
    assert_eq!(api.run(&["events", "-o", "json"]).json()["items"][0]["message"], format!("{place}, 9 B"));
    assert_eq!(api.run(&["events", "--debug"]).out.lines().count(), 3);
    assert_eq!(api.run(&["events", "--severity", "warn"]).err, "no events\n");
    assert_eq!(api.run(&["get", "events"]).out, short.out);
}

/// Checkpoints every few seconds would push out what matters.
#[test]
fn a_description_has_no_debug_events() {
    let events = "GET /deployments/pay/prod/events?severity=info&limit=10";
    let api = Api::new()
        .on("GET /deployments/pay/prod", 200, crate::demo::deployment("pay/prod", "local"))
        .on("GET /deployments/pay/prod/savepoints?limit=10", 200, list(json!([])))
        .on(events, 200, list(json!([])));
    let described = api.run(&["describe", "pay/prod"]);
    assert_eq!(described.code, 0, "{described:?}");
    assert_eq!(api.asked(events).len(), 1);
}

#[test]
fn a_name_without_a_kind_is_a_deployment() {
    let api = Api::new().on("GET /deployments/pay/prod", 200, json!({"deployment": "pay/prod"}));
    let ran = api.run(&["describe", "pay/prod", "-o", "json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(ran.json()["deployment"], "pay/prod");
    api.run(&["get", "pay/prod"]);
    assert_eq!(api.asked("GET /deployments/pay/prod").len(), 2);
}

#[test]
fn jobs_of_all_deployments_are_one_question() {
    let api = Api::new().on("GET /jobs", 200, list(json!([])));
    assert_eq!(api.run(&["get", "jobs", "-o", "json"]).json(), list(json!([])));
    assert_eq!(api.books.lock().unwrap().asked.len(), 1);
}

#[test]
fn a_failed_revision_is_marked() {
    let revision = |number: u32, failed: Value| {
        json!({
            "number": number, "versionLabel": "payments@v", "author": "ann", "reason": null,
            "createdAt": "2026-11-22T10:00:00.000Z", "contentHash": "ab", "spec": {}, "provenance": {},
            "failedIn": failed
        })
    };
    let api = Api::new().on(
        "GET /deployments/pay/prod/revisions",
        200,
        list(json!([revision(3, OPERATION.into()), revision(2, Value::Null)])),
    );
    let ran = api.run(&["history", "pay/prod"]);
    let lines: Vec<&str> = ran.out.lines().collect();
    assert!(lines[1].starts_with('3') && lines[1].contains("FAILED in operation …0000c812"), "{}", ran.out);
    assert!(lines[2].starts_with('2') && !lines[2].contains("FAILED"), "{}", ran.out);
    let one = api.run(&["history", "pay/prod", "3"]);
    assert!(one.out.contains(&format!("FAILED in operation {OPERATION}")), "{}", one.out);
}

#[rstest]
#[case("NOT_FOUND", 1)]
#[case("BAD_REQUEST", 2)]
#[case("INVALID_SPEC", 2)]
#[case("OPERATION_ACTIVE", 5)]
#[case("PLAN_CHANGED", 5)]
#[case("STALE_REVISION", 5)]
#[case("TARGET_UNREACHABLE", 6)]
#[case("READ_ONLY", 8)]
#[case("CONFIRMATION_REQUIRED", 8)]
fn problems_have_exit_codes(#[case] code: &str, #[case] exit: i32) {
    let api = Api::new().on("POST /deployments/pay/prod/suspend", 400, problem(code, "it is so", "do this"));
    let ran = api.run(&["suspend", "pay/prod", "-o", "json"]);
    assert_eq!((ran.code, ran.out.as_str()), (exit, ""));
    let error: Value = serde_json::from_str(&ran.err).unwrap();
    assert_eq!(
        error,
        json!({"error": {"code": code, "message": "it is so", "hint": "do this", "operation": null}})
    );
    let ran = api.run(&["suspend", "pay/prod"]);
    assert_eq!(ran.err, "nutkin: it is so\n  hint: do this\n");
}

#[test]
fn a_plan_that_has_changed_is_shown() {
    let mut changed = problem("PLAN_CHANGED", "the plan is another one", "confirm it");
    changed["plan"] = plan();
    let api = Api::new().on("POST /deployments/pay/prod/suspend", 409, changed);
    let ran = api.run(&["-v", "suspend", "pay/prod"]);
    assert_eq!(ran.code, 5, "{ran:?}");
    for says in ["the plan now:", "outputs are final", "  code: PLAN_CHANGED", "the manager at "] {
        assert!(ran.err.contains(says), "{says}: {}", ran.err);
    }
    let error: Value = serde_json::from_str(&api.run(&["suspend", "pay/prod", "-o", "json"]).err).unwrap();
    assert_eq!(error["error"]["plan"]["planDigest"], "d1");
}

#[test]
fn a_cut_list_says_so_on_stderr() {
    let cut = json!({"items": [operation("SUCCEEDED", &[])], "next": "op-1"});
    let api = Api::new().on("GET /operations?limit=1", 200, cut.clone()).on(
        "GET /events?severity=info&limit=100",
        200,
        json!({"items": [], "next": "before-7"}),
    );
    let says = "1 shown, more may exist: --limit N\n";
    for args in [&["operation", "list", "--limit", "1"][..], &["get", "operations", "--limit", "1"]] {
        assert_eq!(api.run(args).err, says);
        let json = api.run(&[args, &["-o", "json"]].concat());
        assert_eq!((json.json(), json.err.as_str()), (cut.clone(), says));
        assert_eq!(api.run(&[args, &["-q"]].concat()).err, "");
    }
    assert!(api.run(&["events"]).err.contains("more may exist"));
}

#[test]
fn rows_are_chosen_before_they_are_counted() {
    let labelled = |name: &str, region: &str| {
        let mut target = target(name);
        target["labels"]["region"] = region.into();
        target
    };
    let api = Api::new()
        .on("GET /targets", 200, json!({"items": [labelled("a", "us"), labelled("b", "eu")], "next": "b"}))
        .on("GET /targets?after=b", 200, list(json!([labelled("c", "us"), labelled("d", "eu")])))
        .on("GET /operations", 200, list(json!([operation("SUCCEEDED", &[])])));
    let ran = |args: &[&str]| api.run(&[args, &["-o", "name"]].concat());
    assert_eq!(ran(&["get", "targets", "-l", "region=eu"]).out, "b\nd\n");
    let cut = ran(&["get", "targets", "-l", "region=eu", "--limit", "1"]);
    assert_eq!((cut.out.as_str(), cut.err.as_str()), ("b\n", "1 shown, more may exist: --limit N\n"));
    assert_eq!(ran(&["get", "operations", "--target", "local"]).out, "op-1\n");
    assert_eq!(ran(&["get", "operations", "--target", "other"]).out, "");
}

#[test]
fn a_choice_is_waited_for_under_a_chosen_key() {
    let route = "POST /operations/op-1/choose";
    let mut child = operation("RUNNING", &[]);
    child["operationId"] = "op-2".into();
    let mut ended = operation("SUCCEEDED", &[]);
    ended["operationId"] = "op-2".into();
    let api = Api::new().on(route, 202, child).on("GET /operations/op-2", 200, ended);
    let args =
        ["operation", "choose", "op-1", "retry", "--exact", "--idempotency-key", "k", "--reason", "why"];
    let ran = api.run(&[&args[..], &["--wait"]].concat());
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("SUCCEEDED") && ran.out.contains("operation op-2"), "{}", ran.out);
    let asked = &api.asked(route)[0];
    assert_eq!((asked.header("idempotency-key"), asked.json()["reason"].clone()), ("k", "why".into()));
    assert!(api.run(&args).out.contains("RUNNING"));
}

#[test]
fn an_act_carries_its_request_and_one_key_however_often_it_is_sent() {
    let route = "POST /deployments/pay/prod/upgrade";
    let api = Api::new()
        .on("GET /artifacts", 200, list(json!([])))
        .then(route, Reply::Cut)
        .then(route, Reply::Cut)
        .on(route, 202, operation("QUEUED", &[]));
    let ran = api.run(&[
        "upgrade",
        "pay/prod",
        "--artifact",
        "v2.jar",
        "--parallelism",
        "4",
        "--flink-conf",
        "a.b=1",
        "c=null",
        "--set",
        "probation.timeout=10m",
        "--upgrade-strategy",
        "stateless",
        "--reason",
        "why",
        "--yes",
        "--args",
        "--rate",
        "500",
    ]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("SUSPEND pay/prod QUEUED"), "{}", ran.out);
    let asked = api.asked(route);
    assert_eq!(asked.len(), 3);
    let keys: Vec<_> = asked.iter().map(|a| a.header("idempotency-key")).collect();
    assert!(!keys[0].is_empty() && keys.iter().all(|k| *k == keys[0]), "{keys:?}");
    let body = asked[0].json();
    assert_eq!(body["artifact"], "v2.jar");
    assert_eq!(body["args"], json!(["--rate", "500"]));
    assert_eq!(body["flinkConfiguration"], json!({"a.b": "1", "c": null}));
    assert_eq!(body["set"], json!({"probation/timeout": "10m"}));
    assert_eq!(body["upgradeStrategy"], "STATELESS");
    assert_eq!(body["meta"], json!({"reason": "why", "yes": true}));
}

#[test]
fn a_chosen_key_is_sent() {
    let route = "POST /deployments/pay/prod/start";
    let api = Api::new().on(route, 202, operation("QUEUED", &[]));
    api.run(&["start", "pay/prod", "--idempotency-key", "ci-7", "--from", "latest"]);
    assert_eq!(api.asked(route)[0].header("idempotency-key"), "ci-7");
}

#[test]
fn a_dry_run_prints_the_plan_and_sends_nothing_else() {
    let route = "POST /deployments/pay/prod/suspend?dryRun=true";
    let api = Api::new().on(route, 200, plan());
    let ran = api.run(&["suspend", "pay/prod", "--dry-run"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    for part in [
        "SUSPEND pay/prod on local, revision 3 (v1)",
        "1. Stop with a savepoint",
        "newest complete savepoint",
        "an end now would lose 11m 40s",
        "mind the gap",
        "outputs are final",
        "preflight",
        "ok   reachable   yes",
    ] {
        assert!(ran.out.contains(part), "{part}: {}", ran.out);
    }
    assert_eq!(api.run(&["suspend", "pay/prod", "--dry-run", "-o", "json"]).json(), plan());
    assert_eq!(api.books.lock().unwrap().asked.len(), 2);
}

#[rstest]
#[case("SUCCEEDED", 0)]
#[case("FAILED_NO_EFFECT", 1)]
#[case("FAILED", 3)]
#[case("ROLLED_BACK", 3)]
#[case("NEEDS_ATTENTION", 4)]
#[case("CANCELLED", 3)]
fn waiting_ends_with_the_operation(#[case] state: &str, #[case] exit: i32) {
    let (stop, terminal) = ("STOP_WITH_SAVEPOINT", "AWAIT_TERMINAL");
    let api = Api::new()
        .on("POST /deployments/pay/prod/suspend", 202, operation("QUEUED", &[]))
        .on("GET /operations/op-1", 200, operation("RUNNING", &[(stop, "CONFIRMED"), (terminal, "INTENT")]))
        .on("GET /operations/op-1", 200, operation(state, &[(stop, "CONFIRMED"), (terminal, "CONFIRMED")]));
    let ran = api.run(&["suspend", "pay/prod", "--wait"]);
    assert_eq!(ran.code, exit, "{ran:?}");
    assert!(ran.err.contains("1/2 STOP_WITH_SAVEPOINT: done 3s · detail ␛[31m"), "{}", ran.err);
    assert!(ran.err.contains("2/2 AWAIT_TERMINAL: done"), "{}", ran.err);
    // The bare word beside the kind ROLLBACK would leave open who was rolled back.
    let word = if state == "ROLLED_BACK" { "FAILED, ROLLED BACK" } else { state };
    assert!(ran.out.contains(&format!("SUSPEND pay/prod {word} in 9s   operation op-1")), "{}", ran.out);
    assert_eq!(
        ran.err.contains("operation choose op-1 savepoint-at --location URI"),
        exit == 4,
        "{}",
        ran.err
    );
}

/// Cancelled is without effect only when no step may have had one.
#[rstest]
#[case("UPLOAD_JAR", "CONFIRMED", 1)]
#[case("STOP_WITH_SAVEPOINT", "PLANNED", 1)]
#[case("STOP_WITH_SAVEPOINT", "REFUTED", 1)]
#[case("STOP_WITH_SAVEPOINT", "INTENT", 3)]
#[case("CANCEL_JOB", "AMBIGUOUS", 3)]
fn a_cancelled_operation_may_have_changed_something(
    #[case] step: &str,
    #[case] state: &str,
    #[case] exit: i32,
) {
    let api = Api::new().on("GET /operations/op-1", 200, operation("CANCELLED", &[(step, state)]));
    assert_eq!(api.run(&["operation", "wait", "op-1", "--exact"]).code, exit);
}

#[test]
fn waiting_goes_on_with_what_an_operation_starts() {
    let other = |id: &str, kind: &str, state: &str, parent: Value| {
        let mut o = operation(state, &[]);
        (o["operationId"], o["kind"], o["parent"]) = (id.into(), kind.into(), parent);
        o
    };
    let newest = "GET /operations?limit=50&deployment=pay%2Fnew";
    let api = Api::new()
        .on("POST /deployments/pay/prod/fork", 202, other("f", "FORK", "QUEUED", Value::Null))
        .on("GET /operations/f", 200, other("f", "FORK", "SUCCEEDED", Value::Null))
        .on(newest, 200, list(json!([])))
        .on(newest, 200, list(json!([other("s", "START", "RUNNING", "f".into())])))
        .on("GET /operations/s", 200, other("s", "START", "FAILED", Value::Null));
    let ran = api.run(&["fork", "pay/prod", "pay/new", "--start", "--wait"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.err.contains("FORK SUCCEEDED, START of pay/prod goes on"), "{}", ran.err);

    let api = Api::new()
        .on("GET /operations/a", 200, other("a", "SUSPEND", "RESOLVED", Value::Null))
        .on("GET /operations?limit=50", 200, list(json!([other("b", "START", "RUNNING", "a".into())])))
        .on("GET /operations/b", 200, other("b", "START", "SUCCEEDED", "a".into()));
    let ran = api.run(&["operation", "wait", "a", "--exact", "-o", "name"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, "a\n"), "{ran:?}");
}

#[test]
fn the_time_to_wait_may_end_first() {
    let api = Api::new().on("POST /deployments/pay/prod/suspend", 202, operation("QUEUED", &[])).on(
        "GET /operations/op-1",
        200,
        operation("RUNNING", &[]),
    );
    let ran = api.run(&["suspend", "pay/prod", "--wait", "--timeout", "200ms", "-o", "json"]);
    assert_eq!(ran.code, 7, "{ran:?}");
    assert!(
        ran.err.contains("\"operation\":\"op-1\"") && ran.err.contains("operation wait op-1"),
        "{}",
        ran.err
    );
}

#[rstest]
#[case(&["suspend", "prod"], "APP/NAME")]
#[case(&["suspend", "pay/Prod"], "1 to 63 of a-z")]
#[case(&["upgrade", "pay/prod", "--set", "paralelism=3"], "did you mean \"parallelism\"?")]
#[case(&["upgrade", "pay/prod", "--flink-conf", "nothing"], "KEY=VALUE")]
#[case(&["upgrade", "pay/prod", "--artifact", "/nope/x.jar"], "bring the file with --jar /nope/x.jar")]
#[case(&["history", "pay/prod", "2..3"], "a revision is a whole number, such as 2; two of them with a space")]
#[case(&["events", "pay/prod", "--deployment", "pay/prod"], "cannot be used with")]
#[case(&["demo", "--yes"], "--reset")]
#[case(&["get", "revisions"], "nutkin get revisions APP/NAME")]
#[case(&["get", "deploymnts"], "'deployments'")]
#[case(&["get", "jobs", "-l", "a=b"], "jobs have no labels")]
#[case(&["get", "savepoints", "--target", "local"], "savepoints cannot be chosen by target")]
#[case(&["get", "target", "a", "-l", "a=b"], "and a is named")]
#[case(&["describe", "deployment"], "nutkin describe KIND NAME")]
#[case(&["describe", "pay/prod", "pay/x"], "write the kind first")]
#[case(&["events", "--debug", "--severity", "warn"], "cannot be used with")]
#[case(&["start", "pay/prod", "--timeout", "soon"], "is not a duration")]
#[case(&["operation", "choose", "x", "retri"], "did you mean \"retry\"?")]
#[case(&["apply", "-f", "/does/not/exist.yaml"], "/does/not/exist.yaml: cannot be read")]
fn wrong_usage_is_named_and_nothing_is_sent(#[case] args: &[&str], #[case] says: &str) {
    let api = Api::new();
    let ran = api.run(args);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.err.contains(says), "{}", ran.err);
    assert!(api.books.lock().unwrap().asked.is_empty());
}

const MANIFEST: &str = "\
apiVersion: nutkin/v1
kind: Deployment
metadata: { application: pay, name: prod }
spec:
  target: local
  artifact: { jar: app.jar, args: [\"--password\", x] }
";

fn applied(action: &str, problem: Value) -> Value {
    list(json!([{
        "kind": "Deployment", "name": "pay/prod", "action": action,
        "diff": if action == "update" { json!([{"path": "parallelism", "old": 1, "new": 2}]) } else { json!([]) },
        "operationKind": null, "operationId": null, "warnings": [], "problem": problem
    }]))
}

fn sha_of(text: &str) -> String {
    use sha2::Digest as _;
    sha2::Sha256::digest(text.as_bytes()).iter().map(|b| format!("{b:02x}")).collect()
}

#[test]
fn apply_uploads_a_jar_once_and_sends_its_hash() {
    let sha = sha_of("PK jar");
    let artifact = json!({"sha256": sha, "name": "app.jar", "sizeBytes": 6, "mainClass": null, "entryClasses": [],
                          "createdAt": "2026-11-22T10:00:00.000Z", "usedBy": []});
    let there = format!("GET /artifacts/{sha}");
    let api = Api::new()
        .on(&there, 404, problem("NOT_FOUND", "no", ""))
        .on(&there, 200, artifact.clone())
        .on("POST /artifacts", 201, artifact)
        .on("POST /apply", 200, applied("create", Value::Null));
    api.write("app.jar", "PK jar");
    let manifest = api.write("m.yaml", MANIFEST);
    for _ in 0..2 {
        let ran = api.run(&["apply", "-f", &manifest]);
        assert_eq!(ran.code, 0, "{ran:?}");
        assert!(ran.out.contains("Deployment   pay/prod   create"), "{}", ran.out);
    }
    let uploads = api.asked("POST /artifacts");
    assert_eq!(uploads.len(), 1);
    let upload = &uploads[0];
    assert_eq!((upload.header("nutkin-name"), upload.header("nutkin-sha256")), ("app.jar", sha.as_str()));
    assert_eq!((upload.header("content-length"), &upload.body[..]), ("6", &b"PK jar"[..]));
    let sent = api.asked("POST /apply")[1].json();
    let artifact = &sent["documents"][0]["spec"]["artifact"];
    assert_eq!(
        (artifact["sha256"].as_str(), artifact["jar"].as_str()),
        (Some(sha.as_str()), Some("app.jar"))
    );
}

#[rstest]
#[case(applied("unchanged", Value::Null), 0, "unchanged", "")]
#[case(applied("update", Value::Null), 1, "parallelism: 1 → 2", "")]
#[case(
    applied(
        "refused",
        problem("INVALID_SPEC", "artifact/args/1: a literal secret is not stored", "use a reference")
    ),
    2,
    "",
    "m.yaml:6:50: Deployment pay/prod: artifact/args/1: a literal secret is not stored"
)]
#[case(applied("refused", problem("NOT_FOUND", "no target local", "")), 2, "", "no target local")]
fn diff_has_three_outcomes(
    #[case] answer: Value,
    #[case] exit: i32,
    #[case] says: &str,
    #[case] complains: &str,
) {
    let api = Api::new()
        .on(&format!("GET /artifacts/{}", sha_of("PK")), 200, json!({"sha256": sha_of("PK"), "name": "app.jar", "sizeBytes": 2, "mainClass": null, "entryClasses": [], "createdAt": "2026-11-22T10:00:00.000Z", "usedBy": []}))
        .on("POST /apply?dryRun=true", 200, answer);
    api.write("app.jar", "PK");
    let manifest = api.write("m.yaml", MANIFEST);
    let ran = api.run(&["diff", "-f", &manifest]);
    assert_eq!(ran.code, exit, "{ran:?}");
    assert!(ran.out.contains(says), "{}", ran.out);
    assert!(ran.err.contains(complains), "{complains:?} is not in: {}", ran.err);
}

fn row(kind: &str, name: &str, action: &str, operation: Value, problem: Value) -> Value {
    json!({"kind": kind, "name": name, "action": action, "diff": [], "operationKind": null, "operationId": operation,
           "warnings": [], "problem": problem})
}

#[test]
fn an_apply_in_part_says_which_documents_are_done() {
    let refusal = problem("POLICY_DENIED", "the target is read-only; nothing was changed", "use another");
    let rows = list(json!([
        row("Target", "local", "create", Value::Null, Value::Null),
        row("Deployment", "pay/prod", "refused", Value::Null, refusal.clone()),
        row("Deployment", "pay/eu", "update", Value::Null, refusal.clone()),
        row("Deployment", "pay/us", "unchanged", Value::Null, Value::Null),
    ]));
    let api = Api::new().on("POST /apply", 200, rows);
    let manifest = api.write("m.yaml", &MANIFEST.replace("jar: app.jar", "sha256: ab"));
    let ran = api.run(&["apply", "-f", &manifest]);
    assert_eq!(ran.code, 3, "{ran:?}");
    for says in [
        "  done: Target local: create\n",
        "m.yaml:5:3: Deployment pay/prod: the target is read-only\n",
        "  half done: Deployment pay/eu: update is done, but not what follows: the target is read-only\n",
        "  unchanged: Deployment pay/us\n",
        "hint: use another",
    ] {
        assert!(ran.err.contains(says), "{says}: {}", ran.err);
    }
    assert!(!ran.err.contains("nothing was changed"), "{}", ran.err);

    let nothing = list(json!([row("Deployment", "pay/prod", "refused", Value::Null, refusal)]));
    let api = Api::new().on("POST /apply", 200, nothing);
    let manifest = api.write("m.yaml", &MANIFEST.replace("jar: app.jar", "sha256: ab"));
    let ran = api.run(&["apply", "-f", &manifest]);
    assert_eq!(ran.code, 8, "{ran:?}");
    assert!(ran.err.contains("nothing was changed"), "{}", ran.err);
}

/// A name that must be typed is asked for on a terminal, and what was shown is what runs.
#[test]
fn apply_asks_for_the_typed_name_of_a_deployment() {
    let mut foreseen = row("Deployment", "pay/prod", "update", Value::Null, Value::Null);
    (foreseen["operationKind"], foreseen["plan"]) = ("SUSPEND".into(), plan());
    foreseen["plan"]["confirmation"] = "TYPE_NAME".into();
    let api = Api::new().on("POST /apply?dryRun=true", 200, list(json!([foreseen]))).on(
        "POST /apply",
        200,
        list(json!([row("Deployment", "pay/prod", "update", "op-1".into(), Value::Null)])),
    );
    let manifest = api.write("m.yaml", &MANIFEST.replace("jar: app.jar", "sha256: ab"));
    let args = ["apply", "-f", &manifest, "--no-wait", "--idempotency-key", "ci-7"];
    let mut screen = Screen::open(&api, &args);
    screen.until("outputs are final");
    screen.until("type pay/prod to confirm SUSPEND:");
    screen.types("pay/prod\n");
    screen.until("op-1");
    assert!(screen.child.wait().unwrap().success());
    let sent = api.asked("POST /apply");
    assert_eq!(sent.len(), 1);
    let sent_body = sent[0].json();
    assert_eq!(
        (&sent_body["expect"], &sent_body["confirm"]),
        (&json!({"pay/prod": "d1"}), &json!(["pay/prod"]))
    );
    assert_eq!(sent[0].header("idempotency-key"), "ci-7");

    let mut screen = Screen::open(&api, &args);
    screen.until("type pay/prod to confirm SUSPEND:");
    screen.types("pay/staging\n");
    screen.until("nothing was changed");
    assert_eq!(screen.child.wait().unwrap().exit_code(), 1);
    assert_eq!(api.asked("POST /apply").len(), 1, "nothing more was sent");
}

#[test]
fn a_wrong_manifest_is_named_by_line_and_column_and_nothing_is_sent() {
    let api = Api::new();
    let manifest = api.write("m.yaml", &MANIFEST.replace("target: local", "taget: local"));
    api.write("app.jar", "PK");
    let ran = api.run(&["apply", "-f", &manifest]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("m.yaml:5:3: unknown key \"taget\"; did you mean \"target\"?"), "{}", ran.err);
    assert!(api.books.lock().unwrap().asked.is_empty());
}

#[test]
fn settings_are_checked_with_places() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join(".config/nutkin/config.toml");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, "thme = \"dark\"\n[console]\nmax-fps = \"fast\"\n").unwrap();
    let ran = ran(&mut command(home.path(), &["config", "check"]));
    assert_eq!(ran.code, 2);
    assert!(
        ran.out.contains("config.toml:1:1: unknown key \"thme\"; did you mean \"theme\"?"),
        "{}",
        ran.out
    );
    assert!(ran.out.contains("config.toml:3:11: expected a whole number, found text"), "{}", ran.out);
}

#[test]
fn theme_and_keymap_are_part_of_the_check_and_doctor_runs_without_valid_settings() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("config.toml");
    let keymap = home.path().join("keys.toml");
    std::fs::write(&keymap, "[everywhere]\n").unwrap();
    let run = |settings: &str, args: &[&str]| {
        std::fs::write(&file, settings).unwrap();
        ran(command(home.path(), args).env("NUTKIN_CONFIG", &file))
    };
    let vim = run("keymap = \"vim\"\n", &["config", "check"]);
    assert_eq!(vim.code, 2, "{vim:?}");
    assert!(
        vim.out.contains("the keymap \"vim\" is no file") && vim.out.contains("none of default"),
        "{}",
        vim.out
    );
    let wrong = run(&format!("keymap = \"{}\"\n", keymap.display()), &["config", "check"]);
    assert_eq!(wrong.code, 2, "{wrong:?}");
    assert!(wrong.out.contains("keys.toml:1:1: "), "{}", wrong.out);
    let unused = run("[console]\nmouse = false\n", &["config", "check"]);
    assert_eq!(unused.code, 0, "{unused:?}");
    assert!(unused.out.contains("config.toml:2:9: console.mouse is not used"), "{}", unused.out);

    let doctor = run("thme = \"dark\"\n", &["doctor"]);
    assert_eq!(doctor.code, 1, "{doctor:?}");
    assert!(
        doctor.out.contains("unknown key \"thme\"") && doctor.out.contains("none runs"),
        "{}",
        doctor.out
    );
    let state = home.path().join(".local/state/nutkin");
    std::fs::create_dir_all(&state).unwrap();
    std::fs::write(state.join("nutkin.db"), "no database".repeat(1000)).unwrap();
    let doctor = run("", &["doctor", "-o", "json"]).json();
    let store = doctor["items"].as_array().unwrap().iter().find(|c| c["name"] == "store file").cloned();
    assert_eq!(store.unwrap()["verdict"], "failed");
}

#[test]
fn no_manager_where_nobody_can_be_started() {
    let home = tempfile::tempdir().unwrap();
    let gone = ran(&mut command(home.path(), &["--server", "unix:/does/not/exist", "get", "targets"]));
    assert_eq!(gone.code, 6, "{gone:?}");
    let http = ran(&mut command(home.path(), &["--server", "http://x", "get", "targets"]));
    assert_eq!(http.code, 2);
    assert!(http.err.contains("only unix:PATH is built so far"), "{}", http.err);
    let tcp = ran(&mut command(home.path(), &["serve", "--listen", "0.0.0.0:1"]));
    assert_eq!(tcp.code, 2, "{tcp:?}");
}

/// A state directory whose manager is stopped at the end.
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }
    fn command(&self, args: &[&str]) -> Command {
        let mut command = command(self.0.path(), args);
        command.env("NUTKIN_STATE_DIR", self.0.path().join("state"));
        command
    }
    fn run(&self, args: &[&str]) -> Ran {
        ran(&mut self.command(args))
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        self.run(&["manager", "stop"]);
    }
}

/// A variable of daily work must not turn the demo, or a command for another profile, loose on that store.
#[test]
fn flags_win_over_the_variable_of_a_state_directory() {
    let home = Home::new();
    assert_eq!(home.run(&["target", "add", "t", "http://127.0.0.1:1", "--no-check"]).code, 0);
    let stopped = home.run(&["demo", "--stop", "-o", "json"]);
    assert_eq!(stopped.json(), json!({"stopped": false, "suspended": []}), "{stopped:?}");
    let reset = home.run(&["demo", "--reset", "-o", "json"]);
    assert_eq!((reset.code, reset.json()["reset"].clone()), (0, json!(false)), "{reset:?}");
    assert_eq!(home.run(&["manager", "status"]).code, 0, "its manager goes on");
    let other = home.run(&["--profile", "prod", "get", "targets"]);
    assert_eq!(other.code, 1, "{other:?}");
    assert!(other.err.contains("there is no profile \"prod\""), "{}", other.err);

    let prod = home.0.path().join(".local/state/nutkin/profiles/prod");
    std::fs::create_dir_all(&prod).unwrap();
    std::fs::write(prod.join("nutkin.db"), "a person's").unwrap();
    let refused = home.run(&["--profile", "prod", "demo", "--reset", "-o", "json", "-q"]);
    assert_eq!((refused.code, refused.out.as_str()), (2, ""), "{refused:?}");
    let error: Value = serde_json::from_str(&refused.err).unwrap();
    assert!(error["error"]["message"].as_str().unwrap().contains("nothing was changed"), "{error}");
    assert!(prod.join("nutkin.db").exists());
}

#[test]
fn a_server_is_used_or_refused_but_never_passed_over() {
    let home = tempfile::tempdir().unwrap();
    let server = ["--server", "unix:/does/not/exist"];
    for args in [["manager", "status"], ["manager", "stop"], ["manager", "restart"], ["manager", "log"]] {
        let refused = ran(&mut command(home.path(), &[&server[..], &args].concat()));
        assert_eq!(refused.code, 2, "{refused:?}");
        assert!(refused.err.contains("NUTKIN_SERVER names unix:/does/not/exist"), "{}", refused.err);
    }
    for args in [&["serve"][..], &["demo"], &["--profile", "p", "get", "targets"]] {
        let refused = ran(&mut command(home.path(), &[&server[..], args].concat()));
        assert_eq!(refused.code, 2, "{refused:?}");
    }
    let by_variable =
        |args: &[&str]| ran(command(home.path(), args).env("NUTKIN_SERVER", "unix:/does/not/exist"));
    assert_eq!(by_variable(&["manager", "status"]).code, 2);
    // A flag that names a state directory is stronger than the variable.
    let state = home.path().join("state").display().to_string();
    assert_eq!(by_variable(&["--state-dir", &state, "manager", "status"]).code, 1);
    let doctor = by_variable(&["doctor", "-o", "json"]);
    assert_eq!(doctor.code, 1, "{doctor:?}");
    assert!(doctor.out.contains("/does/not/exist"), "{}", doctor.out);
    let both = ran(&mut command(home.path(), &["demo", "--flink-version", "1", "--flink-home", "/x"]));
    assert_eq!(both.code, 2, "{both:?}");
    let bad =
        ran(command(home.path(), &["demo", "--flink-version", "not/a/version"]).env("FLINK_HOME", "/x"));
    assert_eq!(bad.code, 2, "the flag wins over the variable: {bad:?}");
    assert!(!home.path().join(".local/state/nutkin/profiles/demo").exists(), "nothing was made");
}

/// A mistyped profile must not look like a store that lost everything.
#[test]
fn a_profile_that_is_not_there_is_refused_or_announced() {
    /// Its managers end with it.
    struct Profiles(tempfile::TempDir);
    impl Drop for Profiles {
        fn drop(&mut self) {
            ran(&mut command(self.0.path(), &["--profile", "prod", "manager", "stop"]));
        }
    }
    let profiles = Profiles(tempfile::tempdir().unwrap());
    let home = &profiles.0;
    let run = |args: &[&str]| ran(&mut command(home.path(), args));
    let first = run(&["--profile", "prdo", "get", "deployments"]);
    assert_eq!(first.code, 1, "{first:?}");
    assert!(first.err.contains("there is no profile \"prdo\"; nothing was started"), "{}", first.err);
    assert!(first.err.contains("there is none yet"), "{}", first.err);

    let added = run(&["--profile", "prod", "target", "add", "t", "http://127.0.0.1:1", "--no-check"]);
    assert_eq!(added.code, 0, "{added:?}");
    assert!(added.err.contains("new profile prod in "), "{}", added.err);
    let again = run(&["--profile", "prod", "target", "add", "u", "http://127.0.0.1:1", "--no-check"]);
    assert!(!again.err.contains("new profile"), "{}", again.err);

    let commands: [&[&str]; 4] =
        [&["get", "targets"], &["events"], &["target", "check", "t"], &["start", "pay/prod"]];
    for args in commands {
        let wrong = run(&[&["--profile", "prdo"], args].concat());
        assert_eq!(wrong.code, 1, "{wrong:?}");
        assert!(wrong.err.contains("did you mean prod?"), "{}", wrong.err);
    }
    assert!(!home.path().join(".local/state/nutkin/profiles/prdo").exists(), "nothing was made");
    assert_eq!(run(&["--profile", "prod", "get", "targets", "-o", "name"]).out, "t\nu\n");
}

/// What `get -o yaml` prints, `apply` and `diff` accept, and nothing is different.
#[test]
fn what_is_printed_as_yaml_is_what_is_there() {
    let home = Home::new();
    let jar = home.0.path().join("pay.jar");
    let mut zip = zip::ZipWriter::new(std::fs::File::create(&jar).unwrap());
    let options = zip::write::SimpleFileOptions::default();
    zip.start_file("META-INF/MANIFEST.MF", options).unwrap();
    std::io::Write::write_all(&mut zip, b"Manifest-Version: 1.0\r\nMain-Class: io.example.Pay\r\n").unwrap();
    zip.start_file("io/example/Pay.class", options).unwrap();
    zip.finish().unwrap();
    let manifest = format!(
        "apiVersion: nutkin/v1
kind: Target
metadata: {{ name: local, labels: {{ region: eu }} }}
spec: {{ url: \"http://127.0.0.1:1\" }}
---
apiVersion: nutkin/v1
kind: Application
metadata: {{ name: pay, title: Payments }}
spec: {{ defaults: {{ target: local, parallelism: 2, flinkConfiguration: {{ a.b: c }} }} }}
---
apiVersion: nutkin/v1
kind: Deployment
metadata: {{ application: pay, name: prod, labels: {{ tier: one }} }}
spec:
  state: CANCELLED
  artifact: {{ jar: {}, version: v1, args: [\"--rate\", \"5\"] }}
  flinkConfiguration: {{ d.e: \"10s\" }}
",
        jar.display()
    );
    let file = home.0.path().join("all.yaml");
    std::fs::write(&file, manifest).unwrap();
    let applied = home.run(&["apply", "-f", file.to_str().unwrap()]);
    assert_eq!(applied.code, 0, "{applied:?}");
    for (kind, name) in [("target", "local"), ("application", "pay"), ("deployment", "pay/prod")] {
        let printed = home.run(&["get", kind, name, "-o", "yaml"]);
        assert_eq!(printed.code, 0, "{printed:?}");
        let copy = home.0.path().join(format!("{kind}.yaml"));
        std::fs::write(&copy, &printed.out).unwrap();
        let diff = home.run(&["diff", "-f", copy.to_str().unwrap()]);
        assert_eq!(diff.code, 0, "{diff:?}\n{}", printed.out);
    }
}

#[test]
fn the_first_command_starts_a_manager_and_does_not_hang_in_a_substitution() {
    let state = Home::new();
    // A shell waits for the end of the pipe; a manager that kept it open would keep the shell.
    let script = format!(
        "exec 9>{}; out=$({NUTKIN} get targets -o json); echo \"$out\"",
        state.0.path().join("held").display()
    );
    let mut shell = Command::new("sh");
    shell
        .args(["-c", &script])
        .env_clear()
        .env("HOME", state.0.path())
        .env("NUTKIN_STATE_DIR", state.0.path().join("state"));
    let out = ran(&mut shell);
    assert_eq!(out.json(), list(json!([])), "{out:?}");
    let status = state.run(&["manager", "status", "-o", "json"]);
    assert_eq!(status.code, 0);
    let pid = status.json()["pid"].as_u64().unwrap();
    let kept: Vec<_> = std::fs::read_dir(format!("/proc/{pid}/fd"))
        .unwrap()
        .filter_map(|e| std::fs::read_link(e.unwrap().path()).ok())
        .filter(|link| link.ends_with("held"))
        .collect();
    assert!(kept.is_empty(), "a descriptor of the shell lives on in the manager");
    let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap();
    assert!(!String::from_utf8_lossy(&environment).contains("PWD="), "only what a manager needs is kept");
    assert_eq!(std::fs::read_link(format!("/proc/{pid}/cwd")).unwrap(), Path::new("/"));
}

#[test]
fn clients_that_come_at_once_get_one_manager() {
    let state = Home::new();
    let clients: Vec<_> = (0..8)
        .map(|_| {
            state
                .command(&["get", "targets", "-o", "json"])
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    for client in clients {
        let Output { status, stderr, .. } = client.wait_with_output().unwrap();
        assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    }
    let log = state.run(&["manager", "log"]).out;
    assert_eq!(log.matches(" ready ").count(), 1, "{log}");
}

#[test]
fn a_manager_restarts_between_two_commands() {
    let state = Home::new();
    state.run(&["get", "targets"]);
    let pid = || state.run(&["manager", "status", "-o", "json"]).json()["pid"].as_u64();
    let before = pid();
    assert_eq!(state.run(&["manager", "restart"]).code, 0);
    assert!(pid().is_some() && pid() != before);
    let stopped = state.run(&["manager", "stop", "-o", "json"]);
    assert_eq!(stopped.json()["stopped"], true);
    assert_eq!(state.run(&["manager", "status"]).code, 1);
    assert_eq!(state.run(&["manager", "stop", "-o", "json"]).json()["stopped"], false);
}

/// A command that stays, with its lines as they come.
struct Staying {
    child: std::process::Child,
    lines: std::sync::mpsc::Receiver<String>,
}

impl Drop for Staying {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Staying {
    fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        let (send, lines) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for line in std::io::BufRead::lines(std::io::BufReader::new(stdout)).map_while(Result::ok) {
                if send.send(line).is_err() {
                    break;
                }
            }
        });
        Self { child, lines }
    }
    fn until(&self, text: &str) {
        while !self.lines.recv_timeout(DEADLINE).expect(text).contains(text) {}
    }
    /// Ctrl-C; answers the exit code.
    fn interrupt(mut self) -> i32 {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
        self.child.wait().unwrap().code().unwrap_or(-1)
    }
}

#[test]
fn what_is_watched_goes_on_over_a_restart_of_the_manager() {
    let home = Home::new();
    let rows = Staying::start(home.command(&["get", "targets", "-w", "-o", "name"]));
    let table = Staying::start(home.command(&["get", "targets", "-w"]));
    let events = Staying::start(home.command(&["events", "-f", "-o", "json"]));
    // Each stays until something comes, so begin with something.
    home.run(&["target", "add", "first", "http://127.0.0.1:1", "--no-check"]);
    rows.until("first");
    events.until("target first: create");
    assert_eq!(home.run(&["manager", "restart"]).code, 0);
    home.run(&["target", "add", "second", "http://127.0.0.1:1", "--no-check"]);
    rows.until("second");
    events.until("target second: create");
    table.until("second");
    assert_eq!(home.run(&["target", "remove", "second", "--yes"]).code, 0);
    table.until("second is gone");
    assert_eq!((rows.interrupt(), table.interrupt(), events.interrupt()), (0, 0, 0));
}

#[test]
fn ctrl_c_while_waiting_detaches() {
    let api = Api::new().on("GET /operations/op-1", 200, operation("RUNNING", &[]));
    let server = format!("unix:{}", api.path("api.sock").display());
    let mut wait = command(api.home.path(), &["--server", &server, "operation", "wait", "op-1", "--exact"]);
    let waiting = Staying::start({
        wait.stderr(Stdio::null());
        wait
    });
    let mut tries = 0;
    while api.asked("GET /operations/op-1").len() < 2 {
        std::thread::sleep(Duration::from_millis(20));
        tries += 1;
        assert!(tries < 3000, "it waits");
    }
    assert_eq!(waiting.interrupt(), 130);
}

#[test]
fn ctrl_c_is_heard_between_two_attempts() {
    let follow = "GET /events?severity=info&follow=true";
    let api =
        Api::new().on("GET /events?severity=info&limit=100", 200, list(json!([]))).then(follow, Reply::Cut);
    let server = format!("unix:{}", api.path("api.sock").display());
    let following = Staying::start(command(api.home.path(), &["--server", &server, "events", "-f", "-q"]));
    let mut tries = 0;
    while api.asked(follow).len() < 2 {
        std::thread::sleep(Duration::from_millis(20));
        tries += 1;
        assert!(tries < 3000, "it tries again");
    }
    assert_eq!(following.interrupt(), 0);
}

#[test]
fn a_state_directory_that_cannot_be_used_says_why_at_once() {
    let state = Home::new();
    let place = state.0.path().join("state");
    std::fs::create_dir(&place).unwrap();
    std::fs::write(place.join("nutkin.db"), "this is not a database, and long enough to look at".repeat(100))
        .unwrap();
    let ran = state.run(&["get", "targets"]);
    assert_ne!(ran.code, 0);
    assert!(ran.err.contains("nutkin.db"), "{}", ran.err);
}

/// A terminal with nutkin in it.
struct Screen {
    parser: vt100::Parser,
    output: std::sync::mpsc::Receiver<Vec<u8>>,
    keys: Box<dyn std::io::Write + Send>,
    child: Box<dyn portable_pty::Child + Send + Sync>,
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Screen {
    fn open(api: &Api, args: &[&str]) -> Self {
        let server = format!("unix:{}", api.path("api.sock").display());
        Self::of(api.home.path(), &[&["--server", &server], args].concat())
    }

    fn of(home: &Path, args: &[&str]) -> Self {
        use portable_pty::{CommandBuilder, PtySize, native_pty_system};
        let size = PtySize { rows: 40, cols: 120, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(NUTKIN);
        command.env_clear();
        command.args(args);
        command.env("HOME", home);
        command.env("TERM", "xterm");
        command.cwd("/");
        let child = pair.slave.spawn_command(command).unwrap();
        let mut reader = pair.master.try_clone_reader().unwrap();
        let keys = pair.master.take_writer().unwrap();
        let (send, output) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let _master = pair.master;
            let mut buffer = [0; 4096];
            while let Ok(n @ 1..) = std::io::Read::read(&mut reader, &mut buffer) {
                if send.send(buffer[..n].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self {
            parser: vt100::Parser::new(40.try_into().unwrap(), 120.try_into().unwrap(), 1000),
            output,
            keys,
            child,
        }
    }

    fn until(&mut self, text: &str) {
        let mut tries = 0;
        while !self.parser.screen().contents().contains(text) {
            match self.output.recv_timeout(Duration::from_millis(100)) {
                Ok(bytes) => self.parser.process(&bytes),
                Err(_) => tries += 1,
            }
            assert!(tries < 600, "{text:?} never came:\n{}", self.parser.screen().contents());
        }
    }

    fn types(&mut self, keys: &str) {
        std::io::Write::write_all(&mut self.keys, keys.as_bytes()).unwrap();
    }
}

/// It must not open the console of another manager than the one that was named.
#[test]
fn the_console_refuses_a_server_that_it_cannot_reach() {
    let home = tempfile::tempdir().unwrap();
    let mut screen = Screen::of(home.path(), &["--server", "http://x"]);
    screen.until("only unix:PATH is built so far; nothing was sent");
    assert_eq!(screen.child.wait().unwrap().exit_code(), 2);
    assert!(!home.path().join(".local").exists(), "nothing was started");
}

/// A profile's folder as the demo makes it.
fn demo_folder(home: &Path) -> PathBuf {
    let state = home.join(".local/state/nutkin/profiles/demo");
    std::fs::create_dir_all(&state).unwrap();
    std::fs::write(state.join("made-by-nutkin-demo"), "").unwrap();
    state
}

#[test]
fn on_a_terminal_a_reset_of_the_demo_asks() {
    let home = tempfile::tempdir().unwrap();
    let state = demo_folder(home.path());
    let mut screen = Screen::of(home.path(), &["demo", "--reset"]);
    screen.until("remove it? [y/N]");
    assert!(screen.parser.screen().contents().contains("for good: the history"));
    screen.types("n\n");
    screen.until("nothing was changed");
    assert_eq!(screen.child.wait().unwrap().exit_code(), 1);
    assert!(state.exists());
    let mut screen = Screen::of(home.path(), &["demo", "--reset"]);
    screen.until("[y/N]");
    screen.types("y\n");
    screen.until("the demo is gone");
    assert!(screen.child.wait().unwrap().success() && !state.exists());
}

#[test]
fn a_reset_of_the_demo_asks_nobody_who_has_said_yes_or_is_not_there() {
    let home = tempfile::tempdir().unwrap();
    let state = demo_folder(home.path());
    let mut screen = Screen::of(home.path(), &["demo", "--reset", "--yes"]);
    screen.until("the demo is gone");
    assert!(screen.child.wait().unwrap().success() && !state.exists());
    let state = demo_folder(home.path());
    let ran = ran(&mut command(home.path(), &["demo", "--reset"]));
    assert!(ran.code == 0 && !state.exists(), "{ran:?}");
}

#[test]
fn stopping_a_demo_that_does_not_run_says_so() {
    let home = tempfile::tempdir().unwrap();
    let ran = ran(&mut command(home.path(), &["demo", "--stop"]));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.err.contains("neither Flink nor the manager was running; nothing was changed"), "{ran:?}");
}

fn deployment_names(names: &[&str]) -> Value {
    list(names.iter().map(|n| json!({"deployment": n})).collect())
}

#[test]
fn on_a_terminal_a_prefix_is_enough_and_the_shown_plan_is_what_runs() {
    let api = Api::new()
        .on("GET /deployments", 200, deployment_names(&["pay/prod", "pay/staging", "fraud/prod"]))
        .on("POST /deployments/pay/prod/suspend?dryRun=true", 200, plan())
        .on("POST /deployments/pay/prod/suspend", 202, operation("QUEUED", &[]))
        .on("GET /operations/op-1", 200, operation("SUCCEEDED", &[("STOP_WITH_SAVEPOINT", "CONFIRMED")]));
    let mut screen = Screen::open(&api, &["suspend", "pay/p"]);
    screen.until("SUSPEND pay/prod? [y/N]");
    assert!(screen.parser.screen().contents().contains("outputs are final"));
    assert!(api.asked("POST /deployments/pay/prod/suspend").is_empty());
    screen.types("y\n");
    screen.until("SUCCEEDED");
    assert!(screen.child.wait().unwrap().success());
    let meta = &api.asked("POST /deployments/pay/prod/suspend")[0].json()["meta"];
    assert_eq!(*meta, json!({"expect": "d1", "yes": true}));
}

#[test]
fn on_a_terminal_no_is_no_and_an_ambiguous_prefix_lists_what_it_fits() {
    let api = Api::new()
        .on("GET /deployments", 200, deployment_names(&["pay/prod", "pay/staging", "fraud/prod"]))
        .on("POST /deployments/pay/prod/suspend?dryRun=true", 200, plan());
    let mut screen = Screen::open(&api, &["suspend", "pay/prod"]);
    screen.until("[y/N]");
    screen.types("n\n");
    screen.until("nothing was changed");
    assert_eq!(screen.child.wait().unwrap().exit_code(), 1);
    assert!(api.asked("POST /deployments/pay/prod/suspend").is_empty());

    let mut screen = Screen::open(&api, &["suspend", "prod"]);
    screen.until("write one of: pay/prod, fraud/prod");
    assert_eq!(screen.child.wait().unwrap().exit_code(), 2);
    let mut screen = Screen::open(&api, &["suspend", "pay/prd"]);
    screen.until("did you mean pay/prod");
    assert_eq!(screen.child.wait().unwrap().exit_code(), 1);
}
