//! The verbs of the matrix: how each is set up, submitted, and how it must end.

use nutkin::{
    client::{Act, routes},
    contract::{
        intent::{DisposeSavepoint, Fork, Meta, Reset, Rollback, Upgrade, Verb},
        plan::Submitted,
    },
    domain::{deployment::Observed, operation::OpState},
};
use serde_json::{Value, json};

use super::scene::Scene;
use crate::{
    fake::RunOutcome,
    manager::rig::{cancel, confirmed, name, restart, start, suspend, take},
};

/// One verb in one situation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Play {
    Savepoint,
    Cancel,
    Suspend,
    Start,
    Restart,
    Upgrade,
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
        json!({ "savepointAccess": access })
    }

    /// From a deployment that was never started to the verb's point of departure.
    pub async fn set_up(self, s: &mut Scene) {
        s.house.done("prod", start()).await;
        match self {
            Self::Start => s.house.done("prod", suspend()).await,
            Self::Rollback => s.house.done("prod", upgrade(&s.v2)).await,
            Self::Dispose | Self::DisposeBlind | Self::Reset => {
                s.choose().await;
                s.house.done("prod", suspend()).await;
            }
            Self::ResetAndStart => s.choose().await,
            Self::UpgradeFromCheckpoint => s.fails_in_a_loop().await,
            Self::WayBack => s.fake.on_jar("Mark: v2", RunOutcome::TaskFailsAtOnce("task boom".into())),
            _ => {}
        }
    }

    /// The request.
    pub fn request(self, s: &Scene) -> Act<Submitted> {
        let verb = match self {
            Self::Savepoint => take(),
            Self::Cancel => cancel(),
            Self::Suspend => suspend(),
            Self::Start => start(),
            Self::Restart => restart(),
            Self::Upgrade | Self::WayBack => upgrade(&s.v2),
            Self::UpgradeFromCheckpoint => {
                let Verb::Upgrade(mut up) = upgrade(&s.v2) else { unreachable!() };
                up.from = Some("last-checkpoint".into());
                Verb::Upgrade(up)
            }
            Self::Rollback => Verb::Rollback(Rollback::default()),
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
                let meta = Meta { yes: true, confirm: Some(name("prod").to_string()), ..Meta::default() };
                return routes::dispose_savepoint(&s.chosen().savepoint_id, &DisposeSavepoint { meta });
            }
        };
        routes::verb(&name("prod"), &confirmed(verb, "prod"))
    }

    pub fn ends_as(self) -> OpState {
        if self == Self::WayBack { OpState::RolledBack } else { OpState::Succeeded }
    }

    /// What the deployment is then seen to be doing.
    pub fn observed(self) -> Observed {
        match self {
            Self::Suspend | Self::Dispose | Self::DisposeBlind | Self::Reset => Observed::Suspended,
            Self::Cancel => Observed::Cancelled,
            _ => Observed::Running,
        }
    }

    /// The revision that it then has.
    pub fn revision(self) -> u32 {
        if matches!(self, Self::Upgrade | Self::UpgradeFromCheckpoint) { 2 } else { 1 }
    }

    pub fn keeps(self) -> Keeps {
        match self {
            Self::Cancel | Self::UpgradeFromCheckpoint => Keeps::LastCheckpoint,
            Self::Reset | Self::ResetAndStart => Keeps::Chosen,
            Self::Dispose | Self::DisposeBlind => Keeps::Nothing,
            _ => Keeps::Everything,
        }
    }
}

fn upgrade(artifact: &str) -> Verb {
    Verb::Upgrade(Box::new(Upgrade {
        artifact: Some(artifact.to_owned()),
        version_label: Some("v2".into()),
        parallelism: Some(3),
        ..Upgrade::default()
    }))
}
