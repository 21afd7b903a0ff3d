//! Every verb through the typed client, as a pipeline would call it.

use nutkin::{
    client::{Act, Client, routes},
    contract::{
        intent::{
            Adopt, Cancel, DeleteDeployment, DisposeSavepoint, Fork, ImportSavepoint, Meta, Reset, Restart,
            Rollback, Start, Suspend, TakeSavepoint, Upgrade, Verb,
        },
        model::{self, Operation},
        plan::Submitted,
        problem::Code,
    },
    domain::{ids::DeploymentName, operation::OpState, savepoint::Origin},
};

use super::desk::{ARGS, Desk, Wanted, copy_dir, until};
use crate::support::flink::{self, NEW, TestCluster};

/// A client with the words that every call needs.
struct Pipeline {
    client: Client,
}

fn meta(name: &DeploymentName) -> Meta {
    Meta { reason: Some("pipeline 7".into()), expect: None, yes: true, confirm: Some(name.to_string()) }
}

impl Pipeline {
    async fn submit(&self, act: &Act<Submitted>) -> Operation {
        match self.client.act(act).await.unwrap() {
            Submitted::Operation(operation) => *operation,
            Submitted::Plan(plan) => panic!("{plan:?}"),
        }
    }

    async fn done(&self, act: &Act<Submitted>) -> Operation {
        let id = self.submit(act).await.operation_id;
        let ended = until("the operation's end", async || {
            let operation = self.client.get(&routes::operation(&id)).await.unwrap();
            (!matches!(operation.state, OpState::Queued | OpState::Running)).then_some(operation)
        })
        .await;
        assert_eq!(ended.state, OpState::Succeeded, "{ended:#?}");
        ended
    }

    async fn verb(&self, name: &DeploymentName, verb: Verb) -> Operation {
        self.done(&routes::verb(name, &verb)).await
    }

    async fn savepoints(&self, name: &DeploymentName) -> Vec<model::Savepoint> {
        self.client.get(&routes::savepoints(name)).await.unwrap().items
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_verb_through_the_api() {
    let cluster = TestCluster::shared(NEW).await;
    let jars = flink::payments(NEW).await;
    let (v1, v2) = (jars.release("v1"), jars.release("v2"));
    let desk = Desk::at(&cluster.url()).await;
    desk.apply("api", &[Wanted { name: "prod", state: "CANCELLED", jar: &v1, version: "v1", more: "" }])
        .await;
    let api = Pipeline { client: desk.client() };
    let name: DeploymentName = "api/prod".parse().unwrap();
    let prod = "api/prod";
    let meta = || meta(&name);

    // The same key starts it once; another request under the key is refused.
    let start =
        routes::verb(&name, &Verb::Start(Start { meta: meta(), ..Start::default() })).with_key(Some("k1"));
    let first = api.submit(&start).await;
    assert_eq!(api.submit(&start).await.operation_id, first.operation_id);
    let other = Verb::Start(Start { from: Some("none".into()), meta: meta(), ..Start::default() });
    let reused = api.client.act(&routes::verb(&name, &other).with_key(Some("k1"))).await.unwrap_err();
    assert_eq!(reused.code, Code::KeyReused);
    until("the start", async || {
        let operation = api.client.get(&routes::operation(&first.operation_id)).await.unwrap();
        (operation.state == OpState::Succeeded).then_some(())
    })
    .await;
    let mut count = desk.count_above(prod, 20.0).await;

    // A plan that was confirmed is what runs; a job later it is another one.
    let stop = |expect| Verb::Suspend(Suspend { meta: Meta { expect, ..meta() }, ..Suspend::default() });
    let plan = api.client.plan(&routes::verb(&name, &stop(None)).dry_run(true)).await.unwrap();
    api.verb(&name, Verb::Restart(Restart { meta: meta(), ..Restart::default() })).await;
    let stale = api.client.act(&routes::verb(&name, &stop(Some(plan.plan_digest)))).await.unwrap_err();
    assert_eq!(stale.code, Code::PlanChanged);
    assert!(stale.plan.is_some());
    count = desk.count(prod, count).await;
    desk.went_on_from(prod, "SUSPEND_AND_UPGRADE").await;

    let take = TakeSavepoint { label: Some("api".into()), meta: meta(), ..TakeSavepoint::default() };
    api.verb(&name, Verb::Savepoint(take)).await;
    api.verb(&name, stop(None)).await;
    api.verb(&name, Verb::Start(Start { meta: meta(), ..Start::default() })).await;
    count = desk.count(prod, count).await;
    desk.went_on_from(prod, "SUSPEND").await;

    let artifact = api.client.upload(&v2, &|_, _| ()).await.unwrap();
    let upgrade = |allow_non_restored_state| Upgrade {
        artifact: Some(artifact.sha256.clone()),
        version_label: Some("v2".into()),
        allow_non_restored_state,
        meta: meta(),
        ..Upgrade::default()
    };
    api.verb(&name, Verb::Upgrade(Box::new(upgrade(false)))).await;
    count = desk.count(prod, count).await;
    desk.went_on_from(prod, "SUSPEND_AND_UPGRADE").await;
    let back =
        Rollback { revision: Some(1), allow_non_restored_state: true, meta: meta(), ..Rollback::default() };
    let back = api.verb(&name, Verb::Rollback(back)).await;
    assert_eq!((back.actor.is_empty(), back.reason.as_deref()), (false, Some("pipeline 7")));
    count = desk.count(prod, count).await;
    desk.went_on_from(prod, "SUSPEND_AND_UPGRADE").await;

    // Fork, and back to the fork's beginning.
    let fork: DeploymentName = "api/fork".parse().unwrap();
    let new =
        Fork { new_deployment: fork.to_string(), from: Some("new".into()), meta: meta(), ..Fork::default() };
    api.verb(&name, Verb::Fork(new)).await;
    let copied = api.savepoints(&fork).await.remove(0);
    assert!(copied.location.is_some(), "{copied:?}");
    let meta_fork = || self::meta(&fork);
    api.verb(&fork, Verb::Start(Start { meta: meta_fork(), ..Start::default() })).await;
    desk.count("api/fork", count).await;
    assert_eq!(Some(desk.restored_from("api/fork").await), copied.location);
    let reset = Reset { savepoint: copied.savepoint_id.clone(), cancel_and_start: true, meta: meta_fork() };
    api.verb(&fork, Verb::Reset(reset)).await;
    assert_eq!(Some(desk.restored_from("api/fork").await), copied.location);
    api.verb(&fork, Verb::Cancel(Cancel { meta: meta_fork(), ..Cancel::default() })).await;

    // What is in the books is not imported again; a copy at a place of nobody is.
    let import = ImportSavepoint {
        deployment: fork.to_string(),
        location: copied.location.clone().unwrap(),
        label: None,
        meta: meta_fork(),
    };
    let known = api.client.act(&routes::import_savepoint(&import)).await.unwrap_err();
    assert_eq!(known.code, Code::AlreadyExists);
    let elsewhere = cluster.dir.path().join("api-copied");
    copy_dir(copied.location.as_deref().unwrap().trim_start_matches("file:").as_ref(), &elsewhere);
    let import = ImportSavepoint { location: format!("file:{}", elsewhere.display()), ..import };
    api.done(&routes::import_savepoint(&import)).await;
    let imported = api.savepoints(&fork).await.into_iter().find(|s| s.origin == Origin::Imported).unwrap();
    assert_eq!(imported.location.as_deref(), Some(import.location.as_str()));

    let labelled =
        api.savepoints(&name).await.into_iter().find(|s| s.label.as_deref() == Some("api")).unwrap();
    assert_eq!(labelled.origin, Origin::UserRequest);
    let dispose = DisposeSavepoint { meta: meta() };
    api.done(&routes::dispose_savepoint(&labelled.savepoint_id, &dispose)).await;
    assert!(!std::path::Path::new(labelled.location.unwrap().trim_start_matches("file:")).exists());

    let job = desk.rest.start(&v1, 1, None, ARGS);
    desk.rest.running(&job).await;
    let adopted: DeploymentName = "api/adopted".parse().unwrap();
    let adopt = Adopt { deployment: adopted.to_string(), take_over: false, meta: self::meta(&adopted) };
    api.done(&routes::adopt("flink", &job.parse().unwrap(), &adopt)).await;
    let end = Verb::Cancel(Cancel { meta: self::meta(&adopted), ..Cancel::default() });
    api.verb(&adopted, end).await;
    desk.rest.state(&job, "CANCELED").await;

    api.verb(&name, Verb::Cancel(Cancel { meta: meta(), ..Cancel::default() })).await;
    for name in [&name, &fork, &adopted] {
        api.verb(name, Verb::Delete(DeleteDeployment { meta: self::meta(name) })).await;
    }
    assert!(api.client.get(&routes::deployments()).await.unwrap().items.is_empty());
}
