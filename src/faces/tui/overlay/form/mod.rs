//! The upgrade form: what changes, with the live difference at its side, then the card.
//!
//! Only what differs from the revision that runs now is sent, so values that came from defaults stay defaults.

mod at;
mod request;
mod words;

use crossterm::event::{KeyCode, KeyEvent};
use indexmap::IndexMap;
use ratatui_textarea::{CursorMove, TextArea};

use self::words::{join_args, parse_config, unique_part};
pub use self::{
    at::{At, FROM},
    words::is_path,
};
use super::{
    After, Overlay,
    card::{Card, SETTLE_MS},
};
use crate::{
    contract::{model::Artifact, plan::Plan, problem::Problem},
    domain::{
        spec::{Spec, UpgradeStrategy, effective},
        text::SafeText,
        time::Timestamp,
    },
    faces::tui::{
        command::Command,
        data::{Load, Tab, TabData},
        history,
        input::Line,
        list::{ListView, Move},
        model::{Model, TOAST_SECONDS},
        msg::{AskId, Effect, Wake},
        theme::Role,
    },
};

/// An upload at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Upload {
    /// Bytes sent.
    pub sent: u64,
    /// Bytes in all; 0 = not known yet.
    pub total: u64,
}

/// The form.
#[derive(Debug)]
pub struct Form {
    /// Its name for answers.
    pub ask: AskId,
    /// `APP/NAME`.
    pub deployment: String,
    /// The spec that runs now; `None` until it arrived.
    pub base: Option<Box<Spec>>,
    /// Why there is no base.
    pub base_problem: Option<String>,
    /// Hash, name, or path of the jar.
    pub artifact: Line,
    /// A word for the version.
    pub version: Line,
    /// Main class.
    pub entry_class: Line,
    /// Arguments, quoted as in a shell.
    pub args: Line,
    /// Parallelism.
    pub parallelism: Line,
    /// Index into the strategies; the first is "as configured".
    pub strategy: usize,
    /// Index into [`FROM`].
    pub from: usize,
    /// State that no operator of the new revision takes may be dropped.
    pub drop_state: bool,
    /// Flink configuration, `key: value` per line.
    pub config: Box<TextArea<'static>>,
    config_base: IndexMap<String, String>,
    /// What has the focus.
    pub at: At,
    /// What is picked from, while it is open.
    pub picker: Option<ListView<String>>,
    /// The list of jars was asked for before it had arrived: it opens when it does.
    pub pick_when_listed: bool,
    /// The plan of what the form says now.
    pub plan: Load<Box<Plan>>,
    question: u64,
    /// An upload at work.
    pub upload: Option<Upload>,
    /// What went wrong last.
    pub refused: Option<String>,
    /// Something was filled in.
    touched: bool,
    /// When closing was asked for first; once more within a while throws away what was filled in.
    leaving: Option<Timestamp>,
}

impl Form {
    /// A form for a deployment; asks for what it needs.
    pub fn open(deployment: &str, model: &mut Model, fx: &mut Vec<Effect>) -> Self {
        let mut form = Self {
            ask: model.next_ask(),
            deployment: deployment.to_owned(),
            base: None,
            base_problem: None,
            artifact: Line::default(),
            version: Line::default(),
            entry_class: Line::default(),
            args: Line::default(),
            parallelism: Line::default(),
            strategy: 0,
            from: 0,
            drop_state: false,
            config: Box::default(),
            config_base: IndexMap::new(),
            at: At::Artifact,
            picker: None,
            pick_when_listed: false,
            plan: Load::default(),
            question: 0,
            upload: None,
            refused: None,
            touched: false,
            leaving: None,
        };
        model.data.artifacts.ask();
        fx.push(Effect::LoadArtifacts);
        fx.push(Effect::LoadTab(deployment.to_owned(), Tab::Config));
        form.fill(model);
        form
    }

    /// Takes the revision that runs now as its base, once it has arrived.
    pub fn fill(&mut self, model: &Model) {
        if self.base.is_some() {
            return;
        }
        let Some(load) = model.data.tabs.get(&(self.deployment.clone(), Tab::Config)) else { return };
        self.base_problem = load.problem.as_ref().map(|p| p.detail.clone());
        let Some(TabData::Config(revisions)) = &load.value else { return };
        let revision = model.data.current_revision(&self.deployment, revisions);
        match revision.map(|r| effective(&r.spec)) {
            Some(Ok(spec)) => self.fill_from(spec),
            Some(Err(e)) => self.base_problem = Some(e.to_string()),
            None => self.base_problem = Some("this deployment has no revision yet".to_owned()),
        }
    }

    fn fill_from(&mut self, spec: Spec) {
        self.entry_class = Line::new(spec.artifact.entry_class.clone().unwrap_or_default());
        self.args = Line::new(join_args(&spec.artifact.args));
        self.parallelism = Line::new(spec.parallelism.to_string());
        let lines: Vec<String> = spec
            .flink_configuration
            .iter()
            .map(|(k, v)| SafeText::line(&format!("{k}: {v}")).as_str().to_owned())
            .collect();
        self.config_base = parse_config(&lines).unwrap_or_default();
        self.set_config(lines);
        self.base = Some(Box::new(spec));
    }

    fn set_config(&mut self, lines: Vec<String>) {
        let mut area = TextArea::new(if lines.is_empty() { vec![String::new()] } else { lines });
        area.set_tab_length(2);
        area.move_cursor(CursorMove::Top);
        *self.config = area;
    }

    /// The line that has the focus.
    fn line(&mut self) -> Option<&mut Line> {
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

    pub(super) fn key(&mut self, e: &KeyEvent, fx: &mut Vec<Effect>) -> bool {
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

    fn picked(&mut self, fx: &mut Vec<Effect>) {
        let chosen = self.picker.take().and_then(|p| p.selected().cloned());
        if let (Some(chosen), Some(line)) = (chosen, self.line()) {
            *line = Line::new(unique_part(&chosen));
            self.step(1);
            self.edited(fx);
        }
    }

    /// Moves in the open list.
    pub(super) fn go(&mut self, to: Move) {
        if let Some(p) = &mut self.picker {
            p.go(to);
        }
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

    pub(super) fn paste(&mut self, s: &str, fx: &mut Vec<Effect>) {
        if self.at == At::Config {
            let clean: String = s.chars().filter(|c| *c == '\n' || !c.is_control()).collect();
            self.config.insert_str(clean);
        } else if let Some(l) = self.line() {
            l.insert(s);
        }
        self.edited(fx);
    }

    fn step(&mut self, n: isize) {
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

    pub(super) fn command(&mut self, c: Command, model: &mut Model, fx: &mut Vec<Effect>) -> After {
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

    /// Opens the list that was asked for before it had arrived.
    pub(in crate::faces::tui) fn listed(&mut self, model: &mut Model) {
        if std::mem::take(&mut self.pick_when_listed) {
            self.pick(model);
        }
    }

    fn pick(&mut self, model: &mut Model) {
        if model.data.artifacts.value.is_none() {
            match &model.data.artifacts.problem {
                Some(p) if !model.data.artifacts.loading => {
                    let why = format!("the jars cannot be listed: {}", p.detail);
                    model.toast(why, Role::Error);
                }
                _ => {
                    self.pick_when_listed = true;
                    model.toast("the list of jars opens when it has arrived", Role::Muted);
                }
            }
            return;
        }
        let artifacts: &[Artifact] = model.data.artifacts.value.as_deref().unwrap_or_default();
        let rows: Vec<String> = match self.at {
            At::EntryClass => {
                self.known_artifact(artifacts).map(|a| a.entry_classes.clone()).unwrap_or_default()
            }
            _ => {
                self.at = At::Artifact;
                artifacts.iter().map(|a| a.sha256.clone()).collect()
            }
        };
        if rows.is_empty() {
            model.toast("nothing to choose from; type a path to a jar and press Enter", Role::Warn);
            return;
        }
        let mut list = ListView::default();
        list.sync(rows, Clone::clone, Clone::clone);
        // The newest jar that nobody has seen fail here.
        let fails = |a: &&Artifact| {
            history::of_jar(&model.data, &self.deployment, &a.sha256).is_some_and(|(_, failed)| failed)
        };
        if let Some(a) = artifacts.iter().find(|a| !fails(a)).filter(|_| self.at == At::Artifact) {
            list.select(&a.sha256);
        }
        self.picker = Some(list);
    }

    /// The artifact that the field names, or the one that runs now.
    #[must_use]
    pub fn known_artifact<'a>(&self, artifacts: &'a [Artifact]) -> Option<&'a Artifact> {
        let typed = self.artifact.as_str().trim();
        let now = self.base.as_ref().and_then(|b| b.artifact.sha256.as_ref());
        artifacts.iter().find(|a| {
            if typed.is_empty() {
                now.is_some_and(|n| n.as_str() == a.sha256)
            } else {
                a.sha256.starts_with(typed) || a.name == typed
            }
        })
    }

    fn edited(&mut self, fx: &mut Vec<Effect>) {
        (self.touched, self.leaving) = (true, None);
        self.question += 1;
        self.refused = None;
        self.plan.loading = true;
        fx.push(Effect::Wake(SETTLE_MS, Wake::Settled(self.ask, self.question)));
    }

    /// Edits have settled: ask what the form would do.
    pub fn settled(&mut self, question: u64, fx: &mut Vec<Effect>) {
        if question != self.question {
            return;
        }
        match self.request() {
            Ok(r) if !is_path(self.artifact.as_str().trim()) => {
                self.plan.ask();
                fx.push(Effect::DryRun(self.ask, self.question, Box::new(r)));
            }
            Ok(_) => self.plan.loading = false,
            Err(e) => {
                self.plan.loading = false;
                self.refused = Some(e);
            }
        }
    }

    /// The plan arrived.
    pub fn planned(&mut self, question: u64, result: Result<Box<Plan>, Box<Problem>>, model: &Model) {
        if question == self.question {
            self.plan.answer(result, model.now);
        }
    }

    /// An upload went on.
    pub fn uploading(&mut self, sent: u64, total: u64) {
        self.upload = Some(Upload { sent, total });
    }

    /// An upload ended.
    pub fn uploaded(
        &mut self,
        result: Result<Box<Artifact>, Box<Problem>>,
        model: &mut Model,
        fx: &mut Vec<Effect>,
    ) {
        self.upload = None;
        match result {
            Ok(a) => {
                self.artifact = Line::new(unique_part(&a.sha256));
                if let Some(list) = &mut model.data.artifacts.value {
                    list.retain(|x| x.sha256 != a.sha256);
                    list.insert(0, *a);
                }
                self.step(1);
                self.edited(fx);
            }
            Err(p) => {
                let hint = p.hint.map(|h| format!("; {h}")).unwrap_or_default();
                self.refused = Some(format!("{}{hint}", p.detail));
            }
        }
    }

    /// Text came back from the editor.
    pub fn from_editor(&mut self, result: Result<String, String>, fx: &mut Vec<Effect>) {
        match result {
            Ok(text) => {
                let clean = |l: &str| l.chars().filter(|c| !c.is_control()).collect::<String>();
                self.set_config(text.lines().map(clean).collect());
                self.at = At::Config;
                self.edited(fx);
            }
            Err(e) => self.refused = Some(e),
        }
    }

    fn review(&mut self, model: &mut Model, fx: &mut Vec<Effect>) -> After {
        if self.base.is_none() {
            self.refused = Some("what runs now is not known yet".to_owned());
            return After::Stay;
        }
        if is_path(self.artifact.as_str().trim()) {
            self.refused = Some("press Enter on the artifact first: the jar is not uploaded yet".to_owned());
            return After::Stay;
        }
        match self.request() {
            Ok(r) => After::Over(Overlay::Card(Box::new(Card::open(r, model, fx)))),
            Err(e) => {
                self.refused = Some(e);
                After::Stay
            }
        }
    }
}
