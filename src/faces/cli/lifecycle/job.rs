//! The verbs that leave the revision as it is: start, suspend, cancel, restart, reset.

use clap::Args;

use super::{on, upper};
use crate::{
    contract::intent::{Cancel, Reset, Restart, Start, Suspend, Verb},
    domain::{operation::Kind, savepoint::Format},
    faces::cli::{act::ActFlags, context::Context, exit::Outcome},
};

/// `nutkin start`.
#[derive(Debug, Args)]
pub struct StartArgs {
    /// APP/NAME.
    deployment: String,
    /// A savepoint's id or location, latest or none. Default: the restore strategy.
    #[arg(long, value_name = "SAVEPOINT|latest|none")]
    from: Option<String>,
    /// State that maps to no operator may be dropped.
    #[arg(long)]
    allow_non_restored_state: bool,
    #[command(flatten)]
    act: ActFlags,
}

impl StartArgs {
    pub(in crate::faces::cli) async fn run(self, ctx: &Context) -> Outcome {
        let from = ctx.restore_point(Kind::Start, self.from.as_deref()).await?;
        on(ctx, &self.deployment, &self.act, |meta| {
            Verb::Start(Start {
                from: from.clone(),
                allow_non_restored_state: self.allow_non_restored_state,
                meta,
            })
        })
        .await
    }
}

/// `nutkin suspend`.
#[derive(Debug, Args)]
pub struct SuspendArgs {
    /// APP/NAME.
    deployment: String,
    /// Binary format of the savepoint: CANONICAL or NATIVE.
    #[arg(long, value_parser = upper::<Format>)]
    format: Option<Format>,
    /// Let windows fire first; such a savepoint is passed over by the restore advisor.
    #[arg(long)]
    drain: bool,
    #[command(flatten)]
    act: ActFlags,
}

impl SuspendArgs {
    pub(in crate::faces::cli) async fn run(self, ctx: &Context) -> Outcome {
        on(ctx, &self.deployment, &self.act, |meta| {
            Verb::Suspend(Suspend { format: self.format, drain: self.drain, meta })
        })
        .await
    }
}

/// `nutkin cancel`.
#[derive(Debug, Args)]
pub struct CancelArgs {
    /// APP/NAME.
    deployment: String,
    /// Supersede the active operation: no further step of it is sent.
    #[arg(long)]
    supersede: bool,
    #[command(flatten)]
    act: ActFlags,
}

impl CancelArgs {
    pub(in crate::faces::cli) async fn run(self, ctx: &Context) -> Outcome {
        on(ctx, &self.deployment, &self.act, |meta| Verb::Cancel(Cancel { supersede: self.supersede, meta }))
            .await
    }
}

/// `nutkin restart`.
#[derive(Debug, Args)]
pub struct RestartArgs {
    /// APP/NAME.
    deployment: String,
    /// A savepoint's id or location, or last-checkpoint, for a job that cannot be stopped.
    #[arg(long, value_name = "SAVEPOINT|last-checkpoint")]
    from: Option<String>,
    #[command(flatten)]
    act: ActFlags,
}

impl RestartArgs {
    pub(in crate::faces::cli) async fn run(self, ctx: &Context) -> Outcome {
        let from = ctx.restore_point(Kind::Restart, self.from.as_deref()).await?;
        on(ctx, &self.deployment, &self.act, |meta| Verb::Restart(Restart { from: from.clone(), meta })).await
    }
}

/// `nutkin reset`.
#[derive(Debug, Args)]
pub struct ResetArgs {
    /// APP/NAME.
    deployment: String,
    /// A savepoint's id or location.
    savepoint: String,
    /// Cancel a live job first and start from the savepoint.
    #[arg(long)]
    cancel_and_start: bool,
    #[command(flatten)]
    act: ActFlags,
}

impl ResetArgs {
    pub(in crate::faces::cli) async fn run(self, ctx: &Context) -> Outcome {
        let chosen = ctx.restore_point(Kind::Reset, Some(&self.savepoint)).await?.unwrap_or_default();
        on(ctx, &self.deployment, &self.act, |meta| {
            Verb::Reset(Reset { savepoint: chosen.clone(), cancel_and_start: self.cancel_and_start, meta })
        })
        .await
    }
}
