//! Checkpoints and the files of all snapshots: real directories where their location is local.

use std::{
    fs,
    path::{Path, PathBuf},
};

use nutkin::domain::location;
use serde_json::{Value, json};

use super::world::World;

/// A snapshot somewhere.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// As Flink returns it.
    pub location: String,
    /// `_metadata` is there.
    pub complete: bool,
    /// The job it was taken from.
    pub job: String,
    /// Its number there.
    pub checkpoint: u64,
    /// The kept state.
    pub count: u64,
}

/// One entry of the checkpoint statistics.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    /// Its number.
    pub id: u64,
    /// `COMPLETED`, `FAILED`, `IN_PROGRESS`.
    pub status: String,
    /// `CHECKPOINT`, `SAVEPOINT`, `SYNC_SAVEPOINT`.
    pub kind: &'static str,
    /// Epoch milliseconds.
    pub triggered: i64,
    /// Where it is, once complete.
    pub path: Option<String>,
    /// Its files are gone.
    pub discarded: bool,
    /// Why it failed.
    pub failure: Option<String>,
    /// The kept state.
    pub count: u64,
    /// Epoch milliseconds, where it was restored.
    pub restored_at: i64,
}

impl Checkpoint {
    pub(super) fn is_savepoint(&self) -> bool {
        self.kind != "CHECKPOINT"
    }
}

impl World {
    pub(super) fn open_checkpoint(&mut self, job: &str, kind: &'static str, wall: i64) -> u64 {
        let job = self.jobs.get_mut(job).unwrap();
        let id = job.next_checkpoint;
        job.next_checkpoint += 1;
        job.checkpoints.push(Checkpoint {
            id,
            status: "IN_PROGRESS".into(),
            kind,
            triggered: wall,
            path: None,
            discarded: false,
            failure: None,
            count: 0,
            restored_at: 0,
        });
        id
    }

    /// Makes `savepoint-…` in the trigger's directory; `Err` = why it cannot.
    pub(super) fn write_snapshot(
        &mut self,
        job: &str,
        checkpoint: u64,
        directory: &str,
        complete: bool,
        drained: bool,
    ) -> Result<String, String> {
        let name = format!("savepoint-{}-{:012x}", job.get(..6).unwrap_or(job), 0xabc_0000 + self.fresh());
        let location = format!("{}/{name}", one_slash(directory));
        let (count, now) = (self.jobs.get(job), self.now());
        let count = count.map_or(0, |j| j.count(now));
        let snapshot =
            Snapshot { location: location.clone(), complete, job: job.to_owned(), checkpoint, count };
        if let Some(path) = location::local_path(&location) {
            let cannot =
                |_| format!("java.io.IOException: Failed to create savepoint directory at {}", directory);
            fs::create_dir_all(&path).map_err(cannot)?;
            if complete {
                write_metadata(Path::new(&path), &snapshot, drained);
            }
        }
        self.snapshots.insert(location::normalised(&location), snapshot);
        Ok(location)
    }

    pub(super) fn close_checkpoint(
        &mut self,
        job: &str,
        id: u64,
        location: Option<&str>,
        failure: Option<&str>,
    ) {
        let now = self.now();
        let Some(job) = self.jobs.get_mut(job) else { return };
        let count = job.count(now);
        if let Some(c) = job.checkpoints.iter_mut().find(|c| c.id == id && c.status == "IN_PROGRESS") {
            c.status = if location.is_some() { "COMPLETED" } else { "FAILED" }.into();
            (c.path, c.failure, c.count) = (location.map(str::to_owned), failure.map(str::to_owned), count);
        }
    }

    /// Completes a checkpoint of a running job; only the newest is kept.
    pub(super) fn complete_checkpoint(&mut self, id: &str) -> Option<String> {
        let (now, wall) = (self.now(), self.wall());
        self.jobs.get(id).filter(|j| j.is_running())?;
        let number = self.open_checkpoint(id, "CHECKPOINT", wall);
        let directory = self.checkpoint_home().join(id).join(format!("chk-{number}"));
        let location = format!("file:{}", directory.display());
        self.close_checkpoint(id, number, Some(&location), None);
        let count = self.jobs[id].count(now);
        let snapshot = Snapshot {
            location: location.clone(),
            complete: true,
            job: id.to_owned(),
            checkpoint: number,
            count,
        };
        fs::create_dir_all(&directory).unwrap();
        write_metadata(&directory, &snapshot, false);
        self.snapshots.insert(location::normalised(&location), snapshot);
        let job = self.jobs.get_mut(id).unwrap();
        job.last_checkpoint = now;
        let older: Vec<PathBuf> = job
            .checkpoints
            .iter_mut()
            .filter(|c| !c.is_savepoint() && c.id < number && !c.discarded)
            .filter_map(|c| {
                c.discarded = true;
                location::local_path(c.path.as_deref()?).map(PathBuf::from)
            })
            .collect();
        for path in older {
            self.remove_snapshot(&path);
        }
        Some(location)
    }

    /// Checkpoints that are due by the fake's own, shortened interval.
    pub(super) fn make_checkpoints(&mut self) {
        let Some(every) = self.settings.checkpoint_every else { return };
        let now = self.now();
        let due: Vec<String> = self
            .jobs
            .values()
            .filter(|j| {
                j.interval.is_some() && j.is_running() && now.saturating_sub(j.last_checkpoint) >= every
            })
            .filter(|j| j.checkpoints.iter().all(|c| c.status != "IN_PROGRESS"))
            .map(|j| j.id.clone())
            .collect();
        for id in due {
            self.complete_checkpoint(&id);
        }
    }

    pub(super) fn discard_checkpoints(&mut self, id: &str) {
        if let Some(job) = self.jobs.get_mut(id) {
            for c in job.checkpoints.iter_mut().filter(|c| !c.is_savepoint()) {
                c.discarded = true;
            }
        }
        let home = self.checkpoint_home().join(id);
        let prefix = location::normalised(&format!("file:{}", home.display()));
        self.snapshots.retain(|path, _| !path.starts_with(&prefix));
        let _ = fs::remove_dir_all(home);
    }

    fn remove_snapshot(&mut self, path: &Path) {
        self.snapshots.shift_remove(&location::normalised(&format!("file:{}", path.display())));
        let _ = fs::remove_dir_all(path);
    }

    /// The kept state of the complete snapshot at a location.
    pub fn count_at(&self, place: &str) -> Option<u64> {
        self.find_snapshot(place).filter(|s| s.complete).map(|s| s.count)
    }

    /// The snapshot at a location: remembered, or read from its directory (another fake may have written it).
    pub(super) fn find_snapshot(&self, place: &str) -> Option<Snapshot> {
        let normal = location::normalised(place);
        let Some(path) = location::local_path(place) else { return self.snapshots.get(&normal).cloned() };
        let directory = PathBuf::from(path);
        if !directory.is_dir() {
            return None;
        }
        let meta: Value = serde_json::from_slice(&fs::read(directory.join("_metadata")).unwrap_or_default())
            .unwrap_or(Value::Null);
        Some(Snapshot {
            location: one_slash(place).trim_end_matches("/_metadata").to_owned(),
            complete: directory.join("_metadata").is_file(),
            job: meta["job"].as_str().unwrap_or_default().to_owned(),
            checkpoint: meta["checkpoint"].as_u64().unwrap_or(0),
            count: meta["count"].as_u64().unwrap_or(0),
        })
    }
}

fn write_metadata(directory: &Path, snapshot: &Snapshot, drained: bool) {
    let meta = json!({ "job": snapshot.job, "checkpoint": snapshot.checkpoint, "count": snapshot.count, "drained": drained });
    fs::write(directory.join("_metadata"), meta.to_string()).unwrap();
}

/// `file:///a` as Flink returns it: `file:/a`.
fn one_slash(place: &str) -> String {
    place.trim_end_matches('/').replacen("file:///", "file:/", 1)
}
