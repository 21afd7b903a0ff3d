//! The watcher's lanes: what is slow never holds up what is urgent.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use nutkin::{contract::watch::Interest, domain::deployment::Observed};
use serde_json::json;

use super::rig::{DEADLINE, Rig, start};
use crate::fake::{Fault, Phase, Settings};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_is_seen_while_the_statistics_hang() {
    let rig = Rig::new().await;
    rig.running("prod", json!({})).await;
    let asked = Arc::new(AtomicBool::new(false));
    // Each question about the job ends after the client's patience; together they outlast the deadline below.
    for route in ["GET /jobs/*/checkpoints/**", "GET /jobs/*/metrics"] {
        let flag = Arc::clone(&asked);
        let hang = Fault::on(route, Phase::Before).call(move || flag.store(true, Ordering::Release));
        rig.fake.fault(hang.hang().times(usize::MAX));
    }
    let watch = rig.manager.subscribe(None).await;
    rig.manager.set_interest(&watch.id, Interest { deployments: vec!["pay/prod".into()] }).unwrap();
    rig.eventually("the statistics are asked for", || asked.load(Ordering::Acquire)).await;
    rig.fake.fail_job(&rig.fake.live_jobs().remove(0), "boom");
    rig.eventually("the failure", || rig.seen("prod").observed == Observed::Failed).await;
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_look_that_finds_nothing_new_writes_nothing() {
    let settings = Settings { checkpoint_every: None, ..Settings::default() };
    let rig = Rig::with(settings, json!({ "savepointAccess": "LOCAL" })).await;
    rig.deployment("prod", json!({})).await;
    let op = rig.submit("prod", start()).await.unwrap();
    rig.fake.until("the job runs", DEADLINE, |w| w.jobs.values().any(|j| j.is_running())).await;
    rig.fake.checkpoint(&rig.fake.live_jobs().remove(0));
    rig.ended(&op.operation_id).await;
    let watch = rig.manager.subscribe(None).await;
    rig.manager.set_interest(&watch.id, Interest { deployments: vec!["pay/prod".into()] }).unwrap();
    rig.eventually("the checkpoint is seen", || rig.seen("prod").last_checkpoint.is_some()).await;
    let looks = || rig.fake.requests().iter().filter(|r| r.ends_with("/checkpoints")).count();
    let written = || std::fs::metadata(rig.state.join("nutkin.db-wal")).unwrap().modified().unwrap();
    let wait_for = async |n: usize| {
        let before = looks();
        rig.eventually("looks", || looks() >= before + n).await;
    };
    // What the start and the first look have found is in the books by then.
    wait_for(1).await;
    let before = written();
    wait_for(2).await;
    assert_eq!(written(), before);
    // The newest checkpoint outlives the manager and is written.
    let newest = rig.fake.checkpoint(&rig.fake.live_jobs().remove(0));
    let path = || rig.seen("prod").last_checkpoint.and_then(|c| c.location);
    rig.eventually("the newer checkpoint is seen", || path().as_deref() == Some(newest.as_str())).await;
    rig.eventually("it is written", || written() > before).await;
    rig.end().await;
}
