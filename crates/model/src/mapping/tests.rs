use super::*;

fn user() -> TaskMapping {
    TaskMapping::default_of(MappingName::User)
}

fn row(property: &str, operator: Operator, source: &str) -> MappingRow {
    MappingRow::new(property.parse().unwrap(), operator, source)
}

fn action(when: ActionTime, task: TaskKind, operation: Operation, rows: Vec<MappingRow>) -> CustomAction {
    CustomAction { when, task, operation, rows }
}

/// The default with some change, refused; gives the words of the refusal.
#[track_caller]
fn refused(name: MappingName, change: impl FnOnce(&mut TaskMapping)) -> String {
    let mut mapping = TaskMapping::default_of(name);
    change(&mut mapping);
    mapping.validate().unwrap_err().to_string()
}

#[test]
fn the_defaults_are_the_reference_behaviour_and_valid() {
    for mapping in TaskMapping::defaults() {
        assert_eq!(mapping.validate(), Ok(()), "{}", mapping.name);
        let json = serde_json::to_string(&mapping).unwrap();
        assert_eq!(serde_json::from_str::<TaskMapping>(&json).unwrap(), mapping);
    }
    let mapping = user();
    assert_eq!(mapping.main[&TaskKind::CreateAccount], Operation::CreateLoginProfile);
    assert_eq!(mapping.main[&TaskKind::DeleteAccount], Operation::DeleteUser);
    let before =
        |task| mapping.actions(task, ActionTime::Before).map(|one| one.operation).collect::<Vec<_>>();
    assert_eq!(before(TaskKind::CreateAccount), [Operation::CreateUser]);
    assert_eq!(before(TaskKind::DeleteAccount), [Operation::DeleteLoginProfile]);
    let reset = TaskMapping::default_of(MappingName::PasswordReset);
    assert_eq!(reset.main[&TaskKind::ResetPassword], Operation::UpdateLoginProfile);
    assert_eq!(reset.rows, [row("password_reset_required", Operator::Constant, "true")]);
}

#[test]
fn the_json_form_is_stable() {
    let mut mapping = user();
    mapping.rows.push(row("user_name", Operator::Expression, "lower(first[0] + last)"));
    mapping.custom_actions.push(action(
        ActionTime::After,
        TaskKind::CreateAccount,
        Operation::AddUserToGroup,
        vec![row("group_name", Operator::Map, "team")],
    ));
    let expected = serde_json::json!({
        "name": "AWS - User",
        "main": {
            "create_account": "CreateLoginProfile",
            "update_account": "UpdateUser",
            "delete_account": "DeleteUser"
        },
        "rows": [
            {"property": "path", "operator": "Constant", "source": "/"},
            {"property": "password_reset_required", "operator": "Constant", "source": "true"},
            {"property": "user_name", "operator": "Expression", "source": "lower(first[0] + last)"}
        ],
        "custom_actions": [
            {"when": "Before", "task": "create_account", "operation": "CreateUser"},
            {"when": "Before", "task": "delete_account", "operation": "DeleteLoginProfile"},
            {"when": "After", "task": "create_account", "operation": "AddUserToGroup",
             "rows": [{"property": "group_name", "operator": "Map", "source": "team"}]}
        ]
    });
    assert_eq!(serde_json::to_value(&mapping).unwrap(), expected);
    assert_eq!(mapping.validate(), Ok(()));
    for bad in [
        r#"{"name": "AWS - User", "main": {}, "approved": true}"#,
        r#"{"name": "aws - user", "main": {}}"#,
        r#"{"name": "AWS - User", "main": {"create_account": "DeleteEverything"}}"#,
        r#"{"name": "AWS - User", "main": {}, "rows": [{"property": "colour", "operator": "Map", "source": "x"}]}"#,
        r#"{"name": "AWS - User", "main": {}, "rows": [{"property": "path", "operator": "map", "source": "x"}]}"#,
        r#"{"name": "AWS - User", "main": {}, "rows": [{"property": "path", "operator": "Map", "source": "x", "if": 1}]}"#,
    ] {
        assert!(serde_json::from_str::<TaskMapping>(bad).is_err(), "{bad}");
    }
}

#[test]
fn the_safe_order_cannot_be_mapped_away() {
    let created = refused(MappingName::User, |mapping| {
        mapping.custom_actions.retain(|action| action.operation != Operation::CreateUser);
    });
    assert!(
        created.contains("CreateUser") && created.contains("no account to give a password to"),
        "{created}"
    );
    let deleted = refused(MappingName::User, |mapping| {
        mapping.custom_actions.retain(|action| action.operation != Operation::DeleteLoginProfile);
    });
    assert!(deleted.contains("DeleteLoginProfile"), "{deleted}");
    let group = vec![row("group_name", Operator::Constant, "ops")];
    let second = refused(MappingName::User, |mapping| {
        let early =
            action(ActionTime::Before, TaskKind::CreateAccount, Operation::AddUserToGroup, group.clone());
        mapping.custom_actions.insert(0, early);
    });
    assert!(second.contains("as the first one"), "{second}");
    let twice = refused(MappingName::User, |mapping| {
        let again = action(ActionTime::Before, TaskKind::CreateAccount, Operation::CreateUser, Vec::new());
        mapping.custom_actions.push(again);
    });
    assert!(twice.contains("once"), "{twice}");
    let main = refused(MappingName::User, |mapping| {
        mapping.main.insert(TaskKind::CreateAccount, Operation::CreateUser);
    });
    assert!(main.contains("CreateLoginProfile"), "{main}");
    assert!(refused(MappingName::User, |mapping| mapping.main.clear()).contains("create_account"));
}

#[test]
fn no_custom_action_makes_an_account_stronger_half_way() {
    use ActionTime::{After, Before};
    use TaskKind::{CreateAccount, DeactivateAccount, DeleteAccount, ResetPassword, UpdateAccount};
    for (may, operation, task, when) in [
        (true, Operation::AddUserToGroup, CreateAccount, Before),
        (true, Operation::AttachUserPolicy, CreateAccount, After),
        (false, Operation::RemoveUserFromGroup, CreateAccount, After),
        (false, Operation::AddUserToGroup, UpdateAccount, Before),
        (true, Operation::AddUserToGroup, UpdateAccount, After),
        (false, Operation::AttachUserPolicy, DeleteAccount, Before),
        (true, Operation::DetachUserPolicy, DeleteAccount, Before),
        (false, Operation::DetachUserPolicy, DeleteAccount, After),
        (false, Operation::TagUser, DeleteAccount, Before),
        (true, Operation::TagUser, ResetPassword, Before),
        (false, Operation::DeleteLoginProfile, ResetPassword, Before),
        (false, Operation::DeleteUser, UpdateAccount, After),
        (false, Operation::TagUser, DeactivateAccount, After),
    ] {
        assert_eq!(operation.may_be_action(task, when), may, "{operation} {when:?} {task:?}");
    }
    let refusal = refused(MappingName::User, |mapping| {
        let rows = vec![row("group_name", Operator::Constant, "admins")];
        mapping.custom_actions.push(action(Before, DeleteAccount, Operation::AddUserToGroup, rows));
    });
    assert!(refusal.contains("AddUserToGroup") && refusal.contains("RemoveUserFromGroup"), "{refusal}");
    let refusal = refused(MappingName::PasswordReset, |mapping| {
        let rows = vec![row("tags.x", Operator::Constant, "y")];
        mapping.custom_actions.push(action(After, DeactivateAccount, Operation::TagUser, rows));
    });
    assert!(refusal.contains("cannot be mapped"), "{refusal}");
}

#[test]
fn rows_are_held_against_what_they_stand_for() {
    use Operator::{Constant, Expression, Map};
    for (property, operator, source, words) in [
        ("path", Constant, "staff", "between two slashes"),
        ("user_name", Constant, "a b", "1 to 64"),
        ("tags.aws:x", Map, "x", "reserved"),
        ("tags.team", Constant, "<b>", "letters, digits"),
        ("tags.Keyreeve:task", Map, "x", "its own work"),
        ("permissions_boundary", Constant, "boundary", "arn:aws:iam"),
        ("password_reset_required", Constant, "false", "Constant true"),
        ("password_reset_required", Expression, "true", "Constant true"),
        ("user_name", Map, "", "empty"),
        ("user_name", Map, "a\nb", "U+000A"),
        ("group_name", Constant, "ops", "has no property group_name"),
    ] {
        let words_given = refused(MappingName::User, |mapping| {
            mapping.rows.retain(|row| row.property.to_string() != property);
            mapping.rows.push(row(property, operator, source));
        });
        assert!(words_given.contains(words), "{property} {source}: {words_given}");
    }
    let twice = refused(MappingName::User, |mapping| mapping.rows.push(row("path", Map, "path")));
    assert!(twice.contains("two rows"), "{twice}");
    let unique = refused(MappingName::User, |mapping| {
        mapping.rows.push(MappingRow { unique: Some(true), ..row("tags.x", Map, "x") });
    });
    assert!(unique.contains("only user_name"), "{unique}");
    let alike = refused(MappingName::User, |mapping| {
        mapping.rows.extend([row("tags.team", Map, "x"), row("tags.Team", Map, "x")]);
    });
    assert!(alike.contains("differs from it only in case"), "{alike}");
    let many = refused(MappingName::User, |mapping| {
        mapping.rows.extend((0..61).map(|number| row(&format!("tags.t{number}"), Map, "x")));
    });
    assert!(many.contains("more than 60"), "{many}");
    let long = refused(MappingName::User, |mapping| {
        mapping.rows.push(row("user_name", Expression, &"a".repeat(1_025)));
    });
    assert!(long.contains("1024"), "{long}");
    let none = refused(MappingName::GroupAssignment, |mapping| {
        mapping.rows.push(row("group_name", Constant, "x"));
    });
    assert!(none.contains("asked for"), "{none}");
    let bare = refused(MappingName::GroupAssignment, |mapping| {
        let tag = action(ActionTime::After, TaskKind::AddAssignment, Operation::TagUser, Vec::new());
        mapping.custom_actions.push(tag);
    });
    assert!(bare.contains("needs a row for tags.<key>"), "{bare}");
}

#[test]
fn mappings_are_found_by_name_and_by_task() {
    for name in MappingName::ALL {
        assert_eq!(name.as_str().parse(), Ok(name));
        assert_eq!(serde_json::to_value(name).unwrap(), name.as_str());
        for (task, _) in name.main() {
            let of_group = name == MappingName::GroupAssignment;
            assert_eq!(TaskMapping::serving(task, of_group), Some(name));
        }
    }
    assert_eq!("password reset".parse(), Ok(MappingName::PasswordReset));
    assert_eq!("USER".parse(), Ok(MappingName::User));
    assert!("AWS - Role".parse::<MappingName>().is_err());
    assert_eq!(TaskMapping::serving(TaskKind::DeactivateAccount, false), None);
}

#[test]
fn policies_and_groups_are_told_from_other_text() {
    for good in [
        "arn:aws:iam::123456789012:policy/p",
        "arn:aws-cn:iam::aws:policy/IAMUserChangePassword",
        "arn:aws:iam::aws:policy/job-function/Billing",
    ] {
        assert_eq!(check_policy_arn(good), Ok(()), "{good}");
    }
    for bad in [
        "",
        "arn:aws:iam::123456789012:user/p",
        "arn:aws:iam::12345:policy/p",
        "arn:aws:s3::123456789012:policy/p",
        "arn:aws:iam::123456789012:policy/",
        "arn:aws:iam::123456789012:policy/a b",
    ] {
        assert!(check_policy_arn(bad).is_err(), "{bad}");
    }
    assert_eq!(check_group_name("night-shift"), Ok(()));
    assert!(check_group_name("night shift").is_err() && check_group_name("").is_err());
}
