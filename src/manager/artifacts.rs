//! Artifacts: jars by content hash. The file is on disk before the row that names it.

use std::path::{Path, PathBuf};

use super::{
    Caller, Manager, ManagerResult,
    inner::Inner,
    ports::store::{ArtifactRow, Changes},
    view,
};
use crate::{
    contract::{
        intent::PatchSavepoint,
        model,
        problem::{Code, Problem},
    },
    domain::{
        event::{EventName, Severity},
        ids::{ArtifactSha, SavepointId},
        names,
        text::SafeText,
    },
};

impl Manager {
    /// A fresh file to receive an artifact into.
    pub fn artifact_inbox(&self) -> ManagerResult<PathBuf> {
        Ok(self.inner.deps.store.artifact_inbox()?)
    }

    /// Looks into a received jar, moves it to its place, and enters it. The same content is entered once.
    pub async fn keep_artifact(
        &self,
        received: &Path,
        sha: &ArtifactSha,
        name: &str,
        who: &Caller,
    ) -> ManagerResult<model::Artifact> {
        if self.inner.settings.read_only {
            return Err(Problem::new(Code::ReadOnly, "this manager is read-only; nothing was stored"));
        }
        let known = self.inner.deps.store.artifacts().await?.into_iter().find(|a| a.sha == *sha);
        if let Some(known) = known {
            let _ = tokio::fs::remove_file(received).await;
            return Ok(view::artifact(&known, vec![]));
        }
        let row = self.row_of(received, sha, name).await?;
        self.inner.deps.store.keep_artifact(received, sha).await?;
        let text = format!("{} {} was stored", row.name, sha.short());
        let event = self.inner.caller_event(who, Severity::Info, EventName::ArtifactStored, text);
        let gate = self.inner.gate().await;
        self.inner
            .commit(
                &gate,
                Changes { artifacts: vec![row.clone()], events: vec![event], ..Changes::default() },
            )
            .await?;
        Ok(view::artifact(&row, vec![]))
    }

    /// Looks into a received jar and tells what would be entered; nothing is.
    pub async fn examine_artifact(
        &self,
        received: &Path,
        sha: &ArtifactSha,
        name: &str,
    ) -> ManagerResult<model::Artifact> {
        let known = self.inner.deps.store.artifacts().await?.into_iter().find(|a| a.sha == *sha);
        let row = match known {
            Some(known) => known,
            None => self.row_of(received, sha, name).await?,
        };
        Ok(view::artifact(&row, vec![]))
    }

    /// What the books have of a received jar.
    async fn row_of(&self, received: &Path, sha: &ArtifactSha, name: &str) -> ManagerResult<ArtifactRow> {
        let info = self.inner.deps.jars.inspect(received).map_err(|why| {
            Problem::new(Code::BadArtifact, format!("{name} is not a jar: {why}; nothing was stored"))
                .hint("give the jar file that the build made")
        })?;
        let size = tokio::fs::metadata(received).await.map(|m| m.len()).unwrap_or_default();
        Ok(ArtifactRow {
            sha: sha.clone(),
            name: file_label(name),
            size,
            main_class: info.main_class,
            entry_classes: info.entry_classes,
            created_at: self.inner.now(),
        })
    }

    /// Pins, unpins, labels a savepoint; a dry run answers what it would be.
    pub async fn patch_savepoint(
        &self,
        id: &str,
        patch: PatchSavepoint,
        who: &Caller,
        dry_run: bool,
    ) -> ManagerResult<model::Savepoint> {
        self.may_change(dry_run)?;
        let gate = self.inner.gate().await;
        let row = self.inner.deps.store.savepoint(&SavepointId::new(id)).await?;
        let mut row =
            row.ok_or_else(|| Problem::new(Code::NotFound, format!("there is no savepoint {id}")))?;
        if let Some(p) = patch.pinned {
            if p && row.status.is_being_deleted() {
                let text = format!(
                    "savepoint {id} is {}: its files are being deleted; nothing was changed",
                    row.status
                );
                return Err(Problem::new(Code::WrongState, text));
            }
            row.pinned = p;
        }
        if let Some(l) = patch.label {
            row.label = Some(l).filter(|l| !l.is_empty());
        }
        if dry_run {
            return Ok(view::savepoint(&row, &self.inner.world()));
        }
        let text = format!(
            "savepoint {id}: pinned {}, label {}",
            row.pinned,
            row.label.as_deref().unwrap_or("none")
        );
        let mut event = self.inner.caller_event(who, Severity::Info, EventName::SavepointChanged, text);
        if let Some(name) = self.inner.world().names.get(&row.deployment) {
            event = event.about(&row.deployment, name);
        }
        self.inner
            .commit(
                &gate,
                Changes { savepoints: vec![row.clone()], events: vec![event], ..Changes::default() },
            )
            .await?;
        Ok(view::savepoint(&row, &self.inner.world()))
    }
}

/// An artifact by hash, a unique part of it, or its name (the newest of that name).
pub async fn find(inner: &Inner, wanted: &str) -> ManagerResult<ArtifactRow> {
    let wanted = wanted.strip_prefix("sha256:").unwrap_or(wanted);
    let all = inner.deps.store.artifacts().await?;
    if let Some(a) =
        all.iter().find(|a| a.sha.as_str() == wanted || a.name == wanted || a.name == format!("{wanted}.jar"))
    {
        return Ok(a.clone());
    }
    let fits: Vec<&ArtifactRow> =
        all.iter().filter(|a| wanted.len() >= 4 && a.sha.as_str().starts_with(wanted)).collect();
    match fits.as_slice() {
        [one] => Ok((*one).clone()),
        [] => {
            let names: Vec<String> = names::nearest_few(wanted, all.iter().map(|a| a.name.as_str()), 3);
            let p =
                Problem::new(Code::NotFound, format!("there is no artifact {wanted}; nothing was changed"));
            Err(if names.is_empty() {
                p.hint("add it: nutkin artifact add FILE")
            } else {
                p.hint(format!("did you mean {}?", names.join(" or ")))
            })
        }
        _ => Err(Problem::new(
            Code::Ambiguous,
            format!("{wanted} fits {} artifacts; nothing was changed", fits.len()),
        )
        .hint("give more of the hash")),
    }
}

/// The file's name as a label: the last part, harmless, short.
fn file_label(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let label: String = SafeText::line(last).as_str().chars().take(120).collect();
    if label.is_empty() { "artifact.jar".to_owned() } else { label }
}
