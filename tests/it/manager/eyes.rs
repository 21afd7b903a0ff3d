//! What the target's eyes may be believed, and what they find.

use nutkin::{
    contract::{
        intent::{DisposeSavepoint, Intent, Meta, Reset, Verb},
        plan::{Check, Submitted, Verdict},
        problem::{Code, Problem},
    },
    domain::{operation::OpState, savepoint::Status},
};
use serde_json::json;

use super::rig::{Rig, suspend, take, who};
use crate::fake::Settings;

fn sees(rig: &Rig) -> bool {
    let t = rig.manager.target("fake").unwrap();
    t.capabilities.iter().any(|c| c.name == "seeSavepoints" && c.available)
}

async fn line(rig: &Rig, name: &str) -> Check {
    let all = rig.manager.check_target("fake").await.unwrap();
    all.iter().find(|c| c.name == name).unwrap_or_else(|| panic!("{name}: {all:#?}")).clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn local_paths_are_believed_once_a_snapshot_of_this_flink_was_seen() {
    let local = json!({ "savepointAccess": "LOCAL" });
    let mut rig = Rig::stranger(Settings::default(), local).await;
    assert!(!sees(&rig));
    let check = line(&rig, "savepointAccess").await;
    assert!(check.verdict == Verdict::Warning && check.message.contains("yet"), "{check:?}");
    rig.running("prod", json!({})).await;
    assert_eq!(rig.act("prod", suspend()).await.state, OpState::Succeeded);
    rig.eventually("its savepoint is seen", || sees(&rig)).await;
    rig.restart().await;
    rig.eventually("that is remembered", || sees(&rig)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_finds_restore_points_that_are_gone_and_those_that_are_back() {
    let rig = Rig::new().await;
    rig.running("prod", json!({})).await;
    let clock = line(&rig, "clock").await;
    assert!(clock.message.contains("agrees"), "{clock:?}");
    for name in ["tls", "auth"] {
        assert_eq!(line(&rig, name).await.verdict, Verdict::Ok);
    }
    assert_eq!(rig.act("prod", suspend()).await.state, OpState::Succeeded);
    assert_eq!(line(&rig, "restorePoints").await.verdict, Verdict::Ok);
    let sp = rig.savepoints("prod").await.remove(0);
    assert!(sp.verified.is_some() || sp.status == Status::Completed);
    let place = std::path::PathBuf::from(sp.location.unwrap().trim_start_matches("file:"));
    let away = place.with_extension("away");
    std::fs::rename(&place, &away).unwrap();
    let check = line(&rig, "restorePoints").await;
    assert!(check.verdict == Verdict::Warning && check.message.contains("gone"), "{check:?}");
    assert_eq!(rig.savepoints("prod").await.remove(0).status, Status::Missing);
    rig.logged("prod", "SAVEPOINT_MISSING").await;
    std::fs::rename(&away, &place).unwrap();
    assert_eq!(line(&rig, "restorePoints").await.verdict, Verdict::Ok);
    assert_eq!(rig.savepoints("prod").await.remove(0).status, Status::Completed);
}

async fn dispose(rig: &Rig, id: &str) -> Result<Submitted, Problem> {
    let meta = Meta { confirm: Some("pay/prod".into()), ..Meta::default() };
    let request = DisposeSavepoint { meta };
    rig.manager.submit(Intent::Dispose { savepoint: id.into(), request }, &who(), false, None).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_next_start_begins_from_is_not_deleted_and_copies_share_their_files_fate() {
    let rig = Rig::new().await;
    rig.running("prod", json!({})).await;
    for _ in 0..2 {
        assert_eq!(rig.act("prod", take()).await.state, OpState::Succeeded);
    }
    assert_eq!(rig.act("prod", suspend()).await.state, OpState::Succeeded);
    let all = rig.savepoints("prod").await;
    let (first, second) = (all[2].savepoint_id.clone(), all[1].savepoint_id.clone());
    let reset = |savepoint: &String| Verb::Reset(Reset { savepoint: savepoint.clone(), ..Reset::default() });
    assert_eq!(rig.act("prod", reset(&first)).await.state, OpState::Succeeded);
    let p = dispose(&rig, &first).await.unwrap_err();
    assert!(p.code == Code::PreflightFailed && p.detail.contains("next start"), "{p:?}");
    assert_eq!(rig.act("prod", reset(&second)).await.state, OpState::Succeeded);
    let Submitted::Operation(op) = dispose(&rig, &first).await.unwrap() else { panic!() };
    assert_eq!(rig.ended(&op.operation_id).await.state, OpState::Succeeded);
    let place = all[2].location.as_ref();
    let here: Vec<_> =
        rig.savepoints("prod").await.into_iter().filter(|s| s.location.as_ref() == place).collect();
    assert_eq!(here.iter().map(|s| s.status).collect::<Vec<_>>(), [Status::Deleted; 2], "{here:#?}");
    assert_eq!(dispose(&rig, &first).await.unwrap_err().code, Code::WrongState);
}
