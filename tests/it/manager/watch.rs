//! What subscribers are told, and what a start finds out in the background.

use std::os::unix::fs::FileExt as _;

use nutkin::{
    contract::{
        intent::{Adopt, Intent, Meta},
        plan::Submitted,
        watch::WatchMessage,
    },
    domain::operation::OpState,
    manager::Subscription,
};

use super::rig::{DEADLINE, Rig, who};
use crate::fake::JobSpec;

/// The next message that this finds something in.
async fn told<T>(watch: &mut Subscription, mut find: impl FnMut(WatchMessage) -> Option<T>) -> T {
    let found = async {
        loop {
            let (_, message) = watch.messages.recv().await.expect("the stream goes on");
            if let Some(found) = find(message) {
                return found;
            }
        }
    };
    tokio::time::timeout(DEADLINE, found).await.expect("in time")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_adopted_job_leaves_the_unmanaged_ones_at_once() {
    let rig = Rig::new().await;
    let job = rig.fake.add_job(JobSpec { name: "theirs".into(), ..JobSpec::default() });
    let mut watch = rig.manager.subscribe(None).await;
    let unmanaged = |m: WatchMessage| match m {
        WatchMessage::Target { unmanaged, .. } => Some(unmanaged),
        _ => None,
    };
    told(&mut watch, |m| unmanaged(m).filter(|all| all.iter().any(|j| j.flink_job_id == job))).await;
    let meta = Meta { yes: true, confirm: Some("pay/theirs".into()), ..Meta::default() };
    let request = Adopt { deployment: "pay/theirs".into(), meta, ..Adopt::default() };
    let intent = Intent::Adopt { target: "fake".into(), flink_job: job.parse().unwrap(), request };
    let Submitted::Operation(op) = rig.manager.submit(intent, &who(), false, None).await.unwrap() else {
        panic!()
    };
    told(&mut watch, |m| unmanaged(m).filter(Vec::is_empty)).await;
    assert_eq!(rig.ended(&op.operation_id).await.state, OpState::Succeeded);
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_store_is_found_in_the_background() {
    let mut rig = Rig::new().await;
    assert_eq!(rig.manager.health().store_damage, None);
    rig.manager.stop().await;
    // A page that a start does not read.
    let path = rig.state.join(nutkin::adapters::sqlite::DATABASE);
    let page: u32 = rusqlite::Connection::open(&path)
        .unwrap()
        .query_row("SELECT rootpage FROM sqlite_schema WHERE name = 'savepoint_by_age'", [], |r| r.get(0))
        .unwrap();
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.write_all_at(&[0xff; 4096], u64::from(page - 1) * 4096).unwrap();
    drop(file);
    rig.restart().await;
    rig.eventually("the damage is known", || rig.manager.health().store_damage.is_some()).await;
}
