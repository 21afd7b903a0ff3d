//! The command itself: `nutkin demo`, `--stop`, `--reset`.
//!
//! ```text
//!   up:    stage ──▶ manager ──▶ artifacts ──▶ apply what is new ──▶ start what shall run ──▶ wait
//!   stop:  wait for what is at work ──▶ suspend what runs ──▶ wait ──▶ stop Flink ──▶ stop the manager
//!   reset: is the folder the demo's? ──▶ stop the manager ──▶ end Flink ──▶ remove the profile's folder
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
    begin::{Cast, NotStarted},
    cluster::{Cluster, Process},
    desk::{apply, deployments, failure, known, meta, progress, submit, upload},
    managers::Managers,
    report::Report,
    requirements::Machine,
    reset::Reset,
    script,
    stage::{self, Flink, Places, TARGET},
};
use crate::{
    client::{Client, routes},
    contract::{
        intent::{Suspend, Verb},
        model,
        problem::{Code, Problem},
    },
    domain::{
        operation::{Kind, OpState},
        time::Clock,
    },
};

/// How often the manager is asked how far an operation is.
pub(super) const POLL: Duration = Duration::from_millis(300);
/// The deployments that `--stop` has suspended, one a line, in the demo's folder.
const STOPPED: &str = "stopped";

/// How often what runs is looked for and suspended, until nothing does.
const ROUNDS: usize = 5;

/// What was done, for machines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Done {
    /// Everything runs.
    Up(Outcome),
    /// Flink and the manager are stopped.
    Stopped(Stopped),
    /// The demo is removed.
    Reset(Reset),
}

/// What `--stop` did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stopped {
    /// Flink ran, and was stopped.
    pub stopped: bool,
    /// `APP/NAME` of every deployment that was suspended with its state.
    pub suspended: Vec<String>,
}

/// What runs, for machines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// The cluster.
    pub target: OutcomeTarget,
    /// `APP/NAME` of every deployment.
    pub deployments: Vec<String>,
    /// Release of the program → content hash of its jar.
    pub artifacts: IndexMap<String, String>,
    /// Deployments beside the demo's own that were to run again and could not be started.
    pub not_started: Vec<NotStarted>,
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
    /// Remove everything.
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
    /// `nutkin`, with what chooses the demo's manager.
    pub program: String,
    /// The demo's own command line.
    pub command: String,
    /// Time.
    pub clock: &'a dyn Clock,
}

impl Demo<'_> {
    /// Does it; answers what was done.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn run(&self, action: &Action, report: &mut Report<'_>) -> Result<Done, Error> {
        match action {
            Action::Up(flink) => self.up(flink, report).await.map(Done::Up),
            Action::Stop => self.stop(report).await.map(Done::Stopped),
            Action::Reset => self.reset(report).await.map(Done::Reset),
        }
    }

    /// What to try, with the folder of the jars; for people, below the steps.
    #[must_use]
    pub fn hints(&self) -> String {
        let deployment = "payments-dashboard/production";
        let Self { program, command, .. } = self;
        format!(
            "\nTry in the console ({program}): on production press u, choose payments-v2.jar, and watch\n\
             payments since birth go on counting. payments-v3-broken.jar fails and rolls back by itself.\n\
             The same from a shell:\n  \
             {program} upgrade {deployment} --artifact payments-v2.jar --version-label v2\n  \
             {program} suspend {deployment}\n\
             Manifests and jars to play with: {}\n\
             {command} --stop suspends everything with its state; {command} --reset removes it.",
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
        let (own, begun) = apply(&client, &self.places.manifests(), &artifacts, &known).await?;
        let cast = Cast { own, known, fresh: stage.fresh, begun };
        let not_started = self.start_all(&client, cast, report).await?;
        let deployments = deployments(&client).await?;
        for d in &deployments {
            report.done(&format!("{} is {}", d.deployment, d.observed.as_str()));
        }
        Ok(Outcome {
            target: OutcomeTarget { name: TARGET.to_owned(), url: stage.cluster.url() },
            deployments: deployments.into_iter().map(|d| d.deployment).collect(),
            artifacts,
            not_started,
        })
    }

    /// Suspends what runs, then stops Flink and the manager; the next start goes on from there.
    ///
    /// # Errors
    /// When a deployment cannot be suspended: Flink and the manager then go on running.
    pub async fn stop(&self, report: &mut Report<'_>) -> Result<Stopped, Error> {
        let cluster = Cluster::open(&self.places.cluster())?;
        let Some(mut cluster) = cluster.filter(|c| c.processes().iter().any(Process::is_alive)) else {
            report.done(match self.managers.stop(self.clock).await? {
                true => "Flink was not running; the manager is stopped",
                false => "neither Flink nor the manager was running; nothing was changed",
            });
            return Ok(Stopped { stopped: false, suspended: Vec::new() });
        };
        let client = self.managers.connect().await?;
        let suspended = self.suspend_all(&client, report).await?;
        report.doing("stopping Flink and the manager");
        cluster.stop(self.clock).await?;
        self.managers.stop(self.clock).await?;
        let kept = match suspended.as_slice() {
            [] => "nothing ran there".to_owned(),
            names => format!("{} suspended with their state", names.join(", ")),
        };
        let again = match self.managers.is_up() {
            true => "; an open console, or another client, has started the manager again",
            false => "",
        };
        report.done(&format!("Flink and the manager are stopped; {kept}{again}"));
        Ok(Stopped { stopped: true, suspended })
    }

    /// Suspends until nothing runs and nothing is at work: an operation under way may leave a job behind when it ends.
    /// Answers what was suspended.
    ///
    /// # Errors
    /// When a suspension fails, or an operation waits for a person.
    pub async fn suspend_all(&self, client: &Client, report: &mut Report<'_>) -> Result<Vec<String>, Error> {
        let mut suspended = BTreeSet::new();
        for _ in 0..ROUNDS {
            let seen = deployments(client).await?;
            let at_work = script::at_work(&seen, TARGET);
            let running = script::to_suspend(&seen, TARGET);
            if at_work.is_empty() && running.is_empty() {
                return Ok(suspended.into_iter().collect());
            }
            for id in &at_work {
                let operation = client.get(&routes::operation(id)).await?;
                self.ended(client, operation, report).await?;
            }
            if !at_work.is_empty() {
                continue;
            }
            // Only what we suspend: what somebody else suspends meanwhile stays so.
            self.remember_stopped(&running)?;
            let mut operations = Vec::new();
            for name in &running {
                let suspend = Suspend { meta: meta("nutkin demo --stop"), ..Suspend::default() };
                operations.extend(submit(client, name, &Verb::Suspend(suspend)).await?);
            }
            for operation in operations {
                if operation.kind == Kind::Suspend {
                    suspended.insert(operation.deployment.clone());
                    self.finish(client, operation, report).await?;
                } else {
                    self.ended(client, operation, report).await?;
                }
            }
        }
        let detail = format!(
            "something on target {TARGET} is started again and again; Flink and the manager go on running"
        );
        Err(Problem::new(Code::WrongState, detail).hint(format!("{} operation list", self.program)).into())
    }

    /// Shows an operation's steps until it has ended, which must be well.
    pub(super) async fn finish(
        &self,
        client: &Client,
        operation: model::Operation,
        report: &mut Report<'_>,
    ) -> Result<(), Error> {
        let operation = self.ended(client, operation, report).await?;
        if operation.state == OpState::Succeeded {
            report.done(&format!("{} of {} succeeded", operation.kind.as_str(), operation.deployment));
            return Ok(());
        }
        Err(failure(&self.program, &operation))
    }

    /// Shows an operation's steps until it has ended, in whatever way.
    async fn ended(
        &self,
        client: &Client,
        mut operation: model::Operation,
        report: &mut Report<'_>,
    ) -> Result<model::Operation, Error> {
        while operation.state.is_active() && operation.state != OpState::NeedsAttention {
            report.doing(&progress(&operation));
            self.clock.sleep(POLL).await;
            operation = client.get(&routes::operation(&operation.operation_id)).await?;
        }
        if operation.state == OpState::NeedsAttention {
            return Err(failure(&self.program, &operation));
        }
        Ok(operation)
    }

    fn stopped_file(&self) -> PathBuf {
        self.places.folder.join(STOPPED)
    }

    /// What `--stop` has suspended and no start has taken up since.
    pub(super) fn stopped(&self) -> BTreeSet<String> {
        let text = fs::read_to_string(self.stopped_file()).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    fn remember_stopped(&self, names: &[String]) -> Result<(), Error> {
        // An earlier attempt may have suspended some already.
        self.keep_stopped(&self.stopped().into_iter().chain(names.iter().cloned()).collect())
    }

    /// Writes down what the next start shall run again.
    pub(super) fn keep_stopped(&self, names: &BTreeSet<String>) -> Result<(), Error> {
        let file = self.stopped_file();
        if names.is_empty() {
            return super::dist::remove(&file).map_err(|e| io_error("remove", &file, e));
        }
        let lines: String = names.iter().map(|name| format!("{name}\n")).collect();
        fs::write(&file, lines).map_err(|e| io_error("write", &file, e))
    }
}

fn io_error(what: &str, path: &Path, source: io::Error) -> Error {
    Error::Io { what: format!("{what} {}", path.display()), source }
}
