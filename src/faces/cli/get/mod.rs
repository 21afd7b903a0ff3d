//! `get` and `describe`: objects as rows, or one in full.
//!
//! ```text
//!   kind, name, flags ─▶ check ─▶ Source ─▶ rows ─▶ table, JSON, YAML or names
//!                                   ▲         └─ -w ─▶ what changed, what is gone ─┐
//!                                   └─────────────── the manager has news ◀───────┘
//! ```

mod kind;
mod shown;
mod source;
mod watch;

use clap::Args;
use serde_json::Value;

use super::{
    args::Format,
    context::{Context, until_interrupted},
    describe,
    exit::{Exit, Outcome},
    output::parse,
    views::Tabular,
};
use crate::{
    client::{Get, routes},
    contract::{
        List, model,
        problem::{Code, Problem},
    },
    domain::{event::Severity, ids::DeploymentName},
};
use kind::{Kind, What, WhatParser};
use shown::Shown;
use source::{Source, labels_of};
use watch::watch;

/// `nutkin get`.
#[derive(Debug, Args)]
pub struct GetArgs {
    /// What; APP/NAME alone is a deployment.
    #[arg(value_name = "KIND", value_parser = WhatParser)]
    what: What,
    /// One of them by its name or id, or the deployment whose they are.
    name: Option<String>,
    /// Only with this label, of targets, applications and deployments; may be repeated.
    #[arg(short = 'l', long = "label", value_name = "K=V")]
    labels: Vec<String>,
    /// Stay, and print what changes.
    #[arg(short, long)]
    watch: bool,
    /// Only deployments or operations of this target; with jobs everything that runs there, unmanaged jobs included.
    #[arg(long, value_name = "T")]
    target: Option<String>,
    /// At most so many.
    #[arg(long, value_name = "N")]
    limit: Option<u32>,
}

/// `nutkin describe`.
#[derive(Debug, Args)]
pub struct DescribeArgs {
    /// What; APP/NAME alone is a deployment.
    #[arg(value_name = "KIND", value_parser = WhatParser)]
    what: What,
    /// Its name, or its id or a part of it.
    name: Option<String>,
}

/// `nutkin get` with its kind.
struct Getting {
    kind: Kind,
    name: Option<String>,
    labels: Vec<String>,
    watch: bool,
    target: Option<String>,
    limit: Option<u32>,
}

impl GetArgs {
    pub(super) async fn run(self, ctx: &Context) -> Outcome {
        let Self { what, name, labels, watch, target, limit } = self;
        let (kind, name) = what.with(name)?;
        let name = match (kind, name) {
            (Kind::Operations, Some(id)) => Some(ctx.operation(&id).await?),
            (_, name) => name,
        };
        Getting { kind, name, labels, watch, target, limit }.run(ctx).await
    }
}

impl Getting {
    /// Flags that would choose nothing are refused, not passed over.
    fn check(&self) -> Result<(), Problem> {
        let usage = |detail: String, hint: &str| Err(Problem::new(Code::BadRequest, detail).hint(hint));
        let word = self.kind.word();
        let has_labels = matches!(self.kind, Kind::Targets | Kind::Applications | Kind::Deployments);
        if !self.labels.is_empty() && !has_labels {
            return usage(
                format!("{word} have no labels"),
                "-l is for targets, applications and deployments",
            );
        }
        let has_target = matches!(self.kind, Kind::Deployments | Kind::Jobs | Kind::Operations);
        if self.target.is_some() && !has_target {
            return usage(
                format!("{word} cannot be chosen by target"),
                "--target is for deployments, jobs and operations",
            );
        }
        match &self.name {
            Some(name) if self.target.is_some() || !self.labels.is_empty() => usage(
                format!("-l and --target choose among many {word}, and {name} is named"),
                "leave out the name, or the flag",
            ),
            _ => Ok(()),
        }
    }

    async fn run(mut self, ctx: &Context) -> Outcome {
        self.check()?;
        if let Some(target) = &self.target {
            self.target = Some(ctx.target(target).await?);
        }
        match self.kind {
            Kind::Targets => self.named(ctx, routes::targets(), routes::target).await,
            Kind::Applications => self.named(ctx, routes::applications(), routes::application).await,
            Kind::Deployments => self.deployments(ctx).await,
            Kind::Jobs => match &self.target {
                // The route has the jobs of this target alone.
                Some(target) => self.show(ctx, Source::one(routes::target_jobs(target))).await,
                None => match &self.name {
                    Some(_) => self.of_one(ctx, routes::jobs).await,
                    None => self.show(ctx, Source::one(routes::all_jobs())).await,
                },
            },
            Kind::Savepoints => self.savepoints(ctx).await,
            Kind::Operations => self.named(ctx, routes::operations(), routes::operation).await,
            Kind::Events => {
                let deployment = match &self.name {
                    Some(name) => Some(ctx.deployment(name).await?),
                    None => None,
                };
                // What happens all the time is in `nutkin events --debug`.
                let filter =
                    routes::EventFilter { deployment, severity: Some(Severity::Info), ..Default::default() };
                self.show(ctx, Source::one(routes::events(&filter))).await
            }
            Kind::Revisions => self.of_one(ctx, routes::revisions).await,
            Kind::Artifacts => match &self.name {
                Some(name) => {
                    let value = ctx.artifact(name).await?;
                    let artifact: model::Artifact = parse(&value)?;
                    ctx.print_one(&value, &artifact.name(), || {
                        ctx.table(std::slice::from_ref(&artifact), true)
                    })?;
                    Ok(Exit::OK)
                }
                None => self.show(ctx, Source::one(routes::artifacts())).await,
            },
            Kind::Exceptions => self.of_one(ctx, routes::exceptions).await,
            Kind::Checkpoints => self.of_one(ctx, routes::checkpoints).await,
        }
    }

    async fn deployments(&self, ctx: &Context) -> Outcome {
        let Some(given) = &self.name else {
            return self.show(ctx, self.on_target(routes::deployments())).await;
        };
        let name = ctx.deployment(given).await?;
        if self.watch {
            return self
                .show(ctx, Source::filtered(routes::deployments(), "deployment", &name.to_string()))
                .await;
        }
        if ctx.global.output == Format::Yaml {
            let document = ctx.client().await?.get_value(&routes::document(&name)).await?;
            ctx.print(&ctx.yaml(&document))?;
            return Ok(Exit::OK);
        }
        show_one(ctx, &routes::deployment(&name)).await
    }

    /// All, those of a deployment, or one by its id: names of deployments have a slash, and ids have none. On a terminal a
    /// deployment is known by its NAME alone, too.
    async fn savepoints(&self, ctx: &Context) -> Outcome {
        let Some(given) = &self.name else {
            return self.show(ctx, Source::one(routes::all_savepoints())).await;
        };
        if given.contains('/') {
            return self.of_one(ctx, routes::savepoints).await;
        }
        let id = match ctx.savepoint(given).await {
            Err(p) if p.code == Code::NotFound && ctx.allows_prefixes() => {
                return self.of_one(ctx, routes::savepoints).await;
            }
            found => found?,
        };
        if self.watch {
            return self
                .show(ctx, Source::filtered(routes::all_savepoints(), model::Savepoint::KEY, &id))
                .await;
        }
        let value = ctx.client().await?.get_value(&routes::savepoint(&id)).await?;
        let savepoint: model::Savepoint = parse(&value)?;
        ctx.print_one(&value, &id, || ctx.table(std::slice::from_ref(&savepoint), true))?;
        Ok(Exit::OK)
    }

    /// One by its name, or all.
    async fn named<T: Tabular + Shown>(
        &self,
        ctx: &Context,
        list: Get<List<T>>,
        one: impl Fn(&str) -> Get<T>,
    ) -> Outcome {
        match &self.name {
            Some(name) if self.watch => {
                let source = Source::filtered(list, T::KEY, name);
                self.show(ctx, source).await
            }
            Some(name) => show_one(ctx, &one(name)).await,
            None => self.show(ctx, self.on_target(list)).await,
        }
    }

    /// A list, or what of it is on the target that was named.
    fn on_target<T>(&self, list: Get<List<T>>) -> Source<T> {
        match &self.target {
            Some(target) => Source::filtered(list, "target", target),
            None => Source::one(list),
        }
    }

    /// A list that belongs to one deployment, which must be named.
    async fn of_one<T: Tabular + Shown>(
        &self,
        ctx: &Context,
        list: fn(&DeploymentName) -> Get<List<T>>,
    ) -> Outcome {
        let Some(given) = &self.name else {
            let word = self.kind.word();
            return Err(Problem::new(Code::BadRequest, format!("{word} belong to a deployment"))
                .hint(format!("nutkin get {word} APP/NAME")));
        };
        let name = ctx.deployment(given).await?;
        self.show(ctx, Source::one(list(&name))).await
    }

    async fn show<T: Tabular + Shown>(&self, ctx: &Context, source: Source<T>) -> Outcome {
        let labels = labels_of(&self.labels)?;
        let limit = self.limit.or(T::HISTORY);
        let (items, next) = source.fetch(ctx, limit, &labels).await?;
        if !self.watch {
            let documents = match ctx.global.output {
                Format::Yaml => shown::documents::<T>(ctx, &items).await?,
                _ => None,
            };
            ctx.print_items::<T>(&items, next.as_deref(), documents)?;
            return Ok(Exit::OK);
        }
        until_interrupted(watch(ctx, &source, limit, &labels, items)).await
    }
}

async fn show_one<T: Tabular + Shown>(ctx: &Context, route: &Get<T>) -> Outcome {
    let value = ctx.client().await?.get_value(route).await?;
    let model: T = parse(&value)?;
    let printed = match model.document() {
        Some(document) if ctx.global.output == Format::Yaml => {
            serde_json::to_value(document).unwrap_or_default()
        }
        _ => value,
    };
    ctx.print_one(&printed, &model.name(), || ctx.table(std::slice::from_ref(&model), true))?;
    Ok(Exit::OK)
}

impl DescribeArgs {
    pub(super) async fn run(self, ctx: &Context) -> Outcome {
        let (kind, Some(name)) = self.what.with(self.name)? else {
            return Err(Problem::new(Code::BadRequest, "the name of what is to be described is missing")
                .hint("nutkin describe KIND NAME, or nutkin describe APP/NAME for a deployment"));
        };
        if kind == Kind::Deployments && ctx.global.output.is_for_people() {
            let name = ctx.deployment(&name).await?;
            return describe::deployment(ctx, &name).await;
        }
        let value = described(ctx, kind, &name).await?;
        ctx.print_one(&value, &name, || describe::plain(&value))?;
        Ok(Exit::OK)
    }
}

/// One object as the API has it.
async fn described(ctx: &Context, kind: Kind, name: &str) -> Result<Value, Problem> {
    let client = ctx.client().await?;
    match kind {
        Kind::Targets => client.get_value(&routes::target(&ctx.target(name).await?)).await,
        Kind::Applications => client.get_value(&routes::application(name)).await,
        Kind::Deployments => client.get_value(&routes::deployment(&ctx.deployment(name).await?)).await,
        Kind::Savepoints => client.get_value(&routes::savepoint(&ctx.savepoint(name).await?)).await,
        Kind::Operations => client.get_value(&routes::operation(&ctx.operation(name).await?)).await,
        Kind::Artifacts => ctx.artifact(name).await,
        Kind::Jobs | Kind::Events | Kind::Revisions | Kind::Exceptions | Kind::Checkpoints => {
            let word = kind.word();
            Err(Problem::new(Code::BadRequest, format!("{word} are described by their deployment"))
                .hint(format!("nutkin get {word} APP/NAME -o wide")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(Kind::Targets, None, true, false, true)]
    #[case(Kind::Deployments, None, true, true, true)]
    #[case(Kind::Operations, None, false, true, true)]
    #[case(Kind::Jobs, None, false, true, true)]
    #[case(Kind::Jobs, None, true, false, false)]
    #[case(Kind::Events, None, true, false, false)]
    #[case(Kind::Savepoints, None, false, true, false)]
    #[case(Kind::Applications, None, false, true, false)]
    #[case(Kind::Jobs, Some("pay/prod"), false, true, false)]
    #[case(Kind::Targets, Some("a"), true, false, false)]
    #[case(Kind::Targets, Some("a"), false, false, true)]
    fn flags_that_choose_nothing_are_refused(
        #[case] kind: Kind,
        #[case] name: Option<&str>,
        #[case] label: bool,
        #[case] target: bool,
        #[case] fine: bool,
    ) {
        let getting = Getting {
            kind,
            name: name.map(str::to_owned),
            labels: label.then(|| "a=b".to_owned()).into_iter().collect(),
            watch: false,
            target: target.then(|| "t".to_owned()),
            limit: None,
        };
        assert_eq!(getting.check().is_ok(), fine);
    }
}
