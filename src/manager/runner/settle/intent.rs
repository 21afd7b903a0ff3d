//! Rows of an intent.

use super::super::send::directory;
use crate::{
    domain::{
        deployment::OurEnd,
        event::{EventName, Severity},
        ids::SavepointId,
        operation::{Act, Operation, RestoreSource},
        savepoint::{Savepoint, Status},
    },
    manager::{
        books, disposal,
        inner::Inner,
        ports::store::{Changes, JobRow, StoreResult},
    },
};

/// Rows that must exist before the request leaves.
pub async fn intent_rows(inner: &Inner, op: &Operation, n: u32, changes: &mut Changes) -> StoreResult<()> {
    let Some(step) = op.step(n) else { return Ok(()) };
    match &step.act {
        Act::TriggerSavepoint { job } | Act::StopWithSavepoint { job } => {
            let mut row = Savepoint::new(
                op.snapshot_id(step),
                op.deployment.clone(),
                op.plan.origin,
                Status::Started,
                inner.now(),
            );
            row.job = Some(job.id.clone());
            row.flink_job = Some(job.flink.clone());
            row.operation = Some(op.id.clone());
            row.trigger = step.hex_key();
            row.target_directory = directory(op, step);
            row.format = Some(op.plan.format);
            row.label.clone_from(&op.plan.label);
            row.revision = books::revision_of(inner, job).await?;
            row.flink_version = books::flink_version(inner, &op.target);
            changes.events.push(inner.operation_event(
                op,
                Severity::Info,
                EventName::SavepointStarted,
                format!(
                    "savepoint of job {} into {}",
                    job.flink.short(),
                    row.target_directory.clone().unwrap_or_default()
                ),
            ));
            changes.savepoints.push(row);
            if matches!(step.act, Act::StopWithSavepoint { .. }) {
                books::mark_end(inner, job, OurEnd::StoppedWithSavepoint, changes).await?;
            }
        }
        Act::CancelJob { job } => {
            if let Some(job) = op.job_meant(job) {
                books::mark_end(inner, &job, OurEnd::Cancelled, changes).await?;
            }
        }
        Act::RunJar { revision } => {
            if let Some(flink) = step.hex_key() {
                changes.jobs.push(JobRow {
                    id: op.job_id(step),
                    deployment: op.deployment.clone(),
                    flink,
                    target: op.target.clone(),
                    revision: Some(*revision),
                    operation: Some(op.id.clone()),
                    created_at: inner.now(),
                    started_at: None,
                    ended_at: None,
                    flink_state: None,
                    our_end: OurEnd::None,
                    restored_from: op.restore_location(),
                    restored_savepoint: restored_savepoint(op),
                    restarts: None,
                    last_checkpoint: None,
                    checkpoint_config: None,
                    seen_at: None,
                });
            }
        }
        Act::Dispose { savepoint, .. } => {
            disposal::set_status(inner, savepoint, Status::Deleting, None, changes).await?
        }
        _ => {}
    }
    Ok(())
}

fn restored_savepoint(op: &Operation) -> Option<SavepointId> {
    match &op.plan.restore {
        RestoreSource::Empty => None,
        RestoreSource::Point { savepoint, .. } => Some(savepoint.clone()),
        RestoreSource::ThisOperation => {
            op.steps.iter().rev().find_map(|s| s.outcome.as_ref()?.savepoint.clone())
        }
    }
}
