//! Roles: what they are assumed with, one after the other, renewed in time; and a web identity.

use std::collections::BTreeSet;

use keyreeve_sandbox::{Effect, FaultRule, Mutation, Trust};
use serde_json::{Value, json};

use crate::harness::{ACCOUNT, OTHER_ACCOUNT, Place, Ran, SYSTEM, bare};
use crate::peer::{moto, program};

fn arn(account: &str, role: &str) -> String {
    format!("arn:aws:iam::{account}:role/{role}")
}

/// A role that may do everything, and that whoever is of `trusted` may assume.
fn make(place: &Place, account: &str, name: &str, trusted: &str, external_id: Option<&str>) {
    let trust = Trust { principals: vec![trusted.into()], external_id: external_id.map(str::to_owned) };
    let everything = Mutation::AttachRolePolicy {
        role: name.into(),
        arn: "arn:aws:iam::aws:policy/AdministratorAccess".into(),
    };
    let role = Mutation::CreateRole { name: name.into(), path: "/".into(), trust };
    place.sandbox.mutate(account, &[role, everything]).unwrap();
}

fn add<'a>(role: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["system", "add", "--name", "R", "--system-id", SYSTEM, "--role-arn", role, "--output", "json"], more]
        .concat()
}

fn external_id(added: &Ran) -> String {
    added.json()["credential"]["external_id"].as_str().unwrap().to_owned()
}

fn trust(place: &Place, account: &str, role: &str, trusted: &str, external_id: &str) {
    let trust = Trust { principals: vec![trusted.into()], external_id: Some(external_id.into()) };
    place.sandbox.mutate(account, &[Mutation::SetTrust { role: role.into(), trust }]).unwrap();
}

#[test]
fn a_role_is_assumed_with_an_access_key_that_is_sealed() {
    let place = Place::with_users(2);
    place.run(&["init"]).code(0);
    make(&place, ACCOUNT, "connector", ACCOUNT, Some("somebody-else"));
    let key = place.key(ACCOUNT);
    let role = arn(ACCOUNT, "connector");
    let with_key = ["--access-key-id", &key.access_key_id, "--secret-access-key-stdin"];
    let secret = format!("{}\n", key.secret_access_key);
    let added = place.run_with_input(&add(&role, &with_key), &secret).code(0);
    assert_eq!(
        added.json()["credential"]["base"],
        json!({ "kind": "access_key", "access_key_id": key.access_key_id })
    );
    assert!(!added.stdout.contains(&key.secret_access_key) && !added.stderr.contains(&key.secret_access_key));
    trust(&place, ACCOUNT, "connector", ACCOUNT, &external_id(&added));
    place.run(&["system", "check", SYSTEM]).code(0);
    place.run(&["import", "run", SYSTEM]).code(0);
    let listed = place.run(&["system", "list"]).code(0).stdout;
    assert!(listed.contains("with access key"), "{listed}");
}

#[test]
fn a_role_that_does_not_let_in_is_told_from_credentials_that_do_not_work() {
    let place = Place::with_users(2);
    place.run(&["init"]).code(0);
    make(&place, ACCOUNT, "connector", ACCOUNT, Some("somebody-else"));
    place.run(&add(&arn(ACCOUNT, "connector"), &[])).code(0);
    let check = |key: &keyreeve_sandbox::ConnectorKey| {
        let mut command = place.command(&["system", "check", SYSTEM, "--output", "json"]);
        command.env("AWS_ACCESS_KEY_ID", &key.access_key_id);
        command.env("AWS_SECRET_ACCESS_KEY", &key.secret_access_key);
        let checks = Ran::of(command.output().unwrap()).code(1).json();
        let row = checks.as_array().unwrap().iter().find(|row| row["name"] == "identity").unwrap().clone();
        row["advice"].as_str().unwrap().to_owned()
    };
    // The trust policy asks for another external id, whoever comes.
    let administrator = place.sandbox.administrator_key(ACCOUNT).unwrap();
    let advice = check(&administrator);
    for word in [
        "role/connector does not let in arn:aws:iam::123456789012:user/keyreeve/administrator",
        "trust policy",
        "external id that `keyreeve system show example` shows",
        "still set in this shell",
    ] {
        assert!(advice.contains(word), "{word}: {advice}");
    }
    assert!(!advice.contains("--access-key-id"), "{advice}");
    let mut wrong = administrator;
    wrong.secret_access_key = "x".repeat(40);
    let advice = check(&wrong);
    assert!(advice.contains("do not work either"), "{advice}");
}

#[test]
fn a_role_is_assumed_with_a_profile() {
    let place = Place::with_users(2);
    place.run(&["init"]).code(0);
    make(&place, ACCOUNT, "connector", ACCOUNT, Some("somebody-else"));
    let key = place.key(ACCOUNT);
    let folder = place.folder.path().join(".aws");
    std::fs::create_dir(&folder).unwrap();
    let text = format!(
        "[base]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
        key.access_key_id, key.secret_access_key
    );
    std::fs::write(folder.join("credentials"), text).unwrap();
    let role = arn(ACCOUNT, "connector");
    assert!(
        place
            .run(&add(&role, &["--aws-profile", "base", "--ambient"]))
            .code(2)
            .stderr
            .contains("cannot be used")
    );
    let added = place.run(&add(&role, &["--aws-profile", "base"])).code(0);
    trust(&place, ACCOUNT, "connector", ACCOUNT, &external_id(&added));
    place.run(&["system", "check", SYSTEM]).code(0);
    let shown = place.json(&["system", "show", SYSTEM]);
    assert_eq!(shown["credential"]["base"], json!({ "kind": "profile", "name": "base" }));
}

#[test]
fn roles_are_assumed_one_after_the_other() {
    let place = Place::with_users(2);
    place.run(&["init"]).code(0);
    make(&place, ACCOUNT, "hub", ACCOUNT, None);
    make(&place, OTHER_ACCOUNT, "spoke", ACCOUNT, Some("somebody-else"));
    let key = place.key(ACCOUNT);
    let (hub, spoke) = (arn(ACCOUNT, "hub"), arn(OTHER_ACCOUNT, "spoke"));
    let with_key =
        ["--via-role-arn", &hub, "--access-key-id", &key.access_key_id, "--secret-access-key-stdin"];
    let secret = format!("{}\n", key.secret_access_key);
    let china = "arn:aws-cn:iam::123456789012:role/hub";
    let refused = place.run(&add(&spoke, &["--via-role-arn", china])).code(2);
    assert!(refused.stderr.contains("two partitions"), "{}", refused.stderr);
    let added = place.run_with_input(&add(&spoke, &with_key), &secret).code(0);
    assert!(added.stderr.contains(&format!("\"AWS\": \"{hub}\"")), "{}", added.stderr);
    assert_eq!(added.json()["aws_account_id"], OTHER_ACCOUNT);
    trust(&place, OTHER_ACCOUNT, "spoke", ACCOUNT, &external_id(&added));
    place.sandbox.clear_trace();
    place.run(&["system", "check", SYSTEM]).code(0);
    place.run(&["import", "run", SYSTEM]).code(0);
    let trace = place.sandbox.trace();
    let listed = trace.iter().find(|call| call.action == "ListUsers").unwrap();
    assert_eq!(listed.account.as_deref(), Some(OTHER_ACCOUNT));

    let long = [["--via-role-arn", hub.as_str()]; 5].concat();
    let set = [&["system", "set", SYSTEM, "--role-arn", &spoke, "--aws-profile", "x"], &long[..]].concat();
    assert!(place.run(&set).code(2).stderr.contains("more than five roles"));
}

/// A system that signs in with a role whose sessions last two seconds, as far as it is told.
fn short_sessions(users: u32) -> (Place, [(&'static str, String); 2]) {
    let place = Place::with_users(users);
    place.run(&["init"]).code(0);
    make(&place, ACCOUNT, "connector", ACCOUNT, None);
    let key = place.key(ACCOUNT);
    let keys = [("AWS_ACCESS_KEY_ID", key.access_key_id), ("AWS_SECRET_ACCESS_KEY", key.secret_access_key)];
    let role = arn(ACCOUNT, "connector");
    Ran::of(place.command(&add(&role, &[])).envs(keys.clone()).output().unwrap()).code(0);
    place.run(&["import", "profile", "set", SYSTEM, "default", "policy_scope=customer"]).code(0);
    place.sandbox.advance_clock(2 - 3600);
    (place, keys)
}

/// The keys with which calls were made, other than to become the role.
fn sessions(place: &Place) -> BTreeSet<String> {
    let trace = place.sandbox.trace();
    let gone = |call: &&keyreeve_sandbox::TraceEntry| {
        call.error.as_deref().is_none_or(|code| code == "NoSuchEntity")
    };
    assert!(trace.iter().all(|call| gone(&call)), "{trace:?}");
    let of_iam =
        trace.iter().filter(|call| !["AssumeRole", "GetCallerIdentity"].contains(&call.action.as_str()));
    of_iam.filter_map(|call| call.access_key_id.clone()).collect()
}

#[test]
fn a_session_is_renewed_in_the_middle_of_an_import() {
    let (place, keys) = short_sessions(30);
    place.run(&["system", "set", SYSTEM, "max_concurrent_requests=1"]).code(0);
    let one_by_one = "login_profile_source=per_user";
    place.run(&["import", "profile", "set", SYSTEM, "default", one_by_one]).code(0);
    place.sandbox.clear_trace();
    place.sandbox.add_fault(FaultRule::new("GetLoginProfile", Effect::Latency { ms: 100 }).times(1000));
    let mut import = place.command(&["import", "run", SYSTEM, "--output", "json"]);
    let run = Ran::of(import.envs(keys).output().unwrap()).code(0).json();
    assert_eq!(run["state"], "published");
    assert!(sessions(&place).len() > 1, "{:?}", sessions(&place));
}

#[test]
fn a_session_is_renewed_in_the_middle_of_a_job() {
    let (place, keys) = short_sessions(2);
    let run = |arguments: &[&str]| Ran::of(place.command(arguments).envs(keys.clone()).output().unwrap());
    run(&["import", "run", SYSTEM]).code(0);
    place.sandbox.clear_trace();
    for call in ["CreateUser", "AttachUserPolicy", "CreateLoginProfile"] {
        place.sandbox.add_fault(FaultRule::new(call, Effect::Latency { ms: 1200 }));
    }
    let create =
        ["account", "create", SYSTEM, "--name", "ada", "--deliver", "link", "--yes", "--output", "json"];
    assert_eq!(run(&create).code(0).json()["state"], "succeeded");
    let trace = place.sandbox.trace();
    let writes =
        trace.iter().filter(|call| call.action.starts_with("Create") || call.action.starts_with("Attach"));
    let used: BTreeSet<_> = writes.map(|call| call.access_key_id.clone()).collect();
    assert!(used.len() > 1, "{used:?}");
    sessions(&place);
}

#[test]
fn a_web_identity_signs_in_through_the_ambient_chain() {
    let Some(emulator) = moto() else { return };
    let folder = tempfile::tempdir().unwrap();
    let make = "import boto3, sys; iam = boto3.client('iam', endpoint_url=sys.argv[1], region_name='us-east-1'); \
                iam.create_role(RoleName='web', AssumeRolePolicyDocument='{}')";
    let mut python = std::process::Command::new(program("python").unwrap());
    python.args(["-c", make, &emulator.endpoint]).env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE");
    Ran::of(python.env("AWS_SECRET_ACCESS_KEY", "test").output().unwrap()).code(0);
    let token = folder.path().join("token");
    std::fs::write(&token, "header.payload.signature").unwrap();
    let run = |arguments: &[&str]| {
        let mut command = bare(arguments, folder.path());
        command
            .env("KEYREEVE_DATA_DIR", folder.path().join("data"))
            .env("AWS_ENDPOINT_URL", &emulator.endpoint);
        command.env("AWS_WEB_IDENTITY_TOKEN_FILE", &token).env("AWS_ROLE_ARN", arn(ACCOUNT, "web"));
        Ran::of(command.env("AWS_ROLE_SESSION_NAME", "pod-7").output().unwrap())
    };
    run(&["init"]).code(0);
    run(&["system", "add", "--name", "Pod", "--system-id", SYSTEM, "--ambient"]).code(0);
    let checks: Value = run(&["system", "check", SYSTEM, "--output", "json"]).code(0).json();
    let identity = checks.as_array().unwrap().iter().find(|check| check["name"] == "identity").unwrap();
    assert!(identity["message"].as_str().unwrap().ends_with("assumed-role/web/pod-7"), "{identity}");
}

#[test]
fn a_role_of_another_partition_than_the_region_is_refused_wherever_the_region_is_said() {
    let place = Place::with_users(0);
    place.run(&["init"]).code(0);
    let china = "arn:aws-cn:iam::123456789012:role/connector";
    let refused = place.run(&add(china, &["--region", "us-east-1"])).code(2);
    assert!(refused.stderr.contains("the region us-east-1 is of the partition aws"), "{}", refused.stderr);
    for name in ["AWS_REGION", "AWS_DEFAULT_REGION", "KEYREEVE_AWS_REGION"] {
        let mut command = place.command(&add(china, &[]));
        command.env_remove("AWS_REGION").env(name, "us-east-1");
        let refused = Ran::of(command.output().unwrap()).code(2);
        assert!(
            refused.stderr.contains("the region us-east-1 is of the partition aws"),
            "{}",
            refused.stderr
        );
        assert!(refused.stderr.contains("cn-north-1"), "{}", refused.stderr);
        assert_eq!(place.json(&["system", "list"]), json!([]));
    }
    let mut command = place.command(&add(china, &["--region", "cn-north-1"]));
    Ran::of(command.env("AWS_REGION", "us-east-1").output().unwrap()).code(0);
}
