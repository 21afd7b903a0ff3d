//! What can go wrong with a cluster, with the part of a log that tells why.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

const LOG_LINES: usize = 8;

/// Why a cluster does not run; no text leaves open what to do next.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// A process ended while it should have started.
    #[error("Flink's process {name} ended while starting; the others were stopped. Its log, {}, says:\n{tail}", log.display())]
    Ended {
        /// Which process.
        name: String,
        /// Its log file.
        log: PathBuf,
        /// The last lines of it.
        tail: String,
    },
    /// Nothing answered in time.
    #[error("Flink did not come up on {url} within {} s; its processes were stopped. {} says:\n{tail}\nRun the same command again; a busy machine may need longer", patience.as_secs(), log.display())]
    NotReady {
        /// Where it should have answered.
        url: String,
        /// How long was waited.
        patience: Duration,
        /// The `JobManager`'s log file.
        log: PathBuf,
        /// The last lines of it.
        tail: String,
    },
    /// The folder's cluster runs another version.
    #[error(
        "Flink {running} is running here and Flink {wanted} was asked for; nothing was changed. Stop the running one first"
    )]
    OtherVersion {
        /// What runs.
        running: String,
        /// What was asked for.
        wanted: String,
    },
    /// The record cannot be read.
    #[error("{} cannot be read: {source}; nothing was changed. Processes that it names may still run; end them, then remove the file", path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// A process name that is not known.
    #[error("this cluster has no process {0}")]
    NoProcess(String),
    /// A file, a folder, a port or a program.
    #[error("{what}: {source}")]
    Io {
        /// What was being done.
        what: String,
        /// Why it failed.
        source: io::Error,
    },
}

/// The errors in a log, or, when there are none, its end; without stack frames.
pub(super) fn tail(log: &Path) -> String {
    let text = fs::read(log).or_else(|_| fs::read(log.with_extension("out"))).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<_> = text.lines().filter(|line| !line.trim_start().starts_with("at ")).collect();
    let is_error = |line: &&str| line.contains(" ERROR ") || line.starts_with("Caused by:");
    let errors: Vec<_> = lines.iter().copied().filter(is_error).collect();
    let shown = if errors.is_empty() { lines } else { errors };
    shown[shown.len().saturating_sub(LOG_LINES)..].join("\n")
}

pub(super) fn io_error(what: String) -> impl FnOnce(io::Error) -> ClusterError {
    move |source| ClusterError::Io { what, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_log_the_errors_are_shown_without_stack_frames() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("x.log");
        fs::write(&log, "one\ntwo\n\tat a.B.c(B.java:1)\nthree\n").unwrap();
        assert_eq!(tail(&log), "one\ntwo\nthree");
        fs::write(&log, "1 ERROR a - b\nX: y\n\tat a.B\nCaused by: Z\n2 INFO  a - over\n").unwrap();
        assert_eq!(tail(&log), "1 ERROR a - b\nCaused by: Z");
    }
}
