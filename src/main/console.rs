//! Opens the console.

use std::{
    io::{self, IsTerminal as _},
    sync::Arc,
};

use nutkin::{
    adapters::clock::SystemClock,
    client::{
        Client,
        connect::{self, Place},
    },
    config::{Diagnostic, paths::Surroundings, settings::Loaded},
    contract::problem::{Code, Problem},
    domain::{event::Via, names},
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
    let wrong = |setting| {
        let loaded = &loaded;
        move |message| {
            Problem::new(Code::BadRequest, loaded.finding(setting, message).to_string())
                .hint(format!("`nutkin config show` tells where the setting {setting} comes from"))
        }
    };
    let var = |name| around.var(name).map(str::to_owned);
    let options = ConsoleOptions {
        client,
        reconnect,
        clock: Arc::new(SystemClock),
        theme: theme(&loaded).map_err(wrong("theme"))?,
        colours: ColourEnv {
            no_color: global.no_color || around.var("NO_COLOR").is_some_and(|v| !v.is_empty()),
            colorfgbg: var("COLORFGBG"),
            colorterm: var("COLORTERM"),
            term: var("TERM"),
        },
        keymap: keymap(&loaded).map_err(wrong("keymap"))?,
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

/// Keymaps that people look for.
const NOT_BUILT: [&str; 2] = ["vim", "emacs"];

fn theme(loaded: &Loaded) -> Result<ThemeChoice, String> {
    Ok(match loaded.settings.theme.as_str() {
        "auto" => ThemeChoice::Auto,
        built_in if BUILT_IN.contains(&built_in) => ThemeChoice::Named(built_in.to_owned()),
        file => {
            let words: Vec<&str> = ["auto"].into_iter().chain(BUILT_IN.iter().copied()).collect();
            let (name, text) = read(loaded, "theme", &words, file)?;
            ThemeChoice::File { name, text }
        }
    })
}

fn keymap(loaded: &Loaded) -> Result<Option<(String, String)>, String> {
    match loaded.settings.keymap.as_str() {
        "default" => Ok(None),
        word if NOT_BUILT.contains(&word) => Err(format!(
            "the keymap {word:?} is not built yet; write \"default\", or name a file with your own keys"
        )),
        file => read(loaded, "keymap", &["default"], file).map(Some),
    }
}

/// The file that the setting `what` names, where it is none of the words that it may be: its name and its text.
fn read(loaded: &Loaded, what: &str, words: &[&str], value: &str) -> Result<(String, String), String> {
    let file = loaded.path_of(what, value);
    let name = file.display().to_string();
    let text = std::fs::read_to_string(&file).map_err(|e| {
        let known = words.join(", ");
        let near = names::nearest(value, words.iter().copied());
        let near = near.map(|n| format!("; did you mean {n:?}?")).unwrap_or_default();
        format!("the {what} {name:?} is no file that can be read ({e}), and none of {known}{near}")
    })?;
    Ok((name, text))
}

/// What is wrong with the theme and the keymap that the settings name, for `config check`.
pub fn looks(loaded: &Loaded) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    match theme(loaded) {
        Ok(ThemeChoice::File { name, text }) => found.extend(placed(&name, Theme::parse(&name, &text).1)),
        Ok(_) => {}
        Err(message) => found.push(loaded.finding("theme", message)),
    }
    match keymap(loaded) {
        // Read over the built-in one, as the console does.
        Ok(Some((name, text))) => found.extend(placed(&name, Keymap::built_in().0.apply(&name, &text))),
        Ok(None) => {}
        Err(message) => found.push(loaded.finding("keymap", message)),
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

/// What to try, in the demo.
fn hint(global: &Global) -> Option<String> {
    (global.profile.as_deref() == Some("demo"))
        .then(|| "Try: 2, move to production, u to upgrade, ctrl-o to pick v2, ctrl-s to review".to_owned())
}
