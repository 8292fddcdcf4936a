//! The one place of each AWS account from which it is changed.
//!
//! A process takes the place of an account before it takes tasks there, keeps it with signs of life, and gives it back.
//! Every claim, and every entry of the journal, is held against it: who lost the place writes nothing more.

use std::time::Duration;

use jiff::Timestamp;

use crate::secrets::random_id;
use crate::statement::statement;
use crate::time::to_millis;
use crate::transaction::{Transaction, writing};
use crate::{Store, StoreError};

/// The right of a process to change an AWS account. It holds until somebody else took it, which only happens after its
/// time is over; renew it in time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaceLease {
    /// The AWS account's id, or another name where that is not known.
    pub place: String,
    /// What this lease is told apart by.
    pub token: String,
}

/// What came of asking for a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlaceTaken {
    /// It is ours.
    Ours(PlaceLease),
    /// Another process has it.
    Elsewhere {
        /// Who.
        holder: String,
        /// Until when, unless that is renewed.
        until: Timestamp,
    },
}

impl Store {
    /// Takes the place of an AWS account, if nobody has it or the time of who had it is over.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn take_place(
        &self,
        place: &str,
        holder: &str,
        now: Timestamp,
        lease: Duration,
    ) -> Result<PlaceTaken, StoreError> {
        let token = random_id()?;
        let until = to_millis(now.checked_add(lease).unwrap_or(Timestamp::MAX));
        writing!(self, "taking the place of an AWS account", |transaction| {
            let text = "INSERT INTO account_places (place, holder, token, held_until) VALUES ($1, $2, $3, $4) \
                        ON CONFLICT (place) DO UPDATE SET holder = excluded.holder, token = excluded.token, \
                        held_until = excluded.held_until WHERE account_places.held_until <= $5";
            let taken = statement!(text, place, holder, token.as_str(), until, to_millis(now));
            if transaction.execute(taken).await? > 0 {
                return Ok(PlaceTaken::Ours(PlaceLease { place: place.to_owned(), token: token.clone() }));
            }
            let text = "SELECT holder, held_until FROM account_places WHERE place = $1";
            transaction
                .fetch_one(statement!(text, place), |row| {
                    Ok(PlaceTaken::Elsewhere { holder: row.text(0)?, until: row.time(1)? })
                })
                .await
        })
        .await
    }

    /// Keeps a place for another while. It can also be had back after its time, as long as nobody else took it.
    ///
    /// # Errors
    /// [`StoreError::PlaceLost`].
    pub async fn renew_place(
        &self,
        held: &PlaceLease,
        now: Timestamp,
        lease: Duration,
    ) -> Result<(), StoreError> {
        let until = to_millis(now.checked_add(lease).unwrap_or(Timestamp::MAX));
        let text = "UPDATE account_places SET held_until = $1 WHERE place = $2 AND token = $3";
        let renewed = writing!(self, "keeping the place of an AWS account", |transaction| {
            let renewal = statement!(text, until, held.place.as_str(), held.token.as_str());
            transaction.execute(renewal).await
        });
        match renewed.await? {
            0 => Err(lost(held)),
            _ => Ok(()),
        }
    }

    /// Gives a place back: whoever wants it has it at once.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn give_back_place(&self, held: &PlaceLease) -> Result<(), StoreError> {
        let text = "DELETE FROM account_places WHERE place = $1 AND token = $2";
        writing!(self, "giving back the place of an AWS account", |transaction| {
            let given = statement!(text, held.place.as_str(), held.token.as_str());
            transaction.execute(given).await.map(|_| ())
        })
        .await
    }
}

/// Refuses to go on for who has lost the place; nobody else takes it before the transaction ends.
pub(crate) async fn require(transaction: &mut Transaction, held: &PlaceLease) -> Result<(), StoreError> {
    let mut text = crate::statement::Statement::building("SELECT token FROM account_places WHERE place = ");
    text.bind(held.place.as_str()).push(transaction.dialect().lock_row());
    let token = transaction.fetch_optional(text, |row| row.text(0)).await?;
    if token.as_ref() == Some(&held.token) { Ok(()) } else { Err(lost(held)) }
}

fn lost(held: &PlaceLease) -> StoreError {
    StoreError::PlaceLost { place: held.place.clone() }
}
