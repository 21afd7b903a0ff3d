//! The request of each step. Called only after the step's intent is on disk; what comes back is an [`Answer`], never a
//! conclusion.

use std::sync::Arc;

use indexmap::IndexMap;

use super::upload::upload;
use crate::{
    domain::{
        ids::{ArtifactSha, FlinkJobId, TargetName},
        location,
        operation::{Act, Operation, RestoreSource, Step, evidence::Answer},
        restore::is_newer,
        spec::Spec,
        target::TargetSpec,
        time::Timestamp,
    },
    manager::{
        inner::Inner,
        ports::cluster::{Cluster, ClusterError, Effect, ErrorKind, RunRequest, SavepointRequest},
        secrets,
    },
};

/// The name under which an artifact is put on a cluster.
#[must_use]
pub fn jar_name(sha: &ArtifactSha) -> String {
    format!("nutkin-{}.jar", sha.as_str().get(..32).unwrap_or(sha.as_str()))
}

/// The cluster of an operation's target, with its document.
pub fn cluster_of(
    inner: &Inner,
    target: &TargetName,
) -> Result<(Arc<dyn Cluster>, TargetSpec), ClusterError> {
    let world = inner.world();
    let entry = world.targets.get(target).ok_or_else(|| ClusterError {
        kind: ErrorKind::Config,
        effect: Effect::None,
        message: format!("the target {target} is not registered"),
        full: None,
    })?;
    Ok((entry.cluster.clone()?, entry.spec.clone()))
}

/// The effect key of the next attempt, and the start time of the job that it acts on.
#[must_use]
pub fn key_and_mark(inner: &Inner, op: &Operation, n: u32) -> (Option<String>, Option<Timestamp>) {
    let Some(step) = op.step(n) else { return (None, None) };
    let key = match &step.act {
        Act::UploadJar { sha, .. } => Some(jar_name(sha)),
        Act::TriggerSavepoint { .. } | Act::StopWithSavepoint { .. } => Some(inner.fresh_hex().to_string()),
        Act::RunJar { .. } => Some(inner.fresh_job().to_string()),
        Act::CancelJob { job } => op.job_meant(job).map(|j| format!("cancel:{}", j.flink)),
        Act::Dispose { location, .. } => Some(format!("dispose:{}", location::normalised(location))),
        _ => None,
    };
    let started = |job: &FlinkJobId| {
        let world = inner.world();
        let listed = &world.targets.get(&op.target)?.sight.jobs;
        listed.iter().find(|j| j.id == *job).map(|j| j.start_time)
    };
    let mark = match &step.act {
        Act::TriggerSavepoint { job } | Act::StopWithSavepoint { job } => started(&job.flink),
        // The JobManager that takes the submission knows the job that was stopped, or one before it did.
        Act::RunJar { .. } => op.stopped_job().and_then(|job| started(&job.flink)).or(step.mark),
        _ => None,
    };
    (key, mark)
}

/// The directory of a snapshot step's attempt in flight.
#[must_use]
pub fn directory(op: &Operation, step: &Step) -> Option<String> {
    let base = op.plan.savepoint_base.as_deref()?;
    let attempt = op.steps.iter().filter(|s| s.n < step.n).map(|s| s.attempts).sum::<u32>() + step.attempts;
    Some(location::attempt_directory(base, op.deployment.as_str(), op.issuer(step).as_str(), attempt))
}

/// Sends; `None` for steps that only look.
pub async fn perform(inner: &Arc<Inner>, op: &Operation, step: &Step) -> Option<Answer> {
    if !step.act.has_effect() && !matches!(step.act, Act::PlanJar { .. }) {
        return None;
    }
    let (cluster, target) = match cluster_of(inner, &op.target) {
        Ok((cluster, target)) => (cluster.for_operation(), target),
        Err(e) => return Some(answer_of(&e)),
    };
    let sent = match &step.act {
        Act::UploadJar { sha, .. } => upload(inner, op, step, &*cluster, sha).await,
        Act::PlanJar { revision } => plan(inner, op, &*cluster, *revision).await,
        Act::TriggerSavepoint { job } => {
            let request = snapshot_request(op, step)?;
            cluster.trigger_savepoint(&job.flink, &request).await.map(|()| None)
        }
        Act::StopWithSavepoint { job } => {
            let request = snapshot_request(op, step)?;
            cluster.stop(&job.flink, &request).await.map(|()| None)
        }
        Act::CancelJob { job } => {
            let job = op.job_meant(job)?;
            cluster.cancel(&job.flink).await.map(|answer| Some(answer.words().to_owned()))
        }
        Act::RunJar { revision } => return Some(run(inner, op, step, &*cluster, *revision).await),
        Act::Dispose { location, .. } => dispose(inner, op, &*cluster, &target, location).await,
        _ => return None,
    };
    Some(match sent {
        Ok(value) => Answer::Accepted(value),
        Err(e) => answer_of(&e),
    })
}

/// What a failed request amounts to. Only "it never left" and Flink's own words are more than a lost answer.
#[must_use]
pub fn answer_of(e: &ClusterError) -> Answer {
    match (&e.kind, e.effect) {
        // A time-out inside Flink, say: what was asked for may still happen.
        (ErrorKind::Flink(500..), Effect::Possible) => Answer::Lost(e.message.clone()),
        (ErrorKind::Flink(status), _) => {
            Answer::Refused { status: *status, reason: e.message.clone(), full: e.full.clone() }
        }
        (ErrorKind::Denied(status), _) => Answer::refused(*status, &*e.message),
        (ErrorKind::Config | ErrorKind::Redirect(_), _) => Answer::refused(400, &*e.message),
        (_, Effect::None) => Answer::NotSent(e.message.clone()),
        (_, Effect::Possible) => Answer::Lost(e.message.clone()),
    }
}

fn snapshot_request(op: &Operation, step: &Step) -> Option<SavepointRequest> {
    Some(SavepointRequest {
        trigger: step.hex_key()?,
        directory: directory(op, step),
        format: op.plan.format,
        drain: op.plan.drain && matches!(step.act, Act::StopWithSavepoint { .. }),
    })
}

/// What a run of a revision needs: the jar's id on this cluster and the request.
async fn run_request(
    inner: &Inner,
    op: &Operation,
    cluster: &dyn Cluster,
    revision: u32,
) -> Result<(String, RunRequest), ClusterError> {
    let refused =
        |message: String| ClusterError { kind: ErrorKind::Config, effect: Effect::None, message, full: None };
    let row =
        inner.deps.store.revision(&op.deployment, revision).await.map_err(|e| refused(e.to_string()))?;
    let row = row.ok_or_else(|| refused(format!("revision {revision} is not recorded")))?;
    let spec: Spec =
        serde_json::from_value(row.spec).map_err(|e| refused(format!("revision {revision}: {e}")))?;
    let sha = spec
        .artifact
        .sha256
        .clone()
        .ok_or_else(|| refused(format!("revision {revision} has no artifact")))?;
    let name = jar_name(&sha);
    let jar = cluster.jars().await?.into_iter().find(|j| j.name == name);
    let jar = jar.ok_or_else(|| ClusterError {
        kind: ErrorKind::Flink(404),
        effect: Effect::None,
        message: format!("the jar file {name} does not exist on the cluster"),
        full: None,
    })?;
    let resolve = |v: &str| secrets::resolve(v, &inner.settings).map_err(|e| refused(e.to_string()));
    let argument =
        |a: &String| secrets::resolve_argument(a, &inner.settings).map_err(|e| refused(e.to_string()));
    let args = spec.artifact.args.iter().map(argument).collect::<Result<Vec<_>, _>>()?;
    let version = inner
        .world()
        .targets
        .get(&op.target)
        .and_then(|t| t.sight.overview.as_ref().map(|o| o.flink_version.clone()));
    let mut flink_configuration = IndexMap::new();
    // Before 1.17 a run carries no configuration; preflight has refused everything but the built-in default there.
    if version.is_none_or(|v| !is_newer("1.17", &v)) {
        for (k, v) in &spec.flink_configuration {
            flink_configuration.insert(k.clone(), resolve(v)?);
        }
    }
    let request = RunRequest {
        job_id: None,
        entry_class: spec.artifact.entry_class.clone(),
        args,
        parallelism: spec.parallelism,
        savepoint_path: None,
        allow_non_restored_state: op.plan.allow_non_restored_state,
        flink_configuration,
    };
    Ok((jar.id, request))
}

async fn plan(
    inner: &Inner,
    op: &Operation,
    cluster: &dyn Cluster,
    revision: u32,
) -> Result<Option<String>, ClusterError> {
    let (jar, request) = run_request(inner, op, cluster, revision).await?;
    cluster.plan_jar(&jar, &request).await.map(|()| None)
}

async fn run(inner: &Inner, op: &Operation, step: &Step, cluster: &dyn Cluster, revision: u32) -> Answer {
    let prepared = run_request(inner, op, cluster, revision).await;
    let (jar, mut request) = match prepared {
        Ok(p) => p,
        // Nothing was submitted. That the jar or the revision is not there is an answer; anything else is tried again.
        Err(e) if matches!(e.kind, ErrorKind::Flink(404) | ErrorKind::Config) => return answer_of(&e),
        Err(e) => return Answer::NotSent(e.message),
    };
    request.job_id = step.hex_key();
    // A way back never drops state that the way forward was allowed to drop.
    request.allow_non_restored_state &= op.plan.compensation.is_none();
    request.savepoint_path = op.restore_location();
    // I4, once more at the very edge: a run that was to restore something never begins empty.
    if request.savepoint_path.is_none() && op.plan.restore != RestoreSource::Empty {
        let reason = "the snapshot to restore is not known; nothing was submitted".to_owned();
        return Answer::refused(400, reason);
    }
    match cluster.run_jar(&jar, &request).await {
        Ok(id) => Answer::Accepted(Some(id.to_string())),
        Err(e) => answer_of(&e),
    }
}

async fn dispose(
    inner: &Inner,
    op: &Operation,
    cluster: &dyn Cluster,
    target: &TargetSpec,
    location: &str,
) -> Result<Option<String>, ClusterError> {
    tracing::info!(operation = %op.id, location, "disposal");
    if inner.deps.eyes.is_complete(target, location).await == Some(false) {
        return Ok(None);
    }
    cluster.dispose(location).await.map(|t| Some(t.to_string()))
}
