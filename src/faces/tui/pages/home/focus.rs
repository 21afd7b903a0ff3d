//! What has the focus on Home, and what keys do there: moving, filtering, turning tabs, going in and out.

use super::{Home, Pane};
use crate::faces::tui::{
    data::Tab,
    layout::Panes,
    list::{AnyList, Move},
};

impl Home {
    /// The list of a pane; the Overview is a text and has none.
    #[must_use]
    pub fn list(&self, pane: Pane) -> Option<&dyn AnyList> {
        Some(match (pane, self.tab) {
            (Pane::Applications, _) => &self.groups,
            (Pane::Deployments, _) => &self.subjects,
            (Pane::Savepoints, _) | (Pane::Detail, Tab::Savepoints) => &self.savepoints,
            (Pane::Events, _) => &self.tail,
            (Pane::Detail, Tab::Events) => &self.log,
            (Pane::Detail, Tab::Jobs) => &self.jobs,
            (Pane::Detail, Tab::Config) => &self.config,
            (Pane::Detail, Tab::Overview) => return None,
        })
    }

    /// The same, to be changed: what has the focus.
    fn focused(&mut self) -> Option<&mut dyn AnyList> {
        Some(match (self.focus, self.tab) {
            (Pane::Applications, _) => &mut self.groups,
            (Pane::Deployments, _) => &mut self.subjects,
            (Pane::Savepoints, _) | (Pane::Detail, Tab::Savepoints) => &mut self.savepoints,
            (Pane::Events, _) => &mut self.tail,
            (Pane::Detail, Tab::Events) => &mut self.log,
            (Pane::Detail, Tab::Jobs) => &mut self.jobs,
            (Pane::Detail, Tab::Config) => &mut self.config,
            (Pane::Detail, Tab::Overview) => return None,
        })
    }

    /// Moves in what has the focus.
    pub fn go(&mut self, to: Move) {
        match self.focused() {
            Some(list) => list.go(to),
            None => {
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
        self.list(self.focus).map(AnyList::filter)
    }

    /// Sets the filter of what has the focus.
    pub fn set_filter(&mut self, words: &str) {
        if let Some(list) = self.focused() {
            list.set_filter(words);
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
    pub fn reveal(&mut self, panes: &Panes) {
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
