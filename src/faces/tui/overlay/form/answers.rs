//! What the form asks for once edits have settled, and what comes back: the plan, the upload, the editor's text, the card.

use super::{At, Form, Upload, is_path, unique_part};
use crate::{
    contract::{model::Artifact, plan::Plan, problem::Problem},
    faces::tui::{
        data::Question as _,
        input::Line,
        model::Model,
        msg::{Effect, Wake},
        overlay::{
            After, Overlay,
            card::{Card, SETTLE_MS},
        },
    },
};

impl Form {
    pub(super) fn edited(&mut self, fx: &mut Vec<Effect>) {
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
            self.scroll = 0;
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
                let hint = p.hint.map(|h| format!("; {}", model.command_line(&h))).unwrap_or_default();
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

    pub(super) fn review(&mut self, model: &mut Model, fx: &mut Vec<Effect>) -> After {
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
