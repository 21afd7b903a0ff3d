//! The oracle: store, journal and invariants, compared after every story.
//!
//! What cannot be read from a store and a journal is proved elsewhere. I4: `kill/goal.rs` counts what was kept. I6:
//! `lifecycle::savepoints_are_imported_and_disposed_of_with_care`. I8: the kill matrix itself. I10: `console/hostile.rs` and
//! `cli.rs`. I11 in memory and on the wire: `flink_http` (caps, depth), `server` (bodies), the
//! hub's dirty sets. I14 at the door: `input::a_read_only_target_…`.

use std::collections::{BTreeMap, BTreeSet};

use nutkin::{
    contract::model,
    domain::{
        event::EventName,
        location,
        operation::{Kind, OpState, Operation},
        savepoint::Status,
    },
    manager::ports::store::{DeploymentRow, EventQuery, OperationQuery, Store},
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
    honest(store, fake, &loaded.deployments).await;
    no_secrets(store, &ops).await;
    for op in ops {
        bounded(&op);
        authorised(store, &op).await;
        assert!(!op.actor.is_empty(), "I9: {op:?}");
        if op.state == OpState::NeedsAttention {
            assert!(!op.choices.is_empty() && op.error.is_some(), "I12: {op:?}");
        }
        if !op.state.is_active() {
            assert!(op.ended_at.is_some(), "I12: ended without a time: {op:?}");
        }
    }
}

/// I7: what the books call over is over, what they call failed has left nothing.
async fn honest(store: &dyn Store, fake: &Fake, deployments: &[DeploymentRow]) {
    let live: BTreeSet<String> = fake.live_jobs().into_iter().collect();
    for d in deployments {
        for job in store.jobs(Some(&d.id), 1000).await.unwrap() {
            let ended = job.ended_at.is_some();
            assert!(
                !(ended && live.contains(job.flink.as_str())),
                "I7: it lives and is called ended: {job:?}"
            );
        }
    }
    for row in store.savepoints(None, 10_000).await.unwrap() {
        let below = row.target_directory.as_deref().and_then(location::local_path);
        let found = below.map(|d| complete_below(std::path::Path::new(&d))).unwrap_or_default();
        match row.status {
            Status::Failed => assert!(found.is_empty(), "I7: FAILED, and there is {found:?}: {row:?}"),
            Status::Completed if row.trigger.is_some() => {
                let there = fake.world().count_at(row.location.as_deref().unwrap_or_default()).is_some();
                assert!(there, "I7: COMPLETED, and nothing is there: {row:?}");
            }
            _ => {}
        }
    }
}

fn complete_below(dir: &std::path::Path) -> Vec<std::path::PathBuf> {
    let children = std::fs::read_dir(dir).into_iter().flatten().flatten().map(|e| e.path());
    children.filter(|p| p.join("_metadata").exists()).collect()
}

/// I11, as far as it is stored: attempts, steps and texts have their limits.
fn bounded(op: &Operation) {
    let most = op.plan.max_savepoint_attempts.max(op.plan.max_job_attempts);
    assert!(op.steps.len() <= 64, "I11: {op:?}");
    for s in &op.steps {
        let repeats = s.act.changes_deployment();
        assert!(!repeats || s.attempts <= most, "I11: more attempts than the plan allows: {op:?}");
        assert!(s.detail.len() <= 64 << 10, "I11: a text without an end: {op:?}");
    }
}

/// What no test may find anywhere in a store.
pub const SECRET: &str = "correct-horse-battery-staple";

/// I13.
async fn no_secrets(store: &dyn Store, ops: &[Operation]) {
    let events = store.events(&EventQuery { limit: 10_000, ..Default::default() }).await.unwrap();
    let loaded = store.load().await.unwrap();
    let mut all = format!("{ops:?}{events:?}{loaded:?}{:?}", store.savepoints(None, 10_000).await.unwrap());
    for d in &loaded.deployments {
        let (jobs, revisions) = (store.jobs(Some(&d.id), 1000).await, store.revisions(&d.id).await);
        all.push_str(&format!("{:?}{:?}", jobs.unwrap(), revisions.unwrap()));
    }
    assert!(!all.contains(SECRET), "I13: a secret is stored");
}

/// I9, I14: accepted once, from its own actor, before anything of it was sent; what gives something up says who agreed.
async fn authorised(store: &dyn Store, op: &Operation) {
    let query = EventQuery { operation: Some(op.id.clone()), limit: 1000, ..Default::default() };
    let mut events = store.events(&query).await.unwrap();
    events.sort_by_key(|e| e.seq);
    let named = |name: EventName| events.iter().filter(move |e| e.event.name == name);
    let accepted: Vec<_> = named(EventName::OperationQueued).collect();
    assert_eq!(accepted.len(), 1, "I14: accepted once: {op:?}\n{events:#?}");
    assert_eq!(accepted[0].event.actor, op.actor, "I9: {events:#?}");
    let first_sent = named(EventName::StepStarted).map(|e| e.seq).min();
    assert!(first_sent.is_none_or(|n| n > accepted[0].seq), "I14: {events:#?}");
    if op.kind == Kind::Dispose {
        assert!(op.plan.acknowledged.is_some(), "I14: nobody agreed: {op:?}");
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
