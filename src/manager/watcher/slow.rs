//! The slow lane: checkpoints of managed live jobs, and what only those see who look: exceptions, metrics.

use std::{sync::Arc, time::Duration};

use indexmap::IndexMap;

use super::{
    checkpoints::{keep_checkpoints, keep_config, last_word},
    kept,
    told::{UNSTABLE_WINDOW_SECONDS, about},
};
use crate::{
    contract::model::{MetricValue, RootCause},
    domain::{
        deployment::{FlinkState, OurEnd},
        event::{EventName, MOST_OF_A_TRACE, NewEvent, Severity},
        flink::{CheckpointConfig, Checkpoints},
        ids::{DeploymentName, FlinkJobId, TargetName},
        text,
        time::Timestamp,
    },
    manager::{
        books, eyes,
        inner::Inner,
        ports::{
            cluster::{Cluster, ExceptionView},
            store::{Changes, JobRow},
        },
        world::{DeploymentEntry, DeploymentSight, Noted, Touched},
    },
};

/// Flink's statistics are cached this long; looking more often shows nothing new.
const CACHE: Duration = Duration::from_secs(3);
/// The slow lane's longest interval.
const LONGEST: Duration = Duration::from_secs(30);

/// Requests that a JobManager gets from this lane each second, at most.
const REQUESTS_PER_SECOND: u128 = 5;
/// Requests that one look at a job usually takes: its checkpoints and its restarts.
const REQUESTS_EACH: u128 = 2;

/// So many times of restarts are kept: more say no more.
const MOST_RESTARTS: usize = 100;

/// What is due for one deployment.
struct Due {
    /// When it was asked about last; `None` comes first.
    asked_at: Option<Timestamp>,
    name: DeploymentName,
    flink: FlinkJobId,
    checkpoints: bool,
    config: bool,
    looked_at: bool,
    troubled: bool,
    metrics: Vec<(String, String)>,
}

/// How many jobs are looked at in one interval.
fn budget(interval: Duration) -> usize {
    let jobs = interval.as_millis() * REQUESTS_PER_SECOND / REQUESTS_EACH / 1000;
    usize::try_from(jobs).unwrap_or(usize::MAX).max(1)
}

/// What is looked at first: what somebody looks at, then what was not asked about for the longest time. The rest waits for
/// its turn; nothing that fails again and again keeps the others from theirs.
fn in_turn(mut due: Vec<Due>, interval: Duration) -> Vec<Due> {
    due.sort_by_key(|d| (!d.looked_at, d.asked_at));
    due.truncate(budget(interval));
    due
}

/// Looks at the deployments of the target that are due, as many as a JobManager is asked about in an interval.
pub async fn look(inner: &Arc<Inner>, target: &TargetName, interval: Duration) {
    let Some(cluster) = inner.world().targets.get(target).and_then(|t| t.cluster.clone().ok()) else {
        return;
    };
    eyes::prove(inner, target).await;
    let wanted = inner.hub.looked_at();
    let now = inner.now();
    let due: Vec<Due> =
        inner.world().on(target).filter_map(|e| due(e, wanted.contains(&e.row.name), now)).collect();
    for d in in_turn(due, interval) {
        if inner.leaving.is_cancelled() {
            return;
        }
        if let Some(e) = inner.world_mut().deployments.get_mut(&d.name) {
            e.sight.asked_at = Some(inner.now());
        }
        look_at(inner, &*cluster, d).await;
    }
}

fn due(e: &DeploymentEntry, looked_at: bool, now: Timestamp) -> Option<Due> {
    let job = e.job.as_ref()?;
    let summary = e.sight.summary.as_ref()?;
    let troubled = is_troubled(&summary.state);
    let foreign_end = settles_at(e).is_some();
    let unexplained = troubled && (e.sight.root_cause.is_none() || e.sight.root_cause != e.sight.noted.cause);
    if summary.state.is_terminal() && !foreign_end && !unexplained {
        return None;
    }
    // A job without a known checkpoint is looked at once per interval: its first one is worth much.
    let known = e.sight.checkpoints.as_ref().is_some_and(|c| c.latest_completed.is_some());
    let times = if known { 5 } else { 1 };
    let interval =
        e.sight.checkpoint_config.as_ref().and_then(|c| c.interval).map_or(LONGEST, |s| s.0 * times);
    let every = if looked_at || foreign_end { CACHE } else { interval.clamp(CACHE, LONGEST) };
    let checkpoints = e.sight.checkpoints_at.is_none_or(|t| now.since(t) >= every);
    let metrics = match &e.spec {
        Some(s) if looked_at && checkpoints => {
            s.overview_metrics.iter().map(|m| (m.name.clone(), m.metric.clone())).collect()
        }
        _ => vec![],
    };
    (checkpoints || troubled).then(|| Due {
        asked_at: e.sight.asked_at,
        name: e.row.name.clone(),
        flink: job.flink.clone(),
        checkpoints,
        config: e.sight.checkpoint_config.is_none(),
        looked_at,
        troubled,
        metrics,
    })
}

const fn is_troubled(state: &FlinkState) -> bool {
    matches!(state, FlinkState::Failed | FlinkState::Failing | FlinkState::Restarting)
}

/// When Flink's word on a job that ended without us is final, if it has not been heard since: its stop savepoint, or the
/// last checkpoint that it left, is a restore point.
pub(super) fn settles_at(e: &DeploymentEntry) -> Option<Timestamp> {
    let job = e.job.as_ref().filter(|j| j.our_end == OurEnd::None)?;
    let settled =
        job.ended_at.filter(|_| e.sight.summary.as_ref().is_some_and(|s| s.state.is_terminal()))? + CACHE;
    e.sight.checkpoints_at.is_none_or(|t| t <= settled).then_some(settled)
}

/// Hears Flink's last word on a job that ended without us, once its statistics are settled; false when nobody answers.
pub async fn hear_out(inner: &Arc<Inner>, name: &DeploymentName) -> bool {
    let found = inner.world().deployments.get(name).and_then(|e| {
        let due = Due {
            asked_at: None,
            name: name.clone(),
            flink: e.job.as_ref()?.flink.clone(),
            checkpoints: true,
            config: e.sight.checkpoint_config.is_none(),
            looked_at: false,
            troubled: e.sight.summary.as_ref().is_some_and(|s| is_troubled(&s.state)),
            metrics: vec![],
        };
        Some((settles_at(e)?, e.target(), due))
    });
    let Some((settled, target, due)) = found else { return true };
    let Some(cluster) = inner.world().targets.get(&target).and_then(|t| t.cluster.clone().ok()) else {
        return false;
    };
    inner.deps.clock.sleep(settled.since(inner.now()) + Duration::from_millis(1)).await;
    look_at(inner, &*cluster, due).await;
    inner.world().deployments.get(name).is_some_and(|e| settles_at(e).is_none())
}

/// What the cluster has answered about one job; `None` = it was not asked, or did not answer.
struct Answers {
    config: Option<CheckpointConfig>,
    parallelism: Option<u32>,
    checkpoints: Option<Option<Checkpoints>>,
    restarts: Option<u64>,
    cause: Option<ExceptionView>,
    sums: Option<IndexMap<String, f64>>,
}

async fn ask(cluster: &dyn Cluster, d: &Due) -> Answers {
    let config = if d.config { cluster.checkpoint_config(&d.flink).await.ok().flatten() } else { None };
    // Told once with the job: neither changes while it lives.
    let job = if d.config { cluster.job_config(&d.flink).await.ok().flatten() } else { None };
    let parallelism = job.and_then(|c| c.parallelism);
    let checkpoints = if d.checkpoints { cluster.checkpoints(&d.flink).await.ok() } else { None };
    let restarts = if d.checkpoints { cluster.restarts(&d.flink).await.ok().flatten() } else { None };
    let cause = if d.troubled {
        cluster.exceptions(&d.flink, 1).await.ok().and_then(|x| x.into_iter().next())
    } else {
        None
    };
    let mut sums = None;
    if !d.metrics.is_empty() {
        let names: Vec<String> = d.metrics.iter().map(|(_, m)| m.clone()).collect();
        sums = cluster.metric_sums(&d.flink, &names).await.ok();
    }
    Answers { config, parallelism, checkpoints, restarts, cause, sums }
}

async fn look_at(inner: &Arc<Inner>, cluster: &dyn Cluster, d: Due) {
    let answers = ask(cluster, &d).await;
    let gate = inner.gate().await;
    let now = inner.now();
    let mut changes = Changes::default();
    let (before, job_before, ended);
    {
        let mut world = inner.world_mut();
        let Some(e) = world.deployments.get_mut(&d.name) else { return };
        if e.job.as_ref().map(|j| &j.flink) != Some(&d.flink) {
            return;
        }
        (before, job_before) = (e.sight.clone(), e.job.clone());
        take_over(inner, e, &d, answers, now, &mut changes);
        let noted = Noted { cause: e.sight.root_cause.clone(), ..e.sight.noted.clone() };
        changes.facts.extend(kept::of_deployment(e, &e.sight.conditions, &noted));
        ended = e.job.clone().filter(|j| d.checkpoints && j.ended_at.is_some());
        // That it was looked at is no news: the books have what must outlive this process.
        changes.jobs.extend(e.job.clone().filter(|_| e.job != job_before));
    }
    if let Some(sp) = ended.and_then(|job| books::retained_checkpoint(inner, &job)) {
        last_word(inner, &d.name, sp, now, &mut changes);
    }
    tracing::trace!(deployment = %d.name, looked_at = d.looked_at, "slow lane");
    let written = if changes == Changes::default() { Ok(()) } else { inner.commit(&gate, changes).await };
    match written {
        Ok(()) => {
            if let Some(e) = inner.world_mut().deployments.get_mut(&d.name) {
                e.sight.noted.cause.clone_from(&e.sight.root_cause);
            }
        }
        Err(e) => {
            tracing::warn!(error = %e, "what was seen could not be written; it is found again");
            put_back(inner, &d.name, before, job_before);
        }
    }
    inner.touched(&Touched { deployments: vec![d.name], ..Touched::default() });
}

/// Takes over what the cluster has answered, and notes what of it belongs into the books.
fn take_over(
    inner: &Inner,
    e: &mut DeploymentEntry,
    d: &Due,
    answers: Answers,
    now: Timestamp,
    changes: &mut Changes,
) {
    let last_look = e.sight.checkpoints_at;
    if let Some(c) = answers.config {
        keep_config(e, c);
    }
    e.sight.parallelism = answers.parallelism.or(e.sight.parallelism);
    if let Some(c) = answers.checkpoints {
        e.sight.checkpoints_at = Some(now);
        if let Some(c) = c {
            keep_checkpoints(e, c, now, changes, &|| inner.fresh_savepoint());
        }
    }
    if let Some(r) = answers.restarts {
        count_restarts(e, r, last_look, now, changes);
    }
    if let Some(x) = answers.cause {
        keep_cause(e, x, now, changes);
    } else if !d.troubled {
        e.sight.root_cause = None;
    }
    if let Some(sums) = answers.sums {
        let value = |(name, metric): &(String, String)| MetricValue {
            name: name.clone(),
            metric: metric.clone(),
            value: sums.get(metric).copied(),
            observed_at: Some(now),
        };
        e.sight.metrics = d.metrics.iter().map(value).collect();
    }
}

/// Why the job's tasks failed; told once.
fn keep_cause(e: &mut DeploymentEntry, x: ExceptionView, now: Timestamp, changes: &mut Changes) {
    let cause = RootCause { message: x.root_cause, task: x.task, task_manager: x.task_manager, at: x.at };
    if e.sight.noted.cause.as_ref() != Some(&cause) {
        let words = cause.message.clone();
        let mut event = NewEvent::auto(now, Severity::Error, EventName::ExceptionSeen, words);
        // Flink forgets it with the job.
        event.details = serde_json::json!({
            "task": cause.task, "taskManager": cause.task_manager,
            "trace": text::excerpt(&x.trace, MOST_OF_A_TRACE),
        });
        changes.events.push(about(e, event));
    }
    e.sight.root_cause = Some(cause);
}

/// What could not be written is not known either: the next look finds it anew, with its events and rows.
fn put_back(inner: &Inner, name: &DeploymentName, before: DeploymentSight, job: Option<JobRow>) {
    let mut world = inner.world_mut();
    let Some(e) = world.deployments.get_mut(name) else { return };
    e.job = job;
    e.sight.checkpoints = before.checkpoints;
    e.sight.checkpoint_config = before.checkpoint_config;
    e.sight.checkpoints_at = before.checkpoints_at;
    e.sight.restarts = before.restarts;
    e.sight.restarts_told = before.restarts_told;
}

/// Restarts between two looks show only in Flink's count. What was seen as it happened is in the log already.
fn count_restarts(
    e: &mut DeploymentEntry,
    counted: u64,
    last_look: Option<Timestamp>,
    now: Timestamp,
    changes: &mut Changes,
) {
    let Some(job) = e.job.as_mut() else { return };
    let known = job.restarts.replace(counted);
    // A count that is smaller is that of a new JobManager, which begins at none.
    let more = known.map_or(0, |k| if counted < k { counted } else { counted - k });
    let unseen = more.saturating_sub(e.sight.restarts_told);
    e.sight.restarts_told = e.sight.restarts_told.saturating_sub(more);
    if unseen == 0 {
        return;
    }
    if last_look.is_some_and(|t| now.seconds_since(t) <= UNSTABLE_WINDOW_SECONDS) {
        let room = MOST_RESTARTS.saturating_sub(e.sight.restarts.len());
        let times = usize::try_from(unseen).unwrap_or(usize::MAX).min(room);
        e.sight.restarts.extend(std::iter::repeat_n(now, times));
    }
    let times = if unseen == 1 { "once".to_owned() } else { format!("{unseen} times") };
    let text = format!("Flink restarted the job {times} since the last look, {counted} in all");
    let event = NewEvent::auto(now, Severity::Warn, EventName::JobRestarted, text);
    changes.events.push(about(e, event));
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn job(name: &str, looked_at: bool, asked_at: Option<i64>) -> Due {
        Due {
            asked_at: asked_at.map(Timestamp::from_millis),
            name: DeploymentName::new("a", name).unwrap(),
            flink: "7".repeat(32).parse().unwrap(),
            checkpoints: true,
            config: false,
            looked_at,
            troubled: false,
            metrics: vec![],
        }
    }

    #[rstest]
    #[case::an_idle_manager(10_000, 25)]
    #[case::somebody_looks(2_000, 5)]
    #[case::never_none(100, 1)]
    fn a_jobmanager_is_asked_five_times_a_second(#[case] interval: u64, #[case] jobs: usize) {
        let interval = Duration::from_millis(interval);
        assert_eq!(budget(interval), jobs);
        let many = (0..100).map(|n| job(&format!("d{n}"), false, None)).collect();
        assert_eq!(in_turn(many, interval).len(), jobs);
    }

    #[test]
    fn everyone_gets_a_turn() {
        let due = vec![
            job("asked-just-now", false, Some(9)),
            job("asked-long-ago", false, Some(1)),
            job("never-asked", false, None),
            job("looked-at", true, Some(9)),
        ];
        let turn: Vec<String> =
            in_turn(due, Duration::from_secs(2)).iter().map(|d| d.name.name().to_owned()).collect();
        assert_eq!(turn, ["looked-at", "never-asked", "asked-long-ago", "asked-just-now"]);
    }

    /// Each look: Flink's count, restarts told by the fast lane since, what is told now.
    #[rstest]
    #[case::the_first_count_is_the_base(&[(3, 0, 0)])]
    #[case::between_two_looks(&[(0, 0, 0), (2, 0, 2), (2, 0, 0), (3, 0, 1)])]
    #[case::seen_as_it_happened(&[(0, 0, 0), (1, 1, 0), (3, 1, 1)])]
    #[case::flink_counts_later(&[(0, 0, 0), (0, 1, 0), (1, 0, 0), (2, 0, 1)])]
    #[case::a_new_jobmanager(&[(7, 0, 0), (1, 0, 1)])]
    fn restarts_are_told_once(#[case] looks: &[(u64, u64, u64)]) {
        let mut world = crate::manager::world::tests::with_a_job();
        let e = world.deployments.values_mut().next().unwrap();
        let now = Timestamp::from_millis(1_000);
        for (n, (count, told, news)) in looks.iter().enumerate() {
            e.sight.restarts_told += told;
            let (mut changes, before) = (Changes::default(), e.sight.restarts.len());
            count_restarts(e, *count, Some(now), now, &mut changes);
            assert_eq!((e.sight.restarts.len() - before) as u64, *news, "look {n}");
            assert_eq!(changes.events.len(), usize::from(*news > 0), "look {n}");
        }
    }
}
