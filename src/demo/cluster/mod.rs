//! A small Flink cluster on loopback, started without Flink's scripts, that outlives us.
//!
//! ```text
//!   DIR/cluster.json      version, ports, shape, and the processes with their start times
//!   DIR/cluster.lock      held while something is started or stopped
//!   DIR/conf              what all processes read
//!   DIR/jm/log  tm1/log   logs, one folder per process
//!   DIR/checkpoints  savepoints  upload  tmp
//!
//!   start ──▶ running ──stop──▶ stopped ──start──▶ running     the ports stay, if they are still free
//! ```

mod conf;
mod error;
mod probe;
mod process;

use std::{
    ffi::OsString,
    fs, io,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};

pub use conf::{Ports, Shape};
pub use error::ClusterError;
pub use process::Process;

use self::{
    error::{io_error, tail},
    process::Launch,
};
use super::{dist::Dist, lock};
use crate::domain::time::Clock;

/// Name of the `JobManager`'s process.
pub const JOB_MANAGER: &str = "jm";

const POLL: Duration = Duration::from_millis(100);
const START_PATIENCE: Duration = Duration::from_secs(120);
const STOP_PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    dist: Dist,
    java: PathBuf,
    ports: Ports,
    shape: Shape,
    processes: Vec<Process>,
}

/// A cluster in a folder. Dropping it leaves the processes running.
#[derive(Debug)]
pub struct Cluster {
    dir: PathBuf,
    record: Record,
}

impl Cluster {
    /// The cluster that was started in this folder, whether or not it still runs.
    ///
    /// # Errors
    /// When there is a record that cannot be read.
    pub fn open(dir: &Path) -> Result<Option<Self>, ClusterError> {
        let path = record_path(dir);
        let text = match fs::read(&path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            read => read.map_err(io_error(format!("read {}", path.display())))?,
        };
        let record = serde_json::from_slice(&text).map_err(|source| ClusterError::Record { path, source })?;
        Ok(Some(Self { dir: dir.to_owned(), record }))
    }

    /// Starts a cluster in this folder and waits until all its `TaskManagers` have registered.
    ///
    /// One that runs completely is left as it is; one of which a part runs is completed.
    ///
    /// # Errors
    /// See [`ClusterError`]; processes that were started by this call have then been ended again.
    pub async fn start(
        dir: &Path,
        dist: &Dist,
        java: &Path,
        shape: &Shape,
        clock: &dyn Clock,
    ) -> Result<Self, ClusterError> {
        let dir = prepare(dir)?;
        let _lock = take_lock(&dir, clock).await?;
        let before = Self::open(&dir)?;
        if let Some(cluster) = &before
            && cluster.processes().iter().any(Process::is_alive)
            && cluster.record.dist.version != dist.version
        {
            let (running, wanted) = (cluster.version().to_owned(), dist.version.clone());
            return Err(ClusterError::OtherVersion { running, wanted });
        }
        let mut cluster = match before {
            Some(cluster) if cluster.is_alive(JOB_MANAGER) => cluster,
            Some(mut left) => {
                // TaskManagers would look for the lost JobManager for a long time.
                left.end_processes(clock).await;
                let ports = choose_ports(Some(left.record.ports))?;
                Self::new(dir, dist, java, shape, ports)
            }
            None => Self::new(dir, dist, java, shape, choose_ports(None)?),
        };
        cluster.complete(clock).await?;
        Ok(cluster)
    }

    fn new(dir: PathBuf, dist: &Dist, java: &Path, shape: &Shape, ports: Ports) -> Self {
        let (dist, java, shape) = (dist.clone(), java.to_owned(), shape.clone());
        Self { dir, record: Record { dist, java, ports, shape, processes: vec![] } }
    }

    async fn complete(&mut self, clock: &dyn Clock) -> Result<(), ClusterError> {
        self.write_configuration()?;
        let task_managers = (1..=self.record.shape.task_managers).map(|n| format!("tm{n}"));
        let wanted = std::iter::once(JOB_MANAGER.to_owned()).chain(task_managers);
        let missing: Vec<_> = wanted.filter(|name| !self.is_alive(name)).collect();
        for name in &missing {
            self.launch(name)?;
        }
        let ready = self.wait_ready(START_PATIENCE, clock).await;
        if ready.is_err() {
            self.record.processes.iter().filter(|p| missing.contains(&p.name)).for_each(Process::kill);
        }
        ready
    }

    /// Where its REST API is.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.record.ports.rest)
    }

    /// Its version of Flink.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.record.dist.version
    }

    /// The Flink that it runs.
    #[must_use]
    pub fn dist(&self) -> &Dist {
        &self.record.dist
    }

    /// Its folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where its savepoints go, unless a request says otherwise.
    #[must_use]
    pub fn savepoints(&self) -> PathBuf {
        self.dir.join("savepoints")
    }

    /// Its processes, also those that have ended since.
    #[must_use]
    pub fn processes(&self) -> &[Process] {
        &self.record.processes
    }

    /// The process of this name.
    ///
    /// # Errors
    /// When there never was one.
    pub fn process(&self, name: &str) -> Result<&Process, ClusterError> {
        let found = self.processes().iter().find(|process| process.name == name);
        found.ok_or_else(|| ClusterError::NoProcess(name.to_owned()))
    }

    /// Whether the process of this name runs.
    #[must_use]
    pub fn is_alive(&self, name: &str) -> bool {
        self.process(name).is_ok_and(Process::is_alive)
    }

    /// The log file of a process.
    #[must_use]
    pub fn log(&self, name: &str) -> PathBuf {
        self.dir.join(name).join("log").join(format!("flink-{name}.log"))
    }

    /// Starts a process again that has ended, with the same configuration; the caller waits for what it needs.
    ///
    /// # Errors
    /// When there never was such a process, or it cannot be started.
    pub fn restart(&mut self, name: &str) -> Result<(), ClusterError> {
        if self.process(name)?.is_alive() {
            return Ok(());
        }
        self.launch(name)
    }

    /// Waits until it answers and all `TaskManagers` of its shape have registered.
    ///
    /// # Errors
    /// When a process has ended, or the time is over.
    pub async fn wait_ready(&self, patience: Duration, clock: &dyn Clock) -> Result<(), ClusterError> {
        let deadline = clock.boottime() + patience;
        loop {
            let overview = probe::overview(self.record.ports.rest, clock).await;
            if overview.is_some_and(|o| o.taskmanagers >= self.record.shape.task_managers) {
                return Ok(());
            }
            if let Some(dead) = self.processes().iter().find(|process| !process.is_alive()) {
                let (name, log) = (dead.name.clone(), self.log(&dead.name));
                return Err(ClusterError::Ended { name, tail: tail(&log), log });
            }
            if clock.boottime() >= deadline {
                let log = self.log(JOB_MANAGER);
                return Err(ClusterError::NotReady { url: self.url(), patience, tail: tail(&log), log });
            }
            clock.sleep(POLL).await;
        }
    }

    /// Ends its processes, gently first. The folder stays as it is.
    ///
    /// # Errors
    /// When the lock or the record cannot be written; the processes have ended unless it was the lock.
    pub async fn stop(&mut self, clock: &dyn Clock) -> Result<(), ClusterError> {
        let _lock = take_lock(&self.dir, clock).await?;
        self.end_processes(clock).await;
        self.save()
    }

    /// Ends its processes at once, without a word to anybody.
    pub fn kill(&self) {
        self.processes().iter().for_each(Process::kill);
    }

    async fn end_processes(&mut self, clock: &dyn Clock) {
        self.processes().iter().for_each(Process::terminate);
        let deadline = clock.boottime() + STOP_PATIENCE;
        while self.processes().iter().any(Process::is_alive) && clock.boottime() < deadline {
            clock.sleep(POLL).await;
        }
        self.kill();
        self.record.processes.clear();
    }

    fn write_configuration(&self) -> Result<(), ClusterError> {
        let Record { dist, ports, shape, .. } = &self.record;
        let conf = self.dir.join("conf");
        let file = conf.join(conf::file_name(dist.release()));
        write(&file, &conf::flink(dist.release(), &self.dir, *ports, shape))?;
        write(&conf.join("log4j.properties"), conf::LOG4J)
    }

    fn launch(&mut self, name: &str) -> Result<(), ClusterError> {
        let log = self.log(name);
        if let Some(folder) = log.parent() {
            fs::create_dir_all(folder).map_err(io_error(format!("create {}", folder.display())))?;
        }
        let launch = self.command(name, &log)?;
        let process = process::start(name, &launch)
            .map_err(io_error(format!("start {}", self.record.java.display())))?;
        self.record.processes.retain(|existing| existing.name != name);
        self.record.processes.push(process);
        // At once: a process that is not in the record can never be stopped by us.
        self.save()
    }

    fn command(&self, name: &str, log: &Path) -> Result<Launch, ClusterError> {
        let Record { dist, java, shape, .. } = &self.record;
        let conf = self.dir.join("conf");
        let classpath = std::env::join_paths(dist.classpath())
            .map_err(|e| ClusterError::Io { what: "class path".into(), source: io::Error::other(e) })?;
        let (options, class) = if name == JOB_MANAGER {
            let class = "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint";
            (conf::java_options(shape.job_manager_heap, None, &conf, log), class)
        } else {
            let direct = Some(shape.direct_memory());
            let class = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner";
            (conf::java_options(shape.task_manager_heap(), direct, &conf, log), class)
        };
        let mut args: Vec<OsString> = options.into_iter().map(OsString::from).collect();
        args.extend(["-cp".into(), classpath, class.into(), "--configDir".into(), conf.clone().into()]);
        if name != JOB_MANAGER {
            let id = uuid::Uuid::new_v4().simple().to_string();
            args.extend(["-D".into(), format!("taskmanager.resource-id={name}-{}", &id[..8]).into()]);
        }
        let env = vec![("FLINK_CONF_DIR", conf), ("FLINK_PLUGINS_DIR", dist.home.join("plugins"))];
        let output = log.with_extension("out");
        Ok(Launch { program: java.clone(), args, env, cwd: self.dir.clone(), output })
    }

    fn save(&self) -> Result<(), ClusterError> {
        let path = record_path(&self.dir);
        let text = serde_json::to_string_pretty(&self.record)
            .map_err(|source| ClusterError::Record { path: path.clone(), source })?;
        let fresh = path.with_extension("json.new");
        write(&fresh, &text)?;
        fs::rename(&fresh, &path).map_err(io_error(format!("rename {}", fresh.display())))
    }
}

fn record_path(dir: &Path) -> PathBuf {
    dir.join("cluster.json")
}

fn prepare(dir: &Path) -> Result<PathBuf, ClusterError> {
    let what = || format!("create {}", dir.display());
    for folder in ["conf", "tmp", "upload", "checkpoints", "savepoints"] {
        fs::create_dir_all(dir.join(folder)).map_err(io_error(what()))?;
    }
    dir.canonicalize().map_err(io_error(what()))
}

async fn take_lock(dir: &Path, clock: &dyn Clock) -> Result<fs::File, ClusterError> {
    let path = dir.join("cluster.lock");
    // The longest start, and the end of what was there before.
    let patience = START_PATIENCE + STOP_PATIENCE;
    let taken = lock::exclusive(&path, patience, clock, || ()).await;
    taken.map_err(io_error(format!("lock {}", path.display())))
}

/// The ports of before, if nobody took them meanwhile, so that the cluster keeps its address.
fn choose_ports(before: Option<Ports>) -> Result<Ports, ClusterError> {
    let bind = |port: u16| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    let port_of = |listener: TcpListener| listener.local_addr().map(|address| address.port());
    if let Some(ports) = before
        && bind(ports.rest).is_ok()
        && bind(ports.rpc).is_ok()
    {
        return Ok(ports);
    }
    // Both are held until both are known, else they could be the same.
    let chosen = bind(0).and_then(|rest| Ok((rest, bind(0)?)));
    chosen
        .and_then(|(rest, rpc)| Ok(Ports { rest: port_of(rest)?, rpc: port_of(rpc)? }))
        .map_err(io_error("find free ports on 127.0.0.1".to_owned()))
}

fn write(path: &Path, text: &str) -> Result<(), ClusterError> {
    fs::write(path, text).map_err(io_error(format!("write {}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_kept_while_they_are_free() {
        let ports = choose_ports(None).unwrap();
        assert_ne!(ports.rest, ports.rpc);
        assert_eq!(choose_ports(Some(ports)).unwrap(), ports);
        let _taken = TcpListener::bind((Ipv4Addr::LOCALHOST, ports.rest)).unwrap();
        assert_ne!(choose_ports(Some(ports)).unwrap().rest, ports.rest);
    }

    #[test]
    fn a_folder_without_a_cluster_has_none_and_a_broken_record_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        assert!(Cluster::open(dir.path()).unwrap().is_none());
        fs::write(record_path(dir.path()), "{").unwrap();
        let text = Cluster::open(dir.path()).unwrap_err().to_string();
        assert!(text.contains("nothing was changed"), "{text}");
    }
}
