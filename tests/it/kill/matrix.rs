//! The matrix: every verb × every step × {before intent, after intent, after send, after answer}, and before the end.
//!
//! The steps come from a run without a kill, which itself must begin with the steps of the dry run's plan: no second list.

use std::{collections::BTreeMap, io::Write as _, panic::AssertUnwindSafe, sync::LazyLock};

use futures_util::FutureExt as _;
use nutkin::{
    adapters::clock::SystemClock,
    contract::model,
    domain::{
        event::{EventName, Severity},
        operation::{Kind, Operation, StepName},
        time::Clock,
    },
    manager::ports::store::EventQuery,
};
use rstest::rstest;
use tokio::sync::Semaphore;

use super::{
    goal,
    plays::{Play, Request},
    scene::Scene,
};
use crate::fake::{Fault, Phase};

/// Cases at once, over all verbs.
static SEATS: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(8));

/// Where the manager dies.
#[derive(Debug, Clone)]
enum Place {
    /// At a place of its own, as `NUTKIN_KILL_AT` says it.
    Own(String),
    /// By the cluster's hand, when it has accepted this request, after so many of its kind.
    AfterSend(Sent, usize),
}

#[derive(Debug, Clone)]
struct Case {
    step: String,
    phase: &'static str,
    place: Place,
    /// It dies a second time on its way back.
    again: Option<String>,
}

/// A request: the fake's word for what it does, and its route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Sent(&'static str, &'static str);

/// The request that a step sends; none for steps that only look.
fn sent(step: StepName) -> Option<Sent> {
    match step {
        StepName::UploadJar => Some(Sent("upload", "POST /jars/upload")),
        StepName::PlanJar => Some(Sent("plan", "POST /jars/*/plan")),
        StepName::TriggerSavepoint => Some(Sent("savepoint", "POST /jobs/*/savepoints")),
        StepName::StopWithSavepoint => Some(Sent("stop", "POST /jobs/*/stop")),
        StepName::CancelJob => Some(Sent("cancel", "PATCH /jobs/*")),
        StepName::RunJar => Some(Sent("run", "POST /jars/*/run")),
        StepName::Dispose => Some(Sent("dispose", "POST /savepoint-disposal")),
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

/// All kills of an operation that went through these steps; what its parent did is not killed again.
fn cases(play: Play, op: &model::Operation) -> Vec<Case> {
    let mut earlier: BTreeMap<Sent, usize> = BTreeMap::new();
    let mut all = Vec::new();
    for step in op.steps.iter().filter(|s| s.attempts > 0 && s.started_at >= Some(op.created_at)) {
        let wanted = play.only().is_none_or(|only| only == step.name);
        let mut add = |phase, place| {
            if wanted {
                let step = format!("{} {}", step.n, step.name);
                all.push(Case { step, phase, place, again: None });
            }
        };
        let own = |phase: &str| Place::Own(format!("{phase}:{}", step.n));
        add("before intent", own("before-intent"));
        add("after intent", own("after-intent"));
        // Where nothing is sent there is no answer either.
        if let Some(sent) = sent(step.name) {
            let earlier = earlier.entry(sent).or_default();
            add("after send", Place::AfterSend(sent, *earlier));
            add("after answer", own("after-answer"));
            *earlier += 1;
            if play == Play::SavepointAgain {
                // Before its intent is on disk, the second attempt is still the first one.
                let again = |phase: &str, attempt| Place::Own(format!("{phase}:{}:{attempt}", step.n));
                add("before second intent", again("before-intent", 1));
                add("after second intent", again("after-intent", 2));
                add("after second send", Place::AfterSend(sent, *earlier));
                add("after second answer", again("after-answer", 2));
                *earlier += 1;
            }
        }
    }
    if play == Play::ChooseLookAgain {
        // What its parent has sent is only looked for: the cluster kills when it is asked.
        let place = Place::AfterSend(Sent("look", "GET /jobs/*/savepoints/*"), 0);
        all.push(Case { step: "1 looked for".into(), phase: "after send", place, again: None });
    }
    if play.only().is_none() {
        let place = Place::Own(format!("before-end:{}", op.steps.last().unwrap().n));
        all.push(Case { step: "end".into(), phase: "before", place, again: None });
    }
    if play == Play::RestartTwice { twice(&all) } else { all }
}

/// Each place and the next one that recovery surely comes through: nothing is intended a second time, and what was
/// sent is not answered again.
fn twice(all: &[Case]) -> Vec<Case> {
    let is_met = |c: &Case| matches!(c.phase, "before intent" | "before") || c.phase == "after intent";
    let mut pairs = Vec::new();
    for (i, first) in all.iter().enumerate() {
        let next = all[i + 1..]
            .iter()
            .find(|c| is_met(c) && (c.step != first.step || first.phase == "before intent"));
        if let Some(Case { place: Place::Own(place), .. }) = next {
            pairs.push(Case { again: Some(place.clone()), ..first.clone() });
        }
    }
    pairs
}

/// Every act that the cluster was made to do is killed after its sending, and around it: the cluster's own journal says
/// what there is to kill, so that a step that is no longer found cannot pass for one that was survived.
fn covers(play: Play, cases: &[Case], effects: &BTreeMap<&'static str, usize>) {
    let only = play.only().and_then(sent).map(|Sent(act, _)| act);
    let of_a_step = |act: &str| act != "delete-jar" && !play.by_others().contains(&act);
    for (act, happened) in effects.iter().filter(|(act, _)| of_a_step(act)) {
        let killed = cases.iter().filter(|c| matches!(&c.place, Place::AfterSend(Sent(a, _), _) if a == act));
        let least = match only {
            Some(only) => usize::from(only == *act),
            None => *happened,
        };
        assert!(
            killed.count() >= least,
            "{play:?}: {act} happened {happened} times and is killed less often"
        );
    }
    // The four places of one step; else those of the books' step and the end, which every play has.
    let fewest = if only.is_some() { 4 } else { 3 };
    assert!(cases.len() >= fewest, "{play:?}: only {cases:?}");
}

/// A run without a kill: the steps, and what the cluster was made to do.
async fn reference(play: Play) -> (model::Operation, BTreeMap<&'static str, usize>) {
    let mut s = Scene::new(play).await;
    play.set_up(&mut s).await;
    s.begin(play);
    let request = play.request(&s);
    let planned: Vec<_> = match &request {
        Request::Submit(act) => s.house.client.plan(act).await.unwrap().steps,
        Request::Choose(_) => vec![],
    };
    let op = request.send(&s.house.client).await;
    let op = s.house.ended(&op.operation_id).await;
    goal::reached(play, &s, &op).await;
    // The plan of a fork goes on with the steps of its start, which is an operation of its own.
    let own = if op.kind == Kind::Fork { op.steps.len() } else { planned.len() };
    let planned: Vec<_> = planned.iter().map(|p| (p.n, p.name)).take(own).collect();
    let went: Vec<_> = op.steps.iter().map(|p| (p.n, p.name)).take(planned.len()).collect();
    assert_eq!(went, planned, "what was confirmed is what runs");
    let effects = s.effects();
    s.end().await;
    (op, effects)
}

/// One kill, and the recovery from it.
async fn killed(play: Play, case: &Case, s: &mut Scene, effects: &BTreeMap<&'static str, usize>) {
    play.set_up(s).await;
    s.begin(play);
    match &case.place {
        Place::Own(place) => s.house.arm(place),
        Place::AfterSend(Sent(_, route), earlier) => {
            let pid = s.house.pid();
            let kill = move || rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
            s.fake.fault(Fault::on(route, Phase::After).after(*earlier).call(kill));
        }
    }
    let request = play.request(s);
    let op = s.house.crash(&request, case.again.as_deref()).await;
    goal::reached(play, s, &op).await;
    assert_eq!(s.effects(), *effects, "I2: another number of acts than without a kill");
    let store = s.end().await;
    let query = EventQuery { severity: Some(Severity::Warn), limit: 10_000, ..EventQuery::default() };
    let warnings = store.events(&query).await.unwrap();
    assert!(
        warnings.iter().any(|e| e.event.name == EventName::ManagerLost),
        "the kill is seen: {warnings:#?}"
    );
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
        "==== {play:?}, step {}, {} ({:?}{})\n{why}\n-- journal:{journal}\n-- newest operations:{ops}\n-- log:\n{}",
        case.step,
        case.phase,
        case.place,
        case.again.as_ref().map(|p| format!(", then {p}")).unwrap_or_default(),
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
#[case::savepoint_again(Play::SavepointAgain)]
#[case::cancel(Play::Cancel)]
#[case::suspend(Play::Suspend)]
#[case::start(Play::Start)]
#[case::start_with_plan(Play::StartWithPlan)]
#[case::restart(Play::Restart)]
#[case::restart_twice(Play::RestartTwice)]
#[case::upgrade(Play::Upgrade)]
#[case::upgrade_stateless(Play::UpgradeStateless)]
#[case::upgrade_from_checkpoint(Play::UpgradeFromCheckpoint)]
#[case::way_back(Play::WayBack)]
#[case::rollback(Play::Rollback)]
#[case::fork(Play::Fork)]
#[case::dispose(Play::Dispose)]
#[case::dispose_blind(Play::DisposeBlind)]
#[case::reset(Play::Reset)]
#[case::reset_and_start(Play::ResetAndStart)]
#[case::adopt(Play::Adopt)]
#[case::import(Play::Import)]
#[case::delete(Play::Delete)]
#[case::cancel_savepoint(Play::CancelSavepoint)]
#[case::suspend_savepoint(Play::SuspendSavepoint)]
#[case::cancel_upgrade(Play::CancelUpgrade)]
#[case::choose_savepoint_at(Play::ChooseSavepointAt)]
#[case::choose_last_checkpoint(Play::ChooseLastCheckpoint)]
#[case::choose_roll_back(Play::ChooseRollBack)]
#[case::choose_retry(Play::ChooseRetry)]
#[case::choose_look_again(Play::ChooseLookAgain)]
#[case::choose_accept(Play::ChooseAccept)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_manager_loses_nothing_and_does_nothing_twice(#[case] play: Play) {
    let began = SystemClock.boottime();
    let (op, effects) = {
        let _seat = SEATS.acquire().await.unwrap();
        reference(play).await
    };
    let cases = cases(play, &op);
    let number = cases.len();
    covers(play, &cases, &effects);
    let all = cases.iter().map(|case| run(play, case, &effects));
    let failures: Vec<String> = futures_util::future::join_all(all).await.into_iter().flatten().collect();
    let took = SystemClock.boottime() - began;
    // Past the capture of the test's own output: blocks print their time.
    let _ = writeln!(std::io::stderr(), "kill matrix {play:?}: {number} kills, {:.1} s", took.as_secs_f64());
    assert!(failures.is_empty(), "{} of {number} failed\n{}", failures.len(), failures.join("\n"));
}
