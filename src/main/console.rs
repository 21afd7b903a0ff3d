//! Opens the console.

use std::io::{self, IsTerminal as _};

use nutkin::{
    contract::problem::{Code, Problem},
    faces::cli::{Exit, Global, context},
};

/// Runs the console until the person leaves it.
pub fn run(global: &Global) -> Exit {
    let problem = if io::stdin().is_terminal() && io::stdout().is_terminal() {
        Problem::new(Code::NotSupported, "the console is not built in yet")
    } else {
        Problem::new(Code::BadRequest, "the console needs a terminal")
    };
    let problem = problem.hint("`nutkin --help` lists the commands");
    context::report(&problem, global.output, io::stderr().is_terminal());
    Exit(problem.code.exit_code())
}
