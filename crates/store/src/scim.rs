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
use crate::row::Row;
use crate::statement::{Statement, statement};
use crate::time::to_millis;
use crate::transaction::{Transaction, reading, writing};
use crate::{Store, StoreError, systems};

pub(crate) mod mark;
pub(crate) mod revisions;
pub(crate) mod said;

pub use mark::{ScimMark, ScimUnbegun};
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

/// What is kept of some users or groups.
#[derive(Debug, Clone, Default)]
pub(crate) struct Records {
    /// What clients said, with the externalId that the asking client gave. Of whom nobody said anything is left out.
    pub(crate) records: HashMap<ExternalId, ScimRecord>,
    /// How often what is shown of them has become otherwise. Of whom that never was is left out.
    pub(crate) revisions: HashMap<ExternalId, i64>,
}

/// What is kept of some users or groups. Whatever was said of has a revision.
pub(crate) async fn records(
    transaction: &mut Transaction,
    key: i64,
    client: &str,
    resources: &[ExternalId],
) -> Result<Records, StoreError> {
    let mut found = Records::default();
    for some in resources.chunks(transaction.dialect().values_per_statement() - 2) {
        let mut text = Statement::building(
            "SELECT v.resource_id, v.revision, r.attributes, e.external_id, r.made_by, r.deleted_by, r.updated_at \
             FROM scim_revisions v LEFT JOIN scim_resources r ON r.system_key = v.system_key \
             AND r.resource_id = v.resource_id LEFT JOIN scim_external_ids e ON e.system_key = r.system_key \
             AND e.resource_id = r.resource_id AND e.client = ",
        );
        text.bind(client).push(" WHERE v.system_key = ").bind(key).push(" AND v.resource_id IN (VALUES ");
        text.bind_rows(some.iter().map(|id| vec![id.as_str().into()])).push(")");
        let rows = transaction
            .fetch(text, |row| {
                let record = match row.opt_time(6)? {
                    None => None,
                    Some(updated_at) => Some(ScimRecord {
                        attributes: row.json(2)?,
                        external_id: row.opt_text(3)?,
                        made_by: row.opt_text(4)?,
                        deleted_by: row.opt_text(5)?,
                        updated_at,
                    }),
                };
                Ok((row.word::<ExternalId>(0)?, row.int(1)?, record))
            })
            .await?;
        for (id, revision, record) in rows {
            found.records.extend(record.map(|record| (id.clone(), record)));
            found.revisions.insert(id, revision);
        }
    }
    Ok(found)
}

/// A user that is gone for SCIM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScimDeleted {
    /// The client that deleted it.
    pub by: String,
    /// When it was seen that AWS had it no more; `None` where the deletion was carried out there.
    pub gone_at: Option<Timestamp>,
}

/// The users that are gone for SCIM.
pub(crate) async fn deleted(
    transaction: &mut Transaction,
    key: i64,
) -> Result<BTreeMap<ExternalId, ScimDeleted>, StoreError> {
    let text = "SELECT resource_id, deleted_by, gone_at FROM scim_resources \
                WHERE system_key = $1 AND deleted_by IS NOT NULL";
    let read = |row: &Row| Ok((row.word(0)?, ScimDeleted { by: row.text(1)?, gone_at: row.opt_time(2)? }));
    Ok(transaction.fetch(statement!(text, key), read).await?.into_iter().collect())
}

/// Of the users that are gone for SCIM, those that have a way in by the last import. An import says nothing of one that
/// AWS had no more when it was looked for since.
pub(crate) async fn deleted_and_enabled(
    transaction: &mut Transaction,
    key: i64,
    imported_since: Timestamp,
) -> Result<Vec<ExternalId>, StoreError> {
    let mut text = Statement::building(
        "SELECT r.resource_id FROM scim_resources r JOIN account_versions v ON v.system_key = r.system_key \
         AND v.external_id = r.resource_id WHERE r.deleted_by IS NOT NULL AND v.status = 'enabled' AND \
         (r.gone_at IS NULL OR r.gone_at < ",
    );
    text.bind(to_millis(imported_since)).push(") AND r.system_key = ").bind(key).push(" AND ");
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
