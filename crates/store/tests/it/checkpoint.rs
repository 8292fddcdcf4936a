//! S37: what is cut off the audit log's end is missed by the signed checkpoint outside the database.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use keyreeve_store::{AuditFilter, CheckpointState, Store, StoreError};
use serde_json::json;

use crate::place::Place;
use crate::sample::at;

async fn watched(place: &Place) -> Store {
    let store = place.open().await;
    store.keep_audit_checkpoint(place.folder.path()).await.unwrap();
    store
}

/// Adds rows to the log.
async fn noted(store: &Store, rows: u32) {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    for row in 0..rows {
        // No two are the same, or a row would do for another.
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        store.note_refusal("ada", &json!({"number": number}), at(row.into())).await.unwrap();
    }
}

fn file(place: &Place) -> PathBuf {
    let entries = std::fs::read_dir(place.folder.path()).unwrap().map(|entry| entry.unwrap().path());
    entries.into_iter().find(|path| path.to_string_lossy().contains("audit-checkpoint-")).unwrap()
}

async fn unlock(place: &Place) {
    if place.schema.is_none() {
        for name in ["audit_log_is_not_altered", "audit_log_is_not_emptied", "audit_head_stays"] {
            place.tamper(&format!("DROP TRIGGER IF EXISTS {name}")).await;
        }
    } else {
        for text in ["audit_log DISABLE TRIGGER ALL", "audit_head DISABLE TRIGGER ALL"] {
            place.tamper(&format!("ALTER TABLE {text}")).await;
        }
    }
}

fn says(error: &StoreError, row: i64) -> bool {
    error.broken_row() == Some(row) && error.to_string().contains("checkpoint outside the database")
}

#[tokio::test]
async fn s37_rows_cut_off_with_their_old_head_put_back_are_missed() {
    for place in Place::both().await {
        place.create().await.close().await;
        let store = watched(&place).await;
        assert_eq!(store.audit_checkpoint().await.unwrap(), CheckpointState::None);
        noted(&store, 3).await;
        let kept = store.verify_audit().await.unwrap();
        place.tamper("CREATE TABLE kept AS SELECT * FROM audit_head").await;
        noted(&store, 4).await;
        store.verify_audit().await.unwrap();
        store.close().await;
        let path = file(&place);
        let written = std::fs::read(&path).unwrap();
        #[cfg(unix)]
        {
            let mode =
                std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
            assert_eq!(mode & 0o777, 0o600);
        }
        unlock(&place).await;
        place.tamper(&format!("DELETE FROM audit_log WHERE seq > {}", kept.seq)).await;
        place.tamper("DELETE FROM audit_head").await;
        place.tamper("INSERT INTO audit_head SELECT * FROM kept").await;
        place.tamper("DROP TABLE kept").await;
        if place.schema.is_none() {
            let store = Store::open(&place.url, place.key.clone()).await;
            assert!(matches!(store, Err(StoreError::AuditAltered { .. })), "its triggers are missing");
            place.tamper(TRIGGERS).await;
        }
        let store = watched(&place).await;
        let found = store.verify_audit().await.unwrap_err();
        assert!(says(&found, kept.seq + 1), "{found:?}");
        // The product goes on, past where the log was; what was seen stays seen.
        noted(&store, 6).await;
        let found = store.verify_audit().await.unwrap_err();
        assert!(says(&found, kept.seq + 4), "{found:?}");
        store.close().await;
        assert_eq!(std::fs::read(&path).unwrap(), written, "what misses the rows was written over");
        // Somebody has looked into it.
        let store = watched(&place).await;
        store.renew_audit_checkpoint("ada", "looked into", at(100)).await.unwrap();
        if place.schema.is_none() {
            store.verify_audit().await.unwrap();
        }
        assert!(matches!(store.audit_checkpoint().await.unwrap(), CheckpointState::Held(_)));
        let row = store.audit(&AuditFilter::default(), 1).await.unwrap().remove(0);
        assert_eq!(
            (row.action.as_str(), &row.subject["before"]["seq"]),
            ("audit_checkpoint_renewed", &json!(kept.seq + 4))
        );
        assert_eq!(row.subject["reason"], "looked into");
        store.close().await;
    }
}

/// As the migration makes them.
const TRIGGERS: &str = include_str!("checkpoint/triggers.sql");

#[tokio::test]
async fn s37_a_running_store_misses_what_is_cut_from_under_it() {
    let place = Place::sqlite();
    place.create().await.close().await;
    let store = watched(&place).await;
    noted(&store, 3).await;
    place.tamper("CREATE TABLE kept AS SELECT * FROM audit_head").await;
    noted(&store, 3).await;
    unlock(&place).await;
    place.tamper("DELETE FROM audit_log WHERE seq > 3").await;
    place.tamper("DELETE FROM audit_head").await;
    place.tamper("INSERT INTO audit_head SELECT * FROM kept").await;
    place.tamper("DROP TABLE kept").await;
    place.tamper(TRIGGERS).await;
    // Before the checkpoint of the six is written, this process sees a log of three.
    noted(&store, 9).await;
    store.close().await;
    let store = watched(&place).await;
    assert!(
        !matches!(store.audit_checkpoint().await.unwrap(), CheckpointState::Held(seen) if seen.seq > 6),
        "a log that lost rows was sealed anew"
    );
    store.close().await;
}

#[tokio::test]
async fn s37_a_checkpoint_of_somebody_else_is_none() {
    let place = Place::sqlite();
    place.create().await.close().await;
    let store = watched(&place).await;
    noted(&store, 5).await;
    store.close().await;
    let path = file(&place);
    let text = std::fs::read_to_string(&path).unwrap();
    let store = watched(&place).await;
    let earlier = store.audit_after(0, 9).await.unwrap().remove(1);
    let forged = text.replace("\"seq\":5", "\"seq\":2");
    let last = store.verify_audit().await.unwrap();
    for bad in [forged.replace(&last.hash, &earlier.hash), String::new(), "{}".to_owned()] {
        std::fs::write(&path, &bad).unwrap();
        let found = store.verify_audit().await.unwrap_err();
        assert!(matches!(found, StoreError::CheckpointAltered { .. }), "{bad}: {found:?}");
    }
    store.close().await;
}

#[tokio::test]
async fn s37_processes_that_share_a_checkpoint_take_nothing_back() {
    for place in Place::both().await {
        place.create().await.close().await;
        let (one, other) = (watched(&place).await, watched(&place).await);
        let mut last = 0;
        for _ in 0..4 {
            for store in [&one, &other] {
                noted(store, 2).await;
                store.write_audit_checkpoint();
                if let CheckpointState::Held(seen) = store.audit_checkpoint().await.unwrap() {
                    assert!(seen.seq >= last, "{} after {last}", seen.seq);
                    last = seen.seq;
                }
                store.verify_audit().await.unwrap();
            }
        }
        assert!(last >= 14, "{last}");
        one.close().await;
        other.close().await;
        place.open().await.verify_audit().await.unwrap();
    }
}

/// Puts the file of another store's checkpoint, of a longer log, in this place. Gives where it is.
async fn exchanged(place: &Place) -> PathBuf {
    let other = Place::sqlite();
    other.create().await.close().await;
    let store = watched(&other).await;
    noted(&store, 9).await;
    store.close().await;
    let path = file(place);
    std::fs::copy(file(&other), &path).unwrap();
    path
}

#[tokio::test]
async fn the_checkpoint_of_another_store_is_no_alarm_and_is_written_over() {
    for place in Place::both().await {
        place.create().await.close().await;
        let store = watched(&place).await;
        noted(&store, 3).await;
        store.close().await;
        let path = exchanged(&place).await;
        let written = std::fs::read(&path).unwrap();
        let store = place.open().await;
        assert!(store.keep_audit_checkpoint(place.folder.path()).await.unwrap(), "it was taken for ours");
        let found = store.audit_checkpoint().await.unwrap();
        assert!(matches!(&found, CheckpointState::OfAnother(other) if other.seq >= 9), "{found:?}");
        store.verify_audit().await.unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), written, "whoever only looks writes nothing over");
        noted(&store, 1).await;
        store.close().await;
        let store = watched(&place).await;
        let found = store.audit_checkpoint().await.unwrap();
        assert!(matches!(&found, CheckpointState::Held(seen) if seen.seq == 4), "{found:?}");
        store.close().await;
    }
}

#[tokio::test]
async fn a_checkpoint_under_its_name_of_before_is_gone_on_with_and_that_of_another_store_is_left_there() {
    let place = Place::sqlite();
    place.create().await.close().await;
    let store = watched(&place).await;
    noted(&store, 3).await;
    store.close().await;
    let path = file(&place);
    let seen: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let short: String =
        seen["store"].as_str().unwrap().chars().filter(char::is_ascii_alphanumeric).take(8).collect();
    let earlier = place.folder.path().join(format!("audit-checkpoint-{short}"));
    std::fs::rename(&path, &earlier).unwrap();
    let store = watched(&place).await;
    let found = store.audit_checkpoint().await.unwrap();
    assert!(matches!(&found, CheckpointState::Held(seen) if seen.seq == 3), "{found:?}");
    assert!(path.exists() && !earlier.exists(), "it has the name of now");
    store.close().await;
    // Stores that were made in the same minute had one name.
    let of_other = exchanged(&place).await;
    std::fs::rename(of_other, &earlier).unwrap();
    let store = watched(&place).await;
    assert_eq!(store.audit_checkpoint().await.unwrap(), CheckpointState::None);
    noted(&store, 1).await;
    store.close().await;
    assert!(path.exists() && earlier.exists());
}
