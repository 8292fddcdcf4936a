//! `keyreeve export --format parquet`, read back by DuckDB and held against JSON; and exports of many tables and systems.

use std::path::Path;
use std::process::{Command, Stdio};

use jiff::Timestamp;
use keyreeve_sandbox::Mutation;
use serde_json::{Value, json};

use crate::harness::{OTHER_ACCOUNT, Place, SYSTEM, user};
use crate::peer::program;
use crate::remote::Elsewhere;
use crate::serve::{serve, terminate};

/// What DuckDB finds in files; `None` where there is no DuckDB.
pub(crate) fn read(files: &Path, more: &[&str]) -> Option<Value> {
    let mut command = Command::new(program("python")?);
    command.arg("-B").arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/audit/read_parquet.py"));
    let output = command.arg(files).args(more).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

/// Whether a value of a column is what JSON says. Lists and objects are texts that hold JSON, times are written otherwise.
fn fits(read: &Value, said: &Value) -> bool {
    match (read, said) {
        (Value::Object(fields), _) => fields.iter().all(|(name, value)| fits(value, &said[name])),
        (Value::String(read), Value::String(said)) => {
            let time = |text: &str| text.replace(' ', "T").replace("+00", "Z").parse::<Timestamp>();
            read == said || matches!((time(read), time(said)), (Ok(read), Ok(said)) if read == said)
        }
        (Value::String(read), Value::Array(_) | Value::Object(_)) => {
            serde_json::from_str::<Value>(read).is_ok_and(|read| read == *said)
        }
        // In a list of many, their number; of a failure, its words.
        (Value::Number(read), Value::Array(said)) => read.as_u64() == Some(said.len() as u64),
        _ => read == said,
    }
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// People with awkward names, and everything else that there are tables of.
fn busy() -> Place {
    let place = Place::registered(5);
    let awkward =
        |value: &str| Mutation::TagUser { name: "=1+1".into(), key: "note".into(), value: value.into() };
    place.mutate(&[
        user("=1+1"),
        user("+cmd"),
        user("-x"),
        user("@SUM"),
        awkward("a \"b\", c; d ü 名 \\ '"),
        Mutation::CreateGroup { name: "=devs".into(), path: "/".into() },
        Mutation::AddToGroup { user: "=1+1".into(), group: "=devs".into() },
        Mutation::CreateLoginProfile { user: "@SUM".into(), reset_required: true },
    ]);
    place.run(&["import", "run", SYSTEM]).code(0);
    place.mutate(&[
        Mutation::SetPath { name: "+cmd".into(), path: "/far/".into() },
        Mutation::DeleteUser { name: "-x".into() },
        user("late"),
    ]);
    place.run(&["import", "run", SYSTEM]).code(0);
    place.run(&["account", "create", SYSTEM, "--name", "eve", "--yes"]).code(0);
    place
}

#[test]
fn parquet_holds_what_json_lines_say_in_columns_with_types() {
    let place = busy();
    let folder = tempfile::tempdir().unwrap();
    for (what, count) in [
        ("accounts", None),
        ("resources", None),
        ("assignments", None),
        ("changes", None),
        ("jobs", Some(1)),
        ("tasks", Some(1)),
        ("audit", None),
        ("import-runs", Some(2)),
    ] {
        let file = folder.path().join(format!("{what}.parquet"));
        let path = file.to_str().unwrap();
        place.run(&["export", what, SYSTEM, "--format", "parquet", "--to", path]).code(0);
        let said = lines(&place.run(&["export", what, SYSTEM, "--format", "jsonl"]).code(0).stdout);
        assert!(!said.is_empty() && count.is_none_or(|count| said.len() == count), "{what}: {said:?}");
        let Some(found) = read(&file, &[]) else { return };
        let rows = found["rows"].as_array().unwrap();
        assert_eq!(rows.len(), said.len(), "{what}");
        assert!(said.iter().all(|said| what != "tasks" || said.get("steps").is_none()), "they are not read");
        for (row, said) in rows.iter().zip(&said) {
            for (name, value) in row.as_object().unwrap() {
                assert!(fits(value, &said[name]), "{what}: {name} is {value}, and JSON says {}", said[name]);
            }
        }
        let told = &found["said"];
        assert_eq!((&told["keyreeve.table"], &told["keyreeve.system_id"]), (&json!(what), &json!(SYSTEM)));
        assert_eq!(told["keyreeve.schema_version"], "1");
        assert!(told["keyreeve.version"].is_string() && told["keyreeve.date"].is_string(), "{told}");
        let of_a_run = ["accounts", "resources", "assignments", "changes"].contains(&what);
        assert_eq!(told.get("keyreeve.run"), of_a_run.then_some(&json!("2")), "{told}");
        // CSV has the same columns, those of objects with dots.
        let csv = place.run(&["export", what, SYSTEM]).code(0).stdout;
        let header: Vec<&str> = csv.lines().next().unwrap().split(',').collect();
        let mut roots: Vec<&str> = header.iter().map(|name| name.split('.').next().unwrap()).collect();
        roots.dedup();
        assert_eq!(roots.len(), found["columns"].as_object().unwrap().len(), "{what}: {roots:?}");
        assert!(roots.iter().all(|name| found["columns"].get(name).is_some()), "{what}: {roots:?}");
        // What is not there is null, and no text.
        let empty = |row: &Value| row.as_object().unwrap().values().any(|value| value == "");
        assert!(!rows.iter().any(empty), "{what}: a text is empty");
    }
    let found = read(&folder.path().join("accounts.parquet"), &[]).unwrap();
    for (name, kind) in [
        ("name", "VARCHAR"),
        ("created_at", "TIMESTAMP WITH TIME ZONE"),
        ("mfa_active", "BOOLEAN"),
        ("first_seen_run", "BIGINT"),
        (
            "login_profile",
            "STRUCT(state VARCHAR, created_at TIMESTAMP WITH TIME ZONE, password_reset_required BOOLEAN)",
        ),
    ] {
        assert_eq!(found["columns"][name], kind, "{name}");
    }
    let row = |name: &str| found["rows"].as_array().unwrap().iter().find(|row| row["name"] == name).unwrap();
    assert!(row("=1+1")["tags"].as_str().unwrap().contains("名"), "{found}");
    assert!(row("+cmd")["permissions_boundary"].is_null());
    let changes = read(&folder.path().join("changes.parquet"), &[]).unwrap();
    let change = |name: &str| {
        changes["rows"].as_array().unwrap().iter().find(|row| row["name"] == name).unwrap().clone()
    };
    assert_eq!((&change("late")["change"], &change("late")["before"]), (&json!("created"), &Value::Null));
    assert_eq!((&change("-x")["change"], &change("-x")["after"]), (&json!("deleted"), &Value::Null));
    let moved = change("+cmd");
    let [before, after] = ["before", "after"].map(|side| moved[side].as_str().unwrap().to_owned());
    assert!(before.contains("\"path\":\"/\"") && after.contains("\"path\":\"/far/\""), "{moved}");
    // Of an earlier run.
    let file = folder.path().join("first.parquet");
    let path = file.to_str().unwrap();
    let first = ["export", "accounts", SYSTEM, "--format", "parquet", "--as-of", "run:1", "--to", path];
    place.run(&first).code(0);
    let found = read(&file, &[]).unwrap();
    assert_eq!(found["said"]["keyreeve.run"], "1");
    let names: Vec<&Value> = found["rows"].as_array().unwrap().iter().map(|row| &row["name"]).collect();
    assert!(names.contains(&&json!("-x")) && !names.contains(&&json!("late")), "{names:?}");
}

#[test]
fn a_table_without_rows_has_its_columns() {
    let place = Place::imported(0);
    let folder = tempfile::tempdir().unwrap();
    for what in ["jobs", "tasks"] {
        let file = folder.path().join(what);
        place.run(&["export", what, SYSTEM, "--format", "parquet", "--file", file.to_str().unwrap()]).code(0);
        let Some(found) = read(&file, &[]) else { return };
        assert_eq!(found["rows"], json!([]), "{what}");
        assert_eq!(found["columns"]["system_id"], "VARCHAR", "{what}");
    }
}

#[test]
fn all_systems_and_many_tables_go_to_a_folder_that_a_warehouse_reads() {
    let place = busy();
    place.add("other", OTHER_ACCOUNT).code(0);
    place.run(&["import", "profile", "set", "other", "default", "policy_scope=customer"]).code(0);
    let folder = tempfile::tempdir().unwrap();
    let early = folder.path().join("early/");
    let early = ["export", "accounts", "--all-systems", "--to", early.to_str().unwrap()];
    let passed = place.run(&early).code(0).stderr;
    assert!(passed.contains("Passed over") && passed.contains("other"), "{passed}");
    place.run(&["import", "run", "other"]).code(0);
    let to = folder.path().join("lake");
    let all = ["export", "all", "--all-systems", "--format", "parquet", "--to", to.to_str().unwrap()];
    let said = place.run(&all).code(0).stderr;
    let date = Timestamp::now().to_string()[..10].to_owned();
    let runs = place.json(&["import", "list", "other"]);
    let run = &runs[0]["id"];
    for file in [
        format!("accounts/system={SYSTEM}/date={date}/run=2/all.parquet"),
        format!("accounts/system=other/date={date}/run={run}/all.parquet"),
        format!("changes/system={SYSTEM}/date={date}/run=2/all.parquet"),
        format!("tasks/system={SYSTEM}/date={date}/all.parquet"),
        format!("import-runs/system=other/date={date}/all.parquet"),
        format!("audit/date={date}/all.parquet"),
    ] {
        assert!(to.join(&file).is_file(), "{file}: {said}");
        assert!(said.contains(&file), "{file}: {said}");
    }
    let Some(found) = read(&to.join("accounts/**/*.parquet"), &["--hive"]) else { return };
    let rows = found["rows"].as_array().unwrap();
    let of = |id: &str| rows.iter().filter(|row| row["system"] == id && row["system_id"] == id).count();
    let known = place.json(&["account", "list", SYSTEM]).as_array().unwrap().len();
    assert_eq!((of(SYSTEM) + of("other"), of(SYSTEM)), (rows.len(), known));
    assert!(
        rows.iter().all(|row| row["date"].as_str().is_some_and(|day| day.starts_with(&date))),
        "{rows:?}"
    );

    // The same in one file, and as text; only what is named as a file is one.
    let file = folder.path().join("all.parquet");
    let one = ["export", "accounts", "--all-systems", "--format", "parquet", "--to", file.to_str().unwrap()];
    place.run(&one).code(0);
    assert_eq!(read(&file, &[]).unwrap()["rows"].as_array().unwrap().len(), rows.len());
    let text = place.run(&["export", "accounts", "--all-systems", "--format", "jsonl"]).code(0).stdout;
    assert_eq!(lines(&text).len(), rows.len());
    let csv = place.run(&["export", "accounts", "--all-systems"]).code(0).stdout;
    assert_eq!(csv.lines().filter(|line| line.starts_with("system_id,")).count(), 1, "{csv}");

    // From afar, the same files but what is of the whole store.
    let token = place.token("amy", "viewer", &[]);
    let (server, address) = serve(&place, &[]);
    let elsewhere = Elsewhere::of(&address, &token);
    let there = elsewhere.folder.path().join("lake");
    let all = ["export", "all", "--all-systems", "--format", "parquet", "--to", there.to_str().unwrap()];
    elsewhere.run(&all).code(0);
    assert_eq!(
        read(&there.join("accounts/**/*.parquet"), &["--hive"]).unwrap()["rows"],
        found["rows"],
        "from afar"
    );
    terminate(server);
}

#[test]
fn what_cannot_be_exported_together_is_said() {
    let place = Place::imported(1);
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().to_str().unwrap();
    for (arguments, why) in [
        (&["export", "accounts,jobs", SYSTEM][..], "--to FOLDER/"),
        (&["export", "accounts"], "--all-systems"),
        (&["export", "accounts", SYSTEM, "--all-systems"], "--all-systems"),
        (&["export", "accounts", "--all-systems", "--as-of", "run:1"], "name its system"),
        (&["export", "accounts,secrets", SYSTEM], "import-runs"),
        (&["export", "jobs", "--all-systems", "--as-of", "2030-01-01"], "future"),
        (&["export", "accounts,jobs", SYSTEM, "--to", to, "--as-of", "run:1"], "as of a moment"),
    ] {
        let refused = place.run(arguments).code(2);
        assert!(refused.stderr.contains(why), "{arguments:?}: {}", refused.stderr);
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "what was refused is there in part");
}
