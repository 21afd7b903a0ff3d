//! nutkin as a process: run to its end, staying until Ctrl-C, or with a manager that ends with the test.

use std::{
    path::Path,
    process::{Command, Output, Stdio},
    time::Duration,
};

use serde_json::Value;

pub(super) const NUTKIN: &str = env!("CARGO_BIN_EXE_nutkin");

/// How long anything may take that a test waits for.
pub(super) const DEADLINE: Duration = Duration::from_secs(60);

/// nutkin without anything of this machine's.
pub(super) fn command(home: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(NUTKIN);
    command
        .args(args)
        .env_clear()
        .env("HOME", home)
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("NUTKIN_TIME_ZONE", "UTC")
        // A manager is stopped by its test; this is for a test run that was killed.
        .env("NUTKIN_MANAGER_IDLE_EXIT", "1m")
        .stdin(Stdio::null());
    command
}

#[derive(Debug)]
pub(super) struct Ran {
    pub(super) code: i32,
    pub(super) out: String,
    pub(super) err: String,
}

impl Ran {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }
}

pub(super) fn ran(command: &mut Command) -> Ran {
    let Output { status, stdout, stderr } = command.output().unwrap();
    Ran {
        code: status.code().unwrap_or(-1),
        out: String::from_utf8(stdout).unwrap(),
        err: String::from_utf8(stderr).unwrap(),
    }
}

/// A state directory whose manager is stopped at the end.
pub(super) struct Home(pub(super) tempfile::TempDir);

impl Home {
    pub(super) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }
    pub(super) fn command(&self, args: &[&str]) -> Command {
        let mut command = command(self.0.path(), args);
        command.env("NUTKIN_STATE_DIR", self.0.path().join("state"));
        command
    }
    pub(super) fn run(&self, args: &[&str]) -> Ran {
        ran(&mut self.command(args))
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        self.run(&["manager", "stop"]);
    }
}

/// A command that stays, with its lines as they come.
pub(super) struct Staying {
    pub(super) child: std::process::Child,
    pub(super) lines: std::sync::mpsc::Receiver<String>,
}

impl Drop for Staying {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Staying {
    pub(super) fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        let (send, lines) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for line in std::io::BufRead::lines(std::io::BufReader::new(stdout)).map_while(Result::ok) {
                if send.send(line).is_err() {
                    break;
                }
            }
        });
        Self { child, lines }
    }
    pub(super) fn until(&self, text: &str) {
        while !self.lines.recv_timeout(DEADLINE).expect(text).contains(text) {}
    }
    /// Ctrl-C; answers the exit code.
    pub(super) fn interrupt(mut self) -> i32 {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
        self.child.wait().unwrap().code().unwrap_or(-1)
    }
}
