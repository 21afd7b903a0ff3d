//! RECORD_CHECKPOINT: the way out for a job that cannot be stopped. The newest completed checkpoint is written down
//! before the job is cancelled, and only one that survives the cancel counts.

use super::Case;
use crate::domain::operation::{
    Act, Outcome, RestoreSource,
    evidence::{Evidence, Judgement, look_again, silent},
};

/// Confirmed when a completed, retained checkpoint is known.
#[must_use]
pub fn judge(case: Case<'_>, ev: &Evidence) -> Judgement {
    if matches!(case.step.act, Act::RecordCheckpoint { after_end: true, .. }) {
        return judge_after_end(case, ev);
    }
    match &ev.checkpoint_config {
        Some(c) if !c.retained => {
            return Judgement::refuted(
                "the job's checkpoints are deleted when it ends (execution.checkpointing.externalized-checkpoint-retention is not RETAIN_ON_CANCELLATION); nothing was cancelled",
            );
        }
        None if case.waited() < std::time::Duration::from_secs(15) => {
            return Judgement::Wait("looking at the job's checkpoint settings".to_owned());
        }
        None => {
            return Judgement::refuted(
                "whether the job's checkpoints outlive it is not known; nothing was cancelled",
            );
        }
        Some(_) => {}
    }
    match newest(ev) {
        _ if ev.checkpoints_unread => unread(case, "nothing was cancelled"),
        Some(outcome) => recorded(outcome),
        None if case.waited() < std::time::Duration::from_secs(15) => {
            Judgement::Wait("looking for a checkpoint".to_owned())
        }
        None => Judgement::refuted("the job has no completed checkpoint; nothing was cancelled"),
    }
}

/// The job has ended. What it left is its newest checkpoint then; where Flink no longer tells, the one written down
/// before is the newest that is known.
fn judge_after_end(case: Case<'_>, ev: &Evidence) -> Judgement {
    if case.waited() < case.patience.statistics {
        return Judgement::Wait("waiting for Flink's last word on the job's checkpoints".to_owned());
    }
    if ev.checkpoints_unread {
        return unread(case, "the job has ended");
    }
    let before = case.op.bindings().snapshot;
    let newer = newest(ev).filter(|n| before.as_ref().is_none_or(|b| n.checkpoint_id >= b.checkpoint_id));
    match newer.or(before) {
        Some(outcome) => recorded(outcome),
        None if case.op.plan.restore != RestoreSource::ThisOperation => {
            Judgement::confirmed("nothing outlived the job")
        }
        None => Judgement::refuted("no checkpoint of the ended job is known"),
    }
}

/// An older checkpoint is never taken for the newest because the statistics could not be read.
fn unread(case: Case<'_>, stands: &str) -> Judgement {
    if case.waited() < case.patience.silence {
        return Judgement::Wait("the job's checkpoints could not be read; looking again".to_owned());
    }
    silent(
        case.waited(),
        &format!("which checkpoint is the newest is not known; {stands}"),
        vec![look_again()],
    )
}

fn recorded(outcome: Outcome) -> Judgement {
    let text = format!(
        "checkpoint {} at {}",
        outcome.checkpoint_id.unwrap_or_default(),
        outcome.location.clone().unwrap_or_default()
    );
    Judgement::Confirmed(outcome, text)
}

/// The newest completed checkpoint: by Flink's word, else as the watcher wrote it down.
fn newest(ev: &Evidence) -> Option<Outcome> {
    let live = ev.checkpoints.as_ref().and_then(|c| c.latest_completed.as_ref()).filter(|c| !c.discarded);
    let found = live
        .and_then(|c| c.path.clone().map(|p| (p, c.id, c.triggered_at, c.size)))
        .or_else(|| ev.kept_checkpoint.clone().map(|(p, id, at)| (p, id, at, None)));
    found.map(|(path, id, at, size)| Outcome {
        location: Some(path),
        checkpoint_id: Some(id),
        triggered_at: Some(at),
        size,
        ..Outcome::default()
    })
}
