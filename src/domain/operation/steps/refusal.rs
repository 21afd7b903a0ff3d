//! What Flink's refusal of a submission means: its words are read here and nowhere else.

/// Why Flink did not run a program, as far as that decides what is done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// A job with our id was submitted before: our own request had arrived.
    Duplicate,
    /// No slots at the moment.
    NoSlots,
    /// The jar is not on the cluster any more.
    JarGone,
    /// Anything else, of the program or of its state.
    Other,
}

/// Reads the reason (the last `Caused by`) and, where Flink gave it, the whole text. Class names are looked for in full:
/// a program's own classes may be called alike.
#[must_use]
pub fn classify(reason: &str, full: Option<&str>) -> Refusal {
    let whole = full.unwrap_or_default();
    let says = |words: &str| reason.contains(words) || whole.contains(words);
    let lower = reason.to_lowercase();
    let lost = ["does not exist", "not found", "could not"];
    if ["DuplicateJobSubmissionException", "DuplicateApplicationSubmissionException"].iter().any(|w| says(w))
        || reason.contains("already been submitted")
    {
        Refusal::Duplicate
    } else if says("NoResourceAvailableException") {
        Refusal::NoSlots
    } else if lower.contains("jar file") && lost.iter().any(|w| lower.contains(w)) {
        Refusal::JarGone
    } else {
        Refusal::Other
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::named(
        "Job has already been submitted.",
        Some(
            "org.apache.flink.runtime.client.DuplicateJobSubmissionException: Job has already been submitted."
        ),
        Refusal::Duplicate
    )]
    #[case::only_in_the_trace(
        "Failed to submit job.",
        Some("Caused by: org.apache.flink.runtime.client.DuplicateJobSubmissionException"),
        Refusal::Duplicate
    )]
    #[case::of_an_application(
        "org.apache.flink.runtime.client.DuplicateApplicationSubmissionException: Application has already been submitted.",
        None,
        Refusal::Duplicate
    )]
    #[case::a_program_with_such_a_name(
        "java.lang.IllegalStateException: no",
        Some(
            "java.lang.IllegalStateException: no\n\tat com.acme.RemoveDuplicatesJob.main(RemoveDuplicatesJob.java:7)"
        ),
        Refusal::Other
    )]
    #[case::no_slots(
        "Could not acquire the minimum required resources.",
        Some(
            "Caused by: org.apache.flink.runtime.jobmanager.scheduler.NoResourceAvailableException: Could not acquire"
        ),
        Refusal::NoSlots
    )]
    #[case::jar("the jar file payments.jar does not exist on the cluster", None, Refusal::JarGone)]
    #[case::anything("Cannot map checkpoint/savepoint state", None, Refusal::Other)]
    fn a_refusal_is_read(#[case] reason: &str, #[case] full: Option<&str>, #[case] expected: Refusal) {
        assert_eq!(classify(reason, full), expected);
    }
}
