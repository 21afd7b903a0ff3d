//! `nutkin manager …`

use std::{
    fs::File,
    io::{Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Subcommand;
use serde_json::json;

use super::{
    args::Format,
    context::{Context, until_interrupted},
    exit::{Exit, Outcome},
};
use crate::{
    client::{connect, lock},
    contract::problem::{Code, Problem},
    domain::{
        event::Via,
        text::SafeText,
        time::{Span, humane},
    },
};

/// `nutkin manager`.
#[derive(Debug, Subcommand)]
pub enum ManagerCommand {
    /// Whether one runs, and which. Starts none.
    Status,
    /// Stop it at a step boundary, start this build's.
    Restart(StopArgs),
    /// Stop it at a step boundary; operations go on at the next start.
    Stop(StopArgs),
    /// What it says; for machines an object a line.
    Log {
        /// Stay, and print what comes.
        #[arg(short, long)]
        follow: bool,
        /// The last lines.
        #[arg(long, value_name = "N", default_value_t = 100)]
        tail: usize,
    },
}

/// How long to wait for it to leave.
#[derive(Debug, clap::Args)]
pub struct StopArgs {
    /// Longest wait for a step boundary.
    #[arg(long, value_name = "D", default_value = "1m")]
    timeout: Span,
}

impl ManagerCommand {
    pub(super) async fn run(self, ctx: &Context) -> Outcome {
        if let Some(server) = &ctx.global.server {
            return Err(not_there(server));
        }
        match self {
            Self::Status => status(ctx).await,
            Self::Stop(args) => stop(ctx, args.timeout).await,
            Self::Restart(args) => {
                lock::stop(&ctx.paths.state_dir, args.timeout.0, &*ctx.wiring.clock).await?;
                connect::connect(&ctx.place(), Some(&ctx.spawn()?), Via::Cli).await?;
                status(ctx).await
            }
            Self::Log { follow, tail } => log(ctx, follow, tail).await,
        }
    }
}

/// Processes and logs are of this machine: a manager behind a socket has its own `manager` command where it runs.
fn not_there(server: &str) -> Problem {
    let detail = format!(
        "`nutkin manager` looks after the manager of a state directory, and --server or NUTKIN_SERVER names {server}; \
         nothing was changed"
    );
    Problem::new(Code::BadRequest, detail)
        .hint("name the state directory with --profile or --state-dir, or leave the server out; `nutkin doctor` asks it how it is")
}

async fn status(ctx: &Context) -> Outcome {
    let state_dir = &ctx.paths.state_dir;
    let running = connect::running(&ctx.place(), Via::Cli).await;
    let health = match &running {
        Some(client) => client.health().await.ok(),
        None => None,
    };
    let holder = lock::read(state_dir).filter(|_| lock::is_held(state_dir).unwrap_or(false));
    let value = json!({
        "running": health.is_some(),
        "stateDir": state_dir.display().to_string(),
        "socket": holder.as_ref().map(|h| h.socket.display().to_string()),
        "pid": holder.as_ref().map(|h| h.pid),
        "startedAt": holder.as_ref().map(|h| h.started_at),
        "health": health,
    });
    let now = ctx.look().now;
    ctx.print_one(&value, &state_dir.display().to_string(), || match (&holder, &health) {
        (None, _) => format!("no manager runs for {}\n", state_dir.display()),
        (Some(h), health) => format!(
            "{} for {}\n  process {}, since {}\n  socket {}\n  build {}, API level {}{}\n",
            if health.is_some() { "a manager runs" } else { "a manager holds the lock and does not answer" },
            state_dir.display(),
            h.pid,
            humane(now.seconds_since(h.started_at)),
            h.socket.display(),
            SafeText::line(&h.build),
            h.api_level,
            if health.as_ref().is_some_and(|h| h.read_only) { ", read-only" } else { "" },
        ),
    })?;
    Ok(match (&holder, &health) {
        (_, Some(_)) => Exit::OK,
        (Some(_), None) => Exit(Code::ManagerUnreachable.exit_code()),
        (None, None) => Exit::FAILED,
    })
}

async fn stop(ctx: &Context, timeout: Span) -> Outcome {
    let state_dir = &ctx.paths.state_dir;
    let ran = lock::stop(state_dir, timeout.0, &*ctx.wiring.clock).await?;
    let words = if ran { "stopped" } else { "none ran" };
    let value = json!({ "stopped": ran, "stateDir": state_dir.display().to_string() });
    ctx.print_one(&value, words, || format!("manager of {}: {words}\n", state_dir.display()))?;
    Ok(Exit::OK)
}

async fn log(ctx: &Context, follow: bool, tail: usize) -> Outcome {
    let folder = ctx.paths.log_dir();
    let Some(mut file) = newest(&folder) else {
        return Err(Problem::new(Code::NotFound, format!("no log in {}", folder.display()))
            .hint("a manager writes it when it starts"));
    };
    let (text, mut at) = end_of(&file)?;
    let lines: Vec<&str> = text.lines().collect();
    let last = lines.get(lines.len().saturating_sub(tail)..).unwrap_or_default();
    print(ctx, &last.join("\n"))?;
    if !follow {
        return Ok(Exit::OK);
    }
    let follow = async {
        loop {
            tokio::time::sleep(Duration::from_millis(250)).await;
            // Looked up first: whatever the old file gets before the new one is there is read below.
            let next = newest(&folder).filter(|newest| *newest != file);
            let (text, end) = read_from(&file, at)?;
            print(ctx, text.trim_end_matches('\n'))?;
            at = end;
            // At midnight the manager goes on in another file.
            if let Some(next) = next {
                (file, at) = (next, 0);
            }
        }
    };
    until_interrupted(follow).await
}

fn print(ctx: &Context, text: &str) -> Result<(), Problem> {
    if text.is_empty() {
        return Ok(());
    }
    let line = |l: &str| match ctx.global.output {
        Format::Json => format!("{}\n", json!({ "line": l })),
        Format::Yaml => format!("---\n{}", ctx.yaml(&json!({ "line": l }))),
        _ => format!("{}\n", SafeText::line(l)),
    };
    ctx.print(&text.lines().map(line).collect::<String>())
}

fn newest(folder: &Path) -> Option<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .ok()?
        .filter_map(|e| Some(e.ok()?.path()))
        .filter(|p| p.file_name().is_some_and(|n| n.to_string_lossy().starts_with("manager")))
        .collect();
    // The date is part of the name.
    files.sort();
    files.pop()
}

/// Most of a log that is read at once, in bytes.
const CHUNK: u64 = 16 << 20;

/// The whole lines at the end of a log, and where it ends.
fn end_of(file: &Path) -> Result<(String, u64), Problem> {
    let size = std::fs::metadata(file).map_err(|e| unreadable(file, &e))?.len();
    let from = size.saturating_sub(CHUNK);
    let (text, end) = read_from(file, from)?;
    let whole = if from == 0 { 0 } else { text.find('\n').map_or(0, |n| n + 1) };
    Ok((text.get(whole..).unwrap_or_default().to_owned(), end))
}

fn unreadable(file: &Path, e: &std::io::Error) -> Problem {
    Problem::new(Code::NotFound, format!("{} cannot be read: {e}", file.display()))
}

/// Whole lines from a place on, and the place behind them: a line that is being written comes with the next look.
fn read_from(file: &Path, at: u64) -> Result<(String, u64), Problem> {
    let failed = |e: std::io::Error| unreadable(file, &e);
    let mut open = File::open(file).map_err(failed)?;
    open.seek(SeekFrom::Start(at)).map_err(failed)?;
    let mut bytes = Vec::new();
    open.take(CHUNK).read_to_end(&mut bytes).map_err(failed)?;
    let whole = bytes.iter().rposition(|b| *b == b'\n').map_or(0, |end| end + 1);
    let is_full = u64::try_from(bytes.len()).is_ok_and(|n| n >= CHUNK);
    if whole > 0 || !is_full {
        bytes.truncate(whole);
    }
    let end = at + u64::try_from(bytes.len()).unwrap_or(0);
    Ok((String::from_utf8_lossy(&bytes).into_owned(), end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_large_log_is_read_and_the_newest_file_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let old = folder.path().join("manager.2026-11-24.log");
        let line = format!("{}\n", "x".repeat(1023));
        let lines = usize::try_from(CHUNK).unwrap() / 1024 + 5;
        std::fs::write(&old, line.repeat(lines) + "last\nhalf").unwrap();
        let (text, at) = end_of(&old).unwrap();
        assert!(text.ends_with("x\nlast\n") && text.lines().next().unwrap().len() == 1023);
        assert_eq!(
            read_from(&old, at).unwrap(),
            (String::new(), at),
            "a line that is being written is waited for"
        );
        std::fs::write(&old, line.repeat(lines) + "last\nhalf a line\n").unwrap();
        assert_eq!(read_from(&old, at).unwrap().0, "half a line\n");

        assert_eq!(newest(folder.path()).as_deref(), Some(old.as_path()));
        let new = folder.path().join("manager.2026-11-25.log");
        std::fs::write(&new, "").unwrap();
        assert_eq!(newest(folder.path()), Some(new));
    }
}
