//! Reads: read models for every face.

use std::ops::Bound;

use super::{
    EventFilter, Manager, ManagerResult, disposal, history,
    ports::{
        cluster::ClusterError,
        store::{EventQuery, OperationQuery},
    },
    view,
};
use crate::{
    contract::{
        self, API_LEVEL, Health, List, MIN_CLIENT_LEVEL,
        intent::{Document, Metadata},
        model,
        plan::Check,
        problem::{Code, Problem},
    },
    domain::{
        deployment::FlinkState,
        ids::{ArtifactSha, DeploymentName, OperationId, SavepointId},
        names,
        savepoint::Status,
    },
};

/// Rows of a list when nobody says how many.
pub(super) const DEFAULT_LIMIT: u32 = 200;

/// So many jobs of a deployment are asked for their exceptions.
const EXCEPTIONS_OF_JOBS: u32 = 5;

fn unreachable(e: ClusterError) -> Problem {
    Problem::new(Code::TargetUnreachable, e.message)
}

fn missing(kind: &str, name: &str, known: &[String]) -> Problem {
    let near = names::nearest_few(name, known.iter().map(String::as_str), 3);
    let p = Problem::new(Code::NotFound, format!("there is no {kind} {name}"));
    if near.is_empty() { p } else { p.hint(format!("did you mean {}?", near.join(" or "))) }
}

impl Manager {
    /// Levels and build.
    #[must_use]
    pub fn health(&self) -> Health {
        Health {
            api_level: API_LEVEL,
            min_client_level: MIN_CLIENT_LEVEL,
            build: self.inner.settings.build.clone(),
            state_dir: self.inner.settings.state_dir.display().to_string(),
            pid: std::process::id(),
            store_damage: self.inner.damage.get().cloned(),
            read_only: self.inner.settings.read_only,
        }
    }

    /// Targets.
    #[must_use]
    pub fn targets(&self) -> Vec<model::Target> {
        let w = self.inner.world();
        w.targets.values().map(|t| view::target(t, &w, &self.inner.trust)).collect()
    }

    /// One target.
    pub fn target(&self, name: &str) -> ManagerResult<model::Target> {
        let w = self.inner.world();
        let t = w.targets.get(&name.into()).ok_or_else(|| {
            missing("target", name, &w.targets.keys().map(ToString::to_string).collect::<Vec<_>>())
        })?;
        Ok(view::target(t, &w, &self.inner.trust))
    }

    /// Every job of a target.
    pub async fn target_jobs(&self, name: &str) -> ManagerResult<Vec<model::TargetJob>> {
        let mut jobs = {
            let w = self.inner.world();
            let t = w.targets.get(&name.into()).ok_or_else(|| {
                missing("target", name, &w.targets.keys().map(ToString::to_string).collect::<Vec<_>>())
            })?;
            view::target_jobs(t, &w)
        };
        // Memory holds the newest job of each deployment; those that ended before it are in the store alone.
        let is_ended = |j: &model::TargetJob| FlinkState::from_word(&j.flink_state).is_terminal();
        for job in jobs.iter_mut().filter(|j| j.deployment.is_none() && is_ended(j)) {
            let Ok(id) = job.flink_job_id.parse() else { continue };
            let Some(row) = self.inner.deps.store.job_by_flink(&id).await? else { continue };
            if let Some(name) = self.inner.world().names.get(&row.deployment) {
                job.deployment = Some(name.to_string());
                "managed".clone_into(&mut job.management);
            }
        }
        Ok(jobs)
    }

    /// Looks at a target thoroughly; changes nothing.
    pub async fn check_target(&self, name: &str) -> ManagerResult<Vec<Check>> {
        self.target(name)?;
        Ok(super::check::target(&self.inner, &name.into()).await)
    }

    /// Applications.
    #[must_use]
    pub fn applications(&self) -> Vec<model::Application> {
        let w = self.inner.world();
        w.applications.keys().filter_map(|n| view::application(n, &w)).collect()
    }

    /// One application.
    pub fn application(&self, name: &str) -> ManagerResult<model::Application> {
        let w = self.inner.world();
        view::application(name, &w)
            .ok_or_else(|| missing("application", name, &w.applications.keys().cloned().collect::<Vec<_>>()))
    }

    /// One page of the deployments, by name: those after `after`, at most `limit`. Only these are put together.
    #[must_use]
    pub fn deployments(&self, after: Option<&DeploymentName>, limit: u32) -> List<model::Deployment> {
        let w = self.inner.world();
        let now = self.inner.now();
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut rest = w.deployments.range((from, Bound::Unbounded)).map(|(_, e)| e);
        let page = rest.by_ref().take(limit as usize);
        let items: Vec<_> = page.map(|e| view::deployment(e, &w, now)).collect();
        let next = items.last().filter(|_| rest.next().is_some()).map(|d| d.deployment.clone());
        List { items, next }
    }

    /// One deployment.
    pub fn deployment(&self, name: &DeploymentName) -> ManagerResult<model::Deployment> {
        let w = self.inner.world();
        let e = w.deployments.get(name).ok_or_else(|| self.unknown(name, &w))?;
        Ok(view::deployment(e, &w, self.inner.now()))
    }

    /// Reads the program's own numbers of a deployment, where nobody watches it; what cannot be read stays as it is.
    pub async fn refresh_numbers(&self, name: &DeploymentName) {
        super::watcher::refresh_numbers(&self.inner, name).await;
    }

    fn unknown(&self, name: &DeploymentName, w: &super::world::World) -> Problem {
        missing(
            "deployment",
            &name.to_string(),
            &w.deployments.keys().map(ToString::to_string).collect::<Vec<_>>(),
        )
        .hint_if_none("list them: nutkin get deployments")
    }

    fn id_of(&self, name: &DeploymentName) -> ManagerResult<crate::domain::ids::DeploymentId> {
        let w = self.inner.world();
        let e = w.deployments.get(name).ok_or_else(|| self.unknown(name, &w))?;
        Ok(e.row.id.clone())
    }

    /// What `apply` accepts for an object.
    pub async fn document(&self, kind: &str, name: &str) -> ManagerResult<Document> {
        let w = self.inner.world();
        let meta = |name: &str| Metadata { name: name.to_owned(), ..Metadata::default() };
        let doc = |kind: &str, metadata, spec| Document {
            api_version: "nutkin/v1".to_owned(),
            kind: kind.to_owned(),
            metadata,
            spec,
        };
        match kind {
            "Target" => {
                let t = w.targets.get(&name.into()).ok_or_else(|| missing("target", name, &[]))?;
                Ok(doc(kind, Metadata { labels: t.row.labels.clone(), ..meta(name) }, t.row.spec.clone()))
            }
            "Application" => {
                let a = w.applications.get(name).ok_or_else(|| missing("application", name, &[]))?;
                let metadata =
                    Metadata { title: Some(a.title.clone()), labels: a.labels.clone(), ..meta(name) };
                Ok(doc(kind, metadata, serde_json::json!({ "defaults": a.defaults })))
            }
            "Deployment" => {
                let name: DeploymentName = name
                    .parse()
                    .map_err(|e: crate::domain::ids::BadId| Problem::new(Code::BadRequest, e.to_string()))?;
                let e = w.deployments.get(&name).ok_or_else(|| self.unknown(&name, &w))?;
                let mut spec = e.row.layer.clone();
                super::specs::set_path(&mut spec, &["state"], e.row.desired.as_str().into());
                let metadata = Metadata {
                    application: Some(name.app().to_owned()),
                    labels: e.row.labels.clone(),
                    ..meta(name.name())
                };
                Ok(doc(kind, metadata, spec))
            }
            other => Err(Problem::new(Code::BadRequest, format!("{other} is not a kind of document"))),
        }
    }

    /// Jobs, newest first.
    pub async fn jobs(&self, of: Option<&DeploymentName>, limit: u32) -> ManagerResult<Vec<model::Job>> {
        let id = of.map(|n| self.id_of(n)).transpose()?;
        let rows = self.inner.deps.store.jobs(id.as_ref(), limit).await?;
        let w = self.inner.world();
        Ok(rows.iter().map(|j| view::job(j, &w)).collect())
    }

    /// Savepoints, the newest state first; one of unknown age stands where it was entered.
    pub async fn savepoints(
        &self,
        of: Option<&DeploymentName>,
        limit: u32,
    ) -> ManagerResult<Vec<model::Savepoint>> {
        let id = of.map(|n| self.id_of(n)).transpose()?;
        let rows = self.inner.deps.store.savepoints(id.as_ref(), limit).await?;
        let w = self.inner.world();
        let mut all: Vec<_> = rows.iter().map(|s| view::savepoint(s, &w)).collect();
        all.sort_by_key(|s| std::cmp::Reverse(s.state_of().unwrap_or(s.created_at)));
        Ok(all)
    }

    /// One savepoint, and who needs it.
    pub async fn savepoint(&self, id: &str) -> ManagerResult<model::SavepointDetail> {
        let row = self.inner.deps.store.savepoint(&SavepointId::new(id)).await?;
        let row = row.ok_or_else(|| missing("savepoint", id, &[]))?;
        let kept_by = match (&row.location, row.status) {
            (Some(place), status) if status != Status::Deleted => {
                disposal::kept_by(&self.inner, &row, place).await?
            }
            _ => vec![],
        };
        Ok(model::SavepointDetail { savepoint: view::savepoint(&row, &self.inner.world()), kept_by })
    }

    /// The configuration history, newest first.
    pub async fn revisions(&self, of: &DeploymentName) -> ManagerResult<Vec<model::Revision>> {
        let id = self.id_of(of)?;
        let operations = history::operations(&*self.inner.deps.store, &id).await?;
        let rows = self.inner.deps.store.revisions(&id).await?;
        Ok(rows.iter().map(|r| view::revision(r, &operations)).collect())
    }

    /// Events: newest first, or oldest first after a number.
    pub async fn events(&self, f: &EventFilter) -> ManagerResult<Vec<model::Event>> {
        let deployment = f.deployment.as_ref().map(|n| self.id_of(n)).transpose()?;
        let q = EventQuery {
            deployment,
            application: None,
            operation: f.operation.clone(),
            severity: f.severity,
            since: f.since,
            after: f.after,
            before: f.before,
            limit: f.limit.unwrap_or(DEFAULT_LIMIT),
        };
        Ok(self.inner.deps.store.events(&q).await?.into_iter().map(view::event).collect())
    }

    /// The cluster and job of a deployment.
    fn live(
        &self,
        of: &DeploymentName,
    ) -> ManagerResult<(std::sync::Arc<dyn super::ports::cluster::Cluster>, crate::domain::ids::FlinkJobId)>
    {
        let w = self.inner.world();
        let e = w.deployments.get(of).ok_or_else(|| self.unknown(of, &w))?;
        let job =
            e.job.as_ref().ok_or_else(|| Problem::new(Code::WrongState, format!("{of} has no job yet")))?;
        let t = w.targets.get(&e.target()).ok_or_else(|| missing("target", &e.target().to_string(), &[]))?;
        let cluster = t.cluster.clone().map_err(unreachable)?;
        Ok((cluster, job.flink.clone()))
    }

    /// Exceptions of the deployment's newest jobs as Flink remembers them, newest first: after a rollback, those of the job
    /// that failed are what is looked for.
    pub async fn exceptions(&self, of: &DeploymentName) -> ManagerResult<Vec<model::ExceptionEntry>> {
        let (cluster, _) = self.live(of)?;
        let id = self.id_of(of)?;
        let jobs = self.inner.deps.store.jobs(Some(&id), EXCEPTIONS_OF_JOBS).await?;
        let mut all = Vec::new();
        for job in jobs {
            let list = match cluster.exceptions(&job.flink, 16).await {
                Ok(list) => list,
                // Flink has forgotten that job.
                Err(e) if e.flink_status() == Some(404) => continue,
                Err(e) => return Err(unreachable(e)),
            };
            all.extend(list.into_iter().map(|x| model::ExceptionEntry {
                at: x.at,
                flink_job_id: job.flink.to_string(),
                root_cause: x.root_cause,
                task: x.task,
                task_manager: x.task_manager,
                trace: x.trace,
            }));
        }
        all.sort_by_key(|x| std::cmp::Reverse(x.at));
        Ok(all)
    }

    /// Checkpoints of the deployment's job as Flink remembers them, newest first.
    pub async fn checkpoints(&self, of: &DeploymentName) -> ManagerResult<Vec<model::Checkpoint>> {
        let (cluster, job) = self.live(of)?;
        let c = cluster.checkpoints(&job).await.map_err(unreachable)?.unwrap_or_default();
        Ok(c.history.iter().map(view::checkpoint).collect())
    }

    /// What the next start would restore, and why not the others.
    pub async fn restore_points(&self, of: &DeploymentName) -> ManagerResult<Vec<model::RestorePoint>> {
        let w = self.inner.world();
        let e = w.deployments.get(of).ok_or_else(|| self.unknown(of, &w))?;
        Ok(view::restore_points(&view::advice(e, &w, &view::next_request(e), self.inner.now())))
    }

    /// Operations, newest first.
    pub async fn operations(
        &self,
        of: Option<&DeploymentName>,
        active: bool,
        before: Option<&str>,
        limit: u32,
    ) -> ManagerResult<List<model::Operation>> {
        let deployment = of.map(|n| self.id_of(n)).transpose()?;
        let q = OperationQuery { deployment, active, before: before.map(OperationId::new), limit };
        let rows = self.inner.deps.store.operations(&q).await?;
        let next = (rows.len() == limit as usize).then(|| rows.last().map(|o| o.id.to_string())).flatten();
        Ok(List { items: rows.iter().map(view::operation).collect(), next })
    }

    /// One operation, by its id or a unique end of it.
    pub async fn operation(&self, id: &str) -> ManagerResult<model::Operation> {
        let active = self.inner.world().operations.get(&OperationId::new(id)).map(view::operation);
        if let Some(op) = active {
            return Ok(op);
        }
        let row = self.inner.deps.store.operation(&OperationId::new(id)).await?;
        row.as_ref()
            .map(view::operation)
            .ok_or_else(|| missing("operation", id, &[]).hint_if_none("list them: nutkin operation list"))
    }

    async fn users(&self) -> ManagerResult<Vec<(ArtifactSha, String)>> {
        let users = self.inner.deps.store.artifact_users().await?;
        let w = self.inner.world();
        Ok(users.into_iter().filter_map(|(sha, d)| Some((sha, w.names.get(&d)?.to_string()))).collect())
    }

    /// Artifacts, newest first.
    pub async fn artifacts(&self) -> ManagerResult<Vec<model::Artifact>> {
        let users = self.users().await?;
        let rows = self.inner.deps.store.artifacts().await?;
        let used =
            |sha: &ArtifactSha| users.iter().filter(|(s, _)| s == sha).map(|(_, d)| d.clone()).collect();
        Ok(rows.iter().map(|a| view::artifact(a, used(&a.sha))).collect())
    }

    /// One artifact, by hash, a unique part of it, or name.
    pub async fn artifact(&self, sha: &str) -> ManagerResult<model::Artifact> {
        let row = super::artifacts::find(&self.inner, sha).await?;
        let users = self.users().await?;
        let used = users.into_iter().filter(|(s, _)| *s == row.sha).map(|(_, d)| d).collect();
        Ok(view::artifact(&row, used))
    }
}

impl contract::problem::Problem {
    /// Adds a hint unless there is one.
    #[must_use]
    pub fn hint_if_none(mut self, hint: &str) -> Self {
        self.hint.get_or_insert_with(|| hint.to_owned());
        self
    }
}
