//! Deployments and what belongs to them.

use axum::{
    Json,
    extract::State,
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    documents::{self, Changed, Kind, New, Patch},
    events::{self, Wanted},
    verbs::{self, DryRun, IfMatch},
};
use crate::{
    contract::{
        List,
        intent::{Applied, DeleteDeployment, Document, Intent, Verb},
        model::{
            self, Checkpoint, Deployment, ExceptionEntry, Job, Operation, RestorePoint, Revision, Savepoint,
        },
        plan::Plan,
        problem::{Code, Problem},
    },
    domain::ids::DeploymentName,
    server::{
        App,
        error::{Answer, Failure},
        extract::{Act, P, Q, etag},
        paging::{self, Page},
    },
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(one, patch, remove))
        .routes(routes!(document))
        .routes(routes!(jobs))
        .routes(routes!(all_jobs))
        .routes(routes!(savepoints))
        .routes(routes!(revisions))
        .routes(routes!(own_events))
        .routes(routes!(exceptions))
        .routes(routes!(checkpoints))
        .routes(routes!(restore_points))
}

/// A deployment's two names.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct Named {
    /// The application.
    app: String,
    /// Its name in the application.
    name: String,
}

impl Named {
    /// `APP/NAME`. What cannot be a name is not there.
    pub(super) fn name(&self) -> Answer<DeploymentName> {
        DeploymentName::new(&self.app, &self.name)
            .map_err(|e| Failure(Problem::new(Code::NotFound, format!("there is no such deployment: {e}"))))
    }
}

/// Deployments, by name.
#[utoipa::path(
    get, path = "/deployments", tag = "deployments", params(Page),
    responses((status = 200, body = List<Deployment>))
)]
async fn list(State(app): State<App>, Q(page): Q<Page>) -> Answer<Json<List<Deployment>>> {
    let limit = paging::size(page.limit)?;
    let after = page.after.as_ref().map(|after| after.parse().map_err(|_| paging::gone(after)));
    Ok(Json(app.manager.deployments(after.transpose()?.as_ref(), limit)))
}

/// One deployment.
#[utoipa::path(
    get, path = "/deployments/{app}/{name}", tag = "deployments", params(Named),
    responses((status = 200, body = Deployment, headers(("ETag" = String, description = "Its version, for If-Match."))))
)]
async fn one(State(app): State<App>, P(of): P<Named>) -> Answer<Response> {
    let name = of.name()?;
    app.manager.refresh_numbers(&name).await;
    let deployment = app.manager.deployment(&name)?;
    Ok(([etag(deployment.spec_version)], Json(deployment)).into_response())
}

/// The deployment's document, as `apply` accepts it.
#[utoipa::path(
    get, path = "/deployments/{app}/{name}/document", tag = "deployments", params(Named),
    responses((status = 200, body = Document))
)]
async fn document(State(app): State<App>, P(of): P<Named>) -> Answer<Json<Document>> {
    Ok(Json(app.manager.document(Kind::Deployment.word(), &of.name()?.to_string()).await?))
}

/// Creates a deployment; with `state: RUNNING` it is started.
#[utoipa::path(
    post, path = "/deployments", tag = "deployments", params(DryRun), request_body = New,
    responses(
        (status = 201, body = Deployment),
        (status = 200, body = List<Applied>, description = "Of a dry run: what would be made; nothing was changed."),
    )
)]
async fn create(State(app): State<App>, act: Act<New>) -> Answer<Response> {
    documents::create(&app, Kind::Deployment, act).await
}

/// Changes the deployment's own layer; what the patch does not name stays, `null` removes.
#[utoipa::path(
    patch, path = "/deployments/{app}/{name}", tag = "deployments", params(Named, DryRun, IfMatch), request_body = Patch,
    responses((status = 200, body = Changed<Deployment>, description = "With `dryRun` what would change; nothing was changed."))
)]
async fn patch(State(app): State<App>, P(of): P<Named>, act: Act<Patch>) -> Answer<Response> {
    documents::patch(&app, Kind::Deployment, &of.name()?.to_string(), act).await
}

/// Removes a deployment without a live job from the books; savepoints and files stay.
#[utoipa::path(
    delete, path = "/deployments/{app}/{name}", tag = "deployments", params(Named, DryRun, IfMatch),
    request_body = DeleteDeployment, responses((status = 202, body = Operation), (status = 200, body = Plan))
)]
async fn remove(State(app): State<App>, P(of): P<Named>, act: Act<DeleteDeployment>) -> Answer<Response> {
    let name = of.name()?;
    verbs::submit(&app, act, |request| Intent::Deployment { name, verb: Verb::Delete(request) }).await
}

/// Declares routes that list what belongs to a deployment.
macro_rules! lists {
    ($($(#[$m:meta])* $name:ident $path:literal $model:ty, $key:expr, |$manager:ident, $of:ident| $read:expr;)*) => {$(
        $(#[$m])*
        #[utoipa::path(
            get, path = $path, tag = "deployments", params(Named, Page),
            responses((status = 200, body = List<$model>))
        )]
        async fn $name(
            State(app): State<App>,
            P(of): P<Named>,
            Q(page): Q<Page>,
        ) -> Answer<Json<List<$model>>> {
            let ($manager, $of) = (&app.manager, &of.name()?);
            Ok(Json(paging::cut($read.await?, &page, $key)?))
        }
    )*};
}

lists! {
    /// Jobs of a deployment, newest first.
    jobs "/deployments/{app}/{name}/jobs" Job, |j| j.job_id.clone(),
        |manager, of| manager.jobs(Some(of), paging::HISTORY);
    /// Savepoints of a deployment, newest first.
    savepoints "/deployments/{app}/{name}/savepoints" Savepoint, |s| s.savepoint_id.clone(),
        |manager, of| manager.savepoints(Some(of), paging::HISTORY);
    /// Revisions of a deployment, newest first.
    revisions "/deployments/{app}/{name}/revisions" Revision, |r| r.number.to_string(),
        |manager, of| manager.revisions(of);
    /// Exceptions of the deployment's job, as Flink's history has them, newest first.
    exceptions "/deployments/{app}/{name}/exceptions" ExceptionEntry,
        |e| e.at.map_or_else(|| e.root_cause.clone(), |t| t.to_string()),
        |manager, of| manager.exceptions(of);
    /// Checkpoints of the deployment's job, as Flink's history has them, newest first.
    checkpoints "/deployments/{app}/{name}/checkpoints" Checkpoint, |c| c.id.to_string(),
        |manager, of| manager.checkpoints(of);
    /// What the restore advisor sees: the one it would take and why, and every other with the reason against it.
    restore_points "/deployments/{app}/{name}/restore-points" RestorePoint,
        |r| r.savepoint_id.clone().or_else(|| r.location.clone()).unwrap_or_default(),
        |manager, of| manager.restore_points(of);
}

/// Jobs of all deployments, newest first.
#[utoipa::path(get, path = "/jobs", tag = "deployments", params(Page), responses((status = 200, body = List<Job>)))]
async fn all_jobs(State(app): State<App>, Q(page): Q<Page>) -> Answer<Json<List<Job>>> {
    let all = app.manager.jobs(None, paging::HISTORY).await?;
    Ok(Json(paging::cut(all, &page, |j| j.job_id.clone())?))
}

/// Events of a deployment; see `/events`.
#[utoipa::path(
    get, path = "/deployments/{app}/{name}/events", tag = "deployments", params(Named, Wanted),
    responses((status = 200, content((List<model::Event> = "application/json"), (model::Event = "text/event-stream"))))
)]
async fn own_events(
    State(app): State<App>,
    P(of): P<Named>,
    headers: HeaderMap,
    Q(wanted): Q<Wanted>,
) -> Answer<Response> {
    events::answer(app, &headers, wanted.of(of.name()?)).await
}
