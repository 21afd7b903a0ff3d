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
use crate::{
    contract::problem::{Code, Problem},
    domain::{netfs, read_only::ReadOnly},
};

/// How a manager is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spawn {
    /// The executable, with an absolute path.
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

/// Whether this is a directory of this user's, and no link to one.
fn is_ours(dir: &Path) -> bool {
    let us = rustix::process::geteuid().as_raw();
    std::fs::symlink_metadata(dir).is_ok_and(|m| m.is_dir() && m.uid() == us)
}

/// Whether it is closed to everybody else as well. The manager refuses an open one that holds somebody's files, and takes
/// an empty one: until it has judged, nothing may be put there.
fn is_private(dir: &Path) -> bool {
    is_ours(dir) && std::fs::symlink_metadata(dir).is_ok_and(|m| m.mode() & 0o077 == 0)
}

/// The network file system on which a folder is; what cannot be looked at is for the manager to judge.
fn network_file_system(folder: &Path) -> Option<&'static str> {
    let stat = rustix::fs::statfs(folder).ok()?;
    netfs::network_file_system(netfs::magic(stat.f_type.into()))
}

/// The state directory, or the nearest folder above one that is to be made.
fn existing(state_dir: &Path) -> &Path {
    state_dir.ancestors().find(|p| p.exists()).unwrap_or(Path::new("/"))
}

/// The manager refuses a network file system, and would say that nothing was changed: so it is refused before the folders
/// for its log are made. `kind` looks at a folder that exists, the nearest one above a state directory that does not.
fn refuse_remote(state_dir: &Path, kind: impl FnOnce(&Path) -> Option<&'static str>) -> ClientResult<()> {
    let Some(kind) = kind(existing(state_dir)) else { return Ok(()) };
    let detail = format!(
        "{} is on a network file system ({kind}), where a database can lose committed data; no manager was started \
         and nothing was changed",
        state_dir.display()
    );
    let local = netfs::local_place(rustix::process::geteuid().as_raw());
    Err(Problem::new(Code::NotSupported, detail)
        .hint(format!("use a local directory: --state-dir {}", local.display())))
}

/// Refuses a place where no manager could keep its state, before anything is made there.
///
/// # Errors
/// It is on a network file system, or read-only.
pub fn refuse_place(state_dir: &Path) -> ClientResult<()> {
    refuse_remote(state_dir, network_file_system)?;
    refuse_read_only(state_dir)
}

/// Whether a directory that is not ours may be used at all is for the manager to judge.
fn refuse_read_only(state_dir: &Path) -> ClientResult<()> {
    use rustix::fs::{Access, access};
    let existing = existing(state_dir);
    if !existing.is_dir() || (existing == state_dir && !is_ours(existing)) {
        return Ok(());
    }
    let refused = access(existing, Access::WRITE_OK | Access::EXEC_OK).map_err(std::io::Error::from).err();
    match refused.and_then(|e| ReadOnly::of(e.kind())) {
        Some(why) => Err(read_only(state_dir, why)),
        // Whatever else is wrong shows itself in the attempt.
        None => Ok(()),
    }
}

fn read_only(state_dir: &Path, why: ReadOnly) -> Problem {
    let detail = format!(
        "{} is read-only, and nutkin keeps its state there: {}; no manager was started and nothing was changed",
        state_dir.display(),
        why.why()
    );
    Problem::new(Code::BadRequest, detail)
        .hint(format!("{}, or name another directory with --state-dir", why.remedy()))
}

/// Makes the state directory if it is absent; whatever else is there is for the manager to judge.
fn make(folders: &DirBuilder, spawn: &Spawn) -> ClientResult<()> {
    let dir = &spawn.state_dir;
    if std::fs::symlink_metadata(dir).is_ok() {
        return Ok(());
    }
    folders.create(dir).map_err(|e| match ReadOnly::of(e.kind()) {
        Some(why) => read_only(dir, why),
        None => failed(spawn, &dir.display().to_string(), &e),
    })
}

fn failed(spawn: &Spawn, what: &str, e: &std::io::Error) -> Problem {
    let detail = format!("no manager could be started: {what}: {e}; nothing was changed");
    Problem::new(Code::ManagerUnreachable, detail)
        .hint(format!("check {}, or name another directory with --state-dir", spawn.state_dir.display()))
}

/// Starts a manager and waits for its word.
pub async fn start(spawn: &Spawn) -> ClientResult<Outcome> {
    start_where(spawn, network_file_system).await
}

async fn start_where(
    spawn: &Spawn,
    kind: impl FnOnce(&Path) -> Option<&'static str>,
) -> ClientResult<Outcome> {
    refuse_remote(&spawn.state_dir, kind)?;
    refuse_read_only(&spawn.state_dir)?;
    let failed = |what: &str, e: &std::io::Error| failed(spawn, what, e);
    let mut folders = DirBuilder::new();
    folders.recursive(true).mode(0o700);
    make(&folders, spawn)?;
    let log = if is_private(&spawn.state_dir) { spawn.log.as_path() } else { Path::new("/dev/null") };
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

#[cfg(test)]
mod tests {
    use super::*;

    fn below(home: &Path) -> Spawn {
        let state_dir = home.join("state/nutkin");
        let log = state_dir.join("log/start.log");
        Spawn { program: "false".into(), arguments: vec![], state_dir, log }
    }

    #[tokio::test]
    async fn nothing_is_made_on_a_network_file_system() {
        let home = tempfile::tempdir().unwrap();
        let spawn = below(home.path());
        let mut asked = None;
        let refused = start_where(&spawn, |p| {
            asked = Some(p.to_owned());
            Some("NFS")
        })
        .await
        .unwrap_err();
        assert_eq!(asked.as_deref(), Some(home.path()), "the nearest folder that exists");
        assert_eq!(refused.code.exit_code(), 2);
        assert!(
            refused.detail.contains("NFS") && refused.detail.contains("nothing was changed"),
            "{refused}"
        );
        assert!(refused.hint.unwrap().contains("--state-dir /var/tmp/nutkin-"));
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn on_a_local_one_the_folders_are_made_for_the_log() {
        let home = tempfile::tempdir().unwrap();
        let spawn = below(home.path());
        let ended = start_where(&spawn, |_| None).await.unwrap_err();
        assert_eq!(ended.code, Code::ManagerUnreachable);
        assert!(spawn.log.exists());
        assert_eq!(network_file_system(Path::new("/proc")), None);
    }
}
