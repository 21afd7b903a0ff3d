//! What a person's choice makes of a waiting operation.

use super::{super::choose::choose, *};

fn child(op: &Operation, id: ChoiceId) -> Operation {
    choose(op, id, None, OperationId::new("child")).unwrap().unwrap()
}

/// The step at work is looked at and judged so.
fn absorbed(op: &mut Operation, seconds: u64, ev: Evidence) {
    let n = op.current().unwrap().n;
    let j = judged(op, seconds, ev);
    driver::absorb(op, n, j, at(seconds));
}

/// A disposal that nobody answered is asked for again, with time of its own.
#[test]
fn a_disposal_without_an_answer_is_asked_for_again() {
    let mut op = operation(Kind::Dispose, Stop::Savepoint);
    let act = Act::Dispose { savepoint: SavepointId::new("sp"), location: "file:/sp".into() };
    op.steps = vec![Step::planned(1, act), Step::planned(2, Act::WriteCatalogue)];
    driver::intend(&mut op, 1, Some("dispose:file:/sp".into()), None, START);
    absorbed(&mut op, 1_000, silence());
    assert_eq!(op.state, OpState::NeedsAttention);
    let mut again = child(&op, ChoiceId::Retry);
    assert_eq!(driver::next(&again, at(1_001)), Next::Intend(1));
    driver::intend(&mut again, 1, Some("dispose:file:/sp".into()), None, at(1_001));
    assert_eq!(word(&judged(&again, 1_002, silence())), "resend");
}

fn silence() -> Evidence {
    Evidence { job: Sight::Unreachable(Duration::from_secs(1_000)), ..Default::default() }
}

/// An upgrade whose way back has failed too, at its own step with this name.
fn way_back_failed(name: StepName) -> Operation {
    let mut op = operation(Kind::Upgrade, Stop::Savepoint);
    confirm_until(&mut op, StepName::RunJar);
    for refused in [StepName::RunJar, name] {
        confirm_until(&mut op, refused);
        let n = op.current().unwrap().n;
        driver::intend(&mut op, n, Some("cd".repeat(16)), None, START);
        driver::absorb(&mut op, n, Judgement::refuted("refused"), at(1));
    }
    assert_eq!(op.error.as_ref().map(|e| e.code.as_str()), Some("WAY_BACK_FAILED"));
    op
}

#[test]
fn choices_make_children_that_go_on_from_the_failed_step() {
    let mut op = stopping();
    let j = judged(
        &op,
        400,
        Evidence {
            job: seen(FlinkState::Canceled, Some(5)),
            trigger: Some(AsyncStatus::Unknown),
            kept_checkpoint: Some(("file:/c/chk-4".into(), 4, START)),
            ..Default::default()
        },
    );
    driver::absorb(&mut op, 1, j, at(400));
    assert_eq!(op.state, OpState::NeedsAttention);
    assert_eq!(driver::next(&op, at(400)), Next::Idle);
    let child = |c, l| choose(&op, c, l, OperationId::new("child"));
    assert!(child(ChoiceId::SavepointAt, None).is_err());
    assert!(child(ChoiceId::Retry, None).is_err(), "not offered");
    assert_eq!(child(ChoiceId::Abandon, None), Ok(None));
    let at_place = child(ChoiceId::SavepointAt, Some("s3://b/x")).unwrap().unwrap();
    assert_eq!(at_place.bindings().snapshot.unwrap().location.as_deref(), Some("s3://b/x"));
    let last = child(ChoiceId::LastCheckpoint, None).unwrap().unwrap();
    assert_eq!(names(&last), [StepName::RecordCheckpoint, StepName::WriteCatalogue], "its end was seen");
}

#[rstest]
#[case::a_stop(stopping(), "op.1.1")]
#[case::a_submission({
    let mut op = operation(Kind::Upgrade, Stop::Savepoint);
    confirm_until(&mut op, StepName::RunJar);
    let n = op.current().unwrap().n;
    driver::intend(&mut op, n, Some("ab".repeat(16)), None, START);
    op
}, "op.6.1")]
fn looking_again_sends_nothing_and_looks_for_what_was_sent(#[case] mut op: Operation, #[case] row: &str) {
    let n = op.current().unwrap().n;
    absorbed(&mut op, 1_000, silence());
    assert!(op.choices.iter().all(|c| c.id != ChoiceId::Retry), "{:?}", op.choices);
    let mut child = child(&op, ChoiceId::LookAgain);
    let step = child.current().unwrap();
    assert_eq!((step.key.as_deref(), step.attempts), (Some(&*"ab".repeat(16)), 1));
    assert_eq!(
        (child.snapshot_id(step).as_str(), child.job_id(step).as_str()),
        (row, row),
        "rows of the parent"
    );
    assert_eq!((child.state, driver::next(&child, at(1_001))), (OpState::Queued, Next::Probe(n)));
    assert!(driver::begin(&mut child, at(1_001)) && !driver::begin(&mut child, at(1_002)), "it begins once");
    assert_eq!((child.state, child.started_at), (OpState::Running, Some(at(1_001))));
    assert_eq!(driver::next(&child, at(1_002)), Next::Probe(n), "still only looked for");
    // Asked and looked again once more, the one that sent it is still known.
    absorbed(&mut child, 3_000, silence());
    let grandchild = choose(&child, ChoiceId::LookAgain, None, OperationId::new("again")).unwrap().unwrap();
    assert_eq!(grandchild.issuer(grandchild.current().unwrap()).as_str(), "op");
    // Another attempt is its own.
    let mut own = grandchild;
    driver::intend(&mut own, n, Some("ef".repeat(16)), None, at(4_000));
    assert_eq!(own.issuer(own.current().unwrap()).as_str(), "again");
}

#[rstest]
#[case(StepName::NoLiveJob, StepName::NoLiveJob)]
#[case(StepName::RunJar, StepName::NoLiveJob)]
#[case::what_it_submitted_may_live(StepName::AwaitRunning, StepName::CancelJob)]
#[case(StepName::VerifyRestore, StepName::CancelJob)]
fn a_way_back_that_is_tried_again_never_runs_the_failed_revision(
    #[case] name: StepName,
    #[case] first: StepName,
) {
    let op = way_back_failed(name);
    let child = child(&op, ChoiceId::Retry);
    let runs: Vec<&Act> =
        child.steps.iter().filter(|s| s.state == StepState::Planned).map(|s| &s.act).collect();
    assert!(runs.contains(&&Act::RunJar { revision: 1 }) && !runs.contains(&&Act::RunJar { revision: 2 }));
    assert_eq!(child.current().unwrap().act.name(), first);
    let from = child.current().unwrap().n;
    let again: Vec<StepName> = child.steps.iter().filter(|s| s.n >= from).map(|s| s.act.name()).collect();
    let nothing_lives = again.iter().position(|n| *n == StepName::NoLiveJob);
    assert!(nothing_lives < again.iter().position(|n| *n == StepName::RunJar), "{again:?}");
}

#[test]
fn what_a_refused_submission_left_alive_is_ended_on_the_way_back() {
    let mut op = operation(Kind::Upgrade, Stop::Savepoint);
    op.plan.probation.on_failure = OnFailure::Ask;
    confirm_until(&mut op, StepName::RunJar);
    let n = op.current().unwrap().n;
    driver::intend(&mut op, n, Some("cd".repeat(16)), None, START);
    let answer = Some(Answer::refused(400, "two executes"));
    absorbed(&mut op, 1, Evidence { answer, job: seen(FlinkState::Running, None), ..Default::default() });
    let child = child(&op, ChoiceId::RollBack);
    let Act::CancelJob { job: Some(job) } = &child.current().unwrap().act else {
        panic!("{:?}", child.current())
    };
    assert_eq!((job.flink.to_string(), job.id.as_str()), ("cd".repeat(16), "op.6.1"));
}

#[rstest]
#[case::nothing_ran_before(|p: &mut Plan| p.previous_revision = None)]
#[case::its_state_was_given_up(|p: &mut Plan| p.restore = RestoreSource::Empty)]
#[case::on_the_way_back(|p: &mut Plan| p.compensation = Some(Compensation {
    cause: "x".into(), failed_step: 1, ends_as: OpState::RolledBack,
}))]
fn a_way_back_is_offered_only_where_there_is_one(#[case] change: fn(&mut Plan)) {
    let expired = |change: Option<fn(&mut Plan)>| {
        let mut op = operation(Kind::Upgrade, Stop::Savepoint);
        confirm_until(&mut op, StepName::Probation);
        let n = op.current().unwrap().n;
        driver::intend(&mut op, n, None, None, START);
        if let Some(change) = change {
            change(&mut op.plan);
        }
        let j = judged(&op, 5_000, Evidence { job: seen(FlinkState::Running, None), ..Default::default() });
        let Judgement::Attention { choices, .. } = j else { panic!("{j:?}") };
        choices.iter().any(|c| c.id == ChoiceId::RollBack)
    };
    assert!(expired(None) && !expired(Some(change)));
}

/// Nobody has told that the job ended: the named snapshot is not its last word, and its end is waited for.
#[test]
fn a_snapshot_named_for_a_stop_is_its_end_only_where_the_end_was_seen() {
    let mut op = stopping();
    absorbed(&mut op, 1_000, silence());
    assert_eq!(op.error.as_ref().map(|e| e.code.as_str()), Some("CLUSTER_SILENT"));
    let child = choose(&op, ChoiceId::SavepointAt, Some("s3://b/x"), OperationId::new("child"));
    let child = child.unwrap().unwrap();
    assert_eq!(
        names(&child),
        [StepName::StopWithSavepoint, StepName::AwaitTerminal, StepName::WriteCatalogue]
    );
    assert!(!child.steps[0].outcome.as_ref().unwrap().is_final);
    let mut op = stopping();
    let ended = Evidence {
        job: seen(FlinkState::Canceled, Some(5)),
        trigger: Some(AsyncStatus::Unknown),
        ..Default::default()
    };
    absorbed(&mut op, 400, ended);
    let child = choose(&op, ChoiceId::SavepointAt, Some("s3://b/x"), OperationId::new("child"));
    let child = child.unwrap().unwrap();
    assert_eq!(names(&child), [StepName::StopWithSavepoint, StepName::WriteCatalogue]);
    assert!(child.steps[0].outcome.as_ref().unwrap().is_final);
}
