//! Operations: looking at them, and ways out of those that wait.

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::verbs::DryRun;
use crate::{
    contract::{List, intent::Choose, model::Operation, plan::Plan},
    domain::ids::DeploymentName,
    server::{
        App,
        error::Answer,
        extract::{Act, P, Q, switch},
        once::once,
        paging,
    },
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(one))
        .routes(routes!(resume))
        .routes(routes!(cancel))
        .routes(routes!(choose))
}

/// Which operations.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Wanted {
    /// Of one deployment, `APP/NAME`.
    #[param(value_type = Option<String>)]
    deployment: Option<DeploymentName>,
    /// Only those that hold a deployment.
    #[serde(default, deserialize_with = "switch")]
    #[param(default = false, required = false)]
    active: bool,
    /// Operations at most, 1 to 1000.
    limit: Option<u32>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// Operations, newest first.
#[utoipa::path(get, path = "/operations", tag = "operations", params(Wanted), responses((status = 200, body = List<Operation>)))]
async fn list(State(app): State<App>, Q(q): Q<Wanted>) -> Answer<Json<List<Operation>>> {
    let limit = paging::size(q.limit)?;
    Ok(Json(app.manager.operations(q.deployment.as_ref(), q.active, q.after.as_deref(), limit).await?))
}

/// One operation with its steps.
#[utoipa::path(
    get, path = "/operations/{id}", tag = "operations", params(("id" = String, Path)),
    responses((status = 200, body = Operation))
)]
async fn one(State(app): State<App>, P(id): P<String>) -> Answer<Json<Operation>> {
    Ok(Json(app.manager.operation(&id).await?))
}

/// Looks again at once: a waiting step is probed now instead of later.
#[utoipa::path(
    post, path = "/operations/{id}/resume", tag = "operations", params(("id" = String, Path), DryRun),
    responses((status = 200, body = Operation, description = "With `dryRun` the plan instead; nothing is changed."))
)]
async fn resume(State(app): State<App>, P(id): P<String>, act: Act<Nothing>) -> Answer<Response> {
    let act = act.without_version()?;
    if act.dry_run {
        return Ok(Json(app.manager.plan_resume(&id).await?).into_response());
    }
    let resumed = async { Ok(app.manager.resume_operation(&id, &act.caller).await?) };
    once(&app, &act.caller, act.key.as_ref(), StatusCode::OK, resumed).await
}

/// Asks an operation to end: before its first effect it is cancelled, later it goes to the next safe point.
#[utoipa::path(
    post, path = "/operations/{id}/cancel", tag = "operations", params(("id" = String, Path), DryRun),
    responses((status = 200, body = Operation, description = "With `dryRun` the plan instead; nothing is changed."))
)]
async fn cancel(State(app): State<App>, P(id): P<String>, act: Act<Nothing>) -> Answer<Response> {
    let act = act.without_version()?;
    if act.dry_run {
        return Ok(Json(app.manager.plan_cancel(&id).await?).into_response());
    }
    let asked = async { Ok(app.manager.cancel_operation(&id, &act.caller).await?) };
    once(&app, &act.caller, act.key.as_ref(), StatusCode::OK, asked).await
}

/// Resolves a waiting operation by one of its choices.
#[utoipa::path(
    post, path = "/operations/{id}/choose", tag = "operations", params(("id" = String, Path), DryRun), request_body = Choose,
    responses(
        (status = 202, body = Operation, description = "The operation that goes on."),
        (status = 200, body = Plan, description = "The plan of a dry run: the steps that the choice leads to."),
    )
)]
async fn choose(State(app): State<App>, P(id): P<String>, act: Act<Choose>) -> Answer<Response> {
    let Act { body, caller, key, dry_run, .. } = act.without_version()?;
    if dry_run {
        return Ok(Json(app.manager.plan_choice(&id, &body).await?).into_response());
    }
    let _turn = match &key {
        Some(key) => Some(app.keys.turn(&caller, key).await),
        None => None,
    };
    let chosen = app.manager.choose(&id, body, &caller, key).await?;
    Ok((StatusCode::ACCEPTED, Json(chosen)).into_response())
}

/// An empty request.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}
