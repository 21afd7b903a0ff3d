//! The window that a console shows first.

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    contract::{problem::Code, watch::Snapshot},
    domain::ids::DeploymentName,
    manager::SnapshotQuery,
    server::{
        App,
        error::{Answer, Failure},
        extract::{Q, Who},
        paging,
    },
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(snapshot))
}

/// Which window.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Window {
    /// The deployment to answer in full, `APP/NAME`; default: the first row.
    #[param(value_type = Option<String>)]
    select: Option<DeploymentName>,
    /// Rows at most, 1 to 1000.
    limit: Option<u32>,
    /// Only names that contain this.
    filter: Option<String>,
    /// `home`.
    view: Option<String>,
}

/// Slim rows, totals, targets, newest events, and one deployment in full.
#[utoipa::path(get, path = "/snapshot", tag = "watch", params(Window), responses((status = 200, body = Snapshot)))]
async fn snapshot(State(app): State<App>, Who(who): Who, Q(q): Q<Window>) -> Answer<Json<Snapshot>> {
    if let Some(view) = q.view.filter(|v| v != "home") {
        return Err(Failure::new(Code::NotSupported, format!("there is no view {view:?} yet; ask for home")));
    }
    let query = SnapshotQuery { select: q.select, limit: Some(paging::size(q.limit)?), filter: q.filter };
    Ok(Json(app.manager.snapshot(&query, &who).await?))
}
