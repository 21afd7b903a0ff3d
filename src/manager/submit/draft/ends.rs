//! How a live job is brought to its end: cancelled, replaced, or left for its last checkpoint.

use super::{Building, request_of};
use crate::{
    contract::restore_from::RestoreFrom,
    domain::{
        operation::{RestoreSource, recipe::Stop},
        restore::Request,
        savepoint::{Format, Origin, Status},
        spec::{RestoreStrategy, UpgradeStrategy},
        time::humane,
    },
    manager::{ManagerResult, submit::preflight},
};

impl Building<'_> {
    pub(super) fn cancel(&mut self) -> ManagerResult<()> {
        // What is superseded may have stopped the job already, or not have started one yet.
        if self.takeover.is_none() && self.facts.other_live.is_empty() {
            self.wants_job()?;
        }
        for job in &self.facts.other_live {
            self.warnings.push(format!(
                "job {} of this deployment lives beside its books: it is cancelled too",
                job.flink
            ));
        }
        self.stop = Stop::Discard;
        let retained = self.facts.checkpoint_config.as_ref().is_some_and(|c| c.retained);
        let newest = self.facts.checkpoints.as_ref().and_then(|c| c.latest_completed.as_ref());
        let usable = self.facts.entry.savepoints.iter().any(|s| s.status == Status::Completed);
        self.irreversible.push("no savepoint is taken".to_owned());
        match (retained, newest) {
            (true, Some(c)) => {
                self.warnings.push(format!("checkpoint {} is retained and becomes a restore point", c.id))
            }
            (false, Some(_)) => self
                .irreversible
                .push("the job's checkpoints are deleted with it: they are not retained".to_owned()),
            (_, None) => self.warnings.push("the job has no completed checkpoint".to_owned()),
        }
        let left = usable || (retained && newest.is_some());
        if !left {
            self.destructive = true;
            self.irreversible.push("nothing to restore from would be left".to_owned());
        }
        self.adopted_warning();
        Ok(())
    }

    /// Brings the live job to its end and runs a revision after it; without a live job only runs it.
    pub(super) fn replace(
        &mut self,
        from: Option<RestoreFrom>,
        strategy: UpgradeStrategy,
        format: Option<Format>,
        reachable: bool,
    ) {
        self.take(format, Origin::SuspendAndUpgrade);
        if self.facts.live.is_none() {
            let request = match strategy {
                UpgradeStrategy::Stateless => Request::Strategy(RestoreStrategy::None),
                _ => request_of(from, self.facts),
            };
            self.restore(&request);
            return;
        }
        match (from, strategy) {
            (_, UpgradeStrategy::Stateless) => {
                self.stop = Stop::Discard;
                self.destructive = true;
                self.irreversible
                    .push("the job is cancelled without a savepoint and the new one begins empty".to_owned());
            }
            (Some(RestoreFrom::Word(_)), _) => self.last_checkpoint(),
            (Some(RestoreFrom::Id(this) | RestoreFrom::Location(this)), _) => {
                self.stop = Stop::Discard;
                self.restore(&Request::This(this));
                self.destructive = true;
                self.irreversible.push(
                    "the live job is cancelled; its progress since the chosen snapshot is repeated"
                        .to_owned(),
                );
            }
            (None, _) => {
                self.plan.restore = RestoreSource::ThisOperation;
                if reachable {
                    preflight::snapshot(&mut self.checks, self.facts, true);
                }
            }
        }
    }

    pub(super) fn last_checkpoint(&mut self) {
        self.stop = Stop::LastCheckpoint;
        self.plan.restore = RestoreSource::ThisOperation;
        let retained = self.facts.checkpoint_config.as_ref().map(|c| c.retained);
        let newest = self.facts.checkpoints.as_ref().and_then(|c| c.latest_completed.as_ref());
        let kept = self.facts.entry.job.as_ref().is_some_and(|j| j.last_checkpoint.is_some());
        match (retained, newest.is_some() || kept) {
            (Some(true), true) => {
                self.checks.ok(
                    "lastCheckpoint",
                    "the newest completed checkpoint is retained: it outlives the cancel",
                );
                let age = newest.map(|c| self.facts.now.seconds_since(c.triggered_at));
                self.rewind = age;
                let since = age.map(|s| format!(", {} old", humane(s))).unwrap_or_default();
                self.warnings.push(format!(
                    "the job goes on from its last checkpoint{since}; outputs since are produced again"
                ));
            }
            (Some(true), false) => self.checks.fail(
                "lastCheckpoint",
                "the job has no completed checkpoint",
                "wait for one, or begin empty with --upgrade-strategy STATELESS",
            ),
            (Some(false), _) => self.checks.fail(
                "lastCheckpoint",
                "the job's checkpoints are deleted when it ends: they are not retained",
                "stop it with a savepoint, or import a savepoint taken by other means",
            ),
            (None, _) => self.checks.fail(
                "lastCheckpoint",
                "whether the job's checkpoints outlive it is not known",
                "try again when the cluster answers",
            ),
        }
    }
}
