//! How this program is called again: `nutkin`, with what chooses the same manager.

use crate::contract::{plan::Plan, problem::Problem};

/// A text whose commands (after a colon, in backquotes, or the text's beginning) are written with `program`, so that
/// they reach the manager that the text is about. A manager behind a socket is not looked after from here: it is asked how
/// it is instead.
#[must_use]
pub fn addressed(text: &str, program: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("nutkin ") {
        let (before, from) = rest.split_at(at);
        let after = &from["nutkin ".len()..];
        let begins = |s: &str| s.is_empty() || s.ends_with(": ") || s.ends_with('`');
        out.push_str(before);
        let is_command = begins(&out) && after.starts_with(|c: char| c.is_ascii_lowercase());
        out.push_str(if is_command { program } else { "nutkin" });
        out.push(' ');
        rest = after;
        if is_command && program.contains(" --server ") {
            rest = not_from_here(rest, &mut out);
        }
    }
    out.push_str(rest);
    out
}

/// Writes `doctor` for a command that begins here and is of `nutkin manager`; answers what is left of the text.
fn not_from_here<'a>(text: &'a str, out: &mut String) -> &'a str {
    let Some(word) = text.strip_prefix("manager ") else { return text };
    out.push_str("doctor");
    word.trim_start_matches(|c: char| c.is_ascii_lowercase())
}

/// The problem, with the commands of its hints as they must be typed here.
#[must_use]
pub fn problem(mut problem: Problem, program: &str) -> Problem {
    problem.hint = problem.hint.map(|h| addressed(&h, program));
    problem.plan = problem.plan.map(|p| Box::new(plan(*p, program)));
    problem
}

/// The plan, with the commands of its checks as they must be typed here.
#[must_use]
pub fn plan(mut plan: Plan, program: &str) -> Plan {
    for check in &mut plan.checks {
        check.hint = check.hint.take().map(|h| addressed(&h, program));
    }
    plan
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hints_command_reaches_the_same_manager() {
        for (text, expected) in [
            ("start it: nutkin start a/b", "start it: nutkin --profile p start a/b"),
            ("`nutkin manager log` shows it", "`nutkin --profile p manager log` shows it"),
            ("nutkin get jobs", "nutkin --profile p get jobs"),
            (
                "end it: nutkin cancel a/b; or: nutkin fork a/b",
                "end it: nutkin --profile p cancel a/b; or: nutkin --profile p fork a/b",
            ),
            ("another nutkin may manage it", "another nutkin may manage it"),
            ("make one: nutkin --profile q apply", "make one: nutkin --profile q apply"),
            ("", ""),
        ] {
            assert_eq!(addressed(text, "nutkin --profile p"), expected);
        }
    }

    #[test]
    fn a_manager_behind_a_socket_is_asked_and_not_looked_after() {
        let program = "nutkin --server unix:/s";
        for (text, expected) in [
            ("`nutkin manager log` shows it", "`nutkin --server unix:/s doctor` shows it"),
            ("run: nutkin manager restart", "run: nutkin --server unix:/s doctor"),
            ("nutkin get jobs", "nutkin --server unix:/s get jobs"),
        ] {
            assert_eq!(addressed(text, program), expected);
        }
    }
}
