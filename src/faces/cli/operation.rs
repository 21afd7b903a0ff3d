//! `nutkin operation …`

use clap::Subcommand;

use super::{
    act::WaitFlags,
    context::Context,
    exit::{Exit, Outcome},
    output::parse,
    wait,
};
use crate::{
    client::{Act, routes},
    contract::{intent::Choose, model::Operation},
    domain::{operation::ChoiceId, operation::OpState, time::Span},
};

/// `nutkin operation`.
#[derive(Debug, Subcommand)]
pub enum OperationCommand {
    /// Newest first.
    List {
        /// Only those that are at work or need a person.
        #[arg(long)]
        active: bool,
        /// At most so many.
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: u32,
    },
    /// One operation with its steps.
    Show {
        /// Its id, or the beginning or end of it.
        id: String,
    },
    /// Wait for its end and show progress.
    Wait {
        /// Its id, or the beginning or end of it.
        id: String,
        /// Stop waiting after this long.
        #[arg(long, value_name = "D")]
        timeout: Option<Span>,
    },
    /// Look again at an operation that needs a person.
    Resume {
        /// Its id, or the beginning or end of it.
        id: String,
    },
    /// End it before its first effect, else at its next safe point.
    Cancel {
        /// Its id, or the beginning or end of it.
        id: String,
    },
    /// Resolve an operation that needs a person.
    Choose {
        /// Its id, or the beginning or end of it.
        id: String,
        /// One of its choices.
        choice: ChoiceId,
        /// Where the snapshot is, for choices that need it.
        #[arg(long, value_name = "URI")]
        location: Option<String>,
        /// Why, for the event log.
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        #[command(flatten)]
        waiting: WaitFlags,
        /// A key of this act: sending it again with the same key does it once.
        #[arg(long, value_name = "K")]
        idempotency_key: Option<String>,
    },
}

impl OperationCommand {
    pub(super) async fn run(self, ctx: &Context) -> Outcome {
        match self {
            Self::List { active, limit } => list(ctx, active, limit).await,
            Self::Show { id } => show(ctx, &id).await,
            Self::Wait { id, timeout } => {
                let id = ctx.operation(&id).await?;
                let waited = wait::wait(ctx, &id, &wait::Then::Nothing, timeout).await?;
                wait::conclude(ctx, &id, waited)
            }
            Self::Resume { id } => act(ctx, routes::resume_operation(&ctx.operation(&id).await?)).await,
            Self::Cancel { id } => act(ctx, routes::cancel_operation(&ctx.operation(&id).await?)).await,
            Self::Choose { id, choice, location, reason, waiting, idempotency_key } => {
                let id = ctx.operation(&id).await?;
                let choose = routes::choose(&id, &Choose { choice, location, reason });
                let choose = choose.with_key(idempotency_key.as_deref());
                if !waiting.waits(ctx) {
                    return act(ctx, choose).await;
                }
                let goes_on = ctx.client().await?.act(&choose).await?.operation_id;
                let waited = wait::wait(ctx, &goes_on, &wait::Then::Nothing, waiting.timeout).await?;
                wait::conclude(ctx, &goes_on, waited)
            }
        }
    }
}

async fn list(ctx: &Context, active: bool, limit: u32) -> Outcome {
    let route =
        routes::operations().with_some("limit", Some(limit)).with_some("active", active.then_some("true"));
    let (items, next) = super::resolve::page_of(ctx.client().await?.get_value(&route).await?);
    ctx.print_list::<Operation>(&items, next.as_deref())?;
    Ok(Exit::OK)
}

async fn show(ctx: &Context, id: &str) -> Outcome {
    let id = ctx.operation(id).await?;
    let value = ctx.client().await?.get_value(&routes::operation(&id)).await?;
    let operation: Operation = parse(&value)?;
    ctx.print_one(&value, &id, || {
        format!("{}{}", wait::told(ctx, &operation, true), ctx.table(&operation.steps, true))
    })?;
    if operation.state == OpState::NeedsAttention && ctx.global.output.is_for_people() {
        ctx.hint(&wait::choices(ctx, &operation));
    }
    Ok(Exit::OK)
}

async fn act(ctx: &Context, act: Act<Operation>) -> Outcome {
    let value = ctx.client().await?.act_value(&act).await?;
    let operation: Operation = parse(&value)?;
    ctx.print_one(&value, &operation.operation_id, || wait::summary(ctx, &operation))?;
    Ok(Exit::OK)
}
