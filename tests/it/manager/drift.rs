//! A changed default is not applied silently: it is shown as drift with the difference, and an upgrade takes it over.

use nutkin::{
    contract::intent::{Document, Upgrade, Verb},
    domain::{
        deployment::ConditionType,
        operation::{Kind, OpState},
        spec::Layer,
    },
};
use rstest::rstest;
use serde_json::json;

use super::rig::{APP, Rig, document, name};

/// The application with a default for its deployments.
async fn application(_: &Rig) -> Document {
    let defaults = json!({ "flinkConfiguration": { "restart-strategy.type": "fixed-delay" } });
    document("Application", None, APP, json!({ "defaults": defaults }))
}

/// The target with a default for its deployments.
async fn target(rig: &Rig) -> Document {
    let mut doc = rig.manager.document("Target", "fake").await.unwrap();
    doc.spec["defaults"] = json!({ "flinkConfiguration": { "restart-strategy.type": "fixed-delay" } });
    doc
}

#[rstest]
#[case::of_the_application(Layer::Application)]
#[case::of_the_target(Layer::Target)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_default_is_drift_until_an_upgrade_takes_it_over(#[case] layer: Layer) {
    let rig = Rig::new().await;
    rig.running("prod", json!({})).await;
    assert_eq!(rig.seen("prod").drift, None);
    let (job, acts) = (rig.seen("prod").job.unwrap().flink_job_id, rig.fake.journal().len());
    let changed = match layer {
        Layer::Target => target(&rig).await,
        _ => application(&rig).await,
    };
    rig.apply(vec![changed]).await;

    let seen = rig.seen("prod");
    let drift = seen.drift.expect("it is shown");
    let paths: Vec<&str> = drift.differences.iter().map(|d| d.path.as_str()).collect();
    assert_eq!(paths, ["flinkConfiguration/restart-strategy.type"]);
    assert_eq!((&drift.differences[0].old, &drift.differences[0].new), (&json!(null), &json!("fixed-delay")));
    assert!(drift.summary.contains("revision 1"), "{}", drift.summary);
    assert!(seen.conditions.iter().any(|c| c.kind == ConditionType::Drifted), "{:?}", seen.conditions);
    assert_eq!((seen.revision, rig.fake.journal().len()), (Some(1), acts), "nothing was applied silently");
    assert_eq!(seen.job.unwrap().flink_job_id, job);

    let upgrade = || Verb::Upgrade(Box::default());
    let plan = rig.plan("prod", upgrade()).await.unwrap();
    assert_eq!((plan.kind, plan.revision_next), (Kind::Upgrade, Some(2)), "{plan:#?}");
    assert!(plan.diff.iter().any(|d| d.path == paths[0]), "{:#?}", plan.diff);
    let op = rig.act("prod", Verb::Upgrade(Box::<Upgrade>::default())).await;
    assert_eq!(op.state, OpState::Succeeded, "{op:#?}");
    let seen = rig.seen("prod");
    assert_eq!((seen.revision, seen.drift), (Some(2), None));
    let newest = rig.manager.revisions(&name("prod")).await.unwrap().remove(0);
    assert_eq!(newest.provenance[paths[0]], layer);
    let sent = rig.fake.world().submissions.last().unwrap().1.clone();
    assert_eq!(sent["flinkConfiguration"]["restart-strategy.type"], "fixed-delay");
    assert!(!seen.conditions.iter().any(|c| c.kind == ConditionType::Drifted));
    rig.end().await;
}
