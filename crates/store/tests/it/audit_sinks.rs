//! Positions of audit sinks: what was taken is not lost, and nothing is passed over, whoever sends.

use keyreeve_store::{AuditBatch, AuditFrom, Store, StoreError};

use crate::place::Place;
use crate::sample::*;

/// A store whose log has so many rows.
async fn with_rows(place: &Place, rows: i64) -> Store {
    let store = place.create().await;
    for number in 0..rows {
        store.note_refusal("ada", &serde_json::json!({ "number": number }), at(number)).await.unwrap();
    }
    store
}

async fn take(store: &Store, holder: &str, now: i64) -> Option<AuditBatch> {
    store.take_audit_rows("siem", holder, 3, at(now), at(now + 30)).await.unwrap()
}

fn numbers(batch: &AuditBatch) -> Vec<i64> {
    batch.rows.iter().map(|row| row.seq).collect()
}

#[tokio::test]
async fn a_sink_takes_every_row_once_and_in_order_and_goes_on_where_it_was() {
    for place in Place::both().await {
        let store = with_rows(&place, 5).await;
        assert!(take(&store, "a", 10).await.is_none(), "it has no position yet");
        store.begin_audit_sink("siem", AuditFrom::Start).await.unwrap();
        let first = take(&store, "a", 10).await.unwrap();
        assert_eq!((numbers(&first), first.after.seq), (vec![1, 2, 3], 0));
        // Only a part of it was taken.
        assert!(store.audit_rows_taken(&first, &first.rows[1], at(11)).await.unwrap());
        let next = take(&store, "a", 12).await.unwrap();
        assert_eq!(numbers(&next), [3, 4, 5]);
        assert!(store.audit_rows_taken(&next, &next.rows[2], at(13)).await.unwrap());
        assert!(take(&store, "a", 14).await.is_none());
        // The position is as it was, whatever the settings say meanwhile.
        store.begin_audit_sink("siem", AuditFrom::Now).await.unwrap();
        store.begin_audit_sink("siem", AuditFrom::Start).await.unwrap();
        store.close().await;
        let store = place.open().await;
        assert!(take(&store, "a", 15).await.is_none());
        store.note_refusal("ada", &serde_json::json!({}), at(16)).await.unwrap();
        assert_eq!(numbers(&take(&store, "a", 17).await.unwrap()), [6]);
        store.close().await;
    }
}

#[tokio::test]
async fn a_sink_that_begins_now_takes_what_is_written_from_then_on() {
    for place in Place::both().await {
        let store = with_rows(&place, 2).await;
        store.begin_audit_sink("siem", AuditFrom::Now).await.unwrap();
        assert!(take(&store, "a", 10).await.is_none());
        store.note_refusal("ada", &serde_json::json!({}), at(11)).await.unwrap();
        store.begin_audit_sink("siem", AuditFrom::Now).await.unwrap();
        assert_eq!(numbers(&take(&store, "a", 12).await.unwrap()), [3]);
        store.close().await;
    }
}

#[tokio::test]
async fn one_at_a_time_sends_and_who_was_too_slow_moves_nothing() {
    for place in Place::both().await {
        let store = with_rows(&place, 5).await;
        store.begin_audit_sink("siem", AuditFrom::Start).await.unwrap();
        let slow = take(&store, "slow", 10).await.unwrap();
        assert!(take(&store, "other", 39).await.is_none());
        // Whoever holds it may go on.
        assert!(take(&store, "slow", 20).await.is_some());
        let other = take(&store, "other", 50).await.unwrap();
        assert_eq!(numbers(&other), [1, 2, 3]);
        assert!(!store.audit_rows_taken(&slow, &slow.rows[2], at(51)).await.unwrap());
        assert!(store.audit_rows_taken(&other, &other.rows[2], at(52)).await.unwrap());
        store.leave_audit_sink("siem", "slow").await.unwrap();
        assert!(take(&store, "slow", 53).await.is_none(), "it is not his to leave");
        store.leave_audit_sink("siem", "other").await.unwrap();
        let again = take(&store, "slow", 54).await.unwrap();
        assert_eq!(numbers(&again), [4, 5]);
        // What was taken once is behind it for good, also for the same holder.
        assert!(!store.audit_rows_taken(&slow, &slow.rows[2], at(55)).await.unwrap());
        assert_eq!(store.audit_sinks().await.unwrap()[0].sent_seq, 3);
        store.close().await;
    }
}

#[tokio::test]
async fn what_is_not_taken_waits_and_says_why_and_people_are_told_once_when_it_lasts() {
    const QUARTER: i64 = 15 * 60;
    for place in Place::both().await {
        let store = with_rows(&place, 5).await;
        store.begin_audit_sink("siem", AuditFrom::Start).await.unwrap();
        let told = async |now: i64| {
            let told = store.take_notifications(9, at(now), at(now + 1)).await.unwrap();
            told.into_iter().map(|one| (one.kind, one.system_id, one.subject)).collect::<Vec<_>>()
        };
        let batch = take(&store, "a", 10).await.unwrap();
        store.audit_rows_not_taken(&batch, "it answered 503", at(20), at(10)).await.unwrap();
        assert!(take(&store, "a", 19).await.is_none());
        let standing = store.audit_sinks().await.unwrap().remove(0);
        assert_eq!((standing.name.as_str(), standing.sent_seq, standing.rows_behind), ("siem", 0, 5));
        assert_eq!((standing.oldest_at, standing.failures), (Some(at(0)), 1));
        assert_eq!(standing.last_error.as_deref(), Some("it answered 503"));
        for now in [20, 10 + QUARTER - 1, 10 + QUARTER, 10 + QUARTER + 1] {
            let batch = take(&store, "a", now).await.unwrap();
            store.audit_rows_not_taken(&batch, "it answered 503", at(now), at(now)).await.unwrap();
            if now < 10 + QUARTER {
                assert!(told(now).await.is_empty());
            }
        }
        let subject = serde_json::json!({"sink": "siem", "rows": 5});
        assert_eq!(told(2 * QUARTER).await, [("audit_sink_behind".to_owned(), None, subject)]);
        let batch = take(&store, "a", 2 * QUARTER).await.unwrap();
        assert_eq!(batch.failures, 5);
        assert!(store.audit_rows_taken(&batch, &batch.rows[2], at(2 * QUARTER)).await.unwrap());
        let standing = store.audit_sinks().await.unwrap().remove(0);
        assert_eq!((standing.rows_behind, standing.oldest_at, standing.failures), (2, Some(at(3)), 0));
        assert_eq!((standing.last_error, standing.sent_at), (None, Some(at(2 * QUARTER))));
        store.close().await;
    }
}

#[tokio::test]
async fn a_log_that_does_not_go_on_from_what_was_sent_is_told_and_not_passed_over() {
    for place in Place::both().await {
        let store = with_rows(&place, 3).await;
        store.begin_audit_sink("siem", AuditFrom::Start).await.unwrap();
        let batch = take(&store, "a", 10).await.unwrap();
        assert!(store.audit_rows_taken(&batch, &batch.rows[2], at(11)).await.unwrap());
        // Another log is put in its place: shorter, as long, longer.
        for (seq, expected) in [(2, true), (4, true)] {
            place.tamper(&format!("UPDATE audit_sinks SET sent_seq = {seq}, sent_hash = 'x'")).await;
            let batch = take(&store, "a", 12).await.unwrap();
            assert_eq!(batch.rows.is_empty(), expected, "{seq}");
            assert_eq!((batch.after.seq, batch.after.hash.as_str()), (seq, "x"));
        }
        store.fail_call(1);
        let failed = store.take_audit_rows("siem", "a", 3, at(13), at(20)).await.unwrap_err();
        assert!(matches!(failed, StoreError::Io { .. }), "{failed:?}");
        store.close().await;
    }
}
