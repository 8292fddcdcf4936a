//! What the connector's own policies do not allow is named before anything is touched.

use keyreeve_sandbox::Mutation;
use serde_json::json;

use crate::harness::{ACCOUNT, Place, SYSTEM};

/// A sandbox whose connector holds this policy alone, imported.
fn holding(statements: serde_json::Value) -> Place {
    let place = Place::registered(3);
    let document = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
    place.mutate(&[
        Mutation::CreatePolicy { name: "Keyreeve".into(), path: "/".into(), document },
        Mutation::AttachUserPolicy {
            user: "keyreeve-connector".into(),
            arn: format!("arn:aws:iam::{ACCOUNT}:policy/Keyreeve"),
        },
    ]);
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
    for (wish, missing) in [
        (create("/", &[]), ["iam:CreateUser", "iam:CreateLoginProfile"].as_slice()),
        (create("/staff/", &["--group", group]), &["iam:AddUserToGroup"]),
    ] {
        let refused = place.run(&wish).code(2);
        for action in missing {
            let words = format!("the action {action} is not allowed here by the policies of arn:aws:iam::");
            assert!(refused.stderr.contains(&words) || refused.stdout.contains(&words), "{}", refused.stderr);
        }
    }
    assert!(place.sandbox.trace().iter().all(|call| call.action != "CreateUser"));
    place.run(&create("/staff/", &[])).code(0);
}

#[test]
fn what_is_not_certain_stands_in_nobodys_way() {
    let sometimes = json!({ "Bool": { "aws:SecureTransport": "false" } });
    let depends = holding(json!([
        { "Effect": "Allow", "Action": ["iam:List*", "iam:Get*"], "Resource": "*" },
        { "Effect": "Allow", "Action": "iam:*", "Resource": "*", "Condition": sometimes },
    ]));
    depends.run(&create("/", &[])).code(0);
    // These policies deny what has just been read with, so they are not all there is.
    let impossible = holding(json!([{ "Effect": "Allow", "Action": "s3:*", "Resource": "*" }]));
    impossible.run(&create("/", &[])).code(0);
}
