//! Whom `system check` names as an administrator, and why.

use keyreeve_aws::PolicyScope;
use keyreeve_model::PermissionProfile::Lifecycle;
use keyreeve_sandbox::{ConnectorPolicy, Mutation};

use crate::harness::{ACCOUNT, Place, SYSTEM};

/// A connector that may change users in `/idm/` alone, so that it is who is there that decides.
fn limited() -> Place {
    let place = Place::registered(3);
    place.run(&["system", "set", SYSTEM, "permission_profile=lifecycle"]).code(0);
    let scope = PolicyScope {
        account_id: Some(ACCOUNT.into()),
        paths: vec!["/idm/".into()],
        groups: vec!["/idm/*".into()],
        policies: vec![format!("arn:aws:iam::{ACCOUNT}:policy/idm/*")],
        connector: vec!["keyreeve-connector".into()],
        ..PolicyScope::new(Lifecycle, "aws")
    };
    place.sandbox.permit_connector(ACCOUNT, &ConnectorPolicy::Documents(Vec::new())).unwrap();
    let document = scope.documents().unwrap().remove(0);
    let (user, name) = ("keyreeve-connector".to_owned(), "Keyreeve".to_owned());
    place.mutate(&[Mutation::PutUserInline { user, name, document }]);
    place
}

fn user(name: &str) -> Mutation {
    Mutation::CreateUser { name: name.into(), path: "/idm/".into(), tags: Vec::new(), boundary: None }
}

fn of_aws(policy: &str) -> String {
    format!("arn:aws:iam::aws:policy/{policy}")
}

/// What it says of becoming an administrator.
fn said(place: &Place) -> String {
    let checks = place.run(&["system", "check", SYSTEM, "--output", "json"]).json();
    let rows = checks.as_array().unwrap();
    let row = rows.iter().find(|row| row["name"] == "administrator_equivalent").unwrap();
    row["message"].as_str().unwrap().to_owned()
}

#[test]
fn a_power_user_is_no_administrator() {
    let place = limited();
    place.mutate(&[
        user("fiona"),
        Mutation::CreateGroup { name: "power".into(), path: "/".into() },
        Mutation::AttachGroupPolicy { group: "power".into(), arn: of_aws("PowerUserAccess") },
        Mutation::AddToGroup { user: "fiona".into(), group: "power".into() },
    ]);
    assert_eq!(said(&place), "nothing is known to make it as strong as an administrator");
    // Nor is one within a boundary that leaves out what makes one.
    place.mutate(&[
        user("bound"),
        Mutation::AttachUserPolicy { user: "bound".into(), arn: of_aws("AdministratorAccess") },
        Mutation::SetBoundary { name: "bound".into(), arn: Some(of_aws("PowerUserAccess")) },
    ]);
    assert_eq!(said(&place), "nothing is known to make it as strong as an administrator");
}

#[test]
fn an_administrator_is_named_with_the_policy_and_an_enabled_one_before_a_disabled_one() {
    let place = limited();
    place.mutate(&[
        user("ada"),
        Mutation::CreateGroup { name: "admins".into(), path: "/".into() },
        Mutation::AttachGroupPolicy { group: "admins".into(), arn: of_aws("AdministratorAccess") },
        Mutation::AddToGroup { user: "ada".into(), group: "admins".into() },
    ]);
    place.run(&["import", "run", SYSTEM]).code(0);
    let only = said(&place);
    let disabled = "user/idm/ada, who is an administrator (by AdministratorAccess through group admins, and disabled by \
                    the last import)";
    assert!(only.contains(disabled), "{only}");
    let document =
        r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}"#;
    place.mutate(&[
        user("zoe"),
        Mutation::CreateLoginProfile { user: "zoe".into(), reset_required: false },
        Mutation::PutUserInline { user: "zoe".into(), name: "all".into(), document: document.into() },
    ]);
    place.run(&["import", "run", SYSTEM]).code(0);
    let enabled = said(&place);
    let expected = "user/idm/zoe, who is an administrator (by its inline policy all)";
    assert!(enabled.contains(expected) && !enabled.contains("idm/ada"), "{enabled}");
}
