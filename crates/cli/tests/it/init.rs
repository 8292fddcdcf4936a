//! Making the store.

use std::os::unix::fs::PermissionsExt;

use crate::harness::Place;

fn mode(path: &std::path::Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn folder_key_and_database_are_for_their_owner_alone() {
    let place = Place::with_users(0);
    place.run(&["init"]).code(0);
    assert_eq!(mode(&place.data()), 0o700);
    for file in ["keyreeve.key", "keyreeve.db"] {
        assert_eq!(mode(&place.data().join(file)), 0o600, "{file}");
    }
    let left: Vec<_> =
        std::fs::read_dir(place.data()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    let checkpoint = left.iter().find(|name| name.to_string_lossy().starts_with("audit-checkpoint-"));
    assert_eq!(mode(&place.data().join(checkpoint.unwrap())), 0o600);
    assert_eq!(left.len(), 3, "{left:?}");
    place.run(&["doctor"]).code(0);
}

#[test]
fn a_store_that_is_there_is_refused_and_not_touched() {
    let place = Place::registered(0);
    let before = std::fs::read(place.data().join("keyreeve.db")).unwrap();
    let key = std::fs::read(place.data().join("keyreeve.key")).unwrap();
    place.run(&["init"]).code(2);
    assert_eq!(std::fs::read(place.data().join("keyreeve.db")).unwrap(), before);
    assert_eq!(std::fs::read(place.data().join("keyreeve.key")).unwrap(), key);
}

#[test]
fn an_interrupted_init_can_be_repeated() {
    let place = Place::with_users(0);
    place.run(&["init"]).code(0);
    let key = std::fs::read(place.data().join("keyreeve.key")).unwrap();
    std::fs::remove_file(place.data().join("keyreeve.db")).unwrap();
    std::fs::write(place.data().join("keyreeve.db.unfinished"), b"half").unwrap();
    place.run(&["init"]).code(0);
    assert_eq!(std::fs::read(place.data().join("keyreeve.key")).unwrap(), key);
    place.run(&["system", "list"]).code(0);
    assert!(!place.data().join("keyreeve.db.unfinished").exists());

    let _ = std::fs::remove_file(place.data().join("keyreeve.db-wal"));
    let _ = std::fs::remove_file(place.data().join("keyreeve.db-shm"));
    std::fs::remove_file(place.data().join("keyreeve.db")).unwrap();
    std::fs::write(place.data().join("keyreeve.key"), b"").unwrap();
    place.run(&["init"]).code(0);
    place.run(&["system", "list"]).code(0);
}

#[test]
fn a_lost_database_is_not_taken_for_a_fresh_place() {
    let place = Place::registered(0);
    place.run(&["store", "backup", "copy.db"]).code(0);
    for ending in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(place.data().join(format!("keyreeve.db{ending}")));
    }
    for arguments in [&["init"][..], &["system", "list"]] {
        let ran = place.run(arguments).code(2);
        assert!(ran.stderr.contains("keyreeve.db is missing"), "{}", ran.stderr);
        assert!(ran.stderr.contains("hint: restore a backup"), "{}", ran.stderr);
    }
    let checks = place.run(&["doctor", "--output", "json"]).code(1).json();
    let found = checks.as_array().unwrap().iter().find(|check| check["name"] == "database").unwrap();
    assert!(found["advice"].as_str().unwrap().contains("store restore"), "{found}");
    place.run(&["store", "restore", "copy.db", "--yes"]).code(0);
    assert_eq!(place.json(&["system", "list"]).as_array().unwrap().len(), 1);
    std::fs::remove_file(place.data().join("keyreeve.db")).unwrap();
    place.run(&["init", "--new-database"]).code(0);
    assert_eq!(place.json(&["system", "list"]), serde_json::json!([]));
}

#[test]
fn a_folder_that_others_can_enter_is_refused() {
    let place = Place::with_users(0);
    std::fs::create_dir(place.data()).unwrap();
    std::fs::set_permissions(place.data(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let ran = place.run(&["init"]).code(2);
    assert!(ran.stderr.contains("hint: run `chmod 700"), "{}", ran.stderr);
    assert_eq!(std::fs::read_dir(place.data()).unwrap().count(), 0);
}

#[test]
fn a_key_that_others_can_read_is_refused_and_doctor_says_so() {
    let place = Place::registered(0);
    let key = place.data().join("keyreeve.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let ran = place.run(&["system", "list"]).code(2);
    assert!(ran.stderr.contains("chmod 600"), "{}", ran.stderr);
    let checks = place.run(&["doctor", "--output", "json"]).code(1).json();
    let found = checks.as_array().unwrap().iter().find(|check| check["name"] == "key_file").unwrap();
    assert_eq!(found["state"], "error");
}

#[test]
fn a_backup_is_put_back_and_the_replaced_store_is_kept() {
    let place = Place::imported(3);
    place.run(&["store", "backup", "copy.db"]).code(0);
    assert_eq!(mode(&place.folder.path().join("copy.db")), 0o600);
    place.run(&["store", "backup", "copy.db"]).code(2);
    let before = place.json(&["system", "list"]);
    place.run(&["system", "remove", "example", "--yes"]).code(0);
    place.run(&["store", "restore", "copy.db"]).code(2);
    place.run(&["store", "restore", "copy.db", "--plan"]).code(0);
    assert_eq!(place.json(&["system", "list"]), serde_json::json!([]));
    let files = place.run(&["store", "restore", "copy.db", "--yes", "--output", "json"]).code(0).json();
    assert_eq!(place.json(&["system", "list"]), before);
    assert!(std::path::Path::new(files["replaced"].as_str().unwrap()).exists());
}
