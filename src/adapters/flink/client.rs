//! What each call means: its route, its body, and how its answers are to be read.

use std::{
    collections::hash_map::DefaultHasher,
    fmt,
    hash::Hasher,
    path::Path,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use async_trait::async_trait;
use indexmap::IndexMap;
use parking_lot::Mutex;
use reqwest::Method;
use serde_json::json;

use crate::{
    domain::{
        deployment::FlinkState,
        ids::{FlinkJobId, TriggerId},
    },
    manager::ports::cluster::{
        AsyncStatus, CancelAnswer, CheckpointConfig, Checkpoints, Cluster, ClusterConfig, ClusterError,
        ClusterResult, Effect, ErrorKind, ExceptionView, Jar, JobConfig, JobDetail, JobSummary, Jobs,
        Overview, RunRequest, SavepointRequest, TaskManager,
    },
};

use super::{
    dto::{
        AsyncDto, CheckpointConfigDto, CheckpointsDto, ConfigDto, Convert, DetailDto, ExceptionsDto, JarsDto,
        JobConfigDto, JobsDto, MetricDto, Nothing, OverviewDto, Pair, RunDto, StatusDto, TaskManagersDto,
        TriggerDto, UploadedDto,
    },
    errors::{capped, is_unknown_job, is_without_checkpoints, plain},
    http::{Body, Call, Http, Kind},
    json::{self, BadJson},
    metrics::{self, Memory, Places},
    run,
    upload::JarFile,
};

/// An upload ends by stalling, not by the clock.
const UPLOAD: Duration = Duration::from_secs(24 * 3600);

/// One cluster, over REST.
pub(super) struct FlinkClient {
    shared: Arc<Shared>,
    /// It belongs to a running operation, which asks again anyway.
    polls: bool,
}

/// What all users of one cluster have in common.
struct Shared {
    http: Http,
    /// Hash of the last `/jobs/overview`, and what it said.
    last_jobs: Mutex<Option<(u64, Vec<JobSummary>)>>,
    metrics: Memory,
}

impl fmt::Debug for FlinkClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FlinkClient").field(&self.shared.http).finish()
    }
}

impl FlinkClient {
    pub(super) fn new(http: Http) -> Self {
        let shared = Shared { http, last_jobs: Mutex::default(), metrics: Memory::default() };
        Self { shared: Arc::new(shared), polls: false }
    }

    async fn get<D: Convert>(&self, kind: Kind, path: &[&str]) -> ClusterResult<D::Out> {
        self.call::<D>(Call::get(kind, path)).await
    }

    async fn post<D: Convert>(&self, path: &[&str], body: serde_json::Value) -> ClusterResult<D::Out> {
        self.call::<D>(Call::act(Method::POST, path, Body::Json(body))).await
    }

    async fn call<D: Convert>(&self, call: Call<'_>) -> ClusterResult<D::Out> {
        let effect = if call.kind == Kind::Act { Effect::Possible } else { Effect::None };
        read::<D>(&self.send(call).await?, effect)
    }

    async fn send(&self, mut call: Call<'_>) -> ClusterResult<Vec<u8>> {
        if self.polls && call.kind != Kind::Act {
            call.kind = Kind::Poll;
        }
        self.shared.http.send(&call).await
    }

    /// Where the wanted metrics are, from memory or by asking every vertex.
    async fn places(&self, job: &FlinkJobId, wanted: &[String]) -> ClusterResult<Places> {
        if let Some(places) = self.shared.metrics.get(job, wanted) {
            return Ok(places);
        }
        let mut places = Places::new();
        for vertex in self.job(job).await?.map(|d| d.vertices).unwrap_or_default() {
            let path = ["jobs", job.as_str(), "vertices", &vertex.id, "subtasks", "metrics"];
            let listed = self.get::<Vec<MetricDto>>(Kind::Watch, &path).await?;
            let ids: Vec<String> = listed.iter().filter_map(|m| m.id.text()).collect();
            let found = metrics::matching(&ids, wanted);
            if !found.is_empty() {
                places.push((vertex.id, found));
            }
        }
        self.shared.metrics.put(job, wanted, &places);
        Ok(places)
    }
}

/// Reads an answer; what cannot be read is not Flink's.
fn read<D: Convert>(body: &[u8], effect: Effect) -> ClusterResult<D::Out> {
    let (kind, message) = match json::parse::<D>(body) {
        Ok(dto) => match dto.convert() {
            Some(out) => return Ok(out),
            None => (ErrorKind::NotFlink, "the answer is JSON, but not Flink's".to_owned()),
        },
        Err(BadJson::TooDeep) => {
            (ErrorKind::TooLarge, "the answer is nested too deep and was not read".to_owned())
        }
        Err(BadJson::Html) => (
            ErrorKind::NotFlink,
            "the answer is a web page, not Flink's JSON: a login page, or another server".to_owned(),
        ),
        Err(BadJson::Other(why)) => (ErrorKind::NotFlink, format!("the answer is not Flink's JSON: {why}")),
    };
    let start = body.get(..body.len().min(4_096)).unwrap_or(body);
    let advice =
        if effect == Effect::Possible { "; the request may have been executed" } else { "; check the url" };
    Err(ClusterError {
        full: Some(capped(&String::from_utf8_lossy(start))),
        ..plain(kind, effect, format!("{message}{advice}"))
    })
}

/// `None` instead of an error when Flink does not know the job.
fn known<T>(result: ClusterResult<T>) -> ClusterResult<Option<T>> {
    match result {
        Ok(v) => Ok(Some(v)),
        Err(e) if is_unknown_job(&e) => Ok(None),
        Err(e) => Err(e),
    }
}

/// Flink's 404 about an asynchronous result: it knows nothing of it.
fn async_status(result: ClusterResult<AsyncStatus>) -> ClusterResult<AsyncStatus> {
    match result {
        Err(e) if e.kind == ErrorKind::Flink(404) => Ok(AsyncStatus::Unknown),
        other => other,
    }
}

/// A hash of `/jobs/overview` that leaves out how long each job has run, which is new each time.
fn essence(body: &[u8]) -> u64 {
    const FIELD: &[u8] = b"\"duration\":";
    let mut hasher = DefaultHasher::new();
    let mut rest = body;
    while let Some(at) = rest.windows(FIELD.len()).position(|w| w == FIELD) {
        let (head, tail) = rest.split_at(at + FIELD.len());
        hasher.write(head);
        let digits = tail.iter().take_while(|b| b.is_ascii_digit()).count();
        rest = tail.get(digits..).unwrap_or_default();
    }
    hasher.write(rest);
    hasher.finish()
}

/// Flink's jar ids are file names; a URL would swallow these two.
fn jar_id(jar: &str) -> ClusterResult<&str> {
    if matches!(jar, "" | "." | "..") {
        return Err(plain(
            ErrorKind::Config,
            Effect::None,
            format!("{jar:?} is not the id of a jar; nothing was sent"),
        ));
    }
    Ok(jar)
}

#[async_trait]
impl Cluster for FlinkClient {
    fn for_operation(&self) -> Arc<dyn Cluster> {
        Arc::new(Self { shared: Arc::clone(&self.shared), polls: true })
    }

    async fn overview(&self) -> ClusterResult<Overview> {
        self.get::<OverviewDto>(Kind::Watch, &["overview"]).await
    }

    async fn task_managers(&self) -> ClusterResult<Vec<TaskManager>> {
        let limit = self.shared.http.limits().task_manager;
        self.call::<TaskManagersDto>(Call::get(Kind::Watch, &["taskmanagers"]).limit(limit)).await
    }

    async fn config(&self) -> ClusterResult<ClusterConfig> {
        self.get::<ConfigDto>(Kind::Read, &["config"]).await
    }

    async fn jobmanager_config(&self) -> ClusterResult<IndexMap<String, String>> {
        self.get::<Vec<Pair>>(Kind::Read, &["jobmanager", "config"]).await
    }

    async fn jobs(&self) -> ClusterResult<Jobs> {
        let body = self.send(Call::get(Kind::Watch, &["jobs", "overview"])).await?;
        let hash = essence(&body);
        let mut last = self.shared.last_jobs.lock();
        if let Some((then, items)) = &*last
            && *then == hash
        {
            return Ok(Jobs { items: items.clone(), changed: false });
        }
        let items = read::<JobsDto>(&body, Effect::None)?;
        *last = Some((hash, items.clone()));
        Ok(Jobs { items, changed: true })
    }

    async fn job_status(&self, job: &FlinkJobId) -> ClusterResult<Option<FlinkState>> {
        known(self.get::<StatusDto>(Kind::Poll, &["jobs", job.as_str(), "status"]).await)
    }

    async fn job(&self, job: &FlinkJobId) -> ClusterResult<Option<JobDetail>> {
        known(self.get::<DetailDto>(Kind::Watch, &["jobs", job.as_str()]).await)
    }

    async fn checkpoints(&self, job: &FlinkJobId) -> ClusterResult<Option<Checkpoints>> {
        match self.get::<CheckpointsDto>(Kind::Watch, &["jobs", job.as_str(), "checkpoints"]).await {
            Err(e) if is_without_checkpoints(&e) => Ok(None),
            other => known(other),
        }
    }

    async fn checkpoint_config(&self, job: &FlinkJobId) -> ClusterResult<Option<CheckpointConfig>> {
        match self
            .get::<CheckpointConfigDto>(Kind::Read, &["jobs", job.as_str(), "checkpoints", "config"])
            .await
        {
            Err(e) if is_without_checkpoints(&e) => Ok(Some(CheckpointConfig::default())),
            other => known(other),
        }
    }

    async fn exceptions(&self, job: &FlinkJobId, max: u32) -> ClusterResult<Vec<ExceptionView>> {
        let path = ["jobs", job.as_str(), "exceptions"];
        self.call::<ExceptionsDto>(Call::get(Kind::Watch, &path).query("maxExceptions", max.to_string()))
            .await
    }

    async fn job_config(&self, job: &FlinkJobId) -> ClusterResult<Option<JobConfig>> {
        known(self.get::<JobConfigDto>(Kind::Read, &["jobs", job.as_str(), "config"]).await)
    }

    async fn metric_sums(&self, job: &FlinkJobId, wanted: &[String]) -> ClusterResult<IndexMap<String, f64>> {
        let mut sums: IndexMap<String, f64> = IndexMap::new();
        if wanted.is_empty() {
            return Ok(sums);
        }
        for (vertex, ids) in self.places(job, wanted).await? {
            let path = ["jobs", job.as_str(), "vertices", &vertex, "subtasks", "metrics"];
            let get = ids.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>().join(",");
            let call = Call::get(Kind::Watch, &path).query("get", get).query("agg", "sum");
            for metric in self.call::<Vec<MetricDto>>(call).await? {
                let (id, sum) = (metric.id.text_or_empty(), metric.sum.float());
                if let (Some((_, name)), Some(sum)) = (ids.iter().find(|(i, _)| *i == id), sum) {
                    *sums.entry(name.clone()).or_default() += sum;
                }
            }
        }
        if sums.is_empty() {
            self.shared.metrics.forget(job, wanted);
        }
        // In the caller's order.
        Ok(wanted.iter().filter_map(|w| Some((w.clone(), *sums.get(w)?))).collect())
    }

    async fn restarts(&self, job: &FlinkJobId) -> ClusterResult<Option<u64>> {
        let path = ["jobs", job.as_str(), "metrics"];
        let call = Call::get(Kind::Watch, &path).query("get", "numRestarts,fullRestarts");
        let found = self.call::<Vec<MetricDto>>(call).await?;
        let value = |name: &str| {
            found.iter().find(|m| m.id.text().as_deref() == Some(name)).and_then(|m| m.value.u64())
        };
        Ok(value("numRestarts").or_else(|| value("fullRestarts")))
    }

    async fn jars(&self) -> ClusterResult<Vec<Jar>> {
        self.get::<JarsDto>(Kind::Read, &["jars"]).await
    }

    async fn upload_jar(&self, file: &Path, name: &str, sent: Arc<AtomicU64>) -> ClusterResult<Jar> {
        let jar = JarFile::new(file, name, sent)?;
        let call = Call::act(Method::POST, &["jars", "upload"], Body::Jar(&jar)).limit(UPLOAD);
        tokio::select! {
            result = self.call::<UploadedDto>(call) => result,
            stalled = jar.stalled(self.shared.http.clock().as_ref(), self.shared.http.limits().stall) => Err(stalled),
        }
    }

    async fn plan_jar(&self, jar: &str, request: &RunRequest) -> ClusterResult<()> {
        let path = ["jars", jar_id(jar)?, "plan"];
        let mut body = request.clone();
        if !body.flink_configuration.is_empty()
            && !run::takes_configuration(&self.config().await?.flink_version)
        {
            // The run will be refused for it; the plan does not depend on it.
            body.flink_configuration.clear();
        }
        let call = Call::act(Method::POST, &path, Body::Json(run::run_body(&body, true)))
            .limit(self.shared.http.limits().submit);
        self.call::<Nothing>(call).await.map_err(run::plan_effect)
    }

    async fn run_jar(&self, jar: &str, request: &RunRequest) -> ClusterResult<FlinkJobId> {
        let path = ["jars", jar_id(jar)?, "run"];
        if !request.flink_configuration.is_empty() {
            let version = self.config().await?.flink_version;
            if !run::takes_configuration(&version) {
                return Err(run::configuration_too_new(&version));
            }
        }
        let call = Call::act(Method::POST, &path, Body::Json(run::run_body(request, false)))
            .limit(self.shared.http.limits().submit);
        self.call::<RunDto>(call).await.map_err(run::run_effect)
    }

    async fn delete_jar(&self, jar: &str) -> ClusterResult<()> {
        self.call::<Nothing>(Call::act(Method::DELETE, &["jars", jar_id(jar)?], Body::None)).await
    }

    async fn trigger_savepoint(&self, job: &FlinkJobId, request: &SavepointRequest) -> ClusterResult<()> {
        let path = ["jobs", job.as_str(), "savepoints"];
        self.post::<Nothing>(&path, run::savepoint_body(request)).await
    }

    async fn stop(&self, job: &FlinkJobId, request: &SavepointRequest) -> ClusterResult<()> {
        self.post::<Nothing>(&["jobs", job.as_str(), "stop"], run::stop_body(request)).await
    }

    async fn savepoint_status(&self, job: &FlinkJobId, trigger: &TriggerId) -> ClusterResult<AsyncStatus> {
        let path = ["jobs", job.as_str(), "savepoints", trigger.as_str()];
        async_status(self.get::<AsyncDto>(Kind::Poll, &path).await)
    }

    async fn cancel(&self, job: &FlinkJobId) -> ClusterResult<CancelAnswer> {
        let path = ["jobs", job.as_str()];
        let call = Call::act(Method::PATCH, &path, Body::None).query("mode", "cancel");
        match self.call::<Nothing>(call).await {
            Ok(()) => Ok(CancelAnswer::Accepted),
            Err(e) if e.kind == ErrorKind::Flink(409) => Ok(CancelAnswer::AlreadyTerminal),
            Err(e) if is_unknown_job(&e) => Ok(CancelAnswer::UnknownJob),
            Err(e) => Err(e),
        }
    }

    async fn dispose(&self, location: &str) -> ClusterResult<TriggerId> {
        self.post::<TriggerDto>(&["savepoint-disposal"], json!({ "savepoint-path": location })).await
    }

    async fn disposal_status(&self, request: &TriggerId) -> ClusterResult<AsyncStatus> {
        async_status(self.get::<AsyncDto>(Kind::Poll, &["savepoint-disposal", request.as_str()]).await)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn running_longer_is_no_change() {
        let body = |d: u32, state: &str, name: &str| {
            format!(r#"{{"jobs":[{{"name":{name},"duration":{d},"state":"{state}","tasks":{{}}}}]}}"#)
                .into_bytes()
        };
        let plain = essence(&body(12, "RUNNING", "\"n\""));
        assert_eq!(plain, essence(&body(13_000, "RUNNING", "\"n\"")));
        assert_ne!(plain, essence(&body(12, "FAILED", "\"n\"")));
        let tricky = |n: u32| essence(&body(1, "RUNNING", &format!(r#""\"duration\":{n}""#)));
        assert_ne!(tricky(1), tricky(2), "a name is no field");
    }
}
