//! The detached manager's word to the client that started it.
//!
//! ```text
//!   stdout is the client's pipe ── "ready" | "held" | a problem as JSON ──→ stdout is /dev/null
//! ```

use std::{
    fs::OpenOptions,
    io::{self, Write as _},
};

use nutkin::{
    client::spawn::{HELD, READY},
    contract::problem::Problem,
    faces::cli::{self, Format},
};

/// Where the manager's first word goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    /// To a client, through stdout.
    Pipe,
    /// To a person, on stderr.
    Person,
}

impl Readiness {
    /// It serves.
    pub fn ready(self, socket: &std::path::Path) {
        match self {
            Self::Pipe => say(READY),
            Self::Person => note(&format!("nutkin: the manager listens at {}", socket.display())),
        }
    }

    /// It serves, and not quite as its configuration wants.
    pub fn remark(self, text: &str) {
        if self == Self::Person {
            note(&format!("nutkin: {text}"));
        }
    }

    /// Another manager holds the state directory.
    pub fn held(self, problem: &Problem) {
        match self {
            Self::Pipe => say(HELD),
            Self::Person => cli::output::report(problem, Format::Table, false),
        }
    }

    /// It cannot serve.
    pub fn failed(self, problem: &Problem) {
        match self {
            Self::Pipe => say(&serde_json::to_string(problem).unwrap_or_default()),
            Self::Person => cli::output::report(problem, Format::Table, false),
        }
    }
}

/// One line to the client, who may have gone; afterwards stdout leads nowhere.
fn say(line: &str) {
    writeln!(io::stdout(), "{line}").and_then(|()| io::stdout().flush()).ok();
    if let Ok(nowhere) = OpenOptions::new().write(true).open("/dev/null") {
        rustix::stdio::dup2_stdout(nowhere).ok();
    }
}

fn note(line: &str) {
    writeln!(io::stderr(), "{line}").ok();
}
