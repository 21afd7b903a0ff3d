//! Settings, places of files, manifests: every problem at its line and column.

use std::path::{Path, PathBuf};

use nutkin::config::{
    manifest::{self, Manifest},
    paths::{self, Choice, Surroundings},
    settings::{self, ByteSize, Sources},
};
use rstest::rstest;

fn file(text: &str) -> Sources {
    Sources { file: Some(("config.toml".to_owned(), text.to_owned())), ..Sources::default() }
}

fn problems(text: &str) -> Vec<String> {
    settings::load(&file(text)).unwrap_err().0.iter().map(ToString::to_string).collect()
}

#[test]
fn the_documented_file_is_valid_and_means_what_it_says() {
    let text = r#"
theme = "dark"
time-zone = "Europe/Berlin"
read-only = true

[console]
max-fps = 60

[manager]
idle-exit = "20m"
secrets-dir = "/etc/nutkin/secrets"

[access]
operators = ["group:flink-oncall"]

[recorder]
logs-per-deployment = "64MiB"
events-keep = "30d"
"#;
    let loaded = settings::load(&file(text)).unwrap();
    let s = &loaded.settings;
    assert_eq!((s.theme.as_str(), s.read_only, s.console.max_fps), ("dark", true, 60));
    assert_eq!(s.manager.idle_exit.0.as_secs(), 1200);
    assert_eq!(s.recorder.logs_per_deployment, ByteSize(64 << 20));
    assert_eq!(loaded.origins["theme"], "config.toml");
    assert_eq!(loaded.origins["console.mouse"], "default");
}

#[test]
fn every_problem_is_reported_at_its_place() {
    let found = problems(
        "tehme = \"dark\"\nread-only = \"yes\"\n[console]\nmax-fsp = 3\nmax-fps = 0\n[manager]\nidle-exit = \"15 parsecs\"\n[recorder]\nlogs-per-deployment = \"lots\"\n",
    );
    assert_eq!(
        found,
        [
            "config.toml:1:1: unknown key \"tehme\"; did you mean \"theme\"?",
            "config.toml:2:13: expected true or false, found text",
            "config.toml:4:1: unknown key \"max-fsp\"; did you mean \"max-fps\"?",
            "config.toml:5:11: 0 is too small; at least 1",
            "config.toml:7:13: \"15 parsecs\" is not a duration; write for example 250ms, 10s, 5m, 2h or 7d",
            "config.toml:9:23: \"lots\" is not a size; write for example 64KiB, 200MiB or 1GiB",
        ]
    );
}

#[rstest]
#[case("theme = ", "config.toml:1:")]
#[case("a = 1\na = 2\n", "config.toml:2:1: not valid TOML")]
#[case("time-zone = \"Europe/Berlinn\"", "config.toml:1:13: \"Europe/Berlinn\" is not a time zone")]
#[case("[access]\nviewers = [\"bob\"]", "config.toml:2:11: \"bob\" is neither user:NAME nor group:NAME")]
#[case("[manager]\npoll-interval = \"1ms\"", "config.toml:2:17: 1ms is too short")]
fn one_problem(#[case] text: &str, #[case] starts: &str) {
    let found = problems(text);
    assert!(found[0].starts_with(starts), "{found:?}");
}

#[test]
fn the_environment_wins_over_the_file_and_flags_over_both() {
    let mut sources = file("theme = \"light\"\nkeymap = \"vim\"\nread-only = true");
    sources.environment = [
        ("NUTKIN_THEME", "dark"),
        ("NUTKIN_KEYMAP", "emacs"),
        ("NUTKIN_MANAGER_IDLE_EXIT", "1h"),
        ("NUTKIN_ACCESS_OPERATORS", "group:a, user:b"),
        ("NUTKIN_STATE_DIR", "/x"),
        ("NUTKIN_MANAGER_IDEL_EXIT", "1h"),
        ("PATH", "/bin"),
    ]
    .map(|(k, v)| (k.to_owned(), v.to_owned()))
    .to_vec();
    sources.flags = vec![("keymap".to_owned(), "default".to_owned())];
    let loaded = settings::load(&sources).unwrap();
    let s = &loaded.settings;
    assert_eq!((s.theme.as_str(), s.keymap.as_str(), s.read_only), ("dark", "default", true));
    assert_eq!(s.access.operators, ["group:a", "user:b"]);
    assert_eq!(loaded.origins["theme"], "NUTKIN_THEME");
    assert_eq!(loaded.origins["keymap"], "flag");
    assert_eq!(loaded.warnings.len(), 1);
    assert!(loaded.warnings[0].to_string().contains("did you mean NUTKIN_MANAGER_IDLE_EXIT?"));
}

#[test]
fn what_has_no_effect_yet_is_told_at_its_place() {
    let mut sources = file("[console]\nmouse = false\nmax-fps = 20\n[recorder]\nevents-keep = \"30d\"");
    sources.environment = vec![("NUTKIN_CONSOLE_ASCII".to_owned(), "true".to_owned())];
    let loaded = settings::load(&sources).unwrap();
    let told: Vec<String> = loaded.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "config.toml:2:9: console.mouse is not used by this version",
            "NUTKIN_CONSOLE_ASCII: console.ascii is not used by this version",
        ]
    );
    for path in settings::NOT_YET {
        assert!(loaded.origins.contains_key(*path), "{path} is a setting");
    }
}

#[test]
fn a_bad_variable_names_itself() {
    let sources = Sources {
        environment: vec![("NUTKIN_READ_ONLY".to_owned(), "maybe".to_owned())],
        ..Sources::default()
    };
    let e = settings::load(&sources).unwrap_err();
    assert_eq!(e.to_string(), "NUTKIN_READ_ONLY: expected true or false, found text");
}

#[test]
fn the_effective_settings_are_a_valid_file() {
    let loaded = settings::load(&file("[manager]\nsecrets-dir = \"/s\"")).unwrap();
    let again = settings::load(&file(&loaded.to_toml())).unwrap();
    assert_eq!(loaded.settings, again.settings);
}

fn around(env: &[(&str, &str)]) -> Surroundings {
    Surroundings {
        environment: env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        uid: 1000,
        users: "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\nnobody:x:65534:1::/nonexistent:/x\n"
            .to_owned(),
        current: PathBuf::from("/work"),
    }
}

#[rstest]
#[case(&[("HOME", "/h")], None, "/h/.local/state/nutkin")]
#[case(&[("HOME", "/h"), ("XDG_STATE_HOME", "/s")], None, "/s/nutkin")]
#[case(&[("HOME", "/h"), ("XDG_STATE_HOME", "relative")], None, "/h/.local/state/nutkin")]
#[case(&[("HOME", "/h")], Some("demo"), "/h/.local/state/nutkin/profiles/demo")]
#[case(&[("HOME", "/h"), ("NUTKIN_PROFILE", "team")], None, "/h/.local/state/nutkin/profiles/team")]
#[case(&[("HOME", "/h"), ("NUTKIN_STATE_DIR", "here")], None, "/work/here")]
#[case(&[("HOME", "/h"), ("NUTKIN_STATE_DIR", "here"), ("NUTKIN_PROFILE", "team")], None, "/work/here")]
#[case(&[("HOME", "/h"), ("NUTKIN_STATE_DIR", "here")], Some("demo"), "/h/.local/state/nutkin/profiles/demo")]
#[case(&[("HOME", "/h"), ("NUTKIN_PROFILE", "team")], Some("demo"), "/h/.local/state/nutkin/profiles/demo")]
#[case(&[], None, "/home/ann/.local/state/nutkin")]
fn the_state_directory(#[case] env: &[(&str, &str)], #[case] profile: Option<&str>, #[case] expected: &str) {
    let choice = Choice { profile: profile.map(str::to_owned), ..Choice::default() };
    let found = paths::resolve(&choice, &around(env)).unwrap();
    assert_eq!(found.state_dir, Path::new(expected));
    assert_eq!(found.note, None);
}

#[test]
fn two_flags_that_name_a_state_directory_are_refused() {
    let choice =
        Choice { profile: Some("demo".to_owned()), state_dir: Some("/s".into()), ..Choice::default() };
    let e = paths::resolve(&choice, &around(&[("HOME", "/h")])).unwrap_err();
    assert!(e.message.contains("nothing was changed"), "{e:?}");
    // A variable beside a flag is no second choice.
    let choice = Choice { state_dir: Some("/s".into()), ..Choice::default() };
    let found = paths::resolve(&choice, &around(&[("HOME", "/h"), ("NUTKIN_PROFILE", "team")])).unwrap();
    assert_eq!((found.state_dir, found.profile, found.named), ("/s".into(), None, true));
}

#[test]
fn without_a_home_one_line_says_where_the_state_is() {
    let mut around = around(&[("TMPDIR", "/var/tmp")]);
    around.uid = 4242;
    let found = paths::resolve(&Choice::default(), &around).unwrap();
    assert_eq!(found.state_dir, Path::new("/var/tmp/nutkin-4242"));
    let note = found.note.unwrap();
    assert!(note.contains("/var/tmp/nutkin-4242") && !note.contains('\n'), "{note}");
}

#[test]
fn root_through_sudo_is_refused_unless_a_store_is_named() {
    let mut around = around(&[("HOME", "/root"), ("SUDO_UID", "1000"), ("SUDO_USER", "ann")]);
    around.uid = 0;
    let e = paths::resolve(&Choice::default(), &around).unwrap_err();
    assert!(e.hint.contains("/home/ann/.local/state/nutkin") && e.hint.contains("--state-dir"), "{e:?}");
    let choice = Choice { state_dir: Some("/s".into()), ..Choice::default() };
    assert_eq!(paths::resolve(&choice, &around).unwrap().state_dir, Path::new("/s"));
}

const GOOD: &str = r#"
apiVersion: nutkin/v1
kind: Target
metadata: { name: local }
spec: { url: "http://localhost:8081", savepointDirectory: file:///tmp/sp, defaults: { parallelism: 2 } }
---
apiVersion: nutkin/v1
kind: Application
metadata: { name: pay, title: Payments }
spec: { defaults: { flinkConfiguration: { execution.checkpointing.interval: 10s } } }
---
apiVersion: nutkin/v1
kind: Deployment
metadata: { application: pay, name: production, labels: { region: eu } }
spec:
  target: local
  state: RUNNING
  parallelism: 4
  artifact: { sha256: abc, args: ["--rate", 500] }
  flinkConfiguration: { a.number: 0.10, a.flag: true, gone: null }
"#;

#[test]
fn a_good_manifest_becomes_documents() {
    let m = Manifest::from_text("m.yaml", GOOD).unwrap();
    let names: Vec<_> =
        m.entries.iter().map(|e| (e.document.kind.as_str(), e.document.full_name())).collect();
    assert_eq!(
        names,
        [
            ("Target", "local".to_owned()),
            ("Application", "pay".to_owned()),
            ("Deployment", "pay/production".to_owned())
        ]
    );
    let spec = &m.entries[2].document.spec;
    // Text is wanted there: numbers and booleans stay as they were written.
    assert_eq!(
        spec["flinkConfiguration"],
        serde_json::json!({"a.number": "0.10", "a.flag": "true", "gone": null})
    );
    assert_eq!(spec["artifact"]["args"], serde_json::json!(["--rate", "500"]));
    assert_eq!(spec["parallelism"], 4);
    assert_eq!(m.place("Deployment", "pay/production", "artifact/args/1").unwrap(), "m.yaml:19:45");
    let again = Manifest::from_text("again.yaml", &manifest::to_yaml(&m.documents())).unwrap();
    assert_eq!(again.documents(), m.documents());
}

#[test]
fn every_problem_of_a_manifest_is_reported_at_its_place() {
    let text = r#"apiVersion: nutkin/v1
kind: Deployment
metadata: { application: pay, name: production }
spec:
  target: local
  paralelism: 4
  upgradeStrategy: STATEFULL
  parallelism: many
  probation: { timout: 5m, timeout: soon }
  flinkConfiguration: [a]
---
apiVersion: nutkin/v2
kind: Deploiment
metadata: { name: x }
---
kind: Deployment
apiVersion: nutkin/v1
metadata: { name: Production, aplication: x }
"#;
    let found: Vec<String> =
        Manifest::from_text("m.yaml", text).unwrap_err().0.iter().map(ToString::to_string).collect();
    assert_eq!(
        found,
        [
            "m.yaml:6:3: unknown key \"paralelism\"; did you mean \"parallelism\"?",
            "m.yaml:7:20: unknown word \"STATEFULL\"; known: STATEFUL, STATELESS, NONE; did you mean \"STATEFUL\"?",
            "m.yaml:8:16: expected a whole number, found text",
            "m.yaml:9:16: unknown key \"timout\"; did you mean \"timeout\"?",
            "m.yaml:9:37: \"soon\" is not a duration; write for example 250ms, 10s, 5m, 2h or 7d",
            "m.yaml:10:23: expected a map, found a list",
            "m.yaml:12:13: this apiVersion is not known; write nutkin/v1",
            "m.yaml:13:7: unknown word \"Deploiment\"; known: Target, Application, Deployment; did you mean \"Deployment\"?",
            "m.yaml:18:31: unknown key \"aplication\"; did you mean \"application\"?",
        ]
    );
}

#[rstest]
#[case("a: [1\nb: 2\n", "m.yaml:2:2: not valid YAML")]
#[case("kind: Target\nkind: Target\n", "m.yaml:2:1: not valid YAML: duplicate mapping key: kind")]
#[case("- 1\n", "m.yaml:1:1: apiVersion is missing")]
#[case(
    "apiVersion: nutkin/v1\nkind: Target\nmetadata: {name: Bad}\n",
    "m.yaml:3:18: name \"Bad\" is not valid"
)]
#[case(
    "apiVersion: nutkin/v1\nkind: Deployment\nmetadata: {name: x}\n",
    "m.yaml:3:11: metadata.application is missing"
)]
#[case(
    "apiVersion: nutkin/v1\nkind: Deployment\nmetadata: {application: a, name: x}\nspec:\n  artifact: {jar: ./gone.jar}\n",
    "m.yaml:5:19: no such file: gone.jar"
)]
#[case(
    "apiVersion: nutkin/v1\nkind: Deployment\nmetadata: {application: a, name: x}\nspec:\n  periodicSavepoints: {every: 1h}\n",
    "m.yaml:5:3: key \"periodicSavepoints\": periodic savepoints are not built yet; remove it"
)]
#[case(
    "apiVersion: nutkin/v1\nkind: Application\nmetadata: {name: a}\nspec: {defaults: {recovery: {attempts: 3}}}\n",
    "m.yaml:4:19: key \"recovery\": automatic recovery is not built yet; remove it"
)]
#[case(
    "apiVersion: nutkin/v1\nkind: Application\nmetadata: {name: a}\nspec: {defaults: {paralelism: 1}}\n",
    "m.yaml:4:19: unknown key \"paralelism\""
)]
#[case("x: &a [1]\n---\ny: *a\n", "m.yaml:3:4: not valid YAML: alias references unknown anchor")]
fn one_manifest_problem(#[case] text: &str, #[case] starts: &str) {
    let found = Manifest::from_text("m.yaml", text).unwrap_err().to_string();
    assert!(found.replace("./", "").starts_with(starts), "{found}");
}

#[test]
fn an_alias_bomb_is_refused() {
    let mut text = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
    for i in 1..9 {
        let refs = vec![format!("*a{}", i - 1); 10].join(",");
        text.push_str(&format!("a{i}: &a{i} [{refs}]\n"));
    }
    assert!(Manifest::from_text("m.yaml", &text).unwrap_err().to_string().contains("not valid YAML"));
}

#[test]
fn directories_jars_and_duplicates() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    let doc = "apiVersion: nutkin/v1\nkind: Deployment\nmetadata: {application: a, name: x}\nspec: {artifact: {jar: ./app.jar}}\n";
    write("app.jar", "PK");
    write("b.yaml", doc);
    write("notes.txt", "not: [a manifest");
    let m = Manifest::read(&[dir.path().to_owned()]).unwrap();
    let mut entry = m.entries[0].clone();
    assert_eq!(entry.jar.as_deref().and_then(Path::file_name), Some("app.jar".as_ref()));
    entry.set_artifact("ff");
    assert_eq!(entry.document.spec["artifact"], serde_json::json!({"jar": "app.jar", "sha256": "ff"}));

    write("c.yml", doc);
    let e = Manifest::read(&[dir.path().to_owned()]).unwrap_err().to_string();
    assert!(e.contains("c.yml:3:34: Deployment \"a/x\" is also at") && e.contains("b.yaml:3:34"), "{e}");

    let empty = tempfile::tempdir().unwrap();
    let e = Manifest::read(&[empty.path().to_owned()]).unwrap_err().to_string();
    assert!(e.contains("no *.yaml"), "{e}");
    let e = Manifest::read(&["/does/not/exist.yaml".into()]).unwrap_err().to_string();
    assert!(e.contains("cannot be read"), "{e}");
}
