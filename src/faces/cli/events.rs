//! `nutkin events`

use clap::Args;
use futures_util::StreamExt as _;

use super::{
    context::{Context, until_interrupted},
    exit::{Exit, Outcome},
};
use crate::{
    client::{
        Events,
        routes::{self, EventFilter},
    },
    contract::{
        model::Event,
        problem::{Code, Problem},
    },
    domain::{
        event::Severity,
        time::{Span, Timestamp},
    },
};

/// `nutkin events`.
#[derive(Debug, Args)]
pub struct EventsArgs {
    /// Only of APP/NAME.
    #[arg(value_name = "APP/NAME", conflicts_with = "deployment")]
    of: Option<String>,
    /// Stay, and print what comes.
    #[arg(short, long)]
    follow: bool,
    /// The same as APP/NAME alone.
    #[arg(long, value_name = "APP/NAME")]
    deployment: Option<String>,
    /// Only of this operation: its id, or the beginning or end of it.
    #[arg(long, value_name = "ID")]
    operation: Option<String>,
    /// This loud or louder: debug, info, warn, error.
    #[arg(long, value_name = "S", default_value = "info")]
    severity: Severity,
    /// Also what happens all the time, such as checkpoints: short for --severity debug.
    #[arg(long, conflicts_with = "severity")]
    debug: bool,
    /// Not older than this.
    #[arg(long, value_name = "D")]
    since: Option<Span>,
    /// At most so many.
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: u32,
}

impl EventsArgs {
    pub(super) async fn run(self, ctx: &Context) -> Outcome {
        let mut filter = EventFilter {
            deployment: match self.of.as_ref().or(self.deployment.as_ref()) {
                Some(given) => Some(ctx.deployment(given).await?),
                None => None,
            },
            operation: match &self.operation {
                Some(given) => Some(ctx.operation(given).await?),
                None => None,
            },
            severity: Some(if self.debug { Severity::Debug } else { self.severity }),
            since: self.since.map(|s| before(ctx.look().now, s)),
            after: None,
            limit: Some(self.limit),
        };
        let client = ctx.client().await?;
        let (mut items, next) = super::resolve::page_of(client.get_value(&routes::events(&filter)).await?);
        // People and logs read downwards: oldest first.
        items.sort_by_key(|v| v.get("seq").and_then(serde_json::Value::as_u64));
        if !self.follow {
            ctx.print_list::<Event>(&items, next.as_deref())?;
            return Ok(Exit::OK);
        }
        filter.after = items.last().and_then(|v| v.get("seq")?.as_u64());
        ctx.print_lines::<Event>(&items, true)?;
        if next.is_some() {
            ctx.hint(&format!("the newest {} shown, more may exist: --limit N", items.len()));
        }
        until_interrupted(follow(ctx, filter)).await
    }
}

fn before(now: Timestamp, span: Span) -> Timestamp {
    Timestamp::from_millis(now.millis() - i64::try_from(span.0.as_millis()).unwrap_or(0))
}

async fn follow(ctx: &Context, mut filter: EventFilter) -> Outcome {
    filter.limit = None;
    let mut titles = filter.after.is_none();
    loop {
        // A restarting manager is waited for; what came meanwhile is read by its number.
        let Some(mut stream) = open(ctx, &filter).await? else {
            tokio::time::sleep(std::time::Duration::from_millis(500)).await;
            continue;
        };
        loop {
            match stream.next().await {
                Some(Ok(event)) if filter.after.is_some_and(|after| event.seq <= after) => {}
                Some(Ok(event)) => {
                    filter.after = Some(event.seq);
                    print(ctx, &event, std::mem::take(&mut titles))?;
                }
                Some(Err(_)) | None => break,
            }
        }
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    }
}

/// `None`: the manager does not answer now.
async fn open(ctx: &Context, filter: &EventFilter) -> Result<Option<Events>, Problem> {
    let opened = match ctx.connect().await {
        Ok(client) => client.follow_events(filter).await,
        Err(problem) => Err(problem),
    };
    match opened {
        Ok(stream) => Ok(Some(stream)),
        Err(problem) if problem.code == Code::ManagerUnreachable => Ok(None),
        Err(problem) => Err(problem),
    }
}

fn print(ctx: &Context, event: &Event, titles: bool) -> Result<(), Problem> {
    let value = serde_json::to_value(event).unwrap_or_default();
    ctx.print_lines::<Event>(&[value], titles)
}
