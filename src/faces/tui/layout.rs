//! Where things are: a pure function of the terminal's size, the focus and the zoom.
//!
//! ```text
//!  ≥ 160            100–159 (and narrower lists at 80–99)     < 80
//!  lists│detail│events    lists│detail                        one pane at a time,
//!                              │events                        with a breadcrumb
//! ```

use ratatui::layout::Rect;

use super::pages::home::Pane;

/// Smallest terminal that is drawn at all.
pub const MIN: (u16, u16) = (40, 10);

/// Width classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// Below 40×10: a line says so.
    TooSmall,
    /// Below 80: one pane at a time.
    Single,
    /// 80–99: narrow lists.
    Narrow,
    /// 100–159.
    Normal,
    /// 160 and more: three columns.
    Wide,
}

impl Tier {
    /// The class of a size.
    #[must_use]
    pub const fn of(width: u16, height: u16) -> Self {
        if width < MIN.0 || height < MIN.1 {
            return Self::TooSmall;
        }
        match width {
            0..80 => Self::Single,
            80..100 => Self::Narrow,
            100..160 => Self::Normal,
            _ => Self::Wide,
        }
    }
}

/// The rows of a screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// The first row.
    pub header: Rect,
    /// Everything between.
    pub body: Rect,
    /// The last row.
    pub footer: Rect,
}

/// Header, body, footer.
#[must_use]
pub const fn frame(area: Rect) -> Frame {
    let body = Rect { y: area.y + 1, height: area.height.saturating_sub(2), ..area };
    Frame {
        header: Rect { height: 1, ..area },
        body,
        footer: Rect { y: area.y + area.height.saturating_sub(1), height: 1, ..area },
    }
}

/// The panes of Home; neighbours in a column share a border row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Panes(Vec<(Pane, Rect)>);

impl Panes {
    /// Where a pane is, when it is shown.
    #[must_use]
    pub fn get(&self, pane: Pane) -> Option<Rect> {
        self.0.iter().find(|(p, _)| *p == pane).map(|(_, r)| *r)
    }
    /// Every pane that is shown.
    pub fn iter(&self) -> impl Iterator<Item = (Pane, Rect)> {
        self.0.iter().copied()
    }
    /// The lowest panes end above `bottom`, where something else is drawn; those above them stay where they are.
    #[must_use]
    pub fn above(mut self, bottom: u16) -> Self {
        for (_, r) in &mut self.0 {
            let over = r.bottom().saturating_sub(bottom);
            r.height -= over.min(r.height.saturating_sub(3));
        }
        self
    }
    /// Rows inside a pane's frame; 0 when it is not shown.
    #[must_use]
    pub fn rows(&self, pane: Pane) -> usize {
        self.get(pane).map_or(0, |r| usize::from(r.height.saturating_sub(2)))
    }
}

/// Splits a column into panes by weight; each pane but the last lends its bottom border to the next one's top.
fn column(area: Rect, panes: &[(Pane, u16)]) -> Vec<(Pane, Rect)> {
    let shared = u16::try_from(panes.len()).unwrap_or(1).saturating_sub(1);
    let total: u16 = panes.iter().map(|(_, w)| w).sum();
    let height = area.height + shared;
    let (mut y, mut left, mut out) = (area.y, height, Vec::with_capacity(panes.len()));
    for (i, (pane, weight)) in panes.iter().enumerate() {
        let last = i + 1 == panes.len();
        let h = if last {
            left
        } else {
            u16::try_from(u32::from(height) * u32::from(*weight) / u32::from(total.max(1)))
                .unwrap_or(left)
                .clamp(3.min(left), left)
        };
        out.push((*pane, Rect { y, height: h.min(area.bottom().saturating_sub(y)), ..area }));
        left = left.saturating_sub(h);
        y += h.saturating_sub(1);
    }
    out
}

/// The panes of Home.
#[must_use]
pub fn home(body: Rect, focus: Pane, zoom: bool) -> Panes {
    const LISTS: [(Pane, u16); 3] = [(Pane::Applications, 6), (Pane::Deployments, 8), (Pane::Savepoints, 7)];
    let tier = Tier::of(body.width, body.height.saturating_add(2));
    if zoom || matches!(tier, Tier::Single | Tier::TooSmall) {
        return Panes(vec![(focus, body)]);
    }
    let (left, right) = match tier {
        Tier::Wide => (46, body.width / 3),
        Tier::Normal => (body.width * 32 / 100, 0),
        _ => (29, 0),
    };
    let lists = Rect { width: left, ..body };
    let middle = Rect { x: body.x + left, width: body.width - left - right, ..body };
    let mut panes = column(lists, &LISTS);
    if right > 0 {
        panes.push((Pane::Detail, middle));
        panes.push((Pane::Events, Rect { x: middle.right(), width: right, ..body }));
    } else {
        panes.extend(column(middle, &[(Pane::Detail, 13), (Pane::Events, 8)]));
    }
    Panes(panes)
}

/// A card in the middle of the body, never larger than it.
#[must_use]
pub fn centred(body: Rect, width: u16, height: u16) -> Rect {
    let (w, h) = (width.min(body.width), height.min(body.height));
    Rect { x: body.x + (body.width - w) / 2, y: body.y + (body.height - h) / 2, width: w, height: h }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn tiers() {
        for ((w, h), tier) in [
            ((39, 30), Tier::TooSmall),
            ((200, 9), Tier::TooSmall),
            ((40, 10), Tier::Single),
            ((80, 24), Tier::Narrow),
            ((100, 24), Tier::Normal),
            ((160, 50), Tier::Wide),
        ] {
            assert_eq!(Tier::of(w, h), tier, "{w}x{h}");
        }
    }

    #[test]
    fn at_80_by_24_every_pane_has_rows() {
        let f = frame(Rect::new(0, 0, 80, 24));
        let panes = home(f.body, Pane::Deployments, false);
        for pane in Pane::ALL {
            assert!(panes.rows(*pane) >= 3, "{pane:?}: {panes:?}");
        }
    }

    proptest! {
        #[test]
        fn panes_stay_inside(w in 1u16..300, h in 1u16..100, zoom: bool, focus in 0usize..5) {
            let f = frame(Rect::new(0, 0, w, h));
            for (_, r) in home(f.body, Pane::ALL[focus], zoom).iter() {
                prop_assert!(r.right() <= w && r.bottom() <= h.max(1), "{r:?}");
            }
        }
    }
}
