//! `apply` and `diff`: jars, places in the file, what was done in part.

use rstest::rstest;

use super::{verbs::planned, *};

const MANIFEST: &str = "\
apiVersion: nutkin/v1
kind: Deployment
metadata: { application: pay, name: prod }
spec:
  target: local
  artifact: { jar: app.jar, args: [\"--password\", x] }
";

fn applied(action: &str, problem: Value) -> Value {
    list(json!([{
        "kind": "Deployment", "name": "pay/prod", "action": action,
        "diff": if action == "update" { json!([{"path": "parallelism", "old": 1, "new": 2}]) } else { json!([]) },
        "operationKind": null, "operationId": null, "warnings": [], "problem": problem
    }]))
}

fn row(kind: &str, name: &str, action: &str, operation: Value, problem: Value) -> Value {
    json!({"kind": kind, "name": name, "action": action, "diff": [], "operationKind": null, "operationId": operation,
           "warnings": [], "problem": problem})
}

fn sha_of(text: &str) -> String {
    use sha2::Digest as _;
    sha2::Sha256::digest(text.as_bytes()).iter().map(|b| format!("{b:02x}")).collect()
}

#[test]
fn apply_uploads_a_jar_once_and_sends_its_hash() {
    let sha = sha_of("PK jar");
    let artifact = json!({"sha256": sha, "name": "app.jar", "sizeBytes": 6, "mainClass": null, "entryClasses": [],
                          "createdAt": "2026-11-22T10:00:00.000Z", "usedBy": []});
    let there = format!("GET /artifacts/{sha}");
    let api = Api::new()
        .on(&there, 404, problem("NOT_FOUND", "no", ""))
        .on(&there, 200, artifact.clone())
        .on("POST /artifacts", 201, artifact)
        .on("POST /apply", 200, applied("create", Value::Null));
    api.write("app.jar", "PK jar");
    let manifest = api.write("m.yaml", MANIFEST);
    for _ in 0..2 {
        let ran = api.run(&["apply", "-f", &manifest]);
        assert_eq!(ran.code, 0, "{ran:?}");
        assert!(ran.out.contains("Deployment   pay/prod   create"), "{}", ran.out);
    }
    let uploads = api.asked("POST /artifacts");
    assert_eq!(uploads.len(), 1);
    let upload = &uploads[0];
    assert_eq!((upload.header("nutkin-name"), upload.header("nutkin-sha256")), ("app.jar", sha.as_str()));
    assert_eq!((upload.header("content-length"), &upload.body[..]), ("6", &b"PK jar"[..]));
    let sent = api.asked("POST /apply")[1].json();
    let artifact = &sent["documents"][0]["spec"]["artifact"];
    assert_eq!(
        (artifact["sha256"].as_str(), artifact["jar"].as_str()),
        (Some(sha.as_str()), Some("app.jar"))
    );
}

#[test]
fn a_jar_that_a_read_only_manager_lacks_is_named() {
    let refused = problem("READ_ONLY", "this manager is read-only; nothing was stored", "");
    let api = Api::new().on("POST /artifacts", 403, refused);
    api.write("app.jar", "PK jar");
    let manifest = api.write("m.yaml", MANIFEST);
    let ran = api.run(&["diff", "-f", &manifest]);
    assert_eq!(ran.code, 8, "{ran:?}");
    for says in
        ["does not have app.jar", "read-only; nothing was stored", "a dry run needs the jar at the manager"]
    {
        assert!(ran.err.contains(says), "{says}: {}", ran.err);
    }
}

#[test]
fn a_manifest_that_is_too_large_is_named_and_nothing_is_sent() {
    let api = Api::new();
    let args = format!("args: [{}]", vec!["\"0123456789\""; 100_000].join(", "));
    let manifest = api.write("m.yaml", &MANIFEST.replace("jar: app.jar, args: [\"--password\", x]", &args));
    let ran = api.run(&["apply", "-f", &manifest]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(
        ran.err.contains("m.yaml: 1 documents make a request of") && ran.err.contains("takes 1024 KiB"),
        "{}",
        ran.err
    );
    assert!(api.books.lock().unwrap().asked.is_empty());
}

/// The commit of the pipeline, which is the version of what it has built.
const COMMIT: (&str, &str) = ("GITHUB_SHA", "33de6a1f0c9b8e7d6c5b4a39281706f5e4d3c2b1");

/// An API that has the jar `app.jar` and a deployment with this jar and version, if any.
fn with_a_jar(deployed: Option<(&str, &str)>) -> Api {
    let sha = sha_of("PK jar");
    let artifact = json!({"sha256": sha, "name": "app.jar", "sizeBytes": 6, "mainClass": null, "entryClasses": [],
                          "createdAt": "2026-11-22T10:00:00.000Z", "usedBy": []});
    let document = "GET /deployments/pay/prod/document";
    let api = Api::new()
        .on(&format!("GET /artifacts/{sha}"), 200, artifact)
        .on("POST /deployments/pay/prod/upgrade", 202, operation("QUEUED", &[]))
        .on("POST /apply", 200, applied("update", Value::Null));
    api.write("app.jar", "PK jar");
    match deployed {
        None => api.on(document, 404, problem("NOT_FOUND", "no", "")),
        Some((jar, version)) => {
            let artifact = json!({ "sha256": sha_of(jar), "version": version });
            let spec = json!({ "artifact": artifact });
            let metadata = json!({ "application": "pay", "name": "prod" });
            let body = json!({ "apiVersion": "nutkin/v1", "kind": "Deployment", "metadata": metadata, "spec": spec });
            api.on(document, 200, body)
        }
    }
}

#[rstest]
#[case::a_new_deployment(None, &[COMMIT], "", Some("33de6a1f"))]
#[case::a_new_jar(Some(("PK old", "0ld")), &[COMMIT], "", Some("33de6a1f"))]
#[case::the_same_jar(Some(("PK jar", "0ld")), &[COMMIT], "", Some("0ld"))]
#[case::named_by_the_manifest(None, &[COMMIT], ", version: v7", Some("v7"))]
#[case::no_pipeline(None, &[], "", None)]
fn apply_names_the_version_of_a_new_jar_by_the_commit(
    #[case] deployed: Option<(&str, &str)>,
    #[case] environment: &[(&str, &str)],
    #[case] more: &str,
    #[case] version: Option<&str>,
) {
    let api = with_a_jar(deployed);
    let text = MANIFEST.replace(", args: [\"--password\", x]", more);
    let manifest = api.write("m.yaml", &text);
    assert_eq!(api.run_in(environment, &["apply", "-q", "-f", &manifest]).code, 0);
    let sent = api.asked("POST /apply")[0].json();
    let artifact = &sent["documents"][0]["spec"]["artifact"];
    assert_eq!((artifact["version"].as_str(), artifact["sha256"].as_str().is_some()), (version, true));
    assert_eq!(
        api.asked("GET /deployments/pay/prod/document").len(),
        usize::from(version != Some("v7") && !environment.is_empty())
    );
}

#[rstest]
#[case::with_a_jar(&["--jar", "APP"], Some("33de6a1f"))]
#[case::named(&["--jar", "APP", "--version-label", "v7"], Some("v7"))]
#[case::a_jar_that_was_built_before(&["--artifact", "app.jar"], None)]
#[case::the_configuration_alone(&["--parallelism", "2"], None)]
fn upgrade_names_the_version_of_the_jar_that_it_brings(
    #[case] flags: &[&str],
    #[case] version: Option<&str>,
) {
    let api = with_a_jar(None).on("GET /artifacts", 200, list(json!([])));
    let jar = api.path("app.jar").display().to_string();
    let flags: Vec<&str> = flags.iter().map(|f| if *f == "APP" { jar.as_str() } else { f }).collect();
    let ran = api.run_in(&[COMMIT], &[&["upgrade", "pay/prod", "-q"], &flags[..]].concat());
    assert_eq!(ran.code, 0, "{ran:?}");
    let sent = api.asked("POST /deployments/pay/prod/upgrade")[0].json();
    assert_eq!(sent.get("versionLabel").and_then(Value::as_str), version, "{sent}");
}

#[rstest]
#[case(applied("unchanged", Value::Null), 0, "unchanged", "")]
#[case(applied("update", Value::Null), 1, "parallelism: 1 → 2", "")]
#[case(
    applied(
        "refused",
        problem("INVALID_SPEC", "spec.artifact/args/1: a literal secret is not stored", "use a reference")
    ),
    2,
    "",
    "m.yaml:6:50: Deployment pay/prod: spec.artifact/args/1: a literal secret is not stored"
)]
#[case(applied("refused", problem("NOT_FOUND", "no target local", "")), 2, "", "no target local")]
fn diff_has_three_outcomes(
    #[case] answer: Value,
    #[case] exit: i32,
    #[case] says: &str,
    #[case] complains: &str,
) {
    let api = Api::new()
        .on(&format!("GET /artifacts/{}", sha_of("PK")), 200, json!({"sha256": sha_of("PK"), "name": "app.jar", "sizeBytes": 2, "mainClass": null, "entryClasses": [], "createdAt": "2026-11-22T10:00:00.000Z", "usedBy": []}))
        .on("POST /apply?dryRun=true", 200, answer);
    api.write("app.jar", "PK");
    let manifest = api.write("m.yaml", MANIFEST);
    let ran = api.run(&["diff", "-f", &manifest]);
    assert_eq!(ran.code, exit, "{ran:?}");
    assert!(ran.out.contains(says), "{}", ran.out);
    assert!(ran.err.contains(complains), "{complains:?} is not in: {}", ran.err);
}

#[test]
fn an_apply_in_part_says_which_documents_are_done() {
    let refusal = problem("POLICY_DENIED", "the target is read-only; nothing was changed", "use another");
    let rows = list(json!([
        row("Target", "local", "create", Value::Null, Value::Null),
        row("Deployment", "pay/prod", "refused", Value::Null, refusal.clone()),
        row("Deployment", "pay/eu", "update", Value::Null, refusal.clone()),
        row("Deployment", "pay/us", "unchanged", Value::Null, Value::Null),
    ]));
    let api = Api::new().on("POST /apply", 200, rows);
    let manifest = api.write("m.yaml", &MANIFEST.replace("jar: app.jar", "sha256: ab"));
    let ran = api.run(&["apply", "-f", &manifest]);
    assert_eq!(ran.code, 3, "{ran:?}");
    for says in [
        "  done: Target local: create\n",
        "m.yaml:5:3: Deployment pay/prod: the target is read-only\n",
        "  half done: Deployment pay/eu: update is done, but not what follows: the target is read-only\n",
        "  unchanged: Deployment pay/us\n",
        "hint: use another",
    ] {
        assert!(ran.err.contains(says), "{says}: {}", ran.err);
    }
    assert!(!ran.err.contains("nothing was changed"), "{}", ran.err);

    let nothing = list(json!([row("Deployment", "pay/prod", "refused", Value::Null, refusal)]));
    let api = Api::new().on("POST /apply", 200, nothing);
    let manifest = api.write("m.yaml", &MANIFEST.replace("jar: app.jar", "sha256: ab"));
    let ran = api.run(&["apply", "-f", &manifest]);
    assert_eq!(ran.code, 8, "{ran:?}");
    assert!(ran.err.contains("nothing was changed"), "{}", ran.err);
}

/// A name that must be typed is asked for on a terminal, and what was shown is what runs.
#[test]
fn apply_asks_for_the_typed_name_of_a_deployment() {
    let mut foreseen = row("Deployment", "pay/prod", "update", Value::Null, Value::Null);
    (foreseen["operationKind"], foreseen["plan"]) = ("SUSPEND".into(), plan());
    foreseen["plan"]["confirmation"] = "TYPE_NAME".into();
    let api = Api::new().on("POST /apply?dryRun=true", 200, list(json!([foreseen]))).on(
        "POST /apply",
        200,
        list(json!([row("Deployment", "pay/prod", "update", "op-1".into(), Value::Null)])),
    );
    let manifest = api.write("m.yaml", &MANIFEST.replace("jar: app.jar", "sha256: ab"));
    let args = ["apply", "-f", &manifest, "--no-wait", "--idempotency-key", "ci-7"];
    let mut screen = Screen::open(&api, &args);
    screen.until("outputs are final");
    screen.until("type pay/prod to confirm SUSPEND:");
    screen.types("pay/prod\n");
    screen.until("op-1");
    assert!(screen.child.wait().unwrap().success());
    let sent = api.asked("POST /apply");
    assert_eq!(sent.len(), 1);
    let sent_body = sent[0].json();
    assert_eq!(
        (&sent_body["expect"], &sent_body["confirm"]),
        (&json!({"pay/prod": "d1"}), &json!(["pay/prod"]))
    );
    assert_eq!(sent[0].header("idempotency-key"), "ci-7");

    let mut screen = Screen::open(&api, &args);
    screen.until("type pay/prod to confirm SUSPEND:");
    screen.types("pay/staging\n");
    screen.until("nothing was changed");
    assert_eq!(screen.child.wait().unwrap().exit_code(), 1);
    assert_eq!(api.asked("POST /apply").len(), 1, "nothing more was sent");
}

/// Several deployments of one manifest may be protected.
#[test]
fn names_that_are_given_are_not_asked_for() {
    let document = |name: &str| {
        MANIFEST.replace("jar: app.jar", "sha256: ab").replace("name: prod", &format!("name: {name}"))
    };
    let foreseen = |name: &str| {
        let mut row = row("Deployment", name, "update", Value::Null, Value::Null);
        (row["operationKind"], row["plan"]) = ("SUSPEND".into(), plan());
        (row["plan"]["confirmation"], row["plan"]["typedName"]) = ("TYPE_NAME".into(), name.into());
        row
    };
    let dry = list(json!([foreseen("pay/prod"), foreseen("pay/eu"), foreseen("pay/us")]));
    let done = list(json!([row("Deployment", "pay/prod", "update", "op-1".into(), Value::Null)]));
    let api = Api::new().on("POST /apply?dryRun=true", 200, dry).on("POST /apply", 200, done);
    let manifest = api.write("m.yaml", &["prod", "eu", "us"].map(document).join("---\n"));
    let given = ["apply", "-f", &manifest, "--confirm", "pay/prod", "--confirm", "pay/us"];
    assert_eq!(api.run(&given).code, 0);
    assert_eq!(api.asked("POST /apply")[0].json()["confirm"], json!(["pay/prod", "pay/us"]));
    let mut screen = Screen::open(&api, &[&given[..], &["--no-wait"]].concat());
    screen.until("type pay/eu to confirm SUSPEND:");
    screen.types("pay/eu\n");
    screen.until("op-1");
    assert!(screen.child.wait().unwrap().success());
    assert_eq!(api.asked("POST /apply")[1].json()["confirm"], json!(["pay/prod", "pay/us", "pay/eu"]));
}

#[test]
fn a_wrong_manifest_is_named_by_line_and_column_and_nothing_is_sent() {
    let api = Api::new();
    let manifest = api.write("m.yaml", &MANIFEST.replace("target: local", "taget: local"));
    api.write("app.jar", "PK");
    let ran = api.run(&["apply", "-f", &manifest]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("m.yaml:5:3: unknown key \"taget\"; did you mean \"target\"?"), "{}", ran.err);
    assert!(api.books.lock().unwrap().asked.is_empty());
}

#[test]
fn an_apply_without_a_terminal_says_what_its_plans_warn_of() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("a.yaml");
    let text = "apiVersion: nutkin/v1\nkind: Deployment\nmetadata: {application: pay, name: prod}\nspec: {target: local}\n";
    std::fs::write(&file, text).unwrap();
    let updated = row("Deployment", "pay/prod", "update", Value::Null, Value::Null);
    let mut dry = updated.clone();
    dry["plan"] = planned("UPGRADE", json!(["mind the gap"]));
    let api = Api::new().on("POST /apply?dryRun=true", 200, list(json!([dry]))).on(
        "POST /apply",
        200,
        list(json!([updated])),
    );
    let ran = api.run(&["apply", "-f", file.to_str().unwrap()]);
    assert_eq!((ran.code, ran.err.as_str()), (0, "warning: mind the gap\n"), "{ran:?}");
}

/// What verbs have changed since is neither lost nor a dead end.
#[test]
fn a_manifest_that_a_verb_has_overtaken_names_both_ways_on() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("a.yaml");
    let text = "apiVersion: nutkin/v1\nkind: Deployment\nmetadata: {application: pay, name: prod}\nspec: {target: local}\n";
    std::fs::write(&file, text).unwrap();
    let changed = problem("STALE_REVISION", "pay/prod was changed since the last apply (parallelism)", "x");
    let refused = row("Deployment", "pay/prod", "refused", Value::Null, changed);
    let api = Api::new().on("POST /apply?dryRun=true", 200, list(json!([refused]))).on(
        "POST /apply",
        200,
        list(json!([refused])),
    );
    for command in ["diff", "apply"] {
        let ran = api.run(&[command, "-f", file.to_str().unwrap()]);
        assert_eq!(ran.code, 5, "{ran:?}");
        for way in [" get deployment pay/prod -o yaml", "`diff --force` shows what `apply --force` would do"]
        {
            assert!(ran.err.contains(way), "{command}: {}", ran.err);
        }
    }
}

/// What `get -o yaml` prints, `apply` and `diff` accept, and nothing is different.
#[test]
fn what_is_printed_as_yaml_is_what_is_there() {
    let home = Home::new();
    let jar = home.0.path().join("pay.jar");
    let mut zip = zip::ZipWriter::new(std::fs::File::create(&jar).unwrap());
    let options = zip::write::SimpleFileOptions::default();
    zip.start_file("META-INF/MANIFEST.MF", options).unwrap();
    std::io::Write::write_all(&mut zip, b"Manifest-Version: 1.0\r\nMain-Class: io.example.Pay\r\n").unwrap();
    zip.start_file("io/example/Pay.class", options).unwrap();
    zip.finish().unwrap();
    let manifest = format!(
        "apiVersion: nutkin/v1
kind: Target
metadata: {{ name: local, labels: {{ region: eu }} }}
spec: {{ url: \"http://127.0.0.1:1\" }}
---
apiVersion: nutkin/v1
kind: Application
metadata: {{ name: pay, title: Payments }}
spec: {{ defaults: {{ target: local, parallelism: 2, flinkConfiguration: {{ a.b: c }} }} }}
---
apiVersion: nutkin/v1
kind: Deployment
metadata: {{ application: pay, name: prod, labels: {{ tier: one }} }}
spec:
  state: CANCELLED
  artifact: {{ jar: {}, version: v1, args: [\"--rate\", \"5\"] }}
  flinkConfiguration: {{ d.e: \"10s\" }}
",
        jar.display()
    );
    let file = home.0.path().join("all.yaml");
    std::fs::write(&file, manifest).unwrap();
    let applied = home.run(&["apply", "-f", file.to_str().unwrap()]);
    assert_eq!(applied.code, 0, "{applied:?}");
    for (kind, name) in [
        ("target", "local"),
        ("application", "pay"),
        ("deployment", "pay/prod"),
        ("targets", ""),
        ("applications", ""),
        ("deployments", ""),
    ] {
        let what: &[&str] = if name.is_empty() { &[kind] } else { &[kind, name] };
        let printed = home.run(&[&["get", "-o", "yaml"], what].concat());
        assert_eq!(printed.code, 0, "{printed:?}");
        let copy = home.0.path().join(format!("{kind}.yaml"));
        std::fs::write(&copy, &printed.out).unwrap();
        let diff = home.run(&["diff", "-f", copy.to_str().unwrap()]);
        assert_eq!(diff.code, 0, "{diff:?}\n{}", printed.out);
    }
}
