//! What is wrong in a theme or keymap file, with its place.

use std::fmt;

/// One problem in a file that a person wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// The file, as people call it.
    pub file: String,
    /// Line, from 1; 0 when the problem is that something is absent.
    pub line: usize,
    /// What is wrong, with the nearest known word where one is near.
    pub message: String,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.message)
    }
}

/// Collects the problems of one file and knows its lines.
#[derive(Debug)]
pub(super) struct Collector<'a> {
    file: &'a str,
    text: &'a str,
    found: Vec<Diagnostic>,
}

impl<'a> Collector<'a> {
    pub(super) const fn new(file: &'a str, text: &'a str) -> Self {
        Self { file, text, found: Vec::new() }
    }

    /// A problem at a byte of the file.
    pub(super) fn at(&mut self, byte: usize, message: impl Into<String>) {
        let line = self.text.bytes().take(byte).filter(|b| *b == b'\n').count() + 1;
        self.found.push(Diagnostic { file: self.file.to_owned(), line, message: message.into() });
    }

    /// Something that the file lacks.
    pub(super) fn absent(&mut self, message: impl Into<String>) {
        self.found.push(Diagnostic { file: self.file.to_owned(), line: 0, message: message.into() });
    }

    /// By line; what is absent comes last.
    pub(super) fn finish(mut self) -> Vec<Diagnostic> {
        self.found.sort_by_key(|d| (d.line == 0, d.line));
        self.found
    }
}

/// `; did you mean "…"?`, where a known word is near.
pub(super) fn suggestion<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    crate::domain::names::nearest(word, known).map(|n| format!("; did you mean {n:?}?")).unwrap_or_default()
}
