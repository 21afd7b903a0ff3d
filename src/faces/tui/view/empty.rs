//! The faces of a list that shows no rows: it always says why.

use crate::{
    contract::problem::Problem,
    faces::tui::{
        data::{Link, Load},
        model::Model,
        pages::home::Group,
        paint::{Text, muted, text},
        say,
        theme::Role,
    },
};

/// Why nothing is known at all, if so.
fn unknown(model: &Model) -> Option<Vec<Text>> {
    if model.data.loaded {
        return None;
    }
    Some(match &model.data.link {
        Link::Lost { problem, .. } => problem_lines(problem),
        _ => vec![text("◌ loading", Role::Busy)],
    })
}

/// What went wrong, and what to do next.
pub(super) fn problem_lines(p: &Problem) -> Vec<Text> {
    let mut lines: Vec<Text> = p
        .detail
        .lines()
        .enumerate()
        .map(|(i, l)| text(if i == 0 { format!("✗ {l}") } else { format!("  {l}") }, Role::Error))
        .collect();
    if let Some(hint) = &p.hint {
        lines.push(muted(format!("→ {hint}")));
    }
    lines
}

/// Rows exist, and the filter hides them.
pub(super) fn filtered(hidden: usize, filter: &str) -> Vec<Text> {
    vec![muted(format!("{hidden} hidden by the filter {filter:?}")), muted("esc clears it")]
}

pub(super) fn applications(model: &Model) -> Vec<Text> {
    if let Some(lines) = unknown(model) {
        return lines;
    }
    if model.home.groups.hidden() > 0 {
        return filtered(model.home.groups.hidden(), model.home.groups.filter());
    }
    let targets = &model.data.targets;
    if targets.is_empty() {
        return vec![
            muted("No target yet: nutkin does not know any Flink cluster."),
            muted(format!("→ {} target add NAME http://jobmanager:8081", model.program)),
        ];
    }
    let mut lines = vec![muted("No application yet, and no job on")];
    for t in targets.values() {
        let state = match t.reachable {
            Some(true) => text("● reachable", Role::Ok),
            Some(false) => text("✗ unreachable", Role::Error),
            None => text("◌ not looked at yet", Role::Busy),
        };
        lines.push(muted("  ").with(&t.name, Role::Text).with(" ", Role::Text).then(state));
        lines.extend(t.error.iter().map(|e| text(format!("  {e}"), Role::Error)));
    }
    lines.push(muted(format!("→ {} apply -f FILE", model.program)));
    lines
}

pub(super) fn subjects(model: &Model) -> Vec<Text> {
    if let Some(lines) = unknown(model) {
        return lines;
    }
    let list = &model.home.subjects;
    match model.home.groups.selected() {
        _ if list.hidden() > 0 => filtered(list.hidden(), list.filter()),
        Some(Group::Application(app)) => {
            vec![
                muted(format!("{app} has no deployment yet")),
                muted(format!("→ {} apply -f FILE", model.program)),
            ]
        }
        Some(Group::Unmanaged(_)) => vec![muted("No such job lives any more")],
        None => vec![muted("Select an application")],
    }
}

pub(super) fn savepoints(model: &Model) -> Vec<Text> {
    if let Some(lines) = unknown(model) {
        return lines;
    }
    let Some(deployment) = model.home.deployment() else {
        return vec![muted("Savepoints of managed deployments are kept here")];
    };
    let list = &model.home.savepoints;
    if list.hidden() > 0 {
        return filtered(list.hidden(), list.filter());
    }
    match model.data.details.get(deployment) {
        Some(Load { value: Some(_), .. }) => {
            let key = model.keymap.key_of(crate::faces::tui::command::Command::Savepoint).unwrap_or_default();
            vec![muted("No savepoint yet"), muted(format!("→ {key} takes one, the job goes on"))]
        }
        load => loading(load),
    }
}

/// Not here yet, or refused.
pub(super) fn loading<T>(load: Option<&Load<T>>) -> Vec<Text> {
    match load.and_then(|l| l.problem.as_ref()) {
        Some(p) => problem_lines(p),
        None => vec![text("◌ loading", Role::Busy)],
    }
}

pub(super) fn events(model: &Model, log: &crate::faces::tui::pages::home::EventLog) -> Vec<Text> {
    if let Some(lines) = unknown(model) {
        return lines;
    }
    if log.list.hidden() > 0 {
        return filtered(log.list.hidden(), log.list.filter());
    }
    vec![muted("No event yet: what happens from now on appears here")]
}

/// How old what is shown is, when it does not come fresh any more.
pub(super) fn stale(model: &Model) -> Option<Text> {
    match &model.data.link {
        Link::Lost { since, .. } if model.data.loaded => {
            Some(text(format!("stale {}", say::age(model.now.seconds_since(*since))), Role::Warn))
        }
        _ => None,
    }
}
