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
    let shown: Vec<&Operation> = page
        .list
        .window(usize::from(list.height))
        .filter_map(|(id, _)| model.data.operations.get(id))
        .collect();
    let columns = Columns::of(model, &shown, usize::from(list.width.saturating_sub(2)));
    c.line(head, &plain(" ").then(columns.titles()).role(Role::Muted));
    // What found no room in its row is said below.
    let foot = if columns.are_all() || list.height < 8 { 0 } else { FOOT };
    let below = Rect { y: list.bottom() - foot, height: foot, ..list };
    let list = Rect { height: list.height - foot, ..list };
    let nothing = || {
        if model.data.operations_load.value.is_some() {
            vec![muted("No operation yet: every act on a deployment is listed here, with its steps")]
        } else {
            empty::loading(model, Some(&model.data.operations_load))
        }
    };
    rows(c, list, true, &page.list, nothing, |id, _| {
        model.data.operations.get(id).map_or_else(Text::empty, |o| columns.row(model, o))
    });
    if let Some(o) = page.list.selected().and_then(|id| model.data.operations.get(id)) {
        let below = Rect { x: below.x + 1, width: below.width.saturating_sub(2), ..below };
        let (cells, room) = (usize::from(below.width), usize::from(below.height));
        let mut lines = in_full(model, o).wrap(cells, 0);
        let cut = lines.len() > room;
        lines.truncate(room);
        if let Some(last) = lines.last_mut().filter(|_| cut) {
            *last = last.clone().with("…", Role::Text).fit(cells);
        }
        c.lines(below, &lines);
    }
}

/// Lines below the list for what is selected in it.
const FOOT: u16 = 3;

/// Who asked for an operation, when, and what came of it.
fn in_full(model: &Model, o: &Operation) -> Text {
    let [.., begun, by] = cells(model, o);
    muted("by ")
        .then(by)
        .with(" at ", Role::Muted)
        .then(begun)
        .with("  ", Role::Text)
        .then(plain(o.outcome_text().unwrap_or_default()))
}

/// Cells that what came of an operation should have; before it has them, other columns go.
const RESULT: usize = 26;

/// Titles of the columns before the result, in order.
const TITLES: [&str; 5] = ["State", "Kind", "Deployment", "Begun", "By"];

/// Cells that each of them has at most.
const MOST: [usize; 5] = [26, 10, 40, 15, 18];

/// How wide each column is, by what is in sight; 0 = it is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Columns([usize; 5]);

impl Columns {
    /// As wide as their words, with a blank behind. Why something failed matters more than who asked for it, and than when.
    fn of(model: &Model, shown: &[&Operation], room: usize) -> Self {
        let mut widths = TITLES.map(|t| t.len() + 1);
        for o in shown {
            for (w, cell) in widths.iter_mut().zip(cells(model, o)) {
                *w = (*w).max(cell.width() + 1);
            }
        }
        for (w, most) in widths.iter_mut().zip(MOST) {
            *w = (*w).min(most);
        }
        let left = |w: &[usize; 5]| room.saturating_sub(w.iter().sum());
        for dropped in [4, 3] {
            if left(&widths) < RESULT {
                widths[dropped] = 0;
            }
        }
        let missing = RESULT.saturating_sub(left(&widths));
        widths[2] = widths[2].saturating_sub(missing).max(widths[2].min(22));
        Self(widths)
    }

    /// None was left out.
    fn are_all(self) -> bool {
        self.0.iter().all(|w| *w > 0)
    }

    fn titles(self) -> Text {
        self.line(TITLES.map(plain)).then(plain("Result"))
    }

    fn row(self, model: &Model, o: &Operation) -> Text {
        let mut cells = cells(model, o);
        cells[2] = deployment(&o.deployment, self.0[2].saturating_sub(1));
        self.line(cells).then(muted(o.outcome_text().unwrap_or_default()))
    }

    fn line(self, cells: [Text; 5]) -> Text {
        let with = self.0.into_iter().zip(cells).filter(|(w, _)| *w > 0);
        with.fold(Text::empty(), |t, (w, cell)| t.then(cell.pad(w - 1)).with(" ", Role::Text))
    }
}

/// What stands in a row before the result.
fn cells(model: &Model, o: &Operation) -> [Text; 5] {
    let begun = model.zone.second(o.started_at.unwrap_or(o.created_at), model.manager_now());
    [
        state(model, o),
        plain(o.kind.as_str()),
        text(&o.deployment, Role::Accent),
        muted(begun),
        muted(&o.actor),
    ]
}

/// A deployment in few cells: of its application's name only the beginning, and its own name whole.
fn deployment(full: &str, cells: usize) -> Text {
    let (app, name) = full.split_once('/').unwrap_or(("", full));
    let name = text(if app.is_empty() { name.to_owned() } else { format!("/{name}") }, Role::Accent);
    text(app, Role::Accent).fit(cells.saturating_sub(name.width())).then(name).fit(cells)
}

fn state(model: &Model, o: &Operation) -> Text {
    let (glyph, words, role) = say::op_state(o.state);
    let state = text(format!("{glyph} {words}"), role);
    if o.state != OpState::Running {
        return state;
    }
    let at = o.at_work().map_or(o.steps.len(), |s| s.n as usize);
    let took = say::elapsed(o.started_at.unwrap_or(o.created_at), model.manager_now());
    state.with(format!(" {at}/{} {took}", o.steps.len()), Role::Busy)
}
