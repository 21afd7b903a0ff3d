//! How a command ends: its exit code, or the problem that it is told with.

use std::process::ExitCode;

use crate::contract::problem::Problem;

/// Result of a command: the exit code, or the problem it ends with.
pub type Outcome = Result<Exit, Problem>;

/// Exit codes; scripts depend on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit(pub u8);

impl Exit {
    /// The goal is reached.
    pub const OK: Self = Self(0);
    /// Failed, nothing changed; for `diff`: there are differences.
    pub const FAILED: Self = Self(1);
    /// Usage, or an invalid file.
    pub const USAGE: Self = Self(2);
    /// Failed with effect, or rolled back.
    pub const EFFECT: Self = Self(3);
    /// A person is needed.
    pub const ATTENTION: Self = Self(4);
    /// Timed out while waiting; the operation goes on.
    pub const TIMED_OUT: Self = Self(7);
    /// Ctrl-C while waiting: detached.
    pub const DETACHED: Self = Self(130);
}

impl From<Exit> for ExitCode {
    fn from(e: Exit) -> Self {
        Self::from(e.0)
    }
}
