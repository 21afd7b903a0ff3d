//! What must be true at the end of a verb, killed or not.

use nutkin::{
    client::routes,
    contract::{model, problem::Code},
    domain::{
        deployment::Observed,
        operation::{OpState, StepState},
        savepoint::{Origin, Status},
    },
};

use super::{
    plays::{Keeps, Play},
    scene::Scene,
};
use crate::{fake::Job, manager::rig::name};

/// Panics with what is not as it must be.
pub async fn reached(play: Play, s: &Scene, op: &model::Operation) {
    assert_eq!(op.state, play.ends_as(), "the operation has not reached its goal: {:?}", op.error);
    at_rest(s).await;
    ended_once(s, &op.operation_id).await;
    if play == Play::Delete {
        return deleted(s).await;
    }
    let d = s.house.eventually("the deployment is seen as it is", async || {
        let d = s.house.seen(play.deployment()).await;
        if d.observed == play.observed() && d.operation.is_none() { Ok(d) } else { Err(format!("{d:#?}")) }
    });
    let d = d.await;
    assert_eq!(d.revision, Some(play.revision()), "{d:#?}");
    assert_eq!(d.desired.as_str(), wanted(play), "{d:#?}");
    if play.observed() == Observed::Running {
        running(play, s, &d);
    } else {
        assert_eq!(s.fake.live_jobs(), Vec::<String>::new(), "no job may live");
    }
    match play {
        Play::Suspend | Play::Cancel | Play::Reset => restore_point(play, s, &d),
        Play::CancelSavepoint | Play::SuspendSavepoint | Play::CancelUpgrade => {
            restore_point(play, s, &d);
            superseded(s, op).await;
        }
        Play::ChooseSavepointAt | Play::ChooseLastCheckpoint | Play::ChooseLookAgain => {
            restore_point(play, s, &d);
            resolved(s).await;
        }
        Play::ChooseRollBack | Play::ChooseRetry | Play::ChooseAccept => resolved(s).await,
        Play::Adopt => assert_eq!(d.job.as_ref().map(|j| &j.flink_job_id), s.theirs.as_ref(), "{d:#?}"),
        Play::Import => imported(s).await,
        Play::Dispose | Play::DisposeBlind => disposed(s).await,
        Play::Fork => forked(s).await,
        Play::Savepoint | Play::SavepointAgain => {
            let sp = s.house.savepoints("prod").await.remove(0);
            assert_eq!((sp.status, sp.is_final), (Status::Completed, false), "{sp:#?}");
            let kept = s.fake.world().count_at(sp.location.as_deref().unwrap()).unwrap();
            assert!(kept >= s.before().floor, "{kept} of {}", s.before().floor);
        }
        _ => {}
    }
}

fn wanted(play: Play) -> &'static str {
    match play.observed() {
        Observed::Suspended => "SUSPENDED",
        Observed::Cancelled => "CANCELLED",
        _ => "RUNNING",
    }
}

/// I12: nothing is at work, and what waits for a person says so.
async fn at_rest(s: &Scene) {
    s.house
        .eventually("no operation is at work", async || {
            let ops = s.house.operations().await;
            let busy = ops.iter().find(|o| matches!(o.state, OpState::Queued | OpState::Running));
            busy.map_or(Ok(()), |o| Err(format!("{o:#?}")))
        })
        .await;
}

/// How often the log tells this of an operation.
async fn told(s: &Scene, op: &str, name: &str) -> usize {
    events_of(s, op).await.iter().filter(|e| e.name == name).count()
}

async fn events_of(s: &Scene, op: &str) -> Vec<model::Event> {
    let filter = routes::EventFilter {
        operation: Some(op.to_owned()),
        limit: Some(1000),
        ..routes::EventFilter::default()
    };
    s.house.client.get(&routes::events(&filter)).await.unwrap().items
}

/// The books tell the end once.
async fn ended_once(s: &Scene, op: &str) {
    let events = events_of(s, op).await;
    for name in ["OPERATION_QUEUED", "OPERATION_STARTED"] {
        assert_eq!(events.iter().filter(|e| e.name == name).count(), 1, "{name} in {events:#?}");
    }
    let ends = ["OPERATION_SUCCEEDED", "ROLLED_BACK"];
    assert_eq!(events.iter().filter(|e| ends.contains(&e.name.as_str())).count(), 1, "{events:#?}");
    assert!(events.iter().all(|e| !e.actor.is_empty()), "I9: {events:#?}");
}

/// I3, I4: exactly one live job, which began with the state that it had to begin with.
fn running(play: Play, s: &Scene, d: &model::Deployment) {
    let job = live(s, d);
    let before = s.before();
    if before.job.as_ref() == Some(&job.id) {
        assert!(
            matches!(
                play,
                Play::Savepoint | Play::SavepointAgain | Play::Fork | Play::Adopt | Play::ChooseAccept
            ),
            "the old job still runs"
        );
        return;
    }
    if play == Play::UpgradeStateless {
        assert!(job.restored.is_none() && job.count_base == 0, "it was to begin empty: {job:#?}");
        return;
    }
    match play.keeps() {
        Keeps::Chosen => {
            assert_eq!(job.count_base, before.floor, "I4: it began elsewhere than at the chosen savepoint");
        }
        _ => assert!(job.count_base >= before.floor, "I4: {} of {} is left", job.count_base, before.floor),
    }
    assert!(job.restored.is_some() && job.count_base > 0, "I4: it began empty");
}

fn live(s: &Scene, d: &model::Deployment) -> Job {
    let id = &d.job.as_ref().expect("it has a job").flink_job_id;
    let job = s.fake.job(id).expect("Flink knows it");
    assert!(!job.is_terminal(), "the deployment's job has ended: {job:#?}");
    let all = if d.name == "prod" { s.fake.live_jobs() } else { vec![] };
    assert!(all.len() <= 1 || all.len() == 2 && all.contains(id), "I3: {all:?} live");
    job
}

fn restore_point(play: Play, s: &Scene, d: &model::Deployment) {
    let next = d.next_restore_point.as_ref().expect("it can go on");
    let place = next.location.as_deref().expect("somewhere");
    let kept = s.fake.world().count_at(place).unwrap_or_else(|| panic!("nothing is at {place}"));
    if play == Play::Reset {
        assert_eq!(d.next_restore_point.as_ref().unwrap().location, s.chosen().location);
    }
    assert!(kept >= s.before().floor, "I4: {kept} of {} is left at {place}", s.before().floor);
}

/// Its successor took over, and what it had begun is decided.
async fn superseded(s: &Scene, by: &model::Operation) {
    let old = s.house.client.get(&routes::operation(s.other.as_deref().unwrap())).await.unwrap();
    assert_eq!(
        (old.state, old.superseded_by.as_ref()),
        (OpState::Cancelled, Some(&by.operation_id)),
        "{old:#?}"
    );
    assert!(!old.steps.iter().any(|s| s.state == StepState::Intent), "{old:#?}");
    assert_eq!(told(s, &old.operation_id, "OPERATION_SUPERSEDED").await, 1);
}

/// A person's choice ended it.
async fn resolved(s: &Scene) {
    let old = s.house.client.get(&routes::operation(s.other.as_deref().unwrap())).await.unwrap();
    assert_eq!(old.state, OpState::Resolved, "{old:#?}");
    assert_eq!(told(s, &old.operation_id, "OPERATION_RESOLVED").await, 1);
}

/// The name is free, the catalogue and its files stay.
async fn deleted(s: &Scene) {
    let gone = s.house.client.get(&routes::deployment(&name("prod"))).await.unwrap_err();
    assert_eq!(gone.code, Code::NotFound, "{gone:?}");
    assert!(!s.fake.world().snapshots.is_empty());
}

async fn imported(s: &Scene) {
    let all = s.house.savepoints("prod").await;
    let theirs: Vec<_> = all.iter().filter(|sp| sp.location == s.theirs).collect();
    assert_eq!(theirs.len(), 1, "{all:#?}");
    assert_eq!((theirs[0].origin, theirs[0].status), (Origin::Imported, Status::Completed), "{all:#?}");
}

async fn disposed(s: &Scene) {
    let chosen = s.chosen();
    let row = s.house.client.get(&routes::savepoint(&chosen.savepoint_id)).await.unwrap().savepoint;
    assert_eq!(row.status, Status::Deleted, "{row:#?}");
    assert_eq!(s.fake.world().count_at(chosen.location.as_deref().unwrap()), None, "its files are there");
    let d = s.house.seen("prod").await;
    let next = d.next_restore_point.and_then(|r| r.location).expect("another one is left");
    assert!(s.fake.world().count_at(&next).is_some(), "I6: the other one is gone too");
}

async fn forked(s: &Scene) {
    let d = s
        .house
        .eventually("the fork runs", async || {
            let d = s.house.seen("test").await;
            let done = d.observed == Observed::Running && d.operation.is_none();
            if done { Ok(d) } else { Err(format!("{d:#?}")) }
        })
        .await;
    let job = live(s, &d);
    assert!(job.count_base >= s.before().floor, "I4: {} of {} is left", job.count_base, s.before().floor);
    assert_eq!(s.fake.live_jobs().len(), 2, "I3: the old one and the fork");
}
