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
mod pip;
pub mod report;
pub mod requirements;
pub mod script;
pub mod stage;
mod unpack;

use std::{io, path::PathBuf};

/// The cache folder: `$XDG_CACHE_HOME/nutkin`, or what the platform has instead; `None` without a home.
#[must_use]
pub fn cache_folder() -> Option<PathBuf> {
    directories::BaseDirs::new().map(|dirs| dirs.cache_dir().join("nutkin"))
}

/// Why the demo does not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Something is missing on the machine.
    #[error(transparent)]
    Unmet(#[from] requirements::Unmet),
    /// There is no Flink.
    #[error(transparent)]
    Dist(#[from] dist::DistError),
    /// There are no jars.
    #[error(transparent)]
    Jars(#[from] jars::JarError),
    /// There is no cluster.
    #[error(transparent)]
    Cluster(#[from] cluster::ClusterError),
    /// A file or folder.
    #[error("{what}: {source}")]
    Io {
        /// What was being done.
        what: String,
        /// Why it failed.
        source: io::Error,
    },
}
