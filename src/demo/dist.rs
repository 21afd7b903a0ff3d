//! A Flink distribution on this machine: found, or fetched into the cache.
//!
//! ```text
//!   cache/flink/2.3.0/lib/*.jar                      there: used as it is
//!   cache/flink/.2.3.0.lock                          held while fetching; a second caller waits for it
//!   cache/flink/.2.3.0.partial/ --rename--> 2.3.0    so a killed download leaves nothing half
//! ```
//!
//! Flink comes from the Python package `apache-flink-libraries` (a wheel, or a source archive for older
//! versions), because `pip` is on most machines, knows its mirrors and proxies, and checks hashes.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::process::{Child, Command};

use super::{lock, unpack};
use crate::domain::time::Clock;

/// The Flink version of the demo, unless told otherwise.
pub const DEFAULT_VERSION: &str = "2.3.0";

const PACKAGE: &str = "apache-flink-libraries";
const POLL: Duration = Duration::from_millis(200);
/// Another process may be fetching the same version over a slow line.
const LOCK_PATIENCE: Duration = Duration::from_secs(20 * 60);

/// Jars of one Flink version, enough to run a cluster and to compile `DataStream` jobs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Dist {
    /// As in the name of `flink-dist`, for example `2.3.0`.
    pub version: String,
    /// The folder that has `lib/`.
    pub home: PathBuf,
}

/// Why there is no distribution; no text leaves open what to do next.
#[derive(Debug, thiserror::Error)]
pub enum DistError {
    /// The version is not a number with dots.
    #[error("{0:?} is not a Flink version; write for example --flink-version {DEFAULT_VERSION}")]
    BadVersion(String),
    /// The folder is no Flink home.
    #[error("no lib/flink-dist-VERSION.jar below {}; name the folder of a Flink distribution with --flink-home or FLINK_HOME, or leave both out to have Flink fetched", .0.display())]
    NotAHome(PathBuf),
    /// The index does not have the version.
    #[error("there is no Flink {version} to fetch; nothing was changed. Known: {known}")]
    UnknownVersion {
        /// What was asked for.
        version: String,
        /// The newest versions that exist, newest last.
        known: String,
    },
    /// `pip` could not do it.
    #[error(
        "Flink {version} could not be fetched: {reason}. Nothing was changed. Check the network and pip's proxy settings and run the same command again, or use a Flink that is already here: --flink-home DIR"
    )]
    Download {
        /// What was asked for.
        version: String,
        /// The last error that pip printed.
        reason: String,
    },
    /// The archive is not what it should be.
    #[error(
        "the archive of Flink {version} cannot be used: {reason}. It was thrown away; run the same command again, or use --flink-home DIR"
    )]
    Archive {
        /// What was asked for.
        version: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A file or folder of the cache.
    #[error("{}: {source}; the cache folder must be writable (XDG_CACHE_HOME chooses another one)", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// How far a fetch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Another process is fetching the same version.
    Waiting,
    /// Bytes so far, and of how many, once pip has said.
    Downloading {
        /// So far.
        bytes: u64,
        /// All of them, rounded as pip rounds.
        total: Option<u64>,
    },
    /// The archive is here.
    Unpacking,
}

impl Dist {
    /// The distribution in `home`.
    ///
    /// # Errors
    /// [`DistError::NotAHome`] when there is no `lib/flink-dist-*.jar`.
    pub fn at(home: &Path) -> Result<Self, DistError> {
        let found = jars(home).find_map(|jar| dist_version(&file_name(&jar)));
        match found {
            Some(version) => Ok(Self { version, home: home.to_owned() }),
            None => Err(DistError::NotAHome(home.to_owned())),
        }
    }

    /// What Flink's processes and the compiler need: `flink-dist` and logging, not the table planner.
    #[must_use]
    pub fn classpath(&self) -> Vec<PathBuf> {
        let mut found: Vec<_> = jars(&self.home).filter(|jar| unpack::needed(&file_name(jar))).collect();
        found.sort();
        found
    }

    /// Major and minor number; `(0, 0)` for a version that has none.
    #[must_use]
    pub fn release(&self) -> (u32, u32) {
        let mut parts = self.version.split(['.', '-']).map(|part| part.parse().unwrap_or(0));
        (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
    }
}

/// The distribution of this version in the cache, if it was fetched before.
#[must_use]
pub fn cached(cache: &Path, version: &str) -> Option<Dist> {
    Dist::at(&cache.join("flink").join(version)).ok()
}

/// Gets a version into the cache, or finds it there.
///
/// # Errors
/// See [`DistError`]. The cache then holds what it held before.
pub async fn fetch(
    cache: &Path,
    version: &str,
    clock: &dyn Clock,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Dist, DistError> {
    check_version(version)?;
    if let Some(dist) = cached(cache, version) {
        return Ok(dist);
    }
    let root = cache.join("flink");
    let io = |path: &Path| {
        let path = path.to_owned();
        move |source| DistError::Io { path, source }
    };
    fs::create_dir_all(&root).map_err(io(&root))?;
    let lock_path = root.join(format!(".{version}.lock"));
    let _lock = lock::exclusive(&lock_path, LOCK_PATIENCE, clock, || progress(Progress::Waiting))
        .await
        .map_err(io(&lock_path))?;
    if let Some(dist) = cached(cache, version) {
        return Ok(dist);
    }
    let partial = root.join(format!(".{version}.partial"));
    remove(&partial).map_err(io(&partial))?; // of a fetch that was killed: we hold the lock
    fs::create_dir_all(partial.join("tmp")).map_err(io(&partial))?;
    let outcome = fetch_into(&partial, &root.join(version), version, clock, progress).await;
    let removed = remove(&partial).map_err(io(&partial));
    outcome.and_then(|dist| removed.map(|()| dist))
}

async fn fetch_into(
    partial: &Path,
    home: &Path,
    version: &str,
    clock: &dyn Clock,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Dist, DistError> {
    let archive = download(partial, version, clock, progress).await?;
    progress(Progress::Unpacking);
    let unpacked = partial.join("home");
    let bad = |reason: String| DistError::Archive { version: version.to_owned(), reason };
    let lib = unpacked.join("lib");
    tokio::task::spawn_blocking(move || unpack::jars(&archive, &lib))
        .await
        .map_err(|e| bad(e.to_string()))?
        .map_err(|e| bad(e.to_string()))?;
    let dist = Dist::at(&unpacked).map_err(|_| bad("it has no flink-dist jar".into()))?;
    if dist.version != version {
        return Err(bad(format!("it holds Flink {}", dist.version)));
    }
    // Something that is not a distribution may be in the way; what is one was found before.
    remove(home)
        .and_then(|()| fs::rename(&unpacked, home))
        .map_err(|source| DistError::Io { path: home.to_owned(), source })?;
    Ok(Dist { version: version.to_owned(), home: home.to_owned() })
}

async fn download(
    partial: &Path,
    version: &str,
    clock: &dyn Clock,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<PathBuf, DistError> {
    let log_path = partial.join("pip.log");
    let failed = |reason: String| DistError::Download { version: version.to_owned(), reason };
    let mut pip = spawn_pip(partial, &log_path, version).map_err(|e| failed(format!("python3: {e}")))?;
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

fn spawn_pip(partial: &Path, log: &Path, version: &str) -> io::Result<Child> {
    let out = fs::File::create(log)?;
    Command::new("python3")
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

fn check_version(version: &str) -> Result<(), DistError> {
    let number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let parts: Vec<_> = version.split('.').collect();
    if parts.len() == 3 && parts.iter().all(|part| number(part)) {
        Ok(())
    } else {
        Err(DistError::BadVersion(version.to_owned()))
    }
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

fn jars(home: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    entries(&home.join("lib")).filter(|path| path.extension().is_some_and(|e| e == "jar"))
}

fn dist_version(jar: &str) -> Option<String> {
    let version = jar.strip_prefix("flink-dist-")?.strip_suffix(".jar")?;
    version.starts_with(|c: char| c.is_ascii_digit()).then(|| version.to_owned())
}

fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path())
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn size_below(folder: &Path) -> u64 {
    entries(folder)
        .filter_map(|path| fs::symlink_metadata(&path).ok().map(|meta| (path, meta)))
        .map(|(path, meta)| if meta.is_dir() { size_below(&path) } else { meta.len() })
        .sum()
}

/// Removes a folder or a file; that it is not there is fine.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    let gone = match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(e) => Err(e),
    };
    gone.or_else(|e| if e.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(e) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_numbers_with_dots() {
        for good in ["2.3.0", "1.16.3"] {
            assert!(check_version(good).is_ok(), "{good}");
        }
        for bad in ["", "2", "2.3", "..", "2.3.0-rc1", "../../etc", "2.3.0 --index-url x", "2..0"] {
            assert!(matches!(check_version(bad), Err(DistError::BadVersion(_))), "{bad}");
        }
    }

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

    #[test]
    fn a_home_is_known_by_its_jar() {
        let home = tempfile::tempdir().unwrap();
        assert!(matches!(Dist::at(home.path()), Err(DistError::NotAHome(_))));
        fs::create_dir(home.path().join("lib")).unwrap();
        for jar in ["flink-dist-1.20.5.jar", "log4j-core-2.jar", "flink-table-planner-loader-1.20.5.jar"] {
            fs::write(home.path().join("lib").join(jar), "").unwrap();
        }
        let dist = Dist::at(home.path()).unwrap();
        assert_eq!((dist.version.as_str(), dist.release()), ("1.20.5", (1, 20)));
        let names: Vec<_> = dist.classpath().iter().map(|jar| file_name(jar)).collect();
        assert_eq!(names, ["flink-dist-1.20.5.jar", "log4j-core-2.jar"]);
    }
}
