//! Home: applications, deployments, savepoints, detail and events, driven by one selection.
//!
//! ```text
//!   application ─▶ deployments ─▶ savepoints
//!        │              └───────▶ detail (tabs)
//!        └─▶ events
//! ```

pub use super::{event_log::EventLog, pane::Pane};
use crate::{
    contract::model::{Event, Job, Savepoint, TargetJob},
    domain::operation::OpState,
    faces::tui::{
        command::Context,
        data::{Data, Tab, TabData},
        input::Line,
        list::{ListView, Move},
        view::config::Entry,
    },
};

/// A row of the first pane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Group {
    /// An application.
    Application(String),
    /// Jobs on a target that nobody manages.
    Unmanaged(String),
}

/// A row of the second pane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A deployment, `APP/NAME`.
    Deployment(String),
    /// An unmanaged job: target, Flink's id.
    Job(String, String),
}

/// The state of Home.
#[derive(Debug)]
pub struct Home {
    /// The pane with focus.
    pub focus: Pane,
    /// The focused pane is shown alone.
    pub zoom: bool,
    /// First pane.
    pub groups: ListView<Group>,
    /// Second pane.
    pub subjects: ListView<Subject>,
    /// Third pane, and the Savepoints tab.
    pub savepoints: ListView<String>,
    /// Fourth pane.
    pub tail: EventLog,
    /// Debug events are shown.
    pub debug: bool,
    /// The tab of the detail.
    pub tab: Tab,
    /// Lines that the Overview is scrolled by.
    pub scroll: usize,
    /// The Event log tab.
    pub log: EventLog,
    /// The Jobs tab.
    pub jobs: ListView<String>,
    /// The Config tab, by path.
    pub config: ListView<String>,
    /// The filter that is being typed.
    pub filtering: Option<Line>,
    /// A deployment that an act of this console brings: selected as soon as its row is there.
    pub coming: Option<String>,
    /// What the second pane was last made from: a fleet's rows are not looked through for every key.
    made_from: Option<(u64, Option<Group>, String)>,
}

impl Default for Home {
    fn default() -> Self {
        Self {
            focus: Pane::Applications,
            zoom: false,
            groups: ListView::default(),
            subjects: ListView::default(),
            savepoints: ListView::default(),
            tail: EventLog::default(),
            debug: false,
            tab: Tab::Overview,
            scroll: 0,
            log: EventLog::default(),
            jobs: ListView::default(),
            config: ListView::default(),
            filtering: None,
            coming: None,
            made_from: None,
        }
    }
}

impl Home {
    /// Takes what is known; selections stay where they are.
    pub fn sync(&mut self, data: &Data) {
        let before = (self.groups.selected().cloned(), self.subject().cloned());
        self.groups.sync(groups(data), Clone::clone, |g| group_words(data, g));
        let arrived = self.coming.take_if(|name| data.rows.contains_key(name));
        if let Some((app, _)) = arrived.as_deref().and_then(|name| name.split_once('/')) {
            self.groups.select(&Group::Application(app.to_owned()));
        }
        self.sync_subjects(data);
        if before.0.as_ref() != self.groups.selected() {
            self.subjects.go(Move::First);
            self.tail = EventLog::default();
        }
        if let Some(name) = arrived {
            self.subjects.select(&Subject::Deployment(name));
        }
        if before.1.as_ref() != self.subject() {
            self.scroll = 0;
            (self.log, self.jobs, self.config) = Default::default();
            self.savepoints.go(Move::First);
        }
        // Nobody has marked a savepoint: the newest one stays the selected one.
        let newest = self.savepoints.position() == 0 && !self.on_savepoints();
        self.sync_savepoints(data);
        if newest {
            self.savepoints.go(Move::First);
        }
        self.sync_tail(data);
        self.sync_tab(data);
    }

    fn sync_subjects(&mut self, data: &Data) {
        let group = self.groups.selected().cloned();
        let from = Some((data.rows_version, group, self.subjects.filter().to_owned()));
        if from != self.made_from {
            let rows = subjects(data, self.groups.selected());
            self.subjects.sync(rows, Clone::clone, |s| subject_words(data, s));
            self.made_from = from;
        }
    }

    fn sync_savepoints(&mut self, data: &Data) {
        let detail = self.deployment().and_then(|d| data.detail(d));
        let words = |s: &&Savepoint| {
            let label = s.label.as_deref().unwrap_or_default();
            format!("{} {} {label} {}", s.origin, s.status, s.savepoint_id)
        };
        let all = detail.map(|d| d.savepoints.as_slice()).unwrap_or_default();
        self.savepoints.sync(all, |s| s.savepoint_id.clone(), words);
    }

    fn sync_tail(&mut self, data: &Data) {
        let app = match self.groups.selected() {
            Some(Group::Application(a)) => Some(a.clone()),
            _ => None,
        };
        let wanted = |e: &&Event| e.application.is_none() || e.application == app;
        self.tail.sync(data.events.iter().filter(wanted), self.debug);
    }

    fn sync_tab(&mut self, data: &Data) {
        let Some(name) = self.deployment().map(str::to_owned) else { return };
        match data.tabs.get(&(name.clone(), self.tab)).and_then(|l| l.value.as_ref()) {
            Some(TabData::Events(events)) => self.log.sync(events.iter(), self.debug),
            Some(TabData::Jobs(jobs)) => {
                let flink = |j: &&Job| j.flink_state.clone().unwrap_or_default();
                let words = |j: &&Job| format!("{} {} {}", j.flink_job_id, j.state, flink(j));
                self.jobs.sync(jobs, |j| j.job_id.clone(), words);
            }
            Some(TabData::Config(revisions)) => {
                let current = data.current_revision(&name, revisions);
                let rows = current.map(crate::faces::tui::view::config::rows).unwrap_or_default();
                let words = |e: &Entry| format!("{} {} {}", e.path, e.value, e.layer);
                self.config.sync(rows, |e| e.path.clone(), words);
            }
            None => {}
        }
    }

    /// What the second pane has selected.
    #[must_use]
    pub fn subject(&self) -> Option<&Subject> {
        self.subjects.selected()
    }

    /// The selected deployment.
    #[must_use]
    pub fn deployment(&self) -> Option<&str> {
        match self.subject() {
            Some(Subject::Deployment(d)) => Some(d),
            _ => None,
        }
    }

    /// The target of what is selected.
    #[must_use]
    pub fn target<'d>(&'d self, data: &'d Data) -> Option<&'d str> {
        match (self.subject(), self.groups.selected()) {
            (Some(Subject::Deployment(d)), _) => data.rows.get(d).map(|r| r.target.as_str()),
            (Some(Subject::Job(t, _)), _) | (None, Some(Group::Unmanaged(t))) => Some(t),
            _ => None,
        }
    }

    /// The unmanaged job that is selected.
    #[must_use]
    pub fn job<'d>(&self, data: &'d Data) -> Option<&'d TargetJob> {
        match self.subject() {
            Some(Subject::Job(t, id)) => data.unmanaged.get(t)?.iter().find(|j| j.flink_job_id == *id),
            _ => None,
        }
    }

    /// The savepoint that is selected.
    #[must_use]
    pub fn savepoint<'d>(&self, data: &'d Data) -> Option<&'d Savepoint> {
        let id = self.savepoints.selected()?;
        data.detail(self.deployment()?)?.savepoints.iter().find(|s| s.savepoint_id == *id)
    }

    /// Savepoints have the focus, in their pane or their tab.
    #[must_use]
    pub fn on_savepoints(&self) -> bool {
        self.focus == Pane::Savepoints || (self.focus == Pane::Detail && self.tab == Tab::Savepoints)
    }

    /// The event that is selected, in the tail or in the tab.
    #[must_use]
    pub fn event<'d>(&self, data: &'d Data) -> Option<&'d Event> {
        if self.focus == Pane::Events {
            let seq = *self.tail.list.selected()?;
            let i = data.events.partition_point(|e| e.seq < seq);
            return data.events.get(i).filter(|e| e.seq == seq);
        }
        let seq = *self.log.list.selected()?;
        match data.tabs.get(&(self.deployment()?.to_owned(), Tab::Events))?.value.as_ref()? {
            TabData::Events(events) => events.iter().find(|e| e.seq == seq),
            _ => None,
        }
    }

    /// Events have the focus, in their pane or their tab.
    #[must_use]
    pub fn on_events(&self) -> bool {
        self.focus == Pane::Events || (self.focus == Pane::Detail && self.tab == Tab::Events)
    }

    /// The contexts of the focus, innermost first.
    #[must_use]
    pub fn contexts(&self) -> Vec<Context> {
        let mut out = Vec::with_capacity(5);
        if self.on_events() {
            out.push(Context::Events);
        }
        if self.on_savepoints() {
            out.push(Context::Savepoints);
        }
        if self.focus == Pane::Detail {
            out.push(Context::Detail);
        }
        out.extend([Context::List, Context::Home, Context::Global]);
        out
    }

    /// Moves in what has the focus.
    pub fn go(&mut self, to: Move) {
        match (self.focus, self.tab) {
            (Pane::Applications, _) => {
                self.groups.go(to);
            }
            (Pane::Deployments, _) => {
                self.subjects.go(to);
            }
            (Pane::Savepoints, _) | (Pane::Detail, Tab::Savepoints) => {
                self.savepoints.go(to);
            }
            (Pane::Events, _) => self.tail.go(to),
            (Pane::Detail, Tab::Events) => self.log.go(to),
            (Pane::Detail, Tab::Jobs) => {
                self.jobs.go(to);
            }
            (Pane::Detail, Tab::Config) => {
                self.config.go(to);
            }
            (Pane::Detail, Tab::Overview) => {
                self.scroll = match to {
                    Move::By(n) => self.scroll.saturating_add_signed(n),
                    Move::First => 0,
                    Move::Last => usize::MAX / 2,
                };
            }
        }
    }

    /// The filter of what has the focus.
    #[must_use]
    pub fn filter(&self) -> Option<&str> {
        Some(match (self.focus, self.tab) {
            (Pane::Applications, _) => self.groups.filter(),
            (Pane::Deployments, _) => self.subjects.filter(),
            (Pane::Savepoints, _) | (Pane::Detail, Tab::Savepoints) => self.savepoints.filter(),
            (Pane::Events, _) => self.tail.list.filter(),
            (Pane::Detail, Tab::Events) => self.log.list.filter(),
            (Pane::Detail, Tab::Jobs) => self.jobs.filter(),
            (Pane::Detail, Tab::Config) => self.config.filter(),
            (Pane::Detail, Tab::Overview) => return None,
        })
    }

    /// Sets the filter of what has the focus.
    pub fn set_filter(&mut self, words: &str) {
        match (self.focus, self.tab) {
            (Pane::Applications, _) => self.groups.set_filter(words),
            (Pane::Deployments, _) => self.subjects.set_filter(words),
            (Pane::Savepoints, _) | (Pane::Detail, Tab::Savepoints) => self.savepoints.set_filter(words),
            (Pane::Events, _) => self.tail.list.set_filter(words),
            (Pane::Detail, Tab::Events) => self.log.list.set_filter(words),
            (Pane::Detail, Tab::Jobs) => self.jobs.set_filter(words),
            (Pane::Detail, Tab::Config) => self.config.set_filter(words),
            (Pane::Detail, Tab::Overview) => {}
        }
    }

    /// Another tab.
    pub fn turn(&mut self, n: isize) {
        let len = Tab::ALL.len();
        let next = (self.tab as usize).wrapping_add_signed(n).wrapping_add(len) % len;
        self.tab = Tab::ALL.get(next).copied().unwrap_or(Tab::Overview);
        self.scroll = 0;
    }

    /// Enter: one pane further in.
    pub fn enter(&mut self) {
        self.focus = match self.focus {
            Pane::Applications => Pane::Deployments,
            Pane::Deployments => Pane::Detail,
            other => other,
        };
    }

    /// Esc: one pane further out; false when there is none.
    pub fn leave(&mut self) -> bool {
        self.focus = match self.focus {
            Pane::Applications => return false,
            Pane::Deployments => Pane::Applications,
            Pane::Savepoints | Pane::Detail | Pane::Events => Pane::Deployments,
        };
        true
    }

    /// Scrolls every list so that its selection is in sight.
    pub fn reveal(&mut self, panes: &crate::faces::tui::layout::Panes) {
        let rows = |p: Pane| panes.rows(p);
        self.groups.reveal(rows(Pane::Applications));
        self.subjects.reveal(rows(Pane::Deployments));
        let pane_or_tab = if self.focus == Pane::Detail {
            rows(Pane::Detail).saturating_sub(1)
        } else {
            rows(Pane::Savepoints)
        };
        self.savepoints.reveal(pane_or_tab);
        self.tail.list.reveal(rows(Pane::Events));
        self.log.list.reveal(rows(Pane::Detail));
        self.jobs.reveal(rows(Pane::Detail).saturating_sub(1));
        self.config.reveal(rows(Pane::Detail).saturating_sub(1));
    }
}

fn groups(data: &Data) -> impl Iterator<Item = Group> {
    let apps = data.applications.keys().cloned().map(Group::Application);
    let rest = data.unmanaged.iter().filter(|(_, jobs)| !jobs.is_empty()).map(|(t, _)| t.clone());
    apps.chain(rest.map(Group::Unmanaged))
}

fn group_words(data: &Data, group: &Group) -> String {
    match group {
        Group::Application(name) => {
            let title = data.applications.get(name).map(|a| a.title.as_str()).unwrap_or_default();
            format!("{name} {title}")
        }
        Group::Unmanaged(target) => format!("unmanaged on {target}"),
    }
}

fn subjects(data: &Data, group: Option<&Group>) -> Vec<Subject> {
    match group {
        Some(Group::Application(app)) => {
            let mine = |d: &&String| d.split_once('/').is_some_and(|(a, _)| a == app);
            data.rows.keys().filter(mine).cloned().map(Subject::Deployment).collect()
        }
        Some(Group::Unmanaged(target)) => {
            let jobs = data.unmanaged.get(target).into_iter().flatten();
            jobs.map(|j| Subject::Job(target.clone(), j.flink_job_id.clone())).collect()
        }
        None => vec![],
    }
}

fn subject_words(data: &Data, subject: &Subject) -> String {
    match subject {
        Subject::Deployment(name) => data.rows.get(name).map_or_else(String::new, |r| {
            let operation = r.operation.as_deref().unwrap_or_default();
            format!("{name} {} {} {operation}", r.target, r.observed)
        }),
        Subject::Job(target, id) => {
            let job = data.unmanaged.get(target).and_then(|jobs| jobs.iter().find(|j| j.flink_job_id == *id));
            job.map_or_else(String::new, |j| format!("{} {id} {}", j.name, j.flink_state))
        }
    }
}

/// Some operation of a deployment waits for a person.
#[must_use]
pub fn waits(data: &Data, deployment: &str) -> bool {
    data.rows.get(deployment).is_some_and(|r| r.needs_attention)
        || data.active_operations().any(|o| o.deployment == deployment && o.state == OpState::NeedsAttention)
}
