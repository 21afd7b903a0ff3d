//! `get` and `savepoint`, `operation`: which rows, in which form, and what an id is known by.

use super::*;

#[test]
fn machines_get_exactly_what_the_api_answers() {
    let api = Api::new().on("GET /targets", 200, json!({"items": [target("a")], "next": "a"})).on(
        "GET /targets?after=a",
        200,
        list(json!([target("b")])),
    );
    let ran = api.run(&["get", "targets", "-o", "json"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert_eq!(ran.json(), list(json!([target("a"), target("b")])));
    assert_eq!(api.run(&["get", "targets", "-o", "name"]).out, "a\nb\n");
    assert_eq!(api.asked("GET /targets")[0].header("nutkin-via"), "cli");
    let yaml =
        Api::new().on("GET /targets/a", 200, target("a")).run(&["get", "target", "a", "-o", "yaml"]).out;
    assert!(yaml.starts_with("apiVersion: nutkin/v1\nkind: Target\nmetadata:\n  name: a\n"), "{yaml}");
}

#[test]
fn people_get_aligned_harmless_rows() {
    let api = Api::new().on("GET /targets", 200, list(json!([target("a\u{1b}]0;x\u{7}"), target("日本")])));
    let ran = api.run(&["get", "targets"]);
    let expected = "\
NAME      TYPE      URL              FLINK   REACHABLE   SLOTS FREE   JOBS   UNMANAGED
a␛]0;x␇   session   http://jm:8081   2.3.0   yes         3/8          2      0
日本      session   http://jm:8081   2.3.0   yes         3/8          2      0
";
    assert_eq!(ran.out, expected);
    let none = api.run(&["get", "targets", "-l", "region=us"]);
    assert_eq!((none.out.as_str(), none.err.as_str()), ("", "no targets\n"));
    assert_eq!(api.run(&["get", "targets", "-l", "region=us", "-q"]).err, "");
}

#[test]
fn an_empty_list_says_so_to_people_only() {
    let api = Api::new()
        .on("GET /savepoints", 200, list(json!([])))
        .on("GET /operations?limit=50", 200, list(json!([])))
        .on("GET /deployments/pay/prod/revisions", 200, list(json!([])));
    let cases: [(&[&str], &str); 3] = [
        (&["savepoint", "list"], "no savepoints\n"),
        (&["operation", "list"], "no operations\n"),
        (&["history", "pay/prod"], "no revisions\n"),
    ];
    for (args, says) in cases {
        let ran = api.run(args);
        assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (0, "", says));
        let json = api.run(&[args, &["-o", "json"]].concat());
        assert_eq!((json.json(), json.err.as_str()), (list(json!([])), ""));
    }
}

#[test]
fn a_name_without_a_kind_is_a_deployment() {
    let api = Api::new().on("GET /deployments/pay/prod", 200, json!({"deployment": "pay/prod"}));
    let ran = api.run(&["describe", "pay/prod", "-o", "json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(ran.json()["deployment"], "pay/prod");
    api.run(&["get", "pay/prod"]);
    assert_eq!(api.asked("GET /deployments/pay/prod").len(), 2);
}

#[test]
fn jobs_of_all_deployments_are_one_question() {
    let api = Api::new().on("GET /jobs", 200, list(json!([])));
    assert_eq!(api.run(&["get", "jobs", "-o", "json"]).json(), list(json!([])));
    assert_eq!(api.books.lock().unwrap().asked.len(), 1);
}

#[test]
fn a_cut_list_says_so_on_stderr() {
    let cut = json!({"items": [operation("SUCCEEDED", &[])], "next": "op-1"});
    let api = Api::new().on("GET /operations?limit=1", 200, cut.clone()).on(
        "GET /events?severity=info&limit=100",
        200,
        json!({"items": [], "next": "before-7"}),
    );
    let says = "1 shown, more may exist: --limit N\n";
    for args in [&["operation", "list", "--limit", "1"][..], &["get", "operations", "--limit", "1"]] {
        assert_eq!(api.run(args).err, says);
        let json = api.run(&[args, &["-o", "json"]].concat());
        assert_eq!((json.json(), json.err.as_str()), (cut.clone(), says));
        assert_eq!(api.run(&[args, &["-q"]].concat()).err, "");
    }
    assert!(api.run(&["events"]).err.contains("more may exist"));
}

#[test]
fn rows_are_chosen_before_they_are_counted() {
    let labelled = |name: &str, region: &str| {
        let mut target = target(name);
        target["labels"]["region"] = region.into();
        target
    };
    let api = Api::new()
        .on("GET /targets", 200, json!({"items": [labelled("a", "us"), labelled("b", "eu")], "next": "b"}))
        .on("GET /targets?after=b", 200, list(json!([labelled("c", "us"), labelled("d", "eu")])))
        .on("GET /operations", 200, list(json!([operation("SUCCEEDED", &[])])));
    let ran = |args: &[&str]| api.run(&[args, &["-o", "name"]].concat());
    assert_eq!(ran(&["get", "targets", "-l", "region=eu"]).out, "b\nd\n");
    let cut = ran(&["get", "targets", "-l", "region=eu", "--limit", "1"]);
    assert_eq!((cut.out.as_str(), cut.err.as_str()), ("b\n", "1 shown, more may exist: --limit N\n"));
    assert_eq!(ran(&["get", "operations", "--target", "local"]).out, "op-1\n");
    assert_eq!(ran(&["get", "operations", "--target", "other"]).out, "");
}

/// Whatever a table or the console shows of an id is enough to name it.
#[test]
fn shown_ids_are_taken_for_whole_ones() {
    let first = format!("/savepoints/{OPERATION}.3.1");
    let both = list(json!([savepoint("3.1", "savepoint-6e75-aa"), savepoint("4.1", "savepoint-6e75-bb")]));
    let api = Api::new()
        .on("GET /savepoints", 200, both)
        .on(&format!("GET {first}"), 200, savepoint("3.1", "savepoint-6e75-aa"))
        .on(&format!("PATCH {first}"), 200, savepoint("3.1", "savepoint-6e75-aa"))
        .on(&format!("POST {first}/dispose"), 202, operation("QUEUED", &[]))
        .on("POST /deployments/pay/prod/start", 202, operation("QUEUED", &[]))
        .on("POST /deployments/pay/prod/reset", 202, operation("QUEUED", &[]))
        .on("GET /operations", 200, list(json!([{"operationId": OPERATION}])))
        .on(&format!("GET /operations/{OPERATION}"), 200, operation("SUCCEEDED", &[]));
    for given in ["…c812.3.1", "c812.3.1", "...812.3.1", "savepoint-6e75-aa", "…/savepoint-6e75-aa"] {
        assert_eq!(api.run(&["savepoint", "show", given]).code, 0, "{given}");
        assert_eq!(api.run(&["describe", "savepoint", given]).code, 0, "{given}");
    }
    assert_eq!(api.run(&["savepoint", "pin", "c812.3.1"]).code, 0);
    assert_eq!(api.run(&["savepoint", "dispose", "c812.3.1"]).code, 0);
    for given in ["…0000c812", "0192d7a0"] {
        assert_eq!(api.run(&["operation", "show", given]).code, 0, "{given}");
        assert_eq!(api.run(&["get", "operation", given]).code, 0, "{given}");
    }
    assert_eq!(api.run(&["start", "pay/prod", "--from", "…c812.3.1"]).code, 0);
    assert_eq!(api.run(&["start", "pay/prod", "--from", "latest"]).code, 0);
    assert_eq!(api.run(&["start", "pay/prod", "--from", "s3://b/x"]).code, 0);
    let sent: Vec<Value> =
        api.asked("POST /deployments/pay/prod/start").iter().map(|a| a.json()["from"].clone()).collect();
    assert_eq!(sent, [json!(format!("{OPERATION}.3.1")), json!("latest"), json!("s3://b/x")]);
    assert_eq!(api.run(&["reset", "pay/prod", "savepoint-6e75-bb"]).code, 0);
    let body = api.asked("POST /deployments/pay/prod/reset")[0].json();
    assert_eq!(body["savepoint"], format!("{OPERATION}.4.1"));

    let several = api.run(&["savepoint", "show", "savepoint-6e75"]);
    assert_eq!(several.code, 2, "{several:?}");
    assert!(several.err.contains("fits 2 savepoints") && several.err.contains(".3.1, "), "{}", several.err);
    let none = api.run(&["start", "pay/prod", "--from", "beef"]);
    assert_eq!(none.code, 1, "{none:?}");
    assert!(none.err.contains("no savepoint is called \"beef\""), "{}", none.err);
    assert_eq!(api.asked("POST /deployments/pay/prod/start").len(), 3);
}

#[test]
fn a_savepoint_and_an_operation_are_known_by_a_part_of_their_id() {
    let one = savepoint("1", "savepoint-6e75");
    let id = one["savepointId"].as_str().unwrap().to_owned();
    let api = Api::new()
        .on("GET /savepoints", 200, list(json!([one])))
        .on(&format!("GET /savepoints/{id}"), 200, one)
        .on("GET /operations", 200, list(json!([{"operationId": OPERATION}])))
        .on(&format!("GET /events?operation={OPERATION}&severity=info&limit=100"), 200, list(json!([])));
    for given in ["savepoint-6e75", id.as_str()] {
        let ran = api.run(&["get", "savepoint", given, "-o", "name"]);
        assert_eq!((ran.code, ran.out.trim()), (0, id.as_str()), "{ran:?}");
    }
    assert_eq!(api.run(&["get", "savepoint", "nothing-of-it"]).code, 1);
    assert_eq!(api.run(&["events", "--operation", "0000c812"]).code, 0);
    let unknown = api.run(&["events", "--operation", "0000ffff"]);
    assert_eq!(unknown.code, 1, "{unknown:?}");
}
