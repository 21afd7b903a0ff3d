//! The command line at the edges of what it is given: addresses where no Flink is, and state directories that are not ours.

use std::{
    os::unix::fs::chown,
    path::PathBuf,
    process::{Command, Stdio},
};

use crate::fake::{Fake, Fault, Phase, Settings};

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

#[test]
fn a_state_directory_of_somebody_else_is_left_alone() {
    if !rustix::process::geteuid().is_root() {
        // Only root can give a directory away; what root may do anyway is the harder case.
        eprintln!("skipped: only root can make a directory somebody else's");
        return;
    }
    let home = Home::new();
    std::fs::create_dir(home.state()).unwrap();
    chown(home.state(), Some(12345), None).unwrap();
    let (code, text) = home.run(&["get", "targets"]);
    assert!(code != 0 && text.contains(&home.state().display().to_string()), "{code} {text}");
    assert_eq!(std::fs::read_dir(home.state()).unwrap().count(), 0, "nothing was written there");
}
