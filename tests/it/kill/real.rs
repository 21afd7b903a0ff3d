//! Six kills on real Flink: after the intent and after the sending of a stop, a run and an upload.

use std::{io::Write as _, path::PathBuf, time::Duration};

use nutkin::{
    adapters::clock::SystemClock,
    client::routes,
    contract::intent::{Upgrade, Verb},
    domain::{
        deployment::Observed,
        location,
        operation::{OpState, StepName},
        savepoint::Status,
        time::Clock,
    },
    manager::Patience,
};
use rstest::rstest;
use serde_json::json;

use super::{house::House, plays::Request, proxy::Proxy};
use crate::{
    flink_real::Rest,
    manager::rig::{APP, cancel, confirmed, document, name, start, suspend},
    support::flink::{self, NEW, Shared, TestCluster},
};

/// Where the manager dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    AfterIntent,
    AfterSend,
}

/// Real times, but for those that only make a test wait.
fn patience() -> Patience {
    let s = Duration::from_secs;
    Patience { running: s(1), submission: s(4), back_off: s(1), ..Patience::default() }
}

/// A deployment of its own on the shared cluster, behind a proxy.
struct Stage {
    cluster: Shared,
    rest: Rest,
    proxy: Proxy,
    house: House,
    jars: [String; 2],
}

impl Stage {
    async fn new() -> Self {
        let cluster = TestCluster::shared(NEW).await;
        let (rest, proxy) = (Rest(cluster.url()), Proxy::before(&cluster.url()).await);
        let house = House::open(patience()).await;
        let jars = flink::payments(NEW).await;
        let own = tempfile::tempdir().unwrap();
        let v1 = house.jar(&unlike_all(&jars.release("v1"), own.path())).await;
        let v2 = house.jar(&unlike_all(&jars.release("v2"), own.path())).await;
        let target = json!({
            "url": proxy.url(),
            "savepointDirectory": format!("file:{}", cluster.cluster.savepoints().display()),
            "savepointAccess": "LOCAL",
        });
        let spec = json!({
            "target": "real", "parallelism": 1,
            "artifact": {
                "sha256": v1, "jar": "payments-v1.jar", "version": "v1",
                "args": ["--rate", "200", "--interval", "500"]
            }
        });
        let documents =
            vec![document("Target", None, "real", target), document("Deployment", Some(APP), "prod", spec)];
        house.apply(documents).await;
        Self { cluster, rest, proxy, house, jars: [v1, v2] }
    }

    /// The count since birth of the job that runs now, once it is more than this.
    async fn count(&self, more_than: f64) -> f64 {
        let job = self.house.seen("prod").await.job.expect("it has a job").flink_job_id;
        self.rest.metric_above(&job, "payments.total", more_than).await
    }

    async fn is(&self, observed: Observed) {
        self.house
            .eventually("it is seen so", async || {
                let d = self.house.seen("prod").await;
                if d.observed == observed { Ok(()) } else { Err(format!("{d:#?}")) }
            })
            .await;
    }

    /// I3: ids that were issued for the deployment and live.
    async fn live(&self) -> Vec<String> {
        let jobs = self.house.client.get(&routes::jobs(&name("prod"))).await.unwrap().items;
        let ids = jobs.into_iter().map(|j| j.flink_job_id);
        ids.filter(|id| {
            let state = self.rest.job(id)["state"].as_str().unwrap_or("GONE").to_owned();
            !["GONE", "FINISHED", "CANCELED", "FAILED"].contains(&state.as_str())
        })
        .collect()
    }

    /// How often each of the two jars is on the cluster.
    fn uploads(&self) -> [usize; 2] {
        let listed = self.rest.get("/jars")["files"].clone();
        let names: Vec<&str> = listed.as_array().unwrap().iter().filter_map(|f| f["name"].as_str()).collect();
        self.jars.each_ref().map(|sha| {
            let ours = format!("nutkin-{}.jar", &sha[..32]);
            names.iter().filter(|n| **n == ours).count()
        })
    }
}

/// A copy of a jar with a content of its own, so that no other test has brought it to the shared cluster.
fn unlike_all(jar: &std::path::Path, into: &std::path::Path) -> PathBuf {
    use std::{fs::File, io::Write as _};
    let copy = into.join(jar.file_name().unwrap());
    std::fs::copy(jar, &copy).unwrap();
    let file = File::options().read(true).write(true).open(&copy).unwrap();
    let mut zip = zip::ZipWriter::new_append(file).unwrap();
    zip.start_file("copy.txt", zip::write::SimpleFileOptions::default()).unwrap();
    zip.write_all(uuid::Uuid::new_v4().to_string().as_bytes()).unwrap();
    zip.finish().unwrap();
    copy
}

/// What the step's request looks like.
fn route(step: StepName) -> &'static str {
    match step {
        StepName::StopWithSavepoint => "/stop",
        StepName::RunJar => "/run",
        StepName::UploadJar => "/jars/upload",
        other => panic!("{other} is not among the six"),
    }
}

#[rstest]
#[case::stop_after_intent(StepName::StopWithSavepoint, Place::AfterIntent)]
#[case::stop_after_send(StepName::StopWithSavepoint, Place::AfterSend)]
#[case::run_after_intent(StepName::RunJar, Place::AfterIntent)]
#[case::run_after_send(StepName::RunJar, Place::AfterSend)]
#[case::upload_after_intent(StepName::UploadJar, Place::AfterIntent)]
#[case::upload_after_send(StepName::UploadJar, Place::AfterSend)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_count_since_birth_survives_a_killed_manager(#[case] step: StepName, #[case] place: Place) {
    let began = SystemClock.boottime();
    let mut s = Stage::new().await;
    s.house.done("prod", start()).await;
    let before = s.count(100.0).await;
    let verb = match step {
        StepName::StopWithSavepoint => suspend(),
        StepName::RunJar => {
            s.house.done("prod", suspend()).await;
            start()
        }
        _ => Verb::Upgrade(Box::new(Upgrade {
            artifact: Some(s.jars[1].clone()),
            version_label: Some("v2".into()),
            ..Upgrade::default()
        })),
    };
    match place {
        Place::AfterIntent => s.house.arm(&format!("after-intent:{step}")),
        Place::AfterSend => {
            let pid = s.house.pid();
            s.proxy.keep_answer("POST", route(step), move || {
                rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
            });
        }
    }
    let op =
        s.house.crash(&Request::Submit(routes::verb(&name("prod"), &confirmed(verb, "prod"))), None).await;
    assert_eq!(op.state, OpState::Succeeded, "{op:#?}\n{}", s.house.log());
    if step == StepName::StopWithSavepoint {
        s.is(Observed::Suspended).await;
        assert_eq!(s.live().await, Vec::<String>::new(), "I3");
        s.house.done("prod", start()).await;
    }
    s.is(Observed::Running).await;
    let after = s.count(0.0).await;
    assert!(after >= before, "I4: {after} after {before}");
    s.count(after).await;
    let live = s.live().await;
    assert_eq!(live.len(), 1, "I3");
    let all = s.house.savepoints("prod").await;
    assert_eq!(all.len(), 1, "I2, I5: one stop, one savepoint: {all:#?}");
    assert!(all[0].is_final && all[0].status == Status::Completed, "{all:#?}");
    let (began_with, stopped_with) = (s.rest.restored(&live[0]).await, all[0].location.clone().unwrap());
    assert!(location::same(&began_with, &stopped_with), "I4: {began_with}, not {stopped_with}");
    let expected = if step == StepName::UploadJar { [1, 1] } else { [1, 0] };
    assert_eq!(s.uploads(), expected, "I2: every jar once");
    s.house.done("prod", cancel()).await;
    let took = (SystemClock.boottime() - began).as_secs_f64();
    let _ = writeln!(std::io::stderr(), "kill on Flink {NEW}: {step} {place:?}, {took:.1} s");
    drop(s.cluster);
}
