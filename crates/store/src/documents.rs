//! What policies say, each text once: by its digest.
//!
//! Documents belong to no run. A text is what its digest says, and a version of a policy never becomes another one, so
//! both are kept as soon as they are read; which of them is in force is said by what was published. Whoever imports
//! hands over one page of a listing after the other, so what is in memory does not grow with the account; and what was
//! kept before is looked up and not written again.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use keyreeve_model::{
    ExternalId, ImportRunId, InlineDocument, InlinePolicy, PolicyDocuments, PolicyVersion, Resource,
    ResourceType, SystemId, digest_hex,
};

use crate::statement::{Statement, Value, statement};
use crate::time::{from_millis, to_millis};
use crate::transaction::{Transaction, reading, writing};
use crate::{AsOf, Store, StoreError, systems};

/// The longest document that is kept, in bytes. The API of IAM takes none that is longer.
const LONGEST: usize = 131_072;
/// So many rows are written by one statement, and so many digests asked for.
const AT_ONCE: usize = 100;

/// A version of a policy, as an import read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadVersion {
    /// The policy's id.
    pub external_id: ExternalId,
    /// The `VersionId`.
    pub version_id: String,
    /// When it was made.
    pub created_at: Option<Timestamp>,
    /// What it says.
    pub document: Option<String>,
}

/// What the store has of a version.
struct Kept {
    created_at: Option<i64>,
    digest: Option<String>,
}

impl Kept {
    /// Whether something was read that is not known. What did not come this time stays as it was known.
    fn says_more_than(&self, known: Option<&Self>) -> bool {
        known.is_none_or(|known| {
            self.created_at.is_some_and(|at| known.created_at != Some(at))
                || self.digest.as_ref().is_some_and(|digest| known.digest.as_ref() != Some(digest))
        })
    }
}

impl Store {
    /// Keeps documents that are not kept yet. Those that no document of IAM can be are left out.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn keep_documents(&self, documents: &[String]) -> Result<(), StoreError> {
        let texts: HashMap<String, &String> =
            documents.iter().filter_map(|text| digest_of(text).map(|digest| (digest, text))).collect();
        let mut missing: Vec<&String> = texts.keys().collect();
        missing.sort_unstable();
        let asked = missing.clone();
        let kept = reading!(self, "looking for the documents of policies", |transaction| {
            let mut kept = HashSet::new();
            for digests in asked.chunks(AT_ONCE) {
                let text = with_digests("SELECT sha256 FROM policy_documents WHERE sha256 IN (", digests);
                kept.extend(transaction.fetch(text, |row| row.text(0)).await?);
            }
            Ok(kept)
        })
        .await?;
        missing.retain(|digest| !kept.contains(*digest));
        if missing.is_empty() {
            return Ok(());
        }
        writing!(self, "keeping the documents of policies", |transaction| {
            for digests in missing.chunks(AT_ONCE) {
                let mut text = Statement::building("INSERT INTO policy_documents (sha256, document) VALUES ");
                text.bind_rows(digests.iter().filter_map(|digest| {
                    let document = texts.get(*digest)?;
                    Some(vec![digest.as_str().into(), document.as_str().into()])
                }));
                text.push(" ON CONFLICT DO NOTHING");
                transaction.execute(text).await?;
            }
            Ok(())
        })
        .await
    }

    /// Keeps which versions AWS has of some policies, and what they say. Of each policy all versions must be given:
    /// those that are not are gone.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`].
    pub async fn keep_policy_versions(
        &self,
        system_id: &SystemId,
        run: ImportRunId,
        policies: &[ExternalId],
        versions: Vec<ReadVersion>,
    ) -> Result<(), StoreError> {
        let mut read: HashMap<(String, String), Kept> = HashMap::with_capacity(versions.len());
        let mut documents = Vec::with_capacity(versions.len());
        for version in versions {
            let digest = version.document.as_deref().and_then(digest_of);
            let kept = Kept { created_at: version.created_at.map(to_millis), digest };
            read.insert((version.external_id.to_string(), version.version_id), kept);
            documents.extend(version.document);
        }
        self.keep_documents(&documents).await?;
        drop(documents);
        let known = reading!(self, "looking for the versions of policies", |transaction| {
            let key = systems::find(transaction, system_id, false).await?.key;
            known_versions(transaction, key, policies).await
        })
        .await?;
        let gone: Vec<&(String, String)> = known.keys().filter(|key| !read.contains_key(*key)).collect();
        let mut new: Vec<(&(String, String), &Kept)> =
            read.iter().filter(|(key, version)| version.says_more_than(known.get(*key))).collect();
        if gone.is_empty() && new.is_empty() {
            return Ok(());
        }
        new.sort_unstable_by_key(|(key, _)| *key);
        writing!(self, "keeping the versions of policies", |transaction| {
            const GONE: &str = "UPDATE policy_versions SET gone_run = $1 \
                                WHERE system_key = $2 AND external_id = $3 AND version_id = $4";
            let key = systems::find(transaction, system_id, false).await?.key;
            for (policy, version) in &gone {
                transaction.execute(statement!(GONE, run.0, key, policy.as_str(), version.as_str())).await?;
            }
            for versions in new.chunks(AT_ONCE) {
                let mut text = Statement::building(
                    "INSERT INTO policy_versions \
                     (system_key, external_id, version_id, created_at, document_sha256, first_seen_run) VALUES ",
                );
                text.bind_rows(versions.iter().map(|((policy, version), kept)| {
                    vec![
                        key.into(),
                        policy.as_str().into(),
                        version.as_str().into(),
                        kept.created_at.into(),
                        kept.digest.as_deref().into(),
                        run.0.into(),
                    ]
                }));
                text.push(
                    " ON CONFLICT (system_key, external_id, version_id) DO UPDATE SET \
                     created_at = COALESCE(excluded.created_at, policy_versions.created_at), \
                     document_sha256 = COALESCE(excluded.document_sha256, policy_versions.document_sha256), \
                     gone_run = NULL",
                );
                transaction.execute(text).await?;
            }
            Ok(())
        })
        .await
    }

    /// The documents of a group or a policy, as of the moment that the resource was read of: which version is the default
    /// one is taken from the resource, and versions are those that were known by then.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`]; of another moment than now, those of [`Store::speaking_run`].
    pub async fn resource_documents(
        &self,
        resource: &Resource,
        moment: AsOf,
    ) -> Result<PolicyDocuments, StoreError> {
        const VERSIONS: &str = "SELECT v.version_id, v.created_at, v.document_sha256, d.document, v.first_seen_run, v.gone_run \
             FROM policy_versions v LEFT JOIN policy_documents d ON d.sha256 = v.document_sha256 \
             WHERE v.system_key = $1 AND v.external_id = $2";
        let mut documents = PolicyDocuments {
            inline: self.inline_documents(resource.inline_policies.as_deref().unwrap_or_default()).await?,
            versions: Vec::new(),
        };
        if resource.kind == ResourceType::Policy {
            documents.versions = reading!(self, "reading the versions of a policy", |transaction| {
                let key = systems::find(transaction, &resource.system_id, false).await?.key;
                let asked = statement!(VERSIONS, key, resource.external_id.as_str());
                transaction
                    .fetch(asked, |row| {
                        let version_id = row.text(0)?;
                        Ok(PolicyVersion {
                            is_default: resource.default_version.as_deref() == Some(version_id.as_str()),
                            version_id,
                            created_at: row.opt_int(1)?.map(from_millis).transpose()?,
                            document_sha256: row.opt_text(2)?,
                            document: row.opt_text(3)?,
                            first_seen_run: ImportRunId(row.int(4)?),
                            gone_run: row.opt_int(5)?.map(ImportRunId),
                        })
                    })
                    .await
            })
            .await?;
            if moment != AsOf::Now {
                let by_then = self.speaking_run(&resource.system_id, moment).await?;
                documents.versions.retain(|one| by_then.is_some_and(|run| one.first_seen_run <= run));
                for version in &mut documents.versions {
                    version.gone_run =
                        version.gone_run.filter(|gone| by_then.is_some_and(|run| *gone <= run));
                }
            }
            // As numbers, where they are: `v10` is newer than `v9`.
            let number = |one: &PolicyVersion| one.version_id.trim_start_matches('v').parse::<u64>().ok();
            documents.versions.sort_by(|one, other| {
                (number(other), &other.version_id).cmp(&(number(one), &one.version_id))
            });
        }
        Ok(documents)
    }

    /// What the default versions of some policies say, by the policies' ids; those of which that is not known are left out.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`].
    pub async fn default_documents(
        &self,
        system_id: &SystemId,
        policies: &[&Resource],
    ) -> Result<HashMap<ExternalId, String>, StoreError> {
        let wanted: HashMap<&str, &str> = policies
            .iter()
            .filter_map(|one| Some((one.external_id.as_str(), one.default_version.as_deref()?)))
            .collect();
        if wanted.is_empty() {
            return Ok(HashMap::new());
        }
        let ids: Vec<&str> = wanted.keys().copied().collect();
        reading!(self, "reading what policies say", |transaction| {
            let key = systems::find(transaction, system_id, false).await?.key;
            let mut found = HashMap::with_capacity(ids.len());
            for ids in ids.chunks(AT_ONCE) {
                let mut text = Statement::building(
                    "SELECT v.external_id, v.version_id, d.document FROM policy_versions v \
                     JOIN policy_documents d ON d.sha256 = v.document_sha256 WHERE v.system_key = ",
                );
                text.bind(key).push(" AND v.external_id IN (");
                for (place, id) in ids.iter().enumerate() {
                    text.push(if place == 0 { "" } else { ", " }).bind(Value::from(*id));
                }
                text.push(")");
                let rows: Vec<(ExternalId, String, String)> =
                    transaction.fetch(text, |row| Ok((row.word(0)?, row.text(1)?, row.text(2)?))).await?;
                let default = |(id, version, _): &(ExternalId, String, String)| {
                    wanted.get(id.as_str()) == Some(&version.as_str())
                };
                found.extend(rows.into_iter().filter(default).map(|(id, _, document)| (id, document)));
            }
            Ok(found)
        })
        .await
    }

    /// The documents of inline policies.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn inline_documents(&self, inline: &[InlinePolicy]) -> Result<Vec<InlineDocument>, StoreError> {
        let digests: Vec<&String> = inline.iter().filter_map(|one| one.document_sha256.as_ref()).collect();
        let found: HashMap<String, String> = match digests.is_empty() {
            true => HashMap::new(),
            false => {
                reading!(self, "reading the documents of inline policies", |transaction| {
                    let mut found = HashMap::new();
                    for digests in digests.chunks(AT_ONCE) {
                        let text = with_digests(
                            "SELECT sha256, document FROM policy_documents WHERE sha256 IN (",
                            digests,
                        );
                        found.extend(transaction.fetch(text, |row| Ok((row.text(0)?, row.text(1)?))).await?);
                    }
                    Ok(found)
                })
                .await?
            }
        };
        let document = |one: &InlinePolicy| InlineDocument {
            name: one.name.clone(),
            document: one.document_sha256.as_ref().and_then(|digest| found.get(digest).cloned()),
            document_sha256: one.document_sha256.clone(),
        };
        Ok(inline.iter().map(document).collect())
    }
}

/// The digest of a document that can be kept. A zero character cannot: no document of IAM has one.
fn digest_of(text: &str) -> Option<String> {
    (text.len() <= LONGEST && !text.contains('\0')).then(|| digest_hex(text.as_bytes()))
}

fn with_digests(before: &str, digests: &[&String]) -> Statement {
    let mut text = Statement::building(before);
    for (place, digest) in digests.iter().enumerate() {
        text.push(if place == 0 { "" } else { ", " }).bind(digest.as_str());
    }
    text.push(")");
    text
}

/// The versions of some policies that are not gone.
async fn known_versions(
    transaction: &mut Transaction,
    key: i64,
    policies: &[ExternalId],
) -> Result<HashMap<(String, String), Kept>, StoreError> {
    let mut known = HashMap::new();
    for policies in policies.chunks(AT_ONCE) {
        let mut text = Statement::building(
            "SELECT external_id, version_id, created_at, document_sha256 FROM policy_versions \
             WHERE gone_run IS NULL AND system_key = ",
        );
        text.bind(key).push(" AND external_id IN (");
        for (place, policy) in policies.iter().enumerate() {
            text.push(if place == 0 { "" } else { ", " }).bind(Value::from(policy.as_str()));
        }
        text.push(")");
        let rows = transaction.fetch(text, |row| {
            let kept = Kept { created_at: row.opt_int(2)?, digest: row.opt_text(3)? };
            Ok(((row.text(0)?, row.text(1)?), kept))
        });
        known.extend(rows.await?);
    }
    Ok(known)
}
