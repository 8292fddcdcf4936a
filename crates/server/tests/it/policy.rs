//! The policy of a system's connector over REST: what it follows from, and what is wanted besides.

use reqwest::StatusCode;
use serde_json::Value;

use crate::place::{PROD_ACCOUNT, Place};

const ADDRESS: &str = "/api/v1/systems/prod/policy";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_policy_of_a_connector_follows_from_its_system_and_from_what_is_wanted() {
    let place = Place::start().await;
    let name = place.people().await[0].to_uppercase();
    let protect = serde_json::json!({"kind": "account", "value": name});
    place.post("/api/v1/systems/prod/protections", &protect).await;
    let policy = place.get(ADDRESS).await;
    let facts = &policy["facts"];
    assert_eq!((&facts["permission_profile"], &facts["partition"]), (&"full".into(), &"aws".into()));
    assert_eq!(facts["aws_account_id"], PROD_ACCOUNT);
    assert!(facts["connector"].as_str().unwrap().contains(":user/"), "{facts}");
    // ARNs in policies go by case.
    assert_eq!(facts["protected"][0]["value"], name.to_lowercase());
    assert!(!policy["documents"].as_array().unwrap().is_empty(), "{policy}");
    place.sandbox.clear_trace();
    let narrow = place.get(&format!("{ADDRESS}?profile=lifecycle&path=/a/&path=/b,c/&connector=x")).await;
    let text = narrow["documents"].to_string();
    assert!(text.contains("user/a/*") && text.contains("user/b,c/*"), "{text}");
    assert_eq!((&narrow["facts"]["connector"], place.sandbox.trace().len()), (&Value::Null, 0));
    for wrong in ["profile=all", "profile=read&profile=full", "rotate_own_key=yes", "partition=no%20where"] {
        let (status, problem) = place.ask(&format!("{ADDRESS}?{wrong}"), Some(place.admin())).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{wrong}: {problem}");
    }
    place.stop().await;
}
