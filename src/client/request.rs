//! What is asked of the API: a read ([`Get`]) or an act ([`Act`]), each with the type of its answer.

use std::marker::PhantomData;

use hyper::Method;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde_json::Value;

/// A route that is read, and what it answers.
#[derive(Debug)]
pub struct Get<T> {
    path: String,
    answer: PhantomData<fn() -> T>,
}

impl<T> Clone for Get<T> {
    fn clone(&self) -> Self {
        Self::at(self.path.clone())
    }
}

impl<T> Get<T> {
    pub(super) const fn at(path: String) -> Self {
        Self { path, answer: PhantomData }
    }
    /// Path and query below the API's prefix.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }
    pub(super) fn into_path(self) -> String {
        self.path
    }
    /// With a query parameter more.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl AsRef<str>) -> Self {
        push_query(&mut self.path, key, value.as_ref());
        self
    }
    /// With a query parameter more, when it has a value.
    #[must_use]
    pub fn with_some(self, key: &str, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.with(key, value.to_string()),
            None => self,
        }
    }
}

/// One confirmed act: its route, its body, and the key that makes sending it twice harmless.
#[derive(Debug)]
pub struct Act<T> {
    method: Method,
    path: String,
    body: Option<Value>,
    key: String,
    if_match: Option<String>,
    dry_run: bool,
    answer: PhantomData<fn() -> T>,
}

impl<T> Clone for Act<T> {
    fn clone(&self) -> Self {
        Self {
            method: self.method.clone(),
            path: self.path.clone(),
            body: self.body.clone(),
            key: self.key.clone(),
            if_match: self.if_match.clone(),
            dry_run: self.dry_run,
            answer: PhantomData,
        }
    }
}

impl<T> Act<T> {
    pub(super) fn new(method: Method, path: String, body: Option<Value>) -> Self {
        Self {
            method,
            path,
            body,
            key: uuid::Uuid::new_v4().to_string(),
            if_match: None,
            dry_run: false,
            answer: PhantomData,
        }
    }
    pub(super) fn post(path: String, body: &impl Serialize) -> Self {
        Self::new(Method::POST, path, serde_json::to_value(body).ok())
    }
    /// Asks for the plan only.
    #[must_use]
    pub const fn dry_run(mut self, on: bool) -> Self {
        self.dry_run = on;
        self
    }
    /// With a key that a person or a pipeline chose.
    #[must_use]
    pub fn with_key(mut self, key: Option<&str>) -> Self {
        if let Some(key) = key {
            key.clone_into(&mut self.key);
        }
        self
    }
    /// Only if the object still has this version.
    #[must_use]
    pub fn if_match(mut self, version: Option<u32>) -> Self {
        self.if_match = version.map(|v| format!("\"{v}\""));
        self
    }
    /// The key of this act.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }
    /// The body.
    #[must_use]
    pub const fn body(&self) -> Option<&Value> {
        self.body.as_ref()
    }
    pub(super) const fn method(&self) -> &Method {
        &self.method
    }
    pub(super) fn target(&self) -> String {
        let mut path = self.path.clone();
        if self.dry_run {
            push_query(&mut path, "dryRun", "true");
        }
        path
    }
    pub(super) fn headers(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let key = (super::KEY_HEADER, self.key.as_str());
        let if_match = self.if_match.as_deref().map(|v| ("if-match", v));
        std::iter::once(key).chain(if_match)
    }
}

/// Characters that need no escape inside a path segment or a query value.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Text as a path segment, a query value or a header.
pub(super) fn escape(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

fn push_query(path: &mut String, key: &str, value: &str) {
    path.push(if path.contains('?') { '&' } else { '?' });
    path.push_str(key);
    path.push('=');
    path.push_str(&escape(value));
}
