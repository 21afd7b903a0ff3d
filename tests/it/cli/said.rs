//! What commands say to people, in words that they can act on.

use super::*;

fn planned(kind: &str, warnings: Value) -> Value {
    let mut plan = plan();
    plan["kind"] = kind.into();
    plan["warnings"] = warnings;
    plan
}

/// A pipeline is not asked, and is warned all the same.
#[test]
fn an_act_without_a_terminal_says_what_its_plan_warns_of() {
    let act = "POST /deployments/pay/prod/fork";
    let dry = "POST /deployments/pay/prod/fork?dryRun=true";
    let api = Api::new().on(dry, 200, planned("FORK", json!(["two jobs would write to the same sinks"]))).on(
        act,
        202,
        operation("QUEUED", &[]),
    );
    let fork = ["fork", "pay/prod", "pay/new", "--start"];
    let ran = api.run(&fork);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(ran.err, "warning: two jobs would write to the same sinks\n");
    assert_eq!(api.asked(act)[0].json()["meta"], json!({}), "a warning is no confirmation");
    assert_eq!(api.run(&[&["-q"], &fork[..]].concat()).err, "");
    assert_eq!((api.asked(dry).len(), api.asked(act).len()), (1, 2), "who wants no word causes no look");
}

/// The act itself says what is wrong with it.
#[test]
fn an_act_goes_on_without_its_plan() {
    let act = "POST /deployments/pay/prod/suspend";
    let api = Api::new().on(act, 202, operation("QUEUED", &[]));
    let ran = api.run(&["suspend", "pay/prod"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran:?}");
    assert_eq!(api.asked(act).len(), 1);
}

#[test]
fn the_plan_of_a_fork_names_what_it_makes() {
    let api = Api::new().on("POST /deployments/pay/prod/fork?dryRun=true", 200, planned("FORK", json!([])));
    let ran = api.run(&["fork", "pay/prod", "pay/new", "--dry-run"]);
    assert!(ran.out.starts_with("FORK pay/prod → pay/new on local, revision 3 (v1)\n"), "{}", ran.out);
}

#[test]
fn steps_are_told_by_their_titles() {
    let titled = |state: &str, steps: &[(&str, &str)]| {
        let mut o = operation(state, steps);
        for (n, title) in ["wait until all tasks run", "submit from s3://b/p/savepoint-1"].iter().enumerate()
        {
            o["steps"][n]["title"] = (*title).into();
        }
        o
    };
    let steps = [("AWAIT_RUNNING", "CONFIRMED"), ("RUN_JAR", "CONFIRMED")];
    let api = Api::new().on("POST /deployments/pay/prod/suspend", 202, operation("QUEUED", &[])).on(
        "GET /operations/op-1",
        200,
        titled("SUCCEEDED", &steps),
    );
    let ran = api.run(&["suspend", "pay/prod", "--wait"]);
    assert!(ran.err.contains("  1/2 wait until all tasks run: done 3s"), "{}", ran.err);
    assert!(ran.err.contains("  2/2 submit from …/savepoint-1: done 3s"), "{}", ran.err);
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
        for way in
            ["nutkin get deployment pay/prod -o yaml", "`diff --force` shows what `apply --force` would do"]
        {
            assert!(ran.err.contains(way), "{command}: {}", ran.err);
        }
    }
}

#[test]
fn events_of_a_deployment_are_asked_for_by_its_name() {
    let events = "GET /events?deployment=pay%2Fprod&severity=info&limit=100";
    let api = Api::new().on(events, 200, list(json!([])));
    for command in [&["events", "pay/prod"][..], &["events", "--deployment", "pay/prod"]] {
        assert_eq!(api.run(command).code, 0);
    }
    assert_eq!(api.asked(events).len(), 2);
}

#[test]
fn a_history_marks_what_runs_and_shows_hashes_by_their_beginning() {
    let (old, new) = ("a".repeat(64), "b".repeat(64));
    let revision = |number: u32, sha: &str| {
        json!({
            "number": number, "versionLabel": "payments@v", "author": "ann", "reason": null,
            "createdAt": "2026-11-22T10:00:00.000Z", "contentHash": "ab", "provenance": {}, "failedIn": null,
            "spec": {"artifact": {"sha256": sha}},
        })
    };
    let revisions = list(json!([revision(2, &new), revision(1, &old)]));
    let deployment = |observed: &str| {
        let mut d = crate::demo::deployment("pay/prod", "local");
        (d["revision"], d["observed"]) = (2.into(), observed.into());
        d
    };
    for (observed, word) in [("RUNNING", "RUNNING"), ("SUSPENDED", "CURRENT")] {
        let api = Api::new().on("GET /deployments/pay/prod/revisions", 200, revisions.clone()).on(
            "GET /deployments/pay/prod",
            200,
            deployment(observed),
        );
        let ran = api.run(&["history", "pay/prod"]);
        let marked: Vec<bool> = ran.out.lines().skip(1).map(|line| line.contains(word)).collect();
        assert_eq!(marked, [true, false], "{}", ran.out);
        assert_eq!(api.run(&["history", "pay/prod", "-o", "json"]).json(), revisions);
        let diff = api.run(&["history", "pay/prod", "1", "2"]);
        assert_eq!(diff.out, "artifact/sha256: aaaaaaaa → bbbbbbbb\n");
        let whole = api.run(&["history", "pay/prod", "1", "2", "-o", "json"]).json();
        assert_eq!(whole["differences"][0]["new"], new);
    }
}

#[test]
fn measured_numbers_are_described_with_one_decimal() {
    let metric =
        |name: &str, value: f64| json!({"name": name, "metric": "m", "value": value, "observedAt": null});
    let mut deployment = crate::demo::deployment("pay/prod", "local");
    deployment["metrics"] = json!([metric("total", 24_246.0), metric("per second", 118.363_623_622_589_07)]);
    let api = Api::new()
        .on("GET /deployments/pay/prod", 200, deployment)
        .on("GET /deployments/pay/prod/savepoints?limit=10", 200, list(json!([])))
        .on("GET /deployments/pay/prod/events?severity=info&limit=10", 200, list(json!([])));
    let ran = api.run(&["describe", "pay/prod"]);
    assert!(ran.out.contains("total 24246 · per second 118.4\n"), "{}", ran.out);
}

#[test]
fn settings_that_nobody_has_written_are_the_defaults() {
    let home = tempfile::tempdir().unwrap();
    let ran = ran(&mut command(home.path(), &["config", "check"]));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.ends_with("config.toml: there is no such file; the defaults hold\n"), "{}", ran.out);
}

/// Clients that stay start another manager as soon as theirs is gone; that one is not waited for.
#[tokio::test]
async fn a_manager_that_was_replaced_is_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("manager.lock");
    let holder = |pid: u32| {
        let words = json!({
            "pid": pid, "startedAt": "2026-11-22T10:00:00.000Z", "socket": "/s", "apiLevel": 1, "minClientLevel": 1,
            "build": "x",
        });
        std::fs::write(&path, words.to_string()).unwrap();
    };
    let mut old = tokio::process::Command::new("sleep").arg("100").kill_on_drop(true).spawn().unwrap();
    holder(old.id().unwrap());
    // Held all the time, as by one manager after the other.
    let held = std::fs::File::open(&path).unwrap();
    rustix::fs::flock(&held, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let replaced = async {
        old.wait().await.unwrap();
        holder(u32::MAX);
    };
    let clock = nutkin::adapters::clock::SystemClock;
    let (stopped, ()) = tokio::join!(nutkin::client::lock::stop(dir.path(), DEADLINE, &clock), replaced);
    assert!(stopped.unwrap());
    assert!(nutkin::client::lock::is_held(dir.path()).unwrap());
}
