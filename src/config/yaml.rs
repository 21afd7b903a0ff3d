//! YAML in and out. Nothing else in the program knows the YAML library.

use serde::{Deserialize, Deserializer, de};
use serde_json::Value;
use serde_saphyr::{Location, Spanned};

use super::{
    diagnostic::Diagnostic,
    node::{Content, Key, Node, Place},
};

/// Largest manifest that is read, in bytes.
pub const MAX_BYTES: usize = 4 << 20;

/// Reads every document of a YAML text; empty documents are skipped.
///
/// `file` names the source in the diagnostic.
pub(super) fn parse(file: &str, text: &str) -> Result<Vec<Node>, Diagnostic> {
    let options = serde_saphyr::options! {
        strict_booleans: true,
        with_snippet: false,
        duplicate_keys: serde_saphyr::DuplicateKeyPolicy::Error,
        budget: serde_saphyr::budget! {
            max_depth: 64,
            max_documents: 10_000,
            max_nodes: 200_000,
            max_aliases: 1_000,
            max_anchors: 1_000,
            max_total_scalar_bytes: MAX_BYTES,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 100_000,
            max_replay_stack_depth: 16,
        },
    };
    let documents: Vec<Spanned<Raw>> =
        serde_saphyr::from_str_multiple_with_options(text, options).map_err(|e| {
            let place = e.location().map(place).unwrap_or_default();
            Diagnostic { file: file.to_owned(), line: place.line, column: place.column, message: reason(&e) }
        })?;
    Ok(documents.iter().map(|d| node(text, d)).filter(|n| !matches!(n.content, Content::Null)).collect())
}

/// A value as YAML text, one document.
#[must_use]
pub fn to_yaml(value: &Value) -> String {
    serde_saphyr::to_string(value).unwrap_or_default()
}

/// Several values as YAML text, one document each.
#[must_use]
pub fn to_yaml_documents(values: &[Value]) -> String {
    values.iter().map(to_yaml).collect::<Vec<_>>().join("---\n")
}

/// The library's sentence without its own place and advice about its options.
fn reason(e: &serde_saphyr::Error) -> String {
    let text = e.to_string();
    let text = text.split(" at line ").next().unwrap_or(&text);
    let text = text.split(", set DuplicateKeyPolicy").next().unwrap_or(text);
    format!("not valid YAML: {text}")
}

fn place(l: Location) -> Place {
    Place { line: u32::try_from(l.line()).unwrap_or(0), column: u32::try_from(l.column()).unwrap_or(0) }
}

fn written(text: &str, l: Location) -> Option<&str> {
    let span = l.span();
    let from = usize::try_from(span.byte_offset()?).ok()?;
    let len = usize::try_from(span.byte_len()?).ok()?;
    text.get(from..from.checked_add(len)?)
}

fn node(text: &str, raw: &Spanned<Raw>) -> Node {
    let content = match &raw.value {
        Raw::Null => Content::Null,
        Raw::Plain(value) => Content::Plain {
            value: value.clone(),
            raw: written(text, raw.defined).map_or_else(|| value.to_string(), str::to_owned),
        },
        Raw::Text(t) => Content::Text(t.clone()),
        Raw::List(items) => Content::List(items.iter().map(|i| node(text, i)).collect()),
        Raw::Map(entries) => Content::Map(
            entries
                .iter()
                .map(|(k, v)| (Key { place: place(k.referenced), text: k.value.clone() }, node(text, v)))
                .collect(),
        ),
    };
    Node { place: place(raw.referenced), content }
}

/// What the library hands over, before places are put in.
enum Raw {
    Null,
    Plain(Value),
    Text(String),
    List(Vec<Spanned<Self>>),
    Map(Vec<(Spanned<String>, Spanned<Self>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> de::Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a value")
    }
    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }
    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }
    fn visit_some<D: Deserializer<'de>>(self, d: D) -> Result<Raw, D::Error> {
        d.deserialize_any(self)
    }
    fn visit_bool<E>(self, v: bool) -> Result<Raw, E> {
        Ok(Raw::Plain(v.into()))
    }
    fn visit_i64<E>(self, v: i64) -> Result<Raw, E> {
        Ok(Raw::Plain(v.into()))
    }
    fn visit_u64<E>(self, v: u64) -> Result<Raw, E> {
        Ok(Raw::Plain(v.into()))
    }
    fn visit_f64<E>(self, v: f64) -> Result<Raw, E> {
        Ok(Raw::Plain(v.into()))
    }
    fn visit_str<E>(self, v: &str) -> Result<Raw, E> {
        Ok(Raw::Text(v.to_owned()))
    }
    fn visit_string<E>(self, v: String) -> Result<Raw, E> {
        Ok(Raw::Text(v))
    }
    fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Raw::List(items))
    }
    fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Raw::Map(entries))
    }
}
