//! How many colours a terminal has, and the nearest of them to the one that a theme names.

use ratatui::style::Color;

/// How many colours the terminal has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// 24 bit.
    True,
    /// The 256 of xterm.
    Indexed,
    /// The 16 of old.
    Ansi,
}

impl Depth {
    /// What `COLORTERM` and `TERM` promise.
    #[must_use]
    pub fn of(colorterm: Option<&str>, term: Option<&str>) -> Self {
        match (colorterm, term) {
            (Some("truecolor" | "24bit"), _) => Self::True,
            (_, Some(t)) if t.contains("256color") || t.contains("direct") => Self::Indexed,
            (Some(c), _) if !c.is_empty() => Self::Indexed,
            _ => Self::Ansi,
        }
    }
}

pub(super) fn reduce(c: Color, depth: Depth) -> Color {
    let Color::Rgb(r, g, b) = c else { return c };
    match depth {
        Depth::True => c,
        Depth::Indexed => Color::Indexed(indexed(r, g, b)),
        Depth::Ansi => ansi(r, g, b),
    }
}

fn distance(a: (u8, u8, u8), b: (u8, u8, u8)) -> u32 {
    let d = |x: u8, y: u8| u32::from(x.abs_diff(y)).pow(2);
    d(a.0, b.0) * 2 + d(a.1, b.1) * 4 + d(a.2, b.2) * 3
}

/// The nearest colour of xterm's cube or grey ramp.
fn indexed(r: u8, g: u8, b: u8) -> u8 {
    const STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    let nearest = |v: u8| (0..6u8).min_by_key(|i| STEPS[usize::from(*i)].abs_diff(v)).unwrap_or(0);
    let (ri, gi, bi) = (nearest(r), nearest(g), nearest(b));
    let cube = (STEPS[usize::from(ri)], STEPS[usize::from(gi)], STEPS[usize::from(bi)]);
    let mean = u8::try_from((u16::from(r) + u16::from(g) + u16::from(b)) / 3).unwrap_or(u8::MAX);
    let grey_index = (mean.saturating_sub(3) / 10).min(23);
    let grey = 8 + grey_index * 10;
    if distance((r, g, b), (grey, grey, grey)) < distance((r, g, b), cube) {
        232 + grey_index
    } else {
        16 + 36 * ri + 6 * gi + bi
    }
}

/// The nearest of the sixteen; dark colours become the terminal's own background.
fn ansi(r: u8, g: u8, b: u8) -> Color {
    const TABLE: [(Color, (u8, u8, u8)); 16] = [
        (Color::Black, (0, 0, 0)),
        (Color::Red, (170, 0, 0)),
        (Color::Green, (0, 170, 0)),
        (Color::Yellow, (170, 85, 0)),
        (Color::Blue, (0, 0, 170)),
        (Color::Magenta, (170, 0, 170)),
        (Color::Cyan, (0, 170, 170)),
        (Color::Gray, (170, 170, 170)),
        (Color::DarkGray, (85, 85, 85)),
        (Color::LightRed, (255, 85, 85)),
        (Color::LightGreen, (85, 255, 85)),
        (Color::LightYellow, (255, 255, 85)),
        (Color::LightBlue, (85, 85, 255)),
        (Color::LightMagenta, (255, 85, 255)),
        (Color::LightCyan, (85, 255, 255)),
        (Color::White, (255, 255, 255)),
    ];
    TABLE.into_iter().min_by_key(|(_, rgb)| distance((r, g, b), *rgb)).map_or(Color::Reset, |(c, _)| c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_come_down_to_what_the_terminal_has() {
        assert_eq!(reduce(Color::Rgb(255, 0, 0), Depth::Indexed), Color::Indexed(196));
        assert_eq!(reduce(Color::Rgb(90, 90, 92), Depth::Indexed), Color::Indexed(240));
        assert_eq!(reduce(Color::Rgb(250, 80, 90), Depth::Ansi), Color::LightRed);
        assert_eq!(Depth::of(Some("truecolor"), Some("xterm-256color")), Depth::True);
        assert_eq!(Depth::of(None, Some("tmux-256color")), Depth::Indexed);
        assert_eq!(Depth::of(None, Some("linux")), Depth::Ansi);
    }
}
