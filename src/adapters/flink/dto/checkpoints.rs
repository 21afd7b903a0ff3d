//! Checkpoints: statistics and configuration.

use serde::Deserialize;

use crate::{
    domain::{
        flink::{CheckpointKind, CheckpointStatus},
        time::{Span, Timestamp},
    },
    manager::ports::cluster::{CheckpointConfig, CheckpointStat, Checkpoints, Restored},
};

use super::{super::json::Leaf, Convert};

#[derive(Deserialize)]
pub(in crate::adapters::flink) struct CheckpointsDto {
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
        // A word of a newer Flink, or none at all: whether it is a savepoint is told apart from that.
        let told = self.checkpoint_type.text().map(|word| CheckpointKind::from_word(&word));
        let kind =
            told.filter(|k| !matches!(k, CheckpointKind::Other(_))).unwrap_or(if self.is_savepoint.bool() {
                CheckpointKind::Savepoint
            } else {
                CheckpointKind::Checkpoint
            });
        CheckpointStat {
            id: self.id.u64().unwrap_or(0),
            status: CheckpointStatus::from_word(&self.status.text_or_empty()),
            kind,
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
pub(in crate::adapters::flink) struct CheckpointConfigDto {
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
