//! Snapshots that are easily lost: what a person has named, what a stop that failed has left, what a cancelled job leaves,
//! what an abandoned deletion may have spared.

use nutkin::{
    contract::{
        intent::{
            Adopt, Choose, DisposeSavepoint, Fork, ImportSavepoint, Intent, Meta, Reset, Upgrade, Verb,
        },
        model,
        plan::Submitted,
        problem::Code,
    },
    domain::{
        deployment::Observed,
        operation::{ChoiceId, OpState, evidence::Patience},
        savepoint::{Origin, Status},
    },
};
use serde_json::json;

use super::rig::*;
use crate::fake::{Fault, JobSpec, Phase, RunOutcome, SavepointOutcome, Settings};

const fn choose(choice: ChoiceId, location: Option<String>) -> Choose {
    Choose { choice, location, reason: None }
}

/// Silence is soon long.
fn short() -> Patience {
    Patience { silence: std::time::Duration::from_millis(800), ..fast() }
}

fn fork(from: &str) -> Verb {
    Verb::Fork(Fork {
        new_deployment: "pay/blue".into(),
        from: Some(from.into()),
        start: true,
        ..Fork::default()
    })
}

async fn began_from(rig: &Rig, n: &str) -> Option<String> {
    rig.eventually("it runs", || {
        rig.manager.deployment(&name(n)).is_ok_and(|d| d.observed == Observed::Running)
    })
    .await;
    rig.seen(n).job.unwrap().restored_from.map(|r| r.location)
}

/// I4: what a person names in place of the savepoint that was lost is what the fork begins from.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fork_begins_from_the_snapshot_that_a_person_named() {
    let rig = Rig::patient(Settings::default(), json!({ "savepointAccess": "LOCAL" }), short()).await;
    rig.running("prod", json!({})).await;
    assert_eq!(rig.act("prod", take()).await.state, OpState::Succeeded);
    let place = rig.savepoints("prod").await.remove(0).location.unwrap();
    rig.fake.next_savepoint(SavepointOutcome::Held);
    let op = rig.submit("prod", fork("new")).await.unwrap();
    rig.eventually("the savepoint is asked for", || rig.fake.acts("savepoint").len() == 2).await;
    rig.fake.down();
    assert_eq!(rig.ended(&op.operation_id).await.state, OpState::NeedsAttention);
    rig.fake.up();
    rig.eventually("it answers", || rig.manager.target("fake").unwrap().reachable == Some(true)).await;
    let named = choose(ChoiceId::SavepointAt, Some(place.clone()));
    let child = rig.manager.choose(&op.operation_id, named, &who(), None).await.unwrap();
    assert_eq!(rig.ended(&child.operation_id).await.state, OpState::Succeeded);
    assert_eq!(began_from(&rig, "blue").await, Some(place.clone()));
    let at_place = rig.savepoints("prod").await.into_iter().filter(|s| s.location.as_ref() == Some(&place));
    assert_eq!(at_place.count(), 1, "it was in the catalogue already");
    rig.manager.stop().await;
}

/// A snapshot that was chosen for the next start counts more than the lasting wish to begin empty.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chosen_savepoint_is_restored_though_the_strategy_begins_empty() {
    let rig = Rig::new().await;
    rig.running("prod", json!({ "restoreStrategy": "NONE" })).await;
    assert_eq!(rig.act("prod", fork("new")).await.state, OpState::Succeeded);
    assert!(began_from(&rig, "blue").await.is_some());
    assert_eq!(rig.act("prod", suspend()).await.state, OpState::Succeeded);
    let last = rig.savepoints("prod").await.into_iter().find(|s| s.is_final).unwrap();
    let reset = Verb::Reset(Reset { savepoint: last.savepoint_id, ..Reset::default() });
    assert_eq!(rig.act("prod", reset).await.state, OpState::Succeeded);
    assert_eq!(rig.act("prod", start()).await.state, OpState::Succeeded);
    assert_eq!(began_from(&rig, "prod").await, last.location);
    rig.manager.stop().await;
}

/// I5: the job failed while it was being stopped, and its savepoint is whole.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_whole_savepoint_of_a_failed_stop_is_a_restore_point() {
    let rig = Rig::new().await;
    rig.running("prod", json!({})).await;
    rig.fake.next_savepoint(SavepointOutcome::JobFails("disk full".into()));
    let op = rig.act("prod", suspend()).await;
    assert_eq!(op.state, OpState::NeedsAttention, "{op:#?}");
    let left = rig.savepoints("prod").await.into_iter().find(|s| s.origin == Origin::Suspend).unwrap();
    assert_eq!((left.status, left.is_final), (Status::Completed, false), "{left:#?}");
    rig.manager.choose(&op.operation_id, choose(ChoiceId::Abandon, None), &who(), None).await.unwrap();
    assert_eq!(rig.act("prod", start()).await.state, OpState::Succeeded);
    assert_eq!(began_from(&rig, "prod").await, left.location);
    rig.end().await;
}

/// I5: a job that is cancelled for another restore point leaves its newest checkpoint.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_is_cancelled_for_another_one_leaves_its_checkpoint() {
    let rig = Rig::new().await;
    rig.running("prod", json!({})).await;
    assert_eq!(rig.act("prod", take()).await.state, OpState::Succeeded);
    let older = rig.savepoints("prod").await.remove(0);
    let job = rig.seen("prod").job.unwrap().flink_job_id;
    let newest = rig.fake.checkpoint(&job);
    let reset = Reset { savepoint: older.savepoint_id, cancel_and_start: true, ..Reset::default() };
    assert_eq!(rig.act("prod", Verb::Reset(reset)).await.state, OpState::Succeeded);
    assert_eq!(began_from(&rig, "prod").await, older.location);
    let all = rig.savepoints("prod").await;
    let left =
        all.iter().find(|s| s.flink_job_id.as_ref() == Some(&job) && s.origin == Origin::RetainedCheckpoint);
    let number = |place: &str| place.rsplit("chk-").next().unwrap().parse::<u64>().unwrap();
    let left = left.and_then(|s| s.location.clone()).unwrap_or_else(|| panic!("{all:#?}"));
    assert!(number(&left) >= number(&newest), "{left} {newest}");
    rig.end().await;
}

/// Whether Flink has deleted them is not known: they can be entered again, and deleted again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_files_of_an_abandoned_deletion_can_be_entered_again() {
    let rig = Rig::patient(Settings::default(), json!({ "savepointAccess": "LOCAL" }), short()).await;
    rig.running("prod", json!({})).await;
    for _ in 0..2 {
        assert_eq!(rig.act("prod", take()).await.state, OpState::Succeeded);
    }
    let older = rig.savepoints("prod").await.pop().unwrap();
    rig.fake.fault(Fault::on("POST /savepoint-disposal", Phase::Before).cut().times(usize::MAX));
    let meta = Meta { confirm: Some("pay/prod".into()), ..Meta::default() };
    let (savepoint, request) = (older.savepoint_id.clone(), DisposeSavepoint { meta });
    let asked =
        rig.manager.submit(Intent::Dispose { savepoint, request }, &who(), false, None).await.unwrap();
    let Submitted::Operation(op) = asked else { panic!("{asked:?}") };
    assert_eq!(rig.ended(&op.operation_id).await.state, OpState::NeedsAttention);
    rig.manager.choose(&op.operation_id, choose(ChoiceId::Abandon, None), &who(), None).await.unwrap();
    let status = |all: Vec<model::Savepoint>| {
        all.into_iter().find(|s| s.savepoint_id == older.savepoint_id).unwrap().status
    };
    assert_eq!(status(rig.savepoints("prod").await), Status::FailedDeletion);
    let meta = Meta { yes: true, ..Meta::default() };
    let location = older.location.clone().unwrap();
    let import =
        Intent::Import(ImportSavepoint { deployment: "pay/prod".into(), location, label: None, meta });
    let entered = rig.manager.submit(import, &who(), false, None).await.unwrap();
    let Submitted::Operation(op) = entered else { panic!("{entered:?}") };
    assert_eq!(rig.ended(&op.operation_id).await.state, OpState::Succeeded);
    rig.end().await;
}

/// What nobody has looked at yet may live: a manifest is not written as if nothing ran.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_manifest_for_a_job_that_nobody_sees_waits_for_its_cluster() {
    let mut rig = Rig::new().await;
    rig.running("prod", json!({})).await;
    let before = rig.seen("prod");
    rig.fake.down();
    rig.restart().await;
    let sha = rig.jar("v2").await;
    let spec =
        json!({ "target": "fake", "artifact": { "sha256": sha, "jar": "payments-v2.jar", "version": "v2" } });
    let manifest = document("Deployment", Some(APP), "prod", spec);
    let meta = Meta { yes: true, ..Meta::default() };
    let apply = nutkin::contract::intent::Apply { documents: vec![manifest], meta, ..Default::default() };
    let refused = rig.manager.apply(apply, &who(), false, None).await.unwrap().remove(0).problem.unwrap();
    assert_eq!(refused.code, Code::TargetUnreachable, "{refused:?}");
    assert_eq!(rig.seen("prod").revision, before.revision, "the books name the revision that runs");
    rig.fake.up();
    rig.end().await;
}

/// Nothing of an adopted job's program is guessed, whoever asks for its successor.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_manifest_must_say_all_of_an_adopted_jobs_program() {
    let rig = Rig::new().await;
    let job = rig.fake.add_job(JobSpec { parallelism: 4, name: "payments".into(), ..JobSpec::default() });
    rig.eventually("it is seen", || rig.manager.target("fake").is_ok_and(|t| t.jobs_running == Some(1)))
        .await;
    let meta = Meta { yes: true, ..Meta::default() };
    let request = Adopt { deployment: "pay/prod".into(), take_over: false, meta };
    let intent = Intent::Adopt { target: "fake".into(), flink_job: job.parse().unwrap(), request };
    let Submitted::Operation(op) = rig.manager.submit(intent, &who(), false, None).await.unwrap() else {
        panic!()
    };
    assert_eq!(rig.ended(&op.operation_id).await.state, OpState::Succeeded);
    let sha = rig.jar("v1").await;
    let said = json!({ "target": "fake", "parallelism": 4, "artifact": {
        "sha256": sha, "jar": "payments-v1.jar", "version": "v1", "entryClass": "io.example.Main", "args": [],
    } });
    let mut guessed = said.clone();
    guessed["artifact"].as_object_mut().unwrap().remove("args");
    let meta = Meta { yes: true, ..Meta::default() };
    let apply = |spec| nutkin::contract::intent::Apply {
        documents: vec![document("Deployment", Some(APP), "prod", spec)],
        meta: meta.clone(),
        force: true,
        ..Default::default()
    };
    let refused =
        rig.manager.apply(apply(guessed), &who(), true, None).await.unwrap().remove(0).problem.unwrap();
    assert!(refused.detail.contains("the arguments (--args"), "{refused:?}");
    let planned = rig.manager.apply(apply(said), &who(), true, None).await.unwrap().remove(0);
    assert!(planned.problem.is_none(), "{planned:?}");
    rig.manager.stop().await;
}

/// Flink's own words about a plan are an answer, whatever their status.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_that_does_not_compile_says_why() {
    let rig = Rig::with(Settings::default(), json!({ "savepointAccess": "LOCAL", "planCheck": true })).await;
    rig.running("prod", json!({})).await;
    let sha = rig.jar("v2").await;
    rig.fake.on_jar("v2", RunOutcome::NoMainClass);
    let upgrade = Upgrade { artifact: Some(sha.to_string()), ..Upgrade::default() };
    let op = rig.act("prod", Verb::Upgrade(Box::new(upgrade))).await;
    assert_eq!(op.state, OpState::FailedNoEffect, "{op:#?}");
    let why = op.error.unwrap().message;
    assert!(why.contains("Flink cannot compile the program's plan"), "{why}");
    rig.end().await;
}
