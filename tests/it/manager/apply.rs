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

use super::{
    check,
    rig::{APP, Rig, document, name, start, who},
};

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
    check(&*rig.store, &rig.fake).await;
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
    check(&*rig.store, &rig.fake).await;
}
