//! From a verb to its operation: plan, confirmation, the act, its end.
//!
//! ```text
//!   terminal: plan ─→ shown ─→ y | typed name ─→ act with the plan's digest ─→ wait
//!   script:   plan ─→ its warnings, --yes | --confirm ─→ act ─→ (--wait) wait
//! ```

use std::{io::BufRead as _, time::Duration};

use clap::Args;

use super::{
    context::Context,
    exit::{Exit, Outcome},
    output::parse,
    plan_text, wait,
};
use crate::{
    client::{Act, program},
    contract::{
        intent::Meta,
        model::Operation,
        plan::{Confirmation, Plan, Submitted},
        problem::{Code, Problem},
    },
    domain::{text::SafeText, time::Span},
};

/// How long an act waits for the warnings of its plan.
const WARNING: Duration = Duration::from_secs(3);

/// Whether to wait for the end of what was accepted, and for how long.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct WaitFlags {
    /// Wait for the end and show progress; the default on a terminal.
    #[arg(long, overrides_with = "no_wait")]
    pub wait: bool,
    /// Print what was accepted and leave.
    #[arg(long, conflicts_with = "timeout")]
    pub no_wait: bool,
    /// Wait, and stop waiting after this long; what was accepted goes on.
    #[arg(long, value_name = "D")]
    pub timeout: Option<Span>,
}

/// What every lifecycle verb takes.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Act")]
pub struct ActFlags {
    #[command(flatten)]
    pub waiting: WaitFlags,
    /// Why, for the event log.
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Yes to what needs a confirmation.
    #[arg(short, long)]
    pub yes: bool,
    /// The deployment's name, where protection asks for it.
    #[arg(long, value_name = "NAME")]
    pub confirm: Option<String>,
    /// Print the plan: steps, restore point and why, warnings. Nothing is changed.
    #[arg(long)]
    pub dry_run: bool,
    /// A key of this act: sending it again with the same key does it once.
    #[arg(long, value_name = "K")]
    pub idempotency_key: Option<String>,
    /// The deployment that the act makes.
    #[arg(skip)]
    pub makes: Option<String>,
    /// What the goal is reached with, when it is not this operation.
    #[arg(skip)]
    pub then: wait::Then,
}

impl WaitFlags {
    /// Whether to wait: as was said, else where a person looks.
    #[must_use]
    pub const fn waits(&self, ctx: &Context) -> bool {
        self.wait || self.timeout.is_some() || (!self.no_wait && ctx.is_interactive())
    }
}

impl ActFlags {
    /// Reason and confirmation as given.
    #[must_use]
    pub fn meta(&self) -> Meta {
        Meta { reason: self.reason.clone(), expect: None, yes: self.yes, confirm: self.confirm.clone() }
    }
}

/// Submits a verb. `make` puts reason, confirmation and expected plan into its request.
pub async fn submit(ctx: &Context, flags: &ActFlags, make: impl Fn(Meta) -> Act<Submitted>) -> Outcome {
    let client = ctx.client().await?;
    let mut meta = flags.meta();
    if flags.dry_run {
        let value = client.act_value(&make(meta).dry_run(true)).await?;
        let plan: Plan = program::plan(parse(&value)?, &ctx.invocation());
        ctx.print_one(&value, &plan.plan_digest, || {
            plan_text::draw(&plan, flags.makes.as_deref(), ctx.colour())
        })?;
        return Ok(would_end(&plan));
    }
    if ctx.is_interactive() {
        let plan = program::plan(client.plan(&make(meta.clone())).await?, &ctx.invocation());
        if !ctx.global.quiet {
            ctx.draw(&plan_text::draw(&plan, flags.makes.as_deref(), ctx.colour()));
        }
        if let Some(refusal) = plan.refusal() {
            return Err(refusal);
        }
        if !confirmed(ctx, &plan, &mut meta)? {
            ctx.hint("nothing was changed");
            return Ok(Exit::FAILED);
        }
        meta.expect = Some(plan.plan_digest);
    } else if !ctx.global.quiet
        && let Some(plan) = foreseen(client.plan(&make(meta.clone()))).await
    {
        warn(ctx, &plan);
    }
    let act = make(meta).with_key(flags.idempotency_key.as_deref());
    let value = client.act_value(&act).await?;
    let operation: Operation = parse(&value)?;
    let id = operation.operation_id.clone();
    if flags.waiting.waits(ctx) {
        let waited = wait::wait(ctx, &id, &flags.then, flags.waiting.timeout).await?;
        return wait::conclude(ctx, &id, waited);
    }
    ctx.print_one(&value, &id, || wait::summary(ctx, &operation))?;
    Ok(wait::exit_of(&operation))
}

/// The exit code of a dry run: what the act itself would end with before anything is changed.
fn would_end(plan: &Plan) -> Exit {
    match plan.refusal() {
        _ if plan.runnable => Exit::OK,
        Some(refusal) => Exit(refusal.code.exit_code()),
        None => Exit::FAILED,
    }
}

/// What a dry run answers in time, for its warnings. They are a courtesy where nobody is asked: a plan that does not come
/// holds up nothing, and what is wrong with it the act itself will say.
pub async fn foreseen<T>(plan: impl Future<Output = Result<T, Problem>>) -> Option<T> {
    tokio::time::timeout(WARNING, plan).await.ok()?.ok()
}

/// Says what a plan warns of.
pub fn warn(ctx: &Context, plan: &Plan) {
    for warning in &plan.warnings {
        ctx.note(&format!("warning: {}", SafeText::line(warning)));
    }
}

/// Asks for what the plan's protection wants, unless it was given.
fn confirmed(ctx: &Context, plan: &Plan, meta: &mut Meta) -> Result<bool, Problem> {
    match plan.confirmation {
        Confirmation::None => Ok(true),
        Confirmation::Yes if meta.yes => Ok(true),
        Confirmation::Yes => {
            meta.yes = agrees(ctx, &format!("{} {}?", plan.kind, plan.deployment))?;
            Ok(meta.yes)
        }
        Confirmation::TypeName if meta.confirm.is_some() => Ok(true),
        Confirmation::TypeName => {
            let typed = ask(ctx, &format!("type {} to confirm: ", plan.typed_name))?;
            let right = typed == plan.typed_name;
            meta.confirm = Some(typed);
            meta.yes = right;
            Ok(right)
        }
    }
}

/// Asks a question that only a yes agrees to.
pub fn agrees(ctx: &Context, question: &str) -> Result<bool, Problem> {
    Ok(is_yes(&ask(ctx, &format!("{question} [y/N] "))?))
}

/// Whether an answer to `[y/N]` is a yes.
#[must_use]
pub fn is_yes(answer: &str) -> bool {
    ["y", "yes"].iter().any(|yes| answer.trim().eq_ignore_ascii_case(yes))
}

/// Asks on stderr, reads a line of stdin.
pub fn ask(ctx: &Context, question: &str) -> Result<String, Problem> {
    ctx.draw(question);
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).map_err(|e| {
        Problem::new(Code::ConfirmationRequired, format!("no answer: {e}; nothing was changed"))
    })?;
    Ok(line.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("y", true)]
    #[case("Y", true)]
    #[case("yes\n", true)]
    #[case(" YES ", true)]
    #[case("", false)]
    #[case("n", false)]
    #[case("yess", false)]
    #[case("ye", false)]
    fn only_a_yes_agrees(#[case] answer: &str, #[case] agrees: bool) {
        assert_eq!(is_yes(answer), agrees);
    }
}
