//! The deletion of a snapshot's files, and the rule that keeps it safe (I6).
//!
//! ```text
//!   accepted ─▶ PENDING_DELETION ─┬─ still safe at the intent ─▶ DELETING ─▶ DELETED | FAILED_DELETION
//!                                 └─ not safe any more, or stopped before ─▶ as it was
//! ```
//!
//! The rule is asked for the plan, again when the operation is accepted, and again before anything is sent: what was free
//! to be deleted when a person looked at it may be the last restore point by then.

use super::{
    ManagerResult,
    inner::Inner,
    ports::store::{ALL_ROWS, Changes, StoreResult},
};
use crate::{
    contract::problem::{Code, Problem},
    domain::{
        ids::SavepointId,
        location,
        operation::{Act, Kind, Operation},
        restore,
        savepoint::{Savepoint, Status},
    },
};

/// Everything that stands against the deletion (I6), in words, at the end of a sentence.
pub async fn unsafe_to_delete(inner: &Inner, sp: &Savepoint, place: &str) -> StoreResult<Option<String>> {
    let reasons = kept_by(inner, sp, place).await?;
    Ok((!reasons.is_empty()).then(|| reasons.join("; ")))
}

/// I6: pinned, in the lineage of a live job, the only restore point, armed for a start, referenced by another deployment; by
/// location, over all rows: old ones are not in memory.
pub async fn kept_by(inner: &Inner, sp: &Savepoint, place: &str) -> StoreResult<Vec<String>> {
    let jobs = inner.deps.store.jobs(Some(&sp.deployment), 50).await?;
    let at_place = |l: Option<&String>| l.is_some_and(|l| location::same(l, place));
    let all = inner.deps.store.savepoints(None, ALL_ROWS).await?;
    let (here, elsewhere): (Vec<Savepoint>, Vec<Savepoint>) =
        all.into_iter().filter(|s| s.status != Status::Deleted).partition(|s| at_place(s.location.as_ref()));
    let world = inner.world();
    let pinned = here.iter().filter(|s| s.pinned);
    let mut reasons: Vec<String> = pinned.map(|p| format!("it is pinned ({})", p.id)).collect();
    for e in world.deployments.values() {
        let name = &e.row.name;
        if e.row.next_restore.as_ref().is_some_and(|armed| here.iter().any(|s| s.id == *armed)) {
            reasons.push(format!("the next start of {name} begins from it"));
        }
        if e.row.id != sp.deployment && here.iter().any(|s| s.deployment == e.row.id) {
            reasons.push(format!("{name} refers to it"));
        }
        let lives = e.is_seen_alive() || e.job.as_ref().is_some_and(|j| j.ended_at.is_none());
        let own = e.row.id == sp.deployment;
        if lives && at_place(e.job.as_ref().and_then(|j| j.restored_from.as_ref())) {
            reasons.push(format!("the live job of {name} was restored from it"));
        } else if own
            && lives
            && jobs.iter().any(|j| j.ended_at.is_none() && at_place(j.restored_from.as_ref()))
        {
            reasons.push("a job that may live was restored from it".to_owned());
        }
        if own {
            let flink = world.flink_version(&e.target());
            let mut others = elsewhere.iter().filter(|s| s.deployment == e.row.id);
            let lineage = e.lineage().filter(|l| l.has(sp));
            let counts = |s: &Savepoint| lineage.as_ref().is_none_or(|l| l.has(s));
            if !others.any(|s| counts(s) && restore::unusable(s, flink).is_none()) {
                reasons.push("it is the only restore point of the deployment".to_owned());
            }
        }
    }
    Ok(reasons)
}

/// The accepted disposal's rows, in the commit that accepts it: from here on nothing is restored from there, and nobody
/// pins it. An error where it is not safe any more.
pub async fn reserve(inner: &Inner, op: &mut Operation, changes: &mut Changes) -> ManagerResult<()> {
    let (Kind::Dispose, Some(id)) = (op.kind, op.plan.savepoint.clone()) else { return Ok(()) };
    let Some(sp) = inner.deps.store.savepoint(&id).await? else { return Ok(()) };
    if let Some(why) = unsafe_to_delete(inner, &sp, sp.location.as_deref().unwrap_or_default()).await? {
        let text = format!("it is not deleted: {why}; nothing was changed");
        return Err(Problem::new(Code::PlanChanged, text).hint("look at the new plan"));
    }
    op.plan.status_before = Some(sp.status);
    set_status(inner, &id, Status::PendingDeletion, sp.failure.clone(), changes).await.map_err(Into::into)
}

/// Why the step must not be begun any more; asked right before its intent.
pub async fn forbidden(inner: &Inner, op: &Operation, n: u32) -> StoreResult<Option<String>> {
    let step = op.step(n);
    let Some(Act::Dispose { savepoint, location }) = step.map(|s| &s.act) else { return Ok(None) };
    let Some(sp) = inner.deps.store.savepoint(savepoint).await? else { return Ok(None) };
    Ok(unsafe_to_delete(inner, &sp, location).await?.map(|why| format!("it is not deleted: {why}")))
}

/// A disposal that ended before Flink was asked leaves its snapshot as it was.
pub async fn give_back(inner: &Inner, op: &Operation, changes: &mut Changes) -> StoreResult<()> {
    let (Some(id), Some(status)) = (&op.plan.savepoint, op.plan.status_before) else { return Ok(()) };
    let row = inner.deps.store.savepoint(id).await?.filter(|s| s.status == Status::PendingDeletion);
    match row {
        Some(sp) => set_status(inner, id, status, sp.failure, changes).await,
        None => Ok(()),
    }
}

/// A disposal that nobody goes on with: its snapshot is as it was where Flink was not asked; else whether the files are
/// there is not known, and they can be entered again by their place.
pub async fn given_up(inner: &Inner, op: &Operation, changes: &mut Changes) -> StoreResult<()> {
    give_back(inner, op, changes).await?;
    let Some(Act::Dispose { savepoint, .. }) = op.current().map(|s| &s.act) else { return Ok(()) };
    let row = inner.deps.store.savepoint(savepoint).await?.filter(|s| s.status == Status::Deleting);
    match row {
        Some(_) => {
            set_status(inner, savepoint, Status::FailedDeletion, Some(NOT_TOLD.to_owned()), changes).await
        }
        None => Ok(()),
    }
}

/// Why a snapshot is FAILED_DELETION whose disposal ended without an answer.
const NOT_TOLD: &str = "whether Flink has deleted the files is not known";

/// A snapshot's new status, for every row of its place.
pub async fn set_status(
    inner: &Inner,
    id: &SavepointId,
    status: Status,
    failure: Option<String>,
    changes: &mut Changes,
) -> StoreResult<()> {
    let Some(row) = inner.deps.store.savepoint(id).await? else { return Ok(()) };
    let here = |s: &Savepoint| match (&s.location, &row.location) {
        (Some(a), Some(b)) => location::same(a, b),
        _ => false,
    };
    // A copied row is the same files: what happens to them happens to every row of the place.
    let all = inner.deps.store.savepoints(Some(&row.deployment), ALL_ROWS).await?;
    let same = all.into_iter().filter(|s| s.id == row.id || (here(s) && s.status != Status::Deleted));
    changes.savepoints.extend(same.map(|s| Savepoint { status, failure: failure.clone(), ..s }));
    Ok(())
}
