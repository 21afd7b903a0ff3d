//! Which steps a kind of operation is made of, what follows a failure, and what a choice makes of a waiting operation.

use super::{
    Act, Choice, ChoiceId, JobRef, Kind, OnFailure, OpState, Operation, Outcome, Plan, RestoreSource, Step,
    StepName, StepState,
    evidence::{abandon, choice},
    supersede::Takeover,
};
use crate::domain::ids::{ArtifactSha, OperationId};

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
    let left = facts.live.iter().filter(|_| facts.retained);
    let record = left.map(|j| Act::RecordCheckpoint { job: j.clone(), after_end: true });
    let ends = ending(facts, Stop::Discard).into_iter().chain(others).chain(record);
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

/// How the live job ends.
fn ending(facts: &Facts, stop: Stop) -> Vec<Act> {
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
            OnFailure::Keep => Fallout::End(OpState::Failed),
        },
        (Some(Ended::WithoutSnapshot), _) if submitted || op.plan.previous_revision.is_some() => {
            Fallout::Ask(
                "STATELESS_START_FAILED",
                format!("the old job was cancelled and the new one failed: {reason}"),
                vec![choice(ChoiceId::Retry, "the failed step is tried again"), abandon()],
            )
        }
        _ if submitted => Fallout::Append(clean_up(), OpState::Failed),
        _ if op.had_effect() => Fallout::End(OpState::Failed),
        _ => Fallout::End(OpState::FailedNoEffect),
    }
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

fn clean_up() -> Vec<Act> {
    vec![Act::CancelJob { job: None }, Act::AwaitTerminal { job: None }, Act::WriteCatalogue]
}

/// The steps back to the previous revision, from the same snapshot, under a new job id.
fn way_back(op: &Operation) -> Option<Vec<Act>> {
    let previous = op.plan.previous_revision?;
    let mut acts = Vec::new();
    if op.last_job().is_some() {
        acts.extend([Act::CancelJob { job: None }, Act::AwaitTerminal { job: None }]);
    }
    acts.extend(submission(previous, op.plan.previous_slots_needed));
    acts.push(Act::WriteCatalogue);
    Some(acts)
}

impl Operation {
    /// The job that this operation submitted last, or may have submitted.
    #[must_use]
    pub fn last_job(&self) -> Option<JobRef> {
        self.steps
            .iter()
            .rev()
            .filter(|s| s.act.name() == StepName::RunJar)
            .find(|s| s.state != StepState::Planned && s.state != StepState::Skipped && s.key.is_some())
            .filter(|s| s.state != StepState::Refuted || s.is_half_submitted())
            .and_then(|s| Some(JobRef { id: self.job_id(s), flink: s.hex_key()? }))
    }

    /// The catalogue row of the attempt in flight of a step that takes or records a snapshot.
    #[must_use]
    pub fn snapshot_id(&self, step: &Step) -> crate::domain::ids::SavepointId {
        crate::domain::ids::SavepointId::new(format!("{}.{}.{}", self.id, step.n, step.attempts))
    }

    /// Our id of the job that an attempt of a RUN_JAR step submits.
    #[must_use]
    pub fn job_id(&self, step: &Step) -> crate::domain::ids::JobId {
        crate::domain::ids::JobId::new(format!("{}.{}.{}", self.id, step.n, step.attempts))
    }
}

/// Why a choice cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadChoice {
    /// The operation does not wait.
    #[error("the operation is {0} and waits for nothing")]
    NotWaiting(OpState),
    /// The choice is not in its list.
    #[error("{given} is not one of its choices: {known}")]
    NotOffered {
        /// What was given.
        given: ChoiceId,
        /// What there is.
        known: String,
    },
    /// The choice needs a location.
    #[error("{0} needs the snapshot's location (--location URI)")]
    NeedsLocation(ChoiceId),
}

/// The child operation that a choice makes of a waiting one; `None` for abandon. The parent ends RESOLVED or ABANDONED in
/// the same commit that inserts the child.
pub fn choose(
    op: &Operation,
    id: ChoiceId,
    location: Option<&str>,
    child: OperationId,
) -> Result<Option<Operation>, BadChoice> {
    if op.state != OpState::NeedsAttention {
        return Err(BadChoice::NotWaiting(op.state));
    }
    if !op.choices.iter().any(|c| c.id == id) {
        let known = op.choices.iter().map(|c| c.id.as_str()).collect::<Vec<_>>().join(", ");
        return Err(BadChoice::NotOffered { given: id, known });
    }
    if id == ChoiceId::Abandon {
        return Ok(None);
    }
    let mut next = Operation { id: child, parent: Some(op.id.clone()), state: OpState::Queued, ..op.clone() };
    (next.error, next.choices, next.started_at, next.cancel_requested) = (None, vec![], None, false);
    let Some(at) =
        next.steps.iter().position(|s| !matches!(s.state, StepState::Confirmed | StepState::Skipped))
    else {
        return Ok(Some(next));
    };
    match id {
        ChoiceId::Retry => retry(&mut next, at),
        ChoiceId::Accept => confirm(&mut next.steps[at], Outcome::default(), "accepted by a person"),
        ChoiceId::SavepointAt => {
            let place = location.filter(|l| !l.is_empty()).ok_or(BadChoice::NeedsLocation(id))?;
            let outcome = Outcome { location: Some(place.to_owned()), is_final: true, ..Outcome::default() };
            confirm(&mut next.steps[at], outcome, "the snapshot was named by a person");
        }
        ChoiceId::LastCheckpoint => last_checkpoint(&mut next, at),
        ChoiceId::RollBack | ChoiceId::ResumeOld => roll_back(&mut next, at),
        ChoiceId::Abandon => {}
    }
    Ok(Some(next))
}

fn confirm(step: &mut Step, outcome: Outcome, detail: &str) {
    step.state = StepState::Confirmed;
    step.outcome = Some(outcome);
    detail.clone_into(&mut step.detail);
}

/// The failed step and what depends on it begin again under new keys.
fn retry(op: &mut Operation, at: usize) {
    let needs_new_job = matches!(op.steps[at].act, Act::AwaitRunning | Act::Probation | Act::RunJar { .. });
    let from = if needs_new_job {
        op.steps[..=at].iter().rposition(|s| s.act.name() == StepName::NoLiveJob).unwrap_or(at)
    } else {
        at
    };
    for s in &mut op.steps[from..] {
        if s.state != StepState::Skipped {
            *s = Step::planned(s.n, s.act.clone());
        }
    }
}

fn last_checkpoint(op: &mut Operation, at: usize) {
    let (Act::StopWithSavepoint { job } | Act::TriggerSavepoint { job }) = op.steps[at].act.clone() else {
        return;
    };
    let tail: Vec<Act> = op.steps[at + 1..].iter().map(|s| s.act.clone()).collect();
    op.steps.truncate(at);
    let facts = Facts { live: Some(job), ..Facts::default() };
    let head = ending(&facts, Stop::LastCheckpoint);
    super::driver::append(op, head.into_iter().chain(tail).collect());
}

fn roll_back(op: &mut Operation, at: usize) {
    let cause = op.error.as_ref().map_or_else(|| "chosen by a person".to_owned(), |e| e.message.clone());
    let failed_step = op.steps[at].n;
    let acts = way_back(op).unwrap_or_default();
    for s in &mut op.steps[at..] {
        s.state = StepState::Skipped;
    }
    op.plan.compensation = Some(super::Compensation { cause, failed_step, ends_as: OpState::RolledBack });
    super::driver::append(op, acts);
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
        Act::AwaitSlots { needed } => format!("wait until {needed} slots are free"),
        Act::NoLiveJob => "see that no job of this deployment lives".to_owned(),
        Act::RunJar { revision } => match &plan.restore {
            RestoreSource::Empty => format!("submit revision {revision}, beginning empty"),
            RestoreSource::ThisOperation => format!("submit revision {revision} from that snapshot"),
            RestoreSource::Point { location, .. } => format!("submit revision {revision} from {location}"),
        },
        Act::AwaitRunning => "wait until all tasks run".to_owned(),
        Act::VerifyRestore => "see that Flink restored exactly that".to_owned(),
        Act::Probation => format!(
            "probation: {} checkpoint(s) within {}",
            plan.probation.checkpoints, plan.probation.timeout
        ),
        Act::Dispose { location, .. } => format!("let Flink delete the files at {location}"),
        Act::AwaitSuperseded { .. } => {
            "wait until it is known what the superseded operation has begun".to_owned()
        }
        Act::WriteCatalogue => "write the books".to_owned(),
    }
}
