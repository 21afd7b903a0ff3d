//! The lifecycle verbs. Each one fills the same request that its route takes.

use std::path::PathBuf;

use clap::Args;
use indexmap::IndexMap;
use serde_json::Value;

use super::{
    act::{ActFlags, submit},
    artifact,
    context::{Context, Outcome},
    wait::Then,
};
use crate::{
    client::routes,
    contract::{
        intent::{
            Adopt, Cancel, DeleteDeployment, Fork, Reset, Restart, Rollback, Start, Suspend, Upgrade, Verb,
        },
        problem::{Code, Problem},
    },
    domain::{
        ids::{BadId, DeploymentName},
        savepoint::Format,
        spec::{SPEC_KEYS, UpgradeStrategy},
    },
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

/// `nutkin restart`.
#[derive(Debug, Args)]
pub struct RestartArgs {
    /// APP/NAME.
    deployment: String,
    /// last-checkpoint: for a job that cannot be stopped.
    #[arg(long, value_name = "last-checkpoint")]
    from: Option<String>,
    #[command(flatten)]
    act: ActFlags,
}

/// `nutkin upgrade`.
#[derive(Debug, Args)]
pub struct UpgradeArgs {
    /// APP/NAME.
    deployment: String,
    /// A new jar; uploaded first.
    #[arg(long, value_name = "FILE", conflicts_with = "artifact")]
    jar: Option<PathBuf>,
    /// A jar that the manager has: its hash, a unique part of it, or its name, which is the newest of that name.
    #[arg(long, value_name = "SHA|NAME")]
    artifact: Option<String>,
    /// A word for the version.
    #[arg(long, value_name = "V")]
    version_label: Option<String>,
    /// Main class.
    #[arg(long, value_name = "C")]
    entry_class: Option<String>,
    /// Parallelism.
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
    /// Program arguments: everything that follows; replaces the old ones.
    #[arg(long, value_name = "ARGS", num_args = 0.., allow_hyphen_values = true)]
    args: Option<Vec<String>>,
    #[command(flatten)]
    act: ActFlags,
}

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

/// `nutkin delete`.
#[derive(Debug, Args)]
pub struct DeleteArgs {
    /// APP/NAME.
    deployment: String,
    #[command(flatten)]
    act: ActFlags,
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

/// What `--from` takes beside savepoints.
const FROM_WORDS: &[&str] = &["latest", "none", "new", "last-checkpoint"];

/// A verb on a deployment that exists.
async fn on(
    ctx: &Context,
    given: &str,
    flags: &ActFlags,
    verb: impl Fn(crate::contract::intent::Meta) -> Verb,
) -> Outcome {
    let name = ctx.deployment(given).await?;
    submit(ctx, flags, |meta| routes::verb(&name, &verb(meta))).await
}

impl StartArgs {
    pub(super) async fn run(self, ctx: &Context) -> Outcome {
        let from = ctx.restore_point(self.from.as_deref(), FROM_WORDS).await?;
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

impl SuspendArgs {
    pub(super) async fn run(self, ctx: &Context) -> Outcome {
        on(ctx, &self.deployment, &self.act, |meta| {
            Verb::Suspend(Suspend { format: self.format, drain: self.drain, meta })
        })
        .await
    }
}

impl CancelArgs {
    pub(super) async fn run(self, ctx: &Context) -> Outcome {
        on(ctx, &self.deployment, &self.act, |meta| Verb::Cancel(Cancel { supersede: self.supersede, meta }))
            .await
    }
}

impl RestartArgs {
    pub(super) async fn run(self, ctx: &Context) -> Outcome {
        on(ctx, &self.deployment, &self.act, |meta| Verb::Restart(Restart { from: self.from.clone(), meta }))
            .await
    }
}

impl UpgradeArgs {
    pub(super) async fn run(self, ctx: &Context) -> Outcome {
        let mut request = self.request()?;
        let name = ctx.deployment(&self.deployment).await?;
        request.from = ctx.restore_point(self.from.as_deref(), FROM_WORDS).await?;
        if let Some(jar) = &self.jar {
            request.artifact = Some(artifact::upload(ctx, jar).await?);
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

impl ForkArgs {
    pub(super) async fn run(self, ctx: &Context) -> Outcome {
        let new: DeploymentName = self.new_deployment.parse().map_err(|e: BadId| usage(e.to_string()))?;
        let set = set_of(&self.set)?;
        let from = ctx.restore_point(self.from.as_deref(), FROM_WORDS).await?;
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

impl ResetArgs {
    pub(super) async fn run(self, ctx: &Context) -> Outcome {
        let chosen = ctx.restore_point(Some(&self.savepoint), &[]).await?.unwrap_or_default();
        on(ctx, &self.deployment, &self.act, |meta| {
            Verb::Reset(Reset { savepoint: chosen.clone(), cancel_and_start: self.cancel_and_start, meta })
        })
        .await
    }
}

impl RollbackArgs {
    pub(super) async fn run(self, ctx: &Context) -> Outcome {
        let from = ctx.restore_point(self.from.as_deref(), FROM_WORDS).await?;
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

impl DeleteArgs {
    pub(super) async fn run(self, ctx: &Context) -> Outcome {
        on(ctx, &self.deployment, &self.act, |meta| Verb::Delete(DeleteDeployment { meta })).await
    }
}

impl AdoptArgs {
    pub(super) async fn run(self, ctx: &Context) -> Outcome {
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

/// Reads a word of a closed table, in any case.
pub fn upper<T: std::str::FromStr>(text: &str) -> Result<T, T::Err> {
    text.to_uppercase().parse()
}

fn usage(message: String) -> Problem {
    Problem::new(Code::BadRequest, format!("{message}; nothing was changed"))
}

fn pair_of<'a>(flag: &str, text: &'a str) -> Result<(&'a str, &'a str), Problem> {
    text.split_once('=')
        .filter(|(key, _)| !key.is_empty())
        .ok_or_else(|| usage(format!("{flag} {text:?} is not of the form KEY=VALUE")))
}

/// `PATH=VALUE` pairs. The path is written as in diffs, with slashes; below `flinkConfiguration` the key has its dots,
/// anywhere else a dot is taken for a slash.
fn set_of(pairs: &[String]) -> Result<IndexMap<String, Value>, Problem> {
    let mut set = IndexMap::new();
    for pair in pairs {
        let (path, value) = pair_of("--set", pair)?;
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
        set.insert(spec_path(path)?, value);
    }
    Ok(set)
}

fn spec_path(path: &str) -> Result<String, Problem> {
    let (head, tail) = path.split_once(['/', '.']).map_or((path, None), |(h, t)| (h, Some(t)));
    if !SPEC_KEYS.contains(&head) {
        let near = crate::domain::names::nearest(head, SPEC_KEYS.iter().copied());
        let near = near.map(|n| format!("; did you mean {n:?}?")).unwrap_or_default();
        return Err(usage(format!("--set {path:?}: a spec has no {head:?}{near}")));
    }
    Ok(match tail {
        None => head.to_owned(),
        Some(tail) if head == "flinkConfiguration" => format!("{head}/{tail}"),
        Some(tail) => format!("{head}/{}", tail.replace('.', "/")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn set_takes_slashes_and_dots() {
        let pairs = [
            "probation.timeout=10m",
            "parallelism=4",
            "flinkConfiguration.a.b=x",
            "artifact/args=[\"x\"]",
            "savepointDirectory=null",
        ];
        let set = set_of(&pairs.map(str::to_owned)).unwrap();
        let text = serde_json::to_string(&set).unwrap();
        assert_eq!(
            text,
            r#"{"probation/timeout":"10m","parallelism":4,"flinkConfiguration/a.b":"x","artifact/args":["x"],"savepointDirectory":null}"#
        );
        assert!(
            set_of(&["paralelism=4".to_owned()])
                .unwrap_err()
                .detail
                .contains("did you mean \"parallelism\"?")
        );
        assert!(set_of(&["parallelism".to_owned()]).is_err());
    }
}
