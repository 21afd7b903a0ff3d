//! Jobs: their states, tasks, restarts and ends.

use std::time::Duration;

use indexmap::IndexMap;
use serde_json::Value;

use super::{
    server::Reply,
    snapshots::Checkpoint,
    timers::Timer,
    world::{World, not_known, refused, trace},
};

/// What a job's tasks do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tasks {
    /// They have no slots (yet).
    Scheduled,
    /// They run.
    Running,
    /// They have ended as the job has.
    Ended,
    /// There never were any: the job failed while it was set up.
    None,
}

/// One job.
#[derive(Debug, Clone)]
pub struct Job {
    /// Flink's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Flink's word.
    pub state: String,
    /// Its tasks.
    pub tasks: Tasks,
    /// Subtasks per vertex, and slots that it needs.
    pub parallelism: u32,
    /// Upper bound of rescaling.
    pub max_parallelism: u32,
    /// Epoch milliseconds.
    pub start_time: i64,
    /// Epoch milliseconds, -1 while it lives.
    pub end_time: i64,
    /// The body of its submission.
    pub submitted: Value,
    /// It is a batch job: no checkpoints, no savepoints.
    pub batch: bool,
    /// Checkpoint interval in milliseconds.
    pub interval: Option<u64>,
    /// Checkpoint timeout in milliseconds.
    pub timeout: u64,
    /// `RETAIN_ON_CANCELLATION`, `DELETE_ON_CANCELLATION` or `NO_EXTERNALIZED_CHECKPOINTS`.
    pub retention: String,
    /// Newest last.
    pub checkpoints: Vec<Checkpoint>,
    /// What it restored last.
    pub restored: Option<Checkpoint>,
    /// Number of the next checkpoint.
    pub next_checkpoint: u64,
    /// How often it was restarted.
    pub restarts: u64,
    /// Time and text, newest first.
    pub exceptions: Vec<(i64, String)>,
    /// Its kept state when its tasks last began to run.
    pub count_base: u64,
    /// Time since boot at which its tasks began to run.
    pub running_since: Option<Duration>,
    /// A job that a failover left as an empty shell.
    pub stub: bool,
    pub(super) last_checkpoint: Duration,
    pub(super) loops: bool,
    pub(super) cache: Option<(Duration, Value)>,
}

/// A job that somebody else started.
#[derive(Debug, Clone)]
pub struct JobSpec {
    /// Its id; made up when empty.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Slots.
    pub parallelism: u32,
    /// Checkpoint interval in milliseconds.
    pub interval: Option<u64>,
    /// As in [`Job::retention`].
    pub retention: String,
}

impl Default for JobSpec {
    fn default() -> Self {
        Self {
            id: String::new(),
            name: "a job".into(),
            parallelism: 1,
            interval: Some(10_000),
            retention: "RETAIN_ON_CANCELLATION".into(),
        }
    }
}

/// The vertices that every job has: id and name.
pub(super) const VERTICES: [(&str, &str); 2] = [
    ("ca88eee0095684d687a1b6495617f957", "Source: payments -> throttle"),
    ("b71731f1c0df9c3076c4a455334d0ad6", "count"),
];

impl Job {
    pub(super) fn new(id: &str, name: &str, parallelism: u32, wall: i64) -> Self {
        Self {
            id: id.to_owned(),
            name: name.to_owned(),
            state: "INITIALIZING".into(),
            tasks: Tasks::Scheduled,
            parallelism,
            max_parallelism: 128,
            start_time: wall,
            end_time: -1,
            submitted: Value::Null,
            batch: false,
            interval: None,
            timeout: 600_000,
            retention: "NO_EXTERNALIZED_CHECKPOINTS".into(),
            checkpoints: vec![],
            restored: None,
            next_checkpoint: 1,
            restarts: 0,
            exceptions: vec![],
            count_base: 0,
            running_since: None,
            stub: false,
            last_checkpoint: Duration::ZERO,
            loops: false,
            cache: None,
        }
    }

    /// It has ended.
    pub fn is_terminal(&self) -> bool {
        matches!(self.state.as_str(), "FINISHED" | "CANCELED" | "FAILED")
    }
    fn is_ending(&self) -> bool {
        self.is_terminal() || self.state == "CANCELLING"
    }
    /// All tasks run.
    pub fn is_running(&self) -> bool {
        self.state == "RUNNING" && self.tasks == Tasks::Running
    }
    pub(super) fn holds_slots(&self) -> bool {
        !self.is_terminal() && self.tasks == Tasks::Running
    }
    /// The state that a snapshot keeps: grows by one a millisecond while tasks run, starts where the snapshot ended.
    pub fn count(&self, now: Duration) -> u64 {
        let ms = self.running_since.map_or(0, |since| now.saturating_sub(since).as_millis());
        self.count_base + u64::try_from(ms).unwrap()
    }
    /// Tasks by state, in the words of `/jobs/overview`.
    pub(super) fn task_counts(&self) -> IndexMap<&'static str, u32> {
        let total = if self.tasks == Tasks::None { 0 } else { self.parallelism * VERTICES.len() as u32 };
        let mut counts: IndexMap<&'static str, u32> = [
            "running",
            "canceling",
            "canceled",
            "total",
            "created",
            "scheduled",
            "deploying",
            "reconciling",
            "finished",
            "initializing",
            "failed",
        ]
        .map(|word| (word, 0))
        .into_iter()
        .collect();
        let word = match (self.state.as_str(), self.tasks) {
            ("FINISHED", _) => "finished",
            ("CANCELED" | "RESTARTING", _) => "canceled",
            ("CANCELLING", _) => "canceling",
            ("FAILED", _) => "failed",
            (_, Tasks::Running) => "running",
            _ => "scheduled",
        };
        counts.insert("total", total);
        counts.insert(word, total);
        counts
    }
}

impl World {
    pub(super) fn add_job(&mut self, spec: JobSpec) -> String {
        let id = if spec.id.is_empty() { format!("{:032x}", 0xf00d_0000 + self.fresh()) } else { spec.id };
        let mut job = Job::new(&id, &spec.name, spec.parallelism, self.wall());
        (job.interval, job.retention) = (spec.interval, spec.retention);
        self.launch(job);
        id
    }

    /// The job is accepted and waits for its slots.
    pub(super) fn launch(&mut self, mut job: Job) {
        job.state = "RUNNING".into();
        let id = job.id.clone();
        self.burnt.insert(id.clone());
        self.jobs.insert(id.clone(), job);
        self.after(self.settings.start, Timer::TasksRun(id));
    }

    /// Gives the tasks their slots, or leaves them scheduled.
    pub(super) fn tasks_run(&mut self, id: &str) {
        let (now, free) = (self.now(), self.settings.slots.saturating_sub(self.slots_used()));
        if let Some(job) = self.jobs.get_mut(id)
            && job.state == "RUNNING"
            && job.tasks == Tasks::Scheduled
            && job.parallelism <= free
        {
            job.tasks = Tasks::Running;
            (job.running_since, job.last_checkpoint) = (Some(now), now);
        }
    }

    /// Jobs that wait get slots that became free.
    pub(super) fn give_slots(&mut self) {
        let due = self.settings.start.as_millis() as i64;
        let wall = self.wall();
        let waiting: Vec<String> = self
            .jobs
            .values()
            .filter(|j| j.state == "RUNNING" && j.tasks == Tasks::Scheduled && wall - j.start_time > due)
            .map(|j| j.id.clone())
            .collect();
        for id in waiting {
            self.tasks_run(&id);
        }
    }

    pub(super) fn set_state(&mut self, id: &str, state: &str) {
        let wall = self.wall();
        let job = self.jobs.get_mut(id).expect("a known job");
        job.state = state.to_owned();
        if job.is_terminal() {
            job.end_time = wall;
        }
    }

    /// The job ends in this state; its checkpoints go as its retention says.
    pub(super) fn end(&mut self, id: &str, state: &str) {
        let (now, wall) = (self.now(), self.wall());
        let Some(job) = self.jobs.get_mut(id).filter(|j| !j.is_terminal()) else { return };
        job.count_base = job.count(now);
        job.running_since = None;
        job.state = state.to_owned();
        job.end_time = wall;
        job.loops = false;
        if job.tasks != Tasks::None {
            job.tasks = Tasks::Ended;
        }
        let kept = matches!(
            (state, job.retention.as_str()),
            ("FAILED", "RETAIN_ON_CANCELLATION" | "DELETE_ON_CANCELLATION")
                | ("CANCELED", "RETAIN_ON_CANCELLATION")
        );
        if !kept {
            self.discard_checkpoints(id);
        }
        self.fail_open_triggers(id, state);
    }

    pub(super) fn fail(&mut self, id: &str, cause: &str) {
        let wall = self.wall();
        if let Some(job) = self.jobs.get_mut(id).filter(|j| !j.is_terminal()) {
            let first = "org.apache.flink.runtime.JobException: Recovery is suppressed by NoRestartBackoffTimeStrategy";
            job.exceptions.insert(0, (wall, trace(first, &[cause])));
            self.end(id, "FAILED");
        }
    }

    pub(super) fn task_fails(&mut self, id: &str, cause: &str) {
        if self.settings.restarts { self.restart(id, cause) } else { self.fail(id, cause) }
    }

    /// The tasks begin again from the last checkpoint.
    pub(super) fn restart(&mut self, id: &str, cause: &str) {
        let wall = self.wall();
        let Some(job) = self.jobs.get_mut(id).filter(|j| !j.is_ending()) else { return };
        job.exceptions.insert(0, (wall, trace(cause, &[])));
        job.restarts += 1;
        job.state = "RESTARTING".into();
        job.tasks = Tasks::Scheduled;
        job.running_since = None;
        // A savepoint takes no part in recovery.
        let last =
            job.checkpoints.iter().rev().find(|c| c.status == "COMPLETED" && !c.is_savepoint()).cloned();
        if let Some(mut last) = last {
            job.count_base = last.count;
            last.restored_at = wall;
            job.restored = Some(last);
        }
        self.fail_open_triggers(id, "RESTARTING");
        self.after(self.settings.start, Timer::Restarted(id.to_owned()));
    }

    pub(super) fn restarted(&mut self, id: &str) {
        if let Some(job) = self.jobs.get_mut(id).filter(|j| j.state == "RESTARTING") {
            job.state = "RUNNING".into();
            self.tasks_run(id);
        }
    }

    pub(super) fn loop_restarts(&mut self, id: &str, cause: &str) {
        let Some(job) = self.jobs.get_mut(id).filter(|j| !j.is_ending()) else { return };
        job.loops = true;
        self.restart(id, cause);
        let pause = self.settings.start * 2;
        self.after(pause, Timer::LoopTurn(id.to_owned(), cause.to_owned()));
    }

    pub(super) fn cancel(&mut self, id: &str) -> Reply {
        let Some(job) = self.jobs.get_mut(id) else {
            return refused(404, "RestHandlerException", "Job could not be found.", &[&not_known(id)]);
        };
        if job.state == "CANCELED" {
            self.record("cancel", id, id, false);
            return Reply::of(202, serde_json::json!({}));
        }
        if job.is_terminal() {
            let why = format!(
                "Job cancellation failed because the job has already reached another terminal state ({}).",
                job.state
            );
            return refused(409, "RestHandlerException", &why, &[]);
        }
        let again = job.state == "CANCELLING";
        job.state = "CANCELLING".into();
        self.record("cancel", id, id, !again);
        self.after(self.settings.cancel, Timer::Cancelled(id.to_owned()));
        Reply::of(202, serde_json::json!({}))
    }

    pub(super) fn cancelled(&mut self, id: &str) {
        if self.jobs.get(id).is_some_and(|j| j.state == "CANCELLING") {
            self.end(id, "CANCELED");
        }
    }

    /// The other JobManager is there; its jobs start now.
    pub(super) fn elect(&mut self) {
        let now = self.now();
        self.election_until = now;
        self.timers.iter_mut().for_each(|(at, _)| *at = (*at).min(now + self.settings.start));
    }

    /// Another JobManager takes over with what high availability keeps.
    pub(super) fn failover(&mut self, election: Duration) {
        self.election_until = self.now() + election;
        self.triggers.clear();
        self.disposals.clear();
        self.timers.clear();
        let live: Vec<String> =
            self.jobs.values().filter(|j| !j.is_terminal()).map(|j| j.id.clone()).collect();
        let (wall, ahead) = (self.wall(), election.as_millis() as i64);
        for id in live {
            let job = self.jobs.get_mut(&id).unwrap();
            let last =
                job.checkpoints.iter().rev().find(|c| c.status == "COMPLETED" && !c.is_savepoint()).cloned();
            job.count_base = last.as_ref().map_or(0, |c| c.count);
            job.restored = last.map(|mut c| {
                c.restored_at = wall + ahead;
                c
            });
            job.checkpoints.clear();
            job.cache = None;
            job.start_time = wall + ahead;
            (job.state, job.tasks, job.running_since) = ("RUNNING".into(), Tasks::Scheduled, None);
            self.after(election + self.settings.start, Timer::TasksRun(id));
        }
    }
}
