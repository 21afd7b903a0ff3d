//! Rows for the store's tests: plain ones, and arbitrary ones for properties.

use std::time::Duration;

use indexmap::IndexMap;
use nutkin::{
    domain::{
        deployment::{Desired, OurEnd},
        event::{EventName, NewEvent, Severity, Via},
        flink::{CheckpointConfig, KeptCheckpoint},
        ids::{DeploymentId, Hex32},
        operation::{
            Act, Choice, ChoiceId, JobRef, Kind, OpError, OpState, Operation, Outcome, Plan, Probation,
            RestoreSource, Step, StepState,
        },
        savepoint::{Format, Origin, Savepoint, Status},
        spec::Layer,
        time::{Span, Timestamp},
    },
    manager::ports::store::{
        AnswerRow, ApplicationRow, ArtifactRow, Changes, DeploymentRow, JobRow, RevisionRow, TargetRow,
    },
};
use proptest::{option, prelude::*, sample::select};
use serde_json::{Value, json};

pub fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + ms)
}

pub fn deployment(id: &str, name: &str) -> DeploymentRow {
    DeploymentRow {
        id: id.into(),
        name: name.parse().unwrap(),
        labels: IndexMap::from([("b".into(), "1".into()), ("a".into(), "2".into())]),
        layer: json!({"parallelism": 2, "artifact": {"args": ["--x", "ü\u{0}\u{1b}[31m"]}}),
        applied: None,
        spec_version: 1,
        desired: Desired::Running,
        revision: None,
        job: None,
        next_restore: None,
        adopted: false,
        created_at: at(0),
        deleted_at: None,
    }
}

pub fn operation(id: &str, deployment: &str, state: OpState, created: i64) -> Operation {
    let ended = (!state.is_active()).then(|| at(created + 5));
    let job = JobRef { id: "job".into(), flink: Hex32::from_bytes([3; 16]) };
    let mut stop = Step::planned(1, Act::StopWithSavepoint { job: job.clone() });
    stop.state = StepState::Intent;
    stop.attempts = 1;
    stop.key = Some("00ff".repeat(8));
    stop.intent_at = Some(at(created + 1));
    Operation {
        id: id.into(),
        parent: None,
        kind: Kind::Suspend,
        deployment: deployment.into(),
        deployment_name: "pay/prod".parse().unwrap(),
        target: "local".into(),
        state,
        actor: "ann".into(),
        via: Via::Cli,
        reason: Some("release".into()),
        created_at: at(created),
        started_at: None,
        ended_at: ended,
        plan: plan(Some(job)),
        steps: vec![stop, Step::planned(2, Act::WriteCatalogue)],
        error: None,
        choices: Vec::new(),
        result: None,
        cancel_requested: false,
    }
}

fn plan(old_job: Option<JobRef>) -> Plan {
    Plan {
        version: 1,
        old_job,
        revision: Some(2),
        previous_revision: Some(1),
        restore: RestoreSource::Point { savepoint: "sp".into(), location: "s3://b/sp".into() },
        allow_non_restored_state: false,
        savepoint_base: Some("s3://b".into()),
        format: Format::Canonical,
        drain: false,
        label: None,
        origin: Origin::Suspend,
        max_savepoint_attempts: 4,
        max_job_attempts: 4,
        probation: Probation::default(),
        checkpoint_timeout: Span(Duration::from_mins(10)),
        checkpoint_interval: Some(Span(Duration::from_secs(10))),
        slots_needed: 2,
        previous_slots_needed: 1,
        desired_after: Some(Desired::Suspended),
        savepoint: None,
        location: None,
        status_before: None,
        warnings: vec!["w".into()],
        acknowledged: None,
        before: None,
        creates: None,
        supersedes: None,
        inherited: None,
        superseded_by: None,
        compensation: None,
    }
}

pub fn event(deployment: Option<&str>, ms: i64, severity: Severity) -> NewEvent {
    let mut e = NewEvent::auto(at(ms), severity, EventName::JobRestarted, format!("event at {ms}"));
    e.deployment = deployment.map(Into::into);
    e.application = deployment.map(|_| "pay".into());
    e
}

pub fn answer(key: &str, at: Timestamp) -> AnswerRow {
    AnswerRow {
        actor: "ann".into(),
        route: "POST /x".into(),
        key: key.into(),
        body_hash: "h".into(),
        status: 202,
        body: json!({"operationId": "1"}),
        at,
    }
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), Just(String::new()), Just("\u{0}\u{1b}]0;x\u{7}".to_owned())]
}

fn id() -> impl Strategy<Value = String> {
    "[a-z0-9-]{1,36}"
}

fn time() -> impl Strategy<Value = Timestamp> {
    // Documents carry times as RFC 3339, which ends with the year 9999.
    (0i64..253_402_300_799_999).prop_map(Timestamp::from_millis)
}

fn hex() -> impl Strategy<Value = Hex32> {
    any::<[u8; 16]>().prop_map(Hex32::from_bytes)
}

fn document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from)
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((any::<String>(), inner), 0..4)
                .prop_map(|m| Value::Object(m.into_iter().collect()))
        ]
    })
}

fn labels() -> impl Strategy<Value = IndexMap<String, String>> {
    prop::collection::vec((text(), text()), 0..3).prop_map(|v| v.into_iter().collect())
}

prop_compose! {
    fn any_savepoint(d: DeploymentId)(
        (id, created_at, origin, status) in (id(), time(), select(Origin::ALL), select(Status::ALL)),
        (triggered_at, job, flink_job, operation, trigger) in
            (option::of(time()), option::of(id()), option::of(hex()), option::of(id()), option::of(hex())),
        (target_directory, location, failure, label, flink_version) in
            (option::of(text()), option::of(text()), option::of(text()), option::of(text()), option::of(text())),
        (is_final, drained, pinned) in any::<(bool, bool, bool)>(),
        (size, checkpoint_id, revision) in any::<(Option<u64>, Option<u64>, Option<u32>)>(),
        format in option::of(select(Format::ALL)),
        verified_at in option::of(time()),
    ) -> Savepoint {
        Savepoint {
            id: id.into(), deployment: d.clone(), created_at, triggered_at, job: job.map(Into::into), flink_job,
            operation: operation.map(Into::into), trigger, target_directory, origin, status, is_final, drained,
            location, size, format, flink_version, revision, checkpoint_id, label, pinned, verified_at, failure,
        }
    }
}

prop_compose! {
    fn any_checkpoint()(
        id in any::<u64>(), triggered_at in time(), completed_at in option::of(time()),
        size in any::<Option<u64>>(), path in option::of(text()), discarded in any::<bool>(),
    ) -> KeptCheckpoint {
        KeptCheckpoint { id, triggered_at, completed_at, size, path, discarded }
    }
}

prop_compose! {
    fn any_config()(
        interval in option::of(0u64..1 << 40), timeout in option::of(0u64..1 << 40), retained in any::<bool>(),
    ) -> CheckpointConfig {
        let span = |ms: u64| Span(Duration::from_millis(ms));
        CheckpointConfig { interval: interval.map(span), timeout: timeout.map(span), retained }
    }
}

prop_compose! {
    fn any_job(d: DeploymentId)(
        (id, flink, target, revision) in (id(), hex(), id(), any::<Option<u32>>()),
        (created_at, started_at, ended_at, seen_at) in
            (time(), option::of(time()), option::of(time()), option::of(time())),
        (flink_state, our_end, restored_from) in (option::of(text()), select(OurEnd::ALL), option::of(text())),
        (operation, restored_savepoint) in (option::of(id()), option::of(id())),
        restarts in any::<Option<u64>>(),
        (last_checkpoint, checkpoint_config) in (option::of(any_checkpoint()), option::of(any_config())),
    ) -> JobRow {
        JobRow {
            id: id.into(), deployment: d.clone(), flink, target: target.into(), revision,
            operation: operation.map(Into::into), created_at, started_at, ended_at, flink_state, our_end,
            restored_from, restored_savepoint: restored_savepoint.map(Into::into), restarts, last_checkpoint,
            checkpoint_config, seen_at,
        }
    }
}

prop_compose! {
    fn any_step()(
        act in prop_oneof![
            Just(Act::NoLiveJob), Just(Act::Probation), any::<u32>().prop_map(|revision| Act::RunJar { revision }),
            (id(), hex()).prop_map(|(i, flink)| Act::CancelJob { job: Some(JobRef { id: i.into(), flink }) }),
            (id(), text()).prop_map(|(s, location)| Act::Dispose { savepoint: s.into(), location }),
        ],
        state in select(StepState::ALL), attempts in any::<u32>(), key in option::of(text()), detail in text(),
        (started_at, intent_at, mark, not_before, ended_at) in
            (option::of(time()), option::of(time()), option::of(time()), option::of(time()), option::of(time())),
        outcome in option::of((option::of(text()), any::<bool>(), option::of(time()), any::<Option<u64>>())),
    ) -> Step {
        let outcome = outcome.map(|(location, is_final, triggered_at, size)| Outcome {
            location, is_final, triggered_at, size, checkpoint_id: size, ..Outcome::default()
        });
        Step { n: 0, act, state, attempts, key, started_at, intent_at, mark, not_before, ended_at, detail, outcome }
    }
}

prop_compose! {
    fn any_operation(d: DeploymentId)(
        (id, kind, state, via) in (id(), select(Kind::ALL), select(OpState::ALL), select(Via::ALL)),
        (actor, reason, result, title) in (text(), option::of(text()), option::of(text()), text()),
        (created_at, started_at, ended) in (time(), option::of(time()), time()),
        parent in option::of(id()), cancel_requested in any::<bool>(), choice in select(ChoiceId::ALL),
        steps in prop::collection::vec(any_step(), 0..4),
    ) -> Operation {
        let steps = steps.into_iter().zip(1..).map(|(s, n)| Step { n, ..s }).collect();
        let error = OpError { code: "X".into(), message: title.clone(), hint: reason.clone() };
        Operation {
            id: id.into(), parent: parent.map(Into::into), kind, deployment: d.clone(),
            deployment_name: "pay/prod".parse().unwrap(), target: "t".into(), state, actor, via, reason, created_at,
            started_at, ended_at: (!state.is_active()).then_some(ended), plan: plan(None), steps,
            error: Some(error), choices: vec![Choice { id: choice, title, effect: String::new(), needs: None }],
            result, cancel_requested,
        }
    }
}

prop_compose! {
    fn any_event()(
        at in time(), severity in select(Severity::ALL), name in text(), via in select(Via::ALL),
        (application, deployment_name) in (option::of(text()), option::of(text())),
        (deployment, job, operation) in (option::of(id()), option::of(id()), option::of(id())),
        (actor, message) in (text(), text()), details in document(),
    ) -> NewEvent {
        NewEvent {
            at, severity, name: EventName::from_word(&name), application, deployment: deployment.map(Into::into),
            deployment_name, job: job.map(Into::into), operation: operation.map(Into::into), actor, via, message,
            details,
        }
    }
}

prop_compose! {
    fn any_deployment()(
        id in id(), (app, name) in ("[a-z]{1,8}", "[a-z0-9]{1,8}"), labels in labels(), layer in document(),
        applied in option::of(document()), (spec_version, revision, adopted) in any::<(u32, Option<u32>, bool)>(),
        desired in select(Desired::ALL), (job, next_restore) in (option::of(id()), option::of(id())),
        created_at in time(),
    ) -> DeploymentRow {
        DeploymentRow {
            id: id.into(), name: format!("{app}/{name}").parse().unwrap(), labels, layer, applied, spec_version,
            desired, revision, job: job.map(Into::into), next_restore: next_restore.map(Into::into), adopted,
            created_at, deleted_at: None,
        }
    }
}

prop_compose! {
    fn rows_of(d: DeploymentRow)(
        job in any_job(d.id.clone()), savepoint in any_savepoint(d.id.clone()),
        operation in any_operation(d.id.clone()), events in prop::collection::vec(any_event(), 1..4),
        (spec, labels, title) in (document(), labels(), text()), sha in "[0-9a-f]{64}", size in any::<u64>(),
        (created_at, number, layer) in (time(), any::<u32>(), select(Layer::ALL)),
        (fact, label) in ((text(), text()), option::of(text())),
    ) -> Changes {
        let revision = RevisionRow {
            deployment: d.id.clone(), number, version_label: title.clone(), author: title.clone(),
            reason: label.clone(), created_at, content_hash: sha.clone(), spec: spec.clone(),
            provenance: IndexMap::from([(title.clone(), layer)]),
        };
        let target = TargetRow {
            name: d.id.as_str().into(), spec: spec.clone(), labels: labels.clone(), version: number, created_at,
        };
        let application = ApplicationRow {
            name: d.name.app().to_owned(), title: title.clone(), labels, defaults: spec.clone(), version: number,
            created_at,
        };
        let artifact = ArtifactRow {
            sha: sha.into(), name: title.clone(), size, main_class: label, entry_classes: vec![title], created_at,
        };
        Changes {
            targets: vec![target], applications: vec![application], deployments: vec![d.clone()],
            revisions: vec![revision], jobs: vec![job], savepoints: vec![savepoint], operations: vec![operation],
            artifacts: vec![artifact], events, facts: vec![fact], ..Changes::default()
        }
    }
}

/// One row of every kind, holding anything that the types allow.
pub fn anything() -> impl Strategy<Value = Changes> {
    any_deployment().prop_flat_map(rows_of)
}
