//! `nutkin savepoint …`

use clap::{Args, Subcommand};

use super::{
    act::{ActFlags, submit},
    context::Context,
    exit::{Exit, Outcome},
    lifecycle::upper,
    output::parse,
    views::Tabular as _,
};
use crate::{
    client::routes,
    contract::{
        intent::{DisposeSavepoint, ImportSavepoint, PatchSavepoint, TakeSavepoint, Verb},
        model,
    },
    domain::savepoint::Format,
};

/// `nutkin savepoint`; with a name alone it takes one.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct SavepointArgs {
    #[command(subcommand)]
    command: Option<SavepointCommand>,
    #[command(flatten)]
    take: TakeArgs,
}

#[derive(Debug, Subcommand)]
enum SavepointCommand {
    /// Take a savepoint; the job goes on.
    Take(TakeArgs),
    /// Restore points of a deployment, or of all.
    List {
        /// APP/NAME.
        deployment: Option<String>,
    },
    /// One restore point.
    Show {
        /// Its id, or the beginning or end of it.
        id: String,
    },
    /// Never delete it.
    Pin {
        /// Its id, or the beginning or end of it.
        id: String,
        /// Words for people.
        #[arg(long)]
        label: Option<String>,
    },
    /// It may be deleted again.
    Unpin {
        /// Its id, or the beginning or end of it.
        id: String,
    },
    /// Enter a savepoint by its location.
    Import(ImportArgs),
    /// Delete a savepoint's files.
    Dispose(DisposeArgs),
}

#[derive(Debug, Args)]
struct TakeArgs {
    /// APP/NAME.
    #[arg(required = true)]
    deployment: Option<String>,
    /// Binary format: CANONICAL or NATIVE.
    #[arg(long, value_parser = upper::<Format>)]
    format: Option<Format>,
    /// Words for people.
    #[arg(long, value_name = "L")]
    label: Option<String>,
    /// Base directory, instead of the deployment's.
    #[arg(long, value_name = "D")]
    dir: Option<String>,
    #[command(flatten)]
    act: ActFlags,
}

#[derive(Debug, Args)]
struct ImportArgs {
    /// APP/NAME.
    deployment: String,
    /// Where it is.
    location: String,
    /// Words for people.
    #[arg(long, value_name = "L")]
    label: Option<String>,
    #[command(flatten)]
    act: ActFlags,
}

#[derive(Debug, Args)]
struct DisposeArgs {
    /// Its id, or the beginning or end of it.
    id: String,
    #[command(flatten)]
    act: ActFlags,
}

impl SavepointArgs {
    pub(super) async fn run(self, ctx: &Context) -> Outcome {
        match self.command {
            None => self.take.run(ctx).await,
            Some(SavepointCommand::Take(take)) => take.run(ctx).await,
            Some(SavepointCommand::List { deployment }) => list(ctx, deployment.as_deref()).await,
            Some(SavepointCommand::Show { id }) => {
                let id = ctx.savepoint(&id).await?;
                let value = ctx.client().await?.get_value(&routes::savepoint(&id)).await?;
                ctx.print_one(&value, &id, || super::describe::plain(&value))?;
                Ok(Exit::OK)
            }
            Some(SavepointCommand::Pin { id, label }) => patch(ctx, &id, Some(true), label).await,
            Some(SavepointCommand::Unpin { id }) => patch(ctx, &id, Some(false), None).await,
            Some(SavepointCommand::Import(import)) => import.run(ctx).await,
            Some(SavepointCommand::Dispose(dispose)) => dispose.run(ctx).await,
        }
    }
}

impl TakeArgs {
    async fn run(self, ctx: &Context) -> Outcome {
        let given = self.deployment.as_deref().unwrap_or_default();
        let name = ctx.deployment(given).await?;
        submit(ctx, &self.act, |meta| {
            let take = TakeSavepoint {
                format: self.format,
                label: self.label.clone(),
                directory: self.dir.clone(),
                meta,
            };
            routes::verb(&name, &Verb::Savepoint(take))
        })
        .await
    }
}

impl ImportArgs {
    async fn run(self, ctx: &Context) -> Outcome {
        let name = ctx.deployment(&self.deployment).await?;
        submit(ctx, &self.act, |meta| {
            routes::import_savepoint(&ImportSavepoint {
                deployment: name.to_string(),
                location: self.location.clone(),
                label: self.label.clone(),
                meta,
            })
        })
        .await
    }
}

impl DisposeArgs {
    async fn run(self, ctx: &Context) -> Outcome {
        let id = ctx.savepoint(&self.id).await?;
        submit(ctx, &self.act, |meta| routes::dispose_savepoint(&id, &DisposeSavepoint { meta })).await
    }
}

async fn list(ctx: &Context, deployment: Option<&str>) -> Outcome {
    let route = match deployment {
        Some(given) => routes::savepoints(&ctx.deployment(given).await?),
        None => routes::all_savepoints(),
    };
    let items = ctx.all(&route).await?;
    ctx.print_list::<model::Savepoint>(&items, None)?;
    Ok(Exit::OK)
}

async fn patch(ctx: &Context, id: &str, pinned: Option<bool>, label: Option<String>) -> Outcome {
    let id = ctx.savepoint(id).await?;
    let act = routes::patch_savepoint(&id, &PatchSavepoint { pinned, label });
    let value = ctx.client().await?.act_value(&act).await?;
    let savepoint: model::Savepoint = parse(&value)?;
    ctx.print_one(&value, &savepoint.name(), || ctx.table(std::slice::from_ref(&savepoint), true))?;
    Ok(Exit::OK)
}
