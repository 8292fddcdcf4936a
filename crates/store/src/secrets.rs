//! Secrets at rest: sealed under the data key of the system they belong to, each bound to its place.
//!
//! The associated data name table, row, column, key version and revision, so that a ciphertext that was moved,
//! altered or put back from an older copy of the row does not open. The revision is counted in the owner's row.

use jiff::Timestamp;
use keyreeve_model::{Secret, SystemId};
use zeroize::Zeroizing;

use crate::cipher::{NONCE, Sealed};
use crate::data_keys::{DataKey, KeyRing, Scope};
use crate::key::fill_random;
use crate::statement::statement;
use crate::transaction::{Transaction, reading};
use crate::{Store, StoreError};

/// Where a secret belongs.
pub(crate) struct SecretPlace<'a> {
    /// The system it belongs to.
    pub(crate) system: &'a SystemId,
    pub(crate) table: &'static str,
    pub(crate) column: &'static str,
    /// How many times this secret was set; kept in the owner's row.
    pub(crate) revision: i64,
}

impl<'a> SecretPlace<'a> {
    /// The secret of a system's access key.
    pub(crate) fn of_system(system: &'a SystemId, revision: i64) -> Self {
        Self { system, table: "systems", column: "credential", revision }
    }

    /// The secret of an access key that is to take the one in use's place.
    pub(crate) fn of_next_key(system: &'a SystemId, attempt: i64) -> Self {
        Self { system, table: "systems", column: "next_credential", revision: attempt }
    }

    fn row(&self) -> &str {
        self.system.as_str()
    }

    pub(crate) fn associated_data(&self, key_version: i64) -> Vec<u8> {
        let (row, Self { table, column, revision, .. }) = (self.row(), self);
        format!("keyreeve\0{table}\0{row}\0{column}\0{key_version}\0{revision}").into_bytes()
    }

    pub(crate) fn unreadable(&self) -> StoreError {
        StoreError::SecretUnreadable { row: self.row().to_owned() }
    }
}

/// Seals a secret under its system's key and writes it, over an earlier one of the same place.
pub(crate) async fn put(
    transaction: &mut Transaction,
    keys: &KeyRing,
    place: &SecretPlace<'_>,
    secret: &Secret,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (version, key) = keys.active_or_new(transaction, &Scope::system(place.system), now).await?;
    put_under(transaction, &key, version, place, secret).await
}

/// Seals a secret under this version of its system's key and writes it.
pub(crate) async fn put_under(
    transaction: &mut Transaction,
    key: &DataKey,
    version: i64,
    place: &SecretPlace<'_>,
    secret: &Secret,
) -> Result<(), StoreError> {
    let sealed = key.seal(secret.expose().as_bytes(), &place.associated_data(version))?;
    let Sealed { nonce, ciphertext } = sealed;
    transaction
        .execute(statement!(
            "INSERT INTO secrets (owner_table, owner_row, owner_column, key_version, nonce, ciphertext) \
             VALUES ($1, $2, $3, $4, $5, $6) \
             ON CONFLICT (owner_table, owner_row, owner_column) DO UPDATE SET \
             key_version = excluded.key_version, nonce = excluded.nonce, ciphertext = excluded.ciphertext",
            place.table,
            place.row(),
            place.column,
            version,
            nonce,
            ciphertext,
        ))
        .await
        .map(|_| ())
}

/// A secret as it is stored: the version of its key, nonce and ciphertext.
pub(crate) async fn sealed(
    transaction: &mut Transaction,
    place: &SecretPlace<'_>,
) -> Result<Option<(i64, Vec<u8>, Vec<u8>)>, StoreError> {
    let text = "SELECT key_version, nonce, ciphertext FROM secrets \
                WHERE owner_table = $1 AND owner_row = $2 AND owner_column = $3";
    let one = statement!(text, place.table, place.row(), place.column);
    transaction.fetch_optional(one, |row| Ok((row.int(0)?, row.bytes(1)?, row.bytes(2)?))).await
}

/// Reads and opens a secret.
pub(crate) async fn get(
    transaction: &mut Transaction,
    keys: &KeyRing,
    place: &SecretPlace<'_>,
) -> Result<Option<Secret>, StoreError> {
    let Some((version, nonce, ciphertext)) = sealed(transaction, place).await? else { return Ok(None) };
    let key = keys.opened(transaction, &Scope::system(place.system), version).await?;
    let plain = key.open(&nonce, &ciphertext, &place.associated_data(version));
    plain.and_then(|plain| text(&plain)).map(Some).ok_or_else(|| place.unreadable())
}

/// What was opened, if it is text.
pub(crate) fn text(plain: &[u8]) -> Option<Secret> {
    std::str::from_utf8(plain).ok().map(|text| Secret::new(text.to_owned()))
}

/// Removes a secret.
pub(crate) async fn wipe(transaction: &mut Transaction, place: &SecretPlace<'_>) -> Result<(), StoreError> {
    transaction
        .execute(statement!(
            "DELETE FROM secrets WHERE owner_table = $1 AND owner_row = $2 AND owner_column = $3",
            place.table,
            place.row(),
            place.column,
        ))
        .await
        .map(|_| ())
}

/// Removes all secrets of a system.
pub(crate) async fn wipe_all(transaction: &mut Transaction, system: &SystemId) -> Result<(), StoreError> {
    let text = "DELETE FROM secrets WHERE owner_table = 'systems' AND owner_row = $1";
    transaction.execute(statement!(text, system.as_str())).await.map(|_| ())
}

impl Store {
    /// Seals a password that will be shown to an operator, under the key of its system and bound to its account.
    ///
    /// # Errors
    /// When the operating system gives no random numbers, or the database cannot be read.
    pub async fn seal_for_operator(
        &self,
        system: &SystemId,
        account: &str,
        password: &Secret,
    ) -> Result<Vec<u8>, StoreError> {
        let (version, key) = reading!(self, "sealing a password", |transaction| {
            self.keys.current(transaction, &Scope::system(system)).await
        })
        .await?;
        seal_operator_password(&key, version, system, account, password.expose().as_bytes())
    }

    /// Opens what [`Self::seal_for_operator`] sealed.
    ///
    /// # Errors
    /// [`StoreError::SecretUnreadable`] when it was altered, or belongs to another account, system or store.
    pub async fn open_for_operator(
        &self,
        system: &SystemId,
        account: &str,
        sealed: &[u8],
    ) -> Result<Secret, StoreError> {
        let unreadable = || StoreError::SecretUnreadable { row: account.to_owned() };
        let version = packed_version(sealed).ok_or_else(unreadable)?;
        let key = reading!(self, "opening a password", |transaction| {
            self.keys.opened(transaction, &Scope::system(system), version).await
        })
        .await?;
        let plain = open_operator_password(&key, system, account, sealed).ok_or_else(unreadable)?;
        text(&plain).ok_or_else(unreadable)
    }
}

/// Seals to the version of the key, nonce and ciphertext, one after the other.
pub(crate) fn pack(
    key: &DataKey,
    version: i64,
    bound_to: &[u8],
    plain: &[u8],
) -> Result<Vec<u8>, StoreError> {
    let Sealed { nonce, ciphertext } = key.seal(plain, bound_to)?;
    Ok([version.to_be_bytes().as_slice(), &nonce, &ciphertext].concat())
}

/// Which key something is sealed under.
pub(crate) fn packed_version(packed: &[u8]) -> Option<i64> {
    packed.first_chunk::<8>().map(|version| i64::from_be_bytes(*version))
}

/// Opens what [`pack`] sealed.
pub(crate) fn unpack(key: &DataKey, bound_to: &[u8], packed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, ciphertext) = packed.get(8..)?.split_at_checked(NONCE)?;
    key.open(nonce, ciphertext, bound_to)
}

pub(crate) fn seal_operator_password(
    key: &DataKey,
    version: i64,
    system: &SystemId,
    account: &str,
    plain: &[u8],
) -> Result<Vec<u8>, StoreError> {
    pack(key, version, &operator_data(system, account, version), plain)
}

pub(crate) fn open_operator_password(
    key: &DataKey,
    system: &SystemId,
    account: &str,
    sealed: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    unpack(key, &operator_data(system, account, packed_version(sealed)?), sealed)
}

fn operator_data(system: &SystemId, account: &str, version: i64) -> Vec<u8> {
    format!("keyreeve\0operator_password\0{system}\0{account}\0{version}").into_bytes()
}

/// Random, for names that nobody may guess or have used before.
pub(crate) fn random_id() -> Result<String, StoreError> {
    let mut bytes = [0_u8; 16];
    fill_random(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
