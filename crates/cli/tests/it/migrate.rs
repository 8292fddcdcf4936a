//! `keyreeve store migrate`: from a file to PostgreSQL, whole or not at all.

use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

use keyreeve_sandbox::{Effect, FaultRule};
use keyreeve_store::{CrashPoint, CrashStage, ask_postgres, tell_postgres};
use serde_json::{Value, json};

use crate::harness::{OTHER_ACCOUNT, Place, Ran, SYSTEM, piped, until, user};
use crate::http::ask;
use crate::serve::{serve, terminate};

/// An empty place in the PostgreSQL for tests; what is in it goes when this is dropped.
struct Schema {
    server: String,
    name: String,
}

impl Schema {
    fn new() -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let server = std::env::var("KEYREEVE_TEST_POSTGRES").expect(
            "KEYREEVE_TEST_POSTGRES is not set: it names the PostgreSQL server for tests; `cargo xtask test` starts one",
        );
        let number = NUMBER.fetch_add(1, Ordering::SeqCst);
        let made = Self { server, name: format!("moved{}_{number}", std::process::id()) };
        made.tell_server(&format!("DROP SCHEMA IF EXISTS {0} CASCADE; CREATE SCHEMA {0}", made.name));
        made
    }

    fn url(&self) -> String {
        let separator = if self.server.contains('?') { '&' } else { '?' };
        format!("{}{separator}options=-csearch_path%3D{}", self.server, self.name)
    }

    fn tell_server(&self, statements: &str) {
        waited_for(tell_postgres(&self.server, statements));
    }

    fn tell(&self, statements: &str) {
        waited_for(tell_postgres(&self.url(), statements));
    }

    fn ask(&self, question: &str) -> Vec<String> {
        waited_for(ask_postgres(&self.url(), question))
    }

    /// How many tables, sequences and functions there are.
    fn things(&self) -> String {
        let name = &self.name;
        let question = format!(
            "SELECT CAST((SELECT COUNT(*) FROM pg_class WHERE relnamespace = '{name}'::regnamespace) \
             + (SELECT COUNT(*) FROM pg_proc WHERE pronamespace = '{name}'::regnamespace) AS TEXT)"
        );
        self.ask(&question).concat()
    }
}

impl Drop for Schema {
    fn drop(&mut self) {
        self.tell_server(&format!("DROP SCHEMA {} CASCADE", self.name));
    }
}

fn waited_for<T>(asked: impl Future<Output = std::io::Result<T>>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(asked).unwrap()
}

/// The command, with the address by standard input: it may have a password.
fn migrate(place: &Place, to: &Schema, more: &[&str]) -> Ran {
    place.run_with_input(&[&["store", "migrate", "--to-stdin"], more].concat(), &to.url())
}

/// A command on the store in its new place.
fn there(place: &Place, to: &Schema, arguments: &[&str]) -> Command {
    let mut command = place.command(arguments);
    command.env("KEYREEVE_DATABASE", to.url());
    command
}

fn run_there(place: &Place, to: &Schema, arguments: &[&str]) -> Ran {
    Ran::of(there(place, to, arguments).output().unwrap())
}

#[track_caller]
fn json_there(place: &Place, to: &Schema, arguments: &[&str]) -> Value {
    run_there(place, to, &[arguments, &["--output", "json"]].concat()).code(0).json()
}

/// What is in the data folder of the store's file.
fn files(place: &Place) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(place.data())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("keyreeve.db"))
        .collect();
    names.sort();
    names
}

/// Made-up rows for what is only there for a moment, or takes much to be there.
const MADE_UP: &str = "
INSERT INTO organizations VALUES ('o-example', '111111111111', 'external', 1);
INSERT INTO organization_members VALUES (2, 'o-example', 'Name', NULL, 'active', 1);
INSERT INTO key_rotations VALUES (2, 'making', 'arn', 'AKIA1', NULL, '[]', 1, 1, 'me', NULL, 1, 'x', 1);
INSERT OR IGNORE INTO signers VALUES (2, 'user', 'AIDA1', '210987654321', 'arn:ü', 1);
INSERT INTO given_passwords VALUES (1, x'00ff0a');
INSERT INTO audit_sinks VALUES ('old', 1, 'x', NULL, '', 0, 0, NULL, 0, NULL);
INSERT INTO errands VALUES ('none', 2, 's', 0, 4102444800000, 0);
INSERT INTO errand_turns VALUES ('none', 2, 1);
INSERT INTO account_places VALUES ('place', 'holder', 'token', 1);
INSERT INTO connection_tests VALUES (2, 1, 'me', 'x', '{}');
INSERT OR IGNORE INTO account_paces VALUES ('210987654321', 1, NULL, 0, NULL, 0, NULL, 1, '{}', 1);
INSERT INTO errand_heads VALUES ('none', 0, 2, 1);
INSERT INTO history_kept VALUES (1, 0, 1, NULL);
INSERT INTO task_edges VALUES (2, 1);
INSERT OR IGNORE INTO import_claims VALUES (1, 1, '{}');
INSERT INTO scim_pending VALUES (1, NULL, 'User', '{}', '{}', 0, NULL, NULL);
INSERT OR IGNORE INTO sign_in_addresses VALUES ('ada', '127.0.0.1', 1);
UPDATE sqlite_sequence SET seq = 41 WHERE name = 'import_runs';
";

/// A store with rows in each of its tables, and a one-time secret that nobody has opened.
fn with_everything() -> (Place, String) {
    let place = Place::registered(4);
    place.add("other", OTHER_ACCOUNT).code(0);
    for setting in ["permission_profile=full", "max_deactivations=0", "scim_password=accept"] {
        place.run(&["system", "set", SYSTEM, setting]).code(0);
    }
    place.run(&["import", "profile", "set", SYSTEM, "default", "schedule=30 2 29 2 *"]).code(0);
    place.run(&["protect", "add", SYSTEM, "--path", "/kept/"]).code(0);
    place.run(&["import", "run", SYSTEM]).code(0);
    place.mutate(&[user("late"), user("=1+1")]);
    place.run(&["import", "run", SYSTEM]).code(0);
    let create = ["account", "create", SYSTEM, "--name", "zoe", "--yes", "--output", "json"];
    let made = place.run(&create).code(0).json();
    let secret = made["one_time_secrets"][0]["secret"].as_str().unwrap().to_owned();
    place.run(&["import", "run", SYSTEM, "--preview"]).code(0);
    place.run(&["import", "run", SYSTEM]).code(0);
    place.run(&["account", "deactivate", SYSTEM, "zoe", "--yes"]).code(1);
    let token = place.token("bea", "viewer", &[]);
    place.run(&["token", "revoke", token.split('_').nth(2).unwrap()]).code(0);
    let add = ["person", "add", "ada", "--role", "viewer", "--password-stdin"];
    place.run_with_input(&add, "a sentence of some words\n").code(0);
    by_http(&place);
    place.sql("INSERT OR IGNORE INTO task_mappings VALUES (2, 'user', '{}', 'me', 1);");
    place.sql(MADE_UP);
    (place, secret)
}

/// What comes by way of a server: a session, a key of a request, a user over SCIM.
fn by_http(place: &Place) {
    let token = place.token("okta", "operator", &[]);
    let (child, address) = serve(place, &[]);
    let bearer = format!("Authorization: Bearer {token}\r\n");
    let as_json = "Content-Type: application/json\r\n";
    let session = json!({"name": "ada", "password": "a sentence of some words"}).to_string();
    ask(&address, "POST", "/api/v1/session", as_json, &session);
    let head = format!("{bearer}{as_json}Idempotency-Key: one-and-only\r\n");
    let wish = r#"{"wishes": [{"task": "create_account", "name": "yan"}]}"#;
    ask(&address, "POST", &format!("/api/v1/systems/{SYSTEM}/jobs"), &head, wish);
    let eve = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "eve", "externalId": "00u1",
    });
    let head = format!("{bearer}Content-Type: application/scim+json\r\n");
    ask(&address, "POST", &format!("/scim/v2/{SYSTEM}/Users"), &head, &eve.to_string()).status(201);
    until("all jobs to be over", || {
        let open = "SELECT job_id FROM provisioning_jobs WHERE state IN ('queued', 'running')";
        place.rows(open).as_array().unwrap().is_empty().then_some(())
    });
    terminate(child);
}

/// The tables of a file, with the columns of each and whether they are bytes.
fn tables(place: &Place, file: &Path) -> Vec<(String, Vec<(String, bool)>)> {
    let question = "SELECT m.name, c.name, c.type FROM sqlite_schema m JOIN pragma_table_info(m.name) c \
                    WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%' ORDER BY m.name, c.cid";
    let mut found: Vec<(String, Vec<(String, bool)>)> = Vec::new();
    for row in place.rows_of(file, question).as_array().unwrap() {
        let [table, column, kind] = [0, 1, 2].map(|number| row[number].as_str().unwrap().to_owned());
        if found.last().is_none_or(|(last, _)| *last != table) {
            found.push((table, Vec::new()));
        }
        found.last_mut().unwrap().1.push((column, kind == "BLOB"));
    }
    found
}

/// Holds every row of the file against PostgreSQL, with no code of ours; gives the tables that have none.
#[track_caller]
fn rows_are_the_same(place: &Place, file: &Path, to: &Schema) -> Vec<String> {
    let mut empty = Vec::new();
    for (table, columns) in tables(place, file) {
        let own = ["schema_migrations", "audit_head"].contains(&table.as_str());
        // What tells of the tables themselves.
        let columns: Vec<_> = columns.into_iter().filter(|(name, _)| name != "schema_sha256").collect();
        let names: Vec<String> = columns.iter().map(|(name, _)| format!("\"{name}\"")).collect();
        let here = place.rows_of(file, &format!("SELECT {} FROM {table}", names.join(", ")));
        let texts = columns.iter().map(|(name, bytes)| match bytes {
            true => format!("encode(\"{name}\", 'hex')"),
            false => format!("\"{name}\""),
        });
        let texts = texts.collect::<Vec<_>>().join(", ");
        let question = format!("SELECT CAST(json_build_array({texts}) AS TEXT) FROM {table}");
        let mut there: Vec<String> = to
            .ask(&question)
            .iter()
            .map(|row| serde_json::from_str::<Value>(row).unwrap())
            .filter(|row| table != "audit_log" || row[4] != "store_migrated")
            .map(|row| row.to_string())
            .collect();
        let mut here: Vec<String> = here.as_array().unwrap().iter().map(ToString::to_string).collect();
        if here.is_empty() {
            empty.push(table.clone());
        }
        here.sort();
        there.sort();
        assert!(own || here == there, "{table}: {here:?} and {there:?}");
    }
    empty
}

const EXPORTS: [&str; 6] = ["accounts", "resources", "assignments", "jobs", "import-runs", "audit"];

#[test]
fn a_store_with_everything_in_it_is_the_same_in_postgresql_and_goes_on_there() {
    let (place, secret) = with_everything();
    let to = Schema::new();
    let exported: Vec<String> =
        EXPORTS.map(|what| place.run(&["export", what, SYSTEM]).code(0).stdout).into();
    let history = place.json(&["account", "list", SYSTEM, "--as-of", "run:1"]);
    let log = place.json(&["audit", "list"]);
    let planned = migrate(&place, &to, &["--plan", "--output", "json"]).code(0);
    assert!(planned.stderr.contains("Nothing was done, because of --plan"), "{}", planned.stderr);
    let planned = planned.json();
    assert_eq!((&planned["migrated"], &planned["kept"]), (&json!(false), &Value::Null), "{planned}");
    assert_eq!((to.things().as_str(), files(&place)), ("0", vec!["keyreeve.db".to_owned()]));

    let ran = migrate(&place, &to, &["--yes", "--output", "json"]).code(0);
    assert!(ran.stderr.contains("hint: set `database` (KEYREEVE_DATABASE)"), "{}", ran.stderr);
    let done = ran.json();
    assert_eq!(done["migrated"], true, "{done}");
    assert_eq!((&done["tables"], &done["rows"]), (&planned["tables"], &planned["rows"]));
    let kept = done["kept"].as_str().unwrap();
    assert_eq!(files(&place), [Path::new(kept).file_name().unwrap().to_str().unwrap()]);
    assert_eq!(rows_are_the_same(&place, Path::new(kept), &to), Vec::<String>::new(), "each has rows");

    // Whoever goes on as before is told.
    let lost = place.run(&["system", "list"]).code(2);
    assert!(lost.stderr.contains("moved to PostgreSQL") && lost.stderr.contains(kept), "{}", lost.stderr);

    let after: Vec<String> =
        EXPORTS.map(|what| run_there(&place, &to, &["export", what, SYSTEM]).code(0).stdout).into();
    assert_eq!(after, exported);
    assert_eq!(json_there(&place, &to, &["account", "list", SYSTEM, "--as-of", "run:1"]), history);
    let mut rows = json_there(&place, &to, &["audit", "list"]);
    let told = rows.as_array_mut().unwrap().remove(0);
    assert_eq!(rows, log);
    assert_eq!(told["action"], "store_migrated", "{told}");
    let [from, at] = ["from", "to"].map(|name| told["subject"][name].as_str().unwrap().to_owned());
    assert!(from.starts_with("sqlite://") && at.starts_with("postgres://"), "{told}");
    assert_eq!((&told["subject"]["rows"], told["system_id"].is_null()), (&done["rows"], true), "{told}");
    run_there(&place, &to, &["audit", "verify"]).code(0);

    // What is sealed opens, what is read is known already, and numbers go on.
    let mut open = piped(there(&place, &to, &["password", "open"]));
    std::io::Write::write_all(&mut open.stdin.take().unwrap(), secret.as_bytes()).unwrap();
    Ran::of(open.wait_with_output().unwrap()).code(0);
    run_there(&place, &to, &["import", "run", SYSTEM]).code(0);
    let run = json_there(&place, &to, &["import", "list", SYSTEM])[0].clone();
    assert_eq!(run["id"], 42, "{run}");
    // Nothing but what was made since the last import, and after that nothing at all.
    let counts = run["changes"]["accounts"].clone();
    assert_eq!([&counts["created"], &counts["changed"], &counts["deleted"]], [2, 0, 0], "{run}");
    run_there(&place, &to, &["import", "run", SYSTEM]).code(0);
    let again = run_there(&place, &to, &["import", "diff", "43"]).code(0);
    assert!(again.stderr.contains("Import run 43 changed nothing"), "{}{}", again.stdout, again.stderr);
    let jobs = json_there(&place, &to, &["job", "list", SYSTEM]);
    let latest = jobs.as_array().unwrap().iter().map(|job| job["id"].as_u64().unwrap()).max().unwrap();
    let create = ["account", "create", SYSTEM, "--name", "xena", "--yes", "--output", "json"];
    let made = run_there(&place, &to, &create).code(0).json();
    assert_eq!(made["id"].as_u64(), Some(latest + 1), "{made}");
    run_there(&place, &to, &["audit", "verify"]).code(0);
}

#[test]
fn the_checkpoint_of_a_moved_store_misses_what_is_cut_off_its_log() {
    let place = Place::registered(0);
    let to = Schema::new();
    let head = place.rows("SELECT seq, hash, mac FROM audit_head");
    migrate(&place, &to, &["--yes"]).code(0);
    run_there(&place, &to, &["audit", "verify"]).code(0);
    let [seq, hash, mac] = [0, 1, 2].map(|number| head[0][number].to_string().replace('"', "'"));
    to.tell(&format!(
        "ALTER TABLE audit_log DISABLE TRIGGER audit_log_stays; DELETE FROM audit_log WHERE seq > {seq}; \
         ALTER TABLE audit_log ENABLE TRIGGER audit_log_stays; \
         UPDATE audit_head SET seq = {seq}, hash = {hash}, mac = {mac}"
    ));
    let cut = run_there(&place, &to, &["audit", "verify"]).code(1);
    assert!(cut.stderr.contains("checkpoint"), "{}", cut.stderr);

    // The file back in its place, and the database emptied: begun anew, it is right again.
    let kept = files(&place).concat();
    std::fs::rename(place.data().join(kept), place.data().join("keyreeve.db")).unwrap();
    to.tell_server(&format!("DROP SCHEMA {0} CASCADE; CREATE SCHEMA {0}", to.name));
    place.token("ada", "viewer", &[]);
    migrate(&place, &to, &["--yes"]).code(0);
    run_there(&place, &to, &["audit", "verify"]).code(0);
}

#[test]
fn what_cannot_be_moved_is_refused_and_nothing_is_changed() {
    let place = Place::registered(0);
    let to = Schema::new();
    let refuses = |ran: Ran, expected: &[&str]| {
        let ran = ran.code(2);
        for text in expected {
            assert!(ran.stderr.contains(text), "{text}: {}", ran.stderr);
        }
        assert!(ran.stdout.is_empty(), "{}", ran.stdout);
        assert_eq!(files(&place), ["keyreeve.db"]);
    };
    // A password among the arguments, also where it is no address that was asked for.
    for arguments in [&["--to", "postgres://me:canary@db/x"][..], &["postgres://me:canary@db/x"]] {
        let ran = place.run(&[&["store", "migrate", "--yes"], arguments].concat());
        assert!(!ran.stderr.contains("canary"), "{}", ran.stderr);
        refuses(ran, &[]);
    }
    refuses(place.run_with_input(&["store", "migrate", "--to-stdin", "--yes"], ""), &["was empty"]);
    refuses(migrate(&place, &to, &[]), &["must be confirmed", "hint: look at it with --plan"]);
    let remote = ["store", "migrate", "--to", "postgres://db/x", "--server", "https://example.test"];
    refuses(place.run(&remote), &["the store is on another machine"]);
    let nobody = ["store", "migrate", "--to", "postgres://me@127.0.0.1:1/x", "--yes"];
    refuses(place.run(&nobody), &["nothing listens there", "port of the address that was given"]);
    let mut other_key = there(&place, &to, &["store", "migrate", "--to", "postgres://me@127.0.0.1:1/x"]);
    refuses(Ran::of(other_key.output().unwrap()), &["in PostgreSQL already", "pg_dump"]);
    let key = place.data().join("keyreeve.key");
    let right = std::fs::read(&key).unwrap();
    let other = Place::registered(0);
    std::fs::copy(other.data().join("keyreeve.key"), &key).unwrap();
    refuses(migrate(&place, &to, &["--yes"]), &["another key"]);
    std::fs::write(&key, right).unwrap();

    // What is there already.
    to.tell("CREATE TABLE somebodys (id BIGINT)");
    refuses(migrate(&place, &to, &["--plan"]), &["is not empty: it has somebodys", "hint: make an empty"]);
    to.tell("DROP TABLE somebodys");
    migrate(&other, &to, &["--yes"]).code(0);
    refuses(migrate(&place, &to, &["--yes"]), &["holds another store"]);
    to.tell_server(&format!("DROP SCHEMA {0} CASCADE; CREATE SCHEMA {0}", to.name));

    // What PostgreSQL cannot hold.
    place.sql("UPDATE systems SET state_reason = 'a' || char(0) || 'b'");
    for consent in ["--plan", "--yes"] {
        refuses(migrate(&place, &to, &[consent]), &["the column state_reason of the table systems", "NUL"]);
    }
    place.sql("UPDATE systems SET state_reason = NULL");
    assert_eq!(to.things(), "0");
    migrate(&place, &to, &["--yes"]).code(0);
}

#[test]
fn a_store_that_is_in_use_is_not_moved_but_a_plan_may_be_made() {
    let place = Place::imported(2);
    let to = Schema::new();
    place.sandbox.clear_trace();
    place.sandbox.add_fault(FaultRule::new("*", Effect::Latency { ms: 3_000 }));
    let child = piped(place.command(&["import", "run", SYSTEM]));
    until("the import to begin", || (!place.sandbox.trace().is_empty()).then_some(()));
    let refused = migrate(&place, &to, &["--yes"]).code(2);
    assert!(refused.stderr.contains("is in use"), "{}", refused.stderr);
    assert!(refused.stderr.contains("hint: end every other keyreeve"), "{}", refused.stderr);
    let planned = migrate(&place, &to, &["--plan"]).code(0);
    assert!(planned.stdout.contains("import_runs: 2"), "{}", planned.stdout);
    place.sandbox.clear_faults();
    assert!(child.wait_with_output().unwrap().status.success());
    assert_eq!((to.things().as_str(), files(&place)), ("0", vec!["keyreeve.db".to_owned()]));
    assert_eq!(place.json(&["import", "show", "2"])["state"], "published");
    // One that was killed holds it up for its lease.
    place.sql("UPDATE import_runs SET state = 'running', lease_until = 4102444800000 WHERE run_id = 2");
    let refused = migrate(&place, &to, &["--yes"]).code(2);
    assert!(refused.stderr.contains("import run 2 is under way"), "{}", refused.stderr);
}

#[test]
fn a_table_that_arrives_otherwise_than_it_was_read_moves_nothing() {
    let place = Place::imported(2);
    let to = Schema::new();
    let log = place.json(&["audit", "list"]);
    for table in ["account_versions", "store_keys", "audit_head", "audit_log", "policy_documents"] {
        let mut command = place.command(&["store", "migrate", "--to-stdin", "--yes"]);
        command.env("KEYREEVE_SPOIL_MOVE_OF", table);
        let mut child = piped(command);
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), to.url().as_bytes()).unwrap();
        let ran = Ran::of(child.wait_with_output().unwrap()).code(1);
        assert!(ran.stderr.contains(&format!("of the table {table} is not what")), "{}", ran.stderr);
        assert_eq!((to.things().as_str(), files(&place)), ("0", vec!["keyreeve.db".to_owned()]), "{table}");
    }
    assert_eq!(place.json(&["audit", "list"]), log);
    migrate(&place, &to, &["--yes"]).code(0);
}

#[test]
fn a_log_that_was_altered_is_not_moved() {
    let place = Place::registered(0);
    let to = Schema::new();
    place.sql(
        "DROP TRIGGER audit_log_is_not_altered; UPDATE audit_log SET actor = 'somebody' WHERE seq = 2; \
         CREATE TRIGGER audit_log_is_not_altered BEFORE UPDATE ON audit_log
BEGIN
    SELECT RAISE(ABORT, 'the audit log is only ever added to');
END",
    );
    let ran = migrate(&place, &to, &["--yes"]).code(1);
    assert!(ran.stderr.contains("broken at row 2"), "{}", ran.stderr);
    assert_eq!(to.things(), "0");
}

#[test]
fn r03_a_move_that_ends_at_any_point_leaves_one_store() {
    let points = CrashPoint::ALL.iter().filter(|point| point.stage() == CrashStage::Moving);
    for point in points {
        let place = Place::imported(2);
        let to = Schema::new();
        let accounts = place.json(&["account", "list", SYSTEM]);
        let arguments = ["store", "migrate", "--to-stdin", "--yes"];
        let times = if *point == CrashPoint::MidMove { &[":1", ":9", ":30"][..] } else { &[""] };
        for time in times {
            let mut command = place.command(&arguments);
            command.env("KEYREEVE_CRASH_AT", format!("{}{time}", point.name()));
            let mut child = piped(command);
            std::io::Write::write_all(&mut child.stdin.take().unwrap(), to.url().as_bytes()).unwrap();
            let output = child.wait_with_output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.signal(), Some(6), "{}{time}: {said}", point.name());
        }
        let has_moved = [CrashPoint::AfterMoveCommit, CrashPoint::AfterMoveRename].contains(point);
        // The server may take a moment to see that nobody is there any more.
        until("the server to let go", || (has_moved || to.things() == "0").then_some(()));
        if *point == CrashPoint::AfterMoveRename {
            let lost = place.run(&["system", "list"]).code(2);
            assert!(lost.stderr.contains("moved to PostgreSQL"), "{}", lost.stderr);
        } else {
            assert_eq!(files(&place).first().map(String::as_str), Some("keyreeve.db"), "{}", point.name());
            assert_eq!(place.json(&["account", "list", SYSTEM]), accounts, "{}", point.name());
            place.run(&["audit", "verify"]).code(0);
            let again = migrate(&place, &to, &["--yes"]);
            if has_moved {
                let again = again.code(2);
                assert!(again.stderr.contains("holds this store already"), "{}", again.stderr);
                assert!(again.stderr.contains("hint: set `database` to that address"), "{}", again.stderr);
            } else {
                again.code(0);
            }
        }
        assert_eq!(json_there(&place, &to, &["account", "list", SYSTEM]), accounts, "{}", point.name());
        run_there(&place, &to, &["audit", "verify"]).code(0);
    }
}
