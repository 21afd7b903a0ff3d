//! `target check`: everything that can be looked at without changing anything on the cluster. What the look shows of restore
//! points goes into the books, as everything that is seen does.

use std::sync::Arc;

use super::{
    eyes,
    inner::Inner,
    ports::{
        cluster::{Cluster, TargetSpec},
        store::Changes,
    },
    submit::Checks,
    watcher,
};
use crate::{
    contract::plan::{Check, REACHABLE},
    domain::{
        event::{EventName, NewEvent, Severity},
        flink::TaskManager,
        ids::TargetName,
        options,
        savepoint::{Savepoint, Status},
        target::SavepointAccess,
        time::{Timestamp, humane},
    },
};

/// Reachability, TLS, authentication, version, slots, savepoint directory, clock, and the restore points where somebody may look.
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
            c.fail(REACHABLE, e.message, "check the URL, the network, TLS and credentials");
            return c.0;
        }
    };
    c.ok(REACHABLE, format!("{} answers", entry.spec.addresses().join(", ")));
    connection(&mut c, &entry.spec);
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
    task_managers(&mut c, &*cluster).await;
    match cluster.config().await {
        Ok(conf) if conf.web_submit => c.ok("submit", "it takes submissions"),
        Ok(_) => c.warn("submit", "it takes no submissions: observe, savepoint, suspend and cancel only"),
        Err(e) => c.warn("submit", e.message),
    }
    let conf = cluster.jobmanager_config().await.unwrap_or_default();
    let own = options::savepoint_directory(&conf).map(str::to_owned);
    match entry.spec.savepoint_directory.clone().or(own) {
        Some(dir) => c.ok("savepointDirectory", dir),
        None => c.warn(
            "savepointDirectory",
            "no savepoint directory: neither in the target nor in the cluster's configuration",
        ),
    }
    clock(&mut c, &*cluster, inner.now()).await;
    eyes::prove(inner, name).await;
    match inner.trust.can_look(&entry.spec) {
        Ok(()) => {
            c.ok("savepointAccess", format!("{}: savepoints are looked at", entry.spec.savepoint_access));
            restore_points(inner, &mut c, name, &entry.spec).await;
        }
        Err(why) if entry.spec.savepoint_access == SavepointAccess::None => c.ok("savepointAccess", why),
        Err(why) => c.warn("savepointAccess", format!("{why}; until then nothing is called missing")),
    }
    inner.wake(name).notify_one();
    c.0
}

/// Two heartbeats at Flink's default interval: who is not heard of for longer is on the way to being given up.
const HEARD_SECONDS: u64 = 20;

/// TaskManagers that the JobManager has not heard of for a while, against those that it has: both by its own clock.
async fn task_managers(c: &mut Checks, cluster: &dyn Cluster) {
    let all = match cluster.task_managers().await {
        Ok(all) if all.is_empty() => return,
        Ok(all) => all,
        Err(e) => return c.warn("taskManagers", e.message),
    };
    match silent(&all) {
        Some(text) => c.warn("taskManagers", text),
        None => c.ok("taskManagers", "all of them are heard of"),
    }
}

fn silent(all: &[TaskManager]) -> Option<String> {
    let newest = all.iter().filter_map(|t| t.last_heartbeat).max()?;
    let since =
        |t: &TaskManager| Some(newest.seconds_since(t.last_heartbeat?)).filter(|s| *s > HEARD_SECONDS);
    let (t, seconds) = all.iter().filter_map(|t| Some((t, since(t)?))).max_by_key(|(_, s)| *s)?;
    Some(format!(
        "the JobManager has not heard of TaskManager {} for {}: its {} slots may be lost",
        t.id,
        humane(seconds),
        t.slots
    ))
}

/// How the connection is protected, and who nutkin says that it is; both were good enough for an answer.
fn connection(c: &mut Checks, spec: &TargetSpec) {
    let https = spec.addresses().iter().all(|a| a.trim().starts_with("https:"));
    let tls = spec.tls.clone().unwrap_or_default();
    if https {
        let ca =
            if tls.ca_file.is_some() { "the system's or tls.caFile's roots" } else { "the system's roots" };
        let client = if tls.cert_file.is_some() { ", with a client certificate" } else { "" };
        c.ok("tls", format!("https, the certificate is trusted by {ca}{client}"));
    } else {
        c.ok("tls", "plain http: nothing on the way is encrypted");
    }
    let auth = spec.auth.clone().unwrap_or_default();
    c.ok(
        "auth",
        match (auth.user, auth.token_file) {
            (Some(user), _) => format!("basic, as {user}: taken"),
            (None, Some(file)) => format!("bearer token of {file}: taken"),
            (None, None) => "none is sent, and none is asked for".to_owned(),
        },
    );
}

/// What is further apart than this makes the ages of snapshots wrong in a way that people would notice.
const MOST_SKEW_SECONDS: u64 = 30;

/// Ages are the JobManager's times against this clock. Flink tells its own only with a job, at most 3 s late.
async fn clock(c: &mut Checks, cluster: &dyn Cluster, ours: Timestamp) {
    let job = cluster.jobs().await.ok().and_then(|j| j.items.into_iter().next());
    let detail = match job {
        Some(job) => cluster.job(&job.id).await.ok().flatten(),
        None => None,
    };
    let Some(theirs) = detail.and_then(|d| d.now) else {
        c.ok("clock", "not compared: Flink tells its clock only with a job, and there is none");
        return;
    };
    let (skew, word) = if theirs > ours {
        (theirs.seconds_since(ours), "ahead of")
    } else {
        (ours.seconds_since(theirs), "behind")
    };
    if skew <= MOST_SKEW_SECONDS {
        c.ok("clock", "the JobManager's clock agrees with this host's");
    } else {
        let text = format!(
            "the JobManager's clock is {} {word} this host's: ages and loss windows are wrong by that much",
            humane(skew)
        );
        c.warn("clock", text);
    }
}

/// So many restore points of a deployment are looked at.
const LOOKED_AT: usize = 20;

/// Looks at the restore points of the target's deployments; what is gone from its place is called so in the catalogue, and
/// what is back counts again.
async fn restore_points(inner: &Arc<Inner>, c: &mut Checks, name: &TargetName, spec: &TargetSpec) {
    let known: Vec<Savepoint> = {
        let world = inner.world();
        let here = world.on(name);
        let counts = |s: &&Savepoint| matches!(s.status, Status::Completed | Status::Missing);
        here.flat_map(|e| e.savepoints.iter().filter(counts).take(LOOKED_AT).cloned()).collect()
    };
    let (mut seen, mut unknown, mut gone) = (0u32, 0u32, Vec::new());
    for sp in known {
        let Some(place) = sp.location.clone() else { continue };
        match inner.deps.eyes.is_complete(spec, &place).await {
            None => unknown += 1,
            Some(there) => {
                seen += u32::from(there);
                if !there {
                    gone.push(place);
                }
                note(inner, &sp, there).await;
            }
        }
    }
    let rest = if unknown > 0 { format!(", {unknown} could not be looked at") } else { String::new() };
    match gone.first() {
        None => c.ok("restorePoints", format!("{seen} are at their places{rest}")),
        Some(first) => c.warn(
            "restorePoints",
            format!("{} are gone from their places, for example {first}; {seen} are there{rest}", gone.len()),
        ),
    }
}

/// Writes what a look at a restore point has shown, unless its row has changed meanwhile.
async fn note(inner: &Arc<Inner>, seen: &Savepoint, there: bool) {
    let gate = inner.gate().await;
    let now = inner.now();
    let row = inner
        .world()
        .by_id(&seen.deployment)
        .and_then(|e| e.savepoints.iter().find(|s| s.id == seen.id && s.status == seen.status).cloned());
    let Some(mut row) = row else { return };
    let place = row.location.clone().unwrap_or_default();
    let told = match (there, row.status) {
        (false, Status::Completed) => {
            row.status = Status::Missing;
            Some((Severity::Error, EventName::SavepointMissing, format!("{place} is gone from its place")))
        }
        (true, Status::Missing) => {
            row.status = Status::Completed;
            Some((Severity::Info, EventName::SavepointChanged, format!("{place} is at its place again")))
        }
        _ => None,
    };
    if there {
        row.verified_at = Some(now);
    }
    let mut changes = Changes::default();
    if let Some((severity, name, text)) = told {
        let world = inner.world();
        let event = NewEvent::auto(now, severity, name, text);
        changes.events.extend(world.by_id(&row.deployment).map(|e| watcher::about(e, event)));
    }
    changes.savepoints.push(row);
    if let Err(e) = inner.commit(&gate, changes).await {
        tracing::warn!(error = %e, "what was seen of a restore point could not be written");
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::none_heard_yet(&[None, None], None)]
    #[case::all_heard(&[Some(100), Some(108)], None)]
    #[case::one_is_silent(&[Some(100), Some(145)], Some("TaskManager tm0 for 45s"))]
    #[case::one_has_just_come(&[None, Some(145)], None)]
    fn a_silent_task_manager_is_named(#[case] heard: &[Option<i64>], #[case] says: Option<&str>) {
        let all: Vec<TaskManager> = heard
            .iter()
            .enumerate()
            .map(|(i, at)| TaskManager {
                id: format!("tm{i}"),
                slots: 4,
                slots_free: 0,
                last_heartbeat: at.map(|s| Timestamp::from_millis(s * 1000)),
            })
            .collect();
        let said = silent(&all);
        assert_eq!(said.is_some(), says.is_some(), "{said:?}");
        assert!(says.is_none_or(|s| said.unwrap().contains(s)));
    }
}
