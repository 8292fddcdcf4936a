//! Each quirk as its client sends it. The source of each is in [`QUIRKS`] and repeated here.

use serde_json::json;

use super::*;
use crate::scim::{Cause, Model, Switches, patch, write};

mod reports_to;

fn patched(resource: &Value, operations: Value) -> Result<Value, Cause> {
    let model = Model::new(Switches::default());
    let resource_type = if resource["schemas"][0] == urn::GROUP { &model.group } else { &model.user };
    let body = json!({"schemas": [urn::PATCH_OP], "Operations": operations});
    patch::apply(resource_type, resource.as_object().unwrap(), &body)
        .map(|patched| Value::Object(patched.resource))
        .map_err(|error| error.cause)
}

fn user() -> Value {
    json!({"schemas": [urn::USER], "id": "1", "userName": "ada", "active": true,
        "emails": [{"value": "ada@home.example", "type": "home"}]})
}

fn group() -> Value {
    json!({"schemas": [urn::GROUP], "id": "g", "displayName": "Test SCIMv2",
        "members": [{"value": "u1091"}, {"value": "u1092"}]})
}

/// What shows that a quirk is understood, and what stands close to it and is not.
fn check(quirk: Quirk) {
    match quirk {
        Quirk::CapitalOperation => capital_operation(),
        Quirk::BooleanText => boolean_texts(),
        Quirk::MemberList => member_list(),
        Quirk::QualifiedName => qualified_names(),
        Quirk::MissingElement => missing_elements(),
        Quirk::OwnId => own_id(),
        Quirk::ManagerText => reports_to::text(),
        Quirk::ManagerList => reports_to::list(),
        Quirk::ManagerName => reports_to::name(),
        Quirk::ManagerFilter => reports_to::filter(),
        Quirk::ElementSuffix => element_suffixes(),
        Quirk::EmptyRoles => empty_roles(),
        Quirk::MicrosoftGroup => microsoft_group(),
        Quirk::AbsentExternalId => absent_external_id(),
    }
}

#[test]
fn every_quirk_is_understood_and_no_more_than_that() {
    for (quirk, what, source) in QUIRKS {
        assert!(!what.is_empty() && source.contains(".com/"), "{quirk:?} has a source");
        assert_eq!(QUIRKS.iter().filter(|(other, ..)| other == quirk).count(), 1, "{quirk:?}");
        check(*quirk);
    }
}

/// Microsoft, "Known issues … SCIM 2.0 protocol compliance", "Requests made to disable users: without feature flag" and
/// "… to add a single-value string attribute".
fn capital_operation() {
    let after = patched(
        &user(),
        json!([
            {"op": "Add", "path": "nickName", "value": "Babs"},
            {"op": "Replace", "path": "displayName", "value": "Pvlo"},
            {"op": "Remove", "path": "emails"},
        ]),
    );
    let after = after.unwrap();
    assert_eq!(
        (&after["nickName"], &after["displayName"], after.get("emails")),
        (&json!("Babs"), &json!("Pvlo"), None)
    );
    for op in ["ADD", "rEplace", "replace ", "delete"] {
        let operations = json!([{"op": op, "path": "nickName", "value": "x"}]);
        assert_eq!(patched(&user(), operations), Err(Cause::InvalidSyntax), "{op}");
    }
}

/// The same page, "Requests made to disable users"; `"true"`: SimpleIdServer issue 376. In a filter: Microsoft's
/// attribute mappings name `roles[primary eq "True"].value`.
fn boolean_texts() {
    let after = patched(&user(), json!([{"op": "Replace", "path": "active", "value": "False"}])).unwrap();
    assert_eq!(after["active"], false);
    let after =
        patched(&user(), json!([{"op": "Add", "path": "emails[type eq \"home\"].primary", "value": "true"}]))
            .unwrap();
    assert_eq!(after["emails"][0]["primary"], true);
    let after = patched(
        &after,
        json!([{"op": "replace", "path": "emails[primary eq \"True\"].display", "value": "x"}]),
    )
    .unwrap();
    assert_eq!(after["emails"][0]["display"], "x");
    for value in [json!("FALSE"), json!("no"), json!("0"), json!(" false"), json!(0)] {
        let operations = json!([{"op": "replace", "path": "active", "value": value}]);
        assert_eq!(patched(&user(), operations), Err(Cause::InvalidValue), "{value}");
    }
}

/// The same page, "Requests made to remove a group member: without feature flag". That a server which knows only the
/// RFC empties the group then: segmentio/segment-docs pull request 6726.
fn member_list() {
    let after =
        patched(&group(), json!([{"op": "Remove", "path": "members", "value": [{"value": "u1091"}]}]))
            .unwrap();
    assert_eq!(after["members"], json!([{"value": "u1092"}]));
    let after = patched(&group(), json!([{"op": "remove", "path": "members", "value": []}])).unwrap();
    assert_eq!(after, group(), "no member is no member");
    for (path, value) in [("emails", json!([{"value": "ada@home.example"}])), ("nickName", json!("x"))] {
        let operations = json!([{"op": "remove", "path": path, "value": value}]);
        assert_eq!(patched(&user(), operations), Err(Cause::InvalidValue), "{path}");
    }
    let text = json!([{"op": "remove", "path": "members", "value": ["u1091"]}]);
    assert_eq!(patched(&group(), text), Err(Cause::InvalidValue));
}

/// The same page, "Requests to replace multiple attributes: with feature flag".
fn qualified_names() {
    let after = patched(
        &user(),
        json!([{"op": "replace", "value": {
            "displayName": "Bjfe",
            "name.givenName": "Kkom",
            "name.familyName": "Unua",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber": "Aklq",
        }}]),
    );
    let after = after.unwrap();
    assert_eq!(after["name"], json!({"givenName": "Kkom", "familyName": "Unua"}));
    assert_eq!(after[urn::ENTERPRISE_USER], json!({"employeeNumber": "Aklq"}));
    for name in
        ["name.given.name", "name.", "emails[type eq \"home\"].value", "urn:ietf:params:scim:nothing:x"]
    {
        let operations = json!([{"op": "replace", "value": {name: "x"}}]);
        assert_eq!(patched(&user(), operations), Err(Cause::InvalidSyntax), "{name}");
    }
}

/// thomaspoignant/scim-patch issue 176 ("when using Azure AD …"), wireapp/wire-server pull request 5419.
fn missing_elements() {
    let after = patched(
        &user(),
        json!([
            {"op": "Add", "path": "addresses[type eq \"work\"].formatted", "value": "123 fake st."},
            {"op": "Add", "path": "addresses[type eq \"work\"].locality", "value": "Town"},
            {"op": "Add", "path": "emails[type eq \"work\"].value", "value": "ada@work.example"},
        ]),
    );
    let after = after.unwrap();
    assert_eq!(
        after["addresses"],
        json!([{"type": "work", "formatted": "123 fake st.", "locality": "Town"}])
    );
    assert_eq!(after["emails"][1], json!({"type": "work", "value": "ada@work.example"}));
    for (op, path) in [
        ("replace", "emails[type eq \"work\"].value"),
        ("add", "emails[type ne \"home\"].value"),
        ("add", "emails[type eq \"work\" and type eq \"other\"].value"),
        ("add", "emails[type eq \"work\" or type eq \"other\"].value"),
        ("add", "phoneNumbers.value"),
    ] {
        let operations = json!([{"op": op, "path": path, "value": "x"}]);
        assert_eq!(patched(&user(), operations), Err(Cause::NoTarget), "{op} {path}");
    }
}

/// Okta, "SCIM 2.0 protocol reference", "Update a specific Group name".
fn own_id() {
    let operations = json!([{"op": "replace", "value": {"id": "g", "displayName": "Test SCIMv2"}}]);
    assert_eq!(patched(&group(), operations), Ok(group()));
    let other = json!([{"op": "replace", "value": {"id": "h", "displayName": "Test SCIMv2"}}]);
    assert_eq!(patched(&group(), other), Err(Cause::Mutability));
    let with_path = json!([{"op": "replace", "path": "id", "value": "g"}]);
    assert_eq!(patched(&group(), with_path), Err(Cause::Mutability));
}

/// Microsoft, "Tutorial: Develop … a SCIM endpoint", "/Users": `emails[type eq "work"].value eq "user@contoso.com"`.
fn element_suffixes() {
    let model = Model::new(Switches::default());
    let mut ada = user();
    ada["emails"] = json!([{"type": "work", "value": "user@contoso.com"}, {"type": "home", "value": "x"}]);
    for (text, expected) in [
        (r#"emails[type eq "work"].value eq "user@contoso.com""#, true),
        (r#"emails[type eq "home"].value eq "user@contoso.com""#, false),
    ] {
        let filter = Filter::parse(&model.user, text).unwrap();
        assert_eq!(filter.matches(ada.as_object().unwrap()), expected, "{text}");
    }
    for text in [r#"emails[type eq "work"].value sw "user""#, r#"emails[type eq "work"].value pr"#] {
        assert_eq!(Filter::parse(&model.user, text).unwrap_err().cause, Cause::InvalidFilter, "{text}");
    }
}

/// The same page, "Create User".
fn empty_roles() {
    let model = Model::new(Switches::default());
    let body = |roles: Value| {
        json!({
            "schemas": [urn::USER, urn::ENTERPRISE_USER],
            "externalId": "0a21f0f2",
            "userName": "Test_User",
            "active": true,
            "emails": [{"primary": true, "type": "work", "value": "Test_User@testuser.com"}],
            "meta": {"resourceType": "User"},
            "name": {"formatted": "givenName familyName", "familyName": "familyName", "givenName": "givenName"},
            "roles": roles,
        })
    };
    let written = write::create(&model.user, &body(json!([]))).unwrap().resource;
    assert_eq!(written.get("roles"), None);
    assert_eq!(written["schemas"], json!([urn::USER]), "there is nothing of the other schema");
    let error = write::create(&model.user, &body(json!([{"value": "admin"}]))).unwrap_err();
    assert_eq!(error.cause, Cause::InvalidSyntax);
}

/// The same page, "Create Group".
fn microsoft_group() {
    let model = Model::new(Switches::default());
    let body = |schema: &str| json!({"schemas": [urn::GROUP, schema], "displayName": "g", "meta": {"resourceType": "Group"}});
    let microsoft = body("http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group");
    assert_eq!(write::create(&model.group, &microsoft).unwrap().resource["schemas"], json!([urn::GROUP]));
    let other = body("http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/User");
    assert_eq!(write::create(&model.group, &other).unwrap_err().cause, Cause::InvalidSyntax);
}

/// Okta, "SCIM 2.0 protocol reference", "Update a specific user (PUT)": the body has no externalId, and the one that
/// made the user had.
fn absent_external_id() {
    let model = Model::new(Switches::default());
    let mut before = user();
    before["externalId"] = json!("00ujl29u0le5T6Aj10h7");
    let put = |external_id: Option<Value>| {
        let mut body = json!({
            "schemas": [urn::USER], "id": "1", "userName": "ada",
            "name": {"givenName": "Another", "middleName": "", "familyName": "User"},
            "emails": [{"primary": true, "value": "another.user@example.com", "type": "work",
                "display": "another.user@example.com"}],
            "active": true, "groups": [], "meta": {"resourceType": "User"},
        });
        if let Some(external_id) = external_id {
            body["externalId"] = external_id;
        }
        let written = write::replace(&model.user, &body, before.as_object().unwrap()).unwrap();
        written.resource.get("externalId").cloned()
    };
    assert_eq!(put(None), Some(json!("00ujl29u0le5T6Aj10h7")));
    assert_eq!(put(Some(json!(null))), None, "null is said, and takes it away");
    assert_eq!(put(Some(json!("00u2"))), Some(json!("00u2")));
}

/// What Okta and Entra send by the RFC: Okta, "SCIM 2.0 protocol reference", "Update a specific User (PATCH)" and
/// "Update specific Group membership"; Microsoft, "Update Group [Add Members]".
#[test]
fn what_clients_send_by_the_rfc() {
    let after = patched(&user(), json!([{"op": "replace", "value": {"active": false}}])).unwrap();
    assert_eq!(after["active"], false);
    let after = patched(
        &group(),
        json!([
            {"op": "remove", "path": "members[value eq \"u1091\"]"},
            {"op": "add", "path": "members", "value": [{"value": "u1093", "display": "test.user@okta.local"}]},
        ]),
    );
    assert_eq!(after.unwrap()["members"], json!([{"value": "u1092"}, {"value": "u1093"}]));
    let after = patched(
        &group(),
        json!([{"op": "Add", "path": "members", "value": [{"$ref": null, "value": "u1094"}]}]),
    );
    assert_eq!(after.unwrap()["members"][2], json!({"value": "u1094"}));
}
