//! What is known of each target and each deployment: its row beside what was last seen of it.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use serde_json::Value;

use crate::{
    contract::model::{MetricValue, RootCause},
    domain::{
        deployment::{Condition, ConditionType, FlinkState, Observed},
        ids::{DeploymentId, FlinkJobId, JobId, OperationId, TargetName},
        restore::{Lineage, Origins},
        savepoint::Savepoint,
        spec::Spec,
        target::TargetSpec,
        time::Timestamp,
    },
    manager::ports::{
        cluster::{
            CheckpointConfig, Checkpoints, Cluster, ClusterConfig, ClusterError, JobSummary, Overview,
        },
        store::{DeploymentRow, JobRow, RevisionRow, TargetRow},
    },
};

/// What was last seen of a target.
#[derive(Debug, Clone, Default)]
pub struct TargetSight {
    /// Whether it answered last time.
    pub reachable: Option<bool>,
    /// Why it did not.
    pub error: Option<String>,
    /// When it last answered.
    pub observed_at: Option<Timestamp>,
    /// Slots and version.
    pub overview: Option<Overview>,
    /// Switches.
    pub config: Option<ClusterConfig>,
    /// The cluster's own savepoint directory.
    pub savepoint_base: Option<String>,
    /// Every job it lists.
    pub jobs: Vec<JobSummary>,
    /// To whom each live job was once issued that is no deployment's job now; `None` = to nobody here.
    pub issued: HashMap<FlinkJobId, Option<DeploymentId>>,
    /// What of it is in the log.
    pub noted: NotedTarget,
}

/// What of a target's sight the event log has: what is not written is seen as new in the next round.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NotedTarget {
    /// Whether it answered.
    pub reachable: Option<bool>,
    /// The live jobs that nobody managed; `None` = it never answered.
    pub unmanaged: Option<Vec<FlinkJobId>>,
}

/// What of a deployment's sight the event log has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Noted {
    /// Conditions that hold.
    pub conditions: Vec<ConditionType>,
    /// Flink's word of the job, to tell a restart from one that was told.
    pub state: Option<FlinkState>,
    /// Live jobs of it beside the one in the books.
    pub strays: Vec<FlinkJobId>,
    /// The lost job whose remains were looked for.
    pub left: Option<JobId>,
    /// That somebody must start it again.
    pub needs_a_start: bool,
    /// Why its tasks failed last.
    pub cause: Option<RootCause>,
}

/// A target: its row, its client, what was seen.
#[derive(Debug, Clone)]
pub struct TargetEntry {
    /// Row.
    pub row: TargetRow,
    /// Its document.
    pub spec: TargetSpec,
    /// Its client, or why there is none.
    pub cluster: Result<Arc<dyn Cluster>, ClusterError>,
    /// What was seen.
    pub sight: TargetSight,
}

/// What was last seen of a deployment's job.
#[derive(Debug, Clone)]
pub struct DeploymentSight {
    /// As listed.
    pub summary: Option<JobSummary>,
    /// Our word.
    pub observed: Observed,
    /// When.
    pub observed_at: Option<Timestamp>,
    /// What may be wrong.
    pub conditions: Vec<Condition>,
    /// Checkpoint statistics.
    pub checkpoints: Option<Checkpoints>,
    /// Checkpoint settings.
    pub checkpoint_config: Option<CheckpointConfig>,
    /// Parallelism that the program runs with.
    pub parallelism: Option<u32>,
    /// When the slow lane last asked, whatever came of it.
    pub asked_at: Option<Timestamp>,
    /// When it last got an answer.
    pub checkpoints_at: Option<Timestamp>,
    /// Times of restarts, newest last.
    pub restarts: VecDeque<Timestamp>,
    /// Restarts that were seen as they happened and that Flink's count does not hold yet.
    pub restarts_told: u64,
    /// Why it is in trouble.
    pub root_cause: Option<RootCause>,
    /// The program's own numbers.
    pub metrics: Vec<MetricValue>,
    /// What of it is in the log.
    pub noted: Noted,
}

impl Default for DeploymentSight {
    fn default() -> Self {
        Self {
            summary: None,
            observed: Observed::Unknown,
            observed_at: None,
            conditions: vec![],
            checkpoints: None,
            checkpoint_config: None,
            parallelism: None,
            asked_at: None,
            checkpoints_at: None,
            restarts: VecDeque::new(),
            restarts_told: 0,
            root_cause: None,
            metrics: vec![],
            noted: Noted::default(),
        }
    }
}

/// A deployment: its row, its newest job, its restore points, what was seen.
#[derive(Debug, Clone)]
pub struct DeploymentEntry {
    /// Row.
    pub row: DeploymentRow,
    /// The job that lives, or lived last.
    pub job: Option<JobRow>,
    /// The current revision.
    pub revision: Option<RevisionRow>,
    /// Its effective spec.
    pub spec: Option<Spec>,
    /// What its jobs were restored from, as far back as anybody looks.
    pub origins: Origins,
    /// Restore points, newest first, as many as anybody looks at.
    pub savepoints: Vec<Savepoint>,
    /// The operation that holds it.
    pub operation: Option<OperationId>,
    /// What was seen.
    pub sight: DeploymentSight,
}

impl DeploymentEntry {
    pub(super) fn new(row: DeploymentRow) -> Self {
        Self {
            row,
            job: None,
            revision: None,
            spec: None,
            origins: Origins::new(),
            savepoints: vec![],
            operation: None,
            sight: DeploymentSight::default(),
        }
    }

    /// Its job was seen, and had not ended.
    #[must_use]
    pub fn is_seen_alive(&self) -> bool {
        self.sight.summary.as_ref().is_some_and(|s| !s.state.is_terminal())
    }

    /// The history that the last job goes on with.
    #[must_use]
    pub fn lineage(&self) -> Option<Lineage> {
        Lineage::of(self.row.job.as_ref()?, &self.origins, &self.savepoints)
    }

    /// The restore points of that history, newest first.
    pub fn own_savepoints(&self) -> impl Iterator<Item = &Savepoint> {
        let lineage = self.lineage();
        self.savepoints.iter().filter(move |s| lineage.as_ref().is_none_or(|l| l.has(s)))
    }

    /// The target of the current revision, or of the layer when there is none.
    #[must_use]
    pub fn target(&self) -> TargetName {
        let of_layer = || self.row.layer.get("target").and_then(Value::as_str).unwrap_or_default().to_owned();
        TargetName::new(self.spec.as_ref().map_or_else(of_layer, |s| s.target.clone()))
    }
}
