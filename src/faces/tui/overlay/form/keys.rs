//! Keys in the form: into its fields, from one to the next, out of it.

use crossterm::event::{KeyCode, KeyEvent};

use super::{At, FROM, Form, Upload, is_path};
use crate::{
    domain::spec::UpgradeStrategy,
    faces::tui::{
        command::Command,
        input::Line,
        model::{Model, TOAST_SECONDS},
        msg::Effect,
        overlay::After,
        theme::Role,
    },
};

impl Form {
    /// The line that has the focus.
    pub(super) fn line(&mut self) -> Option<&mut Line> {
        Some(match self.at {
            At::Artifact => &mut self.artifact,
            At::Label => &mut self.version,
            At::EntryClass => &mut self.entry_class,
            At::Args => &mut self.args,
            At::Parallelism => &mut self.parallelism,
            _ => return None,
        })
    }

    /// Characters belong to a field.
    #[must_use]
    pub const fn types(&self) -> bool {
        self.picker.is_none() && !matches!(self.at, At::Strategy | At::From | At::DropState | At::Review)
    }

    /// A field whose value is chosen has the focus.
    #[must_use]
    pub const fn chooses(&self) -> bool {
        self.picker.is_none() && matches!(self.at, At::Strategy | At::From | At::DropState)
    }

    pub(in crate::faces::tui::overlay) fn key(&mut self, e: &KeyEvent, fx: &mut Vec<Effect>) -> bool {
        if e.code != KeyCode::Esc {
            self.leaving = None;
        }
        if self.at == At::Config {
            return self.config_key(e, fx);
        }
        match (e.code, self.line().and_then(|l| l.key(e))) {
            (_, Some(true)) => self.edited(fx),
            (_, Some(false)) => {}
            (KeyCode::Down, _) => self.step(1),
            (KeyCode::Up, _) => self.step(-1),
            (KeyCode::Enter, _) => self.enter(fx),
            _ => return false,
        }
        true
    }

    fn config_key(&mut self, e: &KeyEvent, fx: &mut Vec<Effect>) -> bool {
        let ours = e.modifiers.is_empty() || matches!(e.code, KeyCode::Char(c) if c.is_uppercase());
        let edits = matches!(e.code, KeyCode::Char('a' | 'k' | 'u' | 'w' | 'y' | 'd'));
        if !matches!(e.code, KeyCode::Esc | KeyCode::Tab | KeyCode::BackTab | KeyCode::F(_))
            && (ours || edits)
        {
            if self.config.input(*e) {
                self.edited(fx);
            }
            return true;
        }
        false
    }

    /// Enter on a field: a path is uploaded, everything else goes on.
    fn enter(&mut self, fx: &mut Vec<Effect>) {
        let path = self.artifact.as_str().trim().to_owned();
        if self.at == At::Artifact && is_path(&path) {
            self.upload = Some(Upload { sent: 0, total: 0 });
            self.refused = None;
            fx.push(Effect::Upload(self.ask, path));
        } else {
            self.step(1);
        }
    }

    pub(in crate::faces::tui::overlay) fn paste(&mut self, s: &str, fx: &mut Vec<Effect>) {
        if self.at == At::Config {
            let clean: String = s.chars().filter(|c| *c == '\n' || !c.is_control()).collect();
            self.config.insert_str(clean);
        } else if let Some(l) = self.line() {
            l.insert(s);
        }
        self.edited(fx);
    }

    pub(super) fn step(&mut self, n: isize) {
        let len = At::ALL.len();
        let at = At::ALL.iter().position(|a| *a == self.at).unwrap_or(0);
        let next = at.wrapping_add_signed(n).wrapping_add(len) % len;
        self.at = At::ALL.get(next).copied().unwrap_or(At::Artifact);
        (self.picker, self.pick_when_listed) = (None, false);
    }

    /// What was filled in is thrown away by the second key only.
    fn close(&mut self, model: &mut Model) -> After {
        let asked = self.leaving.is_some_and(|t| model.now.seconds_since(t) < TOAST_SECONDS);
        if !self.touched || asked {
            return After::Close;
        }
        self.leaving = Some(model.now);
        let key = model.keymap.key_of(Command::CloseForm).unwrap_or_default();
        model.toast(format!("nothing was sent; {key} again throws away what you filled in"), Role::Warn);
        After::Stay
    }

    pub(in crate::faces::tui::overlay) fn command(
        &mut self,
        c: Command,
        model: &mut Model,
        fx: &mut Vec<Effect>,
    ) -> After {
        if c != Command::CloseForm {
            self.leaving = None;
        }
        match c {
            Command::PickClose => self.picker = None,
            Command::PickTake => self.picked(fx),
            Command::CloseForm => return self.close(model),
            Command::FormNext => self.step(1),
            Command::FormPrevious => self.step(-1),
            Command::Pick => self.pick(model),
            Command::Edit => fx.push(Effect::Edit(self.ask, self.config.lines().join("\n"))),
            Command::Review => return self.review(model, fx),
            _ => {}
        }
        After::Stay
    }

    /// Keys of fields that are not typed into.
    pub(in crate::faces::tui) fn press(
        &mut self,
        e: &KeyEvent,
        model: &mut Model,
        fx: &mut Vec<Effect>,
    ) -> After {
        self.leaving = None;
        let turn = matches!(e.code, KeyCode::Enter | KeyCode::Char(' ') | KeyCode::Left | KeyCode::Right);
        let by = |len: usize| if e.code == KeyCode::Left { len - 1 } else { 1 };
        match (self.at, e.code) {
            (At::Review, KeyCode::Enter | KeyCode::Char(' ')) => return self.review(model, fx),
            (At::Strategy, _) if turn => {
                let len = UpgradeStrategy::ALL.len() + 1;
                self.strategy = (self.strategy + by(len)) % len;
                self.edited(fx);
            }
            (At::From, _) if turn => {
                self.from = (self.from + by(FROM.len())) % FROM.len();
                self.edited(fx);
            }
            (At::DropState, _) if turn => {
                self.drop_state = !self.drop_state;
                self.edited(fx);
            }
            (_, KeyCode::Down) => self.step(1),
            (_, KeyCode::Up) => self.step(-1),
            _ => {}
        }
        After::Stay
    }
}
