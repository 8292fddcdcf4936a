//! A damaged store never opens as an empty one.

use std::fs::OpenOptions;
use std::io::{Seek, SeekFrom, Write};

use keyreeve_store::{Store, StoreError, backup_is_sound};

use crate::place::{Place, restore};
use crate::sample::*;

/// A store with a system and some history, closed.
async fn filled() -> Place {
    let place = Place::sqlite();
    let store = place.create().await;
    store.create_system(new_system("s", "S"), "local:test", at(0)).await.unwrap();
    publish(&store, &random_inventory(&mut Dice(1)), at(1)).await;
    store.close().await;
    place
}

async fn refusal(place: &Place) -> StoreError {
    Store::open(&place.url, place.key.clone()).await.expect_err("it must not open")
}

fn overwrite(place: &Place, offset: u64, bytes: &[u8]) {
    let mut file = OpenOptions::new().write(true).open(place.file()).unwrap();
    file.seek(SeekFrom::Start(offset)).unwrap();
    file.write_all(bytes).unwrap();
}

#[tokio::test]
async fn a_damaged_file_is_refused_with_the_command_that_restores_it() {
    let length = std::fs::metadata(filled().await.file()).unwrap().len();
    type Damage<'a> = (&'a str, &'a dyn Fn(&Place));
    let damages: [Damage<'_>; 7] = [
        ("empty", &|place| std::fs::write(place.file(), b"").unwrap()),
        ("zeroed header", &|place| overwrite(place, 0, &[0; 100])),
        ("flipped magic", &|place| overwrite(place, 3, b"X")),
        ("truncated", &|place| {
            OpenOptions::new().write(true).open(place.file()).unwrap().set_len(length / 2).unwrap();
        }),
        ("text", &|place| std::fs::write(place.file(), "hello, I am no database at all").unwrap()),
        ("zeroed schema page", &|place| overwrite(place, 100, &[0; 3000])),
        ("garbled schema page", &|place| overwrite(place, 4040, &[0xa5; 56])),
    ];
    for (name, damage) in damages {
        let place = filled().await;
        damage(&place);
        let error = refusal(&place).await;
        assert!(
            matches!(error, StoreError::Damaged { .. } | StoreError::NotAStore { .. }),
            "{name}: {error:?}"
        );
        if !matches!(error, StoreError::NotAStore { .. }) {
            assert!(error.to_string().contains("keyreeve store restore"), "{name}: {error}");
        }
    }
}

#[tokio::test]
async fn a_small_store_with_any_page_zeroed_is_not_opened() {
    let page = 4096;
    let sound = filled().await;
    let pages = std::fs::metadata(sound.file()).unwrap().len() / page;
    // Nothing is on these: what was there is gone for good.
    let free = sound.text("SELECT CAST(freelist_count AS TEXT) FROM pragma_freelist_count").await;
    let store = sound.open().await;
    let known = store.current_inventory(&id("s")).await.unwrap();
    store.close().await;
    let mut harmless = 0;
    for number in 0..pages {
        let place = filled().await;
        overwrite(&place, number * page, &vec![0; 4096]);
        match Store::open(&place.url, place.key.clone()).await {
            Err(error) => assert!(matches!(error, StoreError::Damaged { .. }), "page {number}: {error:?}"),
            Ok(store) => {
                harmless += 1;
                let there = store.current_inventory(&id("s")).await.unwrap();
                assert_eq!(there, known, "page {number}");
                store.verify_audit().await.unwrap();
                store.close().await;
            }
        }
    }
    assert!(harmless <= free.parse::<u64>().unwrap(), "{harmless} of {free} free pages");
}

#[tokio::test]
async fn a_foreign_database_is_not_taken_for_a_store() {
    let place = Place::sqlite();
    place.tamper_new("CREATE TABLE keyreeve_store (marker BIGINT)").await;
    assert!(matches!(refusal(&place).await, StoreError::NotAStore { .. }));
}

#[tokio::test]
async fn losing_the_shared_memory_file_loses_nothing_and_losing_the_log_never_empties() {
    for ending in ["-shm", "-wal"] {
        let place = filled().await;
        let store = place.open().await;
        let before = store.list_systems(true).await.unwrap();
        store.create_system(new_system("later", "Later"), "local:test", at(5)).await.unwrap();
        // What a crash leaves behind: the files as they are while the store is in use.
        let copy = Place { key: place.key.clone(), ..Place::sqlite() };
        for name in ["store.db", "store.db-wal", "store.db-shm"] {
            if !name.ends_with(ending) {
                std::fs::copy(place.folder.path().join(name), copy.folder.path().join(name)).unwrap();
            }
        }
        store.close().await;
        let reopened = copy.open().await;
        let systems = reopened.list_systems(true).await.unwrap();
        let expected = if ending == "-shm" { before.len() + 1 } else { before.len() };
        assert_eq!(systems.len(), expected, "{ending}");
        reopened.close().await;
    }
}

#[tokio::test]
async fn a_backup_is_sound_private_and_restores_what_it_held() {
    let place = filled().await;
    let store = place.open().await;
    let backup = place.folder.path().join("backup.db");
    store.backup(&backup).await.unwrap();
    assert!(matches!(store.backup(&backup).await, Err(StoreError::BackupNotWritten { .. })));
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(std::fs::metadata(&backup).unwrap().permissions().mode() & 0o7777, 0o600);
    backup_is_sound(&backup).await.unwrap();
    let inventory = store.current_inventory(&id("s")).await.unwrap();
    store.create_system(new_system("later", "Later"), "local:test", at(5)).await.unwrap();
    store.close().await;
    overwrite(&place, 0, &[0; 100]);

    let kept = restore(&backup, &place.file(), &place.key, at(9)).await.unwrap().unwrap();
    assert!(kept.exists());
    let store = place.open().await;
    assert_eq!(store.current_inventory(&id("s")).await.unwrap(), inventory);
    assert_eq!(store.list_systems(true).await.unwrap().len(), 1);
    store.close().await;
}

#[tokio::test]
async fn an_unsound_backup_is_refused_and_the_store_stays() {
    let place = filled().await;
    let bad = place.folder.path().join("bad.db");
    std::fs::copy(place.file(), &bad).unwrap();
    OpenOptions::new().write(true).open(&bad).unwrap().set_len(8192).unwrap();
    assert!(restore(&bad, &place.file(), &place.key, at(9)).await.is_err());
    assert!(restore(&place.folder.path().join("none"), &place.file(), &place.key, at(9)).await.is_err());
    place.open().await.close().await;
}

#[tokio::test]
async fn postgres_is_backed_up_with_its_own_tools() {
    let place = Place::postgres().await;
    let store = place.create().await;
    let refused = store.backup(&place.folder.path().join("x")).await.unwrap_err();
    assert!(refused.to_string().contains("pg_dump"), "{refused}");
    store.close().await;
}
