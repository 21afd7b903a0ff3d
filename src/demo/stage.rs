//! Sets the stage: Flink, the jars, a running cluster, and a folder of manifests that fits it.
//!
//! ```text
//!   FOLDER/flink/                 the cluster
//!   FOLDER/manifests/target.yaml  where it is; written at every start
//!   FOLDER/manifests/payments-dashboard.yaml   written once, then the person's
//!   FOLDER/manifests/payments-*.jar
//! ```

use std::{
    fs, io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use super::{
    Error,
    cluster::{Cluster, JOB_MANAGER, Process, Shape},
    dist::{self, DEFAULT_VERSION, Dist, Progress},
    jars::{self, PaymentsJars, RELEASES},
    report::Report,
    requirements::{Jdk, Machine, Plan, check},
};
use crate::{client::spawn, domain::time::Clock};

/// In a state directory that the demo has made: `--reset` removes no other.
pub const MARKER: &str = "made-by-nutkin-demo";

/// Name of the demo's target.
pub const TARGET: &str = "local";

const DASHBOARD: (&str, &str) =
    ("payments-dashboard.yaml", include_str!("../../demo/payments-dashboard.yaml"));

/// Which Flink.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Flink {
    /// The demo's own version, fetched.
    #[default]
    Default,
    /// This version, fetched.
    Version(String),
    /// What is in this folder.
    Home(PathBuf),
}

/// Where the demo may write.
#[derive(Debug, Clone)]
pub struct Places {
    /// What can be fetched again.
    pub cache: PathBuf,
    /// The cluster and the manifests.
    pub folder: PathBuf,
}

impl Places {
    /// The manager's state directory, in which the folder lies.
    #[must_use]
    pub fn state(&self) -> &Path {
        self.folder.parent().unwrap_or(&self.folder)
    }
    /// The cluster's folder.
    #[must_use]
    pub fn cluster(&self) -> PathBuf {
        self.folder.join("flink")
    }
    /// The folder to apply.
    #[must_use]
    pub fn manifests(&self) -> PathBuf {
        self.folder.join("manifests")
    }
}

/// Flink runs, and the manifests are ready to be applied.
#[derive(Debug)]
pub struct Stage {
    /// The cluster.
    pub cluster: Cluster,
    /// Whether its `JobManager` was started just now, so that no job runs on it.
    pub fresh: bool,
    /// The jars of the program.
    pub jars: PaymentsJars,
}

/// Does all of it; what is there already is used.
///
/// # Errors
/// See [`Error`]. What is missing on the machine is found before anything is changed.
pub async fn set(
    flink: &Flink,
    places: &Places,
    machine: &Machine,
    clock: &dyn Clock,
    report: &mut Report<'_>,
) -> Result<Stage, Error> {
    // Flink would be up before the manager says so.
    spawn::refuse_place(places.state())?;
    let (found, version) = find(flink, places)?;
    let plan =
        Plan { fetch_into: found.is_none().then_some(places.cache.as_path()), cluster: &places.folder };
    let jdk = check(machine, plan)?;
    claim(places.state())?;
    let dist = match found {
        Some(dist) => dist,
        None => fetch(&places.cache, &version, clock, report).await?,
    };
    let jars = compile(&jdk, &dist, &places.cache, report).await?;
    let (cluster, fresh) = start(&jdk, &dist, places, clock, report).await?;
    let releases: Vec<_> = RELEASES.iter().map(|(label, _)| jars.release(label)).collect();
    write_manifests(&places.manifests(), &target(&cluster.url(), &cluster.savepoints()), &releases)?;
    Ok(Stage { cluster, fresh, jars })
}

/// Makes the state directory, private from its first moment, and marks it as the demo's own when nothing is in it yet.
///
/// # Errors
/// When it cannot be read or made.
pub fn claim(state: &Path) -> Result<(), Error> {
    let failed = |source| Error::Io { what: format!("make {}", state.display()), source };
    let fresh = match fs::read_dir(state) {
        Ok(mut entries) => entries.next().is_none(),
        Err(e) if e.kind() == io::ErrorKind::NotFound => true,
        Err(e) => return Err(failed(e)),
    };
    fs::DirBuilder::new().recursive(true).mode(0o700).create(state).map_err(failed)?;
    if fresh {
        let words =
            "`nutkin demo` made this folder; with this file in it, `nutkin demo --reset` may remove it.\n";
        fs::write(state.join(MARKER), words).map_err(failed)?;
    }
    Ok(())
}

/// The distribution, if it is here, and its version.
fn find(flink: &Flink, places: &Places) -> Result<(Option<Dist>, String), Error> {
    let here = |dist: Dist| (Some(dist.clone()), dist.version);
    let version = match flink {
        Flink::Home(home) => return Ok(here(Dist::at(home)?)),
        Flink::Version(version) => {
            dist::check_version(version)?;
            version
        }
        Flink::Default => {
            let cluster = Cluster::open(&places.cluster())?;
            let running = cluster.filter(|cluster| cluster.processes().iter().any(Process::is_alive));
            match running {
                Some(cluster) => return Ok(here(cluster.dist().clone())),
                None => DEFAULT_VERSION,
            }
        }
    };
    Ok((dist::cached(&places.cache, version), version.to_owned()))
}

async fn fetch(
    cache: &Path,
    version: &str,
    clock: &dyn Clock,
    report: &mut Report<'_>,
) -> Result<Dist, Error> {
    let what = format!("fetching Flink {version}");
    let mut show = |progress| match progress {
        Progress::Waiting => report.doing(&format!("waiting: another process is fetching Flink {version}")),
        Progress::Downloading { bytes, total } => report.bytes(&what, bytes, total),
        Progress::Unpacking => report.doing(&format!("unpacking Flink {version}")),
    };
    let dist = dist::fetch(cache, version, clock, &mut show).await?;
    report.done(&format!("Flink {version} is in {}", dist.home.display()));
    Ok(dist)
}

async fn compile(
    jdk: &Jdk,
    dist: &Dist,
    cache: &Path,
    report: &mut Report<'_>,
) -> Result<PaymentsJars, Error> {
    report.doing(&format!("compiling the payments program with javac {}", jdk.version));
    let (jdk, dist, cache) = (jdk.clone(), dist.clone(), cache.to_owned());
    let jars =
        tokio::task::spawn_blocking(move || jars::payments(&jdk, &dist, &cache)).await.map_err(|e| {
            Error::Io { what: "compile the payments program".into(), source: io::Error::other(e) }
        })??;
    let labels: Vec<_> = RELEASES.iter().map(|(label, _)| *label).collect();
    report.done(&format!("payments program compiled: {}", labels.join(", ")));
    Ok(jars)
}

async fn start(
    jdk: &Jdk,
    dist: &Dist,
    places: &Places,
    clock: &dyn Clock,
    report: &mut Report<'_>,
) -> Result<(Cluster, bool), Error> {
    let shape = Shape::default();
    report.doing(&format!(
        "starting Flink {}: a JobManager and {} TaskManagers",
        dist.version, shape.task_managers
    ));
    let job_manager = |cluster: &Cluster| cluster.process(JOB_MANAGER).ok().filter(|p| p.is_alive()).cloned();
    let before = Cluster::open(&places.cluster())?.as_ref().and_then(job_manager);
    let cluster = Cluster::start(&places.cluster(), dist, &jdk.java, &shape, clock).await?;
    let fresh = job_manager(&cluster) != before;
    report.done(&format!(
        "Flink {} runs on {} with {} slots",
        cluster.version(),
        cluster.url(),
        shape.total_slots()
    ));
    Ok((cluster, fresh))
}

fn write_manifests(folder: &Path, target: &str, jars: &[PathBuf]) -> Result<(), Error> {
    let io = |source| Error::Io { what: format!("write the manifests to {}", folder.display()), source };
    fs::create_dir_all(folder).map_err(io)?;
    fs::write(folder.join("target.yaml"), target).map_err(io)?;
    let dashboard = folder.join(DASHBOARD.0);
    if !dashboard.exists() {
        fs::write(&dashboard, DASHBOARD.1).map_err(io)?;
    }
    for jar in jars {
        fs::copy(jar, folder.join(jar.file_name().unwrap_or_default())).map_err(io)?;
    }
    Ok(())
}

fn target(url: &str, savepoints: &Path) -> String {
    format!(
        "# The Flink that `nutkin demo` started; written anew at every start.\n\
         apiVersion: nutkin/v1\n\
         kind: Target\n\
         metadata:\n  name: {TARGET}\n\
         spec:\n  type: session\n  url: {url}\n  savepointDirectory: \"file://{}\"\n  savepointAccess: LOCAL\n",
        savepoints.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::Manifest,
        domain::spec::{Layer, Protection, built_in, effective, merge},
    };

    #[test]
    fn only_a_folder_that_was_new_or_empty_is_marked_as_the_demos() {
        use std::os::unix::fs::MetadataExt as _;
        let home = tempfile::tempdir().unwrap();
        let (new, empty, used) =
            (home.path().join("a/new"), home.path().join("empty"), home.path().join("used"));
        fs::create_dir(&empty).unwrap();
        fs::create_dir(&used).unwrap();
        fs::write(used.join("nutkin.db"), "a person's").unwrap();
        for (folder, marked) in [(&new, true), (&new, true), (&empty, true), (&used, false)] {
            claim(folder).unwrap();
            assert_eq!(folder.join(MARKER).is_file(), marked, "{}", folder.display());
        }
        assert_eq!(fs::metadata(&new).unwrap().mode() & 0o777, 0o700);
    }

    #[test]
    fn the_manifests_are_valid_and_a_persons_changes_stay() {
        let home = tempfile::tempdir().unwrap();
        let jar = home.path().join("payments-v1.jar");
        fs::write(&jar, "PK").unwrap();
        let folder = home.path().join("manifests");
        let write = || {
            let target = target("http://127.0.0.1:8081", Path::new("/s p"));
            write_manifests(&folder, &target, std::slice::from_ref(&jar)).unwrap();
        };
        write();
        let manifest = Manifest::read(std::slice::from_ref(&folder)).unwrap();
        let names: Vec<_> = manifest.documents().iter().map(|d| (d.kind.clone(), d.full_name())).collect();
        let expected = [
            ("Application", "payments-dashboard"),
            ("Deployment", "payments-dashboard/staging"),
            ("Deployment", "payments-dashboard/production"),
            ("Target", TARGET),
        ];
        assert_eq!(names, expected.map(|(kind, name)| (kind.to_owned(), name.to_owned())));
        let documents = manifest.documents();
        let mut production = documents[2].spec.clone();
        production.as_object_mut().unwrap().shift_remove("state");
        let defaults = &documents[0].spec["defaults"];
        let merged = merge(&[
            (Layer::BuiltIn, &built_in()),
            (Layer::Application, defaults),
            (Layer::Deployment, &production),
        ]);
        let spec = effective(&merged.value).unwrap();
        assert_eq!(
            (spec.target.as_str(), spec.parallelism, spec.protection),
            (TARGET, 2, Protection::Confirm)
        );
        assert_eq!(documents[3].spec["savepointDirectory"], "file:///s p");

        fs::write(folder.join(DASHBOARD.0), "mine").unwrap();
        write();
        assert_eq!(fs::read_to_string(folder.join(DASHBOARD.0)).unwrap(), "mine");
    }
}
