//! `keyreeve export`: to a file and to standard output, whole or not at all.

use keyreeve_sandbox::Mutation;

use crate::harness::{Place, SYSTEM, user};

#[test]
fn s23_an_export_is_safe_to_open_and_raw_says_what_is() {
    let place = Place::registered(0);
    place.mutate(&[
        user("=1+1"),
        user("+cmd"),
        user("-x"),
        user("@SUM"),
        Mutation::CreateGroup { name: "=devs".into(), path: "/".into() },
        Mutation::AddToGroup { user: "=1+1".into(), group: "=devs".into() },
    ]);
    place.run(&["export", "accounts", SYSTEM]).code(2);
    place.run(&["import", "run", SYSTEM]).code(0);
    let safe = place.run(&["export", "accounts", SYSTEM]).code(0).stdout;
    let raw = place.run(&["--raw", "export", "accounts", SYSTEM]).code(0).stdout;
    for name in ["=1+1", "+cmd", "-x", "@SUM"] {
        assert!(safe.contains(&format!(",'{name},")) && raw.contains(&format!(",{name},")), "{name}: {safe}");
    }
    assert_eq!(safe, place.run(&["account", "list", SYSTEM, "--output", "csv"]).code(0).stdout);
    let held = place.run(&["export", "assignments", SYSTEM]).code(0).stdout;
    assert!(held.contains("account_group,'=1+1,") && held.contains("'=devs"), "{held}");
    let lines = place.run(&["export", "accounts", SYSTEM, "--format", "jsonl"]).code(0).stdout;
    let parsed: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(serde_json::json!(parsed), place.json(&["account", "list", SYSTEM]));
}

#[test]
fn a_file_is_replaced_by_a_whole_export_alone() {
    let place = Place::registered(3);
    place.run(&["import", "run", SYSTEM]).code(0);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("people.csv");
    std::fs::write(&file, "before").unwrap();
    let path = file.to_str().unwrap();
    place.run(&["export", "accounts", "nobody", "--file", path]).code(2);
    place.run(&["export", "accounts", SYSTEM, "--file", path, "--as-of", "run:99"]).code(2);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "before");
    place.run(&["export", "accounts", SYSTEM, "--file", path]).code(0);
    assert_eq!(
        std::fs::read_to_string(&file).unwrap(),
        place.run(&["export", "accounts", SYSTEM]).code(0).stdout
    );
    let missing = folder.path().join("none/people.csv");
    place.run(&["export", "accounts", SYSTEM, "--file", missing.to_str().unwrap()]).code(1);
    for what in ["resources", "jobs", "audit", "import-runs"] {
        assert!(place.run(&["export", what, SYSTEM]).code(0).stdout.contains("system_id"), "{what}");
    }
    place.run(&["export", "jobs", SYSTEM, "--as-of", "run:1"]).code(2);
    place.run(&["export", "secrets", SYSTEM]).code(2);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}
