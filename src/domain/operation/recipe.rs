//! Which steps a kind of operation is made of, and what follows a failure.

use super::{
    Act, Choice, ChoiceId, JobRef, Kind, OnFailure, OpState, Operation, Plan, RestoreSource, Step, StepState,
    evidence::{abandon, choice},
    supersede::Takeover,
};
use crate::domain::ids::ArtifactSha;

/// Facts that decide between the shapes of a recipe.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// The job that lives now.
    pub live: Option<JobRef>,
    /// How the live job is brought to its end.
    pub stop: Stop,
    /// The jar of the revision to run.
    pub jar: Option<ArtifactSha>,
    /// The jar of the revision to go back to.
    pub previous_jar: Option<ArtifactSha>,
    /// Checkpoints of the live job survive it.
    pub retained: bool,
    /// The target wants the plan compiled first.
    pub plan_check: bool,
    /// What is taken over from an operation at work.
    pub takeover: Takeover,
}

/// How a live job is brought to its end before a new one starts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Stop {
    /// With a savepoint.
    #[default]
    Savepoint,
    /// Cancel, and go on from its newest retained checkpoint.
    LastCheckpoint,
    /// Cancel; its state is not used.
    Discard,
}

/// The steps of an operation.
#[must_use]
pub fn steps(kind: Kind, plan: &Plan, facts: &Facts) -> Vec<Act> {
    match kind {
        Kind::Savepoint => facts
            .live
            .iter()
            .map(|j| Act::TriggerSavepoint { job: j.clone() })
            .chain([Act::WriteCatalogue])
            .collect(),
        Kind::Suspend => facts
            .live
            .iter()
            .map(|j| Act::StopWithSavepoint { job: j.clone() })
            .chain(decided(facts))
            .chain([Act::WriteCatalogue])
            .collect(),
        Kind::Cancel => cancel(facts),
        Kind::Start | Kind::Upgrade | Kind::Restart | Kind::Rollback => run(plan, facts),
        Kind::Reset if facts.live.is_some() => run(plan, facts),
        Kind::Fork => match (&facts.live, &plan.restore) {
            (Some(j), RestoreSource::ThisOperation) => {
                vec![Act::TriggerSavepoint { job: j.clone() }, Act::WriteCatalogue]
            }
            _ => vec![Act::WriteCatalogue],
        },
        Kind::Dispose => plan
            .savepoint
            .iter()
            .map(|id| Act::Dispose {
                savepoint: id.clone(),
                location: plan.location.clone().unwrap_or_default(),
            })
            .chain([Act::WriteCatalogue])
            .collect(),
        Kind::Reset | Kind::Adopt | Kind::Import | Kind::Delete => vec![Act::WriteCatalogue],
    }
}

/// The live job ends, and every other one that a superseded operation may have left.
fn cancel(facts: &Facts) -> Vec<Act> {
    let others = facts.takeover.jobs.iter().filter(|j| facts.live.as_ref() != Some(*j));
    let others = others
        .flat_map(|j| [Act::CancelJob { job: Some(j.clone()) }, Act::AwaitTerminal { job: Some(j.clone()) }]);
    let ends = ending(facts, Stop::Discard).into_iter().chain(others).chain(left_checkpoint(facts));
    let acts: Vec<Act> = match facts.takeover.first {
        true => decided(facts).chain(ends).collect(),
        false => ends.chain(decided(facts)).collect(),
    };
    acts.into_iter().chain([Act::WriteCatalogue]).collect()
}

/// What superseded operations have begun is known.
fn decided(facts: &Facts) -> impl Iterator<Item = Act> {
    facts.takeover.wait_for.iter().map(|id| Act::AwaitSuperseded { operation: id.clone() })
}

/// A retained checkpoint outlives its job: it becomes a restore point, whatever the next job begins from.
fn left_checkpoint(facts: &Facts) -> Option<Act> {
    let job = facts.live.clone().filter(|_| facts.retained)?;
    Some(Act::RecordCheckpoint { job, after_end: true })
}

/// How the live job ends.
pub(super) fn ending(facts: &Facts, stop: Stop) -> Vec<Act> {
    let Some(job) = facts.live.clone() else { return vec![] };
    let cancel = [Act::CancelJob { job: Some(job.clone()) }, Act::AwaitTerminal { job: Some(job.clone()) }];
    match stop {
        Stop::Savepoint => vec![Act::StopWithSavepoint { job }],
        Stop::LastCheckpoint => {
            let record = |after_end| Act::RecordCheckpoint { job: job.clone(), after_end };
            [record(false)].into_iter().chain(cancel).chain([record(true)]).collect()
        }
        Stop::Discard => cancel.into(),
    }
}

/// Both jars are on the cluster before anything is stopped: a way forward and a way back.
fn run(plan: &Plan, facts: &Facts) -> Vec<Act> {
    let Some(revision) = plan.revision else { return vec![] };
    let upload = |sha: &ArtifactSha, revision| Act::UploadJar { sha: sha.clone(), revision };
    let mut acts: Vec<Act> = facts.jar.iter().map(|sha| upload(sha, revision)).collect();
    let other = facts.previous_jar.iter().filter(|p| facts.live.is_some() && Some(*p) != facts.jar.as_ref());
    acts.extend(other.zip(plan.previous_revision).map(|(sha, previous)| upload(sha, previous)));
    if facts.plan_check {
        acts.push(Act::PlanJar { revision });
    }
    acts.extend(ending(facts, facts.stop));
    acts.extend(left_checkpoint(facts).filter(|_| facts.stop == Stop::Discard));
    acts.extend(submission(revision, plan.slots_needed));
    acts.extend([Act::Probation, Act::WriteCatalogue]);
    acts
}

/// From "nothing lives" to "it runs and has its state".
fn submission(revision: u32, slots: u32) -> Vec<Act> {
    vec![
        Act::NoLiveJob,
        Act::AwaitSlots { needed: slots },
        Act::RunJar { revision },
        Act::AwaitRunning,
        Act::VerifyRestore,
    ]
}

/// What follows a step that failed for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fallout {
    /// The operation ends.
    End(OpState),
    /// These steps follow, then it ends as this.
    Append(Vec<Act>, OpState),
    /// A person decides.
    Ask(&'static str, String, Vec<Choice>),
}

/// What follows the failure of the current step.
#[must_use]
pub fn fallout(op: &Operation, reason: &str) -> Fallout {
    if op.plan.compensation.is_some() {
        return Fallout::Ask(
            "WAY_BACK_FAILED",
            format!("the way back failed too: {reason}"),
            vec![choice(ChoiceId::Retry, "the failed step is tried again"), abandon()],
        );
    }
    let submitted = op.last_job().is_some();
    match (old_job_ended(op), way_back(op)) {
        (Some(Ended::WithSnapshot), Some(acts)) => match op.plan.probation.on_failure {
            OnFailure::Rollback => Fallout::Append(acts, OpState::RolledBack),
            OnFailure::Ask => Fallout::Ask(
                "UPGRADE_FAILED",
                format!("the new revision failed: {reason}"),
                vec![
                    choice(
                        ChoiceId::RollBack,
                        "the previous revision runs again from the same snapshot; outputs since are produced again",
                    ),
                    choice(ChoiceId::Retry, "the failed step is tried again"),
                    abandon(),
                ],
            ),
            // What is kept is a job that was submitted as a whole.
            OnFailure::Keep if half_submitted(op) => Fallout::Append(clean_up(op), OpState::Failed),
            OnFailure::Keep => Fallout::End(OpState::Failed),
        },
        (Some(Ended::WithoutSnapshot), _) if submitted || op.plan.previous_revision.is_some() => {
            Fallout::Ask(
                "STATELESS_START_FAILED",
                format!("the old job was cancelled and the new one failed: {reason}"),
                vec![choice(ChoiceId::Retry, "the failed step is tried again"), abandon()],
            )
        }
        _ if submitted => Fallout::Append(clean_up(op), OpState::Failed),
        _ if op.had_effect() => Fallout::End(OpState::Failed),
        _ => Fallout::End(OpState::FailedNoEffect),
    }
}

/// The submission was refused, and left a job behind that lives.
fn half_submitted(op: &Operation) -> bool {
    op.steps.iter().any(Step::is_half_submitted)
}

enum Ended {
    WithSnapshot,
    WithoutSnapshot,
}

/// Whether this operation has brought the old job to its end, and whether its state is safe.
fn old_job_ended(op: &Operation) -> Option<Ended> {
    let old = op.plan.old_job.as_ref()?;
    let ended = op.steps.iter().any(|s| {
        s.state == StepState::Confirmed
            && match &s.act {
                Act::StopWithSavepoint { job } => job == old,
                Act::CancelJob { job: Some(job) } => job == old,
                _ => false,
            }
    });
    ended.then(|| if op.restore_location().is_some() { Ended::WithSnapshot } else { Ended::WithoutSnapshot })
}

fn clean_up(op: &Operation) -> Vec<Act> {
    let job = op.last_job();
    vec![Act::CancelJob { job: job.clone() }, Act::AwaitTerminal { job }, Act::WriteCatalogue]
}

/// The steps back to the previous revision, from the same snapshot, under a new job id.
pub(super) fn way_back(op: &Operation) -> Option<Vec<Act>> {
    let previous = op.plan.previous_revision.filter(|_| op.can_go_back())?;
    let mut acts = Vec::new();
    if let Some(job) = op.last_job() {
        acts.extend([Act::CancelJob { job: Some(job.clone()) }, Act::AwaitTerminal { job: Some(job) }]);
    }
    acts.extend(submission(previous, op.plan.previous_slots_needed));
    acts.push(Act::WriteCatalogue);
    Some(acts)
}

/// What happens by itself when what is run does not hold, for a person who is to confirm it; `None` where nothing is run.
#[must_use]
pub fn if_it_fails(plan: &Plan) -> Option<String> {
    plan.revision?;
    let stateless = plan.restore == RestoreSource::Empty;
    Some(match (&plan.old_job, plan.previous_revision, plan.probation.on_failure) {
        (None, ..) => "the new job is cancelled again; the deployment and its restore points stay".to_owned(),
        (Some(_), Some(_), _) if stateless => {
            "a person is asked: the old job's state is given up, so nothing goes back by itself".to_owned()
        }
        (Some(_), Some(previous), OnFailure::Rollback) => {
            format!("revision {previous} runs again, from the same snapshot, by itself")
        }
        (Some(_), Some(previous), OnFailure::Ask) => {
            format!("a person is asked: back to revision {previous}, try again, or leave it")
        }
        (Some(_), Some(_), OnFailure::Keep) => "nothing goes back: the failed job stays as it is".to_owned(),
        (Some(_), None, _) => {
            "nothing goes back: there is no jar of the revision that runs now; its snapshot stays".to_owned()
        }
    })
}

/// What a step does, for a person who is to confirm it.
#[must_use]
pub fn title(act: &Act, plan: &Plan) -> String {
    match act {
        Act::UploadJar { sha, revision } => {
            let back = if plan.previous_revision == Some(*revision) { ", for the way back" } else { "" };
            format!("put the jar of revision {revision} ({}) on the cluster{back}", sha.short())
        }
        Act::PlanJar { revision } => {
            format!("compile the plan of revision {revision}: runs main() on the JobManager")
        }
        Act::TriggerSavepoint { .. } => format!("take a {} savepoint; the job goes on", plan.format),
        Act::StopWithSavepoint { .. } if plan.drain => {
            format!("stop with a {} savepoint after draining the windows", plan.format)
        }
        Act::StopWithSavepoint { .. } => format!("stop with a {} savepoint", plan.format),
        Act::RecordCheckpoint { after_end: false, .. } => {
            "prove that the newest checkpoint is retained, and write it down".to_owned()
        }
        Act::RecordCheckpoint { after_end: true, .. } => {
            "write down the checkpoint that the ended job has left".to_owned()
        }
        Act::CancelJob { .. } => "cancel the job without a savepoint".to_owned(),
        Act::AwaitTerminal { .. } => "wait until the job has ended, seen twice".to_owned(),
        Act::AwaitSlots { needed } => match needed {
            1 => "wait until 1 slot is free".to_owned(),
            needed => format!("wait until {needed} slots are free"),
        },
        Act::NoLiveJob => "verify that no job of this deployment is running".to_owned(),
        Act::RunJar { revision } => match &plan.restore {
            RestoreSource::Empty => format!("submit revision {revision}, beginning empty"),
            RestoreSource::ThisOperation => format!("submit revision {revision} from that snapshot"),
            RestoreSource::Point { location, .. } => format!("submit revision {revision} from {location}"),
        },
        Act::AwaitRunning => "wait until all tasks run".to_owned(),
        Act::VerifyRestore => "verify what Flink restored".to_owned(),
        Act::Probation => format!(
            "probation: {} checkpoint{} within {}",
            plan.probation.checkpoints,
            if plan.probation.checkpoints == 1 { "" } else { "s" },
            plan.probation.timeout
        ),
        Act::Dispose { location, .. } => format!("let Flink delete the files at {location}"),
        Act::AwaitSuperseded { .. } => {
            "wait until it is known what the superseded operation has begun".to_owned()
        }
        Act::WriteCatalogue => "record the result".to_owned(),
    }
}
