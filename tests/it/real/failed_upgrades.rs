//! Upgrades that fail, each in its own way, at the same time: the old revision runs on from the right savepoint.

use std::path::Path;

use serde_json::json;

use super::desk::{Desk, Wanted, until};
use crate::support::flink::{self, NEW, TestCluster};

/// What is true after every failed upgrade: revision 1 runs, from the savepoint that the upgrade took, with its count.
async fn back_on_v1(desk: &Desk, name: &str, before: f64) {
    let found = desk.until(name, "running again", |d| d["observed"] == "RUNNING").await;
    assert_eq!((&found["revision"], &found["desired"]), (&json!(1), &json!("RUNNING")), "{found:#}");
    desk.went_on_from(name, "SUSPEND_AND_UPGRADE").await;
    desk.count(name, before).await;
    let again = desk.ran(&["start", name]).await.ended(1).error();
    assert_eq!(again["code"], "WRONG_STATE", "{again}");
}

async fn rolled_back(desk: &Desk, name: &str, args: Vec<&str>, why: &str) {
    let before = desk.count_above(name, 20.0).await;
    let ran = desk.try_act(&[vec!["upgrade", name], args].concat()).await.ended(3).says(&[why]);
    let operation = ran.json();
    assert_eq!(operation["state"], "ROLLED_BACK", "{operation:#}");
    let result = operation["result"].as_str().unwrap();
    assert!(result.contains("revision 1 runs again from file:"), "{result}");
    back_on_v1(desk, name, before).await;
    assert!(desk.events(name).await.iter().any(|e| e == "ROLLED_BACK"));
    desk.act(&["cancel", name]).await;
}

/// Found before anything is stopped.
async fn refused(desk: &Desk, name: &str, cases: &[(&[&str], &[&str])]) {
    let job = desk.flink_job(name).await;
    for (args, why) in cases {
        let ran = desk.try_act(&[&["upgrade", name], *args].concat()).await;
        let ran = ran.ended(1).says(&["PREFLIGHT_FAILED", "nothing was changed"]).says(why);
        assert!(ran.out.is_empty());
    }
    assert_eq!(desk.flink_job(name).await, job, "the same job runs on");
    assert_eq!(desk.deployment(name).await["revision"], 1);
}

/// The way back is not taken by itself: a person chooses it.
async fn asks(desk: &Desk, name: &str, jar: &str) {
    let before = desk.count_above(name, 20.0).await;
    let ran =
        desk.try_act(&["upgrade", name, "--jar", jar, "--set", "probation.onFailure=ASK"]).await.ended(4);
    let waiting = ran.json();
    assert_eq!(waiting["state"], "NEEDS_ATTENTION", "{waiting:#}");
    let id = waiting["operationId"].as_str().unwrap();
    desk.ran(&["suspend", name]).await.ended(5).says(&["OPERATION_ACTIVE", id]);
    let text = desk.run(&["operation", "show", id]).await.ended(0);
    assert!(text.err.contains(&format!("operation choose {id} roll-back")), "{text:?}");
    let child = desk.ok(&["operation", "choose", id, "roll-back"]).await;
    let child = child["operationId"].as_str().unwrap();
    desk.ran(&["operation", "wait", child]).await.ended(3).says(&["ROLLED_BACK"]);
    assert_eq!(desk.ok(&["operation", "show", id]).await["state"], "RESOLVED");
    back_on_v1(desk, name, before).await;
    desk.act(&["cancel", name]).await;
}

/// A job that fails again and again cannot be stopped; it goes on from its last checkpoint.
async fn out_of_a_restart_loop(desk: &Desk, name: &str, looping: &str, v2: &str) {
    let before = desk.count_above(name, 20.0).await;
    // Its probation is over before the trouble begins.
    let args = ["--rate", "200", "--interval", "500", "--checkpoints", "16"];
    let upgrade = ["upgrade", name, "--jar", looping, "--version-label", "looping", "--wait", "--args"];
    desk.ran(&[&upgrade[..], &args].concat()).await.ended(0);
    until("failures", async || {
        let found = desk.deployment(name).await;
        found["rootCause"]["message"].as_str().is_some_and(|m| m.contains("on purpose")).then_some(())
    })
    .await;
    let operation =
        desk.act(&["upgrade", name, "--jar", v2, "--version-label", "v2", "--from", "last-checkpoint"]).await;
    let from = desk.restored_from(name).await;
    assert!(from.contains("/chk-") && operation["result"].as_str().unwrap().contains(&from), "{operation:#}");
    desk.until(name, "running", |d| d["observed"] == "RUNNING").await;
    desk.count(name, before).await;
    desk.act(&["cancel", name]).await;
}

/// A job that fails at once after each checkpoint never runs for long: a person is asked, and goes on from its last
/// checkpoint instead.
async fn a_loop_from_the_beginning(desk: &Desk, name: &str, looping: &str) {
    let before = desk.count_above(name, 20.0).await;
    let upgrade =
        ["upgrade", name, "--jar", looping, "--version-label", "looping", "--set", "probation.timeout=15s"];
    let waiting = desk.try_act(&upgrade).await.ended(4).says(&["after a checkpoint on purpose"]).json();
    assert_eq!(waiting["error"]["code"], "RESTART_LOOP", "{waiting:#}");
    desk.ok(&["operation", "choose", waiting["operationId"].as_str().unwrap(), "abandon"]).await;
    desk.act(&["rollback", name, "--from", "last-checkpoint"]).await;
    assert!(desk.restored_from(name).await.contains("/chk-"));
    desk.count(name, before).await;
    desk.act(&["cancel", name]).await;
}

/// These deployments of the application `app`, all running v1.
async fn running(desk: &Desk, app: &str, names: &[&str], v1: &Path) {
    let wanted = |name| Wanted { name, state: "RUNNING", jar: v1, version: "v1", more: "" };
    desk.apply(app, &names.iter().copied().map(wanted).collect::<Vec<_>>()).await;
}

async fn program(name: &str) -> String {
    flink::test_job(NEW, name).await.display().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_old_revision_runs_on_from_the_right_savepoint() {
    let cluster = TestCluster::shared(NEW).await;
    let jars = flink::payments(NEW).await;
    let desk = Desk::at(&cluster.url()).await;
    running(&desk, "bad", &["no-main", "throws", "unmapped", "fails"], &jars.release("v1")).await;
    let (no_main, throws) = (program("NoMain").await, program("MainThrows").await);
    let (unmapped, fails) = (program("OtherUids").await, program("FailsAtStart").await);
    let no_main = vec!["--jar", &no_main, "--entry-class", "no.such.Main"];
    tokio::join!(
        rolled_back(&desk, "bad/no-main", no_main, "no.such.Main"),
        rolled_back(&desk, "bad/throws", vec!["--jar", &throws], "main gave up on purpose"),
        rolled_back(&desk, "bad/unmapped", vec!["--jar", &unmapped], "Cannot map"),
        rolled_back(&desk, "bad/fails", vec!["--jar", &fails], "task failed at its start on purpose"),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_work_is_refused_and_what_does_not_hold_is_taken_back_or_asked_about() {
    let cluster = TestCluster::shared(NEW).await;
    let jars = flink::payments(NEW).await;
    let desk = Desk::at(&cluster.url()).await;
    running(&desk, "held", &["refused", "asks"], &jars.release("v1")).await;
    let (no_main, fails) = (program("NoMain").await, program("FailsAtStart").await);
    let v3 = jars.release("v3-broken").display().to_string();
    let too_much: &[(&[&str], &[&str])] = &[
        (&["--jar", &no_main], &["names no main class", "--entry-class"]),
        (&["--parallelism", "99"], &["99 slots are needed"]),
    ];
    let broken = async {
        refused(&desk, "held/refused", too_much).await;
        let why = "fee table is missing for";
        rolled_back(&desk, "held/refused", vec!["--jar", &v3, "--version-label", "v3"], why).await;
    };
    tokio::join!(broken, asks(&desk, "held/asks", &fails));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_loop_is_left_from_its_last_checkpoint() {
    let cluster = TestCluster::shared(NEW).await;
    let jars = flink::payments(NEW).await;
    let desk = Desk::at(&cluster.url()).await;
    running(&desk, "loops", &["later", "at-once"], &jars.release("v1")).await;
    let (looping, v2) = (program("RestartLoop").await, jars.release("v2").display().to_string());
    tokio::join!(
        out_of_a_restart_loop(&desk, "loops/later", &looping, &v2),
        a_loop_from_the_beginning(&desk, "loops/at-once", &looping),
    );
}
