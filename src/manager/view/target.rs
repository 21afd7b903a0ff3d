//! Targets and the jobs on them.

use std::borrow::Cow;

use crate::{
    contract::model::{Capability, Target, TargetJob, Tasks},
    domain::{deployment::FlinkState, flink::JobSummary, ids::Issuer, spec},
    manager::{
        eyes::Trust,
        world::{DeploymentEntry, TargetEntry, World},
    },
};

/// A target.
#[must_use]
pub fn target(t: &TargetEntry, world: &World, trust: &Trust) -> Target {
    let urls = t.spec.addresses();
    let overview = t.sight.overview.as_ref();
    let up = t.sight.reachable == Some(true);
    Target {
        name: t.row.name.to_string(),
        kind: t.spec.kind.clone(),
        url: urls.first().cloned().unwrap_or_default(),
        urls,
        flink_version: overview.map(|o| o.flink_version.clone()),
        reachable: t.sight.reachable,
        error: t.sight.error.clone(),
        observed_at: t.sight.observed_at,
        slots_total: overview.map(|o| o.slots_total).filter(|_| up),
        slots_free: overview.map(|o| o.slots_free).filter(|_| up),
        jobs_running: up.then(|| {
            u32::try_from(t.sight.jobs.iter().filter(|j| j.state == FlinkState::Running).count())
                .unwrap_or(u32::MAX)
        }),
        unmanaged_jobs: up.then(|| u32::try_from(unmanaged_jobs(t, world).count()).unwrap_or(u32::MAX)),
        capabilities: capabilities(t, trust),
        protection: t.spec.protection.unwrap_or(spec::Protection::None),
        savepoint_directory: t.spec.savepoint_directory.clone().or_else(|| t.sight.savepoint_base.clone()),
        savepoint_access: t.spec.savepoint_access.to_string(),
        colour: t.spec.colour.clone(),
        labels: t.row.labels.clone(),
        spec: t.row.spec.clone(),
        version: t.row.version,
    }
}

fn capabilities(t: &TargetEntry, trust: &Trust) -> Vec<Capability> {
    let Some(c) = &t.sight.config else { return vec![] };
    let no_submit =
        "the cluster takes no submissions (web.submit.enable is false, or an application cluster)";
    let cap = |name: &str, available: bool, reason: &str| Capability {
        name: name.to_owned(),
        available,
        reason: (!available).then(|| reason.to_owned()),
    };
    let no_cancel =
        "web.cancel.enable is false: whether its REST API takes a cancel shows only when it is asked";
    let looks = trust.can_look(&t.spec);
    vec![
        cap("submit", c.web_submit, no_submit),
        cap("jars", c.web_submit, no_submit),
        // No switch of Flink 1.16 to 2.3 takes it away.
        cap("stop", true, ""),
        cap("cancel", c.web_cancel, no_cancel),
        cap("seeSavepoints", looks.is_ok(), looks.err().unwrap_or_default()),
    ]
}

/// Live jobs of a target that no deployment here manages.
#[must_use]
pub fn unmanaged(t: &TargetEntry, world: &World) -> Vec<TargetJob> {
    unmanaged_jobs(t, world).map(|(j, management)| target_job(t, j, management)).collect()
}

fn unmanaged_jobs<'a>(
    t: &'a TargetEntry,
    world: &'a World,
) -> impl Iterator<Item = (&'a JobSummary, Management<'a>)> {
    let live = t.sight.jobs.iter().filter(|j| !j.state.is_terminal());
    live.map(|j| (j, managed(t, j, world))).filter(|(_, m)| m.word != MANAGED)
}

/// Every job of a target with its deployment.
#[must_use]
pub fn target_jobs(t: &TargetEntry, world: &World) -> Vec<TargetJob> {
    t.sight.jobs.iter().map(|j| target_job(t, j, managed(t, j, world))).collect()
}

/// The word for a job whose deployment is known and in charge of it.
const MANAGED: &str = "managed";

/// Whose a job is.
struct Management<'a> {
    owner: Option<&'a DeploymentEntry>,
    word: Cow<'static, str>,
}

fn managed<'a>(t: &TargetEntry, j: &JobSummary, world: &'a World) -> Management<'a> {
    let owner = world.by_job(&j.id);
    let stray = world.owner_of_stray(t, j);
    let word = match (owner, stray, j.id.issuer(&world.store_id)) {
        (Some(_), _, _) => MANAGED.into(),
        // What an operation at work leaves and takes is its own affair.
        (None, Some(e), _) if world.is_busy(e) => MANAGED.into(),
        (None, Some(_), _) => "stray".into(),
        (None, None, Issuer::AnotherNutkin(store)) => format!("another nutkin {store}").into(),
        (None, None, Issuer::Us | Issuer::Nobody) => "unmanaged".into(),
    };
    Management { owner: owner.or(stray), word }
}

fn target_job(t: &TargetEntry, j: &JobSummary, management: Management<'_>) -> TargetJob {
    TargetJob {
        target: t.row.name.to_string(),
        flink_job_id: j.id.to_string(),
        name: j.name.clone(),
        flink_state: j.state.to_string(),
        started_at: Some(j.start_time),
        ended_at: j.end_time,
        tasks: Tasks { running: j.tasks.running, total: j.tasks.total },
        deployment: management.owner.map(|e| e.row.name.to_string()),
        management: management.word.into_owned(),
    }
}
