//! Waiting for an operation: what is told on the way, and the exit code at its end.

use rstest::rstest;

use super::*;

#[rstest]
#[case("SUCCEEDED", 0)]
#[case("FAILED_NO_EFFECT", 1)]
#[case("FAILED", 3)]
#[case("ROLLED_BACK", 3)]
#[case("NEEDS_ATTENTION", 4)]
#[case("CANCELLED", 3)]
fn waiting_ends_with_the_operation(#[case] state: &str, #[case] exit: i32) {
    let (stop, terminal) = ("STOP_WITH_SAVEPOINT", "AWAIT_TERMINAL");
    let api = Api::new()
        .on("POST /deployments/pay/prod/suspend", 202, operation("QUEUED", &[]))
        .on("GET /operations/op-1", 200, operation("RUNNING", &[(stop, "CONFIRMED"), (terminal, "INTENT")]))
        .on("GET /operations/op-1", 200, operation(state, &[(stop, "CONFIRMED"), (terminal, "CONFIRMED")]));
    let ran = api.run(&["suspend", "pay/prod", "--wait"]);
    assert_eq!(ran.code, exit, "{ran:?}");
    assert!(ran.err.contains("1/2 STOP_WITH_SAVEPOINT: done 3s · detail ␛[31m"), "{}", ran.err);
    assert!(ran.err.contains("2/2 AWAIT_TERMINAL: done"), "{}", ran.err);
    // The bare word beside the kind ROLLBACK would leave open who was rolled back.
    let word = if state == "ROLLED_BACK" { "FAILED, ROLLED BACK" } else { state };
    assert!(ran.out.contains(&format!("SUSPEND pay/prod {word} in 9s   operation op-1")), "{}", ran.out);
    assert_eq!(
        ran.err.contains("operation choose op-1 savepoint-at --location URI"),
        exit == 4,
        "{}",
        ran.err
    );
}

/// Whoever says how long to wait wants to wait.
#[test]
fn a_timeout_means_to_wait() {
    let api = Api::new().on("POST /deployments/pay/prod/suspend", 202, operation("QUEUED", &[])).on(
        "GET /operations/op-1",
        200,
        operation("SUCCEEDED", &[]),
    );
    let ran = api.run(&["suspend", "pay/prod", "--timeout", "30s"]);
    assert!(ran.code == 0 && ran.out.contains("SUCCEEDED"), "{ran:?}");
    let both = api.run(&["suspend", "pay/prod", "--timeout", "30s", "--no-wait"]);
    assert!(both.code == 2 && both.err.contains("cannot be used with"), "{both:?}");
}

/// Cancelled is without effect only when no step may have had one.
#[rstest]
#[case("UPLOAD_JAR", "CONFIRMED", 1)]
#[case("STOP_WITH_SAVEPOINT", "PLANNED", 1)]
#[case("STOP_WITH_SAVEPOINT", "REFUTED", 1)]
#[case("STOP_WITH_SAVEPOINT", "INTENT", 3)]
#[case("CANCEL_JOB", "AMBIGUOUS", 3)]
fn a_cancelled_operation_may_have_changed_something(
    #[case] step: &str,
    #[case] state: &str,
    #[case] exit: i32,
) {
    let api = Api::new().on("GET /operations/op-1", 200, operation("CANCELLED", &[(step, state)]));
    assert_eq!(api.run(&["operation", "wait", "op-1", "--exact"]).code, exit);
}

#[test]
fn waiting_goes_on_with_what_an_operation_starts() {
    let other = |id: &str, kind: &str, state: &str, parent: Value| {
        let mut o = operation(state, &[]);
        (o["operationId"], o["kind"], o["parent"]) = (id.into(), kind.into(), parent);
        o
    };
    let newest = "GET /operations?limit=50&deployment=pay%2Fnew";
    let api = Api::new()
        .on("POST /deployments/pay/prod/fork", 202, other("f", "FORK", "QUEUED", Value::Null))
        .on("GET /operations/f", 200, other("f", "FORK", "SUCCEEDED", Value::Null))
        .on(newest, 200, list(json!([])))
        .on(newest, 200, list(json!([other("s", "START", "RUNNING", "f".into())])))
        .on("GET /operations/s", 200, other("s", "START", "FAILED", Value::Null));
    let ran = api.run(&["fork", "pay/prod", "pay/new", "--start", "--wait"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.err.contains("FORK SUCCEEDED, START of pay/prod goes on"), "{}", ran.err);

    let api = Api::new()
        .on("GET /operations/a", 200, other("a", "SUSPEND", "RESOLVED", Value::Null))
        .on("GET /operations?limit=50", 200, list(json!([other("b", "START", "RUNNING", "a".into())])))
        .on("GET /operations/b", 200, other("b", "START", "SUCCEEDED", "a".into()));
    let ran = api.run(&["operation", "wait", "a", "--exact", "-o", "name"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, "a\n"), "{ran:?}");
}

#[test]
fn the_time_to_wait_may_end_first() {
    let api = Api::new().on("POST /deployments/pay/prod/suspend", 202, operation("QUEUED", &[])).on(
        "GET /operations/op-1",
        200,
        operation("RUNNING", &[]),
    );
    let ran = api.run(&["suspend", "pay/prod", "--wait", "--timeout", "200ms", "-o", "json"]);
    assert_eq!(ran.code, 7, "{ran:?}");
    assert!(
        ran.err.contains("\"operation\":\"op-1\"") && ran.err.contains("operation wait op-1"),
        "{}",
        ran.err
    );
}

#[test]
fn ctrl_c_while_waiting_detaches() {
    let api = Api::new().on("GET /operations/op-1", 200, operation("RUNNING", &[]));
    let server = format!("unix:{}", api.path("api.sock").display());
    let mut wait = command(api.home.path(), &["--server", &server, "operation", "wait", "op-1", "--exact"]);
    let waiting = Staying::start({
        wait.stderr(Stdio::null());
        wait
    });
    let mut tries = 0;
    while api.asked("GET /operations/op-1").len() < 2 {
        std::thread::sleep(Duration::from_millis(20));
        tries += 1;
        assert!(tries < 3000, "it waits");
    }
    assert_eq!(waiting.interrupt(), 130);
}

#[test]
fn ctrl_c_is_heard_between_two_attempts() {
    let follow = "GET /events?severity=info&follow=true";
    let api =
        Api::new().on("GET /events?severity=info&limit=100", 200, list(json!([]))).then(follow, Reply::Cut);
    let server = format!("unix:{}", api.path("api.sock").display());
    let following = Staying::start(command(api.home.path(), &["--server", &server, "events", "-f", "-q"]));
    let mut tries = 0;
    while api.asked(follow).len() < 2 {
        std::thread::sleep(Duration::from_millis(20));
        tries += 1;
        assert!(tries < 3000, "it tries again");
    }
    assert_eq!(following.interrupt(), 0);
}

#[test]
fn steps_are_told_by_their_titles() {
    let titled = |state: &str, steps: &[(&str, &str)]| {
        let mut o = operation(state, steps);
        for (n, title) in ["wait until all tasks run", "submit from s3://b/p/savepoint-1"].iter().enumerate()
        {
            o["steps"][n]["title"] = (*title).into();
        }
        o
    };
    let steps = [("AWAIT_RUNNING", "CONFIRMED"), ("RUN_JAR", "CONFIRMED")];
    let api = Api::new().on("POST /deployments/pay/prod/suspend", 202, operation("QUEUED", &[])).on(
        "GET /operations/op-1",
        200,
        titled("SUCCEEDED", &steps),
    );
    let ran = api.run(&["suspend", "pay/prod", "--wait"]);
    assert!(ran.err.contains("  1/2 wait until all tasks run: done 3s"), "{}", ran.err);
    assert!(ran.err.contains("  2/2 submit from …/savepoint-1: done 3s"), "{}", ran.err);

    let mut failed = titled("FAILED", &[("AWAIT_RUNNING", "REFUTED"), ("RUN_JAR", "PLANNED")]);
    failed["error"]["message"] = "AWAIT_RUNNING: the job failed".into();
    let api = Api::new().on("GET /operations/op-1", 200, failed);
    let ran = api.run(&["operation", "show", "op-1", "--exact"]);
    assert!(ran.out.contains("STOP_FAILED: wait until all tasks run: the job failed"), "{}", ran.out);
    let machine = api.run(&["operation", "show", "op-1", "--exact", "-o", "json"]).json();
    assert_eq!(machine["error"]["message"], "AWAIT_RUNNING: the job failed");
}
