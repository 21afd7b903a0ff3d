//! Intents about one savepoint: import, dispose.

use std::sync::Arc;

use super::{Draft, bad_name, draft::Building, facts, preflight};
use crate::{
    contract::{
        intent::ImportSavepoint,
        problem::{Code, Problem},
    },
    domain::{
        ids::{DeploymentName, SavepointId},
        operation::Kind,
        savepoint::{Savepoint, Status},
    },
    manager::{ManagerResult, disposal, inner::Inner},
};

/// A savepoint by its location.
pub async fn import(inner: &Arc<Inner>, r: &ImportSavepoint) -> ManagerResult<Draft> {
    let name: DeploymentName = r.deployment.parse().map_err(|e| bad_name(&e))?;
    let f = facts::gather(inner, &name).await?;
    let place = r.location.trim();
    if place.is_empty() || !(place.contains(":/") || place.starts_with('/')) {
        return Err(Problem::new(
            Code::BadRequest,
            format!("{place:?} is not a location; nothing was changed"),
        )
        .hint("give the URI that Flink returned, for example file:/… or s3://…"));
    }
    for e in inner.world().deployments.values() {
        // What a person says is there and whole counts, where the books have given it up.
        let counts = |s: &&Savepoint| {
            !matches!(s.status, Status::FailedDeletion | Status::Deleted | Status::Missing) && s.is_at(place)
        };
        if let Some(known) = e.savepoints.iter().find(counts) {
            let text = format!(
                "that savepoint is in the catalogue of {} already ({}); nothing was changed",
                e.row.name, known.id
            );
            let hint = if e.row.name == name {
                "use it: nutkin reset".to_owned()
            } else {
                format!("its state belongs to {}; fork from there: nutkin fork {}", e.row.name, e.row.name)
            };
            return Err(Problem::new(Code::AlreadyExists, text).hint(hint));
        }
    }
    let mut b = Building::new(inner, &f, Kind::Import);
    b.plan.location = Some(place.to_owned());
    b.plan.label.clone_from(&r.label);
    if let Some(t) = &f.target {
        match inner.deps.eyes.is_complete(&t.spec, place).await {
            Some(true) => b.checks.ok("exists", "a complete snapshot is there"),
            Some(false) => b.checks.fail(
                "exists",
                format!("no complete snapshot is at {place}: the place is missing or has no _metadata"),
                "check the path",
            ),
            None => {
                b.checks.warn("exists", "this host cannot access that location; it is recorded as unverified")
            }
        }
    }
    b.finish(format!("nutkin savepoint import {name} {place}")).await
}

/// A savepoint's files, deleted by Flink; refused by I6.
pub async fn dispose(inner: &Arc<Inner>, id: &str) -> ManagerResult<Draft> {
    let sp = inner.deps.store.savepoint(&SavepointId::new(id)).await?;
    let sp = sp.ok_or_else(|| {
        Problem::new(Code::NotFound, format!("there is no savepoint {id}; nothing was changed"))
    })?;
    let name = inner.world().names.get(&sp.deployment).cloned();
    let name = name
        .ok_or_else(|| Problem::new(Code::WrongState, "its deployment was deleted; nothing was changed"))?;
    let place = sp
        .location
        .clone()
        .ok_or_else(|| Problem::new(Code::WrongState, "its place is not known; nothing was changed"))?;
    if sp.status == Status::Deleted {
        return Err(Problem::new(Code::WrongState, "it was deleted already; nothing was changed"));
    }
    let f = facts::gather(inner, &name).await?;
    let mut b = Building::new(inner, &f, Kind::Dispose);
    preflight::reachable(&mut b.checks, &f);
    match disposal::unsafe_to_delete(inner, &sp, &place).await? {
        Some(why) => {
            let hint = match sp.pinned {
                true => format!("unpin it first: nutkin savepoint unpin {}", sp.id),
                false => format!("it can be when nobody needs it: nutkin savepoint show {}", sp.id),
            };
            b.checks.fail("safe", format!("it is not deleted: {why}"), &hint);
        }
        None => {
            b.checks.ok("safe", "not pinned, no live job came from it, and it is not the only restore point")
        }
    }
    b.plan.savepoint = Some(sp.id.clone());
    b.plan.location = Some(place.clone());
    b.destructive = true;
    b.irreversible.push(format!("the files at {place} are deleted for good"));
    b.finish(format!("nutkin savepoint dispose {id}")).await
}
