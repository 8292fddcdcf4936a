//! Lists and single things say what the store says, page by page and all at once.

use keyreeve_model::{Inventory, canonical_json};
use keyreeve_store::{AccountFilter, AsOf, AssignmentFilter, ResourceFilter};
use serde_json::Value;

use crate::place::{Place, USERS, system};

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
        same(&place.all("/api/v1/systems/prod/accounts", limit).await, &accounts);
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
    same(&place.all(&format!("{base}/accounts?group={of_group}"), 2).await, &known);
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
