//! The cluster as a whole: overview, configuration, jars, answers to submissions, metrics.

use indexmap::IndexMap;
use serde::Deserialize;

use crate::{
    domain::ids::FlinkJobId,
    manager::ports::cluster::{ClusterConfig, Jar, Overview, TaskManager},
};

use super::{super::json::Leaf, Convert};

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::adapters::flink) struct OverviewDto {
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
pub(in crate::adapters::flink) struct TaskManagersDto {
    taskmanagers: Option<Vec<TaskManagerDto>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TaskManagerDto {
    #[serde(default)]
    id: Leaf,
    #[serde(default)]
    slots_number: Leaf,
    #[serde(default)]
    free_slots: Leaf,
    /// Milliseconds since the epoch, whatever its name says; 0 before the first.
    #[serde(default)]
    time_since_last_heartbeat: Leaf,
}

impl Convert for TaskManagersDto {
    type Out = Vec<TaskManager>;
    fn convert(self) -> Option<Vec<TaskManager>> {
        let one = |t: TaskManagerDto| {
            Some(TaskManager {
                id: t.id.text()?,
                slots: t.slots_number.u32().unwrap_or(0),
                slots_free: t.free_slots.u32().unwrap_or(0),
                last_heartbeat: t.time_since_last_heartbeat.time(),
            })
        };
        Some(self.taskmanagers?.into_iter().filter_map(one).collect())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::adapters::flink) struct ConfigDto {
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
pub(in crate::adapters::flink) struct Pair {
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

/// One metric: an id alone, with a value, or with a sum.
#[derive(Deserialize)]
pub(in crate::adapters::flink) struct MetricDto {
    #[serde(default)]
    pub(in crate::adapters::flink) id: Leaf,
    #[serde(default)]
    pub(in crate::adapters::flink) value: Leaf,
    #[serde(default)]
    pub(in crate::adapters::flink) sum: Leaf,
}

impl Convert for Vec<MetricDto> {
    type Out = Self;
    fn convert(self) -> Option<Self> {
        Some(self)
    }
}

#[derive(Deserialize)]
pub(in crate::adapters::flink) struct JarsDto {
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
pub(in crate::adapters::flink) struct UploadedDto {
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
pub(in crate::adapters::flink) struct RunDto {
    jobid: Option<String>,
}

impl Convert for RunDto {
    type Out = FlinkJobId;
    fn convert(self) -> Option<FlinkJobId> {
        self.jobid?.parse().ok()
    }
}

#[derive(Deserialize)]
pub(in crate::adapters::flink) struct TriggerDto {
    #[serde(rename = "request-id")]
    request_id: Option<String>,
}

impl Convert for TriggerDto {
    type Out = FlinkJobId;
    fn convert(self) -> Option<FlinkJobId> {
        self.request_id?.parse().ok()
    }
}
