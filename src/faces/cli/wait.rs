//! Watching an operation to its end, with the step at work on stderr.
//!
//! ```text
//!   watch stream ─┐
//!   a look, 2 s  ─┼─→ the operation, again → new steps printed, step at work drawn → ended? → exit code
//!   Ctrl-C, limit ┘   (the operation goes on; its id is printed)
//! ```

use std::time::Duration;

use futures_util::StreamExt as _;
use serde_json::Value;
use unicode_width::UnicodeWidthStr as _;

use super::{context::Context, exit::Exit, output::parse, table::Tone, words};
use crate::{
    client::{Client, Watch, program, routes},
    contract::{
        model::{Operation, Step},
        problem::{Code, Problem},
        watch::{Interest, WatchMessage},
    },
    domain::{
        operation::{Kind, OpState, StepState},
        text::{SafeText, fit},
        time::{Span, Timestamp, humane},
    },
};

/// How waiting came to its end.
#[derive(Debug)]
pub enum Waited {
    /// The operation ended, or needs a person.
    Ended(Box<Operation>, Value),
    /// The limit passed.
    TimedOut,
    /// Ctrl-C.
    Detached,
}

/// The exit code of an operation's end. A cancelled one may have had an effect before, or have one still.
#[must_use]
pub fn exit_of(operation: &Operation) -> Exit {
    match operation.state {
        OpState::Succeeded | OpState::Queued | OpState::Running => Exit::OK,
        OpState::Cancelled if operation.steps.iter().any(may_have_changed) => Exit::EFFECT,
        OpState::FailedNoEffect | OpState::Cancelled => Exit::FAILED,
        OpState::Failed | OpState::RolledBack | OpState::Abandoned => Exit::EFFECT,
        OpState::NeedsAttention | OpState::Resolved => Exit::ATTENTION,
    }
}

/// The step has changed the deployment, or nobody knows yet that it has not.
const fn may_have_changed(step: &Step) -> bool {
    step.name.changes_deployment()
        && matches!(step.state, StepState::Intent | StepState::Confirmed | StepState::Ambiguous)
}

/// Waiting is over: ended, or nothing goes on without a person.
const fn is_over(state: OpState) -> bool {
    !matches!(state, OpState::Queued | OpState::Running)
}

/// What goes on where an operation has ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Then {
    /// Nothing, or the child that resolved it.
    #[default]
    Nothing,
    /// A deployment that it made begins to run.
    Start(String),
}

/// Waits for the end of an operation, and of what goes on where it ends. A manager that restarts meanwhile is waited for.
pub async fn wait(ctx: &Context, id: &str, then: &Then, limit: Option<Span>) -> Result<Waited, Problem> {
    let mut progress = Progress::new(ctx);
    let chain = async {
        let mut ended = follow(ctx, id, &mut progress).await?;
        while let Some(next) = successor(ctx, &ended.0, then).await? {
            progress.next(&ended.0, &next);
            ended = follow(ctx, &next.operation_id, &mut progress).await?;
        }
        Ok(Waited::Ended(Box::new(ended.0), ended.1))
    };
    let waited = tokio::select! {
        ended = chain => ended,
        () = passed(limit) => Ok(Waited::TimedOut),
        _ = tokio::signal::ctrl_c() => Ok(Waited::Detached),
    };
    progress.clear();
    waited
}

/// The operation that goes on where one has ended; it may take a moment to appear.
async fn successor(ctx: &Context, ended: &Operation, then: &Then) -> Result<Option<Operation>, Problem> {
    let newest = routes::operations().with("limit", "50");
    let (route, is_next): (_, &dyn Fn(&Operation) -> bool) = match (ended.state, then) {
        (OpState::Resolved, _) => (newest, &|o| o.parent.as_ref() == Some(&ended.operation_id)),
        (OpState::Succeeded, Then::Start(name)) if ended.kind == Kind::Fork => {
            (newest.with("deployment", name), &|o| {
                o.kind == Kind::Start && o.parent.as_ref() == Some(&ended.operation_id)
            })
        }
        _ => return Ok(None),
    };
    for _ in 0..30 {
        let operations = ctx.client().await?.get(&route).await?.items;
        if let Some(next) = operations.into_iter().find(|o| is_next(o)) {
            return Ok(Some(next));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let what = format!("{} has ended and nothing goes on", ended.kind);
    Err(Problem::new(Code::WrongState, what)
        .hint("`nutkin events` tells why")
        .operation(ended.operation_id.clone()))
}

async fn passed(limit: Option<Span>) {
    match limit {
        Some(limit) => tokio::time::sleep(limit.0).await,
        None => std::future::pending().await,
    }
}

async fn follow(ctx: &Context, id: &str, progress: &mut Progress<'_>) -> Result<(Operation, Value), Problem> {
    let mut client = ctx.client().await?.clone();
    let mut watch = client.watch(&Interest::default(), None).await.ok();
    loop {
        match client.get_value(&routes::operation(id)).await {
            Ok(value) => {
                let operation: Operation = parse(&value)?;
                progress.show(&operation);
                if is_over(operation.state) {
                    return Ok((operation, value));
                }
            }
            Err(p) if p.code == Code::ManagerUnreachable => {
                progress.say("the manager is away; the operation goes on where it stopped");
                (client, watch) = again(ctx).await;
                continue;
            }
            Err(p) => return Err(p.operation(id)),
        }
        if !changed(&mut watch, id).await {
            watch = None;
        }
    }
}

/// A new connection, however long it takes: the caller's limit and Ctrl-C end it.
async fn again(ctx: &Context) -> (Client, Option<Watch>) {
    loop {
        if let Ok(client) = ctx.connect().await {
            let watch = client.watch(&Interest::default(), None).await.ok();
            return (client, watch);
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// Until the operation changed, or two seconds; `false` when the stream is broken.
async fn changed(watch: &mut Option<Watch>, id: &str) -> bool {
    let Some(stream) = watch else {
        tokio::time::sleep(Duration::from_millis(300)).await;
        return true;
    };
    let ours = async {
        loop {
            match stream.next().await {
                Some(Ok(event)) => match event.message {
                    WatchMessage::Operation { operation } if operation.operation_id == id => return true,
                    _ => {}
                },
                Some(Err(_)) | None => return false,
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(2), ours).await.unwrap_or(true)
}

/// Steps on stderr: finished ones as lines, the one at work in place where stderr is a terminal.
struct Progress<'a> {
    ctx: &'a Context,
    printed: usize,
    drawn: bool,
    said: String,
}

impl<'a> Progress<'a> {
    const fn new(ctx: &'a Context) -> Self {
        Self { ctx, printed: 0, drawn: false, said: String::new() }
    }

    fn show(&mut self, operation: &Operation) {
        let total = operation.steps.len();
        let done = operation
            .steps
            .iter()
            .take_while(|s| matches!(s.state, StepState::Confirmed | StepState::Skipped | StepState::Refuted))
            .count();
        for step in operation.steps.iter().take(done).skip(self.printed) {
            self.clear();
            self.ctx.hint(&finished(step, total));
        }
        self.printed = self.printed.max(done);
        if let Some(step) = operation.at_work().filter(|_| self.ctx.draws_progress()) {
            let line = at_work(step, total, self.ctx.look().now);
            self.ctx.draw(&format!("\r\x1b[K{}", fit(&line, width())));
            self.drawn = true;
        }
    }

    /// Another operation goes on where one has ended.
    fn next(&mut self, ended: &Operation, child: &Operation) {
        self.printed = 0;
        self.say(&format!("{} {}, {} of {} goes on", ended.kind, ended.state, child.kind, child.deployment));
    }

    fn say(&mut self, text: &str) {
        if self.said != text {
            self.clear();
            self.ctx.hint(text);
            text.clone_into(&mut self.said);
        }
    }

    fn clear(&mut self) {
        if std::mem::take(&mut self.drawn) {
            self.ctx.draw("\r\x1b[K");
        }
    }
}

/// Columns of the terminal behind stderr.
fn width() -> usize {
    rustix::termios::tcgetwinsize(std::io::stderr()).map_or(80, |w| usize::from(w.ws_col).max(20)) - 1
}

fn finished(step: &Step, total: usize) -> String {
    let took =
        step.started_at.zip(step.ended_at).map(|(from, to)| format!(" {}", humane(to.seconds_since(from))));
    let mark = match step.state {
        StepState::Refuted => "failed",
        StepState::Skipped => "not needed",
        _ => "done",
    };
    let line = format!("  {}/{total} {}: {mark}{}", step.n, title(step), took.unwrap_or_default());
    with_detail(line, &step.detail)
}

fn at_work(step: &Step, total: usize, now: Timestamp) -> String {
    let since =
        step.started_at.map(|from| format!(" {}", humane(now.seconds_since(from)))).unwrap_or_default();
    let tries = if step.attempts > 1 { format!(" (attempt {})", step.attempts) } else { String::new() };
    with_detail(format!("  {}/{total} {}{since}{tries}", step.n, title(step)), &step.detail)
}

/// What a step does, in the words of its plan; an older manager tells its name alone.
fn title(step: &Step) -> String {
    let title = if step.title.is_empty() { step.name.as_str() } else { &step.title };
    SafeText::line(&words::short_places(title)).to_string()
}

fn with_detail(line: String, detail: &str) -> String {
    let detail = SafeText::line(&words::short_places(detail));
    if detail.as_str().width() == 0 { line } else { format!("{line} · {detail}") }
}

/// Prints what waiting came to, and answers the exit code.
pub fn conclude(ctx: &Context, id: &str, waited: Waited) -> Result<Exit, Problem> {
    let later = format!("`{} operation wait {id}` goes on watching", ctx.invocation());
    match waited {
        Waited::Ended(operation, value) => {
            ctx.print_one(&value, id, || summary(ctx, &operation))?;
            if operation.state == OpState::NeedsAttention && ctx.global.output.is_for_people() {
                ctx.hint(&choices(ctx, &operation));
            }
            Ok(exit_of(&operation))
        }
        Waited::TimedOut => {
            ctx.report(
                &Problem::new(Code::TimedOut, "the time to wait is over; the operation goes on")
                    .hint(later)
                    .operation(id),
            );
            Ok(Exit::TIMED_OUT)
        }
        Waited::Detached => {
            ctx.note(&format!("detached from operation {id}, which goes on; {later}"));
            Ok(Exit::DETACHED)
        }
    }
}

/// One operation for people: what, where it stands, what it brought or why it failed.
#[must_use]
pub fn summary(ctx: &Context, operation: &Operation) -> String {
    // Where a snapshot went is what these are about; elsewhere its end tells it apart.
    let whole = matches!(operation.kind, Kind::Savepoint | Kind::Suspend);
    told(ctx, operation, whole || ctx.look().wide)
}

/// [`summary`], with whole places of snapshots or only their ends.
#[must_use]
pub fn told(ctx: &Context, operation: &Operation, whole: bool) -> String {
    let words = |text: &str| if whole { text.to_owned() } else { words::short_places(text) };
    let state = words::op_state(operation.state);
    let took = operation
        .started_at
        .zip(operation.ended_at)
        .map(|(a, b)| format!(" in {}", humane(b.seconds_since(a))));
    let colour = ctx.colour();
    let tone = match operation.state {
        OpState::Succeeded => Tone::Good,
        OpState::Queued | OpState::Running => Tone::Busy,
        _ => Tone::Bad,
    };
    let mut text = format!(
        "{} {} {}{}   operation {}\n",
        operation.kind,
        SafeText::line(&operation.deployment),
        tone.paint(state.text(), colour),
        took.unwrap_or_default(),
        SafeText::line(&operation.operation_id),
    );
    for (what, id) in [
        ("made by", &operation.parent),
        ("took over from", &operation.supersedes),
        ("superseded by", &operation.superseded_by),
    ] {
        if let Some(id) = id {
            text.push_str(&format!("  {what} operation {}\n", SafeText::line(id)));
        }
    }
    if let Some(result) = &operation.result {
        text.push_str(&format!("  {}\n", SafeText::line(&words(result))));
    }
    if let Some(error) = &operation.error {
        let message = words(&operation.error_text().unwrap_or_default());
        text.push_str(&format!("  {}: {}\n", SafeText::line(&error.code), SafeText::line(&message)));
        if let Some(hint) = &error.hint {
            let hint = program::addressed(hint, &ctx.invocation());
            text.push_str(&format!("  hint: {}\n", SafeText::line(&hint)));
        }
    }
    text
}

/// The ways out of an operation that needs a person, as command lines.
#[must_use]
pub fn choices(ctx: &Context, operation: &Operation) -> String {
    let nutkin = ctx.invocation();
    let mut text = "a person is needed; choose one:".to_owned();
    for choice in &operation.choices {
        let needs = if choice.needs.as_deref() == Some("location") { " --location URI" } else { "" };
        text.push_str(&format!(
            "\n  {nutkin} operation choose {} {}{needs}\n      {}: {}",
            SafeText::line(&operation.operation_id),
            choice.id,
            SafeText::line(&choice.title),
            SafeText::line(&choice.effect),
        ));
    }
    text
}
