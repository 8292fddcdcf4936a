//! Each difference, and the wishes that it becomes.

use serde_json::json;

use super::*;

/// A change of a resource, and the wishes it becomes.
type Case = (fn(&mut Value), Vec<Value>);

fn object(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

fn ada() -> Value {
    json!({
        "id": "AIDA1", "userName": "ada", "active": true, "externalId": "7", "displayName": "Ada",
        "entitlements": [{"value": "arn:p1"}, {"value": "arn:p2"}],
        "groups": [{"value": "AGPA1", "display": "ops"}],
        urn::AWS_USER: {"path": "/", "arn": "arn:x", "permissionsBoundary": "arn:b",
            "tags": [{"key": "Team", "value": "red"}, {"key": "site", "value": "x"}],
            "loginProfile": {"state": "present"}},
    })
}

/// Wishes, as in a file of wishes.
fn wishes(changes: &Changes) -> Vec<Value> {
    changes.wishes.iter().map(|wish| serde_json::to_value(wish).unwrap()).collect()
}

#[test]
fn each_difference_of_a_user_becomes_its_wishes() {
    let with = |change: fn(&mut Value)| {
        let mut after = ada();
        change(&mut after);
        after
    };
    let aws = "urn:keyreeve:params:scim:schemas:extension:aws:2.0:User";
    assert_eq!(aws, urn::AWS_USER);
    let update = |rest: Value| {
        let mut wish = json!({"task": "update_account", "account": "ada"});
        wish.as_object_mut().unwrap().extend(object(rest));
        wish
    };
    let cases: Vec<Case> = vec![
        (|_| {}, vec![]),
        (|user| user["displayName"] = json!("A"), vec![]),
        (|user| user["externalId"] = json!("8"), vec![]),
        (|user| user["groups"] = json!([]), vec![]),
        (|user| user["id"] = json!("AIDA2"), vec![]),
        (|user| user["userName"] = json!("Ada"), vec![update(json!({"new_name": "Ada"}))]),
        (|user| user[urn::AWS_USER]["path"] = json!("/a/"), vec![update(json!({"new_path": "/a/"}))]),
        (|user| user[urn::AWS_USER]["loginProfile"] = json!({"state": "absent"}), vec![]),
        (|user| user[urn::AWS_USER]["arn"] = json!("arn:y"), vec![]),
        (
            |user| user[urn::AWS_USER]["permissionsBoundary"] = json!("arn:c"),
            vec![update(json!({"boundary": "arn:c"}))],
        ),
        (
            |user| drop(user[urn::AWS_USER].as_object_mut().unwrap().remove("permissionsBoundary")),
            vec![update(json!({"boundary": "none"}))],
        ),
        (
            |user| {
                user[urn::AWS_USER]["tags"] =
                    json!([{"key": "team", "value": "blue"}, {"key": "n", "value": ""}])
            },
            vec![update(json!({"tags": {"team": "blue", "n": ""}, "untag": ["site"]}))],
        ),
        (|user| user["active"] = json!(false), vec![json!({"task": "deactivate_account", "account": "ada"})]),
        (|user| drop(user.as_object_mut().unwrap().remove("active")), vec![]),
        (
            |user| user["entitlements"] = json!([{"value": "arn:p2"}, {"value": "arn:p3"}]),
            vec![
                json!({"task": "add_assignment", "account": "ada", "policy": "arn:p3"}),
                json!({"task": "remove_assignment", "account": "ada", "policy": "arn:p1"}),
            ],
        ),
        (
            |user| {
                user["userName"] = json!("bob");
                user["active"] = json!(false);
            },
            vec![json!({"task": "deactivate_account", "account": "ada"}), update(json!({"new_name": "bob"}))],
        ),
    ];
    for (change, expected) in cases {
        let after = with(change);
        let changes = of_user(&object(ada()), &object(after.clone()), Circumstances::default()).unwrap();
        assert_eq!(wishes(&changes), expected, "{after}");
    }
}

#[test]
fn what_is_given_back_is_what_was_taken() {
    let state = |active: Option<bool>| {
        let mut user = ada();
        match active {
            Some(active) => user["active"] = json!(active),
            None => drop(user.as_object_mut().unwrap().remove("active")),
        }
        object(user)
    };
    for (before, after, switched_off, expected) in [
        (Some(false), Some(true), true, Some("reactivate_account")),
        (Some(false), Some(true), false, Some("reset_password")),
        (None, Some(true), true, Some("reactivate_account")),
        (None, Some(true), false, None),
        (None, Some(false), false, Some("deactivate_account")),
        (Some(false), Some(false), true, None),
        (Some(false), None, true, None),
        (Some(true), Some(true), true, None),
    ] {
        let circumstances = Circumstances { switched_off, ..Circumstances::default() };
        let changes = of_user(&state(before), &state(after), circumstances).unwrap();
        let tasks: Vec<&str> = changes.wishes.iter().map(|wish| wish.kind().as_str()).collect();
        assert_eq!(tasks, expected.into_iter().collect::<Vec<_>>(), "{before:?} {after:?} {switched_off}");
    }
}

#[test]
fn a_password_is_set_by_one_wish_and_never_for_who_is_not_to_be_used() {
    let state = |active: Option<bool>| {
        let mut user = ada();
        user.as_object_mut().unwrap().remove("active");
        user.as_object_mut().unwrap().extend(active.map(|active| ("active".to_owned(), json!(active))));
        object(user)
    };
    let (reset, back) = (Some("reset_password"), Some("reactivate_account"));
    for (before, after, switched_off, expected) in [
        (Some(true), Some(true), false, reset),
        (Some(true), None, false, reset),
        (None, None, false, reset),
        (None, Some(true), false, reset),
        (None, Some(true), true, back),
        (Some(false), Some(true), true, back),
        (Some(false), Some(true), false, reset),
        (Some(true), Some(true), true, reset),
        (Some(true), Some(false), false, None),
        (Some(false), Some(false), true, None),
        (Some(false), None, false, None),
        (None, None, true, None),
    ] {
        let circumstances = Circumstances { switched_off, password: true, ..Circumstances::default() };
        let tasks = of_user(&state(before), &state(after), circumstances)
            .map(|changes| changes.wishes.iter().map(|wish| wish.kind().as_str()).collect::<Vec<_>>());
        match expected {
            Some(task) => assert_eq!(tasks.unwrap(), [task], "{before:?} {after:?} {switched_off}"),
            None => assert_eq!(tasks.unwrap_err().cause, Cause::InvalidValue),
        }
    }
    assert_eq!(creation(&state(Some(false)), true).unwrap_err().cause, Cause::InvalidValue);
    assert_eq!(creation(&state(Some(true)), true).unwrap().wishes.len(), 1);
}

#[test]
fn what_aws_has_no_place_for_is_kept_and_nothing_else() {
    let mut after = ada();
    after["emails"] = json!([{"value": "a@x"}]);
    after[urn::ENTERPRISE_USER] = json!({"department": "R"});
    let changes = of_user(&object(ada()), &object(after), Circumstances::default()).unwrap();
    let kept = json!({"emails": [{"value": "a@x"}], urn::ENTERPRISE_USER: {"department": "R"}});
    assert_eq!((changes.kept, changes.external_id), (object(kept), None));
    let mut after = object(ada());
    after.remove("displayName");
    after.remove("externalId");
    let changes = of_user(&object(ada()), &after, Circumstances::default()).unwrap();
    assert_eq!((changes.kept, changes.external_id), (object(json!({"displayName": null})), Some(None)));
    let changes = creation(&object(ada()), false).unwrap();
    assert_eq!((&changes.kept["displayName"], changes.new_name()), (&json!("Ada"), Some("7")));
}

#[test]
fn a_new_user_becomes_one_wish_and_a_second_if_it_is_not_to_be_used() {
    let mut new = json!({
        "userName": "bob", "active": true, "name": {"givenName": "Bob", "familyName": "B"},
        "emails": [{"value": "x@x"}, {"value": "b@x", "primary": true}],
        urn::AWS_USER: {"path": "/a/", "tags": [{"key": "t", "value": "v"}]},
    });
    let created = json!({
        "task": "create_account", "name": "bob", "path": "/a/", "tags": {"t": "v"},
        "attributes": {"first": "Bob", "last": "B", "email": "b@x"},
    });
    assert_eq!(wishes(&creation(&object(new.clone()), false).unwrap()), std::slice::from_ref(&created));
    new["active"] = json!(false);
    let off = json!({"task": "deactivate_account", "account": "bob"});
    assert_eq!(wishes(&creation(&object(new), false).unwrap()), [created, off]);
}

#[test]
fn members_come_and_go_by_name() {
    let group = |members: &[&str]| {
        let members: Vec<Value> = members.iter().map(|id| json!({"value": id})).collect();
        object(json!({"id": "AGPA1", "displayName": "ops", "members": members}))
    };
    let names = [("1", "ada"), ("2", "bob"), ("3", "eve")];
    let names: BTreeMap<_, _> = names.map(|(id, name)| (id.to_owned(), name.to_owned())).into();
    let (before, after) = (group(&["1", "2", "gone"]), group(&["2", "3"]));
    let changes = of_group(&before, &after, &names).unwrap();
    let expected = [
        json!({"task": "add_assignment", "account": "eve", "group": "ops"}),
        json!({"task": "remove_assignment", "account": "ada", "group": "ops"}),
    ];
    assert_eq!(wishes(&changes), expected);
    assert_eq!(members_changed(&before, &after), ["1", "3", "gone"]);
    let unknown = of_group(&before, &group(&["nobody"]), &names).unwrap_err();
    assert_eq!(unknown.cause, Cause::InvalidValue);
}
