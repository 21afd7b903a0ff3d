//! TRIGGER_SAVEPOINT and STOP_WITH_SAVEPOINT.
//!
//! The evidence ladder: our trigger id (a 404 is UNKNOWN) → the job's state → checkpoint statistics under our own
//! directory → the directory, where somebody may look → a person. Times are never the match key.

use std::time::Duration;

use super::Case;
use crate::domain::{
    deployment::FlinkState,
    flink::AsyncStatus,
    operation::{
        ChoiceId, Outcome,
        evidence::{
            Answer, Evidence, Judgement, Retry, STUCK, Sight, Snapshot, abandon, choice, look_again, silent,
        },
    },
};

/// The time a finished savepoint's job may take to reach FINISHED before the stop counts as half done.
const STOP_GRACE: Duration = Duration::from_secs(30);

/// So long after the checkpoint's timeout Flink must have said something about a savepoint.
const NO_WORD: Duration = Duration::from_secs(120);

/// Why a person is asked: the job has ended or is gone, and no snapshot of the operation is known.
pub const ENDED_WITHOUT_SNAPSHOT: &str = "ENDED_WITHOUT_SNAPSHOT";
/// Why a person is asked: the savepoint is complete, and the job FAILED instead of stopping with it.
pub const FAILED_DURING_STOP: &str = "FAILED_DURING_STOP";
/// Why a person is asked: the savepoint is complete, and the job was CANCELED instead of stopping with it.
pub const CANCELED_DURING_STOP: &str = "CANCELED_DURING_STOP";

/// A stop: confirmed only when the snapshot is complete *and* the job has ended with it.
#[must_use]
pub fn judge_stop(case: Case<'_>, ev: &Evidence) -> Judgement {
    if let Some(j) = unsent(case, ev) {
        return j;
    }
    match (&ev.job, ev.snapshot()) {
        (_, Snapshot::Several(places)) => several(&places),
        (Sight::Unreachable(for_), _) => unreachable(case, *for_, ev),
        (Sight::Seen { job, terminal_for, .. }, snapshot) => match (&job.state, snapshot) {
            (FlinkState::Finished, Snapshot::Complete { outcome, clean }) => {
                // Flink's own completion of our stop is the second look.
                if clean || terminal_for.is_some_and(|t| t >= case.patience.terminal) {
                    stopped(outcome, "FINISHED")
                } else {
                    Judgement::Wait("the job has finished; looking once more".to_owned())
                }
            }
            (s, Snapshot::Complete { outcome, .. }) if s.is_terminal() => {
                if terminal_for.is_some_and(|t| t >= case.patience.terminal) {
                    ended_otherwise(s, &outcome)
                } else {
                    Judgement::Wait(format!("the job is {s}; looking once more"))
                }
            }
            (s, _) if s.is_terminal() => ended_without(case, ev, s.as_str()),
            (_, Snapshot::Complete { outcome, clean }) => still_running(case, outcome, clean),
            (_, Snapshot::InProgress) => Judgement::Wait("the savepoint is being written".to_owned()),
            (_, Snapshot::Failed(reason)) => refuted_by_flink(case, reason),
            (_, Snapshot::None) => nothing_seen(case, ev),
            (_, Snapshot::Several(places)) => several(&places),
        },
        (Sight::Absent(for_), Snapshot::Complete { outcome, .. }) => {
            if *for_ >= case.patience.absent {
                stopped(outcome, "gone")
            } else {
                wait_absent()
            }
        }
        (Sight::Absent(for_), _) => {
            if *for_ >= case.patience.absent {
                ended_without(case, ev, "gone")
            } else {
                wait_absent()
            }
        }
    }
}

/// A savepoint: confirmed when complete; the job goes on.
#[must_use]
pub fn judge_savepoint(case: Case<'_>, ev: &Evidence) -> Judgement {
    if let Some(j) = unsent(case, ev) {
        return j;
    }
    match (&ev.job, ev.snapshot()) {
        (_, Snapshot::Several(places)) => several(&places),
        (_, Snapshot::Complete { outcome, .. }) => {
            Judgement::Confirmed(outcome, "the savepoint is complete".to_owned())
        }
        (_, Snapshot::InProgress) => Judgement::Wait("the savepoint is being written".to_owned()),
        (Sight::Unreachable(for_), _) => unreachable(case, *for_, ev),
        (_, Snapshot::Failed(reason)) => refuted_by_flink(case, reason),
        (Sight::Seen { job, terminal_for: Some(t), .. }, Snapshot::None) if *t >= case.patience.terminal => {
            if ev.is_blind() && case.waited() < case.patience.result_store {
                Judgement::Wait(format!("the job is {}; waiting for a trace of the savepoint", job.state))
            } else {
                Judgement::refuted(format!(
                    "the job is {}: it ended before the savepoint was complete",
                    job.state
                ))
            }
        }
        (Sight::Absent(for_), Snapshot::None) if *for_ >= case.patience.absent => {
            if ev.is_blind() {
                without_trace(case, ev, "gone")
            } else {
                Judgement::refuted("the cluster no longer knows the job, and no snapshot is in its directory")
            }
        }
        (Sight::Absent(_), _) => wait_absent(),
        (Sight::Seen { .. }, _) => nothing_seen(case, ev),
    }
}

fn wait_absent() -> Judgement {
    Judgement::Wait("the cluster does not know the job; looking again".to_owned())
}

/// What the request's own answer decides: it never left, or Flink refused it.
fn unsent(case: Case<'_>, ev: &Evidence) -> Option<Judgement> {
    match ev.answer.as_ref()? {
        Answer::NotSent(why) if case.waited() < case.patience.silence => {
            Some(Judgement::Resend(format!("not sent yet: {why}")))
        }
        Answer::NotSent(why) => {
            Some(Judgement::refuted(format!("the cluster could not be reached: {why}; nothing was sent")))
        }
        Answer::Refused { status, reason, .. } if (400..500).contains(status) => {
            Some(Judgement::refuted(format!("Flink refused it: {reason}")))
        }
        _ => None,
    }
}

fn stopped(mut outcome: Outcome, state: &str) -> Judgement {
    outcome.is_final = true;
    outcome.flink_state = Some(state.to_owned());
    Judgement::Confirmed(outcome, "stopped with a complete savepoint".to_owned())
}

/// The snapshot is there and the job goes on: a stop that was half done. The savepoint is kept, not final.
fn still_running(case: Case<'_>, outcome: Outcome, clean: bool) -> Judgement {
    if clean && case.waited() < STOP_GRACE + case.op.plan.checkpoint_timeout.0 {
        return Judgement::Wait("the savepoint is complete, the job is ending".to_owned());
    }
    Judgement::Refuted {
        reason: "stop half done: the savepoint is complete and kept, but the job went on".to_owned(),
        retry: Retry::After(back_off(case)),
        left_behind: Some(outcome),
    }
}

fn refuted_by_flink(case: Case<'_>, reason: String) -> Judgement {
    Judgement::Refuted { reason, retry: Retry::After(back_off(case)), left_behind: None }
}

/// 10, 20, 40 s.
fn back_off(case: Case<'_>) -> Duration {
    case.patience.back_off * 2u32.saturating_pow(case.step.attempts.saturating_sub(1).min(4))
}

/// The job lives, and nothing is known of our snapshot.
fn nothing_seen(case: Case<'_>, ev: &Evidence) -> Judgement {
    let same_life = match (case.step.mark, ev.job.seen()) {
        (Some(mark), Some(job)) => mark == job.start_time,
        _ => false,
    };
    let forgotten = ev.trigger == Some(AsyncStatus::Unknown);
    // The JobManager that would have our key still lives and does not know it: the request never arrived, and if it
    // did, the same key makes no second savepoint.
    if same_life
        && forgotten
        && case.waited() < case.patience.result_store
        && ev.answer != Some(Answer::Accepted(None))
    {
        return Judgement::Resend("Flink does not know our request; sending the same key again".to_owned());
    }
    let limit = case.op.plan.checkpoint_timeout.0;
    if !forgotten && case.waited() >= limit + NO_WORD {
        return no_word(case, ev);
    }
    if !forgotten || case.waited() < limit {
        return Judgement::Wait("no trace of the savepoint yet".to_owned());
    }
    let reason = if same_life {
        "Flink no longer knows the request and no snapshot appeared"
    } else {
        "the JobManager failed over during the savepoint and no snapshot appeared"
    };
    Judgement::Refuted { reason: reason.to_owned(), retry: Retry::After(back_off(case)), left_behind: None }
}

/// Flink lists the job and says nothing about our request, long after it must have ended.
fn no_word(case: Case<'_>, ev: &Evidence) -> Judgement {
    let dir = ev.directory.clone().unwrap_or_default();
    Judgement::Attention {
        code: STUCK,
        reason: format!(
            "the job lives, and Flink has said nothing about the savepoint for {} s; it may be below {dir}",
            case.waited().as_secs()
        ),
        choices: vec![look_again(), abandon()],
    }
}

/// The job has ended and no snapshot is known: never a guess, always a person, once every source has had its time.
fn ended_without(case: Case<'_>, ev: &Evidence, state: &str) -> Judgement {
    if ev.snapshot() == Snapshot::InProgress {
        return Judgement::Wait("the savepoint is being written".to_owned());
    }
    let looked = !ev.is_blind()
        && ev.trigger.is_some()
        && case.waited() >= Duration::from_secs(10).min(case.patience.result_store);
    if !looked && case.waited() < case.patience.result_store {
        return Judgement::Wait(format!("the job is {state}; waiting for a trace of the savepoint"));
    }
    without_trace(case, ev, state)
}

fn without_trace(case: Case<'_>, ev: &Evidence, state: &str) -> Judgement {
    let dir = ev.directory.clone().unwrap_or_default();
    let mut choices = vec![choice(
        ChoiceId::SavepointAt,
        format!("the snapshot you name is entered and used; look below {dir}"),
    )];
    // Flink discards retained checkpoints too when a job comes to its regular end.
    let survives = state != FlinkState::Finished.as_str();
    if let Some((place, id, _)) = ev.kept_checkpoint.as_ref().filter(|_| survives) {
        choices.push(choice(
            ChoiceId::LastCheckpoint,
            format!("checkpoint {id} at {place} becomes the restore point"),
        ));
    }
    choices.push(abandon());
    let seen =
        if ev.is_blind() { "nobody here can look into its directory" } else { "its directory holds none" };
    Judgement::Attention {
        code: ENDED_WITHOUT_SNAPSHOT,
        reason: format!(
            "the job of {} is {state}, and no savepoint of this operation is known: Flink reports none and {seen} ({dir})",
            case.op.deployment_name
        ),
        choices,
    }
}

/// The savepoint is complete, and the job did not end with it: it may have gone on for a while.
fn ended_otherwise(state: &FlinkState, outcome: &Outcome) -> Judgement {
    let place = outcome.location.clone().unwrap_or_default();
    let (code, why) = match state {
        FlinkState::Failed => {
            (FAILED_DURING_STOP, "the job FAILED while stopping; outputs after it may be missing")
        }
        _ => (
            CANCELED_DURING_STOP,
            "the job was CANCELED, not stopped with it; it may have gone on in between",
        ),
    };
    Judgement::Attention {
        code,
        reason: format!("the savepoint at {place} is complete, but {why}"),
        choices: vec![
            choice(ChoiceId::SavepointAt, format!("go on from a snapshot you name, for example {place}")),
            abandon(),
        ],
    }
}

fn several(places: &[String]) -> Judgement {
    Judgement::Attention {
        code: "SEVERAL_SNAPSHOTS",
        reason: format!(
            "{} complete snapshots are in a directory that is ours alone: {}",
            places.len(),
            places.join(", ")
        ),
        choices: vec![choice(ChoiceId::SavepointAt, "the snapshot you name is used"), abandon()],
    }
}

fn unreachable(case: Case<'_>, for_: Duration, ev: &Evidence) -> Judgement {
    if for_ < case.patience.silence {
        return Judgement::Wait(
            "the cluster does not answer; nothing else is done to this deployment".to_owned(),
        );
    }
    // Once every other source is exhausted, the directory is still worth a look.
    let found = match ev.snapshot() {
        Snapshot::Complete { outcome, .. } => {
            format!("; a complete snapshot is at {}", outcome.location.unwrap_or_default())
        }
        _ => String::new(),
    };
    let choices =
        vec![look_again(), choice(ChoiceId::SavepointAt, "the snapshot you name is entered and used")];
    silent(for_, &format!("what the request came to is not known{found}"), choices)
}
