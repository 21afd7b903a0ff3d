//! Lists of events: the tail, and the event log of a deployment.

use crate::{
    contract::model::Event,
    domain::event::Severity,
    faces::tui::list::{AnyList, ListView, Move},
};

/// A list of events that follows its end until somebody looks up. Debug events are left out until they are asked for.
#[derive(Debug)]
pub struct EventLog {
    /// Events by number.
    pub list: ListView<u64>,
    /// It follows.
    pub follow: bool,
    seen: Option<u64>,
    /// Events that came while it was paused.
    pub unseen: usize,
}

impl Default for EventLog {
    fn default() -> Self {
        Self { list: ListView::default(), follow: true, seen: None, unseen: 0 }
    }
}

impl EventLog {
    pub(super) fn sync<'e>(&mut self, events: impl Iterator<Item = &'e Event>, debug: bool) {
        let (mut last, mut unseen) = (None, 0);
        let seen = self.seen;
        // What is hidden has been there all the same: it is not new when it is shown.
        let all = events.inspect(|e| last = Some(e.seq));
        let wanted = all.filter(|e| debug || e.severity != Severity::Debug);
        let events = wanted.inspect(|e| unseen += usize::from(seen.is_some_and(|s| e.seq > s)));
        self.list.sync(events, |e| e.seq, |e| haystack(e));
        if self.follow {
            self.list.go(Move::Last);
            (self.seen, self.unseen) = (last, 0);
        } else {
            self.unseen = unseen;
        }
    }
}

impl AnyList for EventLog {
    fn go(&mut self, to: Move) {
        self.list.go(to);
        self.follow = self.list.at_end();
    }
    fn filter(&self) -> &str {
        self.list.filter()
    }
    fn set_filter(&mut self, words: &str) {
        self.list.set_filter(words);
    }
    fn hidden(&self) -> usize {
        self.list.hidden()
    }
}

fn haystack(e: &Event) -> String {
    format!("{} {} {} {}", e.name, e.deployment.as_deref().unwrap_or_default(), e.message, e.severity)
}
