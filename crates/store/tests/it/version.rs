//! Stores of other versions of the program.

use keyreeve_store::{Store, StoreError};

use crate::place::Place;
use crate::sample::at;

#[tokio::test]
async fn a_store_made_by_a_newer_version_is_refused_by_number() {
    for place in Place::both().await {
        place.create().await.close().await;
        place
            .tamper("INSERT INTO schema_migrations (version, name, checksum) VALUES (999, 'later', 'x')")
            .await;
        let refused = Store::open(&place.url, place.key.clone()).await.unwrap_err();
        assert!(matches!(refused, StoreError::NewerVersion { found: 999, .. }), "{refused:?}");
        assert!(refused.to_string().contains("999"), "{refused}");
    }
}

#[tokio::test]
async fn a_store_made_with_another_text_of_a_migration_is_refused() {
    for place in Place::both().await {
        place.create().await.close().await;
        place.tamper("UPDATE schema_migrations SET checksum = 'x' WHERE version = 1").await;
        let refused = Store::open(&place.url, place.key.clone()).await.unwrap_err();
        assert!(matches!(refused, StoreError::MigrationAltered { version: 1, .. }), "{refused:?}");
    }
}

#[tokio::test]
async fn a_store_is_made_once_and_opened_only_where_one_was_made() {
    for place in Place::both().await {
        let missing = Store::open(&place.url, place.key.clone()).await.unwrap_err();
        assert!(matches!(missing, StoreError::NoStore { .. }), "{missing:?}");
        assert!(missing.to_string().contains("keyreeve init"));
        place.create().await.close().await;
        let again = Store::create(&place.url, place.key.clone(), at(0)).await.unwrap_err();
        assert!(matches!(again, StoreError::AlreadyThere { .. }), "{again:?}");
        place.open().await.close().await;
    }
}
