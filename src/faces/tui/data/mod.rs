//! What the console knows of the manager's world: windows, kept by id, each with its age.

mod absorb;
mod config;
mod load;
mod sums;
mod tabs;
mod tail;

use std::collections::{HashMap, VecDeque};

use indexmap::IndexMap;

use crate::{
    contract::{
        model::{Application, Artifact, Event, Job, Operation, Revision, Target, TargetJob},
        problem::Problem,
        watch::{Detail, Row, Totals},
    },
    domain::{deployment::Observed, operation::OpState, time::Timestamp},
    words,
};

use self::sums::Sum;
pub use self::{
    absorb::Notice,
    config::Entry,
    load::{Load, Question},
    tabs::{EVENTS_PAGE, PAGE, TabData, Tabs},
    tail::Paused,
};

words!(closed
    /// Tabs of the detail pane.
    Tab {
        /// One look at everything.
        Overview = "Overview",
        /// What happened.
        Events = "Event log",
        /// Every Flink job so far.
        Jobs = "Jobs",
        /// Every restore point.
        Savepoints = "Savepoints",
        /// Effective values with their layer.
        Config = "Config",
    }
);

/// How the console stands with its manager.
#[derive(Debug, Clone, Default)]
pub enum Link {
    /// No answer yet.
    #[default]
    Connecting,
    /// Changes arrive.
    Live,
    /// No answer any more; what is on the screen is this old.
    Lost {
        /// Since when.
        since: Timestamp,
        /// What the last request ran into.
        problem: Box<Problem>,
        /// The next try.
        retry_at: Timestamp,
    },
}

/// Everything known.
#[derive(Debug, Default)]
pub struct Data {
    /// The link to the manager.
    pub link: Link,
    /// A first window has arrived.
    pub loaded: bool,
    /// Who the manager takes this console for.
    pub actor: String,
    /// Nothing may be changed.
    pub read_only: bool,
    /// Totals over the fleet.
    pub totals: Totals,
    /// Applications by name.
    pub applications: IndexMap<String, Application>,
    /// Slim rows by deployment, in the order of their names.
    pub rows: IndexMap<String, Row>,
    /// Grows whenever a row or an unmanaged job comes, goes or changes.
    pub rows_version: u64,
    /// Sums over the rows of an application.
    sums: HashMap<String, Sum>,
    /// Deployments whose state nobody knows, among the rows that are known.
    unknown: u32,
    /// Rows of applications that the window left out were asked for.
    pub more_rows: HashMap<String, Load<()>>,
    /// Targets by name.
    pub targets: IndexMap<String, Target>,
    /// Live jobs that nobody manages, by target.
    pub unmanaged: IndexMap<String, Vec<TargetJob>>,
    /// Deployments in full.
    pub details: HashMap<String, Load<Detail>>,
    /// Why the manager does not follow what is looked at: its detail gets old.
    pub not_followed: Option<Box<Problem>>,
    /// What tabs show, by deployment.
    pub tabs: HashMap<String, Tabs>,
    /// Operations by id.
    pub operations: IndexMap<String, Operation>,
    /// The list of operations was asked for.
    pub operations_load: Load<()>,
    /// The last operations of a deployment were asked for.
    pub histories: HashMap<String, Load<()>>,
    /// Known artifacts.
    pub artifacts: Load<Vec<Artifact>>,
    /// Newest events, oldest first.
    pub events: VecDeque<Event>,
    /// The manager's clock minus ours, in milliseconds.
    pub skew: i64,
}

impl Data {
    /// Rows known and rows in all, when some are not known.
    #[must_use]
    pub fn partial(&self) -> Option<(usize, usize)> {
        let (known, all) = (self.rows.len(), self.totals.deployments as usize);
        (known < all).then_some((known, all))
    }

    /// The detail of a deployment, when it has arrived.
    #[must_use]
    pub fn detail(&self, deployment: &str) -> Option<&Detail> {
        self.details.get(deployment).and_then(|l| l.value.as_ref())
    }

    /// The known jobs of a deployment, newest first.
    #[must_use]
    pub fn jobs(&self, deployment: &str) -> &[Job] {
        self.tabs.get(deployment).and_then(|t| t.jobs.value.as_deref()).unwrap_or_default()
    }

    /// The known revisions of a deployment, newest first.
    #[must_use]
    pub fn revisions(&self, deployment: &str) -> &[Revision] {
        self.tabs.get(deployment).and_then(|t| t.revisions.value.as_deref()).unwrap_or_default()
    }

    /// An event of the tail, by its number.
    #[must_use]
    pub fn event(&self, seq: u64) -> Option<&Event> {
        let at = self.events.partition_point(|e| e.seq < seq);
        self.events.get(at).filter(|e| e.seq == seq)
    }

    /// An event of a deployment's log, by its number.
    #[must_use]
    pub fn event_of(&self, deployment: &str, seq: u64) -> Option<&Event> {
        let log = self.tabs.get(deployment)?.events.value.as_deref()?;
        log.get(log.partition_point(|e| e.seq < seq)).filter(|e| e.seq == seq)
    }

    /// Of these revisions, the one that the deployment runs, or ran last; else the newest.
    #[must_use]
    pub fn current_revision<'r>(&self, deployment: &str, revisions: &'r [Revision]) -> Option<&'r Revision> {
        let number = self.detail(deployment).and_then(|d| d.deployment.revision);
        revisions.iter().find(|r| Some(r.number) == number).or_else(|| revisions.first())
    }

    /// Operations at work or waiting.
    pub fn active_operations(&self) -> impl Iterator<Item = &Operation> {
        self.operations.values().filter(|o| o.state.is_active())
    }

    /// Some operation waits for a person.
    #[must_use]
    pub fn somebody_waits(&self) -> bool {
        self.totals.needs_attention > 0
            || self.sums.values().any(|s| s.waits)
            || self.active_operations().any(|o| o.state == OpState::NeedsAttention)
    }

    /// The operation that waits for a person on a deployment.
    #[must_use]
    pub fn waiting(&self, deployment: &str) -> Option<&Operation> {
        self.active_operations().find(|o| o.deployment == deployment && o.state == OpState::NeedsAttention)
    }

    /// The deployment's job runs, as far as is known.
    #[must_use]
    pub fn runs(&self, deployment: &str) -> bool {
        self.rows.get(deployment).is_none_or(|r| r.observed == Observed::Running)
    }

    /// The target answers.
    #[must_use]
    pub fn reachable(&self, target: &str) -> bool {
        self.targets.get(target).is_none_or(|t| t.reachable != Some(false))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_the_window_left_out_are_known_to_be_missing() {
        let mut data = Data { totals: Totals { deployments: 1_234, ..Totals::default() }, ..Data::default() };
        assert_eq!(data.partial(), Some((0, 1_234)));
        data.totals.deployments = 0;
        assert_eq!(data.partial(), None);
    }
}
