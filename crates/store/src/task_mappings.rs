//! Task mappings: only those are kept that somebody has set.

use jiff::Timestamp;
use keyreeve_model::{MappingName, SystemId, TaskMapping};
use serde_json::json;

use crate::audit::Done;
use crate::row::{Row, to_json};
use crate::statement::statement;
use crate::time::to_millis;
use crate::transaction::{Transaction, reading, writing};
use crate::{Store, StoreError, systems};

/// A task mapping as a system has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredMapping {
    /// The mapping.
    pub mapping: TaskMapping,
    /// Who set it and when; `None` for the default.
    pub set: Option<(String, Timestamp)>,
}

impl StoredMapping {
    fn default_of(name: MappingName) -> Self {
        Self { mapping: TaskMapping::default_of(name), set: None }
    }
}

impl Store {
    /// The four task mappings of a system, in the order of [`MappingName::ALL`].
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`].
    pub async fn task_mappings(&self, system_id: &SystemId) -> Result<Vec<StoredMapping>, StoreError> {
        reading!(self, "listing the task mappings", |transaction| {
            let system = systems::find(transaction, system_id, false).await?;
            let mut mappings = Vec::new();
            for name in MappingName::ALL {
                mappings.push(find(transaction, system.key, name).await?);
            }
            Ok(mappings)
        })
        .await
    }

    /// One task mapping of a system: what was set, or the default.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`].
    pub async fn task_mapping(
        &self,
        system_id: &SystemId,
        name: MappingName,
    ) -> Result<StoredMapping, StoreError> {
        reading!(self, "reading the task mapping", |transaction| {
            let system = systems::find(transaction, system_id, false).await?;
            find(transaction, system.key, name).await
        })
        .await
    }

    /// Sets a task mapping of a system, in the place of the one of that name. The caller validates it.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`], [`StoreError::SystemRemoved`].
    pub async fn set_task_mapping(
        &self,
        system_id: &SystemId,
        mapping: &TaskMapping,
        by: (&str, Option<&str>),
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.set_task_mapping_if(system_id, mapping, |_| true, by, now).await
    }

    /// Sets a task mapping of a system, if what holds is still as `is_seen` says, which is asked in the transaction that
    /// changes it. The caller validates it.
    ///
    /// # Errors
    /// As [`Store::set_task_mapping`]; [`StoreError::ChangedSince`].
    pub async fn set_task_mapping_if(
        &self,
        system_id: &SystemId,
        mapping: &TaskMapping,
        is_seen: impl Fn(&TaskMapping) -> bool + Send + Sync,
        (actor, reason): (&str, Option<&str>),
        now: Timestamp,
    ) -> Result<(), StoreError> {
        writing!(self, "keeping the task mapping", |transaction| {
            let system = systems::find_in_use(transaction, system_id).await?;
            require_seen(transaction, (system.key, system_id), mapping.name, &is_seen).await?;
            transaction
                .execute(statement!(
                    "INSERT INTO task_mappings (system_key, name, definition, updated_by, updated_at) \
                     VALUES ($1, $2, $3, $4, $5) \
                     ON CONFLICT (system_key, name) DO UPDATE SET definition = excluded.definition, \
                     updated_by = excluded.updated_by, updated_at = excluded.updated_at",
                    system.key,
                    mapping.name.as_str(),
                    to_json(mapping)?,
                    actor,
                    to_millis(now),
                ))
                .await?;
            let subject = json!({"mapping": mapping, "reason": reason});
            let done = Done { action: "mapping_set", actor, system_id, subject };
            done.record(transaction, &self.keys, now).await
        })
        .await
    }

    /// Goes back to the default of a task mapping.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`], [`StoreError::SystemRemoved`].
    pub async fn reset_task_mapping(
        &self,
        system_id: &SystemId,
        name: MappingName,
        by: (&str, Option<&str>),
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.reset_task_mapping_if(system_id, name, |_| true, by, now).await
    }

    /// Goes back to the default of a task mapping, if what holds is still as `is_seen` says, which is asked in the transaction that
    /// changes it.
    ///
    /// # Errors
    /// As [`Store::reset_task_mapping`]; [`StoreError::ChangedSince`].
    pub async fn reset_task_mapping_if(
        &self,
        system_id: &SystemId,
        name: MappingName,
        is_seen: impl Fn(&TaskMapping) -> bool + Send + Sync,
        (actor, reason): (&str, Option<&str>),
        now: Timestamp,
    ) -> Result<(), StoreError> {
        writing!(self, "resetting the task mapping", |transaction| {
            let system = systems::find_in_use(transaction, system_id).await?;
            require_seen(transaction, (system.key, system_id), name, &is_seen).await?;
            let text = "DELETE FROM task_mappings WHERE system_key = $1 AND name = $2";
            if transaction.execute(statement!(text, system.key, name.as_str())).await? == 0 {
                return Ok(());
            }
            let subject = json!({"mapping": name, "reason": reason});
            let done = Done { action: "mapping_reset", actor, system_id, subject };
            done.record(transaction, &self.keys, now).await
        })
        .await
    }
}

async fn require_seen(
    transaction: &mut Transaction,
    (system_key, system_id): (i64, &SystemId),
    name: MappingName,
    is_seen: &(impl Fn(&TaskMapping) -> bool + Send + Sync),
) -> Result<(), StoreError> {
    if is_seen(&find(transaction, system_key, name).await?.mapping) {
        return Ok(());
    }
    Err(StoreError::ChangedSince { system_id: system_id.clone(), what: format!("the task mapping {name}") })
}

async fn find(
    transaction: &mut Transaction,
    system_key: i64,
    name: MappingName,
) -> Result<StoredMapping, StoreError> {
    let text =
        "SELECT definition, updated_by, updated_at FROM task_mappings WHERE system_key = $1 AND name = $2";
    let found = transaction.fetch_optional(statement!(text, system_key, name.as_str()), read).await?;
    Ok(found.unwrap_or_else(|| StoredMapping::default_of(name)))
}

fn read(row: &Row) -> Result<StoredMapping, StoreError> {
    Ok(StoredMapping { mapping: row.json(0)?, set: Some((row.text(1)?, row.time(2)?)) })
}
