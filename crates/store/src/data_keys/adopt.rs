//! The first data keys: of a new store, and of one that an earlier version made.

use jiff::Timestamp;
use keyreeve_model::{Secret, StepCall, SystemId};

use super::ring::{self, Kek};
use super::{DataKey, Scope};
use crate::cipher;
use crate::row::parse_json;
use crate::secrets::{self, SecretPlace};
use crate::statement::statement;
use crate::transaction::{Transaction, writing};
use crate::{Store, StoreError, StoreKey, audit, migrate, store_keys};

/// The store's id, the data key for what belongs to no system, and the code of an audit log without rows.
pub(crate) async fn make_first(
    transaction: &mut Transaction,
    kek: &Kek,
    now: Timestamp,
) -> Result<(), StoreError> {
    let key = make_own(transaction, kek, now).await?;
    audit::seal_beginning(transaction, &key, 1).await
}

async fn make_own(transaction: &mut Transaction, kek: &Kek, now: Timestamp) -> Result<DataKey, StoreError> {
    let text = "INSERT INTO envelope (marker, store_id) VALUES (1, $1)";
    transaction.execute(statement!(text, kek.store_id.as_str())).await?;
    make(transaction, kek, &Scope::store(), now).await
}

async fn make(
    transaction: &mut Transaction,
    kek: &Kek,
    scope: &Scope,
    now: Timestamp,
) -> Result<DataKey, StoreError> {
    let key = DataKey::generate()?;
    ring::insert(transaction, scope, 1, "active", now).await?;
    ring::insert_sealed(transaction, kek, scope, 1, &key).await?;
    Ok(key)
}

/// Brings a store of an earlier version, whose secrets are sealed under its key itself, into envelopes: all of it in
/// one transaction. Gives the key with the store's id.
pub(crate) async fn adopt(store: &Store, kek: Kek, custody: &str) -> Result<Kek, StoreError> {
    if !kek.store_id.is_empty() {
        return Ok(kek);
    }
    let made = Kek { store_id: secrets::random_id()?, ..kek };
    writing!(store, "sealing the store's secrets under data keys", |transaction| {
        migrate::lock(transaction).await?;
        if let Some(store_id) = found_id(transaction).await? {
            // Another process was faster.
            return Ok(Kek { store_id, ..made.clone() });
        }
        seal_anew(transaction, &made, custody).await?;
        Ok(made.clone())
    })
    .await
}

async fn found_id(transaction: &mut Transaction) -> Result<Option<String>, StoreError> {
    let text = "SELECT store_id FROM envelope WHERE marker = 1";
    transaction.fetch_optional(statement!(text), |row| row.text(0)).await
}

async fn seal_anew(transaction: &mut Transaction, kek: &Kek, custody: &str) -> Result<(), StoreError> {
    // Since when there are secrets under this key.
    let text = "SELECT created_at FROM store_keys WHERE key_version = $1";
    let since = transaction.fetch_one(statement!(text, kek.version), |row| row.time(0)).await?;
    store_keys::insert_custody(transaction, kek.version, "active", custody, None, None).await?;
    let of_store = make_own(transaction, kek, since).await?;
    audit::seal_end_anew(transaction, &kek.key, &of_store, 1).await?;
    let text = "SELECT system_id, secret_revision FROM systems WHERE removed_at IS NULL ORDER BY system_id";
    let systems: Vec<(SystemId, i64)> =
        transaction.fetch(statement!(text), |row| Ok((row.word(0)?, row.int(1)?))).await?;
    for (id, revision) in &systems {
        let key = make(transaction, kek, &Scope::system(id), since).await?;
        let place = SecretPlace::of_system(id, *revision);
        // What does not open now never will: it stays as it is, and its system is told when it is needed.
        if let Some(secret) = open_directly(transaction, &kek.key, &place).await? {
            secrets::put_under(transaction, &key, 1, &place, &secret).await?;
        }
        seal_operator_passwords(transaction, &kek.key, &key, id).await?;
    }
    Ok(())
}

/// A secret that is sealed under the store's key itself.
async fn open_directly(
    transaction: &mut Transaction,
    key: &StoreKey,
    place: &SecretPlace<'_>,
) -> Result<Option<Secret>, StoreError> {
    let Some((version, nonce, ciphertext)) = secrets::sealed(transaction, place).await? else {
        return Ok(None);
    };
    let plain = cipher::open(key.bytes(), &nonce, &ciphertext, &place.associated_data(version));
    Ok(plain.and_then(|plain| secrets::text(&plain)))
}

async fn seal_operator_passwords(
    transaction: &mut Transaction,
    old: &StoreKey,
    key: &DataKey,
    system: &SystemId,
) -> Result<(), StoreError> {
    for (delivery, account, sealed) in operator_passwords(transaction, system).await? {
        let Some((nonce, ciphertext)) = sealed.split_at_checked(cipher::NONCE) else { continue };
        let bound_to = format!("keyreeve\0operator_password\0{account}");
        let Some(plain) = cipher::open(old.bytes(), nonce, ciphertext, bound_to.as_bytes()) else { continue };
        let sealed = secrets::seal_operator_password(key, 1, system, &account, &plain)?;
        replace_operator_password(transaction, delivery, sealed).await?;
    }
    Ok(())
}

/// The passwords of a system that wait to be shown to its operator: delivery, account, sealed text.
pub(crate) async fn operator_passwords(
    transaction: &mut Transaction,
    system: &SystemId,
) -> Result<Vec<(i64, String, Vec<u8>)>, StoreError> {
    let text = "SELECT d.delivery_id, p.call, d.ciphertext FROM password_deliveries d \
                JOIN tasks t ON t.task_id = d.task_id JOIN systems s ON s.system_key = t.system_key \
                JOIN steps p ON p.task_id = d.task_id AND p.seq = d.seq \
                WHERE s.system_id = $1 AND d.kind = 'operator' AND d.ciphertext IS NOT NULL ORDER BY d.delivery_id";
    transaction
        .fetch(statement!(text, system.as_str()), |row| {
            let call: StepCall = parse_json(&row.text(1)?)?;
            Ok((row.int(0)?, call.account().to_owned(), row.bytes(2)?))
        })
        .await
}

pub(crate) async fn replace_operator_password(
    transaction: &mut Transaction,
    delivery: i64,
    sealed: Vec<u8>,
) -> Result<(), StoreError> {
    let text =
        "UPDATE password_deliveries SET ciphertext = $1 WHERE delivery_id = $2 AND ciphertext IS NOT NULL";
    transaction.execute(statement!(text, sealed, delivery)).await.map(|_| ())
}
