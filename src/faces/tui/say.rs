//! Words, glyphs and roles for states: every state has a glyph and a word besides its colour.

use chrono::{DateTime, Local, TimeZone, Utc};
use chrono_tz::Tz;

use super::{
    paint::{Text, muted, plain, text},
    theme::Role,
};
use crate::{
    contract::{plan::Verdict, watch::Row},
    domain::{
        deployment::{Health, Observed},
        event::Severity,
        operation::{Kind, OpState, StepState},
        savepoint::{Origin, Status},
        time::{Timestamp, humane},
    },
};

/// In whose time points in time are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Zone {
    /// UTC.
    #[default]
    Utc,
    /// The machine's.
    Local,
    /// A named zone.
    Named(Tz),
}

impl Zone {
    /// From the setting; an unknown name was refused when the settings were read.
    #[must_use]
    pub fn from_setting(name: &str) -> Self {
        match name {
            "utc" | "UTC" => Self::Utc,
            name => name.parse().map_or(Self::Local, Self::Named),
        }
    }
    /// The whole time to the millisecond, with its offset.
    #[must_use]
    pub fn whole(self, t: Timestamp) -> String {
        self.format(t, "%F %H:%M:%S%.3f %:z")
    }
    /// `06:41`, or `11-14 06:41` when it is not today.
    #[must_use]
    pub fn minute(self, t: Timestamp, now: Timestamp) -> String {
        let format = if self.same_day(t, now) { "%H:%M" } else { "%m-%d %H:%M" };
        self.format(t, format)
    }
    /// `06:41:12`, or `11-14 06:41:12` when it is not today.
    #[must_use]
    pub fn second(self, t: Timestamp, now: Timestamp) -> String {
        let format = if self.same_day(t, now) { "%H:%M:%S" } else { "%m-%d %H:%M:%S" };
        self.format(t, format)
    }
    fn same_day(self, a: Timestamp, b: Timestamp) -> bool {
        self.format(a, "%F") == self.format(b, "%F")
    }
    fn format(self, t: Timestamp, format: &str) -> String {
        fn show<Z: TimeZone<Offset: std::fmt::Display>>(t: &DateTime<Z>, format: &str) -> String {
            t.format(format).to_string()
        }
        let utc: DateTime<Utc> = t.to_utc();
        match self {
            Self::Utc => show(&utc, format),
            Self::Local => show(&utc.with_timezone(&Local), format),
            Self::Named(tz) => show(&utc.with_timezone(&tz), format),
        }
    }
}

/// An age that changes seldom: `8s`, `3m`, `3h 12m`, `2d 4h`.
#[must_use]
pub fn age(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m", seconds / 60),
        s => humane(s),
    }
}

/// How long something at work has taken: `12s`, `3m 12s`, `3h 12m`.
#[must_use]
pub fn elapsed(since: Timestamp, now: Timestamp) -> String {
    humane(now.seconds_since(since))
}

/// A number for people: `1,234,567`.
#[must_use]
pub fn number(v: f64) -> String {
    if v.fract().abs() > f64::EPSILON && v.abs() < 1000.0 {
        return format!("{v:.1}");
    }
    let digits = format!("{:.0}", v.abs());
    let mut out = String::with_capacity(digits.len() * 4 / 3 + 1);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    if v < 0.0 { format!("-{out}") } else { out }
}

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

/// A short word for how a restore point came to be.
#[must_use]
pub const fn origin(o: Origin) -> &'static str {
    match o {
        Origin::UserRequest => "request",
        Origin::Suspend => "suspend",
        Origin::SuspendAndUpgrade => "upgrade",
        Origin::Copied => "reset",
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
        let timed =
            if took.is_empty() { full.clone() } else { full.clone().with(format!(" {took}"), Role::Muted) };
        return vec![timed, full, short, text(glyph, role)];
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

/// The last part of `payments@33de6`, for narrow columns.
#[must_use]
pub fn short_version(label: &str) -> String {
    label.rsplit_once('@').map_or_else(|| label.to_owned(), |(_, v)| format!("@{v}"))
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

/// A JSON value for people, in full: strings without quotes, lists and maps compact.
#[must_use]
pub fn full_value(v: &serde_json::Value) -> String {
    match v {
        serde_json::Value::String(s) => s.clone(),
        serde_json::Value::Null => "–".to_owned(),
        serde_json::Value::Array(items) => items.iter().map(full_value).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}

/// A JSON value for people: strings without quotes, lists and maps compact.
#[must_use]
pub fn value(v: &serde_json::Value) -> String {
    match v {
        serde_json::Value::String(s) => short_hash(s),
        serde_json::Value::Null => "–".to_owned(),
        serde_json::Value::Array(items) => items.iter().map(value).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}

/// A content hash by its first digits, which tell it apart; anything else as it is.
#[must_use]
pub fn short_hash(s: &str) -> String {
    let hash = s.len() == 64 && s.bytes().all(|b| b.is_ascii_hexdigit());
    if hash { format!("{}…", s.get(..12).unwrap_or(s)) } else { s.to_owned() }
}

/// The last characters of an id, enough to tell ids of one table apart: time-ordered ids of one day share their first.
#[must_use]
pub fn short_id(id: &str) -> String {
    let n = id.chars().count();
    if n <= 10 { id.to_owned() } else { format!("…{}", id.chars().skip(n - 8).collect::<String>()) }
}

/// Places longer than this lose their folders where a row has no room for them.
const LONG_PLACE: usize = 32;

/// A place by its last part, which tells it from others.
#[must_use]
pub fn short_place(place: &str) -> String {
    let tail = place.trim_end_matches('/').rsplit('/').next().unwrap_or(place);
    if place.chars().count() <= LONG_PLACE || tail.len() == place.len() {
        place.to_owned()
    } else {
        format!("…/{tail}")
    }
}

/// A sentence in which long places are short.
#[must_use]
pub fn short_places(sentence: &str) -> String {
    let word = |w: &str| {
        let core = w.trim_end_matches([',', ';', '.', ':', ')']);
        if core.contains('/') { format!("{}{}", short_place(core), &w[core.len()..]) } else { w.to_owned() }
    };
    sentence.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// A sentence over several lines, plain.
#[must_use]
pub fn paragraph(s: &str, cells: usize, role: Role) -> Vec<Text> {
    s.lines().flat_map(|l| text(l, role).wrap(cells, 0)).collect()
}

/// Nothing but a blank line.
#[must_use]
pub fn blank() -> Text {
    plain("")
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
    fn rows_say_what_an_operation_does() {
        let mut r = row(Observed::Running);
        (r.operation, r.operation_started_at) =
            (Some("UPGRADE 3/6".into()), Some(Timestamp::from_millis(1_000)));
        let words: Vec<_> =
            row_state(&r, Timestamp::from_millis(13_000)).iter().map(Text::as_plain).collect();
        assert_eq!(words, ["◐ UPGRADING 3/6 12s", "◐ UPGRADING 3/6", "◐ 3/6", "◐"]);
        r.operation = None;
        r.flink_state = Some("RESTARTING".into());
        assert_eq!(row_state(&r, Timestamp::from_millis(0))[0].as_plain(), "● RUNNING RESTARTING");
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(number(1_234_567.0), "1,234,567");
        assert_eq!(number(999.0), "999");
        assert_eq!(number(12.34), "12.3");
        assert_eq!(number(-1000.0), "-1,000");
    }

    #[test]
    fn long_places_lose_their_folders() {
        let long = "s3://bucket/savepoints/nutkin/0192-dep/op-1/savepoint-a1b2c3";
        assert_eq!(
            short_places(&format!("complete at {long}; kept")),
            "complete at …/savepoint-a1b2c3; kept"
        );
        assert_eq!(short_places("a/b and s3://x/y"), "a/b and s3://x/y");
        assert_eq!(
            short_place("file:///tmp/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/"),
            "…/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        );
        assert_eq!(short_id("0192d7a0-5c1e-7a11-8f00-00000000c812"), "…0000c812");
    }

    #[test]
    fn times_name_the_day_when_it_is_not_today() {
        let now: Timestamp = "2026-05-04T06:56:02Z".parse().unwrap();
        let t: Timestamp = "2026-05-03T22:41:00Z".parse().unwrap();
        assert_eq!(Zone::Utc.minute(t, now), "05-03 22:41");
        assert_eq!(Zone::Named(Tz::Europe__Berlin).minute(t, now), "00:41");
        assert_eq!(age(59), "59s");
        assert_eq!(age(195), "3m");
    }
}
