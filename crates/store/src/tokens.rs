//! Tokens: who may act. Of the secret half only a digest is kept.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use keyreeve_model::{Role, SystemId, Token, TokenId};
use serde_json::json;

use crate::audit::recording;
use crate::people::Admins;
use crate::row::{Row, to_json};
use crate::statement::{Statement, statement};
use crate::time::to_millis;
use crate::transaction::{Transaction, reading, writing};
use crate::{Store, StoreError};

/// Uses within this time of the last one noted are not noted.
const NOTED_EVERY: SignedDuration = SignedDuration::from_mins(1);

/// A token to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewToken {
    /// Its public half.
    pub id: TokenId,
    /// SHA-256 of its secret half, which must be random and long.
    pub secret_sha256: [u8; 32],
    /// Whose it is.
    pub owner: String,
    /// What it may do.
    pub role: Role,
    /// The systems it is limited to; empty for all.
    pub systems: Vec<SystemId>,
    /// When it stops working.
    pub expires_at: Option<Timestamp>,
}

const COLUMNS: &str = "SELECT token_id, owner, role, systems, created_at, expires_at, last_used_at, revoked_at, secret_sha256 \
     FROM tokens";

impl Store {
    /// Makes a token.
    ///
    /// # Errors
    /// [`StoreError::TokenTaken`].
    pub async fn create_token(
        &self,
        new: &NewToken,
        actor: &str,
        now: Timestamp,
    ) -> Result<Token, StoreError> {
        self.create_token_once(new, None, actor, now).await
    }

    /// As [`Self::create_token`]; what `once` names is made once, however often it is asked for.
    ///
    /// # Errors
    /// As [`Self::create_token`], and [`StoreError::TokenMadeBefore`].
    pub async fn create_token_once(
        &self,
        new: &NewToken,
        once: Option<&str>,
        actor: &str,
        now: Timestamp,
    ) -> Result<Token, StoreError> {
        recording!(self, "making the token", now, |transaction, trail| {
            let text = "INSERT INTO tokens (token_id, owner, role, systems, secret_sha256, created_at, expires_at, \
                        made_once) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING";
            let insert = statement!(
                text,
                new.id.0.as_str(),
                new.owner.as_str(),
                new.role.as_str(),
                to_json(&new.systems)?,
                new.secret_sha256.to_vec(),
                to_millis(now),
                new.expires_at.map(to_millis),
                once,
            );
            if transaction.execute(insert).await? == 0 {
                let before = "SELECT token_id FROM tokens WHERE made_once = $1";
                let before = statement!(before, once);
                if let Some(token) = transaction.fetch_optional(before, |row| row.text(0)).await? {
                    return Err(StoreError::TokenMadeBefore { token: TokenId(token) });
                }
                return Err(StoreError::TokenTaken { token: new.id.clone() });
            }
            let NewToken { id, owner, role, systems, expires_at, .. } = new;
            let subject = json!({
                "token": id, "owner": owner, "role": role, "systems": systems, "expires_at": expires_at,
            });
            trail.note(actor, None, "token_created", &subject);
            Ok(find(transaction, id).await?.0)
        })
        .await
    }

    /// All tokens, revoked ones too, by owner.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn tokens(&self) -> Result<Vec<Token>, StoreError> {
        let mut text = Statement::building(COLUMNS);
        text.push(" ORDER BY owner, token_id");
        reading!(self, "listing the tokens", |transaction| {
            transaction.fetch(text.clone(), |row| Ok(read_token(row)?.0)).await
        })
        .await
    }

    /// A token and the digest of its secret half, by its public half; also one that has expired or was revoked.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn find_token(&self, id: &TokenId) -> Result<Option<(Token, [u8; 32])>, StoreError> {
        match reading!(self, "reading the token", |transaction| find(transaction, id).await).await {
            Ok(found) => Ok(Some(found)),
            Err(StoreError::TokenNotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Takes a token back. One that was taken back already stays as it is.
    ///
    /// # Errors
    /// [`StoreError::TokenNotFound`], [`StoreError::LastAdmin`].
    pub async fn revoke_token(
        &self,
        id: &TokenId,
        actor: &str,
        reason: Option<&str>,
        now: Timestamp,
    ) -> Result<Token, StoreError> {
        recording!(self, "revoking the token", now, |transaction, trail| {
            let admins = Admins::now(transaction, now).await?;
            let text = "UPDATE tokens SET revoked_at = $1 WHERE token_id = $2 AND revoked_at IS NULL";
            if transaction.execute(statement!(text, to_millis(now), id.0.as_str())).await? > 0 {
                trail.note(actor, None, "token_revoked", &json!({"token": id, "reason": reason}));
            }
            admins.remain(transaction, &format!("the token {id}")).await?;
            Ok(find(transaction, id).await?.0)
        })
        .await
    }

    /// Notes that a token was used, to the minute. While that is being noted, others have nothing to note.
    ///
    /// # Errors
    /// [`StoreError::TokenNotFound`].
    pub async fn touch_token(&self, id: &TokenId, now: Timestamp) -> Result<(), StoreError> {
        let Some(_alone) = self.touching.alone(id) else { return Ok(()) };
        let (token, _) =
            reading!(self, "reading the token", |transaction| find(transaction, id).await).await?;
        if use_is_noted(&token, now) {
            return Ok(());
        }
        let text = "UPDATE tokens SET last_used_at = $1 WHERE token_id = $2";
        writing!(self, "noting the token's use", |transaction| {
            transaction.execute(statement!(text, to_millis(now), id.0.as_str())).await.map(|_| ())
        })
        .await
    }
}

/// Whether it need not be noted that a token is used at this time.
#[must_use]
pub fn use_is_noted(token: &Token, now: Timestamp) -> bool {
    token.last_used_at.is_some_and(|last| now.duration_since(last) < NOTED_EVERY)
}

/// The tokens whose use is being noted.
#[derive(Default)]
pub(crate) struct Touching(Mutex<HashSet<TokenId>>);

struct Alone<'a>(&'a Touching, TokenId);

impl Touching {
    fn alone(&self, id: &TokenId) -> Option<Alone<'_>> {
        self.lock().insert(id.clone()).then(|| Alone(self, id.clone()))
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<TokenId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Alone<'_> {
    fn drop(&mut self) {
        self.0.lock().remove(&self.1);
    }
}

async fn find(transaction: &mut Transaction, id: &TokenId) -> Result<(Token, [u8; 32]), StoreError> {
    let mut text = Statement::building(COLUMNS);
    text.push(" WHERE token_id = ").bind(id.0.as_str());
    transaction
        .fetch_optional(text, read_token)
        .await?
        .ok_or_else(|| StoreError::TokenNotFound { token: id.clone() })
}

fn read_token(row: &Row) -> Result<(Token, [u8; 32]), StoreError> {
    let token = Token {
        id: TokenId(row.text(0)?),
        owner: row.text(1)?,
        role: row.word(2)?,
        systems: row.json(3)?,
        created_at: row.time(4)?,
        expires_at: row.opt_time(5)?,
        last_used_at: row.opt_time(6)?,
        revoked_at: row.opt_time(7)?,
    };
    let digest = row
        .bytes(8)?
        .try_into()
        .map_err(|_| StoreError::Data { what: "the digest of a token has another length".to_owned() })?;
    Ok((token, digest))
}
