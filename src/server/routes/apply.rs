//! Several documents at once.

use axum::{extract::State, http::StatusCode, response::Response};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::verbs::DryRun;
use crate::{
    contract::{
        List,
        intent::{Applied, Apply},
        problem::{Code, Problem},
    },
    server::{
        App,
        error::{Answer, Failure},
        extract::Act,
        once::once,
    },
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(apply))
}

/// Creates or updates targets, applications and deployments. What cannot be applied is answered with its problem; the
/// others are applied.
#[utoipa::path(
    post, path = "/apply", tag = "manifests", params(DryRun), request_body = Apply,
    responses((status = 200, body = List<Applied>))
)]
async fn apply(State(app): State<App>, act: Act<Apply>) -> Answer<Response> {
    let Act { body, caller, dry_run, key, if_match } = act;
    if body.documents.is_empty() {
        let problem = Problem::new(Code::BadRequest, "there is no document to apply; nothing was changed");
        return Err(Failure(problem.hint("`documents` is a list of targets, applications and deployments")));
    }
    let applied = async { Ok(List::all(app.manager.apply(body, &caller, dry_run, if_match).await?)) };
    once(&app, &caller, key.as_ref(), StatusCode::OK, applied).await
}
