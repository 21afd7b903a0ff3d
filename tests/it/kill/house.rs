//! A manager as a process, on a state directory of its own.

use std::{os::unix::process::ExitStatusExt as _, path::PathBuf, process::Stdio, sync::Arc, time::Duration};

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
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

use super::plays::Request;
use crate::manager::rig::{confirmed, name};

/// How long anything may take that a test waits for.
const DEADLINE: Duration = Duration::from_secs(40);

/// The manager's home. The process ends with this handle.
pub struct House {
    dir: tempfile::TempDir,
    patience: Patience,
    process: Option<Child>,
    pub client: Client,
}

impl House {
    /// A manager that runs.
    pub async fn open(patience: Patience) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let client = Client::new(dir.path().join("m.sock"), Via::Cli);
        let mut house = Self { dir, patience, process: None, client };
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
            .env("NUTKIN_MANAGER_POLL_INTERVAL", "200ms")
            .env("NUTKIN_MANAGER_POLL_INTERVAL_IDLE", "200ms")
            .env("NUTKIN_PATIENCE", serde_json::to_string(&self.patience).unwrap())
            .env("NUTKIN_KILL_AT", format!("@{}", self.path("kill-at").display()))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        let mut child = command.spawn().unwrap();
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
    pub fn pid(&self) -> rustix::process::Pid {
        let id = self.process.as_ref().unwrap().id().expect("it runs");
        rustix::process::Pid::from_raw(i32::try_from(id).unwrap()).unwrap()
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
