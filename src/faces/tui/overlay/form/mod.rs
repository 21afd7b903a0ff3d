//! The upgrade form: what changes, with the live difference at its side, then the card.
//!
//! Only what differs from the revision that runs now is sent, so values that came from defaults stay defaults.

mod answers;
mod at;
mod keys;
mod pick;
mod request;
mod words;

use indexmap::IndexMap;
use ratatui_textarea::{CursorMove, TextArea};

use self::words::{join_args, parse_config, unique_part};
pub use self::{
    at::{At, FROM},
    words::is_path,
};
use crate::{
    contract::plan::Plan,
    domain::{
        spec::{Spec, effective},
        text::SafeText,
        time::Timestamp,
    },
    faces::tui::{
        data::{Load, Question as _, Tab},
        input::Line,
        list::ListView,
        model::Model,
        msg::{AskId, Effect},
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
    /// Parallelism as typed; a number, 1 or more.
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
    /// Lines that the pane at its side is scrolled by.
    pub scroll: usize,
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
            scroll: 0,
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
        let Some(load) = model.data.tabs.get(&self.deployment).map(|t| &t.revisions) else { return };
        self.base_problem = load.problem.as_ref().map(|p| p.detail.clone());
        let Some(revisions) = &load.value else { return };
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
}
