//! A manager that is asked while it still starts.

use std::time::Duration;

use nutkin::domain::operation::OpState;

use super::{plays::Play, scene::Scene};
use crate::{
    fake::{Fault, Phase},
    manager::rig::restart,
};

/// The first look at the cluster ends while the operation's upload is on its way: what goes on with old operations then
/// must leave this one to the driver that it has.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operation_that_arrives_during_a_start_is_driven_once() {
    let mut s = Scene::new(Play::Restart).await;
    Play::Restart.set_up(&mut s).await;
    s.house.kill().await;
    s.begin(Play::Restart);
    let fake = std::sync::Arc::clone(&s.fake);
    let uploads = || fake.requests().iter().filter(|r| *r == "POST /jars/upload").count();
    let before = uploads();
    let ms = Duration::from_millis;
    s.fake.fault(Fault::on("GET /jobmanager/config", Phase::Before).delay(ms(1_000)));
    s.fake.fault(Fault::on("POST /jars/upload", Phase::Before).delay(ms(2_500)));
    s.house.start().await;
    let op = s.house.act("prod", restart()).await;
    assert_eq!(op.state, OpState::Succeeded, "{op:#?}");
    assert_eq!(s.fake.clear_faults(), 0, "both delays were met");
    assert_eq!(uploads() - before, 1, "{:#?}", s.fake.requests());
    s.end().await;
}
