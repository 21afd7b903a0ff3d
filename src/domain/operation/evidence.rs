//! What was seen of the world for one step, and what can be concluded: plain data in, a judgement out.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Choice, ChoiceId, Operation, Outcome, StepName};
use crate::domain::{
    deployment::FlinkState,
    flink::{AsyncStatus, CheckpointConfig, Checkpoints, JobSummary},
    ids::FlinkJobId,
    location,
    time::Timestamp,
};

/// How long the rules wait for what. Tests that need other times say so here, never in the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Patience {
    /// A terminal state counts after two reads this far apart.
    pub terminal: Duration,
    /// All tasks must run for this long.
    pub running: Duration,
    /// `main()` may still be running: no second submission before.
    pub submission: Duration,
    /// How long Flink remembers the result of a trigger (`rest.async.store-duration`).
    pub result_store: Duration,
    /// Wait for slots after a stop.
    pub slots: Duration,
    /// Silence of the cluster before a person is asked.
    pub silence: Duration,
    /// A cluster that answers without our job: how long until the job counts as gone.
    pub absent: Duration,
    /// Probation without checkpointing: this long without a restart.
    pub quiet: Duration,
    /// Flink's statistics of an ended job are right once its cache has passed.
    pub statistics: Duration,
    /// First pause before a savepoint is tried again; doubles.
    pub back_off: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            terminal: Duration::from_secs(1),
            running: Duration::from_secs(5),
            submission: Duration::from_secs(600),
            result_store: Duration::from_secs(300),
            slots: Duration::from_secs(30),
            silence: Duration::from_secs(900),
            absent: Duration::from_secs(60),
            quiet: Duration::from_secs(60),
            back_off: Duration::from_secs(10),
            statistics: Duration::from_secs(4),
        }
    }
}

/// What came back for the request of the attempt in flight, if this process saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Flink accepted it; some requests bring a value (a jar's id, a job's id).
    Accepted(Option<String>),
    /// Flink's own refusal.
    Refused {
        /// HTTP status.
        status: u16,
        /// The last `Caused by`.
        reason: String,
        /// The whole text, where Flink gave one.
        full: Option<String>,
    },
    /// It may have arrived.
    Lost(String),
    /// It never left.
    NotSent(String),
}

impl Answer {
    /// A refusal without more text than its reason.
    #[must_use]
    pub fn refused(status: u16, reason: impl Into<String>) -> Self {
        Self::Refused { status, reason: reason.into(), full: None }
    }
}

/// The step's job as seen, with what only several looks can tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sight {
    /// No look yet, or nobody answers, for this long.
    Unreachable(Duration),
    /// The cluster answers and does not list it, for this long.
    Absent(Duration),
    /// Listed.
    Seen {
        /// As listed in `/jobs/overview`, which is live.
        job: JobSummary,
        /// Terminal for this long over at least two looks.
        terminal_for: Option<Duration>,
        /// All tasks running without a restart for this long.
        running_for: Option<Duration>,
    },
}

/// A child of a savepoint's own directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Child {
    /// Its location.
    pub location: String,
    /// It holds `_metadata`.
    pub complete: bool,
    /// Bytes.
    pub size: Option<u64>,
}

/// Everything that was seen for one step in one look. What was not looked at is `None`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The request's answer.
    pub answer: Option<Answer>,
    /// The job.
    pub job: Sight,
    /// Flink's state of our trigger.
    pub trigger: Option<AsyncStatus>,
    /// Checkpoint statistics of the job.
    pub checkpoints: Option<Checkpoints>,
    /// Checkpoint settings of the job.
    pub checkpoint_config: Option<CheckpointConfig>,
    /// Newest completed checkpoint that the watcher kept, for a JobManager that has forgotten: place, number, time.
    pub kept_checkpoint: Option<(String, u64, Timestamp)>,
    /// The job's statistics were asked for and nobody answered: nothing is known of its checkpoints, not even that there
    /// are none.
    pub checkpoints_unread: bool,
    /// The attempt's own directory.
    pub directory: Option<String>,
    /// Its children; `None` = nobody can look there.
    pub children: Option<Vec<Child>>,
    /// Ids of our jar's name on the cluster.
    pub jar: Option<Vec<String>>,
    /// Free slots.
    pub slots_free: Option<u32>,
    /// Live jobs among all ids ever issued to the deployment.
    pub live: Option<Vec<FlinkJobId>>,
    /// Restarts of the job.
    pub restarts: Option<u64>,
    /// The job's newest root cause.
    pub root_cause: Option<String>,
    /// The whole text of that failure.
    pub trace: Option<String>,
    /// Whether the location to dispose is still complete.
    pub location_complete: Option<bool>,
    /// Whether the superseded operation's step is still open, and what is known of it.
    pub superseded: Option<(bool, String)>,
    /// The JobManager that took the request is gone: the one that answers does not know the job that this operation
    /// stopped, and none of them hands its memory on.
    pub replaced: bool,
}

impl Default for Evidence {
    fn default() -> Self {
        Self {
            answer: None,
            job: Sight::Unreachable(Duration::ZERO),
            trigger: None,
            checkpoints: None,
            checkpoint_config: None,
            kept_checkpoint: None,
            checkpoints_unread: false,
            directory: None,
            children: None,
            jar: None,
            slots_free: None,
            live: None,
            restarts: None,
            root_cause: None,
            trace: None,
            location_complete: None,
            superseded: None,
            replaced: false,
        }
    }
}

/// When a refuted step is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// It is not.
    Never,
    /// Under a new key, after a pause, while attempts are left.
    After(Duration),
}

/// What the evidence says about a step at INTENT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// It happened.
    Confirmed(Outcome, String),
    /// It did not happen, by positive evidence.
    Refuted {
        /// Why, for people.
        reason: String,
        /// What next.
        retry: Retry,
        /// What was left behind: a complete snapshot, which goes into the catalogue as not final, or a job that lives,
        /// which is cancelled before anything else.
        left_behind: Option<Outcome>,
    },
    /// No effect was seen, or Flink de-duplicates: the same key may be sent again.
    Resend(String),
    /// Nothing can be said yet.
    Wait(String),
    /// An earlier step must be done again under a new key.
    Redo {
        /// From which step on.
        from: StepName,
        /// Why.
        reason: String,
        /// Not before.
        after: Duration,
    },
    /// A person decides.
    Attention {
        /// Stable word.
        code: &'static str,
        /// The evidence in words.
        reason: String,
        /// The ways out.
        choices: Vec<Choice>,
    },
}

impl Evidence {
    /// The whole text of what went wrong: Flink's own refusal, or the job's newest failure.
    #[must_use]
    pub fn full_text(&self) -> Option<&str> {
        match &self.answer {
            Some(Answer::Refused { full: Some(full), .. }) => Some(full),
            _ => self.trace.as_deref(),
        }
    }
}

impl Judgement {
    pub(super) fn confirmed(detail: impl Into<String>) -> Self {
        Self::Confirmed(Outcome::default(), detail.into())
    }
    /// It did not happen, and is not tried again.
    pub fn refuted(reason: impl Into<String>) -> Self {
        Self::Refuted { reason: reason.into(), retry: Retry::Never, left_behind: None }
    }
}

/// A choice with its words.
#[must_use]
pub fn choice(id: ChoiceId, effect: impl Into<String>) -> Choice {
    let title = match id {
        ChoiceId::Retry => "try again",
        ChoiceId::LookAgain => "look again",
        ChoiceId::SavepointAt => "the savepoint is at …",
        ChoiceId::LastCheckpoint => "go on from the last checkpoint",
        ChoiceId::RollBack => "roll back",
        ChoiceId::Accept => "accept as it is",
        ChoiceId::Abandon => "abandon",
    };
    let needs = (id == ChoiceId::SavepointAt).then(|| "location".to_owned());
    Choice { id, title: title.to_owned(), effect: effect.into(), needs }
}

/// The way back, where there is one.
pub(super) fn roll_back(op: &Operation, effect: &str) -> Option<Choice> {
    op.can_go_back().then(|| choice(ChoiceId::RollBack, effect))
}

/// Why a person is asked: nobody has answered for long. Silence is never a failure.
pub(super) const CLUSTER_SILENT: &str = "CLUSTER_SILENT";
/// Why a person is asked: the step goes neither forward nor back.
pub(super) const STUCK: &str = "STUCK";

/// The cluster has not answered for long; `unknown` = what is therefore not known.
pub(super) fn silent(for_: Duration, unknown: &str, choices: Vec<Choice>) -> Judgement {
    Judgement::Attention {
        code: CLUSTER_SILENT,
        reason: format!("the cluster has not answered for {} s; {unknown}", for_.as_secs()),
        choices: choices.into_iter().chain([abandon()]).collect(),
    }
}

/// What a step has brought conflicts with what the books hold; everything else of the operation stands.
#[must_use]
pub fn unwritable(what: &str) -> Judgement {
    Judgement::Attention {
        code: "BOOKS_CONFLICT",
        reason: format!("the result cannot be recorded: {what}"),
        choices: vec![choice(ChoiceId::Retry, "it is written again, once the conflict is gone"), abandon()],
    }
}

/// Look again under the same key: nothing is sent that may have had its effect.
pub(super) fn look_again() -> Choice {
    choice(
        ChoiceId::LookAgain,
        "the evidence is looked for again; nothing is sent that may have happened already",
    )
}

/// The choice that is always there.
#[must_use]
pub fn abandon() -> Choice {
    choice(ChoiceId::Abandon, "the operation is given up; nothing else changes, the deployment is free again")
}

/// What is known about the snapshot of the attempt in flight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Snapshot {
    /// Nothing, and the sources that answered do not exclude it.
    None,
    /// Flink says that it is at work.
    InProgress,
    /// Complete; `clean` = Flink itself reports the whole request as done.
    Complete {
        /// What it brought.
        outcome: Outcome,
        /// The request as a whole succeeded.
        clean: bool,
    },
    /// Flink reports failure, and no complete snapshot is known.
    Failed(String),
    /// More than one snapshot in a directory that is ours alone.
    Several(Vec<String>),
}

impl Evidence {
    /// The snapshot ladder: trigger, then checkpoint statistics under our own directory, then the directory itself.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let complete = |location: String, clean: bool| {
            let mut outcome = Outcome { location: Some(location), ..Outcome::default() };
            self.enrich(&mut outcome);
            Snapshot::Complete { outcome, clean }
        };
        match &self.trigger {
            Some(AsyncStatus::Completed { location: Some(l) }) => return complete(l.clone(), true),
            Some(AsyncStatus::InProgress) => return Snapshot::InProgress,
            Some(AsyncStatus::Failed { full, .. }) => {
                // A half-failed stop tells the place of its complete savepoint only in the exception's text.
                if let Some(l) = self.directory.as_deref().and_then(|d| path_below(full, d)) {
                    return complete(l, false);
                }
            }
            _ => {}
        }
        if let Some(l) = self.statistic().and_then(|s| s.path.clone()) {
            return complete(l, false);
        }
        let seen: Vec<String> =
            self.children.iter().flatten().filter(|c| c.complete).map(|c| c.location.clone()).collect();
        match (seen.len(), &self.trigger) {
            (1, _) => complete(seen[0].clone(), false),
            (0, Some(AsyncStatus::Failed { reason, .. })) => Snapshot::Failed(reason.clone()),
            (0, _) => Snapshot::None,
            _ => Snapshot::Several(seen),
        }
    }

    /// The completed savepoint below our own directory in the job's statistics.
    fn statistic(&self) -> Option<&crate::domain::flink::CheckpointStat> {
        let dir = self.directory.as_deref()?;
        let known = self.checkpoints.as_ref()?;
        // The history has the newest few only: checkpoints push a savepoint out of it.
        known
            .history
            .iter()
            .chain(&known.latest_savepoint)
            .find(|c| c.is_completed() && c.path.as_deref().is_some_and(|p| location::is_below(p, dir)))
    }

    fn enrich(&self, outcome: &mut Outcome) {
        if let Some(stat) = self.statistic() {
            outcome.triggered_at = Some(stat.triggered_at);
            outcome.checkpoint_id = Some(stat.id);
            outcome.size = stat.size;
        }
        // Flink counts state, not files: what lies there is what a copy takes.
        let loc = outcome.location.as_deref().unwrap_or_default();
        let seen = self.children.iter().flatten().find(|c| location::same(&c.location, loc));
        outcome.size = seen.and_then(|c| c.size).or(outcome.size);
    }

    /// Nobody could look into the attempt's directory.
    #[must_use]
    pub const fn is_blind(&self) -> bool {
        self.children.is_none()
    }
}

/// The first path below `dir` in a text, cut at what cannot belong to a path.
fn path_below(text: &str, dir: &str) -> Option<String> {
    text.split(|c: char| c.is_whitespace() || matches!(c, '\'' | '"' | ')' | '(' | ',' | ';' | '<' | '>'))
        .map(|w| w.trim_end_matches(['.', ':']))
        .find(|w| w.contains("savepoint-") && location::is_below(w, dir))
        .map(str::to_owned)
}

impl Sight {
    /// The job as listed.
    #[must_use]
    pub const fn seen(&self) -> Option<&JobSummary> {
        match self {
            Self::Seen { job, .. } => Some(job),
            _ => None,
        }
    }
    /// Flink's word.
    #[must_use]
    pub fn state(&self) -> Option<&FlinkState> {
        self.seen().map(|j| &j.state)
    }
    /// Listed and not ended.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.state().is_some_and(|s| !s.is_terminal())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIR: &str = "file:/sp/nutkin/d/o-1";

    #[test]
    fn a_half_failed_stop_tells_its_savepoint_in_the_text() {
        let full = "java.util.concurrent.CompletionException: StopWithSavepointStoppingException: A savepoint has been created at: file:/sp/nutkin/d/o-1/savepoint-ab12-cd34, but the corresponding job failed".to_owned();
        let ev = Evidence {
            trigger: Some(AsyncStatus::Failed { reason: "job failed".into(), full }),
            directory: Some(DIR.into()),
            ..Default::default()
        };
        let Snapshot::Complete { outcome, clean } = ev.snapshot() else { panic!("{:?}", ev.snapshot()) };
        assert_eq!(
            (outcome.location.as_deref(), clean),
            (Some("file:/sp/nutkin/d/o-1/savepoint-ab12-cd34"), false)
        );
    }

    #[test]
    fn one_complete_child_is_evidence_several_are_a_question() {
        let child =
            |n: u32, complete| Child { location: format!("{DIR}/savepoint-{n}"), complete, size: None };
        let ev = |children| Evidence {
            trigger: Some(AsyncStatus::Unknown),
            children: Some(children),
            ..Default::default()
        };
        assert_eq!(ev(vec![child(1, false)]).snapshot(), Snapshot::None);
        assert!(matches!(ev(vec![child(1, true), child(2, false)]).snapshot(), Snapshot::Complete { .. }));
        assert!(matches!(ev(vec![child(1, true), child(2, true)]).snapshot(), Snapshot::Several(_)));
    }
}
