//! Putting a backup back.

use keyreeve_sandbox::{Effect, FaultRule};

use crate::harness::{Place, SYSTEM, piped, until};

/// What a restore has made in the data folder, or left there.
fn made(place: &Place) -> Vec<String> {
    std::fs::read_dir(place.data())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains(".replaced-") || name.contains(".restoring"))
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
    for last in ["--yes", "--plan"] {
        let ran = place.run(&["store", "restore", "copy.db", last]).code(2);
        assert!(ran.stderr.contains("is in use"), "{}", ran.stderr);
        assert!(ran.stderr.contains("hint: end every other keyreeve"), "{}", ran.stderr);
    }
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
