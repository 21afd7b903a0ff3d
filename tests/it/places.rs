//! Places that cannot hold the state: whoever is asked refuses them with exit code 2, says why and what to do, and leaves
//! them as they are.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt as _, chown, symlink},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use nutkin::client::lock;
use rustix::process::Pid;

use crate::console::terminal::gone_soon;

/// A home for one state directory.
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn state(&self) -> PathBuf {
        self.0.path().join("state")
    }

    /// A state directory that a manager has used and left.
    fn used(&self) {
        let dir = self.state();
        let (code, text) =
            ended(self.nutkin(&dir, &["target", "add", "far", "http://[::1]:1", "--no-check"]));
        assert_eq!(code, 0, "{text}");
        let manager = lock::read(&dir).expect("one holds it").pid;
        let (code, text) = ended(self.nutkin(&dir, &["manager", "stop"]));
        assert_eq!(code, 0, "{text}");
        // The lock is free a moment before its last words are in its log.
        gone_soon(Pid::from_raw(i32::try_from(manager).unwrap()).unwrap());
    }

    fn nutkin(&self, state: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nutkin"));
        self.furnish(&mut command, state).args(args);
        command
    }

    fn furnish<'a>(&self, command: &'a mut Command, state: &Path) -> &'a mut Command {
        command.env_clear().env("HOME", self.0.path()).env("NUTKIN_STATE_DIR", state);
        // Whatever is started here in spite of all leaves soon.
        command.env("NUTKIN_MANAGER_IDLE_EXIT", "1s").env("PATH", std::env::var_os("PATH").unwrap());
        command.stdin(Stdio::null())
    }
}

/// Exit code, and all that was printed.
fn ended(mut command: Command) -> (i32, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    (status.code().unwrap_or(-1), String::from_utf8([stdout, stderr].concat()).unwrap())
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Runs it as somebody whom permission bits stop: root too, without the privileges that pass over them.
fn bound_by_permissions(home: &Home, state: &Path, args: &[&str]) -> (i32, String) {
    if !is_root() {
        return ended(home.nutkin(state, args));
    }
    let mut command = Command::new("setpriv");
    command.args(["--bounding-set", "-dac_override,-dac_read_search", env!("CARGO_BIN_EXE_nutkin")]);
    home.furnish(&mut command, state).args(args);
    ended(command)
}

/// Everything below a folder, with its mode and content.
fn everything(dir: &Path) -> Vec<(PathBuf, u32, Vec<u8>)> {
    let mut found = vec![(dir.to_owned(), fs::symlink_metadata(dir).unwrap().permissions().mode(), vec![])];
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(everything(&path));
        } else {
            let mode = fs::symlink_metadata(&path).unwrap().permissions().mode();
            found.push((path.clone(), mode, fs::read(&path).unwrap_or_default()));
        }
    }
    found.sort();
    found
}

/// The ways to a manager, each of which must refuse: by hand, by a client, by the demo, which looks at nothing but flags
/// and finds no Flink should it go on.
fn ways(state: &Path) -> [Vec<&str>; 3] {
    let state = state.to_str().unwrap();
    let demo = ["--state-dir", state, "demo", "--no-console", "--flink-home", "/nowhere"];
    [vec!["serve"], vec!["get", "targets"], demo.to_vec()]
}

#[test]
fn a_state_directory_without_write_permission_is_refused_by_everyone() {
    let home = Home::new();
    home.used();
    let state = home.state();
    fs::set_permissions(&state, Permissions::from_mode(0o500)).unwrap();
    let before = everything(&state);
    for args in &ways(&state) {
        let (code, text) = bound_by_permissions(&home, &state, args);
        assert_eq!(code, 2, "{args:?}: {text}");
        for says in [
            &*state.display().to_string(),
            "read-only",
            "may not write",
            "nothing was changed",
            "--state-dir",
        ] {
            assert!(text.contains(says), "{args:?}: {says:?} is not in: {text}");
        }
        assert!(!text.contains("manager.lock"), "the directory is the matter: {text}");
        assert!(everything(&state) == before, "{args:?} changed something");
    }
    let (code, text) = bound_by_permissions(&home, &state, &["doctor"]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("read-only: this user may not write there"), "{text}");

    // The same store serves again as soon as it can be written.
    fs::set_permissions(&state, Permissions::from_mode(0o700)).unwrap();
    let (code, text) = bound_by_permissions(&home, &state, &["get", "targets"]);
    assert!(code == 0 && text.contains("far"), "{code} {text}");
    ended(home.nutkin(&state, &["manager", "stop"]));
}

#[test]
fn one_that_cannot_be_made_is_refused_by_everyone() {
    let home = Home::new();
    let closed = home.0.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, Permissions::from_mode(0o500)).unwrap();
    let state = closed.join("a/b");
    for args in &ways(&state) {
        let (code, text) = bound_by_permissions(&home, &state, args);
        assert_eq!(code, 2, "{args:?}: {text}");
        assert!(text.contains(&format!("{} is read-only", state.display())), "{args:?}: {text}");
    }
    assert_eq!(everything(&closed).len(), 1, "nothing was made there");
}

/// Only who may mount can have the real thing; everywhere else the words are tested where they are made.
#[test]
fn a_file_system_that_is_mounted_read_only_is_refused_by_everyone() {
    let home = Home::new();
    home.used();
    let state = home.state();
    let before = everything(&state);
    for args in &ways(&state) {
        let (code, text) = mounted_read_only(&home, &state, args);
        if code == NOT_MOUNTED {
            eprintln!("skipped: nothing can be mounted here: {text}");
            return;
        }
        assert_eq!(code, 2, "{args:?}: {text}");
        for says in
            ["is read-only", "mounted read-only", "nothing was changed", "mount it writable", "--state-dir"]
        {
            assert!(text.contains(says), "{args:?}: {says:?} is not in: {text}");
        }
        assert!(everything(&state) == before, "{args:?} changed something");
    }
}

const NOT_MOUNTED: i32 = 77;

fn mounted_read_only(home: &Home, state: &Path, args: &[&str]) -> (i32, String) {
    let mount = "mount --bind \"$0\" \"$0\" && mount -o remount,bind,ro \"$0\"";
    mounted(mount, home, state, args)
}

/// Runs it after a script that mounts something at the state directory, `$0`, where nobody else sees it.
fn mounted(mount: &str, home: &Home, state: &Path, args: &[&str]) -> (i32, String) {
    let mut command = Command::new("sh");
    // Where there is no namespace, its refusal is not the program's.
    command.args(["-c", "unshare $0 true 2>&1 || exit 77; exec unshare $0 sh -c \"$@\""]);
    command.arg(if is_root() { "--mount" } else { "-rm" });
    command.arg(format!("{mount} || exit 77; exec \"$@\"")).arg(state).arg(env!("CARGO_BIN_EXE_nutkin"));
    home.furnish(&mut command, state).args(args);
    ended(command)
}

/// No place for the lock, and, with a little more, none for the store: neither is a badly chosen place.
#[test]
fn a_full_file_system_is_named() {
    let home = Home::new();
    let state = home.state();
    fs::create_dir(&state).unwrap();
    fs::set_permissions(&state, Permissions::from_mode(0o700)).unwrap();
    let tmpfs = "mount -t tmpfs -o size=64k,mode=700 none \"$0\"";
    let filled = format!("{tmpfs} && mkdir -m 700 \"$0/log\" && ! cat /dev/zero >\"$0/log/start.log\"");
    for (mount, file) in [(&*filled, "manager.lock"), (tmpfs, "nutkin.db")] {
        for args in [["serve"].as_slice(), &["get", "targets"]] {
            let (code, text) = mounted(mount, &home, &state, args);
            if code == NOT_MOUNTED {
                eprintln!("skipped: nothing can be mounted here: {text}");
                return;
            }
            assert_eq!(code, 1, "{args:?}: {text}");
            let says = format!("no space left for {}", state.join(file).display());
            assert!(text.contains(&says), "{args:?}: {says:?} is not in: {text}");
            assert!(text.contains("what was committed is safe"), "{args:?}: {text}");
        }
    }
}

#[test]
fn what_is_no_directory_of_ours_has_the_same_exit_code_by_hand_and_by_a_client() {
    let home = Home::new();
    let (link, file, shared) =
        (home.0.path().join("link"), home.0.path().join("file"), home.0.path().join("shared"));
    symlink(home.0.path(), &link).unwrap();
    fs::write(&file, "").unwrap();
    fs::create_dir(&shared).unwrap();
    fs::write(shared.join("thesis.txt"), "").unwrap();
    fs::set_permissions(&shared, Permissions::from_mode(0o755)).unwrap();
    let before = everything(home.0.path());
    let places =
        [(link, "is a symbolic link"), (file, "is not a directory"), (shared, "is open to other users")];
    for (state, says) in places {
        for args in [["serve"].as_slice(), &["get", "targets"]] {
            let (code, text) = ended(home.nutkin(&state, args));
            assert_eq!(code, 2, "{args:?}: {text}");
            assert!(text.contains(says), "{args:?}: {says:?} is not in: {text}");
            assert!(everything(home.0.path()) == before, "{args:?} changed something: {text}");
        }
    }
}

/// Made by hand, as most people make one.
#[test]
fn an_empty_directory_is_taken_and_closed_to_others() {
    let home = Home::new();
    fs::create_dir(home.state()).unwrap();
    fs::set_permissions(home.state(), Permissions::from_mode(0o755)).unwrap();
    home.used();
    assert_eq!(fs::metadata(home.state()).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn a_store_that_cannot_be_written_is_named() {
    let home = Home::new();
    home.used();
    let (state, store) = (home.state(), home.state().join("nutkin.db"));
    fs::set_permissions(&store, Permissions::from_mode(0o400)).unwrap();
    for args in [["serve"].as_slice(), &["get", "targets"]] {
        let (code, text) = bound_by_permissions(&home, &state, args);
        assert_eq!(code, 2, "{args:?}: {text}");
        assert!(text.contains(&format!("{} is read-only", store.display())), "{args:?}: {text}");
    }
}

#[test]
fn a_state_directory_of_somebody_else_is_left_alone() {
    if !is_root() {
        // Only root can give a directory away; what root may do anyway is the harder case.
        eprintln!("skipped: only root can make a directory somebody else's");
        return;
    }
    let home = Home::new();
    let state = home.state();
    fs::create_dir(&state).unwrap();
    chown(&state, Some(12345), None).unwrap();
    for args in [["serve"].as_slice(), &["get", "targets"]] {
        let (code, text) = ended(home.nutkin(&state, args));
        assert_eq!(code, 2, "{args:?}: {text}");
        assert!(text.contains(&format!("{} belongs to user 12345", state.display())), "{args:?}: {text}");
        assert_eq!(fs::read_dir(&state).unwrap().count(), 0, "nothing was written there");
    }
}
