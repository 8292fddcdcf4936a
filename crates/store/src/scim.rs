//! What clients of SCIM say of users and groups and AWS has no place for, by AWS's own id.
//!
//! A client is the owner of a token: whoever renews the token stays the same client. What is said of a user is the same
//! for all clients; only the externalId is each client's own.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use keyreeve_model::{ExternalId, SystemId, digest_hex};
use serde_json::{Map, Value, json};

use crate::audit::Done;
use crate::row::to_json;
use crate::statement::{Statement, statement};
use crate::time::to_millis;
use crate::transaction::{Transaction, reading, writing};
use crate::{Store, StoreError, systems};

/// What is kept of a user or a group.
#[derive(Debug, Clone, PartialEq)]
pub struct ScimRecord {
    /// Attributes by their names in SCIM.
    pub attributes: Map<String, Value>,
    /// What the asking client calls it.
    pub external_id: Option<String>,
    /// The client that made it; `None` when it was not made over SCIM.
    pub made_by: Option<String>,
    /// The client that deleted it; for SCIM it is gone.
    pub deleted_by: Option<String>,
    /// When it was written last.
    pub updated_at: Timestamp,
}

/// What is to be kept of a user or a group, in the place of what was.
#[derive(Debug, Clone)]
pub struct NewScimRecord<'a> {
    /// AWS's id.
    pub resource: &'a ExternalId,
    /// `User` or `Group`: an externalId is unique among them.
    pub resource_type: &'a str,
    /// Attributes by their names in SCIM.
    pub attributes: &'a Map<String, Value>,
    /// What the client calls it.
    pub external_id: Option<&'a str>,
    /// Whether the client has just made it.
    pub made: bool,
}

impl Store {
    /// What is kept of some users or groups, with the externalId that this client gave. Those of which nothing is kept
    /// are left out.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`].
    pub async fn scim_records(
        &self,
        system_id: &SystemId,
        client: &str,
        resources: &[ExternalId],
    ) -> Result<HashMap<ExternalId, ScimRecord>, StoreError> {
        reading!(self, "reading what SCIM clients said", |transaction| {
            let key = systems::find(transaction, system_id, false).await?.key;
            let mut found = HashMap::new();
            for some in resources.chunks(transaction.dialect().values_per_statement() - 2) {
                let mut text = Statement::building(
                    "SELECT r.resource_id, r.attributes, e.external_id, r.made_by, r.deleted_by, r.updated_at \
                     FROM scim_resources r LEFT JOIN scim_external_ids e ON e.system_key = r.system_key \
                     AND e.resource_id = r.resource_id AND e.client = ",
                );
                text.bind(client).push(" WHERE r.system_key = ").bind(key).push(" AND r.resource_id IN (VALUES ");
                text.bind_rows(some.iter().map(|id| vec![id.as_str().into()])).push(")");
                let rows = transaction
                    .fetch(text, |row| {
                        let record = ScimRecord {
                            attributes: row.json(1)?,
                            external_id: row.opt_text(2)?,
                            made_by: row.opt_text(3)?,
                            deleted_by: row.opt_text(4)?,
                            updated_at: row.time(5)?,
                        };
                        Ok((row.word(0)?, record))
                    })
                    .await?;
                found.extend(rows);
            }
            Ok(found)
        })
        .await
    }

    /// The users that are gone for SCIM, each with the client that deleted it.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`].
    pub async fn scim_deleted(
        &self,
        system_id: &SystemId,
    ) -> Result<BTreeMap<ExternalId, String>, StoreError> {
        reading!(self, "reading what SCIM clients deleted", |transaction| {
            let key = systems::find(transaction, system_id, false).await?.key;
            let text = "SELECT resource_id, deleted_by FROM scim_resources \
                        WHERE system_key = $1 AND deleted_by IS NOT NULL";
            let rows =
                transaction.fetch(statement!(text, key), |row| Ok((row.word(0)?, row.text(1)?))).await?;
            Ok(rows.into_iter().collect())
        })
        .await
    }

    /// What a client calls by this externalId.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`].
    pub async fn scim_called(
        &self,
        system_id: &SystemId,
        client: &str,
        resource_type: &str,
        external_id: &str,
    ) -> Result<Option<ExternalId>, StoreError> {
        reading!(self, "looking for an externalId", |transaction| {
            let key = systems::find(transaction, system_id, false).await?.key;
            holder(transaction, key, client, resource_type, external_id).await
        })
        .await
    }

    /// Keeps what a client says of a user or a group. What was deleted is there again.
    ///
    /// # Errors
    /// [`StoreError::ScimExternalIdTaken`], [`StoreError::SystemRemoved`].
    pub async fn keep_scim_record(
        &self,
        system_id: &SystemId,
        client: &str,
        new: &NewScimRecord<'_>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        writing!(self, "keeping what a SCIM client said", |transaction| {
            let key = systems::find_in_use(transaction, system_id).await?.key;
            let id = new.resource.as_str();
            let made_by = new.made.then_some(client);
            let text = "INSERT INTO scim_resources (system_key, resource_id, attributes, made_by, updated_at) \
                        VALUES ($1, $2, $3, $4, $5) ON CONFLICT (system_key, resource_id) DO UPDATE SET \
                        attributes = excluded.attributes, made_by = COALESCE(excluded.made_by, scim_resources.made_by), \
                        deleted_by = NULL, updated_at = excluded.updated_at";
            let attributes = to_json(new.attributes)?;
            transaction.execute(statement!(text, key, id, attributes, made_by, to_millis(now))).await?;
            name(transaction, key, client, new).await?;
            let names: Vec<&String> = new.attributes.keys().collect();
            let subject = json!({
                "resource": new.resource, "type": new.resource_type, "attributes": names,
                "external_id": new.external_id.is_some(), "made": new.made,
            });
            let done = Done { action: "scim_resource_kept", actor: client, system_id, subject };
            done.record(transaction, &self.keys, now).await
        })
        .await
    }

    /// From now on a user is gone for SCIM, and no client's externalId stands for it any more.
    ///
    /// # Errors
    /// [`StoreError::SystemRemoved`].
    pub async fn delete_scim_record(
        &self,
        system_id: &SystemId,
        client: &str,
        resource: &ExternalId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        writing!(self, "noting what a SCIM client deleted", |transaction| {
            let key = systems::find_in_use(transaction, system_id).await?.key;
            let text = "INSERT INTO scim_resources (system_key, resource_id, attributes, deleted_by, updated_at) \
                        VALUES ($1, $2, '{}', $3, $4) ON CONFLICT (system_key, resource_id) DO UPDATE SET \
                        attributes = '{}', deleted_by = excluded.deleted_by, updated_at = excluded.updated_at";
            transaction.execute(statement!(text, key, resource.as_str(), client, to_millis(now))).await?;
            let text = "DELETE FROM scim_external_ids WHERE system_key = $1 AND resource_id = $2";
            transaction.execute(statement!(text, key, resource.as_str())).await?;
            let subject = json!({"resource": resource});
            let done = Done { action: "scim_resource_deleted", actor: client, system_id, subject };
            done.record(transaction, &self.keys, now).await
        })
        .await
    }

    /// No client's externalId stands for this id any more: there is nothing of that id.
    ///
    /// # Errors
    /// [`StoreError::SystemRemoved`].
    pub async fn forget_scim_external_ids(
        &self,
        system_id: &SystemId,
        resource: &ExternalId,
    ) -> Result<(), StoreError> {
        writing!(self, "forgetting an externalId", |transaction| {
            let key = systems::find_in_use(transaction, system_id).await?.key;
            let text = "DELETE FROM scim_external_ids WHERE system_key = $1 AND resource_id = $2";
            transaction.execute(statement!(text, key, resource.as_str())).await.map(|_| ())
        })
        .await
    }
}

async fn holder(
    transaction: &mut Transaction,
    key: i64,
    client: &str,
    resource_type: &str,
    external_id: &str,
) -> Result<Option<ExternalId>, StoreError> {
    // A text may be longer than what an index takes.
    let text = "SELECT resource_id FROM scim_external_ids WHERE system_key = $1 AND client = $2 \
                AND resource_type = $3 AND external_id_sha256 = $4";
    let digest = digest_hex(external_id.as_bytes());
    transaction.fetch_optional(statement!(text, key, client, resource_type, digest), |row| row.word(0)).await
}

/// Puts down what the client calls a resource. The system is locked, so nobody takes the name in between.
async fn name(
    transaction: &mut Transaction,
    key: i64,
    client: &str,
    new: &NewScimRecord<'_>,
) -> Result<(), StoreError> {
    let id = new.resource.as_str();
    let text = "DELETE FROM scim_external_ids WHERE system_key = $1 AND client = $2 AND resource_id = $3";
    transaction.execute(statement!(text, key, client, id)).await?;
    let Some(external_id) = new.external_id else { return Ok(()) };
    if holder(transaction, key, client, new.resource_type, external_id).await?.is_some() {
        return Err(StoreError::ScimExternalIdTaken { resource_type: new.resource_type.to_owned() });
    }
    let text = "INSERT INTO scim_external_ids (system_key, client, resource_type, resource_id, external_id, \
                external_id_sha256) VALUES ($1, $2, $3, $4, $5, $6)";
    let digest = digest_hex(external_id.as_bytes());
    transaction
        .execute(statement!(text, key, client, new.resource_type, id, external_id, digest))
        .await
        .map(|_| ())
}
