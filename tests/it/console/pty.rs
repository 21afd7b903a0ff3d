//! The console in a real pseudo-terminal: what the terminal shows, and that it gets it back.
//!
//! The child is this test binary again, told to run one ignored test that is the console.

use std::{
    num::NonZeroU16,
    path::{Path, PathBuf},
    sync::Arc,
};

use nutkin::{
    adapters::clock::SystemClock,
    client::Client,
    domain::{event::Via, time::Clock},
    faces::tui::{
        ConsoleOptions, run,
        say::Zone,
        theme::{ColourEnv, ThemeChoice},
    },
};
use portable_pty::{CommandBuilder, PtySize};
use rustix::process::Signal;

use super::{canned::Canned, terminal::Pty};

/// The manager's socket, for the child.
pub(super) const SOCKET: &str = "NUTKIN_TEST_CONSOLE_SOCKET";

/// The console itself, in the child.
#[test]
#[ignore = "run by the tests of this module, in a pseudo-terminal"]
fn child_console() {
    become_console(Arc::new(SystemClock), None);
}

/// Makes this process a console on the manager that the environment names, and ends it with the console's exit code.
pub(super) fn become_console(clock: Arc<dyn Clock>, log_file: Option<PathBuf>) {
    let Some(socket) = std::env::var_os(SOCKET) else { return };
    let env = |name| std::env::var(name).ok();
    let options = ConsoleOptions {
        client: Client::new(socket, Via::Tui),
        reconnect: None,
        clock,
        theme: ThemeChoice::Auto,
        colours: ColourEnv {
            no_color: env("NO_COLOR").is_some_and(|v| !v.is_empty()),
            colorfgbg: None,
            colorterm: Some("truecolor".into()),
            term: env("TERM"),
        },
        keymap: None,
        zone: Zone::Utc,
        hint: None,
        program: "nutkin".into(),
        max_fps: 30,
        editor: env("EDITOR"),
        log_file,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let code = runtime.block_on(run(options)).unwrap();
    runtime.shutdown_background();
    std::process::exit(code.into());
}

pub(super) fn console_command(socket: &Path, env: &[(&str, &str)]) -> CommandBuilder {
    child_command("console::pty::child_console", socket, env)
}

/// Runs one ignored test of this binary, which becomes a console.
pub(super) fn child_command(test: &str, socket: &Path, env: &[(&str, &str)]) -> CommandBuilder {
    let me = std::env::current_exe().unwrap();
    let run = format!("exec '{}' {test} --exact --ignored --nocapture", me.display());
    let trap = if env.iter().any(|(k, _)| *k == "TRAP_HUP") { "trap '' HUP; " } else { "" };
    let mut c = CommandBuilder::new("sh");
    c.args(["-c", &format!("{trap}{run}")]);
    c.cwd("/");
    c.env(SOCKET, socket);
    c.env("TERM", "xterm-256color");
    c.env_remove("NO_COLOR");
    for (k, v) in env {
        c.env(k, v);
    }
    c
}

fn console(canned: &Canned, size: (u16, u16), env: &[(&str, &str)]) -> Pty {
    Pty::spawn(console_command(&canned.socket, env), size)
}

#[test]
fn keys_reach_the_manager_and_the_terminal_comes_back() {
    let canned = Canned::start();
    let mut tty = console(&canned, (120, 36), &[]);
    tty.wait("payments@33de6 (7)");
    assert!(tty.screen.lock().unwrap().screen().alternate_screen());
    tty.send(b"2p");
    tty.wait("stop with a CANONICAL savepoint");
    tty.wait("Command line");
    // A card can be confirmed once it can have been read.
    tty.wait("y suspend");
    tty.send(b"y");
    tty.wait("✓  1 stop with a CANONICAL savepoint");
    tty.wait("wait until the job has ended");
    let asked = canned.asked();
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert!(asked[0].path.ends_with("/deployments/payments-dashboard/production/suspend"));
    assert_eq!(asked[0].body["meta"]["expect"], "d1");
    assert!(asked[0].key.is_some());
    tty.send(b"\x1b");
    tty.until("the card to close", |s| !s.contents().contains("wait until the job has ended"));
    // Something is at work, so leaving asks once and says what goes on.
    tty.send(b"q");
    tty.wait("Quitting stops nothing");
    tty.send(b"y");
    assert_eq!(tty.ended(), 0);
    tty.wait("Nothing was stopped");
}

#[test]
fn changes_come_by_themselves() {
    let canned = Canned::start();
    let tty = console(&canned, (120, 36), &[]);
    tty.wait("production");
    tty.wait("FOLLOWING");
    let mut event = super::world::events().remove(5);
    (event.seq, event.message) = (107, "#813 just now".into());
    canned.push(nutkin::contract::watch::WatchMessage::Events { events: vec![event], skipped: 0 });
    tty.wait("#813 just now");
}

#[test]
fn signals_give_the_terminal_back() {
    let canned = Canned::start();
    for s in [Signal::TERM, Signal::HUP, Signal::INT] {
        let mut tty = console(&canned, (80, 24), &[]);
        tty.wait("production");
        tty.signal(s);
        assert_eq!(tty.ended(), 0, "{s:?}");
    }
}

#[test]
fn stopping_and_going_on_draws_everything_anew() {
    let canned = Canned::start();
    let mut tty = console(&canned, (80, 24), &[]);
    tty.wait("production");
    tty.signal(Signal::TSTP);
    tty.stopped();
    let before = tty.raw.lock().unwrap().len();
    tty.signal(Signal::CONT);
    tty.until("the console again", |s| s.alternate_screen() && s.contents().contains("production"));
    assert!(tty.raw.lock().unwrap().len() > before + 1000, "the whole screen");
    tty.send(b"\x1a");
    tty.stopped();
    tty.signal(Signal::CONT);
    tty.until("the console again", |s| s.alternate_screen());
    tty.send(b"q");
    tty.wait("Quitting stops nothing");
}

#[test]
fn without_colour_the_highlight_stays() {
    let canned = Canned::start();
    let tty = console(&canned, (80, 24), &[("NO_COLOR", "1")]);
    tty.wait("production");
    tty.wait("● RUNNING");
    tty.until("a reversed selection", |s| (0..30).any(|x| s.cell(2, x).is_some_and(vt100::Cell::inverse)));
    let screen = tty.screen.lock().unwrap();
    for y in 0..24 {
        for x in 0..80 {
            let cell = screen.screen().cell(y, x).unwrap();
            assert_eq!(cell.fgcolor(), vt100::Color::Default, "{x},{y}");
            assert_eq!(cell.bgcolor(), vt100::Color::Default, "{x},{y}");
        }
    }
}

#[test]
fn resizing_draws_for_the_new_size() {
    let canned = Canned::start();
    let mut tty = console(&canned, (120, 36), &[]);
    tty.wait("production");
    for (cols, rows) in [(60, 20), (1, 1), (39, 9), (200, 50), (80, 24)] {
        tty.screen
            .lock()
            .unwrap()
            .screen_mut()
            .set_size(NonZeroU16::new(rows).unwrap(), NonZeroU16::new(cols).unwrap());
        tty.master.resize(PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }).unwrap();
    }
    tty.until("a frame of 80 columns", |s| {
        s.contents().lines().nth(1).is_some_and(|l| l.starts_with("╭") && l.trim_end().chars().count() == 80)
    });
    tty.send(b"q");
    tty.wait("Quitting stops nothing");
}

#[test]
fn a_lost_manager_is_no_reason_to_leave() {
    let mut canned = Canned::start();
    let mut tty = console(&canned, (120, 36), &[]);
    tty.wait("payments@33de6 (7)");
    canned.die();
    tty.wait("manager lost");
    tty.wait("stale");
    tty.wait("production");
    assert!(tty.child.try_wait().unwrap().is_none());
}

#[test]
fn the_editor_gets_the_terminal_and_gives_it_back() {
    let canned = Canned::start();
    let folder = tempfile::tempdir().unwrap();
    let editor = folder.path().join("editor");
    std::fs::write(&editor, "echo 'taskmanager.numberOfTaskSlots: 4' >> \"$1\"\necho EDITING; read x\n")
        .unwrap();
    // Not run itself: another test's child may still hold it open for writing.
    let editor = format!("sh {}", editor.display());
    let mut tty = console(&canned, (120, 36), &[("EDITOR", &editor)]);
    tty.wait("payments@33de6 (7)");
    tty.send(b"u");
    tty.wait("execution.checkpointing.interval: 10s");
    // Back past the button to the configuration: in other fields the key means the end of the line.
    tty.send(b"\x1b[Z\x1b[Z");
    tty.wait("ctrl-e editor");
    tty.send(b"\x05");
    tty.wait("EDITING");
    assert!(!tty.screen.lock().unwrap().screen().alternate_screen());
    tty.send(b"\n");
    tty.wait("taskmanager.numberOfTaskSlots: 4");
    assert!(tty.screen.lock().unwrap().screen().alternate_screen());
}

#[test]
fn copying_goes_through_the_terminal() {
    let canned = Canned::start();
    let mut tty = console(&canned, (120, 36), &[]);
    tty.wait("production");
    tty.send(b"2y");
    tty.wait("copied 29 bytes via OSC 52");
    let raw = tty.raw.lock().unwrap();
    let wanted = b"\x1b]52;c;cGF5bWVudHMtZGFzaGJvYXJkL3Byb2R1Y3Rpb24=\x07";
    assert!(raw.windows(wanted.len()).any(|w| w == wanted));
}

/// The picture for the README, from a console on a running manager: start the demo, then
/// `NUTKIN_SCREENSHOT_OF=SOCKET cargo test --test it screenshot -- --ignored`.
#[test]
#[ignore = "needs a running manager; writes screenshots/home.svg"]
fn screenshot() {
    let socket =
        std::env::var_os("NUTKIN_SCREENSHOT_OF").expect("NUTKIN_SCREENSHOT_OF names a manager's socket");
    let mut tty = Pty::spawn(console_command(Path::new(&socket), &[]), (120, 34));
    tty.wait("FOLLOWING");
    tty.wait("RUNNING");
    // The border below the deployments takes the colour of the focus.
    let border = |s: &vt100::Screen| {
        let rows = (0..34).filter_map(|y| s.cell(y, 0).filter(|c| c.contents() == "├"));
        rows.map(vt100::Cell::fgcolor).nth(1)
    };
    let before = border(tty.screen.lock().unwrap().screen());
    tty.send(b"2");
    tty.until("the focus on the deployments", |s| border(s) != before);
    // The numbers of the program come with a poll.
    tty.wait("since birth");
    tty.wait(&std::env::var("NUTKIN_SCREENSHOT_WAITS_FOR").unwrap_or_else(|_| "FOLLOWING".into()));
    let picture = {
        let parser = tty.screen.lock().unwrap();
        super::svg::svg(&super::screen::buffer_of(parser.screen()), &super::svg::DARK)
    };
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("screenshots/home.svg");
    std::fs::write(file, picture).unwrap();
}
