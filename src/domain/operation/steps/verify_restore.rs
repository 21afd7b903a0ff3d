//! VERIFY_RESTORE: the job restored what it was given.

use std::time::Duration;

use super::{Case, cancelled_by_others, new_job_failed, unsettled_failure};
use crate::domain::{
    deployment::FlinkState,
    location,
    operation::{
        ChoiceId,
        evidence::{Evidence, Judgement, abandon, choice, look_again, roll_back},
    },
};

/// How long Flink's statistics may stay silent about the restore.
const SILENCE: Duration = Duration::from_secs(60);

/// Confirmed when `latest.restored` is the intended place, or a later checkpoint of the job itself.
#[must_use]
pub fn judge(case: Case<'_>, ev: &Evidence) -> Judgement {
    let Some(intended) = case.op.restore_location() else {
        return Judgement::confirmed("the job began empty, as planned");
    };
    if let Some(wait) = unsettled_failure(case, ev) {
        return wait;
    }
    match ev.job.state() {
        Some(FlinkState::Failed) => {
            let cause = ev.root_cause.as_deref().unwrap_or("no exception is known");
            return new_job_failed(case, ev, format!("the job failed: {cause}"));
        }
        Some(FlinkState::Canceled) => return cancelled_by_others(case),
        _ => {}
    }
    let restored = ev.checkpoints.as_ref().and_then(|c| c.latest_restored.as_ref());
    match restored.and_then(|r| r.path.as_deref()) {
        Some(path) if location::same(path, &intended) => {
            Judgement::confirmed(format!("restored from {intended}"))
        }
        Some(path) if is_own_checkpoint(case, path) => {
            Judgement::confirmed("restored, and failed over to a later checkpoint of its own since")
        }
        Some(path) => Judgement::Attention {
            code: "RESTORED_ELSEWHERE",
            reason: format!("the job was to restore {intended}, and Flink says that it restored {path}"),
            choices: [choice(ChoiceId::Accept, "the job goes on as it is")]
                .into_iter()
                .chain(roll_back(
                    case.op,
                    "cancel it and run the previous revision from the intended snapshot",
                ))
                .chain([abandon()])
                .collect(),
        },
        None if ev.checkpoints.is_none() && off(ev) => Judgement::confirmed(
            "checkpointing is off, so Flink keeps no record of the restore; it accepted the snapshot",
        ),
        None if case.waited() >= SILENCE => Judgement::Attention {
            code: "RESTORE_UNVERIFIED",
            reason: format!("Flink says nothing about the restore from {intended}"),
            choices: vec![choice(ChoiceId::Accept, "count it as restored"), look_again(), abandon()],
        },
        None => Judgement::Wait("waiting for Flink's record of the restore".to_owned()),
    }
}

fn off(ev: &Evidence) -> bool {
    ev.checkpoint_config.as_ref().is_some_and(|c| c.interval.is_none())
}

fn is_own_checkpoint(case: Case<'_>, path: &str) -> bool {
    let own = case.op.bindings().job.is_some_and(|j| path.contains(j.flink.as_str()));
    own && location::checkpoint_number(path).is_some()
}
