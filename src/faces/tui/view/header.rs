//! The first row: where one is, how the fleet is, what is at work, as whom, and the time.

use ratatui::layout::Rect;

use crate::faces::tui::{
    data::Link,
    layout::Tier,
    model::Model,
    pages::{
        Page,
        home::{Group, Pane},
    },
    paint::{Canvas, Text, muted, plain, text},
    say,
    theme::Role,
};

/// A part at the right; the least important ones go first when there is no room.
#[derive(Clone)]
struct Part {
    importance: u8,
    long: Text,
    short: Text,
}

impl Part {
    fn new(importance: u8, long: Text, short: Text) -> Self {
        Self { importance, long, short }
    }
}

pub(super) fn draw(c: &mut Canvas<'_>, area: Rect, model: &Model) {
    let width = usize::from(area.width);
    let left = crumbs(model);
    let clock = text(format!("{} ", model.zone.clock(model.now)), Role::Text);
    let mut parts = parts(model);
    let least = match Tier::of(model.size.0, model.size.1) {
        Tier::Single => width / 2,
        Tier::Narrow => width * 3 / 10,
        _ => width / 3,
    };
    let wanted = left.width().min(least) + clock.width() + 1;
    let right = fit(&mut parts, width.saturating_sub(wanted)).then(clock);
    let room = width.saturating_sub(right.width() + 1);
    c.line(area, &left.fit(room));
    c.right(area, &right);
}

/// Takes words, then whole parts away until the rest fits.
fn fit(parts: &mut Vec<Part>, room: usize) -> Text {
    let join = |parts: &[Part], short_from: u8| {
        parts.iter().fold(Text::empty(), |mut t, p| {
            t += if p.importance < short_from { p.short.clone() } else { p.long.clone() };
            t += plain("  ");
            t
        })
    };
    for short_from in 0..=4 {
        let t = join(parts, short_from);
        if t.width() <= room {
            return t;
        }
    }
    // The counts keep their words before it is said that one may act, which is the rule.
    let words = |p: &Part| p.importance >= 2;
    let kept: Vec<Part> = parts.iter().filter(|p| words(p)).cloned().collect();
    let t = join(&kept, 4);
    if t.width() <= room {
        return t;
    }
    for short_from in 5..=6 {
        let t = join(parts, short_from);
        if t.width() <= room {
            return t;
        }
    }
    while let Some(least) = parts.iter().enumerate().min_by_key(|(_, p)| p.importance).map(|(i, _)| i) {
        parts.remove(least);
        let t = join(parts, 6);
        if t.width() <= room {
            return t;
        }
    }
    Text::empty()
}

/// Where one is: what may be cut, and behind it what is told apart by it and stays whole.
struct Crumbs {
    of: Text,
    here: Text,
}

impl Crumbs {
    fn width(&self) -> usize {
        self.of.width() + self.here.width()
    }

    fn fit(self, cells: usize) -> Text {
        let left = cells.saturating_sub(self.here.width());
        // Of a few letters nobody reads a name.
        let of = if left < 4 && self.of.width() > left { Text::empty() } else { self.of.fit(left) };
        of.then(self.here).fit(cells)
    }
}

fn crumbs(model: &Model) -> Crumbs {
    let mut t = text(" nutkin", Role::Accent);
    if let Some(Page::Operations(_)) = model.pages.last() {
        return Crumbs { of: t.with("  Operations", Role::Focus), here: Text::empty() };
    }
    if Tier::of(model.size.0, model.size.1) == Tier::Single {
        return Crumbs { of: single_crumbs(model), here: Text::empty() };
    }
    let gap = |t: &Text| if t.is_empty() { " " } else { "  " };
    // Where one is matters more than what one looks through.
    if Tier::of(model.size.0, model.size.1) == Tier::Narrow && model.home.groups.selected().is_some() {
        t = Text::empty();
    }
    match model.home.groups.selected() {
        Some(Group::Application(app)) => t += text(format!("{}{app}", gap(&t)), Role::Text),
        Some(Group::Unmanaged(target)) => t += text(format!("{}unmanaged on {target}", gap(&t)), Role::Text),
        None => {}
    }
    let name = model.home.deployment().and_then(|d| d.split_once('/'));
    let here = name.map(|(_, name)| text(" ▸ ", Role::Muted).with(name, Role::Accent));
    Crumbs { of: t, here: here.unwrap_or_default() }
}

/// Where one is when only one pane is shown: what it belongs to, and the pane.
fn single_crumbs(model: &Model) -> Text {
    let home = &model.home;
    let pane = text(home.focus.title(), Role::Focus);
    let of = match home.focus {
        Pane::Applications => " nutkin".to_owned(),
        Pane::Savepoints | Pane::Detail => {
            format!(" {}", home.deployment().and_then(|d| d.split_once('/')).map_or("nutkin", |(_, n)| n))
        }
        Pane::Deployments | Pane::Events => match home.groups.selected() {
            Some(Group::Application(app)) => format!(" {app}"),
            Some(Group::Unmanaged(target)) => format!(" unmanaged on {target}"),
            None => " nutkin".to_owned(),
        },
    };
    text(of, Role::Accent).fit(20).with(" ▸ ", Role::Muted).then(pane)
}

fn parts(model: &Model) -> Vec<Part> {
    let d = &model.data;
    let mut out = Vec::new();
    match &d.link {
        Link::Connecting => out.push(Part::new(6, text("◌ connecting", Role::Busy), text("◌", Role::Busy))),
        Link::Lost { since, retry_at, .. } => {
            let age = say::age(model.now.seconds_since(*since));
            let retry = retry_at.seconds_since(model.now);
            let words = if retry == 0 { "trying now".to_owned() } else { format!("retry in {retry}s") };
            out.push(Part::new(
                6,
                text(format!("✗ manager lost {age}, {words}"), Role::Error),
                text(format!("✗ lost {age}"), Role::Error),
            ));
        }
        Link::Live => {}
    }
    if d.loaded {
        totals(model, &mut out);
    }
    if let Some(t) = model.home.target(d) {
        let colour = d.targets.get(t).and_then(|t| t.colour.as_deref()).and_then(|w| w.parse().ok());
        let name = text(t, colour.unwrap_or(Role::Muted));
        out.push(Part::new(3, muted("on ").then(name.clone()), name));
    }
    if d.loaded {
        out.push(match d.read_only {
            true => Part::new(5, text("read-only", Role::Warn), text("ro", Role::Warn)),
            false => Part::new(1, muted("rw"), muted("rw")),
        });
        out.push(Part::new(2, muted(&d.actor), muted(d.actor.split('@').next().unwrap_or_default())));
    }
    out
}

fn totals(model: &Model, out: &mut Vec<Part>) {
    let t = &model.data.totals;
    if t.needs_attention > 0 {
        out.push(Part::new(
            6,
            text(format!(" ▲ {} NEEDS YOU ", t.needs_attention), Role::Badge),
            text(format!(" ▲ {} ", t.needs_attention), Role::Badge),
        ));
    }
    // The manager counts with the failing ones those of which nothing is known: a cluster that does not answer says
    // nothing about its jobs.
    let unknown = t.failing.min(model.data.unknown());
    let counts = [
        ("●", t.running, "running", Role::Ok),
        ("◐", t.transitioning, "moving", Role::Busy),
        ("✗", t.failing - unknown, "failing", Role::Error),
        ("?", unknown, "unknown", Role::Unknown),
    ];
    let (mut long, mut short) = (Text::empty(), Text::empty());
    for (glyph, n, word, role) in counts.into_iter().filter(|(g, n, ..)| *g != "?" || *n > 0) {
        let role = if n == 0 { Role::Muted } else { role };
        let gap = |t: &Text| if t.is_empty() { "" } else { "  " };
        // Where there is little room, nobody needs to read how many are not failing.
        if n > 0 || model.size.0 >= 100 {
            long += text(format!("{}{glyph} {n} {word}", gap(&long)), role);
        }
        short += text(format!("{}{glyph} {n}", gap(&short)), role);
    }
    out.push(Part::new(4, long, short));
    if t.operations > 0 {
        out.push(Part::new(
            4,
            text(format!("▸ {} at work", t.operations), Role::Busy),
            text(format!("▸ {}", t.operations), Role::Busy),
        ));
    }
}
