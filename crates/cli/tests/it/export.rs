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

#[test]
fn all_of_the_audit_log_or_a_part_of_it_is_exported_the_oldest_row_first() {
    let place = Place::registered(0);
    place.add("other", crate::harness::OTHER_ACCOUNT).code(0);
    place.token("amy", "viewer", &[]);
    let mut rows = place.json(&["audit", "list"]).as_array().unwrap().clone();
    rows.reverse();
    let exported = |more: &[&str]| {
        let all = place.run(&[&["export", "audit", "--format", "jsonl"], more].concat()).code(0).stdout;
        all.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<serde_json::Value>>()
    };
    assert!(rows.iter().any(|row| row["system_id"].is_null()) && rows.len() > 4, "{rows:?}");
    assert_eq!(exported(&[]), rows);
    assert_eq!(exported(&["--file", "-"]), rows);
    assert_eq!(exported(&["--after", "2"]), rows[2..]);
    let at = |row: &serde_json::Value| row["at"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let (since, until) = (at(&rows[1]), at(&rows[3]));
    let between: Vec<_> = rows.iter().filter(|row| at(row) >= since && at(row) < until).cloned().collect();
    assert_eq!(exported(&["--since", &since.to_string(), "--until", &until.to_string()]), between);
    let of_other: Vec<_> = rows.iter().filter(|row| row["system_id"] == "other").cloned().collect();
    assert_eq!(exported(&["other"]), of_other);
    let csv = place.run(&["export", "audit"]).code(0).stdout;
    assert_eq!(csv.lines().count(), rows.len() + 1);
    place.run(&["export", "audit", "nobody"]).code(2);
    place.run(&["export", "accounts"]).code(2);
    place.run(&["export", "accounts", SYSTEM, "--after", "1"]).code(2);
    place.run(&["export", "audit", "--as-of", "run:1"]).code(2);
    // All of it is for who may read all systems.
    let limited = place.token("ben", "admin", &["--system", SYSTEM]);
    place.run_as(&limited, &["export", "audit"]).code(2);
    place.run_as(&limited, &["export", "audit", SYSTEM]).code(0);
}
