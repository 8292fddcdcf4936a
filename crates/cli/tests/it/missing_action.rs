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
    let mut policy = place.run(&["policy", "generate", "--profile", "reference"]).code(0).json();
    for statement in policy["Statement"].as_array_mut().unwrap() {
        let actions = statement["Action"].as_array_mut().unwrap();
        actions.retain(|action| !missing.contains(&action.as_str().unwrap()));
    }
    let documents = vec![policy.to_string()];
    place.sandbox.permit_connector(ACCOUNT, &ConnectorPolicy::Documents(documents)).unwrap();
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
