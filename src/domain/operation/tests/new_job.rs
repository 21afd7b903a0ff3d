//! What becomes of a job that an operation has started: only its own positive failure leads back by itself.

use super::*;

/// An upgrade whose step with this name is at INTENT.
fn upgrading(name: StepName) -> Operation {
    let mut op = operation(Kind::Upgrade, Stop::Savepoint);
    confirm_until(&mut op, name);
    let n = op.current().unwrap().n;
    driver::intend(&mut op, n, Some("ab".repeat(16)), None, START);
    op
}

fn checkpointed() -> Option<Checkpoints> {
    let stat = CheckpointStat {
        id: 7,
        status: CheckpointStatus::Completed,
        kind: CheckpointKind::Checkpoint,
        triggered_at: START,
        acked_at: None,
        duration_ms: None,
        size: None,
        path: None,
        discarded: false,
        failure: None,
    };
    Some(Checkpoints { latest_completed: Some(stat), ..Default::default() })
}

#[rstest]
fn an_end_by_others_is_no_failure(
    #[values(StepName::AwaitRunning, StepName::VerifyRestore, StepName::Probation)] name: StepName,
) {
    let verdict = |state, checkpoints| {
        let ev = Evidence {
            job: seen(state, Some(9)),
            root_cause: Some("boom".into()),
            checkpoints,
            ..Default::default()
        };
        word(&judged(&upgrading(name), 9, ev))
    };
    assert_eq!(verdict(FlinkState::Canceled, None), "ask", "a person has cancelled it");
    let finished = if name == StepName::VerifyRestore { "wait" } else { "confirmed" };
    assert_eq!(verdict(FlinkState::Finished, None), finished, "a bounded job comes to its end");
    assert_eq!(verdict(FlinkState::Failed, None), "refuted");
    assert_eq!(
        verdict(FlinkState::Failed, checkpointed()),
        "ask",
        "going back would give up its checkpoints"
    );
}

#[test]
fn a_late_failure_is_a_failure_where_nothing_goes_back_by_itself() {
    let verdict = |change: fn(&mut Plan)| {
        let mut op = upgrading(StepName::Probation);
        change(&mut op.plan);
        let ev = Evidence {
            job: seen(FlinkState::Failed, Some(9)),
            root_cause: Some("boom".into()),
            checkpoints: checkpointed(),
            ..Default::default()
        };
        word(&judged(&op, 9, ev))
    };
    assert_eq!(verdict(|p| p.previous_revision = None), "refuted");
    assert_eq!(verdict(|p| p.probation.on_failure = OnFailure::Keep), "refuted");
}

/// KEEP keeps a job that was submitted as a whole; one that a refused submission left behind is ended.
#[rstest]
#[case::refused_and_nothing_lives(None, &[])]
#[case::refused_and_a_job_lives(Some(job()), &[StepName::CancelJob, StepName::AwaitTerminal, StepName::WriteCatalogue])]
fn a_half_submitted_job_is_never_kept(#[case] left: Option<JobRef>, #[case] then: &[StepName]) {
    let mut op = upgrading(StepName::RunJar);
    op.plan.probation.on_failure = OnFailure::Keep;
    let (n, planned) = (op.current().unwrap().n, op.steps.len());
    let left_behind = left.map(|job| Outcome { job: Some(job), ..Outcome::default() });
    let refuted = Judgement::Refuted { reason: "refused".into(), retry: Retry::Never, left_behind };
    driver::absorb(&mut op, n, refuted, at(1));
    assert_eq!(names(&op)[planned..], *then);
    assert_eq!(op.plan.compensation.unwrap().ends_as, OpState::Failed);
}

/// Flink lists the newest checkpoints only, and counts savepoints with them.
#[rstest]
#[case::listed(1, &["CHECKPOINT"], 1, "confirmed")]
#[case::unaligned(1, &["UNALIGNED_CHECKPOINT"], 1, "confirmed")]
#[case::a_savepoint_is_none(1, &["SAVEPOINT"], 1, "wait")]
#[case::nor_is_that_of_a_stop(1, &["SYNC_SAVEPOINT"], 1, "wait")]
#[case::more_than_are_listed(20, &["CHECKPOINT"; 10], 20, "confirmed")]
#[case::one_is_missing(20, &["CHECKPOINT"; 10], 19, "wait")]
fn probation_counts_checkpoints(
    #[case] wanted: u32,
    #[case] listed: &[&str],
    #[case] counted: u64,
    #[case] verdict: &str,
) {
    let mut op = upgrading(StepName::Probation);
    op.plan.probation.checkpoints = wanted;
    let mut stats = checkpointed().unwrap();
    let one = stats.latest_completed.clone().unwrap();
    let entry = |kind: &&str| CheckpointStat { kind: CheckpointKind::from_word(kind), ..one.clone() };
    stats.history = listed.iter().map(entry).collect();
    stats.completed = counted;
    let ev = Evidence {
        job: seen(FlinkState::Running, None),
        checkpoints: Some(stats),
        checkpoint_config: Some(CheckpointConfig {
            interval: Some(Span(Duration::from_secs(1))),
            ..Default::default()
        }),
        ..Default::default()
    };
    assert_eq!(word(&judged(&op, 5, ev)), verdict);
}

/// Whatever probation asks about, the person may go on watching.
#[rstest]
#[case::silence(Sight::Unreachable(Duration::from_secs(2_000)))]
#[case::lost(Sight::Absent(Duration::from_secs(2_000)))]
fn probation_can_be_gone_on_with(#[case] job: Sight) {
    let op = upgrading(StepName::Probation);
    let j = judged(&op, 2_000, Evidence { job, ..Default::default() });
    let Judgement::Attention { choices, .. } = &j else { panic!("{j:?}") };
    assert_eq!(choices[0].id, ChoiceId::LookAgain);
}

#[rstest]
#[case(StepName::AwaitSlots)]
#[case(StepName::NoLiveJob)]
#[case(StepName::RunJar)]
#[case(StepName::AwaitRunning)]
fn silence_asks_and_never_fails(#[case] name: StepName) {
    let op = upgrading(name);
    let at_ = |s| {
        let job = Sight::Unreachable(Duration::from_secs(s));
        judged(&op, s, Evidence { job, ..Default::default() })
    };
    assert_eq!(word(&at_(60)), "wait");
    let j = at_(901);
    let Judgement::Attention { code, choices, .. } = &j else { panic!("{j:?}") };
    assert_eq!((*code, choices[0].id), ("CLUSTER_SILENT", ChoiceId::LookAgain));
}

#[test]
fn a_submission_that_never_left_is_no_failure_once_the_old_job_has_ended() {
    let unsent = |op: &Operation| {
        let ev = Evidence { answer: Some(Answer::NotSent("refused".into())), ..Default::default() };
        word(&judged(op, 901, ev))
    };
    assert_eq!(unsent(&upgrading(StepName::RunJar)), "ask");
    let mut start = operation(Kind::Start, Stop::Savepoint);
    start.steps.retain(|s| s.act.name() == StepName::RunJar);
    let n = start.steps[0].n;
    driver::intend(&mut start, n, Some("ab".repeat(16)), None, START);
    assert_eq!(unsent(&start), "refuted");
}

#[test]
fn tasks_that_never_come_are_asked_about() {
    let op = upgrading(StepName::AwaitRunning);
    let verdict = |seconds| {
        let mut sight = seen(FlinkState::Running, None);
        if let Sight::Seen { job, .. } = &mut sight {
            job.tasks = TaskCounts { total: 2, running: 1, pending: 1, ..TaskCounts::default() };
        }
        word(&judged(&op, seconds, Evidence { job: sight, ..Default::default() }))
    };
    assert_eq!((verdict(899), verdict(900)), ("wait", "ask"));
}

#[test]
fn a_job_that_does_not_end_is_asked_about() {
    let op = {
        let mut op = operation(Kind::Cancel, Stop::Discard);
        confirm_until(&mut op, StepName::AwaitTerminal);
        let n = op.current().unwrap().n;
        driver::intend(&mut op, n, None, None, START);
        op
    };
    let verdict =
        |s| word(&judged(&op, s, Evidence { job: seen(FlinkState::Cancelling, None), ..Default::default() }));
    assert_eq!((verdict(60), verdict(901)), ("wait", "ask"));
}

/// `main()` runs in the JobManager and may end it: an answer that was lost is no reason to run it again.
#[rstest]
#[case(None, "resend")]
#[case(Some(Answer::NotSent("refused".into())), "resend")]
#[case(Some(Answer::Lost("cut".into())), "refuted")]
#[case(Some(Answer::Accepted(None)), "confirmed")]
fn a_plan_is_compiled_once(#[case] answer: Option<Answer>, #[case] verdict: &str) {
    let mut op = operation(Kind::Upgrade, Stop::Savepoint);
    op.steps = vec![Step::planned(1, Act::PlanJar { revision: 2 })];
    driver::intend(&mut op, 1, None, None, START);
    assert_eq!(word(&judged(&op, 3, Evidence { answer, ..Default::default() })), verdict);
}

#[test]
fn a_job_that_was_told_to_end_is_followed_to_its_end() {
    for step in [StepName::AwaitTerminal, StepName::RecordCheckpoint] {
        let mut op = operation(Kind::Upgrade, Stop::LastCheckpoint);
        confirm_until(&mut op, StepName::AwaitTerminal);
        if step == StepName::RecordCheckpoint {
            confirm_until(&mut op, step);
        }
        op.cancel_requested = true;
        let n = op.current().unwrap().n;
        assert_eq!(driver::next(&op, START), Next::Intend(n), "{step}");
    }
}

/// That its statistics could not be read does not mean that it has completed no checkpoint.
#[rstest]
fn progress_that_is_not_known_is_never_given_up_by_itself(
    #[values(StepName::AwaitRunning, StepName::VerifyRestore, StepName::Probation)] name: StepName,
) {
    let failed = |seconds, ev| {
        let job = seen(FlinkState::Failed, Some(9));
        let j = judged(&upgrading(name), seconds, Evidence { job, root_cause: Some("boom".into()), ..ev });
        match &j {
            Judgement::Attention { code, choices, .. } => format!("{code} {}", choices[0].id),
            _ => word(&j).to_owned(),
        }
    };
    let unread = || Evidence { checkpoints_unread: true, ..Default::default() };
    assert_eq!(failed(9, unread()), "wait");
    assert_eq!(failed(901, unread()), "PROGRESS_UNKNOWN look-again");
    let kept = Some(("file:/c/chk-4".into(), 4, START));
    assert_eq!(
        failed(9, Evidence { kept_checkpoint: kept, ..unread() }),
        "FAILED_AFTER_CHECKPOINT roll-back"
    );
    // A JobManager that took over has forgotten what was completed, and knows what it restored.
    let restored = |path: &str| {
        let restored = Restored { id: 4, restored_at: None, is_savepoint: false, path: Some(path.into()) };
        let known = Checkpoints { latest_restored: Some(restored), ..Default::default() };
        Evidence { checkpoints: Some(known), ..Default::default() }
    };
    assert_eq!(failed(9, restored("file:/c/chk-4")), "FAILED_AFTER_CHECKPOINT roll-back");
    let given = upgrading(name).restore_location().unwrap();
    assert_eq!(failed(9, restored(&given)), "refuted");
}

#[test]
fn a_job_that_restarts_is_hopeless_only_where_it_is_known_to_have_no_checkpoint() {
    let op = upgrading(StepName::AwaitRunning);
    let looping = |unread| {
        let job = seen(FlinkState::Restarting, None);
        let ev = Evidence { job, restarts: Some(3), checkpoints_unread: unread, ..Default::default() };
        word(&judged(&op, 9, ev))
    };
    assert_eq!((looping(false), looping(true)), ("refuted", "wait"));
}

/// Once may be chance.
#[test]
fn a_program_that_ends_its_jobmanager_twice_is_not_tried_again() {
    let mut op = upgrading(StepName::RunJar);
    let replaced = |op: &Operation| {
        let job = Sight::Absent(Duration::from_secs(61));
        word(&judged(op, 61, Evidence { job, replaced: true, ..Default::default() }))
    };
    assert_eq!(replaced(&op), "redo");
    let n = op.current().unwrap().n;
    op.steps.iter_mut().find(|s| s.n == n).unwrap().attempts = 2;
    assert_eq!(replaced(&op), "ask");
}
