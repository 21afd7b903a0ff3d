//! What a command works with: the output, the terminal, the paths, and the manager on demand.

use std::{
    io::{self, IsTerminal as _, Write as _},
    process::ExitCode,
    sync::Arc,
};

use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::{
    address::{invocation, server_socket, settle},
    args::{Format, Global},
    plan_text, profile,
    table::{self, Tone},
    views::Tabular,
    words::{Look, Zone},
};
use crate::{
    client::{Client, connect, spawn::Spawn},
    config::{
        Diagnostic, Diagnostics, Paths, Settings,
        paths::Surroundings,
        settings::{self, Loaded, Sources},
        yaml,
    },
    contract::{
        plan::Check,
        problem::{Code, Problem},
    },
    domain::{
        event::Via,
        text::{SafeText, terminal_safe_json},
        time::Clock,
    },
};

/// Result of a command: the exit code, or the problem it ends with.
pub type Outcome = Result<Exit, Problem>;

/// Exit codes; scripts depend on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit(pub u8);

impl Exit {
    /// The goal is reached.
    pub const OK: Self = Self(0);
    /// Failed, nothing changed; for `diff`: there are differences.
    pub const FAILED: Self = Self(1);
    /// Usage, or an invalid file.
    pub const USAGE: Self = Self(2);
    /// Failed with effect, or rolled back.
    pub const EFFECT: Self = Self(3);
    /// A person is needed.
    pub const ATTENTION: Self = Self(4);
    /// Timed out while waiting; the operation goes on.
    pub const TIMED_OUT: Self = Self(7);
    /// Ctrl-C while waiting: detached.
    pub const DETACHED: Self = Self(130);
}

impl From<Exit> for ExitCode {
    fn from(e: Exit) -> Self {
        Self::from(e.0)
    }
}

/// What only the wiring can give.
#[derive(Debug, Clone)]
pub struct Wiring {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// The API's own description, where the server is built in.
    pub openapi: Option<fn() -> String>,
    /// What the store says about a state directory.
    pub state_check: fn(&std::path::Path) -> Vec<Check>,
    /// What the store says about its file in a state directory that no manager holds. Reads only.
    pub store_check: fn(&std::path::Path) -> Vec<Check>,
    /// What the console says about the theme and the keymap that these settings name.
    pub looks_check: fn(&Settings) -> Vec<Diagnostic>,
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
    terminal: Terminal,
    client: OnceCell<Client>,
}

/// Which streams are a terminal, and whether it has colours.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "three independent streams and a choice")]
struct Terminal {
    stdin: bool,
    stdout: bool,
    stderr: bool,
    colour: bool,
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
            let problems = (wiring.looks_check)(&loaded.settings);
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

    /// Text to stdout. A reader that has gone away ends the program quietly.
    pub fn print(&self, text: &str) -> Result<(), Problem> {
        let mut out = io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => std::process::exit(0),
            Err(e) => Err(Problem::new(Code::Internal, format!("the result could not be written: {e}"))),
            Ok(()) => Ok(()),
        }
    }

    /// A line for people on stderr, unless they asked for quiet.
    pub fn hint(&self, text: &str) {
        if !self.global.quiet {
            self.note(text);
        }
    }

    /// A line on stderr.
    pub fn note(&self, text: &str) {
        say(text);
    }

    /// Raw text on stderr, for progress that is drawn in place.
    pub fn draw(&self, text: &str) {
        let mut err = io::stderr().lock();
        err.write_all(text.as_bytes()).and_then(|()| err.flush()).ok();
    }

    /// JSON, pretty; escaped further where it meets a terminal.
    #[must_use]
    pub fn json(&self, value: &Value) -> String {
        let text = serde_json::to_string_pretty(value).unwrap_or_default();
        let text = if self.terminal.stdout { terminal_safe_json(&text) } else { text };
        format!("{text}\n")
    }

    /// YAML; strings made harmless where it meets a terminal.
    #[must_use]
    pub fn yaml(&self, value: &Value) -> String {
        if self.terminal.stdout { yaml::to_yaml(&harmless(value)) } else { yaml::to_yaml(value) }
    }

    /// A list: rows for people, the API's own objects for machines.
    pub fn print_list<T: Tabular + serde::de::DeserializeOwned>(
        &self,
        items: &[Value],
        next: Option<&str>,
    ) -> Result<(), Problem> {
        let whole = || json!({ "items": items, "next": next });
        let text = match self.global.output {
            Format::Json => self.json(&whole()),
            Format::Yaml => self.yaml(&whole()),
            Format::Name => {
                rows::<T>(items)?.iter().map(|r| format!("{}\n", SafeText::line(&r.name()))).collect()
            }
            Format::Table | Format::Wide => self.table(&rows::<T>(items)?, true),
        };
        self.print(&text)?;
        if next.is_some() {
            self.hint(&format!("{} shown, more may exist: --limit N", items.len()));
        }
        if items.is_empty() && self.global.output.is_for_people() {
            self.hint(&format!("no {}", T::NOUN));
            if let Some(elsewhere) = profile::elsewhere(&self.paths) {
                self.hint(&elsewhere);
            }
        }
        Ok(())
    }

    /// One object: `text` for people.
    pub fn print_one(&self, value: &Value, name: &str, text: impl FnOnce() -> String) -> Result<(), Problem> {
        let text = match self.global.output {
            Format::Json => self.json(value),
            Format::Yaml => self.yaml(value),
            Format::Name => format!("{}\n", SafeText::line(name)),
            Format::Table | Format::Wide => text(),
        };
        self.print(&text)
    }

    /// Rows as a table.
    #[must_use]
    pub fn table<T: Tabular>(&self, rows: &[T], titles: bool) -> String {
        let look = self.look();
        let cells: Vec<_> = rows.iter().map(|r| r.cells(look)).collect();
        let wide = self.global.output == Format::Wide;
        table::draw(T::COLUMNS, &cells, wide, titles && !rows.is_empty(), self.colour())
    }

    /// Text in a tone, where stdout has colours.
    #[must_use]
    pub fn paint(&self, tone: Tone, text: &str) -> String {
        tone.paint(text, self.colour())
    }

    /// The problem that a command ends with.
    pub fn report(&self, problem: &Problem) {
        report(problem, self.global.output, self.terminal.stderr);
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

/// Writes a problem to stderr: sentences for people, one object for machines.
pub fn report(problem: &Problem, output: Format, terminal: bool) {
    let text = if output == Format::Json {
        let mut object = json!({ "error": {
            "code": problem.code.as_str(),
            "message": problem.detail,
            "hint": problem.hint,
            "operation": problem.operation,
        }});
        if let (Some(plan), Some(error)) = (&problem.plan, object["error"].as_object_mut()) {
            error.insert("plan".to_owned(), serde_json::to_value(plan).unwrap_or_default());
        }
        let text = object.to_string();
        if terminal { terminal_safe_json(&text) } else { text }
    } else {
        sentences(problem)
    };
    writeln!(io::stderr(), "{text}").ok();
}

/// A line on stderr. Nobody is left to tell when it is gone.
pub fn say(line: &str) {
    writeln!(io::stderr(), "{line}").ok();
}

/// What happened, what to do next, the operation it is about.
fn sentences(problem: &Problem) -> String {
    let mut lines: Vec<String> = SafeText::lines(&problem.detail).iter().map(ToString::to_string).collect();
    if let Some(first) = lines.first_mut() {
        *first = format!("nutkin: {first}");
    }
    let more = [("hint", problem.hint.as_ref()), ("operation", problem.operation.as_ref())];
    for (what, text) in more {
        lines.extend(text.map(|t| format!("  {what}: {}", SafeText::line(t))));
    }
    // Whoever confirmed another plan needs to see what it is now.
    if let Some(plan) = problem.plan.as_ref().filter(|_| problem.code == Code::PlanChanged) {
        lines.push("the plan now:".to_owned());
        lines.push(plan_text::draw(plan, None, false).trim_end().to_owned());
    }
    lines.join("\n")
}

/// Rows of a list, as far as this build knows their form.
fn rows<T: serde::de::DeserializeOwned>(items: &[Value]) -> Result<Vec<T>, Problem> {
    items.iter().map(|v| parse(v)).collect()
}

/// One model of an answer.
pub fn parse<T: serde::de::DeserializeOwned>(value: &Value) -> Result<T, Problem> {
    T::deserialize(value).map_err(|e| {
        Problem::new(Code::Internal, format!("the manager's answer has an unknown form: {e}")).hint(
            "`-o json` prints it as it is; `nutkin manager restart` brings manager and client to one version",
        )
    })
}

fn harmless(value: &Value) -> Value {
    match value {
        Value::String(s)
            if s.chars().any(|c| c != '\n' && SafeText::line(&c.to_string()).as_str() != c.to_string()) =>
        {
            Value::String(SafeText::line(s).as_str().to_owned())
        }
        Value::Array(items) => Value::Array(items.iter().map(harmless).collect()),
        Value::Object(map) => {
            let safe = |k: &str| SafeText::line(k).as_str().to_owned();
            Value::Object(map.iter().map(|(k, v)| (safe(k), harmless(v))).collect())
        }
        other => other.clone(),
    }
}

impl Context {
    /// Rows as they come: for machines one compact object a line.
    pub fn print_lines<T: Tabular + serde::de::DeserializeOwned>(
        &self,
        items: &[Value],
        titles: bool,
    ) -> Result<(), Problem> {
        let safe = |text: String| if self.terminal.stdout { terminal_safe_json(&text) } else { text };
        let text = match self.global.output {
            Format::Json => items.iter().map(|v| safe(format!("{v}\n"))).collect(),
            Format::Yaml => items.iter().map(|v| format!("---\n{}", self.yaml(v))).collect(),
            Format::Name => {
                rows::<T>(items)?.iter().map(|r| format!("{}\n", SafeText::line(&r.name()))).collect()
            }
            Format::Table | Format::Wide => self.table(&rows::<T>(items)?, titles),
        };
        self.print(&text)
    }
}
