//! What many workers on one store ask of leases.

use std::collections::HashSet;
use std::time::Duration;

use keyreeve_store::*;
use sqlx::Executor;

use super::*;
use crate::place::{Place, postgres_url, raw_postgres};

#[tokio::test]
async fn a_lease_whose_number_was_given_out_again_writes_and_keeps_nothing() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        store.create_job(&job(vec![task("ada")]), at(1)).await.unwrap();
        let held = claim(&store, 2).await.lease;
        // Of a database that lost its last moments: the same number, given to somebody else.
        let lost = TaskLease { token: "of another moment".to_owned(), ..held.clone() };
        let refused = write(&store, &lost, attempt(1), 3).await.unwrap_err();
        assert!(matches!(refused, StoreError::TaskLeaseLost { .. }), "{refused:?}");
        let refused = store.renew_task_lease(&lost, at(3), LEASE).await.unwrap_err();
        assert!(matches!(refused, StoreError::TaskLeaseLost { .. }), "{refused:?}");
        let both = [lost, held.clone()];
        assert_eq!(store.renew_task_leases(&both[..1], at(3), LEASE).await.unwrap(), HashSet::new());
        assert_eq!(store.renew_task_leases(&both, at(3), LEASE).await.unwrap(), HashSet::from([held.task]));
        write(&store, &held, attempt(1), 3).await.unwrap();
        store.close().await;
    }
}

#[tokio::test]
async fn a_crash_is_taken_back_once_by_who_was_only_cut_off() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        let made = store.create_job(&job(vec![task("ada")]), at(1)).await.unwrap();
        let crashes = async || store.job(made.id).await.unwrap().tasks[0].crashes;
        let cut_off = claim(&store, 2).await.lease;
        assert!(!store.withdraw_crash(&cut_off, at(3)).await.unwrap(), "none is counted yet");
        let ended = claim(&store, 32).await.lease;
        let heir = claim(&store, 62).await.lease;
        assert_eq!(crashes().await, 2);
        // The last crash is that of another one by now.
        assert!(!store.withdraw_crash(&cut_off, at(63)).await.unwrap());
        assert!(store.withdraw_crash(&ended, at(63)).await.unwrap());
        assert!(!store.withdraw_crash(&ended, at(63)).await.unwrap(), "once");
        assert!(!store.withdraw_crash(&heir, at(63)).await.unwrap());
        assert_eq!(crashes().await, 1);
        let rows = store.audit(&AuditFilter::default(), 1000).await.unwrap();
        assert_eq!(rows.iter().filter(|row| row.action == "task_crash_withdrawn").count(), 1);
        write(&store, &heir, attempt(1), 64).await.unwrap();
        store.close().await;
    }
}

#[tokio::test]
async fn a_crash_that_another_task_of_the_account_counted_is_taken_back() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        let one = store.create_job(&job(vec![task("ada")]), at(1)).await.unwrap();
        let two = store.create_job(&job(vec![task("ada")]), at(1)).await.unwrap();
        let cut_off = store.claim_task(None, Some(one.id), "a", at(2), LEASE).await.unwrap().unwrap().lease;
        store.claim_task(None, Some(two.id), "b", at(32), LEASE).await.unwrap().unwrap();
        assert_eq!(store.job(one.id).await.unwrap().tasks[0].crashes, 1);
        assert!(store.withdraw_crash(&cut_off, at(33)).await.unwrap());
        assert_eq!(store.job(one.id).await.unwrap().tasks[0].crashes, 0);
        store.close().await;
    }
}

/// A connection of its own to the place's tables.
async fn beside(place: &Place) -> sqlx::PgConnection {
    let mut connection = raw_postgres(&postgres_url()).await;
    let path = format!("SET search_path = {}", place.schema.as_ref().unwrap());
    connection.execute(sqlx::AssertSqlSafe(path)).await.unwrap();
    connection
}

#[tokio::test]
async fn leases_are_renewed_while_somebody_has_the_audit_log() {
    let place = Place::postgres().await;
    let store = with_system(&place).await;
    store.create_job(&job(vec![task("ada"), task("bob")]), at(1)).await.unwrap();
    let held = store.claim_tasks(None, None, "w", at(2), LEASE, 2).await.unwrap();
    let leases: Vec<TaskLease> = held.into_iter().map(|held| held.lease).collect();
    let mut other = beside(&place).await;
    other.execute("BEGIN; SELECT seq FROM audit_head FOR UPDATE").await.unwrap();
    let soon = Duration::from_secs(5);
    let renewed = tokio::time::timeout(soon, store.renew_task_leases(&leases, at(3), LEASE)).await;
    assert_eq!(renewed.expect("it waited for the audit log").unwrap().len(), 2);
    // Nor do those wait for each other that somebody writes about: ada's is kept, bob's once it is free.
    let bob = leases.iter().find(|lease| lease.account_key.contains("BOB")).unwrap().task;
    other.execute("ROLLBACK").await.unwrap();
    let lock = format!("BEGIN; SELECT task_id FROM tasks WHERE task_id = {bob} FOR UPDATE");
    other.execute(sqlx::AssertSqlSafe(lock)).await.unwrap();
    let (renewed, ()) = tokio::join!(store.renew_task_leases(&leases, at(40), LEASE), async {
        let ada = format!("SELECT lease_until FROM tasks WHERE task_id <> {bob}");
        while place.number(&ada).await != at(70).as_millisecond() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        other.execute("COMMIT").await.unwrap();
    });
    assert_eq!(renewed.unwrap().len(), 2);
    store.close().await;
}

#[tokio::test]
async fn a_lease_that_is_renewed_while_somebody_takes_the_task_is_not_taken() {
    for elsewhere in [false, true] {
        let place = Place::postgres().await;
        let store = with_system(&place).await;
        let one = store.create_job(&job(vec![task("ada")]), at(1)).await.unwrap();
        let two = store.create_job(&job(vec![task("ada")]), at(1)).await.unwrap();
        let held = store.claim_task(None, Some(one.id), "a", at(2), LEASE).await.unwrap().unwrap().lease;
        let wanted = if elsewhere { two.id } else { one.id };
        let mut renewing = beside(&place).await;
        let until = at(70).as_millisecond();
        let text = format!("BEGIN; UPDATE tasks SET lease_until = {until} WHERE task_id = {}", held.task);
        renewing.execute(sqlx::AssertSqlSafe(text)).await.unwrap();
        let (taken, ()) = tokio::join!(store.claim_task(None, Some(wanted), "b", at(40), LEASE), async {
            let waits = "SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' \
                         AND query LIKE '%tasks%' AND state = 'active'";
            for _ in 0..400 {
                if place.number(waits).await > 0 {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            renewing.execute("COMMIT").await.unwrap();
        });
        assert!(taken.unwrap().is_none(), "elsewhere: {elsewhere}");
        write(&store, &held, attempt(1), 41).await.unwrap();
        assert_eq!(store.job(one.id).await.unwrap().tasks[0].crashes, 0);
        store.close().await;
    }
}
