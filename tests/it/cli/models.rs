//! What the API answers, in the form that the tests need.

use serde_json::{Value, json};

pub(super) fn list(items: Value) -> Value {
    json!({ "items": items, "next": null })
}

pub(super) fn problem(code: &str, detail: &str, hint: &str) -> Value {
    json!({"type": "about:blank", "title": "x", "status": 400, "code": code, "detail": detail, "hint": hint, "operation": null, "plan": null})
}

pub(super) fn target(name: &str) -> Value {
    json!({
        "name": name, "type": "session", "url": "http://jm:8081", "urls": ["http://jm:8081"], "flinkVersion": "2.3.0",
        "reachable": true, "error": null, "observedAt": null, "slotsTotal": 8, "slotsFree": 3, "jobsRunning": 2,
        "unmanagedJobs": 0, "capabilities": [], "protection": "NONE", "savepointDirectory": null,
        "savepointAccess": "NONE", "colour": null, "labels": {"region": "eu"},
        "spec": {"type": "session", "urls": ["http://jm:8081"]}, "version": 1, "newField": 7
    })
}

pub(super) fn operation(state: &str, steps: &[(&str, &str)]) -> Value {
    let steps: Vec<Value> = steps
        .iter()
        .enumerate()
        .map(|(i, (name, state))| {
            json!({"n": i + 1, "name": name, "state": state, "startedAt": "2026-11-22T10:00:00.000Z",
                   "endedAt": "2026-11-22T10:00:03.000Z", "attempts": 1, "detail": "detail \u{1b}[31m"})
        })
        .collect();
    let choices = json!([{"id": "savepoint-at", "title": "It is at a place I know", "effect": "goes on from it", "needs": "location"}]);
    json!({
        "operationId": "op-1", "parent": null, "kind": "SUSPEND", "deployment": "pay/prod", "target": "local",
        "state": state, "actor": "ann", "via": "cli", "reason": null, "createdAt": "2026-11-22T10:00:00.000Z",
        "startedAt": "2026-11-22T10:00:00.000Z", "endedAt": "2026-11-22T10:00:09.000Z", "steps": steps,
        "error": if state == "FAILED" { json!({"code": "STOP_FAILED", "message": "the stop failed; the job runs on", "hint": "try again"}) } else { Value::Null },
        "choices": if state == "NEEDS_ATTENTION" { choices } else { json!([]) },
        "result": "file:/sp/savepoint-1"
    })
}

pub(super) fn savepoint(step: &str, place: &str) -> Value {
    json!({
        "savepointId": format!("{OPERATION}.{step}"), "deployment": "pay/prod",
        "createdAt": "2026-11-22T10:00:00.000Z", "triggeredAt": null, "jobId": null, "flinkJobId": null,
        "operationId": OPERATION, "triggerId": null, "targetDirectory": null, "origin": "SUSPEND",
        "status": "COMPLETED", "final": true, "location": format!("s3://b/nutkin/{place}"), "sizeBytes": 9,
        "format": null, "flinkVersion": null, "revision": 1, "label": null, "pinned": false, "verified": null,
        "failure": null
    })
}

pub(super) fn plan() -> Value {
    json!({
        "kind": "SUSPEND", "deployment": "pay/prod", "target": "local",
        "steps": [{"n": 1, "name": "STOP_WITH_SAVEPOINT", "title": "Stop with a savepoint"}],
        "revisionNow": 3, "revisionNext": 3, "versionLabel": "v1", "diff": [], "spec": null,
        "restorePoints": [], "restoreWhy": "newest complete savepoint", "checks":
            [{"name": "reachable", "verdict": "ok", "message": "yes", "hint": null}],
        "warnings": ["mind the gap"], "irreversible": ["outputs are final"], "crashLossSeconds": 8,
        "endLossSeconds": 700, "rewindSeconds": 0, "expectedSavepointSeconds": 3, "confirmation": "YES",
        "typedName": "pay/prod", "runnable": true, "command": "nutkin suspend pay/prod", "planDigest": "d1"
    })
}

pub(super) const OPERATION: &str = "0192d7a0-5c1e-7a11-8f00-00000000c812";
