//! `nutkin demo` as a person runs it: the program itself, which starts its own manager and a real Flink, and leaves
//! nothing behind.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use nutkin::{adapters::clock::SystemClock, client::lock, demo::cluster::Cluster, domain::time::Clock};
use serde_json::Value;

use crate::support::flink::{self, NEW, PATIENCE};

const NUTKIN: &str = env!("CARGO_BIN_EXE_nutkin");
const DEPLOYMENTS: [&str; 2] = ["payments-dashboard/production", "payments-dashboard/staging"];

/// A person's folders, with nothing in them. What the demo has started ends with this handle.
struct Person {
    home: tempfile::TempDir,
    flink_home: PathBuf,
    watchdog: Child,
}

impl Person {
    async fn new() -> Self {
        let home = tempfile::Builder::new().prefix("nutkin-demo-").tempdir().unwrap();
        let flink_home = flink::dist(NEW).await.home;
        // Whatever has become of the test.
        const SCRIPT: &str = r#"
            while kill -0 "$1" 2>/dev/null && [ -d "$2" ]; do sleep 1; done
            [ -d "$2" ] || exit 0
            "$3" -q demo --reset
            rm -rf "$2""#;
        let mut watchdog = Command::new("setsid");
        watchdog.args(["sh", "-c", SCRIPT, "watchdog", &std::process::id().to_string()]);
        watchdog.arg(home.path()).arg(NUTKIN).stdout(Stdio::null()).stderr(Stdio::null());
        let watchdog = furnish(&mut watchdog, home.path()).spawn().unwrap();
        Self { home, flink_home, watchdog }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(NUTKIN);
        furnish(&mut command, self.home.path()).args(["-o", "json"]).args(args);
        command
    }

    /// Runs it, and it succeeds.
    fn ok(&self, args: &[&str]) -> Value {
        let done = self.command(args).output().unwrap();
        let words = String::from_utf8_lossy(&done.stderr);
        assert_eq!(done.status.code(), Some(0), "nutkin {}: {words}", args.join(" "));
        serde_json::from_slice(&done.stdout).unwrap_or_else(|e| panic!("{e} in {done:?}"))
    }

    fn up(&self) -> Value {
        self.ok(&["demo", "--no-console", "--flink-home", self.flink_home.to_str().unwrap()])
    }

    fn state(&self) -> PathBuf {
        self.home.path().join("state/nutkin/profiles/demo")
    }

    /// Process ids of Flink's processes and of the manager.
    fn pids(&self) -> Vec<u32> {
        let cluster = Cluster::open(&self.state().join("demo/flink")).unwrap().expect("a cluster");
        let flink = cluster.processes().iter().filter(|p| p.is_alive()).map(|p| p.pid);
        flink.chain(lock::read(&self.state()).map(|holder| holder.pid)).collect()
    }

    /// Ids of all operations that there ever were.
    fn operations(&self) -> Vec<String> {
        let all = self.ok(&["--profile", "demo", "operation", "list"]);
        let items = all["items"].as_array().unwrap_or_else(|| panic!("{all}"));
        items.iter().map(|o| format!("{} {}", o["operationId"], o["kind"])).collect()
    }

    /// Every process that was started for these folders has ended.
    async fn nothing_is_left(&self) {
        let deadline = SystemClock.boottime() + PATIENCE;
        loop {
            let left = processes_of(self.home.path());
            if left.is_empty() {
                return;
            }
            assert!(SystemClock.boottime() < deadline, "still there: {left:#?}");
            SystemClock.sleep(std::time::Duration::from_millis(50)).await;
        }
    }
}

impl Drop for Person {
    fn drop(&mut self) {
        let _ = self.command(&["-q", "demo", "--reset"]).output();
        let _ = self.watchdog.kill();
        let _ = self.watchdog.wait();
    }
}

/// No terminal, no settings, nothing but these folders.
fn furnish<'a>(command: &'a mut Command, home: &Path) -> &'a mut Command {
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("CI", "true");
    for (name, folder) in [("STATE", "state"), ("CONFIG", "config"), ("CACHE", "cache"), ("DATA", "data")] {
        command.env(format!("XDG_{name}_HOME"), home.join(folder));
    }
    if let Some(java) = std::env::var_os("JAVA_HOME") {
        command.env("JAVA_HOME", java);
    }
    command.env("HOME", home).stdin(Stdio::null())
}

/// Command lines that name this folder, but for whoever only watches over it.
fn processes_of(home: &Path) -> Vec<String> {
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = all.filter_map(|p| std::fs::read(p.path().join("cmdline")).ok());
    let lines = lines.map(|l| String::from_utf8_lossy(&l).replace('\0', " "));
    lines.filter(|l| l.contains(home.to_str().unwrap()) && !l.contains("watchdog")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_is_one_command_and_leaves_nothing_behind() {
    let _turn = flink::private_turn().await;
    let person = Person::new().await;
    let up = person.up();
    assert_eq!(up["target"]["name"], "local", "{up:#}");
    assert_eq!(up["deployments"], serde_json::json!(DEPLOYMENTS), "{up:#}");
    assert_eq!(up["notStarted"], serde_json::json!([]), "{up:#}");
    let (pids, operations) = (person.pids(), person.operations());
    assert_eq!(
        pids.len(),
        4,
        "a JobManager, two TaskManagers, a manager: {:#?}",
        processes_of(person.home.path())
    );
    assert_eq!(operations.len(), 2, "each deployment is started once: {operations:#?}");

    assert_eq!(person.up(), up, "a second run finds everything running");
    assert_eq!((person.pids(), person.operations()), (pids, operations), "nothing is started twice");

    let stopped = person.ok(&["demo", "--stop"]);
    assert_eq!(stopped, serde_json::json!({ "stopped": true, "suspended": DEPLOYMENTS }));
    person.nothing_is_left().await;

    assert_eq!(person.up(), up, "it goes on where it was, at the same address");
    assert_eq!(
        person.operations().len(),
        6,
        "each was started, suspended, and started: {:#?}",
        person.operations()
    );

    // With everything running.
    let reset = person.ok(&["demo", "--reset"]);
    assert_eq!(reset["reset"], true, "{reset:#}");
    assert!(!person.state().exists(), "the demo's folder is gone");
    person.nothing_is_left().await;
}
