//! The only place that reads the machine's clocks.

use std::time::Duration;

use async_trait::async_trait;
use rustix::time::{ClockId, clock_gettime};

use crate::domain::time::{Clock, Timestamp};

/// The real clock: UTC from the system, monotonic time that also counts suspended hours (`CLOCK_BOOTTIME`).
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock adapter")]
    fn now_utc(&self) -> Timestamp {
        Timestamp::from(chrono::Utc::now())
    }

    fn boottime(&self) -> Duration {
        let t = clock_gettime(ClockId::Boottime);
        Duration::new(u64::try_from(t.tv_sec).unwrap_or(0), u32::try_from(t.tv_nsec).unwrap_or(0))
    }

    async fn sleep(&self, for_: Duration) {
        tokio::time::sleep(for_).await;
    }
}
