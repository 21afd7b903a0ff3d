//! The console panics: the terminal comes back first, then the screen says what happened and where more is to be read.
//!
//! What breaks is the clock, which the console asks on each thread that it has.

use std::{path::PathBuf, sync::Arc, time::Duration};

use nutkin::{
    adapters::clock::SystemClock,
    domain::time::{Clock, Timestamp},
};

use super::{
    canned::Canned,
    pty::{become_console, child_command},
    terminal::Pty,
};

const FUSE: &str = "NUTKIN_TEST_FUSE";
const LOG: &str = "NUTKIN_TEST_CONSOLE_LOG";

/// The real clock, until a file says where it breaks: in the `loop` that draws, or in a `task` that talks to the manager.
#[derive(Debug)]
struct Breaking(PathBuf);

impl Breaking {
    fn holds(&self) {
        let here = if std::thread::current().name() == Some("tokio-rt-worker") { "task" } else { "loop" };
        let breaks = std::fs::read_to_string(&self.0).is_ok_and(|place| place == here);
        assert!(!breaks, "the clock of the {here} is broken");
    }
}

#[async_trait::async_trait]
impl Clock for Breaking {
    fn now_utc(&self) -> Timestamp {
        self.holds();
        SystemClock.now_utc()
    }
    fn boottime(&self) -> Duration {
        SystemClock.boottime()
    }
    async fn sleep(&self, for_: Duration) {
        self.holds();
        SystemClock.sleep(for_).await;
    }
}

/// The console itself, in the child.
#[test]
#[ignore = "run by the tests of this module, in a pseudo-terminal"]
fn child_console() {
    let (Some(fuse), Some(log)) = (std::env::var_os(FUSE), std::env::var_os(LOG)) else { return };
    become_console(Arc::new(Breaking(fuse.into())), Some(log.into()));
}

/// A console that runs, its fuse, and its log.
struct Stage {
    tty: Pty,
    fuse: PathBuf,
    log: PathBuf,
    _folder: tempfile::TempDir,
}

fn stage(canned: &Canned) -> Stage {
    let folder = tempfile::tempdir().unwrap();
    let (fuse, log) = (folder.path().join("fuse"), folder.path().join("c.log"));
    let env = [(FUSE, fuse.to_str().unwrap()), (LOG, log.to_str().unwrap()), ("RUST_BACKTRACE", "0")];
    // Wide, so that the path of the log is on one line.
    let tty = Pty::spawn(child_command("console::panics::child_console", &canned.socket, &env), (200, 40));
    tty.wait("production");
    assert!(tty.screen.lock().unwrap().screen().alternate_screen());
    Stage { tty, fuse, log, _folder: folder }
}

fn said(stage: &Stage, panic: &str) {
    stage.tty.wait(panic);
    stage.tty.wait("nutkin's console failed; operations go on in the manager.");
    stage.tty.wait(&format!("Where it failed is in {}.", stage.log.display()));
    let log = std::fs::read_to_string(&stage.log).unwrap();
    assert!(log.contains(panic) && log.contains("panics.rs"), "{log}");
}

#[test]
fn a_panic_gives_the_terminal_back_and_says_where_more_is_to_be_read() {
    let canned = Canned::start();
    let mut stage = stage(&canned);
    std::fs::write(&stage.fuse, "loop").unwrap();
    // The test that is the console fails.
    assert_eq!(stage.tty.ended(), 101);
    said(&stage, "the clock of the loop is broken");
}

/// Whatever else the console does at that time must not draw over what the person has to read.
#[test]
fn a_panic_beside_the_loop_ends_the_console_as_well() {
    let mut canned = Canned::start();
    let mut stage = stage(&canned);
    std::fs::write(&stage.fuse, "task").unwrap();
    // Without a manager the console waits before it looks for it again.
    canned.die();
    assert_eq!(stage.tty.ended(), 1);
    said(&stage, "the clock of the task is broken");
}
