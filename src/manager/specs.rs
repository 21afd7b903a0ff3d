//! Layers of a deployment put together: what a new revision would be, and where each value came from.

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::{
    ports::store::{DeploymentRow, RevisionRow},
    world::World,
};
use crate::{
    contract::{
        intent::Upgrade,
        problem::{Code, Problem},
    },
    domain::{
        ids::ArtifactSha,
        secret,
        spec::{self, Layer, Merged, Protection, Spec},
    },
};

/// What is merged under a deployment's own layer.
#[derive(Debug, Clone, Default)]
pub struct Defaults {
    /// The target's.
    pub target: Option<Value>,
    /// The application's.
    pub application: Option<Value>,
}

impl Defaults {
    /// The effective spec of a deployment's layer.
    #[must_use]
    pub fn merge(&self, layer: &Value) -> Merged {
        let (built_in, none) = (spec::built_in(), Value::Object(Map::new()));
        spec::merge(&[
            (Layer::BuiltIn, &built_in),
            (Layer::Target, self.target.as_ref().unwrap_or(&none)),
            (Layer::Application, self.application.as_ref().unwrap_or(&none)),
            (Layer::Deployment, layer),
        ])
    }
}

/// The target that a layer names, or else its application's defaults.
#[must_use]
pub fn target_of<'a>(layer: &'a Value, application: Option<&'a Value>) -> Option<&'a str> {
    let named = |v: &'a Value| v.get("target").and_then(Value::as_str);
    named(layer).or_else(|| application.and_then(named))
}

impl World {
    /// The effective spec that a deployment's layer gives now.
    #[must_use]
    pub fn merged(&self, row: &DeploymentRow) -> Merged {
        self.merged_layer(row.name.app(), &row.layer)
    }

    /// The effective spec that a layer would give in an application.
    #[must_use]
    pub fn merged_layer(&self, app: &str, layer: &Value) -> Merged {
        self.defaults(app, layer).merge(layer)
    }

    /// The defaults that hold for a layer in an application.
    #[must_use]
    pub fn defaults(&self, app: &str, layer: &Value) -> Defaults {
        let application = self.applications.get(app).map(|a| a.defaults.clone());
        let target = target_of(layer, application.as_ref()).and_then(|t| self.targets.get(&t.into()));
        Defaults { target: target.map(|t| t.spec.defaults.clone()), application }
    }

    /// The layer that gives exactly the spec of an earlier revision, whatever the inherited layers say now.
    #[must_use]
    pub fn layer_for(&self, app: &str, revision: &RevisionRow) -> Value {
        let mut layer = Value::Object(Map::new());
        let own = revision.provenance.iter().filter(|(_, l)| **l == Layer::Deployment);
        for path in own.map(|(p, _)| p) {
            if let Some(v) = revision.spec.pointer(&format!("/{path}")) {
                set_path(&mut layer, &path.split('/').collect::<Vec<_>>(), v.clone());
            }
        }
        for d in spec::diff(&self.merged_layer(app, &layer).value, &revision.spec) {
            set_path(&mut layer, &d.path.split('/').collect::<Vec<_>>(), d.new);
        }
        layer
    }

    /// The stronger of the deployment's and the target's protection.
    #[must_use]
    pub fn protection(&self, spec: Option<&Spec>, target: &crate::domain::ids::TargetName) -> Protection {
        let of_target = self.targets.get(target).and_then(|t| t.spec.protection);
        spec.map(|s| s.protection).into_iter().chain(of_target).max().unwrap_or(Protection::None)
    }
}

/// Reads a merged document as a spec, refusing literal secrets.
pub fn checked(m: &Merged) -> Result<Spec, Problem> {
    let invalid =
        |e: &spec::SpecError| Problem::new(Code::InvalidSpec, format!("spec.{e}; nothing was changed"));
    if let Some(e) = secret::literal_secrets(&m.value).first() {
        return Err(invalid(e));
    }
    let s = spec::effective(&m.value).map_err(|e| invalid(&e))?;
    let counts = [
        ("parallelism", s.parallelism),
        ("maxSavepointAttempts", s.max_savepoint_attempts),
        ("maxJobAttempts", s.max_job_attempts),
    ];
    match counts.into_iter().find(|(_, n)| *n == 0) {
        Some((path, _)) => {
            let message = "it must be at least 1".to_owned();
            Err(invalid(&spec::SpecError { path: path.to_owned(), message }))
        }
        None => Ok(s),
    }
}

/// A revision made of a merged spec.
#[must_use]
pub fn revision(row: &DeploymentRow, number: u32, m: &Merged, artifact: Option<&str>) -> RevisionRow {
    let text = m.value.to_string();
    let content_hash: String = Sha256::digest(text.as_bytes()).iter().map(|b| format!("{b:02x}")).collect();
    RevisionRow {
        deployment: row.id.clone(),
        number,
        version_label: version_label(row, m, artifact),
        author: String::new(),
        reason: None,
        created_at: row.created_at,
        content_hash,
        spec: m.value.clone(),
        provenance: m.provenance.clone(),
    }
}

/// `payments@33de6`: the jar's name, and the person's word or the jar's hash.
fn version_label(row: &DeploymentRow, m: &Merged, artifact: Option<&str>) -> String {
    let at = |p: &str| m.value.pointer(p).and_then(Value::as_str).map(str::to_owned);
    let name = artifact
        .map(str::to_owned)
        .or_else(|| at("/artifact/jar"))
        .and_then(|j| j.rsplit('/').next().map(|f| f.trim_end_matches(".jar").to_owned()))
        .unwrap_or_else(|| row.name.app().to_owned());
    let version = at("/artifact/version")
        .or_else(|| at("/artifact/sha256").map(|s| s.chars().take(7).collect()))
        .unwrap_or_else(|| "unknown".to_owned());
    format!("{name}@{version}")
}

/// Applies an upgrade's fields to a deployment's own layer.
#[must_use]
pub fn with_upgrade(layer: &Value, up: &Upgrade, sha: Option<(&ArtifactSha, &str)>) -> Value {
    let mut out = layer.clone();
    let mut put = |path: &[&str], v: Value| set_path(&mut out, path, v);
    if let Some((sha, name)) = sha {
        put(&["artifact", "sha256"], sha.as_str().into());
        put(&["artifact", "jar"], name.into());
        // A new jar has a new version; the old word would lie.
        put(&["artifact", "version"], up.version_label.clone().map_or(Value::Null, Value::from));
    } else if let Some(v) = &up.version_label {
        put(&["artifact", "version"], v.clone().into());
    }
    if let Some(c) = &up.entry_class {
        put(&["artifact", "entryClass"], c.clone().into());
    }
    if let Some(args) = &up.args {
        put(&["artifact", "args"], args.clone().into());
    }
    if let Some(p) = up.parallelism {
        put(&["parallelism"], p.into());
    }
    for (k, v) in &up.flink_configuration {
        put(&["flinkConfiguration", k], v.clone().map_or(Value::Null, Value::from));
    }
    for (path, v) in &up.set {
        put(&path_parts(path), v.clone());
    }
    out
}

/// Splits a path of `--set`: dots or slashes, but below `flinkConfiguration` the rest is one key.
#[must_use]
pub fn path_parts(path: &str) -> Vec<&str> {
    let path = path.strip_prefix("spec.").unwrap_or(path);
    match path.split_once(['.', '/']) {
        Some(("flinkConfiguration", key)) => vec!["flinkConfiguration", key],
        Some(_) => path.split(['.', '/']).collect(),
        None => vec![path],
    }
}

/// Sets a value at a path, making the maps on the way. `null` stays as `null`: it removes an inherited value.
pub fn set_path(doc: &mut Value, path: &[&str], value: Value) {
    let Some((head, rest)) = path.split_first() else { return };
    if !doc.is_object() {
        *doc = Value::Object(Map::new());
    }
    let Value::Object(map) = doc else { return };
    if rest.is_empty() {
        map.insert((*head).to_owned(), value);
    } else {
        set_path(map.entry((*head).to_owned()).or_insert(Value::Null), rest, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn paths_keep_flink_keys_whole() {
        assert_eq!(
            path_parts("flinkConfiguration.execution.checkpointing.interval"),
            ["flinkConfiguration", "execution.checkpointing.interval"]
        );
        assert_eq!(path_parts("spec.probation.timeout"), ["probation", "timeout"]);
    }

    #[test]
    fn an_upgrade_writes_the_deployment_layer() {
        let up = Upgrade {
            parallelism: Some(3),
            flink_configuration: [("a.b".to_owned(), None), ("c".to_owned(), Some("1".to_owned()))]
                .into_iter()
                .collect(),
            ..Upgrade::default()
        };
        let out = with_upgrade(
            &json!({"target": "t", "artifact": {"version": "v1"}}),
            &up,
            Some((&ArtifactSha::new("ab"), "p.jar")),
        );
        assert_eq!(
            out,
            json!({"target": "t", "artifact": {"version": null, "sha256": "ab", "jar": "p.jar"}, "parallelism": 3, "flinkConfiguration": {"a.b": null, "c": "1"}})
        );
    }
}
