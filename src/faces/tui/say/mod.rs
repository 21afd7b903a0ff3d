//! Words, glyphs and roles for states: every state has a glyph and a word besides its colour.

mod value;
mod zone;

pub use self::{
    value::{
        age, count, elapsed, full_value, number, short_hash, short_id, short_ids, short_place, short_places,
        short_version, value,
    },
    zone::Zone,
};

use super::{
    history::Stopped,
    paint::{Text, muted, text},
    theme::Role,
};
use crate::{
    contract::{model::Job, plan::Verdict, watch::Row},
    domain::{
        deployment::{Health, Observed},
        event::Severity,
        operation::{Kind, OpState, StepState},
        savepoint::{Origin, Status},
        time::Timestamp,
    },
};

/// Glyph and role of a deployment's state.
#[must_use]
pub const fn observed(o: Observed) -> (&'static str, Role) {
    match o {
        Observed::Running => ("●", Role::Ok),
        Observed::Suspended => ("‖", Role::Idle),
        Observed::Cancelled => ("○", Role::Idle),
        Observed::Transitioning => ("◐", Role::Busy),
        Observed::Failed => ("✗", Role::Error),
        Observed::Finished => ("✓", Role::Idle),
        Observed::Unknown => ("?", Role::Unknown),
    }
}

/// Glyph, word and role of a health.
#[must_use]
pub const fn health(h: Health) -> (&'static str, &'static str, Role) {
    match h {
        Health::Failing => ("✗", "failing", Role::Error),
        Health::Degraded => ("!", "degraded", Role::Warn),
        Health::Unknown => ("?", "unknown", Role::Unknown),
        Health::Progressing => ("◐", "moving", Role::Busy),
        Health::Healthy => ("●", "healthy", Role::Ok),
        Health::Idle => ("○", "idle", Role::Idle),
    }
}

/// Flink's word for a job, where it says something that ours does not.
#[must_use]
pub fn flink_word(ours: Observed, flink: Option<&str>) -> Option<&str> {
    flink.filter(|flink| {
        let ended = matches!(
            (ours, *flink),
            (Observed::Suspended, "FINISHED") | (Observed::Cancelled, "CANCELED" | "FINISHED" | "FAILED")
        );
        !ended && *flink != ours.as_str()
    })
}

/// A job's state in a list, and in a sentence. What a later job has followed is not suspended any more.
#[must_use]
pub fn job_state(j: &Job, stopped: Option<Stopped>) -> (String, String) {
    match (flink_word(j.state, j.flink_state.as_deref()), stopped) {
        (Some(flink), _) => (flink.to_owned(), j.state.to_string()),
        (None, Some(Stopped::For(kind))) => (format!("stopped: {kind}"), format!("stopped for {kind}")),
        (None, Some(Stopped::WithSavepoint)) => ("stopped".to_owned(), "stopped with a savepoint".to_owned()),
        (None, Some(Stopped::Suspended) | None) => (j.state.to_string(), j.state.to_string()),
    }
}

/// Flink refused the job, or it never arrived there.
#[must_use]
pub fn never_ran(j: &Job) -> bool {
    j.state == Observed::Failed && j.started_at.is_none() && j.flink_state.is_none()
}

/// What a job without a known restore point began with.
#[must_use]
pub const fn without_restore(j: &Job) -> &'static str {
    if j.began_empty { "began empty" } else { "not known" }
}

/// A restore point in the catalogue that nobody has looked at: its existence is unverified, and never an argument.
pub const UNSEEN: &str = "its files were not looked at";

/// What an operation of this kind is doing.
#[must_use]
pub const fn doing(kind: Kind) -> &'static str {
    match kind {
        Kind::Start => "STARTING",
        Kind::Suspend => "SUSPENDING",
        Kind::Cancel => "CANCELLING",
        Kind::Savepoint => "SAVEPOINT",
        Kind::Restart => "RESTARTING",
        Kind::Reset => "RESETTING",
        Kind::Upgrade => "UPGRADING",
        Kind::Rollback => "ROLLING BACK",
        Kind::Fork => "FORKING",
        Kind::Adopt => "ADOPTING",
        Kind::Import => "IMPORTING",
        Kind::Dispose => "DISPOSING",
        Kind::Delete => "DELETING",
    }
}

/// What an operation of this kind is doing once it has turned round.
#[must_use]
pub fn going_back(kind: Kind) -> String {
    format!("{kind} failed, going back")
}

/// What a verb is called on a button.
#[must_use]
pub const fn verb(kind: Kind) -> &'static str {
    match kind {
        Kind::Start => "Start",
        Kind::Suspend => "Suspend",
        Kind::Cancel => "Cancel the job",
        Kind::Savepoint => "Take savepoint",
        Kind::Restart => "Restart",
        Kind::Reset => "Reset",
        Kind::Upgrade => "Upgrade",
        Kind::Rollback => "Roll back",
        Kind::Fork => "Fork",
        Kind::Adopt => "Adopt",
        Kind::Import => "Import",
        Kind::Dispose => "Dispose",
        Kind::Delete => "Delete",
    }
}

/// Glyph and role of a step.
#[must_use]
pub const fn step_state(s: StepState) -> (&'static str, Role) {
    match s {
        StepState::Planned => ("·", Role::Muted),
        StepState::Intent => ("◐", Role::Busy),
        StepState::Confirmed => ("✓", Role::Ok),
        StepState::Refuted => ("✗", Role::Error),
        StepState::Ambiguous => ("?", Role::Warn),
        StepState::Skipped => ("–", Role::Muted),
    }
}

/// Glyph, words and role of an operation.
#[must_use]
pub const fn op_state(s: OpState) -> (&'static str, &'static str, Role) {
    match s {
        OpState::Queued => ("◌", "queued", Role::Busy),
        OpState::Running => ("◐", "running", Role::Busy),
        OpState::NeedsAttention => ("▲", "needs you", Role::Badge),
        OpState::Succeeded => ("✓", "succeeded", Role::Ok),
        OpState::FailedNoEffect => ("✗", "failed, nothing changed", Role::Error),
        OpState::Failed => ("✗", "failed", Role::Error),
        // "Rolled back" would leave open, above all of a ROLLBACK, which revision runs now.
        OpState::RolledBack => ("↺", "failed and was undone", Role::Warn),
        OpState::Cancelled => ("○", "cancelled", Role::Idle),
        OpState::Resolved => ("✓", "resolved", Role::Idle),
        OpState::Abandoned => ("○", "abandoned", Role::Idle),
    }
}

/// Glyph and role of a preflight check.
#[must_use]
pub const fn verdict(v: Verdict) -> (&'static str, Role) {
    match v {
        Verdict::Ok => ("✓", Role::Ok),
        Verdict::Warning => ("!", Role::Warn),
        Verdict::Failed => ("✗", Role::Error),
        Verdict::Unknown => ("?", Role::Unknown),
    }
}

/// Glyph and role of a restore point.
#[must_use]
pub const fn savepoint(s: Status) -> (&'static str, Role) {
    match s {
        Status::Started => ("◐", Role::Busy),
        Status::Completed => ("✓", Role::Ok),
        Status::Failed | Status::FailedDeletion => ("✗", Role::Error),
        Status::Missing => ("✗", Role::Warn),
        Status::Unknown => ("?", Role::Unknown),
        Status::PendingDeletion | Status::Deleting => ("◐", Role::Idle),
        Status::Deleted => ("–", Role::Muted),
    }
}

/// A short word for how a restore point came to be: a part of the word that everything else says.
#[must_use]
pub const fn origin(o: Origin) -> &'static str {
    match o {
        Origin::UserRequest => "request",
        Origin::Suspend => "suspend",
        Origin::SuspendAndUpgrade => "upgrade",
        Origin::Copied => "copied",
        Origin::RetainedCheckpoint => "checkpoint",
        Origin::Periodic => "periodic",
        Origin::Imported => "imported",
        Origin::Adopted => "adopted",
    }
}

/// Role of an event.
#[must_use]
pub const fn severity(s: Severity) -> Role {
    match s {
        Severity::Debug => Role::Muted,
        Severity::Info => Role::Text,
        Severity::Warn => Role::Warn,
        Severity::Error => Role::Error,
    }
}

/// The operation of a row, as `UPGRADING` and `3/6`.
fn row_operation(word: &str) -> (String, String) {
    let (kind, rest) = word.split_once(' ').unwrap_or((word, ""));
    let name = kind.parse::<Kind>().map_or_else(|_| kind.to_owned(), |k| doing(k).to_owned());
    (name, rest.to_owned())
}

/// A row's state in ever fewer words; the first one that fits is shown.
#[must_use]
pub fn row_state(row: &Row, now: Timestamp) -> Vec<Text> {
    if let Some(op) = &row.operation {
        let (name, steps) = row_operation(op);
        if row.needs_attention {
            let long = text(" ▲ NEEDS YOU ", Role::Badge);
            let kind = op.split(' ').next().unwrap_or_default();
            return vec![
                long.clone().with(format!(" {kind}"), Role::Warn),
                long,
                text(" ▲ ", Role::Badge),
                text("▲", Role::Badge),
            ];
        }
        let (glyph, role) = ("◐", Role::Busy);
        let took = row.operation_started_at.map(|t| elapsed(t, now)).unwrap_or_default();
        let mut full = text(format!("{glyph} {name}"), role);
        let mut short = text(glyph, role);
        if !steps.is_empty() {
            full += text(format!(" {steps}"), role);
            short += text(format!(" {steps}"), role);
        }
        let named = text(format!("{glyph} {op}"), role);
        let timed =
            if took.is_empty() { full.clone() } else { full.clone().with(format!(" {took}"), Role::Muted) };
        return vec![timed, full, named, short, text(glyph, role)];
    }
    let (glyph, mut role) = observed(row.observed);
    let mut tail = Text::empty();
    // Flink's own word where ours hides something.
    if row.observed == Observed::Running
        && let Some(flink) = row.flink_state.as_deref().filter(|f| *f != "RUNNING")
    {
        role = Role::Warn;
        tail = text(format!(" {flink}"), Role::Warn);
    } else if row.health == Health::Degraded {
        role = Role::Warn;
        tail = text(" degraded", Role::Warn);
    }
    let word = text(format!("{glyph} {}", row.observed), role);
    vec![word.clone().then(tail), word, text(glyph, role)]
}

/// A label and its value.
#[must_use]
pub fn field(label: &'static str, value: Text) -> Text {
    muted(label).pad(13).then(value)
}

/// A value that nobody knows.
#[must_use]
pub fn unknown() -> Text {
    muted("–")
}

/// `yes` or `no` or a dash.
#[must_use]
pub fn yes_no(v: Option<bool>) -> Text {
    match v {
        Some(true) => text("✓ yes", Role::Ok),
        Some(false) => text("✗ no", Role::Warn),
        None => unknown(),
    }
}

/// Seconds of progress, coloured by how much it is.
#[must_use]
pub fn loss(seconds: u64) -> Text {
    let role = match seconds {
        0..300 => Role::Ok,
        300..3_600 => Role::Warn,
        _ => Role::Error,
    };
    text(age(seconds), role)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(observed: Observed) -> Row {
        Row {
            deployment: "pay/prod".into(),
            target: "t".into(),
            observed,
            health: Health::Healthy,
            version_label: None,
            flink_state: Some("RUNNING".into()),
            operation: None,
            operation_started_at: None,
            needs_attention: false,
            started_at: None,
            restarts: None,
        }
    }

    #[test]
    fn an_origin_is_a_part_of_its_whole_word() {
        for o in Origin::ALL {
            assert!(o.as_str().to_lowercase().split('_').any(|w| w == origin(*o)), "{o}: {}", origin(*o));
        }
    }

    #[test]
    fn rows_say_what_an_operation_does() {
        let mut r = row(Observed::Running);
        (r.operation, r.operation_started_at) =
            (Some("UPGRADE 3/6".into()), Some(Timestamp::from_millis(1_000)));
        let words: Vec<_> =
            row_state(&r, Timestamp::from_millis(13_000)).iter().map(Text::as_plain).collect();
        assert_eq!(words, ["◐ UPGRADING 3/6 12s", "◐ UPGRADING 3/6", "◐ UPGRADE 3/6", "◐ 3/6", "◐"]);
        r.operation = None;
        r.flink_state = Some("RESTARTING".into());
        assert_eq!(row_state(&r, Timestamp::from_millis(0))[0].as_plain(), "● RUNNING RESTARTING");
    }
}
