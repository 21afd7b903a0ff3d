//! Drawing a card: what will be done, from which restore point and why, what could be lost, then the question.

use ratatui::layout::{Position, Rect};

use super::{Extent, boxed, empty, picker};
use crate::{
    contract::plan::{self, Confirmation, PlannedStep, Verdict},
    domain::operation::{Kind, StepName},
    faces::tui::{
        command::Command,
        model::Model,
        msg::Request,
        overlay::{
            card::{Card, Focus},
            fields::{Field, Value},
            options::Choice,
        },
        paint::{Canvas, Text, muted, plain, text},
        say,
        theme::Role,
    },
};

const WIDTH: u16 = 92;

/// Where everything of a card is.
pub(super) struct Plan {
    size: (u16, u16),
    content: Vec<Text>,
    foot: Foot,
    top: Rect,
    bottom: Rect,
    pub(super) extent: Extent,
}

/// Puts a card together.
pub(super) fn plan(body: Rect, model: &Model, card: &Card) -> Plan {
    let width = if body.width < WIDTH + 4 { body.width } else { WIDTH };
    let cells = usize::from(width.saturating_sub(4));
    let content = content(model, card, cells);
    let foot = foot(model, card, cells);
    let wanted = content.len() + foot.lines.len() + 2;
    let size = (width, u16::try_from(wanted).unwrap_or(u16::MAX));
    let inner = super::inside(body, size);
    let foot_height = u16::try_from(foot.lines.len()).unwrap_or(0).min(inner.height);
    let top = Rect { height: inner.height - foot_height, ..inner };
    let bottom = Rect { y: top.bottom(), height: foot_height, ..inner };
    let extent = Extent::new(usize::from(top.height), content.len(), card.scroll);
    Plan { size, content, foot, top, bottom, extent }
}

pub(super) fn draw(c: &mut Canvas<'_>, body: Rect, model: &Model, card: &Card) -> Option<Position> {
    let p = plan(body, model, card);
    boxed(c, body, p.size, &title(model, card), Role::Focus);
    scrolled(c, model, p.top, &p.content, p.extent);
    c.lines(p.bottom, &p.foot.lines);
    if let Some(open) = &card.picker
        && let Some(field) = card.fields.get(open.field)
    {
        picker::draw(c, body, field.label, &open.list, |i, _| {
            field.options.get(*i).map_or_else(Text::empty, |o| choice(o, Role::Text))
        });
        return None;
    }
    p.foot
        .cursor
        .map(|(x, y)| Position::new(p.bottom.x + x, p.bottom.y + y))
        .filter(|at| at.y < p.bottom.bottom())
}

/// A value in words, with what speaks against it.
fn choice(o: &Choice, role: Role) -> Text {
    let warning = o.warning.map(|w| format!("  ✗ {w}")).unwrap_or_default();
    text(&o.words, role).with(warning, Role::Error)
}

/// Lines, scrolled, with marks where more is above and below.
pub(super) fn scrolled(c: &mut Canvas<'_>, model: &Model, area: Rect, lines: &[Text], e: Extent) {
    let key = |c| model.keymap.key_of(c).unwrap_or_default();
    scrolled_by(c, area, lines, e, [key(Command::PageUp), key(Command::PageDown)]);
}

/// The same, with the keys that lead up and down.
pub(super) fn scrolled_by(c: &mut Canvas<'_>, area: Rect, lines: &[Text], e: Extent, keys: [String; 2]) {
    let [up, down] = keys;
    c.lines(area, lines.iter().skip(e.at));
    let below = lines.len().saturating_sub(e.at + e.rows);
    if area.height > 0 && below > 0 {
        let last = Rect { y: area.bottom() - 1, height: 1, ..area };
        c.right(last, &text(format!(" {below} more ↓ {down} "), Role::Key));
    }
    if area.height > 1 && e.at > 0 {
        c.right(Rect { height: 1, ..area }, &text(format!(" {} more ↑ {up} ", e.at), Role::Key));
    }
}

fn title(model: &Model, card: &Card) -> Text {
    let request = card.request();
    let plan = card.plan.value.as_deref();
    let target = plan
        .map(|p| p.target.as_str())
        .or_else(|| model.data.rows.get(request.subject()).map(|r| r.target.as_str()))
        .unwrap_or_default();
    let colour =
        model.data.targets.get(target).and_then(|t| t.colour.as_deref()).and_then(|w| w.parse().ok());
    let t = object(request);
    if target.is_empty() {
        t
    } else {
        t.with(" on ", Role::Muted).with(target, colour.unwrap_or(Role::Accent))
    }
}

/// What is done to what. Where a savepoint is the object, it is named before its deployment: nobody may read that the
/// deployment is to be deleted.
fn object(request: &Request) -> Text {
    let (verb, deployment) = (say::verb(request.kind()), request.subject());
    let savepoint = |id: &str| format!("savepoint {}", say::short_id(id));
    match request {
        Request::Dispose(_, id, _) => text(format!("{verb} {}", savepoint(id)), Role::Focus)
            .with(" of ", Role::Muted)
            .with(deployment, Role::Accent),
        Request::Reset(_, b) => text(format!("{verb} "), Role::Focus)
            .with(deployment, Role::Accent)
            .with(" to ", Role::Muted)
            .with(savepoint(&b.savepoint), Role::Focus),
        Request::Import(_) => text(format!("{verb} a savepoint"), Role::Focus)
            .with(" into ", Role::Muted)
            .with(deployment, Role::Accent),
        _ => text(verb, Role::Focus).with(" ", Role::Text).with(deployment, Role::Accent),
    }
}

fn heading(words: &'static str) -> Text {
    text(words, Role::Focus)
}

fn wrapped(out: &mut Vec<Text>, line: &Text, cells: usize) {
    out.extend(line.wrap(cells, 4));
}

fn content(model: &Model, card: &Card, cells: usize) -> Vec<Text> {
    let mut out = Vec::new();
    if card.changed {
        out.extend(
            text("! The plan changed while you were reading: nothing was done. Read it again.", Role::Badge)
                .wrap(cells, 2),
        );
        out.push(Text::empty());
    }
    if let Some(p) = &card.refused {
        out.extend(empty::problem_lines(p).iter().flat_map(|l| l.wrap(cells, 2)));
        if let Some(s) = &card.sending {
            wrapped(
                &mut out,
                &text(
                    format!("◐ asking again what became of it (try {}); it happens once at most", s.tries),
                    Role::Busy,
                ),
                cells,
            );
        }
        out.push(Text::empty());
    }
    match (&card.plan.value, &card.plan.problem) {
        (Some(plan), _) => plan_lines(&mut out, model, card, plan, cells),
        (None, Some(p)) => out.extend(empty::problem_lines(p).iter().flat_map(|l| l.wrap(cells, 2))),
        (None, None) if card.plan.loading => {
            out.push(text("◌ asking the manager what this would do", Role::Busy))
        }
        (None, None) => out.push(muted("Fill in the fields below; the plan appears here.")),
    }
    out
}

/// What a person must know comes first: on a small screen the rest is a page down.
fn plan_lines(out: &mut Vec<Text>, model: &Model, card: &Card, plan: &plan::Plan, cells: usize) {
    if !plan.irreversible.is_empty() {
        out.push(heading("Cannot be undone"));
        for i in &plan.irreversible {
            wrapped(out, &text("  ✗ ", Role::Error).with(i, Role::Text), cells);
        }
    }
    let (mind, fine): (Vec<_>, Vec<_>) =
        plan.checks.iter().partition(|k| matches!(k.verdict, Verdict::Failed | Verdict::Warning));
    if !mind.is_empty() || !plan.warnings.is_empty() {
        out.push(heading("Mind"));
        check_lines(out, mind, cells);
        for w in &plan.warnings {
            wrapped(out, &text("  ! ", Role::Warn).with(w, Role::Text), cells);
        }
    }
    restore_lines(out, model, plan, cells);
    diff_lines(out, plan, cells);
    out.push(heading("Steps"));
    for s in &plan.steps {
        wrapped(out, &muted(format!("{:>3} ", s.n)).with(&s.title, Role::Text), cells);
    }
    if plan.steps.is_empty() {
        out.push(muted("    nothing on the cluster; only nutkin's records change"));
    }
    if let Some(then) = &plan.if_it_fails {
        wrapped(out, &text("    if it fails: ", Role::Focus).with(then, Role::Text), cells);
    }
    loss_line(out, plan, cells);
    if !fine.is_empty() {
        out.push(heading("Preflight"));
        check_lines(out, fine, cells);
    }
    out.push(heading("Same as"));
    wrapped(out, &muted(format!("  {}", model.command_line(&plan.command))), cells);
    if card.plan.loading {
        out.push(text("◌ the fields changed, asking again", Role::Busy));
    }
}

/// Checks with their hints; what stands in the way first.
fn check_lines(out: &mut Vec<Text>, mut checks: Vec<&plan::Check>, cells: usize) {
    let widest = checks.iter().map(|k| k.name.chars().count()).max().unwrap_or(0).min(20);
    checks.sort_by_key(|k| match k.verdict {
        Verdict::Failed => 0,
        Verdict::Warning => 1,
        Verdict::Unknown => 2,
        Verdict::Ok => 3,
    });
    for k in checks {
        let (glyph, role) = say::verdict(k.verdict);
        let t = text(format!("  {glyph} "), role)
            .then(plain(&k.name).pad(widest))
            .with(format!("  {}", k.message), Role::Text);
        wrapped(out, &t, cells);
        if let Some(hint) = k.hint.as_ref().filter(|_| k.verdict != Verdict::Ok) {
            wrapped(out, &muted(format!("    → {hint}")), cells);
        }
    }
}

/// What the new effective spec changes.
pub(super) fn diff_lines(out: &mut Vec<Text>, plan: &plan::Plan, cells: usize) {
    let upgrade = matches!(plan.kind, Kind::Upgrade | Kind::Rollback | Kind::Fork);
    if plan.diff.is_empty() && !upgrade {
        return;
    }
    let revisions = match (plan.revision_now, plan.revision_next) {
        (Some(a), Some(b)) if a != b => format!("  revision {a} → {b}"),
        _ => String::new(),
    };
    let label = plan.version_label.as_ref().map(|l| format!("  {l}")).unwrap_or_default();
    out.push(heading("Changes").with(revisions, Role::Muted).with(label, Role::Accent));
    if plan.diff.is_empty() {
        out.push(muted("    nothing: the effective spec stays the same"));
    }
    for d in &plan.diff {
        out.push(plain("    ").with(&d.path, Role::Text).fit(cells));
        if !d.old.is_null() {
            wrapped(out, &text(format!("      - {}", say::value(&d.old)), Role::Warn), cells);
        }
        if !d.new.is_null() {
            wrapped(out, &text(format!("      + {}", say::value(&d.new)), Role::Ok), cells);
        }
    }
}

fn restore_lines(out: &mut Vec<Text>, model: &Model, plan: &plan::Plan, cells: usize) {
    if plan.restore_points.is_empty() && plan.restore_why.is_none() {
        return;
    }
    out.push(heading("Restore point"));
    if let Some(why) = &plan.restore_why {
        wrapped(out, &plain(format!("    {why}")), cells);
    }
    let chosen = plan.restore_points.iter().find(|p| p.chosen);
    if let Some(p) = chosen {
        if let Some(place) = &p.location {
            wrapped(out, &muted(format!("    {place}")), cells);
        }
        if p.verified != Some(true) && (p.location.is_some() || p.savepoint_id.is_some()) {
            out.push(unseen(plan));
        }
    }
    let passed = plan.restore_points.iter().filter(|p| !p.chosen && p.rejected.is_some());
    for p in passed.take(4) {
        let when = p.triggered_at.map(|t| model.zone.minute(t, model.manager_now())).unwrap_or_default();
        let origin = p.origin.map(say::origin).unwrap_or_default();
        let why = p.rejected.as_deref().unwrap_or_default();
        wrapped(out, &muted(format!("    passed over: {origin} {when}: {why}")), cells);
    }
}

/// That nobody has looked at the restore point matters when nothing else is left of the state.
fn unseen(plan: &plan::Plan) -> Text {
    let ends = |s: &PlannedStep| matches!(s.name, StepName::CancelJob | StepName::Dispose);
    if plan.steps.iter().any(ends) || !plan.irreversible.is_empty() {
        text(format!("  ! {}: that they exist is unverified", say::UNSEEN), Role::Warn)
    } else {
        muted(format!("    {}", say::UNSEEN))
    }
}

fn loss_line(out: &mut Vec<Text>, plan: &plan::Plan, cells: usize) {
    let mut parts = Vec::new();
    let mut add = |label: &'static str, v: Option<u64>| {
        if let Some(s) = v {
            parts.push(muted(label).then(say::loss(s)));
        }
    };
    add("a failover now loses ", plan.crash_loss_seconds);
    add("its end now loses ", plan.end_loss_seconds);
    add("the restore repeats ", plan.rewind_seconds);
    if let Some(s) = plan.expected_savepoint_seconds {
        parts.push(muted(format!("last savepoint took {}", say::age(s))));
    }
    if parts.is_empty() {
        return;
    }
    out.push(heading("At stake"));
    let mut line = plain("    ");
    for (i, p) in parts.into_iter().enumerate() {
        if i > 0 {
            line += muted("  ·  ");
        }
        line += p;
    }
    wrapped(out, &line, cells);
}

struct Foot {
    lines: Vec<Text>,
    cursor: Option<(u16, u16)>,
}

const LABEL: usize = 11;

/// Fields, reason, the name to type, the buttons: always in sight.
fn foot(model: &Model, card: &Card, cells: usize) -> Foot {
    let mut f = Foot { lines: vec![Text::empty()], cursor: None };
    for (i, field) in card.fields.iter().enumerate() {
        field_line(&mut f, model, field, card.focus == Focus::Field(i), cells);
    }
    input_line(&mut f, "Reason", &card.reason, card.focus == Focus::Reason, cells, "why, for the event log");
    if let Some(plan) = card.plan.value.as_ref().filter(|p| p.confirmation == Confirmation::TypeName) {
        let ask = format!("type {} to confirm", plan.typed_name);
        input_line(&mut f, "Confirm", &card.typed, card.focus == Focus::Typed, cells, &ask);
    }
    f.lines.push(Text::empty());
    f.lines.push(buttons(model, card, cells));
    f
}

fn mark(focused: bool) -> Text {
    text(if focused { "▸" } else { " " }, Role::Key)
}

fn input_line(
    f: &mut Foot,
    label: &'static str,
    line: &crate::faces::tui::input::Line,
    focused: bool,
    cells: usize,
    help: &str,
) {
    let room = cells.saturating_sub(LABEL + 1);
    let head = mark(focused).then(text(label, if focused { Role::Focus } else { Role::Muted }).pad(LABEL));
    let (shown, column) = line.shown(room, Role::Field);
    if focused {
        let x = u16::try_from(LABEL + 1).unwrap_or(0) + column;
        f.cursor = Some((x, u16::try_from(f.lines.len()).unwrap_or(0)));
    }
    let value = match (line.as_str().is_empty(), focused) {
        (true, true) => text(help, Role::Field).pad(room).role(Role::Field),
        (true, false) => muted(help).pad(room),
        (false, _) => shown,
    };
    f.lines.push(head.then(value));
}

fn field_line(f: &mut Foot, model: &Model, field: &Field, focused: bool, cells: usize) {
    match &field.value {
        Value::Text(line) => input_line(f, field.label, line, focused, cells, field.help),
        Value::Choice(at) => {
            let role = if focused { Role::Field } else { Role::Text };
            let head = mark(focused)
                .then(text(field.label, if focused { Role::Focus } else { Role::Muted }).pad(LABEL));
            let words = field.options.get(*at).map_or_else(Text::empty, |o| choice(o, role));
            let mut line = head.with("‹ ", role).then(words).with(" ›", role);
            if focused && field.lists() {
                let key = model.keymap.key_of(Command::Press).unwrap_or_default();
                line = line.with(format!("  {key}"), Role::Key).with(" lists", Role::Muted);
            }
            f.lines.push(line.fit(cells));
        }
        Value::Toggle(on) => {
            let role = if focused { Role::Field } else { Role::Text };
            let head = mark(focused)
                .then(text(field.label, if focused { Role::Focus } else { Role::Muted }).pad(LABEL));
            let tick = if *on { "[x]" } else { "[ ]" };
            f.lines.push(head.with(tick, role).with(format!(" {}", field.help), Role::Muted));
        }
    }
}

fn buttons(model: &Model, card: &Card, cells: usize) -> Text {
    if card.sending.is_some() {
        return text("◐ sent, waiting for the manager", Role::Busy).with(
            format!("   {} leaves; it goes on", model.keymap.key_of(Command::Close).unwrap_or_default()),
            Role::Muted,
        );
    }
    let obstacle = card.obstacle(&model.data);
    let verb = say::verb(card.request().kind());
    let button = |label: String, focused: bool, enabled: bool| {
        let role = match (focused, enabled) {
            (true, true) => Role::Button,
            (true, false) => Role::SelectionIdle,
            (false, true) => Role::Accent,
            (false, false) => Role::Muted,
        };
        // Brackets tell the button with focus where colour cannot.
        text(if focused { format!("[ {label} ]") } else { format!("  {label}  ") }, role)
    };
    // Beside "Cancel the job" the word would mean two things.
    let dismiss = if card.request().kind() == Kind::Cancel { "Back" } else { "Cancel" };
    let mut t = button(dismiss.to_owned(), card.focus == Focus::Cancel, true);
    t += plain("  ");
    t += button(verb.to_owned(), card.focus == Focus::Confirm, obstacle.is_none());
    match obstacle {
        Some(why) => {
            let role = if card.plan.loading { Role::Muted } else { Role::Warn };
            t += text(format!("   {why}"), role);
        }
        None if card.takes_yes(model) => {
            t += plain("   ").with(model.keymap.key_of(Command::Confirm).unwrap_or_default(), Role::Key);
            t += muted(format!(" {}", verb.to_lowercase()));
        }
        None => {}
    }
    t.fit(cells)
}
