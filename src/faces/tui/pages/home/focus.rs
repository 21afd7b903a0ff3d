//! What has the focus on Home, and what keys do there: moving, filtering, turning tabs, going in and out.

use super::{Home, Pane};
use crate::faces::tui::{data::Tab, layout::Panes, list::Move};

impl Home {
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
