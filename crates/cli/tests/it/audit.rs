//! The audit log.

use keyreeve_store::AUDIT_ACTIONS;

use crate::harness::{Place, SYSTEM, user};

#[test]
fn what_was_done_is_listed_with_who_did_it() {
    let place = Place::registered(2);
    let token = place.token("ada", "admin", &[]);
    place.run_as(&token, &["protect", "add", SYSTEM, "--account", "break-glass"]).code(0);
    let rows = place.json(&["audit", "list", "--limit", "2"]);
    assert_eq!(rows.as_array().unwrap().len(), 2);
    let latest = &rows[0];
    assert_eq!(
        (latest["actor"].as_str(), latest["action"].as_str()),
        (Some("ada"), Some("protection_added"))
    );
    assert_eq!(
        (latest["system_id"].as_str(), latest["subject"]["value"].as_str()),
        (Some(SYSTEM), Some("break-glass"))
    );
    assert_eq!(latest["prev_hash"], rows[1]["hash"]);
    let about = place.json(&["audit", "list", "--system", SYSTEM]);
    assert!(about.as_array().unwrap().iter().all(|row| row["system_id"] == SYSTEM), "{about:#}");
    assert!(place.run(&["audit", "list"]).code(0).stdout.contains("protection_added"));
    let csv = place.run(&["audit", "list", "--output", "csv"]).code(0).stdout;
    assert!(csv.starts_with("seq,at,actor,system_id,action,subject,prev_hash,hash\r\n"), "{csv}");
    place.run(&["audit", "list", "--system", "nobody"]).code(2);
    place.run(&["audit", "list", "--limit", "0"]).code(2);
}

#[test]
fn an_action_that_there_is_not_is_refused_with_those_there_are() {
    let place = Place::registered(0);
    let listed = |action| place.run(&["audit", "list", "--action", action]);
    let refused = listed("password_revealed").code(2);
    for part in ["there is no action", "password_opened", "job_created"] {
        assert!(refused.stderr.contains(part), "{}", refused.stderr);
    }
    assert!(listed("password_opened").code(0).stderr.contains("No row fits."));
    let page = include_str!("../../../../docs/guide/provision.md");
    let unsaid = AUDIT_ACTIONS.iter().filter(|action| !page.contains(&format!("`{action}`")));
    assert_eq!(unsaid.collect::<Vec<_>>(), [] as [&&str; 0]);
}

#[test]
fn what_was_done_to_an_account_is_found_by_its_name_and_said_in_words() {
    let place = Place::registered(0);
    let group = keyreeve_sandbox::Mutation::CreateGroup { name: "devs".into(), path: "/".into() };
    place.mutate(&[group, user("ada"), user("ada2")]);
    place.run(&["import", "run", SYSTEM]).code(0);
    for name in ["ada", "ada2"] {
        place.run(&["assignment", "add", SYSTEM, "--account", name, "--group", "devs", "--yes"]).code(0);
    }
    let about = place.json(&["audit", "list", "--system", SYSTEM, "--account", "ada"]);
    let about = about.as_array().unwrap();
    let actions: Vec<&str> = about.iter().map(|row| row["action"].as_str().unwrap()).collect();
    // What is done with the whole job is about everybody that it has a task for.
    for action in ["job_created", "job_ended", "task_created", "step_attempted", "step_settled", "task_ended"]
    {
        assert!(actions.contains(&action), "{action}: {actions:?}");
    }
    let of_ada = |subject: &serde_json::Value| match subject["account"].as_str() {
        Some(account) => account == "ada",
        None => subject["job"] == 1,
    };
    assert!(about.iter().all(|row| of_ada(&row["subject"])), "{about:#?}");
    let table = place.run(&["audit", "list", "--system", SYSTEM, "--account", "ada"]).code(0).stdout;
    let words =
        "job 1, task 1, account ada, step 1, operation AddUserToGroup, planned → attempting, attempt 1";
    assert!(table.contains(words) && !table.contains('{'), "{table}");
    place.run(&["audit", "list", "--account", "ada"]).code(2);
    place.run(&["audit", "verify"]).code(0);
}

#[test]
fn a_log_longer_than_a_page_is_read_whole_and_what_is_left_out_is_said() {
    let place = Place::imported(10);
    place.run(&["system", "set", SYSTEM, "permission_profile=lifecycle"]).code(0);
    let wishes: Vec<_> = place
        .names()
        .iter()
        .map(|name| serde_json::json!({"task": "delete_account", "account": name}))
        .collect();
    let file = place.folder.path().join("wishes.json");
    std::fs::write(&file, serde_json::json!({"system": SYSTEM, "wishes": wishes}).to_string()).unwrap();
    place.run(&["job", "apply", file.to_str().unwrap(), "--yes"]);
    let all = place.json(&["audit", "list"]);
    let all = all.as_array().unwrap();
    let last = all[0]["seq"].as_u64().unwrap();
    assert!(last > 105 && all.len() as u64 == last, "{} of {last}", all.len());
    let csv = place.run(&["audit", "list", "--output", "csv"]).code(0);
    assert_eq!((csv.stdout.lines().count(), csv.stderr.as_str()), (all.len() + 1, ""));
    let table = place.run(&["audit", "list"]).code(0);
    let before = last - 99;
    let said = format!("There are more rows before row {before}.");
    assert!(
        table.stderr.contains(&said) && table.stderr.contains(&format!("--before {before}")),
        "{}",
        table.stderr
    );
    let limited = place.run(&["audit", "list", "--limit", "3", "--output", "json"]).code(0);
    assert_eq!(limited.json().as_array().unwrap().as_slice(), &all[..3]);
    assert!(limited.stderr.contains("There are more rows"), "{}", limited.stderr);
    let next = (last - 2).to_string();
    let page = place.json(&["audit", "list", "--limit", "3", "--before", &next]);
    assert_eq!(page.as_array().unwrap().as_slice(), &all[3..6]);
    let after = place.run(&["audit", "list", "--after", &next, "--output", "json"]).code(0);
    assert_eq!((after.json().as_array().unwrap().as_slice(), after.stderr.as_str()), (&all[..2], ""));
    let of = |arguments: &[&str]| {
        let rows = place.json(&[&["audit", "list"], arguments].concat());
        rows.as_array().unwrap().clone()
    };
    let ended = of(&["--action", "task_ended"]);
    assert!(ended.len() == wishes.len() && ended.iter().all(|row| row["action"] == "task_ended"));
    assert_eq!(of(&["--actor", all[0]["actor"].as_str().unwrap()]).len(), all.len());
    assert!(of(&["--actor", "nobody"]).is_empty());
    let at = all[2]["at"].as_str().unwrap();
    assert!(of(&["--since", at]).len() >= 3);
    assert_eq!(of(&["--since", at]).len() + of(&["--until", at]).len(), all.len());
    assert!(of(&["--since", "2100-01-01"]).is_empty());
    place.run(&["audit", "list", "--since", "yesterday"]).code(2);
}

#[test]
fn a_row_that_was_altered_is_named() {
    let place = Place::registered(0);
    place.token("genuine-owner", "viewer", &[]);
    place.token("somebody", "viewer", &[]);
    let rows = place.json(&["audit", "list", "--limit", "2"]);
    let head = place.json(&["audit", "verify"]);
    assert_eq!((&head["seq"], &head["hash"]), (&rows[0]["seq"], &rows[0]["hash"]));
    assert!(place.run(&["audit", "verify"]).code(0).stdout.contains(rows[0]["hash"].as_str().unwrap()));
    // Closes the store, which moves every row from the write-ahead log into the file.
    place.run(&["doctor"]);
    let database = place.data().join("keyreeve.db");
    let mut bytes = std::fs::read(&database).unwrap();
    let (from, to) = (b"genuine-owner", b"forged--owner");
    let places: Vec<usize> =
        (0..bytes.len() - from.len()).filter(|at| bytes[*at..].starts_with(from)).collect();
    assert!(!places.is_empty());
    places.iter().for_each(|at| bytes[*at..*at + from.len()].copy_from_slice(to));
    std::fs::write(&database, bytes).unwrap();
    let broken = place.run(&["audit", "verify"]).code(1);
    let expected = format!("broken at row {}: it was altered", rows[1]["seq"]);
    assert!(broken.stderr.contains(&expected), "{}", broken.stderr);
    assert!(broken.stdout.is_empty());
}

#[test]
fn a_trigger_of_the_log_that_was_altered_is_said_to_be_that() {
    let place = Place::registered(0);
    // Closes the store, which moves every row from the write-ahead log into the file.
    place.run(&["doctor"]);
    let database = place.data().join("keyreeve.db");
    let mut bytes = std::fs::read(&database).unwrap();
    let (from, to) = (b"log is only ever added", b"log is only once added");
    let at = (0..bytes.len() - from.len()).find(|at| bytes[*at..].starts_with(from)).unwrap();
    bytes[at..at + from.len()].copy_from_slice(to);
    std::fs::write(&database, bytes).unwrap();
    let refused = place.run(&["audit", "verify"]);
    assert_ne!(refused.code, 0);
    assert!(refused.stderr.contains("audit log") && refused.stderr.contains("altered"), "{}", refused.stderr);
    assert!(refused.stderr.contains("access to the database"), "{}", refused.stderr);
}

#[test]
fn of_a_log_without_its_trigger_verify_says_what_is_missing_and_which_row_was_altered() {
    let place = Place::registered(0);
    let seq = place.json(&["audit", "list"])[0]["seq"].as_i64().unwrap() - 1;
    place.sql("DROP TRIGGER audit_log_is_not_altered");
    let missing = "the trigger audit_log_is_not_altered is missing";
    let verified = place.run(&["audit", "verify"]).code(1).stderr;
    assert!(verified.contains(missing) && !verified.contains("is row "), "{verified}");
    place.sql(&format!("UPDATE audit_log SET actor = 'x' WHERE seq = {seq}"));
    let row = format!("the first row that is not as it was written is row {seq}: it was altered");
    let verified = place.run(&["audit", "verify"]).code(1).stderr;
    assert!(verified.contains(missing) && verified.contains(&row), "{verified}");
    // Nothing else is done with such a store, and nothing was written to it.
    let refused = place.run(&["token", "create", "--owner", "t", "--role", "viewer"]);
    assert!(refused.code != 0 && refused.stderr.contains("audit verify"), "{}", refused.stderr);
    assert_eq!(place.run(&["audit", "verify"]).code(1).stderr, verified);
}

#[test]
fn why_a_protection_or_a_token_was_taken_away_is_recorded() {
    let place = Place::registered(0);
    place.run(&["protect", "add", SYSTEM, "--account", "ada"]).code(0);
    place.run(&["protect", "remove", SYSTEM, "--account", "ada", "--reason", "she left"]).code(0);
    let token = place.token("berta", "viewer", &[]);
    place.run(&["token", "revoke", &token, "--reason", "it was lost"]).code(0);
    let rows = place.json(&["audit", "list", "--limit", "5"]);
    let reason = |action: &str| {
        let row = rows.as_array().unwrap().iter().find(|row| row["action"] == action).unwrap();
        row["subject"]["reason"].clone()
    };
    assert_eq!(reason("protection_removed"), "she left");
    assert_eq!(reason("token_revoked"), "it was lost");
}

#[test]
fn an_end_that_was_noted_is_held_against_the_log() {
    let place = Place::registered(0);
    place.run(&["store", "backup", "copy.db"]).code(0);
    let noted = |place: &Place| {
        let head = place.json(&["audit", "verify"]);
        format!("{}:{}", head["seq"], head["hash"].as_str().unwrap())
    };
    let early = noted(&place);
    place.token("ada", "viewer", &[]);
    let late = noted(&place);
    let held = place.run(&["audit", "verify", "--head", &early]).code(0);
    assert!(held.stderr.contains(&format!("keyreeve audit verify --head {late}")), "{}", held.stderr);
    place.run(&["audit", "verify", "--head", &late]).code(0);
    place.run(&["store", "restore", "copy.db", "--yes"]).code(0);
    place.token("berta", "viewer", &[]);
    place.run(&["audit", "verify", "--head", &early]).code(0);
    let gone = place.run(&["audit", "verify", "--head", &late]).code(1);
    assert!(gone.stderr.contains("does not hold row"), "{}", gone.stderr);
    assert!(gone.stderr.contains("store_restored"), "{}", gone.stderr);
    let rows = place.json(&["audit", "list", "--limit", "3"]);
    assert_eq!(
        (&rows[2]["action"], &rows[2]["subject"]["backup"]),
        (&"store_restored".into(), &"copy.db".into())
    );
    let head = &rows[2]["subject"]["head"];
    assert_eq!(format!("{}:{}", head["seq"], head["hash"].as_str().unwrap()), early);
    for wrong in ["7", "7:abc", "-1:00", "x:00"] {
        place.run(&["audit", "verify", "--head", wrong]).code(2);
    }
}

#[test]
fn who_may_see_some_systems_alone_is_told_how_to_see_their_rows() {
    let place = Place::registered(0);
    let limited = place.token("vic", "viewer", &["--system", SYSTEM]);
    let refused = place.run_as(&limited, &["audit", "list"]).code(2);
    assert!(refused.stderr.contains("`keyreeve audit list --system ID`"), "{}", refused.stderr);
    place.run_as(&limited, &["audit", "list", "--system", SYSTEM]).code(0);
}

#[test]
fn s37_rows_cut_off_the_log_with_their_old_end_put_back_are_missed_by_the_checkpoint_beside_the_key() {
    let place = Place::registered(0);
    let kept = place.json(&["audit", "verify"])["seq"].as_i64().unwrap();
    let triggers = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name LIKE 'audit_%'";
    let triggers = place.rows(triggers);
    let of = |number: usize, before: &str| -> String {
        let texts = triggers.as_array().unwrap().iter();
        texts.map(|row| format!("{before}{};", row[number].as_str().unwrap())).collect()
    };
    let end = place.rows("SELECT seq, hash, mac FROM audit_head");
    let [seq, hash, mac] = [0, 1, 2].map(|number| end[0][number].to_string().replace('"', "'"));
    place.token("evil", "admin", &[]);
    place.run(&["audit", "verify"]).code(0);
    place.sql(&format!(
        "{} DELETE FROM audit_log WHERE seq > {kept}; \
         UPDATE audit_head SET seq = {seq}, hash = {hash}, mac = {mac}; {}",
        of(0, "DROP TRIGGER "),
        of(1, "")
    ));
    let verify = place.run(&["audit", "verify"]).code(1);
    let said = format!("broken at row {}: it is missing, and so is everything after it", kept + 1);
    assert!(verify.stderr.contains(&said) && verify.stderr.contains("checkpoint"), "{}", verify.stderr);
    let doctor = place.run(&["doctor"]).code(1).stdout;
    assert!(doctor.contains("audit_checkpoint") && doctor.contains("has lost row"), "{doctor}");
    // More rows do not make it good.
    for owner in ["ada", "ben", "cem"] {
        place.token(owner, "viewer", &[]);
    }
    place.run(&["audit", "verify"]).code(1);
    place.run(&["audit", "verify", "--renew-checkpoint", "looked into"]).code(0);
    place.run(&["audit", "verify"]).code(0);
    let row = &place.json(&["audit", "list", "--action", "audit_checkpoint_renewed"])[0];
    assert_eq!(
        (row["subject"]["before"]["seq"].as_i64(), row["subject"]["reason"].as_str()),
        (Some(kept + 1), Some("looked into"))
    );
}

#[test]
fn s37_a_restored_backup_is_accepted_and_says_so() {
    let place = Place::registered(0);
    place.run(&["store", "backup", "copy.db"]).code(0);
    place.token("ada", "viewer", &[]);
    let lost = place.json(&["audit", "verify"])["seq"].as_i64().unwrap();
    place.run(&["store", "restore", "copy.db", "--yes"]).code(0);
    place.run(&["audit", "verify"]).code(0);
    let row = &place.json(&["audit", "list", "--action", "audit_checkpoint_renewed"])[0];
    assert_eq!(row["subject"]["before"]["seq"].as_i64(), Some(lost), "{row}");
    assert!(row["subject"]["reason"].as_str().unwrap().contains("copy.db"));
}
