//! The command line: one file per command family. Results go to stdout and nothing else does; progress, hints and errors
//! go to stderr.
//!
//! ```text
//!   args ─→ Context (paths, settings, terminal) ─→ client ─→ API ─→ table | json | yaml | name ─→ exit code
//! ```

mod act;
pub mod address;
mod apply;
pub mod args;
mod artifact;
mod ci;
mod config_command;
pub mod context;
mod describe;
mod doctor;
mod events;
pub mod exit;
mod get;
mod history;
mod lifecycle;
mod logind;
mod manager;
mod misuse;
mod not_built;
mod operation;
pub mod output;
mod plan_text;
pub mod profile;
mod resolve;
mod savepoint;
mod shell;
mod table;
mod target;
mod views;
mod wait;
mod words;

use crate::{client::program, contract::problem::Problem};

pub use act::is_yes;
pub use args::{Cli, Command, DemoArgs, Format, Global, ServeArgs};
pub use context::{Context, Wiring};
pub use exit::{Exit, Outcome};
pub use misuse::misused;

/// Runs a command that is a client of the manager, or needs no manager at all. The console, the demo and the manager
/// itself are wired elsewhere.
pub async fn run(global: Global, command: Command, wiring: Wiring) -> Exit {
    let (output, verbose) = (global.output, global.verbose > 0);
    let diff = matches!(command, Command::Diff(_));
    match dispatch(global, command, wiring).await {
        Ok(exit) => exit,
        Err(problem) => {
            output::report(&problem, output, std::io::IsTerminal::is_terminal(&std::io::stderr()));
            if verbose && output.is_for_people() {
                output::say(&format!("  code: {}", problem.code));
            }
            let code = problem.code.exit_code();
            // For a diff, 1 means "there are differences".
            Exit(if diff { code.max(Exit::USAGE.0) } else { code })
        }
    }
}

async fn dispatch(global: Global, command: Command, wiring: Wiring) -> Outcome {
    let command = match command {
        Command::Config(command) => return command.run(global, wiring),
        Command::Completions(args) => return args.run(),
        Command::Man => return shell::man(),
        Command::NotBuilt(command) => return command.refuse(),
        Command::Openapi => return shell::openapi(global, wiring).await,
        Command::Doctor => return doctor::run(global, wiring).await,
        other => other,
    };
    let ctx = Context::new(global, wiring)?;
    carry_out(&ctx, command).await.map_err(|p| program::problem(p, &ctx.invocation()))
}

async fn carry_out(ctx: &Context, command: Command) -> Outcome {
    look_at_profile(ctx, &command)?;
    match command {
        Command::Manager(command) => command.run(ctx).await,
        Command::Get(args) => args.run(ctx).await,
        Command::Describe(args) => args.run(ctx).await,
        Command::Apply(args) => args.run(ctx).await,
        Command::Diff(args) => args.run(ctx).await,
        Command::Start(args) => args.run(ctx).await,
        Command::Suspend(args) => args.run(ctx).await,
        Command::Cancel(args) => args.run(ctx).await,
        Command::Restart(args) => args.run(ctx).await,
        Command::Upgrade(args) => args.run(ctx).await,
        Command::Fork(args) => args.run(ctx).await,
        Command::Reset(args) => args.run(ctx).await,
        Command::Rollback(args) => args.run(ctx).await,
        Command::Delete(args) => args.run(ctx).await,
        Command::Adopt(args) => args.run(ctx).await,
        Command::Savepoint(args) => args.run(ctx).await,
        Command::History(args) => args.run(ctx).await,
        Command::Events(args) => args.run(ctx).await,
        Command::Operation(command) => command.run(ctx).await,
        Command::Target(command) => command.run(ctx).await,
        Command::Artifact(command) => command.run(ctx).await,
        // Answered above, or wired by the caller.
        Command::Config(_)
        | Command::Doctor
        | Command::Completions(_)
        | Command::Man
        | Command::Openapi
        | Command::NotBuilt(_)
        | Command::Demo(_)
        | Command::Serve(_) => Ok(Exit::USAGE),
    }
}

/// A profile that is not there is made by the commands that make something, and refused by all others.
fn look_at_profile(ctx: &Context, command: &Command) -> Result<(), Problem> {
    use manager::ManagerCommand as Manager;
    let starts_none =
        matches!(command, Command::Manager(Manager::Status | Manager::Stop(_) | Manager::Log { .. }));
    if ctx.global.server.is_some() || starts_none {
        return Ok(());
    }
    let makes = matches!(
        command,
        Command::Apply(_)
            | Command::Target(target::TargetCommand::Add(_))
            | Command::Artifact(artifact::ArtifactCommand::Add { .. })
    );
    if !makes {
        return profile::exists(&ctx.paths);
    }
    if !ctx.global.quiet {
        profile::announce(&ctx.paths);
    }
    Ok(())
}
