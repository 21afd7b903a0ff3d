//! The screen writer against a terminal emulator: after any sequence of frames the terminal shows the last one.

use std::num::NonZeroU16;

use nutkin::faces::tui::{data::Link, msg::Msg, screen::Screen};
use proptest::prelude::*;
use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
    style::{Color, Modifier, Style},
};

use super::{support::Console, world};

fn parser(w: u16, h: u16) -> vt100::Parser {
    vt100::Parser::new(NonZeroU16::new(h).unwrap(), NonZeroU16::new(w).unwrap(), 0)
}

fn colour(c: vt100::Color) -> Color {
    match c {
        vt100::Color::Default => Color::Reset,
        vt100::Color::Idx(i) => Color::Indexed(i),
        vt100::Color::Rgb(r, g, b) => Color::Rgb(r, g, b),
    }
}

/// What an emulator shows, as a buffer.
pub fn buffer_of(screen: &vt100::Screen) -> Buffer {
    let (rows, cols) = screen.size();
    let mut buf = Buffer::empty(Rect::new(0, 0, cols.get(), rows.get()));
    for y in 0..rows.get() {
        for x in 0..cols.get() {
            let cell = screen.cell(y, x).unwrap();
            let mut style = Style::new().fg(colour(cell.fgcolor())).bg(colour(cell.bgcolor()));
            for (on, m) in [
                (cell.bold(), Modifier::BOLD),
                (cell.dim(), Modifier::DIM),
                (cell.underline(), Modifier::UNDERLINED),
                (cell.inverse(), Modifier::REVERSED),
            ] {
                if on {
                    style = style.add_modifier(m);
                }
            }
            let shown = if cell.contents().is_empty() { " " } else { cell.contents() };
            buf[(x, y)].set_symbol(shown).set_style(style);
        }
    }
    buf
}

/// Every cell of the emulator is as the buffer says.
#[track_caller]
fn same(parser: &vt100::Parser, want: &Buffer) {
    for y in 0..want.area.height {
        let mut x = 0;
        while x < want.area.width {
            let cell = &want[(x, y)];
            let got = parser.screen().cell(y, x).unwrap();
            let shown = if got.contents().is_empty() { " " } else { got.contents() };
            assert_eq!(shown, cell.symbol(), "symbol at {x},{y}");
            assert_eq!(colour(got.fgcolor()), cell.fg, "foreground at {x},{y}");
            assert_eq!(colour(got.bgcolor()), cell.bg, "background at {x},{y}");
            let flags = [
                (got.bold(), Modifier::BOLD),
                (got.dim(), Modifier::DIM),
                (got.italic(), Modifier::ITALIC),
                (got.underline(), Modifier::UNDERLINED),
                (got.inverse(), Modifier::REVERSED),
            ];
            for (on, m) in flags {
                assert_eq!(on, cell.modifier.contains(m), "{m:?} at {x},{y}");
            }
            x += u16::try_from(unicode_width::UnicodeWidthStr::width(cell.symbol())).unwrap().max(1);
        }
    }
}

/// Draws frames one after the other; answers the bytes of the last one.
fn play(frames: &[Buffer], cursor: Option<Position>) -> (vt100::Parser, usize) {
    let area = frames[0].area;
    let mut parser = parser(area.width, area.height);
    let mut screen = Screen::new(Vec::new());
    let mut last = 0;
    for frame in frames {
        last = screen.draw(&mut frame.clone(), cursor).unwrap();
        parser.process(&std::mem::take(screen.out()));
        same(&parser, frame);
    }
    (parser, last)
}

const WIDTH: u16 = 14;

fn frame() -> impl Strategy<Value = Buffer> {
    let symbols = prop::sample::select(vec!["a", " ", "─", "日", "é", "e\u{301}", "👍", "▌", "x"]);
    let colours = || {
        prop::sample::select(vec![Color::Reset, Color::Indexed(4), Color::Rgb(1, 2, 3), Color::Indexed(200)])
    };
    let modifiers = prop::sample::select(vec![
        Modifier::empty(),
        Modifier::BOLD,
        Modifier::DIM,
        Modifier::REVERSED | Modifier::BOLD,
        Modifier::UNDERLINED | Modifier::ITALIC,
    ]);
    let piece = (0..WIDTH, 0u16..4, prop::collection::vec(symbols, 1..8), colours(), colours(), modifiers);
    prop::collection::vec(piece, 0..12).prop_map(|pieces| {
        let mut buf = Buffer::empty(Rect::new(0, 0, WIDTH, 4));
        for (x, y, symbols, fg, bg, m) in pieces {
            buf.set_style(Rect::new(x, y, WIDTH - x, 1), Style::reset());
            buf.set_stringn(
                x,
                y,
                symbols.concat(),
                usize::from(WIDTH - x),
                Style::new().fg(fg).bg(bg).add_modifier(m),
            );
        }
        // A wide character that a later piece cut in half is nothing that a view draws.
        let mut clean = Buffer::empty(buf.area);
        for y in 0..4 {
            let mut x = 0;
            while x < WIDTH {
                let cell = buf[(x, y)].clone();
                let w = u16::try_from(unicode_width::UnicodeWidthStr::width(cell.symbol())).unwrap().max(1);
                if x + w <= WIDTH {
                    clean[(x, y)] = cell;
                }
                x += w;
            }
        }
        clean
    })
}

proptest! {
    #[test]
    fn the_terminal_shows_the_last_frame(frames in prop::collection::vec(frame(), 1..6)) {
        play(&frames, None);
    }
}

#[test]
fn nothing_is_written_when_nothing_changed() {
    let mut c = Console::new((120, 36));
    c.settle();
    let (a, b) = (c.buffer(), c.buffer());
    assert_eq!(play(&[a.clone(), b.clone()], None).1, 0);
    assert_eq!(play(&[a, b], Some(Position::new(3, 3))).1, 0, "nor when a cursor stays where it is");
}

#[test]
fn a_second_costs_less_than_35_bytes() {
    for theme in ["dark", "light", "mono"] {
        let mut c = Console::with(world::snapshot(), theme, (120, 36));
        c.settle();
        // What is at work and how old things are may tick; an idle screen has neither.
        c.model.data.link = Link::Live;
        c.model.data.rows.values_mut().for_each(|r| (r.operation, r.operation_started_at) = (None, None));
        for load in c.model.data.details.values_mut() {
            load.value = load.value.take().map(|mut d| {
                d.deployment.last_checkpoint = None;
                d.deployment.crash_loss_seconds = None;
                d
            });
        }
        let mut frames = vec![c.buffer()];
        let mut worst = 0;
        for s in 1..=12 {
            let now = nutkin::domain::time::Timestamp::from_millis(world::now().millis() + s * 1000);
            c.send(Msg::Tick(now));
            frames.push(c.buffer());
            let (_, bytes) = play(&frames, None);
            worst = worst.max(bytes);
        }
        assert!(worst <= 35, "{theme}: {worst} bytes");
    }
}

#[test]
fn large_frames_are_marked_and_small_ones_are_not() {
    let mut c = Console::new((80, 24));
    c.settle();
    let mut screen = Screen::new(Vec::new());
    screen.draw(&mut c.buffer(), None).unwrap();
    let first = std::mem::take(screen.out());
    assert!(first.starts_with(b"\x1b[?2026h") && first.ends_with(b"\x1b[?2026l"));
    c.send(Msg::Tick(nutkin::domain::time::Timestamp::from_millis(world::now().millis() + 1000)));
    screen.draw(&mut c.buffer(), None).unwrap();
    let second = std::mem::take(screen.out());
    assert!(second.len() < first.len() / 10);
    screen.forget();
    screen.draw(&mut c.buffer(), None).unwrap();
    assert!(screen.out().len() > 1000, "what was forgotten is drawn whole");
}

#[test]
fn moving_the_selection_is_cheap() {
    let mut c = Console::new((120, 36));
    c.settle().press("2");
    let before = c.buffer();
    c.press("down").settle();
    c.press("up");
    let moved = c.buffer();
    let (_, bytes) = play(&[before.clone(), moved], None);
    assert_eq!(bytes, 0, "down and up again is the same screen");
    c.press("1");
    let (_, bytes) = play(&[before, c.buffer()], None);
    assert!(bytes < 4096, "{bytes}");
}
