//! Secrets at rest: sealed with XChaCha20-Poly1305 under the store's key, each bound to the place it belongs to.
//!
//! The associated data name table, row, column, key version and revision, so that a ciphertext that was moved,
//! altered or put back from an older copy of the row does not open. The revision is counted in the owner's row.

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use jiff::Timestamp;
use keyreeve_model::Secret;
use zeroize::Zeroizing;

use crate::key::fill_random;
use crate::statement::statement;
use crate::time::to_millis;
use crate::transaction::{Transaction, reading};
use crate::{Store, StoreError, StoreKey};

/// The version of the key in use; a rotation will make a greater one.
const KEY_VERSION: i64 = 1;

/// Where a secret belongs.
pub(crate) struct SecretPlace<'a> {
    pub(crate) table: &'static str,
    pub(crate) row: &'a str,
    pub(crate) column: &'static str,
    /// How many times this secret was set; kept in the owner's row.
    pub(crate) revision: i64,
}

impl SecretPlace<'_> {
    fn associated_data(&self, key_version: i64) -> Vec<u8> {
        let Self { table, row, column, revision } = self;
        format!("keyreeve\0{table}\0{row}\0{column}\0{key_version}\0{revision}").into_bytes()
    }
}

/// Seals a secret and writes it, over an earlier one of the same place.
pub(crate) async fn put(
    transaction: &mut Transaction,
    key: &StoreKey,
    place: &SecretPlace<'_>,
    secret: &Secret,
) -> Result<(), StoreError> {
    let mut nonce = [0_u8; 24];
    fill_random(&mut nonce)?;
    let aad = place.associated_data(KEY_VERSION);
    let payload = Payload { msg: secret.expose().as_bytes(), aad: &aad };
    let ciphertext = XChaCha20Poly1305::new(key.bytes().into())
        .encrypt(&XNonce::from(nonce), payload)
        .map_err(|_| StoreError::Data { what: "a secret is too long to be sealed".to_owned() })?;
    transaction
        .execute(statement!(
            "INSERT INTO secrets (owner_table, owner_row, owner_column, key_version, nonce, ciphertext) \
             VALUES ($1, $2, $3, $4, $5, $6) \
             ON CONFLICT (owner_table, owner_row, owner_column) DO UPDATE SET \
             key_version = excluded.key_version, nonce = excluded.nonce, ciphertext = excluded.ciphertext",
            place.table,
            place.row,
            place.column,
            KEY_VERSION,
            nonce.to_vec(),
            ciphertext,
        ))
        .await
        .map(|_| ())
}

/// Reads and opens a secret.
pub(crate) async fn get(
    transaction: &mut Transaction,
    key: &StoreKey,
    place: &SecretPlace<'_>,
) -> Result<Option<Secret>, StoreError> {
    let sealed = transaction
        .fetch_optional(
            statement!(
                "SELECT key_version, nonce, ciphertext FROM secrets \
                 WHERE owner_table = $1 AND owner_row = $2 AND owner_column = $3",
                place.table,
                place.row,
                place.column,
            ),
            |row| Ok((row.int(0)?, row.bytes(1)?, row.bytes(2)?)),
        )
        .await?;
    let Some((key_version, nonce, ciphertext)) = sealed else { return Ok(None) };
    let unreadable = || StoreError::SecretUnreadable { row: place.row.to_owned() };
    let nonce: [u8; 24] = nonce.try_into().map_err(|_| unreadable())?;
    let aad = place.associated_data(key_version);
    let plain = XChaCha20Poly1305::new(key.bytes().into())
        .decrypt(&XNonce::from(nonce), Payload { msg: &ciphertext, aad: &aad })
        .map(Zeroizing::new)
        .map_err(|_| unreadable())?;
    let text = std::str::from_utf8(&plain).map_err(|_| unreadable())?;
    Ok(Some(Secret::new(text.to_owned())))
}

/// Removes a secret.
pub(crate) async fn wipe(transaction: &mut Transaction, place: &SecretPlace<'_>) -> Result<(), StoreError> {
    transaction
        .execute(statement!(
            "DELETE FROM secrets WHERE owner_table = $1 AND owner_row = $2 AND owner_column = $3",
            place.table,
            place.row,
            place.column,
        ))
        .await
        .map(|_| ())
}

impl Store {
    /// Seals a password that will be shown to an operator, under the store's key and bound to its account.
    ///
    /// # Errors
    /// When the operating system gives no random numbers.
    pub fn seal_for_operator(&self, account: &str, password: &Secret) -> Result<Vec<u8>, StoreError> {
        let mut nonce = [0_u8; 24];
        fill_random(&mut nonce)?;
        let aad = operator_data(account);
        let payload = Payload { msg: password.expose().as_bytes(), aad: &aad };
        let ciphertext = XChaCha20Poly1305::new(self.key.bytes().into())
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| StoreError::Data { what: "a password is too long to be sealed".to_owned() })?;
        Ok([nonce.as_slice(), ciphertext.as_slice()].concat())
    }

    /// Opens what [`Self::seal_for_operator`] sealed.
    ///
    /// # Errors
    /// [`StoreError::SecretUnreadable`] when it was altered, or belongs to another account or store.
    pub fn open_for_operator(&self, account: &str, sealed: &[u8]) -> Result<Secret, StoreError> {
        let unreadable = || StoreError::SecretUnreadable { row: account.to_owned() };
        let (nonce, ciphertext) = sealed.split_first_chunk::<24>().ok_or_else(unreadable)?;
        let aad = operator_data(account);
        let plain = XChaCha20Poly1305::new(self.key.bytes().into())
            .decrypt(&XNonce::from(*nonce), Payload { msg: ciphertext, aad: &aad })
            .map(Zeroizing::new)
            .map_err(|_| unreadable())?;
        let text = std::str::from_utf8(&plain).map_err(|_| unreadable())?;
        Ok(Secret::new(text.to_owned()))
    }
}

fn operator_data(account: &str) -> Vec<u8> {
    format!("keyreeve\0operator_password\0{account}").into_bytes()
}

/// Notes which key a new store belongs to.
pub(crate) async fn record_key(
    transaction: &mut Transaction,
    key: &StoreKey,
    now: Timestamp,
) -> Result<(), StoreError> {
    transaction
        .execute(statement!(
            "INSERT INTO store_keys (key_version, fingerprint, created_at) VALUES ($1, $2, $3)",
            KEY_VERSION,
            key.fingerprint(),
            to_millis(now),
        ))
        .await
        .map(|_| ())
}

/// Refuses a key that is not the store's.
pub(crate) async fn check_key(store: &Store) -> Result<(), StoreError> {
    let fingerprint = reading!(store, "checking the store's key", |transaction| {
        transaction
            .fetch_optional(
                statement!("SELECT fingerprint FROM store_keys WHERE key_version = $1", KEY_VERSION),
                |row| row.text(0),
            )
            .await
    })
    .await?;
    match fingerprint {
        Some(fingerprint) if fingerprint == store.key.fingerprint() => Ok(()),
        _ => Err(StoreError::WrongKey),
    }
}
