//! The program at the edges of what it is given: addresses where no Flink is, words that act on terminals, full disks.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

use nutkin::{adapters::clock::SystemClock, domain::time::Clock};
use portable_pty::CommandBuilder;
use rustix::process::{Pid, Resource, Rlimit, prlimit};

use crate::{
    console::terminal::Pty,
    fake::{Fake, Fault, JobSpec, Phase, SavepointOutcome, Settings},
    support::bytes,
};

/// How long what a manager has to see may take.
const SOON: Duration = Duration::from_secs(30);

/// A home whose manager is stopped at the end.
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn state(&self) -> PathBuf {
        self.0.path().join("state")
    }

    /// Exit code, and all that was printed.
    fn run(&self, args: &[&str]) -> (i32, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nutkin"));
        command.args(args).env_clear().env("HOME", self.0.path()).env("NUTKIN_STATE_DIR", self.state());
        command.env("NUTKIN_MANAGER_IDLE_EXIT", "1m").stdin(Stdio::null());
        let done = command.output().unwrap();
        let text = [done.stdout, done.stderr].concat();
        (done.status.code().unwrap_or(-1), String::from_utf8(text).unwrap())
    }

    fn in_a_terminal(&self, args: &[&str]) -> CommandBuilder {
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_nutkin"));
        command.env_clear();
        command.args(args);
        command.env("HOME", self.0.path());
        command.env("NUTKIN_STATE_DIR", self.state());
        command.env("TERM", "xterm-256color");
        command
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        self.run(&["manager", "stop"]);
    }
}

#[test]
fn an_address_without_a_flink_is_said_to_be_so_when_it_is_added_and_when_it_is_checked() {
    let home = Home::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = format!("http://{}", taken.local_addr().unwrap());
    drop(taken);
    let other = Fake::start(Settings::default());
    other.fault(Fault::on("* /**", Phase::Before).answer(200, "<html>Sign in</html>").times(usize::MAX));
    for (name, url, says) in [("nobody", nobody, "refused"), ("other", other.url(), "not Flink")] {
        let (code, text) = home.run(&["target", "add", name, &url]);
        assert_eq!(code, 6, "{text}");
        assert!(text.contains(says), "{says:?} is not in: {text}");
        home.run(&["target", "add", name, &url, "--no-check"]);
        let (code, text) = home.run(&["target", "check", name]);
        assert_eq!(code, 6, "{text}");
        assert!(text.contains(says), "{says:?} is not in: {text}");
    }
    assert!(other.journal().is_empty());
}

/// What a job may be called, and may say as it fails: a title, a copy, a cleared screen, a reply, a right-to-left word.
const HOSTILE: &str =
    "\u{1b}]0;owned\u{7}\u{1b}]52;c;b3duZWQ=\u{7}\u{1b}[2J\u{9b}5n\u{202e}evil\u{8}\r\nsecond";

/// I10, from Flink's answers to the bytes that a terminal gets.
#[test]
fn words_of_a_cluster_never_act_on_a_terminal() {
    let home = Home::new();
    let fake = Fake::start(Settings::default());
    let spec = JobSpec { name: HOSTILE.into(), ..JobSpec::default() };
    let (adopted, failing) = (fake.add_job(spec.clone()), fake.add_job(spec));
    let done = |args: &[&str]| {
        let (code, text) = home.run(args);
        assert_eq!(code, 0, "{args:?}: {text}");
        bytes::harmless_text(text.as_bytes());
        text
    };
    done(&["target", "add", "fake", &fake.url()]);
    for (name, job) in [("pay/prod", &adopted), ("pay/broken", &failing)] {
        done(&["adopt", name, "--target", "fake", "--flink-job", job, "--wait", "--yes"]);
    }
    let cause = format!("java.lang.Error: {HOSTILE}");
    fake.fail_job(&failing, &cause);
    let end = SystemClock.boottime() + SOON;
    while !done(&["get", "deployments"]).contains("FAILED") {
        assert!(SystemClock.boottime() < end, "the failure is not seen");
    }
    for what in ["deployments", "jobs", "events", "savepoints", "targets", "operations"] {
        done(&["get", what, "-o", "name"]);
        for output in ["table", "json", "yaml"] {
            // What a program reads from a pipe is exactly what the API said.
            let mut tty = Pty::spawn(home.in_a_terminal(&["get", what, "-o", output]), (120, 36));
            assert_eq!(tty.ended(), 0, "{}", tty.text());
            let shown = tty.raw.lock().unwrap().clone();
            bytes::harmless_lines(&shown);
        }
    }
    assert!(done(&["describe", "pay/broken"]).contains("evil"));
    done(&["history", "pay/broken"]);

    let mut tty = Pty::spawn(home.in_a_terminal(&[]), (120, 36));
    tty.wait("broken");
    tty.send(b"2");
    for tab in ["Event log", "Jobs", "Savepoints", "Config", "Overview"] {
        tty.send(b"]");
        tty.wait(&format!("[{tab}]"));
        tty.wait("FOLLOWING");
    }
    tty.wait("evil");
    // Sheets show the same in full.
    tty.send(b"4k\r");
    tty.wait("esc close");
    tty.send(b"\x1b");
    tty.until("the sheet to close", |s| !s.contents().contains("esc close"));
    tty.send(b"q");
    assert_eq!(tty.ended(), 0, "{}", tty.text());
}

/// A manager in the foreground whose disk can be filled: from then on no file of it takes another byte.
struct Serving<'a> {
    home: &'a Home,
    child: std::process::Child,
}

impl<'a> Serving<'a> {
    fn start(home: &'a Home) -> Self {
        // A write beyond the limit is an error then, and no signal.
        let serve = "trap '' XFSZ; exec \"$0\" serve";
        let mut command = Command::new("sh");
        command.args(["-c", serve, env!("CARGO_BIN_EXE_nutkin")]).env_clear().env("HOME", home.0.path());
        command.env("NUTKIN_STATE_DIR", home.state()).stdin(Stdio::null()).stderr(Stdio::null());
        let serving = Self { home, child: command.spawn().unwrap() };
        serving.until("it serves", || home.run(&["manager", "status"]).1.contains("process"));
        serving
    }

    /// No byte fits any more, or as many as before.
    fn disk(&self, full: bool) {
        let pid = Pid::from_child(&self.child);
        let limit = Rlimit { current: full.then_some(0), maximum: None };
        prlimit(Some(pid), Resource::Fsize, limit).unwrap();
    }

    fn until(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let end = SystemClock.boottime() + SOON;
        while !holds() {
            assert!(
                SystemClock.boottime() < end,
                "{what}: not in time; {}",
                self.home.run(&["describe", "pay/prod"]).1
            );
        }
    }
}

impl Drop for Serving<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// I1, I8: what cannot be written down is not begun, what was begun goes on, and all that needs no disk goes on meanwhile.
#[test]
fn a_full_disk_stops_what_it_must_and_loses_nothing() {
    let home = Home::new();
    let fake = Fake::start(Settings::default());
    let (job, other) = (fake.add_job(JobSpec::default()), fake.add_job(JobSpec::default()));
    let manager = Serving::start(&home);
    let jar = home.0.path().join("some.jar");
    std::fs::write(&jar, vec![7; 100_000]).unwrap();
    let savepoints = format!("file://{}", home.0.path().join("savepoints").display());
    let add = ["target", "add", "fake", &fake.url(), "--savepoint-dir", &savepoints];
    assert_eq!(home.run(&add).0, 0);
    for (name, job) in [("pay/prod", &job), ("pay/other", &other)] {
        let adopt = ["adopt", name, "--target", "fake", "--flink-job", job, "--wait", "--yes"];
        assert_eq!(home.run(&adopt).0, 0);
    }

    // Nothing is begun.
    manager.disk(true);
    let (code, text) = home.run(&["suspend", "pay/prod", "--wait", "--yes"]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("nothing was") && text.contains("store"), "{text}");
    let (code, text) = home.run(&["artifact", "add", &jar.display().to_string()]);
    assert!(code == 1 && text.contains("nothing was kept"), "{code} {text}");
    assert!(fake.journal().is_empty(), "{:#?}", fake.journal());
    // Everything is seen.
    fake.fail_job(&other, "java.lang.Error: by hand");
    let why = || home.run(&["describe", "pay/other"]).1;
    manager.until("it is still watched", || why().contains("Error: by hand"));
    assert!(!why().contains("EXCEPTION_SEEN"), "{}", why());
    assert_eq!(home.run(&["suspend", "pay/prod", "--dry-run"]).0, 0);

    // What was begun before goes on after, and is done once.
    manager.disk(false);
    manager.until("it is told", || why().contains("EXCEPTION_SEEN"));
    fake.next_savepoint(SavepointOutcome::Held);
    assert_eq!(home.run(&["suspend", "pay/prod", "--no-wait", "--yes"]).0, 0);
    manager.until("the stop is sent", || fake.acts("stop").len() == 1);
    manager.disk(true);
    fake.release_savepoints();
    fake.wait_until("the job to end", SOON, |w| w.jobs.values().all(|j| j.is_terminal()));
    manager.until("its end is seen", || home.run(&["describe", "pay/prod"]).1.contains("FINISHED"));
    assert!(home.run(&["operation", "list"]).1.contains("RUNNING"), "its end is not written yet");
    manager.disk(false);
    manager.until("it is suspended", || home.run(&["get", "deployments"]).1.contains("SUSPENDED"));
    assert!(home.run(&["operation", "list"]).1.contains("SUCCEEDED"));
    let (_, savepoints) = home.run(&["get", "savepoints", "pay/prod", "-o", "name"]);
    assert_eq!(savepoints.lines().count(), 1, "{savepoints}");
    assert_eq!(fake.acts("stop").len(), 1);
    assert_eq!(fake.violations(), Vec::<String>::new());
}
