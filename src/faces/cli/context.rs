//! What a command works with: the terminal, the paths, the settings, and the manager on demand.

use std::{
    io::{self, IsTerminal as _},
    sync::Arc,
};

use tokio::sync::OnceCell;

use super::{
    address::{invocation, server_socket, settle},
    args::{Format, Global},
    exit::{Exit, Outcome},
    words::{Look, Zone},
};
use crate::{
    client::{Client, connect, spawn::Spawn},
    config::{
        Diagnostic, Diagnostics, Paths, Settings,
        paths::Surroundings,
        settings::{self, Loaded, Sources},
    },
    contract::{
        plan::Check,
        problem::{Code, Problem},
    },
    domain::{event::Via, time::Clock},
};

/// What only the wiring can give.
#[derive(Debug, Clone)]
pub struct Wiring {
    /// The only clock that ages and waits are measured by.
    pub clock: Arc<dyn Clock>,
    /// The API's own description, where the server is built in.
    pub openapi: Option<fn() -> String>,
    /// What the store says about a state directory.
    pub state_check: fn(&std::path::Path) -> Vec<Check>,
    /// What the store says about its file in a state directory that no manager holds. Reads only.
    pub store_check: fn(&std::path::Path) -> Vec<Check>,
    /// What the console says about the theme and the keymap that these settings name.
    pub looks_check: fn(&Loaded) -> Vec<Diagnostic>,
}

/// What a command works with.
#[derive(Debug)]
pub struct Context {
    /// What every command takes.
    pub global: Global,
    /// Where files are.
    pub paths: Paths,
    /// The machine, as the rules see it.
    pub around: Surroundings,
    /// Settings and their origins.
    pub loaded: Loaded,
    /// Time and more.
    pub wiring: Wiring,
    pub(super) terminal: Terminal,
    client: OnceCell<Client>,
}

/// Which streams are a terminal, and whether it has colours.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "three independent streams and a choice")]
pub(super) struct Terminal {
    pub(super) stdin: bool,
    pub(super) stdout: bool,
    pub(super) stderr: bool,
    pub(super) colour: bool,
}

/// Goes on until it ends, or until Ctrl-C at whatever it is: one wait over all of it, so that none is missed.
pub async fn until_interrupted(work: impl Future<Output = Outcome>) -> Outcome {
    tokio::select! {
        ended = work => ended,
        _ = tokio::signal::ctrl_c() => Ok(Exit::OK),
    }
}

/// Reads settings from the file and the environment.
pub fn load_settings(paths: &Paths, around: &Surroundings) -> Result<Loaded, Diagnostics> {
    let name = paths.config_file.display().to_string();
    let file = match std::fs::read_to_string(&paths.config_file) {
        Ok(text) => Some((name, text)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => None,
        Err(e) => {
            let message = format!("cannot be read: {e}");
            let problem = Diagnostic { file: name, line: 0, column: 0, message };
            return Err(Diagnostics(vec![problem]));
        }
    };
    settings::load(&Sources { file, environment: around.environment.clone(), flags: Vec::new() })
}

/// The settings with every problem in them and in the files that they name; the defaults where they do not hold.
pub fn examine(
    paths: &Paths,
    around: &Surroundings,
    wiring: &Wiring,
) -> Result<(Loaded, Vec<Diagnostic>), Problem> {
    match load_settings(paths, around) {
        Ok(loaded) => {
            let problems = (wiring.looks_check)(&loaded);
            Ok((loaded, problems))
        }
        Err(e) => match settings::load(&Sources::default()) {
            Ok(defaults) => Ok((defaults, e.0)),
            Err(e) => Err(Problem::new(Code::Internal, e.to_string())),
        },
    }
}

/// Settings that do not hold, as a problem.
#[must_use]
pub fn settings_problem(e: &Diagnostics) -> Problem {
    Problem::new(Code::InvalidSpec, e.to_string()).hint("`nutkin config check` shows every problem")
}

impl Context {
    /// Looks at the machine and reads the settings.
    pub fn new(global: Global, wiring: Wiring) -> Result<Self, Problem> {
        let around = Surroundings::of_process();
        let (global, paths) = settle(global, &around)?;
        let loaded = load_settings(&paths, &around).map_err(|e| settings_problem(&e))?;
        Ok(Self::with(global, wiring, around, paths, loaded))
    }

    /// From parts that are known already.
    #[must_use]
    pub fn with(global: Global, wiring: Wiring, around: Surroundings, paths: Paths, loaded: Loaded) -> Self {
        let stdout = io::stdout().is_terminal();
        let plain = global.no_color || around.var("NO_COLOR").is_some() || around.var("TERM") == Some("dumb");
        let terminal = Terminal {
            stdin: io::stdin().is_terminal(),
            stdout,
            stderr: io::stderr().is_terminal(),
            colour: stdout && !plain,
        };
        Self { global, paths, around, loaded, wiring, terminal, client: OnceCell::new() }
    }

    /// The settings.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.loaded.settings
    }

    /// How this manager is addressed again.
    #[must_use]
    pub fn invocation(&self) -> String {
        invocation(&self.global, &self.paths)
    }

    /// A person can be asked.
    #[must_use]
    pub const fn is_interactive(&self) -> bool {
        self.terminal.stdin && self.terminal.stderr
    }

    /// Prefixes of names are enough.
    #[must_use]
    pub const fn allows_prefixes(&self) -> bool {
        self.terminal.stdin && !self.global.exact
    }

    /// Progress can be drawn in place.
    #[must_use]
    pub const fn draws_progress(&self) -> bool {
        self.terminal.stderr && !self.global.quiet
    }

    /// Colours on stdout.
    #[must_use]
    pub const fn colour(&self) -> bool {
        self.terminal.colour
    }

    /// How rows are drawn now.
    #[must_use]
    pub fn look(&self) -> Look {
        Look {
            now: self.wiring.clock.now_utc(),
            zone: Zone::from_setting(&self.settings().time_zone),
            wide: self.global.output == Format::Wide,
        }
    }

    /// Where the manager is expected.
    #[must_use]
    pub fn place(&self) -> connect::Place {
        connect::Place { state_dir: self.paths.state_dir.clone(), socket: None }
    }

    /// How a manager is started.
    pub fn spawn(&self) -> Result<Spawn, Problem> {
        spawn_for(&self.paths)
    }

    /// The manager; started when none runs.
    pub async fn client(&self) -> Result<&Client, Problem> {
        self.client.get_or_try_init(|| self.connect()).await
    }

    /// A fresh connection, for when the manager went away in between.
    pub async fn connect(&self) -> Result<Client, Problem> {
        let client = self.connected().await?;
        if self.global.verbose > 0 {
            self.note(&format!("the manager at {}", client.socket().display()));
        }
        Ok(client)
    }

    async fn connected(&self) -> Result<Client, Problem> {
        match server_socket(&self.global)? {
            Some(socket) => Ok(Client::new(socket, Via::Cli)),
            None => {
                if let Some(note) = self.paths.note.as_deref() {
                    self.hint(note);
                }
                connect::connect(&self.place(), Some(&self.spawn()?), Via::Cli).await
            }
        }
    }
}

/// How a detached manager of these paths is started.
pub fn spawn_for(paths: &Paths) -> Result<Spawn, Problem> {
    let program = std::env::current_exe()
        .map_err(|e| Problem::new(Code::Internal, format!("this program's own file is not known: {e}")))?;
    let mut arguments: Vec<std::ffi::OsString> =
        vec!["serve".into(), "--detached".into(), "--state-dir".into()];
    arguments.push(paths.state_dir.clone().into());
    arguments.push("--config".into());
    arguments.push(paths.config_file.clone().into());
    let log = paths.log_dir().join("start.log");
    Ok(Spawn { program, arguments, state_dir: paths.state_dir.clone(), log })
}
