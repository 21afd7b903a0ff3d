//! Rows of what happened: operations with their steps, events, revisions.

use super::{
    super::{
        table::{Cell, Column, Tone, column, wide},
        words::{self, Look},
    },
    Tabular, end_of, short,
};
use crate::contract::model;

impl Tabular for model::Operation {
    const NOUN: &'static str = "operations";
    const COLUMNS: &'static [Column] = &[
        column("OPERATION"),
        column("KIND"),
        column("DEPLOYMENT"),
        column("STATE"),
        column("STEP"),
        column("CREATED"),
        column("ACTOR"),
        column("RESULT"),
        wide("VIA"),
        wide("TARGET"),
        wide("REASON"),
        wide("PARENT"),
    ];
    fn cells(&self, look: Look) -> Vec<Cell> {
        let result = self.outcome_text().map(|r| look.words(&r).to_string());
        vec![
            Cell::new(&self.operation_id),
            Cell::new(self.kind.as_str()),
            Cell::new(&self.deployment),
            words::op_state(self.state),
            Cell::some(self.at_work().map(|s| format!("{}/{}", s.n, self.steps.len()))),
            look.time(Some(self.created_at)),
            Cell::new(&self.actor),
            Cell::some(result),
            Cell::new(self.via.as_str()),
            Cell::new(&self.target),
            Cell::some(self.reason.as_ref()),
            Cell::some(self.parent.as_ref()),
        ]
    }
    fn name(&self) -> String {
        self.operation_id.clone()
    }
}

impl Tabular for model::Step {
    const NOUN: &'static str = "steps";
    const COLUMNS: &'static [Column] = &[
        column("N"),
        column("STEP"),
        column("STATE"),
        column("ATTEMPTS"),
        column("TOOK"),
        column("DETAIL"),
        wide("STARTED"),
    ];
    fn cells(&self, look: Look) -> Vec<Cell> {
        let took = self.started_at.map(|from| self.ended_at.unwrap_or(look.now).seconds_since(from));
        vec![
            Cell::new(self.n.to_string()),
            Cell::new(self.name.as_str()),
            Cell::new(self.state.as_str()),
            Cell::new(self.attempts.to_string()),
            words::span(took),
            Cell::new(&self.detail),
            look.time(self.started_at),
        ]
    }
    fn name(&self) -> String {
        self.name.to_string()
    }
}

impl Tabular for model::Event {
    const NOUN: &'static str = "events";
    const COLUMNS: &'static [Column] = &[
        column("TIME"),
        column("SEVERITY"),
        column("EVENT"),
        column("DEPLOYMENT"),
        column("ACTOR"),
        column("MESSAGE"),
        wide("SEQ"),
        wide("VIA"),
        wide("OPERATION"),
    ];
    fn cells(&self, look: Look) -> Vec<Cell> {
        vec![
            look.time(Some(self.at)),
            words::severity(self.severity),
            Cell::new(&self.name),
            Cell::some(self.deployment.as_ref().or(self.application.as_ref())),
            Cell::new(&self.actor),
            Cell::new(look.words(&self.message)),
            Cell::new(self.seq.to_string()),
            Cell::new(self.via.as_str()),
            Cell::some(self.operation_id.as_ref()),
        ]
    }
    fn name(&self) -> String {
        self.seq.to_string()
    }
}

impl Tabular for model::Revision {
    const NOUN: &'static str = "revisions";
    const COLUMNS: &'static [Column] = &[
        column("REV"),
        column("VERSION"),
        column("CREATED"),
        column("AUTHOR"),
        column("OUTCOME"),
        column("REASON"),
        wide("CONTENT"),
    ];
    fn cells(&self, look: Look) -> Vec<Cell> {
        vec![
            Cell::new(self.number.to_string()),
            Cell::new(&self.version_label),
            look.time(Some(self.created_at)),
            Cell::new(&self.author),
            match &self.failed_in {
                Some(id) => Cell::new(format!("FAILED in operation {}", end_of(id))).tone(Tone::Bad),
                None => Cell::new(""),
            },
            Cell::some(self.reason.as_ref()),
            Cell::new(short(&self.content_hash)),
        ]
    }
    fn name(&self) -> String {
        self.number.to_string()
    }
}
