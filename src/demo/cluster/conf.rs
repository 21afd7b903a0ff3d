//! Flink's configuration for a small cluster on loopback: pure text, per version.

use std::{fmt::Write, path::Path};

use serde::{Deserialize, Serialize};

/// How a cluster shall be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Shape {
    /// Number of `TaskManagers`.
    pub task_managers: u32,
    /// Slots of each.
    pub slots: u32,
    /// Heap of the `JobManager`, MiB.
    pub job_manager_heap: u32,
    /// Heap for tasks in each `TaskManager`, MiB.
    pub task_heap: u32,
    /// Buffers between tasks in each `TaskManager`, MiB.
    pub network: u32,
    /// Further keys; an empty value removes one that is set otherwise.
    pub config: Vec<(String, String)>,
}

impl Default for Shape {
    fn default() -> Self {
        Self { task_managers: 2, slots: 4, job_manager_heap: 160, task_heap: 96, network: 24, config: vec![] }
    }
}

/// Heap that the `TaskManager` itself needs, MiB.
const FRAMEWORK_HEAP: u32 = 64;
/// Memory outside of the heap that the `TaskManager` itself needs, MiB.
const FRAMEWORK_OFF_HEAP: u32 = 32;

impl Shape {
    /// All slots.
    #[must_use]
    pub const fn total_slots(&self) -> u32 {
        self.task_managers * self.slots
    }
    /// The whole heap of a `TaskManager`, MiB.
    pub(super) const fn task_manager_heap(&self) -> u32 {
        FRAMEWORK_HEAP + self.task_heap
    }
    /// What a `TaskManager` may allocate outside of the heap, MiB; some for the network stack's own buffers.
    pub(super) const fn direct_memory(&self) -> u32 {
        FRAMEWORK_OFF_HEAP + self.network + 32
    }
}

/// The ports of a cluster's `JobManager`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ports {
    /// REST.
    pub rest: u16,
    /// Between the processes.
    pub rpc: u16,
}

/// The configuration file's name; up to 1.18 only the old one is read, from 2.0 on only the new one.
#[must_use]
pub const fn file_name(release: (u32, u32)) -> &'static str {
    if release.0 < 2 && release.1 < 19 { "flink-conf.yaml" } else { "config.yaml" }
}

/// The configuration file's content, for the cluster in the folder `dir`.
#[must_use]
pub fn flink(release: (u32, u32), dir: &Path, ports: Ports, shape: &Shape) -> String {
    let mut keys = base(dir, ports, shape);
    let (checkpoints, savepoints) = if release.0 < 2 {
        ("state.checkpoints.dir", "state.savepoints.dir")
    } else {
        ("execution.checkpointing.dir", "execution.checkpointing.savepoint-dir")
    };
    keys.push((checkpoints.into(), format!("file://{}", dir.join("checkpoints").display())));
    keys.push((savepoints.into(), format!("file://{}", dir.join("savepoints").display())));
    for (key, value) in &shape.config {
        keys.retain(|(existing, _)| existing != key);
        if !value.is_empty() {
            keys.push((key.clone(), value.clone()));
        }
    }
    // No quotes: the parser of old versions takes them as part of the value.
    keys.iter().fold(String::new(), |mut text, (key, value)| {
        let _ = writeln!(text, "{key}: {value}");
        text
    })
}

fn base(dir: &Path, ports: Ports, shape: &Shape) -> Vec<(String, String)> {
    let (rest, rpc) = (ports.rest.to_string(), ports.rpc.to_string());
    let mib = |n: u32| format!("{n}m");
    let path = |name: &str| dir.join(name).display().to_string();
    let loopback = || "127.0.0.1".to_owned();
    [
        ("jobmanager.rpc.address", loopback()),
        ("jobmanager.rpc.port", rpc),
        ("jobmanager.bind-host", loopback()),
        ("taskmanager.bind-host", loopback()),
        ("taskmanager.host", loopback()),
        ("rest.address", loopback()),
        ("rest.bind-address", loopback()),
        ("rest.port", rest.clone()),
        ("rest.bind-port", rest),
        ("web.upload.dir", path("upload")), // fixed, so that jars survive the JobManager
        ("io.tmp.dirs", path("tmp")),
        ("taskmanager.numberOfTaskSlots", shape.slots.to_string()),
        ("parallelism.default", "1".into()),
        ("jobmanager.memory.process.size", "1024m".into()),
        // The start scripts compute these; we start the processes without them.
        ("taskmanager.cpu.cores", "1.0".into()),
        ("taskmanager.memory.framework.heap.size", mib(FRAMEWORK_HEAP)),
        ("taskmanager.memory.task.heap.size", mib(shape.task_heap)),
        ("taskmanager.memory.framework.off-heap.size", mib(FRAMEWORK_OFF_HEAP)),
        ("taskmanager.memory.task.off-heap.size", "0m".into()),
        ("taskmanager.memory.managed.size", "0m".into()),
        ("taskmanager.memory.network.min", mib(shape.network)),
        ("taskmanager.memory.network.max", mib(shape.network)),
        ("taskmanager.memory.jvm-metaspace.size", "128m".into()),
        ("taskmanager.memory.jvm-overhead.min", "64m".into()),
        ("taskmanager.memory.jvm-overhead.max", "64m".into()),
        // A TaskManager that starts first would otherwise pause for 10 s.
        ("cluster.registration.error-delay", "500".into()),
        ("cluster.registration.refused-registration-delay", "1000".into()),
        // Numbers in consoles move every 2 s instead of every 10 s.
        ("metrics.fetcher.update-interval", "2000".into()),
        ("execution.checkpointing.externalized-checkpoint-retention", "RETAIN_ON_CANCELLATION".into()),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value))
    .collect()
}

/// The logging configuration: one file per process, rolled over, so that reading its tail stays cheap.
pub const LOG4J: &str = "\
monitorInterval = 30
rootLogger.level = INFO
rootLogger.appenderRef.file.ref = MainAppender
appender.main.name = MainAppender
appender.main.type = RollingFile
appender.main.append = true
appender.main.fileName = ${sys:log.file}
appender.main.filePattern = ${sys:log.file}.%i
appender.main.layout.type = PatternLayout
appender.main.layout.pattern = %d{yyyy-MM-dd HH:mm:ss,SSS} %-5p %-60c %x - %m%n
appender.main.policies.type = Policies
appender.main.policies.size.type = SizeBasedTriggeringPolicy
appender.main.policies.size.size = 10MB
appender.main.strategy.type = DefaultRolloverStrategy
appender.main.strategy.max = 5
";

/// Packages of the JDK that Flink reaches into; without them a submission fails on Java 17 and newer.
const EXPORTS: &[&str] =
    &["java.base/sun.net.util", "java.rmi/sun.rmi.registry", "java.security.jgss/sun.security.krb5"];
const OPENS: &[&str] = &[
    "java.base/java.lang",
    "java.base/java.lang.reflect",
    "java.base/java.net",
    "java.base/java.io",
    "java.base/java.nio",
    "java.base/sun.nio.ch",
    "java.base/java.text",
    "java.base/java.time",
    "java.base/java.util",
    "java.base/java.util.concurrent",
    "java.base/java.util.concurrent.atomic",
    "java.base/java.util.concurrent.locks",
];

/// Options of the Java machine for a process that logs to `log` and reads the configuration in `conf`.
#[must_use]
pub fn java_options(heap: u32, direct: Option<u32>, conf: &Path, log: &Path) -> Vec<String> {
    let log4j = conf.join("log4j.properties");
    let mut options =
        vec![format!("-Xms{heap}m"), format!("-Xmx{heap}m"), "-XX:MaxMetaspaceSize=192m".to_owned()];
    options.extend(direct.map(|mib| format!("-XX:MaxDirectMemorySize={mib}m")));
    // Small and quick to start rather than fast for hours.
    options.extend(["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"].map(str::to_owned));
    options.extend(EXPORTS.iter().map(|package| format!("--add-exports={package}=ALL-UNNAMED")));
    options.extend(OPENS.iter().map(|package| format!("--add-opens={package}=ALL-UNNAMED")));
    options.push(format!("-Dlog.file={}", log.display()));
    options.push(format!("-Dlog4j.configurationFile=file:{}", log4j.display()));
    options.push(format!("-Dlog4j.configuration=file:{}", log4j.display()));
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    const PORTS: Ports = Ports { rest: 1111, rpc: 2222 };

    #[test]
    fn the_file_has_the_name_that_the_version_reads() {
        let old = [(1, 16), (1, 18)];
        let new = [(1, 19), (1, 20), (2, 0), (2, 3)];
        assert!(old.iter().all(|release| file_name(*release) == "flink-conf.yaml"));
        assert!(new.iter().all(|release| file_name(*release) == "config.yaml"));
    }

    #[test]
    fn directories_have_the_names_that_the_version_knows() {
        let shape = Shape::default();
        let old = flink((1, 20), Path::new("/c"), PORTS, &shape);
        assert!(old.contains("state.savepoints.dir: file:///c/savepoints\n"), "{old}");
        let new = flink((2, 3), Path::new("/c"), PORTS, &shape);
        assert!(new.contains("execution.checkpointing.savepoint-dir: file:///c/savepoints\n"), "{new}");
        assert!(
            new.contains("rest.bind-port: 1111\n") && new.contains("jobmanager.rpc.port: 2222\n"),
            "{new}"
        );
    }

    #[test]
    fn keys_can_be_replaced_added_and_removed() {
        let config = [("parallelism.default", "3"), ("a.b", "c"), ("web.upload.dir", "")];
        let config = config.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec();
        let text = flink((2, 3), Path::new("/c"), PORTS, &Shape { config, ..Shape::default() });
        assert!(
            text.contains("parallelism.default: 3\n") && !text.contains("parallelism.default: 1"),
            "{text}"
        );
        assert!(text.contains("a.b: c\n") && !text.contains("web.upload.dir"), "{text}");
    }
}
