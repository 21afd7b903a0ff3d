//! Profiles: a mistyped name must not open an empty store in silence.
//!
//! ```text
//!   --profile P, its folder is there ─→ nothing to say
//!                 … is not there     ─→ a command that makes something: "new profile P" on stderr
//!                                     └ any other: refused, with the names that there are
//! ```

use std::{
    io::{self, Write as _},
    path::Path,
};

use crate::{
    config::Paths,
    contract::problem::{Code, Problem},
    domain::names,
};

/// A profile that does not exist yet, and its neighbours. `None`: no profile was named, or it is there.
#[must_use]
pub fn missing(paths: &Paths) -> Option<(String, Vec<String>)> {
    let name = paths.profile.as_ref()?;
    let folder = paths.state_dir.parent()?;
    let is_ours = folder.file_name().is_some_and(|f| f == "profiles")
        && paths.state_dir.file_name().is_some_and(|f| f.to_str() == Some(name));
    if !is_ours || paths.state_dir.is_dir() {
        return None;
    }
    Some((name.clone(), folders(folder)))
}

fn folders(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<String> = entries
        .filter(|e| e.file_type().is_ok_and(|t| t.is_dir()))
        .filter_map(|e| e.file_name().into_string().ok())
        .collect();
    found.sort();
    found
}

/// Where else something may be when there is nothing here: the profiles, if none was named.
#[must_use]
pub fn elsewhere(paths: &Paths) -> Option<String> {
    let known = paths.profile.is_none().then(|| folders(&paths.state_dir.join("profiles")))?;
    let options: Vec<String> = known.iter().map(|name| format!("--profile {name}")).collect();
    (!options.is_empty())
        .then(|| format!("this is the default profile; there is also {}", options.join(", ")))
}

/// Tells that a profile is about to be made.
pub fn announce(paths: &Paths) {
    if let Some((name, _)) = missing(paths) {
        // Nobody is left to tell when stderr is gone.
        writeln!(io::stderr(), "new profile {name} in {}", paths.state_dir.display()).ok();
    }
}

/// The refusal of a command that has nothing to read there.
pub fn exists(paths: &Paths) -> Result<(), Problem> {
    missing(paths).map_or(Ok(()), |(name, known)| Err(refusal(&name, &known)))
}

fn refusal(name: &str, known: &[String]) -> Problem {
    let near = names::nearest(name, known.iter().map(String::as_str));
    let there = match (near, known) {
        (Some(near), _) => format!("did you mean {near}?"),
        (None, []) => "there is none yet".to_owned(),
        (None, known) => format!("there are: {}", known.join(", ")),
    };
    Problem::new(Code::NotFound, format!("there is no profile {name:?}; nothing was started"))
        .hint(format!("{there}; `nutkin --profile {name} target add NAME URL` makes a new one"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_what_there_is() {
        let hint = |known: &[&str]| {
            let known: Vec<String> = known.iter().map(|k| (*k).to_owned()).collect();
            refusal("prdo", &known).hint.unwrap_or_default()
        };
        assert!(hint(&["demo", "prod"]).starts_with("did you mean prod?; `nutkin --profile prdo target add"));
        assert!(hint(&["demo", "staging"]).starts_with("there are: demo, staging; "));
        assert!(hint(&[]).starts_with("there is none yet; "));
    }

    #[test]
    fn who_forgot_the_profile_is_told_of_it() {
        let home = tempfile::tempdir().unwrap();
        let paths = |profile: Option<&str>| Paths {
            config_file: home.path().join("config.toml"),
            state_dir: home.path().to_owned(),
            cache_dir: home.path().to_owned(),
            profile: profile.map(str::to_owned),
            named: false,
            note: None,
        };
        assert_eq!(elsewhere(&paths(None)), None);
        std::fs::create_dir_all(home.path().join("profiles/demo")).unwrap();
        let told = elsewhere(&paths(None)).unwrap();
        assert_eq!(told, "this is the default profile; there is also --profile demo");
        assert_eq!(elsewhere(&paths(Some("prod"))), None);
    }
}
