//! Tables over the driver and the judges: evidence in, verdict out.

use std::time::Duration;

use rstest::rstest;

use super::{
    driver::{self, Next},
    evidence::{Answer, Child, Evidence, Judgement, Patience, Retry, Sight},
    recipe::{self, Facts, Stop},
    steps::{Case, judge},
    *,
};
use crate::domain::{
    deployment::{FlinkState, TaskCounts},
    flink::{
        AsyncStatus, CheckpointConfig, CheckpointKind, CheckpointStat, CheckpointStatus, Checkpoints,
        JobSummary, Restored,
    },
    ids::{ArtifactSha, Hex32, JobId, SavepointId},
    savepoint::Origin,
    time::Span,
};

mod choices;
mod ends;
mod new_job;
mod supersede;

const START: Timestamp = Timestamp::from_millis(1_000);
const DIR: &str = "file:/sp/nutkin/d/op-1";

fn at(seconds: u64) -> Timestamp {
    START + Duration::from_secs(seconds)
}

fn job() -> JobRef {
    JobRef { id: JobId::new("j1"), flink: Hex32::from_bytes([1; 16]) }
}

fn plan() -> Plan {
    Plan {
        old_job: Some(job()),
        revision: Some(2),
        previous_revision: Some(1),
        restore: RestoreSource::ThisOperation,
        savepoint_base: Some("file:/sp".into()),
        origin: Origin::Suspend,
        slots_needed: 2,
        previous_slots_needed: 2,
        ..Plan::empty()
    }
}

fn operation(kind: Kind, stop: Stop) -> Operation {
    let facts = Facts {
        live: Some(job()),
        stop,
        jar: Some(ArtifactSha::new("new")),
        previous_jar: Some(ArtifactSha::new("old")),
        retained: true,
        plan_check: false,
        takeover: Default::default(),
    };
    let acts = recipe::steps(kind, &plan(), &facts);
    Operation {
        id: OperationId::new("op"),
        parent: None,
        kind,
        deployment: DeploymentId::new("d"),
        deployment_name: DeploymentName::new("app", "d").unwrap(),
        target: TargetName::new("t"),
        state: OpState::Queued,
        actor: "alice".into(),
        via: Via::Cli,
        reason: None,
        created_at: START,
        started_at: None,
        ended_at: None,
        plan: plan(),
        steps: acts.into_iter().zip(1..).map(|(a, n)| Step::planned(n, a)).collect(),
        error: None,
        choices: vec![],
        result: None,
        cancel_requested: false,
    }
}

fn names(op: &Operation) -> Vec<StepName> {
    op.steps.iter().map(|s| s.act.name()).collect()
}

fn seen(state: FlinkState, terminal_for: Option<u64>) -> Sight {
    let tasks = TaskCounts { total: 2, running: 2, ..Default::default() };
    Sight::Seen {
        job: JobSummary {
            id: job().flink,
            name: "p".into(),
            state,
            start_time: START,
            end_time: None,
            tasks,
        },
        terminal_for: terminal_for.map(Duration::from_secs),
        running_for: None,
    }
}

/// The stop step of a suspend at INTENT, begun at START.
fn stopping() -> Operation {
    let mut op = operation(Kind::Suspend, Stop::Savepoint);
    driver::intend(&mut op, 1, Some("ab".repeat(16)), Some(START), START);
    op
}

fn judged(op: &Operation, seconds: u64, ev: Evidence) -> Judgement {
    let step = op.current().unwrap();
    let ev = Evidence { directory: Some(DIR.into()), ..ev };
    judge(Case { op, step, now: at(seconds), patience: &Patience::default() }, &ev)
}

fn word(j: &Judgement) -> &'static str {
    match j {
        Judgement::Confirmed(o, _) if o.is_final => "final",
        Judgement::Confirmed(..) => "confirmed",
        Judgement::Refuted { retry: Retry::After(_), left_behind: Some(_), .. } => "kept, again",
        Judgement::Refuted { retry: Retry::After(_), .. } => "again",
        Judgement::Refuted { .. } => "refuted",
        Judgement::Resend(_) => "resend",
        Judgement::Wait(_) => "wait",
        Judgement::Redo { .. } => "redo",
        Judgement::Attention { .. } => "ask",
    }
}

fn completed() -> Option<AsyncStatus> {
    Some(AsyncStatus::Completed { location: Some(format!("{DIR}/savepoint-1")) })
}

fn failed(full: &str) -> Option<AsyncStatus> {
    Some(AsyncStatus::Failed { reason: "no".into(), full: full.into() })
}

fn children(complete: &[bool]) -> Option<Vec<Child>> {
    let child =
        |(i, c): (usize, &bool)| Child { location: format!("{DIR}/savepoint-{i}"), complete: *c, size: None };
    Some(complete.iter().enumerate().map(child).collect())
}

#[rstest]
// FINISHED and complete: confirmed, final. Flink's own completion is the second look.
#[case(FlinkState::Finished, None, completed(), None, 5, "final")]
#[case(FlinkState::Finished, Some(0), Some(AsyncStatus::Unknown), children(&[true]), 5, "wait")]
#[case(FlinkState::Finished, Some(2), Some(AsyncStatus::Unknown), children(&[true]), 5, "final")]
// Ended and nothing to be seen: a person, but only when every source has had its time.
#[case(FlinkState::Finished, Some(2), Some(AsyncStatus::Unknown), None, 5, "wait")]
#[case(FlinkState::Finished, Some(2), Some(AsyncStatus::Unknown), None, 301, "ask")]
#[case(FlinkState::Canceled, Some(2), Some(AsyncStatus::Unknown), children(&[]), 11, "ask")]
#[case(FlinkState::Finished, Some(2), Some(AsyncStatus::Unknown), children(&[true, true]), 5, "ask")]
// Running and complete: kept, not final, again under a new key.
#[case(FlinkState::Running, None, failed(&format!("savepoint at: {DIR}/savepoint-7, but the job failed")), None, 5, "kept, again")]
#[case(FlinkState::Running, None, completed(), None, 5, "wait")]
#[case(FlinkState::Running, None, completed(), None, 700, "kept, again")]
// Running, our trigger answers failed: refuted, again after a pause.
#[case(FlinkState::Running, None, failed("IO problem"), None, 5, "again")]
// Running and unknown on the same JobManager: the same key may be sent again.
#[case(FlinkState::Running, None, Some(AsyncStatus::Unknown), None, 5, "resend")]
#[case(FlinkState::Running, None, Some(AsyncStatus::InProgress), None, 9_000, "wait")]
// Failed with a complete snapshot: a person decides.
#[case(FlinkState::Failed, Some(2), completed(), None, 5, "ask")]
#[case(FlinkState::Failed, Some(2), failed("x"), children(&[]), 11, "ask")]
// Cancelled with a complete snapshot: it may have gone on in between.
#[case(FlinkState::Canceled, Some(0), completed(), None, 5, "wait")]
#[case(FlinkState::Canceled, Some(2), completed(), None, 5, "ask")]
// Running, and the route that should tell fails for long: a person, never a second stop.
#[case(FlinkState::Running, None, None, None, 700, "wait")]
#[case(FlinkState::Running, None, None, None, 721, "ask")]
fn stop_verdicts(
    #[case] state: FlinkState,
    #[case] terminal_for: Option<u64>,
    #[case] trigger: Option<AsyncStatus>,
    #[case] children: Option<Vec<Child>>,
    #[case] seconds: u64,
    #[case] verdict: &str,
) {
    let ev = Evidence { job: seen(state, terminal_for), trigger, children, ..Default::default() };
    let j = judged(&stopping(), seconds, ev);
    assert_eq!(word(&j), verdict, "{j:?}");
}

#[test]
fn after_a_failover_the_key_is_never_sent_again() {
    let mut op = stopping();
    op.steps[0].mark = Some(at(0) + Duration::from_secs(9));
    let ev = |s| {
        judged(
            &op,
            s,
            Evidence {
                job: seen(FlinkState::Running, None),
                trigger: Some(AsyncStatus::Unknown),
                ..Default::default()
            },
        )
    };
    assert_eq!(word(&ev(10)), "wait");
    assert_eq!(word(&ev(601)), "again");
}

#[test]
fn a_job_that_is_gone_with_its_snapshot_complete_is_final_once_it_stays_away() {
    let ev = |s| Evidence {
        job: Sight::Absent(Duration::from_secs(s)),
        trigger: Some(AsyncStatus::Unknown),
        children: children(&[true]),
        ..Default::default()
    };
    assert_eq!(word(&judged(&stopping(), 5, ev(5))), "wait");
    let j = judged(&stopping(), 70, ev(61));
    let Judgement::Confirmed(outcome, _) = j else { panic!("{j:?}") };
    assert_eq!((outcome.is_final, outcome.flink_state.as_deref()), (true, Some("gone")));
}

#[test]
fn an_unreachable_cluster_is_never_a_failure() {
    let ev = |s| Evidence { job: Sight::Unreachable(Duration::from_secs(s)), ..Default::default() };
    assert_eq!(word(&judged(&stopping(), 60, ev(60))), "wait");
    assert_eq!(word(&judged(&stopping(), 1000, ev(1000))), "ask");
}

#[rstest]
#[case(Some(Answer::Accepted(Some("x".into()))), Sight::Absent(Duration::ZERO), 1, "confirmed")]
#[case(Some(Answer::Lost("cut".into())), Sight::Absent(Duration::ZERO), 60, "wait")]
#[case(Some(Answer::Lost("cut".into())), Sight::Absent(Duration::ZERO), 601, "redo")]
#[case(None, Sight::Absent(Duration::ZERO), 60, "wait")]
#[case(None, seen(FlinkState::Running, None), 1, "confirmed")]
#[case(None, seen(FlinkState::Failed, Some(1)), 1, "confirmed")]
#[case(
    Some(Answer::refused(400, "DuplicateJobSubmissionException")),
    seen(FlinkState::Running, None),
    1,
    "confirmed"
)]
#[case(Some(Answer::refused(400, "main threw")), Sight::Absent(Duration::ZERO), 1, "refuted")]
#[case(Some(Answer::refused(400, "two executes")), seen(FlinkState::Running, None), 1, "refuted")]
#[case(Some(Answer::refused(500, "Jar file x does not exist")), Sight::Absent(Duration::ZERO), 1, "redo")]
#[case(Some(Answer::NotSent("refused".into())), Sight::Unreachable(Duration::ZERO), 1, "resend")]
fn run_verdicts(
    #[case] answer: Option<Answer>,
    #[case] sight: Sight,
    #[case] seconds: u64,
    #[case] verdict: &str,
) {
    let mut op = operation(Kind::Upgrade, Stop::Savepoint);
    confirm_until(&mut op, StepName::RunJar);
    let n = op.current().unwrap().n;
    driver::intend(&mut op, n, Some("cd".repeat(16)), None, START);
    let j = judged(&op, seconds, Evidence { answer, job: sight, ..Default::default() });
    assert_eq!(word(&j), verdict, "{j:?}");
}

#[test]
fn jars_that_are_lost_again_and_again_lead_back_and_cost_no_attempt_to_submit() {
    let mut op = operation(Kind::Upgrade, Stop::Savepoint);
    confirm_until(&mut op, StepName::RunJar);
    let n = op.current().unwrap().n;
    op.plan.max_job_attempts = 1;
    for round in 1..=4 {
        driver::intend(&mut op, n, Some("cd".repeat(16)), None, START);
        let reason = "the jar file nutkin-x.jar does not exist on the cluster".to_owned();
        let answer = Some(Answer::refused(404, reason));
        let j = judged(&op, 1, Evidence { answer, job: Sight::Absent(Duration::ZERO), ..Default::default() });
        driver::absorb(&mut op, n, j, at(1));
        assert_eq!(op.plan.compensation.is_some(), round == 4);
        if round < 4 {
            confirm_until(&mut op, StepName::RunJar);
        }
    }
}

/// Confirms every step before the first one with this name.
fn confirm_until(op: &mut Operation, name: StepName) {
    op.state = OpState::Running;
    while let Some(step) = op.current().filter(|s| s.act.name() != name).cloned() {
        let outcome = match step.act {
            Act::StopWithSavepoint { .. } => {
                Outcome { location: Some(format!("{DIR}/savepoint-1")), is_final: true, ..Default::default() }
            }
            Act::RunJar { .. } => Outcome {
                job: Some(JobRef { id: JobId::new("new"), flink: Hex32::from_bytes([9; 16]) }),
                ..Default::default()
            },
            _ => Outcome::default(),
        };
        driver::intend(
            op,
            step.n,
            matches!(step.act, Act::RunJar { .. }).then(|| "ef".repeat(16)),
            None,
            START,
        );
        driver::absorb(op, step.n, Judgement::Confirmed(outcome, String::new()), START);
    }
}

#[test]
fn both_jars_are_uploaded_before_anything_is_stopped() {
    use StepName as S;
    let op = operation(Kind::Upgrade, Stop::Savepoint);
    assert_eq!(
        names(&op),
        [
            S::UploadJar,
            S::UploadJar,
            S::StopWithSavepoint,
            S::NoLiveJob,
            S::AwaitSlots,
            S::RunJar,
            S::AwaitRunning,
            S::VerifyRestore,
            S::Probation,
            S::WriteCatalogue
        ]
    );
    let op = operation(Kind::Upgrade, Stop::LastCheckpoint);
    assert_eq!(
        names(&op)[2..7],
        [S::RecordCheckpoint, S::CancelJob, S::AwaitTerminal, S::RecordCheckpoint, S::NoLiveJob]
    );
}

#[test]
fn a_failed_new_revision_leads_back_from_the_same_snapshot_under_a_new_id() {
    let mut op = operation(Kind::Upgrade, Stop::Savepoint);
    confirm_until(&mut op, StepName::Probation);
    let n = op.current().unwrap().n;
    driver::intend(&mut op, n, None, None, START);
    driver::absorb(&mut op, n, Judgement::refuted("the job failed: boom"), at(9));
    assert_eq!(op.plan.compensation.as_ref().map(|c| c.ends_as), Some(OpState::RolledBack));
    use StepName as S;
    let back: Vec<StepName> =
        op.steps.iter().filter(|s| s.state == StepState::Planned).map(|s| s.act.name()).collect();
    assert_eq!(
        back,
        [
            S::CancelJob,
            S::AwaitTerminal,
            S::NoLiveJob,
            S::AwaitSlots,
            S::RunJar,
            S::AwaitRunning,
            S::VerifyRestore,
            S::WriteCatalogue
        ]
    );
    assert!(op.steps.iter().any(|s| s.act == Act::RunJar { revision: 1 } && s.state == StepState::Planned));
    assert_eq!(op.restore_location().as_deref(), Some("file:/sp/nutkin/d/op-1/savepoint-1"));
    confirm_until(&mut op, StepName::PlanJar);
    assert_eq!(driver::next(&op, at(10)), Next::Finish(OpState::RolledBack));
}

#[test]
fn lost_jars_are_uploaded_again_and_the_stop_stays_as_it_was() {
    let mut op = operation(Kind::Upgrade, Stop::Savepoint);
    confirm_until(&mut op, StepName::RunJar);
    let n = op.current().unwrap().n;
    driver::intend(&mut op, n, Some("cd".repeat(16)), None, START);
    let snapshot = op.restore_location();
    let lost = Answer::refused(500, "Jar file x does not exist");
    let j = judged(
        &op,
        1,
        Evidence { answer: Some(lost), job: Sight::Absent(Duration::ZERO), ..Default::default() },
    );
    driver::absorb(&mut op, n, j, at(1));
    use StepName as S;
    let again: Vec<StepName> = op.steps[..n as usize]
        .iter()
        .filter(|s| s.state == StepState::Planned)
        .map(|s| s.act.name())
        .collect();
    assert_eq!(again, [S::UploadJar, S::UploadJar, S::NoLiveJob, S::AwaitSlots, S::RunJar]);
    assert_eq!(op.restore_location(), snapshot, "the snapshot is not forgotten");
    assert_eq!(driver::next(&op, at(1)), Next::Intend(1));
}

#[test]
fn a_failure_for_unmapped_state_names_what_drops_it() {
    let mut op = operation(Kind::Rollback, Stop::Savepoint);
    confirm_until(&mut op, StepName::RunJar);
    let n = op.current().unwrap().n;
    driver::intend(&mut op, n, Some("ab".repeat(16)), None, START);
    let reason =
        "Flink refused the job: Cannot map checkpoint/savepoint state for operator 17bd5 to the new program";
    driver::absorb(&mut op, n, Judgement::refuted(reason), at(9));
    let error = op.error.unwrap();
    assert!(error.hint.unwrap().contains("--allow-non-restored-state"));
}

#[test]
fn the_wait_for_running_says_what_it_waits_for() {
    let mut op = operation(Kind::Start, Stop::Savepoint);
    confirm_until(&mut op, StepName::AwaitRunning);
    let n = op.current().unwrap().n;
    driver::intend(&mut op, n, None, None, START);
    let words = |running_for: Option<u64>| {
        let mut sight = seen(FlinkState::Running, None);
        if let Sight::Seen { running_for: for_, .. } = &mut sight {
            *for_ = running_for.map(Duration::from_secs);
        }
        judged(&op, 3, Evidence { job: sight, ..Evidence::default() })
    };
    let text = |j: Judgement| if let Judgement::Wait(w) = j { w } else { panic!("{j:?}") };
    assert_eq!(text(words(None)), "RUNNING, 2 of 2 tasks run");
    assert_eq!(text(words(Some(2))), "all 2 tasks run; they must go on for 5 s before it counts");
    assert!(matches!(words(Some(5)), Judgement::Confirmed(..)));
}

#[test]
fn a_failed_stop_leaves_the_old_job_running_without_an_effect() {
    let mut op = operation(Kind::Upgrade, Stop::Savepoint);
    confirm_until(&mut op, StepName::StopWithSavepoint);
    for attempt in 1..=4 {
        let n = op.current().unwrap().n;
        let now = at(attempt * 100);
        assert_eq!(driver::next(&op, now), Next::Intend(n));
        driver::intend(&mut op, n, Some(format!("{attempt:032x}")), None, now);
        let refuted = Judgement::Refuted {
            reason: "IO".into(),
            retry: Retry::After(Duration::from_secs(10)),
            left_behind: None,
        };
        driver::absorb(&mut op, n, refuted, now);
        if attempt < 4 {
            assert!(matches!(driver::next(&op, now), Next::Wait(_)));
        }
    }
    assert_eq!(driver::next(&op, at(500)), Next::Finish(OpState::FailedNoEffect));
    assert!(op.bindings().job.is_none());
}

#[test]
fn a_cancel_request_is_honoured_at_safe_points_only() {
    let mut op = operation(Kind::Upgrade, Stop::Savepoint);
    op.cancel_requested = true;
    assert_eq!(driver::next(&op, START), Next::Finish(OpState::Cancelled));
    let mut op = operation(Kind::Upgrade, Stop::Savepoint);
    confirm_until(&mut op, StepName::StopWithSavepoint);
    let n = op.current().unwrap().n;
    driver::intend(&mut op, n, Some("ab".repeat(16)), None, START);
    op.cancel_requested = true;
    assert_eq!(driver::next(&op, START), Next::Probe(n));
    let mut op = operation(Kind::Upgrade, Stop::Savepoint);
    confirm_until(&mut op, StepName::AwaitRunning);
    op.cancel_requested = true;
    assert!(matches!(driver::next(&op, START), Next::Intend(_)), "a submitted job is brought to its end");
}

#[rstest]
#[case(Some("file:/sp/nutkin/d/op-1/savepoint-1"), "confirmed")]
#[case(Some("file:/elsewhere/savepoint-2"), "ask")]
#[case(None, "wait")]
fn restores_are_verified_by_path(#[case] path: Option<&str>, #[case] verdict: &str) {
    let mut op = operation(Kind::Upgrade, Stop::Savepoint);
    confirm_until(&mut op, StepName::VerifyRestore);
    let n = op.current().unwrap().n;
    driver::intend(&mut op, n, None, None, START);
    let restored =
        path.map(|p| Restored { id: 1, restored_at: None, is_savepoint: true, path: Some(p.into()) });
    let checkpoints = Some(Checkpoints { latest_restored: restored, ..Default::default() });
    let j =
        judged(&op, 1, Evidence { job: seen(FlinkState::Running, None), checkpoints, ..Default::default() });
    assert_eq!(word(&j), verdict, "{j:?}");
}

/// Flink's word on why, and on its checkpoints, comes from a cache: before that has passed a failure is not judged, because
/// want of slots is tried again, and progress is not given up.
#[rstest]
fn a_failed_job_is_judged_when_the_cache_has_passed(
    #[values(StepName::AwaitRunning, StepName::VerifyRestore, StepName::Probation)] name: StepName,
) {
    let mut op = operation(Kind::Upgrade, Stop::Savepoint);
    confirm_until(&mut op, name);
    let n = op.current().unwrap().n;
    driver::intend(&mut op, n, None, None, START);
    let after = |terminal_for, cause: Option<&str>| {
        let job = seen(FlinkState::Failed, Some(terminal_for));
        let ev = Evidence { job, root_cause: cause.map(str::to_owned), ..Default::default() };
        word(&judged(&op, terminal_for, ev))
    };
    assert_eq!((after(0, None), after(3, None)), ("wait", "wait"));
    assert_eq!(
        (after(3, Some("boom")), after(4, Some("boom")), after(4, None)),
        ("wait", "refuted", "refuted")
    );
    if name == StepName::AwaitRunning {
        assert_eq!(after(4, Some("NoResourceAvailableException")), "redo");
    }
}

#[rstest]
#[case(1, 0, "confirmed")]
#[case(0, 0, "wait")]
#[case(0, 3, "refuted")]
fn probation_is_left_by_checkpoints_or_hopeless_restarts(
    #[case] done: u64,
    #[case] restarts: u64,
    #[case] verdict: &str,
) {
    let mut op = operation(Kind::Upgrade, Stop::Savepoint);
    confirm_until(&mut op, StepName::Probation);
    let n = op.current().unwrap().n;
    driver::intend(&mut op, n, None, None, START);
    let stat = |id| CheckpointStat {
        id,
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
    let history: Vec<CheckpointStat> = (0..done).map(stat).collect();
    let checkpoints =
        Some(Checkpoints { latest_completed: history.first().cloned(), history, ..Default::default() });
    let checkpoint_config = Some(CheckpointConfig {
        interval: Some(Span(Duration::from_secs(10))),
        timeout: None,
        retained: true,
    });
    let ev = Evidence {
        job: seen(FlinkState::Running, None),
        checkpoints,
        checkpoint_config,
        restarts: Some(restarts),
        ..Default::default()
    };
    assert_eq!(word(&judged(&op, 5, ev.clone())), verdict);
    if verdict == "wait" {
        assert_eq!(word(&judged(&op, 5_000, ev)), "ask", "mere expiry asks");
    }
}

#[test]
fn a_checkpoint_that_dies_with_its_job_is_no_way_out() {
    let mut op = operation(Kind::Upgrade, Stop::LastCheckpoint);
    confirm_until(&mut op, StepName::RecordCheckpoint);
    let n = op.current().unwrap().n;
    driver::intend(&mut op, n, None, None, START);
    let config = |retained| Some(CheckpointConfig { interval: None, timeout: None, retained });
    let kept = Some(("file:/c/chk-4".to_owned(), 4, START));
    let ev = |retained| Evidence {
        job: seen(FlinkState::Restarting, None),
        checkpoint_config: config(retained),
        kept_checkpoint: kept.clone(),
        ..Default::default()
    };
    assert_eq!(word(&judged(&op, 1, ev(false))), "refuted");
    assert_eq!(word(&judged(&op, 1, ev(true))), "confirmed");
}

#[test]
fn the_savepoint_of_an_attempt_has_a_row_of_its_own() {
    let mut op = stopping();
    let j = judged(
        &op,
        5,
        Evidence { job: seen(FlinkState::Finished, None), trigger: completed(), ..Default::default() },
    );
    driver::absorb(&mut op, 1, j, at(5));
    assert_eq!(op.bindings().snapshot.unwrap().savepoint, Some(SavepointId::new("op.1.1")));
}
