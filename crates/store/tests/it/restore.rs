//! A backup takes the store's place only if it opens there, and if nobody loses work by it.

use std::path::Path;
use std::time::Duration;

use keyreeve_model::{ImportProfile, ProfileName};
use keyreeve_store::{Compared, GoneSince, Restoration, Store, StoreError, StoreKey};

use crate::place::{Place, restore};
use crate::sample::*;

/// A store with a system, closed, and a backup of it from before the system was there.
async fn with_backup() -> (Place, std::path::PathBuf) {
    let place = Place::sqlite();
    let store = place.create().await;
    let backup = place.folder.path().join("backup.db");
    store.backup(&backup).await.unwrap();
    store.create_system(new_system("s", "S"), "local:test", at(0)).await.unwrap();
    store.close().await;
    (place, backup)
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_store_that_is_open_is_not_replaced() {
    let (place, backup) = with_backup().await;
    let store = place.open().await;
    store.list_systems(true).await.unwrap();
    let refused = restore(&backup, &place.file(), &place.key, at(9)).await.unwrap_err();
    assert!(matches!(refused, StoreError::InUse { .. }), "{refused:?}");
    assert!(refused.to_string().contains("end every other keyreeve"), "{refused}");
    store.create_system(new_system("later", "Later"), "local:test", at(5)).await.unwrap();
    store.close().await;
    assert_eq!(names(place.folder.path()), ["backup.db", "store.db"]);
    let store = place.open().await;
    assert_eq!(store.list_systems(true).await.unwrap().len(), 2);
    store.close().await;
}

#[tokio::test]
async fn a_live_lease_of_an_import_holds_a_restore_up_until_it_runs_out() {
    let (place, backup) = with_backup().await;
    let store = place.open().await;
    let lease = Duration::from_secs(30);
    store
        .begin_import_run(
            &id("s"),
            &ImportProfile::default_named(ProfileName::new("default").unwrap()),
            "me",
            at(100),
            lease,
        )
        .await
        .unwrap();
    // As if the process had been killed: the lease stays.
    store.close().await;
    let refused = restore(&backup, &place.file(), &place.key, at(110)).await.unwrap_err();
    assert!(refused.to_string().contains("import run 1 is under way"), "{refused}");
    assert_eq!(names(place.folder.path()), ["backup.db", "store.db"]);
    restore(&backup, &place.file(), &place.key, at(131)).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_live_lease_of_a_task_holds_a_restore_up() {
    let (place, backup) = with_backup().await;
    place
        .tamper(
            "PRAGMA foreign_keys = OFF; INSERT INTO tasks (task_id, job_id, system_key, kind, wish, account, account_folded, state, notices, \
             replans, crashes, lease_epoch, lease_until) \
             VALUES (7, 3, 1, 'delete_account', '{}', 'a', 'a', 'running', '[]', 0, 0, 1, 4102444800000)",
        )
        .await;
    let refused = restore(&backup, &place.file(), &place.key, at(9)).await.unwrap_err();
    assert!(refused.to_string().contains("task 7 of job 3 is under way"), "{refused}");
}

#[tokio::test]
async fn a_backup_under_another_key_replaces_nothing() {
    let (place, backup) = with_backup().await;
    let other = Place { key: StoreKey::generate().unwrap(), ..Place::sqlite() };
    other.create().await.close().await;
    let before = std::fs::read(other.file()).unwrap();
    let refused = restore(&backup, &other.file(), &other.key, at(9)).await.unwrap_err();
    assert!(matches!(refused, StoreError::BackupRefused { .. }), "{refused:?}");
    assert!(refused.to_string().contains("backup.db cannot be restored: it was made under another key"));
    assert_eq!(std::fs::read(other.file()).unwrap(), before);
    assert_eq!(names(other.folder.path()), ["store.db"]);
    assert_eq!(names(place.folder.path()), ["backup.db", "store.db"]);
}

#[tokio::test]
async fn nothing_is_left_beside_a_restored_store_and_its_backup() {
    let (place, backup) = with_backup().await;
    let kept = restore(&backup, &place.file(), &place.key, at(9)).await.unwrap().unwrap();
    let kept_name = kept.file_name().unwrap().to_str().unwrap().to_owned();
    assert_eq!(names(place.folder.path()), ["backup.db", "store.db", kept_name.as_str()]);
    let store = place.open().await;
    assert!(store.list_systems(true).await.unwrap().is_empty());
    store.close().await;
    // What was replaced is whole: it can be put back the same way.
    restore(&kept, &place.file(), &place.key, at(10)).await.unwrap();
    let store = Store::open(&place.url, place.key.clone()).await.unwrap();
    assert_eq!(store.list_systems(true).await.unwrap().len(), 1);
    store.close().await;
}

#[tokio::test]
async fn a_store_that_is_opened_while_the_restore_waits_for_a_word_is_not_replaced() {
    let (place, backup) = with_backup().await;
    let mut prepared =
        Restoration::prepare(&backup, &place.file(), &place.key, "local:test", at(9)).await.unwrap();
    let meanwhile = ["backup.db", "store.db", "store.db.restoring", "store.db.restoring.lock"];
    assert_eq!(names(place.folder.path()), meanwhile);
    let store = place.open().await;
    let refused = prepared.put_in_place(&place.key, at(10)).await.unwrap_err();
    assert!(matches!(refused, StoreError::InUse { .. }), "{refused:?}");
    assert_eq!(store.list_systems(true).await.unwrap().len(), 1);
    store.close().await;
    drop(prepared);
    assert_eq!(names(place.folder.path()), ["backup.db", "store.db"]);
    drop(Restoration::prepare(&backup, &place.file(), &place.key, "local:test", at(11)).await.unwrap());
    assert_eq!(names(place.folder.path()), ["backup.db", "store.db"]);
}

#[tokio::test]
async fn a_plan_reads_beside_who_uses_the_store_and_beside_a_restore() {
    let (place, old) = with_backup().await;
    let store = place.open().await;
    let backup = place.folder.path().join("later.db");
    store.backup(&backup).await.unwrap();
    store.remove_system(&id("s"), ("local:test", None), at(3)).await.unwrap();
    let plan = async |backup: &Path| {
        Restoration::plan(backup, &place.file(), &place.key, "local:test", at(9)).await.unwrap()
    };
    let planned = plan(&backup).await;
    let removed = GoneSince { systems_removed: vec!["s".to_owned()], ..GoneSince::default() };
    assert_eq!(planned.compared(), &Compared::Gone(Box::new(removed)));
    assert_eq!(planned.brought_back().systems, 1);
    drop(planned);
    assert_eq!(plan(&old).await.compared(), &Compared::Gone(Box::default()));
    store.create_system(new_system("later", "Later"), "local:test", at(5)).await.unwrap();
    store.close().await;
    let mut prepared =
        Restoration::prepare(&backup, &place.file(), &place.key, "local:test", at(9)).await.unwrap();
    drop(plan(&old).await);
    prepared.put_in_place(&place.key, at(10)).await.unwrap();
    let store = place.open().await;
    assert_eq!(store.list_systems(false).await.unwrap().len(), 1);
    store.close().await;
}

#[tokio::test]
async fn what_is_taken_away_while_a_restore_waits_for_a_word_is_told_before_it_comes_back() {
    let (place, _) = with_backup().await;
    let backup = place.folder.path().join("later.db");
    let store = place.open().await;
    store.backup(&backup).await.unwrap();
    store.close().await;
    let mut prepared =
        Restoration::prepare(&backup, &place.file(), &place.key, "local:test", at(9)).await.unwrap();
    assert_eq!(prepared.compared(), &Compared::Gone(Box::default()));
    let store = place.open().await;
    store.remove_system(&id("s"), ("local:test", None), at(10)).await.unwrap();
    store.close().await;
    let refused = prepared.put_in_place(&place.key, at(11)).await.unwrap_err();
    assert!(matches!(refused, StoreError::ChangedSinceCompared { .. }), "{refused:?}");
    let removed = GoneSince { systems_removed: vec!["s".to_owned()], ..GoneSince::default() };
    assert_eq!(prepared.compared(), &Compared::Gone(Box::new(removed)));
    // The store is as it was, and the same restore goes on once this has been seen.
    let store = place.open().await;
    assert_eq!(store.list_systems(false).await.unwrap().len(), 0);
    store.close().await;
    prepared.put_in_place(&place.key, at(12)).await.unwrap().unwrap();
    drop(prepared);
    let store = place.open().await;
    assert_eq!(store.list_systems(false).await.unwrap().len(), 1);
    store.close().await;
}

#[tokio::test]
async fn whatever_is_written_while_a_restore_waits_for_a_word_is_seen_before_it_is_lost() {
    let (place, backup) = with_backup().await;
    let mut prepared =
        Restoration::prepare(&backup, &place.file(), &place.key, "local:test", at(9)).await.unwrap();
    let before = prepared.compared().clone();
    let store = place.open().await;
    store.create_system(new_system("later", "Later"), "local:test", at(10)).await.unwrap();
    store.close().await;
    let refused = prepared.put_in_place(&place.key, at(11)).await.unwrap_err();
    assert!(matches!(refused, StoreError::ChangedSinceCompared { .. }), "{refused:?}");
    assert_eq!(*prepared.compared(), before, "nothing of it comes back, and yet it would be lost");
    let store = place.open().await;
    assert_eq!(store.list_systems(false).await.unwrap().len(), 2);
    store.close().await;
}

#[tokio::test]
async fn a_backup_that_the_key_of_by_now_does_not_open_takes_no_place() {
    let (place, backup) = with_backup().await;
    let mut prepared =
        Restoration::prepare(&backup, &place.file(), &place.key, "local:test", at(9)).await.unwrap();
    let refused = prepared.put_in_place(&StoreKey::generate().unwrap(), at(10)).await.unwrap_err();
    assert!(matches!(refused, StoreError::BackupRefused { .. }), "{refused:?}");
    drop(prepared);
    let store = place.open().await;
    assert_eq!(store.list_systems(false).await.unwrap().len(), 1);
    store.close().await;
}

#[tokio::test]
async fn a_file_with_its_last_changes_beside_it_is_no_backup() {
    let (place, backup) = with_backup().await;
    std::fs::write(format!("{}-wal", backup.display()), "changes").unwrap();
    let refused = restore(&backup, &place.file(), &place.key, at(9)).await.unwrap_err();
    assert!(matches!(refused, StoreError::BackupRefused { .. }), "{refused:?}");
    assert!(refused.to_string().contains("-wal"), "{refused}");
}

#[tokio::test]
async fn two_restores_at_once_do_not_share_a_copy() {
    let (place, backup) = with_backup().await;
    let prepare =
        async || Restoration::prepare(&backup, &place.file(), &place.key, "local:test", at(9)).await;
    let mut first = prepare().await.unwrap();
    let refused = prepare().await.unwrap_err();
    assert!(matches!(refused, StoreError::RestoreUnderWay { .. }), "{refused:?}");
    assert!(refused.to_string().contains("let it end, then try again"), "{refused}");
    first.put_in_place(&place.key, at(10)).await.unwrap().unwrap();
    drop(first);
    drop(prepare().await.unwrap());
    // What a process that died leaves of it holds nothing up.
    std::fs::write(place.folder.path().join("store.db.restoring.lock"), "").unwrap();
    drop(prepare().await.unwrap());
    assert!(names(place.folder.path()).iter().all(|name| !name.contains("restoring")));
}

#[tokio::test]
async fn another_store_is_not_compared_with() {
    let (place, backup) = with_backup().await;
    let other = Place { key: place.key.clone(), ..Place::sqlite() };
    other.create().await.close().await;
    let plan = async || {
        Restoration::plan(&backup, &other.file(), &place.key, "local:test", at(9))
            .await
            .unwrap()
            .compared()
            .clone()
    };
    assert!(matches!(plan().await, Compared::Not(why) if why.contains("another one")));
    std::fs::write(other.file(), "hello, I am no database at all").unwrap();
    assert!(matches!(plan().await, Compared::Not(why) if why.contains("could not be read")));
    std::fs::remove_file(other.file()).unwrap();
    assert!(matches!(plan().await, Compared::Not(why) if why.contains("there is no store")));
}
