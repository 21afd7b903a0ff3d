//! What must not happen by mistake: a job on two clusters, a protection that protects until it is changed, a deployment
//! that leaves the books while its job lives.

use nutkin::{
    contract::{
        intent::{Apply, Fork, Intent, Meta, Reset, Upgrade, Verb},
        plan::{Confirmation, Submitted, Verdict},
        problem::Code,
    },
    domain::{deployment::Observed, operation::OpState, savepoint::Status},
};
use rstest::rstest;
use serde_json::json;

use super::rig::*;
use crate::fake::{Fake, SavepointOutcome};

fn set(path: &str, value: serde_json::Value) -> Verb {
    let set = [(path.to_owned(), value)].into_iter().collect();
    Verb::Upgrade(Box::new(Upgrade { set, ..Upgrade::default() }))
}

/// A second cluster, known as `other`.
async fn another_cluster(rig: &Rig) -> Fake {
    let other = Fake::start(crate::fake::Settings::default());
    let base = format!("file:{}", rig.savepoints.display());
    let spec = json!({ "url": other.url(), "savepointDirectory": base });
    rig.apply(vec![document("Target", None, "other", spec)]).await;
    rig.eventually("the other target answers", || {
        rig.manager.target("other").unwrap().reachable == Some(true)
    })
    .await;
    other
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_live_job_never_changes_its_cluster() {
    let rig = Rig::new().await;
    let other = another_cluster(&rig).await;
    rig.running("prod", json!({})).await;
    let refused = rig.submit("prod", set("target", json!("other"))).await.unwrap_err();
    assert_eq!(refused.code, Code::PreflightFailed);
    assert!(refused.detail.contains("belongs to the target other"), "{refused:?}");
    let plan = rig.plan("prod", set("target", json!("other"))).await.unwrap();
    assert!(plan.checks.iter().any(|c| c.name == "target" && c.verdict == Verdict::Failed));
    assert_eq!((rig.fake.acts("stop").len(), other.acts("run").len()), (0, 0));
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_suspended_one_moves_with_its_savepoint_and_never_runs_twice() {
    let rig = Rig::new().await;
    let other = another_cluster(&rig).await;
    rig.running("prod", json!({})).await;
    assert_eq!(rig.act("prod", suspend()).await.state, OpState::Succeeded);
    let sha = rig.jar("v1").await;
    let spec = json!({ "target": "other", "artifact": { "sha256": sha, "jar": "payments-v1.jar", "version": "v1" } });
    rig.apply(vec![document("Deployment", Some(APP), "prod", spec)]).await;
    // The old cluster brings the job back: the new one must not get a second.
    let old = rig.fake.acts("run")[0].job.clone();
    rig.fake.set_job_state(&old, "RUNNING");
    let op = rig.submit("prod", start()).await;
    let refused = match op {
        Ok(op) => rig.ended(&op.operation_id).await.error.unwrap().message,
        Err(p) => p.detail,
    };
    assert!(refused.contains(&old), "{refused}");
    assert!(other.acts("run").is_empty());
    // Not `Rig::end`: the story leaves a job alive that the books have seen end.
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn protection_holds_until_it_is_taken_away_with_its_own_confirmation() {
    let rig = Rig::new().await;
    rig.running("prod", json!({ "protection": "TYPE_NAME" })).await;
    let plan = rig.plan("prod", set("protection", json!("NONE"))).await.unwrap();
    assert_eq!(plan.confirmation, Confirmation::TypeName);
    assert_eq!(plan.typed_name, "pay/prod");
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_leaves_the_books_while_its_job_may_live() {
    let rig = Rig::new().await;
    rig.running("prod", json!({})).await;
    rig.fake.down();
    rig.eventually("the target is silent", || rig.manager.target("fake").unwrap().reachable == Some(false))
        .await;
    let refused = rig.submit("prod", Verb::Delete(Default::default())).await.unwrap_err();
    assert_eq!(refused.code, Code::WrongState);
    assert!(refused.detail.contains("its job may live"), "{refused:?}");
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_came_back_is_cancelled_with_its_deployment() {
    let rig = Rig::new().await;
    rig.running("prod", json!({})).await;
    rig.act("prod", suspend()).await;
    rig.act("prod", start()).await;
    assert_eq!(rig.act("prod", suspend()).await.state, OpState::Succeeded);
    // The first job of the two, which is not the one in the books any more.
    let back = rig.fake.acts("run")[0].job.clone();
    rig.fake.set_job_state(&back, "RUNNING");
    let refused = rig.submit("prod", start()).await.unwrap_err();
    assert!(refused.detail.contains(&back), "{refused:?}");
    assert_eq!(rig.act("prod", cancel()).await.state, OpState::Succeeded);
    assert!(rig.fake.live_jobs().is_empty());
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chosen_restore_point_that_cannot_be_used_is_not_replaced_by_another() {
    let rig = Rig::new().await;
    rig.running("prod", json!({})).await;
    rig.act("prod", take()).await;
    rig.act("prod", suspend()).await;
    let all = rig.savepoints("prod").await;
    let older = all.iter().find(|s| !s.is_final).unwrap();
    let reset = Verb::Reset(Reset { savepoint: older.savepoint_id.clone(), ..Reset::default() });
    assert_eq!(rig.act("prod", reset).await.state, OpState::Succeeded);
    let place = older.location.clone().unwrap();
    std::fs::remove_file(format!("{}/_metadata", place.trim_start_matches("file:"))).unwrap();
    let refused = rig.submit("prod", start()).await.unwrap_err();
    assert_eq!(refused.code, Code::PreflightFailed);
    assert!(rig.fake.acts("run").len() == 1, "nothing else was restored instead");
    rig.end().await;
}

/// A fork touches nothing; what it starts asks for what its own protection says.
#[rstest]
#[case::created_only(false, "TYPE_NAME", None)]
#[case::started(true, "TYPE_NAME", Some("pay/blue"))]
#[case::started_without_protection(true, "NONE", None)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fork_that_starts_asks_as_a_start_does(
    #[case] start: bool,
    #[case] protection: &str,
    #[case] typed: Option<&str>,
) {
    let rig = Rig::new().await;
    rig.running("prod", json!({ "protection": "TYPE_NAME" })).await;
    let set = [("protection".to_owned(), json!(protection))].into_iter().collect();
    let new_deployment = "pay/blue".to_owned();
    let fork = Fork { new_deployment, start, set, from: Some("none".into()), ..Fork::default() };
    let intent = |meta| {
        let verb = Verb::Fork(Fork { meta, ..fork.clone() });
        Intent::Deployment { name: name("prod"), verb }
    };
    let plain = Meta { yes: true, ..Meta::default() };
    let asked = rig.manager.submit(intent(plain), &who(), false, None).await;
    match typed {
        None => assert!(matches!(asked, Ok(Submitted::Operation(_))), "{asked:?}"),
        Some(typed) => {
            assert_eq!(asked.unwrap_err().code, Code::ConfirmationRequired);
            let meta = Meta { confirm: Some(typed.into()), ..Meta::default() };
            rig.manager.submit(intent(meta), &who(), false, None).await.unwrap();
        }
    }
    if start {
        rig.eventually("the fork runs", || {
            rig.manager.deployment(&name("blue")).is_ok_and(|d| d.observed == Observed::Running)
        })
        .await;
    }
    rig.manager.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fork_does_not_start_on_a_read_only_target() {
    let rig = Rig::new().await;
    rig.running("prod", json!({})).await;
    let other = another_cluster(&rig).await;
    let spec = json!({ "url": other.url(), "readOnly": true });
    rig.apply(vec![document("Target", None, "other", spec)]).await;
    let fork = Fork {
        new_deployment: "pay/blue".into(),
        target: Some("other".into()),
        from: Some("none".into()),
        start: true,
        ..Fork::default()
    };
    let refused = rig.submit("prod", Verb::Fork(fork.clone())).await.unwrap_err();
    assert_eq!(refused.code, Code::PolicyDenied, "{refused:?}");
    assert!(rig.manager.deployment(&name("blue")).is_err(), "nothing was created");
    rig.submit("prod", Verb::Fork(Fork { start: false, ..fork })).await.unwrap();
    rig.manager.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fork_whose_name_is_taken_meanwhile_asks() {
    let rig = Rig::new().await;
    rig.running("prod", json!({})).await;
    rig.fake.next_savepoint(SavepointOutcome::Held);
    let fork = Fork { new_deployment: "pay/blue".into(), from: Some("new".into()), ..Fork::default() };
    let op = rig.submit("prod", Verb::Fork(fork)).await.unwrap();
    rig.eventually("the savepoint is asked for", || !rig.fake.acts("savepoint").is_empty()).await;
    rig.deployment("blue", json!({})).await;
    rig.fake.release_savepoints();
    let op = rig.ended(&op.operation_id).await;
    assert_eq!(op.state, OpState::NeedsAttention, "{op:#?}");
    assert_eq!(op.error.unwrap().code, "BOOKS_CONFLICT");
    assert!(
        rig.savepoints("prod").await.iter().any(|s| s.status == Status::Completed),
        "its savepoint is kept"
    );
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_on_a_silent_cluster_shows_what_would_be_done_and_cannot_be_run() {
    let rig = Rig::new().await;
    rig.running("prod", json!({})).await;
    rig.fake.down();
    let card = rig.plan("prod", suspend()).await.unwrap();
    assert!(!card.runnable, "{card:#?}");
    let steps: Vec<&str> = card.steps.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(steps, ["STOP_WITH_SAVEPOINT", "WRITE_CATALOGUE"]);
    let hint = card.checks.iter().find_map(|c| c.hint.clone()).unwrap();
    assert!(hint.ends_with("nutkin target check fake"), "{hint}");
    assert_eq!(rig.submit("prod", suspend()).await.unwrap_err().code, Code::TargetUnreachable);
    rig.fake.up();
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_does_not_become_another_cluster_while_jobs_live_on_it() {
    let rig = Rig::new().await;
    let other = Fake::start(crate::fake::Settings::default());
    rig.running("prod", json!({})).await;
    let job = rig.seen("prod").job.unwrap().flink_job_id;
    let spec = rig.manager.document("Target", "fake").await.unwrap().spec;
    let confirm = std::cell::RefCell::new(vec![]);
    let moved = async |urls: serde_json::Value| {
        let mut spec = spec.clone();
        spec.as_object_mut().unwrap().remove("url");
        spec["urls"] = urls;
        let documents = vec![document("Target", None, "fake", spec)];
        let request = Apply { documents, confirm: confirm.borrow().clone(), ..Apply::default() };
        rig.manager.apply(request, &who(), false, None).await.unwrap().remove(0).problem
    };
    // Alone, and as one more address to which a failover could go.
    for urls in [json!([other.url()]), json!([rig.fake.url(), other.url()])] {
        let refused = moved(urls).await.unwrap();
        assert_eq!(refused.code, Code::WrongState);
        assert!(refused.detail.contains("pay/prod") && refused.detail.contains(&job), "{refused:?}");
        assert!(refused.detail.contains("nothing was changed") && refused.hint.is_some(), "{refused:?}");
    }
    assert_eq!(rig.manager.document("Target", "fake").await.unwrap().spec, spec);
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("http://{}", nobody.local_addr().unwrap());
    drop(nobody);
    assert!(moved(json!([silent])).await.unwrap().detail.contains("does not answer"));

    // A cluster that is gone for good is given up by its name.
    confirm.borrow_mut().push("fake".to_owned());
    assert_eq!(moved(json!([rig.fake.url()])).await, None);
    assert_eq!(moved(json!([other.url()])).await, None);
    assert_eq!(moved(json!([rig.fake.url()])).await, None);
    confirm.borrow_mut().clear();

    // Another name of the same cluster.
    let same = rig.fake.url().replace("127.0.0.1", "localhost");
    assert_eq!(moved(json!([same])).await, None);
    assert_eq!(rig.act("prod", suspend()).await.state, OpState::Succeeded);
    assert_eq!(moved(json!([other.url()])).await, None, "nothing lives on the old one");
    assert!(other.acts("run").is_empty());
    rig.end().await;
}
