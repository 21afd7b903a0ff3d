//! Two people, and two managers, at the same job.

use serde_json::json;

use super::desk::{Desk, Wanted, until};
use crate::support::flink::{self, NEW, TestCluster};

#[tokio::test(flavor = "multi_thread")]
async fn of_two_clients_one_wins_and_another_managers_job_is_left_alone() {
    let cluster = TestCluster::shared(NEW).await;
    let jars = flink::payments(NEW).await;
    let (v1, v2) = (jars.release("v1"), jars.release("v2").display().to_string());
    let desk = Desk::at(&cluster.url()).await;
    let name = "rivals/prod";
    desk.apply("rivals", &[Wanted { name: "prod", state: "RUNNING", jar: &v1, version: "v1", more: "" }])
        .await;
    let count = desk.count_above(name, 20.0).await;

    let upgrade = |label: &'static str| {
        let (desk, v2) = (&desk, v2.clone());
        async move { desk.try_act(&["upgrade", name, "--jar", &v2, "--version-label", label]).await }
    };
    let (a, b) = tokio::join!(upgrade("a"), upgrade("b"));
    let (won, lost) = if a.code == 0 { (a, b) } else { (b, a) };
    assert_eq!(won.ended(0).json()["state"], "SUCCEEDED");
    let lost = lost.ended(5).error();
    assert!(lost["code"] == "OPERATION_ACTIVE" || lost["code"] == "PLAN_CHANGED", "{lost}");
    assert!(lost["message"].as_str().unwrap().contains("nothing was changed"), "{lost}");
    let jobs = desk.ok(&["get", "jobs", name]).await;
    assert_eq!(jobs["items"].as_array().unwrap().len(), 2, "one upgrade, one new job: {jobs:#}");
    desk.went_on_from(name, "SUSPEND_AND_UPGRADE").await;
    desk.count(name, count).await;

    let other = Desk::at(&cluster.url()).await;
    let job = desk.flink_job(name).await;
    let seen = until("the other's look at the job", async || {
        let all = other.ok(&["get", "jobs", "--target", "flink"]).await;
        all["items"].as_array().unwrap().iter().find(|j| j["flinkJobId"] == json!(job)).cloned()
    })
    .await;
    assert!(seen["management"].as_str().unwrap().starts_with("another nutkin"), "{seen}");
    let refused =
        other.ran(&["adopt", "mine/now", "--target", "flink", "--flink-job", &job]).await.ended(8).error();
    assert_eq!(refused["code"], "MANAGED_ELSEWHERE", "{refused}");
    // Taking over is possible, and never by mistake.
    let adopt = ["adopt", "mine/now", "--target", "flink", "--flink-job", &job, "--take-over"];
    other.ran(&adopt).await.ended(8).says(&["--confirm"]);
    assert_eq!(other.ok(&["get", "deployments"]).await["items"], json!([]));
    desk.count(name, count).await;
    desk.act(&["cancel", name]).await;
}
