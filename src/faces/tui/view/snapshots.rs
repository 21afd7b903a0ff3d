//! The state of a deployment in the Overview: its checkpoints, what could be lost, what a start would restore.
//!
//! Ages are computed when they are drawn, by the manager's clock and from the moments that it named: they go on while a
//! cluster does not answer and nothing is read anew.

use super::overview::indented;
use crate::{
    contract::model::{Checkpoint, Deployment, Savepoint},
    domain::{deployment::Observed, savepoint::Status, text::bytes, time::Timestamp},
    faces::tui::{
        model::Model,
        paint::{Text, muted, plain, text},
        say::{self, field},
        theme::Role,
    },
};

pub(super) fn checkpoint_words(model: &Model, c: &Checkpoint) -> String {
    let at = c.completed_at.or(c.triggered_at);
    let age = at.map(|t| format!("{} ago", say::age(model.manager_now().seconds_since(t))));
    let took = c.duration_ms.map(|ms| {
        if ms < 1000 { format!("{ms} ms") } else { format!("{}.{} s", ms / 1000, ms % 1000 / 100) }
    });
    let size = c.size_bytes.map(bytes);
    let parts: Vec<String> = [age, took, size].into_iter().flatten().collect();
    parts.join(", ")
}

/// No job of it lives: what is known of checkpoints and numbers is of the past.
pub(super) const fn ended(d: &Deployment) -> bool {
    matches!(d.observed, Observed::Suspended | Observed::Cancelled | Observed::Finished | Observed::Failed)
}

pub(super) fn checkpoint(model: &Model, d: &Deployment, width: usize) -> Text {
    let t = match &d.last_checkpoint {
        Some(c) if ended(d) => {
            let at = c.completed_at.or(c.triggered_at);
            let when = at.map(|t| format!(" of {}", model.zone.minute(t, model.manager_now())));
            muted(format!("the last one was #{}{}", c.id, when.unwrap_or_default()))
        }
        Some(c) => {
            let words = text("✓ ", Role::Ok).with(checkpoint_words(model, c), Role::Text);
            let number = muted(format!(" #{}", c.id));
            if words.width() + number.width() + 14 <= width { words.then(number) } else { words }
        }
        None if d.observed == Observed::Running => text("none yet", Role::Warn),
        None => say::unknown(),
    };
    field("Checkpoint", t)
}

/// How long ago the state of a restore point was, by the manager's clock.
fn age_of(model: &Model, at: Option<Timestamp>) -> Option<u64> {
    at.map(|t| model.manager_now().seconds_since(t))
}

/// When the newest complete restore point was taken that is known here.
fn newest_kept(model: &Model, d: &Deployment) -> Option<Timestamp> {
    let kept = |s: &&Savepoint| s.status == Status::Completed && s.location.is_some();
    let all = model.data.detail(&d.deployment)?.savepoints.iter().filter(kept);
    all.filter_map(|s| s.triggered_at).max()
}

/// Both windows as they are now. A job that is not seen at the moment may go on all the same: they grow with the clock,
/// and are the most that can be lost.
pub(super) fn loss(model: &Model, d: &Deployment, since: u64) -> Text {
    if d.crash_loss_seconds.is_none() && d.end_loss_seconds.is_none() {
        return field("Loss window", say::unknown());
    }
    let grows = !ended(d);
    let checkpoint = d.last_checkpoint.as_ref().and_then(|c| c.triggered_at);
    let kept = newest_kept(model, d);
    // By the moments that the manager named; where it named none, counted on since its answer.
    let now = |told: Option<u64>, at: Option<Timestamp>| {
        let told = told?;
        if !grows {
            return Some(told);
        }
        Some(age_of(model, at).filter(|age| *age >= told).unwrap_or(told + since))
    };
    let crash = now(d.crash_loss_seconds, checkpoint.max(kept));
    // Whether a checkpoint outlives its job is the manager's knowledge: its answer tells which of the two it counts.
    let told = d.end_loss_seconds;
    let outlives = told.is_some() && told == d.crash_loss_seconds;
    let end = now(told, if outlives { checkpoint.max(kept) } else { kept });
    let most = if d.observed == Observed::Unknown { "at most " } else { "" };
    let one = |v: Option<u64>| v.map_or_else(say::unknown, say::loss);
    let words = muted(most).then(one(crash)).with(" failover, ", Role::Muted).then(one(end));
    field("Loss window", words.with(" end", Role::Muted))
}

/// What the next start would restore, and why. The sentence of the advisor is the value where there is no id to name:
/// nothing is said twice.
pub(super) fn next_start(model: &Model, d: &Deployment, since: u64, width: usize) -> Vec<Text> {
    let Some(p) = &d.next_restore_point else {
        return vec![field("Next start", say::unknown())];
    };
    // What a job has done since then is repeated, and it goes on.
    let repeats = p.rewind_seconds.filter(|s| *s > 0).map(|s| if ended(d) { s } else { s + since });
    let age = age_of(model, p.state_of).filter(|_| repeats.is_none());
    let age = age.map(|s| format!(", {} old", say::age(s))).unwrap_or_default();
    let mut t = match (&p.savepoint_id, &p.location) {
        (Some(id), _) => {
            let when = p.state_of.map(|t| format!(" of {}", model.zone.minute(t, model.manager_now())));
            plain(format!("savepoint {}{}{age}", say::short_id(id), when.unwrap_or_default()))
        }
        (None, Some(_)) => plain(format!("{}{age}", p.why)),
        (None, None) if p.refused => text(format!("would be refused: {}", p.why), Role::Warn),
        (None, None) => text(&p.why, Role::Warn),
    };
    if let Some(s) = repeats {
        t = t.with("  repeats ", Role::Muted).then(say::loss(s));
    }
    let mut lines = field("Next start", t).wrap(width, 13);
    if p.savepoint_id.is_some() {
        let unseen = if p.verified == Some(true) { String::new() } else { format!("; {}", say::UNSEEN) };
        lines.extend(indented(&muted(format!("{}{unseen}", p.why)), width));
    }
    lines
}
