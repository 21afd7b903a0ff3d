//! Ways to begin that are not the usual one: without state, from rest, from somebody else's savepoint; and a target that is
//! closed in the middle.

use nutkin::{
    contract::{
        intent::{Fork, Intent, Start, Upgrade, Verb},
        problem::Code,
    },
    domain::{
        deployment::Observed,
        operation::{OpState, RestoreSource},
        spec::UpgradeStrategy,
    },
};
use rstest::rstest;
use serde_json::{Value, json};

use super::{
    oracle::count,
    rig::{APP, DEADLINE, Rig, document, name, start, suspend, take, who},
};
use crate::fake::SavepointOutcome;

fn upgrade(up: Upgrade) -> Verb {
    Verb::Upgrade(Box::new(up))
}

fn start_from(from: &str) -> Verb {
    Verb::Start(Start { from: Some(from.into()), ..Start::default() })
}

/// The job that runs now began empty.
fn began_empty(rig: &Rig, n: &str) {
    let job = rig.fake.job(&rig.seen(n).job.unwrap().flink_job_id).unwrap();
    assert_eq!((job.count_base, job.submitted.get("savepointPath")), (0, None), "{job:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn to_begin_empty_is_agreed_to_by_name() {
    let rig = Rig::new().await;
    rig.running("prod", json!({})).await;
    assert_eq!(rig.act("prod", suspend()).await.state, OpState::Succeeded);
    let unconfirmed = Intent::Deployment { name: name("prod"), verb: start_from("none") };
    let p = rig.manager.submit(unconfirmed, &who(), false, None).await.unwrap_err();
    assert_eq!(p.code, Code::ConfirmationRequired, "{p:?}");
    assert_eq!(rig.fake.acts("run").len(), 1, "nothing was submitted");
    let op = rig.act("prod", start_from("none")).await;
    assert_eq!(op.state, OpState::Succeeded, "{op:#?}");
    began_empty(&rig, "prod");
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stateless_upgrade_cancels_and_begins_empty_with_an_agreement() {
    let rig = Rig::new().await;
    rig.running("prod", json!({})).await;
    let v2 = rig.jar("v2").await;
    let up = Upgrade {
        artifact: Some(v2.to_string()),
        upgrade_strategy: Some(UpgradeStrategy::Stateless),
        ..Upgrade::default()
    };
    let plan = rig.plan("prod", upgrade(up.clone())).await.unwrap();
    assert!(!plan.irreversible.is_empty(), "{plan:#?}");
    let op = rig.act("prod", upgrade(up)).await;
    assert_eq!(op.state, OpState::Succeeded, "{op:#?}");
    assert_eq!((rig.fake.acts("stop").len(), rig.fake.acts("cancel").len()), (0, 1));
    let id = nutkin::domain::ids::OperationId::new(&op.operation_id);
    let kept = rig.store.operation(&id).await.unwrap().unwrap();
    assert_eq!(kept.plan.restore, RestoreSource::Empty);
    assert!(kept.plan.acknowledged.is_some_and(|a| a.contains("alice agreed")));
    began_empty(&rig, "prod");
    assert_eq!(rig.seen("prod").revision, Some(2));
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upgrade_at_rest_runs_the_new_revision_with_the_state_that_was_left() {
    let rig = Rig::new().await;
    rig.running("prod", json!({})).await;
    let before = count(&rig.fake, &rig.seen("prod"));
    assert_eq!(rig.act("prod", suspend()).await.state, OpState::Succeeded);
    let v2 = rig.jar("v2").await;
    let op = rig.act("prod", upgrade(Upgrade { artifact: Some(v2.to_string()), ..Upgrade::default() })).await;
    assert_eq!(op.state, OpState::Succeeded, "{op:#?}");
    let d = rig.seen("prod");
    let left = rig.savepoints("prod").await.remove(0).location;
    assert_eq!(
        (d.revision, d.job.as_ref().unwrap().restored_from.clone().map(|r| r.location)),
        (Some(2), left)
    );
    assert!(count(&rig.fake, &d) >= before);
    assert_eq!(rig.fake.acts("stop").len(), 1, "nothing was left to stop");
    rig.end().await;
}

#[rstest]
#[case::an_existing_savepoint(true)]
#[case::nothing(false)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fork_begins_with_what_it_was_given(#[case] existing: bool) {
    let rig = Rig::new().await;
    rig.running("prod", json!({})).await;
    assert_eq!(rig.act("prod", take()).await.state, OpState::Succeeded);
    let sp = rig.savepoints("prod").await.remove(0);
    let from = if existing { sp.savepoint_id.clone() } else { "none".to_owned() };
    let fork = Fork { new_deployment: "pay/test".into(), from: Some(from), start: true, ..Fork::default() };
    assert_eq!(rig.act("prod", Verb::Fork(fork)).await.state, OpState::Succeeded);
    let runs = || {
        rig.manager
            .deployment(&name("test"))
            .is_ok_and(|d| d.observed == Observed::Running && d.operation.is_none())
    };
    rig.eventually("the fork runs", runs).await;
    if existing {
        let from = rig.seen("test").job.unwrap().restored_from.map(|r| r.location);
        assert_eq!(from, sp.location);
    } else {
        began_empty(&rig, "test");
    }
    assert_eq!(rig.fake.acts("savepoint").len(), 1, "no other savepoint was taken");
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_savepoint_of_another_application_is_not_restored() {
    let rig = Rig::new().await;
    rig.running("prod", json!({})).await;
    assert_eq!(rig.act("prod", suspend()).await.state, OpState::Succeeded);
    let sp = rig.savepoints("prod").await.remove(0);
    let sha = rig.jar("v1").await;
    let spec = json!({ "target": "fake", "artifact": { "sha256": sha, "jar": "payments-v1.jar" } });
    rig.apply(vec![document("Deployment", Some("fraud"), "prod", spec)]).await;
    let before = rig.fake.journal().len();
    for from in [&sp.savepoint_id, sp.location.as_ref().unwrap()] {
        let theirs = Intent::Deployment { name: "fraud/prod".parse().unwrap(), verb: start_from(from) };
        let p = rig.manager.submit(theirs, &who(), false, None).await.unwrap_err();
        assert_eq!(p.code, Code::PreflightFailed, "{p:?}");
    }
    assert_eq!(rig.fake.journal().len(), before, "nothing was sent");
    assert_eq!(APP, "pay", "the savepoint is of another application");
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_begun_ends_on_a_target_that_becomes_read_only_and_nothing_else_begins() {
    let rig = Rig::new().await;
    rig.running("prod", json!({})).await;
    let v2 = rig.jar("v2").await;
    rig.fake.next_savepoint(SavepointOutcome::Held);
    let up = Upgrade { artifact: Some(v2.to_string()), ..Upgrade::default() };
    let op = rig.submit("prod", upgrade(up)).await.unwrap();
    rig.fake.until("the stop arrived", DEADLINE, |w| w.journal.iter().any(|a| a.route == "stop")).await;
    let mut spec: Value = rig.manager.target("fake").unwrap().spec;
    spec["readOnly"] = true.into();
    rig.apply(vec![document("Target", None, "fake", spec)]).await;
    rig.fake.release_savepoints();
    let op = rig.ended(&op.operation_id).await;
    assert_eq!(op.state, OpState::Succeeded, "half an upgrade is worse than a whole one: {op:#?}");
    assert_eq!(rig.seen("prod").revision, Some(2));
    let before = rig.fake.journal().len();
    for verb in [suspend(), take(), start()] {
        let p = rig.submit("prod", verb).await.unwrap_err();
        assert!(matches!(p.code, Code::PolicyDenied | Code::WrongState), "{p:?}");
    }
    assert_eq!(rig.fake.journal().len(), before, "nothing was sent");
    rig.end().await;
}

/// The name resolves nowhere: whatever arrives came through the proxy.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_behind_a_proxy_is_reached_through_it_alone() {
    let rig = Rig::new().await;
    let proxy = crate::kill::proxy::Proxy::before(&rig.fake.url()).await;
    let spec = json!({
        "url": "http://flink.invalid:8081", "proxy": proxy.url(),
        "savepointDirectory": format!("file:{}", rig.savepoints.display()),
    });
    rig.apply(vec![document("Target", None, "behind", spec)]).await;
    rig.eventually("it answers", || rig.manager.target("behind").unwrap().reachable == Some(true)).await;
    rig.running("prod", json!({ "target": "behind" })).await;
    let before = count(&rig.fake, &rig.seen("prod"));
    for verb in [suspend(), start()] {
        assert_eq!(rig.act("prod", verb).await.state, OpState::Succeeded);
    }
    assert!(count(&rig.fake, &rig.seen("prod")) >= before);
    rig.end().await;
}
