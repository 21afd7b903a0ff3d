//! The lifecycle verbs. Each one fills the same request that its route takes.

mod books;
mod job;
mod revision;
mod set;

pub use self::{
    books::{AdoptArgs, DeleteArgs, ForkArgs},
    job::{CancelArgs, ResetArgs, RestartArgs, StartArgs, SuspendArgs},
    revision::{RollbackArgs, UpgradeArgs},
};

use super::{
    act::{ActFlags, submit},
    context::Context,
    exit::Outcome,
};
use crate::{
    client::routes,
    contract::{
        intent::{Meta, Verb},
        problem::{Code, Problem},
    },
};

/// A verb on a deployment that exists.
async fn on(ctx: &Context, given: &str, flags: &ActFlags, verb: impl Fn(Meta) -> Verb) -> Outcome {
    let name = ctx.deployment(given).await?;
    submit(ctx, flags, |meta| routes::verb(&name, &verb(meta))).await
}

/// Reads a word of a closed table, in any case.
pub fn upper<T: std::str::FromStr>(text: &str) -> Result<T, T::Err> {
    text.to_uppercase().parse()
}

fn usage(message: String) -> Problem {
    Problem::new(Code::BadRequest, format!("{message}; nothing was changed"))
}
