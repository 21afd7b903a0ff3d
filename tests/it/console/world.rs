//! A small world for the console's tests, as the manager would answer it.

use indexmap::IndexMap;
use nutkin::{
    contract::{
        model::{
            Application, Artifact, Checkpoint, Deployment, DeploymentJob, Event, Job, MetricValue,
            NextRestorePoint, Operation, RestorePoint, RestoredFrom, Revision, Savepoint, Step, Target,
            TargetJob, Tasks,
        },
        plan::{Check, Confirmation, Plan, Verdict},
        watch::{Detail, Row, Snapshot, Totals},
    },
    domain::{
        deployment::{Desired, Health, Observed},
        event::{Severity, Via},
        operation::{Choice, ChoiceId, Kind, OpError, OpState, StepName, StepState},
        savepoint::{Format, Origin, Status},
        spec::{Difference, Layer, Protection},
        time::Timestamp,
    },
};
use serde_json::{Value, json};

use super::acts;

/// The moment of every test.
pub fn now() -> Timestamp {
    "2026-05-04T06:56:02.000Z".parse().unwrap()
}

/// A time on that day, or the day before.
pub fn at(clock: &str) -> Timestamp {
    format!("2026-05-04T{clock}Z").parse().unwrap()
}

pub const PROD: &str = "payments-dashboard/production";
pub const STAGING: &str = "payments-dashboard/staging";
const JOB: &str = "6e75746b01020304a1b2c3d4e5f60718";

pub fn target(name: &str) -> Target {
    Target {
        name: name.into(),
        kind: "session".into(),
        url: "http://jobmanager:8081".into(),
        urls: vec!["http://jobmanager:8081".into()],
        flink_version: Some("2.3.0".into()),
        reachable: Some(true),
        error: None,
        observed_at: Some(at("06:56:01")),
        slots_total: Some(8),
        slots_free: Some(4),
        jobs_running: Some(3),
        unmanaged_jobs: Some(1),
        capabilities: vec![],
        protection: Protection::None,
        savepoint_directory: Some("s3://bucket/savepoints".into()),
        savepoint_access: "NONE".into(),
        colour: None,
        labels: IndexMap::new(),
        spec: json!({}),
        version: 1,
    }
}

fn application(name: &str, title: &str, health: Health, deployments: &[&str]) -> Application {
    Application {
        name: name.into(),
        title: title.into(),
        labels: IndexMap::new(),
        health,
        deployments: deployments.iter().map(|d| (*d).to_owned()).collect(),
        defaults: json!({}),
        version: 1,
    }
}

pub fn row(deployment: &str, observed: Observed, health: Health) -> Row {
    Row {
        deployment: deployment.into(),
        target: "eu-west-1".into(),
        observed,
        health,
        version_label: Some("payments@33de6".into()),
        flink_state: (observed == Observed::Running).then(|| "RUNNING".into()),
        operation: None,
        operation_started_at: None,
        needs_attention: false,
        started_at: Some(at("03:44:00")),
        restarts: Some(0),
    }
}

pub fn savepoint(id: &str, clock: &str, origin: Origin, status: Status) -> Savepoint {
    let place = format!("s3://bucket/savepoints/nutkin/0192-dep/{id}/savepoint-a1b2c3-0123456789ab");
    Savepoint {
        savepoint_id: format!("0192d7a0-5c1e-7a11-8f00-{id}"),
        deployment: PROD.into(),
        created_at: at(clock),
        triggered_at: Some(at(clock)),
        job_id: Some("0192d7a0-aaaa-7a11-8f00-000000000001".into()),
        flink_job_id: Some(JOB.into()),
        operation_id: None,
        trigger_id: None,
        target_directory: Some("s3://bucket/savepoints/nutkin/0192-dep".into()),
        origin,
        status,
        is_final: false,
        location: (status == Status::Completed).then_some(place),
        size_bytes: (status == Status::Completed).then_some(1_288_490_188),
        format: Some(Format::Canonical),
        flink_version: Some("2.3.0".into()),
        revision: Some(7),
        label: None,
        pinned: false,
        verified: None,
        failure: (status == Status::Failed).then(|| "Checkpoint expired before completing".into()),
    }
}

pub fn savepoints() -> Vec<Savepoint> {
    let mut list = vec![
        savepoint("00000000c812", "06:41:00", Origin::UserRequest, Status::Completed),
        savepoint("00000000c790", "05:10:00", Origin::Suspend, Status::Completed),
        savepoint("00000000c701", "04:02:00", Origin::UserRequest, Status::Failed),
        savepoint("00000000c655", "03:43:00", Origin::SuspendAndUpgrade, Status::Completed),
    ];
    list[0].label = Some("before the release".into());
    list[3].pinned = true;
    list
}

pub fn deployment() -> Deployment {
    Deployment {
        deployment: PROD.into(),
        application: "payments-dashboard".into(),
        name: "production".into(),
        id: "0192-dep".into(),
        target: "eu-west-1".into(),
        labels: IndexMap::new(),
        desired: Desired::Running,
        observed: Observed::Running,
        observed_at: Some(at("06:56:01")),
        health: Health::Healthy,
        conditions: vec![],
        revision: Some(7),
        version_label: Some("payments@33de6".into()),
        spec_version: 3,
        job: Some(DeploymentJob {
            job_id: "0192d7a0-aaaa-7a11-8f00-000000000001".into(),
            flink_job_id: JOB.into(),
            flink_state: Some("RUNNING".into()),
            started_at: Some(at("03:44:00")),
            restarts: Some(0),
            tasks: Some(Tasks { running: 12, total: 12 }),
            restored_from: Some(RestoredFrom {
                savepoint_id: Some("0192d7a0-5c1e-7a11-8f00-00000000c655".into()),
                location: "s3://bucket/savepoints/savepoint-a1b2c3".into(),
            }),
        }),
        parallelism: Some(4),
        last_checkpoint: Some(Checkpoint {
            id: 812,
            triggered_at: Some(at("06:55:53")),
            completed_at: Some(at("06:55:54")),
            duration_ms: Some(1_400),
            size_bytes: Some(1_288_490_188),
            location: None,
            status: "COMPLETED".into(),
            kind: "CHECKPOINT".into(),
            failure: None,
        }),
        last_failed_checkpoint: None,
        crash_loss_seconds: Some(9),
        end_loss_seconds: Some(902),
        next_restore_point: Some(NextRestorePoint {
            savepoint_id: Some("0192d7a0-5c1e-7a11-8f00-00000000c812".into()),
            location: Some("s3://bucket/savepoints/savepoint-a1b2c3".into()),
            why: "newest complete savepoint (USER_REQUEST) of this deployment".into(),
            state_of: Some(at("06:41:00")),
            refused: false,
            rewind_seconds: Some(902),
            verified: None,
        }),
        operation: None,
        root_cause: None,
        drift: None,
        overridden: vec![],
        metrics: vec![MetricValue {
            name: "payments since birth".into(),
            metric: "payments.total".into(),
            value: Some(1_234_567.0),
            observed_at: Some(at("06:56:00")),
        }],
        flink_url: Some("http://jobmanager:8081/#/job/running".into()),
        protection: Protection::Confirm,
        flink_version: Some("2.3.0".into()),
    }
}

pub fn detail() -> Detail {
    Detail { deployment: deployment(), savepoints: savepoints(), operation: None }
}

pub fn event(
    seq: u64,
    clock: &str,
    deployment: Option<&str>,
    severity: Severity,
    name: &str,
    message: &str,
) -> Event {
    Event {
        seq,
        at: at(clock),
        severity,
        name: name.into(),
        application: deployment.and_then(|d| d.split_once('/')).map(|(a, _)| a.to_owned()),
        deployment: deployment.map(Into::into),
        job_id: None,
        operation_id: None,
        actor: "nutkin".into(),
        via: Via::Auto,
        message: message.into(),
        details: Value::Null,
    }
}

pub fn events() -> Vec<Event> {
    use Severity::{Error, Info, Warn};
    let fraud = "fraud-detection/live";
    vec![
        event(101, "06:54:40", Some(PROD), Info, "CHECKPOINT_COMPLETED", "#805 1.3 s 1.2 GiB"),
        event(
            102,
            "06:55:02",
            Some(fraud),
            Error,
            "EXCEPTION_SEEN",
            "java.io.IOException: disk quota exceeded",
        ),
        event(
            103,
            "06:55:31",
            Some(STAGING),
            Info,
            "OPERATION_STARTED",
            "UPGRADE to payments@9f01c by alice",
        ),
        event(
            104,
            "06:55:40",
            Some(STAGING),
            Info,
            "SAVEPOINT_COMPLETED",
            "s3://bucket/savepoints/savepoint-77aa01 80.2 MiB",
        ),
        event(105, "06:55:44", None, Warn, "WATCH_GAP", "nobody watched from 06:31:10 to 06:32:44"),
        event(106, "06:55:54", Some(PROD), Info, "CHECKPOINT_COMPLETED", "#812 1.4 s 1.2 GiB"),
    ]
}

pub fn unmanaged() -> TargetJob {
    TargetJob {
        target: "eu-west-1".into(),
        flink_job_id: "a94f0c3e8b7d4a2f9c1e5d6b7a8f9012".into(),
        name: "Click Stream Enrichment".into(),
        flink_state: "RUNNING".into(),
        started_at: Some(at("01:12:00")),
        ended_at: None,
        tasks: Tasks { running: 6, total: 6 },
        deployment: None,
        management: "unmanaged".into(),
    }
}

pub fn snapshot() -> Snapshot {
    let mut staging = row(STAGING, Observed::Transitioning, Health::Progressing);
    staging.operation = Some("UPGRADE 3/6".into());
    staging.operation_started_at = Some(at("06:55:50"));
    let mut fraud = row("fraud-detection/live", Observed::Failed, Health::Failing);
    fraud.version_label = Some("fraud@4be01".into());
    Snapshot {
        at: "e1.42".into(),
        now: now(),
        actor: "alice@bastion-1".into(),
        read_only: false,
        totals: Totals {
            deployments: 3,
            running: 1,
            transitioning: 1,
            failing: 1,
            needs_attention: 0,
            operations: 1,
        },
        applications: vec![
            application(
                "payments-dashboard",
                "Payments Dashboard (Europe)",
                Health::Progressing,
                &[PROD, STAGING],
            ),
            application("fraud-detection", "Fraud Detection", Health::Failing, &["fraud-detection/live"]),
        ],
        rows: vec![row(PROD, Observed::Running, Health::Healthy), staging, fraud],
        total_rows: 3,
        targets: vec![target("eu-west-1")],
        unmanaged: vec![unmanaged()],
        selected: Some(Box::new(detail())),
        events: events(),
    }
}

pub fn jobs() -> Vec<Job> {
    let job = |n: u32, state: Observed, from: &str, to: Option<&str>, restored: Option<&str>| Job {
        job_id: format!("0192d7a0-aaaa-7a11-8f00-{n:012}"),
        deployment: PROD.into(),
        flink_job_id: format!("6e75746b01020304{n:016x}"),
        revision: Some(n),
        state,
        flink_state: Some(if state == Observed::Running { "RUNNING" } else { "FINISHED" }.into()),
        started_at: Some(at(from)),
        ended_at: to.map(at),
        began_empty: restored.is_none(),
        restored_from: restored.map(|r| RestoredFrom {
            savepoint_id: Some(format!("0192d7a0-5c1e-7a11-8f00-{r}")),
            location: "s3://bucket/x".into(),
        }),
        restarts: Some(0),
    };
    vec![
        job(7, Observed::Running, "03:44:00", None, Some("00000000c655")),
        job(6, Observed::Suspended, "01:00:00", Some("03:43:10"), None),
    ]
}

pub fn revisions() -> Vec<Revision> {
    let spec = json!({
        "target": "eu-west-1",
        "artifact": { "sha256": "9b1c0e5f77aa01d2", "jar": "payments.jar", "entryClass": "io.example.Payments", "args": ["--rate", "500"] },
        "parallelism": 4,
        "flinkConfiguration": {
            "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
            "execution.checkpointing.interval": "10s",
            "state.backend.type": "rocksdb"
        },
        "upgradeStrategy": "STATEFUL",
        "restoreStrategy": "LATEST_STATE",
        "protection": "CONFIRM"
    });
    let provenance = [
        ("target", Layer::Deployment),
        ("artifact/sha256", Layer::Deployment),
        ("artifact/jar", Layer::Deployment),
        ("artifact/entryClass", Layer::Application),
        ("artifact/args", Layer::Deployment),
        ("parallelism", Layer::Deployment),
        ("flinkConfiguration/execution.checkpointing.interval", Layer::Target),
        ("flinkConfiguration/state.backend.type", Layer::Application),
        ("protection", Layer::Deployment),
    ];
    vec![Revision {
        number: 7,
        version_label: "payments@33de6".into(),
        author: "alice@bastion-1".into(),
        reason: Some("faster checkpoints".into()),
        created_at: at("03:42:50"),
        content_hash: "77aa".into(),
        spec,
        provenance: provenance.into_iter().map(|(p, l)| (p.to_owned(), l)).collect(),
        failed_in: None,
    }]
}

pub fn artifacts() -> Vec<Artifact> {
    vec![
        Artifact {
            sha256: "c0ffee0012345678c0ffee0012345678c0ffee0012345678c0ffee0012345678".into(),
            name: "payments-2.0.jar".into(),
            size_bytes: 4_200_000,
            main_class: Some("io.example.Payments".into()),
            entry_classes: vec!["io.example.Payments".into()],
            created_at: at("06:20:00"),
            used_by: vec![],
        },
        Artifact {
            sha256: "9b1c0e5f77aa01d2".into(),
            name: "payments.jar".into(),
            size_bytes: 4_100_000,
            main_class: Some("io.example.Payments".into()),
            entry_classes: vec!["io.example.Payments".into()],
            created_at: at("03:40:00"),
            used_by: vec![PROD.into()],
        },
    ]
}

fn check(name: &str, verdict: Verdict, message: &str, hint: Option<&str>) -> Check {
    Check { name: name.into(), verdict, message: message.into(), hint: hint.map(Into::into) }
}

fn restore_points() -> Vec<RestorePoint> {
    vec![
        RestorePoint {
            savepoint_id: Some("0192d7a0-5c1e-7a11-8f00-00000000c812".into()),
            location: Some("s3://bucket/savepoints/nutkin/0192-dep/op-1/savepoint-a1b2c3".into()),
            chosen: true,
            why: Some("newest complete".into()),
            rejected: None,
            rewind_seconds: Some(902),
            verified: None,
            origin: Some(Origin::UserRequest),
            triggered_at: Some(at("06:41:00")),
        },
        RestorePoint {
            savepoint_id: Some("0192d7a0-5c1e-7a11-8f00-00000000c701".into()),
            location: None,
            chosen: false,
            why: None,
            rejected: Some("incomplete: Checkpoint expired before completing".into()),
            rewind_seconds: None,
            verified: None,
            origin: Some(Origin::UserRequest),
            triggered_at: Some(at("04:02:00")),
        },
    ]
}

pub fn plan(kind: Kind) -> Plan {
    let takes = matches!(kind, Kind::Suspend | Kind::Restart | Kind::Upgrade | Kind::Rollback | Kind::Fork);
    let restores = takes || matches!(kind, Kind::Start | Kind::Cancel | Kind::Reset);
    let taken = "the savepoint that this operation takes";
    let newest = "newest complete savepoint of this deployment, 15 min old, asked for by alice";
    let upgrade = matches!(kind, Kind::Upgrade | Kind::Fork | Kind::Rollback);
    let diff = |path: &str, old: Value, new: Value| Difference { path: path.into(), old, new };
    Plan {
        kind,
        deployment: PROD.into(),
        target: "eu-west-1".into(),
        steps: acts::planned(kind),
        revision_now: Some(7),
        revision_next: Some(if upgrade { 8 } else { 7 }),
        version_label: upgrade.then(|| "payments@c0ffe".into()),
        diff: if upgrade {
            vec![
                diff("artifact/sha256", json!("9b1c0e5f77aa01d2"), json!("c0ffee0012345678")),
                diff("flinkConfiguration/execution.checkpointing.interval", json!("10s"), json!("30s")),
                diff("flinkConfiguration/state.backend.incremental", Value::Null, json!("true")),
            ]
        } else {
            vec![]
        },
        spec: None,
        restore_points: if restores { restore_points() } else { vec![] },
        restore_why: restores.then(|| if takes { taken } else { newest }.into()),
        checks: vec![
            check("reachable", Verdict::Ok, "Flink 2.3.0 at jobmanager:8081 answers", None),
            check("slots", Verdict::Ok, "4 needed, 4 free and 4 held by this job", None),
            check(
                "savepointDirectory",
                Verdict::Warning,
                "s3://bucket/savepoints cannot be looked into from here",
                Some("set savepointAccess of the target, so that lost answers can be told from failures"),
            ),
        ],
        warnings: vec![],
        irreversible: match kind {
            Kind::Cancel => vec!["no savepoint is taken: up to 15 min of progress are lost".into()],
            Kind::Dispose => vec!["the files are gone for good".into()],
            _ => vec![],
        },
        crash_loss_seconds: Some(9),
        end_loss_seconds: Some(902),
        rewind_seconds: Some(0),
        expected_savepoint_seconds: Some(4),
        confirmation: if matches!(kind, Kind::Cancel | Kind::Dispose) {
            Confirmation::TypeName
        } else {
            Confirmation::Yes
        },
        runnable: true,
        command: format!("nutkin {} {PROD} --wait", kind.as_str().to_lowercase()),
        if_it_fails: acts::if_it_fails(kind),
        typed_name: PROD.into(),
        plan_digest: "d1".into(),
    }
}

fn step(n: u32, name: StepName, state: StepState, detail: &str) -> Step {
    let begun = state != StepState::Planned;
    Step {
        n,
        name,
        title: acts::title(name, 6),
        state,
        started_at: begun.then(|| at("06:55:51")),
        ended_at: (state == StepState::Confirmed).then(|| at("06:55:55")),
        attempts: u32::from(begun),
        detail: detail.into(),
    }
}

/// A suspend at its second step.
pub fn operation(state: OpState) -> Operation {
    Operation {
        operation_id: "0192d7a1-0f0f-7abc-9000-00000000beef".into(),
        supersedes: None,
        superseded_by: None,
        goes_back: None,
        parent: None,
        kind: Kind::Suspend,
        deployment: PROD.into(),
        target: "eu-west-1".into(),
        revision: None,
        state,
        actor: "alice@bastion-1".into(),
        via: Via::Tui,
        reason: Some("release".into()),
        created_at: at("06:55:50"),
        started_at: Some(at("06:55:50")),
        ended_at: None,
        steps: vec![
            step(
                1,
                StepName::StopWithSavepoint,
                StepState::Confirmed,
                "s3://bucket/savepoints/savepoint-a1b2c3, 1.2 GiB",
            ),
            step(2, StepName::AwaitTerminal, StepState::Intent, "Flink says RUNNING"),
            step(3, StepName::WriteCatalogue, StepState::Planned, ""),
        ],
        error: None,
        choices: vec![],
        result: None,
    }
}

/// A suspend that waits for a person.
pub fn waiting() -> Operation {
    let mut op = operation(OpState::NeedsAttention);
    op.steps[1].state = StepState::Ambiguous;
    op.error = Some(OpError {
        code: "ENDED_WITHOUT_SNAPSHOT".into(),
        message: "The job ended without a snapshot that nutkin can see: FINISHED at 06:55:58, nothing under s3://bucket/savepoints/nutkin/0192-dep (not looked into: savepointAccess is NONE). Nothing else was changed.".into(),
        hint: Some("look into the directory and name the savepoint, or go on from the last checkpoint".into()),
    });
    let choice = |id, title: &str, effect: &str, needs: Option<&str>| Choice {
        id,
        title: title.into(),
        effect: effect.into(),
        needs: needs.map(Into::into),
    };
    op.choices = vec![
        choice(
            ChoiceId::SavepointAt,
            "The savepoint is at …",
            "enters it as final; the deployment is SUSPENDED",
            Some("location"),
        ),
        choice(
            ChoiceId::LastCheckpoint,
            "Go on from the last checkpoint",
            "starts revision 7 from checkpoint #812, 9 s are repeated",
            None,
        ),
        choice(ChoiceId::Abandon, "Give it up", "the deployment is free again, nothing else changes", None),
    ];
    op
}

/// A rollback that did not reach its goal.
pub fn ended(state: OpState) -> Operation {
    let mut op = operation(state);
    (op.kind, op.revision, op.ended_at) = (Kind::Rollback, Some(6), Some(at("06:55:59")));
    op.steps = vec![
        step(1, StepName::StopWithSavepoint, StepState::Confirmed, "stopped with a complete savepoint"),
        step(
            2,
            StepName::RunJar,
            StepState::Refuted,
            "Flink refused the job: Cannot map checkpoint/savepoint state",
        ),
        step(3, StepName::AwaitRunning, StepState::Skipped, ""),
    ];
    op.error = Some(OpError {
        code: "STEP_FAILED".into(),
        message: "RUN_JAR: Flink refused the job: Cannot map checkpoint/savepoint state for operator 17bd5 to the new program".into(),
        hint: Some("the snapshot has state for which this revision has no operator; to drop that state, do it again with --allow-non-restored-state".into()),
    });
    if state == OpState::RolledBack {
        let mut back = step(4, StepName::RunJar, StepState::Confirmed, "Flink took the job");
        back.title = acts::title(StepName::RunJar, 7);
        op.steps.push(back);
        op.result = Some(
            "revision 6 did not hold (Flink refused the job: Cannot map checkpoint/savepoint state for operator 17bd5 to the new program); revision 7 runs again from s3://bucket/savepoints/savepoint-a1b2c3"
                .into(),
        );
    }
    op
}
