//! What went wrong lately with a deployment: pure questions over the operations that are known.

use super::data::Data;
use crate::{
    contract::model::{Operation, Revision},
    domain::operation::{Kind, OpState},
};

/// It did not reach its goal.
const fn failed(state: OpState) -> bool {
    matches!(state, OpState::Failed | OpState::FailedNoEffect | OpState::RolledBack)
}

/// It changes which job runs: a success of it makes an older failure history.
const fn moves(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Start
            | Kind::Suspend
            | Kind::Cancel
            | Kind::Restart
            | Kind::Upgrade
            | Kind::Rollback
            | Kind::Reset
    )
}

/// The newest operation of a deployment that failed, unless a later one has made it history.
#[must_use]
pub fn last_failure<'d>(data: &'d Data, deployment: &str) -> Option<&'d Operation> {
    let mine = || data.operations.values().filter(|o| o.deployment == deployment);
    let bad = mine().filter(|o| failed(o.state)).max_by_key(|o| o.created_at)?;
    let settled = mine().any(|o| {
        o.created_at > bad.created_at
            && o.state == OpState::Succeeded
            && (moves(o.kind) || o.kind == bad.kind)
    });
    (!settled).then_some(bad)
}

/// What became of a revision that failed.
#[must_use]
pub fn failure(data: &Data, r: &Revision) -> Option<&'static str> {
    let failed_in = r.failed_in.as_ref()?;
    let state = data.operations.get(failed_in).map(|o| o.state);
    Some(if state == Some(OpState::RolledBack) { "failed, was undone" } else { "failed" })
}
