//! The manager that a command starts, and what survives its restart.

use super::*;

#[test]
fn the_first_command_starts_a_manager_and_does_not_hang_in_a_substitution() {
    let state = Home::new();
    // A shell waits for the end of the pipe; a manager that kept it open would keep the shell.
    let script = format!(
        "exec 9>{}; out=$({NUTKIN} get targets -o json); echo \"$out\"",
        state.0.path().join("held").display()
    );
    let mut shell = Command::new("sh");
    shell
        .args(["-c", &script])
        .env_clear()
        .env("HOME", state.0.path())
        .env("NUTKIN_STATE_DIR", state.0.path().join("state"));
    let out = ran(&mut shell);
    assert_eq!(out.json(), list(json!([])), "{out:?}");
    let status = state.run(&["manager", "status", "-o", "json"]);
    assert_eq!(status.code, 0);
    let pid = status.json()["pid"].as_u64().unwrap();
    let kept: Vec<_> = std::fs::read_dir(format!("/proc/{pid}/fd"))
        .unwrap()
        .filter_map(|e| std::fs::read_link(e.unwrap().path()).ok())
        .filter(|link| link.ends_with("held"))
        .collect();
    assert!(kept.is_empty(), "a descriptor of the shell lives on in the manager");
    let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap();
    assert!(!String::from_utf8_lossy(&environment).contains("PWD="), "only what a manager needs is kept");
    assert_eq!(std::fs::read_link(format!("/proc/{pid}/cwd")).unwrap(), Path::new("/"));
}

#[test]
fn clients_that_come_at_once_get_one_manager() {
    let state = Home::new();
    let clients: Vec<_> = (0..8)
        .map(|_| {
            state
                .command(&["get", "targets", "-o", "json"])
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    for client in clients {
        let Output { status, stderr, .. } = client.wait_with_output().unwrap();
        assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    }
    let log = state.run(&["manager", "log"]).out;
    assert_eq!(log.matches(" ready ").count(), 1, "{log}");
    let lines = state.run(&["manager", "log", "-o", "json"]).out;
    let lines: Vec<Value> = lines.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert!(lines.iter().any(|l| l["line"].as_str().unwrap().contains(" ready ")), "{lines:?}");
}

#[test]
fn a_manager_restarts_between_two_commands() {
    let state = Home::new();
    state.run(&["get", "targets"]);
    let pid = || state.run(&["manager", "status", "-o", "json"]).json()["pid"].as_u64();
    let before = pid();
    assert_eq!(state.run(&["manager", "restart"]).code, 0);
    assert!(pid().is_some() && pid() != before);
    let stopped = state.run(&["manager", "stop", "-o", "json"]);
    assert_eq!(stopped.json()["stopped"], true);
    assert_eq!(state.run(&["manager", "status"]).code, 1);
    assert_eq!(state.run(&["manager", "stop", "-o", "json"]).json()["stopped"], false);
}

#[test]
fn what_is_watched_goes_on_over_a_restart_of_the_manager() {
    let home = Home::new();
    let rows = Staying::start(home.command(&["get", "targets", "-w", "-o", "name"]));
    let table = Staying::start(home.command(&["get", "targets", "-w"]));
    let events = Staying::start(home.command(&["events", "-f", "-o", "json"]));
    // Each stays until something comes, so begin with something.
    home.run(&["target", "add", "first", "http://127.0.0.1:1", "--no-check"]);
    rows.until("first");
    events.until("target first: create");
    assert_eq!(home.run(&["manager", "restart"]).code, 0);
    home.run(&["target", "add", "second", "http://127.0.0.1:1", "--no-check"]);
    rows.until("second");
    events.until("target second: create");
    table.until("second");
    assert_eq!(home.run(&["target", "remove", "second", "--yes"]).code, 0);
    table.until("second is gone");
    assert_eq!((rows.interrupt(), table.interrupt(), events.interrupt()), (0, 0, 0));
}

#[test]
fn a_state_directory_that_cannot_be_used_says_why_at_once() {
    let state = Home::new();
    let place = state.0.path().join("state");
    std::fs::create_dir(&place).unwrap();
    std::fs::write(place.join("nutkin.db"), "this is not a database, and long enough to look at".repeat(100))
        .unwrap();
    let ran = state.run(&["get", "targets"]);
    assert_ne!(ran.code, 0);
    assert!(ran.err.contains("nutkin.db"), "{}", ran.err);
}

/// Clients that stay start another manager as soon as theirs is gone; that one is not waited for.
#[tokio::test]
async fn a_manager_that_was_replaced_is_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("manager.lock");
    let holder = |pid: u32| {
        let words = json!({
            "pid": pid, "startedAt": "2026-11-22T10:00:00.000Z", "socket": "/s", "apiLevel": 1, "minClientLevel": 1,
            "build": "x",
        });
        std::fs::write(&path, words.to_string()).unwrap();
    };
    let mut old = tokio::process::Command::new("sleep").arg("100").kill_on_drop(true).spawn().unwrap();
    holder(old.id().unwrap());
    // Held all the time, as by one manager after the other.
    let held = std::fs::File::open(&path).unwrap();
    rustix::fs::flock(&held, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let replaced = async {
        old.wait().await.unwrap();
        holder(u32::MAX);
    };
    let clock = nutkin::adapters::clock::SystemClock;
    let (stopped, ()) = tokio::join!(nutkin::client::lock::stop(dir.path(), DEADLINE, &clock), replaced);
    assert!(stopped.unwrap());
    assert!(nutkin::client::lock::is_held(dir.path()).unwrap());
}
