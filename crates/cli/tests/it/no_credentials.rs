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
    for collection in run["collections"].as_array().unwrap() {
        assert_eq!((&collection["calls"], &collection["retries"]), (&0.into(), &0.into()), "{collection}");
    }
    says_what_to_give(&ran);
    says_what_to_give(&place.run(&["account", "delete", SYSTEM, "ada", "--plan"]).code(2));
    assert!(place.sandbox.trace().is_empty());
}

#[track_caller]
fn says_what_to_give(ran: &Ran) {
    assert!(ran.stderr.contains("AWS_ACCESS_KEY_ID, or give the system its own"), "{}", ran.stderr);
}
