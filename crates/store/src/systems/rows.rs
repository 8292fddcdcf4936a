//! The rows of systems.

use keyreeve_model::{CredentialKind, System, SystemId, SystemName};

use super::StoredSystem;
use crate::StoreError;
use crate::row::{Row, to_json};
use crate::statement::{Value, statement};
use crate::time::to_millis;
use crate::transaction::Transaction;

/// What is read of a system, in this order.
pub(super) const COLUMNS: &str = "system_key, secret_revision, system_id, name, category, technology, content, state, \
                       state_reason, aws_account_id, aws_partition, region, credential, settings, created_at, \
                       updated_at, removed_at";
/// So many columns do [`COLUMNS`] name.
pub(super) const NUMBER_OF_COLUMNS: usize = 17;

/// A system by its id; with `lock`, no other writer can change it until the transaction ends.
pub(crate) async fn find(
    transaction: &mut Transaction,
    system_id: &SystemId,
    lock: bool,
) -> Result<StoredSystem, StoreError> {
    let mut text = crate::statement::Statement::building("SELECT ");
    text.push(COLUMNS).push(" FROM systems WHERE system_id = ").bind(system_id.as_str());
    if lock {
        text.push(transaction.dialect().lock_row());
    }
    transaction
        .fetch_optional(text, read_system)
        .await?
        .ok_or_else(|| StoreError::SystemNotFound { system_id: system_id.clone() })
}

/// A system that was not removed, locked.
pub(crate) async fn find_in_use(
    transaction: &mut Transaction,
    system_id: &SystemId,
) -> Result<StoredSystem, StoreError> {
    let stored = find(transaction, system_id, true).await?;
    match stored.system.removed_at {
        None => Ok(stored),
        Some(_) => Err(StoreError::SystemRemoved { system_id: system_id.clone() }),
    }
}

/// The systems in use whose credentials are this access key, or whose role is assumed with it, sorted.
pub(crate) async fn holders_of_key(
    transaction: &mut Transaction,
    key: &str,
) -> Result<Vec<SystemId>, StoreError> {
    let text = "SELECT system_id, credential FROM systems WHERE removed_at IS NULL ORDER BY system_id";
    let all: Vec<(SystemId, CredentialKind)> =
        transaction.fetch(statement!(text), |row| Ok((row.word(0)?, row.json(1)?))).await?;
    let holds = |(_, credential): &(SystemId, CredentialKind)| credential.access_key_id() == Some(key);
    Ok(all.into_iter().filter(holds).map(|(id, _)| id).collect())
}

pub(super) async fn require_free_id(
    transaction: &mut Transaction,
    system_id: &SystemId,
) -> Result<(), StoreError> {
    let taken = transaction
        .fetch_optional(
            statement!(
                "SELECT system_key FROM systems WHERE lower(system_id) = $1",
                system_id.as_str().to_ascii_lowercase()
            ),
            |row| row.int(0),
        )
        .await?;
    taken.map_or(Ok(()), |_| Err(StoreError::SystemIdTaken { system_id: system_id.clone() }))
}

pub(super) async fn require_free_name(
    transaction: &mut Transaction,
    name: &SystemName,
    own_key: Option<i64>,
) -> Result<(), StoreError> {
    let taken = transaction
        .fetch_optional(
            statement!(
                "SELECT system_key FROM systems WHERE name_folded = $1 AND removed_at IS NULL",
                folded(name)
            ),
            |row| row.int(0),
        )
        .await?;
    match taken {
        Some(key) if Some(key) != own_key => Err(StoreError::NameTaken { name: name.clone() }),
        _ => Ok(()),
    }
}

/// A name as it is compared.
pub(super) fn folded(name: &SystemName) -> String {
    name.as_str().to_lowercase()
}

/// The word that stands for a value of a closed list.
pub(crate) fn word<T: serde::Serialize>(value: &T) -> Result<String, StoreError> {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => Ok(word),
        _ => Err(StoreError::Data { what: "a word cannot be written".to_owned() }),
    }
}

/// The columns that can change, in the order both statements name them.
fn changing_values(system: &System) -> Result<Vec<Value>, StoreError> {
    Ok(vec![
        system.name.as_str().into(),
        folded(&system.name).into(),
        system.category.as_str().into(),
        system.state.as_str().into(),
        system.state_reason.as_ref().map(to_json).transpose()?.into(),
        system.aws_account_id.as_ref().map(ToString::to_string).into(),
        system.partition.clone().into(),
        system.region.clone().into(),
        to_json(&system.credential)?.into(),
        to_json(&system.settings)?.into(),
        to_millis(system.updated_at).into(),
        system.removed_at.map(to_millis).into(),
    ])
}

pub(super) async fn insert(transaction: &mut Transaction, system: &System) -> Result<i64, StoreError> {
    let mut statement = statement!(
        "INSERT INTO systems (name, name_folded, category, state, state_reason, aws_account_id, aws_partition, \
         region, credential, settings, updated_at, removed_at, system_id, technology, content, secret_revision, \
         created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, 1, $16) \
         ON CONFLICT DO NOTHING RETURNING system_key"
    );
    statement.values = changing_values(system)?;
    statement.values.extend([
        system.system_id.as_str().into(),
        word(&system.technology)?.into(),
        word(&system.content)?.into(),
        to_millis(system.created_at).into(),
    ]);
    // Both were free a moment ago, so a conflict means that another process was faster; it has committed by now.
    match transaction.fetch_optional(statement, |row| row.int(0)).await? {
        Some(key) => Ok(key),
        None => {
            require_free_id(transaction, &system.system_id).await?;
            Err(StoreError::NameTaken { name: system.name.clone() })
        }
    }
}

pub(crate) async fn update(transaction: &mut Transaction, stored: &StoredSystem) -> Result<(), StoreError> {
    let mut statement = statement!(
        "UPDATE systems SET name = $1, name_folded = $2, category = $3, state = $4, state_reason = $5, \
         aws_account_id = $6, aws_partition = $7, region = $8, credential = $9, settings = $10, updated_at = $11, \
         removed_at = $12, secret_revision = $13 WHERE system_key = $14"
    );
    statement.values = changing_values(&stored.system)?;
    statement.values.extend([stored.secret_revision.into(), stored.key.into()]);
    transaction.execute(statement).await.map(|_| ()).map_err(|error| match error {
        StoreError::Database { source, .. } if source.unique => {
            StoreError::NameTaken { name: stored.system.name.clone() }
        }
        error => error,
    })
}

pub(crate) fn read_system(row: &Row) -> Result<StoredSystem, StoreError> {
    Ok(StoredSystem {
        key: row.int(0)?,
        secret_revision: row.int(1)?,
        system: System {
            system_id: row.word(2)?,
            name: row.word(3)?,
            category: row.text(4)?,
            technology: row.word(5)?,
            content: row.word(6)?,
            state: row.word(7)?,
            state_reason: row.opt_json(8)?,
            aws_account_id: row.opt_word(9)?,
            partition: row.opt_text(10)?,
            region: row.opt_text(11)?,
            credential: row.json(12)?,
            settings: row.json(13)?,
            created_at: row.time(14)?,
            updated_at: row.time(15)?,
            removed_at: row.opt_time(16)?,
        },
    })
}
