use serde_json::json;

use super::*;
use crate::scim::{Model, Switches, body, limits, urn};

fn model() -> Model {
    Model::new(Switches::default())
}

fn with(extra: Value) -> Value {
    let mut body = json!({"schemas": [urn::USER], "userName": "ada"});
    body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    body
}

fn created(extra: Value) -> Value {
    let body = with(extra);
    Value::Object(create(&model().user, &body).unwrap_or_else(|error| panic!("{body}: {error}")).resource)
}

fn cause(extra: Value) -> Cause {
    let body = with(extra);
    create(&model().user, &body).expect_err(&body.to_string()).cause
}

/// S10: what is forged is ignored where the RFC says so (RFC 7644 §3.3: readOnly attributes), else refused.
#[test]
fn s10_forged_attributes() {
    let plain = json!({"schemas": [urn::USER], "userName": "ada"});
    for forged in [
        json!({"id": "AIDABOB"}),
        json!({"id": 1}),
        json!({"ID": "admin"}),
        json!({"meta": {"resourceType": "Group", "version": "W/\"9\"", "location": "https://evil.example/"}}),
        json!({"meta": "x"}),
        json!({"groups": [{"value": "AGPAADMIN"}]}),
        json!({"entitlements": [{"value": "arn:aws:iam::aws:policy/AdministratorAccess"}]}),
        json!({"nickName": null, "emails": [], "name": {}}),
    ] {
        assert_eq!(created(forged.clone()), plain, "{forged}");
    }
    for (forged, expected) in [
        (json!({"schemas": []}), Cause::InvalidSyntax),
        (json!({"schemas": null}), Cause::InvalidSyntax),
        (json!({"schemas": "urn:ietf:params:scim:schemas:core:2.0:User"}), Cause::InvalidSyntax),
        (json!({"schemas": [1]}), Cause::InvalidSyntax),
        (json!({"schemas": [urn::GROUP]}), Cause::InvalidSyntax),
        (json!({"schemas": [urn::AWS_USER]}), Cause::InvalidSyntax),
        (
            json!({"schemas": [urn::USER, "urn:ietf:params:scim:schemas:extension:internal:2.0:User"]}),
            Cause::InvalidSyntax,
        ),
        (
            json!({"urn:ietf:params:scim:schemas:extension:internal:2.0:User": {"admin": true}}),
            Cause::InvalidSyntax,
        ),
        (json!({urn::AWS_USER: {"path": "/x/"}}), Cause::InvalidSyntax),
        (json!({"roles": [{"value": "admin"}]}), Cause::InvalidSyntax),
        (json!({"is_admin": true}), Cause::InvalidSyntax),
        (json!({"system_id": "other"}), Cause::InvalidSyntax),
        (json!({"password": "chosen"}), Cause::InvalidSyntax),
        (json!({"userName.x": "a"}), Cause::InvalidSyntax),
        (json!({"name": {"fullName": "x"}}), Cause::InvalidSyntax),
    ] {
        assert_eq!(cause(forged.clone()), expected, "{forged}");
    }
}

/// S10: an external id is a client's own word, whatever it looks like.
#[test]
fn s10_external_ids_are_opaque_texts() {
    for id in ["1", "admin", "../1", "AIDAADA", "👩🏽‍💻", "' or 1=1 --", " ", "a\u{202e}b", "\n"] {
        let resource = created(json!({"externalId": id}));
        assert_eq!(resource["externalId"], id);
        assert_eq!(resource.get("id"), None);
    }
    for id in [
        json!(1),
        json!(1.5),
        json!(true),
        json!(["1"]),
        json!({"value": "1"}),
        json!("a\u{0}"),
        json!("x".repeat(4_097)),
    ] {
        assert_eq!(cause(json!({"externalId": id})), Cause::InvalidValue, "{id}");
    }
}

/// S10: types and sizes.
#[test]
fn s10_wrong_types_and_sizes() {
    for (attribute, value) in [
        ("userName", json!(1)),
        ("userName", json!("")),
        ("userName", json!("../1")),
        ("userName", json!("👩")),
        ("userName", json!("ada\u{0}")),
        ("userName", json!("a".repeat(65))),
        ("userName", json!(null)),
        ("userName", json!(["ada"])),
        ("active", json!("yes")),
        ("active", json!(1)),
        ("emails", json!({"value": "x"})),
        ("emails", json!(["x"])),
        ("emails", json!([{"value": 1}])),
        ("emails", json!([{}])),
        ("name", json!("Ada")),
        ("name", json!(["Ada"])),
        ("displayName", json!({"x": 1})),
        ("displayName", json!("x".repeat(1_000_000))),
        ("emails", json!([{"value": "a", "primary": true}, {"value": "b", "primary": true}])),
        ("emails", json!((0..101).map(|n| json!({"value": format!("{n}@x")})).collect::<Vec<_>>())),
    ] {
        assert_eq!(cause(json!({attribute: value})), Cause::InvalidValue, "{attribute}");
    }
    let large = format!(r#"{{"schemas":["{}"],"userName":"{}"}}"#, urn::USER, "x".repeat(limits::BODY_BYTES));
    assert_eq!(body::parse(large.as_bytes()).unwrap_err().cause, Cause::TooLarge);
    for body in [json!(null), json!([]), json!("x"), json!(1)] {
        assert_eq!(create(&model().user, &body).unwrap_err().cause, Cause::InvalidSyntax);
    }
    let nameless = json!({"schemas": [urn::USER], "displayName": "Ada"});
    assert_eq!(
        create(&model().user, &nameless).unwrap_err().cause,
        Cause::InvalidValue,
        "userName is required"
    );
}

#[test]
fn names_are_read_in_whatever_case_and_kept_in_the_models() {
    let body = json!({
        "SCHEMAS": [urn::USER.to_uppercase(), urn::AWS_USER.to_lowercase()],
        "USERNAME": "Ada",
        "Name": {"FAMILYNAME": "Lovelace"},
        "eMails": [{"VALUE": "a@x", "Primary": "True"}],
        urn::AWS_USER.to_uppercase(): {"PATH": "/staff/", "Tags": [{"Key": "team", "Value": "red"}], "arn": "forged"},
    });
    let resource = Value::Object(create(&model().user, &body).unwrap().resource);
    let expected = json!({
        "schemas": [urn::USER, urn::AWS_USER],
        "userName": "Ada",
        "name": {"familyName": "Lovelace"},
        "emails": [{"value": "a@x", "primary": true}],
        urn::AWS_USER: {"path": "/staff/", "tags": [{"key": "team", "value": "red"}]},
    });
    assert_eq!(resource, expected);
}

#[test]
fn a_refusal_holds_no_value_that_was_sent() {
    for extra in [
        json!({"active": "canary"}),
        json!({"emails": "canary"}),
        json!({"password": "canary"}),
        json!({"emails": [{"value": "canary", "primary": true}, {"value": "canary2", "primary": true}]}),
    ] {
        let error = create(&model().user, &with(extra)).unwrap_err();
        assert!(!error.to_string().contains("canary"), "{error}");
    }
}

#[test]
fn a_password_that_is_switched_on_is_taken_out() {
    let on = Model::new(Switches { password: true, entitlements: false });
    let written = create(&on.user, &with(json!({"password": "s3cret"}))).unwrap();
    assert_eq!(written.password.as_ref().map(Secret::expose), Some("s3cret"));
    assert!(!format!("{written:?}").contains("s3cret"));
    assert_eq!(create(&on.user, &with(json!({"password": ""}))).unwrap_err().cause, Cause::InvalidValue);
}

fn current() -> Value {
    json!({
        "schemas": [urn::USER, urn::ENTERPRISE_USER, urn::AWS_USER],
        "id": "AIDAADA",
        "externalId": "ext",
        "userName": "ada",
        "active": true,
        "displayName": "Ada",
        "groups": [{"value": "AGPA1", "display": "staff"}],
        "entitlements": [{"value": "arn:aws:iam::aws:policy/ReadOnlyAccess", "display": "ReadOnlyAccess"}],
        "meta": {"resourceType": "User"},
        urn::ENTERPRISE_USER: {"department": "Engines"},
        urn::AWS_USER: {"path": "/staff/", "arn": "arn:aws:iam::1:user/ada", "tags": [{"key": "team", "value": "red"}]},
    })
}

fn replaced(switches: Switches, extra: Value) -> Value {
    let model = Model::new(switches);
    Value::Object(replace(&model.user, &with(extra), current().as_object().unwrap()).unwrap().resource)
}

/// RFC 7644 §3.5.1: "readWrite, writeOnly: any values provided SHALL replace … readOnly: any values provided SHALL be
/// ignored"; what is left out may be taken away.
#[test]
fn put_replaces_what_clients_write_and_nothing_else() {
    let on = Switches { password: false, entitlements: true };
    for switches in [Switches::default(), on] {
        let mut expected = current();
        expected.as_object_mut().unwrap().remove("displayName");
        let bare = json!({"id": "AIDABOB", "groups": [], "meta": {}});
        assert_eq!(replaced(switches, bare), expected, "{switches:?}");
    }
    let named = replaced(
        on,
        json!({
            "schemas": [urn::USER, urn::AWS_USER],
            "active": false,
            "entitlements": [],
            urn::AWS_USER: {"arn": "forged"},
        }),
    );
    assert_eq!(named["active"], false);
    assert_eq!(named.get("entitlements"), None, "an empty list is meant");
    assert_eq!(
        named[urn::AWS_USER],
        json!({"arn": "arn:aws:iam::1:user/ada"}),
        "a named extension is replaced"
    );
    assert_eq!(named[urn::ENTERPRISE_USER], json!({"department": "Engines"}), "one that is not named stays");
}

#[test]
fn put_of_a_group() {
    let model = model();
    let before = json!({
        "schemas": [urn::GROUP], "id": "g", "displayName": "staff",
        "members": [{"value": "a", "display": "ada", "$ref": "https://x/a"}, {"value": "b", "display": "bob"}],
    });
    let put = |body: Value| {
        replace(&model.group, &body, before.as_object().unwrap()).map(|w| Value::Object(w.resource))
    };
    let same = json!({"schemas": [urn::GROUP], "displayName": "staff", "members": [{"value": "b"}, {"value": "a", "display": "x"}]});
    assert_eq!(put(same).unwrap(), before, "the same members in another order are no change");
    assert_eq!(
        put(json!({"schemas": [urn::GROUP], "displayName": "staff"})).unwrap(),
        before,
        "left out is not emptied"
    );
    let emptied = put(json!({"schemas": [urn::GROUP], "displayName": "staff", "members": []})).unwrap();
    assert_eq!(emptied.get("members"), None);
    let renamed = put(json!({"schemas": [urn::GROUP], "displayName": "admins"}));
    assert_eq!(renamed.unwrap_err().cause, Cause::Mutability);
}
