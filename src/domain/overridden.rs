//! What a program has set itself: `main()` may override what came with the submission, and Flink tells only what the job
//! runs with.

use super::{flink::CheckpointConfig, spec::Spec, time::Span};

/// A value of the spec that the job does not run with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overridden {
    /// Where it is in the spec (`flinkConfiguration/execution.checkpointing.interval`).
    pub path: String,
    /// What the job runs with instead.
    pub runs: String,
}

/// What Flink says that a job runs with; `None` = it was not read.
#[derive(Debug, Clone, Copy, Default)]
pub struct RunsWith<'a> {
    /// Of the job's checkpoints.
    pub checkpoints: Option<&'a CheckpointConfig>,
    /// Of the job as a whole.
    pub parallelism: Option<u32>,
}

const INTERVAL: &str = "execution.checkpointing.interval";
const TIMEOUT: &str = "execution.checkpointing.timeout";
const RETENTION: &str = "execution.checkpointing.externalized-checkpoint-retention";

/// The values of the spec that the job does not run with.
#[must_use]
pub fn overridden(spec: &Spec, runs: RunsWith<'_>) -> Vec<Overridden> {
    let mut found = Vec::new();
    if let Some(p) = runs.parallelism.filter(|p| *p != spec.parallelism) {
        found.push(Overridden { path: "parallelism".to_owned(), runs: p.to_string() });
    }
    let Some(c) = runs.checkpoints else { return found };
    let wanted = |key: &str| spec.flink_configuration.get(key);
    let mut differs = |key: &str, runs: String| {
        found.push(Overridden { path: format!("flinkConfiguration/{key}"), runs });
    };
    let off = || "no checkpointing".to_owned();
    let shown = |s: Option<Span>| s.map_or_else(off, |s| s.to_string());
    for (key, has) in [(INTERVAL, c.interval), (TIMEOUT, c.timeout)] {
        // A value that cannot be read here is compared by nobody.
        let asked = wanted(key).and_then(|v| v.parse::<Span>().ok());
        if asked.is_some() && asked != has {
            differs(key, shown(has));
        }
    }
    let keeps = |v: &str| v != "DELETE_ON_CANCELLATION" && v != "NO_EXTERNALIZED_CHECKPOINTS";
    // Without checkpointing nothing is kept, whatever the program says of it.
    if let Some(v) = wanted(RETENTION).filter(|v| c.interval.is_some() && keeps(v) != c.retained) {
        let says =
            if keeps(v) { "checkpoints are deleted with the job" } else { "checkpoints outlive the job" };
        differs(RETENTION, says.to_owned());
    }
    found
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rstest::rstest;
    use serde_json::json;

    use super::*;
    use crate::domain::spec::{built_in, effective};

    const fn runs_with(interval: Option<u64>, retained: bool) -> CheckpointConfig {
        let interval = match interval {
            Some(s) => Some(Span(Duration::from_secs(s))),
            None => None,
        };
        CheckpointConfig { interval, timeout: Some(Span(Duration::from_secs(600))), retained }
    }

    #[rstest]
    #[case::as_it_was_asked(json!({ INTERVAL: "10 s" }), runs_with(Some(10), true), &[])]
    #[case::another_interval(json!({ INTERVAL: "10s" }), runs_with(Some(30), true), &[(INTERVAL, "30s")])]
    #[case::none_at_all(json!({ INTERVAL: "10s" }), runs_with(None, false), &[(INTERVAL, "no checkpointing")])]
    #[case::nobody_asked(json!({}), runs_with(Some(30), true), &[])]
    #[case::another_timeout(json!({ TIMEOUT: "1 min" }), runs_with(Some(30), true), &[(TIMEOUT, "10m")])]
    #[case::not_kept(json!({ RETENTION: "RETAIN_ON_CANCELLATION" }), runs_with(Some(1), false),
        &[(RETENTION, "checkpoints are deleted with the job")])]
    #[case::kept_all_the_same(json!({ RETENTION: "DELETE_ON_CANCELLATION" }), runs_with(Some(1), true),
        &[(RETENTION, "checkpoints outlive the job")])]
    #[case::a_reference_is_not_compared(json!({ INTERVAL: "${env:X}" }), runs_with(Some(1), true), &[])]
    fn what_differs_is_named(
        #[case] asked: serde_json::Value,
        #[case] config: CheckpointConfig,
        #[case] expected: &[(&str, &str)],
    ) {
        let mut value = built_in();
        value["target"] = json!("t");
        value["flinkConfiguration"] = asked;
        let spec = effective(&value).unwrap();
        let runs = RunsWith { checkpoints: Some(&config), parallelism: Some(spec.parallelism) };
        let found = overridden(&spec, runs);
        let found: Vec<_> = found
            .iter()
            .map(|o| (o.path.trim_start_matches("flinkConfiguration/"), o.runs.as_str()))
            .collect();
        assert_eq!(found, expected);
        let wider = RunsWith { parallelism: Some(spec.parallelism + 1), checkpoints: None };
        assert_eq!(overridden(&spec, wider)[0].path, "parallelism");
        assert_eq!(overridden(&spec, RunsWith::default()), [], "what was not read is not different");
    }
}
