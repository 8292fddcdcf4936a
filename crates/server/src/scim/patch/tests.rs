use serde_json::{Value, json};

use super::*;
use crate::scim::{Model, Switches};

mod s11;

fn ada() -> Value {
    json!({
        "schemas": [urn::USER, urn::AWS_USER],
        "id": "AIDAADA",
        "externalId": "ext-1",
        "userName": "ada",
        "name": {"familyName": "Lovelace", "givenName": "Ada"},
        "active": true,
        "emails": [
            {"value": "ada@work.example", "type": "work", "primary": true},
            {"value": "ada@home.example", "type": "home"},
        ],
        "groups": [{"value": "AGPA1", "display": "staff", "type": "direct"}],
        "entitlements": [{"value": "arn:aws:iam::aws:policy/ReadOnlyAccess", "display": "ReadOnlyAccess", "type": "policy"}],
        "meta": {"resourceType": "User", "version": "W/\"1\""},
        urn::AWS_USER: {"path": "/staff/", "arn": "arn:aws:iam::111122223333:user/staff/ada",
            "tags": [{"key": "team", "value": "red"}, {"key": "aws:made-by", "value": "aws"}]},
    })
}

fn staff() -> Value {
    json!({
        "schemas": [urn::GROUP],
        "id": "AGPA1",
        "displayName": "staff",
        "members": [
            {"value": "AIDAADA", "display": "ada", "type": "User", "$ref": "https://x/Users/AIDAADA"},
            {"value": "AIDABOB", "display": "bob", "type": "User", "$ref": "https://x/Users/AIDABOB"},
        ],
    })
}

/// What becomes of a resource, with what is otherwise than before.
fn patch(switches: Switches, resource: &Value, operations: Value) -> Result<Patched, Error> {
    let model = Model::new(switches);
    let resource_type = if resource["displayName"] == "staff" { &model.group } else { &model.user };
    let body = json!({"schemas": [urn::PATCH_OP], "Operations": operations});
    let before = resource.as_object().unwrap();
    let patched = apply(resource_type, before, &body)?;
    assert_eq!(patched.changed, patched.resource != *before || patched.password.is_some());
    Ok(patched)
}

fn done(resource: &Value, operations: Value) -> Value {
    Value::Object(
        patch(Switches::default(), resource, operations.clone())
            .unwrap_or_else(|e| panic!("{operations}: {e}"))
            .resource,
    )
}

fn cause(resource: &Value, operations: Value) -> Cause {
    patch(Switches::default(), resource, operations.clone()).expect_err(&operations.to_string()).cause
}

#[test]
fn what_is_no_patch_is_refused() {
    let model = Model::new(Switches::default());
    let ada = ada();
    for body in [
        json!([]),
        json!({"Operations": [{"op": "remove", "path": "nickName"}]}),
        json!({"schemas": [urn::USER], "Operations": [{"op": "remove", "path": "nickName"}]}),
        json!({"schemas": [urn::PATCH_OP]}),
        json!({"schemas": [urn::PATCH_OP], "Operations": []}),
        json!({"schemas": [urn::PATCH_OP], "Operations": {"op": "remove", "path": "nickName"}}),
        json!({"schemas": [urn::PATCH_OP], "Operations": [{"op": "remove", "path": "nickName"}], "id": "1"}),
    ] {
        let error = apply(&model.user, ada.as_object().unwrap(), &body).expect_err(&body.to_string());
        assert_eq!(error.cause, Cause::InvalidSyntax, "{body}");
    }
    let many = json!(vec![json!({"op": "remove", "path": "nickName"}); 1_001]);
    assert_eq!(cause(&ada, many), Cause::TooLarge);
}

/// RFC 7644 §3.5.2: "if … a failure … the original resource MUST be restored".
#[test]
fn all_operations_or_none() {
    let operations = json!([
        {"op": "replace", "path": "displayName", "value": "A"},
        {"op": "remove", "path": "userName"},
        {"op": "replace", "path": "userName", "value": "b"},
    ]);
    assert_eq!(cause(&ada(), operations), Cause::Mutability);
    let in_order = done(
        &ada(),
        json!([
            {"op": "add", "path": "nickName", "value": "first"},
            {"op": "replace", "path": "nickName", "value": "second"},
            {"op": "remove", "path": "displayName"},
        ]),
    );
    assert_eq!(in_order["nickName"], "second");
}

/// RFC 7644 §3.5.2.1.
#[test]
fn add() {
    let after = done(
        &ada(),
        json!([{"op": "add", "value": {
        "emails": [{"value": "babs@jensen.org", "type": "home"}], "nickname": "Babs"}}]),
    );
    assert_eq!(after["emails"].as_array().unwrap().len(), 3);
    assert_eq!(after["nickName"], "Babs", "in the model's case");
    let after = done(
        &ada(),
        json!([{"op": "add", "path": "name", "value": {"GIVENNAME": "Augusta", "middleName": "King"}}]),
    );
    assert_eq!(
        after["name"],
        json!({"familyName": "Lovelace", "givenName": "Augusta", "middleName": "King"})
    );
    let after = done(
        &ada(),
        json!([{"op": "add", "path": "addresses", "value": {"type": "work", "locality": "London"}}]),
    );
    assert_eq!(after["addresses"], json!([{"type": "work", "locality": "London"}]));
    let after = done(
        &ada(),
        json!([{"op": "add", "path": "emails[type eq \"home\"]", "value": {"display": "at home"}}]),
    );
    assert_eq!(
        after["emails"][1],
        json!({"value": "ada@home.example", "type": "home", "display": "at home"})
    );
}

/// RFC 7644 §3.5.2.2.
#[test]
fn remove() {
    let after =
        done(&ada(), json!([{"op": "remove", "path": "emails[type eq \"work\" and value ew \"example\"]"}]));
    assert_eq!(after["emails"], json!([{"value": "ada@home.example", "type": "home"}]));
    let after =
        done(&ada(), json!([{"op": "remove", "path": "emails"}, {"op": "remove", "path": "name.givenName"}]));
    assert_eq!(after.get("emails"), None);
    assert_eq!(after["name"], json!({"familyName": "Lovelace"}));
    let after =
        done(&ada(), json!([{"op": "remove", "path": "emails[value pr]"}, {"op": "remove", "path": "name"}]));
    assert_eq!(
        (after.get("emails"), after.get("name")),
        (None, None),
        "no list and no object of nothing stays"
    );
    let after = done(&ada(), json!([{"op": "remove", "path": "emails[type eq \"work\"].type"}]));
    assert_eq!(after["emails"][0], json!({"value": "ada@work.example", "primary": true}));
}

/// RFC 7644 §3.5.2.3.
#[test]
fn replace() {
    let after =
        done(&ada(), json!([{"op": "replace", "path": "emails", "value": [{"value": "only@one.example"}]}]));
    assert_eq!(after["emails"], json!([{"value": "only@one.example"}]));
    let after = done(
        &ada(),
        json!([{"op": "replace", "path": "emails[type eq \"work\"]", "value": {"value": "new@work.example", "type": "work"}}]),
    );
    assert_eq!(
        after["emails"][0],
        json!({"value": "new@work.example", "type": "work"}),
        "all of the element"
    );
    let after = done(&ada(), json!([{"op": "replace", "path": "emails.display", "value": "Ada"}]));
    assert_eq!(after["emails"][0]["display"], "Ada");
    assert_eq!(after["emails"][1]["display"], "Ada");
    let after = done(&ada(), json!([{"op": "replace", "path": "name", "value": {"givenName": null}}]));
    assert_eq!(after["name"], json!({"familyName": "Lovelace"}), "the rest is left unchanged");
    let after = done(
        &ada(),
        json!([{"op": "replace", "path": "emails", "value": []}, {"op": "replace", "value": {"name": null}}]),
    );
    assert_eq!(
        (after.get("emails"), after.get("name")),
        (None, None),
        "null and [] are no value (RFC 7643 §2.5)"
    );
}

/// RFC 7644 §3.5.2: "… the server SHALL set the value of the existing attribute to "false"".
#[test]
fn one_element_is_the_primary_one() {
    let operations = [
        json!({"op": "replace", "path": "emails[type eq \"home\"].primary", "value": true}),
        json!({"op": "add", "path": "emails", "value": {"value": "third@x", "primary": true}}),
        json!({"op": "add", "path": "emails", "value": {"value": "ada@home.example", "primary": true}}),
    ];
    for operation in operations {
        let after = done(&ada(), json!([operation]));
        let primary: Vec<bool> =
            after["emails"].as_array().unwrap().iter().map(|email| email["primary"] == true).collect();
        assert_eq!(primary.iter().filter(|primary| **primary).count(), 1, "{operation}");
        assert_eq!(after["emails"][0]["primary"], false, "{operation}");
    }
    let two = json!([{"value": "a", "primary": true}, {"value": "b", "primary": true}]);
    for operation in [
        json!({"op": "replace", "path": "emails", "value": two}),
        json!({"op": "add", "path": "emails", "value": two}),
        json!({"op": "replace", "path": "emails.primary", "value": true}),
    ] {
        assert_eq!(cause(&ada(), json!([operation])), Cause::InvalidValue, "{operation}");
    }
}

#[test]
fn members_are_known_by_their_id() {
    let same = [
        json!({"op": "add", "path": "members", "value": [{"value": "AIDABOB"}]}),
        json!({"op": "add", "path": "members", "value": {"value": "AIDABOB", "display": "forged"}}),
        json!({"op": "replace", "path": "members", "value": [{"value": "AIDABOB"}, {"value": "AIDAADA"}]}),
        json!({"op": "remove", "path": "members[value eq \"AIDANOBODY\"]"}),
        json!({"op": "replace", "path": "displayName", "value": "staff"}),
    ];
    for operation in same {
        assert_eq!(done(&staff(), json!([operation])), staff(), "{operation}");
    }
    let after = done(
        &staff(),
        json!([
            {"op": "add", "path": "members", "value": [{"value": "AIDACY", "$ref": null}, {"value": "AIDACY"}]},
            {"op": "remove", "path": "members[value eq \"AIDAADA\"]"},
        ]),
    );
    let ids: Vec<&str> =
        after["members"].as_array().unwrap().iter().map(|m| m["value"].as_str().unwrap()).collect();
    assert_eq!(ids, ["AIDABOB", "AIDACY"]);
    for (operation, expected) in [
        (json!({"op": "add", "path": "members", "value": [{"display": "ada"}]}), Cause::InvalidValue),
        (
            json!({"op": "replace", "path": "members[value eq \"AIDAADA\"].value", "value": "AIDACY"}),
            Cause::Mutability,
        ),
        (json!({"op": "remove", "path": "members.value"}), Cause::Mutability),
        (
            json!({"op": "replace", "path": "members[value eq \"AIDAADA\"].display", "value": "x"}),
            Cause::Mutability,
        ),
        (json!({"op": "replace", "path": "displayName", "value": "admins"}), Cause::Mutability),
        (json!({"op": "remove", "path": "displayName"}), Cause::Mutability),
    ] {
        assert_eq!(cause(&staff(), json!([operation])), expected, "{operation}");
    }
}

#[test]
fn tags_are_known_by_their_key_and_extensions_come_and_go() {
    let path = |rest: &str| format!("{}:{rest}", urn::AWS_USER);
    let after = done(
        &ada(),
        json!([
            {"op": "add", "path": path("tags"), "value": [{"key": "TEAM", "value": "blue"}, {"key": "cost", "value": "1"}]},
        ]),
    );
    let tags = &after[urn::AWS_USER]["tags"];
    assert_eq!(tags[0], json!({"key": "team", "value": "blue"}));
    assert_eq!(tags.as_array().unwrap().len(), 3);
    let after = done(
        &ada(),
        json!([{"op": "replace", "path": path("tags[key eq \"team\"].value"), "value": "green"}]),
    );
    assert_eq!(after[urn::AWS_USER]["tags"][0]["value"], "green");
    let after = done(
        &ada(),
        json!([{"op": "add", "path": format!("{}:department", urn::ENTERPRISE_USER), "value": "R"}]),
    );
    assert_eq!(after["schemas"], json!([urn::USER, urn::ENTERPRISE_USER, urn::AWS_USER]));
    let back =
        done(&after, json!([{"op": "remove", "path": format!("{}:department", urn::ENTERPRISE_USER)}]));
    assert_eq!(back, ada());
    for (rest, value) in [
        ("tags", json!([{"key": "aws:mine", "value": "x"}])),
        ("tags", json!([{"key": "a", "value": "<b>"}])),
        ("path", json!("staff")),
        ("permissionsBoundary", json!("arn:aws:iam::111122223333:role/x")),
    ] {
        let operation = json!({"op": "add", "path": path(rest), "value": value});
        assert_eq!(cause(&ada(), json!([operation])), Cause::InvalidValue, "{operation}");
    }
}

#[test]
fn what_is_switched_on_can_be_written() {
    let on = Switches { password: true, entitlements: true };
    let patched =
        patch(on, &ada(), json!([{"op": "replace", "path": "password", "value": "s3cret"}])).unwrap();
    assert_eq!(patched.password.expect("a password").expose(), "s3cret");
    assert!(patched.changed);
    assert_eq!(Value::Object(patched.resource), ada(), "it is no part of the resource");
    let administrator = "arn:aws:iam::aws:policy/AdministratorAccess";
    let patched = patch(
        on,
        &ada(),
        json!([{"op": "add", "path": "entitlements", "value": [{"value": administrator}]}]),
    )
    .unwrap();
    assert_eq!(patched.resource["entitlements"][1]["value"], administrator);
    for value in ["AdministratorAccess", "arn:aws:iam::aws:role/x", "arn:aws:iam::aws:policy/\n", ""] {
        let operations = json!([{"op": "add", "path": "entitlements", "value": [{"value": value}]}]);
        assert_eq!(patch(on, &ada(), operations).unwrap_err().cause, Cause::InvalidValue, "{value:?}");
    }
}

/// 10,000 members against as many that are there.
#[test]
fn large_groups_are_changed_fast() {
    let members = |from: usize| -> Vec<Value> {
        (from..from + 10_000).map(|n| json!({"value": format!("AIDA{n}")})).collect()
    };
    let mut group = staff();
    group["members"] = json!(members(0));
    let start = std::time::Instant::now();
    let after = done(
        &group,
        json!([
            {"op": "add", "path": "members", "value": members(5_000)},
            {"op": "replace", "path": "members", "value": members(2_500)},
        ]),
    );
    assert_eq!(after["members"].as_array().unwrap().len(), 10_000);
    assert!(start.elapsed().as_secs() < 8, "{:?}", start.elapsed());
}
