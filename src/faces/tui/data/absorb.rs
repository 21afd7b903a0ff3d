//! What the manager tells is taken in: a window replaces what was known, a change adds to it.

use super::{
    Data, Link, Load, Paused, Question as _, Tabs,
    sums::by_name,
    tail::{debug_events, newest},
};
use crate::{
    contract::{
        model::{Event, Operation, Target, TargetJob},
        watch::{Detail, Row, Snapshot, WatchMessage},
    },
    domain::{deployment::Observed, operation::OpState, time::Timestamp},
};

/// Deployments in full that are kept; the ones that arrived first go first.
const DETAILS: usize = 64;

/// Operations that are kept; active ones never go.
const OPERATIONS: usize = 500;

/// What a message changed that a person should be told, or a tab reload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// An operation ended or waits.
    Operation {
        /// The operation's id.
        id: String,
        /// `APP/NAME`.
        deployment: String,
        /// Where it stands now.
        state: OpState,
        /// What for, as a word: `UPGRADE`.
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
        self.rows.sort_by(|a, _, b, _| by_name(a, b));
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
        for question in self.tabs.values_mut().flat_map(Tabs::questions) {
            question.forget();
        }
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
            if app.is_some_and(|a| a.deployments.contains(&row.deployment))
                && !self.rows.contains_key(&row.deployment)
            {
                self.enter(row);
            }
        }
        self.rows_version += 1;
        self.judge_all();
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
                self.drop_row(&deployment);
                vec![]
            }
            WatchMessage::Target { target, unmanaged } => {
                self.put_target(*target, unmanaged);
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

    fn drop_row(&mut self, deployment: &str) {
        self.rows.shift_remove(deployment);
        if let Some(app) = deployment.split_once('/').and_then(|(a, _)| self.applications.get_mut(a)) {
            app.deployments.retain(|d| d != deployment);
        }
        self.judge(deployment);
        self.details.remove(deployment);
        self.tabs.remove(deployment);
    }

    fn put_target(&mut self, target: Target, unmanaged: Vec<TargetJob>) {
        let name = target.name.clone();
        self.targets.insert(name.clone(), target);
        if unmanaged.is_empty() {
            self.unmanaged.shift_remove(&name);
        } else {
            self.unmanaged.insert(name, unmanaged);
        }
    }

    /// By name, as a window has them: a row never changes its place because of when it came.
    fn enter(&mut self, row: Row) {
        let name = row.deployment.clone();
        match self.rows.get_mut(&name) {
            Some(known) => *known = row,
            None => {
                self.rows.insert_sorted_by(name, row, |a, _, b, _| by_name(a, b));
            }
        }
    }

    fn put_row(&mut self, row: Row, detail: Option<Box<Detail>>, now: Timestamp) -> Vec<Notice> {
        let name = row.deployment.clone();
        let mut notices = Vec::new();
        self.enter(row);
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
                self.tabs.remove(&oldest);
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

    /// Operations that were asked for: nobody is told of those that have ended already.
    pub fn put_operations(&mut self, operations: Vec<Operation>) {
        for operation in operations {
            self.put_operation(operation);
        }
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

    pub(super) fn put_events(&mut self, events: Vec<Event>, paused: &Paused) {
        for e in events {
            if let Some(name) = &e.deployment
                && let Some(list) = self.tabs.get_mut(name).and_then(|t| t.events.value.as_mut())
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
