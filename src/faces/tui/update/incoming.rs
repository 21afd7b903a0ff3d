//! What comes in besides keys: changes, answers, wake-ups.

use crate::{
    contract::{
        problem::{Code, Problem},
        watch::WatchMessage,
    },
    domain::operation::OpState,
    faces::tui::{
        data::{Notice, Paused},
        model::Model,
        msg::{AskId, Effect, Reply, Wake},
        overlay::{After, Overlay, card, form::Form, operation::OperationCard},
        say,
        theme::Role,
    },
};

pub(super) fn on_watch(model: &mut Model, m: WatchMessage, fx: &mut Vec<Effect>) {
    let log = model.home.deployment().filter(|_| !model.home.log.follow).map(str::to_owned);
    let paused = Paused { tail: !model.home.tail.follow, log };
    if matches!(m, WatchMessage::Hello { .. }) {
        // A new stream knows nothing of what is looked at.
        model.interest = None;
        model.data.not_followed = None;
        return;
    }
    let notices = model.data.watch(m, model.now, &paused);
    on_notices(model, notices, fx);
}

pub(super) fn on_notices(model: &mut Model, notices: Vec<Notice>, fx: &mut Vec<Effect>) {
    for n in notices {
        match n {
            Notice::Reset => fx.push(Effect::LoadSnapshot),
            Notice::Back => model.toast("the manager answers again", Role::Ok),
            Notice::Changed(deployment) => {
                if let Some(tabs) = model.data.tabs.get_mut(&deployment) {
                    (tabs.jobs.old, tabs.revisions.old) = (true, true);
                }
            }
            Notice::Operation { id, deployment, state, kind } => {
                // Its failures are looked for anew.
                model.data.histories.remove(&deployment);
                let (glyph, mut words, role) = say::op_state(state);
                if state == OpState::RolledBack {
                    words = "failed and was undone: what ran before runs again";
                }
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

pub(super) fn on_reply(model: &mut Model, reply: Reply, fx: &mut Vec<Effect>) {
    let now = model.now;
    match reply {
        Reply::Detail(name, Ok(detail)) => {
            debug_assert_eq!(name, detail.deployment.deployment);
            model.data.put_detail(*detail, now);
        }
        Reply::Rows(app, result) => {
            let result = result.map(|rows| model.data.put_rows(rows));
            model.data.more_rows.entry(app).or_default().answer(result, now);
        }
        Reply::Interest(result) => on_interest(model, result, fx),
        Reply::Detail(name, Err(p)) => model.data.details.entry(name).or_default().answer(Err(p), now),
        Reply::Tab(name, tab, result) => {
            model.data.tabs.entry(name).or_default().answer(tab, result, now);
            with_lists(model);
        }
        Reply::Operations(result) => {
            let result = result.map(|ops| model.data.put_operations(ops));
            model.data.operations_load.answer(result, now);
        }
        Reply::History(name, result) => {
            let result = result.map(|ops| model.data.put_operations(ops));
            model.data.histories.entry(name).or_default().answer(result, now);
            with_lists(model);
        }
        Reply::Operation(_, Ok(op)) => {
            let notice = model.data.put_operation(*op);
            on_notices(model, notice.into_iter().collect(), fx);
        }
        Reply::Operation(_, Err(p)) => model.toast(p.detail, Role::Error),
        Reply::Artifacts(result) => {
            model.data.artifacts.answer(result, now);
            with_form(model, |f| f.pick_when_listed, Form::listed);
        }
        Reply::Patched(Ok(s)) => {
            let words = if s.pinned { "pinned: it is never deleted" } else { "not pinned any more" };
            model.toast(format!("savepoint {} {words}", say::short_id(&s.savepoint_id)), Role::Ok);
            fx.push(Effect::LoadDetail(s.deployment));
        }
        Reply::Patched(Err(p)) => model.toast(p.detail, Role::Error),
        Reply::Copied(words) => model.toast(words, Role::Muted),
        Reply::Plan(ask, question, result) => with_ask(model, ask, |o, m| {
            match o {
                Overlay::Card(c) => c.planned(question, result, m, fx),
                Overlay::Form(f) => f.planned(question, result, m),
                _ => {}
            }
            After::Stay
        }),
        Reply::Submitted(ask, result) => {
            if !has_ask(model, ask) {
                return card::answered(model, ask, result, fx);
            }
            with_ask(model, ask, |o, m| match o {
                Overlay::Card(c) => c.submitted(result, m, fx),
                _ => After::Stay,
            });
        }
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
        Reply::Uploading(ask, sent, total) => {
            with_form(model, |f| f.ask == ask, |f, _| f.uploading(sent, total));
        }
        Reply::Uploaded(ask, result) => {
            with_form(model, |f| f.ask == ask, |f, m| f.uploaded(result, m, fx));
        }
        Reply::Edited(ask, result) => {
            with_form(model, |f| f.ask == ask, |f, _| f.from_editor(result, fx));
        }
    }
}

/// Whether the manager follows what is looked at.
fn on_interest(model: &mut Model, result: Result<(), Box<Problem>>, fx: &mut Vec<Effect>) {
    let forgotten = |p: &Problem| p.code == Code::NotFound;
    match result {
        Ok(()) => (model.data.not_followed, model.asked_anew) = (None, false),
        // A manager that has restarted, or has dropped a slow stream, knows the stream no more: it is begun anew, once.
        Err(p) if forgotten(&p) && !model.asked_anew => {
            model.asked_anew = true;
            fx.push(Effect::LoadSnapshot);
        }
        // The header says already that nobody answers.
        Err(p) if p.code == Code::ManagerUnreachable => {}
        Err(p) => {
            let what = model.home.deployment().unwrap_or("what you look at");
            let words = if forgotten(&p) {
                format!("{what} is shown as last read: the manager does not keep it fresh")
            } else {
                format!("{what} is shown as last read, the manager does not keep it fresh: {}", p.detail)
            };
            model.toast(words, Role::Error);
            model.data.not_followed = Some(p);
        }
    }
}

pub(super) fn on_wake(model: &mut Model, wake: Wake, fx: &mut Vec<Effect>) {
    match wake {
        Wake::Settled(ask, question) => with_ask(model, ask, |o, _| {
            match o {
                Overlay::Card(c) => c.settled(question, fx),
                Overlay::Form(f) => f.settled(question, fx),
                _ => {}
            }
            After::Stay
        }),
        Wake::Resend(ask) => {
            card::ask_again(model, ask, fx);
            with_ask(model, ask, |o, _| {
                if let Overlay::Card(c) = o {
                    c.resend(fx);
                }
                After::Stay
            });
        }
        // The clock has moved on, which is all that a card looks at: the next frame offers the key.
        Wake::Read(_) => {}
    }
}

/// Forms take the revision that has arrived as their base; lists of cards may have grown.
fn with_lists(model: &mut Model) {
    let takes = |o: &Overlay| matches!(o, Overlay::Form(_) | Overlay::Card(_));
    for at in 0..model.overlays.len() {
        if !takes(&model.overlays[at]) {
            continue;
        }
        let mut overlay = model.overlays.remove(at);
        match &mut overlay {
            Overlay::Form(f) => f.fill(model),
            Overlay::Card(c) => c.refresh(model),
            _ => {}
        }
        model.overlays.insert(at, overlay);
    }
}

fn with_ask(model: &mut Model, ask: AskId, f: impl FnOnce(&mut Overlay, &mut Model) -> After) {
    with_overlay(model, |o| asks(o, ask), f);
}

/// It is the card or form that has asked.
fn asks(o: &Overlay, ask: AskId) -> bool {
    match o {
        Overlay::Card(c) => c.ask == ask,
        Overlay::Form(f) => f.ask == ask,
        _ => false,
    }
}

/// The card or form that has asked is still open.
fn has_ask(model: &Model, ask: AskId) -> bool {
    model.overlays.iter().any(|o| asks(o, ask))
}

/// Works on the form that is meant, where it is still open.
fn with_form(model: &mut Model, is: impl Fn(&Form) -> bool, work: impl FnOnce(&mut Form, &mut Model)) {
    let is_it = |o: &Overlay| matches!(o, Overlay::Form(f) if is(f));
    with_overlay(model, is_it, |o, m| {
        if let Overlay::Form(f) = o {
            work(f, m);
        }
        After::Stay
    });
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
