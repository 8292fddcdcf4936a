//! Who acts: tokens, their roles and systems, and the second person.

use serde_json::json;

use crate::harness::{OTHER_ACCOUNT, Place, SYSTEM};
use crate::secrets::{ALL, assert_absent, assert_clean};

/// A wish that needs a second person's word, asked for; the job's number.
#[track_caller]
fn ask(place: &Place, token: &str) -> String {
    let name = place.names()[0].clone();
    let asked = ["account", "deactivate", SYSTEM, &name, "--yes", "--output", "json"];
    let job = place.run_as(token, &asked).code(1).json();
    assert_eq!(job["state"], "awaiting_approval", "{job:#}");
    job["id"].to_string()
}

#[test]
fn a_token_is_shown_once_and_lets_its_owner_act_until_it_is_revoked() {
    let place = Place::registered(3);
    let token = place.token("ada", "operator", &["--expires-in-days", "30"]);
    let (id, secret) = token.strip_prefix("keyreeve_pat_").unwrap().split_once('_').unwrap();
    assert!(secret.len() >= 32, "{secret}");
    let run = place.run_as(&token, &["import", "run", SYSTEM, "--output", "json"]).code(0).json();
    assert_eq!(run["actor"], "ada");
    let listed = place.run(&["token", "list", "--output", "json"]).code(0);
    assert!(!listed.stdout.contains(secret));
    let listed = listed.json();
    let ada = listed.as_array().unwrap().iter().find(|one| one["id"] == *id).unwrap();
    assert_eq!(
        (&ada["owner"], &ada["role"], &ada["systems"]),
        (&json!("ada"), &json!("operator"), &json!([]))
    );
    assert!(ada["last_used_at"].is_string() && ada["expires_at"].is_string(), "{ada:#}");
    assert!(place.run(&["token", "list"]).code(0).stdout.contains("operator"));

    for wrong in [format!("{token}0"), token.replace(secret, &"0".repeat(64)), id.to_owned(), "x".to_owned()]
    {
        let refused = place.run_as(&wrong, &["system", "list"]).code(2);
        assert!(refused.stderr.contains("the token is not valid"), "{}", refused.stderr);
        assert!(!refused.stderr.contains(secret) && refused.stdout.is_empty());
    }
    place.run(&["token", "revoke", id]).code(0);
    let refused = place.run_as(&token, &["system", "list"]).code(2);
    assert!(refused.stderr.contains("of ada was revoked at"), "{}", refused.stderr);
    place.run(&["token", "revoke", "0123456789abcdef"]).code(2);
    for bad in [["--owner", "local:root"], ["--owner", " x"], ["--role", "king"], ["--system", "nobody"]] {
        let arguments = [&["token", "create", "--owner", "x", "--role", "viewer"][..], &bad].concat();
        place.run(&arguments).code(2);
    }
}

#[test]
fn the_first_token_is_an_admins_and_a_wrong_one_lets_nobody_in() {
    let place = Place::with_users(0);
    let made = place.run(&["init", "--output", "json"]).code(0).json();
    let first = made["token"].as_str().unwrap();
    let tokens = place.run_as(first, &["token", "list", "--output", "json"]).code(0).json();
    assert_eq!(tokens[0]["role"], "admin");
    place.run(&["token", "list"]).code(0);
    place.run_as("wrong", &["token", "list"]).code(2);
    place.run_as("wrong", &["doctor"]).code(0);
}

#[test]
fn a_role_allows_what_it_is_for_and_nothing_else() {
    let place = Place::imported(3);
    let roles = ["viewer", "operator", "approver", "admin"].map(|role| place.token(role, role, &[]));
    // What everybody may, what the operator may, what the approver may, what only the admin may.
    let commands: &[(&[&str], [bool; 4])] = &[
        (&["account", "list", SYSTEM], [true; 4]),
        (&["audit", "verify"], [true; 4]),
        (&["job", "list", SYSTEM], [true; 4]),
        (&["protect", "list", SYSTEM], [true; 4]),
        (&["drift", "list", SYSTEM], [true; 4]),
        (&["drift", "accept", SYSTEM, "1"], [false, false, true, true]),
        (&["import", "run", SYSTEM], [false, true, false, true]),
        (&["account", "create", SYSTEM, "--name", "x", "--plan"], [false, true, false, true]),
        (&["token", "list"], [false, false, false, true]),
        (&["protect", "add", SYSTEM, "--tag", "x"], [false, false, false, true]),
        (&["system", "set", SYSTEM, "max_deletes=9"], [false, false, false, true]),
        (&["store", "backup", "copy.db"], [false, false, false, true]),
    ];
    for (command, may) in commands {
        for (token, may) in roles.iter().zip(may) {
            let ran = place.run_as(token, command);
            assert_eq!(ran.code, if *may { 0 } else { 2 }, "{command:?}: {}", ran.stderr);
            assert!(*may || ran.stderr.contains("has the role"), "{}", ran.stderr);
        }
    }
}

#[test]
fn a_token_for_one_system_does_not_reach_another() {
    let place = Place::imported(3);
    place.add("other", OTHER_ACCOUNT).code(0);
    let token = place.token("ada", "admin", &["--system", "other"]);
    let systems = place.run_as(&token, &["system", "list", "--output", "json"]).code(0).json();
    assert_eq!(systems.as_array().unwrap().len(), 1, "{systems:#}");
    place.run_as(&token, &["system", "show", "other"]).code(0);
    let wishes = format!(
        "{{\"system\": \"{SYSTEM}\", \"wishes\": [{{\"task\": \"delete_account\", \"account\": \"x\"}}]}}"
    );
    std::fs::write(place.folder.path().join("wishes.json"), wishes).unwrap();
    let refused: &[&[&str]] = &[
        &["system", "show", SYSTEM],
        &["account", "list", SYSTEM],
        &["import", "show", "1"],
        &["import", "run", SYSTEM],
        &["job", "plan", "wishes.json"],
        &["job", "apply", "wishes.json", "--yes"],
        &["audit", "list"],
        &["token", "create", "--owner", "x", "--role", "admin"],
        &["store", "backup", "copy.db"],
    ];
    for command in refused {
        let ran = place.run_as(&token, command).code(2);
        assert!(ran.stderr.contains("of ada is "), "{command:?}: {}", ran.stderr);
    }
    let runs = place.run_as(&token, &["import", "run", "--all", "--output", "json"]).code(0).json();
    assert_eq!(runs.as_array().unwrap().len(), 1);
    assert_eq!(runs[0]["system_id"], "other");
}

#[test]
fn who_asked_cannot_approve_and_somebody_else_can() {
    let place = Place::imported(3);
    place.run(&["system", "set", SYSTEM, "max_deactivations=0", "permission_profile=lifecycle"]).code(0);
    let asks = place.token("Ada", "operator", &[]);
    let same = place.token("ada", "approver", &[]);
    let other = place.token("berta", "approver", &[]);
    let job = ask(&place, &asks);
    let approve = ["job", "approve", &job, "--yes", "--output", "json"];
    let refused = place.run_as(&asks, &approve).code(2);
    assert!(refused.stderr.contains("has the role operator"), "{}", refused.stderr);
    let refused = place.run_as(&same, &approve).code(2);
    assert!(refused.stderr.contains("somebody else must approve"), "{}", refused.stderr);
    assert!(
        refused.stderr.contains("hint: `keyreeve token create --owner NAME --role approver`"),
        "{}",
        refused.stderr
    );
    place.run_as(&asks, &["job", "apply", &job, "--yes"]).code(2);
    let approved = place.run_as(&other, &approve).code(0).json();
    assert_eq!((&approved["decided_by"], &approved["state"]), (&json!("berta"), &json!("queued")));
    place.run_as(&other, &["job", "apply", &job, "--yes"]).code(2);
    let done = place.run_as(&asks, &["job", "apply", &job, "--yes", "--output", "json"]).code(0).json();
    assert_eq!((&done["actor"], &done["state"]), (&json!("Ada"), &json!("succeeded")));
}

#[test]
fn an_empty_token_is_nobodys() {
    let place = Place::registered(0);
    for empty in ["", "  "] {
        let refused = place.run_as(empty, &["system", "list"]).code(2);
        assert!(refused.stderr.contains("KEYREEVE_TOKEN"), "{}", refused.stderr);
        assert!(refused.stderr.contains("empty"), "{}", refused.stderr);
        assert!(refused.stderr.contains("hint: ") && refused.stdout.is_empty(), "{}", refused.stderr);
    }
    place.run(&["system", "list"]).code(0);
}

#[test]
fn no_file_and_no_log_holds_a_token() {
    let place = Place::registered(2);
    let create = ["token", "create", "--owner", "ada", "--role", "admin", "--output", "json"];
    let logged = |token: Option<&str>, arguments: &[&str]| {
        let mut command = place.command(arguments);
        command.env("KEYREEVE_LOG", ALL);
        token.map(|token| command.env("KEYREEVE_TOKEN", token));
        crate::harness::Ran::of(command.output().unwrap())
    };
    let created = logged(None, &create).code(0);
    let created_stdout = created.json();
    let token = created_stdout["token"].as_str().unwrap();
    let secret = token.rsplit('_').next().unwrap();
    assert_absent(secret, "standard error", created.stderr.as_bytes());
    let ran = [
        logged(Some(token), &["import", "run", SYSTEM]).code(0),
        logged(Some(token), &["token", "list", "--output", "json"]).code(0),
        logged(Some(token), &["doctor"]).code(0),
        logged(Some(token), &["audit", "list", "--output", "json"]).code(0),
        logged(None, &["token", "revoke", token]).code(0),
        logged(Some(token), &["token", "list"]).code(2),
    ];
    assert_clean(&place, &[secret], &ran.iter().collect::<Vec<_>>());
}

#[test]
fn an_account_that_is_not_there_is_looked_for_in_the_list() {
    let place = Place::imported(1);
    for task in ["delete", "deactivate", "reset-password"] {
        let refused = place.run(&["account", task, SYSTEM, "nobody", "--yes"]).code(2);
        assert!(refused.stderr.contains("there is no account \"nobody\""), "{}", refused.stderr);
        assert!(refused.stderr.contains(&format!("`keyreeve account list {SYSTEM}`")), "{}", refused.stderr);
    }
}

#[test]
fn help_names_the_default_of_the_delivery() {
    let place = Place::registered(0);
    for command in ["create", "reactivate", "reset-password"] {
        let help = place.run(&["account", command, "--help"]).code(0).stdout;
        let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(help.contains("setting password_delivery, which is link unless it was set"), "{help}");
    }
}
