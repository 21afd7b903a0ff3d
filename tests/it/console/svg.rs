//! Pictures: a buffer as an SVG, as a terminal with a dark (or light) background would show it.

use std::fmt::Write as _;

use ratatui::{
    buffer::Buffer,
    style::{Color, Modifier},
};

/// Colours of a terminal.
pub struct Palette {
    pub fg: &'static str,
    pub bg: &'static str,
}

pub const DARK: Palette = Palette { fg: "#d6dbe5", bg: "#14171d" };
pub const LIGHT: Palette = Palette { fg: "#1f2328", bg: "#ffffff" };

const CELL: (f32, f32) = (8.43, 16.4);
const PAD: f32 = 14.0;

/// The picture of a buffer.
pub fn svg(buf: &Buffer, palette: &Palette) -> String {
    let (w, h) =
        (f32::from(buf.area.width) * CELL.0 + 2.0 * PAD, f32::from(buf.area.height) * CELL.1 + 2.0 * PAD);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {w:.0} {h:.0}\" width=\"{w:.0}\" height=\"{h:.0}\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{}\"/>\n\
         <g font-family=\"'JetBrains Mono','DejaVu Sans Mono',Menlo,Consolas,monospace\" font-size=\"14\" xml:space=\"preserve\">\n",
        palette.bg
    );
    for y in 0..buf.area.height {
        let mut x = 0;
        while x < buf.area.width {
            let start = x;
            let first = &buf[(x, y)];
            let style = (first.fg, first.bg, first.modifier);
            let mut text = String::new();
            while x < buf.area.width && (buf[(x, y)].fg, buf[(x, y)].bg, buf[(x, y)].modifier) == style {
                let symbol = buf[(x, y)].symbol();
                text.push_str(symbol);
                x += u16::try_from(unicode_width::UnicodeWidthStr::width(symbol)).unwrap().max(1);
            }
            run(&mut out, palette, (start, y, x - start), style, &text);
        }
    }
    out.push_str("</g>\n</svg>\n");
    out
}

fn run(
    out: &mut String,
    p: &Palette,
    (x, y, cells): (u16, u16, u16),
    style: (Color, Color, Modifier),
    text: &str,
) {
    let (mut fg, mut bg) = (css(style.0).unwrap_or_else(|| p.fg.to_owned()), css(style.1));
    if style.2.contains(Modifier::REVERSED) {
        (fg, bg) = (bg.unwrap_or_else(|| p.bg.to_owned()), Some(fg));
    }
    let (left, top, width) =
        (PAD + f32::from(x) * CELL.0, PAD + f32::from(y) * CELL.1, f32::from(cells) * CELL.0);
    if let Some(bg) = bg {
        let _ = writeln!(
            out,
            "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{:.1}\" fill=\"{bg}\"/>",
            CELL.1
        );
    }
    if text.trim().is_empty() {
        return;
    }
    let mut attributes = String::new();
    if style.2.contains(Modifier::BOLD) {
        attributes.push_str(" font-weight=\"bold\"");
    }
    if style.2.contains(Modifier::UNDERLINED) {
        attributes.push_str(" text-decoration=\"underline\"");
    }
    if style.2.contains(Modifier::DIM) {
        attributes.push_str(" opacity=\"0.65\"");
    }
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let _ = writeln!(
        out,
        "<text x=\"{left:.1}\" y=\"{:.1}\" textLength=\"{width:.1}\" lengthAdjust=\"spacing\" fill=\"{fg}\"{attributes}>{escaped}</text>",
        top + 12.9
    );
}

fn css(c: Color) -> Option<String> {
    match c {
        Color::Reset => None,
        Color::Rgb(r, g, b) => Some(format!("#{r:02x}{g:02x}{b:02x}")),
        other => Some(other.to_string().to_lowercase()),
    }
}
