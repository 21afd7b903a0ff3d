//! The form's open list: jars that the manager has, or entry classes of one.

use super::{At, Form, unique_part};
use crate::{
    contract::model::Artifact,
    faces::tui::{
        history,
        input::Line,
        list::{ListView, Move},
        model::Model,
        msg::Effect,
        theme::Role,
    },
};

impl Form {
    pub(super) fn picked(&mut self, fx: &mut Vec<Effect>) {
        let chosen = self.picker.take().and_then(|p| p.selected().cloned());
        if let (Some(chosen), Some(line)) = (chosen, self.line()) {
            *line = Line::new(unique_part(&chosen));
            self.step(1);
            self.edited(fx);
        }
    }

    /// Moves in the open list, or scrolls the pane at the side to a line.
    pub(in crate::faces::tui::overlay) fn go(&mut self, to: Move, line: usize) {
        match &mut self.picker {
            Some(p) => {
                p.go(to);
            }
            None => self.scroll = line,
        }
    }

    /// Opens the list that was asked for before it had arrived.
    pub(in crate::faces::tui) fn listed(&mut self, model: &mut Model) {
        if std::mem::take(&mut self.pick_when_listed) {
            self.pick(model);
        }
    }

    pub(super) fn pick(&mut self, model: &mut Model) {
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
}
