//! What the demo says to the manager, and how it reads the answers.

use std::{collections::BTreeSet, path::Path};

use indexmap::IndexMap;

use super::{Error, jars::RELEASES, report::Report, script, stage::Stage};
use crate::{
    client::{Client, routes},
    config::Manifest,
    contract::{
        intent::{Apply, Document, Meta, Verb},
        model,
        plan::Submitted,
        problem::{Code, Problem},
    },
    domain::ids::DeploymentName,
};

/// The release that the hint of the demo speaks of.
const TRIED_FIRST: &str = "v2";

/// Brings every release to the manager; answers release → content hash.
pub(super) async fn upload(
    client: &Client,
    stage: &Stage,
    report: &mut Report<'_>,
) -> Result<IndexMap<String, String>, Error> {
    let mut artifacts = IndexMap::new();
    // Lists of jars begin with the newest: the one to try first comes last.
    let mut order: Vec<&str> = RELEASES.iter().map(|(label, _)| *label).collect();
    order.sort_by_key(|label| *label == TRIED_FIRST);
    for label in order {
        report.doing(&format!("bringing payments-{label}.jar to the manager"));
        let artifact = client.upload(&stage.jars.release(label), &|_, _| ()).await?;
        artifacts.insert(label.to_owned(), artifact.sha256);
    }
    Ok(artifacts)
}

/// Applies the target, and of the rest what is not there yet; answers the names of the folder's deployments, and the
/// operations that this began.
pub(super) async fn apply(
    client: &Client,
    folder: &Path,
    artifacts: &IndexMap<String, String>,
    known: &BTreeSet<String>,
) -> Result<(BTreeSet<String>, Vec<model::Operation>), Error> {
    let mut manifest = Manifest::read(&[folder.to_owned()])?;
    let documents = manifest.entries.iter().map(|entry| &entry.document);
    let own = documents.filter(|d| d.kind == "Deployment").map(Document::full_name).collect();
    manifest
        .entries
        .retain(|entry| script::applies(&entry.document.kind, &entry.document.full_name(), known));
    for entry in &mut manifest.entries {
        let Some(jar) = entry.jar.clone() else { continue };
        let label =
            jar.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.strip_prefix("payments-"));
        let sha = match label.and_then(|label| artifacts.get(label)) {
            Some(sha) => sha.clone(),
            None => client.upload(&jar, &|_, _| ()).await?.sha256,
        };
        entry.set_artifact(&sha);
    }
    let documents = manifest.documents();
    // The cluster is the demo's own: where it runs anew, at other ports, the jobs of the one before are gone with it.
    let confirm = documents.iter().filter(|d| d.kind == "Target").map(|d| d.metadata.name.clone()).collect();
    let request = Apply { documents, meta: meta("nutkin demo"), confirm, ..Apply::default() };
    let mut operations = Vec::new();
    for applied in client.act(&routes::apply(&request)).await?.items {
        if let Some(mut problem) = applied.problem {
            problem.detail = format!("{} {}: {}", applied.kind, applied.name, problem.detail);
            return Err(problem.into());
        }
        if let Some(id) = applied.operation_id {
            operations.push(client.get(&routes::operation(&id)).await?);
        }
    }
    Ok((own, operations))
}

/// Names of all targets, applications and deployments.
pub(super) async fn known(client: &Client) -> Result<BTreeSet<String>, Error> {
    let targets = client.get(&routes::targets()).await?.items.into_iter().map(|t| t.name);
    let applications = client.get(&routes::applications()).await?.items.into_iter().map(|a| a.name);
    let deployments = deployments(client).await?.into_iter().map(|d| d.deployment);
    Ok(targets.chain(applications).chain(deployments).collect())
}

/// All deployments.
pub(super) async fn deployments(client: &Client) -> Result<Vec<model::Deployment>, Error> {
    Ok(client.get(&routes::deployments()).await?.items)
}

/// Submits a verb; that another operation holds the deployment is fine, it is on its way then.
pub(super) async fn submit(
    client: &Client,
    name: &str,
    verb: &Verb,
) -> Result<Option<model::Operation>, Error> {
    let name: DeploymentName =
        name.parse().map_err(|e| Problem::new(Code::Internal, format!("{name}: {e}")))?;
    match client.act(&routes::verb(&name, verb)).await {
        Ok(Submitted::Operation(operation)) => Ok(Some(*operation)),
        Ok(Submitted::Plan(_)) => {
            Err(Problem::new(Code::Internal, "the manager planned where it was asked to act").into())
        }
        Err(problem) if problem.code == Code::OperationActive => match &problem.operation {
            Some(id) => Ok(Some(client.get(&routes::operation(id)).await?)),
            None => Err(problem.into()),
        },
        Err(problem) => Err(problem.into()),
    }
}

/// Confirmed, for this reason.
pub(super) fn meta(reason: &str) -> Meta {
    Meta { reason: Some(reason.to_owned()), yes: true, ..Meta::default() }
}

/// An operation in one line: what, and which step.
pub(super) fn progress(operation: &model::Operation) -> String {
    let (kind, name) = (operation.kind.as_str(), &operation.deployment);
    let at = operation.steps.iter().rev().find(|step| step.started_at.is_some());
    at.map_or_else(
        || format!("{kind} of {name}"),
        |step| {
            let title = if step.title.is_empty() { step.name.as_str() } else { &step.title };
            format!("{kind} of {name}: {}/{} {title}", step.n, operation.steps.len())
        },
    )
}

/// Why an operation did not succeed, and how to see more with this `nutkin`.
pub(super) fn failure(program: &str, operation: &model::Operation) -> Error {
    let message = operation.error.as_ref().map_or("no reason was recorded", |error| &error.message);
    let detail = format!(
        "{} of {} is {}: {message}",
        operation.kind.as_str(),
        operation.deployment,
        operation.state.as_str()
    );
    let hint = format!("{program} operation show {}", operation.operation_id);
    Problem::new(Code::FlinkRefused, detail).hint(hint).operation(&operation.operation_id).into()
}
