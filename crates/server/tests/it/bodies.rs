//! S17: a body with a field that its address does not know is refused, and nothing is done. Made from the description:
//! an address whose body has no example here fails.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::place::{PASSWORD, Place, system};

const FIELDS: [&str; 7] = ["role", "is_admin", "approved_by", "system_id", "status", "actor", "state"];

/// A body that an address would take. `{job}` waits for a second person, `{run}` is suspended or published.
pub(crate) fn example(method: &str, path: &str) -> Value {
    match (method, path) {
        ("post", "/systems/{system_id}/plans" | "/systems/{system_id}/jobs") => {
            json!({"wishes": [{"task": "create_account", "name": "ada"}]})
        }
        ("post", "/systems/{system_id}/import-runs") => json!({"preview": true}),
        ("post", "/import-runs/{run}/accept" | "/import-runs/{run}/reject") => json!({"reason": "because"}),
        ("post", "/jobs/{job}/approve" | "/jobs/{job}/reject" | "/jobs/{job}/dismiss") => {
            json!({"reason": "because"})
        }
        ("post", "/jobs/{job}/cancel" | "/jobs/{job}/retry" | "/jobs/{job}/retry-plan") => json!({}),
        ("post", "/systems/{system_id}/drift/accept") => json!({"claims": [1]}),
        ("post", "/systems/{system_id}/protections") => json!({"kind": "path", "value": "/staff/"}),
        ("put", "/systems/{system_id}/import-profiles/{profile}") => {
            json!(keyreeve_model::ImportProfile::default_named("default".parse().unwrap()))
        }
        ("post", "/systems") => json!({"system_id": "new", "name": "New", "credential": key()}),
        ("put", "/systems/{system_id}/credential") => json!({"credential": key()}),
        ("patch", "/systems/{system_id}") => json!({"name": "Other", "settings": {"max_deletes": 3}}),
        ("post", "/systems/{system_id}/check") => json!({}),
        ("post", "/systems/{system_id}/release") => json!({"reason": "because"}),
        ("post", "/systems/{system_id}/rotate-key") => json!({"reason": "because"}),
        ("post", "/organization/discover") => {
            let tags = json!([{"key": "stage", "value": "prod"}]);
            json!({"by_system": "prod", "include": {"tags": tags}, "exclude": {"units": ["/Old"]}, "preview": true})
        }
        ("put", "/systems/{system_id}/mappings/{mapping}") => {
            json!(keyreeve_model::TaskMapping::default_of(keyreeve_model::MappingName::User))
        }
        ("post", "/systems/{system_id}/mappings/{mapping}/try") => json!({"name": "eve"}),
        ("post", "/tokens") => json!({"owner": "ada", "role": "viewer"}),
        ("post", "/tokens/{token}/revoke") => json!({"reason": "because"}),
        ("post", "/tasks/{task}/password") => json!({}),
        ("post", "/session") => json!({"name": "ada", "password": "what she has"}),
        ("post", "/people") => json!({"name": "eve", "role": "viewer", "password": PASSWORD}),
        ("put", "/people/{person}/role") => json!({"role": "viewer"}),
        ("put", "/people/{person}/access") => json!({"may_sign_in": false}),
        ("put", "/people/{person}/password") => json!({"password": PASSWORD}),
        ("put", "/session/password") => json!({"password": PASSWORD, "new_password": PASSWORD}),
        other => panic!("{other:?} has no example"),
    }
}

fn key() -> Value {
    json!({"kind": "access_key", "access_key_id": "AKIAIOSFODNN7EXAMPLE", "secret_access_key": "a secret"})
}

/// The body with each of its objects given as the list of its fields, and with the first key of each given twice.
fn misshapen(body: &Value) -> Vec<(String, &'static str)> {
    fn places(value: &Value, at: &str, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                if !fields.is_empty() {
                    found.push(at.to_owned());
                }
                fields.iter().for_each(|(key, value)| places(value, &format!("{at}/{key}"), found));
            }
            Value::Array(list) => {
                list.iter().enumerate().for_each(|(n, value)| places(value, &format!("{at}/{n}"), found));
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    places(body, "", &mut found);
    let mut bodies = Vec::new();
    for place in found {
        let object = body.pointer(&place).unwrap().as_object().unwrap().clone();
        let (key, value) = object.iter().next().unwrap();
        let marked = |with: Value| {
            let mut body = body.clone();
            *body.pointer_mut(&place).unwrap() = with;
            body.to_string()
        };
        if place != "/settings" {
            bodies.push((marked(object.values().cloned().collect()), "must be an object"));
        }
        let twice = object.iter().map(|(key, value)| format!("{}:{value}", json!(key)));
        let twice: Vec<String> = twice.chain([format!("{}:{value}", json!(key))]).collect();
        let twice = marked(json!("HERE")).replace("\"HERE\"", &format!("{{{}}}", twice.join(",")));
        bodies.push((twice, "is given twice"));
    }
    bodies
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s17_each_body_with_one_more_field_is_refused_and_changes_nothing() {
    let place = Place::start().await;
    let people = place.all("/api/v1/systems/prod/accounts", 100).await;
    let people = people.iter().map(|account| account["name"].clone());
    let people: Vec<Value> = people.filter(|name| name.as_str().unwrap().contains('.')).take(3).collect();
    let delete = |name: &Value| json!({"task": "delete_account", "account": name});
    let body = json!({"wishes": people.iter().map(delete).collect::<Vec<_>>()});
    let job = place.post("/api/v1/systems/prod/jobs", &body).await.1;
    assert_eq!(job["state"], "awaiting_approval");
    let run = place.store.latest_published(&system("prod")).await.unwrap().unwrap().id;
    let head = place.store.verify_audit().await.unwrap();
    place.sandbox.clear_trace();
    let openapi = serde_json::to_value(keyreeve_server::openapi()).unwrap();
    let mut asked = 0;
    for (path, methods) in openapi["paths"].as_object().unwrap() {
        for (method, described) in methods.as_object().unwrap() {
            if described.get("requestBody").is_none() {
                assert!(["get", "delete"].contains(&method.as_str()), "{method} {path} takes no body");
                continue;
            }
            let address = path.replace("{system_id}", "prod").replace("{run}", &run.to_string());
            let address = address.replace("{job}", &job["id"].to_string()).replace("{profile}", "default");
            let address = address.replace("{mapping}", "AWS%20-%20User").replace("{person}", "nobody");
            let address = format!("/api/v1{}", address.replace("{task}", "1").replace("{token}", "0"));
            let method_name: Method = method.to_uppercase().parse().unwrap();
            // The same as a list of its fields in their order.
            let values: Vec<Value> = example(method, path).as_object().unwrap().values().cloned().collect();
            let request = place.request(method_name.clone(), &address, Some(place.admin()));
            let answer = request.header("if-match", "*").json(&values).send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{method} {path} {values:?}");
            for (body, why) in misshapen(&example(method, path)) {
                let request = place.request(method_name.clone(), &address, Some(place.admin()));
                let request = request.header("if-match", "*").header("content-type", "application/json");
                let answer = request.body(body.clone()).send().await.unwrap();
                let (status, problem) = (answer.status(), answer.json::<Value>().await.unwrap());
                assert_eq!(status, StatusCode::BAD_REQUEST, "{method} {path} {body}: {problem}");
                let detail = problem["detail"].as_str().unwrap();
                assert!(
                    (detail.contains(why) || detail.contains("expected a map"))
                        && detail.contains("line 1 column"),
                    "{method} {path} {body}: {detail}"
                );
            }
            for field in FIELDS {
                let mut bodies = vec![example(method, path)];
                if bodies[0].get(field).is_some() {
                    continue;
                }
                bodies[0][field] = json!("admin");
                let mut inner = example(method, path);
                let within = ["/wishes/0", "/settings", "/credential", "/include"]
                    .into_iter()
                    .find(|one| inner.pointer(one).is_some());
                if let Some(wish) = within.and_then(|within| inner.pointer_mut(within)) {
                    wish[field] = json!("admin");
                    bodies.push(inner);
                }
                for body in bodies {
                    let request = place.request(method_name.clone(), &address, Some(place.admin()));
                    let answer = request.header("if-match", "*").json(&body).send().await.unwrap();
                    let (status, problem) = (answer.status(), answer.json::<Value>().await.unwrap());
                    assert_eq!(status, StatusCode::BAD_REQUEST, "{method} {path} {body}: {problem}");
                    assert_eq!(problem["code"], "bad_request");
                    asked += 1;
                }
            }
        }
    }
    assert!(asked >= 18 * FIELDS.len(), "{asked}");
    assert_eq!(place.store.verify_audit().await.unwrap(), head);
    assert_eq!(place.sandbox.trace().len(), 0);
    let now = place.get(&format!("/api/v1/jobs/{}", job["id"])).await;
    assert_eq!(now["state"], "awaiting_approval");
    place.stop().await;
}

#[tokio::test]
async fn bodies_that_are_no_json_or_too_large_have_their_codes() {
    let place = Place::start().await;
    let address = "/api/v1/systems/prod/plans";
    let send = |kind: &'static str, body: String| {
        place
            .request(Method::POST, address, Some(place.admin()))
            .header("content-type", kind)
            .body(body)
            .send()
    };
    let cases = [
        ("text/plain", "{}".to_owned(), 415, "not_json"),
        ("application/json", "{".to_owned(), 400, "bad_request"),
        ("application/json", r#"{"wishes": []}"#.to_owned(), 400, "bad_request"),
        ("application/json", " ".repeat(1024 * 1024 + 1), 413, "body_too_large"),
    ];
    for (kind, body, status, code) in cases {
        let answer = send(kind, body).await.unwrap();
        assert_eq!(answer.status().as_u16(), status);
        assert_eq!(answer.json::<Value>().await.unwrap()["code"], code);
    }
    place.stop().await;
}
