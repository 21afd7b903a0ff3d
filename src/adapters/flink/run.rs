//! The bodies that start, save and stop jobs, in the words that Flink 1.16 to 2.3 all take.

use serde_json::{Map, Value, json};

use crate::manager::ports::cluster::{ClusterError, Effect, ErrorKind, RunRequest, SavepointRequest};

use super::errors::plain;

/// Body of `/jars/:id/run`, or of `/plan`, which takes fewer fields. Only what is set is sent: older Flinks refuse fields
/// that they do not know.
pub(super) fn run_body(run: &RunRequest, plan: bool) -> Value {
    let mut body = Map::new();
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            body.insert(key.to_owned(), value);
        }
    };
    put("entryClass", run.entry_class.as_deref().map(Value::from));
    // A string of arguments is silently ignored by Flink 2.
    put("programArgsList", (!run.args.is_empty()).then(|| json!(run.args)));
    put("parallelism", (run.parallelism > 0).then(|| json!(run.parallelism)));
    put("flinkConfiguration", (!run.flink_configuration.is_empty()).then(|| json!(run.flink_configuration)));
    if !plan {
        put("jobId", run.job_id.as_ref().map(|id| json!(id.as_str())));
        put("savepointPath", run.savepoint_path.as_deref().map(Value::from));
        // Newer Flinks call it claimMode and still take this; older ones refuse claimMode.
        put("restoreMode", run.savepoint_path.is_some().then(|| json!("NO_CLAIM")));
        put("allowNonRestoredState", run.allow_non_restored_state.then_some(Value::Bool(true)));
    }
    Value::Object(body)
}

/// Body of `/jobs/:id/savepoints`.
pub(super) fn savepoint_body(request: &SavepointRequest) -> Value {
    with_directory(request, "target-directory", json!({ "cancel-job": false }))
}

/// Body of `/jobs/:id/stop`, which spells the directory differently.
pub(super) fn stop_body(request: &SavepointRequest) -> Value {
    with_directory(request, "targetDirectory", json!({ "drain": request.drain }))
}

fn with_directory(request: &SavepointRequest, key: &str, mut body: Value) -> Value {
    if let Some(map) = body.as_object_mut() {
        map.insert("triggerId".to_owned(), json!(request.trigger.as_str()));
        map.insert("formatType".to_owned(), json!(request.format.as_str()));
        if let Some(directory) = &request.directory {
            map.insert(key.to_owned(), json!(directory));
        }
    }
    body
}

/// Whether this Flink takes `flinkConfiguration` with a run. An unknown version is believed to be new.
pub(super) fn takes_configuration(version: &str) -> bool {
    let mut parts = version.split(['.', '-']).map(str::parse::<u32>);
    match (parts.next(), parts.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) >= (1, 17),
        _ => true,
    }
}

/// The refusal to send a configuration to a Flink that knows none.
pub(super) fn configuration_too_new(version: &str) -> ClusterError {
    plain(
        ErrorKind::Config,
        Effect::None,
        format!(
            "flinkConfiguration needs Flink 1.17 or newer, and this is {version}: set these values in the cluster's own \
             configuration or in the program, and remove them from the deployment. Nothing was sent"
        ),
    )
}

/// A plan leaves nothing behind: whatever Flink itself says about it is an answer.
pub(super) fn plan_effect(mut error: ClusterError) -> ClusterError {
    if matches!(error.kind, ErrorKind::Flink(_)) {
        error.effect = Effect::None;
    }
    error
}

/// A failed run may have left a job behind, unless Flink never came to the program's `main()`.
pub(super) fn run_effect(mut error: ClusterError) -> ClusterError {
    const BEFORE_MAIN: &[&str] = &[
        " does not exist",
        "Error while opening jar file",
        "was not found in the jar file",
        "Neither a 'Main-Class'",
        "Could not load class",
        "Failed to parse",
        "Request did not match expected format",
        "could not parse",
    ];
    if matches!(error.kind, ErrorKind::Flink(_)) {
        let text = error.full.as_deref().unwrap_or_default();
        let reached_main = text.contains("Could not execute application") || text.contains("callMainMethod");
        let before = !reached_main && BEFORE_MAIN.iter().any(|words| text.contains(words));
        error.effect = if before { Effect::None } else { Effect::Possible };
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ids::Hex32, savepoint::Format};
    use rstest::rstest;

    #[test]
    fn only_what_is_set_is_sent() {
        let empty = RunRequest { parallelism: 2, ..RunRequest::default() };
        assert_eq!(run_body(&empty, false), json!({"parallelism": 2}));
        let full = RunRequest {
            job_id: Some(Hex32::from_bytes([1; 16])),
            entry_class: Some("a.B".into()),
            args: vec!["--x".into(), "1 2".into()],
            parallelism: 4,
            savepoint_path: Some("file:/sp".into()),
            allow_non_restored_state: true,
            flink_configuration: [("k".to_owned(), "v".to_owned())].into_iter().collect(),
        };
        assert_eq!(
            run_body(&full, false),
            json!({"entryClass": "a.B", "programArgsList": ["--x", "1 2"], "parallelism": 4,
                "flinkConfiguration": {"k": "v"}, "jobId": "01".repeat(16), "savepointPath": "file:/sp",
                "restoreMode": "NO_CLAIM", "allowNonRestoredState": true})
        );
        assert_eq!(
            run_body(&full, true),
            json!({"entryClass": "a.B", "programArgsList": ["--x", "1 2"], "parallelism": 4,
                "flinkConfiguration": {"k": "v"}})
        );
    }

    #[test]
    fn savepoint_and_stop_spell_the_directory_differently() {
        let r = SavepointRequest {
            trigger: Hex32::from_bytes([2; 16]),
            directory: Some("file:/d".into()),
            format: Format::Native,
            drain: true,
        };
        let id = "02".repeat(16);
        assert_eq!(
            savepoint_body(&r),
            json!({"cancel-job": false, "triggerId": id, "formatType": "NATIVE", "target-directory": "file:/d"})
        );
        assert_eq!(
            stop_body(&r),
            json!({"drain": true, "triggerId": id, "formatType": "NATIVE", "targetDirectory": "file:/d"})
        );
    }

    #[rstest]
    #[case("1.16.3", false)]
    #[case("1.9", false)]
    #[case("1.17.2", true)]
    #[case("2.3.0", true)]
    #[case("2.4-SNAPSHOT", true)]
    #[case("unknown", true)]
    fn configuration_needs_1_17(#[case] version: &str, #[case] takes: bool) {
        assert_eq!(takes_configuration(version), takes);
    }
}
