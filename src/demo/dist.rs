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
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::{lock, pip, unpack};
use crate::domain::time::Clock;

/// The Flink version of the demo, unless told otherwise.
pub const DEFAULT_VERSION: &str = "2.3.0";

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
    fetch_with(Path::new("python3"), cache, version, clock, progress).await
}

async fn fetch_with(
    python: &Path,
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
    let outcome = fetch_into(python, &partial, &root.join(version), version, clock, progress).await;
    let removed = remove(&partial).map_err(io(&partial));
    outcome.and_then(|dist| removed.map(|()| dist))
}

async fn fetch_into(
    python: &Path,
    partial: &Path,
    home: &Path,
    version: &str,
    clock: &dyn Clock,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Dist, DistError> {
    let archive = pip::download(python, partial, version, clock, progress).await?;
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

/// Whether a text can be a version.
///
/// # Errors
/// When it cannot.
pub fn check_version(version: &str) -> Result<(), DistError> {
    let number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let parts: Vec<_> = version.split('.').collect();
    if parts.len() == 3 && parts.iter().all(|part| number(part)) {
        Ok(())
    } else {
        Err(DistError::BadVersion(version.to_owned()))
    }
}

fn jars(home: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    entries(&home.join("lib")).filter(|path| path.extension().is_some_and(|e| e == "jar"))
}

fn dist_version(jar: &str) -> Option<String> {
    let version = jar.strip_prefix("flink-dist-")?.strip_suffix(".jar")?;
    version.starts_with(|c: char| c.is_ascii_digit()).then(|| version.to_owned())
}

pub(super) fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path())
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
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

    /// Knows only the time that was slept, which is enough for deadlines.
    #[derive(Debug, Default)]
    struct Slept(std::sync::Mutex<Duration>);

    #[async_trait::async_trait]
    impl Clock for Slept {
        fn now_utc(&self) -> crate::domain::time::Timestamp {
            crate::domain::time::Timestamp::from_millis(0)
        }
        fn boottime(&self) -> Duration {
            *self.0.lock().unwrap()
        }
        async fn sleep(&self, for_: Duration) {
            tokio::time::sleep(for_).await;
            *self.0.lock().unwrap() += for_;
        }
    }

    /// A `python3` that does what the script says; `$dest` is the folder for the archive.
    fn python(folder: &Path, script: &str) -> PathBuf {
        let file = folder.join("python3");
        let prelude = "#!/bin/sh\nwhile [ \"$1\" != --dest ]; do shift; done; dest=$2\n";
        crate::demo::tests::write_program(&file, &format!("{prelude}{script}\n"));
        file
    }

    /// A source archive of Flink 2.3.0 whose only jar is empty.
    fn archive(folder: &Path) -> String {
        let lib = folder.join("x-2.3.0/deps/lib");
        fs::create_dir_all(&lib).unwrap();
        fs::write(lib.join("flink-dist-2.3.0.jar"), "").unwrap();
        let mut gzip = Vec::new();
        let encoder = flate2::write::GzEncoder::new(&mut gzip, flate2::Compression::fast());
        let mut tar = tar::Builder::new(encoder);
        tar.append_dir_all("x-2.3.0", folder.join("x-2.3.0")).unwrap();
        tar.into_inner().unwrap().finish().unwrap();
        let file = folder.join("x-2.3.0.tar.gz");
        fs::write(&file, gzip).unwrap();
        file.display().to_string()
    }

    /// What is in the cache, besides the lock.
    fn left(cache: &Path) -> Vec<String> {
        let names = entries(&cache.join("flink")).map(|path| file_name(&path));
        names.filter(|name| !name.ends_with(".lock")).collect()
    }

    #[tokio::test]
    async fn a_download_comes_completely_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let cache = folder.path().join("cache");
        let (clock, archive) = (Slept::default(), archive(folder.path()));
        let try_with = async |script: &str| {
            let python = python(folder.path(), script);
            fetch_with(&python, &cache, "2.3.0", &clock, &mut |_| ()).await
        };
        let offline = try_with("echo ERROR: no route to host; exit 1").await.unwrap_err().to_string();
        assert!(offline.contains("no route to host") && left(&cache).is_empty(), "{offline}");
        let broken = try_with("head -c 40 /dev/zero > $dest/x-2.3.0.tar.gz").await.unwrap_err().to_string();
        assert!(broken.contains("cannot be used") && left(&cache).is_empty(), "{broken}");

        let mut killed = Box::pin(try_with("echo half > $dest/x-2.3.0.tar.gz; sleep 60"));
        let begun = async {
            while left(&cache).is_empty() {
                clock.sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::select! {
            done = &mut killed => panic!("{done:?}"),
            () = begun => drop(killed),
        }
        assert!(cached(&cache, "2.3.0").is_none());

        // Written once: a shell that has begun reads its script as it goes.
        let python = python(folder.path(), &format!("cp {archive} $dest"));
        let fetch = async || fetch_with(&python, &cache, "2.3.0", &clock, &mut |_| ()).await;
        let (one, two) = tokio::join!(fetch(), fetch());
        assert_eq!(one.unwrap(), two.unwrap());
        assert_eq!(left(&cache), ["2.3.0"]);
        try_with("exit 1").await.expect("what is there is not fetched again");
    }
}
