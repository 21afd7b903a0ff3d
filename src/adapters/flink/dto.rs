//! Flink's JSON, read tolerantly: every leaf may be absent, null, or of another type; unknown fields are skipped, unknown
//! words are kept. What makes an answer Flink's at all is the one field that each conversion insists on.

use indexmap::IndexMap;
use serde::Deserialize;

use crate::{
    domain::{
        deployment::{FlinkState, TaskCounts},
        ids::FlinkJobId,
        time::{Span, Timestamp},
    },
    manager::ports::cluster::{
        AsyncStatus, CheckpointConfig, CheckpointStat, Checkpoints, ClusterConfig, ExceptionView, Jar,
        JobConfig, JobDetail, JobSummary, Overview, Restored, Vertex,
    },
};

use super::{
    errors::{capped, reason},
    json::Leaf,
};

/// A thing Flink said, in the port's words; `None` = this is not Flink's answer.
pub(super) trait Convert: for<'de> Deserialize<'de> {
    type Out;
    fn convert(self) -> Option<Self::Out>;
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct OverviewDto {
    flink_version: Option<String>,
    #[serde(default)]
    slots_total: Leaf,
    #[serde(default)]
    slots_available: Leaf,
    #[serde(default)]
    taskmanagers: Leaf,
    #[serde(default)]
    jobs_running: Leaf,
}

impl Convert for OverviewDto {
    type Out = Overview;
    fn convert(self) -> Option<Overview> {
        Some(Overview {
            flink_version: self.flink_version?,
            slots_total: self.slots_total.u32().unwrap_or(0),
            slots_free: self.slots_available.u32().unwrap_or(0),
            task_managers: self.taskmanagers.u32().unwrap_or(0),
            jobs_running: self.jobs_running.u32().unwrap_or(0),
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct ConfigDto {
    flink_version: Option<String>,
    features: Option<Features>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
struct Features {
    #[serde(default)]
    web_submit: Leaf,
    #[serde(default)]
    web_cancel: Leaf,
}

impl Convert for ConfigDto {
    type Out = ClusterConfig;
    fn convert(self) -> Option<ClusterConfig> {
        let features = self.features.unwrap_or_default();
        Some(ClusterConfig {
            flink_version: self.flink_version?,
            // Absent = an older Flink that has no such switch.
            web_submit: features.web_submit == Leaf::None || features.web_submit.bool(),
            web_cancel: features.web_cancel == Leaf::None || features.web_cancel.bool(),
        })
    }
}

/// `/jobmanager/config`.
#[derive(Deserialize)]
pub(super) struct Pair {
    #[serde(default)]
    key: Leaf,
    #[serde(default)]
    value: Leaf,
}

impl Convert for Vec<Pair> {
    type Out = IndexMap<String, String>;
    fn convert(self) -> Option<Self::Out> {
        Some(self.into_iter().filter_map(|p| Some((p.key.text()?, p.value.text_or_empty()))).collect())
    }
}

#[derive(Deserialize)]
pub(super) struct JobsDto {
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
pub(super) struct StatusDto {
    status: Option<String>,
}

impl Convert for StatusDto {
    type Out = FlinkState;
    fn convert(self) -> Option<FlinkState> {
        Some(FlinkState::from_word(&self.status?))
    }
}

#[derive(Deserialize)]
pub(super) struct DetailDto {
    jid: Option<String>,
    #[serde(default)]
    name: Leaf,
    #[serde(default)]
    state: Leaf,
    #[serde(default, rename = "start-time")]
    start_time: Leaf,
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
pub(super) struct CheckpointsDto {
    counts: Option<Counts>,
    latest: Option<Latest>,
    history: Option<Vec<StatDto>>,
}

#[derive(Deserialize)]
struct Counts {
    #[serde(default)]
    completed: Leaf,
    #[serde(default)]
    failed: Leaf,
    #[serde(default)]
    in_progress: Leaf,
}

#[derive(Deserialize, Default)]
struct Latest {
    completed: Option<StatDto>,
    savepoint: Option<StatDto>,
    failed: Option<StatDto>,
    restored: Option<RestoredDto>,
}

#[derive(Deserialize)]
struct StatDto {
    #[serde(default)]
    id: Leaf,
    #[serde(default)]
    status: Leaf,
    #[serde(default)]
    is_savepoint: Leaf,
    #[serde(default)]
    checkpoint_type: Leaf,
    #[serde(default)]
    trigger_timestamp: Leaf,
    #[serde(default)]
    latest_ack_timestamp: Leaf,
    #[serde(default)]
    end_to_end_duration: Leaf,
    #[serde(default)]
    state_size: Leaf,
    #[serde(default)]
    checkpointed_size: Leaf,
    #[serde(default)]
    external_path: Leaf,
    #[serde(default)]
    discarded: Leaf,
    #[serde(default)]
    failure_message: Leaf,
}

#[derive(Deserialize)]
struct RestoredDto {
    #[serde(default)]
    id: Leaf,
    #[serde(default)]
    restore_timestamp: Leaf,
    #[serde(default)]
    is_savepoint: Leaf,
    #[serde(default)]
    external_path: Leaf,
}

impl Convert for CheckpointsDto {
    type Out = Checkpoints;
    fn convert(self) -> Option<Checkpoints> {
        let counts = self.counts?;
        let latest = self.latest.unwrap_or_default();
        Some(Checkpoints {
            completed: counts.completed.u64().unwrap_or(0),
            failed: counts.failed.u64().unwrap_or(0),
            in_progress: counts.in_progress.u64().unwrap_or(0),
            history: self.history.unwrap_or_default().into_iter().map(StatDto::convert).collect(),
            latest_completed: latest.completed.map(StatDto::convert),
            latest_savepoint: latest.savepoint.map(StatDto::convert),
            latest_failed: latest.failed.map(StatDto::convert),
            latest_restored: latest.restored.map(RestoredDto::convert),
        })
    }
}

impl StatDto {
    fn convert(self) -> CheckpointStat {
        let kind = if self.is_savepoint.bool() { "SAVEPOINT" } else { "CHECKPOINT" };
        CheckpointStat {
            id: self.id.u64().unwrap_or(0),
            status: self.status.text_or_empty(),
            kind: self.checkpoint_type.text().unwrap_or_else(|| kind.to_owned()),
            triggered_at: self.trigger_timestamp.time().unwrap_or(Timestamp::from_millis(0)),
            acked_at: self.latest_ack_timestamp.time(),
            duration_ms: self.end_to_end_duration.u64(),
            size: self.state_size.u64().or_else(|| self.checkpointed_size.u64()),
            path: path(&self.external_path),
            discarded: self.discarded.bool(),
            failure: self.failure_message.text().filter(|t| !t.is_empty()),
        }
    }
}

impl RestoredDto {
    fn convert(self) -> Restored {
        Restored {
            id: self.id.u64().unwrap_or(0),
            restored_at: self.restore_timestamp.time(),
            is_savepoint: self.is_savepoint.bool(),
            path: path(&self.external_path),
        }
    }
}

/// Checkpoints in the JobManager's memory have words in angle brackets for a path.
fn path(leaf: &Leaf) -> Option<String> {
    leaf.text().filter(|p| !p.is_empty() && !p.starts_with('<'))
}

#[derive(Deserialize)]
pub(super) struct CheckpointConfigDto {
    mode: Option<String>,
    #[serde(default)]
    interval: Leaf,
    #[serde(default)]
    timeout: Leaf,
    externalization: Option<Externalization>,
}

#[derive(Deserialize)]
struct Externalization {
    #[serde(default)]
    enabled: Leaf,
    #[serde(default)]
    delete_on_cancellation: Leaf,
}

impl Convert for CheckpointConfigDto {
    type Out = CheckpointConfig;
    fn convert(self) -> Option<CheckpointConfig> {
        self.mode?;
        let span = |leaf: &Leaf| leaf.u64().map(|ms| Span(std::time::Duration::from_millis(ms)));
        Some(CheckpointConfig {
            // Off is the largest number there is.
            interval: Some(&self.interval)
                .filter(|l| l.int().is_some_and(|i| i > 0 && i < i64::MAX))
                .and_then(span),
            timeout: span(&self.timeout),
            retained: self
                .externalization
                .is_some_and(|e| e.enabled.bool() && !e.delete_on_cancellation.bool()),
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct ExceptionsDto {
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
pub(super) struct JobConfigDto {
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

/// One metric: an id alone, with a value, or with a sum.
#[derive(Deserialize)]
pub(super) struct MetricDto {
    #[serde(default)]
    pub id: Leaf,
    #[serde(default)]
    pub value: Leaf,
    #[serde(default)]
    pub sum: Leaf,
}

impl Convert for Vec<MetricDto> {
    type Out = Self;
    fn convert(self) -> Option<Self> {
        Some(self)
    }
}

#[derive(Deserialize)]
pub(super) struct JarsDto {
    files: Option<Vec<JarDto>>,
}

#[derive(Deserialize)]
struct JarDto {
    #[serde(default)]
    id: Leaf,
    #[serde(default)]
    name: Leaf,
}

impl Convert for JarsDto {
    type Out = Vec<Jar>;
    fn convert(self) -> Option<Vec<Jar>> {
        let jar = |j: JarDto| Some(Jar { id: j.id.text()?, name: j.name.text_or_empty() });
        Some(self.files?.into_iter().filter_map(jar).collect())
    }
}

#[derive(Deserialize)]
pub(super) struct UploadedDto {
    filename: Option<String>,
}

impl Convert for UploadedDto {
    type Out = Jar;
    /// The id is the last part of the path that Flink stored the jar under: `<uuid>_<name>`.
    fn convert(self) -> Option<Jar> {
        let id = self.filename?.rsplit(['/', '\\']).next()?.to_owned();
        let name = id.split_once('_').map_or(id.as_str(), |(_, name)| name).to_owned();
        Some(Jar { id, name })
    }
}

#[derive(Deserialize)]
pub(super) struct RunDto {
    jobid: Option<String>,
}

impl Convert for RunDto {
    type Out = FlinkJobId;
    fn convert(self) -> Option<FlinkJobId> {
        self.jobid?.parse().ok()
    }
}

#[derive(Deserialize)]
pub(super) struct TriggerDto {
    #[serde(rename = "request-id")]
    request_id: Option<String>,
}

impl Convert for TriggerDto {
    type Out = FlinkJobId;
    fn convert(self) -> Option<FlinkJobId> {
        self.request_id?.parse().ok()
    }
}

/// An answer whose body says nothing.
#[derive(Deserialize)]
pub(super) struct Nothing {}

impl Convert for Nothing {
    type Out = ();
    fn convert(self) -> Option<()> {
        Some(())
    }
}

#[derive(Deserialize)]
pub(super) struct AsyncDto {
    status: Option<AsyncState>,
    operation: Option<AsyncResult>,
}

#[derive(Deserialize)]
struct AsyncState {
    id: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
struct AsyncResult {
    #[serde(default)]
    location: Leaf,
    failure_cause: Option<Cause>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Cause {
    #[serde(default)]
    class: Leaf,
    #[serde(default)]
    stack_trace: Leaf,
    #[serde(default)]
    serialized_throwable: Leaf,
}

impl Convert for AsyncDto {
    type Out = AsyncStatus;
    /// COMPLETED is said of failures, too: what decides is whether there is a cause. An unknown word is no end.
    fn convert(self) -> Option<AsyncStatus> {
        if self.status?.id? != "COMPLETED" {
            return Some(AsyncStatus::InProgress);
        }
        let result = self.operation.unwrap_or_default();
        Some(match result.failure_cause {
            Some(cause) => cause.convert(),
            None => AsyncStatus::Completed { location: result.location.text() },
        })
    }
}

impl Cause {
    fn convert(self) -> AsyncStatus {
        let trace = self.stack_trace.text().or_else(|| self.class.text()).unwrap_or_default();
        let mut full = capped(&trace);
        // A stop can fail after its savepoint is complete; where it is then stands in the exception alone, sometimes only
        // in the serialised form.
        if !trace.contains(SAVEPOINT_MADE)
            && let Some(sentence) = hidden_sentence(&self.serialized_throwable.text_or_empty())
        {
            full = format!("{full}\n{sentence}");
        }
        AsyncStatus::Failed { reason: reason(&trace), full }
    }
}

/// What Flink says when the savepoint of a failed stop is complete.
const SAVEPOINT_MADE: &str = "A savepoint has been created at: ";

/// The sentence with the savepoint's place in a serialised Java exception (base64), if it is there.
fn hidden_sentence(serialised: &str) -> Option<String> {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let bytes = STANDARD.decode(serialised.trim()).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let sentence = text.get(text.find(SAVEPOINT_MADE)?..)?;
    Some(sentence.chars().take_while(|c| !c.is_control() && *c != '\u{fffd}').take(2_000).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_savepoint_hidden_in_a_serialised_exception_is_found() {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        let java = b"\xac\xed\x00\x05sr\x00\x29x\x00\xffA savepoint has been created at: file:/sp/savepoint-1, but the job failed.\x00\x01";
        let json = serde_json::json!({"status": {"id": "COMPLETED"}, "operation": {"failure-cause": {
            "class": "a.B", "stack-trace": "a.B: stopping failed", "serialized-throwable": STANDARD.encode(java)}}});
        let dto: AsyncDto = serde_json::from_value(json).unwrap();
        let AsyncStatus::Failed { reason, full } = dto.convert().unwrap() else { panic!("not failed") };
        assert_eq!(reason, "B: stopping failed");
        assert!(full.contains("created at: file:/sp/savepoint-1, but the job failed."), "{full}");
    }

    #[test]
    fn unknown_words_are_no_end() {
        let dto: AsyncDto = serde_json::from_str(r#"{"status":{"id":"QUEUED"},"operation":null}"#).unwrap();
        assert_eq!(dto.convert(), Some(AsyncStatus::InProgress));
        let dto: AsyncDto = serde_json::from_str("{}").unwrap();
        assert_eq!(dto.convert(), None);
    }
}
