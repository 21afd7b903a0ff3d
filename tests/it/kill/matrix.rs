//! The matrix: every verb × every step × {before intent, after intent, after send, after answer}, and before the end.
//!
//! The steps come from a run without a kill, which itself must begin with the steps of the dry run's plan: no second list.

use std::{collections::BTreeMap, io::Write as _, panic::AssertUnwindSafe, sync::LazyLock};

use futures_util::FutureExt as _;
use nutkin::{
    adapters::clock::SystemClock,
    contract::{model, plan::Submitted},
    domain::{
        operation::{Operation, StepName},
        time::Clock,
    },
};
use rstest::rstest;
use tokio::sync::Semaphore;

use super::{goal, plays::Play, scene::Scene};
use crate::{
    fake::{Fault, Phase},
    manager::check,
};

/// Cases at once, over all verbs.
static SEATS: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(4));

/// Where the manager dies.
#[derive(Debug, Clone)]
enum Place {
    /// At a place of its own, as `NUTKIN_KILL_AT` says it.
    Own(String),
    /// By the cluster's hand, when it has accepted this request, after so many of its kind.
    AfterSend(&'static str, usize),
}

#[derive(Debug, Clone)]
struct Case {
    step: String,
    phase: &'static str,
    place: Place,
}

/// The request that a step sends; none for steps that only look.
fn route(step: StepName) -> Option<&'static str> {
    match step {
        StepName::UploadJar => Some("POST /jars/upload"),
        StepName::PlanJar => Some("POST /jars/*/plan"),
        StepName::TriggerSavepoint => Some("POST /jobs/*/savepoints"),
        StepName::StopWithSavepoint => Some("POST /jobs/*/stop"),
        StepName::CancelJob => Some("PATCH /jobs/*"),
        StepName::RunJar => Some("POST /jars/*/run"),
        StepName::Dispose => Some("POST /savepoint-disposal"),
        StepName::RecordCheckpoint
        | StepName::AwaitTerminal
        | StepName::AwaitSlots
        | StepName::NoLiveJob
        | StepName::AwaitRunning
        | StepName::VerifyRestore
        | StepName::Probation
        | StepName::AwaitSuperseded
        | StepName::WriteCatalogue => None,
    }
}

/// All kills of an operation that went through these steps.
fn cases(steps: &[model::Step]) -> Vec<Case> {
    let mut sent: BTreeMap<&'static str, usize> = BTreeMap::new();
    let mut all = Vec::new();
    for step in steps.iter().filter(|s| s.attempts > 0) {
        let mut add =
            |phase, place| all.push(Case { step: format!("{} {}", step.n, step.name), phase, place });
        let own = |phase: &str| Place::Own(format!("{phase}:{}", step.n));
        add("before intent", own("before-intent"));
        add("after intent", own("after-intent"));
        // Where nothing is sent there is no answer either.
        if let Some(route) = route(step.name) {
            let earlier = sent.entry(route).or_default();
            add("after send", Place::AfterSend(route, *earlier));
            add("after answer", own("after-answer"));
            *earlier += 1;
        }
    }
    let last = steps.last().unwrap().n;
    all.push(Case { step: "end".into(), phase: "before", place: Place::Own(format!("before-end:{last}")) });
    all
}

/// A run without a kill: the steps, and what the cluster was made to do.
async fn reference(play: Play) -> (Vec<model::Step>, BTreeMap<&'static str, usize>) {
    let mut s = Scene::new(play).await;
    play.set_up(&mut s).await;
    s.begin(play);
    let request = play.request(&s);
    let plan = s.house.client.plan(&request).await.unwrap();
    let Submitted::Operation(op) = s.house.client.act(&request).await.unwrap() else { panic!() };
    let op = s.house.ended(&op.operation_id).await;
    goal::reached(play, &s, &op).await;
    let planned: Vec<_> = plan.steps.iter().map(|p| (p.n, p.name)).collect();
    let went: Vec<_> = op.steps.iter().map(|p| (p.n, p.name)).take(planned.len()).collect();
    assert_eq!(went, planned, "what was confirmed is what runs");
    let effects = s.effects();
    s.house.kill().await;
    check(&*s.house.store().await, &s.fake).await;
    (op.steps, effects)
}

/// One kill, and the recovery from it.
async fn killed(play: Play, case: &Case, s: &mut Scene, effects: &BTreeMap<&'static str, usize>) {
    play.set_up(s).await;
    s.begin(play);
    match &case.place {
        Place::Own(place) => s.house.arm(place),
        Place::AfterSend(route, earlier) => {
            let pid = s.house.pid();
            let kill = move || rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
            s.fake.fault(Fault::on(route, Phase::After).after(*earlier).call(kill));
        }
    }
    let request = play.request(s);
    let op = s.house.crash(&request).await;
    goal::reached(play, s, &op).await;
    assert_eq!(s.effects(), *effects, "I2: another number of acts than without a kill");
    s.house.kill().await;
    check(&*s.house.store().await, &s.fake).await;
}

/// Runs a case; what is known about its failure.
async fn run(play: Play, case: &Case, effects: &BTreeMap<&'static str, usize>) -> Option<String> {
    let _seat = SEATS.acquire().await.unwrap();
    let mut s = Scene::new(play).await;
    let outcome = AssertUnwindSafe(killed(play, case, &mut s, effects)).catch_unwind().await;
    let panic = outcome.err()?;
    let why = panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()))
        .unwrap_or_default();
    s.house.kill().await;
    let ops = s
        .house
        .store()
        .await
        .operations(&nutkin::manager::ports::store::OperationQuery { limit: 2, ..Default::default() })
        .await;
    let journal = s.fake.journal().into_iter().map(|a| format!("\n   {a:?}")).collect::<String>();
    let ops = ops.unwrap().iter().map(told).collect::<String>();
    Some(format!(
        "==== {play:?}, step {}, {} ({:?})\n{why}\n-- journal:{journal}\n-- newest operations:{ops}\n-- log:\n{}",
        case.step,
        case.phase,
        case.place,
        s.house.log(),
    ))
}

/// An operation in a few lines.
fn told(op: &Operation) -> String {
    let steps = op.steps.iter().map(|s| {
        let key = s.key.as_deref().unwrap_or("-");
        format!("\n   {} {} {:?} attempts {} key {key}: {}", s.n, s.act.name(), s.state, s.attempts, s.detail)
    });
    let error = op.error.as_ref().map(|e| format!("\n   {e:?}")).unwrap_or_default();
    format!("\n   {} {} {}{error}{}", op.id, op.kind, op.state, steps.collect::<String>())
}

#[rstest]
#[case::savepoint(Play::Savepoint)]
#[case::cancel(Play::Cancel)]
#[case::suspend(Play::Suspend)]
#[case::start(Play::Start)]
#[case::restart(Play::Restart)]
#[case::upgrade(Play::Upgrade)]
#[case::upgrade_from_checkpoint(Play::UpgradeFromCheckpoint)]
#[case::way_back(Play::WayBack)]
#[case::rollback(Play::Rollback)]
#[case::fork(Play::Fork)]
#[case::dispose(Play::Dispose)]
#[case::dispose_blind(Play::DisposeBlind)]
#[case::reset(Play::Reset)]
#[case::reset_and_start(Play::ResetAndStart)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_manager_loses_nothing_and_does_nothing_twice(#[case] play: Play) {
    let began = SystemClock.boottime();
    let (steps, effects) = {
        let _seat = SEATS.acquire().await.unwrap();
        reference(play).await
    };
    let cases = cases(&steps);
    let number = cases.len();
    let all = cases.iter().map(|case| run(play, case, &effects));
    let failures: Vec<String> = futures_util::future::join_all(all).await.into_iter().flatten().collect();
    let took = SystemClock.boottime() - began;
    // Past the capture of the test's own output: blocks print their time.
    let _ = writeln!(std::io::stderr(), "kill matrix {play:?}: {number} kills, {:.1} s", took.as_secs_f64());
    assert!(failures.is_empty(), "{} of {number} failed\n{}", failures.len(), failures.join("\n"));
}
