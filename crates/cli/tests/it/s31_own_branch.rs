//! S31: no account is changed that a system of the store signs in with, whichever system is asked to.

use keyreeve_sandbox::{Mutation, Trust};
use serde_json::Value;

use crate::bootstrap;
use crate::harness::{ACCOUNT, OTHER_ACCOUNT, Place};

const USER: &str = "keyreeve-connector";
const ADMINISTRATOR: &str = "administrator";
const DENY: &str = "arn:aws:iam::aws:policy/AWSDenyAll";

/// A system whose role in the first account is assumed with the stored key of a user of this account.
fn role_system(place: &Place, base: &str) {
    let trust = Trust { principals: vec![base.into()], external_id: None };
    let arn = "arn:aws:iam::aws:policy/AdministratorAccess".into();
    let role = Mutation::CreateRole { name: "connector".into(), path: "/".into(), trust };
    let may = Mutation::AttachRolePolicy { role: "connector".into(), arn };
    place.sandbox.mutate(ACCOUNT, &[role, may]).unwrap();
    let key = place.key(base);
    let role = format!("arn:aws:iam::{ACCOUNT}:role/connector");
    let add = ["system", "add", "--name", "By role", "--system-id", "role", "--role-arn", &role];
    let with = ["--access-key-id", &key.access_key_id, "--secret-access-key-stdin"];
    place.run_with_input(&[&add[..], &with].concat(), &key.secret_access_key);
    place.run(&["system", "set", "role", "permission_profile=full"]).code(0);
    place.run(&["import", "run", "role"]).code(0);
}

/// Every kind of change of an account is refused with these words, planned and asked for, and nothing is written.
#[track_caller]
fn is_never_changed(place: &Place, account: &str, says: &str) {
    place.sandbox.clear_trace();
    let changes: &[&[&str]] = &[
        &["account", "delete", "role", account],
        &["account", "deactivate", "role", account],
        &["account", "reactivate", "role", account],
        &["account", "reset-password", "role", account],
        &["account", "update", "role", account, "--new-name", "innocent"],
        &["account", "update", "role", account, "--new-path", "/x/"],
        &["account", "update", "role", account, "--boundary", DENY],
        &["assignment", "add", "role", "--account", account, "--policy", DENY],
        &["assignment", "remove", "role", "--account", account, "--policy", DENY],
    ];
    for change in changes {
        let planned = place.run(&[change, &["--plan", "--output", "json"][..]].concat()).code(1);
        let obstacle = &planned.json()["tasks"][0]["obstacles"][0];
        assert_eq!(obstacle["kind"], "protected", "{change:?}: {obstacle}");
        let message = obstacle["message"].as_str().unwrap();
        assert!(message.contains(says), "{change:?}: {message}");
        let refused = place.run(&[change, &["--yes"][..]].concat()).code(2);
        assert!(refused.stderr.contains(says), "{change:?}: {}", refused.stderr);
    }
    let writes: Vec<_> = place.sandbox.trace().into_iter().filter(|call| call.applied.is_some()).collect();
    assert!(writes.is_empty(), "{writes:?}");
}

#[test]
fn the_user_whose_key_a_role_is_assumed_with_is_never_changed() {
    let place = Place::with_users(1);
    place.run(&["init"]).code(0);
    role_system(&place, ACCOUNT);
    is_never_changed(&place, USER, "assumes the role of system role with");
    // Renamed behind our back it is still known by its id.
    place.mutate(&[Mutation::RenameUser { name: USER.into(), new_name: "jane".into() }]);
    is_never_changed(&place, "jane", "assumes the role of system role with");
}

#[test]
fn the_user_that_another_system_signs_in_with_is_never_changed() {
    let place = Place::with_users(1);
    place.run(&["init"]).code(0);
    role_system(&place, OTHER_ACCOUNT);
    place.add("prod", ACCOUNT).code(0);
    is_never_changed(&place, USER, "signs in with for system prod");
    // One that is no system's any more is an account like others.
    place.run(&["system", "remove", "prod", "--yes"]).code(0);
    place.run(&["account", "deactivate", "role", USER, "--plan"]).code(0);
}

/// A system that may change all accounts, and has seen them.
fn changing(place: &Place) {
    place.run(&["init"]).code(0);
    place.add("prod", ACCOUNT).code(0);
    place.run(&["system", "set", "prod", "permission_profile=full"]).code(0);
}

#[track_caller]
fn is_refused(place: &Place, account: &str, says: &str) {
    place.run(&["import", "run", "prod"]).code(0);
    let refused = place.run(&["account", "deactivate", "prod", account, "--yes"]).code(2);
    assert!(refused.stderr.contains(says), "{account}: {}", refused.stderr);
}

/// Registered is enough: nobody has to have checked or imported the system first.
#[test]
fn a_connector_is_protected_before_it_has_signed_in() {
    let place = Place::with_users(1);
    changing(&place);
    // The user behind a role that lets nobody in yet, and the one that is made for a system.
    let base = bootstrap::administrator(&place);
    let role = format!("arn:aws:iam::{ACCOUNT}:role/not-there");
    let add = ["system", "add", "--name", "By role", "--system-id", "role", "--role-arn", &role];
    let with = ["--access-key-id", &base.access_key_id, "--secret-access-key-stdin"];
    place.run_with_input(&[&add[..], &with].concat(), &base.secret_access_key).code(0);
    bootstrap::run(&place, &["aws", "bootstrap", "--system-id", "made", "--user", "made", "--yes"]).code(0);
    is_refused(&place, ADMINISTRATOR, "assumes the role of system role with");
    is_refused(&place, "made", "signs in with for system made");
}

/// The SDK follows the chain of profiles by itself, and tells nobody.
#[test]
fn the_user_behind_the_role_of_a_profile_is_never_changed() {
    let place = Place::with_users(1);
    changing(&place);
    let trust = Trust { principals: vec![ACCOUNT.into()], external_id: None };
    let arn = "arn:aws:iam::aws:policy/AdministratorAccess".into();
    let role = Mutation::CreateRole { name: "chained".into(), path: "/".into(), trust };
    place.mutate(&[role, Mutation::AttachRolePolicy { role: "chained".into(), arn }]);
    let key = bootstrap::administrator(&place);
    let folder = place.folder.path().join(".aws");
    std::fs::create_dir(&folder).unwrap();
    let (id, secret) = (&key.access_key_id, &key.secret_access_key);
    let text = format!("[source]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n");
    std::fs::write(folder.join("credentials"), text).unwrap();
    let text = format!(
        "[profile chained]\nrole_arn = arn:aws:iam::{ACCOUNT}:role/chained\nsource_profile = source\n"
    );
    std::fs::write(folder.join("config"), text).unwrap();
    let add = ["system", "add", "--name", "By profile", "--system-id", "profile", "--aws-profile", "chained"];
    place.run(&add).code(0);
    is_refused(&place, ADMINISTRATOR, "assumes the role of system profile with");
}

#[test]
fn a_store_of_before_learns_who_its_systems_are_by_an_import_or_a_check() {
    for command in [&["system", "check", "prod"][..], &["import", "run", "prod"]] {
        let place = Place::with_users(1);
        place.run(&["init"]).code(0);
        role_system(&place, OTHER_ACCOUNT);
        place.add("prod", ACCOUNT).code(0);
        place.sql("DELETE FROM signers");
        place.run(command);
        let deactivate = ["account", "deactivate", "role", USER, "--plan", "--output", "json"];
        let planned: Value = place.run(&deactivate).code(1).json();
        assert_eq!(planned["tasks"][0]["obstacles"][0]["kind"], "protected", "{command:?}: {planned}");
    }
}

#[test]
fn a_plan_whose_account_a_system_signs_in_with_since_is_refused_for_that_reason() {
    let place = Place::with_users(1);
    place.run(&["init"]).code(0);
    role_system(&place, OTHER_ACCOUNT);
    place.run(&["system", "set", "role", "max_deletes=0"]).code(0);
    let asked = ["account", "delete", "role", USER, "--yes", "--output", "json"];
    let job = place.run(&asked).code(1).json()["id"].to_string();
    let approver = place.token("berta", "approver", &[]);
    let approve = ["job", "approve", &job, "--yes"];
    place.add("prod", ACCOUNT).code(0);
    let refused = place.run_as(&approver, &approve).code(1);
    let why = format!("planned: account {USER}: ");
    assert!(refused.stderr.contains(&why), "{}", refused.stderr);
    assert!(refused.stderr.contains("signs in with for system prod"), "{}", refused.stderr);
    assert!(!refused.stderr.contains("not known or none"), "{}", refused.stderr);
}
