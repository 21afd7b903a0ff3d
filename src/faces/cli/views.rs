//! How each read model looks in a table.

use super::{
    table::{Cell, Column, Tone, column, wide},
    words::{self, Look},
};
use crate::{
    contract::{intent::Applied, intent::ApplyAction, model, plan::Check, plan::Verdict},
    domain::deployment::ConditionStatus,
};

/// A model that can be a row.
pub trait Tabular {
    /// What several of them are called.
    const NOUN: &'static str;
    /// The columns, in order.
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
        column("CRASH LOSS"),
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

impl Tabular for model::Savepoint {
    const NOUN: &'static str = "savepoints";
    const COLUMNS: &'static [Column] = &[
        column("SAVEPOINT"),
        column("DEPLOYMENT"),
        column("CREATED"),
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
            look.time(Some(self.created_at)),
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
        let result = self.error.as_ref().map(|e| e.message.as_str()).or(self.result.as_deref());
        let result = result.map(|r| look.words(r));
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

impl Tabular for model::ExceptionEntry {
    const NOUN: &'static str = "exceptions";
    const COLUMNS: &'static [Column] =
        &[column("TIME"), column("JOB"), column("ROOT CAUSE"), wide("TASK"), wide("TASK MANAGER")];
    fn cells(&self, look: Look) -> Vec<Cell> {
        vec![
            look.time(self.at),
            Cell::new(short(&self.flink_job_id)),
            Cell::new(&self.root_cause),
            Cell::some(self.task.as_ref()),
            Cell::some(self.task_manager.as_ref()),
        ]
    }
    fn name(&self) -> String {
        self.root_cause.clone()
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
