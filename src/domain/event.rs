//! The append-only event log's vocabulary.

use serde::{Deserialize, Serialize};

use super::{
    ids::{DeploymentId, DeploymentName, JobId, OperationId},
    time::Timestamp,
};
use crate::words;

words!(closed
    /// How loud an event is.
    Severity {
        /// For completeness.
        Debug = "debug",
        /// Normal life.
        Info = "info",
        /// Worth a look.
        Warn = "warn",
        /// A person is needed, or something failed.
        Error = "error",
    }
);

/// So many bytes of a stack trace are kept with an event.
pub const MOST_OF_A_TRACE: usize = 16 * 1024;

words!(open
    /// Stable names of events: past or present facts.
    EventName {
        /// A target was registered, changed or removed.
        TargetChanged = "TARGET_CHANGED",
        /// An application was created, changed or removed.
        ApplicationChanged = "APPLICATION_CHANGED",
        /// A deployment came to be.
        DeploymentCreated = "DEPLOYMENT_CREATED",
        /// A deployment was deleted from the books.
        DeploymentDeleted = "DEPLOYMENT_DELETED",
        /// A new effective spec was numbered.
        RevisionCreated = "REVISION_CREATED",
        /// Desired and observed state differ.
        StateTransitionNeeded = "STATE_TRANSITION_NEEDED",
        /// An operation was accepted.
        OperationQueued = "OPERATION_QUEUED",
        /// An operation began.
        OperationStarted = "OPERATION_STARTED",
        /// A step's intent was recorded; it may have happened.
        StepStarted = "STEP_STARTED",
        /// A step has evidence of its effect.
        StepConfirmed = "STEP_CONFIRMED",
        /// A step had no effect and is tried again.
        StepRetried = "STEP_RETRIED",
        /// A step had no effect, or none that is of use.
        StepRefuted = "STEP_REFUTED",
        /// A step's outcome cannot be told yet.
        StepAmbiguous = "STEP_AMBIGUOUS",
        /// An operation reached its goal.
        OperationSucceeded = "OPERATION_SUCCEEDED",
        /// An operation failed.
        OperationFailed = "OPERATION_FAILED",
        /// A person asked an operation to stop: before its first effect, or at its next safe point.
        OperationCancelled = "OPERATION_CANCELLED",
        /// Another operation took over; no further step of this one is sent.
        OperationSuperseded = "OPERATION_SUPERSEDED",
        /// A waiting operation was resolved by a choice.
        OperationResolved = "OPERATION_RESOLVED",
        /// An operation waits for a person.
        NeedsAttention = "NEEDS_ATTENTION",
        /// A savepoint was asked for.
        SavepointStarted = "SAVEPOINT_STARTED",
        /// A savepoint is complete.
        SavepointCompleted = "SAVEPOINT_COMPLETED",
        /// A savepoint failed.
        SavepointFailed = "SAVEPOINT_FAILED",
        /// A savepoint is no longer at its place.
        SavepointMissing = "SAVEPOINT_MISSING",
        /// A savepoint made by somebody else, or a retained checkpoint, was entered.
        SavepointRegistered = "SAVEPOINT_REGISTERED",
        /// A savepoint was deleted.
        SavepointDeleted = "SAVEPOINT_DELETED",
        /// A savepoint's pin or label changed.
        SavepointChanged = "SAVEPOINT_CHANGED",
        /// A chosen restore point was disarmed by something newer.
        ResetDisarmed = "RESET_DISARMED",
        /// A job of ours runs.
        JobStarted = "JOB_STARTED",
        /// Flink's state of a job changed.
        JobStateChanged = "JOB_STATE_CHANGED",
        /// Flink restarted a job.
        JobRestarted = "JOB_RESTARTED",
        /// The cluster no longer knows a job.
        JobLost = "JOB_LOST",
        /// A job that had ended lives again.
        JobRevived = "JOB_REVIVED",
        /// A job that nobody manages was seen.
        UnmanagedJobSeen = "UNMANAGED_JOB_SEEN",
        /// A checkpoint completed.
        CheckpointCompleted = "CHECKPOINT_COMPLETED",
        /// A checkpoint failed.
        CheckpointFailed = "CHECKPOINT_FAILED",
        /// An exception was seen.
        ExceptionSeen = "EXCEPTION_SEEN",
        /// A condition came or went.
        ConditionChanged = "CONDITION_CHANGED",
        /// A target answers again.
        TargetReachable = "TARGET_REACHABLE",
        /// A target stopped answering.
        TargetUnreachable = "TARGET_UNREACHABLE",
        /// No manager watched for a while.
        WatchGap = "WATCH_GAP",
        /// The previous manager did not shut down cleanly.
        ManagerLost = "MANAGER_LOST",
        /// A layer of configuration changed.
        ConfigChanged = "CONFIG_CHANGED",
        /// A check has found the store's file damaged.
        StoreDamaged = "STORE_DAMAGED",
        /// A request was refused by policy.
        PolicyDenied = "POLICY_DENIED",
        /// An upgrade went back to the previous revision.
        RolledBack = "ROLLED_BACK",
        /// An artifact was stored.
        ArtifactStored = "ARTIFACT_STORED",
    }
);

words!(closed
    /// Through which face a request came.
    Via {
        /// The console.
        Tui = "tui",
        /// The command line.
        Cli = "cli",
        /// The REST API.
        Api = "api",
        /// The manager itself.
        Auto = "auto",
    }
);

/// An event on its way into the log; the store gives it its number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NewEvent {
    /// When.
    pub at: Timestamp,
    /// How loud.
    pub severity: Severity,
    /// What.
    pub name: EventName,
    /// The application it is about.
    pub application: Option<String>,
    /// The deployment it is about.
    pub deployment: Option<DeploymentId>,
    /// The deployment's name at that time.
    pub deployment_name: Option<String>,
    /// The job it is about.
    pub job: Option<JobId>,
    /// The operation it belongs to.
    pub operation: Option<OperationId>,
    /// Who.
    pub actor: String,
    /// Through which face.
    pub via: Via,
    /// One line for people.
    pub message: String,
    /// More for machines.
    pub details: serde_json::Value,
}

impl NewEvent {
    /// An event of the manager itself about nothing in particular yet.
    #[must_use]
    pub fn auto(at: Timestamp, severity: Severity, name: EventName, message: impl Into<String>) -> Self {
        Self {
            at,
            severity,
            name,
            application: None,
            deployment: None,
            deployment_name: None,
            job: None,
            operation: None,
            actor: "nutkin".to_owned(),
            via: Via::Auto,
            message: message.into(),
            details: serde_json::Value::Null,
        }
    }

    /// Says which deployment it is about; its application follows from the name.
    #[must_use]
    pub fn about(self, id: &DeploymentId, name: &DeploymentName) -> Self {
        Self {
            application: Some(name.app().to_owned()),
            deployment: Some(id.clone()),
            deployment_name: Some(name.to_string()),
            ..self
        }
    }
}

/// An event as the log keeps it.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its number; grows by one with every event of a store.
    pub seq: u64,
    /// The event.
    pub event: NewEvent,
}
