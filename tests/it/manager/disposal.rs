//! The deletion of snapshots: nothing that is needed is deleted, also when it was not needed a moment ago.

use std::sync::Arc;

use nutkin::{
    contract::{
        intent::{DisposeSavepoint, Intent, Meta, PatchSavepoint},
        model,
        plan::Submitted,
        problem::{Code, Problem},
    },
    domain::{operation::OpState, savepoint::Status},
};
use serde_json::json;

use super::rig::*;
use crate::fake::{Fault, Phase, SavepointOutcome};

async fn dispose(rig: &Rig, sp: &model::Savepoint) -> Result<model::Operation, Problem> {
    let meta =
        Meta { confirm: Some(name("prod").to_string()), reason: Some(REASON.into()), ..Meta::default() };
    let (savepoint, request) = (sp.savepoint_id.clone(), DisposeSavepoint { meta });
    match rig.manager.submit(Intent::Dispose { savepoint, request }, &who(), false, None).await? {
        Submitted::Operation(op) => Ok(*op),
        Submitted::Plan(p) => panic!("{p:?}"),
    }
}

async fn pin(rig: &Rig, sp: &model::Savepoint) -> Result<model::Savepoint, Problem> {
    let patch = PatchSavepoint { pinned: Some(true), label: None };
    rig.manager.patch_savepoint(&sp.savepoint_id, patch, &who(), false).await
}

/// `prod` runs and has two savepoints, the older one first.
async fn with_two_savepoints(rig: &Rig) -> [model::Savepoint; 2] {
    rig.running("prod", json!({})).await;
    for _ in 0..2 {
        assert_eq!(rig.act("prod", take()).await.state, OpState::Succeeded);
    }
    let mut all = rig.savepoints("prod").await;
    all.sort_by_key(|s| s.triggered_at);
    all.try_into().unwrap()
}

async fn status(rig: &Rig, sp: &model::Savepoint) -> Status {
    rig.savepoints("prod").await.into_iter().find(|s| s.savepoint_id == sp.savepoint_id).unwrap().status
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_being_deleted_cannot_be_pinned_any_more() {
    let rig = Rig::new().await;
    let [older, _] = with_two_savepoints(&rig).await;
    let asked = Arc::new(tokio::sync::Notify::new());
    let told = Arc::clone(&asked);
    rig.fake.fault(
        Fault::on("POST /savepoint-disposal", Phase::Before)
            .call(move || told.notify_one())
            .delay(std::time::Duration::from_millis(500)),
    );
    let op = dispose(&rig, &older).await.unwrap();
    asked.notified().await;
    assert_eq!(status(&rig, &older).await, Status::Deleting);
    let refused = pin(&rig, &older).await.unwrap_err();
    assert_eq!(refused.code, Code::WrongState, "{refused:?}");
    assert_eq!(rig.ended(&op.operation_id).await.state, OpState::Succeeded);
    assert_eq!(status(&rig, &older).await, Status::Deleted);
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_become_the_last_restore_point_is_not_deleted() {
    let rig = Rig::narrow().await;
    let [older, newer] = with_two_savepoints(&rig).await;
    rig.running("other", json!({})).await;
    rig.fake.next_savepoint(SavepointOutcome::Held);
    let first = rig.submit("other", take()).await.unwrap();
    let op = dispose(&rig, &older).await.unwrap();
    assert_eq!(rig.manager.operation(&op.operation_id).await.unwrap().state, OpState::Queued);
    assert_eq!(status(&rig, &older).await, Status::PendingDeletion);
    assert_eq!(pin(&rig, &older).await.unwrap_err().code, Code::WrongState);
    // While it waits, somebody removes the other one behind our back.
    let place = newer.location.clone().unwrap();
    std::fs::remove_dir_all(place.trim_start_matches("file:")).unwrap();
    rig.manager.check_target("fake").await.unwrap();
    assert_eq!(status(&rig, &newer).await, Status::Missing);
    rig.fake.release_savepoints();
    assert_eq!(rig.ended(&first.operation_id).await.state, OpState::Succeeded);
    let op = rig.ended(&op.operation_id).await;
    assert_eq!(op.state, OpState::FailedNoEffect, "{op:#?}");
    assert!(op.error.unwrap().message.contains("only restore point"));
    assert_eq!(status(&rig, &older).await, Status::Completed, "it is as it was");
    assert!(rig.fake.acts("dispose").is_empty(), "Flink was not asked");
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disposal_that_is_stopped_in_the_queue_leaves_everything() {
    let rig = Rig::narrow().await;
    let [older, _] = with_two_savepoints(&rig).await;
    rig.running("other", json!({})).await;
    rig.fake.next_savepoint(SavepointOutcome::Held);
    let first = rig.submit("other", take()).await.unwrap();
    let op = dispose(&rig, &older).await.unwrap();
    rig.manager.cancel_operation(&op.operation_id, &who()).await.unwrap();
    rig.fake.release_savepoints();
    assert_eq!(rig.ended(&first.operation_id).await.state, OpState::Succeeded);
    assert_eq!(rig.ended(&op.operation_id).await.state, OpState::Cancelled);
    assert_eq!(status(&rig, &older).await, Status::Completed);
    assert!(rig.fake.acts("dispose").is_empty());
    assert!(pin(&rig, &older).await.unwrap().pinned);
    rig.end().await;
}
