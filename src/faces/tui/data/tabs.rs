//! What the tabs of a deployment show that is not part of its detail: each list with its own answer and age.

use super::{Load, Question, Tab};
use crate::{
    contract::{
        model::{Event, Job, Revision},
        problem::Problem,
    },
    domain::time::Timestamp,
};

/// An answer for a tab.
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

/// The lists of one deployment.
#[derive(Debug, Default)]
pub struct Tabs {
    /// Events, oldest first.
    pub events: Load<Vec<Event>>,
    /// Jobs, newest first.
    pub jobs: Load<Vec<Job>>,
    /// Revisions, newest first.
    pub revisions: Load<Vec<Revision>>,
}

impl Tabs {
    /// Takes the answer for a tab.
    pub fn answer(&mut self, tab: Tab, result: Result<TabData, Box<Problem>>, now: Timestamp) {
        match result {
            Ok(TabData::Events(v)) => self.events.answer(Ok(v), now),
            Ok(TabData::Jobs(v)) => self.jobs.answer(Ok(v), now),
            Ok(TabData::Config(v)) => self.revisions.answer(Ok(v), now),
            Err(p) => {
                if let Some(question) = self.question_mut(tab) {
                    question.failed(p, now);
                }
            }
        }
    }

    /// What is asked for a tab; those that show the detail ask nothing of their own.
    #[must_use]
    pub fn question(&self, tab: Tab) -> Option<&dyn Question> {
        match tab {
            Tab::Overview | Tab::Savepoints => None,
            Tab::Events => Some(&self.events),
            Tab::Jobs => Some(&self.jobs),
            Tab::Config => Some(&self.revisions),
        }
    }

    /// The same, to be asked.
    pub fn question_mut(&mut self, tab: Tab) -> Option<&mut dyn Question> {
        match tab {
            Tab::Overview | Tab::Savepoints => None,
            Tab::Events => Some(&mut self.events),
            Tab::Jobs => Some(&mut self.jobs),
            Tab::Config => Some(&mut self.revisions),
        }
    }

    /// All that is asked for a deployment.
    pub fn questions(&mut self) -> [&mut dyn Question; 3] {
        [&mut self.events, &mut self.jobs, &mut self.revisions]
    }

    /// How many of the newest a tab knows, when older ones may be left out.
    #[must_use]
    pub fn newest(&self, tab: Tab) -> Option<usize> {
        let (known, page) = match tab {
            Tab::Overview | Tab::Savepoints => return None,
            Tab::Events => (self.events.value.as_ref()?.len(), EVENTS_PAGE),
            Tab::Jobs => (self.jobs.value.as_ref()?.len(), PAGE),
            Tab::Config => (self.revisions.value.as_ref()?.len(), PAGE),
        };
        (known >= page).then_some(known)
    }
}
