//! The command itself: `nutkin demo`, `--stop`, `--reset`.
//!
//! ```text
//!   up:    stage ──▶ manager ──▶ artifacts ──▶ apply what is new ──▶ start what shall run ──▶ wait
//!   stop:  suspend what runs ──▶ wait ──▶ stop Flink ──▶ stop the manager        state is kept
//!   reset: stop the manager ──▶ end Flink ──▶ remove the profile's folder       nothing is kept
//! ```

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use indexmap::IndexMap;
use serde::Serialize;

use super::{
    Error,
    cluster::{Cluster, Process},
    desk::{apply, deployments, failure, known, meta, progress, submit, upload},
    managers::Managers,
    report::Report,
    requirements::Machine,
    script,
    stage::{self, Flink, Places, TARGET},
};
use crate::{
    client::{Client, routes},
    contract::{
        intent::{Start, Suspend, Verb},
        model,
    },
    domain::{
        deployment::{Desired, Observed},
        operation::OpState,
        time::Clock,
    },
};

/// How often the manager is asked how far an operation is.
const POLL: Duration = Duration::from_millis(300);
/// How long the manager may take to notice that the cluster was started again.
const NOTICE: Duration = Duration::from_secs(60);
/// The deployments that `--stop` has suspended, one a line, in the demo's folder.
const STOPPED: &str = "stopped";

/// What runs, for machines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// The cluster.
    pub target: OutcomeTarget,
    /// `APP/NAME` of every deployment.
    pub deployments: Vec<String>,
    /// Release of the program → content hash of its jar.
    pub artifacts: IndexMap<String, String>,
}

/// A name and an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OutcomeTarget {
    /// The target's name.
    pub name: String,
    /// Where its REST API is.
    pub url: String,
}

/// What the person asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Bring everything up on this Flink.
    Up(Flink),
    /// Suspend and stop.
    Stop,
    /// Forget everything.
    Reset,
}

/// Everything that the demo works with.
#[derive(Debug)]
pub struct Demo<'a> {
    /// Where it may write.
    pub places: Places,
    /// How the manager is found, started and stopped.
    pub managers: Managers,
    /// Where programs are.
    pub machine: Machine,
    /// Time.
    pub clock: &'a dyn Clock,
}

impl Demo<'_> {
    /// Does it; answers what runs afterwards, when something does.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn run(&self, action: &Action, report: &mut Report<'_>) -> Result<Option<Outcome>, Error> {
        match action {
            Action::Up(flink) => self.up(flink, report).await.map(Some),
            Action::Stop => self.stop(report).await.map(|()| None),
            Action::Reset => self.reset(report).await.map(|()| None),
        }
    }

    /// What to try, with the folder of the jars; for people, below the steps.
    #[must_use]
    pub fn hints(&self) -> String {
        let deployment = "payments-dashboard/production";
        format!(
            "\nTry in the console (nutkin --profile demo): on production press u, choose payments-v2.jar, and watch\n\
             payments since birth go on counting. payments-v3-broken.jar fails and rolls back by itself.\n\
             The same from a shell:\n  \
             nutkin --profile demo upgrade {deployment} --artifact payments-v2.jar --version-label v2\n  \
             nutkin --profile demo suspend {deployment}\n\
             Manifests and jars to play with: {}\n\
             nutkin demo --stop suspends everything with its state; nutkin demo --reset forgets it.",
            self.places.manifests().display()
        )
    }

    /// Brings everything up, or finds it running.
    ///
    /// # Errors
    /// See [`Error`]. What was reached stays, so that the same command goes on from there.
    pub async fn up(&self, flink: &Flink, report: &mut Report<'_>) -> Result<Outcome, Error> {
        let stage = stage::set(flink, &self.places, &self.machine, self.clock, report).await?;
        report.doing("connecting to the manager");
        let client = self.managers.connect().await?;
        let artifacts = upload(&client, &stage, report).await?;
        let known = known(&client).await?;
        let mut operations = apply(&client, &self.places.manifests(), &artifacts, &known).await?;
        operations.extend(self.start(&client, stage.fresh, &known).await?);
        report.done("the manager runs and knows the payments dashboard");
        for operation in operations {
            self.finish(&client, operation, report).await?;
        }
        let deployments = deployments(&client).await?;
        for d in &deployments {
            report.done(&format!("{} is {}", d.deployment, d.observed.as_str()));
        }
        Ok(Outcome {
            target: OutcomeTarget { name: TARGET.to_owned(), url: stage.cluster.url() },
            deployments: deployments.into_iter().map(|d| d.deployment).collect(),
            artifacts,
        })
    }

    /// Suspends what runs, then stops Flink and the manager; the next start goes on from there.
    ///
    /// # Errors
    /// When a deployment cannot be suspended: Flink and the manager then go on running.
    pub async fn stop(&self, report: &mut Report<'_>) -> Result<(), Error> {
        let cluster = Cluster::open(&self.places.cluster())?;
        let Some(mut cluster) = cluster.filter(|c| c.processes().iter().any(Process::is_alive)) else {
            self.managers.stop(self.clock).await?;
            report.done("Flink was not running; the manager is stopped");
            return Ok(());
        };
        let client = self.managers.connect().await?;
        let running = script::to_suspend(&deployments(&client).await?, TARGET);
        self.remember_stopped(&running)?;
        let mut operations = Vec::new();
        for name in &running {
            let meta = meta("nutkin demo --stop");
            operations
                .extend(submit(&client, name, &Verb::Suspend(Suspend { meta, ..Suspend::default() })).await?);
        }
        for operation in operations {
            self.finish(&client, operation, report).await?;
        }
        report.doing("stopping Flink and the manager");
        cluster.stop(self.clock).await?;
        self.managers.stop(self.clock).await?;
        let kept = match running.as_slice() {
            [] => "nothing ran there".to_owned(),
            names => format!("{} suspended with their state", names.join(", ")),
        };
        report.done(&format!("Flink and the manager are stopped; {kept}"));
        Ok(())
    }

    /// Ends everything and removes the demo's folder and the profile's.
    ///
    /// # Errors
    /// When the state directory is not a profile's own: then nothing was changed.
    pub async fn reset(&self, report: &mut Report<'_>) -> Result<(), Error> {
        let state = self.managers.state_dir();
        if !is_profile(state) {
            return Err(Error::NotAProfile(state.to_owned()));
        }
        report.doing("ending Flink and the manager");
        self.managers.stop(self.clock).await?;
        if let Some(mut cluster) = Cluster::open(&self.places.cluster())? {
            cluster.stop(self.clock).await?;
        }
        for folder in [&self.places.folder, state] {
            super::dist::remove(folder).map_err(|source| io_error("remove", folder, source))?;
        }
        report.done(&format!(
            "the demo is gone, with {}; what was fetched stays in {}",
            state.display(),
            self.places.cache.display()
        ));
        Ok(())
    }

    /// Starts what shall run of the deployments that were known before; applying has started the others.
    async fn start(
        &self,
        client: &Client,
        fresh: bool,
        known: &BTreeSet<String>,
    ) -> Result<Vec<model::Operation>, Error> {
        let stopped = self.stopped();
        let mut seen = self.notice(client, fresh, known).await?;
        seen.retain(|d| known.contains(&d.deployment));
        let mut operations = Vec::new();
        for name in script::to_start(&seen, fresh, &stopped) {
            let start = Start { meta: meta("nutkin demo"), ..Start::default() };
            operations.extend(submit(client, &name, &Verb::Start(start)).await?);
        }
        // Only now: a start that was not accepted is tried again by the next run.
        super::dist::remove(&self.stopped_file()).map_err(|e| io_error("remove", &self.stopped_file(), e))?;
        Ok(operations)
    }

    /// Waits until the manager has seen that, on a fresh cluster, the jobs of before are gone.
    async fn notice(
        &self,
        client: &Client,
        fresh: bool,
        known: &BTreeSet<String>,
    ) -> Result<Vec<model::Deployment>, Error> {
        let deadline = self.clock.boottime() + NOTICE;
        loop {
            let seen = deployments(client).await?;
            let target = client.get(&routes::target(TARGET)).await?;
            let stale = |d: &model::Deployment| {
                d.target == TARGET
                    && known.contains(&d.deployment)
                    && d.desired == Desired::Running
                    && d.operation.is_none()
                    && matches!(d.observed, Observed::Running | Observed::Transitioning)
            };
            let settled = !fresh || (target.reachable == Some(true) && !seen.iter().any(stale));
            if settled || self.clock.boottime() >= deadline {
                return Ok(seen);
            }
            self.clock.sleep(POLL).await;
        }
    }

    /// Shows an operation's steps until it has ended.
    async fn finish(
        &self,
        client: &Client,
        operation: model::Operation,
        report: &mut Report<'_>,
    ) -> Result<(), Error> {
        let mut operation = operation;
        while operation.state.is_active() && operation.state != OpState::NeedsAttention {
            report.doing(&progress(&operation));
            self.clock.sleep(POLL).await;
            operation = client.get(&routes::operation(&operation.operation_id)).await?;
        }
        if operation.state == OpState::Succeeded {
            report.done(&format!("{} of {} succeeded", operation.kind.as_str(), operation.deployment));
            return Ok(());
        }
        Err(failure(&operation))
    }

    fn stopped_file(&self) -> PathBuf {
        self.places.folder.join(STOPPED)
    }

    fn stopped(&self) -> BTreeSet<String> {
        let text = fs::read_to_string(self.stopped_file()).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    fn remember_stopped(&self, names: &[String]) -> Result<(), Error> {
        // An earlier attempt may have suspended some already.
        let all: BTreeSet<String> = self.stopped().into_iter().chain(names.iter().cloned()).collect();
        let lines: String = all.iter().map(|name| format!("{name}\n")).collect();
        let file = self.stopped_file();
        fs::write(&file, lines).map_err(|e| io_error("write", &file, e))
    }
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

fn io_error(what: &str, path: &Path, source: io::Error) -> Error {
    Error::Io { what: format!("{what} {}", path.display()), source }
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
}
