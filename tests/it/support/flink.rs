//! Real Flink for tests: distributions, jars and clusters.
//!
//! A cluster ends with its handle, and also when the test run itself is killed: a small watchdog process
//! waits for that. What is missing on the machine fails the test with the sentence that helps; nothing is
//! ever skipped.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use nutkin::{
    adapters::clock::SystemClock,
    demo::{
        self,
        cluster::{Cluster, Process, Shape},
        dist::{self, Dist},
        jars::{self, Jar, PAYMENTS, PaymentsJars, SourceFile},
        requirements::{Jdk, Machine, Plan, check},
    },
};
use tokio::sync::{OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};

/// The version that most tests run on.
pub const NEW: &str = "2.3.0";
/// The oldest version that is supported.
pub const OLDEST: &str = "1.16.3";
/// The last of the 1.x line.
pub const OLD: &str = "1.20.5";

/// How long anything on a real cluster may take while other tests use it and the machine.
pub const PATIENCE: Duration = Duration::from_secs(150);

macro_rules! test_jobs {
    ($($name:literal),*) => {
        const TEST_JOBS: &[SourceFile<'static>] =
            &[$((concat!($name, ".java"), include_str!(concat!("../../jobs/", $name, ".java")))),*];
    };
}
test_jobs!("FailsAtStart", "MainThrows", "NoMain", "OtherUids", "RestartLoop", "SlowMain");

/// Where distributions and jars are kept between test runs.
pub fn cache() -> PathBuf {
    demo::cache_folder().expect("tests on real Flink need a cache folder: set HOME or XDG_CACHE_HOME")
}

/// The JDK of this machine.
pub fn jdk() -> Jdk {
    let cache = cache();
    let plan = Plan { fetch_into: None, cluster: &cache };
    check(&Machine::here(), plan).unwrap_or_else(|unmet| panic!("tests on real Flink need more: {unmet}"))
}

/// A distribution of this version, fetched if it is not in the cache.
pub async fn dist(version: &str) -> Dist {
    let fetched = dist::fetch(&cache(), version, &SystemClock, &mut |_| ()).await;
    fetched.unwrap_or_else(|e| panic!("tests on real Flink need Flink {version}: {e}"))
}

/// The three releases of the payments program, compiled against this version.
pub async fn payments(version: &str) -> PaymentsJars {
    let dist = dist(version).await;
    jars::payments(&jdk(), &dist, &cache()).unwrap()
}

/// The jar of one of the programs in `tests/jobs`, by its class name.
///
/// `NoMain` has no main class; the others name theirs in the manifest.
pub async fn test_job(version: &str, name: &str) -> PathBuf {
    let dist = dist(version).await;
    let sources: Vec<_> = PAYMENTS.iter().chain(TEST_JOBS).copied().collect();
    let mains: Vec<_> = TEST_JOBS
        .iter()
        .map(|(file, _)| format!("nutkin.testjobs.{}", file.trim_end_matches(".java")))
        .collect();
    let all: Vec<_> = mains
        .iter()
        .map(|class| {
            let short = class.rsplit('.').next().unwrap();
            let main_class = (short != "NoMain").then_some(class.as_str());
            Jar { name: format!("{short}.jar"), main_class, resources: vec![] }
        })
        .collect();
    let jar = jars::build(&jdk(), &dist, &cache(), &sources, &all).unwrap().join(format!("{name}.jar"));
    assert!(jar.exists(), "no test job {name}");
    jar
}

/// A cluster in a folder of its own that ends with this handle.
#[derive(Debug)]
pub struct TestCluster {
    /// For killing and restarting its processes.
    pub cluster: Cluster,
    /// Everything it writes.
    pub dir: tempfile::TempDir,
    turns: Arc<Semaphore>,
    _watchdog: Watchdog,
    _only_private: Option<OwnedMutexGuard<()>>,
}

/// Tests that share a cluster at the same time: each may use half of its eight slots, however many cores there are.
const TURNS: usize = 2;

/// One test's part of a shared cluster.
#[derive(Debug)]
pub struct Shared {
    of: Arc<TestCluster>,
    _turn: OwnedSemaphorePermit,
}

impl std::ops::Deref for Shared {
    type Target = TestCluster;
    fn deref(&self) -> &TestCluster {
        &self.of
    }
}

static PRIVATE: std::sync::LazyLock<Arc<tokio::sync::Mutex<()>>> = std::sync::LazyLock::new(Arc::default);
static SHARED: Mutex<Vec<(String, Weak<TestCluster>)>> = Mutex::new(Vec::new());
static STARTING_SHARED: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// The turn of a test that starts a cluster of its own by other means: one such cluster at a time.
pub async fn private_turn() -> OwnedMutexGuard<()> {
    PRIVATE.clone().lock_owned().await
}

impl TestCluster {
    /// A cluster for one test that may break it; only one of them runs at a time.
    pub async fn private(version: &str, shape: Shape) -> Self {
        let guard = private_turn().await;
        Self::start(version, shape, Some(guard)).await
    }

    /// A cluster that tests share: two `TaskManagers` of four slots, of which each test uses four at most.
    ///
    /// It ends when the last of them drops it. Tests leave no job running.
    pub async fn shared(version: &str) -> Shared {
        let of = Self::running(version).await;
        let turn = Arc::clone(&of.turns).acquire_owned().await.expect("never closed");
        Shared { of, _turn: turn }
    }

    async fn running(version: &str) -> Arc<Self> {
        let _one_starts = STARTING_SHARED.lock().await;
        let known = SHARED.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let running = known.iter().find(|(v, _)| v == version).and_then(|(_, cluster)| cluster.upgrade());
        if let Some(cluster) = running {
            return cluster;
        }
        let cluster = Arc::new(Self::start(version, small(), None).await);
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.retain(|(_, cluster)| cluster.strong_count() > 0);
        shared.push((version.to_owned(), Arc::downgrade(&cluster)));
        cluster
    }

    async fn start(version: &str, shape: Shape, guard: Option<OwnedMutexGuard<()>>) -> Self {
        let dist = dist(version).await;
        let dir = tempfile::Builder::new().prefix("nutkin-flink-").tempdir().unwrap();
        let watchdog = Watchdog::of(dir.path());
        let cluster = Cluster::start(dir.path(), &dist, &jdk().java, &shape, &SystemClock).await;
        let cluster = cluster.unwrap_or_else(|e| panic!("Flink {version} did not start: {e}"));
        let turns = Arc::new(Semaphore::new(TURNS));
        Self { cluster, dir, turns, _watchdog: watchdog, _only_private: guard }
    }

    /// Where its REST API is.
    pub fn url(&self) -> String {
        self.cluster.url()
    }
}

impl Drop for TestCluster {
    fn drop(&mut self) {
        self.cluster.kill();
        // Bounded: the folder can only be removed when nobody writes there any more.
        for _ in 0..500 {
            if !self.cluster.processes().iter().any(Process::is_alive) {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Small, with quick answers from metrics and quick notice of lost processes.
pub fn small() -> Shape {
    Shape { config: vec![("metrics.fetcher.update-interval".into(), "500".into())], ..Shape::default() }
}

/// Ends a cluster's processes and removes its folder once this test process is gone.
#[derive(Debug)]
pub struct Watchdog(Child);

impl Watchdog {
    /// For the cluster in this folder, which must exist.
    pub fn of(dir: &Path) -> Self {
        const SCRIPT: &str = r#"
            while kill -0 "$1" 2>/dev/null && [ -d "$2" ]; do sleep 1; done
            [ -d "$2" ] || exit 0
            for pid in $(sed -n 's/.*"pid": \([0-9]*\).*/\1/p' "$2/cluster.json"); do
                case $(tr '\0' ' ' <"/proc/$pid/cmdline") in *"$2/conf"*) kill -9 "$pid" ;; esac
            done 2>/dev/null
            rm -rf "$2""#;
        close_fds::set_fds_cloexec_threadsafe(3, &[]);
        let mut watchdog = Command::new("setsid");
        watchdog.args(["sh", "-c", SCRIPT, "watchdog", &std::process::id().to_string()]).arg(dir);
        watchdog.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(watchdog.spawn().expect("setsid, of util-linux, is needed by tests on real Flink"))
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
