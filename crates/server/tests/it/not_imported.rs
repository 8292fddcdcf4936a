//! A system that was never imported never looks like one that has nobody: whoever asks is told that nobody knows.

use reqwest::header::RETRY_AFTER;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::place::{Place, system};
use crate::scim_http::answered;

const CREATE: &str = r#"{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "ada"}"#;
const SEARCH: &str = r#"{"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"]}"#;
const PATCH: &str = r#"{"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
    "Operations": [{"op": "replace", "path": "active", "value": false}]}"#;

#[tokio::test]
async fn lists_and_things_of_a_system_that_was_never_imported_are_refused() {
    let place = Place::start().await;
    place.not_imported("new").await;
    let wishes = json!({"wishes": [{"task": "create_account", "name": "ada"}]});
    let asked = [
        ("accounts", None),
        ("accounts?status=disabled&limit=1", None),
        ("accounts/ada", None),
        ("resources", None),
        ("resources?type=group", None),
        ("assignments", None),
        ("exports/accounts", None),
        ("exports/resources", None),
        ("exports/assignments", None),
        ("plans", Some(&wishes)),
        ("jobs", Some(&wishes)),
    ];
    for (address, body) in asked {
        let whole = format!("/api/v1/systems/new/{address}");
        let (status, problem) = match body {
            Some(body) => place.post(&whole, body).await,
            None => place.ask(&whole, Some(place.admin())).await,
        };
        assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &json!("not_imported")), "{address}");
        let said = problem["detail"].as_str().unwrap();
        assert!(said.starts_with("system new has not been imported yet"), "{address}: {said}");
        let advice = problem["advice"].as_str().unwrap();
        assert!(advice.contains("POST /api/v1/systems/new/import-runs"), "{address}: {advice}");
        assert!(advice.contains("keyreeve import run new"), "{address}: {advice}");
    }
    let then = "/api/v1/systems/new/accounts?as_of=2001-01-01";
    let (status, problem) = place.ask(then, Some(place.admin())).await;
    assert_eq!((status, &problem["code"]), (StatusCode::NOT_FOUND, &json!("nothing_then")));
    assert!(place.get("/api/v1/systems/new/import-runs").await["items"].as_array().unwrap().is_empty());
    assert_eq!(place.writes(), Vec::<String>::new());
    place.import("new").await;
    for (address, _) in asked.iter().filter(|(address, body)| body.is_none() && !address.contains("/ada")) {
        let whole = format!("/api/v1/systems/new/{address}");
        let answer = place.request(Method::GET, &whole, Some(place.admin())).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{address}");
    }
    let (status, problem) = place.ask("/api/v1/systems/new/accounts/ada", Some(place.admin())).await;
    assert_eq!((status, &problem["code"]), (StatusCode::NOT_FOUND, &json!("account_not_found")));
    place.stop().await;
}

#[tokio::test]
async fn a_system_that_was_removed_before_it_was_imported_is_not_said_to_need_an_import() {
    let place = Place::start().await;
    place.not_imported("new").await;
    place.store.remove_system(&system("new"), ("local:test", None), place.clock.now()).await.unwrap();
    for address in [
        "accounts",
        "accounts/ada",
        "resources",
        "assignments",
        "exports/accounts",
        "accounts?as_of=2001-01-01",
    ] {
        let (status, problem) =
            place.ask(&format!("/api/v1/systems/new/{address}"), Some(place.admin())).await;
        assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &json!("system_removed")), "{address}");
        assert!(problem["detail"].as_str().unwrap().contains("was removed"), "{address}: {problem}");
        assert!(!problem.to_string().contains("import-runs"), "{address}: {problem}");
    }
    place.stop().await;
}

#[tokio::test]
async fn scim_has_clients_come_again_until_the_system_was_imported() {
    let place = Place::start().await;
    place.not_imported("new").await;
    let requests = [
        (Method::GET, "", ""),
        (Method::GET, "Users", ""),
        (Method::GET, "Users?filter=userName%20eq%20%22ada%22", ""),
        (Method::GET, "Users/AIDANOBODY", ""),
        (Method::GET, "Groups", ""),
        (Method::GET, "Groups/AGPANOBODY", ""),
        (Method::GET, "Policies", ""),
        (Method::POST, ".search", SEARCH),
        (Method::POST, "Users/.search", SEARCH),
        (Method::POST, "Users", CREATE),
        (Method::PUT, "Users/AIDANOBODY", CREATE),
        (Method::PATCH, "Users/AIDANOBODY", PATCH),
        (Method::DELETE, "Users/AIDANOBODY", ""),
        (Method::PATCH, "Groups/AGPANOBODY", PATCH),
    ];
    for (method, address, body) in requests {
        let whole = format!("/scim/v2/new/{address}");
        let request = || place.request(method.clone(), &whole, Some(place.admin())).body(body);
        let again = request().send().await.unwrap().headers().get(RETRY_AFTER).cloned();
        assert!(again.is_some(), "{method} {address}: nobody is told to come again");
        let (status, error) = answered(request()).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{method} {address}");
        let said = error["detail"].as_str().unwrap();
        assert!(said.starts_with("system new has not been imported yet"), "{method} {address}: {said}");
    }
    let bulk = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
        "Operations": [{"method": "DELETE", "path": format!("/{}/AIDANOBODY", "Users")}]
    });
    let bulk = place.request(Method::POST, "/scim/v2/new/Bulk", Some(place.admin())).body(bulk.to_string());
    let (_, answer) = answered(bulk).await;
    assert_eq!(answer["Operations"][0]["status"], "503", "{answer}");
    for found_out in ["/ServiceProviderConfig", "/Schemas", "/ResourceTypes"] {
        let whole = format!("/scim/v2/new{found_out}");
        assert_eq!(answered(place.request(Method::GET, &whole, Some(place.admin()))).await.0, StatusCode::OK);
    }
    assert!(place.get("/api/v1/systems/new/jobs").await["items"].as_array().unwrap().is_empty());
    assert_eq!(place.writes(), Vec::<String>::new());
    place.import("new").await;
    let (status, users): (_, Value) =
        answered(place.request(Method::GET, "/scim/v2/new/Users", Some(place.admin()))).await;
    assert!(status == StatusCode::OK && users["totalResults"].as_u64() > Some(0), "{users}");
    place.stop().await;
}
