//! What the connector's own policies do not allow is named before anything is touched.

use keyreeve_sandbox::{ConnectorPolicy, Effect, FaultRule};
use serde_json::json;

use crate::harness::{ACCOUNT, Place, SYSTEM};

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
                    but on /staff/ only; give --path /staff/, or widen them";
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
