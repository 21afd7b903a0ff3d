//! What goes wrong, and what must come of it.

use std::time::Duration;

use nutkin::{
    contract::{
        intent::{Choose, Upgrade, Verb},
        model::Event,
        problem::Code,
        watch::Interest,
    },
    domain::{
        deployment::{ConditionType, Observed},
        operation::{ChoiceId, OpState},
        savepoint::Status,
    },
    manager::EventFilter,
};
use rstest::rstest;
use serde_json::json;

use super::rig::{DEADLINE, Rig, cancel, name, restart, start, suspend, take, who};
use crate::fake::{Fault, Phase, RunOutcome, SavepointOutcome, Settings};

fn upgrade(artifact: impl ToString) -> Verb {
    Verb::Upgrade(Box::new(Upgrade {
        artifact: Some(artifact.to_string()),
        version_label: Some("next".into()),
        ..Upgrade::default()
    }))
}

#[rstest]
#[case(RunOutcome::MainThrows("boom".into()), "boom")]
#[case(RunOutcome::NoMainClass, "Main-Class")]
#[case(RunOutcome::StateDoesNotMap, "Cannot map")]
#[case(RunOutcome::TaskFailsAtOnce("task boom".into()), "task boom")]
#[case(RunOutcome::RestartLoop("loop boom".into()), "loop boom")]
#[case(RunOutcome::HalfSubmitted, "partially submitted")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_upgrade_ends_with_the_old_revision_running_from_the_right_savepoint(
    #[case] outcome: RunOutcome,
    #[case] why: &str,
) {
    let rig = Rig::with(
        Settings { checkpoint_every: None, ..Settings::default() },
        json!({ "savepointAccess": "LOCAL" }),
    )
    .await;
    rig.deployment("prod", json!({})).await;
    let op = rig.submit("prod", start()).await.unwrap();
    // Probation wants a checkpoint: this fake completes them on demand.
    let fake = rig.fake.clone();
    let feeder = std::thread::spawn(move || {
        fake.wait_until("a job runs", DEADLINE, |w| w.jobs.values().any(|j| j.is_running()));
        let id = fake.live_jobs().remove(0);
        fake.checkpoint(&id);
    });
    assert_eq!(rig.ended(&op.operation_id).await.state, OpState::Succeeded);
    feeder.join().unwrap();
    let v2 = rig.jar("v2").await;
    let unmapped = matches!(outcome, RunOutcome::StateDoesNotMap);
    rig.fake.next_run(outcome);
    let op = rig.act("prod", upgrade(&v2)).await;
    assert_eq!(op.state, OpState::RolledBack, "{op:#?}");
    assert!(op.error.as_ref().unwrap().message.contains(why), "{op:#?}");
    let hint = op.error.and_then(|e| e.hint).unwrap_or_default();
    assert_eq!(hint.contains("--allow-non-restored-state"), unmapped, "{hint}");
    let revisions = rig.manager.revisions(&name("prod")).await.unwrap();
    let failed: Vec<_> = revisions.iter().map(|r| (r.number, r.failed_in.clone())).collect();
    assert_eq!(failed, [(2, Some(op.operation_id)), (1, None)], "the history marks what failed");
    rig.eventually("the old revision runs", || rig.seen("prod").observed == Observed::Running).await;
    let d = rig.seen("prod");
    assert_eq!(d.revision, Some(1));
    let sp = rig.savepoints("prod").await.into_iter().find(|s| s.status == Status::Completed).unwrap();
    assert_eq!(d.job.unwrap().restored_from.map(|r| r.location), sp.location);
    assert_eq!(d.drift, None, "a revision that did not hold does not wait for the next start");
    let told = rig.manager.events(&EventFilter::default()).await.unwrap();
    let in_full = |e: &Event| e.details["trace"].as_str().is_some_and(|t| t.len() > why.len());
    assert!(told.iter().any(in_full), "the whole text stays with an event: {told:#?}");
    rig.end().await;
}

/// A TaskManager that no longer answers holds up all metrics of its cluster: what Flink says of restarts stays as it was.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_loop_is_seen_without_metrics() {
    let rig = Rig::with(
        Settings { cache: Duration::ZERO, ..Settings::default() },
        json!({ "savepointAccess": "LOCAL" }),
    )
    .await;
    rig.running("prod", json!({})).await;
    let v2 = rig.jar("v2").await;
    let stale =
        Fault::on("GET /jobs/*/metrics", Phase::Before).answer(200, r#"[{"id":"numRestarts","value":"0"}]"#);
    rig.fake.fault(stale.times(usize::MAX));
    rig.fake.next_run(RunOutcome::RestartLoop("loop boom".into()));
    let op = rig.act("prod", upgrade(&v2)).await;
    assert_eq!(op.state, OpState::RolledBack, "{op:#?}");
    assert!(op.error.as_ref().unwrap().message.contains("loop boom"), "{op:#?}");
    // Why it failed is found after it has been undone, and stays when Flink has forgotten the job.
    let back = op.goes_back.as_ref().unwrap();
    assert!(back.cause.contains("loop boom") && op.steps.iter().any(|s| s.n == back.failed_step), "{op:#?}");
    let failed = rig.fake.acts("run")[1].job.clone();
    let exceptions = rig.manager.exceptions(&name("prod")).await.unwrap();
    assert!(
        exceptions.iter().any(|x| x.flink_job_id == failed && x.root_cause.contains("loop boom")),
        "{exceptions:#?}"
    );
    let told = rig.manager.events(&EventFilter::default()).await.unwrap();
    let traces = told.iter().filter_map(|e| e.details["trace"].as_str());
    assert!(traces.into_iter().any(|t| t.contains("loop boom")), "{told:#?}");
    rig.end().await;
}

#[rstest]
#[case("POST /jobs/*/stop", Phase::Before)]
#[case("POST /jobs/*/stop", Phase::After)]
#[case("POST /jars/*/run", Phase::After)]
#[case("POST /jars/upload", Phase::Before)]
#[case("POST /jars/upload", Phase::After)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_is_never_a_failure_and_nothing_is_done_twice(
    #[case] route: &str,
    #[case] phase: Phase,
) {
    let rig = Rig::new().await;
    rig.running("prod", json!({})).await;
    let v2 = rig.jar("v2").await;
    rig.fake.fault(Fault::on(route, phase).cut());
    let op = rig.act("prod", upgrade(&v2)).await;
    assert_eq!(op.state, OpState::Succeeded, "{op:#?}");
    assert_eq!(rig.fake.clear_faults(), 0);
    assert_eq!((rig.fake.acts("stop").len(), rig.fake.acts("run").len()), (1, 2));
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_never_arrived_is_sent_again_only_after_the_deadline_and_under_a_new_id() {
    let rig = Rig::new().await;
    rig.deployment("prod", json!({})).await;
    rig.fake.fault(Fault::on("POST /jars/*/run", Phase::Before).cut());
    let op = rig.act("prod", start()).await;
    assert_eq!(op.state, OpState::Succeeded, "{op:#?}");
    let runs =
        rig.fake.requests().into_iter().filter(|r| r.starts_with("POST") && r.ends_with("/run")).count();
    assert_eq!((runs, rig.fake.acts("run").len()), (2, 1));
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_half_failed_stop_keeps_its_savepoint_and_is_tried_again_under_a_new_key() {
    let rig = Rig::new().await;
    rig.running("prod", json!({})).await;
    rig.fake.next_savepoint(SavepointOutcome::HalfFails);
    let op = rig.act("prod", suspend()).await;
    assert_eq!(op.state, OpState::Succeeded, "{op:#?}");
    let all = rig.savepoints("prod").await;
    assert_eq!(all.len(), 2, "{all:#?}");
    assert!(all.iter().all(|s| s.status == Status::Completed));
    assert_eq!(all.iter().filter(|s| s.is_final).count(), 1);
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_that_fails_again_and_again_leaves_the_job_running() {
    let rig = Rig::new().await;
    rig.running("prod", json!({ "maxSavepointAttempts": 2 })).await;
    for _ in 0..2 {
        rig.fake.next_savepoint(SavepointOutcome::Fails("java.io.IOException: disk full".into()));
    }
    let v2 = rig.jar("v2").await;
    let op = rig.act("prod", upgrade(&v2)).await;
    assert_eq!(op.state, OpState::FailedNoEffect, "{op:#?}");
    assert!(op.result.unwrap().contains("disk full"));
    rig.eventually("it runs", || rig.seen("prod").observed == Observed::Running).await;
    assert_eq!(rig.seen("prod").revision, Some(1));
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_savepoint_is_not_a_failure() {
    let rig = Rig::new().await;
    rig.running("prod", json!({})).await;
    rig.fake.next_savepoint(SavepointOutcome::Held);
    let op = rig.submit("prod", suspend()).await.unwrap();
    rig.fake.wait_until("the stop arrived", DEADLINE, |w| w.journal.iter().any(|a| a.route == "stop"));
    // Asked about again and again, for longer than every patience of the rig, and still in progress.
    let looks = |w: &mut crate::fake::World| w.requests.iter().filter(|r| r.contains("/savepoints/")).count();
    let before = looks(&mut rig.fake.world());
    rig.fake.until("thirty looks", DEADLINE, |w| looks(w) >= before + 30).await;
    assert_eq!(rig.manager.operation(&op.operation_id).await.unwrap().state, OpState::Running);
    let second = rig.submit("prod", cancel()).await.unwrap_err();
    assert_eq!(second.code, Code::OperationActive);
    assert!(second.detail.contains("alice"), "{second:?}");
    rig.fake.release_savepoints();
    assert_eq!(rig.ended(&op.operation_id).await.state, OpState::Succeeded);
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_restarts_in_a_loop_is_upgraded_from_its_last_checkpoint() {
    let rig = Rig::new().await;
    rig.running("prod", json!({})).await;
    let job = rig.seen("prod").job.unwrap().flink_job_id;
    rig.fake.set_job_state(&job, "RESTARTING");
    rig.eventually("it is failing", || {
        rig.seen("prod")
            .conditions
            .iter()
            .any(|c| matches!(c.kind, ConditionType::JobFailing | ConditionType::WaitingForSlots))
    })
    .await;
    let v2 = rig.jar("v2").await;
    let stop = rig.submit("prod", upgrade(&v2)).await.unwrap_err();
    assert_eq!(stop.code, Code::PreflightFailed);
    assert!(stop.hint.unwrap().contains("last-checkpoint"));
    let Verb::Upgrade(mut up) = upgrade(&v2) else { panic!() };
    up.from = Some("last-checkpoint".into());
    let op = rig.act("prod", Verb::Upgrade(up)).await;
    assert_eq!(op.state, OpState::Succeeded, "{op:#?}");
    let from = rig.seen("prod").job.unwrap().restored_from.unwrap().location;
    assert!(from.contains(&job) && from.contains("chk-"), "{from}");
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_whose_job_ended_without_a_trace_asks_a_person() {
    let rig = Rig::with(Settings::default(), json!({})).await;
    rig.running("prod", json!({})).await;
    let watch = rig.manager.subscribe(None).await;
    rig.manager.set_interest(&watch.id, Interest { deployments: vec!["pay/prod".into()] }).unwrap();
    rig.eventually("a checkpoint is in the books", || rig.seen("prod").last_checkpoint.is_some()).await;
    rig.fake.next_savepoint(SavepointOutcome::Held);
    let op = rig.submit("prod", suspend()).await.unwrap();
    rig.fake.wait_until("the stop arrived", DEADLINE, |w| w.journal.iter().any(|a| a.route == "stop"));
    rig.fake.restart_without_memory();
    let op = rig.ended(&op.operation_id).await;
    assert_eq!(op.state, OpState::NeedsAttention, "{op:#?}");
    assert!(op.choices.iter().any(|c| c.id == ChoiceId::LastCheckpoint), "{op:#?}");
    assert!(rig.seen("prod").operation.is_some(), "it holds the deployment");
    // What holds while a person is waited for belongs into the log.
    rig.logged("prod", "JOB_LOST").await;
    way_out_is_a_choice(&rig, &op).await;
    let choice =
        Choose { choice: ChoiceId::SavepointAt, location: Some("s3://bucket/found".into()), reason: None };
    let child = rig.manager.choose(&op.operation_id, choice, &who(), None).await.unwrap();
    let child = rig.ended(&child.operation_id).await;
    assert_eq!(child.state, OpState::Succeeded, "{child:#?}");
    assert_eq!(rig.manager.operation(&op.operation_id).await.unwrap().state, OpState::Resolved);
    assert_eq!(rig.seen("prod").next_restore_point.unwrap().location.as_deref(), Some("s3://bucket/found"));
    rig.end().await;
}

/// Dry runs change nothing, a cancel names the choice that ends it, and a read-only target takes no choice.
async fn way_out_is_a_choice(rig: &Rig, op: &nutkin::contract::model::Operation) {
    let id = op.operation_id.as_str();
    let choose = |choice| Choose { choice, location: None, reason: Some("at night".into()) };
    let p = rig.manager.cancel_operation(id, &who()).await.unwrap_err();
    assert!(p.code == Code::WrongState && p.hint.as_ref().unwrap().contains("abandon"), "{p:?}");
    assert_eq!(rig.manager.plan_cancel(id).await.unwrap_err().code, Code::WrongState);
    let plan = rig.manager.plan_choice(id, &choose(ChoiceId::LastCheckpoint)).await.unwrap();
    let titles: Vec<&str> = plan.steps.iter().map(|s| s.title.as_str()).collect();
    assert_eq!(plan.command, format!("nutkin operation choose {id} last-checkpoint"));
    assert!(titles.iter().any(|t| t.contains("checkpoint")), "{titles:?}");
    assert!(rig.manager.plan_choice(id, &choose(ChoiceId::Abandon)).await.unwrap().steps.is_empty());
    assert!(rig.manager.plan_choice(id, &choose(ChoiceId::SavepointAt)).await.is_err(), "it needs a place");

    let target = |read_only: bool| {
        let mut spec = rig.manager.target("fake").unwrap().spec;
        spec["readOnly"] = read_only.into();
        super::rig::document("Target", None, "fake", spec)
    };
    rig.apply(vec![target(true)]).await;
    let p = rig.manager.choose(id, choose(ChoiceId::LastCheckpoint), &who(), None).await.unwrap_err();
    assert!(p.code == Code::PolicyDenied && p.detail.contains("nothing was changed"), "{p:?}");
    rig.apply(vec![target(false)]).await;
    assert_eq!(rig.manager.operation(id).await.unwrap().state, OpState::NeedsAttention);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operations_survive_their_manager() {
    let mut rig = Rig::new().await;
    rig.running("prod", json!({})).await;
    let v2 = rig.jar("v2").await;
    rig.fake.next_savepoint(SavepointOutcome::Held);
    let op = rig.submit("prod", upgrade(&v2)).await.unwrap();
    rig.fake.wait_until("the stop arrived", DEADLINE, |w| w.journal.iter().any(|a| a.route == "stop"));
    rig.restart().await;
    rig.fake.release_savepoints();
    let op = rig.ended(&op.operation_id).await;
    assert_eq!(op.state, OpState::Succeeded, "{op:#?}");
    assert_eq!((rig.fake.acts("stop").len(), rig.fake.acts("run").len()), (1, 2));
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_and_an_unreachable_cluster_are_unknown_not_failed() {
    let rig = Rig::new().await;
    rig.running("prod", json!({})).await;
    rig.fake.down();
    rig.eventually("it is unreachable", || {
        let d = rig.seen("prod");
        d.observed == Observed::Unknown
            && d.conditions.iter().any(|c| c.kind == ConditionType::ClusterUnreachable)
    })
    .await;
    rig.fake.up();
    rig.eventually("it runs", || rig.seen("prod").observed == Observed::Running).await;
    rig.fake.restart_without_memory();
    rig.eventually("its job is lost", || {
        rig.seen("prod").conditions.iter().any(|c| c.kind == ConditionType::JobLost)
    })
    .await;
    assert_eq!(rig.seen("prod").observed, Observed::Unknown);
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foreign_stop_is_a_suspension_with_an_adopted_savepoint() {
    let rig = Rig::new().await;
    rig.running("prod", json!({})).await;
    let job = rig.seen("prod").job.unwrap().flink_job_id;
    post_by_somebody_else(
        &rig.fake.url(),
        &format!("/jobs/{job}/stop"),
        &format!("{{\"targetDirectory\":\"file:{}/theirs\"}}", rig.savepoints.display()),
    )
    .await;
    rig.eventually("it is suspended", || rig.seen("prod").observed == Observed::Suspended).await;
    let sp = rig.savepoints("prod").await.remove(0);
    assert_eq!(sp.origin, nutkin::domain::savepoint::Origin::Adopted);
    rig.end().await;
}

/// A plain POST by somebody who is not nutkin.
async fn post_by_somebody_else(url: &str, path: &str, body: &str) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let addr = url.trim_start_matches("http://").to_owned();
    let mut s = tokio::net::TcpStream::connect(&addr).await.unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {addr}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    s.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let _ = s.read_to_string(&mut answer).await;
    assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_few_slots_are_found_before_anything_is_stopped() {
    let rig = Rig::new().await;
    rig.running("prod", json!({ "parallelism": 2 })).await;
    let up = Upgrade { parallelism: Some(9), ..Upgrade::default() };
    let p = rig.submit("prod", Verb::Upgrade(Box::new(up))).await.unwrap_err();
    assert_eq!(p.code, Code::PreflightFailed);
    assert!(p.detail.contains("9 slots are needed"), "{p:?}");
    assert!(rig.fake.acts("stop").is_empty());
    rig.end().await;
}

/// Another nutkin on the same cluster may delete a jar of the same content at any moment.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_jar_that_somebody_deletes_is_uploaded_again_and_nothing_is_stopped_twice() {
    let rig = Rig::new().await;
    rig.running("prod", json!({ "maxJobAttempts": 1 })).await;
    let v2 = rig.jar("v2").await;
    rig.fake.next_savepoint(SavepointOutcome::Held);
    rig.fake.next_run(RunOutcome::TaskFailsAtOnce("task boom".into()));
    let op = rig.submit("prod", upgrade(&v2)).await.unwrap();
    rig.fake.wait_until("the stop arrived", DEADLINE, |w| w.journal.iter().any(|a| a.route == "stop"));
    rig.fake.world().jars.clear();
    rig.fake.release_savepoints();
    rig.fake.wait_until("the run arrived", DEADLINE, |w| {
        w.journal.iter().filter(|a| a.route == "run").count() == 2
    });
    rig.fake.world().jars.clear();
    let op = rig.ended(&op.operation_id).await;
    assert_eq!(op.state, OpState::RolledBack, "{op:#?}");
    assert!(op.error.as_ref().unwrap().message.contains("task boom"), "{op:#?}");
    assert_eq!((rig.fake.acts("stop").len(), rig.fake.acts("run").len()), (1, 3));
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn old_jars_go_unless_another_deployment_may_need_them() {
    let rig = Rig::new().await;
    for n in ["a", "b"] {
        rig.running(n, json!({})).await;
    }
    let release = async |n: &str, mark: &str| {
        let jar = rig.jar(mark).await;
        assert_eq!(rig.act(n, upgrade(&jar)).await.state, OpState::Succeeded);
    };
    let listed = async |mark: &str| {
        let name = format!("nutkin-{}.jar", &rig.jar(mark).await.as_str()[..32]);
        rig.fake.world().jars.values().any(|j| j.name == name)
    };
    release("b", "v2").await;
    release("a", "v3").await;
    release("a", "v4").await;
    // By its end the jars after the one before have been looked at.
    assert_eq!(rig.act("a", restart()).await.state, OpState::Succeeded);
    assert!(listed("v1").await, "b would go back to it");
    release("b", "v5").await;
    rig.eventually("v1 goes", || rig.fake.world().jars.len() == 4).await;
    assert!(!listed("v1").await && listed("v3").await, "a would go back to v3");
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slots_that_are_gone_after_the_stop_lead_back_without_a_submission() {
    let rig = Rig::new().await;
    rig.running("prod", json!({})).await;
    rig.fake.next_savepoint(SavepointOutcome::Held);
    let up = Upgrade { parallelism: Some(2), ..Upgrade::default() };
    let op = rig.submit("prod", Verb::Upgrade(Box::new(up))).await.unwrap();
    rig.fake.wait_until("the stop arrived", DEADLINE, |w| w.journal.iter().any(|a| a.route == "stop"));
    rig.fake.world().settings.slots = 1;
    rig.fake.release_savepoints();
    let op = rig.ended(&op.operation_id).await;
    assert_eq!(op.state, OpState::RolledBack, "{op:#?}");
    assert!(op.error.unwrap().message.contains("2 slots are needed and 1 are free"));
    assert_eq!((rig.seen("prod").revision, rig.fake.acts("run").len()), (Some(1), 2));
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn actions_in_the_wrong_state_say_so() {
    let rig = Rig::new().await;
    rig.deployment("prod", json!({})).await;
    for verb in [suspend(), take(), cancel()] {
        assert_eq!(rig.submit("prod", verb).await.unwrap_err().code, Code::WrongState);
    }
    assert_eq!(rig.act("prod", start()).await.state, OpState::Succeeded);
    assert_eq!(rig.submit("prod", start()).await.unwrap_err().code, Code::WrongState);
    let unknown = rig.submit("prodd", restart()).await.unwrap_err();
    assert_eq!(unknown.code, Code::NotFound);
    assert!(unknown.hint.unwrap().contains("pay/prod"));
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_people_press_upgrade_at_once_and_one_of_them_wins() {
    let rig = Rig::new().await;
    rig.running("prod", json!({})).await;
    let (a, b) = tokio::join!(rig.submit("prod", restart()), rig.submit("prod", restart()));
    let (won, lost) = match (a, b) {
        (Ok(w), Err(l)) | (Err(l), Ok(w)) => (w, l),
        other => panic!("{other:?}"),
    };
    assert_eq!(lost.code, Code::OperationActive);
    assert_eq!(rig.ended(&won.operation_id).await.state, OpState::Succeeded);
    assert_eq!(rig.fake.acts("stop").len(), 1);
    rig.end().await;
}
