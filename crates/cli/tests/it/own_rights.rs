//! What the connector's own policies do not allow is named before anything is touched.

use keyreeve_aws::PolicyScope;
use keyreeve_model::PermissionProfile::Reference;
use keyreeve_sandbox::{ConnectorPolicy, Effect, FaultRule, Mutation, Trust};
use serde_json::json;

use crate::harness::{ACCOUNT, Place, Ran, SYSTEM};

/// Lets the connector do this and nothing else.
fn permit(place: &Place, statements: serde_json::Value) {
    let document = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
    place.sandbox.permit_connector(ACCOUNT, &ConnectorPolicy::Documents(vec![document])).unwrap();
}

/// A sandbox whose connector holds this policy alone, imported.
fn holding(statements: serde_json::Value) -> Place {
    let place = Place::registered(3);
    permit(&place, statements);
    place.run(&["import", "run", SYSTEM]).code(0);
    place.sandbox.clear_trace();
    place
}

fn create<'a>(path: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["account", "create", SYSTEM, "--name", "ada", "--path", path, "--yes"], more].concat()
}

#[test]
fn an_action_that_the_connectors_policies_deny_stands_in_the_way_before_anything_is_touched() {
    let reading = ["iam:List*", "iam:Get*"];
    let place = holding(json!([
        { "Effect": "Allow", "Action": reading, "Resource": "*" },
        { "Effect": "Allow", "Action": ["iam:*User", "iam:*LoginProfile", "iam:AttachUserPolicy"],
          "Resource": format!("arn:aws:iam::{ACCOUNT}:user/staff/*") },
    ]));
    let groups = place.json(&["resource", "list", SYSTEM, "--type", "group"]);
    let group = groups[0]["name"].as_str().unwrap();
    let on_staff = "do not allow iam:CreateUser, iam:AttachUserPolicy, iam:CreateLoginProfile on user/ada, \
                    but on /staff/ only; give the path /staff/, or widen them";
    let on_group = format!("do not allow iam:AddUserToGroup on group/{group}; grant it in them");
    for (wish, words) in
        [(create("/", &[]), on_staff), (create("/staff/", &["--group", group]), on_group.as_str())]
    {
        let refused = place.run(&wish).code(2);
        assert!(refused.stderr.contains(words), "{}", refused.stderr);
        assert_eq!(refused.stderr.matches("the policies of arn:").count(), 1, "{}", refused.stderr);
    }
    assert!(place.sandbox.trace().iter().all(|call| call.action != "CreateUser"));
    place.run(&create("/staff/", &[])).code(0);
}

#[test]
fn what_is_not_certain_stands_in_nobodys_way() {
    let sometimes = json!({ "Bool": { "aws:SecureTransport": "true" } });
    let depends = holding(json!([
        { "Effect": "Allow", "Action": ["iam:List*", "iam:Get*"], "Resource": "*" },
        { "Effect": "Allow", "Action": "iam:*", "Resource": "*", "Condition": sometimes },
    ]));
    depends.run(&create("/", &[])).code(0);
    // These policies deny what has just been read with: they are not those that count by now.
    let late = holding(json!([{ "Effect": "Allow", "Action": "iam:*", "Resource": "*" }]));
    permit(&late, json!([{ "Effect": "Allow", "Action": "s3:*", "Resource": "*" }]));
    late.sandbox.advance_clock(1_000);
    permit(&late, json!([{ "Effect": "Allow", "Action": "iam:*", "Resource": "*" }]));
    let stale = Effect::Stale { seconds: 500 };
    late.sandbox.add_fault(FaultRule::new("GetAccountAuthorizationDetails", stale).min_fires(1));
    late.run(&create("/", &[])).code(0);
    assert!(late.sandbox.unfired().is_empty());
}

const READ_ONLY: &str = "arn:aws:iam::aws:policy/IAMReadOnlyAccess";

/// The reference policy without being allowed this.
fn without(action: &str) -> String {
    let reference = PolicyScope::new(Reference, "aws").documents().unwrap().remove(0);
    reference.replace(&format!("\"iam:{action}\""), "\"iam:GetGroup\"")
}

/// The connector's user, whose documents these are alone, after an import; what else it holds comes by the changes.
fn user_holding(documents: Vec<String>, changes: &[Mutation]) -> Place {
    let place = Place::registered(3);
    place.sandbox.permit_connector(ACCOUNT, &ConnectorPolicy::Documents(documents)).unwrap();
    place.mutate(changes);
    place.run(&["import", "run", SYSTEM]).code(0);
    place.sandbox.clear_trace();
    place
}

/// A plan of a creation names the action, and nothing is begun when it is carried out all the same.
#[track_caller]
fn is_refused(place: &Place, run: impl Fn(&[&str]) -> Ran, action: &str) {
    let create = ["account", "create", SYSTEM, "--name", "ada", "--deliver", "link"];
    let planned = run(&[&create[..], &["--plan"]].concat()).code(1);
    assert!(planned.stdout.contains(action), "{}{}", planned.stdout, planned.stderr);
    let refused = run(&[&create[..], &["--yes"]].concat()).code(2);
    assert!(refused.stderr.contains(action), "{}", refused.stderr);
    assert!(place.sandbox.trace().iter().all(|call| call.applied != Some(true)));
}

#[test]
fn policies_of_aws_that_the_connector_holds_are_read_like_its_own() {
    let user = || "keyreeve-connector".to_owned();
    let attach = Mutation::AttachUserPolicy { user: user(), arn: READ_ONLY.into() };
    let alone = user_holding(vec![], std::slice::from_ref(&attach));
    is_refused(&alone, |arguments| alone.run(arguments), "iam:CreateUser");
    let beside = user_holding(vec![without("CreateLoginProfile")], &[attach]);
    is_refused(&beside, |arguments| beside.run(arguments), "iam:CreateLoginProfile on user/ada; grant it");
    // No more is read than without them: once the policies of AWS are asked for with the others.
    let details = beside.sandbox.trace();
    let details = details.iter().filter(|call| call.action == "GetAccountAuthorizationDetails").count();
    assert_eq!(details, 2 * 2, "who is there and the texts, for the plan and again");
    let through_group = user_holding(
        vec![without("AttachUserPolicy")],
        &[
            Mutation::CreateGroup { name: "readers".into(), path: "/".into() },
            Mutation::AttachGroupPolicy { group: "readers".into(), arn: READ_ONLY.into() },
            Mutation::AddToGroup { user: user(), group: "readers".into() },
        ],
    );
    is_refused(
        &through_group,
        |arguments| through_group.run(arguments),
        "iam:AttachUserPolicy on user/ada; grant",
    );
    let everything = json!({ "Version": "2012-10-17", "Statement": { "Effect": "Allow", "Action": "*", "Resource": "*" } });
    let bounded = user_holding(
        vec![everything.to_string()],
        &[Mutation::SetBoundary { name: user(), arn: Some(READ_ONLY.into()) }],
    );
    is_refused(&bounded, |arguments| bounded.run(arguments), "permissions boundary does not allow it");
}

#[test]
fn policies_of_aws_that_the_connectors_role_holds_are_read_too() {
    let place = Place::with_users(3);
    place.run(&["init"]).code(0);
    let trust = Trust { principals: vec![ACCOUNT.into()], external_id: None };
    place.mutate(&[
        Mutation::CreateRole { name: "connector".into(), path: "/".into(), trust },
        Mutation::AttachRolePolicy { role: "connector".into(), arn: READ_ONLY.into() },
    ]);
    let key = place.key(ACCOUNT);
    let run = |arguments: &[&str]| {
        let mut command = place.command(arguments);
        command.env("AWS_ACCESS_KEY_ID", &key.access_key_id);
        Ran::of(command.env("AWS_SECRET_ACCESS_KEY", &key.secret_access_key).output().unwrap())
    };
    let role = format!("arn:aws:iam::{ACCOUNT}:role/connector");
    run(&["system", "add", "--name", "R", "--system-id", SYSTEM, "--role-arn", &role]).code(0);
    run(&["import", "run", SYSTEM]).code(0);
    place.sandbox.clear_trace();
    is_refused(&place, run, "iam:CreateUser");
}

#[test]
fn a_policy_of_aws_that_does_not_come_may_allow_anything() {
    let attach = Mutation::AttachUserPolicy { user: "keyreeve-connector".into(), arn: READ_ONLY.into() };
    let place = user_holding(vec![], &[attach]);
    let name = "IAMReadOnlyAccess".to_owned();
    let omit = FaultRule::new("GetAccountAuthorizationDetails", Effect::Omit { name });
    place.sandbox.add_fault(omit);
    place.run(&["account", "create", SYSTEM, "--name", "ada", "--plan"]).code(0);
}

#[test]
fn a_plan_that_cannot_be_made_says_where_to_look() {
    let place = Place::imported(1);
    place.sandbox.deny("*", &["iam:ListUsers"]);
    let refused = place.run(&["account", "create", SYSTEM, "--name", "ada", "--plan"]).code(2);
    assert!(refused.stderr.contains("users could not be read"), "{}", refused.stderr);
    assert!(refused.stderr.contains("hint: `keyreeve system check ID`"), "{}", refused.stderr);
}
