//! What keeps a backup from being written, in words.

use keyreeve_store::StoreError;

use crate::place::Place;

#[tokio::test]
async fn a_backup_that_cannot_be_made_says_why_and_touches_nothing() {
    let place = Place::sqlite();
    let store = place.create().await;
    let folder = place.folder.path();
    std::fs::write(folder.join("taken.db"), b"precious").unwrap();
    for (target, why, advice) in [
        ("taken.db", "something of that name is there already", "a backup replaces nothing"),
        ("missing/copy.db", "there is no folder", "make the folder first"),
        ("taken.db/copy.db", "is not a folder", "give a place in a folder"),
    ] {
        let target = folder.join(target);
        let error = store.backup(&target).await.unwrap_err();
        assert!(matches!(error, StoreError::BackupNotWritten { .. }), "{error:?}");
        let text = error.to_string();
        assert!(text.starts_with(&format!("backing the store up to {}: ", target.display())), "{text}");
        assert!(text.contains(why) && text.contains(advice), "{text}");
    }
    assert_eq!(std::fs::read(folder.join("taken.db")).unwrap(), b"precious");
    store.close().await;
}
