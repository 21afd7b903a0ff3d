//! What goes into the books with an intent, an outcome, an end. Everything here travels in the same commit as the
//! operation's own change, so the catalogue can never say less than the operation.
//!
//! ```text
//!   INTENT ─▶ intent_rows     a savepoint STARTED, a job without a state, files DELETING
//!   judged ─▶ outcome_rows    COMPLETED, FAILED or UNKNOWN; started, ended, never submitted
//!   ended  ─▶ finish          the deployment's desired state, its layer, the result in words
//! ```

mod end;
mod intent;
mod outcome;

use crate::{
    domain::{
        ids::SavepointId,
        location,
        savepoint::{Savepoint, Status},
    },
    manager::{
        inner::Inner,
        ports::store::{Changes, StoreResult},
    },
};
pub use end::{finish, put_back};
pub use intent::intent_rows;
pub use outcome::outcome_rows;

/// A snapshot's new status, for every row of its place.
async fn set_status(
    inner: &Inner,
    id: &SavepointId,
    status: Status,
    failure: Option<String>,
    changes: &mut Changes,
) -> StoreResult<()> {
    let Some(row) = inner.deps.store.savepoint(id).await? else { return Ok(()) };
    let here = |s: &Savepoint| match (&s.location, &row.location) {
        (Some(a), Some(b)) => location::same(a, b),
        _ => false,
    };
    // A copied row is the same files: what happens to them happens to every row of the place.
    let all = inner.deps.store.savepoints(Some(&row.deployment), u32::MAX).await?;
    let same = all.into_iter().filter(|s| s.id == row.id || (here(s) && s.status != Status::Deleted));
    changes.savepoints.extend(same.map(|s| Savepoint { status, failure: failure.clone(), ..s }));
    Ok(())
}
