//! The verbs that bring another revision: upgrade and rollback.

use std::path::PathBuf;

use clap::{Args, CommandFactory as _};
use indexmap::IndexMap;

use super::{
    on,
    set::{pair_of, set_of},
    upper, usage,
};
use crate::{
    client::routes,
    contract::{
        intent::{Rollback, Upgrade, Verb},
        problem::Problem,
    },
    domain::{operation::Kind, savepoint::Format, spec::UpgradeStrategy},
    faces::cli::{
        act::{ActFlags, submit},
        args::Cli,
        artifact, ci,
        context::Context,
        exit::Outcome,
    },
};

/// `nutkin upgrade`.
#[derive(Debug, Args)]
pub struct UpgradeArgs {
    /// APP/NAME.
    deployment: String,
    /// A new jar; uploaded first, for a dry run too.
    #[arg(long, value_name = "FILE", conflicts_with = "artifact")]
    jar: Option<PathBuf>,
    /// A jar that the manager has: its hash, a unique part of it, or its name, which is the newest of that name.
    #[arg(long, value_name = "SHA|NAME")]
    artifact: Option<String>,
    /// A word for the version. Default with --jar: the commit that a CI system names, such as GITHUB_SHA; else the jar's hash.
    #[arg(long, value_name = "V")]
    version_label: Option<String>,
    /// Main class.
    #[arg(long, value_name = "C")]
    entry_class: Option<String>,
    /// Parallelism of the job, 1 or more.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    parallelism: Option<u32>,
    /// Flink configuration, merged per key; K=null removes.
    #[arg(long, value_name = "K=V", num_args = 1..)]
    flink_conf: Vec<String>,
    /// Another value of the deployment's own layer: probation/timeout=10m; PATH=null removes.
    #[arg(long, value_name = "PATH=VALUE", num_args = 1..)]
    set: Vec<String>,
    /// STATEFUL, STATELESS or NONE, this time.
    #[arg(long, value_name = "S", value_parser = upper::<UpgradeStrategy>)]
    upgrade_strategy: Option<UpgradeStrategy>,
    /// Binary format of the savepoint: CANONICAL or NATIVE.
    #[arg(long, value_parser = upper::<Format>)]
    format: Option<Format>,
    /// State that maps to no operator may be dropped.
    #[arg(long)]
    allow_non_restored_state: bool,
    /// A savepoint's id or location, or last-checkpoint.
    #[arg(long, value_name = "SAVEPOINT|last-checkpoint")]
    from: Option<String>,
    /// One program argument; may be repeated, replaces all old ones.
    #[arg(long, value_name = "ARG", allow_hyphen_values = true, conflicts_with = "args")]
    arg: Vec<String>,
    /// Program arguments: everything that follows, so nutkin's own flags come before it; replaces the old ones.
    #[arg(long, value_name = "ARGS", num_args = 0.., allow_hyphen_values = true)]
    args: Option<Vec<String>>,
    #[command(flatten)]
    act: ActFlags,
}

impl UpgradeArgs {
    pub(in crate::faces::cli) async fn run(self, ctx: &Context) -> Outcome {
        let mut request = self.request()?;
        let name = ctx.deployment(&self.deployment).await?;
        request.from = ctx.restore_point(Kind::Upgrade, self.from.as_deref()).await?;
        if let Some(jar) = &self.jar {
            request.artifact = Some(artifact::upload(ctx, jar).await?);
            request.version_label = request.version_label.or_else(|| ci::version(|v| ctx.around.var(v)));
        }
        if let Some(name) = &self.artifact {
            request.artifact = Some(artifact::newest_of(ctx, name).await?);
        }
        submit(ctx, &self.act, |meta| {
            routes::verb(&name, &Verb::Upgrade(Box::new(Upgrade { meta, ..request.clone() })))
        })
        .await
    }

    fn request(&self) -> Result<Upgrade, Problem> {
        if let Some(flag) = self.args.iter().flatten().find(|word| is_own_flag("upgrade", word)) {
            let detail = format!("{flag} stands behind --args, where every word is the program's");
            return Err(usage(detail).hint(format!(
                "put --args and the program's words last; if the program wants {flag}: --arg={flag}, and so each of its words"
            )));
        }
        let args = self.args.clone().or_else(|| (!self.arg.is_empty()).then(|| self.arg.clone()));
        let mut flink_configuration = IndexMap::new();
        for pair in &self.flink_conf {
            let (key, value) = pair_of("--flink-conf", pair)?;
            flink_configuration.insert(key.to_owned(), (value != "null").then(|| value.to_owned()));
        }
        Ok(Upgrade {
            artifact: self.artifact.clone(),
            version_label: self.version_label.clone(),
            entry_class: self.entry_class.clone(),
            args,
            parallelism: self.parallelism,
            flink_configuration,
            set: set_of(&self.set)?,
            upgrade_strategy: self.upgrade_strategy,
            format: self.format,
            allow_non_restored_state: self.allow_non_restored_state,
            from: None,
            meta: Default::default(),
        })
    }
}

/// Whether a word is a flag that this command takes itself, as its grammar says.
fn is_own_flag(command: &str, word: &str) -> bool {
    let mut grammar = Cli::command();
    grammar.build();
    let is_it = |arg: &clap::Arg| {
        let long = word.strip_prefix("--").map(|rest| rest.split('=').next().unwrap_or(rest));
        let short =
            word.strip_prefix('-').filter(|rest| rest.len() == 1).and_then(|rest| rest.chars().next());
        (long.is_some() && arg.get_long() == long) || (short.is_some() && arg.get_short() == short)
    };
    grammar.find_subcommand(command).is_some_and(|c| c.get_arguments().any(is_it))
}

/// `nutkin rollback`.
#[derive(Debug, Args)]
pub struct RollbackArgs {
    /// APP/NAME.
    deployment: String,
    /// The revision's number; default: the previous one.
    #[arg(long, value_name = "N")]
    revision: Option<u32>,
    /// A savepoint's id or location, or last-checkpoint.
    #[arg(long, value_name = "SAVEPOINT|last-checkpoint")]
    from: Option<String>,
    /// State that maps to no operator may be dropped.
    #[arg(long)]
    allow_non_restored_state: bool,
    #[command(flatten)]
    act: ActFlags,
}

impl RollbackArgs {
    pub(in crate::faces::cli) async fn run(self, ctx: &Context) -> Outcome {
        let from = ctx.restore_point(Kind::Rollback, self.from.as_deref()).await?;
        on(ctx, &self.deployment, &self.act, |meta| {
            Verb::Rollback(Rollback {
                revision: self.revision,
                from: from.clone(),
                allow_non_restored_state: self.allow_non_restored_state,
                meta,
            })
        })
        .await
    }
}
