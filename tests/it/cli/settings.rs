//! `config check` and `doctor`.

use super::*;

#[test]
fn settings_are_checked_with_places() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join(".config/nutkin/config.toml");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, "thme = \"dark\"\n[console]\nmax-fps = \"fast\"\n").unwrap();
    let ran = ran(&mut command(home.path(), &["config", "check"]));
    assert_eq!(ran.code, 2);
    assert!(
        ran.out.contains("config.toml:1:1: unknown key \"thme\"; did you mean \"theme\"?"),
        "{}",
        ran.out
    );
    assert!(ran.out.contains("config.toml:3:11: expected a whole number, found text"), "{}", ran.out);
}

#[test]
fn theme_and_keymap_are_part_of_the_check_and_doctor_runs_without_valid_settings() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("config.toml");
    let keymap = home.path().join("keys.toml");
    std::fs::write(&keymap, "[everywhere]\n").unwrap();
    let run = |settings: &str, args: &[&str]| {
        std::fs::write(&file, settings).unwrap();
        ran(command(home.path(), args).env("NUTKIN_CONFIG", &file))
    };
    let vim = run("keymap = \"vim\"\n", &["config", "check"]);
    assert_eq!(vim.code, 2, "{vim:?}");
    assert!(vim.out.contains("config.toml:1:10: the keymap \"vim\" is not built yet"), "{}", vim.out);
    let near = run("theme = \"drak\"\n", &["config", "check"]);
    assert!(
        near.out.contains("config.toml:1:9: the theme ") && near.out.contains("did you mean \"dark\"?"),
        "{}",
        near.out
    );
    let beside = run("keymap = \"keys.toml\"\n", &["config", "check"]);
    assert!(beside.out.contains("keys.toml:1:1: ") && !beside.out.contains("no file"), "{}", beside.out);
    let secrets = run("[manager]\nsecrets-dir = \"secrets\"\n", &["config", "show"]);
    let place = home.path().join("secrets").display().to_string();
    assert!(secrets.out.contains(&place), "{}", secrets.out);
    let nobody = run("[access]\noperators = [\"group:\"]\n", &["config", "check"]);
    assert!(nobody.code == 2 && nobody.out.contains("config.toml:2:"), "{nobody:?}");
    let wrong = run(&format!("keymap = \"{}\"\n", keymap.display()), &["config", "check"]);
    assert_eq!(wrong.code, 2, "{wrong:?}");
    assert!(wrong.out.contains("keys.toml:1:1: "), "{}", wrong.out);
    let unused = run("[console]\nmouse = false\n", &["config", "check"]);
    assert_eq!(unused.code, 0, "{unused:?}");
    assert!(unused.out.contains("config.toml:2:9: console.mouse is not used"), "{}", unused.out);

    let doctor = run("thme = \"dark\"\n", &["doctor"]);
    assert_eq!(doctor.code, 1, "{doctor:?}");
    assert!(
        doctor.out.contains("unknown key \"thme\"") && doctor.out.contains("none runs"),
        "{}",
        doctor.out
    );
    let state = home.path().join(".local/state/nutkin");
    std::fs::create_dir_all(&state).unwrap();
    std::fs::write(state.join("nutkin.db"), "no database".repeat(1000)).unwrap();
    let doctor = run("", &["doctor", "-o", "json"]).json();
    let store = doctor["items"].as_array().unwrap().iter().find(|c| c["name"] == "store file").cloned();
    assert_eq!(store.unwrap()["verdict"], "failed");
}

#[test]
fn settings_that_nobody_has_written_are_the_defaults() {
    let home = tempfile::tempdir().unwrap();
    let ran = ran(&mut command(home.path(), &["config", "check"]));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.ends_with("config.toml: there is no such file; the defaults hold\n"), "{}", ran.out);
}
