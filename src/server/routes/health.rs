//! The levels that clients compare.

use axum::{Json, extract::State};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{contract::Health, server::App};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(healthz))
}

/// The manager's API level, build and state directory.
#[utoipa::path(get, path = "/healthz", tag = "manager", responses((status = 200, body = Health)))]
async fn healthz(State(app): State<App>) -> Json<Health> {
    Json(app.manager.health())
}
