//! Rows of what is declared: targets, applications, deployments, artifacts.

use super::{
    super::{
        table::{Cell, Column, Tone, column, wide},
        words::{self, Look},
    },
    Tabular, short, yes_no,
};
use crate::{contract::model, domain::deployment::ConditionStatus};

impl Tabular for model::Target {
    const NOUN: &'static str = "targets";
    const COLUMNS: &'static [Column] = &[
        column("NAME"),
        column("TYPE"),
        column("URL"),
        column("FLINK"),
        column("REACHABLE"),
        column("SLOTS FREE"),
        column("JOBS"),
        column("UNMANAGED"),
        wide("SEEN"),
        wide("PROTECTION"),
        wide("SAVEPOINTS"),
        wide("ERROR"),
    ];
    fn cells(&self, look: Look) -> Vec<Cell> {
        let slots = self.slots_free.zip(self.slots_total).map(|(free, total)| format!("{free}/{total}"));
        let tone = match self.reachable {
            Some(true) => Tone::Good,
            Some(false) => Tone::Bad,
            None => Tone::Dim,
        };
        vec![
            Cell::new(&self.name),
            Cell::new(&self.kind),
            Cell::new(&self.url),
            Cell::some(self.flink_version.as_ref()),
            yes_no(self.reachable).tone(tone),
            Cell::some(slots),
            Cell::some(self.jobs_running),
            Cell::some(self.unmanaged_jobs),
            look.age(self.observed_at),
            Cell::new(self.protection.as_str()),
            Cell::some(self.savepoint_directory.as_ref()),
            Cell::some(self.error.as_ref()),
        ]
    }
    fn name(&self) -> String {
        self.name.clone()
    }
}

impl Tabular for model::Application {
    const NOUN: &'static str = "applications";
    const COLUMNS: &'static [Column] =
        &[column("NAME"), column("TITLE"), column("HEALTH"), column("DEPLOYMENTS")];
    fn cells(&self, _: Look) -> Vec<Cell> {
        vec![
            Cell::new(&self.name),
            Cell::new(&self.title),
            words::health(self.health),
            Cell::new(self.deployments.join(", ")),
        ]
    }
    fn name(&self) -> String {
        self.name.clone()
    }
}

impl Tabular for model::Deployment {
    const NOUN: &'static str = "deployments";
    const COLUMNS: &'static [Column] = &[
        column("DEPLOYMENT"),
        column("TARGET"),
        column("STATE"),
        column("HEALTH"),
        column("REV"),
        column("VERSION"),
        column("AGE"),
        column("FAILOVER LOSS"),
        column("END LOSS"),
        column("OPERATION"),
        wide("DESIRED"),
        wide("FLINK STATE"),
        wide("FLINK JOB"),
        wide("RESTARTS"),
        wide("PARALLELISM"),
        wide("PROTECTION"),
        wide("CONDITIONS"),
    ];
    fn cells(&self, look: Look) -> Vec<Cell> {
        let job = self.job.as_ref();
        let operation = self.operation.as_ref().map(|o| {
            let step = o.step_name.map(|s| format!(" {s}")).unwrap_or_default();
            format!("{} {}/{}{step}", o.kind, o.step_number, o.step_count)
        });
        let conditions: Vec<&str> = self
            .conditions
            .iter()
            .filter(|c| c.status == ConditionStatus::True)
            .map(|c| c.kind.as_str())
            .collect();
        vec![
            Cell::new(&self.deployment),
            Cell::new(&self.target),
            words::observed(self.observed),
            words::health(self.health),
            Cell::some(self.revision),
            Cell::some(self.version_label.as_ref()),
            look.age(job.and_then(|j| j.started_at)),
            words::loss(self.crash_loss_seconds),
            words::loss(self.end_loss_seconds),
            Cell::some(operation).tone(Tone::Busy),
            Cell::new(self.desired.as_str()),
            Cell::some(job.and_then(|j| j.flink_state.as_ref())),
            Cell::some(job.map(|j| &j.flink_job_id)),
            Cell::some(job.and_then(|j| j.restarts)),
            Cell::some(self.parallelism),
            Cell::new(self.protection.as_str()),
            Cell::new(conditions.join(", ")).tone(Tone::Warn),
        ]
    }
    fn name(&self) -> String {
        self.deployment.clone()
    }
}

impl Tabular for model::Artifact {
    const NOUN: &'static str = "artifacts";
    const COLUMNS: &'static [Column] = &[
        column("SHA256"),
        column("NAME"),
        column("SIZE"),
        column("MAIN CLASS"),
        column("FIRST SEEN"),
        column("USED BY"),
        wide("WHOLE SHA256"),
        wide("ENTRY CLASSES"),
    ];
    fn cells(&self, look: Look) -> Vec<Cell> {
        vec![
            Cell::new(short(&self.sha256)),
            Cell::new(&self.name),
            words::size(Some(self.size_bytes)),
            Cell::some(self.main_class.as_ref()),
            look.time(Some(self.created_at)),
            Cell::new(self.used_by.join(", ")),
            Cell::new(&self.sha256),
            Cell::new(self.entry_classes.join(", ")),
        ]
    }
    fn name(&self) -> String {
        self.sha256.clone()
    }
}
