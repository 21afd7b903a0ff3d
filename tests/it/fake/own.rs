//! The fake's own promises: faults, scripts, lost memory, and answers in the shape of recorded ones.

use std::{
    io::{Read, Write},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use nutkin::{
    adapters::{
        clock::SystemClock,
        flink::{FlinkFactory, Limits},
    },
    domain::{
        deployment::FlinkState,
        flink::{AsyncStatus, CancelAnswer},
        ids::{FlinkJobId, Hex32},
        savepoint::Format,
        time::Clock,
    },
    manager::ports::{
        ClusterFactory,
        cluster::{Cluster, ClusterError, Effect, ErrorKind, RunRequest, SavepointRequest},
    },
};
use rstest::rstest;
use serde_json::Value;

use super::{Fake, Fault, JobSpec, Phase, RunOutcome, SavepointOutcome, Settings};
use crate::{flink_fixtures::target, manager::rig::DEADLINE};

const SECOND: Duration = Duration::from_secs(1);

struct Play {
    fake: Fake,
    cluster: Arc<dyn Cluster>,
    dir: tempfile::TempDir,
}

impl Play {
    fn new(settings: Settings) -> Self {
        Self::with(settings, Limits::default())
    }

    /// With a client that does not wait long: only for those who wait for that.
    fn hasty() -> Self {
        let limits = Limits { total: SECOND, read: SECOND / 2, submit: SECOND * 2, ..Limits::default() };
        Self::with(Settings::default(), limits)
    }

    fn with(settings: Settings, limits: Limits) -> Self {
        let fake = Fake::start(settings);
        let factory = FlinkFactory::with_limits(Arc::new(SystemClock), limits);
        let cluster = factory.connect(&target(&fake.url())).unwrap();
        Self { fake, cluster, dir: tempfile::tempdir().unwrap() }
    }

    /// A job whose tasks run.
    async fn job(&self) -> FlinkJobId {
        let job = self.run(RunOutcome::Ok).await.unwrap();
        self.fake.wait_until("tasks run", DEADLINE, |w| w.jobs[job.as_str()].is_running());
        job
    }

    async fn run(&self, outcome: RunOutcome) -> Result<FlinkJobId, ClusterError> {
        self.run_as(outcome, fresh()).await
    }

    async fn run_as(&self, outcome: RunOutcome, id: FlinkJobId) -> Result<FlinkJobId, ClusterError> {
        let file = self.dir.path().join("x.jar");
        std::fs::write(&file, "x").unwrap();
        let jar = self.cluster.upload_jar(&file, "x.jar", Arc::default()).await.unwrap();
        self.fake.next_run(outcome);
        self.cluster
            .run_jar(&jar.id, &RunRequest { job_id: Some(id), parallelism: 1, ..RunRequest::default() })
            .await
    }

    fn request(&self) -> SavepointRequest {
        let directory = Some(format!("file://{}/{}", self.dir.path().display(), fresh()));
        SavepointRequest { trigger: fresh(), directory, format: Format::Canonical, drain: false }
    }

    async fn done(&self, job: &FlinkJobId, request: &SavepointRequest) -> AsyncStatus {
        let key = (job.to_string(), request.trigger.to_string());
        self.fake.until("an end", DEADLINE, |w| w.is_done(&key.0, &key.1)).await;
        self.cluster.savepoint_status(job, &request.trigger).await.unwrap()
    }
}

fn fresh() -> Hex32 {
    Hex32::from_bytes(*uuid::Uuid::new_v4().as_bytes())
}

fn play() -> Play {
    Play::new(Settings::default())
}

#[tokio::test]
async fn a_cut_before_leaves_no_trace_and_a_cut_after_an_act() {
    let play = play();
    let (job, request) = (play.job().await, play.request());
    play.fake.fault(Fault::on("POST /jobs/*/savepoints", Phase::Before).cut());
    let e = play.cluster.trigger_savepoint(&job, &request).await.unwrap_err();
    assert_eq!((e.kind, e.effect), (ErrorKind::Closed, Effect::Possible));
    assert!(play.fake.acts("savepoint").is_empty());
    play.fake.fault(Fault::on("POST /jobs/*/savepoints", Phase::After).cut());
    play.cluster.trigger_savepoint(&job, &request).await.unwrap_err();
    assert_eq!(play.fake.acts("savepoint").len(), 1);
    // The same key again is accepted and does nothing more.
    play.cluster.trigger_savepoint(&job, &request).await.unwrap();
    assert!(matches!(play.done(&job, &request).await, AsyncStatus::Completed { .. }));
    assert_eq!(play.fake.acts("savepoint").len(), 1);
    assert_eq!(play.fake.clear_faults(), 0);
}

#[tokio::test]
async fn faults_delay_answer_hang_and_call_by_count() {
    let play = play();
    let seen: Arc<AtomicUsize> = Arc::default();
    let count = seen.clone();
    play.fake.fault(Fault::on("GET /overview", Phase::Before).after(1).times(2).answer(502, "<html>"));
    assert!(play.cluster.overview().await.is_ok());
    for _ in 0..2 {
        assert_eq!(play.cluster.overview().await.unwrap_err().kind, ErrorKind::Gateway(502));
    }
    assert!(play.cluster.overview().await.is_ok());
    let hasty = Play::hasty();
    hasty.fake.fault(Fault::on("* /**", Phase::Before).hang());
    assert_eq!(hasty.cluster.overview().await.unwrap_err().kind, ErrorKind::Timeout);
    let call = move || {
        count.fetch_add(1, Ordering::Relaxed);
    };
    play.fake.fault(Fault::on("GET /overview", Phase::After).call(call).delay(SECOND / 10));
    let before = SystemClock.boottime();
    play.cluster.overview().await.unwrap();
    assert!(SystemClock.boottime() - before >= SECOND / 10);
    assert_eq!(seen.load(Ordering::Relaxed), 1);
}

#[rstest]
#[case(SavepointOutcome::HalfFails)]
#[case(SavepointOutcome::HalfFailsHidden)]
#[tokio::test]
async fn a_stop_can_fail_with_a_complete_savepoint(#[case] outcome: SavepointOutcome) {
    let play = Play::new(Settings { checkpoint_every: None, ..Settings::default() });
    let (job, request) = (play.job().await, play.request());
    play.fake.next_savepoint(outcome);
    play.cluster.stop(&job, &request).await.unwrap();
    let AsyncStatus::Failed { full, .. } = play.done(&job, &request).await else { panic!("not failed") };
    let world = play.fake.world();
    let (_, snapshot) = world.snapshots.first().unwrap();
    assert!(snapshot.complete);
    assert!(full.contains(&format!("created at: {}, but", snapshot.location)), "{full}");
    assert!(!world.jobs[job.as_str()].is_terminal());
    drop(world);
    play.fake.wait_until("it goes on", DEADLINE, |w| w.jobs[job.as_str()].is_running());
}

#[tokio::test]
async fn a_job_can_fail_in_its_stop() {
    let play = play();
    let (job, request) = (play.job().await, play.request());
    play.fake.next_savepoint(SavepointOutcome::JobFails("java.lang.Error: sink".into()));
    play.cluster.stop(&job, &request).await.unwrap();
    assert!(matches!(play.done(&job, &request).await, AsyncStatus::Failed { .. }));
    assert_eq!(play.cluster.job_status(&job).await.unwrap(), Some(FlinkState::Failed));
}

#[tokio::test]
async fn a_stop_wins_over_a_savepoint_that_runs() {
    let play = play();
    let (job, savepoint, stop) = (play.job().await, play.request(), play.request());
    play.fake.next_savepoint(SavepointOutcome::Held);
    play.cluster.trigger_savepoint(&job, &savepoint).await.unwrap();
    let status = play.cluster.savepoint_status(&job, &savepoint.trigger).await.unwrap();
    assert_eq!(status, AsyncStatus::InProgress);
    play.cluster.stop(&job, &stop).await.unwrap();
    assert!(matches!(play.done(&job, &stop).await, AsyncStatus::Completed { location: Some(_) }));
    let AsyncStatus::Failed { reason, .. } = play.done(&job, &savepoint).await else { panic!("not failed") };
    assert!(reason.contains("suspending"), "{reason}");
    assert_eq!(play.cluster.job_status(&job).await.unwrap(), Some(FlinkState::Finished));
    assert_eq!(play.cluster.cancel(&job).await.unwrap(), CancelAnswer::AlreadyTerminal);
}

#[tokio::test]
async fn savepoints_are_slow_held_or_fail_as_told() {
    let play = play();
    let job = play.job().await;
    let held = play.request();
    play.fake.next_savepoint(SavepointOutcome::Held);
    play.cluster.trigger_savepoint(&job, &held).await.unwrap();
    play.fake.release_savepoints();
    assert!(matches!(play.done(&job, &held).await, AsyncStatus::Completed { .. }));
    let fails = play.request();
    play.fake.next_savepoint(SavepointOutcome::LeavesDirectory("java.io.IOException: disk full".into()));
    play.cluster.trigger_savepoint(&job, &fails).await.unwrap();
    let AsyncStatus::Failed { reason, .. } = play.done(&job, &fails).await else { panic!("not failed") };
    assert_eq!(reason, "IOException: disk full");
    let directory = fails.directory.unwrap().replace("file://", "");
    let child = std::fs::read_dir(directory).unwrap().next().unwrap().unwrap();
    assert!(child.path().is_dir() && !child.path().join("_metadata").exists());
    let fails = play.request();
    play.fake.next_savepoint(SavepointOutcome::Fails("java.io.IOException: no".into()));
    play.cluster.trigger_savepoint(&job, &fails).await.unwrap();
    assert!(matches!(play.done(&job, &fails).await, AsyncStatus::Failed { .. }));
    let slow = play.request();
    play.fake.next_savepoint(SavepointOutcome::Slow(SECOND / 5));
    let before = SystemClock.boottime();
    play.cluster.trigger_savepoint(&job, &slow).await.unwrap();
    assert!(matches!(play.done(&job, &slow).await, AsyncStatus::Completed { .. }));
    assert!(SystemClock.boottime() - before >= SECOND / 5);
    let unwritable = SavepointRequest { directory: Some("file:///proc/nope".into()), ..play.request() };
    play.cluster.trigger_savepoint(&job, &unwritable).await.unwrap();
    let AsyncStatus::Failed { reason, .. } = play.done(&job, &unwritable).await else { panic!("not failed") };
    assert!(reason.contains("Failed to create savepoint directory"), "{reason}");
}

#[tokio::test]
async fn results_expire_and_the_statistics_remain() {
    let play = Play::new(Settings { store: SECOND / 20, cache: Duration::ZERO, ..Settings::default() });
    let (job, request) = (play.job().await, play.request());
    play.cluster.stop(&job, &request).await.unwrap();
    play.fake.wait_until("expiry", DEADLINE, |w| !w.knows(job.as_str(), request.trigger.as_str()));
    assert_eq!(play.cluster.savepoint_status(&job, &request.trigger).await.unwrap(), AsyncStatus::Unknown);
    let stats = play.cluster.checkpoints(&job).await.unwrap().unwrap();
    assert!(stats.latest_savepoint.unwrap().path.unwrap().contains("/savepoint-"));
}

#[tokio::test]
async fn one_key_for_two_acts_is_noticed() {
    let play = play();
    let (job, request) = (play.job().await, play.request());
    play.cluster.trigger_savepoint(&job, &request).await.unwrap();
    assert!(play.fake.violations().is_empty());
    play.cluster.stop(&job, &request).await.unwrap();
    assert_eq!(play.fake.violations().len(), 1);
}

#[tokio::test]
async fn an_act_that_the_books_do_not_know_is_noticed() {
    let (play, books) = (play(), tempfile::tempdir().unwrap());
    let job = play.job().await;
    let store = nutkin::adapters::sqlite::open(&books.path().join("state"), Arc::new(SystemClock)).await;
    play.fake.serves(&books.path().join("state"));
    play.cluster.trigger_savepoint(&job, &play.request()).await.unwrap();
    play.cluster.dispose("file:/somewhere").await.unwrap();
    let found = play.fake.violations();
    let all = ["I1: TRIGGER_SAVEPOINT", "I6: file:/somewhere", "I1: DISPOSE"];
    assert!(found.len() == 3 && all.iter().all(|w| found.iter().any(|f| f.starts_with(w))), "{found:#?}");
    drop(store);
}

#[tokio::test]
async fn the_live_list_is_newer_than_what_is_said_of_one_job() {
    let play = Play::new(Settings { cache: SECOND * 3600, ..Settings::default() });
    let job = play.job().await;
    assert_eq!(play.cluster.job(&job).await.unwrap().unwrap().state, FlinkState::Running);
    play.fake.fail_job(job.as_str(), "java.lang.Error: x");
    assert_eq!(play.cluster.job(&job).await.unwrap().unwrap().state, FlinkState::Running);
    assert_eq!(play.cluster.jobs().await.unwrap().items[0].state, FlinkState::Failed);
}

#[tokio::test]
async fn a_failover_keeps_jobs_and_forgets_results() {
    let play = Play::new(Settings { checkpoint_every: None, cache: Duration::ZERO, ..Settings::default() });
    let (job, request) = (play.job().await, play.request());
    let path = play.fake.checkpoint(job.as_str());
    play.cluster.trigger_savepoint(&job, &request).await.unwrap();
    play.done(&job, &request).await;
    let start = play.cluster.jobs().await.unwrap().items[0].start_time;
    play.fake.failover(SECOND * 3600);
    let e = play.cluster.stop(&job, &request).await.unwrap_err();
    assert_eq!((e.kind, e.effect), (ErrorKind::Election, Effect::None));
    play.fake.elect();
    play.fake.wait_until("it runs again", DEADLINE, |w| w.jobs[job.as_str()].is_running());
    let found = play.cluster.jobs().await.unwrap().items[0].clone();
    assert!(found.id == job && found.start_time > start);
    assert_eq!(play.cluster.savepoint_status(&job, &request.trigger).await.unwrap(), AsyncStatus::Unknown);
    let stats = play.cluster.checkpoints(&job).await.unwrap().unwrap();
    assert_eq!(stats.latest_restored.unwrap().path, Some(path));
    assert!(stats.history.is_empty());
    // The same key makes a second savepoint now.
    play.cluster.trigger_savepoint(&job, &request).await.unwrap();
    assert_eq!(play.fake.acts("savepoint").len(), 2);
    // What a failover may leave of a stopped job.
    play.fake.world().jobs.get_mut(job.as_str()).unwrap().stub = true;
    assert_eq!(play.cluster.checkpoints(&job).await.unwrap(), None);
}

#[tokio::test]
async fn main_goes_on_when_the_client_has_gone() {
    let play = play();
    let id = fresh();
    let slow = RunOutcome::SlowMain(SECOND * 3, Box::new(RunOutcome::Ok));
    let arrived = play.fake.until("main()", DEADLINE, |w| w.requests.iter().any(|r| r.ends_with("/run")));
    tokio::select! {
        answer = play.run_as(slow, id.clone()) => panic!("main() is through: {answer:?}"),
        () = arrived => {}
    }
    assert_eq!(play.cluster.job_status(&id).await.unwrap(), None);
    play.fake.wait_until("the job", DEADLINE, |w| w.jobs.contains_key(id.as_str()));
    assert_eq!(play.fake.acts("run")[0].key, id.as_str());
}

#[tokio::test]
async fn a_program_can_take_the_jobmanager_down() {
    let play = play();
    let job = play.job().await;
    let e = play.run(RunOutcome::Exits).await.unwrap_err();
    assert_eq!((e.kind, e.effect), (ErrorKind::Closed, Effect::Possible));
    assert_eq!(play.cluster.job_status(&job).await.unwrap(), None);
}

#[tokio::test]
async fn a_refused_run_can_leave_a_job() {
    let play = play();
    let id = fresh();
    let e = play.run_as(RunOutcome::HalfSubmitted, id.clone()).await.unwrap_err();
    assert_eq!((e.flink_status(), e.effect), (Some(400), Effect::Possible));
    assert_eq!(play.cluster.job_status(&id).await.unwrap(), Some(FlinkState::Running));
    let starved = play.run(RunOutcome::NoResources).await.unwrap();
    play.fake.wait_until("its end", DEADLINE, |w| w.jobs[starved.as_str()].is_terminal());
    assert!(play.fake.job(starved.as_str()).unwrap().exceptions[0].1.contains("NoResourceAvailable"));
}

#[tokio::test]
async fn down_is_refused_and_up_is_the_same_again() {
    let play = play();
    let job = play.job().await;
    play.fake.down();
    let e = play.cluster.stop(&job, &play.request()).await.unwrap_err();
    assert_eq!((e.kind, e.effect), (ErrorKind::Connect, Effect::None));
    play.fake.up();
    // The client may still hold a connection that died meanwhile.
    let _ = play.cluster.job_status(&job).await;
    assert_eq!(play.cluster.job_status(&job).await.unwrap(), Some(FlinkState::Running));
    assert_eq!(play.fake.live_jobs(), [job.as_str()]);
    play.fake.restart_without_memory();
    let _ = play.cluster.job_status(&job).await;
    assert_eq!(play.cluster.job_status(&job).await.unwrap(), None);
    assert_eq!(play.cluster.jars().await.unwrap().len(), 1);
}

#[tokio::test]
async fn jobs_of_others_fail_restart_and_age_away() {
    let play = Play::new(Settings { restarts: true, checkpoint_every: None, ..Settings::default() });
    let id = play.fake.add_job(JobSpec { name: "theirs".into(), ..JobSpec::default() });
    let job: FlinkJobId = id.parse().unwrap();
    let runs = || play.fake.wait_until("it runs", DEADLINE, |w| w.jobs[&id].is_running());
    runs();
    play.fake.checkpoint(&id);
    let kept = play.fake.job(&id).unwrap().checkpoints[0].count;
    play.fake.fail_task(&id, "java.lang.Error: a task");
    runs();
    let now = play.fake.job(&id).unwrap();
    assert_eq!((now.restarts, now.count_base), (1, kept));
    assert_eq!(play.cluster.restarts(&job).await.unwrap(), Some(1));
    assert_eq!(play.cluster.exceptions(&job, 5).await.unwrap()[0].root_cause, "Error: a task");
    play.fake.loop_restarts(&id, "java.lang.Error: again");
    play.fake.wait_until("a loop", DEADLINE, |w| w.jobs[&id].restarts > 3);
    play.fake.set_job_state(&id, "NEWFANGLED");
    assert_eq!(play.cluster.job_status(&job).await.unwrap(), Some(FlinkState::from_word("NEWFANGLED")));
    play.fake.forget_job(&id);
    assert_eq!(play.cluster.job_status(&job).await.unwrap(), None);
    assert!(play.fake.requests().iter().any(|r| r == &format!("GET /jobs/{id}/status")));
}

#[tokio::test]
async fn the_oldest_version_takes_no_configuration() {
    let play = Play::new(Settings { version: "1.16.3".into(), web_submit: true, ..Settings::default() });
    let configuration = [("a".to_owned(), "b".to_owned())].into_iter().collect();
    let run = RunRequest { parallelism: 1, flink_configuration: configuration, ..RunRequest::default() };
    assert_eq!(play.cluster.run_jar("x", &run).await.unwrap_err().kind, ErrorKind::Config);
    let play = Play::new(Settings { web_submit: false, ..Settings::default() });
    assert!(!play.cluster.config().await.unwrap().web_submit);
    assert_eq!(play.cluster.jars().await.unwrap_err().flink_status(), Some(404));
}

/// Every field that the fake says exists in the recorded answer, with the same type.
#[rstest]
#[tokio::test]
async fn answers_have_the_shape_of_recorded_ones(#[values("1.20.5", "2.3.0")] version: &str) {
    let settings = Settings {
        version: version.into(),
        cache: Duration::ZERO,
        savepoint_dir: Some("s3://bucket/savepoints".into()),
        ..Settings::default()
    };
    let play = Play::new(settings);
    let job = play.job().await;
    play.fake.checkpoint(job.as_str());
    let savepoint = SavepointRequest { directory: None, ..play.request() };
    play.cluster.trigger_savepoint(&job, &savepoint).await.unwrap();
    let AsyncStatus::Completed { location: Some(place) } = play.done(&job, &savepoint).await else {
        panic!()
    };
    assert!(place.starts_with("s3://bucket/savepoints/savepoint-"), "{place}");
    for (path, recorded) in [
        ("/overview".to_owned(), "overview"),
        ("/config".to_owned(), "empty-config"),
        ("/jobs/overview".to_owned(), "jobs-overview"),
        ("/jars".to_owned(), "jars"),
        ("/jobmanager/config".to_owned(), "jobmanager-config"),
        (format!("/jobs/{job}"), "job"),
        (format!("/jobs/{job}/status"), "job-status"),
        (format!("/jobs/{job}/checkpoints"), "job-checkpoints"),
        (format!("/jobs/{job}/checkpoints/config"), "job-checkpoints-config"),
        (format!("/jobs/{job}/config"), "job-config"),
        (format!("/jobs/{job}/exceptions"), "job-exceptions"),
        (format!("/jobs/{job}/metrics?get=numRestarts"), "job-metrics-get"),
        (format!("/jobs/{job}/savepoints/{}", savepoint.trigger), "savepoint-own-id-status-final"),
        (format!("/jobs/{}", fresh()), "job-unknown"),
        (format!("/jobs/{}/status", fresh()), "job-unknown-status"),
        (format!("/jobs/{job}/savepoints/{}", fresh()), "savepoint-status-unknown-trigger"),
    ] {
        let file = format!("{}/tests/fixtures/flink/{version}/{recorded}.json", env!("CARGO_MANIFEST_DIR"));
        let real: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        same_shape(&path, &get(&play.fake.url(), &path), &real["response"]["body"]);
    }
}

/// The answer as it is on the wire.
fn get(url: &str, path: &str) -> Value {
    let mut stream = std::net::TcpStream::connect(url.trim_start_matches("http://")).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    serde_json::from_str(text.split_once("\r\n\r\n").unwrap().1).unwrap()
}

fn same_shape(at: &str, ours: &Value, real: &Value) {
    match (ours, real) {
        (Value::Object(ours), Value::Object(real)) => {
            for (key, value) in ours {
                let other = real.get(key).unwrap_or_else(|| panic!("{at}: Flink has no {key:?} there"));
                same_shape(&format!("{at} {key}"), value, other);
            }
            for key in real.keys().filter(|k| LATER.contains(&k.as_str())) {
                assert!(ours.contains_key(key), "{at}: {key:?} is missing");
            }
        }
        // The richest element is compared: failed checkpoints have other fields than completed ones.
        (Value::Array(ours), Value::Array(real)) => {
            for element in ours {
                let nearest =
                    real.iter().max_by_key(|r| keys(r).filter(|k| element.get(*k).is_some()).count());
                if let Some(nearest) = nearest {
                    same_shape(&format!("{at} []"), element, nearest);
                }
            }
        }
        (Value::Null, _) | (_, Value::Null) => {}
        (ours, real) => {
            let same = std::mem::discriminant(ours) == std::mem::discriminant(real);
            assert!(same, "{at}: {ours} and {real}");
        }
    }
}

fn keys(value: &Value) -> impl Iterator<Item = &String> {
    value.as_object().into_iter().flat_map(serde_json::Map::keys)
}

/// What only one of the two versions has.
const LATER: &[&str] = &["root-exception", "schedulerType", "jobType", "pending-operators"];
