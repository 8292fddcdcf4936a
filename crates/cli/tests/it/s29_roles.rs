//! S29: a role is named by a whole ARN of the system's own account, and its external id is ours and one system's.

use std::collections::BTreeSet;

use keyreeve_sandbox::{Mutation, Trust};

use crate::harness::{ACCOUNT, OTHER_ACCOUNT, Place, Ran, SYSTEM};

const ROLE: &str = "connector";

/// Signed in, as the ambient credentials, with the access key of an account.
fn run(place: &Place, account: &str, arguments: &[&str]) -> Ran {
    let key = place.key(account);
    let mut command = place.command(arguments);
    command.env("AWS_ACCESS_KEY_ID", &key.access_key_id);
    command.env("AWS_SECRET_ACCESS_KEY", &key.secret_access_key);
    Ran::of(command.output().unwrap())
}

fn arn(account: &str) -> String {
    format!("arn:aws:iam::{account}:role/{ROLE}")
}

/// Two accounts with a role that anybody of the first may assume.
fn place() -> Place {
    let place = Place::registered(2);
    for account in [ACCOUNT, OTHER_ACCOUNT] {
        let trust = Trust { principals: vec![ACCOUNT.into()], external_id: None };
        let role = Mutation::CreateRole { name: ROLE.into(), path: "/".into(), trust };
        let arn = "arn:aws:iam::aws:policy/IAMReadOnlyAccess".to_owned();
        let policy = Mutation::AttachRolePolicy { role: ROLE.into(), arn };
        place.sandbox.mutate(account, &[role, policy]).unwrap();
    }
    place
}

fn add(place: &Place, id: &str, role: &str) -> Ran {
    let arguments =
        ["system", "add", "--name", id, "--system-id", id, "--role-arn", role, "--output", "json"];
    run(place, ACCOUNT, &arguments)
}

#[test]
fn s29_what_is_no_whole_arn_of_a_role_is_refused() {
    let place = place();
    for bad in [
        "*",
        "arn:aws:iam::123456789012:role/*",
        "arn:aws:iam::123456789012:role/con*",
        "arn:aws:iam::123456789012:role/connecto?",
        "arn:aws:iam::*:role/connector",
        "arn:*:iam::123456789012:role/connector",
        "arn:aws:iam::123456789012:role/connector\n",
        "arn:aws:iam::123456789012:role/connector ",
        "arn:aws:iam::123456789012:role/path/",
        "arn:aws:iam::123456789012:user/connector",
        "arn:aws:sts::123456789012:assumed-role/connector/session",
        "arn:azure:iam::123456789012:role/connector",
        "arn:awsx:iam::123456789012:role/connector",
        "arn:aws:iam::1234:role/connector",
    ] {
        let refused = add(&place, "r", bad).code(2);
        assert!(refused.stderr.contains("a role's ARN looks like"), "{bad:?}: {}", refused.stderr);
    }
    assert_eq!(place.json(&["system", "list"]).as_array().unwrap().len(), 1);
}

#[test]
fn s29_a_role_of_another_account_or_partition_does_not_become_a_systems() {
    let place = place();
    let ours = place.json(&["system", "show", SYSTEM]);
    let id = "0f0e0d0c-0b0a-4908-8706-050403020100";
    for role in [arn(OTHER_ACCOUNT), arn(ACCOUNT).replace("arn:aws:", "arn:aws-cn:")] {
        let set = ["system", "set", SYSTEM, "--role-arn", &role, "--external-id", id];
        let refused = run(&place, ACCOUNT, &set);
        assert_ne!(refused.code, 0, "{role}: {}", refused.stdout);
        let now = place.json(&["system", "show", SYSTEM]);
        assert_eq!(now["credential"], ours["credential"], "{role}: the old credentials are kept");
        assert_eq!(now["state"], "active", "{role}");
    }
    place.run(&["import", "run", SYSTEM]).code(0);
}

#[test]
fn s29_external_ids_are_made_here_and_belong_to_one_system() {
    let place = place();
    let role = arn(ACCOUNT);
    let made: Vec<String> = ["r1", "r2", "r3"]
        .iter()
        .map(|id| {
            let system = add(&place, id, &role).code(0).json();
            system["credential"]["external_id"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(made.iter().collect::<BTreeSet<_>>().len(), 3, "{made:?}");
    // Nobody chooses one, and nobody lends one system's to another.
    let chosen =
        ["system", "add", "--name", "x", "--system-id", "x", "--role-arn", &role, "--external-id", "x"];
    run(&place, ACCOUNT, &chosen).code(2);
    for id in ["mine", "", "0f0e0d0c-0b0a-1908-8706-050403020100", &made[0].to_uppercase()] {
        run(&place, ACCOUNT, &["system", "set", SYSTEM, "--role-arn", &role, "--external-id", id]).code(2);
    }
    let lent = ["system", "set", SYSTEM, "--role-arn", &role, "--external-id", &made[0]];
    let refused = run(&place, ACCOUNT, &lent).code(2);
    assert!(refused.stderr.contains("another system"), "{}", refused.stderr);
    // A role keeps its id when it is set anew; another is not taken.
    let other = ["system", "set", "r1", "--role-arn", &role, "--external-id", &made[1], "--output", "json"];
    let kept = run(&place, ACCOUNT, &other);
    let now = place.json(&["system", "show", "r1"]);
    assert_eq!(now["credential"]["external_id"], made[0].as_str(), "{}", kept.stderr);
}
