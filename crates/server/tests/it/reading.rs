//! Lists and single things say what the store says, page by page and all at once.

use keyreeve_model::{Inventory, canonical_json};
use keyreeve_store::{AccountFilter, AsOf, AssignmentFilter, ResourceFilter};
use reqwest::Method;
use serde_json::Value;

use crate::place::{Place, USERS, system};

/// Without what we changed since, which is nothing.
fn seen(mut accounts: Vec<Value>) -> Vec<Value> {
    for account in &mut accounts {
        assert_eq!(account.as_object_mut().unwrap().remove("pending"), Some(Value::Array(Vec::new())));
    }
    accounts
}

fn same(json: &[Value], known: &impl serde::Serialize) {
    assert_eq!(canonical_json(&json).unwrap(), canonical_json(known).unwrap());
}

#[tokio::test]
async fn lists_are_whole_in_their_order_however_small_the_pages_are() {
    let place = Place::start().await;
    let Inventory { accounts, resources, assignments } =
        place.store.current_inventory(&system("prod")).await.unwrap();
    assert!(accounts.len() > USERS as usize && resources.len() > 14 && assignments.len() > 50);
    for limit in [1000, 7, 1] {
        same(&seen(place.all("/api/v1/systems/prod/accounts", limit).await), &accounts);
        same(&place.all("/api/v1/systems/prod/resources", limit).await, &resources);
        same(&place.all("/api/v1/systems/prod/assignments", limit).await, &assignments);
    }
    let ids: Vec<_> =
        place.all("/api/v1/systems", 1).await.iter().map(|one| one["system_id"].clone()).collect();
    assert_eq!(ids, ["prod", "test"]);
    place.stop().await;
}

/// Each byte as an address has it: names hold `+` and `=`.
fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[tokio::test]
async fn filters_and_moments_mean_what_they_mean_to_the_store() {
    let place = Place::start().await;
    let id = system("prod");
    let memberships =
        place.store.list_assignments(&id, AsOf::Now, &AssignmentFilter::default()).await.unwrap();
    let membership = memberships.iter().find(|one| one.kind.as_str() == "account_group").unwrap();
    let (group, account) = (membership.resource_name.clone(), membership.subject_name.clone());
    let (of_group, of_account) = (encoded(&group), encoded(&account));
    let base = "/api/v1/systems/prod";
    let filter = AccountFilter { group: Some(group.clone()), ..AccountFilter::default() };
    let known = place.store.list_accounts(&id, AsOf::Now, &filter).await.unwrap();
    same(&seen(place.all(&format!("{base}/accounts?group={of_group}"), 2).await), &known);
    let filter = AssignmentFilter { account: Some(account.clone()), ..AssignmentFilter::default() };
    let known = place.store.list_assignments(&id, AsOf::Now, &filter).await.unwrap();
    same(&place.all(&format!("{base}/assignments?account={of_account}"), 1).await, &known);
    let filter =
        ResourceFilter { kind: Some(keyreeve_model::ResourceType::Group), ..ResourceFilter::default() };
    let known = place.store.list_resources(&id, AsOf::Now, &filter).await.unwrap();
    assert!(known.len() > 5);
    same(&place.all(&format!("{base}/resources?type=group"), 4).await, &known);
    let run = place.store.latest_published(&id).await.unwrap().unwrap().id;
    let then = place.get(&format!("{base}/accounts/{of_account}?run={run}")).await;
    assert_eq!(then, place.get(&format!("{base}/accounts/{of_account}")).await);
    let now = place.clock.now();
    assert_eq!(then, place.get(&format!("{base}/accounts/{of_account}?as_of={now}")).await);
    place.stop().await;
}

#[tokio::test]
async fn lists_have_their_order_and_only_the_fields_that_are_asked_for() {
    let place = Place::start().await;
    place.import("prod").await;
    let base = "/api/v1/systems/prod";
    for (list, orders) in [
        (format!("{base}/accounts"), &["name", "path", "status", "created_at"][..]),
        (format!("{base}/resources"), &["name", "path", "type"]),
        (format!("{base}/import-runs"), &["id"]),
        ("/api/v1/systems".to_owned(), &["system_id", "name", "category", "created_at"]),
        ("/api/v1/audit".to_owned(), &["seq"]),
    ] {
        for order in orders {
            let up = place.all(&format!("{list}?sort={order}"), 7).await;
            let down = place.all(&format!("{list}?sort=-{order}"), 3).await;
            assert!(up.iter().rev().eq(down.iter()) && up.len() > 1, "{list} {order}");
            let keys: Vec<&Value> = up.iter().map(|one| &one[order]).collect();
            let sorted = keys.windows(2).all(|pair| match (pair[0].as_i64(), pair[1].as_i64()) {
                (Some(one), Some(other)) => one <= other,
                _ => pair[0].as_str() <= pair[1].as_str(),
            });
            assert!(sorted, "{list} {order}: {keys:?}");
        }
    }
    let up = place.all(&format!("{base}/assignments?sort=holder"), 1000).await;
    let down = place.all(&format!("{base}/assignments?sort=-holder"), 7).await;
    assert!(up.iter().rev().eq(down.iter()) && up.len() > 20);
    assert_eq!(place.all(&format!("{base}/assignments"), 1000).await, up);
    let some = place.all(&format!("{base}/accounts?fields=name,status"), 7).await;
    let whole = place.all(&format!("{base}/accounts"), 7).await;
    assert_eq!(some.len(), whole.len());
    for (some, whole) in some.iter().zip(&whole) {
        assert_eq!(some, &serde_json::json!({"name": whole["name"], "status": whole["status"]}));
    }
    for bad in ["fields=name,secret", "fields=", "sort=colour", "sort=--name", "sort=NAME"] {
        let (status, _) = place.ask(&format!("{base}/accounts?{bad}"), Some(place.admin())).await;
        assert_eq!(status, 400, "{bad}");
    }
    let next = place.get(&format!("{base}/accounts?limit=1")).await["next"].as_str().unwrap().to_owned();
    for (other, status) in [
        (format!("{base}/accounts?limit=5&fields=name&cursor={next}"), 200),
        (format!("{base}/accounts?sort=-name&cursor={next}"), 400),
        (format!("{base}/accounts?path=/x&cursor={next}"), 400),
        (format!("{base}/resources?cursor={next}"), 400),
        (format!("/api/v1/systems/test/accounts?cursor={next}"), 400),
    ] {
        assert_eq!(place.ask(&other, Some(place.admin())).await.0, status, "{other}");
    }
    let run = place.store.latest_published(&system("prod")).await.unwrap().unwrap().id;
    let rows = place.all("/api/v1/audit?sort=seq&after=1", 2).await;
    assert!(rows[0]["seq"] == 2 && rows.len() > 1);
    assert_eq!(place.all("/api/v1/audit?before=3", 1).await.len(), 2);
    assert_eq!(place.all(&format!("{base}/jobs?state=queued"), 1).await, Vec::<Value>::new());
    let today = place.clock.now().strftime("%Y-%m-%d").to_string();
    // A day stands for its beginning; a time has its zone.
    let count = async |query: &str| place.all(&format!("/api/v1/audit?{query}"), 100).await.len();
    assert_eq!(count(&format!("until={today}")).await, 0);
    assert_eq!(count(&format!("since={today}")).await, count("").await);
    for (address, status) in [
        (format!("/api/v1/audit?since={today}T00:00:00"), 400),
        (format!("/api/v1/exports/audit?since={today}&format=jsonl"), 200),
        (format!("{base}/exports/audit?until={today}"), 200),
        ("/api/v1/exports/audit?since=yesterday".to_owned(), 400),
    ] {
        let answer = place.request(Method::GET, &address, Some(place.admin())).send().await.unwrap();
        assert_eq!(answer.status(), status, "{address}");
    }
    let then = place.all(&format!("{base}/accounts?as_of={today}"), 100).await;
    assert_eq!(then, place.all(&format!("{base}/accounts?as_of=run:{run}"), 100).await);
    let (status, problem) =
        place.ask(&format!("{base}/accounts?as_of=2999-01-01"), Some(place.admin())).await;
    assert!(status == 400 && problem["detail"].as_str().unwrap().contains("in the future"), "{problem}");
    place.stop().await;
}

#[tokio::test]
async fn runs_profiles_audit_and_tokens_are_shown() {
    let place = Place::start().await;
    let run = place.store.latest_published(&system("prod")).await.unwrap().unwrap();
    let listed = place.all("/api/v1/systems/prod/import-runs", 1).await;
    same(&listed, &[&run]);
    let shown = place.get(&format!("/api/v1/import-runs/{}", run.id)).await;
    assert_eq!(shown, serde_json::to_value(&run).unwrap());
    let changes = place.get(&format!("/api/v1/import-runs/{}/changes", run.id)).await;
    assert_eq!(changes, serde_json::to_value(place.store.import_changes(run.id).await.unwrap()).unwrap());
    let profile = place.get("/api/v1/systems/prod/import-profiles/default").await;
    assert_eq!(profile["name"], "default");
    assert_eq!(place.all("/api/v1/systems/prod/jobs", 10).await, Vec::<Value>::new());
    let rows = place.all("/api/v1/audit", 2).await;
    let seqs: Vec<i64> = rows.iter().map(|row| row["seq"].as_i64().unwrap()).collect();
    let descending: Vec<i64> = (1..=i64::try_from(seqs.len()).unwrap()).rev().collect();
    assert_eq!(seqs, descending);
    assert!(rows.iter().any(|row| row["action"] == "token_created"));
    let tokens = place.get("/api/v1/tokens").await;
    assert_eq!(tokens["items"][0]["owner"], "admin-");
    assert!(!tokens.to_string().contains(place.admin().rsplit('_').next().unwrap()));
    place.stop().await;
}
