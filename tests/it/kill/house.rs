//! A manager as a process, on a state directory of its own.

use std::{
    os::unix::process::ExitStatusExt as _,
    path::PathBuf,
    process::Stdio,
    sync::{Arc, Mutex},
    time::Duration,
};

use nutkin::{
    adapters::{clock::SystemClock, sqlite},
    client::{Client, routes},
    contract::{
        intent::{Apply, Document, Meta, Verb},
        model,
        plan::Submitted,
    },
    domain::{event::Via, operation::OpState, time::Clock},
    manager::{Patience, ports::store::Store},
};
use rustix::process::Pid;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

use super::plays::Request;
use crate::manager::{
    oracle::{self, SECRET},
    rig::{DEADLINE, confirmed, keep_secrets, name},
};

/// The manager's home. The process ends with this handle.
pub struct House {
    dir: tempfile::TempDir,
    patience: Patience,
    process: Option<Child>,
    pub client: Client,
    /// The file with the token towards a cluster.
    pub token: PathBuf,
    /// Operations that clients were told of.
    answered: Mutex<Vec<model::Operation>>,
}

impl House {
    /// A manager that runs.
    pub async fn open(patience: Patience) -> Self {
        if !cfg!(debug_assertions) {
            panic!(
                "managers die at places that are not compiled into a release build: run the tests without --release"
            );
        }
        let dir = tempfile::tempdir().unwrap();
        let client = Client::new(dir.path().join("m.sock"), Via::Cli);
        let token = keep_secrets(&dir.path().join("secrets"));
        let mut house = Self { dir, patience, process: None, client, token, answered: Mutex::default() };
        house.disarm();
        house.start().await;
        house
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Starts the manager and waits until it listens.
    pub async fn start(&mut self) {
        let word = self.launch().await;
        assert_eq!(word.as_deref(), Some("ready"), "{}", self.log());
    }

    /// Starts the manager; its first word, if it lives long enough.
    async fn launch(&mut self) -> Option<String> {
        assert!(self.process.is_none(), "it runs already");
        let mut command = Command::new(env!("CARGO_BIN_EXE_nutkin"));
        command
            .args(["serve", "--detached", "--socket"])
            .arg(self.path("m.sock"))
            .env_clear()
            .env("HOME", self.dir.path())
            .env("NUTKIN_STATE_DIR", self.path("state"))
            .env("NUTKIN_MANAGER_SECRETS_DIR", self.path("secrets"))
            .env("NUTKIN_MANAGER_POLL_INTERVAL", "200ms")
            .env("NUTKIN_MANAGER_POLL_INTERVAL_IDLE", "200ms")
            .env("NUTKIN_PATIENCE", serde_json::to_string(&self.patience).unwrap())
            .env("NUTKIN_KILL_AT", format!("@{}", self.path("kill-at").display()))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        // A lock or a pipe that this test run inherited must not live on in a manager that outlives it.
        close_fds::set_fds_cloexec_threadsafe(3, &[]);
        let mut child = command.spawn().unwrap();
        watch_over(child.id().unwrap(), &self.path("m.sock"));
        let mut words = BufReader::new(child.stdout.take().unwrap()).lines();
        let word = tokio::time::timeout(DEADLINE, words.next_line()).await.expect("a word in time").unwrap();
        self.process = Some(child);
        word
    }

    /// It dies at this place, see `manager::faults`.
    pub fn arm(&self, place: &str) {
        std::fs::write(self.path("kill-at"), place).unwrap();
    }

    /// It dies nowhere.
    pub fn disarm(&self) {
        self.arm("");
    }

    /// The process id, for somebody who kills from outside.
    pub fn pid(&self) -> Pid {
        let id = self.process.as_ref().unwrap().id().expect("it runs");
        Pid::from_raw(i32::try_from(id).unwrap()).unwrap()
    }

    /// Submits what the manager dies of, starts it again, and waits for the operation's end.
    ///
    /// With `again` it dies there as well, on its way back.
    pub async fn crash(&mut self, request: &Request, again: Option<&str>) -> model::Operation {
        // Its answer may be lost as well: the client asks again under the same key until a manager answers.
        let (client, request) = (self.client.clone(), request.clone());
        let submitting = tokio::spawn(async move { request.send(&client).await });
        self.dies().await;
        if let Some(place) = again {
            self.arm(place);
            self.launch().await;
            self.dies().await;
        }
        self.disarm();
        self.start().await;
        let op = submitting.await.unwrap();
        self.answered.lock().unwrap().push(op.clone());
        self.ended(&op.operation_id).await
    }

    async fn dies(&mut self) {
        let mut child = self.process.take().expect("it runs");
        let end = tokio::time::timeout(DEADLINE, child.wait()).await;
        let end = end.unwrap_or_else(|_| panic!("the manager does not die at its place: {}", self.log()));
        assert_eq!(end.unwrap().signal(), Some(9), "it ended by itself: {}", self.log());
    }

    /// Ends the process by SIGKILL.
    pub async fn kill(&mut self) {
        if let Some(mut child) = self.process.take() {
            child.kill().await.unwrap();
        }
    }

    /// The end of a story: a modest process without a secret anywhere, and books that hold all that was answered.
    pub async fn end(&mut self) -> Arc<dyn Store> {
        modest(self.pid());
        oracle::no_secrets_below(&self.path("state"));
        self.kill().await;
        let store = self.store().await;
        let answered = self.answered.lock().unwrap().clone();
        oracle::kept(&*store, &answered).await;
        store
    }

    /// Where the manager keeps everything.
    pub fn state_dir(&self) -> PathBuf {
        self.path("state")
    }

    /// The store of a manager that does not run.
    pub async fn store(&self) -> Arc<dyn Store> {
        assert!(self.process.is_none(), "a manager owns the store");
        sqlite::open(&self.path("state"), Arc::new(SystemClock)).await.unwrap().0
    }

    /// What the manager has said.
    pub fn log(&self) -> String {
        let files = std::fs::read_dir(self.path("state/log")).into_iter().flatten().flatten();
        files.map(|f| std::fs::read_to_string(f.path()).unwrap_or_default()).collect()
    }

    pub async fn apply(&self, documents: Vec<Document>) {
        let meta = Meta { yes: true, ..Meta::default() };
        let applied =
            self.client.act(&routes::apply(&Apply { documents, meta, ..Apply::default() })).await.unwrap();
        for a in applied.items {
            assert!(a.problem.is_none(), "{a:?}");
        }
    }

    /// A jar in the manager's store; its content hash.
    pub async fn jar(&self, file: &std::path::Path) -> String {
        self.client.upload(file, &|_, _| ()).await.unwrap().sha256
    }

    /// A jar of these bytes.
    pub async fn jar_of(&self, mark: &str, bytes: &[u8]) -> String {
        let file = self.path(&format!("payments-{mark}.jar"));
        std::fs::write(&file, bytes).unwrap();
        self.jar(&file).await
    }

    /// Submits with every confirmation, and waits for the operation's end or question.
    pub async fn act(&self, n: &str, verb: Verb) -> model::Operation {
        let submitted = self.client.act(&routes::verb(&name(n), &confirmed(verb, n))).await;
        let Submitted::Operation(op) = submitted.unwrap_or_else(|p| panic!("{p:#?}")) else { panic!() };
        self.answered.lock().unwrap().push((*op).clone());
        self.ended(&op.operation_id).await
    }

    /// The same for one that must succeed.
    pub async fn done(&self, n: &str, verb: Verb) {
        let op = self.act(n, verb).await;
        assert_eq!(op.state, OpState::Succeeded, "{op:#?}");
    }

    /// An operation once it is no longer at work.
    pub async fn ended(&self, id: &str) -> model::Operation {
        self.eventually("the operation ends", async || {
            let op = self.client.get(&routes::operation(id)).await.unwrap();
            if matches!(op.state, OpState::Queued | OpState::Running) {
                Err(format!("{op:#?}"))
            } else {
                Ok(op)
            }
        })
        .await
    }

    pub async fn operations(&self) -> Vec<model::Operation> {
        self.client.get(&routes::operations()).await.unwrap().items
    }

    pub async fn seen(&self, n: &str) -> model::Deployment {
        self.client.get(&routes::deployment(&name(n))).await.unwrap()
    }

    /// Newest first.
    pub async fn savepoints(&self, n: &str) -> Vec<model::Savepoint> {
        self.client.get(&routes::savepoints(&name(n))).await.unwrap().items
    }

    /// Asks again until there is an answer; its last objection otherwise.
    pub async fn eventually<T>(&self, what: &str, mut look: impl AsyncFnMut() -> Result<T, String>) -> T {
        let deadline = SystemClock.boottime() + DEADLINE;
        loop {
            match look().await {
                Ok(found) => return found,
                Err(why) => assert!(SystemClock.boottime() < deadline, "{what}: not in time; {why}"),
            }
            SystemClock.sleep(Duration::from_millis(20)).await;
        }
    }
}

/// I11, I13: a manager of one deployment is small, and its command line tells nothing.
fn modest(pid: Pid) {
    let proc = PathBuf::from(format!("/proc/{}", pid.as_raw_nonzero()));
    let status = std::fs::read_to_string(proc.join("status")).unwrap();
    let number = |name: &str| {
        let line = status.lines().find_map(|l| l.strip_prefix(name)).unwrap_or_else(|| panic!("{status}"));
        line.split_whitespace().next().unwrap().parse::<u64>().unwrap()
    };
    let descriptors = std::fs::read_dir(proc.join("fd")).unwrap().count();
    // A debug build, with room: what grows with every request or every poll gets far beyond.
    let (kilobytes, threads) = (number("VmRSS:"), number("Threads:"));
    assert!(kilobytes < 400_000, "I11: {kilobytes} kB");
    assert!(threads < 100 && descriptors < 200, "I11: {threads} threads, {descriptors} descriptors");
    let arguments = std::fs::read(proc.join("cmdline")).unwrap();
    assert!(!String::from_utf8_lossy(&arguments).contains(SECRET), "I13: a secret is among the arguments");
}

/// Ends every manager of this test process once the process is gone without having done so: killed, it drops nothing.
fn watch_over(manager: u32, socket: &std::path::Path) {
    use std::{io::Write as _, os::unix::process::CommandExt as _, sync::LazyLock};
    const SCRIPT: &str = r#"
        while read -r pid socket; do all="$all $pid:$socket"; done
        for one in $all; do
            case $(tr '\0' ' ' <"/proc/${one%%:*}/cmdline") in *"${one#*:}"*) kill -9 "${one%%:*}" ;; esac
        done 2>/dev/null"#;
    static WATCHDOG: LazyLock<Mutex<std::process::ChildStdin>> = LazyLock::new(|| {
        let mut sh = std::process::Command::new("sh");
        sh.args(["-c", SCRIPT]).process_group(0).stdin(Stdio::piped()).stdout(Stdio::null());
        Mutex::new(sh.spawn().unwrap().stdin.take().unwrap())
    });
    writeln!(WATCHDOG.lock().unwrap(), "{manager} {}", socket.display()).unwrap();
}
