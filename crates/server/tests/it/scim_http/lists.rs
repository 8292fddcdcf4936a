//! Lists say what the store says, by whatever filter, order and page.

use std::time::{Duration, Instant};

use keyreeve_model::{Account, AccountStatus, Inventory};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{answered, each, encoded, refused};
use crate::place::{Place, system};

const SEARCH: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";
const AWS_USER: &str = "urn:keyreeve:params:scim:schemas:extension:aws:2.0:User";

async fn known(place: &Place) -> Inventory {
    place.store.current_inventory(&system("prod")).await.unwrap()
}

async fn users(place: &Place, query: &str) -> Value {
    place.get(&format!("/scim/v2/prod/Users?{query}")).await
}

/// The names of the accounts that meet a condition, in the order of SCIM: case does not count.
fn names(accounts: &[Account], keep: impl Fn(&Account) -> bool) -> Vec<String> {
    let mut kept: Vec<&Account> = accounts.iter().filter(|account| keep(account)).collect();
    kept.sort_by_key(|account| (account.name.to_lowercase(), account.external_id.clone()));
    kept.into_iter().map(|account| account.name.clone()).collect()
}

#[tokio::test]
async fn each_filter_means_what_the_store_knows() {
    let place = Place::start().await;
    let Inventory { accounts, assignments, .. } = known(&place).await;
    let some = &accounts[7];
    let held = assignments.iter().find(|one| one.kind.as_str() == "account_group").unwrap();
    let group = held.resource_external_id.as_ref().unwrap().as_str();
    let in_group = |account: &Account| {
        assignments.iter().any(|one| {
            one.subject_external_id == account.external_id
                && one.resource_external_id.as_ref().is_some_and(|id| id.as_str() == group)
        })
    };
    let enabled = |account: &Account| account.status == AccountStatus::Enabled;
    let upper = some.name.to_uppercase();
    let cases: Vec<(String, Vec<String>)> = vec![
        ("userName pr".to_owned(), names(&accounts, |_| true)),
        (format!("userName eq \"{upper}\""), vec![some.name.clone()]),
        (format!("id eq \"{}\"", some.external_id), vec![some.name.clone()]),
        (
            format!("id eq \"{}\" and active eq true", some.external_id),
            names(&accounts, |account| account.external_id == some.external_id && enabled(account)),
        ),
        ("id eq \"AIDANOBODY\"".to_owned(), vec![]),
        ("externalId eq \"1\"".to_owned(), vec![]),
        ("active eq true".to_owned(), names(&accounts, enabled)),
        ("active eq \"False\"".to_owned(), names(&accounts, |a| a.status == AccountStatus::Disabled)),
        ("not (active eq true)".to_owned(), names(&accounts, |account| !enabled(account))),
        (format!("groups.value eq \"{group}\""), names(&accounts, in_group)),
        (
            format!("groups.value eq \"{group}\" and active eq true"),
            names(&accounts, |account| in_group(account) && enabled(account)),
        ),
        ("meta.resourceType eq \"Group\"".to_owned(), vec![]),
        (
            format!("{AWS_USER}:path sw \"{}\"", some.path),
            names(&accounts, |a| a.path.starts_with(&some.path)),
        ),
        (
            "userName co \"a\" and userName ew \"n\"".to_owned(),
            names(&accounts, |account| {
                let name = account.name.to_lowercase();
                name.contains('a') && name.ends_with('n')
            }),
        ),
    ];
    let mut met = 0;
    for (filter, expected) in cases {
        let list = users(&place, &format!("count=1000&filter={}", encoded(&filter))).await;
        assert_eq!(each(&list, "userName"), expected, "{filter}");
        assert_eq!(list["totalResults"], expected.len(), "{filter}");
        met += usize::from(!expected.is_empty() && expected.len() < accounts.len());
        let body = json!({"schemas": [SEARCH], "count": 1000, "filter": filter});
        let search = place.request(Method::POST, "/scim/v2/prod/Users/.search", Some(place.admin()));
        assert_eq!(answered(search.json(&body)).await.1, list, "{filter}");
    }
    assert!(met > 5, "most filters choose some and not all");
    place.stop().await;
}

#[tokio::test]
async fn pages_by_index_and_by_cursor_are_the_whole_list_in_every_order() {
    let place = Place::start().await;
    let count = known(&place).await.accounts.len();
    let orders = [
        "",
        "&sortBy=id",
        "&sortBy=userName&sortOrder=descending",
        "&sortBy=meta.created",
        "&sortBy=groups&sortOrder=descending",
    ];
    for order in orders {
        let whole = each(&users(&place, &format!("count=1000{order}")).await, "id");
        assert_eq!(whole.len(), count);
        let mut by_index = Vec::new();
        for start in (1..=count).step_by(7) {
            let page = users(&place, &format!("startIndex={start}&count=7{order}")).await;
            assert_eq!((&page["totalResults"], &page["startIndex"]), (&json!(count), &json!(start)));
            by_index.extend(each(&page, "id"));
        }
        assert_eq!(by_index, whole, "{order}");
        let (mut by_cursor, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = users(&place, &format!("cursor={cursor}&count=9{order}")).await;
            by_cursor.extend(each(&page, "id"));
            match page["nextCursor"].as_str() {
                Some(next) => cursor = next.to_owned(),
                None => break,
            }
        }
        assert_eq!(by_cursor, whole, "{order}");
    }
    let none = users(&place, "count=0").await;
    assert_eq!((none["totalResults"].as_u64(), each(&none, "id").len()), (Some(count as u64), 0));
    // A cursor is of use for its query, its type and its system alone.
    let cursor = users(&place, "cursor=&count=2").await["nextCursor"].as_str().unwrap().to_owned();
    for address in [
        format!("/scim/v2/prod/Users?cursor={cursor}&count=3"),
        format!("/scim/v2/prod/Groups?cursor={cursor}&count=2"),
        format!("/scim/v2/test/Users?cursor={cursor}&count=2"),
        "/scim/v2/prod/Users?cursor=forged".to_owned(),
    ] {
        let request = place.request(Method::GET, &address, Some(place.admin()));
        assert_eq!(refused(request).await, (400, "invalidCursor".to_owned()), "{address}");
    }
    place.stop().await;
}

#[tokio::test]
async fn only_what_is_asked_for_is_shown() {
    let place = Place::start().await;
    let names = |list: &Value| {
        let first = list["Resources"][0].as_object().unwrap();
        first.keys().cloned().collect::<std::collections::BTreeSet<_>>()
    };
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let only = users(&place, "attributes=userName,meta.location").await;
    assert_eq!(names(&only), set(&["schemas", "id", "userName", "meta"]));
    assert_eq!(only["Resources"][0]["meta"].as_object().unwrap().len(), 1);
    let without = users(&place, &format!("excludedAttributes=groups,id,meta,{AWS_USER}")).await;
    let all = users(&place, "").await;
    assert!(names(&all).contains("meta") && names(&without).contains("id"));
    assert!(!names(&without).contains("meta") && !names(&without).contains(AWS_USER));
    let request = place.request(
        Method::GET,
        "/scim/v2/prod/Users?attributes=id&excludedAttributes=meta",
        Some(place.admin()),
    );
    assert_eq!(refused(request).await, (400, "invalidValue".to_owned()));
    place.stop().await;
}

#[tokio::test]
async fn groups_and_policies_are_listed_and_the_root_has_all() {
    let place = Place::start().await;
    let Inventory { accounts, resources, assignments } = known(&place).await;
    let groups = place.get("/scim/v2/prod/Groups?count=1000").await;
    let of_kind = |kind: &str| resources.iter().filter(|one| one.kind.as_str() == kind).count();
    assert_eq!(groups["totalResults"], of_kind("group"));
    let mut members = 0;
    for group in groups["Resources"].as_array().unwrap() {
        for member in group["members"].as_array().into_iter().flatten() {
            let held = assignments.iter().any(|one| {
                one.subject_external_id.as_str() == member["value"]
                    && one.resource_external_id.as_ref().is_some_and(|id| id.as_str() == group["id"])
            });
            assert!(held, "{group}");
            members += 1;
        }
    }
    assert_eq!(members, assignments.iter().filter(|one| one.kind.as_str() == "account_group").count());
    let member = groups["Resources"]
        .as_array()
        .unwrap()
        .iter()
        .find_map(|group| group["members"][0]["value"].as_str());
    let filter = encoded(&format!("members[value eq \"{}\"]", member.unwrap()));
    let of_member = place.get(&format!("/scim/v2/prod/Groups?filter={filter}")).await;
    let user = place.get(&format!("/scim/v2/prod/Users/{}", member.unwrap())).await;
    assert_eq!(each(&of_member, "id").len(), user["groups"].as_array().unwrap().len());
    let policies = place.get("/scim/v2/prod/Policies?count=0").await;
    assert_eq!(policies["totalResults"], of_kind("policy"));
    let customer = place
        .get(&format!("/scim/v2/prod/Policies?count=1000&filter={}", encoded("managedBy eq \"customer\"")))
        .await;
    let owned =
        resources.iter().filter(|one| one.managed_by == Some(keyreeve_model::ManagedBy::Customer)).count();
    assert_eq!((each(&customer, "id").len(), owned), (owned, owned));
    let all = place.get("/scim/v2/prod/?count=0").await;
    assert_eq!(all["totalResults"], accounts.len() + resources.len());
    let filter = encoded("meta.resourceType eq \"Group\" or userName sw \"a\"");
    let some = place.get(&format!("/scim/v2/prod/?count=1000&filter={filter}")).await;
    assert!(each(&some, "id").len() >= of_kind("group") || some["totalResults"].as_u64() > Some(0));
    place.stop().await;
}

/// RFC 7644 §3.4.2.1: what a type of resource does not have counts as having no value there.
#[tokio::test]
async fn at_the_root_a_type_without_an_attribute_is_not_left_out() {
    let place = Place::start().await;
    let Inventory { accounts, resources, .. } = known(&place).await;
    let all = accounts.len() + resources.len();
    let groups = resources.iter().filter(|one| one.kind.as_str() == "group").count();
    let ask = |query: &str, rest: &str| {
        let mut body = json!({"schemas": [SEARCH], "count": 2000});
        body[query] = json!(rest);
        place.request(Method::POST, "/scim/v2/prod/.search", Some(place.admin())).json(&body)
    };
    for (filter, count) in [
        ("userName pr", accounts.len()),
        ("userName pr or displayName pr", all),
        ("not (userName pr)", resources.len()),
        ("userName ne \"nobody\"", all),
        ("userName eq null", resources.len()),
        ("not (members[value eq \"x\"])", all),
        ("members pr and userName pr", 0),
        ("meta.resourceType eq \"Group\" and not (active eq true)", groups),
    ] {
        let (status, found) = answered(ask("filter", filter)).await;
        assert_eq!((status, &found["totalResults"]), (StatusCode::OK, &json!(count)), "{filter}: {found}");
        let address = format!("/scim/v2/prod/?count=0&filter={}", encoded(filter));
        assert_eq!(place.get(&address).await["totalResults"], count, "{filter}");
    }
    for wrong in ["nobody pr", "active eq \"perhaps\"", "password pr", "userName pr and nobody pr"] {
        assert_eq!(refused(ask("filter", wrong)).await, (400, "invalidFilter".to_owned()), "{wrong}");
    }
    // Those without a value come last (RFC 7644 §3.4.2.3).
    let (_, sorted) = answered(ask("sortBy", "userName")).await;
    let resources = sorted["Resources"].as_array().unwrap();
    assert_eq!(sorted["totalResults"], all);
    let users = resources.iter().take_while(|one| one.get("userName").is_some()).count();
    assert_eq!(users, accounts.len().min(resources.len()));
    assert_eq!(refused(ask("sortBy", "nobody")).await.0, 400);
    place.stop().await;
}

/// S12: each is refused as `invalidFilter`, at once, and changes nothing.
#[tokio::test]
async fn s12_hostile_filters_are_refused_at_once() {
    let place = Place::start().await;
    let deep = format!("{}userName pr{}", "(".repeat(1_500), ")".repeat(1_500));
    for filter in [
        "userName eq \"a\" or 1=1",
        "userName eq \"a'; DROP TABLE account_versions; --",
        "userName eq \"a\\u0022 or id pr",
        "userName co \"\"",
        "nothing eq \"a\"",
        "password pr",
        "password eq \"a\"",
        &deep,
    ] {
        let address = format!("/scim/v2/prod/Users?filter={}", encoded(filter));
        let begun = Instant::now();
        let request = place.request(Method::GET, &address, Some(place.admin()));
        assert_eq!(refused(request).await, (400, "invalidFilter".to_owned()), "{filter}");
        assert!(begun.elapsed() < Duration::from_secs(2), "{filter}");
    }
    let empty = format!("/scim/v2/prod/Users?filter={}", encoded("userName co \"\""));
    let said =
        place.request(Method::GET, &empty, Some(place.admin())).send().await.unwrap().text().await.unwrap();
    assert!(said.contains("an empty value"), "{said}");
    let quoted = encoded("userName eq \"' OR 1=1 --\"");
    assert_eq!(users(&place, &format!("filter={quoted}")).await["totalResults"], 0);
    for sort in ["password", "nothing"] {
        let address = format!("/scim/v2/prod/Users?sortBy={sort}");
        let request = place.request(Method::GET, &address, Some(place.admin()));
        assert_eq!(refused(request).await, (400, "invalidFilter".to_owned()));
    }
    let search = || place.request(Method::POST, "/scim/v2/prod/Users/.search", Some(place.admin()));
    let wrong = search().header("content-type", "text/plain").body("{}");
    assert_eq!(refused(wrong).await, (400, "invalidSyntax".to_owned()));
    let large = search().body(" ".repeat(1024 * 1024 + 1));
    assert_eq!(refused(large).await.0, 413);
    let huge = format!("{}userName pr{}", "(".repeat(10_000), ")".repeat(10_000));
    let body = json!({"schemas": [SEARCH], "filter": huge});
    assert_eq!(refused(search().json(&body)).await, (400, "invalidFilter".to_owned()));
    place.stop().await;
}
