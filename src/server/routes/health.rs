//! The levels that clients compare, and the description that they are made from.

use axum::{Json, extract::State};
use utoipa::openapi::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    contract::Health,
    server::{self, App},
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(healthz))
}

/// What describes the API itself.
pub(super) fn description() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(openapi))
}

/// The manager's API level, build and state directory.
#[utoipa::path(get, path = "/healthz", tag = "manager", responses((status = 200, body = Health)))]
async fn healthz(State(app): State<App>) -> Json<Health> {
    Json(app.manager.health())
}

/// The description of this API, as OpenAPI 3.1.
#[utoipa::path(
    get, path = "/openapi.json", tag = "manager",
    responses((status = 200, body = Object, content_type = "application/json"))
)]
async fn openapi() -> Json<OpenApi> {
    Json(server::openapi())
}
