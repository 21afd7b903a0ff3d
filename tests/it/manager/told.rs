//! What the watcher tells of itself: conditions that come and go, targets, jobs and savepoints of others, in the log.

use std::time::Duration;

use nutkin::{
    contract::{
        intent::{DisposeSavepoint, Intent, Meta, Upgrade, Verb},
        model,
        plan::Submitted,
        watch::Interest,
    },
    domain::{
        deployment::ConditionType,
        operation::OpState,
        savepoint::{Origin, Status},
    },
    manager::{EventFilter, Subscription},
};
use serde_json::json;

use super::rig::{DEADLINE, REASON, Rig, name, take, who};
use crate::fake::{JobSpec, Settings};

fn holds(rig: &Rig, kind: ConditionType) -> bool {
    rig.seen("prod").conditions.iter().any(|c| c.kind == kind)
}

/// Somebody looks at `pay/prod`, which is asked about as often as Flink has news.
async fn looking(rig: &Rig) -> Subscription {
    let watch = rig.manager.subscribe(None).await;
    rig.manager.set_interest(&watch.id, Interest { deployments: vec!["pay/prod".into()] }).unwrap();
    watch
}

async fn running(settings: Settings, spec: serde_json::Value) -> (Rig, String, Subscription) {
    let rig = Rig::with(settings, json!({ "savepointAccess": "LOCAL" })).await;
    rig.running("prod", spec).await;
    let watch = looking(&rig).await;
    let job = rig.seen("prod").job.unwrap().flink_job_id;
    (rig, job, watch)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_restarts_again_and_again_is_unstable() {
    let settings = Settings { restarts: true, cache: Duration::ZERO, ..Settings::default() };
    let (rig, job, _watch) = running(settings, json!({})).await;
    assert!(!holds(&rig, ConditionType::JobUnstable));
    rig.fake.loop_restarts(&job, "java.lang.Error: boom");
    rig.eventually("it is unstable", || holds(&rig, ConditionType::JobUnstable)).await;
    let told = rig.told("CONDITION_CHANGED", "JobUnstable: ").await;
    assert!(told.message.ends_with("restarts in ten minutes"), "{}", told.message);
    assert_eq!(told.deployment.as_deref(), Some("pay/prod"));
    rig.told("JOB_RESTARTED", "").await;
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_without_new_checkpoints_is_stale_until_one_comes() {
    let settings = Settings { cache: Duration::ZERO, ..Settings::default() };
    let spec = json!({ "flinkConfiguration": {
        "execution.checkpointing.interval": "200ms", "execution.checkpointing.timeout": "1s",
    }});
    let (rig, job, _watch) = running(settings, spec).await;
    rig.eventually("a checkpoint is seen", || rig.seen("prod").last_checkpoint.is_some()).await;
    assert!(!holds(&rig, ConditionType::CheckpointStale));
    rig.fake.world().settings.checkpoint_every = None;
    rig.eventually("it is stale", || holds(&rig, ConditionType::CheckpointStale)).await;
    rig.told("CONDITION_CHANGED", "CheckpointStale: the newest checkpoint was ").await;
    rig.fake.world().settings.checkpoint_every = Some(Duration::from_millis(100));
    rig.eventually("it is not any more", || !holds(&rig, ConditionType::CheckpointStale)).await;
    rig.told("CONDITION_CHANGED", "CheckpointStale no longer holds").await;
    assert!(rig.fake.job(&job).unwrap().is_running());
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_checkpoint_is_told_with_its_reason() {
    let settings = Settings { checkpoint_every: None, cache: Duration::ZERO, ..Settings::default() };
    let (rig, job, _watch) = running(settings, json!({ "probation": { "checkpoints": 0 } })).await;
    rig.fake.checkpoint(&job);
    rig.eventually("a checkpoint is seen", || rig.seen("prod").last_checkpoint.is_some()).await;
    rig.fake.fail_checkpoint(&job, "Checkpoint expired before completing.");
    let told = rig.told("CHECKPOINT_FAILED", "#2 failed: ").await;
    assert!(told.message.contains("Checkpoint expired before completing."), "{}", told.message);
    assert_eq!(told.deployment.as_deref(), Some("pay/prod"));
    rig.end().await;
}

/// Whether targets answer, as the log has it, oldest first.
async fn of_targets(rig: &Rig) -> Vec<String> {
    let all = rig.manager.events(&EventFilter::default()).await.unwrap();
    let names = all.into_iter().rev().map(|e| e.name);
    names.filter(|n| ["TARGET_REACHABLE", "TARGET_UNREACHABLE"].contains(&n.as_str())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_falls_silent_and_answers_again_is_told() {
    let rig = Rig::new().await;
    let first = rig.told("TARGET_REACHABLE", "fake answers, Flink 2.3.0").await;
    rig.fake.down();
    let silent = rig.told("TARGET_UNREACHABLE", "fake: ").await;
    assert!(silent.seq > first.seq && silent.deployment.is_none());
    rig.fake.up();
    // What is shown is there before its event is.
    let again = async {
        loop {
            let names = of_targets(&rig).await;
            if names.len() > 2 {
                return names;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let names = tokio::time::timeout(DEADLINE, again).await.expect("it answers again in time");
    assert_eq!(names, ["TARGET_REACHABLE", "TARGET_UNREACHABLE", "TARGET_REACHABLE"], "once each");
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_and_savepoints_of_others_are_told() {
    let settings = Settings { cache: Duration::ZERO, ..Settings::default() };
    let (rig, job, _watch) = running(settings, json!({})).await;
    let theirs = rig.fake.add_job(JobSpec { name: "theirs".into(), ..JobSpec::default() });
    let told = rig.told("UNMANAGED_JOB_SEEN", &theirs).await;
    assert!(told.message.contains("fake") && told.message.contains("theirs"), "{}", told.message);

    let number = rig.fake.begin_savepoint(&job);
    rig.fake.complete_savepoint(&job, number, "s3://theirs/savepoint-1");
    let told = rig.told("SAVEPOINT_REGISTERED", "s3://theirs/savepoint-1").await;
    assert_eq!(told.deployment.as_deref(), Some("pay/prod"));
    let found = rig.savepoints("prod").await;
    assert!(found.iter().any(|s| s.origin == Origin::Adopted && s.status == Status::Completed), "{found:#?}");
    rig.end().await;
}

async fn dispose(rig: &Rig, sp: &model::Savepoint) -> model::Operation {
    let meta =
        Meta { confirm: Some(name("prod").to_string()), reason: Some(REASON.into()), ..Meta::default() };
    let (savepoint, request) = (sp.savepoint_id.clone(), DisposeSavepoint { meta });
    let intent = Intent::Dispose { savepoint, request };
    match rig.manager.submit(intent, &who(), false, None).await.unwrap() {
        Submitted::Operation(op) => rig.ended(&op.operation_id).await,
        Submitted::Plan(p) => panic!("{p:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revision_and_the_end_of_a_savepoint_are_told() {
    let rig = Rig::new().await;
    rig.running("prod", json!({})).await;
    for _ in 0..2 {
        assert_eq!(rig.act("prod", take()).await.state, OpState::Succeeded);
    }
    let older = rig.savepoints("prod").await.into_iter().min_by_key(|s| s.triggered_at).unwrap();
    assert_eq!(dispose(&rig, &older).await.state, OpState::Succeeded);
    let told = rig.told("SAVEPOINT_DELETED", "").await;
    assert_eq!((told.deployment.as_deref(), told.actor.as_str()), (Some("pay/prod"), "alice"));

    let upgrade = Upgrade { parallelism: Some(2), ..Upgrade::default() };
    assert_eq!(rig.act("prod", Verb::Upgrade(Box::new(upgrade))).await.state, OpState::Succeeded);
    let told = rig.told("REVISION_CREATED", "revision 2 of pay/prod: payments-v1@v1").await;
    assert_eq!(told.actor, "alice");
    // What changes nothing of the spec makes no revision.
    assert_eq!(rig.act("prod", super::rig::restart()).await.state, OpState::Succeeded);
    let events = rig.events("prod").await;
    assert_eq!(events.iter().filter(|e| *e == "REVISION_CREATED").count(), 1, "{events:?}");
    rig.end().await;
}
