//! `pip download`, watched: the only part that knows what pip prints.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::process::{Child, Command};

use super::{
    dist::{DistError, Progress, entries},
    unpack,
};
use crate::domain::time::Clock;

const PACKAGE: &str = "apache-flink-libraries";
const POLL: Duration = Duration::from_millis(200);

/// Downloads the archive of a version into the folder `partial`, which has a folder `tmp`.
pub(super) async fn download(
    python: &Path,
    partial: &Path,
    version: &str,
    clock: &dyn Clock,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<PathBuf, DistError> {
    let log_path = partial.join("pip.log");
    let failed = |reason: String| DistError::Download { version: version.to_owned(), reason };
    let mut pip =
        spawn_pip(python, partial, &log_path, version).map_err(|e| failed(format!("python3: {e}")))?;
    let status = loop {
        if let Some(status) = pip.try_wait().map_err(|e| failed(e.to_string()))? {
            break status;
        }
        let log = fs::read_to_string(&log_path).unwrap_or_default();
        progress(Progress::Downloading { bytes: size_below(partial), total: announced_size(&log) });
        clock.sleep(POLL).await;
    };
    let log = fs::read_to_string(&log_path).unwrap_or_default();
    if !status.success() {
        return Err(explain(version, &log));
    }
    archive_in(partial).ok_or_else(|| failed("pip reported success and left no archive".into()))
}

fn spawn_pip(python: &Path, partial: &Path, log: &Path, version: &str) -> io::Result<Child> {
    let out = fs::File::create(log)?;
    Command::new(python)
        .args(["-m", "pip", "download", "--no-deps", "--no-cache-dir", "--no-input"])
        .args(["--progress-bar", "off", "--disable-pip-version-check", "--dest"])
        .arg(partial)
        .arg(format!("{PACKAGE}=={version}"))
        .env("TMPDIR", partial.join("tmp")) // so that the bytes so far can be seen, and are removed with the rest
        .stdin(Stdio::null())
        .stderr(out.try_clone()?)
        .stdout(out)
        .kill_on_drop(true)
        .spawn()
}

/// `(258.1 MB)` at the end of pip's line about the download.
fn announced_size(log: &str) -> Option<u64> {
    let line = log.lines().find(|line| line.trim_start().starts_with("Downloading "))?;
    let (number, unit) = line.trim_end().strip_suffix(')')?.rsplit_once('(')?.1.split_once(' ')?;
    let factor = match unit {
        "bytes" => 1.0,
        "kB" => 1e3,
        "MB" => 1e6,
        "GB" => 1e9,
        _ => return None,
    };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a size in bytes, for a bar")]
    number.parse::<f64>().ok().map(|n| (n.max(0.0) * factor) as u64)
}

fn explain(version: &str, log: &str) -> DistError {
    if let Some((_, versions)) = log.split_once("(from versions: ")
        && log.contains("No matching distribution")
    {
        let all: Vec<_> = versions.split(')').next().unwrap_or_default().split(", ").collect();
        if all.len() > 1 {
            let known = all[all.len().saturating_sub(12)..].join(", ");
            return DistError::UnknownVersion { version: version.to_owned(), known };
        }
    }
    let last = |start: &str| log.lines().rev().map(str::trim).find(|line| line.contains(start));
    let reason = last("ERROR:").or_else(|| last("rror")).unwrap_or("pip failed and did not say why");
    let reason = reason.trim_start_matches("ERROR:").trim().trim_end_matches('.').to_owned();
    DistError::Download { version: version.to_owned(), reason }
}

fn archive_in(folder: &Path) -> Option<PathBuf> {
    entries(folder).find(|path| unpack::is_archive(path))
}

fn size_below(folder: &Path) -> u64 {
    entries(folder)
        .filter_map(|path| fs::symlink_metadata(&path).ok().map(|meta| (path, meta)))
        .map(|(path, meta)| if meta.is_dir() { size_below(&path) } else { meta.len() })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_is_read_from_what_pip_prints() {
        let log = "Collecting x==1\n  Downloading x-1.tar.gz (232.0 MB)\n";
        assert_eq!(announced_size(log), Some(232_000_000));
        assert_eq!(announced_size("  Downloading x-1.whl (870 kB)"), Some(870_000));
        for without in
            ["", "Collecting x", "Downloading x", "Downloading x (many)", "Downloading x (1 furlong)"]
        {
            assert_eq!(announced_size(without), None, "{without}");
        }
    }

    #[test]
    fn a_failed_download_is_explained() {
        let log = "ERROR: Could not find a version that satisfies the requirement x==9.9.9 (from versions: 2.2.1, 2.3.0)\nERROR: No matching distribution found for x==9.9.9\n";
        let text = explain("9.9.9", log).to_string();
        assert!(text.contains("no Flink 9.9.9") && text.contains("2.2.1, 2.3.0"), "{text}");
        let offline = "WARNING: Retrying\nERROR: Could not find a version that satisfies the requirement x (from versions: none)\nERROR: No matching distribution found for x==2.3.0\n";
        let text = explain("2.3.0", offline).to_string();
        assert!(text.contains("could not be fetched") && text.contains("--flink-home"), "{text}");
        assert!(explain("2.3.0", "").to_string().contains("did not say why"));
    }
}
