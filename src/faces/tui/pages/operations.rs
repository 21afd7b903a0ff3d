//! The page of operations: active ones first, then the newest.

use crate::{
    contract::model::Operation,
    faces::tui::{data::Data, list::ListView},
};

/// Its state.
#[derive(Debug, Default)]
pub struct Operations {
    /// Operations by id.
    pub list: ListView<String>,
}

impl Operations {
    /// Takes what is known.
    pub fn sync(&mut self, data: &Data) {
        let mut all: Vec<&Operation> = data.operations.values().collect();
        all.sort_by_key(|o| (!o.state.is_active(), std::cmp::Reverse(o.created_at)));
        let words =
            |o: &&Operation| format!("{} {} {} {} {}", o.deployment, o.kind, o.state, o.actor, o.target);
        self.list.sync(all, |o| o.operation_id.clone(), words);
    }
}
