//! Starting what shall run, each deployment on its own: what cannot be started holds up nothing else.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde::Serialize;

use super::{
    Error,
    desk::{deployments, meta, submit},
    play::{Demo, POLL},
    report::Report,
    script,
    stage::TARGET,
};
use crate::{
    client::{Client, program::addressed, routes},
    contract::{
        intent::{Start, Verb},
        model,
        problem::{Code, Problem},
    },
    domain::deployment::{Desired, Observed},
};

/// How long the manager may take to notice that the cluster was started again.
const NOTICE: Duration = Duration::from_secs(60);

/// What the demo shall bring up.
#[derive(Debug, Default)]
pub struct Cast {
    /// The deployments of the demo's own manifests: without them it is not up.
    pub own: BTreeSet<String>,
    /// Whatever was in the books before.
    pub known: BTreeSet<String>,
    /// Flink was started just now, so that no job of before runs.
    pub fresh: bool,
    /// What applying has begun.
    pub begun: Vec<model::Operation>,
}

/// A deployment that was to run and does not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NotStarted {
    /// `APP/NAME`.
    pub deployment: String,
    /// Why.
    pub reason: String,
}

impl Demo<'_> {
    /// Starts what shall run of the deployments that were known before; applying has started the others. Waits for all of
    /// them, and answers those that could not be started.
    ///
    /// # Errors
    /// When a deployment of the demo's own does not run, after everything else was tried; when the manager does not
    /// answer.
    pub async fn start_all(
        &self,
        client: &Client,
        cast: Cast,
        report: &mut Report<'_>,
    ) -> Result<Vec<NotStarted>, Error> {
        let mut failed: BTreeMap<String, Problem> = BTreeMap::new();
        let mut refused = BTreeSet::new();
        let mut operations = cast.begun;
        let stopped = self.stopped();
        let mut seen = self.notice(client, cast.fresh, &cast.known).await?;
        seen.retain(|d| cast.known.contains(&d.deployment));
        for name in script::to_start(&seen, cast.fresh, &stopped) {
            let start = Start { meta: meta("nutkin demo"), ..Start::default() };
            match submit(client, &name, &Verb::Start(start)).await {
                Ok(operation) => operations.extend(operation),
                Err(error) => {
                    refused.insert(name.clone());
                    failed.insert(name, about_one(error)?);
                }
            }
        }
        // Only now: a start that was not accepted is tried again by the next run.
        self.keep_stopped(&stopped.intersection(&refused).cloned().collect())?;
        report.done("the manager runs and knows the payments dashboard");
        for operation in operations {
            let name = operation.deployment.clone();
            if let Err(error) = self.finish(client, operation, report).await {
                failed.insert(name, about_one(error)?);
            }
        }
        for (name, problem) in &failed {
            report.failed(&not_started(&self.program, name, problem));
        }
        match failed.iter().find(|(name, _)| cast.own.contains(*name)) {
            Some((name, problem)) => Err(without(name, problem.clone()).into()),
            None => Ok(failed
                .into_iter()
                .map(|(deployment, problem)| NotStarted { deployment, reason: reason(&problem).to_owned() })
                .collect()),
        }
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
}

/// The problem, where it is one deployment's; a manager that does not answer is everybody's.
fn about_one(error: Error) -> Result<Problem, Error> {
    match error {
        Error::Problem(problem) if problem.code != Code::ManagerUnreachable => Ok(*problem),
        other => Err(other),
    }
}

/// Why; that nothing was changed goes without saying where something is not started.
fn reason(problem: &Problem) -> &str {
    problem.detail.trim_end_matches("; nothing was changed")
}

/// One line: who, why, and what to do with this `nutkin`.
fn not_started(program: &str, name: &str, problem: &Problem) -> String {
    let hint = problem.hint.as_ref().map(|hint| format!(" ({})", addressed(hint, program)));
    format!("{name} is not started: {}{}", reason(problem), hint.unwrap_or_default())
}

/// The demo is not up without this one.
fn without(name: &str, mut problem: Problem) -> Problem {
    let reason = reason(&problem);
    problem.detail = format!(
        "{name} is not started: {reason}; Flink, the manager and whatever else started go on running"
    );
    problem
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_the_deployment_the_reason_and_the_way_out() {
        let bare = Problem::new(Code::PreflightFailed, "the revision has no artifact; nothing was changed");
        let line = "pay/a is not started: the revision has no artifact";
        assert_eq!(not_started("nutkin -x", "pay/a", &bare), line);
        let helpful = bare.clone().hint("give one: nutkin upgrade pay/a --jar FILE");
        assert_eq!(
            not_started("nutkin -x", "pay/a", &helpful),
            format!("{line} (give one: nutkin -x upgrade pay/a --jar FILE)")
        );
        assert!(without("pay/a", bare).detail.starts_with(&format!("{line}; Flink")));
    }

    #[test]
    fn a_manager_that_is_away_is_everybodys_problem() {
        let problem = |code| Error::from(Problem::new(code, "x"));
        assert!(about_one(problem(Code::PreflightFailed)).is_ok());
        assert!(about_one(problem(Code::ManagerUnreachable)).is_err());
    }
}
