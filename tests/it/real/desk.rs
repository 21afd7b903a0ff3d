//! A person's desk: a state directory with its own manager, and one real cluster as target "flink".

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use nutkin::{
    adapters::clock::SystemClock,
    client::Client,
    domain::{event::Via, location, time::Clock},
    manager::Patience,
};
use serde_json::Value;

use crate::{flink_real::Rest, support::flink::PATIENCE};

const NUTKIN: &str = env!("CARGO_BIN_EXE_nutkin");

/// What the payments program is started with: quick, and with a checkpoint each half second.
pub const ARGS: &[&str] = &["--rate", "200", "--interval", "500"];

/// How a command ended.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    /// What it printed, as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }
    /// The error object that `-o json` prints on stderr.
    pub fn error(&self) -> Value {
        let object = self.err.find("{\"error\"").or_else(|| self.err.find('{'));
        let text = &self.err[object.unwrap_or_else(|| panic!("no error object: {self:?}"))..];
        let value: Value = serde_json::from_str(text.trim()).unwrap_or_else(|e| panic!("{e}: {self:?}"));
        value["error"].clone()
    }
    /// Ended with this code.
    #[track_caller]
    pub fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}\n{}", self.out, self.err);
        self
    }
    /// The error has these words in its code, message or hint.
    #[track_caller]
    pub fn says(self, words: &[&str]) -> Self {
        let text = format!("{}{}", self.out, self.err);
        for word in words {
            assert!(text.contains(word), "{word:?} is not in: {text}");
        }
        self
    }
}

/// See the module.
pub struct Desk {
    home: tempfile::TempDir,
    /// Flink's own API, for what nutkin is not asked about.
    pub rest: Rest,
    /// How long the manager's rules wait for what.
    patience: Patience,
    _watchdog: Watchdog,
}

impl Desk {
    /// A desk whose target is the cluster at this URL, where savepoints can be looked at.
    pub async fn at(url: &str) -> Self {
        Self::with(url, Patience::default()).await
    }

    /// The same with other patience.
    pub async fn with(url: &str, patience: Patience) -> Self {
        let home = tempfile::Builder::new().prefix("nutkin-desk-").tempdir().unwrap();
        let watchdog = Watchdog::of(home.path());
        let desk = Self { home, rest: Rest(url.to_owned()), patience, _watchdog: watchdog };
        desk.ok(&["target", "add", "flink", url, "--savepoint-access", "LOCAL"]).await;
        desk
    }

    /// Runs a command to its end.
    pub async fn run(&self, args: &[&str]) -> Ran {
        let mut command = tokio::process::Command::new(NUTKIN);
        command
            .arg("--state-dir")
            .arg(self.state_dir())
            .args(args)
            .env_clear()
            .env("HOME", self.home.path())
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("NUTKIN_TIME_ZONE", "UTC")
            .env("NUTKIN_PATIENCE", serde_json::to_string(&self.patience).unwrap())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let output = command.output().await.unwrap();
        Ran {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Runs for a machine: quiet, JSON.
    pub async fn ran(&self, args: &[&str]) -> Ran {
        self.run(&[&["-q", "-o", "json"], args].concat()).await
    }

    /// Runs for a machine, and it succeeds.
    pub async fn ok(&self, args: &[&str]) -> Value {
        let ran = self.ran(args).await;
        assert_eq!(ran.code, 0, "nutkin {}: {}\n{}", args.join(" "), ran.out, ran.err);
        ran.json()
    }

    /// A verb with `--wait` that succeeds; answers the operation.
    pub async fn act(&self, args: &[&str]) -> Value {
        let operation = self.ok(&[args, &["--wait", "--timeout", "3m"]].concat()).await;
        assert_eq!(operation["state"], "SUCCEEDED", "{operation:#}");
        operation
    }

    /// A verb with `--wait`, however it ends.
    pub async fn try_act(&self, args: &[&str]) -> Ran {
        let mut ran = self.ran(&[args, &["--wait", "--timeout", "3m"]].concat()).await;
        if ran.code == 7 {
            ran.err.push_str(&self.run(&["operation", "list", "-o", "json", "--active"]).await.out);
        }
        ran
    }

    /// Where the manager keeps everything.
    pub fn state_dir(&self) -> PathBuf {
        self.home.path().join("state")
    }

    /// A client of the API, beside the command line.
    pub fn client(&self) -> Client {
        Client::new(self.state_dir().join("manager.sock"), Via::Api)
    }

    /// Writes a file beside the state directory and answers its path.
    pub fn write(&self, name: &str, text: &str) -> String {
        let path = self.home.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    /// Applies these deployments of one application and waits until they are as wanted.
    pub async fn apply(&self, app: &str, deployments: &[Wanted<'_>]) -> String {
        let file = self.write(&format!("{app}.yaml"), &manifest(app, deployments));
        self.ok(&["apply", "-f", &file, "--wait"]).await;
        file
    }

    /// The deployment as the API has it.
    pub async fn deployment(&self, name: &str) -> Value {
        self.ok(&["get", "deployment", name]).await
    }

    /// Flink's id of its job.
    pub async fn flink_job(&self, name: &str) -> String {
        let found = self.deployment(name).await;
        found["job"]["flinkJobId"].as_str().unwrap_or_else(|| panic!("{found:#}")).to_owned()
    }

    /// Where its job was restored from: Flink's own word, which the books must share.
    pub async fn restored_from(&self, name: &str) -> String {
        let found = self.deployment(name).await;
        let in_the_books = found["job"]["restoredFrom"]["location"].as_str();
        let in_the_books = in_the_books.unwrap_or_else(|| panic!("{found:#}")).to_owned();
        let on_the_cluster = self.rest.restored(found["job"]["flinkJobId"].as_str().unwrap()).await;
        assert!(
            location::same(&on_the_cluster, &in_the_books),
            "Flink: {on_the_cluster}, books: {in_the_books}"
        );
        in_the_books
    }

    /// Its job began with the deployment's newest savepoint of this origin, and with nothing older or less.
    pub async fn went_on_from(&self, name: &str, origin: &str) {
        assert_eq!(self.restored_from(name).await, self.place(name, origin).await);
    }

    /// Waits until the deployment is so.
    pub async fn until(&self, name: &str, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        until(&format!("{name} {what}"), async || {
            last = self.deployment(name).await;
            is_so(&last).then(|| last.clone())
        })
        .await
    }

    /// Payments since birth; fails when it has fallen below `least`. After a while a job that began empty has counted so far
    /// too: of one that is to have been restored, Flink must say from where.
    pub async fn count(&self, name: &str, least: f64) -> f64 {
        let job = self.flink_job(name).await;
        if self.deployment(name).await["job"]["restoredFrom"].is_object() {
            self.restored_from(name).await;
        }
        let now = self.rest.metric_above(&job, "payments.total", 0.0).await;
        assert!(now >= least, "{name}: {now} payments since birth, it were {least}");
        now
    }

    /// Payments since birth once they have grown beyond `least`.
    pub async fn count_above(&self, name: &str, least: f64) -> f64 {
        let job = self.flink_job(name).await;
        self.rest.metric_above(&job, "payments.total", least).await
    }

    /// Completed savepoints of a deployment, newest first.
    pub async fn savepoints(&self, name: &str) -> Vec<Value> {
        self.ok(&["savepoint", "list", name]).await["items"].as_array().unwrap().clone()
    }

    /// The place of a deployment's newest savepoint of this origin.
    pub async fn place(&self, name: &str, origin: &str) -> String {
        let all = self.savepoints(name).await;
        let found = all.iter().find(|s| s["origin"] == origin && s["status"] == "COMPLETED");
        found
            .and_then(|s| s["location"].as_str())
            .unwrap_or_else(|| panic!("no {origin} in {all:#?}"))
            .to_owned()
    }

    /// Names of the events of a deployment that a person wants to read.
    pub async fn events(&self, name: &str) -> Vec<String> {
        let all = self.ok(&["events", "--deployment", name, "--severity", "info"]).await;
        let items = all["items"].as_array().unwrap_or_else(|| panic!("{all}"));
        items.iter().map(|e| e["name"].as_str().unwrap().to_owned()).collect()
    }
}

impl Desk {
    fn last_command(&self, args: &[&str]) -> std::process::Command {
        let mut command = std::process::Command::new(NUTKIN);
        command.arg("--state-dir").arg(self.state_dir()).args(args);
        command.env("HOME", self.home.path()).stdin(Stdio::null()).stderr(Stdio::null());
        command
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for args in [&["events", "--limit", "400"][..], &["operation", "list"], &["get", "deployments"]] {
                if let Ok(told) = self.last_command(args).output() {
                    eprintln!("--- nutkin {}:\n{}", args.join(" "), String::from_utf8_lossy(&told.stdout));
                }
            }
        }
        let _ = self.last_command(&["-q", "manager", "stop"]).stdout(Stdio::null()).status();
        if std::thread::panicking() {
            for file in std::fs::read_dir(self.state_dir().join("log")).into_iter().flatten().flatten() {
                let log = std::fs::read_to_string(file.path()).unwrap_or_default();
                let from = log.len().saturating_sub(6000);
                eprintln!("--- {}:\n{}", file.path().display(), log.get(from..).unwrap_or(&log));
            }
        }
    }
}

/// One deployment of a manifest.
pub struct Wanted<'a> {
    pub name: &'a str,
    pub state: &'a str,
    pub jar: &'a Path,
    pub version: &'a str,
    /// Further lines of the spec, indented by two.
    pub more: &'a str,
}

/// A manifest of one application whose deployments run the payments program.
pub fn manifest(app: &str, deployments: &[Wanted<'_>]) -> String {
    let mut text = format!(
        "apiVersion: nutkin/v1
kind: Application
metadata: {{ name: {app}, title: Payments }}
spec:
  defaults:
    target: flink
    overviewMetrics: [ {{ name: payments since birth, metric: payments.total }} ]
    probation: {{ checkpoints: 1, timeout: 1m, onFailure: ROLLBACK }}
"
    );
    for d in deployments {
        text.push_str(&format!(
            "---
apiVersion: nutkin/v1
kind: Deployment
metadata: {{ application: {app}, name: {} }}
spec:
  state: {}
  parallelism: 1
  artifact: {{ jar: {}, version: {}, args: [\"--rate\", \"200\", \"--interval\", \"500\"] }}
{}",
            d.name,
            d.state,
            d.jar.display(),
            d.version,
            d.more
        ));
    }
    text
}

/// Copies the files of one folder, a savepoint for example.
pub fn copy_dir(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// Looks until there is something.
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = SystemClock.boottime() + PATIENCE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(SystemClock.boottime() < deadline, "waited {PATIENCE:?} for {what}");
        SystemClock.sleep(Duration::from_millis(200)).await;
    }
}

/// Ends a manager when this test process is gone without having done so.
struct Watchdog(std::process::Child);

impl Watchdog {
    fn of(home: &Path) -> Self {
        const SCRIPT: &str = r#"
            while kill -0 "$1" 2>/dev/null && [ -d "$2" ]; do sleep 1; done
            [ -d "$2" ] || exit 0
            HOME="$2" "$3" --state-dir "$2/state" -q manager stop
            rm -rf "$2""#;
        let mut watchdog = std::process::Command::new("setsid");
        watchdog
            .args(["sh", "-c", SCRIPT, "watchdog", &std::process::id().to_string()])
            .arg(home)
            .arg(NUTKIN);
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
