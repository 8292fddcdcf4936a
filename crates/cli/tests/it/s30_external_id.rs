//! S30: a role that can be assumed without our external id, or with a wrong one, is warned of wherever it is set up.

use keyreeve_sandbox::{Mutation, Trust};
use serde_json::Value;

use crate::harness::{ACCOUNT, Place, Ran, SYSTEM};
use crate::peer::program;

const ROLE: &str = "arn:aws:iam::123456789012:role/connector";
const WARNED: &str = "warning: the role can be assumed without the external id";

fn run(place: &Place, arguments: &[&str]) -> Ran {
    let key = place.key(ACCOUNT);
    let mut command = place.command(arguments);
    command.env("AWS_ACCESS_KEY_ID", &key.access_key_id);
    Ran::of(command.env("AWS_SECRET_ACCESS_KEY", &key.secret_access_key).output().unwrap())
}

fn trusting(external_id: Option<&str>) -> Trust {
    Trust { principals: vec![ACCOUNT.into()], external_id: external_id.map(str::to_owned) }
}

/// A store without systems, and a role that may do everything.
fn place(external_id: Option<&str>) -> Place {
    let place = Place::with_users(1);
    place.run(&["init"]).code(0);
    place.mutate(&[
        Mutation::CreateRole { name: "connector".into(), path: "/".into(), trust: trusting(external_id) },
        Mutation::AttachRolePolicy {
            role: "connector".into(),
            arn: "arn:aws:iam::aws:policy/AdministratorAccess".into(),
        },
    ]);
    place
}

fn add(place: &Place) -> Ran {
    let add = ["system", "add", "--name", "R", "--system-id", SYSTEM, "--role-arn", ROLE, "--output", "json"];
    run(place, &add).code(0)
}

/// What the check says of the external id.
fn checked(place: &Place) -> (Value, String) {
    let checked = run(place, &["system", "check", SYSTEM, "--output", "json"]).code(0);
    let rows = checked.json();
    let row = rows.as_array().unwrap().iter().find(|row| row["name"] == "external_id").unwrap().clone();
    (row, checked.stderr)
}

#[test]
fn s30_a_role_that_asks_for_nothing_is_warned_of() {
    let place = place(None);
    let added = add(&place);
    assert!(added.stderr.contains(WARNED), "{}", added.stderr);
    let (row, said) = checked(&place);
    assert_eq!(row["state"], "warning");
    assert!(said.contains(WARNED) && said.contains("sts:ExternalId"), "{said}");
    let set = run(&place, &["system", "set", SYSTEM, "--role-arn", ROLE]).code(0);
    assert!(set.stderr.contains(WARNED), "{}", set.stderr);
    let id = added.json()["credential"]["external_id"].as_str().unwrap().to_owned();
    let trust = trusting(Some(&id));
    place.mutate(&[Mutation::SetTrust { role: "connector".into(), trust }]);
    let (row, said) = checked(&place);
    assert_eq!(row["state"], "ok");
    assert!(!said.contains("warning:"), "{said}");
}

#[test]
fn s30_a_role_that_asks_for_another_id_is_not_warned_of() {
    let place = place(Some("somebody-elses"));
    let added = add(&place);
    assert!(!added.stderr.contains("warning:"), "{}", added.stderr);
}

/// Gives the role a trust policy in which any external id will do.
const ANY_ID: &str = r#"
import boto3, json, sys
iam = boto3.client("iam", endpoint_url=sys.argv[1], region_name="us-east-1")
allow = {"Effect": "Allow", "Principal": {"AWS": "123456789012"}, "Action": "sts:AssumeRole",
         "Condition": {"StringLike": {"sts:ExternalId": "*"}}}
iam.update_assume_role_policy(RoleName="connector",
                              PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allow]}))
"#;

#[test]
fn s30_a_role_that_takes_any_id_is_warned_of() {
    let Some(python) = program("python") else { return };
    let place = place(Some("somebody-elses"));
    let key = place.sandbox.administrator_key(ACCOUNT).unwrap();
    let mut command = std::process::Command::new(python);
    command.args(["-c", ANY_ID, &place.sandbox.endpoint_url()]).env("AWS_ACCESS_KEY_ID", &key.access_key_id);
    Ran::of(command.env("AWS_SECRET_ACCESS_KEY", &key.secret_access_key).output().unwrap()).code(0);
    let warned = "warning: the role can be assumed with a wrong external id";
    assert!(add(&place).stderr.contains(warned));
    let (row, said) = checked(&place);
    assert_eq!(
        (&row["state"], &row["message"]),
        (&"warning".into(), &"the role can be assumed with a wrong external id".into())
    );
    assert!(said.contains(warned), "{said}");
}
