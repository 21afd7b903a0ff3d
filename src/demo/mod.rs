//! The one-command demo on a real Flink.
//!
//! ```text
//!   requirements ──▶ dist ──▶ jars ──▶ cluster
//!   what is missing?  Flink    javac    JobManager and TaskManagers on loopback
//! ```
//!
//! Everything up to here is also what the tests on real clusters use.

pub mod cluster;
pub mod dist;
pub mod jars;
mod lock;
pub mod requirements;
mod unpack;

use std::path::PathBuf;

/// The cache folder: `$XDG_CACHE_HOME/nutkin`, or what the platform has instead; `None` without a home.
#[must_use]
pub fn cache_folder() -> Option<PathBuf> {
    directories::BaseDirs::new().map(|dirs| dirs.cache_dir().join("nutkin"))
}
