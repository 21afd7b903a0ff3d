//! The verbs of a deployment: each a POST with its own request, answered by the plan (dry run) or the operation.

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::deployments::Named;
use crate::{
    contract::{
        API_PREFIX,
        intent::{
            self, Adopt, Cancel, Fork, Intent, Reset, Restart, Rollback, Start, Suspend, TakeSavepoint,
            Upgrade, Verb,
        },
        model::Operation,
        plan::{Plan, Submitted},
    },
    domain::ids::FlinkJobId,
    server::{
        App,
        error::Answer,
        extract::{Act, P},
    },
};

/// Declares the routes of verbs on a deployment.
macro_rules! verbs {
    ($($(#[$m:meta])* $name:ident $path:literal $request:ident => $verb:expr;)*) => {
        $(
            $(#[$m])*
            #[utoipa::path(
                post, path = $path, tag = "verbs", params(Named, DryRun, IfMatch), request_body = $request,
                responses(
                    (status = 202, body = Operation, description = "Accepted; the operation is on disk."),
                    (status = 200, body = Plan, description = "The plan of a dry run; nothing was changed."),
                )
            )]
            async fn $name(State(app): State<App>, P(of): P<Named>, act: Act<$request>) -> Answer<Response> {
                let (name, verb) = (of.name()?, $verb);
                submit(&app, act, |request| Intent::Deployment { name, verb: verb(request) }).await
            }
        )*
        pub(super) fn routes() -> OpenApiRouter<App> {
            OpenApiRouter::new()$(.routes(routes!($name)))*.routes(routes!(adopt))
        }
    };
}

verbs! {
    /// Runs the deployment's job from the restore point that the advisor chose, or a named one.
    start "/deployments/{app}/{name}/start" Start => Verb::Start;
    /// Stops the job with a savepoint.
    suspend "/deployments/{app}/{name}/suspend" Suspend => Verb::Suspend;
    /// Stops the job without a savepoint.
    cancel "/deployments/{app}/{name}/cancel" Cancel => Verb::Cancel;
    /// Takes a savepoint; the job goes on.
    savepoint "/deployments/{app}/{name}/savepoint" TakeSavepoint => Verb::Savepoint;
    /// Stops with a savepoint and runs the same revision again.
    restart "/deployments/{app}/{name}/restart" Restart => Verb::Restart;
    /// Stops with a savepoint and runs a new revision from it.
    upgrade "/deployments/{app}/{name}/upgrade" Upgrade => |r| Verb::Upgrade(Box::new(r));
    /// Runs an earlier revision again.
    rollback "/deployments/{app}/{name}/rollback" Rollback => Verb::Rollback;
    /// Makes a new deployment from this one's state.
    fork "/deployments/{app}/{name}/fork" Fork => Verb::Fork;
    /// Makes a chosen savepoint the next restore point.
    reset "/deployments/{app}/{name}/reset" Reset => Verb::Reset;
}

/// Only the plan.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "documents what `Act` reads")]
pub(super) struct DryRun {
    /// Answer the plan; change nothing.
    #[param(rename = "dryRun", default = false, required = false)]
    dry_run: bool,
}

/// The version that the request is made for.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "documents what `Act` reads")]
pub(super) struct IfMatch {
    /// The ETag of an earlier answer: refused with 412 where the object has another version by now.
    #[param(rename = "If-Match")]
    if_match: Option<String>,
}

/// Takes a job that somebody started into the books, as a new deployment.
#[utoipa::path(
    post, path = "/targets/{name}/jobs/{flink_job_id}/adopt", tag = "verbs", request_body = intent::Adopt,
    params(("name" = String, Path), ("flink_job_id" = String, Path), DryRun),
    responses((status = 202, body = Operation), (status = 200, body = Plan))
)]
async fn adopt(
    State(app): State<App>,
    P((target, flink_job)): P<(String, FlinkJobId)>,
    act: Act<Adopt>,
) -> Answer<Response> {
    submit(&app, act, |request| Intent::Adopt { target, flink_job, request }).await
}

/// Submits an act: 202 with the operation, or 200 with the plan of a dry run.
pub(super) async fn submit<T>(app: &App, act: Act<T>, intent: impl FnOnce(T) -> Intent) -> Answer<Response> {
    // Two requests under one key, sent at the same time, are one act.
    let _turn = match &act.key {
        Some(key) => Some(app.keys.turn(&act.caller, key).await),
        None => None,
    };
    let submitted =
        app.manager.submit_at(act.if_match, intent(act.body), &act.caller, act.dry_run, act.key).await?;
    Ok(match submitted {
        Submitted::Plan(plan) => Json(plan).into_response(),
        Submitted::Operation(operation) => {
            let place = format!("{API_PREFIX}/operations/{}", operation.operation_id);
            (StatusCode::ACCEPTED, [(header::LOCATION, place)], Json(operation)).into_response()
        }
    })
}
