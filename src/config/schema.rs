//! Checks what a person wrote against the schema that the types declare, and keeps the places.
//!
//! The same declarations make the OpenAPI document, so there is no second list of keys.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{
    node::{Content, Node, Place},
    settings::ByteSize,
};
use crate::domain::{names, spec, time::Span};

/// A type's schema with the parts that it refers to, as JSON Schema.
#[derive(Debug, Clone)]
pub(super) struct Schema {
    root: Value,
    parts: BTreeMap<String, Value>,
}

/// Something that does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    pub place: Place,
    pub message: String,
}

impl Schema {
    /// The schema of a type.
    pub fn of<T: ToSchema>() -> Self {
        let mut parts = Vec::new();
        T::schemas(&mut parts);
        Self {
            root: json(&T::schema()),
            parts: parts.into_iter().map(|(name, schema)| (name, json(&schema))).collect(),
        }
    }

    /// The same with a property more, or with another schema for it.
    pub fn with(mut self, key: &str, other: Self) -> Self {
        self.parts.extend(other.parts);
        if let Some(properties) = self.root.get_mut("properties").and_then(Value::as_object_mut) {
            properties.insert(key.to_owned(), other.root);
        }
        self
    }

    /// Checks a node; answers its value, with text where text is wanted.
    pub fn check(&self, node: &Node, findings: &mut Vec<Finding>) -> Value {
        self.value(&self.root, node, findings)
    }

    /// Every leaf: dotted path and its schema, for variables and flags.
    pub fn leaves(&self) -> Vec<(String, Value)> {
        let mut out = Vec::new();
        self.leaves_into(&self.root, "", &mut out);
        out
    }

    /// Reads text as a leaf's schema wants it: lists are comma-separated.
    pub fn read_leaf(&self, leaf: &Value, text: &str) -> Result<Value, String> {
        let leaf = self.resolve(leaf);
        let plain = |text: &str| match serde_json::from_str::<Value>(text) {
            Ok(value @ (Value::Bool(_) | Value::Number(_))) => Content::Plain { value, raw: text.to_owned() },
            _ => Content::Text(text.to_owned()),
        };
        let place = Place::default();
        let content = if has_type(leaf, "array") {
            let items = text.split(',').map(str::trim).filter(|t| !t.is_empty());
            Content::List(items.map(|t| Node { place, content: plain(t) }).collect())
        } else {
            plain(text)
        };
        let mut findings = Vec::new();
        let value = self.value(leaf, &Node { place, content }, &mut findings);
        match findings.into_iter().next() {
            None => Ok(value),
            Some(f) => Err(f.message),
        }
    }

    fn leaves_into(&self, schema: &Value, path: &str, out: &mut Vec<(String, Value)>) {
        let schema = self.resolve(schema);
        match properties(schema) {
            Some(properties) => {
                for (key, value) in properties {
                    let at = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                    self.leaves_into(value, &at, out);
                }
            }
            None => out.push((path.to_owned(), schema.clone())),
        }
    }

    /// Follows references, and takes the one branch of an optional value that is not `null`.
    fn resolve<'a>(&'a self, mut schema: &'a Value) -> &'a Value {
        for _ in 0..16 {
            if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
                let name = name.rsplit('/').next().unwrap_or(name);
                match self.parts.get(name) {
                    Some(part) => schema = part,
                    None => return &Value::Null,
                }
                continue;
            }
            let branches = ["oneOf", "anyOf", "allOf"].iter().find_map(|k| schema.get(k)?.as_array());
            match branches {
                Some(branches) => {
                    let mut real = branches.iter().filter(|b| !has_type(b, "null"));
                    match (real.next(), real.next()) {
                        (Some(only), None) => schema = only,
                        _ => return &Value::Null,
                    }
                }
                None => return schema,
            }
        }
        &Value::Null
    }

    fn value(&self, schema: &Value, node: &Node, findings: &mut Vec<Finding>) -> Value {
        let schema = self.resolve(schema);
        let mut wrong = |message: String| {
            findings.push(Finding { place: node.place, message });
            Value::Null
        };
        match &node.content {
            Content::Null => Value::Null,
            Content::Map(entries) if has_type(schema, "object") => {
                let known = properties(schema);
                let more = schema.get("additionalProperties").filter(|m| m.is_object());
                if known.is_none() && more.is_none() {
                    return node.to_value();
                }
                let mut map = Map::new();
                for (key, value) in entries {
                    match known.and_then(|k| k.get(&key.text)).or(more) {
                        Some(schema) => {
                            map.insert(key.text.clone(), self.value(schema, value, findings));
                        }
                        None => findings.push(Finding {
                            place: key.place,
                            message: unknown_key(&key.text, known.into_iter().flat_map(Map::keys)),
                        }),
                    }
                }
                Value::Object(map)
            }
            Content::List(items) if has_type(schema, "array") => {
                let inner = schema.get("items").unwrap_or(&Value::Null);
                Value::Array(items.iter().map(|i| self.value(inner, i, findings)).collect())
            }
            Content::Text(text) | Content::Plain { raw: text, .. } if has_type(schema, "string") => {
                match read_text(schema, text) {
                    Ok(()) => Value::String(text.clone()),
                    Err(message) => wrong(message),
                }
            }
            Content::Plain { value, raw } => match fits(schema, value, raw) {
                Ok(()) => value.clone(),
                Err(message) => wrong(message),
            },
            _ => match expected(schema) {
                None => node.to_value(),
                Some(wanted) => wrong(format!("expected {wanted}, found {}", node.kind())),
            },
        }
    }
}

fn json<S: serde::Serialize>(schema: &S) -> Value {
    serde_json::to_value(schema).unwrap_or_default()
}

fn properties(schema: &Value) -> Option<&Map<String, Value>> {
    schema.get("properties").and_then(Value::as_object).filter(|p| !p.is_empty())
}

fn has_type(schema: &Value, name: &str) -> bool {
    match schema.get("type") {
        Some(Value::String(t)) => t == name,
        Some(Value::Array(types)) => types.iter().any(|t| t == name),
        _ => false,
    }
}

/// What a schema wants, in words; none when it takes anything.
fn expected(schema: &Value) -> Option<&'static str> {
    [
        ("object", "a map"),
        ("array", "a list"),
        ("string", "text"),
        ("integer", "a whole number"),
        ("number", "a number"),
        ("boolean", "true or false"),
    ]
    .into_iter()
    .find_map(|(kind, words)| has_type(schema, kind).then_some(words))
}

fn unknown_key<'a>(key: &str, known: impl Iterator<Item = &'a String>) -> String {
    let known: Vec<&str> = known.map(String::as_str).collect();
    if let Some(word) = spec::not_built_yet(key) {
        return word;
    }
    match names::nearest(key, known.iter().copied()) {
        Some(near) => format!("unknown key {key:?}; did you mean {near:?}?"),
        None => format!("unknown key {key:?}; known here: {}", known.join(", ")),
    }
}

fn read_text(schema: &Value, text: &str) -> Result<(), String> {
    if let Some(words) = schema.get("enum").and_then(Value::as_array) {
        let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
        if !words.contains(&text) {
            return Err(names::UnknownWord::new(text, &words).to_string());
        }
    }
    match schema.get("format").and_then(Value::as_str) {
        Some("duration") => text.parse::<Span>().map(drop).map_err(|e| e.to_string()),
        Some("size") => text.parse::<ByteSize>().map(drop).map_err(|e| e.to_string()),
        _ => Ok(()),
    }
}

fn fits(schema: &Value, value: &Value, raw: &str) -> Result<(), String> {
    let Some(wanted) = expected(schema) else { return Ok(()) };
    let ok = match value {
        Value::Bool(_) => has_type(schema, "boolean"),
        Value::Number(n) if n.is_i64() || n.is_u64() => {
            has_type(schema, "integer") || has_type(schema, "number")
        }
        Value::Number(_) => has_type(schema, "number"),
        _ => false,
    };
    if !ok {
        return Err(format!("expected {wanted}, found {raw}"));
    }
    let (low, high) = (bound(schema, "minimum"), bound(schema, "maximum"));
    let number = value.as_f64().unwrap_or_default();
    let is_32_bit = schema.get("format").and_then(Value::as_str) == Some("int32");
    if low.is_some_and(|low| number < low) {
        return Err(format!("{raw} is too small; at least {}", low.unwrap_or_default()));
    }
    if high.is_some_and(|high| number > high) || (is_32_bit && number > f64::from(i32::MAX)) {
        return Err(format!("{raw} is too large"));
    }
    Ok(())
}

fn bound(schema: &Value, name: &str) -> Option<f64> {
    schema.get(name).and_then(Value::as_f64)
}
