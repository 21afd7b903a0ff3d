//! Jobs: the live list, one job, its exceptions, its configuration.

use indexmap::IndexMap;
use serde::Deserialize;

use crate::{
    domain::{
        deployment::{FlinkState, TaskCounts},
        ids::FlinkJobId,
        time::Timestamp,
    },
    manager::ports::cluster::{ExceptionView, JobConfig, JobDetail, JobSummary, Vertex},
};

use super::{
    super::{
        errors::{capped, reason},
        json::Leaf,
    },
    Convert,
};

#[derive(Deserialize)]
pub(in crate::adapters::flink) struct JobsDto {
    jobs: Option<Vec<JobRow>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct JobRow {
    #[serde(default)]
    jid: Leaf,
    #[serde(default)]
    name: Leaf,
    #[serde(default)]
    state: Leaf,
    #[serde(default)]
    start_time: Leaf,
    #[serde(default)]
    end_time: Leaf,
    tasks: Option<IndexMap<String, Leaf>>,
}

impl Convert for JobsDto {
    type Out = Vec<JobSummary>;
    fn convert(self) -> Option<Vec<JobSummary>> {
        Some(self.jobs?.into_iter().filter_map(JobRow::convert).collect())
    }
}

impl JobRow {
    fn convert(self) -> Option<JobSummary> {
        Some(JobSummary {
            id: self.jid.text()?.parse::<FlinkJobId>().ok()?,
            name: self.name.text_or_empty(),
            state: FlinkState::from_word(&self.state.text_or_empty()),
            start_time: self.start_time.time().unwrap_or(Timestamp::from_millis(0)),
            end_time: self.end_time.time(),
            tasks: task_counts(&self.tasks.unwrap_or_default()),
        })
    }
}

fn task_counts(by_state: &IndexMap<String, Leaf>) -> TaskCounts {
    let mut counts = TaskCounts::default();
    for (word, n) in by_state {
        let n = n.u32().unwrap_or(0);
        let slot = match word.to_ascii_lowercase().as_str() {
            "total" => &mut counts.total,
            "running" => &mut counts.running,
            "finished" => &mut counts.finished,
            "created" | "scheduled" | "deploying" | "initializing" | "reconciling" => &mut counts.pending,
            _ => &mut counts.other,
        };
        *slot = slot.saturating_add(n);
    }
    counts
}

/// `/jobs/:id/status`.
#[derive(Deserialize)]
pub(in crate::adapters::flink) struct StatusDto {
    status: Option<String>,
}

impl Convert for StatusDto {
    type Out = FlinkState;
    fn convert(self) -> Option<FlinkState> {
        Some(FlinkState::from_word(&self.status?))
    }
}

#[derive(Deserialize)]
pub(in crate::adapters::flink) struct DetailDto {
    jid: Option<String>,
    #[serde(default)]
    name: Leaf,
    #[serde(default)]
    state: Leaf,
    #[serde(default, rename = "start-time")]
    start_time: Leaf,
    #[serde(default)]
    now: Leaf,
    #[serde(default, rename = "job-type")]
    job_type: Leaf,
    vertices: Option<Vec<VertexDto>>,
}

#[derive(Deserialize)]
struct VertexDto {
    #[serde(default)]
    id: Leaf,
    #[serde(default)]
    name: Leaf,
    #[serde(default)]
    parallelism: Leaf,
    #[serde(default, rename = "maxParallelism")]
    max_parallelism: Leaf,
    #[serde(default)]
    status: Leaf,
}

impl Convert for DetailDto {
    type Out = JobDetail;
    fn convert(self) -> Option<JobDetail> {
        self.jid?;
        Some(JobDetail {
            name: self.name.text_or_empty(),
            state: FlinkState::from_word(&self.state.text_or_empty()),
            start_time: self.start_time.time().unwrap_or(Timestamp::from_millis(0)),
            now: self.now.time(),
            job_type: self.job_type.text(),
            vertices: self.vertices.unwrap_or_default().into_iter().map(VertexDto::convert).collect(),
        })
    }
}

impl VertexDto {
    fn convert(self) -> Vertex {
        Vertex {
            id: self.id.text_or_empty(),
            name: self.name.text_or_empty(),
            parallelism: self.parallelism.u32().unwrap_or(0),
            max_parallelism: self.max_parallelism.u32().filter(|n| *n > 0),
            status: self.status.text_or_empty(),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::adapters::flink) struct ExceptionsDto {
    #[serde(default)]
    root_exception: Leaf,
    #[serde(default)]
    timestamp: Leaf,
    #[serde(rename = "exceptionHistory")]
    history: Option<History>,
}

#[derive(Deserialize)]
struct History {
    entries: Option<Vec<Entry>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    #[serde(default)]
    exception_name: Leaf,
    #[serde(default)]
    stacktrace: Leaf,
    #[serde(default)]
    timestamp: Leaf,
    #[serde(default)]
    task_name: Leaf,
    #[serde(default)]
    task_manager_id: Leaf,
}

impl Convert for ExceptionsDto {
    type Out = Vec<ExceptionView>;
    fn convert(self) -> Option<Vec<ExceptionView>> {
        let mut views: Vec<_> = self
            .history
            .and_then(|h| h.entries)
            .unwrap_or_default()
            .into_iter()
            .map(Entry::convert)
            .collect();
        // Up to 1.20 the root exception also stands alone, and without a history there is only that.
        if let (true, Some(trace)) = (views.is_empty(), self.root_exception.text()) {
            views.push(view(&trace, self.timestamp.time(), None, None));
        }
        views.sort_by_key(|v| std::cmp::Reverse(v.at));
        Some(views)
    }
}

impl Entry {
    fn convert(self) -> ExceptionView {
        let trace = self.stacktrace.text().or_else(|| self.exception_name.text()).unwrap_or_default();
        view(&trace, self.timestamp.time(), self.task_name.text(), self.task_manager_id.text())
    }
}

fn view(
    trace: &str,
    at: Option<Timestamp>,
    task: Option<String>,
    task_manager: Option<String>,
) -> ExceptionView {
    ExceptionView { at, root_cause: reason(trace), task, task_manager, trace: capped(trace) }
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::adapters::flink) struct JobConfigDto {
    jid: Option<String>,
    execution_config: Option<ExecutionConfig>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
struct ExecutionConfig {
    #[serde(default)]
    job_parallelism: Leaf,
    user_config: Option<IndexMap<String, Leaf>>,
}

impl Convert for JobConfigDto {
    type Out = JobConfig;
    fn convert(self) -> Option<JobConfig> {
        self.jid?;
        let config = self.execution_config.unwrap_or_default();
        let user = config.user_config.unwrap_or_default();
        Some(JobConfig {
            parallelism: config.job_parallelism.u32().filter(|n| *n > 0),
            user_config: user.into_iter().map(|(k, v)| (k, v.text_or_empty())).collect(),
        })
    }
}
