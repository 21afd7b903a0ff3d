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
}

/// What is outside of it.
pub(super) fn outside() -> OpenApiRouter<App> {
    health::routes()
}

/// No such route.
pub(super) async fn unknown(uri: Uri) -> Failure {
    let problem = Problem::new(Code::NotFound, format!("there is no route {}", uri.path()));
    Failure(problem.hint(format!("{API_PREFIX}/openapi.json lists all of them")))
}

/// The route is there, the method is not.
pub(super) async fn wrong_method(method: axum::http::Method, uri: Uri) -> Failure {
    let mut problem = Problem::new(Code::BadRequest, format!("{} does not answer {method}", uri.path()));
    problem.status = 405;
    Failure(problem.hint(format!("{API_PREFIX}/openapi.json lists the methods of all routes")))
}
