//! Every route of the API, typed: what is read ([`Get`]) and what is done ([`Act`]).

use hyper::Method;
use serde_json::Value;

use super::request::{Act, Get, escape};
use crate::{
    contract::{
        Health, List,
        intent::{
            Adopt, Applied, Apply, Choose, DisposeSavepoint, Document, ImportSavepoint, PatchSavepoint, Verb,
        },
        model,
        plan::{Check, Submitted},
        watch::{Interest, Snapshot},
    },
    domain::{
        event::Severity,
        ids::{DeploymentName, FlinkJobId},
        time::Timestamp,
    },
};

fn deployment_path(name: &DeploymentName, tail: &str) -> String {
    let tail = if tail.is_empty() { String::new() } else { format!("/{tail}") };
    format!("/deployments/{}/{}{tail}", escape(name.app()), escape(name.name()))
}

macro_rules! reads {
    ($($(#[$m:meta])* $name:ident($($arg:ident : $ty:ty),*) -> $answer:ty { $path:expr })*) => {
        $($(#[$m])* #[must_use] pub fn $name($($arg: $ty),*) -> Get<$answer> { Get::at($path) })*
    };
}

reads! {
    /// The manager's levels and build.
    health() -> Health { "/healthz".to_owned() }
    /// OpenAPI document.
    openapi() -> Value { "/openapi.json".to_owned() }
    /// Slim rows, totals and one full model; add `select`, `limit`, `filter`.
    snapshot() -> Snapshot { "/snapshot".to_owned() }
    /// All targets, by name.
    targets() -> List<model::Target> { "/targets".to_owned() }
    /// One target.
    target(name: &str) -> model::Target { format!("/targets/{}", escape(name)) }
    /// Jobs of a target, unmanaged ones included.
    target_jobs(name: &str) -> List<model::TargetJob> { format!("/targets/{}/jobs", escape(name)) }
    /// All applications, by name.
    applications() -> List<model::Application> { "/applications".to_owned() }
    /// One application.
    application(name: &str) -> model::Application { format!("/applications/{}", escape(name)) }
    /// All deployments in full, by name.
    deployments() -> List<model::Deployment> { "/deployments".to_owned() }
    /// One deployment.
    deployment(name: &DeploymentName) -> model::Deployment { deployment_path(name, "") }
    /// The document of a deployment, as `apply` accepts it.
    document(name: &DeploymentName) -> Document { deployment_path(name, "document") }
    /// Jobs of a deployment, newest first.
    jobs(name: &DeploymentName) -> List<model::Job> { deployment_path(name, "jobs") }
    /// Jobs of all deployments, newest first.
    all_jobs() -> List<model::Job> { "/jobs".to_owned() }
    /// Savepoints of a deployment, newest first.
    savepoints(name: &DeploymentName) -> List<model::Savepoint> { deployment_path(name, "savepoints") }
    /// Savepoints of all deployments.
    all_savepoints() -> List<model::Savepoint> { "/savepoints".to_owned() }
    /// Revisions of a deployment, newest first.
    revisions(name: &DeploymentName) -> List<model::Revision> { deployment_path(name, "revisions") }
    /// Events of a deployment, newest first; add `severity` for this loud or louder.
    deployment_events(name: &DeploymentName) -> List<model::Event> { deployment_path(name, "events") }
    /// Exceptions of a deployment's job.
    exceptions(name: &DeploymentName) -> List<model::ExceptionEntry> { deployment_path(name, "exceptions") }
    /// Checkpoints of a deployment's job.
    checkpoints(name: &DeploymentName) -> List<model::Checkpoint> { deployment_path(name, "checkpoints") }
    /// What the restore advisor sees.
    restore_points(name: &DeploymentName) -> List<model::RestorePoint> { deployment_path(name, "restore-points") }
    /// Operations, newest first.
    operations() -> List<model::Operation> { "/operations".to_owned() }
    /// One operation.
    operation(id: &str) -> model::Operation { format!("/operations/{}", escape(id)) }
    /// One savepoint, and who needs it.
    savepoint(id: &str) -> model::SavepointDetail { format!("/savepoints/{}", escape(id)) }
    /// Every jar of the artifact store, newest first.
    artifacts() -> List<model::Artifact> { "/artifacts".to_owned() }
    /// One artifact by its content hash.
    artifact(sha: &str) -> model::Artifact { format!("/artifacts/{}", escape(sha)) }
}

/// Which events.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// `APP/NAME`.
    pub deployment: Option<DeploymentName>,
    /// An operation's id.
    pub operation: Option<String>,
    /// This loud or louder.
    pub severity: Option<Severity>,
    /// Not older.
    pub since: Option<Timestamp>,
    /// Only larger numbers, oldest first.
    pub after: Option<u64>,
    /// At most so many.
    pub limit: Option<u32>,
}

/// What of the event log the filter lets through: newest first, or from `after` on oldest first.
#[must_use]
pub fn events(filter: &EventFilter) -> Get<List<model::Event>> {
    Get::at("/events".to_owned())
        .with_some("deployment", filter.deployment.as_ref())
        .with_some("operation", filter.operation.as_ref())
        .with_some("severity", filter.severity)
        .with_some("since", filter.since)
        .with_some("after", filter.after)
        .with_some("limit", filter.limit)
}

pub(super) fn events_follow(filter: &EventFilter) -> String {
    events(filter).with("follow", "true").into_path()
}

pub(super) fn watch(interest: &Interest) -> String {
    let get: Get<Value> = Get::at("/watch".to_owned());
    let names = (!interest.deployments.is_empty()).then(|| interest.deployments.join(","));
    get.with_some("interest", names).into_path()
}

pub(super) fn interest(watch_id: &str) -> String {
    format!("/watch/{}/interest", escape(watch_id))
}

/// Where uploaded jars go.
pub(super) const ARTIFACTS: &str = "/artifacts";

/// The last part of a verb's route; `None` for a delete, which is the method.
#[must_use]
pub const fn path_word(verb: &Verb) -> Option<&'static str> {
    Some(match verb {
        Verb::Start(_) => "start",
        Verb::Suspend(_) => "suspend",
        Verb::Cancel(_) => "cancel",
        Verb::Savepoint(_) => "savepoint",
        Verb::Restart(_) => "restart",
        Verb::Upgrade(_) => "upgrade",
        Verb::Rollback(_) => "rollback",
        Verb::Fork(_) => "fork",
        Verb::Reset(_) => "reset",
        Verb::Delete(_) => return None,
    })
}

/// A verb's request alone, as the route's body.
fn request(verb: &Verb) -> Option<Value> {
    serde_json::to_value(verb).ok()?.get("request").cloned()
}

/// A verb on a deployment.
#[must_use]
pub fn verb(name: &DeploymentName, verb: &Verb) -> Act<Submitted> {
    match path_word(verb) {
        Some(word) => Act::new(Method::POST, deployment_path(name, word), request(verb)),
        None => Act::new(Method::DELETE, deployment_path(name, ""), request(verb)),
    }
}

/// Take a job that somebody started into the books.
#[must_use]
pub fn adopt(target: &str, job: &FlinkJobId, request: &Adopt) -> Act<Submitted> {
    Act::post(format!("/targets/{}/jobs/{job}/adopt", escape(target)), request)
}

/// Enter a savepoint by its location.
#[must_use]
pub fn import_savepoint(request: &ImportSavepoint) -> Act<Submitted> {
    Act::post("/savepoints".to_owned(), request)
}

/// Delete a savepoint's files.
#[must_use]
pub fn dispose_savepoint(id: &str, request: &DisposeSavepoint) -> Act<Submitted> {
    Act::post(format!("/savepoints/{}/dispose", escape(id)), request)
}

/// Pin, unpin, label.
#[must_use]
pub fn patch_savepoint(id: &str, request: &PatchSavepoint) -> Act<model::Savepoint> {
    Act::new(Method::PATCH, format!("/savepoints/{}", escape(id)), serde_json::to_value(request).ok())
}

/// Go on with a waiting or paused operation.
#[must_use]
pub fn resume_operation(id: &str) -> Act<model::Operation> {
    Act::post(format!("/operations/{}/resume", escape(id)), &serde_json::json!({}))
}

/// Ask an operation to end at its next safe point.
#[must_use]
pub fn cancel_operation(id: &str) -> Act<model::Operation> {
    Act::post(format!("/operations/{}/cancel", escape(id)), &serde_json::json!({}))
}

/// Resolve a waiting operation.
#[must_use]
pub fn choose(id: &str, request: &Choose) -> Act<model::Operation> {
    Act::post(format!("/operations/{}/choose", escape(id)), request)
}

/// Create or update several objects; a dry run tells what would change.
#[must_use]
pub fn apply(request: &Apply) -> Act<List<Applied>> {
    Act::post("/apply".to_owned(), request)
}

/// Register a target.
#[must_use]
pub fn create_target(document: &Document) -> Act<model::Target> {
    Act::post("/targets".to_owned(), document)
}

/// Look at a target: reachable, version, TLS, authentication, savepoint directory, clock.
#[must_use]
pub fn check_target(name: &str) -> Act<List<Check>> {
    Act::post(format!("/targets/{}/check", escape(name)), &serde_json::json!({}))
}

/// Remove a target from the books.
#[must_use]
pub fn delete_target(name: &str) -> Act<Value> {
    Act::new(Method::DELETE, format!("/targets/{}", escape(name)), None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::intent::{Meta, Start};

    #[test]
    fn paths_are_escaped_and_bodies_are_the_request_alone() {
        let name: DeploymentName = "pay/prod".parse().unwrap();
        let start = Verb::Start(Start {
            from: Some("latest".into()),
            meta: Meta { yes: true, ..Meta::default() },
            ..Start::default()
        });
        let act = verb(&name, &start).dry_run(true);
        assert_eq!(act.target(), "/deployments/pay/prod/start?dryRun=true");
        assert_eq!(act.body().unwrap()["from"], "latest");
        assert_eq!(act.body().unwrap()["meta"]["yes"], true);
        let delete = verb(&name, &Verb::Delete(Default::default()));
        assert_eq!((delete.method(), delete.target().as_str()), (&Method::DELETE, "/deployments/pay/prod"));
        assert_eq!(target("a/b c").path(), "/targets/a%2Fb%20c");
        let filter = EventFilter { severity: Some(Severity::Warn), limit: Some(5), ..EventFilter::default() };
        assert_eq!(events(&filter).path(), "/events?severity=warn&limit=5");
    }

    #[test]
    fn each_act_has_its_own_key_and_keeps_it() {
        let (a, b) = (cancel_operation("x"), cancel_operation("x"));
        assert_ne!(a.key(), b.key());
        assert_eq!(a.key(), a.clone().key());
    }
}
