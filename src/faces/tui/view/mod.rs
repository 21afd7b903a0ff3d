//! Drawing: `view(&Model, area, &mut Buffer)`. Nothing here changes anything or asks anybody.

pub mod card;
mod config;
mod empty;
mod footer;
mod form;
mod header;
mod help;
mod home;
mod operation;
mod operations;
mod overview;
mod picker;
mod sheet;
mod snapshots;
mod tabs;
mod toasts;

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use super::{
    command::Command,
    data::Link,
    layout::{self, MIN, Tier},
    list::Move,
    model::Model,
    overlay::Overlay,
    pages::Page,
    paint::{Canvas, Text, frame, muted, plain, text},
    theme::Role,
};

/// How much of a text is in sight, and from where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Extent {
    /// Lines in sight.
    pub rows: usize,
    /// Lines in all.
    pub total: usize,
    /// The first line in sight.
    pub at: usize,
}

impl Extent {
    /// A text of `total` lines in `rows`, scrolled by `at` as far as that is possible.
    #[must_use]
    pub fn new(rows: usize, total: usize, at: usize) -> Self {
        Self { rows, total, at: at.min(total.saturating_sub(rows)) }
    }
    /// The largest first line.
    #[must_use]
    pub const fn last(self) -> usize {
        self.total.saturating_sub(self.rows)
    }
    /// Not everything is in sight.
    #[must_use]
    pub const fn is_long(self) -> bool {
        self.total > self.rows
    }
    /// The first line after a move.
    #[must_use]
    pub fn line(self, to: Move) -> usize {
        match to {
            Move::By(n) => self.at.saturating_add_signed(n).min(self.last()),
            Move::First => 0,
            Move::Last => self.last(),
        }
    }
}

/// How much of what lies on top is in sight.
#[must_use]
pub fn extent(model: &Model) -> Extent {
    let body = model.body();
    match model.overlays.last() {
        Some(Overlay::Card(card)) => match &card.picker {
            Some(p) => Extent::new(picker::rows(body, p.list.len()), p.list.len(), 0),
            None => card::plan(body, model, card).extent,
        },
        Some(Overlay::Operation(o)) => operation::extent(body, model, o),
        Some(Overlay::Sheet(s)) => sheet::plan(body, model, s).extent,
        Some(Overlay::Help(h)) => Extent::new(usize::from(body.height.saturating_sub(6)), h.list.len(), 0),
        Some(Overlay::Form(f)) => match &f.picker {
            Some(p) => Extent::new(picker::rows(body, p.len()), p.len(), 0),
            None => form::extent(body, model, f),
        },
        Some(Overlay::Leave) | None => Extent::default(),
    }
}

/// How much of the Overview is in sight.
#[must_use]
pub fn overview_extent(model: &Model) -> Extent {
    overview::extent(model)
}

impl Model {
    /// Where pages and cards are drawn: between the header and the short messages above the footer.
    #[must_use]
    pub fn body(&self) -> Rect {
        let body = layout::frame(Rect::new(0, 0, self.size.0, self.size.1)).body;
        Rect { height: body.height - toasts::rows(self, body), ..body }
    }
}

/// Draws the whole screen. The answer is where the cursor stands, when something is typed into.
pub fn view(model: &Model, area: Rect, buf: &mut Buffer) -> Option<Position> {
    let mut c = Canvas::new(buf, &model.theme);
    if Tier::of(area.width, area.height) == Tier::TooSmall {
        too_small(&mut c, area, model);
        return None;
    }
    let f = layout::frame(area);
    let body = model.body();
    header::draw(&mut c, f.header, model);
    let mut cursor = match model.pages.last() {
        None => home::draw(&mut c, model),
        Some(Page::Operations(o)) => {
            operations::draw(&mut c, body, model, o);
            None
        }
    };
    for (i, overlay) in model.overlays.iter().enumerate() {
        // What lies under a full card is not looked at; only the topmost has a cursor.
        let at = draw_overlay(&mut c, body, model, overlay);
        cursor = at.filter(|_| i + 1 == model.overlays.len());
    }
    footer::draw(&mut c, f.footer, model);
    let below = Rect { y: body.bottom(), height: f.body.bottom() - body.bottom(), ..body };
    toasts::draw(&mut c, below, model);
    cursor
}

fn draw_overlay(c: &mut Canvas<'_>, body: Rect, model: &Model, overlay: &Overlay) -> Option<Position> {
    match overlay {
        Overlay::Card(card) => card::draw(c, body, model, card),
        Overlay::Operation(o) => operation::draw(c, body, model, o),
        Overlay::Form(form) => form::draw(c, body, model, form),
        Overlay::Sheet(s) => {
            sheet::draw(c, body, model, s);
            None
        }
        Overlay::Help(h) => help::draw(c, body, model, h),
        Overlay::Leave => {
            leave(c, body, model);
            None
        }
    }
}

fn too_small(c: &mut Canvas<'_>, area: Rect, model: &Model) {
    let quit = model.keymap.key_of(Command::Quit).map(|k| format!("; {k} quits, other keys do nothing"));
    let (quit, (w, h)) = (quit.unwrap_or_default(), (area.width, area.height));
    let words = format!("{w}×{h} is too small; nutkin needs {}×{}{quit}", MIN.0, MIN.1);
    for (row, line) in area.rows().zip(plain(words).wrap(usize::from(area.width.max(8)), 0)) {
        c.line(row, &line);
    }
}

/// The inside of a frame in the middle of the body, with a blank column at each side.
fn inside(body: Rect, size: (u16, u16)) -> Rect {
    let r = layout::centred(body, size.0, size.1);
    Rect {
        x: r.x + 2.min(r.width),
        y: r.y + 1.min(r.height),
        width: r.width.saturating_sub(4),
        height: r.height.saturating_sub(2),
    }
}

/// A cleared, framed area in the middle of the body.
fn boxed(c: &mut Canvas<'_>, body: Rect, size: (u16, u16), title: &Text, role: Role) -> Rect {
    let area = layout::centred(body, size.0, size.1);
    c.clear(area);
    frame(c, area, title, role)
}

/// What was confirmed and may not have happened: leaving ends the question.
fn without_answer(model: &Model) -> Vec<Text> {
    let acts = model.without_answer();
    if acts.is_empty() {
        return vec![];
    }
    let mut lines =
        vec![plain("No answer yet: this may not have happened. Leaving stops asking."), Text::empty()];
    lines.extend(acts.iter().map(|a| text("  ? ", Role::Warn).with(a, Role::Text)));
    if !model.still_running().is_empty() {
        lines.push(Text::empty());
    }
    lines
}

/// What goes on without the console.
fn goes_on(model: &Model) -> Vec<Text> {
    let running = model.still_running();
    if running.is_empty() {
        return vec![];
    }
    let goes_on = match model.data.link {
        Link::Live => "Quitting stops nothing. This goes on in the manager:",
        _ => "The manager is not there. This goes on when one is started again:",
    };
    let mut lines = vec![plain(goes_on), Text::empty()];
    let mark = |waits| if waits { text("  ▲ ", Role::Warn) } else { text("  ◐ ", Role::Busy) };
    lines.extend(running.iter().take(6).map(|g| mark(g.waits).with(&g.words, Role::Text)));
    if running.len() > 6 {
        lines.push(muted(format!("  and {} more", running.len() - 6)));
    }
    lines
}

fn leave(c: &mut Canvas<'_>, body: Rect, model: &Model) {
    let mut lines = without_answer(model);
    lines.extend(goes_on(model));
    let key = |c| model.keymap.key_of(c).unwrap_or_default();
    let answers = text(format!("  {}", key(Command::LeaveNow)), Role::Key)
        .with(" quit    ", Role::Text)
        .with(key(Command::Stay), Role::Key)
        .with(" stay", Role::Text);
    lines.extend([Text::empty(), answers]);
    let width = lines.iter().map(Text::width).max().unwrap_or(0);
    let size = (
        u16::try_from(width).unwrap_or(u16::MAX).saturating_add(4),
        u16::try_from(lines.len()).unwrap_or(9) + 2,
    );
    let inner = boxed(c, body, size, &text("Quit", Role::Accent), Role::Focus);
    c.lines(Rect { x: inner.x + 1, width: inner.width.saturating_sub(1), ..inner }, &lines);
}
