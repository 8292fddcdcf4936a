//! R44: changing the store's key ends at each of its points, and is killed at any moment; the store always opens, with
//! all it holds, and the command goes on. S01: no file holds a secret in clear through all of it.

use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use keyreeve_sandbox::{Effect, FaultRule};
use keyreeve_store::{CrashPoint, CrashStage, NextFileCustody, StoreKey};
use serde_json::Value;

use crate::harness::{ACCOUNT, OTHER_ACCOUNT, Place, Ran, SYSTEM, piped, until};
use crate::peer;
use crate::secrets::{assert_absent, assert_clean};

const REKEY: [&str; 3] = ["secrets", "rekey", "--yes"];

/// Two systems with secrets, and a password that waits for its operator.
fn staffed() -> Place {
    let place = Place::imported(0);
    place.add("other", OTHER_ACCOUNT).code(0);
    let settings = ["permission_profile=full", "password_delivery=operator"];
    place.run(&[&["system", "set", SYSTEM][..], &settings].concat()).code(0);
    place.run(&["account", "create", SYSTEM, "--name", "eve", "--deliver", "operator", "--yes"]).code(0);
    place
}

/// Everything opens: the secrets are what AWS accepts, and the log is as it was written.
#[track_caller]
fn all_is_there(place: &Place, when: &str) {
    for system in [SYSTEM, "other"] {
        let checks = place.run(&["system", "check", system, "--output", "json"]).json();
        let reachable = checks.as_array().unwrap().iter().find(|check| check["name"] == "reachable");
        assert_eq!(reachable.unwrap_or_else(|| panic!("{when}: {checks}"))["state"], "ok", "{when}");
    }
    place.run(&["audit", "verify"]).code(0);
    let retained = "SELECT COUNT(*) FROM secrets s JOIN data_keys k ON k.scope = 'system:' || s.owner_row \
                    AND k.version = s.key_version";
    let secrets = place.rows("SELECT COUNT(*) FROM secrets");
    assert_eq!(place.rows(retained), secrets, "{when}: each secret has its key");
}

fn key(place: &Place) -> PathBuf {
    place.data().join("keyreeve.key")
}

#[test]
fn r44_a_change_of_the_key_that_ends_at_any_point_goes_on() {
    let place = staffed();
    let points = CrashPoint::ALL.iter().filter(|point| point.stage() == CrashStage::Rekeying);
    let mut ended = 0;
    for (point, data_keys) in points.flat_map(|point| [(point, false), (point, true)]) {
        let mut command = REKEY.to_vec();
        command.extend(data_keys.then_some("--data-keys"));
        for number in 1.. {
            let at = format!("{}:{number}", point.name());
            let output = place.command(&command).env("KEYREEVE_CRASH_AT", &at).output().unwrap();
            if output.status.success() {
                let least = match point {
                    CrashPoint::BeforeRekeyCommit | CrashPoint::AfterRekeyCommit if data_keys => 12,
                    CrashPoint::BeforeRekeyCommit | CrashPoint::AfterRekeyCommit => 5,
                    _ => 1,
                };
                assert!(number > least, "{at}: passed only {number} times");
                break;
            }
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.signal(), Some(6), "{at}: {said}");
            all_is_there(&place, &at);
            place.run(&REKEY).code(0);
            ended += 1;
        }
    }
    assert!(ended > 40, "only {ended} processes ended");
    all_is_there(&place, "ended");
    assert!(!key(&place).with_extension("key.next").exists());
    let shown = place.run(&["password", "reveal", "1", "--output", "json"]).code(0).json();
    assert_eq!(shown["password"].as_str().unwrap().len(), 24, "{shown}");
}

#[test]
fn r44_a_change_of_the_key_that_is_killed_at_any_moment_goes_on() {
    let place = staffed();
    for number in 0..6 {
        let account = if number % 2 == 0 { ACCOUNT } else { OTHER_ACCOUNT };
        place.add(&format!("more{number}"), account).code(0);
    }
    let mut killed = 0;
    // From before anything is written to past the end, in uneven steps.
    for millis in (5..400).step_by(13) {
        let mut child = piped(place.command(&["secrets", "rekey", "--yes", "--data-keys"]));
        std::thread::sleep(Duration::from_millis(millis));
        killed += u32::from(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
        all_is_there(&place, &format!("killed after {millis} ms"));
    }
    assert!(killed >= 3, "only {killed} were killed");
    place.run(&REKEY).code(0);
    all_is_there(&place, "ended");
}

#[test]
fn a_plan_changes_nothing_and_without_a_word_nothing_is_done() {
    let place = staffed();
    let before = std::fs::read(key(&place)).unwrap();
    let planned = place.run(&["secrets", "rekey", "--plan", "--data-keys", "--output", "json"]).code(0);
    assert_eq!(planned.json()["state"], "planned");
    assert_eq!(
        (&planned.json()["secrets"], &planned.json()["passwords"]),
        (&Value::from(2), &Value::from(1))
    );
    assert!(planned.stderr.contains("Backups made before still need key 1"), "{}", planned.stderr);
    place.run(&["secrets", "rekey"]).code(2);
    assert_eq!(std::fs::read(key(&place)).unwrap(), before);
    assert_eq!(place.rows("SELECT COUNT(*) FROM key_custodies")[0][0], 1);
    let viewer = place.token("vera", "operator", &[]);
    let refused = place.run_as(&viewer, &REKEY).code(2);
    assert!(refused.stderr.contains("admin"), "{}", refused.stderr);
}

#[test]
fn s01_no_file_holds_a_secret_through_a_rekey_a_failed_save_and_an_old_backup() {
    let place = staffed();
    let secrets = [ACCOUNT, OTHER_ACCOUNT].map(|account| place.key(account).secret_access_key);
    let canaries: Vec<&str> = secrets.iter().map(String::as_str).collect();
    let clean = |ran: &Ran| assert_clean(&place, &canaries, &[ran]);
    clean(&place.run(&["store", "backup", "before.db"]).code(0));
    let changed = place.run(&["secrets", "rekey", "--yes", "--data-keys", "--reason", "leaver"]).code(0);
    clean(&changed);
    assert!(changed.stderr.contains("keyreeve.key.old-"), "{}", changed.stderr);
    let named = |name: &str| name.starts_with("keyreeve.key.old-");
    let files = std::fs::read_dir(place.data()).unwrap().map(|entry| entry.unwrap().path());
    let mut olds = files.filter(|path| named(path.file_name().unwrap().to_str().unwrap()));
    let old = olds.next().unwrap();
    let rows = place.json(&["audit", "list"]);
    let begun = rows.as_array().unwrap().iter().find(|row| row["action"] == "rekey_begun").unwrap();
    assert_eq!(begun["subject"]["reason"], "leaver");
    assert_absent(&secrets[0], "the audit log", rows.to_string().as_bytes());
    for point in ["before_rekey_commit:3", "after_rekey_commit:4"] {
        let output = place.command(&["secrets", "rekey", "--yes", "--data-keys"]);
        let output = { output }.env("KEYREEVE_CRASH_AT", point).output().unwrap();
        assert_eq!(output.status.signal(), Some(6));
        clean(&place.run(&["system", "list"]).code(0));
        clean(&place.run(&REKEY).code(0));
    }
    // The backup of before opens with the key of before, and with no other.
    let refused = place.run(&["store", "restore", "before.db", "--yes"]).code(2);
    assert!(refused.stderr.contains(".old-"), "{}", refused.stderr);
    std::fs::copy(key(&place), place.data().join("latest.key")).unwrap();
    std::fs::copy(old, key(&place)).unwrap();
    clean(&place.run(&["store", "restore", "before.db", "--yes"]).code(0));
    all_is_there(&place, "restored");
    // The key of before is kept already, and is kept again.
    clean(&place.run(&["secrets", "rekey", "--yes", "--data-keys"]).code(0));
    all_is_there(&place, "restored and changed again");
}

#[test]
fn an_import_goes_on_while_the_key_is_changed() {
    let place = staffed();
    for (data_keys, waits) in [(false, false), (true, true)] {
        let fault = FaultRule::new("ListGroups", Effect::Latency { ms: 2_500 }).times(1);
        place.sandbox.add_fault(fault);
        let import = piped(place.command(&["import", "run", SYSTEM]));
        until("the import to read", || {
            place.sandbox.faults().iter().any(|fault| fault.fires > 0).then_some(())
        });
        let mut command = REKEY.to_vec();
        command.extend(data_keys.then_some("--data-keys"));
        let changed = place.run(&command).code(0);
        assert_eq!(changed.stderr.contains("Waiting for import run"), waits, "{}", changed.stderr);
        Ran::of(import.wait_with_output().unwrap()).code(0);
        place.sandbox.clear_faults();
        all_is_there(&place, "beside an import");
    }
}

fn under(place: &Place, key: &str, more: &[(&str, &str)], arguments: &[&str]) -> Ran {
    let mut command = place.command(arguments);
    Ran::of(command.env("KEYREEVE_KEY", key).envs(more.iter().copied()).output().unwrap())
}

/// Moves the key to a place: both configurations work until the second command ends it.
fn moves_to(place: &Place, from: &str, to: &str, more: &[(&str, &str)]) {
    let move_it = ["secrets", "rekey", "--yes", "--to", to, "--output", "json"];
    let begun = under(place, from, more, &move_it).code(1);
    assert_eq!(begun.json()["state"], "waiting_for_configuration", "{to}");
    assert!(begun.stderr.contains(&format!("key = \"{to}\"")), "{}", begun.stderr);
    for key in [from, to] {
        under(place, key, more, &["system", "list"]).code(0);
        assert!(under(place, key, more, &["audit", "verify"]).code == 0);
    }
    let refused = under(place, from, more, &["secrets", "rekey", "--yes", "--to", "env:ANOTHER"]).code(2);
    assert!(refused.stderr.contains("is not ended yet"), "{}", refused.stderr);
    assert_eq!(under(place, from, more, &move_it).code(1).json()["state"], "waiting_for_configuration");
    let ended = under(place, to, more, &["secrets", "rekey", "--yes", "--output", "json"]).code(0);
    assert_eq!(ended.json()["state"], "done", "{to}");
    let old = under(place, from, more, &["system", "list"]).code(2);
    assert!(old.stderr.contains(to), "it says where the key is: {}", old.stderr);
    under(place, to, more, &["system", "check", "other"]);
    under(place, to, more, &["audit", "verify"]).code(0);
}

#[test]
fn the_key_can_be_moved_to_another_custody_and_back() {
    let place = staffed();
    let moto = peer::moto();
    let endpoint = moto.as_ref().map_or("http://127.0.0.1:1", |moto| moto.endpoint.as_str());
    let more = [
        ("KEYREEVE_STORE_KEY", "keyreeve-key-1 QE2V21BMZP3NO+T5JdVtceyaxEtFAMHt8p3QNh/BMrY="),
        ("AWS_ENDPOINT_URL_KMS", endpoint),
        ("AWS_ACCESS_KEY_ID", "AKIAOPERATOR"),
        ("AWS_SECRET_ACCESS_KEY", "operators"),
    ];
    let file = |path: &Path| format!("file:{}", path.display());
    let (first, elsewhere) = (file(&key(&place)), file(&place.folder.path().join("elsewhere.key")));
    moves_to(&place, &first, "env:KEYREEVE_STORE_KEY", &more);
    let same = under(&place, "env:KEYREEVE_STORE_KEY", &more, &REKEY).code(2);
    assert!(same.stderr.contains("cannot hold two"), "{}", same.stderr);
    let taken =
        under(&place, "env:KEYREEVE_STORE_KEY", &more, &[&REKEY[..], &["--to", &first]].concat()).code(2);
    assert!(taken.stderr.contains("give a path that is free"), "{}", taken.stderr);
    moves_to(&place, "env:KEYREEVE_STORE_KEY", &elsewhere, &more);
    under(&place, &elsewhere, &more, &REKEY).code(0);
    if moto.is_some() {
        let kms = format!("kms:{}", crate::custody::kms_key(endpoint));
        moves_to(&place, &elsewhere, &kms, &more);
        under(&place, &kms, &more, &["secrets", "rekey", "--yes", "--data-keys"]).code(0);
        under(&place, &kms, &more, &["audit", "verify"]).code(0);
    }
    let used = under(&place, &elsewhere, &more, &["system", "list"]);
    assert_eq!(used.code, if moto.is_some() { 2 } else { 0 }, "{}", used.stderr);
}

#[test]
fn a_change_whose_new_key_was_lost_is_given_up_and_may_go_elsewhere() {
    let place = staffed();
    let old = format!("file:{}", key(&place).display());
    let lost = [("KEYREEVE_LOST", "keyreeve-key-1 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")];
    let kept = [("KEYREEVE_STORE_KEY", "keyreeve-key-1 QE2V21BMZP3NO+T5JdVtceyaxEtFAMHt8p3QNh/BMrY=")];
    let to = |place: &'static str| [&REKEY[..], &["--to", place]].concat();
    let nothing = place.run(&["secrets", "rekey", "--abandon", "--yes"]).code(2);
    assert!(nothing.stderr.contains("no change of the store's key is under way"), "{}", nothing.stderr);
    under(&place, &old, &lost, &to("env:KEYREEVE_LOST")).code(1);
    // The variable is gone.
    let stuck = under(&place, &old, &kept, &REKEY).code(2);
    assert!(stuck.stderr.contains("secrets rekey --abandon"), "{}", stuck.stderr);
    assert!(stuck.stderr.contains("KEYREEVE_LOST is not set"), "{}", stuck.stderr);
    assert!(!stuck.stderr.contains("openssl"), "no key is made for what is begun: {}", stuck.stderr);
    let elsewhere = under(&place, &old, &kept, &to("env:KEYREEVE_STORE_KEY")).code(2);
    assert!(elsewhere.stderr.contains("4 data keys") || elsewhere.stderr.contains("3 data keys"));
    assert!(elsewhere.stderr.contains("secrets rekey --abandon"), "{}", elsewhere.stderr);
    let abandon = ["secrets", "rekey", "--abandon", "--reason", "lost", "--output", "json"];
    let planned = place.run(&[&abandon[..], &["--plan"]].concat()).code(0);
    assert_eq!((&planned.json()["state"], &planned.json()["key"]), (&"planned".into(), &2.into()));
    assert_eq!(place.rows("SELECT COUNT(*) FROM key_custodies WHERE state = 'coming'")[0][0], 1);
    let done = place.run(&[&abandon[..], &["--yes"]].concat()).code(0);
    assert_eq!(done.json()["state"], "abandoned", "{}", done.stderr);
    assert!(done.stderr.contains("Key 1 opens the store, as before"), "{}", done.stderr);
    let rows = place.json(&["audit", "list", "--action", "rekey_abandoned"]);
    assert_eq!(rows[0]["subject"]["reason"], "lost", "{rows}");
    all_is_there(&place, "given up");
    under(&place, &old, &kept, &to("env:KEYREEVE_STORE_KEY")).code(1);
    let done = under(&place, "env:KEYREEVE_STORE_KEY", &kept, &REKEY).code(0);
    assert!(done.stderr.contains("Key 1 opens this store no more"), "{}", done.stderr);
    under(&place, "env:KEYREEVE_STORE_KEY", &kept, &["audit", "verify"]).code(0);
}

#[test]
fn a_change_that_has_sealed_nothing_yet_goes_to_another_place() {
    let place = staffed();
    // It ended directly after it was begun.
    let mut command = place.command(&REKEY);
    let output = command.env("KEYREEVE_CRASH_AT", "after_rekey_commit:1").output().unwrap();
    assert_eq!(output.status.signal(), Some(6));
    std::fs::remove_file(place.data().join("keyreeve.key.next")).unwrap();
    let stuck = place.run(&REKEY).code(2);
    assert!(stuck.stderr.contains("secrets rekey --abandon"), "{}", stuck.stderr);
    assert!(stuck.stderr.contains("its place holds another key"), "{}", stuck.stderr);
    let elsewhere = format!("file:{}", place.folder.path().join("elsewhere.key").display());
    let to = ["secrets", "rekey", "--to", &elsewhere];
    let planned = place.run(&[&to[..], &["--plan"]].concat()).code(0);
    assert!(planned.stderr.contains("key 2") && planned.stderr.contains("is given up"), "{}", planned.stderr);
    place.run(&[&to[..], &["--yes"]].concat()).code(1);
    let [there, away] = ["elsewhere.key", "away.key"].map(|name| place.folder.path().join(name));
    std::fs::rename(&there, &away).unwrap();
    let stuck = place.run(&REKEY).code(2);
    assert!(stuck.stderr.contains("there is no key file"), "{}", stuck.stderr);
    assert!(!stuck.stderr.contains("keyreeve init"), "no store is begun anew for that: {}", stuck.stderr);
    std::fs::rename(&away, &there).unwrap();
    let done = under(&place, &elsewhere, &[], &[&REKEY[..], &["--output", "json"]].concat()).code(0);
    assert_eq!((&done.json()["state"], &done.json()["key"]), (&"done".into(), &3.into()));
    let actions = under(&place, &elsewhere, &[], &["audit", "list", "--output", "json"]).code(0).json();
    let actions: Vec<_> = actions.as_array().unwrap().iter().map(|row| row["action"].clone()).collect();
    assert_eq!(actions[..4], ["rekey_finished", "rekey_begun", "rekey_abandoned", "rekey_begun"]);
}

#[test]
fn a_change_given_up_at_any_point_leaves_a_store_that_opens_and_can_be_changed() {
    let place = staffed();
    for (begun, given_up) in
        [("before_key_swap:1", "before_rekey_commit:1"), ("after_key_swap:1", "after_rekey_commit:1")]
    {
        let stop = |arguments: &[&str], at: &str, key: &str| {
            let mut command = place.command(arguments);
            let output = command.env("KEYREEVE_CRASH_AT", at).env("KEYREEVE_KEY", key).output().unwrap();
            assert_eq!(output.status.signal(), Some(6), "{}", String::from_utf8_lossy(&output.stderr));
        };
        let active = StoreKey::read_file(&key(&place)).unwrap();
        let own = format!("file:{}", key(&place).display());
        stop(&REKEY, begun, &own);
        let kept = NextFileCustody(key(&place)).kept(&active.fingerprint());
        let old = if kept.exists() { format!("file:{}", kept.display()) } else { own.clone() };
        if begun.starts_with("after") {
            let refused = place.run(&["secrets", "rekey", "--abandon", "--yes"]).code(2);
            assert!(refused.stderr.contains("KEYREEVE_KEY="), "{}", refused.stderr);
        }
        let abandon = ["secrets", "rekey", "--abandon", "--yes"];
        stop(&abandon, given_up, &old);
        let old = if kept.exists() { old } else { own };
        under(&place, &old, &[], &abandon).code(0);
        assert_eq!(StoreKey::read_file(&key(&place)).unwrap().fingerprint(), active.fingerprint());
        all_is_there(&place, given_up);
        place.run(&REKEY).code(0);
        all_is_there(&place, "changed again");
    }
}

#[test]
fn a_change_that_was_given_up_may_go_to_the_same_file_again() {
    let place = staffed();
    let elsewhere = place.folder.path().join("elsewhere.key");
    let name = format!("file:{}", elsewhere.display());
    let to = [&REKEY[..], &["--to", &name]].concat();
    let abandon = ["secrets", "rekey", "--abandon", "--yes", "--output", "json"];
    place.run(&to).code(1);
    let given_up = StoreKey::read_file(&elsewhere).unwrap().fingerprint();
    let done = place.run(&abandon).code(0);
    // It is out of the way, and not destroyed.
    let aside = PathBuf::from(done.json()["old_key_file"].as_str().unwrap());
    assert!(!elsewhere.exists());
    assert_eq!(StoreKey::read_file(&aside).unwrap().fingerprint(), given_up);
    // And so is one whose change was given up by a process that ended before it took the file away.
    place.run(&to).code(1);
    let output = place.command(&abandon).env("KEYREEVE_CRASH_AT", "after_rekey_commit:1").output().unwrap();
    assert_eq!(output.status.signal(), Some(6));
    assert!(elsewhere.exists());
    place.run(&to).code(1);
    under(&place, &name, &[], &REKEY).code(0);
    under(&place, &name, &[], &["audit", "verify"]).code(0);
    // What lies there and is no key of a change is left alone.
    let taken = place.folder.path().join("taken.key");
    std::fs::copy(&aside, &taken).unwrap();
    let refused =
        under(&place, &name, &[], &[&REKEY[..], &["--to", &format!("file:{}", taken.display())]].concat());
    assert!(refused.code(2).stderr.contains("give a path that is free"));
}

#[test]
fn the_old_key_is_named_where_it_was_read_from_after_a_restore() {
    let place = staffed();
    place.run(&["store", "backup", "copy.db"]).code(0);
    let of_backup = StoreKey::read_file(&key(&place)).unwrap().fingerprint();
    place.run(&REKEY).code(0);
    let safe = place.folder.path().join("safe.key");
    std::fs::rename(NextFileCustody(key(&place)).kept(&of_backup), &safe).unwrap();
    let [old, new] = [&safe, &place.data().join("second.key")].map(|path| format!("file:{}", path.display()));
    under(&place, &old, &[], &["store", "restore", "copy.db", "--yes"]).code(0);
    let move_it = ["secrets", "rekey", "--to", &new];
    let planned = under(&place, &old, &[], &[&move_it[..], &["--plan"]].concat()).code(0);
    assert!(planned.stderr.contains(&format!("kept at {old}")), "{}", planned.stderr);
    under(&place, &old, &[], &[&move_it[..], &["--yes"]].concat()).code(1);
    let done = under(&place, &new, &[], &REKEY).code(0);
    let named = format!("it is at {}.", safe.display());
    assert!(done.stderr.contains(&named), "{}", done.stderr);
    assert!(
        !done.stderr.contains(&key(&place).display().to_string()),
        "another key is there: {}",
        done.stderr
    );
    // Nor is a place named as the old key's from which it was moved meanwhile, to where nobody looks.
    let third = format!("file:{}", place.data().join("third.key").display());
    under(&place, &new, &[], &["secrets", "rekey", "--yes", "--to", &third]).code(1);
    std::fs::rename(place.data().join("second.key"), place.folder.path().join("apart.key")).unwrap();
    let done = under(&place, &third, &[], &REKEY).code(0);
    assert!(done.stderr.contains(&format!("it was at {new}, where it is no more")), "{}", done.stderr);
}

fn put_aside(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.display().to_string().contains(".old-")).collect()
}

#[test]
fn a_plain_change_under_a_key_of_before_puts_the_new_one_where_the_store_has_it() {
    let place = staffed();
    place.run(&["store", "backup", "copy.db"]).code(0);
    place.run(&REKEY).code(0);
    let old = put_aside(&place.data()).remove(0);
    let named = format!("file:{}", old.display());
    let with =
        |arguments: &[&str]| Ran::of(place.command(arguments).env("KEYREEVE_KEY", &named).output().unwrap());
    with(&["store", "restore", "copy.db", "--yes"]).code(0);
    let second = std::fs::read(key(&place)).unwrap();
    let changed = with(&["secrets", "rekey", "--yes", "--output", "json"]).code(1).json();
    assert_eq!(changed["state"], "waiting_for_configuration", "{changed}");
    assert_eq!(changed["custody"], format!("file:{}", key(&place).display()), "{changed}");
    place.run(&REKEY).code(0);
    all_is_there(&place, "under the new key");
    // The key that was in the place, and the one of before, are kept.
    let kept: Vec<_> = put_aside(&place.data()).iter().map(|path| std::fs::read(path).unwrap()).collect();
    assert!(kept.contains(&second) && kept.len() == 2, "{:?}", put_aside(&place.data()));
}

#[test]
fn a_change_that_was_given_up_is_not_given_up_again_and_its_key_replaced_nothing() {
    let place = staffed();
    let apart = place.folder.path().join("apart");
    std::fs::create_dir(&apart).unwrap();
    let to = format!("file:{}", apart.join("new.key").display());
    place.run(&["secrets", "rekey", "--yes", "--to", &to]).code(1);
    let abandon = ["secrets", "rekey", "--abandon", "--yes"];
    place.run(&abandon).code(0);
    let again = place.run(&abandon).code(2);
    assert!(again.stderr.contains("was given up already"), "{}", again.stderr);
    let given_up = put_aside(&apart).remove(0);
    std::fs::copy(given_up, place.data().join("keyreeve.key.old-12345678")).unwrap();
    let checks = place.run(&["doctor", "--output", "json"]).json();
    let named = |name: &str| checks.as_array().unwrap().iter().find(|check| check["name"] == name).cloned();
    assert!(named("given_up_keys").unwrap().to_string().contains("old-12345678"), "{checks}");
    assert_eq!(named("old_keys"), None, "{checks}");
}
