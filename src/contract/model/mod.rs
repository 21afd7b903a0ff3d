//! Read models: what every face shows.

mod deployment;
mod history;
mod snapshot;
mod target;

pub use deployment::{
    Application, Deployment, DeploymentJob, DeploymentOperation, Drift, MetricValue, NextRestorePoint,
    OverriddenValue, RestoredFrom, RootCause, Tasks,
};
pub use history::{Artifact, Event, ExceptionEntry, Job, Operation, Revision, Step, WayBack};
pub use snapshot::{Checkpoint, RestorePoint, Savepoint, SavepointDetail};
pub use target::{Capability, Target, TargetJob};
