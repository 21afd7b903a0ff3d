//! The only place that knows the terminal.
//!
//! ```text
//!   enter ─▶ raw mode, alternate screen ─▶ draw … ─▶ leave
//!              ▲      │ Ctrl-Z, SIGTSTP, $EDITOR       ▲
//!              └──────┘                                ├─ the end, a panic, SIGTERM, SIGHUP
//!                                                      └─ the terminal is gone: nothing left to restore, leave at once
//! ```

use std::{
    backtrace::Backtrace,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{
        Once,
        atomic::{AtomicBool, Ordering},
    },
};

use base64::Engine as _;
use crossterm::terminal::{disable_raw_mode, enable_raw_mode};
use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Signal, kill_current_process_group},
    stdio::{stdin, stdout},
};
use tokio::io::{Interest, unix::AsyncFd};

use super::{
    decode::{Decoder, Input},
    screen::Screen,
};

/// Alternate screen, hidden cursor, bracketed paste.
const ENTER: &[u8] = b"\x1b[?1049h\x1b[?25l\x1b[?2004h";
/// Ends an open synchronised update too: whatever was being written, the shell gets a sane terminal.
const LEAVE: &[u8] = b"\x1b[?2026l\x1b[0m\x1b[?2004l\x1b[?25h\x1b[?1049l";
/// What terminals take as one clipboard command, in encoded bytes.
const CLIPBOARD_MOST: usize = 74_994;

/// The console has the terminal.
static ENTERED: AtomicBool = AtomicBool::new(false);
/// A panic took the terminal from the console, on whatever thread it was: what is on the screen now is for a person to
/// read, and nothing may be drawn over it.
static FAILED: AtomicBool = AtomicBool::new(false);
static HOOK: Once = Once::new();

/// Writes to the terminal without a buffer in between: one frame is one write.
#[derive(Debug)]
pub struct Tty;

impl Write for Tty {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        loop {
            match rustix::io::write(stdout(), buf) {
                Err(rustix::io::Errno::INTR) => {}
                other => return other.map_err(Into::into),
            }
        }
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The terminal while the console has it. Dropping it gives it back.
#[derive(Debug)]
pub struct Terminal {
    screen: Screen<Tty>,
    next: Buffer,
}

/// Gives the terminal back, once; safe in a panic and when the terminal is gone.
fn restore() {
    if ENTERED.swap(false, Ordering::SeqCst) {
        // Nothing can be done about a terminal that does not take this.
        let _ = Tty.write_all(LEAVE);
        let _ = disable_raw_mode();
    }
}

/// Whether a part of the console has panicked while it had the terminal.
#[must_use]
pub fn failed() -> bool {
    FAILED.load(Ordering::SeqCst)
}

fn unless_failed() -> io::Result<()> {
    if failed() { Err(io::Error::other("a part of the console has failed")) } else { Ok(()) }
}

fn enter() -> io::Result<()> {
    unless_failed()?;
    enable_raw_mode()?;
    ENTERED.store(true, Ordering::SeqCst);
    Tty.write_all(ENTER)
}

/// Appends a panic and where it came from to the log of the console.
fn note_panic(log: &Path, panic: &str) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    if let Some(folder) = log.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut file = std::fs::OpenOptions::new().append(true).create(true).mode(0o600).open(log)?;
    writeln!(file, "nutkin {}: {panic}\n{}", env!("CARGO_PKG_VERSION"), Backtrace::force_capture())
}

/// A panic first gives the terminal back, then says what it says, then where more is to be read.
fn hook_panics(log: Option<PathBuf>) {
    HOOK.call_once(|| {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let had = ENTERED.load(Ordering::SeqCst);
            FAILED.fetch_or(had, Ordering::SeqCst);
            restore();
            tracing::error!(panic = %info, "the console panicked");
            previous(info);
            if had {
                let more = match &log {
                    Some(log) => match note_panic(log, &info.to_string()) {
                        Ok(()) => format!(" Where it failed is in {}.", log.display()),
                        Err(e) => format!(" {} cannot be written: {e}.", log.display()),
                    },
                    None => String::new(),
                };
                let _ =
                    writeln!(io::stderr(), "nutkin's console failed; operations go on in the manager.{more}");
            }
        }));
    });
}

impl Terminal {
    /// Takes the terminal.
    ///
    /// # Errors
    /// Standard input or output is no terminal.
    pub fn enter(log: Option<PathBuf>) -> io::Result<Self> {
        hook_panics(log);
        enter()?;
        Ok(Self { screen: Screen::new(Tty), next: Buffer::empty(Rect::ZERO) })
    }

    /// Columns and rows.
    #[must_use]
    pub fn size() -> (u16, u16) {
        match crossterm::terminal::size() {
            Ok((w, h)) if w > 0 && h > 0 => (w, h),
            _ => (80, 24),
        }
    }

    /// Draws one frame; answers the bytes written.
    ///
    /// # Errors
    /// The terminal is gone, or was given back because a part of the console failed.
    pub fn draw(
        &mut self,
        (w, h): (u16, u16),
        view: impl FnOnce(Rect, &mut Buffer) -> Option<Position>,
    ) -> io::Result<usize> {
        unless_failed()?;
        let area = Rect::new(0, 0, w, h);
        if self.next.area == area {
            self.next.reset();
        } else {
            self.next = Buffer::empty(area);
        }
        let cursor = view(area, &mut self.next);
        self.screen.draw(&mut self.next, cursor)
    }

    /// The next frame is drawn whole.
    pub fn forget(&mut self) {
        self.screen.forget();
    }

    /// Gives the terminal to others for a while.
    pub fn lend(&self) {
        restore();
    }

    /// Takes it back.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn retake(&mut self) -> io::Result<()> {
        if !ENTERED.load(Ordering::SeqCst) {
            enter()?;
        }
        self.forget();
        Ok(())
    }

    /// Gives the terminal back and stops this process, and whoever started it in the same job. The stop takes hold of
    /// other threads first and of the caller a moment later: wait for SIGCONT, then [`Self::woken`].
    ///
    /// # Errors
    /// The process may not stop itself.
    pub fn stop(&self) -> io::Result<()> {
        restore();
        Ok(kill_current_process_group(Signal::STOP)?)
    }

    /// After SIGCONT: whoever had the terminal meanwhile may have changed its modes.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn woken(&mut self) -> io::Result<()> {
        restore();
        self.retake()
    }

    /// Puts a text into the clipboard of the person's own machine, and says what happened.
    pub fn copy(&mut self, text: &str) -> String {
        let encoded = base64::engine::general_purpose::STANDARD.encode(text);
        if encoded.len() > CLIPBOARD_MOST {
            return format!("not copied: {} bytes are more than a terminal takes", text.len());
        }
        match Tty.write_all(format!("\x1b]52;c;{encoded}\x07").as_bytes()) {
            Ok(()) => format!("copied {} bytes via OSC 52 (the terminal must allow it)", text.len()),
            Err(e) => format!("not copied: {e}"),
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        restore();
    }
}

/// What came from the terminal.
#[derive(Debug, PartialEq, Eq)]
pub enum Came {
    /// Keys and pasted text.
    Inputs(Vec<Input>),
    /// The terminal is gone.
    Gone,
}

/// The terminal's keys, as they come. Never reads while nothing is there, so that a lent terminal loses no key.
#[derive(Debug)]
pub struct Keys {
    fd: AsyncFd<std::os::fd::BorrowedFd<'static>>,
    decoder: Decoder,
}

impl Keys {
    /// Listens on standard input.
    ///
    /// # Errors
    /// Standard input is no terminal.
    #[expect(
        deprecated,
        reason = "its replacement is an unsafe function; standard input is never closed here"
    )]
    pub fn listen() -> io::Result<Self> {
        Ok(Self { fd: AsyncFd::with_interest(stdin(), Interest::READABLE)?, decoder: Decoder::default() })
    }

    /// Waits for the next keys, or for the terminal's end.
    pub async fn next(&mut self) -> Came {
        loop {
            let Ok(mut ready) = self.fd.readable().await else { return Came::Gone };
            match read_now() {
                Read::Bytes(bytes) => return Came::Inputs(self.decoder.feed(&bytes)),
                Read::Gone => return Came::Gone,
                Read::Nothing => ready.clear_ready(),
            }
        }
    }

    /// An incomplete sequence waits.
    #[must_use]
    pub const fn waits(&self) -> bool {
        self.decoder.waits()
    }

    /// No more bytes came for a moment.
    pub fn flush(&mut self) -> Vec<Input> {
        self.decoder.flush()
    }
}

enum Read {
    Bytes(Vec<u8>),
    Nothing,
    Gone,
}

/// Reads what is there without ever waiting. The descriptor stays blocking: it is shared with the shell.
fn read_now() -> Read {
    let fd = stdin();
    let mut fds = [PollFd::new(&fd, PollFlags::IN)];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    match poll(&mut fds, Some(&at_once)) {
        Err(rustix::io::Errno::INTR) => return Read::Bytes(vec![]),
        Err(_) => return Read::Gone,
        Ok(0) => return Read::Nothing,
        Ok(_) => {}
    }
    let events = fds.first().map(PollFd::revents).unwrap_or(PollFlags::HUP);
    if events.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) {
        return Read::Gone;
    }
    let mut bytes = [0; 4096];
    match rustix::io::read(fd, &mut bytes) {
        Ok(0) => Read::Gone,
        Ok(n) => Read::Bytes(bytes.get(..n).unwrap_or_default().to_vec()),
        Err(rustix::io::Errno::INTR) => Read::Bytes(vec![]),
        Err(_) => Read::Gone,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_written_down_behind_the_older_ones() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("logs").join("console.log");
        for n in 0..2 {
            note_panic(&log, &format!("panicked at {n}")).unwrap();
        }
        let text = std::fs::read_to_string(&log).unwrap();
        assert!(text.contains("panicked at 0") && text.contains("panicked at 1"), "{text}");
        assert!(note_panic(&log.join("below-a-file"), "x").is_err());
    }
}
