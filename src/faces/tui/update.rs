//! The one place where the model changes.
//!
//! ```text
//!   key ─▶ text field? ─▶ chord ─▶ command ─▶ overlay | page | root
//!   data ─▶ Data ─▶ notices ─▶ toasts, reloads
//!   afterwards: lists follow their data, what is looked at is asked for
//! ```

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Rect;

use super::{
    command::{Command, Context},
    data::{Link, Notice, Tab},
    keymap::{Key, Resolution},
    layout,
    list::Move,
    model::Model,
    msg::{AskId, Effect, Msg, Reply, Wake},
    overlay::{After, Overlay, operation::OperationCard},
    pages::{
        Page,
        home::{Pane, Subject},
    },
    say,
    theme::Role,
    verbs,
};
use crate::{
    contract::watch::{Interest, WatchMessage},
    domain::{operation::OpState, time::Timestamp},
};

/// What was loaded so many seconds ago is asked for again when it comes into sight.
const FRESH_SECONDS: u64 = 3;

/// Takes one message in; what is to be done comes out.
#[must_use]
pub fn update(model: &mut Model, msg: Msg) -> Vec<Effect> {
    let mut fx = Vec::new();
    match msg {
        Msg::Key(e) => on_key(model, &e, &mut fx),
        Msg::Paste(s) => on_paste(model, &s, &mut fx),
        Msg::Resize(w, h) => model.size = (w, h),
        Msg::Tick(now) => {
            model.now = now;
            model.toasts.retain(|t| t.until > now);
            return fx;
        }
        Msg::Snapshot(s) => {
            let notices = model.data.snapshot(*s, model.now);
            // What was at work may have ended while nobody listened.
            fx.extend(model.data.active_operations().map(|o| Effect::LoadOperation(o.operation_id.clone())));
            on_notices(model, notices, &mut fx);
        }
        Msg::Watch(m) => on_watch(model, m, &mut fx),
        Msg::Lost { problem, retry_at } => {
            let since = match &model.data.link {
                Link::Lost { since, .. } => *since,
                _ => model.now,
            };
            model.data.link = Link::Lost { since, problem, retry_at };
        }
        Msg::Reply(r) => on_reply(model, r, &mut fx),
        Msg::Wake(w) => on_wake(model, w, &mut fx),
        Msg::Stop => fx.push(Effect::Quit),
        Msg::Repaint => fx.push(Effect::Repaint),
    }
    settle(model, &mut fx);
    fx
}

fn on_watch(model: &mut Model, m: WatchMessage, fx: &mut Vec<Effect>) {
    let paused = !model.home.tail.follow;
    if matches!(m, WatchMessage::Hello { .. }) {
        // A new stream knows nothing of what is looked at.
        model.interest.clear();
        return;
    }
    let notices = model.data.watch(m, model.now, paused);
    on_notices(model, notices, fx);
}

fn on_notices(model: &mut Model, notices: Vec<Notice>, fx: &mut Vec<Effect>) {
    for n in notices {
        match n {
            Notice::Reset => fx.push(Effect::LoadSnapshot),
            Notice::Back => model.toast("the manager answers again", Role::Ok),
            Notice::Changed(deployment) => {
                for tab in [Tab::Jobs, Tab::Config] {
                    if let Some(load) = model.data.tabs.get_mut(&(deployment.clone(), tab)) {
                        load.at = None;
                    }
                }
            }
            Notice::Operation { id, deployment, state, kind } => {
                let (glyph, words, role) = say::op_state(state);
                // Whoever looks at its card sees it there.
                if !matches!(model.overlays.last(), Some(Overlay::Operation(c)) if c.id == id) {
                    model.toast(format!("{glyph} {kind} of {deployment} {words}"), role);
                }
                // Nobody should have to look for the operation that they are watching.
                if state == OpState::NeedsAttention
                    && model.started.contains(&id)
                    && model.overlays.is_empty()
                {
                    model.overlays.push(Overlay::Operation(OperationCard::new(id)));
                }
            }
        }
    }
}

fn on_reply(model: &mut Model, reply: Reply, fx: &mut Vec<Effect>) {
    let now = model.now;
    match reply {
        Reply::Detail(name, Ok(detail)) => {
            debug_assert_eq!(name, detail.deployment.deployment);
            model.data.put_detail(*detail, now);
        }
        Reply::Detail(name, Err(p)) => model.data.details.entry(name).or_default().answer(Err(p), now),
        Reply::Tab(name, tab, result) => {
            model.data.tabs.entry((name, tab)).or_default().answer(result, now);
            with_forms(model);
        }
        Reply::Operations(result) => {
            let result = result.map(|ops| {
                for op in ops {
                    model.data.put_operation(op);
                }
            });
            model.data.operations_load.answer(result, now);
        }
        Reply::Operation(_, Ok(op)) => {
            let notice = model.data.put_operation(*op);
            on_notices(model, notice.into_iter().collect(), fx);
        }
        Reply::Operation(_, Err(p)) => model.toast(p.detail, Role::Error),
        Reply::Artifacts(result) => model.data.artifacts.answer(result, now),
        Reply::Patched(Ok(s)) => {
            model.toast(if s.pinned { "pinned" } else { "not pinned any more" }, Role::Ok);
            fx.push(Effect::LoadDetail(s.deployment));
        }
        Reply::Patched(Err(p)) => model.toast(p.detail, Role::Error),
        Reply::Copied(words) => model.toast(words, Role::Muted),
        Reply::Plan(ask, question, result) => with_ask(model, ask, |o, m| {
            match o {
                Overlay::Card(c) => c.planned(question, result, m),
                Overlay::Form(f) => f.planned(question, result, m),
                _ => {}
            }
            After::Stay
        }),
        Reply::Submitted(ask, result) => with_ask(model, ask, |o, m| match o {
            Overlay::Card(c) => c.submitted(result, m, fx),
            _ => After::Stay,
        }),
        Reply::Chosen(id, result) => with_overlay(
            model,
            |o| matches!(o, Overlay::Operation(c) if c.id == id),
            |o, m| {
                if let Overlay::Operation(c) = o {
                    c.chosen(result, m);
                }
                After::Stay
            },
        ),
        Reply::Uploading(ask, sent, total) => with_ask(model, ask, |o, _| {
            if let Overlay::Form(f) = o {
                f.uploading(sent, total);
            }
            After::Stay
        }),
        Reply::Uploaded(ask, result) => with_ask(model, ask, |o, m| {
            if let Overlay::Form(f) = o {
                f.uploaded(result, m, fx);
            }
            After::Stay
        }),
        Reply::Edited(ask, result) => with_ask(model, ask, |o, _| {
            if let Overlay::Form(f) = o {
                f.from_editor(result, fx);
            }
            After::Stay
        }),
    }
}

fn on_wake(model: &mut Model, wake: Wake, fx: &mut Vec<Effect>) {
    match wake {
        Wake::Settled(ask, question) => with_ask(model, ask, |o, _| {
            match o {
                Overlay::Card(c) => c.settled(question, fx),
                Overlay::Form(f) => f.settled(question, fx),
                _ => {}
            }
            After::Stay
        }),
        Wake::Resend(ask) => with_ask(model, ask, |o, _| {
            if let Overlay::Card(c) = o {
                c.resend(fx);
            }
            After::Stay
        }),
    }
}

/// Forms take the revision that has arrived as their base.
fn with_forms(model: &mut Model) {
    with_overlay(
        model,
        |o| matches!(o, Overlay::Form(_)),
        |o, m| {
            if let Overlay::Form(f) = o {
                f.fill(m);
            }
            After::Stay
        },
    );
}

fn with_ask(model: &mut Model, ask: AskId, f: impl FnOnce(&mut Overlay, &mut Model) -> After) {
    let is = |o: &Overlay| match o {
        Overlay::Card(c) => c.ask == ask,
        Overlay::Form(f) => f.ask == ask,
        _ => false,
    };
    with_overlay(model, is, f);
}

/// Takes an overlay out, works on it with the rest of the model, and puts back what it became. Gone: nothing happens.
fn with_overlay(
    model: &mut Model,
    is: impl Fn(&Overlay) -> bool,
    f: impl FnOnce(&mut Overlay, &mut Model) -> After,
) {
    let Some(at) = model.overlays.iter().position(is) else { return };
    let mut overlay = model.overlays.remove(at);
    match f(&mut overlay, model) {
        After::Stay => model.overlays.insert(at, overlay),
        After::Close | After::Run(_) => {}
        After::Become(next) => {
            // What led here (a form, a card) has done its work.
            if matches!(next, Overlay::Operation(_)) {
                model.overlays.retain(|o| !matches!(o, Overlay::Form(_) | Overlay::Card(_)));
            }
            model.overlays.push(next);
        }
        After::Over(next) => {
            model.overlays.insert(at, overlay);
            model.overlays.push(next);
        }
    }
}

fn on_paste(model: &mut Model, s: &str, fx: &mut Vec<Effect>) {
    if let Some(line) = &mut model.home.filtering {
        line.insert(s);
        let words = line.as_str().to_owned();
        model.home.set_filter(&words);
    } else if model.overlays.last().is_some_and(Overlay::types) {
        with_top(model, fx, |o, m, fx| {
            o.paste(s, m, fx);
            After::Stay
        });
    }
}

/// Works on the topmost overlay.
fn with_top(
    model: &mut Model,
    fx: &mut Vec<Effect>,
    f: impl FnOnce(&mut Overlay, &mut Model, &mut Vec<Effect>) -> After,
) {
    let Some(mut overlay) = model.overlays.pop() else { return };
    match f(&mut overlay, model, fx) {
        After::Stay => model.overlays.push(overlay),
        After::Close => {}
        After::Become(next) => model.overlays.push(next),
        After::Over(next) => model.overlays.extend([overlay, next]),
        After::Run(command) => run(model, command, fx),
    }
}

fn on_key(model: &mut Model, e: &KeyEvent, fx: &mut Vec<Effect>) {
    model.hint = None;
    if model.home.filtering.is_some() && model.overlays.is_empty() && model.pages.is_empty() {
        filter_key(model, e);
        return;
    }
    if layout::Tier::of(model.size.0, model.size.1) == layout::Tier::TooSmall && is_text(e) {
        // Nothing can be read: only leaving makes sense.
        if e.code != KeyCode::Char('q') {
            return;
        }
    }
    let typing = model.overlays.last().is_some_and(Overlay::types);
    if typing && is_text(e) && give_to_field(model, e, fx) {
        return;
    }
    let key = Key::of(e);
    model.pending.push(key);
    match model.keymap.resolve(&model.contexts(), &model.pending) {
        Resolution::Command(c) => {
            model.pending.clear();
            // On a card or form, a letter that only the page below knows means nothing.
            let below = !model.overlays.is_empty() && c.spec().context == Context::Global && is_text(e);
            if below && !matches!(c, Command::Help | Command::Palette) {
                press_form(model, e, fx);
            } else {
                run(model, c, fx);
            }
        }
        Resolution::Pending(_) => {}
        Resolution::None => {
            let chord = model.pending.len() > 1;
            model.pending.clear();
            if !chord && !give_to_field(model, e, fx) {
                press_form(model, e, fx);
            }
        }
    }
}

/// Keys that a text field takes before any command does.
fn is_text(e: &KeyEvent) -> bool {
    let plain = !e.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
    plain
        && matches!(e.code, KeyCode::Char(_) | KeyCode::Left | KeyCode::Right | KeyCode::Home | KeyCode::End)
        || matches!(e.code, KeyCode::Backspace | KeyCode::Delete)
        || e.modifiers.contains(KeyModifiers::CONTROL)
            && matches!(e.code, KeyCode::Char('a' | 'k' | 'u' | 'w' | 'd'))
}

fn give_to_field(model: &mut Model, e: &KeyEvent, fx: &mut Vec<Effect>) -> bool {
    let mut used = false;
    if model.overlays.last().is_some_and(Overlay::types) {
        with_top(model, fx, |o, m, fx| {
            used = o.key(e, m, fx);
            After::Stay
        });
    }
    used
}

/// Fields of the form that are turned, not typed.
fn press_form(model: &mut Model, e: &KeyEvent, fx: &mut Vec<Effect>) {
    if matches!(model.overlays.last(), Some(Overlay::Form(_))) {
        with_top(model, fx, |o, m, fx| match o {
            Overlay::Form(f) => f.press(e, m, fx),
            _ => After::Stay,
        });
    }
}

fn filter_key(model: &mut Model, e: &KeyEvent) {
    let Some(line) = &mut model.home.filtering else { return };
    match e.code {
        KeyCode::Enter | KeyCode::Tab | KeyCode::Down => model.home.filtering = None,
        KeyCode::Esc => {
            model.home.filtering = None;
            model.home.set_filter("");
        }
        KeyCode::Char('c') if e.modifiers.contains(KeyModifiers::CONTROL) => model.home.filtering = None,
        _ => {
            line.key(e);
            let words = line.as_str().to_owned();
            model.home.set_filter(&words);
        }
    }
}

/// Runs a command where it belongs.
pub(super) fn run(model: &mut Model, c: Command, fx: &mut Vec<Effect>) {
    if let Err(why) = c.available(model) {
        model.toast(format!("{}: {why}", c.spec().title), Role::Warn);
        return;
    }
    match c.spec().context {
        Context::Card | Context::Operation | Context::Form | Context::Help | Context::Leave => {
            with_top(model, fx, |o, m, fx| o.command(c, m, fx));
        }
        Context::Global => global(model, c, fx),
        Context::List => list(model, c),
        Context::Operations => operations(model, c),
        Context::Home | Context::Savepoints | Context::Detail => home(model, c, fx),
    }
}

fn global(model: &mut Model, c: Command, fx: &mut Vec<Effect>) {
    match c {
        Command::Help | Command::Palette if !matches!(model.overlays.last(), Some(Overlay::Help(_))) => {
            let help = super::overlay::help::Help::open(model);
            model.overlays.push(Overlay::Help(help));
        }
        Command::Operations if model.pages.is_empty() => {
            model.pages.push(Page::Operations(super::pages::operations::Operations::default()));
            model.data.operations_load.ask();
            fx.push(Effect::LoadOperations);
        }
        Command::Back => back(model),
        Command::Quit => quit(model, fx),
        Command::Redraw => fx.push(Effect::Repaint),
        Command::Reload => fx.push(Effect::LoadSnapshot),
        Command::Sleep => fx.push(Effect::Sleep),
        _ => {}
    }
}

/// Popup, chord, filter, page, zoom, pane; never out.
fn back(model: &mut Model) {
    if model.overlays.pop().is_some() || model.pages.pop().is_some() {
        return;
    }
    if model.home.filter().is_some_and(|f| !f.is_empty()) {
        model.home.set_filter("");
    } else if model.home.zoom {
        model.home.zoom = false;
    } else {
        model.home.leave();
    }
}

fn quit(model: &mut Model, fx: &mut Vec<Effect>) {
    let asked = matches!(model.overlays.last(), Some(Overlay::Leave));
    if !asked && !model.still_running().is_empty() {
        model.overlays.push(Overlay::Leave);
    } else {
        fx.push(Effect::Quit);
    }
}

fn list(model: &mut Model, c: Command) {
    let page = model.page_rows();
    let to = match c {
        Command::Up => Move::By(-1),
        Command::Down => Move::By(1),
        Command::PageUp => Move::By(-page),
        Command::PageDown => Move::By(page),
        Command::First => Move::First,
        _ => Move::Last,
    };
    match model.pages.last_mut() {
        Some(Page::Operations(o)) => {
            o.list.go(to);
        }
        None => model.home.go(to),
    }
}

fn operations(model: &mut Model, c: Command) {
    let Some(Page::Operations(page)) = model.pages.last() else { return };
    match (c, page.list.selected()) {
        (Command::OpenOperation, Some(id)) => {
            let card = OperationCard::new(id.clone());
            model.overlays.push(Overlay::Operation(card));
        }
        (Command::Leave, _) => {
            model.pages.pop();
        }
        _ => {}
    }
}

fn home(model: &mut Model, c: Command, fx: &mut Vec<Effect>) {
    let home = &mut model.home;
    match c {
        Command::Applications => home.focus = Pane::Applications,
        Command::Deployments => home.focus = Pane::Deployments,
        Command::Savepoints => home.focus = Pane::Savepoints,
        Command::Detail => home.focus = Pane::Detail,
        Command::Events => home.focus = Pane::Events,
        Command::NextPane => home.focus = home.focus.step(1),
        Command::PreviousPane => home.focus = home.focus.step(-1),
        Command::NextTab | Command::Right => home.turn(1),
        Command::PreviousTab | Command::Left => home.turn(-1),
        Command::Zoom => home.zoom = !home.zoom,
        Command::Filter => home.filtering = Some(super::input::Line::new(home.filter().unwrap_or_default())),
        Command::Open => open(model),
        Command::Copy | Command::CopyPath => verbs::copy(model, c, fx),
        Command::Pin => verbs::pin(model, fx),
        _ => verbs::act(model, c, fx),
    }
}

/// Enter: the waiting operation's card, or one pane further in.
fn open(model: &mut Model) {
    let waiting = model.home.deployment().and_then(|d| {
        let op = model.data.waiting(d).or_else(|| model.data.active_operations().find(|o| o.deployment == d));
        op.map(|o| o.operation_id.clone())
    });
    match (waiting, model.home.focus) {
        (Some(id), Pane::Deployments | Pane::Detail) => {
            model.overlays.push(Overlay::Operation(OperationCard::new(id)));
        }
        (None, Pane::Savepoints) => {
            (model.home.focus, model.home.tab) = (Pane::Detail, Tab::Savepoints);
        }
        _ => model.home.enter(),
    }
}

impl Model {
    /// Rows of a page in what has the focus.
    fn page_rows(&self) -> isize {
        let rows = if self.pages.is_empty() {
            self.panes().rows(self.home.focus)
        } else {
            usize::from(self.size.1.saturating_sub(6))
        };
        isize::try_from(rows.saturating_sub(1).max(1)).unwrap_or(1)
    }

    /// Where the panes of Home are.
    #[must_use]
    pub fn panes(&self) -> layout::Panes {
        let area = Rect::new(0, 0, self.size.0, self.size.1);
        layout::home(layout::frame(area).body, self.home.focus, self.home.zoom)
    }
}

/// After every message: lists follow their data, selections stay in sight, what is looked at is asked for.
fn settle(model: &mut Model, fx: &mut Vec<Effect>) {
    model.home.sync(&model.data);
    let panes = model.panes();
    model.home.reveal(&panes);
    let page_rows = usize::from(model.size.1.saturating_sub(5));
    for page in &mut model.pages {
        let Page::Operations(o) = page;
        o.sync(&model.data);
        o.list.reveal(page_rows);
    }
    if matches!(model.data.link, Link::Live) {
        look(model, fx);
    }
}

/// What comes into sight again may have changed meanwhile: it stays in sight, and is asked for anew.
fn refresh(model: &mut Model, shown: Option<&String>) {
    let Some(name) = shown else { return };
    let old = |at: Option<Timestamp>| at.is_some_and(|t| model.now.seconds_since(t) >= FRESH_SECONDS);
    if let Some(load) = model.data.details.get_mut(name).filter(|l| old(l.at)) {
        load.at = None;
    }
    for tab in Tab::ALL {
        if let Some(load) = model.data.tabs.get_mut(&(name.clone(), *tab)).filter(|l| old(l.at)) {
            load.at = None;
        }
    }
}

/// Asks for what is looked at and not known.
fn look(model: &mut Model, fx: &mut Vec<Effect>) {
    let shown: Vec<String> = model.home.deployment().map(str::to_owned).into_iter().collect();
    if shown != model.interest {
        model.interest.clone_from(&shown);
        refresh(model, shown.first());
        fx.push(Effect::SetInterest(Interest { deployments: shown.clone() }));
    }
    if let Some(Subject::Deployment(name)) = model.home.subject().cloned() {
        let load = model.data.details.entry(name.clone()).or_default();
        if load.at.is_none() && !load.loading && load.problem.is_none() {
            load.ask();
            fx.push(Effect::LoadDetail(name.clone()));
        }
        let tab = model.home.tab;
        if matches!(tab, Tab::Events | Tab::Jobs | Tab::Config) {
            let load = model.data.tabs.entry((name.clone(), tab)).or_default();
            if load.at.is_none() && !load.loading && load.problem.is_none() {
                load.ask();
                fx.push(Effect::LoadTab(name, tab));
            }
        }
    }
    if let Some(Overlay::Operation(card)) = model.overlays.last()
        && !model.data.operations.contains_key(&card.id)
        && !fx.iter().any(|e| matches!(e, Effect::LoadOperation(_)))
    {
        fx.push(Effect::LoadOperation(card.id.clone()));
    }
}
