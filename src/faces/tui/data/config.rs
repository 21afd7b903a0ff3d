//! Effective values of a revision, with the layer each came from and what the program has set instead.

use serde_json::Value;

use super::Data;
use crate::{contract::model::Revision, domain::spec::Layer, faces::tui::say};

/// One effective value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it is in the spec.
    pub path: String,
    /// The value for people, in full.
    pub value: String,
    /// The layer that gave it.
    pub layer: &'static str,
    /// What the job runs with instead, where the program has set it itself.
    pub overridden: Option<String>,
}

/// The leaves of a revision's spec, each with its layer.
fn rows(r: &Revision) -> Vec<Entry> {
    let mut out = Vec::new();
    leaves(&r.spec, "", r, &mut out);
    out
}

fn leaves(v: &Value, path: &str, r: &Revision, out: &mut Vec<Entry>) {
    match v {
        Value::Object(map) => {
            for (k, v) in map {
                let at = if path.is_empty() { k.clone() } else { format!("{path}/{k}") };
                leaves(v, &at, r, out);
            }
        }
        Value::Null => {}
        v => out.push(Entry {
            path: path.to_owned(),
            value: say::full_value(v),
            layer: layer(path, r),
            overridden: None,
        }),
    }
}

impl Data {
    /// The values of a revision, with what the deployment's live job runs with instead.
    #[must_use]
    pub fn values(&self, deployment: &str, r: &Revision) -> Vec<Entry> {
        let mut all = rows(r);
        let of_job = self.detail(deployment).map(|d| d.deployment.overridden.as_slice()).unwrap_or_default();
        for e in &mut all {
            e.overridden = of_job.iter().find(|o| o.path == e.path).map(|o| o.runs_with.clone());
        }
        all
    }

    /// One of them, of the revision that the deployment runs.
    #[must_use]
    pub fn value(&self, deployment: &str, path: &str) -> Option<Entry> {
        let current = self.current_revision(deployment, self.revisions(deployment))?;
        self.values(deployment, current).into_iter().find(|e| e.path == path)
    }
}

/// The layer of a path, or of the nearest path above it.
fn layer(path: &str, r: &Revision) -> &'static str {
    let mut at = path;
    loop {
        if let Some(l) = r.provenance.get(at) {
            return l.as_str();
        }
        match at.rfind('/') {
            Some(i) => at = &at[..i],
            None => return Layer::BuiltIn.as_str(),
        }
    }
}
