//! `nutkin demo`: brings the demo up, then opens the console on it.

use std::{
    io::{self, BufRead as _, IsTerminal as _, Write as _},
    path::PathBuf,
    sync::Arc,
};

use nutkin::{
    adapters::clock::SystemClock,
    client::connect::Place,
    config::paths::Surroundings,
    contract::problem::{Code, Problem},
    demo::{
        managers::Managers,
        play::{Action, Demo, Done},
        report::Report,
        requirements::Machine,
        stage::{Flink, Places},
    },
    domain::time::Clock,
    faces::cli::{DemoArgs, Exit, Format, Global, address, context, is_yes, output},
};

use super::{console, runtime, wiring};

/// The profile that the demo uses when nobody names another.
const PROFILE: &str = "demo";

/// Runs the demo command.
pub fn run(mut global: Global, args: &DemoArgs) -> Exit {
    let output = global.output;
    // The flags alone say where: a variable that is set for daily work must not turn the demo loose on that store.
    let named = global.profile.is_some() || global.state_dir.is_some();
    if !named {
        global.profile = Some(PROFILE.to_owned());
    }
    // The cluster lives in the state directory, which is the user's own.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    match play(&global, args, named) {
        Ok(Next::Done) => Exit::OK,
        Ok(Next::Refused) => Exit::FAILED,
        Ok(Next::Console) => console::run(&global),
        Err(problem) => {
            output::report(&problem, output, io::stderr().is_terminal());
            Exit(problem.code.exit_code())
        }
    }
}

enum Next {
    Done,
    /// The person said no.
    Refused,
    Console,
}

fn play(global: &Global, args: &DemoArgs, named: bool) -> Result<Next, Problem> {
    if let Some(server) = &global.server {
        let detail =
            format!("the demo starts its own manager and cannot use --server {server}; nothing was changed");
        return Err(Problem::new(Code::BadRequest, detail).hint("leave --server out"));
    }
    let around = Surroundings::of_process();
    let paths = address::find_paths(global, &around).map_err(|e| address::path_problem(&e))?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let program = address::invocation(global, &paths);
    let place = Place { state_dir: paths.state_dir.clone(), socket: None };
    let demo = Demo {
        places: Places { cache: paths.cache_dir.clone(), folder: paths.state_dir.join("demo") },
        managers: Managers { place, spawn: context::spawn_for(&paths)? },
        machine: Machine::here(),
        command: if named { format!("{program} demo") } else { "nutkin demo".to_owned() },
        program,
        clock: &*clock,
    };
    let mut stderr = io::stderr();
    let mut nowhere = io::sink();
    let out: &mut (dyn io::Write + Send) = if global.quiet { &mut nowhere } else { &mut stderr };
    let mut report = Report::new(out, io::stderr().is_terminal());
    let runtime = runtime(2).map_err(|_| Problem::new(Code::Internal, "no threads could be started"))?;
    let action = action(args, &around);
    if action == Action::Reset && !args.yes && !runtime.block_on(agreed(&demo))? {
        output::say("nothing was changed");
        return Ok(Next::Refused);
    }
    let done = runtime.block_on(demo.run(&action, &mut report)).map_err(|e| e.problem())?;
    let Done::Up(outcome) = &done else {
        if matches!(global.output, Format::Json | Format::Yaml) {
            print(global, &done, "", String::new)?;
        }
        return Ok(Next::Done);
    };
    let opens = !args.no_console && global.output == Format::Table && io::stdout().is_terminal();
    if !opens {
        print(global, &done, &outcome.target.name, || format!("{}\n", outcome.deployments.join("\n")))?;
    }
    if global.output.is_for_people() {
        report.say(&demo.hints());
    }
    Ok(if opens { Next::Console } else { Next::Done })
}

/// On a terminal, whether a person agrees to what a reset removes; elsewhere the command itself says so.
async fn agreed(demo: &Demo<'_>) -> Result<bool, Problem> {
    if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        return Ok(true);
    }
    let Some(stake) = demo.at_stake().await else { return Ok(true) };
    let no_answer = |e: io::Error| {
        Problem::new(Code::ConfirmationRequired, format!("no answer: {e}; nothing was changed"))
    };
    write!(io::stderr(), "{stake}\nremove it? [y/N] ").map_err(no_answer)?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).map_err(no_answer)?;
    Ok(is_yes(&line))
}

fn action(args: &DemoArgs, around: &Surroundings) -> Action {
    let home = args.flink_home.clone().or_else(|| around.var("FLINK_HOME").map(PathBuf::from));
    match (args.stop, args.reset) {
        (true, _) => Action::Stop,
        (_, true) => Action::Reset,
        _ => Action::Up(match (home, &args.flink_version) {
            (_, Some(version)) => Flink::Version(version.clone()),
            (Some(home), None) => Flink::Home(home),
            (None, None) => Flink::Default,
        }),
    }
}

fn print(global: &Global, done: &Done, name: &str, text: impl FnOnce() -> String) -> Result<(), Problem> {
    let ctx = context::Context::new(global.clone(), wiring())?;
    let value = serde_json::to_value(done).unwrap_or_default();
    ctx.print_one(&value, name, text)
}
