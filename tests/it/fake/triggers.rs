//! Savepoints, stops and disposals: accepted at once, decided later, kept for a while.

use std::{fs, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use nutkin::domain::location;
use serde_json::{Value, json};

use super::{
    server::{Asked, Reply},
    timers::Timer,
    world::{World, not_known, refused, trace},
};

/// What a savepoint or a stop does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SavepointOutcome {
    /// As nature has it.
    Ok,
    /// Takes this long.
    Slow(Duration),
    /// Runs until [`super::Fake::release_savepoints`].
    Held,
    /// Fails with this cause; the job goes on.
    Fails(String),
    /// Fails after its directory was made, which stays without `_metadata`.
    LeavesDirectory(String),
    /// Stop only: the savepoint is complete, the stop fails, the job restarts; the path is in the exception's text.
    HalfFails,
    /// The same with the path only in the serialised exception.
    HalfFailsHidden,
    /// Stop only: the savepoint is complete and the job fails.
    JobFails(String),
}

/// A savepoint or stop that was asked for.
#[derive(Debug, Clone)]
pub(super) struct Trigger {
    pub stop: bool,
    directory: String,
    drain: bool,
    outcome: SavepointOutcome,
    checkpoint: u64,
    /// `operation`, once done.
    result: Option<Value>,
    done_at: Duration,
}

#[derive(Debug, Clone)]
pub(super) struct Disposal {
    path: String,
    result: Option<Value>,
    done_at: Duration,
}

/// What Flink says when tasks are missing.
const NOT_EXECUTED: &str = "org.apache.flink.runtime.checkpoint.CheckpointException: Checkpoint triggering task \
    Source: payments -> throttle (1/1) of job is not being executed at the moment. Aborting checkpoint.";

impl World {
    /// `POST …/savepoints` and `POST …/stop`: anything is accepted, the truth comes later.
    pub(super) fn trigger(&mut self, asked: &Asked, job: &str, stop: bool) -> Reply {
        let (body, route) = (asked.json(), if stop { "stop" } else { "savepoint" });
        let fresh = format!("{:032x}", self.fresh());
        let id = body["triggerId"].as_str().unwrap_or(&fresh).to_owned();
        if id.len() != 32 {
            return refused(400, "RestHandlerException", "Request did not match expected format.", &[]);
        }
        let field = if stop { "targetDirectory" } else { "target-directory" };
        let directory =
            body[field].as_str().map(str::to_owned).or_else(|| self.settings.savepoint_dir.clone());
        let Some(directory) = directory else {
            let key =
                if self.is_new() { "execution.checkpointing.savepoint-dir" } else { "state.savepoints.dir" };
            let why = format!("Config key [{key}] is not set. Property [{field}] must be provided.");
            return refused(400, "RestHandlerException", &why, &[]);
        };
        if let Some(other) = self.used_keys.get(&id).filter(|u| **u != route) {
            self.violations.push(format!("trigger {id} was used for a {other} and then for a {route}"));
        }
        self.used_keys.insert(id.clone(), route);
        let key = (job.to_owned(), id.clone());
        let known = self.triggers.contains_key(&key);
        self.record(route, &id, job, !known);
        if !known {
            self.begin(key, stop, directory, body["drain"] == true);
        }
        Reply::of(202, json!({ "request-id": id }))
    }

    fn begin(&mut self, key: (String, String), stop: bool, directory: String, drain: bool) {
        let (job, wall) = (key.0.clone(), self.wall());
        let mut trigger = Trigger {
            stop,
            directory,
            drain,
            outcome: SavepointOutcome::Ok,
            checkpoint: 0,
            result: None,
            done_at: Duration::ZERO,
        };
        let runs = self.jobs.get(&job).map(|j| j.is_running());
        if runs != Some(true) {
            let why = if runs.is_none() { not_known(&job) } else { NOT_EXECUTED.to_owned() };
            trigger.outcome = SavepointOutcome::Fails(why);
        } else {
            trigger.outcome = self.next_savepoints.pop_front().unwrap_or(SavepointOutcome::Ok);
            if stop {
                // A stop ends whatever snapshot is on its way.
                self.fail_open_triggers(&job, "SUSPENDING");
            }
            let kind = if stop { "SYNC_SAVEPOINT" } else { "SAVEPOINT" };
            trigger.checkpoint = self.open_checkpoint(&job, kind, wall);
        }
        let delay = match &trigger.outcome {
            SavepointOutcome::Slow(d) => Some(*d),
            SavepointOutcome::Held => None,
            _ => Some(self.settings.savepoint),
        };
        self.triggers.insert(key.clone(), trigger);
        if let Some(delay) = delay {
            self.after(delay, Timer::SnapshotDone(key.0, key.1));
        }
    }

    pub(super) fn release_savepoints(&mut self) {
        let held: Vec<_> =
            self.triggers.iter().filter(|(_, t)| t.result.is_none()).map(|(k, _)| k.clone()).collect();
        for (job, trigger) in held {
            self.snapshot_done(&job, &trigger);
        }
    }

    pub(super) fn snapshot_done(&mut self, job: &str, trigger: &str) {
        let key = (job.to_owned(), trigger.to_owned());
        let Some(t) = self.triggers.get(&key).filter(|t| t.result.is_none()).cloned() else { return };
        let outcome = match &t.outcome {
            SavepointOutcome::Fails(why) => Err(why.clone()),
            SavepointOutcome::LeavesDirectory(why) => self
                .write_snapshot(job, t.checkpoint, &t.directory, false, t.drain)
                .map(|_| ())
                .and(Err(why.clone())),
            _ if !self.jobs.get(job).is_some_and(|j| j.is_running()) => Err(NOT_EXECUTED.to_owned()),
            _ => Ok(()),
        };
        let result = match outcome
            .and_then(|()| self.write_snapshot(job, t.checkpoint, &t.directory, true, t.drain))
        {
            Ok(location) => self.snapshot_complete(job, &t, location),
            Err(why) => {
                self.close_checkpoint(job, t.checkpoint, None, Some(&why));
                failure("java.util.concurrent.CompletionException", &[&why], None)
            }
        };
        let now = self.now();
        let t = self.triggers.entry(key).or_insert(t);
        (t.result, t.done_at) = (Some(result), now);
    }

    /// The snapshot is there; what becomes of the job depends on the script.
    fn snapshot_complete(&mut self, job: &str, t: &Trigger, location: String) -> Value {
        self.close_checkpoint(job, t.checkpoint, Some(&location), None);
        let sentence = format!(
            "A savepoint has been created at: {location}, but the corresponding job {job} failed during stopping. The \
             savepoint is consistent, but might have uncommitted transactions."
        );
        let class = "org.apache.flink.runtime.scheduler.stopwithsavepoint.StopWithSavepointStoppingException";
        match &t.outcome {
            SavepointOutcome::HalfFails if t.stop => {
                self.restart(job, "java.lang.IllegalStateException: fake: failed while stopping");
                failure("java.util.concurrent.CompletionException", &[&format!("{class}: {sentence}")], None)
            }
            SavepointOutcome::HalfFailsHidden if t.stop => {
                self.restart(job, "java.lang.IllegalStateException: fake: failed while stopping");
                let java =
                    [b"\xac\xed\x00\x05sr\x00\x29".as_slice(), sentence.as_bytes(), b"\x00\x01"].concat();
                failure(class, &[], Some(STANDARD.encode(java)))
            }
            SavepointOutcome::JobFails(cause) if t.stop => {
                self.fail(job, cause);
                failure(class, &[&format!("{class}: {sentence}")], None)
            }
            _ => {
                if t.stop {
                    self.end(job, "FINISHED");
                }
                json!({ "location": location })
            }
        }
    }

    /// Whatever is on its way for this job fails, because the job is going where none can complete.
    pub(super) fn fail_open_triggers(&mut self, job: &str, state: &str) {
        let now = self.now();
        let why = format!(
            "org.apache.flink.runtime.checkpoint.CheckpointException: Checkpoint Coordinator is suspending. ({state})"
        );
        let open: Vec<_> = self
            .triggers
            .iter()
            .filter(|((j, _), t)| j == job && t.result.is_none())
            .map(|(k, _)| k.clone())
            .collect();
        for key in open {
            let t = self.triggers.get_mut(&key).unwrap();
            // The one whose completion ends the job is being decided right now.
            if t.stop && state == "FINISHED" {
                continue;
            }
            let id = t.checkpoint;
            t.result = Some(failure("java.util.concurrent.CompletionException", &[&why], None));
            t.done_at = now;
            self.close_checkpoint(job, id, None, Some(&why));
        }
    }

    pub(super) fn trigger_status(&mut self, job: &str, trigger: &str) -> Reply {
        match self.triggers.get(&(job.to_owned(), trigger.to_owned())) {
            None => {
                let why = format!("There is no savepoint operation with triggerId={trigger} for job {job}.");
                refused(404, "RestHandlerException", &why, &[])
            }
            Some(t) => Reply::of(200, async_result(t.result.as_ref())),
        }
    }

    pub(super) fn expire_results(&mut self) {
        let (now, store) = (self.now(), self.settings.store);
        let fresh = |done: bool, at: Duration| !done || now.saturating_sub(at) < store;
        self.triggers.retain(|_, t| fresh(t.result.is_some(), t.done_at));
        self.disposals.retain(|_, d| fresh(d.result.is_some(), d.done_at));
    }

    /// Whether the result of this trigger is there.
    pub fn is_done(&self, job: &str, trigger: &str) -> bool {
        self.triggers.get(&(job.to_owned(), trigger.to_owned())).is_some_and(|t| t.result.is_some())
    }

    /// Whether this trigger is known at all.
    pub fn knows(&self, job: &str, trigger: &str) -> bool {
        self.triggers.contains_key(&(job.to_owned(), trigger.to_owned()))
    }

    pub(super) fn dispose(&mut self, asked: &Asked) -> Reply {
        let path = asked.json()["savepoint-path"].as_str().unwrap_or_default().to_owned();
        let id = format!("{:032x}", 0xd150_0000 + self.fresh());
        self.record("dispose", &path, "", true);
        self.disposals.insert(id.clone(), Disposal { path, result: None, done_at: Duration::ZERO });
        self.after(self.settings.savepoint, Timer::Disposed(id.clone()));
        Reply::of(200, json!({ "request-id": id }))
    }

    pub(super) fn disposed(&mut self, id: &str) {
        let Some(path) = self.disposals.get(id).map(|d| d.path.clone()) else { return };
        let found = self.find_snapshot(&path).is_some_and(|s| s.complete);
        let result = if found {
            self.snapshots.shift_remove(&location::normalised(&path));
            if let Some(local) = location::local_path(&path) {
                let _ = fs::remove_dir_all(local);
            }
            json!({})
        } else {
            let why = format!(
                "java.io.FileNotFoundException: Cannot find checkpoint or savepoint file/directory '{path}' on file system 'file'."
            );
            failure("org.apache.flink.util.FlinkException", &[&why], None)
        };
        let now = self.now();
        if let Some(d) = self.disposals.get_mut(id) {
            (d.result, d.done_at) = (Some(result), now);
        }
    }

    pub(super) fn disposal_status(&mut self, id: &str) -> Reply {
        match self.disposals.get(id) {
            None => refused(
                404,
                "NotFoundException",
                &format!("There is no savepoint disposal operation {id}."),
                &[],
            ),
            Some(d) => Reply::of(200, async_result(d.result.as_ref())),
        }
    }
}

fn async_result(result: Option<&Value>) -> Value {
    let state = if result.is_some() { "COMPLETED" } else { "IN_PROGRESS" };
    json!({ "status": { "id": state }, "operation": result })
}

fn failure(class: &str, causes: &[&str], serialised: Option<String>) -> Value {
    let first =
        causes.first().map_or_else(|| format!("{class}: stopping failed"), |c| format!("{class}: {c}"));
    json!({ "failure-cause": {
        "class": class,
        "stack-trace": trace(&first, causes),
        "serialized-throwable": serialised.unwrap_or_else(|| "rO0ABXNyAA==".to_owned()),
    }})
}
