//! Deployment targets. A session cluster is all REST; what is left for this machine is looking at savepoints where the
//! target's document says that they can be seen from here.

mod command;
mod local;

use async_trait::async_trait;

use crate::manager::ports::{
    SavepointChild, SavepointEyes,
    cluster::{SavepointAccess, TargetSpec},
};

/// The [`SavepointEyes`] of this machine: `LOCAL` reads `file:` paths itself, `COMMAND` asks a program.
#[derive(Debug, Clone, Copy, Default)]
pub struct Eyes;

#[async_trait]
impl SavepointEyes for Eyes {
    async fn children(&self, target: &TargetSpec, directory: &str) -> Option<Vec<SavepointChild>> {
        match target.savepoint_access {
            SavepointAccess::Local => local::children(directory).await,
            // A command answers whether one path is there, not what lies below it.
            SavepointAccess::None | SavepointAccess::Command => None,
        }
    }

    async fn is_complete(&self, target: &TargetSpec, location: &str) -> Option<bool> {
        match target.savepoint_access {
            SavepointAccess::None => None,
            SavepointAccess::Local => local::is_complete(location).await,
            SavepointAccess::Command => {
                command::is_there(target.savepoint_command.as_deref()?, &command::metadata_of(location)).await
            }
        }
    }
}
