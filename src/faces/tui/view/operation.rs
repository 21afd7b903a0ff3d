//! Drawing the card of one operation.

use ratatui::layout::{Position, Rect};

use super::{boxed, card::scrolled, empty};
use crate::{
    contract::model::{Operation, Step},
    domain::operation::{OpState, StepState},
    faces::tui::{
        command::Command,
        model::Model,
        overlay::operation::OperationCard,
        paint::{Canvas, Text, muted, plain, text},
        say::{self, field},
        theme::Role,
    },
};

const WIDTH: u16 = 92;

pub(super) fn draw(c: &mut Canvas<'_>, body: Rect, model: &Model, card: &OperationCard) -> Option<Position> {
    let width = if body.width < WIDTH + 4 { body.width } else { WIDTH };
    let cells = usize::from(width.saturating_sub(4));
    let Some(op) = model.data.operations.get(&card.id) else {
        let inner = boxed(c, body, (width, 4), &text("Operation", Role::Focus), Role::Focus);
        c.line(Rect { x: inner.x + 1, ..inner }, &text("◌ loading", Role::Busy));
        return None;
    };
    let (foot, cursor) = choices(card, op, cells);
    let room = usize::from(body.height).saturating_sub(foot.len() + 2);
    let (mut top, mut at) = content(model, op, cells, true);
    if top.len() > room {
        // What is done needs no words where there is no room for them.
        (top, at) = content(model, op, cells, false);
    }
    let height = u16::try_from(top.len() + foot.len() + 2).unwrap_or(u16::MAX);
    let role = if op.state == OpState::NeedsAttention { Role::Warn } else { Role::Focus };
    let title = text(op.kind.as_str(), Role::Focus)
        .with(" ", Role::Text)
        .with(&op.deployment, Role::Accent)
        .with(" on ", Role::Muted)
        .with(&op.target, Role::Accent);
    let inner = boxed(c, body, (width, height), &title, role);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let foot_height = u16::try_from(foot.len()).unwrap_or(0).min(inner.height.saturating_sub(3));
    let upper = Rect { height: inner.height - foot_height, ..inner };
    let follow = (at + 3).saturating_sub(usize::from(upper.height));
    scrolled(c, upper, &top, card.scroll.unwrap_or(follow));
    let lower = Rect { y: upper.bottom(), height: foot_height, ..inner };
    c.lines(lower, &foot);
    cursor.map(|(x, y)| Position::new(lower.x + x, lower.y + y)).filter(|p| p.y < lower.bottom())
}

/// The card's lines, and which of them is about the step at work.
fn content(model: &Model, op: &Operation, cells: usize, wordy: bool) -> (Vec<Text>, usize) {
    let (glyph, words, role) = say::op_state(op.state);
    let now = model.manager_now();
    let from = op.started_at.unwrap_or(op.created_at);
    let took = say::elapsed(from, op.ended_at.unwrap_or(now));
    let reason = op.reason.as_ref().map(|r| format!("  “{r}”")).unwrap_or_default();
    let mut out = vec![
        field("State", text(format!("{glyph} {words}"), role).with(format!("  {took}"), Role::Muted)),
        field(
            "Asked for",
            plain(format!("{} via {} at {}", op.actor, op.via, model.zone.second(op.created_at, now)))
                .with(reason, Role::Muted),
        ),
    ];
    if let Some(r) = &op.result {
        out.extend(field("Result", plain(r)).wrap(cells, 13));
    }
    if let Some(e) = &op.error {
        let waits = op.state == OpState::NeedsAttention;
        let (word, role) = if waits { ("Evidence", Role::Warn) } else { ("Why", Role::Error) };
        out.extend(field(word, text(&e.message, role)).wrap(cells, 13));
        if let Some(hint) = &e.hint {
            out.extend(muted(format!("             → {hint}")).wrap(cells, 15));
        }
    }
    out.push(Text::empty());
    let mut at = 0;
    for s in &op.steps {
        if op.state.is_active() && !matches!(s.state, StepState::Planned | StepState::Skipped) {
            at = out.len();
        }
        out.extend(step(model, s, cells, wordy));
    }
    (out, at)
}

fn step(model: &Model, s: &Step, cells: usize, wordy: bool) -> Vec<Text> {
    let (glyph, role) = say::step_state(s.state);
    let now = model.manager_now();
    let took = match (s.started_at, s.ended_at) {
        (Some(a), Some(b)) => say::elapsed(a, b),
        (Some(a), None) if s.state != StepState::Planned => say::elapsed(a, now),
        _ => String::new(),
    };
    let tries = if s.attempts > 1 { format!(" try {}", s.attempts) } else { String::new() };
    let words = if s.state == StepState::Planned { Role::Muted } else { Role::Text };
    let right = muted(format!("{tries} {took}"));
    let head = text(format!("  {glyph} "), role)
        .with(format!("{:>2} {}", s.n, say::step(s.name)), words)
        .pad(cells.saturating_sub(right.width()))
        .then(right);
    let mut out = vec![head];
    let worth = wordy || matches!(s.state, StepState::Intent | StepState::Refuted | StepState::Ambiguous);
    if worth && !s.detail.is_empty() && s.state != StepState::Planned {
        out.extend(muted(format!("       {}", s.detail)).wrap(cells, 7));
    }
    out
}

/// The ways out, each with what it would do; the armed one asks once more.
fn choices(card: &OperationCard, op: &Operation, cells: usize) -> (Vec<Text>, Option<(u16, u16)>) {
    let mut out = Vec::new();
    let mut cursor = None;
    let list = OperationCard::choices(op);
    if !list.is_empty() {
        out.push(Text::empty());
        out.push(text("What now?", Role::Focus).with("  nothing happens until you choose", Role::Muted));
        for (i, choice) in list.iter().enumerate() {
            let on = i == card.choice;
            let head = text(if on { "▸ " } else { "  " }, Role::Key);
            let name = text(&choice.title, if on { Role::Accent } else { Role::Text });
            out.push(head.then(name).with(format!("  {}", choice.id), Role::Muted).fit(cells));
            if on {
                out.extend(muted(format!("    {}", choice.effect)).wrap(cells, 4));
            }
        }
        if let Some(line) = &card.location {
            let (shown, column) = line.shown(cells.saturating_sub(14), Role::Field);
            cursor = Some((14 + column, u16::try_from(out.len()).unwrap_or(0)));
            out.push(text("  Location    ", Role::Focus).then(shown));
        }
        out.push(question(card));
    }
    if let Some(p) = &card.refused {
        out.extend(empty::problem_lines(p).iter().flat_map(|l| l.wrap(cells, 2)));
    }
    (out, cursor)
}

fn question(card: &OperationCard) -> Text {
    let key = Command::Choose.spec().keys.first().copied().unwrap_or_default();
    if card.sending {
        text("◐ sent, waiting for the manager", Role::Busy)
    } else if card.armed {
        text(format!(" {key} again takes this way "), Role::Badge).with("  esc takes it back", Role::Muted)
    } else {
        text(format!("  {key}"), Role::Key)
            .with(" choose   ", Role::Muted)
            .with("esc", Role::Key)
            .with(" leave it waiting", Role::Muted)
    }
}
