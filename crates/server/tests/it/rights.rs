//! Each address, for each role, with a token and by the cookie of a session, for all systems and for one, on a system that
//! the caller is for and on another one.
//! An address of the description without a row here fails.

use std::collections::BTreeSet;

use keyreeve_model::{ImportProfile, MappingName, Role, TaskMapping};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::place::{Place, system};

/// Whom an address answers.
#[derive(Clone, Copy, PartialEq)]
enum Whom {
    /// Any role: it is about whoever asks.
    Anybody,
    /// Any role, within its systems.
    Reads,
    /// Any role; what lies outside its systems is left out.
    ReadsReached,
    /// Any role, if it is for all systems.
    ReadsAll,
    /// Operators and admins, within their systems.
    Operates,
    /// Approvers and admins, within their systems.
    Approves,
    /// Admins, within their systems.
    Administers,
    /// Admins of all systems.
    AdministersAll,
}

/// The method, the address of the description, what is asked (`{system}` is put in), and whom it answers.
const ADDRESSES: &[(&str, &str, &str, Whom)] = &[
    ("get", "/systems", "/systems", Whom::ReadsReached),
    ("post", "/systems", "/systems", Whom::AdministersAll),
    ("put", "/systems/{system_id}/credential", "/systems/{system}/credential", Whom::Administers),
    ("get", "/systems/{system_id}", "/systems/{system}", Whom::Reads),
    ("patch", "/systems/{system_id}", "/systems/{system}", Whom::Administers),
    ("delete", "/systems/{system_id}", "/systems/{system}?reason={long}", Whom::Administers),
    ("post", "/systems/{system_id}/release", "/systems/{system}/release", Whom::Administers),
    ("post", "/systems/{system_id}/rotate-key", "/systems/{system}/rotate-key", Whom::Administers),
    ("get", "/systems/{system_id}/policy", "/systems/{system}/policy", Whom::Reads),
    ("get", "/systems/{system_id}/mappings", "/systems/{system}/mappings", Whom::Reads),
    ("get", "/systems/{system_id}/mappings/{mapping}", "/systems/{system}/mappings/{mapping}", Whom::Reads),
    (
        "put",
        "/systems/{system_id}/mappings/{mapping}",
        "/systems/{system}/mappings/{mapping}",
        Whom::Administers,
    ),
    (
        "delete",
        "/systems/{system_id}/mappings/{mapping}",
        "/systems/{system}/mappings/{mapping}",
        Whom::Administers,
    ),
    (
        "post",
        "/systems/{system_id}/mappings/{mapping}/try",
        "/systems/{system}/mappings/{mapping}/try",
        Whom::Reads,
    ),
    (
        "delete",
        "/systems/{system_id}/import-profiles/{profile}",
        "/systems/{system}/import-profiles/default",
        Whom::Administers,
    ),
    ("get", "/systems/{system_id}/exports/{what}", "/systems/{system}/exports/accounts", Whom::Reads),
    ("get", "/exports/audit", "/exports/audit", Whom::ReadsAll),
    ("get", "/systems/{system_id}/accounts", "/systems/{system}/accounts", Whom::Reads),
    ("get", "/systems/{system_id}/accounts/{account}", "/systems/{system}/accounts/nobody", Whom::Reads),
    (
        "get",
        "/systems/{system_id}/accounts/{account}/documents",
        "/systems/{system}/accounts/nobody/documents",
        Whom::Reads,
    ),
    ("get", "/systems/{system_id}/resources", "/systems/{system}/resources", Whom::Reads),
    (
        "get",
        "/systems/{system_id}/resources/{resource}/documents",
        "/systems/{system}/resources/AGPANOTHING/documents",
        Whom::Reads,
    ),
    ("get", "/systems/{system_id}/assignments", "/systems/{system}/assignments", Whom::Reads),
    ("get", "/assignments", "/assignments?resource=ReadOnlyAccess", Whom::ReadsReached),
    ("get", "/systems/{system_id}/import-runs", "/systems/{system}/import-runs", Whom::Reads),
    ("get", "/systems/{system_id}/import-profiles", "/systems/{system}/import-profiles", Whom::Reads),
    (
        "get",
        "/systems/{system_id}/import-profiles/{profile}",
        "/systems/{system}/import-profiles/default",
        Whom::Reads,
    ),
    ("get", "/systems/{system_id}/import-schedules", "/systems/{system}/import-schedules", Whom::Reads),
    ("get", "/systems/{system_id}/jobs", "/systems/{system}/jobs", Whom::Reads),
    ("get", "/systems/{system_id}/protections", "/systems/{system}/protections", Whom::Reads),
    ("get", "/systems/{system_id}/drift", "/systems/{system}/drift", Whom::Reads),
    ("post", "/systems/{system_id}/drift/accept", "/systems/{system}/drift/accept", Whom::Approves),
    ("get", "/systems/{system_id}/differences", "/systems/{system}/differences?from=run:{run}", Whom::Reads),
    ("post", "/systems/{system_id}/check", "/systems/{system}/check", Whom::Operates),
    ("get", "/import-runs/{run}", "/import-runs/{run}", Whom::Reads),
    ("get", "/import-runs/{run}/changes", "/import-runs/{run}/changes", Whom::Reads),
    ("get", "/jobs/{job}", "/jobs/{job}", Whom::Reads),
    ("get", "/jobs/{job}/events", "/jobs/{job}/events", Whom::Reads),
    ("get", "/import-runs/{run}/events", "/import-runs/{run}/events", Whom::Reads),
    ("post", "/systems/{system_id}/plans", "/systems/{system}/plans", Whom::Operates),
    ("post", "/systems/{system_id}/jobs", "/systems/{system}/jobs", Whom::Operates),
    ("post", "/systems/{system_id}/import-runs", "/systems/{system}/import-runs", Whom::Operates),
    ("post", "/import-runs/{run}/accept", "/import-runs/{run}/accept", Whom::Approves),
    ("post", "/import-runs/{run}/reject", "/import-runs/{run}/reject", Whom::Approves),
    ("post", "/jobs/{job}/approve", "/jobs/{job}/approve", Whom::Approves),
    ("post", "/jobs/{job}/reject", "/jobs/{job}/reject", Whom::Approves),
    ("post", "/jobs/{job}/cancel", "/jobs/{job}/cancel", Whom::Operates),
    ("post", "/jobs/{job}/dismiss", "/jobs/{job}/dismiss", Whom::Operates),
    ("post", "/jobs/{job}/retry", "/jobs/{job}/retry", Whom::Operates),
    ("post", "/jobs/{job}/retry-plan", "/jobs/{job}/retry-plan", Whom::Operates),
    ("post", "/tasks/{task}/password", "/tasks/{task}/password", Whom::Operates),
    ("post", "/systems/{system_id}/protections", "/systems/{system}/protections", Whom::Administers),
    (
        "delete",
        "/systems/{system_id}/protections",
        "/systems/{system}/protections?kind=account&value=nobody",
        Whom::Administers,
    ),
    (
        "put",
        "/systems/{system_id}/import-profiles/{profile}",
        "/systems/{system}/import-profiles/default",
        Whom::Administers,
    ),
    ("post", "/organization/discover", "/organization/discover", Whom::AdministersAll),
    ("get", "/tokens", "/tokens", Whom::AdministersAll),
    ("post", "/tokens", "/tokens", Whom::AdministersAll),
    ("post", "/tokens/{token}/revoke", "/tokens/none/revoke", Whom::AdministersAll),
    ("get", "/people", "/people", Whom::AdministersAll),
    ("post", "/people", "/people", Whom::AdministersAll),
    ("delete", "/people/{person}", "/people/nobody", Whom::AdministersAll),
    ("put", "/people/{person}/role", "/people/nobody/role", Whom::AdministersAll),
    ("put", "/people/{person}/password", "/people/nobody/password", Whom::AdministersAll),
    ("put", "/people/{person}/access", "/people/nobody/access", Whom::AdministersAll),
    ("put", "/session/password", "/session/password", Whom::Anybody),
    ("get", "/session", "/session", Whom::Anybody),
    ("post", "/session", "/session", Whom::Anybody),
    ("delete", "/session", "/session", Whom::Anybody),
    ("get", "/sessions", "/sessions", Whom::Anybody),
    ("delete", "/sessions/{session}", "/sessions/none", Whom::Anybody),
    ("get", "/audit/verification", "/audit/verification", Whom::ReadsAll),
    ("get", "/audit", "/audit?system_id={system}", Whom::Reads),
    ("get", "/audit", "/audit", Whom::ReadsAll),
];

/// Nothing is refused that is allowed: what is not there is looked for first.
fn is_allowed(status: StatusCode, whom: Whom, address: &str) -> bool {
    // What the body or the state of things does not allow was let through all the same.
    let refused_otherwise =
        [StatusCode::BAD_REQUEST, StatusCode::CONFLICT, StatusCode::PRECONDITION_REQUIRED].contains(&status);
    match whom {
        // There is no such profile.
        Whom::Operates if address.ends_with("/import-runs") => status == StatusCode::NOT_FOUND,
        Whom::Anybody => refused_otherwise || status.is_success() || status == StatusCode::NOT_FOUND,
        Whom::Operates | Whom::Approves => refused_otherwise || status.is_success(),
        Whom::Administers | Whom::AdministersAll => {
            refused_otherwise || status.is_success() || status == StatusCode::NOT_FOUND
        }
        Whom::Reads => status == StatusCode::OK || status == StatusCode::NOT_FOUND,
        _ => status == StatusCode::OK,
    }
}

/// An access key that is none.
fn short_key() -> Value {
    json!({"kind": "access_key", "access_key_id": "short", "secret_access_key": "short"})
}

/// What is sent there: what is allowed comes to nothing.
fn body_for(address: &str) -> Value {
    match address.rsplit('/').next().unwrap() {
        "systems" => json!({"system_id": "new", "name": "New", "credential": short_key()}),
        "credential" => json!({"credential": short_key()}),
        "people" => json!({"name": "nobody", "role": "viewer", "password": "short"}),
        "role" => json!({"role": "viewer"}),
        "access" => json!({"may_sign_in": true}),
        "password" if address.contains("/people/") => json!({"password": "short"}),
        "plans" => json!({"wishes": [{"task": "create_account", "name": "eve"}]}),
        "jobs" => json!({"wishes": [{"task": "delete_account", "account": "nobody"}]}),
        "import-runs" => json!({"profile": "none"}),
        "protections" => json!({"kind": "path", "value": "no path"}),
        "tokens" => json!({"owner": " of nobody", "role": "admin"}),
        "default" => json!(ImportProfile::default_named("default".parse().unwrap())),
        "try" => json!({"name": "eve"}),
        "discover" => json!({"role_name": "no role*"}),
        "rotate-key" => json!({"preview": true}),
        "AWS%20-%20User" => json!(TaskMapping::default_of(MappingName::User)),
        "accept" if address.contains("/drift/") => json!({"claims": []}),
        "accept" | "dismiss" => json!({"reason": "for a test"}),
        _ => json!({}),
    }
}

#[tokio::test]
async fn each_address_answers_whom_it_is_for_and_nobody_else() {
    let place = Place::start().await;
    // Jobs that have ended, so that nobody changes anything for those who come after.
    let mut jobs = std::collections::BTreeMap::new();
    for on in ["prod", "test"] {
        let body = json!({"wishes": [{"task": "create_account", "name": "ada"}]});
        let (status, job) = place.post(&format!("/api/v1/systems/{on}/jobs"), &body).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{job}");
        let (job, task) = (job["id"].to_string(), job["tasks"][0]["id"].to_string());
        place.ended(&format!("/api/v1/jobs/{job}")).await;
        jobs.insert(on, (job, task));
    }
    let roles = [Role::Viewer, Role::Operator, Role::Approver, Role::Admin];
    let mut asked = 0;
    for role in roles {
        for systems in [&[][..], &["prod"][..]] {
            let token = place.token(role, systems).await;
            let name = format!("{}{}", role.as_str(), systems.join("."));
            place.person(&name, role, systems).await;
            let mut cookie = place.cookie(&name).await;
            for (method, _, address, whom) in ADDRESSES {
                for (on, by_token) in [("prod", true), ("test", true), ("prod", false), ("test", false)] {
                    let run = place.store.latest_published(&system(on)).await.unwrap().unwrap().id;
                    let address = address.replace("{system}", on).replace("{run}", &run.to_string());
                    let address = address.replace("{job}", &jobs[on].0).replace("{task}", &jobs[on].1);
                    let address =
                        address.replace("{mapping}", "AWS%20-%20User").replace("{long}", &"x".repeat(1_001));
                    let body = body_for(&address);
                    let reached = systems.is_empty() || systems.contains(&on);
                    let allowed = match whom {
                        Whom::Reads => reached,
                        Whom::ReadsReached | Whom::Anybody => true,
                        Whom::ReadsAll => systems.is_empty(),
                        Whom::Operates => reached && role.may_operate(),
                        Whom::Approves => reached && role.may_approve(),
                        Whom::Administers => reached && role == Role::Admin,
                        Whom::AdministersAll => systems.is_empty() && role == Role::Admin,
                    };
                    let method: Method = method.to_uppercase().parse().unwrap();
                    let whole = format!("/api/v1{address}");
                    let request = match by_token {
                        true => place.request(method.clone(), &whole, Some(&token)),
                        false => place
                            .request(method.clone(), &whole, None)
                            .header("cookie", &cookie)
                            .header("origin", &place.url),
                    };
                    let takes_body = [Method::POST, Method::PUT, Method::PATCH].contains(&method);
                    let request = if takes_body { request.json(&body) } else { request };
                    let answer = request.send().await.unwrap();
                    let case =
                        format!("{} {systems:?} {by_token} {address}: {}", role.as_str(), answer.status());
                    if allowed {
                        assert!(is_allowed(answer.status(), *whom, &address), "{case}");
                    } else {
                        // Things that are found by a number of their own are not there for who may not see them.
                        let hidden = address.starts_with("/import-runs/")
                            || ["/jobs/", "/tasks/"].iter().any(|one| address.starts_with(one));
                        let rightful = match whom {
                            Whom::Operates => role.may_operate(),
                            Whom::Approves => role.may_approve(),
                            _ => true,
                        };
                        let expected =
                            if hidden && rightful { StatusCode::NOT_FOUND } else { StatusCode::FORBIDDEN };
                        assert_eq!(answer.status(), expected, "{case}");
                    }
                    if !by_token && (&method, address.as_str()) == (&Method::DELETE, "/session") {
                        cookie = place.cookie(&name).await;
                    }
                    asked += 1;
                }
            }
        }
    }
    assert_eq!(asked, 4 * 2 * 2 * 2 * ADDRESSES.len());
    let limited = place.token(Role::Admin, &["test"]).await;
    let (_, listed) = place.ask("/api/v1/systems", Some(&limited)).await;
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    assert_eq!(listed["items"][0]["system_id"], "test");
    place.stop().await;
}

#[test]
fn each_address_of_the_description_has_a_row() {
    let openapi = serde_json::to_value(keyreeve_server::openapi()).unwrap();
    let mut described = BTreeSet::new();
    for (path, methods) in openapi["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            described.insert((method.as_str(), path.as_str()));
        }
    }
    let rows: BTreeSet<(&str, &str)> = ADDRESSES.iter().map(|(method, path, ..)| (*method, *path)).collect();
    assert_eq!(rows, described);
}
