//! The IAM users behind the credentials of systems: whoever changes one of them may end a system's sign-in.

use jiff::Timestamp;
use keyreeve_model::{AwsAccountId, SystemId};

use crate::row::Row;
use crate::statement::statement;
use crate::time::to_millis;
use crate::transaction::{Transaction, reading, writing};
use crate::{Store, StoreError, systems};

/// What a user is to a system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignerPart {
    /// The one that the system acts as.
    System,
    /// The one whose credentials its role is assumed with.
    Base,
}

impl SignerPart {
    fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Base => "base",
        }
    }
}

/// A user behind the credentials of a system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signer {
    /// Whose.
    pub system_id: SystemId,
    /// What it is to the system.
    pub part: SignerPart,
    /// Its unique id.
    pub external_id: String,
    /// Its ARN when it was last seen.
    pub arn: String,
}

impl Store {
    /// Keeps who is behind the credentials of a system.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`].
    pub async fn note_signer(
        &self,
        signer: &Signer,
        account: &AwsAccountId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        const KNOWN: &str =
            "SELECT arn FROM signers WHERE system_key = $1 AND part = $2 AND external_id = $3";
        const KEEP: &str = "INSERT INTO signers (system_key, part, external_id, aws_account_id, arn, noted_at) \
                            VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (system_key, part, external_id) DO UPDATE SET \
                            aws_account_id = excluded.aws_account_id, arn = excluded.arn, noted_at = excluded.noted_at";
        let (part, external_id) = (signer.part.as_str(), signer.external_id.as_str());
        let known = reading!(self, "looking who a system is", |transaction| {
            let key = systems::find(transaction, &signer.system_id, false).await?.key;
            transaction.fetch_optional(statement!(KNOWN, key, part, external_id), |row| row.text(0)).await
        })
        .await?;
        if known.as_deref() == Some(signer.arn.as_str()) {
            return Ok(());
        }
        writing!(self, "keeping who a system is", |transaction| {
            let key = systems::find(transaction, &signer.system_id, true).await?.key;
            let keep = statement!(
                KEEP,
                key,
                part,
                external_id,
                account.as_str(),
                signer.arn.as_str(),
                to_millis(now),
            );
            transaction.execute(keep).await.map(|_| ())
        })
        .await
    }

    /// The users of an AWS account that are behind the credentials of systems in use.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn signers_in(&self, account: &AwsAccountId) -> Result<Vec<Signer>, StoreError> {
        const TEXT: &str = "SELECT systems.system_id, signers.part, signers.external_id, signers.arn FROM signers \
                            JOIN systems ON systems.system_key = signers.system_key \
                            WHERE signers.aws_account_id = $1 AND systems.state <> 'removed' \
                            ORDER BY systems.system_id, signers.part, signers.external_id";
        reading!(self, "looking whose connectors there are", |transaction| {
            transaction.fetch(statement!(TEXT, account.as_str()), read).await
        })
        .await
    }

    /// Whether it is known with whose credentials a system's role is assumed.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`].
    pub async fn knows_base(&self, system_id: &SystemId) -> Result<bool, StoreError> {
        const TEXT: &str = "SELECT external_id FROM signers WHERE system_key = $1 AND part = 'base' LIMIT 1";
        reading!(self, "looking who a system is", |transaction| {
            let key = systems::find(transaction, system_id, false).await?.key;
            let found = transaction.fetch_optional(statement!(TEXT, key), |row| row.text(0)).await?;
            Ok(found.is_some())
        })
        .await
    }
}

fn read(row: &Row) -> Result<Signer, StoreError> {
    let part = match row.text(1)?.as_str() {
        "system" => SignerPart::System,
        "base" => SignerPart::Base,
        other => {
            return Err(StoreError::Data { what: format!("{other:?} is nothing a user can be to a system") });
        }
    };
    Ok(Signer { system_id: row.word(0)?, part, external_id: row.text(2)?, arn: row.text(3)? })
}

/// A system that is given other credentials is somebody else.
pub(crate) async fn forget(transaction: &mut Transaction, system_key: i64) -> Result<(), StoreError> {
    let text = "DELETE FROM signers WHERE system_key = $1";
    transaction.execute(statement!(text, system_key)).await.map(|_| ())
}
