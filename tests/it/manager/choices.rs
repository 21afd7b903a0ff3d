//! What a person decides: which snapshot counts, what is given up, what an abandoned operation leaves.

use nutkin::{
    contract::{
        intent::{Adopt, Choose, Fork, Intent, Reset, Start, Upgrade, Verb},
        model,
        plan::{Confirmation, Submitted},
        problem::Code,
    },
    domain::{
        deployment::{ConditionType, Observed},
        operation::{ChoiceId, OpState},
    },
};
use rstest::rstest;
use serde_json::json;

use super::rig::*;
use crate::fake::{Fake, Fault, Phase, SavepointOutcome, Settings, Tasks};

const fn choose(choice: ChoiceId, location: Option<String>) -> Choose {
    Choose { choice, location, reason: None }
}

/// Where somebody may look, a place that a person names is looked at before it becomes a restore point.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_that_a_person_names_must_be_there() {
    let rig = Rig::new().await;
    rig.running("prod", json!({})).await;
    rig.fake.next_savepoint(SavepointOutcome::Held);
    let op = rig.submit("prod", suspend()).await.unwrap();
    rig.fake.wait_until("the stop arrived", DEADLINE, |w| w.journal.iter().any(|a| a.route == "stop"));
    rig.fake.restart_without_memory();
    assert_eq!(rig.ended(&op.operation_id).await.state, OpState::NeedsAttention);
    let place = rig.savepoints.join("by-hand");
    let at = || choose(ChoiceId::SavepointAt, Some(format!("file:{}", place.display())));
    for metadata in [false, true] {
        let refused = rig.manager.choose(&op.operation_id, at(), &who(), None).await.unwrap_err();
        assert_eq!(refused.code, Code::BadRequest, "{refused:?}");
        assert_eq!(
            rig.manager.plan_choice(&op.operation_id, &at()).await.unwrap_err().code,
            Code::BadRequest
        );
        std::fs::create_dir_all(&place).unwrap();
        if metadata {
            std::fs::write(place.join("_metadata"), b"state").unwrap();
        }
    }
    let child = rig.manager.choose(&op.operation_id, at(), &who(), None).await.unwrap();
    assert_eq!(rig.ended(&child.operation_id).await.state, OpState::Succeeded);
    rig.end().await;
}

/// The job of an abandoned cancel lives on; when somebody else ends it some day, that is not our doing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_after_an_abandoned_cancel_is_somebody_elses() {
    let rig = Rig::new().await;
    rig.running("prod", json!({})).await;
    let job = rig.seen("prod").job.unwrap().flink_job_id;
    rig.fake.fault(Fault::on("PATCH /jobs/*", Phase::Before).answer(403, "no").times(usize::MAX));
    let op = rig.act("prod", cancel()).await;
    assert_eq!(op.state, OpState::NeedsAttention, "{op:#?}");
    rig.manager.choose(&op.operation_id, choose(ChoiceId::Abandon, None), &who(), None).await.unwrap();
    rig.fake.clear_faults();
    rig.fake.set_job_state(&job, "CANCELED");
    rig.eventually("its end is seen", || rig.seen("prod").observed == Observed::Cancelled).await;
    let conditions = rig.seen("prod").conditions;
    assert!(conditions.iter().any(|c| c.kind == ConditionType::Drifted), "{conditions:#?}");
    rig.end().await;
}

/// I4: no checkpoint outlives this job, and there is no savepoint: beginning empty is a person's decision.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deployment_that_had_come_some_way_does_not_begin_empty_by_itself() {
    let rig = Rig::new().await;
    let keeps_none =
        json!({ "execution.checkpointing.externalized-checkpoint-retention": "DELETE_ON_CANCELLATION" });
    rig.running("prod", json!({ "flinkConfiguration": keeps_none })).await;
    rig.eventually("a checkpoint is in the books", || rig.seen("prod").last_checkpoint.is_some()).await;
    let job = rig.seen("prod").job.unwrap().flink_job_id;
    rig.fake.fail_job(&job, "boom");
    rig.eventually("its end is seen", || rig.seen("prod").observed == Observed::Failed).await;
    assert_eq!(rig.savepoints("prod").await, [], "nothing is left of it");
    let plan = rig.plan("prod", start()).await.unwrap();
    assert_eq!(plan.confirmation, Confirmation::TypeName, "{plan:#?}");
    assert!(plan.warnings.iter().any(|w| w.contains("all of it is lost")), "{:?}", plan.warnings);
    let op = rig.act("prod", start()).await;
    assert_eq!(op.state, OpState::Succeeded, "{op:#?}");
    rig.end().await;
}

/// A reset is for the next start, as the past was when a person chose: a newer snapshot ends it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_snapshot_disarms_a_reset() {
    let rig = Rig::new().await;
    rig.running("prod", json!({})).await;
    rig.act("prod", take()).await;
    let old = rig.savepoints("prod").await.remove(0);
    let job = rig.seen("prod").job.unwrap().flink_job_id;
    rig.act("prod", suspend()).await;
    let reset = Verb::Reset(Reset { savepoint: old.savepoint_id.clone(), ..Reset::default() });
    assert_eq!(rig.act("prod", reset).await.state, OpState::Succeeded);
    assert_eq!(rig.seen("prod").next_restore_point.unwrap().location, old.location);
    rig.fake.revive_job(&job);
    rig.eventually("it lives again", || rig.seen("prod").observed == Observed::Running).await;
    assert_eq!(rig.act("prod", take()).await.state, OpState::Succeeded);
    rig.logged("prod", "RESET_DISARMED").await;
    assert_ne!(rig.seen("prod").next_restore_point.unwrap().location, old.location);
    // Not `Rig::end`: the story leaves a job alive that the books have seen end.
    rig.manager.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fork_may_found_an_application_and_keeps_the_labels() {
    let rig = Rig::new().await;
    let sha = rig.jar("v1").await;
    let spec = json!({ "target": "fake", "artifact": { "sha256": sha, "jar": "payments-v1.jar" } });
    let mut labelled = document("Deployment", Some(APP), "prod", spec);
    labelled.metadata.labels.insert("region".into(), "eu".into());
    rig.apply(vec![labelled]).await;
    let fork = Fork { new_deployment: "fraud/blue".into(), from: Some("none".into()), ..Fork::default() };
    assert_eq!(rig.act("prod", Verb::Fork(fork)).await.state, OpState::Succeeded);
    let new = rig.manager.deployment(&"fraud/blue".parse().unwrap()).unwrap();
    assert_eq!(new.labels.get("region").map(String::as_str), Some("eu"));
    assert!(rig.manager.application("fraud").is_ok(), "the console finds it under its application");
    rig.end().await;
}

/// What a job of somebody else waits for may be taken by it when ours gives it back.
#[rstest]
#[case::enough_for_all(1, false)]
#[case::somebody_waits(1000, true)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_that_wait_for_slots_are_named_before_a_stop(#[case] parallelism: u32, #[case] waits: bool) {
    let rig = Rig::new().await;
    rig.running("prod", json!({})).await;
    let spec = crate::fake::JobSpec { parallelism, name: "batch import".into(), ..Default::default() };
    let theirs = rig.fake.add_job(spec);
    let settled = |rig: &Rig| rig.fake.job(&theirs).is_some_and(|j| (j.tasks == Tasks::Running) != waits);
    rig.eventually("it runs or waits", || settled(&rig)).await;
    let plan = rig.plan("prod", restart()).await.unwrap();
    let queue = plan.checks.iter().find(|c| c.name == "queue");
    assert_eq!(queue.is_some_and(|c| c.message.contains("batch import")), waits, "{:?}", plan.checks);
    rig.end().await;
}

/// The card of the commonest act at night names the rewind.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn going_on_from_the_last_checkpoint_names_its_age() {
    let rig = Rig::new().await;
    rig.running("prod", json!({})).await;
    rig.eventually("a checkpoint is in the books", || rig.seen("prod").last_checkpoint.is_some()).await;
    let verb =
        Verb::Upgrade(Box::new(Upgrade { from: Some("last-checkpoint".into()), ..Upgrade::default() }));
    let plan = rig.plan("prod", verb).await.unwrap();
    assert!(plan.rewind_seconds.is_some(), "{plan:#?}");
    rig.end().await;
}

/// Each verb goes on from what it has a word for; another verb's word is never taken for a savepoint's id.
#[rstest]
#[case::live_job_latest("latest", false)]
#[case::live_job_none("none", false)]
#[case::live_job_last_checkpoint("last-checkpoint", true)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upgrade_knows_its_words(#[case] from: &str, #[case] taken: bool) {
    let rig = Rig::new().await;
    rig.running("prod", json!({})).await;
    let verb = Verb::Upgrade(Box::new(Upgrade { from: Some(from.into()), ..Upgrade::default() }));
    match rig.plan("prod", verb).await {
        Ok(_) => assert!(taken),
        Err(p) => {
            assert!(!taken && p.code == Code::BadRequest, "{p:?}");
            assert!(p.hint.unwrap().contains("last-checkpoint"));
        }
    }
    rig.end().await;
}

/// A fork's snapshot must be readable where the fork lives.
#[rstest]
#[case::a_new_savepoint(None)]
#[case::an_existing_one(Some("latest"))]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fork_to_an_older_flink_is_refused_before_anything_is_taken(#[case] from: Option<&str>) {
    let rig = Rig::new().await;
    rig.running("prod", json!({})).await;
    assert_eq!(rig.act("prod", take()).await.state, OpState::Succeeded);
    let older = Fake::start(Settings { version: "1.20.5".into(), ..Settings::default() });
    let spec = json!({ "url": older.url() });
    rig.apply(vec![document("Target", None, "older", spec)]).await;
    rig.eventually("its version is known", || rig.manager.target("older").unwrap().flink_version.is_some())
        .await;
    let fork = Fork {
        new_deployment: "pay/blue".into(),
        target: Some("older".into()),
        from: from.map(str::to_owned),
        ..Fork::default()
    };
    let refused = rig.submit("prod", Verb::Fork(fork)).await.unwrap_err();
    assert_eq!(refused.code, Code::PreflightFailed, "{refused:?}");
    assert!(refused.detail.contains("1.20.5 cannot read it"), "{refused:?}");
    assert_eq!(rig.fake.acts("savepoint").len(), 1, "no other one was taken");
    rig.end().await;
}

/// A target that takes no submissions starts no fork, and says so before anything is created.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_takes_no_submissions_says_so() {
    let rig = Rig::new().await;
    rig.running("prod", json!({})).await;
    let closed = Fake::start(Settings { web_submit: false, ..Settings::default() });
    rig.apply(vec![document("Target", None, "closed", json!({ "url": closed.url() }))]).await;
    rig.eventually("it answers", || rig.manager.target("closed").unwrap().reachable == Some(true)).await;
    let fork = |start| {
        let new_deployment = "pay/blue".into();
        let (target, from) = (Some("closed".into()), Some("none".into()));
        Verb::Fork(Fork { new_deployment, target, from, start, ..Fork::default() })
    };
    let refused = rig.submit("prod", fork(true)).await.unwrap_err();
    assert!(refused.detail.contains("takes no submissions"), "{refused:?}");
    assert_eq!(rig.act("prod", fork(false)).await.state, OpState::Succeeded, "it is only created");
    let refused = rig.submit("blue", start()).await.unwrap_err();
    assert!(refused.detail.contains("takes no submissions"), "{refused:?}");
    rig.end().await;
}

/// A job of a cluster that takes no submissions has a supervisor, which may start it again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_somebody_else_starts_may_come_back() {
    let closed = Settings { web_submit: false, ..Settings::default() };
    let rig = Rig::with(closed, json!({ "savepointAccess": "LOCAL" })).await;
    let job = rig.fake.add_job(Default::default());
    rig.eventually("it runs", || rig.fake.job(&job).is_some_and(|j| j.tasks == Tasks::Running)).await;
    let request = Adopt { deployment: name("prod").to_string(), ..Adopt::default() };
    let adopt = Intent::Adopt { target: "fake".into(), flink_job: job.parse().unwrap(), request };
    let Submitted::Operation(op) = rig.manager.submit(adopt, &who(), false, None).await.unwrap() else {
        panic!()
    };
    assert_eq!(rig.ended(&op.operation_id).await.state, OpState::Succeeded);
    for verb in [suspend(), cancel()] {
        let plan = rig.plan("prod", verb).await.unwrap();
        assert!(plan.warnings.iter().any(|w| w.contains("may start it again")), "{:?}", plan.warnings);
    }
    assert_eq!(rig.act("prod", suspend()).await.state, OpState::Succeeded);
    rig.end().await;
}

/// Going back on purpose is a deviation too: a reset to an older snapshot is agreed to by name, as every other way is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reset_to_an_older_snapshot_asks_for_the_name() {
    let rig = Rig::new().await;
    rig.running("prod", json!({})).await;
    rig.act("prod", take()).await;
    let old = rig.savepoints("prod").await.remove(0);
    rig.act("prod", suspend()).await;
    let newest = rig.savepoints("prod").await.into_iter().find(|s| s.is_final).unwrap();
    let plan = async |to: &model::Savepoint| {
        let reset = Reset { savepoint: to.savepoint_id.clone(), ..Reset::default() };
        rig.plan("prod", Verb::Reset(reset)).await.unwrap().confirmation
    };
    assert_eq!(plan(&old).await, Confirmation::TypeName);
    assert_eq!(plan(&newest).await, Confirmation::None, "nothing is given up");
    rig.end().await;
}

/// A job whose JobManager was lost with it has no end that anybody saw: once another one runs, it is over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_job_is_over_when_the_next_one_runs() {
    let rig = Rig::new().await;
    rig.running("prod", json!({})).await;
    let lost = rig.seen("prod").job.unwrap().flink_job_id;
    rig.fake.restart_without_memory();
    rig.logged("prod", "JOB_LOST").await;
    let op = rig.act("prod", start()).await;
    assert_eq!(op.state, OpState::Succeeded, "{op:#?}");
    let all = rig.manager.jobs(Some(&name("prod")), 10).await.unwrap();
    let old = all.iter().find(|j| j.flink_job_id == lost).unwrap();
    assert!(old.ended_at.is_some() && all.iter().filter(|j| j.ended_at.is_none()).count() == 1, "{all:#?}");
    rig.end().await;
}

/// After a start that began empty the newest snapshot by the clock is not the one with the deployment's state.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_follows_the_history_and_not_the_clock() {
    let mut rig = Rig::new().await;
    rig.running("prod", json!({})).await;
    rig.act("prod", suspend()).await;
    let rich = rig.savepoints("prod").await.into_iter().find(|s| s.is_final).unwrap();
    let from = |from: &str| Verb::Start(Start { from: Some(from.into()), ..Start::default() });
    assert_eq!(rig.act("prod", from("none")).await.state, OpState::Succeeded);
    rig.act("prod", suspend()).await;
    let poor = rig.seen("prod").next_restore_point.unwrap().location;
    assert_ne!(poor, rich.location, "the present history began empty");
    let back = rig.plan("prod", from(&rich.savepoint_id)).await.unwrap();
    assert_eq!(back.confirmation, Confirmation::TypeName, "another history than the present one");
    assert_eq!(rig.act("prod", from(&rich.savepoint_id)).await.state, OpState::Succeeded);
    // The job leaves nothing of its own: what it came from is what there is of its history, also for the next manager.
    let job = rig.seen("prod").job.unwrap().flink_job_id;
    rig.fake.set_job_state(&job, "FINISHED");
    rig.eventually("its end is seen", || rig.seen("prod").observed == Observed::Finished).await;
    for restarted in [false, true] {
        if restarted {
            rig.restart().await;
        }
        assert_eq!(rig.seen("prod").next_restore_point.unwrap().location, rich.location, "{restarted}");
    }
    rig.end().await;
}
