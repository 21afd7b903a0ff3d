//! The oracle: store, journal and invariants, compared after every story.
//!
//! What is only true at the moment of an act, the fake looks at then (`fake/books.rs`): I1 (the intent is on disk), I2 (a jar
//! that is there), I3 (nothing else lives), I6 (safe to delete). What cannot be seen from outside is proved elsewhere. I10:
//! `support/bytes.rs`, over every byte that a test's terminal gets. I11 on the wire: `flink_http` (caps, depth), `server` (bodies); of the
//! process: `kill/house.rs`.

use std::collections::{BTreeMap, BTreeSet};

use nutkin::{
    contract::model,
    domain::{
        event::EventName,
        location,
        operation::{Kind, OpState, Operation, RestoreSource},
        savepoint::{Origin, Savepoint, Status},
    },
    manager::ports::store::{DeploymentRow, EventQuery, OperationQuery, Store},
};

use crate::fake::Fake;

/// Panics with what is violated. Call it when no operation is at work.
pub async fn check(store: &dyn Store, fake: &Fake) {
    assert_eq!(fake.violations(), Vec::<String>::new(), "seen by the cluster at the moment of an act");
    once_per_key(fake);
    paced(fake);
    let loaded = store.load().await.unwrap();
    one_live_job(store, fake, &loaded.deployments).await;
    snapshots_are_in_the_catalogue(store, fake).await;
    every_act_has_its_intent(store, fake).await;
    state_goes_on(store, fake).await;
    let ops = store.operations(&OperationQuery { limit: 1000, ..Default::default() }).await.unwrap();
    honest(store, fake, &loaded.deployments).await;
    no_secrets(store, &ops).await;
    for op in ops {
        bounded(&op);
        authorised(store, &op).await;
        assert!(!matches!(op.state, OpState::Queued | OpState::Running), "I12: it is still at work: {op:?}");
        if op.state == OpState::NeedsAttention {
            assert!(!op.choices.is_empty() && op.error.is_some(), "I12: {op:?}");
        }
        if !op.state.is_active() {
            assert!(op.ended_at.is_some(), "I12: ended without a time: {op:?}");
        }
    }
}

/// I12: nobody asks in a circle. One operation asks some four questions every 20 ms in its first second, then every 100 ms;
/// the watcher's lanes ask 20 and 5 times a second.
fn paced(fake: &Fake) {
    let world = fake.world();
    let lived = nutkin::domain::time::Clock::boottime(&nutkin::adapters::clock::SystemClock) - world.born;
    let (asked, most) = (world.requests.len(), 1_000.0 + 150.0 * lived.as_secs_f64());
    assert!(asked as f64 <= most, "I12: {asked} requests in {lived:?}");
}

/// I4: what was submitted is what the operation was to restore, and only what was agreed to begins empty or with less than
/// the books had.
async fn state_goes_on(store: &dyn Store, fake: &Fake) {
    let submissions = fake.world().submissions.clone();
    for (id, body) in submissions {
        let Some(row) = store.job_by_flink(&id.parse().unwrap()).await.unwrap() else { continue };
        let op = store.operation(row.operation.as_ref().unwrap()).await.unwrap().unwrap();
        let sent = body["savepointPath"].as_str();
        assert_eq!(sent, row.restored_from.as_deref(), "I4: the books say otherwise: {row:?}");
        assert_eq!(sent, op.restore_location().as_deref(), "I4: another place than the operation's: {op:?}");
        let agreed = op.plan.acknowledged.is_some();
        let earlier: Vec<Savepoint> = store.savepoints(Some(&op.deployment), 10_000).await.unwrap();
        let earlier = earlier.into_iter().filter(|s| s.created_at < op.created_at && !s.drained);
        let usable = earlier.filter(|s| s.status == Status::Completed).filter_map(|s| s.location);
        let counts: Vec<(String, u64)> =
            usable.filter_map(|place| Some((place.clone(), fake.world().count_at(&place)?))).collect();
        let best = counts.iter().max_by_key(|(_, count)| *count);
        match (sent, &op.plan.restore) {
            (None, source) => {
                assert_eq!(*source, RestoreSource::Empty, "I4: it began empty: {op:?}");
                assert!(agreed || best.is_none(), "I4: it began empty although there was {best:?}: {op:?}");
            }
            (Some(place), RestoreSource::Point { savepoint, .. }) => {
                let chosen =
                    store.savepoint(savepoint).await.unwrap().is_some_and(|s| s.origin == Origin::Copied);
                let (count, best) = (fake.world().count_at(place), best.map(|(_, count)| *count));
                assert!(agreed || chosen || count >= best, "I4: {count:?} of {best:?} is left: {op:?}");
            }
            (Some(_), _) => {}
        }
    }
}

/// I8, I9: what was answered is in the books, by whom, through which face and why.
pub async fn kept(store: &dyn Store, answered: &[model::Operation]) {
    for told in answered {
        let id = nutkin::domain::ids::OperationId::new(&told.operation_id);
        let op = store.operation(&id).await.unwrap().unwrap_or_else(|| panic!("I8: it is gone: {told:?}"));
        let (a, b) = ((&op.actor, op.via, op.kind), (&told.actor, told.via, told.kind));
        assert_eq!(a, b, "I9: {told:?}");
        assert!(op.reason.is_some() && op.reason == told.reason, "I9: without the reason: {told:?}");
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
            let said = job.flink_state.as_deref().filter(|w| ["FINISHED", "CANCELED", "FAILED"].contains(w));
            if let (Some(said), Some(real)) = (said, fake.job(job.flink.as_str())) {
                assert_eq!(said, real.state, "I7: it ended otherwise: {job:?}");
            }
        }
    }
    for row in store.savepoints(None, 10_000).await.unwrap() {
        let below = row.target_directory.as_deref().and_then(location::local_path);
        let found = below.map(|d| complete_below(std::path::Path::new(&d))).unwrap_or_default();
        match row.status {
            Status::Failed => assert!(found.is_empty(), "I7: FAILED, and there is {found:?}: {row:?}"),
            Status::Completed if row.trigger.is_some() => {
                // Flink made it and has not deleted it; a person may have.
                let place = location::normalised(row.location.as_deref().unwrap_or_default());
                let there = fake.world().snapshots.contains_key(&place);
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

/// I13, in the bytes of everything that a manager writes: database, log of writes, messages, lock.
pub fn no_secrets_below(dir: &std::path::Path) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if entry.file_type().is_ok_and(|t| t.is_dir()) {
            no_secrets_below(&path);
        } else if let Ok(bytes) = std::fs::read(&path) {
            let found = bytes.windows(SECRET.len()).any(|w| w == SECRET.as_bytes());
            assert!(!found, "I13: a secret is in {}", path.display());
        }
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
    let by = |e: &nutkin::domain::event::NewEvent| (e.actor.clone(), e.via);
    assert_eq!(by(&accepted[0].event), (op.actor.clone(), op.via), "I9: {events:#?}");
    assert!(!op.actor.is_empty(), "I9: {op:?}");
    let first_sent = named(EventName::StepStarted).map(|e| e.seq).min();
    assert!(first_sent.is_none_or(|n| n > accepted[0].seq), "I14: {events:#?}");
    if op.kind == Kind::Dispose {
        assert!(op.plan.acknowledged.is_some(), "I14: nobody agreed: {op:?}");
    }
}

fn once_per_key(fake: &Fake) {
    let mut seen: BTreeSet<(&'static str, String)> = BTreeSet::new();
    for act in fake
        .journal()
        .into_iter()
        .filter(|a| a.effect && ["stop", "savepoint", "run", "cancel"].contains(&a.route))
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
    for act in
        fake.journal().into_iter().filter(|a| a.effect && a.ours && ["stop", "savepoint"].contains(&a.route))
    {
        assert!(by_trigger.contains_key(&act.key), "I5: trigger {} is not in the catalogue", act.key);
    }
    complete_ones_are_known(fake, &rows);
    for row in &rows {
        match row.status {
            Status::Completed => assert!(row.location.is_some(), "I5: {row:?}"),
            Status::Started => panic!("I5: an ended operation left a STARTED row: {row:?}"),
            Status::Unknown => assert!(row.target_directory.is_some(), "I5: nobody can look for it: {row:?}"),
            _ => {}
        }
    }
}

/// I5: every complete snapshot in a directory that we asked for is that row's, wherever it lies.
fn complete_ones_are_known(fake: &Fake, rows: &[Savepoint]) {
    let world = fake.world();
    for snapshot in world.snapshots.values().filter(|s| s.complete) {
        let asked_for = |r: &&Savepoint| {
            r.target_directory.as_deref().is_some_and(|d| location::is_below(&snapshot.location, d))
        };
        let Some(row) = rows.iter().find(asked_for) else { continue };
        let found = row.location.as_deref().is_some_and(|l| location::same(l, &snapshot.location));
        assert!(found || row.status == Status::Unknown, "I5: {snapshot:?} is not in the catalogue: {row:?}");
    }
}

/// I1: every act's key was on disk (job ids are fresh and random: one that the store knows was written before the act).
async fn every_act_has_its_intent(store: &dyn Store, fake: &Fake) {
    let ops = store.operations(&OperationQuery { limit: 1000, ..Default::default() }).await.unwrap();
    let keys: BTreeSet<&str> = ops.iter().flat_map(|o| &o.steps).filter_map(|s| s.key.as_deref()).collect();
    for act in fake.journal().into_iter().filter(|a| a.effect && a.ours) {
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
