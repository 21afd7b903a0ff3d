//! Steps in the product's own words: the canned world tells no other story than a manager would.

use nutkin::{
    contract::plan::PlannedStep,
    domain::{
        ids::ArtifactSha,
        operation::{
            Act, JobRef, Kind, Plan, StepName,
            recipe::{self, Facts},
        },
    },
};
use serde_json::json;

fn job() -> JobRef {
    serde_json::from_value(
        json!({ "id": "0192d7a0-aaaa-7a11-8f00-000000000007", "flink": "6e75746b01020304a1b2c3d4e5f60718" }),
    )
    .unwrap()
}

/// What an operation on production was confirmed with.
fn confirmed(kind: Kind) -> Plan {
    let runs = |k| matches!(k, Kind::Start | Kind::Restart | Kind::Upgrade | Kind::Rollback);
    let changes = matches!(kind, Kind::Upgrade | Kind::Rollback);
    let point = json!({ "from": "point", "savepoint": "sp", "location": "s3://bucket/savepoints/nutkin/0192-dep/op-1/savepoint-a1b2c3" });
    let mut plan = json!({
        "version": 1,
        "restore": if kind == Kind::Start { point } else { json!({ "from": "thisOperation" }) },
        "format": "CANONICAL",
        "origin": "USER_REQUEST",
        "maxSavepointAttempts": 3,
        "maxJobAttempts": 3,
        "probation": {},
        "checkpointTimeout": "10m",
        "slotsNeeded": 4,
        "savepoint": "0192d7a0-5c1e-7a11-8f00-00000000c812",
        "location": "s3://bucket/savepoints/nutkin/0192-dep/op-1/savepoint-a1b2c3",
    });
    if runs(kind) {
        plan["revision"] = json!(if changes { 8 } else { 7 });
    }
    if kind != Kind::Start {
        plan["oldJob"] = json!(job());
    }
    if changes {
        plan["previousRevision"] = json!(7);
    }
    serde_json::from_value(plan).unwrap()
}

/// The steps of a verb on production, as its card shows them.
pub fn planned(kind: Kind) -> Vec<PlannedStep> {
    let plan = confirmed(kind);
    let facts = Facts {
        live: plan.old_job.clone(),
        jar: Some(ArtifactSha::new("c0ffee0012345678".repeat(4))),
        previous_jar: Some(ArtifactSha::new("9b1c0e5f77aa01d2".repeat(4))),
        ..Facts::default()
    };
    let acts = recipe::steps(kind, &plan, &facts);
    acts.iter()
        .zip(1..)
        .map(|(a, n)| PlannedStep { n, name: a.name(), title: recipe::title(a, &plan) })
        .collect()
}

/// What happens when the new revision does not hold.
pub fn if_it_fails(kind: Kind) -> Option<String> {
    recipe::if_it_fails(&confirmed(kind))
}

/// What a step of an operation on production is called.
pub fn title(name: StepName, revision: u32) -> String {
    let act = match name {
        StepName::StopWithSavepoint => Act::StopWithSavepoint { job: job() },
        StepName::AwaitTerminal => Act::AwaitTerminal { job: Some(job()) },
        StepName::RunJar => Act::RunJar { revision },
        StepName::AwaitRunning => Act::AwaitRunning,
        StepName::WriteCatalogue => Act::WriteCatalogue,
        other => panic!("no operation of the canned world has the step {other}"),
    };
    recipe::title(&act, &confirmed(Kind::Rollback))
}
