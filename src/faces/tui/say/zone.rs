//! Points in time, in the zone of the person who reads them.

use chrono::{DateTime, Local, TimeZone, Utc};
use chrono_tz::Tz;

use crate::domain::time::Timestamp;

/// In whose time points in time are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Zone {
    /// Coordinated universal time.
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
    /// `06:41:12Z`, or `08:41:12+02` where the zone is another: a clock tells whose time all the others are.
    #[must_use]
    pub fn clock(self, t: Timestamp) -> String {
        let offset = self.format(t, "%:z");
        let offset = match offset.strip_suffix(":00") {
            Some("+00") => "Z",
            Some(hours) => hours,
            None => &offset,
        };
        format!("{}{offset}", self.format(t, "%H:%M:%S"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_name_the_day_when_it_is_not_today() {
        let now: Timestamp = "2026-05-04T06:56:02Z".parse().unwrap();
        let t: Timestamp = "2026-05-03T22:41:00Z".parse().unwrap();
        assert_eq!(Zone::Utc.minute(t, now), "05-03 22:41");
        assert_eq!(Zone::Named(Tz::Europe__Berlin).minute(t, now), "00:41");
    }

    #[test]
    fn a_clock_has_its_offset() {
        let t: Timestamp = "2026-05-04T06:56:02Z".parse().unwrap();
        let clocks = [
            (Zone::Utc, "06:56:02Z"),
            (Zone::Named(Tz::Africa__Abidjan), "06:56:02Z"),
            (Zone::Named(Tz::Europe__Berlin), "08:56:02+02"),
            (Zone::Named(Tz::America__New_York), "02:56:02-04"),
            (Zone::Named(Tz::Asia__Kolkata), "12:26:02+05:30"),
        ];
        for (zone, clock) in clocks {
            assert_eq!(zone.clock(t), clock);
        }
    }
}
