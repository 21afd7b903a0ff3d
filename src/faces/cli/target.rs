//! `nutkin target …`

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use indexmap::IndexMap;
use serde_json::{Value, json};

use super::{
    act,
    context::Context,
    exit::{Exit, Outcome},
    lifecycle::upper,
    output::parse,
    views::Tabular as _,
};
use crate::{
    client::routes,
    config::manifest::API_VERSION,
    contract::{
        intent::{Document, Metadata},
        model,
        plan::{Check, REACHABLE, Verdict},
        problem::{Code, Problem},
    },
    domain::{
        spec::Protection,
        target::{Auth, SavepointAccess, TargetSpec, Tls},
    },
};

/// `nutkin target`.
#[derive(Debug, Subcommand)]
pub enum TargetCommand {
    /// Register a cluster and look at it.
    Add(Box<AddArgs>),
    /// All targets.
    List,
    /// Reachable, version, TLS, authentication, savepoint directory, clock.
    Check {
        /// Name of the target.
        name: String,
    },
    /// Remove a target; its cluster is not touched.
    Remove {
        /// Name of the target.
        name: String,
        /// Do not ask.
        #[arg(short, long)]
        yes: bool,
    },
}

/// `nutkin target add`.
#[derive(Debug, Args)]
pub struct AddArgs {
    /// What deployments will call it.
    name: String,
    /// JobManager addresses, http(s)://host:port[/base]; the first that answers is used.
    #[arg(required = true)]
    urls: Vec<String>,
    /// Base directory of savepoints.
    #[arg(long, value_name = "URI")]
    savepoint_dir: Option<String>,
    /// Whether this manager sees savepoints: NONE, LOCAL or COMMAND.
    #[arg(long, value_name = "A", value_parser = upper::<SavepointAccess>)]
    savepoint_access: Option<SavepointAccess>,
    /// With COMMAND: {path} is replaced, exit 0 = there.
    #[arg(long, value_name = "CMD")]
    savepoint_command: Option<String>,
    /// PEM file of a private CA.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// PEM file of the client certificate.
    #[arg(long, value_name = "FILE", requires = "key_file")]
    cert_file: Option<PathBuf>,
    /// PEM file of its key.
    #[arg(long, value_name = "FILE", requires = "cert_file")]
    key_file: Option<PathBuf>,
    /// Basic authentication: the user.
    #[arg(long, value_name = "USER", requires = "password_file")]
    user: Option<String>,
    /// Basic authentication: the file with the password.
    #[arg(long, value_name = "FILE", requires = "user")]
    password_file: Option<PathBuf>,
    /// Bearer authentication: the file with the token.
    #[arg(long, value_name = "FILE", conflicts_with = "user")]
    token_file: Option<PathBuf>,
    /// HTTP proxy.
    #[arg(long, value_name = "URL")]
    proxy: Option<String>,
    /// Weakest protection of its deployments: NONE, CONFIRM or TYPE_NAME.
    #[arg(long, value_name = "P", value_parser = upper::<Protection>)]
    protection: Option<Protection>,
    /// Nothing may be changed there.
    #[arg(long)]
    read_only: bool,
    /// A label; may be repeated.
    #[arg(short = 'l', long = "label", value_name = "K=V")]
    labels: Vec<String>,
    /// Do not look at it.
    #[arg(long)]
    no_check: bool,
}

impl TargetCommand {
    pub(super) async fn run(self, ctx: &Context) -> Outcome {
        match self {
            Self::Add(add) => add.run(ctx).await,
            Self::List => {
                let items = ctx.all(&routes::targets()).await?;
                ctx.print_list::<model::Target>(&items, None)?;
                Ok(Exit::OK)
            }
            Self::Check { name } => {
                let name = ctx.target(&name).await?;
                let (items, exit) = check(ctx, &name).await?;
                ctx.print_list::<Check>(&items, None)?;
                Ok(exit)
            }
            Self::Remove { name, yes } => remove(ctx, &name, yes).await,
        }
    }
}

async fn check(ctx: &Context, name: &str) -> Result<(Vec<Value>, Exit), Problem> {
    let answer = ctx.client().await?.act_value(&routes::check_target(name)).await?;
    let (items, _) = super::resolve::page_of(answer);
    let checks = items.iter().map(parse).collect::<Result<Vec<Check>, _>>()?;
    let failed = |c: &&Check| c.verdict == Verdict::Failed;
    let unreachable = checks.iter().filter(failed).any(|c| c.name == REACHABLE);
    let exit = match (unreachable, checks.iter().any(|c| failed(&c))) {
        (true, _) => Exit(Code::TargetUnreachable.exit_code()),
        (false, true) => Exit::FAILED,
        (false, false) => Exit::OK,
    };
    Ok((items, exit))
}

async fn remove(ctx: &Context, given: &str, yes: bool) -> Outcome {
    let name = ctx.target(given).await?;
    if !yes {
        if !ctx.is_interactive() {
            let detail = format!("removing target {name} asks for a confirmation; nothing was changed");
            return Err(Problem::new(Code::ConfirmationRequired, detail).hint("add --yes"));
        }
        if !act::agrees(ctx, &format!("remove target {name}? Its cluster and jobs stay as they are."))? {
            ctx.hint("nothing was changed");
            return Ok(Exit::FAILED);
        }
    }
    ctx.client().await?.act_value(&routes::delete_target(&name)).await?;
    ctx.print_one(&json!({ "name": name }), &name, || format!("target {name} is removed\n"))?;
    Ok(Exit::OK)
}

impl AddArgs {
    async fn run(self, ctx: &Context) -> Outcome {
        let document = self.document()?;
        let value = ctx.client().await?.act_value(&routes::create_target(&document)).await?;
        let target: model::Target = parse(&value)?;
        ctx.print_one(&value, &target.name(), || ctx.table(std::slice::from_ref(&target), true))?;
        if self.no_check {
            return Ok(Exit::OK);
        }
        let (items, exit) = check(ctx, &self.name).await?;
        let checks = items.iter().map(parse).collect::<Result<Vec<Check>, _>>()?;
        if !checks.is_empty() {
            ctx.hint(ctx.table(&checks, true).trim_end());
        }
        if exit != Exit::OK {
            let check = format!("{} target check {}", ctx.invocation(), self.name);
            ctx.hint(&format!("the target is registered; mend it, then `{check}`"));
        }
        Ok(exit)
    }

    fn document(&self) -> Result<Document, Problem> {
        let mut labels = IndexMap::new();
        for label in &self.labels {
            let (k, v) = label.split_once('=').ok_or_else(|| {
                Problem::new(Code::BadRequest, format!("--label {label:?} is not of the form KEY=VALUE"))
            })?;
            labels.insert(k.to_owned(), v.to_owned());
        }
        let spec =
            serde_json::to_value(self.spec()).map_err(|e| Problem::new(Code::Internal, e.to_string()))?;
        Ok(Document {
            api_version: API_VERSION.to_owned(),
            kind: "Target".to_owned(),
            metadata: Metadata { name: self.name.clone(), labels, ..Metadata::default() },
            spec,
        })
    }

    fn spec(&self) -> TargetSpec {
        let file = |p: &Option<PathBuf>| p.as_deref().map(absolute);
        let tls = Tls {
            ca_file: file(&self.ca_file),
            cert_file: file(&self.cert_file),
            key_file: file(&self.key_file),
            server_name: None,
        };
        let auth = Auth {
            user: self.user.clone(),
            password_file: file(&self.password_file),
            token_file: file(&self.token_file),
        };
        TargetSpec {
            kind: "session".to_owned(),
            urls: self.urls.clone(),
            url: None,
            tls: (tls != Tls::default()).then_some(tls),
            auth: (auth != Auth::default()).then_some(auth),
            proxy: self.proxy.clone(),
            savepoint_directory: self.savepoint_dir.clone(),
            savepoint_access: self.savepoint_access.unwrap_or(SavepointAccess::None),
            savepoint_command: self.savepoint_command.clone(),
            plan_check: false,
            defaults: Value::Null,
            protection: self.protection,
            read_only: self.read_only,
            colour: None,
            links: IndexMap::new(),
        }
    }
}

/// The manager reads these files, and its folder is not ours.
fn absolute(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string()
}
