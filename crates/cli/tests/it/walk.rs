//! The main path, as the demo walks it.

use serde_json::json;

use crate::harness::{Place, SYSTEM, timeless};

#[test]
fn an_account_is_registered_checked_imported_and_read() {
    let place = Place::with_users(4);
    place.run(&["init"]).code(0);
    let added = place.add(SYSTEM, crate::harness::ACCOUNT).code(0);
    assert!(added.stdout.contains("123456789012"), "{}", added.stdout);
    let checks = place.json(&["system", "check", SYSTEM]);
    let checks = checks.as_array().unwrap();
    let rights = |name: &str| {
        name.starts_with("feature.") || ["own_policies", "administrator_equivalent"].contains(&name)
    };
    let others = checks.iter().filter(|check| !rights(check["name"].as_str().unwrap()));
    let states: Vec<_> = others.map(|check| check["state"].clone()).collect();
    assert_eq!(states, vec![json!("ok"); 15], "{checks:#?}");

    place.run(&["import", "profile", "set", SYSTEM, "default", "policy_scope=customer"]).code(0);
    let run = place.run(&["import", "run", SYSTEM, "--output", "json"]).code(0);
    insta::assert_json_snapshot!("run_json", timeless(run.json()));
    // Which of the collections ends first is the network's business.
    let mut lines: Vec<_> = run.stderr.lines().collect();
    lines.sort_unstable();
    insta::assert_snapshot!("progress_in_lines", lines.join("\n"));

    insta::assert_snapshot!("accounts_table", place.run(&["account", "list", SYSTEM]).code(0).stdout);
    insta::assert_json_snapshot!("accounts_json", timeless(place.json(&["account", "list", SYSTEM])));
    insta::assert_snapshot!("resources_table", place.run(&["resource", "list", SYSTEM]).code(0).stdout);
    let csv = place.run(&["resource", "list", SYSTEM, "--output", "csv"]).code(0).stdout;
    insta::assert_snapshot!("resources_csv", csv.replace("\r\n", "⏎\n"));
    insta::assert_snapshot!("assignments_table", place.run(&["assignment", "list", SYSTEM]).code(0).stdout);
    let csv = place.run(&["assignment", "list", SYSTEM, "--output", "csv"]).code(0).stdout;
    insta::assert_snapshot!("assignments_csv", csv.replace("\r\n", "⏎\n"));
    insta::assert_json_snapshot!("assignments_json", place.json(&["assignment", "list", SYSTEM]));
}

#[test]
fn accounts_in_csv_hold_every_field_of_the_contract() {
    let place = Place::imported(4);
    let text = place.run(&["account", "list", SYSTEM, "--output", "csv"]).code(0).stdout;
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let as_of = reader.headers().unwrap().iter().position(|name| name == "credentials.as_of").unwrap();
    insta::assert_snapshot!(
        "accounts_csv_header",
        reader.headers().unwrap().iter().collect::<Vec<_>>().join("\n")
    );
    for record in reader.records() {
        let record = record.unwrap();
        assert!(record[as_of].ends_with('Z'), "{record:?}");
    }
}

#[test]
fn one_account_is_shown_with_what_it_holds_and_through_which_group() {
    let place = Place::imported(6);
    let assignments = place.json(&["assignment", "list", SYSTEM]);
    let all = assignments.as_array().unwrap();
    let in_group = all.iter().find(|one| one["kind"] == "account_group").unwrap();
    let (name, group) = (in_group["account"].as_str().unwrap(), in_group["resource_name"].as_str().unwrap());
    let shown = place.json(&["account", "show", SYSTEM, name]);
    assert_eq!(shown["name"], name);
    let own = |kind: &str| {
        all.iter().filter(|one| one["account"] == name && one["kind"] == kind).cloned().collect::<Vec<_>>()
    };
    assert_eq!(shown["groups"].as_array().unwrap(), &own("account_group"));
    assert_eq!(shown["policies"].as_array().unwrap(), &own("account_policy"));
    let through = shown["policies_through_groups"].as_array().unwrap();
    for one in all.iter().filter(|one| one["kind"] == "group_policy" && one["group"] == group) {
        assert!(through.contains(one), "{one} not in {through:#?}");
    }
    let by_id = place.json(&["account", "show", SYSTEM, shown["external_id"].as_str().unwrap()]);
    assert_eq!(by_id, shown);
    let table = place.run(&["account", "show", SYSTEM, name]).code(0).stdout;
    assert!(table.contains("External id") && table.contains(group), "{table}");
}

#[test]
fn filters_narrow_what_is_listed() {
    let place = Place::imported(40);
    let names = |arguments: &[&str]| -> Vec<String> {
        let list = place.json(&[&["account", "list", SYSTEM], arguments].concat());
        list.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
    };
    let all = names(&[]);
    assert_eq!(names(&["--name", "*"]), all);
    assert_eq!(names(&["--name=-dash"]), ["-dash"]);
    assert_eq!(names(&["--path", "/keyreeve/"]), ["keyreeve-connector"]);
    let by_status: usize =
        ["enabled", "disabled", "unknown"].iter().map(|status| names(&["--status", status]).len()).sum();
    assert_eq!(by_status, all.len());
    let groups = place.json(&["resource", "list", SYSTEM, "--type", "group"]);
    let group = groups[0]["name"].as_str().unwrap();
    let members = names(&["--group", group]);
    let held = place.json(&["assignment", "list", SYSTEM, "--group", group, "--kind", "account_group"]);
    let holders: Vec<_> =
        held.as_array().unwrap().iter().map(|one| one["account"].as_str().unwrap()).collect();
    assert_eq!(members, holders);
    assert!(!members.is_empty());
}
