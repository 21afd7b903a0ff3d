//! A terminal that vanishes under the console: whoever held it is killed, as when a connection or a window is lost.
//!
//! ```text
//!   test ── starts ──▶ holder (this binary again) ── a pseudo-terminal ──▶ console
//!     └──── SIGKILL ──▶ holder: the terminal is gone ──────────────────────▶ the console must end by itself
//! ```

#![expect(clippy::disallowed_methods, reason = "a terminal in real time has no other clock")]

use std::{
    path::Path,
    time::{Duration, Instant},
};

use rstest::rstest;
use rustix::process::Pid;

use super::{
    canned::Canned,
    pty::{SOCKET, console_command},
    terminal::{PATIENCE, Pty, gone, gone_soon},
};

const PARENT: &str = "NUTKIN_TEST_PARENT";
const PID_FILE: &str = "NUTKIN_TEST_CONSOLE_PID_FILE";
/// The console is started with hangups ignored, as by `nohup`.
const TRAP_HUP: &str = "TRAP_HUP";

/// A console without a terminal is gone after this long. It is told by the terminal itself and waits for nothing, so all
/// of it is room for a busy machine.
const GONE_WITHIN: Duration = Duration::from_secs(2);

/// Holds a pseudo-terminal with a console in it until somebody kills it.
#[test]
#[ignore = "run by a test of this module"]
fn child_holder() {
    let (Some(socket), Some(file)) = (std::env::var_os(SOCKET), std::env::var_os(PID_FILE)) else { return };
    // Whoever started it may be gone at any moment.
    let parent = std::env::var(PARENT).ok().and_then(|p| Pid::from_raw(p.parse().ok()?));
    let alone = move || rustix::process::getppid() != parent;
    std::thread::spawn(move || {
        while !alone() {
            std::thread::sleep(Duration::from_millis(100));
        }
        std::process::exit(1);
    });
    let ignores: &[_] = if std::env::var_os(TRAP_HUP).is_some() { &[(TRAP_HUP, "1")] } else { &[] };
    let tty = Pty::spawn(console_command(Path::new(&socket), ignores), (80, 24));
    tty.wait("production");
    std::fs::write(file, tty.pid().to_string()).unwrap();
    std::thread::sleep(PATIENCE);
}

/// Ends with the test.
struct Holder(std::process::Child);

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A console in a terminal that a holder has.
fn held(canned: &Canned, ignores_hangups: bool) -> (Holder, Pid) {
    let file = canned.socket.with_extension("pid");
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    command
        .args(["console::vanished::child_holder", "--exact", "--ignored", "--nocapture"])
        .env(SOCKET, &canned.socket)
        .env(PID_FILE, &file)
        .env(PARENT, std::process::id().to_string())
        .stdout(std::process::Stdio::null());
    if ignores_hangups {
        command.env(TRAP_HUP, "1");
    }
    let holder = Holder(command.spawn().unwrap());
    let end = Instant::now() + PATIENCE;
    loop {
        let pid = std::fs::read_to_string(&file).ok().and_then(|t| t.trim().parse::<i32>().ok());
        if let Some(pid) = pid.and_then(Pid::from_raw) {
            return (holder, pid);
        }
        assert!(Instant::now() < end, "no console came up");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[rstest]
#[case::by_default(false)]
#[case::with_hangups_ignored(true)]
fn a_terminal_that_vanished_ends_the_console(#[case] ignores_hangups: bool) {
    let canned = Canned::start();
    let (mut holder, pid) = held(&canned, ignores_hangups);
    assert!(!gone(pid));
    holder.0.kill().unwrap();
    holder.0.wait().unwrap();
    let took = gone_soon(pid);
    assert!(took < GONE_WITHIN, "{took:?}");
}
