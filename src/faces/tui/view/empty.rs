//! The faces of a list that shows no rows: it always says why.

use crate::{
    contract::problem::{Code, Problem},
    faces::tui::{
        command::Command,
        data::{Link, Load, Tab},
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
        Link::Lost { problem, .. } => problem_lines(model, problem),
        _ => vec![text("◌ loading", Role::Busy)],
    })
}

/// What went wrong, and what to do next.
pub(super) fn problem_lines(model: &Model, p: &Problem) -> Vec<Text> {
    let mut lines: Vec<Text> = p
        .detail
        .lines()
        .enumerate()
        .map(|(i, l)| text(if i == 0 { format!("✗ {l}") } else { format!("  {l}") }, Role::Error))
        .collect();
    if let Some(hint) = &p.hint {
        lines.push(muted(format!("→ {}", model.command_line(hint))));
    }
    lines
}

/// Rows exist, and the filter hides them.
pub(super) fn filtered(model: &Model, hidden: usize, filter: &str) -> Vec<Text> {
    let typing = if model.home.filtering.is_some() { Command::FilterClear } else { Command::Back };
    let key = model.keymap.key_of(typing).unwrap_or_default();
    vec![searched(hidden, filter), muted(format!("{key} clears it"))]
}

/// Nothing has these words.
pub(super) fn searched(hidden: usize, filter: &str) -> Text {
    muted(format!("{hidden} hidden by the filter {filter:?}"))
}

/// `500 of 1,234`, when only so many rows are known.
pub(super) fn of_all(model: &Model) -> Option<String> {
    let (known, all) = model.data.partial()?;
    Some(format!("{} of {}", say::count(known), say::count(all)))
}

/// An application without rows: it has no deployment, or they are not known yet.
pub(super) fn no_rows(model: &Model, app: &str) -> Vec<Text> {
    if !model.data.lacks_rows(app) {
        return vec![
            muted(format!("{app} has no deployment yet")),
            muted(format!("→ {} apply -f FILE", model.program)),
        ];
    }
    let has = model.data.applications.get(app).map_or(0, |a| a.deployments.len());
    let known = of_all(model).unwrap_or_default();
    let mut lines = vec![muted(format!(
        "{app} has {} deployment{}; its rows are not among the {known} that were read",
        say::count(has),
        if has == 1 { "" } else { "s" },
    ))];
    lines.extend(loading(model, model.data.more_rows.get(app)));
    lines
}

pub(super) fn applications(model: &Model) -> Vec<Text> {
    if let Some(lines) = unknown(model) {
        return lines;
    }
    if model.home.groups.hidden() > 0 {
        return filtered(model, model.home.groups.hidden(), model.home.groups.filter());
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
        _ if list.hidden() > 0 => filtered(model, list.hidden(), list.filter()),
        Some(Group::Application(app)) => no_rows(model, app),
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
        return filtered(model, list.hidden(), list.filter());
    }
    match model.data.details.get(deployment) {
        Some(Load { value: Some(_), .. }) => {
            let key = model.keymap.key_of(Command::Savepoint).unwrap_or_default();
            vec![muted("No savepoint yet"), muted(format!("→ {key} takes one, the job goes on"))]
        }
        load => loading(model, load),
    }
}

/// Not here yet, or refused.
pub(super) fn loading<T>(model: &Model, load: Option<&Load<T>>) -> Vec<Text> {
    match load.and_then(|l| l.problem.as_ref()) {
        Some(p) => problem_lines(model, p),
        None => vec![text("◌ loading", Role::Busy)],
    }
}

pub(super) fn events(model: &Model, log: &crate::faces::tui::pages::home::EventLog) -> Vec<Text> {
    if let Some(lines) = unknown(model) {
        return lines;
    }
    if log.list.hidden() > 0 {
        return filtered(model, log.list.hidden(), log.list.filter());
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

/// Why what the detail shows may be old although the manager answers: it does not follow it, or its last answer failed.
pub(super) fn outdated(model: &Model) -> Option<Text> {
    let name = model.home.deployment().filter(|_| matches!(model.data.link, Link::Live))?;
    let detail = model.data.details.get(name);
    let (at, problem) = match model.home.tab {
        Tab::Overview | Tab::Savepoints => (detail?.at, detail?.problem.as_deref()),
        tab => {
            let question = model.data.tabs.get(name)?.question(tab)?;
            (question.at(), question.problem())
        }
    };
    // What never arrived says so where it would stand.
    let age = say::age(model.now.seconds_since(at?));
    let words = match (problem, &model.data.not_followed) {
        (Some(p), _) => format!(" ! {age} old, not read anew: {}", p.detail),
        (None, Some(p)) if p.code == Code::NotFound => {
            format!(" ! {age} old, the manager does not keep it fresh")
        }
        (None, Some(p)) => format!(" ! {age} old, the manager does not keep it fresh: {}", p.detail),
        (None, None) => return None,
    };
    Some(text(words, Role::Warn))
}
