//! What went wrong, in words: Flink's error bodies and stack traces, and what the network said.

use crate::manager::ports::cluster::{ClusterError, Effect, ErrorKind};

use super::json::{self, Leaf};

/// Longest text that is kept of Flink's own words, in bytes.
const FULL: usize = 64 << 10;
/// Longest reason, in characters.
const REASON: usize = 600;

/// Exceptions that only carry another one's words.
const WRAPPERS: &[&str] = &[
    "CompletionException",
    "ExecutionException",
    "SerializedThrowable",
    "RestHandlerException",
    "HandlerRequestException",
    "NotFoundException",
    "FlinkException",
    "FlinkRuntimeException",
    "RuntimeException",
    "Exception",
    "JobException",
    "JobExecutionException",
    "ProgramInvocationException",
    "CheckpointException",
];

/// The human reason in a Java stack trace: the last `Caused by`, else the first line that says something.
#[must_use]
pub fn reason(trace: &str) -> String {
    let trace = trace
        .trim_start()
        .strip_prefix("<Exception on server side:")
        .unwrap_or(trace)
        .trim_end()
        .trim_end_matches("End of exception on server side>");
    // Suppressed exceptions are indented and have causes of their own, so only lines at the margin count.
    let cause = trace.lines().rev().find_map(|l| l.strip_prefix("Caused by: "));
    let line =
        cause.or_else(|| trace.lines().map(str::trim).find(|l| !l.is_empty())).unwrap_or("no reason given");
    capped_chars(&without_wrappers(line), REASON)
}

/// `a.b.CompletionException: a.b.RealException: why` → `RealException: why`; wrappers' names are dropped, others shortened.
fn without_wrappers(line: &str) -> String {
    let mut rest = line.trim();
    while let Some((class, tail)) = rest.split_once(": ") {
        let Some(simple) = simple_name(class) else { break };
        if WRAPPERS.contains(&simple) && !tail.trim().is_empty() {
            rest = tail.trim();
        } else {
            return format!("{simple}: {tail}");
        }
    }
    simple_name(rest).unwrap_or(rest).to_owned()
}

/// The last part of a Java class name with a package; `None` when `text` is not one.
fn simple_name(text: &str) -> Option<&str> {
    let (package, simple) = text.rsplit_once('.')?;
    let is_name =
        |s: &str| !s.is_empty() && s.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '$'));
    (is_name(package) && is_name(simple) && simple.starts_with(char::is_uppercase)).then_some(simple)
}

/// Flink's own error body, `{"errors": […]}`, as one text; `None` when it is not Flink's.
pub(super) fn flink_errors(body: &[u8]) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Body {
        errors: Vec<Leaf>,
    }
    let body: Body = json::parse(body).ok()?;
    let texts: Vec<String> = body.errors.iter().filter_map(Leaf::text).collect();
    // A 500 says "Internal server error." first; that is no reason.
    let told = texts.iter().any(|t| t.trim() != "Internal server error.");
    Some(
        texts
            .into_iter()
            .filter(|t| !told || t.trim() != "Internal server error.")
            .collect::<Vec<_>>()
            .join("\n"),
    )
}

/// Flink's words, as an error of this kind.
pub(super) fn flink(kind: ErrorKind, effect: Effect, text: &str) -> ClusterError {
    ClusterError { kind, effect, message: reason(text), full: Some(capped(text)) }
}

/// An error in our own words.
pub(super) fn plain(kind: ErrorKind, effect: Effect, message: impl Into<String>) -> ClusterError {
    ClusterError { kind, effect, message: message.into(), full: None }
}

/// At most [`FULL`] bytes, cut between characters.
pub(super) fn capped(text: &str) -> String {
    if text.len() <= FULL {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(FULL);
    format!("{}\n… ({} bytes left out)", text.get(..end).unwrap_or(""), text.len() - end)
}

fn capped_chars(text: &str, max: usize) -> String {
    match text.char_indices().nth(max) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or("")),
        None => text.to_owned(),
    }
}

/// Flink says that it does not know the job. (A route that is not there is a 404, too, and says something else.)
pub(super) fn is_unknown_job(error: &ClusterError) -> bool {
    matches!(error.kind, ErrorKind::Flink(404 | 500))
        && error.full.as_deref().is_some_and(|t| {
            t.contains("FlinkJobNotFoundException")
                || t.contains("NotFoundException: Job ")
                || t.contains("Job could not be found")
        })
}

/// Flink says that the job takes no checkpoints.
pub(super) fn is_without_checkpoints(error: &ClusterError) -> bool {
    error.flink_status().is_some()
        && error.full.as_deref().is_some_and(|t| t.contains("Checkpointing has not been enabled"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("java.lang.IllegalStateException: boom\n\tat a.B.c(B.java:1)", "IllegalStateException: boom")]
    #[case(
        "a.RestHandlerException: Could not execute application.\n\tat x\nCaused by: java.util.concurrent.CompletionException: org.apache.flink.runtime.client.DuplicateJobSubmissionException: Job has already been submitted.\n\t... 1 more",
        "DuplicateJobSubmissionException: Job has already been submitted."
    )]
    #[case(
        "x.Y: outer\nCaused by: z.Real: inner\n\tat q\n\tSuppressed: s.T: other\n\tCaused by: s.U: not this",
        "Real: inner"
    )]
    #[case(
        "org.apache.flink.runtime.rest.handler.RestHandlerException: Config key [a] is not set. Property [b] must be provided.\n\tat x",
        "Config key [a] is not set. Property [b] must be provided."
    )]
    #[case(
        "<Exception on server side:\na.b.NoRoute: x\n\tat y\n\nEnd of exception on server side>",
        "NoRoute: x"
    )]
    #[case("java.lang.NullPointerException", "NullPointerException")]
    #[case("Unable to load requested file /nope.", "Unable to load requested file /nope.")]
    #[case("http://x: y", "http://x: y")]
    #[case("", "no reason given")]
    fn the_last_cause_is_the_reason(#[case] trace: &str, #[case] expected: &str) {
        assert_eq!(reason(trace), expected);
    }

    #[test]
    fn internal_server_error_is_no_reason() {
        let body =
            br#"{"errors":["Internal server error.","<Exception on server side:\na.B: why\n\tat c\n"]}"#;
        assert_eq!(reason(&flink_errors(body).unwrap()), "B: why");
        assert_eq!(
            flink_errors(br#"{"errors":["Internal server error."]}"#).unwrap(),
            "Internal server error."
        );
        assert_eq!(flink_errors(b"<html>"), None);
        assert_eq!(flink_errors(br#"{"error":"x"}"#), None);
    }

    #[test]
    fn texts_are_capped() {
        assert_eq!(reason(&"é".repeat(5000)).chars().count(), REASON + 1);
        assert!(capped(&"é".repeat(70_000)).len() < FULL + 60);
    }
}
