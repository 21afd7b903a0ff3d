//! What a list or a window answers of many deployments.

use serde_json::{Value, json};

use super::{
    House, NOWHERE, target,
    wire::{act, get},
};

/// A manager with these deployments of `pay`, none of them started.
async fn with(names: &[&str]) -> House {
    let h = House::open().await;
    let of = |name: &&str| {
        json!({"apiVersion": "nutkin/v1", "kind": "Deployment", "metadata": {"application": "pay", "name": name}, "spec": {
            "target": "local", "state": "CANCELLED",
        }})
    };
    let pay =
        json!({"apiVersion": "nutkin/v1", "kind": "Application", "metadata": {"name": "pay"}, "spec": {}});
    let documents: Vec<Value> = [target(NOWHERE), pay].into_iter().chain(names.iter().map(of)).collect();
    let reply = act(&h.socket, "POST", "/api/v1/apply", "with", &json!({"documents": documents})).await;
    assert_eq!(reply.status, 200, "{:?}", reply.body);
    h
}

fn names(items: &Value) -> Vec<&str> {
    items.as_array().unwrap().iter().map(|d| d["deployment"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn deployments_come_in_pages() {
    let h = with(&["a", "b", "c", "d", "e"]).await;
    for (query, expected, next) in [
        ("", &["pay/a", "pay/b", "pay/c", "pay/d", "pay/e"] as &[&str], json!(null)),
        ("?limit=2", &["pay/a", "pay/b"], json!("pay/b")),
        ("?limit=2&after=pay/b", &["pay/c", "pay/d"], json!("pay/d")),
        ("?limit=2&after=pay/d", &["pay/e"], json!(null)),
        ("?limit=5", &["pay/a", "pay/b", "pay/c", "pay/d", "pay/e"], json!(null)),
        // A row that was deleted between two pages does not end the list.
        ("?limit=2&after=pay/cc", &["pay/d", "pay/e"], json!(null)),
    ] {
        let page = get(&h.socket, &format!("/api/v1/deployments{query}")).await;
        assert_eq!((page.status, &page.body["next"]), (200, &next), "{query}: {:?}", page.body);
        assert_eq!(names(&page.body["items"]), expected, "{query}");
    }
    for bad in ["limit=0", "limit=1001", "after=nothing"] {
        assert_eq!(get(&h.socket, &format!("/api/v1/deployments?{bad}")).await.status, 400, "{bad}");
    }
    h.close().await;
}

#[tokio::test]
async fn a_window_is_small() {
    let h = with(&["a", "b", "c"]).await;
    let window = get(&h.socket, "/api/v1/snapshot?limit=2").await.body;
    assert_eq!((names(&window["rows"]), &window["totalRows"]), (vec!["pay/a", "pay/b"], &json!(3)));
    let row = &window["rows"][0];
    assert!(row.to_string().len() <= 200, "{row}");
    assert!(row.get("operation").is_none(), "what is not known is left out: {row}");
    let events = window["events"].as_array().unwrap();
    assert!(!events.is_empty() && events.iter().all(|e| e["details"].is_null()), "{events:?}");
    h.close().await;
}
