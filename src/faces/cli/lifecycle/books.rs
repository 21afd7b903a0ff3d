//! The verbs that bring a deployment into the books or take it out: fork, adopt, delete.

use clap::Args;

use super::{on, set::set_of, usage};
use crate::{
    client::routes,
    contract::intent::{Adopt, DeleteDeployment, Fork, Verb},
    domain::{
        ids::{BadId, DeploymentName},
        operation::Kind,
    },
    faces::cli::{
        act::{ActFlags, submit},
        context::Context,
        exit::Outcome,
        wait::Then,
    },
};

/// `nutkin fork`.
#[derive(Debug, Args)]
pub struct ForkArgs {
    /// APP/NAME.
    deployment: String,
    /// APP/NAME of the new deployment.
    new_deployment: String,
    /// Where; default: the same target.
    #[arg(long, value_name = "T")]
    target: Option<String>,
    /// A savepoint's id or location, new, latest or none; default: new where a job runs, else latest.
    #[arg(long, value_name = "SAVEPOINT|new|latest|none")]
    from: Option<String>,
    /// A value of the new deployment's own layer; PATH=null removes.
    #[arg(long, value_name = "PATH=VALUE", num_args = 1..)]
    set: Vec<String>,
    /// Start it at once.
    #[arg(long)]
    start: bool,
    #[command(flatten)]
    act: ActFlags,
}

impl ForkArgs {
    pub(in crate::faces::cli) async fn run(self, ctx: &Context) -> Outcome {
        let new: DeploymentName = self.new_deployment.parse().map_err(|e: BadId| usage(e.to_string()))?;
        let set = set_of(&self.set)?;
        let from = ctx.restore_point(Kind::Fork, self.from.as_deref()).await?;
        let then = if self.start { Then::Start(new.to_string()) } else { Then::Nothing };
        let act = ActFlags { then, makes: Some(new.to_string()), ..self.act.clone() };
        on(ctx, &self.deployment, &act, |meta| {
            Verb::Fork(Fork {
                new_deployment: new.to_string(),
                target: self.target.clone(),
                from: from.clone(),
                set: set.clone(),
                start: self.start,
                meta,
            })
        })
        .await
    }
}

/// `nutkin adopt`.
#[derive(Debug, Args)]
pub struct AdoptArgs {
    /// APP/NAME of the new deployment.
    deployment: String,
    /// Where the job runs.
    #[arg(long, value_name = "T")]
    target: String,
    /// Flink's id of the job, or the beginning or end of it.
    #[arg(long, value_name = "ID")]
    flink_job: String,
    /// Take over a job of another nutkin.
    #[arg(long)]
    take_over: bool,
    #[command(flatten)]
    act: ActFlags,
}

impl AdoptArgs {
    pub(in crate::faces::cli) async fn run(self, ctx: &Context) -> Outcome {
        let name: DeploymentName = self.deployment.parse().map_err(|e: BadId| usage(e.to_string()))?;
        let target = ctx.target(&self.target).await?;
        let job = ctx.flink_job(&target, &self.flink_job).await?;
        submit(ctx, &self.act, |meta| {
            let request = Adopt { deployment: name.to_string(), take_over: self.take_over, meta };
            routes::adopt(&target, &job, &request)
        })
        .await
    }
}

/// `nutkin delete`.
#[derive(Debug, Args)]
pub struct DeleteArgs {
    /// APP/NAME.
    deployment: String,
    #[command(flatten)]
    act: ActFlags,
}

impl DeleteArgs {
    pub(in crate::faces::cli) async fn run(self, ctx: &Context) -> Outcome {
        on(ctx, &self.deployment, &self.act, |meta| Verb::Delete(DeleteDeployment { meta })).await
    }
}
