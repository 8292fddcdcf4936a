//! What `system check` says of what is granted, held against what the switched-on features need.

use std::io::Write as _;

use keyreeve_aws::{PolicyScope, REFERENCE_ACTIONS};
use keyreeve_model::PermissionProfile::{self, Full, Lifecycle, Reference};
use keyreeve_sandbox::{ConnectorPolicy, Effect, FaultRule, Mutation, Trust};
use serde_json::{Value, json};

use crate::harness::{ACCOUNT, Place, Ran, SYSTEM, bare, piped};
use crate::peer::{Emulator, ministack, moto, program};

const CONNECTOR: &str = "keyreeve-connector";

/// A sandbox whose connector holds these documents alone.
fn holding(profile: PermissionProfile, documents: &[String]) -> Place {
    let place = Place::registered(3);
    place.run(&["system", "set", SYSTEM, &format!("permission_profile={}", profile.as_str())]).code(0);
    hold(&place, documents);
    place
}

fn hold(place: &Place, documents: &[String]) {
    place.sandbox.permit_connector(ACCOUNT, &ConnectorPolicy::Documents(Vec::new())).unwrap();
    for (index, document) in documents.iter().enumerate() {
        put(place, &format!("Keyreeve{index}"), document);
    }
}

fn put(place: &Place, name: &str, document: &str) {
    let (user, name, document) = (CONNECTOR.to_owned(), name.to_owned(), document.to_owned());
    place.mutate(&[Mutation::PutUserInline { user, name, document }]);
}

fn document(statements: &Value) -> String {
    json!({ "Version": "2012-10-17", "Statement": statements }).to_string()
}

struct Checked(Value);

impl Checked {
    #[track_caller]
    fn run(place: &Place, code: i32) -> Self {
        Self(place.run(&["system", "check", SYSTEM, "--output", "json"]).code(code).json())
    }

    #[track_caller]
    fn row(&self, name: &str) -> &Value {
        self.find(name).unwrap_or_else(|| panic!("{name}: {:#}", self.0))
    }

    fn find(&self, name: &str) -> Option<&Value> {
        self.0.as_array().unwrap().iter().find(|row| row["name"] == name)
    }

    /// The features of which the rights are like this.
    fn features(&self, rights: &str) -> Vec<&str> {
        let rows = self.0.as_array().unwrap().iter().filter(|row| row["rights"] == rights);
        rows.filter_map(|row| row["name"].as_str().unwrap().strip_prefix("feature.")).collect()
    }
}

#[test]
fn the_reference_policy_allows_its_features_and_makes_an_administrator() {
    let documents = PolicyScope::new(Reference, "aws").documents().unwrap();
    let place = holding(Reference, &documents);
    let checked = Checked::run(&place, 0);
    let expected = [
        "import",
        "create_account",
        "first_sign_in",
        "reset_password",
        "deactivate_account",
        "reactivate_account",
        "delete_account",
        "group_assignments",
        "policy_assignments",
    ];
    assert_eq!(checked.features("allowed"), expected);
    assert!(
        ["denied", "unknown"].iter().all(|rights| checked.features(rights).is_empty()),
        "{:#}",
        checked.0
    );
    let administrator = checked.row("administrator_equivalent");
    assert_eq!((&administrator["state"], &administrator["needed"]), (&json!("warning"), &json!(false)));
    let ways =
        ["iam:AttachUserPolicy", "iam:CreateLoginProfile", "iam:UpdateLoginProfile", "iam:AddUserToGroup"];
    assert_eq!(administrator["actions"], json!(ways));
    let said = administrator["message"].as_str().unwrap();
    assert!(said.contains("iam:PolicyARN") && said.contains("on every user"), "{said}");
    let reads = ["Get", "List", "Generate", "Simulate"];
    let trace = place.sandbox.trace();
    assert!(trace.iter().all(|call| reads.iter().any(|read| call.action.starts_with(read))));
}

#[test]
fn each_action_that_is_missing_is_named_with_what_it_is_for() {
    let whole = PolicyScope::new(Reference, "aws").documents().unwrap();
    let place = holding(Reference, &whole);
    for (action, features) in [
        ("iam:CreateUser", &["create_account"][..]),
        ("iam:DeleteUser", &["delete_account"]),
        ("iam:CreateLoginProfile", &["create_account", "reset_password", "reactivate_account"]),
        ("iam:UpdateLoginProfile", &["reset_password"]),
        ("iam:DeleteLoginProfile", &["deactivate_account", "delete_account"]),
        ("iam:AddUserToGroup", &["group_assignments"]),
        ("iam:RemoveUserFromGroup", &["delete_account", "group_assignments"]),
        ("iam:AttachUserPolicy", &["first_sign_in", "policy_assignments"]),
        ("iam:DetachUserPolicy", &["delete_account", "policy_assignments"]),
    ] {
        put(&place, "Keyreeve0", &whole[0].replace(&format!("\"{action}\""), "\"iam:GetGroup\""));
        let checked = Checked::run(&place, 1);
        assert_eq!(checked.features("denied"), features, "{action}");
        for feature in features {
            let row = checked.row(&format!("feature.{feature}"));
            assert_eq!((&row["state"], &row["actions"]), (&json!("error"), &json!([action])));
            assert!(row["message"].as_str().unwrap().contains(action), "{row}");
        }
    }
    assert_eq!(REFERENCE_ACTIONS.len(), 9 + 5);
}

#[test]
fn a_limited_policy_is_no_administrator_and_limits_are_said() {
    let scope = PolicyScope {
        account_id: Some(ACCOUNT.into()),
        paths: vec!["/idm/".into()],
        groups: vec!["/idm/*".into()],
        policies: vec![format!("arn:aws:iam::{ACCOUNT}:policy/idm/*")],
        connector: vec![CONNECTOR.into()],
        ..PolicyScope::new(Lifecycle, "aws")
    };
    let place = holding(Lifecycle, &scope.documents().unwrap());
    let checked = Checked::run(&place, 0);
    assert_eq!(checked.row("administrator_equivalent")["state"], "ok");
    assert_eq!(checked.row("feature.create_account")["message"], "allowed, not on everything in the account");
    let policies = checked.row("feature.policy_assignments")["message"].as_str().unwrap();
    assert!(policies.contains("iam:PolicyARN"), "{policies}");
    assert!(checked.features("allowed").contains(&"delete_blockers"));
    assert_eq!(checked.features("wider"), [""; 0]);
    // Somebody in its path becomes an administrator.
    place.mutate(&[
        Mutation::CreateUser { name: "root".into(), path: "/idm/".into(), tags: vec![], boundary: None },
        Mutation::AttachUserPolicy {
            user: "root".into(),
            arn: "arn:aws:iam::aws:policy/AdministratorAccess".into(),
        },
    ]);
    let administrator = Checked::run(&place, 0).row("administrator_equivalent").clone();
    assert!(administrator["message"].as_str().unwrap().contains("user/idm/root"), "{administrator}");
}

#[test]
fn what_is_granted_beyond_the_settings_is_wider_than_needed() {
    let mut documents = PolicyScope::new(Full, "aws").documents().unwrap();
    documents.push(document(&json!([
        { "Effect": "Allow", "Action": ["iam:PassRole", "iam:CreateGroup", "iam:GetRole"], "Resource": "*" },
    ])));
    let place = holding(Reference, &documents);
    let checked = Checked::run(&place, 0);
    for feature in ["delete_blockers", "rename_account", "tags", "permissions_boundary", "none"] {
        assert!(checked.features("wider").contains(&feature), "{feature}: {:#}", checked.0);
    }
    assert_eq!(checked.row("feature.none")["actions"], json!(["iam:CreateGroup", "iam:PassRole"]));
    let administrator = checked.row("administrator_equivalent")["actions"].as_array().unwrap().clone();
    assert!(administrator.contains(&json!("iam:PassRole")), "{administrator:?}");
}

#[test]
fn what_a_boundary_withholds_on_purpose_is_not_missing() {
    let boundary = Some(format!("arn:aws:iam::{ACCOUNT}:policy/Edge"));
    let scope = PolicyScope { boundary, ..PolicyScope::new(Full, "aws") };
    let place = holding(Full, &scope.documents().unwrap());
    let checked = Checked::run(&place, 0);
    assert_eq!(checked.features("withheld"), ["permissions_boundary"]);
    let row = checked.row("feature.permissions_boundary");
    assert_eq!(row["actions"], json!(["iam:DeleteUserPermissionsBoundary"]));
    assert!(row["message"].as_str().unwrap().contains("withheld on purpose"), "{row}");
    // Where any boundary may be set, to take one away is not withheld but forgotten.
    let all = PolicyScope::new(Full, "aws").documents().unwrap();
    let delete = "\"iam:DeleteUserPermissionsBoundary\"";
    let without: Vec<String> = all.iter().map(|text| text.replace(delete, "\"iam:GetRole\"")).collect();
    hold(&place, &without);
    assert_eq!(Checked::run(&place, 1).features("denied"), ["permissions_boundary"]);
}

#[test]
fn a_boundary_and_the_policies_of_groups_count() {
    let reference = PolicyScope::new(Reference, "aws").documents().unwrap().remove(0);
    let place = holding(Reference, &[reference.replace("\"iam:DeleteUser\"", "\"iam:GetGroup\"")]);
    let denied = Checked::run(&place, 1);
    assert_eq!(denied.features("denied"), ["delete_account"]);
    // A policy that was limited is not to be replaced by one that is not.
    let advice = &denied.row("feature.delete_account")["advice"];
    let advice = advice.as_str().unwrap();
    assert!(advice.contains("`keyreeve aws bootstrap`") && advice.contains("with --path"), "{advice}");
    let group = "deleters".to_owned();
    let inline = document(&json!([{ "Effect": "Allow", "Action": "iam:DeleteUser", "Resource": "*" }]));
    place
        .sandbox
        .mutate(
            ACCOUNT,
            &[
                Mutation::CreateGroup { name: group.clone(), path: "/".into() },
                Mutation::PutGroupInline { group: group.clone(), name: "p".into(), document: inline },
                Mutation::AddToGroup { user: CONNECTOR.into(), group },
            ],
        )
        .unwrap();
    assert!(Checked::run(&place, 0).features("denied").is_empty());
    let boundary = document(&json!([
        { "Effect": "Allow", "Action": ["iam:Get*", "iam:List*", "iam:*User*", "iam:Generate*"], "Resource": "*" },
    ]));
    place.mutate(&[
        Mutation::CreatePolicy { name: "Edge".into(), path: "/".into(), document: boundary },
        Mutation::SetBoundary {
            name: CONNECTOR.into(),
            arn: Some(format!("arn:aws:iam::{ACCOUNT}:policy/Edge")),
        },
    ]);
    let checked = Checked::run(&place, 1);
    assert!(
        checked.row("own_policies")["message"].as_str().unwrap().contains("within a permissions boundary")
    );
    assert_eq!(
        checked.row("feature.reset_password")["actions"],
        json!(["iam:CreateLoginProfile", "iam:UpdateLoginProfile"])
    );
    assert!(checked.features("allowed").contains(&"group_assignments"));
}

#[test]
fn policies_that_deny_what_was_just_allowed_are_not_all_there_is() {
    let place =
        holding(Reference, &[document(&json!([{ "Effect": "Allow", "Action": "s3:*", "Resource": "*" }]))]);
    // They are read as they were before others came.
    place.sandbox.advance_clock(1_000);
    place.sandbox.permit_connector(ACCOUNT, &ConnectorPolicy::Everything).unwrap();
    let stale = Effect::Stale { seconds: 500 };
    place.sandbox.add_fault(FaultRule::new("GetAccountAuthorizationDetails", stale).min_fires(1));
    let checked = Checked::run(&place, 0);
    let source = checked.row("own_policies");
    assert_eq!((&source["state"], &source["needed"]), (&json!("unknown"), &json!(false)));
    assert!(checked.features("denied").is_empty());
    assert!(checked.features("unknown").contains(&"create_account"));
    assert!(checked.find("administrator_equivalent").is_none());
}

#[test]
fn the_policies_of_a_role_are_those_of_its_session() {
    let place = Place::with_users(0);
    place.run(&["init"]).code(0);
    let trust = Trust { principals: vec![ACCOUNT.into()], external_id: None };
    let document = PolicyScope::new(Reference, "aws").documents().unwrap().remove(0);
    place.mutate(&[
        Mutation::CreateRole { name: "connector".into(), path: "/deep/er/".into(), trust },
        Mutation::CreatePolicy {
            name: "Keyreeve".into(),
            path: "/".into(),
            document: document.replace("\"iam:DeleteUser\"", "\"iam:GetGroup\""),
        },
        Mutation::AttachRolePolicy {
            role: "connector".into(),
            arn: format!("arn:aws:iam::{ACCOUNT}:policy/Keyreeve"),
        },
    ]);
    let role = format!("arn:aws:iam::{ACCOUNT}:role/deep/er/connector");
    let key = place.key(ACCOUNT);
    let run = |arguments: &[&str]| {
        let mut command = place.command(arguments);
        command.env("AWS_ACCESS_KEY_ID", &key.access_key_id);
        Ran::of(command.env("AWS_SECRET_ACCESS_KEY", &key.secret_access_key).output().unwrap())
    };
    run(&["system", "add", "--name", "R", "--system-id", SYSTEM, "--role-arn", &role]).code(0);
    let checked = Checked(run(&["system", "check", SYSTEM, "--output", "json"]).code(1).json());
    assert!(checked.row("own_policies")["message"].as_str().unwrap().contains(&role));
    assert_eq!(checked.features("denied"), ["delete_account"]);
}

/// Makes a user with this path that may do everything, and prints its key.
const MAKE: &str = r#"
import boto3, json, sys
iam = boto3.client("iam", endpoint_url=sys.argv[1], region_name="us-east-1")
iam.create_user(UserName="everything", Path=sys.argv[2])
allow = {"Effect": "Allow", "Action": "*", "Resource": "*"}
iam.put_user_policy(UserName="everything", PolicyName="all",
                    PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allow]}))
iam.attach_user_policy(UserName="everything", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
key = iam.create_access_key(UserName="everything")["AccessKey"]
print(json.dumps([key["AccessKeyId"], key["SecretAccessKey"]]))
"#;

/// The check of a connector with this path that may do everything, on a look-alike.
fn checked_on(emulator: &Emulator, key: &str, path: &str) -> Checked {
    let mut python = std::process::Command::new(program("python").unwrap());
    python.args(["-c", MAKE, &emulator.endpoint, path]).env("AWS_ACCESS_KEY_ID", key);
    let made = Ran::of(python.env("AWS_SECRET_ACCESS_KEY", "test").output().unwrap()).code(0).json();
    let (id, secret) = (made[0].as_str().unwrap(), made[1].as_str().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let mut command = bare(arguments, folder.path());
        command.env("KEYREEVE_DATA_DIR", folder.path().join("data"));
        command.env("AWS_ENDPOINT_URL", &emulator.endpoint);
        let mut child = piped(command);
        // Only one of them reads it.
        let _ = child.stdin.take().unwrap().write_all(format!("{secret}\n").as_bytes());
        Ran::of(child.wait_with_output().unwrap())
    };
    run(&["init"]).code(0);
    let add = ["system", "add", "--name", "Peer", "--system-id", SYSTEM, "--secret-access-key-stdin"];
    run(&[&add[..], &["--access-key-id", id]].concat()).code(0);
    Checked(run(&["system", "check", SYSTEM, "--output", "json"]).code(0).json())
}

#[test]
fn an_administrators_key_is_called_so_on_moto() {
    let Some(emulator) = moto() else { return };
    let checked = checked_on(&emulator, "AKIAIOSFODNN7EXAMPLE", "/keyreeve/");
    assert_eq!(checked.row("administrator_equivalent")["actions"], json!(["*"]), "{:#}", checked.0);
    assert!(checked.features("allowed").contains(&"delete_account"));
    // moto has no simulator.
    assert!(checked.find("simulation").is_none());
}

#[test]
fn an_administrators_key_is_called_so_on_ministack_and_by_its_simulator() {
    let Some(emulator) = ministack() else { return };
    let checked = checked_on(&emulator, "111122223333", "/");
    assert_eq!(checked.row("administrator_equivalent")["actions"], json!(["*"]), "{:#}", checked.0);
    assert!(checked.features("allowed").contains(&"delete_account"), "{:#}", checked.0);
    assert_eq!(checked.row("simulation")["state"], "ok");
}

#[test]
fn a_simulator_that_says_otherwise_is_believed_as_little_as_the_policies() {
    let Some(emulator) = ministack() else { return };
    // ministack takes the path for a part of the user's name, finds nobody of that name, and denies everything.
    let checked = checked_on(&emulator, "111122223333", "/keyreeve/");
    let row = checked.row("feature.create_account");
    assert_eq!((&row["rights"], &row["needed"]), (&json!("unknown"), &json!(false)), "{:#}", checked.0);
    assert!(row["message"].as_str().unwrap().contains("simulator says it is denied"), "{row}");
}
