//! One operation takes over from another that is still at work.
//!
//! ```text
//!   active ──▶ CANCELLED; its open step stays INTENT ──evidence──▶ CONFIRMED | REFUTED | AMBIGUOUS (its time is over)
//!      └ same commit: the new one, QUEUED ─▶ … AWAIT_SUPERSEDED (until that step is decided) ─▶ …
//! ```
//!
//! No further step of the superseded one is sent. What its open step comes to is still found out and written down, also
//! by another manager, and also when the new operation ends first.

use std::time::Duration;

use super::{
    Act, JobRef, Kind, OpError, OpState, Operation, Outcome, Step, StepName, StepState,
    driver::{self, Absorbed},
    evidence::{Answer, Evidence, Judgement, Sight, Snapshot},
    steps::{self, Case},
};
use crate::domain::{
    deployment::FlinkState,
    event::{EventName, Severity},
    flink::AsyncStatus,
    ids::OperationId,
    time::Timestamp,
};

/// Whether an operation of this kind may take over; `asked` = the person said `--supersede`.
#[must_use]
pub fn may(by: Kind, asked: bool, active: Kind) -> bool {
    match by {
        Kind::Cancel => asked || active == Kind::Savepoint,
        Kind::Suspend => active == Kind::Savepoint,
        _ => false,
    }
}

/// The step whose request may have had an effect, and of which nothing is known yet.
#[must_use]
pub fn open_step(op: &Operation) -> Option<&Step> {
    op.steps
        .iter()
        .find(|s| s.act.has_effect() && matches!(s.state, StepState::Intent | StepState::Ambiguous))
}

/// What an operation takes over from another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Takeover {
    /// Operations whose open step must be decided before the end.
    pub wait_for: Vec<OperationId>,
    /// They must be decided before anything else: one of them may bring a job to life at any moment.
    pub first: bool,
    /// Jobs that they have started, or may have, or were about to end.
    pub jobs: Vec<JobRef>,
}

/// What is taken over from `active`; `inherited` are those that it waits for in its turn.
#[must_use]
pub fn takeover(active: &Operation, inherited: &[Operation]) -> Takeover {
    let mut t = Takeover::default();
    for op in inherited.iter().chain([active]) {
        if let Some(step) = open_step(op) {
            t.wait_for.push(op.id.clone());
            t.first |= step.act.name() == StepName::RunJar;
        }
        for job in unfinished(op) {
            if !t.jobs.contains(&job) {
                t.jobs.push(job);
            }
        }
    }
    t
}

/// Jobs of the operation that are not known to have ended.
fn unfinished(op: &Operation) -> Vec<JobRef> {
    let ended = |job: &Option<JobRef>| {
        op.steps.iter().any(|s| {
            s.state == StepState::Confirmed && matches!(&s.act, Act::AwaitTerminal { job: j } if j == job)
        })
    };
    let to_cancel = op.steps.iter().filter_map(|s| match &s.act {
        Act::CancelJob { job: job @ Some(j) } if !ended(job) => Some(j.clone()),
        _ => None,
    });
    let started = op.last_job().filter(|_| !ended(&None));
    to_cancel.chain(started).collect()
}

/// Ends the superseded operation: what was not begun is not needed, what may have happened stays open.
pub fn end(active: &mut Operation, by: &OperationId, words: &str, now: Timestamp) {
    for s in &mut active.steps {
        match s.state {
            StepState::Planned => s.state = StepState::Skipped,
            StepState::Intent | StepState::Ambiguous if s.act.has_effect() => s.state = StepState::Intent,
            StepState::Intent | StepState::Ambiguous => s.state = StepState::Skipped,
            StepState::Confirmed | StepState::Refuted | StepState::Skipped => {}
        }
    }
    active.state = OpState::Cancelled;
    active.ended_at = Some(now);
    active.choices.clear();
    active.result = Some(words.to_owned());
    active.error = Some(OpError {
        code: "SUPERSEDED".to_owned(),
        message: "no further step was sent; what its open step has begun is still written down".to_owned(),
        hint: Some(format!("see what took over: nutkin operation show {by}")),
    });
    active.plan.superseded_by = Some(by.clone());
}

/// What became of the open step of a superseded operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// Not decided yet.
    Open(String),
    /// It happened.
    Happened(Outcome, String),
    /// It did not, or what it left is of no use.
    Not(String),
    /// Nobody can tell any more.
    Unknown(String),
}

/// How the request of the open step stands in this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flight {
    /// It is on its way.
    On,
    /// It is not: answered, lost, or sent by a manager that is no more.
    Over,
}

/// Where nothing more can come, the last look is this much later.
const GRACE: Duration = Duration::from_secs(10);
/// The time a finished savepoint's job may take to reach FINISHED before the stop counts as half done.
const STOP_GRACE: Duration = Duration::from_secs(30);

/// Judges the open step of a superseded operation; `looked` is the time since somebody began to look on its behalf.
#[must_use]
pub fn fate(case: Case<'_>, ev: &Evidence, flight: Flight, looked: Duration) -> Fate {
    if flight == Flight::On {
        return Fate::Open("its request is on its way".to_owned());
    }
    match &case.step.act {
        Act::TriggerSavepoint { .. } | Act::StopWithSavepoint { .. } => snapshot(case, ev, looked),
        Act::RunJar { .. } => match steps::judge(case, ev) {
            Judgement::Confirmed(outcome, detail) => Fate::Happened(outcome, detail),
            Judgement::Refuted { reason, .. } | Judgement::Redo { reason, .. } => Fate::Not(reason),
            Judgement::Resend(_) => Fate::Not("nothing was sent".to_owned()),
            // A program may come to life as long as nobody knows better: this is never given up.
            Judgement::Wait(detail) => Fate::Open(detail),
            Judgement::Attention { .. } => {
                Fate::Open("the cluster does not tell whether the job was submitted".to_owned())
            }
        },
        _ => match steps::judge(case, ev) {
            Judgement::Confirmed(outcome, detail) => Fate::Happened(outcome, detail),
            Judgement::Refuted { reason, .. } | Judgement::Redo { reason, .. } => Fate::Not(reason),
            Judgement::Resend(detail) | Judgement::Wait(detail) if looked < grace(case) => Fate::Open(detail),
            Judgement::Resend(_) | Judgement::Wait(_) => {
                Fate::Unknown("whether it happened cannot be told any more".to_owned())
            }
            Judgement::Attention { reason, .. } => Fate::Unknown(reason),
        },
    }
}

fn grace(case: Case<'_>) -> Duration {
    GRACE.min(case.patience.result_store)
}

fn snapshot(case: Case<'_>, ev: &Evidence, looked: Duration) -> Fate {
    match &ev.answer {
        Some(Answer::NotSent(why)) => return Fate::Not(format!("nothing was sent: {why}")),
        Some(Answer::Refused { status: 400..500, reason, .. }) => {
            return Fate::Not(format!("Flink refused it: {reason}"));
        }
        _ => {}
    }
    match ev.snapshot() {
        Snapshot::Complete { outcome, clean } => complete(case, ev, outcome, clean, looked),
        Snapshot::InProgress => Fate::Open("the savepoint is being written".to_owned()),
        Snapshot::Failed(reason) => Fate::Not(reason),
        Snapshot::Several(places) => Fate::Unknown(format!("several snapshots: {}", places.join(", "))),
        Snapshot::None => no_trace(case, ev, looked),
    }
}

/// A savepoint is complete. One of a stop is final only if the job has ended with it, and not by a cancel.
fn complete(case: Case<'_>, ev: &Evidence, mut outcome: Outcome, clean: bool, looked: Duration) -> Fate {
    if case.step.act.name() == StepName::TriggerSavepoint {
        return Fate::Happened(outcome, "the savepoint is complete".to_owned());
    }
    let state = ev.job.state().filter(|s| s.is_terminal());
    if ev.job.is_live() && looked < STOP_GRACE {
        return Fate::Open("the savepoint is complete, the job is ending".to_owned());
    }
    outcome.is_final =
        state == Some(&FlinkState::Finished) || (clean && !ev.job.is_live() && state.is_none());
    outcome.flink_state = state.map(ToString::to_string);
    let end = if outcome.is_final { "the job has finished with it" } else { "the job has not ended with it" };
    Fate::Happened(outcome, format!("the savepoint is complete; {end}"))
}

fn no_trace(case: Case<'_>, ev: &Evidence, looked: Duration) -> Fate {
    match &ev.job {
        Sight::Unreachable(for_) if *for_ < case.patience.silence => {
            Fate::Open("the cluster does not answer".to_owned())
        }
        Sight::Unreachable(for_) => {
            Fate::Unknown(format!("the cluster has not answered for {} s", for_.as_secs()))
        }
        _ if ev.trigger != Some(AsyncStatus::Unknown) => {
            Fate::Open("no trace of the savepoint yet".to_owned())
        }
        _ if !ev.is_blind() && looked >= grace(case) => {
            Fate::Not("Flink does not know the request, and its directory holds no snapshot".to_owned())
        }
        _ if looked >= case.patience.result_store => Fate::Unknown(
            "Flink does not know the request, and nobody here can look into its directory".to_owned(),
        ),
        _ => Fate::Open("no trace of the savepoint yet".to_owned()),
    }
}

/// Writes the fate down. The operation itself has ended already and stays as it is.
pub fn close(op: &mut Operation, n: u32, fate: Fate, now: Timestamp) -> Absorbed {
    let (state, reason) = match fate {
        Fate::Open(_) => return Absorbed::default(),
        Fate::Happened(outcome, detail) => {
            return driver::absorb(op, n, Judgement::Confirmed(outcome, detail), now);
        }
        Fate::Not(reason) => (StepState::Refuted, reason),
        Fate::Unknown(reason) => (StepState::Ambiguous, reason),
    };
    let mut out = Absorbed { changed: true, refuted_attempt: true, ..Absorbed::default() };
    if let Some(step) = op.step_mut(n) {
        step.state = state;
        step.ended_at = Some(now);
        step.detail.clone_from(&reason);
        let name =
            if state == StepState::Refuted { EventName::StepRefuted } else { EventName::StepAmbiguous };
        out.events.push((Severity::Warn, name, format!("{}: {reason}", step.act.name())));
    }
    out
}
