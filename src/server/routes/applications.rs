//! Applications: groups of deployments of one program.

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    documents::{self, Kind, New, Patch},
    operations::Nothing,
    verbs::DryRun,
};
use crate::{
    contract::{List, model::Application},
    server::{
        App,
        error::Answer,
        extract::{Act, P, Q, etag},
        once::once,
        paging::{self, Page},
    },
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(one, patch, remove))
}

/// Applications, by name.
#[utoipa::path(
    get, path = "/applications", tag = "applications", params(Page),
    responses((status = 200, body = List<Application>))
)]
async fn list(State(app): State<App>, Q(page): Q<Page>) -> Answer<Json<List<Application>>> {
    Ok(Json(paging::cut(app.manager.applications(), &page, |a| a.name.clone())?))
}

/// One application.
#[utoipa::path(
    get, path = "/applications/{app}", tag = "applications", params(("app" = String, Path)),
    responses((status = 200, body = Application))
)]
async fn one(State(app): State<App>, P(name): P<String>) -> Answer<Response> {
    let application = app.manager.application(&name)?;
    Ok(([etag(application.version)], Json(application)).into_response())
}

/// Creates an application.
#[utoipa::path(
    post, path = "/applications", tag = "applications", params(DryRun), request_body = New,
    responses((status = 201, body = Application))
)]
async fn create(State(app): State<App>, act: Act<New>) -> Answer<Response> {
    documents::create(&app, Kind::Application, act).await
}

/// Changes title, labels or defaults; what the patch does not name stays, `null` removes.
#[utoipa::path(
    patch, path = "/applications/{app}", tag = "applications", params(("app" = String, Path), DryRun),
    request_body = Patch, responses((status = 200, body = Application))
)]
async fn patch(State(app): State<App>, P(name): P<String>, act: Act<Patch>) -> Answer<Response> {
    documents::patch(&app, Kind::Application, &name, act).await
}

/// Removes an application that has no deployment.
#[utoipa::path(
    delete, path = "/applications/{app}", tag = "applications", params(("app" = String, Path), DryRun),
    responses((status = 204))
)]
async fn remove(State(app): State<App>, P(name): P<String>, act: Act<Nothing>) -> Answer<Response> {
    let removed =
        async { Ok(app.manager.remove_application(&name, &act.caller, act.dry_run, act.if_match).await?) };
    once(&app, &act.caller, act.key.as_ref(), StatusCode::NO_CONTENT, removed).await
}
