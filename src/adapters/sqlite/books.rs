//! Rows of targets, applications, deployments, revisions and facts.

use indexmap::IndexMap;
use rusqlite::{Connection, params};

use super::cells::{Cells, all, first, insert, json, millis, opt_json, upsert};
use crate::{
    domain::ids::{ArtifactSha, DeploymentId, DeploymentName, TargetName},
    manager::ports::store::{ApplicationRow, DeploymentRow, RevisionRow, StoreResult, TargetRow},
};

pub(super) fn put_target(conn: &Connection, row: &TargetRow) -> StoreResult<()> {
    let cells = [
        ("name", &row.name.as_str() as _),
        ("spec", &json(&row.spec)? as _),
        ("labels", &json(&row.labels)? as _),
        ("version", &row.version as _),
        ("created_at", &row.created_at.millis() as _),
    ];
    upsert(conn, "target", 1, &cells, || format!("target {}", row.name))
}

pub(super) fn remove_target(conn: &Connection, name: &TargetName) -> StoreResult<()> {
    conn.prepare_cached("DELETE FROM target WHERE name = ?1")?.execute([name.as_str()])?;
    Ok(())
}

pub(super) fn targets(conn: &Connection) -> StoreResult<Vec<TargetRow>> {
    all(conn, "target", "SELECT * FROM target ORDER BY name", [], |c| {
        Ok(TargetRow {
            name: c.id("name")?,
            spec: c.json("spec")?,
            labels: c.json("labels")?,
            version: c.get("version")?,
            created_at: c.time("created_at")?,
        })
    })
}

pub(super) fn put_application(conn: &Connection, row: &ApplicationRow) -> StoreResult<()> {
    let cells = [
        ("name", &row.name as _),
        ("title", &row.title as _),
        ("labels", &json(&row.labels)? as _),
        ("defaults", &json(&row.defaults)? as _),
        ("version", &row.version as _),
        ("created_at", &row.created_at.millis() as _),
    ];
    upsert(conn, "application", 1, &cells, || format!("application {}", row.name))
}

pub(super) fn remove_application(conn: &Connection, name: &str) -> StoreResult<()> {
    conn.prepare_cached("DELETE FROM application WHERE name = ?1")?.execute([name])?;
    Ok(())
}

pub(super) fn applications(conn: &Connection) -> StoreResult<Vec<ApplicationRow>> {
    all(conn, "application", "SELECT * FROM application ORDER BY name", [], |c| {
        Ok(ApplicationRow {
            name: c.get("name")?,
            title: c.get("title")?,
            labels: c.json("labels")?,
            defaults: c.json("defaults")?,
            version: c.get("version")?,
            created_at: c.time("created_at")?,
        })
    })
}

pub(super) fn put_deployment(conn: &Connection, row: &DeploymentRow) -> StoreResult<()> {
    let cells = [
        ("id", &row.id.as_str() as _),
        ("application", &row.name.app() as _),
        ("name", &row.name.name() as _),
        ("labels", &json(&row.labels)? as _),
        ("layer", &json(&row.layer)? as _),
        ("applied", &opt_json(row.applied.as_ref())? as _),
        ("spec_version", &row.spec_version as _),
        ("desired", &row.desired.as_str() as _),
        ("revision", &row.revision as _),
        ("job", &row.job.as_ref().map(|i| i.as_str()) as _),
        ("next_restore", &row.next_restore.as_ref().map(|i| i.as_str()) as _),
        ("adopted", &row.adopted as _),
        ("created_at", &row.created_at.millis() as _),
        ("deleted_at", &millis(row.deleted_at) as _),
    ];
    upsert(conn, "deployment", 1, &cells, || format!("deployment {}", row.name))
}

/// Deployments that are not deleted, by name.
pub(super) fn deployments(conn: &Connection) -> StoreResult<Vec<DeploymentRow>> {
    let sql = "SELECT * FROM deployment WHERE deleted_at IS NULL ORDER BY application, name";
    all(conn, "deployment", sql, [], |c| {
        let (app, name) = (c.get::<String>("application")?, c.get::<String>("name")?);
        Ok(DeploymentRow {
            id: c.id("id")?,
            name: DeploymentName::new(&app, &name).map_err(|e| c.unreadable("name", e))?,
            labels: c.json("labels")?,
            layer: c.json("layer")?,
            applied: c.opt_json("applied")?,
            spec_version: c.get("spec_version")?,
            desired: c.word("desired")?,
            revision: c.get("revision")?,
            job: c.opt_id("job")?,
            next_restore: c.opt_id("next_restore")?,
            adopted: c.get("adopted")?,
            created_at: c.time("created_at")?,
            deleted_at: c.opt_time("deleted_at")?,
        })
    })
}

/// Adds a revision. The very same one again is nothing new; another one under its number is a conflict.
pub(super) fn add_revision(conn: &Connection, row: &RevisionRow) -> StoreResult<()> {
    if revision(conn, &row.deployment, row.number)?.as_ref() == Some(row) {
        return Ok(());
    }
    let artifact = row.spec.pointer("/artifact/sha256").and_then(serde_json::Value::as_str);
    let cells = [
        ("deployment", &row.deployment.as_str() as _),
        ("number", &row.number as _),
        ("version_label", &row.version_label as _),
        ("author", &row.author as _),
        ("reason", &row.reason as _),
        ("created_at", &row.created_at.millis() as _),
        ("content_hash", &row.content_hash as _),
        ("spec", &json(&row.spec)? as _),
        ("provenance", &json(&row.provenance)? as _),
        ("artifact", &artifact as _),
    ];
    insert(conn, "revision", &cells, || format!("revision {} of {}", row.number, row.deployment))
}

fn read_revision(c: &Cells<'_>) -> StoreResult<RevisionRow> {
    Ok(RevisionRow {
        deployment: c.id("deployment")?,
        number: c.get("number")?,
        version_label: c.get("version_label")?,
        author: c.get("author")?,
        reason: c.get("reason")?,
        created_at: c.time("created_at")?,
        content_hash: c.get("content_hash")?,
        spec: c.json("spec")?,
        provenance: c.json("provenance")?,
    })
}

pub(super) fn revisions(conn: &Connection, deployment: &DeploymentId) -> StoreResult<Vec<RevisionRow>> {
    let sql = "SELECT * FROM revision WHERE deployment = ?1 ORDER BY number DESC";
    all(conn, "revision", sql, [deployment.as_str()], read_revision)
}

pub(super) fn revision(
    conn: &Connection,
    deployment: &DeploymentId,
    number: u32,
) -> StoreResult<Option<RevisionRow>> {
    let sql = "SELECT * FROM revision WHERE deployment = ?1 AND number = ?2";
    first(conn, "revision", sql, params![deployment.as_str(), number], read_revision)
}

/// Which deployments' revisions name which jar.
pub(super) fn artifact_users(conn: &Connection) -> StoreResult<Vec<(ArtifactSha, DeploymentId)>> {
    let sql = "SELECT DISTINCT artifact, deployment FROM revision WHERE artifact IS NOT NULL ORDER BY 1, 2";
    all(conn, "revision", sql, [], |c| Ok((c.id("artifact")?, c.id("deployment")?)))
}

pub(super) fn put_fact(conn: &Connection, name: &str, value: &str) -> StoreResult<()> {
    upsert(conn, "fact", 1, &[("name", &name), ("value", &value)], || format!("fact {name}"))
}

pub(super) fn facts(conn: &Connection) -> StoreResult<IndexMap<String, String>> {
    let rows =
        all(conn, "fact", "SELECT * FROM fact ORDER BY name", [], |c| Ok((c.get("name")?, c.get("value")?)))?;
    Ok(rows.into_iter().collect())
}
