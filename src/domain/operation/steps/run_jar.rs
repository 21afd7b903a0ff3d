//! RUN_JAR: submitted once under a job id of ours.
//!
//! After any answer but 200 the job id decides: listed means submitted; unknown means that `main()` may still run, so
//! nothing is sent again before the submission deadline, unless the JobManager that ran it is gone for certain.

use super::{
    Case,
    refusal::{Refusal, classify},
};
use crate::domain::operation::{
    ChoiceId, JobRef, Outcome, StepName,
    evidence::{Answer, Evidence, Judgement, Retry, Sight, abandon, choice, look_again, roll_back, silent},
};

/// Confirmed when Flink knows our job id.
#[must_use]
pub fn judge(case: Case<'_>, ev: &Evidence) -> Judgement {
    let Some(flink) = case.step.hex_key() else {
        return Judgement::refuted("the step has no job id");
    };
    let job = JobRef { id: case.op.job_id(case.step), flink };
    let submitted = |detail: &str| {
        let outcome = Outcome { job: Some(job.clone()), ..Outcome::default() };
        Judgement::Confirmed(outcome, detail.to_owned())
    };
    match (&ev.answer, &ev.job) {
        (Some(Answer::Accepted(_)), _) => submitted("Flink took the job"),
        (Some(Answer::Refused { reason, full, .. }), Sight::Seen { .. })
            if classify(reason, full.as_deref()) == Refusal::Duplicate =>
        {
            submitted("Flink has the job already: the submission arrived")
        }
        (Some(Answer::Refused { reason, .. }), Sight::Seen { job: seen, .. })
            if !seen.state.is_terminal() =>
        {
            half_submitted(reason, job)
        }
        (Some(Answer::Refused { reason, full, .. }), Sight::Seen { .. } | Sight::Absent(_)) => {
            refused(case, reason, classify(reason, full.as_deref()))
        }
        (Some(Answer::NotSent(why)), _) if case.waited() < case.patience.silence => {
            Judgement::Resend(format!("not sent yet: {why}"))
        }
        (Some(Answer::NotSent(_)), _) if case.op.has_ended_a_job() => silent(
            case.waited(),
            "nothing was submitted, and the old job has ended",
            vec![choice(ChoiceId::Retry, "it is submitted under a new id, from the same restore point")],
        ),
        (Some(Answer::NotSent(why)), _) => {
            Judgement::refuted(format!("the cluster could not be reached: {why}; nothing was sent"))
        }
        (_, Sight::Seen { .. }) => submitted("the answer was lost; Flink has the job"),
        (_, Sight::Absent(for_))
            if ev.replaced && *for_ >= case.patience.absent && case.step.attempts > 1 =>
        {
            ends_its_jobmanager(case)
        }
        (_, Sight::Absent(for_)) if ev.replaced && *for_ >= case.patience.absent => Judgement::Redo {
            from: StepName::NoLiveJob,
            reason: "the JobManager was replaced while main() ran in it: the submission ended with it"
                .to_owned(),
            after: std::time::Duration::ZERO,
        },
        (_, Sight::Absent(_)) if case.waited() >= case.patience.submission => Judgement::Redo {
            from: StepName::NoLiveJob,
            reason: "the submission never arrived".to_owned(),
            after: std::time::Duration::ZERO,
        },
        (_, Sight::Absent(_)) => {
            Judgement::Wait("the answer was lost; the program's main() may still be running".to_owned())
        }
        (_, Sight::Unreachable(for_)) if *for_ >= case.patience.silence => {
            silent(*for_, "whether the job was submitted is not known", vec![look_again()])
        }
        (_, Sight::Unreachable(_)) => Judgement::Wait("the cluster does not answer".to_owned()),
    }
}

/// Once may be chance; a `main()` that calls `System.exit` does it every time, and takes all jobs of the cluster with it.
fn ends_its_jobmanager(case: Case<'_>) -> Judgement {
    let mut choices = vec![choice(
        ChoiceId::Retry,
        "it is submitted once more, under a new id, from the same restore point",
    )];
    choices.extend(roll_back(case.op, "the previous revision runs again from the same snapshot"));
    choices.push(abandon());
    Judgement::Attention {
        code: "JOBMANAGER_REPLACED",
        reason: format!(
            "the JobManager was replaced {} times while main() ran in it: the program may end it",
            case.step.attempts
        ),
        choices,
    }
}

/// Flink refused and yet the job lives (a `main()` that executes twice): it is cancelled before anything else.
fn half_submitted(reason: &str, job: JobRef) -> Judgement {
    Judgement::Refuted {
        reason: format!("partially submitted: Flink refused ({reason}) but the job lives; it is cancelled"),
        retry: Retry::Never,
        left_behind: Some(Outcome { job: Some(job), ..Outcome::default() }),
    }
}

fn refused(case: Case<'_>, reason: &str, refusal: Refusal) -> Judgement {
    match refusal {
        Refusal::JarGone => Judgement::Redo {
            from: StepName::UploadJar,
            reason: format!("the cluster lost the jar: {reason}"),
            after: std::time::Duration::ZERO,
        },
        Refusal::NoSlots if case.step.attempts < case.op.plan.max_job_attempts => Judgement::Redo {
            from: StepName::RunJar,
            reason: "no slots yet".to_owned(),
            after: case.patience.back_off,
        },
        _ => Judgement::refuted(format!("Flink refused the job: {reason}")),
    }
}
