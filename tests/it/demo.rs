//! `nutkin demo` against a real cluster and a manager that only keeps books.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    routing::{get, post},
};
use nutkin::{
    adapters::clock::SystemClock,
    client::{connect::Place, spawn::Spawn},
    demo::{
        Error,
        begin::{Cast, NotStarted},
        cluster::Cluster,
        managers::Managers,
        play::{Action, Demo, Done, Outcome, Stopped},
        report::Report,
        requirements::Machine,
        stage::{Flink, MARKER, Places},
    },
};
use serde_json::{Value, json};

use crate::support::flink::{self, Watchdog};

/// What the manager was told, and what it answers.
#[derive(Debug, Default)]
struct Books {
    targets: Vec<Value>,
    applications: Vec<Value>,
    deployments: Vec<Value>,
    artifacts: Vec<String>,
    /// `VERB deployment`, in order.
    acts: Vec<String>,
    /// What operations end as; `SUCCEEDED` when empty.
    outcome: &'static str,
    /// Deployments whose start is refused.
    refused: Vec<&'static str>,
    /// Deployments whose operations fail.
    failing: Vec<&'static str>,
}

type Shared = Arc<Mutex<Books>>;

fn list(items: &[Value]) -> Json<Value> {
    Json(json!({"items": items, "next": null}))
}

pub(crate) fn deployment(name: &str, target: &str) -> Value {
    let (app, short) = name.split_once('/').unwrap();
    json!({
        "deployment": name, "application": app, "name": short, "id": short, "target": target, "labels": {},
        "desired": "RUNNING", "observed": "RUNNING", "observedAt": null, "health": "HEALTHY", "conditions": [],
        "revision": 1, "versionLabel": "v1", "specVersion": 1, "job": null, "parallelism": 1,
        "lastCheckpoint": null, "lastFailedCheckpoint": null, "crashLossSeconds": null, "endLossSeconds": null,
        "nextRestorePoint": null, "operation": null, "rootCause": null, "drift": null, "metrics": [],
        "flinkUrl": null, "protection": "NONE", "flinkVersion": null,
    })
}

fn operation(id: &str, state: &str) -> Value {
    let (kind, deployment) = id.split_once('@').unwrap();
    json!({
        "operationId": id, "parent": null, "kind": kind, "deployment": deployment, "target": "local",
        "state": state, "actor": "me", "via": "cli", "reason": null, "createdAt": "2026-01-01T00:00:00.000Z",
        "startedAt": null, "endedAt": null, "steps": [], "error": null, "choices": [], "result": null,
    })
}

fn target(name: &str, url: &str) -> Value {
    json!({
        "name": name, "type": "session", "url": url, "urls": [], "flinkVersion": null,
        "reachable": true, "error": null, "observedAt": null, "slotsTotal": null, "slotsFree": null,
        "jobsRunning": null, "unmanagedJobs": null, "capabilities": [], "protection": "NONE",
        "savepointDirectory": null, "savepointAccess": "LOCAL", "colour": null, "labels": {}, "spec": {},
        "version": 1,
    })
}

async fn apply(State(books): State<Shared>, Json(body): Json<Value>) -> Json<Value> {
    let mut books = books.lock().unwrap();
    let mut applied = Vec::new();
    for document in body["documents"].as_array().unwrap() {
        let (kind, name) =
            (document["kind"].as_str().unwrap(), document["metadata"]["name"].as_str().unwrap());
        let mut operation = Value::Null;
        let full = match kind {
            "Deployment" => format!("{}/{name}", document["metadata"]["application"].as_str().unwrap()),
            _ => name.to_owned(),
        };
        match kind {
            "Target" => {
                books.targets.retain(|t| t["name"] != name);
                books.targets.push(target(name, document["spec"]["url"].as_str().unwrap()));
            }
            "Application" => books.applications.push(json!({
                "name": name, "title": name, "labels": {}, "health": "HEALTHY", "deployments": [], "defaults": {},
                "version": 1,
            })),
            _ => {
                let sha = document["spec"]["artifact"]["sha256"].as_str().unwrap();
                assert!(books.artifacts.iter().any(|known| known == sha), "the jar comes first");
                books.deployments.push(deployment(&full, "local"));
                operation = json!(format!("START@{full}"));
            }
        }
        books.acts.push(format!("APPLY {full}"));
        applied.push(json!({
            "kind": kind, "name": full, "action": "create", "diff": [], "operationKind": null,
            "operationId": operation, "warnings": [], "problem": null,
        }));
    }
    list(&applied)
}

async fn verb(
    State(books): State<Shared>,
    Path((app, name, verb)): Path<(String, String, String)>,
    Json(body): Json<Value>,
) -> (StatusCode, Json<Value>) {
    assert_eq!(body["meta"]["yes"], true, "production is protected");
    let (mut books, full, kind) = (books.lock().unwrap(), format!("{app}/{name}"), verb.to_uppercase());
    books.acts.push(format!("{kind} {full}"));
    if kind == "START" && books.refused.contains(&full.as_str()) {
        let problem = json!({
            "title": "", "status": 422, "code": "PREFLIGHT_FAILED", "hint": "give one", "operation": null, "plan": null,
            "detail": "the revision has no artifact; nothing was changed",
        });
        return (StatusCode::UNPROCESSABLE_ENTITY, Json(problem));
    }
    let state = if kind == "START" { "RUNNING" } else { "SUSPENDED" };
    for deployment in books.deployments.iter_mut().filter(|d| d["deployment"] == full.as_str()) {
        deployment["desired"] = state.into();
        deployment["observed"] = state.into();
    }
    (StatusCode::OK, Json(operation(&format!("{kind}@{full}"), "QUEUED")))
}

async fn upload(State(books): State<Shared>, headers: HeaderMap, jar: Bytes) -> Json<Value> {
    assert!(jar.starts_with(b"PK"));
    let sha = headers["nutkin-sha256"].to_str().unwrap().to_owned();
    books.lock().unwrap().artifacts.push(sha.clone());
    Json(artifact(&sha))
}

fn artifact(sha: &str) -> Value {
    json!({
        "sha256": sha, "name": "x.jar", "sizeBytes": 1, "mainClass": null, "entryClasses": [],
        "createdAt": "2026-01-01T00:00:00.000Z", "usedBy": [],
    })
}

fn routes(books: Shared) -> Router {
    let outcome = |State(books): State<Shared>, Path(id): Path<String>| async move {
        let mut books = books.lock().unwrap();
        let fails = books.failing.iter().any(|name| id == format!("START@{name}"));
        let wanted = if fails { "FAILED_NO_EFFECT" } else { books.outcome };
        // Whatever was at work has ended when it is looked at, and left its job running.
        for d in books.deployments.iter_mut().filter(|d| d["operation"]["operationId"] == id.as_str()) {
            (d["operation"], d["observed"]) = (Value::Null, "RUNNING".into());
        }
        Json(operation(&id, if wanted.is_empty() { "SUCCEEDED" } else { wanted }))
    };
    let stored = |State(books): State<Shared>, Path(sha): Path<String>| async move {
        if books.lock().unwrap().artifacts.contains(&sha) {
            return (StatusCode::OK, Json(artifact(&sha)));
        }
        let problem = json!({"title": "", "status": 404, "code": "NOT_FOUND", "detail": "", "hint": null, "operation": null, "plan": null});
        (StatusCode::NOT_FOUND, Json(problem))
    };
    let api = Router::new()
        .route("/targets", get(|State(b): State<Shared>| async move { list(&b.lock().unwrap().targets) }))
        .route(
            "/targets/local",
            get(|State(b): State<Shared>| async move { Json(b.lock().unwrap().targets[0].clone()) }),
        )
        .route(
            "/applications",
            get(|State(b): State<Shared>| async move { list(&b.lock().unwrap().applications) }),
        )
        .route(
            "/deployments",
            get(|State(b): State<Shared>| async move { list(&b.lock().unwrap().deployments) }),
        )
        .route("/deployments/{app}/{name}/{verb}", post(verb))
        .route("/operations/{id}", get(outcome))
        .route("/artifacts", post(upload))
        .route("/artifacts/{sha}", get(stored))
        .route("/apply", post(apply));
    Router::new().nest("/api/v1", api).with_state(books)
}

struct Stage {
    home: tempfile::TempDir,
    state_dir: PathBuf,
    books: Shared,
    _watchdog: Watchdog,
}

impl Stage {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let state_dir = home.path().join("nutkin/profiles/demo");
        let cluster = state_dir.join("demo/flink");
        std::fs::create_dir_all(&cluster).unwrap();
        // As if the demo had made the folder, which the watchdog needs before it does.
        std::fs::write(state_dir.join(MARKER), "").unwrap();
        let books = Shared::default();
        let listener = tokio::net::UnixListener::bind(home.path().join("socket")).unwrap();
        let app = routes(books.clone());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { home, state_dir, books, _watchdog: Watchdog::of(&cluster) }
    }

    async fn run(&self, action: Action) -> (Result<Done, Error>, String) {
        let place =
            Place { state_dir: self.state_dir.clone(), socket: Some(self.home.path().join("socket")) };
        let nobody = Spawn {
            program: "false".into(),
            arguments: vec![],
            state_dir: self.state_dir.clone(),
            log: self.home.path().join("log"),
        };
        let demo = Demo {
            places: Places { cache: flink::cache(), folder: self.state_dir.join("demo") },
            managers: Managers { place, spawn: nobody },
            machine: Machine::here(),
            program: "nutkin --profile demo".into(),
            command: "nutkin demo".into(),
            clock: &SystemClock,
        };
        let mut said = Vec::new();
        let outcome = demo.run(&action, &mut Report::new(&mut said, false)).await;
        (outcome, String::from_utf8(said).unwrap())
    }

    async fn up(&self) -> Outcome {
        let Done::Up(outcome) = self.run(Action::Up(Flink::Default)).await.0.unwrap() else {
            panic!("it is up")
        };
        outcome
    }

    fn acts(&self) -> Vec<String> {
        std::mem::take(&mut self.books.lock().unwrap().acts)
    }

    fn cluster(&self) -> Option<Cluster> {
        Cluster::open(&self.state_dir.join("demo/flink")).unwrap()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if let Some(cluster) = self.cluster() {
            cluster.kill();
        }
    }
}

/// A demo on these books, with nothing of a real cluster.
fn paper(home: &std::path::Path, state_dir: PathBuf) -> Demo<'static> {
    let place = Place { state_dir: state_dir.clone(), socket: Some(home.join("socket")) };
    let nobody = Spawn {
        program: "false".into(),
        arguments: vec![],
        state_dir: state_dir.clone(),
        log: home.join("log"),
    };
    Demo {
        places: Places { cache: home.join("cache"), folder: state_dir.join("demo") },
        managers: Managers { place, spawn: nobody },
        machine: Machine::here(),
        program: "nutkin --profile demo".into(),
        command: "nutkin demo".into(),
        clock: &SystemClock,
    }
}

/// The job that an operation leaves running when it ends is suspended too.
#[tokio::test]
async fn what_is_at_work_is_waited_for_before_everything_is_suspended() {
    let home = tempfile::tempdir().unwrap();
    let demo = paper(home.path(), home.path().join("nutkin/profiles/demo"));
    std::fs::create_dir_all(&demo.places.folder).unwrap();
    let books = Shared::default();
    {
        let mut books = books.lock().unwrap();
        let mut starting = deployment("pay/starts", "local");
        starting["observed"] = "SUSPENDED".into();
        starting["operation"] = json!({
            "operationId": "START@pay/starts", "kind": "START", "state": "RUNNING", "stepNumber": 1, "stepCount": 2,
            "stepName": null, "stepTitle": null, "startedAt": null,
        });
        let mut busy = deployment("pay/busy", "local");
        busy["operation"] = starting["operation"].clone();
        busy["operation"]["operationId"] = "SAVEPOINT@pay/busy".into();
        books.deployments = vec![starting, busy, deployment("far/away", "elsewhere")];
    }
    let listener = tokio::net::UnixListener::bind(home.path().join("socket")).unwrap();
    let app = routes(books.clone());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    let client = nutkin::client::Client::new(home.path().join("socket"), nutkin::domain::event::Via::Cli);
    let mut said = Vec::new();
    let suspended = demo.suspend_all(&client, &mut Report::new(&mut said, false)).await.unwrap();
    assert_eq!(suspended, ["pay/busy", "pay/starts"]);
    assert_eq!(books.lock().unwrap().acts, ["SUSPEND pay/starts", "SUSPEND pay/busy"]);
    let remembered = std::fs::read_to_string(demo.places.folder.join("stopped")).unwrap();
    assert_eq!(remembered, "pay/busy\npay/starts\n", "the next start runs them again");
}

/// Suspended deployments on the demo's cluster, which `--stop` has written down, and what a start of them comes to.
async fn started_again(
    refused: &[&'static str],
    failing: &[&'static str],
) -> (Result<Vec<NotStarted>, Error>, Vec<String>, String, Option<String>) {
    let home = tempfile::tempdir().unwrap();
    let demo = paper(home.path(), home.path().join("nutkin/profiles/demo"));
    std::fs::create_dir_all(&demo.places.folder).unwrap();
    let names = ["pay/a", "pay/b", "pay/production", "pay/staging"];
    let file = demo.places.folder.join("stopped");
    std::fs::write(&file, names.map(|name| format!("{name}\n")).concat()).unwrap();
    let suspended = |name: &&str| {
        let mut d = deployment(name, "local");
        (d["desired"], d["observed"]) = ("SUSPENDED".into(), "SUSPENDED".into());
        d
    };
    let books = Shared::default();
    *books.lock().unwrap() = Books {
        targets: vec![target("local", "http://localhost:1")],
        deployments: names.iter().map(suspended).collect(),
        refused: refused.to_vec(),
        failing: failing.to_vec(),
        ..Books::default()
    };
    let listener = tokio::net::UnixListener::bind(home.path().join("socket")).unwrap();
    let app = routes(books.clone());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    let client = nutkin::client::Client::new(home.path().join("socket"), nutkin::domain::event::Via::Cli);
    let cast = Cast {
        own: ["pay/production", "pay/staging"].map(str::to_owned).into(),
        known: names.map(str::to_owned).into(),
        fresh: true,
        begun: Vec::new(),
    };
    let mut said = Vec::new();
    let done = demo.start_all(&client, cast, &mut Report::new(&mut said, false)).await;
    let acts = std::mem::take(&mut books.lock().unwrap().acts);
    (done, acts, String::from_utf8(said).unwrap(), std::fs::read_to_string(file).ok())
}

/// A job that was adopted into the demo's application has no jar: it cannot be started, and everything else can.
#[tokio::test]
async fn what_cannot_be_started_holds_up_nothing_else() {
    let (done, acts, said, left) = started_again(&["pay/a"], &["pay/b"]).await;
    let not_started = done.unwrap();
    let names: Vec<&str> = not_started.iter().map(|n| n.deployment.as_str()).collect();
    assert_eq!(names, ["pay/a", "pay/b"]);
    assert_eq!(acts.len(), 4, "each is tried: {acts:?}");
    assert!(said.contains("✗ pay/a is not started: the revision has no artifact (give one)\n"), "{said}");
    assert!(said.contains("✗ pay/b is not started: START of pay/b is FAILED_NO_EFFECT"), "{said}");
    assert!(said.contains("✓ START of pay/staging succeeded"), "{said}");
    assert_eq!(left.as_deref(), Some("pay/a\n"), "what was not accepted is tried again by the next run");
}

#[tokio::test]
async fn the_demo_is_not_up_without_its_own_deployments() {
    let (done, acts, said, left) = started_again(&["pay/production"], &[]).await;
    let problem = done.unwrap_err().problem();
    assert_eq!(problem.code.exit_code(), 1);
    assert!(
        problem.detail.starts_with("pay/production is not started: the revision has no artifact; Flink"),
        "{problem}"
    );
    assert_eq!((acts.len(), left.as_deref()), (4, Some("pay/production\n")), "the others are tried before");
    assert!(said.contains("✓ START of pay/staging succeeded"), "{said}");
}

#[tokio::test]
async fn only_a_folder_that_the_demo_made_is_reset() {
    let home = tempfile::tempdir().unwrap();
    let state_dir = home.path().join("nutkin/profiles/prod");
    let demo = paper(home.path(), state_dir.clone());
    let mut said = Vec::new();
    let report = &mut Report::new(&mut said, false);
    let nothing = demo.run(&Action::Reset, report).await.unwrap();
    assert!(matches!(nothing, Done::Reset(reset) if !reset.reset));
    std::fs::create_dir_all(&state_dir).unwrap();
    std::fs::write(state_dir.join("nutkin.db"), "a person's").unwrap();
    let refused = demo.run(&Action::Reset, report).await.unwrap_err().problem();
    assert_eq!(refused.code.exit_code(), 2);
    assert!(refused.detail.contains("nothing was changed"), "{refused}");
    assert!(state_dir.join("nutkin.db").exists());
    std::fs::write(state_dir.join(MARKER), "").unwrap();
    demo.run(&Action::Reset, report).await.unwrap();
    assert!(!state_dir.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_comes_up_goes_on_stops_and_is_forgotten() {
    let _turn = flink::private_turn().await;
    let stage = Stage::new();
    let outcome = stage.up().await;
    let (staging, production) = ("payments-dashboard/staging", "payments-dashboard/production");
    assert_eq!(outcome.deployments, [staging, production]);
    assert_eq!(outcome.artifacts.keys().collect::<Vec<_>>(), ["v1", "v3-broken", "v2"]);
    let applied = ["payments-dashboard", staging, production, "local"].map(|name| format!("APPLY {name}"));
    assert_eq!(stage.acts(), applied);

    assert_eq!(stage.up().await, outcome, "a second run finds everything running");
    assert_eq!(stage.acts(), ["APPLY local"]);

    stage.books.lock().unwrap().outcome = "FAILED";
    let (stopped, _) = stage.run(Action::Stop).await;
    assert!(stopped.unwrap_err().to_string().contains("SUSPEND of payments-dashboard/staging is FAILED"));
    assert!(stage.cluster().unwrap().is_alive("jm"), "no state is lost by stopping Flink under a job");

    stage.acts();
    {
        let mut books = stage.books.lock().unwrap();
        books.outcome = "SUCCEEDED";
        books.deployments[1]["desired"] = "RUNNING".into();
        books.deployments[1]["observed"] = "RUNNING".into();
    }
    let (stopped, said) = stage.run(Action::Stop).await;
    let done = Done::Stopped(Stopped { stopped: true, suspended: vec![production.to_owned()] });
    assert_eq!(stopped.unwrap(), done);
    assert!(said.contains("suspended with their state"), "{said}");
    assert_eq!(stage.acts(), [format!("SUSPEND {production}")]);
    assert!(stage.cluster().unwrap().processes().is_empty());

    assert_eq!(stage.up().await.target, outcome.target, "the cluster keeps its address");
    assert_eq!(
        stage.acts(),
        ["APPLY local".into(), format!("START {staging}"), format!("START {production}")]
    );

    let (reset, _) = stage.run(Action::Reset).await;
    reset.unwrap();
    assert!(!stage.state_dir.exists());
}
