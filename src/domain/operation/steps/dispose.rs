//! DISPOSE: Flink deletes the files; the place is looked at afterwards where somebody may look.

use super::Case;
use crate::domain::{
    flink::AsyncStatus,
    operation::{
        ChoiceId,
        evidence::{Answer, Evidence, Judgement, choice, silent},
    },
};

/// Confirmed when Flink reports success, or the place is seen to be empty.
#[must_use]
pub fn judge(case: Case<'_>, ev: &Evidence) -> Judgement {
    match (&ev.trigger, ev.location_complete, &ev.answer) {
        (Some(AsyncStatus::Completed { .. }), None | Some(false), _) => {
            Judgement::confirmed("Flink has deleted the files")
        }
        (_, Some(false), _) => Judgement::confirmed("nothing is left at the place"),
        // A disposal whose answer was lost is asked for again; where nobody may look, this is how its success shows.
        (Some(AsyncStatus::Failed { full, .. }), None, _) if is_gone(full) => {
            Judgement::confirmed("Flink finds nothing at the place")
        }
        (Some(AsyncStatus::Failed { reason, .. }), _, _) => {
            Judgement::refuted(format!("Flink could not delete it: {reason}"))
        }
        (_, _, Some(Answer::Refused { reason, .. })) => {
            Judgement::refuted(format!("Flink refused the disposal: {reason}"))
        }
        (Some(AsyncStatus::InProgress), _, _) => Judgement::Wait("Flink is deleting".to_owned()),
        // A second disposal of the same place does no harm: Flink says that nothing is there.
        _ if case.waited() < case.patience.silence => {
            Judgement::Resend("asking Flink to delete the files".to_owned())
        }
        _ => {
            let again = choice(ChoiceId::Retry, "Flink is asked to delete them again, which does no harm");
            silent(case.waited(), "whether the files are deleted is not known", vec![again])
        }
    }
}

fn is_gone(text: &str) -> bool {
    text.contains("FileNotFoundException: Cannot find checkpoint or savepoint file/directory")
}

#[cfg(test)]
mod tests {
    use super::is_gone;

    #[test]
    fn only_a_missing_place_counts_as_gone() {
        // Flink 1.16 to 2.3 say the same.
        assert!(is_gone(
            "org.apache.flink.util.FlinkException: Could not dispose savepoint file:/s/savepoint-a-b.\nCaused by: java.io.FileNotFoundException: Cannot find checkpoint or savepoint file/directory 'file:/s/savepoint-a-b' on file system 'file'."
        ));
        assert!(!is_gone(
            "Caused by: java.io.FileNotFoundException: Cannot find meta data file '_metadata' in directory 'file:/s/savepoint-a-b'."
        ));
        assert!(!is_gone("Caused by: java.io.IOException: Permission denied"));
    }
}
