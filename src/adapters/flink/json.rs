//! Reading JSON that nobody vouches for: size, depth, broken escapes, numbers that are words.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use crate::domain::time::Timestamp;

/// Largest answer that is read, in bytes.
pub(super) const CAP: usize = 16 << 20;
/// Deepest nesting that is read.
const DEPTH: usize = 64;

/// Why an answer cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum BadJson {
    /// Nested deeper than [`DEPTH`].
    TooDeep,
    /// A web page.
    Html,
    /// Something else, with the reader's words.
    Other(String),
}

/// Reads `bytes`; broken UTF-8 and lone surrogates become U+FFFD.
pub(super) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, BadJson> {
    if looks_like_html(bytes) {
        return Err(BadJson::Html);
    }
    if too_deep(bytes) {
        return Err(BadJson::TooDeep);
    }
    match serde_json::from_slice(bytes) {
        Ok(value) => Ok(value),
        // Only documents that fail pay for the repair.
        Err(first) => serde_json::from_str(&repaired(&String::from_utf8_lossy(bytes)))
            .map_err(|_| BadJson::Other(first.to_string())),
    }
}

/// The first character that is not blank opens a tag.
pub(super) fn looks_like_html(bytes: &[u8]) -> bool {
    bytes.iter().find(|b| !b.is_ascii_whitespace()) == Some(&b'<')
}

fn too_deep(bytes: &[u8]) -> bool {
    let (mut depth, mut in_text, mut escaped) = (0usize, false, false);
    for b in bytes {
        match b {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            _ if in_text => {}
            b'{' | b'[' => {
                depth += 1;
                if depth > DEPTH {
                    return true;
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

/// `text` with every lone surrogate escape replaced by `\ufffd`.
fn repaired(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let (before, tail) = rest.split_at(at);
        out.push_str(before);
        // The escape is as long as what it means: a pair of surrogates, one code unit, or one character.
        let taken = match unit(tail) {
            Some(0xD800..=0xDBFF)
                if tail.get(6..).and_then(unit).is_some_and(|u| (0xDC00..=0xDFFF).contains(&u)) =>
            {
                12
            }
            Some(0xD800..=0xDFFF) => {
                out.push_str("\\ufffd");
                rest = tail.get(6..).unwrap_or("");
                continue;
            }
            Some(_) => 6,
            None => 1 + tail.chars().nth(1).map_or(0, char::len_utf8),
        };
        let (escape, tail) = tail.split_at_checked(taken).unwrap_or((tail, ""));
        out.push_str(escape);
        rest = tail;
    }
    out.push_str(rest);
    out
}

/// The code unit of a `\uXXXX` at the beginning of `text`.
fn unit(text: &str) -> Option<u16> {
    u16::from_str_radix(text.strip_prefix("\\u")?.get(..4)?, 16).ok()
}

/// A leaf as it came: a number, a word, or something that is neither.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) enum Leaf {
    /// Absent, null, or no leaf at all.
    #[default]
    None,
    /// A whole number.
    Int(i64),
    /// Another number.
    Float(f64),
    /// Text; Flink writes NaN and infinities as such.
    Text(String),
}

impl Leaf {
    pub(super) fn int(&self) -> Option<i64> {
        match self {
            Self::Int(i) => Some(*i),
            #[expect(
                clippy::cast_possible_truncation,
                reason = "saturates; such numbers are already nonsense"
            )]
            Self::Float(f) if f.is_finite() => Some(*f as i64),
            Self::Text(t) => t.trim().parse().ok(),
            _ => None,
        }
    }
    pub(super) fn float(&self) -> Option<f64> {
        match self {
            #[expect(clippy::cast_precision_loss, reason = "shown to people, not counted with")]
            Self::Int(i) => Some(*i as f64),
            Self::Float(f) => Some(*f),
            Self::Text(t) => t.trim().parse().ok(),
            Self::None => None,
        }
        .filter(|f| f.is_finite())
    }
    pub(super) fn u64(&self) -> Option<u64> {
        self.int().and_then(|i| u64::try_from(i).ok())
    }
    pub(super) fn u32(&self) -> Option<u32> {
        self.int().and_then(|i| u32::try_from(i).ok())
    }
    pub(super) fn bool(&self) -> bool {
        *self == Self::Int(1) || matches!(self, Self::Text(t) if t.eq_ignore_ascii_case("true"))
    }
    /// Milliseconds since 1970; Flink's 0 and -1 mean "never".
    pub(super) fn time(&self) -> Option<Timestamp> {
        self.int().filter(|ms| *ms > 0).map(Timestamp::from_millis)
    }
    pub(super) fn text(&self) -> Option<String> {
        match self {
            Self::Text(t) => Some(t.clone()),
            Self::Int(i) => Some(i.to_string()),
            Self::Float(f) => Some(f.to_string()),
            Self::None => None,
        }
    }
    pub(super) fn text_or_empty(&self) -> String {
        self.text().unwrap_or_default()
    }
}

impl<'de> Deserialize<'de> for Leaf {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(LeafVisitor)
    }
}

struct LeafVisitor;

impl<'de> Visitor<'de> for LeafVisitor {
    type Value = Leaf;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }
    fn visit_i64<E>(self, v: i64) -> Result<Leaf, E> {
        Ok(Leaf::Int(v))
    }
    fn visit_u64<E>(self, v: u64) -> Result<Leaf, E> {
        Ok(Leaf::Int(i64::try_from(v).unwrap_or(i64::MAX)))
    }
    fn visit_f64<E>(self, v: f64) -> Result<Leaf, E> {
        Ok(Leaf::Float(v))
    }
    fn visit_bool<E>(self, v: bool) -> Result<Leaf, E> {
        Ok(Leaf::Int(i64::from(v)))
    }
    fn visit_str<E>(self, v: &str) -> Result<Leaf, E> {
        Ok(Leaf::Text(v.to_owned()))
    }
    fn visit_string<E>(self, v: String) -> Result<Leaf, E> {
        Ok(Leaf::Text(v))
    }
    fn visit_unit<E>(self) -> Result<Leaf, E> {
        Ok(Leaf::None)
    }
    fn visit_none<E>(self) -> Result<Leaf, E> {
        Ok(Leaf::None)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Leaf, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Leaf::None)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Leaf, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Leaf::None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Doc {
        #[serde(default)]
        v: Leaf,
    }

    fn leaf(json: &str) -> Leaf {
        parse::<Doc>(format!("{{\"v\":{json}}}").as_bytes()).unwrap().v
    }

    #[test]
    fn leaves_take_anything() {
        assert_eq!(leaf("5").int(), Some(5));
        assert_eq!(leaf("\"5\"").u64(), Some(5));
        assert_eq!(leaf("5.9").int(), Some(5));
        assert_eq!(leaf("\"NaN\"").float(), None);
        assert_eq!(leaf("\"NaN\"").int(), None);
        assert_eq!(leaf("18446744073709551615").int(), Some(i64::MAX));
        assert!(leaf("true").bool());
        assert_eq!(leaf("{\"a\":[1,2]}"), Leaf::None);
        assert_eq!(leaf("[{\"a\":1}]"), Leaf::None);
        assert_eq!(leaf("null"), Leaf::None);
        assert_eq!(parse::<Doc>(b"{}").unwrap().v, Leaf::None);
        assert_eq!(leaf("-1").time(), None);
        assert_eq!(leaf("0").time(), None);
    }

    #[test]
    fn depth_is_capped_outside_of_text() {
        let nested = |n: usize| format!("{{\"x\":{}1{},\"v\":1}}", "[".repeat(n), "]".repeat(n));
        assert_eq!(parse::<Doc>(nested(60).as_bytes()).unwrap().v, Leaf::Int(1));
        assert_eq!(parse::<Doc>(nested(64).as_bytes()).unwrap_err(), BadJson::TooDeep);
        assert_eq!(parse::<Doc>(nested(1_000_000).as_bytes()).unwrap_err(), BadJson::TooDeep);
        let brackets = format!("{{\"v\":\"\\\"{}\"}}", "[".repeat(1000));
        assert_eq!(parse::<Doc>(brackets.as_bytes()).unwrap().v.text().unwrap().len(), 1001);
    }

    #[test]
    fn broken_text_is_repaired() {
        let cases: [(&[u8], &str); 6] = [
            (b"{\"v\":\"a\\ud800b\"}", "a\u{fffd}b"),
            (b"{\"v\":\"a\\udc00\"}", "a\u{fffd}"),
            (b"{\"v\":\"\\ud83d\\ude00 \\ud800\"}", "\u{1f600} \u{fffd}"),
            (b"{\"v\":\"\\\\ud800 \\udfff\"}", "\\ud800 \u{fffd}"),
            (b"{\"v\":\"\xff\"}", "\u{fffd}"),
            (b"{\"v\":\"\\n\\ud800\"}", "\n\u{fffd}"),
        ];
        for (json, text) in cases {
            assert_eq!(parse::<Doc>(json).unwrap().v.text().unwrap(), text, "{}", json.escape_ascii());
        }
        assert_eq!(parse::<Doc>(b" \n<!doctype html>").unwrap_err(), BadJson::Html);
        assert!(matches!(parse::<Doc>(b"{\"v\":"), Err(BadJson::Other(_))));
        assert!(matches!(parse::<Doc>(b"\\"), Err(BadJson::Other(_))));
    }
}
