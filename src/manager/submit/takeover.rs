//! Taking over from the operation at work: what may end it, and how it ends.
//!
//! ```text
//!   draft names the operation it saw ─▶ at the commit ─┬─ as it was seen ─▶ CANCELLED, in the commit of its successor
//!                                                      ├─ it went on ─▶ the plan is made anew
//!                                                      └─ it is done ─▶ refused: nothing is left to take over
//! ```

use super::{Draft, active_problem};
use crate::{
    contract::{
        intent::{Intent, Verb},
        problem::{Code, Problem},
    },
    domain::{
        event::{EventName, Severity},
        operation::{Operation, supersede},
    },
    manager::{ManagerResult, inner::Inner, ports::store::Changes, runner},
};

/// How often a plan to supersede is made anew because the superseded operation went on meanwhile.
pub(super) const TRIES: u32 = 10;

/// The last try was too late again.
pub(super) fn moved_on() -> Problem {
    Problem::new(
        Code::PlanChanged,
        "the operation that was to be superseded goes on faster than a plan can be made; nothing was changed",
    )
    .hint("try again")
}

/// The operation that a draft takes over from, as it is now.
pub(super) enum Takeover {
    /// It takes over from nobody.
    None,
    /// It has ended or gone on since the draft was made.
    Moved,
    /// From this one.
    Of(Box<Operation>),
}

/// Whether it can still be taken over as the plan said.
pub(super) fn look(inner: &Inner, d: &Draft) -> ManagerResult<Takeover> {
    let Some(seen) = &d.supersedes else { return Ok(Takeover::None) };
    let world = inner.world();
    let stands = |op: &Operation| op.steps.iter().map(|s| (s.state, s.attempts)).collect::<Vec<_>>();
    match world.operations.get(&seen.id) {
        // Every step is done, only its end is missing: there is nothing to take over.
        Some(now) if now.current().is_none() => Err(active_problem(now)),
        Some(now) if stands(now) == stands(seen) => Ok(Takeover::Of(Box::new(now.clone()))),
        _ => Ok(Takeover::Moved),
    }
}

/// Ends it in the commit that brings its successor, and says so.
pub(super) fn end(inner: &Inner, mut old: Operation, by: &Operation, changes: &mut Changes) -> Operation {
    let words = format!("superseded by {} of {}", by.kind, by.actor);
    supersede::end(&mut old, &by.id, &words, inner.now());
    runner::put_back(inner, &old, changes);
    let mut event = inner.operation_event(
        &old,
        Severity::Warn,
        EventName::OperationSuperseded,
        format!("{} of {} was {words}; no further step of it is sent", old.kind, old.actor),
    );
    (event.actor, event.via) = (by.actor.clone(), by.via);
    event.details = serde_json::json!({ "supersededBy": by.id });
    changes.events.push(event);
    changes.operations.push(old.clone());
    old
}

/// Another operation holds the deployment: that is said before anything that only follows from it.
pub(super) fn not_held(inner: &Inner, intent: &Intent) -> ManagerResult<()> {
    let Intent::Deployment { name, verb } = intent else { return Ok(()) };
    let world = inner.world();
    let held = world.deployments.get(name).and_then(|e| world.operations.get(e.operation.as_ref()?));
    match held {
        Some(active) if !supersede::may(verb.kind(), asked_for(verb), active.kind) => {
            let p = active_problem(active);
            Err(match (verb, &p.hint) {
                (Verb::Cancel(_), Some(hint)) => {
                    let hint =
                        format!("{hint}; to end it and cancel the job now: nutkin cancel {name} --supersede");
                    p.hint(hint)
                }
                _ => p,
            })
        }
        _ => Ok(()),
    }
}

/// The person said that the operation at work is to end for this one.
pub(super) const fn asked_for(verb: &Verb) -> bool {
    matches!(verb, Verb::Cancel(r) if r.supersede)
}
