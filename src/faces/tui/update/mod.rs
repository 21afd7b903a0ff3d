//! The one place where the model changes.
//!
//! ```text
//!   key ─▶ text field? ─▶ chord ─▶ command ─▶ overlay | page | root
//!   data ─▶ Data ─▶ notices ─▶ toasts, reloads
//!   afterwards: lists follow their data, what is looked at is asked for
//! ```

mod act;
mod incoming;
mod keys;

pub(super) use self::keys::{is_letter, is_text};
use self::{
    incoming::{on_notices, on_reply, on_wake, on_watch},
    keys::{on_key, on_paste},
};
use super::{
    data::{Link, Question, Tab, Tabs},
    model::{Attend, Model},
    msg::{Effect, Msg},
    overlay::{
        Overlay,
        operation::OperationCard,
        sheet::{self, Sheet},
    },
    pages::{
        Page,
        home::{Group, Subject, waits},
    },
    view,
};
use crate::{
    contract::watch::Interest,
    domain::{operation::OpState, time::Timestamp},
};

/// Takes one message in; what is to be done comes out.
#[must_use]
pub fn update(model: &mut Model, msg: Msg) -> Vec<Effect> {
    let only_time = matches!(msg, Msg::Tick(_));
    let mut fx = take_in(model, msg);
    if !only_time {
        fx.extend(settle(model));
    }
    fx
}

/// The same for one of many messages, which [`settle`] is to follow once behind the last of them.
#[must_use]
pub fn take_in(model: &mut Model, msg: Msg) -> Vec<Effect> {
    let mut fx = Vec::new();
    match msg {
        Msg::Key(e) => on_key(model, &e, &mut fx),
        Msg::Paste(s) => on_paste(model, &s, &mut fx),
        Msg::Resize(w, h) => model.size = (w, h),
        Msg::Tick(now) => {
            model.now = now;
            model.toasts.retain(|t| t.until > now);
            if matches!(model.data.link, Link::Live) {
                ask(model, &mut fx);
            }
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
    fx
}

/// After every message, or after many at once: lists follow their data, selections stay in sight, what is looked at is asked for.
#[must_use]
pub fn settle(model: &mut Model) -> Vec<Effect> {
    let mut fx = Vec::new();
    model.home.sync(&model.data);
    let panes = model.panes();
    model.home.reveal(&panes);
    let page_rows = usize::from(model.size.1.saturating_sub(5));
    for page in &mut model.pages {
        let Page::Operations(o) = page;
        o.sync(&model.data);
        o.list.reveal(page_rows);
    }
    if model.home.scroll > 0 {
        model.home.scroll = model.home.scroll.min(view::overview_extent(model).last());
    }
    attend(model);
    if matches!(model.data.link, Link::Live) {
        look(model, &mut fx);
    }
    fx
}

/// Opens the waiting operation that was asked for, once it is known.
fn attend(model: &mut Model) {
    let data = &model.data;
    let (found, over) = match &model.attend {
        None => return,
        // Who has gone elsewhere meanwhile, or whom nobody waits for any more, gets no card.
        Some(Attend::Of(name)) => {
            (data.waiting(name), model.home.deployment() != Some(name) || !waits(data, name))
        }
        Some(Attend::Any) => {
            (data.active_operations().find(|o| o.state == OpState::NeedsAttention), !data.somebody_waits())
        }
    };
    let id = found.map(|o| o.operation_id.clone()).filter(|_| !over);
    if over || id.is_some() {
        model.attend = None;
    }
    model.overlays.extend(id.map(|id| Overlay::Operation(OperationCard::new(id))));
}

/// What comes into sight again may have changed meanwhile: it stays in sight, and is asked for anew.
fn refresh(model: &mut Model, shown: Option<&String>) {
    let Some(name) = shown else { return };
    let (data, now) = (&mut model.data, model.now);
    if let Some(load) = data.details.get_mut(name) {
        load.look_again(now);
    }
    if let Some(load) = data.histories.get_mut(name).filter(|l| l.at.is_none()) {
        load.look_again(now);
    }
    for question in data.tabs.get_mut(name).into_iter().flat_map(Tabs::questions) {
        question.look_again(now);
    }
}

/// Says what is looked at, and asks for what is not known of it.
fn look(model: &mut Model, fx: &mut Vec<Effect>) {
    let shown: Vec<String> = model.home.deployment().map(str::to_owned).into_iter().collect();
    if model.interest.as_ref() != Some(&shown) {
        if model.interest.replace(shown.clone()).is_some() {
            refresh(model, shown.first());
        }
        fx.push(Effect::SetInterest(Interest { deployments: shown }));
    }
    ask(model, fx);
    if let Some(Overlay::Operation(card)) = model.overlays.last()
        && !model.data.operations.contains_key(&card.id)
        && !fx.iter().any(|e| matches!(e, Effect::LoadOperation(_)))
    {
        fx.push(Effect::LoadOperation(card.id.clone()));
    }
}

/// Asks for what is in sight and not known, or old; what failed is asked for again after a while.
fn ask(model: &mut Model, fx: &mut Vec<Effect>) {
    let (data, now) = (&mut model.data, model.now);
    if let Some(Group::Application(app)) = model.home.groups.selected()
        && data.lacks_rows(app)
    {
        want(data.more_rows.entry(app.clone()).or_default(), now, fx, || Effect::LoadRows(app.clone()));
    }
    if let Some(Subject::Deployment(name)) = model.home.subject() {
        want(data.details.entry(name.clone()).or_default(), now, fx, || Effect::LoadDetail(name.clone()));
        want(data.histories.entry(name.clone()).or_default(), now, fx, || Effect::LoadHistory(name.clone()));
        let tab = model.home.tab;
        if let Some(question) = data.tabs.entry(name.clone()).or_default().question_mut(tab) {
            want(question, now, fx, || Effect::LoadTab(name.clone(), tab));
        }
    }
    if let Some(Overlay::Sheet(Sheet { subject: sheet::Subject::Savepoint(name, _), .. })) =
        model.overlays.last()
    {
        // Which jobs began with it.
        let load = &mut data.tabs.entry(name.clone()).or_default().jobs;
        want(load, now, fx, || Effect::LoadTab(name.clone(), Tab::Jobs));
    }
    if matches!(model.pages.last(), Some(Page::Operations(_))) || model.attend.is_some() {
        want(&mut data.operations_load, now, fx, || Effect::LoadOperations);
    }
}

fn want(question: &mut dyn Question, now: Timestamp, fx: &mut Vec<Effect>, effect: impl FnOnce() -> Effect) {
    if question.is_wanted(now) {
        question.ask();
        fx.push(effect());
    }
}
