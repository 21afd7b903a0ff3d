//! What is printed for shells, readers of manuals and makers of clients; and the commands that are not there yet.

use rstest::rstest;

use super::*;

/// A command that needs no manager.
fn alone(args: &[&str]) -> program::Ran {
    let home = tempfile::tempdir().unwrap();
    let ran = ran(&mut command(home.path(), args));
    assert!(!home.path().join(".local").exists(), "{args:?} makes no state directory");
    ran
}

fn printed(args: &[&str]) -> String {
    let ran = alone(args);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran:?}");
    ran.out
}

const VERBS: [&str; 11] = [
    "start",
    "suspend",
    "cancel",
    "restart",
    "upgrade",
    "fork",
    "reset",
    "rollback",
    "delete",
    "adopt",
    "savepoint",
];

#[rstest]
#[case::bash("bash", "_nutkin()")]
#[case::zsh("zsh", "#compdef nutkin")]
#[case::fish("fish", "complete -c nutkin")]
fn completions_know_the_verbs(#[case] shell: &str, #[case] says: &str) {
    let text = printed(&["completions", shell]);
    assert!(text.contains(says), "{text}");
    for verb in VERBS {
        assert!(text.contains(verb), "{verb}");
    }
    assert!(text.contains("state-dir") && !text.contains("promote"), "hidden commands are not offered");
}

#[test]
fn bash_reads_its_completions() {
    let text = printed(&["completions", "bash"]);
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("nutkin.bash");
    std::fs::write(&file, text).unwrap();
    let script = format!(
        ". {} && COMP_WORDS=(nutkin susp) COMP_CWORD=1 && _nutkin nutkin susp nutkin && echo ${{COMPREPLY[*]}}",
        file.display()
    );
    let mut bash = Command::new("bash");
    let answer =
        ran(bash.args(["--norc", "-c", &script]).env_clear().env("PATH", std::env::var_os("PATH").unwrap()));
    assert_eq!((answer.code, answer.out.trim()), (0, "suspend"), "{answer:?}");
}

#[test]
fn the_manual_page_is_roff_and_has_every_command() {
    let text = printed(&["man"]);
    assert!(text.contains("\n.TH nutkin 1") || text.starts_with(".TH nutkin 1"), "{}", &text[..200]);
    for section in [".SH NAME", ".SH SYNOPSIS", ".SH DESCRIPTION", ".SH OPTIONS"] {
        assert!(text.contains(section), "{section}");
    }
    for verb in VERBS {
        assert!(
            text.contains(&format!("nutkin {verb}")) || text.contains(&format!("nutkin\\-{verb}")),
            "{verb}"
        );
    }
    for nested in ["savepoint dispose", "operation choose", "manager status", "target add", "config check"] {
        assert!(text.contains(&format!("\n.TH nutkin-{} 1", nested.replace(' ', "-"))), "{nested}");
    }
    for hidden in ["promote", "is not built yet"] {
        assert!(!text.contains(hidden), "{hidden}");
    }
}

#[test]
fn the_description_of_the_api_is_of_version_3_1_and_complete() {
    let document: Value = serde_json::from_str(&printed(&["openapi"])).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    let paths = document["paths"].as_object().unwrap();
    for path in [
        "/healthz",
        "/api/v1/snapshot",
        "/api/v1/watch",
        "/api/v1/watch/{id}/interest",
        "/api/v1/events",
        "/api/v1/targets",
        "/api/v1/targets/{name}",
        "/api/v1/targets/{name}/check",
        "/api/v1/targets/{name}/jobs",
        "/api/v1/applications",
        "/api/v1/applications/{app}",
        "/api/v1/deployments",
        "/api/v1/deployments/{app}/{name}",
        "/api/v1/deployments/{app}/{name}/jobs",
        "/api/v1/deployments/{app}/{name}/savepoints",
        "/api/v1/deployments/{app}/{name}/revisions",
        "/api/v1/deployments/{app}/{name}/events",
        "/api/v1/deployments/{app}/{name}/exceptions",
        "/api/v1/deployments/{app}/{name}/checkpoints",
        "/api/v1/deployments/{app}/{name}/restore-points",
        "/api/v1/operations",
        "/api/v1/operations/{id}",
        "/api/v1/operations/{id}/resume",
        "/api/v1/operations/{id}/cancel",
        "/api/v1/operations/{id}/choose",
        "/api/v1/savepoints",
        "/api/v1/savepoints/{id}",
        "/api/v1/savepoints/{id}/dispose",
        "/api/v1/artifacts",
        "/api/v1/artifacts/{sha}",
        "/api/v1/apply",
    ] {
        assert!(paths.contains_key(path), "{path} is not in {:?}", paths.keys().collect::<Vec<_>>());
    }
}

#[test]
fn the_description_of_the_api_is_yaml_where_yaml_is_asked_for() {
    let text = printed(&["openapi", "-o", "yaml"]);
    assert!(text.starts_with("openapi: \"3.1.0\"\n") && text.contains("\npaths:\n"), "{}", &text[..200]);
}

#[rstest]
#[case(&["promote", "pay/staging", "pay/prod"], "promote", "nutkin upgrade APP/NAME --artifact SHA")]
#[case(&["logs", "pay/prod", "-f", "--since", "10m"], "logs", "nutkin get exceptions APP/NAME")]
#[case(&["themes"], "themes", "nutkin config edit")]
#[case(&["keys", "--help"], "keys", "?")]
#[case(&["token", "create"], "token", "--server unix:PATH")]
fn what_is_not_built_says_so(#[case] args: &[&str], #[case] name: &str, #[case] instead: &str) {
    let ran = alone(args);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{ran:?}");
    assert!(
        ran.err.starts_with(&format!("nutkin: nutkin {name} is not built yet; nothing was changed\n")),
        "{}",
        ran.err
    );
    assert!(ran.err.contains("  hint: ") && ran.err.contains(instead), "{}", ran.err);
    assert!(!printed(&["--help"]).contains(&format!("  {name}")), "it is not offered");
    let json = alone(&[&["-o", "json"], args].concat());
    let error: Value = serde_json::from_str(&json.err).unwrap();
    assert_eq!((json.code, &error["error"]["code"]), (2, &json!("NOT_SUPPORTED")));
}
