//! The reference policy without one of its fourteen actions, enforced by the sandbox: which one is missing, and for what,
//! is said before anything is written.

use keyreeve_aws::{READ_ACTIONS, REFERENCE_ACTIONS};
use keyreeve_sandbox::{ConnectorPolicy, Mutation};
use serde_json::{Value, json};

use crate::harness::{ACCOUNT, Place, SYSTEM, user};

fn own() -> String {
    format!("arn:aws:iam::{ACCOUNT}:policy/own")
}

/// Ada has all that can be taken away, eve has nothing.
fn place() -> Place {
    let place = Place::registered(0);
    place.run(&["system", "set", SYSTEM, "permission_profile=reference"]).code(0);
    let document = json!({"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}).to_string();
    place.mutate(&[
        Mutation::CreateGroup { name: "devs".into(), path: "/".into() },
        Mutation::CreatePolicy { name: "own".into(), path: "/".into(), document },
        user("ada"),
        user("eve"),
        Mutation::CreateLoginProfile { user: "ada".into(), reset_required: false },
        Mutation::AddToGroup { user: "ada".into(), group: "devs".into() },
        Mutation::AttachUserPolicy { user: "ada".into(), arn: own() },
    ]);
    place
}

/// Lets the connector do what the printed reference policy says, but for these actions.
fn permit_all_but(place: &Place, missing: &[&str]) {
    let documents = vec![all_but(place, missing)];
    place.sandbox.permit_connector(ACCOUNT, &ConnectorPolicy::Documents(documents)).unwrap();
}

/// The printed reference policy without these actions.
fn all_but(place: &Place, missing: &[&str]) -> String {
    let mut policy = place.run(&["policy", "generate", "--profile", "reference"]).code(0).json();
    for statement in policy["Statement"].as_array_mut().unwrap() {
        let actions = statement["Action"].as_array_mut().unwrap();
        actions.retain(|action| !missing.contains(&action.as_str().unwrap()));
    }
    policy.to_string()
}

#[track_caller]
fn nothing_was_written(place: &Place, action: &str) {
    let trace = place.sandbox.trace();
    let writes: Vec<_> =
        trace.iter().filter(|call| call.applied.is_some()).map(|call| &call.action).collect();
    assert!(writes.is_empty(), "without {action}: {writes:?}");
}

/// Each changing action, and a command that needs it.
fn changing() -> Vec<(&'static str, Vec<String>)> {
    let words = |line: String| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let own = own();
    [
        ("iam:CreateUser", format!("account create {SYSTEM} --name new")),
        ("iam:CreateLoginProfile", format!("account create {SYSTEM} --name new")),
        ("iam:UpdateLoginProfile", format!("account reset-password {SYSTEM} ada")),
        ("iam:DeleteLoginProfile", format!("account deactivate {SYSTEM} ada")),
        ("iam:DeleteUser", format!("account delete {SYSTEM} eve")),
        ("iam:AddUserToGroup", format!("assignment add {SYSTEM} --account eve --group devs")),
        ("iam:RemoveUserFromGroup", format!("assignment remove {SYSTEM} --account ada --group devs")),
        ("iam:AttachUserPolicy", format!("assignment add {SYSTEM} --account eve --policy {own}")),
        ("iam:DetachUserPolicy", format!("assignment remove {SYSTEM} --account ada --policy {own}")),
    ]
    .into_iter()
    .map(|(action, line)| (action, words(line)))
    .collect()
}

#[test]
fn after_an_import_a_change_names_the_action_that_is_missing_and_writes_nothing() {
    let place = place();
    let changing = changing();
    let both = READ_ACTIONS.len() + changing.len();
    assert_eq!(both, REFERENCE_ACTIONS.len(), "each of the fourteen is tried");
    for (action, command) in &changing {
        permit_all_but(&place, &[action]);
        place.run(&["import", "run", SYSTEM]).code(0);
        place.sandbox.clear_trace();
        let mut command: Vec<&str> = command.iter().map(String::as_str).collect();
        command.push("--yes");
        let refused = place.run(&command).code(2);
        let said = format!("{}{}", refused.stdout, refused.stderr);
        let words = format!("do not allow {action} on ");
        assert!(said.contains(&words), "{action}: {said}");
        nothing_was_written(&place, action);
        // With it the same change is planned.
        permit_all_but(&place, &[]);
        *command.last_mut().unwrap() = "--plan";
        place.run(&command).code(0);
    }
}

/// Each changing action is left out once, in the way that `permit` has; the command says so before anything is written.
#[track_caller]
fn each_is_named_beforehand(place: &Place, system: &str, permit: impl Fn(&[&str])) {
    permit(&[]);
    place.run(&["import", "run", system]).code(0);
    for (action, command) in changing() {
        permit(&[action]);
        place.sandbox.clear_trace();
        let named = command.iter().map(|word| if word == SYSTEM { system } else { word.as_str() });
        let command: Vec<&str> = named.collect();
        let refused = place.run(&[&command[..], &["--yes"]].concat()).code(2);
        let said = format!("{}{}", refused.stdout, refused.stderr);
        assert!(said.contains(&format!("do not allow {action} on ")), "{action}: {said}");
        nothing_was_written(place, action);
        permit(&[]);
        place.run(&[&command[..], &["--plan"]].concat()).code(0);
    }
}

#[test]
fn what_a_group_of_the_connector_does_not_grant_is_named_beforehand() {
    let place = place();
    place.sandbox.permit_connector(ACCOUNT, &ConnectorPolicy::Documents(Vec::new())).unwrap();
    let (group, name) = ("connectors".to_owned(), "Keyreeve".to_owned());
    place.mutate(&[
        Mutation::CreateGroup { name: group.clone(), path: "/".into() },
        Mutation::AddToGroup { user: "keyreeve-connector".into(), group: group.clone() },
    ]);
    each_is_named_beforehand(&place, SYSTEM, |missing| {
        let document = all_but(&place, missing);
        place.mutate(&[Mutation::PutGroupInline { group: group.clone(), name: name.clone(), document }]);
    });
}

#[test]
fn what_the_role_of_the_connector_does_not_grant_is_named_beforehand() {
    let place = place();
    let assume = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*" },
    ] });
    place.sandbox.permit_connector(ACCOUNT, &ConnectorPolicy::Documents(vec![assume.to_string()])).unwrap();
    let number = std::cell::Cell::new(0);
    let permit = |missing: &[&str]| {
        if number.get() > 0 {
            place.mutate(&[Mutation::DeleteRole { name: "connector".into() }]);
        }
        number.set(number.get() + 1);
        let (name, document) = (format!("keyreeve-{}", number.get()), all_but(&place, missing));
        let arn = format!("arn:aws:iam::{ACCOUNT}:policy/{name}");
        let trust = keyreeve_sandbox::Trust { principals: vec![ACCOUNT.into()], external_id: None };
        place.mutate(&[
            Mutation::CreatePolicy { name, path: "/".into(), document },
            Mutation::CreateRole { name: "connector".into(), path: "/".into(), trust },
            Mutation::AttachRolePolicy { role: "connector".into(), arn },
        ]);
    };
    permit(&[]);
    let (key, role) = (place.key(ACCOUNT), format!("arn:aws:iam::{ACCOUNT}:role/connector"));
    let add = ["system", "add", "--name", "By role", "--system-id", "role", "--role-arn", &role];
    let with = ["--access-key-id", &key.access_key_id, "--secret-access-key-stdin"];
    place.run_with_input(&[&add[..], &with].concat(), &key.secret_access_key);
    each_is_named_beforehand(&place, "role", permit);
}

#[test]
fn an_import_names_the_reading_action_that_is_missing() {
    let place = place();
    for action in READ_ACTIONS {
        permit_all_but(&place, &[action]);
        place.sandbox.clear_trace();
        let ran = place.run(&["import", "run", SYSTEM]);
        let said = format!("{}{}", ran.stdout, ran.stderr);
        assert!(said.contains(action.trim_start_matches("iam:")), "{action}: {said}");
        // Without login profiles an import is of use, and says so; without the rest it is none.
        assert_eq!(ran.code, i32::from(action != "iam:GetLoginProfile"), "{action}: {said}");
        nothing_was_written(&place, action);
    }
}

#[test]
fn the_check_names_each_action_that_is_missing_and_writes_nothing() {
    let place = place();
    for action in REFERENCE_ACTIONS {
        permit_all_but(&place, &[action]);
        place.sandbox.clear_trace();
        let checks = place.run(&["system", "check", SYSTEM, "--output", "json"]).code(1).json();
        let bad = checks.as_array().unwrap().iter().filter(|check| check["state"] == "error");
        let names = |check: &&Value| {
            check["name"] == action
                || check["actions"].as_array().is_some_and(|actions| actions.contains(&json!(action)))
        };
        let (named, others): (Vec<_>, Vec<_>) = bad.partition(names);
        assert!(!named.is_empty() && others.is_empty(), "{action}: {checks:#}");
        nothing_was_written(&place, action);
    }
    permit_all_but(&place, &[]);
    place.run(&["system", "check", SYSTEM]).code(0);
}

/// A connector that may do everything of `lifecycle` but these.
fn lifecycle_without(missing: &[&str]) -> Place {
    let place = place();
    place.run(&["system", "set", SYSTEM, "permission_profile=lifecycle"]).code(0);
    let mut policy = place.run(&["policy", "generate", "--profile", "lifecycle"]).code(0).json();
    for statement in policy["Statement"].as_array_mut().unwrap() {
        let actions = statement["Action"].as_array_mut().unwrap();
        actions.retain(|action| !missing.contains(&action.as_str().unwrap()));
    }
    let documents = vec![policy.to_string()];
    place.sandbox.permit_connector(ACCOUNT, &ConnectorPolicy::Documents(documents)).unwrap();
    place.run(&["import", "run", SYSTEM]).code(0);
    place
}

/// What the check says of the features: their names with `allowed` or `denied`.
fn features(place: &Place, code: i32) -> Vec<(String, String)> {
    let checks = place.run(&["system", "check", SYSTEM, "--output", "json"]).code(code).json();
    let of_feature = |check: &Value| {
        let name = check["name"].as_str()?.strip_prefix("feature.")?.to_owned();
        Some((name, check["rights"].as_str()?.to_owned()))
    };
    checks.as_array().unwrap().iter().filter_map(of_feature).collect()
}

#[test]
fn what_the_guide_calls_useful_is_not_needed() {
    let useful = [
        "iam:GetUser",
        "iam:GetAccountSummary",
        "iam:GenerateCredentialReport",
        "iam:GetCredentialReport",
        "iam:GetAccountPasswordPolicy",
        "iam:ListGroupsForUser",
        "iam:ListAttachedUserPolicies",
    ];
    let place = lifecycle_without(&useful);
    let denied: Vec<String> = features(&place, 0)
        .into_iter()
        .filter_map(|(name, rights)| (rights == "denied").then_some(name))
        .collect();
    assert_eq!(denied, ["credential_report", "single_reads", "password_policy"]);
    let own = own();
    for command in [
        &["account", "create", SYSTEM, "--name", "new", "--yes"][..],
        &["account", "reset-password", SYSTEM, "ada", "--yes"],
        &["assignment", "add", SYSTEM, "--account", "eve", "--group", "devs", "--yes"],
        &["assignment", "remove", SYSTEM, "--account", "ada", "--policy", &own, "--yes"],
        &["account", "update", SYSTEM, "eve", "--new-name", "eva", "--yes"],
        &["account", "deactivate", SYSTEM, "ada", "--yes"],
        &["account", "reactivate", SYSTEM, "ada", "--yes"],
        &["account", "delete", SYSTEM, "ada", "--yes"],
    ] {
        place.run(command).code(0);
    }
    // A lost answer is looked into all the same.
    let rule = keyreeve_sandbox::FaultRule::new("AddUserToGroup", keyreeve_sandbox::Effect::Reset);
    let lost = rule.phase(keyreeve_sandbox::Phase::AfterApply).times(1).min_fires(1);
    place.sandbox.add_fault(lost);
    place.run(&["assignment", "add", SYSTEM, "--account", "new", "--group", "devs", "--yes"]).code(0);
    assert!(place.sandbox.unfired().is_empty());
}

#[test]
fn what_a_command_refuses_for_the_check_denies_and_nothing_else() {
    for (missing, expected) in [
        (
            "iam:GetLoginProfile",
            &["import", "reset_password", "deactivate_account", "reactivate_account", "delete_account"][..],
        ),
        ("iam:ListSSHPublicKeys", &["deactivate_account", "reactivate_account", "delete_blockers"]),
    ] {
        let place = lifecycle_without(&[missing]);
        let found = features(&place, 1);
        let denied: Vec<&str> =
            found.iter().filter_map(|(name, rights)| (rights == "denied").then_some(name.as_str())).collect();
        assert_eq!(denied, expected, "{missing}");
        let denies = |name: &str| denied.contains(&name);
        for (feature, command) in [
            ("create_account", &["account", "create", SYSTEM, "--name", "new", "--plan"][..]),
            ("reset_password", &["account", "reset-password", SYSTEM, "ada", "--plan"]),
            ("deactivate_account", &["account", "deactivate", SYSTEM, "ada", "--plan"]),
            (
                "group_assignments",
                &["assignment", "add", SYSTEM, "--account", "eve", "--group", "devs", "--plan"],
            ),
            ("rename_account", &["account", "update", SYSTEM, "eve", "--new-name", "eva", "--plan"]),
        ] {
            assert_eq!(place.run(command).code != 0, denies(feature), "{missing}: {feature}");
        }
    }
    let place = lifecycle_without(&[]);
    let mut policy = place.run(&["policy", "generate", "--profile", "lifecycle"]).code(0).json();
    for statement in policy["Statement"].as_array_mut().unwrap() {
        statement["Action"].as_array_mut().unwrap().retain(|action| action != "iam:ListUsers");
    }
    let documents = vec![policy.to_string()];
    place.sandbox.permit_connector(ACCOUNT, &ConnectorPolicy::Documents(documents)).unwrap();
    let without = features(&place, 1);
    let planned = without.iter().filter(|(name, _)| {
        !["credential_report", "single_reads", "password_policy", "first_sign_in", "delete_blockers"]
            .contains(&name.as_str())
    });
    assert!(
        planned.clone().count() > 8 && planned.clone().all(|(_, rights)| rights == "denied"),
        "{without:?}"
    );
}
