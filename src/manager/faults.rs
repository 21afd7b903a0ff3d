//! What tests change in a manager that is a process of its own. In release builds nothing is compiled in.
//!
//! `NUTKIN_KILL_AT` names a place where it dies by SIGKILL: `PHASE:STEP[:ATTEMPT]`, with a step's name or number, or
//! `@FILE` for a file that says so and is read at every place, so that a running manager can be armed. The phases:
//!
//! ```text
//!   before-intent ─▶ commit INTENT ─▶ after-intent ─▶ send … answer ─▶ after-answer ─▶ look, judge, commit ─▶ before-end
//! ```
//!
//! "After send" is not among them: there the other side kills. `before-end` is reached with the last step's number.
//!
//! `NUTKIN_PATIENCE` is a [`Patience`] as JSON: the same rules with shorter times.

use super::Patience;
use crate::domain::operation::Operation;

/// Dies with SIGKILL when the environment names this place.
#[cfg(debug_assertions)]
pub(super) fn reach(phase: &str, op: &Operation, n: u32) {
    let Ok(said) = std::env::var("NUTKIN_KILL_AT") else { return };
    let wanted = match said.strip_prefix('@') {
        Some(file) => std::fs::read_to_string(file).unwrap_or_default(),
        None => said,
    };
    let Some(step) = op.step(n) else { return };
    let mut parts = wanted.trim().split(':');
    let (p, which, attempt) = (parts.next(), parts.next(), parts.next());
    let here = p == Some(phase)
        && which.is_some_and(|w| w == step.act.name().as_str() || w.parse() == Ok(n))
        && attempt.is_none_or(|a| a.parse() == Ok(step.attempts));
    if here {
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    }
}

/// Nothing in a release build.
#[cfg(not(debug_assertions))]
pub(super) const fn reach(_phase: &str, _op: &Operation, _n: u32) {}

/// How long a manager's rules wait for what; an unreadable `NUTKIN_PATIENCE` is an error.
#[cfg(debug_assertions)]
pub fn patience() -> Result<Patience, String> {
    match std::env::var("NUTKIN_PATIENCE") {
        Ok(text) => serde_json::from_str(&text).map_err(|e| format!("NUTKIN_PATIENCE cannot be read: {e}")),
        Err(_) => Ok(Patience::default()),
    }
}

/// How long a manager's rules wait for what.
#[cfg(not(debug_assertions))]
pub fn patience() -> Result<Patience, String> {
    Ok(Patience::default())
}
