//! Sums of a program's own metrics over all subtasks.
//!
//! Flink knows such a metric only below a vertex, with the operator's name in front (`Source__payments.payments.total`).
//! Which vertex has which is found once per job and remembered; after that a look costs one request per vertex that has
//! any.

use indexmap::IndexMap;
use parking_lot::Mutex;

use crate::domain::ids::FlinkJobId;

/// Jobs that are remembered.
const REMEMBERED: usize = 64;

/// For each vertex, the ids of its metrics and the wanted name that each stands for.
pub(super) type Places = Vec<(String, Vec<(String, String)>)>;

/// What was found lately, by job and wanted names.
#[derive(Debug, Default)]
pub(super) struct Memory(Mutex<IndexMap<(FlinkJobId, Vec<String>), Places>>);

impl Memory {
    pub(super) fn get(&self, job: &FlinkJobId, wanted: &[String]) -> Option<Places> {
        self.0.lock().get(&(job.clone(), wanted.to_vec())).cloned()
    }
    /// Remembers `places` when nothing is missing in them: what is not there yet may come.
    pub(super) fn put(&self, job: &FlinkJobId, wanted: &[String], places: &Places) {
        let found = |w: &String| places.iter().any(|(_, ids)| ids.iter().any(|(_, name)| name == w));
        if !wanted.iter().all(found) {
            return;
        }
        let mut memory = self.0.lock();
        if memory.len() >= REMEMBERED {
            memory.shift_remove_index(0);
        }
        memory.insert((job.clone(), wanted.to_vec()), places.clone());
    }
    pub(super) fn forget(&self, job: &FlinkJobId, wanted: &[String]) {
        self.0.lock().shift_remove(&(job.clone(), wanted.to_vec()));
    }
}

/// Which of a vertex's metric ids stand for which wanted name: the id itself, or else what follows a dot. An exact id is
/// the vertex's own and already includes what its operators say.
pub(super) fn matching(ids: &[String], wanted: &[String]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for name in wanted {
        if ids.contains(name) {
            found.push((name.clone(), name.clone()));
            continue;
        }
        let suffix = format!(".{name}");
        found.extend(ids.iter().filter(|id| id.ends_with(&suffix)).map(|id| (id.clone(), name.clone())));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_whole_parts() {
        let ids: Vec<String> =
            ["a.payments.total", "b.payments.total", "mypayments.total", "numRecordsIn", "a.numRecordsIn"]
                .map(Into::into)
                .into();
        let wanted = ["payments.total".to_owned(), "numRecordsIn".to_owned(), "absent".to_owned()];
        let found = matching(&ids, &wanted);
        let found: Vec<(&str, &str)> = found.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        assert_eq!(
            found,
            [
                ("a.payments.total", "payments.total"),
                ("b.payments.total", "payments.total"),
                ("numRecordsIn", "numRecordsIn")
            ]
        );
    }
}
