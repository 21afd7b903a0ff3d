//! UPLOAD_JAR and PLAN_JAR.

use super::Case;
use crate::domain::operation::evidence::{Answer, Evidence, Judgement};

/// The jar's name carries its content hash: listed means uploaded.
#[must_use]
pub fn judge_upload(case: Case<'_>, ev: &Evidence) -> Judgement {
    match (&ev.jar, &ev.answer) {
        (Some(ids), _) if !ids.is_empty() => Judgement::confirmed("the jar is on the cluster"),
        (_, Some(Answer::Refused { reason, .. })) => {
            Judgement::refuted(format!("Flink refused the jar: {reason}"))
        }
        (Some(_), _) if case.waited() < case.patience.silence => {
            Judgement::Resend("the jar is not listed; uploading".to_owned())
        }
        _ if case.waited() >= case.patience.silence => {
            Judgement::refuted("the jar could not be uploaded: the cluster does not answer")
        }
        _ => Judgement::Wait("the cluster does not answer".to_owned()),
    }
}

/// The plan either compiles or not; it leaves nothing behind.
#[must_use]
pub fn judge_plan(case: Case<'_>, ev: &Evidence) -> Judgement {
    match &ev.answer {
        Some(Answer::Accepted(_)) => Judgement::confirmed("the program's plan compiles"),
        Some(Answer::Refused { reason, .. }) => {
            Judgement::refuted(format!("Flink cannot compile the program's plan: {reason}"))
        }
        // The program's main() has run in the JobManager and may have ended it: never twice.
        Some(Answer::Lost(why)) => Judgement::refuted(format!(
            "asking for the plan got no answer, and it is not asked for again, since main() may have ended the JobManager: {why}"
        )),
        Some(Answer::NotSent(why)) if case.waited() >= case.patience.silence => {
            Judgement::refuted(format!("the plan could not be asked for: {why}"))
        }
        // Not sent, or sent by a manager that was killed before it heard the answer.
        Some(Answer::NotSent(_)) | None => Judgement::Resend("asking for the plan".to_owned()),
    }
}
