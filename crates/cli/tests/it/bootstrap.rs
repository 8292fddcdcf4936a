//! The connector's own access, made by an administrator.

use keyreeve_sandbox::{ConnectorKey, Effect, FaultRule, Mutation, Phase, Trust};
use serde_json::{Value, json};

use crate::harness::{ACCOUNT, Place, Ran, bare};
use crate::peer::moto;

const ID: &str = "prod";
const LIMITS: [&str; 6] =
    ["--path", "/idm/", "--groups", "/idm/*", "--policies", "arn:aws:iam::123456789012:policy/idm/*"];

pub(crate) fn place() -> Place {
    let place = Place::with_users(2);
    place.run(&["init"]).code(0);
    place
}

pub(crate) fn administrator(place: &Place) -> ConnectorKey {
    place.sandbox.administrator_key(ACCOUNT).unwrap()
}

/// As an administrator of the account.
pub(crate) fn run(place: &Place, arguments: &[&str]) -> Ran {
    let key = administrator(place);
    let mut command = place.command(arguments);
    command.env("AWS_ACCESS_KEY_ID", &key.access_key_id);
    Ran::of(command.env("AWS_SECRET_ACCESS_KEY", &key.secret_access_key).output().unwrap())
}

pub(crate) fn user<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["aws", "bootstrap", "--system-id", ID, "--user", "keyreeve"], &LIMITS[..], more].concat()
}

pub(crate) fn role<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let trusted = "arn:aws:iam::123456789012:root";
    let who = ["aws", "bootstrap", "--system-id", ID, "--role", "keyreeve", "--trusted-principal", trusted];
    [&who[..], &LIMITS, more].concat()
}

fn calls(place: &Place, action: &str) -> usize {
    place.sandbox.trace().iter().filter(|call| call.action == action && call.applied == Some(true)).count()
}

fn writes(place: &Place) -> usize {
    place.sandbox.trace().iter().filter(|call| call.applied == Some(true)).count()
}

#[test]
fn a_user_with_a_key_that_nobody_sees_is_made_once() {
    let place = place();
    place.sandbox.clear_trace();
    let planned = run(&place, &user(&["--plan"])).code(0);
    for word in ["make the policy", "make the user", "attach", "make an access key"] {
        assert!(planned.stdout.contains(word), "{}", planned.stdout);
    }
    assert_eq!(writes(&place), 0, "a plan changes nothing");
    run(&place, &user(&[])).code(2);
    let made = run(&place, &user(&["--yes", "--reason", "first of all"])).code(0);
    let system = place.json(&["system", "show", ID]);
    assert_eq!(
        (&system["aws_account_id"], &system["settings"]["permission_profile"]),
        (&json!(ACCOUNT), &json!("lifecycle"))
    );
    assert_eq!(system["credential"]["kind"], "access_key");
    for text in [&made.stdout, &made.stderr] {
        assert!(!text.contains("ecret access") && !text.contains("AKIA"), "{text}");
    }
    let checks = place.run(&["system", "check", ID, "--output", "json"]).code(0).json();
    let row = |name: &str| checks.as_array().unwrap().iter().find(|row| row["name"] == name).unwrap();
    assert_eq!(row("administrator_equivalent")["state"], "ok");
    assert_eq!(row("feature.delete_blockers")["rights"], "allowed");
    place.run(&["import", "run", ID]).code(0);

    let again = run(&place, &user(&["--yes"])).code(0);
    assert!(again.stderr.contains("Everything is there already"), "{}", again.stderr);
    assert_eq!((calls(&place, "CreateAccessKey"), calls(&place, "CreateUser")), (1, 1));
    // Other limits are another text of the same policy.
    let wider = [&user(&["--yes"])[..], &["--path", "/more/"]].concat();
    let changed = run(&place, &wider).code(0);
    assert_eq!(calls(&place, "CreatePolicyVersion"), 1, "{}", changed.stderr);
}

#[test]
fn a_run_that_was_broken_off_is_run_again() {
    for (call, phase) in [
        ("CreatePolicy", Phase::Before),
        ("CreatePolicy", Phase::AfterApply),
        ("CreateUser", Phase::AfterApply),
        ("AttachUserPolicy", Phase::AfterApply),
        ("CreateAccessKey", Phase::Before),
    ] {
        let place = place();
        place.sandbox.add_fault(FaultRule::new(call, Effect::Reset).phase(phase).times(1));
        run(&place, &user(&["--yes"])).code(1);
        run(&place, &user(&["--yes"])).code(0);
        assert_eq!(calls(&place, "CreateAccessKey"), 1, "{call} {phase:?}");
        place.run(&["system", "check", ID]).code(0);
    }
}

#[test]
fn a_key_whose_secret_was_lost_is_named_and_replaced_only_when_that_is_said() {
    let place = place();
    place
        .sandbox
        .add_fault(FaultRule::new("CreateAccessKey", Effect::Reset).phase(Phase::AfterApply).times(1));
    run(&place, &user(&["--yes"])).code(1);
    let refused = run(&place, &user(&["--yes"])).code(2);
    assert!(refused.stderr.contains("no second key is made"), "{}", refused.stderr);
    let key = refused.stderr.split("--replace-key ").nth(1).unwrap().split_whitespace().next().unwrap();
    assert!(key.starts_with("AKIA"), "{key}");
    run(&place, &user(&["--yes", "--replace-key", "AKIA0000000000000000"])).code(2);
    run(&place, &user(&["--yes", "--replace-key", key])).code(0);
    assert_eq!((calls(&place, "CreateAccessKey"), calls(&place, "DeleteAccessKey")), (2, 1));
    place.run(&["system", "check", ID]).code(0);
}

#[test]
fn what_others_have_made_is_not_taken_over() {
    let place = place();
    let path = "/keyreeve/".to_owned();
    place.mutate(&[Mutation::CreateUser { name: "keyreeve".into(), path, tags: Vec::new(), boundary: None }]);
    place.sandbox.clear_trace();
    let refused = run(&place, &user(&["--yes"])).code(2);
    assert!(refused.stderr.contains("was not made by this command"), "{}", refused.stderr);
    assert_eq!(writes(&place), 0);
}

#[test]
fn a_name_in_another_case_is_found_before_the_first_call() {
    let place = place();
    let (path, trust) = ("/".to_owned(), Trust { principals: vec![ACCOUNT.into()], external_id: None });
    place.mutate(&[
        Mutation::CreateUser {
            name: "KeyReeve".into(),
            path: path.clone(),
            tags: Vec::new(),
            boundary: None,
        },
        Mutation::CreateRole { name: "KEYREEVE".into(), path, trust },
    ]);
    place.sandbox.clear_trace();
    for (wish, there) in [(user(&["--yes"]), "user/KeyReeve"), (role(&["--yes"]), "role/KEYREEVE")] {
        let refused = run(&place, &wish).code(2);
        assert!(refused.stderr.contains(there), "{}", refused.stderr);
        assert!(refused.stderr.contains("only in upper and lower case"), "{}", refused.stderr);
    }
    assert_eq!(writes(&place), 0);
    // Who may not list is told by AWS.
    place.sandbox.deny("*", &["iam:ListUsers"]);
    run(&place, &user(&["--plan"])).code(0);
}

#[test]
fn what_is_written_is_warned_of_as_what_is_planned() {
    let place = place();
    let unlimited = ["aws", "bootstrap", "--system-id", ID, "--user", "keyreeve", "--path", "/staff/"];
    let planned = run(&place, &[&unlimited[..], &["--plan"]].concat()).code(0);
    let ways = |text: &str| {
        let lines = text.lines().filter(|line| line.contains("administrator") || line.starts_with("  iam:"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert!(ways(&planned.stderr).len() > 1, "{}", planned.stderr);
    for template in ["terraform", "cloudformation"] {
        let printed = place.run(&[&unlimited[..], &["--print", template]].concat()).code(0);
        assert_eq!(ways(&printed.stderr), ways(&planned.stderr));
        let set = format!("`keyreeve system set {ID} permission_profile=lifecycle`");
        assert!(printed.stderr.contains(&set), "{}", printed.stderr);
    }
    let limited = place.run(&user(&["--print", "terraform"])).code(0);
    assert_eq!(ways(&limited.stderr), [] as [&str; 0]);
}

#[test]
fn a_role_with_an_external_id_of_ours_is_made_once() {
    let place = place();
    place.sandbox.add_fault(FaultRule::new("CreateRole", Effect::Reset).phase(Phase::AfterApply).times(1));
    run(&place, &role(&["--yes"])).code(1);
    run(&place, &role(&["--yes"])).code(0);
    assert_eq!((calls(&place, "CreateRole"), calls(&place, "UpdateAssumeRolePolicy")), (1, 0));
    let again = run(&place, &role(&["--yes"])).code(0);
    assert!(again.stderr.contains("Everything is there already"), "{}", again.stderr);
    let checks = run(&place, &["system", "check", ID, "--output", "json"]).code(0).json();
    let row = |name: &str| checks.as_array().unwrap().iter().find(|row| row["name"] == name).unwrap();
    assert_eq!(row("external_id")["state"], "ok", "{checks:#}");
    assert_eq!(row("feature.create_account")["rights"], "allowed");
}

/// What `policy generate` writes for the same.
fn generated(place: &Place, more: &[&str]) -> Value {
    let generate = ["policy", "generate", "--profile", "lifecycle"];
    place.run(&[&generate[..], &LIMITS, more].concat()).code(0).json()
}

#[test]
fn the_same_is_written_for_cloudformation() {
    let place = Place::with_users(0);
    let template = place.run(&user(&["--print", "cloudformation"])).code(0).json();
    let resources = &template["Resources"];
    assert_eq!(
        resources["KeyreeveUser"]["Properties"]["ManagedPolicyArns"],
        json!([{ "Ref": "KeyreevePolicy1" }])
    );
    let document = &resources["KeyreevePolicy1"]["Properties"]["PolicyDocument"];
    assert_eq!(*document, generated(&place, &["--connector", "keyreeve"]));
    let template = place.run(&role(&["--print", "cloudformation"])).code(0).json();
    let trust =
        &template["Resources"]["KeyreeveRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"][0];
    assert_eq!(trust["Condition"], json!({ "StringEquals": { "sts:ExternalId": { "Ref": "ExternalId" } } }));
    assert_eq!(trust["Principal"], json!({ "AWS": "arn:aws:iam::123456789012:root" }));
    assert_eq!(template["Parameters"]["ExternalId"]["Type"], "String");
    assert!(place.sandbox.trace().is_empty(), "AWS was asked");
}

/// As `terraform fmt` leaves it: two blanks before an attribute, and the signs of one block under each other.
#[track_caller]
fn is_formatted(text: &str) {
    assert!(text.ends_with("}\n") && !text.contains("\n\n\n") && !text.contains('\t'), "{text}");
    for block in text.split("\n\n") {
        let (mut names, mut signs, mut in_document) = (Vec::new(), Vec::new(), false);
        for line in block.lines() {
            if in_document || line == "JSON" {
                in_document = line != "JSON";
                continue;
            }
            in_document = line.ends_with("<<JSON");
            if let Some(attribute) = line.strip_prefix("  ") {
                let (name, sign) = (attribute.find(' ').unwrap(), attribute.find(" = ").unwrap());
                assert!(name > 0 && !line.ends_with(' '), "{line:?}");
                names.push(name);
                signs.push(sign);
            }
        }
        let longest = names.into_iter().max();
        assert!(signs.iter().all(|sign| Some(*sign) == longest), "{block}");
    }
}

#[test]
fn the_same_is_written_for_terraform() {
    let place = Place::with_users(0);
    for (text, expected) in [
        (place.run(&user(&["--print", "terraform", "--rotate-own-key"])).code(0).stdout, 1),
        (place.run(&role(&["--print", "terraform"])).code(0).stdout, 2),
    ] {
        let documents: Vec<Value> = text
            .split("<<JSON\n")
            .skip(1)
            .map(|rest| {
                serde_json::from_str(&rest.split("\nJSON\n").next().unwrap().replace("$${", "${")).unwrap()
            })
            .collect();
        assert_eq!(documents.len(), expected, "{text}");
        is_formatted(&text);
        assert_eq!(text.matches('{').count(), text.matches('}').count());
        let policy = documents.last().unwrap();
        if expected == 1 {
            assert_eq!(*policy, generated(&place, &["--connector", "keyreeve", "--rotate-own-key"]));
            assert!(text.contains("resource \"aws_iam_user_policy_attachment\" \"keyreeve_1\""), "{text}");
        } else {
            assert_eq!(*policy, generated(&place, &[]));
            let condition = &documents[0]["Statement"][0]["Condition"];
            assert_eq!(*condition, json!({ "StringEquals": { "sts:ExternalId": "${var.external_id}" } }));
        }
    }
}

#[test]
fn the_flag_decides_whether_the_connector_may_rotate_its_own_key() {
    let place = Place::with_users(0);
    let who = ["aws", "bootstrap", "--system-id", ID, "--user", "keyreeve", "--print", "terraform"];
    for profile in ["read", "lifecycle"] {
        let print =
            |more: &[&str]| place.run(&[&who[..], &["--profile", profile], more].concat()).code(0).stdout;
        let (without, with) = (print(&[]), print(&["--rotate-own-key"]));
        assert!(!without.contains("KeyreeveOwnKey"), "{profile}: {without}");
        assert!(with.contains("KeyreeveOwnKey"), "{profile}: {with}");
    }
    let refused = place.run(&role(&["--rotate-own-key", "--print", "terraform"])).code(2);
    assert!(refused.stderr.contains("a role has no access key"), "{}", refused.stderr);
}

#[test]
fn an_account_on_moto_gets_its_connector() {
    let Some(emulator) = moto() else { return };
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let mut command = bare(arguments, folder.path());
        command
            .env("KEYREEVE_DATA_DIR", folder.path().join("data"))
            .env("AWS_ENDPOINT_URL", &emulator.endpoint);
        command.env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE").env("AWS_SECRET_ACCESS_KEY", "test");
        Ran::of(command.output().unwrap())
    };
    run(&["init"]).code(0);
    run(&user(&["--yes"])).code(0);
    let again = run(&user(&["--yes"])).code(0);
    assert!(again.stderr.contains("Everything is there already"), "{}", again.stderr);
    let checks = run(&["system", "check", ID, "--output", "json"]).json();
    let row = |name: &str| checks.as_array().unwrap().iter().find(|row| row["name"] == name).unwrap();
    assert!(row("identity")["message"].as_str().unwrap().ends_with(":user/keyreeve/keyreeve"), "{checks:#}");
    assert_eq!(row("administrator_equivalent")["state"], "ok", "{checks:#}");
}
