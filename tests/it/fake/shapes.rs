//! The JSON of answers, as the recorded ones have it.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    jobs::{Job, VERTICES},
    snapshots::Checkpoint,
    world::World,
};

pub(super) fn overview(w: &World) -> Value {
    let count = |state: &[&str]| w.jobs.values().filter(|j| state.contains(&j.state.as_str())).count();
    json!({
        "taskmanagers": w.settings.slots.div_ceil(4),
        "slots-total": w.settings.slots,
        "slots-available": w.settings.slots.saturating_sub(w.slots_used()),
        "jobs-running": w.jobs.values().filter(|j| !j.is_terminal()).count(),
        "jobs-finished": count(&["FINISHED"]),
        "jobs-cancelled": count(&["CANCELED"]),
        "jobs-failed": count(&["FAILED"]),
        "flink-version": w.settings.version,
        "flink-commit": "fa4e000",
    })
}

pub(super) fn config(w: &World) -> Value {
    json!({
        "refresh-interval": 3000,
        "timezone-name": "Coordinated Universal Time",
        "timezone-offset": 0,
        "flink-version": w.settings.version,
        "flink-revision": "fa4e000 @ 2026-01-01T00:00:00+00:00",
        "features": { "web-submit": w.settings.web_submit, "web-cancel": true, "web-rescale": false, "web-history": false },
    })
}

pub(super) fn task_managers(w: &World) -> Value {
    let n = w.settings.slots.div_ceil(4);
    let mut left = w.slots_used();
    let all: Vec<Value> = (0..n)
        .map(|i| {
            let slots = 4.min(w.settings.slots - i * 4);
            let used = left.min(slots);
            left -= used;
            json!({ "id": format!("tm{i}"), "slotsNumber": slots, "freeSlots": slots - used, "timeSinceLastHeartbeat": w.wall() })
        })
        .collect();
    json!({ "taskmanagers": all })
}

pub(super) fn jobmanager_config(w: &World) -> Value {
    let mut all = vec![
        ("taskmanager.numberOfTaskSlots".to_owned(), "4".to_owned()),
        ("rest.async.store-duration".to_owned(), format!("{} ms", w.settings.store.as_millis())),
    ];
    if let Some(dir) = &w.settings.savepoint_dir {
        let key = if w.is_new() { "execution.checkpointing.savepoint-dir" } else { "state.savepoints.dir" };
        all.push((key.to_owned(), dir.clone()));
    }
    all.into_iter().map(|(key, value)| json!({ "key": key, "value": value })).collect()
}

pub(super) fn jars(w: &World) -> Value {
    let files: Vec<Value> = w
        .jars
        .values()
        .rev()
        .map(|j| json!({ "id": j.id, "name": j.name, "uploaded": j.uploaded, "entry": [] }))
        .collect();
    json!({ "address": "http://127.0.0.1", "files": files })
}

pub(super) fn jobs(w: &World) -> Value {
    let all: Vec<Value> = w.jobs.values().map(|j| json!({ "id": j.id, "status": j.state })).collect();
    json!({ "jobs": all })
}

pub(super) fn jobs_overview(w: &World) -> Value {
    let all: Vec<Value> = w.jobs.values().rev().map(|j| row(j, w.wall(), w.is_new())).collect();
    json!({ "jobs": all })
}

fn row(j: &Job, wall: i64, new: bool) -> Value {
    let end = if j.end_time < 0 { wall } else { j.end_time };
    let mut row = json!({
        "jid": j.id,
        "name": j.name,
        "start-time": j.start_time,
        "end-time": j.end_time,
        "duration": (end - j.start_time).max(0),
        "state": j.state,
        "last-modification": j.start_time,
        "tasks": j.task_counts(),
    });
    if new {
        (row["jobType"], row["schedulerType"], row["pending-operators"]) =
            (json!("STREAMING"), json!("Default"), json!(0));
    }
    row
}

pub(super) fn detail(j: &Job, new: bool) -> Value {
    let counts = j.task_counts();
    let running = counts["running"] > 0;
    let status = if running { "RUNNING" } else { "CREATED" };
    let status = if j.is_terminal() { j.state.as_str() } else { status };
    let vertices: Vec<Value> = VERTICES
        .iter()
        .map(|(id, name)| {
            json!({ "id": id, "name": name, "maxParallelism": j.max_parallelism, "parallelism": j.parallelism,
                "status": status, "start-time": -1, "end-time": -1, "duration": -1, "tasks": {}, "metrics": {} })
        })
        .collect();
    let vertices = if counts["total"] == 0 { vec![] } else { vertices };
    let mut body = json!({
        "jid": j.id,
        "name": j.name,
        "isStoppable": false,
        "state": j.state,
        "start-time": j.start_time,
        "end-time": j.end_time,
        "duration": 1,
        "maxParallelism": j.max_parallelism,
        "now": j.start_time,
        "timestamps": {},
        "vertices": vertices,
        "status-counts": {},
        "plan": { "jid": j.id, "name": j.name, "type": "STREAMING", "nodes": [] },
        "job-type": if j.batch { "BATCH" } else { "STREAMING" },
    });
    if new {
        (body["schedulerType"], body["pending-operators"]) = (json!("Default"), json!(0));
    }
    body
}

pub(super) fn checkpoints(j: &Job) -> Value {
    let of = |f: &dyn Fn(&&Checkpoint) -> bool| j.checkpoints.iter().rev().find(f).map(stat);
    let count = |status: &str| j.checkpoints.iter().filter(|c| c.status == status).count();
    let restored = j.restored.as_ref().map(|c| {
        json!({ "id": c.id, "restore_timestamp": c.restored_at, "is_savepoint": c.is_savepoint(), "external_path": c.path })
    });
    json!({
        "counts": {
            "restored": u8::from(restored.is_some()),
            "total": j.checkpoints.len(),
            "in_progress": count("IN_PROGRESS"),
            "completed": count("COMPLETED"),
            "failed": count("FAILED"),
        },
        "latest": {
            "completed": of(&|c| c.status == "COMPLETED" && !c.is_savepoint()),
            "savepoint": of(&|c| c.status == "COMPLETED" && c.is_savepoint()),
            "failed": of(&|c| c.status == "FAILED"),
            "restored": restored,
        },
        "history": j.checkpoints.iter().rev().take(10).map(stat).collect::<Vec<_>>(),
    })
}

fn stat(c: &Checkpoint) -> Value {
    let done = c.status == "COMPLETED";
    let mut stat = json!({
        "className": c.status.to_ascii_lowercase(),
        "id": c.id,
        "status": c.status,
        "is_savepoint": c.is_savepoint(),
        "savepointFormat": c.is_savepoint().then_some("CANONICAL"),
        "trigger_timestamp": c.triggered,
        "latest_ack_timestamp": if done { c.triggered + 5 } else { -1 },
        "checkpointed_size": if done { 2048 } else { 0 },
        "state_size": if done { 2048 } else { 0 },
        "end_to_end_duration": 5,
        "alignment_buffered": 0,
        "num_subtasks": 2,
        "num_acknowledged_subtasks": if done { 2 } else { 0 },
        "checkpoint_type": c.kind,
        "tasks": {},
    });
    if done {
        (stat["external_path"], stat["discarded"]) = (json!(c.path), json!(c.discarded));
    }
    if let Some(why) = &c.failure {
        (stat["failure_timestamp"], stat["failure_message"]) = (json!(c.triggered), json!(why));
    }
    stat
}

pub(super) fn exceptions(j: &Job, new: bool) -> Value {
    let entries: Vec<Value> = j
        .exceptions
        .iter()
        .map(|(at, text)| {
            let name = text.split(':').next().unwrap_or_default();
            json!({ "exceptionName": name, "stacktrace": text, "timestamp": at, "failureLabels": {},
                "taskName": "Source: payments -> throttle (1/1) - execution #0", "taskManagerId": "tm0",
                "concurrentExceptions": [] })
        })
        .collect();
    let mut body = json!({ "exceptionHistory": { "entries": entries, "truncated": false } });
    if !new {
        let newest = j.exceptions.first();
        body["root-exception"] = json!(newest.map(|(_, t)| t));
        body["timestamp"] = json!(newest.map(|(at, _)| at));
        body["all-exceptions"] = json!([]);
        body["truncated"] = json!(false);
    }
    body
}

pub(super) fn checkpoint_config(j: &Job) -> Value {
    let enabled = j.retention != "NO_EXTERNALIZED_CHECKPOINTS";
    json!({
        "mode": "exactly_once",
        "interval": j.interval.unwrap_or(9_223_372_036_854_775_807),
        "timeout": j.timeout,
        "min_pause": 0,
        "max_concurrent": 1,
        "externalization": { "enabled": enabled, "delete_on_cancellation": j.retention != "RETAIN_ON_CANCELLATION" },
        "state_backend": "HashMapStateBackend",
        "checkpoint_storage": "FileSystemCheckpointStorage",
    })
}

pub(super) fn job_config(j: &Job) -> Value {
    json!({ "jid": j.id, "name": j.name, "execution-config": {
        "restart-strategy": "Cluster level default restart strategy",
        "job-parallelism": j.parallelism,
        "object-reuse-mode": false,
        "user-config": {},
    }})
}

/// Job metrics: ids alone, or the wanted ones with values, which are text.
pub(super) fn job_metrics(j: &Job, get: Option<String>) -> Value {
    let completed = j.checkpoints.iter().filter(|c| c.status == "COMPLETED").count();
    let all =
        [("numRestarts", j.restarts.to_string()), ("numberOfCompletedCheckpoints", completed.to_string())];
    let wanted = get.as_deref().map(|g| g.split(',').collect::<Vec<_>>());
    all.into_iter()
        .filter(|(id, _)| wanted.as_ref().is_none_or(|w| w.contains(id)))
        .map(
            |(id, value)| {
                if wanted.is_some() { json!({ "id": id, "value": value }) } else { json!({ "id": id }) }
            },
        )
        .collect()
}

/// The source's own metric is the job's kept state.
pub(super) fn vertex_metrics(
    j: &Job,
    vertex: &str,
    get: Option<String>,
    agg: Option<String>,
    now: Duration,
) -> Value {
    let mut all = vec![("numRecordsOut".to_owned(), j.count(now) as f64)];
    if vertex == VERTICES[0].0 {
        all.push(("Source__payments.payments.total".to_owned(), j.count(now) as f64));
    }
    let Some(get) = get else { return all.iter().map(|(id, _)| json!({ "id": id })).collect() };
    let wanted: Vec<&str> = get.split(',').collect();
    all.into_iter()
        .filter(|(id, _)| wanted.contains(&id.as_str()))
        .map(|(id, sum)| match agg.as_deref() {
            Some("sum") => json!({ "id": id, "sum": sum }),
            _ => json!({ "id": id, "min": sum, "max": sum, "avg": sum, "sum": sum }),
        })
        .collect()
}
