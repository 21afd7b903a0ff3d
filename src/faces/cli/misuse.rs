//! A command line that the grammar does not take: for people as clap writes it, for machines as a problem.

use std::ffi::OsString;

use clap::{CommandFactory as _, error::ErrorKind};

use super::{
    args::{Cli, Format},
    exit::Exit,
    output,
};
use crate::contract::problem::{Code, Problem};

/// Says what is wrong with the arguments, or prints the help that was asked for; nothing was sent.
pub fn misused(error: &clap::Error, arguments: &[OsString]) -> Exit {
    let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    if !asked && wants_json(arguments) {
        output::report(&problem(error), Format::Json, std::io::IsTerminal::is_terminal(&std::io::stderr()));
    } else {
        // Nobody is left to tell when the stream is gone.
        error.print().ok();
    }
    Exit(u8::try_from(error.exit_code()).unwrap_or(Exit::USAGE.0))
}

/// Whether the last word about the output is JSON, in a command line that could not be read as a whole.
fn wants_json(arguments: &[OsString]) -> bool {
    let grammar = Cli::command();
    let output = grammar.get_arguments().find(|arg| arg.get_id() == "output");
    let long = output.and_then(|o| o.get_long()).map(|l| format!("--{l}")).unwrap_or_default();
    let short = output.and_then(clap::Arg::get_short).map(|s| format!("-{s}")).unwrap_or_default();
    let words: Vec<&str> = arguments.iter().filter_map(|a| a.to_str()).collect();
    let mut values = words.iter().enumerate().filter_map(|(n, word)| {
        let rest = word
            .strip_prefix(&long)
            .or_else(|| word.strip_prefix(&short).filter(|_| !word.starts_with("--")))?;
        if rest.is_empty() { words.get(n + 1).copied() } else { Some(rest.trim_start_matches('=')) }
    });
    values.next_back() == Some("json")
}

/// The first paragraph is what is wrong, the others are what to do.
fn problem(error: &clap::Error) -> Problem {
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return Problem::new(Code::BadRequest, "a command or an argument is missing; nothing was sent")
            .hint("--help lists what there is");
    }
    let text = error.render().to_string();
    let mut parts = text.split("\n\n").map(|part| part.split_whitespace().collect::<Vec<_>>().join(" "));
    let what = parts.next().unwrap_or_default();
    let what = what.strip_prefix("error: ").unwrap_or(&what);
    let hints: Vec<String> = parts.filter(|part| !part.is_empty()).collect();
    Problem::new(Code::BadRequest, format!("{what}; nothing was sent")).hint(hints.join("; "))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(&["-o", "json", "get"], true)]
    #[case(&["get", "-ojson"], true)]
    #[case(&["get", "-o=json"], true)]
    #[case(&["get", "--output", "json"], true)]
    #[case(&["get", "--output=json"], true)]
    #[case(&["get", "-o", "json", "-o", "yaml"], false)]
    #[case(&["get", "json"], false)]
    #[case(&["get", "-o"], false)]
    fn machines_are_known_by_their_output(#[case] arguments: &[&str], #[case] json: bool) {
        let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
        assert_eq!(wants_json(&arguments), json);
    }

    #[test]
    fn what_is_wrong_comes_first_and_what_to_do_after_it() {
        let error = Cli::try_parse_from(["nutkin", "get", "deploymnts"]).unwrap_err();
        let problem = problem(&error);
        assert!(problem.detail.starts_with("invalid value 'deploymnts'"), "{problem:?}");
        assert!(problem.hint.as_ref().unwrap().contains("'deployments'"), "{problem:?}");
    }
}
