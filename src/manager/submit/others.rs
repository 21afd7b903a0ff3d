//! Intents that are not verbs of a deployment: adopt, import, dispose.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    Draft,
    draft::Building,
    facts::{self, Facts},
    preflight::{self, Checks},
    words,
};
use crate::{
    contract::{
        intent::{Adopt, ImportSavepoint},
        plan::{Confirmation, Plan as Card},
        problem::{Code, Problem},
    },
    domain::{
        deployment::{Desired, OurEnd},
        event::{EventName, Severity},
        ids::{BadId, DeploymentName, FlinkJobId, Issuer, JobId, SavepointId},
        location,
        operation::{Act, Creates, Kind},
        restore,
        savepoint::{Savepoint, Status},
    },
    manager::{
        Caller, ManagerResult, books,
        inner::Inner,
        ports::{
            cluster::JobConfig,
            store::{ApplicationRow, ArtifactRow, Changes, JobRow},
        },
        specs,
        world::DeploymentEntry,
    },
};

/// An artifact by hash, a unique part of it, or its name (the newest of that name).
pub async fn find_artifact(inner: &Inner, wanted: &str) -> ManagerResult<ArtifactRow> {
    let wanted = wanted.strip_prefix("sha256:").unwrap_or(wanted);
    let all = inner.deps.store.artifacts().await?;
    if let Some(a) =
        all.iter().find(|a| a.sha.as_str() == wanted || a.name == wanted || a.name == format!("{wanted}.jar"))
    {
        return Ok(a.clone());
    }
    let fits: Vec<&ArtifactRow> =
        all.iter().filter(|a| wanted.len() >= 4 && a.sha.as_str().starts_with(wanted)).collect();
    match fits.as_slice() {
        [one] => Ok((*one).clone()),
        [] => {
            let names: Vec<String> =
                crate::domain::names::nearest_few(wanted, all.iter().map(|a| a.name.as_str()), 3);
            let p =
                Problem::new(Code::NotFound, format!("there is no artifact {wanted}; nothing was changed"));
            Err(if names.is_empty() {
                p.hint("add it: nutkin artifact add FILE")
            } else {
                p.hint(format!("did you mean {}?", names.join(" or ")))
            })
        }
        _ => Err(Problem::new(
            Code::Ambiguous,
            format!("{wanted} fits {} artifacts; nothing was changed", fits.len()),
        )
        .hint("give more of the hash")),
    }
}

fn bad(e: &BadId) -> Problem {
    Problem::new(Code::BadRequest, format!("{e}; nothing was changed"))
}

/// A job that somebody started becomes a deployment: its id, configuration and savepoints go into the books.
pub async fn adopt(
    inner: &Arc<Inner>,
    target: &str,
    flink: &FlinkJobId,
    r: &Adopt,
    who: &Caller,
) -> ManagerResult<Draft> {
    let name: DeploymentName = r.deployment.parse().map_err(|e| bad(&e))?;
    let (store, entry, taken, owner) = {
        let w = inner.world();
        let owner = w.by_job(flink).map(|e| e.row.name.clone());
        (w.store_id.clone(), w.targets.get(&target.into()).cloned(), w.deployments.contains_key(&name), owner)
    };
    let entry = entry.ok_or_else(|| {
        Problem::new(Code::NotFound, format!("there is no target {target}; nothing was changed"))
    })?;
    if taken {
        return Err(Problem::new(Code::AlreadyExists, format!("{name} exists already; nothing was changed")));
    }
    let issued = inner
        .deps
        .store
        .job_by_flink(flink)
        .await?
        .and_then(|j| inner.world().names.get(&j.deployment).cloned());
    if let Some(owner) = owner.or(issued) {
        return Err(Problem::new(
            Code::WrongState,
            format!("the job belongs to {owner} already; nothing was changed"),
        ));
    }
    if let Issuer::AnotherNutkin(other) = flink.issuer(&store)
        && !r.take_over
    {
        return Err(Problem::new(
            Code::ManagedElsewhere,
            format!("the job is managed by another nutkin (store {other}); nothing was changed"),
        )
        .hint("act on it there; if that store is lost for good, give --take-over"));
    }
    let cluster = entry.cluster.clone().map_err(|e| Problem::new(Code::TargetUnreachable, e.message))?;
    let jobs = cluster
        .jobs()
        .await
        .map_err(|e| Problem::new(Code::TargetUnreachable, format!("{}; nothing was changed", e.message)))?;
    let job = jobs.items.into_iter().find(|j| j.id == *flink && !j.state.is_terminal());
    let job = job.ok_or_else(|| {
        Problem::new(Code::NotFound, format!("{target} has no live job {flink}; nothing was changed"))
    })?;
    let statistics = cluster.checkpoints(flink).await.ok().flatten();
    let restored_from = statistics.and_then(|c| c.latest_restored).and_then(|r| r.path);
    let config: JobConfig = cluster.job_config(flink).await.ok().flatten().unwrap_or_default();
    let mut layer = json!({ "target": target });
    if let Some(p) = config.parallelism {
        specs::set_path(&mut layer, &["parallelism"], p.max(1).into());
    }
    let creates = Creates { id: inner.fresh_deployment(), name: name.clone(), layer, start: false };
    let mut row = books::new_deployment(inner, &creates);
    let merged = inner.world().merged(&row);
    let spec = specs::checked(&merged)?;
    let mut revision = specs::revision(&row, 1, &merged, None);
    revision.version_label = format!("{}@adopted", job.name.chars().take(40).collect::<String>());
    let job_row = JobRow {
        id: JobId::new(inner.fresh_operation().as_str()),
        deployment: creates.id.clone(),
        flink: flink.clone(),
        target: target.into(),
        revision: Some(1),
        operation: None,
        created_at: inner.now(),
        started_at: Some(job.start_time),
        ended_at: None,
        flink_state: Some(job.state.to_string()),
        our_end: OurEnd::None,
        // Its savepoint must not be deleted under it.
        restored_from,
        restored_savepoint: None,
        restarts: None,
        last_checkpoint: None,
        checkpoint_config: None,
        seen_at: Some(inner.now()),
    };
    row.desired = Desired::Running;
    row.adopted = true;
    row.revision = Some(1);
    row.job = Some(job_row.id.clone());
    let mut rows = Changes::default();
    if !inner.world().applications.contains_key(name.app()) {
        rows.applications.push(new_application(inner, name.app()));
    }
    let mut event = inner.caller_event(
        who,
        Severity::Info,
        EventName::DeploymentCreated,
        format!("{name} was adopted from job {flink} ({})", job.name),
    );
    event.application = Some(name.app().to_owned());
    event.deployment = Some(row.id.clone());
    event.deployment_name = Some(name.to_string());
    rows.events.push(event);
    rows.deployments.push(row.clone());
    rows.revisions.push(revision);
    rows.jobs.push(job_row);
    let mut checks = Checks::default();
    checks.ok("reachable", format!("{target} has the job, Flink says {}", job.state));
    let mut warnings = vec!["nutkin does not know its jar and arguments: it can observe, savepoint, suspend and cancel it; the first upgrade must name all of them".to_owned()];
    if r.take_over {
        warnings.push("another nutkin may still manage this job: two managers would act on it".to_owned());
    }
    let facts = bare_facts(inner, DeploymentEntry::clone(&placeholder(&row)), Some(entry.clone()));
    let b = Building::new(inner, &facts, Kind::Adopt);
    let plan = b.plan.clone();
    let command = format!("nutkin adopt {name} --target {target} --flink-job {flink}");
    let acts = vec![Act::WriteCatalogue];
    let card = plain_card(Kind::Adopt, &name, target, &acts, &plan, checks, warnings, vec![], command);
    Ok(Draft {
        kind: Kind::Adopt,
        deployment: row.id.clone(),
        name: name.clone(),
        target: target.into(),
        plan,
        acts,
        rows,
        protection: spec.protection,
        target_read_only: entry.spec.read_only,
        destructive: r.take_over,
        parent: None,
        supersedes: None,
        base: None,
        card,
    })
}

/// An application nobody described yet.
#[must_use]
pub fn new_application(inner: &Inner, name: &str) -> ApplicationRow {
    ApplicationRow {
        name: name.to_owned(),
        title: name.to_owned(),
        labels: indexmap::IndexMap::new(),
        defaults: Value::Null,
        version: 1,
        created_at: inner.now(),
    }
}

fn placeholder(row: &crate::manager::ports::store::DeploymentRow) -> DeploymentEntry {
    DeploymentEntry {
        row: row.clone(),
        job: None,
        revision: None,
        spec: None,
        savepoints: vec![],
        operation: None,
        sight: Default::default(),
    }
}

fn bare_facts(
    inner: &Inner,
    entry: DeploymentEntry,
    target: Option<crate::manager::world::TargetEntry>,
) -> Facts {
    Facts {
        entry,
        target,
        silent: None,
        overview: None,
        config: None,
        live: None,
        other_live: vec![],
        detail: None,
        checkpoints: None,
        checkpoint_config: None,
        base: None,
        flink_version: None,
        revisions: vec![],
        active: None,
        unsettled: vec![],
        now: inner.now(),
    }
}

#[expect(clippy::too_many_arguments, reason = "the fields of a card, named at the one call of each kind")]
pub(super) fn plain_card(
    kind: Kind,
    name: &DeploymentName,
    target: &str,
    acts: &[Act],
    plan: &crate::domain::operation::Plan,
    checks: Checks,
    warnings: Vec<String>,
    irreversible: Vec<String>,
    command: String,
) -> Card {
    Card {
        kind,
        deployment: name.to_string(),
        target: target.to_owned(),
        steps: words::steps(acts, plan),
        revision_now: None,
        revision_next: None,
        version_label: None,
        diff: vec![],
        spec: None,
        restore_points: vec![],
        restore_why: None,
        checks: checks.0,
        warnings,
        irreversible,
        crash_loss_seconds: None,
        end_loss_seconds: None,
        rewind_seconds: None,
        expected_savepoint_seconds: None,
        if_it_fails: None,
        confirmation: Confirmation::None,
        typed_name: name.to_string(),
        runnable: false,
        command,
        plan_digest: String::new(),
    }
}

/// A savepoint by its location.
pub async fn import(inner: &Arc<Inner>, r: &ImportSavepoint) -> ManagerResult<Draft> {
    let name: DeploymentName = r.deployment.parse().map_err(|e| bad(&e))?;
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
            !matches!(s.status, Status::FailedDeletion | Status::Deleted | Status::Missing)
                && s.location.as_deref().is_some_and(|l| location::same(l, place))
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
    match unsafe_to_delete(inner, &sp, &place).await? {
        Some(why) => {
            let hint = match sp.pinned {
                true => format!("unpin it first: nutkin savepoint unpin {}", sp.id),
                false => format!("see who uses it: nutkin savepoint show {}", sp.id),
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

/// More rows than any store has.
const ALL: u32 = 1_000_000;

/// I6: pinned, in the lineage of a live job, the only restore point, armed for a start, referenced by another deployment; by
/// location, over all rows: old ones are not in memory.
async fn unsafe_to_delete(inner: &Inner, sp: &Savepoint, place: &str) -> ManagerResult<Option<String>> {
    let jobs = inner.deps.store.jobs(Some(&sp.deployment), 50).await?;
    let at_place = |l: Option<&String>| l.is_some_and(|l| location::same(l, place));
    let all = inner.deps.store.savepoints(None, ALL).await?;
    let (here, elsewhere): (Vec<Savepoint>, Vec<Savepoint>) =
        all.into_iter().filter(|s| s.status != Status::Deleted).partition(|s| at_place(s.location.as_ref()));
    let world = inner.world();
    if let Some(p) = here.iter().find(|s| s.pinned) {
        return Ok(Some(format!("it is pinned ({})", p.id)));
    }
    for e in world.deployments.values() {
        if e.row.next_restore.as_ref().is_some_and(|armed| here.iter().any(|s| s.id == *armed)) {
            return Ok(Some(format!("the next start of {} begins from it", e.row.name)));
        }
        if e.row.id != sp.deployment && here.iter().any(|s| s.deployment == e.row.id) {
            return Ok(Some(format!("{} refers to it", e.row.name)));
        }
        let lives = e.sight.summary.as_ref().is_some_and(|s| !s.state.is_terminal())
            || e.job.as_ref().is_some_and(|j| j.ended_at.is_none());
        if lives && at_place(e.job.as_ref().and_then(|j| j.restored_from.as_ref())) {
            return Ok(Some(format!("the live job of {} was restored from it", e.row.name)));
        }
        if e.row.id == sp.deployment {
            let flink = books::flink_version(inner, &e.target());
            let mut others = elsewhere.iter().filter(|s| s.deployment == e.row.id);
            if !others.any(|s| restore::unusable(s, flink.as_deref()).is_none()) {
                return Ok(Some("it is the only restore point of the deployment".to_owned()));
            }
            if lives && jobs.iter().any(|j| j.ended_at.is_none() && at_place(j.restored_from.as_ref())) {
                return Ok(Some("a job that may live was restored from it".to_owned()));
            }
        }
    }
    Ok(None)
}
