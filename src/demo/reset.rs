//! `nutkin demo --reset`: what would be lost, and the end of it.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{
    Error,
    cluster::Cluster,
    play::Demo,
    report::Report,
    stage::{MARKER, TARGET},
};
use crate::{
    client::{connect, routes},
    contract::problem::{Code, Problem},
    domain::event::Via,
};

/// What `--reset` did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reset {
    /// There was a demo, and it is removed.
    pub reset: bool,
    /// Its state directory.
    pub state_dir: String,
}

impl Demo<'_> {
    /// What a reset would remove for good; `None` where it removes nothing. Starts no manager and changes nothing.
    pub async fn at_stake(&self) -> Option<String> {
        let state = self.managers.state_dir();
        is_ours(state).then_some(())?;
        let jobs = match connect::running(&self.managers.place, Via::Cli).await {
            Some(client) => client.get(&routes::target(TARGET)).await.ok().and_then(|t| t.jobs_running),
            None => None,
        };
        Some(stake(state, jobs))
    }

    /// Ends everything and removes the demo's folder and the profile's.
    ///
    /// # Errors
    /// When the state directory is not one that the demo has made: then nothing was changed.
    pub async fn reset(&self, report: &mut Report<'_>) -> Result<Reset, Error> {
        let state = self.managers.state_dir();
        let state_dir = state.display().to_string();
        if !state.exists() {
            report.done(&format!("there is no demo in {state_dir}; nothing was changed"));
            return Ok(Reset { reset: false, state_dir });
        }
        if !is_ours(state) {
            return Err(Error::NotAProfile(state.to_owned()));
        }
        report.doing("ending Flink and the manager");
        self.managers.stop(self.clock).await?;
        if let Some(mut cluster) = Cluster::open(&self.places.cluster())? {
            cluster.stop(self.clock).await?;
        }
        if self.managers.is_up() {
            let detail = "Flink is stopped and nothing was removed: an open console, or another client, has started the \
                          manager again";
            let hint = format!("close it, then again: {} --reset", self.command);
            return Err(Problem::new(Code::WrongState, detail).hint(hint).into());
        }
        for folder in [&self.places.folder, state] {
            super::dist::remove(folder)
                .map_err(|source| Error::Io { what: format!("remove {}", folder.display()), source })?;
        }
        report.done(&format!(
            "the demo is gone, with {}; what was fetched stays in {}",
            state.display(),
            self.places.cache.display()
        ));
        Ok(Reset { reset: true, state_dir })
    }
}

/// A state directory that the demo has made.
fn is_ours(state: &Path) -> bool {
    is_profile(state) && state.join(MARKER).is_file()
}

/// `…/profiles/NAME`: a folder that is wholly ours. One named by `--state-dir` may hold anything.
fn is_profile(state_dir: &Path) -> bool {
    let parent = |path: &Path| path.parent().map(Path::to_owned);
    let profiles = parent(state_dir);
    let root = profiles.as_deref().and_then(parent);
    let named =
        |path: Option<PathBuf>, name: &str| path.is_some_and(|p| p.file_name().is_some_and(|n| n == name));
    named(profiles, "profiles") && named(root, "nutkin")
}

/// What would be lost, for the question.
fn stake(state: &Path, jobs: Option<u32>) -> String {
    let jobs = match jobs {
        None | Some(0) => String::new(),
        Some(1) => "ends 1 running job without a savepoint, ".to_owned(),
        Some(n) => format!("ends {n} running jobs without a savepoint, "),
    };
    format!(
        "this {jobs}stops Flink and the manager, and removes {} for good: the history, artifacts, \
         manifests, savepoints and checkpoints",
        state.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_profiles_folder_is_ever_removed() {
        assert!(is_profile(Path::new("/h/.local/state/nutkin/profiles/demo")));
        for other in ["/", "/home/me", "/h/.local/state/nutkin", "/h/profiles/demo", "/h/nutkin/profiles"] {
            assert!(!is_profile(Path::new(other)), "{other}");
        }
    }

    #[test]
    fn running_jobs_are_part_of_what_is_lost() {
        let state = Path::new("/s/demo");
        for (jobs, words) in [
            (None, "this stops Flink"),
            (Some(0), "this stops Flink"),
            (Some(1), "this ends 1 running job without a savepoint, stops Flink"),
            (Some(3), "this ends 3 running jobs without a savepoint, stops Flink"),
        ] {
            let stake = stake(state, jobs);
            assert!(stake.starts_with(words) && stake.contains("removes /s/demo for good"), "{stake}");
        }
    }
}
