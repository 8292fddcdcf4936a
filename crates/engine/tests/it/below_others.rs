//! Work below others: the database works for it with its priority, and not with that of those who wait for an answer.

use std::collections::BTreeMap;
use std::fs::{read_dir, read_to_string};
use std::sync::Arc;

use jiff::Timestamp;
use keyreeve_engine::threads::Threads;
use keyreeve_store::{DatabaseUrl, Store, StoreKey};

/// How far each thread of the database stands back: its "nice" value, the 19th field of its `stat`
/// (proc_pid_stat(5)), by its number.
fn databases_threads() -> BTreeMap<String, i32> {
    let mut found = BTreeMap::new();
    for task in read_dir("/proc/self/task").unwrap() {
        let path = task.unwrap().path();
        let (Ok(name), Ok(stat)) = (read_to_string(path.join("comm")), read_to_string(path.join("stat")))
        else {
            continue;
        };
        if name.starts_with("sqlx-sqlite") {
            let (_, after_name) = stat.rsplit_once(") ").unwrap();
            let nice = after_name.split(' ').nth(16).unwrap().parse().unwrap();
            found.insert(path.display().to_string(), nice);
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_database_does_for_work_below_others_stands_back_too() {
    let folder = tempfile::tempdir().unwrap();
    let url = DatabaseUrl::sqlite(folder.path().join("store.db"));
    let key = StoreKey::generate().unwrap();
    let store = Arc::new(Store::create(&url, key, Timestamp::UNIX_EPOCH).await.unwrap());
    store.list_systems(false).await.unwrap();
    let before = databases_threads();
    let usual = *before.values().max().unwrap();
    assert!(usual < 10, "a test that stands back itself shows nothing");

    let threads = Threads::below_others(1);
    let below = Arc::clone(&store);
    threads.run(|| async move { below.list_systems(false).await.map(drop) }).await.unwrap().unwrap();
    let after = databases_threads();
    let new: Vec<i32> =
        after.iter().filter(|(id, _)| !before.contains_key(*id)).map(|(_, nice)| *nice).collect();
    assert!(!new.is_empty() && new.iter().all(|nice| *nice > usual), "{before:?} {after:?}");

    // Who comes after that has the connections that stand back for nobody; where none was given back yet, another one.
    store.list_systems(false).await.unwrap();
    let last = databases_threads();
    assert!(last.iter().all(|(id, nice)| after.contains_key(id) || *nice == usual), "{after:?} {last:?}");
    store.close().await;
}
