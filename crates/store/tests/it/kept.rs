//! History is kept as long as is wanted: what is older is refused, and all else is as it was.

use std::time::Duration;

use jiff::Timestamp;
use keyreeve_model::*;
use keyreeve_store::{
    AccountFilter, AsOf, ChangeFilter, ChangeSlice, LeftToRemove, Outcome, Store, StoreError,
};

use crate::place::{Place, postgres_url, raw_postgres};
use crate::sample::*;

const DAY: Duration = Duration::from_secs(86_400);

fn day(number: i64) -> Timestamp {
    at(number * 86_400)
}

/// Removes all that can be. Others, who use the same server, may be reading.
async fn forget(store: &Store) {
    for _ in 0..600 {
        match store.forget_history().await.unwrap() {
            LeftToRemove::Nothing => return,
            LeftToRemove::Some => {}
            LeftToRemove::IsRead | LeftToRemove::InUse => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
    panic!("something is left to be removed");
}

/// Everything that was asked of a store, as far as it was answered.
async fn told(store: &Store, runs: &[ImportRunId]) -> Vec<String> {
    let mut told = Vec::new();
    let now = store.current_inventory(&id("s")).await.unwrap();
    told.push(format!("{now:?}"));
    for run in runs {
        told.push(format!("{:?}", store.inventory_at(&id("s"), *run).await.unwrap()));
        for other in runs {
            told.push(format!("{:?}", store.difference_between(*run, *other).await.unwrap()));
        }
    }
    for run in &runs[1..] {
        told.push(format!("{:?}", store.import_changes(*run).await.unwrap()));
    }
    told
}

fn not_kept(refused: StoreError, expected: Timestamp) {
    assert!(
        matches!(&refused, StoreError::HistoryNotKept { since, system_id } if *since == expected && *system_id == id("s")),
        "{refused:?}"
    );
    assert!(refused.to_string().contains(&expected.to_string()), "{refused}");
}

#[tokio::test]
async fn what_is_older_than_is_kept_is_refused_and_the_rest_stays_as_it_was() {
    for place in Place::both().await {
        let store = place.create().await;
        store.create_system(new_system("s", "S"), "local:test", day(0)).await.unwrap();
        let mut runs = Vec::new();
        for number in 0..5_u32 {
            let moment = day(i64::from(number) * 10);
            let inventory = random_inventory(&mut Dice(u64::from(number) + 1));
            runs.push(publish(&store, &inventory, moment).await.id);
            // Each part is closed after ten days, with what one run ended in it.
            store.divide_history(DAY, moment.checked_add(2 * DAY).unwrap()).await.unwrap();
        }
        let before = told(&store, &runs[2..]).await;
        let old = "SELECT COUNT(*) FROM account_versions WHERE valid_to_run <= 3";
        assert!(place.number(old).await > 0);
        let given_up = store.give_up_history(day(25), day(45)).await.unwrap().unwrap();
        assert_eq!((given_up.up_to, given_up.accounts as i64), (runs[2], place.number(old).await));
        // What is refused does not hang on whether it was removed.
        for removed in [false, true] {
            if removed {
                forget(&store).await;
            }
            assert_eq!(told(&store, &runs[2..]).await, before);
            let list = async |as_of| store.list_accounts(&id("s"), as_of, &AccountFilter::default()).await;
            not_kept(list(AsOf::Run(runs[1])).await.unwrap_err(), day(20));
            not_kept(list(AsOf::Time(day(19))).await.unwrap_err(), day(20));
            list(AsOf::Time(day(20))).await.unwrap();
            assert!(matches!(list(AsOf::Time(day(-1))).await, Err(StoreError::NothingThen { .. })));
            not_kept(store.difference_between(runs[1], runs[4]).await.unwrap_err(), day(20));
            let slice = ChangeSlice { descending: false, after: None, limit: 9 };
            let filter = ChangeFilter::default();
            let slices = [
                store.difference_slice((runs[4], runs[0]), &filter, &slice).await.map(drop),
                store.import_changes_slice(runs[2], &filter, &slice).await.map(drop),
                store.import_changes(runs[2]).await.map(drop),
            ];
            slices.into_iter().for_each(|refused| not_kept(refused.unwrap_err(), day(20)));
            assert_eq!(store.history_kept_since(&id("s")).await.unwrap(), Some(day(20)));
            for account in store.current_inventory(&id("s")).await.unwrap().accounts {
                let events = store.account_events(&id("s"), &account.external_id, 99).await.unwrap();
                assert!(events.iter().all(|event| event.run > runs[2]), "{events:?}");
            }
        }
        assert_eq!(place.number(old).await, 0, "what is given up whole is removed");
        assert!(place.version_rows().await > 0);
        let said = "SELECT COUNT(*) FROM audit_log WHERE action = 'history_trimmed'";
        assert_eq!(place.number(said).await, 1);
        store.verify_audit().await.unwrap();
        // Once a day, and only where there is something to give up.
        assert_eq!(store.give_up_history(day(35), day(45)).await.unwrap(), None);
        assert_eq!(store.give_up_history(day(25), day(46)).await.unwrap(), None);
        let more = store.give_up_history(day(35), day(46)).await.unwrap().unwrap();
        assert_eq!(more.up_to, runs[3]);
        assert_eq!(place.number("SELECT COUNT(*) FROM import_runs").await, 5);
        // It goes on as it was.
        forget(&store).await;
        let next = publish(&store, &random_inventory(&mut Dice(9)), day(50)).await.id;
        store.inventory_at(&id("s"), runs[4]).await.unwrap();
        store.import_changes(next).await.unwrap();
        store.close().await;
    }
}

#[tokio::test]
async fn a_system_that_was_not_imported_for_long_keeps_what_it_last_had_and_a_run_that_waits_what_it_needs() {
    for place in Place::both().await {
        let store = place.create().await;
        for name in ["s", "t"] {
            store.create_system(new_system(name, name), "local:test", day(0)).await.unwrap();
        }
        let inventory = random_inventory(&mut Dice(1));
        publish(&store, &inventory, day(0)).await;
        publish(&store, &random_inventory(&mut Dice(2)), day(1)).await;
        let last = store.current_inventory(&id("s")).await.unwrap();
        let changes = difference(last.clone(), random_inventory(&mut Dice(3)));
        let waits = begin(&store, day(2)).await;
        let suspended = Outcome::Suspended(changes.clone());
        store.finish_import_run(&waits, record(day(2)), suspended, day(2)).await.unwrap();
        for number in 3..6 {
            let lease =
                store.begin_import_run(&id("t"), &profile(), "tester", day(number), LEASE).await.unwrap();
            let nothing = ChangeSet::default();
            store.publish_import_run(&lease, record(day(number)), &nothing, day(number)).await.unwrap();
        }
        // All are older than what is wanted; the run that waits may still end versions under its number.
        let given_up = store.give_up_history(day(100), day(110)).await.unwrap().unwrap();
        assert_eq!(given_up.up_to, ImportRunId(2));
        forget(&store).await;
        assert_eq!(store.current_inventory(&id("s")).await.unwrap(), last);
        assert_eq!(
            store.list_accounts(&id("s"), AsOf::Time(day(99)), &AccountFilter::default()).await.unwrap(),
            last.accounts
        );
        assert_eq!(store.import_changes(waits.run).await.unwrap().counts(), changes.counts());
        store.accept_import_run(waits.run, "berta", "it is so", day(111)).await.unwrap();
        store.inventory_at(&id("s"), ImportRunId(2)).await.unwrap();
        // What was decided about goes, once that is as long ago.
        let given_up = store.give_up_history(day(112), day(300)).await.unwrap().unwrap();
        assert_eq!((given_up.up_to, given_up.evidence), (ImportRunId(6), 1));
        forget(&store).await;
        assert_eq!(place.number("SELECT COUNT(*) FROM import_changes").await, 0);
        not_kept(store.import_changes(waits.run).await.unwrap_err(), day(111));
        let now = store.current_inventory(&id("s")).await.unwrap();
        assert_eq!(store.inventory_at(&id("s"), waits.run).await.unwrap(), now);
        store.close().await;
    }
}

#[tokio::test]
async fn nobody_who_began_to_read_before_finds_less_than_there_was() {
    let place = Place::postgres().await;
    let store = place.create().await;
    store.create_system(new_system("s", "S"), "local:test", day(0)).await.unwrap();
    for number in 0..3 {
        publish(&store, &random_inventory(&mut Dice(number + 1)), day(number as i64)).await;
        store.divide_history(DAY, day(number as i64 + 2)).await.unwrap();
    }
    let parts = "SELECT COUNT(*) FROM pg_inherits WHERE inhparent IN ('account_versions'::regclass, \
                 'resource_versions'::regclass, 'assignment_versions'::regclass)";
    let there = place.number(parts).await;
    use sqlx::Executor;
    let mut reader = raw_postgres(&postgres_url()).await;
    let schema = place.schema.clone().unwrap();
    for text in [format!("SET search_path = {schema}"), "BEGIN ISOLATION LEVEL REPEATABLE READ".to_owned()] {
        reader.execute(sqlx::AssertSqlSafe(text)).await.unwrap();
    }
    let floor: Option<i64> =
        sqlx::query_scalar("SELECT floor_run FROM history_kept").fetch_optional(&mut reader).await.unwrap();
    assert_eq!(floor, None);
    let given_up = store.give_up_history(day(10), day(20)).await.unwrap().unwrap();
    assert!(given_up.accounts > 0);
    for _ in 0..3 {
        assert_eq!(store.forget_history().await.unwrap(), LeftToRemove::IsRead);
    }
    let ended = "SELECT COUNT(*) FROM account_versions WHERE valid_to_run <= 3";
    let found: i64 = sqlx::query_scalar(ended).fetch_one(&mut reader).await.unwrap();
    assert_eq!(found as u64, given_up.accounts);
    reader.execute("COMMIT").await.unwrap();
    forget(&store).await;
    assert!(place.number(parts).await < there);
    assert_eq!(place.number(ended).await, 0);
    // Somebody who is at the table is not waited for, and nothing is lost by that.
    publish(&store, &random_inventory(&mut Dice(9)), day(30)).await;
    let of_accounts = "SELECT COUNT(*) FROM pg_inherits WHERE inhparent = 'account_versions'::regclass";
    let there = place.number(of_accounts).await;
    reader.execute("BEGIN; LOCK TABLE account_versions IN ACCESS SHARE MODE").await.unwrap();
    store.divide_history(DAY, day(31)).await.unwrap();
    assert_eq!(place.number(of_accounts).await, there);
    reader.execute("COMMIT").await.unwrap();
    store.divide_history(DAY, day(31)).await.unwrap();
    assert_eq!(place.number(of_accounts).await, there + 1);
    publish(&store, &random_inventory(&mut Dice(10)), day(32)).await;
    store.close().await;
}
