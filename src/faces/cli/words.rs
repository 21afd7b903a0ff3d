//! Times, ages and sizes as people read them.

use chrono::{DateTime, TimeZone};

use super::table::{Cell, Tone};
use crate::domain::{
    deployment::{Health, Observed},
    event::Severity,
    operation::OpState,
    savepoint::Status,
    text,
    time::{Timestamp, humane},
};

/// The zone in which times are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Zone {
    /// The machine's.
    #[default]
    Local,
    /// A named one.
    Named(chrono_tz::Tz),
}

impl Zone {
    /// From the setting; an unknown name was refused when the settings were read.
    #[must_use]
    pub fn from_setting(name: &str) -> Self {
        name.parse().map_or(Self::Local, Self::Named)
    }

    /// `2026-11-22 10:17:10`.
    #[must_use]
    pub fn show(self, at: Timestamp) -> String {
        fn text<Z: TimeZone>(t: &DateTime<Z>) -> String
        where
            Z::Offset: std::fmt::Display,
        {
            t.format("%Y-%m-%d %H:%M:%S").to_string()
        }
        match self {
            Self::Local => text(&at.to_utc().with_timezone(&chrono::Local)),
            Self::Named(zone) => text(&at.to_utc().with_timezone(&zone)),
        }
    }
}

/// What rows are drawn with.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// The clock, for ages.
    pub now: Timestamp,
    /// The zone, for times.
    pub zone: Zone,
    /// There is room for whole places of savepoints.
    pub wide: bool,
}

impl Look {
    /// How long ago.
    #[must_use]
    pub fn age(self, at: Option<Timestamp>) -> Cell {
        Cell::some(at.map(|t| humane(self.now.seconds_since(t))))
    }
    /// A sentence; places of snapshots in it only by their end where room is short.
    #[must_use]
    pub fn words(self, text: &str) -> String {
        if self.wide { text.to_owned() } else { short_places(text) }
    }
    /// A point in time, in the zone of the settings.
    #[must_use]
    pub fn time(self, at: Option<Timestamp>) -> Cell {
        Cell::some(at.map(|t| self.zone.show(t)))
    }
}

/// Places of snapshots in a sentence by their last part, which tells them apart: `…/savepoint-6e7574-…`.
#[must_use]
pub fn short_places(text: &str) -> String {
    text.split_inclusive(char::is_whitespace).map(short_place).collect()
}

fn short_place(raw: &str) -> String {
    let word = raw.trim_start_matches(['(', '"']);
    let opening = raw.get(..raw.len() - word.len()).unwrap_or_default();
    let place = word.trim_end_matches(|c: char| c.is_whitespace() || ",;:.)".contains(c));
    let Some((base, last)) = place.rsplit_once('/') else { return raw.to_owned() };
    let is_snapshot = ["savepoint-", "chk-"].iter().any(|p| last.starts_with(p));
    // A directory of one act: its operation's id and the step's number.
    let is_directory =
        base.contains("/nutkin/") && last.get(..36).is_some_and(|id| uuid::Uuid::try_parse(id).is_ok());
    if (is_snapshot || is_directory) && base.contains('/') {
        format!("{opening}…/{last}{}", word.get(place.len()..).unwrap_or_default())
    } else {
        raw.to_owned()
    }
}

/// A length of time.
#[must_use]
pub fn span(seconds: Option<u64>) -> Cell {
    Cell::some(seconds.map(humane))
}

/// A size.
#[must_use]
pub fn size(bytes: Option<u64>) -> Cell {
    Cell::some(bytes.map(text::bytes))
}

/// A measured number, with one decimal at most.
#[must_use]
pub fn number(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

/// A lossy window of time: the longer, the louder.
#[must_use]
pub fn loss(seconds: Option<u64>) -> Cell {
    let tone = match seconds {
        None => Tone::Dim,
        Some(0..300) => Tone::Plain,
        Some(300..3_600) => Tone::Warn,
        Some(_) => Tone::Bad,
    };
    span(seconds).tone(tone)
}

/// A state of ours.
#[must_use]
pub fn observed(state: Observed) -> Cell {
    Cell::new(state.as_str()).tone(match state {
        Observed::Running => Tone::Good,
        Observed::Transitioning => Tone::Busy,
        Observed::Failed => Tone::Bad,
        Observed::Unknown => Tone::Warn,
        Observed::Suspended | Observed::Cancelled | Observed::Finished => Tone::Plain,
    })
}

/// A health.
#[must_use]
pub fn health(health: Health) -> Cell {
    Cell::new(health.as_str()).tone(match health {
        Health::Failing => Tone::Bad,
        Health::Degraded | Health::Unknown => Tone::Warn,
        Health::Progressing => Tone::Busy,
        Health::Healthy => Tone::Good,
        Health::Idle => Tone::Plain,
    })
}

/// Where an operation stands.
#[must_use]
pub fn op_state(state: OpState) -> Cell {
    let word = match state {
        // Beside the kind ROLLBACK the bare word could mean that the rollback was done.
        OpState::RolledBack => "FAILED, ROLLED BACK",
        other => other.as_str(),
    };
    Cell::new(word).tone(match state {
        OpState::Succeeded => Tone::Good,
        OpState::Queued | OpState::Running => Tone::Busy,
        OpState::NeedsAttention | OpState::Failed => Tone::Bad,
        OpState::FailedNoEffect | OpState::RolledBack => Tone::Warn,
        OpState::Cancelled | OpState::Resolved | OpState::Abandoned => Tone::Plain,
    })
}

/// Where a restore point stands.
#[must_use]
pub fn savepoint_status(status: Status) -> Cell {
    Cell::new(status.as_str()).tone(match status {
        Status::Completed => Tone::Good,
        Status::Started | Status::PendingDeletion | Status::Deleting => Tone::Busy,
        Status::Failed | Status::FailedDeletion | Status::Missing => Tone::Bad,
        Status::Unknown => Tone::Warn,
        Status::Deleted => Tone::Dim,
    })
}

/// How loud.
#[must_use]
pub fn severity(severity: Severity) -> Cell {
    Cell::new(severity.as_str()).tone(match severity {
        Severity::Debug => Tone::Dim,
        Severity::Info => Tone::Plain,
        Severity::Warn => Tone::Warn,
        Severity::Error => Tone::Bad,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_one_decimal_at_most() {
        for (value, text) in [
            (118.363_623_622, "118.4"),
            (24_246.0, "24246"),
            (0.04, "0"),
            (-1.25, "-1.2"),
            (1e15, "1000000000000000"),
        ] {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn places_of_snapshots_are_shown_by_their_end() {
        for (text, short) in [
            (
                "ended; state in s3://b/sp/nutkin/d/o/savepoint-6e7574-ab12",
                "ended; state in …/savepoint-6e7574-ab12",
            ),
            ("(from file:/tmp/c/5f/chk-12, 3 s old)", "(from …/chk-12, 3 s old)"),
            ("UNKNOWN (file:/tmp/c/5f/chk-12): gone", "UNKNOWN (…/chk-12): gone"),
            (
                "into file:///tmp/nutkin/dep/0192d7a0-5c1e-7a11-8f00-00000000c812-3",
                "into …/0192d7a0-5c1e-7a11-8f00-00000000c812-3",
            ),
            ("see /etc/flink/conf and http://h:1/x", "see /etc/flink/conf and http://h:1/x"),
            ("savepoint-1 and chk-2", "savepoint-1 and chk-2"),
        ] {
            assert_eq!(short_places(text), short);
        }
    }
}
