//! Stores of other versions of the program.

use keyreeve_store::{Store, StoreError};

use crate::place::Place;
use crate::sample::*;

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

/// A process of this version goes on while one of a newer version brings the store up to date.
#[tokio::test]
async fn whoever_has_a_store_open_that_a_newer_version_has_made_its_own_changes_nothing_more() {
    for place in Place::both().await {
        let store = place.create().await;
        assert!(store.has_outgrown().is_none());
        place
            .tamper("INSERT INTO schema_migrations (version, name, checksum) VALUES (999, 'later', 'x')")
            .await;
        let refused = store.create_system(new_system("late", "Late"), "local:test", at(1)).await.unwrap_err();
        assert!(matches!(refused, StoreError::NewerVersion { found: 999, .. }), "{refused:?}");
        let told = store.outgrown().await;
        assert!(matches!(told, StoreError::NewerVersion { found: 999, .. }), "{told:?}");
        place.tamper("DELETE FROM schema_migrations WHERE version = 999").await;
        assert!(store.list_systems(true).await.unwrap().is_empty(), "it was written");
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

/// Takes what all migrations but the first made away again.
async fn back_to_the_first_version(place: &Place) {
    let folder = if place.schema.is_none() { "sqlite" } else { "postgres" };
    let read = |name: &str| {
        let path = format!("{}/migrations/{folder}/{name}", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(path).unwrap()
    };
    let text = read("0002_provisioning.sql")
        + &read("0003_task_mappings.sql")
        + &read("0004_envelopes.sql")
        + &read("0005_organizations.sql")
        + &read("0006_key_rotations.sql")
        + &read("0008_schedules.sql")
        + &read("0009_signers.sql")
        + &read("0010_scim.sql")
        + &read("0011_notifications.sql")
        + &read("0012_asked_over_http.sql")
        + &read("0013_people.sql")
        + &read("0014_given_passwords.sql")
        + &read("0015_scim_pending.sql")
        + &read("0017_audit_sinks.sql")
        + &read("0020_scim_revisions.sql")
        + &read("0021_policy_documents.sql")
        + &read("0023_drift_ends.sql")
        + &read("0025_errands.sql")
        + &read("0026_tests_and_claims.sql")
        + &read("0027_account_paces.sql")
        + &read("0028_errand_heads.sql");
    whole_again(place).await;
    let tables = text.lines().filter_map(|line| line.strip_prefix("CREATE TABLE ")?.split(' ').next());
    let mut tables: Vec<_> = tables.collect();
    assert!(tables.len() > 8, "{tables:?}");
    tables.reverse();
    for table in tables {
        let rest = if place.schema.is_none() { "" } else { " CASCADE" };
        place.tamper(&format!("DROP TABLE {table}{rest}")).await;
    }
    place.tamper("DROP INDEX systems_by_aws_account").await;
    indexes_of_before(place).await;
    place.tamper("ALTER TABLE account_versions DROP COLUMN oldest_key_at").await;
    if place.schema.is_some() {
        place.tamper("DROP FUNCTION refuse_audit_change").await;
    }
    place.tamper("DELETE FROM schema_migrations WHERE version > 1").await;
    let digest = place.schema_digest().await;
    place.tamper(&format!("UPDATE keyreeve_store SET schema_sha256 = '{digest}'")).await;
}

/// Takes back what later migrations did about the tables of history as such.
pub(crate) async fn whole_again(place: &Place) {
    place.tamper("DROP TABLE history_kept").await;
    if place.schema.is_none() {
        return;
    }
    for (table, key) in [
        ("account_versions", "external_id"),
        ("resource_versions", "external_id"),
        ("assignment_versions", "subject_external_id, kind, resource_key"),
    ] {
        for text in [
            format!("CREATE TABLE {table}_whole (LIKE {table})"),
            format!("INSERT INTO {table}_whole SELECT * FROM {table}"),
            format!("DROP TABLE {table}"),
            format!("ALTER TABLE {table}_whole RENAME TO {table}"),
            format!("ALTER TABLE {table} ADD PRIMARY KEY (system_key, {key}, valid_to_run)"),
        ] {
            place.tamper(&text).await;
        }
    }
}

/// Takes back what later migrations did about indexes.
pub(crate) async fn indexes_of_before(place: &Place) {
    let text = concat!(
        include_str!("../../migrations/sqlite/0016_read_in_order.sql"),
        include_str!("../../migrations/sqlite/0022_pages_in_order.sql"),
        include_str!("../../migrations/postgres/0031_across_systems.sql"),
        include_str!("../../migrations/sqlite/0032_fleet_in_order.sql")
    );
    let named = |before: &'static str| {
        text.lines().filter_map(move |line| line.strip_prefix(before)?.split([' ', ';']).next())
    };
    // PostgreSQL alone has those of 0031, and two that it makes where it can.
    let by_text = ["account_versions_by_text", "resource_versions_by_text"];
    for index in named("CREATE INDEX ").chain(by_text) {
        // With the audit log, its own went already.
        place.tamper(&format!("DROP INDEX IF EXISTS {index}")).await;
    }
    for index in named("DROP INDEX ") {
        let (table, column) = match index.strip_suffix("_until") {
            Some(table) => (table, "valid_to_run"),
            None => (index.strip_suffix("_since").unwrap(), "valid_from_run"),
        };
        place.tamper(&format!("CREATE INDEX {index} ON {table} (system_key, {column})")).await;
    }
}

#[tokio::test]
async fn a_store_of_the_version_before_is_brought_up_to_date_with_all_it_holds() {
    for place in Place::both().await {
        let store = place.create().await;
        store.create_system(new_system("s", "S"), "local:test", at(0)).await.unwrap();
        publish(&store, &random_inventory(&mut Dice(1)), at(1)).await;
        let inventory = store.current_inventory(&id("s")).await.unwrap();
        store.close().await;
        back_to_the_first_version(&place).await;
        let store = place.open().await;
        assert_eq!(store.current_inventory(&id("s")).await.unwrap(), inventory);
        assert!(store.jobs(&id("s"), None, 9).await.unwrap().is_empty());
        assert_eq!(store.verify_audit().await.unwrap().seq, 0);
        store.close().await;
        place.open().await.close().await;
    }
}
