//! Manifests on a deployment whose job lives: what a dry run says is what an apply does.

use nutkin::{
    contract::{
        intent::{Applied, Apply, ApplyAction, Document, Meta},
        problem::Code,
    },
    domain::{
        deployment::Observed,
        operation::{Kind, OpState},
    },
};
use serde_json::{Value, json};

use super::rig::{APP, Rig, document, name, start, who};
use crate::fake::RunOutcome;

async fn apply(rig: &Rig, document: &Document, dry_run: bool, expect: Option<&str>) -> Applied {
    let meta = Meta { yes: true, ..Meta::default() };
    let expect = expect.map(|e| (format!("{APP}/prod"), e.to_owned())).into_iter().collect();
    let request = Apply { documents: vec![document.clone()], meta, expect, ..Apply::default() };
    rig.manager.apply(request, &who(), dry_run, None).await.unwrap().remove(0)
}

/// The manifest of a running deployment with another jar.
async fn with_new_jar(rig: &Rig, more: Value) -> Document {
    rig.running("prod", json!({})).await;
    let sha = rig.jar("v2").await;
    let mut spec = rig.manager.document("Deployment", "pay/prod").await.unwrap().spec;
    spec["artifact"] = json!({ "sha256": sha, "jar": "payments-v2.jar", "version": "v2" });
    for (k, v) in more.as_object().unwrap() {
        spec[k] = v.clone();
    }
    document("Deployment", Some(APP), "prod", spec)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_suspension_with_a_new_jar_is_planned_and_the_job_keeps_its_revision() {
    let rig = Rig::new().await;
    let manifest = with_new_jar(&rig, json!({ "state": "SUSPENDED" })).await;
    let dry = apply(&rig, &manifest, true, None).await;
    let plan = dry.plan.unwrap();
    assert_eq!((dry.operation_kind, plan.kind, dry.problem), (Some(Kind::Suspend), Kind::Suspend, None));
    assert!(!plan.steps.is_empty() && plan.runnable, "{plan:#?}");

    let layer = rig.manager.document("Deployment", "pay/prod").await.unwrap().spec;
    let other = apply(&rig, &manifest, false, Some("another plan")).await;
    assert_eq!((other.action, other.problem.unwrap().code), (ApplyAction::Refused, Code::PlanChanged));
    assert_eq!(
        rig.manager.document("Deployment", "pay/prod").await.unwrap().spec,
        layer,
        "nothing was changed"
    );

    let done = apply(&rig, &manifest, false, Some(&plan.plan_digest)).await;
    assert_eq!(done.problem, None);
    assert_eq!(rig.seen("prod").revision, Some(1), "the live job runs what it ran");
    assert_eq!(rig.ended(&done.operation_id.unwrap()).await.state, OpState::Succeeded);
    assert_eq!(rig.seen("prod").revision, Some(1), "the savepoint is of what ran");
    assert!(rig.seen("prod").drift.is_some());

    // The start that a manifest asks for runs the new spec, as its plan says.
    let mut manifest = manifest;
    manifest.spec["state"] = "RUNNING".into();
    let dry = apply(&rig, &manifest, true, None).await;
    let plan = dry.plan.unwrap();
    assert_eq!((plan.kind, plan.revision_next), (Kind::Start, Some(2)), "{plan:#?}");
    let done = apply(&rig, &manifest, false, Some(&plan.plan_digest)).await;
    assert_eq!(done.problem, None);
    assert_eq!(rig.ended(&done.operation_id.unwrap()).await.state, OpState::Succeeded);
    assert_eq!(rig.seen("prod").revision, Some(2));
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_upgrade_strategy_none_the_job_runs_on_until_the_next_start() {
    let rig = Rig::new().await;
    let manifest = with_new_jar(&rig, json!({ "upgradeStrategy": "NONE" })).await;
    let before = rig.fake.journal().len();
    for dry_run in [true, false] {
        let done = apply(&rig, &manifest, dry_run, None).await;
        assert_eq!((done.problem, done.operation_kind, done.operation_id), (None, None, None));
        assert!(done.warnings.iter().any(|w| w.contains("NONE")), "{:?}", done.warnings);
    }
    let d = rig.seen("prod");
    assert_eq!((d.revision, d.observed, rig.fake.journal().len()), (Some(1), Observed::Running, before));
    assert!(d.drift.is_some());
    assert_eq!(rig.act("prod", super::rig::suspend()).await.state, OpState::Succeeded);
    assert_eq!(rig.act("prod", start()).await.state, OpState::Succeeded);
    let (d, all) = (rig.seen("prod"), rig.manager.revisions(&name("prod")).await.unwrap());
    assert_eq!((d.revision, all.len(), d.drift), (Some(2), 2, None));
    rig.end().await;
}

/// A manifest of a deployment that the books do not know, to be started.
async fn to_be_started(rig: &Rig) -> Document {
    let sha = rig.jar("v1").await;
    let artifact = json!({ "sha256": sha, "jar": "payments-v1.jar", "version": "v1" });
    document(
        "Deployment",
        Some(APP),
        "prod",
        json!({ "target": "fake", "artifact": artifact, "state": "RUNNING" }),
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_that_was_refused_is_asked_for_by_the_next_apply_and_a_person_still_wins() {
    let rig = Rig::new().await;
    let manifest = to_be_started(&rig).await;
    rig.fake.down();
    rig.eventually("it is silent", || rig.manager.target("fake").unwrap().reachable == Some(false)).await;
    for _ in 0..2 {
        let refused = apply(&rig, &manifest, false, None).await;
        assert_eq!(refused.problem.as_ref().unwrap().code, Code::TargetUnreachable, "{refused:?}");
        assert!(!refused.warnings.iter().any(|w| w.contains("somebody")), "{:?}", refused.warnings);
    }
    rig.fake.up();
    rig.eventually("it answers", || rig.manager.target("fake").unwrap().reachable == Some(true)).await;
    let done = apply(&rig, &manifest, false, None).await;
    assert_eq!(done.problem, None);
    assert_eq!(rig.ended(&done.operation_id.unwrap()).await.state, OpState::Succeeded);
    assert_eq!(apply(&rig, &manifest, false, None).await.action, ApplyAction::Unchanged);

    // A suspension that is refused is asked for again, too.
    let mut other = manifest.clone();
    other.spec["state"] = "SUSPENDED".into();
    rig.fake.down();
    rig.eventually("it is silent", || rig.manager.target("fake").unwrap().reachable == Some(false)).await;
    assert!(apply(&rig, &other, false, None).await.problem.is_some());
    rig.fake.up();
    rig.eventually("it answers", || rig.manager.target("fake").unwrap().reachable == Some(true)).await;
    let done = apply(&rig, &other, false, None).await;
    assert_eq!((done.problem, done.operation_kind), (None, Some(Kind::Suspend)));
    assert_eq!(rig.ended(&done.operation_id.unwrap()).await.state, OpState::Succeeded);

    let done = apply(&rig, &manifest, false, None).await;
    assert_eq!(rig.ended(&done.operation_id.unwrap()).await.state, OpState::Succeeded);
    assert_eq!(rig.act("prod", super::rig::suspend()).await.state, OpState::Succeeded);
    let stays = apply(&rig, &manifest, false, None).await;
    assert_eq!((stays.operation_id, stays.problem), (None, None));
    assert!(stays.warnings.iter().any(|w| w.contains("somebody made it SUSPENDED")), "{:?}", stays.warnings);
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_that_failed_is_asked_for_by_the_next_apply() {
    let rig = Rig::new().await;
    let manifest = to_be_started(&rig).await;
    rig.fake.next_run(RunOutcome::MainThrows("no such topic".into()));
    let done = apply(&rig, &manifest, false, None).await;
    assert_eq!(done.problem, None);
    let state = rig.ended(&done.operation_id.unwrap()).await.state;
    assert!(matches!(state, OpState::Failed | OpState::FailedNoEffect), "{state}");
    let again = apply(&rig, &manifest, false, None).await;
    assert_eq!((again.problem, again.operation_kind), (None, Some(Kind::Start)), "{:?}", again.warnings);
    assert_eq!(rig.ended(&again.operation_id.unwrap()).await.state, OpState::Succeeded);
    rig.end().await;
}

/// A manifest that creates a deployment at rest is at rest as it says: the next apply finds nothing to tell.
#[rstest::rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deployment_that_is_created_at_rest_is_as_its_manifest_says(
    #[values("SUSPENDED", "CANCELLED")] state: &str,
) {
    let rig = Rig::new().await;
    let sha = rig.jar("v1").await;
    let artifact = json!({ "sha256": sha, "jar": "payments-v1.jar", "version": "v1" });
    let spec = json!({ "target": "fake", "state": state, "artifact": artifact });
    let manifest = document("Deployment", Some(APP), "prod", spec);
    assert_eq!(apply(&rig, &manifest, false, None).await.action, ApplyAction::Create);
    let again = apply(&rig, &manifest, false, None).await;
    assert_eq!((again.action, again.warnings), (ApplyAction::Unchanged, vec![]));
    let seen = rig.seen("prod");
    assert_eq!((seen.desired.as_str(), seen.drift), (state, None));
    rig.end().await;
}
