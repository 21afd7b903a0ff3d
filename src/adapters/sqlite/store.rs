//! [`SqliteStore`]: the port's methods, each one named query or one request to the writer.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::{
    DATABASE, answers, artifacts, books, events, jobs,
    open::{Ground, Opened},
    operations,
    readers::{self, Readers},
    savepoints,
    writer::{QUEUE, Request, Writer},
};
use crate::{
    domain::{
        event::Event,
        ids::{ArtifactSha, DeploymentId, FlinkJobId, JobId, OperationId, SavepointId},
        operation::Operation,
        savepoint::Savepoint,
        time::Clock,
    },
    manager::ports::store::{
        AnswerRow, ArtifactRow, Changes, Committed, Epoch, EventQuery, JobRow, Loaded, OperationQuery,
        RevisionRow, Store, StoreError, StoreResult,
    },
};

/// The store of one state directory.
#[derive(Debug)]
pub struct SqliteStore {
    dir: PathBuf,
    epoch: Epoch,
    opened: Opened,
    readers: Arc<Readers>,
    /// `None` = read-only.
    writer: Option<mpsc::Sender<Request>>,
    clock: Arc<dyn Clock>,
}

impl SqliteStore {
    pub(super) fn start(ground: Ground, clock: Arc<dyn Clock>) -> std::io::Result<Arc<Self>> {
        let Ground { dir, writer, epoch, opened } = ground;
        let path = dir.path.join(DATABASE);
        let writer = writer.map(|conn| spawn(Writer::new(path.clone(), conn))).transpose()?;
        let readers = Readers::new(path);
        Ok(Arc::new(Self { dir: dir.path, epoch, opened, readers, writer, clock }))
    }

    /// The state directory, canonical.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    async fn ask<T>(
        &self,
        request: impl FnOnce(oneshot::Sender<StoreResult<T>>) -> Request,
    ) -> StoreResult<T> {
        let closed = || StoreError::Failed("the store is closed".to_owned());
        let Some(writer) = &self.writer else {
            return Err(StoreError::ReadOnly(self.opened.read_only.clone().unwrap_or_default()));
        };
        let (answer, answered) = oneshot::channel();
        writer.send(request(answer)).await.map_err(|_| closed())?;
        answered.await.map_err(|_| closed())?
    }

    async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> StoreResult<T> + Send + 'static,
    ) -> StoreResult<T> {
        self.readers.run(query).await
    }
}

fn spawn(writer: Writer) -> std::io::Result<mpsc::Sender<Request>> {
    let (send, receive) = mpsc::channel(QUEUE);
    std::thread::Builder::new().name("store-writer".to_owned()).spawn(move || writer.run(receive))?;
    Ok(send)
}

fn load(conn: &Connection, epoch: Epoch, unclean: bool) -> StoreResult<Loaded> {
    let store_id: String = conn.query_row("SELECT store_id FROM meta", [], |r| r.get(0))?;
    Ok(Loaded {
        store_id: store_id.parse().map_err(|e| StoreError::Failed(format!("meta: {e}")))?,
        epoch,
        unclean,
        targets: books::targets(conn)?,
        applications: books::applications(conn)?,
        deployments: books::deployments(conn)?,
        jobs: jobs::current(conn)?,
        active: operations::active(conn)?,
        unsettled: operations::unsettled(conn)?,
        facts: books::facts(conn)?,
        last_seq: events::last_seq(conn)?,
    })
}

#[async_trait]
impl Store for SqliteStore {
    async fn load(&self) -> StoreResult<Loaded> {
        let (epoch, unclean) = (self.epoch, self.opened.unclean);
        self.read(move |c| load(c, epoch, unclean)).await
    }

    async fn commit(&self, changes: Changes, fence: Epoch) -> StoreResult<Committed> {
        self.ask(|answer| Request::Commit(Box::new(changes), fence, answer)).await
    }

    async fn revisions(&self, deployment: &DeploymentId) -> StoreResult<Vec<RevisionRow>> {
        let d = deployment.clone();
        self.read(move |c| books::revisions(c, &d)).await
    }

    async fn revision(&self, deployment: &DeploymentId, number: u32) -> StoreResult<Option<RevisionRow>> {
        let d = deployment.clone();
        self.read(move |c| books::revision(c, &d, number)).await
    }

    async fn jobs(&self, deployment: Option<&DeploymentId>, limit: u32) -> StoreResult<Vec<JobRow>> {
        let d = deployment.cloned();
        self.read(move |c| jobs::list(c, d.as_ref(), limit)).await
    }

    async fn job(&self, id: &JobId) -> StoreResult<Option<JobRow>> {
        let id = id.clone();
        self.read(move |c| jobs::one(c, &id)).await
    }

    async fn job_by_flink(&self, flink: &FlinkJobId) -> StoreResult<Option<JobRow>> {
        let flink = flink.clone();
        self.read(move |c| jobs::by_flink(c, &flink)).await
    }

    async fn issued_jobs(&self, deployment: &DeploymentId) -> StoreResult<Vec<FlinkJobId>> {
        let d = deployment.clone();
        self.read(move |c| jobs::issued(c, &d)).await
    }

    async fn savepoints(&self, deployment: Option<&DeploymentId>, limit: u32) -> StoreResult<Vec<Savepoint>> {
        let d = deployment.cloned();
        self.read(move |c| savepoints::list(c, d.as_ref(), limit)).await
    }

    async fn savepoint(&self, id: &SavepointId) -> StoreResult<Option<Savepoint>> {
        let id = id.clone();
        self.read(move |c| savepoints::one(c, &id)).await
    }

    async fn operations(&self, query: &OperationQuery) -> StoreResult<Vec<Operation>> {
        let q = query.clone();
        self.read(move |c| operations::list(c, &q)).await
    }

    async fn operation(&self, id: &OperationId) -> StoreResult<Option<Operation>> {
        let id = id.clone();
        self.read(move |c| operations::one(c, &id)).await
    }

    async fn events(&self, query: &EventQuery) -> StoreResult<Vec<Event>> {
        let q = query.clone();
        self.read(move |c| events::query(c, &q)).await
    }

    async fn artifacts(&self) -> StoreResult<Vec<ArtifactRow>> {
        self.read(artifacts::list).await
    }

    async fn artifact_users(&self) -> StoreResult<Vec<(ArtifactSha, DeploymentId)>> {
        self.read(books::artifact_users).await
    }

    async fn answer(&self, actor: &str, route: &str, key: &str) -> StoreResult<Option<AnswerRow>> {
        let (actor, route, key) = (actor.to_owned(), route.to_owned(), key.to_owned());
        let now = self.clock.now_utc();
        self.read(move |c| answers::find(c, &actor, &route, &key, now)).await
    }

    fn artifact_inbox(&self) -> StoreResult<PathBuf> {
        match &self.opened.read_only {
            Some(why) => Err(StoreError::ReadOnly(why.clone())),
            None => artifacts::inbox(&self.dir),
        }
    }

    async fn keep_artifact(&self, received: &Path, sha: &ArtifactSha) -> StoreResult<PathBuf> {
        let (dir, received, sha) = (self.dir.clone(), received.to_owned(), sha.clone());
        let work = tokio::task::spawn_blocking(move || artifacts::keep(&dir, &received, &sha));
        work.await.map_err(|e| StoreError::Failed(format!("keeping an artifact did not end: {e}")))?
    }

    fn artifact_path(&self, sha: &ArtifactSha) -> PathBuf {
        artifacts::path(&self.dir, sha)
    }

    async fn quick_check(&self) -> StoreResult<Result<(), String>> {
        self.read(readers::quick_check).await
    }

    async fn close(&self) -> StoreResult<()> {
        self.readers.close();
        if self.writer.is_none() {
            return Ok(());
        }
        let epoch = self.epoch;
        self.ask(|answer| Request::Close(epoch, answer)).await
    }
}
