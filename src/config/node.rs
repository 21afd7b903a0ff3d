//! A parsed document that remembers where everything stands.

use serde_json::{Map, Value};

/// Line and column, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place {
    /// From 1; 0 where the place is not known.
    pub line: u32,
    /// In characters, from 1; 0 where the place is not known.
    pub column: u32,
}

/// A value with its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Where it begins.
    pub place: Place,
    /// What it is.
    pub content: Content,
}

/// What a node holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// `null`, `~` or nothing.
    Null,
    /// A number or a boolean, with the text as written: where a string is wanted, `0.10` stays `0.10`.
    Plain {
        /// As a value.
        value: Value,
        /// As written.
        raw: String,
    },
    /// A quoted text, or one that reads as nothing else.
    Text(String),
    /// The items of a list, in order.
    List(Vec<Node>),
    /// Keys in the order of the document.
    Map(Vec<(Key, Node)>),
}

/// A key with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Where it begins.
    pub place: Place,
    /// As it is written, without quotes.
    pub text: String,
}

impl Node {
    /// The value of a key, when this is a map that has it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        match &self.content {
            Content::Map(entries) => entries.iter().find(|(k, _)| k.text == key).map(|(_, v)| v),
            _ => None,
        }
    }

    /// The text, when this is text.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Text(t) => Some(t),
            _ => None,
        }
    }

    /// The node nearest to a path of keys and indices: the deepest one that exists.
    #[must_use]
    pub fn nearest(&self, path: &[&str]) -> &Self {
        let Some((head, rest)) = path.split_first() else { return self };
        let child = match &self.content {
            Content::List(items) => head.parse::<usize>().ok().and_then(|i| items.get(i)),
            _ => self.get(head),
        };
        child.map_or(self, |c| c.nearest(rest))
    }

    /// The value without places.
    #[must_use]
    pub fn to_value(&self) -> Value {
        match &self.content {
            Content::Null => Value::Null,
            Content::Plain { value, .. } => value.clone(),
            Content::Text(t) => Value::String(t.clone()),
            Content::List(items) => Value::Array(items.iter().map(Self::to_value).collect()),
            Content::Map(entries) => Value::Object(
                entries.iter().map(|(k, v)| (k.text.clone(), v.to_value())).collect::<Map<_, _>>(),
            ),
        }
    }

    /// What it is, for messages.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match &self.content {
            Content::Null => "nothing",
            Content::Plain { value: Value::Bool(_), .. } => "true or false",
            Content::Plain { .. } => "a number",
            Content::Text(_) => "text",
            Content::List(_) => "a list",
            Content::Map(_) => "a map",
        }
    }
}
