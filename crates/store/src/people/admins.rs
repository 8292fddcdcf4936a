//! Whether somebody is left who may administer everything.

use jiff::Timestamp;

use crate::statement::statement;
use crate::time::to_millis;
use crate::transaction::{Transaction, reading};
use crate::{Store, StoreError};

/// Who is left to administer everything: people with a password here, and tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AdminsLeft {
    /// Nobody.
    None,
    /// Only tokens that expire.
    Expiring,
    /// A person, or a token without an end.
    Lasting,
}

/// Who was left before a change.
pub(crate) struct Admins {
    before: AdminsLeft,
    now: Timestamp,
}

impl Admins {
    pub(crate) async fn now(transaction: &mut Transaction, now: Timestamp) -> Result<Self, StoreError> {
        Ok(Self { before: left(transaction, now).await?, now })
    }

    /// Refuses a change after which nobody is left, or only a token that expires where somebody was left for good.
    ///
    /// # Errors
    /// [`StoreError::LastAdmin`], naming what was to be changed.
    pub(crate) async fn remain(self, transaction: &mut Transaction, who: &str) -> Result<(), StoreError> {
        if left(transaction, self.now).await? < self.before {
            return Err(StoreError::LastAdmin { who: who.to_owned() });
        }
        Ok(())
    }
}

impl Store {
    /// Who is left to administer everything. People whom a provider vouches for do not count: it may say otherwise, or
    /// nothing, tomorrow.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn admins_left(&self, now: Timestamp) -> Result<AdminsLeft, StoreError> {
        reading!(self, "looking for administrators", |transaction| left(transaction, now).await).await
    }
}

async fn left(transaction: &mut Transaction, now: Timestamp) -> Result<AdminsLeft, StoreError> {
    let people = "SELECT COUNT(*) FROM people WHERE role = 'admin' AND systems = '[]' AND issuer IS NULL \
                  AND disabled_at IS NULL";
    let tokens = "SELECT COUNT(*) FROM tokens WHERE role = 'admin' AND systems = '[]' AND revoked_at IS NULL \
                  AND expires_at IS NULL";
    let expiring = "SELECT COUNT(*) FROM tokens WHERE role = 'admin' AND systems = '[]' AND revoked_at IS NULL \
                    AND expires_at > $1";
    for text in [statement!(people), statement!(tokens)] {
        if transaction.fetch_one(text, |row| row.int(0)).await? > 0 {
            return Ok(AdminsLeft::Lasting);
        }
    }
    let some = transaction.fetch_one(statement!(expiring, to_millis(now)), |row| row.int(0)).await?;
    Ok(if some > 0 { AdminsLeft::Expiring } else { AdminsLeft::None })
}
