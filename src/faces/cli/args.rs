//! The command line's grammar. Scripts depend on these names.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::{
    apply, artifact, config_command, events, get, history, lifecycle, manager, not_built, operation,
    savepoint, shell, target,
};

/// Operations console for Apache Flink: applications and their state together.
#[derive(Debug, Parser)]
#[command(name = "nutkin", version, about, max_term_width = 100, disable_help_subcommand = true)]
#[command(after_help = "Without a command the console opens.")]
pub struct Cli {
    /// What every command takes.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What every command takes.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Everywhere")]
pub struct Global {
    /// How to print: people read table and wide, machines json, yaml and name.
    #[arg(short, long, global = true, value_enum, default_value_t)]
    pub output: Format,
    /// Manager: unix:PATH. Default: NUTKIN_SERVER, else the state directory's own.
    #[arg(long, global = true, value_name = "URL")]
    pub server: Option<String>,
    /// Named state directory and manager; stronger than NUTKIN_STATE_DIR.
    #[arg(long, global = true, value_name = "NAME")]
    pub profile: Option<String>,
    /// State directory: store, artifacts, lock, socket, log.
    #[arg(long, global = true, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    /// Configuration file. Default: NUTKIN_CONFIG, else config.toml in $XDG_CONFIG_HOME/nutkin (~/.config/nutkin).
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Names must be whole, also on a terminal.
    #[arg(long, global = true)]
    pub exact: bool,
    /// No colours, as with NO_COLOR.
    #[arg(long, global = true)]
    pub no_color: bool,
    /// No progress, no hints, no warnings.
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Say on stderr which manager a command asks, and the code of a problem.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Table,
    /// For people with room.
    Wide,
    /// As the API answers.
    Json,
    /// As YAML; targets, applications and deployments as `apply` accepts them.
    Yaml,
    /// Names or ids, one a line.
    Name,
}

impl Format {
    /// Read by people.
    #[must_use]
    pub const fn is_for_people(self) -> bool {
        matches!(self, Self::Table | Self::Wide)
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// A real local Flink with the payments application, then the console.
    Demo(DemoArgs),
    /// Run the manager.
    Serve(ServeArgs),
    /// The manager's life.
    #[command(subcommand)]
    Manager(manager::ManagerCommand),
    /// List objects, or show one.
    #[command(arg_required_else_help = true)]
    Get(get::GetArgs),
    /// Everything about one object.
    #[command(arg_required_else_help = true)]
    Describe(get::DescribeArgs),
    /// Create or update targets, applications and deployments from manifests.
    Apply(apply::ApplyArgs),
    /// What apply would change; new jars are uploaded. Exit 0 nothing, 1 differences, 2 or more an error.
    Diff(apply::DiffArgs),
    /// Run the deployment's job.
    Start(lifecycle::StartArgs),
    /// Stop with a savepoint.
    Suspend(lifecycle::SuspendArgs),
    /// Stop without a savepoint.
    Cancel(lifecycle::CancelArgs),
    /// Stop with a savepoint and run the same revision again.
    Restart(lifecycle::RestartArgs),
    /// Change the deployment and run it on with its state.
    Upgrade(Box<lifecycle::UpgradeArgs>),
    /// A new deployment from this one's state.
    Fork(lifecycle::ForkArgs),
    /// Make a chosen savepoint the next restore point.
    Reset(lifecycle::ResetArgs),
    /// Run an earlier revision.
    Rollback(lifecycle::RollbackArgs),
    /// Remove a deployment; its files stay.
    Delete(lifecycle::DeleteArgs),
    /// Take over a job that somebody started.
    Adopt(lifecycle::AdoptArgs),
    /// Savepoints: take, list, show, pin, unpin, import, dispose.
    Savepoint(savepoint::SavepointArgs),
    /// Configuration history; two revisions: their diff.
    History(history::HistoryArgs),
    /// The event log.
    Events(events::EventsArgs),
    /// Lifecycle actions: list, show, wait, resume, cancel, choose.
    #[command(subcommand)]
    Operation(operation::OperationCommand),
    /// Where deployments run: add, list, check, remove.
    #[command(subcommand)]
    Target(target::TargetCommand),
    /// Jars: list, add, show.
    #[command(subcommand)]
    Artifact(artifact::ArtifactCommand),
    /// Paths, versions, permissions, store, terminal.
    Doctor,
    /// Settings: check, show, edit.
    #[command(subcommand)]
    Config(config_command::ConfigCommand),
    /// Shell completions.
    Completions(shell::CompletionsArgs),
    /// The manual page.
    Man,
    /// The API's OpenAPI document.
    Openapi,
    /// Planned, and refused with a word.
    #[command(flatten)]
    NotBuilt(not_built::NotBuilt),
}

/// `nutkin serve`.
#[derive(Debug, Clone, Default, Args)]
pub struct ServeArgs {
    /// Socket; default: in the state directory.
    #[arg(long, value_name = "PATH")]
    pub socket: Option<PathBuf>,
    /// TCP address (not built yet).
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<String>,
    /// Log to stderr as well.
    #[arg(long)]
    pub foreground: bool,
    /// Started by a client: own session, tells its readiness on stdout.
    #[arg(long, hide = true)]
    pub detached: bool,
}

/// `nutkin demo`.
#[derive(Debug, Clone, Default, Args)]
pub struct DemoArgs {
    /// Suspend what runs there with its state, then stop the demo's cluster and manager.
    #[arg(long, conflicts_with = "reset")]
    pub stop: bool,
    /// End everything of the demo at once and remove it for good: its history, artifacts, manifests, savepoints and
    /// checkpoints. Begins nothing anew; on a terminal it asks first.
    #[arg(long)]
    pub reset: bool,
    /// Yes to the question of --reset.
    #[arg(short, long, requires = "reset")]
    pub yes: bool,
    /// Leave manager and cluster running and print where they are.
    #[arg(long)]
    pub no_console: bool,
    /// Flink's version; fetched, whatever FLINK_HOME says.
    #[arg(long, value_name = "V", conflicts_with = "flink_home")]
    pub flink_version: Option<String>,
    /// An unpacked Flink, instead of fetching one. Default: FLINK_HOME.
    #[arg(long, value_name = "DIR")]
    pub flink_home: Option<PathBuf>,
}
