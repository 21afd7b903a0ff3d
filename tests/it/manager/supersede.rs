//! CANCEL and SUSPEND that take over from an operation at work: no further step of it is sent, and what it has begun is
//! still written down.

use std::time::Duration;

use nutkin::{
    contract::{
        intent::{Cancel, Upgrade, Verb},
        model,
        problem::Code,
    },
    domain::{
        deployment::Observed,
        operation::{OpState, StepName, StepState},
        savepoint::Status,
    },
    manager::Patience,
};
use serde_json::json;

use super::rig::{DEADLINE, Rig, cancel, fast, restart, start, suspend, take};
use crate::fake::{Fault, Phase, RunOutcome, SavepointOutcome, Settings};

fn supersede() -> Verb {
    Verb::Cancel(Cancel { supersede: true, ..Cancel::default() })
}

/// A running job whose savepoint or stop does not end by itself.
async fn held(rig: &Rig, verb: Verb, route: &'static str) -> model::Operation {
    rig.running("prod", json!({})).await;
    rig.fake.next_savepoint(SavepointOutcome::Held);
    let op = rig.submit("prod", verb).await.unwrap();
    arrived(rig, route).await;
    op
}

async fn arrived(rig: &Rig, route: &'static str) {
    let here = |w: &mut crate::fake::World| w.journal.iter().any(|a| a.route == route);
    rig.fake.until("it arrived", DEADLINE, here).await;
}

/// The ended record of a superseded operation, once its open step is decided.
async fn settled(rig: &Rig, old: &str, by: &model::Operation) -> model::Operation {
    let old = rig.manager.operation(old).await.unwrap();
    assert_eq!(old.state, OpState::Cancelled, "{old:#?}");
    assert_eq!(old.error.as_ref().unwrap().code, "SUPERSEDED");
    assert_eq!(old.superseded_by.as_deref(), Some(by.operation_id.as_str()));
    assert_eq!(by.supersedes.as_deref(), Some(old.operation_id.as_str()));
    assert!(!old.steps.iter().any(|s| s.state == StepState::Intent), "decided: {old:#?}");
    let events = rig.events("prod").await;
    assert_eq!(events.iter().filter(|e| *e == "OPERATION_SUPERSEDED").count(), 1, "{events:?}");
    old
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancel_takes_over_from_a_savepoint_and_tells_what_became_of_it() {
    let rig = Rig::new().await;
    let old = held(&rig, take(), "savepoint").await;
    let plan = rig.plan("prod", cancel()).await.unwrap();
    assert!(
        plan.warnings.iter().any(|w| w.contains("SAVEPOINT by alice") && w.contains("is superseded")),
        "{plan:#?}"
    );
    let by = rig.act("prod", cancel()).await;
    assert_eq!(by.state, OpState::Succeeded, "{by:#?}");
    settled(&rig, &old.operation_id, &by).await;
    let sp = rig.savepoints("prod").await;
    let ours = sp.iter().find(|s| s.operation_id.as_deref() == Some(&old.operation_id)).unwrap();
    assert_eq!(ours.status, Status::Failed, "the cancel has ended it: {ours:#?}");
    rig.eventually("it is cancelled", || rig.seen("prod").observed == Observed::Cancelled).await;
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_superseded_savepoint_that_completes_is_in_the_books() {
    let rig = Rig::new().await;
    let old = held(&rig, take(), "savepoint").await;
    rig.fake.fault(Fault::on("PATCH /jobs/*", Phase::Before).delay(Duration::from_millis(600)));
    let by = rig.submit("prod", cancel()).await.unwrap();
    rig.fake.release_savepoints();
    let by = rig.ended(&by.operation_id).await;
    assert_eq!(by.state, OpState::Succeeded, "{by:#?}");
    settled(&rig, &old.operation_id, &by).await;
    let sp = rig.savepoints("prod").await;
    let ours = sp.iter().find(|s| s.operation_id.as_deref() == Some(&old.operation_id)).unwrap();
    assert_eq!((ours.status, ours.is_final), (Status::Completed, false), "{ours:#?}");
    assert!(rig.fake.world().count_at(ours.location.as_deref().unwrap()).is_some());
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_suspend_takes_over_from_a_savepoint() {
    let rig = Rig::new().await;
    let old = held(&rig, take(), "savepoint").await;
    let by = rig.act("prod", suspend()).await;
    assert_eq!(by.state, OpState::Succeeded, "{by:#?}");
    settled(&rig, &old.operation_id, &by).await;
    rig.eventually("it is suspended", || rig.seen("prod").observed == Observed::Suspended).await;
    let done: Vec<_> =
        rig.savepoints("prod").await.into_iter().filter(|s| s.status == Status::Completed).collect();
    assert_eq!(done.iter().filter(|s| s.is_final).count(), 1, "{done:#?}");
    assert_eq!((rig.fake.acts("savepoint").len(), rig.fake.acts("stop").len()), (1, 1));
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_operations_are_superseded_only_when_asked_for() {
    let rig = Rig::new().await;
    let old = held(&rig, restart(), "stop").await;
    for verb in [cancel(), suspend(), take(), start()] {
        let is_cancel = matches!(verb, Verb::Cancel(_));
        let p = rig.submit("prod", verb).await.unwrap_err();
        assert_eq!(p.code, Code::OperationActive, "{p:?}");
        assert_eq!(p.hint.unwrap().contains("--supersede"), is_cancel);
    }
    let by = rig.act("prod", supersede()).await;
    assert_eq!(by.state, OpState::Succeeded, "{by:#?}");
    let old = settled(&rig, &old.operation_id, &by).await;
    assert!(
        old.steps.iter().any(|s| s.name == StepName::RunJar && s.state == StepState::Skipped),
        "{old:#?}"
    );
    assert_eq!(rig.fake.acts("run").len(), 1, "the restart never came");
    assert_eq!(rig.fake.live_jobs(), Vec::<String>::new());
    rig.eventually("it is cancelled", || rig.seen("prod").observed == Observed::Cancelled).await;
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_is_still_being_submitted_is_waited_for_and_cancelled() {
    // Its main() still runs when the cancel is accepted, and is through before the manager gives it up.
    let patience = Patience { submission: DEADLINE, ..fast() };
    let access = json!({ "savepointAccess": "LOCAL" });
    let rig = Rig::patient(Settings::default(), access, patience).await;
    rig.running("prod", json!({})).await;
    let v2 = rig.jar("v2").await;
    rig.fake.next_run(RunOutcome::SlowMain(Duration::from_secs(4), Box::new(RunOutcome::Ok)));
    let up = Upgrade { artifact: Some(v2.to_string()), ..Upgrade::default() };
    let old = rig.submit("prod", Verb::Upgrade(Box::new(up))).await.unwrap();
    let runs = |r: &String| r.starts_with("POST") && r.ends_with("/run");
    rig.eventually("main() runs", || rig.fake.requests().iter().filter(|r| runs(r)).count() == 2).await;
    let by = rig.act("prod", supersede()).await;
    assert_eq!(by.state, OpState::Succeeded, "{by:#?}");
    assert_eq!(by.steps[0].name, StepName::AwaitSuperseded, "{by:#?}");
    let old = settled(&rig, &old.operation_id, &by).await;
    assert!(
        old.steps.iter().any(|s| s.name == StepName::RunJar && s.state == StepState::Confirmed),
        "{old:#?}"
    );
    assert_eq!(rig.fake.acts("run").len(), 2);
    assert_eq!(rig.fake.live_jobs(), Vec::<String>::new(), "I3: nothing comes to life afterwards");
    let d = rig.seen("prod");
    // The last job ran the new revision; the change did not succeed, so the next start runs the old one.
    assert_eq!((d.revision, d.drift.is_some()), (Some(2), true), "{d:#?}");
    let stop = rig.savepoints("prod").await.into_iter().find(|s| s.is_final).unwrap();
    assert_eq!(d.next_restore_point.unwrap().location, stop.location, "the stop's savepoint is kept");
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_job_in_probation_is_cancelled_once() {
    let rig = Rig::with(
        Settings { checkpoint_every: None, ..Settings::default() },
        json!({ "savepointAccess": "LOCAL" }),
    )
    .await;
    rig.deployment("prod", json!({})).await;
    let old = rig.submit("prod", start()).await.unwrap();
    rig.eventually("probation", || {
        rig.seen("prod").operation.is_some_and(|o| o.step_name == Some(StepName::Probation))
    })
    .await;
    let by = rig.act("prod", supersede()).await;
    assert_eq!(by.state, OpState::Succeeded, "{by:#?}");
    settled(&rig, &old.operation_id, &by).await;
    assert_eq!(rig.fake.acts("cancel").len(), 1);
    assert_eq!(rig.fake.live_jobs(), Vec::<String>::new());
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_manager_goes_on_and_a_third_person_supersedes_again() {
    let mut rig = Rig::new().await;
    let first = held(&rig, take(), "savepoint").await;
    // The stop is held as well: the suspend cannot end.
    rig.fake.next_savepoint(SavepointOutcome::Held);
    let second = rig.submit("prod", suspend()).await.unwrap();
    arrived(&rig, "stop").await;
    rig.restart().await;
    let third = rig.act("prod", supersede()).await;
    assert_eq!(third.state, OpState::Succeeded, "{third:#?}");
    for old in [&first, &second] {
        let old = rig.manager.operation(&old.operation_id).await.unwrap();
        assert_eq!(old.state, OpState::Cancelled, "{old:#?}");
        assert!(!old.steps.iter().any(|s| s.state == StepState::Intent), "{old:#?}");
    }
    let sp = rig.savepoints("prod").await;
    assert!(!sp.iter().any(|s| s.status == Status::Started), "{sp:#?}");
    rig.eventually("it is cancelled", || rig.seen("prod").observed == Observed::Cancelled).await;
    rig.end().await;
}
