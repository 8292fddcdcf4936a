//! Each page that there is: a place where all of them have something to show, with the address of each.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use keyreeve_model::Role;
use keyreeve_sandbox::{Effect, FaultRule, Mutation};
use serde_json::{Value, json};

use super::Browser;
use crate::place::{PROD_ACCOUNT, Place};

/// The route of a page as the router has it, and an address of it.
pub(crate) type Row = (&'static str, String);

/// Lets a place have all that pages show, and gives them: a job that waits, one that failed, one with a password that nobody
/// opened, an account that no import has seen, an account and a group that are gone, and a suspended run. Whoever looks is an admin called `ada`.
pub(crate) async fn rows(place: &Place) -> Vec<Row> {
    let (user, group) = ("zzgone".to_owned(), "zz-gone".to_owned());
    let path = || "/".to_owned();
    let made = [
        Mutation::CreateUser { name: user.clone(), path: path(), tags: Vec::new(), boundary: None },
        Mutation::CreateGroup { name: group.clone(), path: path() },
    ];
    place.sandbox.mutate(PROD_ACCOUNT, &made).unwrap();
    place.import("prod").await;
    let gone_group = place.get("/api/v1/systems/prod/resources?name=zz-gone").await["items"][0].clone();
    let deleted = [Mutation::DeleteUser { name: user.clone() }, Mutation::DeleteGroup { name: group }];
    place.sandbox.mutate(PROD_ACCOUNT, &deleted).unwrap();
    place.import("prod").await;

    let people = place.people().await;
    let asked = async |wishes: Value| {
        let (_, job) =
            place.post("/api/v1/systems/prod/jobs", &json!({"wishes": wishes, "reason": "they left"})).await;
        let id = job["id"].as_i64().unwrap_or_else(|| panic!("{job}"));
        (id, job)
    };
    let gone = |name: &String| json!({"task": "delete_account", "account": name});
    let (waits, _) = asked(people.iter().take(2).map(gone).collect()).await;
    let (made, _) = asked(json!([{"task": "create_account", "name": "new.person"}])).await;
    let made_task = place.ended(&format!("/api/v1/jobs/{made}")).await["tasks"][0]["id"].clone();
    place.sandbox.add_fault(FaultRule::new("CreateUser", Effect::AccessDenied).times(1).min_fires(1));
    let (failed, _) = asked(json!([{"task": "create_account", "name": "other.person"}])).await;
    place.ended(&format!("/api/v1/jobs/{failed}")).await;

    let policies = place.get("/api/v1/systems/prod/resources?managed_by=customer").await;
    let (arn, policy) = (&policies["items"][0]["arn"], policies["items"][0]["external_id"].as_str().unwrap());
    let policy = format!("/systems/prod/resources/{policy}");
    let document = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}"#;
    let (arn, document) = (arn.as_str().unwrap().to_owned(), document.to_owned());
    place.sandbox.mutate(PROD_ACCOUNT, &[Mutation::CreatePolicyVersion { arn, document }]).unwrap();

    let test = people.iter().skip(2).take(people.len() / 2);
    let gone: Vec<Mutation> = test.map(|name| Mutation::DeleteUser { name: name.clone() }).collect();
    place.sandbox.mutate(PROD_ACCOUNT, &gone).unwrap();
    let (_, run) = place.post("/api/v1/systems/prod/import-runs", &json!({})).await;
    let run = place.ended_or_suspended(&format!("/api/v1/import-runs/{}", run["id"])).await["id"].clone();

    let kept = json!({"kind": "path", "value": "/kept/"});
    place.post("/api/v1/systems/prod/protections", &kept).await;

    let person = people.last().unwrap();
    let account = place.get(&format!("/api/v1/systems/prod/accounts/{person}")).await;
    let account = format!("/systems/prod/accounts/{}", account["external_id"].as_str().unwrap());
    let group = place.get("/api/v1/systems/prod/resources?type=group").await["items"][0].clone();
    let token = place.get("/api/v1/tokens").await["items"][0]["id"].as_str().unwrap().to_owned();
    let of = |route: &'static str| (route, route.replace("{system_id}", "prod"));
    let mut rows: Vec<Row> = [
        "/",
        "/sign-in",
        "/your-sign-in",
        "/systems",
        "/new-system",
        "/systems/{system_id}",
        "/systems/{system_id}/connection",
        "/systems/{system_id}/policy",
        "/systems/{system_id}/settings",
        "/systems/{system_id}/compare",
        "/systems/{system_id}/drift",
        "/systems/{system_id}/profiles",
        "/systems/{system_id}/new-profile",
        "/systems/{system_id}/mappings",
        "/systems/{system_id}/credential",
        "/systems/{system_id}/rotate-key",
        "/systems/{system_id}/remove",
        "/systems/{system_id}/accounts",
        "/systems/{system_id}/new-account",
        "/systems/{system_id}/resources",
        "/systems/{system_id}/jobs",
        "/imports",
        "/jobs",
        "/audit",
        "/settings",
        "/settings/tokens",
        "/settings/people",
        "/settings/protections",
        "/settings/secrets",
        "/settings/notifications",
    ]
    .map(of)
    .into();
    rows.extend([
        ("/audit/{seq}", "/audit/1".to_owned()),
        ("/imports/{run}", format!("/imports/{run}")),
        ("/imports/{run}/changes", format!("/imports/{run}/changes")),
        ("/systems/{system_id}/profiles/{profile}", "/systems/prod/profiles/default".to_owned()),
        (
            "/systems/{system_id}/profiles/{profile}/remove",
            "/systems/prod/profiles/default/remove".to_owned(),
        ),
        ("/systems/{system_id}/mappings/{mapping}", "/systems/prod/mappings/AWS%20-%20User".to_owned()),
        (
            "/systems/{system_id}/mappings/{mapping}/reset",
            "/systems/prod/mappings/AWS%20-%20User/reset".to_owned(),
        ),
        ("/settings/people/{person}", "/settings/people/ada".to_owned()),
        ("/settings/tokens/{token}/revoke", format!("/settings/tokens/{token}/revoke")),
        (
            "/settings/protections/remove",
            "/settings/protections/remove?system=prod&kind=path&value=%2Fkept%2F".to_owned(),
        ),
        (
            "/systems/{system_id}/resources/{resource}",
            format!("/systems/prod/resources/{}", group["external_id"].as_str().unwrap()),
        ),
        ("/systems/{system_id}/resources/{resource}", policy.clone()),
        ("/systems/{system_id}/resources/{resource}/versions", format!("{policy}/versions?from=v1&to=v2")),
        ("/systems/{system_id}/accounts/{account}", account.clone()),
        ("/systems/{system_id}/accounts/{account}", "/systems/prod/accounts/new.person".to_owned()),
        ("/systems/{system_id}/accounts/{account}", format!("/systems/prod/accounts/{user}")),
        (
            "/systems/{system_id}/resources/{resource}",
            format!("/systems/prod/resources/{}", gone_group["external_id"].as_str().unwrap()),
        ),
        ("/jobs", "/jobs?state=yesterday".to_owned()),
        ("/search", "/search?q=a".to_owned()),
        ("/held", "/held?resource=ReadOnlyAccess".to_owned()),
        ("/systems/{system_id}/named", "/systems/prod/named?of=arn&q=a".to_owned()),
        ("/systems/{system_id}/accounts", "/systems/prod/accounts?status=gone".to_owned()),
        ("/systems/{system_id}/accounts/{account}/history", format!("{account}/history")),
        ("/systems/{system_id}/accounts", "/systems/prod/accounts?as_of=yesterday".to_owned()),
        ("/jobs/{job}", format!("/jobs/{made}")),
        ("/jobs/{job}/tasks/{task}/reset", format!("/jobs/{made}/tasks/{made_task}/reset")),
        ("/jobs/{job}", format!("/jobs/{failed}")),
        ("/jobs/{job}/retry", format!("/jobs/{failed}/retry")),
        ("/jobs/{job}/dismiss", format!("/jobs/{failed}/dismiss")),
        ("/jobs/{job}", format!("/jobs/{waits}")),
    ]);
    for what in ["approve", "reject", "cancel"] {
        let route = match what {
            "approve" => "/jobs/{job}/approve",
            "reject" => "/jobs/{job}/reject",
            _ => "/jobs/{job}/cancel",
        };
        rows.push((route, format!("/jobs/{waits}/{what}")));
    }
    for action in [
        "update",
        "add-assignment",
        "remove-assignment",
        "reset-password",
        "deactivate",
        "reactivate",
        "delete",
    ] {
        rows.push(("/systems/{system_id}/accounts/{account}/{action}", format!("{account}/{action}")));
    }
    rows
}

/// The routes of the sources that are read by `GET`, but for style, script and icon.
fn routes(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            routes(&path, found);
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        for one in text.split(".route(").skip(1) {
            let address = one.split('"').nth(1).unwrap();
            let handlers = one.split_once(&format!("\"{address}\"")).unwrap().1;
            if handlers.trim_start_matches(',').trim_start().starts_with("get(") {
                found.insert(address.to_owned());
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_page_that_there_is_has_a_row_and_is_shown() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Admin, &[]).await;
    let rows = rows(&place).await;
    let mut known = BTreeSet::new();
    routes(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/console"), &mut known);
    known.remove("/console/{file}");
    let listed: BTreeSet<String> = rows.iter().map(|(route, _)| (*route).to_owned()).collect();
    assert!(known.len() > 30, "{known:?}");
    assert_eq!(listed, known, "a page without a row, or a row without a page");
    let stranger = Browser::new(&place);
    let mut titles: BTreeMap<String, &str> = BTreeMap::new();
    for (route, address) in &rows {
        let who = if *route == "/sign-in" { &stranger } else { &browser };
        let page = who.get(address).await;
        let refused = page.status == 400 && address.contains("yesterday");
        assert!(page.status == 200 || refused, "{address}: {} {}", page.status, page.text);
        assert_eq!(page.text.matches("<h1>").count(), 1, "{address}");
        let mut ids: Vec<&str> =
            page.text.split(" id=\"").skip(1).map(|one| one.split('"').next().unwrap()).collect();
        ids.sort_unstable();
        let twice: Vec<_> = ids.windows(2).filter(|two| two[0] == two[1]).collect();
        assert!(twice.is_empty(), "{address} has two elements of the same id: {twice:?}");
        let title = page.text.split("<title>").nth(1).unwrap().split("</title>").next().unwrap().to_owned();
        if let Some(other) = titles.insert(title.clone(), route) {
            assert_eq!(other, *route, "both are called {title:?}");
        }
    }
    place.stop().await;
}
