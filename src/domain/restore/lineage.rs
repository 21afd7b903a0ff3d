//! Which snapshots belong to the history that a deployment's last job goes on with.
//!
//! ```text
//!   last job ◀── snapshot of the job before ◀── … ◀── a job that began empty, or from elsewhere
//!                     └─ what that job did after it is a branch that was left
//! ```
//!
//! A snapshot of another branch can be younger and hold less: after a start that began empty the newest one by the clock is
//! not the one with the deployment's state.

use std::collections::HashMap;

use crate::domain::{ids::JobId, savepoint::Savepoint, time::Timestamp};

/// What each job of a deployment was restored from; `None` = it began empty.
pub type Origins = HashMap<JobId, Option<String>>;

/// The history of the last job.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lineage {
    /// Its jobs, each with the moment up to which it is part of it; the last one has no such moment.
    jobs: Vec<(JobId, Option<Timestamp>)>,
    /// The places that it went on from.
    places: Vec<String>,
}

impl Lineage {
    /// The history of a job; `None` where nobody knows what it began with: then nothing is told apart.
    #[must_use]
    pub fn of(last: &JobId, origins: &Origins, savepoints: &[Savepoint]) -> Option<Self> {
        let mut found = Self::default();
        let (mut job, mut until) = (last.clone(), None);
        let mut from = origins.get(last)?;
        loop {
            found.jobs.push((job, until));
            let Some(place) = from else { return Some(found) };
            found.places.push(place.clone());
            let at = |s: &&Savepoint| s.is_at(place);
            let here = savepoints.iter().filter(at);
            let Some(row) = here.filter(|s| s.job.is_some()).min_by_key(|s| s.created_at) else {
                return Some(found);
            };
            let Some(before) = row.job.clone().filter(|j| !found.jobs.iter().any(|(known, _)| known == j))
            else {
                return Some(found);
            };
            let Some(origin) = origins.get(&before) else {
                found.jobs.push((before, row.state_of()));
                return Some(found);
            };
            (job, until, from) = (before, row.state_of(), origin);
        }
    }

    /// The snapshot is part of it. One that a person entered is nobody's branch.
    #[must_use]
    pub fn has(&self, sp: &Savepoint) -> bool {
        let Some(job) = &sp.job else { return true };
        let went_on = self.places.iter().any(|place| sp.is_at(place));
        let known = self.jobs.iter().find(|(j, _)| j == job);
        went_on || known.is_some_and(|(_, until)| until.is_none_or(|u| sp.state_of() <= Some(u)))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::domain::{
        ids::{DeploymentId, SavepointId},
        savepoint::{Origin, Status},
    };

    fn sp(id: &str, job: Option<&str>, at: i64) -> Savepoint {
        let at = Timestamp::from_millis(at * 1_000);
        let (id_, of) = (SavepointId::new(id), DeploymentId::new("d"));
        let mut s = Savepoint::new(id_, of, Origin::UserRequest, Status::Completed, at);
        (s.location, s.job) = (Some(format!("file:/sp/{id}")), job.map(JobId::new));
        s
    }

    /// Job a took s1 and s2; b began empty and took s3; c went on from s1 and took s4. An imported one is nobody's.
    #[rstest]
    #[case::the_first("a", "s1 s2 imported")]
    #[case::one_that_began_empty("b", "s3 imported")]
    #[case::one_that_went_back("c", "s1 s4 imported")]
    fn what_belongs_to_the_last_job(#[case] last: &str, #[case] expected: &str) {
        let all = [
            sp("s1", Some("a"), 10),
            sp("s2", Some("a"), 20),
            sp("s3", Some("b"), 30),
            sp("s4", Some("c"), 40),
            sp("imported", None, 50),
        ];
        let origins: Origins = [("a", None), ("b", None), ("c", Some("file:///sp/s1/"))]
            .map(|(j, from)| (JobId::new(j), from.map(str::to_owned)))
            .into();
        let lineage = Lineage::of(&JobId::new(last), &origins, &all).unwrap();
        let found: Vec<&str> = all.iter().filter(|s| lineage.has(s)).map(|s| s.id.as_str()).collect();
        assert_eq!(found.join(" "), expected);
    }

    #[test]
    fn what_nobody_knows_tells_nothing_apart_and_a_circle_ends() {
        let all = [sp("s1", Some("a"), 10)];
        assert_eq!(Lineage::of(&JobId::new("x"), &Origins::new(), &all), None);
        let circle: Origins = [(JobId::new("a"), Some("file:/sp/s1".to_owned()))].into();
        assert!(Lineage::of(&JobId::new("a"), &circle, &all).unwrap().has(&all[0]));
    }
}
