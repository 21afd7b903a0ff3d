//! The manager's log: a file a day in the state directory, the last seven kept, no colours.

use std::{io, path::Path};

use nutkin::contract::problem::{Code, Problem};
use tracing_appender::{
    non_blocking::WorkerGuard,
    rolling::{RollingFileAppender, Rotation},
};
use tracing_subscriber::{
    EnvFilter, Layer as _, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

const KEPT_DAYS: usize = 7;

/// Begins to log; the guard writes what is left when it is dropped.
pub fn begin(folder: &Path, to_stderr: bool) -> Result<WorkerGuard, Problem> {
    let failed = |e: String| {
        Problem::new(Code::StoreFailed, format!("no log can be written in {}: {e}", folder.display()))
    };
    std::fs::create_dir_all(folder).map_err(|e| failed(e.to_string()))?;
    let file = RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        .filename_prefix("manager")
        .filename_suffix("log")
        .max_log_files(KEPT_DAYS)
        .build(folder)
        .map_err(|e| failed(e.to_string()))?;
    let (writer, guard) = tracing_appender::non_blocking(file);
    let filter = || EnvFilter::try_from_env("NUTKIN_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let to_file = fmt::layer().with_ansi(false).with_writer(writer).with_filter(filter());
    let to_stderr =
        to_stderr.then(|| fmt::layer().with_ansi(false).with_writer(io::stderr).with_filter(filter()));
    tracing_subscriber::registry()
        .with(to_file)
        .with(to_stderr)
        .try_init()
        .map_err(|e| failed(e.to_string()))?;
    Ok(guard)
}
