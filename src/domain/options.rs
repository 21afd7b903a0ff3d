//! Flink's own options, as far as a slip in them costs: what their values look like, and which names are near to one.
//!
//! Flink reads an option when the job is submitted, after the old one was stopped, and passes over a name that it does not
//! know. The table has what jobs set; a name that is not in it is nobody's mistake unless it is nearly one of them.

use indexmap::IndexMap;

use super::names;

/// What the value of an option is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// `10 s`, `500ms`, `1 min`; a number alone means milliseconds.
    Duration,
    /// A whole number.
    Count,
    /// `true` or `false`.
    Switch,
    /// One of these words.
    Word(&'static [&'static str]),
    /// Anything.
    Text,
}

const RETENTION: Kind =
    Kind::Word(&["RETAIN_ON_CANCELLATION", "DELETE_ON_CANCELLATION", "NO_EXTERNALIZED_CHECKPOINTS"]);

/// Options of a job, Flink 1.16 to 2.3.
const OPTIONS: &[(&str, Kind)] = &[
    ("execution.buffer-timeout", Kind::Duration),
    ("execution.checkpointing.aligned-checkpoint-timeout", Kind::Duration),
    ("execution.checkpointing.checkpoints-after-tasks-finish.enabled", Kind::Switch),
    ("execution.checkpointing.dir", Kind::Text),
    ("execution.checkpointing.externalized-checkpoint-retention", RETENTION),
    ("execution.checkpointing.incremental", Kind::Switch),
    ("execution.checkpointing.interval", Kind::Duration),
    ("execution.checkpointing.interval-during-backlog", Kind::Duration),
    ("execution.checkpointing.max-concurrent-checkpoints", Kind::Count),
    ("execution.checkpointing.min-pause", Kind::Duration),
    ("execution.checkpointing.mode", Kind::Word(&["EXACTLY_ONCE", "AT_LEAST_ONCE"])),
    ("execution.checkpointing.num-retained", Kind::Count),
    ("execution.checkpointing.savepoint-dir", Kind::Text),
    ("execution.checkpointing.timeout", Kind::Duration),
    ("execution.checkpointing.tolerable-failed-checkpoints", Kind::Count),
    ("execution.checkpointing.unaligned", Kind::Switch),
    ("execution.checkpointing.unaligned.enabled", Kind::Switch),
    ("parallelism.default", Kind::Count),
    ("pipeline.auto-watermark-interval", Kind::Duration),
    ("pipeline.max-parallelism", Kind::Count),
    ("pipeline.name", Kind::Text),
    ("pipeline.object-reuse", Kind::Switch),
    ("pipeline.operator-chaining", Kind::Switch),
    ("restart-strategy", Kind::Text),
    ("restart-strategy.type", Kind::Text),
    ("restart-strategy.exponential-delay.initial-backoff", Kind::Duration),
    ("restart-strategy.exponential-delay.max-backoff", Kind::Duration),
    ("restart-strategy.exponential-delay.reset-backoff-threshold", Kind::Duration),
    ("restart-strategy.failure-rate.delay", Kind::Duration),
    ("restart-strategy.failure-rate.failure-rate-interval", Kind::Duration),
    ("restart-strategy.failure-rate.max-failures-per-interval", Kind::Count),
    ("restart-strategy.fixed-delay.attempts", Kind::Count),
    ("restart-strategy.fixed-delay.delay", Kind::Duration),
    ("state.backend", Kind::Text),
    ("state.backend.incremental", Kind::Switch),
    ("state.backend.local-recovery", Kind::Switch),
    ("state.backend.type", Kind::Text),
    ("state.checkpoints.dir", Kind::Text),
    ("state.checkpoints.num-retained", Kind::Count),
    ("state.savepoints.dir", Kind::Text),
    ("table.exec.state.ttl", Kind::Duration),
];

/// The directory that a cluster's own configuration gives to savepoints: by its key since 1.20, else by the older one.
#[must_use]
pub fn savepoint_directory(conf: &IndexMap<String, String>) -> Option<&str> {
    set(conf, &["execution.checkpointing.savepoint-dir", "state.savepoints.dir"])
}

/// Another JobManager takes over from one that is lost, with its jobs.
#[must_use]
pub fn is_highly_available(conf: &IndexMap<String, String>) -> bool {
    set(conf, &["high-availability.type", "high-availability"])
        .is_some_and(|h| !h.eq_ignore_ascii_case("NONE"))
}

/// The value of the first of these names that is set.
fn set<'a>(conf: &'a IndexMap<String, String>, names: &[&str]) -> Option<&'a str> {
    names.iter().find_map(|name| conf.get(*name)).map(String::as_str)
}

/// Units of a duration, as Flink takes them; each but the short ones also in the plural.
const UNITS: &[&str] = &[
    "d",
    "day",
    "days",
    "h",
    "hour",
    "hours",
    "min",
    "m",
    "minute",
    "minutes",
    "s",
    "sec",
    "secs",
    "second",
    "seconds",
    "ms",
    "milli",
    "millis",
    "millisecond",
    "milliseconds",
    "µs",
    "micro",
    "micros",
    "microsecond",
    "microseconds",
    "ns",
    "nano",
    "nanos",
    "nanosecond",
    "nanoseconds",
];

/// Names so many letters apart are a slip; `checkpoint` for `checkpointing` is three.
const LETTERS: usize = 3;

/// What is wrong with an option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Slip {
    /// Flink refuses the value.
    Value {
        /// What it should look like.
        expected: String,
    },
    /// Flink does not know the name, and knows one that is nearly the same.
    Name {
        /// That one.
        near: String,
    },
}

/// Looks at one option of a job's Flink configuration. A value with a reference to a secret is not looked at.
#[must_use]
pub fn slip(key: &str, value: &str) -> Option<Slip> {
    let Some((_, kind)) = OPTIONS.iter().find(|(k, _)| *k == key) else {
        let near = names::nearest(key, OPTIONS.iter().map(|(k, _)| *k))?;
        return (strsim::damerau_levenshtein(key, &near) <= LETTERS).then_some(Slip::Name { near });
    };
    let value = value.trim();
    let (fits, expected) = match kind {
        Kind::Duration => (is_duration(value), "a duration such as 10 s or 500 ms".to_owned()),
        Kind::Count => (value.parse::<i64>().is_ok(), "a whole number".to_owned()),
        Kind::Switch => {
            (["true", "false"].iter().any(|w| value.eq_ignore_ascii_case(w)), "true or false".to_owned())
        }
        Kind::Word(words) => {
            let same = |w: &&&str| value.replace('-', "_").eq_ignore_ascii_case(w);
            (words.iter().any(|w| same(&w)), words.join(" or "))
        }
        Kind::Text => (true, String::new()),
    };
    (!fits && !value.contains("${")).then_some(Slip::Value { expected })
}

fn is_duration(value: &str) -> bool {
    let digits = value.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = value.split_at(digits);
    let unit = unit.trim().to_lowercase();
    // Flink writes some of its own in the form of ISO 8601.
    let iso = number.is_empty() && value.starts_with("PT");
    iso || (!number.is_empty() && (unit.is_empty() || UNITS.contains(&unit.as_str())))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("execution.checkpointing.interval", "10s", true)]
    #[case("execution.checkpointing.interval", "10 min", true)]
    #[case("execution.checkpointing.interval", "10000", true)]
    #[case("execution.checkpointing.interval", "PT10S", true)]
    #[case("execution.checkpointing.interval", "${env:INTERVAL}", true)]
    #[case("execution.checkpointing.interval", "10 parsecs", false)]
    #[case("execution.checkpointing.interval", "soon", false)]
    #[case("execution.checkpointing.interval", "", false)]
    #[case("execution.checkpointing.num-retained", "3", true)]
    #[case("execution.checkpointing.num-retained", "three", false)]
    #[case("execution.checkpointing.unaligned", "TRUE", true)]
    #[case("execution.checkpointing.unaligned", "yes", false)]
    #[case("execution.checkpointing.mode", "exactly-once", true)]
    #[case("execution.checkpointing.mode", "MOSTLY_ONCE", false)]
    #[case("state.backend.type", "com.example.MyBackend", true)]
    fn values_are_what_flink_takes(#[case] key: &str, #[case] value: &str, #[case] fine: bool) {
        assert_eq!(slip(key, value).is_none(), fine, "{key}: {value}");
    }

    #[rstest]
    #[case("execution.checkpoint.interval", Some("execution.checkpointing.interval"))]
    #[case("execution.checkpointing.intervall", Some("execution.checkpointing.interval"))]
    #[case("execution.checkpointing.inteval", Some("execution.checkpointing.interval"))]
    #[case("state.backend.rocksdb.memory.managed", None)]
    #[case("s3.access-key", None)]
    #[case("my.own.option", None)]
    #[case("execution.checkpointing.interval", None)]
    fn a_name_that_is_nearly_one_of_flinks_is_a_slip(#[case] key: &str, #[case] near: Option<&str>) {
        let found = match slip(key, "1 s") {
            Some(Slip::Name { near }) => Some(near),
            _ => None,
        };
        assert_eq!(found.as_deref(), near);
    }

    #[rstest]
    #[case::nothing(&[], None, false)]
    #[case::as_it_is_called_now(
        &[("execution.checkpointing.savepoint-dir", "s3://n"), ("high-availability.type", "zookeeper")],
        Some("s3://n"),
        true
    )]
    #[case::as_it_was_called(&[("state.savepoints.dir", "s3://o"), ("high-availability", "NONE")], Some("s3://o"), false)]
    #[case::both(
        &[("state.savepoints.dir", "s3://o"), ("execution.checkpointing.savepoint-dir", "s3://n")],
        Some("s3://n"),
        false
    )]
    fn a_clusters_own_settings(#[case] conf: &[(&str, &str)], #[case] dir: Option<&str>, #[case] high: bool) {
        let conf = conf.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        assert_eq!((savepoint_directory(&conf), is_highly_available(&conf)), (dir, high));
    }
}
