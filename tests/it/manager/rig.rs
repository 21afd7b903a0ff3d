//! A manager, a store in a temporary folder, a fake Flink, and short words for what tests do.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use nutkin::{
    adapters::{
        clock::SystemClock, flink::FlinkFactory, jar::ZipJars, random::SystemRandom, sqlite, target::Eyes,
    },
    contract::{
        intent::{Apply, Document, Intent, Meta, Metadata, Verb},
        model,
        plan::{Plan, Submitted},
        problem::Problem,
    },
    domain::{
        event::Via,
        ids::{ArtifactSha, DeploymentName},
        operation::OpState,
        time::Clock,
    },
    manager::{
        Caller, Deps, EventFilter, Manager, ManagerSettings, Patience, Subscription,
        ports::store::{Changes, Store},
    },
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::oracle::{self, SECRET};
use crate::fake::{Fake, Settings};

/// How long anything may take that a test waits for; it is never waited for in vain.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// Patience for tests: the same rules, shorter times.
pub fn fast() -> Patience {
    let ms = Duration::from_millis;
    Patience {
        terminal: ms(100),
        running: ms(150),
        submission: ms(1_500),
        result_store: ms(2_000),
        slots: ms(400),
        silence: Duration::from_secs(20),
        absent: ms(600),
        quiet: ms(300),
        back_off: ms(50),
        statistics: ms(400),
    }
}

/// How the manager of a rig is.
#[derive(Debug, Clone)]
struct How {
    /// It has seen a savepoint of the cluster.
    seen: bool,
    /// Operations that it drives at once.
    concurrency: usize,
    /// It leaves after this long without a client.
    idle_exit: Option<Duration>,
    patience: Patience,
}

impl Default for How {
    fn default() -> Self {
        Self { seen: true, concurrency: 16, idle_exit: None, patience: fast() }
    }
}

/// The parts under test.
pub struct Rig {
    pub fake: Arc<Fake>,
    pub manager: Manager,
    pub store: Arc<dyn Store>,
    pub state: PathBuf,
    pub savepoints: PathBuf,
    /// What `${file:NAME}` of a spec refers to.
    pub secrets: PathBuf,
    how: How,
    /// Keeps a manager from leaving while its test sets the stage.
    awake: Option<Subscription>,
    /// What the manager has answered for: it must be found in the books at the end.
    answered: Mutex<Vec<model::Operation>>,
    _dirs: (tempfile::TempDir, tempfile::TempDir),
}

pub const APP: &str = "pay";

/// Why everything here is done, in a person's words.
pub const REASON: &str = "it is time";

/// `pay/NAME`.
pub fn name(n: &str) -> DeploymentName {
    DeploymentName::new(APP, n).unwrap()
}

/// The reference that every deployment's configuration has to [`SECRET`].
pub fn refers_to_secret() -> Value {
    json!({ "s3.secret-key": "${file:s3}" })
}

/// A folder with [`SECRET`], as a value for specs and as the token towards the cluster; answers the token's file.
pub fn keep_secrets(dir: &Path) -> PathBuf {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::create_dir_all(dir).unwrap();
    for name in ["s3", "token"] {
        std::fs::write(dir.join(name), format!("{SECRET}\n")).unwrap();
        std::fs::set_permissions(dir.join(name), std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    dir.join("token")
}

pub fn who() -> Caller {
    Caller { actor: "alice".into(), via: Via::Cli }
}

async fn start_manager(state: &Path, secrets: &Path, how: &How) -> (Manager, Arc<dyn Store>) {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let (store, _) = sqlite::open(state, clock.clone()).await.unwrap();
    let store: Arc<dyn Store> = store;
    let deps = Deps {
        store: store.clone(),
        clusters: Arc::new(FlinkFactory::new(clock.clone())),
        eyes: Arc::new(Eyes),
        clock,
        random: Arc::new(SystemRandom),
        jars: Arc::new(ZipJars),
    };
    let settings = ManagerSettings {
        poll_interval: Duration::from_millis(50),
        poll_interval_idle: Duration::from_millis(50),
        secrets_dir: Some(secrets.to_owned()),
        secret_env: vec![],
        read_only: false,
        idle_exit: how.idle_exit,
        events_keep: None,
        concurrency: how.concurrency,
        build: "test".into(),
        check_store: true,
        state_dir: state.to_owned(),
        patience: how.patience,
    };
    (Manager::start(deps, settings).await.unwrap(), store)
}

/// Writes the fact that savepoints of the cluster were seen here.
async fn remember_eyes(state: &std::path::Path, url: &str) {
    let (store, _) = sqlite::open(state, Arc::new(SystemClock)).await.unwrap();
    let epoch = store.load().await.unwrap().epoch;
    let facts = vec![(format!("savepoints-seen:{url}"), "file:/seen".to_owned())];
    store.commit(Changes { facts, ..Changes::default() }, epoch).await.unwrap();
    store.close().await.unwrap();
}

impl Rig {
    /// Everything up, the target `fake` registered with local savepoint eyes.
    pub async fn new() -> Self {
        Self::with(Settings::default(), json!({ "savepointAccess": "LOCAL" })).await
    }

    /// A manager that has seen a savepoint of this cluster before, so that its local eyes count from the beginning.
    pub async fn with(settings: Settings, target: Value) -> Self {
        Self::make(settings, target, How::default()).await
    }

    /// With other patience than [`fast`].
    pub async fn patient(settings: Settings, target: Value, patience: Patience) -> Self {
        Self::make(settings, target, How { patience, ..How::default() }).await
    }

    /// One that sees this cluster for the first time.
    pub async fn stranger(settings: Settings, target: Value) -> Self {
        Self::make(settings, target, How { seen: false, ..How::default() }).await
    }

    /// One that drives a single operation at a time.
    pub async fn narrow() -> Self {
        let how = How { concurrency: 1, ..How::default() };
        Self::make(Settings::default(), json!({ "savepointAccess": "LOCAL" }), how).await
    }

    /// One that leaves when nobody has talked to it for so long and nothing is to be watched; not before
    /// [`Self::nobody_looks`].
    pub async fn leaving_after(idle_exit: Duration) -> Self {
        let how = How { idle_exit: Some(idle_exit), ..How::default() };
        Self::make(Settings::default(), json!({ "savepointAccess": "LOCAL" }), how).await
    }

    /// From now on nobody does.
    pub fn nobody_looks(&mut self) {
        self.awake = None;
    }

    async fn make(settings: Settings, target: Value, how: How) -> Self {
        let _ = tracing_subscriber::fmt().with_test_writer().with_max_level(tracing::Level::WARN).try_init();
        let (state, savepoints) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let fake = Arc::new(Fake::start(settings));
        let (dir, secrets) = (state.path().join("state"), state.path().join("secrets"));
        let token = keep_secrets(&secrets);
        if how.seen {
            remember_eyes(&dir, &fake.url()).await;
        }
        let (manager, store) = start_manager(&dir, &secrets, &how).await;
        let awake = match how.idle_exit {
            Some(_) => Some(manager.subscribe(None).await),
            None => None,
        };
        fake.serves(&dir);
        let mut spec = json!({
            "url": fake.url(), "savepointDirectory": format!("file:{}", savepoints.path().display()),
            "auth": { "tokenFile": token },
        });
        for (k, v) in target.as_object().unwrap() {
            spec[k] = v.clone();
        }
        let rig = Self {
            fake,
            manager,
            store,
            state: dir,
            savepoints: savepoints.path().to_owned(),
            secrets,
            how,
            awake,
            answered: Mutex::default(),
            _dirs: (state, savepoints),
        };
        rig.apply(vec![document("Target", None, "fake", spec)]).await;
        rig.eventually("the target answers", || rig.manager.target("fake").unwrap().reachable == Some(true))
            .await;
        rig
    }

    /// Stops the manager at a step boundary and starts another one on the same store.
    pub async fn restart(&mut self) {
        self.manager.stop().await;
        (self.manager, self.store) =
            start_manager(&self.state, &self.secrets, &How { concurrency: 16, ..self.how.clone() }).await;
    }

    /// The end of a story: nothing is at work, and everything is as it must always be.
    pub async fn end(self) {
        super::check(&*self.store, &self.fake).await;
        let answered = self.answered.lock().unwrap().clone();
        oracle::kept(&*self.store, &answered).await;
        oracle::no_secrets_below(&self.state);
        self.manager.stop().await;
    }

    pub async fn apply(&self, documents: Vec<Document>) {
        let meta = Meta { yes: true, ..Meta::default() };
        let out = self
            .manager
            .apply(Apply { documents, meta, ..Apply::default() }, &who(), false, None)
            .await
            .unwrap();
        for a in out {
            assert!(a.problem.is_none(), "{a:?}");
        }
    }

    /// A jar whose content differs by `mark`; the fake can be told what its runs do.
    pub async fn jar(&self, mark: &str) -> ArtifactSha {
        let bytes = jar_bytes(mark);
        let sha =
            ArtifactSha::new(Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect::<String>());
        let inbox = self.manager.artifact_inbox().unwrap();
        std::fs::write(&inbox, &bytes).unwrap();
        self.manager.keep_artifact(&inbox, &sha, &format!("payments-{mark}.jar"), &who()).await.unwrap();
        sha
    }

    /// A deployment `pay/NAME` with the jar `v1`, not started.
    pub async fn deployment(&self, n: &str, spec: Value) {
        let sha = self.jar("v1").await;
        let mut all = json!({ "target": "fake", "flinkConfiguration": refers_to_secret(), "artifact": { "sha256": sha, "jar": "payments-v1.jar", "version": "v1" } });
        for (k, v) in spec.as_object().unwrap() {
            all[k] = v.clone();
        }
        self.apply(vec![document("Deployment", Some(APP), n, all)]).await;
    }

    /// The same, running.
    pub async fn running(&self, n: &str, spec: Value) {
        self.deployment(n, spec).await;
        let op = self.act(n, start()).await;
        assert_eq!(op.state, OpState::Succeeded, "{op:#?}");
    }

    /// Submits with every confirmation, and waits for the operation's end or question.
    pub async fn act(&self, n: &str, verb: Verb) -> model::Operation {
        let op = self.submit(n, verb).await.unwrap_or_else(|p| panic!("{p:#?}"));
        self.ended(&op.operation_id).await
    }

    pub async fn submit(&self, n: &str, verb: Verb) -> Result<model::Operation, Problem> {
        let intent = Intent::Deployment { name: name(n), verb: confirmed(verb, n) };
        match self.manager.submit(intent, &who(), false, None).await? {
            Submitted::Operation(op) => {
                self.answered.lock().unwrap().push((*op).clone());
                Ok(*op)
            }
            Submitted::Plan(p) => panic!("{p:?}"),
        }
    }

    pub async fn plan(&self, n: &str, verb: Verb) -> Result<Plan, Problem> {
        let intent = Intent::Deployment { name: name(n), verb };
        match self.manager.submit(intent, &who(), true, None).await? {
            Submitted::Plan(p) => Ok(*p),
            Submitted::Operation(o) => panic!("{o:?}"),
        }
    }

    /// Waits until an operation holds its deployment no longer, or waits for a person.
    pub async fn ended(&self, id: &str) -> model::Operation {
        let deadline = SystemClock.boottime() + DEADLINE;
        loop {
            let op = self.manager.operation(id).await.unwrap();
            if !matches!(op.state, OpState::Queued | OpState::Running) {
                return op;
            }
            assert!(SystemClock.boottime() < deadline, "{op:#?}\n{:#?}", self.fake.journal());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub fn seen(&self, n: &str) -> model::Deployment {
        self.manager.deployment(&name(n)).unwrap()
    }

    pub async fn eventually(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let deadline = SystemClock.boottime() + DEADLINE;
        while !holds() {
            assert!(
                SystemClock.boottime() < deadline,
                "{what}: not in time; {:#?}",
                self.manager.deployments(None, 100)
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until the log of the deployment has an event of this name.
    pub async fn logged(&self, n: &str, event: &str) {
        let deadline = SystemClock.boottime() + Duration::from_secs(15);
        while !self.events(n).await.iter().any(|e| e == event) {
            assert!(
                SystemClock.boottime() < deadline,
                "{event} of {n}: not in time; {:?}",
                self.events(n).await
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until the log has an event of this name, of whatever it is, whose message has these words.
    pub async fn told(&self, event: &str, words: &str) -> model::Event {
        let deadline = SystemClock.boottime() + DEADLINE;
        loop {
            let all = EventFilter { limit: Some(1000), ..EventFilter::default() };
            let all = self.manager.events(&all).await.unwrap();
            if let Some(found) = all.iter().find(|e| e.name == event && e.message.contains(words)) {
                return found.clone();
            }
            assert!(SystemClock.boottime() < deadline, "{event} with {words:?}: not in time; {all:#?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Names of the deployment's events, oldest first.
    pub async fn events(&self, n: &str) -> Vec<String> {
        let f = EventFilter { deployment: Some(name(n)), limit: Some(1000), ..EventFilter::default() };
        let mut all: Vec<String> =
            self.manager.events(&f).await.unwrap().into_iter().map(|e| e.name).collect();
        all.reverse();
        all
    }

    pub async fn savepoints(&self, n: &str) -> Vec<model::Savepoint> {
        self.manager.savepoints(Some(&name(n)), 100).await.unwrap()
    }
}

/// Gives every confirmation that policy may ask for.
pub fn confirmed(mut verb: Verb, n: &str) -> Verb {
    let meta = match &mut verb {
        Verb::Start(r) => &mut r.meta,
        Verb::Suspend(r) => &mut r.meta,
        Verb::Cancel(r) => &mut r.meta,
        Verb::Savepoint(r) => &mut r.meta,
        Verb::Restart(r) => &mut r.meta,
        Verb::Upgrade(r) => &mut r.meta,
        Verb::Rollback(r) => &mut r.meta,
        Verb::Fork(r) => &mut r.meta,
        Verb::Reset(r) => &mut r.meta,
        Verb::Delete(r) => &mut r.meta,
    };
    meta.yes = true;
    meta.reason = Some(REASON.into());
    meta.confirm = Some(name(n).to_string());
    verb
}

pub fn document(kind: &str, app: Option<&str>, n: &str, spec: Value) -> Document {
    Document {
        api_version: "nutkin/v1".into(),
        kind: kind.into(),
        metadata: Metadata { name: n.into(), application: app.map(str::to_owned), ..Metadata::default() },
        spec,
    }
}

pub fn start() -> Verb {
    Verb::Start(Default::default())
}
pub fn suspend() -> Verb {
    Verb::Suspend(Default::default())
}
pub fn cancel() -> Verb {
    Verb::Cancel(Default::default())
}
pub fn take() -> Verb {
    Verb::Savepoint(Default::default())
}
pub fn restart() -> Verb {
    Verb::Restart(Default::default())
}

pub fn jar_bytes(mark: &str) -> Vec<u8> {
    use std::io::Write as _;
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.start_file(
        "META-INF/MANIFEST.MF",
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored),
    )
    .unwrap();
    zip.write_all(
        format!("Manifest-Version: 1.0\nMain-Class: io.example.Payments\nMark: {mark}\n").as_bytes(),
    )
    .unwrap();
    zip.finish().unwrap().into_inner()
}
