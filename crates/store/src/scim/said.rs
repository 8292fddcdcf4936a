//! What a client says of a user or a group, and what becomes of it: at once where AWS has nothing to do about it, else with
//! the job that it was said with. It is written down with that job, and comes to hold when the job has succeeded, whoever
//! carries it out; if the job ends otherwise, it is dropped.

use jiff::Timestamp;
use keyreeve_model::{ExternalId, JobId, SystemId, digest_hex};
use serde_json::{Map, Value, json};

use super::revisions;
use crate::StoreError;
use crate::audit::Trail;
use crate::row::to_json;
use crate::statement::statement;
use crate::time::to_millis;
use crate::transaction::Transaction;

/// What a client says of a user or a group.
#[derive(Debug, Clone, PartialEq)]
pub struct ScimSaid {
    /// AWS's id; `None` of a user that the job is to make.
    pub resource: Option<ExternalId>,
    /// `User` or `Group`: an externalId is unique among them.
    pub resource_type: String,
    /// Attributes by their names in SCIM that are otherwise from now on; `null` takes one away.
    pub changes: Map<String, Value>,
    /// What the client calls it from now on, if that is otherwise; within, `None` for nothing any more.
    pub external_id: Option<Option<String>>,
    /// What becomes of it for SCIM.
    pub becomes: ScimBecomes,
}

/// What becomes of a user or a group for SCIM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScimBecomes {
    /// It is there.
    Kept,
    /// It is there, and the client has made it.
    Made,
    /// It is gone.
    Deleted,
    /// It is gone, and AWS had nobody of that id any more.
    Gone,
}

impl ScimBecomes {
    fn as_str(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Made => "made",
            Self::Deleted => "deleted",
            Self::Gone => "gone",
        }
    }

    fn of(word: &str) -> Result<Self, StoreError> {
        let all = [Self::Kept, Self::Made, Self::Deleted, Self::Gone];
        let found = all.into_iter().find(|one| one.as_str() == word);
        found.ok_or_else(|| StoreError::Data { what: format!("SCIM has no {word:?}") })
    }
}

/// Whose word it is: of which system and which client.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Of<'a> {
    pub(crate) system_key: i64,
    pub(crate) system_id: &'a SystemId,
    pub(crate) client: &'a str,
}

/// Lets it hold. Whoever calls this holds the log's end, so nobody takes an externalId in between.
pub(crate) async fn hold(
    transaction: &mut Transaction,
    trail: &mut Trail<'_>,
    of: Of<'_>,
    said: &ScimSaid,
    now: Timestamp,
) -> Result<(), StoreError> {
    let unnamed = || StoreError::Data { what: "SCIM says something of nobody".to_owned() };
    let id = said.resource.as_ref().ok_or_else(unnamed)?;
    if matches!(said.becomes, ScimBecomes::Deleted | ScimBecomes::Gone) {
        let gone_at = (said.becomes == ScimBecomes::Gone).then_some(now);
        return delete(transaction, trail, of, id, (gone_at, now)).await;
    }
    let text = "SELECT attributes, deleted_by FROM scim_resources WHERE system_key = $1 AND resource_id = $2";
    let read = |row: &crate::row::Row| Ok((row.json::<Map<String, Value>>(0)?, row.opt_text(1)?));
    let known = transaction.fetch_optional(statement!(text, of.system_key, id.as_str()), read).await?;
    let (mut attributes, deleted_by) = known.unwrap_or_default();
    revisions::said(transaction, of.system_key, id, deleted_by.is_some()).await?;
    for (name, value) in &said.changes {
        match value {
            Value::Null => drop(attributes.remove(name)),
            value => drop(attributes.insert(name.clone(), value.clone())),
        }
    }
    let made = said.becomes == ScimBecomes::Made;
    let made_by = made.then_some(of.client);
    let text = "INSERT INTO scim_resources (system_key, resource_id, attributes, made_by, updated_at) \
                VALUES ($1, $2, $3, $4, $5) ON CONFLICT (system_key, resource_id) DO UPDATE SET \
                attributes = excluded.attributes, made_by = COALESCE(excluded.made_by, scim_resources.made_by), \
                deleted_by = NULL, gone_at = NULL, updated_at = excluded.updated_at";
    let attributes_text = to_json(&attributes)?;
    let kept = statement!(text, of.system_key, id.as_str(), attributes_text, made_by, to_millis(now));
    transaction.execute(kept).await?;
    if let Some(external_id) = &said.external_id {
        name(transaction, of, said, id, external_id.as_deref()).await?;
    }
    let names: Vec<&String> = said.changes.keys().collect();
    let subject = json!({
        "resource": id, "type": said.resource_type, "attributes": names,
        "external_id": said.external_id.is_some(), "made": made,
    });
    trail.note(of.client, Some(of.system_id), "scim_resource_kept", &subject);
    Ok(())
}

async fn delete(
    transaction: &mut Transaction,
    trail: &mut Trail<'_>,
    of: Of<'_>,
    id: &ExternalId,
    (gone_at, now): (Option<Timestamp>, Timestamp),
) -> Result<(), StoreError> {
    revisions::said(transaction, of.system_key, id, true).await?;
    let text = "INSERT INTO scim_resources (system_key, resource_id, attributes, deleted_by, gone_at, updated_at) \
                VALUES ($1, $2, '{}', $3, $4, $5) ON CONFLICT (system_key, resource_id) DO UPDATE SET \
                attributes = '{}', deleted_by = excluded.deleted_by, gone_at = excluded.gone_at, \
                updated_at = excluded.updated_at";
    let gone = gone_at.map(to_millis);
    transaction
        .execute(statement!(text, of.system_key, id.as_str(), of.client, gone, to_millis(now)))
        .await?;
    let text = "DELETE FROM scim_external_ids WHERE system_key = $1 AND resource_id = $2";
    transaction.execute(statement!(text, of.system_key, id.as_str())).await?;
    trail.note(
        of.client,
        Some(of.system_id),
        "scim_resource_deleted",
        &json!({"resource": id, "gone": gone_at.is_some()}),
    );
    Ok(())
}

/// Puts down what the client calls a resource.
async fn name(
    transaction: &mut Transaction,
    of: Of<'_>,
    said: &ScimSaid,
    id: &ExternalId,
    external_id: Option<&str>,
) -> Result<(), StoreError> {
    let text = "DELETE FROM scim_external_ids WHERE system_key = $1 AND client = $2 AND resource_id = $3";
    transaction.execute(statement!(text, of.system_key, of.client, id.as_str())).await?;
    let Some(external_id) = external_id else { return Ok(()) };
    let text = "INSERT INTO scim_external_ids (system_key, client, resource_type, resource_id, external_id, \
                external_id_sha256) VALUES ($1, $2, $3, $4, $5, $6)";
    let digest = digest_hex(external_id.as_bytes());
    let kind = said.resource_type.as_str();
    transaction
        .execute(statement!(text, of.system_key, of.client, kind, id.as_str(), external_id, digest))
        .await
        .map(|_| ())
}

/// Refuses an externalId by which the client calls something else, or will when a job has succeeded.
pub(crate) async fn require_free(
    transaction: &mut Transaction,
    of: Of<'_>,
    said: &ScimSaid,
    job: Option<JobId>,
) -> Result<(), StoreError> {
    let Some(Some(external_id)) = &said.external_id else { return Ok(()) };
    let kind = said.resource_type.as_str();
    let taken = || StoreError::ScimExternalIdTaken { resource_type: kind.to_owned() };
    let holder = super::holder(transaction, of.system_key, of.client, kind, external_id).await?;
    if holder.is_some() && holder != said.resource {
        return Err(taken());
    }
    let text = "SELECT p.resource_id FROM scim_pending p JOIN provisioning_jobs j ON j.job_id = p.job_id \
                WHERE j.system_key = $1 AND j.actor = $2 AND p.resource_type = $3 AND p.external_id_sha256 = $4 \
                AND p.job_id <> $5";
    let digest = digest_hex(external_id.as_bytes());
    let other = statement!(text, of.system_key, of.client, kind, digest, job.map_or(0, |job| job.0));
    let coming = transaction.fetch(other, |row| row.opt_word::<ExternalId>(0)).await?;
    if coming.iter().any(|resource| resource.is_none() || *resource != said.resource) {
        return Err(taken());
    }
    Ok(())
}

/// Writes down what holds when a job has succeeded, in the place of what was.
pub(crate) async fn put_off(
    transaction: &mut Transaction,
    of: Of<'_>,
    job: JobId,
    said: &ScimSaid,
) -> Result<(), StoreError> {
    require_free(transaction, of, said, Some(job)).await?;
    drop_of(transaction, job).await?;
    let text = "INSERT INTO scim_pending (job_id, resource_id, resource_type, becomes, changes, names, external_id, \
                external_id_sha256) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    let external_id = said.external_id.clone().flatten();
    let digest = external_id.as_ref().map(|text| digest_hex(text.as_bytes()));
    let insert = statement!(
        text,
        job.0,
        said.resource.as_ref().map(ToString::to_string),
        said.resource_type.as_str(),
        said.becomes.as_str(),
        to_json(&said.changes)?,
        i64::from(said.external_id.is_some()),
        external_id,
        digest,
    );
    transaction.execute(insert).await.map(|_| ())
}

/// What was said with a job comes to hold if the job has succeeded, and is dropped.
pub(crate) async fn job_ended(
    transaction: &mut Transaction,
    trail: &mut Trail<'_>,
    of: Of<'_>,
    job: JobId,
    succeeded: bool,
    now: Timestamp,
) -> Result<(), StoreError> {
    let text = "SELECT p.resource_id, p.resource_type, p.becomes, p.changes, p.names, p.external_id, \
                (SELECT MIN(t.account_external_id) FROM tasks t WHERE t.job_id = p.job_id \
                 AND t.kind = 'create_account') FROM scim_pending p WHERE p.job_id = $1";
    let read = |row: &crate::row::Row| {
        let named = row.opt_word::<ExternalId>(0)?;
        let external_id = row.opt_text(5)?;
        Ok(ScimSaid {
            resource: if named.is_some() { named } else { row.opt_word(6)? },
            resource_type: row.text(1)?,
            becomes: ScimBecomes::of(&row.text(2)?)?,
            changes: row.json(3)?,
            external_id: (row.int(4)? != 0).then_some(external_id),
        })
    };
    let found = transaction.fetch_optional(statement!(text, job.0), read).await?;
    let Some(mut said) = found else { return Ok(()) };
    drop_of(transaction, job).await?;
    if !succeeded || said.resource.is_none() {
        return Ok(());
    }
    // What is done is done: a name that was taken meanwhile must not keep the job from its end.
    match require_free(transaction, of, &said, Some(job)).await {
        Err(StoreError::ScimExternalIdTaken { .. }) => said.external_id = None,
        free => free?,
    }
    hold(transaction, trail, of, &said, now).await
}

async fn drop_of(transaction: &mut Transaction, job: JobId) -> Result<(), StoreError> {
    transaction.execute(statement!("DELETE FROM scim_pending WHERE job_id = $1", job.0)).await.map(|_| ())
}
