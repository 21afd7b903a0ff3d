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
}

impl Look {
    /// How long ago.
    #[must_use]
    pub fn age(self, at: Option<Timestamp>) -> Cell {
        Cell::some(at.map(|t| humane(self.now.seconds_since(t))))
    }
    /// When.
    #[must_use]
    pub fn time(self, at: Option<Timestamp>) -> Cell {
        Cell::some(at.map(|t| self.zone.show(t)))
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
    Cell::new(state.as_str()).tone(match state {
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
