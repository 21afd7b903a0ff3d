//! The routes, one file for each kind of object.

mod applications;
mod apply;
mod artifacts;
mod deployments;
mod documents;
mod events;
mod health;
mod operations;
mod savepoints;
mod snapshot;
mod targets;
mod verbs;
mod watch;

use axum::http::Uri;
use utoipa_axum::router::OpenApiRouter;

use super::{App, error::Failure};
use crate::contract::{API_PREFIX, problem::Code, problem::Problem};

/// Everything below the API's prefix.
pub(super) fn all() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(snapshot::routes())
        .merge(watch::routes())
        .merge(events::routes())
        .merge(targets::routes())
        .merge(applications::routes())
        .merge(deployments::routes())
        .merge(verbs::routes())
        .merge(operations::routes())
        .merge(savepoints::routes())
        .merge(artifacts::routes())
        .merge(apply::routes())
        .merge(health::description())
}

/// What is outside of it.
pub(super) fn outside() -> OpenApiRouter<App> {
    health::routes()
}

/// Last parts of routes that are planned.
const NOT_BUILT: [&str; 3] = ["metrics", "logs", "logs/stream"];

/// A path that will have a route: of the whole manager, or of a deployment.
fn is_planned(path: &str) -> bool {
    let of_deployment = path.strip_prefix(API_PREFIX).and_then(|p| p.strip_prefix("/deployments/"));
    let last = of_deployment.map_or_else(
        || path.strip_prefix('/').filter(|p| *p == "metrics"),
        |rest| rest.splitn(3, '/').nth(2),
    );
    last.is_some_and(|last| NOT_BUILT.contains(&last))
}

/// No such route.
pub(super) async fn unknown(uri: Uri) -> Failure {
    if is_planned(uri.path()) {
        let problem = Problem::new(Code::NotSupported, format!("{} is not built yet", uri.path()));
        return Failure(problem.hint(format!("{API_PREFIX}/openapi.json lists what is there")));
    }
    let problem = Problem::new(Code::NotFound, format!("there is no route {}", uri.path()));
    Failure(problem.hint(format!("{API_PREFIX}/openapi.json lists all of them")))
}

/// The route is there, the method is not.
pub(super) async fn wrong_method(method: axum::http::Method, uri: Uri) -> Failure {
    let mut problem = Problem::new(Code::BadRequest, format!("{} does not answer {method}", uri.path()));
    problem.status = 405;
    Failure(problem.hint(format!("{API_PREFIX}/openapi.json lists the methods of all routes")))
}
