//! What the client must know of the API's models to list them, name them, and write them as manifests.

use serde_json::Value;

use super::super::{context::Context, output::parse};
use crate::{
    client::{Get, routes},
    config::manifest,
    contract::{
        intent::{Document, Metadata},
        model,
        problem::Problem,
    },
};

/// What the client must know of a model to show it.
pub trait Shown: serde::de::DeserializeOwned {
    /// The field that is its name.
    const KEY: &'static str;
    /// Rows of a history that grows for ever, when nobody says how many.
    const HISTORY: Option<u32> = None;
    /// The object as a manifest, where it is one.
    fn document(&self) -> Option<Document> {
        None
    }
    /// Where the manager has the object as a manifest, where this model is not enough to tell it.
    fn document_route(&self) -> Option<Get<Document>> {
        None
    }
}

/// The items of a list as a manifest of several documents; `None` where the kind is none.
pub(super) async fn documents<T: Shown>(
    ctx: &Context,
    items: &[Value],
) -> Result<Option<Vec<Value>>, Problem> {
    let mut documents = Vec::new();
    for item in items {
        let model: T = parse(item)?;
        documents.push(match (model.document(), model.document_route()) {
            (Some(document), _) => serde_json::to_value(document).unwrap_or_default(),
            (None, Some(route)) => ctx.client().await?.get_value(&route).await?,
            (None, None) => return Ok(None),
        });
    }
    Ok((!documents.is_empty()).then_some(documents))
}

/// Rows of a history, when nobody says how many.
const NEWEST: u32 = 100;

macro_rules! shown {
    ($($model:ident $key:literal $($history:expr)?),* $(,)?) => {
        $(impl Shown for model::$model {
            const KEY: &'static str = $key;
            $(const HISTORY: Option<u32> = Some($history);)?
        })*
    };
}
shown! {
    TargetJob "flinkJobId", Job "jobId", Savepoint "savepointId",
    Operation "operationId" NEWEST, Event "seq" NEWEST, Revision "number", Artifact "sha256",
    ExceptionEntry "at", Checkpoint "id",
}
impl Shown for model::Target {
    const KEY: &'static str = "name";
    fn document(&self) -> Option<Document> {
        let metadata =
            Metadata { name: self.name.clone(), labels: self.labels.clone(), ..Metadata::default() };
        Some(document("Target", metadata, self.spec.clone()))
    }
}
impl Shown for model::Application {
    const KEY: &'static str = "name";
    fn document(&self) -> Option<Document> {
        let metadata = Metadata {
            name: self.name.clone(),
            title: Some(self.title.clone()),
            labels: self.labels.clone(),
            ..Metadata::default()
        };
        let spec = if self.defaults.is_null() {
            Value::Object(Default::default())
        } else {
            serde_json::json!({ "defaults": self.defaults })
        };
        Some(document("Application", metadata, spec))
    }
}

impl Shown for model::Deployment {
    const KEY: &'static str = "deployment";
    fn document_route(&self) -> Option<Get<Document>> {
        self.deployment.parse().ok().map(|name| routes::document(&name))
    }
}

fn document(kind: &str, metadata: Metadata, spec: Value) -> Document {
    Document { api_version: manifest::API_VERSION.to_owned(), kind: kind.to_owned(), metadata, spec }
}
