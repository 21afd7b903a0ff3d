//! How long things may take.

use std::time::Duration;

/// Time limits towards a cluster.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Until a connection stands.
    pub connect: Duration,
    /// Silence in the answer to a read.
    pub read: Duration,
    /// A whole exchange.
    pub total: Duration,
    /// A run or a plan: the program's `main()` may take its time until it reaches `execute()`.
    pub submit: Duration,
    /// A question about TaskManagers: one that is dead and not yet noticed holds up its answer.
    pub task_manager: Duration,
    /// An upload without progress.
    pub stall: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let s = Duration::from_secs;
        Self { connect: s(3), read: s(10), total: s(30), submit: s(600), task_manager: s(5), stall: s(60) }
    }
}
