//! Ages, numbers, ids, places and JSON values in few cells.

use crate::domain::time::{Timestamp, humane};

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

/// How many: `1,234`.
#[must_use]
pub fn count(n: usize) -> String {
    u32::try_from(n).map_or_else(|_| n.to_string(), |n| number(f64::from(n)))
}

/// The last part of `payments@33de6`, for narrow columns.
#[must_use]
pub fn short_version(label: &str) -> String {
    label.rsplit_once('@').map_or_else(|| label.to_owned(), |(_, v)| format!("@{v}"))
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

/// A sentence in which Flink's ids, 32 digits each, are as short as in every list.
#[must_use]
pub fn short_ids(sentence: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(sentence.len()), sentence);
    while let Some(start) = rest.find(|c: char| c.is_ascii_alphanumeric()) {
        let (before, tail) = rest.split_at(start);
        let end = tail.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(tail.len());
        let (word, tail) = tail.split_at(end);
        out.push_str(before);
        let id = word.len() == 32 && word.bytes().all(|b| b.is_ascii_hexdigit());
        if id {
            out.push_str(&short_id(word))
        } else {
            out.push_str(word)
        }
        rest = tail;
    }
    out.push_str(rest);
    out
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(number(1_234_567.0), "1,234,567");
        assert_eq!(number(999.0), "999");
        assert_eq!(number(12.34), "12.3");
        assert_eq!(number(-1000.0), "-1,000");
    }

    #[test]
    fn flinks_ids_are_short_in_a_sentence() {
        let id = "6e75746b01020304a1b2c3d4e5f60718";
        assert_eq!(short_ids(&format!("job {id}: lost (was {id})")), "job …e5f60718: lost (was …e5f60718)");
        for same in [
            "",
            "é 日本",
            "a 31 digits 6e75746b01020304a1b2c3d4e5f6071",
            "not hex zz75746b01020304a1b2c3d4e5f60718",
        ] {
            assert_eq!(short_ids(same), same);
        }
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
    fn ages_are_short() {
        assert_eq!(age(59), "59s");
        assert_eq!(age(195), "3m");
    }
}
