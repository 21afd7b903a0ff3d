//! RECORD_CHECKPOINT: the way out for a job that cannot be stopped. The newest completed checkpoint is written down
//! before the job is cancelled, and only one that survives the cancel counts.

use super::Case;
use crate::domain::operation::{
    Outcome,
    evidence::{Evidence, Judgement},
};

/// Confirmed when a completed, retained checkpoint is known.
#[must_use]
pub fn judge(case: Case<'_>, ev: &Evidence) -> Judgement {
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
    let live = ev.checkpoints.as_ref().and_then(|c| c.latest_completed.as_ref()).filter(|c| !c.discarded);
    let found = live
        .and_then(|c| c.path.clone().map(|p| (p, c.id, c.triggered_at, c.size)))
        .or_else(|| ev.kept_checkpoint.clone().map(|(p, id, at)| (p, id, at, None)));
    match found {
        Some((path, id, at, size)) => Judgement::Confirmed(
            Outcome {
                location: Some(path.clone()),
                checkpoint_id: Some(id),
                triggered_at: Some(at),
                size,
                ..Outcome::default()
            },
            format!("checkpoint {id} at {path}"),
        ),
        None if case.waited() < std::time::Duration::from_secs(15) => {
            Judgement::Wait("looking for a checkpoint".to_owned())
        }
        None => Judgement::refuted("the job has no completed checkpoint; nothing was cancelled"),
    }
}
