//! Drawing the card of one operation.

use ratatui::layout::{Position, Rect};

use super::{Extent, boxed, card::scrolled, empty};
use crate::{
    contract::model::{Operation, Step},
    domain::operation::{Kind, OpState, StepState},
    faces::tui::{
        command::Command,
        model::Model,
        overlay::{fields::FieldId, operation::OperationCard},
        paint::{Canvas, Text, muted, plain, text},
        say::{self, field},
        theme::Role,
    },
};

const WIDTH: u16 = 92;

/// Where everything of the card is.
struct Plan {
    size: (u16, u16),
    content: Vec<Text>,
    foot: Vec<Text>,
    cursor: Option<(u16, u16)>,
    upper: Rect,
    lower: Rect,
    extent: Extent,
}

fn plan(body: Rect, model: &Model, card: &OperationCard, op: &Operation) -> Plan {
    let width = if body.width < WIDTH + 4 { body.width } else { WIDTH };
    let cells = usize::from(width.saturating_sub(4));
    let room = usize::from(body.height).saturating_sub(2);
    let (mut foot, mut cursor) = choices(model, card, op, cells, true);
    // The evidence keeps a third of the card; beyond that only the marked choice says what it would do.
    if foot.len() > room * 2 / 3 {
        (foot, cursor) = choices(model, card, op, cells, false);
    }
    let (mut content, mut at) = content(model, op, cells, true);
    if content.len() + foot.len() > room {
        // What is done needs no words where there is no room for them.
        (content, at) = self::content(model, op, cells, false);
    }
    let size = (width, u16::try_from(content.len() + foot.len() + 2).unwrap_or(u16::MAX));
    let inner = super::inside(body, size);
    let foot_height = u16::try_from(foot.len()).unwrap_or(0).min(inner.height.saturating_sub(3));
    let upper = Rect { height: inner.height - foot_height, ..inner };
    let lower = Rect { y: upper.bottom(), height: foot_height, ..inner };
    // Evidence comes first and is read first; otherwise the step at work stays in sight.
    let waits = op.state == OpState::NeedsAttention;
    let follow = if waits { 0 } else { (at + 3).saturating_sub(usize::from(upper.height)) };
    let extent = Extent::new(usize::from(upper.height), content.len(), card.scroll.unwrap_or(follow));
    Plan { size, content, foot, cursor, upper, lower, extent }
}

/// How much of the card is in sight.
pub(super) fn extent(body: Rect, model: &Model, card: &OperationCard) -> Extent {
    model.data.operations.get(&card.id).map_or_else(Extent::default, |op| plan(body, model, card, op).extent)
}

pub(super) fn draw(c: &mut Canvas<'_>, body: Rect, model: &Model, card: &OperationCard) -> Option<Position> {
    let Some(op) = model.data.operations.get(&card.id) else {
        let inner = boxed(c, body, (WIDTH.min(body.width), 4), &text("Operation", Role::Focus), Role::Focus);
        c.line(Rect { x: inner.x + 1, ..inner }, &text("◌ loading", Role::Busy));
        return None;
    };
    let p = plan(body, model, card, op);
    let waits = op.state == OpState::NeedsAttention;
    let mut title =
        if waits { text(" ▲ NEEDS YOU ", Role::Badge).with(" ", Role::Text) } else { Text::empty() };
    title += text(op.kind.as_str(), Role::Focus)
        .with(" ", Role::Text)
        .with(&op.deployment, Role::Accent)
        .with(" on ", Role::Muted)
        .with(&op.target, Role::Accent);
    boxed(c, body, p.size, &title, if waits { Role::Warn } else { Role::Focus });
    scrolled(c, model, p.upper, &p.content, p.extent);
    c.lines(p.lower, &p.foot);
    p.cursor.map(|(x, y)| Position::new(p.lower.x + x, p.lower.y + y)).filter(|at| at.y < p.lower.bottom())
}

/// A result. Where a snapshot went is what some operations are about; elsewhere its end tells it apart.
fn place_words(kind: Kind, result: &str) -> String {
    if matches!(kind, Kind::Savepoint | Kind::Suspend) {
        result.to_owned()
    } else {
        say::short_places(result)
    }
}

/// Why it failed. The reason of a failed step that the result has told already is not told twice.
fn why(op: &Operation, message: &str) -> String {
    let told =
        op.result.as_deref().zip(message.split_once(": ")).is_some_and(|(r, (_, cause))| r.contains(cause));
    let text = op.error_text().unwrap_or_default();
    let step = text.split_once(": ").map(|(step, _)| step.to_owned()).filter(|_| told);
    step.map_or_else(|| say::short_places(&text), |step| format!("{step}: as the result says"))
}

/// The card's lines, and which of them is about the step at work.
fn content(model: &Model, op: &Operation, cells: usize, wordy: bool) -> (Vec<Text>, usize) {
    let (glyph, mut words, role) = say::op_state(op.state);
    if op.state == OpState::Running && op.goes_back.is_some() {
        words = "going back";
    }
    let now = model.manager_now();
    let from = op.started_at.unwrap_or(op.created_at);
    let took = say::elapsed(from, op.ended_at.unwrap_or(now));
    let reason = op.reason.as_ref().map(|r| format!("  “{r}”")).unwrap_or_default();
    let mut state = text(format!("{glyph} {words}"), role).with(format!("  {took}"), Role::Muted);
    // While nobody can ask, it may have gone on.
    if let Some(stale) = empty::stale(model).filter(|_| op.state.is_active()) {
        state = state.with("  ", Role::Text).then(stale).with(", it may have gone on since", Role::Muted);
    }
    let mut out = vec![
        field("State", state),
        field(
            "Asked for",
            plain(format!("{} via {} at {}", op.actor, op.via, model.zone.second(op.created_at, now)))
                .with(reason, Role::Muted),
        ),
    ];
    if let Some(r) = &op.result {
        out.extend(field("Result", plain(place_words(op.kind, r))).wrap(cells, 13));
    }
    if let Some(e) = &op.error {
        let waits = op.state == OpState::NeedsAttention;
        let (word, role) = if waits { ("Evidence", Role::Warn) } else { ("Why", Role::Error) };
        out.extend(
            field(
                word,
                text(if waits { op.error_text().unwrap_or_default() } else { why(op, &e.message) }, role),
            )
            .wrap(cells, 13),
        );
        if let Some(hint) = &e.hint {
            out.extend(muted(format!("             → {}", model.command_line(hint))).wrap(cells, 15));
            if FieldId::DropState.flag().is_some_and(|flag| hint.contains(flag)) {
                out.push(muted("             → here: mark Drop state on the card"));
            }
        }
    }
    out.push(Text::empty());
    let mut at = 0;
    let back = op.goes_back.as_ref().map(|w| w.failed_step);
    let turn = op.steps.iter().find(|s| Some(s.n) > back && back.is_some() && s.state != StepState::Skipped);
    for s in &op.steps {
        if turn.is_some_and(|t| t.n == s.n) {
            out.push(muted("  the way back"));
        }
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
        .with(format!("{:>2} {}", s.n, s.title), words)
        .pad(cells.saturating_sub(right.width()))
        .then(right);
    let mut out = vec![head];
    let worth = wordy || matches!(s.state, StepState::Intent | StepState::Refuted | StepState::Ambiguous);
    if worth && !s.detail.is_empty() && s.state != StepState::Planned {
        out.extend(muted(format!("       {}", say::short_places(&s.detail))).wrap(cells, 7));
    }
    out
}

/// The ways out, each with what it would do; the armed one asks once more.
fn choices(
    model: &Model,
    card: &OperationCard,
    op: &Operation,
    cells: usize,
    wordy: bool,
) -> (Vec<Text>, Option<(u16, u16)>) {
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
            let needs = choice.needs.as_ref().map(|n| format!("  asks for the {n}")).unwrap_or_default();
            let id = format!("  {}", choice.id);
            out.push(head.then(name).with(id, Role::Muted).with(needs, Role::Muted).fit(cells));
            if on || wordy {
                let role = if on { Role::Text } else { Role::Muted };
                out.extend(text(format!("    → {}", choice.effect), role).wrap(cells, 6));
            }
        }
        if let Some(line) = &card.location {
            let (shown, column) = line.shown(cells.saturating_sub(14), Role::Field);
            cursor = Some((14 + column, u16::try_from(out.len()).unwrap_or(0)));
            out.push(text("  Location    ", Role::Focus).then(shown));
        }
        out.push(question(model, card));
    }
    if let Some(p) = &card.refused {
        out.extend(empty::problem_lines(model, p).iter().flat_map(|l| l.wrap(cells, 2)));
    }
    (out, cursor)
}

fn question(model: &Model, card: &OperationCard) -> Text {
    let key = |c| model.keymap.key_of(c).unwrap_or_default();
    let (choose, close) = (key(Command::Choose), key(Command::CloseOperation));
    if card.sending {
        text("◐ sent, waiting for the manager", Role::Busy)
    } else if card.armed.is_some() {
        text(format!(" {choose} again takes this way "), Role::Badge)
            .with(format!("  {close} takes it back"), Role::Muted)
    } else {
        text(format!("  {choose}"), Role::Key)
            .with(" choose   ", Role::Muted)
            .with(close, Role::Key)
            .with(" leave it waiting", Role::Muted)
    }
}
