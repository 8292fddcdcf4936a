//! Where the key of the store is kept: a file, a variable, a credential of systemd, AWS KMS. S03: a key that is
//! missing, wrong, exposed, or beside the database.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::harness::{Place, Ran, SYSTEM};
use crate::peer;
use crate::secrets::{ALL, assert_clean};

const KEY: &str = "keyreeve-key-1 QE2V21BMZP3NO+T5JdVtceyaxEtFAMHt8p3QNh/BMrY=";
const OTHER: &str = "keyreeve-key-1 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

fn with(place: &Place, variables: &[(&str, &str)], arguments: &[&str]) -> Ran {
    Ran::of(place.command(arguments).envs(variables.iter().copied()).output().unwrap())
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[track_caller]
fn says(ran: &Ran, words: &str) {
    assert!(ran.stderr.contains(words), "{words:?} is not in {}", ran.stderr);
}

/// A backup is made, and what else is to be kept is said by where the key is kept.
#[track_caller]
fn keeps(place: &Place, variables: &[(&str, &str)], words: &str) {
    let made = with(place, variables, &["store", "backup", "copy.db"]).code(0);
    says(&made, words);
    assert_eq!(made.stderr.contains("key file"), words.contains("key file"), "{}", made.stderr);
}

#[test]
fn a_variable_can_hold_the_key() {
    let place = Place::with_users(0);
    let named = ("KEYREEVE_KEY", "env:KEYREEVE_STORE_KEY");
    let unset = with(&place, &[named], &["init"]).code(2);
    says(&unset, "KEYREEVE_STORE_KEY is not set");
    says(&unset, "openssl rand -base64 32");
    let here = [named, ("KEYREEVE_STORE_KEY", KEY)];
    let made = with(&place, &here, &["init", "--output", "json"]).code(0);
    assert_eq!(made.json()["key"], "env:KEYREEVE_STORE_KEY");
    assert_eq!(made.json()["key_file"], Value::Null);
    assert!(!place.data().join("keyreeve.key").exists());
    let listed = with(&place, &here, &["system", "list", "--log", ALL]).code(0);
    assert!(!listed.stderr.contains("mean nothing"), "{}", listed.stderr);
    assert!(!listed.stderr.contains(&KEY[15..]), "{}", listed.stderr);
    keeps(&place, &here, "a copy of the variable's value");
    says(&with(&place, &[named], &["system", "list"]).code(2), "is not set");
    assert_eq!(checked(&place, &here, "key")["state"], "ok");
    let missing = checked(&place, &[named], "key");
    assert!(missing["state"] == "error" && missing.to_string().contains("is not set"), "{missing}");
    for (wrong, words) in [(OTHER, "belongs to another key"), ("swordfish", "does not hold a Keyreeve key")] {
        let ran = with(&place, &[named, ("KEYREEVE_STORE_KEY", wrong)], &["system", "list"]).code(2);
        says(&ran, words);
        assert!(!ran.stderr.contains("swordfish"), "{}", ran.stderr);
    }
    says(&place.run(&["system", "list"]).code(2), "is kept at env:KEYREEVE_STORE_KEY");
    let pasted = with(&place, &[("KEYREEVE_KEY", KEY)], &["system", "list"]).code(2);
    says(&pasted, "`key` (KEYREEVE_KEY)");
    assert!(!pasted.stderr.contains(&KEY[15..]), "{}", pasted.stderr);
}

#[test]
fn systemd_can_hand_the_key_to_its_service() {
    let place = Place::with_users(0);
    let folder = place.folder.path().join("credentials");
    std::fs::create_dir(&folder).unwrap();
    let named = ("KEYREEVE_KEY", "systemd:store");
    says(&with(&place, &[named], &["init"]).code(2), "LoadCredential");
    let here = [named, ("CREDENTIALS_DIRECTORY", folder.to_str().unwrap())];
    says(&with(&place, &here, &["init"]).code(2), "no credential store");
    let file = folder.join("store");
    std::fs::write(&file, format!("{KEY}\n")).unwrap();
    set_mode(&file, 0o444);
    says(&with(&place, &here, &["init"]).code(2), "can be read or changed by others");
    // Where systemd grants its service the file by an access list, the group's bits are the list's mask.
    set_mode(&file, 0o440);
    with(&place, &here, &["init"]).code(0);
    with(&place, &here, &["system", "list"]).code(0);
    keeps(&place, &here, "a copy of what systemd's credential holds");
    says(&with(&place, &[named], &["system", "list"]).code(2), "LoadCredential");
    assert_eq!(checked(&place, &here, "key")["state"], "ok");
    let missing = checked(&place, &[named], "key");
    assert!(missing["state"] == "error" && missing.to_string().contains("LoadCredential"), "{missing}");
}

fn checked(place: &Place, variables: &[(&str, &str)], name: &str) -> Value {
    let checks = with(place, variables, &["doctor", "--output", "json"]).json();
    let found = checks.as_array().unwrap().iter().find(|check| check["name"] == name);
    found.unwrap_or_else(|| panic!("{name} is not in {checks}")).clone()
}

#[test]
fn s03_a_key_file_that_is_missing_wrong_exposed_or_beside_the_database_is_refused_or_warned_of() {
    let place = Place::with_users(0);
    let apart: PathBuf = place.folder.path().join("apart");
    std::fs::create_dir(&apart).unwrap();
    set_mode(&apart, 0o700);
    let file = apart.join("the.key");
    let text = format!("file:{}", file.display());
    let named = [("KEYREEVE_KEY", text.as_str())];
    with(&place, &named, &["init"]).code(0);
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o7777, 0o600);
    assert!(!place.data().join("keyreeve.key").exists());
    assert_eq!(checked(&place, &named, "key_beside_database")["state"], "ok");
    keeps(&place, &named, "a copy of the key file");
    set_mode(&file, 0o644);
    says(&with(&place, &named, &["system", "list"]).code(2), "chmod 600");
    assert_eq!(checked(&place, &named, "key_file")["state"], "error");
    set_mode(&file, 0o600);
    let right = std::fs::read(&file).unwrap();
    std::fs::write(&file, OTHER).unwrap();
    says(&with(&place, &named, &["system", "list"]).code(2), "belongs to another key");
    std::fs::remove_file(&file).unwrap();
    says(&with(&place, &named, &["system", "list"]).code(2), "there is no key file");
    says(&with(&place, &[("KEYREEVE_KEY", "file:the.key")], &["system", "list"]).code(2), "a whole one");
    std::fs::write(place.data().join("keyreeve.key"), &right).unwrap();
    set_mode(&place.data().join("keyreeve.key"), 0o600);
    place.run(&["system", "list"]).code(0);
    assert_eq!(checked(&place, &[], "key_beside_database")["state"], "warning");
}

/// Makes a key in KMS.
pub(crate) fn kms_key(endpoint: &str) -> String {
    const MAKE: &str = "import boto3, sys; \
                        print(boto3.client('kms', endpoint_url=sys.argv[1], region_name='eu-west-1', \
                        aws_access_key_id='a', aws_secret_access_key='b').create_key()['KeyMetadata']['Arn'])";
    let output =
        Command::new(peer::program("python").unwrap()).args(["-c", MAKE, endpoint]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn kms_opens_the_key_of_a_store() {
    let Some(moto) = peer::moto() else { return };
    let (arn, other) = (kms_key(&moto.endpoint), kms_key(&moto.endpoint));
    let place = Place::with_users(1);
    let (text, another) = (format!("kms:{arn}"), format!("kms:{other}"));
    let to_kms = ("AWS_ENDPOINT_URL_KMS", moto.endpoint.as_str());
    let signed = [("AWS_ACCESS_KEY_ID", "AKIAOPERATOR"), ("AWS_SECRET_ACCESS_KEY", "operators")];
    let here = [("KEYREEVE_KEY", text.as_str()), to_kms, signed[0], signed[1]];
    let refused = with(&place, &here[..2], &["init"]).code(2);
    says(&refused, "no AWS credentials were found");
    let made = with(&place, &here, &["init", "--output", "json", "--log", ALL]).code(0);
    assert_eq!(made.json()["key"], text);
    assert!(!made.stderr.contains("keyreeve-key-1"), "the key is logged");
    let key = place.key(crate::harness::ACCOUNT);
    let add = ["system", "add", "--name", "x", "--system-id", SYSTEM, "--secret-access-key-stdin"];
    let mut add = place.command(&[&add[..], &["--access-key-id", &key.access_key_id]].concat());
    let mut child = crate::harness::piped({
        add.envs(here);
        add
    });
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), key.secret_access_key.as_bytes()).unwrap();
    Ran::of(child.wait_with_output().unwrap()).code(0);
    let checked = with(&place, &here, &["system", "check", SYSTEM, "--log", ALL]).code(0);
    keeps(&place, &here, "nobody schedules that key's deletion");
    assert_clean(&place, &[&key.secret_access_key, "keyreeve-key-1"], &[&made, &checked]);
    // Without KMS, without its key, or by another key nothing opens.
    says(
        &with(
            &place,
            &[here[0], ("AWS_ENDPOINT_URL_KMS", "http://127.0.0.1:1"), here[2], here[3]],
            &["system", "list"],
        )
        .code(2),
        "AWS_ENDPOINT_URL_KMS",
    );
    says(
        &with(&place, &[("KEYREEVE_KEY", &another), to_kms, here[2], here[3]], &["system", "list"]).code(2),
        &format!("fetching the store's key from {another}"),
    );
    says(&place.run(&["system", "list"]).code(2), &format!("is kept at {text}"));
    // Sealed for this store and this version: no other can have it opened.
    place.sql("PRAGMA foreign_keys = OFF; UPDATE envelope SET store_id = 'another'");
    says(&with(&place, &here, &["system", "list"]).code(2), "Decrypt");
}
