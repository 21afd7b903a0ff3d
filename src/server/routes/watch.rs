//! The stream of changes, and what its client looks at.

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use futures_util::StreamExt as _;
use serde::Deserialize;
use tokio_stream::wrappers::ReceiverStream;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    contract::watch::{Interest, WatchMessage},
    server::{
        App,
        error::Answer,
        extract::{Body, P, Q},
        stream::{self, Message},
    },
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(watch)).routes(routes!(interest))
}

/// What the client looks at.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Look {
    /// Deployments whose details are wanted, `APP/NAME`, comma-separated.
    #[serde(default)]
    interest: String,
}

/// Changes as server-sent events; `Last-Event-ID` continues behind a position, unless it is too old: then `reset` says
/// that a new snapshot is needed.
#[utoipa::path(
    get, path = "/watch", tag = "watch",
    params(Look, ("Last-Event-ID" = Option<String>, Header, description = "Continue behind this position.")),
    responses((status = 200, body = WatchMessage, content_type = "text/event-stream"))
)]
async fn watch(State(app): State<App>, headers: HeaderMap, Q(look): Q<Look>) -> Answer<Response> {
    let last = headers.get(stream::LAST_EVENT_ID).and_then(|v| v.to_str().ok()).map(str::to_owned);
    let deployments: Vec<_> = look.interest.split(',').filter(|n| !n.is_empty()).map(str::to_owned).collect();
    let subscription = app.manager.subscribe(last).await;
    if !deployments.is_empty() {
        app.manager.set_interest(&subscription.id, Interest { deployments })?;
    }
    let messages =
        ReceiverStream::new(subscription.messages).map(|(id, body)| Message { id, name: name(&body), body });
    Ok(stream::answer(messages, app.leaving))
}

/// The event name of a message is its tag.
const fn name(message: &WatchMessage) -> &'static str {
    match message {
        WatchMessage::Hello { .. } => "hello",
        WatchMessage::Reset { .. } => "reset",
        WatchMessage::Deployment { .. } => "deployment",
        WatchMessage::DeploymentGone { .. } => "deploymentGone",
        WatchMessage::Target { .. } => "target",
        WatchMessage::TargetGone { .. } => "targetGone",
        WatchMessage::Application { .. } => "application",
        WatchMessage::ApplicationGone { .. } => "applicationGone",
        WatchMessage::Operation { .. } => "operation",
        WatchMessage::Events { .. } => "events",
        WatchMessage::Totals { .. } => "totals",
    }
}

/// Says what the client of a watch stream looks at from now on.
#[utoipa::path(
    put, path = "/watch/{id}/interest", tag = "watch", request_body = Interest,
    params(("id" = String, Path, description = "`watchId` of the stream's first message.")),
    responses((status = 204, description = "Taken."))
)]
async fn interest(
    State(app): State<App>,
    P(id): P<String>,
    Body(interest): Body<Interest>,
) -> Answer<StatusCode> {
    app.manager.set_interest(&id, interest)?;
    Ok(StatusCode::NO_CONTENT)
}
