//! Every command with its key, from the live keymap: searchable, and executable. It is the palette, too.

use crossterm::event::KeyEvent;

use super::After;
use crate::faces::tui::{
    command::{COMMANDS, Command, Context, Spec},
    input::Line,
    list::{ListView, Move},
    model::Model,
};

/// Its state.
#[derive(Debug)]
pub struct Help {
    /// What is searched for.
    pub search: Line,
    /// Commands that fit.
    pub list: ListView<Command>,
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
        h
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
        let key = |s: &&Spec| model.keymap.key_of(s.id).unwrap_or_default();
        self.list.sync(all, |s| s.id, |s| format!("{} {} {} {}", s.name, s.title, s.help, key(s)));
    }

    pub(super) fn key(&mut self, e: &KeyEvent, model: &Model) -> bool {
        match self.search.key(e) {
            Some(changed) => {
                if changed {
                    self.sync(model);
                    self.list.go(Move::First);
                }
                true
            }
            None => false,
        }
    }

    pub(super) fn paste(&mut self, s: &str, model: &Model) {
        self.search.insert(s);
        self.sync(model);
    }

    pub(super) fn command(&mut self, c: Command) -> After {
        match c {
            Command::HelpClose => return After::Close,
            Command::HelpDown => {
                self.list.go(Move::By(1));
            }
            Command::HelpUp => {
                self.list.go(Move::By(-1));
            }
            Command::HelpRun => return self.list.selected().map_or(After::Close, |c| After::Run(*c)),
            _ => {}
        }
        After::Stay
    }
}
