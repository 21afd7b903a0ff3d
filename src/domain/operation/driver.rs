//! The one driver of all operations: what is to be done next, and what a judgement changes.
//!
//! ```text
//!        next(op, now)                      absorb(op, n, judgement, now)
//!   Intend n ──▶ commit INTENT + key ──▶ send ──▶ look ──▶ judge ──▶ commit ──┐
//!   Probe n  ──────────────────────────────────▶ look ──▶ judge ──▶ commit ──┤
//!   Wait t                                                                    │
//!   Finish s  ◀───────────────────────────────────────────────────────────────┘
//! ```

use super::{
    Act, Compensation, OpError, OpState, Operation, Step, StepName, StepState,
    evidence::{Judgement, Retry},
    recipe::{self, Fallout},
};
use crate::domain::{
    event::{EventName, Severity},
    operation::Outcome,
    time::Timestamp,
};

/// What the runner does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Record the intent of this step under a fresh key, then send.
    Intend(u32),
    /// Look at this step's evidence.
    Probe(u32),
    /// Nothing before this time.
    Wait(Timestamp),
    /// All steps are done, or the operation was asked to stop: end it so.
    Finish(OpState),
    /// It has ended, or waits for a person.
    Idle,
}

/// The next thing to do.
#[must_use]
pub fn next(op: &Operation, now: Timestamp) -> Next {
    if !matches!(op.state, OpState::Queued | OpState::Running) {
        return Next::Idle;
    }
    let Some(step) = op.current() else {
        return Next::Finish(op.plan.compensation.as_ref().map_or(OpState::Succeeded, |c| c.ends_as));
    };
    match step.state {
        StepState::Planned if op.cancel_requested && is_safe_point(op, step) => {
            Next::Finish(OpState::Cancelled)
        }
        StepState::Planned => match step.not_before {
            Some(t) if t > now => Next::Wait(t),
            _ => Next::Intend(step.n),
        },
        StepState::Intent | StepState::Ambiguous => Next::Probe(step.n),
        StepState::Refuted | StepState::Confirmed | StepState::Skipped => Next::Finish(OpState::Failed),
    }
}

/// A running operation may stop here: nothing began, or the deployment is at rest with its snapshot in the books. While
/// a superseded operation may still bring a job to life, its successor holds the deployment; and a job that was told to
/// end is followed to its end, and to the checkpoint that it leaves.
fn is_safe_point(op: &Operation, next: &Step) -> bool {
    let follows_an_end =
        matches!(next.act, Act::AwaitTerminal { .. } | Act::RecordCheckpoint { after_end: true, .. });
    op.bindings().job.is_none()
        && !follows_an_end
        && next.act.name() != StepName::AwaitSuperseded
        && !op.steps.iter().any(|s| matches!(s.state, StepState::Intent | StepState::Ambiguous))
}

/// The operation is at work from now on; answers whether it was not before.
pub fn begin(op: &mut Operation, now: Timestamp) -> bool {
    op.started_at.get_or_insert(now);
    let queued = op.state == OpState::Queued;
    op.state = OpState::Running;
    queued
}

/// Records the intent of a step: from here on it may have happened.
pub fn intend(op: &mut Operation, n: u32, key: Option<String>, mark: Option<Timestamp>, now: Timestamp) {
    begin(op, now);
    // A new attempt is this operation's own, whoever began the last one.
    op.plan.inherited.take_if(|from| from.step == n);
    if let Some(step) = op.step_mut(n) {
        step.state = StepState::Intent;
        step.attempts += 1;
        step.key = key;
        step.mark = mark;
        step.started_at.get_or_insert(now);
        step.intent_at = Some(now);
        step.not_before = None;
        step.detail.clear();
    }
}

/// What a judgement changed besides the operation itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Absorbed {
    /// Events to append.
    pub events: Vec<(Severity, EventName, String)>,
    /// The operation changed and must be committed before anything else is done.
    pub changed: bool,
    /// The same key is to be sent again.
    pub resend: bool,
    /// The step that was confirmed, with what it brought.
    pub confirmed: Option<(StepName, Outcome)>,
    /// The attempt came to nothing: the row of what it was to bring says so.
    pub refuted_attempt: bool,
    /// What a refuted attempt left behind.
    pub left_behind: Option<Outcome>,
}

/// Applies a judgement to step `n`.
pub fn absorb(op: &mut Operation, n: u32, judgement: Judgement, now: Timestamp) -> Absorbed {
    let mut out = Absorbed::default();
    let Some(i) = op.steps.iter().position(|s| s.n == n) else { return out };
    let name = op.steps[i].act.name();
    match judgement {
        Judgement::Wait(detail) => set_detail(&mut op.steps[i], detail, &mut out),
        Judgement::Resend(detail) => {
            set_detail(&mut op.steps[i], detail, &mut out);
            out.resend = true;
        }
        Judgement::Confirmed(mut outcome, detail) => {
            if outcome.location.is_some() {
                outcome.savepoint = Some(op.snapshot_id(&op.steps[i]));
            }
            let step = &mut op.steps[i];
            step.state = StepState::Confirmed;
            step.ended_at = Some(now);
            step.outcome = Some(outcome.clone());
            step.detail.clone_from(&detail);
            out.changed = true;
            out.events.push((Severity::Debug, EventName::StepConfirmed, format!("{name}: {detail}")));
            out.confirmed = Some((name, outcome));
        }
        Judgement::Refuted { reason, retry, left_behind } => {
            out.changed = true;
            out.refuted_attempt = true;
            op.steps[i].outcome = left_behind.clone().filter(|left| left.job.is_some());
            out.left_behind = left_behind;
            refute(op, i, &reason, retry, now, &mut out);
        }
        Judgement::Redo { from, reason, after } => {
            out.changed = true;
            redo(op, i, from, &reason, now + after, &mut out);
        }
        Judgement::Attention { code, reason, choices } => {
            out.changed = true;
            op.steps[i].state = StepState::Ambiguous;
            op.steps[i].detail.clone_from(&reason);
            attention(op, code, reason, choices, &mut out);
        }
    }
    out
}

/// Marks a step whose outcome cannot be told for a while; it is left on evidence only.
pub fn mark_ambiguous(op: &mut Operation, n: u32, out: &mut Absorbed) {
    let Some(step) = op.step_mut(n).filter(|s| s.state == StepState::Intent) else { return };
    step.state = StepState::Ambiguous;
    let text = format!("{}: it may or may not have happened; looking for evidence", step.act.name());
    out.events.push((Severity::Warn, EventName::StepAmbiguous, text));
    out.changed = true;
}

fn set_detail(step: &mut Step, detail: String, out: &mut Absorbed) {
    if step.detail != detail {
        step.detail = detail;
        out.changed = true;
    }
}

fn attention(
    op: &mut Operation,
    code: &str,
    reason: String,
    choices: Vec<super::Choice>,
    out: &mut Absorbed,
) {
    out.events.push((Severity::Error, EventName::NeedsAttention, reason.clone()));
    op.state = OpState::NeedsAttention;
    op.error = Some(OpError {
        code: code.to_owned(),
        message: reason,
        hint: Some(format!("choose: nutkin operation choose {} CHOICE", op.id)),
    });
    op.choices = choices;
}

fn max_attempts(op: &Operation, name: StepName) -> u32 {
    match name {
        StepName::TriggerSavepoint | StepName::StopWithSavepoint => op.plan.max_savepoint_attempts,
        _ => op.plan.max_job_attempts,
    }
}

fn refute(op: &mut Operation, i: usize, reason: &str, retry: Retry, now: Timestamp, out: &mut Absorbed) {
    let (name, attempts) = (op.steps[i].act.name(), op.steps[i].attempts);
    if let Retry::After(pause) = retry
        && attempts < max_attempts(op, name)
        && !op.cancel_requested
    {
        let step = &mut op.steps[i];
        step.state = StepState::Planned;
        step.not_before = Some(now + pause);
        step.detail = format!("{reason}; attempt {} in {} s", attempts + 1, pause.as_secs());
        out.events.push((Severity::Warn, EventName::StepRetried, format!("{name}: {reason}")));
        return;
    }
    op.steps[i].state = StepState::Refuted;
    op.steps[i].ended_at = Some(now);
    op.steps[i].detail = reason.to_owned();
    fail(op, i, reason, out);
}

fn redo(op: &mut Operation, i: usize, from: StepName, reason: &str, at: Timestamp, out: &mut Absorbed) {
    let again = to_redo(op, i, from);
    let exhausted = again.iter().map(|k| &op.steps[*k]).any(|s| match from {
        // Nothing was submitted without its jar: only the uploads count.
        StepName::UploadJar => s.act.name() == from && s.attempts >= UPLOADS,
        _ => s.attempts >= max_attempts(op, s.act.name()) && s.act.changes_deployment(),
    });
    if exhausted {
        op.steps[i].state = StepState::Refuted;
        op.steps[i].detail = format!("{reason}; no attempt is left");
        fail(op, i, reason, out);
        return;
    }
    for (k, s) in op.steps.iter_mut().enumerate().filter(|(k, _)| again.contains(k)) {
        s.state = StepState::Planned;
        s.outcome = None;
        s.ended_at = None;
        if k == again[0] {
            s.not_before = Some(at);
            reason.clone_into(&mut s.detail);
        }
    }
    out.events.push((Severity::Warn, EventName::StepRetried, format!("{from}: {reason}")));
}

/// So often a jar is put on a cluster that loses it, within one operation.
const UPLOADS: u32 = 4;

/// The steps that a submission needs done again: from the one that sees that nothing lives, or the given one after it,
/// and before these the uploads. How the old job ended, and its snapshot, are past and stay.
fn to_redo(op: &Operation, i: usize, from: StepName) -> Vec<usize> {
    let last = |name: StepName| op.steps[..=i].iter().rposition(|s| s.act.name() == name);
    let uploads = from == StepName::UploadJar;
    let start = if uploads { last(StepName::NoLiveJob) } else { last(from) }.unwrap_or(i);
    let jars = (0..start).filter(|k| uploads && op.steps[*k].act.name() == StepName::UploadJar);
    jars.chain(start..=i).collect()
}

/// A step has failed for good: the recipe says what follows.
fn fail(op: &mut Operation, i: usize, reason: &str, out: &mut Absorbed) {
    let (name, failed_step) = (op.steps[i].act.name(), op.steps[i].n);
    let fallout = recipe::fallout(op, reason);
    let then = match &fallout {
        Fallout::End(_) => Some("nothing follows"),
        Fallout::Append(..) => Some("the way back begins"),
        Fallout::Ask(..) => None,
    };
    let told = then.map(|t| (Severity::Warn, EventName::StepRefuted, format!("{name}: {reason}; {t}")));
    out.events.extend(told);
    match fallout {
        Fallout::End(state) => {
            op.error = Some(OpError {
                code: state.as_str().to_owned(),
                message: format!("{name}: {reason}"),
                hint: advice(reason),
            });
            op.plan.compensation =
                Some(Compensation { cause: reason.to_owned(), failed_step, ends_as: state });
            skip_rest(op, i);
        }
        Fallout::Append(acts, ends_as) => {
            op.error = Some(OpError {
                code: "STEP_FAILED".to_owned(),
                message: format!("{name}: {reason}"),
                hint: advice(reason),
            });
            op.plan.compensation = Some(Compensation { cause: reason.to_owned(), failed_step, ends_as });
            skip_rest(op, i);
            append(op, acts);
        }
        Fallout::Ask(code, message, choices) => attention(op, code, message, choices, out),
    }
}

/// What helps against a failure whose words are known.
fn advice(reason: &str) -> Option<String> {
    let unmapped = reason.contains("Cannot map") && reason.contains("savepoint state");
    unmapped.then(|| {
        "the snapshot holds state of an operator that this revision does not have: \
         the same act with --allow-non-restored-state drops that state"
            .to_owned()
    })
}

/// Counts the failed step as passed and the steps behind it as not needed.
fn skip_rest(op: &mut Operation, i: usize) {
    for s in &mut op.steps[i + 1..] {
        if s.state == StepState::Planned {
            s.state = StepState::Skipped;
        }
    }
}

/// Appends steps behind the last one.
pub fn append(op: &mut Operation, acts: Vec<Act>) {
    let mut n = op.steps.last().map_or(0, |s| s.n);
    for act in acts {
        n += 1;
        op.steps.push(Step::planned(n, act));
    }
}
