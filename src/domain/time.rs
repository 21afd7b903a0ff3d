//! Points in time, durations as people write them, and the clock port.
//!
//! Times are UTC with millisecond precision everywhere; only faces know a time zone.

use std::{fmt, str::FromStr, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, SecondsFormat, TimeZone, Utc};
use serde::{Deserialize, Serialize};

/// A point in time, UTC, milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From milliseconds since 1970.
    #[must_use]
    pub const fn from_millis(ms: i64) -> Self {
        Self(ms)
    }
    /// Milliseconds since 1970.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0
    }
    /// How long ago `earlier` was; zero when it lies in the future.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
    /// Whole seconds since `earlier`; zero when it lies in the future.
    #[must_use]
    pub fn seconds_since(self, earlier: Self) -> u64 {
        self.since(earlier).as_secs()
    }
    /// The time to a second, for a sentence: `2026-11-26 10:49:44 UTC`.
    #[must_use]
    pub fn in_words(self) -> String {
        self.to_utc().format("%Y-%m-%d %H:%M:%S UTC").to_string()
    }
    /// The time in a calendar, UTC.
    #[must_use]
    pub fn to_utc(self) -> DateTime<Utc> {
        Utc.timestamp_millis_opt(self.0).single().unwrap_or_default()
    }
}

impl std::ops::Add<Duration> for Timestamp {
    type Output = Self;
    fn add(self, d: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(d.as_millis()).unwrap_or(i64::MAX)))
    }
}
impl From<DateTime<Utc>> for Timestamp {
    fn from(t: DateTime<Utc>) -> Self {
        Self(t.timestamp_millis())
    }
}
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.to_utc().to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}
impl FromStr for Timestamp {
    type Err = chrono::ParseError;
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        DateTime::parse_from_rfc3339(s).map(|t| Self(t.timestamp_millis()))
    }
}
impl Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}
impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}
impl utoipa::PartialSchema for Timestamp {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        <String as utoipa::PartialSchema>::schema()
    }
}
impl utoipa::ToSchema for Timestamp {}

/// The machine's clocks, as a port: simulated time is possible because nothing else reads them.
#[async_trait]
pub trait Clock: Send + Sync + fmt::Debug {
    /// Wall clock.
    fn now_utc(&self) -> Timestamp;
    /// Monotonic time since boot, counting suspended hours.
    fn boottime(&self) -> Duration;
    /// Waits.
    async fn sleep(&self, for_: Duration);
}

/// A duration as people write it: `250ms`, `10s`, `5m`, `2h`, `7d`, `1h 30m`, or Flink's `10 s`, `5 min`.
///
/// Serialised as the shortest such word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span(pub Duration);

/// A duration that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a duration; write for example 250ms, 10s, 5m, 2h or 7d")]
pub struct BadSpan(String);

const UNITS: &[(&str, u64)] = &[
    ("ms", 1),
    ("milli", 1),
    ("millis", 1),
    ("millisecond", 1),
    ("milliseconds", 1),
    ("s", 1_000),
    ("sec", 1_000),
    ("second", 1_000),
    ("seconds", 1_000),
    ("m", 60_000),
    ("min", 60_000),
    ("minute", 60_000),
    ("minutes", 60_000),
    ("h", 3_600_000),
    ("hour", 3_600_000),
    ("hours", 3_600_000),
    ("d", 86_400_000),
    ("day", 86_400_000),
    ("days", 86_400_000),
];

impl FromStr for Span {
    type Err = BadSpan;
    fn from_str(s: &str) -> Result<Self, BadSpan> {
        let bad = || BadSpan(s.to_owned());
        let (mut rest, mut total, mut any) = (s.trim(), 0u64, false);
        while !rest.is_empty() {
            let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let (number, tail) = rest.split_at(digits);
            let tail = tail.trim_start();
            let letters = tail.len() - tail.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
            let (unit, tail) = tail.split_at(letters);
            let n: u64 = number.parse().map_err(|_| bad())?;
            // Flink reads a bare number as milliseconds.
            let unit = if unit.is_empty() { "ms" } else { unit };
            let factor = UNITS.iter().find(|(u, _)| *u == unit).ok_or_else(bad)?.1;
            total = n.checked_mul(factor).and_then(|v| total.checked_add(v)).ok_or_else(bad)?;
            (rest, any) = (tail.trim_start(), true);
        }
        if any { Ok(Self(Duration::from_millis(total))) } else { Err(bad()) }
    }
}
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        let (unit, factor) = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)]
            .into_iter()
            .find(|(_, factor)| ms >= *factor && ms % factor == 0)
            .unwrap_or(("ms", 1));
        f.pad(&format!("{}{unit}", ms / factor))
    }
}
impl Serialize for Span {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}
impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}
impl utoipa::PartialSchema for Span {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::schema::{ObjectBuilder, SchemaFormat, Type};
        let format = SchemaFormat::Custom("duration".to_owned());
        ObjectBuilder::new().schema_type(Type::String).format(Some(format)).into()
    }
}
impl utoipa::ToSchema for Span {}

/// An age or a length of time for people: `8s`, `3m 12s`, `3h 12m`, `2d 4h`.
#[must_use]
pub fn humane(seconds: u64) -> String {
    let (d, h, m, s) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    match (d, h, m) {
        (0, 0, 0) => format!("{s}s"),
        (0, 0, _) if s == 0 => format!("{m}m"),
        (0, 0, _) => format!("{m}m {s}s"),
        (0, _, _) => format!("{h}h {m}m"),
        _ => format!("{d}d {h}h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_what_people_and_flink_write() {
        let cases = [
            ("10s", 10_000),
            ("10 s", 10_000),
            ("5 min", 300_000),
            ("250ms", 250),
            ("1h 30m", 5_400_000),
            ("7d", 604_800_000),
            ("1500", 1_500),
        ];
        for (text, ms) in cases {
            assert_eq!(text.parse::<Span>().unwrap().0.as_millis(), ms, "{text}");
        }
        for bad in ["", "s", "10 parsecs", "-1s", "1.5h", "99999999999999999999s"] {
            assert!(bad.parse::<Span>().is_err(), "{bad}");
        }
        assert_eq!("90s".parse::<Span>().unwrap().to_string(), "90s");
        assert_eq!("120s".parse::<Span>().unwrap().to_string(), "2m");
    }

    #[test]
    fn times_are_rfc3339_with_milliseconds() {
        let t = Timestamp::from_millis(1_700_000_000_123);
        assert_eq!(t.to_string(), "2023-11-14T22:13:20.123Z");
        assert_eq!(t.to_string().parse::<Timestamp>().unwrap(), t);
    }

    #[test]
    fn ages_have_two_parts_at_most() {
        let cases = [(8, "8s"), (192, "3m 12s"), (11_520, "3h 12m"), (187_200, "2d 4h"), (60, "1m")];
        for (s, text) in cases {
            assert_eq!(humane(s), text);
        }
    }
}
