//! `demo` without Flink: reset and stop.

use super::*;

/// A profile's folder as the demo makes it.
fn demo_folder(home: &Path) -> PathBuf {
    let state = home.join(".local/state/nutkin/profiles/demo");
    std::fs::create_dir_all(&state).unwrap();
    std::fs::write(state.join("made-by-nutkin-demo"), "").unwrap();
    state
}

#[test]
fn on_a_terminal_a_reset_of_the_demo_asks() {
    let home = tempfile::tempdir().unwrap();
    let state = demo_folder(home.path());
    let mut screen = Screen::of(home.path(), &["demo", "--reset"]);
    screen.until("remove it? [y/N]");
    assert!(screen.parser.screen().contents().contains("for good: the history"));
    screen.types("n\n");
    screen.until("nothing was changed");
    assert_eq!(screen.child.wait().unwrap().exit_code(), 1);
    assert!(state.exists());
    let mut screen = Screen::of(home.path(), &["demo", "--reset"]);
    screen.until("[y/N]");
    screen.types("y\n");
    screen.until("the demo is gone");
    assert!(screen.child.wait().unwrap().success() && !state.exists());
}

#[test]
fn a_reset_of_the_demo_asks_nobody_who_has_said_yes_or_is_not_there() {
    let home = tempfile::tempdir().unwrap();
    let state = demo_folder(home.path());
    let mut screen = Screen::of(home.path(), &["demo", "--reset", "--yes"]);
    screen.until("the demo is gone");
    assert!(screen.child.wait().unwrap().success() && !state.exists());
    let state = demo_folder(home.path());
    let ran = ran(&mut command(home.path(), &["demo", "--reset"]));
    assert!(ran.code == 0 && !state.exists(), "{ran:?}");
}

#[test]
fn stopping_a_demo_that_does_not_run_says_so() {
    let home = tempfile::tempdir().unwrap();
    let ran = ran(&mut command(home.path(), &["demo", "--stop"]));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.err.contains("neither Flink nor the manager was running; nothing was changed"), "{ran:?}");
}
