//! What clients of SCIM say of users and groups and AWS has no place for, by AWS's own id.
//!
//! A client is the owner of a token: whoever renews the token stays the same client. What is said of a user is the same
//! for all clients; only the externalId is each client's own.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use keyreeve_model::{ExternalId, SystemId, digest_hex};
use serde_json::{Map, Value};

use crate::audit::Trail;
use crate::history::Versions;
use crate::statement::{Statement, statement};
use crate::transaction::{Transaction, reading, writing};
use crate::{Store, StoreError, systems};

pub(crate) mod mark;
pub(crate) mod said;

pub use mark::ScimMark;
use said::Of;
pub use said::{ScimBecomes, ScimSaid};

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

impl Store {
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

    /// Lets hold what a client says of a user or a group that AWS has nothing to do about. What was deleted is there
    /// again, unless it is said to be gone: then no client's externalId stands for it any more.
    ///
    /// # Errors
    /// [`StoreError::ScimExternalIdTaken`], [`StoreError::SystemRemoved`].
    pub async fn keep_scim(
        &self,
        system_id: &SystemId,
        client: &str,
        said: &ScimSaid,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.keep_scim_since(system_id, client, said, None, now).await
    }

    /// The same, if nothing has changed since.
    ///
    /// # Errors
    /// As [`Store::keep_scim`]; [`StoreError::ScimChanged`].
    pub async fn keep_scim_since(
        &self,
        system_id: &SystemId,
        client: &str,
        said: &ScimSaid,
        since: Option<&ScimMark>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        writing!(self, "keeping what a SCIM client said", |transaction| {
            let system_key = systems::find_in_use(transaction, system_id).await?.key;
            let mut trail = Trail::lock(transaction, &self.keys, now).await?;
            let of = Of { system_key, system_id, client };
            mark::require_unchanged(transaction, system_key, since).await?;
            said::require_free(transaction, of, said, None).await?;
            said::hold(transaction, &mut trail, of, said, now).await?;
            trail.append(transaction).await.map(|_| ())
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

/// What is kept of some users or groups, with the externalId that this client gave. Those of which nothing is kept are
/// left out.
pub(crate) async fn records(
    transaction: &mut Transaction,
    key: i64,
    client: &str,
    resources: &[ExternalId],
) -> Result<HashMap<ExternalId, ScimRecord>, StoreError> {
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
}

/// The users that are gone for SCIM, each with the client that deleted it.
pub(crate) async fn deleted(
    transaction: &mut Transaction,
    key: i64,
) -> Result<BTreeMap<ExternalId, String>, StoreError> {
    let text = "SELECT resource_id, deleted_by FROM scim_resources \
                WHERE system_key = $1 AND deleted_by IS NOT NULL";
    let rows = transaction.fetch(statement!(text, key), |row| Ok((row.word(0)?, row.text(1)?))).await?;
    Ok(rows.into_iter().collect())
}

/// Of the users that are gone for SCIM, those that have a way in by the last import.
pub(crate) async fn deleted_and_enabled(
    transaction: &mut Transaction,
    key: i64,
) -> Result<Vec<ExternalId>, StoreError> {
    let mut text = Statement::building(
        "SELECT r.resource_id FROM scim_resources r JOIN account_versions v ON v.system_key = r.system_key \
         AND v.external_id = r.resource_id WHERE r.deleted_by IS NOT NULL AND v.status = 'enabled' AND \
         r.system_key = ",
    );
    text.bind(key).push(" AND ");
    Versions::Current.condition(&mut text, "v");
    transaction.fetch(text, |row| row.word(0)).await
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
