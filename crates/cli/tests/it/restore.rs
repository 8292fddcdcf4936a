//! Putting a backup back.

use std::process::Command;

use keyreeve_sandbox::{Effect, FaultRule, Mutation};
use serde_json::json;

use crate::harness::{ACCOUNT, OTHER_ACCOUNT, Place, Ran, SYSTEM, piped, python, until};

/// What a restore has made in the data folder, or left there.
fn made(place: &Place) -> Vec<String> {
    std::fs::read_dir(place.data())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| {
            [".replaced-", ".restoring", ".restore-plan"]
                .iter()
                .any(|part| name.starts_with("keyreeve.db") && name.contains(part))
        })
        .collect()
}

/// A store with a copy of it, whose next import takes a while.
fn backed_up_and_slow() -> Place {
    let place = Place::imported(3);
    place.run(&["store", "backup", "copy.db"]).code(0);
    place.sandbox.clear_trace();
    place.sandbox.add_fault(FaultRule::new("*", Effect::Latency { ms: 3_000 }));
    place
}

#[test]
fn a_restore_while_an_import_is_under_way_is_refused_and_loses_nothing() {
    let place = backed_up_and_slow();
    let child = piped(place.command(&["import", "run", SYSTEM]));
    until("the import to begin", || (!place.sandbox.trace().is_empty()).then_some(()));
    let ran = place.run(&["store", "restore", "copy.db", "--yes"]).code(2);
    assert!(ran.stderr.contains("is in use"), "{}", ran.stderr);
    assert!(ran.stderr.contains("hint: end every other keyreeve"), "{}", ran.stderr);
    // A plan only reads.
    let plan = place.json(&["store", "restore", "copy.db", "--plan"]);
    assert_eq!((&plan["restored"], &plan["brought_back"]["systems"]), (&json!(false), &json!(1)), "{plan}");
    assert_eq!(plan["gone_since"]["systems_removed"], json!([]), "{plan}");
    place.sandbox.clear_faults();
    let ended = child.wait_with_output().unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    assert_eq!(place.json(&["import", "show", "2"])["state"], "published");
    assert_eq!(made(&place), Vec::<String>::new());
}

#[test]
fn a_killed_import_holds_a_restore_up_only_for_its_lease() {
    let place = backed_up_and_slow();
    let mut command = place.command(&["import", "run", SYSTEM]);
    command.env("KEYREEVE_IMPORT_LEASE_SECONDS", "2");
    let mut child = piped(command);
    until("the import to begin", || (!place.sandbox.trace().is_empty()).then_some(()));
    child.kill().unwrap();
    child.wait().unwrap();
    let ran = place.run(&["store", "restore", "copy.db", "--yes"]).code(2);
    assert!(ran.stderr.contains("import run 2 is under way"), "{}", ran.stderr);
    until("the lease to run out", || {
        (place.run(&["store", "restore", "copy.db", "--yes"]).code == 0).then_some(())
    });
}

#[test]
fn a_backup_under_another_key_leaves_the_healthy_store_in_place() {
    let (place, other) = (Place::imported(3), Place::imported(0));
    let copy = other.folder.path().join("copy.db");
    other.run(&["store", "backup", "copy.db"]).code(0);
    let ran = place.run(&["store", "restore", copy.to_str().unwrap(), "--yes"]).code(2);
    assert!(ran.stderr.contains("another key"), "{}", ran.stderr);
    assert!(ran.stderr.contains("hint: name the key it was made under for this command"), "{}", ran.stderr);
    assert_eq!(made(&place), Vec::<String>::new());
    assert_eq!(place.json(&["account", "list", SYSTEM]).as_array().unwrap().len(), 4);
}

#[test]
fn a_planned_restore_is_a_document_and_changes_nothing() {
    let place = Place::registered(0);
    place.run(&["store", "backup", "copy.db"]).code(0);
    let before = made(&place);
    let plan = place.json(&["store", "restore", "copy.db", "--plan"]);
    assert_eq!((&plan["restored"], &plan["backup"]), (&false.into(), &"copy.db".into()), "{plan}");
    assert_eq!(made(&place), before);
    let done = place.json(&["store", "restore", "copy.db", "--yes"]);
    assert!(done["restored"] == true && done["replaced"].is_string(), "{done}");
}

/// A store in which something of each kind works, and as much that does not. One of the tokens is of `init`.
fn with_things_that_work() -> (Place, String) {
    let place = Place::imported(3);
    let change = ["permission_profile=full", "max_deactivations=0"];
    place.run(&[&["system", "set", SYSTEM][..], &change].concat()).code(0);
    place.run(&["import", "profile", "set", SYSTEM, "default", "schedule=30 2 * * *"]).code(0);
    let shown = ["zoe", "yan"].map(|name| {
        let create = ["account", "create", SYSTEM, "--name", name, "--yes", "--output", "json"];
        place.run(&create).code(0).json()["one_time_secrets"][0]["secret"].as_str().unwrap().to_owned()
    });
    place.run_with_input(&["password", "open"], &shown[0]).code(0);
    let waits = ["account", "deactivate", SYSTEM, &place.names()[0], "--yes"];
    place.run(&waits).code(1);
    for (owner, role) in [("ada", "admin"), ("bea", "viewer"), ("cleo", "viewer")] {
        let token = place.token(owner, role, &[]);
        if owner == "cleo" {
            place.run(&["token", "revoke", token.split('_').nth(2).unwrap()]).code(0);
        }
        let add = ["person", "add", owner, "--role", role, "--password-stdin"];
        place.run_with_input(&add, "a sentence of some words\n").code(0);
    }
    place.run(&["person", "disable", "cleo"]).code(0);
    place.run(&["protect", "add", SYSTEM, "--path", "/kept/"]).code(0);
    let [_, unopened] = shown;
    (place, unopened)
}

#[test]
fn what_was_taken_away_since_the_backup_is_said_to_be_back() {
    let (place, unopened) = with_things_that_work();
    place.run(&["store", "backup", "copy.db"]).code(0);
    let tokens = place.json(&["token", "list"]);
    let bea = tokens.as_array().unwrap().iter().find(|token| token["owner"] == "bea").unwrap();
    place.run(&["token", "revoke", bea["id"].as_str().unwrap()]).code(0);
    place.run(&["person", "remove", "bea", "--reason", "left"]).code(0);
    place.run(&["person", "set-role", "ada", "--role", "viewer"]).code(0);
    place.run(&["job", "cancel", "3", "--yes"]).code(0);
    place.run(&["import", "profile", "set", SYSTEM, "default", "schedule=none"]).code(0);
    place.run_with_input(&["password", "open"], &unopened).code(0);
    place.run(&["protect", "remove", SYSTEM, "--path", "/kept/"]).code(0);
    place.run(&["protect", "add", SYSTEM, "--path", "/new/"]).code(0);
    place.set_key(SYSTEM, ACCOUNT).code(0);
    // One more system, that the backup does not know.
    place.add("other", OTHER_ACCOUNT).code(0);
    place.run(&["protect", "add", "other", "--path", "/new/"]).code(0);
    let expected = json!({
        "systems": 1, "accounts": 4, "open_jobs": 1, "unclaimed_passwords": 1, "valid_tokens": 3,
        "people_who_may_sign_in": 2, "schedules": 1,
    });
    let planned = place.json(&["store", "restore", "copy.db", "--plan"]);
    assert_eq!((&planned["restored"], &planned["brought_back"]), (&json!(false), &expected), "{planned}");
    let gone = json!({
        "tokens_revoked": [{"id": bea["id"], "owner": "bea"}], "people_removed": ["bea"], "people_changed": ["ada"],
        "systems_removed": [], "systems_stopped": [], "credentials_replaced": [SYSTEM],
        "schedules_changed": [format!("{SYSTEM}/default")], "protections_removed": [format!("{SYSTEM}: path /kept/")],
        "protections_lost": [format!("{SYSTEM}: path /new/")], "jobs_ended": [3], "passwords_opened": 1,
        "settings_changed": [], "thresholds_changed": [], "mappings_changed": [], "runs_decided": [],
    });
    assert_eq!(planned["gone_since"], gone, "{planned}");
    let planned = place.run(&["store", "restore", "copy.db", "--plan"]).code(0);
    assert!(planned.stdout.contains("Would bring back"), "{}", planned.stdout);
    assert!(planned.stderr.contains("Of that is gone since: tokens revoked since: "), "{}", planned.stderr);
    assert!(planned.stderr.contains("jobs ended since: 3"), "{}", planned.stderr);
    let lost = format!("put on protect lists since, and not in the backup: {SYSTEM}: path /new/");
    assert!(planned.stderr.contains(&lost), "{}", planned.stderr);
    let done = place.run(&["store", "restore", "copy.db", "--yes"]).code(0);
    for said in ["Brought back", "valid tokens: 3", "people who may sign in: 2", "unclaimed passwords: 1"] {
        assert!(done.stdout.contains(said), "{said}: {}", done.stdout);
    }
    assert!(done.stderr.contains("are there again"), "{}", done.stderr);
    // It is so.
    assert_eq!(place.json(&["job", "show", "3"])["state"], "awaiting_approval");
    place.run_with_input(&["password", "open"], &unopened).code(0);
    let again = place.run(&["store", "restore", "copy.db", "--yes", "--output", "json"]).code(0).json();
    assert_eq!(again["brought_back"], expected, "{again}");
    let gone = json!({
        "tokens_revoked": [], "people_removed": [], "people_changed": [], "systems_removed": [],
        "systems_stopped": [], "credentials_replaced": [], "schedules_changed": [], "protections_removed": [],
        "protections_lost": [], "jobs_ended": [], "passwords_opened": 1, "settings_changed": [],
        "thresholds_changed": [], "mappings_changed": [], "runs_decided": [],
    });
    assert_eq!(again["gone_since"], gone, "only that was opened since the last restore: {again}");
}

/// Runs a command on a terminal. When it asks first, runs another one and then answers yes; when it says so and asks again,
/// answers no. The length of a line is such that none is broken.
const ASKED: &str = "
import fcntl, os, pty, struct, subprocess, sys, termios
asked, other = (part.split('\\x1f') for part in sys.argv[1:3])
pid, terminal = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack('HHHH', 60, 2000, 0, 0))
    os.execv(asked[0], asked)
seen, answers = b'', [(b'', b'y'), (b'So it is now', b'n')]
while True:
    try:
        read = os.read(terminal, 4096)
    except OSError:
        read = b''
    if not read:
        break
    seen += read
    if answers and b'(y/N)' in seen[max(seen.find(answers[0][0]), 0):] and answers[0][0] in seen:
        if len(answers) == 2:
            subprocess.run(other, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        os.write(terminal, answers.pop(0)[1] + b'\\r')
sys.stdout.buffer.write(seen)
sys.stdout.flush()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
";

#[test]
fn what_is_taken_away_while_the_question_is_open_is_asked_about_anew() {
    let place = Place::registered(0);
    let token = place.token("bea", "viewer", &[]);
    place.run(&["store", "backup", "copy.db"]).code(0);
    let keyreeve = env!("CARGO_BIN_EXE_keyreeve");
    let restore = [keyreeve, "store", "restore", "copy.db"].join("\x1f");
    let revoke = [keyreeve, "token", "revoke", token.split('_').nth(2).unwrap()].join("\x1f");
    let mut command = Command::new(python());
    command.args(["-c", ASKED, &restore, &revoke]).current_dir(place.folder.path()).env_clear();
    command.env("PATH", "/usr/bin:/bin").env("TERM", "xterm").env("HOME", place.folder.path());
    command.env("KEYREEVE_DATA_DIR", place.data());
    let ran = Ran::of(command.output().unwrap()).code(1);
    assert!(ran.stdout.contains("Nothing of that is gone in the store"), "{}", ran.stdout);
    assert!(ran.stdout.contains("was not replaced yet"), "{}", ran.stdout);
    assert!(ran.stdout.contains("tokens revoked since"), "{}", ran.stdout);
    assert_eq!(made(&place), Vec::<String>::new());
    let tokens = place.json(&["token", "list"]);
    assert!(
        tokens
            .as_array()
            .unwrap()
            .iter()
            .all(|token| token["owner"] != "bea" || !token["revoked_at"].is_null())
    );
}

#[test]
fn a_store_that_cannot_be_read_is_replaced_and_said_not_to_be_compared() {
    let place = Place::registered(0);
    place.run(&["store", "backup", "copy.db"]).code(0);
    let database = place.data().join("keyreeve.db");
    std::fs::write(&database, "hello, I am no database at all").unwrap();
    let plan = place.json(&["store", "restore", "copy.db", "--plan"]);
    assert!(plan["gone_since"].is_null(), "{plan}");
    assert!(plan["not_compared"].as_str().unwrap().contains("could not be read"), "{plan}");
    let done = place.run(&["store", "restore", "copy.db", "--yes"]).code(0);
    assert!(done.stdout.contains("not known: the store in the place could not be read"), "{}", done.stdout);
    std::fs::remove_file(&database).unwrap();
    let done = place.json(&["store", "restore", "copy.db", "--yes"]);
    assert_eq!(done["not_compared"], "there is no store in the place", "{done}");
}

#[test]
fn the_replaced_store_is_read_with_the_checkpoint_of_its_own() {
    let place = Place::registered(0);
    place.run(&["store", "backup", "copy.db"]).code(0);
    let token = place.token("ada", "viewer", &[]);
    place.run(&["token", "revoke", token.split('_').nth(2).unwrap()]).code(0);
    let done = place.json(&["store", "restore", "copy.db", "--yes"]);
    place.run(&["audit", "verify"]).code(0);
    let kept = done["replaced"].as_str().unwrap();
    let replaced = |arguments: &[&str]| {
        let database = format!("sqlite://{kept}");
        Ran::of(place.command(arguments).env("KEYREEVE_DATABASE", database).output().unwrap())
    };
    let revoked = replaced(&["audit", "list", "--action", "token_revoked", "--output", "json"]).code(0);
    assert_eq!(revoked.json().as_array().unwrap().len(), 1);
    assert!(!revoked.stderr.contains("ERROR") && !revoked.stderr.contains("cut"), "{}", revoked.stderr);
    replaced(&["audit", "verify"]).code(0);
    // What is cut off that log is missed all the same, and the store in the place has nothing to do with it.
    std::fs::copy(place.folder.path().join("copy.db"), kept).unwrap();
    let cut = replaced(&["audit", "verify"]).code(1);
    assert!(cut.stderr.contains("checkpoint"), "{}", cut.stderr);
    place.run(&["audit", "verify"]).code(0);
}

#[test]
fn the_name_of_the_replaced_store_is_said_and_nothing_else_stays() {
    let place = Place::imported(3);
    place.run(&["store", "backup", "copy.db"]).code(0);
    let ran = place.run(&["store", "restore", "copy.db", "--yes"]).code(0);
    let made = made(&place);
    let [kept] = made.as_slice() else { panic!("{made:?}") };
    assert!(ran.stdout.contains(kept.as_str()), "{}", ran.stdout);
    assert!(ran.stderr.contains(kept.as_str()), "{}", ran.stderr);
    let beside: Vec<_> = std::fs::read_dir(place.folder.path()).unwrap().collect();
    assert_eq!(beside.len(), 2, "{beside:?}");
}

#[test]
fn a_backup_that_is_missing_damaged_or_foreign_is_told_apart() {
    let place = Place::imported(3);
    place.run(&["store", "backup", "copy.db"]).code(0);
    let path = place.folder.path();
    let mut bytes = std::fs::read(path.join("copy.db")).unwrap();
    bytes.truncate(8192);
    std::fs::write(path.join("cut.db"), bytes).unwrap();
    std::fs::write(path.join("text.db"), "hello, I am no database at all").unwrap();
    std::fs::create_dir(path.join("folder")).unwrap();
    for (file, why, advice) in [
        ("missing.db", "there is no such file", "hint: give the path of a backup"),
        ("cut.db", "it is damaged", "hint: take another backup"),
        ("text.db", "it is damaged", "hint: take another backup"),
        ("folder", "it is a folder", "hint: give the path of a backup"),
    ] {
        let ran = place.run(&["store", "restore", file, "--yes"]).code(2);
        assert!(ran.stderr.contains(&format!("{file} cannot be restored: {why}")), "{}", ran.stderr);
        assert!(ran.stderr.contains(advice), "{}", ran.stderr);
        assert!(!ran.stderr.contains("keyreeve store restore"), "{}", ran.stderr);
    }
    assert_eq!(made(&place), Vec::<String>::new());
}

#[test]
fn what_was_set_or_decided_since_the_backup_is_said_to_be_as_it_was() {
    let place = Place::imported(8);
    let deletions: Vec<_> =
        place.names().into_iter().take(3).map(|name| Mutation::DeleteUser { name }).collect();
    place.mutate(&deletions);
    place.run(&["import", "run", SYSTEM]).code(1);
    place.run(&["store", "backup", "copy.db"]).code(0);
    let same = place.json(&["store", "restore", "copy.db", "--plan"]);
    for kind in ["settings_changed", "thresholds_changed", "mappings_changed", "runs_decided"] {
        assert_eq!(same["gone_since"][kind], json!([]), "{same}");
    }
    place.run(&["system", "set", SYSTEM, "max_deletes=7"]).code(0);
    place.run(&["import", "profile", "set", SYSTEM, "default", "thresholds.small.deleted=none"]).code(0);
    let mapping = place.json(&["mapping", "show", SYSTEM, "user"]).to_string();
    place.run_with_input(&["mapping", "set", SYSTEM, "user", "--file", "-"], &mapping).code(0);
    place.run(&["import", "reject", "2", "--reason", "no", "--yes"]).code(0);
    let plan = place.json(&["store", "restore", "copy.db", "--plan"]);
    let gone = &plan["gone_since"];
    assert_eq!(gone["settings_changed"], json!([SYSTEM]), "{plan}");
    assert_eq!(gone["thresholds_changed"], json!([format!("{SYSTEM}/default")]), "{plan}");
    assert_eq!(gone["mappings_changed"], json!([format!("{SYSTEM}/AWS - User")]), "{plan}");
    assert_eq!(gone["runs_decided"], json!([2]), "{plan}");
    assert_eq!(gone["schedules_changed"], json!([]), "{plan}");
}

/// Whoever copies the file between two commands has all of it.
#[test]
fn what_a_command_has_done_or_refused_is_in_the_file_itself() {
    let place = Place::imported(1);
    let log = place.data().join("keyreeve.db-wal");
    for path in ["/a/", "/b/", "/c/", "/d/"] {
        place.run(&["protect", "add", SYSTEM, "--path", path]).code(0);
        assert!(!log.exists(), "{path}");
    }
    let mut refused = place.command(&["protect", "remove", SYSTEM, "--path", "/none/"]);
    Ran::of(refused.output().unwrap()).code(2);
    assert!(!log.exists());
    place.run(&["audit", "verify"]).code(0);
    assert!(!log.exists());
}

/// S37: neither a restore with a key of another folder nor a copy of the store elsewhere makes a log look cut; and what is
/// cut is missed all the same.
#[test]
fn s37_a_checkpoint_from_before_a_restore_or_of_a_copy_is_no_alarm_and_a_cut_log_is() {
    let place = Place::imported(3);
    place.run(&["store", "backup", "copy.db"]).code(0);
    place.run(&["protect", "add", SYSTEM, "--path", "/x/"]).code(0);
    let folder = place.folder.path();
    let other = folder.join("other");
    std::fs::create_dir(&other).unwrap();
    std::fs::copy(place.data().join("keyreeve.key"), other.join("keyreeve.key")).unwrap();
    let with = |arguments: &[&str], name: &str, value: &str| {
        let ran = Ran::of(place.command(arguments).env(name, value).output().unwrap()).code(0);
        assert!(!ran.stderr.contains("cut or replaced"), "{arguments:?}: {}", ran.stderr);
        ran
    };
    let calm = |arguments: &[&str]| {
        let ran = place.run(arguments).code(0);
        assert!(!ran.stderr.contains("cut or replaced"), "{arguments:?}: {}", ran.stderr);
        ran
    };
    // A copy elsewhere, with the same key.
    let elsewhere = format!("sqlite://{}", folder.join("elsewhere.db").display());
    with(&["store", "restore", "copy.db", "--yes"], "KEYREEVE_DATABASE", &elsewhere);
    calm(&["audit", "verify"]);
    with(&["audit", "verify"], "KEYREEVE_DATABASE", &elsewhere);
    // In the place, with the key from another folder: the checkpoint beside the usual key knows more than the backup.
    let key = format!("file:{}", other.join("keyreeve.key").display());
    with(&["store", "restore", "copy.db", "--yes"], "KEYREEVE_KEY", &key);
    calm(&["system", "list"]);
    calm(&["audit", "verify"]);
    let doctor = place.run(&["doctor", "--output", "json"]).json();
    let row = doctor.as_array().unwrap().iter().find(|row| row["name"] == "audit_checkpoint").unwrap();
    assert!(row["state"] == "ok" && row.to_string().contains("before the restore"), "{row}");
    // This one tells of the restore, and was made before what comes now.
    calm(&["store", "backup", "later.db"]);
    calm(&["protect", "add", SYSTEM, "--path", "/y/"]);
    let doctor = place.run(&["doctor", "--output", "json"]).json();
    let row = doctor.as_array().unwrap().iter().find(|row| row["name"] == "audit_checkpoint").unwrap();
    assert!(row.to_string().contains("holds row"), "{row}");
    // Whoever puts the file of the backup there by hand has cut the log.
    for by_hand in ["copy.db", "later.db"] {
        std::fs::copy(folder.join(by_hand), place.data().join("keyreeve.db")).unwrap();
        let cut = place.run(&["audit", "verify"]).code(1);
        assert!(cut.stderr.contains("checkpoint"), "{by_hand}: {}", cut.stderr);
    }
}

#[test]
fn two_plans_of_a_restore_do_not_hold_each_other_up() {
    let place = Place::imported(0);
    place.run(&["store", "backup", "copy.db"]).code(0);
    let plan = ["store", "restore", "copy.db", "--plan"];
    let plans: Vec<_> = (0..4).map(|_| piped(place.command(&plan))).collect();
    for plan in plans {
        let ended = Ran::of(plan.wait_with_output().unwrap()).code(0);
        assert!(ended.stdout.contains("Would bring back"), "{}", ended.stdout);
    }
    assert_eq!(made(&place), Vec::<String>::new());
    // What a killed one leaves is named.
    std::fs::write(place.data().join("keyreeve.db.restoring"), "").unwrap();
    let doctor = place.run(&["doctor", "--output", "json"]).json();
    let row = doctor.as_array().unwrap().iter().find(|row| row["name"] == "restore_leftovers").unwrap();
    assert!(row.to_string().contains("keyreeve.db.restoring"), "{row}");
}
