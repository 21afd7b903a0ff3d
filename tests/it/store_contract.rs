//! What every store must do, whatever engine is behind the port; run here on SQLite.

mod rows;

use std::{path::Path, sync::Arc};

use nutkin::{
    adapters::{clock::SystemClock, sqlite},
    domain::{
        event::{Event, Severity},
        ids::{ArtifactSha, Hex32},
        operation::{OpState, StepState},
        savepoint::{Origin, Savepoint, Status},
        time::{Clock, Timestamp},
    },
    manager::ports::store::{
        ApplicationRow, ArtifactRow, Changes, Epoch, EventQuery, JobRow, OperationQuery, Store, StoreError,
    },
};
use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::TestRunner,
};
use rows::{answer, at, deployment, event, operation};

async fn open(dir: &Path) -> Arc<dyn Store> {
    sqlite::open(dir, Arc::new(SystemClock)).await.unwrap().0
}

/// One test per case, each on a fresh store of the engine.
macro_rules! contract {
    ($open:path: $($case:ident),+ $(,)?) => {$(
        #[tokio::test]
        async fn $case() {
            let dir = tempfile::tempdir().unwrap();
            let store = $open(dir.path()).await;
            super::$case(&*store).await;
            store.close().await.unwrap();
        }
    )+};
}

mod on_sqlite {
    contract!(super::open:
        an_empty_store_loads, rows_come_back_as_they_were, a_stale_fence_writes_nothing,
        a_deployment_has_one_active_operation, a_name_is_free_again_after_a_delete, a_flink_job_id_is_unique,
        a_refused_commit_leaves_no_trace, concurrent_commits_fail_alone, events_are_numbered_without_gaps,
        events_are_found_by_every_question, operations_page_backwards, steps_are_replaced, answers_are_kept_once,
        artifacts_are_kept_by_content, the_job_of_each_deployment_is_loaded, removed_rows_are_gone,
        old_events_go_and_the_last_one_stays,
    );
}

fn with_deployment() -> Changes {
    Changes {
        deployments: vec![deployment("d1", "pay/prod"), deployment("d2", "pay/test")],
        ..Changes::default()
    }
}

async fn fence(s: &dyn Store) -> Epoch {
    s.load().await.unwrap().epoch
}

async fn an_empty_store_loads(s: &dyn Store) {
    let l = s.load().await.unwrap();
    assert_eq!((l.epoch, l.unclean, l.last_seq, l.store_id.as_str().len()), (Epoch(1), false, 0, 8));
    assert!(l.targets.is_empty() && l.deployments.is_empty() && l.active.is_empty());
    assert_eq!(s.quick_check().await.unwrap(), Ok(()));
}

/// Writes arbitrary rows and reads each of them back, equal.
async fn rows_come_back_as_they_were(s: &dyn Store) {
    let epoch = fence(s).await;
    let mut runner = TestRunner::deterministic();
    let strategy = rows::anything();
    for _ in 0..60 {
        let c = strategy.new_tree(&mut runner).unwrap().current();
        // The same row twice: the second time it replaces itself.
        let again = Changes { events: Vec::new(), ..c.clone() };
        let last = s.commit(c.clone(), epoch).await.unwrap().last_seq;
        assert_eq!(s.commit(again, epoch).await.unwrap().last_seq, last);
        let mut another = c.revisions[0].clone();
        another.content_hash.push('x');
        let refused = s.commit(Changes { revisions: vec![another], ..Changes::default() }, epoch).await;
        assert!(matches!(refused, Err(StoreError::Conflict { .. })), "a revision never changes: {refused:?}");
        let (d, l) = (&c.deployments[0], s.load().await.unwrap());
        assert!(l.deployments.contains(d), "{d:?}");
        assert!(l.targets.contains(&c.targets[0]) && l.applications.contains(&c.applications[0]));
        assert_eq!(l.facts.get(&c.facts[0].0), Some(&c.facts[0].1));
        assert_eq!(s.revision(&d.id, c.revisions[0].number).await.unwrap().as_ref(), c.revisions.first());
        assert_eq!(s.job(&c.jobs[0].id).await.unwrap().as_ref(), c.jobs.first());
        assert_eq!(s.job_by_flink(&c.jobs[0].flink).await.unwrap().as_ref(), c.jobs.first());
        assert_eq!(s.savepoint(&c.savepoints[0].id).await.unwrap().as_ref(), c.savepoints.first());
        assert_eq!(s.operation(&c.operations[0].id).await.unwrap().as_ref(), c.operations.first());
        assert!(s.artifacts().await.unwrap().contains(&c.artifacts[0]));
        let q = EventQuery { after: Some(last - c.events.len() as u64), limit: 100, ..EventQuery::default() };
        let read: Vec<_> = s.events(&q).await.unwrap().into_iter().map(|e| e.event).collect();
        assert_eq!(read, c.events);
    }
}

async fn a_stale_fence_writes_nothing(s: &dyn Store) {
    let ours = fence(s).await;
    let refused = s.commit(with_deployment(), Epoch(ours.0 - 1)).await;
    assert_eq!(refused, Err(StoreError::Fenced { ours: ours.0 - 1, current: ours.0 }));
    assert!(s.load().await.unwrap().deployments.is_empty());
}

async fn a_deployment_has_one_active_operation(s: &dyn Store) {
    let epoch = fence(s).await;
    s.commit(with_deployment(), epoch).await.unwrap();
    let op =
        |id: &str, state| Changes { operations: vec![operation(id, "d1", state, 1)], ..Changes::default() };
    for (n, active) in [OpState::Queued, OpState::Running, OpState::NeedsAttention].into_iter().enumerate() {
        let id = format!("first-{n}");
        s.commit(op(&id, active), epoch).await.unwrap();
        for second in [OpState::Queued, OpState::Running, OpState::NeedsAttention] {
            let refused = s.commit(op("second", second), epoch).await;
            assert!(
                matches!(&refused, Err(StoreError::Conflict { what }) if what.contains("another operation")),
                "{refused:?}"
            );
        }
        // Its end and its child's begin share a commit, in whatever order they are written down.
        let child = operation(&format!("child-{n}"), "d1", OpState::Queued, 2);
        let ends = operation(&id, "d1", OpState::Resolved, 1);
        s.commit(Changes { operations: vec![child.clone(), ends], ..Changes::default() }, epoch)
            .await
            .unwrap();
        assert_eq!(s.load().await.unwrap().active, vec![child]);
        s.commit(op(&format!("child-{n}"), OpState::Cancelled), epoch).await.unwrap();
    }
    let mut endless = operation("endless", "d1", OpState::Failed, 1);
    endless.ended_at = None;
    let refused = s.commit(Changes { operations: vec![endless], ..Changes::default() }, epoch).await;
    assert!(matches!(refused, Err(StoreError::Conflict { .. })), "{refused:?}");
}

async fn a_name_is_free_again_after_a_delete(s: &dyn Store) {
    let epoch = fence(s).await;
    s.commit(with_deployment(), epoch).await.unwrap();
    let again = deployment("d3", "pay/prod");
    let taken = s.commit(Changes { deployments: vec![again.clone()], ..Changes::default() }, epoch).await;
    assert!(matches!(&taken, Err(StoreError::Conflict { what }) if what.contains("pay/prod")), "{taken:?}");
    let mut gone = deployment("d1", "pay/prod");
    gone.deleted_at = Some(at(9));
    s.commit(Changes { deployments: vec![again, gone], ..Changes::default() }, epoch).await.unwrap();
    let ids: Vec<_> = s.load().await.unwrap().deployments.into_iter().map(|d| d.id).collect();
    assert_eq!(ids, ["d3".into(), "d2".into()]);
}

fn job(id: &str, deployment: &str, flink: u8, created: i64) -> JobRow {
    JobRow {
        id: id.into(),
        deployment: deployment.into(),
        flink: Hex32::from_bytes([flink; 16]),
        target: "local".into(),
        revision: Some(1),
        operation: None,
        created_at: at(created),
        started_at: None,
        ended_at: None,
        flink_state: None,
        our_end: nutkin::domain::deployment::OurEnd::None,
        restored_from: None,
        restored_savepoint: None,
        restarts: None,
        last_checkpoint: None,
        checkpoint_config: None,
        seen_at: None,
    }
}

async fn a_flink_job_id_is_unique(s: &dyn Store) {
    let epoch = fence(s).await;
    s.commit(with_deployment(), epoch).await.unwrap();
    let jobs = |j: JobRow| Changes { jobs: vec![j], ..Changes::default() };
    s.commit(jobs(job("j1", "d1", 1, 0)), epoch).await.unwrap();
    let refused = s.commit(jobs(job("j2", "d2", 1, 0)), epoch).await;
    assert!(matches!(refused, Err(StoreError::Conflict { .. })), "{refused:?}");
    s.commit(jobs(job("j3", "d1", 3, 1)), epoch).await.unwrap();
    let issued = s.issued_jobs(&"d1".into()).await.unwrap();
    assert_eq!(issued, [Hex32::from_bytes([1; 16]), Hex32::from_bytes([3; 16])]);
}

async fn a_refused_commit_leaves_no_trace(s: &dyn Store) {
    let epoch = fence(s).await;
    s.commit(with_deployment(), epoch).await.unwrap();
    let before = s.load().await.unwrap();
    // The last row refers to a deployment that is not there.
    let mut c = Changes {
        applications: vec![ApplicationRow {
            name: "pay".into(),
            title: "Pay".into(),
            labels: Default::default(),
            defaults: serde_json::Value::Null,
            version: 1,
            created_at: at(0),
        }],
        jobs: vec![job("j", "nowhere", 1, 0)],
        facts: vec![("f".into(), "v".into())],
        events: vec![event(Some("new-word"), 0, Severity::Info)],
        ..Changes::default()
    };
    let refused = s.commit(c.clone(), epoch).await;
    assert!(matches!(&refused, Err(StoreError::Conflict { what }) if what.contains("job j")), "{refused:?}");
    assert_eq!(s.load().await.unwrap(), before);
    // What the refused commit taught the writer is forgotten: the same words work in the next one.
    c.jobs.clear();
    assert_eq!(s.commit(c.clone(), epoch).await.unwrap().last_seq, 1);
    let q = EventQuery { deployment: Some("new-word".into()), limit: 9, ..EventQuery::default() };
    assert_eq!(s.events(&q).await.unwrap(), [Event { seq: 1, event: c.events.remove(0) }]);
}

/// Many commits at once share a transaction; those that are refused take nobody with them.
async fn concurrent_commits_fail_alone(s: &dyn Store) {
    let epoch = fence(s).await;
    s.commit(with_deployment(), epoch).await.unwrap();
    let commits = (0..200u32).map(|n| {
        let mut c = Changes { events: vec![event(Some("d1"), 0, Severity::Info)], ..Changes::default() };
        c.facts.push((format!("n{n}"), n.to_string()));
        let fence = if n % 5 == 0 { Epoch(epoch.0 + 1) } else { epoch };
        if n % 7 == 0 {
            c.jobs.push(job("broken", "nowhere", 1, 0));
        }
        async move { (n, s.commit(c, fence).await) }
    });
    let mut seqs = Vec::new();
    for (n, result) in futures_util::future::join_all(commits).await {
        match result {
            Ok(c) => seqs.push(c.last_seq),
            Err(StoreError::Fenced { .. }) => assert_eq!(n % 5, 0),
            Err(e) => assert!(n % 7 == 0 && matches!(e, StoreError::Conflict { .. }), "{n}: {e}"),
        }
    }
    seqs.sort_unstable();
    let good: Vec<u32> = (0..200).filter(|n| n % 5 != 0 && n % 7 != 0).collect();
    assert_eq!(seqs, (1..=good.len() as u64).collect::<Vec<_>>());
    let facts = s.load().await.unwrap().facts;
    assert_eq!(facts.len(), good.len());
    assert!(good.iter().all(|n| facts.contains_key(&format!("n{n}"))));
}

async fn events_are_numbered_without_gaps(s: &dyn Store) {
    let epoch = fence(s).await;
    let events = |n| Changes { events: vec![event(None, n, Severity::Debug); 3], ..Changes::default() };
    assert_eq!(s.commit(events(0), epoch).await.unwrap().last_seq, 3);
    assert_eq!(s.commit(Changes::default(), epoch).await.unwrap().last_seq, 3);
    assert_eq!(s.commit(events(1), epoch).await.unwrap().last_seq, 6);
    assert_eq!(s.load().await.unwrap().last_seq, 6);
}

async fn events_are_found_by_every_question(s: &dyn Store) {
    let epoch = fence(s).await;
    // Sixty events over six hours of two deployments and of nothing; every tenth is loud. The clock steps back once.
    let hour = 3_600_000;
    let events: Vec<_> = (0..60i64)
        .map(|n| {
            let (of, severity) =
                ([Some("d1"), Some("d2"), None][n as usize % 3], [Severity::Warn, Severity::Info]);
            let when = if n == 30 { 0 } else { n / 10 * hour };
            let mut e = event(of, when, severity[usize::from(n % 10 != 0)]);
            e.operation = (n % 4 == 0).then(|| "op".into());
            e
        })
        .collect();
    s.commit(Changes { events: events.clone(), ..Changes::default() }, epoch).await.unwrap();
    let base = EventQuery { limit: 100, ..EventQuery::default() };
    let queries = [
        base.clone(),
        EventQuery { limit: 3, ..base.clone() },
        EventQuery { deployment: Some("d1".into()), before: Some(40), limit: 5, ..base.clone() },
        EventQuery { application: Some("pay".into()), after: Some(20), limit: 5, ..base.clone() },
        EventQuery { operation: Some("op".into()), severity: Some(Severity::Warn), ..base.clone() },
        EventQuery { severity: Some(Severity::Error), ..base.clone() },
        EventQuery { severity: Some(Severity::Warn), after: Some(0), ..base.clone() },
        EventQuery { since: Some(at(3 * hour)), ..base.clone() },
        EventQuery { since: Some(at(0)), deployment: Some("d2".into()), ..base.clone() },
        EventQuery { since: Some(at(99 * hour)), ..base.clone() },
        EventQuery { deployment: Some("never-seen".into()), ..base.clone() },
        EventQuery { after: Some(u64::MAX), ..base.clone() },
        EventQuery { before: Some(u64::MAX), limit: 0, ..base },
    ];
    for q in queries {
        let mut wanted: Vec<Event> =
            (1..).zip(&events).map(|(seq, e)| Event { seq, event: e.clone() }).collect();
        wanted.retain(|e| {
            q.deployment.as_ref().is_none_or(|d| e.event.deployment.as_ref() == Some(d))
                && q.application.as_ref().is_none_or(|a| e.event.application.as_ref() == Some(a))
                && q.operation.as_ref().is_none_or(|o| e.event.operation.as_ref() == Some(o))
                && q.severity.is_none_or(|s| e.event.severity >= s)
                && q.since.is_none_or(|t| e.event.at >= t)
                && q.after.is_none_or(|n| e.seq > n)
                && q.before.is_none_or(|n| e.seq < n)
        });
        if q.after.is_none() {
            wanted.reverse();
        }
        wanted.truncate(q.limit as usize);
        assert_eq!(s.events(&q).await.unwrap(), wanted, "{q:?}");
    }
}

async fn operations_page_backwards(s: &dyn Store) {
    let epoch = fence(s).await;
    s.commit(with_deployment(), epoch).await.unwrap();
    // Two share a time: their ids decide.
    let mut all: Vec<_> = [("a", 1), ("b", 2), ("c", 2), ("d", 3)]
        .map(|(id, t)| operation(id, if id == "d" { "d2" } else { "d1" }, OpState::Succeeded, t))
        .into();
    all.push(operation("e", "d1", OpState::Running, 4));
    s.commit(Changes { operations: all, ..Changes::default() }, epoch).await.unwrap();
    // Deployment, only active, before, limit → found.
    type Case<'a> = (Option<&'a str>, bool, Option<&'a str>, u32, &'a [&'a str]);
    let cases: [Case<'_>; 6] = [
        (None, false, None, 9, &["e", "d", "c", "b", "a"]),
        (None, false, Some("c"), 9, &["b", "a"]),
        (None, false, None, 2, &["e", "d"]),
        (Some("d1"), false, Some("e"), 2, &["c", "b"]),
        (None, true, None, 9, &["e"]),
        (None, false, Some("unknown"), 9, &[]),
    ];
    for (deployment, active, before, limit, wanted) in cases {
        let q = OperationQuery {
            deployment: deployment.map(Into::into),
            active,
            before: before.map(Into::into),
            limit,
        };
        let found: Vec<_> = s.operations(&q).await.unwrap().into_iter().map(|o| o.id.to_string()).collect();
        assert_eq!(found, wanted, "{q:?}");
    }
}

async fn steps_are_replaced(s: &dyn Store) {
    let epoch = fence(s).await;
    s.commit(with_deployment(), epoch).await.unwrap();
    let mut op = operation("o", "d1", OpState::Running, 0);
    s.commit(Changes { operations: vec![op.clone()], ..Changes::default() }, epoch).await.unwrap();
    op.steps.truncate(1);
    op.steps[0].state = StepState::Confirmed;
    s.commit(Changes { operations: vec![op.clone()], ..Changes::default() }, epoch).await.unwrap();
    assert_eq!(s.operation(&op.id).await.unwrap(), Some(op));
}

async fn answers_are_kept_once(s: &dyn Store) {
    let epoch = fence(s).await;
    let now = SystemClock.now_utc();
    let keep = |a| Changes { answers: vec![a], ..Changes::default() };
    let kept = answer("k", now);
    s.commit(keep(kept.clone()), epoch).await.unwrap();
    assert_eq!(s.answer("ann", "POST /x", "k").await.unwrap(), Some(kept.clone()));
    for (actor, route, key) in [("bob", "POST /x", "k"), ("ann", "POST /y", "k"), ("ann", "POST /x", "l")] {
        assert_eq!(s.answer(actor, route, key).await.unwrap(), None);
    }
    // A race for the same key has one winner, and the loser's whole commit is refused.
    let mut second = keep(answer("k", now));
    second.facts.push(("loser".into(), String::new()));
    assert!(matches!(s.commit(second, epoch).await, Err(StoreError::Conflict { .. })));
    assert!(s.load().await.unwrap().facts.is_empty());
    // After seven days the key is new.
    let old = answer("old", Timestamp::from_millis(now.millis() - 7 * 86_400_000 - 1));
    s.commit(keep(old), epoch).await.unwrap();
    assert_eq!(s.answer("ann", "POST /x", "old").await.unwrap(), None);
    s.commit(keep(answer("old", now)), epoch).await.unwrap();
}

async fn artifacts_are_kept_by_content(s: &dyn Store) {
    let epoch = fence(s).await;
    let sha: ArtifactSha = "ab".repeat(32).into();
    let received = s.artifact_inbox().unwrap();
    std::fs::write(&received, b"jar").unwrap();
    let place = s.keep_artifact(&received, &sha).await.unwrap();
    assert_eq!((place.clone(), std::fs::read(&place).unwrap()), (s.artifact_path(&sha), b"jar".to_vec()));
    assert!(!received.exists());
    for bad in ["../../etc/passwd", "", "AB", "ab/cd"] {
        let received = s.artifact_inbox().unwrap();
        let folder = s.artifact_path(&bad.into()).parent().unwrap().to_owned();
        assert_eq!(folder, place.parent().unwrap(), "{bad}");
        assert!(s.keep_artifact(&received, &bad.into()).await.is_err(), "{bad}");
    }
    let row = |name: &str| ArtifactRow {
        sha: sha.clone(),
        name: name.into(),
        size: 3,
        main_class: None,
        entry_classes: vec![],
        created_at: at(0),
    };
    for name in ["first.jar", "second.jar"] {
        s.commit(Changes { artifacts: vec![row(name)], ..Changes::default() }, epoch).await.unwrap();
    }
    assert_eq!(s.artifacts().await.unwrap(), [row("first.jar")]);
}

async fn the_job_of_each_deployment_is_loaded(s: &dyn Store) {
    let epoch = fence(s).await;
    let jobs = vec![job("a", "d1", 1, 5), job("b", "d1", 2, 7), job("c", "d1", 3, 6), job("d", "d2", 4, 1)];
    // A newer row may be of a start that was refused, a deployment without a job may have rows of such.
    let mut changes = Changes { jobs, ..with_deployment() };
    changes.deployments[0].job = Some("a".into());
    s.commit(changes, epoch).await.unwrap();
    let ids = |jobs: Vec<JobRow>| jobs.into_iter().map(|j| j.id.to_string()).collect::<Vec<_>>();
    assert_eq!(ids(s.load().await.unwrap().jobs), ["a"]);
    assert_eq!(ids(s.jobs(Some(&"d1".into()), 2).await.unwrap()), ["b", "c"]);
    assert_eq!(ids(s.jobs(None, 9).await.unwrap()), ["b", "c", "a", "d"]);
}

async fn old_events_go_and_the_last_one_stays(s: &dyn Store) {
    let (epoch, hour) = (fence(s).await, 3_600_000);
    let events = (0..10).map(|n| event(None, n * hour, Severity::Info)).collect();
    s.commit(Changes { events, ..Changes::default() }, epoch).await.unwrap();
    let forget = |ms| Changes { forget_events_before: Some(at(ms)), ..Changes::default() };
    let q = EventQuery { limit: 100, ..EventQuery::default() };
    let left = async || s.events(&q).await.unwrap().into_iter().map(|e| e.seq).collect::<Vec<_>>();
    s.commit(forget(-hour), epoch).await.unwrap();
    assert_eq!(left().await.len(), 10);
    s.commit(forget(3 * hour + 1), epoch).await.unwrap();
    assert_eq!(left().await, [10, 9, 8, 7, 6, 5], "the one of a millisecond before has gone, too");
    let since = EventQuery { since: Some(at(0)), ..q.clone() };
    assert_eq!(s.events(&since).await.unwrap().len(), 6);
    s.commit(forget(99 * hour), epoch).await.unwrap();
    assert_eq!(left().await, [10], "numbers never begin anew");
    let more = vec![event(None, 100 * hour, Severity::Info)];
    assert_eq!(s.commit(Changes { events: more, ..Changes::default() }, epoch).await.unwrap().last_seq, 11);
}

async fn removed_rows_are_gone(s: &dyn Store) {
    let epoch = fence(s).await;
    let target = nutkin::manager::ports::store::TargetRow {
        name: "t".into(),
        spec: serde_json::json!({}),
        labels: Default::default(),
        version: 1,
        created_at: at(0),
    };
    s.commit(Changes { targets: vec![target], ..Changes::default() }, epoch).await.unwrap();
    s.commit(Changes { remove_targets: vec!["t".into()], ..Changes::default() }, epoch).await.unwrap();
    assert!(s.load().await.unwrap().targets.is_empty());
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_crash_and_the_next_epoch_fences_the_last() {
    let dir = tempfile::tempdir().unwrap();
    let first = open(dir.path()).await;
    let l = first.load().await.unwrap();
    let sp = Savepoint::new("s".into(), "d1".into(), Origin::Suspend, Status::Started, at(0));
    let c = Changes { savepoints: vec![sp.clone()], ..with_deployment() };
    first.commit(c, l.epoch).await.unwrap();
    let leftover = first.artifact_inbox().unwrap();

    // No close: as after SIGKILL, except that the old one still lives and must be kept from writing.
    let second = open(dir.path()).await;
    let m = second.load().await.unwrap();
    assert_eq!((m.epoch, m.unclean, m.store_id), (Epoch(l.epoch.0 + 1), true, l.store_id));
    assert_eq!(second.savepoints(None, 9).await.unwrap(), [sp]);
    assert!(!leftover.exists(), "an interrupted upload is not kept");
    let late =
        first.commit(Changes { facts: vec![("x".into(), "y".into())], ..Changes::default() }, l.epoch).await;
    assert_eq!(late, Err(StoreError::Fenced { ours: l.epoch.0, current: m.epoch.0 }));
    // Nor may it claim a clean exit for its successor.
    assert!(matches!(first.close().await, Err(StoreError::Fenced { .. })));
    drop(first);
    assert!(second.load().await.unwrap().facts.is_empty());

    second.close().await.unwrap();
    assert!(second.commit(Changes::default(), m.epoch).await.is_err(), "closed is closed");
    let third = open(dir.path()).await;
    assert_eq!((third.load().await.unwrap().unclean, fence(&*third).await), (false, Epoch(m.epoch.0 + 1)));
}

#[tokio::test]
async fn a_word_of_a_newer_store_is_named_and_never_a_panic() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let epoch = fence(&*store).await;
    let c = Changes {
        operations: vec![operation("op-7", "d1", OpState::Running, 0)],
        events: vec![event(Some("d1"), 0, Severity::Info)],
        ..with_deployment()
    };
    store.commit(c, epoch).await.unwrap();
    let raw = rusqlite::Connection::open(dir.path().join(sqlite::DATABASE)).unwrap();
    for (change, row) in [
        ("UPDATE step SET state = 'DREAMT'", "step of operation op-7"),
        ("UPDATE operation SET kind = 'TELEPORT'", "operation op-7"),
        ("UPDATE operation SET kind = 'START', plan = '{\"version\": 99}'", "operation op-7"),
    ] {
        raw.execute_batch(change).unwrap();
        let read = store.operation(&"op-7".into()).await;
        assert!(matches!(&read, Err(StoreError::Failed(t)) if t.contains(row)), "{change}: {read:?}");
    }
}

#[tokio::test]
async fn the_event_log_cannot_be_rewritten() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let c = Changes { events: vec![event(None, 0, Severity::Info)], ..Changes::default() };
    store.commit(c, fence(&*store).await).await.unwrap();
    let raw = rusqlite::Connection::open(dir.path().join(sqlite::DATABASE)).unwrap();
    for attempt in [
        "UPDATE event SET message = ''",
        "DELETE FROM event",
        "UPDATE word SET text = 'x'",
        "DELETE FROM word",
    ] {
        let refused = raw.execute_batch(attempt).unwrap_err().to_string();
        assert!(refused.contains("append-only"), "{attempt}: {refused}");
    }
}

/// History grows for years: what repeats must not be stored with every event.
#[tokio::test]
async fn an_event_is_small() {
    const EVENTS: u64 = 20_000;
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let epoch = fence(&*store).await;
    let typical = |n: u64| {
        let mut e = event(None, i64::try_from(n).unwrap() * 1500, Severity::Info);
        let uuid = |kind: u64, n: u64| format!("0190f0a0-{kind:04}-7000-8000-{n:012}");
        e.deployment = Some(uuid(0, n % 20).into());
        (e.application, e.deployment_name) =
            (Some(format!("app-{}", n % 5)), Some(format!("app-{}/d-{}", n % 5, n % 20)));
        e.job = n.is_multiple_of(2).then(|| uuid(1, n / 1000).into());
        e.operation = n.is_multiple_of(4).then(|| uuid(2, n / 40).into());
        e.message = format!("checkpoint {n} completed in 812 ms, 12.4 MiB");
        e
    };
    for from in (0..EVENTS).step_by(500) {
        let events = (from..from + 500).map(typical).collect();
        store.commit(Changes { events, ..Changes::default() }, epoch).await.unwrap();
    }
    store.close().await.unwrap();
    let bytes = std::fs::metadata(dir.path().join(sqlite::DATABASE)).unwrap().len();
    assert!(bytes / EVENTS <= 130, "{} bytes an event", bytes / EVENTS);
}
