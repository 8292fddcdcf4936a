//! Tables, JSON and CSV that hostile text cannot bend.

use crate::harness::{Place, SYSTEM};

#[test]
fn names_that_look_like_formulas_are_disarmed_in_csv_unless_raw_is_wanted() {
    let place = Place::imported(40);
    let names = |arguments: &[&str]| -> Vec<String> {
        let text =
            place.run(&[&["account", "list", SYSTEM, "--output", "csv"], arguments].concat()).code(0).stdout;
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        reader.records().map(|record| record.unwrap()[2].to_owned()).collect()
    };
    let safe = names(&[]);
    for name in ["'=cmd", "'+plus", "'-dash", "'@at", "comma,name"] {
        assert!(safe.iter().any(|found| found == name), "{name}: {safe:?}");
    }
    let raw = names(&["--raw"]);
    for name in ["=cmd", "+plus", "-dash", "@at"] {
        assert!(raw.iter().any(|found| found == name), "{name}: {raw:?}");
    }
    assert_eq!(safe.iter().map(|name| name.trim_start_matches('\'')).collect::<Vec<_>>(), raw);
    for list in ["assignment", "resource"] {
        let text = place.run(&[list, "list", SYSTEM, "--output", "csv"]).code(0).stdout;
        for record in csv::Reader::from_reader(text.as_bytes()).records() {
            let record = record.unwrap();
            assert!(
                !record.iter().any(|cell| cell.starts_with(['=', '+', '-', '@', '\t', '\r'])),
                "{record:?}"
            );
        }
    }
}

#[test]
fn hostile_paths_come_through_every_format_unchanged() {
    let place = Place::imported(40);
    let path = "/\"><script>/";
    let list = place.json(&["account", "list", SYSTEM, "--name", "script.path"]);
    assert_eq!(list[0]["path"], path);
    assert!(place.run(&["account", "list", SYSTEM]).code(0).stdout.contains(path));
    let text = place.run(&["account", "list", SYSTEM, "--output", "csv"]).code(0).stdout;
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    assert!(reader.records().any(|record| &record.unwrap()[3] == path));
}

#[test]
fn text_that_steers_a_terminal_is_shown_and_not_obeyed() {
    let place = Place::registered(0);
    let name = "evil \u{202e}nimda\u{200b}";
    let refused = place.run(&["system", "set", SYSTEM, &format!("name={name}")]).code(2);
    assert!(refused.stderr.contains("U+202E") && !refused.stderr.contains('\u{202e}'), "{}", refused.stderr);
    // As a store of before may have it.
    place.sql(&format!("UPDATE systems SET name = '{name}' WHERE system_id = '{SYSTEM}'"));
    let table = place.run(&["system", "list"]).code(0).stdout;
    assert!(table.contains(r"evil \u{202e}nimda\u{200b}") && !table.contains('\u{202e}'), "{table}");
    let shown = place.run(&["system", "show", SYSTEM]).code(0).stdout;
    assert!(shown.contains(r"\u{202e}") && !shown.contains('\u{202e}'), "{shown}");
    assert_eq!(place.json(&["system", "show", SYSTEM])["name"], name);
    let refused = place.run(&["account", "show", SYSTEM, "\u{1b}[31m\u{202e}x"]).code(2);
    assert!(!refused.stderr.contains(['\u{1b}', '\u{202e}']), "{}", refused.stderr);
}

#[test]
fn an_empty_list_says_so_and_stays_a_document() {
    let place = Place::imported(2);
    for noun in ["account", "resource", "assignment"] {
        let filter: &[&str] =
            if noun == "assignment" { &["--account", "nobody"] } else { &["--name", "nobody"] };
        let list =
            |format: &str| place.run(&[&[noun, "list", SYSTEM, "--output", format], filter].concat()).code(0);
        let table = list("table");
        assert_eq!(table.stdout, "");
        let unknown = "No account called \"nobody\" is known at that moment.\n";
        let more = if noun == "assignment" { unknown } else { "" };
        assert_eq!(table.stderr, format!("No {noun} fits.\n{more}"));
        assert_eq!(list("json").stdout, "[]\n");
        let csv = list("csv").stdout;
        assert!(csv.starts_with("system_id,") && csv.lines().count() == 1, "{csv}");
    }
}

#[test]
fn what_was_never_imported_is_not_shown_as_empty() {
    let place = Place::registered(0);
    for arguments in [
        &["account", "list", SYSTEM][..],
        &["account", "show", SYSTEM, "ada"],
        &["resource", "list", SYSTEM],
        &["assignment", "list", SYSTEM, "--account", "ada"],
    ] {
        for format in ["table", "json", "csv"] {
            let refused = place.run(&[arguments, &["--output", format]].concat()).code(2);
            assert_eq!(refused.stdout, "", "{arguments:?}");
            let why = format!("system {SYSTEM} has not been imported yet");
            let what_to_do = format!("run: `keyreeve import run {SYSTEM}`");
            assert!(
                refused.stderr.contains(&why) && refused.stderr.contains(&what_to_do),
                "{}",
                refused.stderr
            );
        }
    }
    let elsewhere = place.run(&["account", "list", "elsewhere"]).code(2);
    assert!(elsewhere.stderr.contains("there is no system elsewhere"), "{}", elsewhere.stderr);
}

#[test]
fn colours_stay_out_of_what_is_not_a_terminal() {
    let place = Place::imported(3);
    let ran = place.run(&["account", "list", SYSTEM]).code(0);
    assert!(!ran.stdout.contains('\u{1b}'));
    let ran = place.run(&["account", "list", "nobody"]).code(2);
    assert!(!ran.stderr.contains('\u{1b}'), "{}", ran.stderr);
}

#[test]
fn every_command_gives_one_json_document() {
    let place = Place::imported(3);
    for arguments in [
        &["system", "list"][..],
        &["system", "show", SYSTEM],
        &["system", "check", SYSTEM],
        &["system", "set", SYSTEM, "category=Cloud"],
        &["system", "release", SYSTEM],
        &["import", "list", SYSTEM],
        &["import", "show", "1"],
        &["import", "diff", "1"],
        &["import", "profile", "list", SYSTEM],
        &["import", "profile", "show", SYSTEM],
        &["mapping", "list", SYSTEM],
        &["mapping", "show", SYSTEM, "user"],
        &["mapping", "set", SYSTEM, "user", "--default"],
        &["mapping", "try", SYSTEM, "user", "--name", "ada"],
        &["doctor"],
        &["policy", "generate"],
        &["store", "backup", "copy.db"],
        &["import", "run", "--all"],
        &["system", "remove", SYSTEM, "--yes"],
    ] {
        let value = place.json(arguments);
        assert!(value.is_array() || value.is_object(), "{arguments:?}");
    }
}

#[test]
fn csv_tells_none_from_unknown() {
    let place = Place::registered(5);
    let cells = || -> Vec<[String; 2]> {
        place.run(&["import", "run", SYSTEM]).code(0);
        let text = place.run(&["account", "list", SYSTEM, "--output", "csv"]).code(0).stdout;
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let headers = reader.headers().unwrap().clone();
        let at = |column: &str| headers.iter().position(|name| name == column).unwrap();
        let (keys, mfa, inline) = (at("access_keys"), at("mfa_active"), at("inline_policies"));
        let records: Vec<_> = reader.records().map(|record| record.unwrap()).collect();
        assert!(records.iter().any(|record| &record[inline] == "none"), "{text}");
        records.iter().map(|record| [record[keys].to_owned(), record[mfa].to_owned()]).collect()
    };
    let known = cells();
    assert!(known.iter().any(|[keys, _]| keys == "none"), "{known:?}");
    assert!(known.iter().all(|[keys, mfa]| keys != "unknown" && mfa != "unknown"), "{known:?}");
    place.sandbox.deny("*", &["iam:GenerateCredentialReport"]);
    let unseen = cells();
    assert!(unseen.iter().all(|[keys, mfa]| keys == "unknown" && mfa == "unknown"), "{unseen:?}");
}
