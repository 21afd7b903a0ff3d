//! Rows of verdicts: checks, and what applying a manifest does.

use super::{
    super::{
        table::{Cell, Column, Tone, column},
        words::Look,
    },
    Tabular, verdict,
};
use crate::contract::{
    intent::{Applied, ApplyAction},
    plan::Check,
};

impl Tabular for Check {
    const NOUN: &'static str = "checks";
    const COLUMNS: &'static [Column] =
        &[column("CHECK"), column("VERDICT"), column("FOUND"), column("WHAT TO DO")];
    fn cells(&self, _: Look) -> Vec<Cell> {
        vec![
            Cell::new(&self.name),
            verdict(self.verdict),
            Cell::new(&self.message),
            Cell::new(self.hint.as_deref().unwrap_or_default()),
        ]
    }
    fn name(&self) -> String {
        self.name.clone()
    }
}

impl Tabular for Applied {
    const NOUN: &'static str = "documents";
    const COLUMNS: &'static [Column] =
        &[column("KIND"), column("NAME"), column("ACTION"), column("THEN"), column("OPERATION")];
    fn cells(&self, _: Look) -> Vec<Cell> {
        let tone = match self.action {
            ApplyAction::Create | ApplyAction::Update => Tone::Good,
            ApplyAction::Unchanged => Tone::Dim,
            ApplyAction::Refused => Tone::Bad,
        };
        vec![
            Cell::new(&self.kind),
            Cell::new(&self.name),
            Cell::new(self.action.as_str()).tone(tone),
            Cell::some(self.operation_kind),
            Cell::some(self.operation_id.as_ref()),
        ]
    }
    fn name(&self) -> String {
        format!("{}/{}", self.kind.to_lowercase(), self.name)
    }
}
