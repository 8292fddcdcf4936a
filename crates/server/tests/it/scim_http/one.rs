//! One resource, and its version.

use keyreeve_model::{AssignmentKind, Inventory};
use reqwest::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH};
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::place::{Place, system};

const AWS_USER: &str = "urn:keyreeve:params:scim:schemas:extension:aws:2.0:User";

#[tokio::test]
async fn a_user_is_what_the_store_knows_of_the_account() {
    let place = Place::start().await;
    let Inventory { accounts, assignments, .. } =
        place.store.current_inventory(&system("prod")).await.unwrap();
    for account in &accounts {
        let address = format!("/scim/v2/prod/Users/{}", account.external_id);
        let user = place.get(&address).await;
        assert_eq!(user["id"], account.external_id.as_str());
        assert_eq!(user["userName"], account.name);
        assert_eq!(user["meta"]["location"], format!("{}{address}", place.url));
        assert_eq!(user["meta"]["created"], account.created_at.to_string());
        assert_eq!(user["meta"]["lastModified"], account.created_at.to_string());
        let aws = &user[AWS_USER];
        assert_eq!((&aws["path"], &aws["arn"]), (&json!(account.path), &json!(account.arn)));
        let tags = account.tags.iter().flatten().map(|(key, value)| json!({"key": key, "value": value}));
        let tags: Vec<_> = tags.collect();
        assert_eq!(aws["tags"].as_array().cloned().unwrap_or_default(), tags);
        for (name, kind) in
            [("groups", AssignmentKind::AccountGroup), ("entitlements", AssignmentKind::AccountPolicy)]
        {
            let mut held: Vec<String> = assignments
                .iter()
                .filter(|one| one.kind == kind && one.subject_external_id == account.external_id)
                .map(|one| one.resource_name.clone())
                .collect();
            held.sort();
            let shown = user[name].as_array().cloned().unwrap_or_default();
            let mut shown: Vec<String> =
                shown.iter().map(|one| one["display"].as_str().unwrap().to_owned()).collect();
            shown.sort();
            assert_eq!(shown, held, "{} {name}", account.name);
        }
    }
    place.stop().await;
}

#[tokio::test]
async fn a_version_that_the_client_has_is_not_sent_again() {
    let place = Place::start().await;
    for kind in ["Users", "Groups", "Policies"] {
        let list = place.get(&format!("/scim/v2/prod/{kind}?count=1")).await;
        let listed = &list["Resources"][0];
        let address = format!("/scim/v2/prod/{kind}/{}", listed["id"].as_str().unwrap());
        let get = || place.request(Method::GET, &address, Some(place.admin()));
        let answer = get().send().await.unwrap();
        let tag = answer.headers()[ETAG].to_str().unwrap().to_owned();
        assert_eq!(answer.headers()[CACHE_CONTROL], "no-store");
        assert_eq!(listed["meta"]["version"], tag);
        assert!(tag.starts_with("W/\""), "{tag}");
        for (header, status) in [
            (tag.clone(), StatusCode::NOT_MODIFIED),
            (format!("\"x\", {tag}"), StatusCode::NOT_MODIFIED),
            ("*".to_owned(), StatusCode::NOT_MODIFIED),
            ("W/\"other\"".to_owned(), StatusCode::OK),
        ] {
            let answer = get().header(IF_NONE_MATCH, &header).send().await.unwrap();
            assert_eq!(answer.status(), status, "{header}");
            assert_eq!(answer.headers()[ETAG], tag);
        }
        // Another page of the same resource has the same version.
        let part = place.request(Method::GET, &format!("{address}?attributes=id"), Some(place.admin()));
        assert_eq!(part.send().await.unwrap().headers()[ETAG], tag);
    }
    place.stop().await;
}

/// What was said of a user in one system is nothing of another one's, even under the same id.
#[tokio::test]
async fn what_is_said_in_one_system_is_not_shown_in_another() {
    let place = Place::start().await;
    let users = place.get("/scim/v2/prod/Users?count=1").await;
    let there = &users["Resources"][0];
    let said = keyreeve_store::ScimSaid {
        resource: Some(keyreeve_model::ExternalId::new(there["id"].as_str().unwrap()).unwrap()),
        resource_type: "User".to_owned(),
        changes: serde_json::Map::from_iter([("displayName".to_owned(), "of the other".into())]),
        external_id: Some(Some("7".to_owned())),
        becomes: keyreeve_store::ScimBecomes::Made,
    };
    let (test, client) = (crate::place::system("test"), "admin-");
    place.store.keep_scim(&test, client, &said, place.clock.now()).await.unwrap();
    let address = format!("/scim/v2/prod/Users/{}", there["id"].as_str().unwrap());
    assert_eq!(place.get(&address).await, *there);
    let called = "/scim/v2/prod/Users?filter=externalId%20eq%20%227%22";
    assert_eq!(place.get(called).await["totalResults"], 0);
    place.stop().await;
}
