//! The oldest Flink that is supported, 1.16: jobs carry no configuration there, and everything else works.

use super::desk::{Desk, Wanted};
use crate::support::flink::{self, OLDEST, TestCluster};

#[tokio::test(flavor = "multi_thread")]
async fn a_life_on_the_oldest_flink() {
    let cluster = TestCluster::shared(OLDEST).await;
    let jars = flink::payments(OLDEST).await;
    let (v1, v2) = (jars.release("v1"), jars.release("v2").display().to_string());
    let desk = Desk::at(&cluster.url()).await;
    let name = "oldest/prod";
    let wanted = Wanted { name: "prod", state: "CANCELLED", jar: &v1, version: "v1", more: "" };
    desk.apply("oldest", &[wanted]).await;

    // nutkin's own default cannot be sent: that is said before the start, and the job has what the cluster gives it.
    let plan = desk.ok(&["start", name, "--dry-run"]).await;
    let words =
        ["this is 1.16.3", "nutkin's default of execution.checkpointing.externalized-checkpoint-retention"];
    assert!(words.iter().all(|w| plan["checks"].to_string().contains(w)), "{plan:#}");
    assert_eq!(plan["runnable"], true, "{plan:#}");
    desk.act(&["start", name]).await;
    let count = desk.count_above(name, 20.0).await;

    // What somebody asked for is refused, before anything is stopped.
    let job = desk.flink_job(name).await;
    let configured = ["upgrade", name, "--set", "flinkConfiguration.execution.checkpointing.timeout=60s"];
    desk.try_act(&configured).await.ended(1).says(&[
        "PREFLIGHT_FAILED",
        "1.16.3",
        "execution.checkpointing.timeout",
    ]);
    assert_eq!(desk.flink_job(name).await, job);

    desk.act(&["savepoint", name]).await;
    desk.act(&["suspend", name]).await;
    desk.act(&["start", name]).await;
    desk.went_on_from(name, "SUSPEND").await;
    let count = desk.count(name, count).await;
    desk.act(&["upgrade", name, "--jar", &v2, "--version-label", "v2", "--parallelism", "2"]).await;
    desk.went_on_from(name, "SUSPEND_AND_UPGRADE").await;
    let count = desk.count(name, count).await;
    let throws = flink::test_job(OLDEST, "MainThrows").await.display().to_string();
    let failed = desk.try_act(&["upgrade", name, "--jar", &throws]).await.ended(3);
    assert_eq!(failed.says(&["main gave up on purpose"]).json()["state"], "ROLLED_BACK");
    assert_eq!(desk.deployment(name).await["revision"], 2);
    desk.went_on_from(name, "SUSPEND_AND_UPGRADE").await;
    let count = desk.count(name, count).await;

    desk.act(&["fork", name, "oldest/fork", "--from", "new", "--start"]).await;
    desk.until("oldest/fork", "running", |d| d["observed"] == "RUNNING" && d["operation"].is_null()).await;
    desk.count("oldest/fork", count).await;
    assert_eq!(desk.restored_from("oldest/fork").await, desk.place(name, "USER_REQUEST").await);
    desk.act(&["cancel", "oldest/fork"]).await;
    desk.act(&["rollback", name, "--allow-non-restored-state"]).await;
    desk.went_on_from(name, "SUSPEND_AND_UPGRADE").await;
    let count = desk.count(name, count).await;

    // The cluster itself keeps checkpoints, so that nutkin's default is not missed.
    desk.act(&["upgrade", name, "--parallelism", "2", "--from", "last-checkpoint"]).await;
    assert!(desk.restored_from(name).await.contains("/chk-"));
    let count = desk.count(name, count).await;
    desk.act(&["cancel", name]).await;
    let left = desk.until(name, "cancelled", |d| d["observed"] == "CANCELLED").await;
    assert!(left["nextRestorePoint"]["location"].as_str().unwrap().contains("/chk-"), "{left:#}");
    desk.act(&["start", name]).await;
    assert_eq!(desk.restored_from(name).await, left["nextRestorePoint"]["location"]);
    desk.count(name, count).await;
    desk.act(&["cancel", name]).await;
    for name in [name, "oldest/fork"] {
        desk.act(&["delete", name, "--confirm", name]).await;
    }
}
