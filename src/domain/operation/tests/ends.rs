//! How a job is brought to its end without a savepoint: the cancel, and the checkpoint that is written down with it.

use super::*;

/// An upgrade from the last checkpoint, whose step with this name is at INTENT.
fn leaving(name: StepName) -> Operation {
    let mut op = operation(Kind::Upgrade, Stop::LastCheckpoint);
    confirm_until(&mut op, name);
    let n = op.current().unwrap().n;
    driver::intend(&mut op, n, None, None, START);
    op
}

#[rstest]
#[case(Some(Answer::refused(403, "Forbidden")), 3, "ask")]
#[case(Some(Answer::refused(405, "Method Not Allowed")), 3, "ask")]
#[case(Some(Answer::refused(404, "job not found")), 3, "resend")]
#[case(Some(Answer::Lost("closed".into())), 3, "resend")]
#[case(None, 3, "resend")]
#[case(Some(Answer::Lost("closed".into())), 901, "ask")]
#[case::after_a_long_night_without_a_manager(None, 901, "resend")]
#[case(Some(Answer::Accepted(None)), 901, "confirmed")]
fn a_cancel_that_is_not_taken_is_not_repeated_for_ever(
    #[case] answer: Option<Answer>,
    #[case] seconds: u64,
    #[case] verdict: &str,
) {
    let job = seen(FlinkState::Running, None);
    let j = judged(&leaving(StepName::CancelJob), seconds, Evidence { job, answer, ..Default::default() });
    assert_eq!(word(&j), verdict, "{j:?}");
}

/// An older checkpoint is never taken for the newest because Flink did not answer.
#[test]
fn a_checkpoint_is_not_written_down_while_the_statistics_cannot_be_read() {
    let mut op = leaving(StepName::RecordCheckpoint);
    let config = Some(CheckpointConfig { retained: true, ..Default::default() });
    let unread = |op: &Operation, seconds| {
        let ev = Evidence {
            checkpoints_unread: true,
            checkpoint_config: config.clone(),
            kept_checkpoint: Some(("file:/c/chk-4".into(), 4, START)),
            ..Default::default()
        };
        word(&judged(op, seconds, ev))
    };
    assert_eq!((unread(&op, 5), unread(&op, 20), unread(&op, 901)), ("wait", "wait", "ask"));
    let n = op.current().unwrap().n;
    let step = op.steps.iter_mut().find(|s| s.n == n).unwrap();
    let Act::RecordCheckpoint { after_end, .. } = &mut step.act else { panic!() };
    *after_end = true;
    assert_eq!((unread(&op, 5), unread(&op, 20), unread(&op, 901)), ("wait", "wait", "ask"));
}
