//! A card that shows one thing in full: an event, a savepoint, a job, a value.

use super::{After, Overlay, operation::OperationCard};
use crate::{
    contract::model::{Event, Job, Savepoint},
    faces::tui::{command::Command, data::Entry, model::Model, msg::Effect, theme::Role},
};

/// What is shown.
#[derive(Debug, Clone, PartialEq)]
pub enum Subject {
    /// An event. It may leave the tail meanwhile, and never changes.
    Event(Box<Event>),
    /// A savepoint of a deployment, by its id.
    Savepoint(String, String),
    /// A job of a deployment, by our id.
    Job(String, String),
    /// A value of the configuration.
    Value(Entry),
}

/// The card.
#[derive(Debug, Clone, PartialEq)]
pub struct Sheet {
    /// What is shown.
    pub subject: Subject,
    /// Lines that it is scrolled by.
    pub scroll: usize,
}

impl Sheet {
    /// A card about something.
    #[must_use]
    pub const fn new(subject: Subject) -> Self {
        Self { subject, scroll: 0 }
    }

    /// The savepoint that is shown, as it is now.
    #[must_use]
    pub fn savepoint<'m>(&self, model: &'m Model) -> Option<&'m Savepoint> {
        let Subject::Savepoint(deployment, id) = &self.subject else { return None };
        model.data.detail(deployment)?.savepoints.iter().find(|s| s.savepoint_id == *id)
    }

    /// The job that is shown, as it is now.
    #[must_use]
    pub fn job<'m>(&self, model: &'m Model) -> Option<&'m Job> {
        let Subject::Job(_, id) = &self.subject else { return None };
        self.jobs(model).iter().find(|j| j.job_id == *id)
    }

    /// The jobs of its deployment that are known, newest first.
    #[must_use]
    pub fn jobs<'m>(&self, model: &'m Model) -> &'m [Job] {
        let (Subject::Job(deployment, _) | Subject::Savepoint(deployment, _)) = &self.subject else {
            return &[];
        };
        model.data.jobs(deployment)
    }

    /// The operation that it belongs to.
    #[must_use]
    pub fn operation(&self, model: &Model) -> Option<String> {
        match &self.subject {
            Subject::Event(e) => e.operation_id.clone(),
            Subject::Savepoint(..) => self.savepoint(model)?.operation_id.clone(),
            Subject::Job(..) | Subject::Value(_) => None,
        }
    }

    /// What a copy of it is: the path, the id, or the text.
    #[must_use]
    pub fn words(&self, model: &Model) -> Option<String> {
        match &self.subject {
            Subject::Event(e) => Some(e.message.clone()),
            Subject::Savepoint(..) => {
                let s = self.savepoint(model)?;
                Some(s.location.clone().unwrap_or_else(|| s.savepoint_id.clone()))
            }
            Subject::Job(..) => self.job(model).map(|j| j.flink_job_id.clone()),
            Subject::Value(e) => Some(e.overridden.as_ref().unwrap_or(&e.value).clone()),
        }
    }

    pub(super) fn command(&mut self, c: Command, model: &mut Model, fx: &mut Vec<Effect>) -> After {
        match c {
            Command::CloseSheet => return After::Close,
            Command::CopySheet => match self.words(model) {
                Some(words) => fx.push(Effect::Copy(words)),
                None => model.toast("it is gone", Role::Warn),
            },
            Command::SheetOperation => {
                if let Some(id) = self.operation(model) {
                    return After::Over(Overlay::Operation(OperationCard::new(id)));
                }
            }
            _ => {}
        }
        After::Stay
    }
}
