//! What the demo is doing, for people, on stderr.
//!
//! A step is one line: begun with `…`, ended with `✓`, or with `✗` where it was not reached. On a terminal the line is redrawn in place, with a bar while
//! bytes arrive; elsewhere only the ended steps are written, so that a log stays readable.

use std::io::Write;

const BAR: usize = 24;
const MEGABYTE: u64 = 1_000_000;

/// Writes the steps. Failures to write are ignored: nobody is there to read them.
pub struct Report<'a> {
    out: &'a mut (dyn Write + Send),
    terminal: bool,
    shown: String,
}

impl std::fmt::Debug for Report<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Report")
            .field("terminal", &self.terminal)
            .field("shown", &self.shown)
            .finish_non_exhaustive()
    }
}

impl<'a> Report<'a> {
    /// Reports to `out`; `terminal` when lines can be redrawn there.
    pub fn new(out: &'a mut (dyn Write + Send), terminal: bool) -> Self {
        Self { out, terminal, shown: String::new() }
    }

    /// A step has begun, or goes on with other words.
    pub fn doing(&mut self, what: &str) {
        self.redraw(&format!("… {what}"));
    }

    /// A step whose bytes are counted.
    pub fn bytes(&mut self, what: &str, bytes: u64, total: Option<u64>) {
        self.redraw(&format!("… {what}  {}", bar(bytes, total)));
    }

    /// The step has ended; the words stay.
    pub fn done(&mut self, what: &str) {
        self.line(&format!("✓ {what}"));
    }

    /// Something was not reached; the words stay.
    pub fn failed(&mut self, what: &str) {
        self.line(&format!("✗ {what}"));
    }

    /// Words that stay, without a mark.
    pub fn say(&mut self, what: &str) {
        self.line(what);
    }

    fn redraw(&mut self, text: &str) {
        if self.terminal && text != self.shown {
            let _ = write!(self.out, "\r\x1b[2K{text}");
            let _ = self.out.flush();
            text.clone_into(&mut self.shown);
        }
    }

    fn line(&mut self, text: &str) {
        let clear = if self.shown.is_empty() { "" } else { "\r\x1b[2K" };
        let _ = writeln!(self.out, "{clear}{text}");
        let _ = self.out.flush();
        self.shown.clear();
    }
}

impl Drop for Report<'_> {
    /// An error is printed below the step that failed, not into its line.
    fn drop(&mut self) {
        if !self.shown.is_empty() {
            let _ = writeln!(self.out);
            let _ = self.out.flush();
        }
    }
}

/// `▓▓▓▓░░░░ 33 of 258 MB`, or the megabytes alone while the total is not known.
fn bar(bytes: u64, total: Option<u64>) -> String {
    let Some(total) = total.filter(|total| *total > 0) else {
        return format!("{} MB", bytes / MEGABYTE);
    };
    let bytes = bytes.min(total);
    let full = usize::try_from(bytes.saturating_mul(BAR as u64) / total).unwrap_or(BAR);
    let (done, open) = ("▓".repeat(full), "░".repeat(BAR - full));
    format!("{done}{open} {} of {} MB", bytes / MEGABYTE, total / MEGABYTE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(terminal: bool, act: impl FnOnce(&mut Report<'_>)) -> String {
        let mut out = Vec::new();
        act(&mut Report::new(&mut out, terminal));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_log_has_ended_steps_only() {
        let text = written(false, |report| {
            report.doing("fetching");
            report.bytes("fetching", 1, None);
            report.done("fetched");
        });
        assert_eq!(text, "✓ fetched\n");
    }

    #[test]
    fn a_terminal_line_is_redrawn_and_an_open_one_ended() {
        let text = written(true, |report| {
            report.doing("fetching");
            report.doing("fetching");
            report.done("fetched");
            report.doing("starting");
        });
        assert_eq!(text, "\r\x1b[2K… fetching\r\x1b[2K✓ fetched\n\r\x1b[2K… starting\n");
    }

    #[test]
    fn bars_never_leave_their_frame() {
        assert_eq!(bar(3_000_000, None), "3 MB");
        assert_eq!(bar(3_000_000, Some(0)), "3 MB");
        for (bytes, full) in [(0, 0), (129_000_000, 12), (258_000_000, 24), (999_000_000, 24)] {
            let text = bar(bytes, Some(258_000_000));
            assert_eq!(text.matches('▓').count(), full, "{text}");
            assert_eq!(text.matches('░').count(), BAR - full, "{text}");
        }
    }
}
