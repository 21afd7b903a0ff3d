//! Creating and patching single objects: the same documents as in a manifest, through the same door as `apply`.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{
    contract::{
        List,
        intent::{Applied, Apply, ApplyAction, Document, Meta, Metadata},
        problem::{Code, Problem},
    },
    manager::Caller,
    server::{
        App,
        error::{Answer, Failure},
        extract::Act,
        once::once,
    },
};

/// A kind of object that has a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Target,
    Application,
    Deployment,
}

impl Kind {
    /// The word in a document.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Target => "Target",
            Self::Application => "Application",
            Self::Deployment => "Deployment",
        }
    }

    /// The object's read model.
    fn object(self, app: &App, name: &str) -> Answer<Value> {
        let value = match self {
            Self::Target => serde_json::to_value(app.manager.target(name)?),
            Self::Application => serde_json::to_value(app.manager.application(name)?),
            Self::Deployment => {
                let name = name.parse().map_err(|e| bad(format!("{e}")))?;
                serde_json::to_value(app.manager.deployment(&name)?)
            }
        };
        value.map_err(|e| Failure::new(Code::Internal, e.to_string()))
    }
}

/// The document of a new object, with what every confirmed act carries.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct New {
    /// `nutkin/v1`.
    api_version: String,
    /// `Target`, `Application` or `Deployment`.
    kind: String,
    /// Name, application, labels.
    metadata: Metadata,
    /// Its layer.
    #[schema(value_type = Object)]
    spec: Value,
    /// Reason, confirmation.
    #[serde(default)]
    meta: Meta,
}

/// A JSON merge patch (RFC 7396) of an object's document: what is absent stays, `null` removes.
#[derive(Debug, Clone, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Patch {
    /// Title and labels.
    #[schema(value_type = Object)]
    metadata: Map<String, Value>,
    /// Its layer.
    #[schema(value_type = Object)]
    spec: Map<String, Value>,
    /// Reason, confirmation.
    meta: Meta,
}

/// What a patch answers.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "documents what `patch` answers")]
pub(super) enum Changed<T> {
    /// The object as it is now.
    Object(T),
    /// Of a dry run: what would change.
    Foreseen(List<Applied>),
}

/// Applies the document of an object that must not be there yet: 201 with its model, or what a dry run found.
pub(super) async fn create(app: &App, kind: Kind, act: Act<New>) -> Answer<Response> {
    let Act { body: New { api_version, kind: word, metadata, spec, meta }, caller, dry_run, key, .. } =
        act.without_version()?;
    let document = Document { api_version, kind: word, metadata, spec };
    if document.kind != kind.word() {
        return Err(bad(format!(
            "this route takes a document of kind {}, not {:?}",
            kind.word(),
            document.kind
        )));
    }
    let name = document.full_name();
    let request = Apply { documents: vec![document], meta, ..Apply::default() };
    let make = async || {
        if kind.object(app, &name).is_ok() {
            let detail = format!("{} {name} exists already; nothing was changed", kind.word().to_lowercase());
            let problem =
                Problem::new(Code::AlreadyExists, detail).hint("change it with PATCH, or with apply");
            return Err(Failure(problem));
        }
        apply(app, request, &caller, dry_run, None).await
    };
    if dry_run {
        return Ok(axum::Json(make().await?).into_response());
    }
    once(app, &caller, key.as_ref(), StatusCode::CREATED, async {
        make().await?;
        kind.object(app, &name)
    })
    .await
}

/// Merges a patch into an object's document and applies it: 200 with its model, or what a dry run found.
pub(super) async fn patch(app: &App, kind: Kind, name: &str, act: Act<Patch>) -> Answer<Response> {
    let Act { body: patch, caller, dry_run, key, if_match } = act;
    let change = async || {
        let document = merged(app.manager.document(kind.word(), name).await?, &patch)?;
        let items = app.manager.patch(document, patch.meta.clone(), &caller, dry_run, if_match).await?;
        all_or_problem(items, dry_run)
    };
    if dry_run {
        return Ok(axum::Json(change().await?).into_response());
    }
    once(app, &caller, key.as_ref(), StatusCode::OK, async {
        change().await?;
        kind.object(app, name)
    })
    .await
}

async fn apply(
    app: &App,
    request: Apply,
    who: &Caller,
    dry_run: bool,
    if_match: Option<u32>,
) -> Answer<List<Applied>> {
    all_or_problem(app.manager.apply(request, who, dry_run, if_match).await?, dry_run)
}

/// The results, or the first refusal among them.
fn all_or_problem(items: Vec<Applied>, dry_run: bool) -> Answer<List<Applied>> {
    let Some(trouble) = items.iter().find(|a| a.action == ApplyAction::Refused || a.problem.is_some()) else {
        return Ok(List::all(items));
    };
    let mut problem = trouble.problem.clone().unwrap_or_else(|| {
        Problem::new(Code::InvalidSpec, format!("{} was refused; nothing was changed", trouble.name))
    });
    if trouble.action != ApplyAction::Refused && !dry_run {
        // The object itself is written; what was to follow was not accepted.
        problem.detail =
            format!("{}: {} is done, but not what follows: {}", trouble.name, trouble.action, problem.detail);
    }
    Err(Failure(problem))
}

fn merged(mut document: Document, patch: &Patch) -> Answer<Document> {
    if let Some(spec) = document.spec.as_object_mut().filter(|_| !patch.spec.contains_key("state")) {
        // The state of this moment is nobody's wish: what somebody does meanwhile stays done.
        spec.shift_remove("state");
    }
    merge(&mut document.spec, &Value::Object(patch.spec.clone()));
    let mut metadata = serde_json::to_value(&document.metadata).map_err(|e| bad(e.to_string()))?;
    merge(&mut metadata, &Value::Object(patch.metadata.clone()));
    let after: crate::contract::intent::Metadata =
        serde_json::from_value(metadata).map_err(|e| bad(format!("metadata: {e}; nothing was changed")))?;
    if (&after.name, &after.application) != (&document.metadata.name, &document.metadata.application) {
        return Err(bad("an object cannot be renamed; nothing was changed"));
    }
    document.metadata = after;
    Ok(document)
}

fn bad(what: impl Into<String>) -> Failure {
    Failure::new(Code::BadRequest, what)
}

/// RFC 7396: objects merge key by key, `null` removes, everything else replaces.
fn merge(into: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *into = patch.clone();
        return;
    };
    if !into.is_object() {
        *into = Value::Object(Map::new());
    }
    let Some(object) = into.as_object_mut() else { return };
    for (key, value) in patch {
        match value {
            Value::Null => {
                object.shift_remove(key);
            }
            _ => merge(object.entry(key.as_str()).or_insert(Value::Null), value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn patches_merge_as_the_standard_says() {
        let cases = [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"})),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": {"b": "c"}}), json!({"a": {"b": "d", "c": null}}), json!({"a": {"b": "d"}})),
            (json!({"a": [1, 2]}), json!({"a": [3]}), json!({"a": [3]})),
            (json!({"e": null}), json!({"a": 1}), json!({"e": null, "a": 1})),
            (json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}})),
            (json!(null), json!({"a": 1}), json!({"a": 1})),
        ];
        for (mut before, patch, after) in cases {
            merge(&mut before, &patch);
            assert_eq!(before, after, "{patch}");
        }
    }
}
