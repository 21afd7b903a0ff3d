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
    }
}
