//! The demo's own parts on real Flink: clusters that start, survive and stop; the payments program.

use std::{fs, path::Path, process::Command, time::Duration};

use nutkin::{
    adapters::clock::SystemClock,
    demo::cluster::{Cluster, JOB_MANAGER, Shape},
    demo::dist::Dist,
    domain::{location, time::Clock},
};
use serde_json::{Value, json};

use crate::support::flink::{self, NEW, OLD, OLDEST, TestCluster, small};

/// Flink's REST API through curl: these tests must not depend on the client that other tests check with them.
pub struct Rest(pub String);

impl Rest {
    fn call(&self, args: &[&str], path: &str) -> Value {
        let url = format!("{}{path}", self.0);
        let output = Command::new("curl").args(["-sS", "--max-time", "60"]).args(args).arg(url).output();
        let output = output.unwrap_or_else(|e| panic!("tests on real Flink need curl in PATH: {e}"));
        assert!(output.status.success(), "{path}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }
    pub fn get(&self, path: &str) -> Value {
        self.call(&[], path)
    }
    pub fn post(&self, path: &str, body: &Value) -> Value {
        self.call(&["-H", "Content-Type: application/json", "-d", &body.to_string()], path)
    }
    pub fn upload(&self, jar: &Path) -> String {
        let answer = self.call(&["-F", &format!("jarfile=@{}", jar.display())], "/jars/upload");
        answer["filename"].as_str().unwrap().rsplit('/').next().unwrap().to_owned()
    }
    fn run(&self, jar: &Path, parallelism: u32, savepoint: Option<&str>, args: &[&str]) -> Value {
        let id = self.upload(jar);
        let mut body = json!({"parallelism": parallelism, "programArgsList": args});
        if let Some(path) = savepoint {
            body["savepointPath"] = path.into();
        }
        self.post(&format!("/jars/{id}/run"), &body)
    }
    pub fn start(&self, jar: &Path, parallelism: u32, savepoint: Option<&str>, args: &[&str]) -> String {
        let answer = self.run(jar, parallelism, savepoint, args);
        answer["jobid"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }
    pub fn cancel(&self, job: &str) {
        self.call(&["-X", "PATCH"], &format!("/jobs/{job}"));
    }
    pub fn job(&self, job: &str) -> Value {
        let overview = self.get("/jobs/overview");
        let jobs = overview["jobs"].as_array().unwrap().clone();
        jobs.into_iter().find(|found| found["jid"] == job).unwrap_or_default()
    }
    pub async fn state(&self, job: &str, state: &str) -> Value {
        until(&format!("{job} {state}"), || Some(self.job(job)).filter(|found| found["state"] == state)).await
    }
    pub async fn running(&self, job: &str) {
        until("all tasks running", || {
            let found = self.job(job);
            let all = &found["tasks"]["total"];
            (found["state"] == "RUNNING" && *all != json!(0) && found["tasks"]["running"] == *all)
                .then_some(())
        })
        .await;
    }
    pub async fn stop(&self, job: &str) -> String {
        let answer = self.post(&format!("/jobs/{job}/stop"), &json!({"drain": false}));
        let trigger = answer["request-id"].as_str().unwrap().to_owned();
        let path = format!("/jobs/{job}/savepoints/{trigger}");
        let done =
            until("the savepoint", || Some(self.get(&path)).filter(|s| s["status"]["id"] == "COMPLETED"))
                .await;
        done["operation"]["location"].as_str().unwrap_or_else(|| panic!("{done}")).to_owned()
    }
    /// Where Flink itself says that a job began: the place of the snapshot that it restored.
    pub async fn restored(&self, job: &str) -> String {
        let path = format!("/jobs/{job}/checkpoints");
        until(&format!("a restored snapshot of {job}"), || {
            self.get(&path)["latest"]["restored"]["external_path"].as_str().map(str::to_owned)
        })
        .await
    }
    /// A number that the program publishes, found by the end of its id.
    pub fn metric(&self, job: &str, name: &str) -> Option<f64> {
        let details = self.get(&format!("/jobs/{job}"));
        details["vertices"].as_array()?.iter().find_map(|vertex| {
            let path = format!("/jobs/{job}/vertices/{}/subtasks/metrics", vertex["id"].as_str()?);
            let ids = self.get(&path);
            let ending = format!(".{name}");
            let id =
                ids.as_array()?.iter().find_map(|m| m["id"].as_str().filter(|id| id.ends_with(&ending)))?;
            self.get(&format!("{path}?get={id}"))[0]["sum"].as_f64()
        })
    }
    pub async fn metric_above(&self, job: &str, name: &str, least: f64) -> f64 {
        until(&format!("{name} above {least}"), || self.metric(job, name).filter(|value| *value > least))
            .await
    }
}

pub async fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = SystemClock.boottime() + flink::PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(SystemClock.boottime() < deadline, "waited for {what}");
        SystemClock.sleep(Duration::from_millis(100)).await;
    }
}

const ARGS: &[&str] = &["--rate", "200", "--interval", "500"];

/// v1, stopped, v2 with twice the parallelism, stopped, v3 that fails, v2 again: the count never falls.
async fn payments_keep_their_count(version: &str) {
    let cluster = TestCluster::shared(version).await;
    let rest = Rest(cluster.url());
    let jars = flink::payments(version).await;

    let job = rest.start(&jars.release("v1"), 1, None, ARGS);
    rest.running(&job).await;
    let first = rest.metric_above(&job, "payments.total", 100.0).await;
    let savepoint = rest.stop(&job).await;

    let job = rest.start(&jars.release("v2"), 2, Some(&savepoint), ARGS);
    rest.running(&job).await;
    let restored = rest.metric_above(&job, "payments.total", 0.0).await;
    assert!(restored >= first, "{restored} after {first}");
    assert!(location::same(&rest.restored(&job).await, &savepoint));
    let second = rest.metric_above(&job, "payments.total", restored).await;
    rest.metric_above(&job, "payments.rate", 100.0).await;
    rest.metric_above(&job, "payments.DE.count", 10.0).await;
    let average = rest.metric_above(&job, "payments.DE.average", 0.0).await;
    assert!(rest.metric_above(&job, "payments.DE.largest", 0.0).await >= average);
    let savepoint = rest.stop(&job).await;

    let job = rest.start(&jars.release("v3-broken"), 2, Some(&savepoint), ARGS);
    until("two failures", || {
        let counts = rest.get(&format!("/jobs/{job}/checkpoints"))["counts"].clone();
        assert_eq!(counts["completed"].as_u64().unwrap_or(0), 0, "{counts}");
        (counts["restored"].as_u64()? >= 2).then_some(())
    })
    .await;
    rest.cancel(&job);
    rest.state(&job, "CANCELED").await;

    let job = rest.start(&jars.release("v2"), 1, Some(&savepoint), ARGS);
    rest.running(&job).await;
    let third = rest.metric_above(&job, "payments.total", 0.0).await;
    assert!(third >= second, "{third} after {second}");
    assert!(location::same(&rest.restored(&job).await, &savepoint));
    rest.cancel(&job);
    rest.state(&job, "CANCELED").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn payments_keep_their_count_on_the_newest_flink() {
    payments_keep_their_count(NEW).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn payments_keep_their_count_on_the_old_line() {
    payments_keep_their_count(OLD).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn payments_keep_their_count_on_the_oldest_flink() {
    payments_keep_their_count(OLDEST).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_test_programs_fail_as_they_should() {
    let cluster = TestCluster::shared(NEW).await;
    let rest = Rest(cluster.url());
    let jars = flink::payments(NEW).await;
    let job = rest.start(&jars.release("v1"), 2, None, ARGS);
    rest.running(&job).await;
    let count = rest.metric_above(&job, "payments.total", 0.0).await;
    let savepoint = rest.stop(&job).await;

    let refusal =
        async |name: &str| rest.run(&flink::test_job(NEW, name).await, 1, Some(&savepoint), &[]).to_string();
    assert!(refusal("NoMain").await.contains("Neither a 'Main-Class'"));
    assert!(refusal("MainThrows").await.contains("main gave up on purpose"));
    assert!(refusal("OtherUids").await.contains("Cannot map checkpoint/savepoint state"));

    let job = rest.start(&flink::test_job(NEW, "FailsAtStart").await, 1, Some(&savepoint), ARGS);
    rest.state(&job, "FAILED").await;

    let job = rest.start(&flink::test_job(NEW, "RestartLoop").await, 2, Some(&savepoint), ARGS);
    until("a restart after completed checkpoints", || {
        let counts = rest.get(&format!("/jobs/{job}/checkpoints"))["counts"].clone();
        (counts["completed"].as_u64()? >= 2 && counts["restored"].as_u64()? >= 2).then_some(())
    })
    .await;
    rest.cancel(&job);
    rest.state(&job, "CANCELED").await;
    // The job's own answers come from a cache: the checkpoint that they call the last may be gone by now.
    let last = until("the last checkpoint", || {
        let checkpoints = rest.get(&format!("/jobs/{job}/checkpoints"));
        let path = checkpoints["latest"]["completed"]["external_path"].as_str()?.to_owned();
        let metadata = Path::new(path.strip_prefix("file:")?).join("_metadata");
        metadata.exists().then_some(path)
    })
    .await;

    let slow = flink::test_job(NEW, "SlowMain").await;
    let args = [ARGS, &["--main-ms", "1500"]].concat();
    let before = SystemClock.boottime();
    let job = rest.start(&slow, 1, Some(&last), &args);
    assert!(SystemClock.boottime() - before >= Duration::from_millis(1500));
    rest.running(&job).await;
    assert!(rest.metric_above(&job, "payments.total", 0.0).await > count);
    assert!(location::same(&rest.restored(&job).await, &last));
    rest.cancel(&job);
    rest.state(&job, "CANCELED").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_survives_the_loss_of_processes() {
    let mut test = TestCluster::private(NEW, Shape { task_managers: 1, ..small() }).await;
    let (url, dir) = (test.url(), test.dir.path().to_owned());
    let dist = flink::dist(NEW).await;
    let java = flink::jdk().java;
    let shape = Shape { task_managers: 1, ..small() };
    let start = async || Cluster::start(&dir, &dist, &java, &shape, &SystemClock).await.unwrap();

    let before = test.cluster.processes().to_vec();
    assert_eq!(start().await.processes(), before, "what runs is left alone");

    test.cluster.process("tm1").unwrap().kill();
    until("the end of tm1", || (!test.cluster.is_alive("tm1")).then_some(())).await;
    test.cluster = start().await;
    assert_eq!(test.cluster.process(JOB_MANAGER).unwrap(), &before[0], "what runs is left alone");
    assert!(test.cluster.is_alive("tm1"));

    test.cluster.process(JOB_MANAGER).unwrap().kill();
    until("the end of jm", || (!test.cluster.is_alive(JOB_MANAGER)).then_some(())).await;
    test.cluster = start().await;
    assert_eq!(test.url(), url, "it keeps its address");

    let opened = Cluster::open(&dir).unwrap().unwrap();
    assert_eq!(opened.processes(), test.cluster.processes());
    let other = Dist { version: "1.20.5".into(), ..dist.clone() };
    let refused = Cluster::start(&dir, &other, &java, &shape, &SystemClock).await.unwrap_err();
    assert!(refused.to_string().contains("Flink 2.3.0 is running here"), "{refused}");

    let processes = test.cluster.processes().to_vec();
    test.cluster.stop(&SystemClock).await.unwrap();
    assert!(processes.iter().all(|process| !process.is_alive()));
    assert!(Cluster::open(&dir).unwrap().unwrap().processes().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_cannot_start_says_why_and_leaves_nothing() {
    let _turn = flink::private_turn().await;
    let dir = tempfile::tempdir().unwrap();
    let dist = flink::dist(NEW).await;
    let config = vec![("taskmanager.memory.task.heap.size".to_owned(), "a lot".to_owned())];
    let shape = Shape { config, ..small() };
    let failed =
        Cluster::start(dir.path(), &dist, &flink::jdk().java, &shape, &SystemClock).await.unwrap_err();
    let text = failed.to_string();
    assert!(text.contains("ended while starting") && text.contains("a lot"), "{text}");
    let left = Cluster::open(dir.path()).unwrap().unwrap();
    until("the end of all processes", || left.processes().iter().all(|p| !p.is_alive()).then_some(())).await;
}

#[test]
fn every_program_is_built() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/jobs");
    let text = include_str!("support/flink.rs");
    for entry in fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(
            text.contains(&format!("\"{}\"", name.trim_end_matches(".java"))),
            "{name} is not in test_jobs!"
        );
    }
}
