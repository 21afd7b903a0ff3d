//! The savepoint catalogue.

use axum::{Json, extract::State, http::StatusCode, response::Response};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::verbs::{DryRun, submit};
use crate::{
    contract::{
        List,
        intent::{DisposeSavepoint, ImportSavepoint, Intent, PatchSavepoint},
        model::{Operation, Savepoint, SavepointDetail},
        plan::Plan,
    },
    server::{
        App,
        error::Answer,
        extract::{Act, P, Q},
        once::once,
        paging::{self, Page},
    },
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(one, patch)).routes(routes!(list, import)).routes(routes!(dispose))
}

/// Savepoints of all deployments, newest first.
#[utoipa::path(get, path = "/savepoints", tag = "savepoints", params(Page), responses((status = 200, body = List<Savepoint>)))]
async fn list(State(app): State<App>, Q(page): Q<Page>) -> Answer<Json<List<Savepoint>>> {
    let all = app.manager.savepoints(None, paging::HISTORY).await?;
    Ok(Json(paging::cut(all, &page, |s| s.savepoint_id.clone())?))
}

/// One savepoint, and who needs it.
#[utoipa::path(
    get, path = "/savepoints/{id}", tag = "savepoints", params(("id" = String, Path)),
    responses((status = 200, body = SavepointDetail))
)]
async fn one(State(app): State<App>, P(id): P<String>) -> Answer<Json<SavepointDetail>> {
    Ok(Json(app.manager.savepoint(&id).await?))
}

/// Pins, unpins, labels.
#[utoipa::path(
    patch, path = "/savepoints/{id}", tag = "savepoints", params(("id" = String, Path), DryRun),
    request_body = PatchSavepoint, responses((status = 200, body = Savepoint))
)]
async fn patch(State(app): State<App>, P(id): P<String>, act: Act<PatchSavepoint>) -> Answer<Response> {
    let Act { body, caller, dry_run, key, .. } = act.without_version()?;
    let patched = async { Ok(app.manager.patch_savepoint(&id, body, &caller, dry_run).await?) };
    once(&app, &caller, key.as_ref(), StatusCode::OK, patched).await
}

/// Enters a savepoint by its location.
#[utoipa::path(
    post, path = "/savepoints", tag = "savepoints", params(DryRun), request_body = ImportSavepoint,
    responses((status = 202, body = Operation), (status = 200, body = Plan))
)]
async fn import(State(app): State<App>, act: Act<ImportSavepoint>) -> Answer<Response> {
    submit(&app, act, Intent::Import).await
}

/// Deletes a savepoint's files, where that is safe.
#[utoipa::path(
    post, path = "/savepoints/{id}/dispose", tag = "savepoints", params(("id" = String, Path), DryRun),
    request_body = DisposeSavepoint, responses((status = 202, body = Operation), (status = 200, body = Plan))
)]
async fn dispose(
    State(app): State<App>,
    P(savepoint): P<String>,
    act: Act<DisposeSavepoint>,
) -> Answer<Response> {
    submit(&app, act, |request| Intent::Dispose { savepoint, request }).await
}
