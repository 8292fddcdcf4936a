//! What Microsoft Entra ID and Okta ask for, in the form in which their own pages print it:
//! learn.microsoft.com/entra/identity/app-provisioning/use-scim-to-provision-users-and-groups and
//! developer.okta.com/docs/api/openapi/okta-scim/guides/scim-20.

use keyreeve_model::Role;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::users::{USER, USERS, at, created, patch};
use super::{answered, encoded};
use crate::place::Place;

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const GROUPS: &str = "/scim/v2/prod/Groups";

/// One provider, with a token of its own.
struct Provider {
    place: Place,
    token: String,
}

impl Provider {
    async fn called(name: &str) -> Self {
        let place = Place::start().await;
        let token = place.token_of(name, Role::Operator, &["prod"]).await;
        Self { place, token }
    }

    async fn get(&self, address: &str) -> Value {
        let (status, body) = answered(self.place.request(Method::GET, address, Some(&self.token))).await;
        assert_eq!(status, StatusCode::OK, "{address}: {body}");
        body
    }

    /// The ids that a filter finds, with what else the query says.
    async fn found(&self, list: &str, filter: &str, besides: &str) -> Vec<Value> {
        let list = self.get(&format!("{list}?filter={}{besides}", encoded(filter))).await;
        list["Resources"].as_array().unwrap().iter().map(|one| one["id"].clone()).collect()
    }
}

#[tokio::test]
async fn entra_finds_users_by_each_of_its_filters_and_keeps_their_manager() {
    let entra = Provider::called("entra").await;
    let (place, token) = (&entra.place, &entra.token);
    // "Create User", with the manager of "Design your user and group schema".
    let body = json!({
        "schemas": [USER, ENTERPRISE], "externalId": "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef",
        "userName": "Test_User_00aa00aa", "active": true,
        "emails": [{"primary": true, "type": "work", "value": "Test_User_11bb11bb@testuser.com"}],
        "meta": {"resourceType": "User"},
        "name": {"formatted": "givenName familyName", "familyName": "familyName", "givenName": "givenName"},
        "roles": [], ENTERPRISE: {"manager": "123456"},
    });
    let made = created(place, token, &body).await;
    assert_eq!(made[ENTERPRISE]["manager"], json!({"value": "123456"}));
    let id = made["id"].as_str().unwrap();
    for filter in [
        "userName eq \"Test_User_00aa00aa\"".to_owned(),
        "USERNAME Eq \"test_user_00AA00AA\"".to_owned(),
        "externalId eq \"0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef\"".to_owned(),
        "ExternalID eq \"0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef\"".to_owned(),
        "emails[type eq \"work\"].value eq \"Test_User_11bb11bb@testuser.com\"".to_owned(),
        "Emails[Type eq \"work\"].Value eq \"test_user_11bb11bb@TESTUSER.com\"".to_owned(),
        format!("ID eq \"{id}\" and manager eq \"123456\""),
        format!("{ENTERPRISE}:manager eq \"123456\" and id eq \"{id}\""),
    ] {
        assert_eq!(entra.found(USERS, &filter, "&attributes=id").await, [json!(id)], "{filter}");
    }
    for filter in [
        "userName eq \"non-existent user\"".to_owned(),
        "externalId eq \"0A21F0F2-8d2a-4f8e-bf98-7363c4aed4ef\"".to_owned(),
        "emails[type eq \"home\"].value eq \"Test_User_11bb11bb@testuser.com\"".to_owned(),
        format!("id eq \"{id}\" and manager eq \"654321\""),
    ] {
        assert_eq!(entra.found(USERS, &filter, "").await, Vec::<Value>::new(), "{filter}");
    }
    // Each form of another manager.
    let reference = json!({"$ref": "http://.../scim/Users/b", "value": "b"});
    for (path, value, after) in [
        (format!("{ENTERPRISE}:manager"), json!("a"), json!({"value": "a"})),
        ("manager".to_owned(), json!([reference]), reference.clone()),
        (
            format!("{ENTERPRISE}:manager"),
            json!({"value": "c"}),
            json!({"$ref": reference["$ref"], "value": "c"}),
        ),
    ] {
        let change = json!([{"op": "Add", "path": path, "value": value}]);
        let (status, changed) = answered(patch(place, token, &at(&made), change)).await;
        assert_eq!((status, &changed[ENTERPRISE]["manager"]), (StatusCode::OK, &after), "{changed}");
    }
    place.import("prod").await;
    assert_eq!(entra.get(&at(&made)).await[ENTERPRISE]["manager"]["value"], "c");
    let gone = json!([{"op": "Replace", "path": format!("{ENTERPRISE}:manager"), "value": ""}]);
    let (_, without) = answered(patch(place, token, &at(&made), gone)).await;
    assert_eq!(without.get(ENTERPRISE), None, "{without}");
    entra.place.stop().await;
}

/// "Get Group", "Get Group by displayName"; "Requests to determine whether a reference attribute has a certain value are
/// requests about the members attribute".
#[tokio::test]
async fn entra_reads_groups_without_members_and_asks_for_one_member() {
    let entra = Provider::called("entra").await;
    let list = entra.get(&format!("{GROUPS}?count=100")).await;
    let mut groups = list["Resources"].as_array().unwrap().iter();
    let group = groups.find(|group| group["members"].is_array()).expect("a group with members");
    let (id, name) = (group["id"].as_str().unwrap(), group["displayName"].as_str().unwrap());
    let one = entra.get(&format!("{GROUPS}/{id}?excludedAttributes=members")).await;
    let filter = encoded(&format!("DisplayName eq \"{name}\""));
    let named = entra.get(&format!("{GROUPS}?excludedAttributes=members&filter={filter}")).await;
    assert_eq!(named["totalResults"], 1);
    for shown in [&one, &named["Resources"][0]] {
        assert_eq!((&shown["id"], &shown["displayName"]), (&group["id"], &group["displayName"]));
        assert_eq!(shown.get("members"), None, "{shown}");
    }
    let member = group["members"][0]["value"].as_str().unwrap();
    for (member, expected) in [(member, vec![json!(id)]), ("AIDANOBODY", vec![])] {
        let filter = format!("id eq \"{id}\" and members eq \"{member}\"");
        let found = entra.found(GROUPS, &filter, "&excludedAttributes=members").await;
        assert_eq!(found, expected, "{filter}");
    }
    entra.place.stop().await;
}

/// "Determine if the user already exists", "Create the user", "Update the user profile" (PUT), "Retrieving users".
#[tokio::test]
async fn okta_looks_a_user_up_makes_it_and_puts_its_profile() {
    let okta = Provider::called("okta").await;
    let (place, token) = (&okta.place, &okta.token);
    let lookup = format!("{USERS}?filter=userName%20eq%20%22test.user%40example%22&startIndex=1&count=100");
    let none = okta.get(&lookup).await;
    assert_eq!((&none["Resources"], &none["totalResults"]), (&json!([]), &json!(0)));
    let profile = |given: &str| {
        json!({
            "schemas": [USER], "userName": "test.user@example",
            "name": {"givenName": given, "familyName": "User"},
            "emails": [{"primary": true, "value": "test.user@example.com", "type": "work"}],
            "displayName": "Test User", "locale": "en-US", "groups": [], "active": true,
        })
    };
    let mut body = profile("Test");
    body["externalId"] = json!("00ujl29u0le5T6Aj10h7");
    let made = created(place, token, &body).await;
    let found = okta.get(&lookup).await;
    assert_eq!((&found["Resources"], &found["startIndex"]), (&json!([made]), &json!(1)));
    let mut body = profile("Another");
    body["id"] = made["id"].clone();
    body["meta"] = json!({"resourceType": "User"});
    let put = place.request(Method::PUT, &at(&made), Some(token)).json(&body);
    let (status, put) = answered(put).await;
    assert_eq!((status, &put["name"]["givenName"]), (StatusCode::OK, &json!("Another")), "{put}");
    assert_eq!(put["externalId"], "00ujl29u0le5T6Aj10h7");
    let called = "externalId eq \"00ujl29u0le5T6Aj10h7\"";
    assert_eq!(okta.found(USERS, called, "&startIndex=1&count=100").await, [made["id"].clone()]);
    let page = okta.get(&format!("{USERS}?startIndex=1&count=100")).await;
    for number in ["itemsPerPage", "startIndex", "totalResults"] {
        assert!(page[number].is_u64(), "\"as integers, not as strings\": {number}");
    }
    okta.place.stop().await;
}
