//! One step of an operation: where it stands, under which key, and what it brought.

use serde::{Deserialize, Serialize};

use super::{Act, JobRef, words::StepState};
use crate::domain::{
    ids::{Hex32, SavepointId},
    time::Timestamp,
};

/// What a confirmed step brought.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Outcome {
    /// The snapshot's place, exactly as Flink returned it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// The catalogue row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub savepoint: Option<SavepointId>,
    /// The job that was started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<JobRef>,
    /// True when the job has ended with the snapshot.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_final: bool,
    /// When the state was taken, by the JobManager's clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub triggered_at: Option<Timestamp>,
    /// The checkpoint number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoint_id: Option<u64>,
    /// Bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// How the job ended, in Flink's word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flink_state: Option<String>,
}

/// One step of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Number within the operation, from 1.
    pub n: u32,
    /// What to do.
    pub act: Act,
    /// Where it stands.
    pub state: StepState,
    /// Attempts so far, counting the one in flight.
    pub attempts: u32,
    /// Effect key of the attempt in flight: trigger id, job id or jar name.
    pub key: Option<String>,
    /// When its first attempt began.
    pub started_at: Option<Timestamp>,
    /// When the intent of the attempt in flight was recorded.
    pub intent_at: Option<Timestamp>,
    /// Flink's start time of the job when the intent was recorded; another one later is the sign of a failover.
    pub mark: Option<Timestamp>,
    /// Not tried again before.
    pub not_before: Option<Timestamp>,
    /// When it was confirmed or refuted.
    pub ended_at: Option<Timestamp>,
    /// What is known, for people.
    pub detail: String,
    /// What it brought.
    pub outcome: Option<Outcome>,
}

impl Step {
    /// A step that has not begun.
    #[must_use]
    pub fn planned(n: u32, act: Act) -> Self {
        Self {
            n,
            act,
            state: StepState::Planned,
            attempts: 0,
            key: None,
            started_at: None,
            intent_at: None,
            mark: None,
            not_before: None,
            ended_at: None,
            detail: String::new(),
            outcome: None,
        }
    }

    /// A refuted submission whose job lives all the same.
    #[must_use]
    pub fn is_half_submitted(&self) -> bool {
        self.state == StepState::Refuted && self.outcome.as_ref().is_some_and(|o| o.job.is_some())
    }

    /// The effect key as a Flink id.
    #[must_use]
    pub fn hex_key(&self) -> Option<Hex32> {
        self.key.as_deref().and_then(|k| k.parse().ok())
    }
}
