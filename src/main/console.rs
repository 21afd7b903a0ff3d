//! Opens the console.

use std::{
    io::{self, IsTerminal as _},
    path::Path,
    sync::Arc,
};

use nutkin::{
    adapters::clock::SystemClock,
    client::{
        Client,
        connect::{self, Place},
    },
    config::{Diagnostic, Settings, paths::Surroundings},
    contract::problem::{Code, Problem},
    domain::event::Via,
    faces::{
        cli::{Exit, Global, address, context, output, profile},
        tui::{
            self, ConsoleOptions, Reconnect,
            keymap::Keymap,
            say::Zone,
            theme::{BUILT_IN, ColourEnv, Theme, ThemeChoice},
        },
    },
};

use super::runtime;

/// Runs the console until the person leaves it.
pub fn run(global: &Global) -> Exit {
    let ended = if io::stdin().is_terminal() && io::stdout().is_terminal() {
        open(global)
    } else {
        Err(Problem::new(Code::BadRequest, "the console needs a terminal")
            .hint("`nutkin get deployments` prints what it shows; `nutkin --help` lists the commands"))
    };
    ended.unwrap_or_else(|problem| {
        output::report(&problem, global.output, io::stderr().is_terminal());
        Exit(problem.code.exit_code())
    })
}

fn open(global: &Global) -> Result<Exit, Problem> {
    let around = Surroundings::of_process();
    let (global, paths) = address::settle(global.clone(), &around)?;
    let server = address::server_socket(&global)?;
    if server.is_none() {
        profile::exists(&paths)?;
    }
    let loaded = context::load_settings(&paths, &around).map_err(|e| context::settings_problem(&e))?;
    let settings = &loaded.settings;
    let Ok(runtime) = runtime(2) else { return Ok(Exit::FAILED) };
    let place = Place { state_dir: paths.state_dir.clone(), socket: None };
    let spawn = context::spawn_for(&paths)?;
    let (client, reconnect) = match server {
        Some(socket) => (Client::new(socket, Via::Tui), None),
        None => {
            let client = runtime.block_on(connect::connect(&place, Some(&spawn), Via::Tui))?;
            (client, Some(Reconnect { place, spawn: Some(spawn) }))
        }
    };
    let var = |name| around.var(name).map(str::to_owned);
    let options = ConsoleOptions {
        client,
        reconnect,
        clock: Arc::new(SystemClock),
        theme: theme(&settings.theme)?,
        colours: ColourEnv {
            no_color: global.no_color || around.var("NO_COLOR").is_some_and(|v| !v.is_empty()),
            colorfgbg: var("COLORFGBG"),
            colorterm: var("COLORTERM"),
            term: var("TERM"),
        },
        keymap: keymap(settings)?,
        zone: Zone::from_setting(&settings.time_zone),
        hint: hint(&global),
        program: address::invocation(&global, &paths),
        max_fps: settings.console.max_fps,
        editor: var("VISUAL").or_else(|| var("EDITOR")),
        log_file: Some(paths.log_dir().join("console.log")),
    };
    let ended = runtime.block_on(tui::run(options));
    // Requests that nobody waits for any more must not hold up the shell.
    runtime.shutdown_background();
    ended.map(Exit).map_err(|e| Problem::new(Code::Internal, format!("the console could not begin: {e:#}")))
}

fn theme(name: &str) -> Result<ThemeChoice, Problem> {
    let words: Vec<&str> = ["auto"].into_iter().chain(BUILT_IN.iter().copied()).collect();
    Ok(match name {
        "auto" => ThemeChoice::Auto,
        built_in if BUILT_IN.contains(&built_in) => ThemeChoice::Named(built_in.to_owned()),
        file => ThemeChoice::File { name: file.to_owned(), text: read("theme", &words, file)? },
    })
}

fn keymap(settings: &Settings) -> Result<Option<(String, String)>, Problem> {
    match settings.keymap.as_str() {
        "default" => Ok(None),
        file => Ok(Some((file.to_owned(), read("keymap", &["default"], file)?))),
    }
}

/// A file that the setting `what` names, or one of the words that it may be.
fn read(what: &str, words: &[&str], file: &str) -> Result<String, Problem> {
    std::fs::read_to_string(Path::new(file)).map_err(|e| {
        let known = words.join(", ");
        let detail = format!("the {what} {file:?} is no file that can be read ({e}), and none of {known}");
        Problem::new(Code::BadRequest, detail)
            .hint(format!("`nutkin config show` tells where the setting {what} comes from"))
    })
}

/// What is wrong with the theme and the keymap that the settings name, for `config check`.
pub fn looks(settings: &Settings) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    match theme(&settings.theme) {
        Ok(ThemeChoice::File { name, text }) => found.extend(placed(&name, Theme::parse(&name, &text).1)),
        Ok(_) => {}
        Err(problem) => found.push(unplaced("theme", problem)),
    }
    match keymap(settings) {
        // Read over the built-in one, as the console does.
        Ok(Some((name, text))) => found.extend(placed(&name, Keymap::built_in().0.apply(&name, &text))),
        Ok(None) => {}
        Err(problem) => found.push(unplaced("keymap", problem)),
    }
    found
}

fn placed(file: &str, found: Vec<tui::diagnostic::Diagnostic>) -> impl Iterator<Item = Diagnostic> {
    found.into_iter().map(move |d| Diagnostic {
        file: file.to_owned(),
        line: u32::try_from(d.line).unwrap_or(0),
        column: 1,
        message: d.message,
    })
}

fn unplaced(setting: &str, problem: Problem) -> Diagnostic {
    Diagnostic { file: setting.to_owned(), line: 0, column: 0, message: problem.detail }
}

/// What to try, in the demo.
fn hint(global: &Global) -> Option<String> {
    (global.profile.as_deref() == Some("demo"))
        .then(|| "Try: 2, move to production, u to upgrade, ctrl-o to pick v2, ctrl-s to review".to_owned())
}
