//! What happens by itself after a while.

use super::world::World;

/// Something that is due at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Timer {
    /// The job's tasks get their slots, if there are enough.
    TasksRun(String),
    /// The cancelled job's tasks are gone.
    Cancelled(String),
    /// The job fails for good.
    Fails(String, String),
    /// The restarting job's tasks run again.
    Restarted(String),
    /// One more turn of a restart loop.
    LoopTurn(String, String),
    /// A savepoint or a stop is through.
    SnapshotDone(String, String),
    /// A disposal is through.
    Disposed(String),
}

impl World {
    pub(super) fn after(&mut self, delay: std::time::Duration, timer: Timer) {
        let at = self.now() + delay;
        self.timers.push((at, timer));
    }

    /// Lets everything happen that is due.
    pub(super) fn tick(&mut self) {
        loop {
            let now = self.now();
            let due = self
                .timers
                .iter()
                .enumerate()
                .filter(|(_, (at, _))| *at <= now)
                .min_by_key(|(_, (at, _))| *at);
            let Some(index) = due.map(|(i, _)| i) else { break };
            let (_, timer) = self.timers.remove(index);
            self.happens(timer);
        }
        self.make_checkpoints();
        self.give_slots();
        self.expire_results();
    }

    fn happens(&mut self, timer: Timer) {
        match timer {
            Timer::TasksRun(job) => self.tasks_run(&job),
            Timer::Cancelled(job) => self.cancelled(&job),
            Timer::Fails(job, cause) => self.fail(&job, &cause),
            Timer::Restarted(job) => self.restarted(&job),
            Timer::LoopTurn(job, cause) => self.loop_restarts(&job, &cause),
            Timer::SnapshotDone(job, trigger) => self.snapshot_done(&job, &trigger),
            Timer::Disposed(id) => self.disposed(&id),
        }
    }
}
