//! The state of an asynchronous operation: savepoint, stop, disposal.

use serde::Deserialize;

use crate::manager::ports::cluster::AsyncStatus;

use super::{
    super::{
        errors::{capped, reason},
        json::Leaf,
    },
    Convert,
};

#[derive(Deserialize)]
pub(in crate::adapters::flink) struct AsyncDto {
    status: Option<AsyncState>,
    operation: Option<AsyncResult>,
}

#[derive(Deserialize)]
struct AsyncState {
    id: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
struct AsyncResult {
    #[serde(default)]
    location: Leaf,
    failure_cause: Option<Cause>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Cause {
    #[serde(default)]
    class: Leaf,
    #[serde(default)]
    stack_trace: Leaf,
    #[serde(default)]
    serialized_throwable: Leaf,
}

impl Convert for AsyncDto {
    type Out = AsyncStatus;
    /// COMPLETED is said of failures, too: what decides is whether there is a cause. An unknown word is no end.
    fn convert(self) -> Option<AsyncStatus> {
        if self.status?.id? != "COMPLETED" {
            return Some(AsyncStatus::InProgress);
        }
        let result = self.operation.unwrap_or_default();
        Some(match result.failure_cause {
            Some(cause) => cause.convert(),
            None => AsyncStatus::Completed { location: result.location.text() },
        })
    }
}

impl Cause {
    fn convert(self) -> AsyncStatus {
        let trace = self.stack_trace.text().or_else(|| self.class.text()).unwrap_or_default();
        let mut full = capped(&trace);
        // A stop can fail after its savepoint is complete; where it is then stands in the exception alone, sometimes only
        // in the serialised form.
        if !trace.contains(SAVEPOINT_MADE)
            && let Some(sentence) = hidden_sentence(&self.serialized_throwable.text_or_empty())
        {
            full = format!("{full}\n{sentence}");
        }
        AsyncStatus::Failed { reason: reason(&trace), full }
    }
}

/// What Flink says when the savepoint of a failed stop is complete.
const SAVEPOINT_MADE: &str = "A savepoint has been created at: ";

/// The sentence with the savepoint's place in a serialised Java exception (base64), if it is there.
fn hidden_sentence(serialised: &str) -> Option<String> {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let bytes = STANDARD.decode(serialised.trim()).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let sentence = text.get(text.find(SAVEPOINT_MADE)?..)?;
    Some(sentence.chars().take_while(|c| !c.is_control() && *c != '\u{fffd}').take(2_000).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_savepoint_hidden_in_a_serialised_exception_is_found() {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        let java = b"\xac\xed\x00\x05sr\x00\x29x\x00\xffA savepoint has been created at: file:/sp/savepoint-1, but the job failed.\x00\x01";
        let json = serde_json::json!({"status": {"id": "COMPLETED"}, "operation": {"failure-cause": {
            "class": "a.B", "stack-trace": "a.B: stopping failed", "serialized-throwable": STANDARD.encode(java)}}});
        let dto: AsyncDto = serde_json::from_value(json).unwrap();
        let AsyncStatus::Failed { reason, full } = dto.convert().unwrap() else { panic!("not failed") };
        assert_eq!(reason, "B: stopping failed");
        assert!(full.contains("created at: file:/sp/savepoint-1, but the job failed."), "{full}");
    }

    #[test]
    fn unknown_words_are_no_end() {
        let dto: AsyncDto = serde_json::from_str(r#"{"status":{"id":"QUEUED"},"operation":null}"#).unwrap();
        assert_eq!(dto.convert(), Some(AsyncStatus::InProgress));
        let dto: AsyncDto = serde_json::from_str("{}").unwrap();
        assert_eq!(dto.convert(), None);
    }
}
