//! The schema's versions: the same numbers and names for both databases, each applied in one transaction.

use jiff::Timestamp;
use keyreeve_model::digest_hex;

use crate::custody::MadeKey;
use crate::data_keys::Kek;
use crate::dialect::Dialect;
use crate::statement::statement;
use crate::time::to_millis;
use crate::transaction::{Transaction, reading, writing};
use crate::{Store, StoreError, data_keys, store_keys};

/// One step of the schema.
pub(crate) struct Migration {
    version: i64,
    name: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
}

macro_rules! migration {
    ($version:literal, $name:literal, $file:literal) => {
        Migration {
            version: $version,
            name: $name,
            sqlite: include_str!(concat!("../migrations/sqlite/", $file)),
            postgres: include_str!(concat!("../migrations/postgres/", $file)),
        }
    };
}

/// All of them, in order.
const MIGRATIONS: &[Migration] = &[
    migration!(1, "initial", "0001_initial.sql"),
    migration!(2, "provisioning", "0002_provisioning.sql"),
    migration!(3, "task_mappings", "0003_task_mappings.sql"),
    migration!(4, "envelopes", "0004_envelopes.sql"),
    migration!(5, "organizations", "0005_organizations.sql"),
    migration!(6, "key_rotations", "0006_key_rotations.sql"),
    migration!(7, "found_by_account", "0007_found_by_account.sql"),
    migration!(8, "schedules", "0008_schedules.sql"),
    migration!(9, "signers", "0009_signers.sql"),
    migration!(10, "scim", "0010_scim.sql"),
    migration!(11, "notifications", "0011_notifications.sql"),
    migration!(12, "asked_over_http", "0012_asked_over_http.sql"),
    migration!(13, "people", "0013_people.sql"),
    migration!(14, "given_passwords", "0014_given_passwords.sql"),
    migration!(15, "scim_pending", "0015_scim_pending.sql"),
    migration!(16, "read_in_order", "0016_read_in_order.sql"),
    migration!(17, "audit_sinks", "0017_audit_sinks.sql"),
    migration!(18, "tries", "0018_tries.sql"),
    migration!(19, "keys_once", "0019_keys_once.sql"),
    migration!(20, "scim_revisions", "0020_scim_revisions.sql"),
    migration!(21, "policy_documents", "0021_policy_documents.sql"),
    migration!(22, "pages_in_order", "0022_pages_in_order.sql"),
    migration!(23, "drift_ends", "0023_drift_ends.sql"),
    migration!(24, "leases_of_many", "0024_leases_of_many.sql"),
    migration!(25, "errands", "0025_errands.sql"),
    migration!(26, "tests_and_claims", "0026_tests_and_claims.sql"),
    migration!(27, "account_paces", "0027_account_paces.sql"),
    migration!(28, "errand_heads", "0028_errand_heads.sql"),
    migration!(29, "dismissed_jobs", "0029_dismissed_jobs.sql"),
    migration!(30, "history_in_parts", "0030_history_in_parts.sql"),
    migration!(31, "across_systems", "0031_across_systems.sql"),
    migration!(32, "fleet_in_order", "0032_fleet_in_order.sql"),
];

impl Migration {
    fn text(&self, dialect: Dialect) -> &'static str {
        match dialect {
            Dialect::Sqlite => self.sqlite,
            Dialect::Postgres => self.postgres,
        }
    }

    fn checksum(&self, dialect: Dialect) -> String {
        digest_hex(self.text(dialect).as_bytes())
    }
}

/// The greatest version that this program knows.
pub(crate) fn known() -> i64 {
    MIGRATIONS.last().map_or(0, |migration| migration.version)
}

/// Whether the marker of a Keyreeve store is there.
pub(crate) async fn is_store(store: &Store) -> Result<bool, StoreError> {
    reading!(store, "looking for the store", |transaction| {
        let exists = transaction.dialect().table_exists();
        transaction.fetch_one(statement!(exists, "keyreeve_store"), |row| row.flag(0)).await
    })
    .await
}

/// Makes the schema in an empty place: all of it, the marker, the key's fingerprint and the first data key in one
/// transaction.
pub(crate) async fn create(
    store: &Store,
    kek: &Kek,
    made: &MadeKey,
    custody: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    writing!(store, "making the store's tables", |transaction| {
        make_tables(transaction).await?;
        transaction
            .execute(statement!(
                "INSERT INTO keyreeve_store (marker, created_at) VALUES (1, $1)",
                to_millis(now)
            ))
            .await?;
        store_keys::insert(transaction, kek.version, made, now).await?;
        let sealed = made.sealed.as_deref();
        store_keys::insert_custody(transaction, kek.version, "active", custody, sealed, None).await?;
        data_keys::make_first(transaction, kek, now).await?;
        note_schema(transaction).await
    })
    .await
}

/// All tables, in an empty place.
pub(crate) async fn make_tables(transaction: &mut Transaction) -> Result<(), StoreError> {
    lock(transaction).await?;
    for migration in MIGRATIONS {
        run(transaction, migration).await?;
    }
    Ok(())
}

/// Compares what was applied with what this program knows, and gives the versions still to be applied.
pub(crate) async fn check(store: &Store) -> Result<Vec<&'static Migration>, StoreError> {
    let place = &store.place;
    reading!(store, "checking the store's version", |transaction| pending(transaction, place).await).await
}

async fn pending(transaction: &mut Transaction, place: &str) -> Result<Vec<&'static Migration>, StoreError> {
    let applied = transaction
        .fetch(statement!("SELECT version, checksum FROM schema_migrations ORDER BY version"), |row| {
            Ok((row.int(0)?, row.text(1)?))
        })
        .await?;
    let known = known();
    if let Some((found, _)) = applied.last().filter(|(found, _)| *found > known) {
        return Err(StoreError::NewerVersion { place: place.to_owned(), found: *found, known });
    }
    let mut pending = Vec::new();
    for migration in MIGRATIONS {
        match applied.iter().find(|(version, _)| *version == migration.version) {
            None => pending.push(migration),
            Some((_, checksum)) if *checksum == migration.checksum(transaction.dialect()) => {}
            Some(_) => {
                return Err(StoreError::MigrationAltered {
                    place: place.to_owned(),
                    version: migration.version,
                    name: migration.name.to_owned(),
                });
            }
        }
    }
    check_schema(transaction, place).await?;
    Ok(pending)
}

/// Applies what is missing, each version in its own transaction.
pub(crate) async fn apply(store: &Store, migrations: Vec<&'static Migration>) -> Result<(), StoreError> {
    let place = &store.place;
    for migration in migrations {
        writing!(store, "bringing the store's tables up to date", |transaction| {
            lock(transaction).await?;
            if let Some(text) = transaction.dialect().lock_version() {
                transaction.execute(statement!(text)).await?;
            }
            // Another process may have been faster.
            let pending = pending(transaction, place).await?;
            if pending.iter().any(|other| other.version == migration.version) {
                run(transaction, migration).await?;
                note_schema(transaction).await?;
            }
            Ok(())
        })
        .await?;
    }
    Ok(())
}

pub(crate) async fn lock(transaction: &mut Transaction) -> Result<(), StoreError> {
    match transaction.dialect().lock_migrations() {
        Some(text) => transaction.execute(statement!(text)).await.map(|_| ()),
        None => Ok(()),
    }
}

async fn run(transaction: &mut Transaction, migration: &'static Migration) -> Result<(), StoreError> {
    let dialect = transaction.dialect();
    transaction.execute_script(migration.text(dialect)).await?;
    transaction
        .execute(statement!(
            "INSERT INTO schema_migrations (version, name, checksum) VALUES ($1, $2, $3)",
            migration.version,
            migration.name,
            migration.checksum(dialect),
        ))
        .await
        .map(|_| ())
}

/// Keeps a digest of SQLite's own description of the tables: a damaged first page shows when it is compared.
pub(crate) async fn note_schema(transaction: &mut Transaction) -> Result<(), StoreError> {
    let digest = schema_digest(transaction).await?;
    transaction.execute(statement!("UPDATE keyreeve_store SET schema_sha256 = $1", digest)).await.map(|_| ())
}

async fn check_schema(transaction: &mut Transaction, place: &str) -> Result<(), StoreError> {
    let damaged = |what: &str| StoreError::Damaged { place: place.to_owned(), what: what.to_owned() };
    let noted = transaction
        .fetch_optional(statement!("SELECT schema_sha256 FROM keyreeve_store WHERE marker = 1"), |row| {
            row.text(0)
        })
        .await?
        .ok_or_else(|| damaged("its marker is empty"))?;
    if noted != schema_digest(transaction).await? {
        return Err(match audit_differences(transaction).await? {
            Some(what) => StoreError::AuditAltered { place: place.to_owned(), what, broken: None },
            None => damaged("its tables are not those that were made"),
        });
    }
    Ok(())
}

/// Which of the audit log's own tables and triggers are no longer what the migrations made; `None` when all are.
pub(crate) async fn audit_differences(transaction: &mut Transaction) -> Result<Option<String>, StoreError> {
    let dialect = transaction.dialect();
    let made: String = MIGRATIONS.iter().map(|migration| migration.text(dialect)).collect();
    let found: Vec<(String, String)> = transaction
        .fetch(statement!(dialect.audit_schema_texts()), |row| Ok((row.text(0)?, row.text(1)?)))
        .await?;
    let objects = dialect
        .audit_objects()
        .iter()
        .filter(|(kind, name)| made.contains(&format!("CREATE {kind} {name} ")));
    let expected: Vec<String> =
        objects.map(|(kind, name)| format!("{} {name}", kind.to_ascii_lowercase())).collect();
    let is_there = |name: &String| found.iter().any(|(found, _)| found == name);
    let missing = expected.iter().filter(|name| !is_there(name)).map(|name| format!("the {name} is missing"));
    let others = found.iter().filter_map(|(name, text)| match expected.contains(name) {
        true => (!made.contains(text.as_str())).then(|| format!("the {name} was altered")),
        false => Some(format!("the {name} was added")),
    });
    let differences: Vec<String> = missing.chain(others).collect();
    Ok((!differences.is_empty()).then(|| differences.join(", ")))
}

async fn schema_digest(transaction: &mut Transaction) -> Result<String, StoreError> {
    let texts =
        transaction.fetch(statement!(transaction.dialect().schema_texts()), |row| row.text(0)).await?;
    Ok(digest_hex(texts.join("\n").as_bytes()))
}
