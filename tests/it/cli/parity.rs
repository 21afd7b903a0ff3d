//! Every verb can be done from the command line, over a route that the API's description has. That each has a key and a
//! card in the console is tested with the cards.

use nutkin::domain::operation::Kind;

use super::*;

/// How a pipeline does it, and what the manager is asked then.
const fn command_and_route(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::Start => ("start pay/prod", "POST /deployments/pay/prod/start"),
        Kind::Suspend => ("suspend pay/prod", "POST /deployments/pay/prod/suspend"),
        Kind::Cancel => ("cancel pay/prod", "POST /deployments/pay/prod/cancel"),
        Kind::Savepoint => ("savepoint take pay/prod", "POST /deployments/pay/prod/savepoint"),
        Kind::Restart => ("restart pay/prod", "POST /deployments/pay/prod/restart"),
        Kind::Reset => ("reset pay/prod sp-1", "POST /deployments/pay/prod/reset"),
        Kind::Upgrade => ("upgrade pay/prod --parallelism 2", "POST /deployments/pay/prod/upgrade"),
        Kind::Rollback => ("rollback pay/prod", "POST /deployments/pay/prod/rollback"),
        Kind::Fork => ("fork pay/prod pay/blue", "POST /deployments/pay/prod/fork"),
        Kind::Adopt => (
            "adopt pay/new --target local --flink-job 0123456789abcdef0123456789abcdef",
            "POST /targets/local/jobs/0123456789abcdef0123456789abcdef/adopt",
        ),
        Kind::Import => ("savepoint import pay/prod s3://x/savepoint-1", "POST /savepoints"),
        Kind::Dispose => ("savepoint dispose sp-1", "POST /savepoints/sp-1/dispose"),
        Kind::Delete => ("delete pay/prod", "DELETE /deployments/pay/prod"),
    }
}

/// Whether a path fits a template of the description: `/deployments/{app}/{name}/start`.
fn fits(template: &str, path: &str) -> bool {
    let parts = |p: &str| p.split('/').map(str::to_owned).collect::<Vec<_>>();
    let (template, path) = (parts(template), parts(path));
    let same = |(t, p): (&String, &String)| t == p || (t.starts_with('{') && !p.is_empty());
    template.len() == path.len() && template.iter().zip(&path).all(same)
}

#[test]
fn every_verb_has_a_command_and_a_route() {
    let document = serde_json::to_value(nutkin::server::openapi()).unwrap();
    let described = document["paths"].as_object().unwrap();
    let api = Kind::ALL
        .iter()
        .fold(Api::new(), |api, kind| api.on(command_and_route(*kind).1, 202, operation("QUEUED", &[])));
    for kind in Kind::ALL {
        let (command, route) = command_and_route(*kind);
        let args: Vec<&str> = command.split(' ').chain(["--exact", "--yes", "--reason", "why"]).collect();
        let ran = api.run(&args);
        assert_eq!(ran.code, 0, "{kind}: {ran:?}");
        let asked = api.asked(route);
        assert_eq!(asked.len(), 1, "{kind} asks {route}");
        assert_eq!(asked[0].json()["meta"], json!({ "yes": true, "reason": "why" }), "{kind}");

        let (method, path) = route.split_once(' ').unwrap();
        let path = format!("/api/v1{path}");
        let found =
            described.iter().find(|(t, item)| fits(t, &path) && item.get(method.to_lowercase()).is_some());
        assert!(found.is_some(), "{route} of {kind} is not described");
    }
}
