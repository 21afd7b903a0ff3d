//! Rows of what a job can be restored from: savepoints, and restore points as the advisor weighs them.

use super::{
    super::{
        table::{Cell, Column, Tone, column, wide},
        words::{self, Look},
    },
    Tabular, yes_no,
};
use crate::contract::model;

impl Tabular for model::Savepoint {
    const NOUN: &'static str = "savepoints";
    const COLUMNS: &'static [Column] = &[
        column("SAVEPOINT"),
        column("DEPLOYMENT"),
        column("TAKEN"),
        column("ORIGIN"),
        column("STATUS"),
        column("REV"),
        column("SIZE"),
        column("PINNED"),
        column("LABEL"),
        wide("FORMAT"),
        wide("FLINK"),
        wide("FINAL"),
        wide("VERIFIED"),
        wide("LOCATION"),
        wide("FAILURE"),
    ];
    fn cells(&self, look: Look) -> Vec<Cell> {
        vec![
            Cell::new(&self.savepoint_id),
            Cell::new(&self.deployment),
            look.time(self.state_of()),
            Cell::new(self.origin.as_str()),
            words::savepoint_status(self.status),
            Cell::some(self.revision),
            words::size(self.size_bytes),
            yes_no(Some(self.pinned)),
            Cell::some(self.label.as_ref()),
            Cell::some(self.format),
            Cell::some(self.flink_version.as_ref()),
            yes_no(Some(self.is_final)),
            yes_no(self.verified),
            Cell::some(self.location.as_ref()),
            Cell::some(self.failure.as_ref()),
        ]
    }
    fn name(&self) -> String {
        self.savepoint_id.clone()
    }
}

impl Tabular for model::RestorePoint {
    const NOUN: &'static str = "restore points";
    const COLUMNS: &'static [Column] = &[
        column("CHOSEN"),
        column("SAVEPOINT"),
        column("ORIGIN"),
        column("TAKEN"),
        column("REWIND"),
        column("WHY"),
        wide("LOCATION"),
    ];
    fn cells(&self, look: Look) -> Vec<Cell> {
        let why = self.why.as_ref().or(self.rejected.as_ref());
        vec![
            Cell::new(if self.chosen { "chosen" } else { "" }).tone(Tone::Good),
            Cell::some(self.savepoint_id.as_ref()),
            Cell::some(self.origin),
            look.time(self.triggered_at),
            words::span(self.rewind_seconds),
            Cell::some(why),
            Cell::some(self.location.as_ref()),
        ]
    }
    fn name(&self) -> String {
        self.savepoint_id.clone().or_else(|| self.location.clone()).unwrap_or_default()
    }
}
