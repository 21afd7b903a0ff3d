//! One life of an application through the command line.

use serde_json::json;

use super::desk::{ARGS, Desk, Wanted, copy_dir, until};
use crate::support::flink::{self, NEW, OLD, TestCluster};

fn place(operation: &serde_json::Value) -> String {
    let text = operation["result"].as_str().unwrap_or_default();
    let from = text.find("file:").unwrap_or_else(|| panic!("no place in {operation:#}"));
    text[from..].split_whitespace().next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_life_through_the_command_line() {
    a_whole_life_on(NEW).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_life_on_the_old_line() {
    a_whole_life_on(OLD).await;
}

async fn a_whole_life_on(version: &str) {
    let cluster = TestCluster::shared(version).await;
    let jars = flink::payments(version).await;
    let (v1, v2) = (jars.release("v1"), jars.release("v2"));
    let desk = Desk::at(&cluster.url()).await;
    let prod = "life/prod";

    // What apply would do, then doing it; nothing runs yet.
    let wanted = || Wanted { name: "prod", state: "CANCELLED", jar: &v1, version: "v1", more: "" };
    let file = desk.write("life.yaml", &super::desk::manifest("life", &[wanted()]));
    desk.ran(&["diff", "-f", &file]).await.ended(1);
    desk.ok(&["apply", "-f", &file, "--dry-run"]).await;
    desk.ran(&["get", "deployment", prod]).await.ended(1).says(&["NOT_FOUND"]);
    desk.apply("life", &[wanted()]).await;
    desk.ran(&["diff", "-f", &file]).await.ended(0);
    desk.ran(&["suspend", prod]).await.ended(1).says(&["WRONG_STATE", "nothing was changed"]);

    let started = desk.act(&["start", prod, "--reason", "first day"]).await;
    assert!(started["result"].as_str().unwrap().contains("revision 1 runs"), "{started:#}");
    desk.ran(&["start", prod]).await.ended(1).says(&["its job is running"]);
    desk.ran(&["delete", prod, "--confirm", prod]).await.ended(1).says(&["live job"]);
    let mut count = desk.count_above(prod, 50.0).await;

    let first = place(&desk.act(&["savepoint", prod, "--label", "first"]).await);
    let running = desk.until(prod, "running", |d| d["observed"] == "RUNNING").await;
    assert!(
        running["lastCheckpoint"]["location"].is_string() || running["endLossSeconds"].is_number(),
        "{running:#}"
    );

    count = desk.count(prod, count).await;
    let stopped = place(&desk.act(&["suspend", prod]).await);
    let seen = desk.until(prod, "suspended", |d| d["observed"] == "SUSPENDED").await;
    assert_eq!(seen["nextRestorePoint"]["location"], json!(stopped), "{seen:#}");
    desk.ran(&["suspend", prod]).await.ended(1);

    let plan = desk.ok(&["start", prod, "--dry-run"]).await;
    assert_eq!(plan["runnable"], true, "{plan:#}");
    desk.act(&["start", prod]).await;
    assert_eq!(desk.restored_from(prod).await, stopped);
    count = desk.count(prod, count).await;

    let before = desk.flink_job(prod).await;
    desk.act(&["restart", prod]).await;
    assert_ne!(desk.flink_job(prod).await, before);
    desk.went_on_from(prod, "SUSPEND_AND_UPGRADE").await;
    count = desk.count(prod, count).await;

    // Forward with state, on more subtasks.
    let v2_path = v2.display().to_string();
    desk.act(&["upgrade", prod, "--jar", &v2_path, "--version-label", "v2", "--parallelism", "2"]).await;
    let upgraded = desk.deployment(prod).await;
    assert_eq!((&upgraded["revision"], &upgraded["parallelism"]), (&json!(2), &json!(2)));
    desk.went_on_from(prod, "SUSPEND_AND_UPGRADE").await;
    count = desk.count(prod, count).await;
    let job = desk.flink_job(prod).await;
    desk.rest.metric_above(&job, "payments.DE.average", 0.0).await;

    // Back: v1 has no place for the state of v2's operator, which is said, and v2 runs on.
    let back = desk.try_act(&["rollback", prod]).await.ended(3).says(&["Cannot map"]).json();
    assert_eq!(back["state"], "ROLLED_BACK", "{back:#}");
    assert_eq!(desk.deployment(prod).await["revision"], 2);
    desk.went_on_from(prod, "SUSPEND_AND_UPGRADE").await;
    count = desk.count(prod, count).await;
    desk.act(&["rollback", prod, "--allow-non-restored-state"]).await;
    assert_eq!(desk.deployment(prod).await["revision"], 1);
    desk.went_on_from(prod, "SUSPEND_AND_UPGRADE").await;
    count = desk.count(prod, count).await;

    // What the books say of all this.
    let revisions = desk.ok(&["history", prod]).await;
    assert_eq!(revisions["items"].as_array().unwrap().len(), 2, "{revisions:#}");
    let difference = desk.ok(&["history", prod, "1", "2"]).await.to_string();
    assert!(difference.contains("parallelism") && difference.contains("artifact/sha256"), "{difference}");
    let events = desk.events(prod).await;
    for name in
        ["DEPLOYMENT_CREATED", "OPERATION_SUCCEEDED", "SAVEPOINT_COMPLETED", "ROLLED_BACK", "JOB_STARTED"]
    {
        assert!(events.iter().any(|e| e == name), "no {name} in {events:?}");
    }
    let savepoints = desk.savepoints(prod).await;
    assert!(savepoints.iter().any(|s| s["label"] == "first" && s["location"] == json!(first)));
    let text = desk.run(&["describe", "deployment", prod]).await.ended(0).out;
    assert!(text.contains("RUNNING") && text.contains("flink"), "{text}");
    let names = desk.run(&["get", "deployments", "-o", "name"]).await.ended(0).out;
    assert_eq!(names, "life/prod\n");
    desk.run(&["get", "deployment", prod, "-o", "yaml"]).await.ended(0).says(&["kind: Deployment"]);
    desk.run(&["savepoint", "list", prod]).await.ended(0).says(&["USER_REQUEST"]);
    let number = desk.until(prod, "with its own number", |d| d["metrics"][0]["value"].is_number()).await;
    assert_eq!(number["metrics"][0]["metric"], "payments.total");

    // An old savepoint is deleted, one that the live job came from is not.
    let id = |place: &str, all: &[serde_json::Value]| {
        let found = all.iter().find(|s| s["location"] == json!(place));
        found
            .and_then(|s| s["savepointId"].as_str())
            .unwrap_or_else(|| panic!("{place} in {all:#?}"))
            .to_owned()
    };
    let first_id = id(&first, &savepoints);
    desk.ran(&["savepoint", "dispose", &first_id]).await.ended(8).says(&["--confirm"]);
    desk.ok(&["savepoint", "pin", &first_id]).await;
    desk.ran(&["savepoint", "dispose", &first_id, "--confirm", prod]).await.ended(1).says(&["pinned"]);
    desk.ok(&["savepoint", "unpin", &first_id]).await;
    desk.act(&["savepoint", "dispose", &first_id, "--confirm", prod]).await;
    assert!(!std::path::Path::new(first.trim_start_matches("file:")).exists(), "{first} is still there");
    let base = id(&desk.restored_from(prod).await, &savepoints_of(&desk, prod).await);
    desk.ran(&["savepoint", "dispose", &base, "--confirm", prod]).await.ended(1).says(&["restored from it"]);

    // Its end: what outlives the job is a restore point, and the next start uses it.
    desk.act(&["cancel", prod]).await;
    let seen = desk.until(prod, "cancelled", |d| d["observed"] == "CANCELLED").await;
    assert!(seen["nextRestorePoint"]["location"].as_str().unwrap().contains("/chk-"), "{seen:#}");
    desk.act(&["start", prod]).await;
    assert_eq!(json!(desk.restored_from(prod).await), seen["nextRestorePoint"]["location"]);
    desk.count(prod, count).await;
    desk.act(&["cancel", prod]).await;
    desk.ran(&["delete", prod]).await.ended(8).says(&["--confirm"]);
    desk.act(&["delete", prod, "--confirm", prod]).await;
    desk.ran(&["get", "deployment", prod]).await.ended(1).says(&["NOT_FOUND"]);
    let operations = desk.ok(&["operation", "list"]).await;
    assert!(operations["items"].as_array().unwrap().len() > 10);
}

async fn savepoints_of(desk: &Desk, name: &str) -> Vec<serde_json::Value> {
    desk.savepoints(name).await
}

/// Forks, jobs of nobody, savepoints from elsewhere, and going back on purpose.
#[tokio::test(flavor = "multi_thread")]
async fn state_moves_between_deployments() {
    let cluster = TestCluster::shared(NEW).await;
    let jars = flink::payments(NEW).await;
    let (v1, v2) = (jars.release("v1"), jars.release("v2"));
    let desk = Desk::at(&cluster.url()).await;
    let main = "moves/main";
    desk.apply("moves", &[Wanted { name: "main", state: "RUNNING", jar: &v1, version: "v1", more: "" }])
        .await;
    let count = desk.count_above(main, 100.0).await;

    // A fork from a new savepoint runs at once; the original goes on.
    desk.act(&["fork", main, "moves/now", "--from", "new", "--start"]).await;
    let fork = desk.until("moves/now", "running", |d| d["observed"] == "RUNNING").await;
    assert_eq!(fork["labels"], desk.deployment(main).await["labels"]);
    desk.count("moves/now", count).await;
    assert_eq!(desk.restored_from("moves/now").await, desk.place(main, "USER_REQUEST").await);
    desk.count(main, count).await;
    desk.ran(&["fork", main, "moves/now"]).await.ended(5).says(&["exists already"]);

    // A fork from one that exists waits to be started, and can be changed before.
    let existing = desk.place(main, "USER_REQUEST").await;
    desk.act(&["fork", main, "moves/later", "--from", &existing]).await;
    assert_eq!(desk.deployment("moves/later").await["observed"], "CANCELLED");
    let v2_path = v2.display().to_string();
    until("the fork's own start to be over", async || {
        desk.deployment("moves/now").await["operation"].is_null().then_some(())
    })
    .await;
    desk.act(&["upgrade", "moves/later", "--jar", &v2_path, "--version-label", "v2"]).await;
    assert_eq!(desk.restored_from("moves/later").await, existing);
    desk.count("moves/later", count).await;

    // Back to an older savepoint on purpose: refused while it runs, then armed for one start.
    desk.ran(&["reset", "moves/later", &existing]).await.ended(1).says(&["a job lives"]);
    desk.act(&["suspend", "moves/later"]).await;
    desk.ran(&["reset", "moves/later", &existing, "--yes"]).await.ended(8).says(&["--confirm"]);
    desk.act(&["reset", "moves/later", &existing, "--confirm", "moves/later"]).await;
    let armed = desk.deployment("moves/later").await;
    assert_eq!(armed["nextRestorePoint"]["location"], json!(existing), "{armed:#}");
    desk.act(&["start", "moves/later"]).await;
    assert_eq!(desk.restored_from("moves/later").await, existing);
    desk.act(&["reset", "moves/later", &existing, "--cancel-and-start", "--confirm", "moves/later"]).await;
    assert_eq!(desk.restored_from("moves/later").await, existing);
    desk.act(&["cancel", "moves/later"]).await;
    desk.act(&["cancel", "moves/now"]).await;

    // A job that somebody started by hand.
    let job = desk.rest.start(&v1, 1, None, ARGS);
    desk.rest.running(&job).await;
    let seen = until("the job of nobody", async || {
        let all = desk.ok(&["get", "jobs", "--target", "flink"]).await;
        let found = all["items"].as_array().unwrap().iter().find(|j| j["flinkJobId"] == json!(job)).cloned();
        found.filter(|j| j["management"] == "unmanaged")
    })
    .await;
    assert_eq!(seen["flinkState"], "RUNNING");
    desk.act(&["adopt", "moves/adopted", "--target", "flink", "--flink-job", &job]).await;
    desk.ran(&["adopt", "moves/again", "--target", "flink", "--flink-job", &job])
        .await
        .ended(1)
        .says(&["belongs to moves/adopted"]);
    let adopted = desk.until("moves/adopted", "running", |d| d["observed"] == "RUNNING").await;
    assert_eq!(adopted["job"]["flinkJobId"], json!(job));
    let count = desk.count_above("moves/adopted", 50.0).await;
    desk.act(&["savepoint", "moves/adopted"]).await;
    desk.ran(&["upgrade", "moves/adopted", "--jar", &v2_path]).await.ended(2).says(&[
        "--entry-class",
        "--args",
        "--parallelism",
    ]);
    let mut all = vec!["upgrade", "moves/adopted", "--jar", &v2_path, "--parallelism", "1"];
    all.extend(["--entry-class", "nutkin.payments.PaymentsJob", "--wait", "--args"]);
    all.extend(ARGS);
    let upgraded = desk.ran(&all).await.ended(0).json();
    assert_eq!(upgraded["state"], "SUCCEEDED", "{upgraded:#}");
    let count = desk.count("moves/adopted", count).await;
    desk.went_on_from("moves/adopted", "SUSPEND_AND_UPGRADE").await;

    // A savepoint that somebody took by hand, entered by its place, and started from.
    let job = desk.flink_job("moves/adopted").await;
    let place = desk.rest.stop(&job).await;
    desk.until("moves/adopted", "suspended by somebody else", |d| d["observed"] == "SUSPENDED").await;
    let file = place.trim_start_matches("file:");
    let copy = format!("{}/copied", cluster.dir.path().display());
    copy_dir(std::path::Path::new(file), std::path::Path::new(&copy));
    desk.ran(&["savepoint", "import", "moves/adopted", "file:/nowhere"]).await.ended(1).says(&["_metadata"]);
    desk.act(&["savepoint", "import", "moves/adopted", &format!("file:{copy}"), "--label", "by hand"]).await;
    desk.ran(&["savepoint", "import", "moves/adopted", &format!("file://{copy}/")]).await.ended(5);
    // How old a copy is, nobody knows: it is never taken by itself, and by name only with the typed word.
    let next = desk.deployment("moves/adopted").await["nextRestorePoint"].clone();
    assert_eq!(next["location"], json!(place), "{next:#}");
    let from = ["start", "moves/adopted", "--from", &format!("file:{copy}")];
    desk.ran(&from).await.ended(8).says(&["typed name"]);
    desk.act(&[&from[..], &["--confirm", "moves/adopted"]].concat()).await;
    desk.count("moves/adopted", count).await;
    assert_eq!(desk.restored_from("moves/adopted").await, format!("file:{copy}"));
    desk.act(&["cancel", "moves/adopted"]).await;
    desk.act(&["cancel", main]).await;
}
