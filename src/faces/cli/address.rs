//! Which manager a command line means, and how the same one is named again.
//!
//! ```text
//!   flags, one at most   --server | --state-dir | --profile
//!   else variables       NUTKIN_SERVER, NUTKIN_STATE_DIR, NUTKIN_PROFILE: the first that is set
//!   else                 the default state directory
//! ```

use std::path::PathBuf;

use super::args::Global;
use crate::{
    config::{
        Paths,
        paths::{self, Choice, PathError, Surroundings},
    },
    contract::problem::{Code, Problem},
};

/// The flags with the manager that NUTKIN_SERVER names, and where files are. A flag that names a manager or a state
/// directory is stronger than the variable; two flags that do are refused.
pub fn settle(mut global: Global, around: &Surroundings) -> Result<(Global, Paths), Problem> {
    let named = global.profile.is_some() || global.state_dir.is_some();
    match &global.server {
        Some(server) if named => {
            let detail = format!(
                "--server {server} names one manager, --profile or --state-dir another; nothing was sent"
            );
            return Err(Problem::new(Code::BadRequest, detail).hint("give one of them"));
        }
        None if !named => global.server = around.var("NUTKIN_SERVER").map(str::to_owned),
        _ => {}
    }
    let paths = find_paths(&global, around).map_err(|e| path_problem(&e))?;
    Ok((global, paths))
}

/// The socket of the manager that was named, when one was.
pub fn server_socket(global: &Global) -> Result<Option<PathBuf>, Problem> {
    let Some(server) = global.server.as_deref() else { return Ok(None) };
    match server.strip_prefix("unix:").filter(|path| !path.is_empty()) {
        Some(path) => Ok(Some(PathBuf::from(path))),
        None => Err(Problem::new(
            Code::NotSupported,
            format!("--server {server}: only unix:PATH is built so far; nothing was sent"),
        )
        .hint("forward the socket: ssh -L /tmp/nutkin.sock:REMOTE_SOCKET host, then --server unix:/tmp/nutkin.sock")),
    }
}

/// `nutkin`, with what chooses the same manager again, as a shell reads it.
#[must_use]
pub fn invocation(global: &Global, paths: &Paths) -> String {
    let chooses = match (&global.server, &paths.profile) {
        (Some(server), _) => Some(("--server", server.clone())),
        (None, Some(profile)) => Some(("--profile", profile.clone())),
        (None, None) if paths.named => Some(("--state-dir", paths.state_dir.display().to_string())),
        (None, None) => None,
    };
    chooses.map_or_else(|| "nutkin".to_owned(), |(flag, value)| format!("nutkin {flag} {}", quoted(&value)))
}

/// A word as a shell reads it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/:._-+=@%,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// Where files are, as the flags say.
pub fn find_paths(global: &Global, around: &Surroundings) -> Result<Paths, PathError> {
    let choice = Choice {
        state_dir: global.state_dir.clone(),
        profile: global.profile.clone(),
        config: global.config.clone(),
    };
    paths::resolve(&choice, around)
}

/// A path that cannot be named, as a problem.
#[must_use]
pub fn path_problem(e: &PathError) -> Problem {
    Problem::new(Code::BadRequest, e.message.clone()).hint(e.hint.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn around(env: &[(&str, &str)]) -> Surroundings {
        let environment = env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Surroundings { environment, current: "/work".into(), ..Surroundings::default() }
    }

    #[test]
    fn the_same_manager_is_addressed_again() {
        const HOME: (&str, &str) = ("HOME", "/h");
        let global = |server: Option<&str>, profile: Option<&str>, dir: Option<&str>| Global {
            server: server.map(str::to_owned),
            profile: profile.map(str::to_owned),
            state_dir: dir.map(PathBuf::from),
            ..Global::default()
        };
        for (flags, env, expected) in [
            (global(None, None, None), [HOME, HOME], "nutkin"),
            (global(None, Some("p"), None), [HOME, ("NUTKIN_STATE_DIR", "/s")], "nutkin --profile p"),
            (global(None, Some("p"), None), [HOME, ("NUTKIN_SERVER", "unix:/a")], "nutkin --profile p"),
            (global(None, None, None), [HOME, ("NUTKIN_PROFILE", "team")], "nutkin --profile team"),
            (global(None, None, None), [HOME, ("NUTKIN_STATE_DIR", "s")], "nutkin --state-dir /work/s"),
            (global(None, None, Some("a b")), [HOME, HOME], "nutkin --state-dir '/work/a b'"),
            (global(None, None, None), [HOME, ("NUTKIN_SERVER", "unix:/a")], "nutkin --server unix:/a"),
            (
                global(Some("unix:/x"), None, None),
                [HOME, ("NUTKIN_SERVER", "unix:/a")],
                "nutkin --server unix:/x",
            ),
        ] {
            let (global, paths) = settle(flags, &around(&env)).unwrap();
            assert_eq!(invocation(&global, &paths), expected, "{env:?}");
        }
        let two = settle(global(Some("unix:/x"), Some("p"), None), &around(&[HOME])).unwrap_err();
        assert_eq!(two.code.exit_code(), 2);
    }

    #[test]
    fn words_are_quoted_for_a_shell() {
        for (word, expected) in
            [("a/b-1", "a/b-1"), ("", "''"), ("a b", "'a b'"), ("it's", "'it'\\''s'"), ("$x", "'$x'")]
        {
            assert_eq!(quoted(word), expected);
        }
    }
}
