//! What happened, for people: events, history, description.

use super::*;

#[test]
fn events_for_people_are_short_and_leave_out_what_happens_all_the_time() {
    let place = "file:/tmp/cluster/savepoints/nutkin/dep/op/savepoint-6e75-aa";
    let event = json!({
        "seq": 7, "at": "2026-11-22T10:00:00.000Z", "severity": "info", "name": "SAVEPOINT_COMPLETED",
        "application": "pay", "deployment": "pay/prod", "jobId": null, "operationId": OPERATION, "actor": "ann",
        "via": "cli", "message": format!("{place}, 9 B"), "details": null
    });
    let api = Api::new()
        .on("GET /events?severity=info&limit=100", 200, list(json!([event])))
        .on("GET /events?severity=debug&limit=100", 200, list(json!([event, event])))
        .on("GET /events?severity=warn&limit=100", 200, list(json!([])));
    let short = api.run(&["events"]);
    assert!(short.out.contains("…/savepoint-6e75-aa, 9 B") && !short.out.contains("/tmp/"), "{short:?}");
    assert!(api.run(&["events", "-o", "wide"]).out.contains(place));
    assert_eq!(api.run(&["events", "-o", "json"]).json()["items"][0]["message"], format!("{place}, 9 B"));
    assert_eq!(api.run(&["events", "--debug"]).out.lines().count(), 3);
    assert_eq!(api.run(&["events", "--severity", "warn"]).err, "no events\n");
    assert_eq!(api.run(&["get", "events"]).out, short.out);
}

/// Checkpoints every few seconds would push out what matters.
#[test]
fn a_description_has_no_debug_events() {
    let events = "GET /deployments/pay/prod/events?severity=info&limit=10";
    let api = Api::new()
        .on("GET /deployments/pay/prod", 200, crate::demo::deployment("pay/prod", "local"))
        .on("GET /deployments/pay/prod/savepoints?limit=10", 200, list(json!([])))
        .on(events, 200, list(json!([])));
    let described = api.run(&["describe", "pay/prod"]);
    assert_eq!(described.code, 0, "{described:?}");
    assert_eq!(api.asked(events).len(), 1);
}

#[test]
fn a_failed_revision_is_marked() {
    let revision = |number: u32, failed: Value| {
        json!({
            "number": number, "versionLabel": "payments@v", "author": "ann", "reason": null,
            "createdAt": "2026-11-22T10:00:00.000Z", "contentHash": "ab", "spec": {}, "provenance": {},
            "failedIn": failed
        })
    };
    let api = Api::new().on(
        "GET /deployments/pay/prod/revisions",
        200,
        list(json!([revision(3, OPERATION.into()), revision(2, Value::Null)])),
    );
    let ran = api.run(&["history", "pay/prod"]);
    let lines: Vec<&str> = ran.out.lines().collect();
    assert!(lines[1].starts_with('3') && lines[1].contains("FAILED in operation …0000c812"), "{}", ran.out);
    assert!(lines[2].starts_with('2') && !lines[2].contains("FAILED"), "{}", ran.out);
    let one = api.run(&["history", "pay/prod", "3"]);
    assert!(one.out.contains(&format!("FAILED in operation {OPERATION}")), "{}", one.out);
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
