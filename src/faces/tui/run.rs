//! The loop: messages in, frames out.
//!
//! Keys are drawn at once, data at most so many times a second, nothing when nothing changed.

use std::{io::Write as _, path::PathBuf, process::Stdio, sync::Arc, time::Duration};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc,
};

use super::{
    decode::Input,
    effects::{Effects, Reconnect},
    keymap::Keymap,
    model::{Model, Start},
    msg::{Effect, Msg, Reply},
    say::Zone,
    terminal::{Came, Keys, Terminal, failed},
    theme::{ColourEnv, Role, Theme, ThemeChoice},
    update::{settle, take_in, update},
    view::view,
};
use crate::{client::Client, domain::time::Clock};

/// What the console needs.
#[derive(Debug)]
pub struct ConsoleOptions {
    /// The manager.
    pub client: Client,
    /// Where it is looked for after it was lost; `None` = at the same socket.
    pub reconnect: Option<Reconnect>,
    /// Tells what time it is, and that time has passed.
    pub clock: Arc<dyn Clock>,
    /// The theme that was asked for.
    pub theme: ThemeChoice,
    /// What the terminal can do.
    pub colours: ColourEnv,
    /// A keymap file over the built-in one: its name and text.
    pub keymap: Option<(String, String)>,
    /// In whose time times are shown.
    pub zone: Zone,
    /// How command lines begin: `nutkin`, with the profile where there is one.
    pub program: String,
    /// A hint what to try, shown until the first key.
    pub hint: Option<String>,
    /// Frames a second for data.
    pub max_fps: u32,
    /// `$VISUAL`, `$EDITOR`, or nothing.
    pub editor: Option<String>,
    /// Where a panic is written down.
    pub log_file: Option<PathBuf>,
}

/// The first frame waits this long for the first window, so that it shows rows and not a splash.
const FIRST: Duration = Duration::from_millis(80);
/// An escape that nothing follows within this is the key.
const ESCAPE: Duration = Duration::from_millis(25);
const MESSAGES: usize = 256;

/// Runs the console until a person leaves it, the terminal is gone, or a task of the console's own has panicked, which the
/// loop sees at the next tick: then the exit code is 1. Operations go on in the manager.
///
/// # Errors
/// Standard input or output is no terminal.
pub async fn run(options: ConsoleOptions) -> anyhow::Result<u8> {
    let mut console = Console::open(options)?;
    let end = console.run().await;
    let lost = |what| format!("{what} had no answer: it may not have happened");
    let mut still: Vec<String> = console.model.without_answer().into_iter().map(lost).collect();
    still.extend(console.model.still_running().into_iter().map(|g| g.words));
    let program = console.model.program.clone();
    drop(console);
    if failed() {
        return Ok(1);
    }
    if matches!(end, End::Left) && !still.is_empty() {
        let mut out = std::io::stdout().lock();
        for line in still {
            // A closed pipe is no failure of a console that has ended.
            let _ = writeln!(out, "{}", crate::domain::text::SafeText::line(&line));
        }
        let _ = writeln!(out, "Nothing was stopped; `{program} operation list` shows them.");
    }
    Ok(0)
}

/// Why the console ended.
enum End {
    /// A person left, or the program was asked to end.
    Left,
    /// The terminal is gone.
    Gone,
}

struct Signals {
    term: Signal,
    hup: Signal,
    int: Signal,
    winch: Signal,
    tstp: Signal,
    cont: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        let raw = |s: rustix::process::Signal| SignalKind::from_raw(s.as_raw());
        Ok(Self {
            term: signal(SignalKind::terminate())?,
            hup: signal(SignalKind::hangup())?,
            int: signal(SignalKind::interrupt())?,
            winch: signal(SignalKind::window_change())?,
            tstp: signal(raw(rustix::process::Signal::TSTP))?,
            cont: signal(raw(rustix::process::Signal::CONT))?,
        })
    }
}

struct Console {
    model: Model,
    terminal: Terminal,
    keys: Keys,
    signals: Signals,
    effects: Effects,
    messages: mpsc::Receiver<Msg>,
    clock: Arc<dyn Clock>,
    editor: Option<String>,
    frame: Duration,
    drawn_at: Duration,
    /// The first window has arrived, or was waited for long enough.
    begun: bool,
    dirty: bool,
    end: Option<End>,
}

impl Console {
    fn open(o: ConsoleOptions) -> anyhow::Result<Self> {
        use std::io::IsTerminal as _;
        if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
            anyhow::bail!("the console needs a terminal; `nutkin get deployments` prints what it shows");
        }
        let (theme, mut found) = Theme::resolve(&o.theme, &o.colours);
        let (mut keymap, _) = Keymap::built_in();
        if let Some((name, text)) = &o.keymap {
            found.extend(keymap.apply(name, text));
        }
        let (out, messages) = mpsc::channel(MESSAGES);
        let effects = Effects::start(o.client, o.reconnect, o.clock.clone(), out);
        let mut model = Model::new(Start {
            keymap,
            theme,
            zone: o.zone,
            hint: o.hint,
            program: o.program,
            key_seed: uuid::Uuid::new_v4().to_string(),
            now: o.clock.now_utc(),
            size: Terminal::size(),
        });
        for d in found {
            model.toast(d.to_string(), Role::Warn);
        }
        let signals = Signals::listen()?;
        let terminal = Terminal::enter(o.log_file)?;
        let keys = Keys::listen()?;
        Ok(Self {
            model,
            terminal,
            keys,
            signals,
            effects,
            messages,
            clock: o.clock,
            editor: o.editor,
            frame: Duration::from_secs(1) / o.max_fps.clamp(1, 120),
            drawn_at: Duration::ZERO,
            begun: false,
            dirty: true,
            end: None,
        })
    }

    async fn run(&mut self) -> End {
        let clock = self.clock.clone();
        let started = clock.boottime();
        loop {
            if let Some(end) = self.end.take() {
                return end;
            }
            let until_tick = Duration::from_millis(
                1000 - u64::try_from(clock.now_utc().millis().rem_euclid(1000)).unwrap_or(0),
            );
            let since = clock.boottime().saturating_sub(self.drawn_at);
            let until_frame = if self.begun {
                self.frame.saturating_sub(since)
            } else {
                FIRST.saturating_sub(clock.boottime().saturating_sub(started))
            };
            if self.dirty && until_frame.is_zero() {
                self.begun = true;
                self.draw();
                continue;
            }
            tokio::select! {
                biased;
                _ = self.signals.term.recv() => self.take(Msg::Stop).await,
                _ = self.signals.hup.recv() => self.take(Msg::Stop).await,
                _ = self.signals.int.recv() => self.take(Msg::Stop).await,
                _ = self.signals.tstp.recv() => self.sleep().await,
                _ = self.signals.cont.recv() => self.woken().await,
                _ = self.signals.winch.recv() => self.resize().await,
                came = self.keys.next() => match came {
                    Came::Gone => self.end = Some(End::Gone),
                    Came::Inputs(inputs) => self.inputs(inputs).await,
                },
                () = clock.sleep(ESCAPE), if self.keys.waits() => {
                    let inputs = self.keys.flush();
                    self.inputs(inputs).await;
                }
                message = self.messages.recv() => if let Some(m) = message { self.data(m).await },
                () = clock.sleep(until_frame), if self.dirty => {}
                () = clock.sleep(until_tick) => {
                    let now = clock.now_utc();
                    self.take(Msg::Tick(now)).await;
                }
            }
        }
    }

    /// Keys are drawn at once.
    async fn inputs(&mut self, inputs: Vec<Input>) {
        if inputs.is_empty() {
            return;
        }
        let now = self.clock.now_utc();
        self.model.now = now;
        for input in inputs {
            let msg = match input {
                Input::Key(e) => Msg::Key(e),
                Input::Paste(s) => Msg::Paste(s),
            };
            self.take(msg).await;
        }
        self.begun = true;
        if self.end.is_none() {
            self.draw();
        }
    }

    /// Everything that is queued, then one frame.
    async fn data(&mut self, first: Msg) {
        self.model.now = self.clock.now_utc();
        let mut next = Some(first);
        let mut room = MESSAGES;
        while let Some(m) = next {
            if !self.begun && matches!(m, Msg::Snapshot(_) | Msg::Lost { .. }) {
                self.begun = true;
                self.drawn_at = Duration::ZERO;
            }
            let effects = take_in(&mut self.model, m);
            self.perform(effects).await;
            room -= 1;
            next = if room > 0 { self.messages.try_recv().ok() } else { None };
        }
        let effects = settle(&mut self.model);
        self.perform(effects).await;
    }

    async fn resize(&mut self) {
        let (w, h) = Terminal::size();
        self.take(Msg::Resize(w, h)).await;
        // Terminals reflow what they show.
        self.terminal.forget();
        self.draw();
    }

    async fn take(&mut self, msg: Msg) {
        let effects = update(&mut self.model, msg);
        self.perform(effects).await;
    }

    async fn perform(&mut self, effects: Vec<Effect>) {
        self.dirty = true;
        for effect in effects {
            match effect {
                Effect::Quit => self.end = Some(End::Left),
                Effect::Repaint => self.terminal.forget(),
                Effect::Sleep => Box::pin(self.sleep()).await,
                Effect::Copy(text) => {
                    let words = self.terminal.copy(&text);
                    let more = update(&mut self.model, Msg::Reply(Reply::Copied(words)));
                    more.into_iter().for_each(|e| self.effects.begin(e));
                }
                Effect::Edit(ask, text) => {
                    let result = self.edit(&text).await;
                    let more = update(&mut self.model, Msg::Reply(Reply::Edited(ask, result)));
                    more.into_iter().for_each(|e| self.effects.begin(e));
                }
                other => self.effects.begin(other),
            }
        }
    }

    fn draw(&mut self) {
        self.dirty = false;
        self.drawn_at = self.clock.boottime();
        let model = &self.model;
        let drawn = self.terminal.draw(model.size, |area, buf| view(model, area, buf));
        self.or_gone(drawn.map(|_| ()));
    }

    /// Stops until the shell says to go on; meanwhile nothing is drawn.
    async fn sleep(&mut self) {
        if let Err(e) = self.terminal.stop() {
            tracing::warn!(error = %e, "cannot stop");
        } else {
            tokio::select! {
                _ = self.signals.cont.recv() => {}
                _ = self.signals.term.recv() => self.end = Some(End::Left),
                _ = self.signals.hup.recv() => self.end = Some(End::Gone),
            }
        }
        self.woken().await;
    }

    async fn woken(&mut self) {
        let woken = self.terminal.woken();
        self.or_gone(woken);
        self.resize().await;
    }

    fn or_gone(&mut self, result: std::io::Result<()>) {
        if let Err(e) = result {
            tracing::info!(error = %e, "the terminal is gone");
            self.end = Some(End::Gone);
        }
    }

    /// Lends the terminal to the person's editor. Nobody reads keys meanwhile.
    async fn edit(&mut self, text: &str) -> Result<String, String> {
        let Some(editor) = self.editor.clone() else {
            return Err("set EDITOR to edit this elsewhere".to_owned());
        };
        let file = scratch(text).map_err(|e| format!("no file for the editor: {e}"))?;
        self.terminal.lend();
        let status = tokio::process::Command::new("sh")
            .args(["-c", "eval \"$0\" '\"$1\"'", &editor])
            .arg(&file)
            .stdin(Stdio::inherit())
            .status()
            .await;
        let taken = self.terminal.retake();
        self.or_gone(taken);
        let result = match status {
            Ok(s) if s.success() => std::fs::read_to_string(&file)
                .map_err(|e| format!("what the editor wrote cannot be read: {e}")),
            Ok(s) => Err(format!("{editor} ended with {s}; nothing was taken over")),
            Err(e) => Err(format!("{editor} cannot be run: {e}")),
        };
        // A scratch file that stays behind harms nobody.
        let _ = std::fs::remove_file(&file);
        result
    }
}

/// A file of one's own with a text in it.
fn scratch(text: &str) -> std::io::Result<PathBuf> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let name = format!("nutkin-{}.conf", uuid::Uuid::new_v4());
    let path = std::env::temp_dir().join(name);
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    Ok(path)
}
