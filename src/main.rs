//! Parses arguments, wires the parts, picks a face, maps the result to an exit code.

use std::{process::ExitCode, sync::Arc};

use clap::Parser as _;
use nutkin::{
    adapters::clock::SystemClock,
    faces::cli::{self, Cli, Command, Exit, Wiring},
};
use tokio::runtime::{Builder, Runtime};

#[path = "main/checks.rs"]
mod checks;
#[path = "main/console.rs"]
mod console;
#[path = "main/demo.rs"]
mod demo;
#[path = "main/logging.rs"]
mod logging;
#[path = "main/readiness.rs"]
mod readiness;
#[path = "main/serve.rs"]
mod serve;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    let Cli { global, command } = match Cli::try_parse_from(&arguments) {
        Ok(read) => read,
        Err(error) => return cli::misused(&error, &arguments).into(),
    };
    let exit = match command {
        None => console::run(&global),
        Some(Command::Serve(args)) => serve::run(&global, &args),
        Some(Command::Demo(args)) => demo::run(global, &args),
        Some(command) => match runtime(1) {
            Ok(runtime) => runtime.block_on(cli::run(global, command, wiring())),
            Err(exit) => exit,
        },
    };
    exit.into()
}

/// What the command line cannot know by itself.
fn wiring() -> Wiring {
    Wiring {
        clock: Arc::new(SystemClock),
        openapi: Some(openapi),
        state_check: checks::state_dir,
        store_check: checks::store,
        looks_check: console::looks,
    }
}

fn openapi() -> String {
    serde_json::to_string_pretty(&nutkin::server::openapi()).unwrap_or_default()
}

/// A short-lived client needs one thread, the manager a few.
fn runtime(threads: usize) -> Result<Runtime, Exit> {
    let built = match threads {
        1 => Builder::new_current_thread().enable_all().build(),
        n => Builder::new_multi_thread().worker_threads(n).enable_all().build(),
    };
    built.map_err(|_| Exit::FAILED)
}
