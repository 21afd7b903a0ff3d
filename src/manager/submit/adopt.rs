//! ADOPT: a job that somebody started becomes a deployment. Nothing is sent; its id, its configuration and its savepoints
//! go into the books.

use std::sync::Arc;

use serde_json::json;

use super::{Draft, bad_name, preflight::Checks, words};
use crate::{
    contract::{
        intent::Adopt,
        plan::{Plan as Card, REACHABLE},
        problem::{Code, Problem},
    },
    domain::{
        deployment::{Desired, OurEnd},
        event::{EventName, NewEvent, Severity},
        flink::JobSummary,
        ids::{DeploymentName, FlinkJobId, Issuer, JobId},
        operation::{Act, Creates, Kind, Plan},
        spec::Spec,
    },
    manager::{
        Caller, ManagerResult, books,
        inner::Inner,
        ports::{
            cluster::Cluster,
            store::{Changes, DeploymentRow, JobRow},
        },
        specs,
        world::TargetEntry,
    },
};

const UNKNOWN_PROGRAM: &str = "nutkin does not know its jar and arguments: it can observe, savepoint, suspend and cancel \
                               it; the first upgrade must name all of them";
const TWO_MANAGERS: &str = "another nutkin may still manage this job: two managers would act on it";

/// What the adopted deployment begins with.
struct Adopted {
    row: DeploymentRow,
    spec: Spec,
    rows: Changes,
}

/// Drafts an adoption.
pub async fn adopt(
    inner: &Arc<Inner>,
    target: &str,
    flink: &FlinkJobId,
    r: &Adopt,
    who: &Caller,
) -> ManagerResult<Draft> {
    let name: DeploymentName = r.deployment.parse().map_err(|e| bad_name(&e))?;
    let entry = inner.world().targets.get(&target.into()).cloned().ok_or_else(|| {
        Problem::new(Code::NotFound, format!("there is no target {target}; nothing was changed"))
    })?;
    nobodys(inner, &name, flink, r.take_over).await?;
    let cluster = entry.cluster.clone().map_err(|e| Problem::new(Code::TargetUnreachable, e.message))?;
    let job = living(&*cluster, target, flink).await?;
    let adopted = rows_of(inner, &*cluster, (&name, target), &job, who).await?;
    Ok(draft_of(inner, name, &entry, adopted, &job, r.take_over))
}

/// Neither the name nor the job belongs to anybody else.
async fn nobodys(
    inner: &Inner,
    name: &DeploymentName,
    flink: &FlinkJobId,
    take_over: bool,
) -> ManagerResult<()> {
    let (store, taken) = {
        let w = inner.world();
        (w.store_id.clone(), w.deployments.contains_key(name))
    };
    if taken {
        return Err(Problem::new(Code::AlreadyExists, format!("{name} exists already; nothing was changed")));
    }
    let issued = inner.deps.store.job_by_flink(flink).await?;
    if let Some(owner) = issued.and_then(|j| inner.world().names.get(&j.deployment).cloned()) {
        let text = format!("the job belongs to {owner} already; nothing was changed");
        return Err(Problem::new(Code::WrongState, text));
    }
    match flink.issuer(&store) {
        Issuer::AnotherNutkin(other) if !take_over => {
            let text = format!("the job is managed by another nutkin (store {other}); nothing was changed");
            let hint = "act on it there; if that store is lost for good, give --take-over";
            Err(Problem::new(Code::ManagedElsewhere, text).hint(hint))
        }
        _ => Ok(()),
    }
}

/// The job as the cluster lists it now.
async fn living(cluster: &dyn Cluster, target: &str, flink: &FlinkJobId) -> ManagerResult<JobSummary> {
    let jobs = cluster
        .jobs()
        .await
        .map_err(|e| Problem::new(Code::TargetUnreachable, format!("{}; nothing was changed", e.message)))?;
    let job = jobs.items.into_iter().find(|j| j.id == *flink && !j.state.is_terminal());
    job.ok_or_else(|| {
        Problem::new(Code::NotFound, format!("{target} has no live job {flink}; nothing was changed"))
    })
}

/// The deployment, its first revision and its job, as far as the cluster tells of them.
async fn rows_of(
    inner: &Inner,
    cluster: &dyn Cluster,
    (name, target): (&DeploymentName, &str),
    job: &JobSummary,
    who: &Caller,
) -> ManagerResult<Adopted> {
    let config = cluster.job_config(&job.id).await.ok().flatten().unwrap_or_default();
    let statistics = cluster.checkpoints(&job.id).await.ok().flatten();
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
        flink: job.id.clone(),
        target: target.into(),
        revision: Some(1),
        operation: None,
        created_at: inner.now(),
        started_at: Some(job.start_time),
        ended_at: None,
        flink_state: Some(job.state.to_string()),
        our_end: OurEnd::None,
        // Its savepoint must not be deleted under it.
        restored_from: statistics.and_then(|c| c.latest_restored).and_then(|r| r.path),
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
        rows.applications.push(books::new_application(inner, name.app()));
    }
    rows.events.push(told(inner, &row, job, who));
    rows.deployments.push(row.clone());
    rows.revisions.push(revision);
    rows.jobs.push(job_row);
    Ok(Adopted { row, spec, rows })
}

fn told(inner: &Inner, row: &DeploymentRow, job: &JobSummary, who: &Caller) -> NewEvent {
    let text = format!("{} was adopted from job {} ({})", row.name, job.id, job.name);
    inner.caller_event(who, Severity::Info, EventName::DeploymentCreated, text).about(&row.id, &row.name)
}

fn draft_of(
    inner: &Inner,
    name: DeploymentName,
    entry: &TargetEntry,
    adopted: Adopted,
    job: &JobSummary,
    take_over: bool,
) -> Draft {
    let target = adopted.spec.target.clone();
    let mut checks = Checks::default();
    checks.ok(REACHABLE, format!("{target} has the job, Flink says {}", job.state));
    let mut warnings = vec![UNKNOWN_PROGRAM.to_owned()];
    if take_over {
        warnings.push(TWO_MANAGERS.to_owned());
    }
    let acts = vec![Act::WriteCatalogue];
    let plan = Plan::empty();
    let card = Card {
        steps: words::steps(&acts, &plan),
        checks: checks.0,
        warnings,
        command: format!("nutkin adopt {name} --target {target} --flink-job {}", job.id),
        ..Card::plain(Kind::Adopt, name.to_string(), target.clone())
    };
    Draft {
        kind: Kind::Adopt,
        deployment: adopted.row.id,
        name,
        target: target.as_str().into(),
        plan,
        acts,
        rows: adopted.rows,
        protection: inner.world().protection(Some(&adopted.spec), &target.as_str().into()),
        target_read_only: entry.spec.read_only,
        destructive: take_over,
        parent: None,
        supersedes: None,
        base: None,
        card,
    }
}
