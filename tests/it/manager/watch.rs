//! What subscribers are told, and what a start finds out in the background.

use std::{os::unix::fs::FileExt as _, time::Duration};

use nutkin::{
    contract::{
        intent::{Adopt, Intent, Meta},
        model::Deployment,
        plan::Submitted,
        problem::{Code, Problem},
        watch::{Interest, WatchMessage},
    },
    domain::{
        deployment::{ConditionType, Observed},
        operation::OpState,
        savepoint::{Origin, Status},
    },
    manager::{EventFilter, Subscription},
};
use rstest::rstest;
use serde_json::json;

use super::rig::{DEADLINE, Rig, restart, start, suspend, who};
use crate::fake::{Fault, JobSpec, Phase, Settings};

fn holds(d: &Deployment, kind: ConditionType) -> bool {
    d.conditions.iter().any(|c| c.kind == kind)
}

async fn adopt(rig: &Rig, job: &str) -> Result<Submitted, Problem> {
    let meta = Meta { yes: true, confirm: Some("pay/theirs".into()), ..Meta::default() };
    let request = Adopt { deployment: "pay/theirs".into(), meta, ..Adopt::default() };
    let intent = Intent::Adopt { target: "fake".into(), flink_job: job.parse().unwrap(), request };
    rig.manager.submit(intent, &who(), false, None).await
}

/// The next message that this finds something in.
async fn told<T>(watch: &mut Subscription, mut find: impl FnMut(WatchMessage) -> Option<T>) -> T {
    let found = async {
        loop {
            let (_, message) = watch.messages.recv().await.expect("the stream goes on");
            if let Some(found) = find(message) {
                return found;
            }
        }
    };
    tokio::time::timeout(DEADLINE, found).await.expect("in time")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_adopted_job_leaves_the_unmanaged_ones_at_once() {
    let rig = Rig::new().await;
    let job = rig.fake.add_job(JobSpec { name: "theirs".into(), ..JobSpec::default() });
    let mut watch = rig.manager.subscribe(None).await;
    let unmanaged = |m: WatchMessage| match m {
        WatchMessage::Target { unmanaged, .. } => Some(unmanaged),
        _ => None,
    };
    told(&mut watch, |m| unmanaged(m).filter(|all| all.iter().any(|j| j.flink_job_id == job))).await;
    let Submitted::Operation(op) = adopt(&rig, &job).await.unwrap() else { panic!() };
    told(&mut watch, |m| unmanaged(m).filter(Vec::is_empty)).await;
    assert_eq!(rig.ended(&op.operation_id).await.state, OpState::Succeeded);
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_store_is_found_in_the_background() {
    let mut rig = Rig::new().await;
    assert_eq!(rig.manager.health().store_damage, None);
    rig.manager.stop().await;
    // A page that a start does not read.
    let path = rig.state.join(nutkin::adapters::sqlite::DATABASE);
    let page: u32 = rusqlite::Connection::open(&path)
        .unwrap()
        .query_row("SELECT rootpage FROM sqlite_schema WHERE name = 'savepoint_by_age'", [], |r| r.get(0))
        .unwrap();
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.write_all_at(&[0xff; 4096], u64::from(page - 1) * 4096).unwrap();
    drop(file);
    rig.restart().await;
    rig.eventually("the damage is known", || rig.manager.health().store_damage.is_some()).await;
}

/// A predecessor that lives again beside the job in the books would write everything twice, unseen.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_live_job_of_ours_that_is_not_the_current_one_is_shown_and_logged() {
    let rig = Rig::new().await;
    rig.running("prod", json!({})).await;
    let old = rig.seen("prod").job.unwrap().flink_job_id;
    assert_eq!(rig.act("prod", restart()).await.state, OpState::Succeeded);
    assert!(!rig.events("prod").await.contains(&"JOB_REVIVED".to_owned()));
    rig.fake.set_job_state(&old, "RUNNING");
    rig.eventually("it is seen", || holds(&rig.seen("prod"), ConditionType::JobRevived)).await;
    rig.logged("prod", "JOB_REVIVED").await;
    let listed = rig.manager.target_jobs("fake").await.unwrap();
    let stray = listed.iter().find(|j| j.flink_job_id == old).unwrap();
    assert_eq!((stray.management.as_str(), stray.deployment.as_deref()), ("stray", Some("pay/prod")));
    assert_eq!(rig.manager.target("fake").unwrap().unmanaged_jobs, Some(1));
    let p = adopt(&rig, &old).await.unwrap_err();
    assert!(p.code == Code::WrongState && p.detail.contains("pay/prod"), "{p:?}");
    rig.fake.set_job_state(&old, "CANCELED");
    rig.eventually("it is gone", || !holds(&rig.seen("prod"), ConditionType::JobRevived)).await;
    // Not `Rig::end`: the story leaves a job alive that the books have seen end.
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_could_not_be_written_is_found_again() {
    let rig = Rig::new().await;
    rig.running("prod", json!({})).await;
    let watch = rig.manager.subscribe(None).await;
    rig.manager.set_interest(&watch.id, Interest { deployments: vec!["pay/prod".into()] }).unwrap();
    rig.eventually("a checkpoint is in the books", || rig.seen("prod").last_checkpoint.is_some()).await;
    let store = rusqlite::Connection::open(rig.state.join(nutkin::adapters::sqlite::DATABASE)).unwrap();
    store.busy_timeout(DEADLINE).unwrap();
    let refuse = "CREATE TRIGGER refuse BEFORE INSERT ON savepoint BEGIN SELECT RAISE(ABORT, 'no'); END";
    store.execute_batch(refuse).unwrap();
    rig.fake.restart_without_memory();
    rig.eventually("it is lost", || holds(&rig.seen("prod"), ConditionType::JobLost)).await;
    assert!(!rig.events("prod").await.contains(&"JOB_LOST".to_owned()), "the commit was refused");
    store.execute_batch("DROP TRIGGER refuse").unwrap();
    rig.logged("prod", "JOB_LOST").await;
    let all = rig.savepoints("prod").await;
    assert!(all.iter().any(|s| s.origin == Origin::RetainedCheckpoint), "{all:#?}");
    assert_eq!(rig.events("prod").await.iter().filter(|e| *e == "JOB_LOST").count(), 1);
    rig.end().await;
}

#[rstest]
#[case::flink_discards_them_at_a_regular_end("FINISHED", Observed::Finished, 0)]
#[case::cancelled_by_somebody("CANCELED", Observed::Cancelled, 1)]
#[case::failed("FAILED", Observed::Failed, 1)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn checkpoints_are_restore_points_of_jobs_whose_end_they_outlive(
    #[case] end: &str,
    #[case] observed: Observed,
    #[case] points: usize,
) {
    let rig = Rig::new().await;
    rig.running("prod", json!({})).await;
    let watch = rig.manager.subscribe(None).await;
    rig.manager.set_interest(&watch.id, Interest { deployments: vec!["pay/prod".into()] }).unwrap();
    rig.eventually("a checkpoint is in the books", || rig.seen("prod").last_checkpoint.is_some()).await;
    let job = rig.seen("prod").job.unwrap().flink_job_id;
    rig.fake.set_job_state(&job, end);
    rig.eventually("its end is seen", || rig.seen("prod").observed == observed).await;
    rig.logged("prod", "STATE_TRANSITION_NEEDED").await;
    // Its end and what it leaves are one commit; a later look may find a newer checkpoint in the place of that one.
    let ended = async {
        while rig.manager.jobs(None, 1).await.unwrap().remove(0).ended_at.is_none() {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(DEADLINE, ended).await.expect("its end is written in time");
    let mut found = rig.savepoints("prod").await;
    found.retain(|s| s.status == Status::Completed);
    assert_eq!(found.len(), points, "{found:#?}");
    rig.end().await;
}

/// The watcher's record is some seconds old when a job ends: a start at that moment goes on from what the job has left.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_right_after_a_failure_hears_what_the_job_has_left() {
    let settings = Settings { checkpoint_every: None, cache: Duration::from_secs(2), ..Settings::default() };
    let rig = Rig::with(settings, json!({ "savepointAccess": "LOCAL" })).await;
    let probation = json!({ "checkpoints": 0 });
    rig.running("prod", json!({ "probation": probation })).await;
    let job = rig.seen("prod").job.unwrap().flink_job_id;
    let first = rig.fake.checkpoint(&job);
    rig.eventually("the first checkpoint is in the books", || rig.seen("prod").last_checkpoint.is_some())
        .await;
    let newest = rig.fake.checkpoint(&job);
    rig.fake.fail_job(&job, "boom");
    rig.eventually("its end is seen", || rig.seen("prod").observed == Observed::Failed).await;
    let plan = rig.plan("prod", start()).await.unwrap();
    let chosen = plan.restore_points.iter().find(|p| p.chosen).unwrap();
    assert_eq!(chosen.location.as_ref(), Some(&newest), "not {first}: {:#?}", plan.restore_points);
    assert!(rig.seen("prod").root_cause.is_some(), "the cause stays");
    rig.end().await;
}

/// Where that word cannot be heard, nothing older is taken for the newest.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_whose_restore_point_may_be_outdated_is_refused() {
    let rig = Rig::new().await;
    rig.running("prod", json!({})).await;
    rig.eventually("a checkpoint is in the books", || rig.seen("prod").last_checkpoint.is_some()).await;
    let job = rig.seen("prod").job.unwrap().flink_job_id;
    let deaf = Fault::on("GET /jobs/*/checkpoints", Phase::Before).cut().times(usize::MAX);
    rig.fake.fault(deaf);
    rig.fake.fail_job(&job, "boom");
    rig.eventually("its end is seen", || rig.seen("prod").observed == Observed::Failed).await;
    let refused = rig.submit("prod", start()).await.unwrap_err();
    assert_eq!(refused.code, Code::PreflightFailed);
    assert!(refused.detail.contains("could not be read"), "{refused:?}");
    rig.fake.clear_faults();
    let op = rig.act("prod", start()).await;
    assert_eq!(op.state, OpState::Succeeded, "{op:#?}");
    rig.end().await;
}

/// A manager begins where the one before ended: it repeats no news, knows since when things hold, and misses no job.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_manager_tells_only_what_is_new() {
    let mut rig = Rig::new().await;
    rig.running("prod", json!({})).await;
    rig.fake.restart_without_memory();
    rig.logged("prod", "JOB_LOST").await;
    let since =
        |d: Deployment| d.conditions.iter().find(|c| c.kind == ConditionType::JobLost).map(|c| c.since);
    let lost = since(rig.seen("prod")).unwrap();
    let count = async |rig: &Rig, name: &str| {
        let filter = EventFilter { limit: Some(1000), ..EventFilter::default() };
        let all = rig.manager.events(&filter).await.unwrap();
        all.into_iter().filter(|e| e.name == name).count()
    };
    let before = [count(&rig, "TARGET_REACHABLE").await, count(&rig, "UNMANAGED_JOB_SEEN").await];
    rig.manager.stop().await;
    rig.fake.add_job(JobSpec { name: "begun meanwhile".into(), ..JobSpec::default() });
    rig.restart().await;
    rig.eventually("it has looked", || rig.manager.target("fake").unwrap().reachable == Some(true)).await;
    let told = async {
        while count(&rig, "UNMANAGED_JOB_SEEN").await == before[1] {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(DEADLINE, told).await.expect("the job that came in between is told");
    assert_eq!(count(&rig, "TARGET_REACHABLE").await, before[0]);
    assert_eq!(rig.events("prod").await.iter().filter(|e| *e == "JOB_LOST").count(), 1, "told once");
    assert_eq!(since(rig.seen("prod")), Some(lost), "it holds since then, not since the start");
    rig.end().await;
}

/// `main()` has the last word on some values: what the job runs with instead is shown beside what was asked for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_program_overrides_is_shown() {
    let rig = Rig::with(
        Settings { program_interval: Some(30_000), ..Settings::default() },
        json!({ "savepointAccess": "LOCAL" }),
    )
    .await;
    let asked = json!({ "execution.checkpointing.interval": "10 s" });
    rig.running("prod", json!({ "flinkConfiguration": asked })).await;
    rig.eventually("it is seen", || !rig.seen("prod").overridden.is_empty()).await;
    let found = rig.seen("prod").overridden;
    let found: Vec<_> = found.iter().map(|o| (o.path.as_str(), o.runs_with.as_str())).collect();
    assert_eq!(found, [("flinkConfiguration/execution.checkpointing.interval", "30s")]);
    assert_eq!(rig.act("prod", suspend()).await.state, OpState::Succeeded);
    assert_eq!(rig.seen("prod").overridden, [], "no job, nothing to differ");
    rig.end().await;
}
