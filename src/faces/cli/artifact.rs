//! `nutkin artifact …`

use std::path::PathBuf;

use clap::Subcommand;

use super::{
    context::{Context, Exit, Outcome, parse},
    lifecycle,
    views::Tabular as _,
};
use crate::{client::routes, contract::model};

/// `nutkin artifact`.
#[derive(Debug, Subcommand)]
pub enum ArtifactCommand {
    /// All jars that the manager keeps.
    List,
    /// Bring a jar to the manager.
    Add {
        /// The jar.
        jar: PathBuf,
    },
    /// One jar.
    Show {
        /// Its hash, a unique beginning of it, or its name.
        artifact: String,
    },
}

impl ArtifactCommand {
    pub(super) async fn run(self, ctx: &Context) -> Outcome {
        match self {
            Self::List => {
                let items = ctx.all(&routes::artifacts()).await?;
                ctx.print_list::<model::Artifact>(&items, None)?;
            }
            Self::Add { jar } => {
                let sha = lifecycle::upload(ctx, &jar).await?;
                let value = ctx.client().await?.get_value(&routes::artifact(&sha)).await?;
                let artifact: model::Artifact = parse(&value)?;
                ctx.print_one(&value, &artifact.name(), || ctx.table(std::slice::from_ref(&artifact), true))?;
            }
            Self::Show { artifact } => {
                let value = ctx.artifact(&artifact).await?;
                ctx.print_one(&value, &artifact, || super::describe::plain(&value))?;
            }
        }
        Ok(Exit::OK)
    }
}
