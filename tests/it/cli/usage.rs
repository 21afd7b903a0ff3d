//! Wrong input: what it says, that nothing is sent, and the exit code.

use rstest::rstest;

use super::*;

#[rstest]
#[case(&["suspend", "prod"], "APP/NAME")]
#[case(&["suspend", "pay/Prod"], "1 to 63 of a-z")]
#[case(&["upgrade", "pay/prod", "--set", "paralelism=3"], "did you mean \"parallelism\"?")]
#[case(&["upgrade", "pay/prod", "--flink-conf", "nothing"], "KEY=VALUE")]
#[case(&["upgrade", "pay/prod", "--artifact", "/nope/x.jar"], "bring the file with --jar /nope/x.jar")]
#[case(&["upgrade", "pay/prod", "--args", "--rate", "5", "--dry-run"], "if the program wants --dry-run: --arg=--dry-run")]
#[case(&["upgrade", "pay/prod", "--args", "--rate", "5", "-o", "wide"], "-o stands behind --args")]
#[case(&["upgrade", "pay/prod", "--args", "x", "--parallelism=2"], "put --args and the program's words last")]
#[case(&["history", "pay/prod", "2..3"], "a revision is a whole number, such as 2; two of them with a space")]
#[case(&["events", "pay/prod", "--deployment", "pay/prod"], "cannot be used with")]
#[case(&["demo", "--yes"], "--reset")]
#[case(&["get", "revisions"], " get revisions APP/NAME")]
#[case(&["get", "deploymnts"], "'deployments'")]
#[case(&["get", "jobs", "-l", "a=b"], "jobs have no labels")]
#[case(&["get", "savepoints", "--target", "local"], "savepoints cannot be chosen by target")]
#[case(&["get", "target", "a", "-l", "a=b"], "and a is named")]
#[case(&["describe", "deployment"], " describe KIND NAME")]
#[case(&["describe", "pay/prod", "pay/x"], "write the kind first")]
#[case(&["events", "--debug", "--severity", "warn"], "cannot be used with")]
#[case(&["start", "pay/prod", "--timeout", "soon"], "is not a duration")]
#[case(&["upgrade", "pay/prod", "--from", "latest"], "upgrade does not go on from \"latest\"")]
#[case(&["upgrade", "pay/prod", "--from", "none"], "--upgrade-strategy STATELESS begins empty")]
#[case(&["rollback", "pay/prod", "--from", "none"], "a savepoint's id or location or last-checkpoint")]
#[case(&["restart", "pay/prod", "--from", "new"], "restart does not go on from \"new\"")]
#[case(&["start", "pay/prod", "--from", "last-checkpoint"], "it takes a savepoint's id or location, latest or none")]
#[case(&["fork", "pay/prod", "pay/new", "--from", "last-checkpoint"], "location, new, latest or none")]
#[case(&["reset", "pay/prod", "latest"], "it takes a savepoint's id or location\n")]
#[case(&["operation", "choose", "x", "retri"], "did you mean \"retry\"?")]
#[case(&["apply", "-f", "/does/not/exist.yaml"], "/does/not/exist.yaml: cannot be read")]
fn wrong_usage_is_named_and_nothing_is_sent(#[case] args: &[&str], #[case] says: &str) {
    let api = Api::new();
    let ran = api.run(args);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.err.contains(says), "{}", ran.err);
    assert!(api.books.lock().unwrap().asked.is_empty());
}

#[rstest]
#[case("NOT_FOUND", 1)]
#[case("BAD_REQUEST", 2)]
#[case("INVALID_SPEC", 2)]
#[case("OPERATION_ACTIVE", 5)]
#[case("PLAN_CHANGED", 5)]
#[case("STALE_REVISION", 5)]
#[case("TARGET_UNREACHABLE", 6)]
#[case("READ_ONLY", 8)]
#[case("CONFIRMATION_REQUIRED", 8)]
fn problems_have_exit_codes(#[case] code: &str, #[case] exit: i32) {
    let api = Api::new().on("POST /deployments/pay/prod/suspend", 400, problem(code, "it is so", "do this"));
    let ran = api.run(&["suspend", "pay/prod", "-o", "json"]);
    assert_eq!((ran.code, ran.out.as_str()), (exit, ""));
    let error: Value = serde_json::from_str(&ran.err).unwrap();
    assert_eq!(
        error,
        json!({"error": {"code": code, "message": "it is so", "hint": "do this", "operation": null}})
    );
    let ran = api.run(&["suspend", "pay/prod"]);
    assert_eq!(ran.err, "nutkin: it is so\n  hint: do this\n");
}

/// A pipeline reads every error in one form.
#[rstest]
#[case(&["get", "deploymnts", "-o", "json"], "invalid value 'deploymnts'", "'deployments'")]
#[case(&["-ojson", "suspend"], "required arguments were not provided: <DEPLOYMENT>", "Usage: nutkin suspend")]
#[case(&["suspend", "pay/prod", "--tiemout", "3s", "--output=json"], "unexpected argument '--tiemout'", "'--timeout'")]
#[case(&["-o", "json", "get"], "a command or an argument is missing", "--help")]
fn wrong_usage_is_json_where_json_is_read(#[case] args: &[&str], #[case] says: &str, #[case] hint: &str) {
    let ran = Api::new().run(args);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{ran:?}");
    let error: Value = serde_json::from_str(&ran.err).unwrap_or_else(|e| panic!("{e}: {}", ran.err));
    let error = &error["error"];
    assert_eq!(error["code"], "BAD_REQUEST");
    assert!(error["message"].as_str().unwrap().contains(says), "{error}");
    assert!(error["hint"].as_str().unwrap().contains(hint), "{error}");
}

#[test]
fn help_is_help_whatever_the_output() {
    let ran = Api::new().run(&["-o", "json", "get", "--help"]);
    assert!(ran.code == 0 && ran.out.contains("Usage: nutkin get"), "{ran:?}");
}
