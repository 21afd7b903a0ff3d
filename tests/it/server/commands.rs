//! The command line against a real manager and its server.

use std::process::Stdio;

use nutkin::{
    client::routes,
    contract::{
        intent::{Meta, Start, Suspend, Verb},
        plan::Submitted,
    },
};
use serde_json::Value;

use super::{ended, house::House, stage};
use crate::fake::{self, Fake};

/// How a command ended, what it printed, what it said.
struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

/// Runs `nutkin` against this house's manager.
async fn nutkin(h: &House, args: &[&str]) -> Ran {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_nutkin"));
    command
        .args(["--server", &format!("unix:{}", h.socket.display())])
        .args(args)
        .env_clear()
        .env("HOME", h.dir.path())
        .env("NUTKIN_TIME_ZONE", "UTC")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = command.output().await.unwrap();
    Ran {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A verb on `pay/prod` that ends well.
async fn done(h: &House, verb: Verb) {
    let act = routes::verb(&"pay/prod".parse().unwrap(), &verb);
    match h.client().act(&act).await.unwrap() {
        Submitted::Operation(o) => ended(h, &o.operation_id).await,
        Submitted::Plan(p) => panic!("{p:?}"),
    };
}

fn yes() -> Meta {
    Meta { yes: true, ..Meta::default() }
}

/// Started, suspended, and started again.
async fn started_twice() -> (House, Fake) {
    let (h, fake) = (House::open().await, Fake::start(fake::Settings::default()));
    stage(&h, &fake).await;
    done(&h, Verb::Start(Start { meta: yes(), ..Start::default() })).await;
    done(&h, Verb::Suspend(Suspend { meta: yes(), ..Suspend::default() })).await;
    done(&h, Verb::Start(Start { meta: yes(), ..Start::default() })).await;
    (h, fake)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_is_listed_with_a_limit() {
    let (h, _fake) = started_twice().await;
    for args in [
        "targets",
        "targets -l a=b",
        "applications",
        "applications -l a=b",
        "deployments",
        "deployments --target local",
        "deployments -l a=b --target local",
        "jobs",
        "jobs pay/prod",
        "jobs --target local",
        "savepoints",
        "savepoints pay/prod",
        "operations",
        "operations --target local",
        "events",
        "events pay/prod",
        "revisions pay/prod",
        "artifacts",
        "exceptions pay/prod",
        "checkpoints pay/prod",
    ] {
        let words: Vec<&str> = args.split(' ').collect();
        for output in ["table", "json"] {
            let ran =
                nutkin(&h, &[&["-o", output, "get"], words.as_slice(), &["--limit", "1"]].concat()).await;
            assert_eq!(ran.code, Some(0), "get {args}: {}", ran.err);
            if output == "json" {
                let list: Value = serde_json::from_str(&ran.out).unwrap();
                assert!(list["items"].as_array().unwrap().len() <= 1, "get {args}: {list}");
            }
        }
    }
    h.close().await;
}

/// Whatever is in the books is its deployment's, also when it ended long ago.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ended_job_of_a_deployment_is_managed() {
    let (h, _fake) = started_twice().await;
    let ran = nutkin(&h, &["-o", "json", "get", "jobs", "--target", "local"]).await;
    let list: Value = serde_json::from_str(&ran.out).unwrap();
    let jobs = list["items"].as_array().unwrap();
    assert_eq!(jobs.len(), 2, "{list}");
    for job in jobs {
        assert_eq!(
            (&job["management"], &job["deployment"]),
            (&"managed".into(), &"pay/prod".into()),
            "{job}"
        );
    }
    h.close().await;
}

/// Every hint can be typed as it stands.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hints_name_what_they_are_about_and_what_helps() {
    let (h, fake) = started_twice().await;
    done(&h, Verb::Suspend(Suspend { meta: yes(), ..Suspend::default() })).await;
    let list = nutkin(&h, &["-o", "json", "savepoint", "list", "pay/prod"]).await;
    let list: Value = serde_json::from_str(&list.out).unwrap();
    let newest = list["items"][0]["savepointId"].as_str().unwrap().to_owned();
    assert_eq!(nutkin(&h, &["savepoint", "pin", &newest]).await.code, Some(0));
    let absent = "0192d7a0-5c1e-7a11-8f00-00000000c812.1.1";
    let program = format!("nutkin --server unix:{}", h.socket.display());
    let unpin = format!("unpin it first: {program} savepoint unpin {newest}");
    let choose = format!("{program} savepoint list pay/prod");
    drop(fake);
    let away = format!("check it: {program} target check local");
    for (args, hint) in [
        (vec!["savepoint", "dispose", &newest], unpin.as_str()),
        (vec!["reset", "pay/prod", absent], &format!("choose one: {choose})")),
        (vec!["start", "pay/prod", "--from", absent], &format!("{choose}, or begin empty with --from none)")),
        (vec!["start", "pay/prod"], &away),
    ] {
        let ran = nutkin(&h, &[args.as_slice(), &["--dry-run"]].concat()).await;
        assert!(ran.out.contains(hint), "{args:?}: {}{}", ran.out, ran.err);
    }
    h.close().await;
}

/// What only the manager can find is at its own line of the manifest, too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_manager_refuses_is_named_by_line_and_column() {
    let (h, fake) = (House::open().await, Fake::start(fake::Settings::default()));
    stage(&h, &fake).await;
    let file = h.dir.path().join("t.yaml");
    let head = "apiVersion: nutkin/v1\nkind: Deployment\nmetadata: { application: pay, name: new }\nspec:\n";
    let cases = [
        ("  target: local\n  parallelism: 0\n", "t.yaml:6:16: Deployment pay/new: spec.parallelism: "),
        ("  target: elsewhere\n", "t.yaml:5:11: Deployment pay/new: spec.target: there is no target"),
        (
            "  target: local\n  flinkConfiguration:\n    s3.secret-key: abc\n",
            "t.yaml:7:20: Deployment pay/new: spec.flinkConfiguration/s3.secret-key: a literal secret",
        ),
        ("  target: local\n  maxJobAttempts: 0\n", "t.yaml:6:19: Deployment pay/new: spec.maxJobAttempts: "),
        (
            "  target: local\n  artifact: { jar: \"s3://b/x.jar\" }\n",
            "t.yaml:6:20: Deployment pay/new: spec.artifact/jar: only a file beside the manifest is uploaded",
        ),
    ];
    for (spec, says) in cases {
        std::fs::write(&file, format!("{head}{spec}")).unwrap();
        for command in ["diff", "apply"] {
            let ran = nutkin(&h, &[command, "-f", file.to_str().unwrap()]).await;
            assert!(ran.code == Some(2) && ran.err.contains(says), "{says}: {}", ran.err);
        }
    }
    h.close().await;
}

/// Values that would do nothing are refused or told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_says_only_what_has_an_effect() {
    let h = House::open().await;
    let file = h.dir.path().join("t.yaml");
    let head =
        "apiVersion: nutkin/v1\nkind: Target\nmetadata: { name: t }\nspec:\n  url: http://127.0.0.1:9\n";
    for (spec, code, says) in [
        ("  colour: nosuchcolour\n", 2, "t.yaml:6:11: Target t: spec.colour: "),
        (
            "  savepointAccess: COMMAND\n",
            2,
            "t.yaml:6:20: Target t: spec.savepointAccess: COMMAND asks a command",
        ),
        ("  links: { wiki: \"http://w\" }\n", 1, "spec.links is kept, and not used"),
        ("  colour: warn\n", 1, ""),
    ] {
        std::fs::write(&file, format!("{head}{spec}")).unwrap();
        let ran = nutkin(&h, &["diff", "-f", file.to_str().unwrap()]).await;
        let all = format!("{}{}", ran.out, ran.err);
        assert!(ran.code == Some(code) && all.contains(says), "{says}: {:?} {all}", ran.code);
    }
    h.close().await;
}
