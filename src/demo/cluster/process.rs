//! Processes that outlive us, and that are found again without ever hitting a stranger.
//!
//! A process id alone is not an identity: the number is given to another process later. With the time
//! of its start it is, so both are recorded, and only a process that still has both is signalled.

use std::{
    ffi::OsString,
    fs::{self, OpenOptions},
    io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};

use crate::demo::requirements::Machine;

/// A process that was started here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Process {
    /// What it is to us, for example `jm` or `tm1`.
    pub name: String,
    /// Its id.
    pub pid: u32,
    /// Boot of the machine and clock ticks since then, when it started.
    pub started: String,
}

/// How to start a process.
#[derive(Debug)]
pub struct Launch {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Variables besides the inherited ones.
    pub env: Vec<(&'static str, PathBuf)>,
    /// Its working directory.
    pub cwd: PathBuf,
    /// Standard output and errors are appended here; there is no standard input.
    pub output: PathBuf,
}

/// Starts a process in a session of its own, with no descriptor of ours.
///
/// # Errors
/// When the program cannot be run or the output cannot be opened.
pub fn start(name: &str, launch: &Launch) -> io::Result<Process> {
    let output = OpenOptions::new().create(true).append(true).open(&launch.output)?;
    // Whoever waits for the end of a pipe or a lock that we inherited must not wait for this process too.
    close_fds::set_fds_cloexec_threadsafe(3, &[]);
    let child = in_own_session(&launch.program)
        .args(&launch.args)
        .envs(launch.env.iter().map(|(key, value)| (key, value)))
        .current_dir(&launch.cwd)
        .stdin(Stdio::null())
        .stderr(output.try_clone()?)
        .stdout(output)
        .spawn()?;
    let pid = child.id();
    let started = start_of(pid).ok_or_else(|| io::Error::other("ended at once"))?;
    Ok(Process { name: name.to_owned(), pid, started })
}

/// Closing the terminal signals everything in its session; `setsid` keeps the process id.
fn in_own_session(program: &Path) -> Command {
    use std::os::unix::process::CommandExt;
    if let Some(setsid) = Machine::here().find("setsid") {
        let mut command = Command::new(setsid);
        command.arg(program);
        command
    } else {
        let mut command = Command::new(program);
        command.process_group(0); // spares it at least Ctrl-C
        command
    }
}

impl Process {
    /// Whether exactly this process still runs (one that has ended and was not collected does not).
    #[must_use]
    pub fn is_alive(&self) -> bool {
        start_of(self.pid).is_some_and(|started| started == self.started)
    }

    /// Asks it to end.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Ends it without asking.
    pub fn kill(&self) {
        self.signal(Signal::KILL);
    }

    /// Stops it in its tracks, as a frozen machine would.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets a frozen process go on.
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid.filter(|_| self.is_alive()) {
            // It may have ended in this moment, which is what was wanted.
            let _ = kill_process(pid, signal);
        }
    }
}

/// When the process started; `None` when there is none or it has ended.
fn start_of(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    ticks_of(&stat).map(|ticks| format!("{} {ticks}", boot.trim()))
}

/// Field 22 of `/proc/PID/stat`, unless field 3 says that it is a zombie or dead.
fn ticks_of(stat: &str) -> Option<u64> {
    // The name in field 2 may hold anything, also spaces and brackets.
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    let state = fields.next()?;
    if ["Z", "X", "x"].contains(&state) { None } else { fields.nth(18)?.parse().ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks until it is so.
    fn until(what: &str, holds: impl Fn() -> bool) {
        for _ in 0..6_000 {
            if holds() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        panic!("waited a minute for {what}");
    }

    fn sleeper(folder: &Path) -> Process {
        let launch = Launch {
            program: "sleep".into(),
            args: vec!["60".into()],
            env: vec![],
            cwd: folder.to_owned(),
            output: folder.join("out"),
        };
        start("sleeper", &launch).unwrap()
    }

    #[test]
    fn a_process_runs_in_its_own_session_until_killed() {
        let folder = tempfile::tempdir().unwrap();
        let process = sleeper(folder.path());
        assert!(process.is_alive());
        process.kill();
        until("its end", || !process.is_alive());
    }

    #[test]
    fn a_process_holds_no_pipe_of_ours_and_has_its_own_session() {
        let folder = tempfile::tempdir().unwrap();
        let (_read, write) = rustix::pipe::pipe().unwrap(); // inheritable, as a shell's are
        let process = sleeper(folder.path());
        // Its own descriptors are looked at: a child that another test starts may hold the pipe for a moment.
        let ours =
            fs::read_link(format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&write))).unwrap();
        let held = fs::read_dir(format!("/proc/{}/fd", process.pid)).unwrap().flatten();
        let held: Vec<_> = held.filter_map(|e| fs::read_link(e.path()).ok()).collect();
        assert!(!held.contains(&ours), "{held:?}");
        if Machine::here().find("setsid").is_some() {
            until("a session of its own", || session_of(process.pid) == Some(process.pid));
        }
        process.kill();
    }

    /// Field 6 of `/proc/PID/stat`. It is 0 when the session's leader lives outside our PID namespace, as in a
    /// container, which `getsid` of rustix takes for a defect.
    fn session_of(pid: u32) -> Option<u32> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(3)?.parse().ok()
    }

    #[test]
    fn another_process_with_the_same_id_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let process = sleeper(folder.path());
        let reused = Process { started: "another boot 1".into(), ..process.clone() };
        assert!(!reused.is_alive());
        reused.kill();
        assert!(process.is_alive());
        process.kill();
    }

    #[test]
    fn the_start_time_is_found_behind_any_name() {
        let fields = "1 1 1 0 -1 4194560 1 1 0 0 1 1 0 0 20 0 1 0 5150 1 1";
        for (stat, ticks) in [
            (format!("7 (java) S {fields}"), Some(5150)),
            (format!("7 (a) b (c) R {fields}"), Some(5150)),
            (format!("7 (java) Z {fields}"), None),
            ("7 (java) S 1 1".into(), None),
            (String::new(), None),
        ] {
            assert_eq!(ticks_of(&stat), ticks, "{stat}");
        }
    }
}
