//! The event log, in pages or followed.

use std::collections::VecDeque;

use axum::{
    Json,
    extract::State,
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use futures_util::{Stream, stream};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    contract::{List, model, problem::Code, watch::WatchMessage},
    domain::{
        event::Severity,
        ids::{DeploymentName, OperationId},
        time::Timestamp,
    },
    manager::{EventFilter, Subscription},
    server::{
        App, Manager,
        error::{Answer, Failure},
        extract::{Q, switch},
        paging,
        stream::{LAST_EVENT_ID, Message, answer as streamed},
    },
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(events))
}

/// Which events.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// Of one deployment, `APP/NAME`.
    #[param(value_type = Option<String>)]
    deployment: Option<DeploymentName>,
    /// Of one operation.
    operation: Option<String>,
    /// This loud or louder: `debug`, `info`, `warn`, `error`.
    severity: Option<Severity>,
    /// Not older.
    since: Option<Timestamp>,
    /// A number: only larger ones, oldest first. The `next` of a page: the page behind it, newest first.
    after: Option<String>,
    /// Events at most, 1 to 1000.
    limit: Option<u32>,
    /// Do not end: send what matches now, and then what comes, as server-sent events.
    #[serde(default, deserialize_with = "switch")]
    #[param(default = false, required = false)]
    follow: bool,
}

/// Marks a cursor that leads back in time.
const BACK: &str = "before-";

impl Wanted {
    /// The same of one deployment.
    pub(super) fn of(self, deployment: DeploymentName) -> Self {
        Self { deployment: Some(deployment), ..self }
    }

    fn filter(&self) -> Answer<EventFilter> {
        let (back, text) = match self.after.as_deref() {
            Some(text) => text.strip_prefix(BACK).map_or((false, Some(text)), |rest| (true, Some(rest))),
            None => (false, None),
        };
        let number = text.map(str::parse::<u64>).transpose().map_err(|_| {
            Failure::new(Code::BadRequest, "after is an event's number, or the `next` of a page")
        })?;
        Ok(EventFilter {
            deployment: self.deployment.clone(),
            operation: self.operation.clone().map(OperationId::from),
            severity: self.severity,
            since: self.since,
            after: number.filter(|_| !back),
            before: number.filter(|_| back),
            limit: Some(paging::size(self.limit)?),
        })
    }
}

/// The event log: newest first, or oldest first behind a number; with `follow` it does not end.
#[utoipa::path(
    get, path = "/events", tag = "events",
    params(Wanted, ("Last-Event-ID" = Option<String>, Header, description = "With `follow`: continue behind this event.")),
    responses((status = 200, content((List<model::Event> = "application/json"), (model::Event = "text/event-stream"))))
)]
async fn events(State(app): State<App>, headers: HeaderMap, Q(wanted): Q<Wanted>) -> Answer<Response> {
    answer(app, &headers, wanted).await
}

/// Answers a page or a stream.
pub(super) async fn answer(app: App, headers: &HeaderMap, wanted: Wanted) -> Answer<Response> {
    let mut filter = wanted.filter()?;
    if !wanted.follow {
        return Ok(Json(page(&app.manager, &filter).await?).into_response());
    }
    if let Some(last) = headers.get(LAST_EVENT_ID) {
        // A client that comes back sends the request of its first time: where it was counts more than where it began.
        let number = last.to_str().ok().and_then(|n| n.parse().ok());
        let bad = || Failure::new(Code::BadRequest, format!("{LAST_EVENT_ID} is an event's number"));
        (filter.after, filter.before) = (Some(number.ok_or_else(bad)?), None);
    }
    // Subscribed before the first look, so that nothing falls between the two.
    let subscription = app.manager.subscribe(None).await;
    let follower = follow(app.manager.clone(), filter, subscription).await?;
    Ok(streamed(follower.into_stream(), app.leaving))
}

/// One page, and the cursor of the next.
async fn page(manager: &Manager, filter: &EventFilter) -> Answer<List<model::Event>> {
    let (limit, forward) = (filter.limit.unwrap_or_default() as usize, filter.after.is_some());
    let items = manager.events(filter).await?;
    let next = items.last().filter(|_| items.len() >= limit).map(|e| match forward {
        true => e.seq.to_string(),
        false => format!("{BACK}{}", e.seq),
    });
    Ok(List { items, next })
}

/// Reads the log on, whenever the subscription says that there is something. The log is the truth, so nothing is missed
/// however much comes at once.
struct Follower {
    manager: Manager,
    /// `after` is the last event that was read.
    filter: EventFilter,
    bell: Subscription,
    ready: VecDeque<model::Event>,
}

/// What matches now, oldest first, then what comes.
async fn follow(manager: Manager, mut filter: EventFilter, bell: Subscription) -> Answer<Follower> {
    let newest = EventFilter { limit: Some(1), ..EventFilter::default() };
    let newest = manager.events(&newest).await?.first().map_or(0, |e| e.seq);
    let mut ready = manager.events(&filter).await?;
    if filter.after.is_none() {
        ready.reverse();
    }
    filter.before = None;
    filter.after = Some(ready.last().map_or(filter.after.unwrap_or(newest), |e| e.seq));
    Ok(Follower { manager, filter, bell, ready: ready.into() })
}

impl Follower {
    fn into_stream(self) -> impl Stream<Item = Message<model::Event>> + Send + 'static {
        stream::unfold(self, |mut follower| async move {
            let event = follower.next().await?;
            Some((Message { id: event.seq.to_string(), name: "event", body: event }, follower))
        })
    }

    async fn next(&mut self) -> Option<model::Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            match self.manager.events(&self.filter).await {
                Ok(more) if more.is_empty() => self.rings().await?,
                Ok(more) => {
                    self.filter.after = more.last().map(|e| e.seq);
                    self.ready = more.into();
                }
                Err(problem) => {
                    tracing::warn!(%problem, "the event log cannot be followed");
                    return None;
                }
            }
        }
    }

    /// Waits until there are new events; `None` = the manager leaves.
    async fn rings(&mut self) -> Option<()> {
        while !matches!(
            self.bell.messages.recv().await?.1,
            WatchMessage::Events { .. } | WatchMessage::Reset { .. }
        ) {}
        Some(())
    }
}
