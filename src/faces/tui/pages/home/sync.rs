//! Home takes what is known: each pane gets its rows, and selections stay where they are.

use super::{EventLog, Group, Home, Subject};
use crate::{
    contract::model::{Event, Job, Savepoint},
    faces::tui::{
        data::{Data, Entry, Tab},
        list::Move,
    },
};

impl Home {
    /// Takes what is known; selections stay where they are.
    pub fn sync(&mut self, data: &Data) {
        let before = (self.groups.selected().cloned(), self.subject().cloned());
        self.groups.sync(groups(data), Clone::clone, |g| group_words(data, g));
        let arrived = self.coming.take_if(|name| data.rows.contains_key(name));
        if let Some((app, _)) = arrived.as_deref().and_then(|name| name.split_once('/')) {
            self.groups.select(&Group::Application(app.to_owned()));
        }
        self.sync_subjects(data);
        if before.0.as_ref() != self.groups.selected() {
            self.subjects.go(Move::First);
            self.tail = EventLog::default();
        }
        if let Some(name) = arrived {
            self.subjects.select(&Subject::Deployment(name));
        }
        if before.1.as_ref() != self.subject() {
            self.scroll = 0;
            (self.log, self.jobs, self.config) = Default::default();
            self.savepoints.go(Move::First);
        }
        // Nobody has marked a savepoint: the newest one stays the selected one.
        let newest = self.savepoints.position() == 0 && !self.on_savepoints();
        self.sync_savepoints(data);
        if newest {
            self.savepoints.go(Move::First);
        }
        self.sync_tail(data);
        self.sync_tab(data);
    }

    fn sync_subjects(&mut self, data: &Data) {
        let group = self.groups.selected().cloned();
        let from = Some((data.rows_version, group, self.subjects.filter().to_owned()));
        if from != self.made_from {
            let rows = subjects(data, self.groups.selected());
            self.subjects.sync(rows, Clone::clone, |s| subject_words(data, s));
            self.made_from = from;
        }
    }

    fn sync_savepoints(&mut self, data: &Data) {
        let detail = self.deployment().and_then(|d| data.detail(d));
        let words = |s: &&Savepoint| {
            let label = s.label.as_deref().unwrap_or_default();
            format!("{} {} {label} {}", s.origin, s.status, s.savepoint_id)
        };
        let all = detail.map(|d| d.savepoints.as_slice()).unwrap_or_default();
        self.savepoints.sync(all, |s| s.savepoint_id.clone(), words);
    }

    fn sync_tail(&mut self, data: &Data) {
        let app = match self.groups.selected() {
            Some(Group::Application(a)) => Some(a.clone()),
            _ => None,
        };
        let wanted = |e: &&Event| e.application.is_none() || e.application == app;
        self.tail.sync(data.events.iter().filter(wanted), self.debug);
    }

    fn sync_tab(&mut self, data: &Data) {
        let Some(name) = self.deployment().map(str::to_owned) else { return };
        let Some(tabs) = data.tabs.get(&name) else { return };
        match self.tab {
            Tab::Overview | Tab::Savepoints => {}
            Tab::Events => {
                if let Some(events) = &tabs.events.value {
                    self.log.sync(events.iter(), self.debug);
                }
            }
            Tab::Jobs => {
                let flink = |j: &&Job| j.flink_state.clone().unwrap_or_default();
                let words = |j: &&Job| format!("{} {} {}", j.flink_job_id, j.state, flink(j));
                self.jobs.sync(data.jobs(&name), |j| j.job_id.clone(), words);
            }
            Tab::Config => {
                let current = data.current_revision(&name, data.revisions(&name));
                let rows = current.map(|r| data.values(&name, r)).unwrap_or_default();
                let words = |e: &Entry| format!("{} {} {}", e.path, e.value, e.layer);
                self.config.sync(rows, |e| e.path.clone(), words);
            }
        }
    }
}

fn groups(data: &Data) -> impl Iterator<Item = Group> {
    let apps = data.applications.keys().cloned().map(Group::Application);
    let rest = data.unmanaged.iter().filter(|(_, jobs)| !jobs.is_empty()).map(|(t, _)| t.clone());
    apps.chain(rest.map(Group::Unmanaged))
}

fn group_words(data: &Data, group: &Group) -> String {
    match group {
        Group::Application(name) => {
            let title = data.applications.get(name).map(|a| a.title.as_str()).unwrap_or_default();
            format!("{name} {title}")
        }
        Group::Unmanaged(target) => format!("unmanaged on {target}"),
    }
}

fn subjects(data: &Data, group: Option<&Group>) -> Vec<Subject> {
    match group {
        Some(Group::Application(app)) => {
            data.rows_of(app).map(|r| Subject::Deployment(r.deployment.clone())).collect()
        }
        Some(Group::Unmanaged(target)) => {
            let jobs = data.unmanaged.get(target).into_iter().flatten();
            jobs.map(|j| Subject::Job(target.clone(), j.flink_job_id.clone())).collect()
        }
        None => vec![],
    }
}

fn subject_words(data: &Data, subject: &Subject) -> String {
    match subject {
        Subject::Deployment(name) => data.rows.get(name).map_or_else(String::new, |r| {
            let operation = r.operation.as_deref().unwrap_or_default();
            format!("{name} {} {} {operation}", r.target, r.observed)
        }),
        Subject::Job(target, id) => {
            let job = data.unmanaged.get(target).and_then(|jobs| jobs.iter().find(|j| j.flink_job_id == *id));
            job.map_or_else(String::new, |j| format!("{} {id} {}", j.name, j.flink_state))
        }
    }
}
