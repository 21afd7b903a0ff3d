//! Home: applications, deployments, savepoints, detail and events, driven by one selection.
//!
//! ```text
//!   application ─▶ deployments ─▶ savepoints
//!        │              └───────▶ detail (tabs)
//!        └─▶ events
//! ```

mod focus;
mod sync;

pub use super::{event_log::EventLog, pane::Pane};
use crate::{
    contract::model::{Event, Savepoint, TargetJob},
    faces::tui::{
        command::Context,
        data::{Data, Tab},
        input::Line,
        list::ListView,
    },
};

/// A row of the first pane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Group {
    /// An application, by its name.
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
            return data.event(*self.tail.list.selected()?);
        }
        data.event_of(self.deployment()?, *self.log.list.selected()?)
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
}

/// Some operation of a deployment waits for a person.
#[must_use]
pub fn waits(data: &Data, deployment: &str) -> bool {
    data.rows.get(deployment).is_some_and(|r| r.needs_attention) || data.waiting(deployment).is_some()
}
