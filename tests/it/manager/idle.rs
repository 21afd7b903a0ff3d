//! A manager that nobody talks to leaves only while there is nothing to watch.

use std::time::Duration;

use nutkin::{
    contract::intent::Verb,
    domain::{deployment::Desired, operation::OpState},
};
use rstest::rstest;
use serde_json::json;

use super::rig::{DEADLINE, Rig, cancel, suspend};

/// Short, so that a manager that may leave does so while the test looks.
const IDLE: Duration = Duration::from_millis(200);

/// It is looked at each time when this is over; a manager that may leave is gone after a few of them.
const SEVERAL_LOOKS: Duration = Duration::from_secs(2);

async fn leaves(rig: &Rig, within: Duration) -> bool {
    tokio::time::timeout(within, rig.manager.leaving()).await.is_ok()
}

#[rstest]
#[case::running(None, Desired::Running, cancel())]
#[case::suspended(Some(suspend()), Desired::Suspended, Verb::Delete(Default::default()))]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_manager_stays_while_a_deployment_shall_run_or_keeps_state(
    #[case] then: Option<Verb>,
    #[case] desired: Desired,
    #[case] end: Verb,
) {
    let mut rig = Rig::leaving_after(IDLE).await;
    // One that it may leave alone is not enough to go.
    rig.deployment("idle", json!({})).await;
    rig.running("prod", json!({})).await;
    if let Some(then) = then {
        assert_eq!(rig.act("prod", then).await.state, OpState::Succeeded);
    }
    assert_eq!(rig.seen("prod").desired, desired);
    rig.nobody_looks();
    assert!(!leaves(&rig, SEVERAL_LOOKS).await, "{desired} is to be watched");
    assert_eq!(rig.act("prod", end).await.state, OpState::Succeeded);
    assert!(leaves(&rig, DEADLINE).await, "nothing is left to be watched");
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_manager_stays_while_somebody_watches() {
    let mut rig = Rig::leaving_after(IDLE).await;
    assert!(!leaves(&rig, SEVERAL_LOOKS).await, "somebody watches");
    rig.nobody_looks();
    assert!(leaves(&rig, DEADLINE).await);
    rig.end().await;
}
