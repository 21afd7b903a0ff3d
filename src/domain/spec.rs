//! Specs: layers that are merged with provenance, effective specs, and their differences.
//!
//! ```text
//!   built-in < target defaults < application defaults < deployment
//!        └──────────────┬──────────────────────────────┘
//!                    merge()  → effective document + the layer of every value → Revision
//! ```

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{ids::ArtifactSha, operation::Probation, savepoint::Format};
use crate::words;

words!(closed
    /// The layer a value came from, weakest first.
    Layer {
        /// nutkin's own default.
        BuiltIn = "built-in",
        /// The target's defaults.
        Target = "target",
        /// The application's defaults.
        Application = "application",
        /// The deployment's own spec.
        Deployment = "deployment",
    }
);

words!(closed
    /// How a changed spec is applied.
    UpgradeStrategy {
        /// Stop with a savepoint, start from it.
        Stateful = "STATEFUL",
        /// Cancel, start empty.
        Stateless = "STATELESS",
        /// At the next start; until then shown as drift.
        None = "NONE",
    }
);

words!(closed
    /// Which restore points a start considers.
    RestoreStrategy {
        /// Savepoints and retained checkpoints.
        LatestState = "LATEST_STATE",
        /// Savepoints only.
        LatestSavepoint = "LATEST_SAVEPOINT",
        /// Begin empty.
        None = "NONE",
    }
);

words!(closed
    /// How hard it is to act by mistake.
    Protection {
        /// No question.
        None = "NONE",
        /// A `y`.
        Confirm = "CONFIRM",
        /// The deployment's name, typed.
        TypeName = "TYPE_NAME",
    }
);

/// The program of a deployment.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Artifact {
    /// Content hash; what the API and the store use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<ArtifactSha>,
    /// A path in a manifest, resolved by the client; the label of the file afterwards.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jar: Option<String>,
    /// Main class; none = the manifest's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry_class: Option<String>,
    /// Program arguments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// A person's or CI's word for the version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// A number of the program that Overview shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OverviewMetric {
    /// What people call it.
    pub name: String,
    /// The last part of Flink's metric id, summed over subtasks.
    pub metric: String,
}

/// An effective deployment spec: every layer merged, every default filled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Spec {
    /// Where it runs.
    pub target: String,
    /// The program.
    #[serde(default)]
    pub artifact: Artifact,
    /// Default parallelism of the job.
    #[serde(default = "one")]
    pub parallelism: u32,
    /// Flink configuration of the job (Flink 1.17 or newer). Secrets by reference only.
    #[serde(default)]
    #[schema(value_type = std::collections::HashMap<String, String>)]
    pub flink_configuration: IndexMap<String, String>,
    /// The program's own numbers.
    #[serde(default)]
    pub overview_metrics: Vec<OverviewMetric>,
    /// Base directory of savepoints.
    #[serde(default)]
    pub savepoint_directory: Option<String>,
    /// How a change is applied.
    #[serde(default = "stateful")]
    pub upgrade_strategy: UpgradeStrategy,
    /// What a start restores.
    #[serde(default = "latest_state")]
    pub restore_strategy: RestoreStrategy,
    /// Binary format of savepoints.
    #[serde(default = "canonical")]
    pub savepoint_format: Format,
    /// Attempts before a savepoint counts as failed.
    #[serde(default = "four")]
    pub max_savepoint_attempts: u32,
    /// Attempts before a submission counts as failed.
    #[serde(default = "four")]
    pub max_job_attempts: u32,
    /// How a new job is watched.
    #[serde(default)]
    pub probation: Probation,
    /// How hard it is to act by mistake.
    #[serde(default = "unprotected")]
    pub protection: Protection,
}

const fn one() -> u32 {
    1
}
const fn four() -> u32 {
    4
}
const fn stateful() -> UpgradeStrategy {
    UpgradeStrategy::Stateful
}
const fn latest_state() -> RestoreStrategy {
    RestoreStrategy::LatestState
}
const fn canonical() -> Format {
    Format::Canonical
}
const fn unprotected() -> Protection {
    Protection::None
}

/// nutkin's own defaults, the weakest layer.
#[must_use]
pub fn built_in() -> Value {
    serde_json::json!({
        "parallelism": 1,
        "flinkConfiguration": { "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION" },
        "upgradeStrategy": "STATEFUL",
        "restoreStrategy": "LATEST_STATE",
        "savepointFormat": "CANONICAL",
        "maxSavepointAttempts": 4,
        "maxJobAttempts": 4,
        "probation": { "checkpoints": 1, "timeout": "5m", "onFailure": "ROLLBACK" },
        "protection": "NONE",
    })
}

/// Keys of a spec that only an effective spec is known by; used for suggestions.
pub const SPEC_KEYS: &[&str] = &[
    "target",
    "state",
    "artifact",
    "parallelism",
    "flinkConfiguration",
    "overviewMetrics",
    "savepointDirectory",
    "upgradeStrategy",
    "restoreStrategy",
    "savepointFormat",
    "maxSavepointAttempts",
    "maxJobAttempts",
    "probation",
    "protection",
];

/// Keys that people look for in a spec, and what they would ask for, which is not built yet.
const NOT_BUILT: &[(&str, &str)] = &[
    ("periodicSavepoints", "periodic savepoints are"),
    ("savepointInterval", "periodic savepoints are"),
    ("savepointSchedule", "periodic savepoints are"),
    ("recovery", "automatic recovery is"),
    ("autoRecovery", "automatic recovery is"),
    ("automaticRecovery", "automatic recovery is"),
];

/// The word on a key whose feature is planned.
#[must_use]
pub fn not_built_yet(key: &str) -> Option<String> {
    let (key, what) = NOT_BUILT.iter().find(|(k, _)| *k == key)?;
    Some(format!("key {key:?}: {what} not built yet; remove it"))
}

/// A merged spec and where each of its values came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// The document.
    pub value: Value,
    /// Path (`flinkConfiguration/execution.checkpointing.interval`) → layer.
    pub provenance: IndexMap<String, Layer>,
}

/// Merges layers, weakest first: maps per key, lists replace, `null` removes.
#[must_use]
pub fn merge(layers: &[(Layer, &Value)]) -> Merged {
    let mut m = Merged { value: Value::Object(Map::new()), provenance: IndexMap::new() };
    for (layer, value) in layers {
        merge_into(&mut m.value, value, *layer, "", &mut m.provenance);
    }
    m
}

fn merge_into(into: &mut Value, from: &Value, layer: Layer, path: &str, prov: &mut IndexMap<String, Layer>) {
    let Value::Object(from) = from else { return };
    if !into.is_object() {
        *into = Value::Object(Map::new());
    }
    let Value::Object(target) = into else { return };
    for (key, value) in from {
        let at = if path.is_empty() { key.clone() } else { format!("{path}/{key}") };
        match value {
            Value::Null => {
                target.shift_remove(key);
                forget(prov, &at);
            }
            Value::Object(_) => {
                let slot = target.entry(key.clone()).or_insert_with(|| Value::Object(Map::new()));
                prov.shift_remove(&at);
                merge_into(slot, value, layer, &at, prov);
            }
            scalar => {
                target.insert(key.clone(), scalar.clone());
                forget(prov, &at);
                prov.insert(at, layer);
            }
        }
    }
}

fn forget(prov: &mut IndexMap<String, Layer>, at: &str) {
    let below = format!("{at}/");
    prov.retain(|k, _| k != at && !k.starts_with(&below));
}

/// What stands in the way of a valid spec.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {message}")]
pub struct SpecError {
    /// Where in the spec.
    pub path: String,
    /// What is wrong, with the nearest known key where one is near.
    pub message: String,
}

/// Reads a merged document as an effective spec.
pub fn effective(value: &Value) -> Result<Spec, SpecError> {
    serde_json::from_value(value.clone()).map_err(|e| explain(value, &e.to_string()))
}

/// Puts serde's message into the place where the error is, with the nearest key.
fn explain(value: &Value, message: &str) -> SpecError {
    if let Some(rest) = message.strip_prefix("unknown field `") {
        let key = rest.split('`').next().unwrap_or_default();
        let known: Vec<&str> = message.split('`').skip(3).step_by(2).collect();
        let hint =
            super::names::nearest(key, known.iter().copied()).map(|n| format!("; did you mean {n:?}?"));
        let path = find_key(value, key, "").unwrap_or_else(|| key.to_owned());
        if let Some(message) = not_built_yet(key) {
            return SpecError { path, message };
        }
        return SpecError { path, message: format!("unknown key{}", hint.unwrap_or_default()) };
    }
    // serde names a missing field but no place.
    if let Some(key) = message.strip_prefix("missing field `").and_then(|rest| rest.split('`').next()) {
        return SpecError { path: key.to_owned(), message: "it is missing".to_owned() };
    }
    SpecError { path: "spec".to_owned(), message: message.to_owned() }
}

fn find_key(value: &Value, key: &str, path: &str) -> Option<String> {
    let Value::Object(map) = value else { return None };
    map.iter().find_map(|(k, v)| {
        let at = if path.is_empty() { k.clone() } else { format!("{path}/{k}") };
        if k == key { Some(at) } else { find_key(v, key, &at) }
    })
}

/// One difference between two documents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// Where.
    pub path: String,
    /// The old value; `null` when the key is new.
    #[schema(value_type = Object)]
    pub old: Value,
    /// The new value; `null` when the key is gone.
    #[schema(value_type = Object)]
    pub new: Value,
}

/// Every leaf in which two documents differ, in document order.
#[must_use]
pub fn diff(old: &Value, new: &Value) -> Vec<Difference> {
    let mut out = Vec::new();
    diff_into(old, new, "", &mut out);
    out
}

fn diff_into(old: &Value, new: &Value, path: &str, out: &mut Vec<Difference>) {
    if old == new {
        return;
    }
    let empty = Map::new();
    let (o, n) = match (old, new) {
        (Value::Object(o), Value::Object(n)) => (o, n),
        (Value::Object(o), Value::Null) => (o, &empty),
        (Value::Null, Value::Object(n)) => (&empty, n),
        _ => {
            out.push(Difference { path: path.to_owned(), old: old.clone(), new: new.clone() });
            return;
        }
    };
    let keys = o.keys().chain(n.keys().filter(|k| !o.contains_key(*k)));
    for key in keys {
        let at = if path.is_empty() { key.clone() } else { format!("{path}/{key}") };
        diff_into(o.get(key).unwrap_or(&Value::Null), n.get(key).unwrap_or(&Value::Null), &at, out);
    }
}

/// Whether a difference asks for a new job; the others take effect without one.
#[must_use]
pub fn needs_new_job(d: &Difference) -> bool {
    let head = d.path.split('/').next().unwrap_or_default();
    matches!(head, "target" | "artifact" | "parallelism" | "flinkConfiguration")
        && d.path != "artifact/version"
        && d.path != "artifact/jar"
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn maps_merge_lists_replace_null_removes() {
        let (target, app, dep) = (
            json!({"flinkConfiguration": {"a": "1", "b": "1"}, "parallelism": 2}),
            json!({"artifact": {"args": ["x", "y"]}, "flinkConfiguration": {"b": "2"}}),
            json!({"artifact": {"args": ["z"]}, "flinkConfiguration": {"a": null}}),
        );
        let m = merge(&[(Layer::Target, &target), (Layer::Application, &app), (Layer::Deployment, &dep)]);
        assert_eq!(
            m.value,
            json!({"flinkConfiguration": {"b": "2"}, "parallelism": 2, "artifact": {"args": ["z"]}})
        );
        assert_eq!(m.provenance["flinkConfiguration/b"], Layer::Application);
        assert_eq!(m.provenance["artifact/args"], Layer::Deployment);
        assert!(!m.provenance.contains_key("flinkConfiguration/a"));
    }

    #[test]
    fn unknown_keys_name_the_nearest() {
        let e = effective(&json!({"target": "t", "paralelism": 3})).unwrap_err();
        assert_eq!(
            (e.path.as_str(), e.message.as_str()),
            ("paralelism", "unknown key; did you mean \"parallelism\"?")
        );
        let e = effective(&json!({"target": "t", "probation": {"timout": "1m"}})).unwrap_err();
        assert_eq!(e.path, "probation/timout");
        let e = effective(&json!({"target": "t", "recovery": {"attempts": 3}})).unwrap_err();
        assert_eq!(
            e.to_string(),
            "recovery: key \"recovery\": automatic recovery is not built yet; remove it"
        );
    }

    #[test]
    fn built_in_is_a_valid_spec_once_a_target_is_named() {
        let m = merge(&[(Layer::BuiltIn, &built_in()), (Layer::Deployment, &json!({"target": "t"}))]);
        assert_eq!(effective(&m.value).unwrap().max_job_attempts, 4);
    }

    #[test]
    fn diffs_name_leaves() {
        let d = diff(&json!({"a": {"b": 1, "c": 2}}), &json!({"a": {"b": 1, "c": 3, "d": 4}}));
        assert_eq!(d.iter().map(|d| d.path.as_str()).collect::<Vec<_>>(), ["a/c", "a/d"]);
    }
}
