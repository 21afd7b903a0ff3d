//! Drawing the upgrade form: fields, and the live difference at its side (below it where it is narrow).

use ratatui::{
    layout::{Position, Rect},
    style::Modifier,
    widgets::Widget,
};

use super::{Extent, boxed, card, empty};
use crate::{
    contract::plan::{Plan, Verdict},
    domain::{spec::UpgradeStrategy, text::bytes},
    faces::tui::{
        command::Command,
        history,
        model::Model,
        overlay::form::{At, FROM, Form, is_path},
        paint::{Canvas, Text, muted, plain, text},
        say,
        theme::Role,
    },
};

const LABEL: usize = 15;

/// The form's width and height.
const fn size(body: Rect) -> (u16, u16) {
    if body.width > 150 { (146, body.height.saturating_sub(2)) } else { (body.width, body.height) }
}

/// Fields and difference lie beside each other.
const fn is_wide(body: Rect) -> bool {
    body.width >= 100
}

/// Where the fields are, and where the difference is.
fn places(body: Rect) -> (Rect, Rect) {
    let inner = super::inside(body, size(body));
    if is_wide(body) {
        let w = inner.width * 55 / 100;
        let right = Rect { x: inner.x + w + 2, width: inner.width.saturating_sub(w + 2), ..inner };
        (Rect { width: w, ..inner }, right)
    } else {
        let h = inner.height.saturating_sub((inner.height / 3).min(7));
        (Rect { height: h, ..inner }, Rect { y: inner.y + h, height: inner.height - h, ..inner })
    }
}

/// How much of the difference is in sight.
pub(super) fn extent(body: Rect, model: &Model, form: &Form) -> Extent {
    let (_, right) = places(body);
    let lines = side_lines(model, form, usize::from(right.width));
    Extent::new(usize::from(right.height), lines.len(), form.scroll)
}

pub(super) fn draw(c: &mut Canvas<'_>, body: Rect, model: &Model, form: &Form) -> Option<Position> {
    let target = model.data.rows.get(&form.deployment).map(|r| r.target.as_str()).unwrap_or_default();
    let title = text("Upgrade ", Role::Focus)
        .with(&form.deployment, Role::Accent)
        .with(" on ", Role::Muted)
        .with(target, Role::Accent);
    boxed(c, body, size(body), &title, Role::Focus);
    let (left, right) = places(body);
    if is_wide(body) {
        for y in left.top()..left.bottom() {
            c.glyph(left.right(), y, "│", Role::Border);
        }
    }
    let cursor = fields(c, left, model, form);
    side(c, right, model, form);
    picker(c, body, model, form);
    cursor.filter(|_| form.picker.is_none())
}

fn fields(c: &mut Canvas<'_>, area: Rect, model: &Model, form: &Form) -> Option<Position> {
    let mut cursor = None;
    let mut y = area.y;
    for at in At::ALL.iter().filter(|a| !matches!(a, At::Config | At::Review)) {
        let row = Rect { y, height: 1, ..area };
        if y >= area.bottom().saturating_sub(2) {
            break;
        }
        let focused = form.at == *at;
        c.line(row, &label(*at, focused));
        let value = Rect { x: row.x + 17, width: row.width.saturating_sub(18), ..row };
        let at_cursor = draw_value(c, value, model, form, *at, focused);
        cursor = cursor.or(at_cursor);
        y += 1;
    }
    let head = Rect { y, height: 1, ..area };
    c.line(head, &label(At::Config, form.at == At::Config).with("  one key: value per line", Role::Muted));
    let config = Rect {
        x: area.x + 2,
        y: y + 1,
        width: area.width.saturating_sub(3),
        height: area.bottom().saturating_sub(y + 2),
    };
    config_area(c, config, form);
    let button = Rect { y: area.bottom().saturating_sub(1), height: 1, ..area };
    c.line(button, &review(model, form));
    cursor
}

fn label(at: At, focused: bool) -> Text {
    text(if focused { "▸ " } else { "  " }, Role::Key).then(
        text(at.label(), if focused { Role::Focus } else { Role::Muted }).pad(LABEL.max(at.label().len())),
    )
}

fn draw_value(
    c: &mut Canvas<'_>,
    area: Rect,
    model: &Model,
    form: &Form,
    at: At,
    focused: bool,
) -> Option<Position> {
    let line = match at {
        At::Artifact => &form.artifact,
        At::Label => &form.version,
        At::EntryClass => &form.entry_class,
        At::Args => &form.args,
        At::Parallelism => &form.parallelism,
        At::Strategy => {
            let words = form.strategy.checked_sub(1).and_then(|i| UpgradeStrategy::ALL.get(i)).map_or_else(
                || {
                    let base = form.base.as_ref().map_or(UpgradeStrategy::Stateful, |b| b.upgrade_strategy);
                    format!("as configured: {base}")
                },
                ToString::to_string,
            );
            c.line(area, &text(format!("‹ {words} ›"), if focused { Role::Field } else { Role::Text }));
            return None;
        }
        At::From => {
            let words = FROM.get(form.from).map_or("", |(_, w)| *w);
            c.line(area, &text(format!("‹ {words} ›"), if focused { Role::Field } else { Role::Text }));
            return None;
        }
        At::DropState => {
            let tick = if form.drop_state { "[x]" } else { "[ ]" };
            c.line(
                area,
                &text(tick, if focused { Role::Field } else { Role::Text })
                    .with(" that no operator of the new revision takes", Role::Muted),
            );
            return None;
        }
        At::Config | At::Review => return None,
    };
    if line.as_str().is_empty() {
        c.line(area, &muted(placeholder(model, form, at, usize::from(area.width))));
        if focused {
            c.tint(area, Role::Field);
        }
        return focused.then_some(Position::new(area.x, area.y));
    }
    let (shown, column) = line.shown(usize::from(area.width), if focused { Role::Field } else { Role::Text });
    c.line(area, &shown);
    let artifacts = model.data.artifacts.value.as_deref().unwrap_or_default();
    if let Some(a) = form.known_artifact(artifacts).filter(|_| at == At::Artifact) {
        // The hash names it, the name tells it to a person.
        let taken =
            u16::try_from(line.as_str().len()).unwrap_or(area.width).saturating_add(2).min(area.width);
        let rest = Rect { x: area.x + taken, width: area.width - taken, ..area };
        c.line(rest, &text(&a.name, Role::Accent));
        if focused {
            c.tint(rest, Role::Field);
        }
    }
    focused.then(|| Position::new(area.x + column, area.y))
}

fn placeholder(model: &Model, form: &Form, at: At, cells: usize) -> String {
    match at {
        At::Artifact => {
            let pick = model.keymap.key_of(Command::Pick).unwrap_or_default();
            let Some(now) = running(model, form) else { return format!("{pick} lists jars, or type a path") };
            // The footer names the key, too.
            let whole = format!("{now}; {pick} lists jars, or a path");
            if whole.chars().count() <= cells { whole } else { now }
        }
        At::Label => "a word for this version".to_owned(),
        At::EntryClass => "the jar's main class".to_owned(),
        At::Args => "none".to_owned(),
        _ => String::new(),
    }
}

/// The jar that stays when nothing is filled in: its name and what its revision is called, or else its hash.
fn running(model: &Model, form: &Form) -> Option<String> {
    let sha = form.base.as_ref()?.artifact.sha256.as_ref()?;
    let artifacts = model.data.artifacts.value.as_deref().unwrap_or_default();
    let known = artifacts.iter().find(|a| a.sha256 == sha.as_str());
    let name = known.map_or_else(|| format!("jar {}", sha.short()), |a| a.name.clone());
    let label = model.data.detail(&form.deployment).and_then(|d| d.deployment.version_label.as_ref());
    let label = label.map(|l| format!(" ({l})")).unwrap_or_default();
    Some(format!("unchanged: {name}{label}"))
}

fn config_area(c: &mut Canvas<'_>, area: Rect, form: &Form) {
    if area.height == 0 || area.width == 0 {
        return;
    }
    let mut shown = form.config.clone();
    shown.set_style(c.style(Role::Field));
    shown.set_cursor_line_style(c.style(Role::Field));
    let cursor = if form.at == At::Config {
        c.style(Role::Field).add_modifier(Modifier::REVERSED)
    } else {
        c.style(Role::Field)
    };
    shown.set_cursor_style(cursor);
    c.clear(area);
    c.tint(area, Role::Field);
    shown.render(area, c.buffer());
}

fn review(model: &Model, form: &Form) -> Text {
    let key = model.keymap.key_of(Command::Review).unwrap_or_default();
    let on = form.at == At::Review;
    let button =
        text(if on { "[ Review ]" } else { "  Review  " }, if on { Role::Button } else { Role::Accent });
    let status = if let Some(up) = form.upload {
        let share = (up.sent * 100).checked_div(up.total).unwrap_or(0);
        text(format!("◐ uploading {} of {} ({share} %)", bytes(up.sent), bytes(up.total)), Role::Busy)
    } else if trouble(form).is_some() {
        text("! not yet: see what is wrong", Role::Warn)
    } else if is_path(form.artifact.as_str().trim()) {
        text("enter uploads the jar", Role::Warn)
    } else if form.base.is_none() {
        text("◌ loading what runs now", Role::Busy)
    } else {
        muted("to the card that asks")
    };
    plain(" ").then(button).with(format!(" {key} "), Role::Key).then(status)
}

/// What stands in the way.
fn trouble(form: &Form) -> Option<&str> {
    form.refused.as_deref().or(form.base_problem.as_deref())
}

/// What stands beside the fields, or below them.
fn side(c: &mut Canvas<'_>, area: Rect, model: &Model, form: &Form) {
    let lines = side_lines(model, form, usize::from(area.width));
    let e = Extent::new(usize::from(area.height), lines.len(), form.scroll);
    let key = |c| model.keymap.key_of(c).unwrap_or_default();
    let keys = [key(Command::FormPageUp), key(Command::FormPageDown)];
    card::scrolled_by(c, area, &lines, e, keys);
}

/// What stands in the way, in full; what speaks against it; then what the form would change, as the manager sees it.
fn side_lines(model: &Model, form: &Form, cells: usize) -> Vec<Text> {
    let mut lines = Vec::new();
    if let Some(why) = trouble(form) {
        lines.extend(text(format!("! {why}"), Role::Warn).wrap(cells, 2));
        lines.push(Text::empty());
    }
    match (&form.plan.value, &form.plan.problem) {
        (_, Some(p)) => lines.extend(empty::problem_lines(model, p).iter().flat_map(|l| l.wrap(cells, 2))),
        (Some(plan), None) => {
            objections(&mut lines, plan, cells);
            card::diff_lines(&mut lines, plan, cells);
            if let Some(why) = &plan.restore_why {
                lines.extend(muted(why).wrap(cells, 2));
            }
        }
        (None, None) => lines
            .extend(muted("What you change appears here as the difference to what runs now.").wrap(cells, 0)),
    }
    if form.plan.loading {
        lines.push(text("◌ asking what this would do", Role::Busy));
    }
    lines
}

/// Checks that did not come out well, and warnings.
fn objections(lines: &mut Vec<Text>, plan: &Plan, cells: usize) {
    let mut bad: Vec<_> = plan.checks.iter().filter(|k| k.verdict != Verdict::Ok).collect();
    bad.sort_by_key(|k| k.verdict != Verdict::Failed);
    for k in bad {
        let (glyph, role) = say::verdict(k.verdict);
        lines.extend(text(format!("{glyph} {}: ", k.name), role).with(&k.message, Role::Text).wrap(cells, 2));
    }
    for w in &plan.warnings {
        lines.extend(text("! ", Role::Warn).with(w, Role::Text).wrap(cells, 2));
    }
}

fn picker(c: &mut Canvas<'_>, body: Rect, model: &Model, form: &Form) {
    let Some(list) = &form.picker else { return };
    let artifacts = model.data.artifacts.value.as_deref().unwrap_or_default();
    super::picker::draw(c, body, form.at.label(), list, |id, _| {
        let Some(a) = artifacts.iter().find(|a| a.sha256 == *id) else { return plain(id) };
        let sha: String = a.sha256.chars().take(8).collect();
        let when = model.zone.minute(a.created_at, model.manager_now());
        let runs = form.base.as_ref().and_then(|b| b.artifact.sha256.as_ref());
        let used = history::of_jar(&model.data, &form.deployment, &a.sha256);
        let (mark, role, words) = match used {
            _ if runs.is_some_and(|r| r.as_str() == a.sha256) => ("● ", Role::Ok, "  this one runs now"),
            Some((_, true)) => ("✗ ", Role::Error, "  failed"),
            _ => ("  ", Role::Muted, ""),
        };
        let label = used.map(|(r, _)| format!("  {}", r.version_label)).unwrap_or_default();
        text(mark, role)
            .with(sha, Role::Muted)
            .with("  ", Role::Text)
            .with(&a.name, Role::Accent)
            .with(label, Role::Text)
            .with(words, role)
            .with(format!("  {}  {when}", bytes(a.size_bytes)), Role::Muted)
    });
}
