//! Rows of what Flink tells of its jobs: the jobs, their checkpoints, their exceptions.

use super::{
    super::{
        table::{Cell, Column, Tone, column, wide},
        words::{self, Look},
    },
    Tabular, end_of, last_part,
};
use crate::contract::model;

impl Tabular for model::TargetJob {
    const NOUN: &'static str = "jobs";
    const COLUMNS: &'static [Column] = &[
        column("FLINK JOB"),
        column("NAME"),
        column("FLINK STATE"),
        column("TASKS"),
        column("AGE"),
        column("DEPLOYMENT"),
        column("MANAGEMENT"),
        wide("TARGET"),
    ];
    fn cells(&self, look: Look) -> Vec<Cell> {
        vec![
            Cell::new(&self.flink_job_id),
            Cell::new(&self.name),
            Cell::new(&self.flink_state),
            Cell::new(format!("{}/{}", self.tasks.running, self.tasks.total)),
            look.age(self.started_at),
            Cell::some(self.deployment.as_ref()),
            Cell::new(&self.management),
            Cell::new(&self.target),
        ]
    }
    fn name(&self) -> String {
        self.flink_job_id.clone()
    }
}

impl Tabular for model::Job {
    const NOUN: &'static str = "jobs";
    const COLUMNS: &'static [Column] = &[
        column("FLINK JOB"),
        column("DEPLOYMENT"),
        column("STATE"),
        column("FLINK STATE"),
        column("REV"),
        column("STARTED"),
        column("ENDED"),
        column("RESTARTS"),
        column("RESTORED FROM"),
        wide("JOB"),
        wide("LOCATION"),
    ];
    fn cells(&self, look: Look) -> Vec<Cell> {
        vec![
            Cell::new(&self.flink_job_id),
            Cell::new(&self.deployment),
            words::observed(self.state),
            Cell::some(self.flink_state.as_ref()),
            Cell::some(self.revision),
            look.time(self.started_at),
            look.time(self.ended_at),
            Cell::some(self.restarts),
            Cell::some(self.restored_from.as_ref().map(|r| last_part(&r.location))),
            Cell::new(&self.job_id),
            Cell::some(self.restored_from.as_ref().map(|r| &r.location)),
        ]
    }
    fn name(&self) -> String {
        self.job_id.clone()
    }
}

impl Tabular for model::Checkpoint {
    const NOUN: &'static str = "checkpoints";
    const COLUMNS: &'static [Column] = &[
        column("ID"),
        column("KIND"),
        column("STATUS"),
        column("TRIGGERED"),
        column("TOOK"),
        column("SIZE"),
        column("FAILURE"),
        wide("LOCATION"),
    ];
    fn cells(&self, look: Look) -> Vec<Cell> {
        vec![
            Cell::new(self.id.to_string()),
            Cell::new(&self.kind),
            Cell::new(&self.status).tone(if self.status == "FAILED" { Tone::Bad } else { Tone::Plain }),
            look.time(self.triggered_at),
            Cell::some(self.duration_ms.map(|ms| format!("{ms} ms"))),
            words::size(self.size_bytes),
            Cell::some(self.failure.as_ref()),
            Cell::some(self.location.as_ref()),
        ]
    }
    fn name(&self) -> String {
        self.id.to_string()
    }
}

impl Tabular for model::ExceptionEntry {
    const NOUN: &'static str = "exceptions";
    const COLUMNS: &'static [Column] =
        &[column("TIME"), column("JOB"), column("ROOT CAUSE"), wide("TASK"), wide("TASK MANAGER")];
    fn cells(&self, look: Look) -> Vec<Cell> {
        vec![
            look.time(self.at),
            Cell::new(end_of(&self.flink_job_id)),
            Cell::new(&self.root_cause),
            Cell::some(self.task.as_ref()),
            Cell::some(self.task_manager.as_ref()),
        ]
    }
    fn name(&self) -> String {
        self.root_cause.clone()
    }
}
