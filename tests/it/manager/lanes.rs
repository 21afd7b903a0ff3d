//! The watcher's lanes: what is slow never holds up what is urgent.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use nutkin::{contract::watch::Interest, domain::deployment::Observed};
use serde_json::json;

use super::rig::Rig;
use crate::fake::{Fault, Phase};

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
