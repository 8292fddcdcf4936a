//! Nothing to sign in with: no environment, no profile, no instance.

use crate::harness::{ACCOUNT, Place, Ran, SYSTEM};

#[test]
fn a_call_that_cannot_be_signed_is_no_call_and_no_trouble_of_the_network() {
    let place = Place::with_users(2);
    place.run(&["init"]).code(0);
    let added = place.run(&["system", "add", "--name", "x", "--system-id", SYSTEM, "--ambient"]).code(0);
    says_what_to_give(&added);
    assert!(added.stderr.contains("registered, but not verified"), "{}", added.stderr);
    let checked = place.run(&["system", "check", SYSTEM]).code(1);
    assert!(checked.stdout.contains("system set example --aws-profile"), "{}", checked.stdout);
    assert!(!checked.stdout.contains("network"), "{}", checked.stdout);
    says_what_to_give(&place.run(&["import", "run", SYSTEM]).code(2));

    let key = place.key(ACCOUNT);
    for with_key in [["system", "check", SYSTEM], ["import", "run", SYSTEM]] {
        let mut command = place.command(&with_key);
        command.env("AWS_ACCESS_KEY_ID", &key.access_key_id);
        command.env("AWS_SECRET_ACCESS_KEY", &key.secret_access_key);
        Ran::of(command.output().unwrap()).code(0);
    }
    place.sandbox.clear_trace();
    let ran = place.run(&["import", "run", SYSTEM, "--output", "json"]).code(1);
    let run = &ran.json();
    assert_eq!(run["failure"]["kind"], "credential_bad", "{run}");
    assert_eq!(run["aws_calls"], 0, "{run}");
    assert!(!ran.stderr.contains("login_profiles: whole"), "nobody was asked about: {}", ran.stderr);
    for collection in run["collections"].as_array().unwrap() {
        assert_eq!((&collection["calls"], &collection["retries"]), (&0.into(), &0.into()), "{collection}");
    }
    says_what_to_give(&ran);
    says_what_to_give(&place.run(&["account", "delete", SYSTEM, "ada", "--plan"]).code(2));
    assert!(place.sandbox.trace().is_empty());
}

#[test]
fn a_role_that_nobody_can_assume_lacks_credentials_and_no_network() {
    let place = Place::with_users(0);
    place.run(&["init"]).code(0);
    let role = format!("arn:aws:iam::{ACCOUNT}:role/keyreeve/connector");
    place.run(&["system", "add", "--name", "x", "--system-id", SYSTEM, "--role-arn", &role]).code(0);
    let checks = place.run(&["system", "check", SYSTEM, "--output", "json"]).code(1).json();
    let found = checks.as_array().unwrap().iter().find(|check| check["name"] == "identity");
    let found = found.unwrap_or_else(|| panic!("{checks:#}"));
    assert!(found["message"].as_str().unwrap().contains("no AWS credentials were found"), "{found}");
    assert!(!checks.to_string().contains("network"), "{checks:#}");
    assert!(place.sandbox.trace().is_empty());
}

#[test]
fn a_profile_that_does_not_exist_is_refused_before_anything_is_stored() {
    let place = Place::registered(0);
    let before = place.json(&["system", "show", SYSTEM]);
    let add = ["system", "add", "--name", "x", "--system-id", "x", "--aws-profile", "nope"];
    for arguments in [&add[..], &["system", "set", SYSTEM, "--aws-profile", "nope"]] {
        let refused = place.run(arguments).code(2);
        for part in ["the profile \"nope\" is neither in", "/.aws/config", "/.aws/credentials"] {
            assert!(refused.stderr.contains(part), "{}", refused.stderr);
        }
    }
    assert_eq!(place.json(&["system", "list"]).as_array().unwrap().len(), 1);
    assert_eq!(place.json(&["system", "show", SYSTEM]), before);

    let key = place.key(ACCOUNT);
    let (id, secret) = (&key.access_key_id, &key.secret_access_key);
    let files = place.folder.path().join(".aws");
    std::fs::create_dir(&files).unwrap();
    let text = format!("[profile nope]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n");
    std::fs::write(files.join("config"), text).unwrap();
    place.run(&add).code(0);
    place.run(&["system", "check", "x"]).code(0);
    // It was there once.
    std::fs::remove_file(files.join("config")).unwrap();
    let checked = place.run(&["system", "check", "x", "--output", "json"]).code(1);
    assert!(checked.stdout.contains("is neither in"), "{}", checked.stdout);
}

#[test]
fn an_administrator_without_credentials_hears_what_helps_and_no_more() {
    let place = Place::with_users(0);
    place.run(&["init"]).code(0);
    let bootstrap = ["aws", "bootstrap", "--system-id", "prod", "--user", "keyreeve", "--plan"];
    let refused = place.run(&bootstrap).code(2).stderr;
    assert!(refused.contains("hint: for this command alone, give --aws-profile P"), "{refused}");
    for noise in ["system set", "chain", "not enabled", "Attempted"] {
        assert!(!refused.contains(noise), "{noise}: {refused}");
    }
    let discover = place.run(&["organization", "discover", "--plan"]).code(2).stderr;
    assert!(
        discover.contains("no AWS credentials were found") && !discover.contains("Attempted"),
        "{discover}"
    );
}

#[track_caller]
fn says_what_to_give(ran: &Ran) {
    assert!(ran.stderr.contains("AWS_ACCESS_KEY_ID, or give the system its own"), "{}", ran.stderr);
}
