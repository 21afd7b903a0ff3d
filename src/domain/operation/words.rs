//! The closed words of operations: kinds, states, names of steps.

use crate::words;

words!(closed
    /// What an operation is for.
    Kind {
        /// Run a job.
        Start = "START",
        /// Stop with a savepoint.
        Suspend = "SUSPEND",
        /// Stop without one.
        Cancel = "CANCEL",
        /// Take a savepoint, the job goes on.
        Savepoint = "SAVEPOINT",
        /// Stop with a savepoint and run the same revision again.
        Restart = "RESTART",
        /// Make a chosen savepoint the next restore point.
        Reset = "RESET",
        /// Stop with a savepoint and run a new revision from it.
        Upgrade = "UPGRADE",
        /// Run an earlier revision again.
        Rollback = "ROLLBACK",
        /// A new deployment from this one's state.
        Fork = "FORK",
        /// Take a job that somebody started into the books.
        Adopt = "ADOPT",
        /// Enter a savepoint by its location.
        Import = "IMPORT",
        /// Delete a savepoint's files.
        Dispose = "DISPOSE",
        /// Remove a deployment from the books.
        Delete = "DELETE",
    }
);

words!(closed
    /// Where an operation stands.
    OpState {
        /// Accepted, waits for its turn.
        Queued = "QUEUED",
        /// Being driven.
        Running = "RUNNING",
        /// Waits for a person, with a closed list of choices.
        NeedsAttention = "NEEDS_ATTENTION",
        /// The goal is reached.
        Succeeded = "SUCCEEDED",
        /// Ended before any effect.
        FailedNoEffect = "FAILED_NO_EFFECT",
        /// Failed after an effect; the result says what was and was not changed.
        Failed = "FAILED",
        /// The new revision failed, the previous one runs again.
        RolledBack = "ROLLED_BACK",
        /// Cancelled before its first effect or at a later safe point, or superseded.
        Cancelled = "CANCELLED",
        /// A chosen child operation took over.
        Resolved = "RESOLVED",
        /// A person gave it up.
        Abandoned = "ABANDONED",
    }
);

impl OpState {
    /// Holds the deployment: no second operation may begin.
    #[must_use]
    pub const fn is_active(self) -> bool {
        matches!(self, Self::Queued | Self::Running | Self::NeedsAttention)
    }
}

words!(closed
    /// Where a step stands.
    StepState {
        /// Not begun.
        Planned = "PLANNED",
        /// Its effect key is on disk; it may have happened.
        Intent = "INTENT",
        /// There is evidence that it happened.
        Confirmed = "CONFIRMED",
        /// There is evidence that it did not, and no attempt is left.
        Refuted = "REFUTED",
        /// Past its patience without evidence either way.
        Ambiguous = "AMBIGUOUS",
        /// Not needed.
        Skipped = "SKIPPED",
    }
);

words!(closed
    /// The closed list of steps that recipes are made of.
    StepName {
        /// Put a jar on the cluster.
        UploadJar = "UPLOAD_JAR",
        /// Let Flink compile the program's plan.
        PlanJar = "PLAN_JAR",
        /// Take a savepoint.
        TriggerSavepoint = "TRIGGER_SAVEPOINT",
        /// Stop with a savepoint.
        StopWithSavepoint = "STOP_WITH_SAVEPOINT",
        /// Prove the newest retained checkpoint before its job is cancelled.
        RecordCheckpoint = "RECORD_CHECKPOINT",
        /// Cancel a job.
        CancelJob = "CANCEL_JOB",
        /// Wait for the job's end.
        AwaitTerminal = "AWAIT_TERMINAL",
        /// Wait for free slots.
        AwaitSlots = "AWAIT_SLOTS",
        /// See that no job of this deployment lives.
        NoLiveJob = "NO_LIVE_JOB",
        /// Submit the job.
        RunJar = "RUN_JAR",
        /// Wait until all tasks run.
        AwaitRunning = "AWAIT_RUNNING",
        /// See that the job restored what it was given.
        VerifyRestore = "VERIFY_RESTORE",
        /// Watch the new job for a while.
        Probation = "PROBATION",
        /// Delete a savepoint's files.
        Dispose = "DISPOSE",
        /// Wait until it is known what a superseded operation has begun.
        AwaitSuperseded = "AWAIT_SUPERSEDED",
        /// Write the books.
        WriteCatalogue = "WRITE_CATALOGUE",
    }
);

impl StepName {
    /// The step sends a request that changes the cluster.
    #[must_use]
    pub const fn has_effect(self) -> bool {
        matches!(
            self,
            Self::UploadJar
                | Self::TriggerSavepoint
                | Self::StopWithSavepoint
                | Self::CancelJob
                | Self::RunJar
                | Self::Dispose
        )
    }

    /// The effect changes the deployment or its state; an uploaded jar does not.
    #[must_use]
    pub const fn changes_deployment(self) -> bool {
        self.has_effect() && !matches!(self, Self::UploadJar)
    }
}
