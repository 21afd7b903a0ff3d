//! Every verb once, as a person would use it.

use nutkin::{
    contract::{
        intent::{Fork, Intent, Reset, Rollback, Upgrade, Verb},
        plan::Plan,
    },
    domain::{
        deployment::{Desired, Observed},
        operation::{OpState, StepName, StepState},
        savepoint::{Origin, Status},
    },
};
use serde_json::json;

use super::{
    oracle::count,
    rig::{Rig, cancel, name, restart, start, suspend, take, who},
};
use crate::fake::RunOutcome;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_goes_on_with_its_state_through_suspend_and_start() {
    let rig = Rig::new().await;
    rig.running("prod", json!({ "parallelism": 2 })).await;
    assert_eq!(rig.seen("prod").desired, Desired::Running);
    let before = count(&rig.fake, &rig.seen("prod"));
    let op = rig.act("prod", suspend()).await;
    assert_eq!(op.state, OpState::Succeeded, "{op:#?}");
    rig.eventually("it is suspended", || rig.seen("prod").observed == Observed::Suspended).await;
    let sp = rig.savepoints("prod").await.remove(0);
    assert_eq!(
        (sp.origin, sp.status, sp.is_final, sp.verified),
        (Origin::Suspend, Status::Completed, true, Some(true))
    );
    let next = rig.seen("prod").next_restore_point.unwrap();
    assert_eq!(next.location, sp.location);
    let op = rig.act("prod", start()).await;
    assert_eq!(op.state, OpState::Succeeded, "{op:#?}");
    assert!(op.steps.iter().any(|s| s.name == StepName::VerifyRestore && s.state == StepState::Confirmed));
    rig.eventually("it runs", || rig.seen("prod").observed == Observed::Running).await;
    let d = rig.seen("prod");
    assert_eq!(d.job.as_ref().unwrap().restored_from.as_ref().map(|r| r.location.clone()), sp.location);
    assert!(count(&rig.fake, &d) >= before);
    let events = rig.events("prod").await;
    for expected in [
        "DEPLOYMENT_CREATED",
        "OPERATION_QUEUED",
        "JOB_STARTED",
        "SAVEPOINT_STARTED",
        "SAVEPOINT_COMPLETED",
        "OPERATION_SUCCEEDED",
    ] {
        assert!(events.iter().any(|e| e == expected), "{expected} in {events:?}");
    }
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_savepoint_leaves_the_job_running() {
    let rig = Rig::new().await;
    rig.running("prod", json!({})).await;
    let job = rig.seen("prod").job.unwrap().flink_job_id;
    let op = rig.act("prod", take()).await;
    assert_eq!(op.state, OpState::Succeeded, "{op:#?}");
    assert_eq!(rig.seen("prod").job.unwrap().flink_job_id, job);
    let sp = rig.savepoints("prod").await.remove(0);
    assert_eq!((sp.origin, sp.is_final), (Origin::UserRequest, false));
    assert!(sp.location.unwrap().contains(&format!("/nutkin/{}/", rig.seen("prod").id)));
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cancel_says_what_is_lost_and_keeps_a_retained_checkpoint() {
    let rig = Rig::new().await;
    rig.running("prod", json!({})).await;
    let card = rig.plan("prod", cancel()).await.unwrap();
    assert!(card.irreversible.iter().any(|l| l.contains("no savepoint is taken")), "{card:?}");
    let op = rig.act("prod", cancel()).await;
    assert_eq!(op.state, OpState::Succeeded, "{op:#?}");
    rig.eventually("it is cancelled", || rig.seen("prod").observed == Observed::Cancelled).await;
    assert_eq!(rig.seen("prod").desired, Desired::Cancelled);
    let sp = rig.savepoints("prod").await.remove(0);
    assert_eq!(sp.origin, Origin::RetainedCheckpoint);
    let op = rig.act("prod", start()).await;
    assert_eq!(op.state, OpState::Succeeded, "{op:#?}");
    assert_eq!(rig.seen("prod").job.unwrap().restored_from.map(|r| r.location), sp.location);
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upgrade_carries_the_state_to_the_new_revision_and_a_rollback_back() {
    let rig = Rig::new().await;
    rig.running("prod", json!({ "parallelism": 2 })).await;
    let v2 = rig.jar("v2").await;
    let up = Upgrade {
        artifact: Some(v2.to_string()),
        version_label: Some("v2".into()),
        parallelism: Some(3),
        ..Upgrade::default()
    };
    let card = rig.plan("prod", Verb::Upgrade(Box::new(up.clone()))).await.unwrap();
    assert!(card.runnable, "{:?}", card.checks);
    assert_eq!((card.revision_now, card.revision_next), (Some(1), Some(2)));
    assert!(card.diff.iter().any(|d| d.path == "parallelism"), "{:?}", card.diff);
    let op = rig.act("prod", Verb::Upgrade(Box::new(up))).await;
    assert_eq!(op.state, OpState::Succeeded, "{op:#?}");
    rig.eventually("revision 2 runs", || rig.seen("prod").revision == Some(2)).await;
    let d = rig.seen("prod");
    assert_eq!((d.version_label.as_deref(), d.parallelism, d.drift), (Some("payments-v2@v2"), Some(3), None));
    let op = rig.act("prod", Verb::Rollback(Rollback::default())).await;
    assert_eq!(op.state, OpState::Succeeded, "{op:#?}");
    let d = rig.seen("prod");
    assert_eq!(d.revision, Some(1));
    assert_eq!(d.drift, None, "the layer is that of revision 1 again");
    assert_eq!((d.parallelism, d.version_label.as_deref()), (Some(2), Some("payments-v1@v1")));
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rollback_passes_over_revisions_that_failed() {
    let rig = Rig::new().await;
    rig.running("prod", json!({})).await;
    let upgrade =
        |sha: String| Verb::Upgrade(Box::new(Upgrade { artifact: Some(sha), ..Upgrade::default() }));
    let (v2, v3) = (rig.jar("v2").await.to_string(), rig.jar("v3").await.to_string());
    rig.fake.next_run(RunOutcome::NoMainClass);
    assert_eq!(rig.act("prod", upgrade(v2)).await.state, OpState::RolledBack);
    assert_eq!(rig.act("prod", upgrade(v3)).await.state, OpState::Succeeded);
    let back = |revision| Verb::Rollback(Rollback { revision, ..Rollback::default() });
    let card = rig.plan("prod", back(None)).await.unwrap();
    assert_eq!((card.revision_now, card.revision_next), (Some(3), Some(1)));
    let says = |card: &Plan, words: &str| card.checks.iter().any(|c| c.message.contains(words));
    assert!(says(&card, "--allow-non-restored-state") && !says(&card, "has failed before"), "{card:#?}");
    let card = rig.plan("prod", back(Some(2))).await.unwrap();
    assert!(card.runnable && says(&card, "revision 2 has failed before"), "{card:#?}");
    let op = rig.act("prod", back(None)).await;
    assert_eq!(op.state, OpState::Succeeded, "{op:#?}");
    let refused = rig.plan("prod", back(None)).await.unwrap_err();
    assert!(refused.detail.contains("no earlier revision"), "{}", refused.detail);
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_runs_the_same_revision_under_a_new_job_id() {
    let rig = Rig::new().await;
    rig.running("prod", json!({})).await;
    let before = rig.seen("prod");
    let op = rig.act("prod", restart()).await;
    assert_eq!(op.state, OpState::Succeeded, "{op:#?}");
    let after = rig.seen("prod");
    assert_eq!(after.revision, before.revision);
    assert_ne!(after.job.unwrap().flink_job_id, before.job.unwrap().flink_job_id);
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reset_chooses_the_next_restore_point_once() {
    let rig = Rig::new().await;
    rig.running("prod", json!({})).await;
    rig.act("prod", take()).await;
    let old = rig.savepoints("prod").await.remove(0);
    rig.act("prod", suspend()).await;
    let reset = Verb::Reset(Reset { savepoint: old.savepoint_id.clone(), ..Reset::default() });
    let op = rig.act("prod", reset).await;
    assert_eq!(op.state, OpState::Succeeded, "{op:#?}");
    assert_eq!(rig.seen("prod").next_restore_point.unwrap().location, old.location);
    let op = rig.act("prod", start()).await;
    assert_eq!(op.state, OpState::Succeeded, "{op:#?}");
    assert_eq!(rig.seen("prod").job.unwrap().restored_from.map(|r| r.location), old.location);
    rig.act("prod", suspend()).await;
    assert_ne!(rig.seen("prod").next_restore_point.unwrap().location, old.location, "one-shot");
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fork_has_the_state_and_a_life_of_its_own() {
    let rig = Rig::new().await;
    rig.running("prod", json!({ "parallelism": 2 })).await;
    let fork = Fork { new_deployment: "pay/test".into(), start: true, ..Fork::default() };
    // The card says what the start will do, and whether there is room for it.
    let plan = rig.plan("prod", Verb::Fork(fork.clone())).await.unwrap();
    let titles: Vec<&str> = plan.steps.iter().map(|s| s.title.as_str()).collect();
    assert!(titles.contains(&"start test: submit revision 1 from that snapshot"), "{titles:#?}");
    assert!(plan.steps.iter().zip(1..).all(|(s, n)| s.n == n), "{:?}", plan.steps);
    let slots = plan.checks.iter().find(|c| c.name == "slots").unwrap();
    assert!(slots.message.starts_with("2 needed for the fork"), "{slots:?}");
    let mut large = fork.clone();
    large.set.insert("parallelism".into(), json!(1000));
    let plan = rig.plan("prod", Verb::Fork(large.clone())).await.unwrap();
    assert!(!plan.runnable, "{:?}", plan.checks);
    large.start = false;
    let plan = rig.plan("prod", Verb::Fork(large)).await.unwrap();
    assert!(plan.runnable, "it is only created: {:?}", plan.checks);
    let op = rig.act("prod", Verb::Fork(fork)).await;
    assert_eq!(op.state, OpState::Succeeded, "{op:#?}");
    rig.eventually("the fork runs", || {
        rig.manager.deployment(&name("test")).is_ok_and(|d| d.observed == Observed::Running)
    })
    .await;
    let (a, b) = (rig.seen("prod"), rig.seen("test"));
    assert_eq!(a.observed, Observed::Running);
    let taken = rig.savepoints("prod").await.remove(0);
    assert_eq!(b.job.unwrap().restored_from.map(|r| r.location), taken.location);
    assert_eq!(rig.savepoints("test").await.remove(0).origin, Origin::Copied);
    rig.eventually("its start has ended", || rig.seen("test").operation.is_none()).await;
    let started = rig.manager.operations(Some(&name("test")), false, None, 10).await.unwrap().items.remove(0);
    assert_eq!(
        started.parent.as_deref(),
        Some(op.operation_id.as_str()),
        "who asked for the start: {started:#?}"
    );
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_adopted_job_can_be_suspended_and_must_be_described_to_run_again() {
    let rig = Rig::new().await;
    let job = rig.fake.add_job(crate::fake::JobSpec::default());
    rig.eventually("it is seen as unmanaged", || {
        rig.manager.target("fake").unwrap().unmanaged_jobs == Some(1)
    })
    .await;
    let request = nutkin::contract::intent::Adopt { deployment: "pay/adopted".into(), ..Default::default() };
    let intent = Intent::Adopt { target: "fake".into(), flink_job: job.parse().unwrap(), request };
    rig.manager.submit(intent, &who(), false, None).await.unwrap();
    rig.eventually("it runs", || {
        rig.manager
            .deployment(&name("adopted"))
            .is_ok_and(|d| d.observed == Observed::Running && d.operation.is_none())
    })
    .await;
    assert_eq!(rig.manager.target("fake").unwrap().unmanaged_jobs, Some(0));
    let bare = rig.submit("adopted", Verb::Upgrade(Box::default())).await.unwrap_err();
    for flag in ["--jar", "--entry-class", "--args", "--parallelism"] {
        assert!(bare.detail.contains(flag), "{bare:?}");
    }
    let op = rig.act("adopted", suspend()).await;
    assert_eq!(op.state, OpState::Succeeded, "{op:#?}");
    let v1 = rig.jar("v1").await;
    let up = Upgrade {
        artifact: Some(v1.to_string()),
        entry_class: Some("io.example.Payments".into()),
        args: Some(vec![]),
        parallelism: Some(1),
        ..Upgrade::default()
    };
    let op = rig.act("adopted", Verb::Upgrade(Box::new(up))).await;
    assert_eq!(op.state, OpState::Succeeded, "{op:#?}");
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn savepoints_are_imported_and_disposed_of_with_care() {
    let rig = Rig::new().await;
    rig.running("prod", json!({})).await;
    rig.act("prod", take()).await;
    rig.act("prod", suspend()).await;
    let all = rig.savepoints("prod").await;
    let (newest, older) = (&all[0], &all[1]);
    let dispose = |id: &str, confirm: &str| Intent::Dispose {
        savepoint: id.to_owned(),
        request: nutkin::contract::intent::DisposeSavepoint {
            meta: nutkin::contract::intent::Meta { confirm: Some(confirm.to_owned()), ..Default::default() },
        },
    };
    let refused =
        rig.manager.submit(dispose(&older.savepoint_id, "wrong"), &who(), false, None).await.unwrap_err();
    assert_eq!(refused.code.as_str(), "CONFIRMATION_REQUIRED");
    let nutkin::contract::plan::Submitted::Operation(op) =
        rig.manager.submit(dispose(&older.savepoint_id, "pay/prod"), &who(), false, None).await.unwrap()
    else {
        panic!()
    };
    let op = rig.ended(&op.operation_id).await;
    assert_eq!(op.state, OpState::Succeeded, "{op:#?}");
    assert_eq!(rig.manager.savepoint(&older.savepoint_id).await.unwrap().savepoint.status, Status::Deleted);
    let only =
        rig.manager.submit(dispose(&newest.savepoint_id, "pay/prod"), &who(), false, None).await.unwrap_err();
    assert!(only.detail.contains("only restore point"), "{only:?}");
    let import = nutkin::contract::intent::ImportSavepoint {
        deployment: "pay/prod".into(),
        location: format!("file:{}/nowhere", rig.savepoints.display()),
        ..Default::default()
    };
    let missing = rig.manager.submit(Intent::Import(import), &who(), false, None).await.unwrap_err();
    assert!(missing.detail.contains("no complete snapshot"), "{missing:?}");
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operations_wait_for_their_turn_and_what_ends_a_job_does_not() {
    let rig = Rig::narrow().await;
    for n in ["a", "b"] {
        rig.running(n, json!({})).await;
    }
    rig.fake.next_savepoint(crate::fake::SavepointOutcome::Held);
    let first = rig.submit("a", take()).await.unwrap();
    let arrived = |w: &mut crate::fake::World| w.journal.iter().any(|a| a.route == "savepoint");
    rig.fake.wait_until("it arrived", std::time::Duration::from_secs(5), arrived);
    let second = rig.submit("b", take()).await.unwrap();
    let cancelled = rig.submit("b", cancel()).await.unwrap();
    assert_eq!(rig.ended(&cancelled.operation_id).await.state, OpState::Succeeded);
    assert_eq!(rig.manager.operation(&second.operation_id).await.unwrap().state, OpState::Cancelled);
    let third = rig.submit("b", start()).await.unwrap();
    assert_eq!(rig.manager.operation(&third.operation_id).await.unwrap().state, OpState::Queued);
    assert_eq!(rig.fake.acts("savepoint").len(), 1, "it waited");
    rig.fake.release_savepoints();
    for op in [first, third] {
        assert_eq!(rig.ended(&op.operation_id).await.state, OpState::Succeeded);
    }
    rig.end().await;
}
