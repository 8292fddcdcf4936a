//! Systems and their credentials.

use std::collections::BTreeSet;

use serde_json::json;

use crate::harness::{ACCOUNT, OTHER_ACCOUNT, Place, SYSTEM};

fn set_key(place: &Place, account: &str) -> crate::harness::Ran {
    let key = place.key(account);
    place.run_with_input(
        &["system", "set", SYSTEM, "--access-key-id", &key.access_key_id, "--secret-access-key-stdin"],
        &key.secret_access_key,
    )
}

#[test]
fn names_and_ids_are_unique_and_the_error_names_which() {
    let place = Place::registered(0);
    place.sandbox.clear_trace();
    let same_id = place.add(SYSTEM, ACCOUNT).code(2);
    assert!(same_id.stderr.contains("System ID example is taken"), "{}", same_id.stderr);
    let other_case = place.add("Example", OTHER_ACCOUNT).code(2);
    assert!(other_case.stderr.contains("System ID Example is taken"), "{}", other_case.stderr);
    assert!(other_case.stderr.contains("ignoring case"), "{}", other_case.stderr);
    let key = place.key(OTHER_ACCOUNT);
    let same_name = place
        .run_with_input(
            &[
                "system",
                "add",
                "--name",
                "SYSTEM EXAMPLE",
                "--system-id",
                "second",
                "--access-key-id",
                &key.access_key_id,
                "--secret-access-key-stdin",
            ],
            &key.secret_access_key,
        )
        .code(2);
    assert!(same_name.stderr.contains("\"SYSTEM EXAMPLE\""), "{}", same_name.stderr);
    assert!(place.sandbox.trace().is_empty(), "AWS was asked before it was looked whether they are free");
    assert_eq!(place.json(&["system", "list"]).as_array().unwrap().len(), 1);
}

#[test]
fn a_second_system_of_one_aws_account_is_allowed_and_said() {
    let place = Place::registered(2);
    let other = place.add("second", ACCOUNT).code(0);
    let said = format!("AWS account {ACCOUNT} is connected already, as {SYSTEM}");
    assert!(other.stderr.contains(&said), "{}", other.stderr);
}

#[test]
fn credentials_that_aws_refuses_are_not_stored() {
    let place = Place::with_users(0);
    place.run(&["init"]).code(0);
    let key = place.key(ACCOUNT);
    let ran = place
        .run_with_input(
            &[
                "system",
                "add",
                "--name",
                "x",
                "--system-id",
                "x",
                "--access-key-id",
                &key.access_key_id,
                "--secret-access-key-stdin",
            ],
            "wrong/secret/canary+0123456789abcdefghij",
        )
        .code(2);
    assert!(ran.stderr.contains("AWS refused the credentials"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("canary"), "{}", ran.stderr);
    assert_eq!(place.json(&["system", "list"]), json!([]));
    let empty = place
        .run_with_input(
            &[
                "system",
                "add",
                "--name",
                "x",
                "--system-id",
                "x",
                "--access-key-id",
                &key.access_key_id,
                "--secret-access-key-stdin",
            ],
            "\n",
        )
        .code(2);
    assert!(empty.stderr.contains("standard input was empty"), "{}", empty.stderr);
}

#[test]
fn credentials_of_another_account_are_refused_and_the_old_ones_kept() {
    let place = Place::registered(2);
    let before = place.json(&["system", "show", SYSTEM]);
    let refused = set_key(&place, OTHER_ACCOUNT).code(2);
    assert!(refused.stderr.contains(OTHER_ACCOUNT) && refused.stderr.contains(ACCOUNT), "{}", refused.stderr);
    assert_eq!(place.json(&["system", "show", SYSTEM]), before);
    place.run(&["import", "run", SYSTEM]).code(0);
    let rotated = place.sandbox.rotate_connector(ACCOUNT).unwrap();
    set_key(&place, ACCOUNT).code(0);
    assert_eq!(
        place.json(&["system", "show", SYSTEM])["credential"]["access_key_id"],
        rotated.access_key_id.as_str()
    );
    place.run(&["system", "check", SYSTEM]).code(0);
}

#[test]
fn stored_credentials_that_become_another_accounts_quarantine_the_system() {
    let place = Place::imported(3);
    let key = place.key(ACCOUNT).access_key_id;
    place.sandbox.swap_key(&key, Some(OTHER_ACCOUNT)).unwrap();
    let checked = place.run(&["system", "check", SYSTEM]).code(1);
    assert!(checked.stdout.contains("quarantined now"), "{}", checked.stdout);
    assert_eq!(place.json(&["system", "show", SYSTEM])["state"], "quarantined");
    let refused = place.run(&["import", "run", SYSTEM]).code(2);
    assert!(refused.stderr.contains("keyreeve system release example"), "{}", refused.stderr);
    place.run(&["import", "run", "--all"]).code(1);
    let doctor = place.run(&["doctor"]).code(0);
    assert!(doctor.stdout.contains("example is quarantined"), "{}", doctor.stdout);
    let held = place.run(&["system", "release", SYSTEM]).code(1);
    assert!(held.stderr.contains("it stays quarantined"), "{}", held.stderr);
    assert_eq!(place.json(&["system", "show", SYSTEM])["state"], "quarantined");
    place.sandbox.swap_key(&key, None).unwrap();
    let planned = place.run(&["system", "release", SYSTEM, "--plan"]).code(0);
    assert!(
        planned.stdout.contains("quarantined") && planned.stderr.contains("--plan"),
        "{}",
        planned.stdout
    );
    place.run(&["system", "release", SYSTEM, "--yes", "--reason", "key mended"]).code(0);
    let rows = place.json(&["audit", "list", "--system", SYSTEM]);
    let row = rows.as_array().unwrap().iter().find(|row| row["action"] == "system_released").unwrap();
    assert_eq!(row["subject"]["reason"], "key mended", "{row}");
    let again = place.run(&["system", "release", SYSTEM]).code(0);
    assert!(again.stderr.contains("nothing to release"), "{}", again.stderr);
    place.run(&["import", "run", SYSTEM]).code(0);
}

#[test]
fn denied_reads_and_a_wrong_clock_are_found_by_the_check() {
    let place = Place::registered(1);
    place.sandbox.deny("*", &["iam:ListGroups"]);
    place.sandbox.set_clock_skew(120);
    let checks = place.run(&["system", "check", SYSTEM, "--output", "json"]).code(1).json();
    let state = |name: &str| {
        checks
            .as_array()
            .unwrap()
            .iter()
            .find(|check| check["name"] == name)
            .map(|check| check["state"].clone())
    };
    assert_eq!(state("iam:ListGroups"), Some(json!("error")), "{checks:#}");
    assert_eq!(state("iam:ListUsers"), Some(json!("ok")));
    assert_eq!(state("feature.import"), Some(json!("error")));
    assert_eq!(state("clock"), Some(json!("warning")));
}

#[test]
fn optional_reads_are_checked_apart_and_do_not_fail_the_check() {
    let place = Place::registered(1);
    place.sandbox.deny("*", &["iam:GenerateCredentialReport", "iam:GetCredentialReport"]);
    let checks = place.json(&["system", "check", SYSTEM]);
    let of_actions = |check: &&serde_json::Value| check["name"].as_str().unwrap().starts_with("iam:");
    let optional: Vec<_> = checks
        .as_array()
        .unwrap()
        .iter()
        .filter(of_actions)
        .filter(|check| check["needed"] == json!(false))
        .collect();
    let states: Vec<_> = optional
        .iter()
        .map(|check| (check["name"].as_str().unwrap(), check["state"].as_str().unwrap()))
        .collect();
    let expected = [
        ("iam:GetUser", "ok"),
        ("iam:GetAccountSummary", "ok"),
        ("iam:GenerateCredentialReport", "warning"),
        ("iam:GetCredentialReport", "warning"),
    ];
    assert_eq!(states, expected, "{checks:#}");
    let advice = optional[3]["advice"].as_str().unwrap();
    assert!(advice.contains("access keys and MFA stay unknown"), "{advice}");
    let table = place.run(&["system", "check", SYSTEM]).code(0).stdout;
    assert!(table.contains("iam:GetCredentialReport (optional)"), "{table}");
    assert!(!table.contains("iam:ListUsers (optional)"), "{table}");
}

#[test]
fn settings_are_set_all_or_none() {
    let place = Place::registered(0);
    let before = place.json(&["system", "show", SYSTEM]);
    place.run(&["system", "set", SYSTEM, "category=Cloud", "colour=red"]).code(2);
    assert_eq!(place.json(&["system", "show", SYSTEM]), before);
    place
        .run(&[
            "system",
            "set",
            SYSTEM,
            "category=Cloud",
            "name=Other",
            "region=eu-west-1",
            "max_requests_per_second=12.5",
        ])
        .code(0);
    let after = place.json(&["system", "show", SYSTEM]);
    assert_eq!(after["category"], "Cloud");
    assert_eq!(after["name"], "Other");
    assert_eq!(after["region"], "eu-west-1");
    assert_eq!(after["settings"]["max_requests_per_second"], 12.5);
    place.run(&["system", "set", SYSTEM, "region=none"]).code(0);
    assert_eq!(place.json(&["system", "show", SYSTEM])["region"], json!(null));
}

#[test]
fn a_removed_system_keeps_its_history_and_its_id() {
    let place = Place::imported(3);
    let accounts = place.json(&["account", "list", SYSTEM]);
    place.run(&["system", "remove", SYSTEM, "--plan"]).code(0);
    assert_eq!(place.json(&["system", "list"]).as_array().unwrap().len(), 1);
    let removed = place.run(&["system", "remove", SYSTEM, "--yes"]).code(0);
    assert!(removed.stderr.contains("history is kept"), "{}", removed.stderr);
    assert_eq!(place.json(&["system", "list"]), json!([]));
    let empty = place.run(&["system", "list"]).code(0);
    assert!(empty.stderr.contains("`keyreeve system list --removed` shows those"), "{}", empty.stderr);
    assert_eq!(place.json(&["system", "list", "--removed"]).as_array().unwrap().len(), 1);
    assert_eq!(place.json(&["account", "list", SYSTEM]), accounts);
    place.run(&["import", "run", SYSTEM]).code(2);
    place.add(SYSTEM, ACCOUNT).code(2);
}

#[test]
fn a_role_is_registered_with_an_external_id_of_our_own_making() {
    let place = Place::with_users(2);
    place.run(&["init"]).code(0);
    let role = state_role(&place);
    let key = place.key(ACCOUNT);
    let run = |arguments: &[&str]| {
        let mut command = place.command(arguments);
        command
            .env("AWS_ACCESS_KEY_ID", &key.access_key_id)
            .env("AWS_SECRET_ACCESS_KEY", &key.secret_access_key);
        crate::harness::Ran::of(command.output().unwrap())
    };
    let added =
        run(&["system", "add", "--name", "R", "--system-id", "r", "--role-arn", &role, "--output", "json"])
            .code(0);
    let system = added.json();
    let external_id = system["credential"]["external_id"].as_str().unwrap().to_owned();
    assert_eq!(external_id.len(), 36);
    assert!(
        ["sts:ExternalId", "allowed sts:AssumeRole on", &external_id]
            .iter()
            .all(|part| added.stderr.contains(part)),
        "{}",
        added.stderr
    );
    assert_eq!(system["aws_account_id"], ACCOUNT);
    // The sandbox's role trusts without a condition, which the check must point at.
    let checked = run(&["system", "check", "r", "--output", "json"]).code(0).json();
    let found = checked.as_array().unwrap().iter().find(|check| check["name"] == "external_id").unwrap();
    assert_eq!(found["state"], "warning");
    let name = role.rsplit('/').next().unwrap().to_owned();
    let trust = keyreeve_sandbox::Trust { principals: vec![ACCOUNT.into()], external_id: Some(external_id) };
    place.mutate(&[keyreeve_sandbox::Mutation::SetTrust { role: name, trust }]);
    let checked = run(&["system", "check", "r", "--output", "json"]).code(0).json();
    let found = checked.as_array().unwrap().iter().find(|check| check["name"] == "external_id").unwrap();
    assert_eq!(found["state"], "ok");
    run(&["import", "run", "r"]).code(0);
}

#[test]
fn a_system_gets_a_role_in_the_two_steps_that_the_first_one_prints() {
    let place = Place::registered(0);
    let role = state_role(&place);
    let before = place.json(&["system", "show", SYSTEM]);
    let foreign = "arn:aws:iam::210987654321:role/keyreeve";
    let refused = place.run(&["system", "set", SYSTEM, "--role-arn", foreign]).code(2);
    assert!(refused.stderr.contains("pinned to 123456789012"), "{}", refused.stderr);
    let first = place.run(&["system", "set", SYSTEM, "--role-arn", &role]).code(1);
    assert!(
        first.stderr.contains("sts:ExternalId") && first.stderr.contains("Nothing has"),
        "{}",
        first.stderr
    );
    assert_eq!(place.json(&["system", "show", SYSTEM]), before);
    let external_id = first.stderr.split("--external-id ").nth(1).unwrap()[..36].to_owned();
    let key = place.key(ACCOUNT);
    let second = |external_id: &str| {
        let step = ["system", "set", SYSTEM, "--role-arn", &role, "--external-id", external_id];
        let mut command = place.command(&step);
        command.env("AWS_ACCESS_KEY_ID", &key.access_key_id);
        command.env("AWS_SECRET_ACCESS_KEY", &key.secret_access_key);
        crate::harness::Ran::of(command.output().unwrap())
    };
    second(&external_id).code(0);
    assert_eq!(place.json(&["system", "show", SYSTEM])["credential"]["external_id"], external_id.as_str());
    let other = second(&uuid::Uuid::new_v4().to_string()).code(2);
    assert!(other.stderr.contains(&external_id), "{}", other.stderr);
}

fn state_role(place: &Place) -> String {
    let state = place.sandbox.state(ACCOUNT).unwrap().to_string();
    let begin = state.find(&format!("arn:aws:iam::{ACCOUNT}:role/keyreeve/")).unwrap();
    state[begin..].split('"').next().unwrap().to_owned()
}

#[test]
fn the_reference_policy_is_all_there_is_on_standard_output() {
    let place = Place::with_users(0);
    let policy = place.run(&["policy", "generate", "--partition", "aws-cn", "--account-id", ACCOUNT]).code(0);
    assert!(policy.stdout.is_ascii() && policy.stderr.is_empty());
    let text = policy.json().to_string();
    assert!(text.contains("arn:aws-cn:iam::123456789012:user/*"), "{text}");
}

#[test]
fn the_policy_for_reading_grants_exactly_what_imports_call() {
    let place = Place::registered(4);
    place.run(&["system", "set", SYSTEM, "permission_profile=read"]).code(0);
    for source in ["credential_report", "per_user"] {
        let source = format!("login_profile_source={source}");
        place.run(&["import", "profile", "set", SYSTEM, "default", &source]).code(0);
        place.run(&["import", "run", SYSTEM]).code(0);
    }
    // One is gone, so that it is looked for again.
    place.mutate(&[keyreeve_sandbox::Mutation::DeleteUser { name: place.names().remove(0) }]);
    place.run(&["import", "run", SYSTEM]).code(0);
    let trace = place.sandbox.trace();
    let calls = trace.iter().map(|call| format!("iam:{}", call.action));
    let called: BTreeSet<String> = calls.filter(|action| action != "iam:GetCallerIdentity").collect();
    let policy = place.run(&["policy", "generate", "--profile", "read"]).code(0).json();
    let statements = policy["Statement"].as_array().unwrap().iter();
    let actions = statements.flat_map(|statement| statement["Action"].as_array().unwrap());
    let granted: BTreeSet<String> = actions.map(|action| action.as_str().unwrap().to_owned()).collect();
    assert_eq!(called, granted);
}

#[test]
fn a_region_lies_in_the_partition_of_its_system() {
    let place = Place::registered(0);
    let set = |region: &str| place.run(&["system", "set", SYSTEM, &format!("region={region}")]);
    let refused = set("cn-north-1").code(2);
    assert!(
        refused.stderr.contains("aws-cn") && refused.stderr.contains("eu-central-1"),
        "{}",
        refused.stderr
    );
    assert!(set("eu-nowhere-1").code(2).stderr.contains("cn-northwest-1"));
    set("eu-west-1").code(0);

    let key = place.key(OTHER_ACCOUNT);
    let (id, secret) = (key.access_key_id, key.secret_access_key);
    let add = |credential: &[&str], region: &str| {
        let arguments = ["system", "add", "--name", "x", "--system-id", "x", "--region", region];
        place.run_with_input(&[&arguments, credential].concat(), &secret)
    };
    let with_key = ["--access-key-id", &id, "--secret-access-key-stdin"];
    let with_role = ["--role-arn", "arn:aws-cn:iam::210987654321:role/keyreeve"];
    for (credential, region, regions) in
        [(with_key.as_slice(), "us-gov-west-1", "us-west-2"), (&with_role, "us-east-1", "cn-northwest-1")]
    {
        let refused = add(credential, region).code(2);
        assert!(refused.stderr.contains(regions), "{}", refused.stderr);
    }
    assert_eq!(place.json(&["system", "list"]).as_array().unwrap().len(), 1);
    assert_eq!(add(&with_role, "cn-north-1").code(0).code, 0);
    let help = place.run(&["system", "add", "--help"]).code(0).stdout;
    assert!(help.contains("else us-east-1]"), "{help}");
}
