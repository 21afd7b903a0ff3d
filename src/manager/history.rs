//! What became of revisions.

use super::ports::store::{OperationQuery, Store, StoreResult};
use crate::domain::{
    ids::DeploymentId,
    operation::{OpState, Operation},
};

/// Operations of a deployment among which the ones that tried a revision are looked for.
const TRIED: u32 = 1_000;

/// What was done with a deployment, newest first.
pub async fn operations(store: &dyn Store, of: &DeploymentId) -> StoreResult<Vec<Operation>> {
    let q = OperationQuery { deployment: Some(of.clone()), active: false, before: None, limit: TRIED };
    store.operations(&q).await
}

/// The operation in which a revision failed, unless it has run in another one.
#[must_use]
pub fn failure(revision: u32, operations: &[Operation]) -> Option<&Operation> {
    failed_in(revision, operations.iter().map(|o| (o.plan.revision, o.state, o)))
}

/// `tried`: revision, state and id of operations, newest first.
fn failed_in<Id>(revision: u32, tried: impl Iterator<Item = (Option<u32>, OpState, Id)>) -> Option<Id> {
    let mut failed = None;
    for (_, state, id) in tried.filter(|(tried, ..)| *tried == Some(revision)) {
        match state {
            OpState::Succeeded => return None,
            OpState::Failed | OpState::FailedNoEffect | OpState::RolledBack => {
                failed = failed.or(Some(id));
            }
            _ => {}
        }
    }
    failed
}

#[cfg(test)]
mod tests {
    use super::*;

    type Tried = &'static [(u32, OpState, u8)];

    #[test]
    fn a_revision_has_failed_when_it_never_ran() {
        use OpState::{Cancelled, Failed, RolledBack, Running, Succeeded};
        let cases: &[(Tried, Option<u8>)] = &[
            (&[], None),
            (&[(2, Succeeded, 1)], None),
            (&[(2, RolledBack, 2), (1, Succeeded, 1)], Some(2)),
            (&[(2, Failed, 3), (2, RolledBack, 2)], Some(3)),
            (&[(2, Succeeded, 3), (2, RolledBack, 2)], None),
            (&[(2, RolledBack, 3), (2, Succeeded, 2)], None),
            (&[(2, Running, 3), (2, Cancelled, 2), (3, Failed, 1)], None),
        ];
        for (tried, expected) in cases {
            let tried = tried.iter().map(|(n, state, id)| (Some(*n), *state, *id));
            assert_eq!(failed_in(2, tried), *expected);
        }
    }
}
