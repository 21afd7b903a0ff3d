//! A manager and its server in this process, on a state directory and a socket of their own.

use std::{path::PathBuf, sync::Arc, time::Duration};

use nutkin::{
    adapters::{
        clock::SystemClock, flink::FlinkFactory, jar::ZipJars, random::SystemRandom, sqlite, target::Eyes,
    },
    client::Client,
    domain::event::Via,
    manager::{Deps, Manager, ManagerSettings},
    server::{self, Access, Limits},
};
use tokio_util::sync::CancellationToken;

use crate::manager::rig::fast;

/// It ends with this handle.
pub struct House {
    pub manager: Manager,
    pub socket: PathBuf,
    pub leaving: CancellationToken,
    pub dir: tempfile::TempDir,
    serving: Option<tokio::task::JoinHandle<()>>,
}

impl House {
    /// Opens one for this user.
    pub async fn open() -> Self {
        Self::with(Access::new(me(), &[], &[]), Limits::default()).await
    }

    /// Opens one with other rules.
    pub async fn with(access: Access, limits: Limits) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(SystemClock);
        let (store, _) = sqlite::open(dir.path(), clock.clone()).await.unwrap();
        let deps = Deps {
            store,
            clusters: Arc::new(FlinkFactory::new(clock.clone())),
            eyes: Arc::new(Eyes),
            clock: clock.clone(),
            random: Arc::new(SystemRandom),
            jars: Arc::new(ZipJars),
        };
        let settings = ManagerSettings {
            poll_interval: Duration::from_millis(50),
            poll_interval_idle: Duration::from_millis(50),
            secrets_dir: None,
            secret_env: vec![],
            read_only: false,
            idle_exit: None,
            events_keep: None,
            concurrency: 16,
            build: "test".into(),
            check_store: false,
            state_dir: dir.path().into(),
            patience: fast(),
        };
        let manager = Manager::start(deps, settings).await.unwrap();
        let socket = dir.path().join("manager.sock");
        let (leaving, listener) = (CancellationToken::new(), server::bind(&socket, &access).unwrap());
        let router = server::router(manager.clone(), clock, leaving.clone());
        let serving = Some(tokio::spawn(server::serve(listener, router, access, limits, leaving.clone())));
        Self { manager, socket, leaving, dir, serving }
    }

    /// A client of the command line.
    pub fn client(&self) -> Client {
        Client::new(&self.socket, Via::Cli)
    }

    /// Leaves as a manager does.
    pub async fn close(mut self) {
        self.leaving.cancel();
        self.serving.take().unwrap().await.unwrap();
        self.manager.stop().await;
    }
}

pub fn me() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// The bytes of a small jar.
pub fn jar(main_class: &str) -> Vec<u8> {
    use std::io::Write as _;
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    zip.start_file("META-INF/MANIFEST.MF", options).unwrap();
    write!(zip, "Manifest-Version: 1.0\r\nMain-Class: {main_class}\r\n\r\n").unwrap();
    zip.finish().unwrap().into_inner()
}
