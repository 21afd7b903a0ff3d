//! The window that a console shows first.

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    contract::{problem::Code, watch::Snapshot},
    domain::ids::DeploymentName,
    manager::{SnapshotQuery, SnapshotSort},
    server::{
        App, Role,
        error::{Answer, Failure},
        extract::{May, Q, Who},
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
    /// The rows' order: `name` (the default), `health` (the worst first) or `target`.
    #[param(value_type = Option<String>)]
    sort: Option<SnapshotSort>,
    /// `home`.
    view: Option<String>,
}

/// Slim rows, totals, targets, newest events, and one deployment in full.
#[utoipa::path(get, path = "/snapshot", tag = "watch", params(Window), responses((status = 200, body = Snapshot)))]
async fn snapshot(
    State(app): State<App>,
    Who(who): Who,
    May(role): May,
    Q(q): Q<Window>,
) -> Answer<Json<Snapshot>> {
    if let Some(view) = q.view.filter(|v| v != "home") {
        return Err(Failure::new(Code::NotSupported, format!("there is no view {view:?} yet; ask for home")));
    }
    let limit = Some(paging::size(q.limit)?);
    let query = SnapshotQuery { select: q.select, limit, filter: q.filter, sort: q.sort.unwrap_or_default() };
    let mut snapshot = app.manager.snapshot(&query, &who).await?;
    snapshot.read_only |= role == Role::Viewer;
    Ok(Json(snapshot))
}
