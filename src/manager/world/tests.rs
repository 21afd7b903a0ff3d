//! Where things are found must follow every change.

use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::{
    domain::{
        deployment::{Desired, OurEnd},
        ids::{Hex32, JobId},
        time::Timestamp,
    },
    manager::ports::store::JobRow,
};

/// One deployment, `pay/prod`, whose job is in the books.
pub fn with_a_job() -> World {
    let at = Timestamp::from_millis(0);
    let row = DeploymentRow {
        id: DeploymentId::new("d"),
        name: DeploymentName::new("pay", "prod").unwrap(),
        labels: Default::default(),
        layer: Value::Null,
        applied: None,
        spec_version: 1,
        desired: Desired::Running,
        revision: None,
        job: Some(JobId::new("j")),
        next_restore: None,
        adopted: false,
        created_at: at,
        deleted_at: None,
    };
    let job = JobRow {
        id: JobId::new("j"),
        deployment: row.id.clone(),
        flink: Hex32::from_bytes([7; 16]),
        target: TargetName::new("t"),
        revision: None,
        operation: None,
        created_at: at,
        started_at: None,
        ended_at: None,
        flink_state: None,
        our_end: OurEnd::None,
        restored_from: None,
        restored_savepoint: None,
        restarts: None,
        last_checkpoint: None,
        checkpoint_config: None,
        seen_at: None,
    };
    let mut world = World::new("01020304".parse().unwrap(), Epoch(1));
    world.absorb(&Changes { deployments: vec![row], jobs: vec![job], ..Changes::default() });
    world
}

fn names<'a>(all: impl Iterator<Item = &'a DeploymentEntry>) -> Vec<String> {
    all.map(|e| e.row.name.to_string()).collect()
}

fn on(world: &World, target: &str) -> Vec<String> {
    names(world.on(&TargetName::new(target)))
}

fn row_of(world: &World) -> DeploymentRow {
    world.by_id(&DeploymentId::new("d")).unwrap().row.clone()
}

const fn flink(byte: u8) -> [u8; 16] {
    [byte; 16]
}

/// The row of `pay/prod` after a change: the target of its layer, the target of its revision, the job of its books.
#[rstest]
#[case::by_its_layer(json!({ "target": "a" }), None, 7, Some("a"))]
#[case::the_revision_counts(json!({ "target": "a" }), Some("b"), 7, Some("b"))]
#[case::another_job(json!({ "target": "a" }), None, 8, Some("a"))]
fn a_deployment_is_found_where_it_is_now(
    #[case] layer: Value,
    #[case] revision: Option<&str>,
    #[case] job: u8,
    #[case] found: Option<&str>,
) {
    let mut world = with_a_job();
    let before = world.by_job(&Hex32::from_bytes(flink(7))).unwrap().job.clone().unwrap();
    let row = DeploymentRow {
        layer,
        revision: revision.map(|_| 1),
        job: Some(JobId::new(format!("j{job}"))),
        ..row_of(&world)
    };
    let job = JobRow { id: row.job.clone().unwrap(), flink: Hex32::from_bytes(flink(job)), ..before };
    let revisions = revision.map(|target| revision_on(&row.id, target)).into_iter().collect();
    world.absorb(&Changes {
        deployments: vec![row],
        jobs: vec![job.clone()],
        revisions,
        ..Changes::default()
    });
    for target in ["", "a", "b"] {
        let expected: &[&str] = if found == Some(target) { &["pay/prod"] } else { &[] };
        assert_eq!(on(&world, target), expected, "{target}");
    }
    for byte in [7, 8] {
        let flink = Hex32::from_bytes(flink(byte));
        assert_eq!(world.by_job(&flink).is_some(), flink == job.flink, "{flink}");
    }
}

fn revision_on(deployment: &DeploymentId, target: &str) -> RevisionRow {
    let spec = json!({ "target": target, "artifact": { "sha256": "7".repeat(64) }, "parallelism": 1 });
    RevisionRow {
        deployment: deployment.clone(),
        number: 1,
        version_label: "v".to_owned(),
        author: "ann".to_owned(),
        reason: None,
        created_at: Timestamp::from_millis(0),
        content_hash: String::new(),
        spec,
        provenance: Default::default(),
    }
}

#[test]
fn a_deleted_deployment_is_found_nowhere() {
    let mut world = with_a_job();
    assert_eq!(on(&world, ""), ["pay/prod"]);
    let row = DeploymentRow { deleted_at: Some(Timestamp::from_millis(1)), ..row_of(&world) };
    world.absorb(&Changes { deployments: vec![row], ..Changes::default() });
    assert_eq!(on(&world, ""), [""; 0]);
    assert!(world.by_job(&Hex32::from_bytes(flink(7))).is_none());
}

#[test]
fn an_application_has_its_own_deployments_only() {
    let mut world = with_a_job();
    let others = ["pay/0", "pay/test", "pay-2/prod", "pax/prod", "paz/0"];
    let deployments = others
        .iter()
        .map(|name| DeploymentRow {
            id: DeploymentId::new(*name),
            name: name.parse().unwrap(),
            job: None,
            ..row_of(&world)
        })
        .collect();
    world.absorb(&Changes { deployments, ..Changes::default() });
    assert_eq!(names(world.of_application("pay")), ["pay/0", "pay/prod", "pay/test"]);
    assert_eq!(names(world.of_application("not a name")), [""; 0]);
}
