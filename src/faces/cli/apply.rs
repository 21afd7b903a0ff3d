//! `nutkin apply` and `nutkin diff`
//!
//! ```text
//!   manifest ─→ checked here ─→ jars uploaded ─→ POST /apply?dryRun ─→ shown, asked ─→ POST /apply ─→ operations awaited
//! ```

use std::path::PathBuf;

use clap::Args;
use serde_json::Value;

use super::{
    act::{self, WaitFlags},
    artifact, ci,
    context::Context,
    exit::{Exit, Outcome},
    output::parse,
    plan_text,
    table::Tone,
    wait,
};
use crate::{
    client::{program, routes},
    config::Manifest,
    contract::{
        MAX_JSON,
        intent::{Applied, Apply, ApplyAction, Document, Meta},
        plan::{Confirmation, Plan},
        problem::{Code, Problem},
    },
    domain::text::SafeText,
};

/// `nutkin apply`.
#[derive(Debug, Args)]
pub struct ApplyArgs {
    #[command(flatten)]
    files: Files,
    /// Show what would change; nothing is changed, but a jar that the manager does not have is uploaded to it.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    waiting: WaitFlags,
    /// Why, for the event log.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Yes to what needs a confirmation.
    #[arg(short, long)]
    yes: bool,
    /// The name of a deployment, where protection asks for it; may be repeated.
    #[arg(long, value_name = "NAME")]
    confirm: Vec<String>,
    /// A key of this act: sending it again with the same key does it once.
    #[arg(long, value_name = "K")]
    idempotency_key: Option<String>,
}

/// `nutkin diff`.
#[derive(Debug, Args)]
pub struct DiffArgs {
    #[command(flatten)]
    files: Files,
}

/// Which documents, and what they may override.
#[derive(Debug, Args)]
struct Files {
    /// A manifest, a directory of *.yaml, or - for standard input; may be repeated.
    #[arg(short, long = "filename", value_name = "FILE|DIR|-", required = true)]
    files: Vec<PathBuf>,
    /// The manifest's state wins over a person's later action.
    #[arg(long)]
    force_state: bool,
    /// Values that verbs have set since the last apply are overwritten.
    #[arg(long)]
    force: bool,
}

impl Files {
    /// Reads and checks, and brings every jar to the manager: a plan needs it there, too.
    async fn prepare(&self, ctx: &Context) -> Result<(Manifest, Apply), Problem> {
        let mut manifest = Manifest::read(&self.files).map_err(|e| {
            Problem::new(Code::InvalidSpec, e.to_string()).hint("nothing was sent; every problem is listed")
        })?;
        for entry in &mut manifest.entries {
            if let Some(jar) = entry.jar.clone() {
                let sha = artifact::upload(ctx, &jar).await?;
                if let Some(version) = version_of(ctx, &entry.document, &sha).await? {
                    entry.set_version(&version);
                }
                entry.set_artifact(&sha);
            }
        }
        let request = Apply {
            documents: manifest.documents(),
            force_state: self.force_state,
            force: self.force,
            ..Apply::default()
        };
        self.fits(&request)?;
        Ok((manifest, request))
    }
}

impl Files {
    /// The manager takes requests up to a size; a manifest that makes a larger one is told so before it is sent.
    fn fits(&self, request: &Apply) -> Result<(), Problem> {
        let size = serde_json::to_vec(request).map_or(0, |bytes| bytes.len());
        if size <= MAX_JSON {
            return Ok(());
        }
        let names: Vec<String> = self.files.iter().map(|f| f.display().to_string()).collect();
        let detail = format!(
            "{}: {} documents make a request of {} KiB, and the manager takes {} KiB; nothing was sent",
            names.join(", "),
            request.documents.len(),
            size.div_ceil(1024),
            MAX_JSON >> 10
        );
        Err(Problem::new(Code::TooLarge, detail).hint("apply them in several parts"))
    }
}

/// In a pipeline the version of a deployment's new jar is the commit, where its manifest names none. The jar that the
/// deployment has keeps its version: another commit alone is no change.
async fn version_of(ctx: &Context, document: &Document, sha: &str) -> Result<Option<String>, Problem> {
    let named = document.spec.pointer("/artifact/version").is_some();
    let Some(commit) = ci::version(|v| ctx.around.var(v)).filter(|_| !named && document.kind == "Deployment")
    else {
        return Ok(None);
    };
    let Ok(name) = document.full_name().parse() else { return Ok(None) };
    let known = match ctx.client().await?.get(&routes::document(&name)).await {
        Ok(known) => known.spec,
        Err(p) if p.code == Code::NotFound => Value::Null,
        Err(p) => return Err(p),
    };
    let of_known = |key: &str| known.pointer(&format!("/artifact/{key}")).and_then(Value::as_str);
    Ok(if of_known("sha256") == Some(sha) { of_known("version").map(str::to_owned) } else { Some(commit) })
}

/// What the manager says about each document.
async fn send(
    ctx: &Context,
    request: &Apply,
    dry_run: bool,
    key: Option<&str>,
) -> Result<(Vec<Value>, Vec<Applied>), Problem> {
    let act = routes::apply(request).dry_run(dry_run).with_key(key);
    let answer = ctx.client().await?.act_value(&act).await?;
    let (items, _) = super::resolve::page_of(answer);
    let rows = items.iter().map(parse).collect::<Result<Vec<Applied>, _>>()?;
    Ok((items, rows))
}

impl DiffArgs {
    pub(super) async fn run(self, ctx: &Context) -> Outcome {
        let (manifest, request) = self.files.prepare(ctx).await?;
        let (items, rows) = send(ctx, &request, true, None).await?;
        if ctx.global.output.is_for_people() {
            ctx.print(&differences(ctx, &rows))?;
        } else {
            ctx.print_list::<Applied>(&items, None)?;
        }
        if let Some(problem) = refused(&manifest, &rows) {
            return Err(with_the_rest(problem, &rows));
        }
        let same = rows.iter().all(|r| r.action == ApplyAction::Unchanged && r.operation_kind.is_none());
        Ok(if same { Exit::OK } else { Exit::FAILED })
    }
}

impl ApplyArgs {
    pub(super) async fn run(self, ctx: &Context) -> Outcome {
        let (manifest, mut request) = self.files.prepare(ctx).await?;
        request.meta = Meta { reason: self.reason.clone(), yes: self.yes, ..Meta::default() };
        request.confirm.clone_from(&self.confirm);
        if self.dry_run {
            let (items, rows) = send(ctx, &request, true, None).await?;
            if ctx.global.output.is_for_people() {
                ctx.print(&foreseen(ctx, &rows))?;
            } else {
                ctx.print_list::<Applied>(&items, None)?;
            }
            return refused(&manifest, &rows).map_or(Ok(Exit::OK), |p| Err(with_the_rest(p, &rows)));
        }
        if ctx.is_interactive() && !self.yes {
            if !self.confirmed(ctx, &manifest, &mut request).await? {
                ctx.hint("nothing was changed");
                return Ok(Exit::FAILED);
            }
        } else if !ctx.global.quiet
            && let Some((_, rows)) = act::foreseen(send(ctx, &request, true, None)).await
        {
            rows.iter().filter_map(|row| row.plan.as_deref()).for_each(|plan| act::warn(ctx, plan));
        }
        let (items, rows) = send(ctx, &request, false, self.idempotency_key.as_deref()).await?;
        ctx.print_list::<Applied>(&items, None)?;
        warnings(ctx, &rows);
        let mut exit = Exit::OK;
        if self.waiting.waits(ctx) {
            for id in rows.iter().filter_map(|r| r.operation_id.as_deref()) {
                let ended = self.follow(ctx, id).await.unwrap_or_else(|problem| {
                    ctx.report(&problem);
                    Exit(problem.code.exit_code())
                });
                exit = worst(exit, ended);
            }
        }
        match refused(&manifest, &rows) {
            Some(problem) if !rows.iter().any(is_changed) => Err(problem),
            Some(first) => {
                ctx.report(&in_part(&manifest, &rows, first.hint));
                Ok(worst(exit, Exit::EFFECT))
            }
            None => Ok(exit),
        }
    }

    /// On a terminal: what would change, and a question where jobs are touched.
    async fn confirmed(
        &self,
        ctx: &Context,
        manifest: &Manifest,
        request: &mut Apply,
    ) -> Result<bool, Problem> {
        let (_, rows) = send(ctx, request, true, None).await?;
        if let Some(problem) = refused(manifest, &rows) {
            return Err(problem);
        }
        if rows.iter().all(|r| r.operation_kind.is_none()) {
            return Ok(true);
        }
        ctx.draw(&foreseen(ctx, &rows));
        // What was read is what runs.
        let digests =
            rows.iter().filter_map(|r| Some((r.name.clone(), r.plan.as_ref()?.plan_digest.clone())));
        request.expect.extend(digests);
        let (named, others): (Vec<_>, Vec<_>) =
            rows.iter().filter(|r| r.operation_kind.is_some()).partition(|r| needs_name(r).is_some());
        for (row, plan) in named
            .iter()
            .filter_map(|r| Some((r, needs_name(r)?)))
            .filter(|(r, _)| !self.confirm.contains(&r.name))
        {
            if act::ask(ctx, &format!("type {} to confirm {}: ", plan.typed_name, plan.kind))?
                != plan.typed_name
            {
                return Ok(false);
            }
            request.confirm.push(row.name.clone());
        }
        request.meta.yes = others.is_empty() || act::agrees(ctx, "apply?")?;
        Ok(request.meta.yes)
    }

    async fn follow(&self, ctx: &Context, id: &str) -> Outcome {
        match wait::wait(ctx, id, &wait::Then::Nothing, self.waiting.timeout).await? {
            wait::Waited::Ended(operation, _) => {
                ctx.hint(wait::summary(ctx, &operation).trim_end());
                Ok(wait::exit_of(&operation))
            }
            other => wait::conclude(ctx, id, other),
        }
    }
}

fn worst(a: Exit, b: Exit) -> Exit {
    if b.0 > a.0 { b } else { a }
}

/// The plan of what follows, where it needs a typed name.
fn needs_name(row: &Applied) -> Option<&Plan> {
    row.plan.as_deref().filter(|plan| plan.confirmation == Confirmation::TypeName)
}

/// Something is not as it was before.
fn is_changed(row: &Applied) -> bool {
    row.operation_id.is_some() || matches!(row.action, ApplyAction::Create | ApplyAction::Update)
}

/// The documents that cannot be applied, at their places in the manifest, as a problem of the first one's kind.
fn refused(manifest: &Manifest, rows: &[Applied]) -> Option<Problem> {
    let (first, mut problem) = rows.iter().find_map(|row| Some((row, row.problem.clone()?)))?;
    if problem.code == Code::StaleRevision {
        problem.hint = Some(overwrites(&first.name));
    }
    let lines = rows.iter().filter_map(|row| Some(placed(manifest, row, &row.problem.as_ref()?.detail)));
    problem.detail = lines.collect::<Vec<_>>().join("\n");
    Some(problem)
}

/// What `apply` would do all the same, beside the documents that it would not.
fn with_the_rest(mut problem: Problem, rows: &[Applied]) -> Problem {
    let rest = rows.iter().filter(|r| r.problem.is_none() && (is_changed(r) || r.operation_kind.is_some()));
    let rest: Vec<String> = rest.map(|r| format!("{} {}", r.kind, r.name)).collect();
    if !rest.is_empty() {
        problem.detail += &format!("\n`apply --yes` would do the rest: {}", rest.join(", "));
    }
    problem
}

/// The two ways on where verbs have changed a deployment since it was applied last.
fn overwrites(name: &str) -> String {
    format!(
        "to keep what was changed, take it into the manifest: nutkin get deployment {name} -o yaml; to overwrite it, \
         give --force: `diff --force` shows what `apply --force` would do"
    )
}

/// Some documents are applied and some are not: which, and why.
fn in_part(manifest: &Manifest, rows: &[Applied], hint: Option<String>) -> Problem {
    let mut lines = vec!["the documents are applied in part".to_owned()];
    for row in rows {
        // It is true of this document alone.
        let reason = row.problem.as_ref().map(|p| p.detail.trim_end_matches("; nothing was changed"));
        let operation = row.operation_id.as_ref().map(|id| format!(", operation {id}")).unwrap_or_default();
        lines.push(match (is_changed(row), reason) {
            (false, None) => format!("  unchanged: {} {}", row.kind, row.name),
            (true, None) => format!("  done: {} {}: {}{operation}", row.kind, row.name, row.action),
            (false, Some(reason)) => format!("  not done: {}", placed(manifest, row, reason)),
            (true, Some(reason)) => {
                let done = format!("{}{operation} is done, but not what follows: {reason}", row.action);
                format!("  half done: {}", placed(manifest, row, &done))
            }
        });
    }
    Problem::new(Code::InvalidSpec, lines.join("\n"))
        .hint(hint.unwrap_or_else(|| "mend what is not done and apply again: what is done stays".to_owned()))
}

/// Words about a document, at the place in the manifest that its problem is about.
fn placed(manifest: &Manifest, row: &Applied, words: &str) -> String {
    let detail = row.problem.as_ref().map_or(words, |p| p.detail.as_str());
    let place = manifest.place(&row.kind, &row.name, path_in_spec(detail));
    let place = place.map(|p| format!("{p}: ")).unwrap_or_default();
    format!("{place}{} {}: {words}", row.kind, row.name)
}

/// Where in the spec a problem is, by its first word: `spec.artifact/args/0: …`; empty where it is about all of it.
fn path_in_spec(detail: &str) -> &str {
    let path = detail.split(": ").next().unwrap_or_default();
    match path.strip_prefix("spec.") {
        Some(path) if !path.contains(' ') => path,
        _ => "",
    }
}

fn warnings(ctx: &Context, rows: &[Applied]) {
    for row in rows {
        for warning in &row.warnings {
            ctx.hint(&format!("{} {}: {}", row.kind, SafeText::line(&row.name), SafeText::line(warning)));
        }
    }
}

/// Every document with what changes in it, and what would be done about it.
fn foreseen(ctx: &Context, rows: &[Applied]) -> String {
    let plans = rows.iter().filter_map(|r| r.plan.as_ref());
    differences(ctx, rows)
        + &plans
            .map(|p| {
                let plan = program::plan((**p).clone(), &ctx.invocation());
                format!("\n{}", plan_text::draw(&plan, None, ctx.colour()))
            })
            .collect::<String>()
}

/// Every document with what changes in it.
fn differences(ctx: &Context, rows: &[Applied]) -> String {
    let mut out = String::new();
    for row in rows {
        let tone = match row.action {
            ApplyAction::Create | ApplyAction::Update => Tone::Good,
            ApplyAction::Unchanged => Tone::Dim,
            ApplyAction::Refused => Tone::Bad,
        };
        let then = row.operation_kind.map(|k| format!(", then {k}")).unwrap_or_default();
        out.push_str(&format!(
            "{} {}: {}{then}\n",
            SafeText::line(&row.kind),
            SafeText::line(&row.name),
            ctx.paint(tone, row.action.as_str())
        ));
        for d in &row.diff {
            out.push_str(&format!("    {}\n", plan_text::difference(d)));
        }
        for warning in &row.warnings {
            out.push_str(&format!("    mind: {}\n", SafeText::line(warning)));
        }
    }
    out
}
