//! Tables over superseding: who may, which steps follow, what becomes of the open step.

use rstest::rstest;

use super::*;
use crate::domain::operation::supersede::{self, Fate, Flight};

#[rstest]
#[case(Kind::Cancel, false, Kind::Savepoint, true)]
#[case(Kind::Suspend, false, Kind::Savepoint, true)]
#[case(Kind::Suspend, true, Kind::Upgrade, false)]
#[case(Kind::Cancel, false, Kind::Upgrade, false)]
#[case(Kind::Cancel, true, Kind::Upgrade, true)]
#[case(Kind::Cancel, true, Kind::Cancel, true)]
#[case(Kind::Upgrade, true, Kind::Savepoint, false)]
#[case(Kind::Start, true, Kind::Suspend, false)]
fn who_may_supersede_whom(#[case] by: Kind, #[case] asked: bool, #[case] active: Kind, #[case] may: bool) {
    assert_eq!(supersede::may(by, asked, active), may);
}

/// An operation whose step with this name is at INTENT.
fn at_work(kind: Kind, stop: Stop, name: StepName) -> Operation {
    let mut op = operation(kind, stop);
    confirm_until(&mut op, name);
    let n = op.current().unwrap().n;
    let key = matches!(name, StepName::RunJar | StepName::TriggerSavepoint | StepName::StopWithSavepoint)
        .then(|| "cd".repeat(16));
    driver::intend(&mut op, n, key, Some(START), START);
    op
}

/// The steps of the operation that takes over.
fn successor(kind: Kind, live: Option<JobRef>, active: &Operation) -> Vec<Act> {
    let facts = Facts { live, takeover: supersede::takeover(active, &[]), ..Facts::default() };
    recipe::steps(kind, &plan(), &facts)
}

fn words_of(acts: &[Act]) -> Vec<StepName> {
    acts.iter().map(Act::name).collect()
}

#[test]
fn the_open_step_is_waited_for_and_a_possible_job_comes_first() {
    use StepName as S;
    let savepoint = at_work(Kind::Savepoint, Stop::Savepoint, S::TriggerSavepoint);
    let acts = successor(Kind::Suspend, Some(job()), &savepoint);
    assert_eq!(words_of(&acts), [S::StopWithSavepoint, S::AwaitSuperseded, S::WriteCatalogue]);
    let acts = successor(Kind::Cancel, Some(job()), &savepoint);
    assert_eq!(words_of(&acts), [S::CancelJob, S::AwaitTerminal, S::AwaitSuperseded, S::WriteCatalogue]);

    // main() may still be running: nothing else before that is known, then its job ends too.
    let running = at_work(Kind::Upgrade, Stop::Savepoint, S::RunJar);
    let acts = successor(Kind::Cancel, None, &running);
    assert_eq!(words_of(&acts), [S::AwaitSuperseded, S::CancelJob, S::AwaitTerminal, S::WriteCatalogue]);
    assert!(matches!(&acts[1], Act::CancelJob { job: Some(j) } if Some(j) == running.last_job().as_ref()));

    // A started job that lives is not cancelled twice.
    let probation = at_work(Kind::Upgrade, Stop::Savepoint, S::Probation);
    let acts = successor(Kind::Cancel, probation.last_job(), &probation);
    assert_eq!(words_of(&acts), [S::CancelJob, S::AwaitTerminal, S::WriteCatalogue]);

    // Nothing began: nothing is left to wait for.
    let queued = operation(Kind::Upgrade, Stop::Savepoint);
    let acts = successor(Kind::Cancel, Some(job()), &queued);
    assert_eq!(words_of(&acts), [S::CancelJob, S::AwaitTerminal, S::WriteCatalogue]);
}

#[test]
fn whoever_supersedes_a_successor_inherits_what_it_waits_for() {
    let first = at_work(Kind::Upgrade, Stop::Savepoint, StepName::RunJar);
    let mut second = operation(Kind::Cancel, Stop::Discard);
    let acts = successor(Kind::Cancel, None, &first);
    second.steps = acts.into_iter().zip(1..).map(|(a, n)| Step::planned(n, a)).collect();
    let t = supersede::takeover(&second, std::slice::from_ref(&first));
    assert_eq!((t.wait_for, t.first), (vec![first.id.clone()], true));
    assert_eq!(t.jobs, [first.last_job().unwrap()]);
}

#[test]
fn a_superseded_operation_ends_and_leaves_its_open_step_at_intent() {
    let mut op = at_work(Kind::Upgrade, Stop::Savepoint, StepName::StopWithSavepoint);
    op.state = OpState::NeedsAttention;
    op.steps[2].state = StepState::Ambiguous;
    supersede::end(&mut op, &OperationId::new("by"), "superseded by CANCEL of bob", at(9));
    assert_eq!((op.state, op.ended_at), (OpState::Cancelled, Some(at(9))));
    assert_eq!(supersede::open_step(&op).map(|s| (s.n, s.state)), Some((3, StepState::Intent)));
    assert!(op.steps[3..].iter().all(|s| s.state == StepState::Skipped));
    assert_eq!(driver::next(&op, at(10)), Next::Idle, "no further step is sent");

    // A step that only looks leaves nothing open.
    let mut op = at_work(Kind::Upgrade, Stop::Savepoint, StepName::Probation);
    supersede::end(&mut op, &OperationId::new("by"), "superseded", at(9));
    assert_eq!(supersede::open_step(&op), None);
    assert!(!op.steps.iter().any(|s| s.state == StepState::Intent));
}

#[test]
fn a_successor_holds_the_deployment_while_a_job_may_come_to_life() {
    let first = at_work(Kind::Upgrade, Stop::Savepoint, StepName::RunJar);
    let mut second = operation(Kind::Cancel, Stop::Discard);
    let acts = successor(Kind::Cancel, None, &first);
    second.steps = acts.into_iter().zip(1..).map(|(a, n)| Step::planned(n, a)).collect();
    second.cancel_requested = true;
    assert_eq!(driver::next(&second, START), Next::Intend(1), "first it must be known");
    driver::intend(&mut second, 1, None, None, START);
    driver::absorb(&mut second, 1, Judgement::Confirmed(Outcome::default(), String::new()), START);
    assert_eq!(driver::next(&second, START), Next::Finish(OpState::Cancelled));
}

fn word_of(f: &Fate) -> &'static str {
    match f {
        Fate::Open(_) => "open",
        Fate::Happened(o, _) if o.is_final => "final",
        Fate::Happened(..) => "happened",
        Fate::Not(_) => "not",
        Fate::Unknown(_) => "unknown",
    }
}

const TAKE: StepName = StepName::TriggerSavepoint;
const STOP: StepName = StepName::StopWithSavepoint;

#[rstest]
// A savepoint that still completes is known; one that failed too.
#[case(TAKE, seen(FlinkState::Running, None), completed(), None, 0, "happened")]
#[case(TAKE, seen(FlinkState::Canceled, Some(1)), completed(), None, 0, "happened")]
#[case(TAKE, seen(FlinkState::Canceled, Some(1)), failed("suspending"), None, 0, "not")]
#[case(TAKE, seen(FlinkState::Running, None), Some(AsyncStatus::InProgress), None, 9_000, "open")]
// A stop is final only when the job has finished with it; a cancel in between is no such end.
#[case(STOP, seen(FlinkState::Finished, Some(1)), completed(), None, 0, "final")]
#[case(STOP, seen(FlinkState::Canceled, Some(1)), Some(AsyncStatus::Unknown), children(&[true]), 0, "happened")]
#[case(STOP, seen(FlinkState::Running, None), completed(), None, 1, "open")]
#[case(STOP, seen(FlinkState::Running, None), completed(), None, 31, "happened")]
// No trace: where somebody may look it is known soon, elsewhere never.
#[case(TAKE, seen(FlinkState::Canceled, Some(1)), Some(AsyncStatus::Unknown), children(&[]), 1, "open")]
#[case(TAKE, seen(FlinkState::Canceled, Some(1)), Some(AsyncStatus::Unknown), children(&[]), 11, "not")]
#[case(TAKE, seen(FlinkState::Canceled, Some(1)), Some(AsyncStatus::Unknown), None, 11, "open")]
#[case(TAKE, seen(FlinkState::Canceled, Some(1)), Some(AsyncStatus::Unknown), None, 301, "unknown")]
#[case(TAKE, Sight::Unreachable(Duration::from_secs(60)), None, None, 60, "open")]
#[case(TAKE, Sight::Unreachable(Duration::from_secs(901)), None, None, 901, "unknown")]
#[case(TAKE, seen(FlinkState::Running, None), Some(AsyncStatus::Unknown), children(&[true, true]), 1, "unknown")]
fn the_fate_of_a_snapshot(
    #[case] name: StepName,
    #[case] sight: Sight,
    #[case] trigger: Option<AsyncStatus>,
    #[case] children: Option<Vec<Child>>,
    #[case] looked: u64,
    #[case] fate: &str,
) {
    let kind = if name == TAKE { Kind::Savepoint } else { Kind::Suspend };
    let op = at_work(kind, Stop::Savepoint, name);
    let ev = Evidence { job: sight, trigger, children, ..Default::default() };
    let found = decided(&op, ev.clone(), Flight::Over, looked);
    assert_eq!(word_of(&found), fate, "{found:?}");
    assert_eq!(word_of(&decided(&op, ev, Flight::On, looked)), "open", "its request is on its way");
}

#[rstest]
#[case(Some(Answer::NotSent("refused".into())), Sight::Unreachable(Duration::ZERO), 0, "not")]
#[case(Some(Answer::refused(400, "main threw")), Sight::Absent(Duration::ZERO), 0, "not")]
#[case(Some(Answer::refused(400, "two executes")), seen(FlinkState::Running, None), 0, "not")]
#[case(Some(Answer::Accepted(None)), Sight::Absent(Duration::ZERO), 0, "happened")]
#[case(None, seen(FlinkState::Running, None), 0, "happened")]
// main() may still be running, however long nobody looks.
#[case(None, Sight::Absent(Duration::ZERO), 500, "open")]
#[case(None, Sight::Absent(Duration::ZERO), 601, "not")]
#[case(None, Sight::Unreachable(Duration::from_secs(9_000)), 9_000, "open")]
fn the_fate_of_a_submission(
    #[case] answer: Option<Answer>,
    #[case] sight: Sight,
    #[case] looked: u64,
    #[case] fate: &str,
) {
    let op = at_work(Kind::Upgrade, Stop::Savepoint, StepName::RunJar);
    let ev = Evidence { answer, job: sight, ..Default::default() };
    let found = decided(&op, ev, Flight::Over, looked);
    assert_eq!(word_of(&found), fate, "{found:?}");
}

fn decided(op: &Operation, ev: Evidence, flight: Flight, looked: u64) -> Fate {
    let step = supersede::open_step(op).unwrap();
    let ev = Evidence { directory: Some(DIR.into()), ..ev };
    let case = Case { op, step, now: at(looked), patience: &Patience::default() };
    supersede::fate(case, &ev, flight, Duration::from_secs(looked))
}

#[test]
fn a_fate_is_written_into_the_step_and_changes_nothing_else() {
    for (fate, state) in [
        (
            Fate::Happened(Outcome { location: Some("file:/x".into()), ..Default::default() }, "ok".into()),
            StepState::Confirmed,
        ),
        (Fate::Not("no".into()), StepState::Refuted),
        (Fate::Unknown("who knows".into()), StepState::Ambiguous),
    ] {
        let mut op = at_work(Kind::Upgrade, Stop::Savepoint, StepName::StopWithSavepoint);
        supersede::end(&mut op, &OperationId::new("by"), "superseded", at(9));
        let before = op.clone();
        let out = supersede::close(&mut op, 3, fate, at(20));
        assert!(out.changed && !out.events.is_empty());
        assert_eq!(op.steps[2].state, state);
        assert_eq!((op.state, op.steps.len(), &op.plan), (before.state, before.steps.len(), &before.plan));
    }
}
