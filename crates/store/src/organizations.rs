//! Organizations, and what each says of the AWS accounts of systems.

use jiff::Timestamp;
use keyreeve_model::{AwsAccountId, Membership, SystemId};

use crate::audit::recording;
use crate::row::Row;
use crate::statement::statement;
use crate::systems::word;
use crate::time::to_millis;
use crate::transaction::{Transaction, reading, writing};
use crate::{Store, StoreError};

/// An organization that was seen before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownOrganization {
    /// Its id, `o-…`.
    pub id: String,
    /// The account that owns it.
    pub management_account: AwsAccountId,
    /// What the external ids of its accounts begin with.
    pub external_id: String,
}

impl Store {
    /// Keeps an organization with this beginning of external ids, unless it is known already: its own stays for good.
    /// Gives what holds.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn note_organization(
        &self,
        organization: &KnownOrganization,
        now: Timestamp,
    ) -> Result<KnownOrganization, StoreError> {
        writing!(self, "keeping the organization", |transaction| {
            transaction
                .execute(statement!(
                    "INSERT INTO organizations (organization_id, management_account_id, external_id, created_at) \
                     VALUES ($1, $2, $3, $4) ON CONFLICT (organization_id) DO NOTHING",
                    organization.id.as_str(),
                    organization.management_account.as_str(),
                    organization.external_id.as_str(),
                    to_millis(now),
                ))
                .await?;
            find(transaction, &organization.id).await?.ok_or_else(|| StoreError::Data {
                what: "an organization that was just kept is not there".to_owned(),
            })
        })
        .await
    }

    /// Records that an organization was looked through: by whom, why, and what came of it.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn record_discovery(
        &self,
        subject: &serde_json::Value,
        actor: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        recording!(self, "recording the discovery", now, |_transaction, trail| {
            trail.note(actor, None, "organization_discovered", subject);
            Ok(())
        })
        .await
    }

    /// An organization, if it was seen before.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn find_organization(&self, id: &str) -> Result<Option<KnownOrganization>, StoreError> {
        reading!(self, "reading the organization", |transaction| find(transaction, id).await).await
    }

    /// What organizations say of the systems in use, by System ID.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn list_memberships(&self) -> Result<Vec<(SystemId, Membership)>, StoreError> {
        reading!(self, "listing the members of organizations", |transaction| {
            let text = "SELECT s.system_id, m.organization_id, m.name, m.unit, m.state \
                        FROM organization_members m JOIN systems s ON s.system_key = m.system_key \
                        WHERE s.removed_at IS NULL ORDER BY s.system_id";
            transaction.fetch(statement!(text), |row| Ok((row.word(0)?, read(row)?))).await
        })
        .await
    }
}

fn read(row: &Row) -> Result<Membership, StoreError> {
    Ok(Membership {
        organization_id: row.text(1)?,
        name: row.text(2)?,
        unit: row.opt_text(3)?,
        state: row.word(4)?,
    })
}

async fn find(transaction: &mut Transaction, id: &str) -> Result<Option<KnownOrganization>, StoreError> {
    let text = "SELECT organization_id, management_account_id, external_id FROM organizations \
                WHERE organization_id = $1";
    let read = |row: &Row| {
        Ok(KnownOrganization {
            id: row.text(0)?,
            management_account: row.word(1)?,
            external_id: row.text(2)?,
        })
    };
    transaction.fetch_optional(statement!(text, id), read).await
}

/// Keeps what an organization says of a system's account, in place of what it said before.
pub(crate) async fn put(
    transaction: &mut Transaction,
    system_key: i64,
    membership: &Membership,
    now: Timestamp,
) -> Result<(), StoreError> {
    transaction
        .execute(statement!(
            "INSERT INTO organization_members (system_key, organization_id, name, unit, state, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6) \
             ON CONFLICT (system_key) DO UPDATE SET organization_id = excluded.organization_id, \
             name = excluded.name, unit = excluded.unit, state = excluded.state, \
             updated_at = excluded.updated_at",
            system_key,
            membership.organization_id.as_str(),
            membership.name.as_str(),
            membership.unit.clone(),
            word(&membership.state)?,
            to_millis(now),
        ))
        .await
        .map(|_| ())
}
