//! The audit log: rows stay, and what was done to them shows.

use keyreeve_model::*;
use keyreeve_store::*;

use super::*;
use crate::place::{Place, restore};

/// A store with some rows in its log.
async fn with_rows(place: &Place) -> Store {
    let store = with_system(place).await;
    store.create_job(&job(vec![task("ada"), task("bob")]), at(1)).await.unwrap();
    let ada = claim(&store, 2).await;
    carry_out(&store, &ada, 3).await;
    store
}

/// Takes away what keeps rows as they are.
async fn unlock(place: &Place) {
    if place.schema.is_none() {
        for name in ["audit_log_is_not_altered", "audit_log_is_not_emptied", "audit_head_stays"] {
            place.tamper(&format!("DROP TRIGGER {name}")).await;
        }
    } else {
        for text in ["audit_log DISABLE TRIGGER ALL", "audit_head DISABLE TRIGGER ALL"] {
            place.tamper(&format!("ALTER TABLE {text}")).await;
        }
    }
}

#[tokio::test]
async fn rows_tell_who_did_what_and_are_found_by_what_they_say() {
    for place in Place::both().await {
        let store = with_rows(&place).await;
        let rows = store.audit(&AuditFilter::default(), 1000).await.unwrap();
        let said: Vec<_> = rows.iter().rev().map(|row| row.action.as_str()).collect();
        let expected = [
            "system_registered",
            "job_created",
            "task_created",
            "task_created",
            "job_started",
            "task_started",
            "step_attempted",
            "step_settled",
            "step_attempted",
            "step_settled",
            "task_ended",
        ];
        assert_eq!(said, expected);
        assert!(rows.iter().rev().map(|row| row.seq).eq(1..=11));
        assert!(rows[..10].iter().all(|row| row.actor == "anna"));
        assert!(rows.iter().all(|row| row.system_id == Some(id("s"))));
        assert_eq!(rows[4].subject["operation"], "AddUserToGroup");
        assert_eq!(rows[3].subject["request_id"], "request 1");
        let count = async |filter: AuditFilter| store.audit(&filter, 1000).await.unwrap().len();
        let any = AuditFilter::default;
        assert_eq!(count(AuditFilter { action: Some("step_settled".into()), ..any() }).await, 2);
        assert_eq!(count(AuditFilter { actor: Some("berta".into()), ..any() }).await, 0);
        assert_eq!(count(AuditFilter { system_id: Some(id("t")), ..any() }).await, 0);
        assert_eq!(count(AuditFilter { since: Some(at(2)), until: Some(at(3)), ..any() }).await, 2);
        assert_eq!(count(AuditFilter { before: Some(4), ..any() }).await, 3);
        assert_eq!(store.audit(&any(), 2).await.unwrap().len(), 2);
        let after: Vec<_> = store.audit_after(9, 5).await.unwrap().iter().map(|row| row.seq).collect();
        assert_eq!(after, [10, 11]);
        assert_eq!(store.verify_audit().await.unwrap(), AuditHead { seq: 11, hash: rows[0].hash.clone() });
        store.close().await;
    }
}

#[tokio::test]
async fn the_database_itself_refuses_to_alter_or_empty_the_log() {
    for place in Place::both().await {
        let store = with_rows(&place).await;
        let mut texts = vec![
            "UPDATE audit_log SET actor = 'x' WHERE seq = 1",
            "DELETE FROM audit_log WHERE seq = 1",
            "DELETE FROM audit_head",
        ];
        if place.schema.is_some() {
            texts.push("TRUNCATE audit_log");
        }
        for text in texts {
            let refused = place.try_tamper(text).await.unwrap_err();
            assert!(refused.to_string().contains("only ever added to"), "{text}: {refused}");
        }
        store.verify_audit().await.unwrap();
        store.close().await;
    }
}

#[tokio::test]
async fn whatever_is_done_to_the_rows_is_found_at_the_first_of_them() {
    let swap = [
        "UPDATE audit_log SET seq = -4 WHERE seq = 4",
        "UPDATE audit_log SET seq = 4 WHERE seq = 5",
        "UPDATE audit_log SET seq = 5 WHERE seq = -4",
    ];
    let insert = [
        "UPDATE audit_log SET seq = seq + 1000 WHERE seq >= 4",
        "UPDATE audit_log SET seq = seq - 999 WHERE seq >= 1004",
        "INSERT INTO audit_log SELECT 4, at, 'x', system_id, action, subject, prev_hash, hash FROM audit_log \
         WHERE seq = 3",
    ];
    let append = "INSERT INTO audit_log SELECT 12, at, actor, system_id, action, subject, hash, hash FROM audit_log \
                  WHERE seq = 11";
    let cut_with_head = [
        "DELETE FROM audit_log WHERE seq > 6",
        "UPDATE audit_head SET seq = 6, hash = (SELECT hash FROM audit_log WHERE seq = 6)",
    ];
    let emptied = [
        "DELETE FROM audit_log",
        "UPDATE audit_head SET seq = 0, mac = '', \
         hash = '0000000000000000000000000000000000000000000000000000000000000000'",
    ];
    let prepend = "INSERT INTO audit_log SELECT -5, at, actor, system_id, action, subject, hash, hash FROM audit_log \
                   WHERE seq = 11";
    let spaced = "UPDATE audit_log SET subject = subject || ' ' WHERE seq = 4";
    type Case<'a> = (&'a str, &'a [&'a str], i64);
    let cases: &[Case<'_>] = &[
        ("actor", &["UPDATE audit_log SET actor = 'x' WHERE seq = 4"], 4),
        ("action", &["UPDATE audit_log SET action = 'x' WHERE seq = 1"], 1),
        ("time", &["UPDATE audit_log SET at = at + 1 WHERE seq = 10"], 10),
        ("system", &["UPDATE audit_log SET system_id = NULL WHERE seq = 2"], 2),
        ("subject", &["UPDATE audit_log SET subject = '{}' WHERE seq = 4"], 4),
        ("white space", &[spaced], 4),
        ("hash", &["UPDATE audit_log SET hash = prev_hash WHERE seq = 4"], 4),
        ("previous hash", &["UPDATE audit_log SET prev_hash = hash WHERE seq = 4"], 4),
        ("deleted", &["DELETE FROM audit_log WHERE seq = 4"], 4),
        ("deleted first", &["DELETE FROM audit_log WHERE seq = 1"], 1),
        ("cut", &["DELETE FROM audit_log WHERE seq > 6"], 7),
        ("cut with its head", &cut_with_head, 6),
        ("emptied with its head", &emptied, 0),
        ("swapped", &swap, 4),
        ("inserted", &insert, 4),
        ("appended", &[append], 12),
        ("put before the first", &[prepend], -5),
        ("head moved", &["UPDATE audit_head SET mac = hash"], 11),
        ("head gone", &["DELETE FROM audit_head"], 11),
    ];
    for sqlite in [true, false] {
        for (name, texts, row) in cases {
            let place = if sqlite { Place::sqlite() } else { Place::postgres().await };
            let store = with_rows(&place).await;
            store.verify_audit().await.unwrap();
            unlock(&place).await;
            for text in *texts {
                place.tamper(text).await;
            }
            let found = store.verify_audit().await.unwrap_err();
            assert!(found.broken_row() == Some(*row), "{name}: {found:?}");
            store.close().await;
        }
    }
}

/// What somebody who can write to the database but has no key would do: alter a row and compute the hashes anew, from
/// there up to `last`.
async fn forge(place: &Place, store: &Store, last: usize) {
    unlock(place).await;
    let mut rows = store.audit_after(0, 1000).await.unwrap();
    rows[3].actor = "nobody".to_owned();
    let mut prev_hash = rows[2].hash.clone();
    for row in &rows[3..last] {
        let canonical = canonical_json(&serde_json::json!({
            "action": row.action,
            "actor": row.actor,
            "at": row.at.as_millisecond(),
            "prev_hash": prev_hash,
            "seq": row.seq,
            "subject": row.subject,
            "system_id": row.system_id,
        }));
        let hash = digest_hex(canonical.unwrap().as_bytes());
        let (actor, seq) = (&row.actor, row.seq);
        let set = format!("actor = '{actor}', prev_hash = '{prev_hash}', hash = '{hash}'");
        place.tamper(&format!("UPDATE audit_log SET {set} WHERE seq = {seq}")).await;
        prev_hash = hash;
    }
    if last == rows.len() {
        place.tamper(&format!("UPDATE audit_head SET hash = '{prev_hash}'")).await;
    }
}

#[tokio::test]
async fn hashes_computed_anew_are_found_in_the_row_behind_them_or_for_want_of_the_key() {
    for last in [4, 10, 11] {
        let place = Place::sqlite();
        let store = with_rows(&place).await;
        let head = store.verify_audit().await.unwrap();
        assert_eq!(head.seq, 11);
        forge(&place, &store, last).await;
        let found = store.verify_audit().await.unwrap_err();
        let expected = if last == 11 { 11 } else { i64::try_from(last).unwrap() + 1 };
        assert!(found.broken_row() == Some(expected), "{found:?}");
        assert_eq!(found.to_string().contains("this store's key"), last == 11, "{found}");
        assert_eq!(store.audit_holds(&head).await.unwrap(), last != 11);
        store.close().await;
    }
}

#[tokio::test]
async fn s37_what_is_written_after_a_forgery_does_not_make_it_good() {
    for place in Place::both().await {
        let store = with_rows(&place).await;
        forge(&place, &store, 11).await;
        // The product goes on.
        for (number, name) in ["eve", "kim"].into_iter().enumerate() {
            store.create_job(&job(vec![task(name)]), at(20)).await.unwrap();
            let found = store.verify_audit().await.unwrap_err();
            assert!(found.broken_row() == Some(11), "{number}: {found:?}");
            assert!(found.to_string().contains("neither the rows up to it nor those after it"), "{found}");
        }
        store.close().await;
    }
}

#[tokio::test]
async fn s37_an_emptied_log_does_not_begin_anew() {
    for place in Place::both().await {
        let store = place.create().await;
        let empty = store.verify_audit().await.unwrap();
        assert_eq!(empty.seq, 0);
        store.create_system(new_system("s", "S"), "local:test", at(0)).await.unwrap();
        store.verify_audit().await.unwrap();
        unlock(&place).await;
        place.tamper("DELETE FROM audit_log").await;
        let head = format!("UPDATE audit_head SET seq = 0, hash = '{}', mac = ''", empty.hash);
        place.tamper(&head).await;
        let found = store.verify_audit().await.unwrap_err();
        assert!(found.broken_row() == Some(0), "{found:?}");
        store.create_job(&job(vec![task("ada")]), at(1)).await.unwrap();
        let found = store.verify_audit().await.unwrap_err();
        assert!(found.broken_row() == Some(0), "{found:?}");
        store.close().await;
    }
}

#[tokio::test]
async fn a_log_whose_triggers_were_taken_away_is_said_to_be_altered() {
    for place in Place::both().await {
        let store = with_rows(&place).await;
        unlock(&place).await;
        let found = store.verify_audit().await.unwrap_err();
        assert!(matches!(found, StoreError::AuditAltered { broken: None, .. }), "{found:?}");
        place.tamper("UPDATE audit_log SET actor = 'x' WHERE seq = 2").await;
        let found = store.verify_audit().await.unwrap_err();
        let is_named = matches!(&found, StoreError::AuditAltered { what, broken: Some((2, _)), .. } if what.contains("missing"));
        assert!(is_named, "{found:?}");
        store.close().await;
    }
}

#[tokio::test]
async fn a_log_put_back_as_a_whole_no_longer_holds_the_head_that_was_noted() {
    let place = Place::sqlite();
    let store = with_rows(&place).await;
    let early = store.verify_audit().await.unwrap();
    let backup = place.folder.path().join("backup.db");
    store.backup(&backup).await.unwrap();
    let bob = claim(&store, 5).await;
    carry_out(&store, &bob, 6).await;
    let noted = store.verify_audit().await.unwrap();
    assert!(store.audit_holds(&early).await.unwrap() && store.audit_holds(&noted).await.unwrap());
    store.close().await;
    restore(&backup, &place.file(), &place.key, at(9)).await.unwrap();
    let store = place.open().await;
    assert_eq!(store.verify_audit().await.unwrap().seq, early.seq + 1);
    assert!(store.audit_holds(&early).await.unwrap());
    let last = store.audit(&AuditFilter::default(), 1).await.unwrap().remove(0);
    assert_eq!((last.action.as_str(), last.actor.as_str()), ("store_restored", "local:test"));
    assert_eq!(last.subject["head"], serde_json::to_value(&early).unwrap());
    assert!(!store.audit_holds(&noted).await.unwrap());
    assert!(store.claim_task(None, None, "w", at(9), LEASE).await.unwrap().is_some());
    store.close().await;
}

#[tokio::test]
async fn without_its_row_nothing_is_done() {
    for place in Place::both().await {
        let store = with_rows(&place).await;
        let made = store.jobs(&id("s"), None, 1).await.unwrap().remove(0).id;
        let bob = claim(&store, 5).await;
        let before = store.job(made).await.unwrap();
        // The place of the next row is taken, so it cannot be written.
        let next = store.verify_audit().await.unwrap().seq + 1;
        let text = format!(
            "INSERT INTO audit_log SELECT {next}, at, actor, system_id, action, subject, hash, hash FROM audit_log WHERE seq = 1"
        );
        place.tamper(&text).await;
        assert!(write(&store, &bob.lease, attempt(1), 6).await.is_err());
        assert!(store.cancel_job(made, "anna", at(6)).await.is_err());
        assert!(store.create_job(&job(vec![task("eve")]), at(6)).await.is_err());
        assert_eq!(store.job(made).await.unwrap(), before);
        assert_eq!(store.jobs(&id("s"), None, 9).await.unwrap().len(), 1);
        store.close().await;
    }
}

#[tokio::test]
async fn decisions_about_imports_have_their_rows() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        for (at_second, accept) in [(1, false), (2, true)] {
            let lease = begin(&store, at(at_second)).await;
            let changes = difference(Inventory::default(), random_inventory(&mut Dice(1)));
            let outcome = Outcome::Suspended(changes);
            let run =
                store.finish_import_run(&lease, record(at(at_second)), outcome, at(at_second)).await.unwrap();
            if accept {
                store.accept_import_run(run.id, "berta", "known", at(at_second)).await.unwrap();
            } else {
                store.reject_import_run(run.id, "berta", "odd", at(at_second)).await.unwrap();
            }
        }
        let rows = store.audit(&AuditFilter::default(), 9).await.unwrap();
        let said: Vec<_> = rows.iter().map(|row| (row.actor.as_str(), row.action.as_str())).collect();
        assert_eq!(said[..2], [("berta", "import_accepted"), ("berta", "import_rejected")]);
        assert_eq!(rows[1].subject["reason"], "odd");
        assert!(rows[0].subject["changes_sha256"].is_string());
        store.close().await;
    }
}
