//! A deployment's states: what we want, what Flink says, and how the two are put into one word.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::time::Timestamp;
use crate::words;

words!(closed
    /// What a deployment should be doing.
    Desired {
        /// A job runs.
        Running = "RUNNING",
        /// Stopped with a savepoint.
        Suspended = "SUSPENDED",
        /// No job, no promise about state.
        Cancelled = "CANCELLED",
    }
);

words!(closed
    /// What a deployment is seen to be doing.
    Observed {
        /// All tasks run, or Flink is restarting them.
        Running = "RUNNING",
        /// Stopped with a savepoint. (Flink's own SUSPENDED means "leader lost" and is TRANSITIONING here.)
        Suspended = "SUSPENDED",
        /// No job.
        Cancelled = "CANCELLED",
        /// On its way: an operation runs, or Flink is scheduling.
        Transitioning = "TRANSITIONING",
        /// The job failed for good.
        Failed = "FAILED",
        /// The job came to its own end.
        Finished = "FINISHED",
        /// No positive evidence.
        Unknown = "UNKNOWN",
    }
);

words!(open
    /// Flink's job states, verbatim.
    FlinkState {
        /// Being set up, a large restore may take long.
        Initializing = "INITIALIZING",
        /// Created.
        Created = "CREATED",
        /// Running by Flink's word; says nothing about tasks.
        Running = "RUNNING",
        /// On its way to failure or restart.
        Failing = "FAILING",
        /// Failed for good.
        Failed = "FAILED",
        /// On its way to CANCELED.
        Cancelling = "CANCELLING",
        /// Cancelled (Flink's spelling).
        Canceled = "CANCELED",
        /// Ended by itself, or by a stop with savepoint.
        Finished = "FINISHED",
        /// Between two attempts.
        Restarting = "RESTARTING",
        /// Leader lost.
        Suspended = "SUSPENDED",
        /// Being recovered.
        Reconciling = "RECONCILING",
    }
);

impl FlinkState {
    /// The job has ended for good. An unknown word is never an end.
    #[must_use]
    pub const fn is_terminal(&self) -> bool {
        matches!(self, Self::Failed | Self::Canceled | Self::Finished)
    }
}

words!(closed
    /// What may be wrong with a deployment.
    ConditionType {
        /// No JobManager answers.
        ClusterUnreachable = "ClusterUnreachable",
        /// The cluster answers and does not know our job.
        JobLost = "JobLost",
        /// Tasks wait for slots.
        WaitingForSlots = "WaitingForSlots",
        /// Flink is failing or restarting the job.
        JobFailing = "JobFailing",
        /// Three restarts or more in ten minutes.
        JobUnstable = "JobUnstable",
        /// The newest checkpoint is older than max(3 × interval, 2 × timeout).
        CheckpointStale = "CheckpointStale",
        /// No savepoint for too long.
        SavepointStale = "SavepointStale",
        /// Tasks are backpressured.
        Backpressured = "Backpressured",
        /// The spec differs from what runs, or somebody else changed the job.
        Drifted = "Drifted",
        /// A job of this deployment lives again after it was stopped.
        JobRevived = "JobRevived",
    }
);

/// True, False or Unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum ConditionStatus {
    /// Holds.
    True,
    /// Does not hold.
    False,
    /// Cannot be told now.
    Unknown,
}

impl fmt::Display for ConditionStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        })
    }
}

/// One condition of a deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// Which.
    #[serde(rename = "type")]
    pub kind: ConditionType,
    /// Whether it holds.
    pub status: ConditionStatus,
    /// Since when.
    pub since: Timestamp,
    /// Why, in words.
    pub reason: String,
}

words!(closed
    /// One word for the whole deployment or application, worst first.
    Health {
        /// A person is needed.
        Failing = "FAILING",
        /// Something is wrong, state is not in danger yet.
        Degraded = "DEGRADED",
        /// No evidence.
        Unknown = "UNKNOWN",
        /// On its way.
        Progressing = "PROGRESSING",
        /// As wanted.
        Healthy = "HEALTHY",
        /// Not running because nobody wants it to.
        Idle = "IDLE",
    }
);

/// Tasks of a job by state, as `/jobs/overview` counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TaskCounts {
    /// All tasks.
    pub total: u32,
    /// RUNNING.
    pub running: u32,
    /// FINISHED.
    pub finished: u32,
    /// CREATED, SCHEDULED, DEPLOYING, INITIALIZING, RECONCILING.
    pub pending: u32,
    /// CANCELING, CANCELED, FAILED.
    pub other: u32,
}

impl TaskCounts {
    /// Every task runs or has finished, at least one runs.
    #[must_use]
    pub const fn all_running(&self) -> bool {
        self.running > 0 && self.running + self.finished == self.total && self.pending == 0
    }
}

words!(closed
    /// What we did towards a job's end. Written before it is done, so that the end is read rightly by a later manager.
    OurEnd {
        /// We asked for no end.
        None = "NONE",
        /// A stop with savepoint of ours, or a stop savepoint was found.
        StoppedWithSavepoint = "SUSPEND",
        /// We cancelled it.
        Cancelled = "CANCEL",
        /// It never ran: Flink refused the submission, or the submission never arrived.
        NotSubmitted = "NOT_SUBMITTED",
    }
);

/// What is known about a deployment's current job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobSight {
    /// No job was ever started, or the last one is recorded as ended with this state.
    NoJob(Desired),
    /// The cluster cannot be asked.
    Unreachable,
    /// The cluster answers and does not list the job.
    Absent,
    /// The job as listed.
    Seen {
        /// Flink's word.
        state: FlinkState,
        /// Its tasks.
        tasks: TaskCounts,
        /// What we did to it.
        end: OurEnd,
    },
}

/// The mapping table of the domain: Flink's word → ours, with the conditions that hold and why.
#[must_use]
pub fn observe(sight: &JobSight) -> (Observed, Vec<(ConditionType, String)>) {
    use FlinkState as F;
    match sight {
        JobSight::NoJob(Desired::Suspended) => (Observed::Suspended, vec![]),
        JobSight::NoJob(_) => (Observed::Cancelled, vec![]),
        JobSight::Unreachable => (
            Observed::Unknown,
            vec![(ConditionType::ClusterUnreachable, "no JobManager of the target answers".to_owned())],
        ),
        JobSight::Absent => (
            Observed::Unknown,
            vec![(ConditionType::JobLost, "the cluster answers and does not know the job".to_owned())],
        ),
        JobSight::Seen { state, tasks, end } => match state {
            F::Running if tasks.all_running() => (Observed::Running, vec![]),
            F::Running => (
                Observed::Transitioning,
                vec![(
                    ConditionType::WaitingForSlots,
                    format!("{} of {} tasks run", tasks.running, tasks.total),
                )],
            ),
            F::Restarting | F::Failing => {
                (Observed::Running, vec![(ConditionType::JobFailing, format!("Flink says {state}"))])
            }
            F::Initializing | F::Created | F::Reconciling | F::Suspended | F::Cancelling => {
                (Observed::Transitioning, vec![])
            }
            F::Failed => (Observed::Failed, vec![]),
            F::Finished if *end == OurEnd::StoppedWithSavepoint => (Observed::Suspended, vec![]),
            F::Finished => (Observed::Finished, vec![]),
            F::Canceled if *end == OurEnd::Cancelled => (Observed::Cancelled, vec![]),
            F::Canceled => (
                Observed::Cancelled,
                vec![(ConditionType::Drifted, "somebody else cancelled the job".to_owned())],
            ),
            F::Other(word) => (
                Observed::Unknown,
                vec![(ConditionType::JobLost, format!("Flink says {word:?}, which nutkin does not know"))],
            ),
        },
    }
}

/// The conditions after a look. What is not listed is False; what held before, and cannot be seen now, is Unknown: a
/// cluster that does not answer says nothing of its jobs.
#[must_use]
pub fn conditions(
    before: &[Condition],
    holds: Vec<(ConditionType, String)>,
    sight: &JobSight,
    now: Timestamp,
) -> Vec<Condition> {
    let since = |kind| before.iter().find(|c| c.kind == kind).map_or(now, |c| c.since);
    let mut next: Vec<Condition> = holds
        .into_iter()
        .map(|(kind, reason)| Condition { kind, status: ConditionStatus::True, since: since(kind), reason })
        .collect();
    let hidden: &[ConditionType] = match sight {
        JobSight::Unreachable => &[
            ConditionType::JobFailing,
            ConditionType::JobUnstable,
            ConditionType::CheckpointStale,
            ConditionType::WaitingForSlots,
            ConditionType::JobLost,
            ConditionType::JobRevived,
        ],
        JobSight::Absent => {
            &[ConditionType::JobFailing, ConditionType::JobUnstable, ConditionType::CheckpointStale]
        }
        _ => &[],
    };
    let gone: Vec<Condition> = before
        .iter()
        .filter(|c| hidden.contains(&c.kind) && !next.iter().any(|n| n.kind == c.kind))
        .map(|c| Condition { status: ConditionStatus::Unknown, ..c.clone() })
        .collect();
    next.extend(gone);
    next
}

/// A state is wanted that the deployment is not in, and nothing leads there by itself: a person starts it again.
#[must_use]
pub const fn needs_a_start(desired: Desired, observed: Observed) -> bool {
    matches!(desired, Desired::Running)
        && matches!(
            observed,
            Observed::Failed | Observed::Finished | Observed::Cancelled | Observed::Suspended
        )
}

/// The worst thing first: what one deployment amounts to.
#[must_use]
pub fn health(
    desired: Desired,
    observed: Observed,
    conditions: &[Condition],
    needs_attention: bool,
) -> Health {
    let holds =
        |k: ConditionType| conditions.iter().any(|c| c.kind == k && c.status == ConditionStatus::True);
    if needs_attention
        || observed == Observed::Failed
        || holds(ConditionType::JobLost)
        || holds(ConditionType::JobRevived)
    {
        return Health::Failing;
    }
    let degraded = [
        ConditionType::JobFailing,
        ConditionType::JobUnstable,
        ConditionType::CheckpointStale,
        ConditionType::Backpressured,
        ConditionType::WaitingForSlots,
        ConditionType::Drifted,
    ];
    match observed {
        Observed::Unknown => Health::Unknown,
        _ if degraded.into_iter().any(holds) => Health::Degraded,
        Observed::Transitioning => Health::Progressing,
        Observed::Finished | Observed::Cancelled | Observed::Suspended if desired == Desired::Running => {
            Health::Degraded
        }
        Observed::Running => Health::Healthy,
        _ => Health::Idle,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn seen(state: FlinkState, running: u32, pending: u32, end: OurEnd) -> JobSight {
        JobSight::Seen { state, tasks: TaskCounts { total: 4, running, pending, ..Default::default() }, end }
    }

    #[rstest]
    #[case(seen(FlinkState::Running, 4, 0, OurEnd::None), Observed::Running, None)]
    #[case(
        seen(FlinkState::Running, 0, 4, OurEnd::None),
        Observed::Transitioning,
        Some(ConditionType::WaitingForSlots)
    )]
    #[case(
        seen(FlinkState::Restarting, 0, 4, OurEnd::None),
        Observed::Running,
        Some(ConditionType::JobFailing)
    )]
    #[case(seen(FlinkState::Failing, 0, 0, OurEnd::None), Observed::Running, Some(ConditionType::JobFailing))]
    #[case(seen(FlinkState::Suspended, 0, 0, OurEnd::None), Observed::Transitioning, None)]
    #[case(seen(FlinkState::Failed, 0, 0, OurEnd::None), Observed::Failed, None)]
    #[case(seen(FlinkState::Finished, 0, 0, OurEnd::StoppedWithSavepoint), Observed::Suspended, None)]
    #[case(seen(FlinkState::Finished, 0, 0, OurEnd::None), Observed::Finished, None)]
    #[case(seen(FlinkState::Canceled, 0, 0, OurEnd::Cancelled), Observed::Cancelled, None)]
    #[case(seen(FlinkState::Canceled, 0, 0, OurEnd::None), Observed::Cancelled, Some(ConditionType::Drifted))]
    #[case(
        seen(FlinkState::from_word("NEWFANGLED"), 0, 0, OurEnd::None),
        Observed::Unknown,
        Some(ConditionType::JobLost)
    )]
    #[case(JobSight::Absent, Observed::Unknown, Some(ConditionType::JobLost))]
    #[case(JobSight::Unreachable, Observed::Unknown, Some(ConditionType::ClusterUnreachable))]
    #[case(JobSight::NoJob(Desired::Suspended), Observed::Suspended, None)]
    fn mapping_table(
        #[case] sight: JobSight,
        #[case] observed: Observed,
        #[case] condition: Option<ConditionType>,
    ) {
        let (o, c) = observe(&sight);
        assert_eq!((o, c.first().map(|(k, _)| *k)), (observed, condition));
    }

    fn condition(kind: ConditionType, since: i64) -> Condition {
        let since = Timestamp::from_millis(since);
        Condition { kind, status: ConditionStatus::True, since, reason: "r".into() }
    }

    /// Before the look: JobFailing since 1.
    #[rstest]
    #[case::still(seen(FlinkState::Restarting, 0, 4, OurEnd::None), Some(ConditionStatus::True))]
    #[case::not_any_more(seen(FlinkState::Running, 4, 0, OurEnd::None), None)]
    #[case::nobody_can_say(JobSight::Unreachable, Some(ConditionStatus::Unknown))]
    #[case::nor_of_a_job_that_is_lost(JobSight::Absent, Some(ConditionStatus::Unknown))]
    fn what_cannot_be_seen_is_unknown(#[case] sight: JobSight, #[case] expected: Option<ConditionStatus>) {
        let before = [condition(ConditionType::JobFailing, 1)];
        let next = conditions(&before, observe(&sight).1, &sight, Timestamp::from_millis(9));
        let found = next.iter().find(|c| c.kind == ConditionType::JobFailing);
        assert_eq!(found.map(|c| c.status), expected);
        assert!(found.is_none_or(|c| c.since.millis() == 1), "since it began, not since the last look");
    }

    #[test]
    fn an_answer_ends_what_only_silence_said() {
        let before = [condition(ConditionType::ClusterUnreachable, 1)];
        let next =
            conditions(&before, observe(&JobSight::Absent).1, &JobSight::Absent, Timestamp::from_millis(9));
        assert_eq!(next.iter().map(|c| c.kind).collect::<Vec<_>>(), [ConditionType::JobLost]);
    }

    #[rstest]
    #[case(Desired::Running, Observed::Failed, true)]
    #[case(Desired::Running, Observed::Running, false)]
    #[case(Desired::Running, Observed::Unknown, false)]
    #[case(Desired::Suspended, Observed::Suspended, false)]
    #[case(Desired::Cancelled, Observed::Failed, false)]
    fn who_needs_a_start(#[case] desired: Desired, #[case] observed: Observed, #[case] needs: bool) {
        assert_eq!(needs_a_start(desired, observed), needs);
    }
}
