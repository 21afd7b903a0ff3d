//! Lifecycle verbs: the request, its key, its plan.

use super::*;

#[test]
fn a_choice_is_waited_for_under_a_chosen_key() {
    let route = "POST /operations/op-1/choose";
    let mut child = operation("RUNNING", &[]);
    child["operationId"] = "op-2".into();
    let mut ended = operation("SUCCEEDED", &[]);
    ended["operationId"] = "op-2".into();
    let api = Api::new().on(route, 202, child).on("GET /operations/op-2", 200, ended);
    let args =
        ["operation", "choose", "op-1", "retry", "--exact", "--idempotency-key", "k", "--reason", "why"];
    let ran = api.run(&[&args[..], &["--wait"]].concat());
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("SUCCEEDED") && ran.out.contains("operation op-2"), "{}", ran.out);
    let asked = &api.asked(route)[0];
    assert_eq!((asked.header("idempotency-key"), asked.json()["reason"].clone()), ("k", "why".into()));
    assert!(api.run(&args).out.contains("RUNNING"));
}

#[test]
fn an_act_carries_its_request_and_one_key_however_often_it_is_sent() {
    let route = "POST /deployments/pay/prod/upgrade";
    let api = Api::new()
        .on("GET /artifacts", 200, list(json!([])))
        .then(route, Reply::Cut)
        .then(route, Reply::Cut)
        .on(route, 202, operation("QUEUED", &[]));
    let ran = api.run(&[
        "upgrade",
        "pay/prod",
        "--artifact",
        "v2.jar",
        "--parallelism",
        "4",
        "--flink-conf",
        "a.b=1",
        "c=null",
        "--set",
        "probation.timeout=10m",
        "--upgrade-strategy",
        "stateless",
        "--reason",
        "why",
        "--yes",
        "--args",
        "--rate",
        "500",
    ]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("SUSPEND pay/prod QUEUED"), "{}", ran.out);
    let asked = api.asked(route);
    assert_eq!(asked.len(), 3);
    let keys: Vec<_> = asked.iter().map(|a| a.header("idempotency-key")).collect();
    assert!(!keys[0].is_empty() && keys.iter().all(|k| *k == keys[0]), "{keys:?}");
    let body = asked[0].json();
    assert_eq!(body["artifact"], "v2.jar");
    assert_eq!(body["args"], json!(["--rate", "500"]));
    assert_eq!(body["flinkConfiguration"], json!({"a.b": "1", "c": null}));
    assert_eq!(body["set"], json!({"probation/timeout": "10m"}));
    assert_eq!(body["upgradeStrategy"], "STATELESS");
    assert_eq!(body["meta"], json!({"reason": "why", "yes": true}));
}

#[test]
fn a_chosen_key_is_sent() {
    let route = "POST /deployments/pay/prod/start";
    let api = Api::new().on(route, 202, operation("QUEUED", &[]));
    api.run(&["start", "pay/prod", "--idempotency-key", "ci-7", "--from", "latest"]);
    assert_eq!(api.asked(route)[0].header("idempotency-key"), "ci-7");
}

#[test]
fn a_dry_run_prints_the_plan_and_sends_nothing_else() {
    let route = "POST /deployments/pay/prod/suspend?dryRun=true";
    let api = Api::new().on(route, 200, plan());
    let ran = api.run(&["suspend", "pay/prod", "--dry-run"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    for part in [
        "SUSPEND pay/prod on local, revision 3 (v1)",
        "1. Stop with a savepoint",
        "newest complete savepoint",
        "lost if the job ends now 11m 40s",
        "mind the gap",
        "outputs are final",
        "preflight",
        "ok   reachable   yes",
    ] {
        assert!(ran.out.contains(part), "{part}: {}", ran.out);
    }
    assert_eq!(api.run(&["suspend", "pay/prod", "--dry-run", "-o", "json"]).json(), plan());
    assert_eq!(api.books.lock().unwrap().asked.len(), 2);
}

#[test]
fn a_plan_that_has_changed_is_shown() {
    let mut changed = problem("PLAN_CHANGED", "the plan is another one", "confirm it");
    changed["plan"] = plan();
    let api = Api::new().on("POST /deployments/pay/prod/suspend", 409, changed);
    let ran = api.run(&["-v", "suspend", "pay/prod"]);
    assert_eq!(ran.code, 5, "{ran:?}");
    for says in ["the plan now:", "outputs are final", "  code: PLAN_CHANGED", "the manager at "] {
        assert!(ran.err.contains(says), "{says}: {}", ran.err);
    }
    let error: Value = serde_json::from_str(&api.run(&["suspend", "pay/prod", "-o", "json"]).err).unwrap();
    assert_eq!(error["error"]["plan"]["planDigest"], "d1");
}

pub(super) fn planned(kind: &str, warnings: Value) -> Value {
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

/// What nutkin takes for a flag of its own reaches the program one by one.
#[test]
fn an_argument_that_looks_like_a_flag_of_nutkin_reaches_the_program() {
    let route = "POST /deployments/pay/prod/upgrade";
    let api = Api::new().on(route, 202, operation("QUEUED", &[]));
    let ran = api.run(&["upgrade", "pay/prod", "-q", "--arg=--dry-run", "--arg=-o", "--arg", "x"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(api.asked(route)[0].json()["args"], json!(["--dry-run", "-o", "x"]));
}

#[test]
fn a_dry_run_ends_as_the_act_would() {
    let route = "POST /deployments/pay/prod/suspend?dryRun=true";
    for (check, exit) in [("reachable", 6), ("slots", 1)] {
        let mut refused = plan();
        refused["runnable"] = false.into();
        refused["checks"] = json!([{"name": check, "verdict": "failed", "message": "no", "hint": null}]);
        let ran = Api::new().on(route, 200, refused).run(&["suspend", "pay/prod", "--dry-run"]);
        assert_eq!(ran.code, exit, "{ran:?}");
    }
}
