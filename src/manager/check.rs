//! `target check`: everything that can be looked at without changing anything.

use std::sync::Arc;

use super::{inner::Inner, submit::Checks};
use crate::{
    contract::plan::Check,
    domain::{ids::TargetName, target::SavepointAccess},
};

/// Reachability, version, capabilities, slots, savepoint directory.
pub async fn target(inner: &Arc<Inner>, name: &TargetName) -> Vec<Check> {
    let mut c = Checks::default();
    let Some(entry) = inner.world().targets.get(name).cloned() else { return vec![] };
    let cluster = match entry.cluster {
        Ok(cluster) => cluster,
        Err(e) => {
            c.fail("configuration", e.message, "correct the target's document and apply it again");
            return c.0;
        }
    };
    let overview = match cluster.overview().await {
        Ok(o) => o,
        Err(e) => {
            c.fail("reachable", e.message, "check the URL, the network, TLS and credentials");
            return c.0;
        }
    };
    c.ok("reachable", format!("{} answers", entry.spec.addresses().join(", ")));
    c.ok("version", format!("Flink {}", overview.flink_version));
    if overview.task_managers == 0 {
        c.warn("slots", "no TaskManager is registered");
    } else {
        c.ok(
            "slots",
            format!(
                "{} of {} slots are free on {} TaskManagers",
                overview.slots_free, overview.slots_total, overview.task_managers
            ),
        );
    }
    match cluster.config().await {
        Ok(conf) if conf.web_submit => c.ok("submit", "it takes submissions"),
        Ok(_) => c.warn("submit", "it takes no submissions: observe, savepoint, suspend and cancel only"),
        Err(e) => c.warn("submit", e.message),
    }
    let conf = cluster.jobmanager_config().await.unwrap_or_default();
    let own = ["execution.checkpointing.savepoint-dir", "state.savepoints.dir"]
        .iter()
        .find_map(|k| conf.get(*k).cloned());
    match entry.spec.savepoint_directory.clone().or(own) {
        Some(dir) => c.ok("savepointDirectory", dir),
        None => c.warn(
            "savepointDirectory",
            "no savepoint directory: neither in the target nor in the cluster's configuration",
        ),
    }
    let access = entry.spec.savepoint_access;
    let words = match access {
        SavepointAccess::None => "nobody looks at savepoints: their existence stays unverified",
        SavepointAccess::Local => "file: paths are looked at on this host",
        SavepointAccess::Command => "savepoints are looked at by a command",
    };
    c.ok("savepointAccess", format!("{access}: {words}"));
    inner.wake(name).notify_one();
    c.0
}
