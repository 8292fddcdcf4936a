//! The protect list: what nobody may change.

use jiff::Timestamp;
use keyreeve_model::{Protection, ProtectionKind, SystemId};
use serde_json::json;

use crate::audit::recording;
use crate::row::Row;
use crate::statement::statement;
use crate::systems::same_account;
use crate::time::to_millis;
use crate::transaction::reading;
use crate::{Store, StoreError, systems};

impl Store {
    /// The protect list of a system.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`].
    pub async fn protections(&self, system: &SystemId) -> Result<Vec<Protection>, StoreError> {
        reading!(self, "reading the protect list", |transaction| {
            let key = systems::find(transaction, system, false).await?.key;
            let text = "SELECT kind, value, reason, added_by, added_at FROM protections \
                        WHERE system_key = $1 ORDER BY kind, value";
            transaction.fetch(statement!(text, key), read_protection).await
        })
        .await
    }

    /// What nobody may change in a system: its protect list, and those of the other systems of the same AWS account.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`].
    pub async fn protections_in_force(&self, system: &SystemId) -> Result<Vec<Protection>, StoreError> {
        reading!(self, "reading the protect lists", |transaction| {
            let key = systems::find(transaction, system, false).await?.key;
            let text = concat!(
                "SELECT kind, value, reason, added_by, added_at FROM protections WHERE system_key IN ",
                same_account!("$1"),
                " ORDER BY kind, value, system_key"
            );
            transaction.fetch(statement!(text, key), read_protection).await
        })
        .await
    }

    /// Puts something on the protect list; if it is there already, its reason is replaced.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`], [`StoreError::SystemRemoved`].
    pub async fn add_protection(&self, system: &SystemId, protection: &Protection) -> Result<(), StoreError> {
        let (kind, value) = protection.kind.parts();
        let (actor, now) = (protection.added_by.as_str(), protection.added_at);
        recording!(self, "adding to the protect list", now, |transaction, trail| {
            let found = systems::find(transaction, system, false).await?;
            if found.system.removed_at.is_some() {
                return Err(StoreError::SystemRemoved { system_id: system.clone() });
            }
            let text = "INSERT INTO protections (system_key, kind, value, reason, added_by, added_at) \
                        VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (system_key, kind, value) DO UPDATE SET \
                        reason = excluded.reason, added_by = excluded.added_by, added_at = excluded.added_at";
            let reason = protection.reason.clone();
            let added = statement!(text, found.key, kind, value, reason, actor, to_millis(now));
            transaction.execute(added).await?;
            let subject = json!({"kind": kind, "value": value, "reason": protection.reason});
            trail.note(actor, Some(system), "protection_added", &subject);
            Ok(())
        })
        .await
    }

    /// Takes something off the protect list.
    ///
    /// # Errors
    /// [`StoreError::ProtectionNotFound`], [`StoreError::SystemNotFound`].
    pub async fn remove_protection(
        &self,
        system: &SystemId,
        protection: &ProtectionKind,
        actor: &str,
        reason: Option<&str>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (kind, value) = protection.parts();
        recording!(self, "taking off the protect list", now, |transaction, trail| {
            let key = systems::find(transaction, system, false).await?.key;
            let text = "DELETE FROM protections WHERE system_key = $1 AND kind = $2 AND value = $3";
            if transaction.execute(statement!(text, key, kind, value)).await? == 0 {
                let (system_id, value) = (system.clone(), value.to_owned());
                return Err(StoreError::ProtectionNotFound { system_id, kind, value });
            }
            let subject = json!({"kind": kind, "value": value, "reason": reason});
            trail.note(actor, Some(system), "protection_removed", &subject);
            Ok(())
        })
        .await
    }
}

fn read_protection(row: &Row) -> Result<Protection, StoreError> {
    let (kind, value) = (row.text(0)?, row.text(1)?);
    let kind = match kind.as_str() {
        "account" => ProtectionKind::Account(value),
        "path" => ProtectionKind::Path(value),
        "tag" => ProtectionKind::Tag(value),
        other => return Err(StoreError::Data { what: format!("{other:?} is no kind of protection") }),
    };
    Ok(Protection { kind, reason: row.opt_text(2)?, added_by: row.text(3)?, added_at: row.time(4)? })
}
