//! The restore advisor: which restore point, why, and why not the others.
//!
//! "Latest" is decided by lineage and trigger time by the JobManager's clock, never by a file's modification time. What
//! was entered from elsewhere has no known age: it comes after everything whose age is known.

mod lineage;
#[cfg(test)]
mod tests;

pub use lineage::{Lineage, Origins};

use super::{
    flink::CheckpointStat,
    ids::SavepointId,
    location,
    savepoint::{Origin, Savepoint, Status},
    spec::RestoreStrategy,
    time::{Timestamp, humane},
};

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// By the deployment's strategy.
    Strategy(RestoreStrategy),
    /// This one: a catalogue id or a place.
    This(String),
}

/// The newest completed checkpoint of a job that lives.
#[derive(Debug, Clone, Copy)]
pub struct LiveCheckpoint<'a> {
    /// What Flink says of it.
    pub stat: &'a CheckpointStat,
    /// Whether it outlives its job; `None` while the job's checkpoint settings have not been read.
    pub retained: Option<bool>,
}

/// What is known.
#[derive(Debug, Clone)]
pub struct Situation<'a> {
    /// The deployment's name, for the words.
    pub deployment: &'a str,
    /// The catalogue of this deployment, in any order.
    pub savepoints: &'a [Savepoint],
    /// A savepoint chosen by a reset for the next start.
    pub armed: Option<&'a SavepointId>,
    /// The history that the last job goes on with; `None` = no job yet, or nobody knows.
    pub lineage: Option<&'a Lineage>,
    /// Newest completed checkpoint of the job that lives now.
    pub live_checkpoint: Option<LiveCheckpoint<'a>>,
    /// Newest known progress of the deployment: the last completed snapshot, whether it still exists or not.
    pub progress: Option<Timestamp>,
    /// The target's Flink.
    pub flink_version: Option<&'a str>,
    /// Now.
    pub now: Timestamp,
}

/// One restore point that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its row; `None` for a live job's checkpoint.
    pub savepoint: Option<SavepointId>,
    /// Its place.
    pub location: Option<String>,
    /// How it came to be.
    pub origin: Option<Origin>,
    /// The moment whose state it holds, where that is known.
    pub state_of: Option<Timestamp>,
    /// Number within its job.
    pub checkpoint_id: Option<u64>,
    /// Seen at its place.
    pub verified: bool,
    /// Why it was passed over; `None` = it was chosen.
    pub rejected: Option<String>,
    /// Progress that a restore from it repeats.
    pub rewind_seconds: Option<u64>,
    /// It is of a branch of the deployment's history that was left.
    pub left: bool,
    /// It is not where it was, or nobody knows whether it was completed: it may be found yet.
    pub astray: bool,
}

/// The advisor's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    /// Every candidate, the chosen one first, then newest first.
    pub candidates: Vec<Candidate>,
    /// The sentence that explains it, without its age, which grows.
    pub why: String,
    /// What the person should know about it.
    pub warning: Option<String>,
    /// True when a person must agree: a newer one is passed over, or nobody knows how much the chosen one repeats.
    pub deviates: bool,
    /// True when the start would begin empty, by request or for want of any snapshot.
    pub empty: bool,
    /// True when the request names something that cannot be used.
    pub refused: bool,
}

impl Advice {
    /// The restore point that was chosen.
    #[must_use]
    pub fn chosen(&self) -> Option<&Candidate> {
        self.candidates.first().filter(|c| !self.refused && !self.empty && c.rejected.is_none())
    }

    /// The sentence with the age that the chosen one has now.
    #[must_use]
    pub fn why_at(&self, now: Timestamp) -> String {
        match self.chosen().and_then(|c| c.state_of) {
            Some(at) => format!("{}, {} old", self.why, humane(now.seconds_since(at))),
            None => self.why.clone(),
        }
    }
}

/// Chooses.
#[must_use]
pub fn choose(request: &Request, s: &Situation<'_>) -> Advice {
    let mut all: Vec<Candidate> = s.savepoints.iter().map(|sp| candidate(sp, s)).collect();
    all.extend(s.live_checkpoint.map(|live| of_live_job(live, s)));
    all.sort_by_key(|c| std::cmp::Reverse((c.state_of, c.checkpoint_id)));
    match request {
        Request::Strategy(RestoreStrategy::None) => wanted_empty(all, s),
        Request::Strategy(strategy) => by_strategy(*strategy, all, s),
        Request::This(wanted) => this(wanted, all, s),
    }
}

/// Nothing is restored, by request.
fn wanted_empty(mut all: Vec<Candidate>, s: &Situation<'_>) -> Advice {
    let stateful = !all.is_empty() || s.progress.is_some();
    for c in &mut all {
        c.rejected.get_or_insert_with(|| "not wanted: the start begins empty".to_owned());
    }
    Advice {
        candidates: all,
        why: "the start begins empty: that is what was asked for".to_owned(),
        warning: None,
        deviates: stateful,
        empty: true,
        refused: false,
    }
}

/// The deployment has no restore point. Where it had come some way, all of that is lost: its checkpoints ended with its job.
fn none_there(s: &Situation<'_>) -> Advice {
    let why = "this deployment has no restore point yet: the start begins empty".to_owned();
    let warning = s.progress.map(|at| {
        format!(
            "the deployment had come as far as {}, and no snapshot of that is left: all of it is lost",
            at.in_words()
        )
    });
    Advice { candidates: vec![], why, deviates: warning.is_some(), warning, empty: true, refused: false }
}

fn by_strategy(strategy: RestoreStrategy, mut all: Vec<Candidate>, s: &Situation<'_>) -> Advice {
    if let Some(i) = s.armed.and_then(|a| all.iter().position(|c| c.savepoint.as_ref() == Some(a))) {
        return match all[i].rejected.clone() {
            None => finish(all, i, |_| "not the one that was chosen by a reset", s, How::Reset),
            // Another one instead would not be what the person chose.
            Some(why) => refuse(all, i, format!("the one that was chosen by a reset cannot be used: {why}")),
        };
    }
    if strategy == RestoreStrategy::LatestSavepoint {
        for c in all.iter_mut().filter(|c| c.origin.is_none() || c.origin == Some(Origin::RetainedCheckpoint))
        {
            c.rejected
                .get_or_insert_with(|| "a checkpoint; the restore strategy is LATEST_SAVEPOINT".to_owned());
        }
    }
    for c in all.iter_mut().filter(|c| c.left) {
        c.rejected.get_or_insert_with(|| "of a history that the deployment has left".to_owned());
    }
    match all.iter().position(|c| c.rejected.is_none()) {
        Some(i) => {
            let how = match strategy {
                RestoreStrategy::LatestSavepoint => How::NewestSavepoint,
                _ => How::Newest,
            };
            let reason = |c: &Candidate| match c.state_of {
                Some(_) => "older than the chosen one",
                None => "its age is not known",
            };
            finish(all, i, reason, s, how)
        }
        None => {
            let newest = all.first().and_then(|c| c.rejected.as_deref());
            let why = match (all.len(), newest) {
                (0, _) => return none_there(s),
                (1, Some(reason)) => format!("its one restore point cannot be used: {reason}"),
                (n, reason) => {
                    format!("none of {n} restore points can be used; the newest: {}", reason.unwrap_or("?"))
                }
            };
            Advice { refused: true, empty: false, candidates: all, why, warning: None, deviates: false }
        }
    }
}

fn this(wanted: &str, mut all: Vec<Candidate>, s: &Situation<'_>) -> Advice {
    let found = all.iter().position(|c| {
        c.savepoint
            .as_ref()
            .is_some_and(|id| id.as_str() == wanted || (wanted.len() >= 6 && id.as_str().ends_with(wanted)))
            || c.location.as_deref().is_some_and(|l| location::same(l, wanted))
    });
    match found {
        Some(i) if all[i].rejected.is_none() => {
            finish(all, i, |_| "not the one that was asked for", s, How::Named)
        }
        Some(i) => {
            let reason = all[i].rejected.clone().unwrap_or_default();
            refuse(all, i, format!("the restore point that was asked for cannot be used: {reason}"))
        }
        None => {
            for c in &mut all {
                c.rejected.get_or_insert_with(|| "not the one that was asked for".to_owned());
            }
            Advice {
                candidates: all,
                why: format!(
                    "{wanted} is not a restore point of {}; import it first, or fork from the other deployment",
                    s.deployment
                ),
                warning: None,
                deviates: false,
                empty: false,
                refused: true,
            }
        }
    }
}

/// The one that was meant cannot be used: it comes first, and no other one is taken instead.
fn refuse(mut all: Vec<Candidate>, i: usize, why: String) -> Advice {
    let meant = all.remove(i);
    for c in &mut all {
        c.rejected.get_or_insert_with(|| "not the one that was meant".to_owned());
    }
    all.insert(0, meant);
    Advice { candidates: all, why, warning: None, deviates: false, empty: false, refused: true }
}

/// How the chosen one came to be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    Newest,
    /// Checkpoints are passed over on purpose: the strategy says so.
    NewestSavepoint,
    Reset,
    Named,
}

impl How {
    fn words(self, what: &str) -> String {
        match self {
            Self::Newest | Self::NewestSavepoint => format!("newest complete {what} of this deployment"),
            Self::Reset => format!("{what} of this deployment, chosen by a reset"),
            Self::Named => format!("{what} of this deployment, asked for by name"),
        }
    }
}

/// Puts the chosen one first, gives the others their reason, and finds the words.
fn finish(
    mut all: Vec<Candidate>,
    i: usize,
    others: impl Fn(&Candidate) -> &'static str,
    s: &Situation<'_>,
    how: How,
) -> Advice {
    let chosen = all.remove(i);
    let passed = passed_over(&chosen, &all, s).or_else(|| lost_progress(&chosen, &all, how));
    for c in &mut all {
        let reason = others(c);
        c.rejected.get_or_insert_with(|| reason.to_owned());
    }
    let what = match chosen.origin {
        Some(Origin::RetainedCheckpoint) => "retained checkpoint".to_owned(),
        Some(o) => format!("savepoint ({o})"),
        None => "retained checkpoint of the running job".to_owned(),
    };
    let age = if chosen.state_of.is_none() { ", of unknown age" } else { "" };
    let why = how.words(&what) + age;
    let deviates = passed.is_some();
    let warning = passed.or_else(|| {
        let repeated = chosen.rewind_seconds.filter(|r| *r > 0)?;
        Some(format!("progress of {} after this restore point is repeated", humane(repeated)))
    });
    all.insert(0, chosen);
    Advice { candidates: all, why, warning, deviates, empty: false, refused: false }
}

/// What a person must agree to before the chosen one is used.
fn passed_over(chosen: &Candidate, others: &[Candidate], s: &Situation<'_>) -> Option<String> {
    if chosen.left {
        return Some(
            "it is of a history that the deployment has left: what was computed in the present one is not restored"
                .to_owned(),
        );
    }
    let usable = others.iter().filter(|c| c.rejected.is_none() && !c.left);
    match (chosen.state_of, usable.filter_map(|c| c.state_of).max(), s.progress) {
        (None, Some(newest), _) => Some(format!(
            "its age is not known, and the restore point of {} is not used: what is repeated or lost cannot be told",
            newest.in_words()
        )),
        (None, None, Some(progress)) => Some(format!(
            "its age is not known, and the deployment had come as far as {}: what is repeated or lost cannot be told",
            progress.in_words()
        )),
        (Some(of), Some(newest), _) if newest > of => {
            let between = humane(newest.seconds_since(of));
            Some(format!(
                "a newer restore point of {} exists and is not used: {between} of progress is lost",
                newest.in_words()
            ))
        }
        (Some(of), ..) => {
            let lost =
                others.iter().filter(|c| c.astray && c.state_of > Some(of)).max_by_key(|c| c.state_of)?;
            let (at, why) = (lost.state_of?, lost.rejected.as_deref().unwrap_or_default());
            let between = humane(at.seconds_since(of));
            Some(format!(
                "the restore point of {} cannot be used ({why}): {between} of progress is lost unless it is found",
                at.in_words()
            ))
        }
        _ => None,
    }
}

/// What the deployment did after the chosen one and no usable snapshot holds, with the reason of the newest that cannot be
/// used. A checkpoint that died with its job has no row: then its progress alone tells of it.
fn lost_progress(chosen: &Candidate, others: &[Candidate], how: How) -> Option<String> {
    let repeated = chosen.rewind_seconds.filter(|r| *r > 0 && how != How::NewestSavepoint)?;
    let newer = others.iter().filter(|c| c.state_of > chosen.state_of);
    let newest = newer.max_by_key(|c| c.state_of).and_then(|c| c.rejected.as_deref());
    let why = newest.unwrap_or("no snapshot of it is left");
    Some(format!(
        "the newest state of the deployment cannot be restored ({why}): progress of {} is repeated or lost",
        humane(repeated)
    ))
}

fn rewind(state_of: Option<Timestamp>, s: &Situation<'_>) -> Option<u64> {
    Some(s.progress?.seconds_since(state_of?))
}

fn of_live_job(live: LiveCheckpoint<'_>, s: &Situation<'_>) -> Candidate {
    let c = live.stat;
    let rejected = if c.path.is_none() {
        Some("its place is not known")
    } else if c.discarded {
        Some("Flink has discarded it")
    } else {
        match live.retained {
            Some(true) => None,
            Some(false) => Some("a checkpoint that is deleted when its job ends"),
            None => Some("whether this checkpoint outlives its job has not been read yet"),
        }
    };
    Candidate {
        savepoint: None,
        location: c.path.clone(),
        origin: None,
        state_of: Some(c.triggered_at),
        checkpoint_id: Some(c.id),
        verified: false,
        rejected: rejected.map(str::to_owned),
        rewind_seconds: rewind(Some(c.triggered_at), s),
        left: false,
        astray: false,
    }
}

fn candidate(sp: &Savepoint, s: &Situation<'_>) -> Candidate {
    let left = s.lineage.is_some_and(|l| !l.has(sp));
    Candidate {
        savepoint: Some(sp.id.clone()),
        location: sp.location.clone(),
        origin: Some(sp.origin),
        state_of: sp.state_of(),
        checkpoint_id: sp.checkpoint_id,
        verified: sp.verified_at.is_some(),
        rejected: unusable(sp, s.flink_version),
        // How far another branch has come says nothing of this one.
        rewind_seconds: rewind(sp.state_of(), s).filter(|_| !left),
        left,
        astray: matches!(sp.status, Status::Missing | Status::Unknown),
    }
}

/// Why a restore point cannot be used, whatever was asked for.
#[must_use]
pub fn unusable(sp: &Savepoint, target_flink: Option<&str>) -> Option<String> {
    let by_status = match sp.status {
        Status::Completed => None,
        Status::Started => Some("incomplete: it is still being taken"),
        Status::Failed => Some("it failed"),
        Status::Unknown => Some("whether it is complete is not known"),
        Status::PendingDeletion | Status::Deleting => Some("it is being deleted"),
        Status::FailedDeletion => Some(
            "its deletion failed and it may be incomplete: dispose of it again, or import it where you know that it is whole",
        ),
        Status::Deleted => Some("it was deleted"),
        Status::Missing => Some("missing: its place was found empty"),
    };
    if let Some(reason) = by_status {
        return Some(reason.to_owned());
    }
    if sp.location.is_none() {
        return Some("its place is not known".to_owned());
    }
    if sp.drained {
        return Some("taken with --drain: its windows have fired".to_owned());
    }
    match (sp.flink_version.as_deref(), target_flink) {
        (Some(written), Some(target)) if is_newer(written, target) => {
            Some(format!("written by Flink {written}, and the target's Flink {target} cannot read it"))
        }
        _ => None,
    }
}

/// Whether a snapshot of Flink `written` is from a newer line than `target`; snapshots move forward only.
#[must_use]
pub fn is_newer(written: &str, target: &str) -> bool {
    let line = |v: &str| -> Option<(u32, u32)> {
        let mut parts = v.split(['.', '-']);
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    };
    matches!((line(written), line(target)), (Some(w), Some(t)) if w > t)
}

/// Loss windows by the JobManager's clock, from trigger times.
///
/// `crash` = progress lost by a failover now (newest completed snapshot); `end` = progress lost if the job or its cluster
/// ends now (only what outlives the job counts). Both are base times; ages are computed where they are shown.
#[must_use]
pub fn loss_windows<'a>(
    savepoints: impl IntoIterator<Item = &'a Savepoint>,
    live: Option<LiveCheckpoint<'_>>,
) -> (Option<Timestamp>, Option<Timestamp>) {
    let kept = savepoints
        .into_iter()
        .filter(|s| s.status == Status::Completed && s.location.is_some() && !s.drained)
        .filter_map(Savepoint::state_of)
        .max();
    let checkpoint = live.map(|l| l.stat.triggered_at);
    let outliving = live.filter(|l| l.retained == Some(true)).map(|l| l.stat.triggered_at);
    (checkpoint.max(kept), kept.max(outliving))
}
