//! `nutkin demo`: brings the demo up, then opens the console on it.

use std::{
    fs::DirBuilder,
    io::{self, IsTerminal as _},
    os::unix::fs::DirBuilderExt as _,
    sync::Arc,
};

use nutkin::{
    adapters::clock::SystemClock,
    client::connect::Place,
    config::paths::Surroundings,
    contract::problem::{Code, Problem},
    demo::{
        managers::Managers,
        play::{Action, Demo, Outcome},
        report::Report,
        requirements::Machine,
        stage::{Flink, Places},
    },
    domain::time::Clock,
    faces::cli::{DemoArgs, Exit, Format, Global, context},
};

use super::{console, runtime, wiring};

/// The profile that the demo uses when nobody names another.
const PROFILE: &str = "demo";

/// Runs the demo command.
pub fn run(mut global: Global, args: &DemoArgs) -> Exit {
    if global.profile.is_none() && global.state_dir.is_none() {
        global.profile = Some(PROFILE.to_owned());
    }
    // The cluster lives in the state directory, which is the user's own.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let output = global.output;
    let ended = prepare(&global).and_then(|demo| play(&global, args, &demo));
    match ended {
        Ok(Next::Done) => Exit::OK,
        Ok(Next::Failed(code)) => Exit(code),
        Ok(Next::Console) => console::run(&global),
        Err(problem) => {
            context::report(&problem, output, io::stderr().is_terminal());
            Exit(problem.code.exit_code())
        }
    }
}

enum Next {
    Done,
    Failed(u8),
    Console,
}

fn prepare(global: &Global) -> Result<(Places, Managers), Problem> {
    let around = Surroundings::of_process();
    let paths = context::find_paths(global, &around).map_err(|e| context::path_problem(&e))?;
    // The cluster's folder lies in the state directory and is made first: it must be private from its first moment.
    let made = DirBuilder::new().recursive(true).mode(0o700).create(&paths.state_dir);
    made.map_err(|e| {
        Problem::new(Code::StoreFailed, format!("{} cannot be made: {e}", paths.state_dir.display()))
    })?;
    let place = Place { state_dir: paths.state_dir.clone(), socket: None };
    let places = Places { cache: paths.cache_dir.clone(), folder: paths.state_dir.join("demo") };
    Ok((places, Managers { place, spawn: context::spawn_for(&paths)? }))
}

fn play(global: &Global, args: &DemoArgs, parts: &(Places, Managers)) -> Result<Next, Problem> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let demo =
        Demo { places: parts.0.clone(), managers: parts.1.clone(), machine: Machine::here(), clock: &*clock };
    let action = action(args);
    let mut stderr = io::stderr();
    let mut nowhere = io::sink();
    let out: &mut (dyn io::Write + Send) = if global.quiet { &mut nowhere } else { &mut stderr };
    let mut report = Report::new(out, io::stderr().is_terminal());
    let Ok(runtime) = runtime(2) else { return Ok(Next::Failed(Exit::FAILED.0)) };
    let outcome = match runtime.block_on(demo.run(&action, &mut report)) {
        Ok(outcome) => outcome,
        Err(e) => {
            report.say(&format!("nutkin: {e}"));
            return Ok(Next::Failed(e.exit_code()));
        }
    };
    let Some(outcome) = outcome else { return Ok(Next::Done) };
    let opens = !args.no_console && global.output == Format::Table && io::stdout().is_terminal();
    if !opens {
        print(global, &outcome)?;
    }
    if global.output.is_for_people() {
        report.say(&demo.hints());
    }
    Ok(if opens { Next::Console } else { Next::Done })
}

fn action(args: &DemoArgs) -> Action {
    match (args.stop, args.reset) {
        (true, _) => Action::Stop,
        (_, true) => Action::Reset,
        _ => Action::Up(match (&args.flink_home, &args.flink_version) {
            (_, Some(version)) => Flink::Version(version.clone()),
            (Some(home), None) => Flink::Home(home.clone()),
            (None, None) => Flink::Default,
        }),
    }
}

fn print(global: &Global, outcome: &Outcome) -> Result<(), Problem> {
    let ctx = context::Context::new(global.clone(), wiring())?;
    let value = serde_json::to_value(outcome).unwrap_or_default();
    ctx.print_one(&value, &outcome.target.name, || format!("{}\n", outcome.deployments.join("\n")))
}
