//! Which manager a command talks to: server, state directory, profile.

use super::*;

#[test]
fn no_manager_where_nobody_can_be_started() {
    let home = tempfile::tempdir().unwrap();
    let gone = ran(&mut command(home.path(), &["--server", "unix:/does/not/exist", "get", "targets"]));
    assert_eq!(gone.code, 6, "{gone:?}");
    let http = ran(&mut command(home.path(), &["--server", "http://x", "get", "targets"]));
    assert_eq!(http.code, 2);
    assert!(http.err.contains("only unix:PATH is built so far"), "{}", http.err);
    let tcp = ran(&mut command(home.path(), &["serve", "--listen", "0.0.0.0:1"]));
    assert_eq!(tcp.code, 2, "{tcp:?}");
}

/// A variable of daily work must not turn the demo, or a command for another profile, loose on that store.
#[test]
fn flags_win_over_the_variable_of_a_state_directory() {
    let home = Home::new();
    assert_eq!(home.run(&["target", "add", "t", "http://127.0.0.1:1", "--no-check"]).code, 0);
    let stopped = home.run(&["demo", "--stop", "-o", "json"]);
    assert_eq!(stopped.json(), json!({"stopped": false, "suspended": []}), "{stopped:?}");
    let reset = home.run(&["demo", "--reset", "-o", "json"]);
    assert_eq!((reset.code, reset.json()["reset"].clone()), (0, json!(false)), "{reset:?}");
    assert_eq!(home.run(&["manager", "status"]).code, 0, "its manager goes on");
    let other = home.run(&["--profile", "prod", "get", "targets"]);
    assert_eq!(other.code, 1, "{other:?}");
    assert!(other.err.contains("there is no profile \"prod\""), "{}", other.err);

    let prod = home.0.path().join(".local/state/nutkin/profiles/prod");
    std::fs::create_dir_all(&prod).unwrap();
    std::fs::write(prod.join("nutkin.db"), "a person's").unwrap();
    let refused = home.run(&["--profile", "prod", "demo", "--reset", "-o", "json", "-q"]);
    assert_eq!((refused.code, refused.out.as_str()), (2, ""), "{refused:?}");
    let error: Value = serde_json::from_str(&refused.err).unwrap();
    assert!(error["error"]["message"].as_str().unwrap().contains("nothing was changed"), "{error}");
    assert!(prod.join("nutkin.db").exists());
}

#[test]
fn a_server_is_used_or_refused_but_never_passed_over() {
    let home = tempfile::tempdir().unwrap();
    let server = ["--server", "unix:/does/not/exist"];
    for args in [["manager", "status"], ["manager", "stop"], ["manager", "restart"], ["manager", "log"]] {
        let refused = ran(&mut command(home.path(), &[&server[..], &args].concat()));
        assert_eq!(refused.code, 2, "{refused:?}");
        assert!(refused.err.contains("NUTKIN_SERVER names unix:/does/not/exist"), "{}", refused.err);
    }
    for args in [&["serve"][..], &["demo"], &["--profile", "p", "get", "targets"]] {
        let refused = ran(&mut command(home.path(), &[&server[..], args].concat()));
        assert_eq!(refused.code, 2, "{refused:?}");
    }
    let by_variable =
        |args: &[&str]| ran(command(home.path(), args).env("NUTKIN_SERVER", "unix:/does/not/exist"));
    assert_eq!(by_variable(&["manager", "status"]).code, 2);
    // A flag that names a state directory is stronger than the variable.
    let state = home.path().join("state").display().to_string();
    assert_eq!(by_variable(&["--state-dir", &state, "manager", "status"]).code, 1);
    let doctor = by_variable(&["doctor", "-o", "json"]);
    assert_eq!(doctor.code, 1, "{doctor:?}");
    assert!(doctor.out.contains("/does/not/exist"), "{}", doctor.out);
    let both = ran(&mut command(home.path(), &["demo", "--flink-version", "1", "--flink-home", "/x"]));
    assert_eq!(both.code, 2, "{both:?}");
    let bad =
        ran(command(home.path(), &["demo", "--flink-version", "not/a/version"]).env("FLINK_HOME", "/x"));
    assert_eq!(bad.code, 2, "the flag wins over the variable: {bad:?}");
    assert!(!home.path().join(".local/state/nutkin/profiles/demo").exists(), "nothing was made");
}

/// A mistyped profile must not look like a store that lost everything.
#[test]
fn a_profile_that_is_not_there_is_refused_or_announced() {
    /// Its managers end with it.
    struct Profiles(tempfile::TempDir);
    impl Drop for Profiles {
        fn drop(&mut self) {
            ran(&mut command(self.0.path(), &["--profile", "prod", "manager", "stop"]));
        }
    }
    let profiles = Profiles(tempfile::tempdir().unwrap());
    let home = &profiles.0;
    let run = |args: &[&str]| ran(&mut command(home.path(), args));
    let first = run(&["--profile", "prdo", "get", "deployments"]);
    assert_eq!(first.code, 1, "{first:?}");
    assert!(first.err.contains("there is no profile \"prdo\"; nothing was started"), "{}", first.err);
    assert!(first.err.contains("there is none yet"), "{}", first.err);

    let added = run(&["--profile", "prod", "target", "add", "t", "http://127.0.0.1:1", "--no-check"]);
    assert_eq!(added.code, 0, "{added:?}");
    assert!(added.err.contains("new profile prod in "), "{}", added.err);
    let again = run(&["--profile", "prod", "target", "add", "u", "http://127.0.0.1:1", "--no-check"]);
    assert!(!again.err.contains("new profile"), "{}", again.err);

    let commands: [&[&str]; 4] =
        [&["get", "targets"], &["events"], &["target", "check", "t"], &["start", "pay/prod"]];
    for args in commands {
        let wrong = run(&[&["--profile", "prdo"], args].concat());
        assert_eq!(wrong.code, 1, "{wrong:?}");
        assert!(wrong.err.contains("did you mean prod?"), "{}", wrong.err);
    }
    assert!(!home.path().join(".local/state/nutkin/profiles/prdo").exists(), "nothing was made");
    assert_eq!(run(&["--profile", "prod", "get", "targets", "-o", "name"]).out, "t\nu\n");
}

/// It must not open the console of another manager than the one that was named.
#[test]
fn the_console_refuses_a_server_that_it_cannot_reach() {
    let home = tempfile::tempdir().unwrap();
    let mut screen = Screen::of(home.path(), &["--server", "http://x"]);
    screen.until("only unix:PATH is built so far; nothing was sent");
    assert_eq!(screen.child.wait().unwrap().exit_code(), 2);
    assert!(!home.path().join(".local").exists(), "nothing was started");
}
