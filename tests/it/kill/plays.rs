//! The verbs of the matrix: how each is set up, submitted, and how it must end.

use std::time::Duration;

use nutkin::{
    client::{Act, Client, routes},
    contract::{
        intent::{
            Adopt, Cancel, Choose, DeleteDeployment, DisposeSavepoint, Fork, ImportSavepoint, Meta, Reset,
            Rollback, Upgrade, Verb,
        },
        model,
        plan::Submitted,
    },
    domain::{
        deployment::Observed,
        operation::{ChoiceId, OpState, StepName},
        spec::UpgradeStrategy,
    },
    manager::Patience,
};
use serde_json::{Value, json};

use super::scene::Scene;
use crate::{
    fake::{Fault, JobSpec, Phase, RunOutcome, SavepointOutcome, Settings},
    manager::rig::{DEADLINE, REASON, cancel, confirmed, fast, name, restart, start, suspend, take},
};

/// One verb in one situation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Play {
    Savepoint,
    /// Its first attempt fails: killed in the second one as well.
    SavepointAgain,
    Cancel,
    Suspend,
    Start,
    /// On a target that wants the plan compiled first.
    StartWithPlan,
    Restart,
    /// Killed a second time on the way back.
    RestartTwice,
    Upgrade,
    /// Without state: cancelled, and begun empty.
    UpgradeStateless,
    /// Of a job that restarts in a loop, from its last checkpoint.
    UpgradeFromCheckpoint,
    /// The new revision fails: the way back.
    WayBack,
    Rollback,
    /// From a new savepoint, started at once.
    Fork,
    Dispose,
    /// Where nobody may look at savepoints.
    DisposeBlind,
    Reset,
    /// Reset of a job that lives.
    ResetAndStart,
    /// Of a job that somebody else started.
    Adopt,
    Import,
    Delete,
    /// A cancel takes over from a savepoint under way.
    CancelSavepoint,
    /// A suspend takes over from a savepoint under way.
    SuspendSavepoint,
    /// A cancel takes over from an upgrade whose `main()` runs.
    CancelUpgrade,
    /// A stop ended without a trace: a person names the snapshot.
    ChooseSavepointAt,
    /// The same, going on from the last checkpoint.
    ChooseLastCheckpoint,
    /// The new revision failed: a person goes back.
    ChooseRollBack,
    /// The same, trying again.
    ChooseRetry,
    /// The cluster fell silent after a stop was sent: a person lets it be looked at again.
    ChooseLookAgain,
    /// The new job says that it restored something else: a person takes it as it is.
    ChooseAccept,
}

/// What a client sends.
#[derive(Debug, Clone)]
pub enum Request {
    Submit(Act<Submitted>),
    Choose(Act<model::Operation>),
}

impl Request {
    pub async fn send(&self, client: &Client) -> model::Operation {
        match self {
            Self::Submit(act) => match client.act(act).await.unwrap_or_else(|p| panic!("{p:#?}")) {
                Submitted::Operation(op) => *op,
                Submitted::Plan(p) => panic!("{p:#?}"),
            },
            Self::Choose(act) => client.act(act).await.unwrap_or_else(|p| panic!("{p:#?}")),
        }
    }
}

/// Which state must have survived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeps {
    /// All that was counted when the verb began.
    Everything,
    /// All up to the newest checkpoint then.
    LastCheckpoint,
    /// The savepoint that the setup took.
    Chosen,
    /// It has none of its own.
    Nothing,
}

impl Play {
    /// What the target says besides where it is.
    pub fn target(self) -> Value {
        let access = if self == Self::DisposeBlind { "NONE" } else { "LOCAL" };
        json!({ "savepointAccess": access, "planCheck": self == Self::StartWithPlan })
    }

    /// The deployment asks a person when a new revision does not hold.
    pub fn asks_on_failure(self) -> bool {
        matches!(self, Self::ChooseRollBack | Self::ChooseRetry)
    }

    /// Only kills at this step; all others are those of another play.
    pub fn only(self) -> Option<StepName> {
        match self {
            Self::StartWithPlan => Some(StepName::PlanJar),
            Self::ChooseRetry => Some(StepName::RunJar),
            _ => None,
        }
    }

    /// Acts that are no step of this operation's own: the start of what was forked, the program that was being submitted,
    /// the uploads of the operation that it goes on from.
    pub fn by_others(self) -> &'static [&'static str] {
        match self {
            Self::Fork => &["upload", "run"],
            Self::CancelUpgrade => &["run"],
            Self::ChooseRollBack => &["upload"],
            _ => &[],
        }
    }

    /// The cluster.
    pub fn flink(self) -> Settings {
        // The watcher looks as often as checkpoints come.
        let often = matches!(self, Self::ChooseSavepointAt | Self::ChooseLastCheckpoint);
        Settings { checkpoint_interval: Some(if often { 1_000 } else { 10_000 }), ..Settings::default() }
    }

    /// How long the manager's rules wait.
    pub fn patience(self) -> Patience {
        // Longer than the program's main() takes.
        let submission = Duration::from_secs(6);
        let silence = Duration::from_secs(2);
        match self {
            Self::CancelUpgrade => Patience { submission, ..fast() },
            Self::ChooseLookAgain => Patience { silence, ..fast() },
            _ => fast(),
        }
    }

    /// The deployment that it is about.
    pub fn deployment(self) -> &'static str {
        if self == Self::Adopt { "theirs" } else { "prod" }
    }

    /// From a deployment that was never started to the verb's point of departure.
    pub async fn set_up(self, s: &mut Scene) {
        if self == Self::Adopt {
            let job = s.fake.add_job(JobSpec::default());
            s.fake.until("it runs", DEADLINE, |w| w.jobs[&job].is_running()).await;
            s.theirs = Some(job);
            return;
        }
        s.house.done("prod", start()).await;
        match self {
            Self::Start | Self::StartWithPlan | Self::Delete => s.house.done("prod", suspend()).await,
            Self::Rollback => s.house.done("prod", upgrade(&s.v2)).await,
            Self::Dispose | Self::DisposeBlind | Self::Reset => {
                s.choose().await;
                s.house.done("prod", suspend()).await;
            }
            Self::SavepointAgain => {
                s.fake.next_savepoint(SavepointOutcome::Fails("java.io.IOException: disk full".into()));
            }
            Self::Import => {
                s.house.done("prod", suspend()).await;
                let place = s.savepoints.path().join("theirs/savepoint-a1b2c3-d4e5f6");
                std::fs::create_dir_all(&place).unwrap();
                std::fs::write(place.join("_metadata"), b"state").unwrap();
                s.theirs = Some(format!("file:{}", place.display()));
            }
            Self::ResetAndStart => s.choose().await,
            Self::UpgradeFromCheckpoint => s.fails_in_a_loop().await,
            Self::WayBack => s.fake.on_jar("Mark: v2", RunOutcome::TaskFailsAtOnce("task boom".into())),
            Self::CancelSavepoint | Self::SuspendSavepoint => {
                s.fake.next_savepoint(SavepointOutcome::Held);
                s.leave_at(take(), "POST /savepoints").await;
            }
            Self::CancelUpgrade => {
                s.fake.next_run(RunOutcome::SlowMain(Duration::from_millis(2_500), Box::new(RunOutcome::Ok)));
                s.leave_at(upgrade(&s.v2), "POST /run").await;
            }
            Self::ChooseSavepointAt | Self::ChooseLastCheckpoint => {
                s.choose().await;
                s.checkpoint_is_known().await;
                s.fake.next_savepoint(SavepointOutcome::Held);
                s.leave_at(suspend(), "POST /stop").await;
                s.fake.restart_without_memory();
                s.needs_a_person().await;
            }
            Self::ChooseRollBack | Self::ChooseRetry => {
                s.fake.next_run(RunOutcome::TaskFailsAtOnce("task boom".into()));
                s.leave_at(upgrade(&s.v2), "POST /run").await;
                s.needs_a_person().await;
            }
            Self::ChooseLookAgain => {
                s.fake.next_savepoint(SavepointOutcome::Held);
                s.leave_at(suspend(), "POST /stop").await;
                s.fake.down();
                s.needs_a_person().await;
                s.fake.up();
                s.fake.release_savepoints();
                s.fake.until("it stopped", DEADLINE, |w| w.jobs.values().all(|j| j.is_terminal())).await;
            }
            Self::ChooseAccept => {
                s.leave_at(upgrade(&s.v2.clone()), "POST /run").await;
                let elsewhere = json!({ "counts": {}, "latest": { "restored": {
                    "id": 1, "restore_timestamp": 1, "is_savepoint": true, "external_path": "file:/elsewhere/savepoint-1",
                } } });
                let lie =
                    Fault::on("GET /jobs/*/checkpoints", Phase::Before).answer(200, &elsewhere.to_string());
                s.fake.fault(lie.times(usize::MAX));
                s.needs_a_person().await;
                s.fake.clear_faults();
            }
            _ => {}
        }
    }

    /// The request.
    pub fn request(self, s: &Scene) -> Request {
        let meta = |n: &str| Meta {
            yes: true,
            confirm: Some(name(n).to_string()),
            reason: Some(REASON.into()),
            ..Meta::default()
        };
        let verb = match self {
            Self::Savepoint | Self::SavepointAgain => take(),
            Self::Cancel | Self::CancelSavepoint => cancel(),
            Self::CancelUpgrade => Verb::Cancel(Cancel { supersede: true, ..Cancel::default() }),
            Self::Suspend | Self::SuspendSavepoint => suspend(),
            Self::Start | Self::StartWithPlan => start(),
            Self::Restart | Self::RestartTwice => restart(),
            Self::Upgrade | Self::WayBack => upgrade(&s.v2),
            Self::UpgradeFromCheckpoint | Self::UpgradeStateless => {
                let Verb::Upgrade(mut up) = upgrade(&s.v2) else { unreachable!() };
                match self {
                    Self::UpgradeStateless => up.upgrade_strategy = Some(UpgradeStrategy::Stateless),
                    _ => up.from = Some("last-checkpoint".into()),
                }
                Verb::Upgrade(up)
            }
            Self::Rollback => Verb::Rollback(Rollback::default()),
            Self::Delete => Verb::Delete(DeleteDeployment::default()),
            Self::Fork => Verb::Fork(Fork {
                new_deployment: name("test").to_string(),
                from: Some("new".into()),
                start: true,
                ..Fork::default()
            }),
            Self::Reset | Self::ResetAndStart => Verb::Reset(Reset {
                savepoint: s.chosen().savepoint_id.clone(),
                cancel_and_start: self == Self::ResetAndStart,
                ..Reset::default()
            }),
            Self::Dispose | Self::DisposeBlind => {
                let request = DisposeSavepoint { meta: meta("prod") };
                return Request::Submit(routes::dispose_savepoint(&s.chosen().savepoint_id, &request));
            }
            Self::Adopt => {
                let request = Adopt {
                    deployment: name("theirs").to_string(),
                    meta: meta("theirs"),
                    ..Adopt::default()
                };
                let job = s.theirs.as_deref().unwrap().parse().unwrap();
                return Request::Submit(routes::adopt("fake", &job, &request));
            }
            Self::Import => {
                let location = s.theirs.clone().unwrap();
                let deployment = name("prod").to_string();
                let request = ImportSavepoint {
                    deployment,
                    location,
                    meta: meta("prod"),
                    ..ImportSavepoint::default()
                };
                return Request::Submit(routes::import_savepoint(&request));
            }
            Self::ChooseSavepointAt => return choice(s, ChoiceId::SavepointAt, s.chosen().location.clone()),
            Self::ChooseLastCheckpoint => return choice(s, ChoiceId::LastCheckpoint, None),
            Self::ChooseRollBack => return choice(s, ChoiceId::RollBack, None),
            Self::ChooseRetry => return choice(s, ChoiceId::Retry, None),
            Self::ChooseLookAgain => return choice(s, ChoiceId::LookAgain, None),
            Self::ChooseAccept => return choice(s, ChoiceId::Accept, None),
        };
        Request::Submit(routes::verb(&name("prod"), &confirmed(verb, "prod")))
    }

    pub fn ends_as(self) -> OpState {
        match self {
            Self::WayBack | Self::ChooseRollBack => OpState::RolledBack,
            _ => OpState::Succeeded,
        }
    }

    /// What the deployment is then seen to be doing.
    pub fn observed(self) -> Observed {
        match self {
            Self::Suspend
            | Self::SuspendSavepoint
            | Self::Dispose
            | Self::DisposeBlind
            | Self::Reset
            | Self::Import
            | Self::Delete
            | Self::ChooseSavepointAt
            | Self::ChooseLastCheckpoint
            | Self::ChooseLookAgain => Observed::Suspended,
            Self::Cancel | Self::CancelSavepoint | Self::CancelUpgrade => Observed::Cancelled,
            _ => Observed::Running,
        }
    }

    /// The revision that it then has.
    pub fn revision(self) -> u32 {
        match self {
            Self::Upgrade
            | Self::UpgradeStateless
            | Self::UpgradeFromCheckpoint
            | Self::CancelUpgrade
            | Self::ChooseRetry
            | Self::ChooseAccept => 2,
            _ => 1,
        }
    }

    pub fn keeps(self) -> Keeps {
        match self {
            Self::Cancel
            | Self::CancelSavepoint
            | Self::UpgradeFromCheckpoint
            | Self::ChooseLastCheckpoint => Keeps::LastCheckpoint,
            Self::Reset | Self::ResetAndStart | Self::ChooseSavepointAt => Keeps::Chosen,
            Self::Dispose | Self::DisposeBlind | Self::Import | Self::Delete | Self::UpgradeStateless => {
                Keeps::Nothing
            }
            _ => Keeps::Everything,
        }
    }
}

fn choice(s: &Scene, choice: ChoiceId, location: Option<String>) -> Request {
    let id = s.other.as_deref().expect("the setup left one");
    Request::Choose(routes::choose(id, &Choose { choice, location, reason: None }))
}

fn upgrade(artifact: &str) -> Verb {
    Verb::Upgrade(Box::new(Upgrade {
        artifact: Some(artifact.to_owned()),
        version_label: Some("v2".into()),
        parallelism: Some(3),
        ..Upgrade::default()
    }))
}
