//! What went wrong lately with a deployment: pure questions over the operations that are known.

use super::data::Data;
use crate::{
    contract::model::{Job, Operation, Revision},
    domain::{
        deployment::Observed,
        operation::{Kind, OpState},
        savepoint::Origin,
    },
};

/// It did not reach its goal.
const fn failed(state: OpState) -> bool {
    matches!(state, OpState::Failed | OpState::FailedNoEffect | OpState::RolledBack)
}

/// It changes which job runs: a success of it makes an older failure history.
const fn moves(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Start
            | Kind::Suspend
            | Kind::Cancel
            | Kind::Restart
            | Kind::Upgrade
            | Kind::Rollback
            | Kind::Reset
    )
}

/// The newest operation of a deployment that failed, unless a later one has made it history.
#[must_use]
pub fn last_failure<'d>(data: &'d Data, deployment: &str) -> Option<&'d Operation> {
    let mine = || data.operations.values().filter(|o| o.deployment == deployment);
    let bad = mine().filter(|o| failed(o.state)).max_by_key(|o| o.created_at)?;
    let settled = mine().any(|o| {
        o.created_at > bad.created_at
            && o.state == OpState::Succeeded
            && (moves(o.kind) || o.kind == bad.kind)
    });
    (!settled).then_some(bad)
}

/// How a job that was stopped with a savepoint came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// It is the newest one, and nothing came after it.
    Suspended,
    /// This operation stopped it.
    For(Kind),
    /// Nobody here knows what for.
    WithSavepoint,
}

/// The same of a job of this list, newest first; `None` = it was not stopped so.
#[must_use]
pub fn stopped(data: &Data, jobs: &[Job], job: &Job) -> Option<Stopped> {
    if job.state != Observed::Suspended {
        return None;
    }
    let newest = jobs.first().is_some_and(|j| j.job_id == job.job_id);
    Some(match ended_by(data, job) {
        Some(Kind::Suspend) | None if newest => Stopped::Suspended,
        Some(kind) => Stopped::For(kind),
        None => Stopped::WithSavepoint,
    })
}

/// The kind of operation that ended a job: the one that took its last savepoint, or that was at work then.
fn ended_by(data: &Data, job: &Job) -> Option<Kind> {
    let last = data.detail(&job.deployment).and_then(|d| {
        d.savepoints.iter().find(|s| s.is_final && s.job_id.as_deref() == Some(job.job_id.as_str()))
    });
    let took = last.and_then(|s| data.operations.get(s.operation_id.as_ref()?)).map(|o| o.kind);
    let ended = job.ended_at;
    let during = |o: &&Operation| {
        let (from, to) = (o.started_at.unwrap_or(o.created_at), o.ended_at);
        o.deployment == job.deployment
            && matches!(o.kind, Kind::Suspend | Kind::Restart | Kind::Upgrade | Kind::Rollback)
            && ended.is_some_and(|at| from <= at && to.is_none_or(|to| at <= to))
    };
    let at_work = || data.operations.values().find(during).map(|o| o.kind);
    let origin = || last.filter(|s| s.origin == Origin::Suspend).map(|_| Kind::Suspend);
    took.or_else(at_work).or_else(origin)
}

/// What the newest revision with a jar is called, and whether every one with it has failed.
#[must_use]
pub fn of_jar<'d>(data: &'d Data, deployment: &str, sha256: &str) -> Option<(&'d Revision, bool)> {
    let revisions = data.revisions(deployment);
    let uses = |r: &&Revision| r.spec["artifact"]["sha256"].as_str() == Some(sha256);
    let newest = revisions.iter().find(uses)?;
    Some((newest, revisions.iter().filter(uses).all(|r| r.failed_in.is_some())))
}

/// What became of a revision that failed.
#[must_use]
pub fn failure(data: &Data, r: &Revision) -> Option<&'static str> {
    let failed_in = r.failed_in.as_ref()?;
    let state = data.operations.get(failed_in).map(|o| o.state);
    Some(if state == Some(OpState::RolledBack) { "failed, was undone" } else { "failed" })
}
