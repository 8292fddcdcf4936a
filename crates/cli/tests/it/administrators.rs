//! Whom `system check` names as an administrator, and why.

use keyreeve_aws::PolicyScope;
use keyreeve_model::PermissionProfile::Lifecycle;
use keyreeve_sandbox::{ConnectorPolicy, Mutation};

use crate::harness::{ACCOUNT, Place, SYSTEM};

const NOTHING: &str = "nothing makes it as strong as an administrator in what was looked at: its own policies, those of the \
                       other users and groups, and the policies there are";

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
    assert_eq!(said(&place), NOTHING);
    // Nor is one within a boundary that leaves out what makes one.
    place.mutate(&[
        user("bound"),
        Mutation::AttachUserPolicy { user: "bound".into(), arn: of_aws("AdministratorAccess") },
        Mutation::SetBoundary { name: "bound".into(), arn: Some(of_aws("PowerUserAccess")) },
    ]);
    assert_eq!(said(&place), NOTHING);
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

const ALL: &str =
    r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}"#;
const ALL_OF_IAM: &str =
    r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iam:*", "Resource": "*"}]}"#;

fn hold(place: &Place, name: &str, document: &str) {
    let (user, name, document) = ("keyreeve-connector".to_owned(), name.to_owned(), document.to_owned());
    place.mutate(&[Mutation::PutUserInline { user, name, document }]);
}

#[test]
fn a_policy_that_may_be_attached_and_allows_everything_is_a_way_though_nobody_holds_it() {
    let place = limited();
    assert_eq!(said(&place), NOTHING);
    for (name, document) in [("god", ALL), ("iam", ALL_OF_IAM)] {
        let (path, document) = ("/idm/".to_owned(), document.to_owned());
        place.mutate(&[Mutation::CreatePolicy { name: name.to_owned(), path, document }]);
        let policy = format!("arn:aws:iam::{ACCOUNT}:policy/idm/{name}");
        let message = said(&place);
        assert!(
            message.contains(&format!("iam:AttachUserPolicy on some users for the policy {policy}")),
            "{message}"
        );
        place.mutate(&[Mutation::DeletePolicy { arn: policy }]);
        assert_eq!(said(&place), NOTHING);
    }
}

#[test]
fn whoever_may_change_everything_in_iam_is_an_administrator() {
    let place = limited();
    place.mutate(&[
        Mutation::CreateGroup { name: "iam".into(), path: "/idm/".into() },
        Mutation::AttachGroupPolicy { group: "iam".into(), arn: of_aws("IAMFullAccess") },
    ]);
    let message = said(&place);
    assert!(
        message.contains("iam:AddUserToGroup on arn:aws:iam::") && message.contains("by IAMFullAccess"),
        "{message}"
    );
    place.mutate(&[Mutation::DetachGroupPolicy { group: "iam".into(), arn: of_aws("IAMFullAccess") }]);
    assert_eq!(said(&place), NOTHING);
    let (name, document) = ("inner".to_owned(), ALL_OF_IAM.to_owned());
    place.mutate(&[user("iris"), Mutation::PutUserInline { user: "iris".into(), name, document }]);
    let message = said(&place);
    assert!(
        message.contains("user/idm/iris, who is an administrator (by its inline policy inner)"),
        "{message}"
    );
}

#[test]
fn what_is_denied_only_under_a_condition_silences_no_warning() {
    let place = limited();
    let scope = PolicyScope {
        protected: vec![keyreeve_model::ProtectionKind::Tag("keep".into())],
        ..PolicyScope::new(Lifecycle, "aws")
    };
    hold(&place, "Keyreeve", &scope.documents().unwrap()[0]);
    let message = said(&place);
    for action in ["iam:AttachUserPolicy", "iam:CreateLoginProfile", "iam:UpdateLoginProfile"] {
        assert!(message.contains(&format!("{action} on every user")), "{message}");
    }
    let unless = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*",
        "Condition": {"NotIpAddress": {"aws:SourceIp": "127.0.0.0/8"}}}]}"#;
    hold(&place, "Keyreeve", ALL);
    hold(&place, "Unless", unless);
    assert!(said(&place).contains("everything is allowed"), "{}", said(&place));
    // Allowed under a condition it is neither certain nor ruled out.
    place.mutate(&[Mutation::DeleteUserInline { user: "keyreeve-connector".into(), name: "Unless".into() }]);
    let sometimes = ALL.replace(
        "\"Effect\"",
        "\"Condition\": {\"IpAddress\": {\"aws:SourceIp\": \"127.0.0.1/32\"}}, \"Effect\"",
    );
    hold(&place, "Keyreeve", &sometimes);
    let message = said(&place);
    assert!(message.contains("depends on aws:SourceIp"), "{message}");
}

#[test]
fn a_generated_policy_that_may_attach_what_makes_an_administrator_is_warned_of() {
    let place = Place::registered(0);
    for arn in [of_aws("IAMFullAccess"), of_aws("AdministratorAccess")] {
        let generate =
            ["policy", "generate", "--profile", "lifecycle", "--path", "/idm/", "--groups", "/idm/*"];
        let ran = place.run(&[&generate[..], &["--policies", &arn]].concat()).code(0);
        assert!(ran.stderr.contains("can become an administrator"), "{arn}: {}", ran.stderr);
    }
}

/// A policy that allows these actions on a resource, within a condition or none.
fn allowing(actions: &[&str], resource: &str, condition: Option<serde_json::Value>) -> String {
    let mut statement = serde_json::json!({ "Effect": "Allow", "Action": actions, "Resource": resource });
    if let Some(condition) = condition {
        statement["Condition"] = condition;
    }
    serde_json::json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string()
}

/// What is said while a user in the connector's reach holds a policy.
fn said_of_victim(place: &Place, document: String) -> String {
    let (user, name) = ("victim".to_owned(), "inner".to_owned());
    place.mutate(&[Mutation::PutUserInline { user: user.clone(), name: name.clone(), document }]);
    let said = said(place);
    place.mutate(&[Mutation::DeleteUserInline { user, name }]);
    said
}

#[test]
fn a_user_in_reach_who_can_become_an_administrator_is_named_with_how() {
    let place = limited();
    let user_arn = |rest: &str| format!("arn:aws:iam::{ACCOUNT}:user/{rest}");
    place.mutate(&[
        user("victim"),
        Mutation::CreateLoginProfile { user: "victim".into(), reset_required: false },
        Mutation::CreateUser { name: "root".into(), path: "/out/".into(), tags: Vec::new(), boundary: None },
        Mutation::AttachUserPolicy { user: "root".into(), arn: of_aws("AdministratorAccess") },
    ]);
    assert_eq!(said(&place), NOTHING);
    let (itself, by_name) = (user_arn("idm/victim"), user_arn("idm/${aws:username}"));
    let root = user_arn("out/root");
    let on_root = format!("iam:CreateAccessKey on {root}, who is an administrator");
    for (actions, resource, by) in [
        (&["iam:CreateAccessKey"][..], "*", "iam:CreateAccessKey on every user"),
        (&["iam:CreateAccessKey"], &root, &on_root),
        (&["iam:UpdateLoginProfile"], "*", "iam:UpdateLoginProfile on every user"),
        (&["iam:AddUserToGroup"], "*", "iam:AddUserToGroup on every group"),
        (&["iam:PutUserPolicy"], &itself, "iam:PutUserPolicy on some users"),
        (&["iam:PutUserPolicy"], &by_name, "iam:PutUserPolicy on some users"),
        (&["iam:UpdateAssumeRolePolicy", "sts:AssumeRole"], "*", "iam:UpdateAssumeRolePolicy on every role"),
    ] {
        let message = said_of_victim(&place, allowing(actions, resource, None));
        let expected = format!("iam:UpdateLoginProfile on {itself}, who is an administrator (by {by}");
        assert!(message.contains(&expected), "{actions:?} on {resource}: {message}");
    }
    // To see to one's own keys is no way, and whether a role lets somebody in is for the role to say.
    for (action, resource) in [("iam:*AccessKey*", by_name.as_str()), ("sts:AssumeRole", "*")] {
        assert_eq!(said_of_victim(&place, allowing(&[action], resource, None)), NOTHING, "{action}");
    }
}

#[test]
fn whoever_is_in_reach_by_way_of_another_counts_too() {
    let place = limited();
    place.mutate(&[
        user("victim"),
        Mutation::CreateUser {
            name: "second".into(),
            path: "/out/".into(),
            tags: Vec::new(),
            boundary: None,
        },
        Mutation::PutUserInline {
            user: "second".into(),
            name: "inner".into(),
            document: allowing(&["iam:CreateAccessKey"], "*", None),
        },
    ]);
    assert_eq!(said(&place), NOTHING);
    let second = format!("arn:aws:iam::{ACCOUNT}:user/out/second");
    let message = said_of_victim(&place, allowing(&["iam:UpdateLoginProfile"], &second, None));
    assert!(message.contains(&format!("(by iam:UpdateLoginProfile on {second}, who")), "{message}");
}

#[test]
fn a_group_or_a_policy_in_reach_that_lets_anybody_become_an_administrator_is_a_way() {
    let place = limited();
    let document = || allowing(&["iam:CreateAccessKey"], "*", None);
    let group = format!("arn:aws:iam::{ACCOUNT}:group/idm/helpers");
    place.mutate(&[
        Mutation::CreateGroup { name: "helpers".into(), path: "/idm/".into() },
        Mutation::PutGroupInline { group: "helpers".into(), name: "inner".into(), document: document() },
    ]);
    let message = said(&place);
    let expected =
        format!("iam:AddUserToGroup on {group}, that makes administrators (by iam:CreateAccessKey on");
    assert!(message.contains(&expected), "{message}");
    place.mutate(&[Mutation::DeleteGroupInline { group: "helpers".into(), name: "inner".into() }]);
    assert_eq!(said(&place), NOTHING);
    let policy = Mutation::CreatePolicy { name: "keys".into(), path: "/idm/".into(), document: document() };
    place.mutate(&[policy]);
    let expected =
        format!("iam:AttachUserPolicy on some users for the policy arn:aws:iam::{ACCOUNT}:policy/idm/keys");
    let message = said(&place);
    assert!(message.contains(&expected), "{message}");
}

#[test]
fn what_a_condition_leaves_open_of_a_user_in_reach_is_unknown() {
    let place = limited();
    place.mutate(&[user("victim")]);
    let condition = serde_json::json!({ "Bool": { "aws:MultiFactorAuthPresent": "true" } });
    for actions in [&["*"][..], &["iam:CreateAccessKey"], &["iam:UpdateAssumeRolePolicy"]] {
        let message = said_of_victim(&place, allowing(actions, "*", Some(condition.clone())));
        let expected = format!(
            "depends on what arn:aws:iam::{ACCOUNT}:user/idm/victim gives, which depends on aws:MultiFactorAuthPresent"
        );
        assert!(message.contains(&expected), "{actions:?}: {message}");
    }
    let power = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "NotAction": ["iam:*"], "Resource": "*",
        "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}]}"#;
    assert_eq!(said_of_victim(&place, power.to_owned()), NOTHING);
}
