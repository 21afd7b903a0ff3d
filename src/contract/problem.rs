//! RFC 9457 problem documents and their codes.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::words;

words!(open
    /// Stable codes of what can go wrong; each has one HTTP status and one exit code.
    Code {
        /// The request itself is malformed.
        BadRequest = "BAD_REQUEST",
        /// A manifest or spec is invalid; the message has its place.
        InvalidSpec = "INVALID_SPEC",
        /// No such object; the hint has the nearest names.
        NotFound = "NOT_FOUND",
        /// A prefix fits several objects.
        Ambiguous = "AMBIGUOUS",
        /// The name is taken.
        AlreadyExists = "ALREADY_EXISTS",
        /// Another operation holds the deployment.
        OperationActive = "OPERATION_ACTIVE",
        /// The plan differs from the confirmed one; the new plan is attached.
        PlanChanged = "PLAN_CHANGED",
        /// `If-Match` or the manifest's base is stale.
        StaleRevision = "STALE_REVISION",
        /// The idempotency key was used for another body.
        KeyReused = "KEY_REUSED",
        /// A changing request without an idempotency key.
        KeyMissing = "KEY_MISSING",
        /// The action does not fit the deployment's state.
        WrongState = "WRONG_STATE",
        /// Preflight found something that would make the operation fail.
        PreflightFailed = "PREFLIGHT_FAILED",
        /// A confirmation is required; the plan says which.
        ConfirmationRequired = "CONFIRMATION_REQUIRED",
        /// Policy denies it.
        PolicyDenied = "POLICY_DENIED",
        /// The manager is read-only.
        ReadOnly = "READ_ONLY",
        /// The job belongs to another nutkin.
        ManagedElsewhere = "MANAGED_ELSEWHERE",
        /// Not built yet.
        NotSupported = "NOT_SUPPORTED",
        /// The target's cluster does not answer.
        TargetUnreachable = "TARGET_UNREACHABLE",
        /// Flink answered with an error.
        FlinkRefused = "FLINK_REFUSED",
        /// The body is over the limit.
        TooLarge = "TOO_LARGE",
        /// The artifact is not a jar, or its hash differs.
        BadArtifact = "BAD_ARTIFACT",
        /// The caller may not talk to this manager.
        Forbidden = "FORBIDDEN",
        /// The store failed; nothing was acknowledged.
        StoreFailed = "STORE_FAILED",
        /// A fault of nutkin itself.
        Internal = "INTERNAL",
        /// No manager answers. (Made by clients.)
        ManagerUnreachable = "MANAGER_UNREACHABLE",
        /// The wait ended before the operation did. (Made by clients.)
        TimedOut = "TIMED_OUT",
    }
);

impl Code {
    /// HTTP status of the code.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::BadRequest | Self::InvalidSpec | Self::KeyMissing | Self::Ambiguous | Self::BadArtifact => {
                400
            }
            Self::PolicyDenied | Self::ReadOnly | Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::AlreadyExists
            | Self::OperationActive
            | Self::PlanChanged
            | Self::KeyReused
            | Self::WrongState
            | Self::ManagedElsewhere => 409,
            Self::StaleRevision => 412,
            Self::TooLarge => 413,
            Self::PreflightFailed => 422,
            Self::ConfirmationRequired => 428,
            Self::NotSupported => 501,
            Self::TargetUnreachable | Self::FlinkRefused => 502,
            Self::ManagerUnreachable => 503,
            Self::TimedOut => 504,
            Self::StoreFailed | Self::Internal | Self::Other(_) => 500,
        }
    }

    /// Exit code of a command that ends with this problem.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::BadRequest
            | Self::InvalidSpec
            | Self::KeyMissing
            | Self::Ambiguous
            | Self::BadArtifact
            | Self::NotSupported
            | Self::TooLarge => 2,
            Self::OperationActive
            | Self::PlanChanged
            | Self::StaleRevision
            | Self::KeyReused
            | Self::AlreadyExists => 5,
            Self::TargetUnreachable | Self::ManagerUnreachable => 6,
            Self::TimedOut => 7,
            Self::PolicyDenied
            | Self::ReadOnly
            | Self::Forbidden
            | Self::ConfirmationRequired
            | Self::ManagedElsewhere => 8,
            _ => 1,
        }
    }
}

/// What went wrong, what was and was not changed, what to do next.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema, thiserror::Error)]
#[serde(rename_all = "camelCase")]
#[error("{detail}")]
pub struct Problem {
    /// Kind of problem as a URI reference; always `about:blank`, the code tells kinds apart.
    #[serde(rename = "type", default = "about_blank")]
    pub kind: String,
    /// Short title.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// Stable code.
    pub code: Code,
    /// What happened, and what was and was not changed.
    pub detail: String,
    /// What to do next.
    pub hint: Option<String>,
    /// The operation it is about.
    pub operation: Option<String>,
    /// The new plan of a PLAN_CHANGED, or the plan of a CONFIRMATION_REQUIRED or PREFLIGHT_FAILED.
    pub plan: Option<Box<super::plan::Plan>>,
}

fn about_blank() -> String {
    "about:blank".to_owned()
}

impl Problem {
    /// A problem with a code and its words.
    #[must_use]
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            kind: about_blank(),
            title: code.as_str().replace('_', " ").to_lowercase(),
            status: code.status(),
            code,
            detail: detail.into(),
            hint: None,
            operation: None,
            plan: None,
        }
    }
    /// Adds what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
    /// Adds the operation it is about.
    #[must_use]
    pub fn operation(mut self, id: impl Into<String>) -> Self {
        self.operation = Some(id.into());
        self
    }
    /// Adds a plan.
    #[must_use]
    pub fn plan(mut self, plan: super::plan::Plan) -> Self {
        self.plan = Some(Box::new(plan));
        self
    }
}
