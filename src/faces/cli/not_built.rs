//! Commands that are planned and not there yet: they answer with a word, rather than as if nobody had thought of them.

use clap::{Args, Subcommand};

use super::exit::Outcome;
use crate::contract::problem::{Code, Problem};

/// Whatever is given to it.
#[derive(Debug, Args)]
#[command(disable_help_flag = true)]
pub struct Anything {
    #[arg(hide = true, num_args = 0.., trailing_var_arg = true, allow_hyphen_values = true)]
    _rest: Vec<String>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum NotBuilt {
    /// Copy a program from one deployment to another.
    #[command(hide = true)]
    Promote(Anything),
    /// Logs of JobManager and TaskManagers.
    #[command(hide = true)]
    Logs(Anything),
    /// The console's themes.
    #[command(hide = true)]
    Themes(Anything),
    /// The console's keys.
    #[command(hide = true)]
    Keys(Anything),
    /// Access over TCP.
    #[command(hide = true)]
    Token(Anything),
}

impl NotBuilt {
    /// Refuses, and says what does the same today.
    pub(super) fn refuse(&self) -> Outcome {
        let (name, instead) = match self {
            Self::Promote(_) => (
                "promote",
                "bring the same jar to the other deployment: nutkin upgrade APP/NAME --artifact SHA",
            ),
            Self::Logs(_) => ("logs", "what failed, with its stack trace: nutkin get exceptions APP/NAME"),
            Self::Themes(_) => ("themes", "theme = \"dark\", \"light\" or \"mono\" in: nutkin config edit"),
            Self::Keys(_) => ("keys", "the console lists its keys with ?"),
            Self::Token(_) => (
                "token",
                "a manager is reached by its socket: nutkin --server unix:PATH, over SSH from elsewhere",
            ),
        };
        let text = format!("nutkin {name} is not built yet; nothing was changed");
        Err(Problem::new(Code::NotSupported, text).hint(instead))
    }
}
