//! The Overview: the state, what could be lost, what a start would restore, and what is wrong.

use ratatui::layout::Rect;

use super::{
    Extent, empty,
    snapshots::{checkpoint, checkpoint_words, ended, loss, next_start},
};
use crate::{
    contract::{
        model::{Deployment, Target, TargetJob},
        watch::Detail,
    },
    domain::{
        deployment::{ConditionStatus, ConditionType, Observed},
        operation::OpState,
    },
    faces::tui::{
        command::Command,
        data::Load,
        history,
        model::Model,
        pages::home::{Group, Pane, Subject},
        paint::{Canvas, Text, flow, muted, plain, text},
        say::{self, field},
        theme::Role,
        verbs,
    },
};

pub(super) fn draw(c: &mut Canvas<'_>, area: Rect, model: &Model) {
    let area = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    let lines = lines(model, usize::from(area.width));
    let e = Extent::new(usize::from(area.height), lines.len(), model.home.scroll);
    if model.home.focus == Pane::Detail {
        return super::card::scrolled(c, model, area, &lines, e);
    }
    // The keys that scroll move the selection of another pane now, and the next verb would hit another deployment.
    let reads = format!("key {}", model.keymap.key_of(Command::Detail).unwrap_or_default());
    super::card::scrolled_by(c, area, &lines, e, [reads.clone(), reads]);
}

/// How much of it is in sight.
pub(super) fn extent(model: &Model) -> Extent {
    let Some(pane) = model.panes().get(Pane::Detail) else { return Extent::default() };
    let banner = super::home::banners(model).len();
    let lines = lines(model, usize::from(pane.width.saturating_sub(4)));
    let rows = usize::from(pane.height.saturating_sub(2)).saturating_sub(banner);
    Extent::new(rows, lines.len(), model.home.scroll)
}

fn lines(model: &Model, width: usize) -> Vec<Text> {
    match model.home.subject() {
        Some(Subject::Deployment(name)) => match model.data.details.get(name) {
            Some(Load { value: Some(d), at, .. }) => {
                let since = at.map_or(0, |t| model.now.seconds_since(t));
                deployment(model, d, since, width)
            }
            load => empty::loading(model, load),
        },
        Some(Subject::Job(..)) => {
            model.home.job(&model.data).map(|j| job(model, j, width)).unwrap_or_default()
        }
        None if !model.data.loaded => empty::applications(model),
        None => match model.home.groups.selected() {
            Some(Group::Unmanaged(t)) => {
                model.data.targets.get(t).map(|t| target(model, t)).unwrap_or_default()
            }
            Some(Group::Application(app)) => empty::no_rows(model, app),
            None => first_steps(model),
        },
    }
}

/// What a person who sees nutkin for the first time needs.
fn first_steps(model: &Model) -> Vec<Text> {
    let mut lines = vec![
        text("nutkin manages Flink applications together with their state.", Role::Accent),
        Text::empty(),
        muted(
            "  nutkin demo                              a local Flink with an application to try everything on",
        ),
        muted(
            "  nutkin target add NAME URL               name a Flink cluster; its jobs appear here at once",
        ),
        muted("  nutkin apply -f FILE                     applications and deployments from a manifest"),
        Text::empty(),
    ];
    for t in model.data.targets.values() {
        lines.extend(target(model, t));
        lines.push(Text::empty());
    }
    lines
}

/// Two fields beside each other where both fit, else below each other, wrapped: nothing is cut.
fn pair(width: usize, a: Text, b: Text) -> Vec<Text> {
    let half = width / 2;
    if width >= 72 && a.width() < half && b.width() <= width - half {
        return vec![a.pad(half.saturating_sub(1)).with(" ", Role::Text).then(b)];
    }
    [a, b].iter().flat_map(|t| t.wrap(width, 13)).collect()
}

fn deployment(model: &Model, detail: &Detail, since: u64, width: usize) -> Vec<Text> {
    let d = &detail.deployment;
    let mut out = Vec::new();
    out.extend(operation_lines(model, d, width));
    out.extend(pair(width, state(model, d), revision(d)));
    // What is wrong comes before what is only good to know: a low pane shows the first lines.
    out.extend(last_failure(model, d, width));
    let found = findings(model, d, width);
    let wrong = !found.is_empty();
    out.extend(found);
    out.extend(pair(width, target_line(model, d), parallelism(model, d)));
    let cells = if width >= 72 { width / 2 } else { width };
    out.extend(pair(width, checkpoint(model, d, cells), loss(model, d, since)));
    out.extend(next_start(model, d, since, width));
    out.extend(metrics(model, d, width));
    if !wrong {
        out.push(field("Findings", muted("none")));
    }
    out
}

fn operation_lines(model: &Model, d: &Deployment, width: usize) -> Vec<Text> {
    let Some(op) = &d.operation else { return vec![] };
    let took =
        op.started_at.map(|t| format!("  {}", say::elapsed(t, model.manager_now()))).unwrap_or_default();
    let open = model.keymap.key_of(Command::Open).unwrap_or_default();
    let waits = op.state == OpState::NeedsAttention;
    let head = if waits {
        text(format!(" ▲ {} needs you ", op.kind), Role::Badge)
    } else {
        let doing = if op.goes_back { say::going_back(op.kind) } else { say::doing(op.kind).to_owned() };
        text(format!("◐ {doing} step {} of {}", op.step_number, op.step_count), Role::Busy)
    };
    let mut lines = vec![field(
        "Operation",
        head.with(took, Role::Muted).with(format!("   {open} opens it"), Role::Muted),
    )];
    if let Some(step) = &op.step_title {
        let detail =
            op.step_detail.as_deref().filter(|s| !s.is_empty()).map(|s| format!(": {s}")).unwrap_or_default();
        let line = plain(format!("{step}{detail}"));
        lines.extend(indented(&line, width));
    }
    lines
}

/// A wrapped text under a field's value.
pub(super) fn indented(line: &Text, width: usize) -> Vec<Text> {
    line.wrap(width.saturating_sub(13).max(16), 0).into_iter().map(|l| field("", l)).collect()
}

fn state(model: &Model, d: &Deployment) -> Text {
    let (glyph, role) = say::observed(d.observed);
    let now = model.manager_now();
    let mut t = text(format!("{glyph} {}", d.observed), role);
    if !model.data.reachable(&d.target) {
        let age = d.observed_at.map(|t| say::age(now.seconds_since(t))).unwrap_or_default();
        t += text(format!("  stale {age}"), Role::Warn);
    }
    if let Some(job) = &d.job {
        if let Some(flink) = say::flink_word(d.observed, job.flink_state.as_deref()) {
            t += text(format!(" (Flink: {flink})"), Role::Muted);
        }
        if let (Some(at), Observed::Running) = (job.started_at, d.observed) {
            t += muted(format!("  {}", say::age(now.seconds_since(at))));
        }
        if let Some(n) = job.restarts.filter(|n| *n > 0) {
            t += text(format!("  {n} restart{}", if n == 1 { "" } else { "s" }), Role::Warn);
        }
    }
    if d.desired.as_str() != d.observed.as_str() {
        t += muted(format!("  wanted {}", d.desired));
    }
    field("State", t)
}

fn revision(d: &Deployment) -> Text {
    let label = d.version_label.as_deref().unwrap_or("–");
    let number = d.revision.map(|r| format!(" ({r})")).unwrap_or_default();
    field("Revision", text(label, Role::Accent).with(number, Role::Muted))
}

fn target_line(model: &Model, d: &Deployment) -> Text {
    if !model.data.reachable(&d.target) {
        return field("Target", plain(&d.target).with("  ✗ unreachable", Role::Error));
    }
    let version = d.flink_version.as_ref().map(|v| format!("  Flink {v}")).unwrap_or_default();
    field("Target", plain(&d.target).with(version, Role::Muted))
}

fn parallelism(model: &Model, d: &Deployment) -> Text {
    let mut t = plain(d.parallelism.map_or_else(|| "–".to_owned(), |p| p.to_string()));
    if let Some(target) = model.data.targets.get(&d.target)
        && let (Some(free), Some(total)) = (target.slots_free, target.slots_total)
    {
        t += muted(format!("  {free} of {total} slots free"));
    }
    if let Some(tasks) = d.job.as_ref().and_then(|j| j.tasks)
        && tasks.running < tasks.total
        && matches!(d.observed, Observed::Running | Observed::Transitioning)
    {
        t += text(format!("  {}/{} tasks run", tasks.running, tasks.total), Role::Warn);
    }
    field("Parallelism", t)
}

fn metrics(model: &Model, d: &Deployment, width: usize) -> Vec<Text> {
    let past = ended(d);
    let role = if past { Role::Muted } else { Role::Accent };
    let one = |m: &crate::contract::model::MetricValue| {
        let value = m.value.map_or_else(say::unknown, |v| text(say::number(v), role));
        value.with(format!(" {}", m.name), Role::Muted)
    };
    let mut out = Vec::new();
    if past && !d.metrics.is_empty() {
        let at = d.metrics.iter().filter_map(|m| m.observed_at).max();
        let when = at.map(|t| format!(", at {}", model.zone.second(t, model.manager_now())));
        out.push(muted(format!("when it was last seen to run{}:", when.unwrap_or_default())));
    }
    out.extend(flow(d.metrics.iter().map(one), "   ", width.saturating_sub(13)));
    out.into_iter().enumerate().map(|(i, l)| field(if i == 0 { "Numbers" } else { "" }, l)).collect()
}

/// The last operation that failed, until a later one has made it history.
fn last_failure(model: &Model, d: &Deployment, width: usize) -> Vec<Text> {
    let Some(op) = history::last_failure(&model.data, &d.deployment) else { return vec![] };
    let (glyph, words, role) = say::op_state(op.state);
    let now = model.manager_now();
    let ago = say::age(now.seconds_since(op.ended_at.unwrap_or(op.created_at)));
    let to = op.revision.filter(|r| Some(*r) != d.revision).map(|r| format!(" to revision {r}"));
    let open = model.keymap.key_of(Command::Open).unwrap_or_default();
    let head = text(format!("{glyph} {}", op.kind), role)
        .with(to.unwrap_or_default(), Role::Text)
        .with(format!(" {words}"), role)
        .with(format!("  {ago} ago   {open} opens it"), Role::Muted);
    let why = op.outcome_text().unwrap_or_default();
    let mut lines = field("Last failure", head).wrap(width, 13);
    lines.extend(indented(&muted(say::short_places(&why)), width).into_iter().take(3));
    lines
}

/// What is wrong, the cause first; empty = nothing.
fn findings(model: &Model, d: &Deployment, width: usize) -> Vec<Text> {
    let mut found = Vec::new();
    if let Some(cause) = &d.root_cause {
        let at = cause
            .at
            .map(|t| format!(" at {}", model.zone.second(t, model.manager_now())))
            .unwrap_or_default();
        found.push(text("✗ Root cause", Role::Error).with(format!("{at}: {}", cause.message), Role::Text));
        let place: Vec<&str> =
            [cause.task.as_deref(), cause.task_manager.as_deref()].into_iter().flatten().collect();
        if !place.is_empty() {
            found.push(muted(format!("  in {}", place.join(" on "))));
        }
    }
    for c in d.conditions.iter().filter(|c| c.status != ConditionStatus::False) {
        // Since when the spec differs is not known; when the job was seen to differ is.
        let derived = c.kind == ConditionType::Drifted && d.drift.is_some();
        let since = match derived {
            true => String::new(),
            false => format!(" {}", say::age(model.manager_now().seconds_since(c.since))),
        };
        let (mark, role) =
            if c.status == ConditionStatus::True { ("!", Role::Warn) } else { ("?", Role::Unknown) };
        found.push(
            text(format!("{mark} {}", c.kind), role).with(format!("{since}: {}", c.reason), Role::Text),
        );
    }
    if let Some(c) = &d.last_failed_checkpoint {
        let why = c.failure.as_deref().unwrap_or("no reason given");
        found.push(
            text("! Failed checkpoint", Role::Warn)
                .with(format!(" #{} {}: {why}", c.id, checkpoint_words(model, c)), Role::Text),
        );
    }
    for o in &d.overridden {
        let key = o.path.rsplit('/').next().unwrap_or_default();
        let words = format!(": {key} is {}, set by the program", o.runs_with);
        found.push(text("! Overridden", Role::Warn).with(words, Role::Text));
    }
    let told =
        d.conditions.iter().any(|c| c.kind == ConditionType::Drifted && c.status == ConditionStatus::True);
    if let Some(drift) = d.drift.as_ref().filter(|_| !told) {
        found.push(text("! Drift", Role::Warn).with(format!(": {}", drift.summary), Role::Text));
    }
    let lines: Vec<Text> = found.iter().flat_map(|f| f.wrap(width.saturating_sub(13).max(16), 2)).collect();
    lines.into_iter().enumerate().map(|(i, l)| field(if i == 0 { "Findings" } else { "" }, l)).collect()
}

fn job(model: &Model, j: &TargetJob, width: usize) -> Vec<Text> {
    let now = model.manager_now();
    let adopt = model.keymap.key_of(Command::Adopt).unwrap_or_default();
    let mut lines = vec![
        field("Job", text(&j.name, Role::Accent)),
        field("Flink id", plain(&j.flink_job_id)),
        field(
            "State",
            plain(&j.flink_state)
                .with(format!("  {}/{} tasks run", j.tasks.running, j.tasks.total), Role::Muted),
        ),
        field("Target", plain(&j.target)),
    ];
    if let Some(at) = j.started_at {
        let age = say::age(now.seconds_since(at));
        lines.push(field(
            "Started",
            plain(model.zone.minute(at, now)).with(format!("  {age} ago"), Role::Muted),
        ));
    }
    lines.push(field("Management", text(&j.management, Role::Warn)));
    lines.push(Text::empty());
    lines.extend(whose(j, &adopt).wrap(width, 0));
    lines
}

/// Whose a job is that stands under no deployment, and what can be done about it.
fn whose(j: &TargetJob, adopt: &str) -> Text {
    match (&j.deployment, j.management.strip_prefix(verbs::ANOTHER)) {
        (Some(d), _) => muted("This job was started for ").with(d, Role::Accent).with(
            " and runs beside the job that nutkin has in its books for it: both may write to the same places. It \
             cannot be adopted; find out why it lives, and end it in Flink if nobody needs it.",
            Role::Muted,
        ),
        (None, Some(_)) => muted("Another nutkin manages this job: act on it there. Only if that one's state is lost for good, ")
            .with(adopt, Role::Key)
            .with(" takes it over, with Take over marked on the card. Two managers of one job undo each other.", Role::Muted),
        (None, None) => muted("Somebody started this job by hand. ").with(adopt, Role::Key).with(
            " takes it over: savepoints, upgrades and history from then on. Each job becomes a deployment of its own; \
             until then it is only looked at.",
            Role::Muted,
        ),
    }
}

fn target(model: &Model, t: &Target) -> Vec<Text> {
    let state = match t.reachable {
        Some(true) => text("● reachable", Role::Ok),
        Some(false) => text("✗ unreachable", Role::Error),
        None => text("◌ not looked at yet", Role::Busy),
    };
    let version = t.flink_version.as_ref().map(|v| format!("  Flink {v}")).unwrap_or_default();
    let mut lines = vec![
        field("Target", text(&t.name, Role::Accent).with(format!("  {}", t.url), Role::Muted)),
        field("State", state.with(version, Role::Muted)),
    ];
    if let (Some(free), Some(total)) = (t.slots_free, t.slots_total) {
        lines.push(field("Slots", plain(format!("{free} of {total} free"))));
    }
    if let Some(e) = &t.error {
        lines.push(field("Error", text(e, Role::Error)));
    }
    if let Some(at) = t.observed_at.filter(|_| t.reachable == Some(false)) {
        lines.push(field(
            "Last seen",
            muted(format!("{} ago", say::age(model.manager_now().seconds_since(at)))),
        ));
    }
    lines
}
