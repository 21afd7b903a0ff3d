//! Drawing the page of operations.

use ratatui::layout::Rect;

use super::{empty, frame, home::rows};
use crate::{
    contract::model::Operation,
    domain::operation::OpState,
    faces::tui::{
        data::PAGE,
        model::Model,
        pages::operations::Operations,
        paint::{Canvas, Text, muted, plain, text},
        say,
        theme::Role,
    },
};

pub(super) fn draw(c: &mut Canvas<'_>, body: Rect, model: &Model, page: &Operations) {
    let active = model.data.active_operations().count();
    let known = page.list.len();
    // Active ones are always all there; of the others, the newest.
    let newest = if known >= PAGE { "the newest " } else { "" };
    let mut title = text("Operations", Role::Focus)
        .with(format!("  {active} active, {newest}{known} known"), Role::Muted);
    if let Some(stale) = empty::stale(model) {
        title = title.with("  ", Role::Text).then(stale);
    }
    if let Some(p) = model.data.operations_load.problem.as_ref().filter(|_| !page.list.is_empty()) {
        title = title.with(format!("  ! not read anew: {}", p.detail), Role::Warn);
    }
    let inner = frame(c, body, &title, Role::Focus);
    let head = Rect { height: 1, ..inner };
    let list = Rect { y: inner.y + 1, height: inner.height.saturating_sub(1), ..inner };
    let columns = plain(" State")
        .pad(26)
        .then(plain("Kind").pad(10))
        .then(plain("Deployment").pad(31))
        .then(plain("Begun").pad(15))
        .then(plain("By").pad(18))
        .then(plain("Result"));
    c.line(head, &columns.role(Role::Muted));
    let nothing = || {
        if model.data.operations_load.value.is_some() {
            vec![muted("No operation yet: every act on a deployment is listed here, with its steps")]
        } else {
            empty::loading(model, Some(&model.data.operations_load))
        }
    };
    rows(c, list, true, &page.list, nothing, |id, _| {
        model.data.operations.get(id).map_or_else(Text::empty, |o| row(model, o))
    });
}

fn row(model: &Model, o: &Operation) -> Text {
    let (glyph, words, role) = say::op_state(o.state);
    let now = model.manager_now();
    let mut state = text(format!("{glyph} {words}"), role);
    if o.state == OpState::Running {
        let at = o.at_work().map_or(o.steps.len(), |s| s.n as usize);
        let took = say::elapsed(o.started_at.unwrap_or(o.created_at), now);
        state += text(format!(" {at}/{} {took}", o.steps.len()), Role::Busy);
    }
    let mut t = state.pad(24).with(" ", Role::Text);
    t += plain(o.kind.as_str()).pad(9).with(" ", Role::Text);
    t += text(&o.deployment, Role::Accent).pad(30).with(" ", Role::Text);
    t += muted(model.zone.second(o.started_at.unwrap_or(o.created_at), now)).pad(15);
    t += muted(&o.actor).pad(17).with(" ", Role::Text);
    t.then(muted(o.outcome_text().unwrap_or_default()))
}
