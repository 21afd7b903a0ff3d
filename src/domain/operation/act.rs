//! What a step is to do: one act per [`StepName`].

use serde::{Deserialize, Serialize};

use super::words::StepName;
use crate::domain::ids::{ArtifactSha, FlinkJobId, JobId, OperationId, SavepointId};

/// What a step is to do. Values that an earlier step brings (a savepoint's location, the new job's id) are looked up
/// in that step's [`super::Outcome`], see [`super::Operation::bindings`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Act {
    /// Put the jar of `sha` on the cluster under its own name, unless it is there.
    UploadJar {
        /// Content hash.
        sha: ArtifactSha,
        /// The revision that it belongs to.
        revision: u32,
    },
    /// Compile the plan of the revision; runs the program's `main()` on the JobManager.
    PlanJar {
        /// Which revision.
        revision: u32,
    },
    /// Take a savepoint.
    TriggerSavepoint {
        /// Of this job.
        job: JobRef,
    },
    /// Stop with a savepoint.
    StopWithSavepoint {
        /// This job.
        job: JobRef,
    },
    /// Find the newest completed checkpoint of the job and prove that it survives a cancel.
    RecordCheckpoint {
        /// Of this job.
        job: JobRef,
        /// The job has ended: a live one goes on making newer checkpoints until its end, and Flink keeps only the newest.
        #[serde(default)]
        after_end: bool,
    },
    /// Cancel.
    CancelJob {
        /// This job; none = the one that this operation started last.
        job: Option<JobRef>,
    },
    /// Wait until the job has ended.
    AwaitTerminal {
        /// This job; none = the one that this operation started last.
        job: Option<JobRef>,
    },
    /// Wait until enough slots are free.
    AwaitSlots {
        /// How many.
        needed: u32,
    },
    /// See that none of all job ids ever issued to the deployment is live.
    NoLiveJob,
    /// Submit a revision.
    RunJar {
        /// Which revision.
        revision: u32,
    },
    /// Wait until all tasks of the started job run.
    AwaitRunning,
    /// See that the started job restored the intended snapshot.
    VerifyRestore,
    /// Watch the started job until it completed checkpoints.
    Probation,
    /// Delete the files of a savepoint.
    Dispose {
        /// Which.
        savepoint: SavepointId,
        /// Where it is.
        location: String,
    },
    /// Wait until the open step of a superseded operation is decided.
    AwaitSuperseded {
        /// Which operation.
        operation: OperationId,
    },
    /// Write the books; no effect on the cluster.
    WriteCatalogue,
}

impl Act {
    /// The step's name.
    #[must_use]
    pub const fn name(&self) -> StepName {
        match self {
            Self::UploadJar { .. } => StepName::UploadJar,
            Self::PlanJar { .. } => StepName::PlanJar,
            Self::TriggerSavepoint { .. } => StepName::TriggerSavepoint,
            Self::StopWithSavepoint { .. } => StepName::StopWithSavepoint,
            Self::RecordCheckpoint { .. } => StepName::RecordCheckpoint,
            Self::CancelJob { .. } => StepName::CancelJob,
            Self::AwaitTerminal { .. } => StepName::AwaitTerminal,
            Self::AwaitSlots { .. } => StepName::AwaitSlots,
            Self::NoLiveJob => StepName::NoLiveJob,
            Self::RunJar { .. } => StepName::RunJar,
            Self::AwaitRunning => StepName::AwaitRunning,
            Self::VerifyRestore => StepName::VerifyRestore,
            Self::Probation => StepName::Probation,
            Self::Dispose { .. } => StepName::Dispose,
            Self::AwaitSuperseded { .. } => StepName::AwaitSuperseded,
            Self::WriteCatalogue => StepName::WriteCatalogue,
        }
    }

    /// The step sends a request that changes the cluster.
    #[must_use]
    pub const fn has_effect(&self) -> bool {
        self.name().has_effect()
    }

    /// The effect changes the deployment or its state; an uploaded jar does not.
    #[must_use]
    pub const fn changes_deployment(&self) -> bool {
        self.name().changes_deployment()
    }
}

/// A job by our id and Flink's.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobRef {
    /// Ours.
    pub id: JobId,
    /// Flink's.
    pub flink: FlinkJobId,
}
