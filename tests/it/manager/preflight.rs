//! What is found before anything is stopped: jobs that have no savepoints, savepoints that a stop would make fail.

use std::time::Duration;

use nutkin::{
    contract::{intent::Verb, problem::Code},
    domain::operation::OpState,
};
use rstest::rstest;
use serde_json::json;

use super::rig::{Rig, cancel, restart, suspend, take};
use crate::fake::Settings;

/// A running job about which Flink answers afresh.
async fn running() -> (Rig, String) {
    let settings = Settings { cache: Duration::ZERO, ..Settings::default() };
    let rig = Rig::with(settings, json!({ "savepointAccess": "LOCAL" })).await;
    rig.running("prod", json!({})).await;
    let job = rig.seen("prod").job.unwrap().flink_job_id;
    (rig, job)
}

/// Nothing that changes the cluster was sent since the job runs.
fn untouched(rig: &Rig) -> bool {
    ["stop", "savepoint", "cancel"].iter().all(|route| rig.fake.acts(route).is_empty())
}

#[rstest]
#[case::suspend(suspend())]
#[case::savepoint(take())]
#[case::restart(restart())]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_job_has_no_savepoints_and_says_so(#[case] verb: Verb) {
    let (rig, job) = running().await;
    rig.fake.world().jobs.get_mut(&job).unwrap().batch = true;
    let refused = rig.submit("prod", verb).await.unwrap_err();
    assert_eq!(refused.code, Code::PreflightFailed, "{refused:?}");
    assert!(refused.detail.contains("this is a batch job: it has no savepoints"), "{refused:?}");
    assert!(refused.hint.is_some() && untouched(&rig), "{refused:?}");
    assert_eq!(rig.act("prod", cancel()).await.state, OpState::Succeeded, "that it can");
    rig.end().await;
}

#[rstest]
#[case::suspend(suspend())]
#[case::restart(restart())]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_waits_for_somebody_elses_savepoint(#[case] verb: Verb) {
    let (rig, job) = running().await;
    let theirs = rig.fake.begin_savepoint(&job);
    let refused = rig.submit("prod", verb.clone()).await.unwrap_err();
    assert_eq!(refused.code, Code::PreflightFailed, "{refused:?}");
    assert!(refused.detail.contains("our stop would make it fail") && untouched(&rig), "{refused:?}");
    rig.fake.complete_savepoint(&job, theirs, "s3://theirs/savepoint-1");
    assert_eq!(rig.act("prod", verb).await.state, OpState::Succeeded, "it is complete");
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_savepoint_does_not_mind_another_one() {
    let (rig, job) = running().await;
    let theirs = rig.fake.begin_savepoint(&job);
    assert_eq!(rig.act("prod", take()).await.state, OpState::Succeeded);
    rig.fake.complete_savepoint(&job, theirs, "s3://theirs/savepoint-1");
    rig.end().await;
}
