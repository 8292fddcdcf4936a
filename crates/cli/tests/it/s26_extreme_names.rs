//! S26: the longest names, paths and tags that AWS takes, and names that differ only in case.

use serde_json::json;

use crate::harness::{Place, SYSTEM};

/// Every sign a path may have, repeated to 512 characters between two slashes.
fn longest_path() -> String {
    let signs: String = (0x21_u8..=0x7e).map(char::from).filter(|sign| *sign != '/').collect();
    format!("/{}/", signs.chars().cycle().take(510).collect::<String>())
}

fn place() -> Place {
    let place = Place::imported(2);
    place.run(&["system", "set", SYSTEM, "permission_profile=full"]).code(0);
    place
}

fn apply(place: &Place, wish: serde_json::Value) -> crate::harness::Ran {
    let file = place.folder.path().join("wishes.json");
    std::fs::write(&file, json!({"system": SYSTEM, "wishes": [wish]}).to_string()).unwrap();
    place.run(&["job", "apply", file.to_str().unwrap(), "--yes", "--output", "json"])
}

#[test]
fn s26_the_longest_name_path_and_tags_go_there_and_back_whole() {
    let place = place();
    let name = "=+,.@-_Z".repeat(8);
    let path = longest_path();
    assert_eq!((name.len(), path.len()), (64, 512));
    // One of the fifty is the task's own mark.
    let tags: serde_json::Map<_, _> =
        (0..49).map(|number| (format!("{number:02}{}", "k".repeat(126)), json!("ü".repeat(256)))).collect();
    let wish = json!({"task": "create_account", "name": name, "path": path, "tags": tags, "deliver": "link"});
    apply(&place, wish).code(0);
    place.run(&["import", "run", SYSTEM]).code(0);
    let shown = place.json(&["account", "show", SYSTEM, &name]);
    assert_eq!((&shown["name"], &shown["path"]), (&json!(name), &json!(path)));
    let found = shown["tags"].as_object().unwrap();
    assert_eq!(found.len(), 50, "{found:#?}");
    assert!(tags.iter().all(|(key, value)| found.get(key) == Some(value)));
    // Spreadsheets take such a name for a formula; what is shown to eyes is one line.
    let csv = place.run(&["account", "list", SYSTEM, "--output", "csv"]).code(0).stdout;
    assert!(csv.contains(&format!("'{name}")), "{csv}");
    place.run(&["account", "delete", SYSTEM, &name, "--yes"]).code(0);
}

#[test]
fn s26_one_more_than_aws_takes_is_refused_before_any_call() {
    let place = place();
    place.sandbox.clear_trace();
    let too_many: serde_json::Map<_, _> = (0..51).map(|n| (format!("k{n}"), json!("v"))).collect();
    for (wish, says) in [
        (json!({"task": "create_account", "name": "n".repeat(65), "deliver": "link"}), "1 to 64"),
        (json!({"task": "create_account", "name": "jürgen", "deliver": "link"}), "ASCII"),
        (
            json!({"task": "create_account", "name": "x", "path": format!("/{}/", "p".repeat(511)), "deliver": "link"}),
            "512",
        ),
        (json!({"task": "create_account", "name": "x", "tags": too_many, "deliver": "link"}), "50 tags"),
        (
            json!({"task": "create_account", "name": "x", "tags": {"Team": "a", "team": "b"}, "deliver": "link"}),
            "only in case",
        ),
        (
            json!({"task": "create_account", "name": "x", "tags": {"k": "v".repeat(257)}, "deliver": "link"}),
            "256",
        ),
    ] {
        let refused = apply(&place, wish.clone()).code(2);
        assert!(refused.stderr.contains(says), "{wish}: {}", refused.stderr);
    }
    let writes = place.sandbox.trace().into_iter().filter(|entry| entry.applied.is_some()).count();
    assert_eq!(writes, 0);
}

#[test]
fn s26_names_that_differ_only_in_case_are_one_name() {
    let place = place();
    let create =
        |name: &str| apply(&place, json!({"task": "create_account", "name": name, "deliver": "link"}));
    create("Bob").code(0);
    place.run(&["import", "run", SYSTEM]).code(0);
    place.sandbox.clear_trace();
    for name in ["bob", "BOB", "Bob"] {
        let refused = create(name).code(2);
        assert!(refused.stderr.contains("Bob"), "{}", refused.stderr);
    }
    // Two of one job that clash with each other.
    let file = place.folder.path().join("wishes.json");
    let wish = |name: &str| json!({"task": "create_account", "name": name, "deliver": "link"});
    std::fs::write(&file, json!({"system": SYSTEM, "wishes": [wish("eve"), wish("EVE")]}).to_string())
        .unwrap();
    place.run(&["job", "apply", file.to_str().unwrap(), "--yes"]).code(2);
    let writes = place.sandbox.trace().into_iter().filter(|entry| entry.applied.is_some()).count();
    assert_eq!(writes, 0, "a clash was left to AWS");
}
