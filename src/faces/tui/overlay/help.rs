//! Every command with its key, from the live keymap: searchable, and executable. It is the palette, too.

use crossterm::event::KeyEvent;

use super::After;
use crate::faces::tui::{
    command::{COMMANDS, Command, Context, Spec},
    input::Line,
    list::{ListView, Move},
    model::Model,
};

/// A row of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// Where the commands below it are known.
    Heading(Context),
    /// A command with its keys; Enter runs it.
    Command(Command),
}

/// How a command fits what was typed, the best first. Whoever types a command's name means that command, also where it
/// does nothing now: it says why, and no other runs in its place.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    /// It is called so.
    Whole,
    /// Its name begins so.
    Start,
    /// The words are somewhere in it.
    Somewhere,
}

impl Fit {
    fn of(s: &Spec, typed: &str) -> Self {
        if typed.is_empty() {
            return Self::Somewhere;
        }
        match [s.name, s.title] {
            names if names.contains(&typed) => Self::Whole,
            names if names.iter().any(|n| n.starts_with(typed)) => Self::Start,
            _ => Self::Somewhere,
        }
    }
}

/// Its state.
#[derive(Debug)]
pub struct Help {
    /// What is searched for.
    pub search: Line,
    /// Commands that fit.
    pub list: ListView<Entry>,
    contexts: Vec<Context>,
    whole_page: bool,
}

impl Help {
    /// The list for the place where it was opened: its own commands first.
    #[must_use]
    pub fn open(model: &Model) -> Self {
        let mut h = Self {
            search: Line::default(),
            list: ListView::default(),
            contexts: model.contexts(),
            whole_page: model.overlays.is_empty() && model.pages.is_empty(),
        };
        h.sync(model);
        h.mark(model);
        h
    }

    /// To the command that fits best what was typed; of those that fit alike, to the first that would do something now.
    fn mark(&mut self, model: &Model) {
        self.list.go(Move::First);
        let typed = self.search.as_str().trim().to_lowercase();
        let commands = self.list.window(usize::MAX).filter_map(|(e, _)| match e {
            Entry::Command(c) => Some(*c),
            Entry::Heading(_) => None,
        });
        let best = commands.min_by_key(|c| (Fit::of(c.spec(), &typed), c.available(model).is_err()));
        if let Some(c) = best {
            self.list.select(&Entry::Command(c));
        }
    }

    /// Moves; a heading is passed by.
    pub fn go(&mut self, to: Move) {
        self.list.go(to);
        self.leave_heading(if matches!(to, Move::By(n) if n < 0) { -1 } else { 1 });
    }

    fn leave_heading(&mut self, by: isize) {
        let on = |l: &ListView<Entry>| matches!(l.selected(), Some(Entry::Heading(_)));
        if on(&self.list) && !self.list.go(Move::By(by)) {
            self.list.go(Move::By(-by));
        }
    }

    fn sync(&mut self, model: &Model) {
        self.list.set_filter(self.search.as_str());
        let order = |c: Context| self.contexts.iter().position(|x| *x == c).unwrap_or(usize::MAX);
        let page = |c: Context| {
            self.whole_page && matches!(c, Context::Savepoints | Context::Events | Context::Detail)
        };
        let mut all: Vec<_> =
            COMMANDS.iter().filter(|s| order(s.context) != usize::MAX || page(s.context)).collect();
        // Moving about is known best and comes last.
        all.sort_by_key(|s| (s.context == Context::List, order(s.context)));
        let key = |s: &Spec| model.keymap.key_of(s.id).unwrap_or_default();
        let words = |s: &Spec| format!("{} {} {} {}", s.name, s.title, s.help, key(s));
        let mut entries = Vec::with_capacity(all.len() + 8);
        let mut under = None;
        for s in all {
            // What is searched for is found wherever it is known.
            if self.search.as_str().is_empty() && under.replace(s.context) != Some(s.context) {
                entries.push(Entry::Heading(s.context));
            }
            entries.push(Entry::Command(s.id));
        }
        self.list.sync(
            entries,
            |e| *e,
            |e| match e {
                Entry::Heading(_) => String::new(),
                Entry::Command(c) => words(c.spec()),
            },
        );
    }

    pub(super) fn key(&mut self, e: &KeyEvent, model: &Model) -> bool {
        match self.search.key(e) {
            Some(changed) => {
                if changed {
                    self.sync(model);
                    self.mark(model);
                }
                true
            }
            None => false,
        }
    }

    pub(super) fn paste(&mut self, s: &str, model: &Model) {
        self.search.insert(s);
        self.sync(model);
        self.mark(model);
    }

    pub(super) fn command(&mut self, c: Command) -> After {
        match c {
            Command::HelpClose => return After::Close,
            Command::HelpDown => {
                self.go(Move::By(1));
            }
            Command::HelpUp => {
                self.go(Move::By(-1));
            }
            Command::HelpRun => {
                return match self.list.selected() {
                    Some(Entry::Command(c)) => After::Run(*c),
                    Some(Entry::Heading(_)) => After::Stay,
                    None => After::Close,
                };
            }
            _ => {}
        }
        After::Stay
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_fits_better_than_a_word_in_it() {
        let fit = |c: Command, typed: &str| Fit::of(c.spec(), typed);
        assert_eq!(fit(Command::Savepoint, "savepoint"), Fit::Whole);
        assert_eq!(fit(Command::Suspend, "savepoint"), Fit::Somewhere);
        assert_eq!(fit(Command::Rollback, "roll back"), Fit::Whole, "by its title, too");
        assert_eq!(fit(Command::Start, "sta"), Fit::Start);
        assert_eq!(fit(Command::Restart, "sta"), Fit::Somewhere);
        assert_eq!(fit(Command::Start, ""), Fit::Somewhere, "nothing was typed");
    }
}
