//! What a dry run answers: the plan that a person confirms.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::{
    model::{Operation, RestorePoint},
    problem::{Code, Problem},
};
use crate::domain::{
    operation::{Kind, StepName},
    spec::{Difference, Protection},
};

/// Outcome of one preflight check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Fine.
    Ok,
    /// Goes on, with a warning.
    Warning,
    /// Stops the operation.
    Failed,
    /// Could not be looked at.
    Unknown,
}

/// One preflight check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// Stable word: `reachable`, `slots`, `restorePoint` …
    pub name: String,
    /// How it came out.
    pub verdict: Verdict,
    /// What was found.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// One step that would be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlannedStep {
    /// Number, from 1.
    pub n: u32,
    /// Name.
    pub name: StepName,
    /// In words.
    pub title: String,
}

/// How a plan must be confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Confirmation {
    /// Not at all.
    None,
    /// A `y`, or `--yes`.
    Yes,
    /// The deployment's name, typed, or `--confirm NAME`.
    TypeName,
}

impl Confirmation {
    /// What a protection asks for.
    #[must_use]
    pub const fn of(p: Protection) -> Self {
        match p {
            Protection::None => Self::None,
            Protection::Confirm => Self::Yes,
            Protection::TypeName => Self::TypeName,
        }
    }
}

/// What an operation would do. What was confirmed is what runs: send `planDigest` back as `expect`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// What for.
    pub kind: Kind,
    /// `APP/NAME`.
    pub deployment: String,
    /// Where.
    pub target: String,
    /// Steps.
    pub steps: Vec<PlannedStep>,
    /// The revision that runs now.
    pub revision_now: Option<u32>,
    /// The revision that would run.
    pub revision_next: Option<u32>,
    /// Its words.
    pub version_label: Option<String>,
    /// What the new effective spec changes.
    pub diff: Vec<Difference>,
    /// The new effective spec.
    #[schema(value_type = Object)]
    pub spec: Option<Value>,
    /// What would be restored, and every candidate passed over.
    pub restore_points: Vec<RestorePoint>,
    /// The sentence that explains the restore point.
    pub restore_why: Option<String>,
    /// Preflight.
    pub checks: Vec<Check>,
    /// What the person should know.
    pub warnings: Vec<String>,
    /// What it cannot undo.
    pub irreversible: Vec<String>,
    /// Progress lost if a failover happened now.
    pub crash_loss_seconds: Option<u64>,
    /// Progress lost if the job ended now.
    pub end_loss_seconds: Option<u64>,
    /// Progress that the restore repeats.
    pub rewind_seconds: Option<u64>,
    /// Seconds that the savepoint of this job took last time.
    pub expected_savepoint_seconds: Option<u64>,
    /// What happens by itself when what is run does not hold; `null` where nothing is run.
    pub if_it_fails: Option<String>,
    /// How it must be confirmed.
    pub confirmation: Confirmation,
    /// The text to type where `confirmation` is `TYPE_NAME`.
    #[serde(default)]
    pub typed_name: String,
    /// True when preflight lets it run.
    pub runnable: bool,
    /// The equivalent command line.
    pub command: String,
    /// Digest over everything that was confirmed.
    pub plan_digest: String,
}

/// The check that the cluster answers.
pub const REACHABLE: &str = "reachable";

/// What the loss window of a failover is called, in every face.
pub const LOST_ON_FAILOVER: &str = "lost on failover now";
/// What the loss window of a job's end is called, in every face.
pub const LOST_AT_END: &str = "lost if the job ends now";

impl Plan {
    /// The progress at stake that is known of: what it is called, and how many seconds of it.
    pub fn at_stake(&self) -> impl Iterator<Item = (&'static str, u64)> {
        [
            (LOST_ON_FAILOVER, self.crash_loss_seconds),
            (LOST_AT_END, self.end_loss_seconds),
            ("the restore repeats", self.rewind_seconds),
        ]
        .into_iter()
        .filter_map(|(name, seconds)| Some((name, seconds?)))
    }

    /// The problem that an act with this plan ends with, where preflight does not let it run: why, the first way on, and a
    /// code of its own where it is only that the cluster does not answer.
    #[must_use]
    pub fn refusal(&self) -> Option<Problem> {
        let failed: Vec<&Check> = self.checks.iter().filter(|c| c.verdict == Verdict::Failed).collect();
        let first = failed.first()?;
        let code = if first.name == REACHABLE { Code::TargetUnreachable } else { Code::PreflightFailed };
        let why: Vec<&str> = failed.iter().map(|c| c.message.as_str()).collect();
        let mut problem = Problem::new(code, format!("{}; nothing was changed", why.join("; ")));
        problem.hint = failed.iter().find_map(|c| c.hint.clone());
        Some(problem)
    }

    /// One of which nothing more is known; nothing lets it run yet.
    #[must_use]
    pub fn plain(kind: Kind, deployment: String, target: String) -> Self {
        Self {
            kind,
            typed_name: deployment.clone(),
            deployment,
            target,
            steps: vec![],
            revision_now: None,
            revision_next: None,
            version_label: None,
            diff: vec![],
            spec: None,
            restore_points: vec![],
            restore_why: None,
            checks: vec![],
            warnings: vec![],
            irreversible: vec![],
            crash_loss_seconds: None,
            end_loss_seconds: None,
            rewind_seconds: None,
            expected_savepoint_seconds: None,
            if_it_fails: None,
            confirmation: Confirmation::None,
            runnable: false,
            command: String::new(),
            plan_digest: String::new(),
        }
    }
}

/// Answer of a changing route: the plan of a dry run, or the operation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum Submitted {
    /// The operation, accepted.
    Operation(Box<Operation>),
    /// The plan; nothing was changed.
    Plan(Box<Plan>),
}
