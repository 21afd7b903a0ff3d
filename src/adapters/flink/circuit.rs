//! The circuit of one address: after repeated failures nothing is sent to it for a while.

use std::time::Duration;

/// Failures in a row that open it.
const LIMIT: u32 = 5;
/// How long it stays open.
const REST: Duration = Duration::from_secs(10);

/// Counts failures in a row; `now` is time since boot.
#[derive(Debug, Clone, Default)]
pub(super) struct Circuit {
    failures: u32,
    opened: Option<Duration>,
    /// What the last failure was.
    why: String,
}

impl Circuit {
    /// Whether a request may go out now. After the rest one is let through to try.
    pub(super) fn admits(&mut self, now: Duration) -> bool {
        match self.opened {
            None => true,
            Some(at) if now.saturating_sub(at) >= REST => {
                self.opened = Some(now);
                true
            }
            Some(_) => false,
        }
    }
    /// What the last failure was.
    pub(super) fn why(&self) -> &str {
        &self.why
    }
    /// The address answered.
    pub(super) fn answered(&mut self) {
        *self = Self::default();
    }
    /// No connection, no answer in time, or a gateway without the server behind it.
    pub(super) fn failed(&mut self, now: Duration, why: &str) {
        self.failures = self.failures.saturating_add(1);
        why.clone_into(&mut self.why);
        if self.failures >= LIMIT {
            self.opened = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_failures_rest_for_ten_seconds_then_one_tries() {
        let s = Duration::from_secs;
        let mut c = Circuit::default();
        for _ in 0..4 {
            c.failed(s(1), "first");
        }
        assert!(c.admits(s(1)));
        c.failed(s(2), "then");
        assert_eq!(c.why(), "then");
        assert!(!c.admits(s(2)) && !c.admits(s(11)));
        assert!(c.admits(s(12)), "one tries");
        assert!(!c.admits(s(12)), "only one");
        c.failed(s(13), "again");
        assert!(!c.admits(s(22)));
        assert!(c.admits(s(23)));
        c.answered();
        assert!(c.admits(s(23)) && c.admits(s(23)));
    }
}
