//! The traits that adapters implement, and the plain data that crosses them.

pub mod cluster;
pub mod store;

use std::sync::Arc;

/// Randomness as a port: fresh bytes for keys.
pub trait Random: Send + Sync + std::fmt::Debug {
    /// Sixteen random bytes.
    fn bytes16(&self) -> [u8; 16];
    /// A fresh, time-ordered id.
    fn id(&self, now: crate::domain::time::Timestamp) -> String;
}

/// Makes the client of a target's cluster from its document; one client per TLS and proxy identity is shared inside.
pub trait ClusterFactory: Send + Sync + std::fmt::Debug {
    /// Fails when the document cannot work: a bad URL, an unreadable CA file, a missing token file.
    fn connect(
        &self,
        target: &cluster::TargetSpec,
    ) -> Result<Arc<dyn cluster::Cluster>, cluster::ClusterError>;
}

/// Looks at savepoints where the target's `savepointAccess` allows it.
#[async_trait::async_trait]
pub trait SavepointEyes: Send + Sync + std::fmt::Debug {
    /// Children of `directory`, each with whether it holds `_metadata`; `None` = nobody can look there.
    async fn children(&self, target: &cluster::TargetSpec, directory: &str) -> Option<Vec<SavepointChild>>;
    /// Whether `location` holds a complete snapshot; `None` = nobody can look there.
    async fn is_complete(&self, target: &cluster::TargetSpec, location: &str) -> Option<bool>;
}

/// One child of a savepoint's target directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavepointChild {
    /// Its location, in the directory's own scheme.
    pub location: String,
    /// It holds `_metadata`: it is complete.
    pub complete: bool,
    /// Bytes of its files, where known.
    pub size: Option<u64>,
}

/// What a jar says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JarInfo {
    /// `Main-Class` or `program-class` of the manifest.
    pub main_class: Option<String>,
    /// Classes with a `public static void main(String[])`, sorted; at most a few hundred.
    pub entry_classes: Vec<String>,
}

/// Looks into jars; nothing is ever extracted.
pub trait JarReader: Send + Sync + std::fmt::Debug {
    /// What the jar says; an error text when it is not a jar.
    fn inspect(&self, file: &std::path::Path) -> Result<JarInfo, String>;
}
