//! The one-command demo on a real Flink.
//!
//! ```text
//!   requirements ──▶ dist ──▶ jars ──▶ cluster ──▶ play
//!   what is missing?  Flink    javac    loopback    manager, artifacts, apply, start
//! ```
//!
//! Everything up to the cluster is also what the tests on real Flink use.

pub mod begin;
pub mod cluster;
mod desk;
pub mod dist;
pub mod jars;
mod lock;
pub mod managers;
mod pip;
pub mod play;
pub mod report;
pub mod requirements;
pub mod reset;
pub mod script;
pub mod stage;
mod unpack;

use std::{io, path::PathBuf};

use crate::{
    config::Diagnostics,
    contract::problem::{Code, Problem},
};

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
    /// The manager refused, or an operation failed.
    #[error("{}", words(.0))]
    Problem(Box<Problem>),
    /// The manifests in the demo's folder are not valid any more.
    #[error(transparent)]
    Manifests(#[from] Diagnostics),
    /// `--reset` of a folder that is not the demo's own.
    #[error("{} is no profile that the demo made; nothing was changed. Stop with --stop and remove it yourself", .0.display())]
    NotAProfile(PathBuf),
    /// A file or folder.
    #[error("{what}: {source}")]
    Io {
        /// What was being done.
        what: String,
        /// Why it failed.
        source: io::Error,
    },
}

fn words(problem: &Problem) -> String {
    let hint = problem.hint.as_ref().map(|hint| format!("\n{hint}")).unwrap_or_default();
    format!("{problem}{hint}")
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::Problem(Box::new(problem))
    }
}

impl Error {
    /// The same as every command reports it, with a code and so an exit code.
    #[must_use]
    pub fn problem(&self) -> Problem {
        let code = match self {
            Self::Problem(problem) => return (**problem).clone(),
            Self::Manifests(_) => Code::InvalidSpec,
            Self::NotAProfile(_) => Code::BadRequest,
            Self::Dist(dist::DistError::BadVersion(_) | dist::DistError::NotAHome(_)) => Code::BadRequest,
            Self::Unmet(_) | Self::Dist(_) | Self::Jars(_) => Code::PreflightFailed,
            Self::Cluster(_) => Code::FlinkRefused,
            Self::Io { .. } => Code::Internal,
        };
        Problem::new(code, self.to_string())
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write as _,
        path::Path,
        process::{Command, Stdio},
    };

    /// Writes a program that can be run at once. Another process writes it: a child that a test starts at this moment
    /// would keep our own descriptor for a while, and a file that is open for writing cannot be run.
    pub(super) fn write_program(file: &Path, text: &str) {
        let mut sh = Command::new("sh");
        sh.args(["-c", "cat >\"$0\" && chmod 755 \"$0\""]).arg(file).stdin(Stdio::piped());
        let mut child = sh.spawn().unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success());
    }
}
