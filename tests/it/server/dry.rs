//! No route changes anything without a key, in a dry run, or for a viewer; and each is asked for something that it could do.

use std::collections::BTreeSet;

use nutkin::{
    client::routes as typed,
    contract::{
        intent::{Start, Suspend, TakeSavepoint, Upgrade, Verb},
        plan::Submitted,
    },
    server::{Access, Limits},
};
use serde_json::{Value, json};

use super::{
    House, ended, me, stage,
    wire::{act, get, send},
};
use crate::fake::{self, Fake};

/// What a dry run of a request that would work answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Would {
    /// The plan of an operation that can run.
    Run,
    /// What applying a document would do to it.
    Apply(&'static str),
    /// The object as it would be, or as it is where it would be gone.
    Show(u16),
    /// It has no dry run, or the operation has ended: that is said.
    No(u16, &'static str),
    /// It changes nothing, so that it needs no key either.
    Look,
}

/// The route as the document has it, the request's path, its body, what comes of it.
type Case = (&'static str, String, Value, Would);

/// `pay/prod` runs revision 2 and has savepoints, `pay/idle` is suspended, a job of nobody runs.
async fn busy(h: &House, fake: &Fake) -> Vec<Case> {
    stage(h, fake).await;
    let idle = json!({ "target": "local", "state": "CANCELLED", "artifact": document(h, "deployments/pay/prod").await["artifact"].clone(),
        "savepointDirectory": format!("file://{}/savepoints", h.dir.path().display()) });
    let idle = json!({"apiVersion": "nutkin/v1", "kind": "Deployment", "metadata": {"application": "pay", "name": "idle"}, "spec": idle});
    let spare = |kind: &str| json!({"apiVersion": "nutkin/v1", "kind": kind, "metadata": {"name": "spare"}, "spec": spec_of(kind)});
    let documents = json!({"documents": [idle, spare("Target"), spare("Application")]});
    assert_eq!(act(&h.socket, "POST", "/api/v1/apply", "more", &documents).await.status, 200);
    let wider = || Verb::Upgrade(Box::new(Upgrade { parallelism: Some(2), ..Upgrade::default() }));
    let take = || Verb::Savepoint(TakeSavepoint::default());
    let start = || Verb::Start(Start::default());
    for (name, verbs) in [
        ("prod", vec![start(), wider(), take()]),
        ("idle", vec![start(), take(), Verb::Suspend(Suspend::default())]),
    ] {
        for verb in verbs {
            let name = format!("pay/{name}").parse().unwrap();
            let Submitted::Operation(op) = h.client().act(&typed::verb(&name, &verb)).await.unwrap() else {
                panic!("a plan")
            };
            ended(h, &op.operation_id).await;
        }
    }
    let job = fake.add_job(fake::JobSpec::default());
    let of_nobody = || h.manager.target("local").unwrap().unmanaged_jobs == Some(1);
    super::eventually("the job of nobody is seen", of_nobody).await;
    let savepoints = get(&h.socket, "/api/v1/savepoints").await.body["items"].clone();
    let of_idle = |origin: &str| {
        let all = savepoints.as_array().unwrap();
        let found = all.iter().find(|s| s["deployment"] == "pay/idle" && s["origin"] == origin);
        found.unwrap_or_else(|| panic!("{savepoints:#}"))["savepointId"].as_str().unwrap().to_owned()
    };
    let operation =
        get(&h.socket, "/api/v1/operations?limit=1").await.body["items"][0]["operationId"].clone();
    cases(&job, &of_idle("USER_REQUEST"), operation.as_str().unwrap())
}

fn spec_of(kind: &str) -> Value {
    if kind == "Target" { json!({"url": super::NOWHERE}) } else { json!({}) }
}

async fn document(h: &House, path: &str) -> Value {
    get(&h.socket, &format!("/api/v1/{path}/document")).await.body["spec"].clone()
}

fn cases(job: &str, savepoint: &str, operation: &str) -> Vec<Case> {
    let verb = |of: &str, verb: &str| format!("deployments/pay/{of}/{verb}");
    let new = |kind: &str, name: &str| json!({"apiVersion": "nutkin/v1", "kind": kind, "metadata": {"name": name}, "spec": spec_of(kind)});
    let mut deployment = new("Deployment", "fresh");
    deployment["metadata"]["application"] = "pay".into();
    deployment["spec"] = json!({"target": "local", "state": "CANCELLED"});
    let labels = json!({"metadata": {"labels": {"tier": "one"}}});
    let at_savepoint = format!("savepoints/{savepoint}");
    vec![
        ("POST /deployments/{app}/{name}/start", verb("idle", "start"), json!({}), Would::Run),
        ("POST /deployments/{app}/{name}/suspend", verb("prod", "suspend"), json!({}), Would::Run),
        ("POST /deployments/{app}/{name}/cancel", verb("prod", "cancel"), json!({}), Would::Run),
        ("POST /deployments/{app}/{name}/savepoint", verb("prod", "savepoint"), json!({}), Would::Run),
        ("POST /deployments/{app}/{name}/restart", verb("prod", "restart"), json!({}), Would::Run),
        (
            "POST /deployments/{app}/{name}/upgrade",
            verb("prod", "upgrade"),
            json!({"parallelism": 3}),
            Would::Run,
        ),
        (
            "POST /deployments/{app}/{name}/rollback",
            verb("prod", "rollback"),
            json!({"revision": 1}),
            Would::Run,
        ),
        (
            "POST /deployments/{app}/{name}/fork",
            verb("prod", "fork"),
            json!({"newDeployment": "pay/fork"}),
            Would::Run,
        ),
        (
            "POST /deployments/{app}/{name}/reset",
            verb("idle", "reset"),
            json!({"savepoint": savepoint}),
            Would::Run,
        ),
        ("DELETE /deployments/{app}/{name}", "deployments/pay/idle".into(), json!({}), Would::Run),
        (
            "PATCH /deployments/{app}/{name}",
            "deployments/pay/idle".into(),
            json!({"spec": {"parallelism": 4}}),
            Would::Show(200),
        ),
        ("POST /deployments", "deployments".into(), deployment.clone(), Would::Apply("create")),
        (
            "POST /targets/{name}/jobs/{flink_job_id}/adopt",
            format!("targets/local/jobs/{job}/adopt"),
            json!({"deployment": "pay/adopted"}),
            Would::Run,
        ),
        ("POST /targets/{name}/check", "targets/local/check".into(), json!({}), Would::Look),
        ("POST /targets", "targets".into(), new("Target", "fresh"), Would::Apply("create")),
        ("PATCH /targets/{name}", "targets/spare".into(), labels.clone(), Would::Show(200)),
        ("DELETE /targets/{name}", "targets/spare".into(), json!({}), Would::Show(200)),
        ("POST /applications", "applications".into(), new("Application", "fresh"), Would::Apply("create")),
        ("PATCH /applications/{app}", "applications/spare".into(), labels, Would::Show(200)),
        ("DELETE /applications/{app}", "applications/spare".into(), json!({}), Would::Show(200)),
        ("POST /apply", "apply".into(), json!({"documents": [deployment]}), Would::Apply("create")),
        (
            "POST /savepoints",
            "savepoints".into(),
            json!({"deployment": "pay/idle", "location": "s3://bucket/theirs"}),
            Would::Run,
        ),
        ("PATCH /savepoints/{id}", at_savepoint.clone(), json!({"pinned": true}), Would::Show(200)),
        ("POST /savepoints/{id}/dispose", format!("{at_savepoint}/dispose"), json!({}), Would::Run),
        (
            "POST /operations/{id}/resume",
            format!("operations/{operation}/resume"),
            json!({}),
            Would::No(409, "WRONG_STATE"),
        ),
        (
            "POST /operations/{id}/cancel",
            format!("operations/{operation}/cancel"),
            json!({}),
            Would::No(409, "WRONG_STATE"),
        ),
        (
            "POST /operations/{id}/choose",
            format!("operations/{operation}/choose"),
            json!({"choice": "retry"}),
            Would::No(409, "WRONG_STATE"),
        ),
        ("POST /artifacts", "artifacts".into(), json!({}), Would::No(400, "BAD_ARTIFACT")),
        ("PUT /watch/{id}/interest", "watch/nobody/interest".into(), json!({}), Would::Look),
    ]
}

/// Every route of the document that changes something.
async fn changing_routes(h: &House) -> BTreeSet<String> {
    let document = get(&h.socket, "/api/v1/openapi.json").await.body;
    let mut routes = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let path = path.strip_prefix("/api/v1").unwrap_or(path);
        let methods = item.as_object().unwrap().keys().filter(|m| *m != "get");
        routes.extend(methods.map(|m| format!("{} {path}", m.to_uppercase())));
    }
    routes
}

/// Everything that is written, of all that can be read.
async fn written(h: &House) -> Vec<Value> {
    let rows = async |list: &str, fields: &[&str]| {
        let items = get(&h.socket, &format!("/api/v1/{list}?limit=500")).await.body["items"].clone();
        let items = items.as_array().unwrap_or_else(|| panic!("{list}")).clone();
        // What is seen of the cluster in the meantime may differ.
        let kept = |i: &Value| fields.iter().map(|f| i[f].clone()).collect::<Value>();
        items.iter().map(kept).collect::<Value>()
    };
    vec![
        rows("targets", &["name", "version", "spec", "labels"]).await,
        rows("applications", &["name", "version", "defaults", "labels"]).await,
        rows("deployments", &["deployment", "specVersion", "revision", "desired", "labels", "operation"])
            .await,
        rows("savepoints", &["savepointId", "status", "pinned", "label", "location"]).await,
        rows("operations", &["operationId", "state"]).await,
        rows("artifacts", &["sha256", "name"]).await,
        rows("deployments/pay/idle/restore-points", &["location"]).await,
    ]
}

async fn said_by_people(h: &House) -> usize {
    let events = get(&h.socket, "/api/v1/events?limit=500").await.body;
    events["items"].as_array().unwrap().iter().filter(|e| e["actor"] != "nutkin").count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_route_changes_anything_without_a_key_in_a_dry_run_or_for_a_viewer() {
    let fake = Fake::start(fake::Settings::default());
    let h = House::open().await;
    let cases = busy(&h, &fake).await;
    let named: BTreeSet<String> = cases.iter().map(|(route, ..)| (*route).to_owned()).collect();
    assert_eq!(named, changing_routes(&h).await, "every route has a case");
    let before = (written(&h).await, said_by_people(&h).await, fake.journal().len());
    for (route, path, body, would) in &cases {
        let (method, _) = route.split_once(' ').unwrap();
        let path = format!("/api/v1/{path}");
        let bare = send(&h.socket, method, &path, &[], body.to_string()).await;
        if *would != Would::Look {
            assert_eq!((bare.status, bare.code()), (400, "KEY_MISSING"), "{route}");
        }
        let dry = format!("{path}?dryRun=true");
        let answer = send(&h.socket, method, &dry, &[("idempotency-key", "k")], body.to_string()).await;
        match would {
            Would::Run => {
                let plan = (answer.status, &answer.body["runnable"]);
                assert_eq!(plan, (200, &json!(true)), "{route}: {:#}", answer.body);
            }
            Would::Apply(action) => {
                let applied = (answer.status, &answer.body["items"][0]["action"]);
                assert_eq!(applied, (200, &json!(action)), "{route}: {:#}", answer.body);
            }
            Would::Show(status) => assert_eq!(answer.status, *status, "{route}: {:#}", answer.body),
            Would::No(status, code) => {
                assert_eq!((answer.status, answer.code()), (*status, *code), "{route}: {:#}", answer.body);
            }
            Would::Look => assert!(answer.status < 500, "{route}: {:#}", answer.body),
        }
    }
    let after = (written(&h).await, said_by_people(&h).await, fake.journal().len());
    assert_eq!(before, after);
    h.close().await;

    let ours = format!("user:{}", me());
    let viewer = House::with(Access::new(me() + 1, &[], &[ours]), Limits::default()).await;
    assert_eq!(get(&viewer.socket, "/api/v1/snapshot").await.body["readOnly"], true, "faces offer no act");
    for (route, path, body, would) in &cases {
        let (method, _) = route.split_once(' ').unwrap();
        let path = format!("/api/v1/{path}");
        let reply = act(&viewer.socket, method, &path, "k", body).await;
        let looks = *would == Would::Look;
        assert_eq!((reply.status == 403, reply.code() == "FORBIDDEN"), (!looks, !looks), "{route}");
        let dry = act(&viewer.socket, method, &format!("{path}?dryRun=true"), "k", body).await;
        assert!(dry.status != 403 && !(201..=202).contains(&dry.status), "{route}: {dry:?}");
    }
    viewer.close().await;
}
