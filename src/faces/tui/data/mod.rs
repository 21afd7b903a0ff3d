//! What the console knows of the manager's world: windows, kept by id, each with its age.

mod load;
mod tail;

use std::collections::{HashMap, VecDeque};

use indexmap::IndexMap;

use crate::{
    contract::{
        model::{Application, Artifact, Event, Job, Operation, Revision, Target, TargetJob},
        problem::Problem,
        watch::{Detail, Row, Snapshot, Totals, WatchMessage},
    },
    domain::{
        deployment::{Health, Observed},
        operation::OpState,
        time::Timestamp,
    },
    words,
};

use self::tail::{debug_events, newest};
pub use self::{load::Load, tail::Paused};

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

/// What a tab shows that is not part of the detail.
#[derive(Debug, Clone)]
pub enum TabData {
    /// Events, oldest first.
    Events(Vec<Event>),
    /// Jobs, newest first.
    Jobs(Vec<Job>),
    /// Revisions, newest first.
    Config(Vec<Revision>),
}

/// Rows of one page of a list: of jobs, of revisions, of savepoints.
pub const PAGE: usize = 200;
/// Events that a tab begins with.
pub const EVENTS_PAGE: usize = 300;

impl TabData {
    /// How many of the newest are known, when older ones may be left out.
    #[must_use]
    pub fn newest(&self) -> Option<usize> {
        let (known, page) = match self {
            Self::Events(events) => (events.len(), EVENTS_PAGE),
            Self::Jobs(jobs) => (jobs.len(), PAGE),
            Self::Config(revisions) => (revisions.len(), PAGE),
        };
        (known >= page).then_some(known)
    }
}

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
        /// Why.
        problem: Box<Problem>,
        /// The next try.
        retry_at: Timestamp,
    },
}

const DETAILS: usize = 64;

const OPERATIONS: usize = 500;

/// What the rows of one application come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sum {
    rows: usize,
    /// The worst of them.
    health: Health,
    /// One of them waits for a person.
    waits: bool,
}

impl Sum {
    fn of<'r>(rows: impl Iterator<Item = &'r Row>) -> Option<Self> {
        rows.map(|r| Self { rows: 1, health: weighed(r), waits: r.needs_attention }).reduce(Self::and)
    }
    fn and(self, other: Self) -> Self {
        Self {
            rows: self.rows + other.rows,
            health: self.health.min(other.health),
            waits: self.waits || other.waits,
        }
    }
}

/// A row's health as it counts for its application. A job that an operation starts, stops or moves is seen waiting for
/// slots or without checkpoints for a while: that calls nobody before the operation does.
const fn weighed(r: &Row) -> Health {
    match r.health {
        Health::Failing | Health::Degraded if r.operation.is_some() && !r.needs_attention => {
            Health::Progressing
        }
        health => health,
    }
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
    /// Slim rows by deployment.
    pub rows: IndexMap<String, Row>,
    /// Grows whenever a row or an unmanaged job comes, goes or changes.
    pub rows_version: u64,
    /// Sums over the rows of an application.
    sums: HashMap<String, Sum>,
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
    /// What tabs show.
    pub tabs: HashMap<(String, Tab), Load<TabData>>,
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

/// What a message changed that a person should be told, or a tab reload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// An operation ended or waits.
    Operation {
        /// Its id.
        id: String,
        /// Its deployment.
        deployment: String,
        /// Where it stands now.
        state: OpState,
        /// `UPGRADE`.
        kind: String,
    },
    /// A deployment's job or revision changed: what its tabs show is old.
    Changed(String),
    /// The stream cannot go on from here.
    Reset,
    /// The link is back.
    Back,
}

impl Data {
    /// A window replaces what was known.
    pub fn snapshot(&mut self, s: Snapshot, now: Timestamp) -> Vec<Notice> {
        let was_lost = matches!(self.link, Link::Lost { .. });
        self.link = Link::Live;
        self.loaded = true;
        self.rows_version += 1;
        self.skew = s.now.millis() - now.millis();
        (self.actor, self.read_only, self.totals) = (s.actor, s.read_only, s.totals);
        self.applications = s.applications.into_iter().map(|a| (a.name.clone(), a)).collect();
        self.rows = s.rows.into_iter().map(|r| (r.deployment.clone(), r)).collect();
        self.more_rows.clear();
        self.judge_all();
        self.targets = s.targets.into_iter().map(|t| (t.name.clone(), t)).collect();
        self.unmanaged.clear();
        for job in s.unmanaged {
            self.unmanaged.entry(job.target.clone()).or_default().push(job);
        }
        // What was loaded before may have missed changes: keep it in sight, and ask again.
        for load in self.details.values_mut() {
            load.forget();
        }
        self.tabs.clear();
        if let Some(detail) = s.selected {
            self.put_detail(*detail, now);
        }
        self.events = s.events.into();
        self.operations_load = Load::default();
        self.histories.clear();
        if was_lost { vec![Notice::Back] } else { vec![] }
    }

    /// Rows that the window left out.
    pub fn put_rows(&mut self, rows: Vec<Row>) {
        for row in rows {
            // What the stream has told meanwhile is newer: a row, or that it is gone.
            let app = row.deployment.split_once('/').and_then(|(a, _)| self.applications.get(a));
            if app.is_some_and(|a| a.deployments.contains(&row.deployment)) {
                self.rows.entry(row.deployment.clone()).or_insert(row);
            }
        }
        self.rows_version += 1;
        self.judge_all();
    }

    /// Rows known and rows in all, when some are not known.
    #[must_use]
    pub fn partial(&self) -> Option<(usize, usize)> {
        let (known, all) = (self.rows.len(), self.totals.deployments as usize);
        (known < all).then_some((known, all))
    }

    /// Deployments whose state nobody knows, among the rows that are known.
    #[must_use]
    pub fn unknown(&self) -> u32 {
        let unknown = |r: &&Row| r.observed == Observed::Unknown && !r.needs_attention;
        u32::try_from(self.rows.values().filter(unknown).count()).unwrap_or(u32::MAX)
    }

    /// Rows of the application are not known.
    #[must_use]
    pub fn lacks_rows(&self, app: &str) -> bool {
        let known = self.sums.get(app).map_or(0, |s| s.rows);
        self.applications.get(app).is_some_and(|a| known < a.deployments.len())
    }

    /// A change; `paused` keeps old events.
    pub fn watch(&mut self, m: WatchMessage, now: Timestamp, paused: &Paused) -> Vec<Notice> {
        if !matches!(
            m,
            WatchMessage::Events { .. } | WatchMessage::Totals { .. } | WatchMessage::Operation { .. }
        ) {
            self.rows_version += 1;
        }
        match m {
            WatchMessage::Hello { .. } => vec![],
            WatchMessage::Reset { .. } => vec![Notice::Reset],
            WatchMessage::Deployment { row, detail } => self.put_row(row, detail, now),
            WatchMessage::DeploymentGone { deployment } => {
                self.rows.shift_remove(&deployment);
                if let Some(app) = deployment.split_once('/').and_then(|(a, _)| self.applications.get_mut(a))
                {
                    app.deployments.retain(|d| *d != deployment);
                }
                self.judge(&deployment);
                self.details.remove(&deployment);
                self.tabs.retain(|(d, _), _| *d != deployment);
                vec![]
            }
            WatchMessage::Target { target, unmanaged } => {
                let name = target.name.clone();
                self.targets.insert(name.clone(), *target);
                if unmanaged.is_empty() {
                    self.unmanaged.shift_remove(&name);
                } else {
                    self.unmanaged.insert(name, unmanaged);
                }
                vec![]
            }
            WatchMessage::TargetGone { name } => {
                self.targets.shift_remove(&name);
                self.unmanaged.shift_remove(&name);
                vec![]
            }
            WatchMessage::Application { application } => {
                self.applications.insert(application.name.clone(), *application);
                vec![]
            }
            WatchMessage::ApplicationGone { name } => {
                self.applications.shift_remove(&name);
                vec![]
            }
            WatchMessage::Operation { operation } => self.put_operation(*operation).into_iter().collect(),
            WatchMessage::Events { events, .. } => {
                self.put_events(events, paused);
                vec![]
            }
            WatchMessage::Totals { totals } => {
                self.totals = totals;
                vec![]
            }
        }
    }

    fn put_row(&mut self, row: Row, detail: Option<Box<Detail>>, now: Timestamp) -> Vec<Notice> {
        let name = row.deployment.clone();
        let mut notices = Vec::new();
        self.rows.insert(name.clone(), row);
        self.judge(&name);
        if let Some(d) = detail {
            let (d, was) = (*d, self.details.get(&name).and_then(|l| l.value.as_ref()));
            if was.is_some_and(|w| fingerprint(w) != fingerprint(&d)) {
                notices.push(Notice::Changed(name));
            }
            self.put_detail(d, now);
        }
        notices
    }

    fn judge_all(&mut self) {
        self.sums.clear();
        for (app, sum) in self
            .rows
            .values()
            .filter_map(|r| Some((r.deployment.split_once('/')?.0.to_owned(), Sum::of(std::iter::once(r))?)))
        {
            self.sums.entry(app).and_modify(|s| *s = s.and(sum)).or_insert(sum);
        }
    }

    /// Looks again at the application of a deployment whose row changed.
    fn judge(&mut self, deployment: &str) {
        let Some((app, _)) = deployment.split_once('/') else { return };
        let mine = |r: &&Row| r.deployment.split_once('/').is_some_and(|(a, _)| a == app);
        match Sum::of(self.rows.values().filter(mine)) {
            Some(sum) => self.sums.insert(app.to_owned(), sum),
            None => self.sums.remove(app),
        };
    }

    /// An application's health: the worst of its rows, which are newer than its own word; that one counts while rows are
    /// missing.
    #[must_use]
    pub fn health(&self, app: &Application) -> Health {
        match self.sums.get(&app.name) {
            Some(s) if s.rows >= app.deployments.len() => s.health,
            Some(s) => app.health.min(s.health),
            None => app.health,
        }
    }

    /// A deployment of the application waits for a person.
    #[must_use]
    pub fn waits_in(&self, app: &str) -> bool {
        self.sums.get(app).is_some_and(|s| s.waits)
    }

    /// A deployment in full; the oldest ones are forgotten.
    pub fn put_detail(&mut self, detail: Detail, now: Timestamp) {
        let name = detail.deployment.deployment.clone();
        if let Some(op) = &detail.operation {
            self.operations.insert(op.operation_id.clone(), op.clone());
        }
        if self.details.len() >= DETAILS && !self.details.contains_key(&name) {
            let oldest = self.details.iter().min_by_key(|(_, l)| l.at).map(|(n, _)| n.clone());
            if let Some(oldest) = oldest {
                self.details.remove(&oldest);
                self.tabs.retain(|(d, _), _| *d != oldest);
            }
        }
        self.details.entry(name).or_default().answer(Ok(detail), now);
    }

    /// An operation; tells when it has ended or begun to wait.
    pub fn put_operation(&mut self, op: Operation) -> Option<Notice> {
        let id = op.operation_id.clone();
        let before = self.operations.get(&id).map(|o| o.state);
        let worth =
            before != Some(op.state) && (!op.state.is_active() || op.state == OpState::NeedsAttention);
        // An operation that was never seen active ended before this console looked.
        let known = before.is_some_and(OpState::is_active) || op.state == OpState::NeedsAttention;
        let notice = (worth && known).then(|| Notice::Operation {
            id: id.clone(),
            deployment: op.deployment.clone(),
            state: op.state,
            kind: op.kind.as_str().to_owned(),
        });
        self.operations.insert(id, op);
        self.trim_operations();
        notice
    }

    fn trim_operations(&mut self) {
        while self.operations.len() > OPERATIONS {
            let oldest = self
                .operations
                .iter()
                .filter(|(_, o)| !o.state.is_active())
                .min_by_key(|(_, o)| o.created_at)
                .map(|(id, _)| id.clone());
            match oldest {
                Some(id) => self.operations.shift_remove(&id),
                None => break,
            };
        }
    }

    fn put_events(&mut self, events: Vec<Event>, paused: &Paused) {
        for e in events {
            if let Some(name) = &e.deployment
                && let Some(Load { value: Some(TabData::Events(list)), .. }) =
                    self.tabs.get_mut(&(name.clone(), Tab::Events))
                && list.last().is_none_or(|l| l.seq < e.seq)
            {
                list.push(e.clone());
                let paused = paused.log.as_ref() == Some(name);
                list.retain(newest(list.len(), debug_events(list.iter()), paused));
            }
            if self.events.back().is_none_or(|l| l.seq < e.seq) {
                self.events.push_back(e);
            }
        }
        let keep = newest(self.events.len(), debug_events(self.events.iter()), paused.tail);
        self.events.retain(keep);
    }

    /// The detail of a deployment, when it has arrived.
    #[must_use]
    pub fn detail(&self, deployment: &str) -> Option<&Detail> {
        self.details.get(deployment).and_then(|l| l.value.as_ref())
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

    /// The target answers.
    #[must_use]
    pub fn reachable(&self, target: &str) -> bool {
        self.targets.get(target).is_none_or(|t| t.reachable != Some(false))
    }
}

/// What makes tabs old when it changes.
fn fingerprint(d: &Detail) -> (Option<&str>, Observed, Option<u32>, u32, usize) {
    (
        d.deployment.job.as_ref().map(|j| j.flink_job_id.as_str()),
        d.deployment.observed,
        d.deployment.revision,
        d.deployment.spec_version,
        d.savepoints.len(),
    )
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
