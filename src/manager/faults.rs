//! Places where tests kill the manager. In release builds nothing is compiled in.
//!
//! `NUTKIN_KILL_AT=PHASE:STEP[:ATTEMPT]` with the phases `before-intent`, `after-intent` and `after-answer`; the phase
//! "after send" is a cut of the connection, which the other side does.

use crate::domain::operation::Operation;

/// Dies with SIGKILL when the environment names this place.
#[cfg(debug_assertions)]
pub fn reach(phase: &str, op: &Operation, n: u32) {
    let Ok(wanted) = std::env::var("NUTKIN_KILL_AT") else { return };
    let Some(step) = op.steps.iter().find(|s| s.n == n) else { return };
    let mut parts = wanted.split(':');
    let (p, name, attempt) = (parts.next(), parts.next(), parts.next());
    let here = p == Some(phase)
        && name == Some(step.act.name().as_str())
        && attempt.is_none_or(|a| a.parse() == Ok(step.attempts));
    if here {
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    }
}

/// Nothing in a release build.
#[cfg(not(debug_assertions))]
pub const fn reach(_phase: &str, _op: &Operation, _n: u32) {}
