//! `get` and `describe`: objects as rows, or one in full.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use clap::{
    Args, ValueEnum,
    builder::{EnumValueParser, PossibleValue, TypedValueParser},
};
use futures_util::StreamExt as _;
use serde_json::Value;

use super::{
    args::Format,
    context::{Context, Exit, Outcome, parse, until_interrupted},
    describe,
    resolve::page_of,
    views::Tabular,
};
use crate::{
    client::{Get, Watch, routes},
    config::manifest,
    contract::{
        List,
        intent::{Document, Metadata},
        model,
        problem::{Code, Problem},
        watch::Interest,
    },
    domain::{event::Severity, ids::DeploymentName, text::SafeText},
};

/// What can be listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Where deployments run.
    #[value(alias = "target")]
    Targets,
    /// Groups of deployments.
    #[value(aliases = ["application", "app", "apps"])]
    Applications,
    /// Instances of applications.
    #[value(aliases = ["deployment", "deploy"])]
    Deployments,
    /// Flink jobs: of deployments, or with --target all of a cluster.
    #[value(alias = "job")]
    Jobs,
    /// Restore points.
    #[value(alias = "savepoint")]
    Savepoints,
    /// Lifecycle actions.
    #[value(aliases = ["operation", "op", "ops"])]
    Operations,
    /// The event log.
    #[value(alias = "event")]
    Events,
    /// Configuration history of a deployment.
    #[value(alias = "revision")]
    Revisions,
    /// Jars.
    #[value(aliases = ["artifact", "jars"])]
    Artifacts,
    /// Exceptions of a deployment's job.
    #[value(alias = "exception")]
    Exceptions,
    /// Checkpoints of a deployment's job.
    #[value(alias = "checkpoint")]
    Checkpoints,
}

/// `nutkin get`.
#[derive(Debug, Args)]
pub struct GetArgs {
    /// What; APP/NAME alone is a deployment.
    #[arg(value_name = "KIND", value_parser = WhatParser)]
    what: What,
    /// One of them, or the deployment whose they are.
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
    /// Which.
    name: Option<String>,
}

/// A kind, or a deployment's name in its place.
#[derive(Debug, Clone)]
enum What {
    Kind(Kind),
    Deployment(String),
}

/// Reads a [`What`]: only names of deployments have a slash.
#[derive(Debug, Clone)]
struct WhatParser;

impl TypedValueParser for WhatParser {
    type Value = What;

    fn parse_ref(
        &self,
        cmd: &clap::Command,
        arg: Option<&clap::Arg>,
        value: &std::ffi::OsStr,
    ) -> Result<What, clap::Error> {
        match value.to_str() {
            Some(name) if name.contains('/') => Ok(What::Deployment(name.to_owned())),
            _ => EnumValueParser::<Kind>::new().parse_ref(cmd, arg, value).map(What::Kind),
        }
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(Kind::value_variants().iter().filter_map(ValueEnum::to_possible_value)))
    }
}

impl What {
    /// The kind and the name that were meant.
    fn with(self, name: Option<String>) -> Result<(Kind, Option<String>), Problem> {
        match (self, name) {
            (Self::Kind(kind), name) => Ok((kind, name)),
            (Self::Deployment(name), None) => Ok((Kind::Deployments, Some(name))),
            (Self::Deployment(first), Some(second)) => {
                Err(Problem::new(Code::BadRequest, format!("{first:?} stands where a kind is expected"))
                    .hint(format!(
                        "write the kind first: deployment {first}, savepoints {first}, job {second} …"
                    )))
            }
        }
    }
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

impl Kind {
    /// As it is written.
    fn word(self) -> String {
        self.to_possible_value().map(|v| v.get_name().to_owned()).unwrap_or_default()
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
            Kind::Savepoints => match &self.name {
                Some(_) => self.of_one(ctx, routes::savepoints).await,
                None => self.show(ctx, Source::one(routes::all_savepoints())).await,
            },
            Kind::Operations => self.named(ctx, routes::operations(), routes::operation).await,
            Kind::Events => {
                let deployment = match &self.name {
                    Some(name) => Some(ctx.deployment(name).await?),
                    None => None,
                };
                // What happens all the time is in `nutkin events --debug`.
                let filter = routes::EventFilter {
                    deployment,
                    severity: Some(Severity::Info),
                    limit: self.limit,
                    ..Default::default()
                };
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
            ctx.print_list::<T>(&items, next.as_deref())?;
            return Ok(Exit::OK);
        }
        until_interrupted(watch(ctx, &source, limit, &labels, items)).await
    }
}

/// What the client must know of a model to show it.
pub trait Shown: serde::de::DeserializeOwned {
    /// The field that is its name.
    const KEY: &'static str;
    /// Rows of a history that grows for ever, when nobody says how many.
    const HISTORY: Option<u32> = None;
    /// The object as a manifest, where it is one.
    fn document(&self) -> Option<Document> {
        None
    }
}

/// Rows of a history, when nobody says how many.
const NEWEST: u32 = 100;

macro_rules! shown {
    ($($model:ident $key:literal $($history:expr)?),* $(,)?) => {
        $(impl Shown for model::$model {
            const KEY: &'static str = $key;
            $(const HISTORY: Option<u32> = Some($history);)?
        })*
    };
}
shown! {
    TargetJob "flinkJobId", Deployment "deployment", Job "jobId", Savepoint "savepointId",
    Operation "operationId" NEWEST, Event "seq" NEWEST, Revision "number", Artifact "sha256",
    ExceptionEntry "at", Checkpoint "id",
}
impl Shown for model::Target {
    const KEY: &'static str = "name";
    fn document(&self) -> Option<Document> {
        let metadata =
            Metadata { name: self.name.clone(), labels: self.labels.clone(), ..Metadata::default() };
        Some(document("Target", metadata, self.spec.clone()))
    }
}
impl Shown for model::Application {
    const KEY: &'static str = "name";
    fn document(&self) -> Option<Document> {
        let metadata = Metadata {
            name: self.name.clone(),
            title: Some(self.title.clone()),
            labels: self.labels.clone(),
            ..Metadata::default()
        };
        let spec = if self.defaults.is_null() {
            Value::Object(Default::default())
        } else {
            serde_json::json!({ "defaults": self.defaults })
        };
        Some(document("Application", metadata, spec))
    }
}

fn document(kind: &str, metadata: Metadata, spec: Value) -> Document {
    Document { api_version: manifest::API_VERSION.to_owned(), kind: kind.to_owned(), metadata, spec }
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

/// Where rows come from.
struct Source<T> {
    route: Get<List<T>>,
    only: Option<(&'static str, String)>,
}

/// A key as people write it.
fn key_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

impl<T> Source<T> {
    fn one(route: Get<List<T>>) -> Self {
        Self { route, only: None }
    }

    fn filtered(route: Get<List<T>>, key: &'static str, value: &str) -> Self {
        Self { route, only: Some((key, value.to_owned())) }
    }
}

impl<T: Shown> Source<T> {
    /// Rows, and the cursor when a limit cut them.
    async fn fetch(
        &self,
        ctx: &Context,
        limit: Option<u32>,
        labels: &[(String, String)],
    ) -> Result<(Vec<Value>, Option<String>), Problem> {
        if labels.is_empty() && self.only.is_none() {
            return match limit {
                Some(_) => {
                    let route = self.route.clone().with_some("limit", limit);
                    Ok(page_of(ctx.client().await?.get_value(&route).await?))
                }
                None => Ok((ctx.all(&self.route).await?, None)),
            };
        }
        // The limit is of the rows that fit: page by page, until there are enough.
        let limit = limit.and_then(|n| usize::try_from(n).ok()).unwrap_or(usize::MAX);
        let (mut fitting, mut after) = (Vec::new(), None::<String>);
        loop {
            let route = self.route.clone().with_some("after", after);
            let (mut page, next) = page_of(ctx.client().await?.get_value(&route).await?);
            page.retain(|item| self.fits(item, labels));
            fitting.extend(page);
            if fitting.len() > limit || next.is_none() {
                break;
            }
            after = next;
        }
        let cut = fitting.len() > limit;
        fitting.truncate(limit);
        let next = fitting.last().filter(|_| cut).and_then(|item| Some(key_of(item.get(T::KEY)?)));
        Ok((fitting, next))
    }

    fn fits(&self, item: &Value, labels: &[(String, String)]) -> bool {
        let is_it = |(key, value): &(&str, String)| item.get(*key).and_then(Value::as_str) == Some(value);
        has_labels(item, labels) && self.only.as_ref().is_none_or(is_it)
    }
}

fn labels_of(given: &[String]) -> Result<Vec<(String, String)>, Problem> {
    let pair = |text: &String| {
        text.split_once('=').map(|(k, v)| (k.to_owned(), v.to_owned())).ok_or_else(|| {
            Problem::new(Code::BadRequest, format!("-l {text:?} is not of the form KEY=VALUE"))
        })
    };
    given.iter().map(pair).collect()
}

fn has_labels(item: &Value, labels: &[(String, String)]) -> bool {
    labels
        .iter()
        .all(|(k, v)| item.pointer("/labels").and_then(|l| l.get(k)).and_then(Value::as_str) == Some(v))
}

/// Prints rows, then every row that changes, until Ctrl-C.
async fn watch<T: Tabular + Shown>(
    ctx: &Context,
    source: &Source<T>,
    limit: Option<u32>,
    labels: &[(String, String)],
    first: Vec<Value>,
) -> Outcome {
    let mut seen: HashMap<String, String> = HashMap::new();
    print_changed::<T>(ctx, &first, &mut seen)?;
    let interest = Interest {
        deployments: first
            .iter()
            .filter_map(|v| v.get("deployment")?.as_str().map(str::to_owned))
            .collect::<std::collections::BTreeSet<_>>()
            .into_iter()
            .collect(),
    };
    let mut changes = ctx.client().await?.watch(&interest, None).await?;
    loop {
        if !matches!(changes.next().await, Some(Ok(_))) {
            // A restarting manager is waited for, until Ctrl-C.
            changes = again(ctx, &interest).await;
        }
        match source.fetch(ctx, limit, labels).await {
            Ok((items, _)) => {
                print_changed::<T>(ctx, &items, &mut seen)?;
                // A history only grows: what leaves its newest rows is not gone.
                if T::HISTORY.is_none() && limit.is_none() {
                    print_gone(ctx, &gone::<T>(&items, &mut seen))?;
                }
            }
            Err(p) if p.code == Code::ManagerUnreachable => {}
            Err(p) => return Err(p),
        }
    }
}

async fn again(ctx: &Context, interest: &Interest) -> Watch {
    loop {
        if let Ok(client) = ctx.connect().await
            && let Ok(stream) = client.watch(interest, None).await
        {
            return stream;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// What counts as a change: everything but how old the look is.
fn essence(item: &Value) -> String {
    let mut item = item.clone();
    if let Some(map) = item.as_object_mut() {
        for key in ["observedAt", "crashLossSeconds", "endLossSeconds"] {
            map.shift_remove(key);
        }
    }
    item.to_string()
}

fn print_changed<T: Tabular + Shown>(
    ctx: &Context,
    items: &[Value],
    seen: &mut HashMap<String, String>,
) -> Result<(), Problem> {
    let titles = seen.is_empty();
    let mut changed = Vec::new();
    for item in items {
        let key = item.get(T::KEY).map(key_of).unwrap_or_default();
        let essence = essence(item);
        if seen.get(&key) != Some(&essence) {
            seen.insert(key, essence);
            changed.push(item.clone());
        }
    }
    if changed.is_empty() {
        return Ok(());
    }
    ctx.print_lines::<T>(&changed, titles)
}

/// Takes from what was seen the rows that are there no more; answers their names.
fn gone<T: Shown>(items: &[Value], seen: &mut HashMap<String, String>) -> Vec<String> {
    let there: HashSet<String> = items.iter().filter_map(|item| item.get(T::KEY).map(key_of)).collect();
    let mut gone: Vec<String> = seen.keys().filter(|key| !there.contains(*key)).cloned().collect();
    gone.sort();
    seen.retain(|key, _| there.contains(key));
    gone
}

/// Between the rows for people, beside them where machines read.
fn print_gone(ctx: &Context, names: &[String]) -> Result<(), Problem> {
    for name in names {
        let line = format!("{} is gone", SafeText::line(name));
        if ctx.global.output.is_for_people() { ctx.print(&format!("{line}\n"))? } else { ctx.note(&line) }
    }
    Ok(())
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
    use serde_json::json;

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

    #[test]
    fn what_is_there_no_more_is_told_once() {
        let mut seen: HashMap<String, String> =
            ["a", "b", "c"].map(|name| (name.to_owned(), "{}".to_owned())).into();
        let left = [json!({"name": "b"}), json!({"name": "new"})];
        assert_eq!(gone::<model::Target>(&left, &mut seen), ["a", "c"]);
        assert!(gone::<model::Target>(&left, &mut seen).is_empty());
    }
}
