//! From rows and sights to read models: pure, and the only place that knows both.

mod deployment;
mod history;
mod restore;
mod target;

pub use deployment::{application, deployment, health_of, row, totals};
pub use history::{artifact, event, job, operation, revision, savepoint};
pub use restore::{
    advice, advice_for, checkpoint, live_checkpoint, next_request, restore_points, savepoint_base,
};
pub use target::{target, target_jobs, unmanaged};
