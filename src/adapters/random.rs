<<<<<<< HEAD
//! Fresh keys from the system's randomness.

use uuid::{NoContext, Timestamp as UuidTime, Uuid};

use crate::{domain::time::Timestamp, manager::ports::Random};

/// Keys by the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn bytes16(&self) -> [u8; 16] {
        // A version 4 UUID has six fixed bits; two of them make sixteen fully random bytes.
        let (a, b) = (Uuid::new_v4().into_bytes(), Uuid::new_v4().into_bytes());
        let mut out = a;
        out[6] = b[0];
        out[8] = b[1];
        out
    }

    fn id(&self, now: Timestamp) -> String {
        let ms = u64::try_from(now.millis()).unwrap_or(0);
        let nanos = u32::try_from(ms % 1000).unwrap_or(0) * 1_000_000;
        Uuid::new_v7(UuidTime::from_unix(NoContext, ms / 1000, nanos)).to_string()
=======
//! The only place that draws random numbers for the manager.

use std::sync::Mutex;

use uuid::{ContextV7, Uuid};

use crate::{domain::time::Timestamp, manager::ports::Random};

/// Real randomness; ids are UUIDv7 and never fall back behind an earlier one of the same process.
#[derive(Debug)]
pub struct SystemRandom {
    counter: Mutex<ContextV7>,
}

impl Default for SystemRandom {
    fn default() -> Self {
        Self { counter: Mutex::new(ContextV7::new()) }
    }
}

impl Random for SystemRandom {
    fn bytes16(&self) -> [u8; 16] {
        Uuid::new_v4().into_bytes()
    }

    fn id(&self, now: Timestamp) -> String {
        let millis = u64::try_from(now.millis()).unwrap_or(0);
        let nanos = u32::try_from(millis % 1_000 * 1_000_000).unwrap_or(0);
        let stamp = match self.counter.lock() {
            Ok(counter) => uuid::Timestamp::from_unix(&*counter, millis / 1_000, nanos),
            // A thread died while it counted; random bits still keep ids apart.
            Err(_) => uuid::Timestamp::from_unix(uuid::NoContext, millis / 1_000, nanos),
        };
        Uuid::new_v7(stamp).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_one_millisecond_grow() {
        let random = SystemRandom::default();
        let now = Timestamp::from_millis(1_700_000_000_123);
        let ids: Vec<String> = (0..1_000).map(|_| random.id(now)).collect();
        assert!(ids.windows(2).all(|w| w[0] < w[1]));
        assert!(random.id(Timestamp::from_millis(1_700_000_000_124)) > ids[999]);
>>>>>>> 43269a0 (Add the command line, and what the manager's process is started from)
    }
}
