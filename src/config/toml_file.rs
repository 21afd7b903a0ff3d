//! TOML with places.

use serde_json::Value;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    diagnostic::Diagnostic,
    node::{Content, Key, Node, Place},
};

/// Reads a TOML text; every syntax error is reported.
pub(super) fn parse(file: &str, text: &str) -> Result<Node, Vec<Diagnostic>> {
    let (table, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        return Ok(Node {
            place: Place { line: 1, column: 1 },
            content: Content::Map(entries(text, table.get_ref())),
        });
    }
    Err(errors
        .iter()
        .map(|e| {
            let place = e.span().map(|s| place(text, s.start)).unwrap_or_default();
            Diagnostic {
                file: file.to_owned(),
                line: place.line,
                column: place.column,
                message: format!("not valid TOML: {}", e.message()),
            }
        })
        .collect())
}

fn entries(text: &str, table: &DeTable<'_>) -> Vec<(Key, Node)> {
    let mut all: Vec<_> = table
        .iter()
        .map(|(k, v)| {
            (Key { place: place(text, k.span().start), text: k.get_ref().to_string() }, node(text, v))
        })
        .collect();
    all.sort_by_key(|(k, _)| (k.place.line, k.place.column));
    all
}

fn node(text: &str, value: &Spanned<DeValue<'_>>) -> Node {
    let raw = || text.get(value.span()).unwrap_or_default().to_owned();
    let content = match value.get_ref() {
        DeValue::String(s) => Content::Text(s.to_string()),
        DeValue::Integer(i) => match i64::from_str_radix(i.as_str(), i.radix()) {
            Ok(n) => Content::Plain { value: n.into(), raw: raw() },
            Err(_) => Content::Text(raw()),
        },
        DeValue::Float(x) => match x.as_str().parse::<f64>() {
            Ok(n) => Content::Plain { value: n.into(), raw: raw() },
            Err(_) => Content::Text(raw()),
        },
        DeValue::Boolean(b) => Content::Plain { value: Value::Bool(*b), raw: raw() },
        DeValue::Datetime(d) => Content::Text(d.to_string()),
        DeValue::Array(items) => Content::List(items.iter().map(|i| node(text, i)).collect()),
        DeValue::Table(t) => Content::Map(entries(text, t)),
    };
    Node { place: place(text, value.span().start), content }
}

/// Line and column (in characters) of a byte offset.
fn place(text: &str, offset: usize) -> Place {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    Place { line: u32::try_from(line).unwrap_or(0), column: u32::try_from(column).unwrap_or(0) }
}
