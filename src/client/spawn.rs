//! Starting a manager that outlives its client.
//!
//! ```text
//!   client ── nutkin serve --detached ──→ child: own session, cwd /, umask 077, log file on stderr
//!      ▲                                    │
//!      └──── one line on the child's stdout: "ready" | "held" | a problem as JSON ────┘  then stdout is /dev/null
//! ```

use std::{
    ffi::OsString,
    fs::{DirBuilder, OpenOptions},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    process::Stdio,
};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};

use super::{ClientResult, connect::START};
use crate::contract::problem::{Code, Problem};

/// How a manager is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spawn {
    /// The program.
    pub program: PathBuf,
    /// Its arguments, with absolute paths.
    pub arguments: Vec<OsString>,
    /// The directory that it will own; made if absent.
    pub state_dir: PathBuf,
    /// Where its words go before its own log is open.
    pub log: PathBuf,
}

/// What a start came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Our child holds the state directory and listens.
    Ready,
    /// Another manager holds it; our child has left.
    Held,
}

/// The child's word for [`Outcome::Ready`].
pub const READY: &str = "ready";
/// The child's word for [`Outcome::Held`].
pub const HELD: &str = "held";

/// Variables that a detached manager keeps; everything else belongs to the client's terminal.
fn keeps(name: &str) -> bool {
    const NAMES: &[&str] = &[
        "PATH",
        "HOME",
        "USER",
        "LOGNAME",
        "LANG",
        "TZ",
        "TMPDIR",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "JAVA_HOME",
    ];
    NAMES.contains(&name) || ["LC_", "XDG_", "NUTKIN_"].iter().any(|p| name.starts_with(p))
}

/// Whether the directory belongs to this user.
fn is_ours(dir: &Path) -> bool {
    std::fs::metadata(dir).is_ok_and(|m| m.uid() == rustix::process::geteuid().as_raw())
}

/// Starts a manager and waits for its word.
pub async fn start(spawn: &Spawn) -> ClientResult<Outcome> {
    let failed = |what: &str, e: &std::io::Error| {
        let detail = format!("no manager could be started: {what}: {e}; nothing was changed");
        Problem::new(Code::ManagerUnreachable, detail)
            .hint(format!("check {}, or name another directory with --state-dir", spawn.state_dir.display()))
    };
    let mut folders = DirBuilder::new();
    folders.recursive(true).mode(0o700);
    folders.create(&spawn.state_dir).map_err(|e| failed(&spawn.state_dir.display().to_string(), &e))?;
    // The manager refuses somebody else's directory; until then nothing may be left there.
    let log = if is_ours(&spawn.state_dir) { spawn.log.as_path() } else { Path::new("/dev/null") };
    if let Some(folder) = log.parent() {
        folders.create(folder).map_err(|e| failed(&folder.display().to_string(), &e))?;
    }
    let log = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(log)
        .map_err(|e| failed(&log.display().to_string(), &e))?;

    // Descriptors that somebody left open for us (a shell's lock file) must not live on in the manager.
    close_fds::set_fds_cloexec_threadsafe(3, &[]);
    let mut child = tokio::process::Command::new(&spawn.program)
        .args(&spawn.arguments)
        .env_clear()
        .envs(std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(keeps)))
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .map_err(|e| failed(&spawn.program.display().to_string(), &e))?;

    let Some(stdout) = child.stdout.take() else {
        return Err(Problem::new(Code::Internal, "the manager's readiness pipe is missing"));
    };
    let mut line = String::new();
    let mut reader = BufReader::new(stdout.take(64 << 10));
    match tokio::time::timeout(START, reader.read_line(&mut line)).await {
        Ok(Ok(_)) => word(line.trim(), spawn),
        Ok(Err(e)) => Err(failed("its word could not be read", &e)),
        // Slow is not failed: it may still come up, and connecting decides.
        Err(_) => Ok(Outcome::Ready),
    }
}

fn word(line: &str, spawn: &Spawn) -> ClientResult<Outcome> {
    match line {
        READY => Ok(Outcome::Ready),
        HELD => Ok(Outcome::Held),
        _ => Err(serde_json::from_str(line).unwrap_or_else(|_| {
            Problem::new(Code::ManagerUnreachable, "the manager ended while it started")
                .hint(format!("{} has its last words", spawn.log.display()))
        })),
    }
}
