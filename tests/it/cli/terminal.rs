//! With a person at the terminal: prefixes, the plan, the question.

use super::*;

fn deployment_names(names: &[&str]) -> Value {
    list(names.iter().map(|n| json!({"deployment": n})).collect())
}

#[test]
fn on_a_terminal_a_prefix_is_enough_and_the_shown_plan_is_what_runs() {
    let api = Api::new()
        .on("GET /deployments", 200, deployment_names(&["pay/prod", "pay/staging", "fraud/prod"]))
        .on("POST /deployments/pay/prod/suspend?dryRun=true", 200, plan())
        .on("POST /deployments/pay/prod/suspend", 202, operation("QUEUED", &[]))
        .on("GET /operations/op-1", 200, operation("SUCCEEDED", &[("STOP_WITH_SAVEPOINT", "CONFIRMED")]));
    let mut screen = Screen::open(&api, &["suspend", "pay/p"]);
    screen.until("SUSPEND pay/prod? [y/N]");
    assert!(screen.parser.screen().contents().contains("outputs are final"));
    assert!(api.asked("POST /deployments/pay/prod/suspend").is_empty());
    screen.types("y\n");
    screen.until("SUCCEEDED");
    assert!(screen.child.wait().unwrap().success());
    let meta = &api.asked("POST /deployments/pay/prod/suspend")[0].json()["meta"];
    assert_eq!(*meta, json!({"expect": "d1", "yes": true}));
}

#[test]
fn on_a_terminal_no_is_no_and_an_ambiguous_prefix_lists_what_it_fits() {
    let api = Api::new()
        .on("GET /deployments", 200, deployment_names(&["pay/prod", "pay/staging", "fraud/prod"]))
        .on("POST /deployments/pay/prod/suspend?dryRun=true", 200, plan());
    let mut screen = Screen::open(&api, &["suspend", "pay/prod"]);
    screen.until("[y/N]");
    screen.types("n\n");
    screen.until("nothing was changed");
    assert_eq!(screen.child.wait().unwrap().exit_code(), 1);
    assert!(api.asked("POST /deployments/pay/prod/suspend").is_empty());

    let mut screen = Screen::open(&api, &["suspend", "prod"]);
    screen.until("write one of: pay/prod, fraud/prod");
    assert_eq!(screen.child.wait().unwrap().exit_code(), 2);
    let mut screen = Screen::open(&api, &["suspend", "pay/prd"]);
    screen.until("did you mean pay/prod");
    assert_eq!(screen.child.wait().unwrap().exit_code(), 1);
}
