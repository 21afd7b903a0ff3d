//! A cluster that loses its JobManager in the middle of things, and one that has no slots left.
//!
//! Without high availability a new JobManager knows nothing of the old one's jobs. What nutkin then says must be true,
//! and every way on that it offers must keep the state that is left.

use nutkin::{adapters::clock::SystemClock, demo::cluster::Shape, manager::Patience};
use serde_json::{Value, json};
use std::{path::Path, time::Duration};

use super::desk::{Desk, Wanted, until};
use crate::support::flink::{self, NEW, PATIENCE, TestCluster};

/// Two TaskManagers of one slot each; a frozen one is missed after so many milliseconds.
fn shape(missed_after: &str) -> Shape {
    let config = [
        ("metrics.fetcher.update-interval", "500"),
        ("heartbeat.interval", "1000"),
        ("heartbeat.timeout", missed_after),
        ("slot.request.timeout", "5000"),
        ("resourcemanager.standalone.start-up-time", "1000"),
        ("cluster.registration.error-delay", "500"),
    ];
    let config = config.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
    Shape { slots: 1, config, ..Shape::default() }
}

/// Kills every process at once and starts them again: the jobs are gone, the files are not.
async fn lose_everything(cluster: &mut TestCluster) {
    let names: Vec<String> = cluster.cluster.processes().iter().map(|p| p.name.clone()).collect();
    cluster.cluster.kill();
    until("the end of the cluster", async || {
        (!names.iter().any(|n| cluster.cluster.is_alive(n))).then_some(())
    })
    .await;
    for name in &names {
        cluster.cluster.restart(name).unwrap();
    }
    cluster.cluster.wait_ready(PATIENCE, &SystemClock).await.unwrap();
}

/// The TaskManager on which the job's tasks run, by its process name.
fn host_of(desk: &Desk, job: &str) -> String {
    let details = desk.rest.get(&format!("/jobs/{job}"));
    let vertex = details["vertices"][0]["id"].as_str().unwrap().to_owned();
    let subtasks = desk.rest.get(&format!("/jobs/{job}/vertices/{vertex}"));
    let id = subtasks["subtasks"][0]["taskmanager-id"].as_str().unwrap_or_else(|| panic!("{subtasks}"));
    id.split('-').next().unwrap().to_owned()
}

/// Freezes the TaskManagers: a savepoint that begins does not end, until they are missed.
fn freeze(cluster: &TestCluster) {
    for tm in ["tm1", "tm2"] {
        cluster.cluster.process(tm).unwrap().freeze();
    }
}

/// Flink has begun the snapshot of an operation: its folder is there. A step at work may still be on its way to Flink.
async fn snapshot_began(cluster: &TestCluster, operation: &str) {
    let of_all = cluster.cluster.savepoints().join("nutkin");
    let children = |folder: &Path| {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|e| e.path()).collect::<Vec<_>>()
    };
    until("the snapshot's folder", async || {
        let attempts = children(&of_all).into_iter().flat_map(|deployment| children(&deployment));
        let mut ours = attempts.filter(|a| a.display().to_string().contains(operation));
        ours.any(|attempt| !children(&attempt).is_empty()).then_some(())
    })
    .await;
}

/// The newest checkpoint of a job on disk. Flink keeps one, so it is seldom the one that anybody saw last.
fn newest_checkpoint(cluster: &TestCluster, job: &str) -> String {
    let folder = cluster.cluster.dir().join("checkpoints").join(job);
    let numbers = std::fs::read_dir(&folder).unwrap().filter_map(|entry| {
        let path = entry.unwrap().path();
        path.join("_metadata").exists().then_some(())?;
        path.file_name()?.to_str()?.strip_prefix("chk-")?.parse::<u64>().ok()
    });
    format!("file:{}/chk-{}", folder.display(), numbers.max().expect("a checkpoint"))
}

async fn step_at_work(desk: &Desk, id: &str, name: &str) -> Value {
    until(&format!("step {name}"), async || {
        let operation = desk.ok(&["operation", "show", id]).await;
        let steps = operation["steps"].as_array().unwrap().clone();
        let at = steps.into_iter().find(|s| s["state"] != "CONFIRMED" && s["state"] != "SKIPPED")?;
        (at["name"] == name && at["state"] != "PLANNED").then_some(at)
    })
    .await
}

/// v1 runs on one slot, and may be submitted once per operation.
async fn v1_runs(desk: &Desk, name: &str) {
    let v1 = flink::payments(NEW).await.release("v1");
    let more = "  maxJobAttempts: 1\n  flinkConfiguration: { execution.checkpointing.timeout: 60s }\n";
    let wanted = Wanted { name: "prod", state: "RUNNING", jar: &v1, version: "v1", more };
    desk.apply(name.split('/').next().unwrap(), &[wanted]).await;
}

/// A slot that preflight counted cannot be had when it is needed: the old revision runs again where it fits.
#[tokio::test(flavor = "multi_thread")]
async fn without_the_slots_that_were_counted_the_old_revision_runs_again() {
    let cluster = TestCluster::private(NEW, shape("15000")).await;
    let desk = Desk::at(&cluster.url()).await;
    let name = "slots/prod";
    v1_runs(&desk, name).await;
    let before = desk.count_above(name, 20.0).await;
    let other = if host_of(&desk, &desk.flink_job(name).await) == "tm1" { "tm2" } else { "tm1" };
    // Frozen, it is still counted, and gives nothing.
    cluster.cluster.process(other).unwrap().freeze();
    let ran = desk.try_act(&["upgrade", name, "--parallelism", "2"]).await;
    let operation = ran.ended(3).json();
    assert_eq!(operation["state"], "ROLLED_BACK", "{operation:#}");
    let found = desk.until(name, "running again", |d| d["observed"] == "RUNNING").await;
    assert_eq!((&found["revision"], &found["parallelism"]), (&json!(1), &json!(1)), "{found:#}");
    desk.went_on_from(name, "SUSPEND_AND_UPGRADE").await;
    // As long as it is frozen, the JobManager waits for its metrics, and answers with old ones for the others too.
    cluster.cluster.process(other).unwrap().thaw();
    desk.count(name, before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_guessed_when_the_cluster_dies() {
    let mut cluster = TestCluster::private(NEW, shape("50000")).await;
    // One address, no high availability: a JobManager that does not know a job will not remember it later.
    let patience = Patience { absent: Duration::from_secs(8), ..Patience::default() };
    let desk = Desk::with(&cluster.url(), patience).await;
    let name = "lost/prod";
    v1_runs(&desk, name).await;
    let v2 = flink::payments(NEW).await.release("v2");
    let count = desk.count_above(name, 20.0).await;
    let count = lost_during_a_savepoint(&mut cluster, &desk, name, count).await;
    let count = lost_during_the_stop_of_an_upgrade(&mut cluster, &desk, name, count, &v2).await;
    lost_while_main_runs(&mut cluster, &desk, name, count).await;
}

/// The books have a checkpoint of the job that runs now.
async fn has_a_checkpoint(desk: &Desk, name: &str) {
    let job = desk.flink_job(name).await;
    let of_job = |place: &str| place.contains(&job);
    desk.until(name, "with a checkpoint", |d| d["lastCheckpoint"]["location"].as_str().is_some_and(of_job))
        .await;
}

/// The savepoint was begun and never written; the job is gone, its last checkpoint is not.
async fn lost_during_a_savepoint(cluster: &mut TestCluster, desk: &Desk, name: &str, count: f64) -> f64 {
    let count = desk.count(name, count).await;
    let savepoint = desk.act(&["savepoint", name]).await;
    let job = desk.flink_job(name).await;
    // In nutkin's books, not only in Flink's: which of the two is newer is known by their numbers.
    until("a checkpoint after the savepoint", async || {
        let saved =
            desk.rest.get(&format!("/jobs/{job}/checkpoints"))["latest"]["savepoint"]["id"].as_u64()?;
        (desk.deployment(name).await["lastCheckpoint"]["id"].as_u64()? > saved).then_some(())
    })
    .await;
    has_a_checkpoint(desk, name).await;
    freeze(cluster);
    let id = desk.ok(&["savepoint", name, "--no-wait"]).await["operationId"].as_str().unwrap().to_owned();
    step_at_work(desk, &id, "TRIGGER_SAVEPOINT").await;
    snapshot_began(cluster, &id).await;
    lose_everything(cluster).await;
    let last = newest_checkpoint(cluster, &job);
    let ended = desk.ran(&["operation", "wait", &id, "--timeout", "3m"]).await.ended(1).json();
    assert_eq!(ended["state"], "FAILED_NO_EFFECT", "{ended:#}");
    let lost = desk.until(name, "lost", |d| d["observed"] == "UNKNOWN").await;
    assert!(lost["conditions"].to_string().contains("JobLost"), "{lost:#}");
    let not_taken = desk.savepoints(name).await.into_iter().find(|s| s["operationId"] == json!(id)).unwrap();
    assert_eq!(not_taken["status"], "UNKNOWN", "{not_taken:#}");
    // The way on: the newest state there is, which is the checkpoint, not the savepoint before it.
    let next = desk.deployment(name).await["nextRestorePoint"].clone();
    assert_eq!(next["location"], json!(last), "{next:#}; older: {savepoint:#}");
    // The savepoint that nobody could find might be found yet, and it is newer: that it is given up needs the typed name.
    desk.ran(&["start", name]).await.ended(8).says(&["CONFIRMATION_REQUIRED", name]);
    desk.act(&["start", name, "--confirm", name]).await;
    assert_eq!(desk.restored_from(name).await, last);
    desk.count(name, count).await
}

/// The stop was begun and nobody knows a snapshot of it: a person decides, and can go on from the last checkpoint.
async fn lost_during_the_stop_of_an_upgrade(
    cluster: &mut TestCluster,
    desk: &Desk,
    name: &str,
    count: f64,
    v2: &Path,
) -> f64 {
    let count = desk.count(name, count).await;
    let job = desk.flink_job(name).await;
    has_a_checkpoint(desk, name).await;
    freeze(cluster);
    let jar = v2.display().to_string();
    let args = ["upgrade", name, "--jar", &jar, "--version-label", "v2", "--no-wait"];
    let id = desk.ok(&args).await["operationId"].as_str().unwrap().to_owned();
    step_at_work(desk, &id, "STOP_WITH_SAVEPOINT").await;
    snapshot_began(cluster, &id).await;
    lose_everything(cluster).await;
    let last = newest_checkpoint(cluster, &job);
    let waiting = desk.ran(&["operation", "wait", &id, "--timeout", "3m"]).await.ended(4).json();
    assert_eq!(waiting["error"]["code"], "ENDED_WITHOUT_SNAPSHOT", "{waiting:#}");
    let choices: Vec<&str> =
        waiting["choices"].as_array().unwrap().iter().map(|c| c["id"].as_str().unwrap()).collect();
    assert_eq!(choices, ["savepoint-at", "last-checkpoint", "abandon"]);
    assert!(waiting["choices"].to_string().contains(&last), "{waiting:#}");
    let child = desk.ok(&["operation", "choose", &id, "last-checkpoint"]).await;
    let child = child["operationId"].as_str().unwrap();
    let done = desk.ran(&["operation", "wait", child, "--timeout", "4m"]).await.ended(0).json();
    assert_eq!(done["state"], "SUCCEEDED", "{done:#}");
    assert_eq!(desk.restored_from(name).await, last);
    assert_eq!(desk.deployment(name).await["revision"], 2);
    desk.count(name, count).await
}

/// The submission's answer is lost with the JobManager that ran `main()`. The stop's savepoint is in the books.
async fn lost_while_main_runs(cluster: &mut TestCluster, desk: &Desk, name: &str, count: f64) {
    let count = desk.count(name, count).await;
    let began = cluster.dir.path().join("main-began").display().to_string();
    let slow = flink::test_job(NEW, "SlowMain").await.display().to_string();
    let mut args = vec!["upgrade", name, "--jar", &slow, "--version-label", "slow", "--no-wait", "--args"];
    args.extend([
        "--rate",
        "200",
        "--interval",
        "500",
        "--statistics",
        "true",
        "--main-ms",
        "12000",
        "--main-file",
        &began,
    ]);
    let id = desk.ok(&args).await["operationId"].as_str().unwrap().to_owned();
    step_at_work(desk, &id, "RUN_JAR").await;
    until("main()", async || Path::new(&began).exists().then_some(())).await;
    let stopped = desk.place(name, "SUSPEND_AND_UPGRADE").await;
    lose_everything(cluster).await;
    // Honest meanwhile: the answer was lost, and nothing is submitted twice.
    until("the doubt", async || {
        let operation = desk.ok(&["operation", "show", &id]).await;
        operation["steps"].to_string().contains("the answer was lost").then_some(())
    })
    .await;
    assert_ne!(desk.deployment(name).await["observed"], "RUNNING");
    desk.ran(&["start", name]).await.ended(5).says(&["OPERATION_ACTIVE"]);
    // The new JobManager does not know the job that was stopped: main() has ended with the old one. One attempt is all that
    // the spec allows, so the old revision runs again.
    let ended = desk.ran(&["operation", "wait", &id, "--timeout", "4m"]).await.ended(3).json();
    assert_eq!(ended["state"], "ROLLED_BACK", "{ended:#}");
    assert!(ended["error"]["message"].as_str().unwrap().contains("the JobManager was replaced"), "{ended:#}");
    let found = desk.deployment(name).await;
    assert_eq!((&found["revision"], &found["observed"]), (&json!(2), &json!("RUNNING")), "{found:#}");
    assert_eq!(desk.restored_from(name).await, stopped);
    desk.count(name, count).await;
    desk.act(&["cancel", name]).await;
}
