//! How each read model looks in a table: its columns, its cells, the name that `-o name` prints.

mod checks;
mod inventory;
mod jobs;
mod records;
mod savepoints;

use super::{
    table::{Cell, Column, Tone},
    words::Look,
};
use crate::contract::plan::Verdict;

/// A model that can be a row.
pub trait Tabular {
    /// What several of them are called.
    const NOUN: &'static str;
    /// Headings, as many as a row has cells; some of them only with `-o wide`.
    const COLUMNS: &'static [Column];
    /// One cell for each column.
    fn cells(&self, look: Look) -> Vec<Cell>;
    /// What `-o name` prints.
    fn name(&self) -> String;
}

fn yes_no(value: Option<bool>) -> Cell {
    Cell::some(value.map(|v| if v { "yes" } else { "no" }))
}

/// A long id's head, enough to tell apart and to copy from.
fn short(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}

/// A time-ordered id's end, which tells it apart from its neighbours; commands take it for the whole.
#[must_use]
pub fn end_of(id: &str) -> String {
    let n = id.chars().count();
    if n <= 12 { id.to_owned() } else { format!("…{}", id.chars().skip(n - 8).collect::<String>()) }
}

/// The folder that tells a snapshot from others; its base is the same for all.
#[must_use]
pub fn last_part(location: &str) -> &str {
    location.trim_end_matches('/').rsplit('/').next().unwrap_or(location)
}

/// How a check came out.
#[must_use]
pub fn verdict(verdict: Verdict) -> Cell {
    let (word, tone) = match verdict {
        Verdict::Ok => ("ok", Tone::Good),
        Verdict::Warning => ("warning", Tone::Warn),
        Verdict::Failed => ("failed", Tone::Bad),
        Verdict::Unknown => ("unknown", Tone::Dim),
    };
    Cell::new(word).tone(tone)
}
