//! apply: documents into objects, three-way against the last applied manifest.
//!
//! A changed layer of a running deployment is an UPGRADE by its strategy. An unchanged `state` never overrides what a
//! person did later; values that verbs have set since the last apply are not overwritten without `--force`.

mod application;
mod decision;
mod deployment;
mod target;

use super::{Caller, Manager, ManagerResult};
use crate::{
    contract::{
        intent::{Applied, Apply, ApplyAction, Document, Meta},
        problem::{Code, Problem},
    },
    domain::{names, spec::Difference},
};

/// The kinds of documents, in the order in which they are applied.
const KINDS: [&str; 3] = ["Target", "Application", "Deployment"];

/// What one call asks for, besides the document at hand.
struct Ask<'a> {
    /// The whole batch: a dry run sees what comes with a document.
    batch: &'a Apply,
    who: &'a Caller,
    dry_run: bool,
    if_match: Option<u32>,
    /// A person's change of an object as it is now, and no manifest: what was applied last stays the base of the next apply.
    patch: bool,
}

impl Manager {
    /// Applies documents in the order targets, applications, deployments. Each is applied or refused by itself; a
    /// refused one stops the rest of its kind's dependants by their own checks.
    pub async fn apply(
        &self,
        apply: Apply,
        who: &Caller,
        dry_run: bool,
        if_match: Option<u32>,
    ) -> ManagerResult<Vec<Applied>> {
        self.may_change(dry_run)?;
        let ask = Ask { batch: &apply, who, dry_run, if_match, patch: false };
        let mut out = Vec::new();
        for kind in KINDS {
            for doc in apply.documents.iter().filter(|d| d.kind == kind) {
                let one = self.apply_one(&ask, doc).await;
                out.push(one.unwrap_or_else(|p| refused(doc, p)));
            }
        }
        for doc in apply.documents.iter().filter(|d| !KINDS.contains(&d.kind.as_str())) {
            let near = names::nearest(&doc.kind, KINDS);
            let hint = near.map_or_else(
                || "kinds are Target, Application and Deployment".to_owned(),
                |n| format!("did you mean {n}?"),
            );
            out.push(refused(
                doc,
                Problem::new(Code::InvalidSpec, format!("unknown kind {:?}; nothing was changed", doc.kind))
                    .hint(hint),
            ));
        }
        Ok(out)
    }

    /// Writes the changed document of an object; a state in it is a person's wish, and absent it stays as it is.
    pub async fn patch(
        &self,
        document: Document,
        meta: Meta,
        who: &Caller,
        dry_run: bool,
        if_match: Option<u32>,
    ) -> ManagerResult<Vec<Applied>> {
        self.may_change(dry_run)?;
        // The patch is made on the layer as it is now, with what verbs have set, so it overwrites nothing unseen.
        let batch = Apply { documents: vec![document], force: true, meta, ..Apply::default() };
        let ask = Ask { batch: &batch, who, dry_run, if_match, patch: true };
        let mut out = Vec::new();
        for doc in &batch.documents {
            out.push(self.apply_one(&ask, doc).await.unwrap_or_else(|p| refused(doc, p)));
        }
        Ok(out)
    }

    async fn apply_one(&self, ask: &Ask<'_>, doc: &Document) -> ManagerResult<Applied> {
        if doc.api_version != "nutkin/v1" {
            return Err(Problem::new(
                Code::InvalidSpec,
                format!("apiVersion {:?} is not nutkin/v1; nothing was changed", doc.api_version),
            ));
        }
        match doc.kind.as_str() {
            "Target" => self.apply_target(ask, doc).await,
            "Application" => self.apply_application(ask, doc).await,
            _ => self.apply_deployment(ask, doc).await,
        }
    }
}

fn invalid(text: String) -> Problem {
    Problem::new(Code::InvalidSpec, format!("{text}; nothing was changed"))
}

const fn action(exists: bool, same: bool) -> ApplyAction {
    match (exists, same) {
        (false, _) => ApplyAction::Create,
        (true, true) => ApplyAction::Unchanged,
        (true, false) => ApplyAction::Update,
    }
}

fn applied(doc: &Document, name: &str, action: ApplyAction, diff: Vec<Difference>) -> Applied {
    Applied {
        kind: doc.kind.clone(),
        name: name.to_owned(),
        action,
        diff,
        operation_kind: None,
        operation_id: None,
        warnings: vec![],
        plan: None,
        problem: None,
    }
}

fn refused(doc: &Document, problem: Problem) -> Applied {
    let name = doc
        .metadata
        .application
        .as_ref()
        .map_or_else(|| doc.metadata.name.clone(), |a| format!("{a}/{}", doc.metadata.name));
    Applied { problem: Some(problem), ..applied(doc, &name, ApplyAction::Refused, vec![]) }
}

/// The optimistic lock: what the request was made for is what is there.
pub(super) fn matches_version(if_match: Option<u32>, version: Option<u32>) -> ManagerResult<()> {
    match (if_match, version) {
        (Some(want), Some(have)) if want != have => Err(Problem::new(
            Code::StaleRevision,
            format!("it is at version {have}, and the request was made for {want}; nothing was changed"),
        )
        .hint("read it again, then repeat the change")),
        _ => Ok(()),
    }
}
