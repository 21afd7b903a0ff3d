//! The oracle: store, journal and invariants, compared after every story.

use std::collections::{BTreeMap, BTreeSet};

use nutkin::{
    contract::model,
    domain::{location, operation::OpState, savepoint::Status},
    manager::ports::store::{OperationQuery, Store},
};

use crate::fake::Fake;

/// Panics with what is violated. Call it when no operation is at work.
pub async fn check(store: &dyn Store, fake: &Fake) {
    assert_eq!(fake.violations(), Vec::<String>::new(), "I2: one key, one act");
    once_per_key(fake);
    let loaded = store.load().await.unwrap();
    one_live_job(store, fake, &loaded.deployments).await;
    snapshots_are_in_the_catalogue(store, fake).await;
    every_act_has_its_intent(store, fake).await;
    let ops = store.operations(&OperationQuery { limit: 1000, ..Default::default() }).await.unwrap();
    for op in ops {
        assert!(!op.actor.is_empty(), "I9: {op:?}");
        if op.state == OpState::NeedsAttention {
            assert!(!op.choices.is_empty() && op.error.is_some(), "I12: {op:?}");
        }
        if !op.state.is_active() {
            assert!(op.ended_at.is_some(), "I12: ended without a time: {op:?}");
        }
    }
}

fn once_per_key(fake: &Fake) {
    let mut seen: BTreeSet<(&'static str, String)> = BTreeSet::new();
    for act in
        fake.journal().into_iter().filter(|a| a.effect && ["stop", "savepoint", "run"].contains(&a.route))
    {
        assert!(seen.insert((act.route, act.key.clone())), "I2: {} {} twice", act.route, act.key);
    }
}

async fn one_live_job(
    store: &dyn Store,
    fake: &Fake,
    deployments: &[nutkin::manager::ports::store::DeploymentRow],
) {
    let live: BTreeSet<String> = fake.live_jobs().into_iter().collect();
    for d in deployments {
        let issued = store.issued_jobs(&d.id).await.unwrap();
        let alive: Vec<_> = issued.iter().filter(|j| live.contains(j.as_str())).collect();
        assert!(alive.len() <= 1, "I3: {} has {} live jobs: {alive:?}", d.name, alive.len());
    }
}

/// I5: every savepoint that our triggers made is a row, COMPLETED with its place or UNKNOWN with its directory.
async fn snapshots_are_in_the_catalogue(store: &dyn Store, fake: &Fake) {
    let rows = store.savepoints(None, 10_000).await.unwrap();
    let by_trigger: BTreeMap<String, Status> =
        rows.iter().filter_map(|r| Some((r.trigger.as_ref()?.to_string(), r.status))).collect();
    for act in fake.journal().into_iter().filter(|a| a.effect && ["stop", "savepoint"].contains(&a.route)) {
        assert!(by_trigger.contains_key(&act.key), "I5: trigger {} is not in the catalogue", act.key);
    }
    for row in &rows {
        match row.status {
            Status::Completed => assert!(row.location.is_some(), "I5: {row:?}"),
            Status::Started => panic!("I5: an ended operation left a STARTED row: {row:?}"),
            _ => {}
        }
    }
}

/// I1: every act's key was on disk (job ids are fresh and random: one that the store knows was written before the act).
async fn every_act_has_its_intent(store: &dyn Store, fake: &Fake) {
    let ops = store.operations(&OperationQuery { limit: 1000, ..Default::default() }).await.unwrap();
    let keys: BTreeSet<&str> = ops.iter().flat_map(|o| &o.steps).filter_map(|s| s.key.as_deref()).collect();
    for act in fake.journal().into_iter().filter(|a| a.effect) {
        let known = match act.route {
            "run" => store.job_by_flink(&act.key.parse().unwrap()).await.unwrap().is_some(),
            "upload" => keys.contains(act.key.as_str()),
            "cancel" => keys.contains(format!("cancel:{}", act.key).as_str()),
            "dispose" => keys.contains(format!("dispose:{}", location::normalised(&act.key)).as_str()),
            // The trigger ids of all attempts are in the catalogue, see I5.
            _ => true,
        };
        assert!(known, "I1: {} {} happened and is not in the store", act.route, act.key);
    }
}

/// What the kept state of the running job is: it must never fall over a lifecycle.
pub fn count(fake: &Fake, d: &model::Deployment) -> u64 {
    let id = d.job.as_ref().unwrap().flink_job_id.clone();
    let mut world = fake.world();
    let now = nutkin::domain::time::Clock::boottime(&nutkin::adapters::clock::SystemClock);
    world.jobs.get_mut(&id).unwrap().count(now)
}
