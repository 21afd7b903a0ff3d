//! A pseudo-terminal with a program in it, and what it shows.
//!
//! The program ends with the handle, whatever has become of the test.

#![expect(clippy::disallowed_methods, reason = "a terminal in real time has no other clock")]

use std::{
    io::{Read, Write},
    num::NonZeroU16,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use crate::support::bytes;

/// How long a screen that needs nothing but the console may take.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// See the module.
pub struct Pty {
    pub child: Box<dyn Child + Send + Sync>,
    pub master: Box<dyn MasterPty + Send>,
    writer: Box<dyn Write + Send>,
    /// How the terminal treated input and output before anybody had it.
    modes: String,
    pub screen: Arc<Mutex<vt100::Parser>>,
    pub raw: Arc<Mutex<Vec<u8>>>,
}

impl Pty {
    /// Starts a program in a terminal of this many columns and rows.
    pub fn spawn(command: CommandBuilder, (cols, rows): (u16, u16)) -> Self {
        let pair =
            native_pty_system().openpty(PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }).unwrap();
        let modes = modes(&*pair.master);
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let parser = vt100::Parser::new(NonZeroU16::new(rows).unwrap(), NonZeroU16::new(cols).unwrap(), 0);
        let (screen, raw) = (Arc::new(Mutex::new(parser)), Arc::new(Mutex::new(Vec::new())));
        let mut reader = pair.master.try_clone_reader().unwrap();
        let (into, also) = (screen.clone(), raw.clone());
        std::thread::spawn(move || {
            let mut bytes = [0; 65536];
            while let Ok(n @ 1..) = reader.read(&mut bytes) {
                also.lock().unwrap().extend_from_slice(&bytes[..n]);
                into.lock().unwrap().process(&bytes[..n]);
            }
        });
        let writer = pair.master.take_writer().unwrap();
        Self { child, master: pair.master, writer, modes, screen, raw }
    }

    /// Of the program.
    pub fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.process_id().unwrap()).unwrap()).unwrap()
    }

    /// What the screen shows.
    pub fn text(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    #[track_caller]
    pub fn until(&self, what: &str, holds: impl FnMut(&vt100::Screen) -> bool) {
        self.until_within(PATIENCE, what, holds);
    }

    /// Looks at the screen until it is so.
    #[track_caller]
    pub fn until_within(
        &self,
        patience: Duration,
        what: &str,
        mut holds: impl FnMut(&vt100::Screen) -> bool,
    ) {
        let end = Instant::now() + patience;
        while Instant::now() < end {
            if holds(self.screen.lock().unwrap().screen()) {
                return;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        panic!("waited for {what}; the screen shows:\n{}", self.text());
    }

    /// Until these words are on the screen.
    #[track_caller]
    pub fn wait(&self, words: &str) {
        self.until(words, |s| s.contents().contains(words));
    }

    /// Types.
    pub fn send(&mut self, bytes: &[u8]) {
        self.writer.write_all(bytes).unwrap();
        self.writer.flush().unwrap();
    }

    pub fn signal(&self, s: Signal) {
        kill_process(self.pid(), s).unwrap();
    }

    /// Until the program has stopped, as a shell waits for it before it lets it go on.
    #[track_caller]
    pub fn stopped(&self) {
        self.until("the program to stop", |s| !s.alternate_screen() && !s.hide_cursor());
        let end = Instant::now() + PATIENCE;
        while state_of(self.pid()) != Some('T') {
            assert!(Instant::now() < end, "it gave the terminal back and did not stop");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// The exit code, and that the terminal is as it was: no alternate screen, a visible cursor, lines and echo.
    #[track_caller]
    pub fn ended(&mut self) -> u32 {
        let end = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(s) = self.child.try_wait().unwrap() {
                break s;
            }
            assert!(Instant::now() < end, "the console did not end");
            std::thread::sleep(Duration::from_millis(2));
        };
        self.until("the terminal back", |s| {
            !s.alternate_screen() && !s.hide_cursor() && !s.bracketed_paste()
        });
        assert_eq!(modes(&*self.master), self.modes, "the terminal's modes are not as they were");
        status.exit_code()
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        // The reader holds the terminal open, so nobody would tell the program that it is alone.
        if let Ok(None) = self.child.try_wait() {
            let _ = kill_process(self.pid(), Signal::KILL);
            let _ = self.child.wait();
        }
        // Whatever a test was about.
        if !std::thread::panicking() {
            bytes::harmless_screen(&self.raw.lock().unwrap());
        }
    }
}

/// Input, output and local flags of a terminal.
fn modes(master: &(dyn MasterPty + Send)) -> String {
    let t = master.get_termios().expect("a terminal has modes");
    format!("{:?} {:?} {:?}", t.input_flags, t.output_flags, t.local_flags)
}

/// The state letter of a process; `None` = there is none.
fn state_of(pid: Pid) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
    stat.rsplit(')').next()?.trim_start().chars().next()
}

/// There is no such process, or only its exit code.
pub fn gone(pid: Pid) -> bool {
    test_kill_process(pid).is_err() || state_of(pid) == Some('Z')
}

#[track_caller]
pub fn gone_soon(pid: Pid) -> Duration {
    let start = Instant::now();
    while !gone(pid) {
        assert!(start.elapsed() < PATIENCE, "{pid:?} is still there");
        std::thread::sleep(Duration::from_millis(1));
    }
    start.elapsed()
}
