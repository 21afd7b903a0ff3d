//! The Flink client over recorded answers of real clusters of three versions.
//!
//! Each recording is served by a tiny server that also notes what the client asked, so that both halves of an exchange
//! are compared with what a real cluster was asked and said.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    http::{HeaderMap, Method, StatusCode, Uri, header::CONTENT_TYPE},
};
use nutkin::{
    adapters::{clock::SystemClock, flink::FlinkFactory},
    domain::{
        deployment::FlinkState,
        flink::{AsyncStatus, CancelAnswer},
        ids::{FlinkJobId, Hex32},
        savepoint::Format,
        target::TargetSpec,
    },
    manager::ports::{
        ClusterFactory,
        cluster::{Cluster, Effect, ErrorKind, RunRequest, SavepointRequest},
    },
};
use rstest::rstest;
use rstest_reuse::{apply, template};
use serde_json::{Value, json};

/// A document with this address and nothing else.
pub fn target(url: &str) -> TargetSpec {
    serde_json::from_value(json!({ "url": url })).unwrap()
}

#[derive(Debug, Clone, Default)]
struct Asked {
    method: String,
    path: String,
    query: String,
    body: Vec<u8>,
}

/// One recording, served to whoever asks anything.
struct Replay {
    recorded: Value,
    asked: Arc<Mutex<Vec<Asked>>>,
    cluster: Arc<dyn Cluster>,
}

impl Replay {
    async fn of(version: &str, name: &str) -> Self {
        let path: PathBuf =
            [env!("CARGO_MANIFEST_DIR"), "tests/fixtures/flink", version, name].iter().collect();
        let text = std::fs::read_to_string(path.with_extension("json"))
            .or_else(|_| std::fs::read_to_string(format!("{}.json", path.display())))
            .unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let recorded: Value = serde_json::from_str(&text).unwrap();
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let (seen, answer) = (asked.clone(), recorded["response"].clone());
        let app =
            Router::new().fallback(move |method: Method, uri: Uri, _: HeaderMap, body: Bytes| async move {
                seen.lock().unwrap().push(Asked {
                    method: method.to_string(),
                    path: uri.path().to_owned(),
                    query: uri.query().unwrap_or_default().to_owned(),
                    body: body.to_vec(),
                });
                let status = StatusCode::from_u16(answer["status"].as_u64().unwrap() as u16).unwrap();
                let body = match &answer["body"] {
                    Value::String(s) => s.clone(),
                    other => other.to_string(),
                };
                (status, [(CONTENT_TYPE, "application/json; charset=UTF-8")], body)
            });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        let cluster = FlinkFactory::new(Arc::new(SystemClock)).connect(&target(&url)).unwrap();
        Self { recorded, asked, cluster }
    }

    /// Part `n` of the recorded path, for example the job's id at 1.
    fn part(&self, n: usize) -> String {
        let path = self.recorded["request"]["path"].as_str().unwrap();
        path.split('?').next().unwrap().split('/').nth(n + 1).unwrap().to_owned()
    }

    fn job(&self) -> FlinkJobId {
        self.part(1).parse().unwrap()
    }

    /// The client asked once, for what was recorded; answers what it asked.
    fn once(&self) -> Asked {
        let asked = self.asked.lock().unwrap().clone();
        assert_eq!(asked.len(), 1, "{asked:?}");
        let request = &self.recorded["request"];
        assert_eq!(asked[0].method, request["method"].as_str().unwrap());
        assert_eq!(asked[0].path, request["path"].as_str().unwrap().split('?').next().unwrap());
        asked[0].clone()
    }

    fn body(&self) -> Value {
        serde_json::from_slice(&self.once().body).unwrap()
    }
}

#[template]
#[rstest]
#[case::v1_16("1.16.3")]
#[case::v1_20("1.20.5")]
#[case::v2_3("2.3.0")]
#[tokio::test]
async fn versions(#[case] version: &str) {}

#[apply(versions)]
async fn overview(#[case] version: &str) {
    let r = Replay::of(version, "overview").await;
    let o = r.cluster.overview().await.unwrap();
    r.once();
    assert_eq!(o.flink_version, version);
    assert_eq!((o.slots_total, o.slots_free, o.task_managers, o.jobs_running), (4, 2, 1, 1));
}

#[rstest]
#[case("1.16.3", "taskmanagers", Some(1_795_329_481_690), 2)]
#[case("1.20.5", "taskmanagers", Some(1_795_329_158_996), 2)]
#[case("2.3.0", "taskmanagers", Some(1_795_329_059_837), 2)]
#[case::not_heard_yet("2.3.0", "taskmanagers-after-jm-restart", None, 3)]
#[tokio::test]
async fn task_managers(
    #[case] version: &str,
    #[case] fixture: &str,
    #[case] heard: Option<i64>,
    #[case] free: u32,
) {
    let r = Replay::of(version, fixture).await;
    let all = r.cluster.task_managers().await.unwrap();
    let [t] = all.as_slice() else { panic!("{all:?}") };
    assert_eq!((t.slots, t.slots_free), (4, free));
    assert_eq!(t.last_heartbeat.map(|t| t.millis()), heard, "an absolute time, despite its name");
}

#[rstest]
#[case("1.20.5")]
#[case("2.3.0")]
#[tokio::test]
async fn config(#[case] version: &str) {
    let r = Replay::of(version, "empty-config").await;
    let c = r.cluster.config().await.unwrap();
    assert_eq!((c.flink_version.as_str(), c.web_submit, c.web_cancel), (version, true, true));
}

#[apply(versions)]
async fn jobs_are_parsed_once_while_nothing_changes(#[case] version: &str) {
    let r = Replay::of(version, "jobs-overview").await;
    let first = r.cluster.jobs().await.unwrap();
    let recorded = r.recorded["response"]["body"]["jobs"].as_array().unwrap();
    assert!(first.changed);
    assert_eq!(first.items.len(), recorded.len());
    for (job, raw) in first.items.iter().zip(recorded) {
        assert_eq!(job.id.as_str(), raw["jid"].as_str().unwrap());
        assert_eq!(job.state.as_str(), raw["state"].as_str().unwrap());
        assert_eq!(job.start_time.millis(), raw["start-time"].as_i64().unwrap());
        assert_eq!(job.end_time.is_none(), raw["end-time"].as_i64().unwrap() == -1);
        assert_eq!(u64::from(job.tasks.total), raw["tasks"]["total"].as_u64().unwrap());
    }
    let running = first.items.iter().find(|j| j.state == FlinkState::Running).unwrap();
    assert!(running.tasks.all_running(), "{running:?}");
    let failed = first.items.iter().find(|j| j.tasks.other == 1).unwrap();
    assert_eq!(failed.tasks.running, 0);
    let again = r.cluster.jobs().await.unwrap();
    assert_eq!((again.changed, again.items), (false, first.items));
}

#[apply(versions)]
async fn job_state(#[case] version: &str) {
    let r = Replay::of(version, "job-status").await;
    assert_eq!(r.cluster.job_status(&r.job()).await.unwrap(), Some(FlinkState::Running));
    r.once();
    // The state of an unknown job is a 500.
    let r = Replay::of(version, "job-unknown-status").await;
    assert_eq!(r.cluster.job_status(&r.job()).await.unwrap(), None);
    assert_eq!(r.recorded["response"]["status"], 500);
}

#[apply(versions)]
async fn job_detail(#[case] version: &str) {
    let r = Replay::of(version, "job").await;
    let d = r.cluster.job(&r.job()).await.unwrap().unwrap();
    r.once();
    assert_eq!((d.name.as_str(), &d.state, d.vertices.len()), ("orders-counter", &FlinkState::Running, 2));
    assert_eq!((d.vertices[0].parallelism, d.vertices[0].max_parallelism), (2, Some(128)));
    assert_eq!(d.job_type.as_deref(), (version != "1.16.3").then_some("STREAMING"));
    let r = Replay::of(version, "job-unknown").await;
    assert_eq!(r.cluster.job(&r.job()).await.unwrap(), None);
}

#[apply(versions)]
async fn checkpoints(#[case] version: &str) {
    let r = Replay::of(version, "job-checkpoints").await;
    let c = r.cluster.checkpoints(&r.job()).await.unwrap().unwrap();
    r.once();
    let newest = c.latest_completed.clone().unwrap();
    assert_eq!((c.completed, c.history[0].id), (newest.id, c.history[0].id.max(newest.id)));
    assert!(newest.path.as_deref().unwrap().ends_with(&format!("{}/chk-{}", r.job(), newest.id)));
    assert_eq!(
        (newest.kind.as_str(), newest.status.as_str(), newest.discarded),
        ("CHECKPOINT", "COMPLETED", false)
    );
    assert!(newest.size.unwrap() > 1000 && newest.acked_at > Some(newest.triggered_at));
    assert!(c.history.iter().any(|h| h.discarded), "older ones are discarded");
    assert!(c.latest_restored.is_none() && c.latest_savepoint.is_none());
    let first = c.history.last().unwrap();
    assert_eq!(first.failure.is_some(), first.status.as_str() == "FAILED", "{first:?}");

    let r = Replay::of(version, "run-restore-v1-checkpoints").await;
    let restored = r.cluster.checkpoints(&r.job()).await.unwrap().unwrap().latest_restored.unwrap();
    assert!(restored.is_savepoint && restored.restored_at.is_some());
    assert!(restored.path.unwrap().starts_with("file:/flink/savepoints/savepoint-"));

    let r = Replay::of(version, "job-unknown-checkpoints").await;
    assert_eq!(r.cluster.checkpoints(&r.job()).await.unwrap(), None);
}

#[tokio::test]
async fn the_savepoint_of_a_stop_is_in_the_statistics() {
    let r = Replay::of("2.3.0", "job-stopped-checkpoints-settled").await;
    let c = r.cluster.checkpoints(&r.job()).await.unwrap().unwrap();
    let savepoint = c.latest_savepoint.unwrap();
    assert_eq!(savepoint.kind.as_str(), "SYNC_SAVEPOINT");
    assert!(savepoint.path.unwrap().contains("/savepoint-"));
}

#[apply(versions)]
async fn checkpoint_config(#[case] version: &str) {
    let r = Replay::of(version, "job-checkpoints-config").await;
    let c = r.cluster.checkpoint_config(&r.job()).await.unwrap().unwrap();
    r.once();
    assert_eq!(
        (c.interval.unwrap().to_string(), c.timeout.unwrap().to_string()),
        ("3s".into(), "10m".into())
    );
    assert!(!c.retained);
    if version != "1.16.3" {
        let r = Replay::of(version, "checkpoint-disabled-config").await;
        assert_eq!(r.cluster.checkpoint_config(&r.job()).await.unwrap().unwrap().interval, None);
    }
}

#[apply(versions)]
async fn exceptions(#[case] version: &str) {
    let r = Replay::of(version, "job-exceptions").await;
    assert_eq!(r.cluster.exceptions(&r.job(), 5).await.unwrap(), []);
    assert_eq!(r.once().query, "maxExceptions=5");
    if version != "1.16.3" {
        let r = Replay::of(version, "job-fail-after-exceptions").await;
        let list = r.cluster.exceptions(&r.job(), 5).await.unwrap();
        assert!(
            list[0].root_cause.starts_with("IllegalStateException: lab: planned failure"),
            "{:?}",
            list[0]
        );
        assert!(list[0].task.as_deref().unwrap().starts_with("Source: numbers") && list[0].at.is_some());
        assert!(list[0].trace.contains("\n\tat "));
        assert!(list.windows(2).all(|w| w[0].at >= w[1].at), "newest first");
    }
}

#[apply(versions)]
async fn configurations(#[case] version: &str) {
    let r = Replay::of(version, "job-config").await;
    assert_eq!(r.cluster.job_config(&r.job()).await.unwrap().unwrap().parallelism, Some(2));
    r.once();
    let r = Replay::of(version, "jobmanager-config").await;
    let config = r.cluster.jobmanager_config().await.unwrap();
    r.once();
    assert_eq!(config.get("taskmanager.numberOfTaskSlots").map(String::as_str), Some("4"));
}

#[apply(versions)]
async fn metrics(#[case] version: &str) {
    let r = Replay::of(version, "job-metrics-get").await;
    assert_eq!(r.cluster.restarts(&r.job()).await.unwrap(), Some(0));
    r.once();
    // An unknown job has no metrics, and that is a 200.
    let r = Replay::of(version, "job-unknown-metrics").await;
    assert_eq!(r.cluster.restarts(&r.job()).await.unwrap(), None);
}

#[apply(versions)]
async fn jars(#[case] version: &str) {
    let r = Replay::of(version, "jars").await;
    let jars = r.cluster.jars().await.unwrap();
    r.once();
    assert!(jars.iter().any(|j| j.name == "counter-v1.jar" && j.id.ends_with("_counter-v1.jar")));

    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("x");
    std::fs::write(&file, "jar bytes").unwrap();
    let r = Replay::of(version, "jar-upload-counter-v1.jar").await;
    let sent = Arc::default();
    let jar = r.cluster.upload_jar(&file, "counter-v1.jar", Arc::clone(&sent)).await.unwrap();
    assert_eq!((jar.name.as_str(), jar.id.len()), ("counter-v1.jar", 36 + 1 + 14));
    assert_eq!(sent.load(std::sync::atomic::Ordering::Relaxed), 9);
    let form = String::from_utf8(r.once().body).unwrap();
    assert!(form.contains("filename=\"counter-v1.jar\"") && form.contains("\r\n\r\njar bytes\r\n"), "{form}");

    let r = Replay::of(version, "jar-upload-wrong-ext").await;
    let e = r.cluster.upload_jar(&file, "counter-v1.jar", Arc::default()).await.unwrap_err();
    assert_eq!(
        (e.kind, e.effect, e.message.as_str()),
        (ErrorKind::Flink(400), Effect::None, "Only Jar files are allowed.")
    );

    let r = Replay::of(version, "jar-delete").await;
    r.cluster.delete_jar(&r.part(1)).await.unwrap();
    r.once();
    let r = Replay::of(version, "jar-delete-unknown").await;
    let e = r.cluster.delete_jar(&r.part(1)).await.unwrap_err();
    assert_eq!((e.flink_status(), e.effect), (Some(400), Effect::None));
    assert!(e.message.contains("does not exist"), "{e}");
}

fn run() -> RunRequest {
    RunRequest { entry_class: Some("lab.CounterJob".into()), parallelism: 2, ..RunRequest::default() }
}

#[apply(versions)]
async fn a_run_answers_the_job(#[case] version: &str) {
    let r = Replay::of(version, "jar-run").await;
    let id: FlinkJobId = "aaaaaaaaaaaaaaaaaaaaaaaaaaaa0001".parse().unwrap();
    let request = RunRequest { job_id: Some(id.clone()), args: vec!["--rate".into(), "500".into()], ..run() };
    assert_eq!(r.cluster.run_jar(&r.part(1), &request).await.unwrap(), id);
    assert_eq!(
        r.body(),
        json!({"entryClass": "lab.CounterJob", "programArgsList": ["--rate", "500"], "parallelism": 2, "jobId": id})
    );
}

#[rstest]
#[case("jar-run-same-jobid-while-running", 400, Effect::Possible, "SubmissionException: ")]
#[case("jar-run-main-throws", 400, Effect::Possible, "IOException: root cause: config file missing")]
#[case("jar-run-no-job", 400, Effect::Possible, "")]
#[case("jar-run-unknown-jar", 500, Effect::None, "does not exist")]
#[case("jar-run-bad-jar", 500, Effect::None, "zip END header not found")]
#[case(
    "jar-run-restore-missing-path",
    400,
    Effect::Possible,
    "FileNotFoundException: Cannot find checkpoint or savepoint"
)]
#[case(
    "run-downgrade-v1-strict",
    400,
    Effect::Possible,
    "Cannot map checkpoint/savepoint state for operator"
)]
#[tokio::test]
async fn failed_runs_have_a_reason(
    #[case] name: &str,
    #[case] status: u16,
    #[case] effect: Effect,
    #[case] reason: &str,
    #[values("1.16.3", "1.20.5", "2.3.0")] version: &str,
) {
    let r = Replay::of(version, name).await;
    let e = r.cluster.run_jar(&r.part(1), &run()).await.unwrap_err();
    r.once();
    assert_eq!((e.flink_status(), e.effect), (Some(status), effect), "{e}");
    assert!(e.message.contains(reason), "{e}");
    assert!(!e.message.contains("\tat ") && e.full.unwrap().contains("\n\tat "));
    assert!(!e.message.contains("org.apache.flink"), "{}", e.message);
}

#[apply(versions)]
async fn plans(#[case] version: &str) {
    let r = Replay::of(version, "jar-plan-post").await;
    let request =
        RunRequest { job_id: Some(Hex32::from_bytes([1; 16])), savepoint_path: Some("x".into()), ..run() };
    r.cluster.plan_jar(&r.part(1), &request).await.unwrap();
    assert_eq!(r.body(), json!({"entryClass": "lab.CounterJob", "parallelism": 2}));
    let r = Replay::of(version, "jar-plan-crash").await;
    let e = r.cluster.plan_jar(&r.part(1), &run()).await.unwrap_err();
    assert!(e.message.contains("root cause: config file missing"), "{e}");
}

fn savepoint(trigger: &str) -> SavepointRequest {
    SavepointRequest {
        trigger: trigger.parse().unwrap(),
        directory: Some("file:/flink/sp".into()),
        format: Format::Canonical,
        drain: false,
    }
}

#[apply(versions)]
async fn savepoints(#[case] version: &str) {
    let r = Replay::of(version, "savepoint-trigger-own-id").await;
    let trigger = r.recorded["response"]["body"]["request-id"].as_str().unwrap().to_owned();
    r.cluster.trigger_savepoint(&r.job(), &savepoint(&trigger)).await.unwrap();
    let body = r.body();
    assert_eq!((&body["triggerId"], &body["target-directory"]), (&json!(trigger), &json!("file:/flink/sp")));

    for (name, expected) in [
        ("savepoint-status-in-progress", AsyncStatus::InProgress),
        ("savepoint-status-unknown-trigger", AsyncStatus::Unknown),
    ] {
        let r = Replay::of(version, name).await;
        let status = r.cluster.savepoint_status(&r.job(), &r.part(3).parse().unwrap()).await.unwrap();
        r.once();
        assert_eq!(status, expected, "{name}");
    }
    let r = Replay::of(version, "savepoint-own-id-status-final").await;
    let status = r.cluster.savepoint_status(&r.job(), &r.part(3).parse().unwrap()).await.unwrap();
    let AsyncStatus::Completed { location: Some(location) } = status else { panic!("{status:?}") };
    assert!(location.starts_with("file:/flink/"), "{location}");

    // Flink says COMPLETED of a failure, too.
    let r = Replay::of(version, "savepoint-unwritable-dir-status-final").await;
    assert_eq!(r.recorded["response"]["body"]["status"]["id"], "COMPLETED");
    let status = r.cluster.savepoint_status(&r.job(), &r.part(3).parse().unwrap()).await.unwrap();
    let AsyncStatus::Failed { reason, full } = status else { panic!("{status:?}") };
    assert!(reason.starts_with("IOException: Failed to create savepoint directory"), "{reason}");
    assert!(full.contains("\n\tat ") && !full.contains("rO0AB"), "the serialised exception is left out");
}

#[rstest]
#[case("1.20.5")]
#[case("2.3.0")]
#[tokio::test]
async fn no_savepoint_directory(#[case] version: &str) {
    let r = Replay::of(version, "savepoint-no-dir-configured").await;
    let e = r.cluster.trigger_savepoint(&r.job(), &savepoint(&"1".repeat(32))).await.unwrap_err();
    assert_eq!((e.flink_status(), e.effect), (Some(400), Effect::None));
    assert!(e.message.starts_with("Config key [") && e.message.contains("is not set"), "{e}");
}

#[apply(versions)]
async fn stops(#[case] version: &str) {
    let r = Replay::of(version, "stop-trigger").await;
    let trigger = r.recorded["response"]["body"]["request-id"].as_str().unwrap().to_owned();
    r.cluster.stop(&r.job(), &savepoint(&trigger)).await.unwrap();
    let body = r.body();
    assert_eq!((&body["targetDirectory"], &body["drain"]), (&json!("file:/flink/sp"), &json!(false)));
    let r = Replay::of(version, "stop-status-final").await;
    let status = r.cluster.savepoint_status(&r.job(), &r.part(3).parse().unwrap()).await.unwrap();
    assert!(matches!(status, AsyncStatus::Completed { location: Some(_) }), "{status:?}");
}

#[apply(versions)]
async fn cancels(#[case] version: &str) {
    for (name, expected) in [
        ("cancel-running", CancelAnswer::Accepted),
        ("cancel-failed-job", CancelAnswer::AlreadyTerminal),
        ("cancel-unknown", CancelAnswer::UnknownJob),
    ] {
        let r = Replay::of(version, name).await;
        assert_eq!(r.cluster.cancel(&r.job()).await.unwrap(), expected, "{name}");
        assert_eq!(r.once().query, "mode=cancel");
    }
}

#[apply(versions)]
async fn disposals(#[case] version: &str) {
    let r = Replay::of(version, "savepoint-disposal").await;
    let id = r.cluster.dispose("file:/flink/savepoints/savepoint-1").await.unwrap();
    assert_eq!(r.recorded["response"]["body"]["request-id"], json!(id));
    assert_eq!(r.body(), json!({"savepoint-path": "file:/flink/savepoints/savepoint-1"}));
    let r = Replay::of(version, "savepoint-disposal-status-final").await;
    let status = r.cluster.disposal_status(&r.part(1).parse().unwrap()).await.unwrap();
    assert_eq!(status, AsyncStatus::Completed { location: None });
    let r = Replay::of(version, "savepoint-disposal-missing-status-final").await;
    let status = r.cluster.disposal_status(&r.part(1).parse().unwrap()).await.unwrap();
    let AsyncStatus::Failed { reason, .. } = status else { panic!("{status:?}") };
    assert!(reason.starts_with("FileNotFoundException: Cannot find"), "{reason}");
}

#[tokio::test]
async fn the_oldest_flink_takes_no_configuration_with_a_run() {
    let r = Replay::of("1.16.3", "overview").await;
    let request =
        RunRequest { flink_configuration: [("a".into(), "b".into())].into_iter().collect(), ..run() };
    let e = r.cluster.run_jar("x.jar", &request).await.unwrap_err();
    assert_eq!((&e.kind, e.effect), (&ErrorKind::Config, Effect::None));
    assert!(e.message.contains("1.17") && e.message.contains("1.16.3"), "{e}");
    assert!(r.asked.lock().unwrap().iter().all(|a| a.method == "GET"));
}
