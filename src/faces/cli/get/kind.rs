//! Which kind of object is meant: by its word, or by a name with a slash, which only deployments have.

use clap::{
    ValueEnum,
    builder::{EnumValueParser, PossibleValue, TypedValueParser},
};

use crate::contract::problem::{Code, Problem};

/// What can be listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Where deployments run.
    #[value(alias = "target")]
    Targets,
    /// Groups of deployments.
    #[value(aliases = ["application", "app", "apps"])]
    Applications,
    /// Instances of applications.
    #[value(aliases = ["deployment", "deploy"])]
    Deployments,
    /// Flink jobs: of deployments, or with --target all of a cluster.
    #[value(alias = "job")]
    Jobs,
    /// Restore points.
    #[value(alias = "savepoint")]
    Savepoints,
    /// Lifecycle actions.
    #[value(aliases = ["operation", "op", "ops"])]
    Operations,
    /// The event log.
    #[value(alias = "event")]
    Events,
    /// Configuration history of a deployment.
    #[value(alias = "revision")]
    Revisions,
    /// Jars that the manager keeps.
    #[value(aliases = ["artifact", "jars"])]
    Artifacts,
    /// Exceptions of a deployment's job.
    #[value(alias = "exception")]
    Exceptions,
    /// Checkpoints of a deployment's job.
    #[value(alias = "checkpoint")]
    Checkpoints,
}

/// A kind, or a deployment's name in its place.
#[derive(Debug, Clone)]
pub(super) enum What {
    Kind(Kind),
    Deployment(String),
}

/// Reads a [`What`]: only names of deployments have a slash.
#[derive(Debug, Clone)]
pub(super) struct WhatParser;

impl TypedValueParser for WhatParser {
    type Value = What;

    fn parse_ref(
        &self,
        cmd: &clap::Command,
        arg: Option<&clap::Arg>,
        value: &std::ffi::OsStr,
    ) -> Result<What, clap::Error> {
        match value.to_str() {
            Some(name) if name.contains('/') => Ok(What::Deployment(name.to_owned())),
            _ => EnumValueParser::<Kind>::new().parse_ref(cmd, arg, value).map(What::Kind),
        }
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(Kind::value_variants().iter().filter_map(ValueEnum::to_possible_value)))
    }
}

impl What {
    /// The kind and the name that were meant.
    pub(super) fn with(self, name: Option<String>) -> Result<(Kind, Option<String>), Problem> {
        match (self, name) {
            (Self::Kind(kind), name) => Ok((kind, name)),
            (Self::Deployment(name), None) => Ok((Kind::Deployments, Some(name))),
            (Self::Deployment(first), Some(second)) => {
                Err(Problem::new(Code::BadRequest, format!("{first:?} stands where a kind is expected"))
                    .hint(format!(
                        "write the kind first: deployment {first}, savepoints {first}, job {second} …"
                    )))
            }
        }
    }
}

impl Kind {
    /// As it is written.
    pub(super) fn word(self) -> String {
        self.to_possible_value().map(|v| v.get_name().to_owned()).unwrap_or_default()
    }
}
