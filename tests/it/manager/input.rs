//! What people and files give that cannot be done: it is said before anything is changed, and nothing is.

use nutkin::{
    contract::{
        intent::{Apply, Document, ImportSavepoint, Intent, Meta, Reset, Start, Upgrade, Verb},
        plan::{Check, Submitted, Verdict},
        problem::{Code, Problem},
    },
    domain::{operation::OpState, savepoint::Status},
};
use rstest::rstest;
use serde_json::{Value, json};

use super::{
    oracle::SECRET,
    rig::{APP, Rig, document, start, suspend, take, who},
};
use crate::fake::Settings;

fn start_from(from: &str) -> Verb {
    Verb::Start(Start { from: Some(from.to_owned()), ..Start::default() })
}

async fn import(rig: &Rig, deployment: &str, location: &str) -> Result<Submitted, Problem> {
    let meta = Meta { yes: true, ..Meta::default() };
    let request = ImportSavepoint {
        deployment: format!("{APP}/{deployment}"),
        location: location.to_owned(),
        meta,
        ..ImportSavepoint::default()
    };
    rig.manager.submit(Intent::Import(request), &who(), false, None).await
}

/// The problem of applying a document.
async fn refused(rig: &Rig, document: Document) -> Problem {
    let meta = Meta { yes: true, ..Meta::default() };
    let apply = Apply { documents: vec![document], meta, ..Apply::default() };
    match rig.manager.apply(apply, &who(), false, None).await {
        Ok(mut applied) => applied.remove(0).problem.expect("it is refused"),
        Err(p) => p,
    }
}

/// What the cluster was asked to change so far.
fn acts(rig: &Rig) -> usize {
    rig.fake.journal().len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_savepoint_that_is_missing_or_has_no_metadata_is_not_restored() {
    let rig = Rig::new().await;
    rig.running("prod", json!({})).await;
    assert_eq!(rig.act("prod", suspend()).await.state, OpState::Succeeded);
    let sp = rig.savepoints("prod").await.remove(0);
    let place = sp.location.clone().unwrap();
    let path = std::path::PathBuf::from(place.trim_start_matches("file:"));
    let before = acts(&rig);
    std::fs::remove_file(path.join("_metadata")).unwrap();
    for verb in [start(), start_from(&sp.savepoint_id), start_from(&place)] {
        let p = rig.submit("prod", verb).await.unwrap_err();
        assert_eq!(p.code, Code::PreflightFailed, "{p:?}");
        assert!(p.detail.contains("has no _metadata") && p.detail.contains("nothing was changed"), "{p:?}");
    }
    std::fs::remove_dir_all(&path).unwrap();
    let p = rig.submit("prod", start()).await.unwrap_err();
    assert!(p.detail.contains("is not at its place"), "{p:?}");
    let p = rig.submit("prod", start_from("no-such-savepoint")).await.unwrap_err();
    assert_eq!(p.code, Code::PreflightFailed, "{p:?}");
    let p = import(&rig, "prod", &format!("{place}-elsewhere")).await.unwrap_err();
    assert!(p.detail.contains("no complete snapshot is at"), "{p:?}");
    let p = import(&rig, "prod", "somewhere").await.unwrap_err();
    assert_eq!(p.code, Code::BadRequest, "{p:?}");
    assert_eq!(acts(&rig), before, "nothing was sent");
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_savepoint_of_another_application_is_refused_and_its_fork_named() {
    let rig = Rig::new().await;
    for n in ["prod", "other"] {
        rig.running(n, json!({})).await;
        assert_eq!(rig.act(n, suspend()).await.state, OpState::Succeeded);
    }
    let theirs = rig.savepoints("other").await.remove(0);
    let before = acts(&rig);
    for from in [&theirs.savepoint_id, theirs.location.as_ref().unwrap()] {
        let p = rig.submit("prod", start_from(from)).await.unwrap_err();
        assert_eq!(p.code, Code::PreflightFailed, "{p:?}");
        let reset = Reset { savepoint: from.clone(), ..Reset::default() };
        let p = rig.submit("prod", Verb::Reset(reset)).await.unwrap_err();
        assert_eq!(p.code, Code::PreflightFailed, "{p:?}");
    }
    let p = import(&rig, "prod", theirs.location.as_deref().unwrap()).await.unwrap_err();
    assert_eq!(p.code, Code::AlreadyExists);
    assert!(p.hint.unwrap().contains("nutkin fork pay/other"));
    assert_eq!(acts(&rig), before);
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_savepoint_of_a_newer_flink_is_passed_over() {
    let rig = Rig::new().await;
    rig.running("prod", json!({})).await;
    assert_eq!(rig.act("prod", suspend()).await.state, OpState::Succeeded);
    let sp = rig.savepoints("prod").await.remove(0);
    assert_eq!(sp.flink_version.as_deref(), Some("2.3.0"));
    rig.fake.world().settings.version = "1.20.5".into();
    let older = || rig.manager.target("fake").unwrap().flink_version.as_deref() == Some("1.20.5");
    rig.eventually("the cluster is an older one", older).await;
    let before = acts(&rig);
    for verb in [start(), start_from(&sp.savepoint_id)] {
        let p = rig.submit("prod", verb).await.unwrap_err();
        assert_eq!(p.code, Code::PreflightFailed, "{p:?}");
        assert!(p.detail.contains("written by Flink 2.3.0"), "{p:#?}");
    }
    assert_eq!(acts(&rig), before);
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_savepoint_directory_nothing_is_stopped() {
    let rig = Rig::with(Settings::default(), json!({ "savepointDirectory": null })).await;
    rig.running("prod", json!({})).await;
    for verb in [suspend(), take(), super::rig::restart()] {
        let p = rig.submit("prod", verb).await.unwrap_err();
        assert_eq!(p.code, Code::PreflightFailed, "{p:?}");
        assert!(p.detail.contains("no savepoint directory is known"), "{p:?}");
    }
    assert!(rig.fake.acts("stop").is_empty() && rig.fake.acts("savepoint").is_empty());
    assert_eq!(rig.fake.live_jobs().len(), 1);
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_parallelism_than_the_state_can_be_spread_over_is_found_before_the_stop() {
    let rig =
        Rig::with(Settings { slots: 300, ..Settings::default() }, json!({ "savepointAccess": "LOCAL" }))
            .await;
    rig.running("prod", json!({ "parallelism": 2 })).await;
    let up = Upgrade { parallelism: Some(129), ..Upgrade::default() };
    let p = rig.submit("prod", Verb::Upgrade(Box::new(up))).await.unwrap_err();
    assert_eq!(p.code, Code::PreflightFailed, "{p:?}");
    assert!(p.detail.contains("over the max parallelism 128"), "{p:?}");
    assert!(rig.fake.acts("stop").is_empty());
    assert_eq!(rig.seen("prod").revision, Some(1));
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_literal_secret_is_refused_and_a_reference_is_never_stored_resolved() {
    let rig = Rig::new().await;
    let sha = rig.jar("v1").await;
    let spec = |value: &str| {
        json!({
            "target": "fake",
            "artifact": { "sha256": sha, "jar": "payments-v1.jar", "args": [format!("--api-key={value}")] },
            "flinkConfiguration": { "s3.secret-key": value }
        })
    };
    let p = refused(&rig, document("Deployment", Some(APP), "prod", spec(SECRET))).await;
    assert!(p.detail.contains("secret") && !format!("{p:?}").contains(SECRET), "{p:?}");
    rig.apply(vec![document("Deployment", Some(APP), "prod", spec("${file:later}"))]).await;
    let p = rig.submit("prod", start()).await.unwrap_err();
    assert_eq!(p.code, Code::PreflightFailed, "it cannot be resolved yet: {p:?}");
    std::fs::write(rig.secrets.join("later"), format!("{SECRET}\n")).unwrap();
    assert_eq!(rig.act("prod", start()).await.state, OpState::Succeeded);
    let job = rig.fake.job(&rig.seen("prod").job.unwrap().flink_job_id).unwrap();
    let (sent, args) = (&job.submitted["flinkConfiguration"], &job.submitted["programArgsList"]);
    assert_eq!((&sent["s3.secret-key"], &args[0]), (&json!(SECRET), &json!(format!("--api-key={SECRET}"))));
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_stores_no_secret() {
    let rig = Rig::new().await;
    let spec: Value = rig.manager.target("fake").unwrap().spec;
    let with = |key: &str, value: Value| {
        let mut spec = spec.clone();
        spec[key] = value;
        document("Target", None, "fake", spec)
    };
    for (key, value) in [
        ("defaults", json!({ "flinkConfiguration": { "s3.secret-key": SECRET } })),
        ("proxy", json!(format!("http://ann:{SECRET}@proxy:3128"))),
        ("url", json!(format!("http://ann:{SECRET}@flink:8081"))),
    ] {
        let p = refused(&rig, with(key, value)).await;
        assert_eq!(p.code, Code::InvalidSpec, "{p:?}");
        assert!(p.detail.contains(key) || p.detail.contains("auth.user"), "{p:?}");
        assert!(p.detail.contains("nothing was changed") && !format!("{p:?}").contains(SECRET), "{p:?}");
    }
    let reference = json!({ "flinkConfiguration": { "s3.secret-key": "${file:s3}" } });
    rig.apply(vec![with("defaults", reference)]).await;
    rig.end().await;
}

#[rstest]
#[case("application")]
#[case("kubernetes")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_of_a_type_that_is_not_built_is_refused(#[case] kind: &str) {
    let rig = Rig::new().await;
    let spec = json!({ "type": kind, "url": rig.fake.url() });
    let p = refused(&rig, document("Target", None, "later", spec)).await;
    assert_eq!(p.code, Code::NotSupported, "{p:?}");
    let says = format!("spec.type: {kind:?} is not built yet, only session; nothing was changed");
    assert_eq!(p.detail, says);
    assert!(rig.manager.target("later").is_err(), "nothing is registered");
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_only_target_is_looked_at_and_not_touched() {
    let rig = Rig::new().await;
    rig.running("prod", json!({})).await;
    let mut spec: Value = rig.manager.target("fake").unwrap().spec;
    spec["readOnly"] = true.into();
    rig.apply(vec![document("Target", None, "fake", spec)]).await;
    let before = acts(&rig);
    for verb in [suspend(), take(), super::rig::cancel(), super::rig::restart()] {
        assert!(rig.plan("prod", verb.clone()).await.is_ok(), "a dry run is a look");
        let p = rig.submit("prod", verb).await.unwrap_err();
        assert_eq!(p.code, Code::PolicyDenied, "{p:?}");
        assert!(p.detail.contains("nothing was changed"), "{p:?}");
    }
    assert_eq!(acts(&rig), before);
    assert!(!rig.savepoints("prod").await.iter().any(|s| s.status == Status::Started));
    rig.end().await;
}

/// Escape sequences come through the manager as they are, and only there: every face makes them harmless where it shows
/// them (`cli`, `console::hostile`).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn control_characters_in_names_and_messages_do_no_harm_to_the_books() {
    let rig = Rig::new().await;
    let name = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{202e}\nnext".to_owned();
    let job = rig.fake.add_job(crate::fake::JobSpec { name: name.clone(), ..Default::default() });
    rig.eventually("it is seen", || rig.manager.target("fake").unwrap().unmanaged_jobs == Some(1)).await;
    rig.running("prod", json!({})).await;
    let cause = format!("java.lang.Error: {name}");
    rig.fake.fail_job(&rig.seen("prod").job.unwrap().flink_job_id, &cause);
    let failed = || rig.seen("prod").observed == nutkin::domain::deployment::Observed::Failed;
    rig.eventually("it has failed", failed).await;
    assert!(rig.fake.live_jobs().contains(&job));
    rig.end().await;
}

/// Flink would refuse the one after the job was stopped, and pass over the other without a word.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slips_in_flinks_own_options_are_found_before_anything_is_stopped() {
    let rig = Rig::new().await;
    rig.running("prod", json!({})).await;
    let set = |key: &str, value: &str| {
        let flink_configuration = [(key.to_owned(), Some(value.to_owned()))].into_iter().collect();
        Verb::Upgrade(Box::new(Upgrade { flink_configuration, ..Upgrade::default() }))
    };
    let p = rig.submit("prod", set("execution.checkpointing.interval", "10 parsecs")).await.unwrap_err();
    assert_eq!(p.code, Code::PreflightFailed, "{p:?}");
    assert!(p.detail.contains("10 parsecs") && p.detail.contains("500 ms"), "{p:?}");
    let card = rig.plan("prod", set("execution.checkpoint.interval", "10 s")).await.unwrap();
    let warned = |c: &Check| {
        c.verdict == Verdict::Warning && c.message.contains("execution.checkpointing.interval is one")
    };
    assert!(card.runnable && card.checks.iter().any(warned), "{card:#?}");
    assert!(rig.fake.acts("stop").is_empty());
    rig.end().await;
}
