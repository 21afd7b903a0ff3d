//! A cancel that takes over from an upgrade whose `main()` still runs on the JobManager: what comes to life is cancelled.

use serde_json::json;

use super::desk::{Desk, Wanted, until};
use crate::support::flink::{self, NEW, TestCluster};

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_waits_for_what_is_being_submitted_and_leaves_nothing_alive() {
    let cluster = TestCluster::shared(NEW).await;
    let v1 = flink::payments(NEW).await.release("v1");
    let desk = Desk::at(&cluster.url()).await;
    let name = "taken/prod";
    desk.apply("taken", &[Wanted { name: "prod", state: "RUNNING", jar: &v1, version: "v1", more: "" }])
        .await;
    let count = desk.count_above(name, 20.0).await;
    let began = cluster.dir.path().join("taken-main-began").display().to_string();
    let slow = flink::test_job(NEW, "SlowMain").await.display().to_string();
    let mut args = vec!["upgrade", name, "--jar", &slow, "--version-label", "slow", "--no-wait", "--args"];
    args.extend(["--rate", "200", "--interval", "500", "--main-ms", "12000", "--main-file", &began]);
    let id = desk.ok(&args).await["operationId"].as_str().unwrap().to_owned();
    until("main()", async || std::path::Path::new(&began).exists().then_some(())).await;

    desk.ran(&["cancel", name, "--confirm", name]).await.ended(5).says(&["OPERATION_ACTIVE", "--supersede"]);
    let by = desk.act(&["cancel", name, "--supersede", "--confirm", name]).await;
    let old = desk.ok(&["operation", "show", &id]).await;
    assert_eq!((&old["state"], &old["supersededBy"]), (&json!("CANCELLED"), &by["operationId"]), "{old:#}");
    let jobs = desk.ok(&["get", "jobs", name]).await["items"].as_array().unwrap().clone();
    assert_eq!(jobs.len(), 2, "the old one and the one that came to life: {jobs:#?}");
    for job in &jobs {
        let state = desk.rest.job(job["flinkJobId"].as_str().unwrap())["state"].clone();
        assert!(state == "FINISHED" || state == "CANCELED", "{state} {job:#}");
    }
    // The stop's savepoint is what the next start goes on from.
    let stopped = desk.place(name, "SUSPEND_AND_UPGRADE").await;
    desk.act(&["start", name, "--from", &stopped, "--confirm", name]).await;
    assert_eq!(desk.restored_from(name).await, stopped);
    desk.count(name, count).await;
    desk.act(&["cancel", name, "--confirm", name]).await;
}
