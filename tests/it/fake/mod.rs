//! A fake Flink for tests: a JobManager's REST API with the semantics that were measured on real ones, scripted per test.
//!
//! ```text
//!   test ── Fake (handle, synchronous) ──► World ◄── requests ── faults ── HTTP on 127.0.0.1:port
//!             script, look, journal         │ jobs, jars, triggers, timers
//!                                           └ savepoints and checkpoints are real directories
//! ```
//!
//! It lives on a thread and a runtime of its own, so that a test may block, and outlives any manager that the test kills.
//! What it keeps like the original: answers about one job come from a cache that is a little old, the live list does not;
//! asynchronous results are found by the client's trigger id, expire, and are lost with the JobManager; job ids are burnt
//! by a failed start; a run answers when `main()` is through. Times are shortened; see [`Settings`].

mod books;
mod faults;
mod jobs;
mod own;
mod server;
mod shapes;
mod snapshots;
mod submit;
mod timers;
mod triggers;
mod world;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use nutkin::{adapters::clock::SystemClock, domain::time::Clock};

pub use faults::{Fault, Phase};
pub use jobs::{Job, JobSpec, Tasks};
pub use submit::RunOutcome;
pub use triggers::SavepointOutcome;
pub use world::{Act, World};

/// How this fake behaves.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What it says it is; answers have the shape of that version.
    pub version: String,
    /// Task slots in all.
    pub slots: u32,
    /// How old answers about one job may be (3 s on real clusters).
    pub cache: Duration,
    /// How long asynchronous results are kept after they are done (5 min on real clusters).
    pub store: Duration,
    /// From submission until all tasks run.
    pub start: Duration,
    /// From trigger to completion of a savepoint.
    pub savepoint: Duration,
    /// From a cancel to CANCELED.
    pub cancel: Duration,
    /// Real time between two checkpoints of a running job; `None` = only on demand.
    pub checkpoint_every: Option<Duration>,
    /// What jobs that configure nothing report as their checkpoint interval, in milliseconds; `None` = off.
    pub checkpoint_interval: Option<u64>,
    /// What the program sets as its interval, in milliseconds, whatever it was submitted with.
    pub program_interval: Option<u64>,
    /// The cluster's own savepoint directory.
    pub savepoint_dir: Option<String>,
    /// `features.web-submit`; false = no jar routes.
    pub web_submit: bool,
    /// Tasks that fail restart the job instead of failing it.
    pub restarts: bool,
}

impl Default for Settings {
    fn default() -> Self {
        let ms = Duration::from_millis;
        Self {
            version: "2.3.0".to_owned(),
            slots: 8,
            cache: ms(200),
            store: Duration::from_secs(300),
            start: ms(20),
            savepoint: ms(30),
            cancel: ms(20),
            checkpoint_every: Some(ms(100)),
            checkpoint_interval: Some(10_000),
            program_interval: None,
            savepoint_dir: None,
            web_submit: true,
            restarts: false,
        }
    }
}

/// A running fake; it ends with this handle.
#[derive(Debug)]
pub struct Fake {
    shared: Arc<Shared>,
    thread: Option<std::thread::JoinHandle<()>>,
}

/// What the handle and the server have in common.
#[derive(Debug)]
struct Shared {
    world: Mutex<World>,
    faults: faults::Faults,
    control: tokio::sync::watch::Sender<server::Control>,
    port: u16,
}

impl Shared {
    fn world(&self) -> MutexGuard<'_, World> {
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.tick();
        world
    }
}

impl Fake {
    /// Starts one on a free port.
    pub fn start(settings: Settings) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (control, seen) = tokio::sync::watch::channel(server::Control::Up);
        let world = Mutex::new(World::new(settings));
        let shared = Arc::new(Shared { world, faults: faults::Faults::default(), control, port });
        let ours = shared.clone();
        let thread = std::thread::Builder::new().name("fake-flink".into());
        let thread = thread.spawn(move || server::run(listener, ours, seen)).unwrap();
        Self { shared, thread: Some(thread) }
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.shared.port)
    }

    /// The whole state, for looking and for changing; hold it briefly, the server waits meanwhile.
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.shared.world()
    }

    /// A copy of a job.
    pub fn job(&self, id: &str) -> Option<Job> {
        self.world().jobs.get(id).cloned()
    }

    /// Ids of all jobs that have not ended.
    pub fn live_jobs(&self) -> Vec<String> {
        self.world().jobs.values().filter(|j| !j.is_terminal()).map(|j| j.id.clone()).collect()
    }

    /// Every act that was accepted, in order: the ground truth.
    pub fn journal(&self) -> Vec<Act> {
        self.world().journal.clone()
    }

    /// Acts on this route that had an effect (repeats of a known key have none).
    pub fn acts(&self, route: &str) -> Vec<Act> {
        self.journal().into_iter().filter(|a| a.route == route && a.effect).collect()
    }

    /// Every request so far, as `METHOD /path`.
    pub fn requests(&self) -> Vec<String> {
        self.world().requests.clone()
    }

    /// From now on every act of nutkin's is compared with these books, see [`Self::violations`].
    pub fn serves(&self, state_dir: &std::path::Path) {
        self.world().books = Some(books::Books::below(state_dir));
    }

    /// A job that somebody else started.
    pub fn add_job(&self, spec: JobSpec) -> String {
        self.world().add_job(spec)
    }

    /// What the next runs do, in order; then as nature has it.
    pub fn next_run(&self, outcome: RunOutcome) {
        self.world().next_runs.push_back(outcome);
    }

    /// What runs of jars do whose name or content contains `marker`.
    pub fn on_jar(&self, marker: &str, outcome: RunOutcome) {
        self.world().jar_rules.push((marker.to_owned(), outcome));
    }

    /// What the next savepoints and stops do, in order; then as nature has it.
    pub fn next_savepoint(&self, outcome: SavepointOutcome) {
        self.world().next_savepoints.push_back(outcome);
    }

    /// Completes everything that [`SavepointOutcome::Held`] holds.
    pub fn release_savepoints(&self) {
        self.world().release_savepoints();
    }

    /// A fault on the wire.
    pub fn fault(&self, fault: Fault) {
        self.shared.faults.add(fault);
    }

    /// Removes all faults; the number of those that still waited for a request.
    pub fn clear_faults(&self) -> usize {
        self.shared.faults.clear()
    }

    /// Completes a checkpoint now; its path.
    pub fn checkpoint(&self, job: &str) -> String {
        self.world().complete_checkpoint(job).expect("a running job")
    }

    /// A checkpoint fails now, and the job goes on.
    pub fn fail_checkpoint(&self, job: &str, why: &str) {
        let mut world = self.world();
        let wall = world.wall();
        let number = world.open_checkpoint(job, "CHECKPOINT", wall);
        world.close_checkpoint(job, number, None, Some(why));
    }

    /// Somebody else's savepoint of a job begins; its number.
    pub fn begin_savepoint(&self, job: &str) -> u64 {
        let mut world = self.world();
        let wall = world.wall();
        world.open_checkpoint(job, "SAVEPOINT", wall)
    }

    /// And is complete.
    pub fn complete_savepoint(&self, job: &str, number: u64, location: &str) {
        self.world().close_checkpoint(job, number, Some(location), None);
    }

    /// Flink's word for a job from now on, without anything else happening.
    pub fn set_job_state(&self, job: &str, state: &str) {
        self.world().set_state(job, state);
    }

    /// A job that had ended is brought back, as a supervisor would: it runs with all its tasks.
    pub fn revive_job(&self, job: &str) {
        let mut world = self.world();
        world.set_state(job, "RUNNING");
        if let Some(job) = world.jobs.get_mut(job) {
            job.tasks = jobs::Tasks::Running;
        }
    }

    /// A task fails: the job fails, or restarts from its last checkpoint where the settings say so.
    pub fn fail_task(&self, job: &str, cause: &str) {
        self.world().task_fails(job, cause);
    }

    /// The job fails for good.
    pub fn fail_job(&self, job: &str, cause: &str) {
        self.world().fail(job, cause);
    }

    /// The job fails and restarts until it is stopped.
    pub fn loop_restarts(&self, job: &str, cause: &str) {
        self.world().loop_restarts(job, cause);
    }

    /// The finished job ages out of the list.
    pub fn forget_job(&self, job: &str) {
        self.world().jobs.shift_remove(job);
    }

    /// The JobManager is killed and started again without high availability: jobs, results and burnt ids are forgotten,
    /// jars are kept.
    pub fn restart_without_memory(&self) {
        self.down();
        self.world().forget_everything();
        self.up();
    }

    /// A JobManager fails over with high availability: 503 for `election`, then the same jobs, restored from their last
    /// checkpoint, with new start times; results are forgotten.
    pub fn failover(&self, election: Duration) {
        self.world().failover(election);
    }

    /// The election of a failover is over now.
    pub fn elect(&self) {
        self.world().elect();
    }

    /// Nothing listens any more, open connections end. State is kept.
    pub fn down(&self) {
        self.switch(server::Control::Down);
    }

    /// Listens again.
    pub fn up(&self) {
        self.switch(server::Control::Up);
    }

    fn switch(&self, to: server::Control) {
        self.shared.control.send_replace(to);
        let listens = || std::net::TcpStream::connect(("127.0.0.1", self.shared.port)).is_ok();
        self.wait_until("the listener follows", crate::manager::rig::DEADLINE, |_| {
            listens() == matches!(to, server::Control::Up)
        });
    }

    /// Waits for a state, at most `deadline`; blocks the calling thread only.
    pub fn wait_until(&self, what: &str, deadline: Duration, mut holds: impl FnMut(&mut World) -> bool) {
        let end = SystemClock.boottime() + deadline;
        loop {
            if holds(&mut self.world()) {
                return;
            }
            assert!(SystemClock.boottime() < end, "{what}: not within {deadline:?}; {:#?}", self.journal());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The same without blocking, for managers that live on the test's own runtime.
    pub async fn until(&self, what: &str, deadline: Duration, mut holds: impl FnMut(&mut World) -> bool) {
        let end = SystemClock.boottime() + deadline;
        while !holds(&mut self.world()) {
            assert!(SystemClock.boottime() < end, "{what}: not within {deadline:?}; {:#?}", self.journal());
            SystemClock.sleep(Duration::from_millis(5)).await;
        }
    }

    /// What the fake itself found wrong with its clients: a key that was used for two different acts, a jar that was there
    /// already, an act that the books do not know of at its moment.
    pub fn violations(&self) -> Vec<String> {
        self.world().violations.clone()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.shared.control.send_replace(server::Control::End);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
