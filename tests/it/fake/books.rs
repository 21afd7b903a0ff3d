//! The manager's books, looked at by the cluster at the very moment of an act: what must be on disk by then is there.

use std::path::PathBuf;

use nutkin::{adapters::sqlite::DATABASE, domain::location};
use rusqlite::{Connection, OpenFlags, params};

use super::{server::Asked, world::World};

/// The database of the manager that this cluster serves.
#[derive(Debug, Clone)]
pub(super) struct Books(PathBuf);

/// A savepoint's row.
struct Row {
    deployment: String,
    status: String,
    pinned: bool,
    location: String,
}

impl Books {
    pub(super) fn below(state_dir: &std::path::Path) -> Self {
        Self(state_dir.join(DATABASE))
    }

    fn open(&self) -> Connection {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let open = Connection::open_with_flags(&self.0, flags).unwrap();
        open.busy_timeout(std::time::Duration::from_secs(20)).unwrap();
        open
    }

    /// A step of this name may have happened, under this key where it has one.
    fn has_intent(&self, step: &str, key: Option<&str>) -> bool {
        let asked = "SELECT count(*) FROM step WHERE name = ?1 AND state IN ('INTENT', 'AMBIGUOUS') \
                     AND (?2 IS NULL OR effect_key = ?2)";
        self.open().query_row(asked, params![step, key], |r| r.get::<_, u32>(0)).unwrap() > 0
    }

    /// The other job ids that were issued to the deployment of this one.
    fn siblings(&self, job: &str) -> Vec<String> {
        let asked = "SELECT flink FROM job WHERE flink <> ?1 \
                     AND deployment = (SELECT deployment FROM job WHERE flink = ?1)";
        let open = self.open();
        let mut rows = open.prepare(asked).unwrap();
        rows.query_map([job], |r| r.get(0)).unwrap().map(Result::unwrap).collect()
    }

    fn savepoints(&self) -> Vec<Row> {
        let open = self.open();
        let asked = "SELECT deployment, status, pinned, location FROM savepoint WHERE location IS NOT NULL";
        let mut rows = open.prepare(asked).unwrap();
        let row = |r: &rusqlite::Row<'_>| {
            Ok(Row { deployment: r.get(0)?, status: r.get(1)?, pinned: r.get(2)?, location: r.get(3)? })
        };
        rows.query_map([], row).unwrap().map(Result::unwrap).collect()
    }
}

impl World {
    /// I1: the intent of what nutkin asks for is on disk, under its key. I6 for a disposal.
    pub(super) fn look_into_the_books(&mut self, asked: &Asked, parts: &[&str]) {
        let Some(books) = self.books.clone().filter(|_| asked.by_nutkin) else { return };
        let json = asked.json();
        let text = |field: &str| json[field].as_str().unwrap_or_default().to_owned();
        let (step, key) = match (asked.method.as_str(), parts) {
            ("POST", ["jars", "upload"]) => {
                ("UPLOAD_JAR", super::submit::file_of(asked).map(|(name, _)| name))
            }
            ("POST", ["jars", _, "plan"]) => ("PLAN_JAR", None),
            ("POST", ["jars", _, "run"]) => ("RUN_JAR", Some(text("jobId"))),
            ("POST", ["jobs", _, "savepoints"]) => ("TRIGGER_SAVEPOINT", Some(text("triggerId"))),
            ("POST", ["jobs", _, "stop"]) => ("STOP_WITH_SAVEPOINT", Some(text("triggerId"))),
            ("PATCH", ["jobs", id]) => ("CANCEL_JOB", Some(format!("cancel:{id}"))),
            ("POST", ["savepoint-disposal"]) => {
                let place = text("savepoint-path");
                self.violations.extend(self.unsafe_to_dispose(&books, &place));
                ("DISPOSE", Some(format!("dispose:{}", location::normalised(&place))))
            }
            _ => return,
        };
        if !books.has_intent(step, key.as_deref()) {
            self.violations.push(format!("I1: {step} {key:?} arrived and its intent is not on disk"));
        }
    }

    /// I6: what keeps these files from being deleted, by location and not by row.
    fn unsafe_to_dispose(&self, books: &Books, place: &str) -> Vec<String> {
        let mut wrong = Vec::new();
        let all = books.savepoints();
        let (here, elsewhere): (Vec<_>, Vec<_>) =
            all.iter().partition(|r| location::same(&r.location, place));
        if !here.iter().any(|r| r.status == "DELETING") {
            wrong.push(format!("I6: {place} is disposed of and no row says DELETING"));
        }
        if here.iter().any(|r| r.pinned) {
            wrong.push(format!("I6: {place} is pinned and disposed of"));
        }
        let left =
            |r: &&Row| elsewhere.iter().any(|o| o.deployment == r.deployment && o.status == "COMPLETED");
        if !here.iter().all(left) {
            wrong.push(format!("I6: {place} was a deployment's only restore point"));
        }
        let lives_on = |j: &&super::jobs::Job| {
            let from = j.submitted["savepointPath"].as_str();
            !j.is_terminal() && from.is_some_and(|p| location::same(p, place))
        };
        if let Some(job) = self.jobs.values().find(lives_on) {
            wrong.push(format!("I6: {place} is what the live job {} was restored from", job.id));
        }
        wrong
    }

    /// I3: at the moment at which a job comes to life no other one of its deployment lives.
    pub(super) fn must_be_alone(&mut self, id: &str) {
        let Some(books) = self.books.clone() else { return };
        let lives = |other: &String| self.jobs.get(other).is_some_and(|j| !j.is_terminal());
        if let Some(other) = books.siblings(id).into_iter().find(lives) {
            self.violations.push(format!("I3: {id} is accepted while {other} of the same deployment lives"));
        }
    }
}
