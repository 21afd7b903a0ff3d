//! Commands: each runs where it belongs, in the topmost overlay, on the page, or everywhere.

use ratatui::layout::Rect;

use crate::faces::tui::{
    command::{Command, Context},
    data::{Question as _, Tab},
    history, layout,
    list::Move,
    model::{Attend, Model},
    msg::Effect,
    overlay::{
        After, Overlay,
        operation::OperationCard,
        sheet::{self, Sheet},
    },
    pages::{
        Page,
        home::{Group, Pane, Subject, waits},
    },
    theme::Role,
    verbs, view,
};

/// Works on the topmost overlay.
pub(super) fn with_top(
    model: &mut Model,
    fx: &mut Vec<Effect>,
    f: impl FnOnce(&mut Overlay, &mut Model, &mut Vec<Effect>) -> After,
) {
    let Some(mut overlay) = model.overlays.pop() else { return };
    match f(&mut overlay, model, fx) {
        After::Stay => model.overlays.push(overlay),
        After::Close => overlay.leave(model),
        After::Become(next) => model.overlays.push(next),
        After::Over(next) => model.overlays.extend([overlay, next]),
        After::Run(command) => run(model, command, fx),
    }
}

/// Runs a command where it belongs.
pub(in crate::faces::tui) fn run(model: &mut Model, c: Command, fx: &mut Vec<Effect>) {
    if let Err(why) = c.available(model) {
        model.toast(format!("{}: {why}", c.spec().title), Role::Warn);
        return;
    }
    match c.spec().context {
        Context::Form if matches!(c, Command::FormPageUp | Command::FormPageDown) => scroll(model, c, fx),
        Context::Card
        | Context::Operation
        | Context::Form
        | Context::Picker
        | Context::Sheet
        | Context::Help
        | Context::Leave => {
            with_top(model, fx, |o, m, fx| o.command(c, m, fx));
        }
        Context::Global => global(model, c, fx),
        Context::List if !model.overlays.is_empty() => scroll(model, c, fx),
        Context::List => list(model, c),
        Context::Filter => filter(model, c),
        Context::Operations => operations(model, c),
        Context::Home | Context::Savepoints | Context::Events | Context::Detail => home(model, c, fx),
    }
}

fn global(model: &mut Model, c: Command, fx: &mut Vec<Effect>) {
    match c {
        Command::Help | Command::Palette if !matches!(model.overlays.last(), Some(Overlay::Help(_))) => {
            let help = crate::faces::tui::overlay::help::Help::open(model);
            model.overlays.push(Overlay::Help(help));
        }
        Command::Operations if model.pages.is_empty() => {
            model.pages.push(Page::Operations(crate::faces::tui::pages::operations::Operations::default()));
            model.data.operations_load.ask();
            fx.push(Effect::LoadOperations);
        }
        Command::Attention => attend(model),
        Command::Back => back(model),
        Command::Quit => quit(model, fx),
        Command::Redraw => fx.push(Effect::Repaint),
        Command::Reload => fx.push(Effect::LoadSnapshot),
        Command::Sleep => fx.push(Effect::Sleep),
        _ => {}
    }
}

/// To the deployment that waits for a person, and its operation's card as soon as it is known.
fn attend(model: &mut Model) {
    let Some(name) = next_waiting(model) else {
        model.attend = Some(Attend::Any);
        model.data.operations_load.forget();
        return;
    };
    model.pages.clear();
    if model.home.deployment() != Some(&name) {
        select(model, &name);
    }
    if model.data.waiting(&name).is_none() {
        model.data.operations_load.forget();
    }
    model.attend = Some(Attend::Of(name));
}

/// The selected deployment where it waits, as the banner above it promises; else the next one that does, in the order of
/// the rows, and from their beginning again.
fn next_waiting(model: &Model) -> Option<String> {
    let rows = &model.data.rows;
    let here = model.home.deployment().and_then(|d| rows.get_index_of(d)).unwrap_or(0);
    let mut names = rows.keys().cycle().skip(here).take(rows.len());
    names.find(|name| waits(&model.data, name)).cloned()
}

/// Selects a deployment, whatever filters hide.
fn select(model: &mut Model, name: &str) {
    let Some((app, _)) = name.split_once('/') else { return };
    model.home.groups.set_filter("");
    model.home.subjects.set_filter("");
    model.home.sync(&model.data);
    model.home.groups.select(&Group::Application(app.to_owned()));
    model.home.sync(&model.data);
    model.home.subjects.select(&Subject::Deployment(name.to_owned()));
    model.home.focus = Pane::Deployments;
}

/// Popup, chord, filter, page, zoom, pane; never out.
fn back(model: &mut Model) {
    if let Some(overlay) = model.overlays.pop() {
        return overlay.leave(model);
    }
    if model.pages.pop().is_some() {
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
    let goes_on = !model.still_running().is_empty() || !model.without_answer().is_empty();
    if !asked && goes_on {
        model.overlays.push(Overlay::Leave);
    } else {
        fx.push(Effect::Quit);
    }
}

fn moved(c: Command, page: usize) -> Move {
    let page = isize::try_from(page.max(1)).unwrap_or(1);
    match c {
        Command::Up => Move::By(-1),
        Command::Down => Move::By(1),
        Command::PageUp | Command::FormPageUp => Move::By(-page),
        Command::PageDown | Command::FormPageDown => Move::By(page),
        Command::First => Move::First,
        _ => Move::Last,
    }
}

/// In what lies on top: its list, or its text.
fn scroll(model: &mut Model, c: Command, fx: &mut Vec<Effect>) {
    let extent = view::extent(model);
    let to = moved(c, extent.rows.saturating_sub(1));
    with_top(model, fx, |o, m, _| {
        o.go(to, extent.line(to), m);
        After::Stay
    });
}

fn list(model: &mut Model, c: Command) {
    let to = moved(c, model.page_rows());
    match model.pages.last_mut() {
        Some(Page::Operations(o)) => {
            o.list.go(to);
        }
        None => model.home.go(to),
    }
}

fn filter(model: &mut Model, c: Command) {
    model.home.filtering = None;
    if c == Command::FilterClear {
        model.home.set_filter("");
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
        Command::Filter => {
            home.filtering = Some(crate::faces::tui::input::Line::new(home.filter().unwrap_or_default()));
        }
        Command::Debug => home.debug = !home.debug,
        Command::Open => open(model),
        Command::OpenSavepoint | Command::OpenEvent => open_sheet(model),
        Command::Copy | Command::CopyPath | Command::CopyEvent => verbs::copy(model, c, fx),
        Command::Pin => verbs::pin(model, fx),
        _ => verbs::act(model, c, fx),
    }
}

/// Enter: the card of the operation at work, of the last one that failed, of the row; or one pane further in.
fn open(model: &mut Model) {
    let deployment = model.home.deployment().map(str::to_owned);
    let at_work = deployment.as_ref().and_then(|d| {
        let op =
            model.data.waiting(d).or_else(|| model.data.active_operations().find(|o| o.deployment == *d));
        op.map(|o| o.operation_id.clone())
    });
    let failed =
        || history::last_failure(&model.data, deployment.as_deref()?).map(|o| o.operation_id.clone());
    let card = |id: String| Overlay::Operation(OperationCard::new(id));
    match (at_work, model.home.focus, model.home.tab) {
        (_, Pane::Detail, Tab::Jobs | Tab::Config) => open_sheet(model),
        (Some(id), Pane::Deployments | Pane::Detail, _) => model.overlays.push(card(id)),
        (None, Pane::Detail, Tab::Overview) => {
            if let Some(id) = failed() {
                model.overlays.push(card(id));
            }
        }
        _ => model.home.enter(),
    }
}

/// The selected row in full.
fn open_sheet(model: &mut Model) {
    let home = &model.home;
    let deployment = home.deployment().map(str::to_owned);
    let subject = if home.on_events() {
        home.event(&model.data).cloned().map(|e| sheet::Subject::Event(Box::new(e)))
    } else if home.on_savepoints() {
        deployment.zip(home.savepoints.selected().cloned()).map(|(d, id)| sheet::Subject::Savepoint(d, id))
    } else if home.tab == Tab::Jobs {
        deployment.zip(home.jobs.selected().cloned()).map(|(d, id)| sheet::Subject::Job(d, id))
    } else {
        let value = deployment.zip(home.config.selected()).and_then(|(d, path)| model.data.value(&d, path));
        value.map(sheet::Subject::Value)
    };
    match subject {
        Some(s) => model.overlays.push(Overlay::Sheet(Sheet::new(s))),
        None => model.toast("nothing is selected", Role::Warn),
    }
}

impl Model {
    /// Rows of a page in what has the focus.
    fn page_rows(&self) -> usize {
        let rows = if self.pages.is_empty() {
            self.panes().rows(self.home.focus)
        } else {
            usize::from(self.size.1.saturating_sub(6))
        };
        rows.saturating_sub(1)
    }

    /// Where the panes of Home are.
    #[must_use]
    pub fn panes(&self) -> layout::Panes {
        let area = Rect::new(0, 0, self.size.0, self.size.1);
        layout::home(layout::frame(area).body, self.home.focus, self.home.zoom).above(self.body().bottom())
    }
}
