//! Targets: the clusters that deployments run on.

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
    contract::{
        List,
        intent::Applied,
        model::{Target, TargetJob},
        plan::Check,
    },
    server::{
        App,
        error::Answer,
        extract::{Act, P, Q, etag},
        once::once,
        paging::{self, Page},
    },
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(one, patch, remove))
        .routes(routes!(check))
        .routes(routes!(jobs))
}

/// Targets, by name.
#[utoipa::path(get, path = "/targets", tag = "targets", params(Page), responses((status = 200, body = List<Target>)))]
async fn list(State(app): State<App>, Q(page): Q<Page>) -> Answer<Json<List<Target>>> {
    Ok(Json(paging::cut(app.manager.targets(), &page, |t| t.name.clone())?))
}

/// One target.
#[utoipa::path(
    get, path = "/targets/{name}", tag = "targets", params(("name" = String, Path)),
    responses((status = 200, body = Target, headers(("ETag" = String, description = "Its version, for If-Match."))))
)]
async fn one(State(app): State<App>, P(name): P<String>) -> Answer<Response> {
    let target = app.manager.target(&name)?;
    Ok(([etag(target.version)], Json(target)).into_response())
}

/// Registers a target.
#[utoipa::path(
    post, path = "/targets", tag = "targets", params(DryRun), request_body = New,
    responses(
        (status = 201, body = Target),
        (status = 200, body = List<Applied>, description = "Of a dry run: what would be made; nothing was changed."),
    )
)]
async fn create(State(app): State<App>, act: Act<New>) -> Answer<Response> {
    documents::create(&app, Kind::Target, act).await
}

/// Changes a target's document; what the patch does not name stays, `null` removes.
#[utoipa::path(
    patch, path = "/targets/{name}", tag = "targets", params(("name" = String, Path), DryRun, IfMatch), request_body = Patch,
    responses((status = 200, body = Changed<Target>, description = "With `dryRun` what would change; nothing was changed."))
)]
async fn patch(State(app): State<App>, P(name): P<String>, act: Act<Patch>) -> Answer<Response> {
    documents::patch(&app, Kind::Target, &name, act).await
}

/// Removes a target that no deployment refers to.
#[utoipa::path(
    delete, path = "/targets/{name}", tag = "targets", params(("name" = String, Path), DryRun, IfMatch), responses(
        (status = 204),
        (status = 200, body = Target, description = "Of a dry run: what would be removed; nothing was changed."),
    )
)]
async fn remove(State(app): State<App>, P(name): P<String>, act: Act<Nothing>) -> Answer<Response> {
    let remove = app.manager.remove_target(&name, &act.caller, act.dry_run, act.if_match);
    if act.dry_run {
        remove.await?;
        return Ok(Json(app.manager.target(&name)?).into_response());
    }
    let removed = async { Ok(remove.await?) };
    once(&app, &act.caller, act.key.as_ref(), StatusCode::NO_CONTENT, removed).await
}

/// Looks at a target now: reachable, version, TLS, authentication, savepoint directory, clock. Changes nothing.
#[utoipa::path(
    post, path = "/targets/{name}/check", tag = "targets", params(("name" = String, Path)),
    responses((status = 200, body = List<Check>))
)]
async fn check(State(app): State<App>, P(name): P<String>) -> Answer<Json<List<Check>>> {
    Ok(Json(List::all(app.manager.check_target(&name).await?)))
}

/// Jobs of a target, those that nobody here manages included.
#[utoipa::path(
    get, path = "/targets/{name}/jobs", tag = "targets", params(("name" = String, Path), Page),
    responses((status = 200, body = List<TargetJob>))
)]
async fn jobs(State(app): State<App>, P(name): P<String>, Q(page): Q<Page>) -> Answer<Json<List<TargetJob>>> {
    Ok(Json(paging::cut(app.manager.target_jobs(&name).await?, &page, |j| j.flink_job_id.clone())?))
}
