//! Flink's JSON, read tolerantly: every leaf may be absent, null, or of another type; unknown fields are skipped, unknown
//! words are kept. What makes an answer Flink's at all is the one field that each conversion insists on.

mod asynchronous;
mod checkpoints;
mod cluster;
mod jobs;

use serde::Deserialize;

pub(super) use asynchronous::AsyncDto;
pub(super) use checkpoints::{CheckpointConfigDto, CheckpointsDto};
pub(super) use cluster::{
    ConfigDto, JarsDto, MetricDto, OverviewDto, Pair, RunDto, TaskManagersDto, TriggerDto, UploadedDto,
};
pub(super) use jobs::{DetailDto, ExceptionsDto, JobConfigDto, JobsDto, StatusDto};

/// A thing Flink said, in the port's words; `None` = this is not Flink's answer.
pub(super) trait Convert: for<'de> Deserialize<'de> {
    type Out;
    fn convert(self) -> Option<Self::Out>;
}

/// An answer whose body says nothing.
#[derive(Deserialize)]
pub(super) struct Nothing {}

impl Convert for Nothing {
    type Out = ();
    fn convert(self) -> Option<()> {
        Some(())
    }
}
