//! Applications: groups of deployments of one program.

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    documents::{self, Changed, Kind, New, Patch},
    operations::Nothing,
    verbs::{DryRun, IfMatch},
};
use crate::{
    contract::{List, intent::Applied, model::Application},
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
    responses((status = 200, body = Application, headers(("ETag" = String, description = "Its version, for If-Match."))))
)]
async fn one(State(app): State<App>, P(name): P<String>) -> Answer<Response> {
    let application = app.manager.application(&name)?;
    Ok(([etag(application.version)], Json(application)).into_response())
}

/// Creates an application.
#[utoipa::path(
    post, path = "/applications", tag = "applications", params(DryRun), request_body = New,
    responses(
        (status = 201, body = Application),
        (status = 200, body = List<Applied>, description = "Of a dry run: what would be made; nothing was changed."),
    )
)]
async fn create(State(app): State<App>, act: Act<New>) -> Answer<Response> {
    documents::create(&app, Kind::Application, act).await
}

/// Changes title, labels or defaults; what the patch does not name stays, `null` removes.
#[utoipa::path(
    patch, path = "/applications/{app}", tag = "applications", params(("app" = String, Path), DryRun, IfMatch),
    request_body = Patch, responses((status = 200, body = Changed<Application>, description = "With `dryRun` what would change; nothing was changed."))
)]
async fn patch(State(app): State<App>, P(name): P<String>, act: Act<Patch>) -> Answer<Response> {
    documents::patch(&app, Kind::Application, &name, act).await
}

/// Removes an application that has no deployment.
#[utoipa::path(
    delete, path = "/applications/{app}", tag = "applications", params(("app" = String, Path), DryRun, IfMatch),
    responses(
        (status = 204),
        (status = 200, body = Application, description = "Of a dry run: what would be removed; nothing was changed."),
    )
)]
async fn remove(State(app): State<App>, P(name): P<String>, act: Act<Nothing>) -> Answer<Response> {
    let remove = app.manager.remove_application(&name, &act.caller, act.dry_run, act.if_match);
    if act.dry_run {
        remove.await?;
        return Ok(Json(app.manager.application(&name)?).into_response());
    }
    let removed = async { Ok(remove.await?) };
    once(&app, &act.caller, act.key.as_ref(), StatusCode::NO_CONTENT, removed).await
}
