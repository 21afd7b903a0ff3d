//! The OpenAPI document, made of the routes themselves.

use std::sync::LazyLock;

use axum::Router;
use utoipa::openapi::{
    ComponentsBuilder, Content, InfoBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, ResponseBuilder,
    path::{HttpMethod, Operation, ParameterBuilder, ParameterIn},
    schema::{ObjectBuilder, Type},
};
use utoipa_axum::router::OpenApiRouter;

use super::{App, routes};
use crate::contract::{API_LEVEL, API_PREFIX, IDEMPOTENCY_KEY, VIA_HEADER, problem::Problem};

/// The document of this build's API.
#[must_use]
pub fn openapi() -> OpenApi {
    static DOCUMENT: LazyLock<OpenApi> = LazyLock::new(|| documented().1);
    DOCUMENT.clone()
}

/// All routes and their document.
pub(super) fn documented() -> (Router<App>, OpenApi) {
    let info = InfoBuilder::new()
        .title("nutkin")
        .version(format!("v{API_LEVEL}"))
        .description(Some("Operations console for Apache Flink: applications and their state together."))
        .license(Some(utoipa::openapi::LicenseBuilder::new().name("Apache-2.0").build()))
        .build();
    let components = ComponentsBuilder::new().schema_from::<Problem>().build();
    let base = OpenApiBuilder::new().info(info).components(Some(components)).build();
    let (router, mut document) = OpenApiRouter::with_openapi(base)
        .nest(API_PREFIX, routes::all())
        .merge(routes::outside())
        .split_for_parts();
    complete(&mut document);
    (router, document)
}

/// Adds what all routes share: problems, and the headers of requests that change something.
fn complete(document: &mut OpenApi) {
    for (path, item) in &mut document.paths.paths {
        let operations = [
            (HttpMethod::Get, &mut item.get),
            (HttpMethod::Put, &mut item.put),
            (HttpMethod::Post, &mut item.post),
            (HttpMethod::Patch, &mut item.patch),
            (HttpMethod::Delete, &mut item.delete),
        ];
        for (method, operation) in operations {
            let Some(operation) = operation else { continue };
            operation.operation_id = Some(operation_id(&method, path));
            add_problem(operation);
            if needs_key(&method, path) {
                add_header(
                    operation,
                    IDEMPOTENCY_KEY,
                    "Key of this act, fresh for each; the same again when the answer was lost. A dry run needs none.",
                );
                add_header(operation, VIA_HEADER, "The face that asks: tui, cli or api.");
            }
        }
    }
}

/// A name that is unique and stays: `post_deployments_app_name_start`.
fn operation_id(method: &HttpMethod, path: &str) -> String {
    let method = match method {
        HttpMethod::Get => "get",
        HttpMethod::Put => "put",
        HttpMethod::Post => "post",
        HttpMethod::Patch => "patch",
        _ => "delete",
    };
    let path = path.strip_prefix(API_PREFIX).unwrap_or(path);
    let words =
        path.split('/').map(|w| w.trim_matches(['{', '}']).replace('-', "_")).filter(|w| !w.is_empty());
    std::iter::once(method.to_owned()).chain(words).collect::<Vec<_>>().join("_")
}

/// Looking at a target and telling what one looks at change nothing that a key would guard.
fn needs_key(method: &HttpMethod, path: &str) -> bool {
    !matches!(method, HttpMethod::Get) && !path.ends_with("/check") && !path.ends_with("/interest")
}

fn add_problem(operation: &mut Operation) {
    let schema = RefOr::Ref(Ref::from_schema_name("Problem"));
    let response = ResponseBuilder::new()
        .description("What went wrong, what was and was not changed, what to do next.")
        .content("application/problem+json", Content::new(Some(schema)))
        .build();
    operation.responses.responses.insert("default".to_owned(), response.into());
}

fn add_header(operation: &mut Operation, name: &str, text: &str) {
    let parameter = ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .description(Some(text))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .build();
    operation.parameters.get_or_insert_default().push(parameter.into());
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    fn refs<'a>(v: &'a Value, into: &mut BTreeSet<&'a str>) {
        match v {
            Value::Object(o) => o.iter().for_each(|(k, v)| match v.as_str() {
                Some(r) if k == "$ref" => drop(into.insert(r)),
                _ => refs(v, into),
            }),
            Value::Array(a) => a.iter().for_each(|v| refs(v, into)),
            _ => {}
        }
    }

    #[test]
    fn the_document_is_complete_and_every_reference_leads_somewhere() {
        let document = serde_json::to_value(openapi()).unwrap();
        assert_eq!(document["openapi"], "3.1.0");
        let mut used = BTreeSet::new();
        refs(&document, &mut used);
        for r in used {
            assert!(document.pointer(r.trim_start_matches('#')).is_some(), "{r}");
        }
        assert!(document["paths"]["/api/v1/openapi.json"].is_object());
        let mut ids = BTreeSet::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            assert!(path.starts_with("/api/v1/") || path == "/healthz", "{path}");
            for (method, o) in item.as_object().unwrap() {
                assert!(ids.insert(o["operationId"].as_str().unwrap()), "{path} {method}");
                assert!(
                    !o["summary"].as_str().unwrap_or_default().is_empty(),
                    "{path} {method} has no words"
                );
                assert!(o["responses"]["default"].is_object(), "{path} {method}");
                let in_path: Vec<&str> = path.split(['{', '}']).skip(1).step_by(2).collect();
                let parameters = o["parameters"].as_array().cloned().unwrap_or_default();
                let told: Vec<&str> = parameters
                    .iter()
                    .filter(|p| p["in"] == "path")
                    .filter_map(|p| p["name"].as_str())
                    .collect();
                assert_eq!(told, in_path, "{path} {method}");
                for p in parameters.iter().filter(|p| p["in"] == "query") {
                    assert_ne!(p["required"], true, "{path} {method} {p}");
                }
                let named = |name: &str| parameters.iter().any(|p| p["name"] == name);
                let document = item["patch"].is_object() && !path.contains("/savepoints");
                let of_deployment = path.starts_with("/api/v1/deployments/{app}/{name}/") && method == "post";
                let locks = of_deployment || (document && method != "get");
                assert_eq!(named("If-Match"), locks, "{path} {method}");
                let etag = o["responses"]["200"]["headers"]["ETag"].is_object();
                assert_eq!(etag, document && method == "get", "{path} {method}");
                let makes = o["responses"]["201"].is_object() || o["responses"]["204"].is_object();
                assert!(
                    !makes || !named("dryRun") || o["responses"]["200"].is_object(),
                    "{path} {method} tells no dry run"
                );
                let keyed = parameters.iter().any(|p| p["name"] == IDEMPOTENCY_KEY);
                let free = path.ends_with("/check") || path.ends_with("/interest");
                assert_eq!(keyed, method != "get" && !free, "{path} {method}");
            }
        }
    }
}
